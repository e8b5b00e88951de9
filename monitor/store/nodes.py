"""Nodes: the daemons that work on this store, each with its last sign of life; and what shows whether anything is done at all.

A node writes its whole row at every beat, so that a row that was pruned, or lost with a restored backup, is there again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import delete, func
from sqlmodel import Session, SQLModel, col, select

from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.store.tables.feeds import FeedRow, HostRow, PageRow
from monitor.store.tables.nodes import NodeRow
from monitor.store.tables.topics import TopicRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A daemon. Fields are named after the columns of `nodes`."""

    name: str
    host: str
    started_at: datetime
    version: str = ""
    settings_digest: str = ""
    is_polling: bool = True
    is_delivering: bool = True
    has_page: bool = True
    channels: str = ""
    """The channels that it can send by, as `listed` writes them."""

    def can_send_to(self, channel: str, destination: str) -> bool:
        """Whether it has the channel's secrets, for this destination."""
        return f"{channel}={destination}" in self.channels.split()


def listed(destinations: Mapping[str, str]) -> str:
    """Channels with the digests of their destinations, for `Node.channels`."""
    return " ".join(f"{name}={to}" for name, to in sorted(destinations.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReport(Node):
    """A node as the store knows it."""

    heartbeat_at: datetime
    stopped_at: datetime | None = None


def beat(session: Session, node: Node, *, now: datetime, kept_for: timedelta) -> None:
    """Write a node's sign of life, and forget other nodes that gave none for `kept_for`."""
    session.merge(NodeRow(**asdict(node), heartbeat_at=now, stopped_at=None))
    session.flush()
    is_old = (col(NodeRow.heartbeat_at) < now - kept_for, col(NodeRow.name) != node.name)
    session.connection().execute(delete(NodeRow).where(*is_old))


def stop(session: Session, name: str, *, now: datetime) -> None:
    """Record that a node was stopped in order."""
    row = session.get(NodeRow, name)
    if row is not None:
        row.stopped_at = row.heartbeat_at = now


def forget_others(session: Session, name: str) -> None:
    """Remove all nodes but this one. Only for a process that is alone, holding the data directory's lock."""
    session.connection().execute(delete(NodeRow).where(col(NodeRow.name) != name))


def reports(session: Session) -> tuple[NodeReport, ...]:
    """Every node that is known, by name."""
    names = [each.name for each in fields(NodeReport)]
    rows = session.exec(select(NodeRow).order_by(col(NodeRow.name)))
    return tuple(NodeReport(**{name: getattr(row, name) for name in names}) for row in rows)


def due_times(session: Session) -> tuple[datetime, ...]:
    """When each feed that is polled is due: at its time, but not before a poll under way ends or its host wants to be asked."""
    is_polled = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
    times = select(FeedRow.next_poll_at, FeedRow.lease_until_at, HostRow.paused_until_at)
    rows = session.exec(times.join(HostRow, col(HostRow.host) == col(FeedRow.host), isouter=True).where(*is_polled))
    return tuple(max(each for each in row if each) for row in rows)


def last_polled_at(session: Session) -> datetime | None:
    """When the last poll of any feed ended, whoever made it; None where there was none."""
    return session.exec(select(func.max(FeedRow.last_polled_at))).one()


def topics_in_force(session: Session) -> int:
    """How many topics articles are assessed against."""
    return session.exec(select(func.count()).where(col(TopicRow.is_enabled).is_(True))).one()


# --- due times stored under a wrong system clock (case D8) -------------------------------------------------------------

_FUTURE_TIMES: tuple[tuple[type[SQLModel], str], ...] = (
    (FeedRow, "next_poll_at"),
    (FeedRow, "lease_until_at"),
    (HostRow, "paused_until_at"),
    (PageRow, "host_paused_until_at"),
    (DeliveryRow, "next_at"),
    (DeliveryRow, "lease_until_at"),
    (ChannelRow, "paused_until_at"),
)

_EXPECTATIONS: tuple[tuple[type[SQLModel], str], ...] = (
    (FeedRow, "likely_by_at"),
    (FeedRow, "quiet_from_at"),
    (FeedRow, "silence_due_at"),
)
"""Times by which something is expected. They may be months away in good order, and nothing waits for them."""


def move_earlier(session: Session, by_for: timedelta, *, now: datetime) -> int:
    """Move all future times earlier by `by_for`, after the clock was set back by that to `now`. Returns how many were moved."""
    moved = 0
    for row, name in _later_than(session, now, (*_FUTURE_TIMES, *_EXPECTATIONS)):
        setattr(row, name, getattr(row, name) - by_for)
        moved += 1
    return moved


def make_distant_due(session: Session, *, now: datetime, at_most_for: timedelta) -> int:
    """Make due now whatever is later than `at_most_for` from now: it was written under a wrong clock. Returns how many."""
    moved = 0
    for row, name in _later_than(session, now + at_most_for, _FUTURE_TIMES):
        if not (isinstance(row, FeedRow) and name == "next_poll_at" and row.next_poll_at <= now + _longest_wait(row)):
            setattr(row, name, now)
            moved += 1
    return moved


def _longest_wait(feed: FeedRow) -> timedelta:
    """How long a feed may have to wait in good order: its owner's interval can be a week, and six days of seven be left out."""
    return timedelta(seconds=1.1 * feed.interval_seconds) + (timedelta(days=7) if feed.skip_days else timedelta())


def _later_than(
    session: Session, at: datetime, times: Sequence[tuple[type[SQLModel], str]]
) -> Iterator[tuple[SQLModel, str]]:
    for table, name in times:
        for row in session.exec(select(table).where(col(getattr(table, name)) > at)).all():
            yield row, name
