"""What people say of a match or near miss, recorded once."""

from __future__ import annotations

from datetime import datetime

from monitor.store import verdicts
from monitor.store.db import Session
from monitor.store.matches import StoredMatch
from monitor.store.near_misses import StoredNearMiss
from monitor.types.matching import Verdict


def record_if_new(
    session: Session, on: StoredMatch | StoredNearMiss, *, is_relevant: bool, by: str, note: str, now: datetime
) -> None:
    """Record a verdict on a match or near miss; repeating the one in force changes nothing."""
    if on.is_relevant is is_relevant:
        return
    verdict = Verdict(article_id=on.article_id, topic=on.topic, is_relevant=is_relevant, by=by, at=now, note=note)
    verdicts.record(session, verdict, is_near_miss=isinstance(on, StoredNearMiss))
