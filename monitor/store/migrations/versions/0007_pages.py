"""Which articles' own pages were asked for, and what came of it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Articles stored earlier are as their feeds told them."""
    op.add_column("articles", sa.Column("page", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "pages",
        sa.Column("url_key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("host_paused_until_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("url_key", name=op.f("pk_pages")),
    )
    op.create_index("ix_pages_host_asked_at", "pages", ["host", "asked_at"], unique=False)
