"""Review of near misses, for the web page and the command line: list, confirm, dismiss.

Near misses cause no alert. A verdict on one changes the topic model as any verdict does, and recall is estimated from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from monitor.matching import near_misses as sampling
from monitor.matching.tuning import ASK_CANDIDATES
from monitor.review import questions
from monitor.review.verdicts import record_if_new
from monitor.store import near_misses, topics
from monitor.store.db import Session
from monitor.store.near_misses import StoredNearMiss
from monitor.text.tokens import shorten

_MAX_EXCERPT = 300
"""Characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedNearMiss:
    """A near miss as a list shows it; `begins` is the beginning of the text."""

    id: int
    article_id: int
    topic: str
    topic_title: str
    title: str
    begins: str
    url: str
    source: str
    language: str
    published_at: datetime
    found_at: datetime
    score: float
    threshold: float
    stands_for: float
    """The number of near misses that this sampled one represents."""
    band: str
    state: str
    is_match: bool = False
    """Whether it is a match without a verdict; then `id` is that of the match."""


def list_near_misses(session: Session, *, topic: str = "", state: str = "new", limit: int = 50) -> list[ListedNearMiss]:
    """Near misses, newest first; an empty `topic` or `state` does not filter."""
    titles = topics.titles(session)
    return [_listed(each, titles) for each in near_misses.latest(session, topic=topic, state=state, limit=limit)]


def list_questions(session: Session, *, topic: str = "", limit: int = 50, now: datetime) -> list[ListedNearMiss]:
    """Near misses and matches without a verdict, the most instructive first; of all topics but those that were removed, which
    learn no more, if `topic` is empty."""
    offered = near_misses.latest(session, topic=topic, state="new", limit=ASK_CANDIDATES, with_ended=bool(topic))
    offered += near_misses.unjudged_matches(session, topic=topic, limit=ASK_CANDIDATES, with_ended=bool(topic))
    titles = topics.titles(session)
    return [_listed(each, titles) for each in questions.most_instructive(session, offered, now=now, limit=limit)]


def judge(
    session: Session, near_id: int, *, is_relevant: bool, by: str, note: str = "", now: datetime
) -> ListedNearMiss | None:
    """Confirm or dismiss a near miss; None for an unknown id. Repeating the verdict in force changes nothing."""
    found = near_misses.find(session, near_id)
    if found is None:
        return None
    record_if_new(session, found, is_relevant=is_relevant, by=by, note=note, now=now)
    return _listed(replace(found, is_relevant=is_relevant), topics.titles(session))


def flat(near_miss: ListedNearMiss) -> dict[str, Any]:
    """A near miss as JSON, for `--json`."""
    return {
        **{name: getattr(near_miss, name) for name in near_miss.__slots__},
        "stands_for": round(near_miss.stands_for, 1),
        "score": round(near_miss.score, 4),
        "threshold": round(near_miss.threshold, 4),
    }


def _listed(found: StoredNearMiss, titles: Mapping[str, str]) -> ListedNearMiss:
    return ListedNearMiss(
        id=found.id,
        article_id=found.article_id,
        topic=found.topic,
        topic_title=titles.get(found.topic, found.topic),
        title=found.title,
        begins=shorten(found.text, _MAX_EXCERPT),
        url=found.url,
        source=found.source,
        language=found.language,
        published_at=found.published_at,
        found_at=found.found_at,
        score=found.score,
        threshold=found.threshold,
        stands_for=found.stands_for,
        band=sampling.band_label(found.band),
        state=found.state,
        is_match=found.is_match,
    )
