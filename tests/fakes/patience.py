"""Waiting for what is to come rather than for time to pass, so that no test depends on how fast the machine is.

    soon(lambda: sink.received)                       # in a test
    await soon_on_loop(lambda: site.requests)         # in a coroutine
    assert grows_evenly(lambda times: parse("<b>" * 1_000 * times))

How long something takes on a quiet machine is measured by bench/waiting.py.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds until a test counts as hung. No outcome depends on it: on a machine with ten times too much to do, tests still pass."""
_LOOK_EVERY = 0.02
_MORE = 4
_FLOOR = 0.02
_TRIES = 5


def soon(fact: Callable[[], T], *, within: float = PATIENCE) -> T:
    """Wait until `fact()` is true and return what it said; fails where it does not come true at all."""
    until = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < until, "it did not come true"
        time.sleep(_LOOK_EVERY)
    return found


async def soon_on_loop(fact: Callable[[], T], *, within: float = PATIENCE) -> T:
    """The same without blocking the event loop."""
    until = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < until, "it did not come true"
        await asyncio.sleep(_LOOK_EVERY)
    return found


def grows_evenly(work: Callable[[int], object], *, tries: int = _TRIES) -> bool:
    """Whether `work(4)` costs no more than about four times what `work(1)` costs, and not its square.

    Both are measured by this process's own processor time, and a relation of the two does not depend on the machine. Other
    programs can still disturb it (they empty its caches): several tries are made. Work that is quadratic costs sixteen times as
    much in each of them.
    """
    return any(_seconds(work, _MORE) <= 2 * _MORE * max(_seconds(work, 1), _FLOOR) for _ in range(tries))


def _seconds(work: Callable[[int], object], times: int) -> float:
    began = time.process_time()
    work(times)
    return time.process_time() - began
