"""Read what the store knows that bears on one article, and no more than that. Only reads.

Pure steps (`place`, `alerting.policy`) say from what was read so far what is worth looking up next; an article that matches no
topic is looked up by text and by event, and nothing is asked about who was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from monitor.alerting import alert_policy as policy
from monitor.learning import article_embeddings
from monitor.polling import decide, place, plan
from monitor.polling.place import Place
from monitor.polling.values import AlertingContext, AssessedArticle, Known, KnownStory, Related, StoredTexts
from monitor.store import alerts, articles, decisions, story_changes
from monitor.store.db import Session
from monitor.store.indexes import profiles
from monitor.store.stories import story_articles, story_members
from monitor.stories import changes
from monitor.stories.tuning import STORY_WINDOW_FOR
from monitor.types.stories import Arrival, ArticleKind, StoryChoice


def read(session: Session, assessed: AssessedArticle, context: AlertingContext, *, now: datetime) -> Known:
    """Return what is needed to decide on this article."""
    met = articles.find_candidates(session, assessed.article, assessed.fingerprint, assessed.sighting, now=now)
    texts = StoredTexts(candidates=tuple(met.known), crowded=met.crowded)
    known = Known(texts=texts)
    if assessed.stored_id is not None:
        known = _of_itself(session, assessed, assessed.stored_id, known, now=now)
        return _with_alerting(session, assessed, known, context, now=now)
    choice = place.by_text(assessed, texts)
    if choice.kind is ArticleKind.NEW:
        known = _with_event(session, assessed, known, now=now)
    elif place.may_be_late(choice, texts) and choice.story_id is not None and choice.of_article_id is not None:
        at = assessed.article.published_at
        is_late = story_members.has_later_version(session, choice.story_id, choice.of_article_id, at)
        known = replace(known, has_later_version=is_late)
    return _with_alerting(session, assessed, known, context, now=now)


def _of_itself(session: Session, assessed: AssessedArticle, article_id: int, known: Known, *, now: datetime) -> Known:
    """A stored article that is assessed again is compared with itself alone: it may have neither guid nor address, and copies."""
    itself = tuple(replace(each, same_guid=True) for each in articles.texts(session, [article_id]))
    others = replace(
        known.texts, candidates=tuple(each for each in known.texts.candidates if each.article_id != article_id)
    )
    known = replace(known, texts=replace(known.texts, candidates=itself))
    known = replace(known, article=decisions.known_article(session, article_id))
    if place.by_text(assessed, known.texts).kind is not ArticleKind.UPDATE:
        own = itself[0].story_id if itself else 0
        return replace(known, told_elsewhere=_by_embedding(session, assessed, own, now=now))
    return replace(known, told_elsewhere=_elsewhere(session, assessed, others, itself[0].story_id, now=now))


def _by_embedding(session: Session, assessed: AssessedArticle, story_id: int, *, now: datetime) -> tuple[int, ...]:
    """The story of its event, in any language, where that shows only now that it has its embedding. It stays in its own."""
    related = _with_matches(session, assessed, Related(), now=now)
    others = (each for each in related.articles if each.story_id != story_id)
    joined = place.by_event(assessed, replace(related, articles=tuple(others)))
    return (joined.story_id,) if joined and joined.story_id is not None else ()


def _elsewhere(
    session: Session, assessed: AssessedArticle, others: StoredTexts, story_id: int, *, now: datetime
) -> tuple[int, ...]:
    """Other stories that it is about by its fuller text. It stays in its own."""
    by_text = place.by_text(assessed, others)
    related = _related(session, assessed, now=now)
    related = replace(related, articles=tuple(each for each in related.articles if each.story_id != story_id))
    by_event = place.by_event(assessed, related)
    found = [by_text.story_id, by_event.story_id if by_event else None]
    return tuple(dict.fromkeys(each for each in found if each is not None and each != story_id))


# --- its event ----------------------------------------------------------------------------------------------------------


def _with_event(session: Session, assessed: AssessedArticle, known: Known, *, now: datetime) -> Known:
    """Add the articles that may be about the same event, with all of the small stories that it may show to be one."""
    stripped = place.without_boilerplate(assessed, known.texts)
    related = _related(session, stripped, now=now)
    known, choice = replace(known, related=related), place.by_event(stripped, related)
    if choice is not None and len(related.articles) > 1:
        pages = StoredTexts(candidates=tuple(articles.texts(session, [each.article_id for each in related.articles])))
        known, again = replace(known, pages=pages), place.without_boilerplate(stripped, pages)
        if again is not stripped:
            related = _related(session, again, now=now)
            known, choice = replace(known, related_again=related), place.by_event(again, related)
    return _with_members(session, known, choice.merged_stories) if choice else known


def _related(session: Session, assessed: AssessedArticle, *, now: datetime) -> Related:
    found, key_counts = profiles.find_candidates(session, assessed.profile, now=now)
    return _with_matches(session, assessed, Related(articles=tuple(found), key_counts=key_counts), now=now)


def _with_matches(session: Session, assessed: AssessedArticle, related: Related, *, now: datetime) -> Related:
    """Add the matches of its topics that may be on its event by meaning, in any language; none without an embedding, or where no
    topic matches."""
    names = place.matched(assessed.scores)
    if assessed.embedding is None or not names:
        return related
    published_at = assessed.article.published_at
    found = article_embeddings.related_matches(session, assessed.embedding, names, now=now)
    nearness = article_embeddings.nearness(assessed.embedding, found, published_at=published_at)
    near = {each.article_id: each for each in found if abs(each.published_at - published_at) <= STORY_WINDOW_FOR}
    by_words = {each.article_id: each for each in related.articles}
    return replace(related, articles=tuple((by_words | near).values()), nearness=nearness)


def _with_members(session: Session, known: Known, stories: Sequence[int]) -> Known:
    if not stories:
        return known
    kept_apart = frozenset(each for each in stories if not story_changes.may_be_merged(session, each))
    return replace(known, members=tuple(profiles.of_stories(session, stories)), kept_apart=kept_apart)


# --- who was told -------------------------------------------------------------------------------------------------------


def _with_alerting(
    session: Session, assessed: AssessedArticle, known: Known, context: AlertingContext, *, now: datetime
) -> Known:
    """Add what was decided and told before, as far as the article's topics make that matter."""
    placed = place.place(assessed, known)
    matched = place.matched(assessed.scores)
    stored_id = place.stored_version(placed.choice, known.texts.candidates)
    is_decided_anew = bool(matched) or placed.choice.kind is ArticleKind.UPDATE
    if stored_id is not None and is_decided_anew and known.article is None:
        known = replace(known, article=decisions.known_article(session, stored_id))
    if not matched:
        return known
    outlet, publisher = story_articles.published_by(session, assessed.article)
    known = replace(known, outlet=outlet, publisher=publisher)
    if placed.choice.story_id is None:
        return known
    ids = [placed.choice.story_id, *placed.merged_stories, *known.told_elsewhere]
    history, escalated = alerts.story_history(session, ids)
    if not history.alerted.issuperset(matched) and (others := decisions.told_elsewhere(session, ids)):
        ids += others
        history, escalated = alerts.story_history(session, ids)
    if placed.choice.is_material:
        history = replace(
            history,
            updated=_topics_told_of(session, placed.choice, matched),
            updated_often=_topics_updated_often(session, placed.choice, ids, now=now),
        )
    known = replace(known, story=KnownStory(history=history, escalated=escalated))
    if policy.hold_reason(assessed.article, assessed.arrival, now=now) is not None:
        return known
    known = replace(known, exhausted=_exhausted(session, assessed.arrival, now=now))
    if placed.choice.is_material or not history.alerted.issuperset(matched) or _may_grow(placed, known, context):
        known = replace(known, story=_with_channels(session, known.story, placed.choice.story_id, ids, matched))
    return replace(known, story=_with_growth(session, placed, known, ids, context, now=now))


def _may_grow(placed: Place, known: Known, context: AlertingContext) -> bool:
    return bool(decide.growing_topics(placed, known, context.limits))


def _exhausted(session: Session, arrival: Arrival, *, now: datetime) -> frozenset[str]:
    if arrival.at_most is None:
        return frozenset()
    told = alerts.told_for_cause(session, arrival.cause, since_at=now - policy.ONE_GO_FOR)
    return frozenset(topic for topic, count in told.items() if count >= (arrival.at_most or 0))


def _topics_told_of(session: Session, choice: StoryChoice, matched: Sequence[str]) -> frozenset[str]:
    """The topics that had an alert for this very change, through another article of the story."""
    what, story_id = plan.told_of_change(choice.facts), choice.story_id or 0
    return frozenset(each for each in matched if alerts.is_told(session, alerts.key_of(each, story_id, what)))


def _topics_updated_often(
    session: Session, choice: StoryChoice, ids: Sequence[int], *, now: datetime
) -> frozenset[str]:
    """The topics that were told of changes often enough today; none where an outlet takes back what was told."""
    if choice.facts == changes.TAKEN_BACK:
        return frozenset()
    told = alerts.updates_told(session, ids, since_at=now - policy.UPDATES_FOR)
    return frozenset(topic for topic, count in told.items() if count >= policy.UPDATES_AT_MOST)


def _with_channels(
    session: Session, story: KnownStory, story_id: int, ids: Sequence[int], matched: Sequence[str]
) -> KnownStory:
    """Add how the story's alerts are identified, and who had a message where a topic may be told of a known story."""
    opener = story_articles.opener(session, story_id)
    story = replace(story, opener=plan.identity(opener.url, opener.source, opener.guid) if opener else "")
    if not story.history.alerted or story.history.alerted.issuperset(matched):
        return story
    first = alerts.first_on(session, ids)
    return replace(story, channels=alerts.told_channels(session, ids), first_alert=first)


def _with_growth(
    session: Session,
    placed: Place,
    known: Known,
    ids: Sequence[int],
    context: AlertingContext,
    *,
    now: datetime,
) -> KnownStory:
    """Add the story's articles where it may have grown beyond what is usual."""
    topics = decide.growing_topics(placed, known, context.limits)
    if not topics:
        return known.story
    carriers = story_articles.carriers(session, ids)
    found = sorted((each for of_story in carriers.values() for each in of_story), key=lambda each: each.article_id)
    grown = replace(known.story, carriers=tuple(found))
    if not decide.may_be_fast(placed, replace(known, story=grown), context.limits, now=now):
        return grown
    arrivals = {each: story_articles.recent_arrivals(session, each, without=ids, now=now) for each in topics}
    return replace(grown, arrivals=arrivals)
