"""How right a share or a probability is: intervals, Brier score, calibration error, bins for a plot. Numbers in, numbers out.

Pure; knows no topic and no model. Every figure comes with what chance alone would do to it, so that a small number of verdicts is
not read as a fault or as a proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.matching.tuning import RELIABILITY_BINS, WILSON_SIGMAS
from monitor.types.matching import MeasuredPrecision


@dataclass(frozen=True, slots=True)
class Forecast:
    """A probability that was given, and what came true."""

    probability: float
    share: float
    """1 where it came true, 0 where not; between them where copies of one text were judged both ways."""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Forecasts of about one probability."""

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
    """Of all forecasts' weight, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well probabilities were calibrated."""

    count: int
    brier: float
    """Mean squared error: 0 is perfect; always saying the base rate gives `brier_of_base_rate`."""
    brier_of_base_rate: float
    error: float
    """Expected calibration error: mean distance of the bins from the diagonal, by weight."""
    error_by_chance: float
    """What perfectly calibrated probabilities would show on so few."""
    bins: tuple[Bin, ...]


def wilson(right: float, of: float) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's, which holds for few and for all or none); (0, 1) of nothing."""
    if of <= 0:
        return 0.0, 1.0
    share, z2 = min(max(right / of, 0.0), 1.0), WILSON_SIGMAS * WILSON_SIGMAS
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = WILSON_SIGMAS / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return (0.0 if share == 0 else low), (1.0 if share == 1 else high)


def words(probability: float, measured: MeasuredPrecision | None) -> str:
    """For people: '87% likely; precision 41 of 45 judged (79-96%)'."""
    likely = f"{probability:.0%} likely"
    return f"{likely}; {precision(measured)}" if measured else likely


def precision(measured: MeasuredPrecision) -> str:
    """For people: 'precision 41 of 45 judged (79-96%)'."""
    between = f"{measured.low * 100:.0f}-{measured.high:.0%}"
    return f"precision {measured.confirmed} of {measured.judged} judged ({between})"


def measure(forecasts: Sequence[Forecast]) -> Reliability | None:
    """All of it; None of nothing."""
    total = sum(each.weight for each in forecasts)
    if total <= 0:
        return None
    base = sum(each.share * each.weight for each in forecasts) / total
    bins = _bins(forecasts, total)
    return Reliability(
        count=len(forecasts),
        brier=sum(each.weight * _squared(each.probability, each.share) for each in forecasts) / total,
        brier_of_base_rate=sum(each.weight * _squared(base, each.share) for each in forecasts) / total,
        error=sum(each.weight * abs(each.forecast - each.came_true) for each in bins),
        error_by_chance=sum(each.weight * _by_chance(each) for each in bins),
        bins=bins,
    )


def _squared(probability: float, share: float) -> float:
    """Expected squared error where `share` of the verdicts on it were yes."""
    return share * (1 - probability) ** 2 + (1 - share) * probability**2


def _by_chance(each: Bin) -> float:
    """Mean distance of a share of `count` from its true value: sqrt(2 / pi) standard deviations."""
    return math.sqrt(2 / math.pi * each.forecast * (1 - each.forecast) / each.count)


def _bins(forecasts: Sequence[Forecast], total: float) -> tuple[Bin, ...]:
    within: list[list[Forecast]] = [[] for _ in range(RELIABILITY_BINS)]
    for each in forecasts:
        within[min(int(each.probability * RELIABILITY_BINS), RELIABILITY_BINS - 1)].append(each)
    return tuple(_bin(at, found, total) for at, found in enumerate(within) if found)


def _bin(at: int, found: Sequence[Forecast], total: float) -> Bin:
    weight = sum(each.weight for each in found)
    true = sum(each.share * each.weight for each in found) / weight
    # as many as the weighted ones are worth (Kish)
    worth = weight * weight / sum(each.weight**2 for each in found)
    low, high = wilson(true * worth, worth)
    forecast = sum(each.probability * each.weight for each in found) / weight
    return Bin(
        at / RELIABILITY_BINS, (at + 1) / RELIABILITY_BINS, len(found), forecast, true, low, high, weight / total
    )
