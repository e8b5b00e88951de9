"""How long a person waits at the command line, in seconds of one core: learning from verdicts, and the look at the seeds.

    python bench/waiting.py

A thousand verdicts on fifty topics are calibrated (asked: within a second), and thirty topics of four seeds are looked at beside
300 archived articles, as `monitor topics check` does. All texts are made up. Ends with 1 where either takes too long.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from pathlib import Path

from monitor.matching.background import Background
from monitor.matching.calibration import LabelledScore, calibrate
from monitor.topics.lint import lint
from monitor.types.matching import Seed, Topic

MOST = {"calibrate 1,000 verdicts on 50 topics": 1.0, "look at 30 topics of 4 seeds": 6.0}


def verdicts() -> list[LabelledScore]:
    """Twenty a topic, which follow a curve."""
    draw, found = random.Random(1), []
    for at in range(1_000):
        where = draw.uniform(-0.5, 0.8)
        is_relevant = draw.random() < 1 / (1 + math.exp(-6 * where))
        found.append(LabelledScore(f"topic{at % 50}", f"text{at}", where, is_relevant, is_match=where >= 0))
    return found


def shelf() -> list[Topic]:
    """Thirty topics of four seeds."""
    return [
        Topic(
            name=f"topic{at}",
            title=f"topic{at}",
            seeds=tuple(
                Seed(
                    file=f"{of}.txt", title=f"Seed {of}", text=f"{talk(at * 9 + of)} {talk(at * 5 + of)}", language="en"
                )
                for of in range(4)
            ),
        )
        for at in range(30)
    ]


def talk(number: int) -> str:
    """One of many sentences on nothing much."""
    words = (
        *("apples", "pears", "plums", "bread", "eggs", "fish", "honey", "wool", "linen"),
        *("soap", "candles", "lamps", "chairs", "books", "maps", "ink", "ropes", "bells"),
    )
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7, 11)]
    return f"On day {number} the market sold {', '.join(sold)}, and the traders were content with what they took home."


def seconds(work: Callable[[], object]) -> float:
    """Of this process's core."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> int:
    pool, topics, background = verdicts(), shelf(), Background.shipped()
    news = [(f"News {at}", talk(at), "en") for at in range(300)]
    took = dict(
        zip(
            MOST,
            (
                seconds(lambda: calibrate(pool)),
                seconds(lambda: lint(topics, root=Path("seeds"), background=background, archive=news)),
            ),
            strict=True,
        )
    )
    for what, found in took.items():
        print(f"{what}: {found:.2f} s (at most {MOST[what]:g})")
    return int(any(found > MOST[what] for what, found in took.items()))


if __name__ == "__main__":
    raise SystemExit(main())
