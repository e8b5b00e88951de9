"""What the archive teaches of a whole subject. Pure.

A sentence names a subject, and not the people, places and affairs that it consists of: "the government" says nothing of a rail
strike. The articles that the owner's words are sure to mean do. So an article is compared with these and with all other news: with
the means of both (a linear discriminant with equal spread), and with the nearest of both. What is sure is told by what the owner
wrote alone, never by what was learned: a subject cannot carry itself off (docs/matching.md, "Whole subjects").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.tuning import (
    SUBJECT_ARTICLES_HALF,
    SUBJECT_LEARNED_MAX,
    SUBJECT_LEARNED_WORTH,
    SUBJECT_LEVEL,
    SUBJECT_SHIPPED_WORTH,
    SUBJECT_SURE_FROM,
)

Sum = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


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
    """Which of an archive's articles are sure to be on one subject, with the sums of both kinds. Kept up as the archive grows."""

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


def _product(row: EmbeddingVector, direction: EmbeddingVector) -> float:
    """In float64 and by itself: whether an article is sure must not depend on the rows beside it."""
    return float((row.astype(np.float64) * direction.astype(np.float64)).sum())


def _mean(vectors: EmbeddingVector) -> Sum:
    return vectors.mean(axis=0, dtype=np.float64) if len(vectors) else np.zeros(vectors.shape[1])
