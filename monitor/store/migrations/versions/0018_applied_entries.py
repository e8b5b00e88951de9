"""What each settings file said when it was last applied, so that a file that did not change changes nothing (PostgreSQL)."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """What was applied by then is noted with the next start of each node."""
    op.create_table(
        "applied_entries",
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("file", "kind", "name", name=op.f("pk_applied_entries")),
    )
