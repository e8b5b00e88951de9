"""Kills the real daemon again and again while it works, at random moments and at chosen points of its work.

    python bench/kills.py [--database sqlite|postgresql|both] [--kills 200] [--points 3] [--feeds 4] [--failing 0.3] [--seed 1]

A test server publishes on several feeds all the time; an item leaves its feed only after the daemon has sent an ETag of a
document that contained it. A test receiver fails a share of the posts as in the cases W5 to W10. At the end every item must be
stored exactly once, the receiver must have every alert that was queued for it, no article under two ids and nothing else, and the
store must be undamaged (cases K1, K3, W15).

A notice that the receiver's own channel is failing, back or disabled, or gave an alert up, is for the other channels. Here there
are none: it is an alert without a delivery, which the page alone shows, and every other alert must have one.

On PostgreSQL a daemon cannot know that it is alone, and the leases of one that was killed run out after 2 minutes (feeds) and 5
(deliveries). So as not to wait at every kill, the run lets them run out itself, except before the last start.

For the chosen points the daemon runs through this file, with one function wrapped so that it ends the process (`POINTS` below);
the program itself contains no such code. At the n-th pass of a point the process ends as by SIGKILL.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import wraps
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

HERE = Path(__file__).parent
SPEED = 60.0
"""Of the daemon's clock: retries due after 5 and 30 minutes come after 5 and 30 seconds."""
ITEM_FOR = timedelta(seconds=42)
"""About the time between two items of a feed on the daemon's clock."""
ON_TOPIC = (
    "marrow bridge piers lorries council ferry engineers divers cracks stone repairs weeks crowns closed midnight old "
    "harbour toll barge winter girders survey mayor tide ropes masons traders granite upstream footpath lanterns bells"
)
OFF_TOPIC = (
    "choir prize bakery orchard museum library football tennis opera garden school holiday kite painter harvest honey "
    "theatre pottery chess marathon festival lottery parade quilt sailing circus comet beekeeper violin recipe poet swimming"
)


# --- feeds and receiver -----------------------------------------------------------------------------------------------


@dataclass
class Paper:
    """One feed, with items on the topic and others; its document holds the items from `oldest` to `last`."""

    name: str
    last: int = 0
    oldest: int = 1
    by_etag: dict[str, int] = field(default_factory=dict)

    def document(self) -> bytes:
        items = "".join(_item(self.name, number) for number in range(self.oldest, self.last + 1))
        return (
            f'<?xml version="1.0"?><rss version="2.0"><channel><title>{self.name}</title>'
            f"<link>https://{self.name}.example/</link>{items}</channel></rss>"
        ).encode()


def is_wanted(number: int) -> bool:
    """Whether an item is on the topic: two of three are."""
    return number % 3 != 0


def _item(paper: str, number: int) -> str:
    """An item about an event of its own: most words are unique, or all items would be one story with one alert. Its date is near
    the daemon's clock: thirty unknown items without dates would be held back as a burst."""
    chance = random.Random(f"{paper} {number}")
    words = (ON_TOPIC if is_wanted(number) else OFF_TOPIC).split()
    unique = ["".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4)) for _ in range(40)]
    text = " ".join(
        " ".join([*chance.sample(words, 4), *unique[start : start + 10]]).capitalize() + "."
        for start in range(0, 40, 10)
    )
    date = format_datetime(datetime(2026, 1, 1, tzinfo=UTC) + number * ITEM_FOR)
    title = f"{' '.join(chance.sample(words, 5)).capitalize()}, {paper} {number}"
    if is_wanted(number):
        title = f"Marrow bridge: {title}"
    return (
        f"<item><title>{title}</title><link>https://{paper}.example/{number}</link><guid>{paper}-{number}</guid>"
        f"<pubDate>{date}</pubDate><description>{text}</description></item>"
    )


class Press(ThreadingHTTPServer):
    """Serves the feeds; `publish` adds one item to each."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, papers: int) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.papers = {f"paper{number}": Paper(f"paper{number}") for number in range(papers)}
        self.lock = threading.Lock()

    def handle_error(self, *_: object) -> None:
        pass  # the daemon may have been killed in the middle of a request

    def publish(self) -> None:
        with self.lock:
            for paper in self.papers.values():
                paper.last += 1

    def answer(self, name: str, known: str | None) -> tuple[int, bytes, str]:
        with self.lock:
            paper = self.papers[name]
            paper.oldest = max(paper.oldest, paper.by_etag.get(known or "", 0) - 20)
            body = paper.document()
            etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
            paper.by_etag[etag] = paper.last
            return (304, b"", etag) if etag == known else (200, body, etag)


class _Page(BaseHTTPRequestHandler):
    server: Press

    def do_GET(self) -> None:
        status, body, etag = self.server.answer(self.path.strip("/"), self.headers.get("If-None-Match"))
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Receiver(ThreadingHTTPServer):
    """Receives webhooks by id and fails a share of them, each in one of WAYS."""

    daemon_threads = True
    request_queue_size = 100
    WAYS = ("500", "503", "429", "408", "reset", "close", "late", "half")

    def __init__(self, chance: random.Random, failing: float) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.chance, self.failing = chance, failing
        self.taken: Counter[str] = Counter()
        self.tries: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.ids_of: dict[str, set[str]] = defaultdict(set)
        """Address of an article -> the ids under which it was told as new, accepted or not."""

    def handle_error(self, *_: object) -> None:
        pass  # as above


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        identity, size = self.headers["webhook-id"], int(self.headers["Content-Length"])
        body = self.rfile.read(size)
        if len(body) < size:
            self.server.faults["cut short by a kill"] += 1
            return
        self.server.tries[identity] += 1
        self._note_id(identity, json.loads(body))
        way = self.server.chance.choice(Receiver.WAYS) if self.server.chance.random() < self.server.failing else ""
        self.server.faults[way] += bool(way)
        if way.isdigit():
            self.send_response(int(way))
            self.send_header("Retry-After", "2") if way in ("429", "503") else None
            self.end_headers()
        elif way == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        elif way == "half":
            self.wfile.write(b"HTTP/1.1 2")
        elif way != "close":
            time.sleep(0.7 if way == "late" else 0)
            self.server.taken[identity] += 1
            self.send_response(204)
            self.end_headers()

    def _note_id(self, identity: str, payload: dict[str, Any]) -> None:
        if payload["type"] == "alert.new":
            self.server.ids_of[payload["data"]["article"]["url"]].add(identity)

    def log_message(self, *_: object) -> None:
        pass


# --- the daemon -------------------------------------------------------------------------------------------------------


class DaemonProcess:
    """The daemon under test, in a folder of its own."""

    def __init__(self, folder: Path, url: str, press: Press, receiver: Receiver) -> None:
        self.log = folder / "daemon.log"
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._engine = create_engine(url, poolclass=NullPool)
        self.config = folder / "monitor.toml"
        self.process: subprocess.Popen[bytes] | None = None
        self.seeds, self.topics = folder / "seeds", 0
        self.follow_another_topic()
        self.config.write_text(_settings(folder, url, press, receiver))

    def follow_another_topic(self) -> None:
        """Add a topic like the others: the articles of the last days are assessed again for it, and nobody is told twice."""
        self.topics += 1
        topic = self.seeds / f"marrow-bridge-{self.topics}"
        topic.mkdir(parents=True)
        (topic / "one.txt").write_text(f"Marrow bridge closed\n\n{ON_TOPIC.capitalize()}.")
        (topic / "topic.toml").write_text(
            f'title = "Marrow bridge {self.topics}"\nrequired = ["Marrow bridge"]\nsensitivity = "broad"\n'
        )

    def start(self, point: str = "") -> None:
        command = (
            [sys.executable, str(Path(__file__)), "--daemon", point] if point else [sys.executable, "-m", "monitor"]
        )
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config), "run"],
                stdout=log,
                stderr=log,
                cwd=self.config.parent,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)},
            )

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the store answers; nothing while it has no tables yet."""
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query))]
        except DBAPIError:
            return []

    def lets_leases_run_out(self) -> None:
        """Make the leases that a killed daemon left behind look as they will when their time is over (PostgreSQL)."""
        if self.is_sqlite or not self.rows("SELECT count(*) FROM alembic_version"):
            return
        with self._engine.begin() as connection:
            for table in ("feeds", "deliveries"):
                connection.execute(
                    text(f"UPDATE {table} SET lease_until_at = '2025-01-01' WHERE lease_token IS NOT NULL")
                )

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")


def _settings(folder: Path, url: str, press: Press, receiver: Receiver) -> str:
    feeds = "\n".join(
        f'[feeds.{name}]\nurl = "http://127.0.0.1:{press.server_port}/{name}"\nfirst_poll = "all"'
        for name in press.papers
    )
    return f"""
[store]
url = "{url}"
[seeds]
dir = "{folder / "seeds"}"
[schedule]
interval_minutes = 0.4
min_interval_minutes = 0.4
tick_seconds = 0.1
per_host = 4
[fetch]
allow_networks = ["127.0.0.0/8"]
pages = "never"
[delivery]
rate_per_second = 100
wait_seconds = 0
allow_networks = ["127.0.0.0/8"]
[web]
enabled = false
[clock]
speed = {SPEED}
start_at = "2026-01-01T00:00:00Z"
real_start_at = "{datetime.now(UTC).isoformat()}"
{feeds}
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:{receiver.server_port}/hook"
allow_private = true
"""


# --- the points -------------------------------------------------------------------------------------------------------


def _ends(function: Callable[..., Any], *, passes: list[int], after: bool) -> Callable[..., Any]:
    """`function` wrapped so that the process ends at its n-th call: before it, or `after` it."""

    def is_time() -> bool:
        passes[0] -= 1
        return passes[0] == 0

    @wraps(function)
    def ending(*args: Any, **kwargs: Any) -> Any:
        if not after and is_time():
            os._exit(137)
        answer = function(*args, **kwargs)
        if after and is_time():
            os._exit(137)
        return answer

    @wraps(function)
    async def ending_async(*args: Any, **kwargs: Any) -> Any:
        if not after and is_time():
            os._exit(137)
        answer = await function(*args, **kwargs)
        if after and is_time():
            os._exit(137)
        return answer

    return ending_async if asyncio.iscoroutinefunction(function) else ending


POINTS = {
    "after fetch, before parse": ("monitor.reading.fetch:Fetcher.get", "after"),
    "after parse, before the transaction": ("monitor.polling.pipeline:pages_wanted", "after"),
    "in the transaction, lease ended, nothing stored": ("monitor.store.feeds.feed_leases:settle", "after"),
    "all known, nothing decided": ("monitor.polling.intake:read", "after"),
    "decided, nothing written": ("monitor.polling.intake:decide", "after"),
    "between article and decision": ("monitor.store.decisions:add", "before"),
    "between article and alert": ("monitor.store.alerts:enqueue_on_story", "before"),
    "after the alert, before the commit": ("monitor.store.alerts:enqueue_on_story", "after"),
    "all of a poll written, not committed": ("monitor.polling.pipeline:_settle", "after"),
    "a poll committed, not yet logged": ("monitor.polling.poll:_log", "before"),
    "feeds claimed, not committed": ("monitor.store.feeds.feed_leases:claim_due", "after"),
    "a delivery claimed, not committed": ("monitor.store.outbox.delivery_queue:claim_next", "after"),
    "claimed, before connecting": ("monitor.net.http:HttpClient.post", "before"),
    "between request head and body": ("httpcore2:AsyncHTTP11Connection._send_request_body", "before"),
    "after the body, before the answer": ("httpcore2:AsyncHTTP11Connection._send_request_body", "after"),
    "accepted, before it is marked sent": ("monitor.net.http:HttpClient.post", "after"),
    "marked sent, not committed": ("monitor.alerting.deliver:_settle", "after"),
    "articles to be assessed again claimed, not committed": ("monitor.polling.reassessing.reassess:_claim", "after"),
    "an article assessed again and filed, not committed": (
        "monitor.polling.reassessing.stored_articles:_write",
        "after",
    ),
    "a range of articles assessed again, not committed": ("monitor.polling.reassessing.ranges:_end_batch", "after"),
    "while starting: store open, leases not released": ("monitor.store.feeds.feed_leases:release_all", "before"),
    "while starting: settings stored, not committed": ("monitor.store.settings:apply", "after"),
    "while starting: topics synced, not committed": ("monitor.store.topics:sync", "after"),
    "while the schema is made": ("alembic.ddl.impl:DefaultImpl.create_table", "before"),
}


SQLITE_ONLY = ("while starting: store open, leases not released",)
"""Points that a daemon never comes to on PostgreSQL."""


def _owner(place: str) -> tuple[Any, str]:
    """The module or class that has the function at a place, and the function's name."""
    module, _, path = place.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, last = path.split(".")
    for each in parents:
        owner = getattr(owner, each)
    return owner, last


def missing_points() -> list[str]:
    """The points whose function is not there: a run would never reach them."""
    found = []
    for name, (place, _) in POINTS.items():
        try:
            owner, last = _owner(place)
            is_there = callable(getattr(owner, last, None))
        except (ImportError, AttributeError):
            is_there = False
        found += [] if is_there else [f"{name}: {place}"]
    return found


def run_daemon(point: str, arguments: list[str]) -> None:
    """Run `monitor` with one function wrapped to end the process. `point` is `<name of POINTS>#<pass>`."""
    name, _, number = point.partition("#")
    place, when = POINTS[name]
    owner, last = _owner(place)
    setattr(owner, last, _ends(getattr(owner, last), passes=[int(number)], after=when == "after"))
    sys.argv = ["monitor", *arguments]
    from monitor.cli.main import main as monitor

    monitor()


# --- the run ----------------------------------------------------------------------------------------------------------


@dataclass
class Kills:
    """Kills the daemon, and records how long it took to be ready again."""

    kills: int = 0
    ready_after: list[float] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)

    def at_random(self, daemon: DaemonProcess, chance: random.Random, count: int) -> None:
        """Kill it `count` times, during the start or later."""
        for number in range(count):
            began, before = time.monotonic(), daemon.log_text().count("running store=")
            daemon.start()
            is_ready = number % 4 == 0  # every fourth is killed during the start
            while not is_ready and time.monotonic() - began < 60:
                time.sleep(0.01)
                is_ready = daemon.log_text().count("running store=") > before
                if is_ready:
                    self.ready_after.append(time.monotonic() - began)
            time.sleep(chance.uniform(0.1, 2.5))
            daemon.kill()
            self.kills += 1
            if number < count - 1:
                daemon.lets_leases_run_out()

    def at_points(self, daemon: DaemonProcess, times: int, *, only: Callable[[str], bool]) -> None:
        """Let it end at each point, at its first `times` passes."""
        for point in filter(only, POINTS):
            for number in range(1, times + 1):
                if "assessed again" in point:
                    daemon.follow_another_topic()
                daemon.start(f"{point}#{number}")
                assert daemon.process
                try:
                    daemon.process.wait(timeout=60)
                    self.kills += 1
                except subprocess.TimeoutExpired:
                    self.not_reached.append(f"{point}#{number}")
                    daemon.kill()
                daemon.lets_leases_run_out()


def run(options: argparse.Namespace, folder: Path, url: str) -> bool:
    """Kill the daemon as asked, let it finish its work, and check the result; True where all is as it must be."""
    chance = random.Random(options.seed)
    press, receiver = Press(options.feeds), Receiver(chance, options.failing)
    for server in (press, receiver):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    daemon, kills, over = DaemonProcess(folder, url, press, receiver), Kills(), threading.Event()

    def publishing() -> None:
        while not over.wait(options.every):
            press.publish()

    publisher = threading.Thread(target=publishing, daemon=True)
    publisher.start()
    kills.at_points(daemon, 5, only=lambda point: "schema" in point)
    kills.at_points(daemon, options.points, only=lambda point: "schema" not in point and _is_met(point, daemon))
    kills.at_random(daemon, chance, options.kills)
    over.set()
    publisher.join()
    daemon.start()
    _wait(lambda: _is_done(daemon, press), 600, daemon)
    assert daemon.process
    daemon.process.terminate()
    code = daemon.process.wait(timeout=60)
    good = report(daemon, press, receiver, kills, code)
    for server in (press, receiver):
        server.shutdown()
        server.server_close()
    return good


def _is_met(point: str, daemon: DaemonProcess) -> bool:
    return daemon.is_sqlite or point not in SQLITE_ONLY


def _wait(fact: Callable[[], bool], seconds: float, daemon: DaemonProcess) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            print("  did not come to its end in time; the log ends with\n", daemon.log_text()[-3000:])
            return
        time.sleep(0.3)


def _is_done(daemon: DaemonProcess, press: Press) -> bool:
    shown = sum(paper.last for paper in press.papers.values())
    waiting = daemon.rows("SELECT count(*) FROM deliveries WHERE state IN ('pending', 'leased')")
    again = daemon.rows("SELECT count(*) FROM reassessments")
    return daemon.rows("SELECT count(*) FROM entries") == [(shown,)] and waiting == again == [(0,)]


def report(daemon: DaemonProcess, press: Press, receiver: Receiver, kills: Kills, code: int) -> bool:
    """Print the figures; True where all checks pass."""
    shown = {f"{paper.name}-{number}" for paper in press.papers.values() for number in range(1, paper.last + 1)}
    wanted = {guid for guid in shown if is_wanted(int(guid.partition("-")[2]))}
    stored = Counter(row[0] for row in daemon.rows("SELECT guid FROM entries"))
    queued = {row[0] for row in daemon.rows("SELECT DISTINCT alert_id FROM deliveries")}
    unqueued = [
        row[0] for row in daemon.rows("SELECT key FROM alerts WHERE id NOT IN (SELECT alert_id FROM deliveries)")
    ]
    undecided = daemon.rows("SELECT id FROM articles WHERE id NOT IN (SELECT article_id FROM decisions)")
    alerted = daemon.rows(
        "SELECT guid FROM alerts JOIN entries ON entries.article_id = alerts.article_id WHERE kind = 'new'"
    )
    decided = {
        row[0]
        for row in daemon.rows(
            "SELECT guid FROM entries JOIN decisions ON decisions.article_id = entries.article_id WHERE reason = 'ALERTED'"
        )
    }
    accepted, tries, alone = sum(receiver.taken.values()), sum(receiver.tries.values()), len(receiver.taken)
    facts = {
        "every item stored exactly once": set(stored) == shown and set(stored.values()) <= {1},
        "every item decided to be alerted has exactly one alert, no other has one": sorted(row[0] for row in alerted)
        == sorted(decided),
        "the alerts are on the topic, and on a quarter of it at least": decided <= wanted
        and 4 * len(decided) >= len(wanted),
        "the receiver has every alert that was queued for it, and nothing else": set(receiver.taken) == queued,
        "only notices on the receiver's own channel were not queued": all(map(is_on_own_channel, unqueued)),
        "no article is told under two ids": all(len(ids) == 1 for ids in receiver.ids_of.values()),
        "every article has a decision": undecided == [],
        "every delivery is settled as sent": daemon.rows("SELECT DISTINCT state FROM deliveries") == [("sent",)],
        "nothing waits to be assessed again, and no article was for one topic twice": daemon.rows(
            "SELECT count(*) FROM reassessments"
        )
        == [(0,)]
        and not daemon.rows(
            "SELECT article_id FROM decisions WHERE cause = 'reassessed: seeds' GROUP BY article_id "
            f"HAVING count(*) > {daemon.topics - 1}"
        ),
        **_wholeness(daemon),
        "the last run ended well": code == 0,
        "ready within 3 s": max(kills.ready_after, default=0.0) <= 3,
        "no run ended in a traceback": "Traceback" not in daemon.log_text(),
        "every point was reached": not kills.not_reached,
    }
    ready = sorted(kills.ready_after)
    print(
        f"  kills {kills.kills}; items {len(shown)}, alerts {len(queued)}, notices on the channel itself {len(unqueued)}"
    )
    print(f"  tries {tries} ({tries / max(alone, 1):.2f} an alert), accepted again with the same id {accepted - alone}")
    print(f"  faults of the receiver: {dict(receiver.faults)}")
    if ready:
        print(
            f"  ready after {ready[len(ready) // 2]:.2f} s (median), {ready[-1]:.2f} s (most), seen {len(ready)} times"
        )
    for point in kills.not_reached:
        print(f"  not reached: {point}")
    for fact, holds in facts.items():
        print(f"  {'ok  ' if holds else 'FAIL'} {fact}")
    return all(facts.values())


def is_on_own_channel(key: str) -> bool:
    """Whether the alert of this key is a notice on the receiver's own channel: that it fails, or lost an alert."""
    return re.fullmatch(r"channel/hook/.+|delivery/\d+/dead", key) is not None


def _wholeness(daemon: DaemonProcess) -> dict[str, bool]:
    """Checks of the database on itself. PostgreSQL enforces its keys always, and has nothing like them."""
    if not daemon.is_sqlite:
        return {}
    return {
        "the store is whole": daemon.rows("PRAGMA integrity_check") == [("ok",)],
        "no key leads nowhere": daemon.rows("PRAGMA foreign_key_check") == [],
    }


@contextmanager
def _store(database: str, folder: Path) -> Iterator[str]:
    """The address of an empty store."""
    if database == "sqlite":
        yield f"sqlite:///{folder / 'monitor.db'}"
        return
    from tests.fakes.postgres import run as run_statement
    from tests.fakes.postgres import server, shown

    with server() as url:
        run_statement(url, "CREATE DATABASE kills")
        yield shown(url.set(database="kills"))


def run_on(database: str, options: argparse.Namespace, folder: Path) -> bool:
    """`run` on an empty store of this kind; True where all is as it must be."""
    print(database)
    folder.mkdir(parents=True, exist_ok=True)
    with _store(database, folder) as url:
        return run(options, folder, url)


def main() -> int:
    sys.path.insert(0, str(HERE.parent))
    if "--daemon" in sys.argv:
        run_daemon(sys.argv[2], sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--database", choices=("sqlite", "postgresql", "both"), default="both", help="default: both in turn"
    )
    parser.add_argument("--kills", type=int, default=200, help="how often it is killed at random (default 200)")
    parser.add_argument("--points", type=int, default=3, help="passes of each point at which it dies (default 3)")
    parser.add_argument("--feeds", type=int, default=4)
    parser.add_argument("--every", type=float, default=0.7, help="seconds between two items of a feed (default 0.7)")
    parser.add_argument("--failing", type=float, default=0.3, help="share of posts that fail (default 0.3)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="keep store and log here, an empty folder")
    options = parser.parse_args()
    if missing := missing_points():
        parser.error("no such function any more, correct POINTS: " + "; ".join(missing))
    databases = ("sqlite", "postgresql") if options.database == "both" else (options.database,)
    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        folder = options.folder or Path(temporary)
        results = [
            run_on(each, options, folder / each) for each in databases
        ]  # the second one even where the first fails
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
