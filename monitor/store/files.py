"""The SQLite file and what stands beside it: the lock that admits one daemon, disk space reserved for when the disk is full, free
space, and checks of the file for damage with `PRAGMA quick_check` (before the daemon writes to it, and once a day: case D4).

quick_check finds torn pages, a truncated file and files that are no database; it does not find changed content. PostgreSQL needs
none of this: leases let several daemons work on one store.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import sqlite3
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

from monitor.types.errors import AlreadyRunningError, StoreError, StoreFullError

if TYPE_CHECKING:  # `monitor --help` imports this module, and must not wait for SQLAlchemy
    from monitor.store.db import Session

SQLITE_VERSION = sqlite3.sqlite_version_info
"""Of the library that this Python was built with."""
RESERVED_BYTES = 8 * 1024 * 1024
_LOCK_TRIES, _LOCK_PAUSE_SECONDS = 3, 0.05
_STEPS = 10_000
"""SQLite instructions between two checks of the time limit: a few milliseconds."""


class DamagedStoreError(StoreError):
    """The file is damaged or no database."""


# --- the lock ---------------------------------------------------------------------------------------------------------


class StoreLock:
    """The lock of the one daemon that works on a store. With None as path (PostgreSQL, memory) `acquire` succeeds.

    The operating system releases it when its holder ends, however it ends.
    """

    def __init__(self, database: Path | None) -> None:
        self.path = database.with_name(f"{database.name}.lock") if database else None
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Acquire the lock. Raises AlreadyRunningError, naming the process that holds it."""
        if self.path is None or self._file:
            return
        try:
            file = self.path.open("a+")
        except OSError as error:
            kind = StoreFullError if is_full(error) else StoreError
            raise kind(f"the lock {self.path} cannot be opened: {error.strerror}; check who owns the folder") from error
        try:
            _take(file, fcntl.LOCK_EX, tries=_LOCK_TRIES)
        except OSError as error:
            file.seek(0)
            holder = file.read(40).strip() or "unknown"
            file.close()
            raise AlreadyRunningError(
                f"another daemon (process {holder}) works on this store already; stop it first, or give this one a store of its own"
            ) from error
        self._file = file
        with contextlib.suppress(OSError):  # on a full disk the lock holds without the number of its holder
            file.truncate(0)
            os.write(file.fileno(), f"{os.getpid()}\n".encode())

    def keep(self) -> bool:
        """Whether the lock had to be taken anew, as its file was deleted or replaced while it was held. Raises AlreadyRunningError
        where another process was quicker, which could start for that: then this one holds nothing."""
        if self._file is None or self.path is None:
            return False
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file.fileno()), self.path.stat()):
                return False
        held, self._file = self._file, None
        try:
            self.acquire()
        except StoreError:
            self._file = held
            raise
        finally:
            if self._file is not held:
                held.close()
        return True

    def release(self) -> None:
        """Release the lock; does nothing where it is not held."""
        if self._file:
            self._file.close()
            self._file = None


def is_in_use(database: Path | None) -> bool | None:
    """Whether a process holds the lock of the store at this moment; None for PostgreSQL, and where it cannot be told."""
    if database is None:
        return None
    try:
        with database.with_name(f"{database.name}.lock").open() as file:
            return not _take(file, fcntl.LOCK_SH)
    except BlockingIOError:
        return True
    except OSError:
        return None


def _take(file: IO[str], how: int, *, tries: int = 1) -> bool:
    """Lock the file without waiting for its holder, and return True. Raises OSError where another process holds it. Who only looks
    whether it is held does so for a moment, so that who needs it tries again."""
    for _ in range(tries - 1):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, how | fcntl.LOCK_NB)
            return True
        time.sleep(_LOCK_PAUSE_SECONDS)
    fcntl.flock(file, how | fcntl.LOCK_NB)
    return True


# --- space ------------------------------------------------------------------------------------------------------------


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


def is_full(error: OSError) -> bool:
    """Whether the disk, or the share of this user, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def free_bytes(database: Path | None) -> int | None:
    """The free space where the SQLite file is or will be; None for PostgreSQL, and where it cannot be told."""
    if database is None:
        return None
    try:
        return shutil.disk_usage(nearest_folder(database)).free
    except OSError:
        return None


def nearest_folder(database: Path) -> Path:
    """The folder of the file, or the nearest one above it that exists."""
    folder = database.absolute().parent
    return next(each for each in (folder, *folder.parents) if each.exists())


def wal_bytes(path: Path | None) -> int:
    """The size of SQLite's write-ahead log; 0 where there is none (PostgreSQL)."""
    wal = path and path.with_name(f"{path.name}-wal")
    try:
        return wal.stat().st_size if wal else 0
    except OSError:
        return 0


# --- damage -----------------------------------------------------------------------------------------------------------


def check_integrity(path: Path | None, *, seconds: float) -> None:
    """Raises DamagedStoreError where damage is found within `seconds`; the rest goes unchecked. None (PostgreSQL) passes."""
    if path is None or not path.exists() or not path.stat().st_size:
        return
    damage = _first_fault(path, time.monotonic() + seconds)
    if damage:
        raise DamagedStoreError(
            f"the store {path} is damaged ({damage}); nothing was changed. Keep the file and restore a backup (docs/operation.md)"
        )


def integrity_faults(session: Session, *, at_most: int) -> list[str]:
    """Up to `at_most` faults found by a full quick_check, however long it takes; empty where there are none. SQLite only."""
    rows = session.connection().exec_driver_sql(f"PRAGMA quick_check({at_most:d})")
    found = [str(row[0]) for row in rows]
    return [] if found == ["ok"] else found


def _first_fault(path: Path, until: float) -> str:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=2)) as database:
            database.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            first: str = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError:
        return ""  # out of time, locked, or unreadable: opening the store reports that more clearly
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if first == "ok" else " ".join(first.split())[:200]
