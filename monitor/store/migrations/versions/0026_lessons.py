"""Every self-training example is a row, whatever its weight: those of full weight were read from the matches until now, whose
scores are not always those that the topic was trained by."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

_FULL = """
INSERT INTO lessons (topic, article_id, weight, created_at)
SELECT topic, article_id, 1.0, created_at FROM matches
WHERE is_relevant IS NULL
  AND (score + 0.01) * (CASE WHEN factor < 1 THEN factor ELSE 1 END) >= 1.3 * (threshold + 0.01)
  AND NOT EXISTS (SELECT 1 FROM lessons WHERE lessons.topic = matches.topic AND lessons.article_id = matches.article_id)
"""


def upgrade() -> None:
    """Those of full weight, by the rule that they were read by."""
    op.execute(sa.text(_FULL))
