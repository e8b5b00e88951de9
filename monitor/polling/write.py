"""Write what was decided on one article: one pass, in a fixed order, without a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from monitor.learning import article_embeddings
from monitor.polling.values import AlertingContext, FiledArticle, Filing, PlannedAlert
from monitor.reading.extract import FROM_PAGE
from monitor.store import alerts, articles, decisions, near_misses, reassessments, self_training, story_changes
from monitor.store.db import Session
from monitor.store.indexes import profiles
from monitor.text.tokens import shorten
from monitor.types.alerting import Alert
from monitor.types.stories import ArticleKind

_PRINTS = (ArticleKind.COPY, ArticleKind.UPDATE)
"""Kinds of articles that carry the text of another."""


def write(session: Session, filing: Filing, context: AlertingContext, *, now: datetime) -> FiledArticle:
    """Write all of it, in the caller's transaction: stories, article, decision, matches, alerts with their deliveries. The caller
    counts the story that it joins (`story_changes.recount`)."""
    _merge_stories(session, filing, context, now=now)
    article_id = _write_article(session, filing, context, now=now)
    story_id = filing.choice.story_id or article_id
    if story_id == article_id and filing.stored_id is None:
        story_changes.open_story(session, article_id, seen_at=filing.assessed.article.seen_at)
    told = _write_decision(session, filing, article_id, story_id, now=now) if filing.row else ()
    _write_for_learning(session, filing, article_id, story_id, now=now)
    return FiledArticle(
        article_id=article_id,
        story_id=story_id,
        choice=filing.choice,
        decision=filing.decision,
        alerts=told,
        merged_stories=filing.merged_stories,
        new_matches=tuple(filing.new_matches),
        is_new=filing.stored_id is None,
    )


def _merge_stories(session: Session, filing: Filing, context: AlertingContext, *, now: datetime) -> None:
    because = f"one article tells both: {shorten(filing.assessed.article.title, 200)}"
    for each in filing.merged_stories:
        assert filing.choice.story_id is not None
        story_changes.recount(session, each, context.preferred)  # an article of this poll may have joined it just now
        story_changes.merge_by_program(
            session, each, filing.choice.story_id, because=because, now=now, preferred=context.preferred
        )


def _write_article(session: Session, filing: Filing, context: AlertingContext, *, now: datetime) -> int:
    """Store the article, or the newer version of one that is stored, with its profile and the entry that led to it."""
    article_id, assessed = filing.stored_id, filing.assessed
    if article_id is None:
        article_id = _add_article(session, filing, context)
    elif filing.choice.kind is ArticleKind.UPDATE:
        articles.revise(
            session,
            article_id,
            assessed.article,
            assessed.fingerprint,
            filing.choice,
            crowded=filing.crowded,
            is_searched=context.is_searched,
            now=now,
        )
        profiles.replace(session, article_id, assessed.profile)
        self_training.relearn(session, article_id)
    if assessed.sighting:
        articles.record_entry(session, assessed.sighting, article_id, now=now)
    return article_id


def _add_article(session: Session, filing: Filing, context: AlertingContext) -> int:
    assessed = filing.assessed
    article_id = articles.add(
        session,
        assessed.article,
        assessed.fingerprint,
        filing.choice,
        crowded=filing.crowded,
        is_searched=context.is_searched,
    )
    if filing.choice.kind not in _PRINTS:
        profiles.add(session, article_id, assessed.profile)
    return article_id


def _write_decision(
    session: Session, filing: Filing, article_id: int, story_id: int, *, now: datetime
) -> tuple[Alert, ...]:
    """Store the decision, the matches that show it, and the alerts that were told by it. Returns these."""
    assert filing.row is not None
    decision_id = decisions.add(
        session,
        article_id,
        filing.row,
        filing.assessed.scores,
        cause=filing.cause,
        feed=filing.assessed.article.source,
        kind=filing.choice.kind,
        story_id=story_id,
        held=filing.held,
        now=now,
    )
    _note_missing(session, filing, article_id, now=now)
    decisions.add_matches(session, article_id, story_id, filing.new_matches, decision_id=decision_id, now=now)
    decisions.show_in_matches(session, article_id, filing.changed_matches, decision_id=decision_id)
    for topic in filing.covered if filing.first_alert else ():
        key = alerts.key_of(topic, story_id, "new")
        alerts.add_topic(session, filing.first_alert or "", topic=topic, key=key, decision_id=decision_id)
    stored = (_write_alert(session, each, article_id, story_id, decision_id) for each in filing.alerts)
    return tuple(each for each in stored if each)


def _note_missing(session: Session, filing: Filing, article_id: int, *, now: datetime) -> None:
    """Commit with the decision what it was made without: the article is assessed again when that is back."""
    if filing.stored_id is not None:
        was_read = filing.assessed.article.page == FROM_PAGE
        reassessments.end_missing(session, article_id, was_read=was_read)
    if filing.assessed.missing:
        reassessments.add_articles(session, {article_id: filing.assessed.missing}, now=now)


def _write_alert(
    session: Session, planned: PlannedAlert, article_id: int, story_id: int, decision_id: int
) -> Alert | None:
    alert = planned.alert
    assert alert.article is not None
    return alerts.enqueue_on_story(
        session,
        replace(
            alert,
            story_id=story_id,
            article=replace(alert.article, id=article_id),
            review_url=f"{alert.review_url}/{article_id}" if alert.review_url else "",
        ),
        keys={topic: alerts.key_of(topic, story_id, what) for topic, what in planned.told.items()},
        decision_id=decision_id,
        channels=planned.channels,
        deliver_at=planned.deliver_at,
    )


def _write_for_learning(session: Session, filing: Filing, article_id: int, story_id: int, *, now: datetime) -> None:
    """Store the article's embedding, what topics learned from it, and the topics that it came near to."""
    assessed = filing.assessed
    if assessed.embedding:
        article_embeddings.store_embedding(session, article_id, assessed.embedding)
    self_training.add_examples(session, article_id, assessed.scores, now=now)
    near_misses.add(
        session, article_id, story_id, assessed.article.url, assessed.article.title, filing.near_misses, now=now
    )
