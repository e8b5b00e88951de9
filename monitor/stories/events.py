"""Find the story whose event an article is about, among the articles that the store proposes.

They are proposed by the heaviest terms of their profiles (`monitor.stories.profiles`) and, of those that matched the same topics,
by meaning. In doubt the answer is None, a story of its own: one alert too many is a nuisance, a swallowed event is a loss. A small
story that was kept apart in doubt is merged later, when another article shows that it is the same event; nothing is lost by that,
for it had its alert. What was measured, and what did not help, is in docs/dedup.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.stories import tuning
from monitor.stories.profiles import IS_NAME, Profile, is_day
from monitor.stories.same_event import Likeness, is_across, limit, may_be_same, reasons, same_event
from monitor.stories.word_similarity import RelatedArticle, similarity
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoryChoice


@dataclass(frozen=True, slots=True)
class _Found:
    """How like an article is to a story."""

    score: float
    nearest: RelatedArticle
    likeness: Likeness


def choose(
    article: Article,
    own: Profile,
    related: Iterable[RelatedArticle],
    key_counts: Mapping[int, int] | None = None,
    *,
    nearness: float | None = None,
) -> StoryChoice | None:
    """Return the story whose event `article` is about; None if there is none. The order of `related` does not matter.

    `key_counts` maps each of the keys that `own` is looked up by to the number of articles within the window that carry it; above
    64 it may be cut. `nearness`: see `same_event`; None without an embedding. The stories in `StoryChoice.merged_stories` are
    proposals for `confirm_merges`, which takes all articles of these stories.
    """
    by_story = _by_story(related)
    if not by_story:
        return None
    query = _as_query(article, own, key_counts or {})
    found = {story_id: _compare(query, members, nearness) for story_id, members in by_story.items()}
    same = {story_id: each for story_id, each in found.items() if each is not None and each.score >= 0}
    story_id = max(same, key=lambda story_id: same[story_id].score, default=None)
    if story_id is None:
        return None
    best = same[story_id]
    others = {other: by_story[other] for other in same if other != story_id}
    return StoryChoice(
        kind=ArticleKind.JOINS,
        story_id=story_id,
        of_article_id=best.nearest.article_id,
        similarity=best.likeness.similarity,
        why=_why(best, query, own),
        merged_stories=_confirm_merges(query, by_story[story_id], others, key_counts or {}),
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


def _why(found: _Found, query: RelatedArticle, own: Profile) -> str:
    other = found.nearest
    language = f" in another language, {other.language}" if is_across(query, other) else ""
    return f"same event{language}: {reasons(found.likeness, replace(query, profile=own), other)}"


# --- an article and a story ---------------------------------------------------------------------------------------------


def _compare(query: RelatedArticle, members: Sequence[RelatedArticle], nearness: float | None) -> _Found | None:
    """How like an article is to a story, by the story's articles that are related to it; None if they are not on its event."""
    if not any(may_be_same(query, each, nearness=nearness) for each in members):
        return None
    compared = [(same_event(query, each, nearness=nearness), each) for each in members]
    near = [(likeness, each) for likeness, each in compared if _has_a_say(likeness)]
    near.sort(key=lambda pair: -pair[0].score)
    if not near or _is_doubted([likeness for likeness, _ in near]):
        return None
    likeness, nearest = near[0]
    if is_across(query, nearest) and max(each.similarity for each, _ in near) < tuning.ACROSS_LEVEL:
        return None
    count = tuning.NEAREST_MEMBERS if likeness.semantic is None else tuning.SEMANTIC_MEMBERS
    score = _mean([max(likeness.score, tuning.NO_EVENT) for likeness, _ in near[:count]])
    by_words = [each.profile for found, each in near if found.by_words]
    if by_words and likeness.semantic is None:
        score -= tuning.WORDS_WORTH * tuning.RIVAL_NAMES_COST * _rival_names(query.profile, by_words)
    return _Found(score, nearest, likeness)


def _has_a_say(likeness: Likeness) -> bool:
    """Whether an article of the story counts: not one that has nothing to be compared by, or lies too many days back; but one whose
    headline contradicts, however much."""
    return likeness.score > tuning.NO_EVENT or (likeness.semantic is not None and bool(likeness.contradictions))


def _is_doubted(near: Sequence[Likeness]) -> bool:
    """Whether too many of a story's articles, the most alike first, are more likely on another event than not: one may be, or a
    third. It is asked of short items, weighed by meaning: by the mean alone, all items of one busy day join through the few that
    are near to everything.
    """
    is_semantic = near[0].semantic is not None and near[0].full_share < tuning.MOSTLY_FULL
    may_differ = max(len(near) // tuning.DOUBTING_SHARE, 1)
    return is_semantic and len(near) > 1 and near[-1 - may_differ].score < 0


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


# --- stories that were kept apart ---------------------------------------------------------------------------------------


def _confirm_merges(
    query: RelatedArticle,
    story: Sequence[RelatedArticle],
    others: Mapping[int, Sequence[RelatedArticle]],
    key_counts: Mapping[int, int],
) -> tuple[int, ...]:
    """Return those of the other stories whose articles would join this story, now that `query` says more about the event."""
    near = [query, *(each for each in story if similarity(query, each))]
    same = []
    for story_id, members in others.items():
        if len(members) <= tuning.MAX_MERGED_ARTICLES:
            alike = [_likeness_to(_without_themes(each, key_counts), near) - limit(each.profile) for each in members]
            same += [story_id] * (_mean(alike) >= tuning.MERGE_LIKENESS - tuning.JOIN_LIKENESS)
    return tuple(same)


def _likeness_to(article: RelatedArticle, members: Sequence[RelatedArticle]) -> float:
    """Similarity of an article to a story by words; 0.0 if none of the members is on its event."""
    similar = sorted(
        ((likeness, each) for each in members if (likeness := similarity(article, each))), key=lambda pair: -pair[0]
    )
    if not similar:
        return 0.0
    likeness = _mean([likeness for likeness, _ in similar[: tuning.NEAREST_MEMBERS]])
    if likeness < tuning.JOIN_LIKENESS:
        return likeness
    rival = _rival_names(article.profile, [each.profile for _, each in similar])
    return max(likeness - tuning.RIVAL_NAMES_COST * rival, 0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _as_query(article: Article, own: Profile, key_counts: Mapping[int, int]) -> RelatedArticle:
    query = RelatedArticle(
        article_id=0,
        story_id=0,
        published_at=article.published_at,
        profile=own,
        language=article.language,
        title=article.title,
    )
    return _without_themes(query, key_counts)


def _by_story(related: Iterable[RelatedArticle]) -> dict[int, list[RelatedArticle]]:
    found: dict[int, list[RelatedArticle]] = defaultdict(list)
    for each in sorted(related, key=lambda each: each.article_id):
        found[each.story_id].append(each)
    return found


def _without_themes(query: RelatedArticle, key_counts: Mapping[int, int]) -> RelatedArticle:
    """Reduce terms that hundreds of articles carry just now (an epidemic, a war): rare by the word statistics, they identify
    no event."""
    own = query.profile
    common = {key: count for key, count in key_counts.items() if count > tuning.THEME_FROM and key in own.weights}
    if not common and 0.0 not in own.weights.values():
        return query
    left = {**own.weights, **{key: own.weights[key] * _left_of_theme(count) for key, count in common.items()}}
    kept = {key: weight for key, weight in left.items() if weight or is_day(own.marks[key])}
    return replace(query, profile=replace(own, weights=kept))


def _left_of_theme(count: int) -> float:
    """The part of its weight that a term keeps which so many articles carry: 1.0 to 0.0."""
    return min(max((tuning.THEME_ARTICLES - count) / (tuning.THEME_ARTICLES - tuning.THEME_FROM), 0.0), 1.0)
