"""Serves the page by uvicorn in the daemon's event loop: a port in use costs only the page, and too many connections nothing else.

The connections are accepted here and not by asyncio, which accepts as many as there are and, once all descriptors are taken, writes
a traceback for each try.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import uvicorn

from monitor.types.errors import MonitorError
from monitor.web.connections import ConnectionLimits, Connections, Network, Place, is_within
from monitor.web.protocol import HEAD_LIMIT, LimitedProtocol

log = logging.getLogger("monitor.web")

_REBIND_SECONDS = 30.0
_BACKLOG = 4096
"""Connections that the system may hold until they are accepted, so that in a rush none has to ask again after a second."""
_BATCH = 32
"""Connections accepted at once: where other threads keep the processor, each turn of the event loop takes milliseconds."""
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_NO_ROOM_SECONDS = 0.5


class _UvicornServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the daemon: uvicorn would take over SIGTERM."""
        yield


class WebServer:
    """Serves an ASGI application on a host and port, from `open` to `close`."""

    def __init__(
        self,
        application: object,
        host: str,
        port: int,
        *,
        proxies: Sequence[Network] = (),
        limits: ConnectionLimits | None = None,
    ) -> None:
        """`proxies`: addresses from which many readers come, so that only the limit on all connections holds for them."""
        self._application = application
        self._host, self._port = host, port
        self._connections = Connections(
            limits or ConnectionLimits.of_this_process(), lambda address: is_within(address, proxies)
        )
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._next_try = 0.0
        self._is_logged = self._is_short = False

    @property
    def is_open(self) -> bool:
        """Whether it serves."""
        tasks = (self._task, self._accepting)
        return all(task is not None and not task.done() for task in tasks)

    @property
    def port(self) -> int:
        """The port it was told to listen on, or the one that the system chose where that is 0."""
        return self._port

    async def open(self, *, is_required: bool = False) -> bool:
        """Bind the port and start serving. Where the port is in use it logs and returns False; raises MonitorError if
        `is_required`.
        """
        await self.close()  # what is left where one of its tasks ended by itself
        try:
            listener = listen(self._host, self._port)
        except OSError as error:
            if is_required:
                raise MonitorError(
                    f"the page cannot be opened on {self._host} port {self._port}: {error.strerror}; "
                    "set web.port (or MONITOR_WEB__PORT), or free the port"
                ) from error
            self._complain(error)
            self._next_try = asyncio.get_running_loop().time() + _REBIND_SECONDS
            return False
        if self._is_logged:
            log.info("the page is open on %s port %d", self._host, self._port)
            self._is_logged = False
        self._port = listener.getsockname()[1]
        self._server = _UvicornServer(_config(self._application))
        self._task = asyncio.create_task(self._server.serve(sockets=[]), name="page")
        self._accepting = asyncio.create_task(self._accept(self._server, listener), name="page connections")
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
        if self._accepting:
            self._accepting.cancel()
            await asyncio.gather(self._accepting, return_exceptions=True)
        if self._server and self._task:
            self._server.should_exit = True
            await asyncio.gather(self._task, return_exceptions=True)

    # --- connections ----------------------------------------------------------------------------------------------

    async def _accept(self, server: uvicorn.Server, listener: socket.socket) -> None:
        """Accept connections, a few at a time, so that the event loop serves everything else meanwhile."""
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    accepted = [await loop.sock_accept(listener)]
                except OSError as error:
                    await self._pause_after(error)
                    continue
                self._is_short = False
                with suppress(OSError):  # no more at the moment, or no room: the next turn says so
                    while len(accepted) < _BATCH:
                        accepted.append(listener.accept())
                await asyncio.gather(*(self._admit(server, each, str(address[0])) for each, address in accepted))

    async def _admit(self, server: uvicorn.Server, connection: socket.socket, address: str) -> None:
        place = self._connections.make_place(address)
        if place is Place.NONE:
            connection.close()
            return
        connection.setblocking(False)
        protocol = LimitedProtocol(
            server.config, server.server_state, self._connections, is_reserve=place is Place.RESERVE
        )
        with suppress(OSError):  # it is gone again
            await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, connection)

    async def _pause_after(self, error: OSError) -> None:
        """Close idle connections where no descriptor is left, and say so once."""
        if error.errno not in _NO_ROOM:
            await asyncio.sleep(0)  # a client that was gone before it was accepted
            return
        closed = self._connections.close_idle()
        if not self._is_short:
            log.error(
                "the page takes no connections at the moment: %s; %d idle ones were closed (ulimit -n is too low for this service)",
                error.strerror,
                closed,
            )
        self._is_short = True
        await asyncio.sleep(_NO_ROOM_SECONDS)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: clients may connect at once. Raises OSError where the port is in use."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _config(application: object) -> uvicorn.Config:
    return uvicorn.Config(
        application,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # read by the application, from the proxies of the settings alone
        lifespan="off",
        ws="none",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=HEAD_LIMIT,
    )
