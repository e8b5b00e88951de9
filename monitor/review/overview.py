"""What matters today at a glance: matches and alerts a day, precision by week, publishers and languages, how fast alerts go out,
and what was held back. Days are those of the reader's zone. Reading is one step, counting the next: what counts is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from monitor.matching.reliability import wilson
from monitor.review.kept import Known
from monitor.store import topics
from monitor.store.db import Session
from monitor.store.figures import overview as store
from monitor.store.figures.overview import Counted, Judged, Sent
from monitor.store.outbox import delivery_states
from monitor.types.matching import Reason

DAYS, WEEKS = 28, 12
LATELY_FOR = timedelta(days=7)
MIN_JUDGED = 10
"""Verdicts in a week, from which its precision says something."""
_SHOWN = 8
HELD_BACK = (Reason.FIRST_POLL, Reason.STORM, Reason.BACKLOG, Reason.TOO_OLD, Reason.SET_APART)
"""Reasons for which a match is stored and nobody is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicDays:
    """Matches and alerts of one topic by day, oldest first, and what was said of its matches of these days."""

    topic: str
    title: str
    matches: tuple[int, ...]
    alerts: tuple[int, ...]
    confirmed: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPrecision:
    """How many of a week's judged matches were confirmed, with the 95 % interval of their share."""

    first_day: date
    confirmed: int
    judged: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.confirmed / self.judged


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpeed:
    """How long a channel's alerts took from the decision until they were sent: half of them at most p50, 95 % at most p95."""

    channel: str
    sent: int
    p50: timedelta
    p95: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All that the page shows but the state of feeds."""

    days: tuple[date, ...]
    topics: tuple[TopicDays, ...]
    stories_today: int
    alerts_today: int
    weeks: tuple[WeekPrecision, ...]
    """Those with enough verdicts."""
    judged: int
    """Verdicts of all these weeks."""
    publishers: tuple[tuple[str, int], ...]
    """Those with most matching articles lately, and how many; the same of `languages`."""
    languages: tuple[tuple[str, int], ...]
    speeds: tuple[ChannelSpeed, ...]
    held_back: tuple[tuple[str, int], ...]
    """Reason in words, and how many matches lately."""
    waiting: int
    """Deliveries that are held and wait for somebody."""

    @property
    def matches(self) -> tuple[int, ...]:
        """Of all topics, by day."""
        return _sums([each.matches for each in self.topics], len(self.days))

    @property
    def alerts(self) -> tuple[int, ...]:
        return _sums([each.alerts for each in self.topics], len(self.days))


def find_overview(session: Session, known: Known, *, zone: tzinfo, now: datetime) -> Overview:
    """The overview at `now`, by the days of that zone."""
    today = now.astimezone(zone).date()
    days = tuple(today - timedelta(days=DAYS - 1 - number) for number in range(DAYS))
    weeks = tuple(today - timedelta(days=7 * (WEEKS - number) - 1) for number in range(WEEKS))
    begins = [_begins(each, zone) for each in days]
    judged = store.judged_by_span(session, [_begins(each, zone) for each in weeks])
    published = store.published_since(session, now - LATELY_FOR)
    names = {each: name for name, known_by in known.choices.publishers.items() for each in known_by}
    held = delivery_states.states_by_channel(session)
    return Overview(
        days=days,
        topics=topic_days(
            topics.titles(session),
            store.matches_by_span(session, begins),
            store.alerts_by_span(session, begins),
            store.judged_by_topic(session, begins[0]),
        ),
        stories_today=store.count_stories(session, begins[-1]),
        alerts_today=store.count_alerts(session, begins[-1]),
        weeks=week_precision(judged, weeks),
        judged=sum(each.judged for each in judged),
        publishers=_most((names.get(by, by.outlet or by.source), count) for by, _, count in published),
        languages=_most((language, count) for _, language, count in published),
        speeds=channel_speeds(store.sent_since(session, now - LATELY_FOR)),
        held_back=held_back(store.reasons_since(session, now - LATELY_FOR)),
        waiting=sum(states.get("held", 0) for states in held.values()),
    )


def _begins(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def topic_days(
    titles: Mapping[str, str], found: Iterable[Counted], told: Iterable[Counted], judged: Iterable[Judged]
) -> tuple[TopicDays, ...]:
    """Each topic by day: those with most matches first."""
    matches = {(each.topic, each.span): each.number for each in found}
    alerts = {(each.topic, each.span): each.number for each in told}
    said = {each.of: each for each in judged}
    rows = (
        TopicDays(
            topic=topic,
            title=titles.get(topic, topic),
            matches=tuple(matches.get((topic, day), 0) for day in range(DAYS)),
            alerts=tuple(alerts.get((topic, day), 0) for day in range(DAYS)),
            confirmed=said[topic].confirmed if topic in said else 0,
            judged=said[topic].judged if topic in said else 0,
        )
        for topic in {*titles, *(topic for topic, _ in (*matches, *alerts))}
    )
    return tuple(sorted(rows, key=lambda each: (-sum(each.matches), each.title)))


def week_precision(judged: Iterable[Judged], weeks: Sequence[date]) -> tuple[WeekPrecision, ...]:
    """The weeks with at least MIN_JUDGED verdicts, oldest first."""
    found = []
    for number, count, confirmed in sorted(judged):
        if count >= MIN_JUDGED:
            low, high = wilson(confirmed, count)
            week = WeekPrecision(first_day=weeks[number], confirmed=confirmed, judged=count, low=low, high=high)
            found.append(week)
    return tuple(found)


def channel_speeds(sent: Iterable[Sent]) -> tuple[ChannelSpeed, ...]:
    """How fast each channel was, by name."""
    took: dict[str, list[timedelta]] = {}
    for each in sent:
        took.setdefault(each.channel, []).append(max(each.sent_at - each.made_at, timedelta()))
    return tuple(
        ChannelSpeed(channel=name, sent=len(all_of), p50=_quantile(all_of, 0.5), p95=_quantile(all_of, 0.95))
        for name, all_of in sorted(took.items())
    )


def held_back(reasons: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """How often nobody was told of a match for one of the HELD_BACK reasons, in words."""
    return tuple((each.value, reasons[each.name]) for each in HELD_BACK if reasons.get(each.name))


def _quantile(values: Sequence[timedelta], share: float) -> timedelta:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def _most(counted: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    for name, count in counted:
        found[name] += count
    return tuple(found.most_common(_SHOWN))


def _sums(rows: Sequence[Sequence[int]], length: int) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True))) if rows else (0,) * length
