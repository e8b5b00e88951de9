"""The values of the status page: feeds, channels, topics and outbox, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.review import matches
from monitor.review.matches import MatchCounts
from monitor.store import archive, channels, feeds, outbox
from monitor.store.channels import ChannelReport
from monitor.store.db import Session
from monitor.store.feeds import FeedReport
from monitor.text import urls


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """A row of the table of feeds. Without the address, which may contain a token (U16)."""

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
    """A row of the table of channels; `shown` is its address, secrets masked."""

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
    topics: tuple[MatchCounts, ...]
    alerts: int


def board(session: Session, *, now: datetime) -> Board:
    """The values of the status page at `now`."""
    deliveries = outbox.states_by_channel(session)
    return Board(
        feeds=tuple(feed_line(each) for each in feeds.reports(session)),
        channels=tuple(channel_line(each, deliveries.get(each.name, {}), now) for each in channels.reports(session)),
        topics=tuple(matches.counts(session)),
        alerts=archive.count_alerts(session),
    )


def feed_line(feed: FeedReport) -> FeedLine:
    """The row of a feed, with the most important of its states."""
    state = "ok" if feed.last_success_at else "new"
    note = feed.error or ""
    if feed.failures:
        state = "failing"
        note = f"{note} ({feed.failures} times in a row)" if feed.failures > 1 else note
    if feed.paused_reason:
        state, note = "paused", feed.paused_reason
    if not feed.is_enabled:
        state, note = "off", "switched off in the settings"
    is_polled = state not in ("paused", "off")
    return FeedLine(
        name=feed.name,
        title=feed.title,
        host=urls.host(feed.url),
        state=state,
        note=note,
        last_success_at=feed.last_success_at,
        next_poll_at=feed.next_poll_at if is_polled else None,
        polls=feed.polls,
    )


def channel_line(channel: ChannelReport, deliveries: Mapping[str, int], now: datetime) -> ChannelLine:
    """The row of a channel, with the most important of its states."""
    state, note = "ok", ""
    if channel.failures:
        state, note = "failing", f"{channel.failures} tries failed in a row"
    if channel.paused_until_at and channel.paused_until_at > now:
        state, note = "paused", f"until {channel.paused_until_at:%Y-%m-%d %H:%M} UTC"
    if channel.disabled_reason:
        state, note = "disabled", channel.disabled_reason
    if not channel.is_configured:
        state, note = "removed", "no longer in the settings"
    return ChannelLine(
        name=channel.name,
        kind=channel.kind,
        shown=channel.shown,
        state=state,
        note=note,
        last_sent_at=channel.last_sent_at,
        deliveries=deliveries,
    )
