"""Which articles are embedded where a day's budget does not allow for all."""

from __future__ import annotations

import pytest

from monitor.matching.embedding_gate import Candidate, consonants_of, is_likely, left_out, names_of
from monitor.matching.tuning import GATE_MARGIN

NAMES = names_of(("Recognition of the Taliban by Moscow", "What Lavrov says of Afghanistan"))


@pytest.mark.parametrize(
    "text",
    [
        "Талибы и Талибан",
        "گفتگو با طالبان",
        "Переговоры: Москва ждёт",
        "مسکو",
        "Лавров сказал",
        "لاوروف",
        "the moscow talks",
    ],
)
def test_a_name_is_known_in_other_alphabets(text: str) -> None:
    assert is_likely((), consonants_of(text), NAMES)


@pytest.mark.parametrize(
    "text", ["Паром затонул в шторм", "A ferry sank off the coast", "بازار بورس امروز", "", "日本の経済"]
)
def test_what_names_nobody_of_the_topic_is_let_through_by_its_words_alone(text: str) -> None:
    assert not is_likely((GATE_MARGIN - 0.1, -3.0), consonants_of(text), NAMES)
    assert is_likely((-3.0, GATE_MARGIN + 0.1), consonants_of(text), NAMES)


def candidates(likely: int, others: int) -> list[Candidate]:
    return [Candidate(-at, False) for at in range(1, others + 1)] + [Candidate(at, True) for at in range(1, likely + 1)]


@pytest.mark.parametrize(
    ("used", "day_share", "likely", "others"),
    [
        (0, 0.5, 3, 5),  # half of 20 is spare by noon: all are embedded
        (5, 0.5, 3, 2),  # 5 of these 10 are used
        (10, 0.5, 3, 0),  # likely ones may use the evening's
        (18, 0.5, 2, 0),
        (20, 0.9, 0, 0),
        (25, 0.9, 0, 0),
    ],
)
def test_likely_ones_have_the_whole_day_and_others_what_is_left_over(
    used: int, day_share: float, likely: int, others: int
) -> None:
    wanted = candidates(3, 5)
    kept = {each.key for each in wanted} - left_out(wanted, used=used, per_day=20, day_share=day_share)
    assert (sum(each > 0 for each in kept), sum(each < 0 for each in kept)) == (likely, others)
