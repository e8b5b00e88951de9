"""What could not be read of a feed's document, and the outlet that an aggregator names for an article."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Articles that are stored keep their feed as their outlet; notes of a feed come with its next document."""
    op.add_column("feeds", sa.Column("notes", sa.Text(), nullable=False, server_default=""))
    op.add_column("articles", sa.Column("outlet", sa.String(), nullable=False, server_default=""))
