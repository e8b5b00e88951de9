"""Tables of stories: their counts, and what was changed in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Text
from sqlmodel import Field

from monitor.store.tables.base import Base


class StoryRow(Base, table=True):
    """A story and its counts, updated as articles arrive. Its id is that of one of its articles: of the first, unless moved."""

    __tablename__ = "stories"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    lead_article_id: int
    first_seen_at: datetime
    last_seen_at: datetime = Field(index=True)
    articles: int = 1
    outlets: int = 1
    part_of: int | None = None
    """The story it was merged into; the row is then only a redirect."""


class StoryEditRow(Base, table=True):
    """A merge, split or move of articles between stories, by a person or the program; never deleted, undone by its opposite."""

    __tablename__ = "story_choices"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    by: str
    verb: str
    from_story_id: int = Field(index=True)
    to_story_id: int = Field(index=True)
    article_ids: list[int] = Field(default_factory=list, sa_type=JSON)
    note: str = Field(default="", sa_type=Text)
