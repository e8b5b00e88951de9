"""The life of a topic by command: paused, resumed, renamed, removed, with all that it found."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.polling import pipeline
from monitor.review import matches
from monitor.review import topics as topic_life
from monitor.store import alerts, topics
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow, VerdictRow
from monitor.store.tables.topics import SeedTextRow, SelfTrainingRow, TopicFileRow, TopicRow, TopicVersionRow
from monitor.topics.folders import TopicFolderError
from monitor.types.errors import StoreError
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

NEWS = (HIT[0], "https://n.example/1", "g1", HIT[1])
MORE = (
    "Ferry company protests against end of old bridge at Weir Landing",
    "https://n.example/2",
    "g2",
    "The ferry company asked the county council on Friday not to pull down the old bridge at Weir Landing. Its piers have cracks, "
    "the engineer Ida Marsh told the council; a new bridge would cost less than mending the old one, and lorries need it.",
)
TABLES = (
    MatchRow, NearMissRow, NearMissCountRow, VerdictRow, SelfTrainingRow, TopicVersionRow, SeedTextRow, TopicFileRow, AlertRow,
)  # fmt: skip


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, sink: Sink, store_url: str) -> Iterator[Newsroom]:
    """Two topics, one story that was told."""
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        room.follows("bridge", SEED)
        room.follows("choir", "\n\n".join(MISS))
        room.reads("herald", site.url("/feed"), first_poll="all")
        room.tells("desk", sink.url)
        site.publishes("/feed", rss(NEWS))
        room.polls()
        room.delivers()
        assert room.reasons() == {HIT[0]: "ALERTED"}
        with room.app.db.writing() as session:
            matches.judge(session, room.rows(MatchRow)[0].id, is_relevant=True, by="me", now=clock())
        room.reloads()
        yield room


def seeds(room: Newsroom) -> Path:
    return room.folder / "seeds"


def in_force(room: Newsroom) -> list[str]:
    return [each.name for each in room.app.loaded.topics if each.is_enabled]


def renames(room: Newsroom, old: str, new: str) -> None:
    topic_life.rename(room.app.db, seeds(room), old, new, now=room.clock())


# --- pause and resume ---------------------------------------------------------------------------------------------------


def test_a_paused_topic_matches_nothing_until_it_is_resumed(room: Newsroom, site: Site, clock: SetClock) -> None:
    assert topic_life.pause(room.app.db, "bridge", now=clock())
    assert not topic_life.pause(room.app.db, "bridge", now=clock())
    assert room.reloads()
    room.follows("bridge", SEED.replace("spring", "winter"))
    room.reloads()
    room.restarts()
    assert in_force(room) == ["choir"], "a pause stands, whatever becomes of the folder and the process"
    shutil.rmtree(seeds(room) / "bridge")
    room.reloads()
    assert in_force(room) == ["choir"]
    clock.passes(minutes=30)
    site.publishes("/feed", rss(MORE))
    room.polls()
    assert room.reasons()[MORE[0]] == "NO_MATCH"
    assert len(room.rows(MatchRow)) == 1
    assert topic_life.resume(room.app.db, "bridge")
    assert not topic_life.resume(room.app.db, "bridge")
    assert room.reloads()
    assert in_force(room) == ["bridge", "choir"]


# --- rename -------------------------------------------------------------------------------------------------------------


def test_a_topic_is_renamed_with_all_that_it_found_and_told(room: Newsroom) -> None:
    before = {table: sum(row.topic == "bridge" for row in room.rows(table)) for table in TABLES}
    models = {each.name: each for each in room.app.loaded.topics}
    renames(room, "bridge", "span")
    assert {table: sum(row.topic == "span" for row in room.rows(table)) for table in TABLES} == before
    assert not any(row.topic == "bridge" for table in TABLES for row in room.rows(table))
    assert before[MatchRow] == before[AlertRow] == before[VerdictRow] == 1
    (alert,) = [row for row in room.rows(AlertRow) if row.topic == "span"]
    assert [row.key.split("/")[0] for row in room.rows(AlertTopicRow) if row.alert_id == alert.id] == ["span"]
    told = alerts.load(alert.payload)
    assert (told.topic, [each.name for each in told.topics]) == ("span", ["span"])
    assert (seeds(room) / "span" / "seed0.txt").exists()
    assert not (seeds(room) / "bridge").exists()
    assert room.reloads(), "the daemon reads the topics again"
    assert in_force(room) == ["choir", "span"]
    renamed = {each.name: each for each in room.app.loaded.topics}
    assert renamed["span"].seeds == models["bridge"].seeds
    row = next(row for row in room.rows(TopicRow) if row.name == "span")
    assert row.version == 2, "the one made by the verdict"
    assert room.app.topic_keeper.remarks == []
    with room.app.db.reading() as session:
        assert [*topics.titles(session)] == ["choir", "span"]


def test_a_story_told_for_a_renamed_topic_stays_told(room: Newsroom, site: Site, sink: Sink, clock: SetClock) -> None:
    renames(room, "bridge", "span")
    room.reloads()
    clock.passes(hours=1)
    site.publishes("/feed", rss(MORE, NEWS))
    room.polls()
    room.delivers()
    assert room.reasons()[MORE[0]] == "JOINS_STORY"
    assert len(sink.received) == 1
    room.restarts()
    room.polls()
    assert len(room.told()) == 1


def test_a_topic_renamed_in_the_middle_of_a_poll_is_filed_under_its_name_of_now(
    room: Newsroom, site: Site, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll was assessed for the old name, under which nothing was told."""
    clock.passes(hours=1)
    site.publishes("/feed", rss(MORE))
    wanted = pipeline.pages_wanted

    async def slowly(*arguments: object, **more: object) -> object:
        await asyncio.to_thread(renames, room, "bridge", "span")
        return await wanted(*arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "pages_wanted", slowly)
    room.polls()
    assert room.reasons()[MORE[0]] == "JOINS_STORY"
    assert {row.topic for row in room.rows(MatchRow)} == {"span"}
    assert len(room.told()) == 1


def test_a_topic_gets_its_first_name_back(room: Newsroom) -> None:
    rows = [(row.id, row.key) for row in room.rows(AlertRow)]
    renames(room, "bridge", "span")
    renames(room, "span", "crossing")
    renames(room, "crossing", "bridge")
    room.reloads()
    assert in_force(room) == ["bridge", "choir"]
    assert [(row.id, row.key) for row in room.rows(AlertRow)] == rows
    with room.app.db.reading() as session:
        assert topics.renamed(session) == {"span": "bridge", "crossing": "bridge"}


@pytest.mark.parametrize("name", ["choir", ".hidden", "_draft", "a/b", "", "README", "x~"])
def test_a_name_that_is_taken_or_would_not_be_read_is_refused(room: Newsroom, name: str) -> None:
    with pytest.raises(TopicFolderError):
        renames(room, "bridge", name)
    assert (seeds(room) / "bridge" / "seed0.txt").exists()
    room.reloads()
    assert in_force(room) == ["bridge", "choir"]


@pytest.mark.parametrize("fault", [OSError, KeyboardInterrupt])
def test_a_rename_that_fails_leaves_the_folder_where_it_was(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch, fault: type[BaseException]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(topics, "rename", fails)
    with pytest.raises(fault):
        renames(room, "bridge", "span")
    assert (seeds(room) / "bridge" / "seed0.txt").exists()
    assert not (seeds(room) / "span").exists()


def test_a_new_topic_may_take_a_name_that_was_given_up(room: Newsroom, site: Site, clock: SetClock) -> None:
    renames(room, "bridge", "span")
    room.reloads()
    room.follows("bridge", SEED.replace("spring", "winter"))
    room.reloads()
    assert in_force(room) == ["bridge", "choir", "span"]
    clock.passes(hours=1)
    site.publishes("/feed", rss(MORE))
    room.polls()
    assert {row.topic for row in room.rows(MatchRow)} == {"bridge", "span"}


# --- remove -------------------------------------------------------------------------------------------------------------


def test_a_removed_topic_ends_at_once_and_keeps_what_it_found(room: Newsroom, clock: SetClock) -> None:
    place = topic_life.remove(room.app.db, seeds(room), "bridge", now=clock())
    assert place == seeds(room) / ".removed" / "bridge-2021-10-20"
    assert (place / "seed0.txt").exists()
    assert room.reloads()
    assert in_force(room) == ["choir"]
    assert room.app.topic_keeper.remarks == []
    assert len(room.rows(MatchRow)) == 1
    room.restarts()
    assert in_force(room) == ["choir"]
    with pytest.raises(TopicFolderError, match="there is, or was"):
        renames(room, "choir", "bridge")


def test_the_last_topic_ends_by_command_and_the_next_of_its_name_is_set_aside_beside_it(
    room: Newsroom, clock: SetClock
) -> None:
    for name in ("choir", "bridge"):
        topic_life.remove(room.app.db, seeds(room), name, now=clock())
    room.reloads()
    assert in_force(room) == []
    room.follows("bridge", SEED.replace("spring", "winter"))
    room.reloads()
    assert in_force(room) == ["bridge"]
    place = topic_life.remove(room.app.db, seeds(room), "bridge", now=clock())
    assert place is not None
    assert place.name == "bridge-2021-10-20-2"


def test_a_topic_that_cannot_be_brought_back_stays_set_aside_and_can_be_later(
    room: Newsroom, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def brings_back(folder: str) -> str:
        return topic_life.bring_back(room.app.db, seeds(room), folder, reassess_since_at=None, now=clock())

    def fails(*_: object, **__: object) -> None:
        raise StoreError("gone for a moment")

    place = topic_life.remove(room.app.db, seeds(room), "bridge", now=clock())
    assert place is not None
    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(topics, "sync", fails)
        brings_back(place.name)
    assert (place / "seed0.txt").exists()
    room.reloads()
    assert in_force(room) == ["choir"]
    assert brings_back(place.name) == "bridge"
    room.reloads()
    assert in_force(room) == ["bridge", "choir"]
