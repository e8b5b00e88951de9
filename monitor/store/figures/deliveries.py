"""Figures of deliveries for pages: how long alerts take, what last went wrong on each channel. Nothing decides by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import DeliveryRow

_LATEST = 1_000
"""Sent deliveries of a channel that its latency is worked out from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long from the decision to tell until a channel took it."""

    p50_for: timedelta
    p95_for: timedelta
    count: int


def latency(session: Session, channel: str, *, since_at: datetime) -> Latency | None:
    """Of the alerts that were sent one by one since then; None where there were none."""
    asked = (
        select(AlertRow.created_at, DeliveryRow.sent_at)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(
            DeliveryRow.channel == channel,
            DeliveryRow.state == "sent",
            DeliveryRow.summary_id == "",
            col(DeliveryRow.sent_at) >= since_at,
        )
        .order_by(col(DeliveryRow.sent_at).desc())
        .limit(_LATEST)
    )
    took = sorted(sent_at - created_at for created_at, sent_at in session.exec(asked) if sent_at)
    if not took:
        return None
    return Latency(p50_for=_percentile(took, 50), p95_for=_percentile(took, 95), count=len(took))


def _percentile(ordered: list[timedelta], percent: int) -> timedelta:
    """The smallest value that at least so many in a hundred do not exceed."""
    return max(ordered[-(-len(ordered) * percent // 100) - 1], timedelta())


def last_refusals(session: Session) -> dict[str, str]:
    """Channel -> what was said of its latest delivery that was tried and is not sent."""
    asked = (
        select(DeliveryRow.channel, DeliveryRow.last_detail)
        .where(
            col(DeliveryRow.state).in_(("pending", "leased", "held", "dead")),
            DeliveryRow.attempts > 0,
            DeliveryRow.last_detail != "",
            col(DeliveryRow.dropped_at).is_(None),
        )
        .order_by(col(DeliveryRow.id))
    )
    return dict(session.exec(asked).all())
