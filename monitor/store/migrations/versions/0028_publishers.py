"""Who publishes a feed, where the owner says so, and the site of the outlet that an aggregator names for an article."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Of what is stored no site is known: such an outlet is known by its name. Stories are counted anew with their next article."""
    op.add_column("feeds", sa.Column("publisher", sa.String(), nullable=False, server_default=""))
    op.add_column("articles", sa.Column("outlet_host", sa.String(), nullable=False, server_default=""))
