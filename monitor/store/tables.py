"""The database tables as SQLModel classes. They do not validate (`table=True` classes never do, sqlmodel issue 52): values are
checked and truncated before they are stored.

Keys made of foreign text (guid, URL, title) are 64-bit hashes, so that no index has to hold a 5 MB guid; the text is stored
beside them and compared when hashes agree. When you change a table, add a migration: see migrations/.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ColumnElement,
    Index,
    MetaData,
    Text,
    UniqueConstraint,
    and_,
    case,
    false,
)
from sqlmodel import Field, SQLModel, col

# Constraints are named from the first revision on: Alembic cannot alter unnamed ones.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Base(SQLModel, defer_build=True):
    """Base of all tables, with our metadata. Pydantic's validators, which tables do not use, are not built at each start."""

    metadata = metadata


def _big(**options: Any) -> Any:
    return Field(sa_column=Column(BigInteger, **options))


def _empty_column() -> Any:
    return Field(default="", sa_column_kwargs={"server_default": ""})


def _zero_column() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": "0"})


def _factor_column() -> Any:
    return Field(default=1.0, sa_column_kwargs={"server_default": "1"})


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
    file_digest: str = _empty_column()
    """Of the file's entry, as it was last applied; '' where none was, or it was dropped."""
    by_hand: str = _empty_column()
    """What a command or page did to it last: `paused`, `resumed`, `removed`."""
    title: str = ""
    """From the settings; '' where they give none."""
    own_title: str = ""
    """From the feed itself."""
    publisher: str = _empty_column()
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
    skip_hours: str = _empty_column()
    """Hours (UTC) in which it is not to be read, as numbers with spaces between; so `skip_days`, 0 for Monday."""
    skip_days: str = _empty_column()
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
    dated_entries: int = _zero_column()
    undated_run: int = _zero_column()
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
    refusals: int = _zero_column()
    """How often in a row it refused without saying for how long."""


class PageRow(Base, table=True):
    """A visit of an article's page (each is fetched once); a pause here applies to all pages of the host."""

    __tablename__ = "pages"
    __table_args__ = (Index("ix_pages_host_asked_at", "host", "asked_at"),)
    url_key: int = _big(primary_key=True, autoincrement=False)
    url: str = Field(sa_type=Text)
    host: str
    asked_at: datetime
    outcome: str = Field(default="", sa_type=Text)
    host_paused_until_at: datetime | None = None
    canonical: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    """The canonical URL that it names, which its article then has."""


class ArticleRow(Base, table=True):
    """An article. `story_id` is the id of an article of its story: of the first, unless moved. The decisions on it are rows of
    `decisions`; the newest stands."""

    __tablename__ = "articles"
    __table_args__ = (
        CheckConstraint("kind IN ('new', 'copy', 'update', 'joins')", name="kind"),
        Index("ix_articles_source_seen_at", "source", "seen_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    story_id: int | None = Field(default=None, index=True)
    of_article_id: int | None = Field(default=None)
    kind: str = "new"
    similarity: float = 0.0
    why: str = ""
    url: str = Field(sa_type=Text)
    outlet: str = _empty_column()
    """Who published it, where an aggregator's feed says so."""
    outlet_host: str = _empty_column()
    """The host of its site, where that feed names it, too, or of the site whose article this one mirrors."""
    url_key: int = _big(index=True, nullable=False)
    text_key: int = _big(index=True, nullable=False)
    title_key: int = _big(index=True, nullable=False)
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    language: str = Field(index=True)
    author: str = ""
    source: str = ""
    wire: str = ""
    """The news agency it is credited to."""
    is_pinned: bool = False
    """A person chose its story: the program leaves it there."""
    grade: str
    page: str = Field(default="", sa_type=Text)
    """The outcome of fetching its own page; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime = Field(index=True)


class DecisionRow(Base, table=True):
    """A decision on an article; never changed. Of an article's decisions the newest (the highest id) stands."""

    __tablename__ = "decisions"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id", index=True)
    at: datetime
    cause: str
    """A `Cause`: `arrival`, `another arrival`, `changed text`, ..."""
    feed: str = ""
    """The feed that showed it; '' where none did."""
    reason: str
    """The name of a `Reason`: why the article was told or not."""
    kind: str
    story_id: int
    """The story it was put into then."""
    topics: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """What was decided for each topic that matched or was blocked, with score, evidence and model version."""
    scores: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)
    """The scores then, the highest above or nearest below their thresholds first, at most 10."""
    held: str = _empty_column()
    """The name of the `Reason` (first poll, burst) for which no topic could be told of it then: it holds when it is assessed
    again."""


class ReassessmentRow(Base, table=True):
    """Something to be assessed again, until that is done: an article for which something was missing, or all articles of a
    range against a topic that changed. Of a range the newest article comes first; `next_id` is the one to go on with."""

    __tablename__ = "reassessments"
    __table_args__ = (
        UniqueConstraint("article_id", "cause"),
        Index("ix_reassessments_cause_due_at", "cause", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    cause: str
    """A `Cause`: what was missing, or what changed."""
    topic: str = ""
    """'' for all topics."""
    article_id: int | None = Field(default=None, foreign_key="articles.id")
    """None: a range."""
    first_id: int
    next_id: int
    wanted_at: datetime
    due_at: datetime
    attempts: int = 0
    articles: int = 0
    """Of a range, so far: articles assessed, new matches, alerts, and matches that were not told as there were too many."""
    matches: int = 0
    alerts: int = 0
    kept: int = 0
    lease_token: str | None = None
    lease_until_at: datetime | None = None


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


class EntryRow(Base, table=True):
    """An item as one feed published it; several entries may lead to one article."""

    __tablename__ = "entries"
    __table_args__ = (
        UniqueConstraint("feed_id", "guid_key"),
        Index("ix_entries_feed_id_first_seen_at", "feed_id", "first_seen_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    feed_id: int = Field(foreign_key="feeds.id")
    guid_key: int = _big(nullable=False)
    guid: str = Field(sa_type=Text)
    content_key: int = _big(nullable=False)
    article_id: int = Field(foreign_key="articles.id", index=True)
    first_seen_at: datetime
    changed_at: datetime | None = None


class KnownEntriesRow(Base, table=True):
    """What was read of a feed's last document; bounded, as a document's entries are."""

    __tablename__ = "known_entries"
    feed_id: int = Field(primary_key=True, foreign_key="feeds.id")
    frame_key: int = _big(nullable=False)
    keys: bytes
    """Of each entry four numbers of 64 bits, little-endian, in the order of `KnownEntry`."""
    in_full_at: datetime


class RevisionRow(Base, table=True):
    """An earlier version of an article."""

    __tablename__ = "revisions"
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id", index=True)
    replaced_at: datetime
    title: str = Field(sa_type=Text)
    text: str = Field(sa_type=Text)
    is_material: bool = False
    why: str = ""


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
    key: int = _big(primary_key=True, autoincrement=False)
    embedder: str = Field(primary_key=True)
    article_id: int | None = _big(nullable=True)
    """The first article with this text; None for a seed."""
    language: str
    packed: bytes


INBOX_COLUMNS = (
    "is_relevant", "story_id", "created_at", "topic", "reason", "article_id", "score", "threshold", "factor",
)  # fmt: skip
"""All that the inbox filters, sorts and counts by, so that it reads this index and not the matches, whose evidence is long."""
STORY_COLUMNS = ("story_id", "created_at", "reason", "topic", "is_relevant", "article_id")
"""The same by story, for lists whatever the verdict."""
NEWEST_COLUMNS = ("created_at", "story_id", "reason", "topic", "is_relevant", "article_id")
"""The same by time, for the newest stories."""


class MatchRow(Base, table=True):
    """An article at or above a topic's threshold, with the evidence and the latest verdict."""

    __tablename__ = "matches"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_matches_topic_created_at", "topic", "created_at"),
        Index("ix_matches_inbox", *INBOX_COLUMNS),
        Index("ix_matches_story", *STORY_COLUMNS),
        Index("ix_matches_newest", *NEWEST_COLUMNS),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    story_id: int
    topic: str
    score: float
    threshold: float
    factor: float = _factor_column()
    """The factor of the sensitivity in force, contained in `threshold`."""
    prior_share: float | None = None
    """The share of the balanced threshold without what answers added (`margins.prior_share`), as it was before the verdict."""
    probability: float | None = None
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    model_version: str = ""
    """Of the topic model, self-training included."""
    topic_version: int | None = None
    """The topic's version in force, as in `topic_versions`."""
    decision_id: int | None = None
    """The decision whose score and evidence these are: that by which it was told, else the newest on this topic."""
    reason: str
    created_at: datetime
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class SavedViewRow(Base, table=True):
    """Filters, order and search of the inbox under a name, and the digest of the secret in the address of its feeds."""

    __tablename__ = "saved_views"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    filters: dict[str, str] = Field(default_factory=dict, sa_type=JSON)
    """As the inbox's address has them."""
    made_at: datetime
    made_by: str = _empty_column()
    token_digest: str = Field(default="", index=True, sa_column_kwargs={"server_default": ""})
    """'' where its matches are not given out."""
    token_at: datetime | None = None


class SelfTrainingRow(Base, table=True):
    """A self-training example: an article that a topic trained itself on, and with what weight (matching.self_training)."""

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_topic_created_at", "topic", "created_at"),)
    topic: str = Field(primary_key=True)
    article_id: int = Field(primary_key=True, foreign_key="articles.id")
    weight: float
    created_at: datetime


class NearMissRow(Base, table=True):
    """An article just below a topic's threshold, sampled for review."""

    __tablename__ = "near_misses"
    __table_args__ = (
        UniqueConstraint("article_id", "topic"),
        Index("ix_near_misses_topic_created_at", "topic", "created_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    story_id: int
    topic: str
    band: int
    share: float
    """The probability with which it was sampled."""
    score: float
    threshold: float
    factor: float = _factor_column()
    prior_share: float | None = None
    model_version: str = ""
    created_at: datetime
    is_relevant: bool | None = Field(default=None, index=True)
    reviewed_at: datetime | None = None
    reviewed_by: str | None = None


class NearMissCountRow(Base, table=True):
    """How many near misses of a topic fell into one band on one day, sampled or not."""

    __tablename__ = "near_counts"
    topic: str = Field(primary_key=True)
    day: str = Field(primary_key=True)
    """2026-11-22, in UTC."""
    band: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    seen: int = 0


class VerdictRow(Base, table=True):
    """A reviewer's verdict, or its withdrawal; of an article and topic the latest is in force."""

    __tablename__ = "verdicts"
    __table_args__ = (Index("ix_verdicts_topic_article_id", "topic", "article_id"),)
    id: int | None = Field(default=None, primary_key=True)
    article_id: int = Field(foreign_key="articles.id")
    topic: str
    is_relevant: bool
    by: str
    note: str = Field(default="", sa_type=Text)
    at: datetime
    is_withdrawn: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """Takes the verdict back that was in force: since then there is none. `is_relevant` is what that one said."""
    taught: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    """The terms that it made `heavier` and `lighter` in the topic model; None until that was computed."""


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


class AlertRow(Base, table=True):
    """An alert or notice. The unique `key` (the notice's name; of an alert its id) prevents duplicates."""

    __tablename__ = "alerts"
    id: str = Field(primary_key=True)
    key: str = Field(unique=True)
    kind: str
    topic: str = Field(default="", index=True)
    """The strongest of its topics; all of them are in `alert_topics`."""
    story_id: int | None = Field(default=None, index=True)
    article_id: int | None = Field(default=None, foreign_key="articles.id")
    title: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(index=True)
    payload: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)


class AlertTopicRow(Base, table=True):
    """A topic that an alert told of. The unique `key` (topic, story and kind) has the last word against telling it twice."""

    __tablename__ = "alert_topics"
    alert_id: str = Field(primary_key=True, foreign_key="alerts.id")
    topic: str = Field(primary_key=True, index=True)
    key: str = Field(unique=True)
    decision_id: int | None = Field(default=None, foreign_key="decisions.id")
    """The decision by which it was told; None for alerts on articles that are gone."""


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
    alert_id: str = Field(foreign_key="alerts.id")
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
    summary_id: str = _empty_column()
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
    file_digest: str = _empty_column()
    by_hand: str = _empty_column()
    """`paused` by a command or page: its alerts wait."""
    is_configured: bool = True
    disabled_reason: str | None = Field(default=None, sa_type=Text)
    paused_until_at: datetime | None = None
    failures: int = 0
    failing_since_at: datetime | None = None
    is_failing_told: bool = False
    doubted_alert: str = _empty_column()
    """The alert that was refused first since the last success, for its own sake as it seems."""
    credentials: str = _empty_column()
    """A check digest of the secrets in the settings, by which a mended one is noticed; '' where it is not known yet."""
    last_sent_at: datetime | None = None


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
