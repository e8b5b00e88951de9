"""The values that travel between the steps.

Every step takes and returns these; nothing here imports anything of ours or touches the world. A name ending in `_at` is an
aware UTC datetime, one ending in `_for` a timedelta. `...State` was read from the store, `...Update` is written to it, an
`Entry` is what a feed published, an `Article` is what we made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class Reason(StrEnum):
    """Why an article was, or was not, told about. The value is the phrase that logs, pages and `explain` use."""

    ALERTED = "matched, and its story was new: alerted"
    UPDATED = "a material change to an alerted article: alerted again"
    ESCALATED = "its alerted story grew beyond what is usual: alerted again"
    JOINS_STORY = "matched, but its story was already alerted"
    COPY = "a copy of an article already stored"
    UPDATE = "a newer version of an article already stored"
    FIRST_POLL = "seen on the first poll of its feed: stored, not alerted"
    STORM = "part of a burst that is no news: stored, told in one notice"
    SET_APART = "set apart by a person as a story of its own"
    TOO_OLD = "published too long ago to be news"
    EXCLUDED = "above the threshold, but carries a term the topic excludes"
    NOT_REQUIRED = "above the threshold, but lacks a term the topic requires"
    OTHER_LANGUAGE = "in a language the topic does not follow"
    NO_MATCH = "below the threshold of every topic"
    NO_TOPICS = "no topic was defined when it arrived"
    NO_TEXT = "no readable text"
    WALL = "a consent or paywall page instead of the article"


class Grade(StrEnum):
    """How much of the article we could read."""

    FULL = "full"
    PARTIAL = "partial"
    HEADLINE = "headline"
    WALL = "wall"


class Kind(StrEnum):
    """What an article is to those already stored."""

    NEW = "new"
    COPY = "copy"
    UPDATE = "update"
    JOINS = "joins"


class FirstPoll(StrEnum):
    """What to do with what a feed already holds when we first meet it."""

    BASELINE = "baseline"
    LATEST = "latest"
    ALL = "all"


# --- feeds ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What the server gave us to ask "changed since?", echoed byte for byte (RFC 9110 section 13)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A claim on a row: whoever holds the token may settle it until `until_at`."""

    token: str
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """What the store remembers of a feed when it is claimed for a poll."""

    id: int
    name: str
    url: str
    lease: Lease
    validators: Validators = Validators()
    body_hash: str | None = None
    language: str | None = None
    interval_for: timedelta = timedelta(minutes=15)
    first_poll: FirstPoll = FirstPoll.BASELINE
    first_poll_latest: int = 0
    first_polled_at: datetime | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    permanent_url: str | None = None
    permanent_since_at: datetime | None = None
    allow_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What a server answered: status is 200 or 304 (anything else is a FetchError)."""

    url: str
    final_url: str
    status: int
    at: datetime
    media_type: str = ""
    """The Content-Type as sent, parameters included."""
    body: bytes = b""
    validators: Validators = Validators()
    max_age_for: timedelta | None = None
    """How long the server asks us not to come back (Cache-Control or Expires)."""
    permanent_url: str | None = None
    """Where every hop of the redirect chain was permanent (301, 308): its end."""
    took_for: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item as the feed published it: cleaned of control characters and cut to our limits, otherwise theirs."""

    guid: str
    """Theirs, or, where they gave none, one made of link and title."""
    url: str
    """Absolute http(s) URL, or '' where there is none."""
    title: str
    published_at: datetime | None = None
    author: str = ""
    summary_html: str = ""
    content_html: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    """What a feed's document says."""

    title: str = ""
    site_url: str = ""
    language: str | None = None
    ttl_for: timedelta | None = None
    """The publisher's own wish for the time between polls (ttl, sy:updatePeriod)."""
    skip_hours: frozenset[int] = frozenset()
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    """What was cut or repaired, in words for the operator: 'kept 1000 of 5000 entries'."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedUpdate:
    """All that one poll tells the store about a feed."""

    feed_id: int
    lease: Lease
    polled_at: datetime
    next_poll_at: datetime
    outcome: str
    """`ok`, `not modified`, `unchanged` or the class of the error."""
    validators: Validators | None = None
    """None leaves the stored ones as they are: an error never erases them."""
    body_hash: str | None = None
    title: str | None = None
    site_url: str | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    error: str | None = None
    is_first_poll_done: bool = False
    permanent_url: str | None = None
    permanent_since_at: datetime | None = None
    new_url: str | None = None
    """Set once the same permanent redirect held long enough."""
    paused_reason: str | None = None
    host_paused_until_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PageVisit:
    """That an article's own page was asked for, once and for all, and what came of it."""

    url: str
    at: datetime
    outcome: str
    """For people: 'full text fetched from the page', 'page refused: 403'."""
    host_paused_until_at: datetime | None = None
    """Set where no page of this host is to be asked for until then."""
    canonical: str = ""
    """The address that the page names as its own; '' where it names none that is to be believed."""


# --- articles and topics ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An entry with readable text. `source` is the feed's name, `text` the body without the title."""

    guid: str
    url: str
    title: str
    text: str
    language: str
    """ISO 639-1 (or -3 where there is none, as `prs`), `und` where it cannot be told."""
    published_at: datetime
    """As published, but never later than it was seen; the time it was seen where the feed gave none."""
    seen_at: datetime
    source: str = ""
    author: str = ""
    wire: str = ""
    """The news agency it is credited to, as `wires` finds it."""
    grade: Grade = Grade.PARTIAL
    page: str = ""
    """What came of reading the article's own page, for people; '' where only its feed was read."""
    canonical: str = ""
    """The address that its page names as its own, where it was read and is to be believed (`urls.declared`)."""

    @property
    def full_text(self) -> str:
        """Title and body, as the matcher reads them."""
        return f"{self.title}\n\n{self.text}" if self.text else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """An example article of a topic; with `is_counter`, an example of what is not wanted."""

    file: str
    title: str
    text: str
    language: str
    is_counter: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A folder of seeds and what its topic.toml says."""

    name: str
    title: str
    seeds: tuple[Seed, ...]
    description: str = ""
    required: tuple[str, ...] = ()
    """At least one of these must occur."""
    excluded: tuple[str, ...] = ()
    """None of these may occur."""
    sensitivity: str = "balanced"
    languages: tuple[str, ...] = ()
    """Empty: every language the matcher can score."""
    channels: tuple[str, ...] | None = None
    """None: every channel; empty: none, shown on the page only."""
    is_enabled: bool = True
    digest: str = ""
    """Changes whenever the folder's content does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One term's share of a score; the shares of a match add up to its score."""

    term: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a reader needs to judge a match at a glance."""

    terms: tuple[Contribution, ...] = ()
    """Heaviest first; the last may be '(other terms)' so that the shares still add up."""
    sentence: str = ""
    """The sentence of the article that lies nearest to the topic."""
    seed: str = ""
    """File name of the nearest seed."""
    seed_similarity: float = 0.0
    across: str = ""
    """Where it matched by meaning, across languages: the language of the nearest seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How often a topic's matches were right, by the verdicts on them; copies of a text count once."""

    confirmed: int
    judged: int
    low: float
    """The 95 % interval of the share, 0 to 1."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One topic's answer to one article, whether it matched or not."""

    topic: str
    score: float
    threshold: float
    is_match: bool
    probability: float | None = None
    """Only where it is calibrated."""
    measured: Measured | None = None
    """Stands beside the probability."""
    factor: float = 1.0
    """What the topic's sensitivity multiplied the threshold by."""
    blocked: Reason | None = None
    """Set where the score is above the threshold but a rule of topic.toml forbids the match."""
    evidence: Evidence = Evidence()
    model_version: str = ""
    lesson: float = 0.0
    """How much its topic learned from this article before anybody looked at it (monitor.follow)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stored article that may be the same as a new one, with all that the comparison needs."""

    article_id: int
    story_id: int
    title: str
    text: str
    url: str
    source: str
    published_at: datetime
    same_guid: bool = False
    same_url: bool = False
    is_pinned: bool = False
    """A person said which story it belongs to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChoice:
    """What an article is to what we know."""

    kind: Kind
    story_id: int | None = None
    """None: a story of its own."""
    of_article_id: int | None = None
    similarity: float = 0.0
    why: str = ""
    """For people: 'same canonical URL', 'same text (96 % of its word runs)'."""
    is_material: bool = False
    """For an update: whether numbers, names, quotes or negation changed."""
    facts: str = ""
    """For such an update: what changed, so that the same change in another article of the story is known for it."""
    gathers: tuple[int, ...] = ()
    """Small stories told apart before that this article shows to be the same: they become part of `story_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDecision:
    """Whether one topic tells somebody about one article, and why."""

    topic: str
    reason: Reason
    is_alert: bool
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The one terminal decision on an article: the strongest of its topics' decisions."""

    reason: Reason
    topics: tuple[TopicDecision, ...] = ()

    @property
    def alerts(self) -> tuple[str, ...]:
        """The topics that tell somebody."""
        return tuple(each.topic for each in self.topics if each.is_alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What happened to the story until now, as names of topics."""

    matched: frozenset[str] = frozenset()
    alerted: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    """Those told of this very change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How a story stands for one topic, the article at hand counted in: what escalation is decided on."""

    sources: int = 0
    """Independent ones: a wire counts once, whoever prints it."""
    pace: int = 0
    """Articles within the last hours, copies apart."""
    usual_pace: float | None = None
    """What the topic's stories usually gather in their busiest hours; None where too few are known."""
    told: frozenset[str] = frozenset()
    """What was told of its growth: `outlets`, `pace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Why a story that was told is told again though no fact in it changed."""

    which: str
    """`outlets` or `pace`: each is told once a story and topic."""
    why: str
    """`now 6 independent outlets`."""


# --- on the way out ---------------------------------------------------------------------------------------------------


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
    measured: Measured | None = None
    evidence: Evidence = Evidence()
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A reviewer's answer to a match."""

    article_id: int
    topic: str
    is_relevant: bool
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An article with a reviewer's verdict, as the model learns from it."""

    topic: str
    title: str
    text: str
    language: str
    is_relevant: bool
    at: datetime | None = field(default=None)
    weight: float = 1.0
    """How much of an example it is: less than 1 only of what a topic learned by itself."""
