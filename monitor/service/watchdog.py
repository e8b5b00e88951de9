"""A thread that ends the process when nothing in it has moved for minutes, so that whoever started it can start it again.

The clock is wound up anew inside the process (daemon); a stuck event loop cannot do that for itself. Nothing is lost by an end at
any line (K1), and systemd's or Docker's restart rule answers an exit, not a red /healthz.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable

log = logging.getLogger("monitor.lastresort")

LOOK_SECONDS = 10.0
LOOKS = 30
"""Five minutes of looks in a row: a process that was stopped or a machine that slept begins to count when it runs again."""
EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""


class Watchdog:
    """Calls `end` once `is_alive` has said no at `looks` looks in a row. `stop` ends the thread."""

    def __init__(
        self,
        is_alive: Callable[[], bool],
        *,
        end: Callable[[], None] | None = None,
        seconds: float = LOOK_SECONDS,
        looks: int = LOOKS,
    ) -> None:
        self._is_alive, self._end = is_alive, end or _end_now
        self._seconds, self._looks = seconds, looks
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="last-resort", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def _watch(self) -> None:
        silent = 0
        while not self._stopped.wait(self._seconds):
            silent = 0 if self._is_alive() else silent + 1
            if silent >= self._looks:
                log.critical(
                    "nothing has moved for %.0f s: the process ends, to be started again", silent * self._seconds
                )
                self._end()
                return


def _end_now() -> None:
    """With every thread's stack on stderr, for whoever looks for the cause."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    os._exit(EXIT_CODE)
