"""What articles and seeds mean, where an embedder is in use."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Articles stored earlier are embedded when something asks for them."""
    op.create_table(
        "vectors",
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("embedder", sa.String(), nullable=False),
        sa.Column("article_id", sa.BigInteger(), nullable=True),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", "embedder", name=op.f("pk_vectors")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_vectors_embedder_article_id", "vectors", ["embedder", "article_id"])
