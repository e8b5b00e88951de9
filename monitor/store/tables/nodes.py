"""Tables of the daemons that work on the store, and of the settings files that were applied."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field

from monitor.store.tables.base import Base


class NodeRow(Base, table=True):
    """A daemon that works on this store, or did lately, with its last sign of life."""

    __tablename__ = "nodes"
    name: str = Field(primary_key=True)
    host: str
    started_at: datetime
    heartbeat_at: datetime
    stopped_at: datetime | None = None
    """When it was stopped in order; None while it runs, and where it was killed."""
    version: str
    settings_digest: str
    """Of the feeds, channels and topics that it has; nodes that agree have the same one."""
    is_polling: bool
    is_delivering: bool
    has_page: bool
    channels: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    """The channels whose secrets it has, as `name=destination` divided by spaces."""


class PlanRow(Base, table=True):
    """A settings file that was applied: without any, the next command applies its own."""

    __tablename__ = "plans"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime
    by: str
    """The machine."""
    says: str = Field(default="", sa_type=Text)


class AppliedEntryRow(Base, table=True):
    """What a settings file said of a feed or channel when it was last applied (PostgreSQL, where nodes have files of their own)."""

    __tablename__ = "applied_entries"
    file: str = Field(primary_key=True)
    """The node's name or host, and the path."""
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    digest: str
    at: datetime
