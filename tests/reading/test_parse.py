"""Feed parsing: sample documents with their expected results, known cases, mutated feeds."""

from __future__ import annotations

import json
import socket
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.reading import parse as module
from monitor.reading.extract import extract
from monitor.reading.parse import parse
from monitor.types.errors import ParseError
from monitor.types.fetching import MAX_SUMMARY_HTML, Entry, ParsedFeed
from tests.fakes.patience import grows_evenly

SAMPLES = Path(__file__).parents[1] / "data" / "feeds"
TWINS = sorted(SAMPLES.glob("*.expected.json"))
SEEN_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URL = "https://feeds.example.org/all.xml"


def rss(items: str | bytes, head: str = '<?xml version="1.0"?>') -> bytes:
    body = items.encode("utf-8", "surrogatepass") if isinstance(items, str) else items
    return head.encode() + b'<rss version="2.0"><channel><title>T</title>' + body + b"</channel></rss>"


def item(guid: str = "", title: str = "", link: str = "", **more: str) -> str:
    fields = {"guid": guid, "title": title, "link": link, **more}
    return "<item>" + "".join(f"<{name}>{value}</{name}>" for name, value in fields.items() if value) + "</item>"


def code_of(body: bytes, media_type: str = "") -> str:
    with pytest.raises(ParseError) as caught:
        parse(body, url=URL, media_type=media_type)
    return caught.value.code


# --- samples ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("twin", TWINS, ids=[each.name.removesuffix(".expected.json") for each in TWINS])
def test_a_sample_says_what_its_twin_says(twin: Path) -> None:
    sample: dict[str, Any] = json.loads(twin.read_text())
    body = twin.with_name(twin.name.removesuffix(".expected.json")).read_bytes()
    feed = parse(body, url=sample.get("url", URL), media_type=sample.get("media_type", ""))
    expected = sample["expected"]
    found = _as_json(feed)
    assert {key: found[key] for key in expected if key != "entries"} == {
        k: v for k, v in expected.items() if k != "entries"
    }
    assert len(feed.entries) == len(expected["entries"])
    for entry, wanted in zip(found["entries"], expected["entries"], strict=True):
        assert {key: entry[key] for key in wanted} == wanted
    assert len({entry.guid for entry in feed.entries}) == len(feed.entries)
    if "article_languages" in sample:
        articles = [extract(each, source="s", seen_at=SEEN_AT, feed_language=feed.language) for each in feed.entries]
        assert [article.language for article in articles] == sample["article_languages"]


def _as_json(feed: ParsedFeed) -> dict[str, Any]:
    found = asdict(feed)
    found["skip_hours"] = sorted(feed.wishes.skip_hours)
    found["ttl_minutes"] = feed.wishes.ttl_for and feed.wishes.ttl_for / timedelta(minutes=1)
    for entry in found["entries"]:
        entry["published_at"] = entry["published_at"] and entry["published_at"].isoformat()
    return found


# --- what is no feed --------------------------------------------------------------------------------------------------


def test_f16_a_web_page_is_not_a_feed() -> None:
    page = (
        b"<!-- hello --><!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking</body></html>"
    )
    assert code_of(page, "text/html") == "not a feed"


def test_f16_a_page_names_the_feed_it_offers() -> None:
    page = b'<html><link rel=stylesheet href=/s.css><link rel="alternate" type="application/rss+xml" href="/feed?a=1&amp;b=2">'
    with pytest.raises(
        ParseError, match=r"web page, not a feed; it offers the feed https://feeds\.example\.org/feed\?a=1&b=2"
    ):
        parse(page, url=URL)


def test_f16_a_page_that_offers_something_unsafe_offers_nothing() -> None:
    with pytest.raises(ParseError, match=r"not a feed$"):
        parse(b'<html><link type="application/atom+xml" href="javascript:alert(1)">', url=URL)


def test_f17_an_empty_answer_is_not_a_feed() -> None:
    assert code_of(b"") == code_of(b" \n\t") == code_of(b"\xef\xbb\xbf") == "not a feed"


@pytest.mark.parametrize(
    "body", [b"<rss/>", b"<rss></rss>", b"<feed/>", b"<rdf:RDF></rdf:RDF>", rss(""), b"\xff\xfe<\0r\0s\0s\0/\0>\0"]
)
def test_f17_a_feed_without_items_is_a_feed(body: bytes) -> None:
    assert parse(body, url=URL).entries == ()


def test_f17_a_feed_cut_off_before_its_first_item_is_broken_rather_than_empty() -> None:
    assert code_of(rss(item("1", "one"))[:60]) == "broken"


@pytest.mark.parametrize(
    "body", [b"<opml/>", b"<urlset></urlset>", b"{}", b'{"items": 3}', b"hello", b"\x00\x01", b"<note>x</note>"]
)
def test_documents_of_other_kinds_are_not_feeds(body: bytes) -> None:
    assert code_of(body) == "not a feed"


@pytest.mark.parametrize(
    "body", [b"{", b'{"a": }', b"[" * 100_000, b'{"items":[' + b"9" * 5000 + b"]}", b'{"a":"\xff}']
)
def test_broken_json_is_broken(body: bytes) -> None:
    assert code_of(body) == "broken"


# --- identity ---------------------------------------------------------------------------------------------------------


def test_f18_without_a_guid_link_and_title_stand_for_it() -> None:
    body = rss(
        item(title="one", link="https://e.org/1") + item(title="two", link="https://e.org/1") + item(title="three")
    )
    first, again = parse(body, url=URL).entries, parse(body, url=URL).entries
    assert [entry.guid for entry in first] == [entry.guid for entry in again]
    assert len({entry.guid for entry in first}) == 3


def test_f18_two_items_with_one_guid_are_both_kept_in_any_order() -> None:
    one, two = item("same", "one", "https://e.org/1"), item("same", "two", "https://e.org/2")
    forward, backward = parse(rss(one + two), url=URL).entries, parse(rss(two + one), url=URL).entries
    assert {entry.title: entry.guid for entry in forward} == {entry.title: entry.guid for entry in backward}
    assert all(entry.guid.startswith("same#") for entry in forward)
    assert forward[0].guid != forward[1].guid


def test_f18_an_item_given_twice_is_kept_once_and_noted() -> None:
    feed = parse(rss(item("1", "one", "https://e.org/1") * 2), url=URL)
    assert len(feed.entries) == 1
    assert feed.notes == ("1 entries were given twice",)


def test_f18_untitled_items_are_told_apart_by_their_text() -> None:
    feed = parse(rss(item(description="a note") + item(description="another note")), url=URL)
    assert len({entry.guid for entry in feed.entries}) == 2


def test_f19_only_the_first_thousand_items_are_kept_and_the_rest_counted() -> None:
    feed = parse(rss("".join(item(str(n), f"title {n}") for n in range(5000))), url=URL)
    assert len(feed.entries) == 1000
    # Without dates, both ends may be the newer one.
    assert [feed.entries[0].guid, feed.entries[999].guid] == ["0", "4999"]
    assert feed.notes == ("kept the newest 1000 of 5000 entries",)


def test_f19_a_json_feed_is_cut_as_well() -> None:
    items = [{"id": str(n), "title": "x"} for n in range(1500)]
    body = json.dumps({"version": "https://jsonfeed.org/version/1", "items": items}).encode()
    assert parse(body, url=URL).notes == ("kept the newest 1000 of 1500 entries",)


# --- documents that misbehave -----------------------------------------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "ha"}">' for n in range(10))


@pytest.mark.parametrize(
    "dtd",
    [
        LAUGHS,
        f'<!ENTITY a9 "{"a" * 100_000}">',
        '<!ENTITY a9 SYSTEM "file:///etc/hostname">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;',
    ],
    ids=["laughs", "quadratic", "file", "parameter"],
)
def test_x1_entities_are_not_expanded_and_nothing_is_read(dtd: str) -> None:
    body = rss(item("1", "&a9;" * 1000) + item("2", "fine"), f'<?xml version="1.0"?><!DOCTYPE rss [{dtd}]>')
    one, two = parse(body, url=URL).entries
    assert len(one.title) <= 1000
    assert Path("/etc/hostname").read_text().strip() not in one.title or not Path("/etc/hostname").read_text().strip()
    assert two.title == "fine"


def test_x1_an_external_dtd_is_not_fetched() -> None:
    with _listener() as listener:
        dtd = f'<!DOCTYPE rss SYSTEM "http://127.0.0.1:{listener.getsockname()[1]}/x.dtd">'
        assert len(parse(rss(item("1", "one"), dtd), url=URL).entries) == 1
        _nobody_called(listener)


@pytest.mark.parametrize("reference", ["&#xD800;", "&#55296;", "&#x110000;", "&#9999999999999;", "&#x0;", "&#0000;"])
def test_x4_characters_that_do_not_exist_cost_one_title_at_most(reference: str) -> None:
    one, two = parse(rss(item("1", f"a{reference}b") + item("2", "fine")), url=URL).entries
    assert (one.title, two.title) == ("a\ufffdb", "fine")


def test_x4_a_backslash_in_a_doctype_does_not_stop_the_rest() -> None:
    body = rss(item("1", "fine"), '<?xml version="1.0"?>\n<!DOCTYPE rss [\n<!ENTITY a "C:\\data">\n]>\n')
    feed = parse(body, url=URL)
    assert [entry.title for entry in feed.entries] == ["fine"]
    assert feed.notes == ("read only after its DOCTYPE and prefixes were taken away",)


def test_x5_a_body_that_names_a_file_or_address_opens_nothing() -> None:
    with _listener() as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for body in (
            "/etc/hostname",
            f"http://{address}/x",
            f"feed:http://{address}/x",
            f"file://{SAMPLES}/agency.rss",
        ):
            assert code_of(body.encode()) == "not a feed"
        _nobody_called(listener)


def test_x6_nul_and_surrogates_never_leave() -> None:
    xml = parse(rss(item("1\x00", "a\x00b", "https://e.org/\x00")), url=URL).entries[0]
    body = '{"version":"https://jsonfeed.org/version/1","items":[{"id":"\\u0000x","title":"a\\ud800b"},{"id":"2"}]}'
    first, second = parse(body.encode(), url=URL).entries
    for entry in (xml, first, second):
        assert "\x00" not in f"{entry.guid}{entry.title}{entry.url}"
        f"{entry.guid}{entry.title}".encode()
    assert (first.title, second.guid) == ("ab", "2")


STRANGE = [
    "utf-7",
    "utf-16",
    "bogus-99",
    "zlib_codec",
    "base64",
    "rot13",
    "idna",
    "punycode",
    "undefined",
    "unicode_escape",
]


@pytest.mark.parametrize("name", [*STRANGE, "raw_unicode_escape", "hex", "\xff", "\x00", ""])
def test_x7_an_encoding_that_is_none_is_ignored(name: str) -> None:
    body = rss(item("1", "Grüße", description="x" * 200_000), f'<?xml version="1.0" encoding="{name}"?>')
    for media_type in ("", "text/xml", f"application/rss+xml; charset={name}", 'text/xml; charset="'):
        assert parse(body, url=URL, media_type=media_type).entries[0].title == "Grüße"


@pytest.mark.parametrize(
    ("encoding", "title"),
    [
        ("utf-16", "Grüße"),
        ("utf-32", "Grüße"),
        ("utf-8-sig", "Grüße"),
        ("shift_jis", "タリバン政権"),
        ("gb18030", "塔利班政府"),
        ("koi8-r", "Талибан"),
        ("windows-1252", "“Grüße” €"),
    ],
)
def test_x7_text_comes_out_right_from_its_encoding(encoding: str, title: str) -> None:
    declared = encoding.removesuffix("-sig")
    body = rss(item("1", title), f'<?xml version="1.0" encoding="{declared}"?>').decode().encode(encoding)
    assert parse(body, url=URL).entries[0].title == title
    assert parse(body, url=URL, media_type="text/xml").entries[0].title == title


def test_x7_windows_quotes_in_a_feed_that_says_utf_8() -> None:
    body = rss("<item><title>“quoted”</title></item>".encode("windows-1252"), '<?xml version="1.0" encoding="utf-8"?>')
    assert parse(body, url=URL).entries[0].title == "“quoted”"


def test_x7_utf_8_in_a_feed_whose_header_says_latin_1() -> None:
    body = rss(item("1", "Grüße"), '<?xml version="1.0" encoding="utf-8"?>')
    assert parse(body, url=URL, media_type="text/xml; charset=iso-8859-1").entries[0].title == "Grüße"


def test_x8_everything_is_stored_cut() -> None:
    categories = "<category>c</category>" * 10_000
    huge = item("g" * 5_000_000, "t" * 1_000_000, "https://e.org/" + "u" * 64_000, author="a" * 100_000)
    huge = huge.replace("</item>", f"{categories}<description>{'d ' * 500_000}</description></item>")
    entry = parse(rss(huge), url=URL).entries[0]
    assert len(entry.title) == module.MAX_TITLE
    assert len(entry.guid) == 64
    assert len(entry.author) == module.MAX_AUTHOR
    assert len(entry.summary_html) <= MAX_SUMMARY_HTML
    assert entry.url == ""


@pytest.mark.parametrize("element", ["author", "managingEditor", "dc:creator", "webMaster", "itunes:author"])
def test_a_long_author_costs_no_more_than_its_length(element: str) -> None:
    def read(times: int) -> None:
        body = rss(item("1", "one").replace("</item>", f"<{element}>{'a' * 20_000 * times}</{element}></item>"))
        assert [each.guid for each in parse(body, url=URL).entries] == ["1"]

    assert grows_evenly(read)


def test_an_authors_mail_address_is_found_as_before() -> None:
    body = rss(item("1", "one", author="ida@example.org (Ida Marsh)"))
    assert parse(body, url=URL).entries[0].author == "ida@example.org (Ida Marsh)"


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", " java\tscript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://[::bad/"],
)
def test_u2_unsafe_links_are_no_links(link: str) -> None:
    assert parse(rss(item("1", "one", link)), url=URL).entries[0].url == ""


# --- the feed's own wishes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channel", "wish"),
    [
        ("<ttl>90</ttl>", timedelta(minutes=90)),
        ("<ttl>0</ttl>", None),
        ("<ttl>-5</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>999999</ttl>", timedelta(days=30)),
        ("<ttl>99999999999999999999</ttl>", None),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>", timedelta(hours=6)),
        ("<sy:updatePeriod>never</sy:updatePeriod>", None),
    ],
)
def test_f25_the_publishers_own_interval_is_read(channel: str, wish: timedelta | None) -> None:
    body = f'<rss xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel>{channel}</channel></rss>'
    assert parse(body.encode(), url=URL).wishes.ttl_for == wish


def test_feedburners_original_address_is_preferred_to_its_redirect() -> None:
    original = '<f:origLink xmlns:f="http://rssnamespace.org/feedburner/ext/1.0">https://e.org/real</f:origLink>'
    body = rss(item("1", "one", "https://feedproxy.example/x").replace("</item>", f"{original}</item>"))
    assert parse(body, url=URL).entries[0].url == "https://e.org/real"


# --- anything at all --------------------------------------------------------------------------------------------------

_BODIES = [each.with_name(each.name.removesuffix(".expected.json")).read_bytes() for each in TWINS]
_PIECES = [
    b"<item>",
    b"</item>",
    b"<![CDATA[",
    b"]]>",
    b"&",
    b"&#",
    b"<",
    b"\x00",
    b"\xff\xfe",
    b"<!DOCTYPE x [",
    b"<!--",
    b"{",
    b'"',
    b"<b>",
]


@st.composite
def mutated_feeds(draw: st.DrawFn) -> bytes:
    body = draw(st.sampled_from(_BODIES))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 80)))
        body = body[:start] + draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=8))) + body[end:]
    return body


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(mutated_feeds(), st.binary(max_size=300)),
    st.sampled_from(["", "text/xml", "application/json", "x; charset=\x00"]),
)
def test_x11_whatever_the_bytes_they_give_a_feed_or_a_parse_error(body: bytes, media_type: str) -> None:
    try:
        feed = parse(body, url=URL, media_type=media_type)
    except ParseError:
        return
    for entry in feed.entries:
        article = extract(entry, source="s", seen_at=SEEN_AT, feed_language=feed.language)
        _storable(entry)
        assert article.published_at <= SEEN_AT
        f"{article.title}{article.text}".encode()


def _storable(entry: Entry) -> None:
    for field in (entry.guid, entry.url, entry.title, entry.author, entry.summary_html, entry.content_html):
        field.encode()
        assert "\x00" not in field
    assert entry.guid
    assert entry.url == "" or entry.url.startswith(("http://", "https://"))


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def _nobody_called(listener: socket.socket) -> None:
    listener.settimeout(0.2)
    with pytest.raises(TimeoutError):
        listener.accept()
