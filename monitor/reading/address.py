"""The address of an entry, from all places where feeds write one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monitor.reading.raw_entry import string
from monitor.text import links


@dataclass(frozen=True, slots=True)
class Place:
    """Where a feed is: what its links are relative to."""

    url: str
    """Of its document."""
    site_url: str
    """Of the site that it says it belongs to; '' where it says none."""
    is_strict: bool = False
    """Whether its format says what links are relative to."""

    @property
    def base(self) -> str:
        """Atom's links are relative to the document (RFC 4287 section 2); RSS says nothing, and its readers take the site."""
        return self.url if self.is_strict else self.site_url or self.url


def of_entry(raw: Any, place: Place) -> str:
    """The article's URL, that of an aggregator's link where the link holds it; '' where the entry has none.

    FeedBurner's original link comes first, then the link, the guid where it is a URL, the place of Atom's `content src`, and last a
    file of sound or pictures that plays: a podcast's episode has often nothing else.
    """
    for written in _candidates(raw):
        if written.strip() and (found := links.absolute(place.base, written)):
            return links.unwrapped(found)
    return ""


def _candidates(raw: Any) -> Iterator[str]:
    guid = string(raw, "id")
    yield string(raw, "feedburner_origlink")
    if not raw.get("guidislink"):
        yield string(raw, "link")
    alternates = _dicts(raw, "links")
    yield from (string(each, "href") for each in alternates if each.get("rel") == "alternate")
    if guid.startswith(("http://", "https://", "/", "www.")):
        yield guid
    yield from (string(each, "src") for each in _dicts(raw, "content"))
    media = [*_dicts(raw, "enclosures"), *_dicts(raw, "media_content")]
    yield from (string(each, "href") or string(each, "url") for each in media if not _is_picture(each))
    player = raw.get("media_player")
    yield string(player, "url") if isinstance(player, dict) else ""


def _dicts(raw: Any, key: str) -> list[Any]:
    value = raw.get(key)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _is_picture(media: Any) -> bool:
    """Whether a file is a picture: many entries share one, so it is no address."""
    named = f"{string(media, 'type')} {string(media, 'medium')}".lower()
    url = (string(media, "href") or string(media, "url")).partition("?")[0].lower()
    return "image" in named or url.endswith((".jpg", ".jpeg", ".png", ".gif", ".webp", ".svg", ".avif"))
