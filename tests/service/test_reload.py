"""A verdict or a seed counts within a second, and what is made anew in part is what would be made anew in whole."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.learning.training import build_matcher, rebuild_matcher
from monitor.review import matches
from monitor.service import app
from monitor.service.daemon import _RELOAD_SECONDS
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.topics import TopicRow
from monitor.topics import seeds
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

LATER = (
    "Ida Marsh on the cracks",
    "Ida Marsh, county engineer, told the council of cracks in the old bridge at Weir Landing.",
)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock) -> Iterator[Newsroom]:
    """Two topics, one of them matched."""
    with Site() as site, Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.follows("choir", "\n\n".join(MISS))
        room.reads("herald", site.url("/feed"), first_poll="all")
        site.publishes("/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1])))
        room.polls()
        yield room


def scores(room: Newsroom) -> list[tuple[str, float, float]]:
    assert room.app.tracker is not None
    return [
        (each.topic, round(each.score, 9), round(each.threshold, 9))
        for article in (HIT, MISS, LATER)
        for each in room.app.tracker.matcher.score(*article, "en")
    ]


def made_anew(room: Newsroom) -> list[tuple[str, float, float]]:
    with room.app.db.reading() as session:
        matcher = build_matcher(session, room.app.loaded.topics)
    return [
        (each.topic, round(each.score, 9), round(each.threshold, 9))
        for article in (HIT, MISS, LATER)
        for each in matcher.score(*article, "en")
    ]


def judges(room: Newsroom, *, is_relevant: bool) -> None:
    with room.app.db.writing() as session:
        assert matches.judge(session, 1, is_relevant=is_relevant, by="me", now=room.clock())


def test_after_a_verdict_only_its_topic_is_made_anew_and_scores_as_all_made_anew(room: Newsroom) -> None:
    before = scores(room)
    assert room.app.tracker is not None
    choir = room.app.tracker.matcher.model("choir").version
    judges(room, is_relevant=False)
    assert room.reloads()
    assert scores(room) == made_anew(room) != before
    assert room.app.tracker.matcher.model("choir").version == choir
    assert not room.reloads(), "nothing more to learn"
    judges(room, is_relevant=True)  # at the same moment by the clock
    assert room.reloads()
    assert scores(room) == made_anew(room)


def test_a_topic_that_another_process_changed_is_live_whatever_was_built_meanwhile(room: Newsroom) -> None:
    """The models are built from the topics as they were read, and the store knows of newer ones already."""
    before = scores(room)
    room.follows("choir", SEED, toml='sensitivity = "broad"')
    with Newsroom(room.folder, room.clock) as other:
        other.app.close()
    asyncio.run(room.app.renew_models())
    assert scores(room) == before
    assert room.reloads()
    assert scores(room) == made_anew(room) != before


def test_topics_that_come_change_go_and_come_back_are_live(room: Newsroom) -> None:
    room.follows("weir", "\n\n".join(LATER))
    assert room.reloads()
    assert {name for name, _, _ in scores(room)} == {"bridge", "choir", "weir"}
    assert scores(room) == made_anew(room)
    room.follows("weir", SEED, toml='sensitivity = "broad"')
    assert room.reloads()
    assert scores(room) == made_anew(room)
    away = room.folder / "away"
    shutil.move(room.folder / "seeds" / "weir", away)
    room.reloads()
    room.clock.passes(hours=1)
    assert room.reloads()
    assert {name for name, _, _ in scores(room)} == {"bridge", "choir"}
    assert {row.name: row.is_enabled for row in room.rows(TopicRow)}["weir"] is False
    shutil.move(away, room.folder / "seeds" / "weir")
    assert room.reloads()
    assert scores(room) == made_anew(room)
    (room.folder / "seeds" / "weir" / "topic.toml").write_text("enabled = false")
    assert room.reloads()
    assert {name for name, _, _ in scores(room)} == {"bridge", "choir"}
    (room.folder / "seeds" / "weir" / "topic.toml").unlink()
    assert room.reloads()
    assert scores(room) == made_anew(room)


def test_a_topic_in_a_new_language_is_live(room: Newsroom) -> None:
    room.follows("bridge", "Старый мост у Плотины снесут, решил окружной совет. Инженеры нашли трещины в опорах моста.")
    assert room.reloads()
    assert scores(room) == made_anew(room)
    assert room.app.tracker is not None
    found = {
        each.topic: each for each in room.app.tracker.matcher.score("Мост", "Трещины в опорах моста у Плотины", "ru")
    }
    assert found["bridge"].score > 0.3


def test_among_many_topics_a_verdict_and_a_seed_make_one_anew(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """So it takes a part of a second also among hundreds: bench/waiting.py."""
    made: list[set[str]] = []
    monkeypatch.setattr(
        app,
        "rebuild_matcher",
        lambda session, wanted, before, stale: made.append(stale) or rebuild_matcher(session, wanted, before, stale),
    )
    for number in range(40):
        words = " ".join(f"word{number}x{at}" for at in range(60))
        room.follows(f"topic{number:03}", f"Topic {number}\n\nThe council spoke of {words} and of nothing else.")
    assert room.reloads()
    made.clear()
    for act in (lambda: judges(room, is_relevant=True), lambda: room.follows("choir", "\n\n".join(LATER))):
        act()
        assert room.reloads()
    assert made == [{"bridge"}, {"choir"}]
    assert _RELOAD_SECONDS <= 0.5


def test_a_folder_in_which_nothing_changed_is_not_read_twice(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    topic = seeds._topic
    monkeypatch.setattr(seeds, "_topic", lambda folder, *rest: read.append(folder.name) or topic(folder, *rest))
    room.follows("choir", SEED)
    assert room.reloads()
    assert read == ["choir"]
    (room.folder / "seeds" / "choir" / "topic.toml").write_text("title = ")
    for _ in range(2):
        (room.folder / "seeds" / "bridge" / "more.txt").write_text(f"{SEED} {time.monotonic_ns()}")
        assert room.reloads()
        assert any("not TOML" in each for each in room.app.loaded.faults), "faults of folders left alone stay known"


def test_a_verdict_while_the_model_is_made_is_not_lost(room: Newsroom) -> None:
    """The mark of the last verdict is read before the verdicts are: who comes between is learned twice rather than never."""

    async def both() -> bool:
        first = asyncio.create_task(room.app.reload_topics(now=room.clock()))
        await asyncio.sleep(0)
        await room.app.db.write(matches.judge, 1, is_relevant=False, by="me", now=room.clock() + timedelta(seconds=1))
        await first
        return await room.app.reload_topics(now=room.clock())

    judges(room, is_relevant=True)
    room._loop.run(both())
    room.reloads()
    assert scores(room) == made_anew(room)
    assert len(room.rows(MatchRow)) == 1
