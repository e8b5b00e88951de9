"""Reads the inbox: pages of stories by their matches, and how many there are of each topic and state. Keeps saved views of it.

A story is in the inbox for its matches that are no copies. Everything is filtered, sorted and counted by an index of the matches
(`tables.matches.INBOX_COLUMNS`); articles are read only where the filter names a language, a publisher or words.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, literal, null, select, tuple_, union_all
from sqlmodel import Session, col

from monitor.matching.tuning import SHARE_OFFSET
from monitor.store import verdicts
from monitor.store.indexes import word_index
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow, SavedViewRow
from monitor.store.tables.stories import StoryRow
from monitor.types.matching import Reason


class Attributed(NamedTuple):
    """What says who published an article: its feed, the outlet and host that are named for it, and the host of its address."""

    source: str
    outlet: str
    outlet_host: str
    host: str


class InboxOrder(StrEnum):
    """Which stories come first."""

    NEWEST = "newest"
    DOUBTFUL = "doubtful"
    LARGEST = "largest"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxFilter:
    """Which matches are wanted; an empty field does not filter."""

    topic: str = ""
    state: str = ""
    words: str = ""
    language: str = ""
    published_by: tuple[Attributed, ...] | None = None
    """Articles that one of these describes; None does not filter."""
    since_at: datetime | None = None
    """Found since then; `until_at`: before then."""
    until_at: datetime | None = None
    is_told: bool | None = None
    """Whether an alert was made of its story."""

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """The same for a select from matches."""
        found: list[ColumnElement[bool]] = [col(MatchRow.reason) != Reason.COPY.name]
        if self.topic:
            found.append(col(MatchRow.topic) == self.topic)
        if self.state:
            found.append(verdicts.is_in_state(MatchRow, self.state))
        if self.since_at:
            found.append(col(MatchRow.created_at) >= self.since_at)
        if self.until_at:
            found.append(col(MatchRow.created_at) < self.until_at)
        if self.is_told is not None:
            is_told = col(MatchRow.story_id).in_(_TOLD)
            found.append(is_told if self.is_told else ~is_told)
        if self.words:
            found.append(word_index.has_words(session, _ARTICLE_ID, self.words))
        return found + self._of_articles(session)

    def _of_articles(self, session: Session) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.language:  # by an index of its own: of the article itself its text would be read, too
            spoken = select(col(ArticleRow.id)).where(col(ArticleRow.language) == self.language)
            # as a sum: otherwise the matches of all these articles are looked up one by one
            found.append((_ARTICLE_ID + 0).in_(spoken))
        if self.published_by is not None:
            feeds = sorted({each.source for each in self.published_by})
            published = select(col(ArticleRow.id)).where(col(ArticleRow.source).in_(feeds))
            found.append(_ARTICLE_ID.in_(published.where(tuple_(*attributed(session)).in_(self.published_by))))
        return found

    @property
    def is_of_articles(self) -> bool:
        """Whether articles are searched, too."""
        return bool(self.words or self.language) or self.published_by is not None


_ARTICLE_ID: ColumnElement[int] = MatchRow.__table__.c.article_id  # type: ignore[attr-defined]
_TOLD = select(col(AlertRow.story_id)).where(col(AlertRow.story_id).is_not(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCounts:
    """Numbers of stories: of each state (without regard to the state asked for), of any state, and of each topic (without regard
    to the topic asked for)."""

    by_state: dict[str, int]
    any_state: int
    by_topic: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxMatch:
    """A match of a story in the inbox, with the fields of its article that a line shows."""

    id: int
    article_id: int
    story_id: int
    topic: str
    score: float
    threshold: float
    factor: float
    is_relevant: bool | None
    found_at: datetime
    title: str
    language: str
    source: str

    @property
    def state(self) -> str:
        """`new`, `confirmed` or `dismissed`."""
        return verdicts.state(self.is_relevant)


def page(session: Session, wanted: InboxFilter, order: InboxOrder, *, limit: int, offset: int = 0) -> list[int]:
    """The stories of a page."""
    if order is InboxOrder.NEWEST:
        return _newest(session, wanted, offset + limit)[offset:]
    asked = select(col(MatchRow.story_id)).where(*wanted.conditions(session)).group_by(col(MatchRow.story_id))
    first: ColumnElement[Any] = func.min(_SHARE).asc()
    if order is InboxOrder.LARGEST:
        asked = asked.outerjoin(StoryRow, col(StoryRow.id) == col(MatchRow.story_id))
        first = func.coalesce(func.max(col(StoryRow.articles)), 1).desc()
    latest = func.max(col(MatchRow.created_at)).desc()
    rows = session.execute(asked.order_by(first, latest, col(MatchRow.story_id).desc()).limit(limit).offset(offset))
    return list(rows.scalars())


def _newest(session: Session, wanted: InboxFilter, count: int) -> list[int]:
    """The stories with the newest wanted matches. Matches are read from the newest back until there are enough stories, of which
    most have one; to group all matches by story would take the longer the more there are."""
    newest = (col(MatchRow.created_at).desc(), col(MatchRow.story_id).desc())
    asked = select(col(MatchRow.story_id)).where(*wanted.conditions(session)).order_by(*newest)
    read = 2 * count
    while True:
        rows = session.execute(asked.limit(read)).scalars().all()
        stories = list(dict.fromkeys(rows))
        if len(stories) >= count or len(rows) < read:
            return stories[:count]
        read *= 4


_SHARE = (
    col(MatchRow.factor) * (col(MatchRow.score) + SHARE_OFFSET) / (func.abs(col(MatchRow.threshold)) + SHARE_OFFSET)
)
"""`margins.share`; thresholds are positive but for odd ones."""


def counts(session: Session, wanted: InboxFilter) -> InboxCounts:
    """How many stories there are."""
    searched = replace(wanted, state="", topic="").conditions(session)
    found = select(*(col(getattr(MatchRow, name)) for name in ("story_id", "topic", "is_relevant"))).where(*searched)
    # Counting thrice by the index of the matches is faster than keeping what was found, searching articles thrice is slower.
    matches = found.cte("found").c if wanted.is_of_articles else found.subquery("found").c
    of_topic = [matches.topic == wanted.topic] if wanted.topic else []
    of_state = [verdicts.is_state(matches.is_relevant, wanted.state)] if wanted.state else []
    stories = func.count(matches.story_id.distinct())
    topic = func.coalesce(matches.topic, "")  # so that no index by topic is taken, which lacks the rest
    by_state = select(literal("state"), null(), matches.is_relevant, stories).where(*of_topic)
    by_topic = select(literal("topic"), topic, null(), stories).where(*of_state)
    any_state = select(literal("any"), null(), null(), stories).where(*of_topic)
    rows = session.execute(union_all(by_state.group_by(matches.is_relevant), by_topic.group_by(topic), any_state)).all()
    return InboxCounts(
        by_state={verdicts.state(row[2]): row[3] for row in rows if row[0] == "state"},
        any_state=next(row[3] for row in rows if row[0] == "any"),
        by_topic={row[1]: row[3] for row in rows if row[0] == "topic"},
    )


def of_stories(session: Session, story_ids: Collection[int]) -> list[InboxMatch]:
    """All matches of these stories that are no copies, oldest first."""
    asked = _MATCHES.where(col(MatchRow.story_id).in_(story_ids), col(MatchRow.reason) != Reason.COPY.name)
    return [InboxMatch(**row._mapping) for row in session.execute(asked.order_by(col(MatchRow.id)))]


_MATCH_COLUMNS = ("id", "article_id", "story_id", "topic", "score", "threshold", "factor", "is_relevant")
_MATCHES = select(
    *(getattr(MatchRow, name) for name in _MATCH_COLUMNS),
    col(MatchRow.created_at).label("found_at"),
    *(getattr(ArticleRow, name) for name in ("title", "language", "source")),
).join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))


def wanted_ids(session: Session, wanted: InboxFilter, story_ids: Collection[int], *, up_to: int = 0) -> set[int]:
    """The ids of the wanted matches of these stories; with `up_to` only ids that are not higher."""
    asked = select(col(MatchRow.id)).where(col(MatchRow.story_id).in_(story_ids), *wanted.conditions(session))
    return set(session.execute(asked.where(col(MatchRow.id) <= up_to) if up_to else asked).scalars())


def match_ids(session: Session, wanted: InboxFilter) -> list[int]:
    """The wanted matches, newest first."""
    newest = (col(MatchRow.created_at).desc(), col(MatchRow.id).desc())
    return list(
        session.execute(select(col(MatchRow.id)).where(*wanted.conditions(session)).order_by(*newest)).scalars()
    )


def count_since(session: Session, wanted: InboxFilter, match_id: int) -> int:
    """How many stories have a wanted match that came after that one."""
    later = (col(MatchRow.id) > match_id, *wanted.conditions(session))
    return int(session.execute(select(func.count(col(MatchRow.story_id).distinct())).where(*later)).scalar_one())


def texts(session: Session, article_ids: Collection[int]) -> dict[int, str]:
    """The beginnings of the texts of these articles."""
    beginning = func.substr(col(ArticleRow.text), 1, _SEARCHED_CHARACTERS)
    return dict(session.execute(select(col(ArticleRow.id), beginning).where(col(ArticleRow.id).in_(article_ids))).all())


_SEARCHED_CHARACTERS = 20_000


def latest_id(session: Session) -> int:
    """The id of the latest match, 0 where there is none."""
    return session.execute(select(func.max(col(MatchRow.id)))).scalar_one() or 0


def leads(session: Session, story_ids: Collection[int]) -> dict[int, int]:
    """Story -> its lead article."""
    asked = select(col(StoryRow.id), col(StoryRow.lead_article_id)).where(col(StoryRow.id).in_(story_ids))
    return dict(session.execute(asked).all())


# --- what there is to filter by -------------------------------------------------------------------------------------------


class AttributedFeed(NamedTuple):
    """Who published an article, and what its feed says of that."""

    article: Attributed
    feed_title: str
    publisher: str
    feed_url: str
    site_url: str


def languages(session: Session) -> list[str]:
    """The languages of the articles that match, sorted."""
    asked = _ARTICLES_THAT_MATCH.with_only_columns(col(ArticleRow.language)).distinct()
    return sorted(session.execute(asked).scalars())


def attributions(session: Session) -> Sequence[AttributedFeed]:
    """By whom the articles that match are published, each said once."""
    of_feed = (
        func.coalesce(func.nullif(col(FeedRow.title), ""), col(FeedRow.own_title)),
        *(col(getattr(FeedRow, name)) for name in ("publisher", "url", "site_url")),
    )
    asked = (
        _ARTICLES_THAT_MATCH.with_only_columns(*attributed(session), *of_feed)
        .outerjoin(FeedRow, col(FeedRow.name) == col(ArticleRow.source))
        .distinct()
    )
    return [AttributedFeed(Attributed(*row[:4]), *(value or "" for value in row[4:])) for row in session.execute(asked)]


_ARTICLES_THAT_MATCH = (
    select(col(ArticleRow.id))
    .select_from(ArticleRow)
    .where(col(ArticleRow.id).in_(select(col(MatchRow.article_id)).where(col(MatchRow.reason) != Reason.COPY.name)))
)


def attributed(session: Session) -> tuple[Any, ...]:
    """The columns of an `Attributed`."""
    return (col(ArticleRow.source), col(ArticleRow.outlet), col(ArticleRow.outlet_host), _host(session))


def _host(session: Session) -> ColumnElement[str]:
    """The host of an article's address, as it is written there."""
    url = col(ArticleRow.url)
    if session.get_bind().dialect.name == "postgresql":
        return func.split_part(url, "/", 3)
    rest = func.substr(url, func.instr(url, "://") + 3)
    return func.substr(rest, 1, func.instr(rest.concat("/"), "/") - 1)


# --- saved views --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """One view. `filters` are as the inbox's address has them."""

    id: int
    name: str
    filters: Mapping[str, str]
    made_at: datetime
    made_by: str
    token_at: datetime | None
    """When the address of its feeds was made; None where it has none."""


def saved_views(session: Session) -> list[SavedView]:
    """All views, by name."""
    rows = session.execute(select(SavedViewRow)).scalars().all()
    return sorted((_view(row) for row in rows), key=lambda each: each.name.casefold())


def find_saved_view(session: Session, number: int) -> SavedView | None:
    """The view of that number, or None."""
    row = session.get(SavedViewRow, number)
    return _view(row) if row else None


def find_saved_view_by_token(session: Session, digest: str) -> SavedView | None:
    """The view whose feeds have the address with that digest, or None."""
    row = (
        session.execute(select(SavedViewRow).where(col(SavedViewRow.token_digest) == digest)).scalars().first()
        if digest
        else None
    )
    return _view(row) if row else None


def save_view(session: Session, name: str, filters: Mapping[str, str], *, by: str, now: datetime) -> int:
    """Save a view; one of that name gets these filters, and keeps the address of its feeds. Returns its number."""
    row = session.execute(select(SavedViewRow).where(col(SavedViewRow.name) == name)).scalars().first()
    row = row or SavedViewRow(name=name, made_at=now)
    row.filters, row.made_at, row.made_by = dict(filters), now, by
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def set_view_token(session: Session, number: int, digest: str, *, now: datetime) -> bool:
    """Give a view's feeds an address, in place of the one before; with '' they have none. False where there is no such view."""
    row = session.get(SavedViewRow, number)
    if row is None:
        return False
    row.token_digest, row.token_at = digest, now if digest else None
    return True


def remove_view(session: Session, number: int) -> bool:
    """Remove a view, and with it the address of its feeds; False where there is none."""
    row = session.get(SavedViewRow, number)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None


def _view(row: SavedViewRow) -> SavedView:
    assert row.id is not None
    return SavedView(
        id=row.id,
        name=row.name,
        filters=row.filters,
        made_at=row.made_at,
        made_by=row.made_by,
        token_at=row.token_at,
    )
