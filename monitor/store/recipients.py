"""Recipients of channels that have several: who has taken which message, and with whom there is trouble at present."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from monitor.store.tables import DeliveryRow, HandoverRow, RecipientRow
from monitor.types.alerting import AttemptResult, RecipientOutcome, RecipientState

_STATES = {
    AttemptResult.SENT: "taken",
    AttemptResult.REJECTED: "refused",
    AttemptResult.TRANSIENT: "waiting",
}
_SETTLED = {"taken": AttemptResult.SENT, "refused": AttemptResult.REJECTED}


# --- one delivery -----------------------------------------------------------------------------------------------------


def settled(session: Session, delivery_id: int) -> dict[str, AttemptResult]:
    """Recipient -> `SENT` or `REJECTED`, of those to whom a delivery is not sent again."""
    rows = session.exec(select(HandoverRow).where(HandoverRow.delivery_id == delivery_id))
    return {row.recipient: _SETTLED[row.state] for row in rows if row.state in _SETTLED}


def record(
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
        session.connection().execute(update(HandoverRow).where(*waits).values(state="missed"))


def forget(session: Session, delivery_ids: Collection[int], *, states: Collection[str] = ()) -> None:
    """Forget who has these messages, or only those in these states: they are sent to them again."""
    gone = delete(HandoverRow).where(col(HandoverRow.delivery_id).in_(delivery_ids))
    session.flush()
    session.connection().execute(gone.where(col(HandoverRow.state).in_(states)) if states else gone)


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


def trouble(session: Session, channel: str, recipient: str) -> RecipientState | None:
    """The trouble with a recipient; None where there is none."""
    row = session.get(RecipientRow, (channel, recipient))
    if row is None:
        return None
    return RecipientState(since_at=row.since_at, failures=row.failures, is_refused=row.is_refused, is_told=row.is_told)


def note(session: Session, channel: str, answer: RecipientOutcome, *, is_told: bool, now: datetime) -> None:
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
    session.flush()
    session.connection().execute(update(DeliveryRow).where(*is_due).values(next_at=now))


def forget_trouble(session: Session, channel: str) -> None:
    """Forget the trouble with the recipients of a channel, as after they were changed."""
    session.flush()
    session.connection().execute(delete(RecipientRow).where(col(RecipientRow.channel) == channel))


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientReport:
    """A recipient in trouble that people are told of."""

    channel: str
    name: str
    since_at: datetime
    is_refused: bool
    detail: str


def reports(session: Session) -> list[RecipientReport]:
    """The recipients that the operator was told of and that still do not take mail, by channel and name."""
    told = select(RecipientRow).where(col(RecipientRow.is_told).is_(True))
    return [
        RecipientReport(
            channel=row.channel, name=row.name, since_at=row.since_at, is_refused=row.is_refused, detail=row.detail
        )
        for row in session.exec(told.order_by(RecipientRow.channel, RecipientRow.name))
    ]
