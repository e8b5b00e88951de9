"""Background statistics of each language: the document frequency of terms, and the mean vector of ordinary articles.

Two sources are blended: word lists that come with the package (data/background/ATTRIBUTION.txt), which serve from the first
day, and the instance's own archive, whose weight grows with its size. The only files read are the package's own.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from typing import NamedTuple
from zlib import crc32

import numpy as np

from monitor.matching.term_vectors import TermVector, article_terms, article_vector, mean
from monitor.matching.tuning import (
    ARCHIVE_HALF_WEIGHT_AT,
    ARCHIVE_WEIGHT,
    EMPTY_RARITY,
    FIRST_MARK,
    HASHED_DIMENSIONS,
    LIKENESS_CAP,
    LIST_LIKENESS_SHARE,
    NEWS_LIKENESS,
    ORDINARY_SAMPLE,
    ORDINARY_TERMS,
    REGULAR_MARK,
    SAME_STORY_COSINE,
    STORY_ARTICLES_CAP,
    UNLISTED_LIKENESS,
    UNSEEN_WORD_SHARE,
    WORDS_PER_ARTICLE,
)
from monitor.text.language import UNKNOWN, normalize
from monitor.text.terms import stem

# By codes of monitor.text.language. wordfreq has one list for Croatian, Bosnian and Serbian, and its Norwegian is Bokmål.
_TABLE_ALIASES = {"hr": "sh", "bs": "sh", "sr": "sh", "no": "nb", "tl": "fil"}


@dataclass(frozen=True, slots=True)
class Document:
    """An archived article as its terms: enough to count and score, without the text."""

    language: str
    title: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """How many of `documents` stored articles of one language contain each term. Fractional, as articles are weighted."""

    documents: float = 0
    terms: Mapping[str, float] = field(default_factory=dict)


class Idf(dict[str, float]):
    """Inverse document frequency for one language: term to log(1 / share of articles that contain it); unseen terms weigh
    most."""

    def __init__(self, known: Mapping[str, float], unseen: float) -> None:
        super().__init__(known)
        self.unseen = unseen

    def __missing__(self, term: str) -> float:
        return self.unseen


@dataclass(frozen=True, slots=True)
class Table:
    """Background statistics of one language."""

    idf: Idf
    ordinary: TermVector
    """Mean of ordinary articles' unit vectors; empty where nothing is known of the language."""
    assumed: float
    """Likeness to real news that is assumed for every article until the archive is large enough to show it."""

    def likeness(self, article: TermVector) -> float:
        """Dot product with the mean of ordinary articles' unit vectors, capped: about .01 for two lines of news, .04 for a full
        article."""
        ordinary = self.ordinary
        found = self.assumed + sum([weight * ordinary[term] for term, weight in article.items() if term in ordinary])
        return min(found, LIKENESS_CAP)

    def rarity(self, article: TermVector) -> float:
        """Mean IDF of an article's terms, weighted by their weights: about 4 for everyday words, 7 for names and numbers."""
        total = sum(article.values())
        idf = self.idf
        return sum([weight * idf[term] for term, weight in article.items()]) / total if total else EMPTY_RARITY


class KeptBackground(NamedTuple):
    """What a background comes to, to be used again without counting its articles."""

    digest: str
    languages: frozenset[str]
    """Of the archive."""
    tables: Mapping[str, Table]
    """Those that were worked out, by language."""


class Background:
    """Background statistics of all languages, computed on demand. Immutable: `with_documents` returns a new one."""

    def __init__(self, articles: Sequence[tuple[str, str, str]] = (), kept: KeptBackground | None = None) -> None:
        """`articles`: (title, text, language) of those of the archive, oldest first; `kept`: what the same ones came to before."""
        self.articles = tuple(articles)
        """(title, text, language) of those of the archive."""
        self._kept = kept
        self._tables: dict[str, Table] = dict(kept.tables) if kept else {}
        self.digest = kept.digest if kept else self._counted.digest()

    @classmethod
    def shipped(cls) -> Background:
        """The background of the first day: word lists only."""
        return cls()

    def with_documents(self, articles: Iterable[tuple[str, str, str]]) -> Background:
        """A background that also counts stored articles, each (title, text, language), oldest first."""
        return Background(tuple(articles))

    def table(self, language: str) -> Table:
        """The statistics of one language, cached."""
        if language not in self._tables:
            is_counted = language in (self._kept.languages if self._kept else self._counted.counts)
            self._tables[language] = self._counted.table(language) if is_counted else _shipped_table(language)
        return self._tables[language]

    @property
    def is_counted(self) -> bool:
        """Whether its articles had to be counted."""
        return "_counted" in vars(self)

    def kept(self, *, at_least: int) -> KeptBackground:
        """What is to be kept: the tables that were asked for, and those of languages with so many articles. They are counted."""
        articles = Counter(each.language for each in self._counted.documents)
        for language, count in articles.items():
            if count >= at_least:
                self.table(language)
        tables = {language: self._tables[language] for language in sorted(articles.keys() & self._tables.keys())}
        return KeptBackground(self.digest, frozenset(articles), tables)

    @cached_property
    def _counted(self) -> _Archive:
        documents = tuple(document(*each) for each in self.articles)
        weights = _article_weights(documents)
        return _Archive(documents, weights, _count(documents, weights))


class _Archive(NamedTuple):
    """The articles of an archive, counted."""

    documents: Sequence[Document]
    weights: Sequence[float]
    counts: Mapping[str, ArchiveCounts]

    def table(self, language: str) -> Table:
        """The centroid starts as the expected vector of the word list and moves to the mean of archived articles as these
        grow."""
        idf = _blend(_shipped_shares(language), self.counts[language])
        rows = [pair for pair in zip(self.documents, self.weights, strict=True) if pair[0].language == language]
        return _table_of(language, idf, rows[:: max(1, len(rows) // ORDINARY_SAMPLE)])

    def digest(self) -> str:
        seen = sorted(
            (language, round(each.documents, 6), round(sum(each.terms.values()), 6))
            for language, each in self.counts.items()
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:8]


def _table_of(language: str, idf: Idf, sample: Sequence[tuple[Document, float]]) -> Table:
    """The centroid of the word list's expected vector and the sampled articles, by their weights."""
    seen = ((article_vector(each.title, each.body, idf), weight) for each, weight in sample)
    blended = mean([(_expected_vector(_shipped_shares(language), idf), float(ARCHIVE_HALF_WEIGHT_AT)), *seen])
    assumed = ARCHIVE_HALF_WEIGHT_AT / (ARCHIVE_HALF_WEIGHT_AT + sum(weight for _, weight in sample))
    beside_list = NEWS_LIKENESS if _shipped_shares(language) else UNLISTED_LIKENESS
    return Table(idf, dict(Counter(blended).most_common(ORDINARY_TERMS)), beside_list * assumed)


@lru_cache(maxsize=8)
def _shipped_table(language: str) -> Table:
    """The statistics of a language of which no article is stored, the same for every background; few, as each is 3 MB."""
    return _table_of(language, _blend(_shipped_shares(language), ArchiveCounts()), ())


def mark(seen: int) -> int:
    """The archive size at which the background in force was computed, once `seen` articles have arrived: 0 (shipped), 50, 100,
    200, ... 3,200, then every 4,000. It depends on the count alone, so a restart computes the same background."""
    if seen < FIRST_MARK:
        return 0
    if seen < REGULAR_MARK:
        return FIRST_MARK << ((seen // FIRST_MARK).bit_length() - 1)
    return seen // REGULAR_MARK * REGULAR_MARK


def next_mark(seen: int) -> int:
    """The smallest mark above that of `seen`."""
    if seen < FIRST_MARK:
        return FIRST_MARK
    return min(2 * mark(seen), mark(seen) // REGULAR_MARK * REGULAR_MARK + REGULAR_MARK)


def document(title: str, text: str, language: str) -> Document:
    """The terms of an article, for `Background.documents`."""
    language = normalize(language) or UNKNOWN
    headline, body = article_terms(title, text, language)
    return Document(language, tuple(headline), tuple(body))


def _count(documents: Sequence[Document], weights: Sequence[float]) -> dict[str, ArchiveCounts]:
    totals: dict[str, float] = {}
    found: dict[str, dict[str, float]] = {}
    for each, weight in zip(documents, weights, strict=True):
        totals[each.language] = totals.get(each.language, 0.0) + weight
        counts = found.setdefault(each.language, {})
        for term in {*each.title, *each.body}:
            counts[term] = counts.get(term, 0.0) + weight
    return {language: ArchiveCounts(total, found[language]) for language, total in totals.items()}


def _article_weights(documents: Sequence[Document]) -> list[float]:
    """Weight of each article: 1, or less if more than STORY_ARTICLES_CAP articles of a thousand tell its story."""
    weights = [1.0] * len(documents)
    for language in {each.language for each in documents}:
        places = [at for at, each in enumerate(documents) if each.language == language]
        for start in range(0, len(places), ORDINARY_SAMPLE):
            part = places[start : start + ORDINARY_SAMPLE]
            for at, similar in zip(part, _similar_counts([documents[at] for at in part]), strict=True):
                weights[at] = min(1.0, STORY_ARTICLES_CAP / similar)
    return weights


def _similar_counts(documents: Sequence[Document]) -> list[int]:
    """For each of these articles, all in one language, how many of them are similar to it, itself included."""
    language = documents[0].language
    shipped = _shipped_shares(language)
    # without a word list, only the archive can tell rare terms from common ones
    seen = ArchiveCounts() if shipped else _count(documents, [1.0] * len(documents))[language]
    idf = _blend(shipped, seen)
    hashed = np.zeros((len(documents), HASHED_DIMENSIONS), np.float32)
    for row, each in zip(hashed, documents, strict=True):
        for term, weight in article_vector(each.title, each.body, idf).items():
            place, is_negative = _hash_position(term)
            row[place] += -weight if is_negative else weight
    alike = (hashed @ hashed.T >= SAME_STORY_COSINE).sum(axis=1)
    return [max(1, int(each)) for each in alike]


def _hash_position(term: str) -> tuple[int, bool]:
    """Column and sign (negative?) of a term in a hashed vector. CRC, not hash(), so that all processes agree."""
    number = crc32(term.encode(errors="surrogatepass"))
    return number % HASHED_DIMENSIONS, bool(number & 1 << 20)


def _blend(shipped: Mapping[str, float], seen: ArchiveCounts) -> Idf:
    """Weighted mean of both sources' weights (a geometric mean of shares): measured to be better than either alone and than
    adding counts."""
    unseen = _article_share(UNSEEN_WORD_SHARE)
    if not seen.documents:
        return Idf({term: -math.log(share) for term, share in shipped.items()}, -math.log(unseen))
    n = seen.documents
    archive_weight = n / (n + ARCHIVE_HALF_WEIGHT_AT) * (ARCHIVE_WEIGHT if shipped else 1.0)
    prior = ARCHIVE_HALF_WEIGHT_AT / 2

    def weight(term: str) -> float:
        share = shipped.get(term, unseen)
        archived = (seen.terms.get(term, 0) + prior * share) / (n + prior)
        return -(1 - archive_weight) * math.log(share) - archive_weight * math.log(archived)

    return Idf({term: weight(term) for term in shipped.keys() | seen.terms.keys()}, weight(""))


def _expected_vector(shares: Mapping[str, float], idf: Idf) -> dict[str, float]:
    """Expected unit vector of an article drawn from the word list, scaled by LIST_LIKENESS_SHARE."""
    weights = {term: share * idf[term] for term, share in shares.items()}
    length = math.sqrt(sum(weight * idf[term] for term, weight in weights.items()))
    return {term: LIST_LIKENESS_SHARE * weight / length for term, weight in weights.items()} if length else {}


def _article_share(share: float) -> float:
    return -math.expm1(-share * WORDS_PER_ARTICLE)


@lru_cache(maxsize=4)  # asked for when a table is made, once in thousands of articles, and 3 MB each
def _shipped_shares(language: str) -> Mapping[str, float]:
    """Term to share of articles, from the shipped word list; empty for a language without one."""
    table = resources.files("monitor.matching").joinpath(
        f"data/background/{_TABLE_ALIASES.get(language, language)}.txt.gz"
    )
    if not language.isalpha() or not table.is_file():
        return {}
    word_shares: Counter[str] = Counter()
    for line in gzip.decompress(table.read_bytes()).decode().splitlines():
        centibels, *words = line.split(" ")
        for word in words:
            word_shares[stem(word, language)] += 10 ** (-int(centibels) / 100)  # type: ignore[assignment]
    return {term: _article_share(share) for term, share in word_shares.items()}
