"""Poll one feed, end to end: fetch, parse, extract, assess, file, alert.

    fetched  = fetcher.get(feed.url, feed.validators)      network, no transaction open
    document = read_document(fetched)                      a worker process, killed past its limit; what is not known of it
    assessed = assess(each of read_articles(fresh))        worker process; processor
    pages    = reader.read(those near a threshold)         network and worker process: full text if it pays
    settle: file_articles, notices, feeds.settle           ONE writing transaction

Everything found out by one poll is saved in one transaction, validators and time of the next poll included: kill the process at
any line and either all of it is there or the next poll finds it again. Deliveries are made elsewhere, from the store.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from monitor.alerting import notices, silence_notices
from monitor.learning.multilingual import SemanticScorer
from monitor.learning.tracker import Tracker
from monitor.net.addresses import AddressPolicy
from monitor.polling import bursts, cadence, embedding_budget, silence
from monitor.polling.assess import assess, confirm_stored
from monitor.polling.bursts import DetectedBurst
from monitor.polling.document import ReadDocument, body_hash, read_document
from monitor.polling.fulltext import FetchedArticle
from monitor.polling.intake import file_articles
from monitor.polling.pages import PagesToRead, assess_with_pages, note_missing, pages_wanted
from monitor.polling.tools import Tools, keep_up, semantic_scorer
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.polling.watching import keep_watch
from monitor.reading.extract import read_articles
from monitor.store import articles, page_visits, topics
from monitor.store.articles import Sighting
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import feed_leases
from monitor.store.indexes import known_entries
from monitor.store.stories.story_articles import outlet_of_feed
from monitor.text import urls
from monitor.types.alerting import Alert
from monitor.types.digests import content_key
from monitor.types.errors import FetchError, HostRestsError, MonitorError, ParseError
from monitor.types.fetching import Entry, FeedEvent, FeedState, FeedUpdate, Fetched, PageVisit, Validators
from monitor.types.matching import Article, Reason
from monitor.types.stories import Arrival, ArticleKind, Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """The outcome of one poll: the values of its log line."""

    feed: str
    outcome: str
    entries: int = 0
    filed: tuple[FiledArticle, ...] = ()
    event: FeedEvent | None = None
    error: str | None = None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts that this poll decided on."""
        return tuple(alert for each in self.filed for alert in each.alerts)

    @property
    def matches(self) -> int:
        """Articles that matched some topic."""
        return sum(1 for each in self.filed if each.decision.topics)


async def poll(feed: FeedState, tools: Tools, *, now: datetime) -> Polled:
    """Poll one leased feed and settle it. Faults of the publisher are recorded with the feed, our own are raised.

    Raises HostRestsError where a host that it leads to wants to be left alone: the feed is not settled then.
    """
    in_full = silence.is_to_be_asked_in_full(feed, now=now)
    try:
        fetched = await _fetch(feed, tools, now, in_full=in_full)
        document = await read_document(feed, fetched, tools.workers, tools.db)
        read = await _read(feed, document, tools, now) if document else None
    except HostRestsError:
        raise
    except (FetchError, ParseError) as error:
        update = cadence.update_after_failure(
            feed, error, tools.cadence, is_asked_in_full=in_full, now=now, jitter=random.random()
        )
        return await tools.db.write(_settle, feed, update, tools=tools, error=error, now=now)
    parsed = document.parsed if document else None
    update = cadence.update_after_answer(
        feed,
        fetched,
        parsed,
        tools.cadence,
        body_hash=body_hash(fetched),
        is_asked_in_full=in_full or feed.validators == Validators(),
        now=now,
        jitter=random.random(),
    )
    settle = partial(_settle, feed=feed, update=update, tools=tools, document=document, in_full=in_full, now=now)
    return await (_in_turn(feed, read, settle, tools, now) if read else tools.db.write_together(settle))


async def _in_turn(feed: FeedState, read: _Read, settle: Callable[..., Polled], tools: Tools, now: datetime) -> Polled:
    """Assess what was read and store it before another poll is assessed: each article is compared with all that were stored before
    it, and topics learn in the order of the archive, so that a backtest finds the same. Pages are read between two turns."""
    async with _turn(tools):
        assessed = await asyncio.to_thread(_assess_all, feed, read, tools)
        asked = await pages_wanted(feed, assessed, tools, now=now)
        if not asked.guids:
            return await _store(assessed, (), asked, settle, tools, now=now)
    entries = {each.guid: each for each in read.entries}
    assert tools.reader is not None
    wanted = [entries[guid] for guid in asked.guids]
    pages = await tools.reader.read(wanted, feed, language=read.language, now=now)
    of_pages = await semantic_scorer([each.article for each in pages if each.article], tools)
    async with _turn(tools):
        assessed = await asyncio.to_thread(assess_with_pages, assessed, pages, tools, read.semantic, of_pages)
        return await _store(assessed, pages, asked, settle, tools, now=now)


@asynccontextmanager
async def _turn(tools: Tools) -> AsyncIterator[None]:
    """What topics learn within is undone unless it was stored. Articles whose pages are read are assessed again: each would match
    its own teaser, and after a restart the topic would be another."""
    async with tools.in_turn:
        await keep_up(tools)
        tracker = tools.matcher if isinstance(tools.matcher, Tracker) else None
        before = tracker.matcher if tracker else None
        try:
            yield
        finally:
            if tracker and before:
                tracker.undo_unstored(before)


async def _store(
    assessed: Sequence[AssessedArticle],
    pages: Sequence[FetchedArticle],
    asked: PagesToRead,
    settle: Callable[..., Polled],
    tools: Tools,
    *,
    now: datetime,
) -> Polled:
    assessed = note_missing(assessed, pages, asked, tools, now=now)
    visits = tuple(each.visit for each in pages)
    polled: Polled = await tools.db.write(settle, assessed=assessed, visits=visits)
    confirm_stored(assessed, tools.matcher)
    return polled


async def _fetch(feed: FeedState, tools: Tools, now: datetime, *, in_full: bool) -> Fetched:
    async def permit(url: str) -> AddressPolicy | None:
        """`allow_private` opens the feed's own server, not whatever that one redirects to."""
        is_own = feed.allow_private and urls.is_same_server(url, feed.url)
        return tools.private_policy if is_own else tools.feed_policy

    async def gate(host: str) -> None:
        rest = await tools.db.read(page_visits.host_rest, host)
        if rest and rest.until_at > now:
            raise HostRestsError(host, rest.until_at, url=feed.url)

    validators = Validators() if in_full else feed.validators
    return await tools.fetcher.get(feed.url, validators=validators, now=now, permit=permit, gate=gate)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """The new and changed articles of a poll, embedded as far as there was time."""

    entries: Sequence[Entry]
    articles: Sequence[Article]
    language: str | None
    semantic: SemanticScorer | None


async def _read(feed: FeedState, document: ReadDocument, tools: Tools, now: datetime) -> _Read | None:
    fresh = document.fresh
    if not fresh:
        return None
    language = feed.language or document.parsed.language
    read = await tools.workers.run_for(feed.name, read_articles, tuple(fresh), feed.name, now, language)
    if undated := [each for each in fresh if each.published_at is None]:
        read = await tools.db.read(_with_known_dates, feed, undated, read)
    left_out = await embedding_budget.left_out(
        read, tools.db, tools.multilingual, tools.matcher, per_day=tools.embeds_per_day, now=now
    )
    semantic = await semantic_scorer(read, tools, left_out=left_out)
    return _Read(entries=fresh, articles=read, language=language, semantic=semantic)


def _with_known_dates(
    session: Session, feed: FeedState, undated: Sequence[Entry], read: Sequence[Article]
) -> tuple[Article, ...]:
    """An article whose date cannot be read is as old as the feed, or any other, showed it before: it must not pass for new."""
    known = articles.publication_dates(session, feed.id, undated)
    return tuple(
        replace(each, published_at=min(known[each.guid], each.published_at)) if each.guid in known else each
        for each in read
    )


def _note_newer_topics(
    session: Session, assessed: Sequence[AssessedArticle], tools: Tools, *, now: datetime
) -> Sequence[AssessedArticle]:
    """Where topics changed while these articles were assessed, they are assessed again: they come too late to be among those
    of late that are compared with a topic when it changes."""
    if tools.topics_revision is None or topics.latest_revision(session) == tools.topics_revision:
        return assessed
    return [replace(each, missing={**each.missing, Cause.SEEDS: now}) for each in assessed]


def _assess_all(feed: FeedState, of: _Read, tools: Tools) -> tuple[AssessedArticle, ...]:
    """Assess oldest first, as if they had arrived one by one."""
    read = of.articles
    newest_first = sorted(range(len(read)), key=lambda i: read[i].published_at, reverse=True)
    assessed = []
    for rank, i in reversed(list(enumerate(newest_first))):
        arrival = Arrival(
            is_first_poll=feed.first_polled_at is None,
            first_poll=feed.first_poll,
            latest=feed.first_poll_latest,
            rank=rank,
            max_age_for=tools.max_age_for,
        )
        sighting = Sighting(feed_id=feed.id, guid=of.entries[i].guid, content_key=content_key(of.entries[i]))
        assessed.append(assess(read[i], tools.matcher, arrival=arrival, sighting=sighting, semantic=of.semantic))
    return tuple(assessed)


def _settle(
    session: Session,
    feed: FeedState,
    update: FeedUpdate,
    assessed: Sequence[AssessedArticle] = (),
    *,
    tools: Tools,
    now: datetime,
    visits: Sequence[PageVisit] = (),
    document: ReadDocument | None = None,
    in_full: bool = False,
    error: MonitorError | None = None,
) -> Polled:
    page_visits.record(session, visits)
    assessed = _with_canonical_urls(session, assessed)
    assessed, burst = bursts.mark_bursts(session, feed, assessed, now=now)
    feed_leases.settle(session, update)
    if document and document.is_known_changed:
        known_entries.save(session, feed.id, document.known)
    _settle_hosts(session, update, now=now)
    if assessed:
        serialize_decisions(session)
        assessed = _note_newer_topics(session, assessed, tools, now=now)
    assessed, alerting = under_names_of_now(assessed, tools.alerting, topics.renamed(session) if assessed else {})
    filed = file_articles(session, ((each, now) for each in assessed), alerting)
    if burst:
        _notify_burst(session, feed, burst, filed, tools.alerting, now=now)
    event = cadence.event_of(feed, update)
    if event:
        notices.notify_feed(session, feed, update, event, channels=tools.alerting.channels, now=now)
    parsed = document.parsed if document else None
    if error is None:
        keep_watch(session, feed, update, parsed, in_full=in_full, now=now)
        silence_notices.tell(session, channels=tools.alerting.channels, now=now)
    return Polled(
        feed=feed.name,
        outcome=update.outcome,
        entries=parsed.size if parsed else 0,
        filed=filed,
        event=event,
        error=update.error if error else None,
    )


def _settle_hosts(session: Session, update: FeedUpdate, *, now: datetime) -> None:
    """Rest the host that refused; one that answered begins anew."""
    if update.refusal:
        known = page_visits.host_rest(session, update.refusal.host)
        page_visits.rest_host(session, update.refusal.host, cadence.host_rest(known, update.refusal, now=now))
    elif update.answering_hosts:
        page_visits.end_refusals(session, update.answering_hosts)


def under_names_of_now(
    assessed: Sequence[AssessedArticle], alerting: AlertingContext, renamed: Mapping[str, str]
) -> tuple[tuple[AssessedArticle, ...], AlertingContext]:
    """A topic that was renamed while this poll was under way is told and filed under its name of now, lest it be told twice."""
    renamed = {old: new for old, new in renamed.items() if old in alerting.topics}
    if not renamed:
        return tuple(assessed), alerting
    topics_of_now = {new: replace(alerting.topics[old], name=new) for old, new in renamed.items()}
    return tuple(
        replace(
            each, scores=tuple(replace(score, topic=renamed.get(score.topic, score.topic)) for score in each.scores)
        )
        for each in assessed
    ), replace(alerting, topics={**alerting.topics, **topics_of_now})


def _with_canonical_urls(session: Session, assessed: Sequence[AssessedArticle]) -> tuple[AssessedArticle, ...]:
    """Use the canonical address from an article's page if it was read, now or earlier: two entries may then be one article."""
    own = page_visits.canonicals(session, {each.article.url for each in assessed if each.article.url})
    return tuple(
        replace(each, article=replace(each.article, url=own[each.article.url])) if each.article.url in own else each
        for each in assessed
    )


def _notify_burst(
    session: Session,
    feed: FeedState,
    burst: DetectedBurst,
    filed: Sequence[FiledArticle],
    context: AlertingContext,
    *,
    now: datetime,
) -> None:
    """Send one notice for a burst, however many polls it lasts; but articles held back are always reported."""
    had = sum(1 for index in burst.known if not filed[index].is_new or filed[index].choice.kind is ArticleKind.COPY)
    held = tuple(each.article_id for each in filed if each.decision.reason is Reason.STORM)
    if not (held or burst.is_template_change or bursts.is_still_notable(burst, had)):
        return
    if not bursts.record_burst(session, feed.id, now=now) and not held:
        return
    notices.notify_burst(
        session,
        feed,
        notices.BurstReport(
            outlet=outlet_of_feed(session, feed.name),
            fresh=burst.fresh,
            known=had,
            changed=burst.counts.changed if burst.is_template_change else 0,
            held_article_ids=held,
            is_first_poll=burst.counts.is_first_poll,
        ),
        page=context.base_url,
        channels=context.channels,
        now=now,
    )
