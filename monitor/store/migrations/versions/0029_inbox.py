"""Verdicts can be withdrawn; and an index with all that the inbox filters, sorts and counts matches by."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """No verdict was withdrawn so far."""
    op.add_column("verdicts", sa.Column("is_withdrawn", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(
        "ix_matches_inbox",
        "matches",
        ["is_relevant", "story_id", "created_at", "topic", "reason", "article_id", "score", "threshold", "factor"],
    )
