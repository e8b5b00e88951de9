"""What an article is to those we know, and what is decided of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.types.fetching import FirstPoll
from monitor.types.matching import Reason


class ArticleKind(StrEnum):
    """What an article is to those already stored."""

    NEW = "new"
    COPY = "copy"
    UPDATE = "update"
    JOINS = "joins"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCandidate:
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
class Arrival:
    """How an article came to us, as far as policy cares."""

    is_first_poll: bool = False
    first_poll: FirstPoll = FirstPoll.BASELINE
    latest: int = 0
    rank: int = 0
    """Place among the articles of the same poll, newest first, from 0."""
    max_age_for: timedelta | None = timedelta(days=7)
    is_storm: bool = False
    """Part of a burst that is no news (see `bursts`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChoice:
    """What an article is to what we know."""

    kind: ArticleKind
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
class StoryHistory:
    """What happened to the story until now, as names of topics."""

    matched: frozenset[str] = frozenset()
    alerted: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    """Those told of this very change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryGrowth:
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
class Limits:
    """From where on a story's growth is told; 0 is never."""

    outlets: int = 0
    pace: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Why a story that was told is told again though no fact in it changed."""

    which: str
    """`outlets` or `pace`: each is told once a story and topic."""
    why: str
    """`now 6 independent outlets`."""
