"""Alerts beyond a channel's budget wait for a summary, and know which one told them."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """What waits now is deferred, where it must be, at its next turn."""
    op.add_column("deliveries", sa.Column("deferred_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("deliveries", sa.Column("summary_id", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_deliveries_channel_sent_at", "deliveries", ["channel", "sent_at"], unique=False)
