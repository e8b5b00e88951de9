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
    SUBJECT_ARTICLES_HALF,
    SUBJECT_LEARNED_MAX,
    SUBJECT_LEARNED_WORTH,
    SUBJECT_LEVEL,
    SUBJECT_NEIGHBOURS,
    SUBJECT_SHIPPED_WORTH,
    SUBJECT_SURE_FROM,
)

NO_TOPICS: frozenset[str] = frozenset()
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Sum = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


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


@dataclass(frozen=True, slots=True)
class SubjectLikeness:
    """How an article stands to the articles that are sure to be on a subject, and to all other news."""

    sure: int
    """How many articles are sure."""
    along: float
    """Where it lies between the mean of the others, 0.0, and that of the sure ones, 1.0."""
    nearer: float
    """How much nearer its nearest sure ones are than its nearest others (cosines)."""

    @property
    def weight(self) -> float:
        """What it adds to a score: nothing while no article is sure, half of it when SUBJECT_ARTICLES_HALF are."""
        share = self.sure / (self.sure + SUBJECT_ARTICLES_HALF)
        learned = SUBJECT_LEARNED_WORTH * (self.along + self.nearer - SUBJECT_LEVEL)
        return share * min(max(learned, -SUBJECT_LEARNED_MAX), SUBJECT_LEARNED_MAX)


class SubjectArticles:
    """Which of an archive's articles are sure to be on a whole subject, with the sums of both kinds. Kept up as the archive grows.

    A sentence names a subject, and not the people, places and affairs that it consists of: "the government" says nothing of a rail
    strike. The articles that the owner's words are sure to mean do. So an article is compared with these and with all other news:
    with the means of both (a linear discriminant with equal spread), and with the nearest of both. What is sure is told by what the
    owner wrote alone, never by what was learned: a subject cannot carry itself off (docs/matching.md, "Whole subjects").
    """

    def __init__(self, direction: EmbeddingVector, rows: EmbeddingVector, shipped: EmbeddingVector) -> None:
        """`direction`: the sum of the topic's parts; its product with an article is the score by what the owner wrote.
        `rows`: the placed embeddings of the archive. `shipped`: those of the shipped clusters, which are other news."""
        self.direction = direction
        self._sums: tuple[Sum, Sum] = (np.zeros(len(direction)), SUBJECT_SHIPPED_WORTH * _mean(shipped))
        self._counts = [0, SUBJECT_SHIPPED_WORTH * bool(len(shipped))]
        self.is_sure = np.zeros(0, bool)
        for at, row in enumerate(rows):
            self.put(at, row)

    def put(self, at: int, row: EmbeddingVector, before: EmbeddingVector | None = None) -> None:
        """The article at this place is now `row`; `before` is the one in whose place it came."""
        if before is not None:
            self._count(before, -1, is_sure=bool(self.is_sure[at]))
        if at >= len(self.is_sure):
            self.is_sure = np.concatenate([self.is_sure, np.zeros(max(256, at), bool)])
        self.is_sure[at] = is_sure = _product(row, self.direction) >= SUBJECT_SURE_FROM
        self._count(row, 1, is_sure=is_sure)

    def likeness(self, placed: EmbeddingVector, nearer: float, *, own: int | None) -> SubjectLikeness:
        """How an article stands to both kinds. `own` is the place of its own text, which says nothing of itself."""
        sums, counts = [each.copy() for each in self._sums], list(self._counts)
        if own is not None:
            kind = 0 if self.is_sure[own] else 1
            sums[kind] -= placed
            counts[kind] -= 1
        if counts[0] <= 0:
            return SubjectLikeness(0, 0.0, 0.0)
        middle = sums[1] / max(counts[1], 1)
        between = sums[0] / counts[0] - middle
        along = float((placed - middle) @ between) / max(float(between @ between), 1e-9)
        return SubjectLikeness(counts[0], along, nearer)

    def _count(self, row: EmbeddingVector, sign: int, *, is_sure: bool) -> None:
        kind = 0 if is_sure else 1
        self._sums[kind][:] += sign * row.astype(np.float64)
        self._counts[kind] += sign


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


def _product(row: EmbeddingVector, direction: EmbeddingVector) -> float:
    """In float64 and by itself: whether an article is sure must not depend on the rows beside it."""
    return float((row.astype(np.float64) * direction.astype(np.float64)).sum())


def _mean(vectors: EmbeddingVector) -> Sum:
    return vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(vectors.shape[1])
