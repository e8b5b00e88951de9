"""One article into the store, with all that follows from it: what it is to what we know, whether to tell, and the alert itself.

Called inside a writing transaction, so that an article, its decision, its matches and its alerts are committed together or not at
all. The same function serves a poll and a backtest. Knows no network and no feed document.
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
from monitor.stories.agencies import credit
from monitor.stories.fingerprint import Shingles
from monitor.stories.profiles import without_words
from monitor.stories.sources import Carrier, origins, pace, usual_pace
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


def take_in(session: Session, judged: AssessedArticle, telling: AlertingContext, *, now: datetime) -> FiledArticle:
    """Decide and store; call it within the transaction that ends the poll, after `serialize_decisions`."""
    article, sighting = judged.article, judged.sighting
    candidates, crowded = articles.near(session, article, judged.fingerprint, sighting, now=now)
    read = None if article.grade is Grade.WALL else judged.fingerprint.shingles
    choice = _unless_outdated(session, article, _choose(article, candidates, read), candidates)
    if choice.kind is ArticleKind.NEW:
        judged, joined = _join(session, _without_template(judged, candidates), now=now)
        choice = joined or _join_across(session, judged, now=now) or choice
    held = policy.hold(article, judged.arrival, now=now)
    gathered = _gather(session, judged, choice, telling, now=now)
    before = alerts.before(session, choice.story_id)
    if choice.is_material:
        before = replace(before, updated=_updated(session, judged, choice))
    escalations = {} if held else _escalations(session, judged, choice, before, telling, now=now)
    decision = policy.decide(
        article,
        judged.scores,
        choice,
        held=held,
        before=before,
        tells_updates=telling.tells_updates,
        escalations=escalations,
    )
    known = _same_article(choice, candidates)
    is_print = choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE)
    if known is None:
        article_id = articles.add(
            session,
            article,
            judged.fingerprint,
            choice,
            decision,
            judged.scores,
            crowded=crowded,
            is_searched=telling.is_searched,
            now=now,
        )
        if not is_print:
            profiles.add(session, article_id, judged.profile)
    else:
        article_id = known.article_id
        _renew(session, judged, choice, decision, article_id, crowded, telling, now=now)
    story_id = choice.story_id or article_id
    if known is None:
        story_changes.enter(session, story_id, _carrier(article, choice, article_id), telling.preferred)
    if sighting:
        articles.see(session, sighting, article_id, now=now)
    if judged.meant:
        multilingual.keep(session, article_id, judged.meant)
    alerts.save_matches(session, article_id, story_id, judged.scores, decision, now=now)
    topics.keep_lessons(session, article_id, judged.scores, now=now)
    if known is None and not is_print:
        missed = near_misses.candidates(judged.scores)
        near_misses.keep(session, article_id, story_id, article.url, article.title, missed, now=now)
    filed = FiledArticle(
        article_id=article_id,
        story_id=story_id,
        choice=choice,
        decision=decision,
        gathered=gathered,
        is_stored_anew=known is None,
    )
    return replace(filed, alerts=_tell(session, judged, filed, telling, now=now))


def _choose(article: Article, candidates: Sequence[StoredCandidate], read: Shingles | None) -> StoryChoice:
    """What it is to those we know; of equals, where a person said to which story such a text belongs, to that one."""
    choice = copies.choose(article, candidates, read=read)
    pinned = [known for known in candidates if known.is_pinned]
    if choice.kind is ArticleKind.NEW or not pinned or _same_article(choice, candidates):
        return choice
    said = copies.choose(article, pinned, read=read)
    return said if said.kind is choice.kind and said.similarity >= choice.similarity else choice


def _unless_outdated(
    session: Session, article: Article, choice: StoryChoice, candidates: Sequence[StoredCandidate]
) -> StoryChoice:
    """A corrected copy, unless a later version of the same text is known already: then it only arrives late, and is a copy."""
    of, story_id = choice.of_article_id, choice.story_id
    if choice.kind is not ArticleKind.UPDATE or of is None or story_id is None or _same_article(choice, candidates):
        return choice
    if not story_rows.has_later_version(session, story_id, of, article.published_at):
        return choice
    why = f"an earlier version of it arrives late: {choice.why}"
    return replace(choice, kind=ArticleKind.COPY, is_material=False, facts="", why=why)


def _without_template(judged: AssessedArticle, others: Sequence[StoredCandidate]) -> AssessedArticle:
    """What its site prints around every article tells no event."""
    is_template = copies.boilerplate_mask(judged.article, others, read=judged.fingerprint.shingles)
    if not any(is_template):
        return judged
    return replace(judged, profile=without_words(judged.profile, judged.article, is_template))


def _join(session: Session, judged: AssessedArticle, *, now: datetime) -> tuple[AssessedArticle, StoryChoice | None]:
    """The story whose event it tells in other words, and small stories that turn out to be the same; None: it tells its own.

    Where it seems to join one, a template that all of them stand in is looked for first; the article comes back without it.
    """
    found, carriers = profiles.near(session, judged.profile, now=now)
    choice = events.choose(judged.article, judged.profile, found, carriers)
    if choice is None:
        return judged, None
    if len(found) > 1:
        bare = _without_template(judged, articles.texts(session, [each.article_id for each in found]))
        if bare is not judged:
            judged = bare
            found, carriers = profiles.near(session, judged.profile, now=now)
            choice = events.choose(judged.article, judged.profile, found, carriers)
    if choice is None or not choice.gathers:
        return judged, choice
    members = profiles.of_stories(session, choice.gathers)
    gathers = events.gathered(judged.article, judged.profile, choice, found, members, carriers)
    return judged, replace(choice, gathers=gathers)


def _join_across(session: Session, judged: AssessedArticle, *, now: datetime) -> StoryChoice | None:
    """The story that tells its event in another language; None where there is none, or no embedder."""
    names = [each.topic for each in judged.scores if each.is_match]
    if judged.meant is None or not names:
        return None
    return events.across(judged.article, multilingual.kindred(session, judged.meant, names, now=now))


def _gather(
    session: Session, judged: AssessedArticle, choice: StoryChoice, telling: AlertingContext, *, now: datetime
) -> tuple[int, ...]:
    """Stories that became one; asked before it is decided whether to tell, for what was told of either was told of the event."""
    if choice.story_id is None:
        return ()
    into, because = choice.story_id, f"one article tells both: {shorten(judged.article.title, 200)}"
    return tuple(
        each
        for each in choice.gathers
        if story_changes.gather(session, each, into, because=because, now=now, preferred=telling.preferred)
    )


def _carrier(article: Article, choice: StoryChoice, article_id: int) -> Carrier:
    return Carrier(
        article_id=article_id,
        source=article.source,
        outlet=article.source,
        published_at=article.published_at,
        seen_at=article.seen_at,
        wire=article.wire,
        copy_of=choice.of_article_id if choice.kind in (ArticleKind.COPY, ArticleKind.UPDATE) else None,
    )


def _escalations(
    session: Session,
    judged: AssessedArticle,
    choice: StoryChoice,
    before: StoryHistory,
    telling: AlertingContext,
    *,
    now: datetime,
) -> dict[str, Escalation]:
    """What is to be told of a story's growth, by topic. Only another telling of it can make it grow: a copy adds no source."""
    limits = telling.limits
    topics = [each.topic for each in judged.scores if each.is_match and each.topic in before.alerted]
    if (
        choice.kind is not ArticleKind.JOINS
        or choice.story_id is None
        or not topics
        or not (limits.outlets or limits.pace)
    ):
        return {}
    carriers = story_rows.carriers(session, [choice.story_id])[choice.story_id]
    last_id = max((each.article_id for each in carriers), default=0)
    outlet = story_rows.outlet(session, judged.article.source)
    wire = judged.article.wire or credit(outlet, "")
    carriers.append(replace(_carrier(judged.article, choice, last_id + 1), outlet=outlet, wire=wire))
    seen_at = [each.seen_at for each in carriers if each.copy_of is None]
    told = alerts.escalations(session, choice.story_id)
    found = {}
    for topic in topics:
        growth = StoryGrowth(
            sources=len(origins(carriers)),
            pace=pace(seen_at, now=now),
            told=frozenset(which for of, which in told if of == topic),
        )
        if limits.pace and growth.pace >= policy.LEAST_PACE:
            others = story_rows.usual(session, topic, without=choice.story_id, now=now)
            if len(others) >= policy.KNOWN_STORIES:
                growth = replace(growth, usual_pace=usual_pace(others))
        escalation = policy.escalation(growth, limits)
        if escalation:
            found[topic] = escalation
    return found


def _same_article(choice: StoryChoice, candidates: Sequence[StoredCandidate]) -> StoredCandidate | None:
    """The stored article that this one is, met again: same address or same guid, changed or not."""
    for known in candidates:
        is_met_again = known.same_url or known.same_guid
        if known.article_id == choice.of_article_id and is_met_again:
            return known
    return None


def _renew(
    session: Session,
    judged: AssessedArticle,
    choice: StoryChoice,
    decision: Decision,
    article_id: int,
    crowded: frozenset[int],
    telling: AlertingContext,
    *,
    now: datetime,
) -> None:
    if choice.kind is ArticleKind.UPDATE:
        articles.revise(
            session,
            article_id,
            judged.article,
            judged.fingerprint,
            choice,
            crowded=crowded,
            is_searched=telling.is_searched,
            now=now,
        )
        profiles.renew(session, article_id, judged.profile)
    if decision.alerts:
        articles.decide_again(session, article_id, decision, judged.scores, now=now)


def _tell(
    session: Session, judged: AssessedArticle, filed: FiledArticle, telling: AlertingContext, *, now: datetime
) -> tuple[Alert, ...]:
    if not filed.decision.alerts:
        return ()
    scores = {each.topic: each for each in judged.scores}
    outlet = story_rows.outlet(session, judged.article.source)
    made = []
    for each in filed.decision.topics:
        if not each.is_alert:
            continue
        topic = each.topic
        alert = _alert(judged.article, outlet, scores[topic], each, filed, telling, now)
        key = f"{topic}/{filed.story_id}/{alert.kind}"
        if alert.kind is AlertKind.UPDATED:
            key = _update_key(topic, filed.choice)
        elif each.escalation:
            key += f"-{each.escalation.which}"
        if alerts.enqueue(
            session, alert, key=key, channels=telling.channels_of(topic), deliver_at=now + telling.wait_for
        ):
            made.append(alert)
    return tuple(made)


def _update_key(topic: str, choice: StoryChoice) -> str:
    """Names what changed: ten copies corrected alike, or a text that goes back and forth, are told once."""
    return (
        f"{topic}/{choice.story_id}/{AlertKind.UPDATED}/{xxh3_128_hexdigest(choice.facts.encode('utf-8', 'replace'))}"
    )


def _updated(session: Session, judged: AssessedArticle, choice: StoryChoice) -> frozenset[str]:
    """The topics that were told of this very change, as another article of the story has it."""
    topics = (each.topic for each in judged.scores if each.is_match)
    return frozenset(topic for topic in topics if alerts.is_told(session, _update_key(topic, choice)))


_KINDS = {Reason.UPDATED: AlertKind.UPDATED, Reason.ESCALATED: AlertKind.ESCALATED}


def _alert(
    article: Article,
    outlet: str,
    score: Score,
    decided: TopicDecision,
    filed: FiledArticle,
    telling: AlertingContext,
    now: datetime,
) -> Alert:
    topic = telling.topics.get(score.topic)
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
        review_url=f"{telling.base_url}/articles/{filed.article_id}" if telling.base_url else "",
    )
