"""A few megabytes set aside on the store's disk, given back when it is full, so that alerts already queued can still be settled.

Without it a full disk would stop the outbox too: what was sent could not be recorded as sent (case D1).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

SIZE = 8 * 1024 * 1024


class Ballast:
    """`hold` sets the space aside, `drop` gives it back. A path of None holds nothing."""

    def __init__(self, database: Path | None, *, size: int = SIZE) -> None:
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
