"""Why an article matched: contributions of terms that add up to the score, the best sentence, the nearest seed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from monitor.matching.term_vectors import TermVector, dot
from monitor.matching.tuning import (
    EVIDENCE_SENTENCE_CHARACTERS,
    EVIDENCE_SENTENCES,
    EVIDENCE_TERMS,
    SENTENCE_LENGTH_OFFSET,
)
from monitor.text.terms import terms
from monitor.text.tokens import sentences, shorten, tokens
from monitor.types.matching import OTHER_TERMS, Contribution, Evidence


class ArticleText:
    """An article's words as written and its sentences, read once for all topics that it matches."""

    def __init__(self, title: str, text: str, language: str) -> None:
        self._title, self._text, self._language = title, text, language

    @cached_property
    def written(self) -> Mapping[str, str]:
        """Stem to the first word with this stem."""
        whole = f"{self._title}\n{self._text}"
        return dict(zip(reversed(terms(whole, self._language)), reversed(tokens(whole)), strict=True))

    def best_sentence(self, weights: Mapping[str, float]) -> str:
        """The sentence with the most weight for its length; the title for an article without a body."""
        strengths = [sum(weights[term] for term in held if term in weights) / root for _, held, root in self._sentences]
        at = max(range(len(strengths)), key=strengths.__getitem__)
        return shorten(self._sentences[at][0], EVIDENCE_SENTENCE_CHARACTERS)

    @cached_property
    def _sentences(self) -> list[tuple[str, tuple[str, ...], float]]:
        """Each with its different terms and what its weight is divided by."""
        offered = sentences(self._text)[:EVIDENCE_SENTENCES] or [self._title]
        found = [(each, terms(each, self._language)) for each in offered]
        return [(each, tuple(dict.fromkeys(held)), (len(held) + SENTENCE_LENGTH_OFFSET) ** 0.5) for each, held in found]

    @cached_property
    def sentence_terms(self) -> frozenset[str]:
        """The terms of all sentences that are tried."""
        return frozenset(term for _, held, _ in self._sentences for term in held)


def explain(
    read: ArticleText,
    article: TermVector,
    topic: TermVector,
    seeds: Sequence[tuple[str, TermVector]],
    idf: Mapping[str, float],
) -> Evidence:
    """The evidence for a score. `article` and `topic` are the vectors whose dot product is the score; `seeds` are pairs of file
    name and unit vector."""
    file, similarity = nearest(article, seeds)
    shared = topic.keys() & read.sentence_terms
    return Evidence(
        terms=contributions(article, topic, read.written),
        sentence=read.best_sentence({term: topic[term] * idf[term] for term in shared}),
        seed=file,
        seed_similarity=similarity,
    )


def contributions(article: TermVector, topic: TermVector, written: Mapping[str, str]) -> tuple[Contribution, ...]:
    """Each shared term's part of the score, heaviest first, in the article's spelling (`written`: stem to word). Terms beyond
    EVIDENCE_TERMS are summed as one, so the parts add up to the score."""
    weights = [(term, weight * topic[term]) for term, weight in article.items() if term in topic]
    named = sorted((-abs(weight), written.get(term, term), weight) for term, weight in weights)
    parts = [Contribution(term=term, weight=weight) for _, term, weight in named[:EVIDENCE_TERMS]]
    rest = sum(weight for _, _, weight in named[EVIDENCE_TERMS:])
    return (*parts, *([Contribution(term=OTHER_TERMS, weight=rest)] if named[EVIDENCE_TERMS:] else []))


def nearest(article: TermVector, seeds: Sequence[tuple[str, TermVector]]) -> tuple[str, float]:
    """File and cosine of the most similar seed; ('', 0.0) without seeds."""
    likenesses = ((file, dot(article, seed)) for file, seed in seeds)
    return max(likenesses, key=lambda each: each[1], default=("", 0.0))
