"""Ask for the pages of stored articles again that could not be read when they arrived, and decide by what they say."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.polling import fulltext, missing
from monitor.polling.fulltext import FetchedArticle
from monitor.polling.reassessing.stored_articles import (
    Reassessed,
    StoredArticle,
    assess_again,
    feed_of,
    finish,
    load,
    log_batch,
    settle,
)
from monitor.polling.tools import Tools, keep_up, semantic_scorer
from monitor.polling.values import FiledArticle
from monitor.reading.extract import FROM_PAGE
from monitor.store import page_visits, reassessments
from monitor.store.db import Session
from monitor.store.reassessments import Reassessment
from monitor.types.fetching import Entry, FeedState, PageVisit
from monitor.types.matching import Article


async def reassess_pages(claimed: Sequence[Reassessment], tools: Tools, *, now: datetime) -> Reassessed:
    """Ask for the pages of these articles again, one after the other."""
    stored = await tools.db.read(load, [each.article_id or 0 for each in claimed])
    filed: list[FiledArticle] = []
    for work in claimed:
        known = stored.get(work.article_id or 0)
        done = await _page(known, work, tools, now=now) if known else None
        filed += [done] if done else []
        if known is None:
            await tools.db.write(finish, work)
    log_batch(claimed, filed)
    return Reassessed(articles=len(claimed), filed=tuple(filed))


async def _page(stored: StoredArticle, work: Reassessment, tools: Tools, *, now: datetime) -> FiledArticle | None:
    """Ask for an article's page again, where that still can change anything, and decide by what it says."""
    semantic = await semantic_scorer([stored.article], tools)
    assessed = await asyncio.to_thread(assess_again, stored, work, tools, semantic, now=now)
    feed, is_open = await tools.db.read(feed_of, stored.article, tools, now=now)
    if feed is None or not fulltext.is_page_wanted(assessed, feed.pages or tools.pages, now=now):
        await tools.db.write(finish, work)
        return None
    page = await _ask(stored.article, feed, tools, now=now) if is_open else None
    if page is None or page.visit.is_passing:
        await tools.db.write(_page_later, work, page.visit if page else None, now=now)
        return None
    if page.article is None or page.article.page != FROM_PAGE:
        await tools.db.write(_page_is_of_no_use, work, page.visit)
        return None
    fuller = replace(stored, article=_as_stored(page.article, stored.article))
    of_page = await semantic_scorer([fuller.article], tools)
    async with tools.in_turn:
        await keep_up(tools)
        read = await asyncio.to_thread(assess_again, fuller, work, tools, of_page, now=now)
        return await settle(work, read, tools, visits=[page.visit], now=now)


def _as_stored(read: Article, stored: Article) -> Article:
    """The text of the page, under the dates and address of the stored article."""
    return replace(read, url=read.canonical or stored.url, published_at=stored.published_at, seen_at=stored.seen_at)


async def _ask(article: Article, feed: FeedState, tools: Tools, *, now: datetime) -> FetchedArticle | None:
    assert tools.reader is not None
    entry = Entry(
        guid=article.guid,
        url=article.url,
        title=article.title,
        published_at=article.published_at,
        author=article.author,
        summary_html=html.escape(article.text),
    )
    pages = await tools.reader.read([entry], feed, language=feed.language, now=now)
    return pages[0] if pages else None


def _page_later(session: Session, work: Reassessment, visit: PageVisit | None, *, now: datetime) -> None:
    if visit:
        page_visits.record(session, [visit], is_again=True)
    due_at = missing.page_again_at(visit, work.attempts + 1, now=now)
    if due_at is None:
        finish(session, work)
    else:
        reassessments.put_off(session, work, due_at)


def _page_is_of_no_use(session: Session, work: Reassessment, visit: PageVisit) -> None:
    page_visits.record(session, [visit], is_again=True)
    finish(session, work)
