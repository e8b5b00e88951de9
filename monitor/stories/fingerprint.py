"""How likeness of texts is judged: a title and a text in, a small fingerprint out, and exact measures on word runs.

The fingerprint is a bottom-k sketch: of all runs of four words the 24 with the smallest hashes. Two texts that share words
share keys, however much longer one of them is, so a copy cut to a quarter is found through ordinary indexed rows, where
MinHash-LSH, which measures resemblance of equals, finds none. A sketch only proposes; `Shingles.containment` decides on the
full texts. Knows no store: which articles carry a key is the store's answer, which of them deserve a look is `shortlist`'s.
"""

from __future__ import annotations

from collections import defaultdict
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
    """What a new article is looked up by. Keys are signed 32-bit numbers, that of the smallest hash first; text and title key
    are signed 64-bit numbers, 0 says there is none."""

    keys: tuple[int, ...]
    text_key: int
    title_key: int
    shingles: Shingles | None = field(default=None, compare=False, repr=False)
    """The text as it was read, so that the check need not read it again."""


def fingerprint(title: str, text: str) -> Fingerprint:
    """The fingerprint of one article; the title is kept out of `keys`, as outlets write their own over the same copy."""
    shingles = Shingles(text)
    return Fingerprint(shingles.keys, shingles.text_key, _key(" ".join(tokens(title))), shingles)


class Shingles:
    """A text as its word runs: made once, compared with many."""

    def __init__(self, text: str) -> None:
        self.words = tokens(text[: tuning.FINGERPRINT_CHARACTERS])

    @cached_property
    def runs(self) -> Runs:
        """Hashes of all runs of four words, in reading order; of a text shorter than that, its one run."""
        if not self.words:
            return np.empty(0, np.uint64)
        # One encode for all: a token never holds a space. Lone surrogates have no UTF-8, hence "replace".
        encoded = " ".join(self.words).encode("utf-8", "replace").split(b" ")
        hashed = np.fromiter(map(xxh3_64_intdigest, encoded), np.uint64, len(encoded))
        size = min(tuning.RUN_WORDS, len(hashed))
        run = np.zeros(len(hashed) - size + 1, np.uint64)
        for i in range(size):
            run = run * _ODD + hashed[i : i + len(run)]
        return _mixed(run)

    @cached_property
    def distinct(self) -> Runs:
        """The different runs, ascending."""
        ordered = np.sort(self.runs)  # np.unique takes ten times as long for the same answer
        return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if len(ordered) else ordered

    @cached_property
    def text_key(self) -> int:
        """A hash of the whole text as words, so that case, punctuation and white space do not count; 0 without words."""
        return _key(" ".join(self.words))

    @property
    def keys(self) -> tuple[int, ...]:
        """The lower halves of the smallest 24 hashes, as signed numbers: INTEGER holds no others."""
        halves = self.distinct[: tuning.FINGERPRINT_KEYS].astype(np.uint32).view(np.int32)
        return tuple(dict.fromkeys(halves.tolist()))

    @property
    def length(self) -> int:
        """Words that its runs span."""
        return min(len(self.words), len(self.runs) + tuning.RUN_WORDS - 1) if len(self.runs) else 0

    def containment(self, other: Shingles) -> float:
        """The share of the smaller text's different runs that the larger one holds: 1.0 for any excerpt; 0.0 without words."""
        smaller, larger = sorted((self.distinct, other.distinct), key=len)
        if not len(smaller):
            return 0.0
        return float(_held(smaller, larger).mean())

    def count_in(self, runs: Runs) -> int:
        """How many of its different runs are among `runs`, which ascend without doubles."""
        both = np.sort(np.concatenate((self.distinct, runs)))  # for so many quicker than to look up each
        return int(np.count_nonzero(both[1:] == both[:-1]))

    def resemblance(self, other: Shingles) -> float:
        """The share of both texts' different runs that both hold (Jaccard)."""
        shared = self.containment(other) * min(len(self.distinct), len(other.distinct))
        return float(shared / max(len(self.distinct) + len(other.distinct) - shared, 1))

    def holds(self, other: Shingles) -> bool:
        """Whether every run of `other` stands in this text."""
        return not len(other.distinct) or (len(self.distinct) > 0 and bool(_held(other.distinct, self.distinct).all()))

    def starts(self, other: Shingles) -> tuple[float, float]:
        """How much of the start of the smaller text the larger holds, and the other way round.

        Templates share middles and ends; a copy or an excerpt shares its own start or the original's.
        """
        smaller, larger = sorted((self, other), key=lambda each: len(each.distinct))
        return smaller._start_in(larger), larger._start_in(smaller)

    def passage_beside(self, other: Shingles) -> tuple[int, int]:
        """Where the longest stretch of runs that `other` lacks begins and ends, in this text's reading order."""
        if not len(other.distinct):
            return 0, len(self.runs)
        shared = np.flatnonzero(_held(self.runs, other.distinct))
        edges = np.concatenate(([-1], shared, [len(self.runs)]))
        at = int(np.diff(edges).argmax())
        return int(edges[at]) + 1, int(edges[at + 1])

    def words_in(self, runs: Runs) -> list[bool]:
        """For each word whether it stands in one of these runs (ascending)."""
        held = np.zeros(len(self.words), dtype=bool)
        if len(runs) and len(self.runs):
            for at in np.flatnonzero(_held(self.runs, runs)):
                held[at : at + tuning.RUN_WORDS] = True
        return [bool(each) for each in held]

    def without(self, runs: Runs) -> Shingles:
        """The same text with these runs (ascending) left out of every measure."""
        left = copy(self)
        left.__dict__.pop("distinct", None)
        left.__dict__["runs"] = self.runs[~_held(self.runs, runs)] if len(runs) else self.runs
        return left

    def _start_in(self, other: Shingles) -> float:
        runs = self.runs[
            : min(max(len(self.runs) // tuning.START_DIVISOR, tuning.START_RUNS_LEAST), tuning.START_RUNS_MOST)
        ]
        return float(_held(runs, other.distinct).mean()) if len(runs) and len(other.distinct) else 0.0


def _held(runs: Runs, ascending: Runs) -> NDArray[np.bool_]:
    """Which of `runs` are among `ascending`, which is not empty; twice as quick as numpy's own set functions."""
    places = np.minimum(np.searchsorted(ascending, runs), len(ascending) - 1)
    return np.equal(ascending[places], runs, dtype=bool)


def shortlist(keys: Sequence[int], postings: Mapping[int, Iterable[int]]) -> list[int]:
    """Which articles deserve the exact check: at most 50 ids, most shared keys first.

    `postings` names, for each key, the articles within the window that carry it; lists longer than 64 may be cut at 65.
    Two shared keys are asked for. One is enough where it is among the first two of `keys` and rare: the keys that an
    excerpt shares with a longer text are always its smallest, and of an excerpt of a quarter one in a hundred shares a single one.
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


# An odd multiplier makes the order of the words count; the finaliser (splitmix64) spreads runs over all 64 bits, without which
# "the smallest" would not be a fair sample.
_ODD = np.uint64(0x9E3779B97F4A7C15)


def _mixed(values: Runs) -> Runs:
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _key(words: str) -> int:
    return _as_signed(xxh3_64_intdigest(words.encode("utf-8", "replace"))) if words else 0


def _as_signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
