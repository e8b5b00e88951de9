"""A burst of "new" entries that is no news: a feed that changed its guids, moved, or put its archive out again.

Counts, before a poll is decided on, what it brought against what is stored, by guid, address and text; what that means is `alert`'s
to say. A burst whose content is known needs no guard of its own, for copies are never told: it is reported. One that is unknown
is held back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor import alert as policy
from monitor.alert import Burst
from monitor.intake import Judged
from monitor.store import feeds
from monitor.store.articles import key_of, url_key
from monitor.store.db import Session
from monitor.types import FeedState

SAME_STORM_FOR = timedelta(hours=24)
_USUAL_WITHIN_FOR = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Storm:
    """What is unusual about a poll."""

    burst: Burst
    fresh: int
    """Entries it showed as new."""
    had: frozenset[int]
    """Places of those of them that its feed had shown before, or on its first poll any feed."""
    is_flood: bool = False
    is_reprint: bool = False

    @property
    def is_worth_a_word(self) -> bool:
        """Whether the operator should hear of it."""
        return self.is_flood or self.is_reprint or policy.is_storm(self.fresh, len(self.had))


def guarded(
    session: Session, feed: FeedState, judged: Sequence[Judged], *, now: datetime
) -> tuple[tuple[Judged, ...], Storm | None]:
    """The articles of a poll, those marked that are no news; call it before the poll is settled."""
    if len(judged) < policy.STORM_FROM:
        return tuple(judged), None
    changed, had, unknown = _sorted(session, feed, judged)
    storm = _storm(session, feed, judged, changed, had, unknown, now=now)
    held = (unknown if storm.is_flood else set()) | (changed if storm.is_reprint else set())
    marked = [
        replace(each, arrival=replace(each.arrival, is_storm=True)) if number in held else each
        for number, each in enumerate(judged)
    ]
    return tuple(marked), storm if storm.is_worth_a_word else None


def is_still_one(storm: Storm, had: int) -> bool:
    """The same once it is known which of its entries really were copies: articles at one canonical address need not be."""
    return policy.is_storm(storm.fresh, had)


def begins(session: Session, feed_id: int, *, now: datetime) -> bool:
    """Whether this is a new storm, not the one that was told; either way it goes on until a day passes without."""
    last_at = feeds.note_burst(session, feed_id, now=now)
    return last_at is None or now - last_at > SAME_STORM_FOR


def _storm(
    session: Session,
    feed: FeedState,
    judged: Sequence[Judged],
    changed: set[int],
    had: set[int],
    unknown: set[int],
    *,
    now: datetime,
) -> Storm:
    first_at, last_at = feeds.answered(session, feed.id)
    # Where the feed gave no date, or one to come, an article bears the time at which it was seen.
    dates = [_date(judged[number]) for number in sorted(unknown)]
    burst = Burst(
        unknown=len(unknown),
        unknown_matches=_matches(judged, unknown),
        usual=_usual(session, feed.id, first_at, last_at, now=now) if len(unknown) >= policy.FLOOD_FROM else 0.0,
        undated=policy.tells_nothing(dates, last_at=last_at, now=now),
        changed=len(changed),
        changed_matches=_matches(judged, changed),
        is_first_poll=feed.first_polled_at is None,
    )
    return Storm(
        burst=burst,
        fresh=len(judged) - len(changed),
        had=frozenset(had),
        is_flood=policy.is_flood(burst),
        is_reprint=policy.is_reprint(burst),
    )


def _date(judged: Judged) -> datetime | None:
    article = judged.article
    return article.published_at if article.published_at < article.seen_at else None


def _matches(judged: Sequence[Judged], numbers: Iterable[int]) -> int:
    return sum(any(score.is_match for score in judged[number].scores) for number in numbers)


def _sorted(session: Session, feed: FeedState, judged: Sequence[Judged]) -> tuple[set[int], set[int], set[int]]:
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
