"""The file of a SQLite store and what stands beside it: a lock that admits one daemon, disk space reserved for when the disk is
full, and the check for damage, made before the daemon writes and once a day (case D4).

PostgreSQL needs none of them: leases let several daemons work on one store.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

from monitor.types.errors import AlreadyRunningError, StoreError

if TYPE_CHECKING:
    from sqlmodel import Session


class StoreLock:
    """The lock of the one daemon that works on a store. With None as path (PostgreSQL, memory) `take` succeeds.

    The operating system releases it when its holder ends, however it ends.
    """

    def __init__(self, database: Path | None) -> None:
        self.path = database.with_name(f"{database.name}.lock") if database else None
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Acquire the lock. Raises AlreadyRunningError, naming the process that holds it."""
        if self.path is None:
            return
        try:
            file = self.path.open("a+")
        except OSError as error:
            raise StoreError(
                f"the lock {self.path} cannot be opened: {error.strerror}; check who owns the folder"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read(40).strip() or "unknown"
            file.close()
            raise AlreadyRunningError(
                f"another daemon (process {holder}) works on this store already; stop it first, or give this one a store of its own"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Release the lock; does nothing where it is not held."""
        if self._file:
            self._file.close()
            self._file = None


RESERVED_BYTES = 8 * 1024 * 1024


class ReservedSpace:
    """Disk space reserved by `reserve` and released by `release` when the disk is full. A path of None reserves nothing.

    Without it a full disk would stop the outbox too: what was sent could not be recorded as sent (case D1).
    """

    def __init__(self, database: Path | None, *, size: int = RESERVED_BYTES) -> None:
        self._path = database.with_name(f"{database.name}.ballast") if database else None
        self._size = size

    def reserve(self) -> bool:
        """Reserve the space; False where the disk has too little (work goes on without it)."""
        if self._path is None:
            return False
        try:
            if not self._path.exists() or self._path.stat().st_size < self._size:
                self._path.write_bytes(b"\0" * self._size)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Release the space; True where some was reserved."""
        if self._path is None or not self._path.exists():
            return False
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False


# --- damage ------------------------------------------------------------------------------------------------------------

SQLITE_VERSION = sqlite3.sqlite_version_info
"""Of the library that this Python was built with."""
_STEPS = 10_000
"""SQLite instructions between two checks of the time limit: a few milliseconds."""


class DamagedStoreError(StoreError):
    """The file is damaged or no database."""


def check_integrity(path: Path | None, *, seconds: float) -> None:
    """Raises DamagedStoreError where torn pages, a truncated file or one that is no database is found within `seconds`.

    The rest goes unchecked; changed content is never found. None (PostgreSQL) passes.
    """
    if path is None or not path.exists() or not path.stat().st_size:
        return
    damage = _first_fault(path, time.monotonic() + seconds)
    if damage:
        raise DamagedStoreError(
            f"the store {path} is damaged ({damage}); nothing was changed. Keep the file and restore a backup (docs/operation.md)"
        )


def integrity_faults(session: Session, *, at_most: int) -> list[str]:
    """Up to `at_most` faults found by a full quick_check, however long it takes; empty where there are none. SQLite only."""
    found = [str(row[0]) for row in session.connection().exec_driver_sql(f"PRAGMA quick_check({at_most:d})")]
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
