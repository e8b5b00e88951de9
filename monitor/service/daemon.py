"""The process that runs for months: a clock that ticks, the rounds it starts, the page beside them, a good end.

APScheduler is the clock and is not trusted to stay alive: one exception inside it stops it for ever while `running` says True
(apscheduler#109), so a watch of our own looks at the heartbeat and winds up a new one. What is due stands in the store, never in
a job. Every tick has a deadline and a broad handler: a bad minute is logged, the next tick comes.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.alerting import deliver
from monitor.alerting.deliver import Deliverer
from monitor.polling import poll
from monitor.polling.pipeline import Polled
from monitor.polling.poll import Poller
from monitor.service.app import App
from monitor.service.clock import Clock, SteadyClock
from monitor.service.watchdog import Watchdog
from monitor.store import clock_steps, feeds, integrity, outbox
from monitor.store.files import Ballast, StoreLock
from monitor.store.integrity import DamagedStoreError
from monitor.types.errors import StoreError, StoreFullError
from monitor.web.app import create
from monitor.web.health import Health, Heartbeats
from monitor.web.server import WebServer

log = logging.getLogger("monitor.daemon")

_TICK_SECONDS = 60.0
"""The longest one tick may take."""
_SILENCE_FOR = timedelta(seconds=30)
"""Without a heartbeat for this long, the clock is wound up anew and /healthz turns red."""
_TICKS = ("poll", "deliver", "reload")
_GRACE_SECONDS = 20.0
_START_CHECK_SECONDS = 1.5
"""The longest a start may look for damage in the store; the daily look has more time."""
_DAILY_CHECK_SECONDS = 300.0
_RELOAD_SECONDS = 0.5
"""A verdict or a seed counts within a second."""
_FULL_DISK_SECONDS = 15.0
"""How long polling rests after the disk was found full."""
_CLOCK_STEP_FOR = timedelta(seconds=5)
"""Set back by more than this, the system's clock has been set; less is its daily slewing."""
_DAY = timedelta(days=1)
_LARGE_WAL = 256 * 1024 * 1024
"""Four times what SQLite is told to keep."""


class Daemon:
    """Runs an App until told to stop. `on_ready` is called once with the page's address, or None where there is none."""

    def __init__(
        self,
        app: App,
        *,
        on_ready: Callable[[str | None], None] | None = None,
        on_polled: Callable[[Polled], None] | None = None,
    ) -> None:
        self.app = app
        self.pulse = Heartbeats()
        self._on_ready = on_ready
        schedule, delivery = app.settings.schedule, app.settings.delivery
        self._poller = Poller(
            app.tools,
            concurrency=schedule.concurrency,
            per_host=schedule.per_host,
            lease_for=poll.LEASE_FOR * app.clock.speed,
            on_polled=on_polled,
            on_error=self._note_store_error,
        )
        self._deliverer = Deliverer(
            app.db,
            lambda: app.channels,
            app.clock,
            rate=delivery.rate_per_second,
            concurrency=delivery.concurrency,
            max_age_for=delivery.max_age_for,
            lease_for=deliver.LEASE_FOR * app.clock.speed,
            on_error=self._note_store_error,
        )
        self._lock = StoreLock(app.db.path)
        self._ballast = Ballast(app.db.path)
        self._real, self._steady = Clock(), SteadyClock()
        self._drift_for = timedelta()
        self._wound_at = self._steady()
        self._checked_at = self._steady()
        self._last_resort = Watchdog(self._moves)
        self._stop = asyncio.Event()
        self._is_disk_full = self._is_damaged = self._is_wal_told = False
        self._page: WebServer | None = None
        self._clockwork: AsyncIOScheduler | None = None
        self._ticking: dict[str, asyncio.Task[None]] = {}

    def stop(self) -> None:
        """Ask for a good end; asked twice, the process ends at once (K4)."""
        if self._stop.is_set():
            raise SystemExit(1)
        log.info("stopping: polls and deliveries under way may end")
        self._stop.set()

    async def run(self) -> None:
        """Open, work until stopped, close. Raises AlreadyRunningError, StoreError or ConfigError where it cannot begin."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):  # first, so that a stop while we begin is a good end too
            loop.add_signal_handler(number, self.stop)
        self.app.open_store(may_migrate=True) if self.app.db.path is None else self._open_alone()
        try:
            self._begin()
            await self._serve()
            self._wind_up()
            self._last_resort.start()
            log.info(
                "running store=%s feeds=%d topics=%d",
                self.app.db.shown,
                len(self.app.settings.feeds),
                len(self.app.shelf.topics),
            )
            await self._watch()
        finally:
            await self._end()

    # --- beginning and end ----------------------------------------------------------------------------------------

    def _open_alone(self) -> None:
        """Take the lock before touching the schema: a second daemon must not migrate what the first one reads."""
        self.app.check_folder()
        self._lock.take()
        integrity.check(self.app.db.path, seconds=_START_CHECK_SECONDS)
        self.app.open_store(may_migrate=True)
        with self.app.db.writing() as session:
            released = feeds.release_all(session) + outbox.release_all(session)
        if released:
            log.info("took up %d pieces of work that the last run left off", released)
        self._ballast.hold()

    def _begin(self) -> None:
        now = self.app.clock()
        for name in _TICKS:
            self.pulse.beat(name, self._steady())
        self.app.sync(now=now)
        with self.app.db.writing() as session:
            clock_steps.bring_near(
                session, now=now, at_most_for=2 * max(self.app.settings.schedule.max_interval_for, _DAY)
            )
        self.app.load_topics(now=now)
        self.app.load_meanings()
        for fault in (*self.app.shelf.faults, *self.app.shelf.warnings):
            log.warning("seeds: %s", fault)

    async def _end(self) -> None:
        self._last_resort.stop()
        if self._clockwork:
            self._clockwork.shutdown(wait=False)
        if self._ticking:
            await asyncio.wait(self._ticking.values(), timeout=_GRACE_SECONDS)
        await asyncio.gather(
            self._poller.stop(grace_seconds=_GRACE_SECONDS), self._deliverer.stop(grace_seconds=_GRACE_SECONDS)
        )
        if self._page:
            await self._page.close()
        await self.app.aclose()
        self._lock.free()
        log.info("stopped")

    # --- the page -------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        settings = self.app.settings.web
        address = None
        if settings.enabled:
            application = create(
                self.app.db,
                settings,
                clock=self.app.clock,
                health=self.health,
                seeds=self.app.settings.seeds.dir,
                background=lambda: self.app.tracker.matcher.background if self.app.tracker else None,
                preferred=self.app.settings.stories.preferred_sources,
            )
            self._page = WebServer(application, settings.host, settings.port)
            address = settings.base_url if await self._page.open() else None
        if self._on_ready:
            self._on_ready(address)

    def health(self) -> Health:
        """How we are, for /healthz."""
        return self.pulse.check(self._steady(), dict.fromkeys(_TICKS, _SILENCE_FOR))

    def _moves(self) -> bool:
        """Whether any tick at all gave a sign of life lately."""
        now = self._steady()
        return any(now - at <= _SILENCE_FOR for at in self.pulse.check(now, {}).beats.values())

    # --- the clock ------------------------------------------------------------------------------------------------

    def _wind_up(self) -> None:
        """Start a fresh clock. `coalesce` and no grace time: late is late, never skipped (C2)."""
        if self._clockwork:
            self._clockwork.shutdown(wait=False)
        self._wound_at = self._steady()
        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        self._clockwork = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
        tick = self.app.settings.schedule.tick_for.total_seconds()
        for name, job, seconds in (
            ("poll", self._poll, tick),
            ("deliver", self._deliver, tick),
            ("reload", self._reload, _RELOAD_SECONDS),
        ):
            self._clockwork.add_job(self._start_tick, _Every(seconds), args=(name, job), id=name)
        self._clockwork.start()

    async def _start_tick(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Only start it: what APScheduler itself runs, it cancels when it is shut down, claims half made included (K4)."""
        if name not in self._ticking:
            self._ticking[name] = task = asyncio.create_task(self._tick(name, job), name=f"tick {name}")
            task.add_done_callback(lambda _: self._ticking.pop(name, None))

    async def _tick(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await job()
        except StoreError as error:
            self._note_store_error(error)
        except Exception:
            log.exception("the tick %s failed; the next one comes", name)
            return
        self.pulse.beat(name, self._steady())

    async def _poll(self) -> None:
        if self._is_disk_full or self._is_damaged:
            return
        await self._poller.start_due(now=self.app.clock())
        if not self._is_disk_full:  # a poll under way may have found it full meanwhile
            self.pulse.problem("store", None)

    async def _deliver(self) -> None:
        await self._deliverer.start_due()

    async def _reload(self) -> None:
        await self.app.reload_topics(now=self.app.clock())

    async def _watch(self) -> None:
        """Until stopped: see that the clock ticks, and wind up a new one where it does not (C1, C4)."""
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), timeout=1.0)
            except TimeoutError:
                await self._look_at_clock()
                await self._look_at_ticks()
                await self._look_at_store()
                self._look_at_wal()
                if self._page and not self._page.is_open:
                    await self._page.open_again()

    async def _look_at_ticks(self) -> None:
        now = self._steady()
        silent = [name for name, at in self.health().beats.items() if now - at > _SILENCE_FOR]
        if silent and now - self._wound_at > _SILENCE_FOR:
            log.error("no heartbeat of %s: the clock is wound up anew", ", ".join(silent))
            self._wind_up()

    async def _look_at_clock(self) -> None:
        """APScheduler would sleep until the old time comes again, and so would all that is due in the store (D8)."""
        before, self._drift_for = self._drift_for, self._real() - self._steady()
        back_for = before - self._drift_for
        if abs(back_for) < _CLOCK_STEP_FOR:
            return
        log.warning(
            "the system's clock was set %s by %s", "back" if back_for > timedelta() else "forward", abs(back_for)
        )
        if back_for > timedelta():
            self._wind_up()
            if self.app.db.is_sqlite:  # on PostgreSQL the others' clocks may be right, and their leases are to be kept
                await self._write_times(back_for * self.app.clock.speed)

    async def _write_times(self, back_for: timedelta) -> None:
        try:
            moved = await self.app.db.write(clock_steps.set_back, back_for, now=self.app.clock())
            log.info("moved %d times to come", moved)
        except StoreError as error:
            self._note_store_error(error)

    async def _look_at_store(self) -> None:
        """Once a day: is it whole? Into a damaged one no more is written than how deliveries end (D4)."""
        if self._steady() - self._checked_at < _DAY:
            return
        self._checked_at = self._steady()
        try:
            await asyncio.to_thread(integrity.check, self.app.db.path, seconds=_DAILY_CHECK_SECONDS)
        except DamagedStoreError as error:
            self._is_damaged = True
            self.pulse.problem("integrity", "the store is damaged")
            log.error("%s; polling rests from now on", error)

    def _look_at_wal(self) -> None:
        """A program that reads for long (a backup, an export) keeps SQLite from emptying its log, which grows meanwhile."""
        waiting = integrity.wal_bytes(self.app.db.path)
        if waiting > _LARGE_WAL and not self._is_wal_told:
            log.warning(
                "the store's -wal file has grown to %d MB: another program has been reading the store for long; "
                "it shrinks when that one ends",
                waiting // 1_000_000,
            )
        self._is_wal_told = waiting > _LARGE_WAL

    # --- a full disk ----------------------------------------------------------------------------------------------

    def _note_store_error(self, error: StoreError) -> None:
        is_full = isinstance(error, StoreFullError)
        self.pulse.problem("store", "its disk is full" if is_full else "it cannot be used at the moment")
        if not is_full:
            log.error("%s", error)
        elif not self._is_disk_full:
            self._is_disk_full = True
            log.error("%s; polling rests meanwhile, alerts already queued go out", error)
            self._ballast.drop()
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._try_disk)

    def _try_disk(self) -> None:
        if self._ballast.hold():
            log.info("the disk has room again: polling goes on")
            self.pulse.problem("store", None)
            self._is_disk_full = False
        else:
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._try_disk)


class _Every(BaseTrigger):  # type: ignore[misc]
    """So many seconds after now. APScheduler's own interval counts what was missed tick by tick, and blocks the loop for hours
    where the clock leaps from 1970 to this year (D8).
    """

    def __init__(self, seconds: float) -> None:
        self._for = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._for
