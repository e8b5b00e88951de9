"""Alerts a day to expect from a topic, for each sensitivity it could have. Pure.

`topics show`, `topics try` and the page all say what `sensitivity_costs` finds in the scores of an archive
(monitor.matching.sensitivity.ScoredArchive). An alert is a story told once, however many articles it has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.matching.forecast import NextDay, next_day
from monitor.matching.sensitivity import WORDS, AppliedSensitivity, ScoredArchive, alerts_by_day
from monitor.matching.tuning import BOOTSTRAP_DAYS, BOOTSTRAP_DRAWS, RATE_COVERAGE, RATE_NORMAL_FROM, RATE_SIGMAS


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRate:
    """Alerts a day: their mean, how sure that is, and what to expect of the next day."""

    a_day: float
    low: float
    high: float
    """Interval of the mean (RATE_COVERAGE): how sure `a_day` is."""
    next_day: NextDay
    """Interval of the next day's count."""
    alerts: int
    days: int

    def __str__(self) -> str:
        return f"about {self.a_day:.2g} a day; {self.next_day}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityCost:
    """The alert rate that one sensitivity would cause."""

    sensitivity: str
    factor: float
    """Multiplier of the balanced threshold."""
    rate: AlertRate
    is_in_force: bool


def sensitivity_costs(
    sensitivity: str, setting: AppliedSensitivity, archive: ScoredArchive
) -> tuple[SensitivityCost, ...]:
    """Costs of the three words and of `sensitivity`, the one in force; strictest first. Empty for an archive of less than a
    day."""
    if archive.days < 1:
        return ()
    found = [
        SensitivityCost(sensitivity=asked, factor=factor, rate=_rate(archive, factor), is_in_force=asked == sensitivity)
        for asked, factor in {**WORDS, sensitivity: setting.factor}.items()
    ]
    return tuple(sorted(found, key=lambda each: -each.factor))


def _rate(archive: ScoredArchive, factor: float) -> AlertRate:
    found = alerts_by_day(archive, factor)
    return rate(found.by_day, days=archive.days, alerts=found.total, samples=found.samples)


def rate(
    by_day: Sequence[float], *, days: float | None = None, alerts: float | None = None, samples: float | None = None
) -> AlertRate:
    """The alert rate of a period. The interval of its mean is the wider, at either end, of the exact Poisson interval and, from a
    week on, a bootstrap over days. The bootstrap is needed because news comes in bursts: a month without the event says little of
    the day on which it comes.

    `by_day`: alerts of each whole day, the latest last. `days`, `alerts`: length of the period and all its alerts, where it is not
    a whole number of days. `samples`: number of independent observations behind the alerts, where sampled articles stand for
    several; fewer widen the interval.
    """
    span = days or len(by_day)
    total: float = math.fsum(by_day) if alerts is None else alerts
    if not span:
        return AlertRate(a_day=0.0, low=0.0, high=0.0, next_day=next_day(()), alerts=0, days=0)
    each = total / samples if samples else 1.0
    low, high = (bound * each / span for bound in _poisson_interval(round(total / each)))
    if len(by_day) >= BOOTSTRAP_DAYS and total:
        drawn = np.random.default_rng(0).choice(np.array(by_day), (BOOTSTRAP_DRAWS, len(by_day))).mean(axis=1)
        least, most = np.quantile(drawn, ((1 - RATE_COVERAGE) / 2, (1 + RATE_COVERAGE) / 2))
        low, high = min(low, float(least)), max(high, float(most))
    return AlertRate(
        a_day=round(total / span, 3),
        low=round(low, 3),
        high=round(high, 3),
        next_day=next_day(by_day),
        alerts=round(total),
        days=round(span),
    )


def _poisson_interval(count: int) -> tuple[float, float]:
    """Interval for the mean of a Poisson count: exact (Garwood 1936), or normal for large counts."""
    tail = (1 - RATE_COVERAGE) / 2
    if count > RATE_NORMAL_FROM:
        return count - RATE_SIGMAS * math.sqrt(count), count + RATE_SIGMAS * math.sqrt(count)
    low = _bisect(lambda mean: 1 - _poisson_cdf(count - 1, mean), tail, count) if count else 0.0
    return low, _bisect(lambda mean: -_poisson_cdf(count, mean), -tail, count)


def _poisson_cdf(count: int, mean: float) -> float:
    """P(X <= count) for a Poisson variable with this mean."""
    logs = [number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(count + 1)] if mean else [0.0]
    return math.fsum(math.exp(each) for each in logs)


def _bisect(rising: Any, wanted: float, count: int) -> float:
    """The argument at which an increasing function takes the value `wanted`."""
    low, high = 1e-9, count + 6 * math.sqrt(count + 1) + 6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2
