"""The overview: what it counts, by whose days, and what it says where there is too little to show."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from starlette.testclient import TestClient

from monitor.review.overview import channel_speeds, held_back, topic_days, week_precision
from monitor.store.db import Database
from monitor.store.figures.overview import Counted, Judged, Sent
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.web.charts import day_chart, week_chart
from monitor.web.overview import spoken
from tests.web.test_web import NOW, client, fill, has_article, has_feed, has_topic  # noqa: F401
from tests.web.test_web import db as db  # the fixture

DAYS = tuple(date(2026, 11, 20) + timedelta(days=n) for n in range(3))
WEEKS = (date(2026, 11, 2), date(2026, 11, 9))


@pytest.mark.parametrize(("zone", "counts"), [("", (2, 0)), ("Asia/Tehran", (1, 1))])
def test_days_are_those_of_the_reader(db: Database, client: TestClient, zone: str, counts: tuple[int, int]) -> None:  # noqa: F811
    """Found on 20 November at noon and at 22:00 UTC, which in Tehran is the 21st."""
    ages = (NOW.replace(day=20), NOW.replace(day=20, hour=22))
    fill(db, has_topic("talks"), *(has_article(f"No {n}", topic="talks", found_at=at) for n, at in enumerate(ages)))
    page = client.get("/overview", headers={"Cookie": f"monitor_zone={zone}"}).text
    shown = dict(re.findall(r'<th scope="row">\w+ (\d\d Nov)</th><td class="number">(\d+)', page))
    assert (int(shown["20 Nov"]), int(shown["21 Nov"])) == counts


def test_topics_with_most_matches_come_first_and_those_without_are_named() -> None:
    found = [Counted(0, "b", 1), Counted(2, "b", 4), Counted(1, "gone", 2)]
    rows = topic_days({"a": "A", "b": "B"}, found, [Counted(2, "b", 1)], [Judged("b", 3, 2)])
    assert [(each.title, sum(each.matches), sum(each.alerts)) for each in rows] == [
        ("B", 5, 1),
        ("gone", 2, 0),
        ("A", 0, 0),
    ]
    assert rows[0].matches[:4] == (1, 0, 4, 0)
    assert (rows[0].confirmed, rows[0].judged) == (2, 3)


def test_a_week_counts_from_ten_verdicts_on() -> None:
    (week,) = week_precision([Judged(0, 10, 8), Judged(1, 9, 9)], WEEKS)
    assert (week.first_day, week.confirmed, week.judged, week.share) == (WEEKS[0], 8, 10, 0.8)
    assert week.low < 0.8 < week.high


def test_speed_is_that_of_each_channel() -> None:
    sent = [Sent("desk", NOW, NOW + timedelta(seconds=n)) for n in range(1, 101)] + [Sent("mail", NOW, NOW)]
    desk, mail = channel_speeds(sent)
    assert (desk.sent, desk.p50, desk.p95) == (100, timedelta(seconds=51), timedelta(seconds=96))
    assert (mail.channel, mail.p95) == ("mail", timedelta())
    assert [spoken(timedelta(seconds=each)) for each in (4, 120, 7200, 300_000)] == ["4 s", "2 min", "2 h", "3 days"]


def test_only_what_nobody_was_told_of_is_held_back() -> None:
    assert held_back({"ALERTED": 5, "TOO_OLD": 2, "JOINS_STORY": 1}) == (("published too long ago to be news", 2),)


@pytest.mark.parametrize("counts", [(0, 0, 0), (1, 0, 5), (10_000, 1, 1)])
def test_bars_stay_on_the_drawing(counts: tuple[int, ...]) -> None:
    drawn = day_chart(DAYS, counts, counts[::-1], width=300, height=100, what="All")
    assert all(
        each.x >= 0 and each.x + each.width <= 300 and each.y >= 0 and each.y + each.height <= 81 for each in drawn.bars
    )
    assert len(drawn.bars) == 2 * sum(each > 0 for each in counts)


def test_points_of_weeks_lie_within_their_intervals() -> None:
    drawn = week_chart(week_precision([Judged(0, 30, 20), Judged(1, 30, 20)], WEEKS), width=300, height=100)
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
