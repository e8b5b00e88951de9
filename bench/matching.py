"""Quality of topic matching on labelled news: a baseline and ours, side by side.

    python bench/matching.py DATA [--sets newsapi ecbplus basil] [--cold] [--still] [--topics]      DATA or MONITOR_DATA: see below
    python bench/matching.py --cost

DATA is a folder with tracking/newsapi_2020, tracking/ecbplus and tracking/basil, laid out as in the evaluation data of the
project. Its texts belong to their publishers and are not part of the project. Without it nothing can be measured.

Protocol: the earliest 1, 2 or 4 articles of a topic are its seeds. Every later article arrives in order (by date; a set without
dates is shuffled once) and is scored on arrival, with the shipped threshold and a background of earlier articles only, rebuilt
whenever the archive has doubled, up to 4,000 articles. Articles labelled "ignore" are not counted. The baseline is the cosine
with the seeds' TF-IDF centroid. Its IDF comes from the whole set, and its threshold is tuned on the set it is scored on, for
each number of seeds. Neither is known in practice, so the baseline is flattered.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from monitor.matching.background import Background, mark
from monitor.matching.calibration import LabelledText, fit
from monitor.matching.margins import margin, share
from monitor.matching.matcher import Matcher, build
from monitor.matching.reliability import Forecast, measure
from monitor.matching.self_training import allowance
from monitor.matching.term_vectors import unit
from monitor.matching.tuning import (
    ARCHIVE_ARTICLES,
    ARCHIVE_CHARACTERS,
    CALIBRATION_GROUPS,
    NEAR_MISS_BANDS,
    SELF_TRAINING_PART_FROM,
    SELF_TRAINING_WINDOW,
)
from monitor.text.tokens import tokens
from monitor.types.matching import Example, Seed, Topic

SEEDS = (1, 2, 4)
"""Numbers of seeds that are tried."""
shares, margins = np.vectorize(share, otypes=[float]), np.vectorize(margin, otypes=[float])
LEAST_ARTICLES = 6
"""Topics of a stream with fewer labelled articles are left out."""


@dataclass(frozen=True)
class Set:
    name: str
    articles: list[tuple[str, str]]
    """(title, text), in order of arrival."""
    topics: dict[str, list[int]]
    ignored: dict[str, set[int]]
    days: float
    is_stream: bool = False


@dataclass(frozen=True)
class Result:
    average_precision: float
    precision: float
    recall: float
    f1: float
    false_alerts: int


# --- the sets ---------------------------------------------------------------------------------------------------------


def rows(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def newsapi(root: Path) -> Set:
    folder = root / "tracking/newsapi_2020"
    items = [row for row in rows(next(folder.glob("items_*.jsonl.gz"))) if row["lang"] == "en"]
    items.sort(key=lambda row: row["published"])
    place = {row["url"]: at for at, row in enumerate(items)}
    topics, ignored = {}, {}
    for topic in json.loads((folder / "topics_silver.json").read_text(encoding="utf-8")):
        found = sorted(place[url] for url in topic["positive_urls"] if url in place)
        if len(found) >= LEAST_ARTICLES:
            topics[topic["topic"]] = found
            ignored[topic["topic"]] = {place[url] for url in topic["ignore_urls"] if url in place}
    articles = [(row["title"] or "", f"{row['description'] or ''}\n{row['lead'] or ''}") for row in items]
    return Set("newsapi_2020 (en)", articles, topics, ignored, days=20, is_stream=True)


def ecbplus(root: Path) -> Set:
    return _in_noise(
        rows(root / "tracking/ecbplus/articles.jsonl.gz"), "subtopic", rows(_basil(root)), "ecbplus in basil"
    )


def basil(root: Path) -> Set:
    own = sorted(rows(_basil(root)), key=lambda row: row["date"])
    return _in_noise(own, "triple", rows(root / "tracking/ecbplus/articles.jsonl.gz"), "basil in ecbplus")


def _basil(root: Path) -> Path:
    return root / "tracking/basil/articles.jsonl.gz"


def _in_noise(own: list[dict[str, Any]], key: str, noise: list[dict[str, Any]], name: str) -> Set:
    topics = defaultdict(list)
    for at, row in enumerate(own):
        topics[str(row[key])].append(at)
    return Set(name, [(row.get("title") or "", row["text"]) for row in own + noise], dict(topics), {}, days=0)


SETS = {"newsapi": newsapi, "ecbplus": ecbplus, "basil": basil}


@dataclass(frozen=True)
class Trial:
    """One topic with its seeds, and the articles scored after them."""

    topic: str
    seeds: list[int]
    ranked: np.ndarray
    is_wanted: np.ndarray


def trials(data: Set, count: int) -> Iterator[Trial]:
    for topic, found in data.topics.items():
        seeds, wanted = found[:count], found[count:]
        if not wanted:
            continue
        first = max(seeds) + 1 if data.is_stream else 0
        left_out = {*seeds, *data.ignored.get(topic, ())}
        ranked = np.array([at for at in range(first, len(data.articles)) if at not in left_out])
        yield Trial(topic, seeds, ranked, np.isin(ranked, wanted))


# --- baseline and ours ------------------------------------------------------------------------------------------------


def baseline(data: Set) -> dict[int, tuple[list[Result], float]]:
    """Results and the tuned threshold by number of seeds."""
    found = [tokens(f"{title}\n{text}") for title, text in data.articles]
    seen = Counter(term for words in found for term in set(words))
    idf = {term: float(np.log(len(found) / count)) for term, count in seen.items()}
    vectors = [
        unit({term: (1 + math.log(count)) * idf[term] for term, count in Counter(words).items()}) for words in found
    ]
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for at, vector in enumerate(vectors):
        for term, weight in vector.items():
            postings[term].append((at, weight))
    out = {}
    for count in SEEDS:
        scored = [(trial, _cosines(trial, vectors, postings)) for trial in trials(data, count)]
        if not scored:
            continue
        threshold = max(
            np.arange(0.02, 0.8, 0.01), key=lambda t: np.mean([evaluate(s, s >= t, x).f1 for x, s in scored])
        )
        out[count] = [evaluate(scores, scores >= threshold, trial) for trial, scores in scored], float(threshold)
    return out


def _cosines(trial: Trial, vectors: list[dict[str, float]], postings: dict[str, list[tuple[int, float]]]) -> np.ndarray:
    centroid: Counter[str] = Counter()
    for seed in trial.seeds:
        centroid.update(vectors[seed])
    scores = np.zeros(len(vectors))
    for term, weight in unit(centroid).items():
        places, weights = zip(*postings[term], strict=True)
        scores[list(places)] += weight * np.array(weights)
    return scores[trial.ranked]


def ours(
    data: Set, *, is_cold: bool, is_following: bool, texts: list[tuple[str, LabelledText]] | None = None
) -> dict[int, list[Result]]:
    """One pass over the stream with all trials as topics of one matcher, as the daemon would run them."""
    all_trials = {count: list(trials(data, count)) for count in SEEDS}
    topics = [_topic(data, trial, count) for count, found in all_trials.items() for trial in found]
    first = np.array([max(trial.seeds) if data.is_stream else -1 for found in all_trials.values() for trial in found])
    scores = np.zeros((len(data.articles), len(topics)))
    thresholds = np.zeros_like(scores)
    order = list(range(len(data.articles)))
    if not data.is_stream:
        random.Random(0).shuffle(order)
    matcher, taken, trained = build(topics, background=Background.shipped()), 0, []
    partial: dict[str, list[int]] = defaultdict(list)
    for seen, at in enumerate(order):
        if not is_cold and mark(seen) != taken:
            taken = mark(seen)
            background = Background.shipped().with_documents(
                (title, text[:ARCHIVE_CHARACTERS], "en")
                for title, text in (data.articles[one] for one in order[max(0, taken - ARCHIVE_ARTICLES) : taken])
            )
            quotas = {
                each.name: allowance(taken, sum(place >= taken - SELF_TRAINING_WINDOW for place in partial[each.name]))
                for each in topics
            }
            matcher = build(topics, background=background, self_trained=trained, quotas=quotas)
        # without evidence, as only the decision is measured
        article, scores[at], thresholds[at] = matcher._weigh(*data.articles[at], "en")
        # a topic cannot exist before the last of its seeds
        near = np.flatnonzero((shares(scores[at], thresholds[at]) >= SELF_TRAINING_PART_FROM) & (first < at))
        for k in near if is_following else ():
            model = matcher.model(topics[k].name)
            weight = matcher._training_weight(model, article, float(scores[at, k]), float(thresholds[at, k]))
            example = _training_example(topics[k], data.articles[at], weight)
            if weight and (learned := matcher.with_training([example])) is not matcher:
                matcher = learned
                trained.append(example)
                partial[example.topic] += [seen] if weight < 1 else []
    out, column = {}, 0
    for count, found in all_trials.items():
        out[count] = [
            evaluate(
                shares(scores[t.ranked, column + i], thresholds[t.ranked, column + i]),
                _decisions(scores, thresholds, t, column + i),
                t,
            )
            for i, t in enumerate(found)
        ]
        column += len(found)
    if texts is not None:
        texts.extend(_texts(scores, thresholds, [trial for found in all_trials.values() for trial in found]))
    return out


def _training_example(topic: Topic, article: tuple[str, str], weight: float) -> Example:
    title, text = article
    return Example(topic=topic.name, title=title, text=text, language="en", is_relevant=True, weight=weight)


def _texts(scores: np.ndarray, thresholds: np.ndarray, found: list[Trial]) -> Iterator[tuple[str, LabelledText]]:
    """Pairs at or above half the threshold, with their labelled topic: the data that a calibration is fitted on."""
    for column, trial in enumerate(found):
        nearness = margins(scores[trial.ranked, column], thresholds[trial.ranked, column])
        for at in np.flatnonzero(nearness >= math.log(NEAR_MISS_BANDS[0])):
            text = LabelledText(
                str(column), float(nearness[at]), float(trial.is_wanted[at]), 1.0, bool(nearness[at] >= 0)
            )
            yield trial.topic, text


def calibration(texts: list[tuple[str, LabelledText]]) -> None:
    """Print the calibration error of probabilities from curves fitted on other labelled topics (ten groups)."""
    names = sorted({name for name, _ in texts})
    group = {name: at % CALIBRATION_GROUPS for at, name in enumerate(names)}
    near = []
    for left_out in range(CALIBRATION_GROUPS):
        curve = fit([text for name, text in texts if group[name] != left_out])
        near += [
            (text.is_match, Forecast(curve.probability(text.topic, text.margin), text.share))
            for name, text in texts
            if group[name] == left_out
        ]
    for what, found in (
        ("matches", measure([each for is_match, each in near if is_match])),
        ("from half the threshold on", measure([each for _, each in near])),
    ):
        if found:
            print(
                f"calibration error of {what}, topics left out: {found.error:.3f} (by chance {found.error_by_chance:.3f}; "
                f"{found.count} pairs; Brier {found.brier:.3f}, base rate {found.brier_of_base_rate:.3f})"
            )


def _decisions(scores: np.ndarray, thresholds: np.ndarray, trial: Trial, column: int) -> np.ndarray:
    return scores[trial.ranked, column] >= thresholds[trial.ranked, column]


def _topic(data: Set, trial: Trial, count: int) -> Topic:
    seeds = [(f"{at}.txt", *data.articles[at]) for at in trial.seeds]
    return Topic(
        name=f"{trial.topic}/{count}",
        title=trial.topic,
        seeds=tuple(Seed(file=file, title=title, text=text, language="en") for file, title, text in seeds),
    )


def evaluate(scores: np.ndarray, decisions: np.ndarray, trial: Trial) -> Result:
    wanted = trial.is_wanted
    matched = int((decisions & wanted).sum())
    by_score = wanted[np.argsort(-scores, kind="stable")]
    precision_at = np.cumsum(by_score) / np.arange(1, len(by_score) + 1)
    return Result(
        average_precision=float(precision_at[by_score].mean()),
        precision=matched / max(int(decisions.sum()), 1),
        recall=matched / int(wanted.sum()),
        f1=2 * matched / (int(decisions.sum()) + int(wanted.sum())),
        false_alerts=int(decisions.sum()) - matched,
    )


# --- output -----------------------------------------------------------------------------------------------------------


def table(data: Set, *, is_cold: bool, is_following: bool, by_topic: bool) -> None:
    began = time.process_time()
    theirs, mine = baseline(data), ours(data, is_cold=is_cold, is_following=is_following)
    print(
        f"\n{data.name}: {len(data.articles)} articles, {len(data.topics)} topics ({time.process_time() - began:.0f} s CPU)"
    )
    print("         | baseline MAP    F1   at | ours MAP    F1     P     R | F1 gain | false a day")
    for count, (results, threshold) in theirs.items():
        a, b = _mean(results), _mean(mine[count])
        a_day = f"{b.false_alerts / len(results) / data.days:.2f}" if data.days else ""
        print(
            f"{count} seed{'s' * (count > 1):2} | {a.average_precision:12.3f} {a.f1:5.3f} {threshold:4.2f} | "
            f"{b.average_precision:8.3f} {b.f1:5.3f} {b.precision:5.3f} {b.recall:5.3f} | {b.f1 - a.f1:+7.3f} | {a_day}"
        )
        for trial, x, y in zip(trials(data, count), results, mine[count], strict=True) if by_topic else ():
            print(
                f"    {trial.topic:16} F1 {x.f1:.3f} -> {y.f1:.3f}  P {y.precision:.2f} R {y.recall:.2f} false {y.false_alerts}"
            )


def _mean(results: list[Result]) -> Result:
    """Means of all figures, but the sum of false alerts."""
    fields = [[getattr(each, name) for each in results] for name in ("average_precision", "precision", "recall", "f1")]
    return Result(*(float(np.mean(each)) for each in fields), sum(each.false_alerts for each in results))


def cost() -> None:
    """Time and memory of scoring an article against many topics, on generated texts with the word frequencies of the shipped
    list."""
    import resource

    background = Background.shipped()
    idf = background.table("en").idf
    words, draw = list(idf), np.random.default_rng(0)
    shares = np.exp(-np.array([idf[word] for word in words]))
    # as objects: an array of fixed-width words would dominate the memory measured
    pool = np.array(words, object)[draw.choice(len(words), 4_000_000, p=shares / shares.sum())]
    text = lambda length: _sentences(pool[(start := int(draw.integers(0, len(pool) - length))) : start + length])
    for count in (10, 100, 1_000, 10_000, 100_000):
        seeds = [Seed(file="a.txt", title=text(10), text=text(300), language="en") for _ in range(count)]
        topics = [Topic(name=str(at), title="", seeds=(seed,)) for at, seed in enumerate(seeds)]
        began = time.process_time()
        matcher = build(topics, background=background)
        matcher.matches("first", "index", "en")
        built = time.process_time() - began
        spent = [_milliseconds(matcher, [(text(10), text(words)) for _ in range(30)]) for words in (55, 500)]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{count:6} topics: built in {built:6.2f} s, {spent[0]:6.3f} ms an article of 65 words, {spent[1]:6.3f} ms of 510 "
            f"words, with the evidence of its matches, {peak:4.0f} MB at most"
        )


def _sentences(words: Sequence[str]) -> str:
    """The words in sentences of twenty."""
    return ". ".join(" ".join(words[at : at + 20]) for at in range(0, len(words), 20))


def _milliseconds(matcher: Matcher, articles: list[tuple[str, str]]) -> float:
    """Processor time of an article; the least of three rounds over the same articles."""
    rounds = []
    for _ in range(3):
        began = time.process_time()
        for title, body in articles:
            matcher.matches(title, body, "en")
        rounds.append((time.process_time() - began) / len(articles) * 1000)
    return min(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("MONITOR_DATA"))
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--cold", action="store_true", help="shipped background only, as on the first day")
    parser.add_argument("--still", action="store_true", help="topics that do not learn from their own matches")
    parser.add_argument("--topics", action="store_true", help="a line for each topic too")
    parser.add_argument("--calibration", action="store_true", help="how right probabilities are, instead of the table")
    parser.add_argument("--cost", action="store_true", help="time and memory instead of quality; needs no data")
    asked = parser.parse_args()
    if asked.cost:
        return cost()
    if not asked.data or not Path(asked.data, "tracking").is_dir():
        sys.exit("no evaluation data: name its folder (the one that holds tracking/) as argument or in MONITOR_DATA")
    if asked.calibration:
        pooled: list[tuple[str, LabelledText]] = []
        for name in asked.sets:
            texts: list[tuple[str, LabelledText]] = []
            ours(SETS[name](Path(asked.data)), is_cold=asked.cold, is_following=not asked.still, texts=texts)
            print(f"\n{name}:", flush=True)
            calibration(texts)
            pooled += [
                (f"{name}/{topic}", LabelledText(f"{name}/{one.topic}", one.margin, one.share, 1.0, one.is_match))
                for topic, one in texts
            ]
        print("\nall together:")
        return calibration(pooled)
    for name in asked.sets:
        table(SETS[name](Path(asked.data)), is_cold=asked.cold, is_following=not asked.still, by_topic=asked.topics)
    return None


if __name__ == "__main__":
    main()
