"""When publishers want their feeds to be read, and how feeds that answer are silent."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0018"


def upgrade() -> None:
    """What a feed asks for and how often it brings something is learned from its next documents and stored entries."""
    expected = ("asked_in_full_at", "last_entry_at", "likely_by_at", "quiet_from_at")
    moments = (*expected, "silence_changed_at", "silence_told_at", "silence_due_at")
    for name in moments:
        op.add_column("feeds", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    for name in ("ttl_seconds", "per_day"):
        op.add_column("feeds", sa.Column(name, sa.Float(), nullable=True))
    for name in ("skip_hours", "skip_days"):
        op.add_column("feeds", sa.Column(name, sa.String(), nullable=False, server_default=""))
    for name in ("dated_entries", "undated_run"):
        op.add_column("feeds", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("feeds", sa.Column("silence", sa.String(), nullable=True))
    op.create_index("ix_feeds_silence_due_at", "feeds", ["silence_due_at"])
    op.add_column("hosts", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_entries_feed_id_first_seen_at", "entries", ["feed_id", "first_seen_at"])
