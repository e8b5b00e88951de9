"""The topics' vectors of one language, as an index: all topics are scored in one pass. Pure.

For few topics each vector is looked up by itself; for many an inverted index holds, of each term, the topics that have it. Both add
up the terms of an article in its own order: the same numbers to the last bit, however the index came about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import copy
from functools import cached_property

import numpy as np
import numpy.typing as npt

from monitor.matching.model import LanguageSide, TopicModel
from monitor.matching.term_vectors import PackedTermVector, TermVector
from monitor.matching.topic_threshold import ceiling, topic_strictness
from monitor.matching.tuning import DENSE_POSTINGS, FEW_TOPICS, ROUNDING

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int32]
_Posting = tuple[Places | None, Floats]
"""The topics that have a term, by position, and its weights there; no positions where there is one weight for each topic."""
_NO_POSTINGS: _Posting = (np.array([], np.int32), np.array([], np.float64))


def topic_index(models: Sequence[TopicModel], language: str) -> TopicIndex:
    """The index of these models in a language; the kind that is quicker for so many."""
    kind = _FewTopics if len(models) <= FEW_TOPICS else TopicIndex
    return kind(models, language)


def _by_term(vectors: Sequence[PackedTermVector]) -> Iterator[tuple[str, Places, Floats]]:
    """Each term with the places of the vectors that have it, ascending, and its weights there. All terms are sorted at once, which
    takes a third of the time that adding to an array for each of them would."""
    numbers: dict[str, int] = {}
    entries = (numbers.setdefault(term, len(numbers)) for each in vectors for term in each.terms)
    of_entry = np.fromiter(entries, np.int32)
    order = np.argsort(of_entry, kind="stable").astype(np.int32)
    places = np.repeat(np.arange(len(vectors), dtype=np.int32), [len(each.terms) for each in vectors])[order]
    weights = np.concatenate([np.empty(0), *(each.weights for each in vectors)])[order]
    ends = np.cumsum(np.bincount(of_entry, minlength=len(numbers))).tolist()
    for term, begin, end in zip(numbers, [0, *ends], ends, strict=False):
        yield term, places[begin:end], weights[begin:end]


class TopicIndex:
    """Inverted index for one language: term to the topics that contain it and their weights.

    Terms that many topics have are kept as rows with one weight for each topic: adding these up is many times cheaper. The terms
    of an article are always added in its own order, so that scores do not depend on how an index came about.
    """

    def __init__(self, models: Sequence[TopicModel], language: str) -> None:
        self._topics = len(models)
        sides = [(model.side(language), model.factor) for model in models]
        self.strictness = np.array([topic_strictness(*each) for each in sides], np.float64)
        self.ceilings = np.array([ceiling(*each) for each in sides], np.float64)
        by_term = _by_term([side.packed for side, _ in sides])
        self._postings = {term: self._posting(places, weights) for term, places, weights in by_term}

    def _posting(self, places: Places, weights: Floats) -> _Posting:
        if len(places) * DENSE_POSTINGS < self._topics:
            return places, weights
        row = np.zeros(self._topics)
        row[places] = weights
        return None, row

    def with_side(self, at: int, before: LanguageSide, after: LanguageSide) -> TopicIndex:
        """A copy in which one topic's terms are replaced."""
        found = object.__new__(TopicIndex)
        found._topics, found._postings = self._topics, dict(self._postings)
        found.strictness, found.ceilings = self.strictness.copy(), self.ceilings.copy()
        if before.packed is after.packed:
            return found
        earlier, later = before.vector, after.vector
        for term in earlier.keys() | later.keys():
            places, weights = found._postings.get(term, _NO_POSTINGS)
            if places is None:
                weights = weights.copy()
                weights[at] = later.get(term, 0.0)
                found._postings[term] = None, weights
                continue
            others = places != at
            places, weights = places[others], weights[others]
            if term in later:
                places, weights = np.append(places, np.int32(at)), np.append(weights, later[term])
            if len(places):
                found._postings[term] = places, weights
            else:
                del found._postings[term]
        return found

    def bound(self, article: TermVector) -> Floats:
        """For every topic, a number that its cosine with the article does not exceed: exact for rare terms, and for those that
        have rows the product of lengths (Cauchy-Schwarz)."""
        rows = [(self._postings.get(term, _NO_POSTINGS), weight) for term, weight in article.items()]
        rare = [(places, weights * weight) for (places, weights), weight in rows if places is not None and len(places)]
        length = math.sqrt(sum(weight * weight for (places, _), weight in rows if places is None))
        found = self._common_lengths * length + ROUNDING
        if rare:
            places, weights = (np.concatenate(each) for each in zip(*rare, strict=True))
            found += np.bincount(places, weights, self._topics)
        return found

    @cached_property
    def _common_lengths(self) -> Floats:
        """Of each topic, the length of its vector in the terms that have rows."""
        squares = np.zeros(self._topics)
        for places, weights in self._postings.values():
            if places is None:
                squares += weights * weights
        lengths: Floats = np.sqrt(squares)
        return lengths

    def score(self, article: TermVector) -> Floats:
        """The cosine of the article with every topic."""
        scores, part = np.zeros(self._topics), np.empty(self._topics)
        for term, weight in article.items():
            places, weights = self._postings.get(term, _NO_POSTINGS)
            if places is None:
                scores += np.multiply(weights, weight, out=part)
            elif len(places):
                scores[places] += weights * weight
        return scores


class _FewTopics(TopicIndex):
    """The same for few topics, whose vectors are looked up one by one: numpy is slower than that for a handful of numbers, and to
    replace a topic's terms is to replace one vector."""

    def __init__(self, models: Sequence[TopicModel], language: str) -> None:
        self._topics = len(models)
        sides = [(model.side(language), model.factor) for model in models]
        self.strictness = np.array([topic_strictness(*each) for each in sides], np.float64)
        self.ceilings = np.array([ceiling(*each) for each in sides], np.float64)
        self._vectors = [side.vector for side, _ in sides]

    def with_side(self, at: int, before: LanguageSide, after: LanguageSide) -> _FewTopics:
        """A copy in which one topic's terms are replaced."""
        found = copy(self)
        found.strictness, found.ceilings = self.strictness.copy(), self.ceilings.copy()
        if before.packed is not after.packed:
            found._vectors = [*self._vectors[:at], after.vector, *self._vectors[at + 1 :]]
        return found

    def score(self, article: TermVector) -> Floats:
        """The cosine of the article with every topic, added up in the article's order as `TopicIndex.score` does."""
        return np.array([_in_order(article, vector) for vector in self._vectors], np.float64)


def _in_order(article: TermVector, topic: TermVector) -> float:
    """The dot product in a loop: `sum` rounds otherwise from Python 3.12 on, and numpy as this does."""
    total = 0.0
    for term, weight in article.items():
        if term in topic:
            total += topic[term] * weight
    return total
