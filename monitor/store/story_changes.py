"""Stories as they are written: articles enter them, people merge, split and move them, and what people said is remembered.

Whether a change makes sense is decided by the caller (`monitor.review.stories`, for what people ask). Reading is in `stories`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Table, bindparam, insert, literal, or_, select, update
from sqlmodel import Session, col

from monitor.store import alerts
from monitor.store.db import Prepared, chunks
from monitor.store.stories import all_prints, articles_of, carriers, counted
from monitor.store.tables import ArticleRow, MatchRow, StoryChoiceRow, StoryRow
from monitor.stories.sources import Carrier, rank
from monitor.types.matching import Reason

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]

MACHINE = "the monitor"
"""Who gathered a story, where no person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEdit:
    """That articles of one story were put into another: a merge, split or move, by a person or by the machine."""

    at: datetime
    by: str
    verb: str
    """`merge`, `split` or `move`."""
    from_story_id: int
    to_story_id: int
    article_ids: list[int]
    note: str = ""


# --- as articles arrive -------------------------------------------------------------------------------------------------


def enter(session: Session, story_id: int, carrier: Carrier, preferred: Sequence[str] = ()) -> None:
    """An article, stored already, opens its story or is counted in it."""
    if story_id == carrier.article_id:
        _OPEN.write(
            session,
            {
                "id": story_id,
                "lead_article_id": story_id,
                "first_seen_at": carrier.seen_at,
                "last_seen_at": carrier.seen_at,
                "articles": 1,
                "outlets": 1,
            },
        )
        return
    row = next((_StoryCounts(*each) for each in _STORY.read(session, {"story": story_id})), None)
    if row is None:
        recount(session, story_id, preferred)
        return
    asked = {"story": story_id, "article": carrier.article_id, "source": carrier.source}
    is_new_outlet = not _CARRIES.run(session, asked)
    old = Carrier(
        article_id=row.lead_article_id,
        source=row.source,
        outlet=row.source,
        published_at=row.published_at,
        seen_at=row.published_at,
    )
    leads = rank(carrier, preferred) < rank(old, preferred)
    _GROW.write(
        session,
        {
            "story": story_id,
            "lead": carrier.article_id if leads else row.lead_article_id,
            "first": min(row.first_seen_at, carrier.seen_at),
            "last": max(row.last_seen_at, carrier.seen_at),
            "outlets": row.outlets + is_new_outlet,
        },
    )


def recount(session: Session, story_id: int, preferred: Sequence[str] = ()) -> None:
    """Count a story anew from its articles."""
    found = carriers(session, [story_id])[story_id]
    if not found:
        return
    values = counted(found, preferred) | {"part_of": None}
    connection = session.connection()
    if not connection.execute(update(_stories).where(_stories.c.id == story_id).values(**values)).rowcount:
        connection.execute(insert(_stories).values(id=story_id, **values))


# --- moving -------------------------------------------------------------------------------------------------------------


def with_copies(session: Session, story_id: int, article_ids: Collection[int]) -> list[int]:
    """These articles of a story, and the copies of them in it that no person placed there: those go where their original goes."""
    found = set(article_ids)
    for each in all_prints(session, story_id):  # by number: an original is always older than its copies
        if each.copy_of in found and not each.is_pinned:
            found.add(each.id)
    return sorted(found)


def split_off(session: Session, article_ids: Collection[int], preferred: Sequence[str] = ()) -> tuple[int, int]:
    """Give articles of one story a story of their own; returns the numbers of both: (what is left, the new one).

    Where some of them were a story before, it has that story's number again.
    """
    from_id = articles_of(session, article_ids)[min(article_ids)]
    had = select(_stories.c.id).where(_stories.c.id.in_(article_ids), _stories.c.part_of.is_not(None))
    was = session.connection().execute(had.order_by(_stories.c.id)).scalars().first()
    left_id = _leave(session, from_id, article_ids)
    new_id = was or (from_id if from_id in article_ids else min(article_ids))
    _take(session, article_ids, new_id)
    if from_id not in (left_id, new_id):
        _point(session, from_id, new_id)
    for story_id in (left_id, new_id):
        _show_one_match(session, story_id)
        recount(session, story_id, preferred)
    return left_id, new_id


def move(session: Session, article_ids: Collection[int], to_id: int, preferred: Sequence[str] = ()) -> int:
    """Put articles of one story into another; returns the number of what is left, or `to_id` where nothing is."""
    from_id = articles_of(session, article_ids)[min(article_ids)]
    left = {each.article_id for each in carriers(session, [from_id])[from_id]} - set(article_ids)
    left_id = _leave(session, from_id, article_ids) if left else to_id
    _take(session, article_ids, to_id)
    _hide_copies(session, article_ids, to_id)
    if left:
        recount(session, left_id, preferred)
        if left_id != from_id:
            _point(session, from_id, to_id)
    else:
        _renumber(session, from_id, to_id)
        _point(session, from_id, to_id)
    recount(session, to_id, preferred)
    return left_id


def gather(
    session: Session, from_id: int, to_id: int, *, because: str, now: datetime, preferred: Sequence[str] = ()
) -> bool:
    """Let a small story become part of another one, as the machine found. Whatever was told for either stays told.

    False, and nothing done, where a person said anything of the small one.
    """
    ids = [each.article_id for each in carriers(session, [from_id])[from_id]]
    pinned = select(_articles.c.id).where(_articles.c.story_id == from_id, _articles.c.is_pinned).limit(1)
    is_said = any(each.by != MACHINE for each in edits(session, from_id))
    if not ids or is_said or session.connection().execute(pinned).first():
        return False
    move(session, ids, to_id, preferred)
    edit = StoryEdit(
        at=now, by=MACHINE, verb="merge", from_story_id=from_id, to_story_id=to_id, article_ids=ids, note=because
    )
    add_edit(session, edit)
    return True


def _point(session: Session, story_id: int, part_of: int) -> None:
    moved = update(_stories).where(_stories.c.id == story_id).values(part_of=part_of, articles=0, outlets=0)
    session.connection().execute(moved)


def _leave(session: Session, story_id: int, article_ids: Collection[int]) -> int:
    """What stays behind keeps the story's number, unless the article of that number goes; returns the number it has then."""
    if story_id not in article_ids:
        return story_id
    staying = [
        each.article_id for each in carriers(session, [story_id])[story_id] if each.article_id not in article_ids
    ]
    new_id = min(staying)
    connection = session.connection()
    for ids in chunks(staying):
        connection.execute(update(_articles).where(_articles.c.id.in_(ids)).values(story_id=new_id))
        connection.execute(update(MatchRow).where(col(MatchRow.article_id).in_(ids)).values(story_id=new_id))
        alerts.move(session, new_id, of_articles=ids)
    _renumber(session, story_id, new_id)
    return new_id


def _renumber(session: Session, story_id: int, new_id: int) -> None:
    """What belongs to the story itself, not to an article of it, goes by its new number: escalations, what people said."""
    alerts.move(session, new_id, of_story=story_id)
    for name in ("from_story_id", "to_story_id"):
        told = update(StoryChoiceRow).where(col(getattr(StoryChoiceRow, name)) == story_id)
        session.connection().execute(told.values({name: new_id}))


def _take(session: Session, article_ids: Iterable[int], story_id: int) -> None:
    connection = session.connection()
    for ids in chunks(sorted(article_ids)):
        connection.execute(update(_articles).where(_articles.c.id.in_(ids)).values(story_id=story_id))
        connection.execute(update(MatchRow).where(col(MatchRow.article_id).in_(ids)).values(story_id=story_id))
        alerts.move(session, story_id, of_articles=ids)


def _hide_copies(session: Session, article_ids: Collection[int], story_id: int) -> None:
    """A copy that stood for itself, and is beside another match of its topic again, is named there again."""
    shown = select(col(MatchRow.topic)).where(
        col(MatchRow.story_id) == story_id,
        col(MatchRow.article_id).not_in(article_ids),
        col(MatchRow.reason) != Reason.COPY.name,
    )
    hidden = update(MatchRow).where(
        col(MatchRow.article_id).in_(article_ids),
        col(MatchRow.reason) == Reason.SET_APART.name,
        col(MatchRow.topic).in_(session.execute(shown).scalars().all()),
    )
    session.connection().execute(hidden.values(reason=Reason.COPY.name))


def _show_one_match(session: Session, story_id: int) -> None:
    """Lists name copies at the first article of their story: where only copies were split off, the first stands for itself."""
    in_story = select(MatchRow).where(col(MatchRow.story_id) == story_id).order_by(col(MatchRow.article_id))
    by_topic: dict[str, list[MatchRow]] = defaultdict(list)
    for match in session.execute(in_story).scalars():
        by_topic[match.topic].append(match)
    for matches in by_topic.values():
        if all(each.reason == Reason.COPY.name for each in matches):
            matches[0].reason = Reason.SET_APART.name
    session.flush()


# --- what people said ----------------------------------------------------------------------------------------------------


def add_edit(session: Session, edit: StoryEdit) -> None:
    """Remember what was done to stories, and by whom."""
    session.add(StoryChoiceRow(**asdict(edit)))
    session.flush()


def edits(session: Session, story_id: int) -> list[StoryEdit]:
    """What was done to a story, oldest first."""
    is_of = or_(col(StoryChoiceRow.from_story_id) == story_id, col(StoryChoiceRow.to_story_id) == story_id)
    rows = session.execute(select(StoryChoiceRow).where(is_of).order_by(col(StoryChoiceRow.id))).scalars()
    names = [each.name for each in fields(StoryEdit)]
    return [StoryEdit(**{name: getattr(row, name) for name in names}) for row in rows]


def pin(session: Session, story_id: int, article_ids: Collection[int]) -> None:
    """Remember of these articles, which a person moved, which stand where only a person would have them.

    Not so a copy beside its original, which it followed, nor an article that is back where it came from.
    """
    of = {each.id: each.copy_of for each in all_prints(session, story_id)}
    moves = [(each, set(each.article_ids)) for each in edits(session, story_id) if each.by != MACHINE]
    pinned = {each: of.get(each) not in article_ids and _was_moved(each, moves) for each in article_ids}
    for value in (True, False):
        ids = sorted(each for each, is_pinned in pinned.items() if is_pinned is value)
        for some in chunks(ids):
            chosen = update(_articles).where(_articles.c.id.in_(some)).values(is_pinned=value)
            session.connection().execute(chosen)


def _was_moved(article_id: int, moves: Sequence[tuple[StoryEdit, set[int]]]) -> bool:
    """Whether what people said of an article still stands: a move that went the opposite way of the one before undid it."""
    standing: list[tuple[int, int]] = []
    for move_, ids in moves:
        if article_id not in ids:
            continue
        if standing and standing[-1] == (move_.to_story_id, move_.from_story_id):
            standing.pop()
        else:
            standing.append((move_.from_story_id, move_.to_story_id))
    return bool(standing)


# Built once: putting a statement together costs more than running it.
_OPEN = Prepared(
    insert(_stories), columns=("id", "lead_article_id", "first_seen_at", "last_seen_at", "articles", "outlets")
)
_STORY = Prepared(
    select(
        _stories.c.lead_article_id,
        _stories.c.first_seen_at,
        _stories.c.last_seen_at,
        _stories.c.outlets,
        _articles.c.source,
        _articles.c.published_at,
    )
    .join(_articles, _articles.c.id == _stories.c.lead_article_id)
    .where(_stories.c.id == bindparam("story"))
)


class _StoryCounts(NamedTuple):
    """A row as `_STORY` has it."""

    lead_article_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    outlets: int
    source: str
    published_at: datetime


_CARRIES = Prepared(
    select(literal(1))
    .where(
        _articles.c.story_id == bindparam("story"),
        _articles.c.id != bindparam("article"),
        _articles.c.source == bindparam("source"),
    )
    .limit(1)
)
_GROW = Prepared(
    update(_stories)
    .where(_stories.c.id == bindparam("story"))
    .values(
        lead_article_id=bindparam("lead"),
        first_seen_at=bindparam("first"),
        last_seen_at=bindparam("last"),
        articles=_stories.c.articles + 1,
        outlets=bindparam("outlets"),
    )
)
