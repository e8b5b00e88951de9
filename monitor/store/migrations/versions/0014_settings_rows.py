"""Feeds and channels are rows with an origin, what the file said of them, and what a command did to them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """What is there came from a settings file; what that said is noted when it is next applied, and changes nothing."""
    for table in ("feeds", "channels"):
        op.add_column(table, sa.Column("file_digest", sa.String(), nullable=False, server_default=""))
        op.add_column(table, sa.Column("by_hand", sa.String(), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("pages", sa.String(), nullable=True))
    op.add_column("channels", sa.Column("origin", sa.String(), nullable=False, server_default="file"))
    op.execute("UPDATE feeds SET origin = 'file'")
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.execute(
        "INSERT INTO plans (at, by, says) SELECT CURRENT_TIMESTAMP, 'an earlier version', 'the settings of that version' "
        "WHERE EXISTS (SELECT 1 FROM feeds) OR EXISTS (SELECT 1 FROM channels)"
    )
