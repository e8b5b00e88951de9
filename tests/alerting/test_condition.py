"""What is wrong with the service: the rules as a table, without a store; and the notices that follow, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import col, select

from monitor.alerting import lasting, notices
from monitor.alerting.condition import LOW_SPACE, NO_SPACE, ServiceState, problems
from monitor.alerting.lasting import LASTING_AFTER, Lasting
from monitor.alerting.silence_notices import describe, usual_words
from monitor.store import alerts
from monitor.store.channels import ChannelReport
from monitor.store.db import Database
from monitor.store.feeds.watches import WatchedFeed
from monitor.store.nodes import NodeReport
from monitor.store.outbox import delivery_states
from monitor.store.tables.alerts import AlertRow
from monitor.types.condition import Code, Problem, Severity, in_brief
from monitor.types.fetching import Silence, Watch
from monitor.types.plans import ADDED
from tests.conftest import NOON, SetClock

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BASIL = NodeReport(name="basil-7", host="basil", started_at=NOON - HOUR, heartbeat_at=NOON, settings_digest="a")
FERN = replace(BASIL, name="fern-1", host="fern", started_at=NOON - 2 * HOUR)
DEAD = replace(BASIL, heartbeat_at=NOON - 10 * MINUTE)
STOPPED = replace(BASIL, stopped_at=NOON - 3 * HOUR, heartbeat_at=NOON - 3 * HOUR)
DESK = ChannelReport(
    name="desk",
    kind="webhook",
    shown="…",
    is_configured=True,
    by_hand="",
    disabled_reason=None,
    paused_until_at=None,
    failures=0,
    last_sent_at=None,
)
ADDED_DESK = replace(DESK, origin=ADDED, destination="d1")
MAIL = replace(DESK, name="mail")
REFUSED = replace(DESK, disabled_reason="404 not found")
IN_TIME = (NOON + MINUTE,) * 30
LATE = NOON - 10 * MINUTE
WELL = ServiceState(nodes=[BASIL], due_times=IN_TIME, last_polled_at=NOON, channels=[DESK], topics=2, free_bytes=10**10)


def codes(state: ServiceState, **changes: object) -> list[str]:
    """`code` where it fails, `(code)` where it is a warning."""
    found = problems(replace(state, **changes), now=NOON)  # type: ignore[arg-type]
    return [each.code.value if each.severity is Severity.FAIL else f"({each.code})" for each in found]


def only(state: ServiceState, **changes: object) -> Problem:
    (found,) = problems(replace(state, **changes), now=NOON)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"nodes": ()}, ["(polled_by_hand)"]),
        ({"nodes": (), "last_polled_at": None}, ["never_ran"]),
        ({"is_in_use": True}, []),
        ({"is_in_use": False}, ["no_node"]),
        ({"is_in_use": False, "nodes": ()}, ["(polled_by_hand)"]),
        ({"nodes": [DEAD]}, ["(polled_by_hand)"]),
        ({"nodes": [DEAD], "last_polled_at": DEAD.heartbeat_at + timedelta(seconds=14)}, ["no_node"]),
        ({"nodes": [DEAD], "due_times": [LATE]}, ["no_node", "late_feeds"]),
        ({"nodes": [STOPPED], "last_polled_at": None}, ["no_node"]),
        ({"nodes": [STOPPED, FERN]}, []),
        ({"nodes": [replace(BASIL, is_polling=False)], "last_polled_at": None}, ["no_node"]),
        ({"nodes": [replace(BASIL, heartbeat_at=NOON - timedelta(seconds=59))]}, []),
        ({"nodes": [replace(BASIL, heartbeat_at=NOON + timedelta(seconds=59))]}, []),
        ({"nodes": [replace(BASIL, heartbeat_at=NOON + 400 * HOUR)], "last_polled_at": None}, ["no_node"]),
        ({"nodes": [DEAD, FERN]}, ["(node_silent)"]),
        ({"nodes": [DEAD, replace(BASIL, name="basil-8", started_at=NOON - MINUTE)]}, []),
        ({"nodes": [BASIL, FERN]}, []),
        ({"nodes": [BASIL, replace(FERN, settings_digest="b")]}, ["(other_settings)"]),
        ({"nodes": [BASIL], "settings_in_force": "b"}, ["(other_settings)"]),
        ({"nodes": [BASIL], "settings_in_force": "a"}, []),
        ({"due_times": [LATE, *IN_TIME[:9]]}, ["late_feeds"]),
        ({"due_times": [LATE, *IN_TIME]}, ["(late_feeds)"]),
        ({"due_times": [NOON - 61 * MINUTE, *IN_TIME]}, ["late_feeds"]),
        ({"due_times": [NOON - 5 * MINUTE, *IN_TIME]}, []),
        ({"due_times": [NOON - 8 * HOUR] * 9, "nodes": [replace(BASIL, started_at=NOON - 4 * MINUTE)]}, []),
        ({"due_times": [NOON - 8 * HOUR] * 9, "nodes": [replace(BASIL, started_at=NOON - 6 * MINUTE)]}, ["late_feeds"]),
        ({"due_times": ()}, []),
        ({"failing_feeds": 29}, []),
        ({"failing_feeds": 30}, ["no_feed"]),
        ({"failing_feeds": 2, "due_times": IN_TIME[:2]}, ["(no_feed)"]),
        ({"failing_feeds": 0, "due_times": ()}, []),
        ({"free_bytes": LOW_SPACE - 1}, ["(disk_low)"]),
        ({"free_bytes": NO_SPACE - 1}, ["disk_full"]),
        ({"is_disk_full": True}, ["disk_full"]),
        ({"free_bytes": None}, []),
        ({"topics": 0}, ["no_topics"]),
        ({"topics": 0, "nodes": (), "last_polled_at": None}, ["never_ran"]),
        ({"channels": ()}, []),
        ({"channels": [REFUSED]}, ["no_channel"]),
        ({"channels": [REFUSED, MAIL]}, ["(channel_disabled)"]),
        ({"channels": [REFUSED, replace(MAIL, is_configured=False)]}, ["no_channel"]),
        ({"channels": [replace(DESK, failures=3), MAIL]}, ["(channel_failing)"]),
        ({"channels": [replace(REFUSED, failures=3)]}, ["no_channel"]),
        ({"waiting_since": {"desk": LATE}}, ["(alerts_waiting)"]),
        ({"waiting_since": {"desk": LATE}, "nodes": [replace(BASIL, started_at=NOON - MINUTE)]}, []),
        ({"waiting_since": {"desk": NOON - MINUTE}}, []),
        ({"waiting_since": {"desk": LATE}, "channels": [replace(DESK, last_sent_at=NOON - MINUTE)]}, []),
        (
            {"waiting_since": {"desk": LATE}, "channels": [replace(DESK, last_sent_at=NOON - HOUR)]},
            ["(alerts_waiting)"],
        ),
        ({"waiting_since": {"desk": LATE}, "channels": [replace(DESK, by_hand="paused")]}, []),
        ({"waiting_since": {"desk": LATE}, "channels": [replace(DESK, paused_until_at=NOON + MINUTE)]}, []),
        ({"waiting_since": {"desk": LATE}, "channels": [replace(DESK, failures=1)]}, ["(channel_failing)"]),
        ({"waiting_since": {"gone": LATE}}, []),
        ({"channels": [ADDED_DESK]}, ["(channel_file)"]),
        ({"channels": [ADDED_DESK], "nodes": [replace(BASIL, channels="mail=m desk=d1")]}, []),
        ({"channels": [ADDED_DESK], "nodes": [replace(BASIL, channels="desk=d2")]}, ["(channel_file)"]),
        ({"channels": [ADDED_DESK], "nodes": [replace(BASIL, channels="desk=d1"), FERN]}, ["(channel_file)"]),
        (
            {
                "channels": [ADDED_DESK],
                "nodes": [replace(BASIL, channels="desk=d1"), replace(FERN, is_delivering=False)],
            },
            [],
        ),
        ({"channels": [replace(ADDED_DESK, is_configured=False), DESK]}, []),
    ],
)
def test_what_is_wrong(changes: dict[str, object], expected: list[str]) -> None:
    assert codes(WELL, **changes) == expected


def test_what_is_said_names_when_how_many_and_how_long() -> None:
    dead = replace(WELL, nodes=[DEAD], last_polled_at=DEAD.heartbeat_at, due_times=[LATE, LATE - MINUTE])
    nobody, late = problems(dead, now=NOON)
    assert nobody.says == (
        "no daemon is running: its last sign of life was at 2021-10-20 11:50 UTC, 10 minutes ago; nothing is polled or sent"
    )
    assert late.says == "2 of 2 feeds are late, up to 11 minutes"
    assert "was stopped at 2021-10-20 09:00 UTC, 3 hours ago" in only(WELL, nodes=[STOPPED], last_polled_at=None).says
    assert "desk (404 not found)" in only(WELL, channels=[REFUSED]).says
    assert "8 MB free" in only(WELL, free_bytes=8_400_000).says
    assert all(each.mend for each in (nobody, late))


def test_the_worst_comes_first_and_is_counted() -> None:
    found = problems(replace(WELL, free_bytes=LOW_SPACE - 1, channels=[REFUSED, MAIL], topics=0), now=NOON)
    assert [each.code for each in found] == [Code.NO_TOPICS, Code.DISK_LOW, Code.CHANNEL_DISABLED]
    assert in_brief(found) == "1 failure, 2 warnings"
    assert in_brief(()) == ""


def test_only_what_keeps_feeds_from_being_polled_is_an_outage() -> None:
    assert only(WELL, nodes=(), last_polled_at=None).is_outage
    assert only(WELL, due_times=[LATE]).is_outage
    assert only(WELL, is_disk_full=True).is_outage
    assert not only(WELL, due_times=[LATE, *IN_TIME]).is_outage, "one of many"
    assert not only(WELL, topics=0).is_outage
    assert not only(WELL, channels=[REFUSED]).is_outage


def test_fault_feed_23_silent_feeds_are_a_warning_that_names_them_but_not_to_everybody() -> None:
    quiet = Watch(silence=Silence.QUIET, last_entry_at=NOON, per_day=50.2)
    feeds = [WatchedFeed(id=n, name=f"herald{n}", watch=quiet) for n in range(7)]
    one, all_of_them = only(WELL, silent_feeds=feeds[:1]), only(WELL, silent_feeds=feeds)
    assert not one.is_outage
    assert "about 50 entries a day" in one.says
    assert (one.public, all_of_them.public) == ("1 feed is silent", "7 feeds are silent")
    assert "and 2 more" in all_of_them.says


@pytest.mark.parametrize("silence", list(Silence))
def test_every_silence_has_words(silence: Silence) -> None:
    assert describe(Watch(silence=silence)).startswith(("it ", "its "))


@pytest.mark.parametrize(
    ("per_day", "words"),
    [
        (50.2, "about 50 entries a day"),
        (1.4, "about 10 entries a week"),
        (0.14, "about 4 entries a month"),
        (0.01, "about 1 entry a month"),
    ],
)
def test_how_often_a_feed_brings_something_is_said_in_whole_numbers(per_day: float, words: str) -> None:
    assert usual_words(per_day) == words


def test_names_of_nodes_and_channels_and_what_receivers_answered_are_not_public() -> None:
    lost = only(WELL, nodes=[DEAD, FERN])
    others = only(WELL, nodes=[BASIL, replace(FERN, settings_digest="b")])
    mute = only(WELL, channels=[REFUSED])
    for each in (lost, others, mute):
        assert not any(name in each.public for name in ("basil", "fern", "desk", "404"))


def test_on_a_fast_clock_everything_lasts_longer() -> None:
    """The demo runs 260 times as fast: a beat every 15 real seconds is one an hour."""
    late = replace(WELL, nodes=[replace(DEAD, heartbeat_at=NOON - HOUR)], due_times=[NOON - HOUR])
    assert codes(late) == ["no_node", "late_feeds"] or codes(late) == ["late_feeds", "no_node"]
    assert problems(late, now=NOON, speed=260) == ()


# --- notices ----------------------------------------------------------------------------------------------------------

TOPICLESS = only(WELL, topics=0)
FULL, LOW = only(WELL, is_disk_full=True), only(WELL, free_bytes=LOW_SPACE - 1)


def test_only_what_lasts_is_told(clock: SetClock) -> None:
    lasting = Lasting()
    assert lasting.see([TOPICLESS], clock()) == {}
    assert lasting.see([TOPICLESS], clock.passes(minutes=1)) == {}
    told = lasting.see([TOPICLESS], clock.passes(minutes=1))
    assert told == {"feeds": None, "disk": None, "topics": TOPICLESS, "store": None}
    assert "topics" not in lasting.see([], clock.passes(seconds=15)), "not over yet"
    assert "topics" not in lasting.see([TOPICLESS], clock.passes(seconds=15)), "and back"
    clock.passes(seconds=LASTING_AFTER.total_seconds())
    assert lasting.see([TOPICLESS], clock())["topics"] == TOPICLESS


def test_a_crowd_of_late_feeds_on_one_server_is_not_told_a_disk_that_fills_up_is(clock: SetClock) -> None:
    lasting = Lasting()
    crowd = only(WELL, due_times=[LATE, *IN_TIME])
    lasting.see([crowd, LOW], clock())
    assert lasting.see([crowd, LOW], clock.passes(minutes=2)) == {
        "feeds": None,
        "disk": LOW,
        "topics": None,
        "store": None,
    }


def tells(db: Database, clock: SetClock, **lasting: Problem | None) -> set[str]:
    with db.writing() as session:
        return notices.notify_condition(session, lasting, channels={"desk": "d1"}, now=clock())


def titles(db: Database) -> list[str]:
    with db.reading() as session:
        return list(session.exec(select(AlertRow.title).order_by(col(AlertRow.created_at))))


def test_a_problem_is_told_once_and_its_end_once(db: Database, clock: SetClock) -> None:
    assert tells(db, clock, topics=None, disk=None) == {"topics", "disk"}
    assert titles(db) == [], "where nothing was told, nothing is over"
    for _ in range(3):
        assert tells(db, clock, topics=TOPICLESS) == {"topics"}
        clock.passes(hours=2)
    assert titles(db) == ["There is no topic"]
    for _ in range(3):
        tells(db, clock, topics=None)
        clock.passes(hours=2)
    assert titles(db) == ["There is no topic", "There are topics again"]
    tells(db, clock, topics=TOPICLESS)
    assert len(titles(db)) == 3, "lost again, hours later"
    with db.reading() as session:
        assert delivery_states.states(session)["pending"] == 3
        assert alerts.latest_key(session, "condition/topics/no_topics/")


def test_a_disk_that_gets_worse_is_told_again_and_better_only_when_it_has_room(db: Database, clock: SetClock) -> None:
    for disk in (LOW, FULL, LOW, FULL, None):
        tells(db, clock, disk=disk)
        clock.passes(minutes=10)
    assert titles(db) == [
        "The disk of the store is nearly full",
        "The disk of the store is full",
        "The disk has room again",
    ]


def test_what_comes_and_goes_is_told_once_an_hour_at_most(db: Database, clock: SetClock) -> None:
    for _ in range(12):
        tells(db, clock, topics=TOPICLESS)
        clock.passes(minutes=5)
        tells(db, clock, topics=None)
        clock.passes(minutes=5)
    assert titles(db) == ["There is no topic", "There are topics again"] * 2
    assert tells(db, clock, topics=TOPICLESS) == set(), "still to be told, if it lasts"
    clock.passes(hours=1)
    assert tells(db, clock, topics=TOPICLESS) == {"topics"}
    assert len(titles(db)) == 5


def test_every_problem_that_is_told_has_its_words() -> None:
    assert set(lasting._TOLD) == set(notices._BEGUN)
    assert set(lasting.SUBJECTS) == set(notices._OVER)


def test_d10_a_node_whose_clock_is_ahead_is_not_called_silent() -> None:
    found = only(WELL, nodes=[BASIL, replace(FERN, heartbeat_at=NOON + 7 * MINUTE)])
    assert found.says.startswith("the clock of the node fern-1 is 7 minutes ahead of this one's")
    assert "NTP" in found.mend
    assert (found.code, found.severity) == (Code.NODE_SILENT, Severity.WARN)
