"""The articles that carry a story, with their outlets and publishers, and what is derived from them.

A story's number is the id of one of its articles: of the first, unless a person moved that one elsewhere. So no two stories
ever have one number, and a story that is split off always finds a free one. `story_changes` does all writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, bindparam, func, select
from sqlmodel import Session, col

from monitor.store.statements import Prepared, chunks
from monitor.store.stories.story_members import SAME_TEXT_KINDS
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from monitor.stories import publishers
from monitor.stories.agencies import credited_agency
from monitor.stories.publishers import Attribution, Publisher
from monitor.stories.sources import StoryArticle, lead
from monitor.types.matching import Article, Reason

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]

WITH_OUTLET = _articles.outerjoin(_feeds, _feeds.c.name == _articles.c.source)
"""Articles joined to their feeds, for `OUTLET`."""
OUTLET: ColumnElement[str] = func.coalesce(
    func.nullif(_articles.c.outlet, ""),
    func.nullif(_feeds.c.title, ""),
    func.nullif(_feeds.c.own_title, ""),
    _articles.c.source,
)
"""An article's outlet: as an aggregator names it, else the feed's title in the settings, else its own title, else its name."""

USUAL_WITHIN_FOR = timedelta(days=30)
_USUAL_ROWS = 2_000


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
        copy_of=row.of_article_id if row.kind in SAME_TEXT_KINDS else None,
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

_CARRIER_COLUMNS = (
    select(
        _articles.c.id,
        _articles.c.story_id,
        _articles.c.source,
        OUTLET.label("outlet"),
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
    .select_from(WITH_OUTLET)
    .order_by(_articles.c.id)
)
_CARRIERS = _CARRIER_COLUMNS.where(_articles.c.story_id.in_(bindparam("stories", expanding=True)))
_CARRIERS_OF_ONE = Prepared(_CARRIER_COLUMNS.where(_articles.c.story_id == bindparam("story")))
