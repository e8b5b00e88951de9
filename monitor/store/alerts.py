"""Writes alerts, in the transaction that stores their article, and says what stories were told.

An alert tells of one story for one or more topics (table `alert_topics`). The unique `key` of each topic of it prevents that
it is told twice, also between processes that decide at the same time.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, bindparam, case, func, insert, literal, select, union_all
from sqlmodel import Session, col

from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import DecisionRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow
from monitor.store.tables.matches import MatchRow
from monitor.types import digests
from monitor.types.alerting import Alert, AlertKind
from monitor.types.stories import Cause, StoryHistory

_ALERT = TypeAdapter(Alert)
# Built once: building a statement costs SQLAlchemy several times what SQLite needs to run it.
_ADD_ALERT = insert(AlertRow)
_ADD_TOPICS = insert(AlertTopicRow)
_IS_DISABLED = (
    select(col(ChannelRow.name))
    .where(col(ChannelRow.name) == bindparam("to_channel"), col(ChannelRow.disabled_reason).is_not(None))
    .exists()
)
_ADD_DELIVERIES = insert(DeliveryRow).values(state=case((_IS_DISABLED, "held"), else_="pending"))
_ID_BY_KEY = select(col(AlertRow.id)).where(col(AlertRow.key) == bindparam("key"))
_ID_BY_ID = select(col(AlertRow.id)).where(col(AlertRow.id) == bindparam("id"))
_ID_BY_TOPIC_KEY = select(col(AlertTopicRow.alert_id)).where(col(AlertTopicRow.key) == bindparam("key"))
_OF_TOPIC = col(AlertRow.id) == col(AlertTopicRow.alert_id)
_HISTORY = union_all(
    select(col(MatchRow.topic), literal("").label("kind"), literal("").label("key"))
    .where(col(MatchRow.story_id).in_(bindparam("stories", expanding=True)))
    .distinct(),
    select(col(AlertTopicRow.topic), col(AlertRow.kind), col(AlertTopicRow.key))
    .join(AlertRow, _OF_TOPIC)
    .where(
        col(AlertRow.story_id).in_(bindparam("stories", expanding=True)),
        col(AlertRow.kind).in_([AlertKind.NEW.value, AlertKind.ESCALATED.value]),
    ),
)
_UPDATES = (
    select(col(AlertTopicRow.topic), func.count().label("told"))
    .join(AlertRow, _OF_TOPIC)
    .where(
        col(AlertRow.story_id).in_(bindparam("stories", expanding=True)),
        col(AlertRow.kind) == AlertKind.UPDATED.value,
        col(AlertRow.created_at) > bindparam("since_at"),
    )
    .group_by(col(AlertTopicRow.topic))
)
_CHANNELS_OF_STORIES = (
    select(col(DeliveryRow.channel))
    .join(AlertRow, col(AlertRow.id) == col(DeliveryRow.alert_id))
    .where(col(AlertRow.story_id).in_(bindparam("stories", expanding=True)), col(DeliveryRow.state) != "dead")
    .distinct()
)
_FIRST_ALERT = (
    select(col(AlertRow.id))
    .where(
        col(AlertRow.story_id).in_(bindparam("stories", expanding=True)),
        col(AlertRow.kind) == AlertKind.NEW.value,
    )
    .order_by(col(AlertRow.created_at), col(AlertRow.id))
    .limit(1)
)
_TOLD_FOR_CAUSE = (
    select(col(AlertTopicRow.topic), func.count().label("told"))
    .join(AlertRow, _OF_TOPIC)
    .join(DecisionRow, col(DecisionRow.id) == col(AlertTopicRow.decision_id))
    .where(
        col(AlertRow.created_at) > bindparam("since_at"),
        col(AlertRow.created_at) >= col(DecisionRow.at),
        col(DecisionRow.cause) == bindparam("cause"),
    )
    .group_by(col(AlertTopicRow.topic))
)


def new_id() -> str:
    """A new id for a notice or test; receivers see the same one on every attempt."""
    return f"alt_{secrets.token_hex(13)}"


# --- what stories were told ---------------------------------------------------------------------------------------------


def story_history(session: Session, story_ids: Collection[int]) -> tuple[StoryHistory, frozenset[tuple[str, str]]]:
    """Which topics matched in these stories so far, and which were alerted on them; and the escalations that were sent, as
    (topic, kind), where kind is `outlets` or `pace`."""
    topics: dict[str, set[str]] = defaultdict(set)
    escalated = set()
    for topic, kind, key in session.connection().execute(_HISTORY, {"stories": sorted(story_ids)}):
        topics[kind].add(topic)
        if kind == AlertKind.ESCALATED.value:
            escalated.add((topic, key.split("/")[2].removeprefix("escalated-")))
    history = StoryHistory(matched=frozenset(topics[""]), alerted=frozenset(topics[AlertKind.NEW.value]))
    return history, frozenset(escalated)


def updates_told(session: Session, story_ids: Collection[int], *, since_at: datetime) -> Counter[str]:
    """Topic -> how often it was told since then that facts of these stories changed."""
    found = session.connection().execute(_UPDATES, {"stories": sorted(story_ids), "since_at": since_at})
    return Counter({row.topic: row.told for row in found})


def told_channels(session: Session, story_ids: Collection[int]) -> frozenset[str]:
    """The channels that have had a message on one of these stories, or will have one; not those that it could not reach."""
    return frozenset(session.connection().execute(_CHANNELS_OF_STORIES, {"stories": sorted(story_ids)}).scalars())


def first_on(session: Session, story_ids: Collection[int]) -> str | None:
    """The id of the alert that told of these stories first; None where none did."""
    return session.connection().execute(_FIRST_ALERT, {"stories": sorted(story_ids)}).scalar()


def key_of(topic: str, story_id: int, what: str) -> str:
    """The key under which a topic is told something of a story: `new`, `updated/<digest>`, `escalated-pace`."""
    return f"{topic}/{story_id}/{what}"


def is_told(session: Session, key: str) -> bool:
    """Whether a topic was told under this key."""
    return session.connection().execute(_ID_BY_TOPIC_KEY, {"key": key}).first() is not None


def told_for_cause(session: Session, cause: Cause, *, since_at: datetime) -> Counter[str]:
    """Topic -> how many alerts it had since then by decisions that were made for this cause; without those that it only joined."""
    rows = session.connection().execute(_TOLD_FOR_CAUSE, {"cause": cause.value, "since_at": since_at})
    return Counter({row.topic: row.told for row in rows})


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
        _move_topics(session, row.id, story_id)
        session.flush()


def _move_topics(session: Session, alert_id: str, story_id: int) -> None:
    of_alert = select(AlertTopicRow).where(col(AlertTopicRow.alert_id) == alert_id).order_by(col(AlertTopicRow.topic))
    for row in session.execute(of_alert).scalars().all():
        row.key = _free_key(session, row, story_id)


def _free_key(session: Session, row: AlertTopicRow, story_id: int) -> str:
    """Its `topic/story/kind[/version]` key in another story, with the alert's id appended where that key is taken."""
    topic, _, *rest = row.key.removesuffix(f"#{row.alert_id}").split("/")
    key = "/".join((topic, str(story_id), *rest))
    return f"{key}#{row.alert_id}" if is_told(session, key) else key


# --- writing ------------------------------------------------------------------------------------------------------------


def enqueue(session: Session, alert: Alert, *, key: str, channels: Mapping[str, str], deliver_at: datetime) -> bool:
    """Store a notice or test and one delivery for each channel (name -> digest of its destination); False where `key` exists
    already.

    Without channels it is stored too: the web page shows it.
    """
    if exists(session, key):
        return False
    _add(session.connection(), alert, key, channels, deliver_at)
    return True


def enqueue_on_story(
    session: Session,
    alert: Alert,
    *,
    keys: Mapping[str, str],
    decision_id: int,
    channels: Mapping[str, str],
    deliver_at: datetime,
) -> Alert | None:
    """Store an alert on a story as `enqueue` does, with a key for each of its topics and the decision that it was told by.

    Returns it as it was stored: without topics whose key exists already (None where that is all of them), and under an id of
    its own where another alert has its id, as may be after people merged and split its story.
    """
    fresh = {topic: key for topic, key in keys.items() if not is_told(session, key)}
    if not fresh:
        return None
    topics = tuple(each for each in alert.topics if each.name in fresh)
    stored = replace(alert, id=_free_id(session, alert.id), topics=topics)
    _add(session.connection(), stored, stored.id, channels, deliver_at)
    rows = [
        {"alert_id": stored.id, "topic": topic, "key": key, "decision_id": decision_id} for topic, key in fresh.items()
    ]
    session.connection().execute(_ADD_TOPICS, rows)
    return stored


def _free_id(session: Session, id: str) -> str:
    while session.connection().execute(_ID_BY_ID, {"id": id}).first():
        id = digests.of_alert(id, "another")
    return id


def add_topic(session: Session, alert_id: str, *, topic: str, key: str, decision_id: int) -> None:
    """Record that an alert, which every channel of this topic had, told of the topic as well; nothing where it did before."""
    of = {"alert_id": alert_id, "topic": topic}
    if not is_told(session, key) and session.get(AlertTopicRow, of) is None:
        session.connection().execute(_ADD_TOPICS, {**of, "key": key, "decision_id": decision_id})


def _add(connection: Connection, alert: Alert, key: str, channels: Mapping[str, str], deliver_at: datetime) -> None:
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


def _queue(connection: Connection, alert: Alert, channels: Mapping[str, str], deliver_at: datetime) -> None:
    deliveries = [
        {
            "alert_id": alert.id,
            "channel": name,
            "to_channel": name,
            "destination": destination,
            "created_at": alert.created_at,
            "next_at": deliver_at,
        }
        for name, destination in channels.items()
    ]
    connection.execute(_ADD_DELIVERIES, deliveries)


def exists(session: Session, key: str) -> bool:
    """Whether there is a notice with this key."""
    return session.connection().execute(_ID_BY_KEY, {"key": key}).first() is not None


def latest_key(session: Session, prefix: str) -> str | None:
    """The key of the newest notice whose key starts with `prefix`; None where there is none."""
    keys = select(col(AlertRow.key)).where(col(AlertRow.key).startswith(prefix, autoescape=True))
    return session.connection().execute(keys.order_by(col(AlertRow.created_at).desc()).limit(1)).scalar()


def load(payload: Mapping[str, Any]) -> Alert:
    """The alert from its stored JSON. Raises pydantic's ValidationError where that is not one."""
    return _ALERT.validate_python(payload)


def dump(alert: Alert) -> dict[str, Any]:
    """The alert as JSON, as it is stored."""
    return dict(_ALERT.dump_python(alert, mode="json"))
