"""Whether to tell somebody about an article, and why: values in, a decision with its reason out. Pure policy.

One story is told once per topic, and again where facts changed in it. What a feed already held when we met it, and what was
published long ago, is kept and shown, never told. Knows no store: what was matched and alerted before is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.types import Article, Before, Decision, FirstPoll, Grade, Kind, Reason, Score, StoryChoice, TopicDecision

# The stronger of two topics' reasons is the article's own: first in this list wins.
_STRENGTH = (
    Reason.ALERTED,
    Reason.UPDATED,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How an article came to us, as far as policy cares."""

    is_first_poll: bool = False
    first_poll: FirstPoll = FirstPoll.BASELINE
    latest: int = 0
    rank: int = 0
    """Place among the articles of the same poll, newest first, from 0."""
    max_age_for: timedelta | None = timedelta(days=7)


def hold(article: Article, arrival: Arrival, *, now: datetime) -> Reason | None:
    """Why a match of this article would not be told, whatever its topic; None where it would."""
    if arrival.is_first_poll and not _is_wanted_at_first(arrival):
        return Reason.FIRST_POLL
    is_old = arrival.max_age_for is not None and now - article.published_at > arrival.max_age_for
    return Reason.TOO_OLD if is_old and not arrival.is_first_poll else None


def decide(
    article: Article,
    scores: Sequence[Score],
    choice: StoryChoice,
    *,
    held: Reason | None,
    before: Before,
    tells_updates: bool = True,
) -> Decision:
    """The one terminal decision on an article, with one decision for each topic that came up.

    `tells_updates`: whether facts that changed in a story already told are told again.
    """
    if article.grade is Grade.WALL:
        return Decision(reason=Reason.WALL)
    may_update = tells_updates and choice.is_material and held is None
    topics = tuple(
        _decide_topic(each, choice, held, before, may_update) for each in scores if each.is_match or each.blocked
    )
    if topics:
        return Decision(reason=min((each.reason for each in topics), key=_STRENGTH.index), topics=topics)
    return Decision(reason=_reason_of_silence(article, scores, choice))


def _decide_topic(
    score: Score, choice: StoryChoice, held: Reason | None, before: Before, may_update: bool
) -> TopicDecision:
    if score.blocked:
        return TopicDecision(topic=score.topic, reason=score.blocked, is_alert=False)
    if choice.kind is Kind.UPDATE and may_update and score.topic in before.alerted:
        return TopicDecision(topic=score.topic, reason=Reason.UPDATED, is_alert=True)
    if choice.kind in (Kind.COPY, Kind.UPDATE) and score.topic in before.matched:
        reason = Reason.COPY if choice.kind is Kind.COPY else Reason.UPDATE
        return TopicDecision(topic=score.topic, reason=reason, is_alert=False)
    reason = held or (Reason.JOINS_STORY if score.topic in before.alerted else Reason.ALERTED)
    return TopicDecision(topic=score.topic, reason=reason, is_alert=reason is Reason.ALERTED)


def _reason_of_silence(article: Article, scores: Sequence[Score], choice: StoryChoice) -> Reason:
    if choice.kind is Kind.COPY:
        return Reason.COPY
    if choice.kind is Kind.UPDATE:
        return Reason.UPDATE
    if not (article.title or article.text):
        return Reason.NO_TEXT
    return Reason.NO_MATCH if scores else Reason.NO_TOPICS


def _is_wanted_at_first(arrival: Arrival) -> bool:
    if arrival.first_poll is FirstPoll.ALL:
        return True
    return arrival.first_poll is FirstPoll.LATEST and arrival.rank < arrival.latest
