"""Stories for the web page and the command line: the list, and each with its articles, time line, matches and what was changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from monitor.store import alert_lists, inbox, matches, story_changes, topics, verdicts
from monitor.store.db import Session
from monitor.store.stories import story_articles, story_lists, story_members
from monitor.store.stories.story_lists import StoredStory, TimelineArticle
from monitor.store.story_changes import StoryEdit
from monitor.stories import sources
from monitor.stories.sources import IndependentSource, StoryArticle, StoryState
from monitor.stories.timeline import Step, time_line
from monitor.stories.tuning import TIMELINE_CHARACTERS
from monitor.types.errors import MonitorError

_MAX_TIMELINE = 500
"""Articles of a story that are shown."""


class StoryChangeError(MonitorError):
    """The change asked for is not possible; nothing was done."""


class UnknownStoryError(StoryChangeError):
    """There is no story or article with that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySummary:
    """A story as a list shows it."""

    id: int
    title: str
    lead_article_id: int
    language: str
    source: str
    """The outlet of its lead article."""
    state: StoryState
    first_seen_at: datetime
    last_seen_at: datetime
    articles: int
    outlets: int
    topics: tuple[str, ...] = ()
    """Titles of the topics that it matched."""
    told: tuple[str, ...] = ()
    """Titles of the topics for which it was alerted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything stored about one story."""

    summary: StorySummary
    lead_why: str
    """Why its lead article leads."""
    articles: tuple[TimelineArticle, ...]
    """Its articles in the order of arrival, the first 500."""
    timeline: tuple[TimelineEntry, ...]
    """What these said, in the order of publication."""
    outlets: tuple[str, ...]
    independent_sources: tuple[IndependentSource, ...]
    """Its independent sources."""
    alerts: tuple[dict[str, Any], ...] = ()
    """Each with its deliveries and their tries."""
    edits: tuple[dict[str, Any], ...] = ()
    appearances: tuple[Appearance, ...] = ()
    """All its articles: who published them when."""
    matches: tuple[dict[str, Any], ...] = ()
    """Those that are no copies, oldest first."""
    verdicts: tuple[dict[str, Any], ...] = ()
    """What people said of its matches, with their notes, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """An article of a story: who published it when, and whether its text is another one's."""

    article_id: int
    publisher: str
    at: datetime
    is_copy: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One line of a story's time line."""

    step: Step
    publisher: str
    """What readers call who published it."""
    article: TimelineArticle
    copies: tuple[TimelineArticle, ...] = ()
    also_carried_by: tuple[str, ...] = ()
    """Those other publishers that print its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryList:
    """One page of a list, and the total number of stories."""

    stories: tuple[StorySummary, ...]
    total: int


def list_stories(
    session: Session,
    *,
    topic: str = "",
    state: StoryState | None = None,
    is_any: bool = False,
    limit: int = 50,
    offset: int = 0,
    now: datetime,
) -> StoryList:
    """A page of stories, the last to grow first; only those that matched a topic, unless `is_any`."""
    found, total = story_lists.page(
        session, topic=topic, state=state, is_any=is_any, limit=limit, offset=offset, now=now
    )
    return StoryList(stories=_summaries(session, found, now), total=total)


def find(session: Session, number: int, *, now: datetime, preferred: Sequence[str] = ()) -> Story:
    """The story with this number, or the one that it was merged into. Raises UnknownStoryError."""
    story_id = resolve(session, number)
    carriers = story_articles.carriers(session, [story_id])[story_id]
    articles = tuple(story_lists.timeline(session, story_id, limit=_MAX_TIMELINE))
    return Story(
        summary=_summaries(session, [story_lists.find(session, story_id, carriers, preferred)], now)[0],
        lead_why=sources.lead(carriers, preferred).why,
        articles=articles,
        timeline=_timeline(session, story_id, articles, carriers),
        outlets=sources.outlets(carriers),
        independent_sources=sources.independent_sources(carriers),
        alerts=_alerts(session, story_id),
        edits=tuple(_choice(each) for each in story_changes.edits(session, story_id)),
        appearances=_appearances(carriers),
        matches=_matches(session, story_id),
        verdicts=_verdicts(session, [each.article_id for each in carriers]),
    )


def _appearances(carriers: Sequence[StoryArticle]) -> tuple[Appearance, ...]:
    names = sources.publisher_names(carriers)
    return tuple(
        Appearance(
            article_id=each.article_id,
            publisher=names[each.publisher],
            at=each.published_at,
            is_copy=each.copy_of is not None,
        )
        for each in carriers
    )


def _matches(session: Session, story_id: int) -> tuple[dict[str, Any], ...]:
    titles = topics.titles(session)
    found = inbox.of_stories(session, [story_id])
    return tuple(
        {**asdict(each), "state": each.state, "topic_title": titles.get(each.topic, each.topic)} for each in found
    )


def _verdicts(session: Session, article_ids: Sequence[int]) -> tuple[dict[str, Any], ...]:
    titles = topics.titles(session)
    found = verdicts.of_articles(session, article_ids)
    return tuple({**asdict(each), "topic": titles.get(each.topic, each.topic)} for each in found)


def _timeline(
    session: Session, story_id: int, articles: Sequence[TimelineArticle], carriers: Sequence[StoryArticle]
) -> tuple[TimelineEntry, ...]:
    versions = story_lists.versions(session, story_id, limit=_MAX_TIMELINE, characters=TIMELINE_CHARACTERS)
    shown, names = {each.article_id: each for each in articles}, sources.publisher_names(carriers)
    publishers = {each.article_id: names[each.publisher] for each in carriers}
    said = [replace(each, publisher=publishers[each.article_id]) for each in versions]
    return tuple(
        TimelineEntry(
            step=step,
            publisher=publishers[step.article_id],
            article=shown[step.article_id],
            copies=tuple(shown[each] for each in step.copies),
            also_carried_by=tuple(
                dict.fromkeys(
                    publishers[each] for each in step.copies if publishers[each] != publishers[step.article_id]
                )
            ),
        )
        for step in time_line(said)
    )


def resolve(session: Session, number: int) -> int:
    """The story with this number, or the one that it was merged into. Raises UnknownStoryError."""
    found = story_members.resolve(session, number)
    if found is None:
        raise UnknownStoryError(f"there is no story {number}")
    return found


def _summaries(session: Session, found: Sequence[StoredStory], now: datetime) -> tuple[StorySummary, ...]:
    ids, titles = [each.id for each in found], topics.titles(session)
    matched, alerted = matches.topics_of_stories(session, ids), alert_lists.topics_of_stories(session, ids)
    return tuple(
        StorySummary(
            id=each.id,
            title=each.title,
            lead_article_id=each.lead_article_id,
            language=each.language,
            source=each.outlet,
            state=sources.state(each.first_seen_at, each.last_seen_at, each.outlets, now=now),
            first_seen_at=each.first_seen_at,
            last_seen_at=each.last_seen_at,
            articles=each.articles,
            outlets=each.outlets,
            topics=_titled(matched.get(each.id, ()), titles),
            told=_titled(alerted.get(each.id, ()), titles),
        )
        for each in found
    )


def _titled(names: Iterable[str], titles: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({titles.get(name, name) for name in names}))


def _alerts(session: Session, story_id: int) -> tuple[dict[str, Any], ...]:
    titles, found = topics.titles(session), alert_lists.of_story(session, story_id)
    deliveries = alert_lists.deliveries_of(session, [each.id for each in found])
    return tuple(
        {
            "id": each.id,
            "kind": each.kind,
            "topic": titles.get(each.topic, each.topic),
            "topics": [titles.get(name, name) for name in each.topics],
            "title": each.title,
            "says": each.payload.get("body", ""),
            "article_id": each.article_id,
            "created_at": each.created_at,
            "deliveries": tuple(asdict(one) for one in deliveries[each.id]),
        }
        for each in found
    )


def _choice(edit: StoryEdit) -> dict[str, Any]:
    return {**asdict(edit), "words": words_of(edit)}


def words_of(edit: StoryEdit) -> str:
    """The change in words. A story that became part of the other one has that one's number in the records."""
    count = len(edit.article_ids)
    which = f"article {edit.article_ids[0]}" if count == 1 else f"{count} articles"
    is_one_now = edit.from_story_id == edit.to_story_id
    to = f"a story that is part of story {edit.to_story_id} now" if is_one_now else f"story {edit.to_story_id}"
    if edit.verb == "merge":
        return f"merged {to} ({which})" if is_one_now else f"merged story {edit.from_story_id} into {to} ({which})"
    if edit.verb == "split":
        return f"split {which} off story {edit.from_story_id} as {to}"
    return f"moved {which} from story {edit.from_story_id} to {to}"
