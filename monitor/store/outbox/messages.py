"""The alert of a delivery as it is read from its row, and completed with the outlets that carry its story by now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pydantic import ValidationError
from sqlalchemy import ColumnElement, or_
from sqlmodel import Session, col, select

from monitor.store import alerts
from monitor.store.stories import story_articles
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.stories.sources import StoryArticle, independent_sources, outlets, publisher_of_article
from monitor.types.alerting import Alert
from monitor.types.plans import PAUSED

log = logging.getLogger("monitor.outbox")


def shows(alert: Alert) -> str:
    """The part of an alert that can grow after it was sent, as the column `shows` keeps it."""
    return f"{len(alert.also_carried_by)} outlets, {alert.independent_sources} sources"


def load_or_give_up(session: Session, delivery: DeliveryRow, row: AlertRow) -> Alert | None:
    """The stored alert; None where it cannot be read: then its delivery becomes `dead`, so that it does not block the queue."""
    try:
        return alerts.load(row.payload)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors()}))
        why = f"the stored alert cannot be read ({fields}); it was not sent"
        log.error("delivery alert=%s channel=%s is given up: %s", row.id, delivery.channel, why)
        delivery.state, delivery.last_detail, delivery.lease_token, delivery.lease_until_at = "dead", why, None, None
        session.add(delivery)
        session.flush()
        return None


def load_waiting(session: Session, ids: Sequence[int]) -> list[tuple[int, Alert]]:
    """(delivery, alert) of these deliveries, completed as at a first attempt; without those that cannot be read, which are given
    up."""
    asked = select(DeliveryRow, AlertRow).join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
    rows = session.exec(asked.where(col(DeliveryRow.id).in_(ids)).order_by(col(DeliveryRow.id))).all()
    loaded = ((each, row, load_or_give_up(session, each, row)) for each, row in rows)
    return [(each.id or 0, completed(session, row, value, is_first=True)) for each, row, value in loaded if value]


def completed(session: Session, row: AlertRow, value: Alert, *, is_first: bool) -> Alert:
    """The alert as it goes out: at its first attempt with the outlets of now, which its row has from then on."""
    if not is_first or row.story_id is None:
        return value
    complete = with_carriers(value, row.story_id, story_articles.carriers(session, [row.story_id])[row.story_id])
    if complete != value:
        row.payload = alerts.dump(complete)
        session.add(row)
    return complete


def with_carriers(alert: Alert, story_id: int, carriers: Sequence[StoryArticle]) -> Alert:
    """The alert, naming the other outlets that carry its story."""
    article = alert.article
    own = publisher_of_article(article.id, article.feed or article.source, carriers) if article else ""
    also = outlets(carriers, without=own)
    return replace(
        alert,
        story_id=story_id,
        also_carried_by=also,
        independent_sources=len(independent_sources(carriers)) if also else 0,
    )


def is_usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions under which a channel is sent to: configured, and neither paused nor disabled."""
    return (
        col(ChannelRow.is_configured).is_(True),
        col(ChannelRow.by_hand) != PAUSED,
        col(ChannelRow.disabled_reason).is_(None),
        or_(col(ChannelRow.paused_until_at).is_(None), col(ChannelRow.paused_until_at) <= now),
    )
