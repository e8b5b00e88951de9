"""The guarded way out of httpx2: a request and its `Call` in; an answer over a connection to a checked address, or an error.

httpx2's own transport calls whatever a URL names. This one resolves the host itself, checks every address under the policy
of this very request, and connects to a checked one. Every request is its own connection: nothing opened under one policy
serves another, and no idle socket dies while a webhook is posted. httpcore2, the engine under httpx2, speaks the HTTP. Who
may be called is decided in `addresses`, what is asked and what an error means in `http`.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from http.cookiejar import Cookie, CookieJar
from typing import Any

import anyio
import httpcore2
import httpx2

from monitor.net.addresses import Address, AddressPolicy, Resolver, refused
from monitor.text import urls

_ADDRESSES_TRIED = 4


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """Whom a request is for, by our own parser, and whom it may reach. Travels in the request's `extensions["call"]`."""

    url: str
    parts: urls.Parts
    policy: AddressPolicy


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends a request where its `Call` allows it; one without a `Call` is a KeyError and goes nowhere.

    Raises RefusedAddressError and FetchError `dns` before anything is sent, else httpx2.TransportError. Owns the resolver.
    """

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._resolver = resolver
        self._tls = tls

    async def aclose(self) -> None:
        """Let go of the name service's threads; connections end with their answers."""
        self._resolver.close()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer's head; its body waits on the connection, which `aclose` of the answer closes."""
        call: OutboundCall = request.extensions["call"]
        parts = call.parts
        _check_agreement(request.url, call)
        addresses = await self._resolver.addresses(parts.host, parts.port, policy=call.policy, url=call.url)
        checked = _Checked(addresses)
        origin = httpcore2.Origin(parts.scheme.encode(), parts.host.encode(), parts.port)
        connection = httpcore2.AsyncHTTPConnection(origin, ssl_context=self._tls, network_backend=checked)
        try:
            with _in_words_of_httpx2():
                answer = await connection.handle_async_request(_for_engine(request, parts))
        except BaseException:
            await checked.aclose()
            raise
        return _Answer(answer.status, headers=answer.headers, stream=_Body(answer, checked))


def _check_agreement(url: httpx2.URL, call: OutboundCall) -> None:
    """httpx2 has a parser of its own: where it reads another host or path than ours, nobody is called (case R2)."""
    parts = call.parts
    ours = (parts.scheme, parts.host, parts.authority, parts.target, "")
    theirs = (url.raw_scheme, url.raw_host, url.netloc, url.raw_path, url.userinfo)
    if theirs != tuple(each.encode() for each in ours):
        raise refused(parts.host, "its URL can be read in two ways", url=call.url)


def _for_engine(request: httpx2.Request, parts: urls.Parts) -> httpcore2.Request:
    assert isinstance(request.stream, httpx2.AsyncByteStream)
    return httpcore2.Request(
        request.method,
        httpcore2.URL(
            scheme=parts.scheme.encode(), host=parts.host.encode(), port=parts.port, target=parts.target.encode()
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions={name: request.extensions[name] for name in ("timeout", "trace") if name in request.extensions},
    )


# --- answers ----------------------------------------------------------------------------------------------------------


class _Answer(httpx2.Response):
    """An answer whose Location is only text: the client parses it even where it follows none, and may choke on it."""

    @property
    def has_redirect_location(self) -> bool:
        return False


class _Body(httpx2.AsyncByteStream):
    """What follows the head; closing it closes the connection."""

    def __init__(self, answer: httpcore2.Response, connection: _Checked) -> None:
        self._answer = answer
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _in_words_of_httpx2():
            async with aclosing(self._answer.aiter_stream()) as stream:
                async for chunk in stream:
                    yield chunk

    async def aclose(self) -> None:
        with _in_words_of_httpx2():
            await self._connection.aclose()


class NoCookies(CookieJar):
    """A jar that takes nothing in and gives nothing out, and does not even read what strangers want it to keep."""

    def set_cookie(self, cookie: Cookie) -> None:
        pass

    def extract_cookies(self, response: Any, request: Any) -> None:
        pass

    def add_cookie_header(self, request: Any) -> None:
        pass


_ENGINE_FAULTS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)
_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


@contextmanager
def _in_words_of_httpx2() -> Iterator[None]:
    """The engine's errors as httpx2's, which bear the same names; its own transport does likewise."""
    try:
        yield
    except _ENGINE_FAULTS as fault:
        kind: type[httpx2.TransportError] = getattr(httpx2, type(fault).__name__)
        raise kind(str(fault)) from fault
    except _BROKEN as fault:
        raise httpx2.NetworkError(str(fault)) from fault


# --- connecting -------------------------------------------------------------------------------------------------------


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
