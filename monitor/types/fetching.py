"""Feeds, fetch results and parsed entries, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

MAX_SUMMARY_HTML = 64 * 1024
"""Characters of an entry's markup that are kept, and read."""


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
class Wishes:
    """When a publisher wants its feed to be read. They hold until another document of the feed says otherwise."""

    ttl_for: timedelta | None = None
    """The polling interval that it asks for (ttl, sy:updatePeriod)."""
    skip_hours: frozenset[int] = frozenset()
    """Hours of the day (UTC) in which it is not to be read."""
    skip_days: frozenset[int] = frozenset()
    """Days of the week (UTC, 0 for Monday) on which it is not to be read."""

    def is_skipped(self, at: datetime) -> bool:
        """Whether the feed is not to be read at this time. Who leaves no time at all is not believed."""
        at = at.astimezone(UTC)
        hours = self.skip_hours if len(self.skip_hours) < 24 else frozenset()
        days = self.skip_days if len(self.skip_days) < 7 else frozenset()
        return at.hour in hours or at.weekday() in days

    def next_allowed(self, at: datetime) -> datetime:
        """The earliest time from `at` on at which it may be read."""
        while self.is_skipped(at):
            at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return at


class Silence(StrEnum):
    """How a feed that answers can be silent."""

    QUIET = "quiet"
    """Nothing new came for longer than its rhythm makes likely."""
    EMPTIED = "emptied"
    """It had entries, and its document now has none."""
    UNDATED = "undated"
    """Its entries had dates, and those that come now have none that can be believed."""
    STUCK = "stuck"
    """Its server says "not modified" though it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is kept of a feed to tell whether it is silent, and whether that was told. Fields are named after columns of `feeds`."""

    last_entry_at: datetime | None = None
    """When it last brought an entry that it had not shown before."""
    per_day: float | None = None
    """How many entries a day it usually brings; None where that is not known."""
    likely_by_at: datetime | None = None
    """By when something new is likely to come; from then on "not modified" is not believed for ever."""
    quiet_from_at: datetime | None = None
    """When it counts as quiet, if nothing new comes until then."""
    dated_entries: int = 0
    undated_run: int = 0
    """How many of its newest entries in a row had no date that can be believed."""
    silence: Silence | None = None
    silence_changed_at: datetime | None = None
    """When it fell silent; where its silence was told and is over, when it came back."""
    silence_told_at: datetime | None = None
    """When a notice said so. Feeds that one notice named have the same time."""
    silence_due_at: datetime | None = None
    """When there will be something to tell: that it is silent, or that it no longer is."""


def was_unwatched(last_success_at: datetime | None, interval_for: timedelta, *, now: datetime) -> bool:
    """Whether a feed gave no answer for longer than its polls are apart: we slept, or it failed, or its host rested.

    Who polls by a daily job of the system's own counts as watching.
    """
    return last_success_at is None or now - last_success_at > max(2 * interval_for, timedelta(hours=30))


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
    wishes: Wishes = Wishes()
    asked_in_full_at: datetime | None = None
    """When it was last asked without validators."""
    last_success_at: datetime | None = None
    watch: Watch = Watch()


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
    outlet: str = ""
    """Who published it, where that is not the feed's own publisher: the `source` that an aggregator names."""
    outlet_host: str = ""
    """The host of its site, where the aggregator names it, too."""


class KnownEntry(NamedTuple):
    """An entry that was read before, by its hashes (64 bits)."""

    element_key: int
    """Of its element in the document, byte for byte."""
    guid_key: int
    content_key: int
    """As the store has them of an entry."""
    value_key: int
    """Of everything that was read from the element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntries:
    """A feed's document as it was read last, so that of the next one only elements are read that are not the same."""

    frame_key: int
    """Of the document without its entries, and of all else that bears on how they are read."""
    entries: tuple[KnownEntry, ...]
    """In the order of the document; none where this way of reading was found wrong, and is not to be used."""
    in_full_at: datetime
    """When all of the document was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """The content of a feed's document."""

    format: str = ""
    """`RSS 2.0`, `Atom 1.0`, `JSON Feed`; '' where the document does not say."""
    title: str = ""
    site_url: str = ""
    language: str | None = None
    wishes: Wishes = Wishes()
    entries: tuple[Entry, ...] = ()
    known: tuple[KnownEntry, ...] = ()
    """Those that stand in the document unchanged, were read before, and are not among `entries`."""
    notes: tuple[str, ...] = ()
    """What was cut or repaired, for the operator: 'kept 1000 of 5000 entries'."""

    @property
    def size(self) -> int:
        """The number of its entries."""
        return len(self.entries) + len(self.known)


class Delta(NamedTuple):
    """A feed's document, read as far as it was new."""

    feed: ParsedFeed
    known: KnownEntries | None
    """To be kept for the next document; None where that is to be read in full."""
    wrong: int = 0
    """Entries that were not what they were to be: the whole document was read, and they are right in `feed`."""


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
    notes: str | None = None
    """What was cut, repaired or could not be read; None keeps what is stored, as the document has not changed."""
    is_first_poll_done: bool = False
    permanent_url: str | None = None
    permanent_since_at: datetime | None = None
    new_url: str | None = None
    """Set once the same permanent redirect has been seen for long enough."""
    paused_reason: str | None = None
    wishes: Wishes | None = None
    """None keeps the stored ones."""
    is_asked_in_full: bool = False
    """Whether this poll asked without validators."""
    refusal: Refusal | None = None
    answering_hosts: frozenset[str] = frozenset()
    """Those that gave a proper answer, so that they need no rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A server that wants to be left alone."""

    host: str
    asked_for: timedelta | None
    """How long, if it says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRest:
    """Until when a host is left alone, and how often in a row it refused without saying for how long."""

    until_at: datetime
    refusals: int = 0


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
    is_passing: bool = False
    """It could not be read for a reason that may pass: it is asked for again."""
