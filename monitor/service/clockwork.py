"""The daemon's clockwork: jobs that run again and again, each a fixed delay after the last time it was begun.

APScheduler only triggers the ticks. One exception inside it can stop it for good while `running` stays True (apscheduler#109), so
the daemon watches the heartbeats and starts a new scheduler where they stop. Every tick has a time limit, and any exception in it
is logged: the next tick runs in any case.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.types.errors import StoreError
from monitor.web.health import Heartbeats

log = logging.getLogger("monitor.daemon")

Job = Callable[[], Awaitable[None]]

_TICK_SECONDS = 60.0
"""The time limit of one tick."""


class Clockwork:
    """Runs jobs until `stop`. `jobs` gives (name, job, seconds between two ticks) whenever it is started."""

    def __init__(
        self,
        jobs: Callable[[], Iterable[tuple[str, Job, float]]],
        heartbeats: Heartbeats,
        steady: Callable[[], datetime],
        *,
        on_store_error: Callable[[StoreError], None],
    ) -> None:
        self.started_at = steady()
        self._jobs, self._heartbeats, self._steady = jobs, heartbeats, steady
        self._on_store_error = on_store_error
        self._scheduler: AsyncIOScheduler | None = None
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Start a new scheduler. `coalesce` and no grace time: late ticks run once, none is skipped (C2)."""
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        self.started_at = self._steady()
        defaults = {"coalesce": True, "misfire_grace_time": None, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=defaults)
        for name, job, seconds in self._jobs():
            self._scheduler.add_job(self._start_tick, FixedDelayTrigger(seconds), args=(name, job), id=name)
        self._scheduler.start()

    async def stop(self, *, grace_seconds: float) -> None:
        """Trigger nothing more, and let what runs end for so long."""
        if self._scheduler:
            self._scheduler.shutdown(wait=False)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_seconds)

    async def _start_tick(self, name: str, job: Job) -> None:
        """Run a tick as a task of ours: APScheduler cancels its own jobs at shutdown, even in the middle of a claim (K4)."""
        if name not in self._running:
            self._running[name] = task = asyncio.create_task(self.tick(name, job), name=f"tick {name}")
            task.add_done_callback(lambda _: self._running.pop(name, None))

    async def tick(self, name: str, job: Job) -> None:
        """Run a job once. Nothing that it raises gets out; a tick that ended gives a heartbeat."""
        try:
            async with asyncio.timeout(_TICK_SECONDS):
                await job()
        except StoreError as error:
            self._on_store_error(error)
        except Exception:
            log.exception("the tick %s failed; the next one comes", name)
            return
        self._heartbeats.beat(name, self._steady())


class FixedDelayTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires a fixed delay after now. APScheduler's own interval trigger steps through every missed tick, which blocks the event
    loop for hours when the clock leaps from 1970 to the present (D8).
    """

    def __init__(self, seconds: float) -> None:
        self._for = timedelta(seconds=seconds)

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        return now + self._for
