"""Articles are found by words, whether few have them or many, the newest first, on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from monitor.store import articles
from monitor.store.db import Database
from monitor.stories.fingerprint import fingerprint
from monitor.types.stories import ArticleKind, StoryChoice
from tests.polling.test_filing import article


@pytest.mark.parametrize("few", [5_000, 3, 2])
def test_rare_and_common_words(db: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(articles, "_FEW", few)
    choice = StoryChoice(kind=ArticleKind.NEW, story_id=None, of_article_id=None, similarity=0.0, why="first")
    with db.writing() as session:
        for number in range(6):
            text = "The harbour board counts." if number % 2 else "Nobody counts at the quay."
            told = article(number, text, title=f"Ferry {number}")
            articles.add(session, told, fingerprint(told.title, told.text), choice)
    with db.reading() as session:
        assert list(articles.find_by_words(session, "ferry")) == [6, 5, 4, 3, 2, 1]
        assert list(articles.find_by_words(session, "ferry", limit=2)) == [6, 5]
        assert list(articles.find_by_words(session, "counts harb")) == [6, 4, 2]
        assert list(articles.find_by_words(session, "ferry 3")) == [4]
        assert list(articles.find_by_words(session, "tram")) == []
