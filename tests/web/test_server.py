"""The page's server over real sockets: connections held open, sent slowly, or full of what is no HTTP, do not keep it from
answering.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.config.settings import WebSettings
from monitor.store.db import Database
from monitor.web import protocol, server
from monitor.web.app import create_app
from monitor.web.connections import ConnectionLimits, Connections, Place, is_within, peer_of
from monitor.web.guard import SECURITY_HEADERS
from monitor.web.health import Health
from monitor.web.server import WebServer
from tests.fakes.patience import PATIENCE, soon_on_loop
from tests.fakes.stores import lay_out

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
FEW = ConnectionLimits(total=8, per_peer=6, reserve=2)


def with_server(
    tmp_path: Path, story: Callable[[WebServer], Awaitable[None]], *, limits: ConnectionLimits | None = FEW
) -> None:
    """A server with a store and an open page, during `story`."""

    async def told() -> None:
        url = f"sqlite:///{tmp_path / 'monitor.db'}"
        lay_out(url)
        db = Database(url)
        page = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: Health(beats={"poll": NOW}))
        web = WebServer(page, "127.0.0.1", 0, limits=limits)
        await web.open(is_required=True)
        try:
            await story(web)
        finally:
            await web.close()
            db.close()

    asyncio.run(told())


async def connected(web: WebServer, *, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", web.port, local_addr=(source, 0))


async def asked(web: WebServer, head: bytes, *, source: str = "127.0.0.1") -> bytes:
    """All that is answered until the connection is closed."""
    reader, writer = await connected(web, source=source)
    writer.write(head)
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def is_healthy(web: WebServer) -> bool:
    answer = await asked(web, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    return answer.startswith(b"HTTP/1.1 200 ")


def with_all_headers(answer: bytes) -> bool:
    head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    return all(f"{name}: {value}".lower() in head for name, value in SECURITY_HEADERS.items())


# --- many connections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begins", [b"", b"G", b"GET / HTTP/1.1\r\nX-Slow: "])
def test_fault_s1_s2_held_connections_neither_pile_up_nor_keep_health_from_answering(
    tmp_path: Path, begins: bytes
) -> None:
    async def story(web: WebServer) -> None:
        held = []
        for _ in range(60):
            held.append(await connected(web))
            held[-1][1].write(begins)
        assert await is_healthy(web)
        assert len(web._connections) <= FEW.total + FEW.reserve
        for _, writer in held:
            writer.close()

    with_server(tmp_path, story)


def test_fault_s2_health_answers_where_all_connections_are_at_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forms that never come whole, one for each connection there may be: the rest is told to come back."""

    async def story(web: WebServer) -> None:
        form = (
            b"POST /near/1/confirm HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\na"
        )
        held = []
        for number in range(FEW.total):
            held.append(await connected(web, source=f"127.0.0.{2 + number}"))
            held[-1][1].write(form)
        await soon_on_loop(lambda: sum(not each.is_idle for each in web._connections._open) == FEW.total)
        assert await is_healthy(web)
        answer = await asked(web, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert with_all_headers(answer)
        for _, writer in held:
            writer.close()

    monkeypatch.setattr("monitor.web.forms.FORM_SECONDS", PATIENCE)
    with_server(tmp_path, story)


def test_fault_s1_a_shortage_of_descriptors_is_said_once_and_survived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(web: WebServer) -> None:
        loop, tries = asyncio.get_running_loop(), []
        accept = loop.sock_accept

        async def without_room(listener: socket.socket) -> object:
            tries.append(1)
            if len(tries) < 5:
                raise OSError(24, "Too many open files")
            return await accept(listener)

        monkeypatch.setattr(loop, "sock_accept", without_room)
        assert await is_healthy(web)  # by the question that was under way already
        assert await is_healthy(web)
        assert len(tries) >= 5

    monkeypatch.setattr(server, "_NO_ROOM_SECONDS", 0.0)
    with caplog.at_level(logging.INFO):
        with_server(tmp_path, story)
    assert len([each for each in caplog.records if "takes no connections" in each.message]) == 1


# --- slow connections -------------------------------------------------------------------------------------------------


def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "FIRST_BYTE_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.4)


def test_fault_s1_a_silent_connection_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(web: WebServer) -> None:
        reader, writer = await connected(web)
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()

    hurried(monkeypatch)
    with_server(tmp_path, story)


@pytest.mark.parametrize("before", [b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"])
def test_fault_s1_a_head_that_drips_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bytes) -> None:
    """Also behind a request that was answered."""

    async def story(web: WebServer) -> None:
        reader, writer = await connected(web)
        writer.write(before + b"GET / HTTP/1.1\r\nX: ")
        ends = asyncio.create_task(reader.read())
        while not ends.done():
            writer.write(b"a")
            await asyncio.sleep(0.02)
        with_answer = b"" if ends.exception() else ends.result()
        assert with_answer.startswith(b"HTTP/1.1 200 ") == bool(before) or ends.exception()
        writer.close()

    hurried(monkeypatch)
    with_server(tmp_path, story)


def test_fault_s1_a_body_behind_its_answer_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(web: WebServer) -> None:
        reader, writer = await connected(web)
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n")
        ends = asyncio.create_task(reader.read())
        while not ends.done():
            writer.write(b"a")
            await asyncio.sleep(0.02)
        with_answer = b"" if ends.exception() else ends.result()
        assert with_answer.startswith(b"HTTP/1.1 413 ") or isinstance(ends.exception(), ConnectionError)
        writer.close()

    hurried(monkeypatch)
    with_server(tmp_path, story)


def test_a_reader_on_a_slow_line_gets_all_of_his_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(web: WebServer) -> None:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            slow.connect(("127.0.0.1", web.port))
            slow.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(
                slow, b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            )
            got = b""
            while piece := await asyncio.wait_for(loop.sock_recv(slow, 1_000), PATIENCE):
                got += piece
                await asyncio.sleep(0.05)
        head, _, body = got.partition(b"\r\n\r\n")
        assert f"content-length: {len(body)}" in head.decode().lower()

    hurried(monkeypatch)
    with_server(tmp_path, story)


# --- what is no HTTP --------------------------------------------------------------------------------------------------

ODD = {
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n": 400,
    b"GET /\r\n\r\n": 400,
    b"GET / HTTP/9.9\r\nHost: a\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: odd\r\n\r\n": 501,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 60_000: 431,
    b"GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n": 400,
    b"GET /articles/" + b"9" * 5_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n": 404,
    b"POST / HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\nContent-Length: 90000\r\nConnection: close\r\n\r\n": 413,
    # A body that breaks off being HTTP in the same packet as its head: the page is answering already.
    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": 400,
    b"POST /articles/1 HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX": 400,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n": 400,
    b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n": 404,
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n": 200,
}


@pytest.mark.parametrize("head", ODD)
def test_fault_s14_every_answer_has_our_headers_and_no_odd_request_is_logged(
    tmp_path: Path, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(web: WebServer) -> None:
        answer = await asked(web, head)
        assert answer.startswith(f"HTTP/1.1 {ODD[head]} ".encode()), answer[:200]
        assert with_all_headers(answer)
        assert b"server:" not in answer.lower()

    with_server(tmp_path, story)
    assert [each for each in caplog.records if each.name.startswith(("monitor", "asyncio")) or each.exc_info] == []


# --- who makes room ---------------------------------------------------------------------------------------------------


class Held:
    """A connection as the registry sees it."""

    def __init__(self, peer: str, idle_since: float, *, is_idle: bool = True, is_reserve: bool = False) -> None:
        self.peer, self.idle_since, self.is_idle, self.is_reserve = peer, idle_since, is_idle, is_reserve
        self.is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def registry(*held: Held, proxies: tuple[str, ...] = ()) -> Connections:
    found = Connections(FEW, lambda address: address in proxies)
    for each in held:
        found.add(each)
    return found


def test_fault_s1_the_oldest_idle_one_of_whoever_holds_most_makes_room() -> None:
    reader = Held("192.0.2.1", 1.0)
    others = [Held("198.51.100.1", 2.0 + number) for number in range(5)]
    busy = [Held("198.51.100.2", 0.0, is_idle=False) for _ in range(2)]
    assert registry(reader, *others, *busy).make_place("203.0.113.9") is Place.FULL
    assert [each for each in (reader, *others, *busy) if each.is_aborted] == [others[0]]


def test_fault_s1_an_address_has_a_share_unless_it_is_a_trusted_proxy() -> None:
    own = [Held("192.0.2.1", float(number)) for number in range(FEW.per_peer)]
    assert registry(*own, proxies=("192.0.2.1",)).make_place("192.0.2.1") is Place.FULL
    assert not any(each.is_aborted for each in own)
    assert registry(*own).make_place("192.0.2.1") is Place.FULL
    assert [each for each in own if each.is_aborted] == [own[0]]


def test_fault_s2_where_all_are_at_work_a_reserve_is_left_and_then_no_place() -> None:
    busy = [Held("192.0.2.1", 0.0, is_idle=False) for _ in range(FEW.total)]
    reserve = [Held("192.0.2.1", 0.0, is_idle=False, is_reserve=True) for _ in range(FEW.reserve)]
    assert registry(*busy, *reserve[1:]).make_place("192.0.2.2") is Place.RESERVE
    assert registry(*busy, *reserve).make_place("192.0.2.2") is Place.NONE


def test_an_address_is_counted_by_what_one_customer_owns() -> None:
    assert peer_of("::ffff:192.0.2.1") == peer_of("192.0.2.1") == "192.0.2.1"
    assert peer_of("2001:db8:1:2::1") == peer_of("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert is_within("::ffff:192.0.2.1", WebSettings(trusted_proxies=("192.0.2.0/24",)).trusted_proxies)
    assert not is_within("no address", WebSettings(trusted_proxies=("192.0.2.0/24",)).trusted_proxies)


@pytest.mark.parametrize(("descriptors", "total"), [(20_000, 200), (1024, 170), (256, 42), (16, 8)])
def test_fault_s1_connections_take_a_sixth_of_the_descriptors(
    descriptors: int, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (descriptors, descriptors))
    limits = ConnectionLimits.of_this_process()
    assert limits.total == total
    assert limits.per_peer < total
