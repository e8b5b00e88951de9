"""Topics and verdicts as the store remembers them. The folder of seeds is the truth; here are its digest and version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import case, func
from sqlmodel import Session, col, select

from monitor.matching_tuning import SHIFT
from monitor.store import versions
from monitor.store.tables import ArticleRow, LessonRow, MatchRow, NearMissRow, TopicRow, VerdictRow
from monitor.types import Example, Score, Topic, Verdict

_Row = TypeVar("_Row", MatchRow, NearMissRow)


def sync(session: Session, topics: Sequence[Topic], *, now: datetime) -> list[str]:
    """Remember the topics as they are now; a changed folder or another verdict is a new version. Returns the names that changed."""
    known = {row.name: row for row in session.exec(select(TopicRow)).all()}
    said = versions.standing(session)
    changed = []
    for topic in topics:
        verdicts = said.get(topic.name, [])
        key = versions.key_of(verdicts)
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
        versions.add(session, topic, row.version, verdicts, now=now, is_first=is_first)
        changed.append(topic.name)
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


def examples(session: Session, names: Collection[str] | None = None, *, limit_each: int = 200) -> list[Example]:
    """Every article with a standing verdict, as the model learns from it; the latest `limit_each` of each topic, of `names` or of
    all. A near miss teaches like a match; where an article is both, what was said of the match stands."""
    judged: list[tuple[MatchRow | NearMissRow, ArticleRow]] = [
        *_judged(session, MatchRow, names),
        *_judged(session, NearMissRow, names),
    ]
    taken: Counter[str] = Counter()
    known: set[tuple[str, int]] = set()
    found = []
    for row, article in sorted(judged, key=lambda each: each[0].reviewed_at or each[0].created_at, reverse=True):
        if (row.topic, row.article_id) not in known and taken[row.topic] < limit_each:
            taken[row.topic] += 1
            known.add((row.topic, row.article_id))
            found.append(_example(row, article))
    return found


def _judged(session: Session, table: type[_Row], names: Collection[str] | None) -> Sequence[tuple[_Row, ArticleRow]]:
    asked = col(table.is_relevant).is_not(None)
    rows = session.exec(
        select(table, ArticleRow)
        .join(ArticleRow, col(ArticleRow.id) == col(table.article_id))
        .where(asked if names is None else asked & col(table.topic).in_(names))
        .order_by(col(table.reviewed_at).desc(), col(table.id).desc())
    )
    return rows.all()


def _example(match: MatchRow | NearMissRow, article: ArticleRow) -> Example:
    return Example(
        topic=match.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=bool(match.is_relevant),
        at=match.reviewed_at,
    )


def hits(session: Session, names: Iterable[str], *, at_least: float, limit_each: int) -> list[Example]:
    """What each of these topics followed by itself last, oldest first: matches `at_least` times above its threshold that nobody
    reviewed, and partial lessons.

    What is compared is monitor.margins.share, written for the database; a factor below 1 counts as none, as in
    monitor.match.is_confident.
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


def last_verdict(session: Session) -> int:
    """Changes when somebody says something: the model is rebuilt then."""
    return session.exec(select(VerdictRow.id).order_by(col(VerdictRow.id).desc()).limit(1)).first() or 0


def states(session: Session) -> dict[str, tuple[str, str | None]]:
    """What each topic is made of: digest of its folder, key of its verdicts. Where both are as before, so is its model."""
    rows = session.exec(select(TopicRow.name, TopicRow.digest, TopicRow.verdicts_key))
    return {name: (digest, verdicts) for name, digest, verdicts in rows}
