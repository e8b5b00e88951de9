"""Articles are found by words in a full-text index: FTS5 on SQLite, tsvector on PostgreSQL.

Our own tokens are indexed, so that Persian, Hindi and Chinese are found by the words that the matcher sees. Every word of a query
is quoted, so that no query is a syntax error (24 of 31 raw FTS5 queries raise, case U10).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, text
from sqlmodel import Session

from monitor.store.statements import Prepared
from monitor.text.tokens import tokens

_MAX_WORDS = 32
_MAX_INDEXED = 20_000
"""Words of one article that are indexed; a tsvector holds 1 MB at most."""
_MAX_LENGTH = 100
_FEW = 5_000
"""Articles with the words of a query up to which all are looked up at once."""


def index_words(session: Session, article_id: int, title: str, body: str) -> None:
    """Index a new article."""
    words = [*_searchable(title), *_searchable(body)][:_MAX_INDEXED]
    _INDEX.write(session, {"id": article_id, "words": " ".join(words)})


def reindex_words(session: Session, article_id: int, old: tuple[str, str], new: tuple[str, str]) -> None:
    """Index an article's new text in place of the old one; `old` and `new` are (title, text)."""
    if _dialect(session) == "sqlite":
        old_words = " ".join(_searchable("\n".join(old))[:_MAX_INDEXED])
        session.connection().execute(
            text("INSERT INTO article_search (article_search, rowid, words) VALUES ('delete', :id, :words)"),
            {"id": article_id, "words": old_words},
        )
    else:
        session.connection().execute(text("DELETE FROM article_search WHERE article_id = :id"), {"id": article_id})
    index_words(session, article_id, *new)


def find_by_words(session: Session, query: str, *, limit: int = 500) -> Sequence[int]:
    """Ids of the articles that contain every word of `query`, newest first; the last word may be a prefix."""
    expression = _search_expression(session, query)
    if not expression:
        return []
    asked = {"query": expression, "limit": limit}
    if _dialect(session) == "postgresql":
        few = session.connection().execute(_FEW_WITH_WORDS, {**asked, "few": _FEW}).all()
        if not few or few[0].found < _FEW:
            return [row.article_id for row in few]
    rows = session.connection().execute(_FIND_BY_WORDS[_dialect(session)], asked)
    return [row[0] for row in rows]


def has_words(session: Session, article_id: ColumnElement[int], query: str) -> ColumnElement[bool]:
    """The SQL condition that this is an article as `find_by_words` finds it, however many there are."""
    expression = _search_expression(session, query)
    if not expression:
        return false()
    return article_id.in_(_WITH_WORDS[_dialect(session)].bindparams(words=expression))


def _search_expression(session: Session, query: str) -> str:
    """What the database's search is asked for; '' where the query has no word."""
    words = _searchable(query[:1000])[:_MAX_WORDS]
    if not words:
        return ""
    if _dialect(session) == "sqlite":
        return " AND ".join(f'"{word}"' for word in words) + "*"
    session.connection().execute(_PLAN_EACH_ANEW)
    return _tsquery(words)


def _searchable(words: str) -> list[str]:
    return [token[:_MAX_LENGTH] for token in tokens(words)]


def _tsquery(words: Sequence[str]) -> str:
    quoted = ["'" + word.replace("\\", "").replace("'", "''") + "'" for word in words]
    return " & ".join(quoted) + ":*"


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


_INDEX = Prepared(
    text("INSERT INTO article_search (rowid, words) VALUES (:id, :words)"),
    postgresql=text(
        "INSERT INTO article_search (article_id, words) "
        "VALUES (:id, array_to_tsvector(array_remove(string_to_array(:words, ' '), '')))"
    ),
)
# A statement that was asked for some ten times gets a plan for any words. That one reads all articles (.6 s among 100,000) as soon
# as twenty new ones wait to be indexed. So until the end of the transaction each is planned for its words.
_PLAN_EACH_ANEW = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
# PostgreSQL does not know how rare a word's beginning is, and reads articles from the newest back until enough have it: all of them
# where few do. So these are asked for first, and the others, which stand close together, in that way.
_FEW_WITH_WORDS = text(
    "WITH few AS MATERIALIZED (SELECT article_id FROM article_search WHERE words @@ CAST(:query AS tsquery) LIMIT :few) "
    "SELECT article_id, count(*) OVER () AS found FROM few ORDER BY article_id DESC LIMIT :limit"
)
_FIND_BY_WORDS = {
    "sqlite": text(
        "SELECT rowid FROM article_search WHERE article_search MATCH :query ORDER BY rowid DESC LIMIT :limit"
    ),
    "postgresql": text(
        "SELECT article_id FROM article_search WHERE words @@ CAST(:query AS tsquery) ORDER BY article_id DESC LIMIT :limit"
    ),
}
_WITH_WORDS = {
    "sqlite": text("SELECT rowid FROM article_search WHERE article_search MATCH :words"),
    "postgresql": text("SELECT article_id FROM article_search WHERE words @@ CAST(:words AS tsquery)"),
}
