"""Measures the CPU time of operations that somebody waits for (tests measure none), and compares it with fixed limits.

    python bench/waiting.py

Measured are: calibrating 1,000 verdicts on 50 topics (required: within a second); checking 30 topics of 4 seeds against 300
archived articles, as `monitor topics check` does; the cost of each article (language, scores on 30 topics) and of a verdict among
400 topics; and what hostile input could make expensive: long articles, markup bombs, two long versions of a text, a worker
process that must be killed. All texts are generated. Exits with 1 where a limit is exceeded.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.matching.background import Background
from monitor.matching.calibration import LabelledScore, calibrate
from monitor.matching.matcher import build
from monitor.reading.extract import extract
from monitor.reading.workers import Workers
from monitor.stories.changes import compare
from monitor.text import language
from monitor.topics.lint import lint
from monitor.types.errors import ParseError
from monitor.types.fetching import Entry
from monitor.types.matching import Seed, Topic

NOW = datetime(2026, 11, 20, tzinfo=UTC)
HEADLINES = (
    "Parliament votes on the budget after a long debate",
    "Le parlement adopte le budget après un long débat",
    "Парламент принял бюджет после долгих споров",
)


def verdicts() -> list[LabelledScore]:
    """Twenty per topic, drawn from a logistic curve."""
    draw, found = random.Random(1), []
    for at in range(1_000):
        where = draw.uniform(-0.5, 0.8)
        is_relevant = draw.random() < 1 / (1 + math.exp(-6 * where))
        found.append(LabelledScore(f"topic{at % 50}", f"text{at}", where, is_relevant, is_match=where >= 0))
    return found


def topics_of_four_seeds() -> list[Topic]:
    """Thirty topics of four seeds."""
    return [
        Topic(
            name=f"topic{at}",
            title=f"topic{at}",
            seeds=tuple(
                Seed(
                    file=f"{of}.txt",
                    title=f"Seed {of}",
                    text=f"{sentence(at * 9 + of)} {sentence(at * 5 + of)}",
                    language="en",
                )
                for of in range(4)
            ),
        )
        for at in range(30)
    ]


def topics_of_one_seed(count: int) -> list[Topic]:
    """`count` topics of one seed each."""
    return [
        Topic(
            name=f"topic{at}",
            title=f"topic{at}",
            seeds=(Seed(file="0.txt", title=f"Seed {at}", text=f"{sentence(at)} {sentence(at * 7)}", language="en"),),
        )
        for at in range(count)
    ]


def sentence(number: int) -> str:
    """One of many sentences about nothing in particular."""
    words = (
        *("apples", "pears", "plums", "bread", "eggs", "fish", "honey", "wool", "linen"),
        *("soap", "candles", "lamps", "chairs", "books", "maps", "ink", "ropes", "bells"),
    )
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7, 11)]
    return f"On day {number} the market sold {', '.join(sold)}, and the traders were content with what they took home."


def scored(articles: int) -> None:
    """Score articles that match nothing on 30 topics."""
    matcher = build(topics_of_one_seed(30), background=Background.shipped())
    for at in range(articles):
        matcher.score(
            HEADLINES[0], f"Members of parliament passed budget {at} late on Thursday after a long debate.", "en"
        )


def relearned(topics: int) -> Callable[[], object]:
    """Rebuild one topic among `topics`."""
    all_topics, background = topics_of_one_seed(topics), Background.shipped()
    before = build(all_topics, background=background)
    return lambda: before.with_topics(all_topics, build(all_topics[7:8], background=background))


def compared() -> None:
    """Compare two versions of 3,000 sentences, no two of which are equal."""
    one = "\n".join(f"Sentence number {at} speaks of Nobody{at} else." for at in range(3000))
    other = "\n".join(f"Sentence number {at + 1} speaks about Nothing{at} more." for at in range(3000))
    compare("", one, "", other)


def extracted() -> None:
    """Extract the text from markup bombs: open tags, entities, brackets."""
    for bomb in ("<b>" * 40_000, "<ul><li>" * 20_000, "&lt;" * 30_000, "<" * 64_000, "<p>[" * 20_000):
        entry = Entry(guid="1", url="https://e.example/1", title="A", content_html=f"{bomb}text", summary_html=bomb)
        extract(entry, source="Wire", seen_at=NOW)


def killed() -> float:
    """Wall-clock seconds from the time limit of a call until its killed worker process is replaced and answers."""

    async def measured() -> float:
        with Workers(limit_for=timedelta(seconds=1)) as workers:
            await workers.start()
            began = time.monotonic()
            try:
                await workers.run(time.sleep, 600)
            except ParseError:
                await workers.run(os.getpid)
            return time.monotonic() - began - 1.2

    return asyncio.run(measured())


def seconds(work: Callable[[], object]) -> float:
    """The CPU seconds of `work`."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    pool, topics, background = verdicts(), topics_of_four_seeds(), Background.shipped()
    news = [(f"News {at}", sentence(at), "en") for at in range(300)]
    huge = sentence(1) * 40_000
    language.preload()
    measures: list[tuple[str, float, Callable[[], float]]] = [
        ("calibrate 1,000 verdicts on 50 topics", 1.0, lambda: seconds(lambda: calibrate(pool))),
        (
            "check 30 topics of 4 seeds",
            6.0,
            lambda: seconds(lambda: lint(topics, root=Path("seeds"), background=background, archive=news)),
        ),
        ("score 1,000 articles on 30 topics", 1.5, lambda: seconds(lambda: scored(1_000))),
        (
            "detect the language of 900 headlines",
            0.5,
            lambda: seconds(lambda: list(map(language.detect, HEADLINES * 300))),
        ),
        ("rebuild one topic of 400", 0.2, lambda: seconds(relearned(400))),
        (
            "score an article of 5 MB",
            10.0,
            lambda: seconds(lambda: build(topics_of_one_seed(1), background=background).score("Huge", huge, "en")),
        ),
        ("compare two texts of 3,000 sentences", 1.0, lambda: seconds(compared)),
        ("extract five markup bombs", 2.0, lambda: seconds(extracted)),
        ("replace a killed worker process", 2.0, killed),
    ]
    is_slow = False
    for what, limit, work in measures:
        took = work()
        is_slow |= took > limit
        print(f"{what}: {took:.2f} s (at most {limit:g})")
    return int(is_slow)


if __name__ == "__main__":
    raise SystemExit(main())
