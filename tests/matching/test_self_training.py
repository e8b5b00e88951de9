"""Self-training: which unreviewed articles a topic learns from, with what weight, and that a restart restores it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.learning.tracker import Tracker
from monitor.matching.matcher import Matcher, build
from monitor.matching.self_training import allowance, weight
from monitor.matching.tuning import (
    SELF_TRAINING_ANCHOR_FROM,
    SELF_TRAINING_FULL_FROM,
    SELF_TRAINING_KEPT,
    SELF_TRAINING_PART_FROM,
    SELF_TRAINING_WINDOW,
)
from monitor.types.matching import Example, Score
from tests.matching.test_matcher import CAPTAIN, SHIPPED, TRIAL, example, follow, topic

SALE = (
    "Ferry line sells its ships",
    "The company that owns the ferry sells three of its ships and keeps its harbour offices.",
    "en",
)
"""About the threshold of a topic whose one seed tells of the ferry's grounding: too near to be nothing, too far to be sure."""


WORDS = [
    f"{first}{second}"
    for first in ("bor", "dak", "fen", "gul", "hov", "jas", "kip")
    for second in ("a", "e", "i", "o", "u", "y", "aw")
]
DAYS = [
    (f"Marigold {word} {word}t", f"{word}l {word}m {word}n: the ferry aground at Port Ellis", "en") for word in WORDS
]
"""More confident matches than a topic keeps as examples."""


def of(article: tuple[str, str, str], part: float) -> Example:
    return replace(example(article), weight=part)


def matcher(quota: int = 0, *self_trained: Example, **fields: object) -> Matcher:
    return build((topic(**fields),), background=SHIPPED, self_trained=self_trained, quotas={"ferry": quota})  # type: ignore[arg-type]


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_weight_rises_with_the_share(one: float, other: float) -> None:
    near, far = max(one, other), min(one, other)
    assert 0 <= weight(far) <= weight(near) <= 1
    assert weight(SELF_TRAINING_PART_FROM) == 0
    assert weight(SELF_TRAINING_FULL_FROM) == 1


@given(st.integers(0, 10**7), st.integers(0, 100))
def test_the_quota_of_partial_examples_grows_with_the_archive(seen: int, lately: int) -> None:
    assert allowance(999, lately) == 0
    assert 0 <= allowance(seen, lately) <= allowance(seen + 1_000, lately) <= SELF_TRAINING_WINDOW // 1_000
    assert allowance(SELF_TRAINING_WINDOW, 7) == 13


def test_an_article_near_the_threshold_trains_in_part_within_the_quota() -> None:
    tracker = Tracker(matcher(1))
    before = tracker.matcher.model("ferry").version
    (partial,) = follow(tracker, *SALE)
    assert 0 < partial.self_training_weight < 1
    learned = tracker.matcher.model("ferry").version
    assert learned != before
    again = ("Ferry line to sell ships", "The owner of the ferry sells ships and its harbour offices.", "en")
    assert follow(tracker, *again)[0].self_training_weight == 0, "the quota is used up"
    assert tracker.matcher.model("ferry").version == learned
    assert follow(Tracker(matcher(0)), *SALE)[0].self_training_weight == 0


def test_a_confident_match_trains_in_full_and_uses_no_quota() -> None:
    tracker = Tracker(matcher(1))
    assert follow(tracker, *CAPTAIN)[0].self_training_weight == 1
    assert tracker.matcher.model("ferry").remaining_quota == 1


def test_a_larger_weight_moves_the_topic_further() -> None:
    moved = [matcher(0, of(SALE, part)).score(*SALE)[0].score for part in (0.1, 0.4, 0.9)]
    assert matcher().score(*SALE)[0].score < moved[0] < moved[1] < moved[2]


def test_an_article_near_self_training_examples_only_does_not_train_in_part() -> None:
    """The topic has learned the captain's trial; other articles on the captain may match, but do not train it."""
    captains = [(f"Captain Joan Ravel, day {day}", f"{CAPTAIN[1]} {TRIAL[1]}", "en") for day in ("one", "two", "nine")]
    followed = matcher(9, *(example(each) for each in captains))
    house = (
        "House by the sea is sold",
        "Captain Joan Ravel sells her house by the sea and moves to the mountains, where she will keep two dogs and bees.",
        "en",
    )
    (score,) = followed.score(*house)
    share = (score.score + 0.01) / (score.threshold + 0.01)
    assert SELF_TRAINING_PART_FROM < share < SELF_TRAINING_FULL_FROM
    (alone,) = matcher(9).score(*house)
    assert alone.score + 0.01 < SELF_TRAINING_ANCHOR_FROM * (alone.threshold + 0.01)
    assert score.self_training_weight == 0


@pytest.mark.parametrize("rules", [{"excluded": ("ships",)}, {"required": ("sandbank",)}, {"languages": ("de",)}])
def test_a_blocked_article_trains_nothing(rules: dict[str, object]) -> None:
    assert follow(Tracker(matcher(1, **rules)), *SALE)[0].self_training_weight == 0


def test_a_restart_restores_partial_examples() -> None:
    tracker = Tracker(matcher(2))
    parts = {article: follow(tracker, *article)[0].self_training_weight for article in (SALE, CAPTAIN)}
    restarted = matcher(2, *(of(article, part) for article, part in parts.items()))
    assert restarted.model("ferry").version == tracker.matcher.model("ferry").version
    assert restarted.score(*TRIAL)[0].score == pytest.approx(follow(tracker, *TRIAL)[0].score)


@pytest.mark.parametrize("article", [SALE, CAPTAIN])
def test_a_low_factor_raises_alerts_but_not_self_training(article: tuple[str, str, str]) -> None:
    def scored(factor: float) -> Score:
        found = build((topic(),), background=SHIPPED, quotas={"ferry": 1}, factors={"ferry": factor})
        return found.score(*article)[0]

    usual, bent = scored(1.0), scored(0.6)
    assert bent.is_match
    assert bent.self_training_weight == pytest.approx(usual.self_training_weight)
    assert scored(1.25).self_training_weight <= usual.self_training_weight


def test_a_renewed_model_does_not_bring_back_dropped_examples() -> None:
    """The store has more examples than a topic keeps, some of other daemons: the latest in the store count, not ours."""
    tracker = Tracker(matcher())
    for day in DAYS[:5]:
        scores = follow(tracker, *day)
        assert scores[0].self_training_weight == 1
        tracker.mark_stored(*day, scores)
    tracker.begin_rebuild()
    fresh = matcher(0, *(example(day) for day in DAYS))
    tracker.finish_rebuild(fresh)
    assert tracker.matcher.model("ferry").version == fresh.model("ferry").version


def test_what_was_learned_and_not_stored_is_undone_to_the_last_bit() -> None:
    """Also where it pushed out the oldest of the examples that a topic keeps."""
    tracker = Tracker(matcher())
    for day in DAYS:
        tracker.mark_stored(*day, follow(tracker, *day))
    before = tracker.matcher
    assert len(before.model("ferry").self_trained) == SELF_TRAINING_KEPT
    assert follow(tracker, *CAPTAIN)[0].self_training_weight
    tracker.undo_unstored(before)
    assert tracker.matcher.model("ferry").version == before.model("ferry").version
    tracker.mark_stored(*CAPTAIN, follow(tracker, *CAPTAIN))
    tracker.undo_unstored(before)
    assert tracker.matcher.model("ferry").version != before.model("ferry").version, "this one was stored"


def test_what_is_learned_during_a_rebuild_is_kept_stored_or_not() -> None:
    tracker = Tracker(matcher())
    tracker.begin_rebuild()
    scores = follow(tracker, *CAPTAIN)
    learned = tracker.matcher.model("ferry").version
    tracker.finish_rebuild(matcher())
    assert tracker.matcher.model("ferry").version == learned, "its poll is not stored yet"
    tracker.mark_stored(*CAPTAIN, scores)
    tracker.finish_rebuild(matcher())
    assert tracker.matcher.model("ferry").version == learned, "it was stored after the store was read"
    tracker.begin_rebuild()
    tracker.finish_rebuild(matcher())
    assert tracker.matcher.model("ferry").version == matcher().model("ferry").version, (
        "the store is asked for it from now on"
    )
