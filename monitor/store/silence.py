"""What is kept of each feed to tell whether it is silent: its rhythm, its state, and what was told of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, or_, update
from sqlmodel import Session, col, select

from monitor.store.tables import ArticleRow, EntryRow, FeedRow
from monitor.types.fetching import Silence, Watch


def watch_of(row: FeedRow) -> Watch:
    """What is kept of a feed, from its row."""
    values = {each.name: getattr(row, each.name) for each in fields(Watch)}
    return Watch(**{**values, "silence": Silence(row.silence) if row.silence else None})


def save(session: Session, feed_id: int, watch: Watch) -> None:
    """Store what is kept of a feed."""
    values = {each.name: getattr(watch, each.name) for each in fields(Watch)}
    silence = watch.silence.value if watch.silence else None
    statement = update(FeedRow).where(col(FeedRow.id) == feed_id).values(**{**values, "silence": silence})
    session.connection().execute(statement)


def forget(row: FeedRow) -> None:
    """A feed has another address: what was learned of the old one, and what was told of it, is no more."""
    for each in fields(Watch):
        setattr(row, each.name, each.default)
    row.ttl_seconds, row.skip_hours, row.skip_days, row.asked_in_full_at = None, "", "", None


def guids_first_seen(session: Session, feed_id: int, *, at: datetime) -> list[str]:
    """The entries that a feed showed for the first time at exactly this time."""
    asked = select(EntryRow.guid).where(EntryRow.feed_id == feed_id, EntryRow.first_seen_at == at)
    return list(session.exec(asked))


def entry_times(session: Session, feed_id: int, *, at_most: int) -> list[tuple[datetime, datetime]]:
    """(published, first seen) of the entries that a feed showed last, in no order; without a date, both are when it was seen."""
    newest = (
        select(ArticleRow.published_at, EntryRow.first_seen_at)
        .join(ArticleRow, col(ArticleRow.id) == col(EntryRow.article_id))
        .where(EntryRow.feed_id == feed_id)
    )
    return list(session.exec(newest.order_by(col(EntryRow.first_seen_at).desc()).limit(at_most)).all())


# --- what is to be told -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFeed:
    """A feed by its name, with what is kept of it."""

    id: int
    name: str
    watch: Watch


def is_due(session: Session, *, now: datetime) -> bool:
    """Whether there is something to tell of any feed."""
    due = select(FeedRow.id).where(col(FeedRow.silence_due_at) <= now, *_IS_ANSWERING, _IS_CONFIRMED).limit(1)
    return session.exec(due).first() is not None


def untold(session: Session, *, now: datetime) -> list[WatchedFeed]:
    """Feeds of which there is, or soon will be, something to tell."""
    is_sure = or_(col(FeedRow.silence_due_at) > now, _IS_CONFIRMED)
    return _watched(session, col(FeedRow.silence_due_at).is_not(None), is_sure, *_IS_ANSWERING)


def silent(session: Session) -> list[WatchedFeed]:
    """Polled feeds that answer and are silent."""
    return _watched(session, col(FeedRow.silence).is_not(None), *_IS_ANSWERING)


def told_together(session: Session, told_at: Collection[datetime]) -> list[WatchedFeed]:
    """Polled feeds that were named by the notices of these times."""
    return _watched(session, col(FeedRow.silence_told_at).in_(sorted(told_at)), *_IS_POLLED)


def _watched(session: Session, *conditions: ColumnElement[bool]) -> list[WatchedFeed]:
    rows = session.exec(select(FeedRow).where(*conditions).order_by(col(FeedRow.name)))
    return [WatchedFeed(id=row.id or 0, name=row.name, watch=watch_of(row)) for row in rows]


_IS_POLLED = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
_IS_ANSWERING = (*_IS_POLLED, col(FeedRow.failures) == 0)
_IS_CONFIRMED = or_(col(FeedRow.silence).is_(None), col(FeedRow.last_success_at) >= col(FeedRow.silence_due_at))
"""After a sleep of ours, silence is not told before the feed was asked again."""
