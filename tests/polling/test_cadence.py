"""When a feed is polled next: every reason makes it later, none sooner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.polling import cadence
from monitor.polling.cadence import Cadence
from monitor.types.errors import FetchError, ParseError
from monitor.types.fetching import FeedEvent, FeedState, Fetched, Lease, ParsedFeed

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
LEASE = Lease(token="t", until_at=NOW + timedelta(minutes=2))
FEED = FeedState(id=1, name="herald", url="https://herald.example/feed", lease=LEASE)
CADENCE = Cadence()
spans = st.timedeltas(timedelta(), timedelta(days=30))
jitters = st.floats(0, 1)


def fetched(**changes: object) -> Fetched:
    return replace(Fetched(url=FEED.url, final_url=FEED.url, status=200, at=NOW), **changes)  # type: ignore[arg-type]


def after(
    parsed: ParsedFeed | None = None, *, jitter: float = 0, feed: FeedState = FEED, **answer: object
) -> timedelta:
    update = cadence.update_after_answer(
        feed, fetched(**answer), parsed, CADENCE, body_hash="h", now=NOW, jitter=jitter
    )
    return update.next_poll_at - NOW


@given(max_age=spans, ttl=spans, jitter=jitters)
def test_f25_the_publishers_wishes_make_us_slower_up_to_a_day_and_never_quicker(
    max_age: timedelta, ttl: timedelta, jitter: float
) -> None:
    waits = after(ParsedFeed(ttl_for=ttl), jitter=jitter, max_age_for=max_age)
    assert waits >= FEED.interval_for
    assert waits >= min(max(max_age, ttl), timedelta(days=1))
    assert waits <= timedelta(days=1) * 1.1


@given(hours=st.frozensets(st.integers(0, 23)))
def test_f25_skipped_hours_are_left_out_unless_all_are(hours: frozenset[int]) -> None:
    at = NOW + after(ParsedFeed(skip_hours=hours))
    assert at.hour not in hours or len(hours) == 24


def test_the_operators_interval_wins_over_a_shorter_wish() -> None:
    slow = replace(FEED, interval_for=timedelta(hours=6))
    assert after(ParsedFeed(ttl_for=timedelta(minutes=1)), feed=slow) == timedelta(hours=6)


@given(failures=st.integers(0, 200), jitter=jitters)
def test_f13_the_pause_after_a_failure_grows_and_ends_at_a_day(failures: int, jitter: float) -> None:
    error = FetchError("down", url=FEED.url, code="connect")

    def waits(count: int) -> timedelta:
        failing = replace(FEED, failures=count, failing_since_at=NOW)
        return cadence.update_after_failure(failing, error, CADENCE, now=NOW, jitter=0).next_poll_at - NOW

    assert waits(failures) <= waits(failures + 1) <= timedelta(days=1)
    update = cadence.update_after_failure(replace(FEED, failures=failures), error, CADENCE, now=NOW, jitter=jitter)
    assert waits(failures) <= update.next_poll_at - NOW <= waits(failures) * 1.11


@given(asked=st.timedeltas(timedelta(), timedelta(days=1)), jitter=jitters)
def test_f14_retry_after_is_never_undercut_and_pauses_the_host(asked: timedelta, jitter: float) -> None:
    error = FetchError("busy", url=FEED.url, code="429", status=429, retry_after_for=asked)
    update = cadence.update_after_failure(FEED, error, CADENCE, now=NOW, jitter=jitter)
    assert update.next_poll_at >= NOW + asked
    assert update.host_paused_until_at == (NOW + asked if asked else None)


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_without_a_time_is_left_alone_for_an_hour_at_least(status: int) -> None:
    error = FetchError("no", url=FEED.url, code=str(status), status=status)
    assert cadence.update_after_failure(FEED, error, CADENCE, now=NOW, jitter=0).next_poll_at >= NOW + timedelta(
        hours=1
    )


def test_promise_3_each_state_of_a_feed_is_told_once() -> None:
    feed, told = FEED, []
    answers = ["down"] * 8 + ["ok"] * 3 + ["down"] * 6
    for answer in answers:
        if answer == "down":
            update = cadence.update_after_failure(
                feed, ParseError("html", code="not a feed"), CADENCE, now=NOW, jitter=0
            )
        else:
            update = cadence.update_after_answer(feed, fetched(), None, CADENCE, body_hash=None, now=NOW, jitter=0)
        told.append(cadence.event_of(feed, update))
        feed = replace(
            feed,
            failures=update.failures,
            failing_since_at=update.failing_since_at,
            is_failing_told=update.is_failing_told,
        )
    assert [each for each in told if each] == [FeedEvent.FAILING, FeedEvent.RECOVERED, FeedEvent.FAILING]
    assert told[4] is FeedEvent.FAILING


def test_f12_gone_is_believed_the_second_time() -> None:
    gone = FetchError("gone", url=FEED.url, code="410", status=410, is_gone=True)
    first = cadence.update_after_failure(FEED, gone, CADENCE, now=NOW, jitter=0)
    second = cadence.update_after_failure(replace(FEED, failures=1), gone, CADENCE, now=NOW, jitter=0)
    assert first.paused_reason is None
    assert second.paused_reason
    assert cadence.event_of(replace(FEED, failures=1), second) is FeedEvent.GONE


def test_f10_a_permanent_address_is_kept_after_a_week_of_the_same_and_f11_a_change_begins_anew() -> None:
    week = timedelta(days=7)
    moving = replace(FEED, permanent_url="https://new.example/", permanent_since_at=NOW - week)
    kept = cadence.update_after_answer(
        moving, fetched(permanent_url="https://new.example/"), None, CADENCE, body_hash=None, now=NOW, jitter=0
    )
    other = cadence.update_after_answer(
        moving, fetched(permanent_url="https://x.example/"), None, CADENCE, body_hash=None, now=NOW, jitter=0
    )
    back = cadence.update_after_answer(moving, fetched(), None, CADENCE, body_hash=None, now=NOW, jitter=0)
    assert kept.new_url == "https://new.example/"
    assert (other.new_url, other.permanent_since_at) == (None, NOW)
    assert (back.new_url, back.permanent_url) == (None, None)
