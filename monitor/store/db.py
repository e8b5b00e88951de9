"""Database access for SQLite and PostgreSQL: transactions, threads for blocking work, typed errors.

`reading()` and `writing()` give a session inside one transaction; `read` and `write` run a function of a session on a
thread of their own, so that the event loop never waits for a disk.

SQLite loses concurrent updates under SQLAlchemy's defaults (deferred BEGIN, measured: 70,000 "database is locked" in five
seconds, with BEGIN IMMEDIATE none), and `synchronous=NORMAL` may forget the last commits on power loss: an outbox must not.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
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
_TOGETHER = 32
"""Jobs in one transaction at most: others must not wait for long."""
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
        with ExitStack() as where_it_fails, _typed_errors(self):
            where_it_fails.callback(self._leave_connection)  # whatever state it is in, the next begins with another one
            self._of_writer = self._of_writer or self._writing.connect()
            with _OneTransaction(self._of_writer, expire_on_commit=False) as session, session.begin():
                yield session
            where_it_fails.pop_all()

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
        if jobs and not self._answer(jobs):
            for each in jobs:
                self._answer([each])

    def _answer(self, jobs: Sequence[_Waiting]) -> bool:
        """Write these in one transaction and answer them; one that is alone also with what it raises. False where one of several
        raised: all are undone and none is answered, as whose fault it was is seen when each is written alone."""
        try:
            answers = self._write_all(jobs)
        except Exception as error:  # whatever it is, it goes to who waits for it
            if len(jobs) > 1:
                return False
            jobs[0].answer.set_exception(error)
            return True
        for each, answer in zip(jobs, answers, strict=True):
            each.answer.set_result(answer)
        return True

    def _write_all(self, jobs: Sequence[_Waiting]) -> list[Any]:
        answers = []
        with self._writing_in_turn() as session:
            for each in jobs:
                answers.append(each.job(session))
                session.flush()
                session.expunge_all()  # each reads the store anew, as it would alone
        return answers

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
