"""Whether feeds are silent: what is kept of each for it, and of which there is something to tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from monitor.store.statements import Prepared
from monitor.store.tables.feeds import FeedRow
from monitor.types.fetching import Silence, Watch

_feeds: Table = FeedRow.__table__  # type: ignore[attr-defined]


def watch_of(row: Any) -> Watch:
    """What is kept of the feed of this row."""
    values = {each.name: getattr(row, each.name) for each in fields(Watch)}
    return Watch(**{**values, "silence": Silence(row.silence) if row.silence else None})


def watch(session: Session, feed_id: int) -> Watch | None:
    """What is kept of a feed now; None where it is gone."""
    for row in _WATCH.read(session, {"feed": feed_id}):
        values = dict(zip(_WATCHED, row, strict=True))
        return Watch(**{**values, "silence": Silence(values["silence"]) if values["silence"] else None})
    return None


def save_watch(session: Session, feed_id: int, watch: Watch) -> None:
    """Store what is kept of a feed."""
    values = {each.name: getattr(watch, each.name) for each in fields(Watch)}
    silence = watch.silence.value if watch.silence else None
    _SAVE_WATCH.write(session, {**values, "silence": silence, "feed": feed_id})


def forget_watch(row: FeedRow) -> None:
    """A feed has another address: what was learned of the old one, and what was told of it, is no more."""
    for each in fields(Watch):
        setattr(row, each.name, each.default)
    row.ttl_seconds, row.skip_hours, row.skip_days, row.asked_in_full_at = None, "", "", None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedFeed:
    """A feed by its name, with what is kept of it."""

    id: int
    name: str
    watch: Watch
    interval_for: timedelta = timedelta(minutes=15)
    last_success_at: datetime | None = None


def is_silence_due(session: Session, *, now: datetime) -> bool:
    """Whether there is something to tell of any feed."""
    return bool(_SILENCE_DUE.run(session, {"now": now}))


def untold_silence(session: Session) -> list[WatchedFeed]:
    """Feeds of which there is, or soon will be, something to tell."""
    return _watched(session, col(FeedRow.silence_due_at).is_not(None), *_IS_ANSWERING)


def silent(session: Session) -> list[WatchedFeed]:
    """Polled feeds that answer and are silent."""
    return _watched(session, col(FeedRow.silence).is_not(None), *_IS_ANSWERING)


def told_together(session: Session, told_at: Collection[datetime]) -> list[WatchedFeed]:
    """Polled feeds that were named by the notices of these times."""
    return _watched(session, col(FeedRow.silence_told_at).in_(sorted(told_at)), *IS_POLLED)


def _watched(session: Session, *conditions: ColumnElement[bool]) -> list[WatchedFeed]:
    asked = select(FeedRow).where(*conditions).order_by(col(FeedRow.name))
    rows = session.exec(asked.execution_options(populate_existing=True))  # they are written by statements
    return [
        WatchedFeed(
            id=row.id or 0,
            name=row.name,
            watch=watch_of(row),
            interval_for=timedelta(seconds=row.interval_seconds),
            last_success_at=row.last_success_at,
        )
        for row in rows
    ]


IS_POLLED = (col(FeedRow.is_enabled).is_(True), col(FeedRow.paused_reason).is_(None))
_IS_ANSWERING = (*IS_POLLED, col(FeedRow.failures) == 0)

_WATCHED = tuple(each.name for each in fields(Watch))


def feed_parameter(column: str, name: str = "") -> Any:
    """A parameter of the type of a column of feeds."""
    return bindparam(name or column, type_=_feeds.c[column].type)


_WATCH = Prepared(select_columns(*(_feeds.c[name] for name in _WATCHED)).where(_feeds.c.id == bindparam("feed")))
_SAVE_WATCH = Prepared(
    update(_feeds).where(_feeds.c.id == bindparam("feed")).values({name: feed_parameter(name) for name in _WATCHED})
)

_SILENCE_DUE = Prepared(
    select_columns(_feeds.c.id)
    .where(_feeds.c.silence_due_at <= feed_parameter("silence_due_at", "now"), *_IS_ANSWERING)
    .limit(1)
)
