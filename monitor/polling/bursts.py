"""A burst of "new" entries that is no news: a feed that changed its guids, moved, or put its archive out again.

Compares, before a poll is decided on, what it brought with what is stored, by guid, address and text, and decides what that
means. Entries whose content is known need no guard of their own, for copies are never told: the operator hears of them in one
notice. Unknown entries that look like an archive are held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.polling.values import AssessedArticle
from monitor.store import feeds
from monitor.store.articles import key_of, url_key
from monitor.store.db import Session
from monitor.types.fetching import FeedState

SAME_STORM_FOR = timedelta(hours=24)
_USUAL_WITHIN_FOR = timedelta(days=14)

STORM_FROM = 10
"""Entries of one poll from which a burst of what its feed had shown before is worth a word."""
FLOOD_FROM = 30
"""Entries of one poll that nobody had seen, from which it may be an archive instead of news ..."""
FLOOD_TIMES = 5
"""... where they are so many times what the feed usually brings within the time since its last answer ..."""
FLOOD_MATCHES = 5
"""... and where more than so many of them would be told one by one."""
UPDATES_FROM = 20
"""Changed entries of one poll from which their changes are a new template's, not the facts'; if more than FLOOD_MATCHES match."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PollCounts:
    """What one poll of one feed brought, before anything is decided on it."""

    unknown: int = 0
    """Entries whose guid, address and text were new."""
    unknown_matches: int = 0
    usual: float = 0.0
    """What this feed brings in the time that passed since its last answer."""
    undated: int = 0
    """Of the unknown: without a date, or of a date that tells nothing (see `tells_nothing`)."""
    changed: int = 0
    """Entries whose guid was known and whose content changed."""
    changed_matches: int = 0
    is_first_poll: bool = False


def is_flood(burst: PollCounts) -> bool:
    """Whether unknown entries are an archive rather than news: far more than usual, and most with dates that tell nothing.

    A feed that was down for a day, or a day of great events, also brings many at once; but these bear the dates of their making.
    """
    return (
        not burst.is_first_poll
        and burst.unknown >= max(FLOOD_FROM, FLOOD_TIMES * burst.usual)
        and burst.unknown_matches > FLOOD_MATCHES
        and 2 * burst.undated >= burst.unknown
    )


def is_reprint(burst: PollCounts) -> bool:
    """Whether so many known entries changed at once that it is the site's template, not the news."""
    return not burst.is_first_poll and burst.changed >= UPDATES_FROM and burst.changed_matches > FLOOD_MATCHES


def tells_nothing(published_at: Sequence[datetime | None], *, last_at: datetime | None, now: datetime) -> int:
    """How many of these dates say nothing of when an entry was made.

    None; to come; long before the feed's last answer, when it would have been shown; or shared, to ten minutes, by a third of all.
    """
    known = [at for at in published_at if at is not None]
    places = Counter(int(at.timestamp() // 600) for at in known)
    crowd = max(3, len(published_at) // 3)
    since_at = last_at - timedelta(days=1) if last_at else None
    return sum(
        at is None
        or at > now
        or (since_at is not None and at < since_at)
        or places[int(at.timestamp() // 600)] >= crowd
        for at in published_at
    )


def is_storm(fresh: int, had: int) -> bool:
    """Whether a poll that showed `fresh` entries as new, `had` of which its feed had shown before, is worth a notice."""
    return had >= STORM_FROM and 2 * had >= fresh


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedBurst:
    """What is unusual about a poll."""

    burst: PollCounts
    fresh: int
    """Entries it showed as new."""
    had: frozenset[int]
    """Places of those of them that its feed had shown before, or on its first poll any feed."""
    is_flood: bool = False
    is_reprint: bool = False

    @property
    def is_worth_a_word(self) -> bool:
        """Whether the operator should hear of it."""
        return self.is_flood or self.is_reprint or is_storm(self.fresh, len(self.had))


def guarded(
    session: Session, feed: FeedState, judged: Sequence[AssessedArticle], *, now: datetime
) -> tuple[tuple[AssessedArticle, ...], DetectedBurst | None]:
    """The articles of a poll, those marked that are no news; call it before the poll is settled."""
    if len(judged) < STORM_FROM:
        return tuple(judged), None
    changed, had, unknown = _sorted(session, feed, judged)
    storm = _storm(session, feed, judged, changed, had, unknown, now=now)
    held = (unknown if storm.is_flood else set()) | (changed if storm.is_reprint else set())
    marked = [
        replace(each, arrival=replace(each.arrival, is_storm=True)) if number in held else each
        for number, each in enumerate(judged)
    ]
    return tuple(marked), storm if storm.is_worth_a_word else None


def is_still_one(storm: DetectedBurst, had: int) -> bool:
    """The same once it is known which of its entries really were copies: articles at one canonical address need not be."""
    return is_storm(storm.fresh, had)


def begins(session: Session, feed_id: int, *, now: datetime) -> bool:
    """Whether this is a new storm, not the one that was told; either way it goes on until a day passes without."""
    last_at = feeds.note_burst(session, feed_id, now=now)
    return last_at is None or now - last_at > SAME_STORM_FOR


def _storm(
    session: Session,
    feed: FeedState,
    judged: Sequence[AssessedArticle],
    changed: set[int],
    had: set[int],
    unknown: set[int],
    *,
    now: datetime,
) -> DetectedBurst:
    first_at, last_at = feeds.answered(session, feed.id)
    # Where the feed gave no date, or one to come, an article bears the time at which it was seen.
    dates = [_date(judged[number]) for number in sorted(unknown)]
    burst = PollCounts(
        unknown=len(unknown),
        unknown_matches=_matches(judged, unknown),
        usual=_usual(session, feed.id, first_at, last_at, now=now) if len(unknown) >= FLOOD_FROM else 0.0,
        undated=tells_nothing(dates, last_at=last_at, now=now),
        changed=len(changed),
        changed_matches=_matches(judged, changed),
        is_first_poll=feed.first_polled_at is None,
    )
    return DetectedBurst(
        burst=burst,
        fresh=len(judged) - len(changed),
        had=frozenset(had),
        is_flood=is_flood(burst),
        is_reprint=is_reprint(burst),
    )


def _date(judged: AssessedArticle) -> datetime | None:
    article = judged.article
    return article.published_at if article.published_at < article.seen_at else None


def _matches(judged: Sequence[AssessedArticle], numbers: Iterable[int]) -> int:
    return sum(any(score.is_match for score in judged[number].scores) for number in numbers)


def _sorted(
    session: Session, feed: FeedState, judged: Sequence[AssessedArticle]
) -> tuple[set[int], set[int], set[int]]:
    """Places of those whose guid the feed had shown, of those whose content it had shown, and of those that nobody had."""
    guids = [key_of(each.sighting.guid if each.sighting else each.article.guid) for each in judged]
    urls = [url_key(each.article.url) for each in judged]
    texts = [each.fingerprint.text_key for each in judged]
    shown = feeds.shown(session, feed, guids=guids, addresses=urls, texts=texts)
    known = shown.by_any if feed.first_polled_at is None else shown.by_feed
    changed = {number for number, guid in enumerate(guids) if guid in shown.guids}
    rest = set(range(len(judged))) - changed
    had = {number for number in rest if {urls[number], texts[number]} & known}
    return changed, had, {number for number in rest if not {urls[number], texts[number]} & shown.by_any}


def _usual(
    session: Session, feed_id: int, first_at: datetime | None, last_at: datetime | None, *, now: datetime
) -> float:
    """How many entries this feed brings, by its own average, in the time since its last answer."""
    if first_at is None or last_at is None:
        return 0.0
    since_at = max(first_at, now - _USUAL_WITHIN_FOR)
    watched_for = max(now - since_at, timedelta(hours=1))
    return feeds.count_entries(session, feed_id, since_at=since_at) * ((now - last_at) / watched_for)
