"""Stories as rows of their own, what people said of them, wires, and the names that feeds go by."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Stories of articles stored earlier are counted from these."""
    op.create_table(
        "stories",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("lead_article_id", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("outlets", sa.Integer(), nullable=False),
        sa.Column("part_of", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stories")),
    )
    op.create_index(op.f("ix_stories_last_seen_at"), "stories", ["last_seen_at"], unique=False)
    op.create_table(
        "story_choices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("from_story_id", sa.Integer(), nullable=False),
        sa.Column("to_story_id", sa.Integer(), nullable=False),
        sa.Column("article_ids", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_choices")),
    )
    for name in ("from_story_id", "to_story_id"):
        op.create_index(op.f(f"ix_story_choices_{name}"), "story_choices", [name], unique=False)
    op.add_column("articles", sa.Column("wire", sa.String(), nullable=False, server_default=""))
    op.add_column("articles", sa.Column("is_pinned", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("feeds", sa.Column("own_title", sa.String(), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("storm_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE feeds SET own_title = title, title = ''")
    op.execute(
        "INSERT INTO stories (id, lead_article_id, first_seen_at, last_seen_at, articles, outlets) "
        "SELECT story_id, story_id, MIN(seen_at), MAX(seen_at), COUNT(*), COUNT(DISTINCT source) "
        "FROM articles WHERE story_id IS NOT NULL GROUP BY story_id"
    )
