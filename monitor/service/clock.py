"""What time it is. The only place that asks the system; everybody else is handed `now`.

A scaled clock lets the demo and the replays live a week in minutes: `speed` seconds pass in one, counted from `start_at` at the
real moment `real_start_at`, so that a process that is killed and started again goes on in the same time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Call it for the time: aware, UTC."""

    speed: float = 1.0
    start_at: datetime | None = None
    real_start_at: datetime | None = None

    def __call__(self) -> datetime:
        real = datetime.now(UTC)
        if self.start_at is None or self.real_start_at is None:
            return real
        return self.start_at + (real - self.real_start_at) * self.speed

    def real_seconds(self, span_for: timedelta) -> float:
        """How long `span_for` takes outside."""
        return span_for.total_seconds() / self.speed


@dataclass(slots=True)
class SteadyClock:
    """The time as it would be had nobody set the system's clock since we began."""

    _began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)


def started(speed: float, start_at: datetime | None, real_start_at: datetime | None) -> Clock:
    """A clock with its beginning filled in: now, where none is given."""
    if speed == 1.0 and start_at is None:
        return Clock()
    real = datetime.now(UTC)
    return Clock(speed, start_at or real, real_start_at or real)
