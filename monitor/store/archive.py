"""What the archive tells the matcher of ordinary articles. Reads only; knows nothing of topics."""

from __future__ import annotations

from sqlalchemy import func
from sqlmodel import Session, col, select

from monitor.store.tables import ArticleRow


def newest(session: Session) -> int:
    """The id of the article that came last: how many have come so far, near enough. 0 of an empty archive."""
    return session.exec(select(func.max(ArticleRow.id))).one() or 0


def sample(session: Session, *, up_to: int, limit: int, characters: int) -> list[tuple[str, str, str]]:
    """(title, the first `characters` of the text, language) of the `limit` articles up to this id, oldest first."""
    rows = session.exec(
        select(ArticleRow.title, func.substr(col(ArticleRow.text), 1, characters), ArticleRow.language)
        .where(col(ArticleRow.id) <= up_to, col(ArticleRow.grade) != "wall")
        .order_by(col(ArticleRow.id).desc())
        .limit(limit)
    )
    return [(title, text, language) for title, text, language in reversed(rows.all())]
