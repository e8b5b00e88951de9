"""Topics as the store keeps them: their files, their life, and topics of stores from before that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from monitor.store import migrate, topics
from monitor.store.db import Database
from monitor.store.tables.topics import TopicFileRow, TopicRow
from tests.conftest import NOON, SetClock
from tests.fakes.command import MISS, SEED
from tests.fakes.earlier import bring_to
from tests.newsroom import Newsroom
from tests.polling.test_statements import counted
from tests.store.test_contract import TOPIC

FILES = {"a.txt": b"a", "not/b.txt": b"\xff\xfe"}


def test_files_of_the_version_in_force_are_kept(db: Database) -> None:
    name = TOPIC.name
    with db.writing() as session:
        topics.sync(session, [replace(TOPIC, digest="1")], files={name: FILES}, now=NOON)
        assert topics.files(session, name) == FILES
        topics.sync(session, [replace(TOPIC, digest="1")], files={name: {"a.txt": b"same to the matcher"}}, now=NOON)
        assert topics.files(session, name) == FILES
        topics.sync(session, [replace(TOPIC, digest="2")], files={name: {"a.txt": b"c", "\udcff.txt": b""}}, now=NOON)
        assert topics.files(session, name) == {"a.txt": b"c", "\\udcff.txt": b""}
        assert topics.stored(session)[name].files == {"a.txt", "\\udcff.txt"}


def test_many_topics_that_did_not_change_ask_no_more_of_the_store_than_one(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [replace(TOPIC, name=f"t{at}", digest="1") for at in range(40)]
    files = {each.name: FILES for each in many}
    with db.writing() as session:
        topics.sync(session, many, files=files, now=NOON)

    def asked(count: int) -> int:
        with db.writing() as session, counted(db, monkeypatch) as statements:
            topics.sync(
                session, many[:count], files={each.name: FILES for each in many[:count]}, is_all=False, now=NOON
            )
            return len(statements)

    assert asked(40) == asked(1)


def test_every_change_of_a_topic_is_seen_by_the_revision(db: Database) -> None:
    seen = []

    def look() -> None:
        seen.append(topics.latest_revision(session))

    with db.writing() as session:
        look()
        for digest in ("1", "2"):
            topics.sync(session, [replace(TOPIC, digest=digest)], now=NOON)
            look()
        assert topics.pause(session, TOPIC.name, now=NOON)
        look()
        assert topics.resume(session, TOPIC.name)
        look()
        topics.end(session, TOPIC.name, now=NOON)
        look()
        topics.sync(session, [replace(TOPIC, digest="2")], now=NOON)
        look()
        topics.rename(session, TOPIC.name, "span", None, now=NOON)
        look()
        assert seen == sorted(set(seen))
        topics.sync(session, [replace(TOPIC, name="span", digest="2")], now=NOON)
        assert topics.latest_revision(session) == seen[-1], "nothing changed"


def test_earlier_versions_are_known_by_both_names_of_a_renamed_topic(db: Database) -> None:
    with db.writing() as session:
        for digest in ("1", "2"):
            topics.sync(session, [replace(TOPIC, digest=digest)], now=NOON)
        topics.rename(session, TOPIC.name, "span", replace(TOPIC, name="span", digest="as span"), now=NOON)
        for name, digest, is_known in (
            (TOPIC.name, "1", True),
            (TOPIC.name, "2", True),
            ("span", "as span", True),
            ("span", "1", True),
            ("span", "3", False),
            ("weir", "1", False),
        ):
            assert (topics.with_earlier_version(session, {name: digest}) == {name}) is is_known


def test_since_when_a_folder_is_away_is_stored_and_forgotten(db: Database) -> None:
    def away() -> dict[str, datetime | None]:
        return {name: each.away_since_at for name, each in topics.stored(session).items()}

    with db.writing() as session:
        topics.sync(session, [replace(TOPIC, name=name) for name in ("a", "b")], now=NOON)
        topics.set_away(session, {"a": NOON})
        assert away() == {"a": NOON, "b": None}
        topics.set_away(session, {"b": NOON + timedelta(hours=1)})
        assert away() == {"a": None, "b": NOON + timedelta(hours=1)}


@pytest.fixture
def upgraded(tmp_path: Path, clock: SetClock, store_url: str) -> Iterator[Newsroom]:
    """A store of the release before, its topics *bridge* in force, *choir* off and *gone* removed, brought up to date."""
    with Newsroom(tmp_path, clock, store_url=store_url) as before:
        before.follows("bridge", SEED)
        before.follows("choir", "\n\n".join(MISS), toml="enabled = false")
        (bridge, choir) = before.app.loaded.topics
        before.restarts()
    database = Database(store_url)
    _bring_to_release_before(database)
    with database.writing() as session:
        for topic in (bridge, choir, replace(bridge, name="gone", is_enabled=False)):
            session.connection().execute(
                text(
                    "INSERT INTO topics (name, title, digest, version, is_enabled, changed_at, verdicts_key) "
                    "VALUES (:name, :title, :digest, 4, :on, :now, '')"
                ),
                {"name": topic.name, "title": topic.title, "digest": topic.digest, "on": topic.is_enabled, "now": NOON},
            )
    assert migrate.upgrade(database)
    database.close()
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        yield room


def _bring_to_release_before(database: Database) -> None:
    if database.path:
        database.path.unlink()
    bring_to(database, "0012")


def test_topics_of_an_earlier_release_come_over_as_they_are(upgraded: Newsroom) -> None:
    assert [(each.name, each.is_enabled) for each in upgraded.app.loaded.topics] == [("bridge", True), ("choir", False)]
    assert {row.name: row.version for row in upgraded.rows(TopicRow)} == {"bridge": 4, "choir": 4, "gone": 4}
    assert upgraded.app.topic_keeper.remarks == []
    assert {row.topic for row in upgraded.rows(TopicFileRow)} == {"bridge", "choir"}
    (upgraded.folder / "seeds" / "choir" / "topic.toml").unlink()
    assert upgraded.reloads()
    assert [each.name for each in upgraded.app.loaded.topics if each.is_enabled] == ["bridge", "choir"]
