"""Channels as rows: what the settings say of them, how they fare, and what is held because a channel cannot be used.

Deliveries themselves are `outbox`'s. Here they are changed all at once, where something is said of their channel.
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
    """What the store keeps of a configured channel."""

    name: str
    kind: str
    destination: str
    shown: str


def sync(session: Session, wanted: Sequence[ChannelInfo], *, now: datetime) -> None:
    """Make the channels those of the settings. Deliveries made for another destination are held, never sent by surprise (W18)."""
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
    """How the channel has been doing."""
    row = session.get(ChannelRow, name)
    if row is None:
        return ChannelState()
    return ChannelState(
        failures=row.failures, failing_since_at=row.failing_since_at, is_failing_told=row.is_failing_told
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """How a channel fares, for people. `shown` is its address without its secret."""

    name: str
    kind: str
    shown: str
    is_configured: bool
    disabled_reason: str | None
    paused_until_at: datetime | None
    failures: int
    last_sent_at: datetime | None


def reports(session: Session) -> list[ChannelReport]:
    """How each channel fares, by name, those that are no longer in the settings too."""
    names = [each.name for each in fields(ChannelReport)]
    rows = session.exec(select(ChannelRow).order_by(col(ChannelRow.name)))
    return [ChannelReport(**{name: getattr(row, name) for name in names}) for row in rows]


def destination(session: Session, name: str) -> str | None:
    """The digest of where a channel leads, as the daemon knows it; None of a channel it does not know."""
    row = session.get(ChannelRow, name)
    return row.destination if row else None


def settle(session: Session, name: str, result: DeliveryUpdate, *, now: datetime) -> None:
    """Write what a try said of its channel, and hold or wake what waits there."""
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
        waiting = (col(DeliveryRow.channel) == name, col(DeliveryRow.state) == "pending")
        _change(session, update(DeliveryRow).where(*waiting).values(next_at=now))


def enable(session: Session, name: str) -> None:
    """Let a channel be tried again, whatever it answered before."""
    row = session.get(ChannelRow, name)
    if row is not None:
        _forget_failures(row)


def _hold(session: Session, channel: str, *, destination: str | None, why: str) -> None:
    """Hold what is not yet sent; with a destination, only what was made for another one."""
    waiting = [col(DeliveryRow.channel) == channel, col(DeliveryRow.state).in_(("pending", "leased"))]
    if destination is not None:
        waiting.append(col(DeliveryRow.destination) != destination)
    held = {"state": "held", "last_detail": why, "lease_token": None, "lease_until_at": None}
    _change(session, update(DeliveryRow).where(*waiting).values(**held))


def _forget_failures(row: ChannelRow) -> None:
    row.disabled_reason = row.paused_until_at = row.failing_since_at = None
    row.failures, row.is_failing_told = 0, False


def _change(session: Session, statement: Update) -> None:
    session.flush()
    session.connection().execute(statement)
