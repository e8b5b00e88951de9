"""Whether what a topic matches has left its sentence and seeds. Pure.

Each match has a nearness: how like it is to what the owner wrote, without anything that the topic learned by itself. The latest
matches are compared with the first. News on a topic moves on, and every topic has odd matches: only a fall that is both large and
more than chance counts, and it is over only when half of it is made good (docs/matching.md, "Drift").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from monitor.matching.tuning import DRIFT_FALL, DRIFT_MATCHES, DRIFT_SIGMAS


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What comparing the latest matches with the first shows."""

    has_drifted: bool
    first: float = 0.0
    latest: float = 0.0
    """Mean nearness."""
    reason: str


def compare(nearness: Sequence[float], *, had_drifted: bool = False) -> Drift:
    """Compare the latest DRIFT_MATCHES with the first. `nearness`: of each match, in order of arrival, one a story. `had_drifted`:
    whether it was told, and not yet told to be over."""
    if len(nearness) < 2 * DRIFT_MATCHES:
        return Drift(has_drifted=had_drifted, reason=f"{len(nearness)} of the {2 * DRIFT_MATCHES} stories it takes")
    before, after = nearness[:DRIFT_MATCHES], nearness[-DRIFT_MATCHES:]
    first, latest = fmean(before), fmean(after)
    fall, needed = first - latest, DRIFT_FALL * first
    if had_drifted:
        is_over = fall < needed / 2
        reason = "half of the fall is made good" if is_over else "still as far away"
        return Drift(has_drifted=not is_over, first=first, latest=latest, reason=reason)
    by_chance = DRIFT_SIGMAS * math.sqrt((variance(before) + variance(after)) / DRIFT_MATCHES)
    reason = f"fell by {fall:.3f}; {needed:.3f} would be large, {by_chance:.3f} more than chance"
    return Drift(has_drifted=fall > max(needed, by_chance) and first > 0, first=first, latest=latest, reason=reason)
