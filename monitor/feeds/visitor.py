"""Looks at addresses for feeds, with few requests: one feed read once, or the feeds of a site found. Stores nothing.

    this address -> a feed? else the page's meta refresh, its link tags, links on it that look like feeds, the usual places

Requests go through `reading.fetch` under the address policy of feeds, one after the other; a host that wants to be left alone is
left alone. What is found is read in a worker process, as any feed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.feeds import mends
from monitor.feeds.page_links import Candidate, PageLinks, is_of_comments, read_links, usual_places
from monitor.feeds.sample import FeedSample, read_sample
from monitor.net.addresses import AddressPolicy
from monitor.reading.fetch import FEED_TYPES, RATE_LIMITED, Fetcher, FetchLimits
from monitor.reading.workers import Workers
from monitor.store import page_visits
from monitor.store.db import Database
from monitor.text import urls
from monitor.types.errors import FetchError, HostRestsError, MonitorError, ParseError
from monitor.types.fetching import Fetched

REQUESTS = 16
"""Most addresses asked for one look at a site."""
_TAGS, _ANCHORS = 8, 4
"""Most link tags and links on a page that are tried."""
_REFRESHES = 2
_TYPES = FEED_TYPES.replace("*/*;q=0.1", "text/html;q=0.5, */*;q=0.1")
_LIMITS = FetchLimits(total_for=timedelta(seconds=20))
_LOOK_SECONDS = 45.0
"""After so long no further address is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A feed, and what named its address."""

    sample: FeedSample
    named_by: str
    """`this address`, `meta refresh`, `link tag`, `link on the page` or `usual place`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What a look at an address found."""

    feeds: tuple[Found, ...] = ()
    asked: int = 0
    """How many addresses were asked for."""
    problem: str = ""
    """Why there is none, with the mend; '' where there is one."""
    code: str = ""
    """That of the fault (`FetchError.code`); '' where there was none."""
    untried: int = 0
    """Link tags beyond those that were tried."""


def spellings(written: str) -> tuple[str, ...]:
    """The addresses that somebody may mean: `feed:` and a missing scheme are mended. Raises ValueError with fault and mend."""
    written = written.strip()
    lower = written.lower()
    if lower.startswith("feed:"):
        written = written[5:].removeprefix("//")
        lower = written.lower()
    if lower.startswith(("http://", "https://")):
        return (urls.check(written),)
    if "://" in written[:20] or not written:
        return (urls.check(written),)  # raises, with the fault
    return urls.check(f"https://{written}"), urls.check(f"http://{written}")


class Visitor:
    """Looks at addresses for feeds. Belongs to the event loop of its fetcher and workers, which its owner closes."""

    def __init__(
        self,
        fetcher: Fetcher,
        workers: Workers,
        *,
        public: AddressPolicy,
        private: AddressPolicy,
        db: Database | None = None,
    ) -> None:
        """`public` are the addresses that feeds may have, `private` those of feeds with `allow_private`. `db` knows which hosts
        want to be left alone; without it none is known."""
        self._fetcher, self._workers, self._db = fetcher, workers, db
        self._public, self._private = public, private

    async def sample(self, url: str, *, now: datetime, allow_private: bool = False) -> FeedSample:
        """Read the feed at this address once. Raises FetchError, and ParseError where it is no feed."""
        fetched = await self._get(url, now, allow_private)
        return await self._read(fetched)

    async def discover(self, written: str, *, now: datetime, allow_private: bool = False) -> Discovery:
        """The feeds that an address names, best first. Raises ValueError, with fault and mend, for what is no web address."""
        return await _Search(self, now, allow_private).run(spellings(written))

    async def _get(self, url: str, now: datetime, allow_private: bool) -> Fetched:
        async def permit(at: str) -> AddressPolicy:
            return self._private if allow_private and urls.is_same_server(at, url) else self._public

        async def gate(host: str) -> None:
            rest = await self._db.read(page_visits.host_rest, host) if self._db else None
            if rest and rest.until_at > now:
                raise HostRestsError(host, rest.until_at, url=url)

        return await self._fetcher.get(url, now=now, accept=_TYPES, permit=permit, gate=gate, limits=_LIMITS)

    async def _read(self, fetched: Fetched) -> FeedSample:
        """Where a feed has moved for good it is polled at its new address, else at the one that was asked."""
        at = fetched.final_url
        sample = await self._workers.run(read_sample, fetched.body, at, fetched.media_type, fetched.at)
        return replace(sample, url=fetched.permanent_url or fetched.url)

    async def _links(self, fetched: Fetched) -> PageLinks:
        return await self._workers.run(read_links, fetched.body, fetched.final_url, fetched.media_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one address gave: a feed, a page with its links, or an error."""

    sample: FeedSample | None = None
    links: PageLinks | None = None
    at: str = ""
    """Where it is, after redirects."""
    error: MonitorError | None = None


class _Search:
    """One look at a site."""

    def __init__(self, visitor: Visitor, now: datetime, allow_private: bool) -> None:
        self._visitor, self._now, self._allow_private = visitor, now, allow_private
        self._asked: dict[str, _Answer] = {}
        self._refusing: set[str] = set()
        self._until = time.monotonic() + _LOOK_SECONDS

    async def run(self, spelled: Sequence[str]) -> Discovery:
        answer, url = await self._first(spelled)
        if answer.sample:
            return self._found([Found(sample=answer.sample, named_by="this address")])
        answer = await self._after_refreshes(answer)
        if answer.sample:
            return self._found([Found(sample=answer.sample, named_by="meta refresh")])
        links = answer.links or PageLinks()
        found = await self._try(links.tags[:_TAGS])
        found = found or await self._try(links.anchors[:_ANCHORS])
        if not found and self._is_site(answer):
            found = await self._try(usual_places(answer.at or url), at_most=1)
        if found:
            return self._found(found, untried=max(0, len(links.tags) - _TAGS))
        return self._nothing(answer, url)

    async def _first(self, spelled: Sequence[str]) -> tuple[_Answer, str]:
        """The answer of the first spelling that any server answers to."""
        answer = _Answer()
        for url in spelled:
            answer = await self._ask(url)
            if not isinstance(answer.error, FetchError) or answer.error.status:
                return answer, url
        return answer, spelled[0]

    async def _after_refreshes(self, answer: _Answer) -> _Answer:
        for _ in range(_REFRESHES):
            if not answer.links or not answer.links.refresh or answer.links.tags:
                break
            further = await self._ask(answer.links.refresh)
            if not further.sample and not further.links:
                break
            answer = further
        return answer

    async def _ask(self, url: str) -> _Answer:
        if url not in self._asked:
            self._asked[url] = await self._answer(url)
        return self._asked[url]

    async def _answer(self, url: str) -> _Answer:
        visitor = self._visitor
        try:
            fetched = await visitor._get(url, self._now, self._allow_private)
        except FetchError as error:
            if error.status in RATE_LIMITED or isinstance(error, HostRestsError):
                self._refusing.add(urls.host(url))
            return _Answer(error=error, at=url)
        try:
            return _Answer(sample=await visitor._read(fetched), at=fetched.final_url)
        except ParseError as error:
            is_page = error.code == "not a feed"
            return _Answer(error=error, at=fetched.final_url, links=await visitor._links(fetched) if is_page else None)

    async def _try(self, candidates: Iterable[Candidate], *, at_most: int = _TAGS) -> list[Found]:
        found: list[Found] = []
        for each in candidates:
            if len(found) >= at_most or self._is_over or urls.host(each.url) in self._refusing:
                break
            if is_of_comments(each.url) and found:
                continue
            answer = await self._ask(each.url)
            if answer.sample and not any(_is_same(answer.sample, one.sample) for one in found):
                found.append(Found(sample=answer.sample, named_by=each.named_by))
        return found

    @property
    def _is_over(self) -> bool:
        return len(self._asked) >= REQUESTS or time.monotonic() > self._until

    def _is_site(self, answer: _Answer) -> bool:
        """Whether feeds may be at the usual places: there is a page, or it is missing or kept from us, as its feed may not be."""
        return answer.links is not None or (isinstance(answer.error, FetchError) and answer.error.status in (403, 404))

    def _found(self, found: Sequence[Found], *, untried: int = 0) -> Discovery:
        return Discovery(feeds=tuple(found), asked=len(self._asked), untried=untried)

    def _nothing(self, answer: _Answer, url: str) -> Discovery:
        error = answer.error
        code = error.code if isinstance(error, FetchError | ParseError) else ""
        if answer.links is None and isinstance(error, ParseError | FetchError):
            return Discovery(asked=len(self._asked), problem=mends.sentence(error), code=code)
        return Discovery(
            asked=len(self._asked),
            code="not a feed",
            problem=f"{urls.host(answer.at or url)} names no feed on this page, and none is at the usual places; "
            "look on the site for a link to RSS, and add that address",
        )


def _is_same(one: FeedSample, other: FeedSample) -> bool:
    """Whether two addresses give one feed, as RSS and as Atom for example."""
    if urls.feed_key(one.url) == urls.feed_key(other.url):
        return True
    return bool(one.titles) and one.titles == other.titles and one.entries == other.entries
