"""When to come back: later for every reason, sooner for none."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import schedule
from monitor.errors import FetchError, ParseError
from monitor.schedule import DELIVERY_DELAYS, Cadence, ChannelEvent, FeedEvent
from monitor.types import (
    Alert,
    AlertKind,
    ChannelState,
    DeliveryState,
    DeliveryUpdate,
    FeedState,
    Fetched,
    Lease,
    Outcome,
    ParsedFeed,
    Result,
)

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
    update = schedule.answered(feed, fetched(**answer), parsed, CADENCE, body_hash="h", now=NOW, jitter=jitter)
    return update.next_poll_at - NOW


# --- feeds ------------------------------------------------------------------------------------------------------------


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
        return schedule.failed(failing, error, CADENCE, now=NOW, jitter=0).next_poll_at - NOW

    assert waits(failures) <= waits(failures + 1) <= timedelta(days=1)
    update = schedule.failed(replace(FEED, failures=failures), error, CADENCE, now=NOW, jitter=jitter)
    assert waits(failures) <= update.next_poll_at - NOW <= waits(failures) * 1.11


@given(asked=st.timedeltas(timedelta(), timedelta(days=1)), jitter=jitters)
def test_f14_retry_after_is_never_undercut_and_pauses_the_host(asked: timedelta, jitter: float) -> None:
    error = FetchError("busy", url=FEED.url, code="429", status=429, retry_after_for=asked)
    update = schedule.failed(FEED, error, CADENCE, now=NOW, jitter=jitter)
    assert update.next_poll_at >= NOW + asked
    assert update.host_paused_until_at == (NOW + asked if asked else None)


@pytest.mark.parametrize("status", [403, 429])
def test_a_refusal_without_a_time_is_left_alone_for_an_hour_at_least(status: int) -> None:
    error = FetchError("no", url=FEED.url, code=str(status), status=status)
    assert schedule.failed(FEED, error, CADENCE, now=NOW, jitter=0).next_poll_at >= NOW + timedelta(hours=1)


def test_promise_3_each_state_of_a_feed_is_told_once() -> None:
    feed, told = FEED, []
    answers = ["down"] * 8 + ["ok"] * 3 + ["down"] * 6
    for answer in answers:
        if answer == "down":
            update = schedule.failed(feed, ParseError("html", code="not a feed"), CADENCE, now=NOW, jitter=0)
        else:
            update = schedule.answered(feed, fetched(), None, CADENCE, body_hash=None, now=NOW, jitter=0)
        told.append(schedule.event(feed, update))
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
    first = schedule.failed(FEED, gone, CADENCE, now=NOW, jitter=0)
    second = schedule.failed(replace(FEED, failures=1), gone, CADENCE, now=NOW, jitter=0)
    assert first.paused_reason is None
    assert second.paused_reason
    assert schedule.event(replace(FEED, failures=1), second) is FeedEvent.GONE


def test_f10_a_permanent_address_is_kept_after_a_week_of_the_same_and_f11_a_change_begins_anew() -> None:
    week = timedelta(days=7)
    moving = replace(FEED, permanent_url="https://new.example/", permanent_since_at=NOW - week)
    kept = schedule.answered(
        moving, fetched(permanent_url="https://new.example/"), None, CADENCE, body_hash=None, now=NOW, jitter=0
    )
    other = schedule.answered(
        moving, fetched(permanent_url="https://x.example/"), None, CADENCE, body_hash=None, now=NOW, jitter=0
    )
    back = schedule.answered(moving, fetched(), None, CADENCE, body_hash=None, now=NOW, jitter=0)
    assert kept.new_url == "https://new.example/"
    assert (other.new_url, other.permanent_since_at) == (None, NOW)
    assert (back.new_url, back.permanent_url) == (None, None)


# --- deliveries -------------------------------------------------------------------------------------------------------

ALERT = Alert(id="alt_1", kind=AlertKind.NEW, created_at=NOW, title="t")


def tried(
    outcome: Outcome, *, attempts: int = 0, failures: int = 0, jitter: float = 0, now: datetime = NOW
) -> DeliveryUpdate:
    delivery = DeliveryState(id=1, alert=ALERT, channel="desk", attempts=attempts, lease=LEASE, created_at=NOW)
    state = ChannelState(failures=failures, failing_since_at=NOW if failures else None, is_failing_told=failures >= 3)
    return schedule.tried(delivery, state, outcome, now=now, jitter=jitter)


def test_sent_is_sent_and_wakes_what_waited_on_a_channel_that_was_down() -> None:
    assert tried(Outcome(result=Result.SENT)).state == "sent"
    assert tried(Outcome(result=Result.SENT), failures=5).wakes_waiting
    assert not tried(Outcome(result=Result.SENT), failures=1).wakes_waiting


@given(attempts=st.integers(0, 8), jitter=jitters)
def test_w8_the_delays_are_those_of_standard_webhooks_within_a_fifth(attempts: int, jitter: float) -> None:
    waits = tried(Outcome(result=Result.TRANSIENT, code="500"), attempts=attempts, jitter=jitter).next_at - NOW
    assert DELIVERY_DELAYS[attempts] <= waits <= DELIVERY_DELAYS[attempts] * 1.201


def test_w12_after_the_last_delay_a_delivery_is_given_up_about_three_days_in() -> None:
    assert tried(Outcome(result=Result.TRANSIENT, code="500"), attempts=9).state == "dead"
    assert timedelta(hours=75) < sum(DELIVERY_DELAYS, timedelta()) < timedelta(hours=77)


@given(asked=st.timedeltas(timedelta(seconds=1), timedelta(hours=24)), attempts=st.integers(0, 50))
def test_w7_retry_after_is_not_undercut_and_does_not_use_up_the_schedule(asked: timedelta, attempts: int) -> None:
    update = tried(Outcome(result=Result.TRANSIENT, code="429", retry_after_for=asked), attempts=attempts)
    assert update.state == "pending"
    assert update.next_at >= NOW + asked
    assert update.channel_paused_until_at is not None
    assert update.channel_paused_until_at >= NOW + asked


def test_w5_a_message_called_wrong_is_tried_three_times() -> None:
    states = [tried(Outcome(result=Result.REJECTED, code="422"), attempts=n).state for n in range(3)]
    assert states == ["pending", "pending", "dead"]


def test_w6_a_destination_that_is_gone_disables_the_channel_and_holds_the_message() -> None:
    update = tried(Outcome(result=Result.GONE, code="410", detail="archived"))
    assert (update.state, update.channel_disabled_reason) == ("held", "archived")
    assert schedule.channel_event(ChannelState(), update) is ChannelEvent.DISABLED


@given(failures=st.integers(0, 500), code=st.sampled_from(["connect", "timeout", "dns", "503", "429", "421"]))
def test_w11_a_receiver_that_is_down_is_found_back_within_half_an_hour(failures: int, code: str) -> None:
    update = tried(Outcome(result=Result.TRANSIENT, code=code), attempts=failures, failures=failures)
    assert update.state == "pending"
    assert update.next_at - NOW <= timedelta(minutes=36)
    assert update.next_at == update.channel_paused_until_at


def test_w15_a_receiver_that_fails_at_random_pauses_its_channel_for_seconds_not_minutes() -> None:
    blip = tried(Outcome(result=Result.TRANSIENT, code="503"), failures=1, now=NOW + timedelta(seconds=5))
    outage = tried(Outcome(result=Result.TRANSIENT, code="503"), failures=8, now=NOW + timedelta(minutes=12))
    assert blip.next_at - NOW == timedelta(seconds=10)
    assert outage.next_at - NOW == timedelta(minutes=24)
    assert not blip.channel.is_failing_told


def test_what_is_too_old_is_given_up_and_a_channel_of_nothing_but_failures_is_disabled() -> None:
    late = NOW + timedelta(days=4, minutes=1)
    down = Outcome(result=Result.TRANSIENT, code="connect")
    assert tried(down, failures=9, now=late).state == "dead"
    assert tried(down, failures=9, now=NOW + timedelta(days=5, minutes=1)).channel_disabled_reason
