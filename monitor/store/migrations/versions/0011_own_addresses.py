"""Pages name the address that they go by."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Of pages read earlier nobody noted it."""
    op.add_column("pages", sa.Column("canonical", sa.Text(), nullable=False, server_default=""))
