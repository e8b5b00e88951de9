"""Faults 05, 07, 08, 11, 13, 14 and 17: what an item is, and where."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading import surplus
from monitor.reading.parse import MAX_ENTRIES, parse
from monitor.text import links
from monitor.types.fetching import Entry

FAULTS = Path(__file__).parents[1] / "data" / "faults"
URL = "https://feeds.cdn.example/gazette.xml"
SITE = "https://gazette.example/"
NOW = datetime(2026, 11, 29, 16, 0, tzinfo=UTC)
MRSS = 'xmlns:media="http://search.yahoo.com/mrss/"'
TEXT = "The seafarers' union said its ferry crews would stay out until the company withdraws the new rosters."


def entries(items: str, *, attributes: str = MRSS, site: str = SITE, url: str = URL) -> tuple[Entry, ...]:
    head = f'<rss version="2.0" {attributes}><channel><title>T</title><link>{site}</link>'
    return parse(f"{head}{items}</channel></rss>".encode(), url=url, now=NOW).entries


def read(name: str) -> tuple[Entry, ...]:
    return parse((FAULTS / name).read_bytes(), url="http://127.0.0.1:8000/feed", now=NOW).entries


# --- captions ---------------------------------------------------------------------------------------------------------


def test_fault_feed_05_the_description_is_the_text_and_captions_are_not() -> None:
    first = read("05-two-media-descriptions.xml")[0]
    assert "Islanders on Senn queued at the quay" in first.summary_html
    assert "Gulls" not in first.summary_html + first.content_html
    assert "dog waits" not in first.summary_html + first.content_html
    assert not first.title.startswith("Picture")


PICTURE = '<media:content url="https://i.example/{n}.jpg" medium="image">{inside}</media:content>'
CAPTIONS = [
    "<media:description>A gull</media:description>",
    "<media:title>A gull</media:title><media:description>A gull</media:description>",
    "<media:description type='html'><![CDATA[A <b>gull</b>]]></media:description>",
    "<media:text>A gull</media:text><media:credit>A gull</media:credit>",
    "<media:thumbnail url='x.jpg'/><media:description>A gull</media:description>",
]
SHAPES = {
    "one": lambda caption: PICTURE.format(n=1, inside=caption),
    "two": lambda caption: PICTURE.format(n=1, inside=caption) + PICTURE.format(n=2, inside=caption),
    "group": lambda caption: (
        f"<media:group>{PICTURE.format(n=1, inside=caption)}{PICTURE.format(n=2, inside='')}</media:group>"
    ),
    "beside": lambda caption: f'<media:content url="https://i.example/1.jpg" medium="image"/>{caption}',
    "group alone": lambda caption: f"<media:group>{caption}</media:group>",
    "film": lambda caption: f'<media:content url="https://i.example/1.mp4" medium="video">{caption}</media:content>',
}
OWN = {
    "description": f"<description>{TEXT}</description>",
    "encoded": f'<content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/">{TEXT}</content:encoded>',
    "both": f'<description>{TEXT}</description><c:encoded xmlns:c="http://purl.org/rss/1.0/modules/content/">{TEXT}</c:encoded>',
}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("own", OWN)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("caption", CAPTIONS)
def test_fault_feed_05_captions_in_every_shape(caption: str, shape: str, own: str, is_first: bool) -> None:
    parts = [OWN[own], SHAPES[shape](caption)]
    item = f"<item><title>Ferry strike</title>{''.join(parts if is_first else parts[::-1])}</item>"
    for prefix, attributes in (("media", MRSS), ("m", MRSS.replace("media=", "m="))):
        found = entries(item.replace("media:", f"{prefix}:"), attributes=attributes)[0]
        assert (found.title, {found.summary_html, found.content_html} - {""}) == ("Ferry strike", {TEXT})


@pytest.mark.parametrize("shape", ["one", "two", "group", "beside", "group alone"])
@pytest.mark.parametrize("caption", CAPTIONS)
def test_fault_feed_05_a_caption_is_not_the_text_even_where_there_is_no_other(caption: str, shape: str) -> None:
    found = entries(f"<item><title>Ferry strike</title>{SHAPES[shape](caption)}</item>")[0]
    assert (found.title, found.summary_html + found.content_html) == ("Ferry strike", "")


def test_fault_feed_05_what_a_video_site_says_of_a_film_is_its_text() -> None:
    film = '<media:group><media:title>x</media:title><media:content url="https://v.example/1" type="video/mp4"/>'
    film += f"<media:description>{TEXT}</media:description></media:group>"
    entry = f"<entry><title>Ferry strike</title>{film}</entry>"
    body = f'<feed xmlns="http://www.w3.org/2005/Atom" {MRSS}><title>T</title>{entry}</feed>'
    found = parse(body.encode(), url=URL).entries[0]
    assert (found.title, found.summary_html) == ("Ferry strike", TEXT)


NESTED = {
    "image": "<image><url>https://i.example/1.jpg</url><title>A gull</title><description>A gull</description></image>",
    "enclosure": '<enclosure url="https://i.example/1.jpg" type="image/jpeg"><description>A gull</description></enclosure>',
    "form": "<textInput><title>A gull</title><name>q</name><description>A gull</description></textInput>",
}


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("nested", NESTED)
def test_fault_feed_05_what_stands_inside_of_an_items_picture_is_not_the_items_own(nested: str, is_first: bool) -> None:
    own = f"<title>Strike</title><link>https://gazette.example/1</link><description>{TEXT}</description>"
    both = NESTED[nested] + own if is_first else own + NESTED[nested]
    (one,) = entries(f"<item>{both}</item>")
    assert (one.title, one.url, one.summary_html, one.content_html) == ("Strike", "https://gazette.example/1", TEXT, "")


def test_fault_feed_05_a_picture_inside_of_quoted_markup_is_left_alone() -> None:
    (one,) = entries(f"<item><description><![CDATA[<image><p>{TEXT}</p></image>]]></description></item>")
    assert TEXT in one.summary_html


# --- elements that the reader fails on --------------------------------------------------------------------------------

PLACES = 'xmlns:georss="http://www.georss.org/georss" xmlns:gml="http://www.opengis.net/gml"'
ODD_ELEMENTS = [
    "<gml:pos>34.5 69.2</gml:pos>",
    "<georss:where><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>34 69 Kabul</gml:posList></gml:LinearRing>"
    "</gml:exterior></gml:Polygon></georss:where>",
    '<georss:where><gml:Point srsName="EPSG:none"><gml:pos>1 2</gml:pos></gml:Point></georss:where>',
    "<textInput><title>Search</title><link>https://gazette.example/search</link></textInput>",
]


@pytest.mark.parametrize("odd", ODD_ELEMENTS)
def test_fault_feed_01_an_element_that_the_reader_fails_on_costs_no_more_than_itself(odd: str) -> None:
    items = [
        f"<item><title>{n}</title><guid>{n}</guid>{odd * (n == 1)}<description>{TEXT}</description></item>"
        for n in range(3)
    ]
    found = entries("".join(items), attributes=PLACES)
    assert [each.title for each in found] == ["0", "1", "2"]
    assert {each.summary_html for each in found} == {TEXT}


# --- feeds that break off ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "left", ["<ti", "<title>Ferry strike goes on</title>", "<title>Ferry</title><description>The union s"]
)
@pytest.mark.parametrize("tag", ["item", 'item rdf:about="https://gazette.example/2"', "entry"])
def test_fault_feed_08_an_entry_in_which_the_feed_breaks_off_waits_for_its_rest(tag: str, left: str) -> None:
    name = tag.partition(" ")[0]
    head = "<feed xmlns='http://www.w3.org/2005/Atom'>" if name == "entry" else "<rss version='2.0'><channel>"
    whole = f"<{tag}><title>Whole</title><id>1</id></{name}>"
    parsed = parse(f"{head}{whole}<{tag}>{left}".encode(), url=URL, now=NOW)
    assert [each.title for each in parsed.entries] == ["Whole"]
    assert parsed.notes == ("breaks off inside an entry, which is not read",)


def test_fault_feed_08_an_entry_that_breaks_off_behind_its_link_is_read() -> None:
    head = '<rss version="2.0"><channel><item><title>Ferry strike</title><link>https://gazette.example/1</link>'
    (one,) = parse(f"{head}<description>The union s".encode(), url=URL, now=NOW).entries
    assert (one.title, one.url) == ("Ferry strike", "https://gazette.example/1")


def test_fault_feed_08_an_entry_that_is_only_not_closed_is_read() -> None:
    found = entries(f"<item><title>One</title></item><item><title>Two</title><description>{TEXT}</description>")
    assert [each.title for each in found] == ["One", "Two"]


# --- more than a thousand ---------------------------------------------------------------------------------------------


def bulletins(dates: list[datetime | None]) -> str:
    return "".join(
        f"<item><title>Bulletin {n}</title><guid>{n}</guid>"
        + (f"<pubDate>{at:%a, %d %b %Y %H:%M:%S} GMT</pubDate>" if at else "")
        + "</item>"
        for n, at in enumerate(dates)
    )


@pytest.mark.parametrize("order", ["oldest first", "newest first", "mixed", "two columns"])
def test_fault_feed_07_of_a_long_feed_the_newest_are_kept(order: str) -> None:
    dates: list[datetime | None] = [NOW - timedelta(hours=3 * n) for n in range(1501)]
    dates = {
        "oldest first": dates[::-1],
        "newest first": dates,
        "mixed": [dates[n * 7 % 1501] for n in range(1501)],
        "two columns": [*dates[::2], *dates[1::2]],
    }[order]
    body = f'<rss version="2.0"><channel><title>T</title>{bulletins(dates)}</channel></rss>'.encode()
    feed = parse(body, url=URL, now=NOW)
    assert {each.published_at for each in feed.entries} == {NOW - timedelta(hours=3 * n) for n in range(MAX_ENTRIES)}
    assert feed.title == "T"
    assert feed.notes == ("kept the newest 1000 of 1501 entries",)


def test_fault_feed_08_the_new_one_at_the_end_is_seen() -> None:
    dates: list[datetime | None] = [NOW - timedelta(hours=3 * n) for n in range(1501, 0, -1)]
    assert entries(bulletins([*dates, NOW]))[-1].title == "Bulletin 1501"
    assert entries(bulletins([*dates, None]))[-1].title == "Bulletin 1501"
    assert entries(bulletins([None, *dates]))[0].title == "Bulletin 0"


def test_fault_feed_08_without_dates_both_ends_are_seen() -> None:
    guids = {each.guid for each in entries(bulletins([None] * 3000))}
    assert len(guids) == MAX_ENTRIES
    assert {"0", "2999"} <= guids


def test_fault_feed_08_a_long_atom_and_json_feed() -> None:
    dates = [NOW - timedelta(hours=n) for n in range(1200)][::-1]
    atom = "".join(
        f"<entry><id>{n}</id><title>x</title><updated>{at.isoformat()}</updated></entry>" for n, at in enumerate(dates)
    )
    body = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{atom}</feed>'.encode()
    items = [{"id": str(n), "title": "x", "date_published": at.isoformat()} for n, at in enumerate(dates)]
    other = json.dumps({"version": "https://jsonfeed.org/version/1", "items": items}).encode()
    for document in (body, other):
        assert [each.guid for each in parse(document, url=URL, now=NOW).entries] == [str(n) for n in range(200, 1200)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 50).map(lambda n: NOW - timedelta(days=n))), max_size=60),
    st.integers(1, 20),
)
def test_fault_feed_08_what_is_kept_is_never_older_than_what_is_cut(dates: list[datetime | None], limit: int) -> None:
    kept = surplus.newest(dates, limit=limit)
    assert kept == sorted(set(kept))
    assert len(kept) == min(limit, len(dates))
    cut = [at for place, at in enumerate(dates) if place not in kept and at]
    assert min((dates[place] for place in kept if dates[place]), default=NOW) >= max(
        cut, default=NOW - timedelta(days=99)
    )


# --- dates of one feed together ---------------------------------------------------------------------------------------


def dated(*written: str, link: str = "") -> tuple[Entry, ...]:
    return entries(
        "".join(
            f"<item><guid>{n}</guid><title>x{n}</title><link>{link}</link><pubDate>{escape(each)}</pubDate></item>"
            for n, each in enumerate(written)
        )
    )


def test_fault_feed_09_slashes_are_read_as_the_others_are() -> None:
    assert dated("05/06/2026 10:00", "23/06/2026 10:00")[0].published_at == datetime(2026, 6, 5, 10, tzinfo=UTC)
    assert dated("05/06/2026 10:00", "06/23/2026 10:00")[0].published_at == datetime(2026, 5, 6, 10, tzinfo=UTC)


def test_fault_feed_09_an_unreadable_date_is_noted_and_bounded_by_the_address() -> None:
    item = "<item><guid>1</guid><link>https://e.org/2026/10/14/x</link><pubDate>Frimaire 24, CCXXXV</pubDate></item>"
    body = f'<rss version="2.0"><channel>{item}</channel></rss>'
    feed = parse(body.encode(), url=URL, now=NOW)
    assert feed.entries[0].published_at == datetime(2026, 10, 14, tzinfo=UTC)
    assert feed.notes == ("1 of 1 dates cannot be read, such as 'Frimaire 24, CCXXXV'",)


def test_fault_feed_09_an_unreadable_date_is_bounded_by_its_place_in_the_feed() -> None:
    written = [f"{NOW - timedelta(days=10 * n):%Y-%m-%d} 10:00:00" for n in range(8)]
    written[5] = "Frimaire 24"
    assert dated(*written)[5].published_at == datetime(2026, 10, 20, 10, tzinfo=UTC)
    assert dated(*written[::-1])[2].published_at == datetime(2026, 10, 20, 10, tzinfo=UTC)
    assert dated("Frimaire 24", *written[:5])[0].published_at is None


# --- addresses --------------------------------------------------------------------------------------------------------


def test_fault_feed_11_a_podcasts_address_is_its_enclosure() -> None:
    assert [each.url for each in read("11-podcast-enclosure-only.xml")] == ["https://cdn.gazette.example/e/17.mp3"]


def test_fault_feed_13_content_elsewhere_is_the_address() -> None:
    assert [each.url for each in read("13-atom-content-src-only.xml")] == ["https://gazette.example/acs"]


def test_fault_feed_14_odd_links_lead_to_the_article() -> None:
    found = {each.guid: each.url for each in read("14-links-odd.xml")}
    assert found.pop("ns11") == ""  # longer than any that can be fetched (X8)
    assert found == {
        "ns1": "https://www.gazette.example/noscheme/1",
        "ns2": "https://gazette.example/pr/1",
        "ns3": "https://gazette.example/lines/1",
        "ns4": "https://gazette.example/with%20blank/%C3%A4?q=%C3%B6",
        "ns5": "https://gazette.example/cd?a=1&b=2",
        "ns6": "https://gazette.example/bs/1",
        "ns7": "https://gazette.example/ts/1",
        "ns8": "https://gazette.example/ds/1",
        "ns9": "https://gazette.example/tab/1",
        "ns10": "https://gazette.example/line/1",
        "ns12": "https://xn--e1afmkfd.example/%D0%BF%D1%83%D1%82%D1%8C/1",
        "ns13": "https://news_desk.example/u/1",
        "ns14": "https://gazette.example/cr/1",
        "ns15": "https://gazette.example/aa?a=1&b=2",
    }


ARTICLE = "https://gazette.example/a/1"
ODD = [
    *("gazette.example/a/1", "www.gazette.example/a/1", "//gazette.example/a/1", "/a/1", "a/1", "./a/1"),
    "https:/gazette.example/a/1",
    *("https:////gazette.example/a/1", "https:gazette.example/a/1", "https//gazette.example/a/1"),
    "https:\\\\gazette.example\\a\\1",
    *("http://https://gazette.example/a/1", "https://https://gazette.example/a/1", "http:https://gazette.example/a/1"),
    *("https://gazette.example\\a\\1", "\\a\\1"),
    *("https://gazette.example/a/\n1", "https://gazette.\texample/a/1", "\r\nhttps://gazette.example/a/1\r\n"),
    *("\u200bhttps://gazette.example/a/1\ufeff", "\u00a0https://gazette.example/a/1\u00a0", '"https://gazette.example/a/1"'),
    *("<https://gazette.example/a/1>", "'https://gazette.example/a/1'", "https%3A%2F%2Fgazette.example%2Fa%2F1"),
    "HTTPS://GAZETTE.example/a/1",
    *('<a href="https://gazette.example/a/1">read</a>', "<a class=x href=https://gazette.example/a/1>"),
    "https://user:pw@gazette.example/a/1",
    *("https://gazette.example/a/1 https://gazette.example/a/2", "https://gazette.example:443/a/1", "https://gazette.example/b/../a/1"),
    *("https://gazette.example./a/1", "ht\ntps://gazette.example/a/1", "   /a/1  "),
]  # fmt: skip


@pytest.mark.parametrize("written", ODD)
def test_fault_feed_14_links_of_every_odd_shape(written: str) -> None:
    found = entries(f"<item><title>x</title><guid>1</guid><link>{escape(written)}</link></item>")[0]
    assert found.url.replace("www.", "") == ARTICLE


@pytest.mark.parametrize(
    "written",
    [
        *("feed://gazette.example/a", "feed:https://gazette.example/a", "feed://https://gazette.example/a"),
        *(
            "ttps://gazette.example/a",
            "hhttps://gazette.example/a",
            "htttps://gazette.example/a",
            "htps://gazette.example/a",
        ),
        *("[https://gazette.example/a]", "(https://gazette.example/a)", "{https://gazette.example/a}"),
    ],
)
def test_fault_feed_14_schemes_mistyped_and_links_in_brackets(written: str) -> None:
    assert links.absolute(SITE, written) == "https://gazette.example/a"


def test_fault_feed_14_a_bracket_at_the_end_alone_is_the_links_own() -> None:
    assert links.absolute(SITE, "https://gazette.example/Senn_(island)") == "https://gazette.example/Senn_(island)"
    assert links.absolute(SITE, "https-news/a") == "https://gazette.example/https-news/a"


@pytest.mark.parametrize(
    "written",
    [
        *(
            "javascript:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "mailto:a@gazette.example",
            "tel:112",
        ),
        *(
            "http://1.1.1.1\\@127.0.0.1/",
            "http://[::bad/",
            "https://",
            "http://https://",
            "about:blank",
            "ftp://gazette.example/a",
        ),
        *(
            "vbscript:x",
            "blob:https://gazette.example/1",
            "source:http://gazette.example/",
            "http://0x7f.1.1/",
            "https://gazette.example:99999/",
        ),
    ],
)
def test_fault_feed_14_what_is_unsafe_stays_no_link(written: str) -> None:
    assert entries(f"<item><title>x</title><guid>1</guid><link>{escape(written)}</link></item>")[0].url == ""


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ('<enclosure url="https://cdn.example/1.mp3" type="audio/mpeg"/>', "https://cdn.example/1.mp3"),
        ('<enclosure url="/1.mp4" type="video/mp4"/>', "https://gazette.example/1.mp4"),
        ('<enclosure url="cdn.example/1.mp3" type="audio/mpeg"/>', "https://cdn.example/1.mp3"),
        ('<enclosure url="https://i.example/logo.png" type="image/png"/>', ""),
        ('<enclosure url="https://i.example/logo.png" type=""/>', ""),
        ('<media:content url="https://cdn.example/2.mp3" type="audio/mpeg"/>', "https://cdn.example/2.mp3"),
        ('<media:content url="https://i.example/logo.jpg" medium="image"/>', ""),
        ('<link/><enclosure url="https://cdn.example/1.mp3" type="audio/mpeg"/>', "https://cdn.example/1.mp3"),
        ('<link>javascript:x</link><enclosure url="https://cdn.example/1.mp3"/>', "https://cdn.example/1.mp3"),
        (f'<link>{ARTICLE}</link><enclosure url="https://cdn.example/1.mp3"/>', ARTICLE),
        (f"<guid>{ARTICLE}</guid>", ARTICLE),
        (f'<guid isPermaLink="false">{ARTICLE}</guid>', ARTICLE),
        ('<guid isPermaLink="false">a1</guid>', ""),
        ('<guid isPermaLink="true">a/1</guid>', ""),
        ("<title>nothing else</title>", ""),
    ],
)  # fmt: skip
def test_fault_feed_11_the_address_from_wherever_it_stands(item: str, url: str) -> None:
    assert entries(f"<item><title>x</title>{item}</item>")[0].url == url


@pytest.mark.parametrize(
    ("attributes", "link", "url"),
    [
        ("", "/a/1", "https://gazette.example/a/1"),
        ("", "a/1", "https://gazette.example/a/1"),
        ('xml:base="https://base.example/x/"', "a/1", "https://base.example/x/a/1"),
        ('xml:base="https://base.example/x/"', "/a/1", "https://base.example/a/1"),
        ('xml:base="https://base.example/x/"', ARTICLE, ARTICLE),
        ('xml:base="/x/"', "a/1", "https://gazette.example/x/a/1"),
    ],
)
def test_fault_feed_14_relative_links_in_rss(attributes: str, link: str, url: str) -> None:
    assert entries(f"<item><title>x</title><link>{link}</link></item>", attributes=attributes)[0].url == url


def test_fault_feed_14_relative_links_in_rss_without_a_site() -> None:
    assert entries("<item><title>x</title><link>a/1</link></item>", site="")[0].url == "https://feeds.cdn.example/a/1"


@pytest.mark.parametrize(
    ("of_feed", "of_entry", "url"),
    [
        ("", "", "https://feeds.cdn.example/a/1"),
        ('xml:base="https://base.example/x/"', "", "https://base.example/x/a/1"),
        ('xml:base="https://base.example/x/"', 'xml:base="y/"', "https://base.example/x/y/a/1"),
        ("", 'xml:base="https://entry.example/"', "https://entry.example/a/1"),
        ('xml:base="/x/"', "", "https://feeds.cdn.example/x/a/1"),
    ],
)
def test_fault_feed_14_relative_links_in_atom(of_feed: str, of_entry: str, url: str) -> None:
    body = f'<feed xmlns="http://www.w3.org/2005/Atom" {of_feed}><title>T</title>'
    body += f'<link href="{SITE}"/><entry {of_entry}><id>1</id><title>x</title><link href="a/1"/></entry></feed>'
    assert parse(body.encode(), url=URL).entries[0].url == url


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=80), st.text("htps:/\\@.ae1%\t\n ?#[]", max_size=40)))
def test_fault_feed_14_any_text_is_a_clean_address_or_none(written: str) -> None:
    found = links.absolute(SITE, written)
    assert found == "" or found.startswith(("http://", "https://"))
    assert found.isascii()
    assert links.absolute(SITE, found) == found or not found
    links.unwrapped(written)


# --- aggregators ------------------------------------------------------------------------------------------------------


def test_fault_feed_17_google_news_names_the_outlet_beside_the_title() -> None:
    found = read("17-google-news.xml")
    assert {each.title for each in found} == {"Ferry crews of Senn walk out of talks"}
    assert [each.outlet for each in found] == ["Gazette", "Herald", "Tribune", "Courier"]
    assert all(each.outlet_host.endswith(".example") for each in found), "the host tells who publishes it"


@pytest.mark.parametrize(
    ("title", "source", "right"),
    [
        ("Talks fail - Herald", "Herald", "Talks fail"),
        ("Talks fail – Herald", "Herald", "Talks fail"),
        ("Talks fail | HERALD", "Herald", "Talks fail"),
        ("Talks - a failure - The Herald - Senn", "The Herald - Senn", "Talks - a failure"),
        ("Переговоры сорваны - Вестник", "Вестник", "Переговоры сорваны"),
        ("مذاکرات شکست خورد - طلوع‌نیوز", "طلوع‌نیوز", "مذاکرات شکست خورد"),
        ("Talks fail - Courier", "Herald", "Talks fail - Courier"),
        ("Talks fail - h.example", "Herald", "Talks fail"),
        ("Talks fail | www.h.example", "Herald", "Talks fail"),
        ("Herald", "Herald", "Herald"),
        ("Talks fail", "", "Talks fail"),
    ],
)
def test_fault_feed_17_only_the_outlets_own_name_leaves_the_title(title: str, source: str, right: str) -> None:
    link = "https://news.google.com/rss/articles/CBx?oc=5"
    item = f'<item><title>{title}</title><link>{link}</link><source url="https://h.example">{source}</source></item>'
    assert entries(item, site="https://news.google.com/")[0].title == right


def test_fault_feed_17_a_feeds_own_name_as_source_is_no_other_outlet() -> None:
    own = f'<item><title>x</title><link>{ARTICLE}</link><source url="https://www.gazette.example/feed">Gazette</source></item>'
    assert (entries(own)[0].outlet, entries(own)[0].outlet_host) == ("", "")
    planet = '<item><title>x</title><link>https://blog.example/1</link><source url="https://blog.example/feed">Blog</source></item>'
    assert entries(planet)[0].outlet == "Blog"


def token(url: str, *, phone: str = "") -> str:
    """A link of Google News as it was until 2024: a protocol buffer in base64."""

    def field(tag: int, value: bytes) -> bytes:
        size = len(value)
        return bytes([tag]) + (bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])) + value

    raw = (
        b"\x08\x13"
        + field(0x22, url.encode())
        + (b"\xd2\x01" + field(0, phone.encode())[1:] if phone else b"\xd2\x01\x00")
    )
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


REAL = "https://herald.example/news/ferry-strike"


@pytest.mark.parametrize(
    "link",
    [
        *(
            "https://www.google.com/amp/s/gazette.example/a/1",
            "https://gazette-example.cdn.ampproject.org/c/s/gazette.example/a/1",
        ),
        "https://cdn.ampproject.org/v/s/gazette.example/a/1",
        "https://translate.google.com/translate?sl=fa&u=https://gazette.example/a/1",
        "https://news.yandex.ru/story?url=https%3A%2F%2Fgazette.example%2Fa%2F1",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fgazette.example%2Fa%2F1&data=05",
        "https://getpocket.com/redirect?url=https%3A%2F%2Fgazette.example%2Fa%2F1",
    ],
)
def test_fault_feed_17_caches_and_redirectors_lead_to_the_article(link: str) -> None:
    assert links.unwrapped(link) == "https://gazette.example/a/1"


def test_fault_feed_17_a_cache_of_plain_http_and_a_page_that_is_no_cache() -> None:
    assert links.unwrapped("https://cdn.ampproject.org/c/gazette.example/a?x=1") == "http://gazette.example/a?x=1"
    assert links.unwrapped("https://www.google.com/amp/") == "https://www.google.com/amp/"


@pytest.mark.parametrize(
    ("link", "real"),
    [
        (f"https://news.google.com/rss/articles/{token(REAL)}?oc=5", REAL),
        (f"https://news.google.com/articles/{token(REAL, phone='https://amp.herald.example/x')}", REAL),
        (f"https://news.google.com/rss/articles/{token(REAL + '/' + 'x' * 150)}?oc=5", REAL + "/" + "x" * 150),
        ("https://news.google.com/rss/articles/CBGazette?oc=5", "https://news.google.com/rss/articles/CBGazette?oc=5"),
        ("https://www.google.com/url?rct=j&sa=t&url=https://herald.example/news/ferry-strike&ct=ga", REAL),
        ("https://www.google.co.uk/url?q=https%3A%2F%2Fherald.example%2Fnews%2Fferry-strike", REAL),
        (
            "http://www.bing.com/news/apiclick.aspx?ref=FexRss&url=https%3a%2f%2fherald.example%2fnews%2fferry-strike&c=1",
            REAL,
        ),
        (
            "https://r.search.yahoo.com/_ylt=A/RV=2/RE=1/RO=10/RU=https%3a%2f%2fherald.example%2fnews%2fferry-strike/RK=2/RS=x",
            REAL,
        ),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fherald.example%2Fnews%2Fferry-strike&h=1", REAL),
        ("https://www.google.com/url?url=javascript:alert(1)", "https://www.google.com/url?url=javascript:alert(1)"),
        (
            "https://herald.example/url?url=https://other.example/",
            "https://herald.example/url?url=https://other.example/",
        ),
    ],
)
def test_fault_feed_17_aggregators_links_lead_to_the_article(link: str, real: str) -> None:
    assert entries(f"<item><title>x</title><link>{escape(link)}</link></item>")[0].url == real


# --- when publishers want to be read ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written", ["180", " 180.0 ", "180 minutes", "3h", "3 hours", "PT3H", "<![CDATA[180]]>", "PT180M"]
)
def test_fault_feed_18_a_ttl_is_read_with_its_unit(written: str) -> None:
    parsed = parse(f"<rss><channel><title>T</title><ttl>{written}</ttl></channel></rss>".encode(), url=URL, now=NOW)
    assert parsed.wishes.ttl_for == timedelta(hours=3)


@pytest.mark.parametrize("hour", ["12", " 12 ", "12:00", "<![CDATA[12]]>"])
def test_fault_feed_18_an_hour_without_news_is_read_however_it_is_written(hour: str) -> None:
    head = f"<skipHours><hour>{hour}</hour><hour>13</hour></skipHours>"
    parsed = parse(f"<rss><channel><title>T</title>{head}</channel></rss>".encode(), url=URL, now=NOW)
    assert parsed.wishes.skip_hours == {12, 13}
