"""Split two versions of an article into sentences, extract the facts of each, and align old sentences with new ones."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from monitor.stories import tuning
from monitor.stories.change_patterns import (
    BEFORE_INNER_CAPITAL,
    BILLIONS,
    BOILERPLATE,
    CLOCK_AT_START,
    CLOCK_DOT,
    COUNTERS,
    CURRENCY,
    DATELINE,
    HAN_NEGATION,
    LONG_WORD,
    MILLIONS,
    MULTIPLES,
    NEGATIONS,
    NOT_NAMES,
    NUMBER_WORDS,
    NUMBERED_NAME,
    PLAIN_NUMBER,
    QUOTED,
    RELATIVE_TIME,
    SENTENCE_END,
    SIGNED_HEADLINE,
    SPELLED_WORD,
    TENS_AND_ONES,
    UNITS_OF_MEASURE,
    YEAR,
)
from monitor.text.tokens import sentences, tokens


class Sentence:
    """One sentence or headline, stripped of relative times and counters, and the facts that it states."""

    def __init__(self, text: str, *, is_title: bool = False) -> None:
        self.shown = text
        self.is_title = is_title
        self.text = RELATIVE_TIME.sub(" ", COUNTERS.sub(" ", CLOCK_AT_START.sub("", text)))
        self.words = tokens(self.text)
        self.folded = frozenset(self.words)
        self.key = " ".join(self.words)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Its numbers in one normalized spelling."""
        text = TENS_AND_ONES.sub(_as_digits, CLOCK_DOT.sub(":", NUMBERED_NAME.sub("", self.text)))
        text = MILLIONS.sub(r"\1 million", BILLIONS.sub(" billion", text))
        return tuple(_normalized_numbers([word for word in tokens(text) if _is_number(word)]))

    @property
    def is_full_sentence(self) -> bool:
        """Whether it is a full sentence rather than a caption or a link to something else."""
        return len(self.words) >= tuning.FULL_SENTENCE_WORDS and bool(SENTENCE_END.search(self.shown))

    @property
    def units(self) -> frozenset[str]:
        """Its units and currencies: a sum in another currency, or miles for kilometres, is no correction."""
        return self.folded & UNITS_OF_MEASURE | frozenset(CURRENCY.findall(self.text))

    @property
    def wording(self) -> list[str]:
        """Its words without the numbers."""
        return [word for word in self.words if not _is_number(word)]

    @cached_property
    def negations(self) -> int:
        """How many negations it has."""
        words = sum(word in NEGATIONS or word.endswith(("n't", "n’t")) or word.startswith("نمی") for word in self.words)
        return words + len(HAN_NEGATION.findall(self.text))

    @cached_property
    def capitals(self) -> dict[str, bool]:
        """Map each capitalised word to whether it stands inside a sentence, where only a name has a capital."""
        found: dict[str, bool] = {}
        for match in SPELLED_WORD.finditer(self.text):
            if not match.group()[0].isupper():
                continue
            is_inner = bool(BEFORE_INNER_CAPITAL.search(self.text[max(match.start() - 6, 0) : match.start()]))
            for word in tokens(match.group()):
                found[word] = found.get(word, False) or is_inner
        return found

    @property
    def is_in_title_case(self) -> bool:
        """Whether it is a headline with most of its longer words capitalised."""
        long = LONG_WORD.findall(self.text)
        capitals = sum(word[0].isupper() for word in long)
        is_long = len(long) >= tuning.TITLE_CASE_WORDS
        return self.is_title and is_long and capitals > tuning.COMPARED_TITLE_CASE * len(long)

    def names(self, old: ParsedVersion, new: ParsedVersion) -> list[str]:
        """Return its names. At a sentence's start and in title case a capital proves little: there only words count that are
        names elsewhere in the two versions."""
        known = old.names | new.names
        return [
            word
            for word, is_inner in self.capitals.items()
            if word not in NOT_NAMES and (word in known if self.is_in_title_case or not is_inner else True)
        ]


Pair = tuple[Sentence, Sentence]
"""An old sentence and the new one that replaced it."""


class ParsedVersion:
    """One version of an article, without dateline and boilerplate."""

    def __init__(self, title: str, text: str) -> None:
        text = DATELINE.sub("", text[: tuning.COMPARED_CHARACTERS])
        body = [Sentence(each) for each in sentences(text) if not BOILERPLATE.search(each)]
        self.title = Sentence(title, is_title=True)
        self.body = [each for each in body if each.words]
        self.words = [word for each in self.body for word in each.words]

    @cached_property
    def all(self) -> list[Sentence]:
        return [self.title, *self.body]

    @cached_property
    def folded(self) -> frozenset[str]:
        return frozenset(word for each in self.all for word in each.words)

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(number for each in self.all for number in each.numbers)

    @cached_property
    def negations(self) -> int:
        return sum(each.negations for each in self.all)

    @cached_property
    def names(self) -> frozenset[str]:
        """Words with a capital inside a sentence."""
        trusted = (each for each in self.all if not each.is_in_title_case)
        inner = {word for each in trusted for word, is_inner in each.capitals.items() if is_inner}
        return frozenset(inner - NOT_NAMES)

    @cached_property
    def joined_words(self) -> str:
        return f" {' '.join(word for each in self.all for word in each.words)} "

    @cached_property
    def quotes(self) -> list[str]:
        return quoted("\n".join(each.text for each in self.all))


def quoted(text: str) -> list[str]:
    """Return what stands between quotation marks, each as normalized words."""
    return [words for words, _ in quotes_of(text)]


def quotes_of(text: str) -> list[tuple[str, str]]:
    """Return what stands between quotation marks, as normalized words and as it is written."""
    inside = [next(filter(None, match.groups())) for match in QUOTED.finditer(text)]
    spoken = [(tokens(each), each) for each in inside]
    return [(" ".join(words), written) for words, written in spoken if len(words) >= tuning.QUOTE_WORDS]


def align_sentences(old: ParsedVersion, new: ParsedVersion) -> tuple[list[Pair], list[Sentence], list[Sentence]]:
    """Return the changed sentences as (old, new) pairs, then the removed and the added ones without a counterpart."""
    before, after = Counter(each.key for each in old.body), Counter(each.key for each in new.body)
    removed, added = _unmatched(old.body, after), _unmatched(new.body, before)
    by_overlap = sorted(
        ((word_overlap(a, b), -i, -j) for i, a in enumerate(removed) for j, b in enumerate(added)), reverse=True
    )
    pairs: dict[int, int] = {}
    for overlap, i, j in by_overlap:
        if overlap >= tuning.SAME_SENTENCE and -i not in pairs and -j not in pairs.values():
            pairs[-i] = -j
    changed = [(removed[i], added[j]) for i, j in sorted(pairs.items())]
    if old.title.key != new.title.key and not _differs_in_outlet_suffix(old.title, new.title):
        changed.insert(0, (old.title, new.title))
    unmatched = [each for j, each in enumerate(added) if j not in pairs.values()]
    return changed, [each for i, each in enumerate(removed) if i not in pairs], unmatched


def _differs_in_outlet_suffix(one: Sentence, other: Sentence) -> bool:
    """Whether one headline is the other with an outlet's name appended: "Ferry sinks | The Herald"."""
    shorter, longer = sorted((one, other), key=lambda each: len(each.words))
    signed = SIGNED_HEADLINE.fullmatch(longer.shown.strip())
    return signed is not None and tokens(signed[1]) == shorter.words


def _unmatched(body: list[Sentence], known: Counter[str]) -> list[Sentence]:
    """Return the sentences of one version that the other lacks, counting repeats."""
    known = known.copy()
    unmatched = []
    for sentence in body:
        known[sentence.key] -= 1
        if known[sentence.key] < 0:
            unmatched.append(sentence)
    return unmatched[: tuning.COMPARED_SENTENCES]


def word_overlap(a: Sentence, b: Sentence) -> float:
    """Return the share of the words of both sentences that both have (Jaccard)."""
    return len(a.folded & b.folded) / max(len(a.folded | b.folded), 1)


def _is_number(word: str) -> bool:
    return word in NUMBER_WORDS or word[0].isdigit()


def _as_digits(number: re.Match[str]) -> str:
    """`64` for "sixty-four"."""
    tens, ones = (word.casefold() for word in number.groups())
    return str(int(NUMBER_WORDS[tens]) + int(NUMBER_WORDS.get(ones, 1)))  # "one" alone is no number: one of them


def _normalized_number(word: str) -> str:
    """Normalize one number: 1,000 to 1000, ۵ to 5, three to 3."""
    if word in NUMBER_WORDS:
        return NUMBER_WORDS[word]
    digits = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in word)
    plain = re.sub(r"[.,](?=\d{3}(?!\d))", "", digits)
    return re.sub(r"(?<=\d),(?=\d{1,2}\Z)", ".", re.sub(r"\A0(?=\d\Z)", "", plain))  # 3,5 is 3.5, 05 is 5


def _normalized_numbers(words: Iterable[str]) -> Iterator[str]:
    """Normalize numbers and apply multipliers: "3 million" becomes 3000000."""
    pending = ""
    for word in words:
        if word in MULTIPLES and PLAIN_NUMBER.fullmatch(pending):
            pending = f"{float(pending) * MULTIPLES[word]:.0f}"
            continue
        if pending:
            yield pending
        pending = _normalized_number(word)
    if pending:
        yield pending


def is_rounded(one: str, other: str) -> bool:
    """Whether two normalized numbers are one, more and less exact or with its power of ten left out: 162500 and 162, 29.3 and 29.

    A toll of 19 that becomes 20 is another number: a hundredth is the most that rounding changes.
    """
    if not all(PLAIN_NUMBER.fullmatch(each) and not YEAR.fullmatch(each) for each in (one, other)):
        return False
    less, more = sorted((one, other), key=lambda number: len(_digits(number)))
    if not float(less) * float(more):
        return False
    is_exact = len(_digits(less)) < len(_digits(more))
    powers = (power for power in tuning.POWERS if power != 1 or is_exact)
    may_differ = tuning.ROUNDED_BY if is_exact else 0.0
    return any(abs(float(more) / float(less) / power - 1) <= may_differ for power in powers)


def _digits(number: str) -> str:
    """The significant digits of a number."""
    return number.replace(".", "").strip("0")


def is_respelling(one: str, other: str) -> bool:
    """Whether two words are spellings of one name: at least six letters, the same first letter, and one edit or one transposition
    apart.

    Shorter words are never respellings: Iran and Iraq differ by one letter.
    """
    if one == other:
        return True
    if one[0] != other[0] or min(len(one), len(other)) < tuning.SPELLING_LETTERS or abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or rest[1:] == other_rest[1:] or rest == other_rest[1:] or rest[1:] == other_rest
