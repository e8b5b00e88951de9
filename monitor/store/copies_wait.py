"""The wait of an alert before its first attempt (`delivery.wait_seconds`), in which copies of other outlets may arrive: ended early
where none can.

A copy arrives by a poll. So the wait is of use only while a feed that is due within it was not read since the alert was decided.
`python -m bench.copies_wait` measures what is gained and what is lost.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, or_, update
from sqlmodel import Session, col, select

from monitor.store.statements import execute
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow, HostRow


def over(session: Session, channels: Collection[str], *, now: datetime) -> Sequence[int]:
    """The deliveries on these channels that wait for copies though no feed that could bring one is still to be polled."""
    if not channels:
        return ()
    expected = exists().where(*_is_still_to_be_polled(now)).correlate(DeliveryRow)
    asked = select(DeliveryRow.id).where(*_waits(now), col(DeliveryRow.channel).in_(channels), ~expected)
    return [each for each in session.exec(asked) if each is not None]


def end(session: Session, ids: Collection[int], *, now: datetime) -> int:
    """Let those of these deliveries that still wait for copies be due now; returns how many."""
    return execute(session, update(DeliveryRow).where(col(DeliveryRow.id).in_(ids), *_waits(now)).values(next_at=now))


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Before its first attempt, and put off by nothing else: not by a budget, and not for recipients who lack it."""
    return (
        col(DeliveryRow.state) == "pending",
        col(DeliveryRow.attempts) == 0,
        col(DeliveryRow.next_at) > now,
        col(DeliveryRow.deferred_at).is_(None),
        col(DeliveryRow.taken_at).is_(None),
    )


def _is_still_to_be_polled(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """A feed that is due before the wait ends, and was not read since the alert was decided."""
    rests = select(HostRow.host).where(col(HostRow.paused_until_at) > now)
    return (
        col(FeedRow.is_enabled).is_(True),
        col(FeedRow.paused_reason).is_(None),
        col(FeedRow.next_poll_at) <= col(DeliveryRow.next_at),
        or_(col(FeedRow.last_polled_at).is_(None), col(FeedRow.last_polled_at) < col(DeliveryRow.created_at)),
        col(FeedRow.host).not_in(rests),
    )
