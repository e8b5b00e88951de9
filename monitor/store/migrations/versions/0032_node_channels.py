"""By which channels a node can send: the secrets of those that were added by page lie with the nodes that have their files."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0030"


def upgrade() -> None:
    """A node says so with its next sign of life."""
    op.add_column("nodes", sa.Column("channels", sa.Text(), nullable=False, server_default=""))
