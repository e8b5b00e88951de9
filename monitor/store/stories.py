"""Reads stories: their articles and outlets, which articles share one text, and the lists and records for review.

A story's number is the id of one of its articles: of the first, unless a person moved that one elsewhere. So no two stories
ever have one number, and a story that is split off always finds a free one. `story_changes` does all writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, Table, and_, bindparam, func, literal, or_, select
from sqlmodel import Session, col

from monitor.store import decisions
from monitor.store.db import Prepared, chunks
from monitor.store.tables.articles import ArticleRow, EntryRow, RevisionRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryRow
from monitor.stories import publishers
from monitor.stories.agencies import credited_agency
from monitor.stories.publishers import Attribution, Publisher
from monitor.stories.sources import StoryArticle, StoryState, lead
from monitor.stories.timeline import Version
from monitor.stories.tuning import ACTIVE_OUTLETS, EMERGING_FOR, QUIET_AFTER_FOR
from monitor.types.matching import Article, Reason
from monitor.types.stories import ArticleKind

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]
_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]

_WITH_OUTLET = _articles.outerjoin(_feeds, _feeds.c.name == _articles.c.source)
"""Articles joined to their feeds, for `_OUTLET`."""
_OUTLET: ColumnElement[str] = func.coalesce(
    func.nullif(_articles.c.outlet, ""),
    func.nullif(_feeds.c.title, ""),
    func.nullif(_feeds.c.own_title, ""),
    _articles.c.source,
)
"""An article's outlet: as an aggregator names it, else the feed's title in the settings, else its own title, else its name."""

USUAL_WITHIN_FOR = timedelta(days=30)
_USUAL_ROWS = 2_000
_SAME_TEXT_KINDS = (ArticleKind.COPY.value, ArticleKind.UPDATE.value)
"""Kinds of articles that carry the text of another one, unchanged or corrected."""


# --- articles and outlets ------------------------------------------------------------------------------------------------


class _Feed(NamedTuple):
    """The columns of `_FEED`."""

    title: str = ""
    own_title: str = ""
    publisher: str = ""
    url: str = ""
    site_url: str = ""


def outlet_of_feed(session: Session, source: str) -> str:
    """The outlet of a feed: its title, else its name."""
    feed = _feed(session, source)
    return feed.title or feed.own_title or source


def published_by(session: Session, article: Article) -> tuple[str, Publisher]:
    """What readers call the outlet of an article that is not stored yet (as an aggregator names it, else as its feed does), and
    who published it."""
    feed = _feed(session, article.source)
    publisher = publishers.publisher_of(
        Attribution(
            feed=article.source,
            feed_title=feed.title or feed.own_title,
            publisher=feed.publisher,
            feed_urls=(feed.url, feed.site_url) if feed.url else (),
            outlet=article.outlet,
            outlet_host=article.outlet_host,
            url=article.url,
        )
    )
    return article.outlet or feed.title or feed.own_title or article.source, publisher


def _feed(session: Session, source: str) -> _Feed:
    rows = _FEED.run(session, {"source": source})
    return _Feed(*rows[0]) if rows else _Feed()


def derived_counts(carriers: Sequence[StoryArticle], preferred: Sequence[str] = ()) -> dict[str, Any]:
    """The columns of a story's row that are derived from its articles (at least one)."""
    return {
        "lead_article_id": lead(carriers, preferred).article_id,
        "first_seen_at": min(each.seen_at for each in carriers),
        "last_seen_at": max(each.seen_at for each in carriers),
        "articles": len(carriers),
        "outlets": len({each.publisher for each in carriers}),
    }


def carriers(session: Session, story_ids: Collection[int]) -> dict[int, list[StoryArticle]]:
    """Story -> its articles in the order of arrival; an empty list for a story without any."""
    if len(story_ids) == 1:
        (story_id,) = story_ids
        rows = _CARRIERS_OF_ONE.read(session, {"story": story_id})
        return defaultdict(list, {story_id: publishers.united([_carrier(_CarrierRow(*row)) for row in rows])})
    found: dict[int, list[StoryArticle]] = defaultdict(list)
    for ids in chunks(sorted(story_ids)):
        for row in session.connection().execute(_CARRIERS, {"stories": ids}):
            found[row.story_id].append(_carrier(_CarrierRow(*row)))
    return defaultdict(list, {story_id: publishers.united(of_story) for story_id, of_story in found.items()})


class _CarrierRow(NamedTuple):
    """The columns of `_CARRIER_COLUMNS`."""

    id: int
    story_id: int
    source: str
    outlet: str
    named_outlet: str
    outlet_host: str
    url: str
    feed_title: str | None
    publisher: str | None
    feed_url: str | None
    site_url: str | None
    published_at: datetime
    seen_at: datetime
    wire: str
    of_article_id: int | None
    kind: str


def _carrier(row: _CarrierRow) -> StoryArticle:
    publisher = publishers.publisher_of(
        Attribution(
            feed=row.source,
            feed_title=row.feed_title or "",
            publisher=row.publisher or "",
            feed_urls=(row.feed_url or "", row.site_url or ""),
            outlet=row.named_outlet,
            outlet_host=row.outlet_host,
            url=row.url,
        )
    )
    return StoryArticle(
        article_id=row.id,
        publisher=publisher.key,
        publisher_name=publisher.name,
        is_named_only=publisher.is_named_only,
        outlet=row.outlet,
        feed=row.source,
        published_at=row.published_at,
        seen_at=row.seen_at,
        agency=row.wire or _agency(row.outlet),
        copy_of=row.of_article_id if row.kind in _SAME_TEXT_KINDS else None,
    )


@lru_cache(maxsize=1_000)
def _agency(outlet: str) -> str:
    """The agency that an outlet is, or '': texts in an agency's own feed are that agency's, credited or not."""
    return credited_agency(outlet, "")


def recent_arrivals(session: Session, topic: str, *, without: Collection[int], now: datetime) -> list[list[datetime]]:
    """For each story of a topic in the last 30 days, except those of `without`, when its articles (without copies) were seen."""
    seen: dict[int, list[datetime]] = defaultdict(list)
    asked = (
        select(col(MatchRow.story_id), col(ArticleRow.seen_at))
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(
            col(MatchRow.topic) == topic,
            col(MatchRow.created_at) >= now - USUAL_WITHIN_FOR,
            col(MatchRow.story_id).not_in(without),
            col(MatchRow.reason) != Reason.COPY.name,
        )
        .order_by(col(MatchRow.created_at).desc())
        .limit(_USUAL_ROWS)
    )
    for story_id, seen_at in session.connection().execute(asked):
        seen[story_id].append(seen_at)
    return list(seen.values())


class Opener(NamedTuple):
    """The article whose number its story has, as the alerts on it identify it."""

    url: str
    source: str
    guid: str
    """In its feed; its title where no feed showed it."""


def opener(session: Session, story_id: int) -> Opener | None:
    """The article whose number this story has; None where it is gone."""
    for url, source, title, guid in _OPENER.run(session, {"story": story_id}):
        return Opener(url, source, guid or title)
    return None


# --- copies, and corrected copies, of one text ---------------------------------------------------------------------------


class StoryMember(NamedTuple):
    """An article of a story and whose text it carries."""

    id: int
    of_article_id: int | None
    kind: str
    published_at: datetime
    is_pinned: bool

    @property
    def copy_of(self) -> int | None:
        """The article whose text it carries, unchanged or corrected; None for a text of its own."""
        return self.of_article_id if self.kind in _SAME_TEXT_KINDS else None


def members(session: Session, story_id: int) -> list[StoryMember]:
    """Every article of a story, ordered by id: an original comes before its copies."""
    return [StoryMember(*row) for row in session.connection().execute(_MEMBERS, {"story": story_id})]


def same_text(session: Session, story_id: int, article_ids: Collection[int]) -> dict[int, tuple[str, datetime]]:
    """The articles of a story that share a text with one of these, these included: id -> (kind, published at)."""
    found = members(session, story_id)
    of = {each.id: each.copy_of for each in found}
    wanted = {_original(each, of) for each in article_ids}
    return {each.id: (each.kind, each.published_at) for each in found if _original(each.id, of) in wanted}


def _original(article_id: int, of: dict[int, int | None]) -> int:
    seen = {article_id}
    while (above := of.get(article_id)) is not None and above not in seen:
        article_id = above
        seen.add(above)
    return article_id


def has_later_version(session: Session, story_id: int, article_id: int, at: datetime) -> bool:
    """Whether the text of this article was corrected after `at`: in place, or by a corrected copy published since."""
    same = same_text(session, story_id, [article_id])
    if any(kind == ArticleKind.UPDATE.value and published_at > at for kind, published_at in same.values()):
        return True
    return any(
        session.connection().execute(_REVISED_SINCE, {"articles": ids, "at": at}).first()
        for ids in chunks(sorted(same))
    )


# --- look-up -------------------------------------------------------------------------------------------------------------


def resolve(session: Session, story_id: int) -> int | None:
    """The story with this number, or the one that it became part of; None where there is none."""
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


def articles_of(session: Session, article_ids: Collection[int]) -> dict[int, int]:
    """Article -> its story, for those that exist."""
    asked = select(_articles.c.id, _articles.c.story_id).where(_articles.c.id.in_(article_ids))
    return {row.id: row.story_id for row in session.connection().execute(asked)}


# --- lists and records ---------------------------------------------------------------------------------------------------


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
        select(_articles.c.id, _articles.c.title, _articles.c.language, _OUTLET.label("outlet"))
        .select_from(_WITH_OUTLET)
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
        select(_articles.c.id, _OUTLET, _articles.c.title, _articles.c.kind)
        .select_from(_WITH_OUTLET)
        .where(_articles.c.story_id == story_id, _articles.c.id != without)
        .order_by(_articles.c.id)
        .limit(limit)
    )
    return [(number, outlet, title, kind) for number, outlet, title, kind in session.execute(asked)]


# Built once: building a statement costs more than running it.
_FEED = Prepared(select(*(_feeds.c[name] for name in _Feed._fields)).where(_feeds.c.name == bindparam("source")))
_OPENER = Prepared(
    select(
        _articles.c.url,
        _articles.c.source,
        _articles.c.title,
        select(col(EntryRow.guid))
        .where(col(EntryRow.article_id) == _articles.c.id)
        .order_by(col(EntryRow.id))
        .limit(1)
        .correlate(_articles)
        .scalar_subquery()
        .label("guid"),
    ).where(_articles.c.id == bindparam("story"))
)
_MEMBERS = (
    select(_articles.c.id, _articles.c.of_article_id, _articles.c.kind, _articles.c.published_at, _articles.c.is_pinned)
    .where(_articles.c.story_id == bindparam("story"))
    .order_by(_articles.c.id)
)
_REVISED_SINCE = (
    select(literal(1))
    .select_from(RevisionRow)
    .where(
        col(RevisionRow.article_id).in_(bindparam("articles", expanding=True)),
        col(RevisionRow.is_material).is_(True),
        col(RevisionRow.replaced_at) > bindparam("at"),
    )
    .limit(1)
)
_CARRIER_COLUMNS = (
    select(
        _articles.c.id,
        _articles.c.story_id,
        _articles.c.source,
        _OUTLET.label("outlet"),
        _articles.c.outlet.label("named_outlet"),
        _articles.c.outlet_host,
        _articles.c.url,
        func.coalesce(func.nullif(_feeds.c.title, ""), _feeds.c.own_title).label("feed_title"),
        _feeds.c.publisher,
        _feeds.c.url.label("feed_url"),
        _feeds.c.site_url,
        _articles.c.published_at,
        _articles.c.seen_at,
        _articles.c.wire,
        _articles.c.of_article_id,
        _articles.c.kind,
    )
    .select_from(_WITH_OUTLET)
    .order_by(_articles.c.id)
)
_CARRIERS = _CARRIER_COLUMNS.where(_articles.c.story_id.in_(bindparam("stories", expanding=True)))
_CARRIERS_OF_ONE = Prepared(_CARRIER_COLUMNS.where(_articles.c.story_id == bindparam("story")))
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
        _OUTLET.label("outlet"),
        decisions.in_force("reason").label("reason"),
        *(_articles.c[name] for name in ("title", "language", "url", "wire", "published_at", "seen_at", "kind")),
        *(_articles.c[name] for name in ("of_article_id", "why", "is_pinned")),
    )
    .select_from(_WITH_OUTLET)
    .order_by(_articles.c.id)
)
