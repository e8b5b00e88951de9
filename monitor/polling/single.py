"""One article by its address, fetched and read as pages are in a poll: for seeds, and to explain what topics make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.net.addresses import AddressPolicy
from monitor.polling.fulltext import as_web_page
from monitor.reading.extract import PAGE_IS_OTHER, extract
from monitor.reading.fetch import PAGE_TYPES, Fetcher
from monitor.reading.webpage import WebPage, parse_html
from monitor.reading.workers import Workers
from monitor.text import urls
from monitor.text.tokens import plain_line
from monitor.types.errors import FetchError
from monitor.types.fetching import Entry, PageVisit
from monitor.types.matching import Article


async def fetch_article(
    fetcher: Fetcher, workers: Workers, url: str, *, policy: AddressPolicy, now: datetime
) -> Article:
    """The article at an address. Raises FetchError, with code `no article` where there is none."""
    fetched = await fetcher.get(url, now=now, accept=PAGE_TYPES, policy=policy)
    page = as_web_page(url, fetched, now)
    if isinstance(page, PageVisit):
        raise FetchError(page.outcome, url=url, code="no article")
    return await workers.run(read_page, page, now)


def read_page(page: WebPage, now: datetime) -> Article:
    """A page as an article (runs in a worker process): title from its markup, text extracted as in a poll with full text."""
    entry = Entry(guid=page.url, url=page.url, title=page_title(page.body, page.media_type))
    article = extract(entry, source=urls.host(page.url), seen_at=now, page=page)
    if article.page != PAGE_IS_OTHER:
        return article
    # The title is the page's own and may name the site only, so a mismatch with the text means nothing here.
    untitled = extract(replace(entry, title=""), source=article.source, seen_at=now, page=page)
    return replace(untitled, title=entry.title)


def page_title(body: bytes, media_type: str = "") -> str:
    """The title of a page: og:title, else its only <h1>, else <title>; '' where there is none."""
    page = parse_html(body, media_type)
    if page is None:
        return ""
    headings = [each.text_content() for each in page.iter("h1")]
    offers = [
        *page.xpath("//meta[@property='og:title']/@content"),
        *(headings if len(headings) == 1 else ()),
        *(each.text_content() for each in page.iter("title")),
    ]
    return next((found for each in offers if (found := plain_line(str(each), limit=1000))), "")
