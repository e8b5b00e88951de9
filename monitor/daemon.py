"""The process that runs for months: a clock that ticks, the rounds it starts, the page beside them, a good end.

APScheduler is the clock and is not trusted to stay alive: one exception inside it stops it for ever while `running` says True
(apscheduler#109), so a watch of our own looks at the heartbeat and winds up a new one. What is due stands in the store, never in
a job. Every tick has a deadline and a broad handler: a bad minute is logged, the next tick comes.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import uvicorn
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from monitor import deliver, poll, web
from monitor.app import App
from monitor.clock import Clock
from monitor.deliver import Deliverer
from monitor.errors import StoreError, StoreFullError
from monitor.health import Health, Pulse
from monitor.pipeline import Polled
from monitor.poll import Poller
from monitor.store import feeds, outbox
from monitor.store.ballast import Ballast
from monitor.store.lock import StoreLock

log = logging.getLogger("monitor.daemon")

_TICK_SECONDS = 60.0
"""The longest one tick may take."""
_SILENCE_FOR = timedelta(seconds=30)
"""Without a heartbeat for this long, the clock is wound up anew and /healthz turns red."""
_TICKS = ("poll", "deliver", "reload")
_GRACE_SECONDS = 20.0
_RELOAD_SECONDS = 2.0
_FULL_DISK_SECONDS = 15.0
"""How long polling rests after the disk was found full."""
_REBIND_SECONDS = 30.0


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
        self.pulse = Pulse()
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
        )
        self._lock = StoreLock(app.db.path)
        self._ballast = Ballast(app.db.path)
        self._real = Clock()
        self._stop = asyncio.Event()
        self._is_disk_full = False
        self._page: _Page | None = None
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
        self.app.open_store(may_migrate=True) if self.app.db.path is None else self._open_alone()
        try:
            self._begin()
            await self._serve()
            self._wind_up()
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
        self.app.open_store(may_migrate=True)
        with self.app.db.writing() as session:
            released = feeds.release_all(session) + outbox.release_all(session)
        if released:
            log.info("took up %d pieces of work that the last run left off", released)
        self._ballast.hold()

    def _begin(self) -> None:
        now = self.app.clock()
        self.app.sync(now=now)
        self.app.load_topics(now=now)
        for fault in (*self.app.shelf.faults, *self.app.shelf.warnings):
            log.warning("seeds: %s", fault)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)

    async def _end(self) -> None:
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
            application = web.create(self.app.db, settings, clock=self.app.clock, health=self.health)
            self._page = _Page(application, settings.host, settings.port)
            address = settings.base_url if await self._page.open() else None
        if self._on_ready:
            self._on_ready(address)

    def health(self) -> Health:
        """How we are, for /healthz."""
        return self.pulse.check(self._real(), dict.fromkeys(_TICKS, _SILENCE_FOR))

    # --- the clock ------------------------------------------------------------------------------------------------

    def _wind_up(self) -> None:
        """Start a fresh clock. `coalesce` and no grace time: late is late, never skipped (C2)."""
        if self._clockwork:
            self._clockwork.shutdown(wait=False)
        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        self._clockwork = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
        tick = self.app.settings.schedule.tick_for.total_seconds()
        for name, job, seconds in (
            ("poll", self._poll, tick),
            ("deliver", self._deliver, tick),
            ("reload", self._reload, _RELOAD_SECONDS),
        ):
            self.pulse.beat(name, self._real())
            self._clockwork.add_job(self._start_tick, "interval", args=(name, job), seconds=seconds, id=name)
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
        self.pulse.beat(name, self._real())

    async def _poll(self) -> None:
        if self._is_disk_full:
            return
        await self._poller.start_due(now=self.app.clock())
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
                health = self.health()
                silent = [name for name, at in health.beats.items() if self._real() - at > _SILENCE_FOR]
                if silent:
                    log.error("no heartbeat of %s: the clock is wound up anew", ", ".join(silent))
                    self._wind_up()
                if self._page and not self._page.is_open:
                    await self._page.open_again()

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


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the daemon's: uvicorn would take SIGTERM away from it."""
        yield


class _Page:
    """uvicorn inside our loop, on a socket of our own, so that a port in use costs the page and nothing else."""

    def __init__(self, application: object, host: str, port: int) -> None:
        self._application = application
        self._host, self._port = host, port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._next_try = 0.0
        self._is_told = False

    @property
    def is_open(self) -> bool:
        return self._task is not None and not self._task.done()

    async def open(self) -> bool:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
        except OSError as error:
            listener.close()
            self._complain(error)
            self._next_try = asyncio.get_running_loop().time() + _REBIND_SECONDS
            return False
        if self._is_told:
            log.info("the page is open on %s port %d", self._host, self._port)
        config = uvicorn.Config(
            self._application,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
            limit_concurrency=200,
        )
        self._server = _Server(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="page")
        return True

    def _complain(self, error: OSError) -> None:
        """Once, not at every try."""
        log.log(
            logging.DEBUG if self._is_told else logging.ERROR,
            "the page cannot be opened on %s port %d: %s; everything else goes on (set web.port, or free the port)",
            self._host,
            self._port,
            error.strerror,
        )
        self._is_told = True

    async def open_again(self) -> None:
        if asyncio.get_running_loop().time() >= self._next_try:
            await self.open()

    async def close(self) -> None:
        if self._server and self._task:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)
