"""Tables of articles: what feeds showed, earlier texts, the decisions on them and what is to be assessed again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, Text, UniqueConstraint
from sqlmodel import Field

from monitor.store.tables.base import Base, big_column, empty_column, id_of
from monitor.store.tables.feeds import FeedRow


class ArticleRow(Base, table=True):
    """An article. `story_id` is the id of an article of its story: of the first, unless moved. The decisions on it are rows of
    `decisions`; the newest stands."""

    __tablename__ = "articles"
    __table_args__ = (
        CheckConstraint("kind IN ('new', 'copy', 'update', 'joins')", name="kind"),
        Index("ix_articles_source_seen_at", "source", "seen_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    story_id: int | None = Field(default=None, index=True)
    of_article_id: int | None = Field(default=None)
    kind: str = "new"
    similarity: float = 0.0
    why: str = ""
    url: str = Field(sa_type=Text)
    outlet: str = empty_column()
    """Who published it, where an aggregator's feed says so."""
    outlet_host: str = empty_column()
    """The host of its site, where that feed names it, too, or of the site whose article this one mirrors."""
    url_key: int = big_column(index=True, nullable=False)
    text_key: int = big_column(index=True, nullable=False)
    title_key: int = big_column(index=True, nullable=False)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    language: str = Field(index=True)
    author: str = ""
    source: str = ""
    wire: str = ""
    """The news agency it is credited to."""
    is_pinned: bool = False
    """A person chose its story: the program leaves it there."""
    grade: str
    page: str = Field(default="", sa_type=Text)
    """The outcome of fetching its own page; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime = Field(index=True)


class DecisionRow(Base, table=True):
    """A decision on an article; never changed. Of an article's decisions the newest (the highest id) stands."""

    __tablename__ = "decisions"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id", index=True)
    at: datetime
    cause: str
    """A `Cause`: `arrival`, `another arrival`, `changed text`, ..."""
    feed: str = ""
    """The feed that showed it; '' where none did."""
    reason: str
    """The name of a `Reason`: why the article was told or not."""
    kind: str
    story_id: int
    """The story it was put into then."""
    topics: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """What was decided for each topic that matched or was blocked, with score, evidence and model version."""
    scores: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """The scores then, the highest above or nearest below their thresholds first, at most 10."""
    held: str = empty_column()
    """The name of the `Reason` (first poll, burst) for which no topic could be told of it then: it holds when it is assessed
    again."""


class ReassessmentRow(Base, table=True):
    """Something to be assessed again, until that is done: an article for which something was missing, or all articles of a
    range against a topic that changed. Of a range the newest article comes first; `next_id` is the one to go on with."""

    __tablename__ = "reassessments"
    __table_args__ = (
        UniqueConstraint("article_id", "cause"),
        Index("ix_reassessments_cause_due_at", "cause", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    cause: str
    """A `Cause`: what was missing, or what changed."""
    topic: str = ""
    """'' for all topics."""
    article_id: int | None = Field(default=None, foreign_key="articles.id")
    """None: a range."""
    first_id: int
    next_id: int
    wanted_at: datetime
    due_at: datetime
    attempts: int = 0
    articles: int = 0
    """Of a range, so far: articles assessed, new matches, alerts, and matches that were not told as there were too many."""
    matches: int = 0
    alerts: int = 0
    kept: int = 0
    lease_token: str | None = None
    lease_until_at: datetime | None = None


class EntryRow(Base, table=True):
    """An item as one feed published it; several entries may lead to one article."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("feed_id", "guid_key"),
        Index("ix_entries_feed_id_first_seen_at", "feed_id", "first_seen_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    feed_id: int = Field(foreign_key=id_of(FeedRow))
    guid_key: int = big_column(nullable=False)
    guid: str = Field(sa_type=Text)
    content_key: int = big_column(nullable=False)
    article_id: int = Field(foreign_key="articles.id", index=True)
    first_seen_at: datetime
    changed_at: datetime | None = None


class RevisionRow(Base, table=True):
    """An earlier version of an article."""

    __tablename__ = "revisions"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id", index=True)
    replaced_at: datetime
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    is_material: bool = False
    why: str = ""
