"""The pages of figures and near misses: what a reviewer sees, and what a verdict there does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from monitor.matching.background import Background
from monitor.matching.matcher import build
from monitor.store import topics
from monitor.store.db import Database
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import NearMissRow, VerdictRow
from tests.evaluation.test_metrics import fill as judged
from tests.matching.test_sensitivity import days_of_news
from tests.store.test_contract import TOPIC, file
from tests.web.test_web import OWN, client, db, fill, has_article, has_topic, token_of
from tests.web.test_web import _match as a_match

__all__ = ["client", "db"]


def near_miss(database: Database) -> None:
    fill(
        database,
        has_topic("talks", "Moscow talks"),
        has_article(),
        lambda session: session.add(
            NearMissRow(
                article_id=1,
                story_id=1,
                topic="talks",
                band=2,
                share=0.25,
                score=0.16,
                threshold=0.17,
                created_at=_now(),
            )
        ),
    )


def _now() -> object:
    from tests.web.test_web import NOW

    return NOW


def test_an_empty_store_has_no_figures_and_says_so(client: TestClient) -> None:
    assert "No topic yet" in client.get("/evaluate").text
    assert "Nothing here" in client.get("/near").text
    plot = client.get("/evaluate/plot")
    assert plot.headers["content-type"] == "image/svg+xml"
    assert "not enough judged yet" in plot.text


def test_the_page_tells_what_was_asked_for_and_what_will_come(db: Database, client: TestClient) -> None:
    topic = replace(TOPIC, sensitivity="about 40 alerts a day")
    with db.writing() as session:
        topics.sync(session, [topic], now=datetime(2026, 1, 1, tzinfo=UTC))
    assert "known once a day of articles has been seen" in client.get("/evaluate").text
    with db.writing() as session:
        matcher = build([topic], background=Background.shipped())
        for line in days_of_news(5, 30):
            file(session, matcher, line.article, now=line.article.seen_at, max_age_for=None)
    shown = client.get("/evaluate").text
    assert "about 40 alerts a day" in shown
    assert "tomorrow most likely" in shown
    assert "cannot tell 40 a day" in shown


def test_the_page_tells_precision_recall_and_why_not(db: Database, client: TestClient) -> None:
    with db.writing() as session:
        judged(session, matches=40, near_ones=40)
    shown = client.get("/evaluate").text
    assert "40 of 40" in shown
    assert "88%" in shown
    assert f'href="/evaluate/plot?topic={TOPIC.name}"' in shown
    ElementTree.fromstring(client.get(f"/evaluate/plot?topic={TOPIC.name}").text)
    assert client.get("/evaluate/plot?topic=nope").status_code == 404


def test_a_near_miss_is_judged_on_the_page(db: Database, client: TestClient) -> None:
    near_miss(db)
    shown = client.get("/near?topic=talks").text
    assert "one of about 4 like it" in shown
    form = {"token": token_of(client, "/near"), "back": "/near?topic=talks"}
    answer = client.post("/near/1/confirm", data=form, headers=OWN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/near?topic=talks")
    with db.reading() as session:
        assert session.exec(select(NearMissRow.is_relevant)).one() is True
        assert session.exec(select(VerdictRow.topic)).one() == "talks"
    assert "Nothing here" in client.get("/near").text
    assert "confirmed" in client.get("/near?state=confirmed").text
    assert client.post("/near/1/dismiss", data=form, headers=OWN).status_code == 303


def test_a_match_without_a_verdict_is_asked_about_on_the_same_page(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks", "Moscow talks"), has_article(topic="talks"))
    assert 'action="/matches/1/confirm"' in client.get("/near?topic=talks").text
    form = {"token": token_of(client, "/near"), "back": "/near"}
    assert client.post("/matches/1/dismiss", data=form, headers=OWN, follow_redirects=False).status_code == 303
    assert "Nothing here" in client.get("/near").text


def test_a_near_miss_that_became_a_match_of_its_topic_is_asked_about_once(db: Database, client: TestClient) -> None:
    near_miss(db)
    fill(db, lambda session: session.add(a_match(session.get_one(ArticleRow, 1), topic="talks", decision_id=1)))
    shown = client.get("/near").text
    assert 'action="/near/1/confirm"' not in shown
    assert 'action="/matches/1/confirm"' in shown


@pytest.mark.parametrize("number", [99, 2**31, 10**12])
def test_what_is_no_near_miss_is_not_found(db: Database, client: TestClient, number: int) -> None:
    near_miss(db)
    form = {"token": token_of(client, "/near"), "back": "/near"}
    assert client.post(f"/near/{number}/confirm", data=form, headers=OWN).status_code == 404


@pytest.mark.parametrize("query", ["?topic=%00", "?topic=<script>", "?state=evil", "?topic=" + "x" * 5000])
def test_odd_questions_are_answered_sanely(db: Database, client: TestClient, query: str) -> None:
    near_miss(db)
    answer = client.get(f"/near{query}")
    assert answer.status_code in (200, 400, 414)
    assert "<script>" not in answer.text
