"""The time line of a story: who said what first, and what each article added to those before it. Pure.

An article adds the numbers, names and quotes that no earlier one has; a correction adds the facts that it changed. Copies stand
under the first print of their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from monitor.stories import tuning
from monitor.stories.change_patterns import SPELLED_WORD, WORDS_OF_AGENCIES
from monitor.stories.change_sentences import ParsedVersion, Sentence, is_respelling, quotes_of
from monitor.text.tokens import shorten, tokens

_CHANGE = re.compile(r"(?:changed|corrected): (.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What an article said from a time on: as it was published, or after its outlet changed it."""

    article_id: int
    at: datetime
    title: str
    text: str
    language: str = ""
    publisher: str = ""
    """Its name is no news: "the chairwoman told the Gazette"."""
    copy_of: int | None = None
    """The article whose text it prints unchanged."""
    change: str = ""
    """The stored reason that it corrects another version; '' for what is no correction."""
    is_later: bool = False
    """Whether the article had said something else before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the time line."""

    article_id: int
    at: datetime
    added: tuple[str, ...] = ()
    """`numbers 12, 40`, `names Edda Quist`, `quote “…”`; of a correction the facts that it changed."""
    sentence: str = ""
    """The sentence that holds most of it, shortened."""
    first_in: str = ""
    """Its language, where it is the first of the story in it and not the first of all."""
    is_later: bool = False
    """A change of an article that stands above."""
    copies: tuple[int, ...] = ()
    """The articles that print its text, first published first."""


def time_line(versions: Iterable[Version]) -> tuple[Step, ...]:
    """The steps of a story, first published first."""
    ordered = sorted(versions, key=lambda each: (each.at, each.article_id, each.is_later))
    firsts = _first_prints([each for each in ordered if not each.is_later])
    copies: dict[int, list[int]] = {}
    for each in ordered:
        if not each.is_later and firsts[each.article_id] != each.article_id:
            copies.setdefault(firsts[each.article_id], []).append(each.article_id)
    own = [each for each in ordered if each.is_later or firsts[each.article_id] == each.article_id]
    return tuple(_steps(own, {number: tuple(ids) for number, ids in copies.items()}))


def _first_prints(ordered: Sequence[Version]) -> dict[int, int]:
    """Article -> the first to print its text."""
    above = {each.article_id: each.copy_of for each in ordered}
    first: dict[int, int] = {}
    firsts = {}
    for each in ordered:
        root = _root(each.article_id, above)
        firsts[each.article_id] = first.setdefault(root, each.article_id)
    return firsts


def _root(article_id: int, above: Mapping[int, int | None]) -> int:
    seen = {article_id}
    while (original := above[article_id]) is not None and original in above and original not in seen:
        article_id = original
        seen.add(original)
    return article_id


def _steps(versions: Sequence[Version], copies: Mapping[int, tuple[int, ...]]) -> Iterator[Step]:
    known = _Known()
    for number, each in enumerate(versions):
        step = Step(
            article_id=each.article_id,
            at=each.at,
            is_later=each.is_later,
            copies=() if each.is_later else copies.get(each.article_id, ()),
        )
        yield _with_added(step, each, known) if number < tuning.TIMELINE_TEXTS else step


def _with_added(step: Step, version: Version, known: _Known) -> Step:
    parsed = ParsedVersion(version.title, version.text[: tuning.TIMELINE_CHARACTERS])
    is_first, is_first_in_language = not known.languages, version.language not in known.languages
    found = _Added(parsed, known, publisher=version.publisher, reads_names=not is_first_in_language)
    change = _CHANGE.search(version.change)
    known.learn(parsed, version.language)
    if is_first:
        return step
    added = change[1].split("; ") if change else list(found.words())
    sentence = _sentence_of(change[1], parsed) or found.sentence if change else found.sentence if added else ""
    return replace(
        step,
        added=tuple(added),
        sentence=shorten(sentence, tuning.TIMELINE_SENTENCE_LENGTH),
        first_in=version.language if is_first_in_language else "",
    )


def _sentence_of(facts: str, parsed: ParsedVersion) -> str:
    """The sentence that holds most of the changed facts in their new form; '' if none does."""
    now = {word for fact in facts.split("; ") for word in tokens(fact.rpartition("→")[2]) if not word.isalpha()}
    now |= {word for fact in facts.split("; ") for word in tokens(fact.partition("name ")[2])}
    held = {sentence.shown: len(now & {*sentence.numbers, *sentence.folded}) for sentence in parsed.body}
    best = max(held, key=lambda shown: held[shown], default="")
    return best if held.get(best) else ""


# --- what is known, and what is new -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Known:
    """What the articles so far have said."""

    words: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)

    def learn(self, parsed: ParsedVersion, language: str) -> None:
        self.words |= parsed.folded
        self.names |= parsed.names
        self.numbers |= parsed.numbers
        self.texts.append(parsed.joined_words)
        self.languages.add(language)

    def has_name(self, name: str) -> bool:
        return name in self.words or any(is_respelling(name, other) for other in self.names)

    def has_quote(self, quote: str) -> bool:
        return any(f" {quote} " in text for text in self.texts)


class _Added:
    """What one version says that is not known. Names and quotes of the first text in its language are no news: it translates."""

    def __init__(self, parsed: ParsedVersion, known: _Known, *, publisher: str, reads_names: bool) -> None:
        self.numbers: dict[str, None] = {}
        self.names: dict[str, None] = {}
        self.quotes: dict[str, str] = {}
        self._publisher = {*tokens(publisher)}
        self.sentence = ""
        most = 0
        for sentence in parsed.all:
            count = self._read(sentence, parsed, known, reads_names=reads_names)
            if count > most and not sentence.is_title:
                most, self.sentence = count, sentence.shown

    def _read(self, sentence: Sentence, parsed: ParsedVersion, known: _Known, *, reads_names: bool) -> int:
        numbers = [each for each in sentence.numbers if each not in known.numbers and each != "1"]
        names = list(_new_names(sentence, parsed, known)) if reads_names else []
        names = [each for each in names if not self._publisher.issuperset(tokens(each))]
        quotes = {words: said for words, said in quotes_of(sentence.text) if reads_names and not known.has_quote(words)}
        self.numbers |= dict.fromkeys(numbers)
        self.names |= dict.fromkeys(names)
        self.quotes |= quotes
        return len(numbers) + len(names) + len(quotes)

    def words(self) -> Iterator[str]:
        """What is added, in words."""
        for kind, found in (("number", map(_grouped, self.numbers)), ("name", _full_names(self.names))):
            listed = list(found)
            if listed:
                more = f" and {len(listed) - tuning.TIMELINE_FACTS} more" if len(listed) > tuning.TIMELINE_FACTS else ""
                yield f"{kind}{'s' * (len(listed) > 1)} {', '.join(listed[: tuning.TIMELINE_FACTS])}{more}"
        for quote in list(self.quotes.values())[:1]:
            yield f"quote “{shorten(quote.strip(' ,'), 80)}”"


def _new_names(sentence: Sentence, parsed: ParsedVersion, known: _Known) -> Iterator[str]:
    """Its unknown names as they are written, those that stand side by side as one: `Edda Quist`."""
    unknown = {
        each
        for each in sentence.names(parsed, parsed)
        if each not in WORDS_OF_AGENCIES and len(each) > 1 and not known.has_name(each)
    }
    run, end = "", -1
    for found in SPELLED_WORD.finditer(sentence.text) if unknown else ():
        is_new = found[0][0].isupper() and not unknown.isdisjoint(tokens(found[0]))
        is_beside = bool(run) and sentence.text[end : found.start()] == " "
        if run and not (is_new and is_beside):
            yield run
            run = ""
        if is_new:
            run, end = f"{run} {found[0]}".strip(), found.end()
    if run:
        yield run


def _full_names(names: Iterable[str]) -> Iterator[str]:
    """The names without those that are the beginning or the end of another: `Anselm Torrick`, and not `Torrick` again."""
    known = list(names)
    longer = [each for each in known if " " in each]
    for name in known:
        if not any(each != name and (each.startswith(f"{name} ") or each.endswith(f" {name}")) for each in longer):
            yield name


def _grouped(number: str) -> str:
    """`4,000,000`: long numbers are read in groups."""
    return f"{int(number):,}" if len(number) > 4 and number.isascii() and number.isdigit() else number
