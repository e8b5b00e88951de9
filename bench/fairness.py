"""Measures whether feeds that cost much keep others from being read: a real daemon with 30 costly and 10 honest feeds.

    python -m bench.fairness [--seconds 300] [--interval 60] [--costly 30]

A costly feed keeps feedparser busy for half a minute (case X2: an entry of ten thousands of categories); it changes with each
poll, so that each is read. Of the honest ones each poll brings a new entry. Printed are how long an honest feed waited at most
for its next poll, how long it took at most from a feed's being fetched to its being stored (the log's `took`), and how many
polls of costly feeds were killed and put off.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import tempfile
import time
from itertools import count, pairwise
from pathlib import Path

from bench.connections import daemon
from tests.fakes import costly
from tests.fakes.command import SEED
from tests.fakes.site import Line, Request, Site, rss

HONEST = 10
_TOOK = re.compile(r"polled feed=(honest-\d+) .* took=([0-9.]+)")


def publish(site: Site, costly: int) -> None:
    """All feeds, each different at every visit."""
    numbers = count()

    def answers(path: str, body_of: object) -> None:
        def answering(_: Request, line: Line) -> None:
            body = body_of(next(numbers))  # type: ignore[operator]
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n\r\n"
            line.send(head.encode() + body)

        site._plan(path).lasting = answering

    for number in range(costly):
        answers(f"/costly-{number}", _costly)
    for number in range(HONEST):
        answers(f"/honest-{number}", _honest)


def _costly(number: int) -> bytes:
    return costly.feed(number)


def _honest(number: int) -> bytes:
    text = f"The council meets on Monday to speak about item {number} of the budget, and about the bridge."
    return rss((f"Council meets on item {number}", f"https://h.example/{number}", str(number), text, None))


def settings(folder: Path, site: Site, costly: int, interval: float) -> Path:
    """Every feed is due at once, the costly ones first."""
    (folder / "seeds" / "bridge").mkdir(parents=True)
    (folder / "seeds" / "bridge" / "seed.txt").write_text(SEED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    lines = [
        f'[store]\nurl = "sqlite:///{folder}/monitor.db"\n[seeds]\ndir = "{folder}/seeds"\n[web]\nport = {port}',
        f"[schedule]\ninterval_minutes = {interval / 60}\nmin_interval_minutes = {interval / 60}\nper_host = 100",
    ]
    names = [*(f"costly-{number}" for number in range(costly)), *(f"honest-{number}" for number in range(HONEST))]
    lines += [f'[feeds.{name}]\nurl = "{site.url(f"/{name}")}"\nallow_private = true' for name in names]
    (folder / "monitor.toml").write_text("\n".join(lines) + "\n")
    return folder / "monitor.toml"


def measure(seconds: float, interval: float, costly: int) -> dict[str, object]:
    """Gaps between the polls of honest feeds, and how long these polls took."""
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        publish(site, costly)
        config = settings(Path(folder), site, costly, interval)
        with daemon(config):
            while not site.requests:
                time.sleep(0.1)
            began = time.time()
            time.sleep(seconds)
            ended = time.time()
        log = config.with_suffix(".log").read_text()
    gaps = [0.0]
    for number in range(HONEST):
        times = [each.at.timestamp() for each in site.requests if each.path == f"/honest-{number}"]
        gaps += [
            later - earlier for earlier, later in pairwise([began, *(each for each in times if each < ended), ended])
        ]
    return {
        "interval_seconds": interval,
        "costly": costly,
        "honest_longest_gap_seconds": round(max(gaps), 1),
        "honest_longest_poll_seconds": max((float(each[1]) for each in _TOOK.findall(log)), default=None),
        "honest_polls": len(_TOOK.findall(log)),
        "costly_killed": log.count("status=too-costly"),
        "costly_put_off": log.count("was not made: too many costly"),
        "machine_too_busy": log.count("this machine was too busy") + log.count("was cut off"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--interval", type=float, default=60.0)
    parser.add_argument("--costly", type=int, default=30)
    asked = parser.parse_args()
    print(json.dumps(measure(asked.seconds, asked.interval, asked.costly)))


if __name__ == "__main__":
    main()
