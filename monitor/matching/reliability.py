"""Quality of shares and probabilities: confidence intervals, Brier score, calibration error, bins for a plot. Pure.

Each figure comes with the value that chance alone would give, so that few verdicts are taken neither for a fault nor for a
proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.matching.tuning import RELIABILITY_BINS, WILSON_SIGMAS
from monitor.types.matching import MeasuredPrecision


@dataclass(frozen=True, slots=True)
class Forecast:
    """A probability that was given, and the outcome."""

    probability: float
    share: float
    """1 if it came true, 0 if not; between them if verdicts on copies of one text differ."""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of similar probability."""

    low: float
    high: float
    count: int
    forecast: float
    """Mean probability given."""
    came_true: float
    """Share that came true."""
    came_true_low: float
    came_true_high: float
    weight: float
    """Share of the weight of all forecasts, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities were calibrated."""

    count: int
    brier: float
    """Mean squared error: 0 is perfect; always giving the base rate yields `brier_of_base_rate`."""
    brier_of_base_rate: float
    error: float
    """Expected calibration error: weighted mean distance of the bins from the diagonal."""
    error_by_chance: float
    """The error that perfectly calibrated probabilities would show on so few forecasts."""
    bins: tuple[Bin, ...]


def wilson(right: float, of: float) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, which is valid for few observations and for shares of 0 and 1; (0, 1) for none."""
    if of <= 0:
        return 0.0, 1.0
    share, z2 = min(max(right / of, 0.0), 1.0), WILSON_SIGMAS * WILSON_SIGMAS
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = WILSON_SIGMAS / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def describe(probability: float, measured: MeasuredPrecision | None) -> str:
    """For people: '87% likely; precision 41 of 45 judged (79-96%)'."""
    likely = f"{probability:.0%} likely"
    return f"{likely}; {describe_precision(measured)}" if measured else likely


def describe_precision(measured: MeasuredPrecision) -> str:
    """For people: 'precision 41 of 45 judged (79-96%)'."""
    between = f"{measured.low * 100:.0f}-{measured.high:.0%}"
    return f"precision {measured.confirmed} of {measured.judged} judged ({between})"


def measure(forecasts: Sequence[Forecast]) -> Reliability | None:
    """Brier score, calibration error and bins of the forecasts; None without forecasts."""
    total = sum(each.weight for each in forecasts)
    if total <= 0:
        return None
    base = sum(each.share * each.weight for each in forecasts) / total
    bins = _bins(forecasts, total)
    return Reliability(
        count=len(forecasts),
        brier=sum(each.weight * _squared_error(each.probability, each.share) for each in forecasts) / total,
        brier_of_base_rate=sum(each.weight * _squared_error(base, each.share) for each in forecasts) / total,
        error=sum(each.weight * abs(each.forecast - each.came_true) for each in bins),
        error_by_chance=sum(each.weight * _error_by_chance(each) for each in bins),
        bins=bins,
    )


def _squared_error(probability: float, share: float) -> float:
    """Expected squared error of a probability if this share of the verdicts was yes."""
    return share * (1 - probability) ** 2 + (1 - share) * probability**2


def _error_by_chance(each: Bin) -> float:
    """Expected distance of a share of `count` observations from its true value: sqrt(2 / pi) standard deviations."""
    return math.sqrt(2 / math.pi * each.forecast * (1 - each.forecast) / each.count)


def _bins(forecasts: Sequence[Forecast], total: float) -> tuple[Bin, ...]:
    within: list[list[Forecast]] = [[] for _ in range(RELIABILITY_BINS)]
    for each in forecasts:
        within[min(int(each.probability * RELIABILITY_BINS), RELIABILITY_BINS - 1)].append(each)
    return tuple(_bin(at, found, total) for at, found in enumerate(within) if found)


def _bin(at: int, found: Sequence[Forecast], total: float) -> Bin:
    weight = sum(each.weight for each in found)
    true = sum(each.share * each.weight for each in found) / weight
    # effective sample size (Kish)
    effective_count = weight * weight / sum(each.weight**2 for each in found)
    low, high = wilson(true * effective_count, effective_count)
    forecast = sum(each.probability * each.weight for each in found) / weight
    return Bin(
        at / RELIABILITY_BINS, (at + 1) / RELIABILITY_BINS, len(found), forecast, true, low, high, weight / total
    )
