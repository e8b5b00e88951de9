"""What unrelated articles share without being on one event: a headline, a template, a date; whole stories, as a backtest files
them."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from monitor.evaluation import backtest
from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.types.matching import Seed, Topic
from tests.conftest import NOON

TOPIC = Topic(
    name="budget", title="Budget", seeds=(Seed(file="a.txt", title="Budget vote", text="A vote on the budget.", language="en"),)
)  # fmt: skip
HEADER = "Marlin News reporter Clara Venn writes for Halberd Media Group from Quayside Road in Stockport. "
FOOTER = (
    " Sign up for Morning Dispatch by Clara Venn. Follow Marlin News on Twitter. Marlin News is a "
    "publication of Halberd Media Group, "
    "Stockport. All rights reserved by Halberd Media Group. Read about privacy at Halberd House, Quayside Road."
)
TALES = (
    "Divers found a Roman anchor beneath the harbour of Velden and brought it to the maritime "
    "museum, where it will dry for two years.",
    "The orchestra of Tarnow opened its season with a forgotten symphony by Elsa Rautio, conducted "
    "by her granddaughter from memory.",
    "Wheat prices climbed to their highest level in eight years after a dry month on the northern "
    "plains, grain traders said.",
    "A court in Orlund sent the ferry owner Halden Brask to prison for four years for hiding income "
    "from a vineyard in Portugal.",
    "Researchers at Lindau university bred a tomato that needs half the water, and seed companies "
    "asked for licences at once.",
    "Goalkeeper Teo Marsh saved three penalties as Castel Rovers reached the cup final for the first "
    "time since their foundation.",
    "A storm tore roofs off forty houses on the island of Skarn, and the power company expects "
    "repairs to take until Sunday.",
    "The city council of Grunau approved a tram line to the airport after ten years of quarrels over "
    "noise and parking.",
    "Nurses at the Saint Brigid hospital ended their strike when managers promised twelve new posts "
    "and shorter night shifts.",
    "An octopus escaped from its tank in the aquarium of Port Ellery and was found two days later in "
    "a drain below the kitchen.",
)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


def filed(matcher: Matcher, *articles: tuple[str, str], **more: Any) -> list[dict[str, Any]]:
    """Backtest answers for articles of two outlets in turn, a minute apart."""
    lines = [
        json.dumps(
            {
                "id": number,
                "title": title,
                "text": text,
                "language": "en",
                "source": "ab"[number % 2],
                "url": f"https://{'ab'[number % 2]}.example/{number}",
                "published": (NOON + timedelta(minutes=number)).isoformat(),
            }
            | more
        )
        for number, (title, text) in enumerate(articles)
    ]
    read = backtest.read_lines(lines, start_at=NOON, on_bad=lambda number, why: pytest.fail(why))
    return list(backtest.run(read, matcher, [TOPIC]))


def largest(answers: list[dict[str, Any]]) -> int:
    return max(Counter(each["story"] for each in answers).values())


def test_a_headline_that_all_share_merges_no_strangers(matcher: Matcher) -> None:
    assert largest(filed(matcher, *(("Live updates", tale) for tale in TALES))) == 1
    assert largest(filed(matcher, *[("Live updates", "")] * 100)) == 1


def test_four_characters_that_all_share_merge_no_strangers(matcher: Matcher) -> None:
    answers = filed(matcher, *[("最新消息", "点击查看")] * 3, language="zh")
    assert largest(answers) == 1


def test_one_date_in_the_future_does_not_take_what_follows_with_it(matcher: Matcher) -> None:
    at = [NOON.isoformat(), "2041-01-01T00:00:00+00:00", (NOON + timedelta(minutes=20)).isoformat()]
    lines = [
        json.dumps({"id": number, "title": "Tale", "text": TALES[number % 2], "published": published})
        for number, published in enumerate(at)
    ]
    read = list(
        backtest.read_lines(lines, start_at=NOON + timedelta(hours=1), on_bad=lambda number, why: pytest.fail(why))
    )
    assert [line.article.published_at for line in read] == [NOON, NOON, NOON + timedelta(minutes=20)]
    assert read[2].article.seen_at == NOON + timedelta(minutes=20)


@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_template_of_two_outlets_merges_two_strangers_at_most_before_it_is_learned(
    matcher: Matcher, where: str
) -> None:
    texts = [HEADER + tale if where == "before" else tale + FOOTER for tale in TALES]
    answers = filed(matcher, *((tale[:40], text) for tale, text in zip(TALES, texts, strict=True)))
    assert largest(answers) <= 2


def test_one_text_under_a_hundred_addresses_is_one_story(matcher: Matcher) -> None:
    assert largest(filed(matcher, *[("Anchor of Velden", TALES[0] + " " + TALES[4])] * 100)) == 100


@pytest.mark.parametrize("published", [None, "2150-01-01T00:00:00Z", "1901-01-01"])
def test_strangers_of_one_moment_missing_or_absurd_stay_strangers(matcher: Matcher, published: str | None) -> None:
    assert largest(filed(matcher, *((tale[:40], tale) for tale in TALES), published=published)) == 1


def test_an_article_that_comes_late_joins_its_event_all_the_same(matcher: Matcher) -> None:
    told = ("Halden Brask jailed", TALES[3] + " His lawyer Petra Osk will appeal.")
    anew = (
        "Four years for ferry owner Brask",
        "Ferry owner Halden Brask must go to prison for four years, a court in Orlund ruled. "
        "He hid what a vineyard in Portugal earned.",
    )
    for one, other in ((told, anew), (anew, told)):
        assert largest(filed(matcher, one, *((tale[:40], tale) for tale in TALES[:3]), other)) == 2
