"""The daemon: runs polls, deliveries and reloads on a schedule, serves the web page, and shuts down in order.

APScheduler only triggers the ticks. One exception inside it can stop it for good while `running` stays True (apscheduler#109), so
our own loop watches the heartbeats and starts a new scheduler where they stop. Due times are in the store, never in a job. Every
tick has a time limit, and any exception in it is logged: the next tick runs in any case.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.alerting import condition, deliver
from monitor.alerting.deliver import Deliverer
from monitor.config import plan as plans
from monitor.matching import embedders
from monitor.polling import poll, reassess
from monitor.polling.pipeline import Polled
from monitor.polling.poll import Poller
from monitor.reading.workers import memory_fault
from monitor.service import in_force, observer
from monitor.service.app import App
from monitor.service.clock import Clock, SteadyClock
from monitor.service.first_polls import FirstPolls
from monitor.service.page_tools import page_tools
from monitor.service.presence import BEAT_SECONDS, Presence
from monitor.service.watchdog import Watchdog
from monitor.store import files, nodes, reassessments
from monitor.store.feeds import feed_leases, feed_reports
from monitor.store.files import DamagedStoreError, ReservedSpace, StoreLock
from monitor.store.outbox import delivery_queue
from monitor.types.condition import Problem, no_workers
from monitor.types.errors import StoreBusyError, StoreError, StoreFullError, StoreUnreachableError
from monitor.web.app import create_app
from monitor.web.health import Health, Heartbeats
from monitor.web.server import WebServer

log = logging.getLogger("monitor.daemon")

_TICK_SECONDS = 60.0
"""The time limit of one tick."""
_POLL_TICK_SECONDS = 10.0
"""How long one tick goes on filling the places for polls that fall free; the next one follows."""
_SILENCE_FOR = timedelta(seconds=30)
"""Without a heartbeat for this long, a new scheduler is started and /healthz turns red."""
_TICKS = ("poll", "deliver", "reload")
"""Those that must be heard of. The node's own beat shows by the age of its last look."""
_GRACE_SECONDS = 20.0
_START_CHECK_SECONDS = 1.5
"""The time limit of the integrity check at start; the daily one has more."""
_DAILY_CHECK_SECONDS = 300.0
_RETRY_SECONDS = 5.0
"""The time between two attempts to start on a store that is full or locked."""
_RELOAD_SECONDS = 0.5
"""So that a verdict or a new seed takes effect within a second."""
_REASSESS_SECONDS = 1.0
"""Between two batches of articles that are assessed again: they take a part of one core, and polls the rest."""
_FULL_DISK_SECONDS = 15.0
"""The time between two attempts to reserve space again after the disk was full; polling is suspended meanwhile."""
_CLOCK_STEP_FOR = timedelta(seconds=5)
"""A larger jump against the steady clock means that the system clock was set; smaller ones are slewing."""
_DAY = timedelta(days=1)
_LARGE_WAL = 256 * 1024 * 1024
"""Four times SQLite's `journal_size_limit` (store.db)."""


class Daemon:
    """Runs an App until `stop`. `on_ready` is called once, with the web page's address or None; `on_polled` after each poll."""

    def __init__(
        self,
        app: App,
        *,
        on_ready: Callable[[str | None], None] | None = None,
        on_polled: Callable[[Polled], None] | None = None,
    ) -> None:
        self.app = app
        self.heartbeats = Heartbeats()
        self._on_ready, self._on_polled = on_ready, on_polled
        self._first_polls = FirstPolls(())
        schedule, delivery = app.settings.schedule, app.settings.delivery
        self._poller = Poller(
            app.tools,
            concurrency=schedule.concurrency,
            per_host=schedule.per_host,
            lease_for=poll.POLL_LEASE_FOR * app.clock.speed,
            on_polled=self._note_polled,
            on_error=self._report_store_error,
        )
        self._deliverer = Deliverer(
            app.db,
            lambda: app.channels,
            app.clock,
            rate=delivery.rate_per_second,
            max_age_for=delivery.max_age_for,
            lease_for=deliver.DELIVERY_LEASE_FOR * app.clock.speed,
            on_error=self._report_store_error,
        )
        self._lock = StoreLock(app.db.path)
        self._reserved_space = ReservedSpace(app.db.path)
        self._real, self._steady = Clock(), SteadyClock()
        self._presence = Presence(app, lambda: self._steady())
        self._drift_for = timedelta()
        self._scheduler_started_at = self._steady()
        self._checked_at = self._steady()
        self._watchdog = Watchdog(self._is_alive)
        self._stop = asyncio.Event()
        self._is_disk_full = self._is_damaged = self._is_wal_reported = False
        self._web: WebServer | None = None
        self._scheduler: AsyncIOScheduler | None = None
        self._running_ticks: dict[str, asyncio.Task[None]] = {}

    def stop(self) -> None:
        """Begin an orderly shutdown; called again, exit at once (K4)."""
        if self._stop.is_set():
            raise SystemExit(1)
        log.info("stopping: polls and deliveries under way may end")
        self._stop.set()

    async def run(self) -> None:
        """Start, run until stopped, shut down. Raises AlreadyRunningError, StoreError or ConfigError where it cannot start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):  # first, so that a stop during the start is orderly too
            loop.add_signal_handler(number, self.stop)
        try:
            if not await self._start_patiently():
                return
            await self._open_web()
            self._announce()
            self._first_polls = FirstPolls(await self.app.db.read(feed_reports.never_polled))
            self._start_scheduler()
            self._watchdog.start()
            log.info(
                "running store=%s feeds=%d topics=%d",
                self.app.db.shown,
                await self.app.db.read(feed_reports.count_polled),
                len(self.app.loaded.topics),
            )
            await self._watch()
        finally:
            await self._shut_down()

    # --- start and shutdown ---------------------------------------------------------------------------------------

    async def _start_patiently(self) -> bool:
        """Open the store and prepare. While its disk is full, another program holds it or its server is away, say so, answer
        /healthz and try again. False where the daemon was stopped meanwhile.
        """
        is_first = True
        while not self._stop.is_set():
            try:
                # at the first time here, as it is quick; later the page must answer meanwhile
                self._open_and_prepare() if is_first else await asyncio.to_thread(self._open_and_prepare)
            except (StoreFullError, StoreBusyError, StoreUnreachableError) as error:
                log.log(logging.ERROR if is_first else logging.DEBUG, "%s; the start waits for it", error)
                self.heartbeats.set_problem("store", observer.problem_of(error))
                is_first = False
                await self._open_web()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), _RETRY_SECONDS)
            else:
                self.heartbeats.set_problem("store", None)
                return True
        return False

    def _open_and_prepare(self) -> None:
        self.app.open_store(may_migrate=True) if self.app.db.path is None else self._open_alone()
        self._prepare()

    def _open_alone(self) -> None:
        """Take the lock before touching the schema: a second daemon must not migrate a store in use."""
        self.app.check_folder()
        self._lock.acquire()
        files.check_integrity(self.app.db.path, seconds=_START_CHECK_SECONDS)
        self.app.open_store(may_migrate=True)
        with self.app.db.writing() as session:
            released = sum(each.release_all(session) for each in (feed_leases, delivery_queue, reassessments))
        if released:
            log.info("took up %d pieces of work that the last run left off", released)
        self._reserved_space.reserve()

    def _prepare(self) -> None:
        now = self.app.clock()
        for name in _TICKS:
            self.heartbeats.beat(name, self._steady())
        self._apply_settings(now)
        with self.app.db.writing() as session:
            nodes.make_distant_due(
                session, now=now, at_most_for=2 * max(self.app.settings.schedule.max_interval_for, _DAY)
            )
        self.app.load_topics(now=now)
        self.app.load_embeddings()
        self._presence.begin(is_alone=self.app.db.is_sqlite)
        faults = self.app.topic_keeper.uncovered_faults(self.app.loaded.faults)
        for fault in (*faults, *self.app.loaded.warnings):
            log.warning("seeds: %s", fault)
        if fault := memory_fault(self.app.settings.workers.memory_mb):
            log.warning("%s", fault)

    def _apply_settings(self, now: datetime) -> None:
        """Apply the settings file as a plan, and say in a line each what was done and in what the file differs still."""
        plan = self.app.apply_settings(now=now)
        if not plan.is_empty:
            log.info("settings applied: %s", plans.words(plan))
        if rest := plans.what_remains(plan):
            level = logging.INFO if not plan.stays_on else logging.WARNING
            log.log(level, "these settings differ from what is in force: %s", "; ".join(rest))
        for released in plans.releases(plan):
            log.info("%s", released)
        for line in (*in_force.unknown_sources(self.app.db, self.app.settings), *plans.offers(plan)):
            log.warning("%s", line)

    async def _shut_down(self) -> None:
        self._watchdog.stop()
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        if self._running_ticks:
            await asyncio.wait(self._running_ticks.values(), timeout=_GRACE_SECONDS)
        await asyncio.gather(
            self._poller.stop(grace_seconds=_GRACE_SECONDS), self._deliverer.stop(grace_seconds=_GRACE_SECONDS)
        )
        if self._web:
            await self._web.close()
        self._presence.end()
        await self.app.aclose()
        self._lock.release()
        log.info("stopped")

    # --- the web page ---------------------------------------------------------------------------------------------

    async def _open_web(self) -> None:
        settings = self.app.settings.web
        if settings.enabled and self._web is None:
            application = create_app(
                self.app.db,
                settings,
                clock=self.app.clock,
                health=self.health,
                seeds=self.app.settings.seeds.dir,
                background=lambda: self.app.tracker.matcher.background if self.app.tracker else None,
                preferred=self.app.settings.stories.preferred_sources,
                entries=self.app.entries,
                embedder_problem=embedders.problem(self.app.settings.embedding.embedder),
                tools=page_tools(self.app, self.app.db),
            )
            self._web = WebServer(application, settings.host, settings.port, proxies=settings.trusted_proxies)
            await self._web.open()

    def _announce(self) -> None:
        if self._on_ready:
            is_open = self._web is not None and self._web.is_open
            self._on_ready(self.app.settings.web.base_url if is_open else None)

    def _note_polled(self, polled: Polled) -> None:
        if said := self._first_polls.add(polled):
            log.info("%s", said)
        if self._on_polled:
            self._on_polled(polled)

    def health(self) -> Health:
        """The state of the daemon and of the whole service, from memory, for /healthz and the status page."""
        own = self.heartbeats.check(self._steady(), dict.fromkeys(_TICKS, _SILENCE_FOR))
        return own.and_also(self._own_problems(), None).and_also(*self._presence.observer.latest())

    def _own_problems(self) -> Iterator[Problem]:
        """What this process knows by itself, whatever else happened since: that polling has stopped, or nothing can be read."""
        if self._is_disk_full:
            yield from condition.disk_problems(None, is_full=True)
        workers = vars(self.app).get("workers")
        if workers and workers.problem:
            yield no_workers(workers.problem)

    def _is_alive(self) -> bool:
        """Whether any tick has given a heartbeat within `_SILENCE_FOR`."""
        now = self._steady()
        return any(now - at <= _SILENCE_FOR for at in self.heartbeats.check(now, {}).beats.values())

    # --- the scheduler --------------------------------------------------------------------------------------------

    def _start_scheduler(self) -> None:
        """Start a new scheduler. `coalesce` and no grace time: late ticks run once, none is skipped (C2)."""
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        self._scheduler_started_at = self._steady()
        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
        tick = self.app.settings.schedule.tick_for.total_seconds()
        for name, job, seconds in (
            ("poll", self._poll, tick),
            ("deliver", self._deliver, tick),
            ("reload", self._reload, _RELOAD_SECONDS),
            ("reassess", self._reassess, _REASSESS_SECONDS),
            ("node", lambda: self._presence.beat(is_disk_full=self._is_disk_full), BEAT_SECONDS),
        ):
            self._scheduler.add_job(self._start_tick, _FixedDelayTrigger(seconds), args=(name, job), id=name)
        self._scheduler.start()

    async def _start_tick(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Run a tick as a task of ours: APScheduler cancels its own jobs at shutdown, even in the middle of a claim (K4)."""
        if name not in self._running_ticks:
            self._running_ticks[name] = task = asyncio.create_task(self._tick(name, job), name=f"tick {name}")
            task.add_done_callback(lambda _: self._running_ticks.pop(name, None))

    async def _tick(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await job()
        except StoreError as error:
            self._report_store_error(error)
        except Exception:
            log.exception("the tick %s failed; the next one comes", name)
            return
        self.heartbeats.beat(name, self._steady())

    async def _poll(self) -> None:
        if self._is_disk_full or self._is_damaged:
            return
        await self._poller.keep_full(self.app.clock, within_seconds=_POLL_TICK_SECONDS)
        if not self._is_disk_full:  # a poll under way may have found it full meanwhile
            self.heartbeats.set_problem("store", None)

    async def _deliver(self) -> None:
        if await asyncio.to_thread(self.app.added_channels.refresh):
            log.info("channels by page or command: %s", ", ".join(self.app.added_channels.channels) or "none")
            await asyncio.to_thread(self.app.load_channels_in_force)
            await self._presence.beat(is_disk_full=self._is_disk_full)
        await self._deliverer.start_due()

    async def _reload(self) -> None:
        await self.app.reload_topics(now=self.app.clock())
        self.heartbeats.set_notes("seeds", self.app.topic_keeper.remarks)

    async def _reassess(self) -> None:
        """A batch of what is to be assessed again. Polls go first: where all their places are taken, the batch waits, except for
        articles that were not decided on yet."""
        if self._is_disk_full or self._is_damaged:
            return
        await reassess.reassess_due(
            self.app.tools(),
            now=self.app.clock(),
            lease_for=reassess.LEASE_FOR * self.app.clock.speed,
            is_urgent_only=self._poller.is_busy,
        )

    async def _watch(self) -> None:
        """Until stopped, once a second: check clock, heartbeats, store and web page, and repair what can be (C1, C4)."""
        while not self._stop.is_set():
            try:
                await asyncio.wait_for(self._stop.wait(), timeout=1.0)
            except TimeoutError:
                await self._check_clock()
                await self._check_heartbeats()
                await self._check_store_daily()
                self._check_wal()
                if self._web and not self._web.is_open:
                    await self._web.open_again()

    async def _check_heartbeats(self) -> None:
        now = self._steady()
        beats = self.health().beats
        silent = [name for name in _TICKS if name in beats and now - beats[name] > _SILENCE_FOR]
        if silent and now - self._scheduler_started_at > _SILENCE_FOR:
            log.error("no heartbeat of %s: the clock is wound up anew", ", ".join(silent))
            self._start_scheduler()

    async def _check_clock(self) -> None:
        """React to a system clock that was set back: APScheduler and all due times would wait for the old time to return (D8)."""
        before, self._drift_for = self._drift_for, self._real() - self._steady()
        back_for = before - self._drift_for
        if abs(back_for) < _CLOCK_STEP_FOR:
            return
        log.warning(
            "the system's clock was set %s by %s", "back" if back_for > timedelta() else "forward", abs(back_for)
        )
        if back_for > timedelta():
            self._start_scheduler()
            if self.app.db.is_sqlite:  # on PostgreSQL other hosts' clocks may be right; their leases must stay
                await self._move_due_times(back_for * self.app.clock.speed)

    async def _move_due_times(self, back_for: timedelta) -> None:
        try:
            moved = await self.app.db.write(nodes.move_earlier, back_for, now=self.app.clock())
            log.info("moved %d times to come", moved)
        except StoreError as error:
            self._report_store_error(error)

    async def _check_store_daily(self) -> None:
        """Check the integrity of the store once a day. In a damaged one polling stops, only deliveries are recorded (D4)."""
        if self._steady() - self._checked_at < _DAY:
            return
        self._checked_at = self._steady()
        try:
            await asyncio.to_thread(files.check_integrity, self.app.db.path, seconds=_DAILY_CHECK_SECONDS)
        except DamagedStoreError as error:
            self._is_damaged = True
            self.heartbeats.set_problem("integrity", observer.problem_of(error))
            log.error("%s; polling stops from now on", error)

    def _check_wal(self) -> None:
        """Warn once of a large write-ahead log: SQLite cannot truncate it while another program (a backup, an export) reads."""
        size = files.wal_bytes(self.app.db.path)
        if size > _LARGE_WAL and not self._is_wal_reported:
            log.warning(
                "the store's -wal file has grown to %d MB: another program has been reading the store for long; "
                "it shrinks when that one ends",
                size // 1_000_000,
            )
        self._is_wal_reported = size > _LARGE_WAL

    # --- a full disk ----------------------------------------------------------------------------------------------

    def _report_store_error(self, error: StoreError) -> None:
        is_full = isinstance(error, StoreFullError)
        self.heartbeats.set_problem("store", observer.problem_of(error))
        if not is_full:
            log.error("%s", error)
        elif not self._is_disk_full:
            self._is_disk_full = True
            log.error("%s; polling stops meanwhile, alerts already queued go out", error)
            self._reserved_space.release()
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._reserve_disk_again)

    def _reserve_disk_again(self) -> None:
        if self._reserved_space.reserve():
            log.info("the disk has room again: polling goes on")
            self.heartbeats.set_problem("store", None)
            self._is_disk_full = False
        else:
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._reserve_disk_again)


class _FixedDelayTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires a fixed delay after now. APScheduler's own interval trigger steps through every missed tick, which blocks the event
    loop for hours when the clock leaps from 1970 to the present (D8).
    """

    def __init__(self, seconds: float) -> None:
        self._for = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._for
