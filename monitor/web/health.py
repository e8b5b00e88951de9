"""Health of the service, as `/healthz` answers it and the watchdog acts on it (C4).

Each part that works regularly sends heartbeats and may report a problem; a heartbeat that is overdue is a problem too. Kept in
memory: a check reads neither disk nor store, and takes the time as an argument.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the service. `beats`: part -> its last heartbeat, aware UTC."""

    is_ok: bool
    problems: tuple[str, ...] = ()
    """Public texts: no paths, addresses or versions (U21)."""
    notes: tuple[str, ...] = ()
    """What people should know though all works: as public as the problems."""
    beats: Mapping[str, datetime] = field(default_factory=dict)


class Heartbeats:
    """Collects heartbeats and problems of the parts of the service. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beats: dict[str, datetime] = {}
        self._problems: dict[str, str] = {}
        self._notes: dict[str, tuple[str, ...]] = {}

    def beat(self, name: str, at: datetime) -> None:
        """Record a heartbeat of part `name`."""
        with self._lock:
            self._beats[name] = at

    def set_problem(self, name: str, text: str | None) -> None:
        """Set the problem of part `name`, in one sentence; None clears it."""
        with self._lock:
            if text:
                self._problems[name] = text
            else:
                self._problems.pop(name, None)

    def set_notes(self, name: str, texts: Iterable[str]) -> None:
        """Set what part `name` has to say though it works; nothing clears it."""
        with self._lock:
            self._notes[name] = tuple(texts)

    def check(self, now: datetime, limit_for: Mapping[str, timedelta]) -> Health:
        """The health at `now`. Every part in `limit_for` needs a heartbeat within its limit."""
        with self._lock:
            beats, said, notes = dict(self._beats), dict(self._problems), dict(self._notes)
        silent = (_silence(name, beats.get(name), now, limit) for name, limit in limit_for.items())
        problems = (*(f"{name}: {text}" for name, text in sorted(said.items())), *filter(None, silent))
        told = tuple(f"{name}: {text}" for name, texts in sorted(notes.items()) for text in texts)
        return Health(is_ok=not problems, problems=problems, notes=told, beats=beats)


def _silence(name: str, beat_at: datetime | None, now: datetime, limit: timedelta) -> str:
    if beat_at is None:
        return f"{name}: no sign of life yet"
    silent_for = now - beat_at  # negative after the clock was set back, until the next heartbeat
    return f"{name}: no sign of life for {silent_for.total_seconds():.0f} s" if silent_for > limit else ""
