"""Retry policy of deliveries: what one attempt means for the delivery and for its channel.

A delivery is retried until it is accepted, rejected by its receiver, or too old. A channel that fails is paused, reported
once when the failure lasts and once when it is over, and disabled after days of failures. Pure: the time is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from monitor.types.alerting import AttemptResult, ChannelEvent, ChannelState, DeliveryState, DeliveryUpdate, Outcome

# Delays before the next try of a delivery, as Standard Webhooks suggests: about 75 hours in all.
DELIVERY_DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)

NOTIFY_AFTER_FAILURES = 3
"""Consecutive failures of a channel before the one notice, ..."""
NOTIFY_AFTER_FOR = timedelta(minutes=5)
"""... and how long the failures must have lasted: the first probes follow each other within seconds."""
REJECTED_TRIES = 3
"""Attempts before a rejected message is given up: the receiver may reject it by mistake."""
DISABLE_CHANNEL_AFTER = timedelta(days=5)
"""A channel is disabled after failing this long without a success."""
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
    """The update of a delivery and its channel after one attempt.

    `jitter` (0 to 1) lengthens delays by up to 20 %. A delivery that was not accepted within `max_age_for` of its creation
    becomes `dead`; the operator is notified and can send it again by hand.
    """
    attempts = delivery.attempts + 1
    if outcome.result is AttemptResult.SENT:
        was_down = channel.failures >= NOTIFY_AFTER_FAILURES
        return DeliveryUpdate(
            state="sent", attempts=attempts, next_at=now, channel=ChannelState(), wakes_waiting=was_down
        )
    if outcome.result is AttemptResult.REJECTED:
        next_at = now + _delivery_delay(attempts, jitter)
        state = "dead" if attempts >= REJECTED_TRIES else "pending"
        return DeliveryUpdate(state=state, attempts=attempts, next_at=next_at, channel=channel)
    update = _channel_failed(channel, outcome, attempts, now, jitter)
    is_too_old = update.next_at - delivery.created_at > max_age_for
    return replace(update, state="dead") if update.state == "pending" and is_too_old else update


def _channel_failed(
    channel: ChannelState, outcome: Outcome, attempts: int, now: datetime, jitter: float
) -> DeliveryUpdate:
    since_at = channel.failing_since_at or now
    failures = channel.failures + 1
    is_gone = outcome.result is AttemptResult.GONE
    is_hopeless = is_gone or now - since_at > DISABLE_CHANNEL_AFTER
    is_long = failures >= NOTIFY_AFTER_FAILURES and now - since_at >= NOTIFY_AFTER_FOR
    told = channel.is_failing_told or is_long or is_hopeless
    asked_for = outcome.retry_after_for or timedelta()
    pause_for = max(asked_for, _channel_pause(now - since_at, jitter))
    # A server that is down or names a time says nothing about this message: such attempts do not use up its schedule (W7), and
    # the oldest delivery is the one that probes, so that all arrive in the order in which they were created (case W11).
    is_channel_wide = bool(asked_for) or _is_channel_wide(outcome)
    is_used_up = attempts > len(DELIVERY_DELAYS) and not is_channel_wide
    return DeliveryUpdate(
        state="held" if is_hopeless else "dead" if is_used_up else "pending",
        attempts=attempts,
        next_at=now + (pause_for if is_channel_wide else _delivery_delay(attempts, jitter)),
        channel=ChannelState(failures=failures, failing_since_at=since_at, is_failing_told=told),
        channel_paused_until_at=now + pause_for,
        channel_disabled_reason=(outcome.detail or outcome.code or "refused")[:500] if is_hopeless else None,
    )


def _is_channel_wide(outcome: Outcome) -> bool:
    """Whether any message would have failed alike; a plain 500, or silence after a complete request, may concern this one."""
    if outcome.result is not AttemptResult.TRANSIENT:
        return False
    return not (len(outcome.code) == 3 and outcome.code.startswith("5")) or outcome.code in ("502", "503", "504")


def channel_event(before: ChannelState, update: DeliveryUpdate) -> ChannelEvent | None:
    """What the operator is notified of after this attempt; None for nothing."""
    if update.channel_disabled_reason:
        return ChannelEvent.DISABLED
    if update.channel.is_failing_told and not before.is_failing_told:
        return ChannelEvent.FAILING
    return ChannelEvent.RECOVERED if before.is_failing_told and not update.channel.is_failing_told else None


def _channel_pause(down_for: timedelta, jitter: float) -> timedelta:
    """As long as the channel has been down already: a short failure costs seconds, an outage at most doubles, and a receiver
    that fails three posts in ten (W15) still gets an alert every few seconds.
    """
    return max(DELIVERY_DELAYS[0], min(down_for, MAX_CHANNEL_PAUSE)) * (1 + 0.2 * jitter)


def _delivery_delay(attempts: int, jitter: float) -> timedelta:
    return DELIVERY_DELAYS[min(max(0, attempts - 1), len(DELIVERY_DELAYS) - 1)] * (1 + 0.2 * jitter)
