"""Measures where the microseconds of one article go, stage by stage, beside those of another checkout and a lower bound.

    python -m bench.article [--against CHECKOUT] [--articles NEWS.jsonl] [--count 900] [--stored 10000] [--times 3]

Articles come in feeds of thirty, as teasers and as full texts, and go through what a poll does with them, into a SQLite store in
memory that is nearly empty, and into one that holds `--stored` articles. The texts are made up of the shipped English word list,
one in twenty on the event of another one, unless `--articles` names a file of real ones (lines as of `monitor backtest`). Printed
is the processor time of each stage of one article, without that of the stages it calls, the least of `--times` rounds. The lower
bound splits a text into words, compares their weights with one topic's and inserts the text as a row.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

_HERE = Path(__file__).parents[1]
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FEED_SIZE, TEASER_WORDS, TOPICS = 30, 40, 5
FEW = 60
"""Articles that every store holds: with the first ones, models and word lists are loaded."""
STAGES = (
    # stage, and where the pipeline calls it: a name that a checkout does not have is left out
    ("parse the feed", "monitor.reading.parse:parse"),
    ("entry to text", "monitor.reading.extract:extract"),
    ("entry to text", "monitor.reading.extract:read_articles"),
    ("walls", "monitor.reading.extract:is_wall"),
    ("language", "monitor.text.language:detect"),
    ("language", "monitor.text.language:detect_all"),
    ("terms and weights", "monitor.matching.matcher:_ArticleVector"),
    ("scores", "monitor.matching.matcher:Matcher.score"),
    ("evidence", "monitor.matching.matcher:Matcher._evidence"),
    ("self-training", "monitor.matching.matcher:Tracker.learn"),
    ("fingerprint", "monitor.polling.assess:fingerprint"),
    ("profile", "monitor.polling.assess:profile"),
    ("assess, the rest", "monitor.polling.assess:assess"),
    ("look up copies", "monitor.store.articles:find_candidates"),
    ("compare with copies", "monitor.polling.place:by_text"),
    ("boilerplate", "monitor.polling.place:without_boilerplate"),
    ("look up the event", "monitor.store.indexes.profiles:find_candidates"),
    ("compare with events", "monitor.polling.place:by_event"),
    ("read what is known, the rest", "monitor.polling.intake:read"),
    ("decide", "monitor.polling.intake:decide"),
    ("recount the stories", "monitor.store.story_changes:recount"),
    ("index for search", "monitor.store.indexes.word_index:index_words"),
    ("write, the rest", "monitor.polling.intake:write"),
)
ALL, BOUND = "one article, all of it", "lower bound"


class News(NamedTuple):
    """An article to be published."""

    title: str
    text: str
    url: str


class Stopwatch:
    """Processor time by stage, each without that of the stages that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[list[float]] = []

    def watch(self, stage: str, place: str) -> None:
        """Measure this function or class wherever it is called by this name."""
        module, _, path = place.partition(":")
        *owners, name = path.split(".")
        owner: Any = import_module(module)
        for each in owners:
            owner = getattr(owner, each)
        if (measured := getattr(owner, name, None)) is not None:
            setattr(owner, name, self._measured(stage, measured))

    def _measured(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def measured(*args: Any, **kwargs: Any) -> Any:
            running, of_others = self._running, [0.0]
            running.append(of_others)
            began = time.process_time()
            try:
                return call(*args, **kwargs)
            finally:
                took = time.process_time() - began
                running.pop()
                self.seconds[stage] += took - of_others[0]
                if running:
                    running[-1][0] += took

        return measured


# --- the news -----------------------------------------------------------------------------------------------------------


def made_up(count: int, *, words: int) -> list[News]:
    """Articles of the shipped word list; one in twenty tells of the event of one of the first topics' seeds."""
    from bench.growth import Newsroom

    room = Newsroom()
    own = [room.article(number) for number in range(count + TOPICS)]
    found = []
    for number, each in enumerate(own):
        title, text = each.title, each.text
        if number >= TOPICS and number % 20 == 0:
            event = own[number // 20 % TOPICS]
            mixed = event.text.split()[::2] + text.split()[1::2]
            title, text = f"{' '.join(event.title.split()[:4])} {' '.join(title.split()[:3])}", " ".join(mixed)
        lines = [" ".join(line) + "." for line in _slices(text.split()[:words], 18)]
        found.append(News(title, "\n".join(lines), each.url))
    return found


def real(file: Path, count: int, *, words: int) -> list[News]:
    """The first articles of a file."""
    with file.open() as lines:
        rows = [json.loads(line) for line, _ in zip(lines, range(count + TOPICS), strict=False)]
    return [
        News(row["title"], _first_words(row.get("text") or "", words), row.get("url") or f"https://n.example/{at}")
        for at, row in enumerate(rows)
    ]


def _slices(of: Sequence[Any], size: int) -> list[Sequence[Any]]:
    return [of[at : at + size] for at in range(0, len(of), size)]


def _first_words(text: str, words: int) -> str:
    return text if len(text.split()) <= words else " ".join(text.split()[:words])


def _feeds(news: Sequence[News]) -> list[bytes]:
    from tests.fakes.site import rss

    ages = (NOW - timedelta(minutes=len(news) - at) for at in range(len(news)))
    items = [
        (each.title, each.url, str(at), "".join(f"<p>{line}</p>" for line in each.text.split("\n")), date)
        for at, (each, date) in enumerate(zip(news, ages, strict=True))
    ]
    return [rss(*some) for some in _slices(items, FEED_SIZE)]


# --- the pipeline -------------------------------------------------------------------------------------------------------


def measure(asked: argparse.Namespace) -> dict[str, float]:
    """Microseconds of one article by stage, of the code that is on the path."""
    words = TEASER_WORDS if asked.of == "teaser" else 100_000
    count = asked.count + asked.stored
    news = real(asked.articles, count, words=words) if asked.articles else made_up(count, words=words)
    seeds, news = news[:TOPICS], news[TOPICS:]
    stored, measured = news[: asked.stored], news[asked.stored :]
    from monitor.store.db import Database

    with closing(Database("sqlite://")) as database:
        watch, poll = Stopwatch(), _poller(database, seeds)
        poll(_feeds(stored))
        for stage, place in STAGES:
            watch.watch(stage, place)
        began = time.process_time()
        poll(_feeds(measured))
        took = time.process_time() - began
    rest = took - sum(watch.seconds.values())
    bound = _lower_bound(seeds[0], measured)
    seconds = {**watch.seconds, "commit and the rest": rest, ALL: took, BOUND: bound}
    return {stage: 1e6 * spent / len(measured) for stage, spent in seconds.items()}


def _poller(database: Any, seeds: Sequence[News]) -> Callable[[Sequence[bytes]], None]:
    from monitor.learning.tracker import Tracker
    from monitor.matching.background import Background
    from monitor.matching.matcher import build
    from monitor.polling import assess, intake
    from monitor.polling.values import AlertingContext
    from monitor.reading import extract, parse
    from monitor.store import articles, migrate
    from monitor.types.matching import Seed, Topic
    from monitor.types.stories import Arrival

    topics = [
        Topic(name=f"topic-{at}", title=f"Topic {at}", seeds=(Seed(file="seed", title=each.title, text=each.text, language="en"),))
        for at, each in enumerate(seeds)
    ]  # fmt: skip
    migrate.upgrade(database)
    tracker = Tracker(build(topics, background=Background.shipped()))
    context = AlertingContext(topics={each.name: each for each in topics})

    numbers = itertools.count()

    def poll(feeds: Sequence[bytes]) -> None:
        for number, body in zip(numbers, feeds, strict=False):
            parsed = parse.read_feed(body, f"https://n{number}.example/feed", "application/rss+xml", NOW)
            read = extract.read_articles(parsed.entries, f"n{number}", NOW, parsed.language)
            assessed = [
                assess.assess(
                    each,
                    tracker,
                    arrival=Arrival(max_age_for=None),
                    sighting=articles.Sighting(feed_id=1, guid=f"{number}-{each.guid}", content_key=1),
                )
                for each in read
            ]
            with _transaction(database) as session:
                if file_all := getattr(intake, "file_articles", None):
                    file_all(session, [(each, NOW) for each in assessed], context)
                else:  # an earlier checkout
                    for each in assessed:
                        intake.file_article(session, each, context, now=NOW)
            assess.confirm_stored(assessed, tracker)

    with database.writing() as session:
        _add_feed(session)
    return poll


def _transaction(database: Any) -> AbstractContextManager[Any]:
    opened: AbstractContextManager[Any] = database.writing()
    return opened


def _add_feed(session: Any) -> None:
    from monitor.store.tables.feeds import FeedRow

    session.add(
        FeedRow(
            id=1, name="n1", url="https://n1.example/feed", host="n1.example", interval_seconds=900, next_poll_at=NOW
        )
    )


def _lower_bound(topic: News, news: Sequence[News]) -> float:
    """Seconds for words, one cosine and one row of each article."""
    from monitor.matching.background import Background
    from monitor.matching.model import vector
    from monitor.matching.term_vectors import dot
    from monitor.text.tokens import tokens

    background = Background.shipped()
    wanted, idf = vector(topic.title, topic.text, "en", background), background.table("en").idf
    with closing(sqlite3.connect(":memory:")) as store:
        store.execute("CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT, text TEXT, score REAL)")
        began = time.process_time()
        for each in news:
            found = dict.fromkeys(tokens(f"{each.title} {each.text}"), 0.0)
            for word in found:
                found[word] = idf[word]
            store.execute("INSERT INTO articles (title, text, score) VALUES (?, ?, ?)", (*each[:2], dot(found, wanted)))
        store.commit()
        return time.process_time() - began


# --- side by side -------------------------------------------------------------------------------------------------------


def _round(checkout: Path, asked: argparse.Namespace, of: str, stored: int) -> dict[str, float]:
    """One round of a checkout's code, measured by this module in a process of its own."""
    given = [f"--of={of}", f"--stored={stored}", f"--count={asked.count}", "--measure"]
    given += [f"--articles={asked.articles.resolve()}"] if asked.articles else []
    with tempfile.TemporaryDirectory() as byte_code:
        said = subprocess.run(
            [sys.executable, "-P", __file__, *given],
            stdout=subprocess.PIPE,
            check=True,
            cwd=byte_code,
            env=os.environ | {"PYTHONPATH": f"{checkout}"},
        )
    return {stage: float(spent) for stage, spent in json.loads(said.stdout).items()}


def _least(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return min(rounds, key=lambda each: each[ALL])


def _print(of: str, stored: int, before: dict[str, float] | None, here: dict[str, float]) -> None:
    print(
        f"\n{of}, into a store of {stored:,} articles" + (f"{'against':>22}{'here':>9}{'ratio':>8}" if before else "")
    )
    for stage in dict.fromkeys([*(stage for stage, _ in STAGES), *here]):
        spent, earlier = here.get(stage, 0.0), before.get(stage, 0.0) if before else 0.0
        compared = (
            f"{earlier:>12.0f}{spent:>9.0f}{spent / earlier if earlier else 0:>8.2f}" if before else f"{spent:>9.0f}"
        )
        print(f"  {stage:<38}{compared}")
    print(f"  {1e6 / here[ALL]:.0f} articles a second, {here[ALL] / here[BOUND]:.1f} times the lower bound", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, help="another checkout, which is measured in turn with this one")
    parser.add_argument("--articles", type=Path, help="real articles, one JSON object a line; default: made-up ones")
    parser.add_argument("--count", type=int, default=900)
    parser.add_argument("--stored", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--of", choices=("teaser", "full text"), help="only these; default: both")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(json.dumps(measure(asked)))
        return
    for of in [asked.of] if asked.of else ["teaser", "full text"]:
        for stored in dict.fromkeys([FEW, max(FEW, asked.stored)]):
            checkouts = [*([asked.against.resolve()] if asked.against else []), _HERE]
            rounds = [[_round(each, asked, of, stored) for each in checkouts] for _ in range(asked.times)]
            *before, here = (_least(column) for column in zip(*rounds, strict=True))
            _print(of, stored, before[0] if before else None, here)


if __name__ == "__main__":
    main()
