"""Decide when a feed is polled next, and with which state. Pure: the caller passes the time in.

The publisher's wishes (Cache-Control, ttl, skipHours, skipDays) only ever lengthen the owner's interval, and jitter only ever adds
to it. They hold from one document of the feed to the next, whatever is answered between them. A refusal (429, 503) rests the whole
host: for as long as it says, else longer each time. No feed is dropped silently: a failing one slows down to one try a day and is
reported once when it keeps failing and once when it is back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.text import urls
from monitor.text.secrets import without_addresses
from monitor.types.errors import FetchError, MonitorError
from monitor.types.fetching import (
    FeedEvent,
    FeedState,
    FeedUpdate,
    Fetched,
    HostRest,
    ParsedFeed,
    Refusal,
    Wishes,
)

DAY = timedelta(days=1)
PERMANENT_AFTER = timedelta(days=7)
"""How long the same permanent redirect must hold before its address replaces ours (lion-reader#183)."""
GONE_AFTER = 2
"""Answers with 410 before a feed is paused."""
_REFUSAL_BACKOFF_FOR = timedelta(hours=1)
"""Least delay of a feed after 403 and 429 that do not say for how long."""
_TOLD_WAIT_FROM = timedelta(minutes=1)
"""A shorter wait than this is asked for by mistake, and asked for again and again."""
_REST_FROM = timedelta(minutes=5)
"""How long a host rests after the first refusal that does not say for how long; each further one in a row doubles it."""
_RATE_LIMITED = (420, 429, 503, 509, 529)


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
    is_asked_in_full: bool = False,
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
        next_poll_at=_next_poll_at(feed, fetched, parsed.wishes if parsed else feed.wishes, cadence, now, jitter),
        outcome=outcome,
        validators=fetched.validators,
        body_hash=body_hash,
        title=parsed.title or None if parsed else None,
        site_url=parsed.site_url or None if parsed else None,
        notes=hidden("; ".join(parsed.notes), feed) if parsed else None,
        is_first_poll_done=parsed is not None,
        wishes=parsed.wishes if parsed else None,
        is_asked_in_full=is_asked_in_full,
        answering_hosts=frozenset({urls.host(feed.url), urls.host(fetched.final_url)}),
        permanent_url=None if is_moved else permanent_url,
        permanent_since_at=None if is_moved else since_at,
        new_url=permanent_url if is_moved else None,
    )


def update_after_failure(
    feed: FeedState,
    error: MonitorError,
    cadence: Cadence,
    *,
    is_asked_in_full: bool = False,
    now: datetime,
    jitter: float,
) -> FeedUpdate:
    """Return the update after a failed poll: validators and entries stay as they are, and the next poll is delayed."""
    failures = feed.failures + 1
    is_gone = isinstance(error, FetchError) and error.is_gone and failures >= GONE_AFTER
    delay_for = _backoff(feed, failures, error, cadence)
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=_allowed(now + delay_for * (1 + 0.1 * jitter), feed.wishes, jitter),
        outcome=str(getattr(error, "code", "error")),
        error=hidden(str(error), feed)[:2000],
        failures=failures,
        failing_since_at=feed.failing_since_at or now,
        is_failing_told=feed.is_failing_told or failures >= cadence.failing_after or is_gone,
        permanent_url=feed.permanent_url,
        permanent_since_at=feed.permanent_since_at,
        paused_reason="the server says that this feed is gone (410)" if is_gone else None,
        is_asked_in_full=is_asked_in_full,
        refusal=_refusal(feed, error),
    )


def host_rest(known: HostRest | None, refusal: Refusal, *, now: datetime) -> HostRest:
    """Until when a host rests after a refusal.

    Polls that were under way together may all be refused: while the host rests already, that is no further refusal in a row.
    """
    known = known or HostRest(until_at=now)
    if refusal.asked_for:
        return replace(known, until_at=max(known.until_at, now + max(refusal.asked_for, _TOLD_WAIT_FROM)))
    if known.until_at > now:
        return known
    rest_for: timedelta = min(_REST_FROM * float(2 ** min(known.refusals, 12)), DAY)
    return HostRest(until_at=now + rest_for, refusals=known.refusals + 1)


def _refusal(feed: FeedState, error: MonitorError) -> Refusal | None:
    if not isinstance(error, FetchError) or not (error.retry_after_for or error.status in _RATE_LIMITED):
        return None
    return Refusal(host=error.host or urls.host(feed.url), asked_for=error.retry_after_for)


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


def reschedule(
    feed: FeedState, delay_for: timedelta, *, why: str, is_asked_in_full: bool = False, now: datetime
) -> FeedUpdate:
    """Leave a feed as it is and poll it later: for faults that are ours, not the feed's."""
    return FeedUpdate(
        feed_id=feed.id,
        lease=feed.lease,
        polled_at=now,
        next_poll_at=feed.wishes.next_allowed(now + delay_for),
        outcome="put off",
        is_asked_in_full=is_asked_in_full,
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
    wishes: Wishes,
    cadence: Cadence,
    now: datetime,
    jitter: float,
) -> datetime:
    """The owner's interval counts as it is, however short; only the publisher makes it longer."""
    wished_for = max(fetched.max_age_for or timedelta(), wishes.ttl_for or timedelta())
    wait_for = max(min(wished_for, cadence.max_for), feed.interval_for)
    return _allowed(now + wait_for * (1 + 0.1 * jitter), wishes, jitter)


def _allowed(at: datetime, wishes: Wishes, jitter: float) -> datetime:
    """The time itself, or a little after the hours and days that the publisher wants left out."""
    allowed_at = wishes.next_allowed(at)
    return at if allowed_at == at else allowed_at + timedelta(minutes=10) * jitter


def _backoff(feed: FeedState, failures: int, error: MonitorError, cadence: Cadence) -> timedelta:
    """How long a feed waits after a failure: as told, where its server told it; else longer with every failure in a row."""
    if isinstance(error, FetchError) and error.retry_after_for:
        return _told_wait(feed, failures, error.retry_after_for)
    delay_for: timedelta = max(feed.interval_for, cadence.min_for) * float(2 ** min(failures - 1, 12))
    if isinstance(error, FetchError):
        if error.status in (403, 420, 429):
            delay_for = max(delay_for, _REFUSAL_BACKOFF_FOR)
        delay_for = max(delay_for, error.max_age_for or timedelta())
    return min(max(delay_for, feed.wishes.ttl_for or timedelta()), cadence.max_for)


def _told_wait(feed: FeedState, failures: int, told_for: timedelta) -> timedelta:
    """As told. Who tells a short wait time and again is asked no oftener than at the feed's usual pace in the end."""
    widened_for: timedelta = _TOLD_WAIT_FROM * float(2 ** min(failures - 1, 12))
    return max(told_for, _TOLD_WAIT_FROM, min(widened_for, feed.interval_for))


def _permanent_redirect(feed: FeedState, fetched: Fetched, now: datetime) -> tuple[str | None, datetime | None]:
    if fetched.permanent_url is None or fetched.permanent_url == feed.url:
        return None, None
    if feed.allow_private and not urls.is_same_server(fetched.permanent_url, feed.url):
        return None, None  # or another server would have the right to private addresses that was given to this one
    if fetched.permanent_url == feed.permanent_url:
        return feed.permanent_url, feed.permanent_since_at
    return fetched.permanent_url, now
