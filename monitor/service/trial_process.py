"""Trials of topics for the page: `monitor topics try` in a process of its own, one at a time, with a time limit.

So thousands of articles that are scored anew delay neither polls nor readers, and the memory is given back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.store import archive
from monitor.store.db import Database
from monitor.types.errors import BusyError, MonitorError

ARTICLES = 4_000
"""The latest so many articles are tried: some seconds of a core."""
_LIMIT_SECONDS = 120.0
_NICE = 10


class TrialProcess:
    """Tries topics' folders over the latest articles of a store."""

    def __init__(self, db: Database, settings_file: str) -> None:
        self._db, self._settings_file = db, settings_file
        self._turn = asyncio.Lock()

    async def run(self, folder: Path) -> Mapping[str, Any] | None:
        """What `topics try --json` says of a topic's folder; None where the store has no article yet. Raises
        BusyError where it takes too long, MonitorError with what the command says where it fails."""
        since_at = await self._db.read(archive.since_of_latest, ARTICLES)
        if since_at is None:
            return None
        async with self._turn:
            return await self._answer(folder, since_at)

    async def _answer(self, folder: Path, since_at: datetime) -> Mapping[str, Any]:
        arguments = ["topics", "try", str(folder), "--json", "--since", since_at.isoformat()]
        options = ["--config", self._settings_file] if self._settings_file else []
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "monitor", *options, *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                said, complaints = await process.communicate()
        except TimeoutError:
            raise BusyError("the trial took too long on this machine; `monitor topics try` has no limit") from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise MonitorError(complaints.decode("utf-8", "replace").strip()[-500:] or "the trial failed")
        found: Mapping[str, Any] = json.loads(said)["trials"][0]
        return found
