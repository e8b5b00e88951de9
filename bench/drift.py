"""How far what a topic matches leaves its sentence and seeds: where a notice would come, and what the matches were worth.

    python bench/drift.py DATA --vectors FILE

DATA, FILE: see bench/aspects.py (items without an embedding are left out). For each topic of aspects_2022, with and without its
sentence, one and two seeds: the mean nearness of the first and of the latest 20 matches by meaning and by words, whether
`learning.drift` tells of it at any match, and the precision of the first and of the second half of its matches.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

try:
    from bench import aspects, vectors
except ModuleNotFoundError:  # run as a script from elsewhere
    import aspects
    import vectors

from monitor.learning.drift import compare
from monitor.matching.tuning import DRIFT_MATCHES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, required=True)
    options = parser.parse_args()
    whole = aspects.aspects(options.data)
    known = vectors.of_texts(options.vectors, [each.excerpt for each in whole.items], known_only=True)
    stream = aspects.known_part(whole, known)
    tried = [each for each in aspects.trials(stream) if each.count in (1, 2)]
    run = aspects.Pass([each.topic for each in tried], known)
    _, matches = aspects.score_all(stream, run.topics, run)
    for at, trial in enumerate(tried):
        judged = trial.judged(stream)
        found = [int(place) for place in judged.ranked if matches[place, at]]
        wanted = np.isin(found, trial.labels.wanted)
        half = len(found) // 2
        print(
            f"{trial.name:32s} {len(found):4d} matches | precision {_mean(wanted[:half])} {_mean(wanted[half:])}",
            end="",
        )
        for name, nearness in (
            ("meaning", _by_embedding(run, trial, stream, found)),
            ("words", _by_words(run, trial, stream, found)),
        ):
            told = [end for end in range(2 * DRIFT_MATCHES, len(nearness) + 1) if compare(nearness[:end]).has_drifted]
            first, latest = nearness[:DRIFT_MATCHES], nearness[-DRIFT_MATCHES:]
            print(f" | {name} {_mean(first)} {_mean(latest)} {f'told at {told[0]}' if told else ''}", end="")
        print()


def _mean(values: object) -> str:
    found = np.asarray(values, float)
    return f"{found.mean():.2f}" if len(found) else " -  "


def _by_embedding(run: aspects.Pass, trial: aspects.Trial, stream: aspects.Stream, found: list[int]) -> list[float]:
    items = [stream.items[place] for place in found]
    near = [run.model.nearness(trial.name, run.known[aspects.key(each.excerpt)], each.language) for each in items]
    return [each for each in near if each is not None]


def _by_words(run: aspects.Pass, trial: aspects.Trial, stream: aspects.Stream, found: list[int]) -> list[float]:
    items = [stream.items[place] for place in found]
    near = [run.matcher.nearness(trial.name, each.title, each.text, each.language) for each in items]
    return [each for each in near if each is not None]


if __name__ == "__main__":
    main()
