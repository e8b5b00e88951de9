"""Every verdict that stands, with what the matcher had said of the article when it came. Reads only."""

from __future__ import annotations

from sqlmodel import Session, col, select

from monitor.calibrate import Judged
from monitor.margins import margin
from monitor.store.tables import ArticleRow, MatchRow, NearMissRow

MOST = 5_000
"""The latest verdicts on matches, and as many on near misses: older ones say little of today's topics."""


def verdicts(session: Session) -> list[Judged]:
    """The standing verdicts on matches and near misses, latest first."""
    return [*_of_matches(session), *_of_near_misses(session)]


def _of_matches(session: Session) -> list[Judged]:
    rows = session.exec(
        select(
            MatchRow.topic, MatchRow.score, MatchRow.threshold, MatchRow.factor, MatchRow.is_relevant,
            ArticleRow.id, ArticleRow.kind, ArticleRow.of_article_id,
        )  # type: ignore[call-overload]
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(col(MatchRow.is_relevant).is_not(None))
        .order_by(col(MatchRow.reviewed_at).desc(), col(MatchRow.id).desc())
        .limit(MOST)
    )  # fmt: skip
    return [
        Judged(topic, _text(article, kind, of), margin(score, threshold, factor), bool(is_relevant))
        for topic, score, threshold, factor, is_relevant, article, kind, of in rows
    ]


def _of_near_misses(session: Session) -> list[Judged]:
    rows = session.exec(
        select(NearMissRow)
        .where(col(NearMissRow.is_relevant).is_not(None))
        .order_by(col(NearMissRow.reviewed_at).desc(), col(NearMissRow.id).desc())
        .limit(MOST)
    )
    return [
        Judged(
            topic=row.topic,
            text=str(row.article_id),
            margin=margin(row.score, row.threshold, row.factor),
            is_relevant=bool(row.is_relevant),
            weight=1 / row.share if row.share > 0 else 0.0,
            is_match=False,
        )
        for row in rows
    ]


def _text(article_id: int, kind: str, of_article_id: int | None) -> str:
    """A copy, corrected or not, is one text with the article it copies."""
    return str(of_article_id if kind in ("copy", "update") and of_article_id else article_id)
