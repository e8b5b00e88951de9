"""Checks by comparing: a topic's seeds with one another, topics with topics and with the archive. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

from monitor.matching.margins import share
from monitor.matching.topic_rules import forbidden
from monitor.text.language import normalize
from monitor.text.tokens import clean_line
from monitor.topics.lint_context import (
    LintContext,
    LintFinding,
    SeedRecall,
    Severity,
    are_near,
    wanted,
)
from monitor.types.matching import Score, Seed, Topic

MAX_HELD_OUT = 40
"""At most so many seeds of a topic are held out in turn, evenly spread over all."""
MIN_ARCHIVE = 200
"""Articles that the archive must have before the lack of near ones is worth a remark."""
SILENT_BELOW = 0.5
"""A topic is silent where no archived article reaches this share of its threshold."""
_MAX_SCORES = 100_000
"""At most so many scores of archived articles are computed for all topics together."""


# --- one topic ---------------------------------------------------------------------------------------------------------


def outliers(ctx: LintContext, topic: Topic, recall: dict[str, SeedRecall]) -> Iterator[LintFinding]:
    """Leave-one-out: would each seed be matched by the others of its language? Also fills `recall`."""
    seeds = _distinct(ctx, wanted(topic))
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


def _distinct(ctx: LintContext, seeds: Iterable[Seed]) -> list[Seed]:
    """The seeds without near-duplicates, which would match each other."""
    kept: list[Seed] = []
    for seed in seeds:
        if not any(are_near(ctx.shingles(seed), ctx.shingles(each)) for each in kept):
            kept.append(seed)
    return kept


def _score_held_out(ctx: LintContext, topic: Topic, seed: Seed) -> Score | None:
    rest = [
        each
        for each in topic.seeds
        if each is not seed and (each.is_counter or not are_near(ctx.shingles(each), ctx.shingles(seed)))
    ]
    if not any(not each.is_counter and normalize(each.language) == normalize(seed.language) for each in rest):
        return None
    return ctx.scores_on([replace(topic, seeds=tuple(rest))]).of(seed.title, seed.text, seed.language)[0]


def _reached_share(score: Score) -> float:
    """The share of its threshold that a score reaches, at least 0."""
    return max(0.0, share(score.score, score.threshold))


# --- several topics and archive --------------------------------------------------------------------------------------


def findings(ctx: LintContext) -> Iterator[LintFinding]:
    """All of them on topics beside one another and on the archive."""
    yield from _shared_seeds(ctx)
    yield from _overlaps(ctx)
    yield from _silent_topics(ctx)
    yield from _unheard_terms(ctx)


def _shared_seeds(ctx: LintContext) -> Iterator[LintFinding]:
    """Articles that are seeds of two topics. Different passages of one article are fine and not reported."""
    seen: dict[int, tuple[Topic, Seed]] = {}
    for topic in ctx.topics:
        for seed in wanted(topic):
            key = ctx.shingles(seed).text_key
            other, duplicate = seen.setdefault(key, (topic, seed))
            if other is not topic:
                what = f"the same text as {ctx.place(other, duplicate)}"
                mend = "an article of two subjects defines each by its `passages` in topic.toml; else keep it in one"
                yield ctx.finding(Severity.WARNING, "shared seed", topic, seed, what, mend)


def _overlaps(ctx: LintContext) -> Iterator[LintFinding]:
    """Pairs of topics that match each other's seeds and so would alert on everything twice."""
    by_name = {each.name: each for each in ctx.topics}
    matched = {topic.name: _matched_by(ctx, topic) for topic in ctx.topics}
    for first, second in combinations(ctx.topics, 2):
        there, back = matched[second.name][first.name], matched[first.name][second.name]
        if not there or not back:
            continue
        of_there, of_back = len(wanted(second)), len(wanted(first))
        what = f"matches {there} of {of_there} seeds of {second.name}, which matches {back} of {of_back} of its own"
        is_whole = there == of_there and back == of_back
        severity = Severity.WARNING if is_whole and not _share_an_article(first, second) else Severity.REMARK
        mend = "make them one, or tell them apart by counter-seeds (not/), `passages` or `required` terms"
        if severity is Severity.REMARK:
            mend = "some articles will be told under both; counter-seeds tell them apart"
        yield ctx.finding(severity, "overlap", by_name[first.name], None, what, mend)


def _share_an_article(first: Topic, second: Topic) -> bool:
    """Whether two topics have different `passages` of one article."""
    texts = {each.file: each.text for each in wanted(first)}
    return any(texts.get(each.file, each.text) != each.text for each in wanted(second))


def _matched_by(ctx: LintContext, topic: Topic) -> Counter[str]:
    """By topic, how many of this topic's seeds it matches."""
    return Counter(
        score.topic
        for seed in wanted(topic)
        for score in ctx.scores.matches(seed.title, seed.text, seed.language)
        if score.topic != topic.name
    )


def _silent_topics(ctx: LintContext) -> Iterator[LintFinding]:
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


def _unheard_terms(ctx: LintContext) -> Iterator[LintFinding]:
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
