"""What was read of each feed's last document, so that of the next one only what is new is read."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    """Nothing is known so far: the next document of each feed is read in full."""
    op.create_table(
        "known_entries",
        sa.Column("feed_id", sa.Integer(), nullable=False),
        sa.Column("frame_key", sa.BigInteger(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("in_full_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name=op.f("fk_known_entries_feed_id_feeds")),
        sa.PrimaryKeyConstraint("feed_id", name=op.f("pk_known_entries")),
    )
