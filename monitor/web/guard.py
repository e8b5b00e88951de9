"""Request guards: security headers on every answer, the password with its throttle, and protection from forged forms.

Nothing here depends on a route, so that new routes are protected too; tests walk the route table to check it (U4, U5).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from monitor.text.tokens import clean_line
from monitor.web.connections import Network, is_within, parse_address, peer_of

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
        "object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms too (Fetch, "append a request Origin header"),
    # and forged forms could not be distinguished from ours. Other sites get no referrer either way.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
QUERY_LIMIT = 32_768
"""Most bytes of a query string: a percent-encoded address of 8,192 characters fits."""
PASSWORD_LIMIT = 4096
"""Most bytes of an Authorization header; nothing longer is hashed (U8)."""
HEALTH_PATH, STATIC_PATH, SHARED_PATH = "/healthz", "/static/", "/shared/"
"""Paths that need no password: health, the static files of the pages, and the feeds of saved views, whose addresses are secret."""
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def is_open(path: str) -> bool:
    """Whether the path needs no password."""
    return path == HEALTH_PATH or path.startswith((STATIC_PATH, SHARED_PATH))


Refuse = Callable[[int, str], Response]
"""Makes a page from a status and a sentence."""


def harden(headers: MutableHeaders) -> None:
    """Set the security headers; headers that the answer has already are kept."""
    for name, value in SECURITY_HEADERS.items():
        headers.setdefault(name, value)


class Hardened:
    """Outermost middleware: security headers on every answer, refusals included (U3)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                harden(MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, hardened)


# --- who asks ---------------------------------------------------------------------------------------------------------


class RealClient:
    """Middleware: the address that a request came from, as `scope["client"]`. What a proxy says of it (X-Forwarded-For and
    -Proto) is read from the proxies of the settings alone: anybody can send these headers.
    """

    def __init__(self, app: ASGIApp, *, proxies: Sequence[Network]) -> None:
        self.app, self._proxies = app, tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            peer = scope["client"][0]
            if is_within(peer, self._proxies):
                headers = Headers(scope=scope)
                scope["client"] = (self._behind(peer, ",".join(headers.getlist("x-forwarded-for"))), 0)
                scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
                scope["scheme"] = scheme if scheme in ("http", "https") else scope["scheme"]
        await self.app(scope, receive, send)

    def _behind(self, peer: str, forwarded: str) -> str:
        """The rightmost address that is not one of our proxies: each proxy adds on the right whom it heard from, and what stands
        further left a client may have written itself."""
        for named in reversed([each.strip() for each in forwarded.split(",") if each.strip()]):
            ip = parse_address(_without_port(named))
            if ip is None:
                return peer
            if not is_within(str(ip), self._proxies):
                return str(ip)
        return peer


def _without_port(named: str) -> str:
    """`192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711` without its port."""
    if named.startswith("["):
        return named[1:].partition("]")[0]
    return named.partition(":")[0] if named.count(":") == 1 else named


# --- the password -----------------------------------------------------------------------------------------------------


class Throttle:
    """Counts wrong passwords by address. Times are seconds of `clock`, which must be monotonic."""

    def __init__(
        self, *, limit: int = 10, window: float = 300, keep: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit, self._window, self._keep, self._clock = limit, window, keep, clock
        self._failures: dict[str, tuple[int, float]] = {}

    def wait(self, address: str) -> int:
        """Seconds until this address may try again; 0 where it may now."""
        count, since = self._failures.get(peer_of(address), (0, 0.0))
        left = since + self._window - self._clock()
        return max(1, round(left)) if count >= self._limit and left > 0 else 0

    def failed(self, address: str) -> None:
        """Count a wrong password. The oldest addresses are dropped, so that many of them cannot exhaust memory."""
        name, now = peer_of(address), self._clock()
        count, since = self._failures.pop(name, (0, now))
        self._failures[name] = (count + 1, since) if now - since < self._window else (1, now)
        if len(self._failures) > self._keep:
            del self._failures[next(iter(self._failures))]


class BasicAuth:
    """HTTP Basic with one shared password; any user name is accepted and recorded with verdicts.

    The simplest sound login (U8): no session to fixate or steal, no login form to forge, no open redirect by `next=`.

    Wrong passwords are counted by address. A browser that was let in before, which its cookie proves, is counted by itself:
    others at its address (in one office, behind one proxy) cannot lock it out.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        password: str | None,
        own_authority: str,
        refuse: Refuse,
        throttle: Throttle,
        tokens: Tokens,
    ) -> None:
        self.app, self.refuse, self.throttle, self.tokens = app, refuse, throttle, tokens
        self._own = own_authority
        self._wanted = None if password is None else _digest(password.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # lifespan events; we serve no WebSocket
            return await self.app(scope, receive, send)
        refusal = self._refusal(scope)
        return await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if len(scope["query_string"]) > QUERY_LIMIT:
            return self.refuse(400, "That address is too long. Shorten the search words.")
        if not scope["query_string"].isascii():  # nothing that a browser sends, and nothing that can be read in one way
            return self.refuse(400, "That address is not written as addresses are.")
        who = "" if self._wanted is None or is_open(scope["path"]) else self._login(scope)
        if isinstance(who, Response):
            return who
        if scope["method"] not in SAFE_METHODS and not is_ours(Headers(scope=scope), self._own):
            return self.refuse(403, "This was not sent from a page of the monitor, so nothing was changed.")
        scope.setdefault("state", {})["who"] = who
        return None

    def _login(self, scope: Scope) -> str | Response:
        headers = Headers(scope=scope)
        given = headers.get("authorization")
        name, password = _credentials(given or "")
        cookie = cookie_parser(headers.get("cookie", "")).get(Tokens.COOKIE, "")
        is_known = bool(cookie) and hmac.compare_digest(
            self.tokens.cookie(clean_line(name, limit=64)).encode(), cookie.encode("utf-8", "replace")
        )
        address = f"browser {cookie}" if is_known else (scope.get("client") or ("",))[0]
        if wait := self.throttle.wait(address):
            answer = self.refuse(429, f"Too many wrong passwords. Try again in {wait} seconds.")
            answer.headers["Retry-After"] = str(wait)
            return answer
        if hmac.compare_digest(_digest(password), self._wanted or b""):
            return clean_line(name, limit=64)
        if given:
            self.throttle.failed(address)
        answer = self.refuse(401, "This page needs the password of the monitor. Any user name will do.")
        answer.headers["WWW-Authenticate"] = 'Basic realm="monitor", charset="UTF-8"'
        return answer


def _credentials(header: str) -> tuple[str, bytes]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > PASSWORD_LIMIT:
        return "", b""
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return "", b""
    return name.decode("utf-8", "replace"), password


def _digest(password: bytes) -> bytes:
    """A digest of fixed length, so that comparing does not leak the password's length."""
    return hashlib.sha256(password).digest()


# --- forged forms -----------------------------------------------------------------------------------------------------


def is_ours(headers: Headers, own_authority: str = "") -> bool:
    """Whether the browser states that one of our pages sent the request (U4). Without such headers (old browsers, programs):
    no.

    `own_authority` is host and port of the public address, for proxies that change `Host`.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin", "none"):
        return False
    if origin is None:
        return site is not None
    try:  # without the scheme, which differs behind a proxy that terminates TLS
        return urlsplit(origin).netloc in {headers.get("host"), own_authority} - {None, ""}
    except ValueError:
        return False


class Tokens:
    """CSRF tokens by signed double submit: a cookie, and a field in every form that must match it.

    Both derive from a key of this process and the user's name, so that all tabs of a reviewer agree even where
    `SameSite=Strict` withheld the cookie (a link in a mail). After a restart pages must be loaded again.
    """

    COOKIE = "monitor_form"
    FIELD = "token"

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def cookie(self, who: str) -> str:
        return self._sign("cookie", who)

    def field(self, who: str) -> str:
        return self._sign("field", who)

    def is_valid(self, who: str, cookie: str, field: str) -> bool:
        """Whether cookie and form field are those of this user."""
        is_cookie = hmac.compare_digest(self.cookie(who).encode(), cookie.encode())
        return hmac.compare_digest(self.field(who).encode(), field.encode()) and is_cookie

    def give(self, request: Request, who: str, response: Response) -> None:
        """Set the cookie where the browser does not have it yet."""
        if request.cookies.get(self.COOKIE) != self.cookie(who):
            is_https = request.url.scheme == "https"
            response.set_cookie(self.COOKIE, self.cookie(who), httponly=True, samesite="strict", secure=is_https)

    def _sign(self, what: str, who: str) -> str:
        return hmac.new(self._key, f"{what}:{who}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
