"""Many write at once: they share a transaction, and none is answered for another's fault, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import threading

import pytest
from sqlalchemy import event, text

from monitor.store.db import Database, Session


def take(session: Session, name: str) -> str:
    session.connection().execute(
        text("INSERT INTO hosts (host, paused_until_at, refusals) VALUES (:name, :at, 0)"),
        {"name": name, "at": "2026-11-14 12:00:00"},
    )
    return name


def fails(session: Session, name: str) -> str:
    take(session, name)
    raise LookupError(name)


def hosts(db: Database) -> list[str]:
    with db.reading() as session:
        return sorted(session.connection().execute(text("SELECT host FROM hosts")).scalars())


_TURNS = 5
"""Of the event loop, until every job waits or was given up."""


class Busy:
    """The writing thread is kept busy until all jobs wait; commits are counted."""

    def __init__(self, db: Database) -> None:
        self._db, self._may_end, self.commits = db, threading.Event(), 0
        event.listen(db.engine, "commit", self._count)

    def _count(self, _connection: object) -> None:
        self.commits += 1

    async def meanwhile(self, *jobs: object) -> list[object]:
        held = asyncio.create_task(self._db.write(lambda _session: self._may_end.wait()))
        await asyncio.sleep(0)
        waiting = [asyncio.create_task(each) for each in jobs]  # type: ignore[arg-type]
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        self._may_end.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        await held
        return list(answers)


def test_those_that_wait_are_written_by_one_commit(db: Database) -> None:
    busy = Busy(db)
    names = [f"{number}.example" for number in range(20)]
    answers = asyncio.run(busy.meanwhile(*(db.write_together(take, each) for each in names)))
    assert (answers, hosts(db)) == (names, sorted(names))
    assert busy.commits == 1


def test_who_fails_fails_alone(db: Database) -> None:
    busy = Busy(db)
    answers = asyncio.run(
        busy.meanwhile(
            db.write_together(take, "a"),
            db.write_together(fails, "b"),
            db.write_together(take, "c"),
            db.write(take, "d"),
        )
    )
    assert (answers[0], answers[2], answers[3]) == ("a", "c", "d")
    assert isinstance(answers[1], LookupError)
    assert answers[1].__context__ is None, "it is told as it would be alone"
    assert hosts(db) == ["a", "c", "d"]


def test_one_that_is_given_up_before_its_turn_is_not_written(db: Database) -> None:
    async def given_up() -> None:
        task = asyncio.create_task(db.write_together(take, "a"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(Busy(db).meanwhile(given_up(), db.write_together(take, "b")))
    assert hosts(db) == ["b"]
