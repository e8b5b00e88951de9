"""Whose turn it is where several wait for a worker process. Decides only; `reading.workers` runs the calls. Pure: times are
passed in.

Each caller (a feed, a host) has a debt: the processor seconds that its calls took, which halve every so often. The one with the
smallest debt is next, so that whoever costs much waits for whoever costs little, whoever costs equally much takes turns, and
who has waited owes ever less. Costs are the processor's and not the clock's: a machine with too much to do makes nobody costly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

HALF_LIFE_SECONDS = 900.0
"""The usual interval of a feed: who was costly once is as others after a few polls."""
CALLERS_KEPT = 10_000


@dataclass(slots=True)
class Costs:
    """What callers cost: their debts, and what the last call of each took."""

    half_life: float = HALF_LIFE_SECONDS
    _debts: dict[str, tuple[float, float]] = field(default_factory=dict)
    _last: dict[str, tuple[float, float]] = field(default_factory=dict)

    def record(self, caller: str, cpu_seconds: float, now: float, *, at_least: float = 0.0) -> None:
        """A call of `caller` took so much processor time, and `at_least` so much had it not been ended: so much the next may
        take.
        """
        self._debts[caller] = self.debt(caller, now) + cpu_seconds, now
        self._last[caller] = max(cpu_seconds, at_least), now
        if len(self._debts) > CALLERS_KEPT:  # whoever was not heard of for longest owes least by now
            oldest = min(self._debts, key=lambda each: self._debts[each][1])
            del self._debts[oldest], self._last[oldest]

    def debt(self, caller: str, now: float) -> float:
        """What a caller owes."""
        return self._faded(self._debts.get(caller), now)

    def expected(self, caller: str, now: float) -> float:
        """What its next call may take: as the last one, less the longer that is ago."""
        return self._faded(self._last.get(caller), now)

    def _faded(self, known: tuple[float, float] | None, now: float) -> float:
        if known is None:
            return 0.0
        seconds, at = known
        return float(seconds * 0.5 ** (max(0.0, now - at) / self.half_life))


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller in a queue. `ticket` is what the queue's owner knows it by; a smaller `number` came earlier."""

    caller: str
    number: int
    ticket: Any


def next_of(waiting: Sequence[Waiting], costs: Costs, now: float) -> Waiting:
    """Whose turn it is: the smallest debt, and among equal ones whoever came first."""
    return min(waiting, key=lambda each: (costs.debt(each.caller, now), each.number))


def one_too_many(waiting: Sequence[Waiting], costs: Costs, now: float, *, room: int) -> Waiting | None:
    """Whom to put off where more wait than there is room for: the largest debt, and among equal ones whoever came last."""
    if len(waiting) <= room:
        return None
    return max(waiting, key=lambda each: (costs.debt(each.caller, now), each.number))
