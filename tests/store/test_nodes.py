"""The nodes of a store, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.store import migrate, nodes, topics
from monitor.store.db import Database
from monitor.store.feeds import feed_reports
from monitor.store.nodes import Node
from monitor.store.tables.feeds import FeedRow, HostRow
from monitor.types.matching import Topic
from tests.conftest import NOON, SetClock
from tests.fakes.earlier import bring_to

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BASIL = Node(name="basil-7", host="basil", started_at=NOON, version="1", settings_digest="a")
FERN = Node(name="fern-1", host="fern", started_at=NOON)


def beats(db: Database, node: Node, clock: SetClock) -> None:
    with db.writing() as session:
        nodes.beat(session, node, now=clock(), kept_for=DAY)


def names(db: Database) -> dict[str, timedelta]:
    """Node -> how long after noon it was last heard of."""
    with db.reading() as session:
        return {each.name: each.heartbeat_at - NOON for each in nodes.reports(session)}


def test_a_node_beats_stops_and_starts_again(db: Database, clock: SetClock) -> None:
    beats(db, BASIL, clock)
    clock.passes(seconds=15)
    beats(db, BASIL, clock)
    with db.writing() as session:
        nodes.stop(session, "basil-7", now=clock.passes(seconds=15))
        nodes.stop(session, "nobody", now=clock())
    with db.reading() as session:
        (report,) = nodes.reports(session)
    assert (report.stopped_at, report.heartbeat_at) == (clock(), clock())
    assert (report.host, report.started_at, report.version, report.settings_digest) == ("basil", NOON, "1", "a")
    beats(db, BASIL, clock)
    with db.reading() as session:
        assert nodes.reports(session)[0].stopped_at is None


def test_nodes_not_heard_of_for_a_day_are_forgotten_by_the_others(db: Database, clock: SetClock) -> None:
    beats(db, BASIL, clock)
    clock.passes(hours=24)
    beats(db, FERN, clock)
    assert names(db) == {"basil-7": timedelta(), "fern-1": DAY}
    clock.passes(seconds=15)
    beats(db, FERN, clock)
    assert names(db).keys() == {"fern-1"}


def test_one_that_is_alone_forgets_the_others(db: Database, clock: SetClock) -> None:
    beats(db, BASIL, clock)
    beats(db, FERN, clock)
    with db.writing() as session:
        nodes.forget_others(session, "fern-1")
    assert names(db).keys() == {"fern-1"}


def feed(name: str, **changes: object) -> FeedRow:
    row = FeedRow(name=name, url=f"https://{name}.example/", host=name, interval_seconds=900, next_poll_at=NOON)
    for key, value in changes.items():
        setattr(row, key, value)
    return row


def test_a_feed_is_due_at_its_time_unless_it_is_being_polled_or_its_host_wants_to_be_left_alone(db: Database) -> None:
    with db.writing() as session:
        session.add_all(
            [
                feed("plain"),
                feed("polled", lease_token="t", lease_until_at=NOON + MINUTE),
                feed("shy"),
                feed("rested"),
                feed("off", is_enabled=False),
                feed("gone", paused_reason="410"),
                HostRow(host="shy", paused_until_at=NOON + 2 * MINUTE),
                HostRow(host="rested", paused_until_at=NOON - DAY),
            ]
        )
    with db.reading() as session:
        assert sorted(nodes.due_times(session)) == [NOON, NOON, NOON + MINUTE, NOON + 2 * MINUTE]


def test_what_shows_whether_anything_is_done(db: Database) -> None:
    with db.reading() as session:
        assert (nodes.last_polled_at(session), nodes.topics_in_force(session), nodes.due_times(session)) == (
            None,
            0,
            (),
        )
    with db.writing() as session:
        session.add_all([feed("early", last_polled_at=NOON), feed("late", last_polled_at=NOON + MINUTE), feed("new")])
        topics.sync(session, [Topic(name=name, title=name, seeds=()) for name in ("a", "b")], now=NOON)
        topics.sync(session, [Topic(name="a", title="a", seeds=())], now=NOON)
    with db.reading() as session:
        assert nodes.last_polled_at(session) == NOON + MINUTE
        assert nodes.topics_in_force(session) == 1


@pytest.mark.parametrize("revision", ["0001", "0012"])
def test_a_store_of_an_earlier_schema_comes_over_with_its_feeds_and_no_node(store_url: str, revision: str) -> None:
    old = Database(store_url)
    try:
        bring_to(old, revision)
        migrate.upgrade(old)
        with old.writing() as session:
            session.add(feed("herald"))
        with old.reading() as session:
            assert nodes.reports(session) == ()
            assert len(feed_reports.of_all(session)) == 1
    finally:
        old.close()
