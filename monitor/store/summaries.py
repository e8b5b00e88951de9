"""The deliveries of a channel that its budget is about: which wait, how many messages were sent, which a summary tells.

A delivery that a summary tells is `sent` with the summary's id: it is never tried by itself, and its fate is that of the
summary's own delivery, which is written in the same transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, text, update
from sqlmodel import Session, col, select

from monitor.store import alerts, outbox
from monitor.store.db import chunks
from monitor.store.tables import AlertRow, DeliveryRow
from monitor.types.alerting import Alert, AlertKind

_ON_STORIES = (AlertKind.NEW.value, AlertKind.UPDATED.value, AlertKind.ESCALATED.value)


def serialize(session: Session, channel: str) -> None:
    """Let one transaction at a time decide on a channel's budget. On SQLite there is only one that writes anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = zlib.crc32(channel.encode()) - 2**31
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7226392, :key)"), {"key": key})


def waiting(
    session: Session, channel: str, destination: str, *, now: datetime
) -> list[tuple[int, datetime, bool, bool]]:
    """(id, decided, is due, is deferred) of deliveries of alerts on stories that were never tried: due ones and deferred ones."""
    asked = (
        select(DeliveryRow.id, DeliveryRow.created_at, DeliveryRow.next_at, DeliveryRow.deferred_at)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(
            DeliveryRow.channel == channel,
            DeliveryRow.destination == destination,
            DeliveryRow.state == "pending",
            DeliveryRow.attempts == 0,
            or_(col(DeliveryRow.next_at) <= now, col(DeliveryRow.deferred_at).is_not(None)),
            col(AlertRow.kind).in_(_ON_STORIES),
        )
        .order_by(col(DeliveryRow.id))
    )
    rows = session.exec(asked)
    return [
        (id or 0, created_at, next_at <= now, deferred_at is not None) for id, created_at, next_at, deferred_at in rows
    ]


def spent(session: Session, channel: str, *, now: datetime, window_for: timedelta) -> int:
    """How many alerts on stories the channel was sent by themselves within the window, or is being sent, or soon again."""
    counted = (
        select(func.count())
        .select_from(DeliveryRow)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(DeliveryRow.channel == channel, col(AlertRow.kind).in_(_ON_STORIES))
    )
    is_retried = and_(
        col(DeliveryRow.state) == "pending", col(DeliveryRow.attempts) > 0, col(DeliveryRow.next_at) <= now + window_for
    )
    # first what is under way: an attempt that ends between the two is then counted twice, never left out
    under_way = session.exec(counted.where(or_(col(DeliveryRow.state) == "leased", is_retried))).one()
    is_sent = (col(DeliveryRow.state) == "sent", col(DeliveryRow.sent_at) > now - window_for)
    return under_way + session.exec(counted.where(*is_sent)).one()


def defer(session: Session, ids: Sequence[int], *, until_at: datetime, why: str, now: datetime) -> None:
    """Let these deliveries wait for a summary."""
    values = {"next_at": until_at, "deferred_at": func.coalesce(col(DeliveryRow.deferred_at), now), "last_detail": why}
    _update(session, ids, values)


def undefer(session: Session, ids: Sequence[int]) -> None:
    """Let these deliveries be sent by themselves."""
    _update(session, ids, {"deferred_at": None, "last_detail": ""})


def gather(
    session: Session, summary: Alert, ids: Sequence[int], *, channel: str, destination: str, now: datetime
) -> None:
    """Store a summary with its delivery, and mark the deliveries that it tells."""
    where = {channel: destination}
    alerts.enqueue(session, summary, key=f"summary/{channel}/{summary.id}", channels=where, deliver_at=now)
    said = f"told by the summary {summary.id}"
    _update(session, ids, {"state": "sent", "summary_id": summary.id, "last_detail": said, "deferred_at": None})


def load(session: Session, ids: Sequence[int]) -> list[tuple[int, Alert]]:
    """(delivery, alert) of these, with the outlets that carry each story by now; those that cannot be read are given up."""
    found: list[tuple[int, Alert]] = []
    for some in chunks(ids):
        found += outbox.load_waiting(session, some)
    return found


def _update(session: Session, ids: Sequence[int], values: dict[str, object]) -> None:
    session.flush()
    for some in chunks(ids):
        is_waiting = (col(DeliveryRow.id).in_(some), col(DeliveryRow.state) == "pending")
        session.connection().execute(update(DeliveryRow).where(*is_waiting).values(**values))
    session.expire_all()
