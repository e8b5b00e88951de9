"""Feeds, what was fetched of them and what stood in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class FirstPoll(StrEnum):
    """What to do with what a feed already holds when we first meet it."""

    BASELINE = "baseline"
    LATEST = "latest"
    ALL = "all"


# --- feeds ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What the server gave us to ask "changed since?", echoed byte for byte (RFC 9110 section 13)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim on a row: whoever holds the token may settle it until `until_at`."""

    token: str
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What the store remembers of a feed when it is claimed for a poll."""

    id: int
    name: str
    url: str
    lease: Lease
    validators: Validators = Validators()
    body_hash: str | None = None
    language: str | None = None
    interval_for: timedelta = timedelta(minutes=15)
    first_poll: FirstPoll = FirstPoll.BASELINE
    first_poll_latest: int = 0
    first_polled_at: datetime | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    permanent_url: str | None = None
    permanent_since_at: datetime | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered: status is 200 or 304 (anything else is a FetchError)."""

    url: str
    final_url: str
    status: int
    at: datetime
    media_type: str = ""
    """The Content-Type as sent, parameters included."""
    body: bytes = b""
    validators: Validators = Validators()
    max_age_for: timedelta | None = None
    """How long the server asks us not to come back (Cache-Control or Expires)."""
    permanent_url: str | None = None
    """Where every hop of the redirect chain was permanent (301, 308): its end."""
    took_for: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item as the feed published it: cleaned of control characters and cut to our limits, otherwise theirs."""

    guid: str
    """Theirs, or, where they gave none, one made of link and title."""
    url: str
    """Absolute http(s) URL, or '' where there is none."""
    title: str
    published_at: datetime | None = None
    author: str = ""
    summary_html: str = ""
    content_html: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """What a feed's document says."""

    title: str = ""
    site_url: str = ""
    language: str | None = None
    ttl_for: timedelta | None = None
    """The publisher's own wish for the time between polls (ttl, sy:updatePeriod)."""
    skip_hours: frozenset[int] = frozenset()
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    """What was cut or repaired, in words for the operator: 'kept 1000 of 5000 entries'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedUpdate:
    """All that one poll tells the store about a feed."""

    feed_id: int
    lease: Lease
    polled_at: datetime
    next_poll_at: datetime
    outcome: str
    """`ok`, `not modified`, `unchanged` or the class of the error."""
    validators: Validators | None = None
    """None leaves the stored ones as they are: an error never erases them."""
    body_hash: str | None = None
    title: str | None = None
    site_url: str | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    error: str | None = None
    is_first_poll_done: bool = False
    permanent_url: str | None = None
    permanent_since_at: datetime | None = None
    new_url: str | None = None
    """Set once the same permanent redirect held long enough."""
    paused_reason: str | None = None
    host_paused_until_at: datetime | None = None


class FeedEvent(StrEnum):
    """What the operator is told about a feed, once each."""

    FAILING = "failing"
    RECOVERED = "recovered"
    GONE = "gone"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """That an article's own page was asked for, once and for all, and what came of it."""

    url: str
    at: datetime
    outcome: str
    """For people: 'full text fetched from the page', 'page refused: 403'."""
    host_paused_until_at: datetime | None = None
    """Set where no page of this host is to be asked for until then."""
    canonical: str = ""
    """The address that the page names as its own; '' where it names none that is to be believed."""
