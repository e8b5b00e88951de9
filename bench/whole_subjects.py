"""Quality of whole subjects: topics with a sentence and the sensitivity "broad", in a stream in which much is on the subject.

    python -m bench.whole_subjects DATA --vectors FILE [--draw 60] [--without]

DATA holds tracking/aspects_2022, FILE embeddings as bench/aspects.py keeps them (items without one are left out). No topic has a
seed. Printed are, for each subject, its matches, the recall of its labelled aspects (the labels are aspects, and not the whole
subject), and with --draw so many matches drawn by lot, to be read: how many are right. --without leaves out what the archive
teaches (monitor/matching/ordinary_news.py).
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from unittest import mock

import numpy as np

from bench import aspects, vectors
from bench.aspects import Pass, Stream
from monitor.matching import ordinary_news
from monitor.matching.semantic_topic import texts_of
from monitor.types.matching import Topic

SUBJECTS = {
    "ukraine-war": (
        "War in Ukraine",
        "Russia's invasion of Ukraine and everything about the war: fighting, attacks, diplomacy, sanctions, refugees and its "
        "consequences in the world.",
    ),
    "uk-conservative-government": (
        "Conservative government in Britain",
        "The Conservative government of Britain: what Boris Johnson, his ministers and the Conservative party do, decide and are "
        "accused of.",
    ),
    "us-supreme-court-abortion": (
        "Abortion in the United States",
        "Abortion in the United States: the Supreme Court, the laws of the states, clinics, patients and protests on both sides.",
    ),
    "us-mass-shootings": (
        "Mass shootings in the United States",
        "Mass shootings in the United States: the attacks, the victims, the gunmen, the police and the debate over gun laws.",
    ),
    "us-capitol-riot": (
        "The attack on the US Capitol",
        "The attack on the US Capitol of 6 January 2021: those who took part, Donald Trump's role, the investigations and trials.",
    ),
}


def topics() -> list[Topic]:
    """A topic for each subject."""
    return [
        Topic(name=name, title=title, description=sentence, seeds=(), sensitivity="broad")
        for name, (title, sentence) in SUBJECTS.items()
    ]


def labelled(root: Path, stream: Stream) -> dict[str, np.ndarray]:
    """For each subject the places of the items that are on one of its aspects."""
    subject_of = {
        row["topic"]: row["subject"] for row in json.loads((root / "tracking/aspects_2022/topics.json").read_text())
    }
    found: dict[str, set[int]] = {name: set() for name in SUBJECTS}
    for each in stream.topics:
        found[subject_of[each.name]].update(each.wanted)
    return {name: np.array(sorted(places)) for name, places in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, required=True)
    parser.add_argument("--draw", type=int, default=0)
    parser.add_argument("--without", action="store_true")
    asked = parser.parse_args()
    stream = aspects.aspects(asked.data)
    known = vectors.of_texts(asked.vectors, (each.excerpt for each in stream.items), known_only=True)
    stream = aspects.known_part(stream, known)
    known |= vectors.of_texts(
        asked.vectors, dict.fromkeys(text for each in topics() for text, _ in texts_of(each).values())
    )
    taught = property(lambda _: 0.0) if asked.without else ordinary_news.SubjectLikeness.weight
    with mock.patch.object(ordinary_news.SubjectLikeness, "weight", taught):
        _, matches = aspects.score_all(stream, topics(), Pass(topics(), known))
    _print(stream, matches, labelled(asked.data, stream), asked.draw)


def _print(stream: Stream, is_match: np.ndarray, wanted: dict[str, np.ndarray], draw: int) -> None:
    for at, (name, places) in enumerate(wanted.items()):
        matches = np.flatnonzero(is_match[:, at])
        print(
            f"{name:28} matches {len(matches):5} of {len(stream.items)}   recall of its aspects {is_match[places, at].mean():.3f}"
        )
        for place in sorted(random.Random(7).sample(matches.tolist(), min(draw, len(matches)))):
            item = stream.items[place]
            print(f"    {item.title[:100]} | {' '.join(item.text.split())[:90]}")


if __name__ == "__main__":
    main()
