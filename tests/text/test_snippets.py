"""The part of a text that a search shows."""

from __future__ import annotations

import pytest

from monitor.text.highlight import marked
from monitor.text.snippets import LENGTH, snippet

LONG = " ".join(f"word{n}" for n in range(200))


@pytest.mark.parametrize(
    ("text", "words", "prefix", "shown"),
    [
        ("Wheat rose.", ["wheat"], "", "Wheat rose."),
        ("Wheat rose.", ["barley"], "", ""),
        ("Wheat\n\nrose   again.", ["rose"], "", "Wheat rose again."),
        ("", ["wheat"], "", ""),
        ("Negotiations went on.", [], "negotia", "Negotiations went on."),
        ("گفتگوها در مسکو پایان یافت", ["مسکو"], "", "گفتگوها در مسکو پایان یافت"),
    ],
)
def test_a_short_text_is_shown_whole_where_it_has_a_word(text: str, words: list[str], prefix: str, shown: str) -> None:
    assert snippet(text, words, prefix=prefix) == shown


def test_of_a_long_text_the_stretch_with_most_words_is_shown() -> None:
    text = f"Wheat alone. {LONG} Here wheat and barley rose. {LONG}"
    found = snippet(text, ["wheat", "barley"])
    assert "wheat and barley rose" in found
    assert found.startswith("… ")
    assert found.endswith(" …")
    assert len(found) <= LENGTH + 4
    assert all(each in text.split() for each in found.strip("… ").split()), "no word is cut"


def test_a_text_without_spaces_is_cut_and_what_strangers_wrote_stays_text() -> None:
    assert len(snippet("x" * 5000 + " wheat", ["wheat"])) < 500
    shown = marked(snippet("<script>alert(1)</script> wheat", ["wheat"]), ["wheat"])
    assert shown == "&lt;script&gt;alert(1)&lt;/script&gt; <mark>wheat</mark>"


def test_the_beginning_of_a_word_is_marked() -> None:
    assert marked("Negotiations on wheat", (), prefix="negot") == "<mark>Negotiations</mark> on wheat"
