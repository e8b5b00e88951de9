"""Feeds whose address is never shown. Which these are, the next start of the daemon knows from its settings."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """None is secret until then; commands showed all addresses before."""
    with op.batch_alter_table("feeds") as feeds:
        feeds.add_column(sa.Column("is_secret", sa.Boolean(), server_default=sa.false(), nullable=False))
