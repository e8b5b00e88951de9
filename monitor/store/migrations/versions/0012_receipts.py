"""Messages that a channel can edit, and what they show."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """What was sent earlier has no receipt and stays as it is."""
    op.add_column("deliveries", sa.Column("receipt", sa.String(), nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("shows", sa.String(), nullable=False, server_default=""))
    op.add_column("deliveries", sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True))
