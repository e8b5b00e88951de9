"""Delivers alerts from the outbox: claim what is due on each channel, send, settle. Safe to run concurrently on several
machines.

Each channel has a task of its own and shares nothing with the others, so that any number that hang delay no other (W13); it
sends in order of creation and at the channel's rate. An alert is claimed, sent with no transaction open, and settled: killed in
between, it is sent again with the same id.

The two broad exception handlers of delivering are here: a channel that raises has failed in this attempt, as if its receiver had
said so (`_try`), and a task that fails in any other way rests and comes again (`_task`).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

from monitor.alerting import notices, retry, summaries
from monitor.alerting.channels.base import Addressed, Channel, Editor, Limited
from monitor.config.plan import offer
from monitor.store import channels as channel_rows
from monitor.store import copies_wait
from monitor.store.db import Database, Session
from monitor.store.outbox import delivery_queue, message_edits
from monitor.types.alerting import (
    AttemptResult,
    ChannelEvent,
    DeliveryState,
    DeliveryUpdate,
    Outcome,
    RecipientOutcome,
)
from monitor.types.errors import StoreError

log = logging.getLogger("monitor.deliver")

DELIVERY_LEASE_FOR = timedelta(minutes=5)
_SEND_SECONDS = 90.0
"""Above every channel's own deadline: a last resort that is not reached in normal operation."""
_PAUSE_SECONDS = 60.0
_EDITS = "edits of all channels"
"""Key of the editing task; cannot be a channel's name, as it contains spaces."""
_EDIT_INTERVAL_SECONDS = 30.0
"""Between two searches for messages to edit."""


class Deliverer:
    """Sends what the outbox holds through `channels` (called for every round), at most `rate` messages a second on each."""

    def __init__(
        self,
        db: Database,
        channels: Callable[[], Mapping[str, Channel]],
        clock: Callable[[], datetime],
        *,
        rate: float = 1.0,
        max_age_for: timedelta = timedelta(hours=96),
        lease_for: timedelta = DELIVERY_LEASE_FOR,
        on_error: Callable[[StoreError], None] | None = None,
    ) -> None:
        self._db = db
        self._channels = channels
        self._clock = clock
        self._spacing = 1 / rate
        self._max_age_for = max_age_for
        self._lease_for = lease_for
        self._running: dict[str, asyncio.Task[int]] = {}
        self._on_error = on_error or _log_error
        self._paused_until: dict[str, float] = {}
        self._is_stopping = False

    async def start_due(self) -> int:
        """Start a task for every channel that has something due and no task yet, without waiting. Returns how many."""
        own = {name: each.destination for name, each in self._channels().items() if self._is_free(name)}
        if waited := await self._db.read(copies_wait.over, own, now=self._clock()):
            await self._db.write(copies_wait.end, waited, now=self._clock())
        due = await self._db.read(delivery_queue.due_channels, own, now=self._clock())
        started = [name for name in due if self._is_free(name)]
        for name in started:
            task = asyncio.create_task(self._drain(name), name=f"deliver {name}")
            self._running[name] = task
            task.add_done_callback(partial(self._forget, name))
        editors = {name: channel for name, channel in self._channels().items() if isinstance(channel, Editor)}
        if editors and self._is_free(_EDITS):
            task = asyncio.create_task(self._edit(editors), name="edit messages")
            self._running[_EDITS] = task
            task.add_done_callback(partial(self._forget, _EDITS))
        return len(started)

    async def _edit(self, editors: Mapping[str, Editor]) -> int:
        """Edit sent messages that say less than is known by now. A failure here does not affect deliveries."""
        self._rest(_EDITS, _EDIT_INTERVAL_SECONDS)
        with self._task(_EDITS, "editing messages", rest_seconds=_EDIT_INTERVAL_SECONDS):
            where = {name: each.destination for name, each in editors.items()}
            for edit in await self._db.write(message_edits.outdated, where, now=self._clock()):
                async with asyncio.timeout(_SEND_SECONDS):
                    outcome = await editors[edit.channel].edit(edit.alert, edit.receipt, now=self._clock())
                await self._db.write(message_edits.record_edit, edit, outcome)
                log.info(
                    "edited alert=%s channel=%s result=%s code=%s",
                    edit.alert.id,
                    edit.channel,
                    outcome.result,
                    outcome.code,
                )
                await asyncio.sleep(self._spacing)
        return 0

    @contextmanager
    def _task(self, name: str, what: str, *, rest_seconds: float) -> Iterator[None]:
        """What a task does. A fault is told and ends it; one that nobody foresaw lets it rest, so that it is said once a while."""
        try:
            yield
        except StoreError as error:
            self._on_error(error)
        except Exception:
            log.exception("%s failed in an unforeseen way; tried again in %.0f seconds", what, rest_seconds)
            self._rest(name, rest_seconds)

    def _rest(self, name: str, seconds: float) -> None:
        self._paused_until[name] = asyncio.get_running_loop().time() + seconds

    async def finish(self) -> int:
        """Wait until no task has anything due. Returns how many attempts were made."""
        return sum(await asyncio.gather(*self._running.values()))

    async def stop(self, *, grace_seconds: float) -> None:
        """Let running attempts end; what takes longer is cancelled and is due again when its lease expires (K4)."""
        self._is_stopping = True
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=grace_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _is_free(self, name: str) -> bool:
        is_paused = self._paused_until.get(name, 0.0) > asyncio.get_running_loop().time()
        return name not in self._running and not is_paused

    def _forget(self, name: str, _task: asyncio.Task[int]) -> None:
        self._running.pop(name, None)

    async def _drain(self, name: str) -> int:
        tries = 0
        with self._task(name, f"delivering on channel={name}", rest_seconds=_PAUSE_SECONDS):
            while not self._is_stopping and (channel := self._channels().get(name)):
                delivery, held = await self._db.write(
                    _claim, channel, now=self._clock(), lease_for=self._lease_for, max_age_for=self._max_age_for
                )
                if held:
                    log.warning("%s; they are too old to be sent by themselves", offer(name, held))
                if delivery is None:
                    break
                tries += 1
                await self._deliver(channel, delivery)
                await asyncio.sleep(self._spacing)
        return tries

    async def _deliver(self, channel: Channel, delivery: DeliveryState) -> None:
        started_at = self._clock()
        if started_at >= delivery.lease.until_at:  # the machine was suspended: another process may be sending it (K5)
            return
        outcome = await self._try(channel, delivery, started_at)
        now = self._clock()
        update, event = await self._db.write(
            _settle,
            delivery,
            outcome,
            started_at=started_at,
            now=now,
            max_age_for=self._max_age_for,
        )
        if update is None:
            log.warning(
                "delivery alert=%s channel=%s lost its lease; somebody else has it", delivery.alert.id, channel.name
            )
            return
        _log(channel, delivery, outcome, update)
        if event:
            log.warning("channel=%s %s: %s %s", channel.name, event, outcome.code, outcome.detail)

    async def _try(self, channel: Channel, delivery: DeliveryState, now: datetime) -> Outcome:
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                if delivery.thread and isinstance(channel, Editor):
                    return await channel.reply(delivery.alert, delivery.thread, now=now)
                if isinstance(channel, Addressed):
                    return await channel.send_to(delivery.alert, delivery.settled, now=now)
                return await channel.send(delivery.alert, now=now)
        except Exception as error:
            log.exception("channel=%s failed in an unforeseen way", channel.name)
            return Outcome(result=AttemptResult.UNKNOWN, code="fault", detail=f"our own fault: {type(error).__name__}")


def _claim(
    session: Session, channel: Channel, *, now: datetime, lease_for: timedelta, max_age_for: timedelta
) -> tuple[DeliveryState | None, int]:
    """The next delivery for this channel's destination, within its budget, and how many were held for their age before."""
    held = delivery_queue.hold_overdue(session, channel.name, now=now, max_age_for=max_age_for)
    to = channel.destination
    limit = channel.messages_per_hour if isinstance(channel, Limited) else 0
    summaries.keep_budget(session, channel.name, to, limit=limit, now=now)
    return delivery_queue.claim_next(session, channel.name, now=now, lease_for=lease_for, destination=to), held


def _settle(
    session: Session,
    delivery: DeliveryState,
    outcome: Outcome,
    *,
    started_at: datetime,
    now: datetime,
    max_age_for: timedelta,
) -> tuple[DeliveryUpdate | None, ChannelEvent | None]:
    """Store the outcome of an attempt and, in the same transaction, the notice that follows from it, for the other channels."""
    before = channel_rows.state(session, delivery.channel)
    update = retry.after_attempt(delivery, before, outcome, now=now, jitter=random.random(), max_age_for=max_age_for)
    if not delivery_queue.settle(session, delivery, outcome, update, started_at=started_at, now=now):
        return None, None
    event = retry.channel_event(before, update)
    in_force = channel_rows.destinations(session)
    others = {name: to for name, to in in_force.items() if name != delivery.channel}
    if event:
        since_at = before.failing_since_at or now
        notices.notify_channel(
            session, delivery.channel, event, update, outcome, since_at=since_at, others=others, now=now
        )
    elif update.state == "dead" and not update.channel.is_failing_told:
        notices.notify_given_up(session, delivery, outcome, others=others, now=now)
    for answer in outcome.recipients:
        _note_recipient(session, delivery.channel, answer, channels=in_force, now=now)
    return update, event


def _note_recipient(
    session: Session, channel: str, answer: RecipientOutcome, *, channels: Mapping[str, str], now: datetime
) -> None:
    """Store how a recipient fares, with the notice that follows from it; the channel itself carries it too, to the others."""
    before = channel_rows.recipient_trouble(session, channel, answer.key)
    event = retry.recipient_event(before, answer.result, now=now)
    channel_rows.note_recipient(session, channel, answer, is_told=event is not None, now=now)
    if event:
        since_at = before.since_at if before else now
        notices.notify_recipient(session, channel, event, answer, since_at=since_at, channels=channels, now=now)
        log.warning("channel=%s recipient=%s %s: %s %s", channel, answer.name, event, answer.code, answer.detail)


def _log_error(error: StoreError) -> None:
    log.error("a delivery was not stored and may be made again: %s", error)


def _log(channel: Channel, delivery: DeliveryState, outcome: Outcome, update: DeliveryUpdate) -> None:
    level = logging.INFO if outcome.result is AttemptResult.SENT else logging.WARNING
    log.log(
        level,
        "delivered alert=%s channel=%s result=%s code=%s about=%s try=%d state=%s%s",
        delivery.alert.id,
        channel.name,
        outcome.result.value,
        outcome.code,
        outcome.concern.value,
        delivery.attempts + 1,
        update.state,
        "" if outcome.result is AttemptResult.SENT else f" detail={outcome.detail[:200]}",
    )
