"""Slack messages: what Slack would read in them, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.channels.registry import build, masked
from monitor.alerting.channels.slack import escaped, message, plain_message
from monitor.net.http import HttpClient
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Concern, Outcome
from monitor.types.errors import ConfigError
from monitor.types.matching import Contribution, Evidence
from tests.fakes.alerts import NOW, alert, notice, on_two_topics, trial
from tests.fakes.sink import Sink


def settings(sink: Sink, **changes: object) -> dict[str, object]:
    return {"kind": "slack", "url": sink.url, "allow_private": True, "limit_seconds": 30} | changes


def send(table: Mapping[str, object], each: Alert | None = None, *, times: int = 1) -> list[Outcome]:
    async def run() -> list[Outcome]:
        door = HttpClient()
        try:
            channel = build("newsroom", table, door)
            return [await channel.send(each or alert(), now=NOW) for _ in range(times)]
        finally:
            await door.aclose()

    return asyncio.run(run())


def texts(payload: Any) -> Iterator[tuple[str, str]]:
    """Every text object of a message: its kind and its words."""
    for block in payload.get("blocks", []):
        for each in [block.get("text"), *block.get("elements", [])]:
            if each:
                yield each["type"], each["text"]


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "result"),
    [
        ("ok", AttemptResult.SENT),
        ("ok\n", AttemptResult.SENT),
        ("no_service", AttemptResult.REJECTED),
        ('{"ok": false, "error": "channel_not_found"}', AttemptResult.REJECTED),
        ('{"success": true}', AttemptResult.SENT),
        ("<!DOCTYPE html><html><body>ok</body></html>", AttemptResult.SENT),
        ("", AttemptResult.SENT),
    ],
)
def test_fault_alert_8_what_a_server_like_slacks_takes_is_sent_unless_it_names_an_error(
    body: str, result: AttemptResult
) -> None:
    with Sink() as sink:
        sink.answers(200, {}, body)
        assert send(settings(sink))[0].result is result
        assert len(sink.received) == 1


def test_s2_too_many_requests_waits_as_asked() -> None:
    with Sink() as sink:
        sink.answers(429, {"Retry-After": "2"}, "rate_limited")
        sink.answers(
            429,
            {"Retry-After": "Fri, 04 Jul 2025 06:13:00 GMT", "Date": "Fri, 04 Jul 2025 06:12:30 GMT"},
            "rate_limited",
        )
        outcomes = send(settings(sink), times=2)
        assert [each.result for each in outcomes] == [AttemptResult.TRANSIENT] * 2
        assert [each.retry_after_for for each in outcomes] == [timedelta(seconds=2), timedelta(seconds=30)]
        assert len(sink.received) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, "action_prohibited"),
        (404, "channel_not_found"),
        (404, "no_service"),
        (410, "channel_is_archived"),
        (400, "user_not_found"),
        (403, "invalid_token"),
        (500, "no_team"),
    ],
)
def test_s3_a_lost_channel_holds_the_destination(status: int, body: str) -> None:
    with Sink() as sink:
        sink.answers(status, {}, body)
        outcome = send(settings(sink))[0]
        is_final = status == 410
        assert outcome.result is (AttemptResult.GONE if is_final else AttemptResult.REJECTED)
        assert (outcome.concern, outcome.code) == (Concern.DESTINATION, body)
        assert len(sink.received) == 1


@pytest.mark.parametrize("body", ["invalid_payload", "invalid_blocks", "msg_blocks_too_long", "something new"])
def test_s4_a_refused_message_goes_once_more_as_plain_text(body: str) -> None:
    with Sink() as sink:
        sink.answers(400, {}, body)
        sink.answers(200, {}, "ok")
        outcome = send(settings(sink))[0]
        assert outcome.result is AttemptResult.SENT
        assert body in outcome.detail
        first, second = (each.json() for each in sink.received)
        assert "blocks" in first
        assert "blocks" not in second
        assert "Harbour town votes" in second["text"]


def test_s4_refused_twice_is_the_message_not_the_destination() -> None:
    with Sink() as sink:
        sink.answers(400, {}, "invalid_payload", times=2)
        outcome = send(settings(sink))[0]
        assert (outcome.result, outcome.code) == (AttemptResult.REJECTED, "invalid_payload")
        assert len(sink.received) == 2


def test_s4_the_plain_text_may_meet_other_fates() -> None:
    with Sink() as sink:
        sink.answers(400, {}, "invalid_blocks")
        sink.answers(503)
        sink.answers(400, {}, "invalid_blocks")
        sink.resets_after_request()
        assert [each.result for each in send(settings(sink), times=2)] == [
            AttemptResult.TRANSIENT,
            AttemptResult.UNKNOWN,
        ]


@pytest.mark.parametrize(
    ("status", "result"),
    [(302, AttemptResult.TRANSIENT), (500, AttemptResult.TRANSIENT), (404, AttemptResult.REJECTED)],
)
def test_other_answers_mean_what_they_mean_everywhere(status: int, result: AttemptResult) -> None:
    with Sink() as sink:
        sink.answers(status, {}, "<html>sorry</html>")
        assert send(settings(sink))[0].result is result


def test_w10_taken_and_broken_off_is_unknown() -> None:
    with Sink() as sink:
        sink.resets_after_request()
        assert send(settings(sink))[0].result is AttemptResult.UNKNOWN


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_a_message_reads_from_top_to_bottom() -> None:
    assert [words for _, words in texts(message(alert()))] == [
        "Fish canning: Harbour town votes to reopen its cannery — The Harbour Post",
        "The Harbour Post, Thu 3 Jul 2025, 20:14 UTC",
        "Residents backed the plan by 412 to 388, the town clerk said. Work &amp; hiring start in August.",
        "Score 0.31, threshold 0.18\nWords that decided: cannery 63%, harbour town 37%\n"
        "Closest example cannery-plan.txt, likeness 0.44; "
        "key sentence: “Residents backed the plan to reopen the cannery.”",
        "Also carried by 3 outlets: Coast Radio, iNews, De Kust",
        "<https://www.example.org/news/cannery?ref=a&amp;b=1|Read it at example.org> · "
        "<http://127.0.0.1:8000/matches/3/fish-canning|Right or wrong? Confirm or dismiss>",
    ]
    assert message(alert())["text"].startswith("Fish canning: Harbour town votes")


def test_a_long_headline_is_told_in_full_below_the_header() -> None:
    title = "Council " + "and council " * 14 + "agree"
    words = [each for _, each in texts(message(alert(title=title)))]
    assert words[0].endswith("…")
    assert words[1] == title


def test_a_notice_is_a_message_too() -> None:
    assert [words for _, words in texts(message(notice()))] == [
        "Article monitor: Feed coast has been failing for 24 hours",
        "Its last answer was 403.\n\nIt is asked once a day from now on.",
        "<http://127.0.0.1:8000/feeds|Open the monitor>",
    ]


def test_a4_a_test_says_so() -> None:
    assert next(texts(message(trial())))[1] == "Test: Channel desk"
    assert plain_message(trial())["text"] == "Test: Channel desk"


def test_an_update_says_so() -> None:
    assert next(texts(message(alert(kind=AlertKind.UPDATED))))[1].startswith("Fish canning, updated: ")


def test_no_preview_of_a_strangers_page_is_fetched() -> None:
    for each in (message(alert()), plain_message(alert())):
        assert each["unfurl_links"] is each["unfurl_media"] is False


HUGE = "<&> word " * 20_000


@pytest.mark.parametrize(
    "each",
    [
        notice(title=HUGE, body=HUGE),
        alert(
            title=HUGE,
            source=HUGE,
            summary=HUGE,
            topic_title=HUGE,
            also_carried_by=(HUGE,) * 50,
            evidence=Evidence(terms=(Contribution(term=HUGE, weight=1.0),) * 50, sentence=HUGE, seed=HUGE),
            url="https://example.org/?" + "a" * 2900,
            review_url="https://example.org/?" + "a" * 1200,
        ),
    ],
)
def test_s5_the_largest_alert_stays_within_slacks_limits(each: Alert) -> None:
    payload = message(each)
    assert 0 < len(payload["blocks"]) <= 50
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) < 13_000
    assert len(payload["text"]) <= 13_000
    for block in payload["blocks"]:
        limit = 150 if block["type"] == "header" else 3000
        for _, words in texts({"blocks": [block]}):
            assert 0 < len(words) <= limit
            assert_escaped(words)


@pytest.mark.parametrize("length", [1200, 1301, 1500, 1990, 2500, 2900, 2970, 3000, 5000, 8100])
@pytest.mark.parametrize("rest", ["a", "%D0%B6", "&x=1"])
def test_fault_alert_15_a_long_address_is_a_link_all_the_same(length: int, rest: str) -> None:
    url = "https://example.org/?" + rest * ((length - 21) // len(rest))
    payload = message(alert(url=url, review_url="https://monitor.example.org/" + "r" * 1400))
    assert "Confirm or dismiss" in str(payload["blocks"])
    written = url.replace("&", "&amp;")
    in_blocks = f"<{written}|Read it at example.org>" in str(payload["blocks"])
    attached = payload.get("attachments", [])
    assert in_blocks is (len(written) + 25 <= 3000)
    assert [each["title_link"] for each in attached] == ([] if in_blocks else [url])
    assert all(len(each["text"]["text"]) <= 3000 for each in payload["blocks"] if "text" in each)
    assert plain_message(alert(url=url))["text"].endswith(written)


def assert_escaped(words: str) -> None:
    """No `<`, `>` or loose `&`: nothing for Slack to read, and no entity cut in two."""
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", re.sub(r"<https?://[^<>|]+\|[^<>|]+>", "", words))


S6 = "<!channel> <!here> <@U123> <http://evil.example|bank.example> & *x* ~y~ `z` | :tada:"


def test_s6_a_title_cannot_mention_format_or_disguise() -> None:
    evidence = Evidence(terms=(Contribution(term=S6, weight=0.1),), sentence=S6, seed=S6)
    payload = message(alert(title=S6, source=S6, summary=S6, topic_title=S6, evidence=evidence, also_carried_by=(S6,)))
    for kind, words in texts(payload):
        assert_escaped(words)
        if kind == "mrkdwn":
            assert "channel" not in words
            assert re.fullmatch(
                r"<https://www\.example\.org/[^|>]*\|Read it at example\.org> · <http://[^|>]*\|[^|>]*>", words
            )
    assert_escaped(payload["text"])
    assert payload["mrkdwn"] is False
    assert all(each["text"].get("emoji") is False for each in payload["blocks"] if each["type"] == "header")


@pytest.mark.parametrize(
    "url", ["https://evil.example/a|bank.example", "https://evil.example/>x", "https://e.example/?a=1&b=<2>"]
)
def test_s6_an_address_cannot_end_its_link(url: str) -> None:
    links = [words for kind, words in texts(message(alert(url=url, review_url=""))) if kind == "mrkdwn"]
    assert re.fullmatch(r"<https://[^|<>]+\|Read it at [a-z.]+>", links[0])


@pytest.mark.parametrize("url", ["javascript:alert(1)", "", "https://a@b.example/"])
def test_s6_what_is_no_web_address_is_no_link(url: str) -> None:
    assert [kind for kind, _ in texts(message(alert(url=url, review_url="")))].count("mrkdwn") == 0


@given(st.text(), st.integers(min_value=10, max_value=200))
def test_s6_escaping_fits_and_holds(words: str, limit: int) -> None:
    done = escaped(words, limit)
    assert len(done) <= limit
    assert_escaped(done)


@given(st.text(max_size=300), st.text(max_size=300))
def test_anything_is_a_message(one: str, two: str) -> None:
    for each in (
        alert(title=one, url=two, source=two, summary=one, also_carried_by=(one, two)),
        notice(title=one, body=two, review_url=two),
    ):
        json.dumps(message(each), allow_nan=False).encode()
        shown = [words for _, words in texts(message(each))]
        assert shown
        assert all(shown)
        for words in shown:
            assert_escaped(words)


# --- secrets and settings ---------------------------------------------------------------------------------------------

PLANTED = "T0PLANTED/B0PLANTED/xoxSecretPlanted"


def test_u16_no_secret_in_any_outcome(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Sink() as sink:
        url = sink.url.replace("/hook", f"/services/{PLANTED}")
        table = settings(sink, url=url)
        for status in (200, 302, 400, 400, 404, 429, 500):
            sink.answers(
                status, {"Location": url}, f"no such hook {url} {url.replace('/', chr(92) + '/')} {PLANTED.upper()}"
            )
        sink.resets_after_request()
        outcomes = send(table, times=8)
        sink.never_answers()
        outcomes += send(table | {"limit_seconds": 1})
        sink.goes_down()
        outcomes += send(table)
        channel = build("newsroom", table, HttpClient())
    said = " ".join(
        [*map(repr, outcomes), repr(channel), channel.shown, channel.destination, str(masked(table)), caplog.text]
    )
    for piece in PLANTED.split("/"):
        assert piece.lower() not in said.lower()


def test_a_slack_address_is_shown_by_its_host() -> None:
    table = {"kind": "slack", "url": "https://hooks.slack.com/services/T0/B0/xyz"}
    assert build("newsroom", table, HttpClient()).shown == "https://hooks.slack.com/…"
    assert masked(table)["url"] == "https://hooks.slack.com/…"


@pytest.mark.parametrize("url", ["http://hooks.slack.com/services/T0/B0/xyz", "hooks.slack.com/services/T0/B0/xyz", ""])
def test_a_wrong_address_is_a_fault_that_does_not_repeat_it(url: str) -> None:
    with pytest.raises(ConfigError, match='channel "newsroom", field "url"') as caught:
        build("newsroom", {"kind": "slack", "url": url}, HttpClient())
    assert "xyz" not in str(caught.value)


def test_a_story_that_grows_says_so_above_all_else() -> None:
    blocks = message(alert(kind=AlertKind.ESCALATED, body="now 6 independent outlets"))["blocks"]
    assert blocks[0]["text"]["text"].startswith("Fish canning, growing: ")
    assert blocks[1]["text"]["text"] == "Growing since you were told: now 6 independent outlets"


def test_a_message_on_two_topics_names_both() -> None:
    blocks = message(on_two_topics())["blocks"]
    assert blocks[0]["text"]["text"].startswith("Fish canning, Harbours: ")
    said = [element["text"] for block in blocks if block["type"] == "context" for element in block["elements"]]
    assert any("Fish canning: score 0.31" in each and "Harbours: score 0.20" in each for each in said)
