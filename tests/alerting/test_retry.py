"""What follows from one try to deliver: next try, pause of the channel, what the operator hears."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import retry
from monitor.alerting.retry import DELIVERY_DELAYS
from monitor.types.alerting import (
    Alert,
    AlertKind,
    AttemptResult,
    ChannelEvent,
    ChannelState,
    Concern,
    DeliveryState,
    DeliveryUpdate,
    Outcome,
    RecipientEvent,
    RecipientState,
)
from monitor.types.fetching import Lease

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
LEASE = Lease(token="t", until_at=NOW + timedelta(minutes=2))
ALERT = Alert(id="alt_1", kind=AlertKind.NEW, created_at=NOW, title="t")
jitters = st.floats(0, 1)


def tried(
    outcome: Outcome, *, attempts: int = 0, failures: int = 0, jitter: float = 0, now: datetime = NOW
) -> DeliveryUpdate:
    delivery = DeliveryState(id=1, alert=ALERT, channel="desk", attempts=attempts, lease=LEASE, created_at=NOW)
    state = ChannelState(failures=failures, failing_since_at=NOW if failures else None, is_failing_told=failures >= 3)
    return retry.after_attempt(delivery, state, outcome, now=now, jitter=jitter)


def down(code: str, **more: Any) -> Outcome:
    """An answer that any message would have had."""
    return Outcome(result=AttemptResult.TRANSIENT, code=code, concern=Concern.DESTINATION, **more)


def test_sent_is_sent_and_wakes_what_waited_on_a_channel_that_was_down() -> None:
    assert tried(Outcome(result=AttemptResult.SENT)).state == "sent"
    assert tried(Outcome(result=AttemptResult.SENT), failures=5).wakes_waiting
    assert not tried(Outcome(result=AttemptResult.SENT), failures=1).wakes_waiting


@given(attempts=st.integers(0, 8), jitter=jitters)
def test_w8_the_delays_are_those_of_standard_webhooks_within_a_fifth(attempts: int, jitter: float) -> None:
    waits = tried(Outcome(result=AttemptResult.TRANSIENT, code="500"), attempts=attempts, jitter=jitter).next_at - NOW
    assert DELIVERY_DELAYS[attempts] <= waits <= DELIVERY_DELAYS[attempts] * 1.201


def test_w12_after_the_last_delay_a_delivery_is_given_up_about_three_days_in() -> None:
    assert tried(Outcome(result=AttemptResult.TRANSIENT, code="500"), attempts=9).state == "dead"
    assert timedelta(hours=75) < sum(DELIVERY_DELAYS, timedelta()) < timedelta(hours=77)


@given(asked=st.timedeltas(timedelta(seconds=1), timedelta(hours=24)), attempts=st.integers(0, 50))
def test_w7_retry_after_is_not_undercut_and_does_not_use_up_the_schedule(asked: timedelta, attempts: int) -> None:
    update = tried(down("429", retry_after_for=asked), attempts=attempts)
    assert update.state == "pending"
    assert update.next_at >= NOW + asked
    assert update.channel_paused_until_at is not None
    assert update.channel_paused_until_at >= NOW + asked


def test_w5_a_message_called_wrong_is_tried_for_three_days_and_is_no_failure_of_its_channel() -> None:
    refused = Outcome(result=AttemptResult.REJECTED, code="422")
    updates = [tried(refused, attempts=n) for n in range(10)]
    assert [each.state for each in updates] == ["pending"] * 9 + ["dead"]
    assert {each.channel.failures for each in updates} == {0}
    assert updates[0].channel.doubted_alert == "alt_1"
    assert updates[0].channel_paused_until_at is None


def test_fault_alert_4_what_different_messages_get_is_the_channels() -> None:
    before = ChannelState(failing_since_at=NOW, doubted_alert="alt_other")
    delivery = DeliveryState(id=1, alert=ALERT, channel="desk", attempts=0, lease=LEASE, created_at=NOW)
    refused = Outcome(result=AttemptResult.REJECTED, code="400")
    update = retry.after_attempt(delivery, before, refused, now=NOW + timedelta(seconds=9), jitter=0)
    assert update.channel.failures == 2
    assert update.channel_paused_until_at
    assert update.state == "pending"


def test_fault_alert_4_a_message_that_is_refused_for_long_with_nothing_accepted_shows_that_the_channel_fails() -> None:
    before = ChannelState(failing_since_at=NOW, doubted_alert="alt_1")
    delivery = DeliveryState(id=1, alert=ALERT, channel="desk", attempts=3, lease=LEASE, created_at=NOW)
    refused = Outcome(result=AttemptResult.REJECTED, code="400")
    update = retry.after_attempt(delivery, before, refused, now=NOW + timedelta(minutes=35), jitter=0)
    assert (update.channel.failures, update.channel.is_failing_told) == (4, True)
    assert retry.channel_event(before, update) is ChannelEvent.FAILING


def test_fault_alert_3_a_refusing_destination_is_disabled_after_five_days_and_not_for_having_slept() -> None:
    refused = Outcome(result=AttemptResult.REJECTED, code="404", concern=Concern.DESTINATION)
    assert tried(refused).state == "pending"
    assert tried(refused).next_at - NOW == timedelta(seconds=5)
    late = NOW + timedelta(days=5, minutes=1)
    assert tried(refused, failures=9, now=late).channel_disabled_reason
    assert tried(refused, failures=1, now=late).channel_disabled_reason is None, "it was hardly asked"


@given(result=st.sampled_from([AttemptResult.TRANSIENT, AttemptResult.REJECTED]), failures=st.integers(0, 9))
def test_fault_alert_1_a_waiting_recipient_is_no_failure_and_ends_as_sent(result: AttemptResult, failures: int) -> None:
    waits = Outcome(result=AttemptResult.TRANSIENT, concern=Concern.RECIPIENT, retry_after_for=timedelta(minutes=5))
    update = tried(waits, failures=failures)
    assert (update.state, update.channel.failures, update.channel_paused_until_at) == ("pending", failures, None)
    assert update.next_at - NOW >= timedelta(minutes=5)
    state = RecipientState(since_at=NOW - timedelta(hours=2), failures=9, is_refused=False, is_told=True)
    assert retry.recipient_event(state, AttemptResult.SENT, now=NOW) is RecipientEvent.BACK
    told = retry.recipient_event(state, result, now=NOW)
    assert told is (RecipientEvent.REFUSED if result is AttemptResult.REJECTED else None)


def test_w6_a_destination_that_is_gone_disables_the_channel_and_holds_the_message() -> None:
    update = tried(Outcome(result=AttemptResult.GONE, code="410", detail="archived"))
    assert (update.state, update.channel_disabled_reason) == ("held", "archived")
    assert retry.channel_event(ChannelState(), update) is ChannelEvent.DISABLED


@given(failures=st.integers(0, 500), code=st.sampled_from(["connect", "timeout", "dns", "503", "429", "421"]))
def test_w11_a_receiver_that_is_down_is_found_back_within_half_an_hour(failures: int, code: str) -> None:
    update = tried(down(code), attempts=failures, failures=failures)
    assert update.state == "pending"
    assert update.next_at - NOW <= timedelta(minutes=36)
    assert update.next_at == update.channel_paused_until_at


def test_w15_a_receiver_that_fails_at_random_pauses_its_channel_for_seconds_not_minutes() -> None:
    blip = tried(down("503"), failures=1, now=NOW + timedelta(seconds=5))
    outage = tried(down("503"), failures=8, now=NOW + timedelta(minutes=12))
    assert blip.next_at - NOW == timedelta(seconds=10)
    assert outage.next_at - NOW == timedelta(minutes=24)
    assert not blip.channel.is_failing_told


def test_what_is_too_old_is_given_up_and_a_channel_of_nothing_but_failures_is_disabled() -> None:
    late = NOW + timedelta(days=4, minutes=1)
    assert tried(down("connect"), failures=9, now=late).state == "dead"
    assert tried(down("connect"), failures=9, now=NOW + timedelta(days=5, minutes=1)).channel_disabled_reason
