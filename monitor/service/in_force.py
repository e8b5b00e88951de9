"""Applies settings to the store that owns them, and compares the two: at a start, at first use, by command.

A plan is made and done in one transaction, so that of several daemons that start at once each sees what the last one did.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from monitor.alerting.channels.base import Channel
from monitor.config import plan as plans
from monitor.config.settings import Settings
from monitor.store import settings as rows
from monitor.store.db import Database, Session, serialize_decisions
from monitor.types.errors import ConfigError
from monitor.types.plans import Plan, SettingsEntry


def entries_of(settings: Settings, channels: Mapping[str, Channel]) -> tuple[SettingsEntry, ...]:
    """The feeds and channels of a settings file."""
    told = (
        plans.channel_entry(
            name, kind=each.kind, destination=each.destination, shown=each.shown, credentials=each.credentials
        )
        for name, each in channels.items()
    )
    return (*plans.feed_entries(settings), *told)


_MAX_AGE_FOR = timedelta(hours=96)


def file_of(settings: Settings) -> str:
    """By what a settings file is known among those of other nodes: the node's name, else its host, and the path."""
    return f"{settings.node.name or socket.gethostname()}:{settings.file}"


def apply_at_start(
    db: Database,
    entries: Sequence[SettingsEntry],
    *,
    file: str = "",
    now: datetime,
    max_age_for: timedelta = _MAX_AGE_FOR,
) -> Plan:
    """Apply the settings as a daemon's start does; returns what was done. Of the alerts that waited on a channel that was mended
    those younger than `max_age_for` go out."""
    with db.writing() as session:
        serialize_decisions(session)
        return _start(session, db, entries, file, now, max_age_for)


def apply_at_first_use(db: Database, entries: Sequence[SettingsEntry], *, file: str = "", now: datetime) -> Plan:
    """Apply the settings to a store to which none were ever applied. Returns the plan that is left: how they differ."""
    with db.writing() as session:
        serialize_decisions(session)
        if not rows.was_applied(session):
            _start(session, db, entries, file, now, _MAX_AGE_FOR)
        return plans.compare(rows.rows(session), entries)


def _start(
    session: Session,
    db: Database,
    entries: Sequence[SettingsEntry],
    file: str,
    now: datetime,
    max_age_for: timedelta,
) -> Plan:
    known = rows.rows(session)
    if db.is_sqlite:
        plan = plans.plan_start(known, entries, "sqlite")
    else:
        plan = plans.plan_start(known, entries, "postgresql", rows.applied(session, file))
    done = _apply(session, plan, entries, now, max_age_for)
    _note(session, db, entries, file, now)
    return done


def _note(session: Session, db: Database, entries: Sequence[SettingsEntry], file: str, now: datetime) -> None:
    """Note what the file says, where other nodes have files of their own."""
    if not db.is_sqlite:
        rows.note_applied(session, file, entries, now=now)


def apply_by_command(
    db: Database,
    entries: Sequence[SettingsEntry],
    *,
    file: str = "",
    now: datetime,
    is_dry: bool,
    max_age_for: timedelta = _MAX_AGE_FOR,
) -> Plan:
    """Make the settings in force these ones; with `is_dry` only say how. Raises ConfigError for settings without any entry."""
    if not entries:
        raise ConfigError(
            "these settings name no feed and no channel, and applying them would switch all off: name the right file with "
            "--config, or use `monitor feeds pause`"
        )
    with db.reading() if is_dry else db.writing() as session:
        if not is_dry:
            serialize_decisions(session)
        plan = plans.plan_apply(rows.rows(session), entries)
        if is_dry:
            return plan
        done = _apply(session, plan, entries, now, max_age_for)
        _note(session, db, entries, file, now)
        return done


def _apply(
    session: Session, plan: Plan, entries: Sequence[SettingsEntry], now: datetime, max_age_for: timedelta
) -> Plan:
    """Do the plan. Returns it with what that released, and what is held now."""
    says, by = plans.words(plan), socket.gethostname()
    released = rows.apply(session, plan, says=says, by=by, now=now, max_age_for=max_age_for)
    held = plans.compare(rows.rows(session), entries).held
    return replace(plan, released=tuple(sorted(released.items())), held=held)


def unknown_sources(db: Database, settings: Settings) -> list[str]:
    """Of the preferred sources of the settings, those that are no feed: neither of the settings nor added by a command."""
    with db.reading() as session:
        return plans.unknown_sources(settings, rows.rows(session))


def difference(db: Database, entries: Sequence[SettingsEntry]) -> Plan:
    """In what the settings differ from what is in force."""
    with db.reading() as session:
        return plans.compare(rows.rows(session), entries)
