"""How good a topic is, and how many alerts to expect of it: worked out once and kept, as it takes longer than a page may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.evaluation import metrics
from monitor.evaluation.metrics import TopicFigures
from monitor.learning import training
from monitor.learning.training import SensitivityForecast
from monitor.review.kept import KeptValues
from monitor.store import topics, verdicts
from monitor.store.db import Session

_FRESH_FOR, _KEPT_FOR = timedelta(seconds=20), timedelta(minutes=10)
"""For how long figures are shown as they are whatever happens; and where no verdict was given and no topic changed."""
_MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFigures:
    """Figures of a topic, and the forecast of its alerts."""

    figures: TopicFigures
    expected: SensitivityForecast
    stamp: tuple[str, int, int]
    at: datetime


class FiguresOfTopics:
    """The figures that all pages share. Safe for several threads: at worst they are worked out twice."""

    def __init__(self, kept: KeptValues, clock: Callable[[], datetime]) -> None:
        self._kept, self._clock = kept, clock
        self._found: dict[str, KeptFigures] = {}

    def of(self, session: Session, name: str, sensitivity: str) -> KeptFigures:
        """Those of a topic with this sensitivity, as of some seconds or minutes ago."""
        now, known = self._clock(), self._found.get(name)
        stamp = (sensitivity, verdicts.latest_id(session), topics.latest_revision(session))
        if known and _is_fresh(known, stamp, now):
            return known
        fitted = self._kept.calibration(session)
        found = KeptFigures(
            figures=metrics.of_topic(session, name, fitted),
            expected=training.stored_forecast(session, name, sensitivity, fitted),
            stamp=stamp,
            at=now,
        )
        self._found[name] = found
        while len(self._found) > _MOST:
            self._found.pop(next(iter(self._found)), None)
        return found


def _is_fresh(known: KeptFigures, stamp: tuple[str, int, int], now: datetime) -> bool:
    is_same = known.stamp == stamp
    is_own = known.stamp[0] == stamp[0]  # another sensitivity is seen at once
    return is_own and now - known.at < (_KEPT_FOR if is_same else _FRESH_FOR)
