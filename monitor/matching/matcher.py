"""Topics and an article in, scores out. Pure: knows no file, no store, no feed.

A topic is one vector of terms for each language of its seeds (monitor.matching.model). An article's score is its cosine with that vector,
a sum over terms, so every score can be explained. All topics are scored in one pass over an inverted index (term -> topics that
carry it).

One cosine does not suit all: the longer and the more ordinary an article, the more it shares with any topic; the more examples
a topic has and the more alike these are, the nearer its own articles come. So the threshold is one rule for all topics that bends
with the article's likeness to the ordinary article of its language and the rarity of its words, and with the number and the
coherence of the topic's examples. What was measured, and what did not help, is in docs/matching.md.
"""

from __future__ import annotations

import math
import threading
from array import array
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.matching import evidence, margins, self_training, sensitivity
from monitor.matching.background import Background
from monitor.matching.calibration import Calibration
from monitor.matching.model import ANY, LanguageSide, TopicModel, code, heaviest, learn, sample, themes, vector
from monitor.matching.rules import forbidden
from monitor.matching.term_vectors import Vector, dot
from monitor.matching.tuning import (
    ANCHOR_FROM,
    COHERENCE_FLOOR,
    EXAMPLES_CAP,
    FULL_LESSON_FROM,
    FULL_TEXT_FROM,
    LIKENESS_OFFSET,
    SHIFT,
    THRESHOLD_CEILING,
    THRESHOLD_COHERENCE_EXPONENT,
    THRESHOLD_EXAMPLES_EXPONENT,
    THRESHOLD_LEVEL,
    THRESHOLD_LIKENESS_EXPONENT,
    THRESHOLD_RARITY_EXPONENT,
)
from monitor.types.matching import Contribution, Evidence, Example, Reason, Score, Topic

Floats = npt.NDArray[np.float64]


def build(
    topics: Sequence[Topic],
    *,
    background: Background,
    examples: Sequence[Example] = (),
    hits: Sequence[Example] = (),
    calibration: Calibration | None = None,
    factors: Mapping[str, float] | None = None,
    spare: Mapping[str, int] | None = None,
) -> Matcher:
    """A matcher for the enabled topics, in their order. `examples` are reviewed articles, `hits` what the topics followed by
    themselves and nobody has reviewed, oldest first; those of other topics are ignored. Without `calibration` no score has a
    probability. `factors`: what the sensitivities of topics come to (monitor.matching.sensitivity); for others it is as where nothing is known of
    them yet. `spare`: how many partial lessons each may still take (monitor.matching.self_training); none where it is not said."""
    reviewed, matched = _of_topics(examples), _of_topics(hits)
    models = [
        _tuned(
            learn(topic, reviewed.get(topic.name, ()), matched.get(topic.name, ()), background),
            (factors or {}).get(topic.name),
            (spare or {}).get(topic.name, 0),
        )
        for topic in topics
        if topic.is_enabled
    ]
    return Matcher(models, background, calibration=calibration)


def _tuned(model: TopicModel, factor: float | None, spare: int) -> TopicModel:
    usual = sensitivity.default(model.topic.sensitivity)
    model = replace(model, spare=spare)
    return replace(model, factor=usual) if factor in (None, usual) else model.with_factor(factor or usual)


def _of_topics(examples: Iterable[Example]) -> Mapping[str, Sequence[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(example.topic, []).append(example)
    return found


def is_confident(score: Score) -> bool:
    """Whether a topic may learn in full from this match before anybody has looked at it."""
    return score.is_match and _share_taught(score.score, score.threshold, score.factor) >= FULL_LESSON_FROM


def _share_taught(score: float, threshold: float, factor: float) -> float:
    """The share of a threshold by which lessons are measured. A low factor lets more be told, no more teach."""
    return margins.share(score, threshold, min(factor, 1.0))


def is_near(score: Score) -> bool:
    """Whether the whole text of an article read in part could turn this answer; a term that is required may stand further down."""
    if score.blocked is not None:
        return score.blocked is Reason.NOT_REQUIRED
    return FULL_TEXT_FROM <= margins.share(score.score, score.threshold) < FULL_LESSON_FROM


def nearness(score: Score) -> float:
    """How far a score is from its threshold, as a share of it: 0 at the threshold itself."""
    return abs(1.0 - margins.share(score.score, score.threshold))


class Matcher:
    """All topics at once. Immutable; build a new one when seeds, verdicts or background change."""

    def __init__(
        self,
        models: Sequence[TopicModel],
        background: Background,
        indexes: Mapping[str, _Index] | None = None,
        *,
        calibration: Calibration | None = None,
    ) -> None:
        self._places = {model.topic.name: at for at, model in enumerate(models)}
        self._order = tuple(models)
        self._background = background
        self.calibration = calibration or Calibration()
        self._indexes = dict(indexes or {})
        self._anchors: dict[tuple[str, str], LanguageSide] = {}
        self._languages = frozenset(language for model in models for language in model.sides)
        self.topics: tuple[Topic, ...] = tuple(model.topic for model in models)

    def with_hits(self, hits: Iterable[Example]) -> Matcher:
        """The matcher that has learned from these confident matches; itself where they teach nothing new."""
        found = self
        for hit in hits:
            at = found._places.get(hit.topic)
            model = None if at is None else found._order[at].with_hit(sample(hit, self._background))
            if at is not None and model is not None:
                found = found._with_model(at, model)
        return found

    def without_hits(self, hits: Iterable[Example]) -> Matcher:
        """The matcher as if it had never learned from these."""
        found = self
        for name, of_topic in _of_topics(hits).items():
            if (at := found._places.get(name)) is not None:
                model = found._order[at].without_hits({sample(each, self._background).key for each in of_topic})
                found = found if model is found._order[at] else found._with_model(at, model)
        return found

    def with_topics(self, wanted: Sequence[Topic], fresh: Matcher) -> Matcher:
        """The matcher of these topics: by the models of `fresh` where it has them, else by those that are here."""
        known = {model.topic.name: model for model in (*self._order, *fresh._order)}
        models = [known[topic.name] for topic in wanted if topic.is_enabled]
        if [model.topic.name for model in models] != list(self._places):
            return Matcher(models, self._background, calibration=fresh.calibration)
        found = self
        for model in fresh._order:
            found = found._with_model(self._places[model.topic.name], model)
        return Matcher(found._order, self._background, found._indexes, calibration=fresh.calibration)

    def _with_model(self, at: int, model: TopicModel) -> Matcher:
        models = (*self._order[:at], model, *self._order[at + 1 :])
        before = self._order[at]
        indexes = {
            language: index.with_side(at, before.side(language), model.side(language))
            for language, index in self._indexes.items()
        }
        for language, index in indexes.items():
            side = model.side(language)
            index.strictness[at], index.ceilings[at] = _strictness(side, model.factor), _ceiling(side, model.factor)
        found = Matcher(models, self._background, indexes, calibration=self.calibration)
        found._anchors = self._anchors
        return found

    @property
    def background(self) -> Background:
        """What it takes for ordinary."""
        return self._background

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
        """Why the topic scored as it did, for an article above or below its threshold. KeyError as `model`."""
        return self._evidence(self.model(topic), _ArticleVector(title, text, language, self._background))

    def heaviest(self, topic: str, *, limit: int = 20) -> dict[str, tuple[Contribution, ...]]:
        """What a topic has learned, for people: by language its heaviest terms as its seeds write them. KeyError as `model`."""
        model = self.model(topic)
        spoken = [language for language in model.sides if language != ANY] or [ANY]
        return {language: heaviest(model, language, limit) for language in spoken}

    def weights(self, topic: str, language: str) -> Vector:
        """The stems by which a topic scores articles of a language, and their weights. KeyError as `model`."""
        return self.model(topic).side(code(language)).vector

    def themes(self, topic: str, language: str) -> frozenset[str]:
        """The stems that weigh most in a topic's seeds: nearly every article of it carries them. Empty where it is unknown."""
        return themes(self.model(topic), code(language)) if topic in self._places else frozenset()

    def rarity(self, language: str) -> Mapping[str, float]:
        """How rare each stem is in a language."""
        return self._background.table(code(language)).idf

    def model(self, topic: str) -> TopicModel:
        """One topic; its version changes whenever it could score differently. KeyError for one that is unknown or not enabled."""
        return self._order[self._places[topic]]

    def _weigh(self, title: str, text: str, language: str) -> tuple[_ArticleVector, Floats, Floats]:
        article = _ArticleVector(title, text, language, self._background)
        index = self._index(article.language)
        thresholds = _threshold(index.strictness, article.strictness, index.ceilings)
        return article, index.score(article.vector), thresholds

    def _score(self, model: TopicModel, article: _ArticleVector, value: float, threshold: float) -> Score:
        topic, factor = model.topic.name, model.factor
        found = Score(
            topic=topic,
            score=value,
            threshold=threshold,
            is_match=False,
            factor=factor,
            model_version=model.version,
            lesson=self._lesson(model, article, value, threshold),
        )
        standing = self.calibration.standings.get(topic)
        if standing and standing.is_calibrated:
            probability = self.calibration.probability(topic, margins.margin(value, threshold, factor))
            found = replace(found, probability=probability, measured=standing.measured)
        if value < threshold:
            return found
        if blocked := forbidden(model.topic, article.title, article.text, article.language):
            return replace(found, blocked=blocked)
        return replace(found, is_match=True, evidence=self._evidence(model, article))

    def _lesson(self, model: TopicModel, article: _ArticleVector, value: float, threshold: float) -> float:
        """How much the topic may learn from this article; whether it is another print of what it knows is seen when it does."""
        weight = self_training.weight(_share_taught(value, threshold, model.factor))
        if not weight or (weight < 1.0 and not (model.spare and self._is_anchored(model, article))):
            return 0.0
        return 0.0 if forbidden(model.topic, article.title, article.text, article.language) else weight

    def _is_anchored(self, model: TopicModel, article: _ArticleVector) -> bool:
        """Whether the article is near the topic without what the topic has learned by itself."""
        key = model.base, article.language
        side = self._anchors.get(key) or self._anchors.setdefault(key, model.anchor(article.language))
        factor = max(model.factor, 1.0)
        threshold = float(_threshold(_strictness(side, factor), article.strictness, _ceiling(side, factor)))
        return margins.share(dot(article.vector, side.vector), threshold) >= ANCHOR_FROM

    def _evidence(self, model: TopicModel, article: _ArticleVector) -> Evidence:
        side = model.side(article.language)
        idf = self._background.table(article.language).idf
        return evidence.explain(
            article.title,
            article.text,
            article.language,
            article.vector,
            side.vector,
            [(file, packed.open()) for file, packed in side.seeds],
            idf,
        )

    def _index(self, language: str) -> _Index:
        """Languages without seeds share one index, of the vectors for any language."""
        key = language if language in self._languages else ANY
        if key not in self._indexes:
            self._indexes[key] = _Index(self._order, key)
        return self._indexes[key]


class _ArticleVector:
    """An article's words, read once."""

    def __init__(self, title: str, text: str, language: str, background: Background) -> None:
        self.title, self.text, self.language = title, text, code(language)
        table = background.table(self.language)
        self.vector = vector(title, text, self.language, background)
        likeness, rarity = table.likeness(self.vector), table.rarity(self.vector)
        # the article's part of the threshold (Model 6 in docs/matching.md); the topic's is worked out by `_strictness`
        self.strictness = (
            math.exp(THRESHOLD_LEVEL)
            * (likeness + LIKENESS_OFFSET) ** THRESHOLD_LIKENESS_EXPONENT
            * rarity**THRESHOLD_RARITY_EXPONENT
        )


class _Index:
    """Term -> the topics that carry it and how much, for one language."""

    def __init__(self, models: Sequence[TopicModel], language: str) -> None:
        self._topics = len(models)
        sides = [(model.side(language), model.factor) for model in models]
        self.strictness = np.array([_strictness(*each) for each in sides], np.float64)
        self.ceilings = np.array([_ceiling(*each) for each in sides], np.float64)
        rows: dict[str, tuple[array[int], array[float]]] = {}
        for at, model in enumerate(models):
            for term, weight in model.side(language).vector.items():
                places, weights = rows.setdefault(term, (array("i"), array("d")))
                places.append(at)
                weights.append(weight)
        self._rows = {
            term: (np.frombuffer(places, np.int32), np.frombuffer(weights)) for term, (places, weights) in rows.items()
        }

    def with_side(self, at: int, before: LanguageSide, after: LanguageSide) -> _Index:
        """The same with one topic's terms in place of its earlier ones."""
        found = object.__new__(_Index)
        found._topics, found._rows = self._topics, dict(self._rows)
        found.strictness, found.ceilings = self.strictness.copy(), self.ceilings.copy()
        if before.packed is after.packed:
            return found
        earlier, later = before.vector, after.vector
        for term in earlier.keys() | later.keys():
            places, weights = found._rows.get(term, _NONE)
            others = places != at
            places, weights = places[others], weights[others]
            if term in later:
                places, weights = np.append(places, np.int32(at)), np.append(weights, later[term])
            if len(places):
                found._rows[term] = places, weights
            else:
                del found._rows[term]
        return found

    def score(self, article: Vector) -> Floats:
        """The cosine of the article with every topic."""
        found = [(row, weight) for term, weight in article.items() if (row := self._rows.get(term))]
        if not found:
            return np.zeros(self._topics)
        places = np.concatenate([row[0] for row, _ in found])
        shares = np.concatenate([row[1] * weight for row, weight in found])
        return np.bincount(places, shares, self._topics).astype(np.float64)


_NONE = np.array([], np.int32), np.array([], np.float64)


def _threshold(of_topic: Floats | float, of_article: float, ceiling: Floats | float) -> Any:
    """The threshold rule, for one topic or an array of them: the topic's part times the article's, at most the topic's ceiling."""
    return np.minimum(of_topic * of_article - SHIFT, ceiling)


def _strictness(side: LanguageSide, factor: float) -> float:
    """What the threshold is multiplied by for this topic: a mean of several examples lies nearer to everything than one
    example, and the less alike they are the less near it lies to its own."""
    examples = max(1, min(side.examples, EXAMPLES_CAP))
    coherence = min(max(side.coherence, COHERENCE_FLOOR), 1.0)
    return float(examples**THRESHOLD_EXAMPLES_EXPONENT * coherence**THRESHOLD_COHERENCE_EXPONENT * factor)


def _ceiling(side: LanguageSide, factor: float) -> float:
    """The highest threshold of this topic. Without examples in the language it has none."""
    return THRESHOLD_CEILING * side.coherence * factor if side.coherence > 0 else math.inf


class Tracker:
    """A matcher that follows its topics: what teaches a topic (monitor.matching.self_training) does so before the next article is scored.

    Safe to share between threads. What it has learned is in the store as well (matches, lessons), so a restart loses nothing.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._latest: deque[Example] = deque(maxlen=100)
        self._stored: deque[Example] = deque(maxlen=100)
        self._one_at_a_time = threading.Lock()

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The topics in force."""
        return self.matcher.topics

    def begin(self) -> None:
        """What is in the store by now is read from there: call it before a matcher is built anew."""
        with self._one_at_a_time:
            self._stored.clear()

    def renew(self, matcher: Matcher) -> None:
        """Go on with a matcher built anew, and with what was learned or stored since `begin`. Not with what was learned before:
        what a busy topic has let go would come back as its newest hits, and a restart know another topic."""
        with self._one_at_a_time:
            self.matcher = matcher.with_hits([*self._stored, *self._latest])

    def stored(self, title: str, text: str, language: str, scores: Iterable[Score]) -> None:
        """What these scores of an article taught is in the store now."""
        hits = [_lesson_of(each, title, text, language) for each in scores if each.lesson]
        if hits:
            with self._one_at_a_time:
                self._drop(hits)
                self._stored.extend(hits)

    def score(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """As Matcher.score."""
        with self._one_at_a_time:
            return self._learned(self.matcher.score(title, text, language), title, text, language)

    def matches(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """As Matcher.matches."""
        with self._one_at_a_time:
            return self._learned(self.matcher.matches(title, text, language), title, text, language)

    def forget(self, title: str, text: str, language: str, scores: Iterable[Score]) -> None:
        """Unlearn what these scores of an article taught: it turned out to say something else."""
        hits = [_lesson_of(each, title, text, language) for each in scores if each.lesson]
        with self._one_at_a_time:
            self.matcher = self.matcher.without_hits(hits)
            self._drop(hits)

    def _drop(self, hits: Sequence[Example]) -> None:
        kept = [each for each in self._latest if each not in hits]
        self._latest = deque(kept, maxlen=self._latest.maxlen)

    def _learned(self, scores: tuple[Score, ...], title: str, text: str, language: str) -> tuple[Score, ...]:
        return tuple(self._taught(each, title, text, language) if each.lesson else each for each in scores)

    def _taught(self, score: Score, title: str, text: str, language: str) -> Score:
        """The score, once its topic has learned from it; one without a lesson where it had nothing to learn."""
        hit = _lesson_of(score, title, text, language)
        found = self.matcher.with_hits([hit])
        if found is self.matcher:
            return replace(score, lesson=0.0)
        self._latest.append(hit)
        self.matcher = found
        return score


def _lesson_of(score: Score, title: str, text: str, language: str) -> Example:
    return Example(topic=score.topic, title=title, text=text, language=language, is_relevant=True, weight=score.lesson)
