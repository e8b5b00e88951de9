"""Which topics are in force: a table of what the folder says, what is in force, and for how long it has been so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.topics.in_force import AWAY_FOR, decide
from monitor.topics.seeds import LoadedTopics, TopicFolder
from monitor.types.matching import Seed, StoredTopic, Topic

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
SEED = Seed(file="a.txt", title="Bridge", text="The bridge", language="en")


def folder(
    name: str, digest: str = "1", *, broken: dict[str, str] | None = None, is_usable: bool = True, is_on: bool = True
) -> TopicFolder:
    topic = Topic(name=name, title=name, seeds=(SEED,), digest=digest, is_enabled=is_on) if is_usable else None
    faults = tuple((broken or {}).values())
    return TopicFolder(name=name, topic=topic, files={"a.txt": b"x"}, broken=broken or {}, faults=faults)


def read(*folders: TopicFolder) -> LoadedTopics:
    return LoadedTopics(
        topics=tuple(each.topic for each in folders if each.topic),
        faults=tuple(fault for each in folders for fault in each.faults) if folders else ("seeds: no such folder",),
        folders=folders,
    )


def stored(*names: str, **more: object) -> dict[str, StoredTopic]:
    files = frozenset({"a.txt", "topic.toml"})
    return {name: StoredTopic(name=name, digest="1", version=3, files=files, **more) for name in names}  # type: ignore[arg-type]


BROKEN = {"topic.toml": "topic.toml:1: not TOML: mend the line"}
EMPTIED = {"a.txt": "a.txt: holds no text"}
NEW_AND_BROKEN = {"b.txt": "b.txt: holds no text"}
BOTH = folder("bridge"), folder("choir")

CASES = {
    "all is there": (read(*BOTH), ["bridge", "choir"], [], []),
    "the whole folder is away": (read(), [], ["bridge", "choir"], ["the seeds cannot be used"]),
    "one topic's folder is away": (read(BOTH[0]), ["bridge"], ["choir"], ["choir: its folder is away"]),
    "a topic.toml is broken": (
        read(BOTH[0], folder("choir", broken=BROKEN, is_usable=False)),
        ["bridge"],
        ["choir"],
        ["choir: stays in force as last read (version 3) until this is mended: topic.toml:1"],
    ),
    "a seed is emptied": (
        read(BOTH[0], folder("choir", "2", broken=EMPTIED)),
        ["bridge"],
        ["choir"],
        ["choir: stays in force as last read (version 3) until this is mended: a.txt"],
    ),
    "a seed that was never good costs itself": (
        read(BOTH[0], folder("choir", "2", broken=NEW_AND_BROKEN)),
        ["bridge", "choir"],
        [],
        [],
    ),
    "all files are emptied": (
        read(*(folder(name, broken=EMPTIED, is_usable=False) for name in ("bridge", "choir"))),
        [],
        ["bridge", "choir"],
        ["the seeds cannot be used (a.txt: holds no text"],
    ),
    "a new topic": (read(*BOTH, folder("weir")), ["bridge", "choir", "weir"], [], []),
    "another version": (read(BOTH[0], folder("choir", "2")), ["bridge", "choir"], [], []),
}


@pytest.mark.parametrize("case", CASES)
def test_one_folder_defines_the_topics_and_what_is_amiss_leaves_them_as_they_were(case: str) -> None:
    found, from_folder, from_store, says = CASES[case]
    decision = decide(found, stored("bridge", "choir"), is_shared=False, now=NOW)
    assert [*decision.from_folder] == from_folder
    assert [*decision.from_store] == from_store
    assert [each.text.startswith(said) for each, said in zip(decision.remarks, says, strict=True)] == [True] * len(says)
    assert decision.ends == ()


def test_a_folder_away_for_an_hour_while_others_are_there_ends_its_topic() -> None:
    for away_for, ends in ((timedelta(), ()), (AWAY_FOR - timedelta(seconds=1), ()), (AWAY_FOR, ("choir",))):
        known = stored("bridge") | stored("choir", away_since_at=NOW - away_for)
        decision = decide(read(BOTH[0]), known, is_shared=False, now=NOW)
        assert decision.ends == ends
        assert decision.changes_at == (None if ends else NOW - away_for + AWAY_FOR)
    first = decide(read(BOTH[0]), stored("bridge", "choir"), is_shared=False, now=NOW)
    assert (first.away, first.changes_at) == ({"choir": NOW}, NOW + AWAY_FOR)


def test_while_no_other_is_there_nothing_counts_as_removed() -> None:
    known = stored("bridge", "choir", away_since_at=NOW - timedelta(days=9))
    decision = decide(read(), known, is_shared=False, now=NOW)
    assert (decision.ends, decision.away, decision.changes_at) == ((), {}, None)


def test_an_empty_store_has_nothing_to_fall_back_to() -> None:
    decision = decide(read(), {}, is_shared=False, now=NOW)
    assert (decision.from_folder, decision.from_store, decision.remarks) == ((), (), ())


def test_a_folder_that_comes_back_takes_its_topic_up_again() -> None:
    known = stored("bridge") | stored("choir", has_ended=True)
    assert decide(read(*BOTH), known, is_shared=False, now=NOW).from_folder == ("bridge", "choir")
    assert decide(read(BOTH[0]), known, is_shared=False, now=NOW).remarks == ()


SHARED = {
    "a node that lacks a topic": (read(BOTH[0]), set(), set(), ["choir"], "choir: not in this node's folder"),
    "a version that the topic never had": (read(BOTH[0], folder("choir", "2")), set(), set(), [], ""),
    "an earlier version": (
        read(BOTH[0], folder("choir", "2")),
        set(),
        {"choir"},
        ["choir"],
        "choir: this node's folder holds an earlier version: version 3",
    ),
    "an earlier version put there while the node runs": (
        read(BOTH[0], folder("choir", "2")),
        {"choir"},
        {"choir"},
        [],
        "",
    ),
    "a broken folder": (
        read(BOTH[0], folder("choir", broken=EMPTIED)),
        set(),
        set(),
        ["choir"],
        "choir: stays in force as last read",
    ),
}


@pytest.mark.parametrize("case", SHARED)
def test_where_nodes_share_a_store_the_newest_change_is_in_force(case: str) -> None:
    found, changed, earlier, from_store, says = SHARED[case]
    known = stored("bridge", "choir", away_since_at=NOW - timedelta(days=9))
    decision = decide(found, known, is_shared=True, changed=changed, earlier=earlier, now=NOW)
    assert [*decision.from_store] == from_store
    assert sorted([*decision.from_folder, *decision.from_store]) == ["bridge", "choir"]
    assert decision.ends == ()
    assert [each.text.startswith(says) for each in decision.remarks] == ([True] if says else [])


@pytest.mark.parametrize(("became", "says"), [("", "choir: was removed"), ("song", "choir: was renamed song")])
def test_where_nodes_share_a_store_a_topic_that_ended_is_taken_up_by_what_is_new_only(became: str, says: str) -> None:
    known = stored("bridge") | stored("choir", has_ended=True, became=became)
    idle = decide(read(*BOTH), known, is_shared=True, earlier={"bridge", "choir"}, now=NOW)
    assert (idle.from_folder, idle.from_store) == (("bridge",), ())
    assert [each.text.startswith(says) and each.is_local for each in idle.remarks] == [True]
    again = decide(read(BOTH[0], folder("choir", "9")), known, is_shared=True, earlier={"bridge"}, now=NOW)
    assert again.from_folder == ("bridge", "choir")
    off = decide(read(BOTH[0], folder("choir", is_on=False)), known, is_shared=True, earlier={"choir"}, now=NOW)
    assert off.from_folder == (("bridge",) if became else ("bridge", "choir"))
