"""The pages of channels and alerts: what they show of the outbox, and what is done to it by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from monitor.store import alert_lists, alerts
from monitor.store.db import Database
from monitor.store.figures import deliveries
from monitor.store.outbox import delivery_states
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.deliveries import AttemptRow, ChannelRow, DeliveryRow
from tests.fakes.alerts import alert as an_alert
from tests.fakes.alerts import notice
from tests.web.test_web import NOW, OWN, PAYLOADS, application, assert_is_ours, browsing, fill, token_of
from tests.web.test_web import db as db  # the fixture


@pytest.fixture
def client(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr("monitor.web.manage.alerts._WAIT_SECONDS", 0.3)
    with browsing(application(db)) as client:
        yield client


def has_channel(name: str = "desk", **values: Any) -> Callable[[Session], object]:
    known = {"kind": "webhook", "destination": f"to-{name}", "shown": f"https://{name}.example/…"}
    return lambda session: session.add(ChannelRow(name=name, **{**known, **values}))


def told(id: str = "alt_one", *to: str, **values: Any) -> Callable[[Session], object]:
    """An alert decided a minute ago, queued for these channels."""
    about = an_alert(id=id, created_at=NOW - timedelta(minutes=1), story_id=None, article=None, **values)
    where = {name: f"to-{name}" for name in to or ("desk",)}
    return lambda session: alerts.enqueue(session, about, key=id, channels=where, deliver_at=NOW)


def is_now(
    state: str, *, id: str = "alt_one", took: float = 60.0, detail: str = "", tries: int = 0
) -> Callable[[Session], object]:
    """What became of its deliveries, `took` seconds after the decision."""

    def make(session: Session) -> None:
        for row in session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == id)):
            decided = session.get_one(AlertRow, id).created_at
            row.state, row.last_detail, row.attempts = state, detail, max(tries, 1)
            row.sent_at = decided + timedelta(seconds=took) if state == "sent" else None
            session.add_all(
                AttemptRow(delivery_id=row.id or 0, started_at=NOW, ended_at=NOW, result="refused", code="500")
                for _ in range(tries)
            )

    return make


def send(client: TestClient, path: str) -> Any:
    return client.post(path, data={"token": token_of(client, "/channels")}, headers=OWN)


def states(db: Database, id: str = "alt_one") -> dict[str, str]:
    with db.reading() as session:
        return {each.channel: each.state for each in alert_lists.deliveries_of(session, [id])[id]}


# --- channels ---------------------------------------------------------------------------------------------------------


def test_without_channels_the_page_says_how_to_set_one_up(client: TestClient) -> None:
    assert "No channel is set up" in client.get("/channels").text
    assert "No alert yet" in client.get("/alerts").text


def test_a_channel_shows_state_mend_and_what_waits(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_channel(disabled_reason="the server answered 410 Gone"),
        has_channel("mail", kind="email"),
        told("alt_one", "desk"),
        is_now("held", detail="the server answered 410 Gone"),
        told("alt_two", "mail"),
    )
    shown = client.get("/channels").text
    assert "the server answered 410 Gone" in shown
    assert "Mend its address or secret in the settings file" in shown
    assert "Last refusal: the server answered 410 Gone" in shown
    assert '/alerts?channel=desk&amp;state=held">1<' in shown
    assert '/alerts?channel=mail&amp;state=pending">1<' in shown
    assert "to-desk" not in shown


def test_latency_is_that_of_alerts_sent_one_by_one(db: Database, client: TestClient) -> None:
    fill(db, has_channel())
    for number, took in enumerate([30, 40, 45, 50, 7200], 1):
        fill(db, told(f"alt_{number}"), is_now("sent", id=f"alt_{number}", took=took))
    fill(db, told("alt_summed"), is_now("sent", id="alt_summed", took=90_000))
    with db.writing() as session:
        session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == "alt_summed")).one().summary_id = "alt_x"
    with db.reading() as session:
        found = deliveries.latency(session, "desk", since_at=NOW - timedelta(days=1))
        assert deliveries.latency(session, "nobody", since_at=NOW - timedelta(days=1)) is None
    assert found is not None
    assert (found.p50_for, found.p95_for, found.count) == (timedelta(seconds=45), timedelta(hours=2), 5)
    assert "half within 45 s, 95 % within 2 h" in client.get("/channels").text


def test_a_test_takes_the_outbox_and_what_became_of_it_is_said(db: Database, client: TestClient) -> None:
    fill(db, has_channel())
    answer = send(client, "/channel/desk/test")
    assert answer.status_code == 303
    assert "done=queued" in answer.headers["location"], "no daemon runs here"
    shown = client.get(answer.headers["location"]).text
    assert "Test of desk" in shown
    assert "a running daemon that has this channel sends it" in shown
    with db.reading() as session:
        (row,) = session.exec(select(DeliveryRow)).all()
        assert (row.channel, row.destination, row.state) == ("desk", "to-desk", "pending")
    assert send(client, "/channel/nobody/test").status_code == 404


def test_a_channel_is_paused_and_resumed(db: Database, client: TestClient) -> None:
    fill(db, has_channel())
    assert send(client, "/channel/desk/pause").headers["location"] == "/channels?done=paused#said"
    assert "Resume it, and what waits goes out." in client.get("/channels").text
    assert send(client, "/channel/desk/resume").status_code == 303
    assert ">Pause<" in client.get("/channels").text
    for verb in ("pause", "resume", "retry"):
        assert send(client, f"/channel/nobody/{verb}").status_code == 404


def test_what_a_channel_holds_is_sent_again(db: Database, client: TestClient) -> None:
    fill(db, has_channel(), told("alt_one"), is_now("held"), told("alt_two"), is_now("dead", id="alt_two"))
    assert "done=retried" in send(client, "/channel/desk/retry").headers["location"]
    assert (states(db), states(db, "alt_two")) == ({"desk": "pending"}, {"desk": "pending"})
    assert "done=nothing" in send(client, "/channel/desk/retry").headers["location"], "all of it waits now"


# --- alerts -----------------------------------------------------------------------------------------------------------


def test_alerts_are_listed_by_state_and_channel(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_channel(), has_channel("mail"),
        told("alt_one", "desk", title="Held one"), is_now("held", detail="it said no", tries=3),
        told("alt_two", "mail", title="Sent one"), is_now("sent", id="alt_two"),
        lambda session: session.add(AlertTopicRow(alert_id="alt_two", topic="fish-canning", key="k")),
    )  # fmt: skip
    listed = lambda query: [each for each in ("Held one", "Sent one") if each in client.get(f"/alerts?{query}").text]
    assert listed("") == ["Held one", "Sent one"]
    assert listed("state=held") == ["Held one"]
    assert listed("channel=mail") == ["Sent one"]
    assert listed("state=held&channel=mail") == []
    assert listed("topic=fish-canning") == ["Sent one"]
    assert listed("topic=other") == []
    assert listed("state=nonsense") == ["Held one", "Sent one"]
    assert "3 tries" in client.get("/alerts").text
    assert "it said no" in client.get("/alerts").text


def test_long_lists_of_alerts_have_pages(db: Database, client: TestClient) -> None:
    fill(db, has_channel(), *(told(f"alt_{number:03}") for number in range(120)))
    counts = [client.get(f"/alerts?page={number}").text.count('<th scope="row">') for number in (1, 2, 3, 4)]
    assert counts == [50, 50, 20, 0]


def test_an_alert_shows_every_try_and_how_long_it_took(db: Database, client: TestClient) -> None:
    fill(db, has_channel(), told(title="Cannery reopens"), is_now("sent", took=75, tries=2))
    shown = client.get("/alert/alt_one").text
    assert "Cannery reopens" in shown
    assert shown.count("refused (500)") == 2
    assert "75 s from decision to delivery" in shown
    assert client.get("/alert/alt_on").status_code == 404
    assert client.get("/alert/%25").status_code == 404


def test_an_alert_is_sent_again_retried_and_dropped(db: Database, client: TestClient) -> None:
    fill(db, has_channel(), told(), is_now("sent"))
    assert "done=nothing" in send(client, "/alert/alt_one/drop").headers["location"], "what was sent stays sent"
    assert "done=resent" in send(client, "/alert/alt_one/resend").headers["location"]
    assert states(db) == {"desk": "pending"}
    assert "done=dropped" in send(client, "/alert/alt_one/drop").headers["location"]
    assert states(db) == {"desk": "dropped"}
    assert "done=nothing" in send(client, "/alert/alt_one/retry").headers["location"]
    with db.reading() as session:
        assert delivery_states.states(session)["dropped"] == 1
    for verb in ("retry", "resend", "drop"):
        assert send(client, f"/alert/nobody/{verb}").status_code == 404


def test_a_notice_is_about_no_article(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_channel(),
        lambda session: alerts.enqueue(session, notice(), key="n", channels={"desk": "to-desk"}, deliver_at=NOW),
    )
    assert "It is about the service itself" in client.get("/alert/alt_notice").text


def test_u1_no_payload_becomes_markup_on_the_pages_of_alerts(db: Database, client: TestClient) -> None:
    for number, payload in enumerate(PAYLOADS):
        id = f"alt_{number:03}"
        fill(
            db,
            has_channel(
                f"c{number}", kind=payload[:30], shown=payload, disabled_reason=payload if number % 2 else None
            ),
            told(id, f"c{number}", title=payload, topic=payload, topic_title=payload, body=payload),
            is_now("held", id=id, detail=payload, tries=1),
        )
    pages = [client.get(path).text for path in ("/channels", "/alerts", "/alerts?page=2")]
    pages += [client.get(f"/alert/alt_{number:03}").text for number in range(len(PAYLOADS))]
    pages += [
        client.get("/alerts", params={name: payload}).text
        for payload in PAYLOADS
        for name in ("topic", "channel", "state", "page")
    ]
    for shown in pages:
        assert_is_ours(shown)
        for payload in PAYLOADS:
            assert "<" not in payload or payload not in shown
