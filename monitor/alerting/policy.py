"""Whether to tell somebody about an article, and why: values in, a decision with its reason out. Pure policy.

One story is told once per topic, again where facts changed in it, and once more when it grows beyond what is usual: when so many
outlets found it out for themselves, and when it gathers articles much faster than its topic's stories do. What a feed held when we
met it, what was published long ago and what is part of a burst that is no news is kept and shown, never told. Knows no store: what
was matched and alerted before is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitor.types.fetching import FirstPoll
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import (
    Arrival,
    ArticleKind,
    Decision,
    Escalation,
    Limits,
    StoryChoice,
    StoryGrowth,
    StoryHistory,
    TopicDecision,
)

# The stronger of two topics' reasons is the article's own: first in this list wins.
_STRENGTH = (
    Reason.ALERTED,
    Reason.UPDATED,
    Reason.ESCALATED,
    Reason.JOINS_STORY,
    Reason.FIRST_POLL,
    Reason.STORM,
    Reason.TOO_OLD,
    Reason.COPY,
    Reason.UPDATE,
    Reason.EXCLUDED,
    Reason.NOT_REQUIRED,
    Reason.OTHER_LANGUAGE,
)

LEAST_PACE = 6
"""Articles within the hours of a pace below which no pace is told: five times nothing is nothing."""
KNOWN_STORIES = 5
"""Stories of a topic from which something can be said of what is usual."""


def escalation(growth: StoryGrowth, limits: Limits) -> Escalation | None:
    """What is to be told of a story's growth, if anything; of two at once the number of outlets, the pace with a later article."""
    if limits.outlets and growth.sources >= limits.outlets and "outlets" not in growth.told:
        noun = "outlet" if growth.sources == 1 else "outlets"
        return Escalation(which="outlets", why=f"now {growth.sources} independent {noun}")
    usual = growth.usual_pace
    if not limits.pace or usual is None or "pace" in growth.told or growth.pace < max(LEAST_PACE, limits.pace * usual):
        return None
    why = f"{growth.pace} articles within 6 hours, where a story of this topic usually gathers {usual:.2g}"
    return Escalation(which="pace", why=why)


def hold(article: Article, arrival: Arrival, *, now: datetime) -> Reason | None:
    """Why a match of this article would not be told, whatever its topic; None where it would."""
    if arrival.is_first_poll and not _counts_as_news(arrival):
        return Reason.FIRST_POLL
    if arrival.is_storm:
        return Reason.STORM
    is_old = arrival.max_age_for is not None and now - article.published_at > arrival.max_age_for
    return Reason.TOO_OLD if is_old and not arrival.is_first_poll else None


def decide(
    article: Article,
    scores: Sequence[Score],
    choice: StoryChoice,
    *,
    held: Reason | None,
    before: StoryHistory,
    tells_updates: bool = True,
    escalations: Mapping[str, Escalation] | None = None,
) -> Decision:
    """The one terminal decision on an article, with one decision for each topic that came up.

    `tells_updates`: whether facts that changed in a story already told are told again; `escalations`, by topic, what is to be
    told of the growth of the story that it joins.
    """
    if article.grade is Grade.WALL:
        return Decision(reason=Reason.WALL)
    may_update = tells_updates and choice.is_material and held is None
    topics = tuple(
        _decide_topic(each, choice, held, before, may_update, (escalations or {}).get(each.topic))
        for each in scores
        if each.is_match or each.blocked
    )
    if topics:
        return Decision(reason=min((each.reason for each in topics), key=_STRENGTH.index), topics=topics)
    return Decision(reason=_reason_without_match(article, scores, choice))


def _decide_topic(
    score: Score,
    choice: StoryChoice,
    held: Reason | None,
    before: StoryHistory,
    may_update: bool,
    growth: Escalation | None,
) -> TopicDecision:
    if score.blocked:
        return TopicDecision(topic=score.topic, reason=score.blocked, is_alert=False)
    if choice.kind is ArticleKind.UPDATE and may_update and score.topic in before.alerted - before.updated:
        return TopicDecision(topic=score.topic, reason=Reason.UPDATED, is_alert=True)
    if choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE) and score.topic in before.matched:
        reason = Reason.COPY if choice.kind is ArticleKind.COPY else Reason.UPDATE
        return TopicDecision(topic=score.topic, reason=reason, is_alert=False)
    reason = held or (Reason.JOINS_STORY if score.topic in before.alerted else Reason.ALERTED)
    if reason is Reason.JOINS_STORY and growth is not None:
        return TopicDecision(topic=score.topic, reason=Reason.ESCALATED, is_alert=True, escalation=growth)
    return TopicDecision(topic=score.topic, reason=reason, is_alert=reason is Reason.ALERTED)


def _reason_without_match(article: Article, scores: Sequence[Score], choice: StoryChoice) -> Reason:
    if choice.kind is ArticleKind.COPY:
        return Reason.COPY
    if choice.kind is ArticleKind.UPDATE:
        return Reason.UPDATE
    if not (article.title or article.text):
        return Reason.NO_TEXT
    return Reason.NO_MATCH if scores else Reason.NO_TOPICS


def _counts_as_news(arrival: Arrival) -> bool:
    if arrival.first_poll is FirstPoll.ALL:
        return True
    return arrival.first_poll is FirstPoll.LATEST and arrival.rank < arrival.latest
