"""Webhooks against a receiver that misbehaves, through the real door; and the settings all channels share."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.alerting.channels import registry
from monitor.alerting.channels.base import excerpt
from monitor.alerting.channels.registry import build, masked
from monitor.alerting.channels.webhook import body_of, headers_of, payload
from monitor.config.settings import FetchSettings, Settings
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpClient
from monitor.service.app import App
from monitor.text.secrets import Secrets
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome
from monitor.types.errors import ConfigError
from monitor.types.matching import Contribution, Evidence
from tests.fakes.alerts import ID, NOW, alert, notice, on_two_topics, trial
from tests.fakes.certificates import GOOD, for_a_reader, for_a_site
from tests.fakes.patience import PATIENCE
from tests.fakes.sink import Sink
from tests.fakes.site import Site

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_KEY = "whsec_" + base64.b64encode(b"n" * 32).decode()
VECTOR = ("msg_p5jXN8AQM9LWM0D4loKWxJek", '{"test": 2432232314}', datetime.fromtimestamp(1614265330, UTC))


def settings(sink: Sink, **changes: object) -> dict[str, object]:
    return {"kind": "webhook", "url": sink.url, "allow_private": True, "secrets": [KEY], "limit_seconds": 30} | changes


def send(
    table: Mapping[str, object], each: Alert | None = None, *, now: datetime = NOW, times: int = 1
) -> list[Outcome]:
    """What `times` tries in a row come to."""

    async def run() -> list[Outcome]:
        door = HttpClient()
        try:
            channel = build("desk", table, door)
            return [await channel.send(each or alert(), now=now) for _ in range(times)]
        finally:
            await door.aclose()

    return asyncio.run(run())


def verified(sink: Sink, key: str = KEY, at: int = 0) -> Any:
    """The body as the official library reads it; WebhookVerificationError where it does not believe it."""
    received = sink.received[at]
    return Webhook(key).verify(received.body, received.headers)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_w1_the_signature_is_the_one_of_the_standard() -> None:
    id, body, at = VECTOR
    headers = headers_of(id, body, (KEY,), now=at)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert headers["webhook-timestamp"] == "1614265330"


def test_w1_the_official_library_believes_it_and_no_other_byte() -> None:
    with Sink() as sink:
        send(settings(sink), now=datetime.now(UTC))
        assert verified(sink)["data"]["id"] == ID
        forged = sink.received[0].body.replace(b"412", b"413")
        with pytest.raises(WebhookVerificationError):
            Webhook(KEY).verify(forged, sink.received[0].headers)


def test_w1_an_old_try_is_refused_so_each_try_is_signed_anew() -> None:
    with Sink() as sink:
        send(settings(sink), now=datetime.now(UTC) - timedelta(minutes=6))
        send(settings(sink), now=datetime.now(UTC))
        with pytest.raises(WebhookVerificationError, match="too old"):
            verified(sink)
        assert verified(sink, at=1)["type"] == "alert.new"
        first, second = sink.received
        assert first.header("webhook-id") == second.header("webhook-id") == ID
        assert first.header("webhook-timestamp") != second.header("webhook-timestamp")
        assert first.header("webhook-signature") != second.header("webhook-signature")
        assert first.body == second.body


def test_w1_the_time_is_utc_wherever_it_comes_from() -> None:
    id, body, at = VECTOR
    elsewhere = at.astimezone(datetime.fromisoformat("2021-02-25T00:00:00+05:30").tzinfo)
    assert headers_of(id, body, (KEY,), now=elsewhere) == headers_of(id, body, (KEY,), now=at)


NASTY = 'Ж \u2028 \u2029 </script> \ud800 \x00 "quoted" \\ é 🚒'


def test_w2_the_bytes_sent_are_the_bytes_signed() -> None:
    evil = alert(
        title=NASTY,
        score=math.nan,
        threshold=math.inf,
        evidence=Evidence(terms=(Contribution(term=NASTY, weight=0.1 + 0.2),), sentence=NASTY),
    )
    with Sink() as sink:
        assert send(settings(sink), evil, now=datetime.now(UTC))[0].result is AttemptResult.SENT
        data = verified(sink)["data"]
        assert sink.received[0].header("content-length") == str(len(sink.received[0].body))
        assert b"NaN" not in sink.received[0].body
        assert b"Infinity" not in sink.received[0].body
    assert "Ж" in data["article"]["title"]
    assert "</script>" in data["article"]["title"]
    assert "\x00" not in data["article"]["title"]
    assert data["match"]["score"] is None
    assert data["match"]["threshold"] is None
    assert data["match"]["terms"][0]["weight"] == 0.3


@given(st.text(), st.floats(), st.lists(st.text()))
def test_w2_any_alert_is_strict_json(words: str, number: float, others: list[str]) -> None:
    evidence = Evidence(terms=(Contribution(term=words, weight=number),), seed=words, seed_similarity=number)
    body = body_of(
        alert(title=words, score=number, probability=number, evidence=evidence, also_carried_by=tuple(others))
    )

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(body.encode(), parse_constant=refuse)


def test_the_schema_holds_still() -> None:
    """Receivers are built on it (README.md beside the code): fields are added, never renamed or removed."""
    match = {
        "score": 0.312,
        "threshold": 0.18,
        "probability": None,
        "precision": None,
        "terms": [
            {"term": "cannery", "weight": 0.12},
            {"term": "harbour town", "weight": 0.07},
            {"term": "(other terms)", "weight": 0.122},
        ],
        "parts": [],
        "sentence": "Residents backed the plan to reopen the cannery.",
        "seed": "cannery-plan.txt",
        "seed_similarity": 0.44,
        "across": None,
    }
    assert json.loads(body_of(alert())) == {
        "schema": 2,
        "type": "alert.new",
        "timestamp": "2025-07-04T06:12:00Z",
        "data": {
            "id": ID,
            "title": "Harbour town votes to reopen its cannery",
            "body": "",
            "topic": {"name": "fish-canning", "title": "Fish canning"},
            "topics": [{"name": "fish-canning", "title": "Fish canning", "match": match}],
            "story_id": 7,
            "article": {
                "id": 3,
                "title": "Harbour town votes to reopen its cannery",
                "url": "https://www.example.org/news/cannery?ref=a&b=1",
                "source": "The Harbour Post",
                "feed": None,
                "wire": None,
                "language": "en",
                "published_at": "2025-07-03T20:14:00Z",
                "seen_at": "2025-07-04T06:11:00Z",
                "summary": "Residents backed the plan by 412 to 388, the town clerk said. Work & hiring start in August.",
            },
            "match": match,
            "also_carried_by": ["Coast Radio", "iNews", "De Kust"],
            "independent_sources": None,
            "reason": "matched, and its story was new: alerted",
            "review_url": "http://127.0.0.1:8000/matches/3/fish-canning",
        },
    }


def test_a_score_by_meaning_tells_its_parts() -> None:
    parts = (Contribution(term="your sentence", weight=0.21), Contribution(term="words", weight=-0.02))
    data = json.loads(body_of(alert(evidence=Evidence(parts=parts))))["data"]
    told = [{"part": "your sentence", "weight": 0.21}, {"part": "words", "weight": -0.02}]
    assert data["match"]["parts"] == data["topics"][0]["match"]["parts"] == told


def test_every_topic_of_an_alert_has_its_own_match_and_the_old_fields_are_those_of_the_strongest() -> None:
    data = json.loads(body_of(on_two_topics()))["data"]
    assert [each["name"] for each in data["topics"]] == ["fish-canning", "harbours"]
    assert [each["match"]["score"] for each in data["topics"]] == [0.312, 0.2]
    assert (data["topic"]["name"], data["match"]) == ("fish-canning", data["topics"][0]["match"])
    assert json.loads(body_of(notice()))["data"]["topics"] == []


def test_a_notice_has_no_article() -> None:
    data = payload(notice())["data"]
    assert isinstance(data, dict)
    assert payload(notice())["type"] == "notice"
    assert data["article"] is data["match"] is data["topic"] is None
    assert data["body"] == "Its last answer was 403.\n\nIt is asked once a day from now on."


def test_an_update_is_a_type_of_its_own() -> None:
    assert payload(alert(kind=AlertKind.UPDATED))["type"] == "alert.updated"


def test_a4_a_test_goes_the_same_way_and_says_so() -> None:
    with Sink() as sink:
        assert send(settings(sink), trial(), now=datetime.now(UTC))[0].result is AttemptResult.SENT
        assert verified(sink)["type"] == "test"


def test_w16_during_a_rotation_both_signatures_are_sent() -> None:
    with Sink() as sink:
        send(settings(sink, secrets=[NEW_KEY, KEY]), now=datetime.now(UTC))
        assert verified(sink, KEY) == verified(sink, NEW_KEY)
        send(settings(sink, secrets=[NEW_KEY]), now=datetime.now(UTC))
        with pytest.raises(WebhookVerificationError):
            verified(sink, KEY, at=1)


def test_without_a_secret_nothing_is_signed() -> None:
    with Sink() as sink:
        assert send(settings(sink, secrets=[]))[0].result is AttemptResult.SENT
        assert sink.received[0].header("webhook-signature") is None
        assert sink.received[0].header("webhook-id") == ID


def test_headers_of_the_operators_own_are_sent() -> None:
    with Sink() as sink:
        send(settings(sink, headers={"Authorization": "Bearer abc", "X-Operator": "news"}))
        assert sink.received[0].header("authorization") == "Bearer abc"
        assert sink.received[0].header("x-operator") == "news"


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
def test_w3_success_is_sent_once(status: int) -> None:
    with Sink() as sink:
        sink.answers(status)
        outcome = send(settings(sink))[0]
        assert (outcome.result, outcome.code, outcome.detail) == (AttemptResult.SENT, str(status), "")
        assert len(sink.received) == 1


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (301, AttemptResult.REJECTED),
        (308, AttemptResult.REJECTED),
        (302, AttemptResult.TRANSIENT),
        (307, AttemptResult.TRANSIENT),
        (303, AttemptResult.TRANSIENT),
    ],
)
def test_w4_a_redirect_is_a_failure_and_not_followed(status: int, result: AttemptResult) -> None:
    with Sink() as sink, Sink() as elsewhere:
        sink.answers(status, {"Location": elsewhere.url + "?key=hidden"})
        outcome = send(settings(sink))[0]
        assert outcome.result is result
        assert outcome.detail == "answers with a redirect to 127.0.0.1: update the URL"
        assert elsewhere.connections == 0


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (400, AttemptResult.REJECTED),
        (413, AttemptResult.REJECTED),
        (422, AttemptResult.REJECTED),
        (401, AttemptResult.REJECTED),
        (403, AttemptResult.REJECTED),
        (404, AttemptResult.REJECTED),
        (405, AttemptResult.REJECTED),
        (408, AttemptResult.TRANSIENT),
        (425, AttemptResult.TRANSIENT),
        (429, AttemptResult.TRANSIENT),
        (500, AttemptResult.TRANSIENT),
        (503, AttemptResult.TRANSIENT),
        (999, AttemptResult.TRANSIENT),
    ],
)
def test_w5_each_status_has_its_class(status: int, result: AttemptResult) -> None:
    with Sink() as sink:
        sink.answers(status, {"Content-Type": "text/html"}, "<h1>Sorry</h1> not\r\n\x1b[31mtoday")
        outcome = send(settings(sink))[0]
        assert (outcome.result, outcome.code) == (result, str(status))
        assert outcome.detail == "Sorry not [31mtoday"


def test_w5_the_excerpt_is_at_most_2_kb() -> None:
    with Sink() as sink:
        sink.answers(400, {}, "Ж" * 50_000)
        assert 2000 < len(send(settings(sink))[0].detail.encode()) <= 2048


def test_w6_410_means_the_destination_is_gone() -> None:
    with Sink() as sink:
        sink.answers(410)
        assert send(settings(sink))[0].result is AttemptResult.GONE


def test_fault_alert_4_a_receiver_that_tells_the_reset_of_its_limit_is_left_alone_until_then() -> None:
    with Sink() as sink:
        sink.answers(429, {"X-RateLimit-Reset": "120"})
        assert send(settings(sink))[0].retry_after_for == timedelta(seconds=120)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", timedelta(seconds=7)),
        ("Fri, 04 Jul 2025 06:13:00 GMT", timedelta(minutes=1)),
        ("99999999999999999999", timedelta(hours=24)),
        ("-5", None),
        ("soon", None),
        ("Wed, 01 Jan 2020 00:00:00 GMT", None),
    ],
)
def test_w7_retry_after_is_understood(header: str, expected: timedelta | None) -> None:
    with Sink() as sink:
        sink.answers(429, {"Retry-After": header, "Date": "Fri, 04 Jul 2025 06:12:00 GMT"})
        assert send(settings(sink))[0].retry_after_for == expected


def test_w8_three_failures_then_success_is_one_id() -> None:
    with Sink() as sink:
        sink.answers(500, times=3)
        outcomes = send(settings(sink), times=4)
        assert [each.result for each in outcomes] == [AttemptResult.TRANSIENT] * 3 + [AttemptResult.SENT]
        assert sink.ids == [ID] * 4


def unanswered(sink: Sink) -> Outcome:
    """A try that is not answered in time, with as little time as this machine needs to send it whole."""
    for limit in (1, 5, 30):
        outcome = send(settings(sink, limit_seconds=limit))[0]
        if outcome.result is not AttemptResult.TRANSIENT:
            break
    return outcome


def test_w9_a_receiver_that_never_answers_costs_the_limit_and_no_more() -> None:
    with Sink() as sink:
        sink.never_answers(times=None)
        assert unanswered(sink).result is AttemptResult.UNKNOWN
        sink.answers(200, times=None)
        assert send(settings(sink))[0].result is AttemptResult.SENT
        assert set(sink.ids) == {ID}


def test_w9_a_late_answer_is_no_answer() -> None:
    with Sink() as sink:
        sink.answers_after(PATIENCE, times=None)
        assert unanswered(sink).code == "no answer"


def test_w9_a_dripping_answer_ends_at_the_limit() -> None:
    with Sink() as sink:
        sink.drips(times=None)
        assert unanswered(sink).result is AttemptResult.UNKNOWN


def test_w9_an_endless_answer_is_cut() -> None:
    with Sink() as sink:
        sink.sends_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n" + b"x" * 100_000, repeat=3)
        outcome = send(settings(sink))[0]
        assert outcome.result is AttemptResult.SENT
        assert len(outcome.detail.encode()) <= 2048


def test_w9_a_bomb_for_an_answer_does_no_harm() -> None:
    with Sink() as sink:
        sink.answers(500, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 20_000_000))
        outcome = send(settings(sink))[0]
        assert outcome.code == "500"
        assert len(outcome.detail.encode()) <= 2048


@pytest.mark.parametrize("how", ["resets_after_request", "closes_after_request"])
def test_w10_taken_and_broken_off_is_unknown(how: str) -> None:
    with Sink() as sink:
        getattr(sink, how)()
        outcomes = send(settings(sink), times=2)
        assert [each.result for each in outcomes] == [AttemptResult.UNKNOWN, AttemptResult.SENT]
        assert sink.ids == [ID, ID]


def test_w11_down_then_up() -> None:
    with Sink() as sink:
        sink.goes_down()
        down = send(settings(sink))[0]
        sink.comes_back()
        assert (down.result, down.code) == (AttemptResult.TRANSIENT, "connect")
        assert send(settings(sink))[0].result is AttemptResult.SENT


def test_w17_an_inside_address_is_refused_before_any_connection() -> None:
    with Sink() as sink:
        inside = {"kind": "webhook", "url": sink.url.replace("http:", "https:")}
        outcome = send(inside)[0]
        assert (outcome.result, outcome.code) == (AttemptResult.REJECTED, "refused")
        assert sink.connections == 0


def test_r10_what_feeds_may_call_is_not_what_channels_may_call() -> None:
    """What is opened wide for feeds does not open for a webhook."""

    async def run(table: Mapping[str, object]) -> Outcome:
        app = App(Settings(fetch=FetchSettings(allow_networks=PRIVATE_NETWORKS)))
        try:
            return await build("desk", table, app.client).send(alert(), now=NOW)
        finally:
            await app.client.aclose()

    with Sink() as sink:
        assert asyncio.run(run({"kind": "webhook", "url": sink.url.replace("http:", "https:")})).code == "refused"
        assert sink.connections == 0


# --- secrets ----------------------------------------------------------------------------------------------------------

TOKEN = "tok3n-S3CRET-planted"
BEARER = "bearer-S3CRET-planted"


def test_networks_allowed_for_delivery_are_open_to_a_channel_that_allows_none_itself(tmp_path: Path) -> None:
    """`delivery.allow_networks`: what a page adds has no `allow_private`, and nothing else opens a network of one's own to it."""

    async def run(url: str, *allowed: str) -> Outcome:
        policy = AddressPolicy(tuple(map(ip_network, allowed)))
        door = HttpClient(policy=policy, tls=for_a_reader(GOOD))
        try:
            return await build("desk", {"kind": "webhook", "url": url}, door).send(alert(), now=NOW)
        finally:
            await door.aclose()

    with Site(tls=for_a_site(GOOD, tmp_path)) as site:
        site.answers("/hook", 200)
        assert asyncio.run(run(site.url("/hook"))).code == "refused"
        assert asyncio.run(run(site.url("/hook"), "10.0.0.0/8")).code == "refused"
        assert site.connections == 0
        assert asyncio.run(run(site.url("/hook"), "127.0.0.0/8")).code == "200"
        assert len(site.asked_for("/hook")) == 1


def test_u16_no_secret_in_any_outcome(caplog: pytest.LogCaptureFixture) -> None:
    """The far side echoes all it knows, in every way it can fail; Alertmanager's AssertNotifyLeaksNoSecret."""
    caplog.set_level(logging.DEBUG)
    with Sink() as sink:
        url = f"{sink.url}/{TOKEN}?key={TOKEN}%2Fx&b={TOKEN}"
        table = settings(sink, url=url, headers={"Authorization": f"Bearer {BEARER}"})
        echo = f"no {url} no {TOKEN.upper()} {BEARER} {KEY} {KEY.removeprefix('whsec_')} " + url.replace("/", "\\/")
        for status in (200, 301, 400, 404, 429, 500):
            sink.answers(
                status, {"Location": url, "Content-Type": "text/html" if status == 500 else "text/plain"}, echo
            )
        sink.answers(400, {}, "x" * 2040 + TOKEN)  # a secret across the cut
        sink.resets_after_request()
        sink.sends_raw(b"nonsense " + echo.encode())
        outcomes = send(table, times=9)
        sink.never_answers()
        outcomes += send(table | {"limit_seconds": 1})
        sink.goes_down()
        outcomes += send(table) + send(table | {"allow_private": False, "url": url.replace("http:", "https:")})
        channel = build("desk", table, HttpClient())
    said = " ".join(
        [*map(repr, outcomes), repr(channel), channel.shown, channel.destination, str(masked(table)), caplog.text]
    )
    for secret in (TOKEN, "tok3n", BEARER, KEY, KEY.removeprefix("whsec_")):
        assert secret.lower() not in said.lower()
    assert "no http" not in said
    assert channel.shown == f"http://127.0.0.1:{sink.port}/…"


def test_u16_masked_settings_keep_what_is_no_secret() -> None:
    table = {
        "kind": "webhook",
        "url": "https://example.org:8443/hook?token=1",
        "secrets": [KEY],
        "headers": {"X-Key": "abc"},
        "limit_seconds": 5,
        "tokn": "https://example.org/a-typo",
    }
    assert masked(table) == {
        "kind": "webhook",
        "url": "https://example.org:8443/…",
        "secrets": ["…"],
        "headers": {"X-Key": "…"},
        "limit_seconds": 5,
        "tokn": "https://example.org/…",
    }
    assert masked({"kind": "pigeon", "loft": "abc"}) == {"kind": "pigeon", "loft": "…"}


@given(st.text(min_size=1), st.text(), st.text())
def test_u16_an_excerpt_never_holds_a_secret(secret: str, before: str, after: str) -> None:
    if secret not in "…":
        assert secret not in excerpt(before + secret + after, Secrets(secret))


def test_the_destination_changes_with_the_url_alone() -> None:
    def destination(**changes: object) -> str:
        return build("desk", {"kind": "webhook", "url": "https://example.org/a"} | changes, HttpClient()).destination

    assert destination() == destination(secrets=[KEY], limit_seconds=9)
    assert destination() != destination(url="https://example.org/b")
    assert "example" not in destination()


# --- settings ---------------------------------------------------------------------------------------------------------


def faults(name: str = "desk", **table: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        build(name, table, HttpClient())
    assert caught.value.__context__ is None  # pydantic's error holds the values
    return caught.value.faults


def test_every_fault_is_named_at_once_with_its_mend() -> None:
    found = faults("my desk!", kind="webhook", urll="x", secrets=["short"], headers={"Host": "x"}, limit_seconds=99)
    assert found == (
        'channel "my desk!": name it with up to 40 letters, digits, - and _',
        'channel "my desk!", field "url": is missing; give the address that takes the posts: url = "https://…"',
        'channel "my desk!", field "limit_seconds": should be less than or equal to 30; '
        "the whole attempt takes 1 to 30 seconds at most",
        'channel "my desk!", field "secrets": holds one that is no Standard Webhooks secret; '
        'secrets = ["whsec_…"], newest first: 24 to 64 random bytes in base64',
        'channel "my desk!", field "headers": sets Host, which is ours; headers = { "Authorization" = "Bearer …" }',
        'channel "my desk!", field "urll": is unknown; did you mean "url"?',
    )


@pytest.mark.parametrize("kind", [None, "pigeon", 7])
def test_an_unknown_kind_is_a_fault(kind: object) -> None:
    assert faults(kind=kind) == ('channel "desk", field "kind": must be one of webhook, slack, slackbot, email',)


@pytest.mark.parametrize(
    "url",
    [
        "example.org/hook",
        "ftp://example.org/",
        "http://example.org/hook",
        "https://user:S3CRETpw@example.org/",
        "https://example.org\\@inside/",
        "https:///hook",
        "https://example.org:99999/",
        "",
        7,
    ],
)
def test_a_url_that_cannot_be_posted_to_is_a_fault(url: object) -> None:
    (fault,) = faults(kind="webhook", url=url)
    assert fault.startswith('channel "desk", field "url": ')
    assert "; " in fault
    assert "S3CRET" not in fault


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "b\r\nX-B: c"}, {"X A": "b"}, {"": "b"}, {"Webhook-Id": "1"}, {"Content-Length": "0"}, {"X": "é"}],
)
def test_headers_that_would_break_the_request_are_faults(headers: dict[str, str]) -> None:
    (fault,) = faults(kind="webhook", url="https://example.org/", headers=headers)
    assert 'field "headers"' in fault


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!!", "whsec_" + "A" * 20, "whsec_" + "A" * 200, "password"])
def test_a_secret_too_weak_or_broken_is_a_fault(secret: str) -> None:
    (fault,) = faults(kind="webhook", url="https://example.org/", secrets=[secret])
    assert secret not in fault.removeprefix('channel "desk", field "secrets"').replace("whsec_…", "")


def test_every_setting_has_its_sentence() -> None:
    described = (Path(registry.__file__).parent / "README.md").read_text()
    for kind in registry.KINDS.values():
        for name, each in kind.model_fields.items():
            assert f"`{each.alias or name}`" in described


def test_values_from_the_environment_are_strings() -> None:
    with Sink() as sink:
        table = settings(sink, secrets=f"{NEW_KEY} {KEY}", allow_private="true", limit_seconds="5")
        send(table, now=datetime.now(UTC))
        assert verified(sink, KEY)
        assert verified(sink, NEW_KEY)


def test_a_story_that_grows_has_a_type_of_its_own() -> None:
    sent = json.loads(body_of(alert(kind=AlertKind.ESCALATED, body="now 6 independent outlets", independent_sources=6)))
    assert sent["type"] == "alert.escalated"
    assert (sent["data"]["body"], sent["data"]["independent_sources"]) == ("now 6 independent outlets", 6)
