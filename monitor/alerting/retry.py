"""Retry policy of deliveries: what follows from one attempt for the delivery, its channel and its recipients.

What the answer means is decided in `alerting.answers`. A delivery is retried until it is accepted or too old, for about three
days. A channel that fails is paused, reported once when the failure lasts and once when it is over, and disabled after days of
failures. Pure: the time is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from monitor.types.alerting import (
    AttemptResult,
    ChannelEvent,
    ChannelState,
    Concern,
    DeliveryState,
    DeliveryUpdate,
    Outcome,
    RecipientEvent,
    RecipientState,
)

# Delays before the next try of a delivery, as Standard Webhooks suggests: about 75 hours in all.
DELIVERY_DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)

NOTIFY_AFTER_FAILURES = 3
"""Consecutive failures of a channel before the one notice, ..."""
NOTIFY_AFTER_FOR = timedelta(minutes=5)
"""... and how long the failures must have lasted: the first probes follow each other within seconds."""
DISABLE_CHANNEL_AFTER = timedelta(days=5)
"""A channel is disabled after failing this long without a success, as Svix does, ..."""
DISABLE_AFTER_FAILURES = 6
"""... and this often: a machine that slept for a week has hardly asked. Who asks for 24 hours each time is asked six times."""
ALONE_FOR = timedelta(minutes=30)
"""A message that was refused for so long, while no other got through, shows that the channel fails: perhaps there is no other."""
MAX_CHANNEL_PAUSE = timedelta(minutes=30)
"""Upper bound of a channel's pause, and so of the time until its recovery is noticed."""


def after_attempt(
    delivery: DeliveryState,
    channel: ChannelState,
    outcome: Outcome,
    *,
    now: datetime,
    jitter: float,
    max_age_for: timedelta = timedelta(hours=96),
) -> DeliveryUpdate:
    """The update of a delivery and its channel after one attempt, by what its answer is about.

    `jitter` (0 to 1) lengthens delays by up to 20 %. A delivery that was not accepted within `max_age_for` of its creation
    becomes `dead`; the operator is notified and can send it again by hand. Where only single recipients miss it, it is `sent`.
    """
    attempt = _Attempt(delivery, channel, outcome, now, jitter)
    if outcome.result is AttemptResult.SENT:
        return replace(_accepted(attempt), state="sent", next_at=now)
    if outcome.concern is Concern.RECIPIENT:
        update = _recipients_wait(attempt)
    elif outcome.concern is Concern.DESTINATION or outcome.result is AttemptResult.GONE:
        update = _channel_failed(attempt, failures=channel.failures + 1)
    elif (failures := _failures_shown_by_message(attempt)) > 0:
        update = _channel_failed(attempt, failures=failures)
    else:
        update = _message_failed(attempt)
    if update.state == "pending" and update.next_at - delivery.created_at > max_age_for:
        update = replace(update, state="dead")
    is_had = outcome.is_taken or AttemptResult.SENT in delivery.settled.values()
    return replace(update, state="sent") if update.state == "dead" and is_had else update


class _Attempt(NamedTuple):
    delivery: DeliveryState
    channel: ChannelState
    outcome: Outcome
    now: datetime
    jitter: float

    @property
    def number(self) -> int:
        return self.delivery.attempts + 1

    @property
    def own_delay_for(self) -> timedelta:
        """Until this message is tried again by its own schedule, and not before it was asked for."""
        return max(self.outcome.retry_after_for or timedelta(), _delivery_delay(self.number, self.jitter))

    @property
    def is_used_up(self) -> bool:
        return self.number > len(DELIVERY_DELAYS)


def _accepted(attempt: _Attempt) -> DeliveryUpdate:
    """Somebody got the message: the channel works."""
    return DeliveryUpdate(
        state="pending",
        attempts=attempt.number,
        next_at=attempt.now + attempt.own_delay_for,
        channel=ChannelState(),
        wakes_waiting=attempt.channel.failures >= NOTIFY_AFTER_FAILURES,
        is_taken=True,
    )


def _recipients_wait(attempt: _Attempt) -> DeliveryUpdate:
    """Some recipients wait, and are asked again; this says nothing of the channel unless somebody got the message just now."""
    state = "dead" if attempt.is_used_up else "pending"
    if attempt.outcome.is_taken:
        return replace(_accepted(attempt), state=state)
    next_at = attempt.now + attempt.own_delay_for
    return DeliveryUpdate(state=state, attempts=attempt.number, next_at=next_at, channel=attempt.channel)


def _message_failed(attempt: _Attempt) -> DeliveryUpdate:
    """Only this message waits: others may be accepted."""
    channel, alert = attempt.channel, attempt.delivery.alert.id
    return DeliveryUpdate(
        state="dead" if attempt.is_used_up else "pending",
        attempts=attempt.number,
        next_at=attempt.now + attempt.own_delay_for,
        channel=replace(
            channel,
            doubted_alert=channel.doubted_alert or alert,
            failing_since_at=channel.failing_since_at or attempt.now,
        ),
    )


def _failures_shown_by_message(attempt: _Attempt) -> int:
    """How many failures of the channel the refusal of this message amounts to; 0 where it may be the message's own.

    It is the channel's where it fails already, where another message was refused and none accepted since, or where this one
    has been refused for a while and none accepted.
    """
    channel = attempt.channel
    if channel.failures:
        return channel.failures + 1
    if channel.doubted_alert not in ("", attempt.delivery.alert.id):
        return 2
    is_alone = channel.doubted_alert and channel.failing_since_at
    return attempt.number if is_alone and attempt.now - is_alone >= ALONE_FOR else 0


def _channel_failed(attempt: _Attempt, *, failures: int) -> DeliveryUpdate:
    channel, outcome, now = attempt.channel, attempt.outcome, attempt.now
    since_at = channel.failing_since_at or now
    is_worn = failures >= DISABLE_AFTER_FAILURES and now - since_at > DISABLE_CHANNEL_AFTER
    is_hopeless = outcome.result is AttemptResult.GONE or is_worn
    is_long = failures >= NOTIFY_AFTER_FAILURES and now - since_at >= NOTIFY_AFTER_FOR
    told = channel.is_failing_told or is_long or is_hopeless
    pause_for = max(outcome.retry_after_for or timedelta(), _channel_pause(now - since_at, attempt.jitter))
    # An answer about the destination says nothing about this message: it does not use up its schedule (W7), and the oldest
    # delivery is the one that probes, so that all arrive in the order in which they were created (case W11).
    is_own = outcome.concern is Concern.MESSAGE
    return DeliveryUpdate(
        state="held" if is_hopeless else "dead" if is_own and attempt.is_used_up else "pending",
        attempts=attempt.number,
        next_at=now + max(pause_for, attempt.own_delay_for if is_own else pause_for),
        channel=ChannelState(
            failures=failures,
            failing_since_at=since_at,
            is_failing_told=told,
            doubted_alert=channel.doubted_alert or (attempt.delivery.alert.id if is_own else ""),
        ),
        channel_paused_until_at=now + pause_for,
        channel_disabled_reason=(outcome.detail or outcome.code or "refused")[:500] if is_hopeless else None,
    )


def channel_event(before: ChannelState, update: DeliveryUpdate) -> ChannelEvent | None:
    """What the operator is notified of after this attempt; None for nothing."""
    if update.channel_disabled_reason:
        return ChannelEvent.DISABLED
    if update.channel.is_failing_told and not before.is_failing_told:
        return ChannelEvent.FAILING
    return ChannelEvent.RECOVERED if before.is_failing_told and not update.channel.is_failing_told else None


TELL_WAITING_AFTER = timedelta(hours=1)
"""A recipient who is put off is told of after so long, and NOTIFY_AFTER_FAILURES: greylisting is over by then."""


def recipient_event(before: RecipientState | None, result: AttemptResult, *, now: datetime) -> RecipientEvent | None:
    """What the operator is told of a recipient after this answer; None for nothing. `before`: its trouble so far."""
    if result is AttemptResult.SENT:
        return RecipientEvent.BACK if before and before.is_told else None
    if before and before.is_told and (before.is_refused or result is not AttemptResult.REJECTED):
        return None
    if result is AttemptResult.REJECTED:
        return RecipientEvent.REFUSED
    is_long = before is not None and before.failures + 1 >= NOTIFY_AFTER_FAILURES
    return RecipientEvent.WAITING if before and is_long and now - before.since_at >= TELL_WAITING_AFTER else None


def _channel_pause(down_for: timedelta, jitter: float) -> timedelta:
    """As long as the channel has been down already: a short failure costs seconds, an outage at most doubles, and a receiver
    that fails three posts in ten (W15) still gets an alert every few seconds.
    """
    return max(DELIVERY_DELAYS[0], min(down_for, MAX_CHANNEL_PAUSE)) * (1 + 0.2 * jitter)


def _delivery_delay(attempts: int, jitter: float) -> timedelta:
    return DELIVERY_DELAYS[min(max(0, attempts - 1), len(DELIVERY_DELAYS) - 1)] * (1 + 0.2 * jitter)
