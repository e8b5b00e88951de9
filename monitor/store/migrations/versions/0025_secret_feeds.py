"""Feeds whose address is never shown. Which these are, the next start of the daemon knows from its settings."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """None is secret until then; commands showed all addresses before. Not in a batch: that makes the table anew on SQLite, whose
    old one cannot go while entries refer to it."""
    op.add_column("feeds", sa.Column("is_secret", sa.Boolean(), server_default=sa.false(), nullable=False))
