"""Decide when a feed is polled next, and with which state. Pure: the caller passes the time in.

The publisher's wishes (Cache-Control, ttl, skipHours, Retry-After) only ever lengthen the interval, and jitter only ever adds to
it. No feed is dropped silently: a failing one slows down to one try a day and is reported once when it keeps failing and once
when it is back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.text import urls
from monitor.text.secrets import without_addresses
from monitor.types.errors import FetchError, MonitorError
from monitor.types.fetching import FeedEvent, FeedState, FeedUpdate, Fetched, ParsedFeed

DAY = timedelta(days=1)
PERMANENT_AFTER = timedelta(days=7)
"""How long the same permanent redirect must hold before its address replaces ours (lion-reader#183)."""
GONE_AFTER = 2
"""Answers with 410 before a feed is paused."""
_REFUSAL_BACKOFF_FOR = timedelta(hours=1)
"""Least delay after 403 and 429 without Retry-After."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """The operator's limits on polling."""

    min_for: timedelta = timedelta(minutes=5)
    max_for: timedelta = DAY
    failing_after: int = 5
    """Consecutive failures before the notice."""


def update_after_answer(
    feed: FeedState,
    fetched: Fetched,
    parsed: ParsedFeed | None,
    cadence: Cadence,
    *,
    body_hash: str | None,
    now: datetime,
    jitter: float,
) -> FeedUpdate:
    """Return the update after a readable 200, or a 304 (`parsed` is None then, and also if the body was byte for byte the last
    one).

    `jitter`, from 0 to 1, adds up to a tenth of the interval.
    """
    permanent_url, since_at = _permanent_redirect(feed, fetched, now)
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
        error=hidden("; ".join(parsed.notes), feed) or None if parsed else None,
        is_first_poll_done=parsed is not None,
        permanent_url=None if is_moved else permanent_url,
        permanent_since_at=None if is_moved else since_at,
        new_url=permanent_url if is_moved else None,
    )


def update_after_failure(
    feed: FeedState, error: MonitorError, cadence: Cadence, *, now: datetime, jitter: float
) -> FeedUpdate:
    """Return the update after a failed poll: validators and entries stay as they are, and the next poll is delayed."""
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
        error=hidden(str(error), feed)[:2000],
        failures=failures,
        failing_since_at=feed.failing_since_at or now,
        is_failing_told=feed.is_failing_told or failures >= cadence.failing_after or is_gone,
        permanent_url=feed.permanent_url,
        permanent_since_at=feed.permanent_since_at,
        paused_reason="the server says that this feed is gone (410)" if is_gone else None,
        host_paused_until_at=now + asked_for if asked_for else None,
    )


def event_of(feed: FeedState, update: FeedUpdate) -> FeedEvent | None:
    """Return what the operator should hear about this poll, if anything: each state is reported once, when it begins."""
    if update.paused_reason:
        return FeedEvent.GONE
    if update.new_url:
        return FeedEvent.MOVED
    if update.is_failing_told and not feed.is_failing_told:
        return FeedEvent.FAILING
    if feed.is_failing_told and not update.failures:
        return FeedEvent.RECOVERED
    return None


def reschedule(feed: FeedState, delay_for: timedelta, *, why: str, now: datetime) -> FeedUpdate:
    """Leave a feed as it is and poll it later: for faults that are ours, not the feed's."""
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=now + delay_for,
        outcome="put off",
        error=hidden(why, feed),
        failures=feed.failures,
        failing_since_at=feed.failing_since_at,
        is_failing_told=feed.is_failing_told,
        permanent_url=feed.permanent_url,
        permanent_since_at=feed.permanent_since_at,
    )


def hidden(text: str, feed: FeedState) -> str:
    """What is said of a feed, without its address where that is secret."""
    return without_addresses(text, feed.url) if feed.is_secret else text


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
            delay_for = max(delay_for, _REFUSAL_BACKOFF_FOR)
        delay_for = max(min(delay_for, cadence.max_for), error.retry_after_for or timedelta())
    return min(delay_for, max(cadence.max_for, DAY))


def _permanent_redirect(feed: FeedState, fetched: Fetched, now: datetime) -> tuple[str | None, datetime | None]:
    if fetched.permanent_url is None or fetched.permanent_url == feed.url:
        return None, None
    if feed.allow_private and not urls.is_same_server(fetched.permanent_url, feed.url):
        return None, None  # or another server would have the right to private addresses that was given to this one
    if fetched.permanent_url == feed.permanent_url:
        return feed.permanent_url, feed.permanent_since_at
    return fetched.permanent_url, now
