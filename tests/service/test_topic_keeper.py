"""Topics outlive a seeds folder that is away, empty or broken: nothing that arrives meanwhile is lost, and it is said once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.review import topics as topic_life
from monitor.store.tables.topics import TopicRow, TopicVersionRow
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

NEWS = (HIT[0], "https://n.example/1", "g1", HIT[1])
CHOIR = "\n\n".join(MISS)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, store_url: str) -> Iterator[Newsroom]:
    """Two topics, one feed."""
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        room.follows("bridge", SEED, SEED.replace("spring", "winter"), toml='title = "The old bridge"')
        room.follows("choir", CHOIR)
        room.reads("herald", site.url("/feed"), first_poll="all")
        assert room.app.loaded.topics
        yield room


@pytest.fixture
def alone(tmp_path: Path, clock: SetClock, site: Site) -> Iterator[Newsroom]:
    """The same on SQLite, where the folder defines the topics."""
    with Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.follows("choir", CHOIR)
        room.reads("herald", site.url("/feed"), first_poll="all")
        assert room.app.loaded.topics
        yield room


def in_force(room: Newsroom) -> list[str]:
    return [each.name for each in room.app.loaded.topics if each.is_enabled]


def versions(room: Newsroom) -> dict[str, int]:
    return {row.name: row.version for row in room.rows(TopicRow)}


def said(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


def goes_away(room: Newsroom) -> None:
    shutil.move(room.folder / "seeds", room.folder / "seeds-away")


def comes_back(room: Newsroom) -> None:
    shutil.move(room.folder / "seeds-away", room.folder / "seeds")


def is_emptied(room: Newsroom) -> None:
    shutil.copytree(room.folder / "seeds", room.folder / "copy")
    for file in (room.folder / "seeds").rglob("*.*"):
        file.write_text("")


def is_refilled(room: Newsroom) -> None:
    shutil.copytree(room.folder / "copy", room.folder / "seeds", dirs_exist_ok=True)


def is_cleared(room: Newsroom) -> None:
    goes_away(room)
    (room.folder / "seeds").mkdir()


def is_put_back(room: Newsroom) -> None:
    (room.folder / "seeds").rmdir()
    comes_back(room)


def one_goes(room: Newsroom) -> None:
    shutil.move(room.folder / "seeds" / "bridge", room.folder / "bridge")


def one_returns(room: Newsroom) -> None:
    shutil.move(room.folder / "bridge", room.folder / "seeds" / "bridge")


def breaks(room: Newsroom) -> None:
    (room.folder / "seeds" / "bridge" / "topic.toml").write_text("title = ")


def is_mended(room: Newsroom) -> None:
    (room.folder / "seeds" / "bridge" / "topic.toml").write_text('title = "The old bridge"')


def half_is_emptied(room: Newsroom) -> None:
    (room.folder / "seeds" / "bridge" / "seed1.txt").write_text("")


def half_is_refilled(room: Newsroom) -> None:
    (room.folder / "seeds" / "bridge" / "seed1.txt").write_text(SEED.replace("spring", "winter"))


def toml_is_emptied(room: Newsroom) -> None:
    (room.folder / "seeds" / "bridge" / "topic.toml").write_text("")


MISHAPS = {
    "the folder goes away": (goes_away, comes_back, "the seeds cannot be used", "the folder can be used again"),
    "the folder is empty": (is_cleared, is_put_back, "the seeds cannot be used", "the folder can be used again"),
    "its files are emptied": (is_emptied, is_refilled, "the seeds cannot be used", "the folder can be used again"),
    "one topic's folder goes away": (one_goes, one_returns, "bridge: ", "bridge: read from its folder again"),
    "topic.toml breaks": (breaks, is_mended, "bridge: stays in force", "bridge: read from its folder again"),
    "one seed is emptied": (
        half_is_emptied,
        half_is_refilled,
        "bridge: stays in force",
        "bridge: read from its folder again",
    ),
    "topic.toml is emptied": (
        toml_is_emptied,
        is_mended,
        "bridge: stays in force",
        "bridge: read from its folder again",
    ),
}


@pytest.mark.parametrize("mishap", MISHAPS)
def test_what_arrives_while_seeds_are_away_is_told_and_it_is_said_once(
    room: Newsroom, site: Site, clock: SetClock, caplog: pytest.LogCaptureFixture, mishap: str
) -> None:
    goes, comes, says, over = MISHAPS[mishap]
    before = versions(room)
    goes(room)
    assert room.reloads()
    site.publishes("/feed", rss(NEWS))
    room.polls()
    assert room.reasons() == {HIT[0]: "ALERTED"}
    assert in_force(room) == ["bridge", "choir"]
    clock.passes(seconds=6)
    assert not room.reloads()
    assert said(caplog, says) == 1
    assert len(room.app.topic_keeper.remarks) == 1
    caplog.clear()
    comes(room)
    assert room.reloads()
    assert not room.reloads()
    assert said(caplog, over) == 1
    assert room.app.topic_keeper.remarks == []
    assert versions(room) == before
    assert "seeds" not in " ".join(room.told()), "six seconds are no matter for a notice"


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_start_without_seeds_takes_the_topics_from_the_store(
    room: Newsroom, site: Site, caplog: pytest.LogCaptureFixture, mishap: str
) -> None:
    goes, _, says, _ = MISHAPS[mishap]
    before = room.app.loaded.topics, versions(room)
    goes(room)
    room.restarts()
    caplog.clear()
    assert (room.app.loaded.topics, versions(room)) == before
    assert said(caplog, says) == 1
    site.publishes("/feed", rss(NEWS))
    room.polls()
    assert room.reasons() == {HIT[0]: "ALERTED"}


def test_what_lasts_for_a_minute_is_noticed_once_and_its_end_once(room: Newsroom, clock: SetClock) -> None:
    goes_away(room)
    for _ in range(5):
        clock.passes(seconds=30)
        room.reloads()
    assert room.told() == ["All topics stay as last read: the seeds cannot be used"]
    comes_back(room)
    for _ in range(5):
        clock.passes(seconds=30)
        room.reloads()
    assert sorted(room.told())[1:] == ["The seeds can be used again"]


def test_what_is_said_of_a_topic_is_what_is_so_now(
    alone: Newsroom, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that was away comes back broken."""
    folder = alone.folder / "seeds" / "choir"
    shutil.move(folder, alone.folder / "away")
    alone.reloads()
    assert "its folder is away" in alone.app.topic_keeper.remarks[0]
    (alone.folder / "away" / "topic.toml").write_text("title = ")
    shutil.move(alone.folder / "away", folder)
    clock.passes(minutes=2)
    alone.reloads()
    (remark,) = alone.app.topic_keeper.remarks
    assert "its folder is broken" in remark
    assert said(caplog, "choir: stays in force as last read") == 1
    alone.reloads()
    assert said(caplog, "choir: stays in force as last read") == 1
    (folder / "topic.toml").unlink()
    alone.reloads()
    assert alone.app.topic_keeper.remarks == []


def test_a_new_topic_and_a_change_count_while_another_folder_is_away(alone: Newsroom) -> None:
    one_goes(alone)
    alone.follows("weir", SEED)
    alone.follows("choir", CHOIR + "\n\nThe choir sang again on Monday in the hall of the capital, and won again.")
    assert alone.reloads()
    assert in_force(alone) == ["bridge", "choir", "weir"]
    assert versions(alone)["choir"] == 2


# --- SQLite: away for an hour ------------------------------------------------------------------------------------------


def test_a_folder_away_for_an_hour_ends_its_topic_also_over_restarts(alone: Newsroom, clock: SetClock) -> None:
    one_goes(alone)
    alone.reloads()
    clock.passes(minutes=40)
    alone.restarts()
    assert in_force(alone) == ["bridge", "choir"]
    clock.passes(minutes=19)
    assert not alone.reloads()
    clock.passes(minutes=1)
    assert alone.reloads(), "nothing changed in the folder: the time is up"
    assert in_force(alone) == ["choir"]
    assert alone.told().count("The topic bridge was removed") == 1
    assert not alone.reloads()
    alone.restarts()
    assert in_force(alone) == ["choir"]
    one_returns(alone)
    assert alone.reloads()
    assert in_force(alone) == ["bridge", "choir"]
    assert versions(alone)["bridge"] == 1


def test_the_whole_folder_may_be_away_for_days(alone: Newsroom, clock: SetClock) -> None:
    one_goes(alone)
    alone.reloads()
    clock.passes(minutes=50)
    goes_away(alone)
    alone.reloads()
    clock.passes(days=3)
    assert in_force(alone) == ["bridge", "choir"]
    comes_back(alone)
    alone.reloads()
    assert in_force(alone) == ["bridge", "choir"], "the hour begins anew: only now the others are there"
    clock.passes(hours=1)
    assert alone.reloads()
    assert in_force(alone) == ["choir"]


# --- PostgreSQL: several nodes ----------------------------------------------------------------------------------------


@pytest.fixture
def nodes(tmp_path: Path, clock: SetClock, postgres_url: str) -> Iterator[tuple[Newsroom, Newsroom]]:
    """Two nodes on one store, each with a folder of its own."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        Newsroom(tmp_path / "one", clock, store_url=postgres_url) as one,
        Newsroom(tmp_path / "two", clock, store_url=postgres_url) as two,
    ):
        for node in (one, two):
            node.follows("bridge", SEED)
            node.follows("choir", CHOIR)
            assert node.app.loaded.topics
        yield one, two


def settle(*nodes: Newsroom) -> None:
    """Let every node look until none has anything to do."""
    for _ in range(10):
        busy = [node.reloads() for node in nodes]
        if not any(busy):
            return
    raise AssertionError("the nodes never agree")


def test_a_node_without_a_topic_takes_it_from_the_store(
    nodes: tuple[Newsroom, Newsroom], clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = nodes
    shutil.rmtree(two.folder / "seeds" / "choir")
    settle(one, two)
    two.restarts()
    clock.passes(hours=30)
    settle(one, two)
    assert two.app.loaded.topics == one.app.loaded.topics
    assert said(caplog, "choir: not in this node's folder: taken from the store") == 2, "once a start"
    assert two.told() == []


def test_the_newest_change_is_in_force_on_every_node(
    nodes: tuple[Newsroom, Newsroom], caplog: pytest.LogCaptureFixture
) -> None:
    one, two = nodes
    one.follows("bridge", SEED.replace("spring", "winter"))
    settle(one, two)
    assert versions(one)["bridge"] == 2
    assert two.app.loaded.topics == one.app.loaded.topics
    assert said(caplog, "bridge: this node's folder holds an earlier version: version 2") == 1
    two.restarts()
    settle(one, two)
    assert versions(one)["bridge"] == 2, "a start with an older folder changes nothing"
    two.follows("bridge", SEED.replace("spring", "Easter"))
    settle(one, two)
    assert versions(one)["bridge"] == 3
    assert two.app.loaded.topics == one.app.loaded.topics
    (two.folder / "seeds" / "bridge" / "seed1.txt").unlink()
    settle(one, two)
    assert versions(one)["bridge"] == 4, "a folder that is changed back while its node runs counts as a change"
    assert {len(row.seeds) for row in one.rows(TopicVersionRow) if (row.topic, row.number) == ("bridge", 4)} == {1}


def test_a_topic_that_ended_stays_ended_until_somebody_uses_a_folder(
    nodes: tuple[Newsroom, Newsroom], clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = nodes
    topic_life.remove(one.app.db, one.folder / "seeds", "bridge", now=clock())
    settle(one, two)
    two.restarts()
    settle(one, two)
    assert in_force(one) == in_force(two) == ["choir"]
    assert said(caplog, "bridge: was removed: this node's folder of it is not used") == 2
    topic_life.use_folder(two.app.db, two.folder / "seeds", "bridge", now=clock())
    settle(one, two)
    assert in_force(one) == in_force(two) == ["bridge", "choir"]


def test_an_earlier_version_comes_into_force_by_command(nodes: tuple[Newsroom, Newsroom], clock: SetClock) -> None:
    one, two = nodes
    one.follows("bridge", SEED.replace("spring", "winter"))
    settle(one, two)
    topic_life.use_folder(two.app.db, two.folder / "seeds", "bridge", now=clock())
    settle(one, two)
    assert versions(one)["bridge"] == 3
    assert one.app.loaded.topics == two.app.loaded.topics
    assert len(one.app.loaded.topics[0].seeds) == 1


def test_a_renamed_topic_is_renamed_on_every_node(
    nodes: tuple[Newsroom, Newsroom], clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = nodes
    topic_life.rename(one.app.db, one.folder / "seeds", "bridge", "span", now=clock())
    settle(one, two)
    assert in_force(one) == in_force(two) == ["choir", "span"]
    assert versions(one)["span"] == 1
    assert said(caplog, "bridge: was renamed span") == 1
