"""Why an article matched: contributions of terms that add up to the score, the best sentence, the nearest seed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from monitor.matching.term_vectors import TermVector, dot
from monitor.matching.tuning import (
    EVIDENCE_SENTENCE_CHARACTERS,
    EVIDENCE_SENTENCES,
    EVIDENCE_TERMS,
    SENTENCE_LENGTH_OFFSET,
)
from monitor.text.terms import stem, terms
from monitor.text.tokens import sentences, shorten, tokens
from monitor.types.matching import OTHER_TERMS, Contribution, Evidence


def explain(
    title: str,
    text: str,
    language: str,
    article: TermVector,
    topic: TermVector,
    seeds: Sequence[tuple[str, TermVector]],
    idf: Mapping[str, float],
) -> Evidence:
    """The evidence for a score. `article` and `topic` are the vectors whose dot product is the score; `seeds` are pairs of file
    name and unit vector."""
    file, similarity = nearest(article, seeds)
    written = {stem(word, language): word for word in reversed(tokens(f"{title}\n{text}"))}
    return Evidence(
        terms=contributions(article, topic, written),
        sentence=best_sentence(title, text, language, topic, idf),
        seed=file,
        seed_similarity=similarity,
    )


def contributions(article: TermVector, topic: TermVector, written: Mapping[str, str]) -> tuple[Contribution, ...]:
    """Each shared term's part of the score, heaviest first, in the article's spelling (`written`: stem to word). Terms beyond
    EVIDENCE_TERMS are summed as one, so the parts add up to the score."""
    parts = sorted(
        (
            Contribution(term=written.get(term, term), weight=weight * topic[term])
            for term, weight in article.items()
            if term in topic
        ),
        key=lambda each: (-abs(each.weight), each.term),
    )
    rest = sum(each.weight for each in parts[EVIDENCE_TERMS:])
    return (*parts[:EVIDENCE_TERMS], *([Contribution(term=OTHER_TERMS, weight=rest)] if parts[EVIDENCE_TERMS:] else []))


def nearest(article: TermVector, seeds: Sequence[tuple[str, TermVector]]) -> tuple[str, float]:
    """File and cosine of the most similar seed; ('', 0.0) without seeds."""
    likenesses = ((file, dot(article, seed)) for file, seed in seeds)
    return max(likenesses, key=lambda each: each[1], default=("", 0.0))


def best_sentence(title: str, text: str, language: str, topic: TermVector, idf: Mapping[str, float]) -> str:
    """The sentence with the most topic weight for its length; the title for an article without a body."""
    candidates = sentences(text)[:EVIDENCE_SENTENCES] or [title]
    best = max(candidates, key=lambda each: _strength(each, language, topic, idf))
    return shorten(best, EVIDENCE_SENTENCE_CHARACTERS)


def _strength(sentence: str, language: str, topic: TermVector, idf: Mapping[str, float]) -> float:
    words = terms(sentence, language)
    carried = sum(topic[word] * idf[word] for word in set(words) if word in topic)
    return float(carried / (len(words) + SENTENCE_LENGTH_OFFSET) ** 0.5)
