"""The scores that lint judges a topic by: those of the words and, where the store has the embeddings, of meaning. Pure.

A topic with a sentence is decided on by meaning. What words alone say of it ("no article comes near", "its seeds are unlike")
would be untrue of what it does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.matching import semantic
from monitor.matching.background import Background
from monitor.matching.embedders import EmbeddingVector, excerpt, key
from monitor.matching.embedding_space import EmbeddingSpace
from monitor.matching.matcher import Matcher, build
from monitor.matching.ordinary_news import OrdinaryNews
from monitor.matching.semantic import ArticleWords, EmbeddedArticle, SemanticModel
from monitor.types.matching import Evidence, Score, Topic

MOST_EMBEDDED = 500
"""Topics that are compared with one another by meaning: with ten thousand it would take a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class KnownEmbeddings:
    """What the store has of the embedder in force."""

    embedder: str
    space: EmbeddingSpace
    vectors: Mapping[int, EmbeddingVector]
    """By key of the text: of topics, seeds and articles."""
    threshold: float | None = None
    """From the settings, if any."""


class LintScores:
    """Scores of articles and seeds on some topics."""

    def __init__(self, topics: Sequence[Topic], background: Background, known: KnownEmbeddings | None = None) -> None:
        self._matcher: Matcher = build(topics, background=background)
        self._known = known if len(topics) <= MOST_EMBEDDED else None
        self._model = _semantic(topics, self._known) if self._known else None

    @property
    def titles_apart(self) -> frozenset[str]:
        """The topics whose title says nothing of what their sentence says."""
        return self._model.titles_apart if self._model else frozenset()

    def of(self, title: str, text: str, language: str) -> tuple[Score, ...]:
        """The score on each topic, in the order of the topics; by words alone where the text has no embedding."""
        return self._rescored(self._matcher.score(title, text, language), title, text, language)

    def matches(self, title: str, text: str, language: str) -> list[Score]:
        """Those of the topics that match; fast with very many."""
        scores = self._matcher.matches(title, text, language)
        return [each for each in self._rescored(scores, title, text, language) if each.is_match]

    def _rescored(self, scores: tuple[Score, ...], title: str, text: str, language: str) -> tuple[Score, ...]:
        text_key = key(excerpt(title, text))
        if self._model is None or self._known is None or text_key not in self._known.vectors:
            return scores
        words = ArticleWords(
            lambda topic: self._matcher.score_of(topic, title, text, language),
            lambda _: Evidence(),
            lambda score: score,
        )
        article = EmbeddedArticle(
            title, text, language, text_key, self._known.vectors[text_key], words, lambda texts: [None] * len(texts)
        )
        return self._model.rescore(scores, article)


def _semantic(topics: Sequence[Topic], known: KnownEmbeddings) -> SemanticModel:
    """Beside the shipped clusters of ordinary news, as on an instance's first day."""
    ordinary = OrdinaryNews(known.space.ordinary)
    return semantic.build(
        known.embedder, topics, vectors=known.vectors, space=known.space, ordinary=ordinary, threshold=known.threshold
    )
