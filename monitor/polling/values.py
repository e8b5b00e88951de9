"""Values on an article's way through a poll: alerting settings, the assessed article, and the filed one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.learning.multilingual import ArticleEmbedding
from monitor.store.articles import Sighting
from monitor.stories.fingerprint import Fingerprint
from monitor.stories.profiles import Profile
from monitor.types.alerting import Alert
from monitor.types.matching import Article, Score, Topic
from monitor.types.stories import Arrival, Decision, EscalationLimits, StoryChoice


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedArticle:
    """An article with everything that can be worked out about it without the database."""

    article: Article
    fingerprint: Fingerprint
    scores: tuple[Score, ...]
    profile: Profile
    arrival: Arrival
    sighting: Sighting | None = None
    embedding: ArticleEmbedding | None = None
    """Its embedding, if one was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledArticle:
    """An article with its story and decision, as it was stored."""

    article_id: int
    story_id: int
    choice: StoryChoice
    decision: Decision
    alerts: tuple[Alert, ...] = ()
    gathered: tuple[int, ...] = ()
    """Small stories that it merged into this one."""
    is_new: bool = True
    """False if an already stored article was met again."""
