"""Term weighting and sparse vector arithmetic. Pure.

The only place where an article's vector is made, from its stems (monitor.text.terms) and their IDF
(monitor.matching.background). Stories have a weighting of their own (monitor.stories.profiles); docs/dedup.md says why.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from sys import intern

from monitor.matching.tuning import (
    MAX_ARTICLE_WORDS,
    NUMBER_WEIGHT,
    NUMBERS_FROM_WORDS,
    NUMBERS_FULL_AT_WORDS,
    RARITY_CAP,
    RARITY_EXPONENT,
    START_WEIGHT,
    START_WORDS,
    TITLE_WEIGHT,
)
from monitor.text.terms import terms

TermVector = Mapping[str, float]


def article_terms(title: str, text: str, language: str) -> tuple[list[str], list[str]]:
    """The stems of an article's title and of the first MAX_ARTICLE_WORDS of its text; `language` is a code of
    monitor.text.language."""
    return terms(title, language), terms(text, language)[:MAX_ARTICLE_WORDS]


def article_vector(title: Sequence[str], body: Sequence[str], idf: Mapping[str, float]) -> dict[str, float]:
    """The unit vector of an article; `idf` as for `weigh`."""
    return unit(weigh(title, body, idf))


def weigh(title: Sequence[str], body: Sequence[str], idf: Mapping[str, float]) -> dict[str, float]:
    """Term weights, not normalized: IDF, with a logarithmic term frequency and more weight at the start. `idf` must answer for
    every term."""
    counts: dict[str, float] = dict(Counter(body))
    for term in title:
        counts[term] = counts.get(term, 0) + TITLE_WEIGHT
    start = {*title[:START_WORDS], *body[: max(0, START_WORDS - len(title))]}
    length = len(title) + len(body)
    number = 1 + (NUMBER_WEIGHT - 1) * min(
        max((length - NUMBERS_FROM_WORDS) / (NUMBERS_FULL_AT_WORDS - NUMBERS_FROM_WORDS), 0.0), 1.0
    )
    log, weights = math.log, {}
    for term, count in counts.items():
        rarity = idf[term]
        weight = (rarity if rarity < RARITY_CAP else RARITY_CAP) ** RARITY_EXPONENT
        if count > 1:
            weight *= 1 + log(count)
        if term in start:
            weight *= START_WEIGHT
        if number != 1 and term[0].isdigit():
            weight *= number
        weights[term] = weight
    return weights


class PackedTermVector:
    """A compact immutable vector: a tenth of a dict's memory, which matters with ten thousand topics."""

    __slots__ = ("_terms", "_weights")

    def __init__(self, vector: TermVector) -> None:
        self._terms = tuple(map(intern, vector))
        self._weights = array("d", vector.values())

    @classmethod
    def of(cls, terms: tuple[str, ...], weights: array[float]) -> PackedTermVector:
        """The vector of these interned terms, a weight for each."""
        found = cls.__new__(cls)
        found._terms, found._weights = terms, weights
        return found

    @property
    def terms(self) -> tuple[str, ...]:
        """Its terms, in the order of `weights`."""
        return self._terms

    @property
    def weights(self) -> Sequence[float]:
        """The weights of its terms."""
        return self._weights

    def unpack(self) -> dict[str, float]:
        """The vector as a dict."""
        return dict(zip(self._terms, self._weights, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedTermVector) and self.unpack() == other.unpack()

    def __hash__(self) -> int:
        return hash(self._terms)


def unit(vector: TermVector) -> dict[str, float]:
    """The vector at unit length; {} for an empty one."""
    length = math.sqrt(sum([weight * weight for weight in vector.values()]))
    return {term: weight / length for term, weight in vector.items()} if length else {}


def dot(left: TermVector, right: TermVector) -> float:
    """Dot product: the cosine of two unit vectors."""
    if len(left) > len(right):
        left, right = right, left
    return sum(weight * right[term] for term, weight in left.items() if term in right)


def ordered_dot(first: TermVector, second: TermVector) -> float:
    """Dot product, added up in the order of `first`: the same to the last bit wherever it is worked out."""
    return sum(weight * second[term] for term, weight in first.items() if term in second)


def mean(vectors: Iterable[tuple[TermVector, float]]) -> dict[str, float]:
    """Weighted mean of vectors; {} for none."""
    total: dict[str, float] = {}
    weights = 0.0
    for vector, weight in vectors:
        weights += weight
        for term, share in vector.items():
            total[term] = total.get(term, 0) + weight * share
    return {term: share / weights for term, share in total.items()}
