"""Tables of deliveries: channels, the outbox, every attempt, and who has taken what."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, Index, Text, UniqueConstraint, and_, case
from sqlmodel import Field, col

from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.base import Base, empty_column, id_of


class DeliveryRow(Base, table=True):
    """One alert on one channel: a row of the outbox until it is `sent` or `dead`."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel"),
        CheckConstraint("state IN ('pending', 'leased', 'sent', 'held', 'dead')", name="state"),
        Index("ix_deliveries_state_channel_next_at", "state", "channel", "next_at"),
        Index("ix_deliveries_channel_sent_at", "channel", "sent_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    alert_id: str = Field(foreign_key=id_of(AlertRow))
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
    """The channel's reference to the message, for editing it; '' where the channel gives none."""
    shows: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """The numbers of outlets and independent sources that the message states now."""
    looked_at: datetime | None = None
    """When the message was last checked for being outdated."""
    taken_at: datetime | None = None
    """When somebody had the message first; while `pending`, it waits for single recipients (table `handovers`)."""
    dropped_at: datetime | None = None
    """When somebody dropped it by hand: `dead`, and shown as `dropped`."""
    deferred_at: datetime | None = None
    """Since when it waits for a summary, as its channel's budget was spent."""
    summary_id: str = empty_column()
    """The summary that tells it in place of a message of its own: `sent`, and shown as `summarised`."""


def shown_state() -> ColumnElement[str]:
    """The state of a delivery as people see it: `dropped` is a kind of `dead`, `summarised` one of `sent`."""
    is_summarised = and_(col(DeliveryRow.summary_id) != "", col(DeliveryRow.state) == "sent")
    is_dropped = col(DeliveryRow.dropped_at).is_not(None)
    return case((is_dropped, "dropped"), (is_summarised, "summarised"), else_=col(DeliveryRow.state))


class HandoverRow(Base, table=True):
    """One recipient of a delivery, on channels that have several: whether they have the message."""

    __tablename__ = "handovers"
    __table_args__ = (
        CheckConstraint("state IN ('taken', 'waiting', 'refused', 'missed')", name="state"),
        Index("ix_handovers_recipient_state", "recipient", "state"),
    )
    delivery_id: int = Field(foreign_key="deliveries.id", primary_key=True)
    recipient: str = Field(primary_key=True)
    """A digest of the address."""
    name: str
    """The address, masked."""
    state: str
    at: datetime
    detail: str = Field(default="", sa_type=Text)


class RecipientRow(Base, table=True):
    """A recipient of a channel with whom there is trouble at present: a full mailbox, a closed one."""

    __tablename__ = "recipients"
    channel: str = Field(primary_key=True)
    recipient: str = Field(primary_key=True)
    name: str
    since_at: datetime
    failures: int
    is_refused: bool
    is_told: bool
    detail: str = Field(default="", sa_type=Text)


class AttemptRow(Base, table=True):
    """One attempt of a delivery."""

    __tablename__ = "attempts"
    id: int | None = Field(default=None, primary_key=True)
    delivery_id: int = Field(foreign_key="deliveries.id", index=True)
    started_at: datetime
    ended_at: datetime
    result: str
    code: str = ""
    detail: str = Field(default="", sa_type=Text)


class ChannelRow(Base, table=True):
    """A channel: destination, who set it, and health."""

    __tablename__ = "channels"
    name: str = Field(primary_key=True)
    kind: str
    destination: str
    shown: str = ""
    origin: str = Field(default="file", sa_column_kwargs={"server_default": "file"})
    file_digest: str = empty_column()
    by_hand: str = empty_column()
    """`paused` by a command or page: its alerts wait."""
    is_configured: bool = True
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    paused_until_at: datetime | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    doubted_alert: str = empty_column()
    """The alert that was refused first since the last success, for its own sake as it seems."""
    credentials: str = empty_column()
    """A check digest of the secrets in the settings, by which a mended one is noticed; '' where it is not known yet."""
    last_sent_at: datetime | None = None
