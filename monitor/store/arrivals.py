"""What came near a topic, from the rows of its matches and near misses, or from the archive where it is new. Reads only.

Counted is what was published within a day before it was seen: what a feed held when it was first met is not a day's news.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, literal
from sqlmodel import Session, col, select

from monitor.intent import Archive, Arrival
from monitor.margins import margin
from monitor.store.tables import ArticleRow, MatchRow, NearMissRow, TopicRow

_LATEST_FOR = timedelta(days=30)
_FRESH_FOR = timedelta(days=1)
_DAY = timedelta(days=1)


def of_topic(session: Session, topic: str, *, up_to: int) -> Archive:
    """The last 30 days of a topic, up to this article; no days where it is followed for less than one."""
    since_at, until_at = _span(session, topic, up_to)
    if since_at is None or until_at is None or until_at - since_at < _DAY:
        return Archive()
    found = []
    for table in (MatchRow, NearMissRow):
        weight = NearMissRow.share if table is NearMissRow else literal(1.0)
        rows = session.exec(
            select(
                table.story_id, table.score, table.threshold, table.factor, weight,
                ArticleRow.seen_at, ArticleRow.published_at,
            )  # type: ignore[call-overload]
            .join(ArticleRow, col(ArticleRow.id) == col(table.article_id))
            .where(col(table.topic) == topic, col(table.article_id) <= up_to, col(ArticleRow.seen_at) >= since_at)
            .order_by(col(table.article_id))
        )  # fmt: skip
        found += [
            Arrival(seen_at.date(), story, margin(score, threshold, factor), 1 / share)
            for story, score, threshold, factor, share, seen_at, published_at in rows
            if seen_at - published_at <= _FRESH_FOR and share > 0
        ]
    return Archive(_readable(found), (until_at - since_at) / _DAY)


def sample(session: Session, *, up_to: int, limit: int, characters: int) -> tuple[list[ArticleRow], float]:
    """The latest articles up to this one, oldest first, texts cut, and over how many days they came: for a topic that is new."""
    since_at, until_at = _span(session, "", up_to)
    if since_at is None or until_at is None or until_at - since_at < _DAY:
        return [], 0.0
    rows = session.exec(
        select(ArticleRow)
        .where(col(ArticleRow.id) <= up_to, col(ArticleRow.grade) != "wall", col(ArticleRow.kind).in_(("new", "joins")))
        .order_by(col(ArticleRow.id).desc())
        .limit(limit)
    ).all()
    fresh = [each for each in reversed(rows) if each.seen_at - each.published_at <= _FRESH_FOR]
    for each in fresh:
        session.expunge(each)
        each.text = each.text[:characters]
    return fresh, max((until_at - fresh[0].seen_at) / _DAY, 1 / 24) if fresh else 0.0


def scored(rows: Iterable[tuple[ArticleRow, float]], days: float) -> Archive:
    """The same from articles and their margins."""
    found = [Arrival(row.seen_at.date(), row.story_id or row.id or 0, margin) for row, margin in rows]
    return Archive(_readable(found), days)


def _readable(found: Iterable[Arrival]) -> tuple[Arrival, ...]:
    return tuple(each for each in found if each.margin == each.margin)


def _span(session: Session, topic: str, up_to: int) -> tuple[datetime | None, datetime | None]:
    """Since when the topic is followed, 30 days at most, and when this article came."""
    first_at, last_at = session.exec(
        select(func.min(ArticleRow.seen_at), func.max(ArticleRow.seen_at)).where(col(ArticleRow.id) <= up_to)
    ).one()
    if first_at is None:
        return None, None
    row = session.get(TopicRow, topic) if topic else None
    return max(first_at, last_at - _LATEST_FOR, (row and row.added_at) or first_at), last_at
