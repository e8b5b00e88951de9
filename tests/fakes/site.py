"""A scriptable newspaper on a real socket: tell it what to publish and how to misbehave, then read what it was asked.

    with Site() as site:
        site.publishes("/feed", rss(("Title", "https://example.org/1", "guid-1", "Text", "2026-11-20T10:00:00Z")))
        ...                                    # poll site.url("/feed")
        site.goes_down()
        ...
        assert [each.path for each in site.requests] == ["/feed"]

One thread accepts, one more serves each connection, one request a connection. `close` leaves no socket and no thread behind.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from xml.sax.saxutils import escape

from tests.fakes.patience import PATIENCE

Item = Sequence[str | datetime | None]
HeaderLines = Mapping[str, str] | Iterable[tuple[str, str]]
_LOOK_EVERY = 0.01


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    at: datetime
    raw_head: bytes = b""

    def header(self, name: str) -> str | None:
        """The value of a header, bytes as latin-1; None where it was not sent."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key.lower() == wanted), None)

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)


Answering = Callable[[Request, "Line"], None]


@dataclass
class _Plan:
    """What a path does: the plans that run out come first, the lasting one last."""

    lasting: Answering | None = None
    passing: list[Answering] = field(default_factory=list)


class Line:
    """The connection to one reader, for answers that are more than bytes."""

    def __init__(self, connection: socket.socket, is_over: threading.Event) -> None:
        self._connection = connection
        self.is_over = is_over

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def reset(self) -> None:
        """Break off with a TCP reset instead of an orderly close."""
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait, but not past the end of the site; whether it is over."""
        return self.is_over.wait(seconds)


class Site:
    """A web server on 127.0.0.1 (or another loopback address) with an ephemeral port."""

    def __init__(self, address: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.requests: list[Request] = []
        self.connections = 0
        """How many readers connected, with or without a request: a refused address must leave it at 0."""
        self.most_at_once = 0
        """How many requests waited for their answers together; use `is_slow` to make them wait."""
        self._waiting = 0
        self._wanted = 0
        self._tls = tls
        self._plans: dict[str, _Plan] = {}
        self._delay = 0.0
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.port = 0
        self.comes_back()

    # --- what the test says ---

    def publishes(
        self,
        path: str,
        body: bytes | str,
        *,
        content_type: str = "application/rss+xml; charset=utf-8",
        etag: str | None = None,
        last_modified: str | None = None,
        headers: HeaderLines = (),
    ) -> None:
        """Serve a document with an honest ETag (of its bytes, unless given; '' for none) and honest 304s."""
        content = body.encode() if isinstance(body, str) else body
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"' if etag is None else etag
        validators = [("ETag", tag)] if tag else []
        validators += [("Last-Modified", last_modified)] if last_modified else []
        extra = [*validators, *_pairs(headers)]

        def answering(request: Request, line: Line) -> None:
            if _is_known(request, tag, last_modified):
                line.send(_answer(304, extra))
            else:
                line.send(_answer(200, [("Content-Type", content_type), *extra], content))

        self._plan(path).lasting = answering

    def answers(
        self,
        path: str,
        status: int = 200,
        headers: HeaderLines = (),
        body: bytes | str = b"",
        *,
        times: int | None = None,
    ) -> None:
        """Answer like this from now on or, with `times`, that often before what was said earlier holds again."""
        content = body.encode() if isinstance(body, str) else body
        self._does(path, lambda request, line: line.send(_answer(status, _pairs(headers), content)), times)

    def redirects(self, path: str, to: str, status: int = 302, *, times: int | None = None) -> None:
        """Point elsewhere; `to` goes into Location as it is."""
        self.answers(path, status, [("Location", to)], times=times)

    def sends_raw(self, path: str, data: bytes | Callable[[], Iterable[bytes]], *, then: str = "close") -> None:
        """Send these very bytes, or pieces for as long as the reader takes them; `then` is close, reset or hang."""

        def answering(request: Request, line: Line) -> None:
            for piece in [data] if isinstance(data, bytes) else data():
                line.send(piece)
                if line.is_over.is_set():
                    return
            if then == "reset":
                line.reset()
            elif then == "hang":
                line.wait()

        self._does(path, answering)

    def never_answers(self, path: str) -> None:
        """Take the request and stay silent."""
        self.sends_raw(path, b"", then="hang")

    def drips(self, path: str, data: bytes | None = None, *, every: float = 0.02) -> None:
        """Send `data` byte by byte; without it, a body that never ends."""
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\n\r\n"

        def answering(request: Request, line: Line) -> None:
            if data is None:
                line.send(head)
            for byte in _endless_spaces() if data is None else data:
                line.send(bytes([byte]))
                if line.wait(every):
                    return

        self._does(path, answering)

    def is_slow(self, seconds: float) -> None:
        """Think this long before each answer."""
        self._delay = seconds

    def answers_only_when_asked_by(self, count: int) -> None:
        """Answer nobody before so many requests have waited together: readers that come one by one wait for ever."""
        self._wanted = count

    def goes_down(self) -> None:
        """Refuse new readers and hang up on the present ones; the port stays ours to come back to."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._hang_up()

    def comes_back(self) -> None:
        """Listen, on the same port as before."""
        if self._listener is not None:
            return
        listener = socket.socket(socket.AF_INET6 if ":" in self.address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.address, self.port))
        listener.listen(128)
        self.port = listener.getsockname()[1]
        self._listener = listener
        self._start(self._accept, listener)

    def forgets(self) -> None:
        """Start the record of requests anew."""
        self.requests.clear()
        self.connections = self.most_at_once = 0

    def url(self, path: str = "/", *, host: str | None = None) -> str:
        """The address of a path here, by another host name where one is given."""
        name = host or (f"[{self.address}]" if ":" in self.address else self.address)
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def asked_for(self, path: str) -> list[Request]:
        """The requests for one path."""
        return [each for each in self.requests if each.path == path]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop for good and wait for every thread."""
        self._over.set()
        self.goes_down()
        for thread in self._threads:
            thread.join(PATIENCE)

    # --- how it does it ---

    def _plan(self, path: str) -> _Plan:
        return self._plans.setdefault(path, _Plan())

    def _does(self, path: str, answering: Answering, times: int | None = None) -> None:
        plan = self._plan(path)
        if times is None:
            plan.lasting, plan.passing = answering, []
        else:
            plan.passing += [answering] * times

    def _start(self, work: Callable[[socket.socket], None], own: socket.socket) -> None:
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive()]
            thread = threading.Thread(target=work, args=(own,), daemon=True, name=f"site-{self.port}")
            self._threads.append(thread)
            thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        secured = connection
        try:
            # Readers may go at any moment, and a test's end hangs up on them: neither is this thread's trouble.
            with suppress(OSError, ValueError):
                if self._tls is not None:
                    secured = self._wrapped(connection, self._tls)
                    secured.do_handshake()
                request = _read_request(secured)
                if request is not None:
                    self._answer(request, Line(secured, self._over))
        finally:
            with self._lock:
                self._open -= {connection, secured}
            _part(secured)

    def _wrapped(self, connection: socket.socket, tls: ssl.SSLContext) -> ssl.SSLSocket:
        secured = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open = (self._open - {connection}) | {secured}
        return secured

    def _answer(self, request: Request, line: Line) -> None:
        with self._lock:
            self.requests.append(request)
            answering = self._chosen(request.path)
            self._waiting += 1
            self.most_at_once = max(self.most_at_once, self._waiting)
        line.wait(self._delay)
        while self.most_at_once < self._wanted and not line.wait(_LOOK_EVERY):
            pass
        with self._lock:  # before the answer, or its reader may be back before we have counted it out
            self._waiting -= 1
        if not line.is_over.is_set():
            answering(request, line)

    def _chosen(self, path: str) -> Answering:
        plan = self._plans.get(path) or self._plans.get(path.partition("?")[0]) or _Plan()
        if plan.passing:
            return plan.passing.pop(0)
        return plan.lasting or (lambda request, line: line.send(_answer(404, [], b"no such page")))

    def _hang_up(self) -> None:
        with self._lock:
            present = list(self._open)
        for connection in present:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _part(connection: socket.socket) -> None:
    """Close in order: say that we are done, take what still comes, so that no reset eats our last bytes."""
    with suppress(OSError, ValueError):
        connection.settimeout(0.2)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(65536)
    connection.close()


def _read_request(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
        if data.startswith(b"\x16"):  # a TLS hello: answer in plain text, as web servers do
            connection.sendall(_answer(400, [], b"this is not https"))
            return None
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    headers = tuple(_header(line) for line in lines[1:])
    method, path, *_ = lines[0].decode("latin-1").split(" ")
    length = next((int(value) for name, value in headers if name.lower() == b"content-length"), 0)
    while len(body) < length and (more := connection.recv(65536)):
        body += more
    return Request(method, path, headers, body, datetime.now(UTC), head)


def _header(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value.strip(b" ")


def _pairs(headers: HeaderLines) -> list[tuple[str, str]]:
    return list(headers.items() if isinstance(headers, Mapping) else headers)


def _answer(status: int, headers: Iterable[tuple[str, str]], body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {status} As told", *(f"{name}: {value}" for name, value in headers)]
    named = {name.lower() for name, _ in headers}
    if status not in (204, 304) and not named & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def _is_known(request: Request, etag: str, last_modified: str | None) -> bool:
    """RFC 9110 section 13: If-None-Match, compared weakly, overrules If-Modified-Since."""
    asked = request.header("if-none-match")
    if asked is not None:
        return bool(etag) and asked.removeprefix("W/") == etag.removeprefix("W/")
    return last_modified is not None and request.header("if-modified-since") == last_modified


def _endless_spaces() -> Iterator[int]:
    while True:
        yield 0x20


# --- documents --------------------------------------------------------------------------------------------------------


def rss(*items: Item, title: str = "The Newspaper", link: str = "https://news.example/", head: str = "") -> bytes:
    """An RSS 2.0 document of (title, link, guid, text, date) items; what is missing or empty is left out.

    Dates are aware datetimes or ISO text; `head` is raw XML for the channel.
    """
    parts = [f"<item>{''.join(_rss_parts(each))}</item>" for each in items]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0"><channel>'
        f"<title>{escape(title)}</title><link>{escape(link)}</link>{head}\n" + "\n".join(parts) + "\n</channel></rss>\n"
    ).encode()


def atom(*items: Item, title: str = "The Newspaper", link: str = "https://news.example/") -> bytes:
    """An Atom document of the same items."""
    parts = [f"<entry>{''.join(_atom_parts(each))}</entry>" for each in items]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f'<title>{escape(title)}</title><link href="{escape(link)}"/><id>{escape(link)}</id>'
        "<updated>2026-01-01T00:00:00Z</updated>\n" + "\n".join(parts) + "\n</feed>\n"
    ).encode()


def _rss_parts(item: Item) -> Iterator[str]:
    title, link, guid, text, date = _filled(item)
    for name, value in (("title", title), ("link", link), ("description", text)):
        if value:
            yield f"<{name}>{escape(str(value))}</{name}>"
    if guid:
        yield f'<guid isPermaLink="false">{escape(str(guid))}</guid>'
    if date:
        yield f"<pubDate>{format_datetime(_moment(date))}</pubDate>"


def _atom_parts(item: Item) -> Iterator[str]:
    title, link, guid, text, date = _filled(item)
    yield f"<title>{escape(str(title or ''))}</title>"
    if link:
        yield f'<link href="{escape(str(link))}"/>'
    if guid:
        yield f"<id>{escape(str(guid))}</id>"
    if text:
        yield f'<content type="html">{escape(str(text))}</content>'
    if date:
        yield f"<updated>{_moment(date).isoformat()}</updated>"


def _filled(item: Item) -> list[str | datetime | None]:
    return [*item, *[None] * (5 - len(item))]


def _moment(date: str | datetime) -> datetime:
    return datetime.fromisoformat(date) if isinstance(date, str) else date
