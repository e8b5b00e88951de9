"""Why an article matched: contributions of terms that add up to the score, the best sentence, the nearest seed. Pure.

And how that is told: `shown_parts` and `shown_words`, which alerts, pages and commands share.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

from monitor.matching.term_vectors import TermVector, dot
from monitor.matching.tuning import (
    ABSURD_WEIGHT,
    CONTENT_RARITY,
    EVIDENCE_LEAST_SHARE,
    EVIDENCE_SENTENCE_CHARACTERS,
    EVIDENCE_SENTENCES,
    EVIDENCE_TERMS,
    SENTENCE_LENGTH_OFFSET,
)
from monitor.text.function_words import is_function_word
from monitor.text.terms import stem, terms
from monitor.text.tokens import sentences, shorten, tokens
from monitor.types.matching import OTHER_TERMS, Contribution, Evidence


class ArticleText:
    """An article's words as written and its sentences, read once for all topics that it matches."""

    def __init__(self, title: str, text: str, language: str) -> None:
        self._title, self._text, self.language = title, text, language

    @cached_property
    def written(self) -> Mapping[str, str]:
        """Stem to the first word with this stem."""
        words = [*tokens(self._title), *tokens(self._text)]
        stems = [*terms(self._title, self.language), *terms(self._text, self.language)]
        return dict(zip(reversed(stems), reversed(words), strict=True))

    def best_sentence(self, weights: Mapping[str, float]) -> str:
        """The sentence with the most weight for its length; the title for an article without a body."""
        strengths = [sum(weights[term] for term in held if term in weights) / root for _, held, root in self._sentences]
        at = max(range(len(strengths)), key=strengths.__getitem__)
        return shorten(self._sentences[at][0], EVIDENCE_SENTENCE_CHARACTERS)

    @cached_property
    def _sentences(self) -> list[tuple[str, tuple[str, ...], float]]:
        """Each with its different terms and what its weight is divided by."""
        offered = sentences(self._text)[:EVIDENCE_SENTENCES] or [self._title]
        found = [(each, terms(each, self.language)) for each in offered]
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
    content = {
        term: word for term, word in read.written.items() if term in topic and is_content(word, read.language, idf)
    }
    return Evidence(
        terms=contributions(article, topic, content),
        sentence=read.best_sentence({term: topic[term] * idf[term] for term in shared}),
        seed=file,
        seed_similarity=similarity,
    )


def is_content(word: str, language: str, idf: Mapping[str, float]) -> bool:
    """Whether a folded word of an article can say what it is about: no function word, and not in most articles."""
    return not is_function_word(word, language) and idf[stem(word, language)] >= CONTENT_RARITY


def contributions(article: TermVector, topic: TermVector, content: Mapping[str, str]) -> tuple[Contribution, ...]:
    """The content words that speak most for it, heaviest first, in the article's spelling (`content`: stem to word). All else that
    the two share is summed as one, so the parts add up to the score."""
    shared = {term: weight * topic[term] for term, weight in article.items() if term in topic}
    named = [
        Contribution(term=content[term], weight=weight)
        for term, weight in sorted(shared.items(), key=lambda each: (-each[1], each[0]))
        if weight > 0 and term in content
    ]
    shown = heavy_enough(named)
    rest = math.fsum(shared.values()) - math.fsum(each.weight for each in shown)
    return (*shown, *([Contribution(term=OTHER_TERMS, weight=rest)] if len(shown) < len(shared) else []))


def heavy_enough(words: Sequence[Contribution]) -> tuple[Contribution, ...]:
    """The heaviest of these words, given heaviest first, without those that weigh next to nothing beside them."""
    heaviest = words[:EVIDENCE_TERMS]
    least = EVIDENCE_LEAST_SHARE * sum(each.weight for each in heaviest)
    return tuple(each for each in heaviest if each.weight >= least)


def nearest(article: TermVector, seeds: Sequence[tuple[str, TermVector]]) -> tuple[str, float]:
    """File and cosine of the most similar seed; ('', 0.0) without seeds."""
    likenesses = ((file, dot(article, seed)) for file, seed in seeds)
    return max(likenesses, key=lambda each: each[1], default=("", 0.0))


# --- as people read it -------------------------------------------------------------------------------------------------


def shown_words(evidence: Evidence) -> tuple[tuple[str, int], ...]:
    """The words that decided, each with its share in percent; the shares add up to 100. Empty where none is known."""
    named = [each for each in evidence.terms if 0 < each.weight < ABSURD_WEIGHT and not each.term.startswith("(")]
    words = heavy_enough(sorted(named, key=lambda each: -each.weight))
    total = sum(each.weight for each in words)
    shares = _rounded([100 * each.weight / total for each in words], 100)
    return tuple((each.term, share) for each, share in zip(words, shares, strict=True))


def shown_parts(evidence: Evidence, score: float) -> tuple[tuple[str, float], ...]:
    """What the score is made of, in hundredths that add up to the score as it is shown. Empty for a score by words alone."""
    if not evidence.parts or not all(
        abs(each) < ABSURD_WEIGHT for each in (score, *(part.weight for part in evidence.parts))
    ):
        return ()
    hundredths = _rounded([100 * each.weight for each in evidence.parts], round(100 * score))
    return tuple((each.term, value / 100) for each, value in zip(evidence.parts, hundredths, strict=True))


def _rounded(values: Sequence[float], total: int) -> list[int]:
    """The values as whole numbers that add up to `total` (largest remainders), or as nearly as rounding can make them."""
    found = [math.floor(each) for each in values]
    by_remainder = sorted(range(len(values)), key=lambda at: found[at] - values[at])
    for at in by_remainder[: max(total - sum(found), 0)]:
        found[at] += 1
    return found
