"""How far a score is above or below its threshold: one formula for the matcher, commands, store and benchmarks. Pure.

SHARE_OFFSET is added to score and threshold before they are divided, so that thresholds near zero do not make every score look
large. Every percentage "of the threshold" that people see is `share`.
"""

from __future__ import annotations

import math

from monitor.matching.tuning import MATCH_STRATA, MAX_MARGIN, SHARE_OFFSET
from monitor.types.matching import Score


def share(score: float, threshold: float, factor: float = 1.0) -> float:
    """Score as a share of its threshold: 1 at the threshold, above 1 beyond it, negative for a score below -SHARE_OFFSET.

    `factor` is what the topic's sensitivity multiplied the threshold by; given it, the share is that of the balanced threshold.
    """
    return factor * (score + SHARE_OFFSET) / max(threshold + SHARE_OFFSET, SHARE_OFFSET)


def prior_share(score: Score) -> float:
    """The share of the balanced threshold without what answers added. An answer is compared with it: otherwise what a topic learns
    would depend on the order in which its owner answered."""
    return share(score.score - score.of_answers, score.threshold, score.factor)


def stratum(share_of_threshold: float) -> int:
    """Index of the stratum of a match, for estimates from judged ones (MATCH_STRATA)."""
    return sum(share_of_threshold >= edge for edge in MATCH_STRATA)


def margin(score: float, threshold: float, factor: float = 1.0) -> float:
    """Natural logarithm of the share: 0 at the threshold, positive above it, -MAX_MARGIN if the share is not positive.

    `factor` as for `share`. Calibration passes it, because sensitivity changes which articles are alerted, not how likely they
    are wanted. NaN if the two cannot be compared: one of them is NaN, or the threshold is not above -SHARE_OFFSET.
    """
    if not threshold > -SHARE_OFFSET:
        return math.nan
    reached = share(score, threshold, factor)
    if reached > 0:
        return math.log(reached)
    return -MAX_MARGIN if math.isfinite(score) and math.isfinite(threshold) else math.nan


def threshold_at(threshold: float, factor: float) -> float:
    """The score at which `share` equals `factor`: the inverse of `share`, a cosine; the threshold itself at factor 1."""
    return (threshold + SHARE_OFFSET) * factor - SHARE_OFFSET


def share_inverse(share_of_threshold: float, threshold: float) -> float:
    """The score whose `share` of the threshold is given, at factor 1."""
    return share_of_threshold * max(threshold + SHARE_OFFSET, SHARE_OFFSET) - SHARE_OFFSET


def shortfall(score: float, threshold: float) -> float:
    """How much a score lacks to its threshold, in cosines; negative above it. Lists of scores are in this order, as stored
    lists of earlier versions are."""
    return threshold - score
