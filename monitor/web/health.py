"""Is the service well? Beats and problems in, one verdict out: what `/healthz` answers and the watchdog acts on (C4).

A part that works regularly beats; one that knows what ails it says so; silence past a limit is a problem too. Asks nobody,
touches no disk, and takes the time as an argument.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the service is. `beats` holds the last sign of life of each part, aware UTC."""

    is_ok: bool
    problems: tuple[str, ...] = ()
    """Fit for anybody's eyes: no paths, no addresses, no versions (U21)."""
    beats: Mapping[str, datetime] = field(default_factory=dict)


class Heartbeats:
    """Where the parts of the service leave their signs of life. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beats: dict[str, datetime] = {}
        self._problems: dict[str, str] = {}

    def beat(self, name: str, at: datetime) -> None:
        """`name` is alive at `at`."""
        with self._lock:
            self._beats[name] = at

    def problem(self, name: str, text: str | None) -> None:
        """What ails `name`, in one sentence; None once it is over."""
        with self._lock:
            if text:
                self._problems[name] = text
            else:
                self._problems.pop(name, None)

    def check(self, now: datetime, limit_for: Mapping[str, timedelta]) -> Health:
        """The verdict at `now`. Every name of `limit_for` must have beaten within its limit; one never heard of is silent."""
        with self._lock:
            beats, said = dict(self._beats), dict(self._problems)
        silent = (_silence(name, beats.get(name), now, limit) for name, limit in limit_for.items())
        problems = (*(f"{name}: {text}" for name, text in sorted(said.items())), *filter(None, silent))
        return Health(is_ok=not problems, problems=problems, beats=beats)


def _silence(name: str, beat_at: datetime | None, now: datetime, limit: timedelta) -> str:
    if beat_at is None:
        return f"{name}: no sign of life yet"
    silent_for = now - beat_at  # negative after a clock step back: the next beat mends it
    return f"{name}: no sign of life for {silent_for.total_seconds():.0f} s" if silent_for > limit else ""
