"""Plan the alerts on one article: for which topics, through which channels, under which id. Pure.

One alert tells all topics that are told the same, and every channel of these has it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from xxhash import xxh3_128_hexdigest

from monitor.matching import margins
from monitor.polling.place import Place
from monitor.polling.values import AlertingContext, Known, PlannedAlert
from monitor.text import urls
from monitor.text.tokens import shorten
from monitor.types import digests
from monitor.types.alerting import Alert, AlertArticle, AlertKind, AlertTopic
from monitor.types.matching import Article, Reason, Score
from monitor.types.stories import Decision, TopicDecision

_SUMMARY_CHARACTERS = 400
_KINDS = {Reason.UPDATED: AlertKind.UPDATED, Reason.ESCALATED: AlertKind.ESCALATED, Reason.ALERTED: AlertKind.NEW}


def alerts(
    placed: Place, decision: Decision, known: Known, context: AlertingContext, *, now: datetime
) -> tuple[PlannedAlert, ...]:
    """One alert for all topics that are told the same, each for the channels that no other one goes to."""
    planned: list[PlannedAlert] = []
    busy: set[str] = set()
    for reason in (Reason.UPDATED, Reason.ESCALATED, Reason.ALERTED):
        due = [each for each in decision.topics if each.is_alert and each.reason is reason]
        if due:
            # whoever had a message on the story is not told that another topic matched it, too
            had = busy | known.story.channels if reason is Reason.ALERTED else busy
            channels = {name: to for each in due for name, to in context.channels_of(each.topic).items()}
            left = {name: to for name, to in channels.items() if name not in had}
            planned.append(_planned(placed, due, known, context, left, now=now))
            busy |= channels.keys()
    return tuple(planned)


def _planned(
    placed: Place,
    due: Sequence[TopicDecision],
    known: Known,
    context: AlertingContext,
    channels: Mapping[str, str],
    *,
    now: datetime,
) -> PlannedAlert:
    kind = _KINDS[due[0].reason]
    told = {each.topic: _what(each, placed) for each in due}
    return PlannedAlert(
        alert=_alert(placed, kind, due, told, known, context, now=now),
        told=told,
        channels=channels,
        deliver_at=now + context.wait_for,
    )


def _what(decided: TopicDecision, placed: Place) -> str:
    """What a topic is told, for its key: ten copies corrected alike, or a text that goes back and forth, are told once."""
    if decided.reason is Reason.UPDATED:
        return told_of_change(placed.choice.facts)
    kind = _KINDS[decided.reason].value
    return f"{kind}-{decided.escalation.which}" if decided.escalation else kind


def told_of_change(facts: str) -> str:
    """How a key names this very change of facts."""
    return f"{AlertKind.UPDATED}/{xxh3_128_hexdigest(facts.encode('utf-8', 'replace'))}"


def _alert(
    placed: Place,
    kind: AlertKind,
    due: Sequence[TopicDecision],
    told: Mapping[str, str],
    known: Known,
    context: AlertingContext,
    *,
    now: datetime,
) -> Alert:
    article = placed.assessed.article
    topics = _alert_topics(placed.assessed.scores, due, context)
    first = topics[0]
    opener = known.story.opener or identity(article.url, article.source, article.guid or article.title)
    return Alert(
        id=digests.of_alert(opener, kind.value, _change(kind, told, known)),
        kind=kind,
        body=_body(placed, due),
        created_at=now,
        title=article.title,
        topic=first.name,
        topic_title=first.title,
        topics=topics,
        story_id=placed.choice.story_id,
        article=_alert_article(article, known.outlet),
        score=first.score,
        threshold=first.threshold,
        probability=first.probability,
        measured=first.measured,
        evidence=first.evidence,
        reason=due[0].reason.value,
        review_url=f"{context.base_url}/articles" if context.base_url else "",
    )


def _alert_topics(
    scores: Sequence[Score], due: Sequence[TopicDecision], context: AlertingContext
) -> tuple[AlertTopic, ...]:
    """The topics of an alert, the strongest first."""
    names = {each.topic for each in due}
    ordered = sorted(
        (each for each in scores if each.topic in names),
        key=lambda each: (-margins.share(each.score, each.threshold), each.topic),
    )
    return tuple(
        AlertTopic(
            name=each.topic,
            title=context.topics[each.topic].title if each.topic in context.topics else each.topic,
            score=each.score,
            threshold=each.threshold,
            probability=each.probability,
            measured=each.measured,
            evidence=each.evidence,
        )
        for each in ordered
    )


def _alert_article(article: Article, outlet: str) -> AlertArticle:
    return AlertArticle(
        id=0,
        title=article.title,
        url=article.url,
        source=outlet,
        feed=article.source,
        wire=article.agency,
        language=article.language,
        published_at=article.published_at,
        seen_at=article.seen_at,
        summary=shorten(article.text, _SUMMARY_CHARACTERS),
    )


def _body(placed: Place, due: Sequence[TopicDecision]) -> str:
    if due[0].reason is Reason.UPDATED:
        return placed.choice.why
    return "; ".join(dict.fromkeys(each.escalation.why for each in due if each.escalation))


# --- under which id -----------------------------------------------------------------------------------------------------


def identity(url: str, source: str, guid: str) -> str:
    """What identifies an article in every store that meets it: its address, else its feed and guid.

    The address of a home page or section is that of many articles, and so of none.
    """
    address = urls.canonical(url) if urls.looks_like_article(url) else ""
    return address or f"{source}\n{guid}"


def _change(kind: AlertKind, told: Mapping[str, str], known: Known) -> str:
    """What an alert tells beyond its kind; with its topics where others were told the same of the story before."""
    what = set(told.values()) - {AlertKind.NEW.value}
    told_before = {
        AlertKind.NEW: known.story.history.alerted,
        AlertKind.UPDATED: known.story.history.updated,
        AlertKind.ESCALATED: {which for _, which in known.story.escalated if f"{kind}-{which}" in what},
    }[kind]
    return "\n".join([*sorted(what), *(sorted(told) if told_before else ())])
