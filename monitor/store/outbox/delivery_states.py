"""How many deliveries are in which state, since when they wait, and what came of attempts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from monitor.store.tables.deliveries import AttemptRow, DeliveryRow, shown_state

DELIVERY_STATES = ("pending", "leased", "sent", "summarised", "held", "dead", "dropped")


def states(session: Session) -> dict[str, int]:
    """State -> number of deliveries, for every state."""
    state = shown_state()
    counted = session.exec(select(state, func.count()).select_from(DeliveryRow).group_by(state))
    return dict.fromkeys(DELIVERY_STATES, 0) | dict(counted.all())


def waiting_since(session: Session) -> dict[str, datetime]:
    """Channel -> when the oldest of its deliveries that wait to be sent was due or will be."""
    is_waiting = col(DeliveryRow.state) == "pending"
    oldest = select(DeliveryRow.channel, func.min(DeliveryRow.next_at)).where(is_waiting)
    return dict(session.exec(oldest.group_by(col(DeliveryRow.channel))).all())


def states_by_channel(session: Session) -> dict[str, dict[str, int]]:
    """Channel -> state -> number of deliveries; states without any are left out."""
    shown = shown_state()
    counted = session.exec(select(DeliveryRow.channel, shown, func.count()).group_by(col(DeliveryRow.channel), shown))
    found: dict[str, dict[str, int]] = {}
    for channel, state, count in counted:
        found.setdefault(channel, {})[state] = count
    return found


def last_attempt(session: Session) -> int:
    """The id of the last attempt; 0 where there was none."""
    return session.exec(select(func.max(AttemptRow.id))).one() or 0


def results_since(session: Session, attempt: int) -> list[tuple[str, str]]:
    """(channel, result) of the attempts after this one, ordered by channel."""
    attempts = select(DeliveryRow.channel, AttemptRow.result).join(
        AttemptRow, col(AttemptRow.delivery_id) == col(DeliveryRow.id)
    )
    return list(session.exec(attempts.where(col(AttemptRow.id) > attempt).order_by(DeliveryRow.channel)))
