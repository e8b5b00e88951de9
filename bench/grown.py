"""What grows with the store, on both databases: start of a command, its memory, cost of an article, look-ups, search, pages, bytes.

    export OPENBLAS_NUM_THREADS=1   # as monitor/__main__.py does
    python -m bench.grown [--sizes 100,1000,10000,100000] [--databases sqlite,postgresql] [--found FILE] [--picture FILE]

No data is needed: `bench.growth` fills the store, here with the search index, a story for each article and a match for every tenth.
Costs are processor time, of PostgreSQL's processes too, commits included, but for searches, whose time is by the clock. A start is
`monitor poll` without feeds; memory is the most that it held. Of pages it is the mean of some requests within this process. FILE
keeps what was measured, a line a size and run: a picture shows the least of several runs, as other work only adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from html import escape
from pathlib import Path
from statistics import quantiles

from sqlalchemy import insert
from starlette.testclient import TestClient

from bench import growth, start
from monitor.config.settings import WebSettings
from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_articles
from monitor.polling.values import AlertingContext
from monitor.store import articles as store
from monitor.store.db import Database
from monitor.store.indexes import profiles as profile_rows
from monitor.store.indexes import word_index
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryRow
from monitor.stories import profiles
from monitor.stories.fingerprint import fingerprint
from monitor.topics import seeds
from monitor.types.matching import Article
from monitor.types.stories import Arrival
from monitor.web.app import create_app
from monitor.web.health import Health
from tests.fakes.patience import soon

_HERE = Path(__file__).parents[1]
ARRIVALS, A_POLL, SEARCHES, REQUESTS = 200, 5, 300, 25
_A_MATCH, _JUDGED = 10, 3
"""One article in so many matches a topic, and one match in so many is judged."""
_FILLED_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Measured:
    """A store of one size."""

    database: str
    size: int
    figures: dict[str, float]


FIGURES = {
    "start": "start of `monitor poll`, CPU s",
    "memory": "memory of it, MB",
    "ready": "daemon until /healthz, s by the clock",
    "article": "an article: assess, decide, write, ms CPU",
    "lookup": "look-up of copies and events, ms CPU",
    "search": "search, p99, ms by the clock",
    "inbox": "inbox, a page, ms CPU",
    "found": "inbox with words searched, ms CPU",
    "story": "story, a page, ms CPU",
    "bytes": "on disk, MB a thousand articles",
}


def measure(sizes: Sequence[int], names: Sequence[str]) -> list[Measured]:
    """Each database at each size."""
    found = []
    for name in names:
        with growth._OPENED[name]() as database:
            room, count = growth.Newsroom(), 0
            shelf = seeds.load(_HERE / "seeds")
            matcher = build(shelf.topics, background=Background.shipped())
            pool = [room.article(number) for number in range(300)]
            profiled = [profiles.profile(each, matcher.rarity("en")) for each in pool]
            growth._without_indexes(database)
            for size in sizes:
                while count < size:
                    ids = range(count + 1, min(size, count + _FILLED_AT_ONCE) + 1)
                    growth._fill(database, ids, pool, profiled, seed=count)
                    _index_words(database, ids, pool)
                    _match(database, ids, [each.name for each in shelf.topics])
                    count = ids[-1]
                if not database.is_sqlite:
                    growth._run(database, f"SELECT setval(pg_get_serial_sequence('articles', 'id'), {count})")
                with growth._indexed(database):
                    found.append(Measured(name, size, _figures(database, room, matcher, size)))
                    print(f"{name:<11}{size:>9,}  " + json.dumps(found[-1].figures), flush=True)
                count = _latest(database)
    return found


def _figures(database: Database, room: growth.Newsroom, matcher: Matcher, size: int) -> dict[str, float]:
    in_bytes = sum(growth._bytes(database).values())
    seconds, memory = _start(database)
    arrivals = [room.article(10**8 + size + number) for number in range(ARRIVALS)]
    return {
        "start": round(seconds, 2),
        "memory": round(memory),
        "ready": round(_ready(database), 2),
        "lookup": round(_look_ups(database, arrivals, matcher), 2),
        "article": round(_articles(database, arrivals, matcher), 2),
        "search": round(_searches(database, room), 1),
        "bytes": round(in_bytes / size / 1e3, 2),
        **_pages(database, room, size),
    }


def _articles(database: Database, arrivals: Sequence[Article], matcher: Matcher) -> float:
    used, ordinary = 0.0, Arrival()
    for first in range(0, len(arrivals), A_POLL):
        before = _used(database)
        with database.writing() as session:
            assessed = [assess(each, matcher, arrival=ordinary) for each in arrivals[first : first + A_POLL]]
            file_articles(session, [(each, growth.NOW) for each in assessed], AlertingContext())
        used += _used(database) - before if first else 0.0  # the first poll compiles statements
    return 1e3 * used / (len(arrivals) - A_POLL)


def _used(database: Database) -> float:
    """Processor seconds so far: of this process, and of all of PostgreSQL's that serve it."""
    if database.is_sqlite:
        return time.process_time()
    with database.reading() as session:
        asked = session.connection().exec_driver_sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
        )
        files = [Path(f"/proc/{pid}/schedstat") for (pid,) in asked]
    return time.process_time() + sum(int(each.read_text().split()[0]) for each in files) / 1e9


def _pages(database: Database, room: growth.Newsroom, size: int) -> dict[str, float]:
    """Milliseconds of each page."""
    dice = random.Random(5)
    words = [*room.common[500:], *room.rare]
    pages = {
        "inbox": lambda: f"/?page={dice.randint(1, max(1, min(20, size // 1000)))}",
        "found": lambda: f"/?state=all&q={dice.choice(words)}",
        "story": lambda: f"/stories/{dice.randint(1, size)}",
    }
    health = Health(beats={"poll": growth.NOW})
    app = create_app(database, WebSettings(), clock=lambda: growth.NOW, health=lambda: health)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        return {name: round(_page(database, client, address), 1) for name, address in pages.items()}


def _page(database: Database, client: TestClient, address: Callable[[], str]) -> float:
    for _ in range(3):
        client.get(address()).raise_for_status()
    before = _used(database)
    for _ in range(REQUESTS):
        client.get(address()).raise_for_status()
    return 1e3 * (_used(database) - before) / REQUESTS


def _match(database: Database, ids: range, topics: Sequence[str]) -> None:
    """A story for each of these articles, and a match for every tenth."""
    at = {number: growth.NOW - growth.SPAN_FOR + timedelta(seconds=number) for number in ids}
    stories = [
        {"id": number, "lead_article_id": number, "first_seen_at": at[number], "last_seen_at": at[number]}
        for number in ids
    ]
    matches = [
        {
            "article_id": number, "story_id": number, "topic": topics[number // _A_MATCH % len(topics)], "score": 0.4,
            "threshold": 0.3, "evidence": _EVIDENCE, "reason": "ALERTED", "created_at": at[number],
            "is_relevant": None if number // _A_MATCH % _JUDGED else True,
            "reviewed_at": None if number // _A_MATCH % _JUDGED else at[number],
        }
        for number in ids if number % _A_MATCH == 0
    ]  # fmt: skip
    with database.writing() as session:
        session.connection().execute(insert(StoryRow), stories)
        session.connection().execute(insert(MatchRow), matches)


_EVIDENCE = {
    "terms": [{"term": f"word{number}", "weight": 0.1} for number in range(12)],
    "sentence": "A sentence. " * 6,
}


def _look_ups(database: Database, arrivals: Sequence[Article], matcher: Matcher) -> float:
    with database.reading() as session:
        clock = growth._cpu(session)
        asked = [
            (each, fingerprint(each.title, each.text), profiles.profile(each, matcher.rarity("en")))
            for each in arrivals
        ]
        before = clock()
        for each, found, own in asked:
            store.find_candidates(session, each, found, None, now=growth.NOW)
            profile_rows.find_candidates(session, own, now=growth.NOW)
        return 1e3 * (clock() - before) / len(asked)


def _searches(database: Database, room: growth.Newsroom) -> float:
    dice, took = random.Random(3), []
    with database.reading() as session:
        for _ in range(SEARCHES):
            words = [*dice.sample(room.common[200:], dice.randint(0, 2)), dice.choice(room.rare)]
            before = time.perf_counter()
            word_index.find_by_words(session, " ".join(words), limit=500)
            took.append(1e3 * (time.perf_counter() - before))
    return quantiles(took, n=100)[98]


def _settings(database: Database, folder: str, page: str) -> Path:
    config, url = Path(folder) / "monitor.toml", database.url.render_as_string(hide_password=False)
    config.write_text(
        f'[store]\nurl = "{url}"\n[seeds]\ndir = "{_HERE}/seeds"\n[web]\n{page}\n[embedding]\nembedder = "none"\n'
    )
    return config


def _ready(database: Database) -> float:
    """Seconds from the start of a daemon without feeds until its /healthz answers 200, the least of three."""
    with tempfile.TemporaryDirectory() as name:
        config = _settings(database, name, f"port = {start.free_port()}")
        return min(_ready_once(config) for _ in range(3))


def _ready_once(config: Path) -> float:
    began = time.perf_counter()
    daemon = subprocess.Popen(
        [sys.executable, "-m", "monitor", "--config", str(config), "run"],
        cwd=config.parent,
        env=os.environ | {"PYTHONPATH": str(_HERE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        soon(lambda: start.is_ready(config))
        return time.perf_counter() - began
    finally:
        daemon.terminate()
        daemon.wait()


def _start(database: Database) -> tuple[float, float]:
    """Processor seconds and MB of `monitor poll` without feeds, the second time."""
    with tempfile.TemporaryDirectory() as name:
        config = _settings(database, name, "enabled = false")
        command = [sys.executable, "-m", "monitor", "--config", str(config), "poll"]
        for _ in range(2):
            answer = subprocess.run(
                [sys.executable, "-c", _LAUNCHER, *command],
                cwd=name,
                env=os.environ | {"PYTHONPATH": str(_HERE)},
                capture_output=True,
                check=True,
            )
    seconds, kilobytes = json.loads(answer.stdout.splitlines()[-1])
    return float(seconds), kilobytes / 1024


_LAUNCHER = """
import os, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(child.pid, 0)
assert not status, status
print([used.ru_utime + used.ru_stime, used.ru_maxrss])
"""
"""A process of its own, as the most that a process held counts from that of the one which began it."""


def _index_words(database: Database, ids: range, pool: Sequence[Article]) -> None:
    with database.writing() as session:
        for number in ids:
            each = pool[number % len(pool)]
            word_index.index_words(session, number, each.title, each.text)


def _latest(database: Database) -> int:
    with database.reading() as session:
        return int(session.connection().exec_driver_sql("SELECT max(id) FROM articles").scalar() or 0)


# --- the picture --------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _COLUMNS = 300, 190, 3
_COLOURS = {"sqlite": "#0b6e99", "postgresql": "#b3541e"}


def picture(found: Sequence[Measured]) -> str:
    """All figures over the number of stored articles, as SVG."""
    names, sizes = list(dict.fromkeys(each.database for each in found)), sorted({each.size for each in found})
    panels = "".join(_panel(number, key, found, names, sizes) for number, key in enumerate(FIGURES))
    width, height = _COLUMNS * _WIDTH, -(-len(FIGURES) // _COLUMNS) * _HEIGHT + 24
    legend = "".join(
        f'<text x="{12 + 110 * at}" y="{height - 8}" fill="{_COLOURS[each]}">{escape(each)}</text>'
        for at, each in enumerate(names)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{panels}{legend}</svg>\n'
    )


def _panel(number: int, key: str, found: Sequence[Measured], names: Sequence[str], sizes: Sequence[int]) -> str:
    left, top = number % _COLUMNS * _WIDTH + 40, number // _COLUMNS * _HEIGHT + 34
    width, height = _WIDTH - 70, _HEIGHT - 70
    most = max(each.figures[key] for each in found) * 1.15 or 1.0

    def x(size: int) -> float:
        return left + width * sizes.index(size) / max(1, len(sizes) - 1)

    def y(value: float) -> float:
        return top + height * (1 - value / most)

    parts = [f'<text x="{left - 28}" y="{top - 14}" font-weight="bold">{escape(FIGURES[key].replace("`", ""))}</text>']
    parts += [f'<path d="M{left} {top}V{top + height}H{left + width}" stroke="#888" fill="none"/>']
    parts += [
        f'<text x="{x(each):.0f}" y="{top + height + 16}" text-anchor="middle" fill="#444">{each:,}</text>'
        for each in sizes
    ]
    for name in names:
        of = [each for each in found if each.database == name]
        line = " ".join(f"{x(each.size):.1f},{y(each.figures[key]):.1f}" for each in of)
        parts += [f'<polyline points="{line}" fill="none" stroke="{_COLOURS[name]}" stroke-width="2"/>']
        parts += [
            f'<text x="{x(each.size):.0f}" y="{y(each.figures[key]) + _lift(each, key, found, y):.0f}" text-anchor="middle" '
            f'fill="{_COLOURS[name]}">{each.figures[key]:g}</text>'
            for each in of
        ]
    return "".join(parts)


def _lift(each: Measured, key: str, found: Sequence[Measured], y: Callable[[float], float]) -> int:
    """Where a figure stands above or below its point: beside another database's, the higher one above and the other below, or both
    above where there is no room."""
    value = each.figures[key]
    others = [other.figures[key] for other in found if other.size == each.size and other is not each]
    lowest = y(0.0) - 16
    if any(other < value for other in others):
        return -20 if all(y(figure) > lowest for figure in (value, *others)) else -7
    return 14 if others and y(value) <= lowest else -6


def _least(found: Iterable[Measured]) -> list[Measured]:
    """One for each database and size, with the least of each figure."""
    by_size: dict[tuple[str, int], list[Measured]] = {}
    for each in found:
        by_size.setdefault((each.database, each.size), []).append(each)
    return [
        Measured(*at, {name: min(each.figures[name] for each in runs) for name in runs[0].figures})
        for at, runs in by_size.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000,100000")
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument("--found", type=Path)
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args()
    sizes = [int(each) for each in asked.sizes.split(",") if each]
    found = measure(sizes, asked.databases.split(",")) if sizes else []
    if asked.found:
        with asked.found.open("a+") as file:
            file.writelines(json.dumps(asdict(each)) + "\n" for each in found)
            file.seek(0)
            found = _least(Measured(**json.loads(line)) for line in file)
    if asked.picture:
        asked.picture.write_text(picture(found))


if __name__ == "__main__":
    main()
