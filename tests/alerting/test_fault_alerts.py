"""Receivers that refuse, over days: whom it stops, whom not, and what the operator is told. The clock is in the test's hand; store,
deliverer and channels are real, on both databases."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from monitor.alerting import condition
from monitor.alerting.channels.base import Channel
from monitor.alerting.channels.registry import build
from monitor.alerting.condition import ServiceState
from monitor.alerting.deliver import Deliverer
from monitor.config import plan as plans
from monitor.net.addresses import AddressPolicy
from monitor.net.http import HttpClient
from monitor.store import alerts, channels, settings
from monitor.store.db import Database
from monitor.store.outbox import delivery_states
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import ChannelRow, DeliveryRow, HandoverRow, RecipientRow
from monitor.types.alerting import AlertKind
from monitor.types.condition import Code, Severity
from monitor.types.plans import Plan
from tests.conftest import SetClock
from tests.fakes.alerts import trial
from tests.fakes.patience import PATIENCE
from tests.fakes.sink import MailSink, Sink

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ANN, BEN, CEM = "ann@example.org", "ben@example.org", "cem@example.org"


class Operator:
    """A store with channels, and rounds of delivering made by hand."""

    def __init__(self, db: Database, clock: SetClock) -> None:
        self.db, self.clock = db, clock
        self._runner = asyncio.Runner()
        self._client = self._runner.run(_client())
        self._tables: dict[str, dict[str, Any]] = {}
        self.channels: dict[str, Channel] = {}
        self._number = 0

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    # --- what the operator does ---

    def mails(self, name: str, sink: MailSink, *to: str, **more: Any) -> Plan:
        server = {"host": "127.0.0.1", "port": sink.port, "from": "m@example.org", "limit_seconds": 60}
        return self.tells(name, **{"kind": "email", **server, "to": list(to), **more})

    def posts(self, name: str, sink: Sink, **more: Any) -> Plan:
        return self.tells(name, **{"kind": "webhook", "url": sink.url, "allow_private": True, **more})

    def tells(self, name: str, **table: Any) -> Plan:
        """Put a channel into the settings and apply them."""
        self._tables[name] = table
        self.channels = {each: build(each, raw, self._client) for each, raw in self._tables.items()}
        entries = [
            plans.channel_entry(
                each.name, kind=each.kind, destination=each.destination, shown=each.shown, credentials=each.credentials
            )
            for each in self.channels.values()
        ]
        with self.db.writing() as session:
            plan = plans.plan_apply(settings.rows(session), entries)
            released = settings.apply(session, plan, says="", by="here", now=self.clock())
        return replace(plan, released=tuple(released.items()))

    # --- what the monitor does ---

    def decides(self, *names: str) -> str:
        """Queue an alert for these channels; all without any."""
        self._number += 1
        one = trial(id=f"told_{self._number:03d}", created_at=self.clock())
        with self.db.writing() as session:
            where = {
                name: to for name, to in channels.destinations(session).items() if name in (names or self.channels)
            }
            alerts.enqueue(session, one, key=one.id, channels=where, deliver_at=self.clock())
        return one.id

    def delivers(self) -> int:
        return self._runner.run(self._deliver())

    async def _deliver(self) -> int:
        deliverer = Deliverer(self.db, lambda: self.channels, self.clock, rate=10_000)
        await deliverer.start_due()
        return await deliverer.finish()

    def lives(self, *, hours: float, step_minutes: float) -> None:
        for _ in range(round(hours * 60 / step_minutes)):
            self.clock.passes(minutes=step_minutes)
            self.delivers()

    # --- what became of it ---

    def rows(self, table: type[Any]) -> list[Any]:
        with self.db.reading() as session:
            return list(session.exec(select(table)).all())

    def notices(self) -> list[str]:
        with self.db.reading() as session:
            told = select(AlertRow.title).where(AlertRow.kind == AlertKind.NOTICE.value)
            return list(session.exec(told.order_by(col(AlertRow.created_at), col(AlertRow.title))))

    def states(self, channel: str) -> dict[str, int]:
        return dict(Counter(row.state for row in self.rows(DeliveryRow) if row.channel == channel))

    def channel(self, name: str) -> ChannelRow:
        return next(row for row in self.rows(ChannelRow) if row.name == name)

    def problems(self) -> Mapping[Code, Any]:
        with self.db.reading() as session:
            state = ServiceState(channels=channels.reports(session), recipients=channels.recipient_reports(session))
        return {each.code: each for each in condition.problems(state, now=self.clock())}


async def _client() -> HttpClient:
    return HttpClient(policy=AddressPolicy(()), connect_for=timedelta(seconds=PATIENCE))


@pytest.fixture
def desk(db: Database, clock: SetClock) -> Iterator[Operator]:
    made = Operator(db, clock)
    yield made
    made.close()


def of_ann(sink: MailSink) -> list[str]:
    """The Message-IDs of the alerts that ann has; notices have ids of their own."""
    mails = [each.message["Message-ID"] for each in sink.received if ANN in each.recipients]
    return [each for each in mails if each.startswith("<told_")]


# --- mail -------------------------------------------------------------------------------------------------------------


def test_fault_alert_1_five_days_with_one_mailbox_full_and_one_gone(desk: Operator, clock: SetClock) -> None:
    with MailSink() as sink:
        desk.mails("mail", sink, ANN, BEN, CEM)
        sink.answers(f"RCPT {BEN}", 452, "4.2.2 mailbox full")
        sink.answers(f"RCPT {CEM}", 550, "5.1.1 no such user")
        for day in range(5):
            for _ in range(4):
                desk.decides("mail")
                desk.delivers()
                assert len(of_ann(sink)) == desk._number, f"ann has every mail at once, on day {day}"
                desk.lives(hours=6, step_minutes=120)
        assert len(of_ann(sink)) == len(set(of_ann(sink))) == 20, "once each"
        assert desk.notices() == [
            "c…@example.org gets no mail of the channel mail",
            "b…@example.org gets no mail of the channel mail at present",
        ]
        assert desk.channel("mail").failures == 0
        problem = desk.problems()[Code.RECIPIENT]
        assert "b…@example.org of mail, put off since" in problem.says
        assert "c…@example.org of mail, refused since" in problem.says
        assert "example.org" not in problem.public
        missed = [row for row in desk.rows(HandoverRow) if row.state == "missed"]
        assert missed, "what is older than the schedule was given up for ben alone"
        assert desk.states("mail").keys() == {"sent", "pending"}
        sink.accepts(f"RCPT {BEN}")
        before = len(sink.received)
        desk.decides("mail")
        desk.delivers()
        desk.delivers()
        late = {each.message["Message-ID"] for each in sink.received[before:] if each.recipients == (BEN,)}
        assert len(late) >= 5, "what waited for ben goes out as soon as he takes mail"
        assert desk.notices()[2:] == ["b…@example.org gets mail of the channel mail again"]
        assert [row.name for row in desk.rows(RecipientRow)] == ["c…@example.org"]


def who_has(sink: MailSink, alert_id: str) -> list[tuple[str, ...]]:
    return [each.recipients for each in sink.received if alert_id in str(each.message["Message-ID"])]


def test_fault_alert_1_a_mailbox_that_is_full_by_the_code_of_exchange_gets_its_mail_once_it_is_emptied(
    desk: Operator, clock: SetClock
) -> None:
    with MailSink() as sink:
        desk.mails("mail", sink, ANN, BEN)
        sink.answers(f"RCPT {BEN}", 554, "5.2.2 mailbox full")
        told = desk.decides("mail")
        desk.lives(hours=6, step_minutes=30)
        assert who_has(sink, told) == [(ANN,)]
        assert desk.notices() == ["b…@example.org gets no mail of the channel mail at present"]
        sink.accepts(f"RCPT {BEN}")
        desk.lives(hours=6, step_minutes=30)
        assert who_has(sink, told) == [(ANN,), (BEN,)]
        assert desk.channel("mail").failures == 0


def test_fault_alert_2_a_mail_put_off_at_data_stops_no_other(desk: Operator, clock: SetClock) -> None:
    with MailSink() as sink:
        desk.mails("mail", sink, ANN)
        sink.answers(".", 451, "greylisted content", times=1)
        first = desk.decides()
        others = [desk.decides() for _ in range(4)]
        desk.delivers()
        assert of_ann(sink) == [f"<{each}.mail@example.org>" for each in others]
        clock.passes(minutes=6)
        desk.delivers()
        assert of_ann(sink)[-1] == f"<{first}.mail@example.org>"
        assert desk.notices() == []


def test_fault_alert_7_who_has_a_mail_is_known_over_restarts(desk: Operator, clock: SetClock) -> None:
    with MailSink() as sink:
        desk.mails("mail", sink, ANN, BEN)
        sink.answers(f"RCPT {BEN}", 450, "greylisted", times=5)
        desk.decides()
        for _ in range(6):  # each a process of its own, as `monitor deliver` by cron
            desk.channels = {"mail": build("mail", desk._tables["mail"], desk._client)}
            desk.delivers()
            clock.passes(hours=6)
        mails = [each.recipients for each in sink.received if each.message["Message-ID"].startswith("<told_")]
        assert mails == [(ANN,), (BEN,)]


def test_fault_alert_every_recipient_refused_is_the_channels_and_asked_again(desk: Operator, clock: SetClock) -> None:
    with MailSink() as sink, Sink() as other:
        desk.mails("mail", sink, ANN, BEN)
        desk.posts("other", other)
        sink.answers("RCPT", 550, "relay denied")
        desk.decides("mail")
        desk.lives(hours=1, step_minutes=5)
        assert desk.notices() == ["The channel mail is failing"], "the channel, and no recipient"
        sink.accepts("RCPT")
        desk.lives(hours=1, step_minutes=5)
        assert [each.recipients for each in sink.received] == [(ANN, BEN)]
        assert desk.notices() == ["The channel mail is failing", "The channel mail is back"]


# --- posts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_fault_alert_3_a_refusal_disables_no_channel_before_five_days(
    desk: Operator, clock: SetClock, status: int
) -> None:
    with Sink() as sink:
        desk.posts("desk", sink)
        sink.answers(status, times=1)
        desk.decides()
        desk.lives(hours=0.5, step_minutes=10)
        assert desk.states("desk") == {"sent": 1}, "a slip costs minutes"
        sink.answers(status, times=None)
        for _ in range(9):
            desk.decides()
            desk.lives(hours=12, step_minutes=120)
        assert desk.channel("desk").disabled_reason is None
        problem = desk.problems()[Code.NO_CHANNEL]
        assert problem.severity is Severity.FAIL, "with one channel nobody can be told elsewhere"
        desk.lives(hours=24, step_minutes=240)
        assert desk.channel("desk").disabled_reason
        assert "nobody is told" in desk.problems()[Code.NO_CHANNEL].says


def test_fault_alert_4_ten_minutes_of_400_cost_no_alert_and_are_told_once(desk: Operator, clock: SetClock) -> None:
    with Sink() as sink, Sink() as other:
        desk.posts("desk", sink)
        desk.posts("other", other)
        sink.answers(400, {}, "bad deploy", times=None)
        for _ in range(6):
            desk.decides("desk")
            desk.lives(hours=1 / 30, step_minutes=1)
        assert desk.notices() == ["The channel desk is failing"]
        sink.answers(200, {}, "ok", times=None)
        desk.lives(hours=2, step_minutes=15)
        assert desk.states("desk") == {"sent": 6}
        assert desk.notices() == ["The channel desk is failing", "The channel desk is back"]


def test_fault_alert_4_alerts_that_are_given_up_are_one_notice_a_channel(desk: Operator, clock: SetClock) -> None:
    with Sink() as sink, Sink() as other:
        desk.posts("desk", sink)
        desk.posts("other", other)
        for _ in range(3):
            sink.answers(413, {}, "too large", times=1)
            bad = desk.decides("desk")
            with desk.db.writing() as session:
                row = session.exec(select(DeliveryRow).where(DeliveryRow.alert_id == bad)).one()
                row.attempts = 9
                session.add(row)
            desk.delivers()
            desk.decides("desk")
            desk.delivers()
            clock.passes(minutes=10)
        assert desk.states("desk") == {"dead": 3, "sent": 3}
        assert desk.notices() == ["An alert could not be delivered to desk"]


# --- a channel that is mended -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410, 500])
def test_fault_alert_12_a_mended_address_lets_out_what_waited(desk: Operator, clock: SetClock, status: int) -> None:
    with Sink() as wrong, Sink() as right:
        wrong.answers(status, times=None)
        desk.posts("desk", wrong)
        told = [desk.decides(), desk.decides()]
        desk.delivers()
        clock.passes(hours=3)
        plan = desk.posts("desk", right)
        assert plans.releases(plan) == ["channel desk was mended: 2 alerts that waited go out now"]
        desk.delivers()
        assert right.ids == told
        assert desk.states("desk") == {"sent": 2}


def test_fault_alert_12_a_mended_secret_lets_out_what_waited(desk: Operator, clock: SetClock) -> None:
    with MailSink("starttls", accounts={"desk": "right-planted"}) as sink:
        account = {"security": "starttls", "ca": sink.certificate, "username": "desk"}
        desk.mails("mail", sink, ANN, **account, password="wrong-planted")
        desk.decides()
        desk.delivers()
        assert desk.channel("mail").failures == 1
        plan = desk.mails("mail", sink, ANN, **account, password="right-planted")
        assert plans.words(plan) == "changes: channel mail [secret]"
        assert plans.releases(plan) == ["channel mail was mended: 1 alert that waited goes out now"]
        desk.delivers()
        assert len(of_ann(sink)) == 1
        assert "planted" not in str([row.model_dump() for row in desk.rows(ChannelRow)])


def test_fault_alert_12_a_store_of_an_earlier_version_takes_its_secrets_for_no_change(
    desk: Operator, clock: SetClock
) -> None:
    with Sink() as sink:
        desk.posts("desk", sink)
        with desk.db.writing() as session:
            settings.pause_channel(session, "desk")
            row = session.get_one(ChannelRow, "desk")
            known, row.credentials = row.credentials, ""
            session.add(row)
        plan = desk.posts("desk", sink)
        assert plan.is_empty
        assert (desk.channel("desk").credentials, desk.channel("desk").by_hand) == (known, "paused")


def test_w18_an_address_changed_before_anything_failed_sends_nothing_there_by_surprise(
    desk: Operator, clock: SetClock
) -> None:
    with Sink() as old, Sink() as new:
        desk.posts("desk", old)
        desk.decides()
        plan = desk.posts("desk", new)
        assert plan.released == ()
        desk.delivers()
        assert (old.ids, new.ids, desk.states("desk")) == ([], [], {"held": 1})


def test_fault_alert_12_what_is_too_old_is_offered_and_not_let_out(desk: Operator, clock: SetClock) -> None:
    with Sink() as wrong, Sink() as right:
        wrong.answers(410, times=None)
        desk.posts("desk", wrong)
        desk.decides()
        desk.delivers()
        clock.passes(days=5)
        assert desk.posts("desk", right).released == ()
        with desk.db.reading() as session:
            assert delivery_states.states_by_channel(session)["desk"] == {"held": 1}


# --- no channel waits for others --------------------------------------------------------------------------------------


def test_fault_alert_14_the_tenth_channel_is_sent_to_while_nine_hang(desk: Operator, clock: SetClock) -> None:
    hanging = [Sink() for _ in range(9)]
    with Sink() as tenth:
        try:
            for number, each in enumerate(hanging):
                each.never_answers(times=None)
                desk.posts(f"hangs{number}", each, limit_seconds=30)
            desk.posts("tenth", tenth)
            desk.decides()
            desk._runner.run(_until_received(desk, hanging, tenth))
            assert [len(each.received) for each in (*hanging, tenth)] == [1] * 10
        finally:
            for each in hanging:
                each.close()


def test_fault_alert_14_mail_servers_whose_names_are_not_found_out_keep_no_other_waiting(
    desk: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_over, lookup = threading.Event(), socket.getaddrinfo

    def hangs(host: str, *args: Any, **more: Any) -> Any:
        if str(host).endswith(".example"):
            is_over.wait(PATIENCE)
            raise socket.gaierror(socket.EAI_AGAIN, "no name service")
        return lookup(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    with MailSink() as sink:
        for number in range(40):  # more than the threads that all share
            desk.mails(f"lost{number}", sink, ANN, host=f"mail{number}.example")
        desk.mails("tenth", sink, ANN)
        desk.decides()
        desk._runner.run(_until_mailed(desk, sink))
        is_over.set()


async def _until_mailed(desk: Operator, sink: MailSink) -> None:
    deliverer = Deliverer(desk.db, lambda: desk.channels, desk.clock, rate=10_000)
    assert await deliverer.start_due() == 41
    async with asyncio.timeout(PATIENCE):
        while not sink.received:
            await asyncio.sleep(0.01)
    await deliverer.stop(grace_seconds=0)


async def _until_received(desk: Operator, hanging: list[Sink], tenth: Sink) -> None:
    """All ten have the request at the same time: none of the nine was answered, or ended, before the tenth was sent to."""
    deliverer = Deliverer(desk.db, lambda: desk.channels, desk.clock, rate=10_000)
    assert await deliverer.start_due() == 10
    async with asyncio.timeout(PATIENCE):
        while not tenth.received or not all(each.received for each in hanging):
            await asyncio.sleep(0.01)
    await deliverer.stop(grace_seconds=0)
