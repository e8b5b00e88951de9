"""The one door to the network: a URL and a policy in, an answer of bounded size within bounded time out.

Every request is its own connection: resolve, check every address, connect to a checked one, send, read, close. Nothing is
kept between requests: no cookies, no pool whose connections were opened under another policy, no idle socket that dies
while a webhook is posted. It speaks HTTP through httpcore2 (the engine under httpx2) rather than through a client, because
a client brings a second URL parser, a cookie jar, redirects, proxies from the environment and log lines with whole URLs.
Every failure is one FetchError whose sentence names the host, never path or query, which may be a secret.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from io import BytesIO
from typing import Any

import anyio
import httpcore2

from monitor import urls
from monitor.addresses import Address, AddressPolicy, Lookup, Resolver, refused, system_lookup
from monitor.errors import FetchError
from monitor.text import clean

log = logging.getLogger(__name__)

ANSWER_LIMIT = 64 * 1024
"""Bytes read of the answer to a post: enough for any error text (case W9)."""
RETRY_AFTER_LIMIT = timedelta(hours=24)
_ADDRESSES_TRIED = 4
_PIECE = 256 * 1024


class NoAnswerError(FetchError):
    """The request was sent whole, but no whole answer came: what the other side made of it is unknown (cases W9, W10)."""


class Headers(Mapping[str, str]):
    """An answer's headers by lower-case name; bytes and characters map one to one (latin-1), so values can be echoed."""

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
        """The values of a header that came more than once, as they came."""
        return self._values.get(name, [])

    def first(self, name: str) -> str | None:
        """The first value of a header, None where it is missing or empty."""
        return next((value for value in self.all(name) if value), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back to a post."""

    status: int
    headers: Headers
    text: str
    """At most the first 64 KB, clean of control characters."""
    is_whole: bool = True
    """False where the answer was longer than we read."""

    def retry_after_for(self, now: datetime) -> timedelta | None:
        """How long the other side asks us to wait."""
        return retry_after(self.headers, now=now)


class Door:
    """Requests to strangers under an address policy. Belongs to one event loop; `aclose` when done."""

    def __init__(
        self,
        *,
        policy: AddressPolicy | None = None,
        user_agent: str | None = None,
        connect_for: timedelta = timedelta(seconds=10),
        silence_for: timedelta = timedelta(seconds=20),
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        self.policy = policy or AddressPolicy()
        self._user_agent = user_agent or default_user_agent()
        self._limits = {"connect": connect_for.total_seconds()} | dict.fromkeys(
            ("read", "write"), silence_for.total_seconds()
        )
        self._tls = tls or httpcore2.default_ssl_context()
        self._resolver = Resolver(lookup=lookup)
        self._odd_ports: set[tuple[str, int]] = set()
        _silence_libraries()

    async def aclose(self) -> None:
        """Let go of the name service's threads."""
        self._resolver.close()

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        limit_for: timedelta = timedelta(seconds=30),
        policy: AddressPolicy | None = None,
    ) -> Answer:
        """Send once, follow no redirect (case W4), read little of the answer.

        Raises NoAnswerError where the request was sent whole but not answered whole, else FetchError.
        """
        sent = {**headers, "Content-Length": str(len(body))}
        async with self.exchange("POST", url, headers=sent, body=body, policy=policy, limit_for=limit_for) as reply:
            text, is_whole = await _first_bytes(reply)
            return Answer(status=reply.status, headers=reply.headers, text=text, is_whole=is_whole)

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
        """One request; the reply can be read inside the `async with`, whose whole duration is limited."""
        parts = _parts(url)
        progress = _Progress()
        with _explained(parts, url, progress):
            async with asyncio.timeout(limit_for.total_seconds()):
                self._note_port(parts)
                addresses = await self._resolver.addresses(
                    parts.host, parts.port, policy=policy or self.policy, url=url
                )
                async with _connection(parts, addresses, self._tls) as connection:
                    request = self._request(method, parts, headers, body, progress)
                    yield Reply(await connection.handle_async_request(request), url)

    def _request(
        self, method: str, parts: urls.Parts, headers: Mapping[str, str], body: bytes, progress: _Progress
    ) -> httpcore2.Request:
        ours = {"Host": parts.authority, "User-Agent": self._user_agent}
        lines = {**ours, **headers, "Accept-Encoding": "gzip", "Connection": "close"}
        return httpcore2.Request(
            method.encode(),
            httpcore2.URL(
                scheme=parts.scheme.encode(), host=parts.host.encode(), port=parts.port, target=parts.target.encode()
            ),
            headers=[(name.encode(), value.encode("latin-1")) for name, value in lines.items()],
            content=body,
            extensions={"timeout": self._limits, "trace": progress},
        )

    def _note_port(self, parts: urls.Parts) -> None:
        """Say once where we call an unusual port (case R5)."""
        place = (parts.host, parts.port)
        if parts.port not in (80, 443) and place not in self._odd_ports and len(self._odd_ports) < 1000:
            self._odd_ports.add(place)
            log.info("calling an unusual port host=%s port=%d", *place)


class Reply:
    """Status and headers of an answer whose body waits to be read."""

    def __init__(self, response: httpcore2.Response, url: str) -> None:
        self.status = response.status
        self.headers = Headers(response.headers)
        self._response = response
        self._url = url

    async def read(self, limit: int) -> tuple[bytes, bool]:
        """At most `limit` bytes of the decoded body, and whether that is all of it. Reads no more than `limit` raw ones."""
        kept = BytesIO()
        raw = pieces = 0
        inflater = self._inflater()
        with _decoding(self._url):
            async with aclosing(self._response.aiter_stream()) as stream:
                async for chunk in stream:
                    raw += len(chunk)
                    for piece in inflater.feed(chunk):
                        room = limit - kept.tell()
                        kept.write(piece[:room])
                        if len(piece) > room or raw > limit:
                            return kept.getvalue(), False
                        pieces += 1
                        if pieces % 16 == 0:  # neither one-byte chunks nor bombs may hold up the other feeds
                            await asyncio.sleep(0)
            inflater.finish()
        return kept.getvalue(), True

    def _inflater(self) -> _Plain | _Inflater:
        codings = [each.strip().lower() for each in self.headers.get("content-encoding", "").split(",")]
        codings = [each for each in codings if each not in ("", "identity")]
        if not codings:
            return _Plain()
        if len(codings) == 1 and codings[0] in ("gzip", "x-gzip", "deflate"):
            return _Inflater()
        named = clean(" and ".join(codings), limit=40)
        raise FetchError(
            f"the answer is encoded as {named}, though we asked for gzip or none", url=self._url, code="encoding"
        )


async def _first_bytes(reply: Reply) -> tuple[str, bool]:
    """The answer's text as far as it is wanted; one that cannot be decoded is no text, its status still counts."""
    try:
        body, is_whole = await reply.read(ANSWER_LIMIT)
    except FetchError:
        return "", False
    return clean(body.decode("utf-8", "replace")), is_whole


def default_user_agent(contact: str = "") -> str:
    """Who we are and, where the operator says so, how to reach them: the same in every request (case F26)."""
    return f"article-monitor/{version('article-monitor')}" + (f" (+{contact})" if contact else "")


def retry_after(headers: Headers, *, now: datetime) -> timedelta | None:
    """The wait asked for by Retry-After: the longest valid one, at most 24 h; None where there is none (case F14).

    A date counts from the server's own Date, whose clock it was written by; without one, from `now`.
    """
    date = http_date(headers.first("date")) or now
    waits = [wait for value in headers.all("retry-after") for wait in _waits(value, date)]
    return min(max(waits), RETRY_AFTER_LIMIT) if waits else None


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware UTC datetime, None where it is none."""
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?")


def _waits(value: str, date: datetime) -> list[timedelta]:
    """The waits in one header line: seconds, or a date, or a list of seconds."""
    moment = http_date(value)
    if moment is not None:
        return [moment - date] if moment > date else []
    seconds = [each.strip() for each in value.split(",")]
    return [_seconds(each) for each in seconds if _SECONDS.fullmatch(each)]


def _seconds(digits: str) -> timedelta:
    whole = digits.partition(".")[0]
    return timedelta(seconds=float(digits)) if len(whole) <= 9 else RETRY_AFTER_LIMIT


# --- connecting -------------------------------------------------------------------------------------------------------


def _parts(url: str) -> urls.Parts:
    try:
        return urls.split(url)
    except ValueError as fault:
        raise refused(urls.masked(url), str(fault), url=url) from None


class _Checked(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever host it is asked for: asking again could give others (case R3)."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._plain = httpcore2.AnyIOBackend()
        self._stream: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """The first address that answers gets the connection; all share the one limit."""
        tried = _both_families(self._addresses)[:_ADDRESSES_TRIED]
        share = None if timeout is None else timeout / len(tried)
        for ip in tried[:-1]:
            try:
                return await self._open(ip, port, share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._open(tried[-1], port, share)

    async def _open(self, ip: Address, port: int, limit: float | None) -> httpcore2.AsyncNetworkStream:
        self._stream = await self._plain.connect_tcp(str(ip), port, timeout=limit)
        return self._stream

    async def aclose(self) -> None:
        """The library forgets a connection whose TLS handshake is cancelled; we do not."""
        if self._stream is not None:
            await self._stream.aclose()


def _both_families(addresses: Sequence[Address]) -> list[Address]:
    """The name service's order, but the second of the other family, so that a dead one cannot take all tries."""
    first = addresses[0]
    other = next((ip for ip in addresses if ip.version != first.version), None)
    rest = [ip for ip in addresses[1:] if ip != other]
    return [first, *([] if other is None else [other]), *rest]


@asynccontextmanager
async def _connection(
    parts: urls.Parts, addresses: Sequence[Address], tls: ssl.SSLContext
) -> AsyncIterator[httpcore2.AsyncHTTPConnection]:
    origin = httpcore2.Origin(parts.scheme.encode(), parts.host.encode(), parts.port)
    checked = _Checked(addresses)
    try:
        yield httpcore2.AsyncHTTPConnection(origin, ssl_context=tls, network_backend=checked)
    finally:
        await checked.aclose()


# --- failing ----------------------------------------------------------------------------------------------------------


class _Progress:
    """How far a request got, as the library traces it: what a failure means depends on when it came."""

    def __init__(self) -> None:
        self.stage = "resolve"
        self.is_sent = False

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        self.stage = event.split(".")[1] if event.endswith(".started") else self.stage
        self.is_sent = self.is_sent or event == "http11.send_request_body.complete"


_FAULTS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    anyio.EndOfStream,
    OSError,  # ssl.SSLError and TimeoutError are among them
)


@contextmanager
def _explained(parts: urls.Parts, url: str, progress: _Progress) -> Iterator[None]:
    """Whatever goes wrong between here and there, as one FetchError."""
    try:
        yield
    except _FAULTS as fault:
        sentence, code = _explanation(parts.host, fault, progress.stage)
        error = NoAnswerError if progress.is_sent else FetchError
        raise error(sentence, url=url, code=code) from fault


def _explanation(host: str, fault: Exception, stage: str) -> tuple[str, str]:
    if stage == "connect_tcp":  # one sentence for closed and silent ports: this is no port scanner (case R9)
        return f"cannot connect to {host}; it may be down, or its address wrong", "connect"
    if isinstance(fault, TimeoutError | httpcore2.TimeoutException):
        return f"{host} did not answer in time", "timeout"
    if stage == "start_tls":
        return f"no secure connection to {host}: {_tls_reason(fault)}", "tls"
    if isinstance(fault, httpcore2.ProtocolError):
        return f"{host} does not answer in proper HTTP", "protocol"
    return f"{host} broke the connection off", "connect"


def _tls_reason(fault: BaseException | None) -> str:
    while fault is not None:
        if isinstance(fault, ssl.SSLCertVerificationError):
            return f"its certificate is not valid ({clean(fault.verify_message, limit=100)})"
        fault = fault.__cause__ or fault.__context__
    return "it does not speak a version of TLS that is still safe, or none at all"


def _silence_libraries() -> None:
    """They log requests and headers, and with them secrets (case U16)."""
    for name in ("httpcore2", "httpx2", "hpack"):
        logging.getLogger(name).setLevel(logging.WARNING)


# --- decoding ---------------------------------------------------------------------------------------------------------


class _Plain:
    """A body that is not compressed."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield data

    def finish(self) -> None:
        pass


class _Inflater:
    """gzip (or zlib) in small pieces, so that a bomb is noticed while it is still small (case F5).

    Several gzip members in a row are one text (RFC 1952 section 2.2); junk behind the last is ignored, as browsers do.
    """

    def __init__(self) -> None:
        self._member = _member()
        self._held = b""
        self._has_begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._has_begun = True
        data, self._held = self._held + data, b""
        while data or not self._member.eof:
            if self._member.eof and not self._starts_another(data):
                return
            piece = self._member.decompress(data, _PIECE)
            yield piece
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if not data and len(piece) < _PIECE:
                return

    def _starts_another(self, data: bytes) -> bool:
        if len(data) < 2:
            self._held = data
            return False
        if data.startswith(b"\x1f\x8b"):
            self._member = _member()
            return True
        return False

    def finish(self) -> None:
        if self._has_begun and not self._member.eof:
            raise zlib.error("ends too early")


def _member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # 32: tell gzip from zlib by its header


@contextmanager
def _decoding(url: str) -> Iterator[None]:
    try:
        yield
    except zlib.error as fault:
        raise FetchError(
            f"{urls.host(url)} says its answer is compressed, but it is not, or not whole", url=url, code="encoding"
        ) from fault
