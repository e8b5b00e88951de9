"""Database access for SQLite and PostgreSQL: transactions, threads for blocking work, typed errors, prepared statements.

`reading()` and `writing()` give a session inside one transaction; `read` and `write` run a function of a session on a
thread of their own, so that the event loop never waits for a disk.

SQLite loses concurrent updates under SQLAlchemy's defaults (deferred BEGIN, measured: 70,000 "database is locked" in five
seconds, with BEGIN IMMEDIATE none), and `synchronous=NORMAL` may forget the last commits on power loss: an outbox must not.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, DateTime, Delete, Dialect, Engine, Float, Select, Update, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.sql import ClauseElement
from sqlmodel import Session as Session  # the one place from which other packages take it

from monitor.types.errors import StoreBusyError, StoreError, StoreFullError, StoreUnreachableError

P = ParamSpec("P")
R = TypeVar("R")
Transaction = Callable[[], AbstractContextManager[Session]]

BUSY_MS = 10_000
_NO_ROOM = 256 * 1024
"""With less than this free SQLite cannot lay out its shared memory and the beginning of its log."""
_LOGGED_PAGES = 8_000
"""Pages of 4 KB that the log holds before they are copied into the file. New articles change the same pages of the inverted indexes
again and again, and each is copied once: SQLite's own 1,000 write nearly three times as much (docs/performance.md, "Growth")."""
_CHUNK = 500
_TOGETHER = 32
"""Jobs in one transaction at most: others must not wait for long."""
_KNOWN_TIMES = 256
_POSTGRES_OPTIONS = "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=60000 -c timezone=UTC"


class _Waiting(NamedTuple):
    """A job that waits to be run with others."""

    job: Callable[[Session], Any]
    answer: Future[Any]


def path_of(session: Session) -> Path | None:
    """The database file of a session, or None where there is none (PostgreSQL, memory)."""
    return _path(session.get_bind().engine.url)


def _path(url: URL) -> Path | None:
    is_file = url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:"
    return Path(url.database or "") if is_file else None


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Device and number of the file that is at this path now; None where there is none."""
    try:
        about = file.stat() if file else None
    except OSError:
        return None
    return (about.st_dev, about.st_ino) if about else None


class Database:
    """A configured engine. `url` as SQLAlchemy writes it: `sqlite:///data/monitor.db`, `postgresql+psycopg://...`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgres_engine(url)
        self._writing = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-write")
        self._reader = ThreadPoolExecutor(2, thread_name_prefix="store-read")
        self._of_writer: Connection | None = None
        """On SQLite the writing thread keeps its connection: another one would find nothing of what it wrote last in its cache."""
        self._waiting: deque[_Waiting] = deque()
        self._file: tuple[int, int] | None = None
        """Device and number of the SQLite file that was opened first."""
        if self.is_sqlite:
            event.listen(self.engine, "connect", self._note_file)

    @property
    def path(self) -> Path | None:
        """The database file, or None where there is none (PostgreSQL, memory)."""
        return _path(self.url)

    @property
    def is_file_gone(self) -> bool:
        """Whether the file that this process works on is no longer at its path: deleted, moved away, or another in its place."""
        return self._file is not None and self._file != _identity(self.path)

    def _note_file(self, *_: object) -> None:
        self._file = self._file or _identity(self.path)

    @property
    def shown(self) -> str:
        """The URL without its password, for messages."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session on one consistent snapshot. Database errors are raised as StoreError, here and in `writing`."""
        with _typed_errors(self), _OneTransaction(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one transaction, committed at the end, rolled back on any error; on SQLite one at a time."""
        with (
            _typed_errors(self),
            _OneTransaction(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def _writing_in_turn(self) -> Iterator[Session]:
        """The same on the writing thread."""
        if self.path is None:
            with self.writing() as session:
                yield session
            return
        try:
            with _typed_errors(self):
                self._of_writer = self._of_writer or self._writing.connect()
                with _OneTransaction(self._of_writer, expire_on_commit=False) as session, session.begin():
                    yield session
        except BaseException:  # whatever state it is in, the next transaction begins with another one
            self._leave_connection()
            raise

    def _leave_connection(self) -> None:
        connection, self._of_writer = self._of_writer, None
        if connection is not None:
            connection.close()

    async def read(self, job: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `job(session, ...)` in a reading transaction on a thread."""
        return await self._run(self._reader, self.reading, lambda session: job(session, *args, **kwargs))

    async def write(self, job: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `job(session, ...)` in a writing transaction on the one writing thread.

        Cancelling the caller does not cancel it: the transaction runs to its end.
        """
        return await self._run(self._writer, self._writing_in_turn, lambda session: job(session, *args, **kwargs))

    async def write_together(self, job: Callable[Concatenate[Session, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """As `write`, but in one transaction with others that wait when its turn comes: one commit, and one wait for the disk, for
        all of them.

        Where one of them raises, each is run once more in a transaction of its own: a job must change nothing but the store.
        """
        waiting = _Waiting(lambda session: job(session, *args, **kwargs), Future())
        self._waiting.append(waiting)
        self._writer.submit(self._write_waiting)
        answer: R = await asyncio.wrap_future(waiting.answer)
        return answer

    def _write_waiting(self) -> None:
        """Run what waits; nothing does where an earlier turn has taken it along."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
        jobs = [each for each in taken if each.answer.set_running_or_notify_cancel()]
        try:
            answers = self._write_all(jobs) if len(jobs) > 1 else []
        except Exception:  # of one of them: the transaction is undone, and whose fault it was is seen below
            answers = []
        for each, answer in zip(jobs, answers, strict=False):
            each.answer.set_result(answer)
        for each in jobs[len(answers) :]:
            self._write_alone(each)

    def _write_all(self, jobs: Sequence[_Waiting]) -> list[Any]:
        answers = []
        with self._writing_in_turn() as session:
            for each in jobs:
                answers.append(each.job(session))
                session.flush()
                session.expunge_all()  # each reads the store anew, as it would alone
        return answers

    def _write_alone(self, waiting: _Waiting) -> None:
        try:
            with self._writing_in_turn() as session:
                answer = waiting.job(session)
        except Exception as error:
            waiting.answer.set_exception(error)
        else:
            waiting.answer.set_result(answer)

    async def _run(self, threads: ThreadPoolExecutor, transaction: Transaction, job: Callable[[Session], R]) -> R:
        def run() -> R:
            with transaction() as session:
                return job(session)

        return await asyncio.get_running_loop().run_in_executor(threads, run)

    def close(self) -> None:
        """Finish running transactions and close all connections."""
        self._writer.shutdown()
        self._reader.shutdown()
        self._leave_connection()
        self.engine.dispose()


class _OneTransaction(Session):
    """A session of one transaction, which looks its connection up once: SQLAlchemy takes as long for that as SQLite for a row."""

    _found: Connection | None = None

    def connection(self, *given: Any, **options: Any) -> Connection:
        if given or options:
            return super().connection(*given, **options)
        if self._found is None:
            self._found = super().connection()
        return self._found


class Prepared:
    """A statement compiled once and passed to the driver directly: for the statements run for every article, where
    SQLAlchemy's processing of each parameter costs more than the query itself.

    `postgresql` is an equivalent statement for PostgreSQL, where arrays allow a shorter one that is planned once. For an insert,
    `columns` are those that the caller provides; the others get the table's defaults.
    """

    def __init__(
        self, statement: ClauseElement, *, postgresql: ClauseElement | None = None, columns: Iterable[str] = ()
    ) -> None:
        self._statements = {"postgresql": statement if postgresql is None else postgresql}
        self._statement = statement
        self._columns = list(columns)
        self._compiled: dict[str, _CompiledStatement] = {}

    def run(self, session: Session, asked: Mapping[str, object]) -> Sequence[Any]:
        """The rows for these parameters as the driver returns them; names that the statement does not have are ignored."""
        connection = session.connection()
        compiled = self._compiled_for(connection.dialect)
        if connection.dialect.name != "sqlite":
            return connection.exec_driver_sql(compiled.sql, compiled.parameters(asked)).all()
        return _execute_on_sqlite(connection, compiled.sql, compiled.parameters(asked)).fetchall()

    def read(self, session: Session, asked: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """The same with values converted to the columns' types (times as datetime). For a select of columns."""
        rows = self.run(session, asked)
        readers = self._compiled_for(session.get_bind().dialect).readers
        return [tuple(read(row[i]) if read else row[i] for i, read in enumerate(readers)) for row in rows]

    def run_in_order(self, session: Session, parameters: Sequence[object]) -> Sequence[Any]:
        """The rows on SQLite for parameters that are given in the statement's order and as the driver takes them."""
        connection = session.connection()
        return _execute_on_sqlite(connection, self._compiled_for(connection.dialect).sql, parameters).fetchall()

    def write(self, session: Session, asked: Mapping[str, object]) -> int:
        """Execute an insert, update or delete with these parameters; returns the number of rows affected."""
        connection = session.connection()
        compiled = self._compiled_for(connection.dialect)
        if connection.dialect.name != "sqlite":
            return connection.exec_driver_sql(compiled.sql, compiled.parameters(asked)).rowcount
        return _execute_on_sqlite(connection, compiled.sql, compiled.parameters(asked)).rowcount

    def add(self, session: Session, asked: Mapping[str, object]) -> int:
        """Execute an insert of one row and return its id. On PostgreSQL the statement returns it; on SQLite it need not, and
        would take longer: SQLite copies each page first that a statement with RETURNING changes."""
        connection = session.connection()
        compiled = self._compiled_for(connection.dialect)
        if connection.dialect.name != "sqlite":
            found: int = connection.exec_driver_sql(compiled.sql, compiled.parameters(asked)).scalar_one()
            return found
        return _execute_on_sqlite(connection, compiled.sql, compiled.parameters(asked)).lastrowid or 0

    def _compiled_for(self, dialect: Dialect) -> _CompiledStatement:
        if dialect.name not in self._compiled:
            statement = self._statements.get(dialect.name, self._statement)
            options: dict[str, Any] = {"column_keys": self._columns} if self._columns else {}
            compiled: Any = statement.compile(dialect=dialect, **options)
            processors = {name: _processor(bind.type, dialect) for name, bind in compiled.binds.items()}
            values = dict(compiled.params)
            for column in getattr(compiled, "insert_prefetch", ()):
                values[column.key] = column.default.arg if column.default.is_scalar else None
            self._compiled[dialect.name] = _CompiledStatement(
                str(compiled),
                _picker(compiled.positiontup or ()),
                values,
                tuple((name, process) for name, process in processors.items() if process),
                _readers(statement, dialect),
            )
        return self._compiled[dialect.name]


def _execute_on_sqlite(connection: Connection, sql: str, parameters: Any) -> sqlite3.Cursor:
    """Bypasses SQLAlchemy, which takes as long as SQLite itself, but keeps its transaction and its errors."""
    driver: Any = connection.connection.dbapi_connection
    try:
        cursor: sqlite3.Cursor = driver.execute(sql, parameters)
    except sqlite3.Error as error:
        raise DBAPIError.instance(sql, None, error, sqlite3.Error) from error
    return cursor


class _CompiledStatement(NamedTuple):
    sql: str
    pick: Callable[[dict[str, Any]], Any]
    values: dict[str, Any]
    processors: tuple[tuple[str, Callable[[Any], Any]], ...]
    readers: tuple[Callable[[Any], Any] | None, ...]

    def parameters(self, asked: Mapping[str, object]) -> Any:
        """The parameters as the driver takes them: a tuple for positional ones, else a dict."""
        values = {**self.values, **asked}
        for name, process in self.processors:
            values[name] = process(values[name])
        return self.pick(values)


def _picker(order: Sequence[str]) -> Callable[[dict[str, Any]], Any]:
    """Of values by name those that the driver takes, in the order of the statement; all by name where it takes them so."""
    if len(order) > 1:
        return itemgetter(*order)
    return (lambda values: (values[order[0]],)) if order else (lambda values: values)


def _processor(of_type: Any, dialect: Dialect) -> Callable[[Any], Any] | None:
    """What converts a parameter of this type for the driver. Times are remembered: a poll gives the same for all its articles."""
    process: Callable[[Any], Any] | None = of_type.dialect_impl(dialect).bind_processor(dialect)
    is_time = isinstance(getattr(of_type, "impl", of_type), DateTime)
    return lru_cache(_KNOWN_TIMES)(process) if process and is_time else process


def _readers(statement: ClauseElement, dialect: Dialect) -> tuple[Callable[[Any], Any] | None, ...]:
    """For each selected column, the function that converts the driver's value to the column's type, or None."""
    columns = statement.selected_columns if isinstance(statement, Select) else ()
    return tuple(
        None  # both drivers give floats as they are, and SQLAlchemy asks psycopg's for a code that is not known here
        if isinstance(column.type, Float)
        else column.type.dialect_impl(dialect).result_processor(dialect, None)
        for column in columns
    )


def chunks(ids: Sequence[R]) -> Iterator[Sequence[R]]:
    """Slices of these ids, each short enough for the parameters of one statement."""
    return (ids[start : start + _CHUNK] for start in range(0, len(ids), _CHUNK))


def as_parameter(session: Session, ids: Iterable[int]) -> object:
    """Any number of ids as one parameter, so that the statement is always the same."""
    sorted_ids = sorted(ids)
    return json.dumps(sorted_ids) if session.get_bind().dialect.name == "sqlite" else sorted_ids


def execute(session: Session, statement: Update | Delete) -> int:
    """Execute it after what the session has not written yet; returns how many rows it changed."""
    session.flush()
    return session.connection().execute(statement).rowcount


def serialize_decisions(session: Session) -> None:
    """Take the lock under which one transaction at a time decides what is new, so that pollers see one another's articles.

    Does nothing on SQLite, where there is only one writing transaction anyway. The lock ends with the transaction (session-level
    advisory locks break behind pgbouncer) and is held for a few milliseconds.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(text("SELECT pg_advisory_xact_lock(7226391)"))


def _sqlite_engine(url: str) -> Engine:
    in_memory = make_url(url).database in (None, "", ":memory:")
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {"pool_size": 4, "max_overflow": 8}
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000}, **pool)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # no implicit BEGIN: ours is IMMEDIATE for writing
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
        "cache_size=-32000",
        "journal_size_limit=67108864",
        f"wal_autocheckpoint={_LOGGED_PAGES}",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def _postgres_engine(url: str) -> Engine:
    arguments = {"options": _POSTGRES_OPTIONS, "connect_timeout": 10, "tcp_user_timeout": 30_000}
    # Pooling behind pgbouncer is left to the operator; pre-ping replaces connections lost in a restart of the server (K8).
    return create_engine(url, pool_pre_ping=True, pool_size=4, max_overflow=8, connect_args=arguments)


@contextmanager
def _typed_errors(database: Database) -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # sqlite3's own where a connection cannot even be set up
        raise store_error(error, database.shown, database.path) from error
    except SQLAlchemyError as error:
        raise StoreError(f"the store {database.shown} cannot be used: {_first_line(error)}") from error


def store_error(error: DBAPIError | sqlite3.Error, shown: str, path: Path | None) -> StoreError:
    """An error of the database as one of ours, which says what to do."""
    said = _first_line(error)
    if "malformed" in said or "not a database" in said:
        return StoreError(f"the store {shown} is damaged: {said}; restore a backup (see docs/operation.md)")
    if not isinstance(error, OperationalError | sqlite3.OperationalError):
        return StoreError(f"the store {shown} refused a statement: {said}")
    if "locked" in said or "busy" in said:
        return StoreBusyError(f"the store {shown} is held by another process: {said}; it is tried again")
    if "full" in said or "No space" in said or _is_without_room(said, path):
        return StoreFullError(f"the disk of the store {shown} is full: {said}; free some space, work goes on by itself")
    if "readonly" in said or "unable to open" in said:
        return StoreError(f"the store {shown} cannot be written: {said}; check that the folder exists and who owns it")
    if path is None and _is_unreachable(said):
        return StoreUnreachableError(f"the store {shown} cannot be reached: {said}; is the server running?")
    return StoreError(f"the store {shown} cannot be reached: {said}")


_TRANSIENT = ("starting up", "shutting down", "recovery mode", "too many clients", "not yet accepting")


def _is_unreachable(said: str) -> bool:
    """Whether a PostgreSQL server is away or not ready. One that refuses the user or does not know the database ("FATAL: ...") will
    not change its mind."""
    return "FATAL:" not in said or any(each in said for each in _TRANSIENT)


def _is_without_room(said: str, path: Path | None) -> bool:
    """Whether SQLite failed for want of space where it does not say so: it needs some for the files beside the store too."""
    if path is None or not ("I/O error" in said or "unable to open" in said):
        return False
    try:
        return shutil.disk_usage(path.absolute().parent).free < _NO_ROOM
    except OSError:
        return False


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
