"""Health of the service, as `/healthz` and the status page answer it and the watchdog acts on it (C4).

Each part that works regularly sends heartbeats and may report a problem; a heartbeat that is overdue is a problem too. Kept in
memory: a check reads neither disk nor store, and takes the time as an argument. What only the store can tell (late feeds, dead
nodes) is found out in the background and added with its age (service.observer).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from monitor.types.condition import Problem, silent_part, worst_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """The state of the service. `beats`: part -> its last heartbeat, aware UTC."""

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    """What people should know though all works: public texts, without paths, addresses or versions (U21)."""
    beats: Mapping[str, datetime] = field(default_factory=dict)
    age_for: timedelta | None = None
    """How long ago the store was last looked at; None where that plays no part, or was not done yet."""

    @property
    def is_ok(self) -> bool:
        """Whether enough is polled: problems beside that are said, but do not make the service fail."""
        return not any(each.is_outage for each in self.problems)

    def and_also(self, found: Iterable[Problem], age_for: timedelta | None) -> Health:
        """With the problems that were found `age_for` ago; what is known by itself already is not said twice."""
        known = {each.code for each in self.problems}
        more = (each for each in found if each.code not in known)
        return replace(self, problems=worst_first((*self.problems, *more)), age_for=age_for)


class Heartbeats:
    """Collects heartbeats and problems of the parts of the service. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._beats: dict[str, datetime] = {}
        self._problems: dict[str, Problem] = {}
        self._notes: dict[str, tuple[str, ...]] = {}

    def beat(self, name: str, at: datetime) -> None:
        """Record a heartbeat of part `name`."""
        with self._lock:
            self._beats[name] = at

    def set_problem(self, name: str, problem: Problem | None) -> None:
        """Set the problem of part `name`; None clears it."""
        with self._lock:
            if problem:
                self._problems[name] = problem
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
        problems = (*(said[name] for name in sorted(said)), *(silent_part(each) for each in silent if each))
        texts = tuple(f"{name}: {text}" for name, listed in sorted(notes.items()) for text in listed)
        return Health(problems=problems, notes=texts, beats=beats)


def _silence(name: str, beat_at: datetime | None, now: datetime, limit: timedelta) -> str:
    if beat_at is None:
        return f"{name}: no sign of life yet"
    silent_for = now - beat_at  # negative after the clock was set back, until the next heartbeat
    return f"{name}: no sign of life for {silent_for.total_seconds():.0f} s" if silent_for > limit else ""
