"""The writing thread of a SQLite store keeps its connection, whose cache knows what was written last, until a fault."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from monitor.store import files
from monitor.store.db import Database, Session
from tests.store.test_together import fails, hosts, take


def driver_of(session: Session) -> object:
    return session.connection().connection.dbapi_connection


async def in_turn(db: Database) -> list[object]:
    """The connections of some writes, while the store is read, too."""
    return [(await db.write(driver_of), await db.read(driver_of))[0] for _ in range(4)]


def test_the_writer_keeps_its_connection_while_others_read(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    assert len(set(map(id, asyncio.run(in_turn(database))))) == 1
    database.close()


def test_after_a_fault_the_writer_begins_with_another_connection(sqlite_url: str) -> None:
    database = Database(sqlite_url)

    async def run() -> tuple[object, object, object]:
        before = await database.write(Session.get_bind)
        kept = await database.write(Session.get_bind)
        with pytest.raises(LookupError):
            await database.write(_fails_at_once)
        return before, kept, await database.write(Session.get_bind)

    before, kept, after = asyncio.run(run())
    assert before is kept
    assert after is not before, "whatever state a fault left it in"
    database.close()


def _fails_at_once(_session: Session) -> None:
    raise LookupError


def test_a_fault_undoes_its_own_transaction_and_no_other(db: Database) -> None:
    async def run() -> None:
        await db.write(take, "first.example")
        with pytest.raises(LookupError):
            await db.write(fails, "wrong.example")
        await db.write(take, "second.example")
        with pytest.raises(LookupError):
            await db.write_together(fails, "wrong.example")
        await db.write_together(take, "third.example")

    asyncio.run(run())
    assert hosts(db) == ["first.example", "second.example", "third.example"]


def test_a_writer_from_another_thread_waits_for_nobody(db: Database) -> None:
    asyncio.run(db.write(take, "first.example"))
    with db.writing() as session:  # what the writer keeps is no open transaction
        take(session, "second.example")
    assert hosts(db) == ["first.example", "second.example"]


def test_what_some_polls_commit_is_not_copied_into_the_store_at_once(sqlite_url: str) -> None:
    """Six megabytes: at SQLite's own limit of four all of them would be written twice."""
    database = Database(sqlite_url)
    assert database.path is not None
    for part in range(6):
        with database.writing() as session:
            session.connection().execute(text(f"CREATE TABLE part{part} AS SELECT zeroblob(1000000) AS bytes"))
    assert database.path.stat().st_size < 1_000_000
    assert files.wal_bytes(database.path) > 6_000_000
    database.close()
