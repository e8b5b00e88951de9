"""Whether a newer version of an article says something else, or only says it otherwise.

Two versions in, a `Change` out. Sentence by sentence: a change is material where numbers, names, quotes or negation differ;
punctuation, order, wording, spelling, boilerplate, relative times, live-blog clocks and comment counters are not. A sentence
that is merely gone is not material either: the same article is often read in full once and as a teaser the next time.
Names are told by their capitals; in scripts without capitals (Arabic, Chinese) only numbers, quotes and negation speak.

`compare` is for two readings of one address. `correction` is for a copy at another one, where outlets cut, add and localise as
they please: there a fact must have taken another's place in a sentence that both print.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.stories import tuning
from monitor.stories.change_patterns import (
    CORRECTION_NOTE,
    DOUBLED_LETTER,
    ONE_WORD_AGENCIES,
    WEEKDAYS,
    WORDS_OF_AGENCIES,
)
from monitor.stories.change_sentences import Pair, ParsedVersion, Sentence, is_spelling, likeness_of, paired, quoted
from monitor.text.tokens import sentences, tokens


@dataclass(frozen=True, slots=True)
class Change:
    """What became of an article: the sentences that went and came, and in `why`, for people, what counts about them."""

    is_material: bool
    why: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    facts: str = ""
    """What counts, as it reads now: the same for ten copies corrected alike, whatever their headlines and footers."""


def compare(old_title: str, old_text: str, new_title: str, new_text: str) -> Change:
    """What changed from the old version to the new one."""
    old, new = ParsedVersion(old_title, old_text), ParsedVersion(new_title, new_text)
    pairs, removed, added = paired(old, new)
    if not (pairs or removed or added):
        return Change(is_material=False, why="nothing that is read changed")
    gone = tuple(each.shown for each, _ in pairs) + tuple(each.shown for each in removed)
    come = tuple(each.shown for _, each in pairs) + tuple(each.shown for each in added)
    is_other_reading = _is_other_reading(old, new, kept=len(old.body) - len(removed))
    found = _headline_reasons(pairs, old, new) if is_other_reading else _reasons(pairs, added, old, new)
    reasons = list(dict.fromkeys(found))
    otherwise = "read at another length" if is_other_reading else "wording only"
    facts = _facts(pairs, added, old, new, reasons) if reasons else ""
    return Change(
        is_material=bool(reasons), why="; ".join(reasons[:5]) or otherwise, removed=gone, added=come, facts=facts
    )


UNCHANGED = Change(is_material=False, why="no fact took another's place")


def correction(old_text: str, new_text: str, *, is_one_site: bool = False, hosts: str = "") -> Change:
    """What a copy at another address corrects of a stored text: the facts that took another's place, headlines left aside.

    On one site, and where the new text says that it is a correction, facts that came in between count, too. `hosts` are those of
    both addresses: an outlet that puts its own name where another's stood ("told the Herald") corrects nothing.
    """
    if not _reprinted_otherwise(old_text, new_text, is_one_site=is_one_site):
        return UNCHANGED
    old, new = ParsedVersion("", old_text), ParsedVersion("", new_text)
    pairs, removed, added = paired(old, new)
    is_free = (is_one_site and not _is_other_reading(old, new, kept=len(old.body) - len(removed))) or any(
        CORRECTION_NOTE.search(each.shown) for each in added
    )
    inner = _between(new, added) if is_free else []
    telling = {after.key: list(_replaced(before, after, old, new, hosts, is_free)) for before, after in pairs}
    telling |= {each.key: list(_reasons([], [each], old, new)) for each in inner}
    reasons = list(dict.fromkeys(each for said in telling.values() for each in said))
    if not reasons:
        return UNCHANGED
    gone = tuple(each.shown for each, _ in pairs) + tuple(each.shown for each in removed)
    come = tuple(each.shown for _, each in pairs) + tuple(each.shown for each in added)
    facts = "\n".join(sorted(key for key, said in telling.items() if said))
    return Change(is_material=True, why="; ".join(reasons[:5]), removed=gone, added=come, facts=facts)


def _reprinted_otherwise(old_text: str, new_text: str, *, is_one_site: bool) -> bool:
    """A quick look: whether any sentence of one stands changed in the other. Most copies end here, having cost little."""
    before, after = sentences(old_text[: tuning.COMPARED_CHARACTERS]), sentences(new_text[: tuning.COMPARED_CHARACTERS])
    both = {*before} & {*after}
    went = [set(tokens(each)) for each in before if each not in both][: tuning.COMPARED_SENTENCES]
    came = [set(tokens(each)) for each in after if each not in both][: tuning.COMPARED_SENTENCES]
    is_added_to = any(is_one_site or CORRECTION_NOTE.search(each) for each in after if each not in both)
    return (bool(both) and is_added_to) or any(
        a != b and len(a & b) >= tuning.SAME_SENTENCE * len(a | b) for a in went for b in came
    )


def _between(new: ParsedVersion, added: list[Sentence]) -> list[Sentence]:
    """What came in between what was there, or at its start; an outlet's own lines stand at the end."""
    kept = [place for place, each in enumerate(new.body) if each not in added]
    return [each for each in added if kept and new.body.index(each) < kept[-1] and each.is_told]


def _replaced(
    before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion, hosts: str, is_free: bool
) -> Iterator[str]:
    likeness = likeness_of(before, after)
    if before.is_title or len(after.words) < tuning.TOLD_WORDS:
        return
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    is_swapped = before.numbers != after.numbers and before.wording == after.wording and bool(gained) == bool(lost)
    is_unheard = bool(gained and lost and set(gained) - old.numbers)
    if before.units == after.units and (is_swapped or (is_unheard and likeness >= tuning.REWORDED_SENTENCE)):
        yield f"numbers {_listed(lost or before.numbers)} → {_listed(gained or after.numbers)}"
    elif is_free:
        yield from _numbers(before, after, old, new)
    said = [each for each in quoted(after.text) if f" {each} " not in old.running]
    was = [each for each in quoted(before.text) if f" {each} " not in new.running]
    is_said_otherwise = not {each.replace(" ", "") for each in said} & {each.replace(" ", "") for each in was}
    if said and was and is_said_otherwise and likeness >= tuning.REWORDED_SENTENCE:
        yield f"quote “{_cut(was[0])}” → “{_cut(said[0])}”"
    if likeness < tuning.SAME_WORDING and not _is_all_but_names(before, after, old, new):
        return
    yield from _other_names(before, after, old, new, hosts)
    if before.negations != after.negations and len(before.folded ^ after.folded) <= tuning.NEGATED_WORDS:
        yield "negation changed"


def _is_all_but_names(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> bool:
    """Whether a short sentence is the same but for its names: two of its six words are a third of it."""
    was, now = set(before.names(old, new)), set(after.names(old, new))
    left = [word for word in before.words if word not in was]
    return len(left) >= tuning.NAMELESS_WORDS and left == [word for word in after.words if word not in now]


def _other_names(
    before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion, hosts: str
) -> Iterator[str]:
    gained = [each for each in after.names(old, new) if each not in old.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    came, went = (
        [each for each in names if len(each) > 2 and each not in WORDS_OF_AGENCIES and each not in hosts]
        for names in (gained, lost)
    )
    is_alias = any(_is_alias(a, b, after.text, before.text) for a in came for b in went)
    if came and went and not is_alias:
        yield f"names {_listed(went)} → {_listed(came)}"
    days = [each.folded & WEEKDAYS for each in (before, after)]
    if all(days) and not days[0] & days[1]:
        yield f"day {_listed(sorted(days[0]))} → {_listed(sorted(days[1]))}"


def _is_alias(one: str, other: str, *texts: str) -> bool:
    """Whether an outlet's style writes one name for the other: Cal and Calif, Qasem and Qassem, IS and Islamic State."""
    is_short = one[0] == other[0] and any(each.upper() in text for each in (one, other) for text in texts)
    return (
        is_short
        or one.startswith(other)
        or other.startswith(one)
        or DOUBLED_LETTER.sub(r"\1", one) == DOUBLED_LETTER.sub(r"\1", other)
    )


def _facts(pairs: list[Pair], added: list[Sentence], old: ParsedVersion, new: ParsedVersion, reasons: list[str]) -> str:
    """The sentences that count, as they read now. The headline's only where it is all: each outlet writes its own."""
    quotes = set(_quotes(old, new))
    telling = [after for before, after in pairs if set(_reasons([(before, after)], [], old, new)) - quotes]
    telling += [sentence for sentence in added if set(_reasons([], [sentence], old, new)) - quotes]
    said = {each.key for each in telling if not each.is_title} or {each.key for each in telling}
    return "\n".join(sorted(said | quotes) or sorted(reasons))


def _reasons(pairs: list[Pair], added: list[Sentence], old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    for before, after in pairs:
        yield from _numbers(before, after, old, new)
        yield from _names(before, after, old, new)
        # Where the versions hold as many, a sentence was split, merged or moved, and lost its "not" to its neighbour.
        if before.negations != after.negations and old.negations != new.negations:
            yield "negation changed"
    for sentence in added:
        yield from (f"new number {each}" for each in sentence.numbers if each not in old.numbers)
        yield from (f"new name {each}" for each in _unknown_names(sentence, old, new))
    yield from _quotes(old, new)


def _numbers(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A number counts where it took another's place, was not there before, or left an otherwise equal sentence."""
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    if gained and lost and (set(gained) - old.numbers or set(lost) - new.numbers):
        yield f"numbers {_listed(lost)} → {_listed(gained)}"
    elif before.numbers != after.numbers and before.wording == after.wording:
        yield f"numbers {_listed(before.numbers)} → {_listed(after.numbers)}"  # "5 killed, 12 hurt" is not "12 killed, 5 hurt"
    else:
        yield from (f"new number {each}" for each in gained if each not in old.numbers)
        yield from (f"number {each} is gone" for each in lost if each not in new.numbers and _is_reprint(before, after))


def _names(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A name counts where it was not spoken of before, or took another's place in an otherwise equal sentence."""
    gained = [each for each in after.names(old, new) if each not in before.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    gained = [each for each in gained if each not in ONE_WORD_AGENCIES]
    unheard = [each for each in gained if each not in old.folded]
    if gained and lost and (unheard or _is_reprint(before, after)):
        yield f"names {_listed(lost)} → {_listed(gained)}"
    else:
        yield from (f"new name {each}" for each in unheard)
    days = [each.folded & WEEKDAYS for each in (before, after)]
    if days[0] != days[1] and all(days):
        yield f"day {_listed(sorted(days[0]))} → {_listed(sorted(days[1]))}"


def _is_reprint(before: Sentence, after: Sentence) -> bool:
    return likeness_of(before, after) >= tuning.SAME_WORDING


def _unknown_names(sentence: Sentence, old: ParsedVersion, new: ParsedVersion) -> list[str]:
    unheard = (name for name in sentence.names(old, new) if name not in old.folded and name not in ONE_WORD_AGENCIES)
    return [name for name in unheard if not any(is_spelling(name, other) for other in old.names)]


def _without_respelled(
    gained: list[str], lost: list[str], old: ParsedVersion, new: ParsedVersion
) -> tuple[list[str], list[str]]:
    """Without the pairs that are one name spelled in two ways."""
    for name in tuple(gained):
        twin = next((each for each in lost if is_spelling(each, name)), None)
        if twin is not None:
            gained, lost = [g for g in gained if g != name], [each for each in lost if each != twin]
    return gained, lost


def _quotes(old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A quote counts where its words stand nowhere in the older version: marks may come, go and be of another kind."""
    yield from (f"new quote “{_cut(each)}”" for each in new.quotes if f" {each} " not in old.running)


def _is_other_reading(old: ParsedVersion, new: ParsedVersion, *, kept: int) -> bool:
    """Whether one is a teaser or an extract and the other the article: what we read changed, not what they wrote."""
    shorter, longer = sorted((len(old.words), len(new.words)))
    is_teaser, is_extract = shorter < tuning.READING_WORDS, kept == min(len(old.body), len(new.body))
    return longer >= tuning.READING_TIMES * shorter and (is_teaser or is_extract)


def _headline_reasons(pairs: list[Pair], old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """Of a teaser after the article the headline still speaks; of the article after a teaser everything is more."""
    if len(new.words) < len(old.words):
        for before, after in pairs:
            if before.is_title:
                yield from _numbers(before, after, old, new)
                yield from _names(before, after, old, new)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(list(words)[:4]) or "none"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
