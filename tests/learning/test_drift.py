"""Drift: the latest matches against the first. Large and more than chance, told once, over when half is made good."""

from __future__ import annotations

import random

from monitor.learning.drift import compare
from monitor.matching.tuning import DRIFT_MATCHES


def matches(*means: float, spread: float = 0.05, seed: int = 1) -> list[float]:
    """DRIFT_MATCHES of each mean."""
    draw = random.Random(seed)
    return [draw.gauss(mean, spread) for mean in means for _ in range(DRIFT_MATCHES)]


def test_a_large_fall_is_drift_and_a_small_one_is_news_moving_on() -> None:
    assert compare(matches(0.6, 0.5, 0.3)).has_drifted
    assert not compare(matches(0.6, 0.55, 0.5)).has_drifted
    assert not compare(matches(0.4, 0.7)).has_drifted


def test_what_may_be_chance_is_none() -> None:
    assert not compare(matches(0.5, 0.3, spread=0.6)).has_drifted
    flagged = sum(compare(matches(0.5, 0.5, spread=0.2, seed=at)).has_drifted for at in range(500))
    assert flagged == 0


def test_a_topic_with_few_matches_says_nothing() -> None:
    found = compare(matches(0.6, 0.1)[:-1])
    assert not found.has_drifted
    assert found.reason == f"{2 * DRIFT_MATCHES - 1} of the {2 * DRIFT_MATCHES} stories it takes"
    assert compare([0.6] * 3, had_drifted=True).has_drifted, "nor that it is over"


def test_it_is_over_when_half_of_the_fall_is_made_good() -> None:
    assert compare(matches(0.6, 0.2, 0.45), had_drifted=True).has_drifted
    assert not compare(matches(0.6, 0.2, 0.57), had_drifted=True).has_drifted
    assert "made good" in compare(matches(0.6, 0.2, 0.57), had_drifted=True).reason


def test_matches_that_are_nothing_like_the_topic_from_the_first_do_not_drift() -> None:
    assert not compare(matches(-0.1, -0.5, spread=0.01)).has_drifted
