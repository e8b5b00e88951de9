"""One daemon a store: a lock on a file beside the SQLite database, which the system frees when its holder dies, however it dies.

PostgreSQL needs none: there many may work on one store, by claims.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from monitor.errors import AlreadyRunningError, StoreError


class StoreLock:
    """Held from `take` to `free`. A path of None (PostgreSQL, memory) is never contended."""

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
