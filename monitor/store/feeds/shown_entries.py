"""What feeds have shown before: the entries of a poll that are known already, how many there were, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, Table, bindparam, exists, func, or_, text
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from monitor.store.statements import Prepared, as_parameter
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.fetching import FeedState

_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]
_entries: Table = EntryRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKeys:
    """The keys of a poll's entries that are stored already. Addresses and texts share one set: both are 64-bit hashes."""

    guids: frozenset[int]
    """Of entries of this feed."""
    by_feed: frozenset[int]
    """Addresses and texts of articles from this feed."""
    by_any: frozenset[int]
    """Addresses and texts of all articles."""


def known_keys(
    session: Session, feed: FeedState, *, guids: Sequence[int], addresses: Sequence[int], texts: Sequence[int]
) -> KnownKeys:
    """Which of these keys (of a poll's entries) are stored, by this feed or by any."""
    shown = _SHOWN.run(session, {"feed": feed.id, "keys": _as_keys(session, guids)})
    by_address = _BY_ADDRESS.run(session, {"name": feed.name, "feed": feed.id, "keys": _as_keys(session, addresses)})
    by_text = _BY_TEXT.run(session, {"name": feed.name, "keys": _as_keys(session, texts)})
    stored = [*by_address, *by_text]
    return KnownKeys(
        guids=frozenset(key for (key,) in shown),
        by_any=frozenset(key for key, _ in stored),
        by_feed=frozenset(key for key, is_own in stored if is_own),
    )


def _as_keys(session: Session, keys: Sequence[int]) -> object:
    """Keys as a parameter; 0 stands for "has no key" and never counts."""
    return as_parameter(session, set(keys) - {0})


def poll_times(session: Session, feed_id: int) -> tuple[datetime | None, datetime | None]:
    """(first polled at, last successful poll at) of a feed; None where it has not happened yet."""
    ((first_at, last_at),) = _POLL_TIMES.read(session, {"feed": feed_id})
    return first_at, last_at


def count_entries(session: Session, feed_id: int, *, since_at: datetime) -> int:
    """How many entries a feed has shown for the first time since then."""
    asked = select(func.count()).select_from(EntryRow)
    return session.exec(asked.where(EntryRow.feed_id == feed_id, col(EntryRow.first_seen_at) > since_at)).one()


def note_burst(session: Session, feed_id: int, *, now: datetime) -> datetime | None:
    """Record that a feed brought a burst of entries now; returns when it last did before."""
    row = session.get_one(FeedRow, feed_id)
    before_at, row.storm_at = row.storm_at, now
    session.add(row)
    session.flush()
    return before_at


def guids_first_seen(session: Session, feed_id: int, *, at: datetime) -> list[str]:
    """The entries that a feed showed for the first time at exactly this time."""
    session.flush()
    return [guid for (guid,) in _FIRST_SEEN.run(session, {"feed": feed_id, "at": at})]


def entry_times(session: Session, feed_id: int, *, at_most: int) -> list[tuple[datetime, datetime]]:
    """(published, first seen) of the entries that a feed showed last, in no order; without a date, both are when it was seen."""
    session.flush()
    return [(published, seen) for published, seen in _ENTRY_TIMES.read(session, {"feed": feed_id, "limit": at_most})]


_FIRST_SEEN = Prepared(
    select_columns(_entries.c.guid).where(
        _entries.c.feed_id == bindparam("feed"),
        _entries.c.first_seen_at == bindparam("at", type_=_entries.c.first_seen_at.type),
    )
)
_POLL_TIMES = Prepared(
    select_columns(_feeds.c.first_polled_at, _feeds.c.last_success_at).where(_feeds.c.id == bindparam("feed"))
)


def _among_keys(asked: Any, column: str) -> Prepared:
    """The select of rows whose column is one of the keys that are given."""
    return Prepared(
        asked.where(text(f"{column} IN (SELECT value FROM json_each(:keys))")),
        postgresql=asked.where(text(f"{column} = ANY(CAST(:keys AS bigint[]))")),
    )


_IS_OF_FEED = _articles.c.source == bindparam("name")
_IS_SHOWN = exists().where(_entries.c.article_id == _articles.c.id, _entries.c.feed_id == bindparam("feed"))
_SHOWN = _among_keys(select_columns(_entries.c.guid_key).where(_entries.c.feed_id == bindparam("feed")), "guid_key")
_BY_ADDRESS = _among_keys(select_columns(_articles.c.url_key, or_(_IS_OF_FEED, _IS_SHOWN)), "url_key")
_BY_TEXT = _among_keys(select_columns(_articles.c.text_key, _IS_OF_FEED), "text_key")
_ENTRY_TIMES = Prepared(
    select_columns(_articles.c.published_at, _entries.c.first_seen_at)
    .join(_articles, _articles.c.id == _entries.c.article_id)
    .where(_entries.c.feed_id == bindparam("feed"))
    .order_by(_entries.c.first_seen_at.desc())
    .limit(bindparam("limit", type_=Integer))
)
