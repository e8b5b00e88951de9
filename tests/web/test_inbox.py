"""The inbox by HTTP: its forms without a script, what our script asks for, and what it refuses."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from monitor.config.settings import WebSettings
from monitor.learning.verdict_effects import VerdictEffects
from monitor.store.db import Database
from monitor.store.tables.matches import VerdictRow
from monitor.store.tables.stories import StoryRow
from monitor.web.app import create_app
from tests.web.test_web import (
    NOW,
    OWN,
    WELL,
    application,
    browsing,
    fill,
    has_article,
    has_match,
    has_topic,
    judged,
    listed,
    token_of,
)
from tests.web.test_web import db as db  # the fixture

SCRIPT = {**OWN, "Accept": "application/json"}


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    """Four stories, the newest first: First, Second, Third, Fourth."""
    ages = (
        has_article(title, topic="talks", found_at=NOW - timedelta(hours=n))
        for n, title in enumerate(("First", "Second", "Third", "Fourth"))
    )
    fill(db, has_topic("talks"), has_topic("trade"), *ages)
    with browsing(application(db)) as client:
        yield client


def sends(client: TestClient, path: str = "/verdicts", *, script: bool = False, **form: str) -> tuple[int, str]:
    """Send a form; returns the status, and where it leads or what it says."""
    answer = client.post(path, data={"token": token_of(client), **form}, headers=SCRIPT if script else OWN)
    return answer.status_code, answer.text if script else answer.headers.get("location", "")


def says(client: TestClient, path: str) -> str:
    found = re.search(r'id="says"><bdi>(.*?)</bdi>', client.get(path).text)
    assert found
    return found[1]


def test_a_verdict_leads_to_the_next_story_and_says_what_it_did(db: Database, client: TestClient) -> None:
    form = {"back": "/?topic=talks&story=1", "story": "1", "article": "1", "next": "2"}
    status, to = sends(client, verdict="dismissed:m1", note="old news", **form)
    assert (status, to) == (303, "/?topic=talks&story=2&did=1-1#did")
    assert says(client, to) == "Dismissed: First"
    assert judged(db) == [False, None, None, None]
    with db.reading() as session:
        assert session.exec(select(VerdictRow.note)).all() == ["old news"]
    status, to = sends(client, "/verdicts/undo", did="1-1", back="/?topic=talks")
    assert (status, to) == (303, "/?topic=talks&story=1&undone=1-1#did")
    assert says(client, to) == "Undone: First; now new again"
    assert judged(db) == [None] * 4


def test_an_article_with_another_topic_to_judge_stays(db: Database, client: TestClient) -> None:
    fill(db, has_match(1, topic="trade", score=0.2))
    form = {"back": "/", "story": "1", "article": "1", "next": "2"}
    assert sends(client, verdict="confirmed:m1", **form) == (303, "/?story=1&did=1-1#did")
    assert says(client, "/?did=1-1") == "Confirmed for Talks: First"
    assert sends(client, verdict="dismissed:m5", **form) == (303, "/?story=2&did=2-2#did")


def test_picked_stories_are_judged_at_once_and_all_below_can_be_picked(db: Database, client: TestClient) -> None:
    page = client.get("/?story=2&below=2").text
    assert re.findall(r'name="(s\d+)" value="4" checked', page) == ["s2", "s3", "s4"]
    status, to = sends(client, verdict="dismissed", s2="4", s4="4", back="/")
    assert (status, to) == (303, "/?did=1-2#did")
    assert judged(db) == [None, False, None, False]
    assert says(client, to) == "Dismissed 2 matches of 2 stories"
    assert listed(client.get("/").text) == ["First", "Third"]


def test_a_page_from_before_two_stories_were_merged_goes_on(db: Database, client: TestClient) -> None:
    """The story that was open is now part of another: its verdict said "in force already", and judged nothing."""
    with db.writing() as session:
        for n in (1, 2, 3, 4):
            session.add(StoryRow(id=n, lead_article_id=n, first_seen_at=NOW, last_seen_at=NOW))
    assert sends(client, "/stories/1/merge", other="2")[0] == 303
    assert "Confirm: First" in client.get("/stories/2/reading").text
    assert "Confirm: First" in client.get("/?story=2").text
    status, to = sends(client, verdict="dismissed", s2="2", s3="4", back="/")
    assert status == 303
    assert judged(db) == [None, False, False, None], "the first one was not on that page"
    assert says(client, to) == "Dismissed 2 matches of 2 stories"


def test_our_script_is_told_what_stands_now(db: Database, client: TestClient) -> None:
    answer = client.post(
        "/verdicts", data={"token": token_of(client), "verdict": "confirmed", "m2": "on"}, headers=SCRIPT
    )
    assert answer.json() == {
        "says": "Confirmed: Second",
        "did": "1-1",
        "seed": "",
        "stories": [{"id": 2, "article": 2, "state": "confirmed", "left": [], "others": 0}],
        "counts": {"all": 4, "new": 3, "confirmed": 1, "dismissed": 0},
    }
    again = sends(client, script=True, verdict="confirmed", m2="on")
    assert "this is in force already" in again[1]
    assert judged(db) == [None, True, None, None]


def test_more_lines_and_the_reading_pane_are_fragments(client: TestClient) -> None:
    assert listed(client.get("/lines?offset=2").text) == ["Third", "Fourth"]
    assert listed(client.get(f"/lines?offset={'9' * 30}").text) == listed(client.get("/lines").text)
    pane = client.get("/stories/3/reading?topic=talks").text
    assert "<html" not in pane
    assert "Confirm: Third" in pane
    assert 'name="back" value="/?topic=talks"' in pane
    assert client.get("/stories/99/reading").status_code == 404
    assert client.get("/stories/9999999999/reading").status_code == 404


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"verdict": "confirmed"},
        {"verdict": "wanted", "m1": "on"},
        {"verdict": "confirmed:x1"},
        {"verdict": "confirmed:s1"},
        {"verdict": "confirmed", "m99999999999": "on", "s1": "x", "s0": "4", "m1'--": "on"},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    db: Database, client: TestClient, form: dict[str, str]
) -> None:
    assert sends(client, **form)[0] == 400
    assert judged(db) == [None] * 4


@pytest.mark.parametrize(("did", "status"), [("", 400), ("x", 400), ("2-1", 400), ("0-1", 400), ("7-9", 404)])
def test_only_verdicts_can_be_undone(client: TestClient, did: str, status: int) -> None:
    assert sends(client, "/verdicts/undo", did=did)[0] == status


@pytest.mark.parametrize("back", ["//evil.test", "https://evil.test/?a", "/\\evil.test", "/?topic=\r\nX: y", "/near"])
def test_u7_a_verdict_leads_to_our_own_pages_only(client: TestClient, back: str) -> None:
    assert sends(client, verdict="confirmed:m1", back=back, next="2") == (303, "/?story=2&did=1-1#did")


def test_u4_a_verdict_without_the_token_changes_nothing(db: Database, client: TestClient) -> None:
    for path in ("/verdicts", "/verdicts/undo"):
        form = {"token": "0" * 64, "verdict": "confirmed:m1", "did": "1-1"}
        assert client.post(path, data=form, headers=SCRIPT).status_code == 403
    assert judged(db) == [None] * 4


def test_filters_and_orders_are_offered_and_kept(db: Database, client: TestClient) -> None:
    fill(db, has_article("گفتگوها", topic="trade", language="fa", source="dawn", found_at=NOW - timedelta(days=3)))
    page = client.get("/").text
    offered = re.search(r'<select name="language">(.*?)</select>', page, re.DOTALL)
    assert offered is not None
    assert re.findall(r'value="(\w+)">(\w+)<', offered[1]) == [("en", "English"), ("fa", "Persian")]
    assert '<option value="Example News">Example News</option>' in page
    day = f"{NOW - timedelta(days=3):%Y-%m-%d}"
    for asked in (f"from={day}&to={day}", "language=fa", "told=no&topic=trade", "q=moscow&language=fa"):
        assert listed(client.get(f"/?{asked}").text) == ["گفتگوها"], asked
    for asked in ("told=yes", "publisher=Nobody", "to=2001-01-01", "from=2999-12-31"):
        assert listed(client.get(f"/?{asked}").text) == [], asked
    for nonsense in ("from=x", "to=2026-13-45", "told=perhaps", "sort=best", "to=9999-12-31"):
        assert len(listed(client.get(f"/?{nonsense}").text)) == 5, nonsense
    narrow = client.get(f"/?topic=trade&from={day}&sort=doubtful").text
    assert 'name="back" value="/?topic=trade&amp;from=' in narrow
    assert "1 story, 1 filter set, doubtful first" in re.sub(r"\s+", " ", narrow)
    assert '<option value="doubtful" selected>' in narrow


def test_the_words_of_a_search_are_marked(client: TestClient) -> None:
    page = client.get("/?q=third+moscow").text
    assert '<span class="title" lang="en" dir="auto"><mark>Third</mark></span>' in page
    assert "met in <mark>Moscow</mark>" in page


# --- seeds --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sowing(db: Database, tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    fill(db, has_topic("talks"), has_article("First", topic="talks"), has_article("Second", topic="talks"))
    root = tmp_path / "seeds"
    (root / "talks").mkdir(parents=True)
    with browsing(create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=root)) as client:
        yield client, root / "talks"


def test_a_verdict_that_makes_a_seed_is_undone_with_it(db: Database, sowing: tuple[TestClient, Path]) -> None:
    client, folder = sowing
    status, to = sends(client, verdict="seed:m1", back="/", story="1", article="1", next="2")
    (file,) = [each.name for each in folder.glob("*.txt")]
    assert (status, to) == (303, f"/?story=2&did=1-1&seed={file}#did")
    assert says(client, to) == "Confirmed, now a seed: First"
    assert judged(db) == [True, None]
    assert (
        says(client, sends(client, verdict="seed:m1", back="/", next="2")[1])
        == "Nothing was to be changed: this is in force already."
    )
    status, to = sends(client, "/verdicts/undo", did="1-1", seed=file, back="/")
    assert says(client, to) == "Undone: First; now new again, and no seed any more"
    assert not list(folder.glob("*.txt"))
    assert judged(db) == [None, None]


def test_what_a_verdict_taught_that_makes_a_seed_is_what_the_article_says(
    db: Database, sowing: tuple[TestClient, Path]
) -> None:
    """The new seed is not held against itself: its words become heavier, also where an earlier verdict was undone."""
    client, folder = sowing
    (folder / "first.txt").write_text("Harvest late\n\nThe harvest is late this year, farmers in the valley say.")
    sends(client, verdict="confirm:m1", back="/", story="1", article="1", next="2")
    sends(client, "/verdicts/undo", did="1-1", back="/")
    sends(client, verdict="seed:m1", back="/", story="1", article="1", next="2")
    shift = VerdictEffects(folder.parent).compute(db, 1, "talks")
    assert "envoys" in shift.heavier
    assert not {"envoys", "moscow"} & set(shift.lighter)


def test_our_script_makes_a_counter_seed(db: Database, sowing: tuple[TestClient, Path]) -> None:
    client, folder = sowing
    _, answer = sends(client, script=True, verdict="counter", m2="on")
    said = json.loads(answer)
    assert said["says"] == "Dismissed, now a counter-seed: Second"
    assert (folder / "not" / said["seed"]).is_file()
    assert judged(db) == [None, False]
    status, answer = sends(client, script=True, verdict="seed", m2="on")
    assert (status, json.loads(answer)["says"][:37]) == (409, "This text is a counter-seed of the to")
    assert judged(db) == [None, False], "what cannot become a seed is not confirmed either"


def test_undoing_takes_no_seed_that_is_not_of_this_article(db: Database, sowing: tuple[TestClient, Path]) -> None:
    client, folder = sowing
    (folder / "own.txt").write_text("Written by hand.")
    (folder.parent / "secret.txt").write_text("Not even in the folder.")
    sends(client, verdict="confirmed:m1", back="/")
    for number, file in enumerate(("own.txt", "../secret.txt", "own.txt/../own.txt", "known", "nosuch.txt"), 1):
        did = f"{2 * number - 1}-{2 * number - 1}"
        _, to = sends(client, "/verdicts/undo", did=did, seed=file, back="/")
        assert says(client, to) == "Undone: First; now new again"
        sends(client, verdict="confirmed:m1", back="/")
    assert (folder / "own.txt").is_file()
    assert (folder.parent / "secret.txt").is_file()


def test_without_a_folder_of_seeds_nothing_becomes_one(client: TestClient) -> None:
    assert "As seed" not in client.get("/").text
    assert sends(client, verdict="seed:m1")[0] == 400


@pytest.mark.parametrize(
    "form", [{"verdict": "seed:s1.4"}, {"verdict": "seed", "m1": "on", "m2": "on"}, {"verdict": "seed:m99"}]
)
def test_one_article_at_a_time_becomes_a_seed(sowing: tuple[TestClient, Path], form: dict[str, str]) -> None:
    client, folder = sowing
    assert sends(client, **form)[0] in (400, 404)
    assert not list(folder.iterdir())


# --- search -------------------------------------------------------------------------------------------------------------


def snippets(text: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'<span class="snippet"[^>]*>(.*?)</span>', text)]


def test_a_search_shows_where_its_words_stand(db: Database, client: TestClient) -> None:
    fill(db, has_article("Long", topic="talks", text="Much before. " * 40 + "The harbour master spoke of harbours."))
    (found,) = snippets(client.get("/?q=harbou").text)
    assert "The <mark>harbour</mark> master spoke of <mark>harbours</mark>." in found
    assert found.startswith("… ")
    assert snippets(client.get("/").text) == []
    assert snippets(client.get("/lines?q=harbour").text)


def hint(client: TestClient, path: str) -> str:
    found = re.search(r'id="count">(.*?)</p>', client.get(path).text, re.DOTALL)
    assert found
    return " ".join(re.sub("<[^>]+>", "", found[1]).split())


def test_a_search_that_finds_nothing_says_what_would(db: Database, client: TestClient) -> None:
    fill(db, has_article("Harbour closed", topic="trade", is_relevant=True, text="Ships wait."))
    assert hint(client, "/?q=harbour").startswith(
        "Nothing here has all of these words, but 1 story does in other states"
    )
    assert hint(client, "/?q=moscow+zebra") == "No story has all of these words: moscow is in 4, zebra is in none."
    assert hint(client, "/?q=zebra").startswith("No story has the word “zebra”, nor one that begins so.")
    assert hint(client, "/?q=%3F%3F").startswith("“??” has no word that could be looked for.")
    assert "&lt;b&gt;" in client.get("/?q=%3Cb%3E&topic=nosuch").text


def test_words_from_right_to_left_are_set_apart(db: Database, client: TestClient) -> None:
    fill(db, has_topic("fa", "گفتگوها"), has_article("پایان 8", topic="fa", found_at=NOW + timedelta(hours=1)))
    assert "· <bdi>گفتگوها</bdi>" in client.get("/").text
    assert says(client, sends(client, verdict="confirmed:m5")[1]) == "Confirmed: \u2068پایان 8\u2069"
