"""Saved views over both databases: kept by name, found by the digest of their address, and what they ask for counted."""

from __future__ import annotations

from datetime import timedelta

from monitor.review import inbox, matches
from monitor.review.inbox import InboxQuery
from monitor.store import inbox as store
from monitor.store.db import Database
from tests.web.test_web import NOW, fill, has_article, has_topic


def test_a_view_is_replaced_by_its_name_and_keeps_its_address(db: Database) -> None:
    with db.writing() as session:
        number = store.save_view(session, "گندم", {"q": "گندم"}, by="ada", now=NOW)
        assert store.set_view_token(session, number, "digest", now=NOW)
        assert store.save_view(session, "گندم", {"topic": "trade"}, by="bob", now=NOW) == number
        store.save_view(session, "Other", {}, by="bob", now=NOW)
    with db.reading() as session:
        assert [each.name for each in store.saved_views(session)] == ["Other", "گندم"]
        found = store.find_saved_view_by_token(session, "digest")
        assert found
        assert (found.id, found.filters, found.made_by, found.token_at) == (number, {"topic": "trade"}, "bob", NOW)
        assert store.find_saved_view_by_token(session, "") is None, "the other view has no address"
    with db.writing() as session:
        assert store.set_view_token(session, number, "", now=NOW)
        assert store.find_saved_view_by_token(session, "digest") is None
        assert store.remove_view(session, number)
        assert not store.remove_view(session, number)
        assert not store.set_view_token(session, number, "x", now=NOW)


def test_all_matches_of_a_query_come_newest_first(db: Database) -> None:
    ages = (has_article(f"No {n}", topic="talks", found_at=NOW - timedelta(hours=n)) for n in range(5))
    fill(db, has_topic("talks"), *ages)
    with db.reading() as session:
        ids = inbox.find_match_ids(session, InboxQuery(topic="talks", limit=1))
        assert [each.title for each in matches.find_matches(session, ids)] == [f"No {n}" for n in range(5)]
        assert matches.find_matches(session, [999, ids[0]])[0].title == "No 0"
        assert inbox.count_since(session, InboxQuery(), ids[0]) == 4
        assert inbox.find_hint(session, InboxQuery(words="moscow zebra")).words == (("moscow", 5), ("zebra", 0))
