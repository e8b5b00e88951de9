"""Self-training examples and verdicts of a store from before answers: what it becomes, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from monitor.matching.margins import share
from monitor.store import migrate, self_training, verdicts
from monitor.store.db import Database
from monitor.store.tables.matches import MatchRow, NearMissRow
from monitor.store.tables.topics import SelfTrainingRow
from tests.conftest import NOON
from tests.fakes.earlier import bring_to


def an_article(session: Session, number: int) -> None:
    at = _at(session)
    insert(
        session, "articles", id=number, story_id=number, kind="new", similarity=0.0, why="", url=f"https://h.example/{number}",
        url_key=number, text_key=number, title_key=number, title=f"T{number}", text="x", language="en", author="",
        source="herald", wire="", is_pinned=False, grade="full", page="", published_at=at, seen_at=at,
    )  # fmt: skip


def insert(session: Session, table: str, **values: Any) -> None:
    names = ", ".join(values)
    session.connection().execute(
        text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values
    )


def put(session: Session, table: str, **values: Any) -> None:
    insert(session, table, **values, created_at=_at(session))


def _at(session: Session) -> Any:
    return NOON.strftime("%Y-%m-%d %H:%M:%S.%f") if session.get_bind().dialect.name == "sqlite" else NOON


def a_match(session: Session, number: int, score: float, *, factor: float = 1.0, said: bool | None = None) -> None:
    an_article(session, number)
    put(
        session, "matches", article_id=number, story_id=number, topic="bridge", score=score, threshold=0.2, factor=factor,
        evidence="{}", model_version="", reason="ALERTED", is_relevant=said,
    )  # fmt: skip


@pytest.fixture
def upgraded(store_url: str) -> Any:
    database = Database(store_url)
    bring_to(database, "0025")
    with database.writing() as session:
        a_match(session, 1, 0.5)  # sure: it has trained its topic
        a_match(session, 2, 0.22)  # not so sure
        a_match(session, 3, 0.5, said=False)
        a_match(session, 4, 0.3, factor=0.8)  # told as the topic asked for more, not as it is surer
        a_match(session, 5, 0.27)
        session.add(SelfTrainingRow(topic="bridge", article_id=5, weight=0.4, created_at=NOON))
        a_match(session, 6, 0.5)
        session.add(SelfTrainingRow(topic="bridge", article_id=6, weight=0.9, created_at=NOON))
        an_article(session, 7)
        put(
            session, "near_misses", article_id=7, story_id=7, topic="bridge", band=2, share=0.5, score=0.18, threshold=0.2,
            factor=1.0, model_version="", is_relevant=True,
        )  # fmt: skip
    assert migrate.upgrade(database)
    yield database
    database.close()


def test_what_topics_learned_from_comes_over_once_each(upgraded: Database) -> None:
    with upgraded.reading() as session:
        rows = session.exec(select(SelfTrainingRow)).all()
        learned = self_training.examples(session, ["bridge"], limit_each=9)
    assert {(row.article_id, row.weight) for row in rows} == {(1, 1.0), (5, 0.4), (6, 0.9)}
    assert sorted(each.title for each in learned) == ["T1", "T5", "T6"]


def test_an_answer_from_before_is_compared_with_the_share_that_was_reached(upgraded: Database) -> None:
    with upgraded.reading() as session:
        for row in [*session.exec(select(MatchRow)), *session.exec(select(NearMissRow))]:
            assert row.prior_share == pytest.approx(share(row.score, row.threshold, row.factor)), row.article_id
        examples = {each.title: each.share for each in verdicts.examples(session)}
    assert examples == {"T3": pytest.approx(0.51 / 0.21), "T7": pytest.approx(0.19 / 0.21)}
