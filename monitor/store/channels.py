"""Channels: their settings and health, and bulk changes to their deliveries when a channel is removed, disabled or woken.

Single deliveries are handled by `outbox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Update, update
from sqlmodel import Session, col, select

from monitor.store.tables import ChannelRow, DeliveryRow
from monitor.types.alerting import ChannelState, DeliveryUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelInfo:
    """A channel as the settings describe it: `destination` is a digest, `shown` its address without secrets."""

    name: str
    kind: str
    destination: str
    shown: str


def sync(session: Session, wanted: Sequence[ChannelInfo], *, now: datetime) -> None:
    """Bring the channels in line with the settings. Deliveries queued for another destination are held, not redirected (W18)."""
    known = {row.name: row for row in session.exec(select(ChannelRow)).all()}
    for info in wanted:
        row = known.get(info.name)
        if row is None:
            session.add(ChannelRow(name=info.name, kind=info.kind, destination=info.destination, shown=info.shown))
            continue
        if row.destination != info.destination:
            _forget_failures(row)
            _hold(session, info.name, destination=info.destination, why="the channel's destination was changed since")
        row.kind, row.destination, row.shown, row.is_configured = info.kind, info.destination, info.shown, True
    names = {info.name for info in wanted}
    for row in known.values():
        if row.name not in names and row.is_configured:
            row.is_configured = False
            _hold(session, row.name, destination="", why="the channel was removed from the settings")


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
    disabled_reason: str | None
    paused_until_at: datetime | None
    failures: int
    last_sent_at: datetime | None


def reports(session: Session) -> list[ChannelReport]:
    """The state of every channel, ordered by name, including those no longer in the settings."""
    names = [each.name for each in fields(ChannelReport)]
    rows = session.exec(select(ChannelRow).order_by(col(ChannelRow.name)))
    return [ChannelReport(**{name: getattr(row, name) for name in names}) for row in rows]


def destination(session: Session, name: str) -> str | None:
    """The digest of a channel's destination as last stored by the daemon; None for an unknown channel."""
    row = session.get(ChannelRow, name)
    return row.destination if row else None


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
        _hold(session, name, destination=None, why=f"the channel is disabled: {result.channel_disabled_reason}")
    if result.wakes_waiting:
        is_waiting = (col(DeliveryRow.channel) == name, col(DeliveryRow.state) == "pending")
        _execute(session, update(DeliveryRow).where(*is_waiting).values(next_at=now))


def enable(session: Session, name: str) -> None:
    """End a channel's disabled or paused state and forget its failures."""
    row = session.get(ChannelRow, name)
    if row is not None:
        _forget_failures(row)


def _hold(session: Session, channel: str, *, destination: str | None, why: str) -> None:
    """Hold the unsent deliveries of a channel; with a destination, only those queued for another one."""
    is_unsent = [col(DeliveryRow.channel) == channel, col(DeliveryRow.state).in_(("pending", "leased"))]
    if destination is not None:
        is_unsent.append(col(DeliveryRow.destination) != destination)
    held = {"state": "held", "last_detail": why, "lease_token": None, "lease_until_at": None}
    _execute(session, update(DeliveryRow).where(*is_unsent).values(**held))


def _forget_failures(row: ChannelRow) -> None:
    row.disabled_reason = row.paused_until_at = row.failing_since_at = None
    row.failures, row.is_failing_told = 0, False


def _execute(session: Session, statement: Update) -> None:
    session.flush()
    session.connection().execute(statement)
