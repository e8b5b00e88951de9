"""Every version of a topic, which of them a match was made by, and what a verdict taught."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Versions begin with the next start; earlier matches name none."""
    op.create_table(
        "topic_versions",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("seeds", sa.JSON(), nullable=False),
        sa.Column("verdicts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "number", name=op.f("pk_topic_versions")),
    )
    op.create_table(
        "seed_texts",
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "key", name=op.f("pk_seed_texts")),
    )
    op.add_column("topics", sa.Column("verdicts_key", sa.String(), nullable=True))
    op.add_column("matches", sa.Column("topic_version", sa.Integer(), nullable=True))
    op.add_column("verdicts", sa.Column("taught", sa.JSON(), nullable=True))
