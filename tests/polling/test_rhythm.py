"""When a silence is unusual, for feeds of every pace: each of these would be told too early or too late by one fixed limit."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.polling import rhythm
from monitor.polling.rhythm import Rhythm

DAY = timedelta(days=1)
NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)  # a Wednesday
Is = Callable[[datetime], bool]


def daytime(at: datetime) -> bool:
    return 6 <= at.hour < 20


def working_day(at: datetime) -> bool:
    return at.weekday() < 5 and daytime(at)


def paced(
    per_day: float, *, days: float, only: Is = lambda _: True, until_at: datetime = NOW, seed: int = 1
) -> list[datetime]:
    """Entries that come independently of one another, at times when any come, until then."""
    rnd, at, found = random.Random(seed), until_at - timedelta(days=days), []
    while at < until_at:
        at += timedelta(days=rnd.expovariate(per_day))
        if only(at) and at < until_at:
            found.append(at)
    return found


def weekly(*, at: datetime, weeks: int) -> list[datetime]:
    return [at - timedelta(weeks=number) for number in range(weeks)]


def quiet_after(times: list[datetime], *, now: datetime = NOW) -> timedelta:
    learned = rhythm.learn(times, now=now)
    return learned.quiet_from(max(times)) - max(times)


def hour_of_week(at: datetime) -> int:
    return 24 * at.weekday() + at.hour


def test_a_weekly_feed_is_not_quiet_after_two_days_nor_after_two_weeks_but_after_six() -> None:
    times = weekly(at=NOW - timedelta(hours=1), weeks=8)
    assert timedelta(weeks=2) < quiet_after(times) <= timedelta(weeks=6)


@pytest.mark.parametrize("days", [1, 2, 7, 56])
def test_a_feed_of_fifty_a_day_is_quiet_after_one_or_two_days_however_little_of_it_is_known(days: float) -> None:
    for seed in range(20):
        assert DAY <= quiet_after(paced(50, days=days, seed=seed)) <= 2 * DAY


def test_fifty_entries_of_one_day_in_one_document_are_a_rhythm() -> None:
    assert DAY <= quiet_after([NOW - timedelta(minutes=29 * number) for number in range(50)]) <= 2 * DAY


def test_nights_do_not_count_where_a_feed_sleeps() -> None:
    evening = datetime(2021, 10, 20, 20, tzinfo=UTC)
    learned = rhythm.learn(paced(90, days=28, only=daytime, until_at=evening), now=evening)
    assert learned.rates[hour_of_week(datetime(2021, 10, 21, 3, tzinfo=UTC))] == 0
    assert learned.likely_by(evening) >= datetime(2021, 10, 21, 6, tzinfo=UTC)


@pytest.mark.parametrize("days", [2, 5, 14, 56])
def test_a_weekend_is_no_silence_of_a_feed_that_rests_then_also_where_none_was_seen_yet(days: float) -> None:
    friday = datetime(2021, 10, 22, 19, tzinfo=UTC)
    times = paced(90, days=days, only=working_day, until_at=friday)
    assert max(times) + quiet_after(times, now=friday) > datetime(2021, 10, 25, 6, tzinfo=UTC)


def test_on_working_days_the_same_feed_is_quiet_after_a_day() -> None:
    tuesday = datetime(2021, 10, 19, 19, tzinfo=UTC)
    times = paced(90, days=56, only=working_day, until_at=tuesday)
    assert DAY <= quiet_after(times, now=tuesday) <= 2 * DAY


def test_who_brings_ten_at_once_every_few_days_is_not_quiet_between() -> None:
    times = [NOW - timedelta(days=4 * day, minutes=number) for day in range(12) for number in range(10)]
    assert timedelta(days=6) < quiet_after(times) < timedelta(days=25)


def test_a_pinned_entry_of_last_month_does_not_make_a_busy_feed_slow() -> None:
    times = [*paced(40, days=3), NOW - timedelta(days=50)]
    assert quiet_after(times) <= 2 * DAY


def test_an_outage_makes_no_habit() -> None:
    times = [at for at in paced(30, days=56) if not NOW - 40 * DAY < at < NOW - 33 * DAY]
    assert quiet_after(times) <= 2 * DAY


def test_monthly_and_unknown_feeds_are_given_time() -> None:
    assert quiet_after([NOW - timedelta(days=30 * month) for month in range(12)]) >= timedelta(days=58)
    assert Rhythm().quiet_from(NOW) >= NOW + timedelta(days=30)
    assert Rhythm().likely_by(NOW) == NOW + timedelta(days=8)


def test_false_alarms_are_rare() -> None:
    """Feeds of nine paces over eight weeks, then eight more: hardly one of their own silences counts as quiet."""
    alarms = stretches = 0
    for per_day in (0.3, 1, 3, 10, 50):
        for only in (lambda _: True, working_day):
            for seed in range(6):
                times = paced(per_day, days=112, only=only, seed=seed)
                for known, following in _walk(times):
                    stretches += 1
                    alarms += rhythm.learn(known, now=known[-1]).quiet_from(known[-1]) < following
    assert stretches > 500
    assert alarms <= 0.01 * stretches


def _walk(times: list[datetime]) -> Iterator[tuple[list[datetime], datetime]]:
    """What was known at some of the entries, and when the next one came."""
    later = [n for n, at in enumerate(times[:-1]) if at > NOW - timedelta(days=56)]
    for number in later[:: max(1, len(later) // 15)]:
        yield times[max(0, number - 399) : number + 1], times[number + 1]


@given(times=st.lists(st.datetimes(datetime(1980, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), max_size=60))
def test_whatever_the_dates_are_something_is_expected_first_and_missed_later(times: list[datetime]) -> None:
    learned = rhythm.learn(times, now=NOW)
    assert NOW + timedelta(hours=6) <= learned.likely_by(NOW) <= learned.quiet_from(NOW) <= NOW + timedelta(days=401)
    assert learned.quiet_from(NOW) >= NOW + DAY


def test_entries_keep_their_dates_but_an_archive_shown_later_came_when_it_was_seen() -> None:
    first_at, old_at = NOW - timedelta(days=30), NOW - timedelta(days=900)
    seen = [(old_at, first_at), (NOW - DAY, NOW), (old_at, NOW)]
    assert rhythm.moments(seen, first_polled_at=first_at) == [old_at, NOW - DAY, NOW]
