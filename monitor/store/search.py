"""Full-text search over articles: FTS5 on SQLite, tsvector on PostgreSQL.

Our own tokens are indexed, so that Persian, Hindi and Chinese are found by the words that the matcher sees. Every word of a query
is quoted, so that no query is a syntax error (24 of 31 raw FTS5 queries raise, case U10).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session

from monitor.store.db import Prepared
from monitor.text.tokens import tokens

MAX_WORDS = 32
_MAX_INDEXED = 20_000
"""Words of one article that are indexed; a tsvector holds 1 MB at most."""
_MAX_LENGTH = 100


def index(session: Session, article_id: int, title: str, body: str) -> None:
    """Index a new article."""
    words = " ".join(_searchable(f"{title}\n{body}")[:_MAX_INDEXED])
    _INSERT.write(session, {"id": article_id, "words": words})


def reindex(session: Session, article_id: int, old: tuple[str, str], new: tuple[str, str]) -> None:
    """Index an article's new text in place of the old one; `old` and `new` are (title, text)."""
    if _dialect(session) == "sqlite":
        old_words = " ".join(_searchable("\n".join(old))[:_MAX_INDEXED])
        session.connection().execute(
            text("INSERT INTO article_search (article_search, rowid, words) VALUES ('delete', :id, :words)"),
            {"id": article_id, "words": old_words},
        )
    else:
        session.connection().execute(text("DELETE FROM article_search WHERE article_id = :id"), {"id": article_id})
    index(session, article_id, *new)


def find(session: Session, query: str, *, limit: int = 500) -> Sequence[int]:
    """Ids of the articles that contain every word of `query`, newest first; the last word may be a prefix."""
    words = _searchable(query[:1000])[:MAX_WORDS]
    if not words:
        return []
    dialect = _dialect(session)
    expression = " AND ".join(f'"{word}"' for word in words) + "*" if dialect == "sqlite" else _tsquery(words)
    rows = session.connection().execute(_FIND[dialect], {"query": expression, "limit": limit})
    return [row[0] for row in rows]


def _searchable(words: str) -> list[str]:
    return [token[:_MAX_LENGTH] for token in tokens(words)]


def _tsquery(words: Sequence[str]) -> str:
    quoted = ["'" + word.replace("\\", "").replace("'", "''") + "'" for word in words]
    return " & ".join(quoted) + ":*"


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


_INSERT = Prepared(
    text("INSERT INTO article_search (rowid, words) VALUES (:id, :words)"),
    postgresql=text(
        "INSERT INTO article_search (article_id, words) "
        "VALUES (:id, array_to_tsvector(array_remove(string_to_array(:words, ' '), '')))"
    ),
)
_FIND = {
    "sqlite": text(
        "SELECT rowid FROM article_search WHERE article_search MATCH :query ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT article_id FROM article_search WHERE words @@ CAST(:query AS tsquery) ORDER BY article_id DESC LIMIT :limit"
    ),
}
