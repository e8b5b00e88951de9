"""Fingerprint keys in the store: looked up, deleted, migrated from an older store, not stored where too many carry them."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from monitor.store import migrate
from monitor.store.db import Database
from monitor.store.indexes import fingerprints
from monitor.stories.fingerprint import shortlist
from monitor.stories.tuning import MAX_POSTINGS
from tests.fakes.earlier import bring_to

KEYS = (5, -7, 1 << 30, -(1 << 31), (1 << 31) - 1, 0, -1)


def test_a_key_leads_to_those_that_carry_it(db: Database) -> None:
    with db.writing() as session:
        fingerprints.add(session, {1: KEYS, 2: KEYS[:2], 3: [6, 8]})
        fingerprints.add(session, {4: [KEYS[0]]})
    with db.reading() as session:
        found = fingerprints.carriers(session, KEYS)
        assert found == {KEYS[0]: {1, 2, 4}, KEYS[1]: {1, 2}} | {key: {1} for key in KEYS[2:]}
        assert fingerprints.carriers(session, [7]) == {}, "6 and 8 begin like it, and are others"
        assert fingerprints.carriers(session, []) == {}


def test_an_article_without_keys_leaves_no_row(db: Database) -> None:
    with db.writing() as session:
        fingerprints.add(session, {1: []})
        fingerprints.add(session, {2: KEYS}, without=frozenset(KEYS))
        assert fingerprints.carriers(session, KEYS) == {}


def test_keys_of_an_older_version_are_forgotten_and_no_others(db: Database) -> None:
    with db.writing() as session:
        fingerprints.add(session, {1: KEYS, 2: KEYS, 3: [6]})
        fingerprints.remove(session, 1, [*KEYS, 99])
        fingerprints.remove(session, 3, [])
    with db.reading() as session:
        assert fingerprints.carriers(session, (*KEYS, 6)) == {key: {2} for key in KEYS} | {6: {3}}


def test_a_key_that_many_carry_says_so(db: Database) -> None:
    with db.writing() as session:
        fingerprints.add(session, {number: [42, number + 1000] for number in range(1, 200)})
    with db.reading() as session:
        found = fingerprints.carriers(session, [42, 1003])
        assert len(found[42]) > MAX_POSTINGS
        assert shortlist([42, 1003], found) == [3], "its own rare key leads to it, the crowded one to nobody"


@pytest.mark.parametrize("carriers", [3, 150])
def test_an_older_store_keeps_the_keys_it_has(store_url: str, carriers: int) -> None:
    database = Database(store_url)
    bring_to(database, "0008")
    with database.writing() as session:
        rows = [{"key": key, "article": number} for number in range(1, carriers + 1) for key in KEYS]
        session.connection().execute(text("INSERT INTO shingles (key, article_id) VALUES (:key, :article)"), rows)
    assert migrate.upgrade(database)
    with database.reading() as session:
        found = fingerprints.carriers(session, KEYS)
        newest = (
            set(range(1, carriers + 1))
            if carriers <= MAX_POSTINGS
            else set(range(carriers - MAX_POSTINGS, carriers + 1))
        )
        assert {key: set(found[key]) for key in KEYS} == dict.fromkeys(KEYS, newest)
    database.close()
