"""SQLite stores with our schema, copied from one that was made once: hundreds of tests need not wait for hundreds of migrations."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from monitor.store import migrate
from monitor.store.db import Database


def lay_out(url: str) -> None:
    """Put an empty store with our schema where the SQLite file of this address is to be; one that is there stays as it is."""
    file = Path(make_url(url).database or "")
    if make_url(url).get_backend_name() == "sqlite" and not file.exists():
        file.write_bytes(_template())


@functools.cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "monitor.db"
        database = Database(f"sqlite:///{file}")
        migrate.upgrade(database)
        database.close()
        return file.read_bytes()
