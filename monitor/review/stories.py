"""What people do with stories: look at them, merge two, split articles off, move them. For the page and the command line alike.

Each verb is undone by its opposite, says by which, and is remembered with who said it and when. The machine leaves it so: it moves
nothing of a story that a person said anything of, and what arrives later goes where the article now is that it copies, updates or
joins. Runs within the caller's writing transaction, one after the other with the decisions of polls.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from monitor.store import alerts, matches, stories, story_changes, topics
from monitor.store.db import Session, serialize_decisions
from monitor.store.stories import StoredStory, StoryArticle
from monitor.store.story_changes import StoryEdit
from monitor.stories import sources
from monitor.stories.sources import IndependentSource, StoryState
from monitor.types.errors import MonitorError

MANY = 1_000
"""Articles that one verb takes at most."""
_SHOWN = 500


class StoryChangeError(MonitorError):
    """What was asked for makes no sense."""


class UnknownStoryError(StoryChangeError):
    """There is no story or article of that number."""


# --- looking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySummary:
    """A story as a list shows it."""

    id: int
    title: str
    lead_article_id: int
    language: str
    source: str
    """The outlet of its lead."""
    state: StoryState
    first_seen_at: datetime
    last_seen_at: datetime
    articles: int
    outlets: int
    topics: tuple[str, ...] = ()
    """That it matched."""
    told: tuple[str, ...] = ()
    """Topics it was told for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All there is to say of one story."""

    brief: StorySummary
    parts: tuple[StoryArticle, ...]
    """In the order of their arrival; of a very large story the first ones."""
    outlets: tuple[str, ...]
    origins: tuple[IndependentSource, ...]
    """Its independent sources."""
    alerts: tuple[dict[str, Any], ...] = ()
    choices: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryList:
    """One page of a list."""

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
    """Stories, the latest grown first; those that matched a topic, or with `is_any` all."""
    found, total = stories.page(session, topic=topic, state=state, is_any=is_any, limit=limit, offset=offset, now=now)
    return StoryList(stories=_briefs(session, found, now), total=total)


def find(session: Session, number: int, *, now: datetime, preferred: Sequence[str] = ()) -> Story:
    """A story by its number, or the one that it became part of. Raises UnknownError."""
    story_id = _story(session, number)
    carriers = stories.carriers(session, [story_id])[story_id]
    return Story(
        brief=_briefs(session, [stories.find(session, story_id, carriers, preferred)], now)[0],
        parts=tuple(stories.timeline(session, story_id, limit=_SHOWN)),
        outlets=sources.outlets(carriers),
        origins=sources.origins(carriers),
        alerts=_alerts(session, story_id),
        choices=tuple(_choice(each) for each in story_changes.edits(session, story_id)),
    )


def _story(session: Session, number: int) -> int:
    found = stories.resolve(session, number)
    if found is None:
        raise UnknownStoryError(f"there is no story {number}")
    return found


def _briefs(session: Session, found: Sequence[StoredStory], now: datetime) -> tuple[StorySummary, ...]:
    ids, titles = [each.id for each in found], topics.titles(session)
    matched, told = matches.topics_of_stories(session, ids), alerts.topics_of_stories(session, ids)
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
            told=_titled(told.get(each.id, ()), titles),
        )
        for each in found
    )


def _titled(names: Iterable[str], titles: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({titles.get(name, name) for name in names}))


def _alerts(session: Session, story_id: int) -> tuple[dict[str, Any], ...]:
    titles = topics.titles(session)
    return tuple(
        {
            "id": each.id,
            "kind": each.kind,
            "topic": titles.get(each.topic, each.topic),
            "title": each.title,
            "says": each.payload.get("body", ""),
            "article_id": each.article_id,
            "created_at": each.created_at,
        }
        for each in alerts.of_story(session, story_id)
    )


def _choice(edit: StoryEdit) -> dict[str, Any]:
    return {**asdict(edit), "words": _words(edit)}


def _words(edit: StoryEdit) -> str:
    count = len(edit.article_ids)
    which = f"article {edit.article_ids[0]}" if count == 1 else f"{count} articles"
    if edit.verb == "merge":
        return f"merged story {edit.from_story_id} into story {edit.to_story_id} ({which})"
    if edit.verb == "split":
        return f"split {which} off story {edit.from_story_id} as story {edit.to_story_id}"
    return f"moved {which} from story {edit.from_story_id} to story {edit.to_story_id}"


# --- saying -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChangeResult:
    """What was done, and how it is undone."""

    story_id: int
    """Where the articles are now."""
    words: str
    undo: str
    """A command line, without `monitor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who says it, and what goes with that."""

    by: str
    now: datetime
    note: str = ""
    preferred: tuple[str, ...] = ()


def merge(session: Session, into: int, other: int, hand: Reviewer) -> StoryChangeResult:
    """All of the story `other` becomes part of `into`. Whatever was told for either stays told: nobody is told again.

    Raises UnknownError, or DeskError where they are one already.
    """
    serialize_decisions(session)
    if into == other:
        raise StoryChangeError(f"story {into} cannot be merged with itself")
    to_id, from_id = _story(session, into), _story(session, other)
    if to_id == from_id:
        raise StoryChangeError(f"stories {into} and {other} are one already: story {to_id}")
    ids = [each.article_id for each in stories.carriers(session, [from_id])[from_id]]
    story_changes.move(session, ids, to_id, hand.preferred)
    undo = _split_command(ids)
    return _said(session, "merge", ids, from_id, to_id, undo, hand)


def split(session: Session, article_ids: Sequence[int], hand: Reviewer) -> StoryChangeResult:
    """Articles of one story, with the copies of them, become a story of their own.

    Raises UnknownError, or DeskError where nothing would be left.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    ids = story_changes.with_copies(session, from_id, named)
    if len(ids) == len(stories.carriers(session, [from_id])[from_id]):
        copies = " with its copies" if len(named) == 1 else " with their copies"
        which = "is the only article" if len(ids) == 1 else "are all the articles"
        who = _listed(named) + copies * (len(ids) > len(named))
        raise StoryChangeError(f"{who} {which} of story {from_id}: there is nothing to split off from")
    left_id, new_id = story_changes.split_off(session, ids, hand.preferred)
    return _said(session, "split", ids, left_id, new_id, f"stories merge {left_id} {new_id}", hand)


def move(session: Session, article_ids: Sequence[int], to: int, hand: Reviewer) -> StoryChangeResult:
    """Articles of one story, with the copies of them, go to another.

    Raises UnknownError, or DeskError where they are there already.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    to_id = _story(session, to)
    if from_id == to_id:
        verb = "is" if len(named) == 1 else "are"
        raise StoryChangeError(f"{_listed(named)} {verb} in story {to_id} already")
    ids = story_changes.with_copies(session, from_id, named)
    left_id = story_changes.move(session, ids, to_id, hand.preferred)
    is_emptied = left_id == to_id
    undo = _split_command(ids) if is_emptied else f"stories move {' '.join(map(str, ids))} --to {left_id}"
    return _said(session, "move", ids, from_id if is_emptied else left_id, to_id, undo, hand)


def _of_one_story(session: Session, article_ids: Sequence[int]) -> tuple[list[int], int]:
    ids = sorted(set(article_ids))
    if not ids:
        raise StoryChangeError("name at least one article")
    if len(ids) > MANY:
        raise StoryChangeError(f"name at most {MANY} articles at once")
    of = stories.articles_of(session, ids)
    missing = [each for each in ids if each not in of]
    if missing:
        raise UnknownStoryError(f"there {'is' if len(missing) == 1 else 'are'} no {_listed(missing)}")
    if len(set(of.values())) > 1:
        where = ", ".join(f"{each} in story {of[each]}" for each in ids[:10])
        raise StoryChangeError(f"these articles are of different stories ({where}): name those of one story at a time")
    return ids, of[ids[0]]


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
    return f"article {shown}" if len(ids) == 1 else f"articles {shown}"


def _split_command(ids: Sequence[int]) -> str:
    return f"stories split {' '.join(map(str, ids))}"


def _said(
    session: Session, verb: str, ids: list[int], from_id: int, to_id: int, undo: str, hand: Reviewer
) -> StoryChangeResult:
    edit = StoryEdit(
        at=hand.now,
        by=hand.by,
        verb=verb,
        from_story_id=from_id,
        to_story_id=to_id,
        article_ids=ids,
        note=hand.note[:2000],
    )
    words = _words(edit)
    story_changes.add_edit(session, edit)
    story_changes.pin(session, to_id, ids)
    return StoryChangeResult(story_id=to_id, words=words, undo=undo)
