"""What teaches a topic before anybody has looked at it, and how much; and that a restart knows it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.matcher import Matcher, Tracker, build, is_confident
from monitor.matching.self_training import allowance, weight
from monitor.matching.tuning import ANCHOR_FROM, FULL_LESSON_FROM, LESSON_WINDOW, PART_LESSON_FROM
from monitor.types.matching import Example, Score
from tests.matching.test_matcher import CAPTAIN, SHIPPED, TRIAL, hit, topic

SALE = (
    "Ferry line sells its ships",
    "The company that owns the ferry Marigold sells three of its ships and keeps its harbour offices.",
    "en",
)
"""About the threshold of a topic whose one seed tells of the ferry's grounding: too near to be nothing, too far to be sure."""


WORDS = [
    f"{first}{second}"
    for first in ("bor", "dak", "fen", "gul", "hov", "jas", "kip")
    for second in ("a", "e", "i", "o", "u", "y", "aw")
]


def of(article: tuple[str, str, str], part: float) -> Example:
    return replace(hit(article), weight=part)


def matcher(spare: int = 0, *hits: Example, **fields: object) -> Matcher:
    return build((topic(**fields),), background=SHIPPED, hits=hits, spare={"ferry": spare})  # type: ignore[arg-type]


@given(st.floats(0, 5), st.floats(0, 5))
def test_the_nearer_an_article_the_more_it_teaches(one: float, other: float) -> None:
    near, far = max(one, other), min(one, other)
    assert 0 <= weight(far) <= weight(near) <= 1
    assert weight(PART_LESSON_FROM) == 0
    assert weight(FULL_LESSON_FROM) == 1


@given(st.integers(0, 10**7), st.integers(0, 100))
def test_lessons_are_rationed_by_what_the_archive_has_seen(seen: int, lately: int) -> None:
    assert allowance(999, lately) == 0
    assert 0 <= allowance(seen, lately) <= allowance(seen + 1_000, lately) <= LESSON_WINDOW // 1_000
    assert allowance(LESSON_WINDOW, 7) == 13


def test_an_article_about_the_threshold_teaches_a_part_as_long_as_there_is_something_to_spare() -> None:
    tracker = Tracker(matcher(1))
    before = tracker.matcher.model("ferry").version
    (lesson,) = tracker.score(*SALE)
    assert 0 < lesson.lesson < 1
    learned = tracker.matcher.model("ferry").version
    assert learned != before
    again = ("Ferry line to sell ships", "The owner of the ferry Marigold sells ships and its harbour offices.", "en")
    assert tracker.score(*again)[0].lesson == 0, "nothing is left to spare"
    assert tracker.matcher.model("ferry").version == learned
    assert Tracker(matcher(0)).score(*SALE)[0].lesson == 0


def test_a_sure_match_teaches_in_full_and_costs_no_lesson() -> None:
    tracker = Tracker(matcher(1))
    assert tracker.score(*CAPTAIN)[0].lesson == 1
    assert tracker.matcher.model("ferry").spare == 1


def test_the_more_an_article_taught_the_further_the_topic_moved() -> None:
    moved = [matcher(0, of(SALE, part)).score(*SALE)[0].score for part in (0.1, 0.4, 0.9)]
    assert matcher().score(*SALE)[0].score < moved[0] < moved[1] < moved[2]


def test_what_only_the_topics_own_hits_lead_to_teaches_in_part_no_more() -> None:
    """The topic has followed the captain's trial; what the captain does besides may match, but does not carry it further."""
    captains = [(f"Captain Joan Ravel, day {day}", f"{CAPTAIN[1]} {TRIAL[1]}", "en") for day in ("one", "two", "nine")]
    followed = matcher(9, *(hit(each) for each in captains))
    house = (
        "Ravel sells her house",
        "Joan Ravel sells her house by the sea and moves to the mountains with two dogs and a goat.",
        "en",
    )
    (score,) = followed.score(*house)
    share = (score.score + 0.01) / (score.threshold + 0.01)
    assert PART_LESSON_FROM < share < FULL_LESSON_FROM
    (alone,) = matcher(9).score(*house)
    assert alone.score + 0.01 < ANCHOR_FROM * (alone.threshold + 0.01)
    assert score.lesson == 0


@pytest.mark.parametrize("rules", [{"excluded": ("ships",)}, {"required": ("sandbank",)}, {"languages": ("de",)}])
def test_what_the_rules_forbid_teaches_nothing(rules: dict[str, object]) -> None:
    assert Tracker(matcher(1, **rules)).score(*SALE)[0].lesson == 0


def test_a_restart_knows_partial_lessons() -> None:
    tracker = Tracker(matcher(2))
    parts = {article: tracker.score(*article)[0].lesson for article in (SALE, CAPTAIN)}
    restarted = matcher(2, *(of(article, part) for article, part in parts.items()))
    assert restarted.model("ferry").version == tracker.matcher.model("ferry").version
    assert restarted.score(*TRIAL)[0].score == pytest.approx(tracker.score(*TRIAL)[0].score)


@pytest.mark.parametrize("article", [SALE, CAPTAIN])
def test_a_low_factor_lets_more_be_told_and_no_more_teach(article: tuple[str, str, str]) -> None:
    def judged(factor: float) -> Score:
        found = build((topic(),), background=SHIPPED, spare={"ferry": 1}, factors={"ferry": factor})
        return found.score(*article)[0]

    usual, bent = judged(1.0), judged(0.6)
    assert bent.is_match
    assert bent.lesson == pytest.approx(usual.lesson)
    assert is_confident(bent) == is_confident(usual)
    assert judged(1.25).lesson <= usual.lesson


def test_a_renewed_model_does_not_bring_back_what_the_topic_had_let_go() -> None:
    """The store has more hits than a topic follows, of this daemon and others: its latest ones count, and ours are not newer."""
    days = [
        (f"Marigold {word} {word}t", f"{word}l {word}m {word}n: the ferry aground at Port Ellis", "en")
        for word in WORDS
    ]
    tracker = Tracker(matcher())
    for day in days[:5]:
        scores = tracker.score(*day)
        assert scores[0].lesson == 1
        tracker.stored(*day, scores)
    tracker.begin()
    fresh = matcher(0, *(hit(day) for day in days))
    tracker.renew(fresh)
    assert tracker.matcher.model("ferry").version == fresh.model("ferry").version


def test_what_is_learned_while_a_model_is_built_anew_is_kept_stored_or_not() -> None:
    tracker = Tracker(matcher())
    tracker.begin()
    scores = tracker.score(*CAPTAIN)
    learned = tracker.matcher.model("ferry").version
    tracker.renew(matcher())
    assert tracker.matcher.model("ferry").version == learned, "its poll is not stored yet"
    tracker.stored(*CAPTAIN, scores)
    tracker.renew(matcher())
    assert tracker.matcher.model("ferry").version == learned, "it was stored after the store was read"
    tracker.begin()
    tracker.renew(matcher())
    assert tracker.matcher.model("ferry").version == matcher().model("ferry").version, (
        "the store is asked for it from now on"
    )
