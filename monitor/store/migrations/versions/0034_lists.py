"""Indexes of matches by story and by time with what lists filter by; on PostgreSQL few new articles wait for the search index."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """New articles wait to be put into the index in order, and each search reads all that wait. 256 kB are some thirty of them; the
    server's own 4 MB are five hundred, and more than its planner takes the index for."""
    of_match = ["reason", "topic", "is_relevant", "article_id"]
    op.create_index("ix_matches_story", "matches", ["story_id", "created_at", *of_match])
    op.create_index("ix_matches_newest", "matches", ["created_at", "story_id", *of_match])
    for name in ("ix_matches_story_id", "ix_matches_created_at"):
        op.drop_index(name, table_name="matches")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER INDEX ix_article_search_words SET (gin_pending_list_limit = 256)")
