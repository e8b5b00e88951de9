"""File one article in the store: decide what it is to stored ones and whether to alert, then write all of it.

Called inside a writing transaction, so that an article, its decision, its matches and its alerts are committed together or not at
all. Polls and backtests use the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from xxhash import xxh3_128_hexdigest

from monitor.alerting import policy
from monitor.learning import multilingual
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.store import alerts, articles, near_misses, profiles, story_changes, topics
from monitor.store import stories as story_rows
from monitor.store.db import Session
from monitor.stories import copies, events
from monitor.stories.agencies import credited_agency
from monitor.stories.fingerprint import Shingles
from monitor.stories.profiles import without_words
from monitor.stories.sources import StoryArticle, independent_sources, pace, usual_pace
from monitor.text.tokens import shorten
from monitor.types.alerting import Alert, AlertArticle, AlertKind
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import (
    ArticleKind,
    Decision,
    Escalation,
    StoredCandidate,
    StoryChoice,
    StoryGrowth,
    StoryHistory,
    TopicDecision,
)

_SUMMARY_CHARACTERS = 400


def file_article(
    session: Session, assessed: AssessedArticle, context: AlertingContext, *, now: datetime
) -> FiledArticle:
    """Decide and store; call it within the transaction that ends the poll, after `serialize_decisions`."""
    article, sighting = assessed.article, assessed.sighting
    candidates, crowded = articles.find_candidates(session, article, assessed.fingerprint, sighting, now=now)
    read = None if article.grade is Grade.WALL else assessed.fingerprint.shingles
    choice = _demote_outdated(session, article, _classify(article, candidates, read), candidates)
    if choice.kind is ArticleKind.NEW:
        assessed, joined = _join(session, _without_boilerplate(assessed, candidates), now=now)
        choice = joined or _join_across_languages(session, assessed, now=now) or choice
    held = policy.hold_reason(article, assessed.arrival, now=now)
    gathered = _gather_stories(session, assessed, choice, context, now=now)
    before = alerts.story_history(session, choice.story_id)
    if choice.is_material:
        before = replace(before, updated=_topics_alerted_to_change(session, assessed, choice))
    escalations = {} if held else _escalations(session, assessed, choice, before, context, now=now)
    decision = policy.decide(
        article,
        assessed.scores,
        choice,
        held=held,
        before=before,
        tells_updates=context.tells_updates,
        escalations=escalations,
    )
    known = _stored_version(choice, candidates)
    is_print = choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE)
    if known is None:
        article_id = articles.add(
            session,
            article,
            assessed.fingerprint,
            choice,
            decision,
            assessed.scores,
            crowded=crowded,
            is_searched=context.is_searched,
            now=now,
        )
        if not is_print:
            profiles.add(session, article_id, assessed.profile)
    else:
        article_id = known.article_id
        _update_stored(session, assessed, choice, decision, article_id, crowded, context, now=now)
    story_id = choice.story_id or article_id
    if known is None:
        story_changes.add_article(session, story_id, _carrier(article, choice, article_id), context.preferred)
    if sighting:
        articles.record_entry(session, sighting, article_id, now=now)
    if assessed.embedding:
        multilingual.store_embedding(session, article_id, assessed.embedding)
    alerts.save_matches(session, article_id, story_id, assessed.scores, decision, now=now)
    topics.add_partial_examples(session, article_id, assessed.scores, now=now)
    if known is None and not is_print:
        missed = near_misses.from_scores(assessed.scores)
        near_misses.add(session, article_id, story_id, article.url, article.title, missed, now=now)
    filed = FiledArticle(
        article_id=article_id,
        story_id=story_id,
        choice=choice,
        decision=decision,
        gathered=gathered,
        is_new=known is None,
    )
    return replace(filed, alerts=_enqueue_alerts(session, assessed, filed, context, now=now))


def _classify(article: Article, candidates: Sequence[StoredCandidate], read: Shingles | None) -> StoryChoice:
    """Classify the article; among equal candidates, one that a person has put into its story wins."""
    choice = copies.classify(article, candidates, read=read)
    pinned = [known for known in candidates if known.is_pinned]
    if choice.kind is ArticleKind.NEW or not pinned or _stored_version(choice, candidates):
        return choice
    by_pin = copies.classify(article, pinned, read=read)
    return by_pin if by_pin.kind is choice.kind and by_pin.similarity >= choice.similarity else choice


def _demote_outdated(
    session: Session, article: Article, choice: StoryChoice, candidates: Sequence[StoredCandidate]
) -> StoryChoice:
    """Turn an update at another address into a copy if a later version of the text is stored already: it arrives late."""
    of, story_id = choice.of_article_id, choice.story_id
    if choice.kind is not ArticleKind.UPDATE or of is None or story_id is None or _stored_version(choice, candidates):
        return choice
    if not story_rows.has_later_version(session, story_id, of, article.published_at):
        return choice
    why = f"an earlier version of it arrives late: {choice.why}"
    return replace(choice, kind=ArticleKind.COPY, is_material=False, facts="", why=why)


def _without_boilerplate(assessed: AssessedArticle, others: Sequence[StoredCandidate]) -> AssessedArticle:
    """Remove from the profile what the site prints around every article."""
    is_boilerplate = copies.boilerplate_mask(assessed.article, others, read=assessed.fingerprint.shingles)
    if not any(is_boilerplate):
        return assessed
    return replace(assessed, profile=without_words(assessed.profile, assessed.article, is_boilerplate))


def _join(session: Session, assessed: AssessedArticle, *, now: datetime) -> tuple[AssessedArticle, StoryChoice | None]:
    """Return the story on the same event, with the small stories that it shows to be the same; None if there is none.

    Before it joins, the candidates are checked for boilerplate that all of them share; the article is returned without it.
    """
    related, key_counts = profiles.find_candidates(session, assessed.profile, now=now)
    choice = events.choose(assessed.article, assessed.profile, related, key_counts)
    if choice is None:
        return assessed, None
    if len(related) > 1:
        stripped = _without_boilerplate(assessed, articles.texts(session, [each.article_id for each in related]))
        if stripped is not assessed:
            assessed = stripped
            related, key_counts = profiles.find_candidates(session, assessed.profile, now=now)
            choice = events.choose(assessed.article, assessed.profile, related, key_counts)
    if choice is None or not choice.merged_stories:
        return assessed, choice
    members = profiles.of_stories(session, choice.merged_stories)
    gathers = events.confirm_gathers(assessed.article, assessed.profile, choice, related, members, key_counts)
    return assessed, replace(choice, merged_stories=gathers)


def _join_across_languages(session: Session, assessed: AssessedArticle, *, now: datetime) -> StoryChoice | None:
    """Return the story on the same event in another language; None if there is none, or no embedder."""
    names = [each.topic for each in assessed.scores if each.is_match]
    if assessed.embedding is None or not names:
        return None
    return events.choose_across_languages(
        assessed.article, multilingual.related_translations(session, assessed.embedding, names, now=now)
    )


def _gather_stories(
    session: Session, assessed: AssessedArticle, choice: StoryChoice, context: AlertingContext, *, now: datetime
) -> tuple[int, ...]:
    """Merge stories that turned out to be one, before the alert is decided: an alert on either was one on the event."""
    if choice.story_id is None:
        return ()
    into, reason = choice.story_id, f"one article tells both: {shorten(assessed.article.title, 200)}"
    return tuple(
        each
        for each in choice.merged_stories
        if story_changes.gather(session, each, into, because=reason, now=now, preferred=context.preferred)
    )


def _carrier(article: Article, choice: StoryChoice, article_id: int) -> StoryArticle:
    return StoryArticle(
        article_id=article_id,
        source=article.source,
        outlet=article.source,
        published_at=article.published_at,
        seen_at=article.seen_at,
        agency=article.wire,
        copy_of=choice.of_article_id if choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE) else None,
    )


def _escalations(
    session: Session,
    assessed: AssessedArticle,
    choice: StoryChoice,
    before: StoryHistory,
    context: AlertingContext,
    *,
    now: datetime,
) -> dict[str, Escalation]:
    """Return a story's escalations by topic. Only an article in its own words makes a story grow: a copy adds no source."""
    limits = context.limits
    topics = [each.topic for each in assessed.scores if each.is_match and each.topic in before.alerted]
    if (
        choice.kind is not ArticleKind.JOINS
        or choice.story_id is None
        or not topics
        or not (limits.outlets or limits.pace)
    ):
        return {}
    carriers = story_rows.carriers(session, [choice.story_id])[choice.story_id]
    last_id = max((each.article_id for each in carriers), default=0)
    outlet = story_rows.outlet(session, assessed.article.source)
    wire = assessed.article.wire or credited_agency(outlet, "")
    carriers.append(replace(_carrier(assessed.article, choice, last_id + 1), outlet=outlet, agency=wire))
    seen_at = [each.seen_at for each in carriers if each.copy_of is None]
    told = alerts.escalations(session, choice.story_id)
    found = {}
    for topic in topics:
        growth = StoryGrowth(
            sources=len(independent_sources(carriers)),
            pace=pace(seen_at, now=now),
            escalated=frozenset(which for of, which in told if of == topic),
        )
        if limits.pace and growth.pace >= policy.MIN_PACE:
            others = story_rows.recent_arrivals(session, topic, without=choice.story_id, now=now)
            if len(others) >= policy.MIN_KNOWN_STORIES:
                growth = replace(growth, usual_pace=usual_pace(others))
        escalation = policy.escalation(growth, limits)
        if escalation:
            found[topic] = escalation
    return found


def _stored_version(choice: StoryChoice, candidates: Sequence[StoredCandidate]) -> StoredCandidate | None:
    """Return the stored article that this one is again, changed or not: same address or same guid."""
    for known in candidates:
        is_met_again = known.same_url or known.same_guid
        if known.article_id == choice.of_article_id and is_met_again:
            return known
    return None


def _update_stored(
    session: Session,
    assessed: AssessedArticle,
    choice: StoryChoice,
    decision: Decision,
    article_id: int,
    crowded: frozenset[int],
    context: AlertingContext,
    *,
    now: datetime,
) -> None:
    if choice.kind is ArticleKind.UPDATE:
        articles.revise(
            session,
            article_id,
            assessed.article,
            assessed.fingerprint,
            choice,
            crowded=crowded,
            is_searched=context.is_searched,
            now=now,
        )
        profiles.replace(session, article_id, assessed.profile)
    if decision.alerting_topics:
        articles.replace_decision(session, article_id, decision, assessed.scores, now=now)


def _enqueue_alerts(
    session: Session, assessed: AssessedArticle, filed: FiledArticle, context: AlertingContext, *, now: datetime
) -> tuple[Alert, ...]:
    if not filed.decision.alerting_topics:
        return ()
    scores = {each.topic: each for each in assessed.scores}
    outlet = story_rows.outlet(session, assessed.article.source)
    enqueued = []
    for each in filed.decision.topics:
        if not each.is_alert:
            continue
        topic = each.topic
        alert = _alert(assessed.article, outlet, scores[topic], each, filed, context, now)
        key = f"{topic}/{filed.story_id}/{alert.kind}"
        if alert.kind is AlertKind.UPDATED:
            key = _update_key(topic, filed.choice)
        elif each.escalation:
            key += f"-{each.escalation.which}"
        if alerts.enqueue(
            session, alert, key=key, channels=context.channels_of(topic), deliver_at=now + context.wait_for
        ):
            enqueued.append(alert)
    return tuple(enqueued)


def _update_key(topic: str, choice: StoryChoice) -> str:
    """Return a key for this very change: ten copies corrected alike, or a text that goes back and forth, give one alert."""
    return (
        f"{topic}/{choice.story_id}/{AlertKind.UPDATED}/{xxh3_128_hexdigest(choice.facts.encode('utf-8', 'replace'))}"
    )


def _topics_alerted_to_change(session: Session, assessed: AssessedArticle, choice: StoryChoice) -> frozenset[str]:
    """Return the topics that had an alert for this very change, through another article of the story."""
    topics = (each.topic for each in assessed.scores if each.is_match)
    return frozenset(topic for topic in topics if alerts.exists(session, _update_key(topic, choice)))


_KINDS = {Reason.UPDATED: AlertKind.UPDATED, Reason.ESCALATED: AlertKind.ESCALATED}


def _alert(
    article: Article,
    outlet: str,
    score: Score,
    decided: TopicDecision,
    filed: FiledArticle,
    context: AlertingContext,
    now: datetime,
) -> Alert:
    topic = context.topics.get(score.topic)
    is_update = decided.reason is Reason.UPDATED
    return Alert(
        id=alerts.new_id(),
        kind=_KINDS.get(decided.reason, AlertKind.NEW),
        body=filed.choice.why if is_update else decided.escalation.why if decided.escalation else "",
        created_at=now,
        title=article.title,
        topic=score.topic,
        topic_title=topic.title if topic else score.topic,
        story_id=filed.story_id,
        article=AlertArticle(
            id=filed.article_id,
            title=article.title,
            url=article.url,
            source=outlet,
            feed=article.source,
            wire=article.wire,
            language=article.language,
            published_at=article.published_at,
            seen_at=article.seen_at,
            summary=shorten(article.text, _SUMMARY_CHARACTERS),
        ),
        score=score.score,
        threshold=score.threshold,
        probability=score.probability,
        measured=score.measured,
        evidence=score.evidence,
        reason=decided.reason.value,
        review_url=f"{context.base_url}/articles/{filed.article_id}" if context.base_url else "",
    )
