"""Why an article matched: the terms whose shares add up to its score, its best sentence, its nearest seed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.matching.term_vectors import Vector, dot
from monitor.matching.tuning import (
    EVEN_SENTENCE_WORDS,
    EVIDENCE_SENTENCE_CHARACTERS,
    EVIDENCE_SENTENCES,
    EVIDENCE_TERMS,
)
from monitor.text.terms import stem, terms
from monitor.text.tokens import sentences, shorten, tokens
from monitor.types.matching import Contribution, Evidence

OTHER = "(other terms)"


def explain(
    title: str,
    text: str,
    language: str,
    article: Vector,
    topic: Vector,
    seeds: Sequence[tuple[str, Vector]],
    idf: Mapping[str, float],
) -> Evidence:
    """`article` and `topic` are the vectors whose dot product is the score; `seeds` pairs of file name and unit vector."""
    file, similarity = nearest(article, seeds)
    written = {stem(word, language): word for word in reversed(tokens(f"{title}\n{text}"))}
    return Evidence(
        terms=contributions(article, topic, written),
        sentence=best_sentence(title, text, language, topic, idf),
        seed=file,
        seed_similarity=similarity,
    )


def contributions(article: Vector, topic: Vector, written: Mapping[str, str]) -> tuple[Contribution, ...]:
    """Each shared term's part of the score, heaviest first, as the article writes it (`written`: term to word); what does
    not fit is summed, so the parts add up to the score."""
    parts = sorted(
        (
            Contribution(term=written.get(term, term), weight=weight * topic[term])
            for term, weight in article.items()
            if term in topic
        ),
        key=lambda each: (-abs(each.weight), each.term),
    )
    rest = sum(each.weight for each in parts[EVIDENCE_TERMS:])
    return (*parts[:EVIDENCE_TERMS], *([Contribution(term=OTHER, weight=rest)] if parts[EVIDENCE_TERMS:] else []))


def nearest(article: Vector, seeds: Sequence[tuple[str, Vector]]) -> tuple[str, float]:
    """File and cosine of the seed most like the article; ('', 0.0) where there is none."""
    likenesses = ((file, dot(article, seed)) for file, seed in seeds)
    return max(likenesses, key=lambda each: each[1], default=("", 0.0))


def best_sentence(title: str, text: str, language: str, topic: Vector, idf: Mapping[str, float]) -> str:
    """The sentence that carries most of the topic for its length; the title stands in for an article without a body."""
    candidates = sentences(text)[:EVIDENCE_SENTENCES] or [title]
    best = max(candidates, key=lambda each: _strength(each, language, topic, idf))
    return shorten(best, EVIDENCE_SENTENCE_CHARACTERS)


def _strength(sentence: str, language: str, topic: Vector, idf: Mapping[str, float]) -> float:
    words = terms(sentence, language)
    carried = sum(topic[word] * idf[word] for word in set(words) if word in topic)
    return float(carried / (len(words) + EVEN_SENTENCE_WORDS) ** 0.5)
