"""Stores as an earlier version of the program left them: rows that today's program wrote, in the tables of an earlier migration.

    carry_back(today, earlier, "0007")      # `earlier` is emptied and brought to that migration
    migrate.upgrade(earlier)

Columns and tables that came later are left out. What a later migration moved elsewhere stands where it was then: decisions in their
articles, an alert on two topics as two alerts, a feed's own title in its title.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, MetaData, insert, select, text

import monitor.store
from monitor.store.db import Database
from monitor.store.indexes import fingerprints, word_index
from monitor.store.tables.schema import metadata

_MIGRATIONS = Path(monitor.store.__path__[0]) / "migrations"
REVISIONS = tuple(sorted(each.name.partition("_")[0] for each in _MIGRATIONS.glob("versions/[0-9]*.py")))
"""Every migration, the oldest first."""
_UPPER_HALF = 5 << 32
"""Of a key of 64 bits, as they were before migration 0004."""
_Row = dict[str, Any]


def bring_to(database: Database, revision: str) -> None:
    """Make the store an empty one of this migration."""
    with database.writing() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def carry_back(today: Database, earlier: Database, revision: str) -> None:
    """Fill `earlier` with the rows of `today`, a SQLite store, as they were at this migration."""
    bring_to(earlier, revision)
    with today.reading() as session:
        found = {name: _rows(session.connection(), name) for name in metadata.tables}
    for from_revision, change in _CHANGES:
        if revision < from_revision:
            change(found)
    with earlier.writing() as session:
        _write(session.connection(), found)
        if not earlier.is_sqlite and revision >= "0009":
            fingerprints.add(session, _keys_of(found["shingles"]))
        for row in found["articles"]:
            word_index.index_words(session, row["id"], row["title"], row["text"])


def _rows(connection: Connection, table: str) -> list[_Row]:
    return [dict(row) for row in connection.execute(select(metadata.tables[table])).mappings()]


def _write(connection: Connection, found: Mapping[str, list[_Row]]) -> None:
    """Write the rows into those tables that are there, with those columns that are there."""
    known = MetaData()
    known.reflect(connection)
    for table in known.sorted_tables:
        names = set(table.c.keys())
        if rows := [{name: row[name] for name in names & row.keys()} for row in found.get(table.name, ())]:
            connection.execute(insert(table), rows)
            _go_on_counting(connection, table.name, names)


def _go_on_counting(connection: Connection, table: str, columns: set[str]) -> None:
    """On PostgreSQL, let the ids to come follow those that were written."""
    if connection.dialect.name == "postgresql" and "id" in columns:
        sequence = connection.execute(text(f"SELECT pg_get_serial_sequence('{table}', 'id')")).scalar()
        if sequence:
            connection.execute(text(f"SELECT setval('{sequence}', (SELECT max(id) FROM {table}))"))


def _keys_of(shingles: list[_Row]) -> dict[int, list[int]]:
    keys: dict[int, list[int]] = {}
    for row in shingles:
        keys.setdefault(row["article_id"], []).append(row["key"])
    return keys


# --- what later migrations moved, the latest first ------------------------------------------------------------------------


def _without_origins(found: dict[str, list[_Row]]) -> None:
    for row in found["feeds"]:
        row["origin"] = "config"


def _decisions_in_articles(found: dict[str, list[_Row]]) -> None:
    standing = {row["article_id"]: row for row in found["decisions"]}
    for row in found["articles"]:
        decision = standing[row["id"]]
        row |= {"decision": decision["reason"], "decided_at": decision["at"], "scores": decision["scores"]}


def _one_alert_a_topic(found: dict[str, list[_Row]]) -> None:
    topics: dict[str, list[_Row]] = {}
    for row in found["alert_topics"]:
        topics.setdefault(row["alert_id"], []).append(row)
    deliveries, numbers = list(found["deliveries"]), count(1 + max(row["id"] for row in found["deliveries"]))
    for alert in list(found["alerts"]):
        said = alert["payload"].pop("topics", ())
        own, *others = topics.get(alert["id"]) or [{"key": alert["key"], "topic": alert["topic"]}]
        alert |= {"key": own["key"], "topic": own["topic"]}
        for other in others:
            id = f"{alert['id'][:-1]}{'x' if alert['id'][-1] != 'x' else 'y'}"
            match = next(each for each in said if each["name"] == other["topic"])
            payload = {**alert["payload"], "id": id, "topic": other["topic"], "topic_title": match["title"]}
            payload |= {name: match[name] for name in ("score", "threshold", "probability", "evidence")}
            found["alerts"].append(
                {**alert, "id": id, "key": other["key"], "topic": other["topic"], "payload": payload}
            )
            own_deliveries = [row for row in deliveries if row["alert_id"] == alert["id"]]
            found["deliveries"] += [{**row, "id": next(numbers), "alert_id": id} for row in own_deliveries]


def _own_titles_as_titles(found: dict[str, list[_Row]]) -> None:
    for row in found["feeds"]:
        row["title"] = row["title"] or row["own_title"]


def _keys_of_64_bits(found: dict[str, list[_Row]]) -> None:
    for table in ("shingles", "tellings"):
        for row in found[table]:
            row["key"] = _UPPER_HALF | (row["key"] & 0xFFFFFFFF)


_CHANGES = (
    ("0014", _without_origins),
    ("0013", _decisions_in_articles),
    ("0013", _one_alert_a_topic),
    ("0006", _own_titles_as_titles),
    ("0004", _keys_of_64_bits),
)
