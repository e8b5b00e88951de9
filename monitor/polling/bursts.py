"""Detect bursts of "new" entries that are no news: a feed changed its guids, moved, or published its archive again.

Before a poll is decided on, its entries are compared with stored ones by guid, address and text. Known content needs no guard, as
copies are never alerted: the operator gets one notice. Unknown entries that look like an archive are held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.polling.values import AssessedArticle
from monitor.store.articles import url_key
from monitor.store.db import Session
from monitor.store.feeds import shown_entries
from monitor.types.digests import key_of
from monitor.types.fetching import FeedState

SAME_BURST_FOR = timedelta(hours=24)
"""A burst goes on until so long passes without one; it is reported once."""
_USUAL_WITHIN_FOR = timedelta(days=14)

BURST_FROM = 10
"""Entries shown as new that the feed had shown before, in one poll, from which a burst is reported."""
ARCHIVE_FROM = 30
"""Unknown entries in one poll from which they may be an archive instead of news ..."""
ARCHIVE_TIMES = 5
"""... if they are so many times what the feed usually brings in the time since its last answer ..."""
BURST_MATCHES = 5
"""... and more than so many of them match a topic."""
CHANGES_FROM = 20
"""Changed entries in one poll from which the page template changed, not the facts; if more than `BURST_MATCHES` match a topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCounts:
    """Counts of one poll of one feed, before anything is decided."""

    unknown: int = 0
    """Entries with new guid, address and text."""
    unknown_matches: int = 0
    usual: float = 0.0
    """Entries that this feed brings on average in the time since its last answer."""
    undated: int = 0
    """Unknown entries without an informative date (see `count_undated`)."""
    changed: int = 0
    """Entries with a known guid and changed content."""
    changed_matches: int = 0
    is_first_poll: bool = False


def is_archive(counts: PollCounts) -> bool:
    """Whether unknown entries are an archive rather than news: far more than usual, and most with uninformative dates.

    After an outage or on a day of great events a feed also brings many entries at once, but these have the dates at which they
    were written.
    """
    return (
        not counts.is_first_poll
        and counts.unknown >= max(ARCHIVE_FROM, ARCHIVE_TIMES * counts.usual)
        and counts.unknown_matches > BURST_MATCHES
        and 2 * counts.undated >= counts.unknown
    )


def is_template_change(counts: PollCounts) -> bool:
    """Whether so many known entries changed at once that the site's page template changed, not the news."""
    return not counts.is_first_poll and counts.changed >= CHANGES_FROM and counts.changed_matches > BURST_MATCHES


def count_undated(published_at: Sequence[datetime | None], *, last_at: datetime | None, now: datetime) -> int:
    """Count the dates that do not say when an entry was written.

    These are missing, in the future, long before the feed's last answer (the entry would have been seen then), or within the same
    ten minutes as a third of all.
    """
    dated = [at for at in published_at if at is not None]
    per_slot = Counter(int(at.timestamp() // 600) for at in dated)
    crowd = max(3, len(published_at) // 3)
    since_at = last_at - timedelta(days=1) if last_at else None
    return sum(
        at is None
        or at > now
        or (since_at is not None and at < since_at)
        or per_slot[int(at.timestamp() // 600)] >= crowd
        for at in published_at
    )


def is_notable(fresh: int, known: int) -> bool:
    """Whether a poll with `fresh` entries shown as new, `known` of them shown by the feed before, deserves a notice."""
    return known >= BURST_FROM and 2 * known >= fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedBurst:
    """What is unusual about a poll."""

    counts: PollCounts
    fresh: int
    """Entries that the poll showed as new."""
    known: frozenset[int]
    """Indices of those of them that the feed had shown before; on its first poll, that any feed had."""
    is_archive: bool = False
    is_template_change: bool = False

    @property
    def is_reportable(self) -> bool:
        """Whether the operator gets a notice."""
        return self.is_archive or self.is_template_change or is_notable(self.fresh, len(self.known))


def mark_bursts(
    session: Session, feed: FeedState, assessed: Sequence[AssessedArticle], *, now: datetime
) -> tuple[tuple[AssessedArticle, ...], DetectedBurst | None]:
    """Return the articles of a poll, with those marked that are no news; call it before the poll is settled."""
    if len(assessed) < BURST_FROM:
        return tuple(assessed), None
    changed, known, unknown = _classified(session, feed, assessed)
    burst = _detected(session, feed, assessed, changed, known, unknown, now=now)
    held = (unknown if burst.is_archive else set()) | (changed if burst.is_template_change else set())
    marked = [
        replace(each, arrival=replace(each.arrival, is_burst=True)) if number in held else each
        for number, each in enumerate(assessed)
    ]
    return tuple(marked), burst if burst.is_reportable else None


def is_still_notable(burst: DetectedBurst, known: int) -> bool:
    """Repeat the check with the number of entries that really were copies: articles at one canonical address need not be."""
    return is_notable(burst.fresh, known)


def record_burst(session: Session, feed_id: int, *, now: datetime) -> bool:
    """Record a burst of a feed and return whether it is a new one, not the continuation of one that was reported."""
    last_at = shown_entries.note_burst(session, feed_id, now=now)
    return last_at is None or now - last_at > SAME_BURST_FOR


def _detected(
    session: Session,
    feed: FeedState,
    assessed: Sequence[AssessedArticle],
    changed: set[int],
    known: set[int],
    unknown: set[int],
    *,
    now: datetime,
) -> DetectedBurst:
    first_at, last_at = shown_entries.poll_times(session, feed.id)
    # Without a date, or with one in the future, an article has the time at which it was seen.
    dates = [_date(assessed[number]) for number in sorted(unknown)]
    counts = PollCounts(
        unknown=len(unknown),
        unknown_matches=_matches(assessed, unknown),
        usual=_usual_count(session, feed.id, first_at, last_at, now=now) if len(unknown) >= ARCHIVE_FROM else 0.0,
        undated=count_undated(dates, last_at=last_at, now=now),
        changed=len(changed),
        changed_matches=_matches(assessed, changed),
        is_first_poll=feed.first_polled_at is None,
    )
    return DetectedBurst(
        counts=counts,
        fresh=len(assessed) - len(changed),
        known=frozenset(known),
        is_archive=is_archive(counts),
        is_template_change=is_template_change(counts),
    )


def _date(assessed: AssessedArticle) -> datetime | None:
    article = assessed.article
    return article.published_at if article.published_at < article.seen_at else None


def _matches(assessed: Sequence[AssessedArticle], numbers: Iterable[int]) -> int:
    return sum(
        bool(assessed[number].would_match) or any(score.is_match for score in assessed[number].scores)
        for number in numbers
    )


def _classified(
    session: Session, feed: FeedState, assessed: Sequence[AssessedArticle]
) -> tuple[set[int], set[int], set[int]]:
    """Return the indices of entries with a known guid, of others with content known from the feed, and of entries new to
    everyone."""
    guids = [key_of(each.sighting.guid if each.sighting else each.article.guid) for each in assessed]
    urls = [url_key(each.article.url) for each in assessed]
    texts = [each.fingerprint.text_key for each in assessed]
    shown = shown_entries.known_keys(session, feed, guids=guids, addresses=urls, texts=texts)
    known_content = shown.by_any if feed.first_polled_at is None else shown.by_feed
    changed = {number for number, guid in enumerate(guids) if guid in shown.guids}
    rest = set(range(len(assessed))) - changed
    known = {number for number in rest if {urls[number], texts[number]} & known_content}
    return changed, known, {number for number in rest if not {urls[number], texts[number]} & shown.by_any}


def _usual_count(
    session: Session, feed_id: int, first_at: datetime | None, last_at: datetime | None, *, now: datetime
) -> float:
    """Return how many entries this feed brings on average in the time since its last answer."""
    if first_at is None or last_at is None:
        return 0.0
    since_at = max(first_at, now - _USUAL_WITHIN_FOR)
    watched_for = max(now - since_at, timedelta(hours=1))
    return shown_entries.count_entries(session, feed_id, since_at=since_at) * ((now - last_at) / watched_for)
