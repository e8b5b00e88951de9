"""Feed parsing: RSS, Atom, RDF and JSON Feed. Pure, but slow on some input: run it in a worker process (see `workers`).

Feeds are often broken and may be hostile, so all values are cleaned and cut. feedparser runs without its sanitiser (neither safe
nor linear) and without resolving links in markup (they are not used). It is given `io.BytesIO` only: bytes or text that look like
a path or URL it would open (case X5).
"""

from __future__ import annotations

import hashlib
import html
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple
from xml.sax import SAXException

import feedparser

from monitor.reading import (
    address,
    attribution,
    authors,
    captions,
    elements,
    entry_dates,
    jsonfeed,
    shortcuts,
    surplus,
    wishes,
)
from monitor.reading.address import Place
from monitor.reading.raw_entry import string
from monitor.text import charsets, language, links, publication_dates, tokens, urls
from monitor.types.errors import ParseError
from monitor.types.fetching import MAX_SUMMARY_HTML, Entry, ParsedFeed

MAX_ENTRIES = 1_000
MAX_TITLE = 1_000
MAX_AUTHOR = 200
MAX_GUID = 1024

_HEAD_BYTES = 64 * 1024
"""How much of a document is examined to tell what it is."""
_HTML_ROOT = re.compile(rb"(?>\s*(?:<\?xml[^>]*>|<!--.*?-->)){0,20}+\s*(?:<!doctype\s+html|<html[\s>])", re.I | re.S)
_LINK = re.compile(rb"<link\b[^<>]{1,500}>", re.I)
_FEED_TYPE = re.compile(rb"\btype\s*=\s*[\"']?application/(?:rss\+xml|atom\+xml|feed\+json)", re.I)
_HREF = re.compile(rb"\bhref\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.I)
_COMMENT = re.compile(rb"<!--.*?-->", re.S)
_ROOT = re.compile(rb"<([A-Za-z_][A-Za-z0-9_.-]{0,40}(?::[A-Za-z0-9_.-]{1,40})?)")
_FORMATS = {
    **{f"rss09{each}": "RSS 0.9" for each in ("0", "1n", "1u", "2", "3", "4")},
    **{f"atom0{each}": f"Atom 0.{each}" for each in (1, 2, 3)},
    "rss": "RSS",
    "rss10": "RSS 1.0",
    "rss20": "RSS 2.0",
    "atom": "Atom",
    "atom10": "Atom 1.0",
    "json": "JSON Feed",
}
"""By feedparser's names of versions."""
_FEED_ROOTS = {"rss", "feed", "rdf:rdf", "channel"}
_FEED_END = re.compile(rb"</(?:\w{1,20}:)?(?:rss|feed|rdf|channel)\s*>", re.I)
_TAIL_BYTES = 2_000

# Character references and ampersands that begin no reference, outside of CDATA.
_AMPERSAND = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|&#(?:[xX]([0-9A-Fa-f]+)|([0-9]+));?|&(?!\w{1,31};)", re.S)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.I | re.S)
_PREFIX = re.compile(rb"(</?)(?:rss|atom):(?=\w)")
_DECLARED_ENCODING = re.compile(rb"(^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*)([\"'])(.*?)\2", re.S)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"']*)[\"']?", re.I)
_INVISIBLE_CONTROLS = bytes({*range(32), 127} - {9, 10, 13})
"""Characters that XML does not allow: expat stops at the first, and the rest would be read by feedparser's guesses."""
_READ_AS_UTF8 = "application/xml; charset=utf-8"

_MARKUP = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|img|h[1-6]|script|style|table|blockquote)\b[^<>]*>", re.I
)


authors.limit()
elements.contain()
shortcuts.take()


def parse(body: bytes, *, url: str, media_type: str = "", now: datetime | None = None) -> ParsedFeed:
    """Parse a feed. `url` is the document's, against which links are resolved, `media_type` its Content-Type; `now` helps with
    dates that can be read in two ways.

    Raises ParseError with code `not a feed` (a web page, an empty or another document) or `broken` (a feed that is cut off before
    its first entry), and nothing else, whatever the bytes. Code `too costly` comes from `workers`, which limits the time.
    """
    return read(prepare(body, url=url, media_type=media_type), url=url, now=now).feed


def read_feed(body: bytes, url: str, media_type: str, now: datetime | None = None) -> ParsedFeed:
    """`parse` with positional arguments, for calls in worker processes."""
    return parse(body, url=url, media_type=media_type, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A feed's document, prepared to be read."""

    body: bytes
    """As published, in UTF-8."""
    xml: bytes | None
    """What feedparser is given; None for JSON."""
    size: int = 0
    """How many entries it seems to have, in XML."""
    notes: tuple[str, ...] = ()
    """What was cut."""


class Reading(NamedTuple):
    """What was read of a document."""

    feed: ParsedFeed
    raw: Any
    """In feedparser's shape."""
    has_own_guids: bool
    """Whether no two entries had the same guid."""


def prepare(body: bytes, *, url: str, media_type: str = "") -> Document:
    """The document with what feedparser fails on repaired, and without what is too much. Raises ParseError as `parse` does."""
    if not body.strip():
        raise ParseError("the document is empty", code="not a feed")
    if _HTML_ROOT.match(body[:_HEAD_BYTES]):
        raise ParseError(_web_page_message(body, url), code="not a feed")
    # feedparser's search for a DOCTYPE is quadratic in leading line breaks
    body = _as_utf8(body, media_type).lstrip()
    if jsonfeed.looks_like_json(body):
        return Document(body=body, xml=None)
    whole, is_cut_off = surplus.without_unfinished(body)
    kept, size = surplus.drop(whole, limit=MAX_ENTRIES)
    return Document(
        body=body,
        xml=_repair_for_feedparser(captions.rename(kept)),
        size=size,
        notes=("breaks off inside an entry, which is not read",) if is_cut_off else (),
    )


def read(document: Document, *, url: str, now: datetime | None = None) -> Reading:
    """What is in a prepared document. Raises ParseError as `parse` does."""
    notes = list(document.notes)
    raw = _read_json(document, notes) if document.xml is None else _read_xml(document.xml, document.size, notes)
    feed, found = raw["feed"], raw["entries"][:MAX_ENTRIES]
    site_url = _first_url(url, [string(feed, "link")])
    place = Place(url, site_url, is_strict=str(raw.get("version")).startswith(("atom", "json")))
    dates, urls_of = (
        entry_dates.read_all(found, now=now, notes=notes),
        [address.of_entry(each, place) for each in found],
    )
    dates = entry_dates.fill_gaps(dates, urls_of, now=now)
    entries = [_entry(each, place, at, link) for each, at, link in zip(found, dates, urls_of, strict=True)]
    parsed = ParsedFeed(
        format=_FORMATS.get(str(raw.get("version")), ""),
        title=tokens.plain_line(string(feed, "title"), limit=MAX_TITLE),
        site_url=site_url,
        language=language.normalize(string(feed, "language")),
        wishes=wishes.of_document(feed, document.body),
        entries=_disambiguate(entries, notes),
        notes=tuple(notes),
    )
    return Reading(parsed, raw, has_own_guids=[each.guid for each in entries] == [each.guid for each in parsed.entries])


# --- reading ----------------------------------------------------------------------------------------------------------


def _read_json(document: Document, notes: list[str]) -> Any:
    """A JSON Feed in feedparser's shape; cuts are added to `notes`."""
    raw = jsonfeed.read(document.body)
    size = len(raw["entries"])
    kept = surplus.newest([publication_dates.read(each["published"]) for each in raw["entries"]], limit=MAX_ENTRIES)
    raw["entries"] = [raw["entries"][number] for number in kept]
    _note_cut(size, notes)
    return raw


def _read_xml(xml: bytes, size: int, notes: list[str]) -> Any:
    raw = _run_feedparser(xml, size > 0, notes)
    _require_feed(raw, xml)
    _note_cut(max(size, len(raw["entries"])), notes)
    return raw


def _note_cut(size: int, notes: list[str]) -> None:
    if size > MAX_ENTRIES:
        notes.append(f"kept the newest {MAX_ENTRIES} of {size} entries")


def _as_utf8(body: bytes, media_type: str) -> bytes:
    """The document as UTF-8 that says so, without characters that XML does not allow.

    feedparser would read a whole feed as Western European for one bad byte in it (feedparser#421).
    """
    charset = _CHARSET.search(media_type)
    declared = _DECLARED_ENCODING.match(body[:1024])
    labels = ([charset[1]] if charset else []) + ([declared[3].decode("ascii", "replace")] if declared else [])
    decoded = charsets.read(body, labels)
    body = decoded.text.encode(errors="replace")
    body = body.translate(None, _INVISIBLE_CONTROLS).replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return _DECLARED_ENCODING.sub(rb'\1"utf-8"', body[:1024], count=1) + body[1024:]


def _repair_for_feedparser(body: bytes) -> bytes:
    """Repair what feedparser fails on: bare ampersands and invalid character references (X4, X6)."""
    if b"&" in body:
        body = _AMPERSAND.sub(_repair_reference, body)
    return body


def _repair_reference(found: re.Match[bytes]) -> bytes:
    """`&amp;` for a bare ampersand, of which feedparser would make `R&D;`; U+FFFD for an invalid character reference."""
    if found[0].startswith(b"<"):
        return found[0]
    if found[0] == b"&":
        return b"&amp;"
    digits, base = (found[1], 16) if found[1] else (found[2], 10)
    code = int(digits, base) if len(digits) < 12 else -1
    is_real = code in (9, 10, 13) or 32 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or 0x10000 <= code < 0x110000
    return found[0] if is_real else b"&#xFFFD;"


def _run_feedparser(body: bytes, has_entries: bool, notes: list[str]) -> Any:
    """feedparser's result; where it raises (X4, its issue 599) or finds no entries, it is run again on a simplified document.

    It is not given the document's URL: it would resolve guids such as `1` against it, with another result after each redirect.
    """
    try:
        raw = _run_feedparser_once(body)
        if raw["entries"] or not has_entries:
            return raw
    except ParseError:
        pass
    notes.append("read only after its DOCTYPE and prefixes were taken away")
    simplified = _PREFIX.sub(rb"\1", _DOCTYPE.sub(b"", body[:_HEAD_BYTES]) + body[_HEAD_BYTES:])
    return _run_feedparser_once(simplified)


def _run_feedparser_once(body: bytes) -> Any:
    stream, headers = io.BytesIO(body), {"content-type": _READ_AS_UTF8}
    try:
        return feedparser.parse(stream, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except MemoryError:
        raise
    except Exception as error:  # undocumented, but it raises many: re.error, ValueError, TypeError, AssertionError ...
        raise ParseError(f"feedparser fails on it ({type(error).__name__}: {error})"[:300], code="broken") from error


def _require_feed(raw: Any, body: bytes) -> None:
    """Raise ParseError for a document without entries that is no complete feed: a truncated one must not pass for empty (F17)."""
    if raw["entries"]:
        return
    root = _ROOT.search(_COMMENT.sub(b"", body[:_HEAD_BYTES]))
    name = root[1].decode("ascii").lower() if root else ""
    if not raw.get("version") and name not in _FEED_ROOTS:
        begins = f"<{name}>" if name else "plain text"
        raise ParseError(f"not a feed: it begins with {begins}, not with <rss>, <feed> or <rdf:RDF>", code="not a feed")
    fault = raw.get("bozo_exception")
    if isinstance(fault, SAXException) and not _FEED_END.search(body[-_TAIL_BYTES:]):
        raise ParseError(f"the feed breaks off before its first entry ({fault})"[:300], code="broken")


def _web_page_message(body: bytes, url: str) -> str:
    """The error text for a web page, with the feed that it offers: people often paste the page's URL."""
    offered = [
        urls.resolve(url, html.unescape(next(filter(None, href.groups()), b"").decode("utf-8", "replace")))
        for link in _LINK.findall(body[: 4 * _HEAD_BYTES])
        if _FEED_TYPE.search(link) and (href := _HREF.search(link))
    ]
    offers = [each for each in offered if each]
    return "this is a web page, not a feed" + (f"; it offers the feed {offers[0]}" if offers else "")


# --- one entry --------------------------------------------------------------------------------------------------------


def _entry(raw: Any, place: Place, published_at: datetime | None, link: str) -> Entry:
    named = attribution.source_of(raw)
    title = attribution.without_source(tokens.plain_line(string(raw, "title"), limit=MAX_TITLE), named)
    contents = [each for each in raw.get("content") or [] if _is_text(each)]
    outlet = attribution.outlet(named, link=string(raw, "link"), place=place)
    summary = _markup(raw.get("summary_detail") or {"value": string(raw, "summary")})
    content = max(map(_markup, contents), key=len, default="")
    return Entry(
        guid=_guid(string(raw, "id")) or _digest(*([link, title] if link or title else [summary, content])),
        url=link,
        title=title,
        published_at=published_at,
        author=tokens.plain_line(string(raw, "author"), limit=MAX_AUTHOR),
        summary_html=summary,
        content_html=content,
        language=_language(raw, contents),
        outlet=outlet,
        outlet_host=urls.host(named.url) if outlet else "",
    )


def _first_url(base: str, candidates: list[str]) -> str:
    return next((found for each in candidates if each and (found := links.absolute(base, each))), "")


def _guid(guid: str) -> str:
    """The feed's id, hashed where it is too long for a database index (X8)."""
    return _digest(guid) if len(guid.encode("utf-8", "replace")) > MAX_GUID else tokens.clean(guid)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def _language(raw: Any, contents: list[Any]) -> str | None:
    """dc:language, else the xml:lang in force at the text."""
    details = (raw, *contents, raw.get("summary_detail"), raw.get("title_detail"))
    tags = [string(each, "language") for each in details if each]
    return next((code for tag in tags if (code := language.normalize(tag))), None)


def _is_text(content: Any) -> bool:
    kind = string(content, "type") or "text/html"
    return kind.startswith("text/") or kind.endswith(("xml", "html"))


def _markup(detail: Any) -> str:
    """HTML of at most 64 KB; plain text is escaped, unless it contains tags, as plain text in feeds often does."""
    value = tokens.clean(string(detail, "value")[: 2 * MAX_SUMMARY_HTML], limit=MAX_SUMMARY_HTML)
    if string(detail, "type") == "text/plain" and not _MARKUP.search(value):
        value = html.escape(value, quote=False).replace("\n", "<br>")[:MAX_SUMMARY_HTML]
    return value


def _disambiguate(entries: list[Entry], notes: list[str]) -> tuple[Entry, ...]:
    """Make guids unique: to equal ones a digest of the link is appended, then of the title, then of the text.

    All entries of an equal guid get it, so that their order does not matter: in some feeds all entries share one guid (F18).
    Entries that are equal even then are duplicates and dropped.
    """
    entries = _suffix_equal_guids(entries, lambda each: each.url)
    entries = _suffix_equal_guids(entries, lambda each: each.title)
    entries = _suffix_equal_guids(entries, lambda each: each.summary_html + each.content_html)
    kept = {entry.guid: entry for entry in reversed(entries)}
    if len(kept) < len(entries):
        notes.append(f"{len(entries) - len(kept)} entries were given twice")
    return tuple(reversed(kept.values()))


def _suffix_equal_guids(entries: list[Entry], part: Callable[[Entry], str]) -> list[Entry]:
    seen = Counter(entry.guid for entry in entries)
    return [
        entry if seen[entry.guid] == 1 else replace(entry, guid=f"{entry.guid}#{_digest(part(entry))[:16]}")
        for entry in entries
    ]
