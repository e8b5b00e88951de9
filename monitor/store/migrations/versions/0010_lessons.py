"""What topics learned in part from articles that were no sure matches."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Topics take such lessons from now on."""
    op.create_table(
        "lessons",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("article_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["article_id"], ["articles.id"], name=op.f("fk_lessons_article_id_articles")),
        sa.PrimaryKeyConstraint("topic", "article_id", name=op.f("pk_lessons")),
    )
    op.create_index("ix_lessons_topic_created_at", "lessons", ["topic", "created_at"])
