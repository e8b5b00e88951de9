"""Channels: which are in force, their health and budget, and bulk changes to their deliveries when a channel is disabled or woken.

Single deliveries are handled by `outbox`; who set a channel, and applying a settings file, by `settings`. Of a channel's
budget this knows which alerts wait, how many messages were sent and what a summary tells: such a delivery is `sent` with the
summary's id. It is never tried by itself; its fate is that of the summary's own delivery, written in the same transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Update, and_, func, or_, text, update
from sqlmodel import Session, col, select

from monitor.store.db import chunks
from monitor.store.tables import AlertRow, ChannelRow, DeliveryRow
from monitor.types.alerting import AlertKind, ChannelState, DeliveryUpdate


def destinations(session: Session) -> dict[str, str]:
    """The channels in force: name -> digest of the destination."""
    rows = session.exec(select(ChannelRow.name, ChannelRow.destination).where(col(ChannelRow.is_configured).is_(True)))
    return dict(rows.all())


def state(session: Session, name: str) -> ChannelState:
    """The failures of a channel; those of a healthy one for an unknown name."""
    row = session.get(ChannelRow, name)
    if row is None:
        return ChannelState()
    return ChannelState(
        failures=row.failures, failing_since_at=row.failing_since_at, is_failing_told=row.is_failing_told
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """The state of a channel, for display. `shown` is its address without its secret."""

    name: str
    kind: str
    shown: str
    is_configured: bool
    by_hand: str
    disabled_reason: str | None
    paused_until_at: datetime | None
    failures: int
    last_sent_at: datetime | None


def reports(session: Session) -> list[ChannelReport]:
    """The state of every channel, ordered by name, including those no longer in the settings."""
    names = [each.name for each in fields(ChannelReport)]
    rows = session.exec(select(ChannelRow).order_by(col(ChannelRow.name)))
    return [ChannelReport(**{name: getattr(row, name) for name in names}) for row in rows]


def settle(session: Session, name: str, result: DeliveryUpdate, *, now: datetime) -> None:
    """Store what an attempt showed about its channel; hold or wake the deliveries waiting there as `result` says."""
    row = session.get(ChannelRow, name)
    if row is None:
        return
    row.failures, row.failing_since_at = result.channel.failures, result.channel.failing_since_at
    row.is_failing_told = result.channel.is_failing_told
    row.paused_until_at = result.channel_paused_until_at
    if result.state == "sent":
        row.last_sent_at = now
    if result.channel_disabled_reason:
        row.disabled_reason = result.channel_disabled_reason
        hold(session, name, destination=None, why=f"the channel is disabled: {result.channel_disabled_reason}")
    if result.wakes_waiting:
        is_waiting = (col(DeliveryRow.channel) == name, col(DeliveryRow.state) == "pending")
        _execute(session, update(DeliveryRow).where(*is_waiting).values(next_at=now))


def enable(session: Session, name: str) -> None:
    """End a channel's disabled or paused state and forget its failures."""
    row = session.get(ChannelRow, name)
    if row is not None:
        forget_failures(row)


def hold(session: Session, channel: str, *, destination: str | None, why: str) -> None:
    """Hold the unsent deliveries of a channel; with a destination, only those queued for another one."""
    is_unsent = [col(DeliveryRow.channel) == channel, col(DeliveryRow.state).in_(("pending", "leased"))]
    if destination is not None:
        is_unsent.append(col(DeliveryRow.destination) != destination)
    held = {"state": "held", "last_detail": why, "lease_token": None, "lease_until_at": None}
    _execute(session, update(DeliveryRow).where(*is_unsent).values(**held))


def forget_failures(row: ChannelRow) -> None:
    """Make a channel's row that of a healthy one."""
    row.disabled_reason = row.paused_until_at = row.failing_since_at = None
    row.failures, row.is_failing_told = 0, False


def _execute(session: Session, statement: Update) -> None:
    session.flush()
    session.connection().execute(statement)


# --- the budget ---------------------------------------------------------------------------------------------------------

_ON_STORIES = (AlertKind.NEW.value, AlertKind.UPDATED.value, AlertKind.ESCALATED.value)


def serialize_budget(session: Session, channel: str) -> None:
    """Let one transaction at a time decide on a channel's budget. On SQLite there is only one that writes anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = zlib.crc32(channel.encode()) - 2**31
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7226392, :key)"), {"key": key})


def waiting_alerts(
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
    _update_waiting(session, ids, values)


def undefer(session: Session, ids: Sequence[int]) -> None:
    """Let these deliveries be sent by themselves."""
    _update_waiting(session, ids, {"deferred_at": None, "last_detail": ""})


def mark_summarised(session: Session, ids: Sequence[int], summary_id: str) -> None:
    """Mark these deliveries as told by a summary, in the transaction that stores it."""
    said = f"told by the summary {summary_id}"
    _update_waiting(session, ids, {"state": "sent", "summary_id": summary_id, "last_detail": said, "deferred_at": None})


def _update_waiting(session: Session, ids: Sequence[int], values: dict[str, object]) -> None:
    session.flush()
    for some in chunks(ids):
        is_waiting = (col(DeliveryRow.id).in_(some), col(DeliveryRow.state) == "pending")
        session.connection().execute(update(DeliveryRow).where(*is_waiting).values(**values))
    session.expire_all()
