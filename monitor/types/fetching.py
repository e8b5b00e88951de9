"""Feeds, fetch results and parsed entries, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class FirstPoll(StrEnum):
    """What to do with the entries that a feed already holds at its first poll."""

    BASELINE = "baseline"
    LATEST = "latest"
    ALL = "all"


# --- feeds ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """A server's cache validators, sent back byte for byte in conditional requests (RFC 9110 section 13)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim on a row: until `until_at`, only the holder of the token may settle it."""

    token: str
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """A feed's stored state, as claimed for a poll."""

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
    is_secret: bool = False
    """Its address is never shown."""
    pages: str | None = None
    """When its articles' pages are read; None: as all feeds'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A server's answer with status 200 or 304; any other status is a FetchError."""

    url: str
    final_url: str
    status: int
    at: datetime
    media_type: str = ""
    """The Content-Type as sent, parameters included."""
    body: bytes = b""
    validators: Validators = Validators()
    max_age_for: timedelta | None = None
    """How long the answer stays fresh, by Cache-Control or Expires."""
    permanent_url: str | None = None
    """The end of the redirect chain where every hop was permanent (301, 308)."""
    took_for: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item as published, except that control characters are removed and long values cut to our limits."""

    guid: str
    """The feed's own id, or a digest of link and title where it gives none."""
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
    """The content of a feed's document."""

    title: str = ""
    site_url: str = ""
    language: str | None = None
    ttl_for: timedelta | None = None
    """The polling interval that the publisher asks for (ttl, sy:updatePeriod)."""
    skip_hours: frozenset[int] = frozenset()
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    """What was cut or repaired, for the operator: 'kept 1000 of 5000 entries'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedUpdate:
    """What one poll writes to its feed's row."""

    feed_id: int
    lease: Lease
    polled_at: datetime
    next_poll_at: datetime
    outcome: str
    """`ok`, `not modified`, `unchanged` or the class of the error."""
    validators: Validators | None = None
    """None keeps the stored ones: an error never erases them."""
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
    """Set once the same permanent redirect has been seen for long enough."""
    paused_reason: str | None = None
    host_paused_until_at: datetime | None = None


class FeedEvent(StrEnum):
    """Changes of a feed's state, each reported to the operator once."""

    FAILING = "failing"
    RECOVERED = "recovered"
    GONE = "gone"
    MOVED = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """The one request for an article's own page, and its outcome."""

    url: str
    at: datetime
    outcome: str
    """For people: 'full text fetched from the page', 'page refused: 403'."""
    host_paused_until_at: datetime | None = None
    """Set where no page of this host may be requested until then."""
    canonical: str = ""
    """The page's canonical address; '' where it names none that can be trusted."""
