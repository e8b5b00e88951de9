"""How an article relates to stored ones, and the decisions about it, as immutable values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.types.fetching import FirstPoll
from monitor.types.matching import Reason


class ArticleKind(StrEnum):
    """How an article relates to those already stored."""

    NEW = "new"
    COPY = "copy"
    UPDATE = "update"
    JOINS = "joins"


class Cause(StrEnum):
    """What made the monitor decide on an article; stored with the decision, so the values may not change."""

    ARRIVAL = "arrival"
    ANOTHER_ARRIVAL = "another arrival"
    """A feed showed the stored article again."""
    FULL_TEXT = "full text"
    """Its own page was read, where only its feed had been."""
    CHANGED_TEXT = "changed text"
    TOPICS = "reassessed: topics"
    """It was decided while topics were missing."""
    EMBEDDER = "reassessed: embedder"
    """It was decided while the embedder was away."""
    EMBEDDING = "reassessed: embedding"
    """The embedder had no time for it when it arrived."""
    SEEDS = "reassessed: seeds"
    BY_HAND = "reassessed: by hand"

    @property
    def waits_for(self) -> str:
        """What an article waits for that is to be assessed again for this cause."""
        return _WAITS_FOR.get(self, "")

    @property
    def is_reassessment(self) -> bool:
        """Whether the monitor looked at a stored article again though nothing arrived."""
        return self.value.startswith("reassessed: ")


_WAITS_FOR = {
    Cause.FULL_TEXT: "its own page, which could not be read",
    Cause.TOPICS: "a topic, as there was none when it arrived",
    Cause.EMBEDDER: "the embedder, which was away when it arrived",
    Cause.EMBEDDING: "its embedding, which is being made",
    Cause.SEEDS: "its turn, as a topic changed",
    Cause.BY_HAND: "its turn, as somebody asked for it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCandidate:
    """A stored article that a new one may copy or update, with all that the comparison needs."""

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
    """A person assigned it to its story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMatch:
    """A match of a stored article, as it is shown."""

    score: float
    threshold: float
    is_told: bool = False
    """An alert on this very article told of it: it keeps the score that was told."""
    reason: Reason = Reason.JOINS_STORY
    """What was decided when it matched first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownArticle:
    """A stored article that arrived again: the decision that stands, and its matches by topic."""

    reason: Reason
    page: str = ""
    """The outcome of reading its own page; '' where only its feed was read."""
    matches: Mapping[str, KnownMatch] = field(default_factory=dict)
    kind: ArticleKind = ArticleKind.NEW
    held: Reason | None = None
    """Why no topic could be told of it when it arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How an article arrived, as far as the alert policy needs it."""

    is_first_poll: bool = False
    first_poll: FirstPoll = FirstPoll.BASELINE
    latest: int = 0
    rank: int = 0
    """Position among the articles of its poll, newest first, from 0."""
    max_age_for: timedelta | None = timedelta(days=7)
    is_burst: bool = False
    """Part of a burst that is no news (`polling.bursts`)."""
    cause: Cause = Cause.ARRIVAL
    """Why it is decided on; of arrivals the monitor works out by itself whether they are the first."""
    held: Reason | None = None
    """Of an article that is assessed again: why no topic could be told of it when it arrived."""
    at_most: int | None = None
    """Of an article that is assessed again: how many others a topic may be told of for this cause within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryChoice:
    """The story an article belongs to, and why."""

    kind: ArticleKind
    story_id: int | None = None
    """None: it opens a story."""
    of_article_id: int | None = None
    similarity: float = 0.0
    why: str = ""
    """For people: 'same canonical URL', 'same text (96 % of its word runs)'."""
    is_material: bool = False
    """For an update: whether facts changed (numbers, names, quotes, negation)."""
    facts: str = ""
    """For a material update: what changed, so that the same change in another article of the story is recognised."""
    merged_stories: tuple[int, ...] = ()
    """Small stories that this article shows to be the same event: they are merged into `story_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDecision:
    """Whether one topic alerts on one article, and why."""

    topic: str
    reason: Reason
    is_alert: bool
    escalation: Escalation | None = None
    elsewhere: tuple[int, ...] = ()
    """Other stories on its event, as one of which it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The one terminal decision on an article: the strongest of its topics' decisions."""

    reason: Reason
    topics: tuple[TopicDecision, ...] = ()

    @property
    def alerting_topics(self) -> tuple[str, ...]:
        """The names of the topics that alert."""
        return tuple(each.topic for each in self.topics if each.is_alert)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryHistory:
    """What a story has matched and alerted so far, as names of topics."""

    matched: frozenset[str] = frozenset()
    alerted: frozenset[str] = frozenset()
    updated: frozenset[str] = frozenset()
    """Topics that were already alerted to this very change."""
    updated_often: frozenset[str] = frozenset()
    """Topics that were told of changes as often as may be within a day."""
    covered: frozenset[str] = frozenset()
    """Topics of which every channel has had a message on the story, for other topics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryGrowth:
    """A story's growth for one topic, the current article included: the input to escalation."""

    sources: int = 0
    """Independent ones: an agency counts once, whoever prints it."""
    pace: int = 0
    """Articles within the last hours, without copies."""
    usual_pace: float | None = None
    """What the topic's stories usually reach in their busiest hours; None where too few are known."""
    escalated: frozenset[str] = frozenset()
    """Escalations already alerted: `outlets`, `pace`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalationLimits:
    """Growth from which a story escalates; 0 is never."""

    outlets: int = 0
    pace: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Why an alerted story is alerted again though no fact changed."""

    which: str
    """`outlets` or `pace`: each is alerted once per story and topic."""
    why: str
    """`now 6 independent outlets`."""
