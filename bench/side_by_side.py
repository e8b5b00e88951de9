"""Measures `monitor poll`, the daemon, and another feed reader on the same feeds, by the processor time of whole process trees.

    python -m bench.side_by_side [--feeds 1000] [--against CHECKOUT] [--peer PYTHON] [--seconds 20]

A farm of feeds on this machine, a process of its own, serves thirty made-up entries a feed, each feed at a loopback address of its
own. Three rounds are polled: all is new, one entry in twenty is, nothing is (304); the two shipped topics are followed, without
embedder and without pages of articles. Then a daemon polls for `--seconds`, all feeds being due all the time. `--peer` is the
interpreter of an environment with the package `reader` (lemon24/reader), which stores the same feeds without matching anything.
Counted is the time of every process of a tree, also of those that were killed or orphaned.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import random
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.start import adopt_orphans, wait_for_orphans
from monitor.matching.background import Background
from tests.fakes.site import rss

_HERE = Path(__file__).parents[1]
ENTRIES, NEW, WORDS = 30, (1, 2), 50
"""Entries of a feed; how many are new in the second round, in turn; words of a teaser."""
ROUNDS = ("all new", "one in twenty new", "nothing new (304)")
_PEER = """
import sys
from reader import make_reader
with make_reader(sys.argv[1]) as reader:
    for number in range(int(sys.argv[2])):
        reader.add_feed(sys.argv[3].format(number // 250, number % 250 + 1, number), exist_ok=True)
    reader.update_feeds(scheduled=False)
"""


# --- the farm -----------------------------------------------------------------------------------------------------------


class Farm:
    """Feeds of made-up entries; `turn` makes the next round's."""

    def __init__(self) -> None:
        self._dice = random.Random(5)
        idf = Background.shipped().table("en").idf
        ranked = sorted((word for word in idf if word.isalpha()), key=idf.__getitem__)
        self._common, self._rare = ranked[:3000], ranked[3000:20000]
        self._weights = [1 / (rank + 5) for rank in range(len(self._common))]
        self._feeds: dict[int, list[tuple[str, str, str, str, datetime]]] = {}
        self._bodies: dict[int, bytes] = {}
        self.round = 0

    def turn(self) -> None:
        """In the second round a few entries of each feed are new, in the third none."""
        self.round += 1
        if self.round == 1:
            for number, entries in self._feeds.items():
                fresh = [self._entry(number, ENTRIES + at) for at in range(NEW[number % 2])]
                self._feeds[number] = [*fresh, *entries][:ENTRIES]
            self._bodies.clear()

    def body(self, number: int) -> bytes:
        """The document of a feed."""
        entries = self._feeds.setdefault(number, [self._entry(number, at) for at in range(ENTRIES)])
        if number not in self._bodies:
            self._bodies[number] = rss(*entries, title=f"The Paper {number}", link=f"https://paper{number}.example/")
        return self._bodies[number]

    def _entry(self, feed: int, at: int) -> tuple[str, str, str, str, datetime]:
        own = self._dice.sample(self._rare, 12)
        words = self._dice.choices(self._common, self._weights, k=WORDS - 20) + self._dice.choices(own, k=20)
        self._dice.shuffle(words)
        address = f"https://paper{feed}.example/2026/{at}-{'-'.join(own[:4])}"
        published = datetime.now(UTC) - timedelta(minutes=5 * at)
        text = f"<p>{' '.join(words).capitalize()}.</p>"
        return " ".join(own[:8]).capitalize(), address, f"paper-{feed}-{at}", text, published

    async def serve(self, port: int) -> None:
        """Answer until this process is ended."""
        server = await asyncio.start_server(self._answer, "0.0.0.0", port, backlog=1_000)
        async with server:
            await server.serve_forever()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                writer.write(self._response(head.decode("latin-1")))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _response(self, head: str) -> bytes:
        path = head.split(" ", 2)[1]
        if path == "/turn":
            self.turn()
            return b"HTTP/1.1 204 No Content\r\n\r\n"
        body = self.body(int(path.rsplit("/", 1)[1]))
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if re.search(rf"(?im)^if-none-match:\s*{re.escape(tag)}\s*$", head):
            return f"HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n".encode()
        said = f"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: {tag}\r\nContent-Length: {len(body)}\r\n\r\n"
        return said.encode() + body


@contextmanager
def farm(port: int) -> Iterator[Callable[[], None]]:
    """A farm in a process of its own; what is yielded makes it turn to the next round."""
    process = subprocess.Popen([sys.executable, "-m", "bench.side_by_side", "--farm", str(port)], cwd=_HERE)

    def turn() -> None:
        asyncio.run(_ask(port, "/turn"))

    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                asyncio.run(_ask(port, "/0"))
                break
            except OSError:
                time.sleep(0.2)
        yield turn
    finally:
        process.terminate()
        process.wait()


async def _ask(port: int, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: farm\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


# --- who is measured ----------------------------------------------------------------------------------------------------


def settings(folder: Path, port: int, feeds: int) -> Path:
    """The settings of a monitor that follows the shipped topics in the feeds of the farm, whose feeds are due again at once."""
    lines = [
        f'[store]\nurl = "sqlite:///{folder}/monitor.db"\n[seeds]\ndir = "{_HERE}/seeds"\n[web]\nenabled = false\n'
        '[embedding]\nembedder = "none"\n[fetch]\npages = "never"\n'
        "[schedule]\ninterval_minutes = 0.01\nmin_interval_minutes = 0.01"
    ]
    for number in range(feeds):
        url = f"http://127.1.{number // 250}.{number % 250 + 1}:{port}/{number}"
        lines.append(f'[feeds.paper-{number}]\nurl = "{url}"\nallow_private = true\nfirst_poll = "all"')
    (folder / "monitor.toml").write_text("\n".join(lines) + "\n")
    return folder / "monitor.toml"


def cost(command: Sequence[str], folder: Path, checkout: Path, *, stop_after: float | None = None) -> float:
    """Seconds of processor time of a command and all its descendants, also of orphans; with `stop_after` it is ended then."""
    answer, said = os.pipe()
    if not (child := os.fork()):
        adopt_orphans()
        environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(folder / "byte-code")}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with (folder / "said.txt").open("ab") as output:
            started = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=environment)
            if stop_after is not None:
                time.sleep(stop_after)
                started.send_signal(signal.SIGTERM)
            started.wait()
        wait_for_orphans()
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(said, json.dumps([used.ru_utime + used.ru_stime, started.returncode]).encode())
        os._exit(0)
    os.close(said)
    os.waitpid(child, 0)
    with os.fdopen(answer) as read:
        seconds, code = json.loads(read.read())
    if code not in (0, -signal.SIGTERM):
        raise RuntimeError(f"{command[:4]} ended with {code}: {(folder / 'said.txt').read_text()[-2000:]}")
    return float(seconds)


def _monitor(checkout: Path, asked: argparse.Namespace) -> list[str]:
    """What each round costs a checkout, and what its daemon does."""
    with tempfile.TemporaryDirectory() as name, farm(asked.port) as turn:
        folder = Path(name)
        config = settings(folder, asked.port, asked.feeds)
        command = [sys.executable, "-m", "monitor", "--config", str(config)]
        cost([*command, "--help"], folder, checkout)
        found = []
        for number in range(len(ROUNDS)):
            if number:
                turn()
                time.sleep(2)
            found.append(f"{cost([*command, 'poll', '--json'], folder, checkout):.1f}")
        stored = _count(folder, "SELECT count(*) FROM articles")
        before = _count(folder, "SELECT sum(polls) FROM feeds")
        used = cost([*command, "run"], folder, checkout, stop_after=asked.seconds) if asked.seconds else 0.0
        polls = _count(folder, "SELECT sum(polls) FROM feeds") - before
        if asked.seconds:
            found.append(f"{polls / asked.seconds:.0f} polls/s, {used / asked.seconds:.2f} cores, start included")
    return [*found, f"{stored} articles"]


def _count(folder: Path, sql: str) -> int:
    with closing(sqlite3.connect(folder / "monitor.db")) as store:
        return int(store.execute(sql).fetchone()[0] or 0)


def _peer(asked: argparse.Namespace) -> list[str]:
    with tempfile.TemporaryDirectory() as name, farm(asked.port) as turn:
        folder, found = Path(name), []
        url = f"http://127.1.{{}}.{{}}:{asked.port}/{{}}"
        for number in range(len(ROUNDS)):
            if number:
                turn()
            command = [str(asked.peer), "-c", _PEER, "reader.db", str(asked.feeds), url]
            found.append(f"{cost(command, folder, folder):.1f}")
        with closing(sqlite3.connect(folder / "reader.db")) as store:
            return [*found, "", f"{store.execute('SELECT count(*) FROM entries').fetchone()[0]} entries"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeds", type=int, default=1_000)
    parser.add_argument("--against", type=Path, help="another checkout, which is measured too")
    parser.add_argument("--peer", type=Path, help="an interpreter that can import `reader`")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long the daemon polls; 0 for no daemon")
    parser.add_argument("--port", type=int, default=18_765)
    parser.add_argument("--farm", type=int, metavar="PORT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.farm:
        asyncio.run(Farm().serve(asked.farm))
        return
    rows = {}
    if asked.peer:
        rows["reader"] = _peer(asked)
    if asked.against:
        rows["against"] = _monitor(asked.against.resolve(), asked)
    rows["here"] = _monitor(_HERE, asked)
    print(f"CPU s of {asked.feeds:,} feeds of {ENTRIES} entries: {', '.join(ROUNDS)}")
    for name, row in rows.items():
        print(
            f"  {name:<10}"
            + "".join(f"{each:>9}" for each in row[: len(ROUNDS)])
            + f"   {'; '.join(filter(None, row[len(ROUNDS) :]))}"
        )
    for name in rows.keys() - {"here"}:
        ratios = [float(ours) / float(other) for ours, other in zip(rows["here"][:3], rows[name][:3], strict=True)]
        print(f"  here / {name:<10}" + "".join(f"{each:>9.2f}" for each in ratios))


if __name__ == "__main__":
    main()
