"""How much of what is wanted is found: verdicts on matches and on a sample of near misses in, recall with its interval out. Pure.

Found is what matched, times the share of judged matches that was confirmed. Missed is reckoned from the near misses: each judged
one stands for as many as its share says (Horvitz and Thompson), and in each band the sum is scaled to how many really came
(Hajek). What scores below half of the threshold is not sampled and not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENOUGH = 10
"""Near misses that have to be judged, and matches as well."""
_DRAWS = 4_000


@dataclass(frozen=True, slots=True)
class Band:
    """The near misses of a topic at one distance."""

    came: int
    """How many there were, kept or not."""
    kept: int
    judged: tuple[tuple[float, bool], ...] = ()
    """(weight, is wanted) of those of the kept that were judged."""


@dataclass(frozen=True, slots=True)
class Recall:
    """The estimate, or why there is none."""

    value: float | None = None
    low: float = 0.0
    high: float = 1.0
    """95 %."""
    missed: float = 0.0
    """Wanted articles among the near misses, about."""
    judged: int = 0
    """Near misses judged."""
    why_not: str = ""


def estimate(matches: int, judged: int, confirmed: float, bands: Sequence[Band]) -> Recall:
    """`matches`: how many there are in all, of which `judged` were judged and `confirmed` confirmed."""
    looked_at = sum(len(each.judged) for each in bands)
    if why_not := _too_few(judged, looked_at, bands):
        return Recall(judged=looked_at, why_not=why_not)
    if not matches and not any(each.came for each in bands):
        return Recall(judged=looked_at, why_not="nothing came near it yet")
    found = matches * confirmed / judged if judged else 0.0
    missed = sum(each.came * _share(each) for each in bands)
    if found + missed <= 0:
        return Recall(judged=looked_at, why_not="nothing wanted was seen yet, neither found nor missed")
    low, high = _interval(matches, judged, confirmed, bands)
    value = found / (found + missed)
    return Recall(value, min(low, value), max(high, value), missed, looked_at)


def _too_few(judged: int, looked_at: int, bands: Sequence[Band]) -> str:
    """A band of which little was judged could hide anything, unless little was kept of it."""
    if judged < ENOUGH:
        return f"not enough judged yet: {judged} of {ENOUGH} matches"
    wanted = min(ENOUGH, sum(each.kept for each in bands))
    if looked_at < wanted:
        return f"not enough judged yet: {looked_at} of {wanted} near misses"
    empty = [each for each in bands if len(each.judged) < min(2, each.kept)]
    if empty:
        return "not enough judged yet: near misses further from the threshold as well"
    return ""


def _share(band: Band) -> float:
    """Of the near misses in a band, those that are wanted."""
    weight = sum(weight for weight, _ in band.judged)
    return sum(weight for weight, is_wanted in band.judged if is_wanted) / weight if weight else 0.0


def _interval(matches: int, judged: int, confirmed: float, bands: Sequence[Band]) -> tuple[float, float]:
    """By drawing what the unjudged may hold, as far as the judged leave it open. The same numbers give the same interval."""
    draw = np.random.default_rng(0)
    right = draw.beta(confirmed + 0.5, judged - confirmed + 0.5, _DRAWS)
    found = confirmed + max(matches - judged, 0) * right
    missed = np.zeros(_DRAWS)
    for each in bands:
        weights = np.array([weight for weight, _ in each.judged])
        # as many verdicts as the weighted ones are worth (Kish)
        worth = float(weights.sum() ** 2 / (weights**2).sum()) if len(weights) else 0.0
        yes = worth * _share(each)
        missed += each.came * draw.beta(0.5 + yes, 0.5 + worth - yes, _DRAWS)
    recall = found / np.maximum(found + missed, 1e-9)
    low, high = np.quantile(recall, [0.025, 0.975])
    return float(low), float(high)
