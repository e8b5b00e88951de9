"""Bad topics and articles: each is handled and explained, none stops the others (issue 3, bad input)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.command import HIT, MISS, SEED, Operator, desk
from tests.fakes.site import Site, rss

__all__ = ["desk"]

THREE_LINES = "Old bridge shut\nThe old bridge at Weir Landing is shut.\nLorries take the ferry."
RUSSIAN = (
    "Старый мост у Плотины снесут, решил окружной совет. Инженеры нашли трещины в опорах моста, и грузовики с весны ездят на "
    "пароме. Окружной инженер Ида Марш сказала, что новый мост обойдётся дешевле ремонта старого."
)
LATER = "Ida Marsh, the county engineer, showed the council where cracks run through the piers of the old bridge at Weir Landing."
CONSENT = "We value your privacy. We and our 842 partners store and access information on a device. Accept all cookies to go on."
HUGE = " ".join(f"word{number % 7919}" for number in range(500_000))


@pytest.fixture
def shelf(desk: Operator) -> Operator:
    """A sound topic among seven that are not."""
    desk.follows("three-lines", THREE_LINES)
    desk.follows("tongues", SEED, LATER, RUSSIAN)
    desk.follows("mixed", f"{LATER} {RUSSIAN}")
    desk.follows("walls", SEED, CONSENT)
    for name, text in (("counters", SEED), ("huge", SEED)):
        desk.follows(name)
        (desk.seeds / name / "not").mkdir()
        (desk.seeds / name / "not" / "a.txt").write_text(text)
    (desk.seeds / "huge" / "b.txt").write_text(HUGE)
    (desk.seeds / "huge" / "c.txt").write_text(LATER)
    desk.follows("empty", "", " \n\n ")
    return desk


def test_each_bad_topic_is_named_with_its_mend(shelf: Operator) -> None:
    report = shelf.run("topics", "check", "--json").json
    lines = [*report["faults"], *report["warnings"], *report["remarks"]]

    def says(*words: str) -> bool:
        return any(all(word in line for word in words) for line in lines)

    assert says("three-lines", "rests on", "add a whole article")
    assert says("tongues/seed2.txt", "the only seed in ru", "add a second one")
    assert says("mixed/seed0.txt", "Cyrillic", "Latin", "split it")
    assert says("walls/seed1.txt", "consent or paywall page", "article's own text")
    assert says("counters", "only counter-seeds", "put in at least one article")
    assert says("huge/b.txt", "larger than 1 MB", "cut it")
    assert says("empty/seed0.txt", "holds no text", "delete it")
    assert set(report["topics"]) == {"bridge", "three-lines", "tongues", "mixed", "walls", "huge"}
    assert all(": " in line for line in lines)


def test_none_stops_the_others_from_being_tried(shelf: Operator, tmp_path: Path) -> None:
    news = tmp_path / "news.jsonl"
    articles = [
        {"id": 1, "title": HIT[0], "text": HIT[1]},
        {"id": 2, "title": " ", "text": "no title"},
        {"id": 3, "title": "Only a headline"},
        {"id": 4, "title": "Five megabytes", "text": HUGE + HUGE[: 5_000_000 - len(HUGE)]},
        {"id": 5, "title": "Two scripts", "text": f"{LATER} {RUSSIAN}"},
        {"id": 6, "title": "Cookies", "text": CONSENT},
        {"id": 7, "title": "Мост", "text": RUSSIAN},
        {"id": 8, "title": MISS[0], "text": MISS[1]},
        {"id": 9, "title": "!!! ???", "text": "\u200b \u2060"},
    ]
    news.write_text("".join(json.dumps(each) + "\n" for each in articles))
    said = shelf.run("topics", "try", shelf.seeds, "--articles", news, "--json")
    assert said.exit_code == 0, said
    assert f"{news}:2: skipped" in said.stderr
    assert "counters: only counter-seeds" in said.stderr
    found: dict[str, Any] = {each["topic"]: each for each in said.json["trials"]}
    assert 1 in (matched := {each["id"] for each in found["bridge"]["hits"]})
    assert matched <= {1, 5}
    assert found["tongues"]["seeds_left_out"], "its Russian seed is among the articles"
    assert all(each["articles"] == 8 for each in found.values())
    assert not any(hit["id"] in (3, 9) for each in found.values() for hit in each["hits"])


def test_bad_articles_are_explained_by_their_record(desk: Operator) -> None:
    with Site() as site:
        site.publishes(
            "/feed",
            rss(
                (HIT[0], "https://n.example/1", "g1", HIT[1]),
                ("", "https://n.example/2", "g2", ""),
                ("Cookies", "https://n.example/3", "g3", CONSENT),
                ("Long", "https://n.example/4", "g4", HUGE[:1_500_000]),
                ("Two scripts", "https://n.example/5", "g5", f"{LATER} {RUSSIAN}"),
            ),
        )
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
    records = [desk.run("explain", number, "--json") for number in range(1, 6)]
    known = {said.json["title"]: said.json for said in records if said.exit_code == 0}
    assert {HIT[0], "Cookies", "Long", "Two scripts"} <= known.keys()
    assert known["Cookies"]["grade"] == "wall"
    assert "consent or paywall" in known["Cookies"]["reason"]
    assert known["Two scripts"]["scores"][0]["topic"] == "bridge"
    assert all(each["reason"] for each in known.values())
    (trial,) = desk.run("topics", "try", desk.seeds / "bridge", "--json").json["trials"]
    assert HIT[0] in {hit["title"] for hit in trial["hits"]} <= {HIT[0], "Two scripts"}
    wall = known["Cookies"]["id"]
    refused = desk.run("topics", "try", desk.seeds / "bridge", "--confirm", wall)
    assert refused.exit_code == 1
    assert "consent or paywall page" in refused.stderr
