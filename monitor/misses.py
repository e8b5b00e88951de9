"""The reviewer's verbs for near misses: list, confirm, dismiss. Rows in, plain values out, for the page and the CLI alike.

A near miss was never told and is no match; a verdict on it teaches the model as any verdict does, and tells how much is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from monitor import sampling
from monitor.store import near_misses, topics
from monitor.store.tables import ArticleRow, NearMissRow
from monitor.text import shorten
from monitor.types import Verdict

_BEGINNING = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """An article just below a topic's threshold."""

    id: int
    article_id: int
    topic: str
    topic_title: str
    title: str
    begins: str
    url: str
    source: str
    language: str
    published_at: datetime
    found_at: datetime
    score: float
    threshold: float
    stands_for: float
    """How many such articles it is a sample of."""
    band: str
    state: str


def list_near(session: Session, *, topic: str = "", state: str = "new", limit: int = 50) -> list[Near]:
    """Near misses, newest first; an empty `topic` or `state` asks nothing."""
    asked = select(NearMissRow, ArticleRow).join(ArticleRow, col(ArticleRow.id) == col(NearMissRow.article_id))
    if topic:
        asked = asked.where(col(NearMissRow.topic) == topic)
    if state:
        asked = asked.where(col(NearMissRow.is_relevant).is_({"confirmed": True, "dismissed": False}.get(state)))
    rows = session.exec(asked.order_by(col(NearMissRow.created_at).desc(), col(NearMissRow.id).desc()).limit(limit))
    titles = topics.titles(session)
    return [_near(row, article, titles) for row, article in rows]


def judge(session: Session, near_id: int, *, is_relevant: bool, by: str, note: str = "", now: datetime) -> Near | None:
    """Confirm or dismiss a near miss; None where there is none of that id. Saying the same again changes nothing."""
    row = session.get(NearMissRow, near_id)
    if row is None:
        return None
    if row.is_relevant is not is_relevant:
        verdict = Verdict(article_id=row.article_id, topic=row.topic, is_relevant=is_relevant, by=by, at=now, note=note)
        near_misses.judge(session, verdict)
        session.flush()
        session.refresh(row)
    return _near(row, session.get_one(ArticleRow, row.article_id), topics.titles(session))


def flat(each: Near) -> dict[str, Any]:
    """A near miss as a program reads it."""
    return {
        **{name: getattr(each, name) for name in each.__slots__},
        "stands_for": round(each.stands_for, 1),
        "score": round(each.score, 4),
        "threshold": round(each.threshold, 4),
    }


def _near(row: NearMissRow, article: ArticleRow, titles: dict[str, str]) -> Near:
    assert row.id is not None
    return Near(
        id=row.id,
        article_id=row.article_id,
        topic=row.topic,
        topic_title=titles.get(row.topic, row.topic),
        title=article.title,
        begins=shorten(article.text, _BEGINNING),
        url=article.url,
        source=article.source,
        language=article.language,
        published_at=article.published_at,
        found_at=row.created_at,
        score=row.score,
        threshold=row.threshold,
        stands_for=1 / row.share if row.share > 0 else 1.0,
        band=sampling.name(row.band),
        state="new" if row.is_relevant is None else "confirmed" if row.is_relevant else "dismissed",
    )
