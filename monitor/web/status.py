"""What the status page says of feeds, channels and the outbox: rows in, values out. Reads one snapshot, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from monitor import review, urls
from monitor.review import Count
from monitor.store import feeds
from monitor.store.tables import AlertRow, ChannelRow, DeliveryRow, FeedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """A feed at a glance. Its address is not shown: some carry a token in it (U16)."""

    name: str
    title: str
    host: str
    state: str
    """One of `ok`, `new`, `failing`, `paused`, `off`."""
    note: str
    last_success_at: datetime | None
    next_poll_at: datetime | None
    polls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """A channel at a glance; `shown` is its address without its secret."""

    name: str
    kind: str
    shown: str
    state: str
    """One of `ok`, `failing`, `paused`, `disabled`, `removed`."""
    note: str
    last_sent_at: datetime | None
    deliveries: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The whole status page."""

    feeds: tuple[FeedLine, ...]
    channels: tuple[ChannelLine, ...]
    topics: tuple[Count, ...]
    alerts: int


def board(session: Session, *, now: datetime) -> Board:
    """How everything stands at `now`."""
    outbox = _outbox(session)
    channels = session.exec(select(ChannelRow).order_by(col(ChannelRow.name)))
    return Board(
        feeds=tuple(feed_line(row) for row in feeds.list_all(session)),
        channels=tuple(channel_line(row, outbox.get(row.name, {}), now) for row in channels),
        topics=tuple(review.counts(session)),
        alerts=session.exec(select(func.count()).select_from(AlertRow)).one(),
    )


def feed_line(row: FeedRow) -> FeedLine:
    """The first of its states that somebody should know of."""
    state = "ok" if row.last_success_at else "new"
    note = row.error or ""
    if row.failures:
        state = "failing"
        note = f"{note} ({row.failures} times in a row)" if row.failures > 1 else note
    if row.paused_reason:
        state, note = "paused", row.paused_reason
    if not row.is_enabled:
        state, note = "off", "switched off in the settings"
    is_polled = state not in ("paused", "off")
    return FeedLine(
        name=row.name,
        title=row.title or row.own_title,
        host=urls.host(row.url),
        state=state,
        note=note,
        last_success_at=row.last_success_at,
        next_poll_at=row.next_poll_at if is_polled else None,
        polls=row.polls,
    )


def channel_line(row: ChannelRow, deliveries: Mapping[str, int], now: datetime) -> ChannelLine:
    """As `feed_line`."""
    state, note = "ok", ""
    if row.failures:
        state, note = "failing", f"{row.failures} tries failed in a row"
    if row.paused_until_at and row.paused_until_at > now:
        state, note = "paused", f"until {row.paused_until_at:%Y-%m-%d %H:%M} UTC"
    if row.disabled_reason:
        state, note = "disabled", row.disabled_reason
    if not row.is_configured:
        state, note = "removed", "no longer in the settings"
    return ChannelLine(
        name=row.name,
        kind=row.kind,
        shown=row.shown,
        state=state,
        note=note,
        last_sent_at=row.last_sent_at,
        deliveries=deliveries,
    )


def _outbox(session: Session) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    rows = session.exec(
        select(DeliveryRow.channel, DeliveryRow.state, func.count()).group_by(
            col(DeliveryRow.channel), col(DeliveryRow.state)
        )
    )
    for channel, state, count in rows:
        found.setdefault(channel, {})[state] = count
    return found
