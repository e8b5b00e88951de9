"""Alerts to send in tests: one of each kind, any field changed by name."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from monitor.types.alerting import Alert, AlertArticle, AlertKind, AlertTopic
from monitor.types.matching import Contribution, Evidence, Reason

NOW = datetime(2025, 7, 4, 6, 12, tzinfo=UTC)
ID = "alt_01jz8v3k7m2q9x5w4t6r8y0abc"

ARTICLE = AlertArticle(
    id=3,
    title="Harbour town votes to reopen its cannery",
    url="https://www.example.org/news/cannery?ref=a&b=1",
    source="The Harbour Post",
    language="en",
    published_at=datetime(2025, 7, 3, 20, 14, tzinfo=UTC),
    seen_at=datetime(2025, 7, 4, 6, 11, tzinfo=UTC),
    summary="Residents backed the plan by 412 to 388, the town clerk said. Work & hiring start in August.",
)
EVIDENCE = Evidence(
    terms=(
        Contribution(term="cannery", weight=0.12),
        Contribution(term="harbour town", weight=0.07),
        Contribution(term="(other terms)", weight=0.122),
    ),
    sentence="Residents backed the plan to reopen the cannery.",
    seed="cannery-plan.txt",
    seed_similarity=0.44,
)


def alert(**changes: Any) -> Alert:
    """A new match; `title`, `url`, `source` and `summary` of the article can be given directly."""
    of_article = {key: changes.pop(key) for key in ("title", "url", "source", "summary") if key in changes}
    values: dict[str, Any] = {
        "id": ID,
        "kind": AlertKind.NEW,
        "created_at": NOW,
        "title": of_article.get("title", ARTICLE.title),
        "topic": "fish-canning",
        "topic_title": "Fish canning",
        "story_id": 7,
        "article": replace(ARTICLE, **of_article),
        "score": 0.312,
        "threshold": 0.18,
        "evidence": EVIDENCE,
        "also_carried_by": ("Coast Radio", "iNews", "De Kust"),
        "reason": str(Reason.ALERTED),
        "review_url": "http://127.0.0.1:8000/matches/3/fish-canning",
    }
    return Alert(**values | changes)


def on_two_topics(**changes: Any) -> Alert:
    """A new match on two topics, the stronger one first."""
    first = AlertTopic(name="fish-canning", title="Fish canning", score=0.312, threshold=0.18, evidence=EVIDENCE)
    second = AlertTopic(
        name="harbours", title="Harbours", score=0.2, threshold=0.17, evidence=Evidence(seed="pier.txt")
    )
    return alert(topics=(first, second), **changes)


def notice(**changes: Any) -> Alert:
    """A word about the service itself."""
    values: dict[str, Any] = {
        "id": "alt_notice",
        "kind": AlertKind.NOTICE,
        "created_at": NOW,
        "title": "Feed coast has been failing for 24 hours",
        "body": "Its last answer was 403.\n\nIt is asked once a day from now on.",
        "review_url": "http://127.0.0.1:8000/feeds",
    }
    return Alert(**values | changes)


def trial(**changes: Any) -> Alert:
    """What "send a test" sends."""
    values: dict[str, Any] = {
        "id": "alt_test",
        "kind": AlertKind.TEST,
        "created_at": NOW,
        "title": "Channel desk",
        "body": "If you can read this, alerts reach you.",
    }
    return Alert(**values | changes)
