"""The words that let a pattern be skipped never change an answer: every text that a pattern is found in holds one of its words."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.text.tokens import word_count
from monitor.text.walls import STRONG_SIGNS, WEAK_SIGNS, Sign, is_wall, lower

SIGNS = (*STRONG_SIGNS, *WEAK_SIGNS)
PROSE = "The ministers met in the capital on Tuesday and spoke of grain, gas and the border. "


def one_by_one(text: str) -> bool:
    """The rule as it reads: every pattern is tried."""
    words = word_count(text[:120_000])
    if not text or words > 700:
        return False
    strong = sum(1 for each in STRONG_SIGNS if each.pattern.search(text[:6000]))
    weak = sum(1 for each in WEAK_SIGNS if each.pattern.search(text[:6000]))
    return bool(strong) or weak >= 3 if words <= 120 else strong + weak >= 4 and strong > 0


def alternatives(pattern: str) -> list[str]:
    """The parts of a pattern between the bars that stand in no bracket."""
    found, depth = [""], 0
    for part in re.findall(r"\\.|.", pattern):
        depth += (part in "([") - (part in ")]")
        if part == "|" and not depth:
            found.append("")
        else:
            found[-1] += part
    return found


@pytest.mark.parametrize("sign", SIGNS, ids=lambda each: each.words[0])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_a_pattern_is_found_in_holds_one_of_its_words(sign: Sign, data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(alternatives(sign.pattern.pattern)))
    found = data.draw(st.from_regex(re.compile(one, sign.pattern.flags)))
    assert sign.is_in(found, lower(found))


@pytest.mark.parametrize("sign", SIGNS, ids=lambda each: each.words[0])
def test_the_alternatives_of_a_pattern_are_told_apart(sign: Sign) -> None:
    assert re.compile("|".join(alternatives(sign.pattern.pattern)), sign.pattern.flags) == sign.pattern


@pytest.mark.parametrize("sign", SIGNS, ids=lambda each: each.words[0])
def test_the_words_of_a_sign_are_in_lower_case_and_letters_that_have_a_twin_are_folded(sign: Sign) -> None:
    assert all(word and word == lower(word) for word in sign.words)


def test_letters_that_a_pattern_takes_for_the_same_are_the_same_in_lower_case() -> None:
    """Of all characters there are, not only those that somebody thought of."""
    letters = sorted({letter for each in SIGNS for word in each.words for letter in word if letter.isalpha()})
    one_of = re.compile(f"[{''.join(letters)}]", re.IGNORECASE)
    for code in range(0x110000):
        if one_of.match(character := chr(code)):
            assert lower(character) in letters, hex(code)
            assert re.match(lower(character), character, re.IGNORECASE), hex(code)


@settings(max_examples=300, deadline=None)
@given(
    parts=st.lists(
        st.one_of(
            st.sampled_from(SIGNS).flatmap(lambda each: st.from_regex(each.pattern)),
            st.sampled_from([word for each in SIGNS for word in each.words]),
            st.sampled_from([PROSE, PROSE * 4, PROSE * 9]),
            st.text(max_size=40),
        ),
        max_size=9,
    )
)
@example(parts=["ACCEPT ALL", " privacy policy ", " cooKİes ", PROSE])
@example(parts=["accept all", " subſcribe ", " COOKIE "])
@example(parts=["Okumaya devam etmek İÇİN GİRİŞ yapın"])
def test_a_text_is_a_wall_as_if_every_pattern_had_been_tried(parts: list[str]) -> None:
    text = "".join(parts)
    assert is_wall(text) == one_by_one(text)
