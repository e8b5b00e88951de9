"""Tables of matches and near misses, what people said of them, and the views of the inbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Text, UniqueConstraint, false
from sqlmodel import Field

from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.base import Base, empty_column, factor_column, id_of

INBOX_COLUMNS = (
    "is_relevant", "story_id", "created_at", "topic", "reason", "article_id", "score", "threshold", "factor",
)  # fmt: skip
"""All that the inbox filters, sorts and counts by, so that it reads this index and not the matches, whose evidence is long."""
STORY_COLUMNS = ("story_id", "created_at", "reason", "topic", "is_relevant", "article_id")
"""The same by story, for lists whatever the verdict."""
NEWEST_COLUMNS = ("created_at", "story_id", "reason", "topic", "is_relevant", "article_id")
"""The same by time, for the newest stories."""


class MatchRow(Base, table=True):
    """An article at or above a topic's threshold, with the evidence and the latest verdict."""

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_matches_topic_created_at", "topic", "created_at"),
        Index("ix_matches_inbox", *INBOX_COLUMNS),
        Index("ix_matches_story", *STORY_COLUMNS),
        Index("ix_matches_newest", *NEWEST_COLUMNS),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key=id_of(ArticleRow))
    story_id: int
    topic: str
    score: float
    threshold: float
    factor: float = factor_column()
    """The factor of the sensitivity in force, contained in `threshold`."""
    prior_share: float | None = None
    """The share of the balanced threshold without what answers added (`margins.prior_share`), as it was before the verdict."""
    probability: float | None = None
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    model_version: str = ""
    """Of the topic model, self-training included."""
    topic_version: int | None = None
    """The topic's version in force, as in `topic_versions`."""
    decision_id: int | None = None
    """The decision whose score and evidence these are: that by which it was told, else the newest on this topic."""
    reason: str
    created_at: datetime
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class SavedViewRow(Base, table=True):
    """Filters, order and search of the inbox under a name, and the digest of the secret in the address of its feeds."""

    __tablename__ = "saved_views"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    filters: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """As the inbox's address has them."""
    made_at: datetime
    made_by: str = empty_column()
    token_digest: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})
    """'' where its matches are not given out."""
    token_at: datetime | None = None


class NearMissRow(Base, table=True):
    """An article just below a topic's threshold, sampled for review."""

    __tablename__ = "near_misses"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_near_misses_topic_created_at", "topic", "created_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key=id_of(ArticleRow))
    story_id: int
    topic: str
    band: int
    share: float
    """The probability with which it was sampled."""
    score: float
    threshold: float
    factor: float = factor_column()
    prior_share: float | None = None
    model_version: str = ""
    created_at: datetime
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class NearMissCountRow(Base, table=True):
    """How many near misses of a topic fell into one band on one day, sampled or not."""

    __tablename__ = "near_counts"
    topic: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    """2026-11-22, in UTC."""
    band: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: int = 0


class VerdictRow(Base, table=True):
    """A reviewer's verdict, or its withdrawal; of an article and topic the latest is in force."""

    __tablename__ = "verdicts"
    __table_args__ = (Index("ix_verdicts_topic_article_id", "topic", "article_id"),)
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key=id_of(ArticleRow))
    topic: str
    is_relevant: bool
    by: str
    note: str = Field(default="", sa_type=Text)
    at: datetime
    is_withdrawn: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Takes the verdict back that was in force: since then there is none. `is_relevant` is what that one said."""
    taught: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """The terms that it made `heavier` and `lighter` in the topic model; None until that was computed."""
