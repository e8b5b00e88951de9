"""Topics and an article in, scores out. Pure: knows no file, no store, no feed.

A topic is one vector of terms for each language of its seeds: the mean of the seeds' TF-IDF vectors, pushed away from
counter-seeds and dismissed articles, joined by confirmed ones. An article's score is its cosine with that vector, a sum over
terms, so every score can be explained. All topics are scored in one pass over an inverted index (term -> topics that carry it).

One cosine does not suit all: the longer and the more ordinary an article, the more it shares with any topic. So the threshold
is one rule for all topics, but bends with the article's likeness to the ordinary article of its language and with the number
of seeds. What was measured, and what did not help, is in docs/matching.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from monitor import evidence
from monitor.background import Background
from monitor.language import UNKNOWN, normalize
from monitor.terms import MAX_WORDS, Vector, mean, stem, terms, unit, weigh
from monitor.text import fold, tokens
from monitor.types import Contribution, Evidence, Example, Reason, Score, Seed, Topic

MODEL = "2"
"""Part of every version: raise it when the same seeds would be scored differently."""
SENSITIVITY: Mapping[str, float] = {"precise": 1.25, "balanced": 1.0, "broad": 0.8}
"""What the threshold is multiplied by."""
# A match is score + .01 >= exp(LEVEL) * (likeness + .002) ** LIKENESS * seeds ** SEEDS. The three numbers give the best mean
# F1 over three kinds of news set; the optimum is flat, and each set left out in turn says nearly the same (docs/matching.md).
_LEVEL, _LIKENESS, _SEEDS = 0.20, 0.45, 0.20
_MOST_SEEDS = 6
"""More seeds than this do not raise the threshold further: beyond it the rule was not measured."""
_PUSH = 0.5
"""How strongly counter-examples push (Rocchio's gamma against a beta of 1)."""
_MAX_TERMS = 400
"""Terms kept for a topic and language, heaviest first: long seeds end in chance words."""
_ANY = ""
"""The vector for languages in which a topic has no seed: names and loan words still meet."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Model:
    """One topic, ready to score: a vector and the seeds for each language it has, and one for any other."""

    topic: Topic
    vectors: Mapping[str, Vector]
    seeds: Mapping[str, tuple[tuple[str, Vector], ...]]
    version: str

    def vector(self, language: str) -> Vector:
        return self.vectors.get(language) or self.vectors[_ANY]

    def strictness(self, language: str) -> float:
        """What the threshold is multiplied by for this topic: a mean of several seeds lies nearer to everything than one seed."""
        seeds = self.seeds.get(language) or self.seeds[_ANY]
        return float(min(len(seeds), _MOST_SEEDS) ** _SEEDS * SENSITIVITY[self.topic.sensitivity])


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
        self._order = tuple(models)
        self._background = background
        self._indexes: dict[str, _Index] = {}
        self._languages = frozenset(language for model in models for language in model.vectors)
        self.topics: tuple[Topic, ...] = tuple(model.topic for model in models)

    def version(self, topic: str) -> str:
        """Changes whenever the topic could score differently. KeyError for a topic that is unknown or not enabled."""
        return self._models[topic].version

    def score(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """One score a topic, in topic order; evidence is worked out for matches only."""
        article, scores, thresholds = self._weigh(title, text, language)
        rows = zip(self._order, scores.tolist(), thresholds.tolist(), strict=True)
        return tuple(self._score(model, article, value, threshold) for model, value, threshold in rows)

    def matches(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """Only the scores at or above their threshold, blocked ones included: cheap for any number of topics."""
        article, scores, thresholds = self._weigh(title, text, language)
        return tuple(
            self._score(self._order[at], article, float(scores[at]), float(thresholds[at]))
            for at in np.flatnonzero(scores >= thresholds)
        )

    def evidence(self, topic: str, title: str, text: str, language: str) -> Evidence:
        """Why the topic scored as it did, for an article above or below its threshold. KeyError as `version`."""
        return self._evidence(self._models[topic], _Article(title, text, language, self._background))

    def heaviest(self, topic: str, *, limit: int = 20) -> dict[str, tuple[Contribution, ...]]:
        """What a topic has learned, for people: by language its heaviest terms as its seeds write them. KeyError as `version`."""
        model = self._models[topic]
        spoken = [language for language in model.vectors if language != _ANY] or [_ANY]
        return {language: _heaviest(model, language, limit) for language in spoken}

    def _weigh(self, title: str, text: str, language: str) -> tuple[_Article, Floats, Floats]:
        article = _Article(title, text, language, self._background)
        index = self._index(article.language)
        return article, index.score(article.vector), index.strictness * article.threshold

    def _score(self, model: _Model, article: _Article, value: float, threshold: float) -> Score:
        found = Score(
            topic=model.topic.name, score=value, threshold=threshold, is_match=False, model_version=model.version
        )
        if value < threshold:
            return found
        if blocked := _blocked(model.topic, article):
            return replace(found, blocked=blocked)
        return replace(found, is_match=True, evidence=self._evidence(model, article))

    def _evidence(self, model: _Model, article: _Article) -> Evidence:
        seeds = model.seeds.get(article.language) or model.seeds[_ANY]
        idf = self._background.table(article.language).idf
        return evidence.explain(
            article.title, article.text, article.language, article.vector, model.vector(article.language), seeds, idf
        )

    def _index(self, language: str) -> _Index:
        """Languages without seeds share one index, of the vectors for any language."""
        key = language if language in self._languages else _ANY
        if key not in self._indexes:
            self._indexes[key] = _Index(self._order, key)
        return self._indexes[key]


class _Article:
    """An article's words, read once."""

    def __init__(self, title: str, text: str, language: str, background: Background) -> None:
        self.title, self.text, self.language = title, text, _code(language)
        table = background.table(self.language)
        self.vector = _vector(title, text, self.language, background)
        self.threshold = math.exp(_LEVEL) * (table.likeness(self.vector) + 0.002) ** _LIKENESS - 0.01

    def has(self, term: str) -> bool:
        """Whether the term's words occur one after the other, as they are written, in the title or in the body."""
        wanted = f" {' '.join(tokens(term))} "
        if any(wanted in f" {' '.join(tokens(part))} " for part in (self.title, self.text)):
            return True
        # one Chinese character is no pair of characters: look for it as it is
        return len(term) == 1 and not term.isascii() and fold(term) in fold(f"{self.title}\n{self.text}")


class _Index:
    """Term -> the topics that carry it and how much, for one language."""

    def __init__(self, models: Sequence[_Model], language: str) -> None:
        self._topics = len(models)
        self.strictness = np.array([model.strictness(language) for model in models], np.float64)
        rows: dict[str, tuple[list[int], list[float]]] = {}
        for at, model in enumerate(models):
            for term, weight in model.vector(language).items():
                places, weights = rows.setdefault(term, ([], []))
                places.append(at)
                weights.append(weight)
        self._rows = {term: (np.array(places), np.array(weights)) for term, (places, weights) in rows.items()}

    def score(self, article: Vector) -> Floats:
        """The cosine of the article with every topic."""
        found = [(row, weight) for term, weight in article.items() if (row := self._rows.get(term))]
        if not found:
            return np.zeros(self._topics)
        places = np.concatenate([row[0] for row, _ in found])
        shares = np.concatenate([row[1] * weight for row, weight in found])
        return np.bincount(places, shares, self._topics).astype(np.float64)


# --- learning ---------------------------------------------------------------------------------------------------------


def _model(topic: Topic, examples: Sequence[Example], background: Background) -> _Model:
    """Verdicts are seeds by another road: a confirmed article joins them, a dismissed one is a counter-seed."""
    learned = [
        Seed(
            file="(verdict)", title=each.title, text=each.text, language=each.language, is_counter=not each.is_relevant
        )
        for each in examples
    ]
    by_language: dict[str, list[tuple[Seed, Vector]]] = {_ANY: []}
    for seed in (*topic.seeds, *learned):
        language = _code(seed.language)
        found = (seed, _vector(seed.title, seed.text, language, background))
        by_language.setdefault(language, []).append(found)
        by_language[_ANY].append(found)
    vectors = {_ANY: _learn(by_language[_ANY])}
    for language in by_language.keys() - {_ANY}:
        # one language, as nearly always: one vector serves both
        vectors[language] = vectors[_ANY] if len(by_language) == 2 else _learn(by_language[language])
    seeds = {
        language: tuple((seed.file, vector) for seed, vector in found if not seed.is_counter)
        for language, found in by_language.items()
    }
    return _Model(topic, vectors, seeds, _version(topic, learned, background))


def _heaviest(model: _Model, language: str, limit: int) -> tuple[Contribution, ...]:
    text = " ".join(f"{seed.title} {seed.text}" for seed in model.topic.seeds if _code(seed.language) == language)
    written = {stem(word, language): word for word in reversed(tokens(text))}
    ordered = sorted(model.vectors[language].items(), key=lambda each: (-each[1], each[0]))
    return tuple(Contribution(term=written.get(term, term), weight=weight) for term, weight in ordered[:limit])


def _learn(seeds: Iterable[tuple[Seed, Vector]]) -> Vector:
    """Rocchio: towards the mean of the wanted, away from the mean of the unwanted; the heaviest terms are kept."""
    seeds = tuple(seeds)
    wanted = unit(mean((vector, seed.weight) for seed, vector in seeds if not seed.is_counter))
    unwanted = unit(mean((vector, seed.weight) for seed, vector in seeds if seed.is_counter))
    if not wanted:
        return {}
    pushed = {term: wanted.get(term, 0) - _PUSH * unwanted.get(term, 0) for term in wanted.keys() | unwanted.keys()}
    kept = sorted(pushed.items(), key=lambda each: (-abs(each[1]), each[0]))[:_MAX_TERMS]
    return unit(dict(kept))


def _vector(title: str, text: str, language: str, background: Background) -> Vector:
    return unit(weigh(terms(title, language), terms(text, language)[:MAX_WORDS], background.table(language).idf))


def _version(topic: Topic, learned: Sequence[Seed], background: Background) -> str:
    all_of_it = repr((MODEL, topic, learned, background.digest))
    return hashlib.sha256(all_of_it.encode(errors="surrogatepass")).hexdigest()[:12]


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
