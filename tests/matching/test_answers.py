"""What answers add to a score: nothing before the first, more to what is like them, and what is asked next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching import answers
from monitor.matching.answers import Answer, AnswerModel, Question
from monitor.matching.embedders import EmbeddingVector
from monitor.matching.tuning import ANSWERS_CORRECTION_MAX
from monitor.types.matching import ANSWERS_PART, Example, Score
from tests.matching.test_semantic import FERRY, PAROM, RATES, asked, built, scored, words

TOPIC = np.eye(8, dtype=np.float32)[0]


def near(*axes: int, topic: float = 0.5) -> EmbeddingVector:
    """A unit vector near the topic that also lies along these axes."""
    found = topic * TOPIC + sum(np.eye(8, dtype=np.float32)[each] for each in axes)
    return np.asarray(found / np.linalg.norm(found), np.float32)


def answer(*axes: int, yes: bool, share: float = 1.0) -> Answer:
    return Answer(near(*axes), share, yes)


def learned(*given: Answer) -> AnswerModel:
    found = answers.learn(given, TOPIC)
    assert found is not None
    return found


def test_without_answers_nothing_changes() -> None:
    assert answers.learn((), TOPIC) is None


def test_a_confirmed_article_raises_what_is_like_it_and_a_dismissed_one_lowers_it() -> None:
    model = learned(answer(1, yes=True), answer(2, yes=False), answer(2, 3, yes=False))
    assert model.correction(near(1)) > 0 > model.correction(near(2))
    assert model.correction(near(1)) > model.correction(near(1, 5)) > model.correction(near(5, 6, 7))


def test_an_answer_that_the_score_foresaw_changes_less_than_one_that_contradicts_it() -> None:
    foreseen, surprising = learned(answer(1, yes=False, share=0.5)), learned(answer(1, yes=False, share=1.5))
    assert surprising.correction(near(1)) < foreseen.correction(near(1)) < 0


def test_what_all_articles_near_a_topic_share_is_not_what_an_answer_is_about() -> None:
    rejected = learned(answer(1, yes=False), answer(2, yes=False))
    assert abs(rejected.correction(near(6, topic=2.0))) < abs(rejected.correction(near(1))) / 2


def test_one_wrong_answer_among_many_is_outvoted() -> None:
    wrong = learned(
        *(answer(1, each, yes=True) for each in (2, 3, 4, 5)), answer(1, 6, yes=False), answer(7, yes=False)
    )
    assert wrong.correction(near(1)) > 0


def test_before_anything_was_dismissed_little_is_raised() -> None:
    confirmed = [answer(1, yes=True) for _ in range(8)]
    dismissed = [answer(6, yes=False), answer(7, yes=False)]
    assert learned(*confirmed).correction(near(1)) < learned(*confirmed, *dismissed).correction(near(1)) / 2


@given(st.lists(st.tuples(st.integers(1, 7), st.booleans(), st.floats(0, 3)), min_size=1, max_size=30))
def test_a_correction_is_a_number_within_its_bounds(given_answers: list[tuple[int, bool, float]]) -> None:
    model = learned(*(answer(axis, yes=yes, share=share) for axis, yes, share in given_answers))
    for axis in range(1, 8):
        assert abs(model.correction(near(axis))) <= ANSWERS_CORRECTION_MAX


# --- in scores ----------------------------------------------------------------------------------------------------------


def verdict(article: tuple[str, str], *, yes: bool, share: float = 1.0, language: str = "ru") -> Example:
    return Example(topic="ferry", title=article[0], text=article[1], language=language, is_relevant=yes, share=share)


def score(article: tuple[str, str], examples: Sequence[Example] = ()) -> Score:
    return scored(built(asked(), examples=examples), article, with_misses=True)["ferry"]


def test_what_answers_add_is_a_part_of_the_evidence() -> None:
    found = score(PAROM, [verdict(PAROM, yes=False)])
    parts = {each.term: each.weight for each in found.evidence.parts}
    assert parts[ANSWERS_PART] < 0
    assert sum(parts.values()) == pytest.approx(found.score)
    assert found.score - score(PAROM).score == pytest.approx(parts[ANSWERS_PART])
    assert ANSWERS_PART not in {each.term for each in score(PAROM).evidence.parts}


def test_the_order_of_verdicts_does_not_matter() -> None:
    given_verdicts = [verdict(PAROM, yes=True, share=0.9), verdict(RATES, yes=False, share=1.2)]
    assert score(PAROM, given_verdicts).score == score(PAROM, given_verdicts[::-1]).score


def test_a_topic_without_a_sentence_learns_from_answers_too() -> None:
    from tests.matching.test_semantic import topic

    def value(*examples: Example) -> float:
        return scored(built(topic(), examples=examples), FERRY, [words(score=0.2)], language="en")["ferry"].score

    assert value(verdict(FERRY, yes=False, language="en")) < value()


# --- what to ask --------------------------------------------------------------------------------------------------------


def question(*axes: int, share: float = 1.1, age_days: float = 1.0) -> Question:
    return Question(near(*axes), share, age_days)


def test_doubtful_and_late_articles_are_asked_about_before_certain_and_old_ones() -> None:
    offered = [question(1, share=3.0), question(2), question(3, age_days=400.0), question(4, share=0.3)]
    assert answers.order(offered, limit=1) == [1]
    assert set(answers.order(offered, limit=4)) == {0, 1, 2, 3}


def test_repetitions_are_asked_about_late() -> None:
    offered = [question(1), question(1), question(1), question(2)]
    assert 3 in answers.order(offered, limit=2)


def test_what_was_answered_is_not_asked_again_in_another_form() -> None:
    offered = [question(1), question(1, 2), question(5)]
    known = [answer(1, yes=True), answer(1, 2, yes=True), answer(1, yes=True)]
    assert answers.order(offered, known, limit=1) == [2]


def test_once_a_topic_has_some_answers_every_third_question_is_a_random_one() -> None:
    offered = [question(1 + at % 7, at % 5 + 1) for at in range(20)]
    offered += [Question(near(3), 0.2, float(age), is_random=True) for age in (9, 3, 5)]
    known = [answer(1 + at % 7, yes=at % 2 == 0) for at in range(21)]
    assert [at if at >= 20 else None for at in answers.order(offered, known, limit=9)] == [
        *(None, None, 21),
        *(None, None, 22),
        *(None, None, 20),
    ]
    assert sorted(answers.order(offered, known, limit=99)) == list(range(23))


def test_the_first_questions_of_a_topic_are_those_that_teach_most_drawn_or_not() -> None:
    offered = [question(1 + at % 7, at % 5 + 1) for at in range(20)]
    drawn = [replace(each, is_random=True) for each in offered]
    assert answers.order(drawn, limit=20) == answers.order(offered, limit=20)
    assert sorted(answers.order(drawn, limit=99)) == list(range(20))


def test_articles_without_embeddings_are_ordered_by_their_scores() -> None:
    nothing = np.zeros(1, np.float32)
    offered = [Question(nothing, share, 1.0) for share in (0.4, 1.1, 2.4)]
    assert answers.order(offered, limit=3)[0] == 1
    assert answers.order([], limit=5) == []
