"""Stores the embeddings of articles and seeds, by text and embedder.

An embedding belongs to a text, not to an article: copies share one, and a changed article gets another. One that cannot be
read (damaged, or of another dimension) counts as missing and is replaced when its text is next embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from monitor.matching.embedders import EmbeddingVector, pack, unpack
from monitor.store.tables import ArticleRow, MatchRow, VectorRow

_vectors: Table = VectorRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_matches: Table = MatchRow.__table__  # type: ignore[attr-defined]
_CHUNK = 500


def known(session: Session, embedder: str, keys: Sequence[int], dim: int | None) -> dict[int, EmbeddingVector]:
    """Key -> stored embedding, for those of these texts that have a readable one of dimension `dim`."""
    wanted = list(dict.fromkeys(keys))
    found = {}
    for start in range(0, len(wanted), _CHUNK):
        asked = select(_vectors.c.key, _vectors.c.packed).where(
            _vectors.c.key.in_(wanted[start : start + _CHUNK]), _vectors.c.embedder == embedder
        )
        for key, packed in session.connection().execute(asked):
            if (vector := unpack(packed, dim)) is not None:
                found[key] = vector
    return found


def upsert(
    session: Session, embedder: str, key: int, vector: EmbeddingVector, *, language: str, article_id: int | None
) -> None:
    """Store an embedding, replacing any of the same text and embedder; `article_id` stays that of the first article."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(_vectors).values(
        key=key, embedder=embedder, article_id=article_id, language=language, packed=pack(vector)
    )
    session.connection().execute(
        row.on_conflict_do_update(index_elements=["key", "embedder"], set_={"packed": row.excluded.packed})
    )


def recent(
    session: Session, embedder: str, *, up_to: int, limit: int, dim: int | None
) -> Mapping[str, list[EmbeddingVector]]:
    """Language -> embeddings of the latest `limit` embedded articles up to this id, latest first."""
    asked = (
        select(_vectors.c.language, _vectors.c.packed)
        .where(_vectors.c.embedder == embedder, _vectors.c.article_id <= up_to)
        .order_by(_vectors.c.article_id.desc())
        .limit(limit)
    )
    found: dict[str, list[EmbeddingVector]] = {}
    for language, packed in session.connection().execute(asked):
        if (vector := unpack(packed, dim)) is not None:
            found.setdefault(language, []).append(vector)
    return found


def self_training_examples(
    session: Session, embedder: str, *, at_least: float, limit: int, dim: int | None
) -> list[tuple[str, str, int, EmbeddingVector]]:
    """(topic, language, key, vector) of the latest `limit` unreviewed matches with at least `at_least` times their threshold
    (`matching.semantic.is_confident` in SQL), oldest first."""
    asked = (
        select(_matches.c.topic, _vectors.c.language, _vectors.c.key, _vectors.c.packed)
        .join(_vectors, _vectors.c.article_id == _matches.c.article_id)
        .where(_vectors.c.embedder == embedder, _matches.c.is_relevant.is_(None))
        .where(
            _matches.c.score * case((_matches.c.factor < 1, _matches.c.factor), else_=1.0)
            >= at_least * _matches.c.threshold
        )
        .order_by(_matches.c.id.desc())
        .limit(limit)
    )
    rows = session.connection().execute(asked).all()
    unpacked = ((topic, language, key, unpack(packed, dim)) for topic, language, key, packed in reversed(rows))
    return [(topic, language, key, vector) for topic, language, key, vector in unpacked if vector is not None]


@dataclass(frozen=True, slots=True)
class MatchedArticle:
    """An article that matched a topic, with its embedding."""

    article_id: int
    story_id: int
    language: str
    published_at: datetime
    vector: EmbeddingVector


def of_matches(
    session: Session,
    embedder: str,
    topics: Sequence[str],
    *,
    but: str,
    since_at: datetime,
    limit: int,
    dim: int | None,
) -> list[MatchedArticle]:
    """The latest embedded articles that matched one of these topics and are in another language than `but`, except those
    that a person dismissed."""
    asked = (
        select(_articles.c.id, _articles.c.story_id, _vectors.c.language, _articles.c.published_at, _vectors.c.packed)
        .join(_matches, _matches.c.article_id == _articles.c.id)
        .join(_vectors, _vectors.c.article_id == _articles.c.id)
        .where(_matches.c.topic.in_(list(topics)), _matches.c.created_at >= since_at)
        .where(_matches.c.is_relevant.is_(None) | _matches.c.is_relevant)
        .where(_vectors.c.embedder == embedder, _vectors.c.language != but)
        .order_by(_articles.c.id.desc())
        .limit(limit)
    )
    rows = session.connection().execute(asked).all()
    read = ((*row[:4], unpack(row.packed, dim)) for row in rows)
    return [
        MatchedArticle(article_id, story_id, language, published_at, vector)
        for article_id, story_id, language, published_at, vector in read
        if vector is not None
    ]


def prune(session: Session, *, keep: Iterable[str]) -> int:
    """Delete the embeddings of all embedders except these; returns how many."""
    gone = delete(_vectors).where(_vectors.c.embedder.not_in(list(keep)))
    return int(session.connection().execute(gone).rowcount)
