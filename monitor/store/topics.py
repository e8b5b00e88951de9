"""Topics as the store remembers them, and what they learned by themselves.

The folder of seeds is the truth; here are its digest and version.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from monitor.matching.tuning import SHIFT
from monitor.store import verdicts, versions
from monitor.store.tables import ArticleRow, LessonRow, MatchRow, TopicRow
from monitor.types.matching import Example, Score, Topic


def sync(session: Session, topics: Sequence[Topic], *, now: datetime) -> list[str]:
    """Remember the topics as they are now; a changed folder or another verdict is a new version. Returns the names that changed."""
    known = {row.name: row for row in session.exec(select(TopicRow)).all()}
    standing = verdicts.standing(session)
    changed = []
    for topic in topics:
        counted = standing.get(topic.name, [])
        key = versions.key_of(counted)
        row = known.get(topic.name)
        if row is None:
            row = TopicRow(name=topic.name, title=topic.title, digest=topic.digest, changed_at=now, added_at=now)
            session.add(row)
        elif row.digest != topic.digest or row.verdicts_key not in (None, key):
            row.version, row.digest, row.changed_at = row.version + 1, topic.digest, now
        elif row.verdicts_key is not None:
            row.title, row.is_enabled = topic.title, topic.is_enabled
            continue
        is_first = row.verdicts_key is None
        row.title, row.is_enabled, row.verdicts_key = topic.title, topic.is_enabled, key
        versions.add(session, topic, row.version, counted, now=now, is_first=is_first)
        changed.append(topic.name)
    names = {topic.name for topic in topics}
    for row in known.values():
        row.is_enabled = row.is_enabled and row.name in names
    return changed


def titles(session: Session) -> dict[str, str]:
    """Title of every topic ever known, by name."""
    return {row.name: row.title for row in session.exec(select(TopicRow).order_by(col(TopicRow.name))).all()}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTopic:
    """A topic as the store remembers it."""

    version: int
    """In force."""
    added_at: datetime | None
    """When it was first met; None where that was before this was noted."""


def known(session: Session) -> dict[str, KnownTopic]:
    """Every topic ever known, by name."""
    rows = session.exec(select(TopicRow.name, TopicRow.version, TopicRow.added_at))
    return {name: KnownTopic(version=version, added_at=added_at) for name, version, added_at in rows}


def hits(session: Session, names: Iterable[str], *, at_least: float, limit_each: int) -> list[Example]:
    """What each of these topics followed by itself last, oldest first: matches `at_least` times above its threshold that nobody
    reviewed, and partial lessons.

    What is compared is monitor.matching.margins.share, written for the database; a factor below 1 counts as none, as in
    monitor.matching.matcher.is_confident.
    """
    factor = case((col(MatchRow.factor) < 1, col(MatchRow.factor)), else_=1.0)
    found = []
    for topic in names:
        rows: list[tuple[MatchRow | LessonRow, ArticleRow]] = [*_lessons(session, topic, limit_each)]
        rows += session.exec(
            select(MatchRow, ArticleRow)
            .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
            .where(col(MatchRow.topic) == topic, col(MatchRow.is_relevant).is_(None))
            .where((col(MatchRow.score) + SHIFT) * factor >= at_least * (col(MatchRow.threshold) + SHIFT))
            .order_by(col(MatchRow.created_at).desc(), col(MatchRow.article_id).desc())
            .limit(limit_each)
        ).all()
        rows.sort(key=lambda row: (row[0].created_at, row[0].article_id))
        found += [_hit(of, article) for of, article in rows[-limit_each:]]
    return found


def _lessons(session: Session, topic: str, limit: int) -> Sequence[tuple[LessonRow, ArticleRow]]:
    rows = session.exec(
        select(LessonRow, ArticleRow)
        .join(ArticleRow, col(ArticleRow.id) == col(LessonRow.article_id))
        .where(col(LessonRow.topic) == topic)
        .order_by(col(LessonRow.created_at).desc(), col(LessonRow.article_id).desc())
        .limit(limit)
    )
    return rows.all()


def _hit(of: MatchRow | LessonRow, article: ArticleRow) -> Example:
    return Example(
        topic=of.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=True,
        at=of.created_at,
        weight=of.weight if isinstance(of, LessonRow) else 1.0,
    )


def keep_lessons(session: Session, article_id: int, scores: Iterable[Score], *, now: datetime) -> None:
    """Remember what topics learned in part from an article; once for each, however often it is met. Sure matches are remembered
    by themselves."""
    for each in scores:
        if 0 < each.lesson < 1 and session.get(LessonRow, (each.topic, article_id)) is None:
            row = LessonRow(topic=each.topic, article_id=article_id, weight=each.lesson, created_at=now)
            session.add(row)


def lessons_since(session: Session, article_id: int) -> Counter[str]:
    """How many partial lessons each topic took from articles after this one."""
    rows = session.exec(
        select(LessonRow.topic, func.count())
        .where(col(LessonRow.article_id) > article_id)
        .group_by(col(LessonRow.topic))
    )
    return Counter(dict(rows.all()))


def states(session: Session) -> dict[str, tuple[str, str | None]]:
    """What each topic is made of: digest of its folder, key of its verdicts. Where both are as before, so is its model."""
    rows = session.exec(select(TopicRow.name, TopicRow.digest, TopicRow.verdicts_key))
    return {name: (digest, key) for name, digest, key in rows}
