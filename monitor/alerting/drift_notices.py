"""Notices that what a topic matches has left its sentence and seeds, and that it is as before: one each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.alerting.notices import enqueue_notice
from monitor.store import alerts
from monitor.store.db import Session

_BEGUN, _OVER = "begun", "over"


@dataclass(frozen=True, slots=True)
class DriftTold:
    """What was last told of a topic as its owner defines it now."""

    has_drifted: bool = False
    article_id: int = 0
    """Its latest match then; 0 where nothing was told yet."""


def last_told(session: Session, topic: str, digest: str) -> DriftTold:
    """What was last told of the topic of this digest: a topic that was changed begins anew."""
    key = alerts.latest_key(session, _prefix(topic, digest))
    if key is None:
        return DriftTold()
    kind, article_id = key.rsplit("/", 2)[1:]
    return DriftTold(kind == _BEGUN, int(article_id))


def tell_begun(
    session: Session,
    topic: str,
    digest: str,
    *,
    nearness: tuple[float, float],
    examples: Sequence[str],
    article_id: int,
    channels: Mapping[str, str],
    now: datetime,
) -> None:
    """What the topic matches has left its sentence and seeds. `nearness`: of the first matches and of the latest."""
    first, latest = nearness
    listed = "\n".join(f"- {each}" for each in examples)
    body = (
        f"Its latest stories are less like its sentence and seeds than its first ones were: {latest:.2f}, where it was {first:.2f} "
        f"(1 is the same). The furthest of them:\n{listed}\n"
        "Dismiss what you do not want; that moves it at once. Or put it back as it was: "
        f"`monitor topics history {topic}` lists its versions, `monitor topics history {topic} --restore N` puts one into force "
        "and forgets what the topic learned by itself since. You will be told once when it is as before."
    )
    title = f"The topic {topic} has drifted from its sentence and seeds"
    key = f"{_prefix(topic, digest)}{_BEGUN}/{article_id}"
    enqueue_notice(session, title, body, key=key, channels=channels, now=now)


def tell_over(
    session: Session, topic: str, digest: str, *, article_id: int, channels: Mapping[str, str], now: datetime
) -> None:
    """What it matches is as before."""
    key = f"{_prefix(topic, digest)}{_OVER}/{article_id}"
    title = f"The topic {topic} matches what its sentence and seeds say again"
    enqueue_notice(session, title, "That it did not was told before.", key=key, channels=channels, now=now)


def _prefix(topic: str, digest: str) -> str:
    return f"drift/{topic}/{digest}/"
