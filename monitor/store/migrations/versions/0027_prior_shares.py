"""What an answer is compared with: the share of the threshold that an article reached without answers.

It stays as it is once a verdict was given, so that what a topic learns from its owner's answers does not depend on their order.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Until now, answers added nothing: it is the share that was reached (scores and thresholds raised by .01)."""
    for table in ("matches", "near_misses"):
        op.add_column(table, sa.Column("prior_share", sa.Float(), nullable=True))
        op.execute(
            sa.text(
                f"UPDATE {table} SET prior_share = factor * (score + 0.01) / "
                "CASE WHEN threshold > 0 THEN threshold + 0.01 ELSE 0.01 END"
            )
        )
