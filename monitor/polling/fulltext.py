"""Read the full text of articles from their own pages, where it could change the outcome.

    wanted = is_page_wanted(assessed, when, now=now)     pure: near a threshold, only a teaser so far, not held back anyway
    pages  = await reader.read(entries, feed, now=now)   network and a worker process; the store is `pipeline`'s business

Pages are fetched more politely than feeds: after the host's robots.txt, one page of a host at a time with a pause in between,
within limits of time and size, and each page once. If anything goes wrong, the article keeps the text from its feed.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from monitor.alerting import alert_policy as policy
from monitor.matching.matcher import is_near, nearness
from monitor.net.addresses import AddressPolicy
from monitor.net.robots import MAX_ROBOTS_BYTES, rule
from monitor.polling.values import AssessedArticle
from monitor.reading.extract import read_articles
from monitor.reading.fetch import PAGE_TYPES, Fetcher, FetchLimits
from monitor.reading.webpage import MAX_PAGE, WebPage
from monitor.reading.workers import Workers
from monitor.text import links, urls
from monitor.types.errors import BusyError, FetchError, MonitorError, ParseError
from monitor.types.fetching import Entry, FeedState, Fetched, PageVisit
from monitor.types.matching import Article, Grade

NEAR, NEVER, ALWAYS = "near", "never", "always"
"""When the pages of a feed's entries are read: near a threshold, never, or always."""

_PAUSE_FOR = timedelta(seconds=1)
"""Between two pages of one host, unless its robots.txt asks for longer."""
_ALL_PAGES_FOR = timedelta(seconds=30)
"""Limit for all pages of one poll: alerts wait for them, and the poll's lease must not expire."""
_EXTRACTION_FOR = timedelta(seconds=15)
"""Added to it, for the worker process to extract the text of the last page."""
_ROBOTS_LIMITS = FetchLimits(total_for=timedelta(seconds=5), body_bytes=MAX_ROBOTS_BYTES, redirects=5)
_ROBOTS_KEPT_FOR = timedelta(hours=24)  # RFC 9309 section 2.4
_ROBOTS_RETRY_FOR = timedelta(hours=1)
_HOSTS_KEPT = 200
_PAGES_KEPT = 16
_REFUSAL_PAUSE_FOR = timedelta(hours=24)
_FAILURE_PAUSE_FOR = timedelta(hours=1)
_ASKED_AGAIN_AFTER = timedelta(minutes=5)
"""A page that failed is known to have failed for so long: to polls under way, and not to a later try."""


# --- which pages --------------------------------------------------------------------------------------------------------


def is_page_wanted(assessed: AssessedArticle, when: str, *, now: datetime) -> bool:
    """Whether the article's page could change the outcome, as far as can be said without the store."""
    article = assessed.article
    if when == NEVER or not article.url or article.grade is Grade.FULL or links.is_media(article.url):
        return False
    if policy.hold_reason(article, assessed.arrival, now=now) is not None:
        return False
    return when == ALWAYS or any(is_near(each) for each in assessed.scores)


def urgency(assessed: AssessedArticle) -> float:
    """Sort key: distance to the nearest threshold, 0 at the threshold itself."""
    return min((nearness(each) for each in assessed.scores if is_near(each)), default=1.0)


# --- reading them -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedArticle:
    """The outcome of one page; `article` is the new reading, if the page was an article."""

    visit: PageVisit
    article: Article | None = None


@dataclass(slots=True)
class _Host:
    """State of one host: its lock, pause and robots.txt. `robots` is None if the host has none and so allows everything."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    free_at: float = 0.0
    delay_for: timedelta = _PAUSE_FOR
    robots: bytes | None = None
    fault: str = ""
    robots_until_at: datetime | None = None


class PageReader:
    """Reads pages of articles; keeps robots.txt and the latest pages in memory. Belongs to one event loop."""

    def __init__(
        self,
        fetcher: Fetcher,
        workers: Workers,
        *,
        agent: str,
        public: AddressPolicy,
        private: AddressPolicy,
        limit_for: timedelta = timedelta(seconds=10),
        pace: float = 1.0,
    ) -> None:
        """`agent` is the name that robots.txt knows us by; `pace` how many seconds of ours pass in one, for scaled clocks."""
        self._fetcher = fetcher
        self._workers = workers
        self._agent = agent
        self._public, self._private = public, private
        self._limits = FetchLimits(total_for=limit_for, body_bytes=MAX_PAGE, redirects=5)
        self._pace = pace
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self._latest: OrderedDict[str, WebPage | PageVisit] = OrderedDict()

    async def read(
        self, entries: Sequence[Entry], feed: FeedState, *, language: str | None, now: datetime
    ) -> list[FetchedArticle]:
        """Read the pages of these entries, in order, within the time for one poll; pages that were not requested are left out.

        A feed that is allowed on a private address may have its pages there too, at the very same host and port. Everywhere else,
        and after a redirect elsewhere, only public addresses are allowed.
        """
        ends_at = asyncio.get_running_loop().time() + _ALL_PAGES_FOR.total_seconds()
        paused_hosts: set[str] = set()
        pages = []
        for entry in entries:
            host = urls.host(entry.url)
            if host in paused_hosts:
                continue
            page = await self._read_in_turn(entry, feed, language, ends_at, now)
            pages += [page] if page else []
            if page and page.visit.host_paused_until_at:
                paused_hosts.add(host)
        return pages

    async def _read_in_turn(
        self, entry: Entry, feed: FeedState, language: str | None, ends_at: float, now: datetime
    ) -> FetchedArticle | None:
        """Read one page when its host is free; None if that is too late."""
        loop, host = asyncio.get_running_loop(), self._host(urls.host(entry.url))
        try:
            async with asyncio.timeout_at(ends_at):
                await host.lock.acquire()
        except TimeoutError:
            return None
        try:
            answer = self._latest.get(urls.canonical(entry.url))  # another feed of the site may just have linked it
            if answer is None or (isinstance(answer, PageVisit) and now - answer.at >= _ASKED_AGAIN_AFTER):
                if max(host.free_at, loop.time()) >= ends_at:
                    return None
                await asyncio.sleep(max(0.0, host.free_at - loop.time()))
                answer = await self._fetch_page(entry, feed, host, now)
        finally:
            host.lock.release()
        try:
            async with asyncio.timeout_at(ends_at + _EXTRACTION_FOR.total_seconds()):
                return await self._extract(answer, entry, feed.name, language, now)
        except TimeoutError:
            outcome = "page not read: our side was too busy"
            return FetchedArticle(visit=PageVisit(url=entry.url, at=now, outcome=outcome, is_passing=True))

    async def _fetch_page(self, entry: Entry, feed: FeedState, host: _Host, now: datetime) -> WebPage | PageVisit:
        loop = asyncio.get_running_loop()
        home = _web_origin(feed.url) if feed.allow_private else ""
        permit = partial(self._address_policy, home=home, now=now)
        answer: WebPage | PageVisit
        try:
            fetched = await self._fetcher.get(entry.url, now=now, accept=PAGE_TYPES, permit=permit, limits=self._limits)
            answer = as_web_page(entry.url, fetched, now)
        except FetchError as error:
            pause_for = _pause_for(error)
            answer = PageVisit(
                url=entry.url,
                at=now,
                outcome=_outcome(error),
                host_paused_until_at=now + pause_for if pause_for else None,
                is_passing=_is_passing(error),
            )
        host.free_at = loop.time() + host.delay_for.total_seconds() / self._pace
        self._latest[urls.canonical(entry.url)] = answer
        while len(self._latest) > _PAGES_KEPT:
            self._latest.popitem(last=False)
        return answer

    async def _extract(
        self, answer: WebPage | PageVisit, entry: Entry, source: str, language: str | None, now: datetime
    ) -> FetchedArticle:
        if isinstance(answer, PageVisit):
            return FetchedArticle(visit=answer)
        try:
            (article,) = await self._workers.run_for(
                urls.host(entry.url), read_articles, (entry,), source, now, language, {entry.guid: answer}
            )
        except (ParseError, BusyError) as error:
            is_passing = isinstance(error, BusyError)
            outcome = f"page not read: {error}"
            return FetchedArticle(visit=PageVisit(url=entry.url, at=now, outcome=outcome, is_passing=is_passing))
        visit = PageVisit(url=entry.url, at=now, outcome=article.page, canonical=article.canonical)
        return FetchedArticle(visit=visit, article=article)

    # --- robots.txt and addresses -----------------------------------------------------------------------------------

    async def _address_policy(self, url: str, *, home: str, now: datetime) -> AddressPolicy:
        """Return the policy for one address on the way to a page; FetchError if robots.txt forbids it or cannot be read."""
        web_origin = _web_origin(url)
        allowed = self._private if web_origin == home else self._public
        host = self._host(urls.host(url))
        robots = self._host(web_origin)
        if robots.robots_until_at is None or robots.robots_until_at <= now:
            await self._read_robots(robots, web_origin, allowed, now)
        if robots.fault:
            raise FetchError(robots.fault, url=url, code="robots unread")
        if robots.robots is None:
            return allowed
        try:
            found = await self._workers.run_for(urls.host(url), rule, robots.robots, self._agent, url)
        except MonitorError as error:
            raise FetchError(
                f"the robots.txt of {urls.host(url)} cannot be read ({error})", url=url, code="robots unread"
            ) from error
        host.delay_for = max(_PAUSE_FOR, found.delay_for or _PAUSE_FOR)
        if not found.is_allowed:
            raise FetchError(f"the robots.txt of {urls.host(url)} does not allow it", url=url, code="robots")
        return allowed

    async def _read_robots(self, host: _Host, web_origin: str, allowed: AddressPolicy, now: datetime) -> None:
        """Fetch robots.txt by RFC 9309 section 2.3.1: a refusal (4xx) allows all, a server error or no connection allows
        nothing for now."""

        async def permit(url: str) -> AddressPolicy:
            return allowed if _web_origin(url) == web_origin else self._public

        host.robots, host.fault = None, ""
        host.robots_until_at = now + _ROBOTS_KEPT_FOR
        try:
            fetched = await self._fetcher.get(
                f"{web_origin}/robots.txt",
                now=now,
                accept="text/plain, */*;q=0.1",
                permit=permit,
                limits=_ROBOTS_LIMITS,
            )
            host.robots = fetched.body
        except FetchError as error:
            if error.status is not None and 400 <= error.status < 500 and error.status != 429:
                return
            host.robots_until_at = now + _ROBOTS_RETRY_FOR
            host.fault = f"its robots.txt cannot be had: {error}"

    def _host(self, name: str) -> _Host:
        """Return the state of a host (its lock) or of a web origin (its robots.txt); the least recently used is dropped."""
        found = self._hosts.pop(name, None) or _Host()
        self._hosts[name] = found
        if len(self._hosts) > _HOSTS_KEPT:
            oldest = next(iter(self._hosts))
            if not self._hosts[oldest].lock.locked():
                del self._hosts[oldest]
        return found


def _web_origin(url: str) -> str:
    try:
        parts = urls.split(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.authority}"


def as_web_page(asked_url: str, fetched: Fetched, now: datetime) -> WebPage | PageVisit:
    """Return a fetched document as a page, or a visit that says that it is of another type."""
    kind = fetched.media_type.partition(";")[0].strip().lower()
    if kind and "html" not in kind and kind != "text/plain":
        return PageVisit(url=asked_url, at=now, outcome=f"page not read: it is {kind[:100]}, not a web page")
    return WebPage(body=fetched.body, url=fetched.final_url, asked_url=asked_url, media_type=fetched.media_type)


def _outcome(error: FetchError) -> str:
    if error.status is not None:
        return f"page {'not there' if error.status in (404, 410) else 'refused'}: {error.status}"
    return f"page not fetched: {error}"[:500]


def _is_passing(error: FetchError) -> bool:
    """Whether the page may be there later: it is neither gone nor refused."""
    if error.status is None:
        return error.code in ("dns", "connect", "timeout", "tls", "protocol", "robots unread")
    return error.status in (408, 425, 429) or error.status >= 500


def _pause_for(error: FetchError) -> timedelta | None:
    """Return how long no page of the host is requested; None if only this page failed."""
    if error.status is None:
        is_host = error.code in ("dns", "connect", "timeout", "tls", "protocol", "robots unread")
        return _FAILURE_PAUSE_FOR if is_host else None
    if error.status == 403:
        return max(_REFUSAL_PAUSE_FOR, error.retry_after_for or timedelta())
    return (
        max(_FAILURE_PAUSE_FOR, error.retry_after_for or timedelta())
        if error.status in (401, 429) or error.status >= 500
        else None
    )
