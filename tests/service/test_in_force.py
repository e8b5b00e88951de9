"""The start of a daemon applies its file, and what differs is one line: the real daemon, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.store import settings
from monitor.store.db import Database
from tests.fakes.patience import soon
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.service.test_daemon import Daemon, news

SIXTY = [f"feed{number:02}" for number in range(60)]
NAMED = "60 feeds (feed00, feed01, feed02, feed03, feed04 and 55 more)"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.publishes("/own", rss())
        for name in SIXTY:
            site.publishes(f"/{name}", rss())
        yield site


@pytest.fixture
def node(tmp_path: Path, store_url: str) -> Iterator[Callable[..., Daemon]]:
    """Make a daemon on the one store, with a folder and a settings file of its own."""
    made: list[Daemon] = []

    def make(name: str, feeds: dict[str, str], sink: Sink | None) -> Daemon:
        (tmp_path / name).mkdir()
        made.append(Daemon(tmp_path / name, feeds, sink, store=store_url))
        return made[-1]

    yield make
    for each in made:
        if each.process and each.process.poll() is None:
            each.is_killed()


def on(store_url: str) -> set[str]:
    db = Database(store_url)
    with db.reading() as session:
        found = {each.name for each in settings.rows(session) if each.is_on}
    db.close()
    return found


def runs(daemon: Daemon) -> None:
    daemon.starts()
    soon(lambda: daemon.health()[0] == 200)


def test_a_node_with_other_settings_starts(node: Callable[..., Daemon], store_url: str, site: Site, sink: Sink) -> None:
    first = node("first", {name: site.url(f"/{name}") for name in SIXTY}, sink)
    runs(first)
    assert first.said().count(f"settings applied: adds: {NAMED}; adds: channel desk") == 1
    assert "differ" not in first.said()
    assert first.ends() == 0
    other = node("other", {"own": site.url("/own")}, None)
    runs(other)
    assert other.ends() == 0
    if "sqlite" in store_url:
        assert on(store_url) == {"own"}
        line = f"settings applied: adds: feed own; switches off: {NAMED}; switches off: channel desk"
        assert other.said().count(line) == 1
    else:
        assert on(store_url) == {*SIXTY, "own", "desk"}
        assert other.said().count("settings applied: adds: feed own\n") == 1
        line = f"these settings differ from what is in force: on, but not in these settings: {NAMED}; "
        assert other.said().count(line) == 1


def test_what_a_node_without_the_channel_finds_is_told_by_one_that_has_it(
    postgres_url: str, tmp_path: Path, site: Site, sink: Sink
) -> None:
    has = Daemon(folder(tmp_path, "has"), {"own": site.url("/own")}, sink, store=postgres_url)
    has_not = Daemon(folder(tmp_path, "has-not"), {"own": site.url("/own")}, None, store=postgres_url)
    try:
        runs(has)
        assert has.ends() == 0
        runs(has_not)
        site.publishes("/own", news(1))
        soon(lambda: "matches=1" in has_not.said())
        assert has_not.ends() == 0
        assert not sink.received
        runs(has)
        soon(lambda: sink.received)
        assert has.ends() == 0
    finally:
        for each in (has, has_not):
            if each.process and each.process.poll() is None:
                each.is_killed()


def folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name
