"""What answers mean: one table for all channels."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting import answers
from monitor.alerting.answers import Step
from monitor.types.alerting import AttemptResult, Concern, RecipientOutcome

SENT, UNKNOWN, TRANSIENT, REJECTED, GONE = AttemptResult
RECIPIENT, MESSAGE, DESTINATION = Concern


@pytest.mark.parametrize(
    ("statuses", "result", "concern"),
    [
        ((200, 201, 202, 204, 207, 299), SENT, MESSAGE),
        ((400, 406, 409, 411, 413, 415, 418, 422, 431, 499), REJECTED, MESSAGE),
        ((401, 402, 403, 404, 405, 407, 421, 451, 301, 308), REJECTED, DESTINATION),
        ((410,), GONE, DESTINATION),
        ((408, 425, 429, 502, 503, 504, 507, 521, 599), TRANSIENT, DESTINATION),
        ((300, 302, 303, 304, 307, 399), TRANSIENT, DESTINATION),
        ((500, 501, 505), TRANSIENT, MESSAGE),
        ((0, 100, 199, 600, 999), TRANSIENT, DESTINATION),
    ],
)
def test_fault_alert_3_4_what_an_http_status_means(
    statuses: tuple[int, ...], result: AttemptResult, concern: Concern
) -> None:
    found = {(answers.of_http(each).result, answers.of_http(each).concern) for each in statuses}
    assert found == {(result, concern)}


@given(status=st.integers(-1, 2000))
def test_every_status_has_a_meaning_and_a_reason_and_only_410_is_final(status: int) -> None:
    kind = answers.of_http(status)
    assert kind.reason
    assert (kind.result is GONE) == (status == 410)
    assert (kind.result is SENT) == (200 <= status < 300)


@pytest.mark.parametrize(
    ("step", "code", "result", "concern"),
    [
        (Step.CONNECT, 421, TRANSIENT, DESTINATION),
        (Step.CONNECT, 454, TRANSIENT, DESTINATION),
        (Step.CONNECT, 554, REJECTED, DESTINATION),
        (Step.CONNECT, 535, REJECTED, DESTINATION),
        (Step.SENDER, 451, TRANSIENT, DESTINATION),
        (Step.SENDER, 550, REJECTED, DESTINATION),
        (Step.SENDER, 552, REJECTED, MESSAGE),
        (Step.RECIPIENT, 250, SENT, RECIPIENT),
        (Step.RECIPIENT, 251, SENT, RECIPIENT),
        (Step.RECIPIENT, 450, TRANSIENT, RECIPIENT),
        (Step.RECIPIENT, 452, TRANSIENT, RECIPIENT),
        (Step.RECIPIENT, 552, TRANSIENT, RECIPIENT),
        (Step.RECIPIENT, 550, REJECTED, RECIPIENT),
        (Step.RECIPIENT, 421, TRANSIENT, DESTINATION),
        (Step.RECIPIENT, 354, TRANSIENT, DESTINATION),
        (Step.TEXT, 250, SENT, MESSAGE),
        (Step.TEXT, 451, TRANSIENT, MESSAGE),
        (Step.TEXT, 552, REJECTED, MESSAGE),
        (Step.TEXT, 554, REJECTED, MESSAGE),
        (Step.TEXT, 421, TRANSIENT, DESTINATION),
        (Step.TEXT, 354, UNKNOWN, MESSAGE),
    ],
)
def test_fault_alert_1_2_what_a_mail_servers_answer_means(
    step: Step, code: int, result: AttemptResult, concern: Concern
) -> None:
    kind = answers.of_smtp(step, code)
    assert (kind.result, kind.concern) == (result, concern)


@pytest.mark.parametrize(
    ("code", "said", "result"),
    [
        (554, "5.2.2 mailbox full", TRANSIENT),
        (550, "5.2.2 User over quota", TRANSIENT),
        (550, "Requested action not taken: mailbox is full", TRANSIENT),
        (550, "4.7.1 try again later", TRANSIENT),
        (554, "Greylisted, please try again in 300 seconds", TRANSIENT),
        (550, "5.1.1 no such user", REJECTED),
        (550, "5.7.1 relay access denied for 4.2.2.2", REJECTED),
        (550, "5.2.21 is no such code", REJECTED),
        (550, "", REJECTED),
    ],
)
def test_fault_alert_1_a_refusal_that_calls_itself_temporary_is_one(
    code: int, said: str, result: AttemptResult
) -> None:
    kind = answers.of_smtp(Step.RECIPIENT, code, said)
    assert (kind.result, kind.concern) == (result, RECIPIENT)
    assert answers.of_smtp(Step.CONNECT, code, said).result is REJECTED


@given(step=st.sampled_from(Step), code=st.integers(-1, 1200))
def test_no_answer_of_a_mail_server_is_final_or_without_a_meaning(step: Step, code: int) -> None:
    kind = answers.of_smtp(step, code)
    assert kind.reason
    assert kind.result is not GONE
    assert (kind.concern is RECIPIENT) <= (step is Step.RECIPIENT)


def one(name: str, result: AttemptResult) -> RecipientOutcome:
    return RecipientOutcome(key=name, name=name, result=result, code={SENT: "250", REJECTED: "550"}.get(result, "452"))


@pytest.mark.parametrize(
    ("settled", "now", "result", "concern"),
    [
        ({}, (SENT, SENT), SENT, MESSAGE),
        ({}, (SENT, REJECTED), SENT, MESSAGE),
        ({}, (SENT, TRANSIENT), TRANSIENT, RECIPIENT),
        ({"x": SENT}, (TRANSIENT,), TRANSIENT, RECIPIENT),
        ({"x": SENT}, (REJECTED,), SENT, MESSAGE),
        ({"x": SENT}, (), SENT, MESSAGE),
        ({}, (REJECTED, REJECTED), REJECTED, DESTINATION),
        ({}, (TRANSIENT, REJECTED), TRANSIENT, DESTINATION),
        ({"x": REJECTED}, (TRANSIENT,), TRANSIENT, DESTINATION),
    ],
)
def test_fault_alert_1_6_the_answers_for_several_recipients(
    settled: dict[str, AttemptResult], now: tuple[AttemptResult, ...], result: AttemptResult, concern: Concern
) -> None:
    told = tuple(one(f"r{at}", each) for at, each in enumerate(now))
    outcome = answers.of_recipients(settled, told)
    assert (outcome.result, outcome.concern) == (result, concern)
    assert outcome.recipients == (() if concern is DESTINATION else told)


def test_a_mail_to_fifty_who_are_refused_says_so_in_little() -> None:
    told = [one("r" * 60, SENT), *(one("r" * 60, REJECTED) for _ in range(50))]
    assert len(answers.of_recipients({}, told).detail) < 1200


@pytest.mark.parametrize(
    ("status", "text", "on_slack", "elsewhere"),
    [
        (200, "ok", SENT, SENT),
        (200, '{"ok": true}', SENT, SENT),
        (200, '{"success": true}', TRANSIENT, SENT),
        (200, "", TRANSIENT, SENT),
        (204, "", TRANSIENT, SENT),
        (207, "<multistatus/>", TRANSIENT, SENT),
        (200, "<html>welcome</html>", TRANSIENT, SENT),
        (200, "[" * 9000, TRANSIENT, SENT),
        (200, '{"ok": false}', REJECTED, REJECTED),
        (200, '{"ok": false, "error": "channel_not_found"}', REJECTED, REJECTED),
        (200, '{"success": false, "error": 5}', REJECTED, REJECTED),
        (200, '{"ok": false, "error": "ratelimited"}', TRANSIENT, TRANSIENT),
        (200, '{"status": "error", "message": "no such hook"}', REJECTED, REJECTED),
        (200, '{"errors": ["no such hook"]}', REJECTED, REJECTED),
        (200, '{"success": "false"}', REJECTED, REJECTED),
        (200, '{"status": "success", "error": null, "errors": []}', TRANSIENT, SENT),
        (200, "no_service", REJECTED, REJECTED),
        (404, "no_service", REJECTED, REJECTED),
        (410, "channel_is_archived", GONE, GONE),
        (400, "invalid_payload", REJECTED, REJECTED),
        (500, "rollup_error", TRANSIENT, TRANSIENT),
        (302, "ok", TRANSIENT, TRANSIENT),
    ],
)
def test_fault_alert_8_2xx_without_an_error_is_success_where_the_host_is_not_slack(
    status: int, text: str, on_slack: AttemptResult, elsewhere: AttemptResult
) -> None:
    hosts = {"hooks.slack.com": on_slack, "hooks.slack-gov.com": on_slack, "chat.example.org": elsewhere}
    for host, result in hosts.items():
        assert answers.of_slack_webhook(status, text, host=host)[0].result is result, host


def test_a_host_that_only_looks_like_slack_is_not() -> None:
    assert answers.is_slack("Hooks.Slack.com.")
    assert not answers.is_slack("hooks.slack.com.example.org")
    assert not answers.is_slack("notslack.com")


@pytest.mark.parametrize(
    ("status", "error", "result", "concern"),
    [
        (200, "channel_not_found", REJECTED, DESTINATION),
        (200, "invalid_auth", REJECTED, DESTINATION),
        (200, "is_archived", REJECTED, DESTINATION),
        (200, "invalid_blocks", REJECTED, MESSAGE),
        (200, "something_new", REJECTED, MESSAGE),
        (200, "internal_error", TRANSIENT, DESTINATION),
        (429, "ratelimited", TRANSIENT, DESTINATION),
        (503, "channel_not_found", TRANSIENT, DESTINATION),
    ],
)
def test_what_an_error_of_slacks_api_means(status: int, error: str, result: AttemptResult, concern: Concern) -> None:
    kind, code = answers.of_slack_api(status, json.dumps({"ok": False, "error": error}))
    assert (kind.result, kind.concern, code) == (result, concern, error)
