"""PostgreSQL databases with our schema, for one test after another.

    databases = Databases(server)
    with databases.one() as url:
        ...

A database is emptied after a test and lent again, which takes a fraction of what making and dropping one takes; one whose schema a
test changed, and one that was lent often, is dropped.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from monitor.store import migrate
from monitor.store.db import Database
from tests.fakes.postgres import run, shown

_TEMPLATE = "template_monitor"
_USES = 40
"""After so many tests a database is made anew: what they deleted is still in its files."""
# Tables, indexes, columns and their types, and the version: what a test that migrates changes.
_SCHEMA = """
    SELECT md5(string_agg(concat_ws(' ', c.oid, c.relname, a.attname, a.atttypid), ',' ORDER BY c.oid, a.attnum))
        || (SELECT string_agg(version_num, ',') FROM alembic_version)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace
"""
_OTHERS_LEAVE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;  -- in any order, whatever refers to what
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %%I', name);
    END LOOP;
    PERFORM setval(format('%%I', sequencename)::regclass, start_value, false) FROM pg_sequences WHERE schemaname = 'public';
END $$
"""


@dataclass
class _Lent:
    url: str
    schema: str
    uses: int = 0


class Databases:
    """Lends them, each to one test at a time."""

    def __init__(self, server: URL) -> None:
        """Make the template on this server."""
        self._server = server
        self._numbers = itertools.count(1)
        self._free: list[_Lent] = []
        run(server, f"CREATE DATABASE {_TEMPLATE}")
        template = Database(shown(server.set(database=_TEMPLATE)))
        migrate.upgrade(template)
        template.close()

    @contextmanager
    def one(self) -> Iterator[str]:
        """The address of an empty database that nobody else uses."""
        lent = self._free.pop() if self._free else self._made()
        lent.uses += 1
        yield lent.url
        if lent.uses < _USES and _is_empty_again(lent):
            self._free.append(lent)
        else:
            run(self._server, f"DROP DATABASE {make_url(lent.url).database} WITH (FORCE)")

    def _made(self) -> _Lent:
        name = f"test_{next(self._numbers)}"
        run(self._server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        url = shown(self._server.set(database=name))
        with _connected(url) as connection:
            return _Lent(url, _schema(connection))


def _is_empty_again(lent: _Lent) -> bool:
    """Empty it; False where its schema is another than before, or is not to be seen."""
    with _connected(lent.url) as connection:
        connection.execute(text(_OTHERS_LEAVE))
        try:
            if _schema(connection) != lent.schema:
                return False
        except DBAPIError:
            return False
        connection.exec_driver_sql(_EMPTY)
    return True


def _schema(connection: Connection) -> str:
    return str(connection.execute(text(_SCHEMA)).scalar())


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
