"""Versions of topics, and the articles that they self-trained on.

A topic is defined by its folder of seeds; the store keeps its digest and version.
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
from monitor.store.tables import ArticleRow, MatchRow, PartialExampleRow, TopicRow
from monitor.types.matching import Example, Score, Topic


def sync(session: Session, topics: Sequence[Topic], *, now: datetime) -> list[str]:
    """Store the topics' digests; changed seeds or verdicts make a new version. Returns the names with a new version."""
    known = {row.name: row for row in session.exec(select(TopicRow)).all()}
    standing = verdicts.in_force(session)
    changed = []
    for topic in topics:
        in_force = standing.get(topic.name, [])
        key = versions.verdicts_key(in_force)
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
        versions.add(session, topic, row.version, in_force, now=now, is_first=is_first)
        changed.append(topic.name)
    names = {topic.name for topic in topics}
    for row in known.values():
        row.is_enabled = row.is_enabled and row.name in names
    return changed


def titles(session: Session) -> dict[str, str]:
    """Name -> title of every topic ever stored."""
    return {row.name: row.title for row in session.exec(select(TopicRow).order_by(col(TopicRow.name))).all()}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTopic:
    """A topic's version and age."""

    version: int
    """The version in force."""
    added_at: datetime | None
    """When it was first seen; None for topics older than this record."""


def known(session: Session) -> dict[str, KnownTopic]:
    """Every topic ever stored, by name."""
    rows = session.exec(select(TopicRow.name, TopicRow.version, TopicRow.added_at))
    return {name: KnownTopic(version=version, added_at=added_at) for name, version, added_at in rows}


def self_training_examples(
    session: Session, names: Iterable[str], *, at_least: float, limit_each: int
) -> list[Example]:
    """The latest self-training examples of each topic, oldest first: unreviewed matches with a share of `at_least`, and
    partial examples.

    The condition is `matching.margins.share` in SQL; factors above 1 count as 1, as in `matching.matcher.is_confident`.
    """
    factor = case((col(MatchRow.factor) < 1, col(MatchRow.factor)), else_=1.0)
    found = []
    for topic in names:
        rows: list[tuple[MatchRow | PartialExampleRow, ArticleRow]] = [*_partial_examples(session, topic, limit_each)]
        rows += session.exec(
            select(MatchRow, ArticleRow)
            .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
            .where(col(MatchRow.topic) == topic, col(MatchRow.is_relevant).is_(None))
            .where((col(MatchRow.score) + SHIFT) * factor >= at_least * (col(MatchRow.threshold) + SHIFT))
            .order_by(col(MatchRow.created_at).desc(), col(MatchRow.article_id).desc())
            .limit(limit_each)
        ).all()
        rows.sort(key=lambda row: (row[0].created_at, row[0].article_id))
        found += [_example(of, article) for of, article in rows[-limit_each:]]
    return found


def _partial_examples(session: Session, topic: str, limit: int) -> Sequence[tuple[PartialExampleRow, ArticleRow]]:
    rows = session.exec(
        select(PartialExampleRow, ArticleRow)
        .join(ArticleRow, col(ArticleRow.id) == col(PartialExampleRow.article_id))
        .where(col(PartialExampleRow.topic) == topic)
        .order_by(col(PartialExampleRow.created_at).desc(), col(PartialExampleRow.article_id).desc())
        .limit(limit)
    )
    return rows.all()


def _example(of: MatchRow | PartialExampleRow, article: ArticleRow) -> Example:
    return Example(
        topic=of.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=True,
        at=of.created_at,
        weight=of.weight if isinstance(of, PartialExampleRow) else 1.0,
    )


def add_partial_examples(session: Session, article_id: int, scores: Iterable[Score], *, now: datetime) -> None:
    """Store which topics took an article as a partial self-training example (weight below 1), once per article and topic.
    Full examples need no row: their matches are stored."""
    for each in scores:
        if 0 < each.self_training_weight < 1 and session.get(PartialExampleRow, (each.topic, article_id)) is None:
            row = PartialExampleRow(
                topic=each.topic, article_id=article_id, weight=each.self_training_weight, created_at=now
            )
            session.add(row)


def partial_examples_since(session: Session, article_id: int) -> Counter[str]:
    """Topic -> number of partial self-training examples among the articles after this one."""
    rows = session.exec(
        select(PartialExampleRow.topic, func.count())
        .where(col(PartialExampleRow.article_id) > article_id)
        .group_by(col(PartialExampleRow.topic))
    )
    return Counter(dict(rows.all()))


def states(session: Session) -> dict[str, tuple[str, str | None]]:
    """Topic -> (digest of its folder, digest of its verdicts). While both stay the same, so does its model."""
    rows = session.exec(select(TopicRow.name, TopicRow.digest, TopicRow.verdicts_key))
    return {name: (digest, key) for name, digest, key in rows}
