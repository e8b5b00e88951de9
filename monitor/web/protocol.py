"""uvicorn's HTTP/1.1 protocol with limits of time and with our headers on its own answers.

uvicorn limits only the time between two requests, and every byte received starts it anew: who sends a byte now and then keeps a
connection for ever. Here a deadline belongs to each stage of a connection, whatever is sent meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import h11
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from monitor.web.connections import Connections, peer_of
from monitor.web.guard import HEALTH_PATH, SECURITY_HEADERS, harden

FIRST_BYTE_SECONDS = 5.0
"""From opening, or from the last answer, to the first byte of a request."""
HEAD_SECONDS = 10.0
"""The same to the whole head of the request."""
ANSWER_SECONDS = 120.0
"""From the head of a request to the whole answer; the slowest page on a large store takes less."""
UNREAD_SECONDS = 20.0
"""For which a reader may take nothing of an answer that waits for him."""
HEAD_LIMIT = 48 * 1024
"""Most bytes of a request's head: a query of 32 KB fits."""


class LimitedProtocol(H11Protocol):
    """One connection. `is_reserve`: only /healthz is answered on it."""

    def __init__(
        self, config: Config, server_state: ServerState, connections: Connections, *, is_reserve: bool
    ) -> None:
        super().__init__(config, server_state, {})
        self.peer, self.is_reserve = "", is_reserve
        self.idle_since = 0.0
        self._registry = connections
        self._deadline: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._unread = 0
        if is_reserve:
            self.app = _OnlyHealth(self.app)

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way: none has come whole, and the last answer is on its way out."""
        return (self.cycle is None or self.cycle.response_complete) and not self._unsent

    @property
    def _unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close the connection at once, also where its reader takes nothing."""
        self.transport.abort()

    # --- what happens to it -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer = peer_of(self.client[0] if self.client else "")
        self._registry.add(self)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.remove(self)
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before and not self.transport.is_closing():
            self._wait(ANSWER_SECONDS, self.abort)

    def on_response_complete(self) -> None:
        before = self.cycle
        super().on_response_complete()
        if self.transport.is_closing():
            self._unread = self._unsent
            self._wait(UNREAD_SECONDS, self._end_if_unread)
        elif self.cycle is before:  # else the next request was there already
            self._wait_for_request()

    # --- deadlines ------------------------------------------------------------------------------------------------

    def _wait(self, seconds: float, then: Any) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, then)

    def _stop_waiting(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _wait_for_request(self) -> None:
        self.idle_since = self.loop.time()
        self._has_begun = False
        self._unread = self._unsent
        self._wait(FIRST_BYTE_SECONDS, self._end_unless_begun)

    def _end_unless_begun(self) -> None:
        if self._unsent:  # the last answer is still being read
            self._wait(UNREAD_SECONDS, self._end_if_unread)
        elif self._has_begun:
            self._wait(HEAD_SECONDS - FIRST_BYTE_SECONDS, self.abort)
        else:
            self.abort()

    def _end_if_unread(self) -> None:
        """End it, unless its reader took something of the answer since the last look."""
        if self._unsent and self._unsent < self._unread:
            self._unread = self._unsent
            self._wait(UNREAD_SECONDS, self._end_if_unread)
        else:
            self.abort()

    # --- uvicorn's own answers ------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, with our headers and the status that fits (431, 501). Called while its error is handled."""
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return self.abort()  # behind an answer under way: nothing can be said any more
        if (
            self.cycle and not self.cycle.response_complete
        ):  # a body that breaks off being HTTP: whoever answers it is told
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        fault = sys.exc_info()[1]
        status = HTTPStatus(getattr(fault, "error_status_hint", 400))
        fields = {**SECURITY_HEADERS, "Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
        body = f"{status.value} {status.phrase}\n".encode()
        head = h11.Response(
            status_code=status.value,
            headers=[*((name.encode(), value.encode()) for name, value in fields.items())],
            reason=status.phrase.encode(),
        )
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._unread = self._unsent
        return self._wait(UNREAD_SECONDS, self._end_if_unread)

    def _unsupported_upgrade_warning(self) -> None:
        """Not logged: anybody may ask for it as often as he likes. It is answered as if it were not asked for."""


class _OnlyHealth:
    """Answers /healthz, and says of everything else that there is too much to do."""

    def __init__(self, app: Any) -> None:
        self._app: ASGIApp = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == HEALTH_PATH:
            return await self._app(scope, receive, send)
        headers = {"Retry-After": "5", "Connection": "close"}
        answer = Response("Too many requests are under way. Try again in a moment.\n", 503, headers, "text/plain")
        harden(MutableHeaders(raw=answer.raw_headers))
        return await answer(scope, receive, send)
