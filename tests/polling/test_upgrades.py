"""Stores of every earlier migration come over: what they told is not told again, what waited goes out, and news is told."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import migrate
from monitor.store.db import Database
from tests.conftest import NOON, SetClock
from tests.fakes.earlier import REVISIONS, carry_back
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom
from tests.polling.test_filing import BOTH, BRIDGE, CHOIR, story_of_its_own

TEA = (
    "Tea is drunk hot in the mountains, and with milk in the plains, as a survey of forty villages has found this year."
)
BEFORE = (
    "Marrow bridge closed last week",
    "https://herald.example/0",
    "h0",
    story_of_its_own(2),
    NOON - timedelta(days=1),
)
TOLD = (
    (
        "Marrow bridge closed to lorries",
        "https://herald.example/1",
        "h1",
        story_of_its_own(3),
        NOON + timedelta(minutes=20),
    ),
    ("Bridge closed, choir sings", "https://herald.example/2", "h2", BOTH, NOON + timedelta(minutes=21)),
    ("Tea in the mountains", "https://herald.example/3", "h3", TEA, NOON + timedelta(minutes=22)),
)
CORRECTED = (*TOLD[1][:3], BOTH.replace("eleven weeks", "twenty weeks"), TOLD[1][4])
WAITS = ("Divers go down again", "https://herald.example/4", "h4", story_of_its_own(5), NOON + timedelta(minutes=50))
COPY = ("A wire report", "https://courier.example/1", "c1", TOLD[0][3], NOON + timedelta(minutes=30))
NEWS = ("News after the upgrade", "https://herald.example/5", "h5", story_of_its_own(7), NOON + timedelta(minutes=80))
ELSEWHERE = ("Elsewhere", "https://courier.example/0", "c0", CHOIR, NOON - timedelta(days=2))
ON_POSTGRESQL = ("0001", "0008", "0012")


@dataclass(frozen=True)
class Today:
    """A store as today's program wrote it, and the world around it."""

    folder: Path
    site: Site
    sink: Sink
    at: datetime
    sent: frozenset[str | None]


def room_in(folder: Path, clock: SetClock, site: Site, sink: Sink, *, store_url: str | None = None) -> Newsroom:
    room = Newsroom(folder, clock, store_url=store_url)
    room.follows("bridge", f"Marrow bridge\n\n{BRIDGE}")
    room.follows("choir", f"Choir of Saint Anne\n\n{CHOIR}")
    for name in ("herald", "courier"):
        room.reads(name, site.url(f"/{name}"))
    room.tells("desk", sink.url)
    return room


def publishes(site: Site, *items: tuple[object, ...]) -> None:
    site.publishes("/herald", rss(*items, title="The Herald"))  # type: ignore[arg-type]
    site.publishes("/courier", rss(COPY, ELSEWHERE, title="The Courier"))


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Today]:
    """News of each kind: a baseline, two stories told, one of them on two topics and told again as corrected, a copy, an article
    on no topic; and an alert that waits for a receiver that is down."""
    folder, clock = tmp_path_factory.mktemp("today"), SetClock()
    with Site() as site, Sink() as sink, room_in(folder, clock, site, sink) as room:
        site.publishes("/courier", rss(ELSEWHERE, title="The Courier"))
        site.publishes("/herald", rss(BEFORE, title="The Herald"))
        room.polls()
        clock.passes(minutes=30)
        site.publishes("/herald", rss(*TOLD, BEFORE, title="The Herald"))
        room.polls()
        room.delivers()
        clock.passes(minutes=30)
        publishes(site, CORRECTED, TOLD[0], TOLD[2], BEFORE)
        room.polls()
        room.delivers()
        assert sorted(room.told()) == sorted([TOLD[0][0], TOLD[1][0], TOLD[1][0]])
        sent = frozenset(sink.ids)
        publishes(site, WAITS, CORRECTED, TOLD[0], TOLD[2], BEFORE)
        clock.passes(minutes=30)
        room.polls()
        assert WAITS[0] in room.told()
        assert set(room.reasons().values()) >= {"FIRST_POLL", "ALERTED", "COPY", "NO_MATCH"}
        room.restarts()
        yield Today(folder, site, sink, clock(), sent)


def store_of(today: Today, url: str, revision: str) -> None:
    """The store of `today` as it was at a migration, brought up to date."""
    written, earlier = Database(f"sqlite:///{today.folder / 'monitor.db'}"), Database(url)
    carry_back(written, earlier, revision)
    assert migrate.current(earlier) == revision
    assert migrate.upgrade(earlier) is (revision != migrate.head())
    written.close()
    earlier.close()


def comes_over(today: Today, folder: Path, url: str, revision: str) -> list[str]:
    """The store of an earlier migration polls what it knew, delivers what waited, and then news. Returns what it told anew."""
    shutil.copytree(today.folder / "seeds", folder / "seeds")
    store_of(today, url, revision)
    clock, known = SetClock(today.at), len(today.sink.ids)
    with room_in(folder, clock, today.site, today.sink, store_url=url) as room:
        before = room.told()
        # The same document in another order, so that no validator and no hash of it says "unchanged".
        publishes(today.site, TOLD[2], BEFORE, CORRECTED, TOLD[0], WAITS)
        clock.passes(minutes=30)
        assert {each.outcome for each in room.polls()} <= {"ok", "not modified"}
        assert room.told() == before, "what was told is told again"
        room.delivers()
        sent = today.sink.ids[known:]
        assert len(sent) == 1, "what waited goes out once"
        assert not today.sent & set(sent)
        publishes(today.site, NEWS, TOLD[2], BEFORE, CORRECTED, TOLD[0], WAITS)
        clock.passes(minutes=30)
        room.polls()
        decided = [row.article_id for row in room.decisions(TOLD[0][0])]
        assert len(set(decided)) == 1
        return list((Counter(room.told()) - Counter(before)).elements())


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_store_of_an_earlier_migration_tells_nothing_again(
    today: Today, tmp_path: Path, sqlite_url: str, revision: str
) -> None:
    assert comes_over(today, tmp_path, sqlite_url, revision) == [NEWS[0]]


@pytest.mark.parametrize("revision", ON_POSTGRESQL)
def test_a_store_of_an_earlier_migration_on_postgresql_tells_nothing_again(
    today: Today, tmp_path: Path, postgres_url: str, revision: str
) -> None:
    assert comes_over(today, tmp_path, postgres_url, revision) == [NEWS[0]]
