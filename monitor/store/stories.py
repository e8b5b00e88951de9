"""Stories as rows: what is counted of them, who carries them, and moving articles from one to another.

A story's number is that of one of its articles: of the first, as long as nobody moves that one elsewhere. So no two stories
ever claim one number, and an article split off always finds a free one. Whether a move makes sense is decided in `monitor.desk`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, func, insert, or_, select, update
from sqlmodel import Session, col

from monitor.ledger import Carrier, State, lead
from monitor.store import alerts
from monitor.store.tables import ArticleRow, FeedRow, MatchRow, StoryChoiceRow, StoryRow
from monitor.stories_tuning import ACTIVE_OUTLETS, EMERGING_FOR, QUIET_AFTER_FOR
from monitor.types import Kind, Reason
from monitor.wires import credit

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]
_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]

WITH_OUTLET = _articles.outerjoin(_feeds, _feeds.c.name == _articles.c.source)
"""Articles beside their feeds, for `outlet_of`."""

_CHUNK = 500
MACHINE = "the monitor"
"""Who gathered a story, where no person did."""
_PRINTS = (Kind.COPY.value, Kind.UPDATE.value)
"""Kinds of articles that print another one's text: as it was, or corrected."""


def outlet_of() -> ColumnElement[str]:
    """What people call an article's source: by the settings, by the feed itself, else by the feed's name."""
    return func.coalesce(func.nullif(_feeds.c.title, ""), func.nullif(_feeds.c.own_title, ""), _articles.c.source)


def outlet(session: Session, source: str) -> str:
    """What people call a feed."""
    row = session.connection().execute(_TITLES, {"source": source}).first()
    return (row.title or row.own_title or source) if row else source


# --- counting -----------------------------------------------------------------------------------------------------------


def recount(session: Session, story_id: int, preferred: Sequence[str] = ()) -> None:
    """Count a story anew from its articles."""
    found = carriers(session, [story_id])[story_id]
    if not found:
        return
    values = counted(found, preferred) | {"part_of": None}
    connection = session.connection()
    if not connection.execute(update(_stories).where(_stories.c.id == story_id).values(**values)).rowcount:
        connection.execute(insert(_stories).values(id=story_id, **values))


def counted(found: Sequence[Carrier], preferred: Sequence[str] = ()) -> dict[str, Any]:
    """What a story's row says of its articles."""
    return {
        "lead_article_id": lead(found, preferred).article_id,
        "first_seen_at": min(each.seen_at for each in found),
        "last_seen_at": max(each.seen_at for each in found),
        "articles": len(found),
        "outlets": len({each.source for each in found}),
    }


def carriers(session: Session, story_ids: Collection[int]) -> dict[int, list[Carrier]]:
    """The articles of stories, in the order of their arrival."""
    found: dict[int, list[Carrier]] = defaultdict(list)
    ids = sorted(story_ids)
    for start in range(0, len(ids), _CHUNK):
        for row in session.connection().execute(_CARRIERS, {"stories": ids[start : start + _CHUNK]}):
            found[row.story_id].append(_carrier(row))
    return found


def _carrier(row: Row[Any]) -> Carrier:
    return Carrier(
        article_id=row.id,
        source=row.source,
        outlet=row.outlet,
        published_at=row.published_at,
        seen_at=row.seen_at,
        wire=row.wire or _agency(row.outlet),
        copy_of=row.of_article_id if row.kind in _PRINTS else None,
    )


@lru_cache(maxsize=1_000)
def _agency(outlet: str) -> str:
    """What an agency's own feed carries counts as that agency's, signed or not."""
    return credit(outlet, "")


# --- prints: copies, and corrected copies, of one text -------------------------------------------------------------------


def prints(session: Session, story_id: int, article_ids: Collection[int]) -> dict[int, tuple[str, datetime]]:
    """The articles of a story that print the text of these, these included: article -> (kind, published at)."""
    rows = session.connection().execute(_PRINTED, {"story": story_id}).all()
    of = {row.id: row.of_article_id for row in rows if row.kind in _PRINTS}
    wanted = {_original(each, of) for each in article_ids}
    return {row.id: (row.kind, row.published_at) for row in rows if _original(row.id, of) in wanted}


def with_copies(session: Session, story_id: int, article_ids: Collection[int]) -> list[int]:
    """These articles of a story, and the copies of them in it that no person placed there: those go where their original goes."""
    rows = session.connection().execute(_PRINTED, {"story": story_id}).all()
    of = {row.id: row.of_article_id for row in rows if row.kind in _PRINTS}
    found = set(article_ids)
    for row in rows:  # by number: an original is always older than its copies
        if of.get(row.id) in found and not row.is_pinned:
            found.add(row.id)
    return sorted(found)


def pin(session: Session, story_id: int, article_ids: Collection[int]) -> None:
    """Remember of these articles, which a person moved, which stand where only a person would have them.

    Not so a copy beside its original, which it followed, nor an article that is back where it came from.
    """
    rows = session.connection().execute(_PRINTED, {"story": story_id}).all()
    of = {row.id: row.of_article_id for row in rows if row.kind in _PRINTS}
    moves = [(each, set(each.article_ids)) for each in choices(session, story_id) if each.by != MACHINE]
    pinned = {each: of.get(each) not in article_ids and _was_moved(each, moves) for each in article_ids}
    for value in (True, False):
        ids = sorted(each for each, is_pinned in pinned.items() if is_pinned is value)
        for start, end in chunks(ids):
            chosen = update(_articles).where(_articles.c.id.in_(ids[start:end])).values(is_pinned=value)
            session.connection().execute(chosen)


def _was_moved(article_id: int, moves: Sequence[tuple[StoryChoiceRow, set[int]]]) -> bool:
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


def _original(article_id: int, of: dict[int, int | None]) -> int:
    seen = {article_id}
    while (above := of.get(article_id)) is not None and above not in seen:
        article_id = above
        seen.add(above)
    return article_id


# --- finding ------------------------------------------------------------------------------------------------------------


def resolve(session: Session, story_id: int) -> int | None:
    """The story that goes by this number now, or that it became part of; None where there is none."""
    connection = session.connection()
    for _ in range(100):
        row = connection.execute(select(_stories.c.part_of).where(_stories.c.id == story_id)).first()
        if row is None or row.part_of is None:
            is_there = connection.execute(
                select(_articles.c.id).where(_articles.c.story_id == story_id).limit(1)
            ).first()
            return story_id if is_there else None
        story_id = row.part_of
    return None


def in_state(state: State, *, now: datetime) -> ColumnElement[bool]:
    """The condition on rows that `ledger.state` answers with `state`."""
    is_quiet = col(StoryRow.last_seen_at) <= now - QUIET_AFTER_FOR
    is_emerging = or_(col(StoryRow.first_seen_at) > now - EMERGING_FOR, col(StoryRow.outlets) < ACTIVE_OUTLETS)
    if state is State.QUIET:
        return is_quiet
    return and_(~is_quiet, is_emerging if state is State.EMERGING else ~is_emerging)


def articles_of(session: Session, article_ids: Collection[int]) -> dict[int, int]:
    """Article -> its story, of those that exist."""
    asked = select(_articles.c.id, _articles.c.story_id).where(_articles.c.id.in_(article_ids))
    return {row.id: row.story_id for row in session.connection().execute(asked)}


# --- moving -------------------------------------------------------------------------------------------------------------


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
    is_said = any(each.by != MACHINE for each in choices(session, from_id))
    if not ids or is_said or session.connection().execute(pinned).first():
        return False
    move(session, ids, to_id, preferred)
    add_choice(
        session,
        StoryChoiceRow(
            at=now, by=MACHINE, verb="merge", from_story_id=from_id, to_story_id=to_id, article_ids=ids, note=because
        ),
    )
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
    for at, until in chunks(staying):
        ids = staying[at:until]
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
    ids = sorted(article_ids)
    connection = session.connection()
    for at, until in chunks(ids):
        part = ids[at:until]
        connection.execute(update(_articles).where(_articles.c.id.in_(part)).values(story_id=story_id))
        connection.execute(update(MatchRow).where(col(MatchRow.article_id).in_(part)).values(story_id=story_id))
        alerts.move(session, story_id, of_articles=part)


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


def chunks(ids: Sequence[int]) -> Iterable[tuple[int, int]]:
    return ((start, start + _CHUNK) for start in range(0, len(ids), _CHUNK))


def add_choice(session: Session, choice: StoryChoiceRow) -> None:
    """Remember what a person said."""
    session.add(choice)
    session.flush()


def choices(session: Session, story_id: int) -> list[StoryChoiceRow]:
    """What people said of a story, oldest first."""
    is_of = or_(col(StoryChoiceRow.from_story_id) == story_id, col(StoryChoiceRow.to_story_id) == story_id)
    return list(session.execute(select(StoryChoiceRow).where(is_of).order_by(col(StoryChoiceRow.id))).scalars())


# Built once: putting a statement together costs more than running it.
_TITLES = select(_feeds.c.title, _feeds.c.own_title).where(_feeds.c.name == bindparam("source"))
_PRINTED = (
    select(_articles.c.id, _articles.c.of_article_id, _articles.c.kind, _articles.c.published_at, _articles.c.is_pinned)
    .where(_articles.c.story_id == bindparam("story"))
    .order_by(_articles.c.id)
)
_CARRIERS = (
    select(
        _articles.c.id,
        _articles.c.story_id,
        _articles.c.source,
        outlet_of().label("outlet"),
        _articles.c.published_at,
        _articles.c.seen_at,
        _articles.c.wire,
        _articles.c.of_article_id,
        _articles.c.kind,
    )
    .select_from(WITH_OUTLET)
    .where(_articles.c.story_id.in_(bindparam("stories", expanding=True)))
    .order_by(_articles.c.id)
)
