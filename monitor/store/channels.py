"""Channels: which are in force, their health, and bulk changes to their deliveries when a channel is disabled or woken.

Single deliveries are handled by `outbox`; who set a channel, and applying a settings file, by `settings`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import Update, update
from sqlmodel import Session, col, select

from monitor.store.tables import ChannelRow, DeliveryRow
from monitor.types.alerting import ChannelState, DeliveryUpdate


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
        failures=row.failures,
        failing_since_at=row.failing_since_at,
        is_failing_told=row.is_failing_told,
        doubted_alert=row.doubted_alert,
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
    failing_since_at: datetime | None = None
    is_failing_told: bool = False


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
    row.is_failing_told, row.doubted_alert = result.channel.is_failing_told, result.channel.doubted_alert
    row.paused_until_at = result.channel_paused_until_at
    if result.is_taken:
        row.last_sent_at = now
    if result.channel_disabled_reason:
        row.disabled_reason = result.channel_disabled_reason
        hold(session, name, destination=None, why=f"the channel is disabled: {result.channel_disabled_reason}")
    if result.wakes_waiting:
        is_waiting = (
            col(DeliveryRow.channel) == name,
            col(DeliveryRow.state) == "pending",
            col(DeliveryRow.taken_at).is_(None),  # others wait for single recipients
        )
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


def release(session: Session, name: str, *, to: str, now: datetime, max_age_for: timedelta) -> int:
    """Queue again what waited on a channel that did not work and was mended; returns how many. What is older than `max_age_for`
    stays held, and is offered."""
    waits = (
        col(DeliveryRow.channel) == name,
        col(DeliveryRow.state).in_(("pending", "leased", "held")),
        col(DeliveryRow.created_at) >= now - max_age_for,
    )
    again = {"state": "pending", "attempts": 0, "next_at": now, "destination": to, "last_detail": ""}
    leases = {"lease_token": None, "lease_until_at": None}
    session.flush()
    return session.connection().execute(update(DeliveryRow).where(*waits).values(**again, **leases)).rowcount


def waits_in_vain(session: Session, row: ChannelRow) -> bool:
    """Whether a channel does not work: it is disabled, fails, or an alert was refused that still waits."""
    refused = select(DeliveryRow.id).where(
        DeliveryRow.channel == row.name, col(DeliveryRow.state).in_(("pending", "held")), col(DeliveryRow.attempts) > 0
    )
    return bool(row.disabled_reason or row.failures) or session.exec(refused.limit(1)).first() is not None


def forget_failures(row: ChannelRow) -> None:
    """Let a channel begin afresh. That its failure was told stays, so that its recovery is told too, by the next success."""
    row.disabled_reason = row.paused_until_at = row.failing_since_at = None
    row.failures, row.doubted_alert = 0, ""


def _execute(session: Session, statement: Update) -> None:
    session.flush()
    session.connection().execute(statement)
