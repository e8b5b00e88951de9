"""Alerts, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.types.fetching import Lease
from monitor.types.matching import Evidence, MeasuredPrecision


class AlertKind(StrEnum):
    """What an alert says."""

    NEW = "new"
    UPDATED = "updated"
    ESCALATED = "escalated"
    NOTICE = "notice"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertArticle:
    """The article of an alert, as it was when the alert was decided."""

    id: int
    title: str
    url: str
    source: str
    """What people call the outlet: its feed's title where it has one."""
    language: str
    published_at: datetime
    seen_at: datetime
    summary: str = ""
    """Plain text, at most about 400 characters."""
    feed: str = ""
    """The name of the feed in the settings."""
    wire: str = ""
    """The news agency it is credited to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Our decision to tell, as a snapshot: what is sent does not change when the store does.

    `NEW`, `UPDATED` and `ESCALATED` carry an article and its evidence; `NOTICE` (about the service itself: a failing feed, a
    disabled channel) and `TEST` carry `title` and `body` only.
    """

    id: str
    """`alt_` and 26 letters or digits: the same on every try, the receiver's key against doubles."""
    kind: AlertKind
    created_at: datetime
    title: str
    body: str = ""
    topic: str = ""
    topic_title: str = ""
    story_id: int | None = None
    article: AlertArticle | None = None
    score: float = 0.0
    threshold: float = 0.0
    probability: float | None = None
    measured: MeasuredPrecision | None = None
    evidence: Evidence = field(default_factory=Evidence)
    also_carried_by: tuple[str, ...] = ()
    """Other outlets of the same story, as of the first try to send."""
    independent_sources: int = 0
    """Sources of the story that did not copy one another, as of the first try to send; 0 where it was not counted."""
    reason: str = ""
    review_url: str = ""


class Result(StrEnum):
    """How one try to deliver ended."""

    SENT = "sent"
    UNKNOWN = "unknown"
    """Sent whole, no answer: try again with the same id."""
    TRANSIENT = "transient"
    """Not accepted now; trying again can help."""
    REJECTED = "rejected"
    """This message will never be accepted."""
    GONE = "gone"
    """This destination will never accept anything: hold its deliveries and tell the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a channel says of one try."""

    result: Result
    code: str = ""
    """HTTP status, SMTP code or the class of the error."""
    detail: str = ""
    """What they answered, at most 2 KB, free of our secrets."""
    retry_after_for: timedelta | None = None
    receipt: str = ""
    """By which the message can be edited and replied to; '' on channels that give none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryState:
    """One alert on its way to one channel, as claimed from the outbox."""

    id: int
    alert: Alert
    channel: str
    attempts: int
    lease: Lease
    created_at: datetime
    destination: str = ""
    """Digest of the destination the delivery was made for."""
    thread: str = ""
    """The receipt of the first message on the same story and topic there; '' for the first itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """How a channel has been doing."""

    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdate:
    """What one try means for the delivery and for its channel."""

    state: str
    attempts: int
    next_at: datetime
    channel: ChannelState
    channel_paused_until_at: datetime | None = None
    channel_disabled_reason: str | None = None
    wakes_waiting: bool = False
    """The channel is back: what waits on it is due now."""


class ChannelEvent(StrEnum):
    """What the operator is told about a channel, once each."""

    FAILING = "failing"
    RECOVERED = "recovered"
    DISABLED = "disabled"
