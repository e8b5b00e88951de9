"""Reads and writes the verdicts of reviewers on matches and near misses.

All verdicts are kept, and so is that one was withdrawn. The latest one of an article and topic is in force; it is also written on
the match or near miss, so that lists can be filtered by it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import ColumnElement, SQLColumnExpression, func
from sqlmodel import Session, col, select

from monitor.matching.margins import share
from monitor.store.statements import chunks
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow, NearMissRow, VerdictRow
from monitor.types.matching import Example, Verdict

MAX_VERDICTS_EACH = 200
"""Verdicts in force of one topic that are used: as many as its model learns from."""

VerdictInForce = tuple[int, bool]
"""(article id, is relevant)."""

_Row = TypeVar("_Row", MatchRow, NearMissRow)
_TermShifts = dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVerdict:
    """One stored verdict."""

    id: int
    topic: str
    is_relevant: bool
    by: str
    note: str
    at: datetime
    article_id: int
    is_withdrawn: bool
    """Takes the verdict before it back: since then there is none."""
    taught: _TermShifts | None
    """The terms that it made `heavier` and `lighter` in its topic's model; None until that was computed."""


# --- the state of a match or near miss ----------------------------------------------------------------------------------


def state(is_relevant: bool | None) -> str:
    """`new` without a verdict, else `confirmed` or `dismissed`."""
    return "new" if is_relevant is None else "confirmed" if is_relevant else "dismissed"


def is_in_state(table: type[_Row], name: str) -> ColumnElement[bool]:
    """The SQL condition for rows of `table` in this state."""
    return is_state(col(table.is_relevant), name)


def is_state(is_relevant: SQLColumnExpression[bool | None], name: str) -> ColumnElement[bool]:
    """The SQL condition for such a column to say this state."""
    return is_relevant.is_({"confirmed": True, "dismissed": False}.get(name))


# --- writing ------------------------------------------------------------------------------------------------------------


def record(session: Session, verdict: Verdict, *, is_near_miss: bool = False) -> int | None:
    """Store a verdict on a match or near miss and put it in force. Returns its id; None where there is no such match or near
    miss."""
    of = (verdict.article_id, verdict.topic)
    row = _find(session, NearMissRow, *of) if is_near_miss else _find(session, MatchRow, *of)
    if row is None:
        return None
    row.is_relevant, row.reviewed_at, row.reviewed_by = verdict.is_relevant, verdict.at, verdict.by
    return _add(session, verdict)


def put_back(session: Session, undone: StoredVerdict, *, by: str, now: datetime) -> bool:
    """Undo a verdict: that before it is in force again, or none where there was none. False where it is not in force itself (it
    was followed by another, or withdrawn): then nothing changes."""
    last_two = latest(session, undone.article_id, undone.topic, limit=2)
    if not last_two or last_two[0].id != undone.id or undone.is_withdrawn:
        return False
    before = next((each for each in last_two[1:] if not each.is_withdrawn), None)
    of = (undone.article_id, undone.topic)
    for row in (_find(session, MatchRow, *of), _find(session, NearMissRow, *of)):
        if row is not None and row.reviewed_at == undone.at:
            row.is_relevant = before.is_relevant if before else None
            row.reviewed_at, row.reviewed_by = (before.at, before.by) if before else (None, None)
    again = before or undone
    restored = Verdict(
        article_id=undone.article_id,
        topic=undone.topic,
        is_relevant=again.is_relevant,
        by=by,
        at=now,
        note=before.note if before else "",
    )
    _add(session, restored, is_withdrawn=before is None)
    return True


def _add(session: Session, verdict: Verdict, *, is_withdrawn: bool = False) -> int:
    row = VerdictRow(
        article_id=verdict.article_id,
        topic=verdict.topic,
        is_relevant=verdict.is_relevant,
        by=verdict.by,
        note=verdict.note,
        at=verdict.at,
        is_withdrawn=is_withdrawn,
    )
    session.add(row)
    session.flush()
    assert row.id is not None
    return row.id


def _find(session: Session, table: type[_Row], article_id: int, topic: str) -> _Row | None:
    of = (col(table.article_id) == article_id, col(table.topic) == topic)
    return session.exec(select(table).where(*of)).first()


def set_term_shifts(
    session: Session, verdict_id: int, *, heavier: Sequence[str], lighter: Sequence[str], scores: Sequence[str] = ()
) -> None:
    """Store which terms a verdict made heavier and lighter in its topic's model, and how it changed `scores` by meaning."""
    row = session.get(VerdictRow, verdict_id)
    if row is not None:
        row.taught = {"heavier": list(heavier), "lighter": list(lighter)} | ({"scores": list(scores)} if scores else {})


# --- reading ------------------------------------------------------------------------------------------------------------


def of_article(session: Session, article_id: int) -> list[StoredVerdict]:
    """All verdicts on an article, oldest first."""
    return of_articles(session, [article_id])


def of_articles(session: Session, article_ids: Collection[int]) -> list[StoredVerdict]:
    """All verdicts on these articles, oldest first."""
    found = [
        _stored(row)
        for ids in chunks(sorted(article_ids))
        for row in session.exec(select(VerdictRow).where(col(VerdictRow.article_id).in_(ids)))
    ]
    return sorted(found, key=lambda each: each.id)


def given_together(session: Session, first_id: int, last_id: int) -> list[StoredVerdict]:
    """The verdicts that were given in one go, from the first to the last of them; empty where there is none with the first id."""
    first = session.get(VerdictRow, first_id)
    if first is None:
        return []
    between = col(VerdictRow.id).between(first_id, last_id)
    of_one_go = (VerdictRow.at == first.at, VerdictRow.by == first.by, between)
    return [_stored(row) for row in session.exec(select(VerdictRow).where(*of_one_go).order_by(col(VerdictRow.id)))]


def latest(session: Session, article_id: int, topic: str, *, limit: int) -> list[StoredVerdict]:
    """The latest verdicts on an article for one topic, newest first."""
    asked = select(VerdictRow).where(VerdictRow.article_id == article_id, VerdictRow.topic == topic)
    return [_stored(row) for row in session.exec(asked.order_by(col(VerdictRow.id).desc()).limit(limit))]


def term_shifts(session: Session, article_ids: Collection[int]) -> dict[tuple[str, int], _TermShifts]:
    """(topic, article) -> terms made heavier and lighter by the verdict in force; an empty dict until that was computed, or where
    it was withdrawn."""
    if not article_ids:
        return {}
    rows = session.exec(
        select(VerdictRow.topic, VerdictRow.article_id, VerdictRow.taught)
        .where(col(VerdictRow.article_id).in_(article_ids))
        .order_by(col(VerdictRow.id))
    )
    return {(topic, article_id): dict(terms or {}) for topic, article_id, terms in rows}


def latest_id(session: Session) -> int:
    """The id of the last verdict, 0 where there is none; when it changes, models are rebuilt."""
    return session.exec(select(VerdictRow.id).order_by(col(VerdictRow.id).desc()).limit(1)).first() or 0


def judged_since(session: Session, verdict_id: int) -> list[tuple[str, int]]:
    """Topic and article of each verdict with a higher id."""
    asked = select(VerdictRow.topic, VerdictRow.article_id).where(col(VerdictRow.id) > verdict_id)
    return [(topic, article_id) for topic, article_id in session.exec(asked.distinct())]


def earliest(session: Session, count: int) -> set[tuple[str, int]]:
    """Topic and article of the first `count` articles of each topic that were judged."""
    first_id = func.min(VerdictRow.id).label("first_id")
    judged = select(VerdictRow.topic, VerdictRow.article_id, first_id).group_by(
        col(VerdictRow.topic), col(VerdictRow.article_id)
    )
    found: dict[str, set[int]] = defaultdict(set)
    for topic, article_id, _ in session.exec(judged.order_by(first_id)):
        if len(found[topic]) < count:
            found[topic].add(article_id)
    return {(topic, article_id) for topic, ids in found.items() for article_id in ids}


def in_force(session: Session) -> dict[str, list[VerdictInForce]]:
    """Topic -> its latest 200 verdicts in force, ordered by article."""
    latest_of: dict[tuple[str, int], tuple[int, bool]] = {}
    for id, topic, article_id, is_relevant, is_withdrawn in session.execute(_ALL_IN_ORDER):
        latest_of.pop((topic, article_id), None)
        if not is_withdrawn:
            latest_of[topic, article_id] = (id or 0, is_relevant)
    by_topic: dict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    for (topic, article_id), (id, is_relevant) in latest_of.items():
        by_topic[topic].append((id, article_id, is_relevant))
    return {
        topic: sorted((article_id, is_relevant) for _, article_id, is_relevant in sorted(each)[-MAX_VERDICTS_EACH:])
        for topic, each in by_topic.items()
    }


_VERDICT_COLUMNS = ("id", "topic", "article_id", "is_relevant", "is_withdrawn")
_ALL_IN_ORDER = sqlalchemy.select(*(getattr(VerdictRow, name) for name in _VERDICT_COLUMNS)).order_by(
    col(VerdictRow.id)
)


def examples(
    session: Session, names: Collection[str] | None = None, *, limit_each: int = MAX_VERDICTS_EACH
) -> list[Example]:
    """Articles with a verdict in force, as examples for the topic models, latest first; at most `limit_each` per topic, of the
    topics `names` or of all. Near misses count like matches; where an article is both, the verdict on the match is used."""
    reviewed = [*_reviewed(session, MatchRow, names), *_reviewed(session, NearMissRow, names)]
    taken: Counter[str] = Counter()
    known: set[tuple[str, int]] = set()
    chosen = []
    for each in sorted(reviewed, key=lambda each: each.reviewed_at or each.created_at, reverse=True):
        if (each.topic, each.article_id) not in known and taken[each.topic] < limit_each:
            taken[each.topic] += 1
            known.add((each.topic, each.article_id))
            chosen.append(each)
    texts = {
        row.id: row
        for ids in chunks(sorted({each.article_id for each in chosen}))
        for row in session.execute(_TEXTS.where(col(ArticleRow.id).in_(ids)))
    }
    return [_example(each, texts[each.article_id]) for each in chosen]


_REVIEWED = (
    "topic", "article_id", "score", "threshold", "factor", "prior_share", "is_relevant", "reviewed_at", "created_at",
)  # fmt: skip
"""Without the evidence, which is long."""
_TEXTS = sqlalchemy.select(*(col(getattr(ArticleRow, name)) for name in ("id", "title", "text", "language")))


def _reviewed(session: Session, table: type[_Row], names: Collection[str] | None) -> Sequence[Any]:
    is_reviewed = col(table.is_relevant).is_not(None)
    rows = session.execute(
        sqlalchemy.select(*(col(getattr(table, name)) for name in _REVIEWED))
        .where(is_reviewed if names is None else is_reviewed & col(table.topic).in_(names))
        .order_by(col(table.reviewed_at).desc(), col(table.id).desc())
    )
    return rows.all()


def _example(row: Any, article: Any) -> Example:
    return Example(
        topic=row.topic,
        title=article.title,
        text=article.text,
        language=article.language,
        is_relevant=bool(row.is_relevant),
        at=row.reviewed_at,
        share=share(row.score, row.threshold, row.factor) if row.prior_share is None else row.prior_share,
    )


def _stored(row: VerdictRow) -> StoredVerdict:
    assert row.id is not None
    return StoredVerdict(
        id=row.id,
        article_id=row.article_id,
        topic=row.topic,
        is_relevant=row.is_relevant,
        is_withdrawn=row.is_withdrawn,
        by=row.by,
        note=row.note,
        at=row.at,
        taught=row.taught,
    )
