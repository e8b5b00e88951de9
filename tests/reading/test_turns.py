"""Fair turns among feeds that cost much and feeds that cost little, over hours of a clock that only jumps from one event to
the next.
"""

from __future__ import annotations

import asyncio
import pickle
import selectors
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from monitor.reading.turns import HALF_LIFE_SECONDS, Costs, Waiting, next_of, one_too_many
from monitor.reading.workers import Workers, _Slot
from monitor.types.errors import BusyError, ParseError

LIMIT = 10.0


def waiting(*callers: str) -> list[Waiting]:
    return [Waiting(caller, number, None) for number, caller in enumerate(callers)]


def test_fault_s3_debts_and_marks_wear_off() -> None:
    costs = Costs()
    costs.record("feed", 8.0, now=100.0)
    assert costs.debt("feed", 100.0) == costs.expected("feed", 100.0) == 8.0
    assert costs.expected("feed", 100.0 + 3 * HALF_LIFE_SECONDS) == pytest.approx(1.0)
    costs.record("feed", 1.0, now=100.0 + HALF_LIFE_SECONDS)
    assert costs.expected("feed", 100.0 + HALF_LIFE_SECONDS) == 1.0
    assert costs.debt("feed", 100.0 + HALF_LIFE_SECONDS) == pytest.approx(5.0)


def test_fault_s3_the_smallest_debt_is_next_and_the_largest_is_put_off() -> None:
    costs = Costs()
    costs.record("hostile", 10.0, now=0.0)
    costs.record("large", 3.0, now=0.0)
    queue = waiting("hostile", "large", "new", "newer")
    assert next_of(queue, costs, 0.0).caller == "new"
    assert next_of(queue[:2], costs, 0.0).caller == "large"
    found = one_too_many(queue, costs, 0.0, room=3)
    assert found is not None
    assert found.caller == "hostile"
    assert one_too_many(queue, costs, 0.0, room=4) is None
    last = one_too_many(waiting("a", "b"), costs, 0.0, room=1)
    assert last is not None
    assert last.caller == "b"


def test_costs_of_callers_that_are_long_gone_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.reading.turns.CALLERS_KEPT", 2)
    costs = Costs()
    for number in range(4):
        costs.record(f"feed-{number}", 1.0, now=float(number))
    assert [costs.debt(f"feed-{number}", 4.0) > 0 for number in range(4)] == [False, False, True, True]


# --- hours of polls ---------------------------------------------------------------------------------------------------


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop on whose clock nothing takes time but sleeping."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self.now = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def leap(timeout: float | None = None) -> Any:
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = leap  # type: ignore[attr-defined]

    def time(self) -> float:
        return self.now


class Imagined(Workers):
    """Workers whose calls take the processor time that they are told, and are killed at their limit."""

    async def _answer(self, slot: _Slot, fn: Callable[..., Any], args: tuple[Any, ...], limit_for: timedelta) -> bytes:
        (costs,) = args
        limit = limit_for.total_seconds()
        await asyncio.sleep(min(costs, limit))
        if costs > limit:
            from monitor.reading.workers import _OutOfTimeError

            raise _OutOfTimeError(f"it took longer than {limit:g} s", code="too costly")
        return pickle.dumps((True, None, costs))


class Operator:
    """Feeds that are polled as the daemon polls them: `places` at once, the longest overdue first, put off where they have
    to be.
    """

    def __init__(self, workers: Workers, places: int) -> None:
        self.workers, self.places = workers, places
        self.due: dict[str, tuple[float, float, float]] = {}
        self.read_at: dict[str, list[float]] = {}

    def has(self, name: str, *, costs: float, interval: float) -> None:
        self.due[name] = (0.0, costs, interval)
        self.read_at[name] = [0.0]

    async def work(self, hours: float) -> None:
        loop = asyncio.get_running_loop()
        under_way: dict[asyncio.Task[None], str] = {}
        while loop.time() < hours * 3600:
            under_way = {task: name for task, name in under_way.items() if not task.done()}
            late = sorted((at, name) for name, (at, _, _) in self.due.items() if at <= loop.time())
            for _, name in [each for each in late if each[1] not in under_way.values()]:
                if len(under_way) < self.places:
                    under_way[asyncio.create_task(self._poll(name))] = name
            await asyncio.sleep(1)
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _poll(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        _, costs, interval = self.due[name]
        delay = interval
        try:
            async with asyncio.timeout(100):
                await self.workers.run_for(name, abs, costs)
            self.read_at[name].append(loop.time())
        except ParseError:
            pass  # as a hostile one would have it: no back-off
        except (BusyError, TimeoutError):
            delay = min(interval, 300.0)
        self.due[name] = (loop.time() + delay, costs, interval)

    def longest_gap(self, name: str, hours: float) -> float:
        times = [*self.read_at[name], hours * 3600]
        return max(later - earlier for earlier, later in pairwise(times))


@pytest.mark.parametrize("places", [16, 4])
@pytest.mark.parametrize("hostile_costs", [1e6, 9.9, 2.9, 0.99])
def test_fault_s3_ten_honest_feeds_are_on_time_among_thirty_costly_ones(places: int, hostile_costs: float) -> None:
    """Of the honest ones two are large. Costly ones come every five minutes, and whatever they cost, they do not back off. With
    four places for polls a large one may lose its first turns to costly ones that nobody knows yet, but not a whole interval.
    """
    hours = 4.0
    desk = Operator(Imagined(1, timedelta(seconds=LIMIT), waiting=max(1, min(8, places // 2))), places)
    for number in range(30):
        desk.has(f"a-costly-{number}", costs=hostile_costs, interval=300.0)
    for number in range(10):
        desk.has(f"honest-{number}", costs=2.5 if number < 2 else 0.3, interval=900.0)
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        runner.run(desk.work(hours))
    gaps = {name: desk.longest_gap(name, hours) for name in desk.due if name.startswith("honest")}
    small = {name: gap for name, gap in gaps.items() if int(name[-1]) >= 2}
    assert max(small.values()) < 900.0 + 60.0, gaps
    assert max(gaps.values()) < (900.0 + 120.0 if places == 16 else 2 * 900.0), gaps
