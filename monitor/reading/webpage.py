"""Main-text extraction from an article's web page, and detection of walls. Pure, but run it in a worker process.

trafilatura extracts the text: on two sets of pages it got .95 of the words right where rules of our own got .87 (bench/pages.py).
Walls are recognised by their words (`text.walls`), and here also by the page's metadata and by redirects to login pages.
"""

from __future__ import annotations

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
"""Bytes read of a page; no article begins after them."""
_FEW_WORDS = 25
"""With less main text than this, all visible text of the page is searched for the words of a wall."""
_DECLARED_FACTOR = 2
_CHARSET = re.compile(r"(?:charset|encoding)\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_DECLARATION_BYTES = 4096
"""Bytes at the beginning in which a page may declare its encoding; browsers examine 1,024."""
_META = re.compile(r"<meta\b[^<>]*>|<\?xml\b[^<>]*>", re.IGNORECASE)
_WALL_PATH = re.compile(
    r"/(?:login|log-in|signin|sign-in|subscribe|consent|paywall|captcha|challenge|account)\b|^/?abo/", re.IGNORECASE
)
_WALL_HOST = re.compile(r"^(?:consent|login|auth|signin|account|accounts|guce|myprivacy|sso)\.", re.IGNORECASE)
_CODE = ("script", "style", "noscript", "template", "iframe", "head")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A fetched page. `asked_url` is the URL requested, `url` the one after redirects."""

    body: bytes
    url: str = ""
    asked_url: str = ""
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedPage:
    """A page's main text as paragraphs separated by an empty line; '' where there is none or the page is a wall."""

    text: str = ""
    is_wall: bool = False
    canonical: str = ""
    """The rel=canonical link, as written in the page's head."""


def read(page: WebPage) -> ExtractedPage:
    """Extract the page's main text. Never raises on any markup, but may be slow on some."""
    tree = _tree(page)
    if tree is None:
        return ExtractedPage()
    is_paid = _is_declared_paid(tree) or _redirects_to_wall(page)
    canonical = _canonical(tree)
    text = main_text(tree)
    if walls.is_wall(text) or (is_paid and word_count(text) <= walls.SHORT_WALL_WORDS):
        return ExtractedPage(is_wall=True)
    if word_count(text) <= _FEW_WORDS and walls.is_wall(_visible_text(tree)):
        return ExtractedPage(is_wall=True)
    return ExtractedPage(text=text, canonical=canonical)


def _canonical(tree: lxml_html.HtmlElement) -> str:
    """The rel=canonical link; '' where there is none or several that differ."""
    links = {
        clean(each.get("href", ""), limit=LENGTH_LIMIT).strip()
        for each in tree.xpath("//head//link[@rel and @href]")[:200]
        if "canonical" in each.get("rel", "").lower().split()
    }
    return links.pop() if len(links) == 1 else ""


def main_text(tree: lxml_html.HtmlElement) -> str:
    """The article's text without menus, comments and other surroundings. The page's schema.org `articleBody` is
    preferred where it is much longer, as on pages built by a script."""
    declared_body = max((_article_body(each, 6) for each in _json_ld(tree)), key=len, default="")
    extracted = _run_trafilatura(tree)
    is_much_longer = word_count(declared_body) > _DECLARED_FACTOR * word_count(extracted)
    return _markup_to_text(declared_body) if is_much_longer else extracted


def _run_trafilatura(tree: lxml_html.HtmlElement) -> str:
    from trafilatura import extract  # a third of a second and 30 MB: only in the processes that read pages

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs pages without text as errors
    try:
        found = extract(tree, include_comments=False)
    except (ValueError, AttributeError, TypeError, etree.LxmlError):  # unexpected markup
        return ""
    return re.sub(r"\n+", "\n\n", clean(found or ""))


def parse_html(body: bytes, media_type: str = "") -> lxml_html.HtmlElement | None:
    """A page's markup as a tree; None where there is none. The encoding is UTF-8, the header's, the page's own or a guess."""
    return _tree(WebPage(body=body, media_type=media_type))


def _tree(page: WebPage) -> lxml_html.HtmlElement | None:
    body = _as_utf8(page)
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        return lxml_html.document_fromstring(body, parser=parser)
    except (etree.LxmlError, ValueError):
        return None


def _as_utf8(page: WebPage) -> bytes:
    """The page as UTF-8, by its mark, its bytes, the header or its <meta>."""
    body = page.body[:MAX_PAGE]
    declared = " ".join(_META.findall(body[:_DECLARATION_BYTES].decode("ascii", "replace")))
    labels = [_declared_charset(page.media_type), _declared_charset(declared)]
    return charsets.read(body, [each for each in labels if each]).text.encode(errors="replace")


def _declared_charset(text: str) -> str:
    """The first valid encoding named in `text`; '' where there is none."""
    return next((each for each in _CHARSET.findall(text) if charsets.is_text_encoding(each)), "")


def _visible_text(tree: lxml_html.HtmlElement) -> str:
    """All visible text of the page, with its title first."""
    title = " ".join(str(each.text or "") for each in tree.iter("title"))
    parts = (
        str(part) for element in tree.iter() if _is_visible(element) for part in (element.text, element.tail) if part
    )
    return clean(f"{title}\n{' '.join(parts)}", limit=10_000)


def _is_visible(element: lxml_html.HtmlElement) -> bool:
    return isinstance(element.tag, str) and element.tag not in _CODE


# --- metadata and redirects -------------------------------------------------------------------------------------------


def _is_declared_paid(tree: lxml_html.HtmlElement) -> bool:
    """Whether schema.org's `isAccessibleForFree` is false anywhere in the page's metadata."""
    return any(_is_paid(each, 6) for each in _json_ld(tree))


def _json_ld(tree: lxml_html.HtmlElement) -> Iterator[object]:
    for script in tree.xpath("//script[@type='application/ld+json']")[:20]:
        try:
            yield json.loads(script.text or "")
        except (ValueError, RecursionError):
            continue


def _is_paid(value: object, depth: int) -> bool:
    if depth and isinstance(value, dict):
        is_free = value.get("isAccessibleForFree")
        if is_free is False or (isinstance(is_free, str) and is_free.lower().endswith("false")):
            return True
        return any(_is_paid(each, depth - 1) for each in list(value.values())[:100])
    return bool(depth) and isinstance(value, list) and any(_is_paid(each, depth - 1) for each in value[:100])


def _article_body(value: object, depth: int) -> str:
    if depth and isinstance(value, dict):
        body = value.get("articleBody")
        return body if isinstance(body, str) else _article_body(list(value.values())[:100], depth - 1)
    if depth and isinstance(value, list):
        return max((_article_body(each, depth - 1) for each in value[:100]), key=len, default="")
    return ""


def _markup_to_text(markup: str) -> str:
    parts = re.split(r"</p\s*>|<br\s*/?>|\n", markup)
    lines = [clean(str(lxml_html.fromstring(f"<div>{each}</div>").text_content())) for each in parts if each.strip()]
    return "\n\n".join(each for each in lines if each)


def _redirects_to_wall(page: WebPage) -> bool:
    """Whether the request was redirected to a login, consent or subscription page."""
    if not page.asked_url or page.url == page.asked_url:
        return False
    target = urlsplit(page.url)
    requested = urlsplit(page.asked_url)
    is_named = _WALL_HOST.search(target.hostname or "") or _WALL_PATH.search(target.path)
    return bool(is_named) and not _WALL_PATH.search(requested.path)
