"""A small HTTP server on loopback, the base of the newspaper and the receiver.

One thread for each request, one request for each connection, and a read timeout, so that `stop` does not wait long for idle
clients.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from types import TracebackType
from typing import Any, Self

from monitor.types.errors import MonitorError

HOST = "127.0.0.1"
READ_LIMIT_SECONDS = 3.0

logger = logging.getLogger(__name__)


class Handler(BaseHTTPRequestHandler):
    """A request handler that logs nothing above debug and closes after each answer."""

    protocol_version = "HTTP/1.1"
    server_version = "monitor-demo"
    sys_version = ""
    timeout = READ_LIMIT_SECONDS

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send a whole answer and close the connection."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status not in (204, 304):  # these two have no body and no length: RFC 9110 sections 15.3.5 and 15.4.5
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)


class _LoopbackServer(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close waits for running requests
    request_queue_size = 64

    def server_bind(self) -> None:
        # HTTPServer's own asks DNS for our name, which takes seconds on a machine without a network.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that disconnect early are normal; the default would print a traceback.
        logger.debug("request from %s failed", client_address, exc_info=True)


class Loopback:
    """Serves a handler on 127.0.0.1 between `start` and `stop`, or within a `with`.

    `aliases` are further loopback addresses to serve on the same port, where the system has them: Linux and Windows answer on
    all of 127.0.0.0/8, macOS on 127.0.0.1 only.
    """

    def __init__(self, *, port: int = 0, aliases: Sequence[str] = ()) -> None:
        self._wanted_port = port
        self._aliases = tuple(aliases)
        self._servers: dict[str, _LoopbackServer] = {}
        self._threads: list[Thread] = []

    def handler(self) -> type[Handler]:
        """The class that handles requests; called once, at start."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port in use; before `start` the one asked for, 0 for any."""
        return self._servers[HOST].server_port if self._servers else self._wanted_port

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:port`, without a final slash."""
        return self.url_at(HOST)

    def url_at(self, alias: str) -> str:
        """As `base_url`, at an alias; at 127.0.0.1 where the alias could not be bound."""
        return f"http://{alias if alias in self._servers else HOST}:{self.port}"

    def start(self) -> None:
        """Bind and serve from threads of its own; no effect when started. Raises MonitorError where the port is in use."""
        if self._servers:
            return
        handler = self.handler()
        try:
            self._servers[HOST] = _LoopbackServer((HOST, self._wanted_port), handler)
        except OSError as error:
            raise MonitorError(f"cannot listen on {HOST}:{self._wanted_port}: {error.strerror}") from error
        for alias in self._aliases:
            with suppress(OSError):
                self._servers[alias] = _LoopbackServer((alias, self.port), handler)
        self._threads = [Thread(target=server.serve_forever, args=(0.05,)) for server in self._servers.values()]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close the port, finish running requests, end the threads. Safe to call twice."""
        servers, threads = tuple(self._servers.values()), tuple(self._threads)
        self._servers, self._threads = {}, []
        if not servers:
            return
        with ThreadPoolExecutor(len(servers)) as stoppers:  # together, as each takes up to 50 ms to notice
            list(stoppers.map(_LoopbackServer.shutdown, servers))
        for thread in threads:
            thread.join()
        for server in servers:
            server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
