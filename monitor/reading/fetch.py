"""Reading feeds and pages: a URL and what we know of it in, `Fetched` (200 or 304) or one FetchError out.

Follows redirects itself, each hop checked anew, and sends nothing to any of them but the question: no cookies, no Referer,
no credentials. Keeps its pace: so many requests together, so many to one host, and a pause between two of them. Parses no
document, stores nothing; when to come back is told (`max_age_for`, `retry_after_for`), not decided.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self

from monitor.net.addresses import AddressPolicy, refused
from monitor.net.http import Headers, HttpClient, http_date, retry_after
from monitor.text import urls
from monitor.types.errors import FetchError
from monitor.types.fetching import Fetched, Validators

FEED_TYPES = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
)
PAGE_TYPES = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
MAX_AGE_LIMIT = timedelta(hours=24)

_PERMANENT = (301, 308)
_REDIRECTS = (301, 302, 303, 307, 308)
_VALIDATOR = re.compile(r"[\t\x20-\x7e\x80-\xff]{1,8192}")
_MENDS = {
    401: "it wants a login",
    403: "it refuses us",
    404: "the address may have changed",
    410: "it is gone for good",
    429: "it finds that we ask too often",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How much of our time, memory and manners one server may have."""

    total_for: timedelta = timedelta(seconds=30)
    """For one fetch with all its redirects, waiting for its turn not counted."""
    body_bytes: int = 10 * 1024 * 1024
    redirects: int = 10
    together: int = 32
    per_host: int = 2
    spacing_for: timedelta = timedelta(milliseconds=250)
    """Between the starts of two requests to one host."""


Permit = Callable[[str], Awaitable[AddressPolicy]]
"""Asked before each request of a fetch, redirects included: the policy for this address, or a FetchError to leave it."""


class Fetcher:
    """Conditional GETs through a `Door`, which it closes with itself."""

    def __init__(self, door: HttpClient | None = None, *, limits: FetchLimits | None = None) -> None:
        self._door = door or HttpClient()
        self._limits = limits or FetchLimits()
        self._turns = _HostScheduler(self._limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the door."""
        await self._door.aclose()

    async def get(
        self,
        url: str,
        *,
        validators: Validators = Validators(),  # noqa: B008 - frozen
        now: datetime,
        accept: str = FEED_TYPES,
        policy: AddressPolicy | None = None,
        permit: Permit | None = None,
        limits: FetchLimits | None = None,
    ) -> Fetched:
        """What is at `url`, where it changed since `validators`; body and validators as the server sent them.

        `policy` replaces the door's for this one call, and so do `limits` as to time, bytes and redirects. Raises FetchError,
        with `status` where the server gave one.
        """
        limits = limits or self._limits
        road = _RedirectChain(url=url, at=_checked(url), left=limits.total_for)
        question = {"Accept": accept, **_conditions(validators)}
        while True:
            policy = await permit(road.at) if permit else policy
            page, road = await self._ask(road, question, policy, limits)
            if page.status not in _REDIRECTS:
                break
            road = _next(road, page, limit=limits.redirects)
        _check_status(page, road, now, is_conditional=len(question) > 1)
        return Fetched(
            url=url,
            final_url=road.at,
            status=page.status,
            at=now,
            media_type=(page.headers.first("content-type") or "")[:500],
            body=page.body,
            validators=_validators(page, validators),
            max_age_for=max_age(page.headers, now=now),
            permanent_url=road.at if road.hops and road.is_permanent else None,
            took_for=limits.total_for - road.left,
        )

    async def _ask(
        self, road: _RedirectChain, question: dict[str, str], policy: AddressPolicy | None, limits: FetchLimits
    ) -> tuple[_Page, _RedirectChain]:
        """One request, when it is its turn; the road comes back with less time left."""
        async with self._turns.turn(urls.host(road.at)):
            started = time.monotonic()
            page = await self._read(road, question, policy, limits)
            left = road.left - timedelta(seconds=time.monotonic() - started)
            return page, replace(road, left=left)

    async def _read(
        self, road: _RedirectChain, question: dict[str, str], policy: AddressPolicy | None, limits: FetchLimits
    ) -> _Page:
        asked = self._door.exchange("GET", road.at, headers=question, policy=policy, limit_for=road.left)
        async with asked as reply:
            if reply.status != HTTPStatus.OK:
                return _Page(status=reply.status, headers=reply.headers)
            body, is_whole = await reply.read(limits.body_bytes)
        if not is_whole:
            limit = limits.body_bytes // 1024
            raise FetchError(
                f"{urls.host(road.at)} sends more than the {limit} KB we read of one page",
                url=road.url,
                code="too large",
            )
        return _Page(status=reply.status, headers=reply.headers, body=body)


# --- the answer, read -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RedirectChain:
    """Where a fetch began, where it is, and how it came there."""

    url: str
    at: str
    left: timedelta
    hops: int = 0
    is_permanent: bool = True


def _checked(url: str) -> str:
    try:
        return urls.check(url)
    except ValueError as fault:
        raise refused(urls.masked(url), str(fault), url=url) from None


def _conditions(validators: Validators) -> dict[str, str]:
    """The validators as we got them, byte for byte; one that cannot be sent is left out (case F21)."""
    asked = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in asked.items() if value and _VALIDATOR.fullmatch(value)}


def _next(road: _RedirectChain, page: _Page, *, limit: int) -> _RedirectChain:
    """The road after one more redirect, where it may be followed."""
    here = urls.host(road.at)
    target = urls.resolve(road.at, _utf8(page.headers.first("location") or ""))
    if not page.headers.first("location") or not target:
        raise FetchError(f"{here} redirects to something that is not a web address", url=road.url, code="redirect")
    if road.at.startswith("https:") and not target.startswith("https:"):
        raise FetchError(
            f"{here} redirects from https to http, where anyone can listen in", url=road.url, code="redirect"
        )
    if road.hops >= limit:
        raise FetchError(f"{here} redirects more than {limit} times", url=road.url, code="redirect")
    is_permanent = road.is_permanent and page.status in _PERMANENT
    return replace(road, at=urls.check(target), hops=road.hops + 1, is_permanent=is_permanent)


def _utf8(value: str) -> str:
    """A header as the UTF-8 it should not hold but does; RFC 9110 knows ASCII only."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _check_status(page: _Page, road: _RedirectChain, now: datetime, *, is_conditional: bool) -> None:
    if page.status == HTTPStatus.OK or (page.status == HTTPStatus.NOT_MODIFIED and is_conditional):
        return
    raise FetchError(
        f"{urls.host(road.at)} answered {_named(page.status)}",
        url=road.url,
        code=str(page.status),
        status=page.status,
        retry_after_for=retry_after(page.headers, now=now),
        is_gone=page.status == HTTPStatus.GONE and road.is_permanent,
    )


def _named(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    mend = _MENDS.get(status)
    return f"{status} {known.get(status, '')}".rstrip() + (f": {mend}" if mend else "")


def _validators(page: _Page, known: Validators) -> Validators:
    """What to ask with next time. A 304 may bring new ones; those it leaves out stay (case F23)."""
    fresh = Validators(etag=_sendable(page.headers, "etag"), last_modified=_sendable(page.headers, "last-modified"))
    if page.status == HTTPStatus.OK:
        return fresh
    return Validators(
        etag=fresh.etag or known.etag,
        last_modified=fresh.last_modified or known.last_modified,
    )


def _sendable(headers: Headers, name: str) -> str | None:
    value = headers.first(name)
    return value if value and _VALIDATOR.fullmatch(value) else None


def max_age(headers: Headers, *, now: datetime) -> timedelta | None:
    """How long the answer stays good: Cache-Control before Expires, less its Age, at most 24 h; None without a wish."""
    directives = _directives(headers)
    if directives.keys() & {"no-cache", "no-store"}:
        return None
    lifetime = _lifetime(directives, headers, now)
    if lifetime is None:
        return None
    left = lifetime - (_whole_seconds(headers.first("age") or "") or timedelta())
    return min(left, MAX_AGE_LIMIT) if left > timedelta() else None


def _lifetime(directives: dict[str, str], headers: Headers, now: datetime) -> timedelta | None:
    if "max-age" in directives:
        return _whole_seconds(directives["max-age"])
    expires = http_date(headers.first("expires"))
    return None if expires is None else expires - (http_date(headers.first("date")) or now)


def _directives(headers: Headers) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in headers.get("cache-control", "").lower().split(","))
    return {name.strip(): value.strip(' "') for name, _, value in pairs}


def _whole_seconds(digits: str) -> timedelta | None:
    if not re.fullmatch(r"[0-9]+", digits):
        return None
    return timedelta(seconds=int(digits) if len(digits) <= 9 else 10**9)


# --- turns ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _HostQueue:
    """One host: its places, when it may be called next, and who waits or reads."""

    places: asyncio.Semaphore
    free_at: float = 0.0
    users: int = 0


@dataclass(slots=True)
class _HostScheduler:
    """Who may go: first a place at the host, then its pause, then a place among all. A slow host keeps only its own waiting."""

    limits: FetchLimits
    _all: asyncio.Semaphore = field(init=False)
    _lanes: dict[str, _HostQueue] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._all = asyncio.Semaphore(self.limits.together)

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        lane = self._lane(host)
        lane.users += 1
        try:
            async with lane.places:
                await self._pause(lane)
                async with self._all:
                    yield
        finally:
            lane.users -= 1

    async def _pause(self, lane: _HostQueue) -> None:
        now = asyncio.get_running_loop().time()
        begin = max(now, lane.free_at)
        lane.free_at = begin + self.limits.spacing_for.total_seconds()
        if begin > now:
            await asyncio.sleep(begin - now)

    def _lane(self, host: str) -> _HostQueue:
        if host not in self._lanes:
            self._forget_idle()
            self._lanes[host] = _HostQueue(asyncio.Semaphore(self.limits.per_host))
        return self._lanes[host]

    def _forget_idle(self) -> None:
        """Thousands of hosts pass in a year; the idle ones need no memory."""
        if len(self._lanes) < 1000:
            return
        now = asyncio.get_running_loop().time()
        self._lanes = {host: lane for host, lane in self._lanes.items() if lane.users or lane.free_at > now}
