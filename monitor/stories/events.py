"""Whether two differently worded articles tell one event. Pure: profiles in, a choice out; how they are stored is elsewhere.

Kindred profiles (`monitor.stories.profiles`) are proposed by the store, which looks up the heaviest terms in ordinary rows; this module
decides. A doubt is answered with None, a story of its own: one alert too many is a nuisance, a swallowed event is a loss. So the
limit is strict when an article arrives, and a small story that was told apart in doubt is gathered in later, when an article shows
that it is the same: nothing is swallowed by that, for it was told. What was measured, and what did not help, is in docs/dedup.md.
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
    likeness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedArticle:
    """A stored article that shares some of the terms an article is found by."""

    article_id: int
    story_id: int
    published_at: datetime
    profile: Profile


# --- deciding -----------------------------------------------------------------------------------------------------------


def choose(
    article: Article, own: Profile, kindred: Iterable[RelatedArticle], carriers: Mapping[int, int] | None = None
) -> StoryChoice | None:
    """The story whose event `article` tells; None where it is none of theirs. The order of `kindred` does not matter.

    `carriers` says how many articles within the window carry each of the keys that `own` is found by; above 64 it may be cut.
    What it says to be gathered is to be asked of `gathered`, with all the articles of these stories.
    """
    asked = _asked(article, own, carriers or {})
    by_story = _by_story(kindred)
    limit = tuning.JOIN_LIKENESS + _more_for_short(own)
    found = {story_id: _likeness_to(asked, members) for story_id, members in by_story.items()}
    story_id = max(found, key=lambda story_id: found[story_id][0], default=None)
    if story_id is None or found[story_id][0] < limit:
        return None
    similarity, nearest = found[story_id]
    others = {other: members for other, members in by_story.items() if other != story_id and found[other][0] >= limit}
    return StoryChoice(
        kind=ArticleKind.JOINS,
        story_id=story_id,
        of_article_id=nearest.article_id,
        similarity=similarity,
        why=f"same event ({similarity:.0%} alike): {_shown(own, nearest.profile)}",
        gathers=_gathered(asked, by_story[story_id], others, carriers or {}),
    )


def across(article: Article, others: Iterable[RelatedTranslation]) -> StoryChoice | None:
    """The story that tells the event of `article` in another language; None where none does. Their order does not matter."""
    near = [each for each in others if abs(each.published_at - article.published_at) <= tuning.ACROSS_FOR]
    best = max(near, key=lambda each: (each.likeness, -each.article_id), default=None)
    if best is None or not best.likeness >= tuning.ACROSS_LIKENESS:
        return None
    return StoryChoice(
        kind=ArticleKind.JOINS,
        story_id=best.story_id,
        of_article_id=best.article_id,
        similarity=best.likeness,
        why=f"same event in another language, {best.language} ({best.likeness:.0%} alike by meaning)",
    )


def gathered(
    article: Article,
    own: Profile,
    choice: StoryChoice,
    kindred: Iterable[RelatedArticle],
    members: Iterable[RelatedArticle],
    carriers: Mapping[int, int] | None = None,
) -> tuple[int, ...]:
    """Which of `choice.gathers` become part of the story that `article` joins; `members` are all their articles."""
    asked = _asked(article, own, carriers or {})
    story = [each for each in kindred if each.story_id == choice.story_id]
    others = {story: found for story, found in _by_story(members).items() if story in choice.gathers}
    return _gathered(asked, story, others, carriers or {})


def _gathered(
    asked: RelatedArticle,
    story: Sequence[RelatedArticle],
    others: Mapping[int, Sequence[RelatedArticle]],
    carriers: Mapping[int, int],
) -> tuple[int, ...]:
    """Those of the other stories whose articles, asked again now that `asked` tells more of the event, would join it."""
    near = [asked, *(each for each in story if _likeness(asked, each))]
    same = []
    for story_id, members in others.items():
        if len(members) <= tuning.MOST_GATHERED:
            alike = [
                _likeness_to(_without_themes(each, carriers), near)[0] - _more_for_short(each.profile)
                for each in members
            ]
            same += [story_id] * (_mean(alike) >= tuning.GATHER_LIKENESS)
    return tuple(same)


def _asked(article: Article, own: Profile, carriers: Mapping[int, int]) -> RelatedArticle:
    asked = RelatedArticle(article_id=0, story_id=0, published_at=article.published_at, profile=own)
    return _without_themes(asked, carriers)


def _by_story(kindred: Iterable[RelatedArticle]) -> dict[int, list[RelatedArticle]]:
    found: dict[int, list[RelatedArticle]] = defaultdict(list)
    for each in sorted(kindred, key=lambda each: each.article_id):
        found[each.story_id].append(each)
    return found


def _likeness_to(asked: RelatedArticle, members: Sequence[RelatedArticle]) -> tuple[float, RelatedArticle]:
    """How alike an article is to a story, of which these are near it, and the nearest of them; 0.0 for none of its event."""
    alike = [(likeness, each) for each in members if (likeness := _likeness(asked, each))]
    if not alike:
        return 0.0, asked
    alike.sort(key=lambda pair: -pair[0])
    likeness = _mean([likeness for likeness, _ in alike[: tuning.NEAREST_MEMBERS]])
    if likeness < tuning.JOIN_LIKENESS:
        return likeness, alike[0][1]
    rival = _rival_names(asked.profile, [each.profile for _, each in alike])
    return max(likeness - tuning.RIVAL_NAMES_COST * rival, 0.0), alike[0][1]


def _more_for_short(own: Profile) -> float:
    return tuning.SHORT_PROFILE_MORE * max(1 - len(own.weights) / tuning.PROFILE_TERMS, 0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _rival_names(own: Profile, others: Sequence[Profile]) -> float:
    """Two matches of one team, two trials of one court: names that the story is told by and the article lacks, and names of the
    article that nobody in the story has.

    0.0 to 1.0: their share of the square of the profile, the lesser of the two, for a longer article always has some more.
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


def _without_themes(asked: RelatedArticle, carriers: Mapping[int, int]) -> RelatedArticle:
    """What hundreds of articles carry just now (an epidemic, a war) is rare in the word lists and tells no event all the same."""
    own = asked.profile
    left = {
        key: weight * min(max((tuning.THEME - carriers.get(key, 0)) / (tuning.THEME - tuning.THEME_FROM), 0.0), 1.0)
        for key, weight in own.weights.items()
    }
    kept = {key: weight for key, weight in left.items() if weight or is_day(own.marks[key])}
    return replace(asked, profile=replace(own, weights=kept))


def _likeness(asked: RelatedArticle, other: RelatedArticle) -> float:
    """How alike two articles are, less a tenth for each day between them beyond the first; 0.0 without a second signal."""
    own, theirs = asked.profile, other.profile
    shared = own.weights.keys() & theirs.weights.keys()
    if not _is_second_signal(own, theirs, shared):
        return 0.0
    apart_for = abs(asked.published_at - other.published_at)
    if apart_for > tuning.STORY_WINDOW_FOR:
        return 0.0
    cosine: float = sum(own.weights[key] * theirs.weights[key] for key in shared)
    agreement = _agreement(own, theirs, shared) * _days_agree(asked, other)
    return cosine * agreement * math.pow(tuning.DAY_FACTOR, max(apart_for / timedelta(days=1) - 1, 0.0))


def _agreement(own: Profile, other: Profile, shared: Iterable[int]) -> float:
    """Two quakes, two trials, two fires: the words are the same, numbers and places tell them apart.

    What it does to the likeness; 0.0 where both conflict and no name is shared either. In scripts without capitals, where
    no name can confirm the event, a conflict says nothing: Urdu papers leave the agency's numbers out and keep others.
    """
    factors = [_compared(own, other, mark) for mark in (IS_NUMBER, IS_PLACE)]
    if not (own.has_names or other.has_names):
        return max(factors)
    if max(factors) < 1 and not any(own.marks[key] & other.marks[key] & IS_NAME for key in shared):
        return 0.0
    return math.prod(factors)


def _days_agree(asked: RelatedArticle, other: RelatedArticle) -> float:
    """Whether the dates that two leads state can be those of one event; background is compared with background only."""
    mine, theirs = asked.profile.marked(IS_DAY), other.profile.marked(IS_DAY)
    if not (mine and theirs) or any(abs(one - two) < tuning.DAYS_APART for one in mine for two in theirs):
        return 1.0
    both = {_is_near(day, asked) for day in mine} & {_is_near(day, other) for day in theirs}
    return tuning.OTHER_DAYS_FACTOR if True in both else tuning.OTHER_PAST_DAYS_FACTOR if both else 1.0


def _is_near(day: int, article: RelatedArticle) -> bool:
    return abs(day - article.published_at.toordinal()) <= tuning.DAYS_NEAR


def _compared(own: Profile, other: Profile, mark: int) -> float:
    mine, theirs = own.marked(mark), other.marked(mark)
    if not (mine and theirs):
        return 1.0
    if not mine.isdisjoint(theirs):
        return tuning.SHARED_NUMBER_FACTOR if mark == IS_NUMBER else 1.0
    if mark == IS_NUMBER and _is_told_by(own, mine) and _is_told_by(other, theirs):
        return tuning.OTHER_HEADLINE_NUMBER_FACTOR
    return tuning.CONFLICT_FACTOR


def _is_told_by(own: Profile, numbers: Iterable[int]) -> bool:
    """Whether its headline has one of these: "23 new cases" is another event than "14 new cases"."""
    return any(own.marks[key] & IS_HEADLINE for key in numbers)


def _is_second_signal(own: Profile, other: Profile, shared: Iterable[int]) -> bool:
    """Likeness alone is not enough: several telling words must be shared, a name or two words of the headlines among them; twice
    as many do where the script has no capitals to tell names by."""
    marks = [own.marks[key] & other.marks[key] for key in shared if own.marks[key] & IS_WORD]
    names = sum(bool(each & IS_NAME) for each in marks)
    headline = sum(bool(each & IS_HEADLINE) for each in marks)
    has_capitals = own.has_names or other.has_names
    if not has_capitals and min(len(own.marks), len(other.marks)) < tuning.MIN_TERMS_WITHOUT_CAPITALS:
        return False
    is_many = not has_capitals and len(marks) >= 2 * tuning.MIN_SHARED_WORDS
    is_told = names >= 1 or headline >= tuning.MIN_HEADLINE_WORDS or is_many
    return len(marks) >= tuning.MIN_SHARED_WORDS and is_told


def _shown(own: Profile, other: Profile) -> str:
    shared = {
        own.words.get(key, ""): weight * other.weights[key]
        for key, weight in own.weights.items()
        if key in other.weights
    }
    return ", ".join(sorted(filter(None, shared), key=lambda word: -shared[word])[:5])
