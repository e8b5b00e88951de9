"""Corrects due times, leases and pauses stored under a wrong system clock; otherwise nothing would happen until then (D8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, SQLModel, col, select

from monitor.store.tables import ChannelRow, DeliveryRow, FeedRow, HostRow, PageRow

_FUTURE_TIMES: tuple[tuple[type[SQLModel], str], ...] = (
    (FeedRow, "next_poll_at"),
    (FeedRow, "lease_until_at"),
    (HostRow, "paused_until_at"),
    (PageRow, "host_paused_until_at"),
    (DeliveryRow, "next_at"),
    (DeliveryRow, "lease_until_at"),
    (ChannelRow, "paused_until_at"),
)


def move_earlier(session: Session, by_for: timedelta, *, now: datetime) -> int:
    """Move all future times earlier by `by_for`, after the clock was set back by that to `now`. Returns how many were moved."""
    moved = 0
    for row, name in _later_than(session, now):
        setattr(row, name, getattr(row, name) - by_for)
        moved += 1
    return moved


def make_distant_due(session: Session, *, now: datetime, at_most_for: timedelta) -> int:
    """Make due now whatever is later than `at_most_for` from now: it was written under a wrong clock. Returns how many."""
    moved = 0
    for row, name in _later_than(session, now + at_most_for):
        setattr(row, name, now)
        moved += 1
    return moved


def _later_than(session: Session, at: datetime) -> Iterator[tuple[SQLModel, str]]:
    for table, name in _FUTURE_TIMES:
        for row in session.exec(select(table).where(col(getattr(table, name)) > at)).all():
            yield row, name
