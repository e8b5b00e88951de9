"""When to come back: a feed's state and what happened in, the update for the store out. Pure; reads no clock, knows no network.

The publisher's own wishes (Cache-Control, ttl, skipHours, Retry-After) only ever make us slower, jitter only ever later, and no
feed is given up silently: it slows down to one try a day, is reported once when it fails for long and once when it is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.errors import FetchError, MonitorError
from monitor.types import (
    ChannelState,
    DeliveryState,
    DeliveryUpdate,
    FeedState,
    FeedUpdate,
    Fetched,
    Outcome,
    ParsedFeed,
    Result,
)

DAY = timedelta(days=1)
PERMANENT_AFTER = timedelta(days=7)
"""How long the same permanent redirect must hold before we keep its address (lion-reader#183)."""
GONE_AFTER = 2
"""Confirmations of 410 before a feed is paused."""
_SHY_FOR = timedelta(hours=1)
"""The least pause after 403 and 429 where the server names none."""

# Delays before the next try of a delivery, as Standard Webhooks suggests: about 75 hours in all.
DELIVERY_DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)

TELL_CHANNEL_AFTER = 3
"""Failures of a channel in a row before the one notice, ..."""
TELL_CHANNEL_AFTER_FOR = timedelta(minutes=5)
"""... and how long they must have lasted: the first probes follow each other within seconds."""
REJECTED_TRIES = 3
"""Tries before a message that the receiver calls wrong is given up (it may be wrong about that)."""
DISABLE_CHANNEL_AFTER = timedelta(days=5)
"""Of nothing but failures."""
MAX_CHANNEL_PAUSE = timedelta(minutes=30)
"""The longest a channel waits for its next probe, so that it is found back within this time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The operator's limits on polling."""

    min_for: timedelta = timedelta(minutes=5)
    max_for: timedelta = DAY
    failing_after: int = 5
    """Failures in a row before the one notice."""


class FeedEvent(StrEnum):
    """What the operator is told about a feed, once each."""

    FAILING = "failing"
    RECOVERED = "recovered"
    GONE = "gone"
    MOVED = "moved"


def answered(
    feed: FeedState,
    fetched: Fetched,
    parsed: ParsedFeed | None,
    cadence: Cadence,
    *,
    body_hash: str | None,
    now: datetime,
    jitter: float,
) -> FeedUpdate:
    """After a 200 that could be read, or a 304 (`parsed` is None then, or where the body was byte for byte the last one).

    `jitter` is a number from 0 to 1; a tenth of the interval at the most is added.
    """
    permanent_url, since_at = _permanent(feed, fetched, now)
    is_moved = since_at is not None and now - since_at >= PERMANENT_AFTER
    outcome = "not modified" if fetched.status == 304 else "unchanged" if parsed is None else "ok"
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=_next_poll_at(feed, fetched, parsed, cadence, now, jitter),
        outcome=outcome,
        validators=fetched.validators,
        body_hash=body_hash,
        title=parsed.title or None if parsed else None,
        site_url=parsed.site_url or None if parsed else None,
        error="; ".join(parsed.notes) or None if parsed else None,
        is_first_poll_done=parsed is not None,
        permanent_url=None if is_moved else permanent_url,
        permanent_since_at=None if is_moved else since_at,
        new_url=permanent_url if is_moved else None,
    )


def failed(feed: FeedState, error: MonitorError, cadence: Cadence, *, now: datetime, jitter: float) -> FeedUpdate:
    """After an answer that is none: validators and entries stay as they are, the next try is put off."""
    failures = feed.failures + 1
    is_gone = isinstance(error, FetchError) and error.is_gone and failures >= GONE_AFTER
    delay_for = _backoff(feed, failures, error, cadence)
    asked_for = error.retry_after_for if isinstance(error, FetchError) else None
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=now + delay_for * (1 + 0.1 * jitter),
        outcome=str(getattr(error, "code", "error")),
        error=str(error)[:2000],
        failures=failures,
        failing_since_at=feed.failing_since_at or now,
        is_failing_told=feed.is_failing_told or failures >= cadence.failing_after or is_gone,
        permanent_url=feed.permanent_url,
        permanent_since_at=feed.permanent_since_at,
        paused_reason="the server says that this feed is gone (410)" if is_gone else None,
        host_paused_until_at=now + asked_for if asked_for else None,
    )


def event(feed: FeedState, update: FeedUpdate) -> FeedEvent | None:
    """What the operator should hear about this poll, if anything: each state is told once, when it begins."""
    if update.paused_reason:
        return FeedEvent.GONE
    if update.new_url:
        return FeedEvent.MOVED
    if update.is_failing_told and not feed.is_failing_told:
        return FeedEvent.FAILING
    if feed.is_failing_told and not update.failures:
        return FeedEvent.RECOVERED
    return None


def put_off(feed: FeedState, delay_for: timedelta, *, why: str, now: datetime) -> FeedUpdate:
    """Leave a feed as it is and come back later: for faults that are ours, not the feed's."""
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=now + delay_for,
        outcome="put off",
        error=why,
        failures=feed.failures,
        failing_since_at=feed.failing_since_at,
        is_failing_told=feed.is_failing_told,
        permanent_url=feed.permanent_url,
        permanent_since_at=feed.permanent_since_at,
    )


class ChannelEvent(StrEnum):
    """What the operator is told about a channel, once each."""

    FAILING = "failing"
    RECOVERED = "recovered"
    DISABLED = "disabled"


def tried(
    delivery: DeliveryState,
    channel: ChannelState,
    outcome: Outcome,
    *,
    now: datetime,
    jitter: float,
    max_age_for: timedelta = timedelta(hours=96),
) -> DeliveryUpdate:
    """After one try to deliver. `jitter` from 0 to 1 spreads delays by up to 20 %, later only.

    What was not accepted `max_age_for` after it was decided is given up (`dead`), which is said, and can be sent by hand.
    """
    attempts = delivery.attempts + 1
    if outcome.result is Result.SENT:
        was_down = channel.failures >= TELL_CHANNEL_AFTER
        return DeliveryUpdate(
            state="sent", attempts=attempts, next_at=now, channel=ChannelState(), wakes_waiting=was_down
        )
    if outcome.result is Result.REJECTED:
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
    is_gone = outcome.result is Result.GONE
    is_hopeless = is_gone or now - since_at > DISABLE_CHANNEL_AFTER
    is_long = failures >= TELL_CHANNEL_AFTER and now - since_at >= TELL_CHANNEL_AFTER_FOR
    told = channel.is_failing_told or is_long or is_hopeless
    asked_for = outcome.retry_after_for or timedelta()
    pause_for = max(asked_for, _channel_pause(now - since_at, jitter))
    # A server that is down or names a time says nothing of this message: its tries do not use up the schedule (case W7), and
    # the oldest delivery is the one that asks again, so that all arrive in the order of their making (case W11).
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
    """Whether every message would have met the same; a plain 500, or silence after all was sent, may be about this one."""
    if outcome.result is not Result.TRANSIENT:
        return False
    return not (len(outcome.code) == 3 and outcome.code.startswith("5")) or outcome.code in ("502", "503", "504")


def channel_event(before: ChannelState, update: DeliveryUpdate) -> ChannelEvent | None:
    """What the operator should hear about the channel after this try, if anything."""
    if update.channel_disabled_reason:
        return ChannelEvent.DISABLED
    if update.channel.is_failing_told and not before.is_failing_told:
        return ChannelEvent.FAILING
    return ChannelEvent.RECOVERED if before.is_failing_told and not update.channel.is_failing_told else None


def _channel_pause(down_for: timedelta, jitter: float) -> timedelta:
    """As long again as it has been down already: a blip costs seconds, an outage at most doubles, and a receiver that fails three
    posts in ten (W15) still takes an alert every few seconds.
    """
    return max(DELIVERY_DELAYS[0], min(down_for, MAX_CHANNEL_PAUSE)) * (1 + 0.2 * jitter)


def _delivery_delay(attempts: int, jitter: float) -> timedelta:
    return DELIVERY_DELAYS[min(max(0, attempts - 1), len(DELIVERY_DELAYS) - 1)] * (1 + 0.2 * jitter)


def _next_poll_at(
    feed: FeedState,
    fetched: Fetched,
    parsed: ParsedFeed | None,
    cadence: Cadence,
    now: datetime,
    jitter: float,
) -> datetime:
    wishes = [fetched.max_age_for or timedelta(), (parsed.ttl_for if parsed else None) or timedelta()]
    wait_for = max(min(max(wishes), cadence.max_for), feed.interval_for)
    at = now + max(wait_for, cadence.min_for) * (1 + 0.1 * jitter)
    skipped = parsed.skip_hours if parsed else frozenset()
    for _ in range(24 if len(skipped) < 24 else 0):
        if at.hour not in skipped:
            break
        at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return at


def _backoff(feed: FeedState, failures: int, error: MonitorError, cadence: Cadence) -> timedelta:
    delay_for: timedelta = max(feed.interval_for, cadence.min_for) * float(2 ** min(failures - 1, 12))
    if isinstance(error, FetchError):
        if error.status in (403, 429):
            delay_for = max(delay_for, _SHY_FOR)
        delay_for = max(min(delay_for, cadence.max_for), error.retry_after_for or timedelta())
    return min(delay_for, max(cadence.max_for, DAY))


def _permanent(feed: FeedState, fetched: Fetched, now: datetime) -> tuple[str | None, datetime | None]:
    if fetched.permanent_url is None or fetched.permanent_url == feed.url:
        return None, None
    if fetched.permanent_url == feed.permanent_url:
        return feed.permanent_url, feed.permanent_since_at
    return fetched.permanent_url, now
