"""Checks of one topic by its texts: duplicates, walls, boilerplate, mixed scripts, languages, length, its sentence. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np

from monitor.text.language import UNKNOWN, normalize
from monitor.text.tokens import shorten, tokens
from monitor.text.walls import is_wall
from monitor.topics import sentence
from monitor.topics.lint_context import (
    NEAR_DUPLICATE,
    LintContext,
    LintFinding,
    Severity,
    are_near,
    wanted,
)
from monitor.types.matching import Seed, Topic

MIN_TOPIC_WORDS = 60
"""A topic whose seeds have fewer words in all matches only near-copies of them, unless its sentence is compared by meaning."""
_BOILERPLATE_ARTICLES = 5
"""Word runs in so many archived articles that are not copies are boilerplate of the outlet."""
_BOILERPLATE_SHARE = 0.3
_PARAGRAPH_WORDS = 8
_MIN_REPEATS = 3
_SECOND_SCRIPT = 0.25
"""From this share of the letters a second script is more than names and quotations."""


def findings(ctx: LintContext, topic: Topic, *, to_sentence: Iterable[tuple[str, float]]) -> Iterator[LintFinding]:
    """All of them on one topic. `to_sentence`: as for `lint`."""
    yield from _duplicates(ctx, topic)
    yield from _content_faults(ctx, topic)
    yield from _languages(ctx, topic)
    yield from _sentence_faults(ctx, topic)
    yield from _contradictions(ctx, topic, to_sentence)
    yield from _too_short(ctx, topic)
    yield from _repeated(ctx, topic)


def _duplicates(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
    """Pairs of seeds with the same text: a duplicate raises the threshold and adds no information."""
    reported: set[str] = set()
    for first, second in combinations(topic.seeds, 2):
        if second.file in reported or not are_near(ctx.shingles(first), ctx.shingles(second)):
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


def _content_faults(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
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


def _boilerplate(ctx: LintContext, seed: Seed) -> float:
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


def _repeated(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
    """Paragraphs that several seeds share word for word: footers, notices, calls to subscribe."""
    holders: dict[str, list[Seed]] = defaultdict(list)
    for seed in wanted(topic):
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


def _languages(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
    followed = {normalize(each) for each in topic.languages}
    counted = Counter(each.language for each in wanted(topic))
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


def _sentence_faults(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
    said = sentence.advice(topic.outline)
    if topic.name in ctx.scores.titles_apart:
        said = (*(each for each in said if each.kind != "short title"), sentence.title_apart(topic.title))
    for each in said:
        severity = Severity.WARNING if each.is_warning else Severity.REMARK
        yield ctx.finding(severity, each.kind, topic, None, each.what, each.mend)


def _contradictions(ctx: LintContext, topic: Topic, to_sentence: Iterable[tuple[str, float]]) -> Iterator[LintFinding]:
    by_file = {each.file: each for each in topic.seeds}
    for file, said in sentence.contradictions(to_sentence):
        if file in by_file:
            yield ctx.finding(Severity.WARNING, said.kind, topic, by_file[file], said.what, said.mend)


def _too_short(ctx: LintContext, topic: Topic) -> Iterator[LintFinding]:
    seeds = wanted(topic)
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
