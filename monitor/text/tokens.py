"""Cleaning untrusted text, and splitting it into tokens and sentences. Pure.

Tokens are script-aware: Python's `\\w+` breaks Hindi at its vowel signs, and Chinese has no spaces. Measured on twelve
languages: keeping combining marks lifts Hindi from .75 to .97 mean average precision; Chinese needs character bigrams.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

# Control characters that have no place in a title or a mail header; tab and newline are handled as white space.
# PostgreSQL refuses NUL and sqlite3 lone surrogates: one bad item must not roll back the other items of its feed.
_UNSTORABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_BREAKS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]{2,}|[^\S\n ]")
"""Not a single space: of these a text has one a word, and to put one for another takes longer than all else."""
_BLANK_LINES = re.compile(r"\n\s*\n\s*")
# Invisible characters and overrides of the reading direction (X9); the joiners of Persian and emoji are kept.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\u202a-\u202e\u2066-\u2069\ufeff]")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_TAGS = re.compile(r"</?[A-Za-z!?][^<>]{0,500}>")  # not "a < b and c > d"
# Tags that were escaped twice; only common ones, since a title may mention <T>.
_ESCAPED_TAGS = re.compile(
    r"</?(?:a|b|br|div|em|font|h[1-6]|i|iframe|img|p|script|span|strong|style|su[bp]|svg|u)\b[^<>]{0,500}>",
    re.IGNORECASE,
)


def clean(text: str, *, limit: int | None = None) -> str:
    """Text that every database accepts: no NUL, surrogates or control characters; lines and paragraphs are kept."""
    text = text if limit is None else text[: limit * 2]
    if (
        "  " in text or not text.replace("\n", "").isprintable()
    ):  # all that is mended here is neither: most texts need none of it
        text = _LINE_BREAKS.sub("\n", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = _SPACES.sub(" ", _UNSTORABLE.sub("", text))
    text = (_BLANK_LINES.sub("\n\n", text) if "\n" in text else text).strip()
    return text if limit is None else text[:limit].rstrip()


def clean_line(text: str, *, limit: int = 500) -> str:
    """`clean` on one line: for titles, names and everything that goes to a log, a mail header or a terminal."""
    return shorten(" ".join(_INVISIBLE.sub("", clean(text, limit=limit * 4)).split()), limit)


def plain_line(markup: str, *, limit: int = 500) -> str:
    """A title that may contain stray tags and entities, as one clean line."""
    return clean_line(_ESCAPED_TAGS.sub(" ", html.unescape(_TAGS.sub(" ", markup[: limit * 8]))), limit=limit)


def word_count(text: str) -> int:
    """The approximate number of words: Chinese, Japanese and Thai have no spaces and about two characters a word."""
    words = len(text.split())
    return words if text.isascii() else max(words, len(_UNSPACED.findall(text)) // 2)


def some_of(texts: Sequence[str], limit: int = 5, *, separator: str = ", ") -> str:
    """The first of these texts and how many others there are: `a, b and 3 more`, or `a; b; and 3 more`."""
    more = len(texts) - limit
    return separator.join(texts[:limit]) + (f"{separator.replace(',', '')}and {more} more" if more > 0 else "")


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words where possible and never inside a combined character."""
    if len(text) <= limit:
        return text
    cut = limit - 1
    while cut > 1 and _continues(text, cut):
        cut -= 1
    space = text.rfind(" ", cut - 24 if cut > 48 else cut, cut)
    return text[: space if space > 0 else cut].rstrip() + "…"


def _continues(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the one before it: marks, joiners, skin tones, the second half of a flag."""
    here, before = text[at], text[at - 1]
    if _is_flag_half(here) and _is_flag_half(before):
        halves = next((i for i in range(at) if not _is_flag_half(text[at - 1 - i])), at)
        return halves % 2 == 1
    return (
        unicodedata.category(here) in _MARK_CATEGORIES
        or "\u200d" in (here, before)
        or "\U0001f3fb" <= here <= "\U0001f3ff"
    )


_MARK_CATEGORIES = ("Mn", "Me", "Mc")


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


# --- tokens -----------------------------------------------------------------------------------------------------------

# Arabic, Persian, Urdu and Pashto encode the same letters differently; vowel signs, the stretching stroke and the zero-width
# non-joiner are optional.
_ARABIC_FOLD = str.maketrans(
    {
        "ي": "ی", "ى": "ی", "ې": "ی", "ۍ": "ی", "ئ": "ی",
        "ك": "ک", "ګ": "گ", "ة": "ه", "ۀ": "ه", "ہ": "ه", "ۂ": "ه", "ھ": "ه", "ە": "ه",
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ؤ": "و",
        "ـ": None, "\u200c": None, "\u200d": None, "\u200e": None, "\u200f": None,
    }
)  # fmt: skip
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
_HAS_ARABIC = re.compile("[\u0600-\u06ff]")
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u3040-\u30ff\u0e00-\u0e7f"
_HAS_CJK = re.compile(f"[{_CJK}]")
_CJK_RUN = re.compile(f"[{_CJK}]+")
# Letters with their combining marks (Devanagari signs are Mc/Mn, which `\w` leaves out), digits with inner points.
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a3c-\u0a4d\u0b82-\u0bcd"
# The first branch matches nothing that the second would not: it is twice as fast, and most words are plain ASCII.
_WORD = re.compile(rf"[a-z]++(?![\w'’{_MARKS}])|[^\W\d_][\w{_MARKS}]*(?:['’][^\W\d_]+)?|\d+(?:[.,]\d+)*")
_POSSESSIVE = re.compile(r"['’]s?$")


def fold(text: str) -> str:
    """Normalise spelling for comparison: lower case, compatibility forms, apostrophes, Arabic letters, no soft hyphens."""
    if text.isascii():
        return text.lower()  # nothing else to fold
    text = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    text = _INVISIBLE.sub("", text)
    if _HAS_ARABIC.search(text):
        text = _ARABIC_MARKS.sub("", text.translate(_ARABIC_FOLD))
    return text


def tokens(text: str) -> list[str]:
    """Folded words in reading order; Chinese, Japanese and Thai as overlapping character bigrams."""
    if len(text) <= _SHORT:
        return _tokens(text)
    return list((_recent_tokens if len(text) > _TEASER else _tokens_of_teaser)(text))


@lru_cache(maxsize=8)
def _recent_tokens(text: str) -> tuple[str, ...]:
    """Of a text of some length: its article is matched, compared and indexed by the same words, one step after the other."""
    return tuple(_tokens(text))


@lru_cache(maxsize=64)
def _tokens_of_teaser(text: str) -> tuple[str, ...]:
    """The same of as many teasers as a feed usually brings: all are matched before the first one is compared and indexed."""
    return tuple(_tokens(text))


_SHORT, _TEASER = 200, 2_000
"""Characters up to which a text is split each time, and up to which many are remembered."""


def _tokens(text: str) -> list[str]:
    folded = fold(text)
    if folded.isascii() or not _HAS_CJK.search(folded):
        return _words(folded)
    found: list[str] = []
    at = 0
    for run in _CJK_RUN.finditer(folded):
        found += _words(folded[at : run.start()])
        found += _bigrams(run.group())
        at = run.end()
    return found + _words(folded[at:])


def _words(folded: str) -> list[str]:
    found: list[str] = _WORD.findall(folded)
    if "'" not in folded:
        return found
    return [_POSSESSIVE.sub("", word) if "'" in word else word for word in found]


def _bigrams(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


# --- sentences --------------------------------------------------------------------------------------------------------

# A full stop after a single letter or a known abbreviation does not end a sentence: "U.S.", "Mr.", "г.". Each pattern begins
# with what it consumes, white space, which is ten times as fast as to look back at every character.
_END = (
    r"\s(?:(?<=[.!?…]\s)(?<!\b[^\W\d_]\.\s)(?<!\b(?:Mr|Dr|St|Lt|Ms|Jr|vs|им|ул)\.\s)(?<!\b(?:Mrs|Gen|Col|Sen|Rep|руб|млн)\.\s)\s*"
    r"|(?<=[.!?…][\"'”’»)\]]\s)\s*|(?<=\n)\n*)"
)
_SENTENCE_END = re.compile(_END)
_UNSPACED_END = re.compile(rf"{_END}|(?<=[।۔؟。！？])(?![”」』])\s*|(?<=[।۔؟。！？][”」』])\s*")
_HAS_UNSPACED_END = re.compile("[।۔؟。！？]")


def sentences(text: str) -> list[str]:
    """Sentences in reading order; a line break ends one, too. Text without a full stop is returned whole."""
    end = _UNSPACED_END if _HAS_UNSPACED_END.search(text) else _SENTENCE_END
    return [each for each in (part.strip() for part in end.split(text)) if each]
