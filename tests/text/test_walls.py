"""Walls are told by their signs, whichever are looked for."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.text.tokens import word_count
from monitor.text.walls import STRONG_SIGNS, WEAK_SIGNS, is_wall

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
