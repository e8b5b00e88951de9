"""Decide whether differently worded articles are about one event, by comparing their profiles.

The store proposes related profiles (`monitor.stories.profiles`) by their heaviest terms; this module decides. In doubt the answer
is None, a story of its own: one alert too many is a nuisance, a swallowed event is a loss. The limit is therefore strict when an
article arrives. A small story that was kept apart in doubt is merged later, when another article shows that it is the same
event; nothing is lost by that, for it had its alert. What was measured, and what did not help, is in docs/dedup.md.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitor.stories import tuning
from monitor.stories.profiles import IS_DAY, IS_HEADLINE, IS_NAME, IS_NUMBER, IS_PLACE, IS_WORD, Profile, is_day
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoryChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedTranslation:
    """A stored article in another language that matched the same topic."""

    article_id: int
    story_id: int
    language: str
    published_at: datetime
    similarity: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedArticle:
    """A stored article that shares some of the heaviest terms of the one in question."""

    article_id: int
    story_id: int
    published_at: datetime
    profile: Profile


# --- deciding -----------------------------------------------------------------------------------------------------------


def choose(
    article: Article, own: Profile, related: Iterable[RelatedArticle], key_counts: Mapping[int, int] | None = None
) -> StoryChoice | None:
    """Return the story whose event `article` is about; None if there is none. The order of `related` does not matter.

    `key_counts` maps each of the keys that `own` is looked up by to the number of articles within the window that carry it; above
    64 it may be cut. The stories in `StoryChoice.merged_stories` are proposals for `confirm_merges`, which takes all articles
    of these stories.
    """
    query = _as_query(article, own, key_counts or {})
    by_story = _by_story(related)
    limit = tuning.JOIN_LIKENESS + _short_penalty(own)
    similarities = {story_id: _similarity_to_story(query, members) for story_id, members in by_story.items()}
    story_id = max(similarities, key=lambda story_id: similarities[story_id][0], default=None)
    if story_id is None or similarities[story_id][0] < limit:
        return None
    similarity, nearest = similarities[story_id]
    others = {
        other: members for other, members in by_story.items() if other != story_id and similarities[other][0] >= limit
    }
    return StoryChoice(
        kind=ArticleKind.JOINS,
        story_id=story_id,
        of_article_id=nearest.article_id,
        similarity=similarity,
        why=f"same event ({similarity:.0%} alike): {_shared_words(own, nearest.profile)}",
        merged_stories=_confirm_merges(query, by_story[story_id], others, key_counts or {}),
    )


def choose_across_languages(article: Article, others: Iterable[RelatedTranslation]) -> StoryChoice | None:
    """Return the story on the same event in another language; None if there is none. The order of `others` does not matter."""
    near = [
        each for each in others if abs(each.published_at - article.published_at) <= tuning.ACROSS_LANGUAGES_WITHIN_FOR
    ]
    best = max(near, key=lambda each: (each.similarity, -each.article_id), default=None)
    if best is None or not best.similarity >= tuning.ACROSS_LIKENESS:
        return None
    return StoryChoice(
        kind=ArticleKind.JOINS,
        story_id=best.story_id,
        of_article_id=best.article_id,
        similarity=best.similarity,
        why=f"same event in another language, {best.language} ({best.similarity:.0%} alike by meaning)",
    )


def confirm_merges(
    article: Article,
    own: Profile,
    choice: StoryChoice,
    related: Iterable[RelatedArticle],
    members: Iterable[RelatedArticle],
    key_counts: Mapping[int, int] | None = None,
) -> tuple[int, ...]:
    """Those of `choice.merged_stories` that are merged into the story that `article` joins; `members` are all their articles."""
    query = _as_query(article, own, key_counts or {})
    story = [each for each in related if each.story_id == choice.story_id]
    others = {story: found for story, found in _by_story(members).items() if story in choice.merged_stories}
    return _confirm_merges(query, story, others, key_counts or {})


def _confirm_merges(
    query: RelatedArticle,
    story: Sequence[RelatedArticle],
    others: Mapping[int, Sequence[RelatedArticle]],
    key_counts: Mapping[int, int],
) -> tuple[int, ...]:
    """Return those of the other stories whose articles would join this story, now that `query` says more about the event."""
    near = [query, *(each for each in story if _similarity(query, each))]
    same = []
    for story_id, members in others.items():
        if len(members) <= tuning.MAX_MERGED_ARTICLES:
            alike = [
                _similarity_to_story(_without_themes(each, key_counts), near)[0] - _short_penalty(each.profile)
                for each in members
            ]
            same += [story_id] * (_mean(alike) >= tuning.MERGE_LIKENESS)
    return tuple(same)


def _as_query(article: Article, own: Profile, key_counts: Mapping[int, int]) -> RelatedArticle:
    query = RelatedArticle(article_id=0, story_id=0, published_at=article.published_at, profile=own)
    return _without_themes(query, key_counts)


def _by_story(related: Iterable[RelatedArticle]) -> dict[int, list[RelatedArticle]]:
    found: dict[int, list[RelatedArticle]] = defaultdict(list)
    for each in sorted(related, key=lambda each: each.article_id):
        found[each.story_id].append(each)
    return found


def _similarity_to_story(query: RelatedArticle, members: Sequence[RelatedArticle]) -> tuple[float, RelatedArticle]:
    """Return the similarity of an article to a story, and the story's nearest article; 0.0 if none is on its event.

    `members` are the story's articles that are related to it.
    """
    similar = [(likeness, each) for each in members if (likeness := _similarity(query, each))]
    if not similar:
        return 0.0, query
    similar.sort(key=lambda pair: -pair[0])
    likeness = _mean([likeness for likeness, _ in similar[: tuning.NEAREST_MEMBERS]])
    if likeness < tuning.JOIN_LIKENESS:
        return likeness, similar[0][1]
    rival = _rival_names(query.profile, [each.profile for _, each in similar])
    return max(likeness - tuning.RIVAL_NAMES_COST * rival, 0.0), similar[0][1]


def _short_penalty(own: Profile) -> float:
    """What is added to a limit for an article with fewer terms than a full profile."""
    return tuning.SHORT_PROFILE_PENALTY * max(1 - len(own.weights) / tuning.PROFILE_TERMS, 0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rival_names(own: Profile, others: Sequence[Profile]) -> float:
    """Weigh rival names, as in two matches of one team or two trials of one court: names that most of the story's articles have
    and this one lacks, and names that only this one has.

    Returns 0.0 to 1.0: their share of the squared profile length, the smaller of the two, because a longer article always has
    some more.
    """
    carried = Counter(key for each in others for key in each.weights)
    lacking = 0.0
    for key, count in carried.items():
        is_of_story = count >= tuning.STORY_NAME_SHARE * len(others)
        if is_of_story and key not in own.weights and any(_is_name(each, key) for each in others):
            lacking += _mean([each.weights.get(key, 0.0) for each in others]) ** 2
    adding = sum(weight**2 for key, weight in own.weights.items() if key not in carried and _is_name(own, key))
    return min(lacking, adding)


def _is_name(of: Profile, key: int) -> bool:
    return bool(of.marks.get(key, 0) & IS_NAME)


def _without_themes(query: RelatedArticle, key_counts: Mapping[int, int]) -> RelatedArticle:
    """Reduce terms that hundreds of articles carry just now (an epidemic, a war): rare by the word statistics, they identify
    no event."""
    own = query.profile
    left = {
        key: weight
        * min(
            max((tuning.THEME_ARTICLES - key_counts.get(key, 0)) / (tuning.THEME_ARTICLES - tuning.THEME_FROM), 0.0),
            1.0,
        )
        for key, weight in own.weights.items()
    }
    kept = {key: weight for key, weight in left.items() if weight or is_day(own.marks[key])}
    return replace(query, profile=replace(own, weights=kept))


def _similarity(query: RelatedArticle, other: RelatedArticle) -> float:
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


def _shared_words(own: Profile, other: Profile) -> str:
    shared = {
        own.words.get(key, ""): weight * other.weights[key]
        for key, weight in own.weights.items()
        if key in other.weights
    }
    return ", ".join(sorted(filter(None, shared), key=lambda word: -shared[word])[:5])
