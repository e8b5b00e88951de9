"""Runs uvicorn in the daemon's event loop, on a socket of our own: a port in use costs only the review page."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

log = logging.getLogger("monitor.web")

_REBIND_SECONDS = 30.0


class _UvicornServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon: uvicorn would take over SIGTERM."""
        yield


class WebServer:
    """Serves an ASGI application on a host and port, from `open` to `close`."""

    def __init__(self, application: object, host: str, port: int) -> None:
        self._application = application
        self._host, self._port = host, port
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._next_try = 0.0
        self._is_logged = False

    @property
    def is_open(self) -> bool:
        """Whether it serves."""
        return self._task is not None and not self._task.done()

    async def open(self) -> bool:
        """Bind the port and start serving. Returns False, and logs, where the port is in use."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen(128)  # now, not when uvicorn gets to it: clients may connect at once
        except OSError as error:
            listener.close()
            self._complain(error)
            self._next_try = asyncio.get_running_loop().time() + _REBIND_SECONDS
            return False
        if self._is_logged:
            log.info("the page is open on %s port %d", self._host, self._port)
            self._is_logged = False
        config = uvicorn.Config(
            self._application,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
            limit_concurrency=200,
        )
        self._server = _UvicornServer(config)
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name="page")
        return True

    async def open_again(self) -> None:
        """Try again, if the last attempt was long enough ago."""
        if asyncio.get_running_loop().time() >= self._next_try:
            await self.open()

    def _complain(self, error: OSError) -> None:
        """Log the error once; later attempts at debug level."""
        log.log(
            logging.DEBUG if self._is_logged else logging.ERROR,
            "the page cannot be opened on %s port %d: %s; everything else goes on (set web.port, or free the port)",
            self._host,
            self._port,
            error.strerror,
        )
        self._is_logged = True

    async def close(self) -> None:
        """Finish running requests, then stop."""
        if self._server and self._task:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)
