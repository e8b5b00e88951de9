"""What a command or page does to deliveries: retry, send again, drop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from sqlalchemy import and_, or_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from monitor.store import channels
from monitor.store.statements import execute
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow, HandoverRow


def retry(
    session: Session,
    *,
    now: datetime,
    destinations: Mapping[str, str],
    alert_id: str | None = None,
    since_at: datetime | None = None,
) -> int:
    """Queue held and dead deliveries of these channels (name -> destination) again, those that were refused so far, and what
    single recipients missed; enable the channels. With `since_at` only alerts decided since. Returns how many."""
    count = 0
    for name, destination in destinations.items():
        channels.enable(session, name)
        stuck = session.exec(_stuck(alert_id, since_at).where(DeliveryRow.channel == name)).all()
        channels.forget_handovers(session, stuck, states=("missed", *(("refused",) if alert_id else ())))
        count += _queue_again(session, stuck, destination, now)
    return count


def stuck_channels(session: Session, alert_id: str | None = None) -> set[str]:
    """Channels with deliveries that `retry` queues, of this alert or of any."""
    stuck = _stuck(alert_id, None)
    return set(session.exec(select(DeliveryRow.channel).where(col(DeliveryRow.id).in_(stuck))))


def summaries_of(session: Session, alert_id: str) -> list[str]:
    """The ids of the summaries that tell this alert, on any channel."""
    told = select(DeliveryRow.summary_id).where(DeliveryRow.alert_id == alert_id, DeliveryRow.summary_id != "")
    return sorted(set(session.exec(told)))


def _stuck(alert_id: str | None, since_at: datetime | None) -> SelectOfScalar[int]:
    """The ids of deliveries that are held, dead or were refused so far, or that single recipients missed: of one alert also those
    who are refused for good."""
    missed = select(HandoverRow.delivery_id).where(
        col(HandoverRow.state).in_(("missed", "refused") if alert_id else ("missed",))
    )
    asked = select(cast(int, DeliveryRow.id)).where(
        or_(
            col(DeliveryRow.state).in_(("held", "dead")),
            and_(col(DeliveryRow.state) == "pending", col(DeliveryRow.attempts) > 0),
            and_(col(DeliveryRow.state) == "sent", col(DeliveryRow.id).in_(missed)),
        ),
        col(DeliveryRow.dropped_at).is_(None),
    )
    if alert_id:
        asked = asked.where(DeliveryRow.alert_id == alert_id)
    return asked.where(col(DeliveryRow.alert_id).in_(_decided(since_at, None))) if since_at else asked


def _decided(since_at: datetime | None, before_at: datetime | None) -> SelectOfScalar[str]:
    """The ids of alerts decided in this time."""
    asked = select(AlertRow.id)
    asked = asked.where(AlertRow.created_at >= since_at) if since_at else asked
    return asked.where(AlertRow.created_at < before_at) if before_at else asked


def resend(session: Session, alert_id: str, *, now: datetime, destinations: Mapping[str, str]) -> list[str]:
    """Queue an alert again for these channels (name -> destination) that had it, also for recipients who have it; returns them.
    What waits already is left as it is. Its id stays, by which receivers may drop it."""
    asked = select(DeliveryRow).where(
        DeliveryRow.alert_id == alert_id,
        col(DeliveryRow.state).in_(("sent", "held", "dead")),
        col(DeliveryRow.channel).in_(destinations),
    )
    found = session.exec(asked.order_by(DeliveryRow.channel)).all()
    for each in found:
        assert each.id is not None
        channels.forget_handovers(session, [each.id])
        channels.enable(session, each.channel)
        _queue_again(session, [each.id], destinations[each.channel], now, is_had=False)
    return [each.channel for each in found]


def _queue_again(session: Session, ids: Sequence[int], destination: str, now: datetime, *, is_had: bool = True) -> int:
    """`created_at` counts anew: what was queued by hand is not given up for its age at the next failure. Without `is_had` it is
    sent as if nobody had taken it: it keeps its place, is woken with the channel and spends budget as any other."""
    again = {"state": "pending", "attempts": 0, "next_at": now, "created_at": now, "destination": destination}
    marks: dict[str, object] = {
        "sent_at": None,
        "dropped_at": None,
        "looked_at": None,
        "deferred_at": None,
        "summary_id": "",
    }
    if not is_had:
        marks["taken_at"] = None
    return execute(session, update(DeliveryRow).where(col(DeliveryRow.id).in_(ids)).values(**again, **marks))


def drop(
    session: Session,
    *,
    now: datetime,
    alert_id: str | None = None,
    channel: str = "",
    older_than_at: datetime | None = None,
) -> int:
    """Drop deliveries that wait, are held or given up, of this alert, channel and age; returns how many. They stay listed."""
    is_dropped = [
        col(DeliveryRow.state).in_(("pending", "held", "dead")),
        col(DeliveryRow.dropped_at).is_(None),
        *([col(DeliveryRow.alert_id) == alert_id] if alert_id else ()),
        *([col(DeliveryRow.channel) == channel] if channel else ()),
        *([col(DeliveryRow.alert_id).in_(_decided(None, older_than_at))] if older_than_at else ()),
    ]
    values = {"state": "dead", "dropped_at": now, "last_detail": "dropped by a command"}
    return execute(session, update(DeliveryRow).where(*is_dropped).values(**values))


def outcome_of(session: Session, alert_id: str) -> tuple[str, str]:
    """(state, detail) of an alert's only delivery; without a detail of its own, why its channel is disabled."""
    row = session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == alert_id)).one()
    channel = session.get(ChannelRow, row.channel)
    return row.state, row.last_detail or (channel.disabled_reason if channel else "") or ""
