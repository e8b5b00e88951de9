"""Slack by a bot's token: what is posted, what its answers mean, threads, and messages that stay current."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting.channels.base import Editor
from monitor.alerting.channels.registry import build, masked
from monitor.net.http import HttpClient
from monitor.store.outbox import message_edits
from monitor.store.tables.deliveries import DeliveryRow
from monitor.types.alerting import Alert, AttemptResult, Outcome
from monitor.types.errors import ConfigError
from tests.conftest import SetClock
from tests.fakes.alerts import NOW, alert
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom
from tests.polling.test_days import BRIDGE, OLD

TOKEN = "xoxb-000000000000-not-a-real-token"
CHANNEL = "C0123456789"


def settings(sink: Sink, **changes: object) -> dict[str, object]:
    return {"kind": "slackbot", "url": sink.url, "allow_private": True, "token": TOKEN, "channel": CHANNEL} | changes


def ok(ts: str = "1405894322.002768") -> str:
    return json.dumps({"ok": True, "channel": CHANNEL, "ts": ts})


def no(error: str) -> str:
    return json.dumps({"ok": False, "error": error})


def calls(table: Mapping[str, object], verb: str, *more: str, each: Alert | None = None) -> Outcome:
    async def run() -> Outcome:
        door = HttpClient()
        try:
            channel = build("newsroom", table, door)
            assert isinstance(channel, Editor)
            return await getattr(channel, verb)(each or alert(), *more, now=NOW)  # type: ignore[no-any-return]
        finally:
            await door.aclose()

    return asyncio.run(run())


def test_a_message_is_posted_to_its_channel_with_the_token_and_brings_its_receipt() -> None:
    with Sink() as sink:
        sink.answers(200, {}, ok())
        outcome = calls(settings(sink), "send")
        (post,) = sink.received
    assert (outcome.result, outcome.receipt) == (AttemptResult.SENT, "1405894322.002768")
    assert "/chat.postMessage " in post.request_line
    assert post.header("authorization") == f"Bearer {TOKEN}"
    body = post.json()
    assert body["channel"] == CHANNEL
    assert body["blocks"]
    assert "thread_ts" not in body


def test_a_reply_goes_into_its_thread_and_is_seen_in_the_channel_too() -> None:
    with Sink() as sink:
        sink.answers(200, {}, ok("2.2"))
        calls(settings(sink), "reply", "1.1")
        body = sink.received[0].json()
    assert (body["thread_ts"], body["reply_broadcast"]) == ("1.1", True)


def test_a_reply_arrives_where_its_thread_is_gone() -> None:
    with Sink() as sink:
        sink.answers(200, {}, no("thread_not_found"))
        sink.answers(200, {}, ok("2.2"))
        assert calls(settings(sink), "reply", "1.1").result is AttemptResult.SENT
        assert "thread_ts" not in sink.received[1].json()


def test_an_edit_changes_the_message_and_posts_none() -> None:
    with Sink() as sink:
        sink.answers(200, {}, no("message_not_found"))
        outcome = calls(settings(sink), "edit", "1.1")
        (post,) = sink.received
    assert (outcome.result, outcome.code) == (AttemptResult.REJECTED, "message_not_found")
    assert "/chat.update " in post.request_line
    assert (post.json()["ts"], post.json()["channel"]) == ("1.1", CHANNEL)


@pytest.mark.parametrize(
    ("status", "body", "result"),
    [
        (200, no("invalid_auth"), AttemptResult.REJECTED),
        (200, no("channel_not_found"), AttemptResult.REJECTED),
        (200, no("something_new"), AttemptResult.REJECTED),
        (200, no("internal_error"), AttemptResult.TRANSIENT),
        (429, no("ratelimited"), AttemptResult.TRANSIENT),
        (500, "", AttemptResult.TRANSIENT),
        (200, "ok", AttemptResult.TRANSIENT),
        (200, "[]", AttemptResult.TRANSIENT),
        (200, "[" * 5000, AttemptResult.TRANSIENT),
        (200, "{}", AttemptResult.TRANSIENT),
        (404, "<html>", AttemptResult.REJECTED),
        (200, json.dumps({"ok": True, "ts": ["x"]}), AttemptResult.SENT),
    ],
)
def test_only_what_slack_calls_ok_is_sent(status: int, body: str, result: AttemptResult) -> None:
    with Sink() as sink:
        sink.answers(status, {"Retry-After": "7"} if status == 429 else {}, body, times=2)
        outcome = calls(settings(sink), "send")
    assert outcome.result is result
    assert outcome.retry_after_for == (timedelta(seconds=7) if status == 429 else None)
    assert TOKEN not in f"{outcome}"


def test_malformed_blocks_are_sent_again_as_text() -> None:
    with Sink() as sink:
        sink.answers(200, {}, no("invalid_blocks"))
        sink.answers(200, {}, ok())
        assert calls(settings(sink), "send").result is AttemptResult.SENT
        assert "blocks" not in sink.received[1].json()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "secret"}, 'field "token": is no token'),
        ({"channel": "#news"}, 'field "channel": is no id'),
        ({"url": "http://slack.example/api/", "allow_private": False}, "must begin with https://"),
    ],
)
def test_faults_are_named_without_their_values(changes: dict[str, object], words: str) -> None:
    with Sink() as sink, pytest.raises(ConfigError, match=words) as fault:
        build("newsroom", settings(sink) | changes, HttpClient())
    assert "secret" not in str(fault.value)


def test_the_token_is_never_shown() -> None:
    with Sink() as sink:
        assert TOKEN not in str(masked(settings(sink)))
        assert TOKEN not in repr(build("newsroom", settings(sink), HttpClient()))


# --- with a store -----------------------------------------------------------------------------------------------------

FIRST = (
    "Marrow bridge closed to lorries",
    "https://herald.example/1-bridge",
    "g1",
    BRIDGE,
    "2021-10-20T12:05:00+00:00",
)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, store_url: str, site: Site, sink: Sink) -> Iterator[Newsroom]:
    """The herald's article was told on Slack."""
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
        for name in ("herald", "courier", "mail"):
            room.reads(name, site.url(f"/{name}"), title=name.capitalize())
            site.publishes(f"/{name}", rss(OLD))
        room.tells("slack", sink.url, kind="slackbot", token=TOKEN, channel=CHANNEL)
        room.polls()
        clock.passes(minutes=20)
        sink.answers(200, {}, ok("1.1"))
        site.publishes("/herald", rss(FIRST, OLD))
        room.polls()
        room.delivers()
        assert [each.request_line.split()[1].rpartition("/")[2] for each in sink.received] == ["chat.postMessage"]
        yield room


def copies(room: Newsroom, site: Site, *names: str, text: str = BRIDGE) -> None:
    room.clock.passes(minutes=20)
    for name in names:
        at = room.clock().isoformat()
        site.publishes(f"/{name}", rss(("Bridge shut", f"https://{name}.example/a-copy-1", name, text, at), OLD))
    room.polls()


def said(sink: Sink) -> list[tuple[str, Any]]:
    return [(each.request_line.split()[1].rpartition("/")[2], each.json()) for each in sink.received[1:]]


def test_the_message_is_edited_when_others_carry_the_story_and_left_alone_otherwise(
    room: Newsroom, site: Site, sink: Sink
) -> None:
    room.clock.passes(minutes=20)
    room.delivers()
    assert said(sink) == []
    sink.answers(200, {}, ok("1.1"), times=2)
    copies(room, site, "courier")
    room.delivers()
    ((method, body),) = said(sink)
    assert (method, body["ts"]) == ("chat.update", "1.1")
    assert "also carried by 1 outlet" in json.dumps(body).lower()
    copies(room, site, "mail")
    room.clock.passes(minutes=-17)
    room.delivers()
    assert len(said(sink)) == 1, "not again within five minutes"
    room.clock.passes(minutes=17)
    room.delivers()
    room.delivers()
    assert [method for method, _ in said(sink)] == ["chat.update"] * 2
    assert "also carried by 2 outlets" in json.dumps(said(sink)[1][1]).lower()
    assert len(room.told()) == 1


def test_an_edit_that_fails_is_tried_again_and_disturbs_no_alert(room: Newsroom, site: Site, sink: Sink) -> None:
    sink.answers(503, {}, "")
    copies(room, site, "courier")
    room.delivers()
    assert room.deliveries() == {"sent": 1}
    room.clock.passes(minutes=6)
    sink.answers(200, {}, ok("1.1"))
    room.restarts()
    room.delivers()
    assert [method for method, _ in said(sink)] == ["chat.update"] * 2
    room.clock.passes(minutes=6)
    room.delivers()
    assert len(said(sink)) == 2


def test_a_message_that_is_gone_is_not_posted_anew(room: Newsroom, site: Site, sink: Sink) -> None:
    sink.answers(200, {}, no("message_not_found"))
    copies(room, site, "courier")
    for _ in range(3):
        room.delivers()
        room.clock.passes(minutes=6)
    assert [method for method, _ in said(sink)] == ["chat.update"]
    (row,) = room.rows(DeliveryRow)
    assert (row.state, row.last_detail[:24]) == ("sent", "not edited any more: mes")


def test_a_correction_is_told_in_the_thread_of_its_story(room: Newsroom, site: Site, sink: Sink) -> None:
    sink.answers(200, {}, ok("1.1"), times=1)
    sink.answers(200, {}, ok("2.2"), times=3)
    copies(room, site, "courier", text=BRIDGE.replace("four million", "nine million").replace("eleven", "thirty"))
    room.delivers()
    posts = [body for method, body in said(sink) if method == "chat.postMessage"]
    assert [each["thread_ts"] for each in posts] == ["1.1"]
    assert "updated" in posts[0]["text"].lower()


def test_two_who_look_at_once_edit_once(room: Newsroom, site: Site) -> None:
    copies(room, site, "courier")
    where = {name: each.destination for name, each in room.app.channels.items()}
    with room.app.db.writing() as session:
        first = message_edits.outdated(session, where, now=room.clock())
    with room.app.db.writing() as session:
        assert message_edits.outdated(session, where, now=room.clock()) == []
    assert len(first) == 1


def test_a_quiet_story_is_edited_no_more(room: Newsroom, site: Site, sink: Sink) -> None:
    copies(room, site, "courier")
    room.clock.passes(hours=49)
    room.delivers()
    assert said(sink) == []
