"""Lint for topics: finds seeds and topics that load, but probably do not do what their owner intends.

Checks texts (duplicates, walls, boilerplate, mixed scripts), seeds unlike the others, overlapping topics, and topics that nothing
in the archive comes near. Files that cannot be read are reported by `topics.seeds`. Reads no file and no store.
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
from monitor.matching.topic_rules import forbidden
from monitor.stories.fingerprint import Shingles
from monitor.text.language import UNKNOWN, normalize
from monitor.text.tokens import clean_line, shorten, tokens
from monitor.text.walls import is_wall
from monitor.topics import sentence
from monitor.topics.lint_scores import KnownEmbeddings, LintScores
from monitor.types.matching import Score, Seed, Topic

NEAR_DUPLICATE = 0.8
"""From this share of common word runs two seeds are versions of one article."""
MAX_HELD_OUT = 40
"""At most so many seeds of a topic are held out in turn, evenly spread over all."""
MIN_TOPIC_WORDS = 60
"""A topic whose seeds have fewer words in all matches only near-copies of them, unless its sentence is compared by meaning."""
MIN_ARCHIVE = 200
"""Articles that the archive must have before the lack of near ones is worth a remark."""
SILENT_BELOW = 0.5
"""A topic is silent where no archived article reaches this share of its threshold."""
_BOILERPLATE_ARTICLES = 5
"""Word runs in so many archived articles that are not copies are boilerplate of the outlet."""
_BOILERPLATE_SHARE = 0.3
_MAX_SCORES = 100_000
"""At most so many scores of archived articles are computed for all topics together."""
_PARAGRAPH_WORDS = 8
_MIN_REPEATS = 3
_SECOND_SCRIPT = 0.25
"""From this share of the letters a second script is more than names and quotations."""


class Severity(StrEnum):
    """How serious a finding is."""

    FAULT = "fault"
    """Something is left out, or makes the topic match what is not wanted."""
    WARNING = "warning"
    """It works, but should be checked."""
    REMARK = "remark"
    """Worth knowing; nothing to mend if it is intended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFinding:
    """One problem or remark. `kind` is a short stable label for programs."""

    severity: Severity
    kind: str
    topic: str
    file: str
    """The seed's path, or the topic's folder where the finding is about the whole topic."""
    what: str
    mend: str
    score: float | None = None
    threshold: float | None = None

    def __str__(self) -> str:
        return f"{self.file}: {self.what}: {self.mend}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRecall:
    """How many of a topic's seeds would be matched by the others."""

    found: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LintReport:
    """All findings on a set of topics, the most serious first."""

    findings: tuple[LintFinding, ...] = ()
    recall: Mapping[str, SeedRecall] = field(default_factory=dict)
    """By topic; topics with a single seed have none."""


Archived = tuple[str, str, str]
"""An archived article: title, beginning of the text, language."""


def lint(
    topics: Sequence[Topic],
    *,
    root: Path,
    background: Background,
    archive: Sequence[Archived] = (),
    to_sentence: Mapping[str, Iterable[tuple[str, float]]] | None = None,
    embeddings: KnownEmbeddings | None = None,
    has_embedder: bool = False,
) -> LintReport:
    """Check every topic by itself, then all topics against each other and against the archive's latest articles.

    `to_sentence`: by topic, the files of its seeds with their semantic similarity to its sentence, where embeddings are stored.
    `embeddings`: what is stored of seeds and articles, so that scores are those of meaning. `has_embedder`: whether articles are
    compared by meaning, also where nothing is embedded yet.
    """
    ctx = _LintContext(topics, root, background, archive, embeddings, has_embedder=has_embedder)
    recall: dict[str, SeedRecall] = {}
    found: list[LintFinding] = []
    for topic in topics:
        found += [*_duplicates(ctx, topic), *_content_faults(ctx, topic), *_languages(ctx, topic)]
        found += [*_sentence(ctx, topic), *_contradictions(ctx, topic, (to_sentence or {}).get(topic.name, ()))]
        found += [*_too_short(ctx, topic), *_repeated(ctx, topic), *_outliers(ctx, topic, recall)]
    found += [*_shared_seeds(ctx), *_overlaps(ctx), *_silent_topics(ctx), *_unheard_terms(ctx)]
    order = list(Severity)
    return LintReport(findings=tuple(sorted(found, key=lambda each: order.index(each.severity))), recall=recall)


class _LintContext:
    """The input of all checks, and what several of them compute, computed once."""

    def __init__(
        self,
        topics: Sequence[Topic],
        root: Path,
        background: Background,
        archive: Sequence[Archived],
        embeddings: KnownEmbeddings | None,
        *,
        has_embedder: bool,
    ) -> None:
        self.topics, self.root, self.background, self.archive = topics, root, background, archive
        self.embeddings, self.has_embedder = embeddings, has_embedder
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
    def scores(self) -> LintScores:
        """The scores on all topics, without their rules, disabled ones included."""
        return self.scores_on(self.topics)

    def scores_on(self, topics: Sequence[Topic]) -> LintScores:
        return LintScores([_without_rules(each) for each in topics], self.background, self.embeddings)

    @cached_property
    def archived(self) -> list[Shingles]:
        return [Shingles(text) for _, text, _ in self.archive if text]


def _wanted(topic: Topic) -> list[Seed]:
    return [each for each in topic.seeds if not each.is_counter]


def _without_rules(topic: Topic) -> Topic:
    """The topic enabled and without rules (terms, languages), so that scores depend on its seeds alone."""
    return replace(topic, is_enabled=True, required=(), excluded=(), languages=())


# --- one topic: texts -------------------------------------------------------------------------------------------------


def _duplicates(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    """Pairs of seeds with the same text: a duplicate raises the threshold and adds no information."""
    reported: set[str] = set()
    for first, second in combinations(topic.seeds, 2):
        if second.file in reported or not _are_near(ctx.shingles(first), ctx.shingles(second)):
            continue
        reported.add(second.file)
        share = ctx.shingles(first).containment(ctx.shingles(second))
        alike = "the same text as" if share == 1 and _words(first) == _words(second) else "nearly the same text as"
        what = f"{alike} {first.file} ({share:.0%} of its word runs)"
        if first.is_counter != second.is_counter:
            mend = "it is wanted and not wanted at once; delete one of the two"
            yield ctx.finding(Severity.WARNING, "contradiction", topic, second, what, mend)
        else:
            mend = "a duplicate seed counts once; delete one of the two"
            yield ctx.finding(Severity.WARNING, "duplicate", topic, second, what, mend)


def _are_near(first: Shingles, second: Shingles) -> bool:
    shorter, longer = sorted((len(first.distinct), len(second.distinct)))
    # a few lines that occur in a long article are a passage of it, not a duplicate
    return shorter > 0 and longer < 4 * shorter and first.containment(second) >= NEAR_DUPLICATE


def _content_faults(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    for seed in topic.seeds:
        if is_wall(seed.text):
            what = "a consent or paywall page instead of an article"
            yield ctx.finding(Severity.FAULT, "wall", topic, seed, what, "save the article's own text in its place")
        elif (share := _boilerplate(ctx, seed)) >= _BOILERPLATE_SHARE:
            what = f"{share:.0%} of it stands in many articles of the archive as well"
            mend = "cut what belongs to the outlet's pages and not to this article"
            yield ctx.finding(Severity.WARNING, "boilerplate", topic, seed, what, mend)
        if scripts := _mixed_scripts(f"{seed.title}\n{seed.text}"):
            what = f"written in {' and '.join(scripts)}"
            mend = f"read as {seed.language} throughout; split it into one file a language"
            yield ctx.finding(Severity.WARNING, "mixed scripts", topic, seed, what, mend)


def _boilerplate(ctx: _LintContext, seed: Seed) -> float:
    """The share of a seed's word runs that several archived articles contain which are no copies of it."""
    runs = ctx.shingles(seed).distinct
    if not len(runs) or not ctx.archived:
        return 0.0
    carriers = np.zeros(len(runs), np.int64)
    for article in ctx.archived:
        carried = np.isin(runs, article.distinct, assume_unique=True)
        if carried.any() and carried.sum() < NEAR_DUPLICATE * len(article.distinct):
            carriers += carried
    return float((carriers >= _BOILERPLATE_ARTICLES).mean())


def _mixed_scripts(text: str) -> list[str]:
    """The two scripts of a text that mixes two; usually []. Japanese scripts count as one."""
    letters = [each for each in text[:20_000] if each.isalpha()]
    counted = Counter(_script(each) for each in letters)
    many = [name for name, count in counted.most_common(2) if count >= max(20, _SECOND_SCRIPT * len(letters))]
    return many if len(many) > 1 else []


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "unknown").partition(" ")[0].capitalize()
    return "Chinese or Japanese" if name in ("Cjk", "Hiragana", "Katakana", "Katakana-hiragana") else name


def _repeated(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    """Paragraphs that several seeds share word for word: footers, notices, calls to subscribe."""
    holders: dict[str, list[Seed]] = defaultdict(list)
    for seed in _wanted(topic):
        for paragraph in {" ".join(tokens(each)) for each in seed.text.split("\n")}:
            if paragraph.count(" ") + 1 >= _PARAGRAPH_WORDS:
                holders[paragraph].append(seed)
    for paragraph, seeds in sorted(holders.items()):
        different = {ctx.shingles(each).text_key for each in seeds}
        if len(different) >= _MIN_REPEATS:
            names = ", ".join(each.file for each in seeds[1:4])
            what = f'the paragraph "{shorten(paragraph, 60)}" stands in {len(seeds)} seeds (also in {names})'
            mend = "cut it from them if it is the outlet's and not the articles'"
            yield ctx.finding(Severity.WARNING, "boilerplate", topic, seeds[0], what, mend)


# --- one topic: languages and length ----------------------------------------------------------------------------------


def _languages(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    followed = {normalize(each) for each in topic.languages}
    counted = Counter(each.language for each in _wanted(topic))
    usual, often = counted.most_common(1)[0] if counted else (UNKNOWN, 0)
    for seed in topic.seeds:
        if followed and seed.language != UNKNOWN and normalize(seed.language) not in followed:
            what = f"its language is {seed.language}, which `languages` in topic.toml leaves out"
            mend = f"add {seed.language} there, or take the seed out: its words can match nothing"
            yield ctx.finding(Severity.WARNING, "language not followed", topic, seed, what, mend)
        elif seed.is_counter or len(counted) < 2 or seed.language == usual or counted[seed.language] > 1:
            continue
        elif seed.language == UNKNOWN:
            what, mend = "its language cannot be told", f'name it in topic.toml: [seeds."{seed.file}"] language = "..."'
            yield ctx.finding(Severity.WARNING, "no language", topic, seed, what, mend)
        else:
            what = f"the only seed in {seed.language}; {often} of {counted.total()} are in {usual}"
            mend = f"articles in {seed.language} are judged by it alone; add a second one if that is meant, else take it out"
            severity = Severity.WARNING if often > 1 else Severity.REMARK
            yield ctx.finding(severity, "off-language", topic, seed, what, mend)


def _sentence(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    said = sentence.advice(topic.outline)
    if topic.name in ctx.scores.titles_apart:
        said = (*(each for each in said if each.kind != "short title"), sentence.title_apart(topic.title))
    for each in said:
        severity = Severity.WARNING if each.is_warning else Severity.REMARK
        yield ctx.finding(severity, each.kind, topic, None, each.what, each.mend)


def _contradictions(ctx: _LintContext, topic: Topic, to_sentence: Iterable[tuple[str, float]]) -> Iterator[LintFinding]:
    by_file = {each.file: each for each in topic.seeds}
    for file, said in sentence.contradictions(to_sentence):
        if file in by_file:
            yield ctx.finding(Severity.WARNING, said.kind, topic, by_file[file], said.what, said.mend)


def _too_short(ctx: _LintContext, topic: Topic) -> Iterator[LintFinding]:
    seeds = _wanted(topic)
    if not seeds and topic.description.strip():
        what, mend = (
            "has no example, only its sentence",
            "add an article that you would have wanted as soon as you see one",
        )
        yield ctx.finding(Severity.REMARK, "no example", topic, None, what, mend)
        return
    words = sum(_word_count(each) for each in seeds)
    if words < MIN_TOPIC_WORDS and not (ctx.has_embedder and topic.description.strip()):
        what = f"rests on {_counted(words, 'word')} in all ({_counted(len(seeds), 'seed')})"
        mend = "it will find articles that use these very words; add a whole article, or a second one"
        yield ctx.finding(Severity.WARNING, "too short", topic, None, what, mend)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _words(seed: Seed) -> list[str]:
    return tokens(f"{seed.title}\n{seed.text}")


def _word_count(seed: Seed) -> int:
    return len(_words(seed))


# --- one topic: each seed by the others -------------------------------------------------------------------------------


def _outliers(ctx: _LintContext, topic: Topic, recall: dict[str, SeedRecall]) -> Iterator[LintFinding]:
    """Leave-one-out: would each seed be matched by the others of its language? Also fills `recall`."""
    seeds = _distinct(ctx, _wanted(topic))
    tried = [(each, _score_held_out(ctx, topic, each)) for each in seeds[:: max(1, -(-len(seeds) // MAX_HELD_OUT))]]
    scores = [(seed, score) for seed, score in tried if score is not None]
    if not scores:
        return
    missed = [(seed, score) for seed, score in scores if not score.is_match]
    recall[topic.name] = SeedRecall(found=len(scores) - len(missed), of=len(scores))
    if len(scores) > 2 and 2 * len(missed) > len(scores):
        what = f"only {len(scores) - len(missed)} of its {len(scores)} seeds would be found by the others"
        mend = "perhaps two subjects in one folder: divide them, or add seeds between them"
        yield ctx.finding(Severity.WARNING, "scattered", topic, None, what, mend)
    elif len(scores) == 2 and missed:
        what = f"its two seeds are little alike: {_reached_share(missed[0][1]):.0%} of the threshold"
        mend = "fine if both are meant; a third that is like either makes the topic surer"
        yield ctx.finding(Severity.REMARK, "unlike", topic, None, what, mend, missed[0][1])
    else:
        for seed, score in missed:
            what = f"unlike the other seeds: without it, it would reach {_reached_share(score):.0%} of its threshold"
            mend = "does it belong here? if so, add another one like it; if not, take it out"
            yield ctx.finding(Severity.WARNING, "outlier", topic, seed, what, mend, score)


def _distinct(ctx: _LintContext, seeds: Iterable[Seed]) -> list[Seed]:
    """The seeds without near-duplicates, which would match each other."""
    kept: list[Seed] = []
    for seed in seeds:
        if not any(_are_near(ctx.shingles(seed), ctx.shingles(each)) for each in kept):
            kept.append(seed)
    return kept


def _score_held_out(ctx: _LintContext, topic: Topic, seed: Seed) -> Score | None:
    rest = [
        each
        for each in topic.seeds
        if each is not seed and (each.is_counter or not _are_near(ctx.shingles(each), ctx.shingles(seed)))
    ]
    if not any(not each.is_counter and normalize(each.language) == normalize(seed.language) for each in rest):
        return None
    return ctx.scores_on([replace(topic, seeds=tuple(rest))]).of(seed.title, seed.text, seed.language)[0]


def _reached_share(score: Score) -> float:
    """The share of its threshold that a score reaches, at least 0."""
    return max(0.0, share(score.score, score.threshold))


# --- several topics and archive --------------------------------------------------------------------------------------


def _shared_seeds(ctx: _LintContext) -> Iterator[LintFinding]:
    """Articles that are seeds of two topics. Different passages of one article are fine and not reported."""
    seen: dict[int, tuple[Topic, Seed]] = {}
    for topic in ctx.topics:
        for seed in _wanted(topic):
            key = ctx.shingles(seed).text_key
            other, duplicate = seen.setdefault(key, (topic, seed))
            if other is not topic:
                what = f"the same text as {ctx.place(other, duplicate)}"
                mend = "an article of two subjects defines each by its `passages` in topic.toml; else keep it in one"
                yield ctx.finding(Severity.WARNING, "shared seed", topic, seed, what, mend)


def _overlaps(ctx: _LintContext) -> Iterator[LintFinding]:
    """Pairs of topics that match each other's seeds and so would alert on everything twice."""
    by_name = {each.name: each for each in ctx.topics}
    matched = {topic.name: _matched_by(ctx, topic) for topic in ctx.topics}
    for first, second in combinations(ctx.topics, 2):
        there, back = matched[second.name][first.name], matched[first.name][second.name]
        if not there or not back:
            continue
        of_there, of_back = len(_wanted(second)), len(_wanted(first))
        what = f"matches {there} of {of_there} seeds of {second.name}, which matches {back} of {of_back} of its own"
        is_whole = there == of_there and back == of_back
        severity = Severity.WARNING if is_whole and not _share_an_article(first, second) else Severity.REMARK
        mend = "make them one, or tell them apart by counter-seeds (not/), `passages` or `required` terms"
        if severity is Severity.REMARK:
            mend = "some articles will be told under both; counter-seeds tell them apart"
        yield ctx.finding(severity, "overlap", by_name[first.name], None, what, mend)


def _share_an_article(first: Topic, second: Topic) -> bool:
    """Whether two topics have different `passages` of one article."""
    texts = {each.file: each.text for each in _wanted(first)}
    return any(texts.get(each.file, each.text) != each.text for each in _wanted(second))


def _matched_by(ctx: _LintContext, topic: Topic) -> Counter[str]:
    """By topic, how many of this topic's seeds it matches."""
    return Counter(
        score.topic
        for seed in _wanted(topic)
        for score in ctx.scores.matches(seed.title, seed.text, seed.language)
        if score.topic != topic.name
    )


def _silent_topics(ctx: _LintContext) -> Iterator[LintFinding]:
    """Topics that nothing in the archive comes near: their seeds are misunderstood, or no feed covers them."""
    if len(ctx.archive) < MIN_ARCHIVE:
        return
    nearest: dict[str, tuple[float, str, Score]] = {}
    for title, text, language in ctx.archive[-max(50, _MAX_SCORES // max(len(ctx.topics), 1)) :]:
        for score in ctx.scores.of(title, text, language):
            if _reached_share(score) > nearest.get(score.topic, (-1.0,))[0]:
                nearest[score.topic] = (_reached_share(score), title, score)
    for topic in ctx.topics:
        part, title, score = nearest[topic.name]
        if part < SILENT_BELOW:
            what = (
                f"of the latest {len(ctx.archive):,} articles none comes nearer than {part:.0%} of the threshold "
                f'("{clean_line(title, limit=80)}")'
            )
            mend = "nothing to mend if it is rare; else look whether any of your feeds carries the subject"
            yield ctx.finding(Severity.REMARK, "unheard", topic, None, what, mend, score)


def _unheard_terms(ctx: _LintContext) -> Iterator[LintFinding]:
    """Topics of which no archived article holds a required term: whatever their scores, they match nothing."""
    if len(ctx.archive) < MIN_ARCHIVE:
        return
    for topic in ctx.topics:
        rule = replace(topic, excluded=(), languages=())
        if not topic.required or any(forbidden(rule, *each) is None for each in ctx.archive):
            continue
        terms = ", ".join(f'"{each}"' for each in topic.required[:3])
        what = f"none of the latest {len(ctx.archive):,} articles holds a required term ({terms}), so none can match"
        mend = "take the terms out of `required`, or add other spellings; fine if the subject is that rare"
        yield ctx.finding(Severity.WARNING, "unheard terms", topic, None, what, mend)
