"""What is wrong with topics that can be used: seeds and a sample of the archive in, findings out.

Faults of files (what cannot be read, what is left out) are monitor.topics.seeds' to name; here the texts themselves are looked at: the
same text twice, a seed unlike the others, a consent page kept for an article, topics that are one. A finding names the file and
the mend. Reads no file and no store; nothing is changed by it.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import combinations
from pathlib import Path

import numpy as np

from monitor.matching.background import Background
from monitor.matching.margins import share
from monitor.matching.matcher import Matcher, build
from monitor.stories.fingerprint import Shingles
from monitor.text.language import UNKNOWN, normalize
from monitor.text.tokens import clean_line, shorten, tokens
from monitor.text.walls import is_wall
from monitor.types.matching import Score, Seed, Topic

NEAR = 0.8
"""From this share of common word runs on two seeds are one article told twice."""
LEFT_OUT = 40
"""So many seeds of a topic are left out in turn; of more, as many evenly spread."""
FEW_WORDS = 60
"""A topic that rests on fewer words in all finds near-copies of them only."""
ARCHIVE_SPEAKS = 200
"""So many articles are needed before their silence on a topic says anything."""
FAR = 0.5
"""Below this part of the threshold nothing in the archive comes near."""
_SHARED_BY = 5
"""Articles that carry the same words without being copies: those words are their outlet's, not theirs."""
_SHARED_PART = 0.3
_SCORES = 100_000
"""So many scores of archived articles are worked out at most, however many topics there are."""
_PARAGRAPH_WORDS = 8
_REPEATED_IN = 3
_SECOND_SCRIPT = 0.25
"""From this share of the letters on a second script is more than names and quotations."""


class Severity(StrEnum):
    """How bad it is."""

    FAULT = "fault"
    """Something is left out, or teaches what is wrong."""
    WARNING = "warning"
    """It works, but somebody should look."""
    REMARK = "remark"
    """Worth knowing; nothing to mend unless it was not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """One thing that somebody should know. `kind` is a short stable word for programs."""

    severity: Severity
    kind: str
    topic: str
    file: str
    """The seed's path, or the topic's folder where it is about the whole."""
    what: str
    mend: str
    score: float | None = None
    threshold: float | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: {self.mend}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecall:
    """How many of a topic's seeds it would find from the others."""

    found: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """All there is to say of a shelf."""

    findings: tuple[LintFinding, ...] = ()
    recall: Mapping[str, SeedRecall] = field(default_factory=dict)
    """By topic; none for a topic of one seed."""


Archived = tuple[str, str, str]
"""Title, beginning of the text, language."""


def lint(
    topics: Sequence[Topic], *, root: Path, background: Background, archive: Sequence[Archived] = ()
) -> LintReport:
    """Look at every topic by itself, then at all of them beside one another and beside the archive's latest articles."""
    ward = _LintContext(topics, root, background, archive)
    recall: dict[str, SeedRecall] = {}
    found: list[LintFinding] = []
    for topic in topics:
        found += [*_doubles(ward, topic), *_texts(ward, topic), *_languages(ward, topic), *_thin(ward, topic)]
        found += [*_repeated(ward, topic), *_apart(ward, topic, recall)]
    found += [*_shared_seeds(ward), *_overlaps(ward), *_unheard(ward)]
    order = list(Severity)
    return LintReport(findings=tuple(sorted(found, key=lambda each: order.index(each.severity))), recall=recall)


class _LintContext:
    """The patients and the instruments, each made once."""

    def __init__(
        self, topics: Sequence[Topic], root: Path, background: Background, archive: Sequence[Archived]
    ) -> None:
        self.topics, self.root, self.background, self.archive = topics, root, background, archive
        self._shingles: dict[str, Shingles] = {}

    def place(self, topic: Topic, seed: Seed | None = None) -> str:
        folder = self.root / topic.name
        return str(folder / seed.file if seed else folder)

    def shingles(self, seed: Seed) -> Shingles:
        text = seed.text or seed.title
        if text not in self._shingles:
            self._shingles[text] = Shingles(text)
        return self._shingles[text]

    def finding(
        self,
        severity: Severity,
        kind: str,
        topic: Topic,
        seed: Seed | None,
        what: str,
        mend: str,
        score: Score | None = None,
    ) -> LintFinding:
        return LintFinding(
            severity=severity,
            kind=kind,
            topic=topic.name,
            file=self.place(topic, seed),
            what=what,
            mend=mend,
            score=round(score.score, 4) if score else None,
            threshold=round(score.threshold, 4) if score else None,
        )

    @cached_property
    def matcher(self) -> Matcher:
        """All topics by their seeds alone; those that are off are looked at as if they were on."""
        return build([_bare(each) for each in self.topics], background=self.background)

    @cached_property
    def archived(self) -> list[Shingles]:
        return [Shingles(text) for _, text, _ in self.archive if text]


def _wanted(topic: Topic) -> list[Seed]:
    return [each for each in topic.seeds if not each.is_counter]


def _bare(topic: Topic) -> Topic:
    """The topic by its seeds, without its rules: those block what is far from it, which is another question."""
    return replace(topic, is_enabled=True, required=(), excluded=(), languages=())


# --- one topic: texts -------------------------------------------------------------------------------------------------


def _doubles(ward: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    """The same article twice: two examples that are one raise the threshold and teach nothing."""
    doubled: set[str] = set()
    for first, second in combinations(topic.seeds, 2):
        if second.file in doubled or not _are_near(ward.shingles(first), ward.shingles(second)):
            continue
        doubled.add(second.file)
        share = ward.shingles(first).containment(ward.shingles(second))
        alike = "the same text as" if share == 1 and _words(first) == _words(second) else "nearly the same text as"
        what = f"{alike} {first.file} ({share:.0%} of its word runs)"
        if first.is_counter != second.is_counter:
            mend = "it is wanted and not wanted at once; delete one of the two"
            yield ward.finding(Severity.WARNING, "contradiction", topic, second, what, mend)
        else:
            mend = "one article told twice teaches once; delete one of the two"
            yield ward.finding(Severity.WARNING, "duplicate", topic, second, what, mend)


def _are_near(first: Shingles, second: Shingles) -> bool:
    shorter, longer = sorted((len(first.distinct), len(second.distinct)))
    # a few lines that stand in a long article are a passage of it, not the article told twice
    return shorter > 0 and longer < 4 * shorter and first.containment(second) >= NEAR


def _texts(ward: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    for seed in topic.seeds:
        if is_wall(seed.text):
            what = "a consent or paywall page instead of an article"
            yield ward.finding(Severity.FAULT, "wall", topic, seed, what, "save the article's own text in its place")
        elif (share := _boilerplate(ward, seed)) >= _SHARED_PART:
            what = f"{share:.0%} of it stands in many articles of the archive as well"
            mend = "cut what belongs to the outlet's pages and not to this article"
            yield ward.finding(Severity.WARNING, "boilerplate", topic, seed, what, mend)
        if scripts := _mixed(f"{seed.title}\n{seed.text}"):
            what = f"written in {' and '.join(scripts)}"
            mend = f"read as {seed.language} throughout; split it into one file a language"
            yield ward.finding(Severity.WARNING, "mixed scripts", topic, seed, what, mend)


def _boilerplate(ward: _LintContext, seed: Seed) -> float:
    """The share of a seed's word runs that at least five archived articles carry, none a copy of it or of another of them."""
    runs = ward.shingles(seed).distinct
    if not len(runs) or not ward.archived:
        return 0.0
    carriers = np.zeros(len(runs), np.int64)
    for article in ward.archived:
        carried = np.isin(runs, article.distinct, assume_unique=True)
        if carried.any() and carried.sum() < NEAR * len(article.distinct):
            carriers += carried
    return float((carriers >= _SHARED_BY).mean())


def _mixed(text: str) -> list[str]:
    """The scripts that both hold a good part of the letters; [] of nearly every text. Japanese mixes three by nature."""
    letters = [each for each in text[:20_000] if each.isalpha()]
    counted = Counter(_script(each) for each in letters)
    many = [name for name, count in counted.most_common(2) if count >= max(20, _SECOND_SCRIPT * len(letters))]
    return many if len(many) > 1 else []


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "unknown").partition(" ")[0].capitalize()
    return "Chinese or Japanese" if name in ("Cjk", "Hiragana", "Katakana", "Katakana-hiragana") else name


def _repeated(ward: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    """Paragraphs that several seeds share word for word: a footer, a notice, an appeal to subscribe."""
    holders: dict[str, list[Seed]] = defaultdict(list)
    for seed in _wanted(topic):
        for paragraph in {" ".join(tokens(each)) for each in seed.text.split("\n")}:
            if paragraph.count(" ") + 1 >= _PARAGRAPH_WORDS:
                holders[paragraph].append(seed)
    for paragraph, seeds in sorted(holders.items()):
        different = {ward.shingles(each).text_key for each in seeds}
        if len(different) >= _REPEATED_IN:
            names = ", ".join(each.file for each in seeds[1:4])
            what = f'the paragraph "{shorten(paragraph, 60)}" stands in {len(seeds)} seeds (also in {names})'
            mend = "cut it from them if it is the outlet's and not the articles'"
            yield ward.finding(Severity.WARNING, "boilerplate", topic, seeds[0], what, mend)


# --- one topic: languages and length ----------------------------------------------------------------------------------


def _languages(ward: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    followed = {normalize(each) for each in topic.languages}
    counted = Counter(each.language for each in _wanted(topic))
    usual, often = counted.most_common(1)[0] if counted else (UNKNOWN, 0)
    for seed in topic.seeds:
        if followed and seed.language != UNKNOWN and normalize(seed.language) not in followed:
            what = f"its language is {seed.language}, which `languages` in topic.toml leaves out"
            mend = f"add {seed.language} there, or take the seed out: its words can match nothing"
            yield ward.finding(Severity.WARNING, "language not followed", topic, seed, what, mend)
        elif seed.is_counter or len(counted) < 2 or seed.language == usual or counted[seed.language] > 1:
            continue
        elif seed.language == UNKNOWN:
            what, mend = "its language cannot be told", f'name it in topic.toml: [seeds."{seed.file}"] language = "..."'
            yield ward.finding(Severity.WARNING, "no language", topic, seed, what, mend)
        else:
            what = f"the only seed in {seed.language}; {often} of {counted.total()} are in {usual}"
            mend = f"articles in {seed.language} are judged by it alone; add a second one if that is meant, else take it out"
            severity = Severity.WARNING if often > 1 else Severity.REMARK
            yield ward.finding(severity, "off-language", topic, seed, what, mend)


def _thin(ward: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    seeds = _wanted(topic)
    words = sum(_words_count(each) for each in seeds)
    if words < FEW_WORDS:
        what = f"rests on {words} words in all ({len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'})"
        mend = "it will find articles that use these very words; add a whole article, or a second one"
        yield ward.finding(Severity.WARNING, "too short", topic, None, what, mend)


def _words(seed: Seed) -> list[str]:
    return tokens(f"{seed.title}\n{seed.text}")


def _words_count(seed: Seed) -> int:
    return len(_words(seed))


# --- one topic: each seed by the others -------------------------------------------------------------------------------


def _apart(ward: _LintContext, topic: Topic, recall: dict[str, SeedRecall]) -> Iterator[LintFinding]:
    """Would each seed be found if the others were all there is? Only others of its own language can answer."""
    seeds = _once(ward, _wanted(topic))
    tried = [(each, _left_out(ward, topic, each)) for each in seeds[:: max(1, -(-len(seeds) // LEFT_OUT))]]
    scores = [(seed, score) for seed, score in tried if score is not None]
    if not scores:
        return
    missed = [(seed, score) for seed, score in scores if not score.is_match]
    recall[topic.name] = SeedRecall(found=len(scores) - len(missed), of=len(scores))
    if len(scores) > 2 and 2 * len(missed) > len(scores):
        what = f"only {len(scores) - len(missed)} of its {len(scores)} seeds would be found by the others"
        mend = "perhaps two subjects in one folder: divide them, or add seeds between them"
        yield ward.finding(Severity.WARNING, "scattered", topic, None, what, mend)
    elif len(scores) == 2 and missed:
        what = f"its two seeds are little alike: {_part(missed[0][1]):.0%} of the threshold"
        mend = "fine if both are meant; a third that is like either makes the topic surer"
        yield ward.finding(Severity.REMARK, "unlike", topic, None, what, mend, missed[0][1])
    else:
        for seed, score in missed:
            what = f"unlike the other seeds: without it, it would reach {_part(score):.0%} of its threshold"
            mend = "does it belong here? if so, add another one like it; if not, take it out"
            yield ward.finding(Severity.WARNING, "outlier", topic, seed, what, mend, score)


def _once(ward: _LintContext, seeds: Iterable[Seed]) -> list[Seed]:
    """Each text once: a duplicate would find its double."""
    kept: list[Seed] = []
    for seed in seeds:
        if not any(_are_near(ward.shingles(seed), ward.shingles(each)) for each in kept):
            kept.append(seed)
    return kept


def _left_out(ward: _LintContext, topic: Topic, seed: Seed) -> Score | None:
    rest = [
        each
        for each in topic.seeds
        if each is not seed and (each.is_counter or not _are_near(ward.shingles(each), ward.shingles(seed)))
    ]
    if not any(not each.is_counter and normalize(each.language) == normalize(seed.language) for each in rest):
        return None
    matcher = build([replace(_bare(topic), seeds=tuple(rest))], background=ward.background)
    return matcher.score(seed.title, seed.text, seed.language)[0]


def _part(score: Score) -> float:
    """How much of its threshold a score reaches; 0 for less than nothing."""
    return max(0.0, share(score.score, score.threshold))


# --- topics beside one another ----------------------------------------------------------------------------------------


def _shared_seeds(ward: _LintContext) -> Iterator[LintFinding]:
    """One article that defines two topics. By different passages of it that is as it should be, and not even a finding."""
    seen: dict[int, tuple[Topic, Seed]] = {}
    for topic in ward.topics:
        for seed in _wanted(topic):
            key = ward.shingles(seed).text_key
            other, twin = seen.setdefault(key, (topic, seed))
            if other is not topic:
                what = f"the same text as {ward.place(other, twin)}"
                mend = "an article of two subjects defines each by its `passages` in topic.toml; else keep it in one"
                yield ward.finding(Severity.WARNING, "shared seed", topic, seed, what, mend)


def _overlaps(ward: _LintContext) -> Iterator[LintFinding]:
    """Two topics of which each would match what defines the other tell everything twice."""
    by_name = {each.name: each for each in ward.topics}
    matched = {topic.name: _matched_by(ward, topic) for topic in ward.topics}
    for first, second in combinations(ward.topics, 2):
        there, back = matched[second.name][first.name], matched[first.name][second.name]
        if not there or not back:
            continue
        of_there, of_back = len(_wanted(second)), len(_wanted(first))
        what = f"matches {there} of {of_there} seeds of {second.name}, which matches {back} of {of_back} of its own"
        shares_file = {each.file for each in _wanted(first)} & {each.file for each in _wanted(second)}
        is_whole = there == of_there and back == of_back
        severity = Severity.WARNING if is_whole and not shares_file else Severity.REMARK
        mend = "make them one, or tell them apart by counter-seeds (not/), `passages` or `required` terms"
        mend = (
            mend
            if severity is Severity.WARNING
            else "some articles will be told under both; counter-seeds tell them apart"
        )
        yield ward.finding(severity, "overlap", by_name[first.name], None, what, mend)


def _matched_by(ward: _LintContext, topic: Topic) -> Counter[str]:
    """Topic -> how many seeds of this one it matches."""
    return Counter(
        score.topic
        for seed in _wanted(topic)
        for score in ward.matcher.matches(seed.title, seed.text, seed.language)
        if score.is_match and score.topic != topic.name
    )


def _unheard(ward: _LintContext) -> Iterator[LintFinding]:
    """Topics that nothing in the archive comes near: a word misunderstood, or no feed that carries it."""
    if len(ward.archive) < ARCHIVE_SPEAKS:
        return
    nearest: dict[str, tuple[float, str, Score]] = {}
    for title, text, language in ward.archive[-max(50, _SCORES // max(len(ward.topics), 1)) :]:
        for score in ward.matcher.score(title, text, language):
            if _part(score) > nearest.get(score.topic, (-1.0,))[0]:
                nearest[score.topic] = (_part(score), title, score)
    for topic in ward.topics:
        part, title, score = nearest[topic.name]
        if part < FAR:
            what = (
                f"of the latest {len(ward.archive):,} articles none comes nearer than {part:.0%} of the threshold "
                f'("{clean_line(title, limit=80)}")'
            )
            mend = "nothing to mend if it is rare; else look whether any of your feeds carries the subject"
            yield ward.finding(Severity.REMARK, "unheard", topic, None, what, mend, score)
