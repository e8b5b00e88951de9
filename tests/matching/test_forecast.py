"""The next day's alerts as an interval: of one day's count, by what the days before were like."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.alert_rate import rate
from monitor.matching.forecast import next_day
from monitor.matching.tuning import RATE_COVERAGE


def poisson(draw: random.Random, mean: float) -> int:
    count, product, limit = 0, draw.random(), math.exp(-mean)
    while product > limit:
        count, product = count + 1, product * draw.random()
    return count


def covered(means: list[float], draw: random.Random, *, gamma: float = 0) -> float:
    """The share of days that lay within the interval of the thirty before."""
    inside = days = 0
    for mean in means:
        counts = [poisson(draw, mean * (draw.gammavariate(gamma, 1 / gamma) if gamma else 1)) for _ in range(120)]
        for at in range(30, len(counts)):
            found = next_day(counts[at - 30 : at])
            inside += found.low <= counts[at] <= found.high
            days += 1
    return inside / days


def test_nine_in_ten_days_lie_inside_whether_they_are_alike_or_not() -> None:
    for gamma in (0, 1.0, 3.0):
        assert RATE_COVERAGE - 0.02 <= covered([0.3, 1, 3, 8, 25], random.Random(1), gamma=gamma) <= 0.99


def test_it_is_the_interval_of_a_day_and_not_of_the_mean() -> None:
    """A month of the same rate tells the mean well, and yet no two days are alike."""
    draw = random.Random(2)
    found = rate([poisson(draw, 4) for _ in range(30)])
    assert found.high - found.low < 2
    assert found.next_day.high - found.next_day.low > 4
    assert f"about {found.a_day:.2g} a day; tomorrow most likely {found.next_day.low} to" in str(found)


def test_recent_days_count_more_than_old_ones() -> None:
    quiet, busy = [0] * 25, [6, 8, 5, 7, 6]
    assert next_day(quiet + busy).high > next_day(busy + quiet).high
    assert next_day(busy + quiet).high <= 2


def test_a_burst_on_a_quiet_topic_makes_the_next_day_less_sure() -> None:
    highest = [next_day([0] * 29 + [burst]).high for burst in (0, 2, 5, 20, 100, 500, 5_000)]
    assert highest == sorted(highest)
    assert highest[0] == 0
    assert highest[-2] > 100


def test_uneven_days_make_it_wider() -> None:
    even, uneven = [4] * 30, [0, 8] * 15
    assert next_day(uneven).high - next_day(uneven).low > next_day(even).high - next_day(even).low


def test_little_is_claimed_of_a_topic_without_days() -> None:
    assert (next_day([]).low, next_day([0, 0]).low) == (0, 0)
    assert next_day([]).high >= 1
    assert rate([]).next_day == next_day([])


@pytest.mark.parametrize("count", [0, 1, 40, 3_000])
def test_a_steady_count_is_inside(count: int) -> None:
    found = next_day([count] * 30)
    assert found.low <= count <= found.high


@given(st.lists(st.floats(0, 5_000), max_size=30))
def test_every_history_gives_an_interval(by_day: list[float]) -> None:
    found = next_day(by_day)
    assert 0 <= found.low <= found.high
