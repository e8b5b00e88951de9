"""One round of polling: claim the feeds that are due, run each, settle. Safe to run twice, on any number of machines.

The only handler of unforeseen exceptions in polling is here: a feed that raises one is delayed for an hour, the others go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from monitor.polling import cadence
from monitor.polling.pipeline import Polled, poll
from monitor.polling.silence import is_to_be_asked_in_full
from monitor.polling.tools import Tools
from monitor.store.feeds import feed_leases
from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.types.errors import BusyError, HostRestsError, MonitorError, StoreError
from monitor.types.fetching import FeedState

log = logging.getLogger("monitor.poll")

POLL_LEASE_FOR = timedelta(minutes=2)
"""Longer than any poll may take, so that only a dead poller loses its lease."""
_DEADLINE_SECONDS = 100.0
_TOGETHER_SECONDS = 0.02
"""Places that fall free within this time are filled by one claim."""
_FAULT_DELAY_FOR = timedelta(hours=1)
_SHORT_DELAY_FOR = timedelta(minutes=1)
_BUSY_DELAY_FOR = timedelta(minutes=5)


class Poller:
    """Runs due feeds concurrently, at most `concurrency` at once; `tools` is called for each poll, as topics change."""

    def __init__(
        self,
        tools: Callable[[], Tools],
        *,
        concurrency: int = 16,
        per_host: int = 2,
        lease_for: timedelta = POLL_LEASE_FOR,
        on_polled: Callable[[Polled], None] | None = None,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._tools = tools
        self._concurrency = concurrency
        self._per_host = per_host
        self._lease_for = lease_for
        self._on_polled = on_polled
        self._on_error = on_error or _log_error
        self._running: set[asyncio.Task[Polled | None]] = set()

    async def start_due(self, *, now: datetime) -> int:
        """Claim due feeds, as many as there are free places, and start them without waiting; return how many."""
        free = self._concurrency - len(self._running)
        if free <= 0:
            return 0
        claimed = await self._tools().db.write(
            feed_leases.claim_due, now=now, lease_for=self._lease_for, limit=free, per_host=self._per_host
        )
        for feed in await self._without_skipped(claimed, now):
            task = asyncio.create_task(self.run(feed, now=now), name=f"poll {feed.name}")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(claimed)

    async def keep_full(self, clock: Callable[[], datetime], *, within_seconds: float) -> int:
        """Start due feeds, and more as places fall free, until none is due or the time is over; return how many were claimed."""
        loop = asyncio.get_running_loop()
        until, claimed = loop.time() + within_seconds, 0
        while (left := until - loop.time()) > 0:
            free = self._concurrency - len(self._running)
            found = await self.start_due(now=clock())
            claimed += found
            if found < free:  # what is due is under way; places that fell free meanwhile are no sign of that
                break
            if self.is_busy:
                await asyncio.wait(self._running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(_TOGETHER_SECONDS)
        return claimed

    @property
    def is_busy(self) -> bool:
        """Whether all places are taken."""
        return len(self._running) >= self._concurrency

    async def _without_skipped(self, claimed: Sequence[FeedState], now: datetime) -> list[FeedState]:
        """The feeds that may be read now; a poll that comes late can fall into hours that the publisher wants left out."""
        skipped = [each for each in claimed if each.wishes.is_skipped(now)]
        for feed in skipped:
            await self._put_off(feed, feed.wishes.next_allowed(now))
        return [each for each in claimed if each not in skipped]

    async def finish(self) -> list[Polled]:
        """Wait for all running polls."""
        done = await asyncio.gather(*self._running)
        return [each for each in done if each]

    async def stop(self, *, grace_seconds: float) -> None:
        """Let running polls end; those that take longer than the grace period are cancelled and their leases expire (K4)."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def run(self, feed: FeedState, *, now: datetime) -> Polled | None:
        """Poll one leased feed and log any fault instead of raising it; None if the feed could not be settled."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                polled = await poll(feed, self._tools(), now=now)
        except LeaseLostError as error:  # the machine slept (K5): the new holder finds the same entries
            log.warning("poll of feed=%s is thrown away: %s", feed.name, error)
            return None
        except HostRestsError as error:
            log.info("feed=%s was not polled: %s", feed.name, error)
            await self._put_off(feed, error.until_at)
            return Polled(feed=feed.name, outcome="put off", error=str(error))
        except StoreError as error:
            self._on_error(error)
            return await self._delay(feed, _SHORT_DELAY_FOR, str(error), now)
        except TimeoutError:  # every step has its own limit: it waited too long for others
            log.error("poll of feed=%s was cut off after %d s; it has its next turn", feed.name, _DEADLINE_SECONDS)
            return await self._delay(
                feed, max(feed.interval_for, _SHORT_DELAY_FOR), "our side was too busy to read it", now
            )
        except BusyError as error:  # the feed was already fetched: do not poll it again too soon
            log.warning("poll of feed=%s was not made: %s", feed.name, error)
            return await self._delay(
                feed, max(_SHORT_DELAY_FOR, min(feed.interval_for, _BUSY_DELAY_FOR)), str(error), now
            )
        except MonitorError as error:  # a passing fault of this machine, such as no room for another process
            log.error("poll of feed=%s could not be made: %s", feed.name, error)
            return await self._delay(feed, _SHORT_DELAY_FOR, str(error), now)
        except Exception as error:
            log.exception("poll of feed=%s failed in an unforeseen way; put off for an hour", feed.name)
            why = f"our own fault, please report it: {type(error).__name__}: {error}"[:500]
            return await self._delay(feed, _FAULT_DELAY_FOR, why, now)
        _log(polled, asyncio.get_running_loop().time() - started)
        if self._on_polled:
            self._on_polled(polled)
        return polled

    async def _put_off(self, feed: FeedState, until_at: datetime) -> None:
        """Let a feed that was not asked wait, without a word on its state."""
        try:
            await self._tools().db.write(feed_leases.put_off, feed, until_at)
        except StoreError as unsettled:
            log.error("feed=%s could not be put off: %s", feed.name, unsettled)

    async def _delay(self, feed: FeedState, delay_for: timedelta, why: str, now: datetime) -> Polled | None:
        in_full = is_to_be_asked_in_full(feed, now=now)  # it may have been asked already, and once a day is enough
        update = cadence.reschedule(feed, delay_for, why=why, is_asked_in_full=in_full, now=now)
        try:
            await self._tools().db.write(feed_leases.settle, update)
        except StoreError as unsettled:
            log.error("feed=%s could not be put off: %s", feed.name, unsettled)
            return None
        return Polled(feed=feed.name, outcome="put off", error=update.error)


def _log_error(error: StoreError) -> None:
    log.error("a poll was not stored and will be made again: %s", error)


def _log(polled: Polled, took: float) -> None:
    level = logging.WARNING if polled.error else logging.INFO
    fresh = sum(1 for each in polled.filed if each.is_new)
    log.log(
        level,
        "polled feed=%s status=%s entries=%d fresh=%d matches=%d alerts=%d took=%.2f%s",
        polled.feed,
        polled.outcome.replace(" ", "-"),
        polled.entries,
        fresh,
        polled.matches,
        len(polled.alerts),
        took,
        f" error={polled.error}" if polled.error else "",
    )
    for alert in polled.alerts:
        log.info(
            "alert id=%s topics=%s story=%s score=%.2f title=%s",
            alert.id,
            ",".join(each.name for each in alert.all_topics),
            alert.story_id,
            alert.score,
            alert.title,
        )
