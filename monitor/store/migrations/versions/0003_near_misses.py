"""A sample of what just missed a topic, what the threshold was multiplied by, and when a topic was first met."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Matches stored earlier count as scored by a balanced threshold; topics known already as known from the start."""
    op.add_column("matches", sa.Column("factor", sa.Float(), server_default="1", nullable=False))
    op.add_column("topics", sa.Column("added_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "near_misses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("story_id", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("threshold", sa.Float(), nullable=False),
        sa.Column("factor", sa.Float(), server_default="1", nullable=False),
        sa.Column("model_version", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_relevant", sa.Boolean(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_near_misses_article_id_articles")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_near_misses")),
        sa.UniqueConstraint("article_id", "topic", name=op.f("uq_near_misses_article_id_topic")),
    )
    op.create_index(op.f("ix_near_misses_is_relevant"), "near_misses", ["is_relevant"], unique=False)
    op.create_index("ix_near_misses_topic_created_at", "near_misses", ["topic", "created_at"], unique=False)
    op.create_table(
        "near_counts",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("band", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "day", "band", name=op.f("pk_near_counts")),
    )
