"""Compare two versions of a topic: matches gained and lost, terms that became heavier and lighter. Pure.

Both are scored on the same background and without self-training, so that every difference is due to what their owner changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from monitor.matching.background import Background
from monitor.matching.margins import share
from monitor.matching.matcher import Matcher, build
from monitor.matching.model import code
from monitor.matching.term_vectors import TermVector
from monitor.matching.tuning import COMPARED_TOGETHER, MIN_SHIFT, SHIFTED_TERMS
from monitor.text.terms import stem
from monitor.text.tokens import tokens
from monitor.types.matching import Article, Example, Grade, Score, Topic

_BEFORE, _AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class TopicDefinition:
    """A topic with the reviewed articles that count for it."""

    topic: Topic
    examples: Sequence[Example] = ()
    factor: float | None = None
    """Multiplier of the threshold, from its sensitivity; None for the default of that sensitivity."""


@dataclass(frozen=True, slots=True)
class TermShift:
    """Terms, as people write them, that became heavier and lighter; largest change first."""

    heavier: tuple[str, ...] = ()
    lighter: tuple[str, ...] = ()
    scores: tuple[str, ...] = ()
    """How scores by meaning changed, as people read it; at most one."""

    def __bool__(self) -> bool:
        return bool(self.heavier or self.lighter or self.scores)

    def __str__(self) -> str:
        said = ((("heavier", self.heavier)), ("lighter", self.lighter))
        return "; ".join([*self.scores, *(f"now {word}: {', '.join(terms)}" for word, terms in said if terms)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedMatch:
    """An article that matches one of the two versions only."""

    id: Any
    title: str
    source: str
    before: float
    """Share of its threshold (monitor.matching.margins.share), as `after`."""
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDifference:
    """How two versions of a topic differ."""

    articles: int
    both: int
    """Number of articles that match both."""
    gained: tuple[ChangedMatch, ...] = ()
    lost: tuple[ChangedMatch, ...] = ()
    terms: Mapping[str, TermShift] = field(default_factory=dict)
    """By language."""


Rescore = Callable[[tuple[Score, ...], Article, Matcher], tuple[Score, ...]]
"""Scores by words, their article and the matcher -> scores with meaning."""


def difference(
    before: TopicDefinition,
    after: TopicDefinition,
    articles: Iterable[tuple[Any, Article]],
    background: Background,
    rescore_for: Callable[[Sequence[Article]], Rescore | None] = lambda _: None,
) -> TopicDifference:
    """Matches gained and lost from `before` to `after`, in the articles' order. `articles`: pairs of id and article; wall pages
    are skipped. `rescore_for` says how a batch of articles is scored by meaning; None: by words alone."""
    matcher = pair(before, after, background)
    gained: list[ChangedMatch] = []
    lost: list[ChangedMatch] = []
    seen = both = 0
    for id, article, scores in _scored(matcher, articles, rescore_for):
        seen += 1
        if article.grade is Grade.WALL:
            continue
        of = {each.topic: each for each in scores}
        old, new = of[_BEFORE], of[_AFTER]
        both += old.is_match and new.is_match
        if old.is_match != new.is_match:
            changed = ChangedMatch(
                id=id, title=article.title, source=article.source, before=_share(old), after=_share(new)
            )
            (gained if new.is_match else lost).append(changed)
    return TopicDifference(
        articles=seen, both=both, gained=tuple(gained), lost=tuple(lost), terms=_term_shifts(matcher, before, after)
    )


def _scored(
    matcher: Matcher,
    articles: Iterable[tuple[Any, Article]],
    rescore_for: Callable[[Sequence[Article]], Rescore | None],
) -> Iterator[tuple[Any, Article, tuple[Score, ...]]]:
    coming = iter(articles)
    while batch := list(islice(coming, COMPARED_TOGETHER)):
        rescore = rescore_for([article for _, article in batch])
        for id, article in batch:
            scores = tuple(matcher.score(article.title, article.text, article.language))
            yield id, article, rescore(scores, article, matcher) if rescore else scores


def pair(before: TopicDefinition, after: TopicDefinition, background: Background) -> Matcher:
    """One matcher with both versions as topics, so that each article is tokenized once."""
    topics, examples = as_topics(before, after)
    named = ((_BEFORE, before), (_AFTER, after))
    factors = {name: definition.factor for name, definition in named if definition.factor is not None}
    return build(topics, background=background, examples=examples, factors=factors)


def as_topics(before: TopicDefinition, after: TopicDefinition) -> tuple[list[Topic], list[Example]]:
    """Both versions as two topics, with the reviewed articles of each."""
    named = ((_BEFORE, before), (_AFTER, after))
    topics = [replace(definition.topic, name=name, is_enabled=True) for name, definition in named]
    examples = [replace(each, topic=name) for name, definition in named for each in definition.examples]
    return topics, examples


def term_shifts(
    before: TopicDefinition, after: TopicDefinition, background: Background, *, limit: int = SHIFTED_TERMS
) -> dict[str, TermShift]:
    """The terms whose weights changed most, by language; languages without a change are left out."""
    return _term_shifts(pair(before, after, background), before, after, limit)


def _term_shifts(
    matcher: Matcher, before: TopicDefinition, after: TopicDefinition, limit: int = 2 * SHIFTED_TERMS
) -> dict[str, TermShift]:
    found = {}
    for language in sorted(_languages(before) | _languages(after)):
        old, new = (matcher.weights(name, language) for name in (_BEFORE, _AFTER))
        terms = _largest_shifts(old, new, _surface_forms((before, after), language), limit)
        if terms:
            found[language] = terms
    return found


def _languages(definition: TopicDefinition) -> set[str]:
    return {code(language) for _, _, language in _texts(definition)}


def _texts(definition: TopicDefinition) -> list[tuple[str, str, str]]:
    seeds = [(each.title, each.text, each.language) for each in definition.topic.seeds]
    return seeds + [(each.title, each.text, each.language) for each in definition.examples]


def _largest_shifts(old: TermVector, new: TermVector, written: Mapping[str, str], limit: int) -> TermShift:
    shifts = {term: new.get(term, 0.0) - old.get(term, 0.0) for term in old.keys() | new.keys()}
    ordered = sorted(
        (each for each in shifts if abs(shifts[each]) >= MIN_SHIFT), key=lambda each: (-abs(shifts[each]), each)
    )
    heavier, lighter = ([each for each in ordered if (shifts[each] > 0) is up][:limit] for up in (True, False))
    return TermShift(*(tuple(written.get(each, each) for each in side) for side in (heavier, lighter)))


def _surface_forms(definitions: Iterable[TopicDefinition], language: str) -> dict[str, str]:
    """Stem to the first word with this stem in the texts."""
    found: dict[str, str] = {}
    for definition in definitions:
        for title, text, of in _texts(definition):
            if code(of) == language:
                for word in tokens(f"{title} {text[:50_000]}"):
                    found.setdefault(stem(word, language), word)
    return found


def _share(score: Score) -> float:
    return round(share(score.score, score.threshold), 3)
