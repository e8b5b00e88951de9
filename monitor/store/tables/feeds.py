"""Tables of feeds and of the servers that are asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Text, false
from sqlmodel import Field

from monitor.store.tables.base import Base, big_column, empty_column, zero_column


class FeedRow(Base, table=True):
    """A feed: settings and who made them, poll schedule, health and lease."""

    __tablename__ = "feeds"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    url: str = Field(sa_type=Text)
    is_secret: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Whether its address is never shown: it came from a file of its own, or was added so."""
    host: str = Field(index=True)
    origin: str = "file"
    """`file`, or `added` by a command or page."""
    file_digest: str = empty_column()
    """Of the file's entry, as it was last applied; '' where none was, or it was dropped."""
    by_hand: str = empty_column()
    """What a command or page did to it last: `paused`, `resumed`, `removed`."""
    title: str = ""
    """From the settings; '' where they give none."""
    own_title: str = ""
    """From the feed itself."""
    publisher: str = empty_column()
    """As the owner set it; '' where the monitor finds out."""
    site_url: str = ""
    language: str | None = None
    interval_seconds: float
    first_poll: str = "baseline"
    first_poll_latest: int = 0
    allow_private: bool = False
    pages: str | None = None
    """When its articles' pages are read, where it has a setting of its own."""
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
    notes: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    """What was cut, repaired or could not be read of its last document."""
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    paused_reason: str | None = None
    permanent_url: str | None = Field(default=None, sa_type=Text)
    permanent_since_at: datetime | None = None
    polls: int = 0
    polls_not_modified: int = 0
    storm_at: datetime | None = None
    """When it last brought a burst of known entries; a burst causes one notice, however many polls it lasts."""
    ttl_seconds: float | None = None
    """The polling interval that its last document asked for."""
    skip_hours: str = empty_column()
    """Hours (UTC) in which it is not to be read, as numbers with spaces between; so `skip_days`, 0 for Monday."""
    skip_days: str = empty_column()
    asked_in_full_at: datetime | None = None
    """When it was last asked without validators."""
    last_entry_at: datetime | None = None
    """When it last brought an entry that it had not shown before."""
    per_day: float | None = None
    """How many entries a day it usually brings; None where that is not known."""
    likely_by_at: datetime | None = None
    """By when something new is likely to come."""
    quiet_from_at: datetime | None = None
    """When it counts as quiet, if nothing new comes until then."""
    dated_entries: int = zero_column()
    undated_run: int = zero_column()
    """How many of its newest entries in a row had no date that can be believed."""
    silence: str | None = None
    """`quiet`, `emptied`, `undated` or `stuck`: how it is silent though it answers."""
    silence_changed_at: datetime | None = None
    """When it fell silent; where its silence was told and is over, when it came back."""
    silence_told_at: datetime | None = None
    """When a notice said so; feeds that one notice named have the same time."""
    silence_due_at: datetime | None = Field(default=None, index=True)
    """When there is something to tell of its silence, or of its end."""
    lease_token: str | None = None
    lease_until_at: datetime | None = None


class HostRow(Base, table=True):
    """A server that is left alone for a while (429, 503)."""

    __tablename__ = "hosts"
    host: str = Field(primary_key=True)
    paused_until_at: datetime
    refusals: int = zero_column()
    """How often in a row it refused without saying for how long."""


class PageRow(Base, table=True):
    """A visit of an article's page (each is fetched once); a pause here applies to all pages of the host."""

    __tablename__ = "pages"
    __table_args__ = (Index("ix_pages_host_asked_at", "host", "asked_at"),)
    url_key: int = big_column(primary_key=True, autoincrement=False)
    url: str = Field(sa_type=Text)
    host: str
    asked_at: datetime
    outcome: str = Field(default="", sa_type=Text)
    host_paused_until_at: datetime | None = None
    canonical: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    """The canonical URL that it names, which its article then has."""


class KnownEntriesRow(Base, table=True):
    """What was read of a feed's last document; bounded, as a document's entries are."""

    __tablename__ = "known_entries"
    feed_id: int = Field(primary_key=True, foreign_key="feeds.id")
    frame_key: int = big_column(nullable=False)
    keys: bytes
    """Of each entry four numbers of 64 bits, little-endian, in the order of `KnownEntry`."""
    in_full_at: datetime
