"""httpx2 transport that connects only to addresses which the request's address policy allows.

httpx2's own transport connects to whatever a URL names. This one resolves the host, checks every address under the policy of the
request (see `addresses`) and connects to one of those checked. Each request has a connection of its own, so that no connection
opened under one policy serves another, and no idle connection breaks while a webhook is posted. httpcore2, the engine of httpx2,
implements HTTP.
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

from monitor.net.addresses import Address, AddressPolicy, Resolver, refusal_error
from monitor.text import urls

_MAX_ADDRESSES = 4


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """A request's target, parsed by our own parser, and its address policy. Passed in the request's `extensions["call"]`."""

    url: str
    parts: urls.Parts
    policy: AddressPolicy


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Sends a request where its `OutboundCall` allows it; without one it raises KeyError and sends nothing.

    Raises RefusedAddressError and FetchError `dns` before anything is sent, else httpx2.TransportError. Owns the resolver.
    """

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext) -> None:
        self._resolver = resolver
        self._tls = tls

    async def aclose(self) -> None:
        """Close the resolver's threads; connections are closed with their responses."""
        self._resolver.close()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response's head; closing the response closes the connection from which its body is read."""
        call: OutboundCall = request.extensions["call"]
        parts = call.parts
        _check_parsers_agree(request.url, call)
        addresses = await self._resolver.addresses(parts.host, parts.port, policy=call.policy, url=call.url)
        backend = _PinnedBackend(addresses)
        origin = httpcore2.Origin(parts.scheme.encode(), parts.host.encode(), parts.port)
        connection = httpcore2.AsyncHTTPConnection(origin, ssl_context=self._tls, network_backend=backend)
        try:
            with _as_httpx2_errors():
                answer = await connection.handle_async_request(_engine_request(request, parts))
        except BaseException:
            await backend.aclose()
            raise
        return _Response(answer.status, headers=answer.headers, stream=_ResponseBody(answer, backend))


def _check_parsers_agree(url: httpx2.URL, call: OutboundCall) -> None:
    """Refuse a URL from which httpx2's own parser reads another host or path than ours (case R2)."""
    parts = call.parts
    ours = (parts.scheme, parts.host, parts.authority, parts.target, "")
    theirs = (url.raw_scheme, url.raw_host, url.netloc, url.raw_path, url.userinfo)
    if theirs != tuple(each.encode() for each in ours):
        raise refusal_error(parts.host, "its URL can be read in two ways", url=call.url)


def _engine_request(request: httpx2.Request, parts: urls.Parts) -> httpcore2.Request:
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


# --- responses --------------------------------------------------------------------------------------------------------


class _Response(httpx2.Response):
    """A response whose Location is not parsed: httpx2 does so even without following redirects, and may fail on it."""

    @property
    def has_redirect_location(self) -> bool:
        return False


class _ResponseBody(httpx2.AsyncByteStream):
    """The response's body; closing it closes the connection."""

    def __init__(self, answer: httpcore2.Response, connection: _PinnedBackend) -> None:
        self._answer = answer
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx2_errors():
            async with aclosing(self._answer.aiter_stream()) as stream:
                async for chunk in stream:
                    yield chunk

    async def aclose(self) -> None:
        with _as_httpx2_errors():
            await self._connection.aclose()


class NoCookies(CookieJar):
    """A cookie jar that stores and sends nothing, and does not even parse cookies."""

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
_STREAM_FAULTS = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream)


@contextmanager
def _as_httpx2_errors() -> Iterator[None]:
    """Turn the engine's errors into httpx2's of the same names, as httpx2's own transport does."""
    try:
        yield
    except _ENGINE_FAULTS as fault:
        kind: type[httpx2.TransportError] = getattr(httpx2, type(fault).__name__)
        raise kind(str(fault)) from fault
    except _STREAM_FAULTS as fault:
        raise httpx2.NetworkError(str(fault)) from fault


# --- connecting -------------------------------------------------------------------------------------------------------


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to the checked addresses and ignores the host name: resolving it again could give others (case R3)."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses
        self._backend = httpcore2.AnyIOBackend()
        self._stream: httpcore2.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers; the attempts share the one time limit."""
        candidates = _alternate_families(self._addresses)[:_MAX_ADDRESSES]
        time_share = None if timeout is None else timeout / len(candidates)
        for ip in candidates[:-1]:
            try:
                return await self._open(ip, port, time_share)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._open(candidates[-1], port, time_share)

    async def _open(self, ip: Address, port: int, limit: float | None) -> httpcore2.AsyncNetworkStream:
        self._stream = await self._backend.connect_tcp(str(ip), port, timeout=limit)
        return self._stream

    async def aclose(self) -> None:
        """Close the connection; the library leaks one whose TLS handshake is cancelled."""
        if self._stream is not None:
            await self._stream.aclose()


def _alternate_families(addresses: Sequence[Address]) -> list[Address]:
    """The resolver's order, but with the other IP family second, so that an unreachable family cannot use up all attempts."""
    first = addresses[0]
    other = next((ip for ip in addresses if ip.version != first.version), None)
    rest = [ip for ip in addresses[1:] if ip != other]
    return [first, *([] if other is None else [other]), *rest]
