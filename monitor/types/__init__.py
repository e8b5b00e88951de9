"""The values that travel between the steps.

Every step takes and returns these; nothing here imports anything of ours or touches the world. A name ending in `_at` is an
aware UTC datetime, one ending in `_for` a timedelta. `...State` was read from the store, `...Update` is written to it, an
`Entry` is what a feed published, an `Article` is what we made of it.
"""

from __future__ import annotations

from monitor.types.fetching import (
    Entry,
    FeedEvent,
    FeedState,
    FeedUpdate,
    Fetched,
    FirstPoll,
    Lease,
    PageVisit,
    ParsedFeed,
    Validators,
)
from monitor.types.matching import (
    Article,
    Contribution,
    Evidence,
    Example,
    Grade,
    Measured,
    Reason,
    Score,
    Seed,
    Topic,
    Verdict,
)
from monitor.types.stories import (
    Arrival,
    Before,
    Decision,
    Escalation,
    Growth,
    Kind,
    Known,
    Limits,
    StoryChoice,
    TopicDecision,
)
from monitor.types.telling import (
    Alert,
    AlertArticle,
    AlertKind,
    ChannelEvent,
    ChannelState,
    DeliveryState,
    DeliveryUpdate,
    Outcome,
    Result,
)

__all__ = [
    "Alert",
    "AlertArticle",
    "AlertKind",
    "Arrival",
    "Article",
    "Before",
    "ChannelEvent",
    "ChannelState",
    "Contribution",
    "Decision",
    "DeliveryState",
    "DeliveryUpdate",
    "Entry",
    "Escalation",
    "Evidence",
    "Example",
    "FeedEvent",
    "FeedState",
    "FeedUpdate",
    "Fetched",
    "FirstPoll",
    "Grade",
    "Growth",
    "Kind",
    "Known",
    "Lease",
    "Limits",
    "Measured",
    "Outcome",
    "PageVisit",
    "ParsedFeed",
    "Reason",
    "Result",
    "Score",
    "Seed",
    "StoryChoice",
    "Topic",
    "TopicDecision",
    "Validators",
    "Verdict",
]
