"""One feed, end to end: poll -> fetch -> parse -> extract -> match -> dedup -> alert.

    fetched = fetcher.get(feed.url, feed.validators)       network, no transaction open
    parsed  = read_feed(fetched.body)                       a worker process, killed past its limit
    fresh   = articles.unseen(feed, parsed.entries)         a reading transaction
    found   = read_articles(fresh); assess(each)            worker process; processor
    fuller  = reader.read(those near a threshold)           network and worker process: full text when it pays
    settle: take_in(each), notices, feeds.settle            ONE writing transaction

Everything one poll found out is saved in one transaction, validators and next time included: kill the process at any line and
either all of it is there or the next poll finds it again. Deliveries are made elsewhere, from the store.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from monitor.alerting import notices
from monitor.learning.multilingual import Multilingual, SemanticScorer
from monitor.matching.matcher import Matcher, Tracker
from monitor.net.addresses import AddressPolicy
from monitor.polling import bursts, cadence, fulltext
from monitor.polling.assess import assess, confirm_stored
from monitor.polling.bursts import DetectedBurst
from monitor.polling.cadence import Cadence
from monitor.polling.fulltext import FetchedArticle, PageReader
from monitor.polling.intake import take_in
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.reading.extract import FROM_PAGE, read_articles
from monitor.reading.fetch import Fetcher
from monitor.reading.parse import read_feed
from monitor.reading.workers import Workers
from monitor.store import articles, feeds, page_visits
from monitor.store.articles import Sighting
from monitor.store.db import Database, Session, serialize_decisions
from monitor.store.stories import outlet
from monitor.stories import copies
from monitor.text import urls
from monitor.types.alerting import Alert
from monitor.types.errors import FetchError, MonitorError, ParseError
from monitor.types.fetching import Entry, FeedEvent, FeedState, FeedUpdate, Fetched, PageVisit, ParsedFeed
from monitor.types.matching import Article, Reason
from monitor.types.stories import Arrival, ArticleKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a poll works with; built once by `app`."""

    db: Database
    fetcher: Fetcher
    workers: Workers
    matcher: Matcher | Tracker
    telling: AlertingContext
    cadence: Cadence = field(default_factory=Cadence)
    max_age_for: timedelta | None = timedelta(days=7)
    feed_policy: AddressPolicy | None = None
    private_policy: AddressPolicy | None = None
    """For feeds that the operator allowed on a private address."""
    reader: PageReader | None = None
    """Reads articles' own pages; None: no feed's are read."""
    pages: Mapping[str, str] = field(default_factory=dict)
    """Feed -> when its articles' pages are read, where that is not "near"."""
    pages_per_poll: int = 5
    pages_per_day: int = 100
    """Of one host."""
    multilingual: Multilingual | None = None
    """Matches across languages, where an embedder is in use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Polled:
    """What one poll did: the values of its log line."""

    feed: str
    outcome: str
    entries: int = 0
    filed: tuple[FiledArticle, ...] = ()
    event: FeedEvent | None = None
    error: str | None = None

    @property
    def alerts(self) -> tuple[Alert, ...]:
        """The alerts this poll decided."""
        return tuple(alert for each in self.filed for alert in each.alerts)

    @property
    def matches(self) -> int:
        """Articles that matched some topic."""
        return sum(1 for each in self.filed if each.decision.topics)


async def poll(feed: FeedState, tools: Tools, *, now: datetime) -> Polled:
    """Poll one leased feed and settle it. What the far side does wrong ends in the feed's record, what is ours is raised."""
    try:
        fetched = await _fetch(feed, tools, now)
        parsed = await _parse(feed, fetched, tools)
        judged, visits = await _assess(feed, parsed, tools, now) if parsed else ((), ())
    except (FetchError, ParseError) as error:
        update = cadence.failed(feed, error, tools.cadence, now=now, jitter=random.random())
        return await tools.db.write(_settle, feed, update, (), tools, error=error, now=now)
    update = cadence.answered(
        feed,
        fetched,
        parsed,
        tools.cadence,
        body_hash=_body_hash(fetched),
        now=now,
        jitter=random.random(),
    )
    entries = len(parsed.entries) if parsed else 0
    polled = await tools.db.write(_settle, feed, update, judged, tools, visits=visits, entries=entries, now=now)
    confirm_stored(judged, tools.matcher)
    return polled


async def _fetch(feed: FeedState, tools: Tools, now: datetime) -> Fetched:
    policy = tools.private_policy if feed.allow_private else tools.feed_policy
    return await tools.fetcher.get(feed.url, validators=feed.validators, now=now, policy=policy)


async def _parse(feed: FeedState, fetched: Fetched, tools: Tools) -> ParsedFeed | None:
    """The feed's entries; None where nothing changed since the last poll."""
    if fetched.status == 304 or _body_hash(fetched) == feed.body_hash:
        return None
    return await tools.workers.run_for(feed.name, read_feed, fetched.body, fetched.final_url, fetched.media_type)


_Findings = tuple[tuple[AssessedArticle, ...], tuple[PageVisit, ...]]


async def _assess(feed: FeedState, parsed: ParsedFeed, tools: Tools, now: datetime) -> _Findings:
    fresh = await tools.db.read(articles.unseen, feed.id, parsed.entries)
    if not fresh:
        return (), ()
    language = feed.language or parsed.language
    read = await tools.workers.run_for(feed.name, read_articles, tuple(fresh), feed.name, now, language)
    across = await _across(read, tools)
    judged = await asyncio.to_thread(_judge_all, feed, fresh, read, tools, across)
    when = tools.pages.get(feed.name, fulltext.NEAR)
    worthy = [each for each in judged if fulltext.wants(each, when, now=now)]
    if tools.reader is None or not worthy:
        return judged, ()
    entries = {each.guid: each for each in fresh}
    wanted = await tools.db.read(_open_to_us, worthy, tools, now=now)
    found = await tools.reader.read([entries[guid] for guid in wanted], feed, language=language, now=now)
    of_pages = await _across([each.article for each in found if each.article], tools)
    judged = await asyncio.to_thread(_judge_again, judged, found, tools, across, of_pages)
    return judged, tuple(each.visit for each in found)


async def _across(read: Sequence[Article], tools: Tools) -> SemanticScorer | None:
    """What these articles are matched across languages with; None where no embedder is in use."""
    return await tools.multilingual.look(tools.db, read) if tools.multilingual else None


def _open_to_us(session: Session, worthy: Sequence[AssessedArticle], tools: Tools, *, now: datetime) -> list[str]:
    """Guids of the articles whose pages to read, those nearest to a threshold first; not of copies of what we have."""
    wanted: list[str] = []
    hosts: Counter[str] = Counter()
    for each in sorted(worthy, key=fulltext.urgency):
        url, host = each.article.url, urls.host(each.article.url)
        is_open = page_visits.is_open(session, url, per_day=tools.pages_per_day - hosts[host], now=now)
        if is_open and not _is_copy(session, each, now):
            wanted.append(each.article.guid)
            hosts[host] += 1
    return wanted[: tools.pages_per_poll]


def _is_copy(session: Session, judged: AssessedArticle, now: datetime) -> bool:
    met = articles.near(session, judged.article, judged.fingerprint, judged.sighting, now=now)
    return copies.choose(judged.article, met.known).kind is ArticleKind.COPY


def _judge_again(
    judged: Sequence[AssessedArticle],
    found: Sequence[FetchedArticle],
    tools: Tools,
    across: SemanticScorer | None,
    of_pages: SemanticScorer | None,
) -> tuple[AssessedArticle, ...]:
    """With the texts of their pages, where these are fuller, and a note of what came of the page. All of them, in order: what
    their teasers taught is unlearned first, or an article would match its own teaser, and a restart know another topic."""
    fuller = {each.article.guid: each.article for each in found if each.article and each.article.page == FROM_PAGE}
    by_url = {each.visit.url: each.visit.outcome for each in found}
    noted = [_noted(each, by_url.get(each.article.url, "")) for each in judged]
    if not fuller:
        return tuple(noted)
    if isinstance(tools.matcher, Tracker):
        for each in judged:
            tools.matcher.forget(each.article.title, each.article.text, each.article.language, each.scores)
    return tuple(
        assess(
            fuller.get(each.article.guid, each.article),
            tools.matcher,
            arrival=each.arrival,
            sighting=each.sighting,
            across=of_pages if each.article.guid in fuller else across,
        )
        for each in noted
    )


def _noted(judged: AssessedArticle, outcome: str) -> AssessedArticle:
    return replace(judged, article=replace(judged.article, page=outcome)) if outcome else judged


def _judge_all(
    feed: FeedState, entries: Sequence[Entry], read: Sequence[Article], tools: Tools, across: SemanticScorer | None
) -> tuple[AssessedArticle, ...]:
    """Oldest first, as they would have arrived one by one."""
    newest_first = sorted(range(len(read)), key=lambda i: read[i].published_at, reverse=True)
    judged = []
    for rank, i in reversed(list(enumerate(newest_first))):
        arrival = Arrival(
            is_first_poll=feed.first_polled_at is None,
            first_poll=feed.first_poll,
            latest=feed.first_poll_latest,
            rank=rank,
            max_age_for=tools.max_age_for,
        )
        sighting = Sighting(feed_id=feed.id, guid=entries[i].guid, content_key=articles.content_key(entries[i]))
        judged.append(assess(read[i], tools.matcher, arrival=arrival, sighting=sighting, across=across))
    return tuple(judged)


def _settle(
    session: Session,
    feed: FeedState,
    update: FeedUpdate,
    judged: Sequence[AssessedArticle],
    tools: Tools,
    *,
    now: datetime,
    visits: Sequence[PageVisit] = (),
    entries: int = 0,
    error: MonitorError | None = None,
) -> Polled:
    page_visits.remember(session, visits)
    judged = _at_their_own_addresses(session, judged)
    judged, storm = bursts.guarded(session, feed, judged, now=now)
    feeds.settle(session, update)
    if judged:
        serialize_decisions(session)
    filed = tuple(take_in(session, each, tools.telling, now=now) for each in judged)
    if storm:
        _tell_storm(session, feed, storm, filed, tools.telling, now=now)
    event = cadence.event(feed, update)
    if event:
        notices.of_feed(session, feed, update, event, channels=tools.telling.channels, now=now)
    return Polled(
        feed=feed.name,
        outcome=update.outcome,
        entries=entries,
        filed=filed,
        event=event,
        error=str(error) if error else None,
    )


def _at_their_own_addresses(session: Session, judged: Sequence[AssessedArticle]) -> tuple[AssessedArticle, ...]:
    """Articles whose pages were read, now or earlier, go by the address that the page names: two entries are one then."""
    own = page_visits.canonicals(session, {each.article.url for each in judged if each.article.url})
    return tuple(
        replace(each, article=replace(each.article, url=own[each.article.url])) if each.article.url in own else each
        for each in judged
    )


def _tell_storm(
    session: Session,
    feed: FeedState,
    storm: DetectedBurst,
    filed: Sequence[FiledArticle],
    telling: AlertingContext,
    *,
    now: datetime,
) -> None:
    """One notice a storm, however many polls it lasts; but what was held back is never held back without a word."""
    had = sum(
        1 for place in storm.had if not filed[place].is_stored_anew or filed[place].choice.kind is ArticleKind.COPY
    )
    held = tuple(each.article_id for each in filed if each.decision.reason is Reason.STORM)
    if not (held or storm.is_reprint or bursts.is_still_one(storm, had)):
        return
    if not bursts.begins(session, feed.id, now=now) and not held:
        return
    notices.of_storm(
        session,
        feed,
        notices.BurstReport(
            outlet=outlet(session, feed.name),
            fresh=storm.fresh,
            had=had,
            changed=storm.burst.changed if storm.is_reprint else 0,
            held=held,
            is_first_poll=storm.burst.is_first_poll,
        ),
        page=telling.base_url,
        channels=telling.channels,
        now=now,
    )


def _body_hash(fetched: Fetched) -> str | None:
    return sha256(fetched.body).hexdigest() if fetched.status == 200 else None
