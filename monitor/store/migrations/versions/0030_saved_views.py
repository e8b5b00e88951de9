"""Saved views of the inbox; and an index by which the inbox finds the articles of a language."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """No view was saved so far."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False, server_default=""),
        sa.Column("token_digest", sa.String(), nullable=False, server_default=""),
        sa.Column("token_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("name", name=op.f("uq_saved_views_name")),
    )
    op.create_index("ix_saved_views_token_digest", "saved_views", ["token_digest"])
    op.create_index("ix_articles_language", "articles", ["language"])
