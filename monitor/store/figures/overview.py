"""Reads what the overview shows: matches, alerts, verdicts, deliveries, and by whom the articles are, as rows with their times.

Days are those of the reader, so that nothing is counted by day here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session, col

from monitor.store.inbox import Attributed, attributed
from monitor.store.tables import AlertRow, AlertTopicRow, ArticleRow, DeliveryRow, MatchRow
from monitor.types.alerting import AlertKind
from monitor.types.matching import Reason

_IS_NO_COPY = col(MatchRow.reason) != Reason.COPY.name
_TOLD = (AlertKind.NEW.value, AlertKind.UPDATED.value, AlertKind.ESCALATED.value)


class Found(NamedTuple):
    """A match that is no copy."""

    at: datetime
    topic: str
    story_id: int
    reason: str


class Told(NamedTuple):
    """A topic that an alert told of."""

    at: datetime
    topic: str
    alert_id: str


class Judged(NamedTuple):
    """A match with a verdict."""

    at: datetime
    topic: str
    is_relevant: bool


class Sent(NamedTuple):
    """A delivery that was sent."""

    channel: str
    made_at: datetime
    sent_at: datetime


def found_since(session: Session, since_at: datetime) -> list[Found]:
    """The matches since then."""
    columns = (col(getattr(MatchRow, name)) for name in ("created_at", "topic", "story_id", "reason"))
    asked = select(*columns).where(col(MatchRow.created_at) >= since_at, _IS_NO_COPY)
    return [Found(*row) for row in session.execute(asked)]


def told_since(session: Session, since_at: datetime) -> list[Told]:
    """What alerts told since then; notices and summaries are none."""
    asked = (
        select(col(AlertRow.created_at), col(AlertTopicRow.topic), col(AlertRow.id))
        .join(AlertTopicRow, col(AlertTopicRow.alert_id) == col(AlertRow.id))
        .where(col(AlertRow.created_at) >= since_at, col(AlertRow.kind).in_(_TOLD))
    )
    return [Told(*row) for row in session.execute(asked)]


def judged_since(session: Session, since_at: datetime) -> list[Judged]:
    """The matches since then that have a verdict, by when they were found."""
    columns = (col(getattr(MatchRow, name)) for name in ("created_at", "topic", "is_relevant"))
    asked = select(*columns).where(col(MatchRow.is_relevant).in_((True, False)), col(MatchRow.created_at) >= since_at)
    return [Judged(at, topic, bool(said)) for at, topic, said in session.execute(asked.where(_IS_NO_COPY))]


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
