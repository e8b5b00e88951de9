"""Whose turn it is: limits the requests in flight, in all and per host, and spaces those to one host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(slots=True)
class _HostQueue:
    """One host: its slots, when the next request may start, and how many requests wait or run."""

    slots: asyncio.Semaphore
    free_at: float = 0.0
    active: int = 0


@dataclass(slots=True)
class HostScheduler:
    """Grants slots: first one of the host's, then its pause, then one of all. A slow host delays only its own requests."""

    concurrency: int
    per_host: int
    spacing_for: timedelta
    _global_slots: asyncio.Semaphore = field(init=False)
    _queues: dict[str, _HostQueue] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._global_slots = asyncio.Semaphore(self.concurrency)

    @asynccontextmanager
    async def slot(self, host: str) -> AsyncIterator[None]:
        """Wait for a slot of this host, and hold it."""
        queue = self._queue(host)
        queue.active += 1
        try:
            async with queue.slots:
                await self._pause(queue)
                async with self._global_slots:
                    yield
        finally:
            queue.active -= 1

    async def _pause(self, queue: _HostQueue) -> None:
        now = asyncio.get_running_loop().time()
        begin = max(now, queue.free_at)
        queue.free_at = begin + self.spacing_for.total_seconds()
        if begin > now:
            await asyncio.sleep(begin - now)

    def _queue(self, host: str) -> _HostQueue:
        if host not in self._queues:
            self._forget_idle()
            self._queues[host] = _HostQueue(asyncio.Semaphore(self.per_host))
        return self._queues[host]

    def _forget_idle(self) -> None:
        """Drop idle hosts, of which thousands accumulate in a year."""
        if len(self._queues) < 1000:
            return
        now = asyncio.get_running_loop().time()
        self._queues = {host: queue for host, queue in self._queues.items() if queue.active or queue.free_at > now}
