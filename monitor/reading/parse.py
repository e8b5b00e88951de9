"""Feed parsing: RSS, Atom, RDF and JSON Feed. Pure, but slow on some input: run it in a worker process (see `workers`).

Feeds are often broken and may be hostile, so all values are cleaned and cut. feedparser runs without its sanitiser (neither safe
nor linear) and without resolving links in markup (they are not used). It is given `io.BytesIO` only: bytes or text that look like
a path or URL it would open (case X5).
"""

from __future__ import annotations

import codecs
import hashlib
import html
import io
import re
from calendar import timegm
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.sax import SAXException

import feedparser

from monitor.reading import jsonfeed, wishes
from monitor.text import charsets, language, tokens, urls
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
_FEED_ROOTS = {"rss", "feed", "rdf:rdf", "channel"}
_FEED_END = re.compile(rb"</(?:\w{1,20}:)?(?:rss|feed|rdf|channel)\s*>", re.I)
_TAIL_BYTES = 2_000

_ENTRY_END = re.compile(rb"</(?:\w{1,20}:)?(?:item|entry)\s*>|<(?:item|entry)\s*/>", re.I)
# Character references and ampersands that begin no reference, outside of CDATA.
_AMPERSAND = re.compile(rb"<!\[CDATA\[.*?(?:\]\]>|\Z)|&#(?:[xX]([0-9A-Fa-f]+)|([0-9]+));?|&(?!\w{1,31};)", re.S)
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.I | re.S)
_PREFIX = re.compile(rb"(</?)(?:rss|atom):(?=\w)")
_DECLARED_ENCODING = re.compile(rb"(^\s*<\?xml[^>]{0,200}?\bencoding\s*=\s*)([\"'])(.*?)\2", re.S)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([^\s;\"']*)[\"']?", re.I)
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",  # before UTF-16, with whose BOM it begins
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    # not BOMs, but "<?" in these encodings
    b"<\0?\0": "utf-16-le",
    b"\0<\0?": "utf-16-be",
}

_MARKUP = re.compile(
    r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|img|h[1-6]|script|style|table|blockquote)\b[^<>]*>", re.I
)


def parse(body: bytes, *, url: str, media_type: str = "") -> ParsedFeed:
    """Parse a feed. `url` is the document's, against which links are resolved, `media_type` its Content-Type.

    Raises ParseError with code `not a feed` (a web page, an empty or another document) or `broken` (a feed that is cut off before
    its first entry), and nothing else, whatever the bytes. Code `too costly` comes from `workers`, which limits the time.
    """
    if not body.strip():
        raise ParseError("the document is empty", code="not a feed")
    if _HTML_ROOT.match(body[:_HEAD_BYTES]):
        raise ParseError(_web_page_message(body, url), code="not a feed")
    notes: list[str] = []
    body, media_type = _bom_to_utf8(body, media_type)
    body = body.lstrip()  # feedparser's search for a DOCTYPE is quadratic in leading line breaks
    raw = _read(body, url, media_type, notes)
    entries = [_entry(each, url) for each in raw["entries"][:MAX_ENTRIES]]
    feed = raw["feed"]
    return ParsedFeed(
        title=tokens.plain_line(_string(feed, "title"), limit=MAX_TITLE),
        site_url=_first_url(url, [_string(feed, "link")]),
        language=language.normalize(_string(feed, "language")),
        wishes=wishes.of_document(feed, body),
        entries=_disambiguate(entries, notes),
        notes=tuple(notes),
    )


def read_feed(body: bytes, url: str, media_type: str) -> ParsedFeed:
    """`parse` with positional arguments, for calls in worker processes."""
    return parse(body, url=url, media_type=media_type)


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(body: bytes, url: str, media_type: str, notes: list[str]) -> Any:
    """The document in feedparser's shape; cuts and repairs are added to `notes`."""
    if jsonfeed.looks_like_json(body):
        raw = jsonfeed.read(body)
        total = len(raw["entries"])
    else:
        body, total = _drop_surplus_entries(body)
        raw = _run_feedparser(_repair_for_feedparser(body), _drop_unknown_charset(media_type), total > 0, notes)
        _require_feed(raw, body)
    total = max(total, len(raw["entries"]))
    if total > MAX_ENTRIES:
        notes.append(f"kept {MAX_ENTRIES} of {total} entries")
    return raw


def _bom_to_utf8(body: bytes, media_type: str) -> tuple[bytes, str]:
    """Convert a document with a byte order mark to UTF-8: the mark outranks header and declaration (RFC 7303 section 3.2)."""
    for bom, encoding in _BOMS.items():
        if body.startswith(bom):
            body = body.decode(encoding, "replace").removeprefix("\ufeff").encode()
            return _DECLARED_ENCODING.sub(rb'\1"utf-8"', body[:1024]) + body[1024:], _CHARSET.sub("", media_type)
    return body, media_type


def _drop_surplus_entries(body: bytes) -> tuple[bytes, int]:
    """The document without the entries after `MAX_ENTRIES`, and the number of all: feedparser reads 8 MB/s at best."""
    ends = [found.end() for found in _ENTRY_END.finditer(body)]
    if len(ends) > MAX_ENTRIES:
        body = body[: ends[MAX_ENTRIES - 1]] + body[ends[-1] :]
    return body, len(ends)


def _repair_for_feedparser(body: bytes) -> bytes:
    """Repair what feedparser fails on: bare ampersands, invalid character references (X4, X6), unknown encodings (X7)."""
    if b"&" in body:
        body = _AMPERSAND.sub(_repair_reference, body)
    declared = _DECLARED_ENCODING.match(body[:1024])
    if declared and not charsets.is_text_encoding(declared[3].decode("ascii", "replace")):
        body = declared[1] + b'"utf-8"' + body[declared.end() :]
    return body


def _drop_unknown_charset(media_type: str) -> str:
    charset = _CHARSET.search(media_type)
    return media_type.replace(charset[0], "") if charset and not charsets.is_text_encoding(charset[1]) else media_type


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


def _run_feedparser(body: bytes, media_type: str, has_entries: bool, notes: list[str]) -> Any:
    """feedparser's result; where it raises (X4, its issue 599) or finds no entries, it is run again on a simplified document.

    It is not given the document's URL: it would resolve guids such as `1` against it, with another result after each redirect.
    """
    headers = {"content-type": media_type}
    try:
        raw = _run_feedparser_once(body, headers)
        if raw["entries"] or not has_entries:
            return raw
    except ParseError:
        pass
    notes.append("read only after its DOCTYPE and prefixes were taken away")
    simplified = _PREFIX.sub(rb"\1", _DOCTYPE.sub(b"", body[:_HEAD_BYTES]) + body[_HEAD_BYTES:])
    return _run_feedparser_once(simplified, headers)


def _run_feedparser_once(body: bytes, headers: dict[str, str]) -> Any:
    stream = io.BytesIO(body)
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


def _entry(raw: Any, url: str) -> Entry:
    title = tokens.plain_line(_string(raw, "title"), limit=MAX_TITLE)
    link = _link(raw, url)
    contents = [each for each in raw.get("content") or [] if _is_text(each)]
    summary = _markup(raw.get("summary_detail") or {"value": _string(raw, "summary")})
    content = max(map(_markup, contents), key=len, default="")
    return Entry(
        guid=_guid(_string(raw, "id")) or _digest(*([link, title] if link or title else [summary, content])),
        url=link,
        title=title,
        published_at=_published_at(raw),
        author=tokens.plain_line(_string(raw, "author"), limit=MAX_AUTHOR),
        summary_html=summary,
        content_html=content,
        language=_language(raw, contents),
    )


def _link(raw: Any, url: str) -> str:
    """The article's URL: FeedBurner's original link, else the link, else the guid where it is a URL."""
    guid = _string(raw, "id")
    links = [_string(raw, "feedburner_origlink"), "" if raw.get("guidislink") else _string(raw, "link")]
    links += [_string(each, "href") for each in raw.get("links") or [] if each.get("rel") == "alternate"]
    return _first_url(url, [*links, guid if guid.startswith(("http://", "https://", "/")) else ""])


def _first_url(base: str, candidates: list[str]) -> str:
    return next((found for each in candidates if each and (found := urls.resolve(base, each))), "")


def _guid(guid: str) -> str:
    """The feed's id, hashed where it is too long for a database index (X8)."""
    return _digest(guid) if len(guid.encode("utf-8", "replace")) > MAX_GUID else tokens.clean(guid)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def _published_at(raw: Any) -> datetime | None:
    """Aware UTC; None where the date is missing or absurd: 1970 means an unset clock (F19)."""
    # `dict.get`, because feedparser's own warns when it falls back from one date to another.
    moments = (dict.get(raw, key) for key in ("published_parsed", "updated_parsed", "created_parsed"))
    moment = next(filter(None, moments), None)
    try:
        when = datetime.fromtimestamp(timegm(moment), UTC) if moment else None
    except (ValueError, OverflowError, TypeError, OSError):
        return None
    return when if when and 1970 < when.year < 2200 else None


def _language(raw: Any, contents: list[Any]) -> str | None:
    """dc:language, else the xml:lang in force at the text."""
    details = (raw, *contents, raw.get("summary_detail"), raw.get("title_detail"))
    tags = [_string(each, "language") for each in details if each]
    return next((code for tag in tags if (code := language.normalize(tag))), None)


def _is_text(content: Any) -> bool:
    kind = _string(content, "type") or "text/html"
    return kind.startswith("text/") or kind.endswith(("xml", "html"))


def _markup(detail: Any) -> str:
    """HTML of at most 64 KB; plain text is escaped, unless it contains tags, as plain text in feeds often does."""
    value = tokens.clean(_string(detail, "value")[: 2 * MAX_SUMMARY_HTML], limit=MAX_SUMMARY_HTML)
    if _string(detail, "type") == "text/plain" and not _MARKUP.search(value):
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


def _string(mapping: Any, key: str) -> str:
    """A text field; '' for other types, as feedparser returns a mapping where an element unexpectedly has attributes."""
    value = mapping.get(key) if mapping else None
    return value if isinstance(value, str) else ""
