"""Renders the demo's articles as RSS, Atom, JSON Feed and HTML.

Every document depends on its articles only: the same articles give the same bytes, so that ETags are correct.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from xml.sax.saxutils import escape as escape_xml

from monitor.demo.articles import DemoArticle, Outlet


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """An article in its current version."""

    article: DemoArticle
    url: str
    published_at: datetime
    """Time of its first version."""
    updated_at: datetime
    """Time of this version."""


def feed(outlet: Outlet, home: str, printed: Sequence[Printed]) -> tuple[str, str]:
    """An outlet's feed, newest first, as (media type, text). `home` is the URL of the outlet's front page."""
    if outlet.format == "json":
        return "application/feed+json", _json_feed(outlet, home, printed)
    if outlet.format == "atom":
        return "application/atom+xml; charset=utf-8", _atom(outlet, home, printed)
    return "application/rss+xml; charset=utf-8", _rss(outlet, home, printed)


def _rss(outlet: Outlet, home: str, printed: Sequence[Printed]) -> str:
    items = "".join(_rss_item(each) for each in printed)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/">\n'
        f"<channel>\n<title>{escape_xml(outlet.name)}</title>\n<link>{home}</link>\n"
        f"<description>{escape_xml(outlet.name)}</description>\n<language>{outlet.language}</language>\n"
        f"{items}</channel>\n</rss>\n"
    )


def _rss_item(printed: Printed) -> str:
    article = printed.article
    author = f"<dc:creator>{escape_xml(article.author)}</dc:creator>\n" if article.author else ""
    content = f"<content:encoded>{escape_xml(_html_paragraphs(article.feed_paragraphs))}</content:encoded>\n"
    return (
        f"<item>\n<title>{escape_xml(article.title)}</title>\n<link>{printed.url}</link>\n"
        f'<guid isPermaLink="false">{_guid(article)}</guid>\n'
        f"<pubDate>{format_datetime(printed.published_at, usegmt=True)}</pubDate>\n{author}"
        f"<description>{escape_xml(article.paragraphs[0])}</description>\n"
        f"{'' if article.outlet.teaser else content}</item>\n"
    )


def _atom(outlet: Outlet, home: str, printed: Sequence[Printed]) -> str:
    entries = "".join(_atom_entry(each) for each in printed)
    updated_at = max((each.updated_at for each in printed), default=None)
    updated = f"<updated>{updated_at.isoformat()}</updated>\n" if updated_at else ""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{outlet.language}">\n'
        f'<title>{escape_xml(outlet.name)}</title>\n<id>tag:{outlet.id}.example,2000:feed</id>\n<link href="{home}"/>\n'
        f"{updated}{entries}</feed>\n"
    )


def _atom_entry(printed: Printed) -> str:
    article = printed.article
    tag = "summary" if article.outlet.teaser else "content"
    author = article.author or article.outlet.name
    return (
        f"<entry>\n<title>{escape_xml(article.title)}</title>\n<id>tag:{article.outlet.id}.example,2000:{article.guid}</id>\n"
        f'<link href="{printed.url}"/>\n<author><name>{escape_xml(author)}</name></author>\n'
        f"<published>{printed.published_at.isoformat()}</published>\n<updated>{printed.updated_at.isoformat()}</updated>\n"
        f'<{tag} type="html">{escape_xml(_html_paragraphs(article.feed_paragraphs))}</{tag}>\n</entry>\n'
    )


def _json_feed(outlet: Outlet, home: str, printed: Sequence[Printed]) -> str:
    document = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": outlet.name,
        "home_page_url": home,
        "language": outlet.language,
        "items": [_json_item(each) for each in printed],
    }
    return json.dumps(document, ensure_ascii=False, indent=1)


def _json_item(printed: Printed) -> dict[str, object]:
    article = printed.article
    return {
        "id": _guid(article),
        "url": printed.url,
        "title": article.title,
        "content_html": _html_paragraphs(article.feed_paragraphs),
        "date_published": printed.published_at.isoformat(),
        "date_modified": printed.updated_at.isoformat(),
        "authors": [{"name": article.author or article.outlet.name}],
    }


def _guid(article: DemoArticle) -> str:
    return f"{article.outlet.id}.example/{article.guid}"


def _html_paragraphs(paragraphs: Sequence[str]) -> str:
    return "\n".join(f"<p>{escape(each, quote=False)}</p>" for each in paragraphs)


# --- pages ------------------------------------------------------------------------------------------------------------

_STYLE = (
    "body{font:1.1rem/1.6 Georgia,serif;max-width:38rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "nav,footer,.byline{font:.85rem/1.5 sans-serif;color:#666}h1{line-height:1.2}a{color:#225}"
)


def article_page(printed: Printed, others: Sequence[Printed]) -> str:
    """The page of an article, with the boilerplate of a real one: navigation, other headlines, footer."""
    article, outlet = printed.article, printed.article.outlet
    byline = f"{escape(article.author)} · " if article.author else ""
    related = "".join(f'<li><a href="{each.url}">{escape(each.article.title)}</a></li>' for each in others)
    body = (
        f'<nav><a href="/">All outlets</a> · <a href="/{outlet.id}/">{escape(outlet.name)}</a></nav>\n'
        f"<main>\n<h1>{escape(article.title)}</h1>\n"
        f'<p class="byline">{byline}<time datetime="{printed.published_at.isoformat()}">'
        f"{printed.published_at:%d.%m.%Y %H:%M}</time></p>\n<article>\n"
        f"{_html_paragraphs(article.paragraphs)}\n</article>\n</main>\n<aside>\n<ul>{related}</ul>\n</aside>\n"
        f"<footer>{escape(outlet.name)} · an invented outlet of the demo</footer>\n"
    )
    head = f'<link rel="canonical" href="{printed.url}">\n'
    return _page(article.title, outlet.language, body, head)


def front_page(outlet: Outlet, printed: Sequence[Printed]) -> str:
    """The front page of an outlet: its articles, newest first."""
    items = "".join(
        f'<li>{each.published_at:%H:%M} <a href="{each.url}">{escape(each.article.title)}</a></li>\n'
        for each in printed
    )
    head = f'<link rel="alternate" href="{outlet.feed_path}">\n'
    body = f'<nav><a href="/">All outlets</a></nav>\n<h1>{escape(outlet.name)}</h1>\n<ul>\n{items}</ul>\n'
    return _page(outlet.name, outlet.language, body, head)


def index_page(outlets: Sequence[Outlet]) -> str:
    """The index page with links to all outlets."""
    items = "".join(f'<li><a href="/{each.id}/">{escape(each.name)}</a></li>\n' for each in outlets)
    return _page("The demo's newspapers", "en", f"<h1>The demo's newspapers</h1>\n<ul>\n{items}</ul>\n", "")


def _page(title: str, language: str, body: str, head: str) -> str:
    return (
        f'<!doctype html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"{head}<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
