"""Words that carry no subject, and marking those that do."""

from __future__ import annotations

import pytest

from monitor.text.function_words import is_function_word
from monitor.text.tokens import tokens


@pytest.mark.parametrize(
    ("text", "language", "kept"),
    [
        ("A deal for being against the Taliban's regime", "en", ["deal", "taliban", "regime"]),
        ("It wasn't O'Brien who didn't recognise them", "en", ["o'brien", "recognise"]),
        ("L'eau n'est pas d'un bleu", "fr", ["l'eau", "bleu"]),
        ("Gegen die Regierung wurde geklagt", "de", ["regierung", "geklagt"]),
        ("Он также заявил, что талибан признан", "ru", ["талибан", "признан"]),
        ("طالبان در کابل با آنها گفتگو کردند", "fa", ["طالبان", "کابل", "گفتگو"]),
        ("طالبان چې په کابل کې دي", "ps", ["طالبان", "کابل"]),
        ("طالبان کے بارے میں", "ur", ["طالبان"]),
        ("for the people", "und", ["people"]),
        ("北京大学", "zh", ["北京", "京大", "大学"]),
        ("x 5 20", "xx", ["5", "20"]),
    ],
)
def test_only_words_with_a_subject_are_left(text: str, language: str, kept: list[str]) -> None:
    assert [word for word in tokens(text) if not is_function_word(word, language)] == kept
