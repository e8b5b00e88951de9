"""Tables of alerts: what is told, of which topics."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Text
from sqlmodel import Field

from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.base import Base, id_of


class AlertRow(Base, table=True):
    """An alert or notice. The unique `key` (the notice's name; of an alert its id) prevents duplicates."""

    __tablename__ = "alerts"
    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    kind: str
    topic: str = Field(default="", index=True)
    """The strongest of its topics; all of them are in `alert_topics`."""
    story_id: int | None = Field(default=None, index=True)
    article_id: int | None = Field(default=None, foreign_key=id_of(ArticleRow))
    title: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(index=True)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class AlertTopicRow(Base, table=True):
    """A topic that an alert told of. The unique `key` (topic, story and kind) has the last word against telling it twice."""

    __tablename__ = "alert_topics"
    alert_id: str = Field(primary_key=True, foreign_key="alerts.id")
    topic: str = Field(primary_key=True, index=True)
    key: str = Field(unique=True)
    decision_id: int | None = Field(default=None, foreign_key=id_of(DecisionRow))
    """The decision by which it was told; None for alerts on articles that are gone."""
