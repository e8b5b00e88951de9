"""The elements of a feed's entries as they stand in its document, byte for byte, where they can be read one without another. Pure.

The XML parser that feedparser uses says where they begin and end, so that what only looks like an entry, in a comment or in CDATA,
is none, and a document that is not well-formed has none: feedparser reads it by other rules, in which an entry can spill into the
next one.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.parsers import expat

_ROOTS = {"rss": 3, "rdf": 2, "feed": 2}
"""At which depth entries stand, by the name of the root."""
_ENTRIES = {"item", "entry"}
_LOOKS_LIKE_ENTRY = re.compile(rb"<(?:\w{1,20}:)?(?:item|entry)(?=[\s/>])", re.I)
_BETWEEN = re.compile(rb"(?>\s+|<!--.*?-->)*+", re.S)
_BASE = "base"
_SEPARATOR = " "


class Slices(NamedTuple):
    """A document in pieces."""

    head: bytes
    elements: tuple[bytes, ...]
    """With nothing but white space and comments between them."""
    tail: bytes


def of(xml: bytes) -> Slices | None:
    """The pieces of a document; None where its entries may bear on one another."""
    found = _Places(xml)
    try:
        found.parser.Parse(xml, True)
    except expat.ExpatError:
        return None
    if not found.is_regular or not found.places or len(_LOOKS_LIKE_ENTRY.findall(xml)) != len(found.places):
        return None
    ends = [end for _, end in found.places]
    gaps = zip(ends, (start for start, _ in found.places[1:]), strict=False)
    if not all(_BETWEEN.fullmatch(xml, start, end) for start, end in gaps):
        return None
    return Slices(xml[: found.places[0][0]], tuple(xml[start:end] for start, end in found.places), xml[ends[-1] :])


class _Places:
    """Where the elements of entries begin and end."""

    def __init__(self, xml: bytes) -> None:
        self.places: list[tuple[int, int]] = []
        self.is_regular = True
        self._xml = xml
        self._depth, self._entries_at, self._start = 0, 0, -1
        self._prefixes: set[tuple[str | None, str | None]] = set()
        self.parser = expat.ParserCreate("utf-8", _SEPARATOR)
        self.parser.ordered_attributes = True
        self.parser.StartElementHandler = self._begins
        self.parser.EndElementHandler = self._ends
        self.parser.StartNamespaceDeclHandler = self._declares
        self.parser.StartDoctypeDeclHandler = self._is_odd  # it may define what entries are made of

    def _begins(self, name: str, attributes: list[str]) -> None:
        self._depth += 1
        local = name.rpartition(_SEPARATOR)[2].lower()
        if self._depth == 1:
            self._entries_at = _ROOTS.get(local, 0)
        elif local in _ENTRIES:
            if self._depth != self._entries_at:
                self.is_regular = False
            self._start = self.parser.CurrentByteIndex
        if self._start >= 0 and attributes and self._has_base(attributes):
            self.is_regular = False  # feedparser does not always end what it begins

    def _has_base(self, attributes: list[str]) -> bool:
        return any(each.rpartition(_SEPARATOR)[2].lower() == _BASE for each in attributes[::2])

    def _ends(self, _name: str) -> None:
        if self._start >= 0 and self._depth == self._entries_at:
            self.places.append((self._start, self._xml.index(b">", self.parser.CurrentByteIndex) + 1))
            self._start = -1
        self._depth -= 1

    def _declares(self, prefix: str | None, uri: str | None) -> None:
        """A prefix that an entry declares is known to feedparser from there on, in other entries too."""
        if self._depth < self._entries_at - 1 or not self._depth:
            self._prefixes.add((prefix, uri))
        elif prefix is not None and (prefix, uri) not in self._prefixes:
            self.is_regular = False

    def _is_odd(self, *_declaration: object) -> None:
        self.is_regular = False
