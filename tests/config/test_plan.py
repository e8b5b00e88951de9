"""The plan as a table: what is in force, what the file says, which database, and what follows. No store is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.config import plan as plans
from monitor.config.plan import DatabaseKind, difference, plan_apply, plan_start, words
from monitor.types.plans import ADDED, Plan, SettingsEntry, SettingsRow
from tests.fakes.settings import channel, feed

A, B = feed("a"), feed("b")
A_TITLED = feed("a", title="The A")
A_OFF = feed("a", enabled=False)
DESK, DESK_MOVED = channel("desk", "here"), channel("desk", "there")


def row(entry: SettingsEntry, **changes: Any) -> SettingsRow:
    """The entry as a row, in force as its file said."""
    return replace(
        SettingsRow(
            kind=entry.kind,
            name=entry.name,
            values={**entry.values, **entry.defaults},
            is_on=entry.is_on,
            digest=entry.digest,
        ),
        **changes,
    )


def by_hand(entry: SettingsEntry, did: str) -> SettingsRow:
    """The row after a command paused, resumed or removed it."""
    if entry.kind == "channel":
        return row(entry, by_hand=did)
    is_on = did == "resumed"
    return row(entry, by_hand=did, is_on=is_on, values={**entry.values, **entry.defaults, "is_enabled": is_on})


def dropped(entry: SettingsEntry) -> SettingsRow:
    """The row after a file without the entry was applied."""
    off = {"is_enabled": False} if entry.kind == "feed" else {}
    return row(entry, is_on=False, digest="", values={**entry.values, **entry.defaults, **off})


def gist(plan: Plan) -> dict[str, list[str]]:
    """The parts that are not empty, by name alone."""
    found = {
        "adds": [each.name for each in plan.adds],
        "changes": [each.entry.name for each in plan.changes if not each.is_back],
        "back": [each.entry.name for each in plan.changes if each.is_back],
        "off": [each.name for each in plan.switches_off],
        "stays": [each.name for each in plan.stays_on],
        "keeps": [f"{each.name} {each.by_hand}" for each in plan.keeps],
    }
    return {name: names for name, names in found.items() if names}


TABLE: list[tuple[str, list[SettingsRow], list[SettingsEntry], dict[str, list[str]]]] = [
    ("a first start adds all", [], [A, DESK], {"adds": ["a", "desk"]}),
    ("what is in force as the file says stays", [row(A), row(DESK)], [A, DESK], {}),
    ("a changed entry is changed", [row(A)], [A_TITLED], {"changes": ["a"]}),
    ("a channel's new address is a change", [row(DESK)], [DESK_MOVED], {"changes": ["desk"]}),
    ("the usual interval changed", [row(A, values={**row(A).values, "interval_seconds": 60})], [A], {"changes": ["a"]}),
    ("an entry that says enabled = false", [row(A)], [A_OFF], {"changes": ["a"]}),
    ("what is off and not in the file is nothing", [dropped(A)], [B], {"adds": ["b"]}),
    ("what was dropped comes back", [dropped(A), dropped(DESK)], [A, DESK], {"back": ["a", "desk"]}),
    (
        "an address that the feed moved to stays",
        [row(A, values={**row(A).values, "url": "https://new.example/"})],
        [A],
        {},
    ),
    ("a row of an earlier version is only noted", [row(A, digest="")], [A], {}),
    # what commands did
    ("an added feed is no business of the file", [row(A, origin=ADDED, digest="")], [B], {"adds": ["b"]}),
    ("the file takes an added feed over", [row(A, origin=ADDED, digest="")], [A_TITLED], {"changes": ["a"]}),
    ("paused stands", [by_hand(A, "paused")], [A], {"keeps": ["a paused"]}),
    ("removed stands", [by_hand(A, "removed")], [A], {"keeps": ["a removed"]}),
    ("resumed stands against enabled = false", [by_hand(A_OFF, "resumed")], [A_OFF], {"keeps": ["a resumed"]}),
    ("resumed as the file says is nothing to name", [by_hand(A, "resumed")], [A], {}),
    ("paused until the entry changes", [by_hand(A, "paused")], [A_TITLED], {"back": ["a"]}),
    ("removed until the entry changes", [by_hand(A, "removed")], [A_TITLED], {"back": ["a"]}),
    ("a paused channel stays so", [by_hand(DESK, "paused")], [DESK], {"keeps": ["desk paused"]}),
    ("until its entry changes", [by_hand(DESK, "paused")], [DESK_MOVED], {"back": ["desk"]}),
    (
        "paused in a store of an earlier version, before any start",
        [replace(by_hand(A, "paused"), digest="")],
        [A],
        {"keeps": ["a paused"]},
    ),
    (
        "the usual interval changes without ending a pause",
        [replace(by_hand(A, "paused"), values={**A.values, "interval_seconds": 60})],
        [A],
        {"changes": ["a"], "keeps": ["a paused"]},
    ),
    (
        "resumed after the file had dropped it",
        [replace(by_hand(A, "resumed"), digest="")],
        [B],
        {"adds": ["b"], "keeps": ["a resumed"]},
    ),
]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("rows", "entries", "wanted"), [each[1:] for each in TABLE], ids=[each[0] for each in TABLE])
def test_a_start(
    rows: list[SettingsRow], entries: list[SettingsEntry], wanted: dict[str, list[str]], database: DatabaseKind
) -> None:
    assert gist(plan_start(rows, entries, database)) == wanted
    assert gist(plan_apply(rows, entries)) == wanted


@pytest.mark.parametrize("gone", [A, DESK, A_OFF])
def test_what_the_file_names_no_longer_is_switched_off_on_sqlite_alone(gone: SettingsEntry) -> None:
    rows = [row(gone), row(B)]
    is_on = gone.is_on
    assert gist(plan_start(rows, [B], "sqlite")) == ({"off": [gone.name]} if is_on else {})
    assert gist(plan_start(rows, [B], "postgresql")) == ({"stays": [gone.name]} if is_on else {})
    assert gist(plan_apply(rows, [B])) == ({"off": [gone.name]} if is_on else {})
    assert [each.name for each in plan_apply(rows, [B]).forgets] == ([] if is_on else [gone.name])


def test_a_start_without_any_settings_switches_nothing_off() -> None:
    plan = plan_start([row(A), row(DESK)], [], "sqlite")
    assert gist(plan) == {"stays": ["a", "desk"]}
    assert plan.is_empty


def test_what_was_paused_and_then_dropped_comes_back_when_the_file_names_it_again() -> None:
    plan = plan_start([by_hand(A, "paused"), row(B)], [B], "sqlite")
    assert [each.name for each in plan.forgets] == ["a"]
    assert gist(plan_start([dropped(A), row(B)], [A, B], "sqlite")) == {"back": ["a"]}


def test_held_alerts_of_a_channel_in_the_file_are_offered() -> None:
    plan = plan_start([replace(dropped(DESK), held=12), replace(dropped(channel("other")), held=3)], [DESK], "sqlite")
    assert plans.offers(plan) == ["12 held alerts of channel desk: `monitor alerts retry --channel desk`"]


def test_a_plan_is_one_line() -> None:
    many = [feed(f"feed{number}") for number in range(60)]
    assert words(plan_start([], [*many, DESK], "sqlite")) == (
        "adds: 60 feeds (feed0, feed1, feed10, feed11, feed12 and 55 more); adds: channel desk"
    )
    rows = [*map(row, many), row(A), row(DESK)]
    plan = plan_start(rows, [A_TITLED, DESK_MOVED], "sqlite")
    assert words(plan) == (
        "changes: feed a [title]; changes: channel desk [address]; "
        "switches off: 60 feeds (feed0, feed1, feed10, feed11, feed12 and 55 more)"
    )
    assert words(Plan()) == difference(Plan()) == ""


def test_a_difference_is_one_line_without_a_secret() -> None:
    secret = feed("a", "https://a.example/?token=s3cret")
    rows = [row(A), row(B), by_hand(feed("c"), "removed"), dropped(channel("mail"))]
    entries = [secret, feed("c"), feed("new"), channel("mail")]
    said = difference(plans.compare(rows, entries))
    assert said == (
        "these settings differ from what is in force: not in force: feed new; otherwise in force: feed a [url]; "
        "off: channel mail; on, but not in these settings: feed b; removed by a command, which stands: feed c"
    )


def test_the_digest_of_a_file_is_that_of_its_entries() -> None:
    assert plans.digest([A, DESK]) == plans.digest([DESK, A])
    assert plans.digest([A, DESK]) != plans.digest([A, DESK_MOVED])
    assert A.digest == feed("a").digest != A_TITLED.digest


def test_a_feed_without_a_name_is_named_by_its_host() -> None:
    assert plans.feed_name("https://www.herald.example/rss.xml", []) == "herald-example"
    assert plans.feed_name("http://127.0.0.1:80/a", ["127-0-0-1"]) == "127-0-0-1-2"
