"""On PostgreSQL the keys of sketches stand in half a million rows, instead of a row each: a fifth of the bytes."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Keys are carried over, of those that very many carry the newest 65, which say as much (see store.indexes.fingerprints).

    A row is rewritten when it grows: it is left room on its page, and stays on it whole until it fills one.
    """
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("SET LOCAL statement_timeout = 0")  # of millions of articles it takes minutes
    op.execute(
        "CREATE TABLE sketches (place integer PRIMARY KEY, pairs bytea NOT NULL) "
        "WITH (fillfactor = 80, toast_tuple_target = 8160)"
    )
    op.execute("ALTER TABLE sketches ALTER COLUMN pairs SET STORAGE MAIN")
    op.execute(
        "INSERT INTO sketches (place, pairs) SELECT (key >> 13) & 524287, "
        "string_agg(int4send(key) || int4send(article_id), '' ORDER BY article_id) FROM (SELECT key, article_id, "
        "row_number() OVER (PARTITION BY key ORDER BY article_id DESC) AS rank FROM shingles) AS carried "
        "WHERE rank <= 65 GROUP BY 1"
    )
    op.drop_table("shingles")
