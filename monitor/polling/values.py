"""Values on an article's way through a poll: alerting settings, the article as it was assessed, what the store knows that bears
on it, what is to be written of it, and what was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.learning.article_embeddings import ArticleEmbedding
from monitor.matching.near_misses import NearMiss
from monitor.store.articles import Sighting
from monitor.stories.fingerprint import Fingerprint
from monitor.stories.profiles import Profile
from monitor.stories.publishers import UNKNOWN, Publisher
from monitor.stories.sources import StoryArticle
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.alerting import Alert
from monitor.types.matching import Article, Reason, Score, Topic
from monitor.types.stories import (
    Arrival,
    Cause,
    Decision,
    EscalationLimits,
    KnownArticle,
    StoredCandidate,
    StoryChoice,
    StoryHistory,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingContext:
    """Who gets alerts, and how an alert links back to this service."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Name -> digest of the destination, of every active channel."""
    wait_for: timedelta = timedelta()
    """How long an alert waits for copies of its story, so that it can name their outlets."""
    base_url: str = ""
    tells_updates: bool = True
    """Whether a material change to a story with an alert gives another alert."""
    limits: EscalationLimits = field(default_factory=EscalationLimits)
    """Growth from which a story with an alert gets another one."""
    preferred: tuple[str, ...] = ()
    """Feeds whose article is preferred as a story's lead."""
    is_searched: bool = True
    """Whether articles are added to the search index; a backtest's store needs none."""

    def channels_of(self, topic: str) -> dict[str, str]:
        """Return the channels for this topic's alerts."""
        wanted = self.topics[topic].channels if topic in self.topics else None
        return {name: to for name, to in self.channels.items() if wanted is None or name in wanted}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssessedArticle:
    """An article with everything that can be worked out about it without the database. Equal to itself only."""

    article: Article
    fingerprint: Fingerprint
    scores: tuple[Score, ...]
    profile: Profile
    arrival: Arrival
    sighting: Sighting | None = None
    embedding: ArticleEmbedding | None = None
    """Its embedding, if one was made."""
    is_unembedded: bool = False
    """It should have been compared with topics by embeddings, and there was none of it."""
    waits_for: frozenset[str] = frozenset()
    """Topics that are not decided on before it has its embedding; their scores are those by words, and none is a match."""
    would_match: frozenset[str] = frozenset()
    """Those of them that it matches by words."""
    stored_id: int | None = None
    """The stored article that is assessed again; None for what a feed shows."""
    missing: Mapping[Cause, datetime] = field(default_factory=dict)
    """What was missing when it was assessed -> from when on it may be assessed again."""


# --- what the store knows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredTexts:
    """Stored articles with their texts, to compare one with. Equal to itself only."""

    candidates: tuple[StoredCandidate, ...] = ()
    crowded: frozenset[int] = frozenset()
    """Fingerprint keys of the article in question that too many articles share to be useful."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Related:
    """Stored articles that may be about the event of a profile. Equal to itself only."""

    articles: tuple[RelatedArticle, ...] = ()
    key_counts: Mapping[int, int] = field(default_factory=dict)
    """How many articles within the window carry each key of the profile."""
    nearness: float | None = None
    """How near the article is to others by meaning; None without an embedding (`stories.same_event`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStory:
    """What is known of the story that an article belongs to, and of those that it shows to be the same."""

    history: StoryHistory = field(default_factory=StoryHistory)
    channels: frozenset[str] = frozenset()
    """Those that had a message on it."""
    first_alert: str | None = None
    opener: str = ""
    """Identifies its first article; '' where the one in question opens it."""
    carriers: tuple[StoryArticle, ...] = ()
    """Its articles, where it may escalate; else ()."""
    escalated: frozenset[tuple[str, str]] = frozenset()
    """Escalations already sent, as (topic, kind)."""
    arrivals: Mapping[str, Sequence[Sequence[datetime]]] = field(default_factory=dict)
    """Topic -> for each of its other stories, when its articles were seen; only where it may escalate by its pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the store knows that bears on one article. What is not needed to decide on it was not read."""

    texts: StoredTexts = StoredTexts()
    """Those that may be the same article or carry the same text."""
    has_later_version: bool = False
    """Whether a later version of the text that it updates is stored."""
    related: Related | None = None
    """Those that may be about the same event."""
    pages: StoredTexts | None = None
    """The same with their texts, to learn a site's boilerplate from."""
    related_again: Related | None = None
    """Those that may be about the same event, once the article's profile is without boilerplate."""
    members: tuple[RelatedArticle, ...] = ()
    """All articles of the small stories that may be merged into the one that it joins."""
    kept_apart: frozenset[int] = frozenset()
    """Those of these stories that a person changed."""
    article: KnownArticle | None = None
    """The stored article that it is again, where something may be decided anew."""
    story: KnownStory = KnownStory()
    outlet: str = ""
    """What readers call its feed."""
    publisher: Publisher = UNKNOWN
    told_elsewhere: tuple[int, ...] = ()
    """Stories that an article proves to be about as well, now that its page was read or it has its embedding: who was told of
    them is told no more."""
    exhausted: frozenset[str] = frozenset()
    """Topics that were told as much as may be told at once of what is assessed again."""


# --- what is to be written ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAlert:
    """An alert to be stored. The ids of its article and story may not be known until these are stored."""

    alert: Alert
    told: Mapping[str, str]
    """Topic -> what it is told, as its key says it: `new`, `escalated-pace`, `updated/<digest>`."""
    channels: Mapping[str, str]
    deliver_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """All that is to be written of one article."""

    assessed: AssessedArticle
    """With its profile as it is to be stored."""
    choice: StoryChoice
    decision: Decision
    stored_id: int | None = None
    """The stored article that it is again; None for a new one."""
    crowded: frozenset[int] = frozenset()
    merged_stories: tuple[int, ...] = ()
    """Small stories that are merged into its story first."""
    cause: Cause = Cause.ARRIVAL
    held: Reason | None = None
    """Why no topic can be told of it, however often it is assessed again."""
    row: Decision | None = None
    """The decision to be stored; None where an article that arrived again gives no reason to decide anew."""
    new_matches: Mapping[str, tuple[Score, Reason]] = field(default_factory=dict)
    changed_matches: tuple[Score, ...] = ()
    """Matches that are to show these scores from now on."""
    near_misses: tuple[NearMiss, ...] = ()
    alerts: tuple[PlannedAlert, ...] = ()
    covered: tuple[str, ...] = ()
    """Topics of which every channel had `first_alert`, so that it has told of them, too."""
    first_alert: str | None = None


# --- what was written ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledArticle:
    """An article with its story and decision, as it was stored."""

    article_id: int
    story_id: int
    choice: StoryChoice
    decision: Decision
    alerts: tuple[Alert, ...] = ()
    merged_stories: tuple[int, ...] = ()
    """Small stories that it merged into this one."""
    new_matches: tuple[str, ...] = ()
    """The topics that it matched and had not matched before."""
    is_new: bool = True
    """False if an already stored article was met again."""
