"""How far a score is above or below its threshold: one formula for the matcher, its commands, the store and the benchmarks. Pure.

Score and threshold are both raised by a small constant (SHIFT) before one is divided by the other, so that thresholds near zero
do not make any score look large. Every percentage "of the threshold" that people see is `share`.
"""

from __future__ import annotations

import math

from monitor.matching.tuning import FURTHEST_MARGIN, SHIFT


def share(score: float, threshold: float, factor: float = 1.0) -> float:
    """How much of its threshold a score reaches: 1 at the threshold, above 1 beyond it, below 0 for a score below -SHIFT.

    `factor` is what the topic's sensitivity multiplied the threshold by; given it, the share is that of the balanced threshold.
    """
    return factor * (score + SHIFT) / max(threshold + SHIFT, SHIFT)


def margin(score: float, threshold: float, factor: float = 1.0) -> float:
    """The natural logarithm of the share: 0 at the threshold, positive above it, -FURTHEST_MARGIN where the share is not positive.

    `factor` as for `share`: a sensitivity says what is told, not how likely it is wanted, so calibration gives it. NaN where score
    or threshold is no number, or the threshold is not above -SHIFT.
    """
    if not threshold > -SHIFT:
        return math.nan
    reached = share(score, threshold, factor)
    if reached > 0:
        return math.log(reached)
    return -FURTHEST_MARGIN if math.isfinite(score) and math.isfinite(threshold) else math.nan


def threshold_at(threshold: float, factor: float) -> float:
    """The inverse of `share`: the score that reaches `factor` of this threshold. A cosine; the threshold itself at factor 1."""
    return (threshold + SHIFT) * factor - SHIFT
