"""Adding, changing and removing channels by command or page: the secrets go into the node's file, the rest into the store.

A settings file names its channels itself: those are changed there. What is written in the file and in the store is written in
one go: where one of the two fails, the other is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Never

from monitor.alerting.channels import registry
from monitor.alerting.channels.registry import Channel
from monitor.config import channel_files
from monitor.config.plan import channel_entry
from monitor.store import settings as store
from monitor.store.db import Database, Session, serialize_decisions
from monitor.types.errors import ConfigError
from monitor.types.plans import ADDED, SettingsRow

Table = Mapping[str, Any]
"""What `[channels.NAME]` would say, `kind` included."""


@dataclass(frozen=True, slots=True)
class _NoPoster:
    """For channels that are only looked at."""

    async def post(self, *_: object, **__: object) -> Never:
        raise AssertionError("this channel sends nothing")


def described(name: str, table: Table) -> Channel:
    """The channel as it would be, to ask for its destination and not to send by. Raises ConfigError with all faults."""
    return registry.build(name, table, _NoPoster())


def add(db: Database, folder: Path, name: str, table: Table, *, now: datetime, max_age_for: timedelta) -> None:
    """Put a new channel in force. Raises ConfigError where the table has faults, where there is a channel of that name, or where
    the file cannot be written; then nothing was changed."""
    channel = described(name, table)
    with _file(folder, name) as file, db.writing() as session:
        serialize_decisions(session)
        row = row_of(session, name)
        if row and not row.is_dropped:
            raise ConfigError(f"there is a channel {name} already; choose another name")
        _put(session, channel, now=now, max_age_for=max_age_for)
        file.write(table)


def change(db: Database, folder: Path, name: str, table: Table, *, now: datetime, max_age_for: timedelta) -> int:
    """Put a channel in force as the table says. Returns how many alerts that waited on it in vain go out now. Raises ConfigError as
    `add` does, and where the channel was not added by command or page."""
    channel = described(name, table)
    with _file(folder, name) as file, db.writing() as session:
        serialize_decisions(session)
        _check_added(session, name)
        released = _put(session, channel, now=now, max_age_for=max_age_for)
        file.write(table)
    return released


def remove(db: Database, folder: Path, name: str) -> None:
    """Send nothing more by a channel, and forget its secrets on this node. Raises ConfigError as `change` does."""
    with _file(folder, name) as file, db.writing() as session:
        serialize_decisions(session)
        _check_added(session, name)
        store.remove_channel(session, name)
        file.remove()


def row_of(session: Session, name: str) -> SettingsRow | None:
    """The channel of this name, on or off, that the store knows."""
    return next((each for each in store.rows(session) if (each.kind, each.name) == ("channel", name)), None)


def _put(session: Session, channel: Channel, *, now: datetime, max_age_for: timedelta) -> int:
    entry = channel_entry(
        channel.name,
        kind=channel.kind,
        destination=channel.destination,
        shown=channel.shown,
        credentials=channel.credentials,
    )
    return store.put_channel(session, entry, now=now, max_age_for=max_age_for)


def _check_added(session: Session, name: str) -> None:
    row = row_of(session, name)
    if row is None or not row.is_on:
        raise ConfigError(f"there is no channel {name} in force")
    if row.origin != ADDED:
        raise ConfigError(f"the channel {name} stands in a settings file: change it there")


class _File:
    """A channel's file, and what was in it."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._before: Table | None = None
        self._is_changed = False

    def write(self, table: Table) -> None:
        before = self._read()
        channel_files.write(self._folder, self._name, table)
        self._before, self._is_changed = before, True

    def remove(self) -> None:
        before = self._read()
        channel_files.remove(self._folder, self._name)
        self._before, self._is_changed = before, True

    def put_back(self) -> None:
        """Put back what was in it, where it was changed: where it was not, it may be another's by now."""
        if self._is_changed and self._before is not None:
            channel_files.write(self._folder, self._name, self._before)
        elif self._is_changed:
            channel_files.remove(self._folder, self._name)

    def _read(self) -> Table | None:
        return channel_files.read(self._folder).tables.get(self._name)


@contextmanager
def _file(folder: Path, name: str) -> Iterator[_File]:
    """The channel's file, put back where what is done inside fails, as the store then is as it was, too. It is changed last within
    a transaction, of which there is one at a time."""
    file = _File(folder, name)
    try:
        yield file
    except BaseException:
        file.put_back()
        raise
