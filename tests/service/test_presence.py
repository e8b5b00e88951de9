"""A daemon among the nodes: its beats, what it sees of the service, and what it tells; and the observer that /healthz asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from monitor.config.settings import FeedSettings, NodeSettings, Settings, StoreSettings
from monitor.service import observer
from monitor.service.app import App
from monitor.service.observer import BackgroundObserver, Observer
from monitor.service.presence import Presence
from monitor.store import nodes
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow
from monitor.types.condition import Code, failure
from monitor.types.errors import StoreBusyError, StoreError, StoreFullError
from tests.conftest import SetClock
from tests.fakes.patience import soon

LATE = failure(Code.LATE_FEEDS, "feeds", "feeds are late", "")


@pytest.fixture
def app(sqlite_db: Database, clock: SetClock, tmp_path: Path) -> Iterator[App]:
    url = sqlite_db.url.render_as_string(hide_password=False)
    made = App(Settings(store=StoreSettings(url=url), node=NodeSettings(name="basil")))
    clock.speed = 1.0
    made.clock = clock  # type: ignore[assignment]
    yield made
    made.close()


def beats(presence: Presence, *, is_disk_full: bool = False) -> list[str]:
    asyncio.run(presence.beat(is_disk_full=is_disk_full))
    return [each.code.value for each in presence.observer.latest()[0]]


def titles(app: App) -> list[str]:
    with app.db.reading() as session:
        return list(session.exec(select(AlertRow.title).order_by(col(AlertRow.created_at))))


def test_a_node_appears_beats_and_says_that_it_was_stopped(app: App, clock: SetClock) -> None:
    presence = Presence(app, clock)
    presence.end()
    presence.begin(is_alone=True)
    began_at = clock()
    clock.passes(seconds=15)
    assert "no_node" not in beats(presence)
    with app.db.reading() as session:
        (node,) = nodes.reports(session)
    assert (node.name, node.started_at, node.heartbeat_at, node.stopped_at) == ("basil", began_at, clock(), None)
    presence.end()
    with app.db.reading() as session:
        assert nodes.reports(session)[0].stopped_at == clock()


def test_a_node_that_is_alone_does_not_remember_the_killed_one(app: App, clock: SetClock) -> None:
    Presence(app, clock).begin(is_alone=True)
    app.settings = app.settings.model_copy(update={"node": NodeSettings(name="fern")})
    Presence(app, clock).begin(is_alone=False)
    Presence(app, clock).begin(is_alone=True)
    with app.db.reading() as session:
        assert [each.name for each in nodes.reports(session)] == ["fern"]


def test_without_a_name_it_is_host_and_process() -> None:
    app = App(Settings())
    assert Presence(app, app.clock)._name.rpartition("-")[2].isdigit()


def test_what_lasts_is_told_once_also_by_a_daemon_that_was_started_again(app: App, clock: SetClock) -> None:
    presence = Presence(app, clock)
    presence.begin(is_alone=True)
    for _ in range(20):
        assert "no_topics" in beats(presence)
        clock.passes(seconds=15)
    again = Presence(app, clock)
    again.begin(is_alone=True)
    for _ in range(20):
        beats(again)
        clock.passes(seconds=15)
    assert titles(app) == ["There is no topic"]


def test_d1_a_full_disk_is_told_once_and_once_that_it_has_room(app: App, clock: SetClock) -> None:
    presence = Presence(app, clock)
    presence.begin(is_alone=True)
    for is_full in (True, False):
        for _ in range(12):
            assert ("disk_full" in beats(presence, is_disk_full=is_full)) is is_full
            clock.passes(seconds=15)
    assert [each for each in titles(app) if "disk" in each] == [
        "The disk of the store is full",
        "The disk has room again",
    ]


def test_a_beat_that_cannot_be_written_is_an_error_of_that_tick_and_the_service_is_looked_at_all_the_same(
    app: App, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence = Presence(app, clock)
    presence.begin(is_alone=True)

    def is_busy(*args: object, **kwargs: object) -> None:
        raise StoreBusyError("the store is held by another process; it is tried again")

    monkeypatch.setattr(nodes, "beat", is_busy)
    clock.passes(minutes=20)
    with pytest.raises(StoreBusyError):
        beats(presence)
    found, age_for = presence.observer.latest()
    assert "no_node" in [each.code for each in found], "that is what others see of it"
    assert age_for == timedelta()


def test_nodes_with_other_feeds_have_other_digests_whatever_their_order() -> None:
    one, two = FeedSettings(url="https://a.example/"), FeedSettings(url="https://b.example/")
    digest = App(Settings(feeds={"one": one, "two": two})).settings_digest()
    assert App(Settings(feeds={"two": two, "one": one})).settings_digest() == digest
    assert App(Settings(feeds={"one": one})).settings_digest() != digest
    assert App(Settings(feeds={"one": two, "two": one})).settings_digest() != digest


# --- the last answer --------------------------------------------------------------------------------------------------


def test_an_answer_that_grows_old_is_a_problem_itself(clock: SetClock) -> None:
    kept = Observer(clock)
    assert [each.code for each in kept.latest()[0]] == ["stale"]
    kept.keep((LATE,))
    clock.passes(seconds=90)
    assert kept.latest() == ((LATE,), timedelta(seconds=90))
    clock.passes(seconds=1)
    found, _ = kept.latest()
    assert [each.code for each in found] == ["stale", "late_feeds"]
    assert "for 91 s" in found[0].says
    kept.keep(())
    assert kept.latest() == ((), timedelta())


@pytest.mark.parametrize(
    ("error", "code", "public"),
    [
        (StoreBusyError("the store /srv/m.db is held; it is tried again"), "store", "held by another program"),
        (StoreError("the store /srv/m.db is damaged: torn; restore a backup"), "store", "damaged"),
        (StoreError("the store /srv/m.db cannot be reached: no route"), "store", "cannot be used"),
        (StoreFullError("the disk of the store /srv/m.db is full; free some"), "disk_full", "full"),
    ],
)
def test_a_failure_of_the_store_is_a_problem_that_does_not_give_its_place_away(
    error: StoreError, code: str, public: str
) -> None:
    problem = observer.problem_of(error)
    assert problem.code == code
    assert public in problem.public
    assert "/srv" not in problem.public
    assert problem.is_outage


def test_a_store_that_cannot_be_read_is_the_one_problem(tmp_path: Path) -> None:
    path = tmp_path / "monitor.db"
    path.write_bytes(b"not a database at all, but a letter to the editor" * 100)
    db = Database(f"sqlite:///{path}")
    assert [each.code for each in observer.look(db, now=datetime.now(UTC))] == ["store"]
    db.close()


def test_a_look_that_crashes_is_followed_by_the_next(clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "EVERY_SECONDS", 0.01)
    looks, is_done = iter([(), None, (LATE,)]), threading.Event()

    def look() -> tuple[object, ...]:
        found = next(looks, "over")
        if found == "over":
            is_done.wait()
        if found is None:
            raise ZeroDivisionError
        return found  # type: ignore[return-value]

    kept = Observer(clock)
    background = BackgroundObserver(kept, look)  # type: ignore[arg-type]
    with background:
        soon(lambda: kept.latest()[0] == (LATE,))
        is_done.set()


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_store_whose_file_goes_away_under_the_daemon_is_said_and_told_once(
    app: App, clock: SetClock, is_replaced: bool
) -> None:
    """Work goes on in the file that was opened, and all of it ends with the process: nobody noticed before the next start."""
    presence = Presence(app, clock)
    presence.begin(is_alone=True)
    assert "store_gone" not in beats(presence)
    file = app.db.path
    assert file is not None
    away = file.rename(file.with_suffix(".away"))
    if is_replaced:
        file.write_bytes(away.read_bytes())
    for _ in range(12):
        clock.passes(seconds=15)
        assert beats(presence) == ["store_gone"]
        assert [each.code.value for each in observer.look(app.db, now=clock())] == ["store_gone"]
    assert titles(app) == ["The file of the store is gone"]
    away.replace(file)
    for _ in range(12):
        clock.passes(seconds=15)
        assert "store_gone" not in beats(presence)
    assert "The file of the store is back" in titles(app)
