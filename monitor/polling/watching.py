"""Keeps watch over a feed from poll to poll: what an answer showed, what the store knows of its rhythm, and what follows."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.polling import rhythm
from monitor.polling.rhythm import Rhythm
from monitor.polling.silence import Answer, next_watch
from monitor.store.db import Session
from monitor.store.feeds import shown_entries, watches
from monitor.types.fetching import FeedState, FeedUpdate, ParsedFeed

_LOOKED_AT = 400
"""Entries from which a rhythm is learned: eight weeks of seven a day, or eight days of fifty."""


def keep_watch(
    session: Session, feed: FeedState, update: FeedUpdate, parsed: ParsedFeed | None, *, in_full: bool, now: datetime
) -> None:
    """Store what follows from an answer for the feed's silence, once its entries are stored.

    It follows from what is kept now: while the feed was read, the poll of another may have told of both.
    """
    feed = replace(feed, watch=watches.watch(session, feed.id) or feed.watch)
    answer = _answer(session, feed, update, parsed, in_full=in_full, now=now)
    watch = next_watch(feed, answer, lambda: _rhythm(session, feed, now), now=now)
    if watch != feed.watch:
        watches.save_watch(session, feed.id, watch)


def _answer(
    session: Session, feed: FeedState, update: FeedUpdate, parsed: ParsedFeed | None, *, in_full: bool, now: datetime
) -> Answer:
    dates = {each.guid: each.published_at for each in parsed.entries} if parsed else {}
    new = shown_entries.guids_first_seen(session, feed.id, at=now) if dates else []
    return Answer(
        entries=parsed.size if parsed else None,
        new=tuple(dates.get(guid) for guid in new),
        is_first=feed.first_polled_at is None,
        is_in_full=in_full,
        has_same_validators=update.validators == feed.validators,
    )


def _rhythm(session: Session, feed: FeedState, now: datetime) -> Rhythm:
    seen = shown_entries.entry_times(session, feed.id, at_most=_LOOKED_AT)
    return rhythm.learn(rhythm.moments(seen, first_polled_at=feed.first_polled_at or now), now=now)
