"""Stemming: the terms that the matcher counts. Their weights are in `monitor.matching.term_vectors`.

A term is the stem of a token (`monitor.text.tokens`) in its language, of English spelling variants the same one
(`monitor.text.spelling`). For inflected languages nothing improves matching more: on Russian news mean average precision rose
from .38 to .61 with one seed (docs/matching.md).
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import cache
from typing import Any

import snowballstemmer

from monitor.text.spelling import OWN_STEMS, one_spelling, one_stem
from monitor.text.tokens import fold, tokens

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# Inflected languages without a stemmer: words are truncated instead. Tried on Russian, which has both, truncation gave five
# sixths of the stemmer's gain.
_TRUNCATED = frozenset({"uk", "be", "bg", "mk", "kk", "ky", "tg", "mn", "sk", "sl", "hr", "bs", "lv"})
_TRUNCATED_LENGTH = 5
# `tokens.fold` maps Arabic letters to their Persian forms; the Arabic stemmer expects the Arabic ones.
_ARABIC = str.maketrans({"ی": "ي", "ک": "ك"})


_KNOWN_WORDS = 200_000
"""Words of a language whose stems are kept in memory."""


def terms(text: str, language: str) -> list[str]:
    """The stems of a text's words in reading order; `language` is a code as `monitor.text.language` returns it."""
    return stems(tokens(text), language)


def stems(words: Iterable[str], language: str) -> list[str]:
    """The stems of folded words, each as `stem` returns it."""
    return list(map(_stems(language).__getitem__, words))


def stem(word: str, language: str) -> str:
    """The stem of a folded word; the word itself where its language has no stemmer."""
    return _stems(language)[word]


class _Stems(dict[str, str]):
    """Word to stem in one language, worked out when a word is met for the first time."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, word: str) -> str:
        if len(self) >= _KNOWN_WORDS:
            self.clear()
        found = self[word] = _stem(word, self._language)
        return found


@cache
def _stems(language: str) -> _Stems:
    return _Stems(language)


def _stem(word: str, language: str) -> str:
    if not word.isalpha():
        return word
    if language in _TRUNCATED:
        return word[:_TRUNCATED_LENGTH]
    if language not in _STEMMERS:
        return word
    with _stemmer_lock:
        if language == "ar":
            return fold(_stemmer(language).stemWord(word.translate(_ARABIC)))
        if language == "en":
            return OWN_STEMS.get(word) or one_stem(_stemmer(language).stemWord(one_spelling(word)))
        return str(_stemmer(language).stemWord(word))


_stemmer_lock = threading.Lock()  # stemmers are stateful


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(_STEMMERS[language])
