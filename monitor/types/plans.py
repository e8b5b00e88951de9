"""Feeds and channels as a settings file names them, as the store has them in force, and the plan that brings the two together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from monitor.types import digests

Kind = Literal["feed", "channel"]

FROM_FILE, ADDED = "file", "added"
"""The origins of a row: a settings file, or a command or page."""
PAUSED, RESUMED, REMOVED = "paused", "resumed", "removed"
"""What a command or page did to a row; it stands until the row's entry in the file changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsEntry:
    """One feed or channel as the settings describe it. Values are named after the columns of its table."""

    kind: Kind
    name: str
    values: Mapping[str, Any]
    """What the entry itself says. Of a channel only digests and masked texts: its secrets stay in the file."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What it takes from other sections, as its interval from `[schedule]`; of a channel the check digest of its secrets. What a
    command did stands where only these change."""

    @property
    def digest(self) -> str:
        """Changes when the entry itself does."""
        return digests.of_plain(tuple(sorted(self.values.items())))

    @property
    def whole_digest(self) -> str:
        """Changes when the entry does or what it takes from other sections."""
        return digests.of_plain((self.digest, tuple(sorted(self.defaults.items()))))

    @property
    def is_on(self) -> bool:
        """Whether the settings want it on: `enabled = false` keeps a feed that is not polled."""
        return bool(self.values.get("is_enabled", True))


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsRow:
    """One feed or channel as the store has it."""

    kind: Kind
    name: str
    values: Mapping[str, Any]
    is_on: bool
    origin: str = FROM_FILE
    digest: str = ""
    """That of the file's entry, as it was last applied; '' where none was."""
    by_hand: str = ""
    """What a command or page did to it last: `paused`, `resumed`, `removed` or nothing."""
    held: int = 0
    """Its held alerts, where it is a channel."""

    @property
    def is_dropped(self) -> bool:
        """Whether no file names it and no command wants it: its name is free for another."""
        is_added_and_paused = self.origin == ADDED and self.by_hand == PAUSED
        return not (self.is_on or self.digest or is_added_and_paused)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedEntries:
    """What settings files said when they were last applied: (kind, name) -> digest. Empty where one file alone is applied."""

    by_file: Mapping[tuple[Kind, str], str] = field(default_factory=dict)
    """By the file that is to be applied."""
    by_others: Mapping[tuple[Kind, str], frozenset[str]] = field(default_factory=dict)
    """By files of other nodes."""

    def is_known(self, entry: SettingsEntry) -> bool:
        """Whether nothing is new in the entry: its file said so before or, of a file that is new, another file did."""
        key = (entry.kind, entry.name)
        if key in self.by_file:
            return self.by_file[key] == entry.whole_digest
        return entry.whole_digest in self.by_others.get(key, ())


ONE_FILE = AppliedEntries()
"""Where no other file is applied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An entry to be written, and the values that differ from those in force (none: only its digest is to be noted)."""

    entry: SettingsEntry
    fields: tuple[str, ...] = ()
    is_back: bool = False
    """It was switched off and is on again."""
    keeps_hand: bool = False
    """Only what it takes from other sections changes: what a command did to it stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What applying a settings file does to the feeds and channels in force."""

    adds: tuple[SettingsEntry, ...] = ()
    changes: tuple[Change, ...] = ()
    switches_off: tuple[SettingsRow, ...] = ()
    stays_on: tuple[SettingsRow, ...] = ()
    """On by another file, not in this one, and left on: only a start on SQLite and `monitor apply` switch off."""
    overruled: tuple[Change, ...] = ()
    """Entries that differ from what is in force, and that did not change since their file was last applied: what was put into force
    since, by another node's file or by `monitor apply`, stands (PostgreSQL)."""
    keeps: tuple[SettingsRow, ...] = ()
    """Changed by a command or page, otherwise than the file says."""
    held: tuple[SettingsRow, ...] = ()
    """Channels of these settings with held alerts, which `monitor alerts retry` sends."""
    released: tuple[tuple[str, int], ...] = ()
    """Of a plan that was done: channels that were mended, and how many alerts that waited go out now."""
    notes: tuple[Change, ...] = ()
    """Entries in force already, of which only the digest is written down."""
    forgets: tuple[SettingsRow, ...] = ()
    """Rows that are off and no longer in the file: should their entry return, it is new."""

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing that is in force."""
        return not (self.adds or self.changes or self.switches_off)

    @property
    def agrees(self) -> bool:
        """Whether the settings say what is in force, apart from what commands changed."""
        return self.is_empty and not (self.stays_on or self.overruled)
