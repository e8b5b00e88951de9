"""The overview: what it counts, by whose days, and what it says where there is too little to show."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from monitor.review.overview import channel_speeds, held_back, topic_days, week_precision
from monitor.store.db import Database
from monitor.store.figures.overview import Found, Judged, Sent, Told
from monitor.store.tables import AlertRow, AlertTopicRow, DeliveryRow
from monitor.web.charts import day_chart, week_chart
from monitor.web.overview import spoken
from tests.web.test_web import NOW, client, fill, has_article, has_feed, has_topic  # noqa: F401
from tests.web.test_web import db as db  # the fixture

DAYS = tuple(date(2026, 11, 20) + timedelta(days=n) for n in range(3))


def found(day: int, hour: int = 12, topic: str = "talks") -> Found:
    return Found(datetime(2026, 11, day, hour, tzinfo=UTC), topic, day, "ALERTED")


def test_days_are_those_of_the_reader() -> None:
    args: tuple[Any, ...] = (
        DAYS,
        {"talks": "Talks"},
        [found(20), found(21, 22), found(21, 1)],
        [Told(*found(21)[:2], "a")],
        [],
    )
    (row,) = topic_days(*args, UTC)
    assert (row.matches, row.alerts) == ((1, 2, 0), (0, 1, 0))
    (row,) = topic_days(*args, ZoneInfo("Asia/Tehran"))
    assert row.matches == (1, 1, 1)


def test_topics_with_most_matches_come_first_and_those_without_are_named() -> None:
    rows = topic_days(DAYS, {"a": "A", "b": "B"}, [found(20, topic="b"), found(20, topic="gone")], [], [], UTC)
    assert [(each.title, sum(each.matches)) for each in rows] == [("B", 1), ("gone", 1), ("A", 0)]


def test_a_week_counts_from_ten_verdicts_on() -> None:
    first = date(2026, 11, 2)
    said = [Judged(datetime(2026, 11, 3, tzinfo=UTC), "t", n < 8) for n in range(10)]
    few = [Judged(datetime(2026, 11, 10, tzinfo=UTC), "t", True)] * 9
    (week,) = week_precision([*said, *few], first, UTC)
    assert (week.first_day, week.confirmed, week.judged, week.share) == (first, 8, 10, 0.8)
    assert week.low < 0.8 < week.high


def test_speed_is_that_of_each_channel() -> None:
    sent = [Sent("desk", NOW, NOW + timedelta(seconds=n)) for n in range(1, 101)] + [Sent("mail", NOW, NOW)]
    desk, mail = channel_speeds(sent)
    assert (desk.sent, desk.p50, desk.p95) == (100, timedelta(seconds=51), timedelta(seconds=96))
    assert (mail.channel, mail.p95) == ("mail", timedelta())
    assert [spoken(timedelta(seconds=each)) for each in (4, 120, 7200, 300_000)] == ["4 s", "2 min", "2 h", "3 days"]


def test_only_what_nobody_was_told_of_is_held_back() -> None:
    assert held_back(["ALERTED", "TOO_OLD", "JOINS_STORY", "TOO_OLD"]) == (("published too long ago to be news", 2),)


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 5), (10_000, 1, 1)])
def test_bars_stay_on_the_drawing(counts: tuple[int, ...]) -> None:
    drawn = day_chart(DAYS, counts, counts[::-1], width=300, height=100, what="All")
    assert all(
        each.x >= 0 and each.x + each.width <= 300 and each.y >= 0 and each.y + each.height <= 81 for each in drawn.bars
    )
    assert len(drawn.bars) == 2 * sum(each > 0 for each in counts)


def test_points_of_weeks_lie_within_their_intervals() -> None:
    said = [Judged(datetime(2026, 11, day, tzinfo=UTC), "t", n % 3 > 0) for day in (3, 10) for n in range(30)]
    drawn = week_chart(week_precision(said, date(2026, 11, 2), UTC), width=300, height=100)
    assert all(each.high <= each.y <= each.low for each in drawn.points), "the drawing grows downwards"
    assert drawn.says == "Precision in 2 weeks: 67% in the first, 67% in the last"


def text(client: TestClient, path: str = "/overview") -> str:  # noqa: F811
    return " ".join(re.sub("<[^>]+>", " ", client.get(path).text).split())


def test_an_empty_store_says_what_it_takes(client: TestClient) -> None:  # noqa: F811
    said = text(client)
    for sentence in (
        "Today: 0 stories found, 0 alerts.",
        "Nothing matched in these days. It takes a topic",
        "No topic yet.",
        "Precision over time needs 10 verdicts on the matches of each of two weeks; of the last 12 weeks there are 0 so far.",
        "No article matched in 7 days.",
        "No alert was sent in 7 days.",
        "Nothing was held back.",
        "No feed yet.",
    ):
        assert sentence in said


def test_a_full_store_is_shown_in_pictures_and_tables(db: Database, client: TestClient) -> None:  # noqa: F811
    ages = [timedelta(days=n % 20, hours=1) for n in range(60)]
    fill(db, has_topic("talks", "Talks <b>"), has_topic("quiet"), has_feed("bbc", failures=2, error="HTTP 503"))
    fill(
        db,
        *(
            has_article(f"No {n}", topic="talks", found_at=NOW - each, is_relevant=n % 4 > 0)
            for n, each in enumerate(ages)
        ),
    )
    fill(
        db,
        lambda session: session.add(AlertRow(id="a", key="a", kind="new", topic="talks", story_id=1, created_at=NOW)),
        lambda session: session.add(AlertTopicRow(alert_id="a", topic="talks", key="k")),
        lambda session: session.add(
            DeliveryRow(
                alert_id="a",
                channel="desk",
                state="sent",
                created_at=NOW,
                next_at=NOW,
                sent_at=NOW + timedelta(seconds=3),
            )
        ),
    )
    page = client.get("/overview").text
    assert "All topics: 60 matches, 1 alert in 28 days; the longest bar is 3" in page
    assert page.count('role="img"') == 4, "all days, two topics, weeks"
    said = text(client)
    assert "Talks &lt;b&gt;" in said
    assert "45 of 60" in said
    assert "Example News" in said
    assert "desk 3 s 3 s 1" in said
    assert "1 failing" in said
