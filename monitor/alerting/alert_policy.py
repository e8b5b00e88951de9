"""Alerting policy: whether an article raises an alert, with the reason.

A story is alerted once per topic, again where its facts changed, and once more each when it has enough independent sources
and when it gathers articles much faster than stories of its topic usually do. A topic that it matches later tells only who had
no message on it yet. What a feed held at its first poll, what was published long ago and what belongs to a burst that is no
news is stored and shown, but not alerted. Pure: what was matched and alerted before is an argument.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from monitor.types.fetching import FirstPoll
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import (
    Arrival,
    ArticleKind,
    Cause,
    Decision,
    Escalation,
    EscalationLimits,
    StoryChoice,
    StoryGrowth,
    StoryHistory,
    TopicDecision,
)

# An article's own reason is the strongest of its topics' reasons: the first in this list.
_STRENGTH = (
    Reason.ALERTED,
    Reason.UPDATED,
    Reason.ESCALATED,
    Reason.UPDATED_OFTEN,
    Reason.JOINS_STORY,
    Reason.FIRST_POLL,
    Reason.STORM,
    Reason.BACKLOG,
    Reason.TOO_OLD,
    Reason.COPY,
    Reason.UPDATE,
    Reason.EXCLUDED,
    Reason.NOT_REQUIRED,
    Reason.OTHER_LANGUAGE,
)

AT_ONCE = 3
"""Articles of the archive that a topic tells within a day, of those that a changed topic, or a person, made the monitor assess
again: enough to see what it finds. The rest is on the page of matches, and nobody gets a hundred messages for a new seed."""
MISSED_AT_ONCE = 20
"""The same for what was missed while topics or the embedder were away: it is told, but a topic that is new to an archive is no
burst of hundreds. About what a channel's reader takes in at a glance, and below what counts as a burst (`polling.bursts`)."""
ONE_GO_FOR = timedelta(days=1)

UPDATES_AT_MOST = 3
"""Times within a day that a topic is told of a story that its facts changed. A live blog, or a toll that rises by the hour, changes
them at every poll: one was 24 messages in eight hours. What comes beyond these is on the story's page, and told nobody."""
UPDATES_FOR = timedelta(days=1)

MIN_PACE = 6
"""Fewest articles within 6 hours for an escalation by pace: a multiple of almost nothing is no news."""
MIN_KNOWN_STORIES = 5
"""Fewest known stories of a topic from which its usual pace is computed."""


def escalation(growth: StoryGrowth, limits: EscalationLimits) -> Escalation | None:
    """The escalation due for a story's growth, if any; of two, outlets come first and the pace with a later article."""
    if limits.outlets and growth.sources >= limits.outlets and "outlets" not in growth.escalated:
        noun = "outlet" if growth.sources == 1 else "outlets"
        return Escalation(which="outlets", why=f"now {growth.sources} independent {noun}")
    usual = growth.usual_pace
    if (
        not limits.pace
        or usual is None
        or "pace" in growth.escalated
        or growth.pace < max(MIN_PACE, limits.pace * usual)
    ):
        return None
    why = f"{growth.pace} articles within 6 hours, where a story of this topic usually gathers {usual:.2g}"
    return Escalation(which="pace", why=why)


def at_most(cause: Cause, *, is_range: bool) -> int | None:
    """How many articles a topic may be told of within a day for this cause; None: all. Articles that a person names are told."""
    if is_range:
        return AT_ONCE
    return MISSED_AT_ONCE if cause in (Cause.TOPICS, Cause.EMBEDDER, Cause.SEEDS) else None


def hold_reason(article: Article, arrival: Arrival, *, now: datetime) -> Reason | None:
    """The reason to hold back matches of this article on any topic; None where they may be alerted."""
    if arrival.held:
        return arrival.held
    if arrival.is_first_poll and not _counts_as_news(arrival):
        return Reason.FIRST_POLL
    if arrival.is_burst:
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
    exhausted: Collection[str] = (),
) -> Decision:
    """The one terminal decision on an article, with a decision for each topic that matched or was blocked.

    `held` is the answer of `hold_reason`. `tells_updates`: whether changed facts of an alerted story are alerted again.
    `escalations`: by topic, the escalation due for the story that the article joins. `exhausted`: topics that were told as much as
    may be told at once of what is assessed again.
    """
    if article.grade is Grade.WALL:
        return Decision(reason=Reason.WALL)
    may_update = tells_updates and choice.is_material and held is None
    topics = tuple(
        _decide_topic(
            each,
            choice,
            held,
            before,
            may_update,
            (escalations or {}).get(each.topic),
            is_exhausted=each.topic in exhausted,
        )
        for each in scores
        if each.is_match or each.blocked
    )
    if topics:
        return Decision(reason=min((each.reason for each in topics), key=_STRENGTH.index), topics=topics)
    return Decision(reason=_reason_without_match(article, scores, choice))


def reason_in_force(decision: Decision, scores: Sequence[Score], *, before: Reason) -> Reason:
    """The reason in force once a stored article was decided on again.

    Where that tells nobody, an article that was told before stays told: what another feed shows of it takes nothing back.
    """
    if decision.alerting_topics or decision.reason is Reason.UPDATED_OFTEN:
        return decision.reason
    is_decided = bool(decision.topics) or decision.reason is Reason.AWAITS_EMBEDDING
    found = decision.reason if is_decided else Reason.NO_MATCH if scores else Reason.NO_TOPICS
    return min((each for each in (found, before) if each in _STRENGTH), key=_STRENGTH.index, default=found)


def _decide_topic(
    score: Score,
    choice: StoryChoice,
    held: Reason | None,
    before: StoryHistory,
    may_update: bool,
    growth: Escalation | None,
    *,
    is_exhausted: bool,
) -> TopicDecision:
    if score.blocked:
        return TopicDecision(topic=score.topic, reason=score.blocked, is_alert=False)
    if choice.kind is ArticleKind.UPDATE and may_update and score.topic in before.alerted - before.updated:
        is_told = score.topic not in before.updated_often
        return TopicDecision(
            topic=score.topic, reason=Reason.UPDATED if is_told else Reason.UPDATED_OFTEN, is_alert=is_told
        )
    if choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE) and score.topic in before.matched:
        reason = Reason.COPY if choice.kind is ArticleKind.COPY else Reason.UPDATE
        return TopicDecision(topic=score.topic, reason=reason, is_alert=False)
    is_known = score.topic in before.alerted or score.topic in before.covered
    fresh = Reason.BACKLOG if is_exhausted else Reason.ALERTED
    reason = held or (Reason.JOINS_STORY if is_known else fresh)
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
