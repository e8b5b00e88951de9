"""Measures what alerts gain and lose by ending their wait for copies where no feed is still to be polled (store/copies_wait.py).

    python -m bench.copies_wait DATA [--wait 30] [--feeds 26]

DATA holds tracking/newsapi_2020 (see bench/matching.py). Its groups of one title in different outlets within two hours are
events that several outlets carry. Each outlet is a feed that is polled at its interval, from a random moment on; others are polled
beside them, so that there are FEEDS. The first poll that brings a print decides the alert. Counted are, for each interval: the
seconds from that to the alert (a tick of one second included), and how many alerts name fewer outlets than after the whole wait.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from bench.matching import rows

INTERVALS = (5, 60, 300, 900)
TICK = 1.0
TOGETHER_WITHIN = 7200.0


def events(root: Path) -> list[list[float]]:
    """For each event the seconds at which its outlets published it, the first print of each, from the earliest on."""
    by_title: dict[str, dict[str, float]] = defaultdict(dict)
    for row in rows(next((root / "tracking/newsapi_2020").glob("items_*.jsonl.gz"))):
        title = " ".join((row["title"] or "").lower().split())
        at = datetime.fromisoformat(row["published"].replace("Z", "+00:00")).timestamp()
        if len(title.split()) >= 6:
            outlet = row["source"] if isinstance(row["source"], str) else str(row["source"])
            by_title[title][outlet] = min(at, by_title[title].get(outlet, math.inf))
    found = []
    for outlets in by_title.values():
        times = sorted(at for at in outlets.values() if at - min(outlets.values()) < TOGETHER_WITHIN)
        found += [times] if len(times) > 1 else []
    return found


def polled_at(published: float, interval: float, phase: float) -> float:
    """The first poll at or after publication."""
    return math.ceil((published - phase) / interval) * interval + phase


def one(times: list[float], interval: float, wait: float, feeds: int, draw: random.Random) -> tuple[float, int, int]:
    """Seconds until the alert, outlets that it names, and outlets that it would name after the whole wait."""
    phases = [draw.uniform(0, interval) for _ in range(max(feeds, len(times)))]
    seen = [polled_at(at, interval, phase) for at, phase in zip(times, phases, strict=False)]
    first = min(seen)
    still = [at for phase in phases if first < (at := polled_at(first + 1e-6, interval, phase)) <= first + wait]
    ends = min(max(still, default=first) + TICK, first + wait)
    return ends - first, sum(at <= ends for at in seen), sum(at <= first + wait for at in seen)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--wait", type=float, default=30.0)
    parser.add_argument("--feeds", type=int, default=26)
    asked = parser.parse_args()
    found, draw = events(asked.data), random.Random(1)
    print(f"{len(found)} events of {sum(map(len, found))} prints; wait of {asked.wait:.0f} s, {asked.feeds} feeds")
    print("interval | seconds to the alert p50 / p95 | alerts that name fewer outlets")
    for interval in INTERVALS:
        results = [one(times, interval, asked.wait, asked.feeds, draw) for times in found]
        took = sorted(each[0] for each in results)
        fewer = sum(named < whole for _, named, whole in results) / len(results)
        p95 = took[math.ceil(0.95 * len(took)) - 1]
        print(f"{interval:6} s | {statistics.median(took):5.1f} / {p95:5.1f} | {fewer:.1%}")


if __name__ == "__main__":
    main()
