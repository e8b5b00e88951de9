"""The one weighting of terms, and sparse vectors to count with. Pure; knows no topic.

An article's vector is made here and nowhere else, from its stems (monitor.text.terms) and the rarity of each (monitor.matching.background). Why
stories have a weighting of their own (monitor.stories.profiles) is in docs/dedup.md.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from sys import intern

from monitor.matching.tuning import (
    ARTICLE_WORDS,
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

Vector = Mapping[str, float]


def read(title: str, text: str, language: str) -> tuple[list[str], list[str]]:
    """The stems of an article's title, and of as much of its text as is read; `language` is a code of monitor.text.language."""
    return terms(title, language), terms(text, language)[:ARTICLE_WORDS]


def article_vector(title: Sequence[str], body: Sequence[str], idf: Mapping[str, float]) -> dict[str, float]:
    """The unit vector of an article that was read; `idf` is the rarity of each stem in its language."""
    return unit(weigh(title, body, idf))


def weigh(title: Sequence[str], body: Sequence[str], idf: Mapping[str, float]) -> dict[str, float]:
    """How heavy each term of a title and a body is: rare ones, at the start, often. The tenth mention says little more than the
    third. Not yet of length one."""
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
        weight = min(idf[term], RARITY_CAP) ** RARITY_EXPONENT
        if count > 1:
            weight *= 1 + log(count)
        if term in start:
            weight *= START_WEIGHT
        if term[0].isdigit():
            weight *= number
        weights[term] = weight
    return weights


class Packed:
    """A vector put away: a tenth of the memory of a dict, which matters with ten thousand topics."""

    __slots__ = ("_terms", "_weights")

    def __init__(self, vector: Vector) -> None:
        self._terms = tuple(map(intern, vector))
        self._weights = array("d", vector.values())

    def open(self) -> dict[str, float]:
        """The vector, to count with."""
        return dict(zip(self._terms, self._weights, strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packed) and self.open() == other.open()

    def __hash__(self) -> int:
        return hash(self._terms)


def unit(vector: Vector) -> dict[str, float]:
    """The vector at length one; an empty one stays empty."""
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}


def dot(left: Vector, right: Vector) -> float:
    """Sum over the terms both carry: the cosine of two unit vectors."""
    if len(left) > len(right):
        left, right = right, left
    return sum(weight * right[term] for term, weight in left.items() if term in right)


def mean(vectors: Iterable[tuple[Vector, float]]) -> dict[str, float]:
    """Weighted mean of vectors; {} of none."""
    total: dict[str, float] = {}
    weights = 0.0
    for vector, weight in vectors:
        weights += weight
        for term, share in vector.items():
            total[term] = total.get(term, 0) + weight * share
    return {term: share / weights for term, share in total.items()}
