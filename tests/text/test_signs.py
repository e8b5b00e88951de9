"""The words that let a pattern be skipped never change an answer: every text that a pattern is found in holds one of its words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading.endings import APPEARED_ON, READ_MORE
from monitor.text.signs import Sign, lower
from monitor.text.walls import STRONG_SIGNS, WEAK_SIGNS

SIGNS = (*STRONG_SIGNS, *WEAK_SIGNS, APPEARED_ON, READ_MORE)


def alternatives(pattern: str) -> list[str]:
    """The parts of a pattern between the bars that stand in no bracket."""
    found, depth = [""], 0
    for part in re.findall(r"\\.|\[(?:\\.|[^\]\\])+\]|.", pattern):
        depth += (part == "(") - (part == ")")
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
    assert sign.may_be_in(lower(found))


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
