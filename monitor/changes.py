"""Whether a newer version of an article says something else, or only says it otherwise.

Two versions in, a `Change` out. Sentence by sentence: a change is material where numbers, names, quotes or negation differ;
punctuation, order, wording, spelling, boilerplate, relative times, live-blog clocks and comment counters are not. A sentence
that is merely gone is not material either: the same article is often read in full once and as a teaser the next time.
Names are told by their capitals; in scripts without capitals (Arabic, Chinese) only numbers, quotes and negation speak.

`compare` is for two readings of one address. `correction` is for a copy at another one, where outlets cut, add and localise as
they please: there a fact must have taken another's place in a sentence that both print.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from monitor.text import sentences, tokens
from monitor.wires import AGENCIES

_READ_CHARS = 100_000
_MOST_SENTENCES = 200
_TEASER_WORDS = 60
_SAME_SENTENCE = 0.4
_SAME_WORDING = 0.7
_REWORDED = 0.5
_FEW = 4
_TOLD_WORDS = 6
"""A line of fewer words tells nothing: "Slideshow (21 images)"."""


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
    old, new = _Version(old_title, old_text), _Version(new_title, new_text)
    pairs, removed, added = _paired(old, new)
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
    old, new = _Version("", old_text), _Version("", new_text)
    pairs, removed, added = _paired(old, new)
    is_free = (is_one_site and not _is_other_reading(old, new, kept=len(old.body) - len(removed))) or any(
        _NOTE.search(each.shown) for each in added
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
    before, after = sentences(old_text[:_READ_CHARS]), sentences(new_text[:_READ_CHARS])
    both = {*before} & {*after}
    went = [set(tokens(each)) for each in before if each not in both][:_MOST_SENTENCES]
    came = [set(tokens(each)) for each in after if each not in both][:_MOST_SENTENCES]
    is_added_to = any(is_one_site or _NOTE.search(each) for each in after if each not in both)
    return (bool(both) and is_added_to) or any(
        a != b and len(a & b) >= _SAME_SENTENCE * len(a | b) for a in went for b in came
    )


def _between(new: _Version, added: list[_Sentence]) -> list[_Sentence]:
    """What came in between what was there, or at its start; an outlet's own lines stand at the end."""
    kept = [place for place, each in enumerate(new.body) if each not in added]
    return [each for each in added if kept and new.body.index(each) < kept[-1] and each.is_told]


def _replaced(
    before: _Sentence, after: _Sentence, old: _Version, new: _Version, hosts: str, is_free: bool
) -> Iterator[str]:
    likeness = _likeness(before, after)
    if before.is_title or len(after.words) < _TOLD_WORDS:
        return
    gained = list((Counter(after.numbers) - Counter(before.numbers)).elements())
    lost = list((Counter(before.numbers) - Counter(after.numbers)).elements())
    is_swapped = before.numbers != after.numbers and before.wording == after.wording and bool(gained) == bool(lost)
    is_unheard = bool(gained and lost and set(gained) - old.numbers)
    if before.units == after.units and (is_swapped or (is_unheard and likeness >= _REWORDED)):
        yield f"numbers {_listed(lost or before.numbers)} → {_listed(gained or after.numbers)}"
    elif is_free:
        yield from _numbers(before, after, old, new)
    said = [each for each in _quoted(after.text) if f" {each} " not in old.running]
    was = [each for each in _quoted(before.text) if f" {each} " not in new.running]
    is_said_otherwise = not {each.replace(" ", "") for each in said} & {each.replace(" ", "") for each in was}
    if said and was and is_said_otherwise and likeness >= _REWORDED:
        yield f"quote “{_cut(was[0])}” → “{_cut(said[0])}”"
    if likeness < _SAME_WORDING and not _is_all_but_names(before, after, old, new):
        return
    yield from _other_names(before, after, old, new, hosts)
    if before.negations != after.negations and len(before.folded ^ after.folded) <= _FEW:
        yield "negation changed"


def _is_all_but_names(before: _Sentence, after: _Sentence, old: _Version, new: _Version) -> bool:
    """Whether a short sentence is the same but for its names: two of its six words are a third of it."""
    was, now = set(before.names(old, new)), set(after.names(old, new))
    left = [word for word in before.words if word not in was]
    return len(left) >= _FEW and left == [word for word in after.words if word not in now]


def _other_names(before: _Sentence, after: _Sentence, old: _Version, new: _Version, hosts: str) -> Iterator[str]:
    gained = [each for each in after.names(old, new) if each not in old.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    came, went = (
        [each for each in names if len(each) > 2 and each not in _PRESS and each not in hosts]
        for names in (gained, lost)
    )
    is_alias = any(_is_alias(a, b, after.text, before.text) for a in came for b in went)
    if came and went and not is_alias:
        yield f"names {_listed(went)} → {_listed(came)}"
    days = [each.folded & _DAYS for each in (before, after)]
    if all(days) and not days[0] & days[1]:
        yield f"day {_listed(sorted(days[0]))} → {_listed(sorted(days[1]))}"


def _is_alias(one: str, other: str, *texts: str) -> bool:
    """Whether an outlet's style writes one name for the other: Cal and Calif, Qasem and Qassem, IS and Islamic State."""
    is_short = one[0] == other[0] and any(each.upper() in text for each in (one, other) for text in texts)
    return (
        is_short
        or one.startswith(other)
        or other.startswith(one)
        or _DOUBLED.sub(r"\1", one) == _DOUBLED.sub(r"\1", other)
    )


def _facts(pairs: list[_Pair], added: list[_Sentence], old: _Version, new: _Version, reasons: list[str]) -> str:
    """The sentences that count, as they read now. The headline's only where it is all: each outlet writes its own."""
    quotes = set(_quotes(old, new))
    telling = [after for before, after in pairs if set(_reasons([(before, after)], [], old, new)) - quotes]
    telling += [sentence for sentence in added if set(_reasons([], [sentence], old, new)) - quotes]
    said = {each.key for each in telling if not each.is_title} or {each.key for each in telling}
    return "\n".join(sorted(said | quotes) or sorted(reasons))


def _reasons(pairs: list[_Pair], added: list[_Sentence], old: _Version, new: _Version) -> Iterator[str]:
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


def _numbers(before: _Sentence, after: _Sentence, old: _Version, new: _Version) -> Iterator[str]:
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


def _names(before: _Sentence, after: _Sentence, old: _Version, new: _Version) -> Iterator[str]:
    """A name counts where it was not spoken of before, or took another's place in an otherwise equal sentence."""
    gained = [each for each in after.names(old, new) if each not in before.folded]
    lost = [each for each in before.names(old, new) if each not in after.folded]
    gained, lost = _without_respelled(gained, lost, old, new)
    gained = [each for each in gained if each not in _AGENCIES]
    unheard = [each for each in gained if each not in old.folded]
    if gained and lost and (unheard or _is_reprint(before, after)):
        yield f"names {_listed(lost)} → {_listed(gained)}"
    else:
        yield from (f"new name {each}" for each in unheard)
    days = [each.folded & _DAYS for each in (before, after)]
    if days[0] != days[1] and all(days):
        yield f"day {_listed(sorted(days[0]))} → {_listed(sorted(days[1]))}"


def _is_reprint(before: _Sentence, after: _Sentence) -> bool:
    return _likeness(before, after) >= _SAME_WORDING


def _unknown_names(sentence: _Sentence, old: _Version, new: _Version) -> list[str]:
    unheard = (name for name in sentence.names(old, new) if name not in old.folded and name not in _AGENCIES)
    return [name for name in unheard if not any(_is_spelling(name, other) for other in old.names)]


def _without_respelled(gained: list[str], lost: list[str], old: _Version, new: _Version) -> tuple[list[str], list[str]]:
    """Without the pairs that are one name spelled in two ways."""
    for name in tuple(gained):
        twin = next((each for each in lost if _is_spelling(each, name)), None)
        if twin is not None:
            gained, lost = [g for g in gained if g != name], [each for each in lost if each != twin]
    return gained, lost


def _quotes(old: _Version, new: _Version) -> Iterator[str]:
    """A quote counts where its words stand nowhere in the older version: marks may come, go and be of another kind."""
    yield from (f"new quote “{_cut(each)}”" for each in new.quotes if f" {each} " not in old.running)


def _is_other_reading(old: _Version, new: _Version, *, kept: int) -> bool:
    """Whether one is a teaser or an extract and the other the article: what we read changed, not what they wrote."""
    shorter, longer = sorted((len(old.words), len(new.words)))
    is_teaser, is_extract = shorter < _TEASER_WORDS, kept == min(len(old.body), len(new.body))
    return longer >= 3 * shorter and (is_teaser or is_extract)


def _headline_reasons(pairs: list[_Pair], old: _Version, new: _Version) -> Iterator[str]:
    """Of a teaser after the article the headline still speaks; of the article after a teaser everything is more."""
    if len(new.words) < len(old.words):
        for before, after in pairs:
            if before.is_title:
                yield from _numbers(before, after, old, new)
                yield from _names(before, after, old, new)


# --- a version as it is compared ----------------------------------------------------------------------------------------


class _Sentence:
    def __init__(self, text: str, *, is_title: bool = False) -> None:
        self.shown = text
        self.is_title = is_title
        self.text = _RELATIVE.sub(" ", _COUNTERS.sub(" ", _CLOCK_AT_START.sub("", text)))
        self.words = tokens(self.text)
        self.folded = frozenset(self.words)
        self.key = " ".join(self.words)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        text = _CLOCK_DOT.sub(":", _NUMBERED_NAME.sub("", self.text))
        text = _MILLIONS.sub(r"\1 million", _BILLIONS.sub(" billion", text))
        return tuple(_multiplied([word for word in tokens(text) if _is_number(word)]))

    @property
    def is_told(self) -> bool:
        """A sentence rather than a caption or a link to something else."""
        return len(self.words) >= _TOLD_WORDS and bool(_STOP.search(self.shown))

    @property
    def units(self) -> frozenset[str]:
        """What its numbers are of: a sum in another currency, or miles for kilometres, corrects nothing."""
        return self.folded & _UNITS_OF | frozenset(_CURRENCY.findall(self.text))

    @property
    def wording(self) -> list[str]:
        """Its words without the numbers."""
        return [word for word in self.words if not _is_number(word)]

    @cached_property
    def negations(self) -> int:
        words = sum(
            word in _NEGATIONS or word.endswith(("n't", "n’t")) or word.startswith("نمی") for word in self.words
        )
        return words + len(_HAN_NEGATION.findall(self.text))

    @cached_property
    def capitals(self) -> dict[str, bool]:
        """Capitalised words, and whether each stands where a sentence does not ask for a capital."""
        found: dict[str, bool] = {}
        for hit in _SPELLED.finditer(self.text):
            if not hit.group()[0].isupper():
                continue
            is_inner = bool(_INNER.search(self.text[max(hit.start() - 6, 0) : hit.start()]))
            for word in tokens(hit.group()):
                found[word] = found.get(word, False) or is_inner
        return found

    @property
    def has_title_case(self) -> bool:
        long = _LONG_WORD.findall(self.text)
        return self.is_title and len(long) > 2 and sum(word[0].isupper() for word in long) > 0.6 * len(long)

    def names(self, old: _Version, new: _Version) -> list[str]:
        """Its names. At a sentence's start and In Title Case a capital says little: there, words that are names elsewhere."""
        known = old.names | new.names
        return [
            word
            for word, is_inner in self.capitals.items()
            if word not in _NOT_NAMES and (word in known if self.has_title_case or not is_inner else True)
        ]


_Pair = tuple[_Sentence, _Sentence]


class _Version:
    def __init__(self, title: str, text: str) -> None:
        text = _DATELINE.sub("", text[:_READ_CHARS])
        body = [_Sentence(each) for each in sentences(text) if not _BOILERPLATE.search(each)]
        self.title = _Sentence(title, is_title=True)
        self.body = [each for each in body if each.words]
        self.words = [word for each in self.body for word in each.words]

    @cached_property
    def all(self) -> list[_Sentence]:
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
        trusted = (each for each in self.all if not each.has_title_case)
        inner = {word for each in trusted for word, is_inner in each.capitals.items() if is_inner}
        return frozenset(inner - _NOT_NAMES)

    @cached_property
    def running(self) -> str:
        return f" {' '.join(word for each in self.all for word in each.words)} "

    @cached_property
    def quotes(self) -> list[str]:
        return _quoted("\n".join(each.text for each in self.all))


def _quoted(text: str) -> list[str]:
    inside = (next(filter(None, hit.groups())) for hit in _QUOTED.finditer(text))
    spoken = (tokens(each) for each in inside)
    return [" ".join(words) for words in spoken if len(words) >= 3]


def _paired(old: _Version, new: _Version) -> tuple[list[_Pair], list[_Sentence], list[_Sentence]]:
    """Changed sentences with what became of them, then those that went and those that came without a counterpart."""
    before, after = Counter(each.key for each in old.body), Counter(each.key for each in new.body)
    removed, added = _left_over(old.body, after), _left_over(new.body, before)
    likeness = sorted(
        ((_likeness(a, b), -i, -j) for i, a in enumerate(removed) for j, b in enumerate(added)), reverse=True
    )
    pairs: dict[int, int] = {}
    for value, i, j in likeness:
        if value >= _SAME_SENTENCE and -i not in pairs and -j not in pairs.values():
            pairs[-i] = -j
    found = [(removed[i], added[j]) for i, j in sorted(pairs.items())]
    if old.title.key != new.title.key and not _is_signed(old.title, new.title):
        found.insert(0, (old.title, new.title))
    left = [each for j, each in enumerate(added) if j not in pairs.values()]
    return found, [each for i, each in enumerate(removed) if i not in pairs], left


def _is_signed(one: _Sentence, other: _Sentence) -> bool:
    """Whether one headline is the other with an outlet's name behind it: "Ferry sinks | The Herald"."""
    shorter, longer = sorted((one, other), key=lambda each: len(each.words))
    signed = _SIGNED.fullmatch(longer.shown.strip())
    return signed is not None and tokens(signed[1]) == shorter.words


def _left_over(body: list[_Sentence], known: Counter[str]) -> list[_Sentence]:
    known = known.copy()
    left = []
    for sentence in body:
        known[sentence.key] -= 1
        if known[sentence.key] < 0:
            left.append(sentence)
    return left[:_MOST_SENTENCES]


def _likeness(a: _Sentence, b: _Sentence) -> float:
    return len(a.folded & b.folded) / max(len(a.folded | b.folded), 1)


# --- words --------------------------------------------------------------------------------------------------------------

_DOUBLED = re.compile(r"(.)\1+")
_STOP = re.compile(r"[.!?…।۔؟。！？][\"'”’»)\]」』]*$")
_CURRENCY = re.compile("[$£€¥₹₽؋﷼₨₺₴]|Rs\\b")
# "KABUL, Oct 20 (Reuters) -", "МОСКВА, 20 окт -": where and when an outlet printed it.
_DATELINE = re.compile(
    r"\A\W{0,3}(?:[^\n()]{0,60}\([^\n()]{2,40}\)|[A-ZА-ЯЁ]{3,}[^\n()–—]{0,50}?)\s{0,3}(?:[–—]|-{1,2}\s)\s{0,3}"
)
_NOTE = re.compile(
    r"\b(?:corrections?\s*:|corrected\s+(?:to|from|version|the|a|an)\b|correct(?:s|ing)\s|(?:was|been)\s+corrected|clarifications?\s*:"
    r"|an? (?:earlier|previous) version of|earlier versions? of this)|\A\W{0,3}(?:corrected|refile)\b|исправлен[аоы]?\b|уточнен"
    r"|в предыдущей версии|تصحیح|تصحيح|اصلاحیه|更正|勘误|корректировк",
    re.IGNORECASE,
)
_UNITS = "minute|hour|day|week|month|year|min|hr|sec|second"
# Every repeat has an upper bound: strangers write these texts, and a page of digits must not cost a minute.
_RELATIVE = re.compile(
    rf"\b(?:\d{{1,4}}|an?|one|two|three|few)\s{{1,3}}(?:{_UNITS})s?\s{{1,3}}ago\b|\b\d{{1,4}}[smhd]\s{{1,3}}ago\b|\bjust now\b"
    r"|\b\d{0,4}\s{0,3}(?:секунд|минут|час|дн|день)\w{0,6}\s{1,3}назад"
    r"|[\d۰-۹٠-٩]{1,4}\s{1,3}(?:دقیقه|ساعت|روز|دقیقې)\s{1,3}(?:پیش|قبل|وړاندې)"
    r"|[\d۰-۹٠-٩]{1,4}\s{1,3}(?:منٹ|گھنٹے|دن)\s{1,3}(?:قبل|پہلے)|\d{1,4}\s{0,3}(?:分钟|小时|天)前",
    re.IGNORECASE,
)
_COUNTERS = re.compile(
    r"\b\d[\d.,]{0,9}\s{0,3}[km]?\s{1,3}(?:comments?|shares?|views?|likes?|reactions?|replies)\b"
    r"|\b(?:comments?|shares?|views?)\s{0,3}[:(]\s{0,3}\d[\d.,]{0,9}\)?"
    r"|\b\d[\d\s]{0,9}(?:комментари|просмотр)\w{0,6}|\b(?:комментарии|просмотры)\s{0,3}[:(]\s{0,3}\d{1,9}\)?"
    r"|[\d۰-۹٠-٩]{1,9}\s{0,3}(?:نظر|دیدگاه|تبصرے)\b",
    re.IGNORECASE,
)
_CLOCK_AT_START = re.compile(
    r"^\W*\d{1,2}[:.]\d{2}(?:\s*[ap]\.?m\b\.?)?(?:\s*(?:GMT|UTC|BST|EDT|EST|PDT|PST|CET|MSK|МСК|ET))?\W*", re.IGNORECASE
)
_BOILERPLATE = re.compile(
    r"^\W*(?:last\s+)?(?:updated|published|modified|posted|обновлено|опубликовано)\b.{0,80}$"
    r"|^\W*\(?\s*(?:(?:additional\s+)?reporting|writing|editing|edited)\s+by\b"
    r"|\ball rights reserved\b|©|\bimage (?:caption|source|copyright)\b"
    r"|^\W*(?:read more|see also|also read|related|watch|listen|more on this)\s*:"
    r"|^\W*(?:читайте также|подробнее|مزید پڑھیں|بیشتر بخوانید)\s*:"
    r"|\b(?:sign up|subscribe)\b.{0,60}\b(?:newsletter|alerts?|inbox|channel|updates)\b|^\W*follow (?:us|.{1,30}) on\b"
    r"|^\W*(?:sign up|subscribe)\s(?:for|to)\b.{0,160}$|^\W*read \d{1,3} more\b"
    r"|^\W*(?:share|print|email|comments?|advertisement)\W*$",
    re.IGNORECASE,
)
_SPELLED = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
# Behind a bar anything short is the outlet's; behind a dash up to four words with capitals are: "— BBC News", "— РИА Новости".
_SIGNED = re.compile(r"(.{10,400}?)\s(?:\|\s[^\d|]{2,40}|[-–—]\s[^\W\d_a-zа-я]\w*(?:\s[^\W\d_a-zа-я]\w*){0,3})")
_NUMBERED_NAME = re.compile(r"(?<=[^\W\d_])-\d+\b")  # Covid-19, F-16: a name, not a number
_CLOCK_DOT = re.compile(r"(?<=\d)\.(?=[0-5]\d\s?[ap]\.?m\b)", re.IGNORECASE)  # 5.30am is 5:30am
_BILLIONS = re.compile(r"(?<=\d)\s?bn\b", re.IGNORECASE)
_MILLIONS = re.compile(r"([$£€¥₹]\s?\d[\d.,]{0,12})\s?mn?\b", re.IGNORECASE)  # of money: 3 m are metres
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# A letter, digit or comma straight before it: neither a sentence's start nor just after an opening quote, a colon or a dash.
_INNER = re.compile(r"[\w,;)%][\"'’”»]?\s+(?:[\"“‘«(]\s*)?$")
_QUOTED = re.compile(
    r"“([^“”]{3,1000})”|«([^«»]{3,1000})»|„([^„“”]{3,1000})[“”]|「([^「」]{2,1000})」|\"([^\"\n]{3,1000})\""
)
_HAN_NEGATION = re.compile("[不没沒無无未非]")


def _words(listed: str) -> frozenset[str]:
    return frozenset(word for part in listed.split() for word in tokens(part))


_NEGATIONS = _words(
    "not no never without cannot nor neither nobody nothing none denies denied deny не нет ни без никогда никто ничего "
    "nicht kein keine nie ne pas jamais sans non nunca sin jamás نه نیست نیستند نبود بدون هیچ هرگز نہیں نہ مت بغیر "
    "لا لم لن ليس ليست غير دون نشته هیڅ नहीं न मत değil yok hiç ei"
)
_UNITS_OF = _words(
    "mile miles km kilometre kilometres kilometer kilometers mph kph kmh foot feet ft metre metres meter meters yards acres "
    "hectares pound pounds lb lbs kg kilogram kilograms tons tonnes celsius fahrenheit dollars euros rupees roubles rubles "
    "yuan yen crore lakh"
)
_DAYS = _words(
    "monday tuesday wednesday thursday friday saturday sunday понедельник вторник среду четверг пятницу субботу воскресенье"
)
_PRESS = frozenset(word for spelled in AGENCIES.values() for each in spelled for word in tokens(each))
# Those of one word: in "Press Trust of India" and "Agence France-Presse" stand names that count.
_AGENCIES = frozenset(tokens(each)[0] for spelled in AGENCIES.values() for each in spelled if len(tokens(each)) == 1)
_NOT_NAMES = _DAYS | _words(
    "i i'm i'll i've mr mrs ms dr sir president minister the a an in on at it he she we they but and "
    "january february march april may june july august september october november december "
    "jan feb mar apr jun jul aug sep sept oct nov dec gmt utc bst am pm"
)
_SMALL = (
    "zero . two|два|две three|три four|четыре five|пять six|шесть seven|семь eight|восемь nine|девять ten|десять "
    "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
_NUMBER_WORDS = (
    {word: str(value) for value, words in enumerate(_SMALL.split()) for word in words.split("|")}
    | {word: str(value * 10) for value, word in enumerate(_TENS.split(), start=2)}
    | {"dozen": "12", "thousand": "1000", "million": "million", "billion": "billion"}
)


_TIMES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_PLAIN = re.compile(r"\d{1,12}(?:\.\d{1,4})?")


def _is_number(word: str) -> bool:
    return word in _NUMBER_WORDS or word[0].isdigit()


def _as_number(word: str) -> str:
    """One spelling for one number: 1,000 and 1000, ۵ and 5, three and 3."""
    if word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    digits = "".join(str(unicodedata.digit(each)) if each.isdigit() else each for each in word)
    plain = re.sub(r"[.,](?=\d{3}(?!\d))", "", digits)
    return re.sub(r"(?<=\d),(?=\d{1,2}\Z)", ".", re.sub(r"\A0(?=\d\Z)", "", plain))  # 3,5 is 3.5, 05 is 5


def _multiplied(words: Iterable[str]) -> Iterator[str]:
    """Numbers in one spelling: "3 million" is 3000000."""
    before = ""
    for word in words:
        if word in _TIMES and _PLAIN.fullmatch(before):
            before = f"{float(before) * _TIMES[word]:.0f}"
            continue
        if before:
            yield before
        before = _as_number(word)
    if before:
        yield before


def _is_spelling(one: str, other: str) -> bool:
    """Whether two words are one in two spellings: six letters or more, the same first, one letter of difference or two swapped.

    Shorter ones are not judged: Iran and Iraq differ by one letter.
    """
    if one == other:
        return True
    if one[0] != other[0] or min(len(one), len(other)) < 6 or abs(len(one) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, other_rest = one[start:], other[start:]
    swapped = rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:]
    return swapped or rest[1:] == other_rest[1:] or rest == other_rest[1:] or rest[1:] == other_rest


def _listed(words: Iterable[str]) -> str:
    return ", ".join(list(words)[:4]) or "none"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"
