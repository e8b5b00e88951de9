"""Which entries of a feed are read: of a very long one the newest by their dates, in whatever order they stand, and none of
which only the beginning is there. Pure.

feedparser reads 8 MB/s at best, so what is not wanted is taken out of the document before it begins.
"""

from __future__ import annotations

import html
import re
from datetime import datetime

from monitor.text import publication_dates

_ENTRY_END = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s*>|<(?:item|entry)\s*/>", re.I)
_ENTRY_START = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)[\s/>]", re.I)
_UNFINISHED = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)(?:\s[^<>]*)?(?<!/)>", re.I)
_IDENTITY = re.compile(rb"</(?:\w{1,20}:)?(?:link|guid|id)\s*>|<(?:\w{1,20}:)?link\b[^<>]*\bhref\s*=[^<>]*>", re.I)
_FEED_END = re.compile(rb"</(?:\w{1,20}:)?(?:rss|feed|rdf|channel)\s*>", re.I)
_DATE = re.compile(
    rb"<(?:\w{1,20}:)?(?:pubDate|published|issued|date|updated|modified)(?:\s[^>]*)?>\s*(?:<!\[CDATA\[)?([^<]{6,100})",
    re.I,
)


def drop(body: bytes, *, limit: int) -> tuple[bytes, int]:
    """The document with its newest `limit` entries, and the number of all."""
    ends = [found.end() for found in _ENTRY_END.finditer(body)]
    if len(ends) <= limit:
        return body, len(ends)
    starts = [_first_start(body, ends[0]), *ends[:-1]]
    pieces = [body[start:end] for start, end in zip(starts, ends, strict=True)]
    kept = newest([_date(each) for each in pieces], limit=limit)
    return body[: starts[0]] + b"".join(pieces[place] for place in kept) + body[ends[-1] :], len(ends)


def without_unfinished(body: bytes) -> tuple[bytes, bool]:
    """The document without the entry in which it breaks off, where that has no id or link yet; and whether there was one.

    It would be another entry than the same one when it is whole, and told twice.
    """
    ends = [found.end() for found in _ENTRY_END.finditer(body)]
    rest_from = ends[-1] if ends else 0
    begun = _UNFINISHED.search(body, rest_from)
    if begun is None or _FEED_END.search(body, begun.start()) or _IDENTITY.search(body, begun.end()):
        return body, False
    return body[: begun.start()], True


def newest(dates: list[datetime | None], *, limit: int) -> list[int]:
    """The places of the newest entries, in their order.

    An entry without a date may be new, so half of the room is theirs; the first and the last stand for the newest of them, as a
    feed grows at one end or the other.
    """
    last = len(dates) - 1
    dated = sorted(((at, place) for place, at in enumerate(dates) if at), reverse=True)
    undated = sorted(
        (place for place, at in enumerate(dates) if at is None), key=lambda place: min(place, last - place)
    )
    undated = undated[: max(limit // 2, limit - len(dated))]
    return sorted([*undated, *(place for _, place in dated[: limit - len(undated)])])


def _first_start(body: bytes, end: int) -> int:
    """Where the first entry begins: behind what the feed says of itself."""
    starts = [found.start() for found in _ENTRY_START.finditer(body, 0, end)]
    return starts[0] if starts else 0


def _date(entry: bytes) -> datetime | None:
    found = _DATE.search(entry)
    return publication_dates.read(html.unescape(found[1].decode("utf-8", "replace"))) if found else None
