"""The plan as a table: what is in force, what the file says, which database, and what follows. No store is needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from monitor.config import plan as plans
from monitor.config.plan import DatabaseKind, difference, plan_apply, plan_start, words
from monitor.config.settings import Settings
from monitor.types.plans import ADDED, AppliedEntries, Plan, SettingsEntry, SettingsRow
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


def test_what_was_dropped_comes_back_when_the_file_names_it_again_and_is_still_paused_where_it_was() -> None:
    plan = plan_start([by_hand(A, "paused"), row(B)], [B], "sqlite")
    assert [each.name for each in plan.forgets] == ["a"]
    assert gist(plan_start([dropped(A), row(B)], [A, B], "sqlite")) == {"back": ["a"]}
    paused = replace(dropped(A), by_hand="paused")
    assert gist(plan_start([paused, row(B)], [A, B], "sqlite")) == {"keeps": ["a paused"]}


def test_the_name_of_what_was_dropped_is_free_and_that_of_an_added_feed_is_not() -> None:
    assert dropped(A).is_dropped
    assert replace(dropped(A), by_hand="paused").is_dropped
    assert not replace(dropped(A), by_hand="paused", origin="added").is_dropped
    assert replace(dropped(A), by_hand="removed", origin="added").is_dropped


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


# --- nodes with files of their own (PostgreSQL) -------------------------------------------------------------------------


def said(*entries: SettingsEntry) -> dict[Any, str]:
    return {(each.kind, each.name): each.whole_digest for each in entries}


def said_by_others(*entries: SettingsEntry) -> dict[Any, frozenset[str]]:
    return {key: frozenset({digest}) for key, digest in said(*entries).items()}


USUAL_CHANGED = replace(A, defaults={"interval_seconds": 60.0})
NODES = [
    ("its file did not change: what another node put in force stands", A_TITLED, A, said(A), {}, False),
    ("its file changed since it was applied", A, A_TITLED, said(A), {}, True),
    ("its file changed back to what another file says", A_TITLED, A, said(A_TITLED), said_by_others(A), True),
    ("a file that is new says what another one said before", A_TITLED, A, {}, said_by_others(A), False),
    ("a file that is new says something new", A, A_TITLED, {}, said_by_others(A), True),
    ("the usual interval of its file did not change", A, USUAL_CHANGED, said(USUAL_CHANGED), {}, False),
    ("the usual interval of its file changed", A, USUAL_CHANGED, said(A), {}, True),
]


@pytest.mark.parametrize(
    ("in_force", "entry", "own", "others", "is_applied"), [each[1:] for each in NODES], ids=[each[0] for each in NODES]
)
def test_a_start_applies_what_is_new_in_its_file(
    in_force: SettingsEntry, entry: SettingsEntry, own: Any, others: Any, is_applied: bool
) -> None:
    plan = plan_start([row(in_force)], [entry], "postgresql", AppliedEntries(by_file=own, by_others=others))
    assert [each.entry.name for each in plan.changes] == ["a"] * is_applied
    assert [each.entry.name for each in plan.overruled] == ["a"] * (not is_applied)
    assert plan.agrees is False
    assert plans.what_remains(plan) == (
        [] if is_applied else [f"otherwise in force: feed a [{'interval' if entry is USUAL_CHANGED else 'title'}]"]
    )
    assert [each.entry.name for each in plan_apply([row(in_force)], [entry]).changes] == ["a"], (
        "`monitor apply` always does"
    )


@pytest.mark.parametrize("did", ["paused", "removed"])
def test_what_a_command_did_stands_against_the_differing_file_of_another_node(did: str) -> None:
    plan = plan_start([by_hand(A, did)], [A_TITLED], "postgresql", AppliedEntries(by_file=said(A_TITLED)))
    assert plan.is_empty
    assert [each.by_hand for each in plan.keeps] == [did]
    plan = plan_start([by_hand(A, did)], [A_TITLED], "postgresql", AppliedEntries(by_file=said(A)))
    assert [each.is_back for each in plan.changes] == [True]


def test_what_an_apply_switched_off_stays_off_until_a_file_changes() -> None:
    off = dropped(A)
    plan = plan_start([off], [A], "postgresql", AppliedEntries(by_file=said(A)))
    assert plan.is_empty
    assert plans.what_remains(plan) == ["off: feed a"]
    assert gist(plan_start([off], [A_TITLED], "postgresql", AppliedEntries(by_file=said(A)))) == {"back": ["a"]}
    assert gist(plan_start([off], [A], "postgresql")) == {"back": ["a"]}


def test_a_preferred_source_that_is_no_feed_is_named() -> None:
    settings = Settings.model_validate(
        {
            "feeds": {"herald": {"url": "https://h.example/"}},
            "stories": {"preferred_sources": ["herald", "mine", "herold"]},
        }
    )
    names = 'stories.preferred_sources names "herold", which is no feed: it has no effect; did you mean "herald"?'
    assert plans.unknown_sources(settings, [row(feed("mine"), origin=ADDED, digest="")]) == [names]
    gone = row(feed("mine"), origin=ADDED, digest="", is_on=False, by_hand="removed")
    assert len(plans.unknown_sources(settings, [gone])) == 2


def test_a_publisher_is_applied_and_taken_back_and_entries_without_one_are_as_before() -> None:
    named = feed("a", publisher="House of Papers")
    assert "publisher" not in A.values, "what commands did to feeds of stores from before stands"
    assert words(plan_apply([row(A)], [named])) == "changes: feed a [publisher]"
    assert words(plan_apply([row(named)], [A])) == "changes: feed a [publisher]"
    assert plan_apply([row(named)], [named]).is_empty
