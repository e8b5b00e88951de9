"""Assess stored articles again: those for which topics, the embedder or their page were missing, and those of late when a topic
changed or a person asks for it. One mechanism, a small batch at a time, so that polls never wait for it.

    claim        reassessments.claim                        one short transaction: leases
    read         the stored articles, and what stands of them
    assess       embeddings, scores, a page: no transaction open
    settle       done with it, and intake.file_article      ONE writing transaction for each article

`polling.missing` decides (pure) what can be assessed again and what is decided anew. What is decided goes the way of all
articles, known -> decide -> write: nothing that was told is told again, and what is old is stored and not told.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from monitor.learning.multilingual import QUEUE_EMBEDS_FOR, SemanticScorer
from monitor.polling import fulltext, missing
from monitor.polling.reassessing.pages import reassess_pages
from monitor.polling.reassessing.ranges import reassess_range
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
from monitor.polling.tools import Tools, is_without_model, keep_up, semantic_scorer
from monitor.polling.values import AssessedArticle, FiledArticle
from monitor.store import reassessments, topics
from monitor.store.db import Session
from monitor.store.reassessments import Reassessment
from monitor.types.errors import MonitorError
from monitor.types.matching import Article
from monitor.types.stories import Cause

log = logging.getLogger("monitor.reassess")

ARTICLES_AT_ONCE = 32
"""As many texts as an embedder takes in one call at most (`learning.embedding_batches`)."""
BATCHES_AT_ONCE = 2
"""While one batch is decided on and stored, the next one is embedded."""
PAGES_AT_ONCE = 1
"""A page may take 45 seconds with all its limits, and a batch must end within a tick (`service.daemon`)."""
_FAULT_DELAY_FOR, _FAULT_APART_FOR = timedelta(hours=1), timedelta(minutes=1)
LEASE_FOR = timedelta(minutes=3)
"""Longer than a batch may take, so that only a dead process loses its lease."""


async def reassess_due(
    tools: Tools, *, now: datetime, lease_for: timedelta = LEASE_FOR, is_urgent_only: bool = False
) -> Reassessed:
    """Assess one batch of what is due again. `is_urgent_only`: only what was not decided on yet, as it waits for its embedding."""
    causes = missing.back(present(tools))
    causes = tuple(each for each in causes if each is Cause.EMBEDDING) if is_urgent_only else causes
    if not causes or not await tools.db.read(reassessments.is_any_due, causes, now=now):
        return Reassessed()
    claimed = await tools.db.write(_claim, causes, tools.topics_revision, now=now, lease_for=lease_for)
    found: list[Reassessed] = []
    try:
        pages = [each for each in claimed if each.cause is Cause.FULL_TEXT]
        found += [await reassess_pages(pages, tools, now=now)] if pages else []
        single = [each for each in claimed if each.article_id is not None and each.cause is not Cause.FULL_TEXT]
        found += [await _articles(single, tools, now=now)] if single else []
        found += [await reassess_range(each, tools, now=now) for each in claimed if each.article_id is None]
    except MonitorError:
        raise
    except Exception:
        log.exception("assessing again failed in an unforeseen way; put off for an hour")
        await tools.db.write(_put_off, claimed, now + _FAULT_DELAY_FOR)
    finally:
        await tools.db.write(_give_back, claimed)
    filed = tuple(each for batch in found for each in batch.filed)
    return Reassessed(articles=sum(each.articles for each in found), filed=filed, is_over=not claimed)


def present(tools: Tools) -> missing.Present:
    """What is there to assess articles with now."""
    multilingual = tools.multilingual
    is_expected = multilingual is not None and multilingual.embedding.is_on and not multilingual.embedding.is_paused
    return missing.Present(
        topics=bool(tools.matcher.topics),
        embedder=multilingual is not None and multilingual.is_ready and tools.are_seeds_embedded,
        is_embedder_expected=is_expected and multilingual is not None and multilingual.embedding.problem is None,
        pages=tools.reader is not None,
    )


def _claim(
    session: Session, causes: Sequence[Cause], revision: int | None, *, now: datetime, lease_for: timedelta
) -> list[Reassessment]:
    """A batch of work; none while the matcher is older than the topics. Ranges wait for articles that were decided without any
    topic, which are told more freely."""
    reassessments.drop_old(session, now=now)
    if revision is not None and topics.latest_revision(session) != revision:
        return []
    of_pages = [each for each in causes if each is Cause.FULL_TEXT]
    others = [each for each in causes if each is not Cause.FULL_TEXT]
    claim = partial(reassessments.claim, session, now=now, lease_for=lease_for)
    found = claim(of_pages, is_range=False, limit=PAGES_AT_ONCE)
    found += claim(others, is_range=False, limit=BATCHES_AT_ONCE * ARTICLES_AT_ONCE)
    if not found and Cause.TOPICS not in reassessments.waiting(session):
        found = claim(others, is_range=True, limit=1)
    return found


def _put_off(session: Session, claimed: Sequence[Reassessment], due_at: datetime) -> None:
    """Each a little later than the one before: what failed is then not in one batch with the same others for ever."""
    for number, each in enumerate(claimed):
        reassessments.put_off(session, each, due_at + number * _FAULT_APART_FOR)


def _give_back(session: Session, claimed: Sequence[Reassessment]) -> None:
    """End the leases of what is not done, at once: another batch, or another node, goes on with it."""
    for each in claimed:
        reassessments.give_back(session, each)


# --- single articles ----------------------------------------------------------------------------------------------------


async def _articles(claimed: Sequence[Reassessment], tools: Tools, *, now: datetime) -> Reassessed:
    stored = await tools.db.read(load, [each.article_id or 0 for each in claimed])
    filed: list[FiledArticle] = []
    async for work, semantic in _embedded(claimed, stored, tools):
        async with tools.in_turn:
            await keep_up(tools)
            done = await _one(stored.get(work.article_id or 0), work, tools, semantic, now=now)
        filed += [done] if done else []
    late = sum(each.cause is Cause.EMBEDDING and not _may_wait(each, now) for each in claimed)
    if late:
        waited_for = missing.WAITS_AT_MOST_FOR.total_seconds() / 60
        log.warning(
            "%d articles waited more than %g minutes for their embedding: the embedder is too slow", late, waited_for
        )
    log_batch(claimed, filed)
    return Reassessed(articles=len(claimed), filed=tuple(filed))


async def _embedded(
    claimed: Sequence[Reassessment], stored: Mapping[int, StoredArticle], tools: Tools
) -> AsyncIterator[tuple[Reassessment, SemanticScorer | None]]:
    """The work with a scorer for its articles. The next batch is embedded while this one is worked on."""
    batches = [claimed[at : at + ARTICLES_AT_ONCE] for at in range(0, len(claimed), ARTICLES_AT_ONCE)]

    def embed(batch: Sequence[Reassessment]) -> asyncio.Task[SemanticScorer | None]:
        articles = [found.article for each in batch if (found := stored.get(each.article_id or 0))]
        within_for = max(QUEUE_EMBEDS_FOR, tools.embeds_for)
        return asyncio.create_task(semantic_scorer(articles, tools, within_for=within_for))

    under_way = embed(batches[0])
    try:
        for number, batch in enumerate(batches):
            semantic = await under_way
            under_way = embed(batches[number + 1]) if number + 1 < len(batches) else under_way
            for work in batch:
                yield work, semantic
    finally:
        under_way.cancel()


async def _one(
    stored: StoredArticle | None, work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> FiledArticle | None:
    if stored is None or not _is_of_use(work.cause, stored.article, tools):
        await tools.db.write(finish, work)
        return None
    may_wait = _may_wait(work, now)
    semantic = semantic if semantic is None or may_wait else semantic.without_waiting()
    assessed = await asyncio.to_thread(assess_again, stored, work, tools, semantic, now=now)
    if assessed.waits_for or (may_wait and _is_model_coming(assessed, tools)):
        await tools.db.write(reassessments.put_off, work, now + missing.WAITS_AGAIN_FOR)
        return None
    if work.cause in assessed.missing:  # still not back
        await tools.db.write(reassessments.put_off, work, missing.embedder_again_at(work.attempts, now=now))
        return None
    if work.cause is Cause.SEEDS and not missing.is_new_in_range(assessed.scores, stored.known, work.cause):
        await tools.db.write(finish, work)
        return None
    if work.cause is Cause.EMBEDDING:
        assessed = await _with_page_wanted(assessed, tools, now=now)
    return await settle(work, assessed, tools, now=now)


def _may_wait(work: Reassessment, now: datetime) -> bool:
    return missing.may_wait(work.cause, wanted_at=work.wanted_at, attempts=work.attempts, now=now)


def _is_model_coming(assessed: AssessedArticle, tools: Tools) -> bool:
    """Whether the topics will be embedded in a moment, after a start."""
    return is_without_model(assessed.article, tools) and present(tools).is_embedder_expected


async def _with_page_wanted(assessed: AssessedArticle, tools: Tools, *, now: datetime) -> AssessedArticle:
    """The article with a note that its page is to be read, where its scores say so now that it is embedded."""
    feed, is_open = await tools.db.read(feed_of, assessed.article, tools, now=now)
    is_read = tools.reader is None or feed is None or not is_open or Cause.FULL_TEXT in assessed.missing
    if is_read or feed is None or not fulltext.is_page_wanted(assessed, feed.pages or tools.pages, now=now):
        return assessed
    return replace(assessed, missing={**assessed.missing, Cause.FULL_TEXT: now})


def _is_of_use(cause: Cause, article: Article, tools: Tools) -> bool:
    """Whether anything can come of it: a language in which every topic has seeds needs no embedder."""
    return cause is not Cause.EMBEDDER or (tools.multilingual is not None and tools.multilingual.reads(article))
