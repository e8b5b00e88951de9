"""A paper publishes again and again: only what is new is read, and what comes out is what the whole document says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.reading import delta, parse
from monitor.reading.delta import Delta
from monitor.types.digests import content_key, key_of
from monitor.types.fetching import KnownEntries

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)
URL = "https://paper.example/feed"
RSS = '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Paper</title>{head}%s{tail}</channel></rss>'
ATOM = '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Paper</title>{head}%s{tail}</feed>'
RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Paper</title>{head}</channel>%s{tail}</rdf:RDF>'
)


def item(number: int, *, more: str = "", at: str = "") -> str:
    at = at or f"Fri, 13 Nov 2026 {number % 24:02}:00:00 GMT"
    return (
        f"<item><title>Ferry {number} &amp; quay</title><link>/2026/{number}</link><guid isPermaLink='false'>f{number}</guid>"
        f"<pubDate>{at}</pubDate><description><![CDATA[<p>The ferry sailed {number} times.</p>]]></description>{more}</item>"
    )


def entry(number: int) -> str:
    return (
        f"<entry><title>Ferry {number}</title><link href='/2026/{number}'/><id>f{number}</id><updated>2026-11-13T0"
        f"{number % 9}:00:00Z</updated><content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'>It sails.</div>"
        "</content></entry>"
    )


def rdf_item(number: int) -> str:
    return (
        f"<item rdf:about='f{number}'><title>Ferry {number}</title><link>/2026/{number}</link>"
        f"<dc:date>2026-11-13T0{number % 9}:00:00Z</dc:date><description>It sails.</description></item>"
    )


def document(elements: Sequence[str], frame: str = RSS, head: str = "", tail: str = "") -> bytes:
    return (frame % "\n".join(elements)).format(head=head, tail=tail).encode()


def read(body: bytes, known: KnownEntries | None = None, now: datetime = NOON) -> Delta:
    """Read, and see that nothing of the whole document is missing or other than it is."""
    found = delta.read(body, URL, "", now, known)
    whole = parse.parse(body, url=URL, now=now)
    keys = {(each.guid_key, each.content_key) for each in found.feed.known}
    assert found.feed.entries == tuple(
        each for each in whole.entries if (key_of(each.guid), content_key(each)) not in keys
    )
    assert replace(found.feed, entries=(), known=()) == replace(whole, entries=())
    assert found.feed.size == len(whole.entries)
    return found


def remembered(body: bytes) -> KnownEntries:
    known = read(body).known
    assert known
    return known


@pytest.mark.parametrize(("frame", "made"), [(RSS, item), (ATOM, entry), (RDF, rdf_item)])
def test_only_what_is_new_is_read(frame: str, made: object) -> None:
    assert callable(made)
    elements = [made(number) for number in range(9)]
    known = remembered(document(elements[:7], frame))
    found = read(document([*elements[7:], *elements[2:7]], frame), known)
    assert [each.title.partition(" &")[0] for each in found.feed.entries] == ["Ferry 7", "Ferry 8"]
    assert len(found.feed.known) == 5
    # and again, when these are known and nothing is new but the time at which the feed was made
    again = read(document([*elements[7:], *elements[2:7]], frame, head="<!-- made in .2 s -->"), found.known)
    assert (len(again.feed.entries), len(again.feed.known), again.known) == (0, 7, found.known)


def test_any_part_of_a_document_may_be_known() -> None:
    dice = random.Random(4)
    elements = [item(number) for number in range(12)]
    for _ in range(60):
        known = remembered(document(dice.sample(elements, dice.randint(1, 12))))
        assert read(document(dice.sample(elements, dice.randint(1, 12))), known).known


def test_an_entry_that_was_changed_in_place_is_read_again() -> None:
    elements = [item(number) for number in range(5)]
    known = remembered(document(elements))
    elements[3] = elements[3].replace("3 times", "33 times")
    found = read(document(elements), known)
    assert ["33 times" in each.summary_html for each in found.feed.entries] == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"head": "<language>fr</language>"},
        {"head": "<link>https://another.example/</link>"},
        {"tail": "<link>https://another.example/</link>"},
        {"frame": RSS.replace("<rss ", "<rss xml:base='https://another.example/' ")},
        {"frame": RSS.replace("<rss ", "<rss xml:lang='fr' ")},
    ],
)
def test_what_stands_around_the_entries_has_changed_so_all_are_read(change: dict[str, str]) -> None:
    elements = [item(number) for number in range(5)]
    known = remembered(document(elements))
    assert len(read(document(elements, **change), known).feed.entries) == 5


def test_what_changes_with_every_document_bears_on_no_entry() -> None:
    elements = [item(number) for number in range(5)]
    known = remembered(document(elements, head="<lastBuildDate>Fri, 13 Nov 2026 10:00:00 GMT</lastBuildDate>"))
    found = read(document(elements, head="<lastBuildDate>Sat, 14 Nov 2026 10:00:00 GMT</lastBuildDate>"), known)
    assert len(found.feed.known) == 5


@pytest.mark.parametrize(
    "new",
    [
        item(3).replace("Ferry 3", "Tram 3"),  # the guid of another one that is still there
        item(9, at="5/6/2026 10:00"),  # a day that the others explain
        item(9, at="Fri, 13 Nov 2099 10:00:00 GMT"),  # too far ahead to be believed
        item(9, at=""),
        item(9, at="yesterday"),
        item(9).replace("<pubDate>", "<!--").replace("</pubDate>", "-->"),
        item(9, more="<media xml:base='https://another.example/'/>"),
        item(9, more="<x:y xmlns:x='urn:x'>1</x:y>"),
        item(9, more="<!-- <item> -->"),
        item(9, more="&nbsp;"),
        item(9, more="<b>"),
        item(9) + "<ttl>60</ttl>",
        item(9) * 2,
    ],
)
def test_what_may_bear_on_other_entries_makes_all_of_them_read(new: str) -> None:
    elements = [item(number) for number in range(5)]
    known = remembered(document(elements))
    found = read(document([new, *elements]), known)
    is_plain = new == item(9, at="")
    assert bool(found.feed.known) == is_plain


def test_a_document_that_defines_its_entities_is_read_in_full() -> None:
    body = b"<!DOCTYPE rss [<!ENTITY town 'Marlbridge'>]>" + document(
        [item(1), item(2, more="<category>&town;</category>")]
    )
    assert read(body).known is None


def test_all_is_read_once_a_day() -> None:
    body = document([item(number) for number in range(5)])
    known = remembered(body)
    assert read(body, known, NOON + timedelta(hours=23)).feed.known
    checked = read(body, known, NOON + timedelta(hours=25))
    assert (len(checked.feed.entries), checked.wrong) == (5, 0)
    assert checked.known
    assert checked.known.in_full_at == NOON + timedelta(hours=25)


def test_an_entry_that_is_no_more_what_was_read_is_found_and_the_feed_is_read_in_full_from_then_on() -> None:
    body = document([item(number) for number in range(5)])
    known = remembered(body)
    entries = [each._replace(value_key=7) if place == 4 else each for place, each in enumerate(known.entries)]
    off = read(body, replace(known, entries=tuple(entries)), NOON + timedelta(hours=25))
    assert (len(off.feed.entries), off.wrong) == (5, 1)
    later = read(body, off.known, NOON + timedelta(days=20))
    assert (len(later.feed.entries), later.wrong, later.known) == (5, 0, off.known)
    assert read(body, off.known, NOON + timedelta(days=40)).known != off.known


def test_the_known_entry_that_is_read_each_time_is_not_what_it_was_so_all_are_read_at_once() -> None:
    elements = [item(number) for number in range(5)]
    known = remembered(document(elements))
    entries = (known.entries[0]._replace(value_key=7), *known.entries[1:])
    found = read(document([item(9), *elements]), replace(known, entries=entries))
    assert (len(found.feed.entries), found.wrong) == (6, 1)


def test_a_date_far_ahead_that_comes_near_is_no_reason_to_distrust_what_was_read() -> None:
    """An event is announced under the day of its announcement: once its own date is believed, it is another than before."""
    event = item(9, at="Mon, 16 Nov 2026 10:00:00 GMT").replace("/2026/9<", "/2026/11/13/9<")
    body = document([*(item(number) for number in range(5)), event])
    known = remembered(body)
    later = read(body, known, NOON + timedelta(hours=25))
    assert (len(later.feed.entries), later.wrong) == (6, 0)
    assert later.known
    assert later.known.entries == known.entries


def test_another_release_reads_all_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    body = document([item(number) for number in range(5)])
    known = remembered(body)
    monkeypatch.setattr(delta, "_code_key", lambda: b"another")
    assert len(read(body, known).feed.entries) == 5
