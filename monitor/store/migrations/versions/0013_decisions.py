"""Decisions as rows, what was told names the one it was told by, and an alert may be on several topics."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_BATCH = 1_000
"""Matches read at once: an old store may have millions of articles."""
_TOLD = ("new", "updated", "escalated")

_decisions = sa.table("decisions", sa.column("id"), sa.column("topics", sa.JSON()))
_matches = sa.table(
    "matches",
    *(sa.column(name) for name in ("id", "article_id", "topic", "score", "threshold", "factor", "probability")),
    *(sa.column(name) for name in ("model_version", "reason", "decision_id")),
    sa.column("evidence", sa.JSON()),
)
_alerts = sa.table(
    "alerts",
    *(sa.column(name) for name in ("article_id", "topic", "kind", "created_at")),
    sa.column("payload", sa.JSON()),
)


def upgrade() -> None:
    """What an article's row said becomes its first decision; matches that were told show again what was told."""
    _create()
    op.execute(
        "INSERT INTO decisions (article_id, at, cause, feed, reason, kind, story_id, topics, scores) "
        "SELECT id, decided_at, 'arrival', source, decision, kind, COALESCE(story_id, id), '[]', scores "
        "FROM articles ORDER BY id"
    )
    op.execute(
        "INSERT INTO alert_topics (alert_id, topic, key, decision_id) "
        "SELECT alerts.id, topic, key, decisions.id FROM alerts "
        "LEFT JOIN decisions ON decisions.article_id = alerts.article_id "
        "WHERE topic != '' AND alerts.kind IN ('new', 'updated', 'escalated')"
    )
    op.execute("UPDATE alerts SET key = id WHERE topic != '' AND kind IN ('new', 'updated', 'escalated')")
    _with_matches(op.get_bind())
    for name in ("decision", "decided_at", "scores"):
        op.drop_column("articles", name)


def _create() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("story_id", sa.Integer(), nullable=False),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("scores", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_decisions_article_id_articles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decisions")),
    )
    op.create_index(op.f("ix_decisions_article_id"), "decisions", ["article_id"], unique=False)
    op.create_table(
        "alert_topics",
        sa.Column("alert_id", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alerts.id"], name=op.f("fk_alert_topics_alert_id_alerts")),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"], name=op.f("fk_alert_topics_decision_id_decisions")),
        sa.PrimaryKeyConstraint("alert_id", "topic", name=op.f("pk_alert_topics")),
        sa.UniqueConstraint("key", name=op.f("uq_alert_topics_key")),
    )
    op.create_index(op.f("ix_alert_topics_topic"), "alert_topics", ["topic"], unique=False)
    op.add_column("matches", sa.Column("decision_id", sa.Integer(), nullable=True))


def _with_matches(connection: sa.Connection) -> None:
    """Write the matches of each article into its decision, a batch of articles at a time."""
    after = 0
    while rows := _next_matches(connection, after):
        by_article: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            by_article[row.article_id].append(row)
        told = _told(connection, by_article)
        for article_id, matches in by_article.items():
            _write(connection, article_id, matches, told)
        after = rows[-1].article_id


def _next_matches(connection: sa.Connection, after: int) -> Sequence[sa.Row[Any]]:
    """The matches of the next articles after this one, each article's whole."""
    last = (
        sa.select(_matches.c.article_id)
        .where(_matches.c.article_id > after)
        .order_by(_matches.c.article_id)
        .limit(_BATCH)
        .subquery()
    )
    until = connection.execute(sa.select(sa.func.max(last.c.article_id))).scalar()
    if until is None:
        return ()
    within = sa.select(_matches).where(_matches.c.article_id > after, _matches.c.article_id <= until)
    return connection.execute(within.order_by(_matches.c.article_id, _matches.c.id)).all()


def _told(connection: sa.Connection, article_ids: Iterable[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """(article, topic) -> what the last alert said of it, for those that were told."""
    first, last = min(article_ids), max(article_ids)
    asked = sa.select(_alerts.c.article_id, _alerts.c.topic, _alerts.c.payload).where(
        _alerts.c.article_id >= first, _alerts.c.article_id <= last, _alerts.c.kind.in_(_TOLD)
    )
    rows = connection.execute(asked.order_by(_alerts.c.created_at))
    return {(row.article_id, row.topic): row.payload for row in rows if isinstance(row.payload, dict)}


def _write(
    connection: sa.Connection,
    article_id: int,
    matches: Sequence[sa.Row[Any]],
    told: dict[tuple[int, str], dict[str, Any]],
) -> None:
    decision_id = connection.execute(
        sa.text("SELECT id FROM decisions WHERE article_id = :article"), {"article": article_id}
    ).scalar_one()
    topics = []
    for row in matches:
        said = told.get((article_id, row.topic), {})
        shown = {name: said.get(name, getattr(row, name)) for name in ("score", "threshold", "probability", "evidence")}
        connection.execute(sa.update(_matches).where(_matches.c.id == row.id).values(decision_id=decision_id, **shown))
        topics.append(
            {
                "topic": row.topic,
                **shown,
                "evidence": _as_json(shown["evidence"]),
                "factor": row.factor,
                "model_version": row.model_version,
                "reason": row.reason,
                "is_alert": bool(said),
            }
        )
    connection.execute(sa.update(_decisions).where(_decisions.c.id == decision_id).values(topics=topics))


def _as_json(evidence: Any) -> Any:
    return json.loads(evidence) if isinstance(evidence, str) else evidence
