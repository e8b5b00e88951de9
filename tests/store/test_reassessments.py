"""What waits to be assessed again, as rows: what a store from before them becomes, and how ranges are replaced and advanced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from monitor.store import decisions, migrate, reassessments
from monitor.store.db import Database
from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.store.tables.articles import ReassessmentRow
from monitor.types.matching import Reason
from monitor.types.stories import Cause
from tests.conftest import NOON
from tests.fakes.earlier import bring_to
from tests.store.test_decision_rows import _at, insert

LEASE: dict[str, Any] = {"lease_for": timedelta(minutes=3), "limit": 9}


def an_article(session: Any, number: int, reason: str, *, days_ago: float = 0) -> None:
    at = _at(session, NOON - timedelta(days=days_ago))
    insert(
        session, "articles", id=number, story_id=number, kind="new", similarity=0.0, why="", url=f"https://h.example/{number}",
        url_key=number, text_key=0, title_key=0, title=f"T{number}", text="x", language="en", author="", source="herald",
        wire="", is_pinned=False, grade="full", page="", published_at=at, seen_at=at,
    )  # fmt: skip
    insert(
        session, "decisions", article_id=number, at=at, cause="arrival", feed="herald", reason=reason, kind="new",
        story_id=number, topics="[]", scores="[]",
    )  # fmt: skip


def a_feed(session: Any) -> None:
    first_at = _at(session, NOON - timedelta(days=6))
    insert(
        session, "feeds", name="herald", url="https://h.example/feed", host="h.example", title="", own_title="", site_url="",
        interval_seconds=900, first_poll="baseline", first_poll_latest=0, allow_private=False, is_enabled=True,
        next_poll_at=first_at, first_polled_at=first_at, outcome="ok", failures=0, is_failing_told=False, polls=1,
        polls_not_modified=0, origin="file",
    )  # fmt: skip


def test_an_older_store_assesses_again_what_came_without_topics_of_late_and_a_first_poll_stays_held(
    store_url: str,
) -> None:
    database = Database(store_url)
    bring_to(database, "0016")
    with database.writing() as session:
        a_feed(session)
        an_article(session, 1, "NO_TOPICS", days_ago=9)
        an_article(session, 2, "NO_TOPICS", days_ago=6)
        an_article(session, 3, "NO_TOPICS", days_ago=1)
        an_article(session, 4, "NO_MATCH")
    assert migrate.upgrade(database)
    with database.reading() as session:
        rows = session.exec(select(ReassessmentRow).order_by(ReassessmentRow.id)).all()  # type: ignore[arg-type]
        assert [(row.article_id, row.cause) for row in rows] == [(2, Cause.TOPICS.value), (3, Cause.TOPICS.value)]
        held = {number: decisions.known_article(session, number).held for number in (1, 2, 3, 4)}
        assert held == {1: Reason.FIRST_POLL, 2: Reason.FIRST_POLL, 3: None, 4: None}
    with database.writing() as session:
        found = reassessments.claim(session, [Cause.TOPICS], is_range=False, now=NOON, **LEASE)
        assert [each.article_id for each in found] == [2, 3]
    database.close()


def test_a_range_is_replaced_by_the_next_one_for_the_same_and_goes_on_where_it_was(db: Database) -> None:
    since_at = NOON - timedelta(days=7)
    with db.writing() as session:
        assert reassessments.add_range(session, Cause.SEEDS, "bridge", since_at=since_at, now=NOON) == 0
        for number in range(1, 6):
            an_article(session, number, "NO_MATCH")
        assert reassessments.add_range(session, Cause.SEEDS, "bridge", since_at=since_at, now=NOON) == 5
        assert reassessments.add_range(session, Cause.SEEDS, "bridge", since_at=since_at, now=NOON) == 5
    with db.writing() as session:
        (work,) = reassessments.claim(session, [Cause.SEEDS], is_range=True, now=NOON, **LEASE)
        assert (work.first_id, work.next_id) == (1, 5)
        reassessments.advance(session, work, 2, work.counts.plus(articles=3, matches=1))
        reassessments.give_back(session, work)
    with db.writing() as session:
        (work,) = reassessments.claim(session, [Cause.SEEDS], is_range=True, now=NOON, **LEASE)
        assert (work.next_id, work.counts.articles, work.counts.matches) == (2, 3, 1)
        assert reassessments.causes_of(session, 2) == [Cause.SEEDS]
        assert reassessments.causes_of(session, 3) == []
        reassessments.finish(session, work)
        assert reassessments.waiting(session) == {}


def test_an_article_waits_once_for_each_cause_and_not_for_ever(db: Database) -> None:
    with db.writing() as session:
        an_article(session, 1, "NO_MATCH")
        wanted = {1: {Cause.EMBEDDER: NOON, Cause.FULL_TEXT: NOON + timedelta(hours=1)}}
        assert reassessments.add_articles(session, wanted, now=NOON) == 2
        assert reassessments.add_articles(session, wanted, now=NOON) == 0
        causes = [Cause.EMBEDDER, Cause.FULL_TEXT]
        assert len(reassessments.claim(session, causes, is_range=False, now=NOON, **LEASE)) == 1, "the page is not due"
        reassessments.end_missing(session, 1, was_read=False)
        assert reassessments.causes_of(session, 1) == [Cause.FULL_TEXT]
        assert reassessments.drop_old(session, now=NOON + timedelta(days=29)) == 0
        assert reassessments.drop_old(session, now=NOON + timedelta(days=31)) == 1


def test_an_article_wanted_for_a_second_topic_is_assessed_for_all_even_while_the_first_is_under_way(
    db: Database,
) -> None:
    with db.writing() as session:
        an_article(session, 1, "NO_MATCH")
        wanted = {1: {Cause.BY_HAND: NOON}}
        reassessments.add_articles(session, wanted, topic="bridge", now=NOON)
        (first,) = reassessments.claim(session, [Cause.BY_HAND], is_range=False, now=NOON, **LEASE)
        reassessments.add_articles(session, wanted, topic="bridge", now=NOON)
        reassessments.add_articles(session, wanted, topic="choir", now=NOON)
        with pytest.raises(LeaseLostError):
            reassessments.finish(session, first)
        (second,) = reassessments.claim(session, [Cause.BY_HAND], is_range=False, now=NOON, **LEASE)
        assert (second.article_id, second.topic) == (1, "")
