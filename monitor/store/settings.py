"""The feeds and channels in force: the rows of a settings file, what commands and pages did to them, and applying a plan.

Feeds are never deleted, as articles belong to them: one that is off is not polled. Polls and their results are handled by `feeds`,
deliveries and the health of channels by `channels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, func, select

from monitor.store import channels
from monitor.store.tables import ChannelRow, DeliveryRow, FeedRow, PlanRow
from monitor.types.plans import (
    ADDED,
    FROM_FILE,
    PAUSED,
    REMOVED,
    RESUMED,
    Change,
    Kind,
    Plan,
    SettingsEntry,
    SettingsRow,
)

_FEED_VALUES = (
    *("url", "host", "title", "language", "interval_seconds", "first_poll", "first_poll_latest"),
    *("allow_private", "pages", "is_enabled", "is_secret"),
)
_CHANNEL_VALUES = ("kind", "destination", "shown")


def rows(session: Session) -> list[SettingsRow]:
    """All feeds and channels that the store knows, on or off."""
    held = _held(session)
    return [
        *(_feed(row) for row in session.exec(select(FeedRow).order_by(col(FeedRow.name)))),
        *(_channel(row, held.get(row.name, 0)) for row in session.exec(select(ChannelRow).order_by(ChannelRow.name))),
    ]


def _feed(row: FeedRow) -> SettingsRow:
    return SettingsRow(
        kind="feed",
        name=row.name,
        values={name: getattr(row, name) for name in _FEED_VALUES},
        is_on=row.is_enabled,
        origin=row.origin,
        digest=row.file_digest,
        by_hand=row.by_hand,
    )


def _channel(row: ChannelRow, held: int) -> SettingsRow:
    return SettingsRow(
        kind="channel",
        name=row.name,
        values={name: getattr(row, name) for name in _CHANNEL_VALUES},
        is_on=row.is_configured,
        origin=row.origin,
        digest=row.file_digest,
        by_hand=row.by_hand,
        held=held,
    )


def _held(session: Session) -> Mapping[str, int]:
    counted = select(DeliveryRow.channel, func.count()).where(DeliveryRow.state == "held")
    return dict(session.exec(counted.group_by(col(DeliveryRow.channel))).all())


def was_applied(session: Session) -> bool:
    """Whether a settings file was ever applied to this store."""
    return session.exec(select(PlanRow.id).limit(1)).first() is not None


def last_applied(session: Session) -> tuple[datetime, str] | None:
    """(when, by which machine) a settings file was last applied that changed something; None where none ever was."""
    row = session.exec(select(PlanRow).order_by(col(PlanRow.id).desc()).limit(1)).first()
    return (row.at, row.by) if row else None


# --- applying a plan --------------------------------------------------------------------------------------------------


def apply(session: Session, plan: Plan, *, says: str, by: str, now: datetime) -> None:
    """Do what the plan says, and record it where it changes something or is the first."""
    for entry in plan.adds:
        _add(session, entry, origin=FROM_FILE, now=now)
    for change in (*plan.changes, *plan.notes):
        _write(session, change, now=now)
    for row in plan.switches_off:
        _switch_off(session, row.kind, row.name)
    for row in plan.forgets:
        _forget(_row(session, row.kind, row.name))
    if not plan.is_empty or not was_applied(session):
        session.add(PlanRow(at=now, by=by, says=says))
    session.flush()


def _add(session: Session, entry: SettingsEntry, *, origin: str, now: datetime) -> None:
    values = {**entry.values, **entry.defaults}
    digest = entry.digest if origin == FROM_FILE else ""
    if entry.kind == "feed":
        session.add(FeedRow(name=entry.name, origin=origin, file_digest=digest, next_poll_at=now, **values))
    else:
        session.add(ChannelRow(name=entry.name, origin=origin, file_digest=digest, **values))


def _write(session: Session, change: Change, *, now: datetime) -> None:
    entry, row = change.entry, _row(session, change.entry.kind, change.entry.name)
    values = {name: value for name, value in {**entry.values, **entry.defaults}.items() if name in change.fields}
    if isinstance(row, FeedRow):
        _set_feed(row, values, now=now)
    else:
        _set_channel(session, row, values)
    row.origin, row.file_digest = FROM_FILE, entry.digest
    if not change.keeps_hand:
        row.by_hand = ""
    session.add(row)


def _set_feed(row: FeedRow, values: Mapping[str, Any], *, now: datetime) -> None:
    """A feed's history is kept; its validators, pause and redirect belong to its address."""
    if "url" in values:
        row.etag = row.last_modified = row.body_hash = row.paused_reason = None
        row.permanent_url = row.permanent_since_at = None
        row.next_poll_at = now
    for name, value in values.items():
        setattr(row, name, value)


def _set_channel(session: Session, row: ChannelRow, values: Mapping[str, Any]) -> None:
    """Alerts queued for another address are held, not redirected (W18)."""
    if "destination" in values:
        channels.forget_failures(row)
        to = str(values["destination"])
        channels.hold(session, row.name, destination=to, why="the channel's destination was changed since")
    for name, value in values.items():
        setattr(row, name, value)
    row.is_configured = True


def _switch_off(session: Session, kind: Kind, name: str) -> None:
    row = _row(session, kind, name)
    if isinstance(row, FeedRow):
        row.is_enabled = False
    else:
        row.is_configured = False
        channels.hold(session, name, destination="", why="the channel was removed from the settings")
    _forget(row)


def _forget(row: FeedRow | ChannelRow) -> None:
    row.file_digest = row.by_hand = ""


def _row(session: Session, kind: Kind, name: str) -> FeedRow | ChannelRow:
    if kind == "feed":
        return session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    return session.get_one(ChannelRow, name)


# --- by a command or page ---------------------------------------------------------------------------------------------
#
# All raise NoResultFound for an unknown name.


def add_feed(session: Session, entry: SettingsEntry, *, now: datetime) -> None:
    """Add a feed, due now; one of this name that was removed or dropped comes back with these values and its history."""
    row = session.exec(select(FeedRow).where(FeedRow.name == entry.name)).first()
    if row is None:
        _add(session, entry, origin=ADDED, now=now)
        return
    _set_feed(row, {**entry.values, **entry.defaults}, now=now)
    row.origin, row.file_digest, row.by_hand = ADDED, "", ""
    session.add(row)


def pause_feed(session: Session, name: str) -> bool:
    """Stop polling a feed; False where it was off already."""
    return _stop_feed(session, name, PAUSED)


def remove_feed(session: Session, name: str) -> bool:
    """Stop polling a feed and list it no longer; its articles stay. False where it was removed already."""
    return _stop_feed(session, name, REMOVED)


def _stop_feed(session: Session, name: str, by_hand: str) -> bool:
    row = session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    if row.by_hand == REMOVED or (by_hand == PAUSED and not row.is_enabled):
        return False
    row.is_enabled, row.by_hand = False, by_hand
    session.add(row)
    return True


def resume_feed(session: Session, name: str, *, now: datetime) -> bool:
    """Poll a feed that is paused, removed or off: it is due now, and its failures are forgotten. False where it was polled."""
    row = session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    was_off = not row.is_enabled or row.paused_reason is not None
    if not row.is_enabled:
        row.is_enabled, row.by_hand = True, RESUMED
    row.paused_reason, row.failures, row.next_poll_at = None, 0, now
    row.failing_since_at, row.is_failing_told = None, False
    session.add(row)
    return was_off


def pause_channel(session: Session, name: str) -> bool:
    """Let a channel's alerts wait; False where they did already."""
    row = session.get_one(ChannelRow, name)
    was_paused, row.by_hand = row.by_hand == PAUSED, PAUSED
    session.add(row)
    return not was_paused


def resume_channel(session: Session, name: str) -> bool:
    """Send a channel's alerts again: it is neither paused nor disabled. False where it was not. What is held stays held."""
    row = session.get_one(ChannelRow, name)
    was_off = row.by_hand == PAUSED or bool(row.disabled_reason or row.paused_until_at)
    row.by_hand = ""
    channels.forget_failures(row)
    session.add(row)
    return was_off
