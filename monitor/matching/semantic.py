"""Vectors of topics and of an article in, scores across languages out. Pure: embeds nothing, reads no store.

Words do not meet across languages, meanings do. A topic is the mean of its seeds' vectors, pushed away from its counter-seeds;
an article in a language in which the topic has no seed is scored by the cosine of its vector with that mean. Vectors of one
language lie together in a narrow cone, so of each the centre of its language is taken off first: without that, no threshold
serves two languages. In each language a topic follows its subject by its own confident matches. Words and meaning are two
witnesses: the one that is further above its own threshold is heard. What was measured is in docs/matching.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace

import numpy as np

from monitor.matching import sensitivity
from monitor.matching.embedders import Vector, excerpt, key
from monitor.matching.margins import threshold_at
from monitor.matching.model import code
from monitor.matching.rules import forbidden
from monitor.matching.tuning import (
    CENTRE_LEAST,
    CENTRE_ONE_IN,
    CENTRE_PLENTY,
    CENTRE_PRIOR,
    COLD_RISE,
    EMBEDDED_SENTENCES,
    EMBEDDING_LESSON_FROM,
    EMBEDDING_LESSONS_KEPT,
    EMBEDDING_PUSH,
    EMBEDDING_THRESHOLD,
    EVIDENCE_SENTENCE_CHARACTERS,
)
from monitor.text.tokens import sentences, shorten
from monitor.types import digests
from monitor.types.matching import Contribution, Evidence, Example, Score, Seed, Topic

MEANING = "(meaning)"
"""The one part of a score by meaning: it has no terms that add up."""
Sentences = Callable[[Sequence[str]], Sequence[Vector | None]]
"""What embeds an article's sentences, to name the nearest one."""


class LanguageCentres:
    """Where the articles of each language lie."""

    def __init__(self, seen: Mapping[str, Sequence[Vector]], shipped: Mapping[str, Vector] | None = None) -> None:
        """`shipped` by language, '' for all others; empty for embedders that we know nothing of."""
        self._seen = {language: (len(found), np.mean(found, axis=0)) for language, found in seen.items() if len(found)}
        self._prior = dict(shipped or {})
        self.total = sum(count for count, _ in self._seen.values())
        if not self._prior and self.total:
            self._prior[""] = sum(count * mean for count, mean in self._seen.values()) / self.total

    @property
    def is_known(self) -> bool:
        """Whether enough is known to score by: until then an embedder is only warming up."""
        return bool(self._prior) and (len(self._prior) > 1 or self.total >= CENTRE_LEAST)

    def is_warm(self, language: str) -> bool:
        """Whether matches in a language are sure enough to learn from."""
        return self.count(language) >= CENTRE_PRIOR

    def coldness(self, language: str) -> float:
        """How much of a language's centre is assumed rather than seen: 1 on the first day, 0 in the end."""
        return CENTRE_PRIOR / (self.count(language) + CENTRE_PRIOR)

    def count(self, language: str) -> int:
        """Articles seen of a language."""
        return self._seen[language][0] if language in self._seen else 0

    def off(self, vector: Vector, language: str) -> Vector:
        """The vector seen from the centre of its language, as a unit vector."""
        seen, mean = self._seen.get(language, (0, 0.0))
        prior = self._prior.get(language, self._prior.get("", 0.0))
        return unit(vector - (seen * mean + CENTRE_PRIOR * prior) / (seen + CENTRE_PRIOR))


@dataclass(frozen=True, slots=True)
class ExampleEmbedding:
    """A seed or a reviewed article, as a topic learns from it."""

    file: str
    language: str
    vector: Vector
    """Off its language's centre."""
    weight: float
    is_counter: bool


@dataclass(frozen=True, slots=True)
class SemanticMatch:
    """A confident match."""

    key: int
    """Of its text: copies teach once."""
    vector: Vector
    """Off its language's centre."""


@dataclass(frozen=True, slots=True)
class SemanticTopic:
    """One topic by meaning."""

    topic: Topic
    spoken: frozenset[str]
    """Languages of its seeds: articles in them are matters of words."""
    samples: tuple[ExampleEmbedding, ...]
    threshold: float
    """Of a balanced topic."""
    base: str
    """The version without its hits."""
    hits: Mapping[str, tuple[SemanticMatch, ...]]
    """Its own confident matches that nobody has reviewed, by language, oldest first."""

    def vector(self, language: str) -> Vector:
        """How the topic looks in a language: the mean of seeds and hits, pushed away from the counter-seeds."""
        wanted = [(each.weight, each.vector) for each in self.samples if not each.is_counter]
        found = self.hits.get(language, ())
        share = min(1.0, sum(weight for weight, _ in wanted) / max(len(found), 1))
        towards = unit(_sum([*wanted, *((share, each.vector) for each in found)]))
        away = [(each.weight, each.vector) for each in self.samples if each.is_counter]
        return unit(towards - EMBEDDING_PUSH * unit(_sum(away))) if away else towards

    @property
    def version(self) -> str:
        """Changes whenever it could score differently."""
        learned = [(language, [each.key for each in found]) for language, found in sorted(self.hits.items())]
        return digests.of_plain((self.base, learned)) if learned else self.base

    def with_hit(self, language: str, hit: SemanticMatch) -> SemanticTopic | None:
        """The topic that has learned from one more article; None where it has nothing to learn from it."""
        known = self.hits.get(language, ())
        if language in self.spoken or hit.key in {each.key for each in known}:
            return None
        return replace(self, hits={**self.hits, language: (*known, hit)[-EMBEDDING_LESSONS_KEPT:]})


class SemanticModel:
    """All topics by meaning. Immutable; build a new one when seeds, verdicts or centres change."""

    def __init__(
        self, embedder: str, topics: Sequence[Topic], aspects: Sequence[SemanticTopic], centres: LanguageCentres
    ) -> None:
        self.embedder = embedder
        self.centres = centres
        self._aspects = tuple(aspects)
        self._places = {each.topic.name: at for at, each in enumerate(aspects)}
        self._matrices: dict[str, Vector] = {}
        self._spoken = [spoken_by(each) for each in topics if each.is_enabled]

    def wants(self, language: str, text_key: int) -> bool:
        """Whether an article is to be embedded: some topic has no seed in its language, or it helps to find the centre of one."""
        language = code(language)
        if not any(self._spoken):
            return False
        if any(spoken and language not in spoken for spoken in self._spoken):
            return True
        is_of_use = self.centres.count(language) < self.centres.total
        return self.centres.count(language) < CENTRE_PLENTY or (is_of_use and text_key % CENTRE_ONE_IN == 0)

    def improve(
        self,
        scores: Sequence[Score],
        title: str,
        text: str,
        language: str,
        vector: Vector,
        sentences_of: Sentences,
        *,
        factor_of: Callable[[str], float | None] | None = None,
        with_misses: bool = False,
    ) -> tuple[Score, ...]:
        """The scores by words, with those by meaning in place of them where these are further above their threshold;
        `with_misses` gives evidence to those below it too.

        What a topic's sensitivity multiplies the threshold by (monitor.matching.sensitivity) is that of its score by words, and by
        `factor_of` where that was not handed in: one factor, as what it asks for counts alerts in all languages."""
        if not self._fits(vector):
            return tuple(scores)
        strictness = 1 + COLD_RISE * self.centres.coldness(code(language))
        placed = self.centres.off(vector, code(language))
        article = _EmbeddedArticle(title, text, code(language), placed, strictness, sentences_of, with_misses)
        cosines = (self._matrix(article.language) @ placed).tolist()
        meant = {
            aspect.topic.name: (aspect, cosine)
            for aspect, cosine in zip(self._aspects, cosines, strict=True)
            if article.language not in aspect.spoken
        }
        heard = [self._heard(words, meant.pop(words.topic, None), article) for words in scores]
        # of very many topics only those that matched by words were handed in
        for name, (aspect, cosine) in meant.items():
            factor = factor_of(name) if factor_of else _usual(aspect)
            if factor is not None and cosine >= _threshold(aspect, factor, article):
                heard.append(self._score(aspect, cosine, factor, article))
        return tuple(heard)

    def with_hit(self, topic: str, language: str, text_key: int, vector: Vector) -> SemanticModel:
        """The meanings with one topic that has learned from a match; the same where it teaches nothing."""
        at, language = self._places.get(topic), code(language)
        if at is None or not self._fits(vector) or not self.centres.is_warm(language):
            return self
        changed = self._aspects[at].with_hit(language, SemanticMatch(text_key, self.centres.off(vector, language)))
        if changed is None:
            return self
        found = copy(self)
        found._aspects = (*self._aspects[:at], changed, *self._aspects[at + 1 :])
        found._matrices = dict(self._matrices)
        if language in found._matrices:
            found._matrices[language] = found._matrices[language].copy()
            found._matrices[language][at] = changed.vector(language)
        return found

    def _fits(self, vector: Vector) -> bool:
        return (
            bool(self._aspects) and self.centres.is_known and vector.shape == self._aspects[0].samples[0].vector.shape
        )

    def _matrix(self, language: str) -> Vector:
        """The topics in a language, a row each; languages without hits share one."""
        shared = language if any(language in each.hits for each in self._aspects) else ""
        if shared not in self._matrices:
            self._matrices[shared] = np.array([each.vector(shared) for each in self._aspects], np.float32)
        return self._matrices[shared]

    def _heard(self, words: Score, meant: tuple[SemanticTopic, float] | None, article: _EmbeddedArticle) -> Score:
        if meant is None:
            return words
        aspect, cosine = meant
        threshold = _threshold(aspect, words.factor, article)
        is_further = cosine / threshold > words.score / max(words.threshold, 1e-9)
        return self._score(aspect, cosine, words.factor, article) if is_further else words

    def _score(self, aspect: SemanticTopic, cosine: float, factor: float, article: _EmbeddedArticle) -> Score:
        found = Score(
            topic=aspect.topic.name,
            score=cosine,
            threshold=_threshold(aspect, factor, article),
            is_match=False,
            factor=factor,
            model_version=aspect.version if factor == 1.0 else digests.of_plain((aspect.version, f"{factor:.4f}")),
        )
        if cosine < found.threshold:
            return replace(found, evidence=self._evidence(aspect, cosine, article)) if article.with_misses else found
        if reason := forbidden(aspect.topic, article.title, article.text, article.language):
            return replace(found, blocked=reason)
        return replace(found, is_match=True, evidence=self._evidence(aspect, cosine, article))

    def _evidence(self, aspect: SemanticTopic, cosine: float, article: _EmbeddedArticle) -> Evidence:
        file, spoken, likeness = nearest(article.vector, aspect.samples)
        return Evidence(
            terms=(Contribution(term=MEANING, weight=cosine),),
            sentence=self._best_sentence(aspect, article),
            seed=file,
            seed_similarity=likeness,
            across=spoken,
        )

    def _best_sentence(self, aspect: SemanticTopic, article: _EmbeddedArticle) -> str:
        """The nearest to the topic; the title of an article without a body, or where the embedder fails."""
        offered = [each for each in sentences(article.text)[:EMBEDDED_SENTENCES] if excerpt("", each)] or [
            article.title
        ]
        if len(offered) == 1:
            return shorten(offered[0], EVIDENCE_SENTENCE_CHARACTERS)
        topic = aspect.vector(article.language)
        placed = [
            (float(self.centres.off(vector, article.language) @ topic), sentence)
            for vector, sentence in zip(
                article.sentences_of([excerpt("", each) for each in offered]), offered, strict=True
            )
            if vector is not None
        ]
        best = max(placed, key=lambda each: each[0], default=(0.0, article.title))
        return shorten(best[1], EVIDENCE_SENTENCE_CHARACTERS)


@dataclass(frozen=True, slots=True)
class _EmbeddedArticle:
    title: str
    text: str
    language: str
    vector: Vector
    """Off its language's centre."""
    strictness: float
    """What thresholds are multiplied by, whatever the topic."""
    sentences_of: Sentences
    with_misses: bool = False


def build(
    embedder: str,
    topics: Sequence[Topic],
    *,
    vectors: Mapping[int, Vector],
    centres: LanguageCentres,
    examples: Iterable[Example] = (),
    threshold: float | None = None,
) -> SemanticModel:
    """The enabled topics by meaning; `vectors` by the key of each text. A topic none of whose seeds has one is left to words."""
    reviewed: dict[str, list[Example]] = {}
    for example in examples:
        reviewed.setdefault(example.topic, []).append(example)
    aspects = [
        aspect
        for topic in topics
        if topic.is_enabled
        and (aspect := _aspect(embedder, topic, reviewed.get(topic.name, ()), vectors, centres, threshold))
    ]
    return SemanticModel(embedder, topics, aspects, centres)


def text_key(article: Seed | Example) -> int:
    """What the vector of an example is found by."""
    return key(excerpt(article.title, article.text))


def spoken_by(topic: Topic) -> frozenset[str]:
    """The languages of a topic's seeds."""
    return frozenset(code(each.language) for each in topic.seeds if not each.is_counter)


def nearest(placed: Vector, samples: Iterable[ExampleEmbedding]) -> tuple[str, str, float]:
    """File, language and cosine of the wanted sample most like an article."""
    wanted = [(each.file, each.language, float(each.vector @ placed)) for each in samples if not each.is_counter]
    return max(wanted, key=lambda each: each[2], default=("", "", 0.0))


def unit(vector: Vector) -> Vector:
    """To length one; a vector of no length stays as it is."""
    length = float(np.linalg.norm(vector))
    return (vector / length if length > 1e-9 else vector).astype(np.float32)


def _aspect(
    embedder: str,
    topic: Topic,
    examples: Sequence[Example],
    vectors: Mapping[int, Vector],
    centres: LanguageCentres,
    threshold: float | None,
) -> SemanticTopic | None:
    samples = [
        ExampleEmbedding(
            file, code(each.language), centres.off(vectors[found], code(each.language)), weight, is_counter
        )
        for each, file, weight, is_counter in _all(topic, examples)
        if (found := text_key(each)) in vectors
    ]
    wanted = [each for each in samples if not each.is_counter]
    if not wanted:
        return None
    level = threshold if threshold is not None else EMBEDDING_THRESHOLD
    known = [(each.file, each.is_counter) for each in samples]
    version = digests.of_embedded_topic(embedder, topic, known, level, centres.total)
    return SemanticTopic(topic, spoken_by(topic), tuple(samples), level, version, {})


def _usual(aspect: SemanticTopic) -> float:
    """The factor of a topic of which nothing is known yet."""
    return sensitivity.default(aspect.topic.sensitivity)


def _threshold(aspect: SemanticTopic, factor: float, article: _EmbeddedArticle) -> float:
    """Bent as that of words, so that what an intent counts by margins comes true here as well."""
    return threshold_at(aspect.threshold * article.strictness, factor)


def _all(topic: Topic, examples: Sequence[Example]) -> list[tuple[Seed | Example, str, float, bool]]:
    seeds: list[tuple[Seed | Example, str, float, bool]] = [
        (each, each.file, each.weight, each.is_counter) for each in topic.seeds
    ]
    return [*seeds, *((each, "(verdict)", 1.0, not each.is_relevant) for each in examples)]


def _sum(weighted: Sequence[tuple[float, Vector]]) -> Vector:
    return np.sum([weight * vector for weight, vector in weighted], axis=0)  # type: ignore[no-any-return]


def is_confident(score: Score) -> bool:
    """Whether a topic may learn from this match before anybody has looked at it. A low factor lets more be told, no more teach."""
    return score.is_match and score.score * min(score.factor, 1.0) >= EMBEDDING_LESSON_FROM * score.threshold
