"""Compare two headlines of one language: whether they have one shape and different content, as "23 killed in bus crash in Nigeria"
and "14 killed in bus crash in Kenya", and whether who did what to whom is swapped.

Likeness, by words or by meaning, is high between such headlines, and they are two events. What was measured is in docs/dedup.md,
"Short items".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitor.stories import tuning
from monitor.text.function_words import is_function_word
from monitor.text.stated_days import without_days
from monitor.text.terms import stem
from monitor.text.tokens import tokens

# "Quake hits Chile - Reuters", "... | BBC News": aggregators and some feeds append the outlet.
_OUTLET = re.compile(r"\s+[-–—|]\s+(?P<outlet>[^-–—|]{2,40})$")
# "Havana explosion: ...", "Live: ...": the subject or the kind of the article, not who acts.
_KICKER = re.compile(r"^[^:]{2,30}:\s+(?=\S)")
# Between the one to whom it was done and the one who did it.
_PASSIVE = re.compile(r"\b(?:by|von|durch|par|por|door|da|av|af|przez|oleh|bởi)\b", re.IGNORECASE)

# Capitalised, but shared by everything that happened that day; other languages do not capitalise them.
DATE_WORDS = frozenset(
    tokens(
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october "
        "november december montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar märz mai juni juli oktober "
        "dezember"
    )
)

_WEEKDAYS = {
    word: day
    for days in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
        "lundi mardi mercredi jeudi vendredi samedi dimanche",
        "lunes martes miércoles jueves viernes sábado domingo",
        "понедельник вторник среду четверг пятницу субботу воскресенье",
    )
    for day, word in enumerate(days.split())
}


@dataclass(frozen=True, slots=True)
class Contradictions:
    """What speaks against one event in two headlines that may look alike."""

    is_other_content: bool = False
    """Most of the words stand in one order, and each has content that the other article lacks."""
    other_names: tuple[str, str] | None = None
    """A name of either headline that the other article lacks, where many words stand in one order."""
    other_numbers: tuple[str, str] | None = None
    is_other_day: bool = False
    """Both name a day, and not one of them is the same: "rain on Thursday", "rain on Friday"."""
    is_one_beginning: bool = False
    """Both begin with the same words, as the parts of a series do: "Wetter in Bayern", "Stocks close", "Official rate of"."""
    is_swapped: bool = False
    """Who acts in the one is acted on in the other."""

    def __bool__(self) -> bool:
        return self != Contradictions()


@dataclass(frozen=True, slots=True)
class Headline:
    """A headline as words, with what its article is known to speak of."""

    words: tuple[str, ...]
    capitalized: tuple[str, ...]
    """Its words with a capital, in order."""
    names: tuple[str, ...]
    """The same where the capital shows a name: none in title case. The first word counts; in a language that writes all nouns so,
    all of these do."""
    is_cased: bool
    """Whether its script has capitals; where it has none, any word of its content may be a name."""
    numbers: frozenset[str]
    """Without those of days."""
    days: frozenset[object]
    """Days that it names: month and day, or the day of the week."""
    is_passive: bool
    beginning: tuple[str, ...]
    """Its first words, those before a colon included."""


def without_outlet(title: str) -> str:
    """The headline without the outlet's name at its end, if what remains is a headline."""
    found = _OUTLET.search(title)
    if not found or len(title[: found.start()].split()) < tuning.LEAST_HEADLINE_WORDS:
        return title
    words = found["outlet"].split()
    is_name = len(words) <= tuning.MOST_OUTLET_WORDS and all(word[0].isupper() or "." in word for word in words)
    return title[: found.start()] if is_name else title


# A new headline is compared with a dozen others, and these with many new ones.
@lru_cache(maxsize=tuning.RECENT_HEADLINES)
def read(title: str) -> Headline:
    """Split a headline into what is compared."""
    title = without_outlet(title)
    beginning = tuple(tokens(title)[: tuning.BEGINNING_WORDS])
    title = _KICKER.sub("", title)
    undated, days = without_days(title)
    spelled = {each for word in title.split() if word[:1].isupper() for each in tokens(word)} - DATE_WORDS
    words = tuple(tokens(title))
    capitalized = tuple(each for each in words if each in spelled and not each[0].isdigit())
    return Headline(
        words=words,
        capitalized=capitalized,
        names=() if is_title_case(title) else capitalized,
        is_cased=title.lower() != title.upper(),
        numbers=frozenset(number for each in tokens(undated) if (number := _number(each))),
        days=days | {_WEEKDAYS[each] for each in words if each in _WEEKDAYS},
        is_passive=bool(_PASSIVE.search(title)),
        beginning=beginning,
    )


def contradictions(
    one: Headline, other: Headline, language: str, lacks: tuple[Collection[str], Collection[str]]
) -> Contradictions:
    """Compare two headlines in `language`. `lacks`: the words of either that the other article lacks altogether (`lacking`)."""
    if max(len(one.words), len(other.words)) > tuning.MOST_HEADLINE_WORDS * terms_a_word(language):
        return Contradictions()
    in_order = _longest_common(one.words, other.words) / max(min(len(one.words), len(other.words)), 1)
    own, theirs = (
        [word for word in headline.words if word in missing and _is_content(word, language)]
        for headline, missing in zip((one, other), lacks, strict=True)
    )
    names = [
        next((each for each in (headline.names if headline.is_cased else headline.words) if each in found), None)
        for headline, found in ((one, own), (other, theirs))
    ]
    is_alike = in_order >= tuning.MANY_WORDS_IN_ORDER
    return Contradictions(
        is_other_content=in_order >= tuning.SAME_SHAPE_WORDS and bool(own and theirs),
        other_names=(names[0], names[1]) if is_alike and names[0] and names[1] else None,
        other_numbers=_other_numbers(one, other) if is_alike else None,
        is_other_day=is_alike and bool(one.days and other.days) and one.days.isdisjoint(other.days),
        is_one_beginning=one.beginning == other.beginning,
        is_swapped=_is_swapped(one, other, language),
    )


def lacking(headline: Headline, other: Headline, is_in_article: Callable[[str], bool]) -> frozenset[str]:
    """The words of a headline that neither the other headline has, in some form, nor the other article."""
    return frozenset(
        word for word in headline.words if not _places_of_forms(word, other.words) and not is_in_article(word)
    )


def _places_of_forms(word: str, words: tuple[str, ...]) -> list[int]:
    """The places of the words that are this one or a form of it, ascending."""
    return [at for at in _by_start(words).get(word[: tuning.FORM_LETTERS], ()) if is_form_of(word, words[at])]


@lru_cache(maxsize=tuning.RECENT_HEADLINES)
def _by_start(words: tuple[str, ...]) -> Mapping[str, Sequence[int]]:
    """The places of words by their first letters, which all forms of a word share."""
    found: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        found.setdefault(word[: tuning.FORM_LETTERS], []).append(at)
    return found


def is_form_of(one: str, other: str) -> bool:
    """Whether two words are one, or forms of it as Pakistan and Pakistani, Iranian and Iran."""
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    shared = len(shorter) - (1 if len(shorter) >= tuning.LONG_WORD_LETTERS else tuning.OTHER_ENDING_LETTERS)
    return (
        len(shorter) >= tuning.FORM_LETTERS
        and shorter[: max(shared, tuning.FORM_LETTERS)] == longer[: max(shared, tuning.FORM_LETTERS)]
        and len(longer) - len(shorter) <= tuning.FORM_LETTERS
    )


def terms_a_word(language: str) -> int:
    """How many terms stand for a word: Chinese and Japanese are read as pairs of characters, of which two say what a word does."""
    return tuning.TERMS_A_HAN_WORD if language in ("zh", "ja") else 1


def _is_content(word: str, language: str) -> bool:
    is_word = (
        len(word) * terms_a_word(language) >= tuning.CONTENT_LETTERS
        and not word[0].isdigit()
        and word not in DATE_WORDS
    )
    return is_word and not is_function_word(word, language)


def _other_numbers(one: Headline, other: Headline) -> tuple[str, str] | None:
    if not (one.numbers and other.numbers) or one.numbers & other.numbers:
        return None
    return min(one.numbers), min(other.numbers)


def _is_swapped(one: Headline, other: Headline, language: str) -> bool:
    """Whether who acts in the one is acted on in the other: "Spain beat France", "France beat Spain"; not "Spain beaten by France".

    They act who stand before the first word that both have, what is done, and those are acted on that stand after it. A headline
    that names a place last ("Fire kills five in Kabul") says no more of it than one that names it first.
    """
    if one.is_passive != other.is_passive or not (one.capitalized and other.capitalized):
        return False
    mine, theirs = _roles_of(one, other, language), _roles_of(other, one, language)
    if mine is None or theirs is None or not (mine.acting and theirs.acting) or _shared(mine.acting, theirs.acting):
        return False
    is_both_ways = _shared(mine.acting, theirs.after) and _shared(theirs.acting, mine.after)
    return is_both_ways or _shared(mine.acting, theirs.acted_on) or _shared(theirs.acting, mine.acted_on)


# What two do to each other: who is named first says nothing.
_MUTUAL = frozenset(
    tokens(
        "meet meets met meeting talk talks agree agrees agreed sign signs signed clash clashes clashed trifft treffen rencontre "
        "rencontrent reúne reúnen встретился встретилась встретились встреча"
    )
)


@dataclass(frozen=True, slots=True)
class _Roles:
    """The names of a headline around the word for what is done."""

    acting: tuple[str, ...]
    acted_on: tuple[str, ...]
    """Those up to the next function word: "on", "in", "after"."""
    after: tuple[str, ...]


def _roles_of(one: Headline, other: Headline, language: str) -> _Roles | None:
    """The roles in a headline by the first word, no name, that both have near their beginnings; None if there is none."""
    stems = {stem(word, language) for word in other.words[1 : tuning.MOST_ACTING_WORDS + 1]}
    names = set(one.capitalized)
    for at, word in enumerate(one.words[1 : tuning.MOST_ACTING_WORDS + 1], 1):
        if word in names or word in _MUTUAL or not _is_content(word, language) or stem(word, language) not in stems:
            continue
        after = one.words[at + 1 :]
        until = next((i for i, each in enumerate(after) if is_function_word(each, language)), len(after))
        return _Roles(
            *(tuple(each for each in part if each in names) for part in (one.words[:at], after[:until], after))
        )
    return None


def _shared(names: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return any(is_form_of(one, other) for one in names for other in others)


def _longest_common(one: Sequence[str], other: tuple[str, ...]) -> int:
    """Length of the longest common subsequence (Hunt and Szymanski 1977), forms of a word being the same."""
    ends: list[int] = []  # for each length, the first place in `other` at which a subsequence of that length ends
    for word in one:
        for place in reversed(_places_of_forms(word, other)):
            length = bisect_left(ends, place)
            ends[length : length + 1] = [place]
    return len(ends)


_NUMBERS = {
    word: str(value)
    for spelled in (
        "two three four five six seven eight nine ten eleven twelve",
        "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "deux trois quatre cinq six sept huit neuf dix onze douze",
        "dos tres cuatro cinco seis siete ocho nueve diez once doce",
        "два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать",
    )
    for value, word in enumerate(spelled.split(), 2)
}  # fmt: skip


def _number(word: str) -> str | None:
    return word if word[0].isdigit() else _NUMBERS.get(word)


def is_title_case(title: str) -> bool:
    """Whether nearly all words but prepositions and the like have a capital, so that it shows no name."""
    words = [word for word in title.split() if word[0].isalpha() and not is_function_word(word.casefold(), "en")]
    capitals = sum(word[0].isupper() for word in words)
    long = sum(len(word) > tuning.SHORT_WORD_LETTERS for word in words)
    return long >= tuning.TITLE_CASE_WORDS and capitals > tuning.PROFILED_TITLE_CASE * len(words)
