"""JSON Feed (jsonfeed.org, versions 1 and 1.1) in the shape of feedparser's results; feedparser does not read it (6.0.14).

`read` returns `{"version", "feed", "entries"}` with feedparser's names. `parse` cleans and cuts the values; fields of a
wrong type count as absent.
"""

from __future__ import annotations

import json
from typing import Any

from monitor.types.errors import ParseError

_VERSION = "https://jsonfeed.org/version/"


def looks_like_json(body: bytes) -> bool:
    """Whether the document begins like JSON; feeds in XML never do."""
    return body.removeprefix(b"\xef\xbb\xbf")[:64].lstrip()[:1] in (b"{", b"[")


def read(body: bytes) -> dict[str, Any]:
    """The feed in feedparser's shape. Raises ParseError for broken JSON and JSON of another kind."""
    try:
        document = json.loads(body, strict=False)
    except (ValueError, RecursionError) as error:  # covers UnicodeDecodeError, and numbers of more than 4,300 digits
        raise ParseError(f"broken JSON: {error}", code="broken") from None
    if not isinstance(document, dict) or not _is_feed(document):
        raise ParseError("this is JSON, but not a JSON Feed (no version of jsonfeed.org, no items)", code="not a feed")
    items = [item for item in _list(document, "items") if isinstance(item, dict)]
    return {"version": "json", "feed": _feed(document), "entries": [_entry(item) for item in items]}


def _is_feed(document: dict[str, Any]) -> bool:
    return _text(document, "version").startswith(_VERSION) or (
        isinstance(document.get("items"), list) and "title" in document
    )


def _feed(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "title": _text(document, "title"),
        "link": _text(document, "home_page_url"),
        "language": _text(document, "language"),
    }


def _entry(item: dict[str, Any]) -> dict[str, Any]:
    language = _text(item, "language")
    return {
        "id": _text(item, "id"),
        "link": _text(item, "url") or _text(item, "external_url"),
        "title": _text(item, "title"),
        "author": ", ".join(_authors(item)),
        "summary_detail": {"value": _text(item, "summary"), "type": "text/plain"},
        "content": [
            {"value": _text(item, "content_html"), "type": "text/html"},
            {"value": _text(item, "content_text"), "type": "text/plain"},
        ],
        "language": language,
        "published": _text(item, "date_published"),
        "updated": _text(item, "date_modified"),
        "enclosures": [{"href": _text(each, "url")} for each in _list(item, "attachments") if isinstance(each, dict)],
    }


def _authors(item: dict[str, Any]) -> list[str]:
    """Authors' names: `authors` of version 1.1, else `author` of version 1."""
    people = _list(item, "authors") or [item.get("author")]
    return [name for each in people if isinstance(each, dict) and (name := _text(each, "name"))]


def _text(mapping: dict[str, Any], key: str) -> str:
    """A string field. Numbers are accepted, as ids are sometimes numbers; other types count as absent."""
    value = mapping.get(key)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if abs(value) < 1e100 else ""
    return value if isinstance(value, str) else ""


def _list(mapping: dict[str, Any], key: str) -> list[Any]:
    value = mapping.get(key)
    return value if isinstance(value, list) else []
