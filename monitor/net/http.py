"""HTTP client for untrusted servers: bounded time, bounded size, and every connection under an address policy.

Wraps one `httpx2.AsyncClient` that keeps no state between requests and adds nothing to them: no cookies, redirects, proxies from
the environment or default headers, and `GuardedTransport` instead of its connection pool. Every failure is a FetchError whose
text names the host, but never path or query, which may be secret.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import version
from io import BytesIO
from typing import Any

import httpx2

from monitor.net import waits
from monitor.net.addresses import AddressPolicy, Lookup, Resolver, refusal_error, system_lookup
from monitor.net.inflate import Decoder, NotAskedForError, decoder
from monitor.net.transport import GuardedTransport, NoCookies, OutboundCall
from monitor.text import urls
from monitor.text.tokens import clean
from monitor.types.errors import FetchError

log = logging.getLogger(__name__)

ANSWER_LIMIT = 64 * 1024
"""Bytes read of the response to a POST: enough for any error text (case W9)."""


class NoAnswerError(FetchError):
    """The request was sent completely but not answered completely: its effect is unknown (cases W9, W10)."""


class Headers(Mapping[str, str]):
    """Response headers by lower-case name, decoded as latin-1, so that values can be sent back byte for byte."""

    def __init__(self, pairs: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1").strip())

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def all(self, name: str) -> list[str]:
        """All values of a header, in the order received."""
        return self._values.get(name, [])

    def first(self, name: str) -> str | None:
        """The first value of a header, None where it is missing or empty."""
        return next((value for value in self.all(name) if value), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """The response to a POST."""

    status: int
    headers: Headers
    text: str
    """At most the first 64 KB, without control characters."""
    is_whole: bool = True
    """False where the response was longer than what was read."""

    def retry_after_for(self, now: datetime) -> timedelta | None:
        """The wait that the server asks for; None where it asks for none."""
        return retry_after(self.headers, now=now)


@cache
def _public_tls() -> ssl.SSLContext:
    """TLS with the certificates of this machine or package, which take 50 ms to read: once a process."""
    return httpx2.create_ssl_context()


class HttpClient:
    """Sends requests to untrusted servers under an address policy. Belongs to one event loop; `aclose` when done."""

    def __init__(
        self,
        *,
        policy: AddressPolicy | None = None,
        user_agent: str | None = None,
        connect_for: timedelta = timedelta(seconds=10),
        read_timeout_for: timedelta = timedelta(seconds=20),
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.policy = policy or AddressPolicy()
        self._user_agent = user_agent or default_user_agent()
        self._client = httpx2.AsyncClient(
            transport=GuardedTransport(Resolver(lookup=lookup), tls or _public_tls()),
            timeout=httpx2.Timeout(read_timeout_for.total_seconds(), connect=connect_for.total_seconds()),
            cookies=NoCookies(),
            follow_redirects=False,
            trust_env=False,
        )
        self._reported_ports: set[tuple[str, int]] = set()
        _quiet_libraries()

    async def aclose(self) -> None:
        """Close the client and its resolver's threads."""
        await self._client.aclose()

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        limit_for: timedelta = timedelta(seconds=30),
        policy: AddressPolicy | None = None,
    ) -> HttpResponse:
        """Send once, without following redirects (case W4), and read at most `ANSWER_LIMIT` bytes of the response.

        Raises NoAnswerError where the request was sent completely but not answered completely, else FetchError.
        """
        sent = {**headers, "Content-Length": str(len(body))}
        async with self.exchange("POST", url, headers=sent, body=body, policy=policy, limit_for=limit_for) as reply:
            text, is_whole = await _read_text(reply)
            return HttpResponse(status=reply.status, headers=reply.headers, text=text, is_whole=is_whole)

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        limit_for: timedelta,
        body: bytes = b"",
        policy: AddressPolicy | None = None,
    ) -> AsyncIterator[Reply]:
        """One request. The reply can be read inside the `async with`, whose whole duration is limited."""
        parts = _split_or_refuse(url)
        progress = _RequestProgress()
        with _translating_faults(parts, url, progress):
            async with asyncio.timeout(limit_for.total_seconds()):
                self._log_unusual_port(parts)
                call = OutboundCall(url, parts, policy or self.policy)
                request = httpx2.Request(
                    method,
                    _httpx2_url(call),
                    headers=self._header_lines(parts, headers),
                    stream=httpx2.ByteStream(body),  # unlike `content`, adds no headers
                    extensions={"call": call, "trace": progress},
                )
                async with aclosing(await self._client.send(request, stream=True, auth=None)) as response:
                    yield Reply(response, url)

    def _header_lines(self, parts: urls.Parts, headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
        """All headers of the request; httpx2 adds none to a request built by hand."""
        ours = {"Host": parts.authority, "User-Agent": self._user_agent}
        lines = {**ours, **headers, "Accept-Encoding": "gzip", "Connection": "close"}
        return [(name.encode(), value.encode("latin-1")) for name, value in lines.items()]

    def _log_unusual_port(self, parts: urls.Parts) -> None:
        """Log the first request to an unusual port of a host (case R5)."""
        place = (parts.host, parts.port)
        if parts.port not in (80, 443) and place not in self._reported_ports and len(self._reported_ports) < 1000:
            self._reported_ports.add(place)
            log.info("calling an unusual port host=%s port=%d", *place)


class Reply:
    """Status and headers of a response whose body has not been read yet."""

    def __init__(self, response: httpx2.Response, url: str) -> None:
        self.status = response.status_code
        self.headers = Headers(response.headers.raw)
        self._response = response
        self._url = url

    async def read(self, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes of the decoded body, and whether that is all of it. Reads at most `limit` raw bytes, too."""
        buffer = BytesIO()
        raw_bytes = pieces = 0
        inflater = self._decoder()
        with _translating_decode_faults(self._url):
            async with aclosing(self._response.aiter_raw()) as stream:
                async for chunk in stream:
                    raw_bytes += len(chunk)
                    for piece in inflater.feed(chunk):
                        room = limit - buffer.tell()
                        buffer.write(piece[:room])
                        if len(piece) > room or raw_bytes > limit:
                            return buffer.getvalue(), False
                        pieces += 1
                        if pieces % 16 == 0:  # neither one-byte chunks nor zip bombs may block the other feeds
                            await asyncio.sleep(0)
            for piece in inflater.finish():
                buffer.write(piece)
        return buffer.getvalue(), buffer.tell() <= limit

    def _decoder(self) -> Decoder:
        with _translating_decode_faults(self._url):
            return decoder(self.headers.get("content-encoding", ""))


async def _read_text(reply: Reply) -> tuple[str, bool]:
    """The beginning of the response's text, and whether it is all; '' where it cannot be decoded, as its status still counts."""
    try:
        body, is_whole = await reply.read(ANSWER_LIMIT)
    except FetchError:
        return "", False
    return clean(body.decode("utf-8", "replace")), is_whole


def default_user_agent(contact: str = "") -> str:
    """The User-Agent, with the operator's contact if there is one: the same in every request (case F26)."""
    return f"article-monitor/{version('article-monitor')}" + (f" (+{contact})" if contact else "")


def retry_after(headers: Headers, *, now: datetime) -> timedelta | None:
    """The wait that Retry-After asks for: the longest valid one, at most 24 h; None where there is none (case F14).

    A date is relative to the response's own Date, which the same clock wrote; without one, to `now`.
    """
    date = waits.http_date(headers.first("date")) or now
    named = [wait for value in headers.all("retry-after") for wait in waits.parse(value, date)]
    return min(max(named), waits.LIMIT) if named else None


# --- requests ---------------------------------------------------------------------------------------------------------


def _split_or_refuse(url: str) -> urls.Parts:
    try:
        return urls.split(url)
    except ValueError as fault:
        raise refusal_error(urls.masked(url), str(fault), url=url) from None


def _httpx2_url(call: OutboundCall) -> httpx2.URL:
    """The URL as our parser normalised it; the transport checks that httpx2 parses it to the same parts."""
    try:
        return httpx2.URL(str(call.parts._replace(fragment=None)))
    except httpx2.InvalidURL:
        raise refusal_error(call.parts.host, "its URL cannot be sent; shorten it", url=call.url) from None


# --- failures ---------------------------------------------------------------------------------------------------------


class _RequestProgress:
    """How far a request got, by the library's trace events (extension `trace`); the meaning of a failure depends on it."""

    def __init__(self) -> None:
        self.stage = "resolve"
        self.is_sent = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.stage = event.split(".")[1] if event.endswith(".started") else self.stage
        self.is_sent = self.is_sent or event == "http11.send_request_body.complete"


_FAULTS = (httpx2.TransportError, OSError)  # ssl.SSLError and TimeoutError are OSErrors


@contextmanager
def _translating_faults(parts: urls.Parts, url: str, progress: _RequestProgress) -> Iterator[None]:
    """Turn transport errors into FetchError, or NoAnswerError once the request was sent."""
    try:
        yield
    except _FAULTS as fault:
        sentence, code = _describe_fault(parts.host, fault, progress.stage)
        error = NoAnswerError if progress.is_sent else FetchError
        raise error(sentence, url=url, code=code) from fault


def _describe_fault(host: str, fault: Exception, stage: str) -> tuple[str, str]:
    if stage == "connect_tcp":  # one text for closed and filtered ports: no port scanning (case R9)
        return f"cannot connect to {host}; it may be down, or its address wrong", "connect"
    if isinstance(fault, TimeoutError | httpx2.TimeoutException):
        return f"{host} did not answer in time", "timeout"
    if stage == "start_tls":
        return f"no secure connection to {host}: {_tls_reason(fault)}", "tls"
    if isinstance(fault, httpx2.ProtocolError):
        return f"{host} does not answer in proper HTTP", "protocol"
    return f"{host} broke the connection off", "connect"


def _tls_reason(fault: BaseException | None) -> str:
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({clean(fault.verify_message, limit=100)})"
        fault = fault.__cause__ or fault.__context__
    return "it does not speak a version of TLS that is still safe, or none at all"


def _quiet_libraries() -> None:
    """At lower levels they log requests and headers, and with them secrets (case U16)."""
    for name in ("httpcore2", "httpx2", "hpack"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def _translating_decode_faults(url: str) -> Iterator[None]:
    try:
        yield
    except NotAskedForError as fault:
        named = clean(str(fault), limit=40)
        raise FetchError(
            f"the answer is encoded as {named}, though we asked for gzip or none", url=url, code="encoding"
        ) from None
    except zlib.error as fault:
        raise FetchError(
            f"{urls.host(url)} says its answer is compressed, but it is not, or not whole", url=url, code="encoding"
        ) from fault
