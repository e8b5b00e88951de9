"""Profile an article by its few dozen heaviest terms, with names, places, numbers, headline words and days marked.

`monitor.stories.events` compares profiles to decide whether two articles are about one event; the store keeps one in six bytes a
term. What was measured, and what did not help, is in docs/dedup.md.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise

from xxhash import xxh3_64_intdigest

from monitor.stories import tuning
from monitor.stories.headlines import DATE_WORDS, is_title_case, without_outlet
from monitor.text.language import UNKNOWN, normalize
from monitor.text.stated_days import stated_days
from monitor.text.terms import stem, stems, terms
from monitor.text.tokens import tokens
from monitor.types.matching import Article

IS_NAME, IS_HEADLINE, IS_WORD, IS_NUMBER, IS_PLACE = 1, 2, 4, 8, 16
IS_DAY = IS_NUMBER | IS_PLACE
"""Days need no bit of their own, as no term is both number and place. A day's key is its ordinal (`date.toordinal`), its
weight 0."""

_LEVELS, _MARKS = (1 << 11) - 1, 5


@dataclass(frozen=True, slots=True)
class Profile:
    """The heaviest terms of an article. Keys are signed 32-bit hashes of language and term, heaviest first; the weights have
    unit length."""

    weights: Mapping[int, float] = field(default_factory=dict)
    marks: Mapping[int, int] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict, compare=False)
    """The terms as words, for people; not stored."""

    @property
    def keys(self) -> tuple[int, ...]:
        """The keys that the article is looked up by; never days, which many events share."""
        return tuple(islice((key for key, marks in self.marks.items() if not is_day(marks)), tuning.LOOK_UP_TERMS))

    @property
    def has_names(self) -> bool:
        return any(each & IS_NAME for each in self.marks.values())

    def marked(self, mark: int) -> set[int]:
        """Return the keys with exactly this mark among number, place and day."""
        return {key for key, marks in self.marks.items() if marks & IS_DAY == mark}

    def pack(self) -> bytes:
        """Serialize for the store: six bytes a term, the weight to three places."""
        size = len(self.weights)
        marks = self.marks
        levels = [round(weight * _LEVELS) << _MARKS | marks[key] for key, weight in self.weights.items()]
        return struct.pack(f"<{size}i{size}H", *self.weights, *levels)


def is_day(marks: int) -> bool:
    return marks & IS_DAY == IS_DAY


def unpack(packed: bytes) -> Profile:
    """Restore a stored profile, without its words."""
    size = len(packed) // 6
    values = struct.unpack(f"<{size}i{size}H", packed)
    keys, levels = values[:size], values[size:]
    weights = [(level >> _MARKS) / _LEVELS for level in levels]
    marks = [level & ((1 << _MARKS) - 1) for level in levels]
    return Profile(dict(zip(keys, weights, strict=True)), dict(zip(keys, marks, strict=True)))


def profile(article: Article, idf: Mapping[str, float], *, themes: Container[str] = ()) -> Profile:
    """Return the profile of `article`; empty if too little is known of its language.

    `idf` is the rarity of stems (monitor.text.terms) in its language. `themes` are the heaviest stems of the topics it matched:
    every article of a topic has them, so they identify no event.
    """
    if len(idf) < tuning.KNOWN_WORDS:
        return Profile()
    stemmed = _StemmedArticle(article)
    weights = _weights(stemmed, idf, themes)
    days = _stated_days(article)
    kept = sorted(weights, key=weights.__getitem__, reverse=True)[: tuning.PROFILE_TERMS - len(days)]
    length = math.sqrt(sum([weights[term] ** 2 for term in kept])) or 1.0
    keys = [key_of(stemmed.language, term) for term in kept]
    return Profile(
        dict(zip(keys, [weights[term] / length for term in kept], strict=True)) | dict.fromkeys(days, 0.0),
        dict(zip(keys, _marks_of(kept, stemmed, idf), strict=True)) | dict.fromkeys(days, IS_DAY),
        {key: stemmed.written[term] for key, term in zip(keys, kept, strict=True) if isinstance(term, str)},
    )


def without_words(own: Profile, article: Article, words: Sequence[str], is_left_out: Sequence[bool]) -> Profile:
    """Remove from a profile the terms that only masked words of the text contain, such as a site's boilerplate, and normalize it
    again.

    `words` are those of the text (monitor.text.tokens), and `is_left_out` has a value for each of them.
    """
    language = normalize(article.language) or UNKNOWN
    stems = zip((stem(word, language) for word in words), is_left_out, strict=True)
    masked: list[str] = []
    kept_stems: list[str] = []
    for each, is_out in stems:
        (masked if is_out else kept_stems).append(each)
    kept_terms = _with_pairs(terms(article.title, language)) | _with_pairs(kept_stems)
    left_out = {key_of(language, term) for term in _with_pairs(masked) - kept_terms}
    kept = {key: weight for key, weight in own.weights.items() if key not in left_out}
    length = math.sqrt(sum(weight**2 for weight in kept.values())) or 1.0
    return replace(
        own,
        weights={key: weight / length for key, weight in kept.items()},
        marks={key: marks for key, marks in own.marks.items() if key in kept},
    )


def _with_pairs(stems: Sequence[str]) -> set[_Term]:
    return {*stems, *pairwise(stems)}


_Term = str | tuple[str, str]


class _StemmedArticle:
    """An article as stems, with those that are names, places or headline words."""

    def __init__(self, article: Article) -> None:
        self.language = normalize(article.language) or UNKNOWN
        text = _DATELINE.sub("", article.text[: tuning.PROFILE_CHARACTERS])
        headline = tokens(without_outlet(article.title))
        words = (headline + tokens(text))[: tuning.PROFILE_WORDS]
        self.stems = stems(words, self.language)
        self.headline = frozenset(self.stems[: len(headline)])
        self.lead = frozenset(self.stems[: tuning.LEAD_WORDS])
        self.places = frozenset(stems(_places(article.title, text), self.language))
        self.names = frozenset(stems(_names(article.title, text), self.language))
        self.written = dict(zip(reversed(self.stems), reversed(words), strict=True))


def _weights(stemmed: _StemmedArticle, idf: Mapping[str, float], themes: Container[str]) -> dict[_Term, float]:
    """Weigh terms by rarity, and more at the start, as names and as numbers; pairs of rare neighbours count as terms of their
    own."""
    start, names = frozenset(stemmed.stems[: tuning.START_WORDS]), stemmed.names
    extra: dict[str, float] = {}
    rare: dict[str, float] = {}
    weights: dict[_Term, float] = {}
    counts, pairs = Counter(stemmed.stems), Counter(pairwise(stemmed.stems))
    saturated = {count: _saturated(count) for count in {*counts.values(), *pairs.values()}}
    for term, count in counts.items():
        rarity = rare[term] = idf[term]
        more = tuning.START_WEIGHT if term in start else 1.0
        if term in names:
            more *= tuning.NAME_WEIGHT
        if term[0].isdigit():
            more *= tuning.PROFILE_NUMBER_WEIGHT
        if term in themes:
            more *= tuning.TOPIC_TERM_WEIGHT
        extra[term] = more
        weights[term] = saturated[count] * min(rarity, tuning.MAX_RARITY) ** tuning.RARITY_POWER * more
    for pair, count in pairs.items():
        one, other = pair
        if (both := rare[one] + rare[other]) > tuning.PAIR_RARITY_FROM:
            rarity = (both - tuning.PAIR_RARITY_LESS) ** tuning.RARITY_POWER
            weights[pair] = saturated[count] * tuning.PAIR_WEIGHT * rarity * min(extra[one], extra[other])
    return weights


def _saturated(count: int) -> float:
    """Return a count damped towards a limit (BM25's term frequency)."""
    return (tuning.COUNT_SATURATION + 1) * count / (tuning.COUNT_SATURATION + count)


def _marks_of(kept: Sequence[_Term], stemmed: _StemmedArticle, idf: Mapping[str, float]) -> list[int]:
    """Mark terms. Pairs, numbers and common words have weight but are no signal of their own: two clock times make no event."""
    lead, headline, places, names = stemmed.lead, stemmed.headline, stemmed.places, stemmed.names
    found = []
    for term in kept:
        marks = 0
        if isinstance(term, str):
            if term[0].isdigit():
                marks = IS_NUMBER * (term in lead) + IS_HEADLINE * (term in headline)
            else:
                marks = IS_PLACE * (term in places and term in lead)
                if idf[term] >= tuning.DISTINCTIVE_RARITY:
                    marks += IS_WORD + IS_NAME * (term in names) + IS_HEADLINE * (term in headline)
        found.append(marks)
    return found


def key_of(language: str, term: _Term) -> int:
    """Hash a stem, or a pair of stems, with its language: articles in two languages share no key, so they are never compared."""
    spelled = term if isinstance(term, str) else " ".join(term)
    value = xxh3_64_intdigest(f"{language} {spelled}".encode("utf-8", "replace")) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


# Dateline of an agency text ("MARLBRIDGE (Corran Wire) - "): shared by all that the agency writes from that place.
_DATELINE = re.compile(r"\A[^\n().]{0,60}\([^()\n]{2,40}\)\s{0,3}[-–—]\s{0,3}")
# A capital shows a name only inside a sentence: after a letter, a comma or a closing mark and one space.
_SPELLED = re.compile(r"(?<![\w'’-])[^\W\d_]+")
_INNER = re.compile(r"(?<=[\w,;)'’”»] )[^\W\d_]+")
_INNER_CAPITAL = re.compile(r"[A-Z](?<=[\w,;)'] [A-Z])[A-Za-z]*")
"""The same words of a plain ASCII text where they have a capital: found by that letter, ten times as fast."""


def _names(title: str, text: str) -> set[str]:
    """Return words, folded, that have a capital inside a sentence more often than not; a headline in title case is ignored."""
    parts = (text, "" if is_title_case(title) else title)
    capital = Counter([word for part in parts for word in _inner_capitals(part)])
    folded = {word: word.casefold() for word in capital}
    # Words are counted only where one of them could be found: to find all words takes longer than the rest.
    is_plain = any(each in part for each in set(folded.values()) for part in parts)
    plain = Counter([word for part in parts for word in _SPELLED.findall(part)]) if is_plain else Counter[str]()
    return {
        each for word, count in capital.items() if count > plain[folded[word]] for each in tokens(word)
    } - DATE_WORDS


def _inner_capitals(part: str) -> list[str]:
    if part.isascii():
        return _INNER_CAPITAL.findall(part)
    return [word for word in _INNER.findall(part) if word[0].isupper()]


# A capital after such a word mostly shows a place: "in Moscow", "bei Kabul", "в Москве". Other languages have no places marked.
_PLACE = re.compile(
    r"\b(?:in|at|near|from|off|outside|of|bei|aus|nach|à|en|dans|em|w|во?|из|под|на|у|в)\s(?:the\s)?([^\W\d_]{3,})"
)


def _places(title: str, text: str) -> set[str]:
    written = f"{title}\n{text[: tuning.LEAD_CHARACTERS]}"
    return {each for word in _PLACE.findall(written) if word[0].isupper() for each in tokens(word)} - DATE_WORDS


def _stated_days(article: Article) -> list[int]:
    """Return the ordinals of the days stated in headline and lead, those nearest to the article's own first."""
    today = article.published_at.date()
    found = stated_days(f"{article.title}\n{article.text[: tuning.LEAD_CHARACTERS]}", near=today)
    return [day.toordinal() for day in sorted(found, key=lambda day: (abs(day - today), day))[: tuning.LEAD_DAYS]]
