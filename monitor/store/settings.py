"""The feeds and channels in force: the rows of a settings file, what commands and pages did to them, and applying a plan.

Feeds are never deleted, as articles belong to them: one that is off is not polled. Polls and their results are handled by `feeds`,
deliveries and the health of channels by `channels`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, or_
from sqlmodel import Session, col, func, select

from monitor.store import channels
from monitor.store.feeds import watches
from monitor.store.statements import chunks
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.nodes import AppliedEntryRow, PlanRow
from monitor.types.plans import (
    ADDED,
    FROM_FILE,
    PAUSED,
    REMOVED,
    RESUMED,
    AppliedEntries,
    Change,
    Kind,
    Plan,
    SettingsEntry,
    SettingsRow,
)

_FEED_VALUES = (
    *("url", "host", "title", "language", "interval_seconds", "first_poll", "first_poll_latest"),
    *("allow_private", "pages", "is_enabled", "is_secret", "publisher"),
)
_CHANNEL_VALUES = ("kind", "destination", "shown", "credentials")
_FILES_KEPT_FOR = timedelta(days=180)
"""Hosts of containers have a new name each time: what such a file said is not kept for ever."""
_GOES_ON_FOR = timedelta(days=7)
"""Time after its last answer for which a feed that is added under another name goes on; later it begins anew, with a baseline."""
_JITTER = 0.11
"""A wait may be longer than the interval by a tenth (`polling.cadence`), and a little for the poll itself."""


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


def apply(
    session: Session,
    plan: Plan,
    *,
    says: str,
    by: str,
    now: datetime,
    max_age_for: timedelta = timedelta(hours=96),
) -> dict[str, int]:
    """Do what the plan says, and record it where it changes something or is the first. Returns how many alerts wait again on each
    channel that was mended; what is older than `max_age_for` stays held."""
    released: dict[str, int] = {}
    for entry in plan.adds:
        _add(session, entry, origin=FROM_FILE, now=now)
    for change in (*plan.changes, *plan.notes):
        if count := _write(session, change, now=now, max_age_for=max_age_for):
            released[change.entry.name] = count
    for row in plan.switches_off:
        _switch_off(session, row.kind, row.name)
    for row in plan.forgets:
        _forget(_row(session, row.kind, row.name))
    if not plan.is_empty or not was_applied(session):
        session.add(PlanRow(at=now, by=by, says=says))
    session.flush()
    return released


def _add(session: Session, entry: SettingsEntry, *, origin: str, now: datetime) -> None:
    values = {**entry.values, **entry.defaults}
    digest = entry.digest if origin == FROM_FILE else ""
    if entry.kind == "feed":
        row = FeedRow(name=entry.name, origin=origin, file_digest=digest, next_poll_at=now, **values)
        _go_on_after(session, row, now=now)
        session.add(row)
    else:
        session.add(ChannelRow(name=entry.name, origin=origin, file_digest=digest, **values))


def _go_on_after(session: Session, new: FeedRow, *, now: datetime) -> None:
    """A feed that was read at the same address until lately, under another name, is no new one: what came since the last poll is
    news, and no baseline. What it showed before is known by its addresses."""
    is_same = (FeedRow.url == new.url, col(FeedRow.last_success_at) > now - _GOES_ON_FOR)
    before = session.exec(
        select(FeedRow).where(*is_same).order_by(col(FeedRow.last_success_at).desc()).limit(1)
    ).first()
    if before is not None:
        new.first_polled_at, new.last_success_at = before.first_polled_at, before.last_success_at


def _write(session: Session, change: Change, *, now: datetime, max_age_for: timedelta) -> int:
    """Write an entry. Returns how many alerts wait again because of it."""
    entry, row = change.entry, _row(session, change.entry.kind, change.entry.name)
    values = {name: value for name, value in {**entry.values, **entry.defaults}.items() if name in change.fields}
    released = 0
    if isinstance(row, FeedRow):
        _set_feed(row, values, now=now)
    else:
        released = _set_channel(session, row, values, now=now, max_age_for=max_age_for)
        row.credentials = entry.defaults.get("credentials", row.credentials)
    row.origin, row.file_digest = FROM_FILE, entry.digest
    if not change.keeps_hand:
        row.by_hand = ""
    session.add(row)
    return released


def _set_feed(row: FeedRow, values: Mapping[str, Any], *, now: datetime) -> None:
    """A feed's history is kept; its validators, pause, redirect and silence belong to its address."""
    if "url" in values:
        watches.forget_watch(row)
        row.etag = row.last_modified = row.body_hash = row.paused_reason = None
        row.permanent_url = row.permanent_since_at = None
        row.next_poll_at = now
    if "interval_seconds" in values:
        row.next_poll_at = _next_poll_at(row, float(values["interval_seconds"]), now=now)
    for name, value in values.items():
        setattr(row, name, value)


def _next_poll_at(row: FeedRow, seconds: float, *, now: datetime) -> datetime:
    """When a feed whose interval becomes `seconds` is due: earlier where it waits out a longer interval. A wait that its server
    asked for, or that its failures brought about, is left as it is."""
    if row.last_polled_at is None or row.failures or seconds >= row.interval_seconds:
        return row.next_poll_at
    waits_for = row.next_poll_at - row.last_polled_at
    if waits_for > (1 + _JITTER) * timedelta(seconds=row.interval_seconds):
        return row.next_poll_at
    return min(row.next_poll_at, max(now, row.last_polled_at + timedelta(seconds=seconds)))


def _set_channel(
    session: Session, row: ChannelRow, values: Mapping[str, Any], *, now: datetime, max_age_for: timedelta
) -> int:
    """Alerts that waited in vain go out by a mended address or secret; what was queued for another address of a channel that
    worked is held, not redirected (W18). Returns how many wait again."""
    released = 0
    if "destination" in values or "credentials" in values:
        to = str(values.get("destination", row.destination))
        if row.is_configured and channels.waits_in_vain(session, row):
            released = channels.release(session, row.name, to=to, now=now, max_age_for=max_age_for)
        channels.forget_failures(row)
        channels.hold(session, row.name, destination=to, why="the channel's destination was changed since")
    if "destination" in values:
        channels.forget_recipients(session, row.name)
    for name, value in values.items():
        setattr(row, name, value)
    row.is_configured = True
    return released


def _switch_off(session: Session, kind: Kind, name: str) -> None:
    row = _row(session, kind, name)
    if isinstance(row, FeedRow):
        row.is_enabled = False
    else:
        row.is_configured = False
        channels.hold(session, name, destination="", why="the channel was removed from the settings")
    _forget(row)


def _forget(row: FeedRow | ChannelRow) -> None:
    """No file names it any more. That it was paused is kept: where a file names it again, perhaps as another file was applied in
    between, it is not polled or sent to unasked."""
    row.file_digest = ""
    if row.by_hand != PAUSED:
        row.by_hand = ""


def _row(session: Session, kind: Kind, name: str) -> FeedRow | ChannelRow:
    if kind == "feed":
        return session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    return session.get_one(ChannelRow, name)


# --- what files said (PostgreSQL) ---------------------------------------------------------------------------------------


def applied(session: Session, file: str) -> AppliedEntries:
    """What this settings file and those of other nodes said when they were last applied."""
    own: dict[tuple[Kind, str], str] = {}
    others: dict[tuple[Kind, str], set[str]] = {}
    for row in session.exec(select(AppliedEntryRow)):
        key: tuple[Kind, str] = ("feed" if row.kind == "feed" else "channel", row.name)
        if row.file == file:
            own[key] = row.digest
        else:
            others.setdefault(key, set()).add(row.digest)
    return AppliedEntries(by_file=own, by_others={key: frozenset(found) for key, found in others.items()})


def note_applied(session: Session, file: str, entries: Sequence[SettingsEntry], *, now: datetime) -> None:
    """Note what this file says now, in place of what it said; files that were not applied for long are forgotten."""
    is_past = or_(col(AppliedEntryRow.file) == file, col(AppliedEntryRow.at) < now - _FILES_KEPT_FOR)
    session.connection().execute(delete(AppliedEntryRow).where(is_past))
    for each in entries:
        digest = each.whole_digest
        session.add(AppliedEntryRow(file=file, kind=each.kind, name=each.name, digest=digest, at=now))
    session.flush()


# --- by a command or page ---------------------------------------------------------------------------------------------
#
# All raise NoResultFound for an unknown name.


def add_feed(session: Session, entry: SettingsEntry, *, now: datetime) -> None:
    """Add a feed, due now; one of this name that was removed or dropped comes back with these values and its history."""
    add_feeds(session, [entry], now=now)


def add_feeds(session: Session, entries: Sequence[SettingsEntry], *, now: datetime) -> None:
    """Add feeds as `add_feed` does."""
    known: dict[str, FeedRow] = {}
    for some in chunks([each.name for each in entries]):
        known |= {row.name: row for row in session.exec(select(FeedRow).where(col(FeedRow.name).in_(some)))}
    for entry in entries:
        if row := known.get(entry.name):
            _set_feed(row, {**entry.values, **entry.defaults}, now=now)
            row.origin, row.file_digest, row.by_hand, row.next_poll_at = ADDED, "", "", now
            session.add(row)
        else:
            _add(session, entry, origin=ADDED, now=now)
    session.flush()


def change_feed(session: Session, name: str, values: Mapping[str, Any], *, now: datetime) -> None:
    """Set these columns of a feed."""
    row = session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    _set_feed(row, values, now=now)
    session.add(row)


def poll_now(session: Session, name: str, *, now: datetime) -> bool:
    """Make a feed due; False where it is not polled, as it is paused, off or removed."""
    row = session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    if not row.is_enabled or row.paused_reason is not None:
        return False
    row.next_poll_at = now
    session.add(row)
    return True


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
    """Poll a feed that is paused, removed or off: it is due now. False where it was polled.

    A feed that was gone (410) gets a new start. Any other keeps its failures: only an answer says that it is well again, and
    whoever was told that it fails is then told that it is back.
    """
    row = session.exec(select(FeedRow).where(FeedRow.name == name)).one()
    was_off = not row.is_enabled or row.paused_reason is not None
    if not row.is_enabled:
        row.is_enabled, row.by_hand = True, RESUMED
    if row.paused_reason is not None:
        row.failures, row.failing_since_at, row.is_failing_told = 0, None, False
    row.paused_reason, row.next_poll_at = None, now
    session.add(row)
    return was_off


def put_channel(session: Session, entry: SettingsEntry, *, now: datetime, max_age_for: timedelta) -> int:
    """Add a channel, bring back one of this name that was removed or dropped, or change it. Returns how many alerts that waited on
    it in vain go out now; what is older than `max_age_for` stays held."""
    row = session.get(ChannelRow, entry.name)
    if row is None:
        _add(session, entry, origin=ADDED, now=now)
        session.flush()
        return 0
    wanted = {**entry.values, **entry.defaults}
    values = {name: value for name, value in wanted.items() if getattr(row, name) != value}
    released = _set_channel(session, row, values, now=now, max_age_for=max_age_for)
    row.origin, row.file_digest = ADDED, ""
    session.add(row)
    return released


def remove_channel(session: Session, name: str) -> None:
    """Send nothing more by a channel; what waits there is held. It is known on, for what it sent."""
    _switch_off(session, "channel", name)
    row = session.get_one(ChannelRow, name)
    row.by_hand = ""
    session.add(row)


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
