from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

from monitor.stories.boilerplate import SiteText, boilerplate_by_site, shares_only_boilerplate
from monitor.stories.copies import classify
from monitor.stories.fingerprint import Shingles
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate
from tests.conftest import NOON


def told(seed: int, words: int) -> str:
    dice = random.Random(seed)
    return " ".join("".join(dice.choices("abcdefghijklmnop", k=dice.randint(3, 8))) for _ in range(words))


FOOTER = told(0, 200)
"""More boilerplate than article, at the end, where the starts of two pages tell nothing of it."""


def page(seed: int, *, site: str = "a", words: int = 50) -> SiteText:
    return SiteText(site, Shingles(f"{told(seed, words)} {FOOTER}"))


def test_what_three_pages_of_a_site_share_is_its_boilerplate() -> None:
    template = boilerplate_by_site([page(1), page(2), page(3), page(4, site="b")])
    assert list(template) == ["a"]
    assert Shingles(FOOTER).without(template["a"]).length == 0
    assert Shingles(told(1, 50)).without(template["a"]).length == 50


def test_two_pages_teach_nothing_and_a_hundred_copies_of_one_text_neither() -> None:
    assert boilerplate_by_site([page(1), page(2)]) == {}
    assert boilerplate_by_site([page(1)] * 100) == {}
    assert boilerplate_by_site([page(1, site="")] * 3 + [page(2, site=""), page(3, site="")]) == {}


def test_a_template_around_two_tales_is_told_from_a_copy() -> None:
    around = [Shingles(f"{FOOTER[:400]} {told(seed, 60)} {FOOTER[400:]}") for seed in (1, 2)]
    assert shares_only_boilerplate(*around, is_one_site=False)
    ends = page(1).shingles, page(2).shingles
    assert shares_only_boilerplate(*ends, is_one_site=True)
    assert not shares_only_boilerplate(*ends, is_one_site=False), (
        "an outlet's own lead over the wire's text looks like that"
    )
    excerpt = Shingles(told(1, 30))
    assert not shares_only_boilerplate(around[0], excerpt, is_one_site=True)


# --- as copies.classify uses it ---------------------------------------------------------------------------------------------


def arriving(text: str, number: int, host: str) -> Article:
    url = f"https://{host}.example/news/{number}"
    return Article(
        guid=f"{number}", url=url, title=f"{told(900 + number, 6)}", text=text, language="en", published_at=NOON, seen_at=NOON,
        source=host,
    )  # fmt: skip


def stored(text: str, number: int, host: str) -> StoredCandidate:
    each = arriving(text, number, host)
    return StoredCandidate(
        article_id=number, story_id=number, title=each.title, text=text, url=each.url, source=host,
        published_at=NOON - timedelta(hours=number),
    )  # fmt: skip


def test_boilerplate_that_another_outlet_prints_too_merges_nobody() -> None:
    """Containment .8 between two sites: believed of two pages, not once three pages of one site show what it is."""
    pages = [stored(f"{told(number, 50)} {FOOTER}", number, "herald") for number in range(1, 5)]
    sister = arriving(f"{told(9, 50)} {FOOTER}", 9, "courier")
    assert classify(sister, pages[:1]).kind is ArticleKind.COPY
    assert classify(sister, pages).kind is ArticleKind.NEW


def test_the_true_excerpt_among_pages_of_the_same_template_is_still_found() -> None:
    pages = [stored(f"{told(number, 400)} {FOOTER}", number, "herald") for number in range(1, 5)]
    excerpt = " ".join(told(3, 400).split()[:70])
    for text in (excerpt, f"{excerpt} {FOOTER}"):
        found = classify(arriving(text, 9, "herald" if text == excerpt else "courier"), pages)
        assert (found.kind, found.of_article_id) == (ArticleKind.COPY, 3)


def test_copies_of_one_text_on_one_site_stay_copies() -> None:
    crowd = [stored(told(1, 300), number, "herald") for number in range(1, 8)]
    assert classify(replace(arriving(told(1, 300), 9, "herald"), title=crowd[0].title), crowd).kind is ArticleKind.COPY
