"""Two files beside a SQLite database: a lock that admits one daemon, and disk space reserved for when the disk is full.

PostgreSQL needs neither: leases let several daemons work on one store.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

from monitor.types.errors import AlreadyRunningError, StoreError


class StoreLock:
    """The lock of the one daemon that works on a store. With None as path (PostgreSQL, memory) `acquire` succeeds.

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
