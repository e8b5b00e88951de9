"""The embedding of an article: how it is stored, and what matches it is like by meaning, in any language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.tuning import ORDINARY_LEVEL
from monitor.store import vectors
from monitor.store.db import Session
from monitor.stories.tuning import NEAREST_OTHERS, OTHERS_BEFORE_FOR, OTHERS_WITHIN_FOR
from monitor.stories.word_similarity import RelatedArticle

MAX_COMPARED_MATCHES = 300
"""Latest matches that are compared by meaning to find an article's event."""


@dataclass(frozen=True, slots=True)
class ArticleEmbedding:
    """An article's embedding, as it is stored."""

    embedder: str
    key: int
    language: str
    vector: EmbeddingVector
    space: EmbeddingSpace
    """The space in force when it was looked up."""

    @property
    def placed(self) -> EmbeddingVector:
        """The vector as it is compared with others."""
        return self.space.place(self.vector, self.language)


def related_matches(
    session: Session, article: ArticleEmbedding, names: Sequence[str], *, now: datetime
) -> list[RelatedArticle]:
    """Latest matches of these topics, in any language, with their similarity by meaning to the article."""
    rows = vectors.of_matches(
        session,
        article.embedder,
        names,
        since_at=now - OTHERS_WITHIN_FOR,
        limit=MAX_COMPARED_MATCHES,
        dim=len(article.vector),
    )
    if not rows:
        return []
    placed = article.space.place_all(np.array([row.vector for row in rows]), [row.article.language for row in rows])
    likeness = placed @ article.placed
    return [replace(row.article, likeness=float(each)) for row, each in zip(rows, likeness, strict=True)]


def nearness(article: ArticleEmbedding, matches: Iterable[RelatedArticle], *, published_at: datetime) -> float:
    """Mean similarity of the article to its nearest ones among ordinary news and earlier matches that are not on its event."""
    before_at = published_at - OTHERS_BEFORE_FOR
    others = [each.likeness for each in matches if each.likeness is not None and each.published_at < before_at]
    found = sorted([*others, *(article.space.ordinary @ article.placed).tolist()])[-NEAREST_OTHERS:]
    return sum(found) / len(found) if found else ORDINARY_LEVEL


def store_embedding(session: Session, article_id: int, article: ArticleEmbedding) -> None:
    """Store an article's embedding."""
    vectors.upsert(
        session, article.embedder, article.key, article.vector, language=article.language, article_id=article_id
    )
