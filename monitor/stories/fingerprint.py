"""Fingerprints of texts for finding copies, and exact measures of the overlap of two texts in word runs.

A fingerprint is a bottom-k sketch: the 24 smallest hashes of all runs of four words. Two texts that share runs share keys,
however much longer one of them is, so a copy cut to a quarter is found through ordinary indexed rows. MinHash-LSH measures the
resemblance of texts of equal length and misses it. Fingerprints only propose candidates; `Shingles.containment` decides on the
full texts. The store looks up which articles carry a key; `shortlist` picks those that are worth an exact comparison.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from monitor.stories import tuning
from monitor.text.tokens import tokens

Runs = NDArray[np.uint64]
"""Hashes of word runs."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a new article is looked up by.

    `keys` are signed 32-bit numbers, that of the smallest hash first; text and title key are signed 64-bit numbers, 0 if there is
    none.
    """

    keys: tuple[int, ...]
    text_key: int
    title_key: int
    shingles: Shingles | None = field(default=None, compare=False, repr=False)
    """The text as word runs, so that the exact check need not compute them again."""


def fingerprint(title: str, text: str) -> Fingerprint:
    """Return the fingerprint of one article; the title is kept out of `keys`, as outlets put their own over the same text."""
    shingles = Shingles(text)
    return Fingerprint(shingles.keys, shingles.text_key, _hash_of(" ".join(tokens(title))), shingles)


class Shingles:
    """A text as word runs (shingles): computed once, compared with many."""

    def __init__(self, text: str) -> None:
        self._joined = " ".join(tokens(text[: tuning.FINGERPRINT_CHARACTERS]))

    @cached_property
    def words(self) -> list[str]:
        """The words of the text (monitor.text.tokens); a token never holds a space."""
        return self._joined.split(" ") if self._joined else []

    @cached_property
    def runs(self) -> Runs:
        """Hashes of all runs of four words, in reading order; of a text shorter than that, its one run."""
        if not self._joined:
            return np.empty(0, np.uint64)
        # One encode for all. Lone surrogates have no UTF-8, hence "replace".
        encoded = self._joined.encode("utf-8", "replace").split(b" ")
        hashed = np.fromiter(map(xxh3_64_intdigest, encoded), np.uint64, len(encoded))
        size = min(tuning.RUN_WORDS, len(hashed))
        run = np.zeros(len(hashed) - size + 1, np.uint64)
        for i in range(size):
            run = run * _ODD_MULTIPLIER + hashed[i : i + len(run)]
        return _finalized(run)

    @cached_property
    def distinct(self) -> Runs:
        """The distinct runs, ascending."""
        ordered = np.sort(self.runs)  # np.unique takes ten times as long for the same answer
        return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered

    @cached_property
    def text_key(self) -> int:
        """Hash of the whole text as words, ignoring case, punctuation and white space; 0 if there are no words."""
        return _hash_of(self._joined)

    @property
    def keys(self) -> tuple[int, ...]:
        """The lower halves of the smallest 24 hashes, as signed numbers: INTEGER holds no others."""
        halves = self.distinct[: tuning.FINGERPRINT_KEYS].astype(np.uint32).view(np.int32)
        return tuple(dict.fromkeys(halves.tolist()))

    @property
    def length(self) -> int:
        """Number of words that its runs span."""
        return min(len(self.words), len(self.runs) + tuning.RUN_WORDS - 1) if len(self.runs) else 0

    def containment(self, other: Shingles) -> float:
        """Return the share of the smaller text's distinct runs that the larger one holds: 1.0 for any excerpt; 0.0 without
        words."""
        smaller, larger = sorted((self.distinct, other.distinct), key=len)
        if not len(smaller):
            return 0.0
        return float(_isin(smaller, larger).mean())

    def count_shared(self, runs: Runs) -> int:
        """Return how many of its distinct runs are among `runs`, which must ascend without duplicates."""
        both = np.sort(np.concatenate((self.distinct, runs)))  # quicker than a look-up each
        return int(np.count_nonzero(both[1:] == both[:-1]))

    def has_run_in(self, count: int, others: Sequence[Shingles]) -> bool:
        """Whether at least `count` of the others hold one and the same of its runs."""
        if not len(self.distinct):
            return False
        held = np.zeros(len(self.distinct), np.int64)
        for each in others:
            held += _isin(self.distinct, each.distinct) if len(each.distinct) else 0
        return bool((held >= count).any())

    def resemblance(self, other: Shingles) -> float:
        """Return the share of both texts' distinct runs that both hold (Jaccard)."""
        shared = self.containment(other) * min(len(self.distinct), len(other.distinct))
        return float(shared / max(len(self.distinct) + len(other.distinct) - shared, 1))

    def contains(self, other: Shingles) -> bool:
        """Whether this text holds every run of `other`."""
        return not len(other.distinct) or (len(self.distinct) > 0 and bool(_isin(other.distinct, self.distinct).all()))

    def start_overlaps(self, other: Shingles) -> tuple[float, float]:
        """Return the share of the smaller text's start that the larger holds, and of the larger's start that the smaller holds.

        Pages of one template share middles and ends; a copy or an excerpt shares its own start or the original's.
        """
        smaller, larger = sorted((self, other), key=lambda each: len(each.distinct))
        return smaller._start_in(larger), larger._start_in(smaller)

    def longest_own_passage(self, other: Shingles) -> tuple[int, int]:
        """Return begin and end of the longest stretch of runs that `other` lacks, in this text's reading order."""
        return _longest_gap(self.runs, other.distinct)

    def has_own_passage(self, other: Shingles, least: int) -> bool:
        """Whether a stretch of at least `least` runs is not in `other`. Different texts show it at their beginning."""
        begin, end = _longest_gap(self.runs[: tuning.BEGINNING_RUNS], other.distinct)
        if end - begin < least and len(self.runs) > tuning.BEGINNING_RUNS:
            begin, end = self.longest_own_passage(other)
        return end - begin >= least

    def words_covered_by(self, runs: Runs) -> list[bool]:
        """For each word, whether it is part of one of these runs (ascending)."""
        held = np.zeros(len(self.words), dtype=bool)
        if len(runs) and len(self.runs):
            for at in np.flatnonzero(_isin(self.runs, runs)):
                held[at : at + tuning.RUN_WORDS] = True
        return [bool(each) for each in held]

    def without(self, runs: Runs) -> Shingles:
        """Return the same text with these runs (ascending) left out of every measure."""
        left = copy(self)
        left.__dict__.pop("distinct", None)
        left.__dict__["runs"] = self.runs[~_isin(self.runs, runs)] if len(runs) else self.runs
        return left

    def _start_in(self, other: Shingles) -> float:
        runs = self.runs[
            : min(max(len(self.runs) // tuning.START_DIVISOR, tuning.START_RUNS_LEAST), tuning.START_RUNS_MOST)
        ]
        return float(_isin(runs, other.distinct).mean()) if len(runs) and len(other.distinct) else 0.0


class RecentShingles:
    """Texts as word runs, those used last: a stored text is compared with many new ones. Thread-safe."""

    def __init__(self, characters: int = tuning.RECENT_CHARACTERS) -> None:
        self._of_text: OrderedDict[str, Shingles] = OrderedDict()
        self._characters, self._most = 0, characters
        self._lock = threading.Lock()

    def of(self, text: str) -> Shingles:
        """The text as word runs; together, the texts that are kept have at most as many characters as was said."""
        with self._lock:
            if (known := self._of_text.get(text)) is not None:
                self._of_text.move_to_end(text)
                return copy(known)  # with a list of words of its own, which would take ten times the room
        read = Shingles(text)
        read.distinct  # noqa: B018  worked out now, for all copies
        with self._lock:
            if text not in self._of_text:
                self._of_text[text] = read
                self._characters += len(text)
            while self._characters > self._most:
                self._characters -= len(self._of_text.popitem(last=False)[0])
        return copy(read)


def _longest_gap(runs: Runs, ascending: Runs) -> tuple[int, int]:
    """Begin and end of the longest stretch of `runs` that are not among `ascending`."""
    if not len(ascending):
        return 0, len(runs)
    shared = np.flatnonzero(_isin(runs, ascending))
    edges = np.concatenate(([-1], shared, [len(runs)]))
    at = int(np.diff(edges).argmax())
    return int(edges[at]) + 1, int(edges[at + 1])


def _isin(runs: Runs, ascending: Runs) -> NDArray[np.bool_]:
    """Mask of the `runs` that are among `ascending`, which must not be empty; twice as quick as numpy's own set functions."""
    places = np.minimum(np.searchsorted(ascending, runs), len(ascending) - 1)
    return np.equal(ascending[places], runs, dtype=bool)


def shortlist(keys: Sequence[int], postings: Mapping[int, Iterable[int]]) -> list[int]:
    """Return the articles worth an exact comparison: at most 50 ids, most shared keys first.

    `postings` maps each key to the articles within the window that carry it; lists longer than 64 may be cut at 65. Two shared
    keys are needed. One is enough if it is among the first two of `keys` and rare: the keys that an excerpt shares with a longer
    text are always its smallest, and of excerpts of a quarter one in a hundred shares a single one.
    """
    shared: dict[int, int] = defaultdict(int)
    for key in keys:
        holders = set(postings.get(key, ()))
        if len(holders) <= tuning.MAX_POSTINGS:
            for article_id in holders:
                shared[article_id] += 1
    for key in keys[: tuning.FIRST_KEYS]:
        holders = set(postings.get(key, ()))
        if len(holders) <= tuning.RARE_POSTINGS:
            for article_id in holders:
                shared[article_id] = max(shared[article_id], tuning.MIN_SHARED_KEYS)
    enough = [article_id for article_id, count in shared.items() if count >= tuning.MIN_SHARED_KEYS]
    return sorted(enough, key=lambda article_id: (-shared[article_id], article_id))[: tuning.MAX_CANDIDATES]


# An odd multiplier makes the hash depend on word order; the finaliser (splitmix64) spreads it over all 64 bits, without which the
# smallest hashes would not be a fair sample.
_ODD_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def _finalized(values: Runs) -> Runs:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _hash_of(words: str) -> int:
    return _as_signed(xxh3_64_intdigest(words.encode("utf-8", "replace"))) if words else 0


def _as_signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
