"""Saved views: made in the inbox, read as feeds by their secret address, and given out as files."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import feedparser
import pytest
from pydantic import SecretStr
from sqlalchemy import event
from sqlmodel import select
from starlette.testclient import TestClient

from monitor.store import topics
from monitor.store.db import Database
from monitor.store.tables.matches import SavedViewRow
from tests.web.test_web import (
    NOW,
    OWN,
    application,
    basic,
    browsing,
    fill,
    has_article,
    has_match,
    has_topic,
    poison,
    token_of,
)
from tests.web.test_web import db as db  # the fixture

SECRET = re.compile(r'class="secret">(https?://[^<]*?/shared/([\w-]{43}))\.atom<')


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    ages = (
        has_article(title, topic=topic, url=f"https://news.example.org/{n}", found_at=NOW - timedelta(hours=n))
        for n, (title, topic) in enumerate((("Wheat & barley", "trade"), ("گفتگوها", "talks"), ("Third", "talks")))
    )
    fill(db, has_topic("talks"), has_topic("trade"), *ages)
    with browsing(application(db)) as client:
        yield client


def sends(client: TestClient, path: str, **form: str) -> Any:
    return client.post(path, data={"token": token_of(client), **form}, headers=OWN)


def shares(client: TestClient, number: int = 1) -> str:
    """The path of the feeds of a view, without the ending."""
    found = SECRET.search(sends(client, f"/views/{number}/share").text)
    assert found
    return f"/shared/{found[2]}"


def test_filters_are_saved_under_a_name_and_opened_again(db: Database, client: TestClient) -> None:
    back = "/?topic=talks&state=all&sort=doubtful&story=2&page=3"
    assert sends(client, "/views/save", name=" My  view ", back=back).status_code == 303
    page = client.get("/?topic=talks&state=all&sort=doubtful").text
    assert '<a href="/?topic=talks&amp;state=all&amp;sort=doubtful" aria-current="true"><bdi>My view</bdi></a>' in page
    sends(client, "/views/save", name="My view", back="/?q=wheat")
    shown = client.get("/views").text
    assert "words: wheat" in shown
    with db.reading() as session:
        assert [(row.name, row.filters) for row in session.exec(select(SavedViewRow))] == [("My view", {"q": "wheat"})]
    assert sends(client, "/views/1/remove").status_code == 303
    assert "No view is saved yet" in client.get("/views").text


def test_a_view_goes_on_when_its_topic_is_renamed(db: Database, client: TestClient) -> None:
    sends(client, "/views/save", name="Talks", back="/?topic=talks&state=all")
    sends(client, "/views/save", name="Trade", back="/?topic=trade")
    path = shares(client)
    before = client.get(path + ".json").json()["items"]
    assert before
    with db.writing() as session:
        topics.rename(session, "talks", "meetings", None, now=NOW)
    assert client.get(path + ".json").json()["items"] == before
    assert "topic: meetings" in client.get("/views").text
    led = client.get("/?topic=talks&state=all&q=Third").headers["location"]
    assert led == "/?topic=meetings&state=all&q=Third", "what was bookmarked is found under its name of now"
    assert "Third" in client.get(led).text


@pytest.mark.parametrize("path", ["/views/9/share", "/views/9/unshare", "/views/9/remove"])
def test_what_is_no_view_is_not_found(client: TestClient, path: str) -> None:
    assert sends(client, path).status_code == 404


def test_a_view_needs_a_name_and_there_are_not_too_many(client: TestClient) -> None:
    assert sends(client, "/views/save", name=" \t", back="/").status_code == 400
    token = token_of(client)
    for number in range(101):
        answer = client.post("/views/save", data={"token": token, "name": f"v{number}", "back": "/"}, headers=OWN)
    assert answer.status_code == 400
    assert client.post("/views/save", data={"token": token, "name": "v7", "back": "/"}, headers=OWN).status_code == 303


def test_feedparser_reads_the_atom_feed(client: TestClient) -> None:
    sends(client, "/views/save", name="Wheat & <b>", back="/?state=all")
    answer = client.get(shares(client) + ".atom")
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    read = feedparser.parse(answer.content)
    assert (read.bozo, read.version, read.feed.title_detail["value"]) == (False, "atom10", "Wheat & <b>")
    assert [each.title for each in read.entries] == ["Wheat & barley", "گفتگوها", "Third"]
    entry = read.entries[0]
    assert entry.link == "https://news.example.org/0"
    assert entry.id == "http://127.0.0.1:8000/stories/1"
    assert (entry.author, [tag.term for tag in entry.tags]) == ("Example News", ["Trade"])
    assert entry.updated == "2026-11-22T12:00:00Z"
    assert "The envoys met in Moscow." in entry.summary


def test_the_json_feed_says_the_same(client: TestClient) -> None:
    sends(client, "/views/save", name="All", back="/?topic=talks")
    answer = client.get(shares(client) + ".json")
    feed = json.loads(answer.content)
    assert answer.headers["content-type"] == "application/feed+json; charset=utf-8"
    assert (feed["version"], feed["title"]) == ("https://jsonfeed.org/version/1.1", "All")
    assert [each["title"] for each in feed["items"]] == ["گفتگوها", "Third"]
    assert feed["feed_url"].endswith(".json")


def test_a_feed_that_is_unchanged_is_not_sent_again(client: TestClient) -> None:
    sends(client, "/views/save", name="All", back="/")
    path = shares(client) + ".atom"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "set-cookie" not in first.headers


def test_the_secret_address_needs_no_password_and_another_ends_it(db: Database) -> None:
    fill(db, has_topic("talks"), has_article("First", topic="talks"))
    locked = application(db, password=SecretStr("sesame"), public_url="https://monitor.example")
    with browsing(locked, headers={"Host": "monitor.example"}) as client:
        ada, own = basic("sesame"), {"Origin": "https://monitor.example", "Sec-Fetch-Site": "same-origin"}

        def send(path: str, **form: str) -> Any:
            form["token"] = token_of(client, headers=ada)
            return client.post(path, data=form, headers={**ada, **own})

        send("/views/save", name="All", back="/")
        found = SECRET.search(send("/views/1/share").text)
        assert found
        assert found[1].startswith("https://monitor.example/shared/")
        old = f"/shared/{found[2]}"
        assert client.get(old + ".atom").status_code == 200
        assert found[2] not in client.get("/views", headers=ada).text, "it is shown once"
        found = SECRET.search(send("/views/1/share").text)
        assert found
        assert client.get(old + ".atom").status_code == 404
        assert client.get(f"/shared/{found[2]}.json").status_code == 200
        send("/views/1/unshare")
        assert client.get(f"/shared/{found[2]}.json").status_code == 404
        for path in ("/shared/.atom", "/shared/x.atom", f"/shared/{'a' * 3000}.json", "/shared/x", "/shared/"):
            assert client.get(path).status_code == 404, path


def test_the_secret_is_neither_in_the_store_nor_in_the_log(
    db: Database, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="monitor")
    sends(client, "/views/save", name="All", back="/")
    path = shares(client)
    client.get(path + ".atom")
    client.get(path + "x.atom")
    with db.reading() as session:
        (row,) = session.exec(select(SavedViewRow)).all()
    assert path.removeprefix("/shared/") not in str(row.model_dump())
    said = [each.getMessage() for each in caplog.records if each.name.startswith("monitor")]
    assert not any(path.removeprefix("/shared/") in each for each in said)


def test_what_strangers_wrote_stays_text_in_feeds(db: Database) -> None:
    poison(db)
    fill(db, has_article("Bell \x07 and \ufffe", topic="poison", text="\x00nul", url="javascript:alert(1)"))
    with browsing(application(db)) as client:
        sends(client, "/views/save", name="Poison <script>", back="/?state=all")
        path = shares(client)
        read = feedparser.parse(client.get(path + ".atom").content)
        assert not read.bozo
        assert len(read.entries) == 50
        for entry in read.entries:
            assert all(link.href.startswith(("http://", "https://")) for link in entry.links)
        items = json.loads(client.get(path + ".json").content)["items"]
    assert all(each["url"].startswith(("http://", "https://")) for each in items)


# --- files --------------------------------------------------------------------------------------------------------------


def test_matches_as_csv_are_no_formulas(db: Database, client: TestClient) -> None:
    formulas = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "＝1", '"=1', "|x", "%x")
    fill(db, *(has_article(each, topic="trade", found_at=NOW + timedelta(hours=1)) for each in formulas))
    fill(db, has_match(1, topic="talks", is_relevant=True))
    answer = client.get("/matches.csv?topic=trade&state=all")
    assert answer.headers["content-disposition"] == 'attachment; filename="matches.csv"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert {each["topic"] for each in rows} == {"trade"}
    assert {each["title"].lstrip("'") for each in rows} >= {"=1+1", "@SUM(A1)", "＝1", "Wheat & barley"}
    assert [each["title"][0] for each in rows if each["title"] != "Wheat & barley"] == ["'"] * len(formulas)


def test_matches_as_json_lines_are_those_of_the_filters(db: Database, client: TestClient) -> None:
    fill(db, *(has_article(f"No {n}", topic="trade", url=f"https://a.example/{n}") for n in range(1200)))
    lines = client.get("/matches.jsonl?topic=trade").text.splitlines()
    assert len(lines) == 1201
    assert json.loads(lines[-1])["title"] == "Wheat & barley"
    assert client.get("/matches.jsonl?topic=nosuch").text == ""


def test_what_came_since_is_counted_by_the_filters(db: Database, client: TestClient) -> None:
    assert client.get("/fresh?after=3").status_code == 204
    fill(
        db,
        has_article("Late", topic="talks"),
        has_article("Late too", topic="talks", story_id=4),
        has_match(4, topic="trade"),
    )
    assert client.get("/fresh?after=3").json() == {"stories": 1}
    assert client.get("/fresh?after=3&topic=nosuch").json() == {"stories": 0}
    assert client.get("/fresh?after=99999999999999").json() == {"stories": 4}


def test_that_nothing_came_is_one_look_at_an_index(db: Database, client: TestClient) -> None:
    sent: list[str] = []
    listen = lambda _connection, _cursor, statement, *_: sent.append(statement)
    counted = client.get("/fresh?after=1")
    assert counted.json()["stories"] > 0
    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        unchanged = client.get("/fresh?after=1", headers={"If-None-Match": counted.headers["ETag"]})
        nothing = client.get("/fresh?after=3")
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    assert (unchanged.status_code, nothing.status_code) == (304, 204)
    assert (unchanged.content, nothing.content) == (b"", b"")
    assert [each for each in sent if each.startswith("SELECT")] == [
        "SELECT max(matches.id) AS max_1 \nFROM matches"
    ] * 2
    fill(db, has_article("Late", topic="talks"))
    assert client.get("/fresh?after=1", headers={"If-None-Match": counted.headers["ETag"]}).status_code == 200
