"""What the daemon does about a store whose disk is full, that is damaged, or whose log grows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from monitor.service import observer
from monitor.store import files
from monitor.store.files import DamagedStoreError, ReservedSpace
from monitor.types.errors import StoreError, StoreFullError
from monitor.web.health import Heartbeats

log = logging.getLogger("monitor.daemon")

_DAY = timedelta(days=1)
_DAILY_CHECK_SECONDS = 300.0
_FULL_DISK_SECONDS = 15.0
"""The time between two attempts to reserve space again after the disk was full; polling is suspended meanwhile."""
_LARGE_WAL = 256 * 1024 * 1024
"""Four times SQLite's `journal_size_limit` (store.db)."""


class StoreCare:
    """Looks after the store file at `path` (None: there is none, on PostgreSQL), and says what is wrong with it."""

    def __init__(self, path: Path | None, heartbeats: Heartbeats, steady: Callable[[], datetime]) -> None:
        self._path, self._heartbeats, self._steady = path, heartbeats, steady
        self._reserved = ReservedSpace(path)
        self._checked_at = steady()
        self.is_full = self.is_damaged = self._is_log_reported = False

    @property
    def may_poll(self) -> bool:
        """Whether new articles can be stored. In a store that is full or damaged only deliveries are recorded."""
        return not (self.is_full or self.is_damaged)

    def reserve(self) -> None:
        """Set disk space aside, to be given back when the disk is full."""
        self._reserved.reserve()

    async def check_daily(self) -> None:
        """Check the integrity of the store once a day. In a damaged one polling stops, only deliveries are recorded (D4)."""
        if self._steady() - self._checked_at < _DAY:
            return
        self._checked_at = self._steady()
        try:
            await asyncio.to_thread(files.check_integrity, self._path, seconds=_DAILY_CHECK_SECONDS)
        except DamagedStoreError as error:
            self.is_damaged = True
            self._heartbeats.set_problem("integrity", observer.problem_of(error))
            log.error("%s; polling stops from now on", error)

    def check_log(self) -> None:
        """Warn once of a large write-ahead log: SQLite cannot truncate it while another program (a backup, an export) reads."""
        size = files.wal_bytes(self._path)
        if size > _LARGE_WAL and not self._is_log_reported:
            log.warning(
                "the store's -wal file has grown to %d MB: another program has been reading the store for long; "
                "it shrinks when that one ends",
                size // 1_000_000,
            )
        self._is_log_reported = size > _LARGE_WAL

    def report(self, error: StoreError) -> None:
        """Say what is wrong, on /healthz and in the log. While the disk is full polling rests, and reserved space is given back."""
        is_full = isinstance(error, StoreFullError)
        self._heartbeats.set_problem("store", observer.problem_of(error))
        if not is_full:
            log.error("%s", error)
        elif not self.is_full:
            self.is_full = True
            log.error("%s; polling stops meanwhile, alerts already queued go out", error)
            self._reserved.release()
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._reserve_again)

    def _reserve_again(self) -> None:
        if self._reserved.reserve():
            log.info("the disk has room again: polling goes on")
            self._heartbeats.set_problem("store", None)
            self.is_full = False
        else:
            asyncio.get_running_loop().call_later(_FULL_DISK_SECONDS, self._reserve_again)
