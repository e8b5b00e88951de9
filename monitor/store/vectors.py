"""Stores the embeddings of articles and seeds, by text and embedder.

An embedding belongs to a text, not to an article: copies share one, and a changed article gets another. One that cannot be
read (damaged, or of another dimension) counts as missing and is replaced when its text is next embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.matching.embedders import EmbeddingVector, pack, unpack
from monitor.store.db import Database, Session, chunks
from monitor.store.tables import ArticleRow, MatchRow, VectorRow

_vectors: Table = VectorRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_matches: Table = MatchRow.__table__  # type: ignore[attr-defined]


def open_file(path: Path) -> Database:
    """A file of embeddings alone, made if it is not there: what `backtest --vectors` keeps between runs."""
    db = Database(f"sqlite:///{path}")
    with db.writing() as session:
        _vectors.create(session.connection(), checkfirst=True)
    return db


def known(session: Session, embedder: str, keys: Sequence[int], dim: int | None) -> dict[int, EmbeddingVector]:
    """Key -> stored embedding, for those of these texts that have a readable one of dimension `dim`."""
    wanted = list(dict.fromkeys(keys))
    found = {}
    for some in chunks(wanted):
        asked = select(_vectors.c.key, _vectors.c.packed).where(
            _vectors.c.key.in_(some), _vectors.c.embedder == embedder
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


@dataclass(frozen=True, slots=True)
class ArchivedEmbedding:
    """A stored article's embedding, with the topics that it matched; a dismissed match is none."""

    key: int
    """Of its text."""
    language: str
    vector: EmbeddingVector
    topics: frozenset[str]


def latest(session: Session, embedder: str, *, limit: int, dim: int | None) -> list[ArchivedEmbedding]:
    """The latest `limit` embedded articles, oldest first."""
    asked = (
        select(_vectors.c.key, _vectors.c.article_id, _vectors.c.language, _vectors.c.packed)
        .where(_vectors.c.embedder == embedder, _vectors.c.article_id.is_not(None))
        .order_by(_vectors.c.article_id.desc())
        .limit(limit)
    )
    rows = session.connection().execute(asked).all()
    matched = _topics_matched(session, min((row.article_id for row in rows), default=0))
    read = ((row, unpack(row.packed, dim)) for row in reversed(rows))
    return [
        ArchivedEmbedding(row.key, row.language, vector, frozenset(matched.get(row.article_id, ())))
        for row, vector in read
        if vector is not None
    ]


def _topics_matched(session: Session, since_id: int) -> dict[int, list[str]]:
    """Article id -> the topics it matches, of articles from this id on; without those that a person dismissed."""
    asked = select(_matches.c.article_id, _matches.c.topic).where(
        _matches.c.article_id >= since_id, _matches.c.is_relevant.is_(None) | _matches.c.is_relevant
    )
    found: dict[int, list[str]] = {}
    for article_id, topic in session.connection().execute(asked):
        found.setdefault(article_id, []).append(topic)
    return found


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
