"""Plans: what a settings file changes in the feeds and channels in force. Pure.

The store owns the settings in force; a file is applied as a plan, at the daemon's start or by `monitor apply`. What a command or
page did to a feed or channel stands until that entry of the file itself changes. A start switches off what its file no longer
names on SQLite alone: on PostgreSQL the file of another node may name it. There a start changes only what changed in its file
since that was last applied, or what is new in a file that never was: nodes with different files do not undo one another.
"""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from monitor.config.settings import FeedSettings, Settings
from monitor.text import urls
from monitor.text.tokens import some_of
from monitor.types import digests
from monitor.types.plans import (
    FROM_FILE,
    ONE_FILE,
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

DatabaseKind = Literal["sqlite", "postgresql"]

"""Most names of one kind in a line."""
_FIELD_WORDS = {
    "is_enabled": "enabled",
    "interval_seconds": "interval",
    "first_poll_latest": "first poll",
    "first_poll": "first poll",
    "allow_private": "allow private",
    "destination": "address",
    "shown": "address",
    "credentials": "secret",
    "is_secret": "secrecy of its address",
}
_QUIET_FIELDS = ("host",)
"""Follow from others and are not named."""


# --- entries ----------------------------------------------------------------------------------------------------------


def feed_entries(settings: Settings) -> tuple[SettingsEntry, ...]:
    """The feeds of the settings."""
    usual = settings.schedule.interval_for.total_seconds()
    return tuple(
        feed_entry(name, feed, usual_seconds=usual, is_secret=settings.is_from_file("feeds", name, "url"))
        for name, feed in settings.feeds.items()
    )


def feed_entry(name: str, feed: FeedSettings, *, usual_seconds: float, is_secret: bool = False) -> SettingsEntry:
    """A feed as the settings or a command describe it; `usual_seconds` is the interval of feeds without one of their own. The
    address of one that `is_secret` is never shown."""
    own = {} if feed.interval_for is None else {"interval_seconds": feed.interval_for.total_seconds()}
    return SettingsEntry(
        kind="feed",
        name=name,
        values={
            "url": feed.url,
            "host": urls.host(feed.url),
            "title": feed.title or "",
            "language": feed.language,
            "first_poll": feed.first_poll_kind.value,
            "first_poll_latest": feed.first_poll_latest,
            "allow_private": feed.allow_private,
            "pages": feed.pages,
            "is_enabled": feed.enabled,
            **({"publisher": feed.publisher} if feed.publisher else {}),
            **own,
        },
        # Whether the address is secret, and the publisher, are no part of the digest of an entry that does not name one: what
        # commands did to feeds of earlier versions stands.
        defaults={
            "is_secret": is_secret,
            **({} if feed.publisher else {"publisher": ""}),
            **({} if own else {"interval_seconds": usual_seconds}),
        },
    )


def feed_name(url: str, taken: Collection[str]) -> str:
    """A name for a feed that was given none: made of its host, `herald-example`, with a number where that is taken."""
    host = urls.host(url).removeprefix("www.").removeprefix("feeds.").removeprefix("rss.")
    name = re.sub(r"[^a-z0-9_-]+", "-", host.lower()).strip("-")[:60] or "feed"
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


def channel_entry(name: str, *, kind: str, destination: str, shown: str, credentials: str = "") -> SettingsEntry:
    """A channel: `destination` is a digest, `shown` its address without secrets, `credentials` a check digest of these."""
    values = {"kind": kind, "destination": destination, "shown": shown}
    return SettingsEntry(kind="channel", name=name, values=values, defaults={"credentials": credentials})


def digest(entries: Iterable[SettingsEntry]) -> str:
    """The digest of all feeds and channels of a settings file: equal on nodes whose files say the same."""
    said = sorted((each.kind, each.name, each.digest, tuple(sorted(each.defaults.items()))) for each in entries)
    return digests.of_plain(tuple(said))


def unknown_sources(settings: Settings, rows: Iterable[SettingsRow] = ()) -> list[str]:
    """For each preferred source that is no feed, of the settings or the store: that it has no effect, and what may be meant."""
    known = {*settings.feeds, *(row.name for row in rows if row.kind == "feed" and not row.is_dropped)}
    return [
        f'stories.preferred_sources names "{name}", which is no feed: it has no effect; {_nearest(name, known)}'
        for name in settings.stories.preferred_sources
        if name not in known
    ]


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.55)
    return f'did you mean "{near[0]}"?' if near else "`monitor feeds` lists the feeds"


# --- planning ---------------------------------------------------------------------------------------------------------


def plan_start(
    rows: Sequence[SettingsRow],
    entries: Sequence[SettingsEntry],
    database: DatabaseKind,
    applied: AppliedEntries = ONE_FILE,
) -> Plan:
    """The plan of a daemon's start. Settings that name no feed and no channel switch nothing off: they are rather missing."""
    return _plan(rows, entries, applied, may_switch_off=database == "sqlite" and bool(entries))


def plan_apply(rows: Sequence[SettingsRow], entries: Sequence[SettingsEntry]) -> Plan:
    """The plan of `monitor apply`, which makes the settings in force those of the file, on either database."""
    return _plan(rows, entries, may_switch_off=True)


def compare(rows: Sequence[SettingsRow], entries: Sequence[SettingsEntry]) -> Plan:
    """In what the settings differ from what is in force; never to be applied."""
    return _plan(rows, entries, may_switch_off=False)


def _plan(
    rows: Sequence[SettingsRow],
    entries: Sequence[SettingsEntry],
    applied: AppliedEntries = ONE_FILE,
    *,
    may_switch_off: bool,
) -> Plan:
    known = {(row.kind, row.name): row for row in rows}
    named = {(each.kind, each.name) for each in entries}
    met = [(each, known[each.kind, each.name]) for each in entries if (each.kind, each.name) in known]
    unnamed = [row for key, row in known.items() if key not in named and row.origin == FROM_FILE]
    kept = [row for entry, row in met if _is_kept(entry, row, applied)] + [
        row for row in unnamed if _is_back_by_hand(row)
    ]
    on = tuple(row for row in unnamed if row.is_on and row not in kept)
    found = [change for entry, row in met if (change := _change(entry, row, applied))]
    overruled = [each for each in found if each.fields and applied.is_known(each.entry)]
    return Plan(
        adds=tuple(each for each in entries if (each.kind, each.name) not in known),
        changes=tuple(each for each in found if each.fields and each not in overruled),
        overruled=tuple(overruled),
        switches_off=on if may_switch_off else (),
        stays_on=() if may_switch_off else on,
        keeps=tuple(kept),
        held=tuple(row for _, row in met if row.held),
        notes=tuple(each for each in found if not each.fields),
        forgets=tuple(row for row in unnamed if not row.is_on and row.digest) if may_switch_off else (),
    )


def _change(entry: SettingsEntry, row: SettingsRow, applied: AppliedEntries) -> Change | None:
    """What of an entry is to be written. Of one that the file says as before, only what other sections say of it."""
    if entry.digest == row.digest:
        fields = _differing(entry.defaults, row)
        is_noted = not fields and entry.defaults.get("credentials") and not row.values.get("credentials")
        return Change(entry=entry, fields=fields, keeps_hand=True) if fields or is_noted else None
    wanted = {**entry.values, **entry.defaults}
    if _stands(entry, row, applied):
        return Change(entry=entry, fields=tuple(set(_differing(wanted, row)) - {"is_enabled"}), keeps_hand=True)
    is_back = entry.is_on and (not row.is_on or row.by_hand == PAUSED)
    fields = _differing(wanted, row)
    return Change(entry=entry, fields=fields or (("is_enabled",) if is_back else ()), is_back=is_back)


def _stands(entry: SettingsEntry, row: SettingsRow, applied: AppliedEntries) -> bool:
    """Whether what a command did to a row stands: its entry is as it was, or unknown, in a store of an earlier version."""
    is_as_it_was = row.digest in ("", entry.digest) or applied.is_known(entry)
    return bool(row.by_hand) and row.origin == FROM_FILE and is_as_it_was


def _is_kept(entry: SettingsEntry, row: SettingsRow, applied: AppliedEntries) -> bool:
    """Whether a command did to a row what its file does not say."""
    return _stands(entry, row, applied) and (
        row.by_hand in (PAUSED, REMOVED) if entry.is_on else row.by_hand == RESUMED
    )


def _is_back_by_hand(row: SettingsRow) -> bool:
    """Whether a command switched a row on again after the file had dropped it."""
    return row.is_on and row.by_hand == RESUMED and not row.digest


def _differing(wanted: Mapping[str, object], row: SettingsRow) -> tuple[str, ...]:
    """The values that differ. Secrets that the store does not know yet, as in one of an earlier version, do not."""
    unknown = {"credentials"} if not row.values.get("credentials") else set()
    return tuple(name for name, value in wanted.items() if row.values.get(name) != value and name not in unknown)


# --- in words ---------------------------------------------------------------------------------------------------------


def words(plan: Plan) -> str:
    """What the plan does, in one line; '' where it changes nothing."""
    parts = [
        *_listed("adds", plan.adds),
        *_changes("changes", plan.changes),
        *_changes("switches on again", plan.changes, is_back=True),
        *_listed("switches off", plan.switches_off),
    ]
    return "; ".join(parts)


def difference(plan: Plan) -> str:
    """In what the settings of this node differ from what is in force, in one line; '' where they do not. Names, never secrets."""
    parts = [
        *_listed("not in force", plan.adds),
        *_changes("otherwise in force", plan.changes),
        *_changes("off", plan.changes, is_back=True),
        *what_remains(plan),
    ]
    return f"these settings differ from what is in force: {'; '.join(parts)}" if parts else ""


def what_remains(plan: Plan) -> list[str]:
    """What differs even after the plan was done: what other files named and what commands changed."""
    return [
        *_changes("otherwise in force", plan.overruled),
        *_changes("off", plan.overruled, is_back=True),
        *_listed("on, but not in these settings", plan.stays_on),
        *_kept(plan),
    ]


def offers(plan: Plan) -> list[str]:
    """For each channel with held alerts, how many there are and the command that sends them."""
    return [offer(row.name, row.held) for row in plan.held]


def releases(plan: Plan) -> list[str]:
    """For each channel that was mended, how many of its alerts go out now."""
    return [
        f"channel {name} was mended: {count} {'alert that waited goes' if count == 1 else 'alerts that waited go'} out now"
        for name, count in plan.released
    ]


def offer(channel: str, held: int) -> str:
    """The offer to send the held alerts of a channel."""
    return f"{held} held {'alert' if held == 1 else 'alerts'} of channel {channel}: `monitor alerts retry --channel {channel}`"


def _kept(plan: Plan) -> Iterator[str]:
    for did in (PAUSED, RESUMED, REMOVED):
        yield from _listed(f"{did} by a command, which stands", [row for row in plan.keeps if row.by_hand == did])


def _changes(what: str, changes: Sequence[Change], *, is_back: bool = False) -> Iterator[str]:
    """Changes of the same fields are listed together."""
    of_fields: dict[tuple[Kind, str], list[str]] = {}
    for each in changes:
        if each.is_back == is_back:
            of_fields.setdefault((each.entry.kind, "" if is_back else _field_words(each)), []).append(each.entry.name)
    for (kind, fields), names in of_fields.items():
        yield f"{what}: {_named(kind, names)}{f' [{fields}]' if fields else ''}"


def _field_words(change: Change) -> str:
    named = (each for each in change.fields if each not in _QUIET_FIELDS)
    return ", ".join(dict.fromkeys(_FIELD_WORDS.get(each, each) for each in named))


def _listed(what: str, each_of: Sequence[SettingsEntry | SettingsRow]) -> Iterator[str]:
    for kind in ("feed", "channel"):
        if names := [each.name for each in each_of if each.kind == kind]:
            yield f"{what}: {_named(kind, names)}"


def _named(kind: str, names: Sequence[str]) -> str:
    """`feed a`, or `7 feeds (a, b, c, d, e and 2 more)`."""
    if len(names) == 1:
        return f"{kind} {names[0]}"
    return f"{len(names)} {kind}s ({some_of(sorted(names))})"
