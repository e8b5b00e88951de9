"""Writes matches and alerts (in the transaction that stores their article), and reads alerts for lists.

The unique `key` of an alert prevents duplicates, also between processes that decide at the same time.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlmodel import Session, col

from monitor.store import versions
from monitor.store.db import Prepared
from monitor.store.tables import AlertRow, AttemptRow, ChannelRow, DeliveryRow, MatchRow
from monitor.types.alerting import Alert, AlertKind
from monitor.types.matching import Evidence, Score
from monitor.types.stories import Decision, StoryHistory

_ALERT = TypeAdapter(Alert)
_EVIDENCE = TypeAdapter(Evidence)
# Built once: building a statement costs SQLAlchemy several times what SQLite needs to run it.
_ADD_MATCHES = insert(MatchRow)
_TOPICS_OF_ARTICLE = select(col(MatchRow.topic)).where(col(MatchRow.article_id) == bindparam("article"))
_ADD_ALERT = insert(AlertRow)
_ADD_DELIVERIES = insert(DeliveryRow)
_ID_BY_KEY = select(col(AlertRow.id)).where(col(AlertRow.key) == bindparam("key"))
_TOPICS_MATCHED = Prepared(select(col(MatchRow.topic)).where(col(MatchRow.story_id) == bindparam("story")).distinct())
_TOPICS_ALERTED = Prepared(
    select(col(AlertRow.topic)).where(
        col(AlertRow.story_id) == bindparam("story"), col(AlertRow.kind) == AlertKind.NEW.value
    )
)
_DISABLED_CHANNELS = select(col(ChannelRow.name)).where(col(ChannelRow.disabled_reason).is_not(None))
_ESCALATIONS = select(col(AlertRow.topic), col(AlertRow.key)).where(
    col(AlertRow.story_id) == bindparam("story"), col(AlertRow.kind) == AlertKind.ESCALATED.value
)


def new_id() -> str:
    """A new alert id; receivers see the same one on every attempt."""
    return f"alt_{secrets.token_hex(13)}"


def story_history(session: Session, story_id: int | None) -> StoryHistory:
    """Which topics matched in this story so far, and which were alerted on it. Empty for None."""
    if story_id is None:
        return StoryHistory()
    return StoryHistory(
        matched=frozenset(topic for (topic,) in _TOPICS_MATCHED.run(session, {"story": story_id})),
        alerted=frozenset(topic for (topic,) in _TOPICS_ALERTED.run(session, {"story": story_id})),
    )


def escalations(session: Session, story_id: int) -> frozenset[tuple[str, str]]:
    """The escalations already sent for the story, as (topic, kind); kind is `outlets` or `pace`."""
    rows = session.connection().execute(_ESCALATIONS, {"story": story_id})
    return frozenset((row.topic, row.key.split("/")[2].removeprefix("escalated-")) for row in rows)


def move(session: Session, story_id: int, *, of_articles: Sequence[int] = (), of_story: int | None = None) -> None:
    """Move the alerts about these articles, or with `of_story` all remaining alerts of that story, into the story `story_id`.

    Escalations concern their story and do not follow single articles. Keys are rewritten, so that a story which later gets
    the old number starts without a history.
    """
    moving = select(AlertRow).where(col(AlertRow.story_id) != story_id)
    if of_story is not None:
        moving = moving.where(col(AlertRow.story_id) == of_story)
    else:
        moving = moving.where(
            col(AlertRow.article_id).in_(of_articles), col(AlertRow.kind) != AlertKind.ESCALATED.value
        )
    for row in session.execute(moving.order_by(col(AlertRow.created_at), col(AlertRow.id))).scalars().all():
        row.story_id = story_id
        row.key = _free_key(session, row, story_id)
        session.flush()


def _free_key(session: Session, row: AlertRow, story_id: int) -> str:
    """The alert's `topic/story/kind[/version]` key in another story, with its own id appended where that key is taken."""
    topic, _, *rest = row.key.removesuffix(f"#{row.id}").split("/")
    key = "/".join((topic, str(story_id), *rest))
    return f"{key}#{row.id}" if exists(session, key) else key


def save_matches(
    session: Session, article_id: int, story_id: int, scores: Sequence[Score], decision: Decision, *, now: datetime
) -> None:
    """Store one row for each topic that matched; the existing match of an updated article keeps its verdict."""
    reasons = {each.topic: each.reason.name for each in decision.topics}
    matched = {score.topic: _match_values(score) for score in scores if score.is_match and not score.blocked}
    if not matched:
        return
    connection = session.connection()
    known = set(connection.execute(_TOPICS_OF_ARTICLE, {"article": article_id}).scalars())
    numbers = versions.numbers(session, matched)
    matched = {topic: {**values, "topic_version": numbers.get(topic)} for topic, values in matched.items()}
    for topic in matched.keys() & known:
        of_match = (col(MatchRow.article_id) == article_id, col(MatchRow.topic) == topic)
        connection.execute(update(MatchRow).where(*of_match).values(**matched[topic]))
    of_article = {"article_id": article_id, "story_id": story_id, "created_at": now}
    fresh = [
        {**values, **of_article, "topic": topic, "reason": reasons[topic]}
        for topic, values in matched.items()
        if topic not in known
    ]
    if fresh:
        connection.execute(_ADD_MATCHES, fresh)


def _match_values(score: Score) -> dict[str, Any]:
    return {
        "score": score.score,
        "threshold": score.threshold,
        "factor": score.factor,
        "probability": score.probability,
        "evidence": _EVIDENCE.dump_python(score.evidence, mode="json"),
        "model_version": score.model_version,
    }


def enqueue(session: Session, alert: Alert, *, key: str, channels: Mapping[str, str], deliver_at: datetime) -> bool:
    """Store an alert and one delivery for each channel (name -> digest of its destination); False where `key` exists already.

    Without channels the alert is stored too: the web page shows it.
    """
    connection = session.connection()
    if exists(session, key):
        return False
    connection.execute(
        _ADD_ALERT,
        {
            "id": alert.id,
            "key": key,
            "kind": alert.kind.value,
            "topic": alert.topic,
            "story_id": alert.story_id,
            "article_id": alert.article.id if alert.article else None,
            "title": alert.title,
            "created_at": alert.created_at,
            "payload": dump(alert),
        },
    )
    if channels:
        _queue(connection, alert, channels, deliver_at)
    return True


def _queue(connection: Connection, alert: Alert, channels: Mapping[str, str], deliver_at: datetime) -> None:
    disabled = set(connection.execute(_DISABLED_CHANNELS).scalars())
    deliveries = [
        {
            "alert_id": alert.id,
            "channel": name,
            "destination": destination,
            "state": "held" if name in disabled else "pending",
            "created_at": alert.created_at,
            "next_at": deliver_at,
        }
        for name, destination in channels.items()
    ]
    connection.execute(_ADD_DELIVERIES, deliveries)


def exists(session: Session, key: str) -> bool:
    """Whether there is an alert with this key."""
    return session.connection().execute(_ID_BY_KEY, {"key": key}).first() is not None


def latest_key(session: Session, prefix: str) -> str | None:
    """The key of the newest alert whose key starts with `prefix`; None where there is none."""
    keys = select(col(AlertRow.key)).where(col(AlertRow.key).startswith(prefix, autoescape=True))
    return session.connection().execute(keys.order_by(col(AlertRow.created_at).desc()).limit(1)).scalar()


def load(payload: Mapping[str, Any]) -> Alert:
    """The alert from its stored JSON. Raises pydantic's ValidationError where that is not one."""
    return _ALERT.validate_python(payload)


def dump(alert: Alert) -> dict[str, Any]:
    """The alert as JSON, as it is stored."""
    return dict(_ALERT.dump_python(alert, mode="json"))


def load_evidence(stored: Mapping[str, Any]) -> Evidence:
    """A match's evidence from its stored JSON."""
    return _EVIDENCE.validate_python(stored)


# --- for lists ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as it is listed. `payload` is the whole alert as JSON."""

    id: str
    kind: str
    topic: str
    story_id: int | None
    article_id: int | None
    title: str
    created_at: datetime
    payload: Mapping[str, Any]


def latest(session: Session, *, state: str = "", topic: str = "", limit: int) -> list[StoredAlert]:
    """Alerts, newest first; only of `topic`, only with a delivery in `state`, where these are given."""
    asked = select(AlertRow).order_by(col(AlertRow.created_at).desc(), col(AlertRow.id)).limit(limit)
    if topic:
        asked = asked.where(col(AlertRow.topic) == topic)
    if state:
        asked = asked.where(
            col(AlertRow.id).in_(select(col(DeliveryRow.alert_id)).where(col(DeliveryRow.state) == state))
        )
    return [_stored(row) for row in session.execute(asked).scalars()]


def with_id_prefix(session: Session, id: str, *, limit: int = 2) -> list[StoredAlert]:
    """Alerts whose id starts with `id`."""
    asked = select(AlertRow).where(col(AlertRow.id).startswith(id, autoescape=True)).limit(limit)
    return [_stored(row) for row in session.execute(asked).scalars()]


def of_story(session: Session, story_id: int) -> list[StoredAlert]:
    """The alerts about a story, oldest first."""
    asked = select(AlertRow).where(col(AlertRow.story_id) == story_id).order_by(col(AlertRow.created_at))
    return [_stored(row) for row in session.execute(asked).scalars()]


def topics_of_stories(session: Session, story_ids: Collection[int]) -> dict[int, set[str]]:
    """The topics for which each of these stories was alerted; stories without an alert are left out."""
    asked = select(col(AlertRow.story_id), col(AlertRow.topic)).where(col(AlertRow.story_id).in_(story_ids)).distinct()
    found: dict[int, set[str]] = {}
    for story_id, topic in session.execute(asked):
        found.setdefault(story_id, set()).add(topic)
    return found


def _stored(row: AlertRow) -> StoredAlert:
    return StoredAlert(**{each.name: getattr(row, each.name) for each in fields(StoredAlert)})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """One attempt to deliver, and its result."""

    started_at: datetime
    ended_at: datetime
    result: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """The delivery of an alert on one channel, with all attempts."""

    channel: str
    state: str
    attempts: int
    sent_at: datetime | None
    next_at: datetime | None
    """When the next attempt is due; None where none is."""
    detail: str
    tries: tuple[StoredAttempt, ...]


def deliveries_of(session: Session, alert_ids: Collection[str]) -> dict[str, list[StoredDelivery]]:
    """The deliveries of each of these alerts, ordered by channel; an empty list for an alert without any."""
    asked = select(DeliveryRow).where(col(DeliveryRow.alert_id).in_(alert_ids)).order_by(col(DeliveryRow.channel))
    rows = session.execute(asked).scalars().all()
    attempts = _attempts(session, [row.id or 0 for row in rows])
    found: dict[str, list[StoredDelivery]] = {alert_id: [] for alert_id in alert_ids}
    for row in rows:
        found[row.alert_id].append(_delivery(row, attempts[row.id or 0]))
    return found


def _attempts(session: Session, delivery_ids: Sequence[int]) -> dict[int, list[StoredAttempt]]:
    asked = select(AttemptRow).where(col(AttemptRow.delivery_id).in_(delivery_ids)).order_by(col(AttemptRow.id))
    found: dict[int, list[StoredAttempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    for row in session.execute(asked).scalars():
        found[row.delivery_id].append(
            StoredAttempt(started_at=row.started_at, ended_at=row.ended_at, result=row.result, code=row.code)
        )
    return found


def _delivery(row: DeliveryRow, attempts: Sequence[StoredAttempt]) -> StoredDelivery:
    return StoredDelivery(
        channel=row.channel,
        state=row.state,
        attempts=row.attempts,
        sent_at=row.sent_at,
        next_at=row.next_at if row.state == "pending" else None,
        detail=row.last_detail,
        tries=tuple(attempts),
    )
