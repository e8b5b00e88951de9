"""Which pages of a poll's articles are read, and what follows from what they hold: the articles are assessed again, and it is noted
what each was assessed without."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.learning.multilingual import SemanticScorer
from monitor.polling import fulltext, missing
from monitor.polling.assess import assess
from monitor.polling.fulltext import FetchedArticle
from monitor.polling.tools import Tools, is_without_model
from monitor.polling.values import AssessedArticle
from monitor.reading.extract import FROM_PAGE
from monitor.store import articles, page_visits
from monitor.store.db import Session
from monitor.stories import copies
from monitor.text import urls
from monitor.types.fetching import FeedState
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesToRead:
    """The pages that a poll wants to read, by the guids of their articles."""

    guids: tuple[str, ...] = ()
    """Nearest to a threshold first."""
    paused: Mapping[str, datetime] = field(default_factory=dict)
    """Those that are not asked for, as their host is paused, until when."""


async def pages_wanted(
    feed: FeedState, assessed: Sequence[AssessedArticle], tools: Tools, *, now: datetime
) -> PagesToRead:
    wanted = [each for each in assessed if fulltext.is_page_wanted(each, feed.pages or tools.pages, now=now)]
    if tools.reader is None or not wanted:
        return PagesToRead()
    return await tools.db.read(_pages_to_read, wanted, tools, now=now)


def _pages_to_read(session: Session, wanted: Sequence[AssessedArticle], tools: Tools, *, now: datetime) -> PagesToRead:
    """Which pages to read, nearest to a threshold first, copies of stored articles left out."""
    guids: list[str] = []
    paused: dict[str, datetime] = {}
    hosts: Counter[str] = Counter()
    for each in sorted(wanted, key=fulltext.urgency):
        url, host = each.article.url, urls.host(each.article.url)
        is_open = page_visits.may_fetch(session, url, per_day=tools.pages_per_day - hosts[host], now=now)
        if is_open and not _is_copy(session, each, now):
            guids.append(each.article.guid)
            hosts[host] += 1
        until_at = (
            None if is_open or page_visits.is_visited(session, url) else page_visits.paused_until(session, url, now=now)
        )
        if until_at and not _is_copy(session, each, now):
            paused[each.article.guid] = until_at
    return PagesToRead(guids=tuple(guids[: tools.pages_per_poll]), paused=paused)


def _is_copy(session: Session, assessed: AssessedArticle, now: datetime) -> bool:
    met = articles.find_candidates(session, assessed.article, assessed.fingerprint, assessed.sighting, now=now)
    return copies.classify(assessed.article, met.known).kind is ArticleKind.COPY


def assess_with_pages(
    assessed: Sequence[AssessedArticle],
    pages: Sequence[FetchedArticle],
    tools: Tools,
    semantic: SemanticScorer | None,
    of_pages: SemanticScorer | None,
) -> tuple[AssessedArticle, ...]:
    """Assess all articles again, in order, with the fuller text of pages that were read, and note what came of each page."""
    fuller = {each.article.guid: each.article for each in pages if each.article and each.article.page == FROM_PAGE}
    by_url = {each.visit.url: each.visit.outcome for each in pages}
    noted = [_with_page_outcome(each, by_url.get(each.article.url, "")) for each in assessed]
    return tuple(
        assess(
            fuller.get(each.article.guid, each.article),
            tools.matcher,
            arrival=each.arrival,
            sighting=each.sighting,
            semantic=of_pages if each.article.guid in fuller else semantic,
        )
        for each in noted
    )


def _with_page_outcome(assessed: AssessedArticle, outcome: str) -> AssessedArticle:
    return replace(assessed, article=replace(assessed.article, page=outcome)) if outcome else assessed


def note_missing(
    assessed: Sequence[AssessedArticle],
    pages: Sequence[FetchedArticle],
    asked: PagesToRead,
    tools: Tools,
    *,
    now: datetime,
) -> tuple[AssessedArticle, ...]:
    """Note for each article what it was assessed without, for it to be assessed again."""
    visits = {each.visit.url: each.visit for each in pages}

    def page_at(article: Article) -> datetime | None:
        if article.guid in asked.paused:
            return asked.paused[article.guid]
        return missing.page_again_at(visits.get(article.url), 0, now=now) if article.guid in asked.guids else None

    return tuple(with_missing(each, tools, page_at=page_at(each.article), now=now) for each in assessed)


def with_missing(
    assessed: AssessedArticle, tools: Tools, *, page_at: datetime | None = None, now: datetime
) -> AssessedArticle:
    """The article with a note of what it was assessed without."""
    found = missing.of_article(
        assessed.article,
        has_topics=bool(tools.alerting.topics),
        is_unembedded=assessed.is_unembedded or is_without_model(assessed.article, tools),
        is_waiting=bool(assessed.waits_for),
        page_at=page_at,
        now=now,
    )
    return replace(assessed, missing=found) if found else assessed
