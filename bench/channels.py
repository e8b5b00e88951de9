"""Measures whether a channel waits for others (case W13): the time from decided to accepted on one channel, alone and beside nine
that hang, refuse connections or drip their answers.

    python bench/channels.py [--alerts 20] [--blocks 30]

Store, deliverer and HTTP client are the real ones; receivers run in a process of their own. Blocks of alerts alone and beside the
nine follow each other in turn, so that a load on the machine meets both. Exits with 1 where the 99th percentile beside the nine is
more than 20 % above that alone.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from monitor.alerting.channels.base import Channel
from monitor.alerting.channels.registry import build
from monitor.alerting.deliver import Deliverer
from monitor.config import plan as plans
from monitor.net.addresses import AddressPolicy
from monitor.net.http import HttpClient
from monitor.store import alerts, migrate, settings
from monitor.store.db import Database
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome

TICK_SECONDS = 1.0
"""As the daemon's; the first tick comes with the alert, as it is not the wait for a tick that is measured."""
LIMIT = 1.2
WAYS = ("hangs", "refuses", "drips")


# --- receivers --------------------------------------------------------------------------------------------------------


def receivers(ready: Connection) -> None:
    """Serve in a process of its own; sends the ports of those that answer, hang and drip."""
    asyncio.run(_serve(ready))


async def _serve(ready: Connection) -> None:
    servers = [await asyncio.start_server(each, "127.0.0.1", 0) for each in (_accepts, _hangs, _drips)]
    ready.send([each.sockets[0].getsockname()[1] for each in servers])
    await asyncio.Event().wait()


async def _accepts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
    writer.close()


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while await reader.read(65536):
            pass
    writer.close()


async def _drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        await reader.read(65536)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(1)


# --- a channel that is timed ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Timed:
    """The channel that is measured: notes when each alert was accepted."""

    channel: Channel
    accepted: dict[str, float]
    is_accepted: asyncio.Event

    name = "tenth"
    kind = "webhook"

    @property
    def destination(self) -> str:
        return self.channel.destination

    @property
    def credentials(self) -> str:
        return self.channel.credentials

    @property
    def shown(self) -> str:
        return self.channel.shown

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        outcome = await self.channel.send(alert, now=now)
        if outcome.result is AttemptResult.SENT:
            self.accepted[alert.id] = time.perf_counter()
            self.is_accepted.set()
        return outcome


class Bench:
    """One store with its channels and their deliverer."""

    def __init__(self, folder: Path, client: HttpClient, ports: Mapping[str, int], *, is_alone: bool) -> None:
        self.accepted: dict[str, float] = {}
        self.is_accepted = asyncio.Event()
        others = [] if is_alone else [(f"{way}{number}", ports[way]) for way in WAYS for number in range(3)]
        made = {name: _webhook(name, port, client) for name, port in others}
        target = _webhook("tenth", ports["accepts"], client)
        tenth = Timed(channel=target, accepted=self.accepted, is_accepted=self.is_accepted)
        self.channels: dict[str, Channel] = {**made, "tenth": tenth}
        folder.mkdir()
        self.db = Database(f"sqlite:///{folder / 'monitor.db'}")
        migrate.upgrade(self.db)
        entries = [
            plans.channel_entry(name, kind="webhook", destination=each.destination, shown="…")
            for name, each in self.channels.items()
        ]
        with self.db.writing() as session:
            plan = plans.plan_apply([], entries)
            settings.apply(session, plan, says="", by="bench", now=_now())
        self.deliverer = Deliverer(self.db, lambda: self.channels, _now, rate=1000)

    async def measure(self, alert_id: str) -> float:
        """Seconds from the commit of an alert for all channels until the tenth has accepted it."""
        one = Alert(id=alert_id, kind=AlertKind.TEST, created_at=_now(), title="Bench")
        where = {name: each.destination for name, each in self.channels.items()}
        with self.db.writing() as session:
            alerts.enqueue(session, one, key=alert_id, channels=where, deliver_at=one.created_at)
        began = time.perf_counter()
        while alert_id not in self.accepted:
            await self.deliverer.start_due()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.is_accepted.wait(), TICK_SECONDS)
        await self._rests()
        return self.accepted[alert_id] - began

    async def _rests(self) -> None:
        """Wait until the tenth channel's runner has seen that nothing is left."""
        self.is_accepted.clear()
        if running := [each for each in asyncio.all_tasks() if each.get_name() == "deliver tenth"]:
            await asyncio.wait(running)
        await asyncio.sleep(0.01)  # its done callbacks run


def _webhook(name: str, port: int, client: HttpClient) -> Channel:
    table = {"kind": "webhook", "url": f"http://127.0.0.1:{port}/{name}", "allow_private": True, "limit_seconds": 20}
    return build(name, table, client)


def _now() -> datetime:
    return datetime.now(UTC)


# --- the measurement --------------------------------------------------------------------------------------------------


async def _measure(ports: Mapping[str, int], count: int, blocks: int) -> tuple[list[float], list[float]]:
    client = HttpClient(policy=AddressPolicy(()), connect_for=timedelta(seconds=10))
    with tempfile.TemporaryDirectory() as folder:
        alone = Bench(Path(folder) / "alone", client, ports, is_alone=True)
        beside = Bench(Path(folder) / "beside", client, ports, is_alone=False)
        found: tuple[list[float], list[float]] = ([], [])
        for block in range(2 * blocks):
            bench, times = (alone, found[0]) if block % 2 == 0 else (beside, found[1])
            for number in range(count):
                times.append(await bench.measure(f"alt_{block}_{number}"))
        for bench in (alone, beside):
            await bench.deliverer.stop(grace_seconds=0)
            bench.db.close()
    await client.aclose()
    return found


def _closed_port() -> socket.socket:
    """A port of ours at which nobody listens."""
    kept = socket.socket()
    kept.bind(("127.0.0.1", 0))
    return kept


def main() -> int:
    """Measure and print; 1 where the tenth channel waits for others."""
    parser = argparse.ArgumentParser(description="Does a channel wait for others?")
    parser.add_argument("--alerts", type=int, default=20, help="alerts in each block")
    parser.add_argument("--blocks", type=int, default=30, help="blocks alone, and as many beside the nine")
    asked = parser.parse_args()
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receivers, args=(theirs,), daemon=True)
    process.start()
    accepts, hangs, drips = ours.recv()
    with _closed_port() as closed:
        ports = {"accepts": accepts, "hangs": hangs, "drips": drips, "refuses": closed.getsockname()[1]}
        alone, beside = asyncio.run(_measure(ports, asked.alerts, asked.blocks))
    process.terminate()
    rows = {"alone": alone, "beside nine": beside}
    for name, times in rows.items():
        print(
            f"{name:12} p50 {1000 * statistics.median(times):7.1f} ms   p99 {1000 * _p99(times):7.1f} ms   n {len(times)}"
        )
    share = _p99(beside) / _p99(alone)
    print(f"p99 beside nine / alone: {share:.2f} (limit {LIMIT})")
    return int(share > LIMIT)


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    sys.exit(main())
