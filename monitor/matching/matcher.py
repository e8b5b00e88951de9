"""Score articles against all topics at once. Pure.

A topic is one term vector for each language of its seeds (monitor.matching.model). An article's score is its cosine with that
vector, a sum over terms, so every score can be explained. An inverted index (term to topics) scores all topics in one pass.

One fixed threshold does not suit all: long and ordinary articles share more with any topic, and a topic with many, similar
examples is closer to its own articles. So the threshold depends on the article (its likeness to the ordinary article of its
language, the rarity of its terms) and on the topic (number and coherence of its examples). What was measured, and what did not
help, is in docs/matching.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from monitor.matching import evidence, margins, self_training, sensitivity
from monitor.matching.background import Background
from monitor.matching.calibration import Calibration
from monitor.matching.model import (
    ANY_LANGUAGE,
    LanguageSide,
    TopicModel,
    code,
    example_vector,
    heaviest,
    learn,
    themes,
    vector,
)
from monitor.matching.term_vectors import TermVector, dot, ordered_dot
from monitor.matching.topic_index import Floats, TopicIndex, topic_index
from monitor.matching.topic_rules import forbidden
from monitor.matching.topic_threshold import article_strictness, ceiling, threshold_of, topic_strictness
from monitor.matching.tuning import (
    BOUNDED_FROM,
    BOUNDED_PART,
    FULL_TEXT_FROM,
    SELF_TRAINING_ANCHOR_FROM,
    SELF_TRAINING_FULL_FROM,
)
from monitor.types.matching import Contribution, Evidence, Example, Reason, Score, Topic


def build(
    topics: Sequence[Topic],
    *,
    background: Background,
    examples: Sequence[Example] = (),
    self_trained: Sequence[Example] = (),
    calibration: Calibration | None = None,
    factors: Mapping[str, float] | None = None,
    quotas: Mapping[str, int] | None = None,
    known: Mapping[str, TopicModel] | None = None,
) -> Matcher:
    """A matcher for the enabled topics, in their order.

    `examples` are reviewed articles; `self_trained` are articles that topics trained themselves on and nobody has reviewed,
    oldest first; those of other topics are ignored. `calibration`: without it no score has a probability. `factors`: threshold
    multipliers by topic (monitor.matching.sensitivity), else the default of its sensitivity. `quotas`: partial self-training
    examples a topic may still take (monitor.matching.self_training), else none. `known`: models that need not be learned, as
    for `monitor.matching.model.learn`.
    """
    reviewed, trained = _by_topic(examples), _by_topic(self_trained)
    models = [
        _configured(
            learn(topic, reviewed.get(topic.name, ()), trained.get(topic.name, ()), background, known),
            (factors or {}).get(topic.name),
            (quotas or {}).get(topic.name, 0),
        )
        for topic in topics
        if topic.is_enabled
    ]
    return Matcher(models, background, calibration=calibration)


def _configured(model: TopicModel, factor: float | None, quota: int) -> TopicModel:
    usual = sensitivity.default_factor(model.topic.sensitivity)
    model = replace(model, remaining_quota=quota)
    return replace(model, factor=usual) if factor in (None, usual) else model.with_factor(factor or usual)


def _by_topic(examples: Iterable[Example]) -> Mapping[str, Sequence[Example]]:
    found: dict[str, list[Example]] = {}
    for example in examples:
        found.setdefault(example.topic, []).append(example)
    return found


def _training_share(score: float, threshold: float, factor: float) -> float:
    """The share by which self-training is decided. Lowering sensitivity raises alerts but not self-training, so factors below 1
    are ignored."""
    return margins.share(score, threshold, min(factor, 1.0))


def is_near(score: Score) -> bool:
    """Whether the full text of a partly read article could change this result: it is near the threshold, or only lacks a
    required term."""
    if score.blocked is not None:
        return score.blocked is Reason.NOT_REQUIRED
    return FULL_TEXT_FROM <= margins.share(score.score, score.threshold) < SELF_TRAINING_FULL_FROM


def nearness(score: Score) -> float:
    """Distance of a score from its threshold, as a share of the threshold: 0 at the threshold."""
    return abs(1.0 - margins.share(score.score, score.threshold))


class Matcher:
    """All topics, ready to score. Immutable; build a new one when seeds, verdicts or background change."""

    def __init__(
        self,
        models: Sequence[TopicModel],
        background: Background,
        indexes: Mapping[str, TopicIndex] | None = None,
        *,
        calibration: Calibration | None = None,
    ) -> None:
        self._position_of = {model.topic.name: at for at, model in enumerate(models)}
        self._models = tuple(models)
        self._background = background
        self.calibration = calibration or Calibration()
        self._indexes = dict(indexes or {})
        self._anchors: dict[tuple[str, str], LanguageSide] = {}
        self._languages = frozenset(language for model in models for language in model.sides)
        self.topics: tuple[Topic, ...] = tuple(model.topic for model in models)

    def with_training(self, examples: Iterable[Example]) -> Matcher:
        """The matcher after training on these articles; itself if none of them is new to its topic."""
        found = self
        for example in examples:
            at = found._position_of.get(example.topic)
            model = None if at is None else found._models[at].with_training(example_vector(example, self._background))
            if at is not None and model is not None:
                found = found._with_model(at, model)
        return found

    def without_training(self, examples: Iterable[Example]) -> Matcher:
        """The matcher as if it had never trained itself on these articles."""
        found = self
        for name, of_topic in _by_topic(examples).items():
            if (at := found._position_of.get(name)) is not None:
                model = found._models[at].without_training(
                    {example_vector(each, self._background).key for each in of_topic}
                )
                found = found if model is found._models[at] else found._with_model(at, model)
        return found

    def without(self, title: str, text: str, language: str) -> Matcher:
        """The matcher as if no topic had trained itself on this article: it would find itself."""
        return self.without_training(
            Example(topic=each.name, title=title, text=text, language=language, is_relevant=True)
            for each in self.topics
        )

    def with_topics(self, wanted: Sequence[Topic], fresh: Matcher) -> Matcher:
        """A matcher of these topics, with the models of `fresh` where it has them and those of this matcher elsewhere."""
        known = {model.topic.name: model for model in (*self._models, *fresh._models)}
        models = [known[topic.name] for topic in wanted if topic.is_enabled]
        if [model.topic.name for model in models] != list(self._position_of):
            return Matcher(models, self._background, calibration=fresh.calibration)
        found = self
        for model in fresh._models:
            found = found._with_model(self._position_of[model.topic.name], model)
        return Matcher(found._models, self._background, found._indexes, calibration=fresh.calibration)

    def _with_model(self, at: int, model: TopicModel) -> Matcher:
        models = (*self._models[:at], model, *self._models[at + 1 :])
        before = self._models[at]
        indexes = {
            language: index.with_side(at, before.side(language), model.side(language))
            for language, index in self._indexes.items()
        }
        for language, index in indexes.items():
            side = model.side(language)
            index.strictness[at], index.ceilings[at] = topic_strictness(side, model.factor), ceiling(side, model.factor)
        found = Matcher(models, self._background, indexes, calibration=self.calibration)
        found._anchors = self._anchors
        return found

    @property
    def models(self) -> tuple[TopicModel, ...]:
        """The models of its topics, in their order."""
        return self._models

    @property
    def background(self) -> Background:
        """The background statistics it scores with."""
        return self._background

    def score(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """One score for each topic, in topic order. Only matches have evidence."""
        article, scores, thresholds = self._weigh(title, text, language)
        rows = zip(self._models, scores.tolist(), thresholds.tolist(), strict=True)
        return tuple(self._score(model, article, value, threshold) for model, value, threshold in rows)

    def matches(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """Only the scores at or above their threshold, blocked ones included. Cheap for any number of topics."""
        article, scores, thresholds = self._weigh(title, text, language, is_matches_only=True)
        return tuple(
            self._score(self._models[at], article, float(scores[at]), float(thresholds[at]))
            for at in np.flatnonzero(scores >= thresholds)
        )

    def calibrated(self, score: Score) -> Score:
        """The score with its probability, where its topic is calibrated."""
        known = self.calibration.topics.get(score.topic)
        if not (known and known.is_calibrated):
            bare = score.probability is None and score.measured is None
            return score if bare else replace(score, probability=None, measured=None)
        within = margins.margin(score.score, score.threshold, score.factor)
        return replace(score, probability=self.calibration.probability(score.topic, within), measured=known.measured)

    def score_of(self, topic: str, title: str, text: str, language: str) -> Score | None:
        """One topic's score, without evidence; None if it is not one of these topics."""
        at = self._position_of.get(topic)
        if at is None:
            return None
        article, scores, thresholds = self._weigh(title, text, language)
        return self._bare_score(self._models[at], article, float(scores[at]), float(thresholds[at]))

    def evidence(self, topic: str, title: str, text: str, language: str) -> Evidence:
        """Evidence for any article, above or below the threshold. KeyError as for `model`."""
        return self._evidence(self.model(topic), _ArticleVector(title, text, language, self._background))

    def heaviest(self, topic: str, *, limit: int = 20) -> dict[str, tuple[Contribution, ...]]:
        """By language, the heaviest terms of a topic in the spelling of its seeds. KeyError as for `model`."""
        model = self.model(topic)
        languages = [language for language in model.sides if language != ANY_LANGUAGE] or [ANY_LANGUAGE]
        return {language: heaviest(model, language, limit) for language in languages}

    def weights(self, topic: str, language: str) -> TermVector:
        """The topic's vector for a language, stem to weight. KeyError as for `model`."""
        return self.model(topic).side(code(language)).vector

    def themes(self, topic: str, language: str) -> frozenset[str]:
        """The heaviest stems of a topic's seeds, which nearly all its articles contain. Empty for an unknown topic."""
        return themes(self.model(topic), code(language)) if topic in self._position_of else frozenset()

    def rarity(self, language: str) -> Mapping[str, float]:
        """IDF of stems in a language."""
        return self._background.table(code(language)).idf

    def model(self, topic: str) -> TopicModel:
        """The model of one topic; its version changes whenever it could score differently. KeyError if unknown or not enabled."""
        return self._models[self._position_of[topic]]

    def _weigh(
        self, title: str, text: str, language: str, *, is_matches_only: bool = False
    ) -> tuple[_ArticleVector, Floats, Floats]:
        """The article with its scores and thresholds; with `is_matches_only`, scores that cannot match may be left at 0."""
        article = _ArticleVector(title, text, language, self._background)
        index = self._index(article.language)
        thresholds = threshold_of(index.strictness, article.strictness, index.ceilings)
        scores = self._few_scores(index, article, thresholds) if is_matches_only else None
        return article, index.score(article.vector) if scores is None else scores, thresholds

    def _few_scores(self, index: TopicIndex, article: _ArticleVector, thresholds: Floats) -> Floats | None:
        """The scores of the topics that could match, the rest 0; None where that would not be cheaper than all scores.

        Each is added up in the article's own order, as `TopicIndex.score` does: the same numbers to the last bit."""
        if len(self._models) < BOUNDED_FROM:
            return None
        near = np.flatnonzero(index.bound(article.vector) >= thresholds)
        if len(near) * BOUNDED_PART > len(self._models):
            return None
        scores = np.zeros(len(self._models))
        for at in near:
            scores[at] = ordered_dot(article.vector, self._models[at].side(article.language).vector)
        return scores

    def _score(self, model: TopicModel, article: _ArticleVector, value: float, threshold: float) -> Score:
        found = self._bare_score(model, article, value, threshold)
        if value < threshold:
            return found
        if blocked := forbidden(model.topic, article.title, article.text, article.language):
            return replace(found, blocked=blocked)
        return replace(found, is_match=True, evidence=self._evidence(model, article))

    def _bare_score(self, model: TopicModel, article: _ArticleVector, value: float, threshold: float) -> Score:
        found = Score(
            topic=model.topic.name,
            score=value,
            threshold=threshold,
            is_match=False,
            factor=model.factor,
            model_version=model.version,
            self_training_weight=self._training_weight(model, article, value, threshold),
        )
        return self.calibrated(found)

    def nearness(self, topic: str, title: str, text: str, language: str) -> float | None:
        """The cosine of an article's words with the topic's, without what it learned by itself; None in a language in which the
        topic has no words."""
        model = self.model(topic)
        if code(language) not in model.sides:
            return None
        article = _ArticleVector(title, text, language, self._background)
        return dot(article.vector, self._anchor(model, article.language).vector)

    def _training_weight(self, model: TopicModel, article: _ArticleVector, value: float, threshold: float) -> float:
        """Weight with which the topic may train itself on this article. Copies of known texts are only recognised during
        training."""
        if (
            model.topic.description.strip()
        ):  # its sentence would be drowned in its subject (docs/matching.md, "Self-training")
            return 0.0
        weight = self_training.weight(_training_share(value, threshold, model.factor))
        if not weight or (weight < 1.0 and not (model.remaining_quota and self._is_anchored(model, article))):
            return 0.0
        return 0.0 if forbidden(model.topic, article.title, article.text, article.language) else weight

    def _is_anchored(self, model: TopicModel, article: _ArticleVector) -> bool:
        """Whether the article is near the topic's vector without self-training."""
        side = self._anchor(model, article.language)
        factor = max(model.factor, 1.0)
        threshold = float(threshold_of(topic_strictness(side, factor), article.strictness, ceiling(side, factor)))
        return margins.share(dot(article.vector, side.vector), threshold) >= SELF_TRAINING_ANCHOR_FROM

    def _anchor(self, model: TopicModel, language: str) -> LanguageSide:
        key = model.base, language
        return self._anchors.get(key) or self._anchors.setdefault(key, model.anchor(language))

    def _evidence(self, model: TopicModel, article: _ArticleVector) -> Evidence:
        side = model.side(article.language)
        idf = self._background.table(article.language).idf
        return evidence.explain(
            article.read,
            article.vector,
            side.vector,
            [(file, packed.unpack()) for file, packed in side.seeds],
            idf,
        )

    def _index(self, language: str) -> TopicIndex:
        """The index of a language; languages without seeds share one."""
        key = language if language in self._languages else ANY_LANGUAGE
        if key not in self._indexes:
            self._indexes[key] = topic_index(self._models, key)
        return self._indexes[key]


class _ArticleVector:
    """An article's vector and its part of the threshold, computed once for all topics."""

    def __init__(self, title: str, text: str, language: str, background: Background) -> None:
        self.title, self.text, self.language = title, text, code(language)
        table = background.table(self.language)
        self.vector = vector(title, text, self.language, background)
        likeness, rarity = table.likeness(self.vector), table.rarity(self.vector)
        self.strictness = article_strictness(likeness, rarity)

    @cached_property
    def read(self) -> evidence.ArticleText:
        """Its words and sentences, for evidence."""
        return evidence.ArticleText(self.title, self.text, self.language)
