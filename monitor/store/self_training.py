"""What topics learned by themselves: the articles they trained on, and what they forget of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Column, TextClause, bindparam, delete, func, text, update
from sqlmodel import Session, col, select

from monitor.store.statements import Prepared
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow, NearMissRow
from monitor.store.tables.topics import SelfTrainingRow, TopicRow
from monitor.store.topics import next_revision
from monitor.types.matching import Example, Score

_created_at: Column[datetime] = SelfTrainingRow.__table__.c.created_at  # type: ignore[attr-defined]


def examples(session: Session, names: Iterable[str], *, limit_each: int) -> list[Example]:
    """The latest self-training examples of each topic that nobody has reviewed, in the order in which they were learned."""
    is_reviewed = (
        select(MatchRow.id)
        .where(col(MatchRow.article_id) == col(SelfTrainingRow.article_id))
        .where(col(MatchRow.topic) == col(SelfTrainingRow.topic), col(MatchRow.is_relevant).is_not(None))
        .exists()
    )
    found = []
    for topic in names:
        rows = session.exec(
            select(SelfTrainingRow, ArticleRow)
            .join(ArticleRow, col(ArticleRow.id) == col(SelfTrainingRow.article_id))
            .where(col(SelfTrainingRow.topic) == topic, ~is_reviewed)
            .order_by(col(SelfTrainingRow.created_at).desc(), col(SelfTrainingRow.article_id).desc())
            .limit(limit_each)
        ).all()
        found += [_example(of, article) for of, article in reversed(rows)]
    return found


def _example(of: SelfTrainingRow, article: ArticleRow) -> Example:
    return Example(
        topic=of.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=True,
        at=of.created_at,
        weight=of.weight,
    )


def add_examples(session: Session, article_id: int, scores: Iterable[Score], *, now: datetime) -> None:
    """Store which topics trained themselves on an article and with what weight, once per article and topic."""
    for each in scores:
        if each.self_training_weight > 0:
            values = {"topic": each.topic, "article": article_id, "weight": each.self_training_weight, "now": now}
            _ADD_SELF_TRAINING.write(session, values)


def partial_examples_since(session: Session, article_id: int) -> Counter[str]:
    """Topic -> number of partial self-training examples among the articles after this one."""
    rows = session.exec(
        select(SelfTrainingRow.topic, func.count())
        .where(col(SelfTrainingRow.article_id) > article_id, col(SelfTrainingRow.weight) < 1)
        .group_by(col(SelfTrainingRow.topic))
    )
    return Counter(dict(rows.all()))


def forget(session: Session, topic: str, *, since_at: datetime) -> int:
    """Let a topic forget what it learned by itself since then, and running processes build its model anew. Returns of how many
    articles."""
    row = session.get(TopicRow, topic)
    learned = delete(SelfTrainingRow).where(
        col(SelfTrainingRow.topic) == topic, col(SelfTrainingRow.created_at) >= since_at
    )
    count = session.connection().execute(learned).rowcount
    if row is not None:
        row.revision = next_revision(session)
    return count


def relearn(session: Session, article_id: int) -> None:
    """Let running processes build those topics anew that learned from this article, by themselves or by a verdict: its text is
    another one now, and after a restart they would have learned from that."""
    reviewed = (
        select(each.topic).where(col(each.article_id) == article_id, col(each.is_relevant).is_not(None))
        for each in (MatchRow, NearMissRow)
    )
    trained = select(SelfTrainingRow.topic).where(col(SelfTrainingRow.article_id) == article_id)
    names = {name for asked in (trained, *reviewed) for name in session.exec(asked)}
    if names:
        revision = next_revision(session)
        session.connection().execute(update(TopicRow).where(col(TopicRow.name).in_(names)).values(revision=revision))


def _add_self_training(latest: str) -> TextClause:
    """`latest`: the later of now and of the topic's newest example, as polls may end in another order than they began."""
    return text(
        f"INSERT INTO lessons (topic, article_id, weight, created_at) SELECT CAST(:topic AS varchar), :article, :weight, {latest} "
        "FROM lessons WHERE topic = CAST(:topic AS varchar) ON CONFLICT (topic, article_id) DO NOTHING"
    ).bindparams(bindparam("now", type_=_created_at.type))


_ADD_SELF_TRAINING = Prepared(
    _add_self_training("max(:now, coalesce(max(created_at), :now))"),
    postgresql=_add_self_training("greatest(CAST(:now AS timestamptz), max(created_at))"),
)
