"""A channel's budget: what is sent alone, what waits for the summary, when that comes and what it says."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from sqlmodel import select

from monitor.alerting import budget, render, render_summary, summaries
from monitor.alerting.budget import Waiting
from monitor.alerting.channels import webhook
from monitor.alerting.channels.base import Channel
from monitor.alerting.channels.email_message import compose
from monitor.alerting.channels.registry import KINDS, build
from monitor.alerting.channels.slack import message, plain_message
from monitor.alerting.deliver import Deliverer
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.net.http import HttpClient
from monitor.store import alert_lists, alerts, channels
from monitor.store.db import Database
from monitor.store.outbox import by_hand, delivery_queue, delivery_states, messages
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome
from tests.alerting.channels.test_mail_headers import ENVELOPE
from tests.conftest import NOON, SetClock
from tests.fakes.alerts import alert, notice
from tests.fakes.headlines import headlines
from tests.fakes.settings import channel, put_in_force
from tests.fakes.sink import MailSink, Sink

MINUTE = timedelta(minutes=1)


def wait(*minutes_ago: float, deferred: int = 0, due: bool = True) -> list[Waiting]:
    """Deliveries decided so many minutes before noon, the last `deferred` of them deferred."""
    count = len(minutes_ago)
    return [
        Waiting(
            id=n, created_at=NOON - MINUTE * ago, is_deferred=n > count - deferred, is_due=due or n <= count - deferred
        )
        for n, ago in enumerate(minutes_ago, 1)
    ]


# --- the decision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiting", "spent", "alone", "deferred", "summarised"),
    [
        ([], 0, 0, 0, 0),
        (wait(1, 1, 1), 0, 3, 0, 0),
        (wait(*[1] * 12), 0, 12, 0, 0),
        (wait(*[1] * 13), 0, 12, 1, 0),
        (wait(*[1] * 5), 9, 3, 2, 0),
        (wait(*[1] * 5), 12, 0, 5, 0),
        (wait(*[1] * 5), 40, 0, 5, 0),
        (wait(30, 1, deferred=1, due=False), 0, 1, 0, 0),
        (wait(64, 63, 20, deferred=3), 0, 0, 3, 0),
        (wait(66, 63, 20, deferred=3), 0, 0, 0, 3),
        (wait(66, 63, 5, deferred=2), 0, 1, 2, 0),
        (wait(80, 63, 5, deferred=3), 0, 0, 3, 0),
        (wait(91, 63, 1, deferred=3), 0, 0, 0, 3),
        (wait(91, deferred=1), 12, 1, 0, 0),
        (wait(*[300] * 50), 0, 12, 38, 0),
        (wait(*[300] * 50), 12, 0, 0, 50),
        (wait(-300, -300), 12, 0, 0, 2),
    ],
)
def test_fault_alert_11_what_goes_alone_waits_or_is_summarised(
    waiting: list[Waiting], spent: int, alone: int, deferred: int, summarised: int
) -> None:
    decided = budget.decide(waiting, spent=spent, limit=12, now=NOON)
    assert (len(decided.alone), len(decided.deferred), len(decided.summarised)) == (alone, deferred, summarised)
    assert bool(decided.reason) is bool(waiting)
    free = budget.decide(waiting, spent=spent, limit=0, now=NOON)
    assert len(free.alone) == sum(each.is_due for each in waiting)


def test_fault_alert_11_later_ones_join_those_that_wait() -> None:
    waiting = [*wait(30, 20, deferred=2, due=False), Waiting(id=3, created_at=NOON - MINUTE)]
    decided = budget.decide(waiting, spent=0, limit=12, now=NOON)
    assert decided.deferred == (3,)
    assert decided.until_at == NOON + 35 * MINUTE


# --- the outbox -------------------------------------------------------------------------------------------------------


class Receiver:
    """A channel with a budget, that takes messages and says when."""

    name, kind, destination, shown = "desk", "line", "here", "here"

    def __init__(self, clock: SetClock, messages_per_hour: int = 12) -> None:
        self.clock, self.messages_per_hour = clock, messages_per_hour
        self.took: list[tuple[datetime, Alert]] = []
        self.answer = AttemptResult.SENT

    async def send(self, alert: Alert, *, now: datetime) -> Outcome:
        if self.answer is AttemptResult.SENT:
            self.took.append((now, alert))
        return Outcome(result=self.answer, code="503" if self.answer is not AttemptResult.SENT else "200")

    def within(self, hours: float) -> list[Alert]:
        """What it took until so long after noon."""
        return [each for at, each in self.took if at < NOON + timedelta(hours=hours)]

    def names(self) -> list[str]:
        """The titles that it was told of, alone or in summaries."""
        alone = [each.title for _, each in self.took if not each.entries]
        return [*alone, *(entry.title for _, each in self.took for entry in each.entries)]


def decides(db: Database, number: int, now: datetime, **changes: Any) -> None:
    """An alert on a story of its own is queued for the desk, as a poll does."""
    values: dict[str, Any] = {
        "id": f"alt_{number:04}",
        "title": f"Story {number}",
        "article": None,
        "story_id": None,
        "created_at": now,
    }
    made = alert(**values | changes)
    where = {"desk": "here"}
    with db.writing() as session:
        alerts.enqueue(session, made, key=made.id, channels=where, deliver_at=now + timedelta(seconds=30))


@pytest.fixture
def opened(db: Database) -> Database:
    """A store with the channel in force."""
    with db.writing() as session:
        put_in_force(session, "channel", [channel("desk", "here", "line")], now=NOON)
    return db


@pytest.fixture
def sqlite_opened(sqlite_db: Database) -> Database:
    """The same on SQLite alone."""
    with sqlite_db.writing() as session:
        put_in_force(session, "channel", [channel("desk", "here", "line")], now=NOON)
    return sqlite_db


def delivers(db: Database, receiver: Any, clock: SetClock) -> None:
    async def rounds() -> None:
        deliverer = Deliverer(db, lambda: {"desk": receiver}, clock, rate=10_000)
        await deliverer.start_due()
        await deliverer.finish()

    asyncio.run(rounds())


def shown(db: Database) -> dict[str, int]:
    with db.reading() as session:
        return {state: count for state, count in delivery_states.states(session).items() if count}


def surge(
    db: Database, receivers: Sequence[Any], clock: SetClock, times: Iterator[float] | Sequence[float], **changes: Any
) -> None:
    """Alerts decided so many minutes after noon; the daemon looks every minute, for three hours in all."""
    due = [NOON + MINUTE * each for each in times]
    for minute in range(180):
        clock.at = NOON + MINUTE * minute
        for number, at in enumerate(due):
            if clock.at - MINUTE < at <= clock.at:
                decides(db, number, at, **changes)
        for each in receivers:
            delivers(db, each, clock)


PATTERNS: dict[str, Callable[[], list[float]]] = {
    "evenly": lambda: [60 * n / 200 for n in range(200)],
    "at once": lambda: [1.0] * 200,
    "by polls a quarter of an hour apart, over the hour's end": lambda: [15.0 * (n // 40) for n in range(200)],
    "two waves": lambda: [1.0 + 44 * (n // 100) for n in range(200)],
    "late polls": lambda: [5 + 65 * n / 200 for n in range(200)],
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_fault_alert_11_a_surge_of_200_is_13_messages_and_all_are_named_within_two_hours(
    sqlite_opened: Database, clock: SetClock, pattern: str
) -> None:
    receiver = Receiver(clock)
    surge(sqlite_opened, [receiver], clock, PATTERNS[pattern]())
    assert len(receiver.took) == 13
    assert sorted(receiver.names()) == sorted(f"Story {n}" for n in range(200)), "each once"
    assert len(receiver.within(2)) == 13
    assert shown(sqlite_opened) == {"sent": 13, "summarised": 188}


def test_fault_alert_11_a_surge_by_mail_and_slack_with_default_settings(
    sqlite_db: Database, clock: SetClock, sink: Sink
) -> None:
    with MailSink() as mail:
        asyncio.run(rounds(sqlite_db, mail, sink, clock))
        letters = [each.message for each in mail.received]
    posts = [each.json() for each in sink.received]
    assert (len(letters), len(posts)) == (13, 13)
    by_mail = "".join(each.get_body(("plain",)).get_content() for each in letters)  # type: ignore[union-attr]
    by_slack = "".join(json.dumps(each["blocks"]) for each in posts)
    for number in range(200):
        assert by_mail.count(f"Story {number}.") == 1
        assert f"Story {number}." in by_slack


def queue_200(db: Database, channels: Sequence[Channel]) -> None:
    where = {each.name: each.destination for each in channels}
    with db.writing() as session:
        put_in_force(
            session, "channel", [channel(each.name, each.destination, each.kind) for each in channels], now=NOON
        )
        for number in range(200):
            told = alert(id=f"alt_{number:04}", title=f"Story {number}.", article=None, story_id=None, created_at=NOON)
            alerts.enqueue(session, told, key=told.id, channels=where, deliver_at=NOON)


async def rounds(db: Database, mail: MailSink, sink: Sink, clock: SetClock) -> None:
    """Two hours of a mail and a Slack channel as settings make them, budgets by default."""
    client = HttpClient(policy=AddressPolicy(PRIVATE_NETWORKS), user_agent="test", connect_for=timedelta(seconds=60))
    table = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "from": "m@example.org", "to": ["a@example.org"]}
    slack = {"kind": "slack", "url": sink.url, "allow_private": True}
    made = {"mail": build("mail", table, client), "slack": build("slack", slack, client)}
    queue_200(db, list(made.values()))
    for _ in range(4):
        deliverer = Deliverer(db, lambda: made, clock, rate=10_000)
        await deliverer.start_due()
        await deliverer.finish()
        clock.passes(minutes=33)
    await client.aclose()


def test_fault_alert_11_on_either_database_the_summary_is_stored_with_what_it_tells(
    opened: Database, clock: SetClock
) -> None:
    receiver = Receiver(clock, messages_per_hour=2)
    for number in range(6):
        decides(opened, number, NOON)
    clock.passes(minutes=1)
    delivers(opened, receiver, clock)
    with opened.reading() as session:
        waits = session.exec(select(DeliveryRow).where(DeliveryRow.state == "pending")).all()
        assert {each.last_detail for each in waits} == {
            "the channel had its 2 messages of an hour: it waits for the summary, at 13:05 UTC"
        }
    clock.passes(minutes=65)
    delivers(opened, receiver, clock)
    (*_, (_, summary)) = receiver.took
    assert [each.kind for _, each in receiver.took] == [AlertKind.NEW, AlertKind.NEW, AlertKind.SUMMARY]
    assert shown(opened) == {"sent": 3, "summarised": 4}
    with opened.reading() as session:
        rows = session.exec(select(DeliveryRow).where(DeliveryRow.summary_id == summary.id)).all()
        assert {each.alert_id for each in rows} == {id for each in summary.entries for id in each.alert_ids}
        assert {each.state for each in rows} == {"sent"}
        told = alert_lists.deliveries_of(session, [rows[0].alert_id])[rows[0].alert_id]
        assert told[0].state == "summarised"
        assert told[0].detail.startswith(f"it is in the summary {summary.id}:"), (
            "whether it was sent is the summary's fate"
        )
        assert [each.id for each in alert_lists.latest(session, state="summarised", limit=9)] == [
            each.alert_id for each in sorted(rows, key=lambda row: row.alert_id)
        ]
        assert alerts.load(session.get_one(AlertRow, summary.id).payload) == summary


def test_fault_alert_11_two_nodes_share_one_budget(opened: Database, store_url: str, clock: SetClock) -> None:
    other = Database(store_url)
    first, second = Receiver(clock, messages_per_hour=3), Receiver(clock, messages_per_hour=3)
    for number in range(12):
        decides(opened, number, NOON)
    clock.passes(minutes=1)

    async def both() -> None:
        nodes = [
            Deliverer(db, lambda each=each: {"desk": each}, clock, rate=10_000)
            for db, each in ((opened, first), (other, second))
        ]
        for node in nodes:
            await node.start_due()
        await asyncio.gather(*(node.finish() for node in nodes))

    asyncio.run(both())
    alone = len(first.took) + len(second.took)
    clock.passes(minutes=66)
    asyncio.run(both())
    other.close()
    assert alone == 3
    told = [*first.took, *second.took]
    assert [each.kind for _, each in told].count(AlertKind.SUMMARY) == 1
    assert sorted([*first.names(), *second.names()]) == sorted(f"Story {n}" for n in range(12))


def test_fault_alert_11_notices_and_tests_are_outside_of_the_budget(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock, messages_per_hour=1)
    for number in range(4):
        decides(sqlite_opened, number, NOON)
    with sqlite_opened.writing() as session:
        for number in range(5):
            alerts.enqueue(
                session, notice(id=f"n{number}"), key=f"n{number}", channels={"desk": "here"}, deliver_at=NOON
            )
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    assert [each.kind for _, each in receiver.took] == [AlertKind.NEW, *[AlertKind.NOTICE] * 5]


def test_fault_alert_11_a_channel_without_a_budget_gets_every_alert(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock, messages_per_hour=0)
    for number in range(60):
        decides(sqlite_opened, number, NOON)
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    assert len(receiver.took) == 60


def test_fault_alert_11_a_limit_that_is_taken_off_lets_the_deferred_go_at_their_time(
    sqlite_opened: Database, clock: SetClock
) -> None:
    receiver = Receiver(clock, messages_per_hour=1)
    for number in range(4):
        decides(sqlite_opened, number, NOON)
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    receiver.messages_per_hour = 0
    clock.passes(minutes=90)
    delivers(sqlite_opened, receiver, clock)
    assert [each.kind for _, each in receiver.took] == [AlertKind.NEW] * 4


def test_fault_alert_11_a_single_one_beyond_the_budget_is_no_summary(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock, messages_per_hour=2)
    for number in range(3):
        decides(sqlite_opened, number, NOON)
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    clock.passes(minutes=66)
    delivers(sqlite_opened, receiver, clock)
    assert [each.kind for _, each in receiver.took] == [AlertKind.NEW] * 3


def test_fault_alert_11_after_an_outage_the_rest_comes_at_once(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock)
    receiver.answer = AttemptResult.TRANSIENT
    for number in range(50):
        decides(sqlite_opened, number, NOON + MINUTE * number)
    for _ in range(40):
        clock.passes(minutes=10)
        delivers(sqlite_opened, receiver, clock)
    receiver.answer = AttemptResult.SENT
    clock.passes(minutes=45)
    delivers(sqlite_opened, receiver, clock)
    kinds = [each.kind for _, each in receiver.took]
    assert kinds.count(AlertKind.SUMMARY) == 1
    assert len(kinds) - kinds.count(AlertKind.NOTICE) <= 13
    assert sorted(each for each in receiver.names() if "Story" in each) == sorted(f"Story {n}" for n in range(50))


def test_fault_alert_11_a_summary_that_fails_is_tried_again_as_it_was(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock, messages_per_hour=1)
    for number in range(5):
        decides(sqlite_opened, number, NOON)
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    receiver.answer = AttemptResult.TRANSIENT
    clock.passes(minutes=66)
    delivers(sqlite_opened, receiver, clock)
    with sqlite_opened.reading() as session:
        (summary,) = session.exec(select(AlertRow).where(AlertRow.kind == "summary")).all()
    receiver.answer = AttemptResult.SENT
    clock.passes(minutes=66)
    delivers(sqlite_opened, receiver, clock)
    assert [each.id for _, each in receiver.took if each.entries] == [summary.id]
    assert len(receiver.names()) == len(set(receiver.names())) == 5


@pytest.mark.parametrize("kind", ["email", "slack", "slackbot", "webhook"])
def test_fault_alert_11_people_have_a_budget_by_default_and_programs_have_none(kind: str) -> None:
    assert KINDS[kind].model_fields["messages_per_hour"].default == (0 if kind == "webhook" else 12)


def test_fault_alert_11_what_is_asked_for_again_is_summarised_again(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock, messages_per_hour=1)
    for number in range(5):
        decides(sqlite_opened, number, NOON)
    for _ in range(2):
        clock.passes(minutes=1)
        delivers(sqlite_opened, receiver, clock)
        clock.passes(minutes=66)
        delivers(sqlite_opened, receiver, clock)
        with sqlite_opened.writing() as session:
            for row in session.exec(select(DeliveryRow).where(DeliveryRow.summary_id != "")).all():
                row.state, row.summary_id, row.created_at, row.next_at = "pending", "", NOON, clock()
                session.add(row)
        clock.passes(minutes=120)
        decides(sqlite_opened, 0, clock(), id=f"alt_again{clock().hour}")
    told = [each for _, each in receiver.took if each.entries]
    assert len({each.id for each in told}) == len(told) == 2
    assert [len(each.entries) for each in told] == [4, 4]


def test_fault_alert_11_mails_that_a_full_mailbox_waits_for_spend_no_budget(
    sqlite_opened: Database, clock: SetClock
) -> None:
    for number in range(20):
        decides(sqlite_opened, number, NOON)
    with sqlite_opened.writing() as session:
        for row in session.exec(select(DeliveryRow)).all():
            row.attempts, row.taken_at, row.next_at = 3, NOON, NOON + 130 * MINUTE
            session.add(row)
    with sqlite_opened.reading() as session:
        hour = timedelta(hours=1)
        assert channels.spent(session, "desk", now=NOON + 30 * MINUTE, window_for=hour) == 20
        assert channels.spent(session, "desk", now=NOON + 120 * MINUTE, window_for=hour) == 0


def test_fault_alert_13_what_is_sent_again_spends_budget_and_is_woken_as_what_nobody_has(
    sqlite_opened: Database, clock: SetClock
) -> None:
    receiver = Receiver(clock)
    for number in range(3):
        decides(sqlite_opened, number, NOON)
    clock.passes(minutes=1)
    delivers(sqlite_opened, receiver, clock)
    clock.passes(minutes=180)
    with sqlite_opened.writing() as session:
        for number in range(3):
            by_hand.resend(session, f"alt_{number:04}", now=clock(), destinations={"desk": "here"})
        rows = session.exec(select(DeliveryRow.taken_at).where(DeliveryRow.state == "pending")).all()
        assert rows == [None] * 3
    delivers(sqlite_opened, receiver, clock)
    assert len(receiver.took) == 6
    with sqlite_opened.reading() as session:
        assert channels.spent(session, "desk", now=clock(), window_for=timedelta(hours=1)) == 3


# --- killed at any line -----------------------------------------------------------------------------------------------


class _KillError(BaseException):
    pass


STEPS = [
    (channels, name)
    for name in ("serialize_budget", "waiting_alerts", "spent", "defer", "mark_summarised", "_update_waiting")
] + [
    (alerts, "enqueue"),
    (delivery_queue, "claim_next"),
    (messages, "load_waiting"),
]


@pytest.mark.parametrize(("module", "name"), STEPS)
@pytest.mark.parametrize("after", [False, True])
def test_fault_alert_11_killed_at_any_step_nothing_is_lost_and_nothing_told_twice(
    sqlite_opened: Database, clock: SetClock, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    receiver = Receiver(clock, messages_per_hour=2)
    for number in range(7):
        decides(sqlite_opened, number, NOON)
    step, kills = getattr(module, name), []

    def killed(*args: Any, **kwargs: Any) -> Any:
        answer = step(*args, **kwargs) if after else None
        kills.append(name)
        if len(kills) % 2:
            raise _KillError
        return answer if after else step(*args, **kwargs)

    monkeypatch.setattr(module, name, killed)
    for _ in range(30):
        clock.passes(minutes=6)  # a lease ends
        try:
            delivers(sqlite_opened, receiver, clock)
        except _KillError:
            continue
    assert kills
    assert sorted(receiver.names()) == sorted(f"Story {n}" for n in range(7))
    assert len(receiver.took) == 3


# --- what it says -----------------------------------------------------------------------------------------------------


def summary_of(count: int = 188, **changes: Any) -> Alert:
    """A summary of real-looking headlines in eight languages."""
    told = [
        replace(
            alert(
                id=f"alt_{number:04}",
                title=title,
                url=f"https://www.example.org/news/{number}/a-path-of-usual-length-for-a-newspaper",
                topic_title=("Harbours", "Fish canning", "Ports of the north", "Ferries", "Tides")[number % 5],
                story_id=number + 1,
                review_url=f"https://monitor.example.org/articles/{number}",
            ),
            score=0.2 + number % 7 / 20,
            also_carried_by=("Coast Radio",) * (number % 4),
        )
        for number, (_, title) in enumerate(headlines(count, seed=11))
    ]
    return replace(summaries.compose(summaries.entries(told), "desk", limit=12, now=NOON), **changes)


def test_fault_alert_11_the_likely_and_widely_carried_come_first() -> None:
    base = alert(also_carried_by=())
    told = [
        replace(base, id="plain", story_id=1, topic="b", topic_title="B"),
        replace(base, id="by topic", story_id=2, topic="a", topic_title="A"),
        replace(base, id="carried", story_id=3, also_carried_by=("x", "y")),
        replace(base, id="likely", story_id=4, probability=0.97),
        replace(base, id="nearly as likely, and carried", story_id=5, probability=0.96, also_carried_by=("x",)),
        replace(base, id="unlikely", story_id=6, probability=0.3, also_carried_by=("x",) * 9),
    ]
    ranked = [each.alert_ids[0] for each in summaries.entries(told)]
    assert ranked == ["nearly as likely, and carried", "likely", "carried", "by topic", "plain", "unlikely"]


def test_fault_alert_11_alerts_on_one_story_are_one_entry() -> None:
    first = alert(id="a1", created_at=NOON)
    grown = replace(
        first, id="a2", kind=AlertKind.ESCALATED, body="now 6 independent outlets", created_at=NOON + MINUTE
    )
    (entry,) = summaries.entries([grown, first])
    assert entry.alert_ids == ("a1", "a2")
    assert entry.kind is AlertKind.NEW
    assert entry.news == "Growing: now 6 independent outlets"
    (later,) = summaries.entries([grown])
    assert later.news == "Growing since you were told: now 6 independent outlets"
    assert (later.kind, "growing" in render_summary.facts(later)) == (AlertKind.ESCALATED, True)


def test_fault_alert_11_the_id_is_that_of_what_it_tells() -> None:
    assert summary_of(30).id == summary_of(30, created_at=NOON + MINUTE).id != summary_of(31).id


def test_fault_alert_11_a_mail_names_all_with_links() -> None:
    made = summary_of()
    mail = message_from_bytes(compose(made, ENVELOPE, now=NOON).as_bytes(), policy=policy.default)
    assert mail["Subject"] == render.headline(made) == f"Summary: 188 more stories on {summaries._topics(made.entries)}"
    assert mail["List-Id"] == "<summaries.alerts.example.org>"
    for part in ("plain", "html"):
        said = mail.get_body((part,)).get_content()  # type: ignore[union-attr]
        assert said.count("https://www.example.org/news/") == 188
        assert said.count("https://monitor.example.org/articles/") == 188
    text = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert all(f"{number}. {render_summary.title(each)}" in text for number, each in enumerate(made.entries, 1))


@pytest.mark.parametrize("count", [2, 12, 60, 188, 250])
def test_fault_alert_11_a_slack_message_names_all_within_its_limits(count: int) -> None:
    made = summary_of(count)
    payload = message(made)
    assert len(payload["blocks"]) <= 50
    assert len(json.dumps(payload["blocks"], ensure_ascii=False)) < 13_000
    texts = [each["text"]["text"] if "text" in each else each["elements"][0]["text"] for each in payload["blocks"]]
    assert max(map(len, texts)) <= 3000
    lines = "\n".join(texts).split("\n")
    numbered = [line for line in lines if re.match(r"\d+\. ", line)]
    assert [int(line.partition(".")[0]) for line in numbered] == list(range(1, count + 1))
    assert min(map(len, numbered)) > 5
    assert numbered[0].startswith("1. <https://www.example.org/news/")
    assert len(payload["text"]) < 40_000
    assert len(plain_message(made)["text"].split("\n")) == count + 2


def test_fault_alert_11_a_strangers_words_format_nothing_in_a_slack_summary() -> None:
    evil = "<!channel> *x* _y_ | <https://evil.example|bank> & `z` ~w~"
    made = summaries.compose(
        summaries.entries(
            [alert(title=evil, source=evil, topic_title=evil, url="", review_url="", id=str(n)) for n in range(3)]
        ),
        "desk",
        limit=12,
        now=NOON,
    )
    blocks = message(made)["blocks"]
    assert len(blocks) > 3
    for block in blocks:
        text = block.get("text") or block["elements"][0]
        assert not re.search(r"<(?!https?://)|&(?!amp;|lt;|gt;)", text["text"])
        if text["type"] == "mrkdwn":
            assert not re.search(r"[*_`~]", text["text"])


def test_fault_alert_11_a_webhook_with_a_budget_gets_the_summary_as_data() -> None:
    body = json.loads(webhook.body_of(summary_of(20)))
    assert body["type"] == "summary"
    assert len(body["data"]["entries"]) == 20
    assert body["data"]["entries"][0].keys() >= {"ids", "title", "url", "topics", "probability", "outlets"}
    assert "entries" not in json.loads(webhook.body_of(alert()))["data"]


def test_fault_alert_11_a_larger_surge_is_several_summaries(sqlite_opened: Database, clock: SetClock) -> None:
    receiver = Receiver(clock)
    for number in range(600):
        decides(sqlite_opened, number, NOON)
    for _ in range(3):
        clock.passes(minutes=33)
        delivers(sqlite_opened, receiver, clock)
    assert [len(each.entries) for _, each in receiver.took if each.entries] == [250, 250, 88]
    assert len(set(receiver.names())) == 600
