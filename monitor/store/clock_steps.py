"""Times to come, when the system's clock was wrong: due times, leases and pauses are moved, or nothing happens until then (D8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlmodel import Session, SQLModel, col, select

from monitor.store.tables import ChannelRow, DeliveryRow, FeedRow, HostRow, PageRow

_TIMES: tuple[tuple[type[SQLModel], str], ...] = (
    (FeedRow, "next_poll_at"),
    (FeedRow, "lease_until_at"),
    (HostRow, "paused_until_at"),
    (PageRow, "host_paused_until_at"),
    (DeliveryRow, "next_at"),
    (DeliveryRow, "lease_until_at"),
    (ChannelRow, "paused_until_at"),
)


def set_back(session: Session, by_for: timedelta, *, now: datetime) -> int:
    """The clock was set back by `by_for` to `now`: what is to come comes as much earlier. Returns how many times were moved."""
    moved = 0
    for row, name in _later_than(session, now):
        setattr(row, name, getattr(row, name) - by_for)
        moved += 1
    return moved


def bring_near(session: Session, *, now: datetime, at_most_for: timedelta) -> int:
    """What is further away than anything is ever put off was written under a wrong clock, and is due now."""
    moved = 0
    for row, name in _later_than(session, now + at_most_for):
        setattr(row, name, now)
        moved += 1
    return moved


def _later_than(session: Session, at: datetime) -> Iterator[tuple[SQLModel, str]]:
    for table, name in _TIMES:
        for row in session.exec(select(table).where(col(getattr(table, name)) > at)).all():
            yield row, name
