"""Tables of topics: their versions and files, and what they learned by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Text
from sqlmodel import Field

from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.base import Base, id_of


class SelfTrainingRow(Base, table=True):
    """A self-training example: an article that a topic trained itself on, and with what weight (matching.self_training)."""

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_topic_created_at", "topic", "created_at"),)
    topic: str = Field(primary_key=True)
    article_id: int = Field(primary_key=True, foreign_key=id_of(ArticleRow))
    weight: float
    created_at: datetime


class TopicRow(Base, table=True):
    """A topic's version in force, and its life. A renamed topic leaves a row under its old name that says what it became."""

    __tablename__ = "topics"
    name: str = Field(primary_key=True)
    title: str
    digest: str
    version: int = 1
    is_enabled: bool = True
    changed_at: datetime
    added_at: datetime | None = None
    """When it was first seen; None for topics older than this column."""
    verdicts_key: str | None = None
    """The digest of the verdicts in the version in force; None before the first version was stored."""
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    """Grows with every change of any topic: processes see by the highest that they have to read the topics again."""
    paused_at: datetime | None = None
    """When it was paused by command."""
    away_since_at: datetime | None = None
    """Since when its folder is away while others are there (SQLite)."""
    ended_at: datetime | None = None
    became: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Its name now, where it was renamed."""


class TopicFileRow(Base, table=True):
    """A file of a topic's version in force, as it is in a folder of seeds."""

    __tablename__ = "topic_files"
    topic: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    """Within the topic's folder: 'a.txt', 'not/b.txt', 'topic.toml'."""
    content: bytes


class TopicVersionRow(Base, table=True):
    """A version of a topic: its seeds, settings and verdicts at one time."""

    __tablename__ = "topic_versions"
    topic: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
    why: str = Field(sa_type=Text)
    made_at: datetime
    about: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    seeds: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """File, language, weight, kind and key of each seed; the texts are in `seed_texts`."""
    verdicts: list[list[Any]] = Field(default_factory=list, sa_type=JSON)
    """[article id, is relevant] of each verdict used."""


class SeedTextRow(Base, table=True):
    """A seed's text, stored once for all versions that contain it."""

    __tablename__ = "seed_texts"
    topic: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
