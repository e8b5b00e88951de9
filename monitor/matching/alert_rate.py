"""What a topic costs its readers: alerts a day with their range, for what is asked and for each of the words. Pure.

In goes what came near a topic over some days (monitor.matching.sensitivity.ScoredArchive) or how many alerts each day had; out come figures for people.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.matching.sensitivity import WORDS, AppliedSensitivity, ScoredArchive, told
from monitor.matching.tuning import BOOTSTRAP_DAYS, BOOTSTRAP_DRAWS, RATE_COVERAGE, RATE_NORMAL_FROM, RATE_SIGMAS


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRate:
    """Alerts a day with their range."""

    a_day: float
    low: float
    high: float
    alerts: int
    days: int

    def __str__(self) -> str:
        return f"about {self.a_day:.2g} ({self.low:.2g} to {self.high:.2g}, nine times in ten)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityCost:
    """What one sensitivity would tell."""

    sensitivity: str
    factor: float
    """On the threshold of a balanced topic."""
    rate: AlertRate
    is_in_force: bool


def sensitivity_costs(
    sensitivity: str, setting: AppliedSensitivity, archive: ScoredArchive
) -> tuple[SensitivityCost, ...]:
    """Of the three words and of what the topic asks for, strictest first; none where no whole day has been seen."""
    if archive.days < 1:
        return ()
    found = [
        SensitivityCost(sensitivity=asked, factor=factor, rate=_of(archive, factor), is_in_force=asked == sensitivity)
        for asked, factor in {**WORDS, sensitivity: setting.factor}.items()
    ]
    return tuple(sorted(found, key=lambda each: -each.factor))


def _of(archive: ScoredArchive, factor: float) -> AlertRate:
    by_day, samples = told(archive, factor)
    return rate(by_day, days=archive.days, samples=samples)


def rate(by_day: Sequence[float], *, days: float | None = None, samples: float | None = None) -> AlertRate:
    """Alerts a day from those of each day, with a range for the mean: what chance alone leaves open (Poisson, exact) and, from a
    week on, what the days' own unevenness does (bootstrap over days); the wider of the two on either side. News comes in
    bursts, so a month without the event says little of the day on which it comes.

    `days` where they are no whole number. `samples`: how many independent observations the alerts rest on, where some of them
    are samples that stand for several; fewer say less."""
    span, alerts = days or len(by_day), sum(by_day)
    if not span:
        return AlertRate(a_day=0.0, low=0.0, high=0.0, alerts=0, days=0)
    each = alerts / samples if samples else 1.0
    low, high = (bound * each / span for bound in _poisson(round(alerts / each)))
    if len(by_day) >= BOOTSTRAP_DAYS and alerts:
        drawn = np.random.default_rng(0).choice(np.array(by_day), (BOOTSTRAP_DRAWS, len(by_day))).sum(axis=1) / span
        least, most = np.quantile(drawn, ((1 - RATE_COVERAGE) / 2, (1 + RATE_COVERAGE) / 2))
        low, high = min(low, float(least)), max(high, float(most))
    return AlertRate(
        a_day=round(alerts / span, 3), low=round(low, 3), high=round(high, 3), alerts=round(alerts), days=round(span)
    )


def _poisson(count: int) -> tuple[float, float]:
    """The exact interval for the mean of a Poisson count (Garwood 1936); of a great many the normal one, which is as good."""
    tail = (1 - RATE_COVERAGE) / 2
    if count > RATE_NORMAL_FROM:
        return count - RATE_SIGMAS * math.sqrt(count), count + RATE_SIGMAS * math.sqrt(count)
    low = _where(lambda mean: 1 - _at_most(count - 1, mean), tail, count) if count else 0.0
    return low, _where(lambda mean: -_at_most(count, mean), -tail, count)


def _at_most(count: int, mean: float) -> float:
    """The chance of at most `count` where `mean` are expected."""
    logs = [number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(count + 1)] if mean else [0.0]
    return math.fsum(math.exp(each) for each in logs)


def _where(rising: Any, wanted: float, count: int) -> float:
    """Where a rising function takes a value, by halving."""
    low, high = 1e-9, count + 6 * math.sqrt(count + 1) + 6
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2
