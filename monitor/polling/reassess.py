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
import html
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from monitor.alerting import alert_policy as policy
from monitor.learning.multilingual import QUEUE_EMBEDS_FOR, SemanticScorer
from monitor.matching.matcher import Matcher, Tracker
from monitor.polling import fulltext, missing
from monitor.polling.assess import assess
from monitor.polling.fulltext import FetchedArticle
from monitor.polling.intake import file_article
from monitor.polling.pipeline import Tools, is_without_model, keep_up, semantic_scorer, under_names_of_now, with_missing
from monitor.polling.values import AssessedArticle, FiledArticle
from monitor.reading.extract import FROM_PAGE
from monitor.store import archive, decisions, feeds, page_visits, reassessments, topics
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import LeaseLostError
from monitor.store.reassessments import RangeCounts, Reassessment
from monitor.types.errors import MonitorError
from monitor.types.fetching import Entry, FeedState, PageVisit
from monitor.types.matching import Article, Reason
from monitor.types.stories import Arrival, Cause, KnownArticle

log = logging.getLogger("monitor.reassess")

ARTICLES_AT_ONCE = 32
"""As many texts as an embedder takes in one call at most (`learning.embedding_batches`)."""
BATCHES_AT_ONCE = 2
"""While one batch is decided on and stored, the next one is embedded."""
PAGES_AT_ONCE = 1
"""A page may take 45 seconds with all its limits, and a batch must end within a tick (`service.daemon`)."""
OF_RANGE_AT_ONCE = 50
"""Articles of a range that are scored in one batch: a few hundred milliseconds of one core."""
_RANGE_EMBEDS_FOR = timedelta(seconds=30)
"""Limit for embedding these; what is not embedded then is noted, and decided on by words meanwhile."""
_FAULT_DELAY_FOR, _FAULT_APART_FOR = timedelta(hours=1), timedelta(minutes=1)
LEASE_FOR = timedelta(minutes=3)
"""Longer than a batch may take, so that only a dead process loses its lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """A stored article with what stands of it."""

    id: int
    article: Article
    known: KnownArticle
    judged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassessed:
    """What one batch came to."""

    articles: int = 0
    filed: tuple[FiledArticle, ...] = ()
    is_over: bool = True
    """Nothing more is due."""


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
        found += [await _pages(pages, tools, now=now)] if pages else []
        single = [each for each in claimed if each.article_id is not None and each.cause is not Cause.FULL_TEXT]
        found += [await _articles(single, tools, now=now)] if single else []
        found += [await _range(each, tools, now=now) for each in claimed if each.article_id is None]
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
    _say(claimed, filed)
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
        await tools.db.write(_finish, work)
        return None
    may_wait = _may_wait(work, now)
    semantic = semantic if semantic is None or may_wait else semantic.without_waiting()
    assessed = await asyncio.to_thread(_assess_again, stored, work, tools, semantic, now=now)
    if assessed.waits_for or (may_wait and _is_model_coming(assessed, tools)):
        await tools.db.write(reassessments.put_off, work, now + missing.WAITS_AGAIN_FOR)
        return None
    if work.cause in assessed.missing:  # still not back
        await tools.db.write(reassessments.put_off, work, missing.embedder_again_at(work.attempts, now=now))
        return None
    if work.cause is Cause.SEEDS and not missing.is_new_in_range(assessed.scores, stored.known, work.cause):
        await tools.db.write(_finish, work)
        return None
    if work.cause is Cause.EMBEDDING:
        assessed = await _with_page_wanted(assessed, tools, now=now)
    return await _settle(work, assessed, tools, now=now)


def _may_wait(work: Reassessment, now: datetime) -> bool:
    return missing.may_wait(work.cause, wanted_at=work.wanted_at, attempts=work.attempts, now=now)


def _is_model_coming(assessed: AssessedArticle, tools: Tools) -> bool:
    """Whether the topics will be embedded in a moment, after a start."""
    return is_without_model(assessed.article, tools) and present(tools).is_embedder_expected


async def _with_page_wanted(assessed: AssessedArticle, tools: Tools, *, now: datetime) -> AssessedArticle:
    """The article with a note that its page is to be read, where its scores say so now that it is embedded."""
    feed, is_open = await tools.db.read(_feed_of, assessed.article, tools, now=now)
    is_read = tools.reader is None or feed is None or not is_open or Cause.FULL_TEXT in assessed.missing
    if is_read or feed is None or not fulltext.is_page_wanted(assessed, feed.pages or tools.pages, now=now):
        return assessed
    return replace(assessed, missing={**assessed.missing, Cause.FULL_TEXT: now})


def _is_of_use(cause: Cause, article: Article, tools: Tools) -> bool:
    """Whether anything can come of it: a language in which every topic has seeds needs no embedder."""
    return cause is not Cause.EMBEDDER or (tools.multilingual is not None and tools.multilingual.reads(article))


def load(session: Session, article_ids: Sequence[int]) -> dict[int, StoredArticle]:
    """The stored articles with these ids, with what stands of them."""
    found = {}
    for article_id in article_ids:
        article = archive.article(session, article_id)
        if article is not None:
            found[article_id] = _stored(session, article_id, article)
    return found


def _stored(session: Session, article_id: int, article: Article) -> StoredArticle:
    return StoredArticle(
        id=article_id,
        article=article,
        known=decisions.known_article(session, article_id),
        judged=decisions.judged_near_misses(session, article_id),
    )


def _assess_again(
    stored: StoredArticle, work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> AssessedArticle:
    """Assess a stored article without training topics on it, and with models that it did not train."""
    article = stored.article
    matcher = matcher_of(tools).without(article.title, article.text, article.language)
    assessed = assess(article, matcher, arrival=_arrival(stored, work, tools), semantic=semantic, stored_id=stored.id)
    scores = missing.in_question(assessed.scores, stored.known, only=work.topic, judged=stored.judged)
    return with_missing(replace(assessed, scores=scores), tools, now=now)


def matcher_of(tools: Tools) -> Matcher:
    """The matcher in force, without what makes it learn."""
    return tools.matcher.matcher if isinstance(tools.matcher, Tracker) else tools.matcher


def _arrival(stored: StoredArticle, work: Reassessment, tools: Tools) -> Arrival:
    return Arrival(
        max_age_for=tools.max_age_for,
        cause=work.cause,
        held=stored.known.held,
        at_most=policy.at_most(work.cause, is_range=work.article_id is None),
    )


async def _settle(
    work: Reassessment,
    assessed: AssessedArticle,
    tools: Tools,
    *,
    counts: RangeCounts | None = None,
    visits: Sequence[PageVisit] = (),
    now: datetime,
) -> FiledArticle | None:
    """Store what came of an article. None where another process was first."""
    try:
        filed = await tools.db.write(_write, work, assessed, tools, counts=counts, visits=visits, now=now)
    except LeaseLostError as error:
        log.info("an assessment is thrown away: %s", error)
        return None
    if isinstance(tools.matcher, Tracker):
        article = assessed.article
        tools.matcher.train(article.title, article.text, article.language, assessed.scores)
    if tools.multilingual:
        await tools.db.read(tools.multilingual.learn_late, [filed.article_id])
    return filed


def _write(
    session: Session,
    work: Reassessment,
    assessed: AssessedArticle,
    tools: Tools,
    *,
    counts: RangeCounts | None,
    visits: Sequence[PageVisit],
    now: datetime,
) -> FiledArticle:
    """One transaction: the work is done, and here is what came of it. The lock comes first, as in polls, which may end the
    waiting of an article too."""
    serialize_decisions(session)
    page_visits.record(session, visits, is_again=True)
    if counts is None:
        reassessments.finish(session, work)
    renamed = topics.renamed(session)
    (assessed,), alerting = under_names_of_now([assessed], tools.alerting, renamed)
    filed = file_article(session, assessed, alerting, now=now)
    if counts is not None:
        counts = counts.plus(**_came_of([filed]))
        reassessments.advance(session, work, filed.article_id - 1, counts)
    return filed


def _finish(session: Session, work: Reassessment) -> None:
    try:
        reassessments.finish(session, work)
    except LeaseLostError:
        log.debug("reassessment %d was done meanwhile", work.id)


def _came_of(filed: Sequence[FiledArticle]) -> dict[str, int]:
    return {
        "matches": sum(1 for each in filed if each.new_matches),
        "alerts": sum(len(each.alerts) for each in filed),
        "kept": sum(1 for each in filed if _is_kept(each)),
    }


def _is_kept(filed: FiledArticle) -> bool:
    return any(
        each.reason is Reason.BACKLOG and each.topic in filed.new_matches and not filed.alerts
        for each in filed.decision.topics
    )


def _say(claimed: Sequence[Reassessment], filed: Sequence[FiledArticle]) -> None:
    for cause in dict.fromkeys(each.cause for each in claimed):
        ids = {each.article_id for each in claimed if each.cause is cause}
        done = [each for each in filed if each.article_id in ids]
        if done:
            _log(cause, "", RangeCounts(articles=len(done)).plus(**_came_of(done)))


def _log(cause: Cause, topic: str, counts: RangeCounts) -> None:
    log.info(
        "reassessed cause=%s topic=%s articles=%d matches=%d alerts=%d%s",
        cause.removeprefix("reassessed: ").replace(" ", "-"),
        topic or "all",
        counts.articles,
        counts.matches,
        counts.alerts,
        f" kept={counts.kept}: more than are told at once; they are on the page of matches" if counts.kept else "",
    )


# --- ranges -------------------------------------------------------------------------------------------------------------


async def _range(work: Reassessment, tools: Tools, *, now: datetime) -> Reassessed:
    """A batch of a range, the newest articles first, so that these are the ones that are told."""
    if work.topic and work.topic not in {each.name for each in tools.matcher.topics}:
        await tools.db.write(_finish, work)
        return Reassessed()
    stored = await tools.db.read(load_range, work.first_id, work.next_id, limit=OF_RANGE_AT_ONCE)
    articles = [each.article for each in stored]
    semantic = await semantic_scorer(articles, tools, within_for=_RANGE_EMBEDS_FOR, may_wait=False)
    async with tools.in_turn:
        await keep_up(tools)
        return await _settle_range(stored, work, tools, semantic, now=now)


async def _settle_range(
    stored: Sequence[StoredArticle], work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> Reassessed:
    assessed = await asyncio.to_thread(_assess_range, stored, work, tools, semantic, now=now)
    changed = [again for each, again in assessed if missing.is_new_in_range(again.scores, each.known, work.cause)]
    unembedded = [each.id for each, again in assessed if Cause.EMBEDDER in again.missing and again not in changed]
    filed: list[FiledArticle] = []
    counts = work.counts
    for each in changed:
        done = await _settle(work, each, tools, counts=counts, now=now)
        if done is None:
            return Reassessed(articles=len(stored), filed=tuple(filed))
        filed.append(done)
        counts = counts.plus(**_came_of([done]))
    counts = counts.plus(articles=len(stored))
    next_id = stored[-1].id - 1 if stored else work.first_id - 1
    is_done = await tools.db.write(_end_batch, work, next_id, counts, unembedded, now=now)
    if is_done and counts.articles:
        _log(work.cause, work.topic, counts)
    return Reassessed(articles=len(stored), filed=tuple(filed))


def load_range(session: Session, first_id: int, next_id: int, *, limit: int) -> list[StoredArticle]:
    """The newest stored articles of a range of ids, with what stands of them, the newest first."""
    found = archive.newest_down_to(session, first_id, next_id, limit=limit)
    return [_stored(session, article_id, article) for article_id, article in found]


def _assess_range(
    stored: Sequence[StoredArticle], work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> list[tuple[StoredArticle, AssessedArticle]]:
    return [(each, _assess_again(each, work, tools, semantic, now=now)) for each in stored]


def _end_batch(
    session: Session,
    work: Reassessment,
    next_id: int,
    counts: RangeCounts,
    unembedded: Sequence[int],
    *,
    now: datetime,
) -> bool:
    """Note how far it went, and which articles are to be compared again when the embedder is back; True where the range is done."""
    serialize_decisions(session)
    reassessments.add_articles(session, {each: {Cause.EMBEDDER: now} for each in unembedded}, now=now)
    try:
        if next_id < work.first_id:
            reassessments.finish(session, work)
            return True
        reassessments.advance(session, work, next_id, counts)
    except LeaseLostError:
        log.debug("reassessment %d was done, or replaced, meanwhile", work.id)
    return False


# --- pages --------------------------------------------------------------------------------------------------------------


async def _pages(claimed: Sequence[Reassessment], tools: Tools, *, now: datetime) -> Reassessed:
    stored = await tools.db.read(load, [each.article_id or 0 for each in claimed])
    filed: list[FiledArticle] = []
    for work in claimed:
        known = stored.get(work.article_id or 0)
        done = await _page(known, work, tools, now=now) if known else None
        filed += [done] if done else []
        if known is None:
            await tools.db.write(_finish, work)
    _say(claimed, filed)
    return Reassessed(articles=len(claimed), filed=tuple(filed))


async def _page(stored: StoredArticle, work: Reassessment, tools: Tools, *, now: datetime) -> FiledArticle | None:
    """Ask for an article's page again, where that still can change anything, and decide by what it says."""
    semantic = await semantic_scorer([stored.article], tools)
    assessed = await asyncio.to_thread(_assess_again, stored, work, tools, semantic, now=now)
    feed, is_open = await tools.db.read(_feed_of, stored.article, tools, now=now)
    if feed is None or not fulltext.is_page_wanted(assessed, feed.pages or tools.pages, now=now):
        await tools.db.write(_finish, work)
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
        read = await asyncio.to_thread(_assess_again, fuller, work, tools, of_page, now=now)
        return await _settle(work, read, tools, visits=[page.visit], now=now)


def _as_stored(read: Article, stored: Article) -> Article:
    """The text of the page, under the dates and address of the stored article."""
    return replace(read, url=read.canonical or stored.url, published_at=stored.published_at, seen_at=stored.seen_at)


def _feed_of(session: Session, article: Article, tools: Tools, *, now: datetime) -> tuple[FeedState | None, bool]:
    """The feed that showed the article, and whether its page may be asked for now."""
    is_open = page_visits.may_fetch(session, article.url, per_day=tools.pages_per_day, now=now, is_again=True)
    return feeds.state(session, article.source), is_open


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
        _finish(session, work)
    else:
        reassessments.put_off(session, work, due_at)


def _page_is_of_no_use(session: Session, work: Reassessment, visit: PageVisit) -> None:
    page_visits.record(session, [visit], is_again=True)
    _finish(session, work)
