"""The pages on the quality of topics: figures, reliability plot, and near misses to judge.

Input from the browser is validated here; verdicts are written by `review.near_misses.judge`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from monitor.evaluation import metrics
from monitor.evaluation.metrics import VerdictFigures
from monitor.evaluation.plot import reliability_plot
from monitor.learning import training
from monitor.learning.training import SensitivityForecast
from monitor.matching.calibration import Calibration
from monitor.review import near_misses
from monitor.review.kept import Keeper, KeptValues, Stamp, verdict_stamp
from monitor.store import archive, topics
from monitor.store.db import Database, Session
from monitor.text.tokens import clean_line
from monitor.types.errors import StoreError
from monitor.web.pages import ID_LIMIT, PageRequest, own_path
from monitor.web.show import page

_SHOWN = 30


class FigurePages:
    """Quality of topics, and verdicts on near misses."""

    def __init__(self, db: Database, clock: Callable[[], datetime], kept: KeptValues) -> None:
        self.db, self.clock = db, clock
        # a forecast reads all that a topic scored in months: seconds, where there are many
        self._figures = Keeper(lambda session: _figures(session, kept.calibration(session)), _stamp)

    def evaluate(self, asked: PageRequest) -> Response:
        """Precision, recall, false alerts and calibration of every topic, as of some seconds ago."""
        with self.db.reading() as session:
            figures, prospects = self._figures.value(session, self.clock())
            titles = topics.titles(session)
        answer = page("evaluate.html", figures=figures, titles=titles, asked=prospects)
        answer.background = BackgroundTask(self._renew)
        return answer

    def _renew(self) -> None:
        with suppress(StoreError), self.db.reading() as session:
            self._figures.renew_if_due(session, self.clock())

    def plot(self, asked: PageRequest) -> Response:
        """The reliability plot as SVG: of one topic, or of all with topics left out."""
        topic = clean_line(asked.query.get("topic", ""), limit=200)
        with self.db.reading() as session:
            found, titles = metrics.by_verdicts(session, topic=topic), topics.titles(session)
        if topic and not found.topics:
            raise HTTPException(404, "There is no topic of that name.")
        of = found.topics[0].reliability if topic else found.overall.reliability
        title = f"Reliability: {titles.get(topic, topic)}" if topic else "Reliability, topics left out"
        return Response(reliability_plot(of, title), media_type="image/svg+xml")

    def near(self, asked: PageRequest) -> Response:
        """Articles to judge, the most instructive first; those that were judged, newest first."""
        topic = clean_line(asked.query.get("topic", ""), limit=200)
        state = asked.query.get("state", "new")
        state = state if state in ("new", "confirmed", "dismissed") else "new"
        with self.db.reading() as session:
            if state == "new":
                found = near_misses.list_questions(session, topic=topic, limit=_SHOWN, now=self.clock())
            else:
                found = near_misses.list_near_misses(session, topic=topic, state=state, limit=_SHOWN)
            titles = topics.titles(session)
        return page(
            "near.html", asked=asked, now=self.clock(), near=found, topic=topic, state=state, titles=titles, most=_SHOWN
        )

    def confirm(self, asked: PageRequest) -> Response:
        """This article should have matched."""
        return self._judge(asked, is_relevant=True)

    def dismiss(self, asked: PageRequest) -> Response:
        """This article was rightly below the threshold."""
        return self._judge(asked, is_relevant=False)

    def _judge(self, asked: PageRequest, *, is_relevant: bool) -> Response:
        if asked.number >= ID_LIMIT:
            raise HTTPException(404, "There is nothing with that number.")
        with self.db.writing() as session:
            found = near_misses.judge(
                session, asked.number, is_relevant=is_relevant, by=asked.who or "web", now=self.clock()
            )
        if found is None:
            raise HTTPException(404, "There is no near miss with that number.")
        return RedirectResponse(own_path(asked.form.get("back", "")), 303)


def _figures(session: Session, fitted: Calibration) -> tuple[VerdictFigures, list[SensitivityForecast]]:
    return metrics.by_verdicts(session), training.sensitivity_forecasts(session, fitted)


def _stamp(session: Session) -> Stamp:
    return (*verdict_stamp(session), archive.latest_id(session))
