"""Reads of a feed's document only the entries that were not read before. Pure, but slow on some input, as `parse` is.

Reading a feed is mostly feedparser's work, and nine in ten entries stood in the document before, byte for byte. These are taken
out of it, and the rest is read as any document. The entries that come out are those of the whole document:

- what stands around the entries is always read; where it differs from the last time in more than dates, all is read;
- all is read where entries may bear on one another: in what is not well-formed, declares entities, gives two entries one guid, has
  dates that are explained by others, or leaves something behind in feedparser;
- one entry that is known is read with the new ones each time, and all of them once a day: where one of them is no more what it was,
  the feed is read in full from then on.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import feedparser

from monitor.reading import elements, entry_dates, parse, slices
from monitor.reading.parse import Document, Reading
from monitor.reading.raw_entry import date_strings
from monitor.reading.slices import Slices
from monitor.text import publication_dates
from monitor.types.digests import content_key, key_of
from monitor.types.errors import ParseError
from monitor.types.fetching import Delta, Entry, KnownEntries, KnownEntry

IN_FULL_EVERY = timedelta(hours=24)
"""All of a document is read so often, to check what was not."""
OFF_FOR = timedelta(days=30)
"""A feed of which an entry was not what it was to be is read in full for so long."""
_DATE = re.compile(
    rb"<((?:\w{1,20}:)?(?:lastBuildDate|pubDate|updated|modified|date))(?:\s[^<>]*)?>[^<]*</\1\s*>|<!--.*?-->", re.S
)
"""What changes around entries whenever one is added, and bears on none."""
_CODE = ("monitor.reading", "monitor.text", "monitor.types")
"""The code that reads, and what an entry is: where it changes, all is read."""


def read(body: bytes, url: str, media_type: str, now: datetime, known: KnownEntries | None) -> Delta:
    """The entries of a document that are not `known`, what was read of the last one; all where nothing is known. Raises ParseError
    as `parse` does."""
    document = parse.prepare(body, url=url, media_type=media_type)
    pieces = None if document.xml is None or document.notes else slices.of(document.xml)
    if pieces is None:
        return Delta(parse.read(document, url=url, now=now).feed, None)
    frame_key = _frame_key(pieces, url)
    usable = known if known and known.frame_key == frame_key else None
    if usable and usable.entries and timedelta() <= now - usable.in_full_at < IN_FULL_EVERY:
        found = _read_new(document, pieces, usable, url, now)
        if found:
            return found
    return _read_all(document, pieces, frame_key, usable, url, now)


def _read_new(document: Document, pieces: Slices, known: KnownEntries, url: str, now: datetime) -> Delta | None:
    """What is new, read without the rest; None where that is not the same as to read all."""
    keys = [key_of(each) for each in pieces.elements]
    by_key = {each.element_key: each for each in known.entries}
    places = [place for place, key in enumerate(keys) if key in by_key]
    if not places or len(set(keys)) < len(keys):
        return None
    # The first one stays the first: what stands before it may bear on it, and only on it.
    taken = [place for place, key in enumerate(keys) if key not in by_key or place in (0, places[0])]
    xml = pieces.head + b"\n".join(pieces.elements[place] for place in taken) + pieces.tail
    try:
        reading = parse.read(replace(document, xml=xml), url=url, now=now)
    except ParseError:
        return None
    if not _is_regular(reading, len(taken)):
        return None
    read = {
        place: (entry, _known(keys[place], entry, raw))
        for place, entry, raw in zip(taken, reading.feed.entries, reading.raw["entries"], strict=True)
    }
    new = [place for place in taken if keys[place] not in by_key]
    entries = tuple(read[place][1] if place in read else by_key[key] for place, key in enumerate(keys))
    is_as_before = all(read[place][1] == by_key[keys[place]] for place in taken if keys[place] in by_key)
    is_alone = all(_explains_itself(reading.raw["entries"][taken.index(place)], read[place][0], now) for place in new)
    if not is_as_before or not is_alone or len({each.guid_key for each in entries}) < len(entries):
        return None
    return Delta(
        replace(reading.feed, entries=tuple(read[place][0] for place in new), known=tuple(entries[p] for p in places)),
        replace(known, entries=entries),
    )


def _read_all(
    document: Document, pieces: Slices, frame_key: int, known: KnownEntries | None, url: str, now: datetime
) -> Delta:
    reading = parse.read(document, url=url, now=now)
    if not _is_regular(reading, len(pieces.elements)):
        return Delta(reading.feed, None)
    if known and not known.entries and now - known.in_full_at < OFF_FOR:
        return Delta(reading.feed, known)
    keys = [key_of(each) for each in pieces.elements]
    entries = tuple(map(_known, keys, reading.feed.entries, reading.raw["entries"]))
    before = {each.element_key: each for each in known.entries} if known else {}
    wrong = sum(before.get(each.element_key, each) != each for each in entries)
    kept = KnownEntries(frame_key=frame_key, entries=() if wrong else entries, in_full_at=now)
    return Delta(reading.feed, kept, wrong)


def _is_regular(reading: Reading, size: int) -> bool:
    """Whether each entry was read by itself, and none was changed for another."""
    was_clean = elements.ended_as_it_began()
    return (
        was_clean
        and reading.has_own_guids
        and not reading.raw.get("bozo")
        and not reading.feed.notes
        and len(reading.raw["entries"]) == len(reading.feed.entries) == size
    )


def _known(element_key: int, entry: Entry, raw: object) -> KnownEntry:
    """`entry` by its hashes. Of its date only counts what it says itself: not what others, or its address, say of it, which is
    something else once a date far ahead has come near."""
    value = replace(entry, published_at=_own_date(raw))
    return KnownEntry(element_key, key_of(entry.guid), content_key(entry), key_of(repr(value)))


def _explains_itself(raw: object, entry: Entry, now: datetime) -> bool:
    """Whether the date of an entry is what it says, whatever stands beside it: one far ahead is not believed."""
    says = _own_date(raw)
    return says is not None and says == entry.published_at and says <= now + entry_dates.AHEAD


def _own_date(raw: object) -> datetime | None:
    """The date of an entry if it is written so that it says the same whatever stands beside it."""
    written: Sequence[str] = date_strings(raw)
    return publication_dates.read(written[0]) if written and publication_dates.is_standard(written[0]) else None


def _frame_key(pieces: Slices, url: str) -> int:
    frame = (_DATE.sub(b"", each).strip() for each in (pieces.head, pieces.tail))
    return key_of(b"\0".join((_code_key(), url.encode("utf-8", "replace"), *frame)))


@cache
def _code_key() -> bytes:
    """Names the code that reads: another release, or another Python, reads an element, or writes a value, in another way."""
    sources = [
        each.read_bytes()
        for room in _CODE
        for each in sorted(files(room).iterdir(), key=lambda each: each.name)
        if each.name.endswith(".py")
    ]
    return b"%d" % key_of(b"\0".join((feedparser.__version__.encode(), sys.version.encode(), *sources)))
