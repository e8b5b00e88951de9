"""Upgrades the schema with Alembic: SQLite at start, after a backup of the file; PostgreSQL by `monitor migrate`.

All pending migrations run in one transaction, so that a kill in the middle leaves the old schema whole (SQLite and PostgreSQL
both roll back DDL). There are no downgrades: to go back, restore the copy made before.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import text

from monitor.store.db import Database, store_error
from monitor.types.errors import StoreError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

# Alembic is imported lazily: the import takes longer than most commands, and they and most starts need no more than `is_current`.
_HOME = Path(__file__).parent / "migrations"


def is_current(database: Database) -> bool:
    """Whether the schema is that of the newest migration, without importing Alembic. False also where it cannot be read."""
    try:
        with database.reading() as session:
            found = session.connection().execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    except StoreError:
        return False
    return found == [max(each.name.partition("_")[0] for each in _HOME.glob("versions/[0-9]*.py"))]


def current(database: Database) -> str | None:
    """The store's schema revision; None for an empty store."""
    from alembic.runtime.migration import MigrationContext

    with database.reading() as session:
        return MigrationContext.configure(session.connection()).get_current_revision()


def head() -> str:
    """The schema revision that this program needs."""
    revision = _scripts().get_current_head()
    assert revision is not None
    return revision


def check(database: Database) -> None:
    """Raises StoreError, saying what to do, for a store whose schema is not `head()`."""
    if is_current(database):
        return
    found = current(database)
    _refuse_newer(database, found)
    raise StoreError(f"the store {database.shown} has an older schema ({found or 'none'}); run `monitor migrate`")


def upgrade(database: Database) -> bool:
    """Upgrade the store to `head()`; True where there was something to do. Raises StoreError for a newer schema than ours."""
    if database.path:
        database.path.parent.mkdir(parents=True, exist_ok=True)
    if is_current(database):
        return False
    found = current(database)
    _refuse_newer(database, found)
    if found is not None:
        _back_up(database, found)
    from alembic import command
    from alembic.config import Config

    with database.writing() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(7226392)"))
        config = Config()
        config.set_main_option("script_location", str(_HOME))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return True


def _refuse_newer(database: Database, found: str | None) -> None:
    known = {script.revision for script in _scripts().walk_revisions()}
    if found is not None and found not in known:
        raise StoreError(
            f"the store {database.shown} was written by a newer version of this program (schema {found}); "
            "use that version, or restore the copy made before its migration"
        )


def _back_up(database: Database, revision: str) -> None:
    if database.path is None:
        return
    target = database.path.with_name(f"{database.path.name}.before-{revision}")
    try:
        with closing(sqlite3.connect(database.path)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)  # half a copy is none
        raise store_error(error, database.shown, database.path) from error


def _scripts() -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(_HOME))
