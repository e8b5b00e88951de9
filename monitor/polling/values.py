"""The values of the way of an article into the store: what is known of it before, whom to tell, and what became of it."""

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
from monitor.types.stories import Arrival, Decision, Limits, StoryChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertingContext:
    """Who is told, and how an alert points back to us."""

    topics: Mapping[str, Topic] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    """Name -> digest of the destination, of every channel in force."""
    wait_for: timedelta = timedelta()
    """How long an alert waits for the copies of its story, so that it can name them."""
    base_url: str = ""
    tells_updates: bool = True
    """Whether a material change to a story already told is told."""
    limits: Limits = field(default_factory=Limits)
    """From where on the growth of a story already told is told."""
    preferred: tuple[str, ...] = ()
    """Feeds whose article stands for a story before others."""
    is_searched: bool = True
    """Whether articles must be found by their words later on; nobody searches a backtest's store."""

    def channels_of(self, topic: str) -> dict[str, str]:
        """The channels that this topic's alerts take."""
        wanted = self.topics[topic].channels if topic in self.topics else None
        return {name: to for name, to in self.channels.items() if wanted is None or name in wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedArticle:
    """An article with all that can be said of it without the store."""

    article: Article
    fingerprint: Fingerprint
    scores: tuple[Score, ...]
    profile: Profile
    arrival: Arrival
    sighting: Sighting | None = None
    meant: ArticleEmbedding | None = None
    """Its vector, where it has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledArticle:
    """What became of an article."""

    article_id: int
    story_id: int
    choice: StoryChoice
    decision: Decision
    alerts: tuple[Alert, ...] = ()
    gathered: tuple[int, ...] = ()
    """Small stories that became part of this one by it."""
    is_stored_anew: bool = True
    """False where it led to an article that was there already."""
