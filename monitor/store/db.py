"""The one door to the database: transactions in, typed errors out. SQLite and PostgreSQL behind the same two verbs.

`reading()` and `writing()` give a session inside one transaction; `read` and `write` run a function of a session on a
thread of their own, so that the event loop never waits for a disk. Knows nothing of feeds or alerts.

SQLite loses concurrent updates under SQLAlchemy's defaults (deferred BEGIN, measured: 70,000 "database is locked" in five
seconds, with BEGIN IMMEDIATE none), and `synchronous=NORMAL` may forget the last commits on power loss: an outbox must not.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Select, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql import ClauseElement
from sqlmodel import Session as Session  # the one place from which other packages take it

from monitor.types.errors import StoreBusyError, StoreError, StoreFullError

P = ParamSpec("P")
R = TypeVar("R")
Transaction = Callable[[], AbstractContextManager[Session]]

BUSY_MS = 10_000
_CHUNK = 500
_POSTGRES_OPTIONS = "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"


class Database:
    """An engine with our rules on it. `url` as SQLAlchemy writes it: `sqlite:///data/monitor.db`, `postgresql+psycopg://...`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url)
        self._writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="store-read")

    @property
    def path(self) -> Path | None:
        """The database file, or None where there is none (PostgreSQL, memory)."""
        name = self.url.database
        return Path(name) if self.is_sqlite and name and name != ":memory:" else None

    @property
    def shown(self) -> str:
        """The address without its password, for people."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent snapshot."""
        with _explained(self.shown), Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction, committed at the end, rolled back on any error; on SQLite the only one of its time."""
        with (
            _explained(self.shown),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    async def read(self, job: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `job(session, ...)` in a reading transaction on a thread."""
        return await self._on(self._reader, self.reading, lambda session: job(session, *args, **kwargs))

    async def write(self, job: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `job(session, ...)` in a writing transaction on the one writing thread.

        A caller that is cancelled meanwhile does not undo it: the transaction ends by itself, whole.
        """
        return await self._on(self._writer, self.writing, lambda session: job(session, *args, **kwargs))

    async def _on(self, threads: ThreadPoolExecutor, transaction: Transaction, job: Callable[[Session], R]) -> R:
        def run() -> R:
            with transaction() as session:
                return job(session)

        return await asyncio.get_running_loop().run_in_executor(threads, run)

    def close(self) -> None:
        """Finish what is under way and let go of every connection."""
        self._writer.shutdown()
        self._reader.shutdown()
        self.engine.dispose()


class Prepared:
    """A statement as the driver takes it, put together once: for those of every article, of which SQLAlchemy's own way
    to the driver (each parameter looked at) costs more than the answer.

    `postgresql` says the same shorter there, where it can be said: in one parameter, and planned once. Of an insert `columns`
    are those that a caller gives; what the table says of the others goes with it.
    """

    def __init__(
        self, statement: ClauseElement, *, postgresql: ClauseElement | None = None, columns: Iterable[str] = ()
    ) -> None:
        self._statements = {"postgresql": statement if postgresql is None else postgresql}
        self._statement = statement
        self._columns = list(columns)
        self._ready: dict[str, _Ready] = {}

    def run(self, session: Session, asked: Mapping[str, object]) -> Sequence[Any]:
        """The rows for these parameters, named as in the statement, as the driver gives them; other names are left out."""
        connection = session.connection()
        ready = self._for(connection.dialect)
        if connection.dialect.name != "sqlite":
            return connection.exec_driver_sql(ready.sql, ready.given(asked)).all()
        return _on_sqlite(connection, ready.sql, ready.given(asked)).fetchall()

    def read(self, session: Session, asked: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The same with values of the columns' types: times as times. For a select of columns."""
        rows = self.run(session, asked)
        readers = self._for(session.get_bind().dialect).readers
        return [tuple(read(row[i]) if read else row[i] for i, read in enumerate(readers)) for row in rows]

    def write(self, session: Session, asked: Mapping[str, object]) -> int:
        """Write a row, or change what these parameters name; how many were."""
        connection = session.connection()
        ready = self._for(connection.dialect)
        if connection.dialect.name != "sqlite":
            return connection.exec_driver_sql(ready.sql, ready.given(asked)).rowcount
        return _on_sqlite(connection, ready.sql, ready.given(asked)).rowcount

    def _for(self, dialect: Dialect) -> _Ready:
        if dialect.name not in self._ready:
            statement = self._statements.get(dialect.name, self._statement)
            options: dict[str, Any] = {"column_keys": self._columns} if self._columns else {}
            compiled: Any = statement.compile(dialect=dialect, **options)
            binds = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
            processors = {name: of_type.bind_processor(dialect) for name, of_type in binds.items()}
            values = dict(compiled.params)
            for column in getattr(compiled, "insert_prefetch", ()):
                values[column.key] = column.default.arg if column.default.is_scalar else None
            self._ready[dialect.name] = _Ready(
                str(compiled),
                tuple(compiled.positiontup or ()),
                values,
                {name: process for name, process in processors.items() if process},
                _readers(statement, dialect),
            )
        return self._ready[dialect.name]


def _on_sqlite(connection: Connection, sql: str, given: Any) -> sqlite3.Cursor:
    """Past SQLAlchemy, which takes as long as SQLite itself; its transaction and its errors stay."""
    driver: Any = connection.connection.dbapi_connection
    try:
        found: sqlite3.Cursor = driver.execute(sql, given)
    except sqlite3.Error as error:
        raise DBAPIError.instance(sql, None, error, sqlite3.Error) from error
    return found


class _Ready(NamedTuple):
    sql: str
    order: tuple[str, ...]
    values: dict[str, Any]
    processors: dict[str, Callable[[Any], Any]]
    readers: tuple[Callable[[Any], Any] | None, ...]

    def given(self, asked: Mapping[str, object]) -> Any:
        """The parameters as the driver takes them: by place or by name."""
        values = {name: asked.get(name, value) for name, value in self.values.items()}
        for name, process in self.processors.items():
            values[name] = process(values[name])
        return tuple(map(values.__getitem__, self.order)) or values


def _readers(statement: ClauseElement, dialect: Dialect) -> tuple[Callable[[Any], Any] | None, ...]:
    """What makes the driver's values those of the columns' types."""
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    return tuple(column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)


def chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    """Slices of these ids, each short enough to be the parameters of one statement."""
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def serialize_decisions(session: Session) -> None:
    """Let one transaction at a time decide what is new. Two pollers that meet the same story then see one another's work.

    On SQLite a writing transaction is alone already. The lock ends with the transaction (session-level advisory locks break
    behind pgbouncer); a few milliseconds of work are held under it.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7226391)"))


def _sqlite_engine(url: str) -> Engine:
    in_memory = make_url(url).database in (None, "", ":memory:")
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 4, "max_overflow": 8}
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # no implicit BEGIN: ours says IMMEDIATE where it writes
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "cache_size=-32000",
        "journal_size_limit=67108864",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _postgres_engine(url: str) -> Engine:
    arguments = {"options": _POSTGRES_OPTIONS, "connect_timeout": 10, "tcp_user_timeout": 30_000}
    # NullPool-like behaviour behind pgbouncer is the operator's choice; pre-ping survives a restart of the server (K8).
    return create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=8, connect_args=arguments)


@contextmanager
def _explained(shown: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise _explain(error, shown) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {shown} cannot be used: {_first_line(error)}") from error


def _explain(error: DBAPIError, shown: str) -> StoreError:
    said = _first_line(error)
    if "malformed" in said or "not a database" in said:
        return StoreError(f"the store {shown} is damaged: {said}; restore a backup (see docs/operation.md)")
    if not isinstance(error, OperationalError):
        return StoreError(f"the store {shown} refused a statement: {said}")
    if "locked" in said or "busy" in said:
        return StoreBusyError(f"the store {shown} is held by another process: {said}; it is tried again")
    if "full" in said or "No space" in said:
        return StoreFullError(f"the disk of the store {shown} is full: {said}; free some space, work goes on by itself")
    if "readonly" in said or "unable to open" in said:
        return StoreError(f"the store {shown} cannot be written: {said}; check that the folder exists and who owns it")
    return StoreError(f"the store {shown} cannot be reached: {said}")


def _first_line(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
