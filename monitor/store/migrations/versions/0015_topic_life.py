"""Topics that outlive their folder: their files, and whether they are paused, away, renamed or ended."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Files are kept from the next start on. A topic that was off had been removed, or says so itself in its topic.toml: its
    folder, where there is one, takes it up again."""
    op.create_table(
        "topic_files",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "path", name=op.f("pk_topic_files")),
    )
    op.add_column("topics", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("topics", sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("topics", sa.Column("away_since_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("topics", sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("topics", sa.Column("became", sa.String(), nullable=False, server_default=""))
    topics = sa.table("topics", sa.column("is_enabled", sa.Boolean), sa.column("ended_at"), sa.column("changed_at"))
    op.execute(topics.update().where(topics.c.is_enabled.is_(sa.false())).values(ended_at=topics.c.changed_at))
