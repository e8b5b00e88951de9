"""The model of one topic by meaning: embeddings of what its owner wrote, and of its examples. Pure.

The owner's title and sentence are the strongest signal: alone, they find the aspects of one subject better than any number of
example articles (docs/matching.md, "Semantic scores"). Seeds, verdicts and counter-seeds refine them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.matching import answers
from monitor.matching.answers import Answer, AnswerModel
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.embedding_space import EmbeddingSpace, unit
from monitor.matching.model import code, language_of_sentence, word_languages
from monitor.matching.tuning import (
    ANSWERED_SHARE_MAX,
    EMBEDDING_PUSH,
    FULL_AT_WORDS,
    FULL_FROM_WORDS,
    SEEDS_LEVEL,
    SEEDS_LEVEL_DOUBLED,
    SEEDS_LEVEL_DOUBLINGS,
    SEEDS_WEIGHT,
    SENTENCE_ALONE_WEIGHT,
    SENTENCE_WEIGHT,
    TITLE_AGREES_FROM,
    TITLE_ALONE_WEIGHT,
    TITLE_ONLY_WEIGHT,
)
from monitor.text.language import detect
from monitor.types import digests
from monitor.types.matching import SEEDS_PART, SENTENCE_PART, TITLE_PART, Contribution, Example, Seed, Topic

SEMANTIC_REVISION = "3"
"""Part of every version: raise it when the same topic would be scored differently by meaning."""
SUBJECT_REVISION = "/subject 1"
"""Added to it for whole subjects."""


_WEIGHTS_WITHOUT_SEEDS = SENTENCE_ALONE_WEIGHT, TITLE_ALONE_WEIGHT
VERDICT_FILE = "(verdict)"
"""File name of a reviewed article among a topic's examples."""
Parts = tuple[tuple[str, float, EmbeddingVector], ...]


@dataclass(frozen=True, slots=True)
class ExampleEmbedding:
    """The placed embedding of a seed or a reviewed article."""

    file: str
    language: str
    vector: EmbeddingVector
    weight: float
    is_counter: bool


@dataclass(frozen=True, slots=True)
class SemanticTopic:
    """The semantic model of one topic. All vectors are placed (`EmbeddingSpace.place`)."""

    topic: Topic
    word_languages: frozenset[str]
    """Languages in which the topic has words: of its seeds and its sentence."""
    parts: Parts
    """Name, weight and unit vector of each part of the model."""
    samples: tuple[ExampleEmbedding, ...]
    fullness: float
    """How much its wanted examples are full texts, 0 to 1 (`fullness_of`)."""
    version: str
    sentence_language: str = ""
    """Of its sentence; '' without one."""
    answers: AnswerModel | None = None
    """What its owner's answers add to a score; None before the first."""

    @property
    def neutral_level(self) -> float:
        """Score by meaning at which, without a sentence, meaning neither raises nor lowers what the words say of a headline."""
        examples = sum(1 for each in self.samples if not each.is_counter)
        return SEEDS_LEVEL + SEEDS_LEVEL_DOUBLED * min(math.log2(max(examples, 1)), SEEDS_LEVEL_DOUBLINGS)

    @property
    def has_sentence(self) -> bool:
        """Whether its owner wrote what is wanted; then meaning leads, else the words do."""
        return any(name == SENTENCE_PART for name, _, _ in self.parts)

    @property
    def is_title_apart(self) -> bool:
        """Whether the title says nothing of what the sentence says, and so does not count."""
        return self.has_sentence and all(name != TITLE_PART for name, _, _ in self.parts)

    @property
    def is_whole_subject(self) -> bool:
        """Whether its owner wants all that is said on a subject: the sentence with the sensitivity "broad"."""
        return self.has_sentence and self.topic.sensitivity == "broad"

    @property
    def vector(self) -> EmbeddingVector:
        """The weighted sum of the parts: its product with an article is the sum of `contributions`."""
        return _direction(self.parts)

    @property
    def best_described_by(self) -> EmbeddingVector:
        """What an article's sentences are compared with: the owner's sentence, else the examples."""
        return self.parts[0][2]

    def contributions(self, placed: EmbeddingVector) -> tuple[Contribution, ...]:
        """Each part's share of an article's score."""
        return tuple(
            Contribution(term=name, weight=weight * float(vector @ placed)) for name, weight, vector in self.parts
        )

    def seeds_to_sentence(self) -> tuple[tuple[str, float], ...]:
        """File of each wanted example with its cosine to the owner's sentence; empty without a sentence."""
        if not self.has_sentence:
            return ()
        return tuple((each.file, float(each.vector @ self.parts[0][2])) for each in self.samples if not each.is_counter)

    def nearest(self, placed: EmbeddingVector) -> tuple[str, str, float]:
        """File, language and cosine of the wanted example most similar to an article; ('', '', 0.0) without one."""
        wanted = (
            (each.file, each.language, float(each.vector @ placed)) for each in self.samples if not each.is_counter
        )
        return max(wanted, key=lambda each: each[2], default=("", "", 0.0))


@dataclass(frozen=True, slots=True)
class SentenceExcerpts:
    """The texts that are embedded for the owner's sentence; '' where one holds no letter or digit."""

    with_title: str
    title: str
    alone: str
    """Only compared with the title."""


def sentence_excerpts(topic: Topic) -> SentenceExcerpts | None:
    """What is embedded for the owner's sentence; None without one."""
    if not topic.description.strip():
        return None
    with_title, title, alone = f"{topic.title}. {topic.description}", topic.title, topic.description
    return SentenceExcerpts(*(excerpt(each, "") for each in (with_title, title, alone)))


def texts_of(topic: Topic, examples: Iterable[Example] = ()) -> dict[int, tuple[str, str]]:
    """By key, every text that a topic's model is made of, with its language."""
    samples: list[Seed | Example] = [*topic.seeds, *examples]
    own = ((excerpt(each.title, each.text), each.language) for each in samples)
    found = sentence_excerpts(topic)
    written = (found.with_title, found.title, found.alone) if found else ()
    language = detect(f"{topic.title}. {topic.description}") if written else ""
    return {key(text): (text, spoken) for text, spoken in (*own, *((each, language) for each in written)) if text}


def text_key(article: Seed | Example) -> int:
    """The key of an example's embedding."""
    return key(excerpt(article.title, article.text))


def build_topic(
    embedder: str,
    topic: Topic,
    examples: Sequence[Example],
    vectors: Mapping[int, EmbeddingVector],
    space: EmbeddingSpace,
) -> SemanticTopic | None:
    """The semantic model of a topic; `vectors` are raw embeddings by key. None if neither its sentence nor any seed has one."""
    texts = texts_of(topic, examples)

    def placed(text_key: int) -> EmbeddingVector:
        return space.place(vectors[text_key], code(texts[text_key][1]))

    samples = tuple(
        ExampleEmbedding(file, code(each.language), placed(found), weight, is_counter)
        for each, file, weight, is_counter in _weighted_examples(topic, examples)
        if (found := text_key(each)) in vectors and found in texts
    )
    written = _written(topic, {text: placed(at) for at, (text, _) in texts.items() if at in vectors})
    parts = _parts(written, [each for each in samples if each.file != VERDICT_FILE] if written else samples)
    if not parts:
        return None
    is_whole = bool(written) and topic.sensitivity == "broad"
    version = digests.of_embedded_topic(
        f"{embedder}/{SEMANTIC_REVISION}{SUBJECT_REVISION * is_whole}",
        topic,
        [(each.file, each.is_counter) for each in samples],
        len(written),
    )
    full = [fullness_of(each.text) for each in topic.seeds if not each.is_counter]
    learned = answers.learn(_answers(examples, placed, vectors.keys() & texts.keys()), _direction(parts))
    fullness = sum(full) / max(len(full), 1)
    return SemanticTopic(
        topic,
        word_languages(topic),
        parts,
        samples,
        fullness,
        version,
        sentence_language=language_of_sentence(topic),
        answers=learned,
    )


def _written(topic: Topic, placed: Mapping[str, EmbeddingVector]) -> list[EmbeddingVector]:
    """The vectors of the owner's sentence and title, from those of the topic's texts. A title that says nothing of what the
    sentence says is left out, as one made of a folder's name may: it would draw the topic away."""
    excerpts = sentence_excerpts(topic)
    if excerpts is None or excerpts.with_title not in placed:
        return []
    title, alone = placed.get(excerpts.title), placed.get(excerpts.alone)
    is_apart = title is not None and alone is not None and float(title @ alone) < TITLE_AGREES_FROM
    return [placed[excerpts.with_title], *([] if title is None or is_apart else [title])]


def _direction(parts: Parts) -> EmbeddingVector:
    return np.asarray(sum(weight * vector for _, weight, vector in parts), np.float32)


def _answers(
    examples: Sequence[Example], placed: Callable[[int], EmbeddingVector], known: Collection[int]
) -> list[Answer]:
    """The answers in one order, whatever the order of the verdicts: the latest on each text."""
    latest: dict[int, Example] = {}
    for each in examples:
        latest.setdefault(text_key(each), each)
    return [
        Answer(placed(at), min(max(each.share, 0.0), ANSWERED_SHARE_MAX), each.is_relevant)
        for at, each in sorted(latest.items())
        if at in known
    ]


def fullness_of(text: str) -> float:
    """0 for a headline or teaser, 1 for a full article, by its words."""
    words = len(text.split())
    return min(max((words - FULL_FROM_WORDS) / (FULL_AT_WORDS - FULL_FROM_WORDS), 0.0), 1.0)


def _parts(written: Sequence[EmbeddingVector], samples: Sequence[ExampleEmbedding]) -> Parts:
    seeds = _seeds_vector(samples)
    if not written:
        return ((SEEDS_PART, 1.0, seeds),) if seeds is not None else ()
    of_sentence, of_title = (SENTENCE_WEIGHT, TITLE_ONLY_WEIGHT) if seeds is not None else _WEIGHTS_WITHOUT_SEEDS
    of_seeds: Parts = ((SEEDS_PART, SEEDS_WEIGHT, seeds),) if seeds is not None else ()
    if len(written) == 1:
        return ((SENTENCE_PART, of_sentence + of_title, written[0]), *of_seeds)
    return ((SENTENCE_PART, of_sentence, written[0]), (TITLE_PART, of_title, written[1]), *of_seeds)


def _seeds_vector(samples: Sequence[ExampleEmbedding]) -> EmbeddingVector | None:
    """The mean of wanted examples, minus a share of the mean of unwanted ones, at unit length."""
    wanted = [each.weight * each.vector for each in samples if not each.is_counter]
    unwanted = [each.weight * each.vector for each in samples if each.is_counter]
    if not wanted:
        return None
    towards = unit(np.sum(wanted, axis=0))
    return unit(towards - EMBEDDING_PUSH * unit(np.sum(unwanted, axis=0))) if unwanted else towards


def _weighted_examples(topic: Topic, examples: Sequence[Example]) -> list[tuple[Seed | Example, str, float, bool]]:
    seeds: list[tuple[Seed | Example, str, float, bool]] = [
        (each, each.file, each.weight, each.is_counter) for each in topic.seeds
    ]
    return [*seeds, *((each, VERDICT_FILE, 1.0, not each.is_relevant) for each in examples)]


Sentences = Callable[[Sequence[str]], Sequence[EmbeddingVector | None]]
"""Embeds sentences of an article, to name the one nearest to the topic."""
