"""Compare the profiles of two articles: how similar they are by words, provided that names, numbers, places and days agree.

What was measured, and what did not help, is in docs/dedup.md, "Stories: the same event in other words".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.stories import tuning
from monitor.stories.profiles import IS_DAY, IS_HEADLINE, IS_NAME, IS_NUMBER, IS_PLACE, IS_WORD, Profile
from monitor.text.function_words import is_function_word

_NO_PROFILE = Profile()


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedArticle:
    """A stored article that may be about the event of the one in question, or that one itself."""

    article_id: int
    story_id: int
    published_at: datetime
    profile: Profile = _NO_PROFILE
    language: str = ""
    title: str = ""
    likeness: float | None = None
    """Similarity by meaning to the one in question: cosine of their embeddings, each relative to the centre of its language; None
    where either has none."""


def similarity(query: RelatedArticle, other: RelatedArticle) -> float:
    """Return the similarity of two articles, less a tenth for each day between them beyond the first; 0.0 without a second
    signal."""
    own, theirs = query.profile, other.profile
    shared = own.weights.keys() & theirs.weights.keys()
    if not _has_second_signal(own, theirs, shared):
        return 0.0
    apart_for = abs(query.published_at - other.published_at)
    if apart_for > tuning.STORY_WINDOW_FOR:
        return 0.0
    cosine: float = sum(own.weights[key] * theirs.weights[key] for key in shared)
    agreement = _agreement_factor(own, theirs, shared) * _days_factor(query, other)
    return cosine * agreement * math.pow(tuning.DAY_FACTOR, max(apart_for / timedelta(days=1) - 1, 0.0))


def _agreement_factor(own: Profile, other: Profile, shared: Iterable[int]) -> float:
    """Compare numbers and places: two quakes, two trials or two fires share their words and differ in these.

    Returns a factor for the similarity; 0.0 if both conflict and no name is shared either. In scripts without capitals, where no
    name can confirm the event, a conflict proves nothing: Urdu papers leave the agency's numbers out and keep others.
    """
    factors = [_overlap_factor(own, other, mark) for mark in (IS_NUMBER, IS_PLACE)]
    if not (own.has_names or other.has_names):
        return max(factors)
    if max(factors) < 1 and not any(own.marks[key] & other.marks[key] & IS_NAME for key in shared):
        return 0.0
    return math.prod(factors)


def _days_factor(query: RelatedArticle, other: RelatedArticle) -> float:
    """Return 1.0 if the dates stated in the two leads can be of one event, else a smaller factor.

    Recent dates are compared with recent ones only, long past ones with long past ones.
    """
    mine, theirs = query.profile.marked(IS_DAY), other.profile.marked(IS_DAY)
    if not (mine and theirs) or any(abs(one - two) < tuning.DAYS_APART for one in mine for two in theirs):
        return 1.0
    periods = {_is_near(day, query) for day in mine} & {_is_near(day, other) for day in theirs}
    return tuning.OTHER_DAYS_FACTOR if True in periods else tuning.OTHER_PAST_DAYS_FACTOR if periods else 1.0


def _is_near(day: int, article: RelatedArticle) -> bool:
    return abs(day - article.published_at.toordinal()) <= tuning.DAYS_NEAR


def _overlap_factor(own: Profile, other: Profile, mark: int) -> float:
    """Return the factor for numbers or places: a shared number confirms, different ones conflict."""
    mine, theirs = own.marked(mark), other.marked(mark)
    if not (mine and theirs):
        return 1.0
    if not mine.isdisjoint(theirs):
        return tuning.SHARED_NUMBER_FACTOR if mark == IS_NUMBER else 1.0
    if mark == IS_NUMBER and _is_in_headline(own, mine) and _is_in_headline(other, theirs):
        return tuning.OTHER_HEADLINE_NUMBER_FACTOR
    return tuning.CONFLICT_FACTOR


def _is_in_headline(own: Profile, numbers: Iterable[int]) -> bool:
    """Whether the headline has one of these numbers: "23 new cases" is another event than "14 new cases"."""
    return any(own.marks[key] & IS_HEADLINE for key in numbers)


def _has_second_signal(own: Profile, other: Profile, shared: Iterable[int]) -> bool:
    """Whether shared terms confirm the similarity: several rare words, among them a name or two headline words; in scripts
    without capitals, where names are not recognised, twice as many words do."""
    marks = [own.marks[key] & other.marks[key] for key in shared if own.marks[key] & IS_WORD]
    names = sum(bool(each & IS_NAME) for each in marks)
    headline = sum(bool(each & IS_HEADLINE) for each in marks)
    has_capitals = own.has_names or other.has_names
    if not has_capitals and min(len(own.marks), len(other.marks)) < tuning.MIN_TERMS_WITHOUT_CAPITALS:
        return False
    is_many = not has_capitals and len(marks) >= 2 * tuning.MIN_SHARED_WORDS
    is_distinctive = names >= 1 or headline >= tuning.MIN_HEADLINE_WORDS or is_many
    return len(marks) >= tuning.MIN_SHARED_WORDS and is_distinctive


def shared_words(own: Profile, other: Profile, language: str) -> str:
    """The words that make two profiles similar, for people."""
    shared = {
        own.words.get(key, ""): weight * other.weights[key]
        for key, weight in own.weights.items()
        if key in other.weights and not is_function_word(own.words.get(key, ""), language)
    }
    return ", ".join(sorted(filter(None, shared), key=lambda word: -shared[word])[:5])
