"""What is ordinary: how many articles of a language carry each word, and ordinary articles to measure a topic against.

Two sources: tables that come with the package (word lists, no text; data/background/ATTRIBUTION.txt) for the first day, and the
instance's own archive, which outweighs them as it grows. Reads only the package's own tables; knows no topic, no store.
"""

from __future__ import annotations

import gzip
import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from monitor.text import tokens

SHIPPED_DOCUMENTS = 1_000
"""How many archive articles of a language weigh as much as its shipped table."""
WORDS_PER_ARTICLE = 200
"""A word list gives a word's share of all words; as a share of articles this many words long it is 1 - exp(-share * length)."""
UNSEEN_SHARE = 10**-6.5
"""A word beyond the shipped lists: rarer than their last, about one word in three million."""
# By the codes of monitor.language: Croatian, Bosnian and Serbian are one list in wordfreq; its Norwegian is Bokmål.
_SAME_TABLE = {"hr": "sh", "bs": "sh", "sr": "sh", "no": "nb", "tl": "fil"}


@dataclass(frozen=True, slots=True)
class Document:
    """One ordinary article as its words: enough to score topics against, nothing to read."""

    language: str
    title: tuple[str, ...]
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArchiveCounts:
    """How many of `documents` stored articles of one language carry each term."""

    documents: int = 0
    terms: Mapping[str, int] = field(default_factory=dict)


class Idf(dict[str, float]):
    """Term to weight for one language: log(1 / share of articles that carry it); a term never seen weighs most."""

    def __init__(self, known: Mapping[str, float], unseen: float) -> None:
        super().__init__(known)
        self.unseen = unseen

    def __missing__(self, term: str) -> float:
        return self.unseen


class Background:
    """Immutable; `with_archive` and `with_documents` give a new one."""

    def __init__(self, counts: Mapping[str, ArchiveCounts] | None = None, documents: tuple[Document, ...] = ()) -> None:
        self._counts = dict(counts or {})
        self.documents = documents
        """Recent articles of the archive, oldest first."""
        self._tables: dict[str, Idf] = {}
        self.digest = self._digest()

    @classmethod
    def shipped(cls) -> Background:
        """The first day: word lists only."""
        return cls()

    def with_archive(self, counts: Mapping[str, ArchiveCounts]) -> Background:
        """The same with these document frequencies in place of earlier ones."""
        return Background(counts, self.documents)

    def with_documents(self, articles: Iterable[tuple[str, str, str]]) -> Background:
        """Learn from stored articles, each (title, text, language), oldest first: frequencies and ordinary articles at once."""
        documents = tuple(
            Document(language, tuple(tokens(title)), tuple(tokens(text))) for title, text, language in articles
        )
        return Background(_count(documents), documents)

    def idf(self, language: str, term: str) -> float:
        """Weight of a folded term (monitor.text.tokens) in a language; the flat weight of the unseen where nothing is known."""
        return self.table(language)[term]

    def table(self, language: str) -> Idf:
        """All weights of a language at once, for those who look up many."""
        if language not in self._tables:
            self._tables[language] = _blend(_shares(_SAME_TABLE.get(language, language)), self._counts.get(language))
        return self._tables[language]

    def _digest(self) -> str:
        seen = sorted((language, each.documents, len(each.terms)) for language, each in self._counts.items())
        return hashlib.sha256(f"{seen}{len(self.documents)}".encode()).hexdigest()[:8]


def _count(documents: Iterable[Document]) -> dict[str, ArchiveCounts]:
    totals: Counter[str] = Counter()
    terms: dict[str, Counter[str]] = {}
    for document in documents:
        totals[document.language] += 1
        terms.setdefault(document.language, Counter()).update({*document.title, *document.text})
    return {language: ArchiveCounts(total, terms[language]) for language, total in totals.items()}


def _blend(shipped: Mapping[str, float], seen: ArchiveCounts | None) -> Idf:
    """Shares of articles from both sources, the shipped one as if it were SHIPPED_DOCUMENTS articles more."""
    unseen = _of_articles(UNSEEN_SHARE)
    if not seen or not seen.documents:
        return Idf({term: -math.log(share) for term, share in shipped.items()}, -math.log(unseen))
    total = seen.documents + SHIPPED_DOCUMENTS
    known = {
        term: -math.log((SHIPPED_DOCUMENTS * shipped.get(term, unseen) + seen.terms.get(term, 0)) / total)
        for term in shipped.keys() | seen.terms.keys()
    }
    return Idf(known, -math.log(SHIPPED_DOCUMENTS * unseen / total))


def _of_articles(share: float) -> float:
    return -math.expm1(-share * WORDS_PER_ARTICLE)


@cache
def _shares(language: str) -> Mapping[str, float]:
    """Term to share of articles from the shipped table; empty for a language that has none."""
    table = resources.files("monitor").joinpath(f"data/background/{language}.txt.gz")
    if not language.isalpha() or not table.is_file():
        return {}
    shares: dict[str, float] = {}
    for line in gzip.decompress(table.read_bytes()).decode().splitlines():
        centibels, *terms = line.split(" ")
        shares.update(dict.fromkeys(terms, _of_articles(10 ** (-int(centibels) / 100))))
    return shares
