"""Alerts, their deliveries and the state of channels, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.types.fetching import Lease
from monitor.types.matching import Evidence, MeasuredPrecision


class AlertKind(StrEnum):
    """What an alert is about."""

    NEW = "new"
    UPDATED = "updated"
    ESCALATED = "escalated"
    SUMMARY = "summary"
    """What went beyond a channel's budget, in one message."""
    NOTICE = "notice"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertArticle:
    """The article of an alert, as it was when the alert was created."""

    id: int
    title: str
    url: str
    source: str
    """The outlet's name for readers: its feed's title where it has one."""
    language: str
    published_at: datetime
    seen_at: datetime
    summary: str = ""
    """Plain text, at most about 400 characters."""
    feed: str = ""
    """The feed's name in the settings."""
    wire: str = ""
    """The news agency it is credited to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertTopic:
    """One of the topics that an alert is on, with the evidence for it."""

    name: str
    title: str = ""
    score: float = 0.0
    threshold: float = 0.0
    probability: float | None = None
    measured: MeasuredPrecision | None = None
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryEntry:
    """One story of a summary, with the alerts on it that the summary tells."""

    alert_ids: tuple[str, ...]
    kind: AlertKind
    """That of its first alert: `UPDATED` or `ESCALATED` where readers had a message on the story before."""
    title: str
    url: str
    source: str
    published_at: datetime
    topics: tuple[str, ...]
    """Their titles, the strongest first."""
    score: float = 0.0
    threshold: float = 0.0
    probability: float | None = None
    outlets: int = 1
    """How many carry the story."""
    independent_sources: int = 0
    news: str = ""
    """What changed or grew since it was told."""
    review_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert as it will be sent: a snapshot that later changes in the store do not touch.

    `NEW`, `UPDATED` and `ESCALATED` carry an article, the topics it is told for and their evidence; `SUMMARY` carries `entries`;
    `NOTICE` (about the service itself: a failing feed, a disabled channel) and `TEST` carry `title` and `body` only.
    """

    id: str
    """`alt_` and 26 letters or digits: the same on every attempt, so that receivers can drop duplicates."""
    kind: AlertKind
    created_at: datetime
    title: str
    body: str = ""
    topic: str = ""
    """The strongest of its topics, which `topic_title`, `score` and the other fields on a topic are about, too."""
    topic_title: str = ""
    topics: tuple[AlertTopic, ...] = ()
    """All its topics, the strongest first; empty where it was stored before alerts named several (see `all_topics`)."""
    story_id: int | None = None
    article: AlertArticle | None = None
    score: float = 0.0
    threshold: float = 0.0
    probability: float | None = None
    measured: MeasuredPrecision | None = None
    evidence: Evidence = field(default_factory=Evidence)
    also_carried_by: tuple[str, ...] = ()
    """Other outlets that carry the story, as of the first attempt to send."""
    independent_sources: int = 0
    """The story's independent sources, as of the first attempt to send; 0 where they were not counted."""
    reason: str = ""
    review_url: str = ""
    entries: tuple[SummaryEntry, ...] = ()
    """Of a summary: the stories that it names, the first to be read first."""

    @property
    def all_topics(self) -> tuple[AlertTopic, ...]:
        """Its topics, the strongest first, also of an alert that was stored when each was on one topic; () for a notice."""
        if self.topics or not self.topic:
            return self.topics
        return (
            AlertTopic(
                name=self.topic,
                title=self.topic_title,
                score=self.score,
                threshold=self.threshold,
                probability=self.probability,
                measured=self.measured,
                evidence=self.evidence,
            ),
        )


class AttemptResult(StrEnum):
    """How one delivery attempt ended."""

    SENT = "sent"
    UNKNOWN = "unknown"
    """Sent completely, but no answer came: retry with the same id."""
    TRANSIENT = "transient"
    """Not accepted now; a retry can help."""
    REJECTED = "rejected"
    """Refused: a retry helps only where the receiver refused by mistake or is mended."""
    GONE = "gone"
    """This destination says that it is gone for good: hold its deliveries and notify the operator."""


class Concern(StrEnum):
    """What an answer is about, and so who waits or is tried again because of it."""

    RECIPIENT = "recipient"
    """One address of several of a mail channel: the others have the message."""
    MESSAGE = "message"
    """This message; others may be accepted."""
    DESTINATION = "destination"
    """Any message would have had this answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientOutcome:
    """What the answer for one recipient of a message says: `SENT`, `TRANSIENT` or `REJECTED`."""

    key: str
    """A digest of the address, by which the store knows the recipient."""
    name: str
    """The address for people, masked."""
    result: AttemptResult
    code: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one delivery attempt, as the channel reports it."""

    result: AttemptResult
    code: str = ""
    """HTTP status, SMTP code or the name of the error's class."""
    detail: str = ""
    """The other side's answer, at most 2 KB, with our secrets removed."""
    retry_after_for: timedelta | None = None
    receipt: str = ""
    """Identifies the sent message for edits and replies; '' on channels that return no id."""
    concern: Concern = Concern.MESSAGE
    reason: str = ""
    """Why the answer means this, in a few words (`alerting.answers`)."""
    recipients: tuple[RecipientOutcome, ...] = ()
    """The answers for single recipients, where these were decided upon; () where the answer is about all of them."""

    @property
    def is_taken(self) -> bool:
        """Whether somebody got the message by this attempt."""
        return self.result is AttemptResult.SENT or any(each.result is AttemptResult.SENT for each in self.recipients)


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
    """Digest of the destination that the delivery was created for."""
    thread: str = ""
    """The receipt of the channel's first message on the same story; '' for that message itself."""
    settled: Mapping[str, AttemptResult] = field(default_factory=dict)
    """Recipient -> `SENT` or `REJECTED`: those to whom it is not sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelState:
    """A channel's recent failures."""

    failures: int = 0
    """Attempts in a row that failed for the channel's sake."""
    failing_since_at: datetime | None = None
    """When the first attempt since the last success failed, for whatever sake."""
    is_failing_told: bool = False
    doubted_alert: str = ""
    """The alert that was refused first since the last success, for its own sake as it seems; another one makes it the channel's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdate:
    """What to store after one attempt, of the delivery and of its channel."""

    state: str
    attempts: int
    next_at: datetime
    channel: ChannelState
    channel_paused_until_at: datetime | None = None
    channel_disabled_reason: str | None = None
    wakes_waiting: bool = False
    """The channel works again: its waiting deliveries become due now."""
    is_taken: bool = False
    """Somebody got the message by this attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientState:
    """The trouble with one recipient of a channel."""

    since_at: datetime
    failures: int
    is_refused: bool
    """For good; else it was put off."""
    is_told: bool


class RecipientEvent(StrEnum):
    """Changes of a recipient's state, each reported to the operator once."""

    REFUSED = "refused"
    WAITING = "waiting"
    BACK = "back"


class ChannelEvent(StrEnum):
    """Changes of a channel's state, each reported to the operator once."""

    FAILING = "failing"
    RECOVERED = "recovered"
    DISABLED = "disabled"
