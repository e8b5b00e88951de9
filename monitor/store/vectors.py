"""Vectors of articles and seeds, each under the id of the embedder that gave it. Values in, values out.

A vector belongs to a text, not to an article: copies share one, and an article that is changed gets another. One that cannot be
read back (damaged, or of another length) counts as missing, and is written anew when its text is next embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session

from monitor.matching.embedders import Vector, pack, unpack
from monitor.store.tables import ArticleRow, MatchRow, VectorRow

_vectors: Table = VectorRow.__table__  # type: ignore[attr-defined]
_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_matches: Table = MatchRow.__table__  # type: ignore[attr-defined]
_AT_ONCE = 500


def known(session: Session, embedder: str, keys: Sequence[int], dim: int | None) -> dict[int, Vector]:
    """The stored vectors of these texts that can be used."""
    wanted = list(dict.fromkeys(keys))
    found = {}
    for start in range(0, len(wanted), _AT_ONCE):
        asked = select(_vectors.c.key, _vectors.c.packed).where(
            _vectors.c.key.in_(wanted[start : start + _AT_ONCE]), _vectors.c.embedder == embedder
        )
        for key, packed in session.connection().execute(asked):
            if (vector := unpack(packed, dim)) is not None:
                found[key] = vector
    return found


def keep(session: Session, embedder: str, key: int, vector: Vector, *, language: str, article_id: int | None) -> None:
    """Store one vector in place of any other of the same text and embedder; an article's stays that of the first."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = insert(_vectors).values(
        key=key, embedder=embedder, article_id=article_id, language=language, packed=pack(vector)
    )
    session.connection().execute(
        row.on_conflict_do_update(index_elements=["key", "embedder"], set_={"packed": row.excluded.packed})
    )


def recent(session: Session, embedder: str, *, up_to: int, limit: int, dim: int | None) -> Mapping[str, list[Vector]]:
    """The vectors of the latest `limit` embedded articles up to this id, by language."""
    asked = (
        select(_vectors.c.language, _vectors.c.packed)
        .where(_vectors.c.embedder == embedder, _vectors.c.article_id <= up_to)
        .order_by(_vectors.c.article_id.desc())
        .limit(limit)
    )
    found: dict[str, list[Vector]] = {}
    for language, packed in session.connection().execute(asked):
        if (vector := unpack(packed, dim)) is not None:
            found.setdefault(language, []).append(vector)
    return found


def hits(
    session: Session, embedder: str, *, at_least: float, limit: int, dim: int | None
) -> list[tuple[str, str, int, Vector]]:
    """(topic, language, key, vector) of the latest matches nobody has reviewed that are `at_least` times at their threshold
    (monitor.matching.semantic.is_confident), oldest first; each text once a topic."""
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
class Matched:
    """An article that matched a topic, with its vector."""

    article_id: int
    story_id: int
    language: str
    published_at: datetime
    vector: Vector


def of_matches(
    session: Session,
    embedder: str,
    topics: Sequence[str],
    *,
    but: str,
    since_at: datetime,
    limit: int,
    dim: int | None,
) -> list[Matched]:
    """The latest articles that matched one of these topics in another language than `but` and have a vector; those that a
    person dismissed are left out."""
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
        Matched(article_id, story_id, language, published_at, vector)
        for article_id, story_id, language, published_at, vector in read
        if vector is not None
    ]


def prune(session: Session, *, keep: Iterable[str]) -> int:
    """Forget the vectors of all other embedders; returns how many."""
    gone = delete(_vectors).where(_vectors.c.embedder.not_in(list(keep)))
    return int(session.connection().execute(gone).rowcount)
