"""Statements compiled once and passed to the driver directly, and what statements need: ids in parameters, counts of rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import Connection, DateTime, Delete, Dialect, Float, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import ClauseElement
from sqlmodel import Session

R = TypeVar("R")

_CHUNK = 500
_KNOWN_TIMES = 256


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
