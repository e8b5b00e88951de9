"""The tables, as SQLModel classes: what is remembered. No behaviour here, and no validation either: `table=True` classes do
not validate (sqlmodel issue 52), so values are checked in `types` and cut to size before they come this way.

Keys made of strangers' text (guid, URL, title) are 64-bit hashes, so that no index ever meets a 5 MB guid; the text stands
beside them and is compared when a hash agrees. When you change a table, append a migration: see migrations/.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, Column, Index, MetaData, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

# Named constraints from the first revision on: Alembic cannot alter what has no name.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(SQLModel):
    """Gives every table our metadata."""

    metadata = metadata


def _big(**options: Any) -> Any:
    return Field(sa_column=Column(BigInteger, **options))


def _of_balanced() -> Any:
    return Field(default=1.0, sa_column_kwargs={"server_default": "1"})


class FeedRow(Base, table=True):
    """A URL we poll."""

    __tablename__ = "feeds"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    url: str = Field(sa_type=Text)
    host: str = Field(index=True)
    origin: str = "config"
    title: str = ""
    """What the settings call it; empty where they leave that to the feed."""
    own_title: str = ""
    """What it calls itself."""
    site_url: str = ""
    language: str | None = None
    interval_seconds: float
    first_poll: str = "baseline"
    first_poll_latest: int = 0
    allow_private: bool = False
    is_enabled: bool = True
    etag: str | None = Field(default=None, sa_type=Text)
    last_modified: str | None = None
    body_hash: str | None = None
    next_poll_at: datetime = Field(index=True)
    first_polled_at: datetime | None = None
    last_polled_at: datetime | None = None
    last_success_at: datetime | None = None
    outcome: str = ""
    error: str | None = Field(default=None, sa_type=Text)
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    paused_reason: str | None = None
    permanent_url: str | None = Field(default=None, sa_type=Text)
    permanent_since_at: datetime | None = None
    polls: int = 0
    polls_not_modified: int = 0
    storm_at: datetime | None = None
    """When it last showed a burst of what we had; a storm is told once, however many polls it lasts."""
    lease_token: str | None = None
    lease_until_at: datetime | None = None


class HostRow(Base, table=True):
    """A server that asked us to stay away for a while (429, 503)."""

    __tablename__ = "hosts"
    host: str = Field(primary_key=True)
    paused_until_at: datetime


class PageRow(Base, table=True):
    """That an article's page was asked for, which is done once; a host's row with a pause keeps its other pages unasked."""

    __tablename__ = "pages"
    __table_args__ = (Index("ix_pages_host_asked_at", "host", "asked_at"),)
    url_key: int = _big(primary_key=True, autoincrement=False)
    url: str = Field(sa_type=Text)
    host: str
    asked_at: datetime
    outcome: str = Field(default="", sa_type=Text)
    host_paused_until_at: datetime | None = None
    canonical: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    """The address that it names as its own, by which its article goes then."""


class ArticleRow(Base, table=True):
    """An article, with the one decision taken on it. `story_id` is the id of the article that opened the story."""

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
    url_key: int = _big(index=True, nullable=False)
    text_key: int = _big(index=True, nullable=False)
    title_key: int = _big(index=True, nullable=False)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    language: str
    author: str = ""
    source: str = ""
    wire: str = ""
    """The news agency it is credited to."""
    is_pinned: bool = False
    """A person said which story it belongs to: the machine leaves it there."""
    grade: str
    page: str = Field(default="", sa_type=Text)
    """What came of reading its own page; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime = Field(index=True)
    decision: str
    decided_at: datetime
    scores: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """Every topic's score at the time of the decision, nearest to its threshold first, at most 10."""


class StoryRow(Base, table=True):
    """An event, with what is counted of it as articles arrive. Its id is that of one of its articles, the first but for moves."""

    __tablename__ = "stories"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    lead_article_id: int
    first_seen_at: datetime
    last_seen_at: datetime = Field(index=True)
    articles: int = 1
    outlets: int = 1
    part_of: int | None = None
    """The story it became part of: its own number is no more than a pointer then."""


class StoryChoiceRow(Base, table=True):
    """What a person said of stories: merge, split or move, each undone by its opposite, none forgotten; the machine's too."""

    __tablename__ = "story_choices"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    by: str
    verb: str
    from_story_id: int = Field(index=True)
    to_story_id: int = Field(index=True)
    article_ids: list[int] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=Text)


class EntryRow(Base, table=True):
    """An item as one feed published it; several may lead to one article."""

    __tablename__ = "entries"
    __table_args__ = (UniqueConstraint("feed_id", "guid_key"),)
    id: int | None = Field(default=None, primary_key=True)
    feed_id: int = Field(foreign_key="feeds.id")
    guid_key: int = _big(nullable=False)
    guid: str = Field(sa_type=Text)
    content_key: int = _big(nullable=False)
    article_id: int = Field(foreign_key="articles.id", index=True)
    first_seen_at: datetime
    changed_at: datetime | None = None


class RevisionRow(Base, table=True):
    """What an article said before it was changed."""

    __tablename__ = "revisions"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id", index=True)
    replaced_at: datetime
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    is_material: bool = False
    why: str = ""


class ShingleRow(Base, table=True):
    """One key of an article's sketch: how near-identical text is found, by ordinary indexed rows. On PostgreSQL
    `sketches` has them, which migration 0009 makes (see monitor.store.sketches)."""

    __tablename__ = "shingles"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """No foreign key: 24 checks an article would cost more than the rows themselves."""


class TellingRow(Base, table=True):
    """One of the terms an article's event is told by: how articles of one event are found, by ordinary indexed rows."""

    __tablename__ = "tellings"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


class ProfileRow(Base, table=True):
    """What an article is told by, as monitor.stories packs it: what others are compared with, without reading its text again."""

    __tablename__ = "profiles"
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    packed: bytes


class VectorRow(Base, table=True):
    """The meaning of a text (an article's or a seed's excerpt), by the embedder that gave it; vectors of two are never compared."""

    __tablename__ = "vectors"
    __table_args__ = (Index("ix_vectors_embedder_article_id", "embedder", "article_id"), {"sqlite_with_rowid": False})
    key: int = _big(primary_key=True, autoincrement=False)
    embedder: str = Field(primary_key=True)
    article_id: int | None = _big(nullable=True)
    """The first article that said so; none for a seed."""
    language: str
    packed: bytes


class MatchRow(Base, table=True):
    """Article x topic above its threshold, with its evidence and the reviewer's latest verdict."""

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_matches_topic_created_at", "topic", "created_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    story_id: int = Field(index=True)
    topic: str
    score: float
    threshold: float
    factor: float = _of_balanced()
    """What the sensitivity in force had multiplied the threshold by."""
    probability: float | None = None
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    model_version: str = ""
    """Of the model, with what it had learned by itself until then."""
    topic_version: int | None = None
    """Of the topic, as `topic_versions` has it."""
    reason: str
    created_at: datetime = Field(index=True)
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class LessonRow(Base, table=True):
    """Article x topic that taught the topic a part without being a sure match (monitor.matching.self_training)."""

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_topic_created_at", "topic", "created_at"),)
    topic: str = Field(primary_key=True)
    article_id: int = Field(primary_key=True, foreign_key="articles.id")
    weight: float
    created_at: datetime


class NearMissRow(Base, table=True):
    """Article x topic just below its threshold, kept as a sample to be looked at; never told."""

    __tablename__ = "near_misses"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_near_misses_topic_created_at", "topic", "created_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    story_id: int
    topic: str
    band: int
    share: float
    """With what probability it was kept."""
    score: float
    threshold: float
    factor: float = _of_balanced()
    model_version: str = ""
    created_at: datetime
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class NearCountRow(Base, table=True):
    """How many articles came so near to a topic on one day, kept or not."""

    __tablename__ = "near_counts"
    topic: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    """2026-11-22, in UTC."""
    band: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: int = 0


class VerdictRow(Base, table=True):
    """A reviewer's answer; the latest one of an article and topic stands."""

    __tablename__ = "verdicts"
    __table_args__ = (Index("ix_verdicts_topic_article_id", "topic", "article_id"),)
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    topic: str
    is_relevant: bool
    by: str
    note: str = Field(default="", sa_type=Text)
    at: datetime
    taught: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """The terms that it made heavier and lighter in the topic's model."""


class TopicRow(Base, table=True):
    """What the store remembers of a folder of seeds; the folder itself is the truth."""

    __tablename__ = "topics"
    name: str = Field(primary_key=True)
    title: str
    digest: str
    version: int = 1
    is_enabled: bool = True
    changed_at: datetime
    added_at: datetime | None = None
    """When it was first met; None where that was before this was noted."""
    verdicts_key: str | None = None
    """Of the verdicts that the version in force counted; None before a version was ever kept."""


class TopicVersionRow(Base, table=True):
    """What a topic was made of at one time."""

    __tablename__ = "topic_versions"
    topic: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
    why: str = Field(sa_type=Text)
    made_at: datetime
    about: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    seeds: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """File, language, weight, kind and key of each; the texts are in `seed_texts`."""
    verdicts: list[list[Any]] = Field(default_factory=list, sa_type=JSON)
    """[article id, whether it is wanted] of each that counted."""


class SeedTextRow(Base, table=True):
    """A seed's text, kept once for all versions that have it."""

    __tablename__ = "seed_texts"
    topic: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)


class AlertRow(Base, table=True):
    """Our decision to tell. `key` has the last word against doubles: topic, story and kind, or the notice's own name."""

    __tablename__ = "alerts"
    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    kind: str
    topic: str = Field(default="", index=True)
    story_id: int | None = Field(default=None, index=True)
    article_id: int | None = Field(default=None, foreign_key="articles.id")
    title: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(index=True)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class DeliveryRow(Base, table=True):
    """One alert on one channel: a row of the outbox until it is `sent` or `dead`."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel"),
        CheckConstraint("state IN ('pending', 'leased', 'sent', 'held', 'dead')", name="state"),
        Index("ix_deliveries_state_channel_next_at", "state", "channel", "next_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    alert_id: str = Field(foreign_key="alerts.id")
    channel: str
    destination: str = ""
    state: str = "pending"
    attempts: int = 0
    created_at: datetime
    next_at: datetime
    lease_token: str | None = None
    lease_until_at: datetime | None = None
    sent_at: datetime | None = None
    last_result: str = ""
    last_detail: str = Field(default="", sa_type=Text)
    receipt: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """By which the channel finds the message again, to edit it; '' where it cannot, or no longer."""
    shows: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """How many carry the story and how many of them independently, as the message says now."""
    looked_at: datetime | None = None
    """When it was last seen to that the message is current."""


class AttemptRow(Base, table=True):
    """One try to deliver."""

    __tablename__ = "attempts"
    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="deliveries.id", index=True)
    started_at: datetime
    ended_at: datetime
    result: str
    code: str = ""
    detail: str = Field(default="", sa_type=Text)


class ChannelRow(Base, table=True):
    """What we learned of a way to tell: whether it is disabled, paused or failing."""

    __tablename__ = "channels"
    name: str = Field(primary_key=True)
    kind: str
    destination: str
    shown: str = ""
    is_configured: bool = True
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    paused_until_at: datetime | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    last_sent_at: datetime | None = None
