"""Stories as lists and records for review: pages, time lines, and what their articles said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, func, or_, select
from sqlmodel import Session, col

from monitor.store import decisions
from monitor.store.statements import chunks
from monitor.store.stories.story_articles import OUTLET, WITH_OUTLET, derived_counts
from monitor.store.tables.articles import ArticleRow, RevisionRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryRow
from monitor.stories.sources import StoryArticle, StoryState
from monitor.stories.timeline import Version
from monitor.stories.tuning import ACTIVE_OUTLETS, EMERGING_FOR, QUIET_AFTER_FOR
from monitor.types.matching import Reason
from monitor.types.stories import ArticleKind

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStory:
    """A story's counts, with the fields of its lead article that a list shows."""

    id: int
    lead_article_id: int
    title: str
    language: str
    outlet: str
    first_seen_at: datetime
    last_seen_at: datetime
    articles: int
    outlets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineArticle:
    """An article on the timeline of its story."""

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
    """The reason of the decision on it, in words."""
    is_pinned: bool


def page(
    session: Session,
    *,
    topic: str = "",
    state: StoryState | None = None,
    is_any: bool = False,
    limit: int,
    offset: int = 0,
    now: datetime,
) -> tuple[list[StoredStory], int]:
    """A page of stories, the last to grow first, and their total number; only those that matched a topic, unless `is_any`."""
    conditions: list[ColumnElement[bool]] = [col(StoryRow.part_of).is_(None)]
    matched = select(col(MatchRow.story_id))
    if topic:
        conditions.append(col(StoryRow.id).in_(matched.where(col(MatchRow.topic) == topic)))
    elif not is_any:
        conditions.append(col(StoryRow.id).in_(matched))
    if state is not None:
        conditions.append(_in_state(state, now=now))
    total = session.execute(select(func.count()).select_from(StoryRow).where(*conditions)).scalar_one()
    latest = select(StoryRow).where(*conditions).order_by(col(StoryRow.last_seen_at).desc(), col(StoryRow.id).desc())
    rows = session.execute(latest.limit(limit).offset(offset)).scalars().all()
    return _with_leads(session, rows), total


def _in_state(state: StoryState, *, now: datetime) -> ColumnElement[bool]:
    """The SQL equivalent of `sources.state(...) == state`."""
    is_quiet = col(StoryRow.last_seen_at) <= now - QUIET_AFTER_FOR
    is_emerging = or_(col(StoryRow.first_seen_at) > now - EMERGING_FOR, col(StoryRow.outlets) < ACTIVE_OUTLETS)
    if state is StoryState.QUIET:
        return is_quiet
    return and_(~is_quiet, is_emerging if state is StoryState.EMERGING else ~is_emerging)


def find(
    session: Session, story_id: int, carriers: Sequence[StoryArticle], preferred: Sequence[str] = ()
) -> StoredStory:
    """The story with these articles (at least one), counted anew: its row may be older than a feed's title or publisher."""
    return _with_leads(session, [StoryRow(id=story_id, **derived_counts(carriers, preferred))])[0]


def _with_leads(session: Session, rows: Sequence[StoryRow]) -> list[StoredStory]:
    asked = (
        select(_articles.c.id, _articles.c.title, _articles.c.language, OUTLET.label("outlet"))
        .select_from(WITH_OUTLET)
        .where(_articles.c.id.in_([row.lead_article_id for row in rows]))
    )
    leads = {row.id: row for row in session.execute(asked)}
    return [
        StoredStory(
            id=row.id,
            lead_article_id=lead.id,
            title=lead.title,
            language=lead.language,
            outlet=lead.outlet,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            articles=row.articles,
            outlets=row.outlets,
        )
        for row in rows
        if (lead := leads.get(row.lead_article_id))
    ]


def timeline(session: Session, story_id: int, *, limit: int) -> list[TimelineArticle]:
    """The first `limit` articles of a story, in the order of arrival."""
    rows = session.execute(_TIMELINE.where(_articles.c.story_id == story_id).limit(limit))
    return [TimelineArticle(**{**row._mapping, "reason": Reason[row.reason].value}) for row in rows]


def versions(session: Session, story_id: int, *, limit: int, characters: int) -> list[Version]:
    """What the first `limit` articles of a story said, and when: as they were published, and after each change of facts."""
    rows = session.execute(_VERSIONS, {"story": story_id, "limit": limit, "characters": characters}).all()
    replaced: dict[int, list[Row[Any]]] = defaultdict(list)
    for ids in chunks([row.id for row in rows]):
        for revision in session.execute(_REPLACED, {"articles": ids, "characters": characters}):
            replaced[revision.article_id].append(revision)
    return [version for row in rows for version in _versions_of(row, replaced[row.id])]


def _versions_of(row: Row[Any], replaced: Sequence[Row[Any]]) -> list[Version]:
    """The versions of one article; one that was replaced without a change of facts counts as the next one."""
    readings = [*replaced, row]
    is_copy, is_corrected = row.kind == ArticleKind.COPY.value, row.kind == ArticleKind.UPDATE.value
    first = Version(
        article_id=row.id,
        at=row.published_at,
        title=readings[0].title,
        text=readings[0].text,
        language=row.language,
        copy_of=row.of_article_id if is_copy else None,
        change=row.why if is_corrected else "",
    )
    later = [
        Version(
            article_id=row.id,
            at=old.replaced_at,
            title=new.title,
            text=new.text,
            language=row.language,
            change=old.why,
            is_later=True,
        )
        for old, new in zip(replaced, readings[1:], strict=True)
        if old.is_material
    ]
    return [first, *later]


def others(session: Session, story_id: int, *, without: int, limit: int) -> list[tuple[int, str, str, str]]:
    """The articles of a story except one, as (article id, outlet, title, kind)."""
    asked = (
        select(_articles.c.id, OUTLET, _articles.c.title, _articles.c.kind)
        .select_from(WITH_OUTLET)
        .where(_articles.c.story_id == story_id, _articles.c.id != without)
        .order_by(_articles.c.id)
        .limit(limit)
    )
    return [(number, outlet, title, kind) for number, outlet, title, kind in session.execute(asked)]


_VERSIONS = (
    select(
        *(_articles.c[name] for name in ("id", "title", "language", "published_at", "kind", "of_article_id", "why")),
        func.substr(_articles.c.text, 1, bindparam("characters")).label("text"),
    )
    .where(_articles.c.story_id == bindparam("story"))
    .order_by(_articles.c.id)
    .limit(bindparam("limit"))
)
_REPLACED = (
    select(
        *(col(getattr(RevisionRow, name)) for name in ("article_id", "replaced_at", "title", "is_material", "why")),
        func.substr(col(RevisionRow.text), 1, bindparam("characters")).label("text"),
    )
    .where(col(RevisionRow.article_id).in_(bindparam("articles", expanding=True)))
    .order_by(col(RevisionRow.id))
)
_TIMELINE = (
    select(
        _articles.c.id.label("article_id"),
        OUTLET.label("outlet"),
        decisions.in_force("reason").label("reason"),
        *(_articles.c[name] for name in ("title", "language", "url", "wire", "published_at", "seen_at", "kind")),
        *(_articles.c[name] for name in ("of_article_id", "why", "is_pinned")),
    )
    .select_from(WITH_OUTLET)
    .order_by(_articles.c.id)
)
