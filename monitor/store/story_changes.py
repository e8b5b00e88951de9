"""Writes stories: adds arriving articles, merges, splits and moves them, and records these changes and who made them.

The caller checks that a change makes sense (for what people ask for: `monitor.review.story_edits`). `store.stories` reads them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import Table, bindparam, insert, or_, select, update
from sqlmodel import Session, col

from monitor.store import alerts
from monitor.store.statements import Prepared, chunks
from monitor.store.stories.story_articles import carriers, derived_counts
from monitor.store.stories.story_members import articles_of, members
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryEditRow, StoryRow
from monitor.types.matching import Reason

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]

MACHINE = "the monitor"
"""`StoryEdit.by` of merges that the program made by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryEdit:
    """A recorded merge, split or move of articles from one story to another, by a person or by the program."""

    at: datetime
    by: str
    verb: str
    """`merge`, `split` or `move`."""
    from_story_id: int
    to_story_id: int
    article_ids: list[int]
    note: str = ""


# --- arriving articles --------------------------------------------------------------------------------------------------


def open_story(session: Session, article_id: int, *, seen_at: datetime) -> None:
    """Create the row of the story that a newly stored article opens."""
    _INSERT_STORY.write(
        session,
        {
            "id": article_id,
            "lead_article_id": article_id,
            "first_seen_at": seen_at,
            "last_seen_at": seen_at,
            "articles": 1,
            "outlets": 1,
        },
    )


def recount(session: Session, story_id: int, preferred: Sequence[str] = ()) -> None:
    """Recompute a story's row from its articles; nothing where it has none."""
    articles = carriers(session, [story_id])[story_id]
    if not articles:
        return
    counts = derived_counts(articles, preferred)
    if not _UPDATE_STORY.write(session, {"story": story_id, **counts}):
        session.connection().execute(insert(_stories).values(id=story_id, **counts))


# --- moving -------------------------------------------------------------------------------------------------------------


def with_copies(session: Session, story_id: int, article_ids: Collection[int]) -> list[int]:
    """These articles and their copies in the story, sorted; copies follow their original, unless a person placed them."""
    found = set(article_ids)
    for each in members(session, story_id):  # ordered by id: an original comes before its copies
        if each.copy_of in found and not each.is_pinned:
            found.add(each.id)
    return sorted(found)


def split_off(session: Session, article_ids: Collection[int], preferred: Sequence[str] = ()) -> tuple[int, int]:
    """Move articles of one story into a new story; returns (number of what is left, number of the new one).

    Where one of them opened a story that was merged away, the new story gets that number again.
    """
    from_id = articles_of(session, article_ids)[min(article_ids)]
    merged_away = select(_stories.c.id).where(_stories.c.id.in_(article_ids), _stories.c.part_of.is_not(None))
    old_id = session.connection().execute(merged_away.order_by(_stories.c.id)).scalars().first()
    left_id = _renumber_rest(session, from_id, article_ids)
    new_id = old_id or (from_id if from_id in article_ids else min(article_ids))
    _assign(session, article_ids, new_id)
    if from_id not in (left_id, new_id):
        _redirect(session, from_id, new_id)
    for story_id in (left_id, new_id):
        _show_one_match(session, story_id)
        recount(session, story_id, preferred)
    return left_id, new_id


def move(session: Session, article_ids: Collection[int], to_id: int, preferred: Sequence[str] = ()) -> int:
    """Move articles of one story into another; returns the number of what is left, or `to_id` where nothing is."""
    from_id = articles_of(session, article_ids)[min(article_ids)]
    left = {each.article_id for each in carriers(session, [from_id])[from_id]} - set(article_ids)
    left_id = _renumber_rest(session, from_id, article_ids) if left else to_id
    _assign(session, article_ids, to_id)
    _hide_copies(session, article_ids, to_id)
    if left:
        recount(session, left_id, preferred)
        if left_id != from_id:
            _redirect(session, from_id, to_id)
    else:
        _renumber(session, from_id, to_id)
        _redirect(session, from_id, to_id)
    recount(session, to_id, preferred)
    return left_id


def may_be_merged(session: Session, story_id: int) -> bool:
    """Whether the program may merge this story into another on its own account: no person has changed it."""
    is_pinned = select(_articles.c.id).where(_articles.c.story_id == story_id, _articles.c.is_pinned).limit(1)
    is_changed_by_person = any(each.by != MACHINE for each in edits(session, story_id))
    return not is_changed_by_person and session.connection().execute(is_pinned).first() is None


def merge_by_program(
    session: Session, from_id: int, to_id: int, *, because: str, now: datetime, preferred: Sequence[str] = ()
) -> None:
    """Merge a small story into another one on the program's own account. Alerts of both move along, so none is sent again."""
    ids = [each.article_id for each in carriers(session, [from_id])[from_id]]
    move(session, ids, to_id, preferred)
    edit = StoryEdit(
        at=now, by=MACHINE, verb="merge", from_story_id=from_id, to_story_id=to_id, article_ids=ids, note=because
    )
    add_edit(session, edit)


def _redirect(session: Session, story_id: int, part_of: int) -> None:
    """Make the number of an emptied story lead to another story."""
    redirect = update(_stories).where(_stories.c.id == story_id).values(part_of=part_of, articles=0, outlets=0)
    session.connection().execute(redirect)


def _renumber_rest(session: Session, story_id: int, article_ids: Collection[int]) -> int:
    """Renumber what is left of a story where the article that numbers it is among those leaving; returns its number."""
    if story_id not in article_ids:
        return story_id
    remaining = [
        each.article_id for each in carriers(session, [story_id])[story_id] if each.article_id not in article_ids
    ]
    new_id = min(remaining)
    connection = session.connection()
    for ids in chunks(remaining):
        connection.execute(update(_articles).where(_articles.c.id.in_(ids)).values(story_id=new_id))
        connection.execute(update(MatchRow).where(col(MatchRow.article_id).in_(ids)).values(story_id=new_id))
        alerts.move(session, new_id, of_articles=ids)
    _renumber(session, story_id, new_id)
    return new_id


def _renumber(session: Session, story_id: int, new_id: int) -> None:
    """Give what belongs to the story itself, not to an article (escalations, recorded changes), its new number."""
    alerts.move(session, new_id, of_story=story_id)
    for name in ("from_story_id", "to_story_id"):
        renumbered = update(StoryEditRow).where(col(getattr(StoryEditRow, name)) == story_id)
        session.connection().execute(renumbered.values({name: new_id}))


def _assign(session: Session, article_ids: Iterable[int], story_id: int) -> None:
    """Set the story of articles, their matches and their alerts."""
    connection = session.connection()
    for ids in chunks(sorted(article_ids)):
        connection.execute(update(_articles).where(_articles.c.id.in_(ids)).values(story_id=story_id))
        connection.execute(update(MatchRow).where(col(MatchRow.article_id).in_(ids)).values(story_id=story_id))
        alerts.move(session, story_id, of_articles=ids)


def _hide_copies(session: Session, article_ids: Collection[int], story_id: int) -> None:
    """Undo `_show_one_match` for copies that join a story with another shown match of their topic."""
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
    """Lists show copies only under another match: where a story's matches of a topic are all copies, show the first itself."""
    in_story = select(MatchRow).where(col(MatchRow.story_id) == story_id).order_by(col(MatchRow.article_id))
    by_topic: dict[str, list[MatchRow]] = defaultdict(list)
    for match in session.execute(in_story).scalars():
        by_topic[match.topic].append(match)
    for matches in by_topic.values():
        if all(each.reason == Reason.COPY.name for each in matches):
            matches[0].reason = Reason.SET_APART.name
    session.flush()


# --- recorded changes ---------------------------------------------------------------------------------------------------


def add_edit(session: Session, edit: StoryEdit) -> None:
    """Record a change of stories."""
    session.add(StoryEditRow(**asdict(edit)))
    session.flush()


def edits(session: Session, story_id: int) -> list[StoryEdit]:
    """The recorded changes of a story, oldest first."""
    is_of = or_(col(StoryEditRow.from_story_id) == story_id, col(StoryEditRow.to_story_id) == story_id)
    rows = session.execute(select(StoryEditRow).where(is_of).order_by(col(StoryEditRow.id))).scalars()
    names = [each.name for each in fields(StoryEdit)]
    return [StoryEdit(**{name: getattr(row, name) for name in names}) for row in rows]


def pin(session: Session, story_id: int, article_ids: Collection[int]) -> None:
    """Set `is_pinned` on those of the articles a person moved that the program would not have put there itself.

    Not pinned: a copy that moved along with its original, and an article that is back where it came from.
    """
    of = {each.id: each.copy_of for each in members(session, story_id)}
    moves = [(each, set(each.article_ids)) for each in edits(session, story_id) if each.by != MACHINE]
    pinned = {each: of.get(each) not in article_ids and _was_moved(each, moves) for each in article_ids}
    for value in (True, False):
        ids = sorted(each for each, is_pinned in pinned.items() if is_pinned is value)
        for some in chunks(ids):
            chosen = update(_articles).where(_articles.c.id.in_(some)).values(is_pinned=value)
            session.connection().execute(chosen)


def _was_moved(article_id: int, moves: Sequence[tuple[StoryEdit, set[int]]]) -> bool:
    """Whether moves of an article are in force; a move in the opposite direction of the one before undoes it."""
    in_force: list[tuple[int, int]] = []
    for move_, ids in moves:
        if article_id not in ids:
            continue
        if in_force and in_force[-1] == (move_.to_story_id, move_.from_story_id):
            in_force.pop()
        else:
            in_force.append((move_.from_story_id, move_.to_story_id))
    return bool(in_force)


# Built once: building a statement costs more than running it.
_INSERT_STORY = Prepared(
    insert(_stories), columns=("id", "lead_article_id", "first_seen_at", "last_seen_at", "articles", "outlets")
)
_UPDATE_STORY = Prepared(
    update(_stories)
    .where(_stories.c.id == bindparam("story"))
    .values(
        {name: bindparam(name) for name in ("lead_article_id", "first_seen_at", "last_seen_at", "articles", "outlets")}
        | {"part_of": None}
    )
)
