"""A view's stories as Atom (RFC 4287) and JSON Feed 1.1. Pure: what strangers wrote stays text in both."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree

_ATOM = "http://www.w3.org/2005/Atom"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedStory:
    """One entry. `page` is our page of the story, by which it is known; `url` the article's address, '' without a usable one."""

    page: str
    url: str
    title: str
    summary: str
    outlet: str
    language: str
    topics: tuple[str, ...]
    published_at: datetime
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedView:
    """A feed: the name of the view, its own address, that of the inbox, and its newest stories."""

    name: str
    address: str
    page: str
    stories: Sequence[SharedStory]
    made_at: datetime
    """When the view was saved: the feed's time while it has no story."""

    @property
    def updated_at(self) -> datetime:
        return max((each.found_at for each in self.stories), default=self.made_at)


def atom(view: SharedView) -> bytes:
    """The view as an Atom document."""
    ElementTree.register_namespace("", _ATOM)
    feed = ElementTree.Element(_name("feed"))
    _add(feed, "id", view.page)
    _add(feed, "title", view.name)
    _add(feed, "updated", _time(view.updated_at))
    _add(feed, "link", rel="self", type="application/atom+xml", href=view.address)
    _add(feed, "link", rel="alternate", type="text/html", href=view.page)
    for each in view.stories:
        _add_story(feed, each)
    return bytes(ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True))


def _add_story(feed: ElementTree.Element, story: SharedStory) -> None:
    entry = _add(feed, "entry")
    if story.language:
        entry.set("{http://www.w3.org/XML/1998/namespace}lang", story.language)
    _add(entry, "id", story.page)
    _add(entry, "title", story.title or "(no title)")
    _add(entry, "updated", _time(story.found_at))
    _add(entry, "published", _time(story.published_at))
    _add(entry, "link", rel="alternate", href=story.url or story.page)
    _add(entry, "link", rel="related", href=story.page)
    _add(_add(entry, "author"), "name", story.outlet or "unknown outlet")
    for each in story.topics:
        _add(entry, "category", term=each)
    _add(entry, "summary", story.summary)


def _add(parent: ElementTree.Element, name: str, words: str = "", **attributes: str) -> ElementTree.Element:
    found = ElementTree.SubElement(parent, _name(name), {key: _xml(value) for key, value in attributes.items()})
    found.text = _xml(words) or None
    return found


def _name(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _xml(words: str) -> str:
    """Without the characters that no XML document may have."""
    return _NOT_XML.sub("", words)


def _time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def json_feed(view: SharedView) -> bytes:
    """The view as a JSON Feed."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": view.name,
        "home_page_url": view.page,
        "feed_url": view.address,
        "items": [_item(each) for each in view.stories],
    }
    return json.dumps(feed, ensure_ascii=False).encode("utf-8", "replace")


def _item(story: SharedStory) -> dict[str, object]:
    return {
        "id": story.page,
        "url": story.url or story.page,
        "title": story.title or "(no title)",
        "content_text": story.summary,
        "date_published": _time(story.published_at),
        "date_modified": _time(story.found_at),
        "authors": [{"name": story.outlet or "unknown outlet"}],
        "tags": list(story.topics),
        "language": story.language or "und",
    }
