"""The space in which embeddings of all languages are compared. Pure.

Embeddings of one language lie in a narrow cone of their own, so raw cosines tell more of the language than of the meaning. Two
corrections make them comparable: the centre of ordinary news is subtracted, and the directions in which languages differ are
projected out. For the embedder that we measured, both come with the package (bench/build_space.py), so that one threshold holds
in every language from the first article on; for any other they are learned from stored articles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.tuning import CENTRE_MIN_ARTICLES, CENTRE_PRIOR


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """How an embedder's vectors are placed. Vectors are float32[dim]; placed ones have unit length."""

    centre: EmbeddingVector
    """Mean of ordinary news: float32[dim]."""
    directions: EmbeddingVector
    """Orthonormal rows: the directions that tell languages apart; float32[n, dim], n may be 0."""
    ordinary: EmbeddingVector
    """Placed centres of clusters of ordinary news: float32[m, dim], m may be 0."""
    by_language: Mapping[str, EmbeddingVector] = field(default_factory=dict)
    """Centres of languages, where they were learned from stored articles instead."""
    is_known: bool = True
    """False as long as it would have to be learned from too few articles: nothing is scored by meaning yet."""

    def place(self, vector: EmbeddingVector, language: str) -> EmbeddingVector:
        """The vector without what it owes to its language, at unit length."""
        placed: EmbeddingVector = self.place_all(vector[None, :], [language])[0]
        return placed

    def place_all(self, vectors: EmbeddingVector, languages: Sequence[str]) -> EmbeddingVector:
        """The same for each row. In float64, so that a vector is placed the same alone and among others."""
        centres = np.array([self.by_language.get(each, self.centre) for each in languages], np.float64)
        moved = vectors - centres.reshape(vectors.shape)
        moved -= (moved @ self.directions.T.astype(np.float64)) @ self.directions.astype(np.float64)
        lengths = np.sqrt(np.einsum("ij,ij->i", moved, moved))[:, None]
        return np.asarray(moved / np.where(lengths > 1e-9, lengths, 1), np.float32)


def shipped(data: Mapping[str, EmbeddingVector]) -> EmbeddingSpace:
    """The space of a data file of the package: arrays `centre`, `directions` and `ordinary`."""
    centre, directions, ordinary = (np.asarray(data[each], np.float32) for each in ("centre", "directions", "ordinary"))
    return EmbeddingSpace(centre, directions, ordinary)


def learned(seen: Mapping[str, Sequence[EmbeddingVector]], dim: int) -> EmbeddingSpace:
    """The space of an embedder that we have not measured, from embeddings of stored articles by language. Centres of languages
    with few articles are drawn towards the common one."""
    none = np.zeros((0, dim), np.float32)
    counts = {language: len(found) for language, found in seen.items() if len(found)}
    total = sum(counts.values())
    if total < CENTRE_MIN_ARTICLES:
        return EmbeddingSpace(np.zeros(dim, np.float32), none, none, is_known=False)
    means = {language: np.mean(seen[language], axis=0) for language in counts}
    common = sum(counts[each] * means[each] for each in counts) / total
    drawn = {
        each: ((counts[each] * means[each] + CENTRE_PRIOR * common) / (counts[each] + CENTRE_PRIOR)).astype(np.float32)
        for each in counts
    }
    return EmbeddingSpace(np.asarray(common, np.float32), none, none, drawn)


def unit(vector: EmbeddingVector) -> EmbeddingVector:
    """The vector at unit length; unchanged if its length is zero."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 1e-9 else vector).astype(np.float32)
