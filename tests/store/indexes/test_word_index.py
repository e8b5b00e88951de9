"""Articles are found by words, whether few have them or many, the newest first, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from monitor.store import articles
from monitor.store.db import Database, Session
from monitor.store.indexes import word_index
from monitor.stories.fingerprint import fingerprint
from monitor.types.stories import ArticleKind, StoryChoice
from tests.polling.test_filing import article


@pytest.mark.parametrize("few", [5_000, 3, 2])
def test_rare_and_common_words(db: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(word_index, "_FEW", few)
    choice = StoryChoice(kind=ArticleKind.NEW, story_id=None, of_article_id=None, similarity=0.0, why="first")
    with db.writing() as session:
        for number in range(6):
            said = "The harbour board counts." if number % 2 else "Nobody counts at the quay."
            told = article(number, said, title=f"Ferry {number}")
            articles.add(session, told, fingerprint(told.title, told.text), choice)
    with db.reading() as session:
        assert list(word_index.find_by_words(session, "ferry")) == [6, 5, 4, 3, 2, 1]
        assert list(word_index.find_by_words(session, "ferry", limit=2)) == [6, 5]
        assert list(word_index.find_by_words(session, "counts harb")) == [6, 4, 2]
        assert list(word_index.find_by_words(session, "ferry 3")) == [4]
        assert list(word_index.find_by_words(session, "tram")) == []


def test_on_postgresql_a_search_is_planned_for_its_words_however_often_it_was_asked_for(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("SQLite plans by the index alone")
    with db.reading() as session:
        for number in range(15):
            word_index.find_by_words(session, f"ferry {number}")
        assert _scalar(session, f"SELECT count(*) {_PREPARED}") >= 1
        assert _scalar(session, f"SELECT sum(generic_plans) {_PREPARED}") == 0


def test_on_postgresql_few_new_articles_wait_for_the_index(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("SQLite indexes at once")
    with db.reading() as session:
        options = _scalar(session, "SELECT reloptions FROM pg_class WHERE relname = 'ix_article_search_words'")
    assert options == ["gin_pending_list_limit=256"]


_PREPARED = (
    "FROM pg_prepared_statements WHERE statement LIKE '%few AS MATERIALIZED%' AND statement NOT LIKE '%pg_prepared%'"
)


def _scalar(session: Session, asked: str) -> object:
    return session.connection().execute(text(asked)).scalar_one()
