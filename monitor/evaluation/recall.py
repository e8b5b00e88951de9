"""Estimate recall with its interval, from verdicts on matches and on a sample of near misses.

Found wanted articles: matches, times the share of judged matches that was confirmed. Missed wanted articles are estimated from
the near misses: each judged one is weighted by the inverse of its sampling probability (Horvitz and Thompson), and each band is
scaled to the number of near misses that really came (Hajek). What scores below half of the threshold is neither sampled nor
counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENOUGH = 10
"""Near misses that must be judged, and also matches."""
_DRAWS = 4_000
"""Random draws for the interval."""


@dataclass(frozen=True, slots=True)
class Band:
    """The near misses of a topic within one range of margins."""

    came: int
    """How many there were, kept or not."""
    kept: int
    judged: tuple[tuple[float, bool], ...] = ()
    """(weight, is wanted) of each judged one."""


@dataclass(frozen=True, slots=True)
class Recall:
    """The estimate, or the reason why there is none."""

    value: float | None = None
    low: float = 0.0
    high: float = 1.0
    """95 % interval."""
    missed: float = 0.0
    """Estimated number of wanted articles among the near misses."""
    judged: int = 0
    """Judged near misses."""
    why_not: str = ""


def estimate(matches: int, judged: int, confirmed: float, bands: Sequence[Band]) -> Recall:
    """Estimate recall: of all `matches`, `judged` were judged and `confirmed` of these confirmed."""
    near_judged = sum(len(each.judged) for each in bands)
    if why_not := _too_few(judged, near_judged, bands):
        return Recall(judged=near_judged, why_not=why_not)
    if not matches and not any(each.came for each in bands):
        return Recall(judged=near_judged, why_not="nothing came near it yet")
    found = matches * confirmed / judged if judged else 0.0
    missed = sum(each.came * _share(each) for each in bands)
    if found + missed <= 0:
        return Recall(judged=near_judged, why_not="nothing wanted was seen yet, neither found nor missed")
    low, high = _interval(matches, judged, confirmed, bands)
    value = found / (found + missed)
    return Recall(value, min(low, value), max(high, value), missed, near_judged)


def _too_few(judged: int, near_judged: int, bands: Sequence[Band]) -> str:
    """Return why there is no estimate, or ''. A band with few verdicts could hide anything, unless few near misses of it were
    kept."""
    if judged < ENOUGH:
        return f"not enough judged yet: {judged} of {ENOUGH} matches"
    wanted = min(ENOUGH, sum(each.kept for each in bands))
    if near_judged < wanted:
        return f"not enough judged yet: {near_judged} of {wanted} near misses"
    empty = [each for each in bands if len(each.judged) < min(2, each.kept)]
    if empty:
        return "not enough judged yet: near misses further from the threshold as well"
    return ""


def _share(band: Band) -> float:
    """Return the weighted share of wanted articles among the judged near misses of a band."""
    weight = sum(weight for weight, _ in band.judged)
    return sum(weight for weight, is_wanted in band.judged if is_wanted) / weight if weight else 0.0


def _interval(matches: int, judged: int, confirmed: float, bands: Sequence[Band]) -> tuple[float, float]:
    """Return the 95 % interval, by drawing the unjudged articles from the posterior. The seed is fixed: equal input, equal
    interval."""
    draw = np.random.default_rng(0)
    right = draw.beta(confirmed + 0.5, judged - confirmed + 0.5, _DRAWS)
    found = confirmed + max(matches - judged, 0) * right
    missed = np.zeros(_DRAWS)
    for each in bands:
        weights = np.array([weight for weight, _ in each.judged])
        # effective sample size of the weighted verdicts (Kish)
        effective = float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
        wanted = effective * _share(each)
        missed += each.came * draw.beta(0.5 + wanted, 0.5 + effective - wanted, _DRAWS)
    recall = found / np.maximum(found + missed, 1e-9)
    low, high = np.quantile(recall, [0.025, 0.975])
    return float(low), float(high)
