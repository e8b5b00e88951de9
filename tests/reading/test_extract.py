"""Entries become articles: text without markup, boilerplate endings, grades, dates, pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading.extract import FROM_PAGE, extract, read_articles
from monitor.reading.markup import html_to_text
from monitor.reading.webpage import WebPage
from monitor.types.fetching import Entry
from monitor.types.matching import Article, Grade
from tests.fakes.patience import grows_evenly

PAGES = Path(__file__).parents[1] / "data" / "pages"
TWINS = sorted(PAGES.glob("*.expected.json"))
SEEN_AT = datetime(2021, 10, 20, 12, 0, tzinfo=UTC)
PROSE = "The delegations of ten countries met in the old hall and spoke for three hours about the winter. " * 10


def article(title: str = "Envoys meet in the capital", *, page: bytes | None = None, **fields: Any) -> Article:
    entry = Entry(guid="1", url="https://e.org/1", title=title, **fields)
    return extract(entry, source="Wire", seen_at=SEEN_AT, page=WebPage(body=page) if page is not None else None)


# --- markup -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("", ""),
        ("plain text\n\nwith a paragraph", "plain text\n\nwith a paragraph"),
        ("<p>One <b>two</b>three.</p><p>Four<br>five</p>", "One twothree.\n\nFour\nfive"),
        ("<ul><li>a<li>b</ul>c", "a\nb\n\nc"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<p>Hello\n  wide\tworld</p>", "Hello wide world"),
        ("R&amp;D &eacute;t&#233; &nbsp;&#8217; &#128;", "R&D été ’ €"),
        ("1 < 2 and 3 > 2, Tom & Jerry <3", "1 < 2 and 3 > 2, Tom & Jerry <3"),
        ("a<script>alert(1)</script>b<style>p{}</style>c<noscript>d</noscript>e", "abce"),
        ("x<img src=a alt='no text'>y<figure><img><figcaption>Photo: A. P.</figcaption></figure>z", "xy\n\nz"),
        ("<p>text</p><!-- comment --><iframe src=x>frame</iframe>", "text"),
        ("&lt;p&gt;escaped &amp;amp; twice&lt;/p&gt;&lt;script&gt;x&lt;/script&gt;", "escaped & twice"),
        ("one<p>soft\u00adhyphen\u200b</p>", "one\n\nsofthyphen"),
        ("<a href='x", ""),
        ("<form>an unclosed form swallows nothing", "an unclosed form swallows nothing"),
    ],
)
def test_markup_becomes_readable_text(markup: str, expected: str) -> None:
    assert html_to_text(markup) == expected


@pytest.mark.parametrize(
    "attack",
    [
        "<svg/onload=alert(1)>",
        "<img src=x onerror=alert(1)//",
        "<<script>script>alert(1)<</script>/script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;",
        "<scr<script>ipt>alert(1)</script>",
        "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<a href='jav&#x09;ascript:alert(1)'>x</a>",
    ],
)
def test_u1_no_markup_survives_in_text(attack: str) -> None:
    text = article(content_html=f"<p>{PROSE}</p>{attack}<p>{PROSE}</p>").text
    for part in ("<script", "<svg", "<img", "<iframe", "onerror", "javascript:"):
        assert part not in text.lower()
    assert "delegations of ten" in text


@pytest.mark.parametrize(
    "bomb",
    ["<b>" * 40_000, "<div>" * 40_000, "<ul><li>" * 20_000, "<table><tr><td>" * 10_000, "<!--" * 30_000, "&lt;" * 30_000,
     "<" * 64_000, "<a " + "x=1 " * 20_000, '<a title="' * 6_000, "</b>" * 20_000, "&" * 64_000, "<p>[" * 20_000, " \n" * 32_000,
     "Read more " * 6_000, "The post " * 6_000],
)  # fmt: skip
def test_x3_no_markup_takes_more_than_a_moment(bomb: str) -> None:
    def extracted(times: int) -> None:
        part = bomb[: len(bomb) * times // 4]
        article(content_html=part + "text", summary_html=part)

    assert grows_evenly(extracted)


def test_x3_text_below_ten_thousand_open_tags_is_still_read() -> None:
    assert html_to_text("<b>x" * 10_000) == "x" * 10_000


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<b", ">", "<!--", "&amp", ";", "&#x", "<![CDATA[", "]]>", "<pre>", "word ", "\x00", "]"]
        )
    )
)
def test_x11_any_markup_gives_text(pieces: list[str]) -> None:
    found = article(content_html="".join(pieces))
    assert found.text == found.text.strip()
    assert "\x00" not in found.text


# --- which text, and how much -----------------------------------------------------------------------------------------


def test_the_content_is_chosen_over_its_teaser() -> None:
    found = article(content_html=f"<p>{PROSE}</p>", summary_html="<p>They met and spoke about winter, briefly.</p>")
    assert found.text == PROSE.strip()
    assert found.grade is Grade.FULL


def test_a_summary_that_says_more_than_the_content_wins() -> None:
    found = article(content_html="<p>Listen to the report now.</p>", summary_html=PROSE)
    assert found.text == PROSE.strip()


def test_a_teaser_is_partial() -> None:
    assert article(summary_html="They met in the old hall and spoke about the winter.").grade is Grade.PARTIAL


def test_a_long_teaser_that_breaks_off_is_partial() -> None:
    assert article(summary_html=f"{PROSE}and then […]").grade is Grade.PARTIAL
    assert article(summary_html=f"{PROSE} <a href=x>Continue reading →</a>").grade is Grade.PARTIAL


@pytest.mark.parametrize(
    "summary",
    ["", "Envoys meet in the capital", '<a href="x">Envoys meet in the capital</a>&nbsp;&nbsp;<font>Harbour Wire</font>',
     "<p>Envoys meet in the capital</p><p><a>Read more</a></p>", "<img src=x>", "Envoys meet in the capital - Wire"],
)  # fmt: skip
def test_a_body_that_only_repeats_the_title_is_a_headline(summary: str) -> None:
    found = article(summary_html=summary)
    assert (found.grade, found.text, found.full_text) == (Grade.HEADLINE, "", "Envoys meet in the capital")


def test_a_title_repeated_above_the_body_is_taken_off() -> None:
    found = article(content_html=f"<h1>Envoys meet in the capital</h1><p>{PROSE}</p>")
    assert found.text.startswith("The delegations")


def test_an_entry_without_title_is_called_by_its_first_sentence() -> None:
    found = article("", content_html="<p>A short note without a title. It has two sentences.</p>")
    assert found.title == "A short note without a title."
    assert found.text == "A short note without a title. It has two sentences."


@pytest.mark.parametrize(
    "tail",
    [
        '<p>The post <a href="x">Envoys meet in the capital</a> appeared first on <a href="y">Harbour Wire</a>.</p>',
        " The post Envoys meet appeared first on Harbour Wire.",
        "<p>L’article <a>Envoys</a> est apparu en premier sur <a>Le Port</a>.</p>",
        "<p>Der Beitrag <a>Envoys</a> erschien zuerst auf <a>Hafen</a>.</p>",
        "<p>Сообщение <a>Послы</a> появились сначала на <a>Порт</a>.</p>",
        "<p>نوشته <a>نشست</a> اولین بار در <a>خبر</a>. پدیدار شد.</p>",
        ' <a href="x">Read more »</a>',
        "<p>Continue reading…</p>",
        "<p>Continue reading Envoys meet in the capital at Harbour Wire</p>",
        " […]",
        " [&#8230;]",
        " [+1532 chars]",
        "<p>Читать далее</p>",
        "<p>ادامه مطلب</p>",
        "<p>Read more</p><p>The post Envoys appeared first on Wire.</p>",
    ],
)
def test_what_blogs_append_is_cut_off(tail: str) -> None:
    assert article(summary_html=f"<p>They spoke about the winter for three long hours.{tail}</p>").text == (
        "They spoke about the winter for three long hours."
    )


@pytest.mark.parametrize(
    "body",
    [
        "They had to learn more, and there was much more to read on.",
        "Nobody knows where the old road to the harbour leads further on.",
    ],
)
def test_sentences_that_end_like_a_tail_stay(body: str) -> None:
    assert article(summary_html=body).text == body


@pytest.mark.parametrize(
    "body",
    [
        "Please enable JavaScript and cookies to continue",
        "Subscribe to continue reading",
        "This article is for subscribers only.",
        "We use cookies to make this site work. By clicking you accept all of them.",
        "Access Denied. You don't have permission to access this page on this server.",
    ],
)
def test_a_wall_is_no_text(body: str) -> None:
    found = article(content_html=f"<p>{body}</p>")
    assert (found.grade, found.text) == (Grade.WALL, "")


def test_the_teaser_is_read_where_the_content_is_a_wall() -> None:
    found = article(
        content_html="<p>Subscribe to continue reading</p>",
        summary_html="They met in the old hall, speaking of winter.",
    )
    assert (found.grade, found.text) == (Grade.PARTIAL, "They met in the old hall, speaking of winter.")


def test_an_article_about_cookies_is_no_wall() -> None:
    found = article(
        "Regulator fines site",
        content_html=f"<p>“We use cookies,” the site said, “which readers accept.”</p><p>{PROSE}</p>",
    )
    assert found.grade is Grade.FULL


# --- what comes with it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("published_at", "expected"),
    [
        (SEEN_AT - timedelta(days=2), SEEN_AT - timedelta(days=2)),
        (SEEN_AT + timedelta(seconds=1), SEEN_AT),
        (datetime(2099, 1, 1, tzinfo=UTC), SEEN_AT),
        (None, SEEN_AT),
    ],
)
def test_f19_an_article_is_never_published_after_it_was_seen(published_at: datetime | None, expected: datetime) -> None:
    assert article(published_at=published_at).published_at == expected


def test_the_language_of_the_text_wins_over_a_feed_that_claims_another() -> None:
    entry = Entry(guid="1", url="", title="نشست مسکو درباره افغانستان برگزار شد", language="en-us")
    assert extract(entry, source="s", seen_at=SEEN_AT, feed_language="en").language == "fa"


def test_the_articles_of_a_poll_keep_their_order_and_meet_their_pages() -> None:
    entries = [
        Entry(
            guid=str(n), url="", title=f"Envoys agree {n}", summary_html="Envoys of ten countries met for three hours"
        )
        for n in range(3)
    ]
    pages = {"1": WebPage(body=(PAGES / "report.html").read_bytes())}
    found = read_articles(entries, "Wire", SEEN_AT, "en", pages)
    assert [each.guid for each in found] == ["0", "1", "2"]
    assert ["their spokesmen said" in each.text for each in found] == [False, True, False]
    assert {each.source for each in found} == {"Wire"}


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", TWINS, ids=[each.name.removesuffix(".expected.json") for each in TWINS])
def test_a_page_gives_what_its_twin_says(twin: Path) -> None:
    expected = json.loads(twin.read_text())
    page = twin.with_name(twin.name.removesuffix(".expected.json")).read_bytes()
    title = "The price of bread in the old town" if "declared" in twin.name else "Envoys agree on a second round"
    found = article(title, page=page)
    assert found.grade.value == expected["grade"]
    assert found.text.startswith(expected["begins"])
    assert found.text.endswith(expected["ends"])
    assert all(each in found.text for each in expected["holds"])
    assert not any(each in found.text for each in expected["lacks"])


@pytest.mark.parametrize(
    "page",
    [b"", b"\x00", b"<html>", b"<p>", b"\xff\xfe\x00", b"<script type='application/ld+json'>{</script>", b"{" * 1000,
     b"<script type='application/ld+json'>" + b"[" * 100_000 + b"</script><p>x", b"<div><p>" * 20_000],
)  # fmt: skip
def test_a_page_without_text_leaves_the_feeds_own(page: bytes) -> None:
    found = article(summary_html="They met in the old hall and spoke of winter.", page=page)
    assert found.text == "They met in the old hall and spoke of winter."


def test_x1_a_page_expands_no_entities_and_reads_no_files() -> None:
    page = (
        b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body><p>'
        + PROSE.encode()
        + b"&x;</p></body></html>"
    )
    assert "root:" not in article(page=page).text


def test_a_page_that_says_its_title_in_other_cases_is_the_entrys() -> None:
    body = (
        "Делегация талибов прибыла в Москву для участия в консультациях московского формата по Афганистану. "
        "На встречу приехали посланники десяти стран, среди них соседи Афганистана, Китай и Индия."
    )
    found = article("Талибы в Москве: «Московский формат»", page=f"<article><p>{body}</p></article>".encode())
    assert found.text == body


@pytest.mark.parametrize(
    ("canonical", "host"),
    [
        ("https://www.herald.example/2021/envoys-meet-in-the-capital", "www.herald.example"),
        ("https://m.e.org/2021/envoys-meet-in-the-capital", ""),
        ("/2021/envoys-meet-in-the-capital", ""),
        ("https://www.herald.example/", ""),
        ("javascript:alert(1)", ""),
        ("", ""),
    ],
)
def test_a_mirror_names_the_site_of_its_original(canonical: str, host: str) -> None:
    text = "The envoys meet in the capital on Tuesday, and nothing was agreed upon by any of them. " * 30
    head = f'<link rel="canonical" href="{canonical}">'
    page = f"<html><head>{head}</head><body><article><h1>Envoys meet in the capital</h1><p>{text}</p></article></body></html>"
    found = article(page=page.encode(), summary_html="Envoys meet in the capital.")
    assert found.page == FROM_PAGE
    assert found.outlet_host == host
