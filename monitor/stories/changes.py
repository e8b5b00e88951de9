"""Decide whether a newer version of an article states other facts or only other wording.

Versions are compared sentence by sentence. A change is material if numbers, names, quotes or a negation differ; punctuation,
order, wording, spelling, boilerplate, relative times, live-blog clocks and comment counters do not count. Neither does a
sentence that is merely gone: feeds often deliver an article in full once and as a teaser the next time. That an outlet takes
its article back always counts. Names are recognised by their capitals, so in scripts without capitals (Arabic, Chinese) only
numbers, quotes and negation count.

`compare` is for two versions at one address. `correction` is for a copy at another address, where outlets cut, add and localise
freely: there a fact counts only if it replaces another in a sentence that both texts have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.stories import tuning
from monitor.stories.change_patterns import (
    CORRECTION_NOTE,
    DOUBLED_LETTER,
    EXPLAINER,
    ONE_WORD_AGENCIES,
    RETRACTION_NOTE,
    RETRACTION_TITLE,
    WEEKDAYS,
    WORDS_OF_AGENCIES,
    YEAR,
)
from monitor.stories.change_sentences import (
    Pair,
    ParsedVersion,
    Sentence,
    align_sentences,
    is_respelling,
    is_rounded,
    quoted,
    word_overlap,
)
from monitor.text.tokens import sentences, tokens

TAKEN_BACK = "taken back"
"""The one fact of every retraction: a story that several outlets take back is told so once."""


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between two versions: the removed and added sentences, and in `why`, for people, which facts changed."""

    is_material: bool
    why: str
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    facts: str = ""
    """The changed facts in their new form. Ten copies with the same correction have equal `facts`, whatever their headlines
    and footers."""


def compare(old_title: str, old_text: str, new_title: str, new_text: str) -> Change:
    """Return what changed from the old version to the new one."""
    old, new = ParsedVersion(old_title, old_text), ParsedVersion(new_title, new_text)
    pairs, removed, added = align_sentences(old, new)
    if not (pairs or removed or added):
        return Change(is_material=False, why="nothing that is read changed")
    removed_texts = tuple(each.shown for each, _ in pairs) + tuple(each.shown for each in removed)
    added_texts = tuple(each.shown for _, each in pairs) + tuple(each.shown for each in added)
    if note := _retraction(old, new):
        why = f"its outlet takes it back: “{_shorten_quote(note)}”"
        return Change(is_material=True, why=why, removed=removed_texts, added=added_texts, facts=TAKEN_BACK)
    differs_in_extent = _differs_in_extent(old, new, kept=len(old.body) - len(removed))
    changes = _headline_reasons(pairs, old, new) if differs_in_extent else _reasons(pairs, added, old, new)
    reasons = list(dict.fromkeys(changes))
    otherwise = "read at another length" if differs_in_extent else "wording only"
    if reasons and _are_teasers(old, new) and not (_is_written_anew(old, new) and _is_news(reasons)):
        said, reasons = reasons, list(dict.fromkeys(_replaced(pairs, old, new)))
        otherwise = f"details of the same news ({'; '.join(said[:2])})"
    facts = _facts(pairs, added, old, new, reasons) if reasons else ""
    return Change(
        is_material=bool(reasons),
        why="; ".join(reasons[:5]) or otherwise,
        removed=removed_texts,
        added=added_texts,
        facts=facts,
    )


def _retraction(old: ParsedVersion, new: ParsedVersion) -> str:
    """The sentence by which an outlet takes its article back; '' where none does, or it stood there before."""
    if any(map(_takes_back, old.all)):
        return ""
    return next((each.shown for each in new.all if _takes_back(each)), "")


def _takes_back(said: Sentence) -> bool:
    return bool(RETRACTION_NOTE.search(said.shown) or (said.is_title and RETRACTION_TITLE.search(said.shown)))


def _are_teasers(old: ParsedVersion, new: ParsedVersion) -> bool:
    """Whether both are a headline with a line or two, as feeds show them."""
    has_titles = all(any(each.is_title for each in version.all) for version in (old, new))
    lines = max(sum(not each.is_title for each in version.all) for version in (old, new))
    return (
        has_titles
        and lines <= tuning.TEASER_ITEM_SENTENCES
        and max(len(old.words), len(new.words)) <= tuning.TEASER_ITEM_WORDS
    )


def _is_written_anew(old: ParsedVersion, new: ParsedVersion) -> bool:
    """Whether the item says something else now; not under the same headline, nor where it explains: such items are worded anew as
    long as they are read."""
    if old.title.folded == new.title.folded or EXPLAINER.search(new.title.shown):
        return False
    return len(old.folded & new.folded) <= tuning.ANOTHER_TEASER * len(old.folded | new.folded)


def _is_news(reasons: list[str]) -> bool:
    """Whether a teaser that is written anew has other numbers or names, and not only what somebody says of the same news."""
    has_names = any(each.startswith(("names ", "new name ")) for each in reasons)
    has_quotes = any(each.startswith("new quote ") for each in reasons)
    return any("number" in each for each in reasons) or (has_names and not has_quotes)


def _replaced(pairs: list[Pair], old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """The facts that took another's place. Names, quotes and details that editors put into a teaser and take out all day change
    nothing of the news; a number in place of another does, and what else differs in a sentence that otherwise stayed."""
    for before, after in pairs:
        is_reworded = word_overlap(before, after) >= tuning.REWORDED_SENTENCE
        if before.numbers and after.numbers and is_reworded:
            yield from _replaced_number(before, after, old, new)
        if not before.is_title and _is_similar(before, after):
            yield from _replaced_name(before, after, old, new)
            if before.negations != after.negations and old.negations != new.negations:
                yield "negation changed"


def _replaced_number(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """One number for another; no year for a number of something else ("Euro 2020" comes where "10-man" goes), and no number for
    itself as a round one."""
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    if any(map(YEAR.fullmatch, gained)) != any(map(YEAR.fullmatch, lost)):
        gained, lost = ([each for each in numbers if not YEAR.fullmatch(each)] for numbers in (gained, lost))
    for number in tuple(gained):
        if rounded := next((each for each in lost if is_rounded(each, number)), None):
            gained.remove(number)
            lost.remove(rounded)
    is_other = bool(gained and lost and (set(gained) - old.numbers or set(lost) - new.numbers))
    is_in_other_order = sorted(before.numbers) == sorted(after.numbers) and before.numbers != after.numbers
    if is_other or (is_in_other_order and before.wording == after.wording):
        yield f"numbers {_join(lost or before.numbers)} → {_join(gained or after.numbers)}"


def _replaced_name(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """One name for another; not a person's title, team or place for his name, and no correction of its spelling."""
    gained = [each for each in after.names(old, new) if each not in old.folded]
    lost = [each for each in before.names(old, new) if each not in new.folded]
    days = [each.folded & WEEKDAYS for each in (before, after)]
    if len(gained) == len(lost) == 1 and not _is_nearly(gained[0], lost[0]):
        yield f"names {lost[0]} → {gained[0]}"
    if days[0] != days[1] and all(days):
        yield f"day {_join(sorted(days[0]))} → {_join(sorted(days[1]))}"


def _is_nearly(one: str, other: str) -> bool:
    """Whether two words differ in a letter, or one begins the other."""
    if one.startswith(other) or other.startswith(one):
        return True
    return len(one) == len(other) and sum(a != b for a, b in zip(one, other, strict=True)) <= 1


UNCHANGED = Change(is_material=False, why="no fact took another's place")


def correction(old_text: str, new_text: str, *, is_one_site: bool = False, hosts: str = "") -> Change:
    """Return what a copy at another address corrects in a stored text; headlines are ignored.

    A fact counts if it replaces another. On one site, and where the new text calls itself a correction, inserted facts count too.
    `hosts` are the host names and feed names of both: an outlet that puts its own name in place of another's ("told the Herald")
    corrects nothing.
    """
    if not _has_reworded_sentence(old_text, new_text, is_one_site=is_one_site):
        return UNCHANGED
    old, new = ParsedVersion("", old_text), ParsedVersion("", new_text)
    pairs, removed, added = align_sentences(old, new)
    allow_added = (is_one_site and not _differs_in_extent(old, new, kept=len(old.body) - len(removed))) or any(
        CORRECTION_NOTE.search(each.shown) for each in added
    )
    inserted = _inserted(new, added) if allow_added else []
    facts_of = {
        after.key: list(_replaced_facts(before, after, old, new, hosts, allow_added)) for before, after in pairs
    }
    facts_of |= {each.key: list(_reasons([], [each], old, new)) for each in inserted}
    reasons = list(dict.fromkeys(each for said in facts_of.values() for each in said))
    if not reasons:
        return UNCHANGED
    removed_texts = tuple(each.shown for each, _ in pairs) + tuple(each.shown for each in removed)
    added_texts = tuple(each.shown for _, each in pairs) + tuple(each.shown for each in added)
    facts = "\n".join(sorted(key for key, said in facts_of.items() if said))
    return Change(is_material=True, why="; ".join(reasons[:5]), removed=removed_texts, added=added_texts, facts=facts)


def _has_reworded_sentence(old_text: str, new_text: str, *, is_one_site: bool) -> bool:
    """Cheap pre-check: whether any sentence of one text stands reworded in the other. Most copies end here."""
    before = sentences(old_text[: tuning.COMPARED_CHARACTERS])
    after = sentences(new_text[: tuning.COMPARED_CHARACTERS])
    both = {*before} & {*after}
    removed = [set(tokens(each)) for each in before if each not in both][: tuning.COMPARED_SENTENCES]
    added = [set(tokens(each)) for each in after if each not in both][: tuning.COMPARED_SENTENCES]
    is_added_to = any(is_one_site or CORRECTION_NOTE.search(each) for each in after if each not in both)
    return (bool(both) and is_added_to) or any(
        a != b and len(a & b) >= tuning.SAME_SENTENCE * len(a | b) for a in removed for b in added
    )


def _inserted(new: ParsedVersion, added: list[Sentence]) -> list[Sentence]:
    """Added sentences before the last kept one; what comes after it is an outlet's own footer."""
    kept = [place for place, each in enumerate(new.body) if each not in added]
    return [each for each in added if kept and new.body.index(each) < kept[-1] and each.is_full_sentence]


def _replaced_facts(
    before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion, hosts: str, allow_added: bool
) -> Iterator[str]:
    likeness = word_overlap(before, after)
    if before.is_title or len(after.words) < tuning.FULL_SENTENCE_WORDS:
        return
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    is_swapped = before.numbers != after.numbers and before.wording == after.wording and bool(gained) == bool(lost)
    is_new_number = bool(gained and lost and set(gained) - old.numbers)
    if before.units == after.units and (is_swapped or (is_new_number and likeness >= tuning.REWORDED_SENTENCE)):
        yield f"numbers {_join(lost or before.numbers)} → {_join(gained or after.numbers)}"
    elif allow_added:
        yield from _number_changes(before, after, old, new)
    said = [each for each in quoted(after.text) if f" {each} " not in old.joined_words]
    was = [each for each in quoted(before.text) if f" {each} " not in new.joined_words]
    is_said_otherwise = not {each.replace(" ", "") for each in said} & {each.replace(" ", "") for each in was}
    if said and was and is_said_otherwise and likeness >= tuning.REWORDED_SENTENCE:
        yield f"quote “{_shorten_quote(was[0])}” → “{_shorten_quote(said[0])}”"
    if likeness < tuning.SAME_WORDING and not _differs_only_in_names(before, after, old, new):
        return
    yield from _replaced_names(before, after, old, new, hosts)
    if before.negations != after.negations and len(before.folded ^ after.folded) <= tuning.NEGATED_WORDS:
        yield "negation changed"


def _differs_only_in_names(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> bool:
    """Whether two sentences are equal except for names; for short ones, where two names in six words are already a third of
    the words."""
    was, now = set(before.names(old, new)), set(after.names(old, new))
    left = [word for word in before.words if word not in was]
    return len(left) >= tuning.WORDS_BESIDES_NAMES and left == [word for word in after.words if word not in now]


def _replaced_names(
    before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion, hosts: str
) -> Iterator[str]:
    gained = [each for each in after.names(old, new) if each not in old.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    gained, lost = (
        [each for each in names if len(each) > 2 and each not in WORDS_OF_AGENCIES and each not in hosts]
        for names in (gained, lost)
    )
    is_alias = any(_is_alias(a, b, after.text, before.text) for a in gained for b in lost)
    if gained and lost and not is_alias:
        yield f"names {_join(lost)} → {_join(gained)}"
    days = [each.folded & WEEKDAYS for each in (before, after)]
    if all(days) and not days[0] & days[1]:
        yield f"day {_join(sorted(days[0]))} → {_join(sorted(days[1]))}"


def _is_alias(one: str, other: str, *texts: str) -> bool:
    """Whether two names are one in two house styles: Cal and Calif, Qasem and Qassem, IS and Islamic State."""
    is_short = one[0] == other[0] and any(each.upper() in text for each in (one, other) for text in texts)
    return (
        is_short
        or one.startswith(other)
        or other.startswith(one)
        or DOUBLED_LETTER.sub(r"\1", one) == DOUBLED_LETTER.sub(r"\1", other)
    )


def _facts(pairs: list[Pair], added: list[Sentence], old: ParsedVersion, new: ParsedVersion, reasons: list[str]) -> str:
    """Return the sentences with changed facts, in their new form. The headline counts only if nothing else does: each outlet
    writes its own."""
    quotes = set(_new_quotes(old, new))
    changed = [after for before, after in pairs if set(_reasons([(before, after)], [], old, new)) - quotes]
    changed += [sentence for sentence in added if set(_reasons([], [sentence], old, new)) - quotes]
    said = {each.key for each in changed if not each.is_title} or {each.key for each in changed}
    return "\n".join(sorted(said | quotes) or sorted(reasons))


def _reasons(pairs: list[Pair], added: list[Sentence], old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    for before, after in pairs:
        yield from _number_changes(before, after, old, new)
        yield from _name_changes(before, after, old, new)
        # With equal totals a sentence was split, merged or moved, and only its "not" went to a neighbour.
        if before.negations != after.negations and old.negations != new.negations:
            yield "negation changed"
    for sentence in added:
        yield from (f"new number {each}" for each in sentence.numbers if each not in old.numbers)
        yield from (f"new name {each}" for each in _new_names(sentence, old, new))
    yield from _new_quotes(old, new)


def _number_changes(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A number counts if it replaced another, is new to the article, or left an otherwise equal sentence."""
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    if gained and lost and (set(gained) - old.numbers or set(lost) - new.numbers):
        yield f"numbers {_join(lost)} → {_join(gained)}"
    elif before.numbers != after.numbers and before.wording == after.wording:
        yield f"numbers {_join(before.numbers)} → {_join(after.numbers)}"  # "5 killed, 12 hurt" is not "12 killed, 5 hurt"
    else:
        yield from (f"new number {each}" for each in gained if each not in old.numbers)
        yield from (f"number {each} is gone" for each in lost if each not in new.numbers and _is_similar(before, after))


def _name_changes(before: Sentence, after: Sentence, old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A name counts if it is new to the article, or replaced another in an otherwise equal sentence."""
    gained = [each for each in after.names(old, new) if each not in before.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    gained = [each for each in gained if each not in ONE_WORD_AGENCIES]
    unknown = [each for each in gained if each not in old.folded]
    if gained and lost and (unknown or _is_similar(before, after)):
        yield f"names {_join(lost)} → {_join(gained)}"
    else:
        yield from (f"new name {each}" for each in unknown)
    days = [each.folded & WEEKDAYS for each in (before, after)]
    if days[0] != days[1] and all(days):
        yield f"day {_join(sorted(days[0]))} → {_join(sorted(days[1]))}"


def _is_similar(before: Sentence, after: Sentence) -> bool:
    return word_overlap(before, after) >= tuning.SAME_WORDING


def _new_names(sentence: Sentence, old: ParsedVersion, new: ParsedVersion) -> list[str]:
    unknown = (name for name in sentence.names(old, new) if name not in old.folded and name not in ONE_WORD_AGENCIES)
    return [name for name in unknown if not any(is_respelling(name, other) for other in old.names)]


def _without_respelled(
    gained: list[str], lost: list[str], old: ParsedVersion, new: ParsedVersion
) -> tuple[list[str], list[str]]:
    """Drop pairs that are one name in two spellings."""
    for name in tuple(gained):
        twin = next((each for each in lost if is_respelling(each, name)), None)
        if twin is not None:
            gained, lost = [g for g in gained if g != name], [each for each in lost if each != twin]
    return gained, lost


def _new_quotes(old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """A quote counts if its words stand nowhere in the old version; quotation marks may come, go and change."""
    yield from (f"new quote “{_shorten_quote(each)}”" for each in new.quotes if f" {each} " not in old.joined_words)


def _differs_in_extent(old: ParsedVersion, new: ParsedVersion, *, kept: int) -> bool:
    """Whether one version is a teaser or an extract and the other the article: then our reading changed, not their text."""
    shorter, longer = sorted((len(old.words), len(new.words)))
    is_teaser, is_extract = shorter < tuning.TEASER_VERSION_WORDS, kept == min(len(old.body), len(new.body))
    return longer >= tuning.FULL_VERSION_TIMES * shorter and (is_teaser or is_extract)


def _headline_reasons(pairs: list[Pair], old: ParsedVersion, new: ParsedVersion) -> Iterator[str]:
    """If an article shrank to a teaser, only its headline can state something new; if a teaser grew to the article, everything
    is new and nothing counts."""
    if len(new.words) < len(old.words):
        for before, after in pairs:
            if before.is_title:
                yield from _number_changes(before, after, old, new)
                yield from _name_changes(before, after, old, new)


def _join(words: Iterable[str]) -> str:
    return ", ".join(list(words)[:4]) or "none"


def _shorten_quote(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
