"""Articles, topics, and how well one fits the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
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
class MeasuredPrecision:
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
    measured: MeasuredPrecision | None = None
    """Stands beside the probability."""
    factor: float = 1.0
    """What the topic's sensitivity multiplied the threshold by."""
    blocked: Reason | None = None
    """Set where the score is above the threshold but a rule of topic.toml forbids the match."""
    evidence: Evidence = Evidence()
    model_version: str = ""
    lesson: float = 0.0
    """How much its topic learned from this article before anybody looked at it (monitor.matching.self_training)."""


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
