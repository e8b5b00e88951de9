"""Words as the matcher counts them: text in, stems out. Knows no topic and no weights (monitor.matching.term_vectors).

One term is one stem of a language (monitor.text tells the words). Stemming matters more than anything else on inflected
languages: on Russian news mean average precision rose from .38 to .61 with one seed (docs/matching.md).
"""

from __future__ import annotations

import threading
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

from monitor.text.tokens import fold, tokens

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip
# Inflected, but no stemmer knows them: the first letters stand for the word. On Russian, where both can be had, this
# recovers five sixths of what the stemmer gains.
_CUT = frozenset({"uk", "be", "bg", "mk", "kk", "ky", "tg", "mn", "sk", "sl", "hr", "bs", "lv"})
_CUT_LENGTH = 5
# monitor.text folds Arabic letters to their Persian forms; the Arabic stemmer looks for its own.
_ARABIC = str.maketrans({"ی": "ي", "ک": "ك"})


def terms(text: str, language: str) -> list[str]:
    """The stems of a text's words in reading order; `language` is a code of monitor.text.language."""
    return [stem(word, language) for word in tokens(text)]


@lru_cache(maxsize=200_000)
def stem(word: str, language: str) -> str:
    """The part of a folded word that its inflected forms share; the word itself where we know no better."""
    if not word.isalpha():
        return word
    if language in _CUT:
        return word[:_CUT_LENGTH]
    if language not in _STEMMERS:
        return word
    with _one_at_a_time:
        if language == "ar":
            return fold(_stemmer(language).stemWord(word.translate(_ARABIC)))
        return str(_stemmer(language).stemWord(word))


_one_at_a_time = threading.Lock()  # a stemmer keeps the word it works on in itself


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(_STEMMERS[language])
