"""The page of an article: verdicts and seeds given there are undone there, and a removed topic takes no seeds."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from monitor.store.db import Database
from monitor.types.matching import Contribution, Evidence
from monitor.web.show import page_words
from monitor.web.tools import PageTools
from tests.web.test_web import OWN, application, browsing, fill, has_article, has_topic, judged, seeding, sows, token_of
from tests.web.test_web import db as db  # the fixtures

__all__ = ["db", "seeding"]


def undo_form(page: str) -> dict[str, str]:
    """The fields of the form that undoes; none where there is no such form."""
    form = re.search(r'action="/articles/1/undo">(.*?)</form>', page, re.DOTALL)
    fields = re.findall(r'name="(\w+)" value="([^"]*)"', form[1]) if form else []
    return {name: html.unescape(value) for name, value in fields}


def judge(client: TestClient, verb: str, path: str = "/articles/1") -> str:
    form = {"token": token_of(client, "/articles/1"), "back": path}
    return client.post(f"/matches/1/{verb}", data=form, headers=OWN).headers["location"]


def undo(client: TestClient, page: str) -> str:
    answer = client.post("/articles/1/undo", data=undo_form(page), headers=OWN)
    return client.get(answer.headers["location"].partition("#")[0]).text


def seeds(root: Path) -> list[Path]:
    return sorted(each for each in root.rglob("*.txt"))


def test_a_verdict_on_the_page_says_what_it_did_and_is_undone(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, _ = seeding
    shown = client.get(judge(client, "dismiss").partition("#")[0]).text
    assert judged(db) == [False]
    assert "Dismissed:" in shown
    assert "Undone." in undo(client, shown)
    assert judged(db) == [None]
    assert judge(client, "confirm", path="/stories/1") == "/stories/1#match-1", "other pages are led back to"


def test_a_second_verdict_is_undone_to_the_first(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, _ = seeding
    first = judge(client, "confirm").partition("#")[0]
    second = client.get(judge(client, "dismiss", path=first).partition("#")[0]).text
    undo(client, second)
    assert judged(db) == [True]
    assert "Nothing was undone" in undo(client, second), "it was undone before"
    again = judge(client, "confirm")
    assert undo_form(client.get(again.partition("#")[0]).text) == {}, "it was in force already"


def test_a_seed_is_taken_back_with_its_verdict(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    shown = client.get(sows(client, topic="talks", kind="seed").headers["location"].partition("#")[0]).text
    assert (len(seeds(root)), judged(db)) == (1, [True])
    assert "Written as a seed" in shown
    assert "Undone." in undo(client, shown)
    assert (seeds(root), judged(db)) == ([], [None])


def test_a_counter_seed_of_a_topic_that_did_not_match_is_taken_back(
    db: Database, seeding: tuple[TestClient, Path]
) -> None:
    client, root = seeding
    shown = client.get(sows(client, topic="trade", kind="counter").headers["location"].partition("#")[0]).text
    assert len(seeds(root / "trade" / "not")) == 1
    assert "Undone." in undo(client, shown)
    assert (seeds(root), judged(db)) == ([], [None])


def test_a_seed_that_was_there_before_or_was_changed_stays(seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    shown = client.get(sows(client, topic="talks", kind="seed").headers["location"].partition("#")[0]).text
    again = client.get(sows(client, topic="talks", kind="seed").headers["location"].partition("#")[0]).text
    assert undo_form(again) == {}
    (file,) = seeds(root)
    file.write_text("Something else by now")
    undo(client, shown)
    assert file.read_text() == "Something else by now"


def test_undoing_leads_to_no_file_of_others(seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    (root.parent / "outside.txt").write_text("mine")
    token = token_of(client, "/articles/1")
    for topic, file in (("..", "outside.txt"), ("talks", "../../outside.txt"), ("../..", "outside.txt")):
        form = {"token": token, "seed": file, "topic": topic, "kind": "seed"}
        assert client.post("/articles/1/undo", data=form, headers=OWN).status_code == 303
    assert (root.parent / "outside.txt").read_text() == "mine"


def test_a_removed_topic_takes_no_seeds(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, _ = seeding
    fill(db, has_topic("away", "Gone away"), has_article("On both", topic="away", url="https://a.example/2"))
    shown = client.get("/articles/2").text
    assert "Gone away" in shown
    assert 'value="away"' not in shown
    assert '<option value="talks">' in shown
    assert "As seed" not in client.get("/?state=all&story=2").text
    assert "As seed" in client.get("/?state=all&story=1").text


def test_a_note_outlives_a_seed_that_cannot_be_written(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    token = token_of(client, "/")
    (root / "talks").rmdir()
    form = {"token": token, "verdict": "seed:m1", "note": "a <b>long</b> thought", "story": "1", "back": "/?q=mosc"}
    answer = client.post("/verdicts", data=form, headers=OWN)
    assert answer.status_code == 409
    assert "no folder of seeds any more. Nothing was changed." in answer.text
    assert ">a &lt;b&gt;long&lt;/b&gt; thought</textarea>" in answer.text
    assert judged(db) == [None]


def test_topics_go_by_their_titles(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, _ = seeding
    shown = client.get(judge(client, "confirm").partition("#")[0]).text
    assert "Confirmed for <bdi>Moscow talks</bdi> by" in shown
    assert "for talks" not in shown


def test_what_did_not_match_shows_what_its_words_found(db: Database) -> None:
    scores = [{"topic": "talks", "score": 0.12, "threshold": 0.2, "matched": False, "blocked": None}]
    fill(db, has_topic("talks", "Moscow talks"), has_article(scores=scores))
    asked: list[str] = []

    def evidence_of(topic: str, title: str, text: str, language: str) -> Evidence | None:
        asked.append(topic)
        return Evidence(terms=(Contribution(term="envoys", weight=0.12),), sentence="Envoys met in Moscow.")

    with browsing(application(db, tools=PageTools(evidence_of=evidence_of))) as client:
        shown = client.get("/articles/1").text
    assert asked == ["talks"]
    assert "<bdi>Moscow talks</bdi>: 0.08 short of its threshold" in shown
    assert "<bdi>envoys</bdi> <small>100%</small>" in shown
    with browsing(application(db, tools=PageTools(evidence_of=lambda *_: Evidence()))) as client:
        assert "None of its words stands here" in client.get("/articles/1").text
    with browsing(application(db)) as client:
        assert "short of its threshold" not in client.get("/articles/1").text


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("2 held alerts of channel desk: `monitor alerts retry --channel desk`", "the page Alerts sends them again"),
        ("look whether it has moved; `monitor feeds show NAME` says more", "its page under Feeds says more"),
        (
            "`monitor alerts list` shows what they answer; correct it, or `monitor alerts retry`",
            "the page Alerts shows",
        ),
        ("`monitor run` starts it", "`monitor run` starts it"),
    ],
)
def test_a_page_speaks_of_pages_where_they_can_do_it(said: str, shown: str) -> None:
    assert shown in page_words(said)
