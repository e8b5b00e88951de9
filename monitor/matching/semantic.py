"""Score articles by meaning, in every language, together with their words. Pure: the embeddings are given.

With a sentence of its owner, a topic's score is the sum of five parts: the article's likeness to the sentence, to the title and to
the examples, how unlike it is to other news, and how far its words are above their threshold. One threshold holds for all topics,
languages and numbers of examples. Without a sentence, words decide in the languages of the examples, moved a little by meaning, and
meaning alone in all others. Measurements are in docs/matching.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.matching import sensitivity
from monitor.matching.embedders import EmbeddingVector, excerpt
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.evidence import heavy_enough
from monitor.matching.margins import margin, share, share_inverse, threshold_at
from monitor.matching.model import code
from monitor.matching.ordinary_news import Neighbours, OrdinaryNews
from monitor.matching.semantic_topic import SemanticTopic, Sentences, build_topic, fullness_of
from monitor.matching.topic_rules import forbidden
from monitor.matching.tuning import (
    CONTRAST_MAX,
    CONTRAST_WEIGHT,
    EMBEDDED_SENTENCES,
    EVIDENCE_CANDIDATES,
    EVIDENCE_SENTENCE_CHARACTERS,
    ORDINARY_LEVEL,
    PRODUCT_ROUNDING,
    SEEDS_GAIN,
    SEEDS_LEVEL,
    SEEDS_LEVEL_FULL,
    SEEDS_THRESHOLD,
    SELF_TRAINING_AGREES_FROM,
    SENTENCE_STRICTNESS,
    SENTENCE_THRESHOLD,
    SHARE_OFFSET,
    WHOLE_SUBJECT_CONTRAST,
    WORDS_MARGIN_MAX,
    WORDS_MARGIN_MIN,
    WORDS_WEIGHT,
)
from monitor.text.terms import stem
from monitor.text.tokens import sentences, shorten, tokens
from monitor.types import digests
from monitor.types.matching import (
    ANSWERS_PART,
    CONTRAST_PART,
    OTHER_TERMS,
    SEMANTIC_PART,
    SUBJECT_PART,
    WORDS_PART,
    Contribution,
    Evidence,
    Example,
    Score,
    Topic,
)


@dataclass(frozen=True, slots=True)
class ArticleWords:
    """What the matcher by words says of an article, asked where it is needed."""

    score_of: Callable[[str], Score | None]
    """A topic's score by words; None if the topic is not followed."""
    evidence_of: Callable[[str], Evidence]
    """A topic's evidence by words."""
    calibrated: Callable[[Score], Score]
    """A score with the probability that its topic's verdicts give it."""
    is_content: Callable[[str], bool] = lambda word: True
    """Whether a word can say what the article is about."""


@dataclass(frozen=True, slots=True)
class EmbeddedArticle:
    """An article to score."""

    title: str
    text: str
    language: str
    key: int
    """Of its text (embedders.key)."""
    vector: EmbeddingVector
    """As the embedder gave it."""
    words: ArticleWords
    sentences_of: Sentences
    with_misses: bool = False
    """Give evidence below the threshold, too."""


class SemanticModel:
    """The semantic models of all topics. Immutable but for `ordinary`, which grows with the archive."""

    def __init__(
        self,
        embedder: str,
        models: Sequence[SemanticTopic],
        space: EmbeddingSpace,
        ordinary: OrdinaryNews,
        threshold: float | None = None,
        matrix: EmbeddingVector | None = None,
    ) -> None:
        """`threshold` replaces that of all scores that meaning leads. `matrix`: the models' vectors, where they are known."""
        self._threshold = threshold
        self.embedder = embedder
        self.space = space
        self.ordinary = ordinary
        self._models = tuple(models)
        self._matrix = np.array([each.vector for each in models], np.float32) if matrix is None else matrix

    @property
    def is_in_use(self) -> bool:
        """Whether any topic can be scored by meaning, and so whether articles are to be embedded."""
        return bool(self._models)

    @property
    def topics(self) -> frozenset[str]:
        """The topics that are scored by meaning."""
        return frozenset(each.topic.name for each in self._models)

    @property
    def titles_apart(self) -> frozenset[str]:
        """Those whose title says nothing of what their sentence says."""
        return frozenset(each.topic.name for each in self._models if each.is_title_apart)

    @property
    def scores_topics(self) -> bool:
        """Whether articles are scored by meaning already: not before a space of their own was learned for an embedder that we
        have not measured."""
        return bool(self._models) and self.space.is_known

    def with_topics(self, fresh: Iterable[SemanticTopic]) -> SemanticModel:
        """The model with these in the place of those of the same topics, beside the same archive."""
        models, matrix = list(self._models), self._matrix.copy()
        place_of = {each.topic.name: at for at, each in enumerate(models)}
        for each in fresh:
            at = place_of[each.topic.name]
            models[at], matrix[at] = each, each.vector
        return SemanticModel(self.embedder, models, self.space, self.ordinary, self._threshold, matrix)

    def place(self, vector: EmbeddingVector, language: str) -> EmbeddingVector:
        """The vector as it is compared with others."""
        return self.space.place(vector, code(language))

    def nearness(self, topic: str, vector: EmbeddingVector, language: str) -> float | None:
        """The cosine of an article with what the topic's owner wrote and said; None for a topic that is not scored by meaning."""
        model = next((each for each in self._models if each.topic.name == topic), None)
        if model is None or not self.space.is_known:
            return None
        placed, own = self.place(vector, language), model.vector.astype(np.float64)
        return float(own @ placed / max(float(np.linalg.norm(own)), 1e-9))

    def rescore(self, scores: Sequence[Score], article: EmbeddedArticle) -> tuple[Score, ...]:
        """The scores by words with those by meaning in their place, in the same order; topics that words did not score (with very
        many topics, only matches are) are added if they match."""
        if not (self._models and self.space.is_known) or len(article.vector) != self._matrix.shape[1]:
            return tuple(scores)
        placed = self.place(article.vector, article.language)
        neighbours = self.ordinary.neighbours(placed, article.key)
        # scores are worked out in float64, topic by topic: they depend on no other topic and on no machine
        scored = _Scored(article, placed.astype(np.float64), neighbours, self.space, self._threshold, self.ordinary)
        rough = dict(zip((each.topic.name for each in self._models), (self._matrix @ placed).tolist(), strict=True))
        by_name = {each.topic.name: each for each in self._models}
        found = [scored.score(by_name.pop(each.topic), each) if each.topic in by_name else each for each in scores]
        for name, model in by_name.items():
            if scored.may_match(model, rough[name] + PRODUCT_ROUNDING) and (words := article.words.score_of(name)):
                added = scored.score(model, words)
                found += [added] if added.score >= added.threshold else []
        return tuple(found)


def balanced_threshold(*, has_sentence: bool, replaced_by: float | None = None) -> float:
    """The threshold, at the sensitivity "balanced", of all articles that meaning leads: of a topic with a sentence every one, else
    those in languages that it has no words in. `replaced_by`: that of the settings, if any."""
    return replaced_by or (SENTENCE_THRESHOLD if has_sentence else SEEDS_THRESHOLD)


class _Scored:
    """One article while it is scored on every topic."""

    def __init__(
        self,
        article: EmbeddedArticle,
        placed: EmbeddingVector,
        neighbours: Neighbours,
        space: EmbeddingSpace,
        threshold: float | None,
        ordinary: OrdinaryNews,
    ) -> None:
        self._threshold = threshold
        self._ordinary = ordinary
        self._subjects: dict[str, float] = {}
        self._article = article
        self._placed = placed
        self._neighbours = neighbours
        self._space = space
        self._language = code(article.language)
        self._fullness = fullness_of(article.text)

    def may_match(self, model: SemanticTopic, likeness: float) -> bool:
        """Whether the topic could match, whatever the words say: a cheap test for very many topics."""
        threshold = self._balanced(model) if model.has_sentence else min(self._balanced(model), SEEDS_LEVEL)
        most = likeness + self._contrast_of(model) + WORDS_WEIGHT * WORDS_MARGIN_MAX
        most += self._of_answers(model, self._balanced(model)) + self._of_subject(model)
        return most >= threshold_at(threshold, sensitivity.default_factor(model.topic.sensitivity))

    def score(self, model: SemanticTopic, words: Score) -> Score:
        """The score by meaning and words; `words` is the score by words alone."""
        has_words = self._language in model.word_languages
        if not model.has_sentence and has_words:
            return self._moved(model, words)
        in_words = self._margin_of_words(model, words) if has_words else 0.0
        least = 0.0 if model.is_whole_subject else WORDS_MARGIN_MIN
        of_words = WORDS_WEIGHT * min(max(in_words, least), WORDS_MARGIN_MAX)
        parts = (
            *model.contributions(self._placed),
            Contribution(term=CONTRAST_PART, weight=self._contrast_of(model)),
            *([Contribution(term=WORDS_PART, weight=of_words)] if has_words else []),
            *([Contribution(term=SUBJECT_PART, weight=self._of_subject(model))] if model.is_whole_subject else []),
            *self._answers_part(model, self._balanced(model)),
        )
        threshold = threshold_at(self._balanced(model), words.factor)
        return self._decided(model, words, sum(each.weight for each in parts), threshold, parts)

    def _margin_of_words(self, model: SemanticTopic, words: Score) -> float:
        """How far the words are above a threshold like that of a topic without a sentence."""
        lowered = math.log(SENTENCE_STRICTNESS) if self._language == model.sentence_language else 0.0
        return margin(words.score, words.threshold, words.factor) + lowered

    def _answers_part(self, model: SemanticTopic, balanced: float) -> tuple[Contribution, ...]:
        if model.answers is None:
            return ()
        return (Contribution(term=ANSWERS_PART, weight=self._of_answers(model, balanced)),)

    def _of_answers(self, model: SemanticTopic, balanced: float) -> float:
        """What the owner's answers add to a score whose balanced threshold is given."""
        return model.answers.correction(self._placed) * (balanced + SHARE_OFFSET) if model.answers else 0.0

    def _of_subject(self, model: SemanticTopic) -> float:
        """What the archive's articles on a whole subject add; they are asked once for each article."""
        if not model.is_whole_subject:
            return 0.0
        name = model.topic.name
        if name not in self._subjects:
            found = self._ordinary.subject(name, model.vector, self._placed.astype(np.float32), self._article.key)
            self._subjects[name] = found.weight
        return self._subjects[name]

    def _balanced(self, model: SemanticTopic) -> float:
        return balanced_threshold(has_sentence=model.has_sentence, replaced_by=self._threshold)

    def _moved(self, model: SemanticTopic, words: Score) -> Score:
        """A score by words, raised or lowered by meaning.

        A full text is compared with the topic's own matches, too: among these are look-alike events, which only contrast tells."""
        fullness = self._fullness * model.fullness
        own = model.topic.name if fullness < 0.5 else ""
        likeness = sum(each.weight for each in model.contributions(self._placed))
        by_embedding = likeness + self._contrast(own)
        above = by_embedding - model.neutral_level - SEEDS_LEVEL_FULL * fullness
        reached = share(words.score, words.threshold) * math.exp(SEEDS_GAIN * above)
        if above < SELF_TRAINING_AGREES_FROM:
            words = replace(words, self_training_weight=0.0)
        of_semantics = share_inverse(reached, words.threshold) - words.score
        parts = (
            Contribution(term=WORDS_PART, weight=words.score),
            Contribution(term=SEMANTIC_PART, weight=of_semantics),
            *self._answers_part(model, threshold_at(words.threshold, 1 / words.factor)),
        )
        value = sum(each.weight for each in parts)
        return self._decided(model, words, value, words.threshold, parts)

    def _contrast_of(self, model: SemanticTopic) -> float:
        """The contrast that counts for a topic. A whole subject is what the archive is full of: it has a fixed one."""
        return WHOLE_SUBJECT_CONTRAST if model.is_whole_subject else self._contrast(model.topic.name)

    def _contrast(self, topic: str) -> float:
        """How much less ordinary the article is than articles usually are, to a topic whose own matches are left out."""
        return min(CONTRAST_WEIGHT * (ORDINARY_LEVEL - self._neighbours.nearness(topic)), CONTRAST_MAX)

    def _decided(
        self, model: SemanticTopic, words: Score, value: float, threshold: float, parts: tuple[Contribution, ...]
    ) -> Score:
        article, topic = self._article, model.topic
        found = replace(
            words,
            score=value,
            threshold=threshold,
            of_answers=sum(each.weight for each in parts if each.term == ANSWERS_PART),
            is_match=False,
            blocked=None,
            evidence=Evidence(),
            model_version=digests.of_plain((words.model_version, model.version)),
        )
        found = article.words.calibrated(found)
        if value < threshold:
            return (
                replace(found, evidence=self._evidence(model, parts, is_match=False)) if article.with_misses else found
            )
        if reason := forbidden(topic, article.title, article.text, self._language):
            return replace(found, blocked=reason)
        return replace(found, is_match=True, evidence=self._evidence(model, parts, is_match=True))

    def _evidence(self, model: SemanticTopic, parts: tuple[Contribution, ...], *, is_match: bool) -> Evidence:
        file, seed_language, likeness = model.nearest(self._placed)
        has_words = self._language in model.word_languages
        by_words = self._article.words.evidence_of(model.topic.name) if has_words else Evidence()
        sentence = self._best_sentence(model)
        is_named = any(each.term != OTHER_TERMS for each in by_words.terms)
        return Evidence(
            terms=by_words.terms if is_named or not is_match else self._nearest_words(model, sentence),
            parts=parts,
            sentence=sentence,
            seed=file,
            seed_similarity=likeness,
            across="" if has_words else seed_language or next(iter(sorted(model.word_languages)), ""),
        )

    def _best_sentence(self, model: SemanticTopic) -> str:
        """The sentence nearest to what the owner asked for; the title if there is no body or the embedder fails."""
        article = self._article
        offered = [each for each in sentences(article.text)[:EMBEDDED_SENTENCES] if excerpt("", each)] or [
            article.title
        ]
        if len(offered) == 1:
            return shorten(offered[0], EVIDENCE_SENTENCE_CHARACTERS)
        wanted = model.best_described_by
        vectors = article.sentences_of([excerpt("", each) for each in offered])
        placed = [
            (float(self._space.place(vector, self._language) @ wanted), sentence)
            for vector, sentence in zip(vectors, offered, strict=True)
            if vector is not None
        ]
        best = max(placed, key=lambda each: each[0], default=(0.0, article.title))
        return shorten(best[1], EVIDENCE_SENTENCE_CHARACTERS)

    def _nearest_words(self, model: SemanticTopic, sentence: str) -> tuple[Contribution, ...]:
        """The words of the sentence and the title that are nearest to what the owner asked for, each by how much nearer it is than
        these words are on average; none if the embedder fails."""
        spoken = tokens(f"{sentence}\n{self._article.title}")
        distinct = {
            stem(word, self._language): word for word in reversed(spoken) if self._article.words.is_content(word)
        }
        words = list(reversed(distinct.values()))[:EVIDENCE_CANDIDATES]
        vectors = self._article.sentences_of(words) if words else []
        wanted = model.best_described_by
        near = {
            word: float(self._space.place(vector, self._language) @ wanted)
            for word, vector in zip(words, vectors, strict=True)
            if vector is not None
        }
        usual = sum(near.values()) / len(near) if len(near) > 1 else 0.0
        above = [Contribution(term=word, weight=value - usual) for word, value in near.items() if value > usual]
        return heavy_enough(sorted(above, key=lambda each: -each.weight))


def build(
    embedder: str,
    topics: Sequence[Topic],
    *,
    vectors: Mapping[int, EmbeddingVector],
    space: EmbeddingSpace,
    ordinary: OrdinaryNews,
    examples: Iterable[Example] = (),
    threshold: float | None = None,
) -> SemanticModel:
    """The semantic model of the enabled topics. `vectors`: raw embeddings by key. Topics of which nothing is embedded are left
    out. `threshold`: as for SemanticModel."""
    models = build_topics(embedder, topics, vectors=vectors, space=space, examples=examples)
    return SemanticModel(embedder, models, space, ordinary, threshold)


def build_topics(
    embedder: str,
    topics: Iterable[Topic],
    *,
    vectors: Mapping[int, EmbeddingVector],
    space: EmbeddingSpace,
    examples: Iterable[Example] = (),
) -> list[SemanticTopic]:
    """The models of the enabled topics of which anything is embedded."""
    reviewed: dict[str, list[Example]] = {}
    for example in examples:
        reviewed.setdefault(example.topic, []).append(example)
    enabled = (each for each in topics if each.is_enabled)
    models = (build_topic(embedder, each, reviewed.get(each.name, ()), vectors, space) for each in enabled)
    return [each for each in models if each]
