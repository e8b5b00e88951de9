"""The clock of the program: real, or scaled for demonstrations and replays. Everything else gets the time passed as `now`.

A scaled clock runs a week in minutes: it advances `speed` seconds per real second, from `start_at` at the real time
`real_start_at`, so that a process that is killed and started again continues on the same time line.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True)
class Clock:
    """Calling it returns the time, an aware datetime in UTC."""

    speed: float = 1.0
    start_at: datetime | None = None
    real_start_at: datetime | None = None

    def __call__(self) -> datetime:
        real = datetime.now(UTC)
        if self.start_at is None or self.real_start_at is None:
            return real
        return self.start_at + (real - self.real_start_at) * self.speed

    def real_seconds(self, span_for: timedelta) -> float:
        """The real seconds that `span_for` of this clock takes."""
        return span_for.total_seconds() / self.speed


@dataclass(slots=True)
class SteadyClock:
    """UTC time from the monotonic clock, not affected by changes of the system clock since its creation."""

    _began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    _began: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return self._began_at + timedelta(seconds=time.monotonic() - self._began)


def from_settings(speed: float, start_at: datetime | None, real_start_at: datetime | None) -> Clock:
    """A clock from the settings; missing start times are the present. Without a speed and a start, the real clock."""
    if speed == 1.0 and start_at is None:
        return Clock()
    real = datetime.now(UTC)
    return Clock(speed, start_at or real, real_start_at or real)
