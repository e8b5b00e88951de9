"""Rounds of polling and delivering when our own side fails: a step that raises, a machine that slept, a store that refuses
writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from sqlmodel import select

from monitor.alerting.deliver import Deliverer
from monitor.polling import poll
from monitor.polling.poll import Poller
from monitor.store import alerts, channels
from monitor.store.db import Database
from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.store.outbox import delivery_queue, message_edits
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.alerting import AttemptResult, Outcome
from monitor.types.errors import BusyError, MonitorError, StoreError
from tests.conftest import NOON, SetClock
from tests.fakes.alerts import notice
from tests.fakes.command import HIT, SEED
from tests.fakes.patience import PATIENCE
from tests.fakes.settings import channel, put_in_force
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom


class Line:
    """A channel that takes everything and says what it took; of the alerts that are `broken`, it raises once."""

    name, kind, destination, shown = "desk", "line", "here", "here"

    def __init__(self, *, broken: Iterable[str] = ()) -> None:
        self.took: list[str] = []
        self._broken = set(broken)

    async def send(self, alert: Any, *, now: datetime) -> Outcome:
        if alert.id in self._broken:
            self._broken.remove(alert.id)
            raise ZeroDivisionError
        self.took.append(alert.id)
        return Outcome(result=AttemptResult.SENT)


class Slate(Line):
    """One whose messages can be edited."""

    credentials = "key"

    async def reply(self, alert: Any, thread: str, *, now: datetime) -> Outcome:
        return await self.send(alert, now=now)

    async def edit(self, alert: Any, receipt: str, *, now: datetime) -> Outcome:
        return Outcome(result=AttemptResult.SENT)


def queue(db: Database, count: int = 1) -> None:
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk", "here", "line")], now=NOON)
        for number in range(count):
            made = notice(id=f"alt_{number}")
            alerts.enqueue(session, made, key=str(number), channels={"desk": "here"}, deliver_at=NOON)


def states(db: Database) -> list[str]:
    with db.reading() as session:
        return [row.state for row in session.exec(select(DeliveryRow))]


def drain(db: Database, line: Line, clock: SetClock, *, times: int = 1) -> Deliverer:
    deliverer = Deliverer(db, lambda: {"desk": line}, clock, rate=1000)

    async def rounds() -> None:
        for _ in range(times):
            await deliverer.start_due()
            await deliverer.finish()

    asyncio.run(rounds())
    return deliverer


def once(fault: Exception, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, that fails at its first call."""
    faults = [fault]

    def failing(*args: Any, **kwargs: Any) -> Any:
        if faults:
            raise faults.pop()
        return function(*args, **kwargs)

    return failing


def test_an_alert_that_cannot_be_read_is_given_up_and_those_behind_it_go_out(
    sqlite_db: Database, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    queue(sqlite_db, 3)
    with sqlite_db.writing() as session:
        spoilt = session.get(AlertRow, "alt_0")
        assert spoilt is not None
        spoilt.payload = {"id": "alt_0", "kind": "unheard of"}
        session.add(spoilt)
    line = Line()
    drain(sqlite_db, line, clock)
    assert line.took == ["alt_1", "alt_2"]
    assert states(sqlite_db) == ["dead", "sent", "sent"]
    assert "cannot be read" in caplog.text


@pytest.mark.parametrize(
    ("module", "place"), [(delivery_queue, "claim_next"), (delivery_queue, "settle"), (channels, "state")]
)
def test_c1_a_fault_of_the_store_stops_no_channel(
    sqlite_db: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch, module: ModuleType, place: str
) -> None:
    queue(sqlite_db)
    line = Line()
    monkeypatch.setattr(module, place, once(StoreError("gone for a moment"), getattr(module, place)))
    drain(sqlite_db, line, clock)
    clock.passes(minutes=6)  # the lease of a try that could not be settled
    drain(sqlite_db, line, clock)
    assert states(sqlite_db) == ["sent"]
    assert set(line.took) == {"alt_0"}


def test_c1_a_fault_nobody_foresaw_lets_a_channel_rest_and_is_said_once(
    sqlite_db: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    queue(sqlite_db)
    monkeypatch.setattr(delivery_queue, "claim_next", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.ERROR):
        drain(sqlite_db, Line(), clock, times=5)
    assert [each.message for each in caplog.records] == [
        "delivering on channel=desk failed in an unforeseen way; tried again in 60 seconds"
    ]


def test_c1_a_channel_that_raises_has_failed_in_that_attempt_alone(
    sqlite_db: Database, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    queue(sqlite_db, 3)
    line = Line(broken=["alt_1"])
    with caplog.at_level(logging.ERROR):
        drain(sqlite_db, line, clock)
    assert line.took == ["alt_0", "alt_2"]
    assert states(sqlite_db) == ["sent", "pending", "sent"]
    assert [each.message for each in caplog.records] == ["channel=desk failed in an unforeseen way"]
    with sqlite_db.reading() as session:
        tried = session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == "alt_1")).one()
        assert (tried.attempts, tried.last_detail) == (1, "fault our own fault: ZeroDivisionError")
    clock.passes(hours=1)
    drain(sqlite_db, line, clock)
    assert line.took == ["alt_0", "alt_2", "alt_1"]
    assert states(sqlite_db) == ["sent"] * 3


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ZeroDivisionError(), "editing messages failed in an unforeseen way; tried again in 30 seconds"),
        (StoreError("gone for a moment"), "a delivery was not stored and may be made again: gone for a moment"),
    ],
)
def test_c1_edits_that_fail_are_said_once_and_disturb_no_delivery(
    sqlite_db: Database,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: Exception,
    told: str,
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise fault

    queue(sqlite_db, 2)
    slate = Slate()
    monkeypatch.setattr(message_edits, "outdated", fails)
    with caplog.at_level(logging.ERROR):
        drain(sqlite_db, slate, clock, times=3)
    assert slate.took == ["alt_0", "alt_1"]
    assert states(sqlite_db) == ["sent"] * 2
    assert [each.message for each in caplog.records] == [told]


def test_k5_a_delivery_whose_lease_ran_out_while_the_machine_slept_is_not_sent(
    sqlite_db: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(sqlite_db)
    claim = delivery_queue.claim_next

    def sleeps_after(*args: Any, **kwargs: Any) -> Any:
        claimed = claim(*args, **kwargs)
        clock.passes(minutes=10)
        monkeypatch.setattr(delivery_queue, "claim_next", claim)
        return claimed

    monkeypatch.setattr(delivery_queue, "claim_next", sleeps_after)
    line = Line()
    drain(sqlite_db, line, clock)
    assert line.took == ["alt_0"]
    assert states(sqlite_db) == ["sent"]


def run_poll(db: Database, fault: Exception, monkeypatch: pytest.MonkeyPatch) -> tuple[FeedRow, list[StoreError]]:
    noted: list[StoreError] = []

    async def failing(*_: Any, **__: Any) -> None:
        raise fault

    monkeypatch.setattr(poll, "poll", failing)
    with db.writing() as session:
        session.add(
            FeedRow(name="herald", url="https://h.example/", host="h.example", interval_seconds=900, next_poll_at=NOON)
        )

    class Tools:
        pass

    tools: Any = Tools()
    tools.db = db

    async def one_round() -> None:
        poller = Poller(lambda: tools, on_error=noted.append)
        await poller.start_due(now=NOON)
        await poller.finish()

    asyncio.run(one_round())
    with db.reading() as session:
        row = session.exec(select(FeedRow).where(FeedRow.name == "herald")).one()
    return row, noted


@pytest.mark.parametrize(
    ("fault", "waits_for"),
    [
        (StoreError("locked"), timedelta(minutes=1)),
        (MonitorError("worker processes do not start"), timedelta(minutes=1)),
        (BusyError("too many wait"), timedelta(minutes=5)),
        (TimeoutError(), timedelta(minutes=15)),
        (ZeroDivisionError(), timedelta(hours=1)),
    ],
)
def test_c1_a_poll_that_fails_on_our_side_comes_again(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, fault: Exception, waits_for: timedelta
) -> None:
    row, _ = run_poll(sqlite_db, fault, monkeypatch)
    assert row.next_poll_at - NOON == waits_for
    assert (row.failures, row.lease_token) == (0, None)


def test_k5_a_poll_that_lost_its_lease_is_no_fault_of_the_store(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, noted = run_poll(sqlite_db, LeaseLostError("somebody else has it"), monkeypatch)
    assert noted == []
    assert row.next_poll_at == NOON


def test_places_for_polls_are_filled_as_they_fall_free(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.writing() as session:
        for number in range(40):
            session.add(
                FeedRow(
                    name=f"feed{number}",
                    url=f"https://h{number}.example/",
                    host=f"h{number}.example",
                    interval_seconds=900,
                    next_poll_at=NOON,
                )
            )
    under_way: set[str] = set()
    most: list[int] = []

    async def polled(feed: Any, tools: Any, *, now: datetime) -> None:
        under_way.add(feed.name)
        most.append(len(under_way))
        await asyncio.sleep(0.001 * (feed.id % 4))  # others end while the place of the first is filled
        under_way.discard(feed.name)
        raise LeaseLostError("settled by another node")

    monkeypatch.setattr("monitor.polling.poll.poll", polled)
    tools = SimpleNamespace(db=db)

    async def one_tick() -> int:
        poller = Poller(lambda: tools, concurrency=4)  # type: ignore[arg-type, return-value]
        claimed = await poller.keep_full(lambda: NOON, within_seconds=PATIENCE)
        await poller.finish()
        return claimed

    assert asyncio.run(one_tick()) == 40
    assert max(most) == 4


@pytest.mark.parametrize(("days", "reason"), [(1, "ALERTED"), (8, "FIRST_POLL")])
def test_a_feed_under_another_name_goes_on_unless_it_was_away_for_long(
    tmp_path: Path, clock: SetClock, site: Site, days: int, reason: str
) -> None:
    """What came while it was renamed was taken for what it held when it was met first."""

    with Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        site.publishes("/feed", rss(("Choir sings", "https://h.example/1/choir", "1", "The choir sang.", clock())))
        room.reads("herald", site.url("/feed"))
        room.polls()
        clock.passes(days=days)
        hit = (HIT[0], "https://h.example/2/bridge", "2", HIT[1], clock())
        site.publishes("/feed", rss(hit, ("Choir sings", "https://h.example/1/choir", "1", "The choir sang.", NOON)))
        del room._raw["feeds"]["herald"]
        room.reads("the-herald", site.url("/feed"))
        room.polls()
        assert room.reasons() == {"Choir sings": "NO_MATCH", HIT[0]: reason}
        assert not room.feed("herald").is_enabled
        clock.passes(hours=1)
        room.polls()
        assert len(room.told()) == (reason == "ALERTED")
