"""Fetching feeds and pages: conditional GETs with redirects, limits and per-host rate limiting.

Follows redirects itself: the address policy is applied to every hop, and no hop is sent a Referer or credentials. A cookie goes
back only to the host that set it, within one chain of redirects: some walls redirect to one address until it comes (miniflux#1512).
Limits the requests in flight in all and per host, and spaces those to one host. When to poll next is decided by the caller, from
`max_age_for` and `retry_after_for`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from types import TracebackType
from typing import Self

from monitor.net import cookies, rate_limits, waits
from monitor.net.addresses import AddressPolicy, refusal_error
from monitor.net.cookies import Cookies
from monitor.net.http import Headers, HttpClient, retry_after
from monitor.reading.host_slots import HostScheduler
from monitor.text import urls
from monitor.types.errors import FetchError
from monitor.types.fetching import Fetched, Validators

FEED_TYPES = (
    "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
)
PAGE_TYPES = "text/html, application/xhtml+xml;q=0.9, */*;q=0.1"
MAX_AGE_LIMIT = timedelta(hours=24)

RATE_LIMITED = (420, 429, 503, 509, 529)
"""420, 509 and 529 are in no standard and mean what 429 and 503 do: too many requests, bandwidth used up, overloaded."""
_WITH_BODY = (HTTPStatus.OK, HTTPStatus.NON_AUTHORITATIVE_INFORMATION)
"""203 is a 200 that a proxy passed on changed."""
_PERMANENT = (301, 308)
_REDIRECTS = (301, 302, 303, 307, 308)
_VALIDATOR = re.compile(r"[\t\x20-\x7e\x80-\xff]{1,8192}")
_STATUS_HINTS = {
    401: "it wants a login",
    403: "it refuses us",
    404: "the address may have changed",
    410: "it is gone for good",
    429: "it finds that we ask too often",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """Limits on time, memory and the number of requests."""

    total_for: timedelta = timedelta(seconds=30)
    """For one fetch with all its redirects, without the wait for a free slot."""
    body_bytes: int = 10 * 1024 * 1024
    redirects: int = 10
    concurrency: int = 32
    per_host: int = 2
    spacing_for: timedelta = timedelta(milliseconds=250)
    """Between the starts of two requests to one host."""


Permit = Callable[[str], Awaitable[AddressPolicy | None]]
"""Called with the URL before each request of a fetch, redirects included. Returns its policy or raises FetchError to stop."""
Gate = Callable[[str], Awaitable[None]]
"""Called with the host when a request has its turn, so that what happened while it waited counts. Raises FetchError to stop."""


class Fetcher:
    """Conditional GETs through an `HttpClient`, which it owns and closes."""

    def __init__(self, client: HttpClient | None = None, *, limits: FetchLimits | None = None) -> None:
        self._client = client or HttpClient()
        self._limits = limits or FetchLimits()
        self._scheduler = HostScheduler(
            concurrency=self._limits.concurrency, per_host=self._limits.per_host, spacing_for=self._limits.spacing_for
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the client."""
        await self._client.aclose()

    async def get(
        self,
        url: str,
        *,
        validators: Validators = Validators(),  # noqa: B008 - frozen
        now: datetime,
        accept: str = FEED_TYPES,
        policy: AddressPolicy | None = None,
        permit: Permit | None = None,
        gate: Gate | None = None,
        limits: FetchLimits | None = None,
    ) -> Fetched:
        """GET `url`, conditionally where `validators` are given; body and validators are returned as the server sent them.

        `policy` replaces the client's for this call, and `limits` the limits on time, size and redirects. Raises
        FetchError, with `status` where the server sent one.
        """
        limits = limits or self._limits
        chain = _RedirectChain(url=url, at=_check_url(url), left=limits.total_for)
        request_headers = {"Accept": accept, **_conditional_headers(validators)}
        while True:
            policy = await permit(chain.at) if permit else policy
            page, chain = await self._request_in_turn(
                chain, request_headers | chain.cookie_header, policy, limits, gate
            )
            if page.status not in _REDIRECTS:
                break
            chain = _follow_redirect(chain, page, limit=limits.redirects)
        _check_status(page, chain, now, is_conditional=len(request_headers) > 1)
        return Fetched(
            url=url,
            final_url=chain.at,
            status=page.status,
            at=now,
            media_type=(page.headers.first("content-type") or "")[:500],
            body=page.body,
            validators=_validators(page, validators),
            max_age_for=max_age(page.headers, now=now),
            permanent_url=chain.at if chain.hops and chain.is_permanent else None,
            took_for=limits.total_for - chain.left,
        )

    async def _request_in_turn(
        self,
        chain: _RedirectChain,
        request_headers: dict[str, str],
        policy: AddressPolicy | None,
        limits: FetchLimits,
        gate: Gate | None,
    ) -> tuple[_Page, _RedirectChain]:
        """One request, once its host has a free slot; returns the chain with the time left reduced."""
        async with self._scheduler.slot(urls.host(chain.at)):
            if gate:
                await gate(urls.host(chain.at))
            started = time.monotonic()
            page = await self._read(chain, request_headers, policy, limits)
            left = chain.left - timedelta(seconds=time.monotonic() - started)
            return page, replace(chain, left=left)

    async def _read(
        self, chain: _RedirectChain, request_headers: dict[str, str], policy: AddressPolicy | None, limits: FetchLimits
    ) -> _Page:
        request = self._client.exchange("GET", chain.at, headers=request_headers, policy=policy, limit_for=chain.left)
        async with request as reply:
            if reply.status not in _WITH_BODY:
                return _Page(status=reply.status, headers=reply.headers)
            body, is_whole = await reply.read(limits.body_bytes)
        if not is_whole:
            limit = limits.body_bytes / 1_000_000
            raise FetchError(
                f"{urls.host(chain.at)} sends more than the {limit:.3g} MB that are read of one document",
                url=chain.url,
                code="too large",
            )
        return _Page(status=reply.status, headers=reply.headers, body=body)


# --- the response -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    status: int
    headers: Headers
    body: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class _RedirectChain:
    """The state of a fetch: where it began (`url`), where it is (`at`), the time left and the redirects so far."""

    url: str
    at: str
    left: timedelta
    hops: int = 0
    is_permanent: bool = True
    cookies: Mapping[str, Cookies] = field(default_factory=dict)
    """By origin: what it set in this chain."""

    @property
    def cookie_header(self) -> dict[str, str]:
        """The request header with the cookies of the host asked now; {} where it set none."""
        return cookies.header(self.cookies.get(_origin(self.at), {}))


def _origin(url: str) -> str:
    """Scheme, host and port: a cookie is sent back to none but that which set it."""
    parts = urls.split(url)
    return f"{parts.scheme}://{parts.authority}"


def _check_url(url: str) -> str:
    try:
        return urls.check(url)
    except ValueError as fault:
        raise refusal_error(urls.masked(url), str(fault), url=url) from None


def _conditional_headers(validators: Validators) -> dict[str, str]:
    """The validators as request headers, byte for byte; one that cannot be sent is left out (case F21)."""
    conditions = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    return {name: value for name, value in conditions.items() if value and _VALIDATOR.fullmatch(value)}


def _follow_redirect(chain: _RedirectChain, page: _Page, *, limit: int) -> _RedirectChain:
    """The chain after one more redirect. Raises FetchError where it must not be followed."""
    here = urls.host(chain.at)
    target = urls.resolve(chain.at, _as_utf8(page.headers.first("location") or ""))
    if not page.headers.first("location") or not target:
        raise FetchError(f"{here} redirects to something that is not a web address", url=chain.url, code="redirect")
    if chain.at.startswith("https:") and not target.startswith("https:"):
        raise FetchError(
            f"{here} redirects from https to http, where anyone can listen in", url=chain.url, code="redirect"
        )
    if chain.hops >= limit:
        raise FetchError(f"{here} redirects more than {limit} times", url=chain.url, code="redirect")
    is_permanent = chain.is_permanent and page.status in _PERMANENT
    origin = _origin(chain.at)
    kept = {**chain.cookies, origin: cookies.after(page.headers, chain.cookies.get(origin, {}))}
    return replace(chain, at=urls.check(target), hops=chain.hops + 1, is_permanent=is_permanent, cookies=kept)


def _as_utf8(value: str) -> str:
    """A header value that holds UTF-8, which occurs although RFC 9110 allows only ASCII."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def _check_status(page: _Page, chain: _RedirectChain, now: datetime, *, is_conditional: bool) -> None:
    if page.status in _WITH_BODY or (page.status == HTTPStatus.NOT_MODIFIED and is_conditional):
        return
    raise FetchError(
        f"{urls.host(chain.at)} answered {_describe_status(page.status)}",
        url=chain.url,
        code=str(page.status),
        status=page.status,
        retry_after_for=_asked_wait(page, now),
        max_age_for=max_age(page.headers, now=now),
        host=urls.host(chain.at),
        is_gone=page.status == HTTPStatus.GONE and chain.is_permanent,
    )


def _asked_wait(page: _Page, now: datetime) -> timedelta | None:
    """How long the server wants to be left alone: by Retry-After, else by the rate limit where that is why it refused us."""
    asked_for = retry_after(page.headers, now=now)
    is_limited = page.status in RATE_LIMITED or (
        page.status == HTTPStatus.FORBIDDEN and rate_limits.is_used_up(page.headers)
    )
    return asked_for or (rate_limits.reset_after(page.headers, now=now) if is_limited else None)


def _describe_status(status: int) -> str:
    known = {each.value: each.phrase for each in HTTPStatus}
    mend = _STATUS_HINTS.get(status)
    return f"{status} {known.get(status, '')}".rstrip() + (f": {mend}" if mend else "")


def _validators(page: _Page, known: Validators) -> Validators:
    """The validators for the next request. A 304 may bring new ones; those it leaves out stay valid (case F23)."""
    fresh = Validators(etag=_sendable(page.headers, "etag"), last_modified=_sendable(page.headers, "last-modified"))
    if page.status in _WITH_BODY:
        return fresh
    return Validators(
        etag=fresh.etag or known.etag,
        last_modified=fresh.last_modified or known.last_modified,
    )


def _sendable(headers: Headers, name: str) -> str | None:
    value = headers.first(name)
    return value if value and _VALIDATOR.fullmatch(value) else None


def max_age(headers: Headers, *, now: datetime) -> timedelta | None:
    """How long the response stays fresh: by Cache-Control, else Expires, minus Age; at most 24 h, None where neither says."""
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
    expires = waits.http_date(headers.first("expires"))
    return None if expires is None else expires - (waits.http_date(headers.first("date")) or now)


def _directives(headers: Headers) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in headers.get("cache-control", "").lower().split(","))
    return {name.strip(): value.strip(' "') for name, _, value in pairs}


def _whole_seconds(digits: str) -> timedelta | None:
    if not re.fullmatch(r"[0-9]+", digits):
        return None
    return timedelta(seconds=int(digits) if len(digits) <= 9 else 10**9)
