"""Channels: which are in force, health, budget, recipients, and bulk changes to deliveries when one is disabled or woken.

Single deliveries are handled by `outbox`; who set a channel, and applying a settings file, by `settings`. Of a channel's
budget this knows which alerts wait, how many messages were sent and what a summary tells: such a delivery is `sent` with the
summary's id. It is never tried by itself; its fate is that of the summary's own delivery, written in the same transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, func, or_, text, update
from sqlmodel import Session, col, select

from monitor.store.statements import chunks, execute
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow, HandoverRow, RecipientRow
from monitor.types.alerting import (
    AlertKind,
    AttemptResult,
    ChannelState,
    DeliveryUpdate,
    RecipientOutcome,
    RecipientState,
)
from monitor.types.plans import ADDED, FROM_FILE


def destinations(session: Session) -> dict[str, str]:
    """The channels in force: name -> digest of the destination."""
    rows = session.exec(select(ChannelRow.name, ChannelRow.destination).where(col(ChannelRow.is_configured).is_(True)))
    return dict(rows.all())


def credentials(session: Session) -> dict[str, str]:
    """The channels in force that were added by command or page: name -> check digest of the secrets that they send with."""
    is_added = (col(ChannelRow.is_configured).is_(True), col(ChannelRow.origin) == ADDED)
    return dict(session.exec(select(ChannelRow.name, ChannelRow.credentials).where(*is_added)).all())


def state(session: Session, name: str) -> ChannelState:
    """The failures of a channel; those of a healthy one for an unknown name."""
    row = session.get(ChannelRow, name)
    if row is None:
        return ChannelState()
    return ChannelState(
        failures=row.failures,
        failing_since_at=row.failing_since_at,
        is_failing_told=row.is_failing_told,
        doubted_alert=row.doubted_alert,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelReport:
    """The state of a channel, for display. `shown` is its address without its secret."""

    name: str
    kind: str
    shown: str
    is_configured: bool
    by_hand: str
    disabled_reason: str | None
    paused_until_at: datetime | None
    failures: int
    last_sent_at: datetime | None
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    origin: str = FROM_FILE
    destination: str = ""


def reports(session: Session) -> list[ChannelReport]:
    """The state of every channel, ordered by name, including those no longer in the settings."""
    names = [each.name for each in fields(ChannelReport)]
    rows = session.exec(select(ChannelRow).order_by(col(ChannelRow.name)))
    return [ChannelReport(**{name: getattr(row, name) for name in names}) for row in rows]


def settle(session: Session, name: str, result: DeliveryUpdate, *, now: datetime) -> None:
    """Store what an attempt showed about its channel; hold or wake the deliveries waiting there as `result` says."""
    row = session.get(ChannelRow, name)
    if row is None:
        return
    row.failures, row.failing_since_at = result.channel.failures, result.channel.failing_since_at
    row.is_failing_told, row.doubted_alert = result.channel.is_failing_told, result.channel.doubted_alert
    row.paused_until_at = result.channel_paused_until_at
    if result.is_taken:
        row.last_sent_at = now
    if result.channel_disabled_reason:
        row.disabled_reason = result.channel_disabled_reason
        hold(session, name, destination=None, why=f"the channel is disabled: {result.channel_disabled_reason}")
    if result.wakes_waiting:
        is_waiting = (
            col(DeliveryRow.channel) == name,
            col(DeliveryRow.state) == "pending",
            col(DeliveryRow.taken_at).is_(None),  # others wait for single recipients
        )
        execute(session, update(DeliveryRow).where(*is_waiting).values(next_at=now))


def enable(session: Session, name: str) -> None:
    """End a channel's disabled or paused state and forget its failures."""
    row = session.get(ChannelRow, name)
    if row is not None:
        forget_failures(row)


def hold(session: Session, channel: str, *, destination: str | None, why: str) -> None:
    """Hold the unsent deliveries of a channel; with a destination, only those queued for another one."""
    is_unsent = [col(DeliveryRow.channel) == channel, col(DeliveryRow.state).in_(("pending", "leased"))]
    if destination is not None:
        is_unsent.append(col(DeliveryRow.destination) != destination)
    held = {"state": "held", "last_detail": why, "lease_token": None, "lease_until_at": None}
    execute(session, update(DeliveryRow).where(*is_unsent).values(**held))


def hand_over(session: Session, name: str, *, to: str) -> None:
    """Give what waits, is held or was sent on a channel to another one, but not alerts that this one has itself. With what was sent
    it knows what its readers were told, so that a story that is told on another topic later does not come twice."""
    has_it = select(DeliveryRow.alert_id).where(col(DeliveryRow.channel) == to)
    own = (
        col(DeliveryRow.channel) == name,
        col(DeliveryRow.state).in_(("pending", "leased", "held", "sent")),
        col(DeliveryRow.alert_id).not_in(has_it),
    )
    execute(session, update(DeliveryRow).where(*own).values(channel=to))


def release(session: Session, name: str, *, to: str, now: datetime, max_age_for: timedelta) -> int:
    """Queue again what waited on a channel that did not work and was mended; returns how many. What is older than `max_age_for`
    stays held, and is offered."""
    waits = (
        col(DeliveryRow.channel) == name,
        col(DeliveryRow.state).in_(("pending", "leased", "held")),
        col(DeliveryRow.created_at) >= now - max_age_for,
    )
    again = {"state": "pending", "attempts": 0, "next_at": now, "destination": to, "last_detail": ""}
    leases = {"lease_token": None, "lease_until_at": None}
    return execute(session, update(DeliveryRow).where(*waits).values(**again, **leases))


def waits_in_vain(session: Session, row: ChannelRow) -> bool:
    """Whether a channel does not work: it is disabled, fails, or an alert was refused that still waits."""
    refused = select(DeliveryRow.id).where(
        DeliveryRow.channel == row.name, col(DeliveryRow.state).in_(("pending", "held")), col(DeliveryRow.attempts) > 0
    )
    return bool(row.disabled_reason or row.failures) or session.exec(refused.limit(1)).first() is not None


def forget_failures(row: ChannelRow) -> None:
    """Let a channel begin afresh. That its failure was told stays, so that its recovery is told too, by the next success."""
    row.disabled_reason = row.paused_until_at = row.failing_since_at = None
    row.failures, row.doubted_alert = 0, ""


# --- the budget ---------------------------------------------------------------------------------------------------------

_ON_STORIES = (AlertKind.NEW.value, AlertKind.UPDATED.value, AlertKind.ESCALATED.value)


def serialize_budget(session: Session, channel: str) -> None:
    """Let one transaction at a time decide on a channel's budget. On SQLite there is only one that writes anyway."""
    if session.get_bind().dialect.name == "postgresql":
        key = zlib.crc32(channel.encode()) - 2**31
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7226392, :key)"), {"key": key})


def waiting_alerts(
    session: Session, channel: str, destination: str, *, now: datetime
) -> list[tuple[int, datetime, bool, bool]]:
    """(id, decided, is due, is deferred) of deliveries of alerts on stories that were never tried: due ones and deferred ones."""
    asked = (
        select(DeliveryRow.id, DeliveryRow.created_at, DeliveryRow.next_at, DeliveryRow.deferred_at)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(
            DeliveryRow.channel == channel,
            DeliveryRow.destination == destination,
            DeliveryRow.state == "pending",
            DeliveryRow.attempts == 0,
            or_(col(DeliveryRow.next_at) <= now, col(DeliveryRow.deferred_at).is_not(None)),
            col(AlertRow.kind).in_(_ON_STORIES),
        )
        .order_by(col(DeliveryRow.id))
    )
    rows = session.exec(asked)
    return [
        (id or 0, created_at, next_at <= now, deferred_at is not None) for id, created_at, next_at, deferred_at in rows
    ]


def spent(session: Session, channel: str, *, now: datetime, window_for: timedelta) -> int:
    """How many alerts on stories the channel was sent by themselves within the window, or is being sent, or soon again."""
    counted = (
        select(func.count())
        .select_from(DeliveryRow)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .where(DeliveryRow.channel == channel, col(AlertRow.kind).in_(_ON_STORIES))
    )
    is_retried = and_(
        col(DeliveryRow.state) == "pending",
        col(DeliveryRow.taken_at).is_(None),  # what single recipients wait for was a message when others took it
        col(DeliveryRow.attempts) > 0,
        col(DeliveryRow.next_at) <= now + window_for,
    )
    first_at = func.coalesce(col(DeliveryRow.taken_at), col(DeliveryRow.sent_at))
    is_sent = (col(DeliveryRow.state).in_(("sent", "pending")), first_at > now - window_for)
    under_way = counted.where(or_(col(DeliveryRow.state) == "leased", is_retried)).scalar_subquery()
    # both in one statement: an attempt that ends between two would be counted twice, or not at all
    return int(session.exec(select(under_way + counted.where(*is_sent).scalar_subquery())).one())


def defer(session: Session, ids: Sequence[int], *, until_at: datetime, why: str, now: datetime) -> None:
    """Let these deliveries wait for a summary."""
    values = {"next_at": until_at, "deferred_at": func.coalesce(col(DeliveryRow.deferred_at), now), "last_detail": why}
    _update_waiting(session, ids, values)


def undefer(session: Session, ids: Sequence[int]) -> None:
    """Let these deliveries be sent by themselves."""
    _update_waiting(session, ids, {"deferred_at": None, "last_detail": ""})


def mark_summarised(session: Session, ids: Sequence[int], summary_id: str) -> None:
    """Mark these deliveries as told by a summary, in the transaction that stores it."""
    said = f"it is in the summary {summary_id}: `monitor alerts show {summary_id}` says whether that was sent"
    _update_waiting(session, ids, {"state": "sent", "summary_id": summary_id, "last_detail": said, "deferred_at": None})


def _update_waiting(session: Session, ids: Sequence[int], values: dict[str, object]) -> None:
    for some in chunks(ids):
        is_waiting = (col(DeliveryRow.id).in_(some), col(DeliveryRow.state) == "pending")
        execute(session, update(DeliveryRow).where(*is_waiting).values(**values))
    session.expire_all()


# --- recipients: who has taken which message --------------------------------------------------------------------------

_STATES = {
    AttemptResult.SENT: "taken",
    AttemptResult.REJECTED: "refused",
    AttemptResult.TRANSIENT: "waiting",
}
_SETTLED = {"taken": AttemptResult.SENT, "refused": AttemptResult.REJECTED}


def settled_recipients(session: Session, delivery_id: int) -> dict[str, AttemptResult]:
    """Recipient -> `SENT` or `REJECTED`, of those to whom a delivery is not sent again."""
    rows = session.exec(select(HandoverRow).where(HandoverRow.delivery_id == delivery_id))
    return {row.recipient: _SETTLED[row.state] for row in rows if row.state in _SETTLED}


def record_handovers(
    session: Session, delivery_id: int, answers: Sequence[RecipientOutcome], *, is_over: bool, now: datetime
) -> None:
    """Store the answers of one attempt. Where it was the last one (`is_over`), those who still waited have missed the message."""
    for each in answers:
        state = _STATES[each.result]
        row = session.get(HandoverRow, (delivery_id, each.key)) or HandoverRow(
            delivery_id=delivery_id, recipient=each.key, name=each.name, state=state, at=now
        )
        row.name, row.state, row.at = each.name, state, now
        row.detail = f"{each.code} {each.detail}".strip()[:2048]
        session.add(row)
    session.flush()
    if is_over:
        waits = (col(HandoverRow.delivery_id) == delivery_id, col(HandoverRow.state) == "waiting")
        execute(session, update(HandoverRow).where(*waits).values(state="missed"))


def forget_handovers(session: Session, delivery_ids: Collection[int], *, states: Collection[str] = ()) -> None:
    """Forget who has these messages, or only those in these states: they are sent to them again."""
    gone = delete(HandoverRow).where(col(HandoverRow.delivery_id).in_(delivery_ids))
    execute(session, gone.where(col(HandoverRow.state).in_(states)) if states else gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Whether one recipient has a message. `state`: `taken`, `waiting`, `refused` or `missed`."""

    name: str
    state: str
    at: datetime
    detail: str


def handovers(session: Session, delivery_ids: Collection[int]) -> dict[int, list[Handover]]:
    """The recipients of these deliveries, ordered by name; deliveries without any are left out."""
    asked = select(HandoverRow).where(col(HandoverRow.delivery_id).in_(delivery_ids)).order_by(col(HandoverRow.name))
    found: dict[int, list[Handover]] = {}
    for row in session.exec(asked):
        shown = Handover(name=row.name, state=row.state, at=row.at, detail=row.detail)
        found.setdefault(row.delivery_id, []).append(shown)
    return found


# --- recipients in trouble --------------------------------------------------------------------------------------------


def recipient_trouble(session: Session, channel: str, recipient: str) -> RecipientState | None:
    """The trouble with a recipient; None where there is none."""
    row = session.get(RecipientRow, (channel, recipient))
    if row is None:
        return None
    return RecipientState(since_at=row.since_at, failures=row.failures, is_refused=row.is_refused, is_told=row.is_told)


def note_recipient(session: Session, channel: str, answer: RecipientOutcome, *, is_told: bool, now: datetime) -> None:
    """Note the answer for a recipient; one who takes mail again is in no trouble, and what waited for it is due."""
    row = session.get(RecipientRow, (channel, answer.key))
    if answer.result is AttemptResult.SENT:
        if row is not None:
            session.delete(row)
            _wake(session, channel, answer.key, now)
        return
    row = row or RecipientRow(
        channel=channel, recipient=answer.key, name="", since_at=now, failures=0, is_refused=False, is_told=False
    )
    row.name, row.failures, row.is_told = answer.name, row.failures + 1, row.is_told or is_told
    row.is_refused = answer.result is AttemptResult.REJECTED
    row.detail = f"{answer.code} {answer.detail}".strip()[:500]
    session.add(row)
    session.flush()


def _wake(session: Session, channel: str, recipient: str, now: datetime) -> None:
    waiting = select(HandoverRow.delivery_id).where(HandoverRow.recipient == recipient, HandoverRow.state == "waiting")
    is_due = (
        col(DeliveryRow.channel) == channel,
        col(DeliveryRow.state) == "pending",
        col(DeliveryRow.taken_at).is_not(None),
        col(DeliveryRow.id).in_(waiting),
    )
    execute(session, update(DeliveryRow).where(*is_due).values(next_at=now))


def forget_recipients(session: Session, channel: str) -> None:
    """Forget the trouble with the recipients of a channel, as after they were changed."""
    execute(session, delete(RecipientRow).where(col(RecipientRow.channel) == channel))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """A recipient in trouble that people are told of."""

    channel: str
    name: str
    since_at: datetime
    is_refused: bool
    detail: str


def recipient_reports(session: Session) -> list[RecipientReport]:
    """The recipients that the operator was told of and that still do not take mail, by channel and name."""
    told = select(RecipientRow).where(col(RecipientRow.is_told).is_(True))
    return [
        RecipientReport(
            channel=row.channel, name=row.name, since_at=row.since_at, is_refused=row.is_refused, detail=row.detail
        )
        for row in session.exec(told.order_by(RecipientRow.channel, RecipientRow.name))
    ]
