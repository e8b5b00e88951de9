"""Calibration: verdicts give probabilities, or a sentence that says why not."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.calibration import Calibration, Curve, LabelledScore, calibrate, held_out_topic_forecasts
from monitor.matching.margins import margin
from monitor.matching.reliability import Forecast, describe, measure, wilson
from monitor.types.matching import MeasuredPrecision


def drawn(
    topic: str, count: int, *, slope: float = 6.0, offset: float = 0.0, seed: int = 1, low: float = -0.5
) -> list[LabelledScore]:
    """Verdicts that follow a curve."""
    draw = random.Random(seed)
    out = []
    for at in range(count):
        where = draw.uniform(low, 0.8)
        is_relevant = draw.random() < 1 / (1 + math.exp(-(offset + slope * where)))
        out.append(LabelledScore(topic, f"{topic}{at}", where, is_relevant, is_match=where >= 0))
    return out


# --- enough evidence --------------------------------------------------------------------------------------------------


def test_without_verdicts_there_is_no_probability() -> None:
    nothing = calibrate([])
    assert nothing.probability("ferry", 0.5) is None
    assert nothing.of("ferry").why_not == "no verdicts yet"
    assert nothing.digest == ""


def test_a_topic_speaks_after_enough_verdicts_of_both_kinds() -> None:
    found = calibrate(drawn("ferry", 60))
    assert found.of("ferry").is_calibrated
    assert found.probability("ferry", 0.6) > 0.8  # type: ignore[operator]
    assert found.probability("ferry", -0.4) < 0.3  # type: ignore[operator]
    assert found.probability("cheese", 0.6) is None


def test_too_few_verdicts_are_counted() -> None:
    assert calibrate(drawn("ferry", 12)).of("ferry").why_not == "12 of the 20 verdicts it takes"


@pytest.mark.parametrize(("said", "word"), [(True, "confirmations"), (False, "dismissals")])
def test_verdicts_of_one_kind_only_are_no_calibration(said: bool, word: str) -> None:
    found = calibrate([LabelledScore("ferry", str(at), at / 40, said) for at in range(40)])
    assert found.probability("ferry", 0.5) is None
    assert word in found.of("ferry").why_not
    measured = found.of("ferry").measured
    assert measured is not None
    assert (measured.confirmed, measured.judged) == (40 * said, 40)


def test_verdicts_that_contradict_the_scores_are_no_calibration() -> None:
    upside_down = [LabelledScore("ferry", str(at), at / 20 - 1, at < 20) for at in range(40)]
    found = calibrate(upside_down)
    assert found.probability("ferry", 0.5) is None
    assert "scores" in found.of("ferry").why_not
    assert found.curve.probability("ferry", 1.0) >= found.curve.probability("ferry", -1.0)


def test_copies_of_one_text_count_once() -> None:
    copied = [LabelledScore("ferry", "same", 0.3, True) for _ in range(100)]
    assert calibrate(copied).of("ferry").texts == 1
    both_ways = calibrate([LabelledScore("ferry", "same", 0.3, True), LabelledScore("ferry", "same", 0.3, False)])
    assert (both_ways.of("ferry").contradicted, both_ways.of("ferry").confirmed) == (1, 0.5)


def test_a_new_topic_leans_on_the_others() -> None:
    pool = [one for at in range(6) for one in drawn(f"topic{at}", 80, seed=at)]
    curve = calibrate(pool).curve
    alone = abs(curve.topic_offsets["topic0"][0])
    strict = calibrate([*pool, *drawn("strict", 200, offset=-3, seed=9)]).curve
    assert strict.topic_offsets["strict"][0] < -1.5
    assert alone < 1.0
    assert strict.topic_offsets["strict"][1] < strict.spread


# --- what it is made of -----------------------------------------------------------------------------------------------


def test_margins_are_on_the_scale_of_a_balanced_threshold() -> None:
    assert margin(0.19, 0.09) == pytest.approx(math.log(2))
    assert margin(0.19, 0.115, 1.25) == pytest.approx(margin(0.19, 0.09))
    assert margin(0.0, 0.3) < -3


@pytest.mark.parametrize(
    ("score", "threshold"), [(math.nan, 0.2), (0.2, math.nan), (math.inf, 0.2), (0.2, -0.01), (0.2, -5)]
)
def test_a_score_that_is_no_number_has_no_margin_and_is_left_out(score: float, threshold: float) -> None:
    found = calibrate([LabelledScore("ferry", "a", margin(score, threshold), True), *drawn("ferry", 60)])
    assert found.unusable_verdicts == 1
    assert found.of("ferry").is_calibrated


def test_corrupted_weights_are_left_out() -> None:
    broken = [
        LabelledScore("ferry", str(at), 0.1, True, weight) for at, weight in enumerate((math.nan, 0.0, -1.0, math.inf))
    ]
    assert calibrate(broken).unusable_verdicts == 4


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.floats(-50, 50), st.booleans(), st.floats(0.1, 1e6), st.booleans()),
        max_size=60,
    )
)
def test_whatever_is_judged_the_curve_rises_and_stays_between_0_and_1(
    rows: list[tuple[str, float, bool, float, bool]],
) -> None:
    found = calibrate(
        LabelledScore(topic, str(at), where, said, weight, is_match)
        for at, (topic, where, said, weight, is_match) in enumerate(rows)
    )
    for topic in "abcd":
        odds = [found.curve.probability(topic, at / 4) for at in range(-16, 17)]
        assert all(0 < one < 1 for one in odds)
        assert all(left <= right for left, right in pairwise(odds))


def test_the_order_of_verdicts_does_not_matter() -> None:
    rows = [*drawn("ferry", 50), *drawn("cheese", 30, seed=2)]
    assert calibrate(rows).digest == calibrate(rows[::-1]).digest != ""


def test_a_margin_that_is_no_number_makes_nothing_likely() -> None:
    assert Curve().probability("x", math.nan) < 0.05


def test_calibrated_verdicts_are_calibrated_for_topics_left_out() -> None:
    pool = [one for at in range(12) for one in drawn(f"topic{at}", 150, seed=at)]
    found = calibrate(pool)
    left_out = measure(held_out_topic_forecasts(found.texts))
    assert left_out is not None
    assert left_out.error < 0.05
    assert left_out.brier < left_out.brier_of_base_rate


def test_fifty_topics_of_twenty_verdicts_each_have_a_standing() -> None:
    """How long it takes is bench/waiting.py's to say."""
    pool = [one for at in range(50) for one in drawn(f"topic{at}", 20, seed=at)]
    found = calibrate(pool)
    assert len(found.topics) == 50
    assert {each.texts for each in found.topics.values()} == {20}
    assert any(each.is_calibrated for each in found.topics.values())


# --- figures ----------------------------------------------------------------------------------------------------------


def test_an_interval_is_wilsons() -> None:
    low, high = wilson(41, 45)
    assert (round(low, 3), round(high, 3)) == (0.793, 0.965)
    assert wilson(0, 0) == (0, 1)
    assert wilson(10, 10)[1] == 1
    assert wilson(0, 10)[0] == 0


def test_perfect_and_useless_forecasts() -> None:
    assert measure([]) is None
    perfect = measure([Forecast(1.0, 1.0), Forecast(0.0, 0.0)])
    useless = measure([Forecast(0.9, 0.0)] * 10)
    assert perfect is not None
    assert useless is not None
    assert (perfect.error, perfect.brier) == (0, 0)
    assert useless.error == pytest.approx(0.9)
    assert useless.error_by_chance < 0.2


def test_words_say_how_often_the_topic_was_right() -> None:
    assert describe(0.87, MeasuredPrecision(confirmed=41, judged=45, low=0.793, high=0.965)) == (
        "87% likely; precision 41 of 45 judged (79-96%)"
    )
    assert Calibration().probability("x", 1) is None
