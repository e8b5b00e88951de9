"""A feed's rhythm: how often it brings something, at which hours and on which days; and when its silence is no longer usual. Pure.

What is expected of a feed is counted in entries, not in hours: a newspaper that prints nothing at night and on Sundays is expected
to bring nothing then, so that these hours never add to its silence. A stretch of silence is unusual when it is long for the feed's
own stretches: some bring an entry every hour, some ten at a time and then none for days.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

WINDOW_FOR = timedelta(weeks=8)
"""How far back a rhythm is learned from: it holds eight of each weekday, and forgets the habits of another season."""
LEARNED_FROM = 5
"""Moments at which something came, from which on there is a rhythm to speak of."""
QUIET_AFTER_FOR = DAY
"""No feed is quiet sooner: a day without news is a holiday in one country or another."""
LIKELY_AFTER_FOR = timedelta(hours=6)
_UNKNOWN_QUIET_FOR = timedelta(days=30)
_UNKNOWN_LIKELY_FOR = timedelta(days=8)
"""Without a rhythm: after 8 days other readers (NetNewsWire, Capy) no longer believe "not modified"."""
LEAST_EXPECTED, LEAST_LIKELY = 3.0, 2.0
"""Entries missed. Of a feed that brings them independently of one another, 3 are missed by chance in one case of twenty."""
QUIET_TIMES, LIKELY_TIMES = 2.0, 1.0
"""... and so many times what it brings in its longest usual silence."""
_USUAL_SHARE = 0.95
"""The longest usual silence is the one that all but a twentieth do not reach: an outage of ours or theirs makes no habit."""
_LONGEST_FOR = timedelta(days=400)
_WEEKEND = (5, 6)
_WEEK = 7 * 24
"""Hours of a week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What to expect of a feed."""

    last_at: datetime | None = None
    """When it brought something last, as far as its dates say; None where it never did."""
    per_day: float | None = None
    hourly: tuple[float, ...] = ()
    """Entries expected in each hour of the day (UTC), on a usual day."""
    days: tuple[float, ...] = ()
    """Monday first: how much of a usual day each is."""
    usual_silence: float = 0.0
    """Entries expected during its longest usual silence."""
    longest_gap_for: timedelta = timedelta()
    """Where too few entries came to learn more from: the longest time between two of them."""

    @property
    def is_known(self) -> bool:
        """Whether there were enough entries to learn from."""
        return bool(self.hourly)

    @property
    def rates(self) -> tuple[float, ...]:
        """Entries expected in each hour of the week, the first of Monday first."""
        return tuple(hourly * day for day in self.days for hourly in self.hourly)

    def quiet_from(self, last_at: datetime) -> datetime:
        """When the feed counts as quiet, if nothing came after `last_at`."""
        if not self.is_known:
            return last_at + min(max(_UNKNOWN_QUIET_FOR, 2 * self.longest_gap_for), _LONGEST_FOR)
        missed = max(LEAST_EXPECTED, QUIET_TIMES * self.usual_silence)
        return max(self._missed_at(last_at, missed), last_at + QUIET_AFTER_FOR)

    def likely_by(self, last_at: datetime) -> datetime:
        """By when something new is likely to come after `last_at`."""
        if not self.is_known:
            return last_at + _UNKNOWN_LIKELY_FOR
        missed = max(LEAST_LIKELY, LIKELY_TIMES * self.usual_silence)
        return max(min(self._missed_at(last_at, missed), last_at + _UNKNOWN_LIKELY_FOR), last_at + LIKELY_AFTER_FOR)

    def _missed_at(self, last_at: datetime, missed: float) -> datetime:
        """When so many entries were to be expected since then."""
        so_far, rates = 0.0, self.rates
        for number, (hour, part) in enumerate(_hours(last_at, last_at + _LONGEST_FOR), 1):
            so_far += part * rates[hour]
            if so_far >= missed:
                return _begin_of_hour(last_at) + number * HOUR
        return last_at + _LONGEST_FOR


def learn(times: Sequence[datetime], *, now: datetime) -> Rhythm:
    """The rhythm of a feed that brought entries at these times, in any order."""
    past = sorted(each.astimezone(UTC) for each in times if each <= now)
    kept = _without_strays([each for each in past if each >= now - WINDOW_FOR])
    if len(set(kept)) < LEARNED_FROM or kept[-1] - kept[0] < HOUR:
        return _too_rare(past)
    per_day = len(kept) / max((kept[-1] - kept[0]) / DAY, 1.0)
    hourly, days = _profile(kept)
    if sum(hourly) * sum(days) <= 0:
        return _too_rare(past)
    found = Rhythm(last_at=past[-1], per_day=per_day, hourly=hourly, days=days)
    return replace(found, usual_silence=_usual_silence(kept, found))


def _too_rare(times: Sequence[datetime]) -> Rhythm:
    gaps = [after - before for before, after in pairwise(times[-2 * LEARNED_FROM :])]
    return Rhythm(last_at=times[-1] if times else None, longest_gap_for=max(gaps, default=timedelta()))


def _without_strays(times: Sequence[datetime]) -> list[datetime]:
    """The times without the oldest ones that stand apart from the rest: a pinned entry of last year, an archive."""
    kept = list(times)
    while len(kept) > LEARNED_FROM and 2 * (kept[1] - kept[0]) > kept[-1] - kept[0]:
        kept.pop(0)
    return kept


def _profile(times: Sequence[datetime]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Entries an hour by the hour of the day, and what part of a usual day each day of the week is.

    Hours and days that the times do not cover are not counted on, but for working days: these are taken to be like the others.
    """
    watched = _watched(times[0], times[-1])
    came = Counter(map(_hour_of_week, times[1:]))  # the first only begins the watch
    hourly = _per_hour(came, watched)
    days = tuple(_part_of_day(day, came, watched, hourly) for day in range(7))
    return hourly, days


def _watched(from_at: datetime, to_at: datetime) -> list[int]:
    """How often each hour of the week began between the first of these hours and the last time."""
    weeks, rest = divmod(_count_hours(from_at, to_at), _WEEK)
    found, first = [weeks] * _WEEK, _hour_of_week(from_at)
    for number in range(rest):
        found[(first + number) % _WEEK] += 1
    return found


def _per_hour(came: Mapping[int, int], watched: Sequence[int]) -> tuple[float, ...]:
    """By the hour, over the days on which anything came at all: a silent Sunday says nothing of a Monday's hours."""
    live = {each // 24 for each in came} or set(range(7))
    found = []
    for hour in range(24):
        hours = sum(watched[24 * day + hour] for day in live)
        found.append(sum(came.get(24 * day + hour, 0) for day in live) / hours if hours else 0.0)
    return tuple(found)


def _part_of_day(day: int, came: Mapping[int, int], watched: Sequence[int], hourly: Sequence[float]) -> float:
    expected = sum(watched[24 * day + hour] * hourly[hour] for hour in range(24))
    arrived = sum(came.get(24 * day + hour, 0) for hour in range(24))
    if expected >= 1:
        return arrived / expected
    return 0.0 if day in _WEEKEND and not arrived else 1.0


def _usual_silence(times: Sequence[datetime], rhythm: Rhythm) -> float:
    """Entries expected in the longest usual stretch without any."""
    rates = rhythm.rates
    silences = sorted(_expected(rates, before, after) for before, after in pairwise(times) if after - before > HOUR)
    return silences[min(int(len(silences) * _USUAL_SHARE), len(silences) - 1)] if silences else 0.0


def _expected(rates: Sequence[float], from_at: datetime, to_at: datetime) -> float:
    return sum(part * rates[hour] for hour, part in _hours(from_at, to_at))


def _hours(from_at: datetime, to_at: datetime) -> Iterator[tuple[int, float]]:
    """The hours between two times, each by its number in the week and with the part of it that lies between them."""
    begin_at, count = _begin_of_hour(from_at), _count_hours(from_at, to_at)
    first, last = _hour_of_week(begin_at), count - 1
    for number in range(count):
        part = 1.0
        if number in (0, last):  # the others lie between them whole
            at = begin_at + number * HOUR
            part = (min(at + HOUR, to_at) - max(at, from_at)) / HOUR
        yield (first + number) % _WEEK, part


def _count_hours(from_at: datetime, to_at: datetime) -> int:
    """How many hours begin before a time, from the one that holds the other time on."""
    return max(0, -((_begin_of_hour(from_at) - to_at) // HOUR))


def _begin_of_hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _hour_of_week(at: datetime) -> int:
    return 24 * at.weekday() + at.hour


def moments(seen: Iterable[tuple[datetime, datetime]], *, first_polled_at: datetime) -> list[datetime]:
    """When a feed's entries came, of (published, first seen): by their dates, unless these lie long before a later poll."""
    return [
        published_at if seen_at <= first_polled_at or seen_at - published_at <= WINDOW_FOR else seen_at
        for published_at, seen_at in seen
    ]
