"""What is ordinary: how many articles of a language carry each term, and what an ordinary article looks like.

Two sources: tables that come with the package (word lists, no text; data/background/ATTRIBUTION.txt) for the first day, and the
instance's own archive beside them as it grows. Reads only the package's own tables; knows no topic, no store.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from zlib import crc32

import numpy as np

from monitor.matching.term_vectors import Vector, article_vector, mean, read
from monitor.matching.tuning import (
    ARCHIVE_HALF_WAY,
    ARCHIVE_SAY,
    EMPTY_RARITY,
    FIRST_MARK,
    FOLDED_NUMBERS,
    LIKENESS_CAP,
    LIST_LIKENESS_SHARE,
    NEWS_LIKENESS,
    ORDINARY_SAMPLE,
    ORDINARY_TERMS,
    REGULAR_MARK,
    SAME_STORY_COSINE,
    STORY_TELLINGS,
    UNSEEN_WORD_SHARE,
    WORDS_PER_ARTICLE,
)
from monitor.text.language import UNKNOWN, normalize
from monitor.text.terms import stem

# By the codes of monitor.text.language: Croatian, Bosnian and Serbian are one list in wordfreq; its Norwegian is Bokmål.
_SAME_TABLE = {"hr": "sh", "bs": "sh", "sr": "sh", "no": "nb", "tl": "fil"}


@dataclass(frozen=True, slots=True)
class Document:
    """One archived article as its terms: enough to count and to score, nothing to read."""

    language: str
    title: tuple[str, ...]
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """How many of `documents` stored articles of one language carry each term."""

    documents: float = 0
    terms: Mapping[str, float] = field(default_factory=dict)


class Idf(dict[str, float]):
    """Term to weight for one language: log(1 / share of articles that carry it); a term never seen weighs most."""

    def __init__(self, known: Mapping[str, float], unseen: float) -> None:
        super().__init__(known)
        self.unseen = unseen

    def __missing__(self, term: str) -> float:
        return self.unseen


@dataclass(frozen=True, slots=True)
class Table:
    """What is known of one language."""

    idf: Idf
    ordinary: Vector
    """The mean of ordinary articles' unit vectors; empty where nothing is known of the language."""
    least: float
    """Likeness of any article to the ordinary one, as far as it is assumed rather than seen in an archive."""

    def likeness(self, article: Vector) -> float:
        """How like an ordinary article this one is (a cosine scaled by how alike articles are): about .01 for two lines of
        news, .04 for a full article."""
        ordinary = self.ordinary
        found = self.least + sum(weight * ordinary[term] for term, weight in article.items() if term in ordinary)
        return min(found, LIKENESS_CAP)

    def rarity(self, article: Vector) -> float:
        """Mean weight of an article's terms, the heavier the more: about 4 for everyday words, 7 for names and numbers."""
        total = sum(article.values())
        return sum(weight * self.idf[term] for term, weight in article.items()) / total if total else EMPTY_RARITY


class Background:
    """Immutable; `with_documents` gives a new one."""

    def __init__(
        self,
        counts: Mapping[str, ArchiveCounts] | None = None,
        documents: tuple[Document, ...] = (),
        says: Sequence[float] = (),
    ) -> None:
        self._counts = dict(counts or {})
        self.documents = documents
        """Articles of the archive, oldest first."""
        self._says = says
        self._tables: dict[str, Table] = {}
        self.digest = self._digest()

    @classmethod
    def shipped(cls) -> Background:
        """The first day: word lists only."""
        return cls()

    def with_documents(self, articles: Iterable[tuple[str, str, str]]) -> Background:
        """Learn from stored articles, each (title, text, language), oldest first: frequencies and the ordinary article."""
        documents = tuple(document(*each) for each in articles)
        says = _says(documents)
        return Background(_count(documents, says), documents, says)

    def table(self, language: str) -> Table:
        """All that is known of a language at once, for those who look up much."""
        if language not in self._tables:
            idf = _blend(_shares(language), self._counts.get(language, ArchiveCounts()))
            self._tables[language] = self._table(language, idf)
        return self._tables[language]

    def _table(self, language: str, idf: Idf) -> Table:
        """The expected article of the word list, then the mean of archived ones, as they come to outnumber it."""
        of_language = [pair for pair in zip(self.documents, self._says, strict=True) if pair[0].language == language]
        sample = of_language[:: max(1, len(of_language) // ORDINARY_SAMPLE)]
        seen = ((article_vector(each.title, each.body, idf), say) for each, say in sample)
        blended = mean([(_expected(_shares(language), idf), float(ARCHIVE_HALF_WAY)), *seen])
        assumed = ARCHIVE_HALF_WAY / (ARCHIVE_HALF_WAY + sum(say for _, say in sample))
        return Table(idf, dict(Counter(blended).most_common(ORDINARY_TERMS)), NEWS_LIKENESS * assumed)

    def _digest(self) -> str:
        seen = sorted(
            (language, round(each.documents, 6), round(sum(each.terms.values()), 6))
            for language, each in self._counts.items()
        )
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:8]


def mark(seen: int) -> int:
    """After how many articles the background in force was taken, once `seen` have arrived: 0 (shipped), 50, 100, 200, ...
    3,200, then every 4,000. So the same articles give the same background, whenever a process was started."""
    if seen < FIRST_MARK:
        return 0
    if seen < REGULAR_MARK:
        return FIRST_MARK << ((seen // FIRST_MARK).bit_length() - 1)
    return seen // REGULAR_MARK * REGULAR_MARK


def next_mark(seen: int) -> int:
    """The mark after that of `seen`."""
    if seen < FIRST_MARK:
        return FIRST_MARK
    return min(2 * mark(seen), mark(seen) // REGULAR_MARK * REGULAR_MARK + REGULAR_MARK)


def document(title: str, text: str, language: str) -> Document:
    """An article as the background keeps it."""
    language = normalize(language) or UNKNOWN
    headline, body = read(title, text, language)
    return Document(language, tuple(headline), tuple(body))


def _count(documents: Sequence[Document], says: Sequence[float]) -> dict[str, ArchiveCounts]:
    totals: dict[str, float] = {}
    found: dict[str, dict[str, float]] = {}
    for each, say in zip(documents, says, strict=True):
        totals[each.language] = totals.get(each.language, 0.0) + say
        counts = found.setdefault(each.language, {})
        for term in {*each.title, *each.body}:
            counts[term] = counts.get(term, 0.0) + say
    return {language: ArchiveCounts(total, found[language]) for language, total in totals.items()}


def _says(documents: Sequence[Document]) -> list[float]:
    """How much each article counts: 1, and less where its story is told more than STORY_TELLINGS times in a thousand."""
    says = [1.0] * len(documents)
    for language in {each.language for each in documents}:
        places = [at for at, each in enumerate(documents) if each.language == language]
        for start in range(0, len(places), ORDINARY_SAMPLE):
            part = places[start : start + ORDINARY_SAMPLE]
            for at, tellings in zip(part, _tellings([documents[at] for at in part]), strict=True):
                says[at] = min(1.0, STORY_TELLINGS / tellings)
    return says


def _tellings(documents: Sequence[Document]) -> list[int]:
    """How many of these articles, which are of one language, each is alike, itself included."""
    language = documents[0].language
    shipped = _shares(language)
    # without a word list only the archive itself tells rare words from common ones
    seen = ArchiveCounts() if shipped else _count(documents, [1.0] * len(documents))[language]
    idf = _blend(shipped, seen)
    folded = np.zeros((len(documents), FOLDED_NUMBERS), np.float32)
    for row, each in zip(folded, documents, strict=True):
        for term, weight in article_vector(each.title, each.body, idf).items():
            place, is_negative = _place(term)
            row[place] += -weight if is_negative else weight
    alike = (folded @ folded.T >= SAME_STORY_COSINE).sum(axis=1)
    return [max(1, int(each)) for each in alike]


@lru_cache(maxsize=200_000)
def _place(term: str) -> tuple[int, bool]:
    """Where a term is folded to, and with which sign: the same in every process."""
    number = crc32(term.encode(errors="surrogatepass"))
    return number % FOLDED_NUMBERS, bool(number & 1 << 20)


def _blend(shipped: Mapping[str, float], seen: ArchiveCounts) -> Idf:
    """The mean of both sources' weights (a geometric mean of shares): better than either, and than adding their counts."""
    unseen = _of_articles(UNSEEN_WORD_SHARE)
    if not seen.documents:
        return Idf({term: -math.log(share) for term, share in shipped.items()}, -math.log(unseen))
    n = seen.documents
    say = n / (n + ARCHIVE_HALF_WAY) * (ARCHIVE_SAY if shipped else 1.0)
    prior = ARCHIVE_HALF_WAY / 2

    def weight(term: str) -> float:
        share = shipped.get(term, unseen)
        here = (seen.terms.get(term, 0) + prior * share) / (n + prior)
        return -(1 - say) * math.log(share) - say * math.log(here)

    return Idf({term: weight(term) for term in shipped.keys() | seen.terms.keys()}, weight(""))


def _expected(shares: Mapping[str, float], idf: Idf) -> dict[str, float]:
    """The unit vector that an article drawn from the word list has on average."""
    weights = {term: share * idf[term] for term, share in shares.items()}
    length = math.sqrt(sum(weight * idf[term] for term, weight in weights.items()))
    return {term: LIST_LIKENESS_SHARE * weight / length for term, weight in weights.items()} if length else {}


def _of_articles(share: float) -> float:
    return -math.expm1(-share * WORDS_PER_ARTICLE)


@cache
def _shares(language: str) -> Mapping[str, float]:
    """Term to share of articles from the shipped table; empty for a language that has none."""
    table = resources.files("monitor.matching").joinpath(
        f"data/background/{_SAME_TABLE.get(language, language)}.txt.gz"
    )
    if not language.isalpha() or not table.is_file():
        return {}
    of_words: Counter[str] = Counter()
    for line in gzip.decompress(table.read_bytes()).decode().splitlines():
        centibels, *words = line.split(" ")
        for word in words:
            of_words[stem(word, language)] += 10 ** (-int(centibels) / 100)  # type: ignore[assignment]
    return {term: _of_articles(share) for term, share in of_words.items()}
