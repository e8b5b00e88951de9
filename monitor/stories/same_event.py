"""Weigh whether two articles are on one event: by words, by meaning, by the time between them, by how much else is near, and by
what their headlines contradict. Pure.

Full articles show it by their words; short items of one subject share too few, and by meaning everything near to both is near to
them. So short items are weighed by meaning where there are embeddings, and what is near to everything counts less. The numbers
are a logistic regression on labelled pairs (docs/dedup.md, "Short items").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from monitor.stories import headlines, round_ups, tuning
from monitor.stories.headlines import Contradictions
from monitor.stories.profiles import IS_NAME, Profile, key_of
from monitor.stories.word_similarity import RelatedArticle, shared_words, similarity
from monitor.text.language import UNKNOWN, normalize
from monitor.text.terms import stem

_NONE = Contradictions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Whether two articles are on one event."""

    score: float
    """Log-odds, 0.0 where it is as likely as not; comparable between pairs by words and by meaning."""
    by_words: float
    """Similarity of their profiles, 0.0 without a second signal."""
    semantic: float | None
    contradictions: Contradictions = _NONE
    full_share: float = 0.0
    """How far it was weighed as one of full articles: 0.0 for headlines and teasers, of which meaning decides."""

    @property
    def similarity(self) -> float:
        """What is shown to people: the likeness that decided."""
        return self.by_words if self.semantic is None else max(self.by_words, self.semantic)


_OTHER_EVENT = Likeness(score=tuning.NO_EVENT, by_words=0.0, semantic=None)


def same_event(one: RelatedArticle, other: RelatedArticle, *, nearness: float | None) -> Likeness:
    """Weigh whether `one`, the article in question, is on the event of `other`.

    `nearness`: mean similarity by meaning of the articles nearest to `one` that are not on its event
    (`tuning.NEAREST_OTHERS`); None without an embedding.
    """
    is_one_language = not is_across(one, other)
    by_words = similarity(one, other) if is_one_language else 0.0
    is_semantic = other.likeness is not None and nearness is not None
    if not (by_words or is_semantic) or round_ups.is_round_up(one.title) or round_ups.is_round_up(other.title):
        return _OTHER_EVENT
    found = _contradictions(one, other) if is_one_language else _NONE
    if other.likeness is None or nearness is None:
        score = _score_by_words(one, other, by_words, found)
        return Likeness(score=score, by_words=by_words, semantic=None, contradictions=found)
    short = _semantic_score(one, other, other.likeness, nearness, found)
    share = _full_share(one, other) if is_one_language else 0.0
    full = _score_of_full_texts(by_words, other.likeness, one.profile) if share else 0.0
    score = (1 - share) * short + share * full
    return Likeness(score=score, by_words=by_words, semantic=other.likeness, contradictions=found, full_share=share)


def may_be_same(one: RelatedArticle, other: RelatedArticle, *, nearness: float | None) -> bool:
    """Whether `same_event` may give 0.0 or more: False where there are words alone, and they are not alike enough as it is. What
    headlines contradict, which takes most of the time, only lowers the score."""
    if other.likeness is not None and nearness is not None:
        return True
    return not is_across(one, other) and similarity(one, other) >= limit(one.profile)


def reasons(likeness: Likeness, one: RelatedArticle, other: RelatedArticle) -> str:
    """What speaks for one event, and what against it, for people."""
    apart_for = abs(one.published_at - other.published_at)
    words = shared_words(one.profile, other.profile, _code(one.language))
    found = [f"{likeness.by_words:.0%} alike by words" if likeness.by_words else ""]
    found += [f"{likeness.semantic:.0%} alike by meaning" if likeness.semantic is not None else ""]
    found += [f"both say {words}" if words else "", _apart(apart_for)]
    against = _against(likeness.contradictions)
    return ", ".join(filter(None, found)) + (f"; differs: {against}" if against else "")


def is_across(one: RelatedArticle, other: RelatedArticle) -> bool:
    """Whether they are known to be in two languages."""
    return bool(one.language and other.language) and _code(one.language) != _code(other.language)


def _code(language: str) -> str:
    return normalize(language) or UNKNOWN


def limit(own: Profile) -> float:
    """Similarity by words from which an article joins a story; higher for one with fewer terms than a full profile."""
    lacking = max(1 - len(own.marks) / tuning.PROFILE_TERMS, 0.0)
    return tuning.JOIN_LIKENESS + tuning.SHORT_PROFILE_PENALTY * lacking


def _semantic_score(
    one: RelatedArticle, other: RelatedArticle, likeness: float, nearness: float, found: Contradictions
) -> float:
    days = min(abs(one.published_at - other.published_at) / timedelta(days=1), tuning.MOST_DAYS_APART)
    brevity = _brevity(one, other)
    score = (
        tuning.SEMANTIC_BASE
        + tuning.ACROSS_BASE * is_across(one, other)
        + tuning.SEMANTIC_WORTH * likeness
        - tuning.NEARNESS_COST * nearness
        - tuning.DAY_COST * days
        - tuning.BREVITY_COST * brevity
        - tuning.LENGTH_COST * _length(one, other)
        + tuning.BRIEF_DAY_WORTH * min(brevity, 1.0) * days
        + tuning.VERY_ALIKE_WORTH * max(likeness - tuning.VERY_ALIKE, 0.0)
    )
    if not is_across(one, other):
        score += _worth_of_names(one, other, found)
    return score - _headline_share(one, other) * _cost(found) - _series_cost(one, other, found)


def _worth_of_names(one: RelatedArticle, other: RelatedArticle, found: Contradictions) -> float:
    """What names in common, or none of several, say of two items of one language with a line of text; nothing of paragraphs,
    which on one subject have its names in common, nor of headlines of one shape with other content."""
    mine, theirs = headlines.read(one.title).names, headlines.read(other.title).names
    has_names = all(
        each.profile.has_names or len(names) > 1 for each, names in ((one, mine), (other, theirs))
    )  # the first word has a capital whatever it is
    in_common = _names_in_common(one.profile, other.profile, mine, theirs)
    if in_common and found.is_other_content:
        return 0.0
    if in_common:
        shown = 1 - min(_brevity(one, other), 1.0)  # two headlines alone have one in common by chance
        worth = shown * tuning.NAME_WORTH * min(in_common, tuning.MOST_NAMES)
    else:
        worth = -tuning.NO_NAME_COST * has_names
    return (1 - _length(one, other)) * worth


def _names_in_common(one: Profile, other: Profile, mine: tuple[str, ...], theirs: tuple[str, ...]) -> int:
    """How many names two articles have in common; `mine` and `theirs` are those of their headlines."""
    in_profiles = sum(
        bool((one.marks[key] | other.marks[key]) & IS_NAME) for key in one.marks.keys() & other.marks.keys()
    )
    in_headlines = {name for name in mine if any(headlines.is_form_of(name, each) for each in theirs)}
    return max(in_profiles, len(in_headlines))


def _score_of_full_texts(by_words: float, likeness: float, own: Profile) -> float:
    return tuning.WORDS_WORTH * (by_words - limit(own)) + tuning.FULL_SEMANTIC_WORTH * (
        likeness - tuning.FULL_SEMANTIC_LEVEL
    )


def _cost(found: Contradictions) -> float:
    return (
        tuning.OTHER_CONTENT_COST * found.is_other_content
        + max(tuning.OTHER_NAMES_COST * (found.other_names is not None), tuning.SWAPPED_COST * found.is_swapped)
        + tuning.OTHER_NUMBERS_COST * (found.other_numbers is not None or found.is_other_day)
    )


def _series_cost(one: RelatedArticle, other: RelatedArticle, found: Contradictions) -> float:
    """What it costs to begin alike, as the parts of a series do: on the next day, or at once with other content and other numbers
    or names (two exchange rates of one day, two earthquakes of one strength)."""
    if not found.is_one_beginning:
        return 0.0
    if abs(one.published_at - other.published_at) >= tuning.NEXT_OF_SERIES_FROM_FOR:
        return tuning.SERIES_COST + tuning.SERIES_NUMBERS_COST * (found.other_numbers is not None)
    is_other = found.other_numbers is not None or found.other_names is not None
    return tuning.SERIES_COST * (found.is_other_content and is_other)


def _score_by_words(one: RelatedArticle, other: RelatedArticle, by_words: float, found: Contradictions) -> float:
    """Without embeddings, headlines of one shape share nearly all their words: no likeness outweighs what they contradict."""
    is_part_of_series = _series_cost(one, other, found) > 0
    is_one_shape = found.is_swapped or (
        found.is_other_content and (found.other_names or found.other_numbers or found.is_other_day)
    )
    if _headline_share(one, other) >= 1.0 and (is_part_of_series or is_one_shape):
        return tuning.NO_EVENT
    named = replace(found, is_other_content=False)  # other content alone lowers the likeness by words as it is
    cost = _headline_share(one, other) * _cost(named) + _series_cost(one, other, found)
    return tuning.WORDS_WORTH * (by_words - limit(one.profile)) - cost


def _brevity(one: RelatedArticle, other: RelatedArticle) -> float:
    """How much shorter than a headline with a line of text the shorter one is: 1.0 for a headline of eight words alone."""
    size = max(min(_size(one), _size(other)), 3)
    if size >= tuning.TEASER_TERMS:
        return 0.0
    return float(min((tuning.HEADLINE_TERMS / size) ** tuning.BREVITY_POWER, tuning.MOST_BREVITY))


def _length(one: RelatedArticle, other: RelatedArticle) -> float:
    """How far the shorter one goes beyond a headline with a line of text: 0.0 to 1.0, a paragraph."""
    beyond = min(_size(one), _size(other)) - tuning.TEASER_TERMS
    return min(max(beyond / (tuning.BRIEF_TERMS - tuning.TEASER_TERMS), 0.0), 1.0)


def _size(each: RelatedArticle) -> float:
    terms = len(each.profile.marks) / headlines.terms_a_word(_code(each.language))
    return terms or tuning.TEASER_TERMS


def _full_share(one: RelatedArticle, other: RelatedArticle) -> float:
    """How far both are full articles: 0.0 for headline and teaser, 1.0 where the profiles are full."""
    size = min(len(one.profile.marks), len(other.profile.marks))
    share = (size - tuning.TEASER_PROFILE_TERMS) / (tuning.PROFILE_TERMS - tuning.TEASER_PROFILE_TERMS)
    return min(max(share, 0.0), 1.0)


def _headline_share(one: RelatedArticle, other: RelatedArticle) -> float:
    """How far the headline is what the shorter one says: 1.0 with a line of text, 0.0 where there is an article below it."""
    share = (tuning.TEASER_PROFILE_TERMS - min(_size(one), _size(other))) / (
        tuning.TEASER_PROFILE_TERMS - tuning.TEASER_TERMS
    )
    return min(max(share, 0.0), 1.0)


def _contradictions(one: RelatedArticle, other: RelatedArticle) -> Contradictions:
    """What the headlines contradict; nothing where full articles have more to say than these."""
    if not (one.title and other.title) or not _headline_share(one, other):
        return _NONE
    language = _code(one.language)
    mine, theirs = headlines.read(one.title), headlines.read(other.title)

    def is_in(profile: Profile, word: str) -> bool:
        return key_of(language, stem(word, language)) in profile.weights

    lacks = (
        headlines.lacking(mine, theirs, lambda word: is_in(other.profile, word)),
        headlines.lacking(theirs, mine, lambda word: is_in(one.profile, word)),
    )
    return headlines.contradictions(mine, theirs, language, lacks)


def _apart(apart_for: timedelta) -> str:
    hours = round(apart_for / timedelta(hours=1))
    return f"{hours} h apart" if hours < 48 else f"{round(hours / 24)} days apart"


def _against(found: Contradictions) -> str:
    parts = ["who did what to whom" if found.is_swapped else ""]
    parts += [f"names ({' / '.join(found.other_names)})" if found.other_names else ""]
    parts += [f"numbers ({' / '.join(found.other_numbers)})" if found.other_numbers else ""]
    parts += ["the day" if found.is_other_day else ""]
    return ", ".join(filter(None, parts))
