"""What people do with stories: look at them, merge two, split articles off, move them. For the page and the command line alike.

Each verb is undone by its opposite, says by which, and is remembered with who said it and when. The machine leaves it so: it moves
nothing of a story that a person said anything of, and what arrives later goes where the article now is that it copies, updates or
joins. Runs within the caller's writing transaction, one after the other with the decisions of polls.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from monitor import ledger
from monitor.errors import MonitorError
from monitor.ledger import Origin, State
from monitor.store import stories, topics
from monitor.store.db import serialize_decisions
from monitor.store.tables import AlertRow, ArticleRow, MatchRow, StoryChoiceRow, StoryRow
from monitor.types import Reason

MANY = 1_000
"""Articles that one verb takes at most."""
_SHOWN = 500


class DeskError(MonitorError):
    """What was asked for makes no sense."""


class UnknownError(DeskError):
    """There is no story or article of that number."""


# --- looking ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """A story as a list shows it."""

    id: int
    title: str
    lead_article_id: int
    language: str
    source: str
    """The outlet of its lead."""
    state: State
    first_seen_at: datetime
    last_seen_at: datetime
    articles: int
    outlets: int
    topics: tuple[str, ...] = ()
    """That it matched."""
    told: tuple[str, ...] = ()
    """Topics it was told for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An article of a story, on its timeline."""

    article_id: int
    title: str
    language: str
    url: str
    outlet: str
    wire: str
    published_at: datetime
    seen_at: datetime
    kind: str
    of_article_id: int | None
    why: str
    reason: str
    """Of the decision on it."""
    is_pinned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All there is to say of one story."""

    brief: Brief
    parts: tuple[Part, ...]
    """In the order of their arrival; of a very large story the first ones."""
    outlets: tuple[str, ...]
    origins: tuple[Origin, ...]
    """Its independent sources."""
    alerts: tuple[dict[str, Any], ...] = ()
    choices: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    stories: tuple[Brief, ...]
    total: int


def list_stories(
    session: Session,
    *,
    topic: str = "",
    state: State | None = None,
    is_any: bool = False,
    limit: int = 50,
    offset: int = 0,
    now: datetime,
) -> Page:
    """Stories, the latest grown first; those that matched a topic, or with `is_any` all."""
    conditions: list[ColumnElement[bool]] = [col(StoryRow.part_of).is_(None)]
    matched = select(MatchRow.story_id)
    if topic:
        conditions.append(col(StoryRow.id).in_(matched.where(MatchRow.topic == topic)))
    elif not is_any:
        conditions.append(col(StoryRow.id).in_(matched))
    if state is not None:
        conditions.append(stories.in_state(state, now=now))
    total = session.exec(select(func.count()).select_from(StoryRow).where(*conditions)).one()
    latest = select(StoryRow).where(*conditions).order_by(col(StoryRow.last_seen_at).desc(), col(StoryRow.id).desc())
    rows = session.exec(latest.limit(limit).offset(offset)).all()
    return Page(stories=_briefs(session, rows, now), total=total)


def find(session: Session, number: int, *, now: datetime, preferred: Sequence[str] = ()) -> Story:
    """A story by its number, or the one that it became part of. Raises UnknownError."""
    story_id = _story(session, number)
    carriers = stories.carriers(session, [story_id])[story_id]
    row = session.get(StoryRow, story_id) or StoryRow(id=story_id, **stories.counted(carriers, preferred))
    return Story(
        brief=_briefs(session, [row], now)[0],
        parts=_parts(session, story_id),
        outlets=ledger.outlets(carriers),
        origins=ledger.origins(carriers),
        alerts=_alerts(session, story_id),
        choices=tuple(_choice(each) for each in stories.choices(session, story_id)),
    )


def _story(session: Session, number: int) -> int:
    found = stories.resolve(session, number)
    if found is None:
        raise UnknownError(f"there is no story {number}")
    return found


def _briefs(session: Session, rows: Sequence[StoryRow], now: datetime) -> tuple[Brief, ...]:
    leads = {row.id: row for row in _leads(session, [row.lead_article_id for row in rows])}
    matched = _by_story(session, select(MatchRow.story_id, MatchRow.topic), MatchRow.story_id, rows)
    told = _by_story(session, select(AlertRow.story_id, AlertRow.topic), AlertRow.story_id, rows)
    return tuple(
        Brief(
            id=row.id,
            title=lead.title,
            lead_article_id=lead.id,
            language=lead.language,
            source=lead.outlet,
            state=ledger.state(row.first_seen_at, row.last_seen_at, row.outlets, now=now),
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            articles=row.articles,
            outlets=row.outlets,
            topics=matched.get(row.id, ()),
            told=told.get(row.id, ()),
        )
        for row in rows
        if (lead := leads.get(row.lead_article_id))
    )


def _leads(session: Session, ids: Collection[int]) -> Sequence[Any]:
    asked = (
        select(ArticleRow.id, ArticleRow.title, ArticleRow.language, stories.outlet_of().label("outlet"))
        .select_from(stories.WITH_OUTLET)
        .where(col(ArticleRow.id).in_(ids))
    )
    return session.exec(asked).all()


def _by_story(session: Session, asked: Any, column: Any, rows: Sequence[StoryRow]) -> dict[int, tuple[str, ...]]:
    titles = topics.titles(session)
    found: dict[int, dict[str, None]] = {}
    for story_id, topic in session.exec(asked.where(col(column).in_([row.id for row in rows])).distinct()):
        found.setdefault(story_id, {})[titles.get(topic, topic)] = None
    return {story_id: tuple(sorted(names)) for story_id, names in found.items()}


def _parts(session: Session, story_id: int) -> tuple[Part, ...]:
    asked = (
        select(ArticleRow, stories.outlet_of())
        .select_from(stories.WITH_OUTLET)
        .where(ArticleRow.story_id == story_id)
        .order_by(col(ArticleRow.id))
        .limit(_SHOWN)
    )
    return tuple(
        Part(
            article_id=row.id or 0,
            title=row.title,
            language=row.language,
            url=row.url,
            outlet=outlet,
            wire=row.wire,
            published_at=row.published_at,
            seen_at=row.seen_at,
            kind=row.kind,
            of_article_id=row.of_article_id,
            why=row.why,
            reason=Reason[row.decision].value,
            is_pinned=row.is_pinned,
        )
        for row, outlet in session.exec(asked)
    )


def _alerts(session: Session, story_id: int) -> tuple[dict[str, Any], ...]:
    rows = session.exec(select(AlertRow).where(AlertRow.story_id == story_id).order_by(col(AlertRow.created_at)))
    titles = topics.titles(session)
    return tuple(
        {
            "id": row.id,
            "kind": row.kind,
            "topic": titles.get(row.topic, row.topic),
            "title": row.title,
            "says": row.payload.get("body", ""),
            "article_id": row.article_id,
            "created_at": row.created_at,
        }
        for row in rows
    )


def _choice(row: StoryChoiceRow) -> dict[str, Any]:
    return {
        "at": row.at,
        "by": row.by,
        "verb": row.verb,
        "from_story_id": row.from_story_id,
        "to_story_id": row.to_story_id,
        "article_ids": row.article_ids,
        "note": row.note,
        "words": _words(row),
    }


def _words(row: StoryChoiceRow) -> str:
    count = len(row.article_ids)
    which = f"article {row.article_ids[0]}" if count == 1 else f"{count} articles"
    if row.verb == "merge":
        return f"merged story {row.from_story_id} into story {row.to_story_id} ({which})"
    if row.verb == "split":
        return f"split {which} off story {row.from_story_id} as story {row.to_story_id}"
    return f"moved {which} from story {row.from_story_id} to story {row.to_story_id}"


# --- saying -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was done, and how it is undone."""

    story_id: int
    """Where the articles are now."""
    words: str
    undo: str
    """A command line, without `monitor`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who says it, and what goes with that."""

    by: str
    now: datetime
    note: str = ""
    preferred: tuple[str, ...] = ()


def merge(session: Session, into: int, other: int, hand: Hand) -> Said:
    """All of the story `other` becomes part of `into`. Whatever was told for either stays told: nobody is told again.

    Raises UnknownError, or DeskError where they are one already.
    """
    serialize_decisions(session)
    if into == other:
        raise DeskError(f"story {into} cannot be merged with itself")
    to_id, from_id = _story(session, into), _story(session, other)
    if to_id == from_id:
        raise DeskError(f"stories {into} and {other} are one already: story {to_id}")
    ids = [each.article_id for each in stories.carriers(session, [from_id])[from_id]]
    stories.move(session, ids, to_id, hand.preferred)
    undo = _split_command(ids)
    return _said(session, "merge", ids, from_id, to_id, undo, hand)


def split(session: Session, article_ids: Sequence[int], hand: Hand) -> Said:
    """Articles of one story, with the copies of them, become a story of their own.

    Raises UnknownError, or DeskError where nothing would be left.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    ids = stories.with_copies(session, from_id, named)
    if len(ids) == len(stories.carriers(session, [from_id])[from_id]):
        copies = " with its copies" if len(named) == 1 else " with their copies"
        which = "is the only article" if len(ids) == 1 else "are all the articles"
        who = _listed(named) + copies * (len(ids) > len(named))
        raise DeskError(f"{who} {which} of story {from_id}: there is nothing to split off from")
    left_id, new_id = stories.split_off(session, ids, hand.preferred)
    return _said(session, "split", ids, left_id, new_id, f"stories merge {left_id} {new_id}", hand)


def move(session: Session, article_ids: Sequence[int], to: int, hand: Hand) -> Said:
    """Articles of one story, with the copies of them, go to another.

    Raises UnknownError, or DeskError where they are there already.
    """
    serialize_decisions(session)
    named, from_id = _of_one_story(session, article_ids)
    to_id = _story(session, to)
    if from_id == to_id:
        verb = "is" if len(named) == 1 else "are"
        raise DeskError(f"{_listed(named)} {verb} in story {to_id} already")
    ids = stories.with_copies(session, from_id, named)
    left_id = stories.move(session, ids, to_id, hand.preferred)
    is_emptied = left_id == to_id
    undo = _split_command(ids) if is_emptied else f"stories move {' '.join(map(str, ids))} --to {left_id}"
    return _said(session, "move", ids, from_id if is_emptied else left_id, to_id, undo, hand)


def _of_one_story(session: Session, article_ids: Sequence[int]) -> tuple[list[int], int]:
    ids = sorted(set(article_ids))
    if not ids:
        raise DeskError("name at least one article")
    if len(ids) > MANY:
        raise DeskError(f"name at most {MANY} articles at once")
    of = stories.articles_of(session, ids)
    missing = [each for each in ids if each not in of]
    if missing:
        raise UnknownError(f"there {'is' if len(missing) == 1 else 'are'} no {_listed(missing)}")
    if len(set(of.values())) > 1:
        where = ", ".join(f"{each} in story {of[each]}" for each in ids[:10])
        raise DeskError(f"these articles are of different stories ({where}): name those of one story at a time")
    return ids, of[ids[0]]


def _listed(ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, ids[:10])) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
    return f"article {shown}" if len(ids) == 1 else f"articles {shown}"


def _split_command(ids: Sequence[int]) -> str:
    return f"stories split {' '.join(map(str, ids))}"


def _said(session: Session, verb: str, ids: list[int], from_id: int, to_id: int, undo: str, hand: Hand) -> Said:
    row = StoryChoiceRow(
        at=hand.now,
        by=hand.by,
        verb=verb,
        from_story_id=from_id,
        to_story_id=to_id,
        article_ids=ids,
        note=hand.note[:2000],
    )
    words = _words(row)
    stories.add_choice(session, row)
    stories.pin(session, to_id, ids)
    return Said(story_id=to_id, words=words, undo=undo)
