"""Articles, topics, scores and verdicts, as immutable values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Reason(StrEnum):
    """Why an article led to an alert or did not. The value is the phrase shown in logs, pages and `explain`."""

    ALERTED = "matched, and its story was new: alerted"
    UPDATED = "a material change to an alerted article: alerted again"
    UPDATED_OFTEN = (
        "a material change, but its story was told as changed as often as may be within a day: shown, not alerted"
    )
    ESCALATED = "its alerted story grew beyond what is usual: alerted again"
    JOINS_STORY = "matched, but its story was already alerted"
    COPY = "a copy of an article already stored"
    UPDATE = "a newer version of an article already stored"
    FIRST_POLL = "seen on the first poll of its feed: stored, not alerted"
    STORM = "part of a burst that is no news: stored, told in one notice"
    BACKLOG = "found when it was assessed again, with many others of its topic: stored, not alerted"
    SET_APART = "set apart by a person as a story of its own"
    TOO_OLD = "published too long ago to be news"
    EXCLUDED = "above the threshold, but carries a term the topic excludes"
    NOT_REQUIRED = "above the threshold, but lacks a term the topic requires"
    OTHER_LANGUAGE = "in a language the topic does not follow"
    NO_MATCH = "below the threshold of every topic"
    AWAITS_EMBEDDING = "waits for its embedding: decided when that is there, within minutes"
    NO_TOPICS = "no topic was defined when it arrived"
    NO_TEXT = "no readable text"
    WALL = "a consent or paywall page instead of the article"


class Grade(StrEnum):
    """How much of the article could be read."""

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
    """ISO 639-1 (or -3 where there is none, as `prs`), `und` where it is unknown."""
    published_at: datetime
    """As published, but never later than `seen_at`; equal to it where the feed gave no date."""
    seen_at: datetime
    source: str = ""
    outlet: str = ""
    """Who published it, where its feed is an aggregator's that says so; '' where the feed is the outlet's own."""
    outlet_host: str = ""
    """The host of its site, where that aggregator names it, too, or the article's page says that it mirrors another site's."""
    author: str = ""
    agency: str = ""
    """The news agency it is credited to (`stories.agencies`)."""
    grade: Grade = Grade.PARTIAL
    page: str = ""
    """The outcome of reading the article's own page, for people; '' where only its feed was read."""
    canonical: str = ""
    """The canonical address in its page, where that was read and can be trusted (`urls.trusted_canonical`)."""

    @property
    def full_text(self) -> str:
        """Title and body, as the matcher reads them."""
        return f"{self.title}\n\n{self.text}" if self.text else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """An example article of a topic, or, with `is_counter`, of what is not wanted."""

    file: str
    title: str
    text: str
    language: str
    is_counter: bool = False
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """A topic: its seeds and what its topic.toml says."""

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
    """None: every channel. Empty: no channel, shown on the review page only."""
    is_enabled: bool = True
    digest: str = ""
    """Changes whenever the folder's content does."""

    @property
    def outline(self) -> TopicOutline:
        """What it is made of, without the texts."""
        wanted = frozenset(each.language for each in self.seeds if not each.is_counter)
        return TopicOutline(
            name=self.name,
            title=self.title,
            description=self.description,
            seed_languages=wanted,
            languages=self.languages,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicOutline:
    """What a topic is made of, without the texts of its seeds."""

    name: str
    title: str
    description: str = ""
    seed_languages: frozenset[str] = frozenset()
    """Of its wanted seeds."""
    languages: tuple[str, ...] = ()
    """Those that it follows; empty: all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTopic:
    """What the store knows of a topic, its examples left out: what is in force, and how its life went."""

    name: str
    digest: str
    """Of the version in force."""
    version: int
    files: frozenset[str] = frozenset()
    """The names of the files that the version in force was made of; empty where an earlier release stored it."""
    is_paused: bool = False
    """By command: it is assessed no more until it is resumed."""
    has_ended: bool = False
    """It was removed or renamed, or its folder stayed away."""
    became: str = ""
    """The name that it has now, where it was renamed."""
    away_since_at: datetime | None = None
    """Since when its folder is away while others are there."""


SENTENCE_PART, TITLE_PART, SEEDS_PART = "your sentence", "your title", "your examples"
CONTRAST_PART, WORDS_PART, SEMANTIC_PART = "unlike other news", "words", "meaning"
ANSWERS_PART = "your answers"
SUBJECT_PART = "the subject's other articles"
"""The `Contribution.term` of each part of a score by meaning."""
OTHER_TERMS = "(other terms)"
"""The `Contribution.term` under which the terms that are not shown are added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One term's part of a score; the parts add up to the score."""

    term: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What made an article match, for people to judge it at a glance."""

    terms: tuple[Contribution, ...] = ()
    """The content words that decided, heaviest first, none with less than 2 % of their sum; the last may be '(other terms)'. Of a
    score by words they add up to it. Where meaning leads, only their shares among themselves say something."""
    parts: tuple[Contribution, ...] = ()
    """What the score is made of, where words are not all of it; they add up to the score. Empty for a score by words alone."""
    sentence: str = ""
    """The article's sentence that says best what the owner's sentence says, or what the examples say."""
    seed: str = ""
    """File name of the most similar seed."""
    seed_similarity: float = 0.0
    across: str = ""
    """For a match across languages, by embeddings: the language of the most similar seed, or of the topic; else ''."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPrecision:
    """A topic's precision by the verdicts on its matches; copies of a text count once."""

    confirmed: int
    judged: int
    low: float
    """The 95 % confidence interval of the precision, 0 to 1."""
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One article's score for one topic, whether it matched or not."""

    topic: str
    score: float
    threshold: float
    is_match: bool
    probability: float | None = None
    """None where the topic is not calibrated."""
    measured: MeasuredPrecision | None = None
    """Shown beside the probability."""
    factor: float = 1.0
    """The factor on the threshold that the topic's sensitivity gives."""
    blocked: Reason | None = None
    """Set where the score is above the threshold but a rule in topic.toml forbids the match."""
    evidence: Evidence = Evidence()
    model_version: str = ""
    self_training_weight: float = 0.0
    """The article's weight in its topic's self-training, 0 to 1 (`matching.self_training`)."""
    of_answers: float = 0.0
    """What its owner's answers add to the score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A reviewer's judgement of a match or near miss."""

    article_id: int
    topic: str
    is_relevant: bool
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A labelled article that a topic model learns from: by a reviewer's verdict or by self-training."""

    topic: str
    title: str
    text: str
    language: str
    is_relevant: bool
    at: datetime | None = field(default=None)
    weight: float = 1.0
    """Less than 1 only for self-training."""
    share: float = 1.0
    """Of a reviewed article: the share of the balanced threshold that it reached without answers when it was decided on."""
