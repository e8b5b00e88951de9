"""Counts what the overview shows: matches, alerts and verdicts by spans of time, deliveries, and by whom the articles are.

Spans are given by their beginnings, so that days and weeks are those of the reader. The database counts: of a year's matches no row
leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from monitor.store.inbox import Attributed, attributed
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.matches import MatchRow
from monitor.types.alerting import AlertKind
from monitor.types.matching import Reason

_IS_NO_COPY = col(MatchRow.reason) != Reason.COPY.name
_TOLD = (AlertKind.NEW.value, AlertKind.UPDATED.value, AlertKind.ESCALATED.value)


class Counted(NamedTuple):
    """How many of a topic in the span of that number, from 0."""

    span: int
    topic: str
    number: int


class Judged(NamedTuple):
    """How many matches of a span, or of a topic, were judged, and how many of them confirmed."""

    of: Any
    judged: int
    confirmed: int


class Sent(NamedTuple):
    """A delivery that was sent."""

    channel: str
    made_at: datetime
    sent_at: datetime


def matches_by_span(session: Session, begins: Sequence[datetime]) -> list[Counted]:
    """The matches since the first of these times."""
    span = _span(col(MatchRow.created_at), begins)
    asked = select(span, col(MatchRow.topic), func.count()).where(col(MatchRow.created_at) >= begins[0], _IS_NO_COPY)
    return [Counted(*row) for row in session.execute(asked.group_by(span, col(MatchRow.topic)))]


def alerts_by_span(session: Session, begins: Sequence[datetime]) -> list[Counted]:
    """What alerts told since the first of these times; notices and summaries are none."""
    span, topic = _span(col(AlertRow.created_at), begins), col(AlertTopicRow.topic)
    asked = (
        select(span, topic, func.count())
        .join(AlertTopicRow, col(AlertTopicRow.alert_id) == col(AlertRow.id))
        .where(col(AlertRow.created_at) >= begins[0], col(AlertRow.kind).in_(_TOLD))
    )
    return [Counted(*row) for row in session.execute(asked.group_by(span, topic))]


def judged_by_span(session: Session, begins: Sequence[datetime]) -> list[Judged]:
    """The matches since the first of these times that have a verdict, by when they were found."""
    return _judged(session, _span(col(MatchRow.created_at), begins), begins[0])


def judged_by_topic(session: Session, since_at: datetime) -> list[Judged]:
    """The same by topic."""
    return _judged(session, col(MatchRow.topic), since_at)


def _judged(session: Session, by: Any, since_at: datetime) -> list[Judged]:
    confirmed = func.sum(case((col(MatchRow.is_relevant).is_(True), 1), else_=0))
    has_verdict = col(MatchRow.is_relevant).in_((True, False))
    asked = select(by, func.count(), confirmed).where(has_verdict, col(MatchRow.created_at) >= since_at, _IS_NO_COPY)
    return [Judged(*row) for row in session.execute(asked.group_by(by))]


def count_stories(session: Session, since_at: datetime) -> int:
    """How many stories have a match since then."""
    asked = select(func.count(col(MatchRow.story_id).distinct())).where(
        col(MatchRow.created_at) >= since_at, _IS_NO_COPY
    )
    return int(session.execute(asked).scalar_one())


def count_alerts(session: Session, since_at: datetime) -> int:
    """How many alerts were made since then; notices and summaries are none."""
    asked = select(func.count()).where(col(AlertRow.created_at) >= since_at, col(AlertRow.kind).in_(_TOLD))
    return int(session.execute(asked).scalar_one())


def reasons_since(session: Session, since_at: datetime) -> dict[str, int]:
    """Name of a `Reason` -> how many matches since then were decided for it."""
    asked = select(col(MatchRow.reason), func.count()).where(col(MatchRow.created_at) >= since_at)
    return dict(session.execute(asked.group_by(col(MatchRow.reason))).all())


def _span(at: Any, begins: Sequence[datetime]) -> ColumnElement[int]:
    """The number of the span that a time is in; the last one has no end."""
    return case(*((at < end, number) for number, end in enumerate(begins[1:])), else_=len(begins) - 1)


def sent_since(session: Session, since_at: datetime) -> list[Sent]:
    """The deliveries of alerts that were sent since then, without those that a summary told."""
    asked = select(col(DeliveryRow.channel), col(DeliveryRow.created_at), col(DeliveryRow.sent_at))
    sent = (col(DeliveryRow.state) == "sent", col(DeliveryRow.summary_id) == "", col(DeliveryRow.sent_at) >= since_at)
    return [Sent(*row) for row in session.execute(asked.where(*sent))]


def published_since(session: Session, since_at: datetime) -> Sequence[tuple[Attributed, str, int]]:
    """By whom, and in which language, the articles are that match since then, and how many there are."""
    columns = (*attributed(session), col(ArticleRow.language))
    matched = select(col(MatchRow.article_id)).where(col(MatchRow.created_at) >= since_at, _IS_NO_COPY)
    asked = select(*columns, func.count()).where(col(ArticleRow.id).in_(matched)).group_by(*columns)
    return [(Attributed(*row[:4]), row[4], row[5]) for row in session.execute(asked)]
