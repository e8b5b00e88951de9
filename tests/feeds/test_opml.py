"""OPML read and written: what readers export, what breaks it, what attacks with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from monitor.feeds.opml import MAX_OUTLINES, Listed, OpmlFile, read, write
from monitor.types.errors import ConfigError

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def opml(*outlines: str, head: str = "<?xml version='1.0' encoding='UTF-8'?>") -> bytes:
    lines = "\n".join(outlines)
    return f'{head}\n<opml version="2.0"><head><title>T</title></head><body>\n{lines}\n</body></opml>'.encode()


def feed(url: str, title: str = "A feed", more: str = "") -> str:
    return f'<outline type="rss" text="{title}" xmlUrl="{url}" {more}/>'


def test_feeds_come_with_titles_folders_and_lines() -> None:
    found = read(
        opml(
            feed("https://a.example/rss", "A", 'htmlUrl="https://a.example/" language="fa-AF"'),
            '<outline text="News"><outline title="Asia" text="x">',
            feed("https://b.example/rss", "B"),
            "</outline>",
            feed("https://c.example/rss", "C"),
            "</outline>",
            '<outline text="A note"/>',
        )
    ).outlines
    assert [(each.line, each.url[8:9], each.title, each.folder) for each in found] == [
        (3, "a", "A", ""),
        (5, "b", "B", "News / Asia"),
        (7, "c", "C", "News"),
        (9, "", "A note", ""),
    ]
    assert found[0].language == "fa-AF"


def test_names_of_attributes_in_any_case_and_feeds_that_hold_feeds() -> None:
    found = read(opml(f'<outline TEXT="A" XMLURL="https://a.example/"> {feed("https://b.example/", "B")} </outline>'))
    assert [(each.title, each.url, each.folder) for each in found.outlines] == [
        ("A", "https://a.example/", ""),
        ("B", "https://b.example/", "A"),
    ]


@pytest.mark.parametrize(
    ("title", "reads"),
    [
        ("R&D & more", "R&D & more"),
        ("caf&eacute; &nbsp;news", "café news"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("&#1040;фиша", "Афиша"),
        ("افغانستان &", "افغانستان &"),
        ("<b>bold</b>".replace("<", "&lt;"), "bold"),
    ],
)
def test_titles_as_readers_write_them(title: str, reads: str) -> None:
    found = read(opml(feed("https://a.example/?a=1&b=2", title)))
    assert [(each.title, each.url) for each in found.outlines] == [(reads, "https://a.example/?a=1&b=2")]
    assert found.damage == ""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1251", "koi8-r"])
def test_encodings(encoding: str) -> None:
    name = encoding.removesuffix("-sig")
    document = opml(feed("https://a.example/", "Новости"), head=f"<?xml version='1.0' encoding='{name}'?>")
    assert [each.title for each in read(document.decode().encode(encoding)).outlines] == ["Новости"]


def test_of_a_file_that_is_cut_off_what_is_there_is_read_and_the_damage_is_told() -> None:
    whole = opml(*(feed(f"https://a.example/{number}") for number in range(10)))
    found = read(whole[: whole.index(b"/7")])
    assert [each.url[-1] for each in found.outlines[:7]] == list("0123456")
    assert "damaged" in found.damage


# --- what is refused --------------------------------------------------------------------------------------------------

BOMB = (
    '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    + "".join(f'<!ENTITY c{n} "{f"&c{n - 1};" * 10 if n else "&b;" * 10}">' for n in range(9))
    + "]>"
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        '<!DOCTYPE opml [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE opml [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>',
        '<!doctype opml [<!entity x "y">]>',
    ],
)
def test_u14_entities_are_refused_in_every_encoding(doctype: str, encoding: str) -> None:
    body = f'{doctype}<opml version="2.0"><body><outline text="&x;&c8;" xmlUrl="https://a.example/&x;"/></body></opml>'
    with pytest.raises(ConfigError):
        read(body.encode(encoding))


def test_u14_a_doctype_that_names_a_file_or_a_server_reads_neither() -> None:
    for place in ("file:///etc/passwd", "http://127.0.0.1:9/opml.dtd"):
        head = f'<!DOCTYPE opml SYSTEM "{place}">'
        (found,) = read(opml(feed("https://a.example/", "&x; A"), head=head)).outlines
        assert found.title == "&x; A"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "empty"),
        (b"   \n", "empty"),
        (b"PK\x03\x04 a zip", "no XML"),
        (b"https://a.example/\nhttps://b.example/", "no XML"),
        (b"<rss version='2.0'><channel/></rss>", "it is a feed itself"),
        (b"<html><body/></html>", "it begins with <html>"),
        (b"<opml>" + b"x" * 10_000_000, "more than 10 MB"),
    ],
)
def test_what_is_no_opml_is_refused_with_its_mend(document: bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        read(document)


def test_more_outlines_than_anybody_reads_are_refused() -> None:
    with pytest.raises(ConfigError, match="20,000"):
        read(opml(*(feed(f"https://a.example/{number}") for number in range(MAX_OUTLINES + 1))))


def test_deep_nesting_ends() -> None:
    deep = "<outline text='x'>" * 5_000 + feed("https://a.example/") + "</outline>" * 5_000
    assert read(opml(deep)).damage


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_with_a_mend_or_read_as_far_as_they_go(body: bytes) -> None:
    whole = opml(feed("https://a.example/"))
    for document, before in ((body, set()), (b"<opml><body>" + body, set()), (whole + body, {"https://a.example/"})):
        found = read_or_refused(document)
        assert str(found) if isinstance(found, ConfigError) else before <= {each.url for each in found.outlines}


def read_or_refused(document: bytes) -> OpmlFile | ConfigError:
    try:
        return read(document)
    except ConfigError as refusal:
        return refusal


# --- written ----------------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=60), st.text(max_size=60)).map(
            lambda pair: Listed(url=f"https://a.example/{len(pair[0])}", title=pair[0], site_url=pair[1])
        ),
        max_size=5,
    )
)
def test_what_is_written_is_opml_that_reads_back(feeds: list[Listed]) -> None:
    document = write(feeds, title="Feeds\x00 <of> & ours", now=NOW)
    root = etree.fromstring(document)
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    assert [each.get("type") for each in root.iter("outline")] == ["rss"] * len(feeds)
    assert [each.url for each in read(document).outlines] == [each.url for each in feeds]


def test_another_reader_takes_it() -> None:
    """feedparser reads OPML's xmlUrl as feeds."""
    listed = Listed(
        url="https://a.example/?a=1&b=2", title='The "Herald" <1>', site_url="https://a.example/", language="fa"
    )
    document = write([listed], title="Feeds", now=NOW)
    (outline,) = etree.fromstring(document).iter("outline")
    assert dict(outline.attrib) == {
        "type": "rss",
        "text": listed.title,
        "title": listed.title,
        "xmlUrl": listed.url,
        "htmlUrl": listed.site_url,
        "language": "fa",
    }
    assert not feedparser.parse(document)["bozo"]
    assert etree.fromstring(document).findtext("head/dateCreated") == "Fri, 20 Nov 2026 12:00:00 +0000"
