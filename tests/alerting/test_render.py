"""What an alert reads like, and what it never contains."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import render
from monitor.types.alerting import AlertKind
from monitor.types.matching import Contribution, Evidence, MeasuredPrecision
from tests.fakes.alerts import EVIDENCE, alert, notice, on_two_topics, trial


def test_a_headline_says_topic_title_and_source() -> None:
    assert render.headline(alert()) == "Fish canning: Harbour town votes to reopen its cannery — The Harbour Post"


def test_an_update_says_so() -> None:
    assert render.headline(alert(kind=AlertKind.UPDATED)).startswith("Fish canning, updated: Harbour town")
    assert "Changed since you were told\nThe Harbour Post" in render.text(alert(kind=AlertKind.UPDATED))


def test_a_topic_without_a_title_goes_by_its_name() -> None:
    assert render.headline(alert(topic_title="")).startswith("fish-canning: ")


def test_a_long_title_is_cut_and_the_source_stays() -> None:
    headline = render.headline(alert(title="word " * 400, source="The Harbour Post"))
    assert len(headline) <= 200
    assert headline.endswith("… — The Harbour Post")


def test_an_article_without_title_or_source_still_has_a_headline() -> None:
    assert render.headline(alert(title="", source="")) == "Fish canning: (no title)"


def test_a_text_reads_from_top_to_bottom() -> None:
    assert (
        render.text(alert())
        == """\
Harbour town votes to reopen its cannery
The Harbour Post, Thu 3 Jul 2025, 20:14 UTC
https://www.example.org/news/cannery?ref=a&b=1

Residents backed the plan by 412 to 388, the town clerk said. Work & hiring start in August.

Why you got this (Fish canning):
Score 0.31, threshold 0.18
Words that decided: cannery 63%, harbour town 37%
Closest example cannery-plan.txt, likeness 0.44; key sentence: “Residents backed the plan to reopen the cannery.”

Also carried by 3 outlets: Coast Radio, iNews, De Kust

Right or wrong? http://127.0.0.1:8000/matches/3/fish-canning

--
To stop these alerts here, name the channels that should get them in seeds/fish-canning/topic.toml: channels = [...]
Alert alt_01jz8v3k7m2q9x5w4t6r8y0abc, Fri 4 Jul 2025, 06:12 UTC
"""
    )


def test_a_notice_reads_from_top_to_bottom() -> None:
    assert render.headline(notice()) == "Article monitor: Feed coast has been failing for 24 hours"
    assert (
        render.text(notice())
        == """\
Feed coast has been failing for 24 hours

Its last answer was 403.

It is asked once a day from now on.

http://127.0.0.1:8000/feeds

--
You get notices about the monitor itself because this channel is named in its settings.
Alert alt_notice, Fri 4 Jul 2025, 06:12 UTC
"""
    )


def test_a4_a_test_says_test_everywhere() -> None:
    assert render.headline(trial()) == "Test: Channel desk"
    assert render.text(trial()).startswith("TEST — Channel desk\n")
    assert ">Test<" in render.html(trial())
    for words in (render.text(trial()), render.html(trial())):
        assert "This is a test: no article matched" in words


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_why_is_three_lines_and_the_score_is_no_percentage() -> None:
    lines = render.why(alert()).split("\n")
    assert len(lines) == 3
    assert lines[0] == "score 0.31, threshold 0.18"
    assert "31%" not in render.text(alert()) + render.html(alert())


def test_a_calibrated_probability_is_a_percentage() -> None:
    assert render.why(alert(probability=0.874)).startswith("87% likely; score 0.31, threshold 0.18\n")


def test_a_percentage_stands_beside_how_often_the_topic_was_right() -> None:
    measured = MeasuredPrecision(confirmed=41, judged=45, low=0.793, high=0.965)
    said = render.why(alert(probability=0.874, measured=measured))
    assert said.startswith("87% likely; precision 41 of 45 judged (79-96%); score 0.31, threshold 0.18\n")


def by_meaning(**changes: Any) -> Evidence:
    """Evidence of a score of .437 that meaning led."""
    names = ("your sentence", "your title", "your examples", "unlike other news", "words")
    parts = zip(names, (0.214, 0.092, 0.084, 0.064, -0.017), strict=True)
    return replace(EVIDENCE, parts=tuple(Contribution(term=name, weight=value) for name, value in parts), **changes)


def test_the_parts_are_told_in_plain_words_and_add_up_to_the_score() -> None:
    first = render.why(alert(score=0.437, evidence=by_meaning())).split("\n")[0]
    assert first.startswith("score 0.44, threshold 0.18: your sentence 0.2")
    told = [float(each) for each in re.findall(r"-?\d\.\d\d", first.partition(": ")[2])]
    assert len(told) == 5
    assert sum(told) == pytest.approx(0.44)


def test_the_words_have_shares_of_one_hundred_and_none_has_less_than_two() -> None:
    terms = tuple(Contribution(term=f"word{i}", weight=0.3 / 3**i) for i in range(7))
    said = render.why(alert(evidence=Evidence(terms=(*terms, Contribution(term="(other terms)", weight=0.1)))))
    shares = [int(each) for each in re.findall(r"word\d (\d+)%", said)]
    assert sum(shares) == 100
    assert min(shares) >= 2
    assert "other" not in said


def test_what_earlier_releases_stored_still_reads_well() -> None:
    old = Evidence(terms=(Contribution(term="(meaning)", weight=0.31),), seed="a.txt", seed_similarity=0.5, across="en")
    said = render.why(alert(evidence=old))
    assert said.split("\n")[1:] == [
        "matched across languages by meaning (article in en, its example in en)",
        "closest example a.txt, likeness 0.50",
    ]


def test_a_topic_without_examples_names_the_language_of_its_sentence() -> None:
    assert "its sentence in en" not in render.why(alert(evidence=Evidence(across="fa")))
    assert "your sentence in fa" in render.why(alert(evidence=Evidence(across="fa")))


def test_the_words_are_marked_in_the_headline_and_the_key_sentence_of_a_mail() -> None:
    page = render.html(alert())
    assert page.count("<mark>cannery</mark>") == 2
    assert "<title>Harbour town votes to reopen its cannery</title>" in page
    assert "cannery-plan.txt" in page


def test_missing_evidence_leaves_no_holes() -> None:
    assert render.why(alert(evidence=Evidence())) == "score 0.31, threshold 0.18"
    only_seed = replace(EVIDENCE, sentence="", terms=())
    assert render.why(alert(evidence=only_seed)).endswith("\nclosest example cannery-plan.txt, likeness 0.44")
    assert render.why(notice()) == ""


def test_other_outlets_are_counted() -> None:
    assert render.carried_by(alert(also_carried_by=("A",))) == "also carried by 1 outlet: A"
    many = tuple(f"Paper {i}" for i in range(12))
    assert render.carried_by(alert(also_carried_by=many)).startswith("also carried by 12 outlets: Paper 0, ")
    assert render.carried_by(alert(also_carried_by=many)).endswith("Paper 7 and 4 more")
    assert render.carried_by(alert(also_carried_by=())) == ""


# --- strangers' text --------------------------------------------------------------------------------------------------


class _Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[dict[str, str | None]] = []
        self.attributes: set[str] = set()
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "a":
            self.links.append(dict(attrs))

    def handle_data(self, data: str) -> None:
        self.words += data


HARMLESS = {"html", "head", "meta", "title", "body", "div", "p", "h1", "a", "b", "br", "mark"}
EVIL = "<script>alert(1)</script><img src=https://spy.example/p.gif onerror=x()>&lt;b&gt;\"'{{7*7}}"


def test_e7_a_page_loads_nothing_and_runs_nothing() -> None:
    page = _Page(
        render.html(
            alert(
                title=EVIL,
                source=EVIL,
                summary=EVIL,
                topic_title=EVIL,
                topic=EVIL,
                also_carried_by=(EVIL,),
                evidence=Evidence(terms=(Contribution(term=EVIL, weight=0.1),), sentence=EVIL, seed=EVIL),
                review_url=EVIL,
            )
        )
    )
    assert set(page.tags) <= HARMLESS
    assert page.attributes <= {"lang", "charset", "style", "dir", "href", "rel"}
    assert "{{7*7}}" in page.words


def test_e7_a_link_shows_its_host() -> None:
    page = render.html(alert(url="https://www.example.org/a?b=1&c=2"))
    assert '<a href="https://www.example.org/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">' in page
    assert "Read it at example.org</a>" in page


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        " java\tscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "https://bank.example@evil.example/",
        "https://evil.example\\@bank.example/",
        "https:///nowhere",
        "ftp://example.org/a",
        "//example.org/a",
        "https://example.org/" + "a" * 9000,
        "",
    ],
)
def test_u2_only_web_addresses_become_links(url: str) -> None:
    assert render.link(url) == ""
    assert url.strip() == "" or len(_Page(render.html(alert(url=url))).links) == 1  # the review link alone
    assert "https://" not in render.text(alert(url=url))


@pytest.mark.parametrize("url", ["https://evil.example/\"onmouseover='x'", "https://evil.example/<b>|x y"])
def test_u2_an_address_cannot_end_its_link(url: str) -> None:
    assert not set(render.link(url)) & set('"<> ')
    assert _Page(render.html(alert(url=url))).attributes <= {"lang", "charset", "style", "dir", "href", "rel"}


def test_u2_a_lookalike_host_shows_what_it_is() -> None:
    assert render.host("https://аррӏе.com/") == "xn--80ak6aa92e.com"
    assert "Read it at xn--80ak6aa92e.com" in render.html(alert(url="https://аррӏе.com/"))


def test_x9_reading_direction_cannot_be_turned() -> None:
    words = render.text(alert(title="photo\u202egpj.exe", source="\u2066Post\u2069"))
    assert "photogpj.exe\nPost, " in words


def test_x9_joiners_of_persian_and_emoji_stay() -> None:
    assert render.title(alert(title="می\u200cخواهد 👩\u200d🚒")) == "می\u200cخواهد 👩\u200d🚒"


def test_x9_a_flood_of_marks_is_cut() -> None:
    assert render.title(alert(title="Z" + "\u0301" * 500 + "algo")) == "Z" + "\u0301" * 4 + "algo"


@given(st.text(), st.text(), st.text(), st.floats(), st.floats())
def test_anything_renders(one: str, two: str, three: str, score: float, threshold: float) -> None:
    evidence = Evidence(terms=(Contribution(term=one, weight=score),), sentence=two, seed=three, seed_similarity=score)
    for each in (
        alert(title=one, url=two, source=three, summary=one, topic_title=two, evidence=evidence, score=score),
        alert(also_carried_by=(one, two, three), threshold=threshold, review_url=three, topic=one, topic_title=""),
        notice(title=one, body=two, review_url=three),
        trial(title=one, body=two),
    ):
        assert len(render.headline(each)) <= 200
        assert "\n" not in render.headline(each)
        assert render.text(each).encode()
        page = _Page(render.html(each))
        assert set(page.tags) <= HARMLESS
        assert all((link["href"] or "").startswith(("http://", "https://")) for link in page.links)


def test_an_escalation_says_why() -> None:
    growing = alert(kind=AlertKind.ESCALATED, body="now 6 independent outlets")
    assert render.headline(growing).startswith("Fish canning, growing: Harbour town")
    assert "Growing since you were told: now 6 independent outlets" in render.text(growing)
    assert "Growing since you were told: now 6 independent outlets" in render.html(growing)


def test_an_update_says_what_changed() -> None:
    updated = alert(kind=AlertKind.UPDATED, body="same guid in the same feed, changed: 11 → 14")
    assert "Changed since you were told: 11 → 14" in render.text(updated)


def test_a_wires_copy_says_whose_and_how_many_sources_that_makes() -> None:
    plain = alert()
    assert plain.article is not None
    copy = replace(plain, article=replace(plain.article, wire="Reuters"), independent_sources=2)
    said = render.carried_by(copy)
    assert said == "Reuters copy; also carried by 3 outlets: Coast Radio, iNews, De Kust; 2 independent sources"
    own = replace(plain, article=replace(plain.article, wire="Reuters", source="Reuters World"), also_carried_by=())
    assert render.carried_by(own) == ""
    japan = replace(own, article=replace(plain.article, wire="AP", source="The Japan Times"))
    assert render.carried_by(japan) == "AP copy"


def test_an_alert_on_two_topics_names_both_and_says_why_for_each() -> None:
    told = on_two_topics()
    assert render.headline(told).startswith("Fish canning, Harbours: Harbour town votes")
    assert render.why_lines(told) == [
        "Fish canning: score 0.31, threshold 0.18",
        "Words that decided: cannery 63%, harbour town 37%",
        "Closest example cannery-plan.txt, likeness 0.44; key sentence: “Residents backed the plan to reopen the cannery.”",
        "Harbours: score 0.20, threshold 0.17",
        "Closest example pier.txt, likeness 0.00",
    ]
    assert "Why you got this (Fish canning, Harbours):" in render.text(told)
    assert "Fish canning, Harbours" in render.html(told)
    assert "seeds/fish-canning/topic.toml and seeds/harbours/topic.toml" in render.how_to_stop(told)


def test_an_alert_on_many_topics_leaves_room_for_its_headline() -> None:
    many = on_two_topics()
    many = replace(many, topics=tuple(replace(many.topics[0], name=f"t{n}", title=f"Topic {n} " * 9) for n in range(6)))
    headline = render.headline(many)
    assert " and 3 more: Harbour town votes" in headline
    assert len(headline) <= 200


@pytest.mark.parametrize("length", [1301, 2500, 8000])
def test_fault_alert_15_a_mail_links_a_long_address(length: int) -> None:
    url = ("https://www.example.org/?q=" + "a" * length)[:length]
    assert f'href="{url}"' in render.html(alert(url=url))
    assert url in render.text(alert(url=url))
