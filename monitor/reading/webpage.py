"""An article's own page in, its main text out, or the finding that the page is a wall. Pure, but meant for a worker process.

The text is found by trafilatura, which found .95 of the words right on two sets of pages where our own rules found .87
(bench/pages.py). What a wall is, `walls` says by its words; here the page's own declarations and its address speak too.
"""

from __future__ import annotations

import codecs
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from lxml import etree
from lxml import html as lxml_html

from monitor.text import charsets, walls
from monitor.text.tokens import clean, word_count
from monitor.text.urls import LENGTH_LIMIT

MAX_PAGE = 2 * 1024 * 1024
"""Bytes read of a page: beyond them no article begins."""
_FEW_WORDS = 25
"""With less main text than this, all that the page shows is searched for the words of a wall."""
_MUCH_MORE = 2
_CHARSET = re.compile(r"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_DECLARES = 4096
"""Bytes at its beginning in which a page may name its encoding; browsers look at 1,024."""
_META = re.compile(r"<meta\b[^<>]*>|<\?xml\b[^<>]*>", re.IGNORECASE)
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_WALL_PATH = re.compile(
    r"/(?:login|log-in|signin|sign-in|subscribe|consent|paywall|captcha|challenge|account)\b|^/?abo/", re.IGNORECASE
)
_WALL_HOST = re.compile(r"^(?:consent|login|auth|signin|account|accounts|guce|myprivacy|sso)\.", re.IGNORECASE)
_CODE = ("script", "style", "noscript", "template", "iframe", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A page as it was fetched. `url` is where its redirects ended, `asked_url` where they began."""

    body: bytes
    url: str = ""
    asked_url: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedPage:
    """What a page gave: paragraphs parted by an empty line, '' where there are none or where it is a wall."""

    text: str = ""
    is_wall: bool = False
    canonical: str = ""
    """The one link by which the page's head names an address as its own, as it is written there."""


def read(page: WebPage) -> ExtractedPage:
    """The page's main text. Never fails on any markup, but may be costly on some."""
    tree = _tree(page)
    if tree is None:
        return ExtractedPage()
    is_closed = _is_declared_closed(tree) or _leads_to_a_wall(page)
    canonical = _canonical(tree)
    text = main_text(tree)
    if walls.is_wall(text) or (is_closed and word_count(text) <= walls.SHORT_WORDS):
        return ExtractedPage(is_wall=True)
    if word_count(text) <= _FEW_WORDS and walls.is_wall(_shown(tree)):
        return ExtractedPage(is_wall=True)
    return ExtractedPage(text=text, canonical=canonical)


def _canonical(tree: lxml_html.HtmlElement) -> str:
    """'' where there is none, or several that disagree."""
    links = {
        clean(each.get("href", ""), limit=LENGTH_LIMIT).strip()
        for each in tree.xpath("//head//link[@rel and @href]")[:200]
        if "canonical" in each.get("rel", "").lower().split()
    }
    return links.pop() if len(links) == 1 else ""


def main_text(tree: lxml_html.HtmlElement) -> str:
    """The article in a page, without menus, comments and what else stands around it; what the page declares as its article
    (schema.org) where that is much more, as on pages that a script puts together."""
    declared = max((_article_body(each, 6) for each in _declared(tree)), key=len, default="")
    seen = _extracted(tree)
    return _plain(declared) if word_count(declared) > _MUCH_MORE * word_count(seen) else seen


def _extracted(tree: lxml_html.HtmlElement) -> str:
    from trafilatura import extract  # a third of a second and 30 MB: only in the processes that read pages

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # a page without text is no fault
    try:
        found = extract(tree, include_comments=False)
    except (ValueError, AttributeError, TypeError, etree.LxmlError):  # markup that the library did not foresee
        return ""
    return re.sub(r"\n+", "\n\n", clean(found or ""))


def tree_of(body: bytes, media_type: str = "") -> lxml_html.HtmlElement | None:
    """A page's markup as a tree; None where it is none. The encoding is the header's, UTF-8 or what the page itself says."""
    return _tree(WebPage(body=body, media_type=media_type))


def _tree(page: WebPage) -> lxml_html.HtmlElement | None:
    body, encoding = _readable(page.body[:MAX_PAGE], page.media_type)
    parser = lxml_html.HTMLParser(encoding=encoding, remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        return lxml_html.document_fromstring(body, parser=parser)
    except (etree.LxmlError, ValueError):
        return None


def _readable(body: bytes, media_type: str) -> tuple[bytes, str | None]:
    """The page and its encoding; None leaves that to libxml2, which follows a byte order mark and the page's own <meta>."""
    if charsets.shifts(body):
        return charsets.decoded(body, "iso2022_jp").encode(), "utf-8"
    if _is_utf8(body):
        return body, "utf-8"
    if name := _declared_charset(media_type):
        return charsets.decoded(body, name).encode(errors="replace"), "utf-8"
    if body.startswith(_MARKS) or _declared_charset(
        " ".join(_META.findall(body[:_DECLARES].decode("ascii", "replace")))
    ):
        return body, None
    guessed = charsets.guess(body)
    return (charsets.decoded(body, guessed).encode(errors="replace"), "utf-8") if guessed else (body, None)


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as fault:
        return fault.reason == "unexpected end of data"  # where we cut it
    return True


def _declared_charset(text: str) -> str:
    """The first encoding named that is one of text; '' where there is none."""
    return next((each for each in _CHARSET.findall(text) if charsets.is_text(each)), "")


def _shown(tree: lxml_html.HtmlElement) -> str:
    """All words of the page, its title first."""
    title = " ".join(str(each.text or "") for each in tree.iter("title"))
    parts = (
        str(part) for element in tree.iter() if _is_shown(element) for part in (element.text, element.tail) if part
    )
    return clean(f"{title}\n{' '.join(parts)}", limit=10_000)


def _is_shown(element: lxml_html.HtmlElement) -> bool:
    return isinstance(element.tag, str) and element.tag not in _CODE


# --- what the page declares -------------------------------------------------------------------------------------------


def _is_declared_closed(tree: lxml_html.HtmlElement) -> bool:
    """schema.org: `isAccessibleForFree` of the article itself is false."""
    return any(_is_closed(each, 6) for each in _declared(tree))


def _declared(tree: lxml_html.HtmlElement) -> Iterator[object]:
    for script in tree.xpath("//script[@type='application/ld+json']")[:20]:
        try:
            yield json.loads(script.text or "")
        except (ValueError, RecursionError):
            continue


def _is_closed(value: object, depth: int) -> bool:
    if depth and isinstance(value, dict):
        is_free = value.get("isAccessibleForFree")
        if is_free is False or (isinstance(is_free, str) and is_free.lower().endswith("false")):
            return True
        return any(_is_closed(each, depth - 1) for each in list(value.values())[:100])
    return bool(depth) and isinstance(value, list) and any(_is_closed(each, depth - 1) for each in value[:100])


def _article_body(value: object, depth: int) -> str:
    if depth and isinstance(value, dict):
        body = value.get("articleBody")
        return body if isinstance(body, str) else _article_body(list(value.values())[:100], depth - 1)
    if depth and isinstance(value, list):
        return max((_article_body(each, depth - 1) for each in value[:100]), key=len, default="")
    return ""


def _plain(markup: str) -> str:
    parts = re.split(r"</p\s*>|<br\s*/?>|\n", markup)
    lines = [clean(str(lxml_html.fromstring(f"<div>{each}</div>").text_content())) for each in parts if each.strip()]
    return "\n\n".join(each for each in lines if each)


def _leads_to_a_wall(page: WebPage) -> bool:
    """Whether we were sent on to an address that is no article's."""
    if not page.asked_url or page.url == page.asked_url:
        return False
    there = urlsplit(page.url)
    asked = urlsplit(page.asked_url)
    is_named = _WALL_HOST.search(there.hostname or "") or _WALL_PATH.search(there.path)
    return bool(is_named) and not _WALL_PATH.search(asked.path)
