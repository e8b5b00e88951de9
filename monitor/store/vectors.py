"""Stores the embeddings of articles and seeds, by text and embedder.

An embedding belongs to a text, not to an article: copies share one, and a changed article gets another. One that cannot be
read (damaged, or of another dimension) counts as missing and is replaced when its text is next embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table, case, delete, func, select

from monitor.matching.embedders import EmbeddingVector, pack, unpack, unpack_all
from monitor.store.db import Database, Session
from monitor.store.statements import chunks
from monitor.store.tables.articles import ArticleRow, ReassessmentRow
from monitor.store.tables.indexes import ProfileRow, VectorRow
from monitor.store.tables.matches import MatchRow
from monitor.stories.profiles import Profile
from monitor.stories.profiles import unpack as unpack_profile
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.stories import Cause

_vectors: Table = VectorRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_reassessments: Table = ReassessmentRow.__table__  # type: ignore[attr-defined]
_profiles: Table = ProfileRow.__table__  # type: ignore[attr-defined]
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


def latest_embedder(session: Session) -> str:
    """The id of the embedder that embedded the latest article; '' where there is none."""
    asked = select(_vectors.c.embedder).where(_vectors.c.article_id.is_not(None))
    latest = asked.order_by(_vectors.c.article_id.desc()).limit(1)
    return session.connection().execute(latest).scalar_one_or_none() or ""


def upsert(
    session: Session, embedder: str, key: int, vector: EmbeddingVector, *, language: str, article_id: int | None
) -> None:
    """Store an embedding, replacing any of the same text and embedder; `article_id` stays that of the first article. The text of an
    article may be that of a seed, which has none."""
    row = _insert(session)(_vectors).values(
        key=key, embedder=embedder, article_id=article_id, language=language, packed=pack(vector)
    )
    kept = {
        "packed": row.excluded.packed,
        "article_id": func.coalesce(_vectors.c.article_id, row.excluded.article_id),
        "language": case((_vectors.c.article_id.is_(None), row.excluded.language), else_=_vectors.c.language),
    }
    session.connection().execute(row.on_conflict_do_update(index_elements=["key", "embedder"], set_=kept))


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

    article_id: int
    key: int
    """Of its text."""
    language: str
    vector: EmbeddingVector
    topics: frozenset[str]


def latest(
    session: Session, embedder: str, *, limit: int, dim: int | None, after: int = 0, up_to: int | None = None
) -> list[ArchivedEmbedding]:
    """The latest `limit` embedded articles, of those after one id and up to another, oldest first."""
    asked = _archived.where(_vectors.c.embedder == embedder, _vectors.c.article_id > after)
    asked = asked if up_to is None else asked.where(_vectors.c.article_id <= up_to)
    asked = asked.order_by(_vectors.c.article_id.desc(), _vectors.c.key).limit(limit)
    return _read(session, session.connection().execute(asked).all()[::-1], dim)


def of_articles(
    session: Session, embedder: str, article_ids: Sequence[int], *, dim: int | None
) -> list[ArchivedEmbedding]:
    """The same for these articles, except for those whose text an earlier article has."""
    found: list[Any] = []
    for ids in chunks(sorted(set(article_ids))):
        chosen = _vectors.c.article_id.in_(ids)
        asked = _archived.where(_vectors.c.embedder == embedder, chosen)
        found += session.connection().execute(asked.order_by(_vectors.c.article_id, _vectors.c.key.desc())).all()
    return _read(session, found, dim)


_archived = select(_vectors.c.key, _vectors.c.article_id, _vectors.c.language, _vectors.c.packed)


def _read(session: Session, rows: Sequence[Any], dim: int | None) -> list[ArchivedEmbedding]:
    matched = _topics_matched(session, [row.article_id for row in rows])
    read = zip(rows, unpack_all([row.packed for row in rows], dim), strict=True)
    return [
        ArchivedEmbedding(row.article_id, row.key, row.language, vector, frozenset(matched.get(row.article_id, ())))
        for row, vector in read
        if vector is not None
    ]


def _topics_matched(session: Session, article_ids: Sequence[int]) -> dict[int, list[str]]:
    """Article id -> the topics it matches, of these articles; without those that a person dismissed."""
    if not article_ids:
        return {}
    asked = select(_matches.c.article_id, _matches.c.topic).where(
        _matches.c.article_id.between(min(article_ids), max(article_ids)),
        _matches.c.is_relevant.is_(None) | _matches.c.is_relevant,
    )
    found: dict[int, list[str]] = {}
    for article_id, topic in session.connection().execute(asked):
        found.setdefault(article_id, []).append(topic)
    return found


@dataclass(frozen=True, slots=True)
class MatchedArticle:
    """An article that matched a topic, with its embedding."""

    article: RelatedArticle
    vector: EmbeddingVector


def of_matches(
    session: Session, embedder: str, topics: Sequence[str], *, since_at: datetime, limit: int, dim: int | None
) -> list[MatchedArticle]:
    """The latest embedded articles that matched one of these topics, except those that a person dismissed."""
    matched = (
        select(_matches.c.article_id)
        .where(_matches.c.topic.in_(list(topics)), _matches.c.created_at >= since_at)
        .where(_matches.c.is_relevant.is_(None) | _matches.c.is_relevant)
    )
    asked = (
        select(
            _articles.c.id,
            _articles.c.story_id,
            _vectors.c.language,
            _articles.c.published_at,
            _articles.c.title,
            _profiles.c.packed.label("profile"),
            _vectors.c.packed,
        )
        .join(_vectors, _vectors.c.article_id == _articles.c.id)
        .outerjoin(_profiles, _profiles.c.article_id == _articles.c.id)
        .where(_articles.c.id.in_(matched), _vectors.c.embedder == embedder)
        .order_by(_articles.c.id.desc())
        .limit(limit)
    )
    rows = session.connection().execute(asked).all()
    read = zip(rows, unpack_all([row.packed for row in rows], dim), strict=True)
    return [
        MatchedArticle(
            RelatedArticle(
                article_id=row.id,
                story_id=row.story_id,
                published_at=row.published_at,
                profile=unpack_profile(row.profile) if row.profile else Profile(),
                language=row.language,
                title=row.title,
            ),
            vector,
        )
        for row, vector in read
        if vector is not None
    ]


def is_any_article_embedded(session: Session) -> bool:
    """Whether articles are compared with topics by embeddings in this store."""
    asked = select(_vectors.c.key).where(_vectors.c.article_id.is_not(None)).limit(1)
    return session.connection().execute(asked).first() is not None


def count_embedded(session: Session, embedder: str, *, since_at: datetime) -> int:
    """How many texts of articles that were seen since then have an embedding, or wait for it."""
    first_id = select(func.min(_articles.c.id)).where(_articles.c.seen_at >= since_at).scalar_subquery()
    of_articles = select(func.count()).where(_vectors.c.embedder == embedder, _vectors.c.article_id >= first_id)
    waiting = select(func.count()).where(
        _reassessments.c.cause == Cause.EMBEDDING.value, _reassessments.c.article_id >= first_id
    )
    connection = session.connection()
    return int(connection.execute(of_articles).scalar_one()) + int(connection.execute(waiting).scalar_one())


def prune(session: Session, *, keep: Iterable[str]) -> int:
    """Delete the embeddings of all embedders except these; returns how many."""
    gone = delete(_vectors).where(_vectors.c.embedder.not_in(list(keep)))
    return int(session.connection().execute(gone).rowcount)


def _insert(session: Session) -> Any:
    """INSERT with ON CONFLICT of the database in use. That of PostgreSQL is not imported at each start on SQLite."""
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as of_postgresql

        return of_postgresql
    from sqlalchemy.dialects.sqlite import insert as of_sqlite

    return of_sqlite
