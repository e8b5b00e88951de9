"""What a person changes in stories, for the web page and the command line: merge, split, move articles.

Each change is recorded with who made it and when, and returns the command that undoes it. The program respects changes by people:
it moves no article of a story that a person changed, and later articles go to the story where the article now is that they copy,
update or join. Changes run in the caller's writing transaction, under the lock that also serializes the decisions of polls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.review.stories import StoryChangeError, UnknownStoryError, resolve, words_of
from monitor.store import story_changes
from monitor.store.db import Session, serialize_decisions
from monitor.store.stories import story_articles, story_members
from monitor.store.story_changes import StoryEdit
from monitor.text.tokens import some_of

MAX_ARTICLES = 1_000
"""Articles that one change may name."""


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
    to_id, from_id = resolve(session, into), resolve(session, other)
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
    to_id = resolve(session, to)
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
    words = words_of(edit)
    story_changes.add_edit(session, edit)
    story_changes.pin(session, to_id, ids)
    return StoryChangeResult(story_id=to_id, words=words, undo=undo)
