"""What waits to be assessed again: single articles for which something was missing, and ranges of articles for a changed topic.

A row is written in the transaction that makes it necessary (with the decision that was made without an embedder, with the new
version of a topic) and goes in the transaction that stores what came of it: kill the process at any line, and each is done once.
Processes lease rows, so that two nodes never do the same one.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, func, or_, update
from sqlmodel import Session, col, select

from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.store.statements import execute
from monitor.store.tables.articles import ArticleRow, ReassessmentRow
from monitor.types.fetching import Lease
from monitor.types.stories import Cause

KEPT_FOR = timedelta(days=30)
"""What waited longer is assessed again no more: nobody would be told, and an embedder that is away for a month is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassessment:
    """A leased piece of work."""

    id: int
    lease: Lease
    cause: Cause
    topic: str
    """'' for all topics."""
    article_id: int | None
    """None: a range."""
    first_id: int
    next_id: int
    attempts: int
    counts: RangeCounts
    wanted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeCounts:
    """What came of a range so far."""

    articles: int = 0
    matches: int = 0
    """New ones."""
    alerts: int = 0
    kept: int = 0
    """New matches that were not told, as there were too many at once."""

    def plus(self, *, articles: int = 0, matches: int = 0, alerts: int = 0, kept: int = 0) -> RangeCounts:
        """The counts with these added."""
        return RangeCounts(
            articles=self.articles + articles,
            matches=self.matches + matches,
            alerts=self.alerts + alerts,
            kept=self.kept + kept,
        )


# --- what is wanted -----------------------------------------------------------------------------------------------------


def add_articles(
    session: Session, wanted: Mapping[int, Mapping[Cause, datetime]], *, topic: str = "", now: datetime
) -> int:
    """Let articles be assessed again: article -> cause -> from when on; against one topic, or all. Returns how many were
    not waiting for it already. One that waits for another topic is assessed for all."""
    added = 0
    for article_id, causes in wanted.items():
        for cause, due_at in causes.items():
            is_there = (col(ReassessmentRow.article_id) == article_id, col(ReassessmentRow.cause) == cause.value)
            row = session.exec(select(ReassessmentRow).where(*is_there)).first()
            if row is None:
                session.add(
                    ReassessmentRow(
                        cause=cause.value,
                        topic=topic,
                        article_id=article_id,
                        first_id=article_id,
                        next_id=article_id,
                        wanted_at=now,
                        due_at=due_at,
                    )
                )
                added += 1
            elif row.topic and row.topic != topic:  # what is under way for that topic alone loses its lease
                row.topic, row.due_at, row.lease_token, row.lease_until_at = "", min(row.due_at, due_at), None, None
    session.flush()
    return added


def end_missing(session: Session, article_id: int, *, was_read: bool) -> None:
    """An article was decided on anew: what it waited for it waits for no longer, except for its page where that was not read."""
    ended = [Cause.TOPICS, Cause.EMBEDDER, Cause.EMBEDDING, *([Cause.FULL_TEXT] if was_read else [])]
    of = (col(ReassessmentRow.article_id) == article_id, col(ReassessmentRow.cause).in_([each.value for each in ended]))
    session.connection().execute(delete(ReassessmentRow).where(*of))


def add_range(session: Session, cause: Cause, topic: str, *, since_at: datetime, now: datetime) -> int:
    """Let all articles seen since then be assessed again for this topic ('' for all), in place of a range that waits for the same.
    Returns how many these are, about."""
    first_id, last_id, count = session.exec(
        select(func.min(ArticleRow.id), func.max(ArticleRow.id), func.count()).where(
            col(ArticleRow.seen_at) >= since_at
        )
    ).one()
    same = (
        col(ReassessmentRow.article_id).is_(None),
        col(ReassessmentRow.cause) == cause.value,
        col(ReassessmentRow.topic) == topic,
    )
    session.connection().execute(delete(ReassessmentRow).where(*same))
    if first_id is None or last_id is None:
        return 0
    session.add(
        ReassessmentRow(cause=cause.value, topic=topic, first_id=first_id, next_id=last_id, wanted_at=now, due_at=now)
    )
    session.flush()
    return count


# --- work on it ---------------------------------------------------------------------------------------------------------


def is_any_due(session: Session, causes: Collection[Cause], *, now: datetime) -> bool:
    """Whether there is something to claim."""
    return session.exec(select(ReassessmentRow.id).where(*_is_free(causes, now)).limit(1)).first() is not None


def claim(
    session: Session, causes: Collection[Cause], *, is_range: bool, now: datetime, lease_for: timedelta, limit: int
) -> list[Reassessment]:
    """Lease what is due for these causes, the oldest first: articles, or ranges."""
    is_article = col(ReassessmentRow.article_id).is_not(None)
    due = select(ReassessmentRow).where(*_is_free(causes, now), ~is_article if is_range else is_article)
    rows = session.exec(due.order_by(col(ReassessmentRow.id)).limit(limit)).all()
    leased = (_lease(session, row, now=now, lease_for=lease_for) for row in rows)
    return [each for each in leased if each]


def _is_free(causes: Collection[Cause], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ReassessmentRow.cause).in_([each.value for each in causes]),
        col(ReassessmentRow.due_at) <= now,
        or_(col(ReassessmentRow.lease_token).is_(None), col(ReassessmentRow.lease_until_at) < now),
    )


def _lease(session: Session, row: ReassessmentRow, *, now: datetime, lease_for: timedelta) -> Reassessment | None:
    assert row.id is not None
    lease = Lease(token=secrets.token_hex(8), until_at=now + lease_for)
    is_free = or_(col(ReassessmentRow.lease_token).is_(None), col(ReassessmentRow.lease_until_at) < now)
    taken = update(ReassessmentRow).where(col(ReassessmentRow.id) == row.id, is_free)
    if not execute(session, taken.values(lease_token=lease.token, lease_until_at=lease.until_at)):
        return None
    return Reassessment(
        id=row.id,
        lease=lease,
        cause=Cause(row.cause),
        topic=row.topic,
        article_id=row.article_id,
        first_id=row.first_id,
        next_id=row.next_id,
        attempts=row.attempts,
        wanted_at=row.wanted_at,
        counts=RangeCounts(articles=row.articles, matches=row.matches, alerts=row.alerts, kept=row.kept),
    )


def finish(session: Session, work: Reassessment) -> None:
    """It is done. Raises LeaseLostError where another process did it meanwhile, or it is wanted no more."""
    _must_hold(work, execute(session, delete(ReassessmentRow).where(*_is_held(work))))


def advance(session: Session, work: Reassessment, next_id: int, counts: RangeCounts) -> None:
    """A range is done down to this article. Raises LeaseLostError as `finish` does."""
    values = {"next_id": next_id, "articles": counts.articles, "matches": counts.matches}
    values |= {"alerts": counts.alerts, "kept": counts.kept}
    _must_hold(work, execute(session, update(ReassessmentRow).where(*_is_held(work)).values(**values)))


def give_back(session: Session, work: Reassessment) -> None:
    """End the lease: it is still to be done. Nothing where it was done, or the lease was lost."""
    free = update(ReassessmentRow).where(*_is_held(work)).values(lease_token=None, lease_until_at=None)
    session.connection().execute(free)


def put_off(session: Session, work: Reassessment, due_at: datetime) -> None:
    """An attempt failed: it is to be tried again from then on. Nothing where the lease was lost."""
    values = {"lease_token": None, "lease_until_at": None, "due_at": due_at, "attempts": work.attempts + 1}
    session.connection().execute(update(ReassessmentRow).where(*_is_held(work)).values(**values))


def release_all(session: Session) -> int:
    """End all leases, for a process that is alone on the store."""
    held = update(ReassessmentRow).where(col(ReassessmentRow.lease_token).is_not(None))
    return execute(session, held.values(lease_token=None, lease_until_at=None))


def drop_old(session: Session, *, now: datetime) -> int:
    """Drop what waited for too long."""
    return execute(session, delete(ReassessmentRow).where(col(ReassessmentRow.wanted_at) < now - KEPT_FOR))


def _is_held(work: Reassessment) -> tuple[ColumnElement[bool], ...]:
    return col(ReassessmentRow.id) == work.id, col(ReassessmentRow.lease_token) == work.lease.token


def _must_hold(work: Reassessment, count: int) -> None:
    if not count:
        raise LeaseLostError(f"the lease on reassessment {work.id} ran out, or it was done meanwhile")


# --- for people ---------------------------------------------------------------------------------------------------------


def causes_of(session: Session, article_id: int) -> list[Cause]:
    """For what an article is to be assessed again, also as one of a range."""
    is_in_range = case((col(ReassessmentRow.article_id).is_(None), col(ReassessmentRow.next_id)), else_=article_id)
    within = (col(ReassessmentRow.first_id) <= article_id, is_in_range >= article_id)
    of = or_(col(ReassessmentRow.article_id) == article_id, col(ReassessmentRow.article_id).is_(None))
    rows = session.exec(select(ReassessmentRow.cause).where(of, *within).order_by(col(ReassessmentRow.id)))
    return [Cause(each) for each in dict.fromkeys(rows)]


def waiting(session: Session) -> dict[Cause, int]:
    """Cause -> how many articles, or ranges, wait to be assessed again."""
    rows = session.exec(select(ReassessmentRow.cause, func.count()).group_by(col(ReassessmentRow.cause)))
    return {Cause(cause): count for cause, count in rows}
