"""The number of alerts of the next day, as an interval. Pure.

This is the interval of one day's count, not of the mean: with 1.6 a day on average, five on one day is nothing unusual. The count
follows a negative binomial distribution: a Poisson count whose rate varies from day to day. Recent days weigh more, because news
on a topic comes in waves; and how much the rate varies is learned from how far days were from what the days before them had led
one to expect (docs/matching.md, "Forecast").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitor.matching.tuning import (
    FORECAST_HALF_LIFE,
    FORECAST_MOST,
    FORECAST_PRIOR,
    FORECAST_SPREAD_HALF_LIFE,
    FORECAST_SPREAD_MOST,
    FORECAST_SPREAD_PRIOR,
    RATE_COVERAGE,
)


@dataclass(frozen=True, slots=True)
class NextDay:
    """The interval that contains the next day's count nine times in ten (RATE_COVERAGE), ends included."""

    low: int
    high: int

    def __str__(self) -> str:
        return f"tomorrow most likely {self.low} to {self.high} (nine days in ten)"


@dataclass(slots=True)
class _Rate:
    """A topic's expected count and the relative variance of its rate, followed day by day."""

    count: float = FORECAST_PRIOR[0]
    days: float = FORECAST_PRIOR[1]
    spread: float = FORECAST_SPREAD_PRIOR[0] * FORECAST_SPREAD_PRIOR[1]
    spread_weight: float = FORECAST_SPREAD_PRIOR[1]

    @property
    def mean(self) -> float:
        return self.count / self.days

    @property
    def variance(self) -> float:
        """Relative variance of the rate: at least what is left open by so few alerts. At most FORECAST_SPREAD_MOST: after a burst
        on a quiet topic it would be so large that nearly all days had none, and the interval would end at 0."""
        return max(min(self.spread / self.spread_weight, FORECAST_SPREAD_MOST), 1 / self.count)

    def follow(self, count: float) -> None:
        """Learn from the next day. The priors keep their weight while days lose theirs."""
        excess, kept = (count - self.mean) ** 2 - self.mean, 0.5 ** (1 / FORECAST_SPREAD_HALF_LIFE)
        spread, weight = FORECAST_SPREAD_PRIOR
        self.spread = kept * self.spread + excess + (1 - kept) * spread * weight
        self.spread_weight = kept * self.spread_weight + self.mean**2 + (1 - kept) * weight
        kept = 0.5 ** (1 / FORECAST_HALF_LIFE)
        self.count = kept * self.count + count + (1 - kept) * FORECAST_PRIOR[0]
        self.days = kept * self.days + 1 + (1 - kept) * FORECAST_PRIOR[1]


def next_day(by_day: Sequence[float]) -> NextDay:
    """The interval for the day after these, of which the latest is the last."""
    rate = _Rate()
    for count in by_day:
        rate.follow(count)
    tail = (1 - RATE_COVERAGE) / 2
    low = high = None
    for count, below in enumerate(_cumulative(rate.mean, rate.variance)):
        low = count if low is None and below >= tail else low
        high = count
        if below >= 1 - tail or count == FORECAST_MOST:
            break
    return NextDay(high or 0 if low is None else low, high or 0)


def _cumulative(mean: float, variance: float) -> Iterator[float]:
    """P(X <= 0), P(X <= 1), ... of a Poisson count whose rate has this mean and this relative variance (gamma)."""
    shape = 1 / variance
    log = shape * math.log(shape / (shape + mean))
    total, count = 0.0, 0
    while True:
        total += math.exp(log)
        yield total
        log += math.log((count + shape) / (count + 1)) + math.log(mean / (shape + mean))
        count += 1
