"""The pages of stories: the list, one story, and the forms by which a person says better."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from monitor.store.db import Database
from monitor.store.story_changes import recount
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, RevisionRow
from monitor.store.tables.deliveries import AttemptRow, DeliveryRow
from monitor.store.tables.stories import StoryEditRow
from tests.web.test_web import NOW, OWN, application, browsing, fill, has_article, has_feed, has_topic, token_of
from tests.web.test_web import db as db  # the fixture


def counted(*stories: int) -> Callable[[Session], object]:
    return lambda session: [recount(session, each) for each in stories]


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    """Story 1: an article of Reuters (1), its copy (2) and another telling (3); story 4: another event (4)."""
    early = NOW - timedelta(hours=20)
    fill(
        db,
        has_topic("talks", "Moscow talks"),
        has_feed("post", title="The Morning Post"),
        has_article(topic="talks", source="post", wire="Reuters", seen_at=early, url="https://post.example/1"),
        has_article(
            "Copied",
            story_id=1,
            source="courier",
            url="https://courier.example/1",
            kind="copy",
            of_article_id=1,
            why="same text",
        ),
        has_article(
            "Told anew",
            story_id=1,
            source="echo",
            url="https://echo.example/1",
            kind="joins",
            of_article_id=1,
            topic="talks",
        ),
        has_article("Another meeting", topic="talks", source="echo"),
        counted(1, 4),
    )
    with browsing(application(db)) as client:
        yield client


def says(client: TestClient, path: str, **form: object) -> int:
    answer = client.post(path, data={"token": token_of(client, "/stories/1"), **form}, headers=OWN)
    return answer.status_code


def stories(db: Database) -> list[int | None]:
    with db.reading() as session:
        return list(session.exec(select(ArticleRow.story_id).order_by(col(ArticleRow.id))))


def test_the_list_shows_stories_on_topics_by_state(client: TestClient) -> None:
    shown = client.get("/stories").text
    assert '<a href="/stories/1">Moscow talks end</a>' in shown
    assert "3 articles in 3 outlets" in shown
    assert "2 stories on your topics" in shown
    assert "/stories/4" not in client.get("/stories?state=active").text
    assert "/stories/1" not in client.get("/stories?state=emerging&topic=talks").text
    assert client.get("/stories?state=nonsense&page=x&topic=nothing").status_code == 200


def test_a_story_shows_who_carries_it_and_what_each_article_is(client: TestClient) -> None:
    shown = client.get("/stories/1").text
    assert "Carried by 3 outlets, 2 independent sources" in shown
    assert "Reuters copy, carried by 2 outlets" in shown
    assert "<bdi>The Morning Post</bdi>, <bdi>courier</bdi>" in shown
    assert "copy of article 1: <bdi>same text</bdi>" in shown
    assert "as the monitor put it together" in shown
    assert client.get("/stories/99").status_code == 404
    assert client.get("/stories/99999999999").status_code == 404
    assert '<a href="/stories/1">' in client.get("/articles/2").text


def test_the_time_line_says_who_said_what_first_and_why_the_lead_leads(db: Database, client: TestClient) -> None:
    """Told by one, carried by another, told with more by a third, and then changed by it."""
    text = "The envoys met in Moscow. “We part as friends today”, said Edda Quist, and 40 others agreed."
    early = NOW - timedelta(hours=5)
    with db.writing() as session:
        for number, row in enumerate(session.exec(select(ArticleRow).order_by(col(ArticleRow.id)))):
            row.published_at = early + timedelta(minutes=number)
            row.text = text if row.id == 3 else row.text
        why = "same canonical URL, changed: numbers 30 → 40"
        old = RevisionRow(
            article_id=3, replaced_at=NOW, title="Old", text=text.replace("40", "30"), is_material=True, why=why
        )
        session.add(old)
        recount(session, 1)
    shown = client.get("/stories/1").text
    line = shown[shown.index("Time line") :]
    places = [
        line.index(words)
        for words in (
            "The Morning Post",
            "Leads the story",
            "the earliest, and the first to print its text",
            "Also carried by 1: <bdi>courier</bdi>",
            "Told anew",
            "Adds: <bdi>number 30; name Edda Quist; quote “We part as friends today”</bdi>",
            "changed <a href=",
            "Facts: <bdi>numbers 30 → 40</bdi>",
        )
    ]
    assert places == sorted(places)
    assert "<script" not in line


def test_articles_are_split_off_moved_and_merged_by_forms(db: Database, client: TestClient) -> None:
    assert says(client, "/stories/1/split", a2="on", a3="on") == 303
    assert stories(db) == [1, 2, 2, 4]
    assert says(client, "/stories/2/move", a3="on", to="4") == 303
    assert stories(db) == [1, 2, 4, 4]
    assert says(client, "/stories/1/merge", other="#2", note="one event") == 303
    assert stories(db) == [1, 1, 4, 4]
    shown = client.get("/stories/1").text
    assert "merged story 2 into story 1" in shown
    assert "put here by a person" in shown
    assert client.get("/stories/2").headers["location"] == "/stories/1"
    with db.reading() as session:
        assert {row.by for row in session.exec(select(StoryEditRow))} == {"web"}


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/stories/1/split", {}, 400),
        ("/stories/1/split", {"a1": "on", "a2": "on", "a3": "on"}, 400),
        ("/stories/1/split", {"a99": "on"}, 404),
        ("/stories/1/split", {"a9999999999": "on"}, 400),
        ("/stories/1/move", {"a3": "on"}, 400),
        ("/stories/1/move", {"a3": "on", "to": "1"}, 400),
        ("/stories/1/move", {"a3": "on", "to": "99"}, 404),
        ("/stories/1/move", {"to": "4"}, 400),
        ("/stories/1/merge", {"other": "1"}, 400),
        ("/stories/1/merge", {"other": "four"}, 400),
        ("/stories/1/merge", {"other": "-4"}, 400),
        ("/stories/1/merge", {"other": "99"}, 404),
        ("/stories/99/merge", {"other": "1"}, 404),
        ("/stories/99999999999/merge", {"other": "1"}, 404),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    db: Database, client: TestClient, path: str, form: dict[str, str], status: int
) -> None:
    assert says(client, path, **form) == status
    assert stories(db) == [1, 1, 1, 4]


def test_a_form_that_fails_keeps_what_was_picked_and_typed(db: Database, client: TestClient) -> None:
    form = {"token": token_of(client, "/stories/1"), "a3": "on", "to": "99"}
    shown = client.post("/stories/1/move", data=form, headers=OWN).text
    assert re.search(r'<p class="answer bad" role="alert">[^<]*Nothing was changed.</p>', shown)
    assert re.search(r'name="a3"[^>]* checked>', shown)
    assert not re.search(r'name="a2"[^>]* checked>', shown)
    assert 'name="to" value="99"' in shown
    assert stories(db) == [1, 1, 1, 4]


def test_u4_a_form_without_its_token_says_nothing(db: Database, client: TestClient) -> None:
    for path in ("/stories/1/split", "/stories/1/merge", "/stories/1/move"):
        assert client.post(path, data={"a2": "on", "other": "4", "to": "4"}, headers=OWN).status_code == 403
    assert stories(db) == [1, 1, 1, 4]


def test_the_story_page_draws_its_time_line_and_shows_verdicts_alerts_and_tries(
    db: Database, client: TestClient
) -> None:
    assert client.post(
        "/verdicts",
        data={"token": token_of(client, "/stories/1"), "verdict": "dismissed:m1", "note": "stale"},
        headers=OWN,
    ).is_redirect

    def told(session: Session) -> None:
        session.add(AlertRow(id="alt_1", key="k", kind="new", topic="talks", story_id=1, article_id=1, created_at=NOW))
        session.flush()
        delivery = DeliveryRow(alert_id="alt_1", channel="desk", state="sent", created_at=NOW, next_at=NOW, attempts=1)
        session.add(delivery)
        session.flush()
        session.add(
            AttemptRow(delivery_id=delivery.id, started_at=NOW, ended_at=NOW, result="transient", code="timeout")
        )

    fill(db, told)
    shown = client.get("/stories/1").text
    assert shown.count("<circle ") == 3
    assert shown.count('<circle class="copy"') == 1
    assert shown.count('<line class="told"') == 1
    assert "3 articles of 3 publishers, 1 of them copies; first The Morning Post" in shown
    assert 'Dismissed for <bdi>Moscow talks</bdi>, <a href="/articles/1">article 1</a>, by <bdi>web</bdi>' in shown
    assert "<bdi>stale</bdi>" in shown
    assert "<bdi>desk</bdi>" in shown
    assert "transient (timeout)" in shown
    assert "<svg" not in client.get("/stories/4").text, "one article is no time line"
