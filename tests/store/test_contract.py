"""What the store promises, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlmodel import Session, select

from monitor.alerting import retry
from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling import cadence
from monitor.polling.assess import assess
from monitor.polling.cadence import Cadence
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.store import (
    alert_lists,
    alerts,
    archive,
    articles,
    channels,
    decisions,
    migrate,
    page_visits,
    self_training,
    topics,
    verdicts,
)
from monitor.store.articles import Sighting
from monitor.store.db import Database, serialize_decisions
from monitor.store.feeds import feed_leases, feed_reports, shown_entries
from monitor.store.figures import whole_store
from monitor.store.indexes import word_index
from monitor.store.outbox import by_hand, delivery_queue, delivery_states
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, DecisionRow, EntryRow, RevisionRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow, HostRow, PageRow
from monitor.store.tables.indexes import ProfileKeyRow, ProfileRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.schema import metadata
from monitor.store.tables.topics import TopicRow
from monitor.types import digests
from monitor.types.alerting import Alert, AlertKind, AttemptResult, Outcome
from monitor.types.errors import FetchError, StoreError
from monitor.types.fetching import Entry, Fetched, PageVisit, Validators
from monitor.types.matching import Article, Grade, Score, Seed, Topic, Verdict
from monitor.types.stories import Arrival, ArticleKind
from tests.conftest import NOON
from tests.fakes.settings import channel, feed, put_in_force

BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)
TOPIC = Topic(
    name="marrow-bridge",
    title="Marrow bridge",
    seeds=(Seed(file="one.txt", title="Marrow bridge piers cracked", text=BRIDGE, language="en"),),
)
LATER = NOON + timedelta(days=40)
CHANNELS = {"desk": "d1", "wire": "w1"}


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


def article(**changes: object) -> Article:
    plain = Article(
        guid="a1",
        url="https://herald.example/marrow-bridge",
        title="Marrow bridge closed to lorries as piers crack",
        text=BRIDGE,
        language="en",
        published_at=NOON,
        seen_at=NOON,
        source="herald",
        grade=Grade.FULL,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def add_feed(session: Session, name: str = "herald", **changes: object) -> FeedRow:
    row = FeedRow(
        name=name, url=f"https://{name}.example/feed", host=f"{name}.example", interval_seconds=900, next_poll_at=NOON
    )
    for key, value in changes.items():
        setattr(row, key, value)
    session.add(row)
    session.flush()
    return row


def file(
    session: Session,
    matcher: Matcher,
    one: Article,
    *,
    feed_id: int | None = None,
    now: datetime = NOON,
    **arrival: object,
) -> FiledArticle:
    sighting = Sighting(feed_id=feed_id, guid=one.guid, content_key=digests.key_of(one.full_text)) if feed_id else None
    judged = assess(one, matcher, arrival=Arrival(**arrival), sighting=sighting)  # type: ignore[arg-type]
    telling = AlertingContext(topics={TOPIC.name: TOPIC}, channels=CHANNELS, base_url="http://127.0.0.1:8000")
    return file_article(session, judged, telling, now=now)


def sync_channels(session: Session, **destinations: str) -> None:
    put_in_force(session, "channel", [channel(name, to) for name, to in destinations.items()], now=NOON)


# --- schema -----------------------------------------------------------------------------------------------------------


def test_migrations_make_exactly_the_tables_of_the_models(db: Database) -> None:
    with db.reading() as session:
        own = ("article_search", "ix_article_search", *(() if db.is_sqlite else ("shingles", "sketches")))

        def is_ours(_object: object, name: str | None, *_rest: object) -> bool:
            return not (name or "").startswith(own)

        context = MigrationContext.configure(session.connection(), opts={"include_object": is_ours})
        assert compare_metadata(context, metadata) == []


def test_an_upgraded_store_is_left_alone_the_second_time(db: Database) -> None:
    assert migrate.upgrade(db) is False


def test_k9_an_old_program_refuses_a_newer_schema(db: Database) -> None:
    with db.writing() as session:
        session.connection().execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        migrate.upgrade(db)
    with pytest.raises(StoreError, match="newer version"):
        migrate.check(db)


# --- feeds ------------------------------------------------------------------------------------------------------------


def claim(session: Session, now: datetime = NOON, **limits: int) -> list[str]:
    wanted = {"limit": 10, "per_host": 2} | limits
    return [each.name for each in feed_leases.claim_due(session, now=now, lease_for=timedelta(minutes=10), **wanted)]


def test_a_due_feed_is_claimed_once_and_again_when_its_lease_ran_out(db: Database) -> None:
    with db.writing() as session:
        add_feed(session)
        add_feed(session, "later", next_poll_at=NOON + timedelta(hours=1))
    with db.writing() as session:
        assert claim(session) == ["herald"]
    with db.writing() as session:
        assert claim(session) == []
    with db.writing() as session:
        assert claim(session, NOON + timedelta(minutes=11)) == ["herald"]


def test_only_leases_that_are_held_count_as_taken_up(db: Database) -> None:
    with db.writing() as session:
        add_feed(session, "herald", next_poll_at=NOON - timedelta(minutes=1))
        add_feed(session, "mirror", next_poll_at=NOON + timedelta(minutes=1))
        assert claim(session) == ["herald"]
        assert feed_leases.release_all(session) == 1
        assert feed_leases.release_all(session) == 0


def test_f15_no_more_than_two_feeds_of_one_host_are_polled_at_once(db: Database) -> None:
    with db.writing() as session:
        for number in range(5):
            add_feed(session, f"feed{number}", host="one.example")
    with db.writing() as session:
        assert len(claim(session)) == 2
    with db.writing() as session:
        assert claim(session) == []


def test_f15_two_hundred_feeds_of_one_host_do_not_stand_before_all_others(db: Database) -> None:
    with db.writing() as session:
        for number in range(200):
            add_feed(session, f"feed{number}", host="one.example")
        add_feed(session, "herald", host="two.example", next_poll_at=NOON)
    with db.writing() as session:
        assert len(claim(session)) == 3
    with db.writing() as session:
        assert claim(session) == []


def test_f14_a_host_that_named_a_time_is_left_alone_until_then(db: Database) -> None:
    with db.writing() as session:
        add_feed(session, "a", host="shy.example")
        add_feed(session, "b", host="shy.example", next_poll_at=NOON + timedelta(seconds=1))
    with db.writing() as session:
        state = feed_leases.claim_due(session, now=NOON, lease_for=timedelta(minutes=10), limit=1, per_host=2)[0]
        error = FetchError(
            "busy", url=state.url, code="429", status=429, retry_after_for=timedelta(seconds=120), host="shy.example"
        )
        update = cadence.update_after_failure(state, error, Cadence(), now=NOON, jitter=0)
        feed_leases.settle(session, update)
        assert update.refusal
        page_visits.rest_host(session, "shy.example", cadence.host_rest(None, update.refusal, now=NOON))
    with db.writing() as session:
        assert claim(session, NOON + timedelta(seconds=100)) == []
        assert claim(session, NOON + timedelta(seconds=121)) == ["b", "a"], "the refused feed waits as told, too"


def test_k7_a_poller_that_lost_its_lease_cannot_settle(db: Database) -> None:
    with db.writing() as session:
        add_feed(session)
    with db.writing() as session:
        slow = feed_leases.claim_due(session, now=NOON, lease_for=timedelta(minutes=1), limit=1, per_host=1)[0]
    with db.writing() as session:
        assert claim(session, NOON + timedelta(minutes=2)) == ["herald"]
    update = cadence.reschedule(slow, timedelta(hours=1), why="", now=NOON)
    with pytest.raises(feed_leases.LeaseLostError), db.writing() as session:
        feed_leases.settle(session, update)


def test_f16_an_error_leaves_validators_and_first_poll_as_they_are(db: Database) -> None:
    with db.writing() as session:
        add_feed(session, etag='"abc"', last_modified="yesterday")
    with db.writing() as session:
        state = feed_leases.claim_due(session, now=NOON, lease_for=timedelta(minutes=10), limit=1, per_host=1)[0]
        feed_leases.settle(
            session, cadence.update_after_failure(state, StoreError("html"), Cadence(), now=NOON, jitter=0)
        )
    with db.reading() as session:
        row = session.exec(select(FeedRow)).one()
        assert (row.etag, row.last_modified, row.first_polled_at, row.failures) == ('"abc"', "yesterday", None, 1)


def test_a_good_poll_is_remembered_with_its_validators(db: Database) -> None:
    with db.writing() as session:
        add_feed(session, failures=3, failing_since_at=NOON)
    with db.writing() as session:
        state = feed_leases.claim_due(session, now=NOON, lease_for=timedelta(minutes=10), limit=1, per_host=1)[0]
        fetched = Fetched(
            url=state.url,
            final_url=state.url,
            status=200,
            at=NOON,
            validators=Validators(etag='W/"é"', last_modified="x"),
        )
        from monitor.types.fetching import ParsedFeed

        update = cadence.update_after_answer(
            state, fetched, ParsedFeed(title="T"), Cadence(), body_hash="h", now=NOON, jitter=0
        )
        feed_leases.settle(session, update)
    with db.reading() as session:
        row = session.exec(select(FeedRow)).one()
        assert (row.etag, row.body_hash, row.own_title, row.failures, row.failing_since_at) == (
            'W/"é"',
            "h",
            "T",
            0,
            None,
        )
        assert row.first_polled_at == NOON
        assert row.next_poll_at == NOON + timedelta(seconds=900)


def test_feeds_of_the_settings_come_go_and_keep_what_was_learned(db: Database) -> None:
    with db.writing() as session:
        put_in_force(session, "feed", [feed("a"), feed("b")], now=NOON)
    with db.writing() as session:
        session.exec(select(FeedRow).where(FeedRow.name == "a")).one().etag = '"kept"'
    with db.writing() as session:
        put_in_force(session, "feed", [feed("a"), feed("c")], now=NOON)
    with db.reading() as session:
        assert {row.name: row.is_enabled for row in feed_reports.of_all(session)} == {"a": True, "b": False, "c": True}
        assert session.exec(select(FeedRow).where(FeedRow.name == "a")).one().etag == '"kept"'


# --- articles ---------------------------------------------------------------------------------------------------------


FOLLOW_UP = (
    "Cracks in two stone piers have closed the Marrow bridge to lorries. Divers found them on Tuesday, the council said, and ferry "
    "services will run until midnight while engineers work. Repairs of the piers would cost four million crowns."
)


def test_an_event_told_in_other_words_is_found_by_its_terms_also_after_a_revision(db: Database) -> None:
    reader = build([], background=Background.shipped())
    with db.writing() as session:
        feed = add_feed(session)
        first = file(session, reader, article(), feed_id=feed.id)
        file(session, reader, article(title="Marrow bridge shut", text=BRIDGE + " Nobody is hurt."), feed_id=feed.id)
        url = "https://courier.example/8"
        later = file(session, reader, article(guid="z", url=url, title="No lorries on Marrow bridge", text=FOLLOW_UP))
        wide = file(session, reader, article(guid="w", url=url + "8", title="No lorries", text=FOLLOW_UP), now=LATER)
    assert (later.choice.kind, later.story_id, later.choice.of_article_id) == (
        "joins",
        first.article_id,
        first.article_id,
    )
    assert wide.choice.kind == "new", "nothing is looked at beyond the window"
    with db.reading() as session:
        told = {row.article_id for row in session.exec(select(ProfileKeyRow))}
        assert told == {row.article_id for row in session.exec(select(ProfileRow))}


def test_an_article_is_found_by_its_copy_its_address_and_its_guid(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        feed = add_feed(session)
        assert feed.id
        first = file(session, matcher, article(), feed_id=feed.id)
        copy = file(
            session, matcher, article(guid="x", url="https://courier.example/9", title="Lorries off", source="courier")
        )
        again = file(session, matcher, article(guid="y", url="http://www.herald.example/marrow-bridge?utm_source=x"))
        edited = file(session, matcher, article(text=BRIDGE.replace("eleven", "twenty")), feed_id=feed.id)
    assert first.choice.kind == "new"
    assert first.decision.alerting_topics == ("marrow-bridge",)
    assert (copy.choice.kind, copy.choice.of_article_id, copy.is_new) == ("copy", first.article_id, True)
    assert (again.article_id, again.is_new) == (first.article_id, False)
    assert (edited.choice.kind, edited.article_id) == ("update", first.article_id)
    with db.reading() as session:
        assert len(session.exec(select(ArticleRow)).all()) == 2
        assert session.exec(select(RevisionRow)).one().text == BRIDGE
        assert "twenty weeks" in session.get_one(ArticleRow, first.article_id).text
        assert sorted(row.kind for row in session.exec(select(AlertRow))) == ["new", "updated"]


def test_what_is_no_web_address_makes_no_two_articles_one(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        first = file(session, matcher, article(guid="a", url="tag:herald,1"))
        second = file(session, matcher, article(guid="b", url="javascript:1", source="mirror"))
        assert second.choice.kind is ArticleKind.COPY
        assert first.article_id != second.article_id


def test_unseen_knows_what_was_shown_and_what_changed(db: Database, matcher: Matcher) -> None:
    shown, changed, fresh = (Entry(guid=each, url="", title=f"title {each}") for each in "abc")
    with db.writing() as session:
        feed = add_feed(session)
        assert feed.id
        filed = file(session, matcher, article())
        for entry in (shown, changed):
            sighting = Sighting(feed_id=feed.id, guid=entry.guid, content_key=digests.content_key(entry))
            articles.record_entry(session, sighting, filed.article_id, now=NOON)
    now_reads = replace(changed, title="another")
    with db.reading() as session:
        assert articles.new_or_changed(session, feed.id, [shown, now_reads, fresh]) == [now_reads, fresh]


def test_f18_one_guid_in_two_feeds_leads_to_two_articles(db: Database, matcher: Matcher) -> None:
    other = "The orchestra plays its first concert of the winter on Friday, with a new conductor and two pieces by local composers."
    with db.writing() as session:
        one, two = add_feed(session), add_feed(session, "courier")
        assert one.id
        assert two.id
        a = file(session, matcher, article(guid="1"), feed_id=one.id)
        b = file(
            session,
            matcher,
            article(guid="1", url="https://courier.example/1", title="Concert", text=other),
            feed_id=two.id,
        )
    assert a.article_id != b.article_id
    with db.reading() as session:
        assert len(session.exec(select(EntryRow)).all()) == 2


def test_x6_what_a_database_refuses_was_cleaned_before_or_rolls_back_nothing_else(
    db: Database, matcher: Matcher
) -> None:
    from monitor.text.tokens import clean

    with db.writing() as session:
        file(session, matcher, article(title=clean("Bridge\x00 closed \ud800 now")))
    with db.reading() as session:
        assert session.exec(select(ArticleRow.title)).one() == "Bridge closed now"


def test_every_article_has_exactly_one_decision_with_its_reason(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        file(session, matcher, article())
        file(session, matcher, article(guid="2", url="https://x.example/2", title="Tea", text="Tea is drunk hot."))
    with db.reading() as session:
        assert list(session.exec(select(DecisionRow.reason).order_by(DecisionRow.article_id))) == [
            "ALERTED",
            "NO_MATCH",
        ]


def test_k3_a_transaction_that_fails_leaves_neither_article_nor_alert(db: Database, matcher: Matcher) -> None:
    with pytest.raises(RuntimeError, match="killed"), db.writing() as session:
        file(session, matcher, article())
        raise RuntimeError("killed")
    with db.reading() as session:
        assert session.exec(select(ArticleRow)).all() == []
        assert session.exec(select(DeliveryRow)).all() == []


# --- search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Мост через Марроу закрыт", "мост"),
        ("پل قدیمی مارو بسته شد", "پل بسته"),
        ("मारो पुल बंद हुआ", "पुल"),
        ("马罗大桥关闭维修", "大桥"),
        ("The café’s 1.5 million crowns", "café 1.5"),
        ("Bridge closed", "brid"),
    ],
)
def test_words_are_found_in_any_script(db: Database, matcher: Matcher, title: str, asked: str) -> None:
    with db.writing() as session:
        filed = file(session, matcher, article(title=title, text="", url=""))
    with db.reading() as session:
        assert list(word_index.find_by_words(session, asked)) == [filed.article_id]
        assert list(word_index.find_by_words(session, "zeppelin")) == []


@pytest.mark.parametrize(
    "asked",
    [
        '"',
        "*",
        "AND",
        "NOT x",
        "a-b",
        "c++",
        "x'y",
        "title:",
        "nosuch:x",
        "NEAR(a b, 3)",
        "(" * 5000,
        "\x00",
        "'; DROP TABLE x",
        "a\\b",
        "& | !",
        ":*",
    ],
)
def test_u10_no_query_is_an_error(db: Database, asked: str) -> None:
    with db.reading() as session:
        assert list(word_index.find_by_words(session, asked)) == []


def test_an_edited_article_is_found_by_its_new_words_only(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        file(session, matcher, article(text=BRIDGE + " Pelicans."))
        file(session, matcher, article(text=BRIDGE + " Herons."))
    with db.reading() as session:
        assert list(word_index.find_by_words(session, "pelicans")) == []
        assert len(word_index.find_by_words(session, "herons")) == 1


# --- alerts and the outbox --------------------------------------------------------------------------------------------


def settle(session: Session, outcome: Outcome, *, now: datetime, channel: str = "desk") -> str | None:
    delivery = delivery_queue.claim_next(session, channel, now=now, lease_for=timedelta(minutes=5))
    if delivery is None:
        return None
    before = channels.state(session, channel)
    update = retry.after_attempt(delivery, before, outcome, now=now, jitter=0)
    delivery_queue.settle(session, delivery, outcome, update, started_at=now, now=now)
    return update.state


def test_an_alert_is_committed_with_its_article_and_goes_to_every_channel(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        filed = file(session, matcher, article())
    with db.writing() as session:
        assert sorted(delivery_queue.due_channels(session, CHANNELS, now=NOON)) == ["desk", "wire"]
        assert delivery_queue.due_channels(session, {"desk": "elsewhere"}, now=NOON) == []
        delivery = delivery_queue.claim_next(session, "desk", now=NOON, lease_for=timedelta(minutes=5))
        assert delivery
        assert delivery.alert == filed.alerts[0]
        assert delivery.alert.article
        assert delivery.alert.article.title == "Marrow bridge closed to lorries as piers crack"
        assert delivery_queue.claim_next(session, "desk", now=NOON, lease_for=timedelta(minutes=5)) is None


def test_an_alert_names_those_who_carry_the_story_when_it_is_first_sent(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        file(session, matcher, article())
        file(session, matcher, article(guid="x", url="https://courier.example/9", source="courier"))
    with db.writing() as session:
        delivery = delivery_queue.claim_next(session, "desk", now=NOON, lease_for=timedelta(minutes=5))
        assert delivery
        assert delivery.alert.also_carried_by == ("courier",)


def test_w8_a_delivery_fails_three_times_and_is_sent_at_the_fourth(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        file(session, matcher, article())
    failed = Outcome(result=AttemptResult.TRANSIENT, code="500")
    now, states = NOON, []
    for outcome in (failed, failed, failed, Outcome(result=AttemptResult.SENT, code="204")):
        with db.writing() as session:
            assert settle(session, outcome, now=now - timedelta(seconds=1)) is None or now == NOON
            states.append(settle(session, outcome, now=now))
        with db.reading() as session:
            row = session.exec(select(DeliveryRow).where(DeliveryRow.channel == "desk")).one()
        now = row.next_at
    assert states == ["pending", "pending", "pending", "sent"]
    assert row.attempts == 4
    assert now - NOON == timedelta(seconds=5 + 300 + 1800)


def test_w6_a_channel_that_is_gone_holds_its_alerts_until_it_is_mended(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        file(session, matcher, article())
        assert settle(session, Outcome(result=AttemptResult.GONE, code="410", detail="archived"), now=NOON) == "held"
    with db.writing() as session:
        file(
            session,
            matcher,
            article(guid="2", url="https://h.example/2", text=BRIDGE.replace("Tuesday", "Friday") * 2, title="x"),
        )
        assert (
            delivery_queue.claim_next(session, "desk", now=NOON + timedelta(days=1), lease_for=timedelta(minutes=5))
            is None
        )
    with db.writing() as session:
        assert by_hand.retry(session, now=NOON, destinations={"desk": "d1"}) >= 1
        assert settle(session, Outcome(result=AttemptResult.SENT), now=NOON) == "sent"


def test_w18_a_changed_destination_holds_what_was_meant_for_the_old_one(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        file(session, matcher, article())
    with db.writing() as session:
        sync_channels(session, desk="d2", wire="w1")
    with db.reading() as session:
        rows = {row.channel: (row.state, row.last_detail) for row in session.exec(select(DeliveryRow))}
    assert rows == {"desk": ("held", "the channel's destination was changed since"), "wire": ("pending", "")}


def test_k7_a_delivery_that_lost_its_lease_cannot_be_settled(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        file(session, matcher, article())
    with db.writing() as session:
        stalled = delivery_queue.claim_next(session, "desk", now=NOON, lease_for=timedelta(minutes=5))
        assert stalled
    later = NOON + timedelta(minutes=6)
    with db.writing() as session:
        assert settle(session, Outcome(result=AttemptResult.SENT), now=later) == "sent"
    with db.writing() as session:
        update = retry.after_attempt(
            stalled, channels.state(session, "desk"), Outcome(result=AttemptResult.GONE), now=later, jitter=0
        )
        assert (
            delivery_queue.settle(
                session, stalled, Outcome(result=AttemptResult.GONE), update, started_at=NOON, now=later
            )
            is False
        )
    with db.reading() as session:
        assert session.exec(select(DeliveryRow.state).where(DeliveryRow.channel == "desk")).one() == "sent"


def test_a_notice_is_told_once_for_its_key(db: Database) -> None:
    def notice() -> Alert:
        return Alert(id=alerts.new_id(), kind=AlertKind.NOTICE, created_at=NOON, title="The feed x is failing")

    with db.writing() as session:
        sync_channels(session, **CHANNELS)
        assert alerts.enqueue(session, notice(), key="feed/1/failing", channels=CHANNELS, deliver_at=NOON)
        assert not alerts.enqueue(session, notice(), key="feed/1/failing", channels=CHANNELS, deliver_at=NOON)


# --- verdicts ---------------------------------------------------------------------------------------------------------


def test_a_verdict_stands_on_its_match_and_becomes_an_example(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        filed = file(session, matcher, article())
        verdict = Verdict(article_id=filed.article_id, topic="marrow-bridge", is_relevant=False, by="ada", at=NOON)
        assert verdicts.record(session, verdict)
        assert not verdicts.record(session, replace(verdict, topic="nonsense"))
    with db.reading() as session:
        assert session.exec(select(MatchRow.is_relevant)).one() is False
        (example,) = verdicts.examples(session)
        assert (example.topic, example.text, example.is_relevant) == ("marrow-bridge", BRIDGE, False)
        assert verdicts.latest_id(session) > 0


def test_what_an_answer_is_compared_with_leaves_answers_out_and_stays_as_it_was(db: Database, matcher: Matcher) -> None:
    """Otherwise what a topic learns would depend on the order of its owner's answers."""
    with db.writing() as session:
        filed = file(session, matcher, article())
        (match,) = session.exec(select(MatchRow))
        assert match.decision_id is not None

        def decided(score: float, of_answers: float) -> float | None:
            again = Score(
                topic=match.topic, score=score, threshold=0.2, is_match=True, of_answers=of_answers, factor=0.5
            )
            decisions.show_in_matches(session, filed.article_id, [again], decision_id=match.decision_id or 0)
            session.expire_all()
            return match.prior_share

        for score, of_answers in ((0.4, 0.1), (0.3, 0.0), (0.2, -0.1)):
            assert decided(score, of_answers) == pytest.approx(0.5 * 0.31 / 0.21)
        before = match.prior_share
        verdict = Verdict(article_id=filed.article_id, topic=match.topic, is_relevant=True, by="ada", at=NOON)
        verdicts.record(session, verdict)
        assert decided(0.6, 0.2) == before
        assert match.score == 0.6
        assert [each.share for each in verdicts.examples(session)] == [before]


def test_confident_matches_teach_until_somebody_reviews_them(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        first = file(session, matcher, article())
        later = article(guid="b", url="https://x.example/2", title="Marrow bridge piers cracked", text=BRIDGE[:150])
        file(session, matcher, later, now=NOON - timedelta(minutes=1))  # its poll began before
        file(session, matcher, article(guid="c", url="https://x.example/3", title="Tea", text="Tea is drunk hot."))

    def learned(limit: int = 9) -> list[tuple[str, float]]:
        with db.reading() as session:
            found = self_training.examples(session, ["marrow-bridge", "x"], limit_each=limit)
        return [(each.title, each.weight) for each in found]

    whole = ("Marrow bridge closed to lorries as piers crack", 1.0), ("Marrow bridge piers cracked", 1.0)
    assert learned() == list(whole)
    assert learned(limit=1) == [whole[1]]
    with db.writing() as session:
        assert not self_training.partial_examples_since(session, 0), "these were learned in full"
        (match,) = session.exec(select(MatchRow).where(MatchRow.article_id == first.article_id))
        match.score = 0.0  # decided anew since; it has trained its topic all the same
        session.add(match)
    assert learned() == list(whole)
    with db.writing() as session:
        verdict = Verdict(article_id=first.article_id, topic="marrow-bridge", is_relevant=False, by="ada", at=NOON)
        verdicts.record(session, verdict)
    assert learned() == [whole[1]]


def test_the_archive_gives_its_latest_articles_up_to_a_mark(db: Database, matcher: Matcher) -> None:
    with db.reading() as session:
        assert (archive.latest_id(session), archive.sample(session, up_to=9, limit=9, characters=9)) == (0, [])
    with db.writing() as session:
        for number, word in enumerate(("Tea", "Milk", "Salt", "Wool")):
            grade = Grade.WALL if word == "Milk" else Grade.FULL
            url = f"https://x.example/{number}"
            file(
                session,
                matcher,
                article(guid=word, url=url, title=word, text=f"{word} is sold by weight.", grade=grade),
            )
    with db.reading() as session:
        last = archive.latest_id(session)
        found = archive.sample(session, up_to=last - 1, limit=2, characters=6)
    assert found == [("Tea", "Tea is", "en"), ("Salt", "Salt i", "en")]


def test_a_changed_folder_is_a_new_version_of_its_topic(db: Database) -> None:
    with db.writing() as session:
        assert topics.sync(session, [replace(TOPIC, digest="1")], now=NOON) == ["marrow-bridge"]
        assert topics.sync(session, [replace(TOPIC, digest="1")], now=NOON) == []
        assert topics.sync(session, [replace(TOPIC, digest="2")], now=NOON) == ["marrow-bridge"]
    with db.reading() as session:
        assert session.get_one(TopicRow, "marrow-bridge").version == 2


# --- concurrency ------------------------------------------------------------------------------------------------------


def test_two_pollers_that_meet_one_story_at_once_make_one_alert(db: Database, matcher: Matcher) -> None:
    start = threading.Barrier(6)
    filed: list[FiledArticle] = []

    def poll(number: int) -> None:
        one = article(guid=str(number), url=f"https://outlet{number}.example/b", source=f"outlet{number}")
        start.wait()
        with db.writing() as session:
            serialize_decisions(session)
            filed.append(file(session, matcher, one))

    threads = [threading.Thread(target=poll, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.choice.kind for each in filed) == ["copy"] * 5 + ["new"]
    with db.reading() as session:
        assert len(session.exec(select(AlertRow)).all()) == 1


def test_d7_ten_writers_lose_no_update(db: Database) -> None:
    with db.writing() as session:
        add_feed(session)

    def count_up() -> None:
        for _ in range(20):
            with db.writing() as session:
                statement = select(FeedRow).where(FeedRow.name == "herald")
                row = session.exec(statement if db.is_sqlite else statement.with_for_update()).one()
                row.polls += 1

    threads = [threading.Thread(target=count_up) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.reading() as session:
        assert session.exec(select(FeedRow.polls)).one() == 200


# --- what commands are told -------------------------------------------------------------------------------------------


def test_alerts_and_deliveries_are_counted_and_found(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        assert whole_store.last_written_at(session) is None
        sync_channels(session, **CHANNELS)
        filed = file(session, matcher, article())
        file(session, matcher, article(guid="x", url="https://courier.example/9", source="courier"))
        assert settle(session, Outcome(result=AttemptResult.SENT), now=NOON) == "sent"
        last = delivery_states.last_attempt(session)
        assert settle(session, Outcome(result=AttemptResult.GONE), now=NOON, channel="wire") == "held"
    alert_id = filed.alerts[0].id
    with db.reading() as session:
        assert {state: count for state, count in delivery_states.states(session).items() if count} == {
            "sent": 1,
            "held": 1,
        }
        assert delivery_states.results_since(session, last) == [("wire", "gone")]
        assert by_hand.stuck_channels(session) == by_hand.stuck_channels(session, alert_id) == {"wire"}
        assert by_hand.stuck_channels(session, "alt_other") == set()
        assert [each.id for each in alert_lists.latest(session, state="held", topic=TOPIC.name, limit=9)] == [alert_id]
        assert (
            alert_lists.latest(session, state="dead", limit=9)
            == alert_lists.latest(session, topic="other", limit=9)
            == []
        )
        assert [each.title for each in alert_lists.with_id_prefix(session, alert_id[:9])] == [filed.alerts[0].title]
        assert whole_store.totals(session) == whole_store.Totals(
            articles=2, copies=1, matches=2, alerts=1, stories_told=1, deliveries_retried=0
        )
        assert (whole_store.matches_by_topic(session), whole_store.alerts_by_topic(session)) == (
            {TOPIC.name: 1},
            {TOPIC.name: 1},
        )
        assert whole_store.article_span(session) == (NOON, NOON)


def test_a_poll_is_held_against_what_its_feed_and_others_have_shown(db: Database, matcher: Matcher) -> None:
    with db.writing() as session:
        own, other = add_feed(session), add_feed(session, "courier")
        file(session, matcher, article(), feed_id=own.id)
        file(session, matcher, article(guid="x", url="https://courier.example/9", source="courier"), feed_id=other.id)
        feed = feed_leases.claim(session, own.name, now=NOON, lease_for=timedelta(minutes=5))
        assert feed
        guids = [digests.key_of(each) for each in ("a1", "x")]
        addresses = [articles.url_key(each) for each in (article().url, "https://courier.example/9")]
        shown = shown_entries.known_keys(session, feed, guids=[*guids, 0], addresses=addresses, texts=[0])
        assert shown == shown_entries.KnownKeys(
            guids=frozenset(guids[:1]), by_feed=frozenset(addresses[:1]), by_any=frozenset(addresses)
        )
        assert shown_entries.count_entries(session, feed.id, since_at=NOON - timedelta(hours=1)) == 1
        assert shown_entries.count_entries(session, feed.id, since_at=NOON) == 0
        assert shown_entries.note_burst(session, feed.id, now=NOON) is None
        assert shown_entries.note_burst(session, feed.id, now=LATER) == NOON


# --- pages ------------------------------------------------------------------------------------------------------------


def visit(url: str, at: datetime = NOON, *, paused_for: timedelta | None = None) -> PageVisit:
    return PageVisit(url=url, at=at, outcome="read", host_paused_until_at=at + paused_for if paused_for else None)


def test_a_page_is_open_until_it_was_asked_for(db: Database) -> None:
    url, same = "https://news.example/a?utm_source=x", "http://www.news.example/a"
    with db.writing() as session:
        assert page_visits.may_fetch(session, url, per_day=9, now=NOON)
        page_visits.record(session, [visit(url), visit(url)])
        page_visits.record(session, [visit(url, NOON + timedelta(hours=1))])
    with db.reading() as session:
        assert [row.asked_at for row in session.exec(select(PageRow))] == [NOON]
        assert not page_visits.may_fetch(session, url, per_day=9, now=NOON + timedelta(days=400))
        assert page_visits.may_fetch(session, same, per_day=9, now=NOON) == (
            articles.url_key(same) != articles.url_key(url)
        )
        assert not page_visits.may_fetch(session, "", per_day=9, now=NOON)


def test_a_host_is_left_alone_after_its_number_of_pages_and_while_it_is_paused(db: Database) -> None:
    with db.writing() as session:
        page_visits.record(session, [visit(f"https://busy.example/{n}") for n in range(3)])
        page_visits.record(session, [visit("https://shy.example/1", paused_for=timedelta(hours=5))])
        session.add(HostRow(host="asked.example", paused_until_at=NOON + timedelta(hours=1)))

    def is_open(host: str, *, per_day: int = 3, **later: float) -> bool:
        with db.reading() as session:
            now = NOON + timedelta(**later)
            return page_visits.may_fetch(session, f"https://{host}/new", per_day=per_day, now=now)

    assert not is_open("busy.example")
    assert is_open("busy.example", per_day=4)
    assert is_open("busy.example", hours=25)
    assert not is_open("shy.example", hours=4)
    assert is_open("shy.example", hours=6)
    assert not is_open("asked.example")
    assert is_open("asked.example", hours=2)
    assert is_open("other.example")
