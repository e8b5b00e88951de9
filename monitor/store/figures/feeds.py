"""What feeds brought: entries and matches a day, their latest entries. For pages; nothing decides by it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Case, Subquery, case
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func, select

from monitor.store.decisions import in_force
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtEntry:
    """An entry of a feed, with what was decided on its article."""

    article_id: int
    title: str
    url: str
    language: str
    first_seen_at: datetime
    reason: str
    """The name of the `Reason` of the decision in force."""
    topics: tuple[str, ...] = ()
    """Those that it matches."""


def entries_a_day(session: Session, names: Collection[str], starts: Sequence[datetime]) -> dict[str, list[int]]:
    """By feed, how many entries it showed for the first time in each day; `starts` are the days' beginnings, oldest first, and the
    last day ends now."""
    day = _day_of(col(EntryRow.first_seen_at), starts).label("day")
    found = (
        select(FeedRow.name, day, EntryRow.id)
        .join(EntryRow, col(EntryRow.feed_id) == col(FeedRow.id))
        .where(col(FeedRow.name).in_(names), col(EntryRow.first_seen_at) >= starts[0])
        .subquery()
    )
    return _counted(session, found, len(starts))


def matches_a_day(session: Session, names: Collection[str], starts: Sequence[datetime]) -> dict[str, list[int]]:
    """By feed, how many of its articles matched in each day."""
    day = _day_of(col(MatchRow.created_at), starts).label("day")
    found = (
        select(col(ArticleRow.source).label("name"), day, col(MatchRow.article_id).label("id"))
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(col(ArticleRow.source).in_(names), col(MatchRow.created_at) >= starts[0])
        .distinct()
        .subquery()
    )
    return _counted(session, found, len(starts))


def _day_of(at: Mapped[datetime], starts: Sequence[datetime]) -> Case[int]:
    """The number of the day that a time falls into, in SQL that both databases read alike."""
    return case(*((at >= start, number) for number, start in reversed([*enumerate(starts)])), else_=0)


def _counted(session: Session, found: Subquery, days: int) -> dict[str, list[int]]:
    """Rows of (name, day) counted. Of a subquery, as PostgreSQL groups by no expression with parameters of its own."""
    counted: dict[str, list[int]] = {}
    columns = (found.c.name, found.c.day)
    for name, day, count in session.exec(select(*columns, func.count()).group_by(*columns)):
        counted.setdefault(name, [0] * days)[day] = count
    return counted


def latest_entries(session: Session, name: str, *, limit: int) -> list[BroughtEntry]:
    """The entries that a feed showed last, newest first."""
    asked = (
        select(ArticleRow, EntryRow.first_seen_at, in_force("reason"))
        .join(EntryRow, col(EntryRow.article_id) == col(ArticleRow.id))
        .join(FeedRow, col(FeedRow.id) == col(EntryRow.feed_id))
        .where(FeedRow.name == name)
        .order_by(col(EntryRow.first_seen_at).desc(), col(EntryRow.id).desc())
        .limit(limit)
    )
    rows = session.exec(asked).all()
    topics = _topics_of(session, [row.id or 0 for row, _, _ in rows])
    return [
        BroughtEntry(
            article_id=row.id or 0,
            title=row.title,
            url=row.url,
            language=row.language,
            first_seen_at=at,
            reason=reason or "",
            topics=tuple(sorted(topics.get(row.id or 0, ()))),
        )
        for row, at, reason in rows
    ]


def _topics_of(session: Session, article_ids: Collection[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for article, topic in session.exec(
        select(MatchRow.article_id, MatchRow.topic).where(col(MatchRow.article_id).in_(article_ids))
    ):
        found.setdefault(article, set()).add(topic)
    return found
