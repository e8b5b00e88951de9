"""Whether two differently worded articles tell one event. Pure: profiles in, a choice out; how they are stored is elsewhere.

A profile is the few dozen terms an article is told by, weighted by how rare they are in its language, with its names and the
words of its headline marked. Kindred profiles are proposed by the store, which looks up the heaviest terms in ordinary rows; this
module decides. A doubt is answered with None, a story of its own: one alert too many is a nuisance, a swallowed event is a loss.
What was measured, and what did not help, is in docs/dedup.md.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import nlargest
from itertools import pairwise

from xxhash import xxh3_64_intdigest

from monitor.language import UNKNOWN, normalize
from monitor.terms import stem
from monitor.text import tokens
from monitor.types import Article, Kind, StoryChoice

LOOK_UP_KEYS = 12
"""The heaviest terms of a profile: those it is found by."""
MIN_KEYS = 2
"""Of these, how many must be shared for a comparison."""
KEPT = 64
"""Terms of a profile. Keeping them all decides no better, and cost would grow with the text."""
WINDOW_FOR = timedelta(days=14)
"""An event that nobody wrote of for longer is over; what follows is told anew."""
MAX_KINDRED = 12
"""Profiles that one article is compared with."""
LIKENESS = 0.24
"""Cosine of profiles, less what time takes off it, from which an article joins; the mean of the story's three nearest."""
NEAREST = 3
MIN_SHARED = 3
"""Different telling words that must be shared: of two headlines one rare name makes half the likeness."""
TELLING = 3.5
"""Rarity from which a word tells something: about one article in thirty carries it."""
THEME_FROM, THEME = 24, 64
"""A term carried by so many articles within the window begins to be a theme, and is one: it tells no event."""

_DAY_COSTS = 0.9
_WORDS = 300
_CHARACTERS = 3_000
_START_WORDS = 60
_START, _NAME, _NUMBER = 1.5, 1.25, 2.0
_SATURATION = 1.2
_MOST_RARE = 12.0
_POWER = 0.8
_THEME = 0.2
_PAIR, _PAIR_FROM, _PAIR_LESS = 0.7, 9.0, 6.0
_KNOWN_WORDS = 3_000
"""A language of whose words fewer are known has no rarity to go by: nothing joins in it."""
_IS_NAME, _IS_HEADLINE, _IS_WORD, _IS_NUMBER, _IS_PLACE = 1, 2, 4, 8, 16
_LEVELS, _MARKS = (1 << 11) - 1, 5
_LEAD_WORDS, _LEAD_CHARACTERS = 60, 600
_AGREED, _CONFLICTING = 1.15, 0.85
"""What is done to the likeness where both leads have numbers and share one; where they have numbers, or places, and share none.
A shared place is no gain: many events of a topic have one."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an article is told by. Keys are signed 32-bit hashes of language and term, heaviest first; weights have length one."""

    weights: Mapping[int, float] = field(default_factory=dict)
    marks: Mapping[int, int] = field(default_factory=dict)
    words: Mapping[int, str] = field(default_factory=dict, compare=False)
    """The terms as words, for people; not kept by the store."""

    @property
    def keys(self) -> tuple[int, ...]:
        """What the article is found by."""
        return tuple(self.weights)[:LOOK_UP_KEYS]

    @property
    def has_names(self) -> bool:
        return any(each & _IS_NAME for each in self.marks.values())

    def pack(self) -> bytes:
        """As the store keeps it: six bytes a term, the weight to three places."""
        size = len(self.weights)
        levels = (round(weight * _LEVELS) << _MARKS | self.marks[key] for key, weight in self.weights.items())
        return struct.pack(f"<{size}i{size}H", *self.weights, *levels)


def unpack(packed: bytes) -> Profile:
    """A profile as it was kept, without its words."""
    size = len(packed) // 6
    values = struct.unpack(f"<{size}i{size}H", packed)
    keys, levels = values[:size], values[size:]
    weights = [(level >> _MARKS) / _LEVELS for level in levels]
    marks = [level & ((1 << _MARKS) - 1) for level in levels]
    return Profile(dict(zip(keys, weights, strict=True)), dict(zip(keys, marks, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kindred:
    """A stored article that shares some of the terms an article is found by."""

    article_id: int
    story_id: int
    published_at: datetime
    profile: Profile


# --- deciding -----------------------------------------------------------------------------------------------------------


def choose(
    article: Article, own: Profile, kindred: Iterable[Kindred], carriers: Mapping[int, int] | None = None
) -> StoryChoice | None:
    """The story whose event `article` tells; None where it is none of theirs. The order of `kindred` does not matter.

    `carriers` says how many articles within the window carry each of the keys that `own` is found by; above 64 it may be cut.
    """
    own = _without_themes(own, carriers or {})
    of_story: dict[int, list[tuple[float, Kindred]]] = defaultdict(list)
    for each in sorted(kindred, key=lambda each: each.article_id):
        if likeness := _likeness(article, own, each):
            of_story[each.story_id].append((likeness, each))
    if not of_story:
        return None
    ranked = {story: sorted(found, key=lambda pair: -pair[0])[:NEAREST] for story, found in of_story.items()}
    story = max(ranked, key=lambda story: _mean(ranked[story]))
    similarity, nearest = _mean(ranked[story]), ranked[story][0][1]
    if similarity < LIKENESS:
        return None
    return StoryChoice(
        kind=Kind.JOINS,
        story_id=story,
        of_article_id=nearest.article_id,
        similarity=similarity,
        why=f"same event ({similarity:.0%} alike): {_shown(own, nearest.profile)}",
    )


def _without_themes(own: Profile, carriers: Mapping[int, int]) -> Profile:
    """What hundreds of articles carry just now (an epidemic, a war) is rare in the word lists and tells no event all the same."""
    left = {
        key: weight * min(max((THEME - carriers.get(key, 0)) / (THEME - THEME_FROM), 0.0), 1.0)
        for key, weight in own.weights.items()
    }
    return replace(own, weights={key: weight for key, weight in left.items() if weight})


def _mean(found: Sequence[tuple[float, Kindred]]) -> float:
    return sum(likeness for likeness, _ in found) / len(found)


def _likeness(article: Article, own: Profile, other: Kindred) -> float:
    """How alike two articles are, less a tenth for each day between them beyond the first; 0.0 without a second signal."""
    shared = own.weights.keys() & other.profile.weights.keys()
    if not _is_second_signal(own, other.profile, shared):
        return 0.0
    apart_for = abs(article.published_at - other.published_at)
    if apart_for > WINDOW_FOR:
        return 0.0
    cosine: float = sum(own.weights[key] * other.profile.weights[key] for key in shared)
    agreement = _agreement(own, other.profile, shared)
    return cosine * agreement * math.pow(_DAY_COSTS, max(apart_for / timedelta(days=1) - 1, 0.0))


def _agreement(own: Profile, other: Profile, shared: Iterable[int]) -> float:
    """Two quakes, two trials, two fires: the words are the same, numbers and places tell them apart.

    What it does to the likeness; 0.0 where both conflict and no name is shared either. In scripts without capitals, where
    no name can confirm the event, a conflict says nothing: Urdu papers leave the agency's numbers out and keep others.
    """
    factors = [_compared(own, other, mark) for mark in (_IS_NUMBER, _IS_PLACE)]
    if not (own.has_names or other.has_names):
        return max(factors)
    if set(factors) == {_CONFLICTING} and not any(own.marks[key] & other.marks[key] & _IS_NAME for key in shared):
        return 0.0
    return math.prod(factors)


def _compared(own: Profile, other: Profile, mark: int) -> float:
    mine, theirs = ({key for key, marks in each.marks.items() if marks & mark} for each in (own, other))
    if not (mine and theirs):
        return 1.0
    if mine.isdisjoint(theirs):
        return _CONFLICTING
    return _AGREED if mark == _IS_NUMBER else 1.0


def _is_second_signal(own: Profile, other: Profile, shared: Iterable[int]) -> bool:
    """Likeness alone is not enough: several telling words must be shared, a name or two words of the headlines among them; twice
    as many do where the script has no capitals to tell names by."""
    marks = [own.marks[key] & other.marks[key] for key in shared if own.marks[key] & _IS_WORD]
    names = sum(bool(each & _IS_NAME) for each in marks)
    headline = sum(bool(each & _IS_HEADLINE) for each in marks)
    is_told = names >= 1 or headline >= 2 or (len(marks) >= 2 * MIN_SHARED and not (own.has_names or other.has_names))
    return len(marks) >= MIN_SHARED and is_told


def _shown(own: Profile, other: Profile) -> str:
    shared = {
        own.words.get(key, ""): weight * other.weights[key]
        for key, weight in own.weights.items()
        if key in other.weights
    }
    return ", ".join(sorted(filter(None, shared), key=lambda word: -shared[word])[:5])


# --- profiles -----------------------------------------------------------------------------------------------------------


def profile(article: Article, idf: Mapping[str, float], *, themes: Container[str] = ()) -> Profile:
    """What `article` is told by; `idf` is the rarity of stems (monitor.terms) in its language. Empty where nothing is known of it.

    `themes` are the heaviest stems of the topics it matched: every article of a topic carries them, so they tell no event of it.
    """
    if len(idf) < _KNOWN_WORDS:
        return Profile()
    reading = _Reading(article)
    weights = _weights(reading, idf, themes)
    kept = nlargest(KEPT, weights, key=weights.__getitem__)
    length = math.sqrt(sum(weights[term] ** 2 for term in kept)) or 1.0
    keys = {term: _key(reading.language, term) for term in kept}
    return Profile(
        {keys[term]: weights[term] / length for term in kept},
        {keys[term]: _mark(term, reading, idf) for term in kept},
        {keys[term]: reading.written[term] for term in kept if isinstance(term, str)},
    )


_Term = str | tuple[str, str]


class _Reading:
    """An article as stems, with those that are names or stand in the headline."""

    def __init__(self, article: Article) -> None:
        self.language = normalize(article.language) or UNKNOWN
        text = _DATELINE.sub("", article.text[:_CHARACTERS])
        headline = tokens(article.title)
        words = (headline + tokens(text))[:_WORDS]
        self.stems = [stem(word, self.language) for word in words]
        self.headline = frozenset(self.stems[: len(headline)])
        self.lead = frozenset(self.stems[:_LEAD_WORDS])
        self.places = frozenset(stem(word, self.language) for word in _places(article.title, text))
        self.names = frozenset(stem(word, self.language) for word in _names(article.title, text))
        self.written = dict(zip(reversed(self.stems), reversed(words), strict=True))


def _weights(reading: _Reading, idf: Mapping[str, float], themes: Container[str]) -> dict[_Term, float]:
    """Rare words weigh, at the start, as names and as numbers more; pairs of rare neighbours stand beside them."""
    start = frozenset(reading.stems[:_START_WORDS])
    extra, rare = {}, {}
    weights: dict[_Term, float] = {}
    for term, count in Counter(reading.stems).items():
        rare[term] = idf[term]
        extra[term] = (
            (_START if term in start else 1.0)
            * (_NAME if term in reading.names else 1.0)
            * (_NUMBER if term[0].isdigit() else 1.0)
            * (_THEME if term in themes else 1.0)
        )
        weights[term] = _often(count) * min(rare[term], _MOST_RARE) ** _POWER * extra[term]
    for pair, count in Counter(pairwise(reading.stems)).items():
        one, other = pair
        if (both := rare[one] + rare[other]) > _PAIR_FROM:
            weights[pair] = _often(count) * _PAIR * (both - _PAIR_LESS) ** _POWER * min(extra[one], extra[other])
    return weights


def _often(count: int) -> float:
    return (_SATURATION + 1) * count / (_SATURATION + count)


def _mark(term: _Term, reading: _Reading, idf: Mapping[str, float]) -> int:
    """Pairs, numbers and ordinary words weigh, but are no signal of their own: two clock times make no event."""
    if isinstance(term, tuple):
        return 0
    if term[0].isdigit():
        return _IS_NUMBER * (term in reading.lead)
    place = _IS_PLACE * (term in reading.places and term in reading.lead)
    if idf[term] < TELLING:
        return place
    return place + _IS_WORD + _IS_NAME * (term in reading.names) + _IS_HEADLINE * (term in reading.headline)


def _key(language: str, term: _Term) -> int:
    """Articles of two languages share no key, so they are never compared."""
    spelled = term if isinstance(term, str) else " ".join(term)
    value = xxh3_64_intdigest(f"{language} {spelled}".encode("utf-8", "replace")) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


# Where a wire's copy begins ("MARLBRIDGE (Corran Wire) - "): place and agency are shared by all that it writes from there.
_DATELINE = re.compile(r"\A[^\n().]{0,60}\([^()\n]{2,40}\)\s{0,3}[-–—]\s{0,3}")
# Capitals tell a name only inside a sentence: after a letter, a comma or a closing mark and one space.
_SPELLED = re.compile(r"(?<![\w'’-])[^\W\d_]+")
_INNER = re.compile(r"(?<=[\w,;)'’”»] )[^\W\d_]+")


def _names(title: str, text: str) -> set[str]:
    """Words with a capital inside a sentence more often than without one, folded; In Title Case a capital says nothing."""
    capital, plain = Counter[str](), Counter[str]()
    for part in (text, "" if _is_title_case(title) else title):
        plain.update(_SPELLED.findall(part))
        capital.update(word for word in _INNER.findall(part) if word[0].isupper())
    return {each for word, count in capital.items() if count > plain[word.casefold()] for each in tokens(word)} - _DATES


# Written with a capital and shared by all that happened that day; the other languages write them small.
_DATES = frozenset(
    tokens(
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october "
        "november december montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober "
        "dezember"
    )
)
# After such a word a capital tells a place, mostly: "in Moscow", "bei Kabul", "в Москве". Other languages go without.
_PLACE = re.compile(
    r"\b(?:in|at|near|from|off|outside|of|bei|aus|nach|à|en|dans|em|w|во?|из|под|на|у|в)\s(?:the\s)?([^\W\d_]{3,})"
)


def _places(title: str, text: str) -> set[str]:
    written = f"{title}\n{text[:_LEAD_CHARACTERS]}"
    return {each for word in _PLACE.findall(written) if word[0].isupper() for each in tokens(word)} - _DATES


def _is_title_case(title: str) -> bool:
    long = [word for word in title.split() if len(word) > 3 and word[0].isalpha()]
    return len(long) > 2 and sum(word[0].isupper() for word in long) > 0.7 * len(long)
