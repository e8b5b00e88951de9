"""What the gate before the embedder lets through (matching.embedding_gate), and what it loses.

    python bench/embedding_gate.py SEEDS BRIEFS.jsonl [NOISE.jsonl.gz ...]

SEEDS is a folder of topics. BRIEFS has a JSON object in each line, with title, summary, language and, for the topics, true or false
under `recognition` and `moscow`. NOISE has objects with title, and perhaps summary and language, that are on no topic. Prints, for
each language, how many briefs on a topic are let through, and how much of the noise.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor.matching.background import Background
from monitor.matching.embedding_gate import consonants_of, is_likely, names_in
from monitor.matching.margins import margin
from monitor.matching.matcher import Matcher, build
from monitor.topics import seeds

_ON_A_TOPIC = ("recognition", "moscow")


def gate_loss(
    matcher: Matcher, names: frozenset[str], lines: Iterator[dict[str, Any]]
) -> tuple[Counter[str], Counter[str]]:
    """By language: how many of these articles there are, and how many the gate lets through."""
    total, passed = Counter[str](), Counter[str]()
    for line in lines:
        title, text = line.get("title") or "", line.get("summary") or line.get("text") or ""
        language = line.get("language") or "en"
        scores = matcher.score(title, text, language)
        total[language] += 1
        margins = (margin(each.score, each.threshold, each.factor) for each in scores)
        passed[language] += is_likely(margins, consonants_of(f"{title} {text}"), names)
    return total, passed


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        yield from map(json.loads, file)


def _print(what: str, total: Counter[str], passed: Counter[str]) -> None:
    shares = ", ".join(f"{each} {passed[each]}/{total[each]}" for each in sorted(total))
    print(f"{what}: {passed.total()} of {total.total()} let through ({shares})")


def main() -> None:
    """Print both shares."""
    folder, briefs, *noise = map(Path, sys.argv[1:])
    topics = seeds.load(folder).topics
    matcher = build(topics, background=Background.shipped())
    names = names_in(topics)
    wanted = (line for line in _lines(briefs) if any(line.get(each) for each in _ON_A_TOPIC))
    _print("on a topic", *gate_loss(matcher, names, wanted))
    for path in noise:
        _print(path.name, *gate_loss(matcher, names, _lines(path)))


if __name__ == "__main__":
    main()
