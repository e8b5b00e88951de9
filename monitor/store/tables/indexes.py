"""Tables by which stored articles are found that may be copies, on one event, or alike in any language."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import Field

from monitor.store.tables.base import Base, big_column


class FingerprintKeyRow(Base, table=True):
    """One fingerprint key of an article, an inverted index for copies. On PostgreSQL the table `sketches`, made by
    migration 0009, has them instead (see monitor.store.indexes.fingerprints)."""

    __tablename__ = "shingles"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    """No foreign key: checking 24 rows per article would cost more than the rows themselves."""


class ProfileKeyRow(Base, table=True):
    """One of the heaviest terms of an article's profile, an inverted index for articles on one event."""

    __tablename__ = "tellings"
    __table_args__ = ({"sqlite_with_rowid": False},)
    key: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})


class ProfileRow(Base, table=True):
    """An article's profile as packed by monitor.stories.profiles, so that its text need not be read again to compare it."""

    __tablename__ = "profiles"
    article_id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    packed: bytes


class VectorRow(Base, table=True):
    """The embedding of a text (an article's or a seed's excerpt); vectors of different embedders are never compared."""

    __tablename__ = "vectors"
    __table_args__ = (Index("ix_vectors_embedder_article_id", "embedder", "article_id"), {"sqlite_with_rowid": False})
    key: int = big_column(primary_key=True, autoincrement=False)
    embedder: str = Field(primary_key=True)
    article_id: int | None = big_column(nullable=True)
    """The first article with this text; None for a seed."""
    language: str
    packed: bytes
