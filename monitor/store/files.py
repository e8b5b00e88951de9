"""Two files beside a SQLite database: a lock, so that one daemon works on a store, and space kept for when the disk is full.

PostgreSQL needs neither: there many may work on one store, by leases.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

from monitor.types.errors import AlreadyRunningError, StoreError


class StoreLock:
    """The right to be the one daemon of a store, from `take` to `free`. A path of None (PostgreSQL, memory) is never contended.

    The system frees the lock when its holder dies, however it dies.
    """

    def __init__(self, database: Path | None) -> None:
        self.path = database.with_name(f"{database.name}.lock") if database else None
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises AlreadyRunningError, naming the process that holds it."""
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

    def free(self) -> None:
        """Let the next one in."""
        if self._file:
            self._file.close()
            self._file = None


BALLAST_BYTES = 8 * 1024 * 1024


class Ballast:
    """Space on the disk, given back when it is full: `hold` sets it aside, `drop` gives it back.

    Without it a full disk would stop the outbox too: what was sent could not be recorded as sent (case D1). None holds nothing.
    """

    def __init__(self, database: Path | None, *, size: int = BALLAST_BYTES) -> None:
        self._path = database.with_name(f"{database.name}.ballast") if database else None
        self._size = size

    def hold(self) -> bool:
        """Set the space aside; False where there is none to spare (that is no reason not to work)."""
        if self._path is None:
            return False
        try:
            if not self._path.exists() or self._path.stat().st_size < self._size:
                self._path.write_bytes(b"\0" * self._size)
        except OSError:
            self.drop()
            return False
        return True

    def drop(self) -> bool:
        """Give the space back; True where some was held."""
        if self._path is None or not self._path.exists():
            return False
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False
