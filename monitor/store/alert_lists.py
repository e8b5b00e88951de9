"""Alerts as they are listed, with their topics, deliveries and attempts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from monitor.store.channels import Handover, handovers
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.deliveries import AttemptRow, DeliveryRow, shown_state

_OF_TOPIC = col(AlertRow.id) == col(AlertTopicRow.alert_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as it is listed. `payload` is the whole alert as JSON."""

    id: str
    kind: str
    topic: str
    """The strongest of its topics."""
    topics: tuple[str, ...] = ()
    """All topics that it told of, the strongest first."""
    decisions: Mapping[str, int | None] = field(default_factory=dict)
    """Topic -> the decision by which it was told."""
    story_id: int | None
    article_id: int | None
    title: str
    created_at: datetime
    payload: Mapping[str, Any]


def latest(
    session: Session, *, state: str = "", topic: str = "", channel: str = "", limit: int, offset: int = 0
) -> list[StoredAlert]:
    """Alerts, newest first; only of `topic`, only with a delivery in `state`, to `channel`, where these are given."""
    asked = select(AlertRow).order_by(col(AlertRow.created_at).desc(), col(AlertRow.id)).limit(limit).offset(offset)
    if topic:
        asked = asked.where(
            col(AlertRow.id).in_(select(col(AlertTopicRow.alert_id)).where(col(AlertTopicRow.topic) == topic))
        )
    if state or channel:
        of_delivery = [
            *([shown_state() == state] if state else ()),
            *([DeliveryRow.channel == channel] if channel else ()),
        ]
        asked = asked.where(col(AlertRow.id).in_(select(col(DeliveryRow.alert_id)).where(*of_delivery)))
    return _stored(session, session.execute(asked).scalars().all())


def with_id_prefix(session: Session, id: str, *, limit: int = 2) -> list[StoredAlert]:
    """Alerts whose id starts with `id`."""
    asked = select(AlertRow).where(col(AlertRow.id).startswith(id, autoescape=True)).limit(limit)
    return _stored(session, session.execute(asked).scalars().all())


def of_story(session: Session, story_id: int) -> list[StoredAlert]:
    """The alerts about a story, oldest first."""
    asked = select(AlertRow).where(col(AlertRow.story_id) == story_id).order_by(col(AlertRow.created_at))
    return _stored(session, session.execute(asked).scalars().all())


def topics_of_stories(session: Session, story_ids: Collection[int]) -> dict[int, set[str]]:
    """The topics for which each of these stories was alerted; stories without an alert are left out."""
    asked = select(col(AlertRow.story_id), col(AlertTopicRow.topic)).join(AlertTopicRow, _OF_TOPIC)
    found: dict[int, set[str]] = {}
    for story_id, topic in session.execute(asked.where(col(AlertRow.story_id).in_(story_ids)).distinct()):
        found.setdefault(story_id, set()).add(topic)
    return found


def _stored(session: Session, rows: Sequence[AlertRow]) -> list[StoredAlert]:
    asked = select(AlertTopicRow).where(col(AlertTopicRow.alert_id).in_([row.id for row in rows]))
    decisions: dict[str, dict[str, int | None]] = {}
    for each in session.execute(asked.order_by(col(AlertTopicRow.topic))).scalars():
        decisions.setdefault(each.alert_id, {})[each.topic] = each.decision_id
    return [_with_topics(row, decisions.get(row.id, {})) for row in rows]


def _with_topics(row: AlertRow, decisions: Mapping[str, int | None]) -> StoredAlert:
    said = [each.get("name") for each in row.payload.get("topics") or ()]
    ordered = sorted(decisions, key=lambda topic: (said.index(topic) if topic in said else len(said), topic))
    return StoredAlert(
        id=row.id,
        kind=row.kind,
        topic=row.topic,
        topics=tuple(ordered) or ((row.topic,) if row.topic else ()),
        decisions=decisions,
        story_id=row.story_id,
        article_id=row.article_id,
        title=row.title,
        created_at=row.created_at,
        payload=row.payload,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """One attempt to deliver, and its result."""

    started_at: datetime
    ended_at: datetime
    result: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """The delivery of an alert on one channel, with all attempts."""

    channel: str
    state: str
    attempts: int
    sent_at: datetime | None
    next_at: datetime | None
    """When the next attempt is due; None where none is."""
    detail: str
    tries: tuple[StoredAttempt, ...]
    recipients: tuple[Handover, ...] = ()
    """Whether each recipient has it, on channels that have several."""


def deliveries_of(session: Session, alert_ids: Collection[str]) -> dict[str, list[StoredDelivery]]:
    """The deliveries of each of these alerts, ordered by channel; an empty list for an alert without any."""
    asked = select(DeliveryRow).where(col(DeliveryRow.alert_id).in_(alert_ids)).order_by(col(DeliveryRow.channel))
    rows = session.execute(asked).scalars().all()
    ids = [row.id or 0 for row in rows]
    attempts, recipients = _attempts(session, ids), handovers(session, ids)
    found: dict[str, list[StoredDelivery]] = {alert_id: [] for alert_id in alert_ids}
    for row in rows:
        found[row.alert_id].append(_delivery(row, attempts[row.id or 0], recipients.get(row.id or 0, ())))
    return found


def _attempts(session: Session, delivery_ids: Sequence[int]) -> dict[int, list[StoredAttempt]]:
    asked = select(AttemptRow).where(col(AttemptRow.delivery_id).in_(delivery_ids)).order_by(col(AttemptRow.id))
    found: dict[int, list[StoredAttempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    for row in session.execute(asked).scalars():
        found[row.delivery_id].append(
            StoredAttempt(started_at=row.started_at, ended_at=row.ended_at, result=row.result, code=row.code)
        )
    return found


def _shown_state(row: DeliveryRow) -> str:
    if row.dropped_at:
        return "dropped"
    return "summarised" if row.summary_id and row.state == "sent" else row.state


def _delivery(row: DeliveryRow, attempts: Sequence[StoredAttempt], recipients: Sequence[Handover]) -> StoredDelivery:
    return StoredDelivery(
        channel=row.channel,
        state=_shown_state(row),
        attempts=row.attempts,
        sent_at=row.sent_at,
        next_at=row.next_at if row.state == "pending" else None,
        detail=row.last_detail,
        tries=tuple(attempts),
        recipients=tuple(recipients),
    )
