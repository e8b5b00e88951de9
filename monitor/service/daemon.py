"""The daemon: runs polls, deliveries and reloads on a schedule, serves the web page, and shuts down in order.

What is done again and again runs by the clockwork (`service.clockwork`), which our own loop starts anew where its heartbeats stop.
Due times are in the store, never in a job.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from monitor.alerting import condition, deliver
from monitor.alerting.deliver import Deliverer
from monitor.config import plan as plans
from monitor.matching import embedders
from monitor.polling import poll
from monitor.polling.pipeline import Polled
from monitor.polling.poll import Poller
from monitor.polling.reassessing import reassess
from monitor.reading.workers import memory_fault
from monitor.service import in_force, observer
from monitor.service.app import App
from monitor.service.clock import Clock, SteadyClock
from monitor.service.clockwork import Clockwork, Job
from monitor.service.first_polls import FirstPolls
from monitor.service.page_tools import page_tools
from monitor.service.presence import BEAT_SECONDS, Presence
from monitor.service.store_care import StoreCare
from monitor.service.watchdog import Watchdog
from monitor.store import files, nodes, reassessments
from monitor.store.feeds import feed_leases, feed_reports
from monitor.store.files import StoreLock
from monitor.store.outbox import delivery_queue
from monitor.types.condition import Problem, no_workers
from monitor.types.errors import StoreBusyError, StoreError, StoreFullError, StoreUnreachableError
from monitor.web.app import create_app
from monitor.web.health import Health, Heartbeats
from monitor.web.server import WebServer

log = logging.getLogger("monitor.daemon")

_POLL_TICK_SECONDS = 10.0
"""How long one tick goes on filling the places for polls that fall free; the next one follows."""
_SILENCE_FOR = timedelta(seconds=30)
"""Without a heartbeat for this long, a new scheduler is started and /healthz turns red."""
_TICKS = ("poll", "deliver", "reload")
"""Those that must be heard of. The node's own beat shows by the age of its last look."""
_GRACE_SECONDS = 20.0
_START_CHECK_SECONDS = 1.5
"""The time limit of the integrity check at start; the daily one has more."""
_RETRY_SECONDS = 5.0
"""The time between two attempts to start on a store that is full or locked."""
_RELOAD_SECONDS = 0.5
"""So that a verdict or a new seed takes effect within a second."""
_REASSESS_SECONDS = 1.0
"""Between two batches of articles that are assessed again: they take a part of one core, and polls the rest."""
_CLOCK_STEP_FOR = timedelta(seconds=5)
"""A larger jump against the steady clock means that the system clock was set; smaller ones are slewing."""
_DAY = timedelta(days=1)


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
        self._real, self._steady = Clock(), SteadyClock()
        self._care = StoreCare(app.db.path, self.heartbeats, lambda: self._steady())
        self._on_ready, self._on_polled = on_ready, on_polled
        self._first_polls = FirstPolls(())
        self._is_running = False
        schedule, delivery = app.settings.schedule, app.settings.delivery
        self._poller = Poller(
            app.tools,
            concurrency=schedule.concurrency,
            per_host=schedule.per_host,
            lease_for=poll.POLL_LEASE_FOR * app.clock.speed,
            on_polled=self._note_polled,
            on_error=self._care.report,
        )
        self._deliverer = Deliverer(
            app.db,
            lambda: app.channels,
            app.clock,
            rate=delivery.rate_per_second,
            max_age_for=delivery.max_age_for,
            lease_for=deliver.DELIVERY_LEASE_FOR * app.clock.speed,
            on_error=self._care.report,
        )
        self._lock = StoreLock(app.db.path)
        self._presence = Presence(app, lambda: self._steady())
        self._drift_for = timedelta()
        self._clockwork = Clockwork(
            self._jobs, self.heartbeats, lambda: self._steady(), on_store_error=self._care.report
        )
        self._watchdog = Watchdog(self._is_alive)
        self._stop = asyncio.Event()
        self._web: WebServer | None = None

    def stop(self) -> None:
        """Begin an orderly shutdown; called again, exit at once (K4)."""
        if self._stop.is_set():
            raise SystemExit(1)
        log.info("stopping: polls and deliveries under way may end")
        self._stop.set()

    async def run(self) -> None:
        """Start, run until stopped, shut down. Raises AlreadyRunningError, StoreError or ConfigError where it cannot start."""
        loop = asyncio.get_running_loop()
        is_detached = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # by nohup: it outlives its terminal
        for number in (signal.SIGTERM, signal.SIGINT, *(() if is_detached else (signal.SIGHUP,))):
            loop.add_signal_handler(number, self.stop)  # first, so that a stop during the start is orderly too
        try:
            if not await self._start_patiently():
                return
            await self._open_web()
            self._announce()
            self._first_polls = FirstPolls(await self.app.db.read(feed_reports.never_polled))
            self._clockwork.start()
            self._watchdog.start()
            self._is_running = True
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
        self._care.reserve()

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
        await self._clockwork.stop(grace_seconds=_GRACE_SECONDS)
        await asyncio.gather(
            self._poller.stop(grace_seconds=_GRACE_SECONDS), self._deliverer.stop(grace_seconds=_GRACE_SECONDS)
        )
        if self._web:
            await self._web.close()
        self._presence.end()
        await self.app.aclose()
        self._lock.release()
        log.info("stopped" if self._is_running else "not started")

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
        if self._care.is_full:
            yield from condition.disk_problems(None, is_full=True)
        workers = vars(self.app).get("workers")
        if workers and workers.problem:
            yield no_workers(workers.problem)

    def _is_alive(self) -> bool:
        """Whether any tick has given a heartbeat within `_SILENCE_FOR`."""
        now = self._steady()
        return any(now - at <= _SILENCE_FOR for at in self.heartbeats.check(now, {}).beats.values())

    # --- what is done, and how often ------------------------------------------------------------------------------

    def _jobs(self) -> Iterator[tuple[str, Job, float]]:
        """Name, job and seconds between two runs."""
        tick = self.app.settings.schedule.tick_for.total_seconds()
        yield "poll", self._poll, tick
        yield "deliver", self._deliver, tick
        yield "reload", self._reload, _RELOAD_SECONDS
        yield "reassess", self._reassess, _REASSESS_SECONDS
        yield "node", lambda: self._presence.beat(is_disk_full=self._care.is_full), BEAT_SECONDS

    async def _poll(self) -> None:
        if not self._care.may_poll:
            return
        await self._poller.keep_full(self.app.clock, within_seconds=_POLL_TICK_SECONDS)
        if not self._care.is_full:  # a poll under way may have found it full meanwhile
            self.heartbeats.set_problem("store", None)

    async def _deliver(self) -> None:
        if await asyncio.to_thread(self.app.added_channels.refresh):
            log.info("channels by page or command: %s", ", ".join(self.app.added_channels.channels) or "none")
            await asyncio.to_thread(self.app.load_channels_in_force)
            await self._presence.beat(is_disk_full=self._care.is_full)
        await self._deliverer.start_due()

    async def _reload(self) -> None:
        await self.app.reload_topics(now=self.app.clock())
        self.heartbeats.set_notes("seeds", self.app.topic_keeper.remarks)

    async def _reassess(self) -> None:
        """A batch of what is to be assessed again. Polls go first: where all their places are taken, the batch waits, except for
        articles that were not decided on yet."""
        if not self._care.may_poll:
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
                self._keep_lock()
                await self._check_clock()
                await self._check_heartbeats()
                await self._care.check_daily()
                self._care.check_log()
                if self._web and not self._web.is_open:
                    await self._web.open_again()

    def _keep_lock(self) -> None:
        """Raises AlreadyRunningError where another daemon works on the store: it has the later word, and this one ends."""
        with suppress(StoreError):  # the folder is gone, or full: both are told by themselves
            if self._lock.keep():
                log.warning("the lock of the store had been deleted or replaced; it is held again")

    async def _check_heartbeats(self) -> None:
        now = self._steady()
        beats = self.health().beats
        silent = [name for name in _TICKS if name in beats and now - beats[name] > _SILENCE_FOR]
        if silent and now - self._clockwork.started_at > _SILENCE_FOR:
            log.error("no heartbeat of %s: the clock is wound up anew", ", ".join(silent))
            self._clockwork.start()

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
            self._clockwork.start()
            if self.app.db.is_sqlite:  # on PostgreSQL other hosts' clocks may be right; their leases must stay
                await self._move_due_times(back_for * self.app.clock.speed)

    async def _move_due_times(self, back_for: timedelta) -> None:
        try:
            moved = await self.app.db.write(nodes.move_earlier, back_for, now=self.app.clock())
            log.info("moved %d times to come", moved)
        except StoreError as error:
            self._care.report(error)
