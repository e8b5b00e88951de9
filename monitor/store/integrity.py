"""Checks a SQLite file for damage with `PRAGMA quick_check`: before the daemon writes to it, and once a day (case D4).

It finds torn pages, a truncated file and files that are no database; it does not find changed content.
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
"""SQLite instructions between two checks of the time limit: a few milliseconds."""


class DamagedStoreError(StoreError):
    """The file is damaged or no database."""


def check(path: Path | None, *, seconds: float) -> None:
    """Raises DamagedStoreError where damage is found within `seconds`; the rest goes unchecked. None (PostgreSQL) passes."""
    if path is None or not path.exists() or not path.stat().st_size:
        return
    damage = _first_fault(path, time.monotonic() + seconds)
    if damage:
        raise DamagedStoreError(
            f"the store {path} is damaged ({damage}); nothing was changed. Keep the file and restore a backup (docs/operation.md)"
        )


def faults(session: Session, *, at_most: int) -> list[str]:
    """Up to `at_most` faults found by a full quick_check, however long it takes; empty where there are none. SQLite only."""
    found = [str(row[0]) for row in session.connection().execute(text(f"PRAGMA quick_check({at_most:d})"))]
    return [] if found == ["ok"] else found


def wal_bytes(path: Path | None) -> int:
    """The size of SQLite's write-ahead log; 0 where there is none (PostgreSQL)."""
    wal = path and path.with_name(f"{path.name}-wal")
    try:
        return wal.stat().st_size if wal else 0
    except OSError:
        return 0


def _first_fault(path: Path, until: float) -> str:
    try:
        with closing(sqlite3.connect(path, timeout=2)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            first: str = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return ""  # out of time, locked, or unreadable: opening the store reports that more clearly
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if first == "ok" else " ".join(first.split())[:200]
