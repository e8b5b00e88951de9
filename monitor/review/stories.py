"""Review of stories, for the web page and the command line: list, show, merge, split, move articles.

Each change is recorded with who made it and when, and returns the command that undoes it. The program respects changes by people:
it moves no article of a story that a person changed, and later articles go to the story where the article now is that they copy,
update or join. Changes run in the caller's writing transaction, under the lock that also serializes the decisions of polls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from monitor.store import alert_lists, inbox, matches, story_changes, topics, verdicts
from monitor.store.db import Session, serialize_decisions
from monitor.store.stories import story_articles, story_lists, story_members
from monitor.store.stories.story_lists import StoredStory, TimelineArticle
from monitor.store.story_changes import StoryEdit
from monitor.stories import sources
from monitor.stories.sources import IndependentSource, StoryArticle, StoryState
from monitor.stories.timeline import Step, time_line
from monitor.stories.tuning import TIMELINE_CHARACTERS
from monitor.text.tokens import some_of
from monitor.types.errors import MonitorError

MAX_ARTICLES = 1_000
"""Articles that one change may name."""
_MAX_TIMELINE = 500
"""Articles of a story that are shown."""


class StoryChangeError(MonitorError):
    """The change asked for is not possible; nothing was done."""


class UnknownStoryError(StoryChangeError):
    """There is no story or article with that number."""


# --- reading ------------------------------------------------------------------------------------------------------------


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
    story_id = _resolve(session, number)
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


def _resolve(session: Session, number: int) -> int:
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
    return {**asdict(edit), "words": _words(edit)}


def _words(edit: StoryEdit) -> str:
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


# --- changing -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChangeResult:
    """A change that was made, and how to undo it."""

    story_id: int
    """The story that the articles are in now."""
    words: str
    undo: str
    """The command that undoes it, without `monitor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who makes a change, when and why; `preferred` are the sources preferred as lead."""

    by: str
    now: datetime
    note: str = ""
    preferred: tuple[str, ...] = ()


def merge(session: Session, into: int, other: int, reviewer: Reviewer) -> StoryChangeResult:
    """Merge the story `other` into `into`. Alerts of both move along, so none is sent again.

    Raises UnknownStoryError, or StoryChangeError where they are one story already.
    """
    serialize_decisions(session)
    if into == other:
        raise StoryChangeError(f"story {into} cannot be merged with itself")
    to_id, from_id = _resolve(session, into), _resolve(session, other)
    if to_id == from_id:
        raise StoryChangeError(f"stories {into} and {other} are one already: story {to_id}")
    ids = [each.article_id for each in story_articles.carriers(session, [from_id])[from_id]]
    story_changes.move(session, ids, to_id, reviewer.preferred)
    undo = _split_command(ids)
    return _record(session, "merge", ids, from_id, to_id, undo, reviewer)


def split(session: Session, article_ids: Sequence[int], reviewer: Reviewer) -> StoryChangeResult:
    """Make articles of one story, with their copies, a story of their own.

    Raises UnknownStoryError, or StoryChangeError where nothing would be left of the old one.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    ids = story_changes.with_copies(session, from_id, named)
    if len(ids) == len(story_articles.carriers(session, [from_id])[from_id]):
        copies = " with its copies" if len(named) == 1 else " with their copies"
        which = "is the only article" if len(ids) == 1 else "are all the articles"
        who = _listed(named) + copies * (len(ids) > len(named))
        raise StoryChangeError(f"{who} {which} of story {from_id}: there is nothing to split off from")
    left_id, new_id = story_changes.split_off(session, ids, reviewer.preferred)
    return _record(session, "split", ids, left_id, new_id, f"stories merge {left_id} {new_id}", reviewer)


def move(session: Session, article_ids: Sequence[int], to: int, reviewer: Reviewer) -> StoryChangeResult:
    """Move articles of one story, with their copies, to the story `to`.

    Raises UnknownStoryError, or StoryChangeError where they are there already.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    to_id = _resolve(session, to)
    if from_id == to_id:
        verb = "is" if len(named) == 1 else "are"
        raise StoryChangeError(f"{_listed(named)} {verb} in story {to_id} already")
    ids = story_changes.with_copies(session, from_id, named)
    left_id = story_changes.move(session, ids, to_id, reviewer.preferred)
    is_emptied = left_id == to_id
    undo = _split_command(ids) if is_emptied else f"stories move {' '.join(map(str, ids))} --to {left_id}"
    return _record(session, "move", ids, from_id if is_emptied else left_id, to_id, undo, reviewer)


def _of_one_story(session: Session, article_ids: Sequence[int]) -> tuple[list[int], int]:
    ids = sorted(set(article_ids))
    if not ids:
        raise StoryChangeError("name at least one article")
    if len(ids) > MAX_ARTICLES:
        raise StoryChangeError(f"name at most {MAX_ARTICLES} articles at once")
    of = story_members.articles_of(session, ids)
    missing = [each for each in ids if each not in of]
    if missing:
        raise UnknownStoryError(f"there {'is' if len(missing) == 1 else 'are'} no {_listed(missing)}")
    if len(set(of.values())) > 1:
        where = ", ".join(f"{each} in story {of[each]}" for each in ids[:10])
        raise StoryChangeError(f"these articles are of different stories ({where}): name those of one story at a time")
    return ids, of[ids[0]]


def _listed(ids: Sequence[int]) -> str:
    shown = some_of([str(each) for each in ids], 10)
    return f"article {shown}" if len(ids) == 1 else f"articles {shown}"


def _split_command(ids: Sequence[int]) -> str:
    return f"stories split {' '.join(map(str, ids))}"


def _record(
    session: Session, verb: str, ids: list[int], from_id: int, to_id: int, undo: str, reviewer: Reviewer
) -> StoryChangeResult:
    edit = StoryEdit(
        at=reviewer.now,
        by=reviewer.by,
        verb=verb,
        from_story_id=from_id,
        to_story_id=to_id,
        article_ids=ids,
        note=reviewer.note[:2000],
    )
    words = _words(edit)
    story_changes.add_edit(session, edit)
    story_changes.pin(session, to_id, ids)
    return StoryChangeResult(story_id=to_id, words=words, undo=undo)
