"""What topics learned by themselves is read from one table, in one order: the examples of full weight too.

Until now these were the matches with a high stored score. But that is the score by meaning, where topics learned by the score by
words, and topics with a sentence do not learn by themselves at all: after a restart, they knew what they had never learned.
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"


def upgrade() -> None:
    """Matches from before go on counting as they did: not reviewed, and at 1.3 times the threshold (each raised by .01)."""
    op.execute(
        sa.text(
            "INSERT INTO lessons (topic, article_id, weight, created_at) "
            "SELECT m.topic, m.article_id, 1.0, m.created_at FROM matches m "
            "WHERE m.is_relevant IS NULL "
            "AND (m.score + 0.01) * CASE WHEN m.factor < 1 THEN m.factor ELSE 1 END >= 1.3 * (m.threshold + 0.01) "
            "AND NOT EXISTS (SELECT 1 FROM lessons l WHERE l.topic = m.topic AND l.article_id = m.article_id)"
        )
    )
