"""Score articles in languages without seeds, by embeddings. Pure: the embeddings are given.

A topic is the mean of its seeds' embeddings, minus a share of its counter-seeds'; an article is scored by its cosine with that
mean. Embeddings of one language lie in a narrow cone, so each language's centre is subtracted first: otherwise no threshold
suits two languages. Topics train themselves on confident matches, separately in each language. The lexical and the semantic
score compete; the larger margin wins. Measurements are in docs/matching.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from monitor.matching import sensitivity
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.margins import plain_ratio, threshold_at
from monitor.matching.model import code
from monitor.matching.topic_rules import forbidden
from monitor.matching.tuning import (
    CENTRE_ENOUGH,
    CENTRE_MIN_ARTICLES,
    CENTRE_ONE_IN,
    CENTRE_PRIOR,
    COLD_THRESHOLD_RISE,
    EMBEDDED_SENTENCES,
    EMBEDDING_PUSH,
    EMBEDDING_SELF_TRAINING_FROM,
    EMBEDDING_SELF_TRAINING_KEPT,
    EMBEDDING_THRESHOLD,
    EVIDENCE_SENTENCE_CHARACTERS,
)
from monitor.text.tokens import sentences, shorten
from monitor.types import digests
from monitor.types.matching import Contribution, Evidence, Example, Score, Seed, Topic

SEMANTIC_TERM = "(meaning)"
"""The single term in the evidence of a semantic score, which has no terms that add up."""
Sentences = Callable[[Sequence[str]], Sequence[EmbeddingVector | None]]
"""Embeds sentences of an article, to name the one nearest to the topic."""


class LanguageCentres:
    """The mean embedding of each language."""

    def __init__(
        self, seen: Mapping[str, Sequence[EmbeddingVector]], shipped: Mapping[str, EmbeddingVector] | None = None
    ) -> None:
        """`seen`: embeddings of stored articles by language. `shipped`: prior centres by language, '' for all others; empty for
        an embedder that we have not measured."""
        self._seen = {language: (len(found), np.mean(found, axis=0)) for language, found in seen.items() if len(found)}
        self._prior = dict(shipped or {})
        self.total = sum(count for count, _ in self._seen.values())
        if not self._prior and self.total:
            self._prior[""] = sum(count * mean for count, mean in self._seen.values()) / self.total

    @property
    def is_known(self) -> bool:
        """Whether there are enough articles to score by; until then the embedder only collects them."""
        return bool(self._prior) and (len(self._prior) > 1 or self.total >= CENTRE_MIN_ARTICLES)

    def is_warm(self, language: str) -> bool:
        """Whether the centre of a language is certain enough for self-training."""
        return self.count(language) >= CENTRE_PRIOR

    def coldness(self, language: str) -> float:
        """Weight of the prior in a language's centre: 1 without articles, near 0 with many."""
        return CENTRE_PRIOR / (self.count(language) + CENTRE_PRIOR)

    def count(self, language: str) -> int:
        """Number of articles seen in a language."""
        return self._seen[language][0] if language in self._seen else 0

    def centred(self, vector: EmbeddingVector, language: str) -> EmbeddingVector:
        """The vector minus the centre of its language, at unit length."""
        seen, mean = self._seen.get(language, (0, 0.0))
        prior = self._prior.get(language, self._prior.get("", 0.0))
        return unit(vector - (seen * mean + CENTRE_PRIOR * prior) / (seen + CENTRE_PRIOR))


@dataclass(frozen=True, slots=True)
class ExampleEmbedding:
    """The embedding of a seed or a reviewed article."""

    file: str
    language: str
    vector: EmbeddingVector
    """Centred."""
    weight: float
    is_counter: bool


@dataclass(frozen=True, slots=True)
class SemanticMatch:
    """A confident match that a topic trains itself on."""

    key: int
    """Hash of its text: copies count once."""
    vector: EmbeddingVector
    """Centred."""


@dataclass(frozen=True, slots=True)
class SemanticTopic:
    """The semantic model of one topic."""

    topic: Topic
    seed_languages: frozenset[str]
    """Languages of its seeds: articles in these are scored lexically."""
    samples: tuple[ExampleEmbedding, ...]
    threshold: float
    """A cosine, at balanced sensitivity."""
    base: str
    """The version without self-training."""
    matches: Mapping[str, tuple[SemanticMatch, ...]]
    """Unreviewed matches that it trained itself on, by language, oldest first."""

    def vector(self, language: str) -> EmbeddingVector:
        """The topic's unit vector for a language: the mean of seeds and matches, minus a share of the counter-seeds."""
        wanted = [(each.weight, each.vector) for each in self.samples if not each.is_counter]
        found = self.matches.get(language, ())
        share = min(1.0, sum(weight for weight, _ in wanted) / max(len(found), 1))
        towards = unit(_weighted_sum([*wanted, *((share, each.vector) for each in found)]))
        away = [(each.weight, each.vector) for each in self.samples if each.is_counter]
        return unit(towards - EMBEDDING_PUSH * unit(_weighted_sum(away))) if away else towards

    @property
    def version(self) -> str:
        """Changes whenever it could score differently."""
        learned = [(language, [each.key for each in found]) for language, found in sorted(self.matches.items())]
        return digests.of_plain((self.base, learned)) if learned else self.base

    def with_match(self, language: str, match: SemanticMatch) -> SemanticTopic | None:
        """The topic after training on one more match; None if the text is known or the language has seeds."""
        known = self.matches.get(language, ())
        if language in self.seed_languages or match.key in {each.key for each in known}:
            return None
        return replace(self, matches={**self.matches, language: (*known, match)[-EMBEDDING_SELF_TRAINING_KEPT:]})


class SemanticModel:
    """The semantic models of all topics. Immutable; build a new one when seeds, verdicts or centres change."""

    def __init__(
        self, embedder: str, topics: Sequence[Topic], models: Sequence[SemanticTopic], centres: LanguageCentres
    ) -> None:
        self.embedder = embedder
        self.centres = centres
        self._topic_models = tuple(models)
        self._positions = {each.topic.name: at for at, each in enumerate(models)}
        self._matrices: dict[str, EmbeddingVector] = {}
        self._seed_languages = [seed_languages(each) for each in topics if each.is_enabled]

    def wants(self, language: str, text_key: int) -> bool:
        """Whether an article should be embedded: some topic has no seed in its language, or the language's centre needs more
        articles."""
        language = code(language)
        if not any(self._seed_languages):
            return False
        if self.reads(language):
            return True
        is_of_use = self.centres.count(language) < self.centres.total
        return self.centres.count(language) < CENTRE_ENOUGH or (is_of_use and text_key % CENTRE_ONE_IN == 0)

    def reads(self, language: str) -> bool:
        """Whether some topic is compared with articles in this language by embeddings: it has no seed in it."""
        return any(languages and code(language) not in languages for languages in self._seed_languages)

    def improve(
        self,
        scores: Sequence[Score],
        title: str,
        text: str,
        language: str,
        vector: EmbeddingVector,
        sentences_of: Sentences,
        *,
        factor_of: Callable[[str], float | None] | None = None,
        with_misses: bool = False,
    ) -> tuple[Score, ...]:
        """The scores, with a semantic score in place of a lexical one where its margin is larger. Topics without a lexical
        score are added if they match. `with_misses`: give evidence below the threshold, too.

        The threshold is multiplied by the factor of the lexical score or, without one, by `factor_of` (None: leave the topic
        out): one factor for all languages, because sensitivity counts alerts in all of them (monitor.matching.sensitivity).
        """
        if not self._is_comparable(vector):
            return tuple(scores)
        strictness = 1 + COLD_THRESHOLD_RISE * self.centres.coldness(code(language))
        centred = self.centres.centred(vector, code(language))
        article = _EmbeddedArticle(title, text, code(language), centred, strictness, sentences_of, with_misses)
        cosines = (self._matrix(article.language) @ centred).tolist()
        semantic = {
            model.topic.name: (model, cosine)
            for model, cosine in zip(self._topic_models, cosines, strict=True)
            if article.language not in model.seed_languages
        }
        best = [self._better(lexical, semantic.pop(lexical.topic, None), article) for lexical in scores]
        # with very many topics, `scores` holds lexical matches only
        for name, (model, cosine) in semantic.items():
            factor = factor_of(name) if factor_of else _default_factor(model)
            if factor is not None and cosine >= _threshold(model, factor, article):
                best.append(self._score(model, cosine, factor, article))
        return tuple(best)

    def with_match(self, topic: str, language: str, text_key: int, vector: EmbeddingVector) -> SemanticModel:
        """The model after training one topic on a match; itself if the match adds nothing."""
        at, language = self._positions.get(topic), code(language)
        if at is None or not self._is_comparable(vector) or not self.centres.is_warm(language):
            return self
        changed = self._topic_models[at].with_match(
            language, SemanticMatch(text_key, self.centres.centred(vector, language))
        )
        if changed is None:
            return self
        found = copy(self)
        found._topic_models = (*self._topic_models[:at], changed, *self._topic_models[at + 1 :])
        found._matrices = dict(self._matrices)
        if language in found._matrices:
            found._matrices[language] = found._matrices[language].copy()
            found._matrices[language][at] = changed.vector(language)
        return found

    def _is_comparable(self, vector: EmbeddingVector) -> bool:
        return (
            bool(self._topic_models)
            and self.centres.is_known
            and vector.shape == self._topic_models[0].samples[0].vector.shape
        )

    def _matrix(self, language: str) -> EmbeddingVector:
        """One row for each topic; languages without self-training share a matrix."""
        shared = language if any(language in each.matches for each in self._topic_models) else ""
        if shared not in self._matrices:
            self._matrices[shared] = np.array([each.vector(shared) for each in self._topic_models], np.float32)
        return self._matrices[shared]

    def _better(self, lexical: Score, semantic: tuple[SemanticTopic, float] | None, article: _EmbeddedArticle) -> Score:
        if semantic is None:
            return lexical
        model, cosine = semantic
        threshold = _threshold(model, lexical.factor, article)
        is_further = plain_ratio(cosine, threshold) > plain_ratio(lexical.score, lexical.threshold)
        return self._score(model, cosine, lexical.factor, article) if is_further else lexical

    def _score(self, model: SemanticTopic, cosine: float, factor: float, article: _EmbeddedArticle) -> Score:
        found = Score(
            topic=model.topic.name,
            score=cosine,
            threshold=_threshold(model, factor, article),
            is_match=False,
            factor=factor,
            model_version=model.version if factor == 1.0 else digests.of_plain((model.version, f"{factor:.4f}")),
        )
        if cosine < found.threshold:
            return replace(found, evidence=self._evidence(model, cosine, article)) if article.with_misses else found
        if reason := forbidden(model.topic, article.title, article.text, article.language):
            return replace(found, blocked=reason)
        return replace(found, is_match=True, evidence=self._evidence(model, cosine, article))

    def _evidence(self, model: SemanticTopic, cosine: float, article: _EmbeddedArticle) -> Evidence:
        file, seed_language, likeness = nearest(article.vector, model.samples)
        return Evidence(
            terms=(Contribution(term=SEMANTIC_TERM, weight=cosine),),
            sentence=self._best_sentence(model, article),
            seed=file,
            seed_similarity=likeness,
            across=seed_language,
        )

    def _best_sentence(self, model: SemanticTopic, article: _EmbeddedArticle) -> str:
        """The sentence nearest to the topic; the title if there is no body or the embedder fails."""
        offered = [each for each in sentences(article.text)[:EMBEDDED_SENTENCES] if excerpt("", each)] or [
            article.title
        ]
        if len(offered) == 1:
            return shorten(offered[0], EVIDENCE_SENTENCE_CHARACTERS)
        topic = model.vector(article.language)
        centred = [
            (float(self.centres.centred(vector, article.language) @ topic), sentence)
            for vector, sentence in zip(
                article.sentences_of([excerpt("", each) for each in offered]), offered, strict=True
            )
            if vector is not None
        ]
        best = max(centred, key=lambda each: each[0], default=(0.0, article.title))
        return shorten(best[1], EVIDENCE_SENTENCE_CHARACTERS)


@dataclass(frozen=True, slots=True)
class _EmbeddedArticle:
    title: str
    text: str
    language: str
    vector: EmbeddingVector
    """Centred."""
    strictness: float
    """Multiplier of every topic's threshold."""
    sentences_of: Sentences
    with_misses: bool = False


def build(
    embedder: str,
    topics: Sequence[Topic],
    *,
    vectors: Mapping[int, EmbeddingVector],
    centres: LanguageCentres,
    examples: Iterable[Example] = (),
    threshold: float | None = None,
) -> SemanticModel:
    """The semantic model of the enabled topics. `vectors`: embeddings by `text_key`. Topics without an embedded seed are left
    out. `threshold` replaces EMBEDDING_THRESHOLD."""
    reviewed: dict[str, list[Example]] = {}
    for example in examples:
        reviewed.setdefault(example.topic, []).append(example)
    models = [
        model
        for topic in topics
        if topic.is_enabled
        and (model := _build_topic(embedder, topic, reviewed.get(topic.name, ()), vectors, centres, threshold))
    ]
    return SemanticModel(embedder, topics, models, centres)


def text_key(article: Seed | Example) -> int:
    """The key of an example's embedding."""
    return key(excerpt(article.title, article.text))


def seed_languages(topic: Topic) -> frozenset[str]:
    """The languages of a topic's seeds."""
    return frozenset(code(each.language) for each in topic.seeds if not each.is_counter)


def nearest(centred: EmbeddingVector, samples: Iterable[ExampleEmbedding]) -> tuple[str, str, float]:
    """File, language and cosine of the wanted example most similar to an article; ('', '', 0.0) without one."""
    wanted = [(each.file, each.language, float(each.vector @ centred)) for each in samples if not each.is_counter]
    return max(wanted, key=lambda each: each[2], default=("", "", 0.0))


def unit(vector: EmbeddingVector) -> EmbeddingVector:
    """The vector at unit length; unchanged if its length is zero."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 1e-9 else vector).astype(np.float32)


def _build_topic(
    embedder: str,
    topic: Topic,
    examples: Sequence[Example],
    vectors: Mapping[int, EmbeddingVector],
    centres: LanguageCentres,
    threshold: float | None,
) -> SemanticTopic | None:
    samples = [
        ExampleEmbedding(
            file, code(each.language), centres.centred(vectors[found], code(each.language)), weight, is_counter
        )
        for each, file, weight, is_counter in _weighted_examples(topic, examples)
        if (found := text_key(each)) in vectors
    ]
    wanted = [each for each in samples if not each.is_counter]
    if not wanted:
        return None
    level = threshold if threshold is not None else EMBEDDING_THRESHOLD
    known = [(each.file, each.is_counter) for each in samples]
    version = digests.of_embedded_topic(embedder, topic, known, level, centres.total)
    return SemanticTopic(topic, seed_languages(topic), tuple(samples), level, version, {})


def _default_factor(model: SemanticTopic) -> float:
    """The factor of a topic without a lexical score."""
    return sensitivity.default_factor(model.topic.sensitivity)


def _threshold(model: SemanticTopic, factor: float, article: _EmbeddedArticle) -> float:
    """Bent like the lexical threshold, so that margins, which sensitivity counts by, mean the same here."""
    return threshold_at(model.threshold * article.strictness, factor)


def _weighted_examples(topic: Topic, examples: Sequence[Example]) -> list[tuple[Seed | Example, str, float, bool]]:
    seeds: list[tuple[Seed | Example, str, float, bool]] = [
        (each, each.file, each.weight, each.is_counter) for each in topic.seeds
    ]
    return [*seeds, *((each, "(verdict)", 1.0, not each.is_relevant) for each in examples)]


def _weighted_sum(weighted: Sequence[tuple[float, EmbeddingVector]]) -> EmbeddingVector:
    return np.sum([weight * vector for weight, vector in weighted], axis=0)  # type: ignore[no-any-return]


def is_confident(score: Score) -> bool:
    """Whether the topic may train itself on this match. Lowering sensitivity raises alerts but not self-training."""
    return score.is_match and score.score * min(score.factor, 1.0) >= EMBEDDING_SELF_TRAINING_FROM * score.threshold
