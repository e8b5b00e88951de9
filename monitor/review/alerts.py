"""The alerts of a story with their deliveries, for `explain`, `monitor alerts` and the pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from monitor.store import alert_lists
from monitor.store.db import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert on an article's story, with its deliveries."""

    alert_id: str
    kind: str
    topic: str
    """The strongest of its topics."""
    topics: tuple[str, ...]
    """All topics that it told of, the strongest first."""
    decisions: Mapping[str, int | None]
    """Topic -> the decision by which it was told."""
    title: str
    created_at: datetime
    deliveries: tuple[dict[str, Any], ...] = ()


def alerts_of_story(session: Session, story_id: int) -> tuple[AlertRecord, ...]:
    """All alerts on a story, oldest first."""
    found = alert_lists.of_story(session, story_id)
    deliveries = alert_lists.deliveries_of(session, [each.id for each in found])
    return tuple(
        AlertRecord(
            alert_id=each.id,
            kind=each.kind,
            topic=each.topic,
            topics=each.topics,
            decisions=dict(each.decisions),
            title=each.title,
            created_at=each.created_at,
            deliveries=tuple(asdict(one) for one in deliveries[each.id]),
        )
        for each in found
    )


def deliveries_of(session: Session, alert_id: str) -> tuple[dict[str, Any], ...]:
    """The deliveries of an alert with all attempts, as JSON."""
    return tuple(asdict(each) for each in alert_lists.deliveries_of(session, [alert_id])[alert_id])
