"""What an article may ask of the store: statements are counted, on SQLite and on PostgreSQL, as seconds are no measure on a busy
machine. A budget that is exceeded is a look-up too many, not a slow one: bench/article.py says what it costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_articles
from monitor.polling.values import FiledArticle
from monitor.store import statements as store_module
from monitor.store.articles import Sighting
from monitor.store.db import Database
from monitor.types.digests import key_of
from monitor.types.matching import Article, Reason
from monitor.types.stories import Arrival, ArticleKind, EscalationLimits
from tests.polling.test_filing import BRIDGE, CHOIR, DESK, TOPICS, article
from tests.store.test_contract import add_feed

FERRY = (
    "The harbour board of Tessel Sound ordered two electric ferries from the Holm yard on Monday. They replace the steamer "
    "Adelheid, which has carried passengers between the islands since 1931, and sail by the spring of next year, said Runa Vik."
)
YARD = (
    "Runa Vik of the Tessel Sound harbour board signed for two electric ferries at the Holm yard. The steamer Adelheid, built in "
    "1931, ends its service between the islands next spring; passengers will miss it, and the board looks for a museum."
)
PIERS = (
    "Divers found cracks in stone piers of the old Marrow bridge, so engineers closed it to lorries on Tuesday. Four million "
    "crowns and eleven weeks are what the council expects of the repairs; a ferry service runs until midnight meanwhile."
)
QUIET = replace(DESK, limits=EscalationLimits())
"""Two outlets are no growth."""


class Statements:
    """The statements that a store was sent, without the begin and end of transactions."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def __len__(self) -> int:
        return len(self.sent)


@contextmanager
def counted(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Statements]:
    """Count what goes through SQLAlchemy, and what passes it by on SQLite."""
    found = Statements()

    def sees(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        if not sql.startswith(("BEGIN", "SELECT pg_advisory")):
            found.sent.append(sql)

    plain = store_module._execute_on_sqlite
    with monkeypatch.context() as patched:
        patched.setattr(
            store_module,
            "_execute_on_sqlite",
            lambda *given, **how: (found.sent.append(given[1]), plain(*given, **how))[1],
        )
        event.listen(database.engine, "before_cursor_execute", sees)
        yield found
        event.remove(database.engine, "before_cursor_execute", sees)


class Filing:
    """Files articles of one feed, and counts."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._database, self._monkeypatch = database, monkeypatch
        self._matcher: Matcher = build(TOPICS, background=Background.shipped())
        with database.writing() as session:
            add_feed(session)

    def files(self, *arrived: Article) -> tuple[tuple[FiledArticle, ...], Statements]:
        """The articles of one poll, filed, and the statements that they took."""
        assessed = [
            assess(
                each,
                self._matcher,
                arrival=Arrival(),
                sighting=Sighting(feed_id=1, guid=each.guid, content_key=key_of(each.full_text)),
            )
            for each in arrived
        ]
        with self._database.writing() as session, counted(self._database, self._monkeypatch) as statements:
            filed = file_articles(session, [(each, each.article.seen_at) for each in assessed], QUIET)
        return filed, statements


@pytest.fixture
def filing(db: Database, monkeypatch: pytest.MonkeyPatch) -> Filing:
    return Filing(db, monkeypatch)


def kinds(filed: Sequence[FiledArticle]) -> list[ArticleKind]:
    return [each.choice.kind for each in filed]


def test_an_article_that_opens_a_story_takes_a_dozen_statements(filing: Filing) -> None:
    filed, statements = filing.files(article(1, FERRY, title="Tessel Sound orders electric ferries from the Holm yard"))
    assert kinds(filed) == [ArticleKind.NEW]
    assert filed[0].decision.reason is Reason.NO_MATCH
    assert len(statements) <= 11, statements.sent


def test_one_that_joins_a_story_takes_as_many_and_the_look_ups_of_its_event(filing: Filing) -> None:
    filing.files(article(1, FERRY, title="Tessel Sound orders electric ferries from the Holm yard"))
    filed, statements = filing.files(
        article(2, YARD, title="Electric ferries for Tessel Sound: steamer Adelheid to retire")
    )
    assert kinds(filed) == [ArticleKind.JOINS]
    assert len(statements) <= 13, statements.sent


def test_one_that_is_told_takes_what_the_alert_takes_besides(filing: Filing) -> None:
    filed, statements = filing.files(article(1, BRIDGE, title="Old Marrow bridge closed to lorries"))
    assert filed[0].decision.reason is Reason.ALERTED
    assert len(statements) <= 19, statements.sent
    filed, statements = filing.files(article(2, PIERS, title="Cracks in piers close Marrow bridge to lorries"))
    assert kinds(filed) == [ArticleKind.JOINS]
    assert filed[0].decision.reason is Reason.JOINS_STORY
    assert len(statements) <= 18, statements.sent


def test_a_known_address_takes_three(filing: Filing) -> None:
    known = article(1, FERRY, title="Tessel Sound orders electric ferries from the Holm yard")
    filing.files(known)
    filed, statements = filing.files(replace(known, guid="another"))
    assert not filed[0].is_new
    assert len(statements) <= 3, statements.sent


def test_a_story_is_counted_once_for_all_that_join_it_in_one_poll(filing: Filing, db: Database) -> None:
    filing.files(article(1, CHOIR, title="Choir of Saint Anne sings tonight"))
    prints = [
        article(number, CHOIR, title="Choir of Saint Anne sings tonight", source=f"paper{number}")
        for number in range(2, 8)
    ]
    _, one = filing.files(prints[0])
    filed, many = filing.files(*prints[1:])
    assert kinds(filed) == [ArticleKind.COPY] * 5
    assert len(many) <= 5 * (len(one) - 2) + 2, "two statements count a story, however many join it"
    with db.reading() as session:
        counts = session.connection().exec_driver_sql("SELECT articles, outlets FROM stories").all()
    assert [tuple(each) for each in counts] == [(7, 7)]
