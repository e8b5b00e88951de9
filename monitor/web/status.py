"""The values of the status page: daemons, feeds, channels, topics and outbox, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from monitor.alerting.silence_notices import describe
from monitor.config import plan as plans
from monitor.review import matches, topics
from monitor.review.matches import MatchCounts
from monitor.store import channels, nodes, settings, versions
from monitor.store.channels import ChannelReport
from monitor.store.db import Session
from monitor.store.feeds import feed_reports
from monitor.store.feeds.feed_reports import FeedReport
from monitor.store.figures import whole_store
from monitor.store.nodes import NodeReport
from monitor.store.outbox import delivery_states
from monitor.text import urls
from monitor.topics import sentence
from monitor.topics.feed_languages import UnmatchedFeeds, unmatched
from monitor.topics.sentence import Advice
from monitor.types.plans import FROM_FILE, PAUSED, REMOVED, Plan, SettingsEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLine:
    """A row of the table of feeds. Without the address, which may contain a token (U16)."""

    name: str
    title: str
    host: str
    state: str
    """One of `ok`, `new`, `quiet`, `emptied`, `undated`, `stuck`, `failing`, `paused`, `off`."""
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
    nodes: tuple[NodeReport, ...]
    paused: frozenset[str]
    """Topics that are paused."""
    alerts: int
    difference: str = ""
    """In what this node's settings differ from what is in force; '' where they do not."""
    offers: tuple[str, ...] = ()
    """Held alerts, with the command that sends them."""
    advice: Mapping[str, Sequence[Advice]] = field(default_factory=dict)
    """By topic, what is to be said of its sentence."""
    unmatched: tuple[UnmatchedFeeds, ...] = ()
    """Feeds that no topic can match by their language."""


def board(
    session: Session, entries: Sequence[SettingsEntry] | None = None, *, now: datetime, embedder_problem: str = ""
) -> Board:
    """The values of the status page at `now`. `entries` are the feeds and channels of this node's settings, to be compared.
    `embedder_problem`: why articles are not compared by meaning; '' where they are."""
    deliveries = delivery_states.states_by_channel(session)
    plan = Plan() if entries is None else plans.compare(settings.rows(session), entries)
    outlines = versions.outlines(session)
    return Board(
        advice={each.name: sentence.advice(each) for each in outlines},
        unmatched=unmatched(outlines, topics.feed_languages(session), embedder_problem=embedder_problem),
        difference=plans.difference(plan),
        offers=tuple(plans.offers(plan)),
        feeds=tuple(feed_line(each) for each in feed_reports.of_all(session) if each.by_hand != REMOVED),
        channels=tuple(channel_line(each, deliveries.get(each.name, {}), now) for each in channels.reports(session)),
        topics=tuple(matches.counts(session)),
        nodes=nodes.reports(session),
        paused=frozenset(name for name, is_paused in topics.names(session).items() if is_paused),
        alerts=whole_store.count_alerts(session),
    )


def feed_line(feed: FeedReport) -> FeedLine:
    """The row of a feed, with the most important of its states."""
    state = "ok" if feed.last_success_at else "new"
    note = feed.error or ""
    if feed.watch.silence:
        state, note = feed.watch.silence.value, describe(feed.watch)
    if feed.failures:
        state, note = "failing", feed.error or ""
        note = f"{note} ({feed.failures} times in a row)" if feed.failures > 1 else note
    if feed.paused_reason:
        state, note = "paused", feed.paused_reason
    if not feed.is_enabled:
        state, note = "off", "switched off in the settings"
        if feed.by_hand == PAUSED:
            state, note = "paused", "by a command"
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
    if channel.by_hand == PAUSED:
        state, note = "paused", "by a command; its alerts wait"
    if channel.disabled_reason:
        state, note = "disabled", channel.disabled_reason
    if not channel.is_configured:
        state = "removed"
        note = "no longer in the settings" if channel.origin == FROM_FILE else "by a command or page"
    return ChannelLine(
        name=channel.name,
        kind=channel.kind,
        shown=channel.shown,
        state=state,
        note=note,
        last_sent_at=channel.last_sent_at,
        deliveries=deliveries,
    )
