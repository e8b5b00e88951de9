"""The daemon's scheduler under clocks that leap and ticks that fail, without store and network."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.config.settings import Settings, StoreSettings
from monitor.reading.workers import Workers
from monitor.service import daemon as daemons
from monitor.service import store_care
from monitor.service.app import App
from monitor.service.clockwork import FixedDelayTrigger
from monitor.service.daemon import Daemon
from monitor.types.condition import Code
from monitor.types.errors import MonitorError, StoreBusyError, StoreFullError

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    return Daemon(App(Settings(store=StoreSettings(url=f"sqlite:///{tmp_path}/monitor.db"))))


def test_d8_ticks_missed_since_1970_are_not_counted_one_by_one() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    assert FixedDelayTrigger(0.1).get_next_fire_time(LONG_AGO, now) == now + timedelta(seconds=0.1)


def test_d8_a_clock_set_back_restarts_the_scheduler_and_moves_the_times_once(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[Any] = []

    async def moves(back_for: timedelta) -> None:
        done.append(back_for)

    monkeypatch.setattr(daemon._clockwork, "start", lambda: done.append("restarted"))
    monkeypatch.setattr(daemon, "_move_due_times", moves)
    began_at = daemon._steady()
    for real_at in (
        began_at,
        began_at - timedelta(hours=1),
        began_at - timedelta(hours=1),
        began_at + timedelta(days=1),
    ):
        monkeypatch.setattr(daemon, "_real", lambda real_at=real_at: real_at)
        asyncio.run(daemon._check_clock())
    assert done[0] == "restarted"
    assert abs(done[1] - timedelta(hours=1)) < timedelta(seconds=1)
    assert len(done) == 2
    daemon.app.close()


def test_only_a_process_in_which_no_tick_moves_is_given_up(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    now = daemon._steady()
    for name in daemons._TICKS:
        daemon.heartbeats.beat(name, now)
    assert daemon._is_alive()
    monkeypatch.setattr(daemon, "_steady", lambda: now + timedelta(minutes=1))
    assert not daemon._is_alive()
    daemon.heartbeats.beat("deliver", now + timedelta(minutes=1))
    assert daemon._is_alive()
    daemon.app.close()


def test_a_log_of_the_store_that_grows_is_said_once(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = iter([0, store_care._LARGE_WAL + 1, store_care._LARGE_WAL + 1, 0])
    monkeypatch.setattr(store_care.files, "wal_bytes", lambda path: next(sizes))
    with caplog.at_level(logging.WARNING):
        for _ in range(4):
            daemon._care.check_log()
    assert caplog.text.count("-wal file has grown") == 1
    daemon.app.close()


def test_d1_a_disk_found_full_while_polls_are_started_stays_a_problem(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def finds_it_full(*, now: datetime) -> int:
        daemon._care.report(StoreFullError("full"))
        return 0

    monkeypatch.setattr(daemon._poller, "start_due", finds_it_full)
    for name in daemons._TICKS:
        daemon.heartbeats.beat(name, daemon._steady())
    daemon._presence.observer.keep(())
    asyncio.run(daemon._poll())
    assert [each.code for each in daemon.health().problems] == ["disk_full"]
    assert not daemon.health().is_ok
    daemon.app.close()


def test_c4_a_tick_that_fails_every_time_turns_health_red(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails() -> None:
        raise ZeroDivisionError

    async def works() -> None:
        pass

    now = daemon._steady()
    for name in daemons._TICKS:
        daemon.heartbeats.beat(name, now)
    later = now + timedelta(seconds=31)
    monkeypatch.setattr(daemon, "_steady", lambda: later)
    daemon._presence.observer.keep(())
    with caplog.at_level(logging.CRITICAL):
        asyncio.run(daemon._clockwork.tick("poll", fails))
        for name in ("deliver", "reload"):
            asyncio.run(daemon._clockwork.tick(name, works))
        assert [each.says for each in daemon.health().problems] == ["poll: no sign of life for 31 s"]
        asyncio.run(daemon._clockwork.tick("poll", works))
    assert daemon.health().is_ok
    daemon.app.close()


# --- what health says meanwhile ---------------------------------------------------------------------------------------


def test_fault_s5_while_polling_rests_on_a_full_disk_health_never_says_ok(daemon: Daemon) -> None:
    """Whatever else happens meanwhile: other errors of the store, polls and ticks that end well."""

    async def story() -> None:
        daemon._care.report(StoreFullError("the disk is full"))
        daemon._care.report(StoreBusyError("the store is held"))
        daemon.heartbeats.set_problem("store", None)
        await daemon._poll()
        assert Code.DISK_FULL in {each.code for each in daemon.health().problems}
        assert not daemon.health().is_ok
        daemon._care.is_full = False
        assert Code.DISK_FULL not in {each.code for each in daemon.health().problems}

    asyncio.run(story())


def test_fault_s12_where_no_worker_process_starts_health_says_it(daemon: Daemon) -> None:
    async def story() -> None:
        with Workers(preload=("no_such_module",)) as workers:
            vars(daemon.app)["workers"] = workers
            assert Code.WORKERS not in {each.code for each in daemon.health().problems}
            with pytest.raises(MonitorError, match="do not start"):
                await workers.run(abs, -1)
        assert Code.WORKERS in {each.code for each in daemon.health().problems}
        assert not daemon.health().is_ok

    asyncio.run(story())
