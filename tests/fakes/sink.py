"""Receivers on loopback that behave as told and write down every byte: `Sink` takes posts, `MailSink` takes mail.

    with Sink() as sink:
        sink.answers(503, {"Retry-After": "7"}, times=2)
        ...                                    # post to sink.url
        assert [each.header("webhook-id") for each in sink.received] == ["alt_1"] * 3

Scripted behaviour is used up in order; after it comes the standing answer, 200 `ok`. Both close without leaving a socket or
a thread behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as MAIL_POLICY
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.fakes.patience import PATIENCE

_PEM = Path(__file__).with_name("localhost.pem")
_TICK = 0.02


# --- HTTP -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Received:
    """One request, byte for byte. `is_whole` is False where the sender stopped before the promised length."""

    head: bytes
    body: bytes
    at: datetime
    is_whole: bool = True

    @property
    def request_line(self) -> str:
        """`POST /path HTTP/1.1`."""
        return self.head.split(b"\r\n", 1)[0].decode("latin-1")

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; of several the last."""
        lines = (line.partition(b":") for line in self.head.split(b"\r\n")[1:] if b":" in line)
        return {name.decode("latin-1").lower(): value.strip().decode("latin-1") for name, _, value in lines}

    def header(self, name: str) -> str | None:
        """The value of a header, None where it was not sent."""
        return self.headers.get(name.lower())

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


Behaviour = Callable[["_Line"], None]


class Sink:
    """An HTTP receiver on 127.0.0.1 with an ephemeral port; one thread accepts, one serves each connection."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._script: deque[Behaviour] = deque()
        self._standing: Behaviour = lambda line: line.answer(200, {}, b"ok")
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._down = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.port = 0
        self.comes_back()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str | None]:
        """The webhook-id of every request, in order."""
        return [each.header("webhook-id") for each in self.received]

    # --- what the test says ---

    def answers(
        self,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        *,
        times: int | None = 1,
    ) -> None:
        """Answer so the next `times` times, or, with None, from now on."""
        content = body.encode() if isinstance(body, str) else body
        self._does(lambda line: line.answer(status, headers or {}, content), times)

    def answers_after(self, seconds: float, status: int = 200, body: bytes = b"ok", *, times: int | None = 1) -> None:
        """Answer, but late."""

        def late(line: _Line) -> None:
            if not self._over.wait(seconds):
                line.answer(status, {}, body)

        self._does(late, times)

    def never_answers(self, *, times: int | None = 1) -> None:
        """Take the whole request and keep silent, the connection open."""
        self._does(lambda line: line.stays_silent(), times)

    def resets_after_request(self, *, times: int | None = 1) -> None:
        """Take the whole request and break off with a TCP reset."""
        self._does(lambda line: line.reset(), times)

    def closes_after_request(self, *, times: int | None = 1) -> None:
        """Take the whole request and close without a word."""
        self._does(lambda line: None, times)

    def drips(self, *, times: int | None = 1, every: float = 0.02) -> None:
        """Answer 200 with a body of one byte at a time, for ever."""
        self._does(lambda line: line.drip(every), times)

    def sends_raw(self, data: bytes, *, repeat: int = 1, times: int | None = 1) -> None:
        """Answer with these very bytes, `repeat` times over, then close."""
        self._does(lambda line: line.send(data, repeat), times)

    def goes_down(self) -> None:
        """Refuse connections; the port stays ours."""
        self._down.set()
        if self._acceptor is not None:
            self._acceptor.join()

    def comes_back(self) -> None:
        """Accept connections again, on the same port."""
        self._down.clear()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.settimeout(_TICK)
        self.port = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), name="sink")
        self._acceptor.start()

    def close(self) -> None:
        """Stop everything and wait for it."""
        self._over.set()
        self.goes_down()
        for thread in self._threads:
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- how it does it ---

    def _does(self, behaviour: Behaviour, times: int | None) -> None:
        with self._lock:
            if times is None:
                self._standing = behaviour
            else:
                self._script.extend([behaviour] * times)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._down.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    self.connections += 1
                    thread = threading.Thread(target=self._serve, args=(connection,), name="sink connection")
                    self._threads.append(thread)
                    thread.start()

    def _serve(self, connection: socket.socket) -> None:
        line = _Line(connection, self._over)
        with connection, contextlib.suppress(OSError):
            while (request := line.read()) is not None:
                with self._lock:
                    self.received.append(request)
                    behaviour = self._script.popleft() if self._script else self._standing
                line.may_go_on = False
                behaviour(line)
                if not line.may_go_on:
                    return


class _Line:
    """One connection, read and written in short steps so that it ends with the sink."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self._connection = connection
        self._connection.settimeout(_TICK)
        self._over = over
        self._buffer = b""
        self.may_go_on = False

    def read(self) -> Received | None:
        """The next request, None where there is none."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, body = self._buffer.partition(b"\r\n\r\n")
        promised = int(Received(head, b"", datetime.now(UTC)).header("content-length") or 0)
        while len(body) < promised:
            if not self._more():
                return Received(head, body, datetime.now(UTC), is_whole=False)
            body = self._buffer.partition(b"\r\n\r\n")[2]
        self._buffer = body[promised:]
        return Received(head, body[:promised], datetime.now(UTC))

    def _more(self) -> bool:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                data = self._connection.recv(65536)
                self._buffer += data
                return bool(data)
        return False

    def answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        lines = [
            f"HTTP/1.1 {status} Scripted",
            f"Content-Length: {len(body)}",
            *(f"{k}: {v}" for k, v in headers.items()),
        ]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self.may_go_on = True

    def send(self, data: bytes, repeat: int = 1) -> None:
        for _ in range(repeat):
            rest = memoryview(data)
            while rest and not self._over.is_set():
                with contextlib.suppress(TimeoutError):
                    rest = rest[self._connection.send(rest) :]

    def drip(self, every: float) -> None:
        self.send(b"HTTP/1.1 200 Scripted\r\nContent-Length: 1000000\r\n\r\n")
        while not self._over.wait(every):
            self.send(b".")

    def stays_silent(self) -> None:
        """Until the sender gives up or the test ends; what it still says is read and dropped."""
        while self._more():
            self._buffer = b""

    def reset(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# --- mail -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Letter:
    """One mail as it was handed over."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    at: datetime
    helo: str
    is_tls: bool
    user: str | None

    @cached_property
    def message(self) -> EmailMessage:
        """Parsed."""
        return cast(EmailMessage, email.message_from_bytes(self.raw, policy=MAIL_POLICY))

    @property
    def header_names(self) -> list[str]:
        """The names of all header lines, by a reader of our own that knows nothing but lines."""
        head = self.raw.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
        return [line.partition(b":")[0].decode("latin-1") for line in head if line[:1] not in (b" ", b"\t")]


@dataclass
class _Say:
    """A reply to one SMTP command; `times` None means for ever."""

    reply: str
    times: int | None = None


class MailSink:
    """A mail server on 127.0.0.1 (aiosmtpd): accepts everything unless told otherwise.

    `security` is how it speaks: "none", "starttls" (offered and required) or "tls" from the first byte. With `accounts`,
    mail needs a login.
    """

    def __init__(self, security: str = "none", *, accounts: Mapping[str, str] | None = None) -> None:
        self.received: list[Letter] = []
        self.logins: list[str] = []
        self.connections = 0
        self.drops_at: str | None = None
        """Where it breaks off: "banner" (stalls), "connect", "DATA", "body", "dot", "QUIT" (stalls); None for nowhere."""
        self.stalls_at: str | None = None
        """The recipient at whose RCPT it falls silent; None for nobody."""
        self._says: dict[str, _Say] = {}
        self._lock = threading.Lock()
        self._controller = _Controller(self, security, accounts)
        self._controller.start()

    @property
    def port(self) -> int:
        """Its ephemeral port."""
        return self._controller.port

    @property
    def certificate(self) -> str:
        """What the client must trust, as PEM."""
        pem = _PEM.read_text()
        return pem[pem.index("-----BEGIN CERT") :]

    def answers(self, command: str, code: int, text: str = "scripted", *, times: int | None = None) -> None:
        """Answer `MAIL`, `DATA` (before the text), `.` (after it) or `RCPT someone@example.org` with this code."""
        with self._lock:
            self._says[command] = _Say(f"{code} {text}", times)

    def accepts(self, command: str) -> None:
        """Answer a command as if nothing had been scripted for it."""
        with self._lock:
            self._says.pop(command, None)

    def reply_to(self, *commands: str) -> str | None:
        """What was scripted for one of these commands, if anything."""
        with self._lock:
            for command in commands:
                say = self._says.get(command)
                if say is not None and say.times != 0:
                    say.times = None if say.times is None else say.times - 1
                    return say.reply
        return None

    def close(self) -> None:
        """Stop the server and wait for it."""
        self._controller.hang_up()
        self._controller.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Controller(Controller):
    """aiosmtpd's thread, on a socket of our own: it cannot tell which ephemeral port it got."""

    def __init__(self, sink: MailSink, security: str, accounts: Mapping[str, str] | None) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._sink = sink
        self._accounts = accounts
        self._starttls = _tls_context() if security == "starttls" else None
        self._servers: list[_Server] = []
        super().__init__(
            _Handler(sink),
            hostname="127.0.0.1",
            port=self._socket.getsockname()[1],
            ssl_context=_tls_context() if security == "tls" else None,
        )

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._socket, ssl=self.ssl_context)

    def _trigger_server(self) -> None:
        """Nothing: the socket listens already, and a trial connection would stand in the log."""
        self._factory_invoked.set()
        self.smtpd = self._new_server()

    def hang_up(self) -> None:
        """Break every conversation off; aiosmtpd's own stop leaves their sockets to the garbage collector."""
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(timeout=PATIENCE)

    async def _hang_up(self) -> None:
        assert self.server is not None
        self.server.close()
        for server in self._servers:
            server.hang_up()
        for transport in list(cast(Any, self.loop)._transports.values()):  # one in its handshake no server knows of yet
            transport.abort()
        others = asyncio.all_tasks() - {cast("asyncio.Task[None]", asyncio.current_task())}
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0.01)

    def factory(self) -> SMTP:
        server = self._new_server()
        self._servers.append(server)
        return server

    def _new_server(self) -> _Server:
        return _Server(
            self._sink,
            self.handler,
            loop=self.loop,
            hostname="mail.test",
            tls_context=self._starttls,
            require_starttls=self._starttls is not None,
            needs_login=self._accounts is not None,
            auth_require_tls=False,
            authenticator=self._login,
        )

    def _login(self, server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        user, password = data.login.decode(), data.password.decode()
        self._sink.logins.append(user)
        return AuthResult(success=(self._accounts or {}).get(user) == password, handled=False, auth_data=user)


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_PEM)
    return context


class _Server(SMTP):
    """One conversation, with the places where it may break off."""

    def __init__(self, sink: MailSink, *args: Any, needs_login: bool, **kwargs: Any) -> None:
        self._sink = sink
        self._needs_login = needs_login
        self._transports: list[asyncio.WriteTransport] = []
        super().__init__(*args, **kwargs)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transports.append(cast(asyncio.WriteTransport, transport))
        super().connection_made(transport)

    def hang_up(self) -> None:
        """End this conversation, whatever it waits for."""
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        for transport in self._transports:
            with suppress(AttributeError):  # of a TLS transport that has ended, in Python 3.11.2
                transport.abort()

    async def check_auth_needed(self, caller_method: str) -> bool:
        """Asked for here: aiosmtpd's own demand warns about TLS from the first byte, which it does not notice."""
        is_needed = self._needs_login and not cast(Any, self.session).authenticated
        if is_needed:
            await self.push("530 5.7.0 Authentication required")
        return is_needed

    async def _handle_client(self) -> None:
        self._sink.connections += 1
        if self._sink.drops_at == "connect":
            return self._break_off()
        if self._sink.drops_at == "banner":
            await asyncio.sleep(3600)
        return await super()._handle_client()

    async def smtp_DATA(self, arg: str) -> None:
        reply = self._sink.reply_to("DATA")
        if self._sink.drops_at == "DATA":
            self._break_off()
        elif self._sink.drops_at == "body":
            await self.push("354 go ahead")
            self._break_off()
        elif reply:
            await self.push(reply)
        else:
            await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:
        if self._sink.drops_at == "QUIT":
            await asyncio.sleep(3600)
        await super().smtp_QUIT(arg)

    @property
    def is_tls(self) -> bool:
        """Whether the conversation is encrypted by now."""
        return self.transport is not None and self.transport.get_extra_info("sslcontext") is not None

    def _break_off(self) -> None:
        assert self.transport is not None
        cast(asyncio.WriteTransport, self.transport).abort()


class _Handler:
    """What aiosmtpd asks about each step."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        reply = self._sink.reply_to("MAIL")
        if reply is None:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self._sink.stalls_at == address:
            await asyncio.sleep(3600)
        reply = self._sink.reply_to(f"RCPT {address}", "RCPT")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: _Server, session: Any, envelope: Any) -> str:
        reply = self._sink.reply_to(".")
        if reply is None:
            self._keep(server, session, envelope)
        if self._sink.drops_at == "dot":
            server._break_off()
        return reply or "250 OK"

    def _keep(self, server: _Server, session: Any, envelope: Any) -> None:
        letter = Letter(
            sender=envelope.mail_from,
            recipients=tuple(envelope.rcpt_tos),
            raw=envelope.original_content,
            at=datetime.now(UTC),
            helo=session.host_name,
            is_tls=server.is_tls,
            user=session.auth_data if session.authenticated else None,
        )
        self._sink.received.append(letter)
