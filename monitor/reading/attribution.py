"""Who published an entry that an aggregator passes on: the `source` it names. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from monitor.reading.address import Place
from monitor.reading.raw_entry import string
from monitor.text import tokens, urls

MAX_NAME = 100
_SEPARATOR = re.compile(r"\s+(?:-|–|—|\||::|·|•|/)\s+")


class Source(NamedTuple):
    """What an entry says of where it comes from; '' where it says nothing."""

    title: str
    url: str


def source_of(raw: Any) -> Source:
    """The `source` of RSS or Atom, or Bing's `News:Source`."""
    named = raw.get("source")
    if isinstance(named, dict):
        links = named.get("links") or [{}]
        url = string(named, "href") or string(named, "link") or (string(links[0], "href") if links else "")
        return Source(tokens.plain_line(string(named, "title") or string(named, "value"), limit=MAX_NAME), url)
    written = string(raw, "news_source") or (named if isinstance(named, str) else "")
    return Source(tokens.plain_line(written, limit=MAX_NAME), "")


def outlet(source: Source, *, link: str, place: Place) -> str:
    """The name of the outlet that an entry comes from; '' where that is the feed's own publisher."""
    if not source.title:
        return ""
    if not source.url:
        return source.title
    own = {urls.site(each) for each in (place.url, place.site_url) if each}
    theirs, linked = urls.site(source.url), urls.site(link)
    is_aggregated = bool(theirs) and (theirs not in own or (bool(linked) and linked != theirs))
    return source.title if is_aggregated else ""


def without_source(title: str, source: Source) -> str:
    """The title without " - Outlet" at its end, as Google News writes it: its name, or its host where it goes by that."""
    if not source.title:
        return title
    host = urls.host(source.url).removeprefix("www.")
    own = {source.title.casefold(), *([host, f"www.{host}"] if host else [])}
    for found in reversed(list(_SEPARATOR.finditer(title))):
        head, tail = title[: found.start()].rstrip(), title[found.end() :].strip()
        if head and tail.casefold() in own:
            return head
    return title
