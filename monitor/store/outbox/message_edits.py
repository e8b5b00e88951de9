"""Sent messages that stay current, on channels that can edit: which say less than is known by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlmodel import Session, col, select

from monitor.store.outbox.messages import is_usable, load_or_give_up, shows, with_carriers
from monitor.store.statements import execute
from monitor.store.stories import story_articles
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.stories.tuning import QUIET_AFTER_FOR
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome

EDIT_EVERY_FOR = timedelta(minutes=5)
"""The shortest time between two checks whether a sent message is outdated."""
_EDITABLE_FOR = timedelta(days=7)
"""Older messages are not edited any more, however long their story lasts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit:
    """A sent message that is outdated, with the alert as it should read now."""

    delivery_id: int
    alert: Alert
    channel: str
    receipt: str
    shows: str


def outdated(session: Session, channels: Mapping[str, str], *, now: datetime, at_most: int = 20) -> list[MessageEdit]:
    """Sent messages whose story has grown since, each checked once in EDIT_EVERY_FOR, while the story is not quiet.

    `channels` are those that can edit, with their destinations. A message is handed to one caller only until its next check, on
    any number of machines; the caller reports the result to `record_edit`.
    """
    rows = session.exec(
        select(DeliveryRow, AlertRow)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .join(ChannelRow, col(ChannelRow.name) == col(DeliveryRow.channel))
        .where(
            *is_usable(now),
            col(AlertRow.created_at) > now - _EDITABLE_FOR,
            AlertRow.kind == AlertKind.NEW.value,
            DeliveryRow.state == "sent",
            col(DeliveryRow.channel).in_(channels),
            col(DeliveryRow.receipt) != "",
            or_(col(DeliveryRow.looked_at).is_(None), col(DeliveryRow.looked_at) <= now - EDIT_EVERY_FOR),
        )
        .order_by(col(DeliveryRow.looked_at), col(DeliveryRow.id))
        .limit(200)
    ).all()
    edits: list[MessageEdit] = []
    for delivery, alert in rows:
        edit = _edit(session, delivery, alert, now) if delivery.destination == channels[delivery.channel] else None
        edits += [edit] if edit else []
        if len(edits) == at_most:
            break
    return edits


def _edit(session: Session, delivery: DeliveryRow, row: AlertRow, now: datetime) -> MessageEdit | None:
    is_unchanged = (col(DeliveryRow.id) == delivery.id, col(DeliveryRow.looked_at) == delivery.looked_at)
    if delivery.looked_at is None:
        is_unchanged = (is_unchanged[0], col(DeliveryRow.looked_at).is_(None))
    if delivery.id is None or not execute(session, update(DeliveryRow).where(*is_unchanged).values(looked_at=now)):
        return None
    alert = load_or_give_up(session, delivery, row) if row.story_id is not None else None
    if alert is None or row.story_id is None:
        return None
    carriers = story_articles.carriers(session, [row.story_id])[row.story_id]
    if not carriers or now - max(each.seen_at for each in carriers) >= QUIET_AFTER_FOR:
        return None
    current = with_carriers(alert, row.story_id, carriers)
    if shows(current) == delivery.shows:
        return None
    return MessageEdit(
        delivery_id=delivery.id, alert=current, channel=delivery.channel, receipt=delivery.receipt, shows=shows(current)
    )


def record_edit(session: Session, edit: MessageEdit, outcome: Outcome) -> None:
    """Record the result of an edit. After a temporary failure nothing is written, so that the next check tries again."""
    values: dict[str, object] = {}
    if outcome.result is AttemptResult.SENT:
        values = {"shows": edit.shows}
    elif outcome.result in (AttemptResult.GONE, AttemptResult.REJECTED):
        values = {
            "shows": edit.shows,
            "last_detail": f"not edited any more: {outcome.code} {outcome.detail}".strip()[:2048],
        }
    if values:
        execute(session, update(DeliveryRow).where(col(DeliveryRow.id) == edit.delivery_id).values(**values))
