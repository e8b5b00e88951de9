"""How near an article is to what the archive is full of, topic by topic.

An article of a busy subject is similar to every topic on that subject. What tells an aspect from its subject is contrast: the
article must be nearer to the topic than to its neighbours among earlier articles. The topic's own matches are left out of these
neighbours; otherwise a topic with many matches would find every further one ordinary (docs/matching.md, "Contrast").
"""

from __future__ import annotations

import heapq
import math
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.tuning import (
    NEIGHBOUR_CANDIDATES,
    NEIGHBOURS,
    ORDINARY_ARTICLES,
    ORDINARY_GROWTH,
    ORDINARY_LEVEL,
    ORDINARY_MEASURED_FROM,
    ORDINARY_REFERENCE,
    PRODUCT_ROUNDING,
    SHIPPED_ORDINARY_WORTH,
    SUBJECT_NEIGHBOURS,
)
from monitor.matching.whole_subject import SubjectArticles, SubjectLikeness

NO_TOPICS: frozenset[str] = frozenset()
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The earlier articles most similar to one article, most similar first."""

    similarities: tuple[float, ...]
    topics: tuple[frozenset[str], ...]
    """The topics that each of them matched."""
    growth: float
    """Added to their mean, because neighbours are nearer the more articles there are."""
    shipped: float = ORDINARY_LEVEL
    """The nearness to the shipped clusters alone."""
    share: float = 1.0
    """How much the articles count beside the shipped clusters alone: less than 1 where they are few."""

    def nearness(self, topic: str) -> float:
        """Mean similarity of the nearest articles that did not match `topic`, as it would be with ORDINARY_REFERENCE articles;
        ORDINARY_LEVEL if there is none to compare with. The first articles of an archive are seldom a sample of the news: until
        there are ORDINARY_MEASURED_FROM, they count in proportion to their number."""
        return self.share * self._to_all(topic) + (1 - self.share) * self.shipped

    def _to_all(self, topic: str) -> float:
        others = [each for each, matched in zip(self.similarities, self.topics, strict=True) if topic not in matched][
            :NEIGHBOURS
        ]
        return sum(others) / len(others) + self.growth if others else ORDINARY_LEVEL


class OrdinaryNews:
    """Placed embeddings of the latest ORDINARY_ARTICLES articles with the topics that each matched, and of the shipped clusters.

    It grows with the archive and may be used from several threads. What it says depends on which articles it holds, and not on the
    order in which they came, nor on the machine: candidates are found in float32, and told to the last bit in float64.
    """

    def __init__(
        self, shipped: EmbeddingVector, articles: Iterable[tuple[int, EmbeddingVector, frozenset[str]]] = ()
    ) -> None:
        """`articles`: key of the text, placed embedding and matched topics of each, oldest first."""
        self._shipped = shipped
        self._rows = np.zeros((0, shipped.shape[1]), np.float32)
        self._keys: list[int] = []
        self._topics: list[frozenset[str]] = []
        self._place_of: dict[int, int] = {}
        self._subjects: dict[str, SubjectArticles] = {}
        self._latest = 0
        self._ages: list[tuple[int, int]] = []
        """Heap of (article id, place): the oldest one goes first."""
        self._lock = threading.Lock()
        for key, vector, topics in articles:
            self.add(key, vector, topics)

    def __len__(self) -> int:
        return len(self._keys)

    def add(
        self, key: int, vector: EmbeddingVector, topics: frozenset[str] = NO_TOPICS, *, article_id: int | None = None
    ) -> None:
        """Add an article, or note what a known text matches now; beyond ORDINARY_ARTICLES that with the lowest id is dropped.
        Without an id, the article is the latest."""
        with self._lock:
            if (known := self._place_of.get(key)) is not None:
                self._topics[known] = topics
                return
            age = article_id if article_id is not None else self._latest + 1
            self._latest = max(self._latest, age)
            before = None
            if len(self._keys) < ORDINARY_ARTICLES:
                at = len(self._keys)
                self._enlarge(at)
                self._keys.append(key)
                self._topics.append(topics)
                heapq.heappush(self._ages, (age, at))
            elif age < self._ages[0][0]:
                return
            else:
                _, at = heapq.heapreplace(self._ages, (age, self._ages[0][1]))
                before = self._rows[at].copy()
                del self._place_of[self._keys[at]]
                self._keys[at], self._topics[at] = key, topics
            self._rows[at] = vector
            self._place_of[key] = at
            for each in self._subjects.values():
                each.put(at, self._rows[at], before)

    def note(self, key: int, topics: frozenset[str]) -> None:
        """Note what a text matches now; nothing where it is none of these articles."""
        with self._lock:
            if (known := self._place_of.get(key)) is not None:
                self._topics[known] = topics

    def neighbours(self, placed: EmbeddingVector, key: int | None = None) -> Neighbours:
        """The neighbours of an article's placed embedding; `key` is that of its own text, which is no neighbour."""
        with self._lock:
            count = len(self)
            rough = self._rows[:count] @ placed
            if key in self._place_of:
                rough[self._place_of[key]] = -np.inf
            at = [each for each in _nearest(rough, NEIGHBOUR_CANDIDATES) if rough[each] > -np.inf]
            stored = _products(self._rows[at], placed)
            found = [(near, self._keys[i], self._topics[i]) for near, i in zip(stored, at, strict=True)]
        found.sort(key=lambda each: (-each[0], each[1]))
        clusters = _products(self._shipped[_nearest(self._shipped @ placed, NEIGHBOURS)], placed)
        both = [(near, topics) for near, _, topics in found[:NEIGHBOUR_CANDIDATES]]
        both += [(near, NO_TOPICS) for near in sorted(clusters, reverse=True)[:NEIGHBOURS]]
        both.sort(key=lambda each: -each[0])
        return Neighbours(
            tuple(each[0] for each in both),
            tuple(each[1] for each in both),
            self._growth(count),
            shipped=self._nearness_shipped(clusters),
            share=min(1.0, count / ORDINARY_MEASURED_FROM) if clusters else 1.0,
        )

    def subject(
        self, name: str, direction: EmbeddingVector, placed: EmbeddingVector, key: int | None = None
    ) -> SubjectLikeness:
        """How an article stands to those that are sure to be on the subject `name`, whose parts sum up to `direction`."""
        with self._lock:
            count = len(self)
            known = self._subjects.get(name)
            if known is None or not np.array_equal(known.direction, direction):
                known = self._subjects[name] = SubjectArticles(direction, self._rows[:count], self._shipped)
            own = self._place_of.get(key) if key is not None else None
            near = self._rows[:count] @ placed
            if own is not None:
                near[own] = -np.inf
            is_sure = known.is_sure[:count]
            clusters = _products(self._shipped[_nearest(self._shipped @ placed, SUBJECT_NEIGHBOURS)], placed)
            nearer = self._mean_nearest(near, is_sure, placed) - self._mean_nearest(near, ~is_sure, placed, clusters)
            return known.likeness(placed, nearer, own=own)

    def _mean_nearest(
        self, near: EmbeddingVector, which: Mask, placed: EmbeddingVector, others: Sequence[float] = ()
    ) -> float:
        """Mean cosine of the SUBJECT_NEIGHBOURS nearest of these articles and of `others`; 0.0 without one."""
        rough = np.where(which, near, -np.inf)
        at = [each for each in _nearest(rough, SUBJECT_NEIGHBOURS) if rough[each] > -np.inf]
        found = sorted([*_products(self._rows[at], placed), *others], reverse=True)[:SUBJECT_NEIGHBOURS]
        return sum(found) / len(found) if found else 0.0

    def _nearness_shipped(self, clusters: Sequence[float]) -> float:
        nearest = sorted(clusters, reverse=True)[:NEIGHBOURS]
        return sum(nearest) / len(nearest) + self._growth(0) if nearest else ORDINARY_LEVEL

    def _growth(self, count: int) -> float:
        worth = count + (SHIPPED_ORDINARY_WORTH if len(self._shipped) else 0)
        few = min(max(worth, ORDINARY_MEASURED_FROM), ORDINARY_REFERENCE)
        return ORDINARY_GROWTH * math.log2(ORDINARY_REFERENCE / few)

    def _enlarge(self, at: int) -> None:
        if at < len(self._rows):
            return
        room = min(ORDINARY_ARTICLES, max(256, 2 * len(self._rows)))
        rows = np.zeros((room, self._shipped.shape[1]), np.float32)
        rows[: len(self._rows)] = self._rows
        self._rows = rows


def _nearest(rough: EmbeddingVector, count: int) -> list[int]:
    """Places of all values that may be among the `count` largest exact ones, in no order."""
    if len(rough) <= count:
        return list(range(len(rough)))
    least = np.partition(rough, -count)[-count]
    return [int(each) for each in np.flatnonzero(rough >= least - PRODUCT_ROUNDING)]


def _products(rows: EmbeddingVector, placed: EmbeddingVector) -> list[float]:
    """The product with each row in float64, each by itself: a matrix product depends on the rows around it."""
    return [float(each) for each in (rows.astype(np.float64) * placed.astype(np.float64)).sum(axis=1)]
