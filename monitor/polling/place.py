"""Find out which story an article belongs to, step by step, from what the store was asked. Pure.

`known` asks each step what to look up next, and `decide` takes all of them again with everything at hand: what they work out is
kept for the second time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from monitor.polling.values import AssessedArticle, Known, Related, StoredTexts
from monitor.stories import copies, events
from monitor.stories.profiles import without_words
from monitor.types.matching import Grade, Score
from monitor.types.stories import ArticleKind, StoredCandidate, StoryChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The story of an article."""

    choice: StoryChoice
    assessed: AssessedArticle
    """The article, its profile without the boilerplate that was found on the way."""
    merged_stories: tuple[int, ...] = ()
    """Small stories that are merged into the one it joins."""


def place(assessed: AssessedArticle, known: Known) -> Place:
    """Return the article's story: that of its own earlier version or of its copy, else of its event in any language."""
    choice = by_text(assessed, known.texts)
    if known.has_later_version and may_be_late(choice, known.texts):
        choice = _as_late_copy(choice)
    if choice.kind is not ArticleKind.NEW:
        return Place(choice=_as_it_was_placed(choice, assessed, known), assessed=assessed)
    assessed, joined = _by_event(assessed, known)
    if joined is None:
        return Place(choice=choice, assessed=assessed)
    merged_stories = tuple(each for each in joined.merged_stories if each not in known.kept_apart)
    return Place(choice=joined, assessed=assessed, merged_stories=merged_stories)


# --- the same text ------------------------------------------------------------------------------------------------------


# It is asked twice of an article: to see what to look up, and to decide; the second time costs fifty comparisons less.
@lru_cache(maxsize=1)
def by_text(assessed: AssessedArticle, texts: StoredTexts) -> StoryChoice:
    """Classify the article; among equal candidates, one that a person has put into its story wins."""
    article, candidates = assessed.article, texts.candidates
    read = None if article.grade is Grade.WALL else assessed.fingerprint.shingles
    choice = copies.classify(article, candidates, read=read)
    pinned = [known for known in candidates if known.is_pinned]
    if choice.kind is ArticleKind.NEW or not pinned or stored_version(choice, candidates):
        return choice
    by_pin = copies.classify(article, pinned, read=read)
    return by_pin if by_pin.kind is choice.kind and by_pin.similarity >= choice.similarity else choice


def stored_version(choice: StoryChoice, candidates: Sequence[StoredCandidate]) -> int | None:
    """Return the id of the stored article that this one is again, changed or not: same address or same guid."""
    for known in candidates:
        if known.article_id == choice.of_article_id and (known.same_url or known.same_guid):
            return known.article_id
    return None


def may_be_late(choice: StoryChoice, texts: StoredTexts) -> bool:
    """Whether the article corrects a text elsewhere: it may also be an earlier version that arrives late."""
    return choice.kind is ArticleKind.UPDATE and stored_version(choice, texts.candidates) is None


def _as_it_was_placed(choice: StoryChoice, assessed: AssessedArticle, known: Known) -> StoryChoice:
    """An article that is assessed again is no copy of itself: it is decided as what it was to its story."""
    is_unchanged = assessed.stored_id is not None and choice.kind is ArticleKind.COPY
    if not is_unchanged or known.article is None or known.article.kind not in (ArticleKind.NEW, ArticleKind.JOINS):
        return choice
    return replace(choice, kind=known.article.kind)


def _as_late_copy(choice: StoryChoice) -> StoryChoice:
    why = f"an earlier version of it arrives late: {choice.why}"
    return replace(choice, kind=ArticleKind.COPY, is_material=False, facts="", why=why)


# --- the same event -----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=2)
def without_boilerplate(assessed: AssessedArticle, others: StoredTexts) -> AssessedArticle:
    """Remove from the profile what the site prints around every article; the same article where that is nothing."""
    read = assessed.fingerprint.shingles
    is_boilerplate = copies.boilerplate_mask(assessed.article, others.candidates, read=read)
    if read is None or not any(is_boilerplate):
        return assessed
    return replace(assessed, profile=without_words(assessed.profile, assessed.article, read.words, is_boilerplate))


@lru_cache(maxsize=2)
def by_event(assessed: AssessedArticle, related: Related) -> StoryChoice | None:
    """Return the story on the same event, and the small stories that may be the same; None if there is none."""
    return events.choose(
        assessed.article, assessed.profile, related.articles, related.key_counts, nearness=related.nearness
    )


def _by_event(assessed: AssessedArticle, known: Known) -> tuple[AssessedArticle, StoryChoice | None]:
    assessed = without_boilerplate(assessed, known.texts)
    related = known.related or Related()
    choice = by_event(assessed, related)
    if choice is not None and known.pages is not None:
        stripped = without_boilerplate(assessed, known.pages)
        if stripped is not assessed and known.related_again is not None:
            assessed, related = stripped, known.related_again
            choice = by_event(assessed, related)
    if choice is None or not choice.merged_stories:
        return assessed, choice
    merged = events.confirm_merges(
        assessed.article, assessed.profile, choice, related.articles, known.members, related.key_counts
    )
    return assessed, replace(choice, merged_stories=merged)


# --- what matters to its topics -----------------------------------------------------------------------------------------


def matched(scores: Sequence[Score]) -> list[str]:
    """Return the topics that an article matches, without those whose rules forbid it."""
    return [each.topic for each in scores if each.is_match and not each.blocked]
