"""Decide on one article from what is known: its story, whom to tell and why, and all that is to be written. Pure.

`known` has looked everything up, and `write` does as it is told: its rules, with those of
`alerting.alert_policy`, `place` and `plan`, are all there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from monitor.alerting import alert_policy as policy
from monitor.matching import margins
from monitor.matching.near_misses import from_scores
from monitor.polling import place, plan
from monitor.polling.place import Place
from monitor.polling.values import AlertingContext, AssessedArticle, Filing, Known
from monitor.reading.extract import FROM_PAGE
from monitor.stories.agencies import credited_agency
from monitor.stories.publishers import united
from monitor.stories.sources import StoryArticle, independent_sources, pace, usual_pace
from monitor.types.matching import Reason, Score
from monitor.types.stories import (
    ArticleKind,
    Cause,
    Decision,
    Escalation,
    EscalationLimits,
    KnownArticle,
    StoryGrowth,
)

MATERIAL_SHARE = 0.1
"""Of its threshold: a match whose score differs less, when the article arrives again, is not decided anew."""


def decide(assessed: AssessedArticle, known: Known, context: AlertingContext, *, now: datetime) -> Filing:
    """Return all that is to be written of this article."""
    placed = place.place(assessed, known)
    decision = _decision(placed, known, context, now=now)
    stored_id = place.stored_version(placed.choice, known.texts.candidates)
    filing = Filing(
        assessed=placed.assessed,
        choice=placed.choice,
        decision=decision,
        stored_id=stored_id,
        crowded=known.texts.crowded,
        merged_stories=placed.merged_stories,
        cause=_cause(placed, known, stored_id),
        held=_lasting_hold(placed, now=now),
        alerts=plan.alerts(placed, decision, known, context, now=now),
        covered=_covered_topics(decision, known, context),
        first_alert=known.story.first_alert,
    )
    return _first_decision(filing) if stored_id is None else _decided_anew(filing, known.article)


def _decision(placed: Place, known: Known, context: AlertingContext, *, now: datetime) -> Decision:
    article, scores = placed.assessed.article, placed.assessed.scores
    held = policy.hold_reason(article, placed.assessed.arrival, now=now)
    decision = policy.decide(
        article,
        scores,
        placed.choice,
        held=held,
        before=replace(known.story.history, covered=_covered(known, context, place.matched(scores))),
        tells_updates=context.tells_updates,
        escalations={} if held else _escalations(placed, known, context.limits, now=now),
        exhausted=known.exhausted,
    )
    if placed.assessed.waits_for and decision.reason is Reason.NO_MATCH:
        decision = replace(decision, reason=Reason.AWAITS_EMBEDDING)
    return (
        _with_matches_as_they_are(_as_told_elsewhere(decision, known), known) if placed.assessed.stored_id else decision
    )


def _as_told_elsewhere(decision: Decision, known: Known) -> Decision:
    """With the stories by which an article that is assessed again was told already, though it stays in its own."""
    topics = tuple(
        replace(each, elsewhere=known.told_elsewhere) if each.reason is Reason.JOINS_STORY else each
        for each in decision.topics
    )
    return replace(decision, topics=topics)


def _with_matches_as_they_are(decision: Decision, known: Known) -> Decision:
    """What an article that is assessed again matched before stays decided as it was: only what is new can be told."""
    before = known.article.matches if known.article else {}
    topics = tuple(
        replace(each, reason=before[each.topic].reason, is_alert=False, elsewhere=()) if each.topic in before else each
        for each in decision.topics
    )
    return replace(decision, topics=topics)


def _lasting_hold(placed: Place, *, now: datetime) -> Reason | None:
    held = policy.hold_reason(placed.assessed.article, placed.assessed.arrival, now=now)
    return held if held is not Reason.TOO_OLD else None


# --- the decision as it is stored ---------------------------------------------------------------------------------------


def _cause(placed: Place, known: Known, stored_id: int | None) -> Cause:
    arrival, article = placed.assessed.arrival, placed.assessed.article
    if stored_id is None or arrival.cause is not Cause.ARRIVAL:
        return arrival.cause
    if placed.choice.kind is not ArticleKind.UPDATE:
        return Cause.ANOTHER_ARRIVAL
    was_read = known.article is not None and known.article.page == FROM_PAGE
    return Cause.FULL_TEXT if article.page == FROM_PAGE and not was_read else Cause.CHANGED_TEXT


def _first_decision(filing: Filing) -> Filing:
    """A new article: its decision is stored whatever it is, and what came near a topic is sampled, but not before it is decided."""
    is_print = filing.choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE)
    return replace(
        filing,
        row=filing.decision,
        new_matches=_matches(filing),
        near_misses=() if is_print or filing.assessed.waits_for else tuple(from_scores(filing.assessed.scores)),
    )


def _decided_anew(filing: Filing, stored: KnownArticle | None) -> Filing:
    """An article that is stored already: only what is new about it is decided, and what was told stays as it was told.

    What another feed shows of it is mostly the same once more, or its teaser: no decision, and no row.
    """
    if stored is None:
        return filing
    matched = _matches(filing)
    fresh = {topic: found for topic, found in matched.items() if topic not in stored.matches}
    again = [score for topic, (score, _) in matched.items() if topic in stored.matches]
    alerting = filing.decision.alerting_topics
    shown = [each for each in again if each.topic in alerting or not stored.matches[each.topic].is_told]
    is_asked = filing.choice.kind is ArticleKind.UPDATE or filing.cause.is_reassessment
    is_decided = is_asked or fresh or alerting or any(_differs(each, stored) for each in shown)
    if not is_decided:
        return filing
    reason = policy.reason_in_force(filing.decision, filing.assessed.scores, before=stored.reason)
    row = replace(filing.decision, reason=reason)
    was_undecided = stored.reason in (Reason.NO_TOPICS, Reason.AWAITS_EMBEDDING) and not filing.assessed.waits_for
    is_first = was_undecided and filing.choice.kind in (ArticleKind.NEW, ArticleKind.JOINS)
    near = tuple(from_scores(filing.assessed.scores)) if is_first else ()
    return replace(filing, row=row, new_matches=fresh, changed_matches=tuple(shown), near_misses=near)


def _matches(filing: Filing) -> dict[str, tuple[Score, Reason]]:
    scores = {each.topic: each for each in filing.assessed.scores}
    matched = place.matched(filing.assessed.scores)
    return {each.topic: (scores[each.topic], each.reason) for each in filing.decision.topics if each.topic in matched}


def _differs(score: Score, stored: KnownArticle) -> bool:
    known = stored.matches[score.topic]
    before, now = margins.share(known.score, known.threshold), margins.share(score.score, score.threshold)
    return abs(now - before) >= MATERIAL_SHARE


# --- whether the story grew ---------------------------------------------------------------------------------------------


def growing_topics(placed: Place, known: Known, limits: EscalationLimits) -> list[str]:
    """The topics that may be told that their story grew. Only an article in its own words makes it grow: a copy adds no source."""
    is_counted = placed.assessed.stored_id is not None
    if placed.choice.kind is not ArticleKind.JOINS or is_counted or not (limits.outlets or limits.pace):
        return []
    return [topic for topic in place.matched(placed.assessed.scores) if topic in known.story.history.alerted]


def may_be_fast(placed: Place, known: Known, limits: EscalationLimits, *, now: datetime) -> bool:
    """Whether the story gathers so many articles that its pace must be held against that of others."""
    seen_at = _seen_at(_carriers(placed, known))
    return bool(limits.pace) and pace(seen_at, now=now) >= policy.MIN_PACE


def _escalations(placed: Place, known: Known, limits: EscalationLimits, *, now: datetime) -> Mapping[str, Escalation]:
    carriers = _carriers(placed, known)
    found = {}
    for topic in growing_topics(placed, known, limits) if known.story.carriers else ():
        others = known.story.arrivals.get(topic, ())
        growth = StoryGrowth(
            sources=len(independent_sources(carriers)),
            pace=pace(_seen_at(carriers), now=now),
            usual_pace=usual_pace(others) if len(others) >= policy.MIN_KNOWN_STORIES else None,
            escalated=frozenset(which for of, which in known.story.escalated if of == topic),
        )
        escalation = policy.escalation(growth, limits)
        if escalation:
            found[topic] = escalation
    return found


def _carriers(placed: Place, known: Known) -> list[StoryArticle]:
    """The story's articles, this one last, each with its publisher."""
    article = placed.assessed.article
    last_id = max((each.article_id for each in known.story.carriers), default=0)
    own = StoryArticle(
        article_id=last_id + 1,
        publisher=known.publisher.key,
        publisher_name=known.publisher.name,
        is_named_only=known.publisher.is_named_only,
        outlet=known.outlet,
        feed=article.source,
        published_at=article.published_at,
        seen_at=article.seen_at,
        agency=article.agency or credited_agency(known.outlet, ""),
    )
    return united([*known.story.carriers, own])


def _seen_at(carriers: Iterable[StoryArticle]) -> list[datetime]:
    return [each.seen_at for each in carriers if each.copy_of is None]


# --- who had a message already -------------------------------------------------------------------------------------------


def _covered(known: Known, context: AlertingContext, topics: Iterable[str]) -> frozenset[str]:
    """Topics that the story was not told for, but whose every channel had a message on it for another topic."""
    story = known.story
    unknown = (each for each in topics if each not in story.history.alerted) if story.channels else ()
    return frozenset(each for each in unknown if (own := context.channels_of(each)) and story.channels.issuperset(own))


def _covered_topics(decision: Decision, known: Known, context: AlertingContext) -> tuple[str, ...]:
    joining = [each.topic for each in decision.topics if each.reason is Reason.JOINS_STORY]
    covered = _covered(known, context, joining)
    return tuple(each for each in joining if each in covered)
