"""Two makings of a topic beside one another: articles gained and lost, terms that became heavier and lighter. Pure.

Both are scored as they stand, on the same idea of the ordinary, without what either would learn on its way: what differs is what
their owner changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from monitor.matching.background import Background
from monitor.matching.margins import share
from monitor.matching.matcher import Matcher, build
from monitor.matching.model import code
from monitor.matching.term_vectors import Vector
from monitor.matching.tuning import LEAST_MOVE, MOVED_TERMS
from monitor.text.terms import stem
from monitor.text.tokens import tokens
from monitor.types.matching import Article, Example, Grade, Score, Topic

_BEFORE, _AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class TopicDefinition:
    """A topic with the articles whose verdicts count for it."""

    topic: Topic
    examples: Sequence[Example] = ()
    factor: float | None = None
    """What its sensitivity comes to; None where nothing is known of it."""


@dataclass(frozen=True, slots=True)
class TermShift:
    """Terms, as people write them, that became heavier and lighter, those that moved most first."""

    heavier: tuple[str, ...] = ()
    lighter: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.heavier or self.lighter)

    def __str__(self) -> str:
        said = ((("heavier", self.heavier)), ("lighter", self.lighter))
        return "; ".join(f"now {word}: {', '.join(terms)}" for word, terms in said if terms)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedMatch:
    """An article that one of the two matches and the other does not."""

    id: Any
    title: str
    source: str
    before: float
    """Share of its threshold (monitor.matching.margins)."""
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDifference:
    """What lies between two makings."""

    articles: int
    both: int
    """Articles that both match."""
    gained: tuple[ChangedMatch, ...] = ()
    lost: tuple[ChangedMatch, ...] = ()
    terms: Mapping[str, TermShift] = field(default_factory=dict)
    """By language."""


def difference(
    before: TopicDefinition, after: TopicDefinition, articles: Iterable[tuple[Any, Article]], background: Background
) -> TopicDifference:
    """What the second matches and the first does not, and the other way round, in the articles' order."""
    matcher = pair(before, after, background)
    gained: list[ChangedMatch] = []
    lost: list[ChangedMatch] = []
    seen = both = 0
    for id, article in articles:
        seen += 1
        if article.grade is Grade.WALL:
            continue
        old, new = matcher.score(article.title, article.text, article.language)
        both += old.is_match and new.is_match
        if old.is_match != new.is_match:
            changed = ChangedMatch(
                id=id, title=article.title, source=article.source, before=_share(old), after=_share(new)
            )
            (gained if new.is_match else lost).append(changed)
    return TopicDifference(
        articles=seen, both=both, gained=tuple(gained), lost=tuple(lost), terms=_moved(matcher, before, after)
    )


def pair(before: TopicDefinition, after: TopicDefinition, background: Background) -> Matcher:
    """One matcher of both, so that each article is read once."""
    named = ((_BEFORE, before), (_AFTER, after))
    topics = [replace(making.topic, name=name, is_enabled=True) for name, making in named]
    examples = [replace(each, topic=name) for name, making in named for each in making.examples]
    factors = {name: making.factor for name, making in named if making.factor is not None}
    return build(topics, background=background, examples=examples, factors=factors)


def moved(
    before: TopicDefinition, after: TopicDefinition, background: Background, *, limit: int = MOVED_TERMS
) -> dict[str, TermShift]:
    """The terms that changed most, by language; a language in which nothing moved is left out."""
    return _moved(pair(before, after, background), before, after, limit)


def _moved(
    matcher: Matcher, before: TopicDefinition, after: TopicDefinition, limit: int = 2 * MOVED_TERMS
) -> dict[str, TermShift]:
    found = {}
    for language in sorted(_languages(before) | _languages(after)):
        old, new = (matcher.weights(name, language) for name in (_BEFORE, _AFTER))
        terms = _terms(old, new, _written((before, after), language), limit)
        if terms:
            found[language] = terms
    return found


def _languages(making: TopicDefinition) -> set[str]:
    return {code(language) for _, _, language in _texts(making)}


def _texts(making: TopicDefinition) -> list[tuple[str, str, str]]:
    seeds = [(each.title, each.text, each.language) for each in making.topic.seeds]
    return seeds + [(each.title, each.text, each.language) for each in making.examples]


def _terms(old: Vector, new: Vector, written: Mapping[str, str], limit: int) -> TermShift:
    by = {term: new.get(term, 0.0) - old.get(term, 0.0) for term in old.keys() | new.keys()}
    ordered = sorted((each for each in by if abs(by[each]) >= LEAST_MOVE), key=lambda each: (-abs(by[each]), each))
    heavier, lighter = ([each for each in ordered if (by[each] > 0) is up][:limit] for up in (True, False))
    return TermShift(*(tuple(written.get(each, each) for each in side) for side in (heavier, lighter)))


def _written(makings: Iterable[TopicDefinition], language: str) -> dict[str, str]:
    """Stem -> the word as the texts have it."""
    found: dict[str, str] = {}
    for making in makings:
        for title, text, of in _texts(making):
            if code(of) == language:
                for word in tokens(f"{title} {text[:50_000]}"):
                    found.setdefault(stem(word, language), word)
    return found


def _share(score: Score) -> float:
    return round(share(score.score, score.threshold), 3)
