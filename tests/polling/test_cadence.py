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
from monitor.types.fetching import FeedEvent, FeedState, Fetched, HostRest, Lease, ParsedFeed, Refusal, Wishes

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
    waits = after(ParsedFeed(wishes=Wishes(ttl_for=ttl)), jitter=jitter, max_age_for=max_age)
    assert waits >= FEED.interval_for
    assert waits >= min(max(max_age, ttl), timedelta(days=1))
    assert waits <= timedelta(days=1) * 1.1


@given(hours=st.frozensets(st.integers(0, 23)))
def test_f25_skipped_hours_are_left_out_unless_all_are(hours: frozenset[int]) -> None:
    at = NOW + after(ParsedFeed(wishes=Wishes(skip_hours=hours)))
    assert at.hour not in hours or len(hours) == 24


def test_the_operators_interval_wins_over_a_shorter_wish() -> None:
    slow = replace(FEED, interval_for=timedelta(hours=6))
    assert after(ParsedFeed(wishes=Wishes(ttl_for=timedelta(minutes=1))), feed=slow) == timedelta(hours=6)


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
    assert update.refusal == Refusal(host="herald.example", asked_for=asked)
    rest = cadence.host_rest(None, update.refusal, now=NOW)
    assert rest.until_at >= NOW + asked
    assert rest.refusals == (0 if asked else 1)


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


# --- politeness in every state ----------------------------------------------------------------------------------------

SATURDAY = datetime(2021, 10, 23, 12, tzinfo=UTC)


@given(ttl=spans, hours=st.frozensets(st.integers(0, 23)), days=st.frozensets(st.integers(0, 6)), jitter=jitters)
def test_fault_feed_18_wishes_of_an_earlier_document_hold_after_304_and_failures(
    ttl: timedelta, hours: frozenset[int], days: frozenset[int], jitter: float
) -> None:
    wishes = Wishes(ttl_for=ttl, skip_hours=hours, skip_days=days)
    feed = replace(FEED, wishes=wishes)
    down = FetchError("down", url=FEED.url, code="connect")
    for update in (
        cadence.update_after_answer(feed, fetched(status=304), None, CADENCE, body_hash=None, now=NOW, jitter=jitter),
        cadence.update_after_answer(feed, fetched(), None, CADENCE, body_hash="h", now=NOW, jitter=jitter),
        cadence.update_after_failure(feed, down, CADENCE, now=NOW, jitter=jitter),
    ):
        assert update.next_poll_at - NOW >= min(ttl, timedelta(days=1))
        assert update.next_poll_at.hour not in hours or len(hours) == 24
        assert update.next_poll_at.weekday() not in days or len(days) == 7
        assert update.wishes is None, "what is stored stays"
    put_off = cadence.reschedule(feed, timedelta(minutes=1), why="busy", now=NOW)
    assert not wishes.is_skipped(put_off.next_poll_at)


def test_fault_feed_18_a_new_document_without_wishes_ends_the_old_ones() -> None:
    feed = replace(FEED, wishes=Wishes(ttl_for=timedelta(hours=3)))
    update = cadence.update_after_answer(feed, fetched(), ParsedFeed(), CADENCE, body_hash="h", now=NOW, jitter=0)
    assert (update.wishes, update.next_poll_at - NOW) == (Wishes(), FEED.interval_for)


def test_fault_feed_18_saturday_and_sunday_are_left_out_though_that_is_more_than_a_day() -> None:
    feed = replace(FEED, wishes=Wishes(skip_days=frozenset({5, 6})))
    friday = SATURDAY - timedelta(hours=12, minutes=5)
    update = cadence.update_after_answer(feed, fetched(), None, CADENCE, body_hash="h", now=friday, jitter=0)
    assert update.next_poll_at == datetime(2021, 10, 25, tzinfo=UTC)


@pytest.mark.parametrize("minutes", [1, 2, 5, 60, 10080])
def test_the_owners_interval_counts_as_it_is_set(minutes: float) -> None:
    """Rule 3 (an hour, a day without validators) and the least interval of our own yield to it."""
    own = replace(FEED, interval_for=timedelta(minutes=minutes))
    assert after(ParsedFeed(), feed=own) == after(None, feed=own) == timedelta(minutes=minutes)


def waits_after(error: FetchError, *, failures: int = 0) -> timedelta:
    feed = replace(FEED, failures=failures)
    return cadence.update_after_failure(feed, error, CADENCE, now=NOW, jitter=0).next_poll_at - NOW


@pytest.mark.parametrize("told", [timedelta(minutes=1), timedelta(minutes=7), timedelta(hours=5), timedelta(hours=24)])
def test_fault_feed_22_the_refused_feed_waits_as_told(told: timedelta) -> None:
    for status in (429, 503, 403):
        error = FetchError("no", url=FEED.url, code=str(status), status=status, retry_after_for=told)
        assert waits_after(error) == told


def test_fault_feed_22_who_tells_a_second_for_ever_is_asked_at_the_usual_pace_in_the_end() -> None:
    error = FetchError("no", url=FEED.url, code="429", status=429, retry_after_for=timedelta(seconds=1))
    waits = [waits_after(error, failures=count) for count in range(12)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(minutes=1), FEED.interval_for)


def test_rule_4_a_max_age_on_a_refusal_is_not_undercut() -> None:
    error = FetchError("no", url=FEED.url, code="429", status=429, max_age_for=timedelta(hours=7))
    assert waits_after(error) == timedelta(hours=7)


def test_fault_feed_22_refusals_without_a_time_rest_the_host_longer_each_time_up_to_a_day() -> None:
    rest: HostRest | None = None
    at, rests = NOW, []
    for _ in range(15):
        rest = cadence.host_rest(rest, Refusal(host="h", asked_for=None), now=at)
        rests.append(rest.until_at - at)
        at = rest.until_at
    assert rests == sorted(rests)
    assert rests[0] >= timedelta(minutes=1)
    assert rests[-1] == timedelta(days=1)


def test_fault_feed_22_polls_refused_together_are_one_refusal() -> None:
    first = cadence.host_rest(None, Refusal(host="h", asked_for=None), now=NOW)
    second = cadence.host_rest(first, Refusal(host="h", asked_for=None), now=NOW + timedelta(seconds=1))
    assert second == first
    third = cadence.host_rest(second, Refusal(host="h", asked_for=timedelta(hours=2)), now=NOW)
    assert third.until_at == NOW + timedelta(hours=2)
    assert cadence.host_rest(third, Refusal(host="h", asked_for=timedelta(minutes=1)), now=NOW) == third


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500, 502])
def test_fault_feed_22_another_error_rests_no_host(status: int) -> None:
    error = FetchError("no", url=FEED.url, code=str(status), status=status)
    assert cadence.update_after_failure(FEED, error, CADENCE, now=NOW, jitter=0).refusal is None


def test_a_time_that_leaves_nothing_is_not_believed() -> None:
    never = Wishes(skip_hours=frozenset(range(24)), skip_days=frozenset(range(7)))
    assert not never.is_skipped(NOW)
    nearly = Wishes(skip_hours=frozenset(range(1, 24)), skip_days=frozenset({0, 1, 2, 3, 4, 5}))
    assert nearly.next_allowed(NOW) == datetime(2021, 10, 24, tzinfo=UTC)
