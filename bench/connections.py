"""Measures whether connections to the page can starve the monitor: polls, /healthz and the length of the log, with a daemon
that may open 1,024 descriptors.

    python -m bench.connections [--connections 5000] [--seconds 60] [--ways idle,drip,flood]

Each way has a daemon of its own, with ten feeds on this machine that are due every few seconds, and its number of connections
from one address: `idle` says nothing, `drip` sends a byte of a request every second, `flood` opens a new one for each that is
closed. Printed are how late the latest poll began (against the interval of the feeds), the slowest of the questions to
/healthz, those without an answer, and the lines of the log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.fakes.command import HIT, SEED
from tests.fakes.site import Site, rss

FEEDS = 10
INTERVAL_SECONDS = 5.0
DESCRIPTORS = 1024
_LINE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 1_000


def settings(folder: Path, site: Site, port: int) -> Path:
    """The settings of a daemon that polls `FEEDS` feeds of the site as often as it may."""
    (folder / "seeds" / "bridge").mkdir(parents=True)
    (folder / "seeds" / "bridge" / "seed.txt").write_text(SEED)
    minutes = INTERVAL_SECONDS / 60
    lines = [
        f'[store]\nurl = "sqlite:///{folder}/monitor.db"\n[seeds]\ndir = "{folder}/seeds"\n[web]\nport = {port}',
        f"[schedule]\ninterval_minutes = {minutes}\nmin_interval_minutes = {minutes}\ntick_seconds = 0.5\nper_host = 10",
    ]
    for number in range(FEEDS):
        site.publishes(f"/{number}", rss((HIT[0], f"https://h.example/{number}", str(number), HIT[1], None)))
        lines.append(f'[feeds.feed-{number}]\nurl = "{site.url(f"/{number}")}"\nallow_private = true')
    (folder / "monitor.toml").write_text("\n".join(lines) + "\n")
    return folder / "monitor.toml"


@contextlib.contextmanager
def daemon(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`monitor run` with few descriptors; its log is beside the settings."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))

    with config.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "--config", str(config), "run"],
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=limit,
            env={**os.environ, "PYTHONPATH": os.getcwd()},
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


class Attack:
    """So many connections, on a thread and an event loop of their own."""

    def __init__(self, way: str, port: int, count: int) -> None:
        self._way, self._port, self._count = way, port, count
        self.opened = self.closed = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Attack:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(30)

    async def _run(self) -> None:
        held = []
        for number in range(self._count):
            held.append(asyncio.create_task(self._hold()))
            if number % 50 == 0:
                await asyncio.sleep(0.01)  # lest this program be what is too slow
        await asyncio.to_thread(self._is_over.wait)
        for each in held:
            each.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def _hold(self) -> None:
        while not self._is_over.is_set():
            with contextlib.suppress(OSError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
                self.opened += 1
                with contextlib.suppress(OSError):
                    await (self._drip(writer) if self._way == "drip" else reader.read())
                self.closed += 1
                writer.close()
            if self._way != "flood":
                return

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        for byte in _LINE:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1)


def ask_health(port: int, seconds: float) -> tuple[list[float], int, int]:
    """Ask once a second: the times of the answers, the questions without one, the answers that are not 200."""
    took: list[float] = []
    failed = unwell = 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            took.append(time.monotonic() - began)
            unwell += not answer.startswith(b"HTTP/1.1 200")
        except OSError:
            failed += 1
        time.sleep(max(0.0, 1 - (time.monotonic() - began)))
    return took, failed, unwell


def longest_gap(site: Site, since: float) -> float:
    """The longest time between two polls of one feed, the time to now included."""
    gaps = [0.0]
    for number in range(FEEDS):
        times = [each.at.timestamp() for each in site.requests if each.path == f"/{number}"]
        times = [since, *(each for each in times if each > since), time.time()]
        gaps += [later - earlier for earlier, later in pairwise(times)]
    return max(gaps)


def measure(way: str, count: int, seconds: float) -> dict[str, Any]:
    """One daemon under one kind of connections."""
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = settings(Path(folder), site, port)
        with daemon(config):
            while len(site.requests) < 3 * FEEDS:  # until all is loaded
                time.sleep(0.2)
            since = time.time()
            with Attack(way, port, count) as attack:
                took, failed, unwell = ask_health(port, seconds)
                gap = longest_gap(site, since)
        lines = config.with_suffix(".log").read_text().splitlines()
        others = [line for line in lines if " polled feed=" not in line]
    return {
        "way": way,
        "connections": count,
        "opened": attack.opened,
        "closed": attack.closed,
        "longest_gap_seconds": round(gap, 2),
        "interval_seconds": INTERVAL_SECONDS,
        "healthz_slowest_seconds": round(max(took, default=float("inf")), 3),
        "healthz_without_answer": failed,
        "healthz_not_200": unwell,
        "log_lines_beside_polls": len(others),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--ways", default="none,idle,drip,flood")
    asked = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for way in asked.ways.split(","):
        print(json.dumps(measure(way, 0 if way == "none" else asked.connections, asked.seconds)), flush=True)


if __name__ == "__main__":
    main()
