"""Is the store's file whole? SQLite's own quick look at its pages, before we write into them and once a day after (case D4).

It finds torn pages, a truncated file and what is no database at all; it cannot find a changed letter in an article.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlmodel import Session

from monitor.types.errors import StoreError

SQLITE_VERSION = sqlite3.sqlite_version_info
"""Of the library that this Python was built with."""
_STEPS = 10_000
"""SQLite's instructions between two looks at the time: a few milliseconds."""


class DamagedStoreError(StoreError):
    """The file holds pages that cannot be what was written."""


def check(path: Path | None, *, seconds: float) -> None:
    """Raises DamagedStoreError. Looks for `seconds` at the most, and then lets the rest pass; None (PostgreSQL) always passes."""
    if path is None or not path.exists() or not path.stat().st_size:
        return
    found = _look(path, time.monotonic() + seconds)
    if found:
        raise DamagedStoreError(
            f"the store {path} is damaged ({found}); nothing was changed. Keep the file and restore a backup (docs/operation.md)"
        )


def faults(session: Session, *, at_most: int) -> list[str]:
    """What SQLite's quick look finds, however long it takes; nothing where the file is whole. For SQLite only."""
    found = [str(row[0]) for row in session.connection().execute(text(f"PRAGMA quick_check({at_most:d})"))]
    return [] if found == ["ok"] else found


def wal_bytes(path: Path | None) -> int:
    """How much SQLite has not yet brought into the file; 0 where there is none (PostgreSQL)."""
    wal = path and path.with_name(f"{path.name}-wal")
    try:
        return wal.stat().st_size if wal else 0
    except OSError:
        return 0


def _look(path: Path, until: float) -> str:
    try:
        with closing(sqlite3.connect(path, timeout=2)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            first: str = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return ""  # out of time, held by another, not to be opened: whoever works on it has a clearer word for that
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if first == "ok" else " ".join(first.split())[:200]
