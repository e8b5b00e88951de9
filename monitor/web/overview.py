"""The page that shows at a glance what matters today."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from starlette.background import BackgroundTask
from starlette.responses import Response

from monitor.review import overview
from monitor.review.kept import KeptValues
from monitor.review.overview import Overview
from monitor.store.db import Database
from monitor.store.feeds import feed_reports
from monitor.types.plans import REMOVED
from monitor.web import zones
from monitor.web.charts import day_chart, sparkline, week_chart
from monitor.web.health import Health
from monitor.web.pages import PageRequest
from monitor.web.show import page
from monitor.web.status import feed_line

_WIDTH, _HEIGHT = 720, 150


class OverviewPages:
    """The overview."""

    def __init__(
        self, db: Database, clock: Callable[[], datetime], health: Callable[[], Health], kept: KeptValues
    ) -> None:
        self.db, self.clock, self.health, self.kept = db, clock, health, kept

    def overview(self, asked: PageRequest) -> Response:
        """Matches and alerts by day and topic, precision by week, publishers, languages, speed, feeds, and what was held back."""
        now = self.clock()
        with self.db.reading() as session:
            found = overview.find_overview(session, self.kept.known(session), zone=zones.zone(), now=now)
            lines = [feed_line(each) for each in feed_reports.of_all(session) if each.by_hand != REMOVED]
        by_day = {"matches": found.matches, "alerts": found.alerts}
        answer = page(
            "overview.html",
            now=now,
            found=found,
            problems=self.health().problems,
            states=Counter(each.state for each in lines).most_common(),
            troubled=[each for each in lines if each.state not in ("ok", "new", "off")][:10],
            chart=day_chart(found.days, **by_day, width=_WIDTH, height=_HEIGHT, what="All topics"),
            topics=[(each, sparkline(found.days, each.matches, each.alerts, what=each.title)) for each in found.topics],
            weeks=week_chart(found.weeks, width=_WIDTH, height=_HEIGHT) if len(found.weeks) > 1 else None,
            missing=missing(found),
            spoken=spoken,
        )
        answer.background = BackgroundTask(self.kept.renew)
        return answer


def missing(found: Overview) -> str:
    """What it takes until precision over time can be shown."""
    return (
        f"Precision over time needs {overview.MIN_JUDGED} verdicts on the matches of each of two weeks; "
        f"of the last {overview.WEEKS} weeks there {'is' if found.judged == 1 else 'are'} {found.judged} so far."
    )


def spoken(span: timedelta) -> str:
    """`4 s`, `2 min`, `3 h`, `2 days`."""
    seconds = span.total_seconds()
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
