"""`poll`, `deliver`, `feeds`, `alerts`: rounds by hand against a real site and a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlmodel import select

from monitor.alerting import summaries
from monitor.store import alerts, channels
from monitor.store.db import Database
from monitor.store.files import StoreLock
from monitor.store.tables.deliveries import DeliveryRow
from monitor.types.errors import StoreFullError
from tests.fakes.alerts import alert as an_alert
from tests.fakes.alerts import notice
from tests.fakes.command import HIT, MISS, Operator, desk, run
from tests.fakes.sink import MailSink, Sink
from tests.fakes.site import Site, rss

__all__ = ["desk"]
FEED = rss(
    (HIT[0], "https://news.example/bridge", "g1", HIT[1]), (MISS[0], "https://news.example/choir", "g2", MISS[1])
)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.publishes("/feed", FEED)
        yield site


# --- poll -------------------------------------------------------------------------------------------------------------


def test_a_round_polls_what_is_due_and_says_what_came_of_it(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    said = desk.run("poll", "--json")
    assert said.exit_code == 0, said
    (line,) = said.lines
    assert line == {
        "feed": "herald", "status": "ok", "entries": 2, "fresh": 2, "matches": 1, "alerts": 1, "error": None,
    }  # fmt: skip
    assert "no feed is due" in desk.run("poll").stdout
    assert len(site.requests) == 1


def test_a_named_feed_is_polled_due_or_not(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.run("poll")
    said = desk.run("poll", "herald", "--json")
    assert said.lines[0]["status"] == "not modified"
    assert len(site.requests) == 2


def test_an_unknown_feed_is_3_and_nothing_is_polled(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    said = desk.run("poll", "herald", "heralt")
    assert said.exit_code == 3
    assert 'did you mean "herald"?' in said.stderr
    assert not site.requests


def test_one_broken_feed_ends_with_1_and_the_others_are_polled(desk: Operator, site: Site) -> None:
    site.answers("/broken", 500)
    desk.reads("herald", site.url("/feed"))
    desk.reads("broken", site.url("/broken"))
    said = desk.run("poll", "--json")
    assert said.exit_code == 1
    assert {each["feed"]: each["status"] for each in said.lines} == {"broken": "500", "herald": "ok"}
    table = desk.run("feeds").stdout
    assert "failing (1)" in table


def test_d1_a_round_on_a_full_disk_is_1_and_says_so(
    desk: Operator, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_full(*_: object, **__: object) -> None:
        raise StoreFullError("the disk of the store is full")

    desk.reads("herald", site.url("/feed"))
    monkeypatch.setattr("monitor.store.feeds.feed_leases.settle", is_full)
    said = desk.run("poll")
    assert said.exit_code == 1
    assert "is full" in said.stderr
    monkeypatch.undo()
    assert desk.run("poll", "herald", "--json").lines[0]["fresh"] == 2


def test_k6_beside_the_daemon_a_round_is_refused(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.store.parent.mkdir()
    lock = StoreLock(desk.store)
    lock.acquire()
    try:
        for command, says in (
            ("poll", "polls by itself"),
            ("deliver", "delivers by itself"),
            ("run", "another daemon"),
        ):
            said = desk.run(command)
            assert said.exit_code == 4, said
            assert says in said.stderr
        assert desk.run("migrate").exit_code == 4
    finally:
        lock.release()
    desk.run("poll")
    lock.acquire()
    try:
        other = desk.folder / "other.toml"
        other.write_text(f'[store]\nurl = "sqlite:///{desk.store}"\n[feeds.post]\nurl = "{site.url("/post")}"\n')
        said = run("--config", other, "poll")
        assert said.exit_code == 4
        assert "not in force: feed post; on, but not in these settings: feed herald" in said.stderr
    finally:
        lock.release()


# --- deliver and alerts -----------------------------------------------------------------------------------------------


def test_deliver_sends_what_is_due(desk: Operator, site: Site, sink: Sink) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    polled = desk.run("poll")
    assert "1 alerts wait" in polled.stderr
    said = desk.run("deliver", "--json")
    assert said.exit_code == 0
    assert said.json["tries"] == [{"channel": "desk", "sent": 1, "failed": 0}]
    assert said.json["outbox"]["sent"] == 1
    assert "nothing is due" in desk.run("deliver").stdout
    assert len(sink.received) == 1


def test_a_refused_delivery_is_1_and_can_be_sent_again(desk: Operator, site: Site, sink: Sink) -> None:
    sink.answers(404)
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.run("poll")
    assert desk.run("deliver").exit_code == 1
    (alert,) = desk.run("alerts", "list", "--state", "pending", "--json").lines
    assert alert["deliveries"][0]["tries"][0]["code"] == "404"
    shown = desk.run("alerts", "show", alert["id"][:12]).stdout
    assert "desk: pending" in shown
    assert "attempt 1" in shown
    assert "404" in shown
    said = desk.run("alerts", "retry", alert["id"], "--channel", "desk")
    assert said.exit_code == 0
    assert said.stdout.startswith("1 delivery is due again on desk")
    assert desk.run("deliver").exit_code == 0
    assert sink.ids == [alert["id"]] * 2
    assert desk.run("alerts", "list", "--topic", "bridge", "--json").lines[0]["deliveries"][0]["state"] == "sent"
    assert "0 deliveries" in desk.run("alerts", "retry").stdout


def test_fault_alert_13_what_was_sent_can_be_sent_again_and_what_waits_dropped(
    desk: Operator, site: Site, sink: Sink
) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.run("poll")
    desk.run("deliver")
    (alert,) = desk.run("alerts", "list", "--json").lines
    assert "0 deliveries" in desk.run("alerts", "retry", alert["id"]).stdout
    assert "due again on desk" in desk.run("alerts", "resend", alert["id"]).stdout
    assert desk.run("alerts", "drop").exit_code == 2, "nothing is dropped without a choice"
    assert "0 deliveries" in desk.run("alerts", "drop", "--channel", "desk", "--older-than", "2d").stdout
    desk.run("deliver")
    assert sink.ids == [alert["id"]] * 2
    desk.run("alerts", "resend", alert["id"])
    assert desk.run("alerts", "drop", alert["id"]).stdout == "1 delivery dropped\n"
    assert "nothing is due" in desk.run("deliver").stdout
    assert desk.run("alerts", "list", "--state", "dropped", "--json").lines[0]["id"] == alert["id"]
    assert desk.run("alerts", "list", "--state", "dead", "--json").lines == []
    assert "0 deliveries" in desk.run("alerts", "retry", "--since", "1d").stdout, "what was dropped stays so"
    assert desk.run("alerts", "resend", "alt_none").exit_code == 3
    assert desk.run("alerts", "drop", "--channel", "nobody").exit_code == 3


def test_fault_alert_6_a_recipient_who_is_refused_is_named_by_doctor_and_beside_the_alert(
    desk: Operator, site: Site
) -> None:
    desk.reads("herald", site.url("/feed"))
    with MailSink() as mail:
        mail.answers("RCPT ben@example.org", 550, "5.1.1 no such user")
        desk.adds(
            f'[channels.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {mail.port}\nfrom = "m@example.org"\n'
            'to = ["ann@example.org", "ben@example.org"]\n'
        )
        desk.run("poll")
        assert desk.run("deliver").exit_code == 0
        found = desk.run("doctor").stdout
        assert "b…@example.org of mail, refused since" in found
        assert "5.1.1 no such user" in found
        (told,) = [each for each in desk.run("alerts", "list", "--json").lines if each["kind"] == "new"]
        shown = desk.run("alerts", "show", told["id"]).stdout
        assert "a…@example.org: taken" in shown
        assert "b…@example.org: refused" in shown
        notices = [each["title"] for each in desk.run("alerts", "list", "--json").lines if each["kind"] == "notice"]
        assert notices == ["b…@example.org gets no mail of the channel mail"]


def test_fault_alert_13_retry_takes_only_what_was_decided_since(desk: Operator, site: Site, sink: Sink) -> None:
    sink.answers(404)
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.run("poll")
    desk.run("deliver")
    assert "0 deliveries" in desk.run("alerts", "retry", "--since", "2999-01-01").stdout
    assert "1 delivery is" in desk.run("alerts", "retry", "--since", "1d").stdout


def test_alerts_and_channels_that_are_not_there_are_3(desk: Operator) -> None:
    desk.run("migrate")
    assert "no alerts" in desk.run("alerts").stdout
    assert desk.run("alerts", "show", "alt_none").exit_code == 3
    assert desk.run("alerts", "retry", "alt_none").exit_code == 3
    assert desk.run("alerts", "retry", "--channel", "desk").exit_code == 3
    assert desk.run("alerts", "test", "desk").exit_code == 3


def test_a4_a_test_goes_through_the_queue_and_is_marked(desk: Operator, sink: Sink) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    desk.tells("desk", sink.url, f'secrets = ["{secret}"]')
    said = desk.run("alerts", "test", "desk")
    assert said.exit_code == 0, said
    assert "sent to desk" in said.stdout
    assert "/hook" not in said.stdout, "of an address that is a secret only the host is shown"
    (post,) = sink.received
    assert post.json()["type"] == "test"
    assert post.header("webhook-signature")
    (alert,) = desk.run("alerts", "list", "--json").lines
    assert (alert["kind"], alert["id"]) == ("test", post.header("webhook-id"))


def test_a4_a_test_that_is_refused_is_1_and_says_why(desk: Operator, sink: Sink) -> None:
    sink.answers(403, body="no right")
    desk.tells("desk", sink.url)
    said = desk.run("alerts", "test", "desk")
    assert said.exit_code == 1
    assert "403" in said.stderr


def test_what_a_held_summary_tells_is_listed_and_sent_by_it(desk: Operator, sink: Sink) -> None:
    desk.tells("desk", sink.url)
    desk.run("deliver")  # makes the channel known to the store
    db = Database(f"sqlite:///{desk.store}")
    with db.writing() as session:
        to = channels.destinations(session)
        told = notice(id="alt_told")
        summary = summaries.compose(summaries.entries([an_alert()]), "desk", limit=1, now=datetime.now(UTC))
        for each in (told, summary):
            alerts.enqueue(session, each, key=each.id, channels=to, deliver_at=datetime.now(UTC))
        waiting = {row.alert_id: row for row in session.exec(select(DeliveryRow)).all()}
        channels.mark_summarised(session, [waiting[told.id].id or 0], summary.id)
        waiting[summary.id].state = "held"
    db.close()
    shown = desk.run("alerts", "show", summary.id).stdout
    assert "It tells 1 story" in shown
    assert an_alert().title in shown
    assert desk.run("alerts", "retry", told.id).stdout.startswith("1 delivery is due again on desk")
    assert "nothing of it is held" in desk.run("alerts", "retry", "alt_told").stderr
    desk.run("deliver")
    assert sink.ids == [summary.id]


def test_a4_beside_a_daemon_the_test_is_queued_for_it(
    desk: Operator, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.cli.alerts.testing._WAIT_SECONDS", 0.0)
    desk.tells("desk", sink.url)
    desk.run("deliver")  # makes the channel known to the store
    lock = StoreLock(desk.store)
    lock.acquire()
    try:
        said = desk.run("alerts", "test", "desk")
        assert said.exit_code == 0
        assert "queued for desk" in said.stdout
        desk.tells("new", sink.url)
        assert "`monitor apply`" in desk.run("alerts", "test", "new").stderr
    finally:
        lock.release()
    assert not sink.received
    desk.run("deliver")
    assert len(sink.received) == 1


# --- feeds ------------------------------------------------------------------------------------------------------------


def test_f12_a_feed_that_is_gone_is_paused_and_can_be_resumed(desk: Operator, site: Site) -> None:
    site.answers("/gone", 410)
    desk.reads("gone", site.url("/gone"))
    desk.run("poll", "gone")
    desk.run("poll", "gone")
    (feed,) = desk.run("feeds", "list", "--json").lines
    assert feed["state"] == "paused"
    assert feed["next_poll_at"] is None
    assert "410" in desk.run("feeds", "show", "gone").stdout
    asked = len(site.requests)
    desk.run("poll")
    assert len(site.requests) == asked
    assert "no longer paused" in desk.run("feeds", "resume", "gone").stdout
    desk.run("poll")
    assert len(site.requests) == asked + 1


def test_feeds_are_shown(desk: Operator, site: Site) -> None:
    desk.reads("herald", site.url("/feed"), 'first_poll = "all"\npublisher = "House of Papers"')
    desk.run("poll")
    feed = desk.run("feeds", "show", "herald", "--json").json
    assert (feed["state"], feed["polls"], feed["title"]) == ("ok", 1, "The Newspaper")
    assert feed["publisher"] == "House of Papers"
    assert "House of Papers" in desk.run("feeds", "show", "herald").stdout
    assert "herald" in desk.run("feeds").stdout
    said = desk.run("feeds", "show", "heralt")
    assert said.exit_code == 3
    assert "herald" in said.stderr
    assert desk.run("feeds", "resume", "heralt").exit_code == 3


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


def test_the_same_commands_on_postgresql(desk: Operator, site: Site, sink: Sink, postgres_url: str) -> None:
    desk.reads("herald", site.url("/feed"))
    desk.tells("desk", sink.url)
    desk.config.write_text(desk.config.read_text().replace(f"sqlite:///{desk.store}", postgres_url))
    assert "up to date" in desk.run("migrate").stdout
    assert desk.run("poll").exit_code == 0
    assert desk.run("deliver").exit_code == 0
    (hit,) = desk.run("matches", "list", "--search", "lorries", "--json").lines
    assert desk.run("matches", "confirm", hit["id"]).exit_code == 0
    assert desk.run("explain", hit["article_id"], "--json").json["told"][0]["deliveries"][0]["state"] == "sent"
    assert desk.run("alerts", "test", "desk").exit_code == 0
    assert len(desk.run("alerts", "list", "--state", "sent", "--json").lines) == 2
    assert desk.run("feeds", "show", "herald").exit_code == 0
    assert desk.run("topics", "list", "--json").lines[0]["matches"] == {"confirmed": 1}
    assert [each["kind"] for each in desk.run("backtest").lines] == ["new", "new"]
    said = desk.run("doctor", "--json")
    assert said.exit_code == 0, said
    assert {each["what"]: each["level"] for each in said.json}["daemon"] == "warn", "polled by hand"
    assert desk.run("status", "--json").json["problems"][0]["code"] == "polled_by_hand"
