"""Which articles are embedded where a day's budget does not allow for all (`embedding.articles_per_day`). Pure.

The gate costs about a hundredth of an embedding. It lets through what comes somewhere near a topic by its words, in languages
of the topic's examples, and in every other language what shares a name with a topic: Taliban, Талибан and طالبان have the same
consonants. What it loses is an article in another language that names nobody whom the topic names; bench/embedding_gate.py counts
these.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitor.matching.tuning import GATE_MARGIN, GATE_NAME_CONSONANTS
from monitor.types.matching import Topic

_SOUNDS = {
    "b": "bpбпبپ",
    "d": "dдدډ",
    "f": "fvwвфوفڤ",
    "g": "gгگغ",
    "k": "kcqкхخقکك",
    "l": "lлل",
    "m": "mмم",
    "n": "nнنڼ",
    "r": "rрرړ",
    "s": "szjсзжцчшщثجچذزژسشصضظښځڅ",
    "t": "tтتطټ",
}
"""Consonants that stand for one another between alphabets. Vowels, h and y are written too differently to count."""
_LETTERS = {letter: sound for sound, letters in _SOUNDS.items() for letter in letters} | {"x": "ks"}
_PAIRS = {"sh": "s", "ch": "s", "zh": "s", "ph": "f", "дж": "ж"}
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that could be embedded."""

    key: int
    is_likely: bool
    """Whether it may be on a topic (`is_likely`)."""


def left_out(candidates: Sequence[Candidate], *, used: int, per_day: int, day_share: float) -> frozenset[int]:
    """The keys of the texts that are not embedded. `used`: how many were embedded today; `day_share`: how much of the day is over.

    Likely ones are embedded as long as the day's budget lasts; others only with what is left over so far, so that a morning full of
    sport leaves something for the evening's news.
    """
    allowed, spare = per_day - used, int(per_day * day_share) - used
    kept: set[int] = set()
    for each in sorted(candidates, key=lambda each: not each.is_likely):
        if len(kept) < (allowed if each.is_likely else min(allowed, spare)):
            kept.add(each.key)
    return frozenset(each.key for each in candidates) - kept


def is_likely(margins: Iterable[float], words: Collection[str], names: Collection[str]) -> bool:
    """Whether an article may be on a topic: by its margins over the topics' thresholds (`margins.margin`), or because it shares a
    name with one (`consonants_of` its text, `names_of` the topics)."""
    return any(each > GATE_MARGIN for each in margins) or not frozenset(names).isdisjoint(words)


def names_in(topics: Iterable[Topic]) -> frozenset[str]:
    """The names in titles, sentences and examples of these topics."""
    return names_of(
        tuple(
            text
            for topic in topics
            if topic.is_enabled
            for text in (topic.title, topic.description, *(f"{each.title}\n{each.text}" for each in topic.seeds))
        )
    )


@lru_cache(maxsize=4)
def names_of(texts: tuple[str, ...]) -> frozenset[str]:
    """The consonants of what may be a name in these texts: words in capitals, of a script that has them."""
    capitals = (word for text in texts for word in _WORD.findall(text) if word[0].isupper())
    return frozenset(each for word in capitals if len(each := _consonants(word)) >= GATE_NAME_CONSONANTS)


def consonants_of(text: str) -> frozenset[str]:
    """The consonants of each word of a text, as `names_of` gives them."""
    return frozenset(map(_consonants, _WORD.findall(text)))


def _consonants(word: str) -> str:
    plain = word.casefold()
    for pair, sound in _PAIRS.items():
        plain = plain.replace(pair, sound)
    found = "".join(_LETTERS.get(each, "") for each in unicodedata.normalize("NFKD", plain))
    return re.sub(r"(.)\1+", r"\1", found)
