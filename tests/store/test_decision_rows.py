"""Decisions as rows: what a store from before them becomes, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, func, select

from monitor.review import articles as records
from monitor.review import matches as review
from monitor.review.matches import MatchQuery
from monitor.store import alert_lists, alerts, decisions, migrate
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.matches import MatchRow
from tests.conftest import NOON
from tests.fakes.earlier import bring_to

OLD_EVIDENCE = {"terms": [{"term": "piers", "weight": 0.2}], "sentence": "told", "seed": "one.txt"}
NEW_EVIDENCE = {"terms": [{"term": "teaser", "weight": 0.1}], "sentence": "seen later", "seed": "two.txt"}
SCORES = [{"topic": "bridge", "score": 0.5, "threshold": 0.2, "matched": True, "blocked": None}]
MANY = 2_100
"""Articles: more than the migration reads at once, and half of them matched."""


def insert(session: Session, table: str, **values: Any) -> None:
    names = ", ".join(values)
    session.connection().execute(
        text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values
    )


def an_article(session: Session, number: int, reason: str, scores: object = ()) -> None:
    at = NOON + timedelta(seconds=number)
    insert(
        session, "articles", id=number, story_id=number, kind="new", similarity=0.0, why="", url=f"https://h.example/{number}",
        url_key=number, text_key=0, title_key=0, title=f"T{number}", text="x", language="en", author="", source="herald",
        wire="", is_pinned=False, grade="full", page="", published_at=_at(session, at), seen_at=_at(session, at),
        decision=reason, decided_at=_at(session, at), scores=json.dumps(list(scores)),  # type: ignore[call-overload]
    )  # fmt: skip


def a_match(session: Session, number: int, *, score: float, evidence: dict[str, Any]) -> None:
    insert(
        session, "matches", article_id=number, story_id=number, topic="bridge", score=score, threshold=0.2, factor=1.0,
        evidence=json.dumps(evidence), model_version="m1", reason="ALERTED", created_at=_at(session, NOON),
    )  # fmt: skip


def an_alert(session: Session, id: str, number: int, *, kind: str = "new", score: float = 0.5) -> None:
    payload = {"id": id, "kind": kind, "created_at": NOON.isoformat(), "title": f"T{number}", "topic": "bridge",
               "score": score, "threshold": 0.2, "probability": None, "evidence": OLD_EVIDENCE}  # fmt: skip
    insert(
        session, "alerts", id=id, key=f"bridge/{number}/{kind}", kind=kind, topic="bridge", story_id=number,
        article_id=number, title=f"T{number}", created_at=_at(session, NOON), payload=json.dumps(payload),
    )  # fmt: skip


def _at(session: Session, at: datetime) -> object:
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if is_sqlite else at


@pytest.fixture
def upgraded(store_url: str) -> Any:
    """A store of migration 0012, brought up to date: a match that a second arrival overwrote after it was told, one never told,
    one told of a story that grew, an article of no topic, and many more."""
    database = Database(store_url)
    bring_to(database, "0012")
    with database.writing() as session:
        an_article(session, 1, "ALERTED", SCORES)
        a_match(session, 1, score=0.25, evidence=NEW_EVIDENCE)
        an_alert(session, "alt_old", 1)
        an_article(session, 2, "FIRST_POLL", SCORES)
        a_match(session, 2, score=0.4, evidence=NEW_EVIDENCE)
        an_article(session, 3, "NO_MATCH")
        insert(
            session, "alerts", id="alt_notice", key="feed/1/failing", kind="notice", topic="", title="A feed fails",
            created_at=_at(session, NOON), payload="{}",
        )  # fmt: skip
        for number in range(4, MANY):
            an_article(session, number, "NO_MATCH" if number % 2 else "TOO_OLD")
            if not number % 2:
                a_match(session, number, score=0.3, evidence=NEW_EVIDENCE)
    assert migrate.upgrade(database)
    yield database
    database.close()


def test_every_article_has_the_decision_that_its_row_said(upgraded: Database) -> None:
    with upgraded.reading() as session:
        counted = select(DecisionRow.article_id, func.count()).group_by(col(DecisionRow.article_id))
        assert {count for _, count in session.exec(counted)} == {1}
        assert session.exec(select(func.count()).select_from(DecisionRow)).one() == MANY - 1
        assert session.exec(select(func.count()).select_from(ArticleRow)).one() == MANY - 1
        record = records.find_record(session, 3)
    assert record
    assert (record.decision, record.decided_at, record.decisions[0]["cause"], record.decisions[0]["feed"]) == (
        "NO_MATCH",
        NOON + timedelta(seconds=3),
        "arrival",
        "herald",
    )


def test_a_match_that_was_told_shows_again_what_was_told_and_one_that_was_not_stays(upgraded: Database) -> None:
    with upgraded.reading() as session:
        rows = {row.article_id: row for row in session.exec(select(MatchRow).where(col(MatchRow.article_id) < 3))}
        by_id = {row.id: row for row in session.exec(select(DecisionRow))}
        assert [(rows[each].score, rows[each].evidence["sentence"]) for each in (1, 2)] == [
            (0.5, "told"),
            (0.4, "seen later"),
        ]
        for row in rows.values():
            (topic,) = by_id[row.decision_id].topics
            assert (topic["score"], topic["evidence"]["sentence"]) == (row.score, row.evidence["sentence"])
            assert topic["is_alert"] is (row.article_id == 1)
        assert (
            session.exec(select(func.count()).select_from(MatchRow).where(col(MatchRow.decision_id).is_(None))).one()
            == 0
        )
        assert len(review.list_matches(session, MatchQuery(limit=9)).matches) == 9


def test_an_alert_keeps_its_id_and_names_its_topic_and_decision(upgraded: Database) -> None:
    with upgraded.reading() as session:
        (told,) = session.exec(select(AlertTopicRow)).all()
        (of_article,) = decisions.of_article(session, 1)
        assert (told.alert_id, told.topic, told.key, told.decision_id) == (
            "alt_old",
            "bridge",
            "bridge/1/new",
            of_article.id,
        )
        keys = dict(session.exec(select(AlertRow.id, AlertRow.key)).all())
        assert keys == {"alt_old": "alt_old", "alt_notice": "feed/1/failing"}
        (alert,) = alert_lists.of_story(session, 1)
        assert alert.topics == ("bridge",)
        assert [each.name for each in alerts.load(alert.payload).all_topics] == ["bridge"]
        assert alerts.story_history(session, [1])[0].alerted == {"bridge"}, "nothing is told again"
