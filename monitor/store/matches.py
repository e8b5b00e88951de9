"""Reads matches and their articles for review: pages of a list, single records, earlier versions.

Matches are written by `decisions`, articles by `articles`, verdicts by `verdicts`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select
from sqlmodel import Session, col

from monitor.store import articles, decisions, verdicts
from monitor.store.indexes import word_index
from monitor.store.tables.articles import ArticleRow, EntryRow, RevisionRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.topics import TopicRow, TopicVersionRow
from monitor.text.urls import canonical
from monitor.types.matching import Evidence, Reason
from monitor.types.stories import ArticleKind

# --- matches ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMatch:
    """A match, with the fields of its article that a list shows."""

    id: int
    article_id: int
    story_id: int
    topic: str
    score: float
    threshold: float
    factor: float
    evidence: Evidence
    model_version: str
    topic_version: int | None
    decision_id: int | None
    """The decision whose score and evidence these are."""
    reason: str
    """The name of a `Reason`."""
    found_at: datetime
    is_relevant: bool | None
    title: str
    url: str
    source: str
    language: str
    published_at: datetime
    kind: str
    wire: str

    @property
    def state(self) -> str:
        """`new`, `confirmed` or `dismissed`."""
        return verdicts.state(self.is_relevant)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedStory:
    """The first match of a story on a topic."""

    article_id: int
    story_id: int
    title: str
    text: str
    language: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchFilter:
    """Which matches are wanted; an empty field does not filter."""

    topic: str = ""
    state: str = ""
    words: str = ""
    sources: tuple[str, ...] = ()
    """Names of feeds; articles of any of them."""
    since_at: datetime | None = None
    copies: bool = False
    """Copies of other articles, too."""

    def conditions(self, session: Session) -> list[ColumnElement[bool]]:
        """The same for a select from matches and their articles."""
        found: list[ColumnElement[bool]] = [] if self.copies else [_IS_NO_COPY]
        if self.topic:
            found.append(col(MatchRow.topic) == self.topic)
        if self.state:
            found.append(verdicts.is_in_state(MatchRow, self.state))
        if self.sources:
            found.append(col(ArticleRow.source).in_(self.sources))
        if self.since_at:
            found.append(col(MatchRow.created_at) >= self.since_at)
        if self.words:
            found.append(col(MatchRow.article_id).in_(word_index.find_by_words(session, self.words)))
        return found


def page(session: Session, wanted: MatchFilter, *, limit: int, offset: int = 0) -> tuple[list[StoredMatch], int]:
    """A page of matches, newest first, and their total number."""
    conditions = wanted.conditions(session)
    newest = _WITH_ARTICLE.where(*conditions).order_by(col(MatchRow.created_at).desc(), col(MatchRow.id).desc())
    rows = session.execute(newest.limit(limit).offset(offset))
    return [_match(row) for row in rows], _count(session, conditions, func.count())


def _count(session: Session, conditions: Sequence[ColumnElement[bool]], counted: ColumnElement[int]) -> int:
    asked = select(counted).select_from(MatchRow).join(ArticleRow, _OF_ARTICLE).where(*conditions)
    return int(session.execute(asked).scalar_one())


def find(session: Session, match_id: int) -> StoredMatch | None:
    """The match of that id, or None."""
    row = session.execute(_WITH_ARTICLE.where(col(MatchRow.id) == match_id)).first()
    return _match(row) if row else None


def find_all(session: Session, ids: Sequence[int]) -> list[StoredMatch]:
    """The matches of these ids, in this order; those that are gone are left out."""
    found = {row.id: _match(row) for row in session.execute(_WITH_ARTICLE.where(col(MatchRow.id).in_(ids)))}
    return [found[each] for each in ids if each in found]


def find_id(session: Session, article_id: int, topic: str) -> int | None:
    """The id of the match of an article and a topic, or None."""
    of = (col(MatchRow.article_id) == article_id, col(MatchRow.topic) == topic)
    return session.execute(select(col(MatchRow.id)).where(*of)).scalars().first()


def of_article(session: Session, article_id: int) -> list[StoredMatch]:
    """The matches of an article, the highest score first."""
    asked = _WITH_ARTICLE.where(col(MatchRow.article_id) == article_id).order_by(col(MatchRow.score).desc())
    return [_match(row) for row in session.execute(asked)]


def topics_by_article(session: Session, topics: Collection[str]) -> dict[int, frozenset[str]]:
    """Article -> those of these topics that it matched, without articles that matched none."""
    asked = select(col(MatchRow.article_id), col(MatchRow.topic)).where(col(MatchRow.topic).in_(topics))
    found: dict[int, set[str]] = {}
    for article_id, topic in session.execute(asked):
        found.setdefault(article_id, set()).add(topic)
    return {article_id: frozenset(names) for article_id, names in found.items()}


def counts_by_state(session: Session, *, words: str = "") -> dict[str, dict[str, int]]:
    """Topic -> state -> number of matches (of those with `words`), without copies; topics without a match are left out."""
    rows = session.execute(
        select(col(MatchRow.topic), col(MatchRow.is_relevant), func.count())
        .where(*MatchFilter(words=words).conditions(session))
        .group_by(col(MatchRow.is_relevant), col(MatchRow.topic))  # in this order an index has them
    )
    found: dict[str, dict[str, int]] = {}
    for topic, is_relevant, count in rows:
        found.setdefault(topic, {})[verdicts.state(is_relevant)] = count
    return found


def topics_of_stories(session: Session, story_ids: Collection[int]) -> dict[int, set[str]]:
    """The topics that each of these stories matched; stories without a match are left out."""
    asked = select(col(MatchRow.story_id), col(MatchRow.topic)).where(col(MatchRow.story_id).in_(story_ids)).distinct()
    found: dict[int, set[str]] = {}
    for story_id, topic in session.execute(asked):
        found.setdefault(story_id, set()).add(topic)
    return found


_IS_NO_COPY = col(MatchRow.reason) != Reason.COPY.name
_OF_ARTICLE = col(ArticleRow.id) == col(MatchRow.article_id)
_MATCH_COLUMNS = (
    "id", "article_id", "story_id", "topic", "score", "threshold", "factor", "evidence", "model_version", "topic_version",
    "decision_id", "reason", "is_relevant",
)  # fmt: skip
_ARTICLE_COLUMNS = ("title", "url", "source", "language", "published_at", "kind", "wire")
_WITH_ARTICLE = select(
    *(getattr(MatchRow, name) for name in _MATCH_COLUMNS),
    col(MatchRow.created_at).label("found_at"),
    *(getattr(ArticleRow, name) for name in _ARTICLE_COLUMNS),
).join(ArticleRow, _OF_ARTICLE)


def _match(row: Row[Any]) -> StoredMatch:
    values = dict(row._mapping)
    return StoredMatch(**values | {"evidence": decisions.load_evidence(values["evidence"])})


# --- articles -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with its text."""

    id: int
    story_id: int | None
    title: str
    text: str
    url: str
    source: str
    author: str
    wire: str
    language: str
    grade: str
    page: str
    """The outcome of fetching the article's own page; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime
    kind: str
    of_article_id: int | None
    similarity: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRevision:
    """What an article said until `replaced_at`."""

    replaced_at: datetime
    title: str
    text: str
    is_material: bool
    why: str


def article(session: Session, article_id: int) -> StoredArticle | None:
    """The article of that id, or None."""
    row = session.get(ArticleRow, article_id)
    if row is None:
        return None
    return StoredArticle(**{each.name: getattr(row, each.name) for each in fields(StoredArticle)})


def has_article(session: Session, article_id: int) -> bool:
    """Whether there is an article of that id."""
    return session.execute(select(col(ArticleRow.id)).where(col(ArticleRow.id) == article_id)).first() is not None


def newest_article_at(session: Session, url: str) -> int | None:
    """The id of the newest article at a URL (compared in canonical form), or None."""
    wanted = canonical(url)
    rows = session.execute(
        select(col(ArticleRow.id), col(ArticleRow.url))
        .where(col(ArticleRow.url_key) == articles.url_key(url))
        .order_by(col(ArticleRow.id).desc())
    )
    return next((article_id for article_id, found in rows if canonical(found) == wanted), None)


def feeds_of_article(session: Session, article_id: int) -> tuple[str, ...]:
    """The names of the feeds that showed an article, sorted."""
    shown = select(col(FeedRow.name)).join(EntryRow, col(EntryRow.feed_id) == col(FeedRow.id))
    asked = shown.where(col(EntryRow.article_id) == article_id).order_by(col(FeedRow.name)).distinct()
    return tuple(session.execute(asked).scalars())


def revisions(session: Session, article_id: int) -> list[StoredRevision]:
    """The replaced versions of an article, oldest first."""
    columns = (getattr(RevisionRow, each.name) for each in fields(StoredRevision))
    asked = select(*columns).where(col(RevisionRow.article_id) == article_id).order_by(col(RevisionRow.id))
    return [StoredRevision(**row._mapping) for row in session.execute(asked)]


# --- the first and the latest of a topic ----------------------------------------------------------------------------------


def first_and_latest(session: Session, topic: str, *, each: int, characters: int) -> list[MatchedStory]:
    """The first and the latest `each` stories that the topic matched as its owner defines it now, in the order of arrival; without
    copies and what was dismissed. All of them where they are fewer than twice as many."""
    numbers = (
        select(col(TopicVersionRow.number))
        .join(TopicRow, col(TopicRow.name) == col(TopicVersionRow.topic))
        .where(col(TopicRow.name) == topic, col(TopicVersionRow.digest) == col(TopicRow.digest))
    )
    asked = (
        select(
            col(MatchRow.article_id),
            col(MatchRow.story_id),
            col(ArticleRow.title),
            func.substr(col(ArticleRow.text), 1, characters).label("text"),
            col(ArticleRow.language),
            col(ArticleRow.source),
        )
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(col(MatchRow.topic) == topic, col(MatchRow.topic_version).in_(numbers))
        .where(col(ArticleRow.kind) != ArticleKind.COPY.value)
        .where(col(MatchRow.is_relevant).is_(None) | col(MatchRow.is_relevant))
    )
    limit, connection = _ROWS_A_STORY * each, session.connection()
    first = connection.execute(asked.order_by(col(MatchRow.article_id)).limit(limit)).all()
    latest = connection.execute(asked.order_by(col(MatchRow.article_id).desc()).limit(limit)).all()[::-1]
    stories: dict[int, MatchedStory] = {}
    for row in {row.article_id: row for row in (*first, *latest)}.values():
        stories.setdefault(row.story_id, MatchedStory(**row._asdict()))
    found = list(stories.values())
    return found if len(found) <= 2 * each else [*found[:each], *found[-each:]]


_ROWS_A_STORY = 5
