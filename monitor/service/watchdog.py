"""A thread that ends the process when its event loop has been stuck for minutes, so that systemd or Docker restarts it.

The daemon restarts a dead scheduler itself, but a stuck event loop cannot. Ending at any line loses nothing (K1), and restart
policies react to an exit, not to a red /healthz.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable

log = logging.getLogger("monitor.lastresort")  # kept: operators filter by this name

CHECK_SECONDS = 10.0
CHECKS = 30
"""Consecutive checks, five minutes in all. Counting checks, not time, spares a process that was suspended with its machine."""
EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""


class Watchdog:
    """Calls `end` once `is_alive` was False at `checks` checks in a row, `seconds` apart."""

    def __init__(
        self,
        is_alive: Callable[[], bool],
        *,
        end: Callable[[], None] | None = None,
        seconds: float = CHECK_SECONDS,
        checks: int = CHECKS,
    ) -> None:
        self._is_alive, self._end = is_alive, end or _end_now
        self._seconds, self._checks = seconds, checks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="last-resort", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()

    def _watch(self) -> None:
        silent = 0
        while not self._stopped.wait(self._seconds):
            silent = 0 if self._is_alive() else silent + 1
            if silent >= self._checks:
                log.critical(
                    "nothing has moved for %.0f s: the process ends, to be started again", silent * self._seconds
                )
                self._end()
                return


def _end_now() -> None:
    """Exit at once, after printing the stack of every thread to stderr for diagnosis."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(EXIT_CODE)
