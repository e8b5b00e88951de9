"""Matches, and the alerts decided on them: written in the transaction that stores the article. Values in, rows kept here.

The unique `key` of an alert has the last word against doubles, whoever else decided at the same time.
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
# Built once: to build a statement anew costs SQLAlchemy several times what SQLite needs to run it.
_ADD_MATCHES = insert(MatchRow)
_MATCHED = select(col(MatchRow.topic)).where(col(MatchRow.article_id) == bindparam("article"))
_ADD_ALERT = insert(AlertRow)
_ADD_DELIVERIES = insert(DeliveryRow)
_TOLD = select(col(AlertRow.id)).where(col(AlertRow.key) == bindparam("key"))
_MATCHED_IN_STORY = Prepared(select(col(MatchRow.topic)).where(col(MatchRow.story_id) == bindparam("story")).distinct())
_TOLD_IN_STORY = Prepared(
    select(col(AlertRow.topic)).where(
        col(AlertRow.story_id) == bindparam("story"), col(AlertRow.kind) == AlertKind.NEW.value
    )
)
_DISABLED = select(col(ChannelRow.name)).where(col(ChannelRow.disabled_reason).is_not(None))


_TOLD_ESCALATIONS = select(col(AlertRow.topic), col(AlertRow.key)).where(
    col(AlertRow.story_id) == bindparam("story"), col(AlertRow.kind) == AlertKind.ESCALATED.value
)


def new_id() -> str:
    """The id a receiver will know the alert by, on every try."""
    return f"alt_{secrets.token_hex(13)}"


def before(session: Session, story_id: int | None) -> StoryHistory:
    """Which topics matched, and which were told about, in this story until now."""
    if story_id is None:
        return StoryHistory()
    return StoryHistory(
        matched=frozenset(topic for (topic,) in _MATCHED_IN_STORY.run(session, {"story": story_id})),
        alerted=frozenset(topic for (topic,) in _TOLD_IN_STORY.run(session, {"story": story_id})),
    )


def escalations(session: Session, story_id: int) -> frozenset[tuple[str, str]]:
    """What was told of the story's growth, as (topic, which): `outlets` or `pace`."""
    rows = session.connection().execute(_TOLD_ESCALATIONS, {"story": story_id})
    return frozenset((row.topic, row.key.split("/")[2].removeprefix("escalated-")) for row in rows)


def move(session: Session, story_id: int, *, of_articles: Sequence[int] = (), of_story: int | None = None) -> None:
    """Let alerts follow the articles they are about, or with `of_story` all that are left of a story, into another one.

    An escalation is about its story and stays. Keys are renewed, so that the story a number is given back to starts afresh.
    """
    wanted = select(AlertRow).where(col(AlertRow.story_id) != story_id)
    if of_story is not None:
        wanted = wanted.where(col(AlertRow.story_id) == of_story)
    else:
        wanted = wanted.where(
            col(AlertRow.article_id).in_(of_articles), col(AlertRow.kind) != AlertKind.ESCALATED.value
        )
    for row in session.execute(wanted.order_by(col(AlertRow.created_at), col(AlertRow.id))).scalars().all():
        row.story_id = story_id
        row.key = _free_key(session, row, story_id)
        session.flush()


def _free_key(session: Session, row: AlertRow, story_id: int) -> str:
    """`topic/story/kind[/version]` for another story; where that was told there too, this alert's own id makes it unique."""
    topic, _, *rest = row.key.removesuffix(f"#{row.id}").split("/")
    key = "/".join((topic, str(story_id), *rest))
    return f"{key}#{row.id}" if is_told(session, key) else key


def save_matches(
    session: Session, article_id: int, story_id: int, scores: Sequence[Score], decision: Decision, *, now: datetime
) -> None:
    """One row for each topic that matched; a match that stands already (an updated article) keeps its verdict."""
    reasons = {each.topic: each.reason.name for each in decision.topics}
    matched = {each.topic: _match_values(each) for each in scores if each.is_match and not each.blocked}
    if not matched:
        return
    connection = session.connection()
    known = set(connection.execute(_MATCHED, {"article": article_id}).scalars())
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
    """Store an alert and one delivery for each channel (name -> digest of its destination); False where `key` was told before.

    Without channels the alert is kept all the same: the page shows it.
    """
    connection = session.connection()
    if is_told(session, key):
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
    held = set(connection.execute(_DISABLED).scalars())
    deliveries = [
        {
            "alert_id": alert.id,
            "channel": name,
            "destination": destination,
            "state": "held" if name in held else "pending",
            "created_at": alert.created_at,
            "next_at": deliver_at,
        }
        for name, destination in channels.items()
    ]
    connection.execute(_ADD_DELIVERIES, deliveries)


def is_told(session: Session, key: str) -> bool:
    """Whether an alert with this key was decided before."""
    return session.connection().execute(_TOLD, {"key": key}).first() is not None


def latest_key(session: Session, prefix: str) -> str | None:
    """The key of the newest alert whose key begins so."""
    found = select(col(AlertRow.key)).where(col(AlertRow.key).startswith(prefix, autoescape=True))
    return session.connection().execute(found.order_by(col(AlertRow.created_at).desc()).limit(1)).scalar()


def load(payload: Mapping[str, Any]) -> Alert:
    """The alert as it was stored."""
    return _ALERT.validate_python(payload)


def dump(alert: Alert) -> dict[str, Any]:
    """The alert as it is stored."""
    return dict(_ALERT.dump_python(alert, mode="json"))


def load_evidence(stored: Mapping[str, Any]) -> Evidence:
    """A match's evidence as it was stored."""
    return _EVIDENCE.validate_python(stored)


# --- for lists ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAlert:
    """An alert as it is listed. `payload` is what was told."""

    id: str
    kind: str
    topic: str
    story_id: int | None
    article_id: int | None
    title: str
    created_at: datetime
    payload: Mapping[str, Any]


def latest(session: Session, *, state: str = "", topic: str = "", limit: int) -> list[StoredAlert]:
    """Alerts, newest first; of one topic, or with a delivery in this state, where these are given."""
    asked = select(AlertRow).order_by(col(AlertRow.created_at).desc(), col(AlertRow.id)).limit(limit)
    if topic:
        asked = asked.where(col(AlertRow.topic) == topic)
    if state:
        asked = asked.where(
            col(AlertRow.id).in_(select(col(DeliveryRow.alert_id)).where(col(DeliveryRow.state) == state))
        )
    return [_stored(row) for row in session.execute(asked).scalars()]


def beginning(session: Session, id: str, *, limit: int = 2) -> list[StoredAlert]:
    """Alerts whose id begins so."""
    asked = select(AlertRow).where(col(AlertRow.id).startswith(id, autoescape=True)).limit(limit)
    return [_stored(row) for row in session.execute(asked).scalars()]


def of_story(session: Session, story_id: int) -> list[StoredAlert]:
    """The alerts about a story, oldest first."""
    asked = select(AlertRow).where(col(AlertRow.story_id) == story_id).order_by(col(AlertRow.created_at))
    return [_stored(row) for row in session.execute(asked).scalars()]


def topics_of_stories(session: Session, story_ids: Collection[int]) -> dict[int, set[str]]:
    """For which topics each of these stories was told; stories that were not told left out."""
    asked = select(col(AlertRow.story_id), col(AlertRow.topic)).where(col(AlertRow.story_id).in_(story_ids)).distinct()
    found: dict[int, set[str]] = {}
    for story_id, topic in session.execute(asked):
        found.setdefault(story_id, set()).add(topic)
    return found


def _stored(row: AlertRow) -> StoredAlert:
    return StoredAlert(**{each.name: getattr(row, each.name) for each in fields(StoredAlert)})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttempt:
    """One try to deliver, and how it ended."""

    started_at: datetime
    ended_at: datetime
    result: str
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    """Where an alert went on one channel, with every try."""

    channel: str
    state: str
    attempts: int
    sent_at: datetime | None
    next_at: datetime | None
    """When it is tried next; None where it is not waiting."""
    detail: str
    tries: tuple[StoredAttempt, ...]


def deliveries_of(session: Session, alert_ids: Collection[str]) -> dict[str, list[StoredDelivery]]:
    """The deliveries of these alerts, by channel; of an alert without any an empty list."""
    asked = select(DeliveryRow).where(col(DeliveryRow.alert_id).in_(alert_ids)).order_by(col(DeliveryRow.channel))
    rows = session.execute(asked).scalars().all()
    tries = _tries(session, [row.id or 0 for row in rows])
    found: dict[str, list[StoredDelivery]] = {alert_id: [] for alert_id in alert_ids}
    for row in rows:
        found[row.alert_id].append(_delivery(row, tries[row.id or 0]))
    return found


def _tries(session: Session, delivery_ids: Sequence[int]) -> dict[int, list[StoredAttempt]]:
    asked = select(AttemptRow).where(col(AttemptRow.delivery_id).in_(delivery_ids)).order_by(col(AttemptRow.id))
    found: dict[int, list[StoredAttempt]] = {delivery_id: [] for delivery_id in delivery_ids}
    for row in session.execute(asked).scalars():
        found[row.delivery_id].append(
            StoredAttempt(started_at=row.started_at, ended_at=row.ended_at, result=row.result, code=row.code)
        )
    return found


def _delivery(row: DeliveryRow, tries: Sequence[StoredAttempt]) -> StoredDelivery:
    return StoredDelivery(
        channel=row.channel,
        state=row.state,
        attempts=row.attempts,
        sent_at=row.sent_at,
        next_at=row.next_at if row.state == "pending" else None,
        detail=row.last_detail,
        tries=tuple(tries),
    )
