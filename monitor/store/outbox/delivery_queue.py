"""The outbox: queued deliveries, their leases, attempts and results. Every `claim_next` is followed by one `settle`.

A delivery is `pending` until an attempt starts (`leased`), then `sent`, `pending` again with a later time, `held` (its channel
is disabled or has a new destination), `dead` (given up, kept for `monitor alerts retry`) or `dropped` (`dead` by hand). One that
somebody has and single recipients wait for is `pending` with `taken_at`; one that a summary tells is `sent` with the summary's id,
and shown as `summarised`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, update
from sqlmodel import Session, col, select

from monitor.store import channels
from monitor.store.outbox.messages import completed, is_usable, load_or_give_up, shows
from monitor.store.statements import execute
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import AttemptRow, ChannelRow, DeliveryRow
from monitor.types.alerting import DeliveryState, DeliveryUpdate, Outcome
from monitor.types.fetching import Lease


def due_channels(session: Session, destinations: Mapping[str, str], *, now: datetime) -> list[str]:
    """Those of these channels (name -> destination) that have a due delivery there and are neither paused nor disabled; those that
    fail come last, so that they are no longer than a moment in the way of the others."""
    if not destinations:
        return []
    own = case(dict(destinations), value=col(ChannelRow.name), else_="")
    is_theirs = (col(DeliveryRow.channel) == col(ChannelRow.name), col(DeliveryRow.destination) == own)
    # One look for each channel that works, and not at everything that waits on those that do not.
    due = exists().where(*is_theirs, _is_due(now)).correlate(ChannelRow)
    asked = select(ChannelRow.name).where(col(ChannelRow.name).in_(destinations), *is_usable(now), due)
    return list(session.exec(asked.order_by(col(ChannelRow.failures), col(ChannelRow.name))))


def claim_next(
    session: Session, channel: str, *, now: datetime, lease_for: timedelta, destination: str | None = None
) -> DeliveryState | None:
    """Lease the oldest due delivery of this channel; None where there is none or another process was faster.

    With a destination, only deliveries for it: those for another wait for a node whose settings have that. At its first attempt
    an alert is completed with the outlets that carry its story by now; after that it does not change.
    """
    asked = (
        select(DeliveryRow, AlertRow)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .join(ChannelRow, col(ChannelRow.name) == col(DeliveryRow.channel))
        .where(col(DeliveryRow.channel) == channel, _is_due(now), *is_usable(now))
        .order_by(
            col(DeliveryRow.taken_at).is_not(None), col(DeliveryRow.id)
        )  # single recipients wait, never everybody
        .limit(1)
    )
    due = session.exec(asked if destination is None else asked.where(DeliveryRow.destination == destination)).first()
    if due is None:
        return None
    delivery, alert = due
    value = load_or_give_up(session, delivery, alert)
    if value is None:
        return claim_next(session, channel, now=now, lease_for=lease_for, destination=destination)
    lease = Lease(token=secrets.token_hex(8), until_at=now + lease_for)
    taken = update(DeliveryRow).where(col(DeliveryRow.id) == delivery.id, _is_due(now))
    values = {"state": "leased", "lease_token": lease.token, "lease_until_at": lease.until_at}
    if not execute(session, taken.values(**values)):
        return None
    assert delivery.id is not None
    return DeliveryState(
        id=delivery.id,
        alert=completed(session, alert, value, is_first=delivery.attempts == 0),
        channel=channel,
        attempts=delivery.attempts,
        lease=lease,
        created_at=delivery.created_at,
        destination=delivery.destination,
        thread=_thread(session, delivery, alert),
        settled=channels.settled_recipients(session, delivery.id),
    )


def hold_overdue(session: Session, channel: str, *, now: datetime, max_age_for: timedelta) -> int:
    """Hold deliveries that were due for longer than this on a channel that works; returns how many.

    They waited while the channel or the whole service was paused, or for a node with the channel's settings. Now they are
    offered (`monitor alerts retry`), as nothing that old is sent by itself. On a failing channel `retry` decides.
    """
    works = select(ChannelRow.name).where(*is_usable(now), ChannelRow.failures == 0)
    is_overdue = (
        col(DeliveryRow.state) == "pending",
        col(DeliveryRow.channel) == channel,
        col(DeliveryRow.next_at) < now - max_age_for,
        col(DeliveryRow.channel).in_(works),
    )
    why = f"it waited longer than {max_age_for.total_seconds() / 3600:g} hours; `monitor alerts retry` sends it"
    return execute(session, update(DeliveryRow).where(*is_overdue).values(state="held", last_detail=why))


def _thread(session: Session, delivery: DeliveryRow, alert: AlertRow) -> str:
    """The receipt of the first message on the same story on this channel; '' where the channel gives none."""
    if alert.story_id is None:
        return ""
    first = (
        select(DeliveryRow.receipt)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(
            AlertRow.story_id == alert.story_id,
            DeliveryRow.channel == delivery.channel,
            DeliveryRow.destination == delivery.destination,
            col(DeliveryRow.receipt) != "",
        )
        .order_by(col(DeliveryRow.id))
    )
    return session.exec(first.limit(1)).first() or ""


def settle(
    session: Session,
    delivery: DeliveryState,
    outcome: Outcome,
    result: DeliveryUpdate,
    *,
    started_at: datetime,
    now: datetime,
) -> bool:
    """Record the result of an attempt, for the delivery and its channel; False, and nothing written, where the lease was lost."""
    values = {
        "state": result.state,
        "attempts": result.attempts,
        "next_at": result.next_at,
        "sent_at": now if result.state == "sent" else None,
        "taken_at": func.coalesce(col(DeliveryRow.taken_at), now if result.is_taken else None),
        "lease_token": None,
        "lease_until_at": None,
        "last_result": outcome.result.value,
        "last_detail": f"{outcome.code} {outcome.detail}".strip()[:2048],
        "receipt": outcome.receipt[:200],
        "shows": shows(delivery.alert),
        "looked_at": now,
    }
    is_held = (col(DeliveryRow.id) == delivery.id, col(DeliveryRow.lease_token) == delivery.lease.token)
    if not execute(session, update(DeliveryRow).where(*is_held).values(**values)):
        return False
    session.add(
        AttemptRow(
            delivery_id=delivery.id,
            started_at=started_at,
            ended_at=now,
            result=outcome.result.value,
            code=outcome.code[:100],
            detail=outcome.detail[:2048],
        )
    )
    channels.record_handovers(session, delivery.id, outcome.recipients, is_over=result.state == "sent", now=now)
    channels.settle(session, delivery.channel, result, now=now)
    return True


def release_all(session: Session) -> int:
    """End every lease and return how many. Only for a start that is alone; interrupted attempts are repeated with the same id."""
    leased = update(DeliveryRow).where(col(DeliveryRow.state) == "leased")
    return execute(session, leased.values(state="pending", lease_token=None, lease_until_at=None))


def has_given_up(session: Session, channel: str, *, since_at: datetime, besides: int) -> bool:
    """Whether another alert was given up on this channel since then, and nobody has seen to it."""
    asked = select(DeliveryRow.id).where(
        DeliveryRow.channel == channel,
        DeliveryRow.state == "dead",
        col(DeliveryRow.dropped_at).is_(None),
        col(DeliveryRow.looked_at) >= since_at,
        DeliveryRow.id != besides,
    )
    return session.exec(asked.limit(1)).first() is not None


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(col(DeliveryRow.state) == "pending", col(DeliveryRow.next_at) <= now),
        and_(col(DeliveryRow.state) == "leased", col(DeliveryRow.lease_until_at) < now),
    )
