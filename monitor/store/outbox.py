"""The outbox: queued deliveries, their leases, attempts and results. Every `claim_next` is followed by one `settle`.

A delivery is `pending` until an attempt starts (`leased`), then `sent`, `pending` again with a later time, `held` (its channel
is disabled or has a new destination), `dead` (given up, kept for `monitor alerts retry`) or `dropped` (`dead` by hand). One that
somebody has and single recipients wait for is `pending` with `taken_at`; one that a summary tells is `sent` with the summary's id,
and shown as `summarised`.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from pydantic import ValidationError
from sqlalchemy import ColumnElement, and_, case, exists, func, or_, update
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from monitor.store import alerts, channels
from monitor.store.db import execute
from monitor.store.stories import story_articles
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import AttemptRow, ChannelRow, DeliveryRow, HandoverRow, shown_state
from monitor.stories.sources import StoryArticle, independent_sources, outlets, publisher_of_article
from monitor.stories.tuning import QUIET_AFTER_FOR
from monitor.types.alerting import Alert, AlertKind, AttemptResult, DeliveryState, DeliveryUpdate, Outcome
from monitor.types.fetching import Lease
from monitor.types.plans import PAUSED

log = logging.getLogger("monitor.outbox")

DELIVERY_STATES = ("pending", "leased", "sent", "summarised", "held", "dead", "dropped")
EDIT_EVERY_FOR = timedelta(minutes=5)
"""The shortest time between two checks whether a sent message is outdated."""
_EDITABLE_FOR = timedelta(days=7)
"""Older messages are not edited any more, however long their story lasts."""


def due_channels(session: Session, destinations: Mapping[str, str], *, now: datetime) -> list[str]:
    """Those of these channels (name -> destination) that have a due delivery there and are neither paused nor disabled; those that
    fail come last, so that they are no longer than a moment in the way of the others."""
    if not destinations:
        return []
    own = case(dict(destinations), value=col(ChannelRow.name), else_="")
    is_theirs = (col(DeliveryRow.channel) == col(ChannelRow.name), col(DeliveryRow.destination) == own)
    # One look for each channel that works, and not at everything that waits on those that do not.
    due = exists().where(*is_theirs, _is_due(now)).correlate(ChannelRow)
    asked = select(ChannelRow.name).where(col(ChannelRow.name).in_(destinations), *_is_usable(now), due)
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
        .where(col(DeliveryRow.channel) == channel, _is_due(now), *_is_usable(now))
        .order_by(
            col(DeliveryRow.taken_at).is_not(None), col(DeliveryRow.id)
        )  # single recipients wait, never everybody
        .limit(1)
    )
    due = session.exec(asked if destination is None else asked.where(DeliveryRow.destination == destination)).first()
    if due is None:
        return None
    delivery, alert = due
    value = _load_or_give_up(session, delivery, alert)
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
        alert=_completed(session, alert, value, is_first=delivery.attempts == 0),
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
    works = select(ChannelRow.name).where(*_is_usable(now), ChannelRow.failures == 0)
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


# --- messages that stay current, on channels that can edit --------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdit:
    """A sent message that is outdated, with the alert as it should read now."""

    delivery_id: int
    alert: Alert
    channel: str
    receipt: str
    shows: str


def outdated(session: Session, channels: Mapping[str, str], *, now: datetime, at_most: int = 20) -> list[MessageEdit]:
    """Sent messages whose story has grown since, each checked once in EDIT_EVERY_FOR, while the story is not quiet.

    `channels` are those that can edit, with their destinations. A message is handed to one caller only until its next check, on
    any number of machines; the caller reports the result to `record_edit`.
    """
    rows = session.exec(
        select(DeliveryRow, AlertRow)
        .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
        .join(ChannelRow, col(ChannelRow.name) == col(DeliveryRow.channel))
        .where(
            *_is_usable(now),
            col(AlertRow.created_at) > now - _EDITABLE_FOR,
            AlertRow.kind == AlertKind.NEW.value,
            DeliveryRow.state == "sent",
            col(DeliveryRow.channel).in_(channels),
            col(DeliveryRow.receipt) != "",
            or_(col(DeliveryRow.looked_at).is_(None), col(DeliveryRow.looked_at) <= now - EDIT_EVERY_FOR),
        )
        .order_by(col(DeliveryRow.looked_at), col(DeliveryRow.id))
        .limit(200)
    ).all()
    edits: list[MessageEdit] = []
    for delivery, alert in rows:
        edit = _edit(session, delivery, alert, now) if delivery.destination == channels[delivery.channel] else None
        edits += [edit] if edit else []
        if len(edits) == at_most:
            break
    return edits


def _edit(session: Session, delivery: DeliveryRow, row: AlertRow, now: datetime) -> MessageEdit | None:
    is_unchanged = (col(DeliveryRow.id) == delivery.id, col(DeliveryRow.looked_at) == delivery.looked_at)
    if delivery.looked_at is None:
        is_unchanged = (is_unchanged[0], col(DeliveryRow.looked_at).is_(None))
    if delivery.id is None or not execute(session, update(DeliveryRow).where(*is_unchanged).values(looked_at=now)):
        return None
    alert = _load_or_give_up(session, delivery, row) if row.story_id is not None else None
    if alert is None or row.story_id is None:
        return None
    carriers = story_articles.carriers(session, [row.story_id])[row.story_id]
    if not carriers or now - max(each.seen_at for each in carriers) >= QUIET_AFTER_FOR:
        return None
    current = _with_carriers(alert, row.story_id, carriers)
    if shows(current) == delivery.shows:
        return None
    return MessageEdit(
        delivery_id=delivery.id, alert=current, channel=delivery.channel, receipt=delivery.receipt, shows=shows(current)
    )


def record_edit(session: Session, edit: MessageEdit, outcome: Outcome) -> None:
    """Record the result of an edit. After a temporary failure nothing is written, so that the next check tries again."""
    values: dict[str, object] = {}
    if outcome.result is AttemptResult.SENT:
        values = {"shows": edit.shows}
    elif outcome.result in (AttemptResult.GONE, AttemptResult.REJECTED):
        values = {
            "shows": edit.shows,
            "last_detail": f"not edited any more: {outcome.code} {outcome.detail}".strip()[:2048],
        }
    if values:
        execute(session, update(DeliveryRow).where(col(DeliveryRow.id) == edit.delivery_id).values(**values))


def shows(alert: Alert) -> str:
    """The part of an alert that can grow after it was sent, as the column `shows` keeps it."""
    return f"{len(alert.also_carried_by)} outlets, {alert.independent_sources} sources"


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


# --- by hand ------------------------------------------------------------------------------------------------------------


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


def outcome_of(session: Session, alert_id: str) -> tuple[str, str]:
    """(state, detail) of an alert's only delivery; without a detail of its own, why its channel is disabled."""
    row = session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == alert_id)).one()
    channel = session.get(ChannelRow, row.channel)
    return row.state, row.last_detail or (channel.disabled_reason if channel else "") or ""


# --- figures ------------------------------------------------------------------------------------------------------------


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


# --- reading and writing rows -------------------------------------------------------------------------------------------


def _load_or_give_up(session: Session, delivery: DeliveryRow, row: AlertRow) -> Alert | None:
    """The stored alert; None where it cannot be read: then its delivery becomes `dead`, so that it does not block the queue."""
    try:
        return alerts.load(row.payload)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, each["loc"])) or "all of it" for each in error.errors()}))
        why = f"the stored alert cannot be read ({fields}); it was not sent"
        log.error("delivery alert=%s channel=%s is given up: %s", row.id, delivery.channel, why)
        delivery.state, delivery.last_detail, delivery.lease_token, delivery.lease_until_at = "dead", why, None, None
        session.add(delivery)
        session.flush()
        return None


def load_waiting(session: Session, ids: Sequence[int]) -> list[tuple[int, Alert]]:
    """(delivery, alert) of these deliveries, completed as at a first attempt; without those that cannot be read, which are given
    up."""
    asked = select(DeliveryRow, AlertRow).join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
    rows = session.exec(asked.where(col(DeliveryRow.id).in_(ids)).order_by(col(DeliveryRow.id))).all()
    loaded = ((each, row, _load_or_give_up(session, each, row)) for each, row in rows)
    return [(each.id or 0, _completed(session, row, value, is_first=True)) for each, row, value in loaded if value]


def _completed(session: Session, row: AlertRow, value: Alert, *, is_first: bool) -> Alert:
    if not is_first or row.story_id is None:
        return value
    complete = _with_carriers(value, row.story_id, story_articles.carriers(session, [row.story_id])[row.story_id])
    if complete != value:
        row.payload = alerts.dump(complete)
        session.add(row)
    return complete


def _with_carriers(alert: Alert, story_id: int, carriers: Sequence[StoryArticle]) -> Alert:
    """The alert, naming the other outlets that carry its story."""
    article = alert.article
    own = publisher_of_article(article.id, article.feed or article.source, carriers) if article else ""
    also = outlets(carriers, without=own)
    return replace(
        alert,
        story_id=story_id,
        also_carried_by=also,
        independent_sources=len(independent_sources(carriers)) if also else 0,
    )


def _is_due(now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(col(DeliveryRow.state) == "pending", col(DeliveryRow.next_at) <= now),
        and_(col(DeliveryRow.state) == "leased", col(DeliveryRow.lease_until_at) < now),
    )


def _is_usable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        col(ChannelRow.is_configured).is_(True),
        col(ChannelRow.by_hand) != PAUSED,
        col(ChannelRow.disabled_reason).is_(None),
        or_(col(ChannelRow.paused_until_at).is_(None), col(ChannelRow.paused_until_at) <= now),
    )
