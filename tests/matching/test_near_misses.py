"""Near misses: a sample with known probabilities, the same after every restart."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from monitor.learning.training import build_matcher, calibration
from monitor.matching import near_misses as sampling
from monitor.matching.background import Background
from monitor.matching.margins import margin
from monitor.matching.matcher import build
from monitor.review import near_misses as misses
from monitor.store import archive, near_misses, topics, verdicts
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow, VerdictRow
from monitor.store.tables.topics import TopicRow
from monitor.types.matching import Article, Reason, Score, Seed, Topic
from tests.conftest import NOON
from tests.store.test_contract import TOPIC, article, file

# --- the policy -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("score", "band"), [(0.2, None), (0.3, None), (0.19, 2), (0.16, 1), (0.11, 0), (0.05, None), (0.0, None)]
)
def test_only_what_comes_near_is_a_near_miss(score: float, band: int | None) -> None:
    assert sampling.band(score, 0.2) == band


def test_the_first_of_a_day_is_kept_and_a_burst_adds_few() -> None:
    assert sampling.sampling_probability(2, 0, 0) == 1
    expected = sum(sampling.sampling_probability(0, at, 0) for at in range(10_000))
    assert expected < 12
    assert sampling.sampling_probability(0, 0, 50) == pytest.approx(1 / 50)


def test_the_sampling_hash_depends_on_article_and_topic_only() -> None:
    assert sampling.sampling_hash("a", "https://x.example/1", "T") == sampling.sampling_hash(
        "a", "https://x.example/1", "T"
    )
    assert sampling.sampling_hash("a", "https://x.example/1", "T") != sampling.sampling_hash(
        "b", "https://x.example/1", "T"
    )
    drawn = [sampling.sampling_hash("a", "", f"title {at}") for at in range(2_000)]
    assert sum(each < 0.1 for each in drawn) == pytest.approx(200, abs=50)
    assert 0 <= sampling.sampling_hash("\ud800", "", "") < 1


def test_weights_of_the_kept_add_up_to_all() -> None:
    """One divided by the share is an honest weight: summed over many days it gives the number that came."""
    total = 0.0
    for day in range(400):
        for at in range(30):
            share = sampling.sampling_probability(0, at, 0)
            total += (sampling.sampling_hash(f"day {day}", "", str(at)) < share) / share
    assert total == pytest.approx(400 * 30, rel=0.1)


# --- the store --------------------------------------------------------------------------------------------------------


def scored(score: float, *, is_match: bool = False, blocked: Reason | None = None) -> Score:
    return Score(topic="ferry", score=score, threshold=0.2, is_match=is_match, blocked=blocked)


def test_matches_and_forbidden_ones_are_no_near_misses() -> None:
    assert sampling.from_scores([scored(0.3, is_match=True), scored(0.3, blocked=Reason.EXCLUDED), scored(0.01)]) == []
    assert [each.band for each in sampling.from_scores([scored(0.19)])] == [2]


def other(at: int) -> Article:
    """An article like no other."""
    draw = random.Random(at)
    words = " ".join("".join(draw.choices("aeioulmnrst", k=7)) for _ in range(40))
    return article(guid=str(at), title=words[:50], text=words, url=f"https://x.example/{at}")


def kept(session: Session) -> list[NearMissRow]:
    return list(session.exec(select(NearMissRow).order_by(NearMissRow.id)))  # type: ignore[arg-type]


def near_ones(session: Session, count: int) -> Counter[int]:
    """So many articles that all came near, stored one after the other."""
    matcher = build([TOPIC], background=Background.shipped())
    for at in range(count):
        one = other(at)
        filed = file(session, matcher, one, now=NOON + timedelta(minutes=at))
        near_misses.add(
            session,
            filed.article_id,
            filed.story_id,
            one.url,
            one.title,
            sampling.from_scores([scored(0.19)]),
            now=NOON,
        )
    return near_misses.seen(session)["ferry"]


def test_all_are_counted_and_a_sample_is_kept(db: Database) -> None:
    with db.writing() as session:
        seen = near_ones(session, 40)
        rows = kept(session)
        counts = session.exec(select(NearMissCountRow)).all()
    assert seen[2] == 40
    assert [(each.topic, each.band, each.seen) for each in counts] == [("ferry", 2, 40)]
    assert 2 <= len(rows) < 30
    assert rows[0].share == 1
    assert all(0 < each.share <= 1 for each in rows)


def test_a_verdict_on_a_near_miss_trains_and_is_weighed(db: Database) -> None:
    with db.writing() as session:
        near_ones(session, 30)
        last = misses.list_near_misses(session, topic="ferry")[0]
        answer = misses.judge(session, last.id, is_relevant=True, by="me", now=NOON)
        assert answer is not None
        assert answer.state == "confirmed"
        misses.judge(session, last.id, is_relevant=True, by="me", now=NOON)
        assert misses.judge(session, 999, is_relevant=True, by="me", now=NOON) is None
    with db.reading() as session:
        assert [each.topic for each in verdicts.examples(session)] == ["ferry"]
        assert verdicts.latest_id(session) > 0
        found = archive.verdicts(session)
        assert [(each.weight, each.is_match) for each in found] == [(pytest.approx(last.stands_for), False)]
        assert found[0].margin == pytest.approx(margin(0.19, 0.2))
        assert len(session.exec(select(VerdictRow)).all()) == 1
        assert session.exec(select(AlertRow)).all() == []
        assert calibration(session).of("ferry").texts == 1
        assert [each.id for each in misses.list_near_misses(session, state="confirmed")] == [last.id]


def test_nobody_is_asked_about_a_topic_that_was_removed_unless_it_is_named(db: Database) -> None:
    with db.writing() as session:
        near_ones(session, 10)
        for each in ("ferry", "bridge"):
            session.merge(TopicRow(name=each, title=each, digest="d", changed_at=NOON))
    with db.reading() as session:
        assert misses.list_questions(session, now=NOON)
    with db.writing() as session:
        topics.end(session, "ferry", now=NOON)
    with db.reading() as session:
        assert misses.list_questions(session, now=NOON) == []
        assert misses.list_questions(session, topic="ferry", now=NOON)
        assert misses.list_near_misses(session)


def test_the_same_store_gives_the_same_model_twice(db: Database) -> None:
    with db.writing() as session:
        near_ones(session, 10)
        misses.judge(session, misses.list_near_misses(session)[0].id, is_relevant=False, by="me", now=NOON)
    ferry = Topic(
        name="ferry", title="Ferry", seeds=(Seed(file="a", title="Ferry", text="Ferry aground", language="en"),)
    )
    with db.reading() as session:
        once, again = build_matcher(session, [ferry]), build_matcher(session, [ferry])
    assert once.model("ferry").version == again.model("ferry").version
    assert once.calibration == again.calibration


def test_a_calibrated_topic_says_how_likely_and_how_often_it_was_right(db: Database) -> None:
    """Twenty verdicts, most of them matches: the next match carries a probability with its precision."""
    with db.writing() as session:
        topics.sync(session, [TOPIC], now=NOON)
        matcher = build([TOPIC], background=Background.shipped())
        for at in range(40):
            one = other(at)
            filed = file(session, matcher, one, now=NOON)
            session.add(
                MatchRow(
                    article_id=filed.article_id,
                    story_id=filed.story_id,
                    topic=TOPIC.name,
                    score=0.21 + at / 100,
                    threshold=0.2,
                    reason="ALERTED",
                    created_at=NOON,
                    is_relevant=at > 8 or at % 3 == 0,
                    reviewed_at=NOON,
                )
            )
    with db.reading() as session:
        found = build_matcher(session, [TOPIC])
    own = TOPIC.seeds[0]
    score = found.score(own.title, own.text, own.language)[0]
    assert score.is_match
    assert score.probability is not None
    assert score.probability > 0.5
    assert score.measured is not None
    assert score.measured.judged == 40
