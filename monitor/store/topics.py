"""Topics and verdicts as the store remembers them. The folder of seeds is the truth; here are its digest and version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from monitor.store.tables import ArticleRow, MatchRow, TopicRow, VerdictRow
from monitor.types import Example, Topic, Verdict


def sync(session: Session, topics: Sequence[Topic], *, now: datetime) -> list[str]:
    """Remember the topics as they are now; a changed folder is a new version. Returns the names that changed."""
    known = {row.name: row for row in session.exec(select(TopicRow)).all()}
    changed = []
    for topic in topics:
        row = known.get(topic.name)
        if row is None:
            session.add(TopicRow(name=topic.name, title=topic.title, digest=topic.digest, changed_at=now))
            changed.append(topic.name)
        elif row.digest != topic.digest:
            row.version, row.digest, row.changed_at = row.version + 1, topic.digest, now
            changed.append(topic.name)
        if row is not None:
            row.title, row.is_enabled = topic.title, topic.is_enabled
    names = {topic.name for topic in topics}
    for row in known.values():
        row.is_enabled = row.is_enabled and row.name in names
    return changed


def titles(session: Session) -> dict[str, str]:
    """Title of every topic ever known, by name."""
    return {row.name: row.title for row in session.exec(select(TopicRow).order_by(col(TopicRow.name))).all()}


def judge(session: Session, verdict: Verdict) -> bool:
    """Record a verdict on a match and let it stand there; False where there is no such match."""
    found = select(MatchRow).where(MatchRow.article_id == verdict.article_id, MatchRow.topic == verdict.topic)
    match = session.exec(found).first()
    if match is None:
        return False
    match.is_relevant, match.reviewed_at, match.reviewed_by = verdict.is_relevant, verdict.at, verdict.by
    session.add(
        VerdictRow(
            article_id=verdict.article_id,
            topic=verdict.topic,
            is_relevant=verdict.is_relevant,
            by=verdict.by,
            note=verdict.note,
            at=verdict.at,
        )
    )
    return True


def examples(session: Session, *, limit_each: int = 200) -> list[Example]:
    """Every article with a standing verdict, as the model learns from it; the latest `limit_each` of each topic."""
    rows = session.exec(
        select(MatchRow, ArticleRow)
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(col(MatchRow.is_relevant).is_not(None))
        .order_by(col(MatchRow.reviewed_at).desc(), col(MatchRow.id).desc())
    )
    taken: Counter[str] = Counter()
    found = []
    for match, article in rows:
        taken[match.topic] += 1
        if taken[match.topic] <= limit_each:
            found.append(_example(match, article))
    return found


def _example(match: MatchRow, article: ArticleRow) -> Example:
    return Example(
        topic=match.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=bool(match.is_relevant),
        at=match.reviewed_at,
    )


def hits(session: Session, names: Iterable[str], *, at_least: float, shift: float, limit_each: int) -> list[Example]:
    """The latest matches of each of these topics, `at_least` times above its threshold and not reviewed, oldest first.

    Both sides are shifted by `shift` before they are compared, as the matcher does.
    """
    found = []
    for topic in names:
        rows = session.exec(
            select(MatchRow, ArticleRow)
            .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
            .where(col(MatchRow.topic) == topic, col(MatchRow.is_relevant).is_(None))
            .where(col(MatchRow.score) + shift >= at_least * (col(MatchRow.threshold) + shift))
            .order_by(col(MatchRow.created_at).desc(), col(MatchRow.id).desc())
            .limit(limit_each)
        )
        found += [_hit(match, article) for match, article in reversed(rows.all())]
    return found


def _hit(match: MatchRow, article: ArticleRow) -> Example:
    return Example(
        topic=match.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=True,
        at=match.created_at,
    )


def last_verdict_at(session: Session) -> datetime | None:
    """When somebody last said something: the model is rebuilt when this changes."""
    return session.exec(select(func.max(VerdictRow.at))).one()
