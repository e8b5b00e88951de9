"""Looks now and then whether topics have drifted, and tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from monitor.alerting import drift_notices
from monitor.learning import topic_drift
from monitor.matching.matcher import Matcher
from monitor.matching.semantic import SemanticModel
from monitor.store.db import Database, Session, serialize_decisions
from monitor.types.matching import Topic

EVERY = timedelta(hours=6)


class DriftWatch:
    """Looks at all topics, at most once in six hours. What was told is in the store: nodes and restarts tell nothing twice."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._looked_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to look."""
        return self._looked_at is None or abs(now - self._looked_at) >= EVERY

    def look(
        self,
        topics: Iterable[Topic],
        matcher: Matcher,
        semantic: SemanticModel | None,
        *,
        channels: Mapping[str, str],
        now: datetime,
    ) -> list[str]:
        """Tell of each topic that has drifted, or is as before. Returns their names."""
        self._looked_at = now
        told, assessed = [], {each.name for each in matcher.topics}
        for topic in topics:
            if not topic.is_enabled or topic.name not in assessed:
                continue
            with self._db.reading() as session:
                is_changed = _change(session, topic, matcher, semantic) is not None
            if is_changed:
                with self._db.writing() as session:
                    serialize_decisions(session)
                    told += [topic.name] if _tell(session, topic, matcher, semantic, channels, now) else []
        return told


def _change(
    session: Session, topic: Topic, matcher: Matcher, semantic: SemanticModel | None
) -> topic_drift.TopicDrift | None:
    """What is found of a topic that is otherwise than was last told."""
    told = drift_notices.last_told(session, topic.name, topic.digest)
    found = topic_drift.look(
        session, topic.name, matcher, semantic, had_drifted=told.has_drifted, told_at=told.article_id
    )
    return found if found.drift.has_drifted != told.has_drifted else None


def _tell(
    session: Session,
    topic: Topic,
    matcher: Matcher,
    semantic: SemanticModel | None,
    channels: Mapping[str, str],
    now: datetime,
) -> bool:
    """Looks again within the transaction: another node may have told it meanwhile."""
    found = _change(session, topic, matcher, semantic)
    if found is None:
        return False
    article_id = found.latest_article_id
    if not found.drift.has_drifted:
        drift_notices.tell_over(session, topic.name, topic.digest, article_id=article_id, channels=channels, now=now)
        return True
    drift_notices.tell_begun(
        session,
        topic.name,
        topic.digest,
        nearness=(found.drift.first, found.drift.latest),
        examples=found.examples,
        article_id=article_id,
        channels=channels,
        now=now,
    )
    return True
