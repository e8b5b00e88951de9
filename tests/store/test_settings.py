"""Feeds and channels in force, on both databases: what applying a plan writes, what commands do, and stores of earlier versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from monitor.config import plan as plans
from monitor.service import in_force
from monitor.store import alerts, channels, migrate, settings
from monitor.store.db import Database
from monitor.store.feeds import feed_reports
from monitor.store.outbox import by_hand, delivery_queue, delivery_states
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.plans import SettingsEntry
from tests.conftest import NOON
from tests.fakes.alerts import notice
from tests.fakes.earlier import bring_to
from tests.fakes.settings import channel, feed, put_in_force

DAY = timedelta(days=1)
LEASE = timedelta(minutes=5)
MAX_AGE = timedelta(hours=96)


def start(db: Database, *entries: SettingsEntry) -> str:
    with db.writing() as session:
        plan = plans.plan_start(settings.rows(session), entries, "sqlite" if db.is_sqlite else "postgresql")
        says = plans.words(plan)
        settings.apply(session, plan, says=says, by="here", now=NOON)
    return says


def on(db: Database) -> set[str]:
    with db.reading() as session:
        return {each.name for each in settings.rows(session) if each.is_on}


def queue(session: Session, name: str = "desk", to: str = "here", number: int = 1) -> None:
    told = notice(id=f"alt_{number}")
    alerts.enqueue(session, told, key=str(number), channels={name: to}, deliver_at=NOON)


def state(session: Session) -> str:
    session.expire_all()
    return session.exec(select(DeliveryRow.state)).one()


def test_a_start_applies_its_file_and_on_postgresql_switches_nothing_off(db: Database) -> None:
    with db.reading() as session:
        assert not settings.was_applied(session)
        assert settings.last_applied(session) is None
    assert start(db, feed("a"), feed("b"), channel("desk")) == "adds: 2 feeds (a, b); adds: channel desk"
    assert start(db, feed("a"), feed("b"), channel("desk")) == ""
    start(db, feed("a"))
    assert on(db) == ({"a"} if db.is_sqlite else {"a", "b", "desk"})
    with db.reading() as session:
        assert settings.was_applied(session)
        assert settings.last_applied(session) == (NOON, "here")


def test_what_a_command_did_stands_until_the_entry_changes(db: Database) -> None:
    start(db, feed("a"), feed("b"), feed("c"))
    with db.writing() as session:
        assert settings.pause_feed(session, "a")
        assert not settings.pause_feed(session, "a")
        assert settings.remove_feed(session, "b")
        assert not settings.remove_feed(session, "b")
    start(db, feed("a"), feed("b"), feed("c"))
    assert on(db) == {"c"}
    start(db, feed("a", title="The A"), feed("b"), feed("c"))
    assert on(db) == {"a", "c"}
    with db.writing() as session:
        assert settings.resume_feed(session, "b", now=NOON)
        assert not settings.resume_feed(session, "b", now=NOON)
    assert on(db) == {"a", "b", "c"}


@pytest.mark.parametrize("pause", [settings.pause_feed, settings.pause_channel])
def test_a_pause_outlives_another_file(sqlite_db: Database, pause: Callable[[Session, str], bool]) -> None:
    name = "a" if pause is settings.pause_feed else "desk"
    own = [feed("a"), feed("b"), channel("desk")]
    start(sqlite_db, *own)
    with sqlite_db.writing() as session:
        pause(session, name)
    start(sqlite_db, feed("c"))
    start(sqlite_db, *own)
    with sqlite_db.reading() as session:
        assert {each.name: each.by_hand for each in settings.rows(session) if each.by_hand} == {name: "paused"}
    assert on(sqlite_db) == {"a", "b", "desk"} - ({"a"} if name == "a" else set())


def test_fault_page_7_who_resumes_a_failing_feed_does_not_make_it_well(db: Database) -> None:
    start(db, feed("a"), feed("gone"))
    with db.writing() as session:
        for row in session.exec(select(FeedRow)):
            row.failures, row.failing_since_at, row.is_failing_told = 7, NOON, True
            row.paused_reason = "gone (410)" if row.name == "gone" else None
            session.add(row)
    with db.writing() as session:
        assert not settings.resume_feed(session, "a", now=NOON)
        assert settings.pause_feed(session, "a")
        assert settings.resume_feed(session, "a", now=NOON)
        assert settings.resume_feed(session, "gone", now=NOON)
    with db.reading() as session:
        found = {
            row.name: (row.failures, row.is_failing_told, row.next_poll_at) for row in session.exec(select(FeedRow))
        }
    assert found == {"a": (7, True, NOON), "gone": (0, False, NOON)}


def test_a_feed_keeps_its_history_and_loses_what_belongs_to_its_old_address(db: Database) -> None:
    start(db, feed("a"))
    with db.writing() as session:
        row = session.exec(select(FeedRow)).one()
        row.etag, row.polls, row.paused_reason = '"tag"', 7, "gone"
        row.silence, row.silence_told_at, row.ttl_seconds, row.skip_days = "quiet", NOON, 900.0, "5 6"
        session.add(row)
    start(db, feed("a", title="The A"))
    with db.reading() as session:
        row = session.exec(select(FeedRow)).one()
        assert (row.etag, row.polls, row.paused_reason, row.title) == ('"tag"', 7, "gone", "The A")
    start(db, feed("a", "https://new.example/feed"))
    with db.reading() as session:
        row = session.exec(select(FeedRow)).one()
        assert (row.etag, row.polls, row.paused_reason, row.host) == (None, 7, None, "new.example")
        assert (row.silence, row.silence_told_at, row.ttl_seconds, row.skip_days) == (None, None, None, "")


def test_an_added_feed_outlives_a_start_and_one_that_was_removed_comes_back_under_its_name(db: Database) -> None:
    start(db, feed("a"))
    with db.writing() as session:
        settings.add_feed(session, feed("mine"), now=NOON)
    start(db, feed("a"))
    assert on(db) == {"a", "mine"}
    with db.writing() as session:
        settings.remove_feed(session, "mine")
    assert on(db) == {"a"}
    with db.reading() as session:
        assert [each.name for each in settings.rows(session) if each.is_dropped] == ["mine"]
        assert feed_reports.count_polled(session) == 1
    with db.writing() as session:
        settings.add_feed(session, feed("mine", "https://other.example/feed"), now=NOON)
    with db.reading() as session:
        row = next(each for each in settings.rows(session) if each.name == "mine")
        assert (row.is_on, row.origin, row.by_hand, row.values["host"]) == (True, "added", "", "other.example")


def test_a_channel_that_was_switched_off_and_comes_back_has_its_alerts_offered(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk")], now=NOON)
        queue(session)
        put_in_force(session, "channel", [channel("other")], now=NOON)
        assert channels.destinations(session) == {"other": "here"}
        assert state(session) == "held"
        plan = put_in_force(session, "channel", [channel("desk")], now=NOON)
        assert plans.offers(plan) == ["1 held alert of channel desk: `monitor alerts retry --channel desk`"]
        assert state(session) == "held", "nothing is sent by itself"
        assert by_hand.retry(session, now=NOON, destinations={"desk": "here"}) == 1
        assert delivery_queue.claim_next(session, "desk", now=NOON, lease_for=LEASE, destination="here")


def test_alerts_of_a_paused_channel_wait_and_go_out_unless_they_are_too_old(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk")], now=NOON)
        assert settings.pause_channel(session, "desk")
        assert not settings.pause_channel(session, "desk")
        queue(session)
        where = {"desk": "here"}
        assert delivery_queue.due_channels(session, where, now=NOON) == []
        assert delivery_queue.hold_overdue(session, "desk", now=NOON + 5 * DAY, max_age_for=MAX_AGE) == 0, (
            "it is paused"
        )
        assert settings.resume_channel(session, "desk")
        assert not settings.resume_channel(session, "desk")
        assert delivery_queue.due_channels(session, where, now=NOON) == ["desk"]
        assert delivery_queue.hold_overdue(session, "desk", now=NOON + 3 * DAY, max_age_for=MAX_AGE) == 0
        assert delivery_queue.hold_overdue(session, "desk", now=NOON + 5 * DAY, max_age_for=MAX_AGE) == 1
        assert state(session) == "held"
        by_hand.retry(session, now=NOON + 5 * DAY, destinations=where)
        assert delivery_queue.hold_overdue(session, "desk", now=NOON + 5 * DAY, max_age_for=MAX_AGE) == 0, (
            "asked for by hand"
        )


def test_on_a_channel_that_fails_the_age_of_an_alert_is_left_to_the_schedule_of_tries(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk")], now=NOON)
        queue(session)
        session.connection().execute(text("UPDATE channels SET failures = 3"))
        assert delivery_queue.hold_overdue(session, "desk", now=NOON + 5 * DAY, max_age_for=MAX_AGE) == 0


def test_alerts_for_another_address_wait_for_a_node_that_has_it(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk", "here")], now=NOON)
        queue(session)
        assert delivery_queue.due_channels(session, {"desk": "there"}, now=NOON) == []
        assert delivery_queue.claim_next(session, "desk", now=NOON, lease_for=LEASE, destination="there") is None
        assert delivery_queue.due_channels(session, {"desk": "here"}, now=NOON) == ["desk"]
        assert delivery_queue.claim_next(session, "desk", now=NOON, lease_for=LEASE, destination="here")


# --- nodes with files of their own -------------------------------------------------------------------------------------


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Database]:
    """A store that several nodes use."""
    database = Database(postgres_url)
    yield database
    database.close()


def starts(db: Database, file: str, *entries: SettingsEntry) -> str:
    """A node starts with its file; returns what that changed."""
    return plans.words(in_force.apply_at_start(db, entries, file=file, now=NOON))


def title(db: Database) -> object:
    with db.reading() as session:
        return next(each.values["title"] for each in settings.rows(session) if each.name == "a")


def test_two_nodes_with_different_files_do_not_undo_one_another(shared: Database) -> None:
    db = shared
    ours, theirs = feed("a", title="Ours"), feed("a", title="Theirs", interval_minutes=60)
    starts(db, "one:/m.toml", ours)
    assert starts(db, "two:/m.toml", theirs) == "changes: feed a [title, interval]", "it may well be the newer one"
    for _ in range(2):
        assert starts(db, "one:/m.toml", ours) == ""
        assert starts(db, "two:/m.toml", theirs) == ""
        assert starts(db, "three:/m.toml", ours) == "", "a node that comes with what was before"
    assert title(db) == "Theirs"
    assert starts(db, "one:/m.toml", feed("a", title="New")) == "changes: feed a [title, interval]"
    assert starts(db, "two:/m.toml", theirs) == ""
    assert title(db) == "New"
    in_force.apply_by_command(db, [ours], file="three:/m.toml", now=NOON, is_dry=False)
    assert starts(db, "one:/m.toml", feed("a", title="New")) == starts(db, "two:/m.toml", theirs) == ""
    assert title(db) == "Ours"


def test_what_an_apply_switched_off_is_not_switched_on_by_the_next_start_of_another_node(shared: Database) -> None:
    db = shared
    starts(db, "one:/m.toml", feed("a"), feed("b"), channel("desk"))
    in_force.apply_by_command(db, [feed("a"), channel("desk")], file="two:/m.toml", now=NOON, is_dry=False)
    assert starts(db, "one:/m.toml", feed("a"), feed("b"), channel("desk")) == ""
    assert on(db) == {"a", "desk"}
    assert starts(db, "one:/m.toml", feed("a"), channel("desk")) == ""
    assert starts(db, "one:/m.toml", feed("a"), feed("b"), channel("desk")) == "switches on again: feed b"


def test_one_file_alone_is_applied_whatever_it_said_before_on_sqlite(sqlite_db: Database) -> None:
    for name in ("One", "Two", "One"):
        starts(sqlite_db, "one:/m.toml", feed("a", title=name))
        assert title(sqlite_db) == name


# --- a feed's interval ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waits_minutes", "failures", "interval_minutes", "due_after_minutes"),
    [
        (16, 0, 5, 5),  # as its interval was, with jitter
        (15, 0, 60, 15),  # longer: from the next poll on
        (15, 3, 5, 15),  # it fails, and waits for longer each time
        (180, 0, 5, 180),  # its server asked for it
    ],
)
def test_a_feed_with_a_shorter_interval_is_due_earlier(
    db: Database, waits_minutes: float, failures: int, interval_minutes: float, due_after_minutes: float
) -> None:
    start(db, feed("a"))
    polled_at = NOON - timedelta(minutes=1)
    with db.writing() as session:
        row = session.exec(select(FeedRow)).one()
        row.last_polled_at, row.next_poll_at = polled_at, polled_at + timedelta(minutes=waits_minutes)
        row.failures = failures
        session.add(row)
    start(db, feed("a", interval_minutes=interval_minutes))
    with db.reading() as session:
        row = session.exec(select(FeedRow)).one()
        assert row.interval_seconds == 60 * interval_minutes
        assert row.next_poll_at == polled_at + timedelta(minutes=due_after_minutes)


def test_a_feed_that_should_have_been_polled_by_its_new_interval_is_due_now(db: Database) -> None:
    start(db, feed("a"))
    with db.writing() as session:
        row = session.exec(select(FeedRow)).one()
        row.last_polled_at, row.next_poll_at = NOON - timedelta(minutes=10), NOON + timedelta(minutes=5)
        session.add(row)
    start(db, feed("a", interval_minutes=5))
    with db.reading() as session:
        assert session.exec(select(FeedRow)).one().next_poll_at == NOON


# --- stores of earlier versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", ["0001", "0006", "0012"])
def test_a_store_of_an_earlier_version_goes_on_as_it_was(store_url: str, revision: str) -> None:
    db = Database(store_url)
    bring_to(db, revision)
    with db.writing() as session:
        for name, is_on in (("a", True), ("old", False)):
            session.connection().execute(
                text(_FEED), {"name": name, "url": feed(name).values["url"], "on": is_on, "now": NOON}
            )
        session.connection().execute(text(_CHANNEL))
    assert migrate.upgrade(db)
    with db.reading() as session:
        assert settings.was_applied(session), "so no command applies its settings to it"
        assert plans.difference(plans.compare(settings.rows(session), [feed("a"), channel("desk")])) == ""
    with db.writing() as session:
        settings.pause_feed(session, "a")
        queue(session)
    assert start(db, feed("a"), channel("desk")) == ""
    assert on(db) == {"desk"}, "a pause before the first start stands"
    with db.reading() as session:
        assert state(session) == "pending"
        assert {each.origin for each in settings.rows(session)} == {"file"}
    db.close()


def test_an_empty_store_of_an_earlier_version_never_had_settings(store_url: str) -> None:
    db = Database(store_url)
    bring_to(db, "0012")
    migrate.upgrade(db)
    with db.reading() as session:
        assert not settings.was_applied(session)
    db.close()


_FEED = (
    "INSERT INTO feeds (name, url, host, origin, title, site_url, interval_seconds, first_poll, first_poll_latest, "
    "allow_private, is_enabled, next_poll_at, outcome, failures, is_failing_told, polls, polls_not_modified) "
    "VALUES (:name, :url, 'a.example', 'config', '', '', 900, 'baseline', 0, false, :on, :now, '', 0, false, 0, 0)"
)
_CHANNEL = (
    "INSERT INTO channels (name, kind, destination, shown, is_configured, failures, is_failing_told) "
    "VALUES ('desk', 'webhook', 'here', '…', true, 0, false)"
)


def test_the_oldest_delivery_that_waits_is_known_for_each_channel(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk"), channel("mail")], now=NOON)
        queue(session, number=1)
        queue(session, number=2)
        queue(session, "mail", number=3)
        row = session.exec(select(DeliveryRow).where(DeliveryRow.channel == "mail")).one()
        row.state = "sent"
        session.add(row)
        session.flush()
        assert delivery_states.waiting_since(session) == {"desk": NOON}
