"""An article on its way into the store: read, decide, write, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import importlib.util
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, func, select

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.decide import decide
from monitor.polling.intake import file_article
from monitor.polling.known import read
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.polling.write import write
from monitor.review import articles as records
from monitor.review import inbox
from monitor.review.inbox import InboxQuery
from monitor.review.matches import flat
from monitor.store import alert_lists
from monitor.store.articles import Sighting
from monitor.store.db import Database, Session
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.matches import MatchRow
from monitor.types.digests import key_of
from monitor.types.errors import StoreError
from monitor.types.matching import Article, Grade, Seed, Topic
from monitor.types.stories import Arrival, Cause, EscalationLimits
from tests.conftest import NOON, SetClock
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom
from tests.store.test_contract import add_feed

ROOT = Path(__file__).parents[2]
BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)
CHOIR = (
    "The girls' choir of Saint Anne, which won the first prize at the singing contest in the capital, sings tonight. The jury's "
    "head, Oda Brandt, said that the choir had sung better than any other, and that the prize money would buy a piano."
)
BOTH = f"{BRIDGE} {CHOIR}"
TOPICS = tuple(
    Topic(name=name, title=title, seeds=(Seed(file="one.txt", title=title, text=words, language="en"),), channels=to)
    for name, title, words, to in (
        ("bridge", "Marrow bridge", BRIDGE, ("desk", "night")),
        ("choir", "Choir of Saint Anne", CHOIR, ("night", "music")),
    )
)
DESK = AlertingContext(
    topics={each.name: each for each in TOPICS},
    channels={"desk": "d", "night": "n", "music": "m"},
    base_url="http://127.0.0.1:8000",
    limits=EscalationLimits(outlets=2, pace=2),
)
NO_UPDATES = replace(DESK, tells_updates=False)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build(TOPICS, background=Background.shipped())


def article(number: int, words: str, **changes: Any) -> Article:
    at = NOON + timedelta(minutes=10 * number)
    plain = Article(
        guid=f"g{number}", url=f"https://paper{number}.example/{number}-news", title=f"News of the day {number}", text=words,
        language="en", published_at=at, seen_at=at, source=f"paper{number}", grade=Grade.FULL,
    )  # fmt: skip
    return replace(plain, **changes)


def files(session: Session, matcher: Matcher, one: Article, context: AlertingContext = DESK) -> FiledArticle:
    sighting = Sighting(feed_id=1, guid=one.guid, content_key=key_of(one.full_text))
    assessed = assess(one, matcher, arrival=Arrival(), sighting=sighting)
    return file_article(session, assessed, context, now=one.seen_at)


@pytest.fixture
def store(db: Database) -> Database:
    """A store with one feed."""
    with db.writing() as session:
        add_feed(session)
    return db


# --- read, decide, write ------------------------------------------------------------------------------------------------

STREAM = [
    article(1, BRIDGE),
    article(2, BRIDGE),
    article(3, BRIDGE.replace("eleven weeks", "twenty weeks"), title="Repairs take longer"),
    article(1, BRIDGE.replace("four million", "five million")),
    article(1, BRIDGE, url="", guid="g1"),
    article(
        5,
        "Divers have found further cracks in the piers of the Marrow bridge, said engineer Oda Brandt. " + BRIDGE[:90],
    ),
    article(6, BOTH),
    article(7, "Tea is drunk hot."),
    article(8, CHOIR, grade=Grade.WALL),
]


@contextmanager
def reading_only(db: Database) -> Iterator[Session]:
    """A session whose database refuses to write, also what goes past SQLAlchemy to the driver."""
    with db.reading() as session:
        session.connection().execute(text("PRAGMA query_only = ON" if db.is_sqlite else "SET TRANSACTION READ ONLY"))
        yield session
        if db.is_sqlite:
            session.connection().execute(text("PRAGMA query_only = OFF"))


def test_nothing_is_written_before_the_decision_is_complete(store: Database, matcher: Matcher) -> None:
    with pytest.raises(StoreError), reading_only(store) as session:
        add_feed(session, "refused")
    if store.is_sqlite:
        store.close()  # the setting is the connection's
    kinds = set()
    for one in STREAM:
        sighting = Sighting(feed_id=1, guid=one.guid, content_key=key_of(one.full_text))
        assessed = assess(one, matcher, arrival=Arrival(), sighting=sighting)
        with reading_only(store) as session:
            filing = decide(assessed, read(session, assessed, DESK, now=one.seen_at), DESK, now=one.seen_at)
        with store.writing() as session:
            kinds.add(write(session, filing, DESK, now=one.seen_at).choice.kind)
    assert {"new", "copy", "update"} <= kinds, kinds
    with store.reading() as session:
        assert session.exec(select(func.count()).select_from(AlertRow)).one() >= 2


def test_an_article_enters_eight_rooms_from_poll_to_outbox(sqlite_db: Database, matcher: Matcher) -> None:
    """Those that docs/architecture.md names."""
    rooms: set[str] = set()

    def enters(frame: Any, event: str, _argument: object) -> None:
        found = re.fullmatch(r"monitor\.(\w+)\..*", frame.f_globals.get("__name__", "")) if event == "call" else None
        rooms.update({found[1]} if found else ())

    with sqlite_db.writing() as session:
        add_feed(session)
        sys.setprofile(enters)
        try:
            for one in STREAM:
                files(session, matcher, one)
        finally:
            sys.setprofile(None)
    said = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    (named,) = re.findall(r"at most eight rooms: ([^.]*)\.", said)
    allowed = set(re.findall(r"\*\*(\w+)\*\*", named))
    assert len(allowed) <= 8
    assert rooms - {"types"} <= allowed, "types are what travels, not a room that does anything"


# --- decisions are rows -------------------------------------------------------------------------------------------------


def test_every_article_has_exactly_one_standing_decision_and_rows_are_never_overwritten(
    store: Database, matcher: Matcher
) -> None:
    before: dict[int, str] = {}
    for one in STREAM:
        with store.writing() as session:
            files(session, matcher, one)
        with store.reading() as session:
            rows = {row.id: row.model_dump_json() for row in session.exec(select(DecisionRow))}
            assert before.items() <= rows.items(), "what was decided stays as it was"
            decided = set(session.exec(select(DecisionRow.article_id)))
            assert decided == set(session.exec(select(ArticleRow.id))), "each article has a decision"
        before = rows  # type: ignore[assignment]
    with store.reading() as session:
        for article_id in session.exec(select(ArticleRow.id)):
            record = records.find_record(session, article_id or 0)
            assert record
            newest = max(record.decisions, key=lambda each: each["id"])
            assert (record.decision, record.decided_at) == (newest["decision"], newest["at"])


def test_what_was_told_names_the_decision_that_it_was_told_by(store: Database, matcher: Matcher) -> None:
    with store.writing() as session:
        files(session, matcher, article(1, BRIDGE))
        files(session, matcher, article(1, BRIDGE.replace("eleven weeks", "twenty weeks")))
    with store.reading() as session:
        told = session.exec(
            select(AlertRow.kind, AlertRow.payload, DecisionRow)
            .join(AlertTopicRow, col(AlertTopicRow.alert_id) == AlertRow.id)
            .join(DecisionRow, col(DecisionRow.id) == AlertTopicRow.decision_id)
            .order_by(col(DecisionRow.id))
        ).all()
        assert [(kind, by.cause, by.reason) for kind, _, by in told] == [
            ("new", Cause.ARRIVAL, "ALERTED"),
            ("updated", Cause.CHANGED_TEXT, "UPDATED"),
        ]
        for _, payload, by in told:
            (topic,) = by.topics
            assert (payload["score"], payload["evidence"]) == (topic["score"], topic["evidence"])
        record = records.find_record(session, 1)
    assert record
    assert [each["decision"] for each in record.decisions] == ["ALERTED", "UPDATED"]
    assert [list(each.decisions.values()) for each in record.told] == [[by.id] for _, _, by in told]
    (match,) = record.hits
    assert (match.decision_id, match.cause, match.decisions) == (told[1][2].id, "changed text", 2)
    assert flat(match)["decisions"] == 2


def test_what_arrives_again_as_it_was_leaves_no_row(store: Database, matcher: Matcher) -> None:
    with store.writing() as session:
        for minutes in range(5):
            files(session, matcher, article(1, BRIDGE, seen_at=NOON + timedelta(minutes=minutes)))
        files(session, matcher, article(7, "Tea is drunk hot."))
        files(session, matcher, article(7, "Tea is drunk hot."))
        assert session.exec(select(func.count()).select_from(DecisionRow)).one() == 2


def test_feeds_of_one_publisher_that_show_the_same_articles_change_nothing_that_was_told(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    """Three feeds show the same forty articles, each with a teaser of its own: every match shows the decision it was told by."""
    with Newsroom(tmp_path, clock) as room:
        room.follows("bridge", f"Marrow bridge closed\n\n{BRIDGE}")
        room.follows("choir", f"Choir of Saint Anne sings\n\n{CHOIR}")
        room.tells("desk", sink.url)
        for feed in ("world", "politics", "latest"):
            site.publishes(f"/{feed}", rss())
            room.reads(feed, site.url(f"/{feed}"), first_poll="all")
        room.polls()
        for start in range(0, 40, 10):
            for feed in ("world", "politics", "latest"):
                site.publishes(f"/{feed}", rss(*(_shown_by(feed, number) for number in range(start, start + 10))))
                clock.passes(minutes=20)
                room.polls()
        with room.app.db.reading() as session:
            told = session.exec(
                select(AlertTopicRow, AlertRow).join(AlertRow).order_by(col(AlertTopicRow.decision_id))
            ).all()
            by_row = {row.id: row for row in session.exec(select(DecisionRow))}
            matches = {(row.article_id, row.topic): row for row in session.exec(select(MatchRow))}
            articles = session.exec(select(func.count()).select_from(ArticleRow)).one()
    last_told = {(alert.article_id, each.topic): (each, alert) for each, alert in told}
    assert len(last_told) > 10
    assert len(by_row) > articles, "some were decided anew"
    assert len(told) > len(last_told), "some were told again, as an update"
    for (article_id, topic), (each, alert) in last_told.items():
        match = matches[article_id, topic]
        (decided,) = (one for one in by_row[each.decision_id].topics if one["topic"] == topic)
        (said,) = (one for one in alert.payload["topics"] if one["name"] == topic)
        shown = (match.decision_id, match.score, match.evidence)
        assert shown == (each.decision_id, decided["score"], decided["evidence"]), "it shows what it was told by"
        assert (said["score"], said["evidence"]) == (decided["score"], decided["evidence"])


def _shown_by(feed: str, number: int) -> tuple[str, ...]:
    """The same article as another section of the paper shows it: whole, its first half, or two of its sentences."""
    words = story_of_its_own(number)
    sentences = [f"{each}." for each in words.split(". ")]
    shown = {"world": " ".join(sentences[:3]), "politics": words, "latest": " ".join(sentences[1:3])}[feed]
    return f"News of day {number}", f"https://paper.example/{number}-of-the-day", f"{feed}-{number}", shown


# --- one message for one story ------------------------------------------------------------------------------------------


def queued(session: Session) -> dict[str, list[str]]:
    """Channel -> the kinds of alerts that it gets."""
    rows = session.exec(
        select(DeliveryRow.channel, AlertRow.kind)
        .join(AlertRow, col(AlertRow.id) == DeliveryRow.alert_id)
        .order_by(col(DeliveryRow.id))
    ).all()
    return {channel: [kind for name, kind in rows if name == channel] for channel, _ in rows}


def test_a_story_on_two_topics_is_one_alert_and_one_message_a_channel(store: Database, matcher: Matcher) -> None:
    with store.writing() as session:
        filed = files(session, matcher, article(1, BOTH))
        assert set(filed.decision.alerting_topics) == {"bridge", "choir"}
        assert queued(session) == {"desk": ["new"], "night": ["new"], "music": ["new"]}
        (alert,) = alert_lists.latest(session, topic="choir", limit=9)
        assert set(alert.topics) == {"bridge", "choir"}
        assert {each["name"] for each in alert.payload["topics"]} == {"bridge", "choir"}
    with store.reading() as session:
        (line,) = inbox.find_page(session, InboxQuery()).stories
        assert set(line.topics) == {"bridge", "choir"}
        read = inbox.find_reading(session, line.id, InboxQuery(topic="choir"))
        assert read
        assert [each.topic for each in read.matches] == ["choir", "bridge"], "the topic that was asked for comes first"


def test_a_topic_that_a_told_story_matches_later_tells_only_who_had_no_message(
    store: Database, matcher: Matcher
) -> None:
    with store.writing() as session:
        files(session, matcher, article(1, BRIDGE), NO_UPDATES)
        assert queued(session) == {"desk": ["new"], "night": ["new"]}
        files(session, matcher, article(1, BOTH), NO_UPDATES)
        assert queued(session) == {"desk": ["new"], "night": ["new"], "music": ["new"]}
        told = session.exec(select(AlertTopicRow.topic, AlertTopicRow.key).order_by(AlertTopicRow.key)).all()
    assert told == [("bridge", "bridge/1/new"), ("choir", "choir/1/new")]


def test_a_topic_of_which_all_had_a_message_is_told_by_that_message(store: Database, matcher: Matcher) -> None:
    quiet = replace(NO_UPDATES, channels={"night": "n"})
    with store.writing() as session:
        files(session, matcher, article(1, BRIDGE), quiet)
        filed = files(session, matcher, article(1, BOTH), quiet)
        assert [(each.topic, each.reason.name) for each in filed.decision.topics][-1] == ("choir", "JOINS_STORY")
        assert queued(session) == {"night": ["new"]}
        (alert,) = alert_lists.latest(session, limit=9)
        assert alert.topics == ("bridge", "choir")
        assert len(set(alert.decisions.values())) == 2, "each topic names the decision it was told by"


# --- ids from what is told ----------------------------------------------------------------------------------------------


class Restored(Exception):
    """The store is set back to what it was."""


def test_a_restored_backup_tells_24_alerts_again_under_the_same_ids(store: Database, matcher: Matcher) -> None:
    """What was decided since the backup is gone with all numbers of rows, and comes again after other articles."""
    news = [article(number, story_of_its_own(number), title="") for number in range(1, 25)]
    told: list[list[str]] = []
    for others in range(2):
        with pytest.raises(Restored), store.writing() as session:
            for number in range(others * 3):
                files(session, matcher, article(100 + number, "Tea is drunk hot.", title=f"Tea {number}"))
            for one in news:
                files(session, matcher, one)
            told.append(sorted(row.id for row in session.exec(select(AlertRow))))
            raise Restored
    assert len(told[0]) == 24
    assert told[0] == told[1]


def story_of_its_own(number: int) -> str:
    """A text on one of the topics: words of its seed in any order, and as many that no other text has."""
    chance = random.Random(number)
    ours = [word.strip(".,") for word in (BRIDGE if number % 2 else CHOIR).split() if len(word) > 4]

    def invented() -> str:
        return "".join(chance.choice("bdfgklmnprstvz") + chance.choice("aeiou") for _ in range(4))

    sentences = [[*chance.sample(ours, 6), *(invented() for _ in range(6))] for _ in range(5)]
    return " ".join(" ".join(each).capitalize() + "." for each in sentences)


def test_kills_knows_only_functions_that_exist() -> None:
    spec = importlib.util.spec_from_file_location("kills", ROOT / "bench/kills.py")
    assert spec
    assert spec.loader
    kills = importlib.util.module_from_spec(spec)
    sys.modules["kills"] = kills
    spec.loader.exec_module(kills)
    assert kills.missing_points() == []
