"""The inbox over both databases: what it lists and counts, which article of a story it shows, and verdicts that are undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from monitor.review import articles, choices, inbox, verdicts
from monitor.review.inbox import InboxQuery, Judged
from monitor.store import verdicts as stored
from monitor.store.db import Database
from monitor.store.inbox import InboxOrder
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryRow
from tests.web.test_web import NOW, fill, has_article, has_feed, has_match, has_topic


def listed(db: Database, **asked: Any) -> list[str]:
    with db.reading() as session:
        return [each.title for each in inbox.find_page(session, InboxQuery(**asked)).stories]


def judged(db: Database) -> list[bool | None]:
    with db.reading() as session:
        return list(session.exec(select(MatchRow.is_relevant).order_by(MatchRow.id)))  # type: ignore[arg-type]


def judge(db: Database, *match_ids: int, is_relevant: bool = True, by: str = "ann", **values: Any) -> tuple[int, int]:
    """Give a verdict; the clock goes on by a second with each."""
    on = values.pop("on", Judged(match_ids=match_ids))
    query = values.pop("query", InboxQuery())
    with db.writing() as session:
        now = NOW + timedelta(seconds=stored.latest_id(session))
        found = inbox.judge(session, on, is_relevant=is_relevant, query=query, by=by, now=now, **values)
    assert found
    return found


def undo(db: Database, given: tuple[int, int], by: str = "ann") -> verdicts.Undone:
    with db.writing() as session:
        return verdicts.undo(session, *given, by=by, now=NOW + timedelta(hours=1))


@pytest.fixture
def full(db: Database) -> Database:
    """Four stories: of one publisher's two sections, of an aggregator, a large one of two articles, and a judged one."""
    fill(
        db,
        has_topic("talks"),
        has_topic("trade"),
        has_feed("bbc-world", title="BBC World"),
        has_feed("bbc-asia", title="BBC Asia"),
        has_feed("planet", title="Planet"),
        has_article("One", topic="talks", source="bbc-world", url="https://www.bbc.co.uk/1", score=0.9),
        has_article("Two", topic="trade", source="bbc-asia", url="https://feeds.bbc.co.uk/2", language="fa", score=0.2),
        has_article("Three", topic="talks", source="planet", outlet="Dawn", outlet_host="dawn.com", score=0.3),
        has_article("Four", topic="talks", source="planet", url="https://planet.example/4", is_relevant=True),
        has_article("Three again", topic="trade", source="planet", story_id=3, url="https://planet.example/5"),
        lambda session: session.add(
            StoryRow(id=3, lead_article_id=3, first_seen_at=NOW, last_seen_at=NOW, articles=2, outlets=2)
        ),
        lambda session: session.add(AlertRow(id="alt_1", key="k", kind="new", story_id=2, created_at=NOW)),
    )
    with db.writing() as session:
        for row in session.exec(select(MatchRow)).all():
            row.created_at = NOW - timedelta(days=row.article_id)
    return db


def test_new_stories_are_listed_once_newest_first(full: Database) -> None:
    assert listed(full) == ["One", "Two", "Three"]
    assert listed(full, state="") == ["One", "Two", "Three", "Four"]
    assert listed(full, limit=1, offset=1) == ["Two"]
    assert listed(full, order=InboxOrder.DOUBTFUL) == ["Two", "Three", "One"]
    assert listed(full, order=InboxOrder.LARGEST)[0] == "Three"


def test_a_story_of_many_new_matches_hides_no_older_one(full: Database) -> None:
    """The newest are read first, some at a time."""
    fill(full, *(has_article(f"One, {n}", topic="talks", source="bbc-world", story_id=1) for n in range(30)))
    assert listed(full) == ["One", "Two", "Three"]
    assert listed(full, limit=1, offset=1) == ["Two"]
    assert listed(full, limit=2, offset=1) == ["Two", "Three"]
    assert listed(full, limit=1, offset=3) == []


@pytest.mark.parametrize(
    ("asked", "titles"),
    [
        ({"topic": "trade"}, ["Two", "Three again"]),
        ({"language": "fa"}, ["Two"]),
        ({"publisher": "Dawn"}, ["Three"]),
        ({"publisher": "nobody"}, []),
        ({"since_at": NOW - timedelta(days=1)}, ["One"]),
        ({"until_at": NOW - timedelta(days=2)}, ["Three"]),
        ({"is_told": True}, ["Two"]),
        ({"is_told": False, "state": ""}, ["One", "Three", "Four"]),
        ({"words": "two"}, ["Two"]),
        ({"words": '"'}, []),
        ({"words": "moscow", "language": "en", "topic": "talks"}, ["One", "Three"]),
    ],
)
def test_filters_narrow_the_list_and_its_counts(full: Database, asked: dict[str, Any], titles: list[str]) -> None:
    assert listed(full, **asked) == titles
    with full.reading() as session:
        page = inbox.find_page(session, InboxQuery(**asked))
        counts = inbox.find_counts(session, InboxQuery(**asked))
    assert page.total == len(titles)
    assert counts["new" if asked.get("state", "new") else "all"] == len(titles)


def test_sections_of_one_site_are_one_publisher(full: Database) -> None:
    with full.reading() as session:
        found = choices.publishers(session)
        bbc = next(name for name, known in found.items() if "bbc-asia" in {each.source for each in known})
    assert listed(full, publisher=bbc) == ["One", "Two"]
    assert len(found) == 3


def test_topics_are_counted_by_stories_in_the_state_asked_for(full: Database) -> None:
    with full.reading() as session:
        page = inbox.find_page(session, InboxQuery(topic="trade"))
    assert [(each.topic, each.stories) for each in page.topics] == [("talks", 2), ("trade", 2)]
    assert (page.total, page.any_state, dict(page.by_state)) == (2, 2, {"new": 2})


def test_a_story_shows_its_next_article_until_all_are_judged(full: Database) -> None:
    judge(full, 3)
    assert listed(full) == ["One", "Two", "Three again"]
    judge(full, 5, is_relevant=False)
    assert listed(full) == ["One", "Two"]
    assert listed(full, state="confirmed") == ["Three", "Four"]


def test_a_verdict_on_whole_stories_is_on_what_was_asked_for_and_seen(full: Database) -> None:
    judge(full, on=Judged(stories={3: 4}), is_relevant=False)
    assert judged(full) == [None, None, False, True, None], "match 5 came after the list was made"
    judge(full, on=Judged(stories={2: 9, 3: 9}), query=InboxQuery(topic="trade"))
    assert judged(full) == [None, True, False, True, True]


def test_an_undone_verdict_is_withdrawn_and_nothing_learns_from_it(full: Database) -> None:
    given = judge(full, 1)
    with full.reading() as session:
        assert [each.title for each in stored.examples(session, ["talks"])] == ["One", "Four"]
        assert stored.in_force(session) == {"talks": [(1, True)]}
        last = stored.latest_id(session)
    assert undo(full, given, by="bob").count == 1
    assert judged(full)[0] is None
    with full.reading() as session:
        assert [each.title for each in stored.examples(session, ["talks"])] == ["Four"]
        assert stored.in_force(session) == {}
        assert stored.judged_since(session, last) == [("talks", 1)], "by which models are built anew"
        assert stored.term_shifts(session, [1]) == {("talks", 1): {}}
        record = articles.find_record(session, 1)
        row = session.get_one(MatchRow, 1)
        assert (row.reviewed_at, row.reviewed_by) == (None, None)
    assert record
    assert [(each["by"], each["is_withdrawn"]) for each in record.verdicts] == [("ann", False), ("bob", True)]


def test_undoing_puts_the_verdict_before_back_as_it_was(full: Database) -> None:
    judge(full, 1, by="ann", note="as asked")
    given = judge(full, 1, is_relevant=False, by="bob")
    assert undo(full, given).count == 1
    with full.reading() as session:
        row = session.get_one(MatchRow, 1)
        assert (row.is_relevant, row.reviewed_by, row.reviewed_at) == (True, "ann", NOW)
        assert stored.in_force(session) == {"talks": [(1, True)]}
        assert stored.latest(session, 1, "talks", limit=1)[0].note == "as asked"
    assert undo(full, given).count == 0, "it is undone already"
    assert judged(full)[0] is True


def test_what_was_judged_again_since_is_not_undone(full: Database) -> None:
    given = judge(full, 1, 2, is_relevant=False)
    judge(full, 2, by="bob")
    undone = undo(full, given)
    assert (undone.count, undone.of, undone.story_ids) == (1, 2, (1,))
    assert judged(full)[:2] == [None, True]


def test_verdicts_of_one_go_are_told_together(full: Database) -> None:
    given = judge(full, 1, 3, is_relevant=False)
    with full.reading() as session:
        told = verdicts.given(session, *given)
        assert verdicts.given(session, 99, 99) is None
    assert told
    assert (told.matches, told.story_ids, told.title, told.is_relevant) == (2, (1, 3), "", False)
    fill(full, has_match(1, topic="trade"))
    alone = judge(full, 1)
    with full.reading() as session:
        told = verdicts.given(session, *alone)
    assert told
    assert (told.title, told.topics, told.has_other_topics) == ("One", ("Talks",), True)


def test_the_same_verdict_again_changes_nothing_unless_it_has_another_note(full: Database) -> None:
    judge(full, 1)
    with full.writing() as session:
        again = inbox.judge(
            session, Judged(match_ids=(1,)), is_relevant=True, query=InboxQuery(), by="ann", now=NOW + timedelta(days=1)
        )
    assert again is None
    judge(full, 1, note="because")
    with full.reading() as session:
        assert [each.note for each in stored.of_article(session, 1)] == ["", "because"]


def test_a_story_is_read_with_its_other_articles(full: Database) -> None:
    with full.reading() as session:
        reading = inbox.find_reading(session, 3, InboxQuery())
        assert inbox.find_reading(session, 99, InboxQuery()) is None
    assert reading
    assert [each.topic for each in reading.matches] == ["talks"]
    assert [(each.title, each.states) for each in reading.others] == [("Three again", (("Trade", "new"),))]
    assert reading.story.others_left == 1
    assert reading.text.startswith("The envoys met")
