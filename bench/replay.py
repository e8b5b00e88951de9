"""Replays an archived week of real feeds to the real daemon over loopback, with and without kills, and checks what comes out.

    python bench/replay.py PATH/TO/bbc_2021-07-05_to_11.tar.gz [--seconds 240] [--kills 20] [--seed 1]

Every snapshot of the archive (`<feed>/<time>.xml`) is served with its ETag. Time is compressed, but a snapshot is replaced by the
next one only after the daemon has sent its ETag, which it does only once it has stored it: so every item of every snapshot must
be in the store at the end, however often the daemon was killed. Alerts go to a webhook receiver and an SMTP server in this
process. The replay is run twice, without kills and with them, and the final sets of items and alerts are compared. Each store is
then backtested, and the articles are counted of which kind, matches and scores (to 1e-9) are those of the live run. Articles of
real feeds are edited, and the archive has their last text alone: what topics learned from an earlier one makes later scores differ.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import feedparser
from aiosmtpd.controller import Controller

HERE = Path(__file__).parent
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Snapshots:
    """One feed's snapshots in the order of time; `at` is the present one, `asked` counts requests with its ETag."""

    name: str
    times: list[datetime]
    bodies: list[bytes]
    at: int = 0
    asked: Counter[int] = field(default_factory=Counter)

    def etag(self) -> str:
        return '"' + hashlib.sha256(self.bodies[self.at]).hexdigest()[:20] + '"'


def load(archive: Path) -> list[Snapshots]:
    """The feeds of the archive with their snapshots, in the order of time."""
    found: dict[str, list[tuple[datetime, bytes]]] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.name.endswith(".xml") and (file := tar.extractfile(member)):
                feed, stamp = member.name.split("/")[-2:]
                at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ.xml").replace(tzinfo=UTC)
                found.setdefault(feed, []).append((at, file.read()))
    return [
        Snapshots(name, [at for at, _ in sorted(each)], [body for _, body in sorted(each)])
        for name, each in sorted(found.items())
    ]


def items_of(snapshots: list[Snapshots]) -> set[tuple[str, str]]:
    """(feed, guid) of every item of every snapshot, parsed with feedparser, independently of our code."""
    return {
        (each.name, entry.get("id") or entry.get("link"))
        for each in snapshots
        for body in each.bodies
        for entry in feedparser.parse(io.BytesIO(body)).entries
    }


class Newspaper(ThreadingHTTPServer):
    """Serves each feed's present snapshot; advances to the next when it is due and the present one was stored."""

    daemon_threads = True

    def __init__(self, snapshots: list[Snapshots], speed: float) -> None:
        super().__init__(("127.0.0.1", 0), _Page)
        self.feeds = {each.name: each for each in snapshots}
        self.lock = threading.Lock()
        self.start_at = min(each.times[0] for each in snapshots)
        self.real_start_at = datetime.now(UTC)
        self.speed = speed
        self.answers: Counter[int] = Counter()

    def now(self) -> datetime:
        return self.start_at + (datetime.now(UTC) - self.real_start_at) * self.speed

    def is_done(self) -> bool:
        with self.lock:
            return all(each.at == len(each.bodies) - 1 and each.asked[each.at] for each in self.feeds.values())

    def answer(self, name: str, known: str | None) -> tuple[int, bytes, str]:
        with self.lock:
            feed = self.feeds[name]
            if known == feed.etag():
                feed.asked[feed.at] += 1
                is_next_due = feed.at + 1 < len(feed.bodies) and feed.times[feed.at + 1] <= self.now()
                if is_next_due:
                    feed.at += 1
            status = 304 if known == feed.etag() else 200
            self.answers[status] += 1
            return status, b"" if status == 304 else feed.bodies[feed.at], feed.etag()


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Newspaper

    def do_GET(self) -> None:
        status, body, etag = self.server.answer(self.path.strip("/"), self.headers.get("If-None-Match"))
        self.send_response(status)
        self.send_header("ETag", etag)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Receiver(ThreadingHTTPServer):
    """Receives webhooks; fails a random share of them (`failing`), so that retries are tested too."""

    daemon_threads = True

    def __init__(self, chance: random.Random, failing: float) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.chance, self.failing = chance, failing
        self.ids: Counter[str] = Counter()
        self.payloads: dict[str, Any] = {}


class _Hook(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.chance.random() < self.server.failing:
            self.send_error(503)
            return
        identity = self.headers["webhook-id"]
        self.server.ids[identity] += 1
        self.server.payloads[identity] = json.loads(body)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Mailbox:
    """Receives mail and counts it by Message-ID."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        from email import message_from_bytes

        self.ids[str(message_from_bytes(envelope.content)["Message-ID"])] += 1
        return "250 OK"


def settings(paper: Newspaper, hook: Receiver, mail_port: int, folder: Path) -> str:
    """The daemon's settings for this run."""
    feeds = "\n".join(
        f'[feeds.{name}]\nurl = "http://127.0.0.1:{paper.server_port}/{name}"\nallow_private = true\nfirst_poll = "all"'
        for name in paper.feeds
    )
    return f"""
[store]
url = "sqlite:///{folder / "monitor.db"}"
[seeds]
dir = "{HERE / "replay_seeds"}"
[schedule]
interval_minutes = 5
min_interval_minutes = 5
tick_seconds = 0.05
[fetch]
pages = "never"
[web]
enabled = false
[delivery]
rate_per_second = 100
wait_seconds = 0
allow_networks = ["127.0.0.0/8"]
[clock]
speed = {paper.speed}
start_at = "{paper.start_at.isoformat()}"
real_start_at = "{paper.real_start_at.isoformat()}"
{feeds}
[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:{hook.server_port}/"
secrets = ["{SECRET}"]
allow_private = true
[channels.mail]
kind = "email"
host = "127.0.0.1"
port = {mail_port}
security = "none"
from = "monitor@news.example"
to = ["desk@news.example"]
"""


@dataclass
class Run:
    """The result of one replay."""

    entries: list[tuple[str, str]]
    articles: int
    alerts: set[tuple[str, str]]
    addressed: dict[str, set[str]]
    """Channel -> ids of the alerts that it must receive (a notice about a channel goes to the others)."""
    sent: int
    hook_ids: Counter[str]
    mail_ids: Counter[str]
    answers: Counter[int]
    kills: int
    wall: float
    cpu: float
    peak_mb: float
    unsettled: int
    differing: list[str]
    """Articles of which a backtest says something else."""
    compared: int


def replay(archive: Path, *, seconds: float, kills: int, seed: int, failing: float) -> Run:
    """Replay the archive from an empty store to the last snapshot and an empty outbox."""
    chance = random.Random(seed)
    snapshots = load(archive)
    week = max(each.times[-1] for each in snapshots) - min(each.times[0] for each in snapshots)
    hook, box = Receiver(chance, failing), Mailbox()
    mail_port = _free_port()
    mail = Controller(box, hostname="127.0.0.1", port=mail_port)
    mail.start()
    paper = Newspaper(snapshots, week.total_seconds() / seconds)
    for server in (paper, hook):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        folder = Path(name)
        (folder / "monitor.toml").write_text(settings(paper, hook, mail_port, folder))
        used = _supervise(folder, paper, chance, kills, seconds)
        run = _result(folder / "monitor.db", paper, hook, box, used)
    mail.stop()
    for server in (paper, hook):
        server.shutdown()
        server.server_close()
    return run


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _supervise(folder: Path, paper: Newspaper, chance: random.Random, kills: int, seconds: float) -> dict[str, float]:
    before, began, done = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic(), 0
    log = (folder / "daemon.log").open("ab")
    process = _start(folder, log)
    deadline = began + seconds * 4 + 120
    next_kill = began + chance.uniform(0.5, seconds / max(kills, 1))
    while not (paper.is_done() and done >= kills and _is_outbox_empty(folder / "monitor.db")):
        if time.monotonic() > deadline:
            sys.stderr.write((folder / "daemon.log").read_text()[-4000:])
            raise SystemExit("the replay did not come to its end in time")
        if done < kills and time.monotonic() >= next_kill:
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
            next_kill = time.monotonic() + chance.uniform(1.2, 2 * seconds / kills)
            process = _start(folder, log)
        elif process.poll() is not None:
            sys.stderr.write((folder / "daemon.log").read_text()[-4000:])
            raise SystemExit(f"the daemon ended by itself with {process.returncode}")
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    code = process.wait(timeout=40)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        raise SystemExit(f"the daemon did not end well: {code}")
    return {
        "wall": time.monotonic() - began,
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_mb": after.ru_maxrss / 1024,
        "kills": done,
    }


def _start(folder: Path, log: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "monitor", "--config", str(folder / "monitor.toml"), "run"]
    return subprocess.Popen(
        command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "PYTHONPATH": str(HERE.parent)}
    )


def _is_outbox_empty(path: Path) -> bool:
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1) as database:
            waiting = "SELECT count(*) FROM deliveries WHERE state IN ('pending', 'leased')"
            return bool(database.execute(waiting).fetchone()[0] == 0)
    except sqlite3.Error:
        return False


def _result(path: Path, paper: Newspaper, hook: Receiver, box: Mailbox, used: dict[str, float]) -> Run:
    database = sqlite3.connect(path)

    def rows(query: str) -> list[Any]:
        return database.execute(query).fetchall()

    assert rows("PRAGMA integrity_check") == [("ok",)], "the store is damaged"
    run = Run(
        entries=rows("SELECT feeds.name, guid FROM entries JOIN feeds ON feeds.id = feed_id"),
        articles=rows("SELECT count(*) FROM articles")[0][0],
        alerts=set(
            rows(
                "SELECT alert_topics.topic, url FROM alert_topics JOIN alerts ON alerts.id = alert_id "
                "JOIN articles ON articles.id = article_id"
            )
        ),
        addressed={
            channel: {row[0] for row in rows(f"SELECT alert_id FROM deliveries WHERE channel = '{channel}'")}
            for channel in ("hook", "mail")
        },
        sent=rows("SELECT count(*) FROM deliveries WHERE state = 'sent'")[0][0],
        hook_ids=hook.ids,
        mail_ids=box.ids,
        answers=paper.answers,
        kills=int(used["kills"]),
        wall=used["wall"],
        cpu=used["cpu"],
        peak_mb=used["peak_mb"],
        unsettled=rows("SELECT count(*) FROM deliveries WHERE state <> 'sent'")[0][0],
        differing=[],
        compared=0,
    )
    database.close()
    run.compared, run.differing = _backtested(path)
    return run


def _backtested(path: Path) -> tuple[int, list[str]]:
    """How many articles were compared with a backtest of the store, and those that differ."""
    from monitor.evaluation import backtest
    from monitor.matching.background import Background
    from monitor.matching.matcher import build
    from monitor.store.db import Database
    from monitor.topics import seeds

    with sqlite3.connect(path) as database:
        live: dict[int, list[Any]] = {}
        query = (
            "SELECT article_id, d.kind, d.story_id, d.scores, a.title FROM decisions d JOIN articles a ON a.id = article_id "
            "WHERE NOT EXISTS (SELECT 1 FROM revisions r WHERE r.article_id = a.id) ORDER BY d.id"
        )
        for article_id, kind, _, scores, title in database.execute(query):
            live.setdefault(article_id, [kind, {each["topic"]: each for each in json.loads(scores)}, title])
    topics, db = seeds.load(HERE / "replay_seeds").topics, Database(f"sqlite:///{path}")
    try:
        with db.reading() as session:
            matcher = build(topics, background=Background.shipped())
            answers = list(backtest.run(backtest.archived_lines(session), matcher, topics, all_scores=True))
    finally:
        db.close()
    differing = []
    for answer in answers:
        kind, scores, title = live.get(answer["id"], (answer["kind"], {}, ""))
        again = {each["topic"]: each for each in answer["topics"]}
        is_same = kind == answer["kind"] and all(
            abs(again[name]["score"] - each["score"]) <= 1e-9 and again[name]["matched"] == each["matched"]
            for name, each in scores.items()
        )
        differing += [] if is_same else [f"{answer['id']} {title}"]
    return len(live), differing


def report(name: str, run: Run, expected: set[tuple[str, str]]) -> bool:
    """Print one run's figures; True where all checks pass."""
    stored = Counter(run.entries)
    mailed = {identity.strip("<>").partition(".")[0] for identity in run.mail_ids}
    facts = {
        "every item stored exactly once": set(stored) == expected and max(stored.values()) == 1,
        "every alert reached the webhook": set(run.hook_ids) == run.addressed["hook"],
        "every alert reached the mailbox": mailed == run.addressed["mail"],
        "the outbox is empty": run.unsettled == 0,
    }
    again = sum(run.hook_ids.values()) - len(run.hook_ids) + sum(run.mail_ids.values()) - len(run.mail_ids)
    polls = sum(run.answers.values())
    print(f"\n{name}")
    print(
        f"  items {len(expected)} expected, {len(run.entries)} stored; articles {run.articles}; alerts {len(run.alerts)}"
    )
    print(f"  polls {polls}, answered 304: {run.answers[304]} ({100 * run.answers[304] / max(polls, 1):.0f} %)")
    print(f"  deliveries {run.sent}, accepted twice (same id): {again}; kills {run.kills}")
    print(f"  wall {run.wall:.1f} s, CPU {run.cpu:.1f} s, peak memory {run.peak_mb:.0f} MB")
    for fact, holds in facts.items():
        print(f"  {'ok  ' if holds else 'FAIL'} {fact}")
    print(
        f"  a backtest says the same of {run.compared - len(run.differing)} of {run.compared} articles that were not edited"
    )
    if not run.kills:
        facts["nothing was sent twice"] = again == 0
        print(f"  {'ok  ' if again == 0 else 'FAIL'} nothing was sent twice")
    return all(facts.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="the .tar.gz of snapshots")
    parser.add_argument("--seconds", type=float, default=240, help="how long the week takes (default 240)")
    parser.add_argument("--kills", type=int, default=20, help="how often the second run is killed with -9 (default 20)")
    parser.add_argument("--failing", type=float, default=0.1, help="share of webhooks answered 503 (default 0.1)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not options.archive.is_file():
        parser.error(f"{options.archive}: no such file; it is evaluation data that does not come with the project")
    expected = items_of(load(options.archive))
    shared = {"seconds": options.seconds, "seed": options.seed, "failing": options.failing}
    calm = replay(options.archive, kills=0, **shared)
    good = report("without kills", calm, expected)
    if options.kills:
        killed = replay(options.archive, kills=options.kills, **shared)
        good &= report(f"with {options.kills} kills", killed, expected)
        same = calm.alerts == killed.alerts and set(calm.entries) == set(killed.entries)
        print(f"\n{'ok  ' if same else 'FAIL'} both final sets are the same")
        if not same:
            print("  only without kills:", sorted(calm.alerts - killed.alerts))
            print("  only with kills:   ", sorted(killed.alerts - calm.alerts))
        good &= same
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
