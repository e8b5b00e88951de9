"""Topics and an article in, scores out. Pure: knows no file, no store, no feed.

A topic is one vector of terms for each language of its seeds: the mean of the seeds' TF-IDF vectors, pushed away from
counter-seeds and dismissed articles, joined by confirmed ones. An article's score is its cosine with that vector, a sum over
terms, so every score can be explained. All topics are scored in one pass over an inverted index (term -> topics that carry it).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor import evidence
from monitor.background import Background, Idf
from monitor.language import UNKNOWN, normalize
from monitor.text import fold, tokens
from monitor.types import Evidence, Example, Reason, Score, Seed, Topic

MODEL = "1"
"""Part of every version: raise it when the same seeds would be scored differently."""
THRESHOLD = 0.17
SENSITIVITY: Mapping[str, float] = {"precise": 1.35, "balanced": 1.0, "broad": 0.75}
"""What the threshold is multiplied by."""
TITLE_WEIGHT = 2.0
"""A word of the title counts as this many in the body."""
PUSH = 0.5
"""How strongly counter-examples push (Rocchio's gamma against a beta of 1)."""
MAX_TERMS = 400
"""Terms kept for a topic and language, heaviest first: long seeds end in chance words."""
MAX_WORDS = 4_000
"""Words of a body that are read: what an article is about stands in its first pages."""
ANY = ""
"""The vector for languages in which a topic has no seed: names and loan words still meet."""

Vector = Mapping[str, float]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Model:
    """One topic, ready to score: a vector and the seeds for each language it has, and one for any other."""

    topic: Topic
    vectors: Mapping[str, Vector]
    seeds: Mapping[str, tuple[tuple[str, Vector], ...]]
    version: str

    def vector(self, language: str) -> Vector:
        return self.vectors.get(language) or self.vectors[ANY]


def build(topics: Sequence[Topic], *, background: Background, examples: Sequence[Example] = ()) -> Matcher:
    """A matcher for the enabled topics, in their order. `examples` are reviewed articles; those of other topics are ignored."""
    of_topic: dict[str, list[Example]] = {}
    for example in examples:
        of_topic.setdefault(example.topic, []).append(example)
    models = [_model(topic, of_topic.get(topic.name, ()), background) for topic in topics if topic.is_enabled]
    return Matcher(models, background)


class Matcher:
    """All topics at once. Immutable; build a new one when seeds, verdicts or background change."""

    def __init__(self, models: Sequence[_Model], background: Background) -> None:
        self._models = {model.topic.name: model for model in models}
        self._background = background
        self._indexes: dict[str, _Index] = {}
        self._languages = frozenset(language for model in models for language in model.vectors)
        self._thresholds = np.array([THRESHOLD * SENSITIVITY[model.topic.sensitivity] for model in models])
        self.topics: tuple[Topic, ...] = tuple(model.topic for model in models)

    def version(self, topic: str) -> str:
        """Changes whenever the topic could score differently. KeyError for a topic that is unknown or not enabled."""
        return self._models[topic].version

    def score(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """One score a topic, in topic order; evidence is worked out for matches only."""
        article = _Article(title, text, _code(language), self._background)
        scores = self._index(article.language).score(article.vector)
        return tuple(
            self._score(model, article, value, threshold)
            for model, value, threshold in zip(
                self._models.values(), scores.tolist(), self._thresholds.tolist(), strict=True
            )
        )

    def matches(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """The scores at or above their threshold only, blocked ones included: what a poll needs, cheap for any number of topics."""
        article = _Article(title, text, _code(language), self._background)
        scores = self._index(article.language).score(article.vector)
        models = tuple(self._models.values())
        return tuple(
            self._score(models[at], article, float(scores[at]), float(self._thresholds[at]))
            for at in np.flatnonzero(scores >= self._thresholds)
        )

    def evidence(self, topic: str, title: str, text: str, language: str) -> Evidence:
        """Why the topic scored as it did, for an article above or below its threshold."""
        return self._evidence(self._models[topic], _Article(title, text, _code(language), self._background))

    def _score(self, model: _Model, article: _Article, value: float, threshold: float) -> Score:
        name, version = model.topic.name, model.version
        if value < threshold:
            return Score(topic=name, score=value, threshold=threshold, is_match=False, model_version=version)
        blocked = _blocked(model.topic, article)
        found = Score(
            topic=name, score=value, threshold=threshold, is_match=not blocked, blocked=blocked, model_version=version
        )
        return found if blocked else replace(found, evidence=self._evidence(model, article))

    def _evidence(self, model: _Model, article: _Article) -> Evidence:
        vector = model.vector(article.language)
        seeds = model.seeds.get(article.language) or model.seeds[ANY]
        return evidence.explain(
            article.title, article.text, article.vector, vector, seeds, self._background.table(article.language)
        )

    def _index(self, language: str) -> _Index:
        """Languages without seeds share one index, of the vectors for any language."""
        key = language if language in self._languages else ANY
        if key not in self._indexes:
            self._indexes[key] = _Index([model.vector(key) for model in self._models.values()])
        return self._indexes[key]


class _Article:
    """An article's words, read once."""

    def __init__(self, title: str, text: str, language: str, background: Background) -> None:
        self.title, self.text, self.language = title, text, language
        self.title_words, self.words = tokens(title), tokens(text)[:MAX_WORDS]
        self.vector = unit(weigh(self.title_words, self.words, background.table(language)))

    def has(self, term: str) -> bool:
        """Whether the term's words occur one after the other, in the title or in the body."""
        wanted = f" {' '.join(tokens(term))} "
        if any(wanted in f" {' '.join(words)} " for words in (self.title_words, self.words)):
            return True
        # one Chinese character is no pair of characters: look for it as it is
        return (
            len(wanted) == len(" x ") and wanted.strip() in fold(f"{self.title}\n{self.text}") and not wanted.isascii()
        )


class _Index:
    """Term -> the topics that carry it and how much, for one language."""

    def __init__(self, vectors: Sequence[Vector]) -> None:
        self._topics = len(vectors)
        rows: dict[str, tuple[list[int], list[float]]] = {}
        for at, vector in enumerate(vectors):
            for term, weight in vector.items():
                places, weights = rows.setdefault(term, ([], []))
                places.append(at)
                weights.append(weight)
        self._rows = {
            term: (np.array(places, np.int32), np.array(weights, np.float32))
            for term, (places, weights) in rows.items()
        }

    def score(self, article: Vector) -> Floats:
        """The cosine of the article with every topic."""
        found = [(row, weight) for term, weight in article.items() if (row := self._rows.get(term))]
        if not found:
            return np.zeros(self._topics)
        places = np.concatenate([row[0] for row, _ in found])
        shares = np.concatenate([row[1] * weight for row, weight in found])
        return np.bincount(places, shares, self._topics).astype(np.float64)


# --- vectors ----------------------------------------------------------------------------------------------------------


def weigh(title: Iterable[str], words: Iterable[str], idf: Idf) -> dict[str, float]:
    """Sublinear TF-IDF: the tenth mention of a word says little more than the third."""
    counts: dict[str, float] = dict(Counter(words))
    for word in title:
        counts[word] = counts.get(word, 0) + TITLE_WEIGHT
    log = math.log
    return {term: (1 + log(count)) * idf[term] if count > 1 else idf[term] for term, count in counts.items()}


def unit(vector: Mapping[str, float]) -> dict[str, float]:
    """The vector at length one; an empty one stays empty."""
    length = math.sqrt(sum(weight * weight for weight in vector.values()))
    return {term: weight / length for term, weight in vector.items()} if length else {}


def dot(left: Vector, right: Vector) -> float:
    """Sum over the terms both carry: the cosine of two unit vectors."""
    if len(left) > len(right):
        left, right = right, left
    return sum(weight * right[term] for term, weight in left.items() if term in right)


def _mean(vectors: Iterable[tuple[Vector, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for vector, weight in vectors:
        for term, share in vector.items():
            total[term] = total.get(term, 0) + weight * share
    return unit(total)


# --- learning ---------------------------------------------------------------------------------------------------------


def _model(topic: Topic, examples: Sequence[Example], background: Background) -> _Model:
    """Verdicts are seeds by another road: a confirmed article joins them, a dismissed one is a counter-seed."""
    learned = [
        Seed(
            file="(verdict)", title=each.title, text=each.text, language=each.language, is_counter=not each.is_relevant
        )
        for each in examples
    ]
    by_language: dict[str, list[tuple[Seed, Vector]]] = {ANY: []}
    for seed in (*topic.seeds, *learned):
        language = _code(seed.language)
        vector = unit(weigh(tokens(seed.title), tokens(seed.text)[:MAX_WORDS], background.table(language)))
        by_language.setdefault(language, []).append((seed, vector))
        by_language[ANY].append((seed, vector))
    vectors = {language: _learn(found) for language, found in by_language.items()}
    seeds = {
        language: tuple((seed.file, vector) for seed, vector in found if not seed.is_counter)
        for language, found in by_language.items()
    }
    return _Model(
        topic, {k: v for k, v in vectors.items() if v or k == ANY}, seeds, _version(topic, learned, background)
    )


def _learn(seeds: Iterable[tuple[Seed, Vector]]) -> Vector:
    """Rocchio: towards the mean of the wanted, away from the mean of the unwanted; the heaviest terms are kept."""
    seeds = tuple(seeds)
    wanted = _mean((vector, seed.weight) for seed, vector in seeds if not seed.is_counter)
    unwanted = _mean((vector, seed.weight) for seed, vector in seeds if seed.is_counter)
    if not wanted:
        return {}
    pushed = {term: wanted.get(term, 0) - PUSH * unwanted.get(term, 0) for term in wanted.keys() | unwanted.keys()}
    kept = sorted(pushed.items(), key=lambda each: (-abs(each[1]), each[0]))[:MAX_TERMS]
    return unit(dict(kept))


def _version(topic: Topic, learned: Sequence[Seed], background: Background) -> str:
    return hashlib.sha256(repr((MODEL, topic, learned, background.digest)).encode(errors="surrogatepass")).hexdigest()[
        :12
    ]


# --- rules of topic.toml ----------------------------------------------------------------------------------------------


def _blocked(topic: Topic, article: _Article) -> Reason | None:
    if topic.languages and article.language not in {UNKNOWN, *map(_code, topic.languages)}:
        return Reason.OTHER_LANGUAGE
    if any(article.has(term) for term in topic.excluded):
        return Reason.EXCLUDED
    if topic.required and not any(article.has(term) for term in topic.required):
        return Reason.NOT_REQUIRED
    return None


def _code(language: str) -> str:
    """One code a language: Dari is scored as Persian, the same language in writing."""
    return normalize(language) or UNKNOWN
