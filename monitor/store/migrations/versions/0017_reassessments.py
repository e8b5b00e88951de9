"""What waits to be assessed again, and what held an article back when it was decided on."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_LATELY = timedelta(days=7)
"""The default of `schedule.max_age_days`: older ones would be told to nobody."""

_articles = sa.table("articles", sa.column("id"), sa.column("source"), sa.column("seen_at", sa.DateTime(timezone=True)))
_feeds = sa.table("feeds", sa.column("name"), sa.column("first_polled_at", sa.DateTime(timezone=True)))
_decisions = sa.table("decisions", *(sa.column(name) for name in ("id", "article_id", "reason", "held")))


def upgrade() -> None:
    """Articles of a feed's first poll stay held back when they are assessed again; those of the last week that were decided
    without topics are assessed again as soon as there are some."""
    op.create_table(
        "reassessments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=True),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("next_id", sa.Integer(), nullable=False),
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("matches", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_reassessments_article_id_articles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reassessments")),
        sa.UniqueConstraint("article_id", "cause", name=op.f("uq_reassessments_article_id_cause")),
    )
    op.create_index(op.f("ix_reassessments_cause_due_at"), "reassessments", ["cause", "due_at"], unique=False)
    op.add_column("decisions", sa.Column("held", sa.String(), nullable=False, server_default=""))
    _mark_first_polls()
    _mark_without_topics(op.get_bind())


def _mark_first_polls() -> None:
    of_first_poll = (
        sa.select(_articles.c.id)
        .join(_feeds, _feeds.c.name == _articles.c.source)
        .where(_articles.c.seen_at <= _feeds.c.first_polled_at)
    )
    told = sa.select(sa.table("alerts", sa.column("article_id")).c.article_id)
    op.execute(
        sa.update(_decisions)
        .where(
            _decisions.c.article_id.in_(of_first_poll),
            _decisions.c.article_id.not_in(told.where(sa.text("article_id IS NOT NULL"))),
        )
        .values(held="FIRST_POLL")
    )


def _mark_without_topics(connection: sa.Connection) -> None:
    last_at = connection.execute(sa.select(sa.func.max(_articles.c.seen_at))).scalar()
    if last_at is None:
        return
    newest = sa.select(sa.func.max(_decisions.c.id)).group_by(_decisions.c.article_id)
    missed = (
        sa.select(_articles.c.id, _articles.c.seen_at)
        .join(_decisions, _decisions.c.article_id == _articles.c.id)
        .where(_decisions.c.id.in_(newest), _decisions.c.reason == "NO_TOPICS", _articles.c.seen_at > last_at - _LATELY)
        .order_by(_articles.c.id)
    )
    rows = [
        {"cause": "reassessed: topics", "topic": "", "article_id": id, "first_id": id, "next_id": id, "wanted_at": at, "due_at": at}
        | dict.fromkeys(("attempts", "articles", "matches", "alerts", "kept"), 0)
        for id, at in connection.execute(missed)
    ]  # fmt: skip
    if rows:
        columns = [sa.column(name, sa.DateTime(timezone=True) if name.endswith("_at") else None) for name in rows[0]]
        connection.execute(sa.insert(sa.table("reassessments", *columns)), rows)
