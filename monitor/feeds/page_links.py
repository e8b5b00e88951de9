"""The feeds that a web page names: link tags, links in its text, meta refresh, and where feeds usually are.

Pure; the page is read in a worker process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from lxml import html as lxml_html

from monitor.reading.webpage import parse_html
from monitor.text import urls
from monitor.text.tokens import clean_line

_MOST_LINKS = 40
_FEED_TYPE = re.compile(r"application/(?:rss|atom|rdf)\+xml|application/feed\+json|(?:application|text)/xml", re.I)
_FEED_LINK = re.compile(
    r"(?:^|[/._-])(?:rss\d?|atom|feeds?|rdf)(?:[/._?-]|$)|\.(?:rss|rdf|atom)(?:\?|$)|[?&]feed=|/index\.xml$", re.I
)
"""An address that looks like a feed's."""
_REFRESH = re.compile(r"^\s*[\d.]+\s*[;,]\s*(?:url\s*=\s*)?[\"']?([^\"']+)", re.I)
_COMMENTS = re.compile(r"/comments/(?:feed|rss|default|atom)|[?&]feed=comments", re.I)
_USUAL = ("/feed", "/rss", "/rss.xml", "/atom.xml", "/index.xml", "/feed.xml", "/feeds/posts/default", "/feed.json")
"""Where feeds usually are: WordPress, Ghost and Substack; newspapers; static site generators; Blogger; JSON Feed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An address at which there may be a feed, and what names it."""

    url: str
    named_by: str
    """`link tag`, `link on the page` or `usual place`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageLinks:
    """What a page names."""

    tags: tuple[Candidate, ...] = ()
    """Its link tags of type feed: feeds of comments last."""
    anchors: tuple[Candidate, ...] = ()
    """Links on the page, on its own site, whose addresses look like a feed's."""
    refresh: str = ""
    """Where its meta refresh leads; '' where it has none."""


def read_links(body: bytes, url: str, media_type: str) -> PageLinks:
    """The links of a page, absolute. Never raises on any markup."""
    tree = parse_html(body, media_type)
    if tree is None:
        return PageLinks()
    base = _base(tree, url)
    return PageLinks(tags=_tags(tree, base), anchors=_anchors(tree, base, url), refresh=_refresh(tree, base))


def usual_places(url: str) -> tuple[Candidate, ...]:
    """Where a site's feed usually is: at its root, and below the page asked for."""
    try:
        parts = urls.split(url)
    except ValueError:
        return ()
    origin = f"{parts.scheme}://{parts.authority}"
    folder = parts.path.rstrip("/")
    below = [f"{origin}{folder}{place}" for place in ("/feed", "/rss.xml")] if folder else []
    places = [*below, *(f"{origin}{place}" for place in _USUAL)]
    return tuple(Candidate(url=each, named_by="usual place") for each in places)


def is_of_comments(url: str) -> bool:
    """Whether a feed is one of readers' comments, by its address."""
    return bool(_COMMENTS.search(url))


def _base(tree: lxml_html.HtmlElement, url: str) -> str:
    written = next((str(each.get("href")) for each in tree.xpath("//base[@href]")[:1]), "")
    return urls.resolve(url, written) or url


def _tags(tree: lxml_html.HtmlElement, base: str) -> tuple[Candidate, ...]:
    links = [
        str(each.get("href"))
        for each in tree.xpath("//link[@rel and @href]")[:400]
        if {"alternate", "feed"} & {*str(each.get("rel")).lower().split()}
        and (_FEED_TYPE.match(str(each.get("type") or "").strip()) or "feed" in str(each.get("rel")).lower().split())
    ]
    found = _absolute(base, links)
    return tuple(
        Candidate(url=each, named_by="link tag")
        for each in sorted(found, key=is_of_comments)  # a stable sort
    )[:_MOST_LINKS]


def _anchors(tree: lxml_html.HtmlElement, base: str, url: str) -> tuple[Candidate, ...]:
    links = (str(each.get("href")) for each in tree.xpath("//a[@href]")[:3000])
    found = _absolute(base, (each for each in links if _FEED_LINK.search(each.partition("#")[0])))
    own = [each for each in found if _is_one_site(each, url) and not is_of_comments(each)]
    return tuple(Candidate(url=each, named_by="link on the page") for each in own[:_MOST_LINKS])


def _is_one_site(link: str, url: str) -> bool:
    a, b = urls.site(link), urls.site(url)
    return bool(a and b) and (a == b or a.endswith(f".{b}") or b.endswith(f".{a}"))


def _refresh(tree: lxml_html.HtmlElement, base: str) -> str:
    for each in tree.xpath("//meta[@http-equiv and @content]")[:50]:
        if str(each.get("http-equiv")).strip().lower() == "refresh" and (found := _REFRESH.match(each.get("content"))):
            return urls.resolve(base, clean_line(found[1], limit=urls.LENGTH_LIMIT)).partition("#")[0]
    return ""


def _absolute(base: str, links: Iterable[str]) -> list[str]:
    found = (urls.resolve(base, each[: urls.LENGTH_LIMIT]).partition("#")[0] for each in links)
    return list(dict.fromkeys(each for each in found if each))
