"""Decisions on articles, and the matches that go with them.

A decision is a row that is never changed; of an article's decisions the newest, which has the highest id, is in force. A match
shows the score and evidence of one of them: of that by which it was told, else of the newest on its topic. So what is shown is
what was told, whatever other feeds show of the article later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ScalarSelect, Table, bindparam, case, func, insert, select, update
from sqlmodel import Session, col

from monitor.matching.margins import prior_share, shortfall
from monitor.store import versions
from monitor.store.statements import Prepared
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow, DecisionRow
from monitor.store.tables.matches import MatchRow, NearMissRow
from monitor.store.tables.topics import TopicRow
from monitor.types.matching import Evidence, Reason, Score
from monitor.types.stories import ArticleKind, Cause, Decision, KnownArticle, KnownMatch, TopicDecision

_decisions: Table = DecisionRow.__table__  # type: ignore[attr-defined]
_matches: Table = MatchRow.__table__  # type: ignore[attr-defined]
_topics: Table = TopicRow.__table__  # type: ignore[attr-defined]
_EVIDENCE = TypeAdapter(Evidence)
_KEPT_SCORES = 10


def in_force(name: str) -> ScalarSelect[Any]:
    """A column of the decision in force, for a select from `articles`."""
    newest = (
        select(func.max(col(DecisionRow.id)))
        .where(col(DecisionRow.article_id) == col(ArticleRow.id))
        .correlate(ArticleRow)
        .scalar_subquery()
    )
    return select(_decisions.c[name]).where(col(DecisionRow.id) == newest).correlate(ArticleRow).scalar_subquery()


# --- writing ------------------------------------------------------------------------------------------------------------


def add(
    session: Session,
    article_id: int,
    decision: Decision,
    scores: Sequence[Score],
    *,
    cause: Cause,
    feed: str,
    kind: ArticleKind,
    story_id: int,
    held: Reason | None = None,
    now: datetime,
) -> int:
    """Store a decision and return its id. From now on it is in force."""
    by_topic = {each.topic: each for each in scores}
    values = {
        "article_id": article_id,
        "at": now,
        "cause": cause.value,
        "feed": feed,
        "reason": decision.reason.name,
        "kind": kind.value,
        "story_id": story_id,
        "topics": [_topic_fields(each, by_topic[each.topic]) for each in decision.topics],
        "scores": shown_scores(scores),
        "held": held.name if held else "",
    }
    return _ADD.add(session, values)


def _topic_fields(decided: TopicDecision, score: Score) -> dict[str, Any]:
    return {
        "topic": decided.topic,
        "score": score.score,
        "threshold": score.threshold,
        "factor": score.factor,
        "probability": score.probability,
        "evidence": _EVIDENCE.dump_python(score.evidence, mode="json"),
        "model_version": score.model_version,
        "reason": decided.reason.name,
        "is_alert": decided.is_alert,
        **({"elsewhere": list(decided.elsewhere)} if decided.elsewhere else {}),
    }


def shown_scores(scores: Iterable[Score]) -> list[dict[str, object]]:
    """The 10 scores nearest to (or furthest above) their thresholds, as JSON for `explain`."""
    ordered = sorted(scores, key=lambda each: shortfall(each.score, each.threshold))[:_KEPT_SCORES]
    return [
        {
            "topic": each.topic,
            "score": each.score,
            "threshold": each.threshold,
            "matched": each.is_match,
            "blocked": each.blocked.name if each.blocked else None,
            **({"lesson": round(each.self_training_weight, 3)} if each.self_training_weight else {}),
        }
        for each in ordered
    ]


def add_matches(
    session: Session,
    article_id: int,
    story_id: int,
    matched: Mapping[str, tuple[Score, Reason]],
    *,
    decision_id: int,
    now: datetime,
) -> None:
    """Store matches (topic -> its score and the reason), as this decision made them."""
    for topic, (score, reason) in matched.items():
        values = {
            **_match_values(score, decision_id),
            "article_id": article_id,
            "story_id": story_id,
            "topic": topic,
            "reason": reason.name,
            "created_at": now,
        }
        _ADD_MATCH.write(session, values)


def show_in_matches(session: Session, article_id: int, scores: Collection[Score], *, decision_id: int) -> None:
    """Let the matches of an article on these topics show the scores of this decision; they keep verdict and reason."""
    numbers = versions.numbers(session, [each.topic for each in scores]) if scores else {}
    for each in scores:
        of_match = (col(MatchRow.article_id) == article_id, col(MatchRow.topic) == each.topic)
        values = {**_match_values(each, decision_id), "topic_version": numbers.get(each.topic)}
        # what a topic learned from a verdict must not change under it
        values["prior_share"] = case(
            (col(MatchRow.is_relevant).is_(None), prior_share(each)), else_=MatchRow.prior_share
        )
        session.connection().execute(update(MatchRow).where(*of_match).values(**values))


def _match_values(score: Score, decision_id: int) -> dict[str, Any]:
    return {
        "score": score.score,
        "threshold": score.threshold,
        "factor": score.factor,
        "prior_share": prior_share(score),
        "probability": score.probability,
        "evidence": _EVIDENCE.dump_python(score.evidence, mode="json"),
        "model_version": score.model_version,
        "decision_id": decision_id,
    }


# --- reading ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision on an article, as it was stored."""

    id: int
    article_id: int
    at: datetime
    cause: str
    feed: str
    reason: str
    """The name of a `Reason`."""
    kind: str
    story_id: int
    topics: Sequence[Mapping[str, Any]]
    scores: Sequence[Mapping[str, Any]]


def of_article(session: Session, article_id: int) -> list[StoredDecision]:
    """The decisions on an article, oldest first; the last one is in force."""
    return of_articles(session, [article_id]).get(article_id, [])


def of_articles(session: Session, article_ids: Collection[int]) -> dict[int, list[StoredDecision]]:
    """Article -> the decisions on it, oldest first."""
    asked = select(DecisionRow).where(col(DecisionRow.article_id).in_(article_ids)).order_by(col(DecisionRow.id))
    found: dict[int, list[StoredDecision]] = {}
    for row in session.execute(asked).scalars():
        decision = StoredDecision(**{each.name: getattr(row, each.name) for each in fields(StoredDecision)})
        found.setdefault(row.article_id, []).append(decision)
    return found


def load_evidence(stored: Mapping[str, Any]) -> Evidence:
    """Evidence from its stored JSON."""
    return _EVIDENCE.validate_python(stored)


def told_elsewhere(session: Session, story_ids: Collection[int]) -> list[int]:
    """The other stories as which articles of these were told (`TopicDecision.elsewhere`)."""
    decided = (
        select(col(DecisionRow.topics))
        .join(ArticleRow, col(ArticleRow.id) == col(DecisionRow.article_id))
        .where(col(ArticleRow.story_id).in_(story_ids), col(DecisionRow.reason) == Reason.JOINS_STORY.name)
    )
    found = {
        story for topics in session.execute(decided).scalars() for each in topics for story in each.get("elsewhere", ())
    }
    return sorted(found.difference(story_ids))


def known_article(session: Session, article_id: int) -> KnownArticle:
    """What is in force of a stored article that arrives again."""
    connection = session.connection()
    asked = {"article": article_id}
    reason, held, page, kind = connection.execute(_IN_FORCE, asked).one()
    told = set(connection.execute(_TOLD_TOPICS, asked).scalars())
    matches = {
        topic: KnownMatch(score=score, threshold=of, is_told=topic in told, reason=Reason[why])
        for topic, score, of, why in connection.execute(_MATCHES, asked)
    }
    return KnownArticle(
        reason=Reason[reason],
        page=page,
        matches=matches,
        kind=ArticleKind(kind),
        held=Reason[held] if held else None,
    )


def judged_near_misses(session: Session, article_id: int) -> frozenset[str]:
    """The topics that an article did not match and on which a person judged it all the same."""
    return frozenset(session.connection().execute(_JUDGED_NEAR_MISSES, {"article": article_id}).scalars())


# Built once: building a statement costs more than running it.
_ADD = Prepared(
    insert(_decisions),
    postgresql=insert(_decisions).returning(_decisions.c.id),
    columns=[column.name for column in _decisions.c if column.name != "id"],
)
_GIVEN = (
    "article_id", "story_id", "topic", "score", "threshold", "factor", "prior_share", "probability", "evidence", "model_version",
    "decision_id", "reason", "created_at",
)  # fmt: skip
_ADD_MATCH = Prepared(
    insert(_matches).values(
        {name: bindparam(name, type_=_matches.c[name].type) for name in _GIVEN}
        | {"topic_version": select(_topics.c.version).where(_topics.c.name == bindparam("topic")).scalar_subquery()}
    )
)
_IN_FORCE = select(in_force("reason"), in_force("held"), col(ArticleRow.page), col(ArticleRow.kind)).where(
    col(ArticleRow.id) == bindparam("article")
)
_JUDGED_NEAR_MISSES = select(col(NearMissRow.topic)).where(
    col(NearMissRow.article_id) == bindparam("article"), col(NearMissRow.is_relevant).is_not(None)
)
_TOLD_TOPICS = (
    select(col(AlertTopicRow.topic))
    .join(AlertRow, col(AlertRow.id) == col(AlertTopicRow.alert_id))
    .where(col(AlertRow.article_id) == bindparam("article"))
)
_MATCHES = select(col(MatchRow.topic), col(MatchRow.score), col(MatchRow.threshold), col(MatchRow.reason)).where(
    col(MatchRow.article_id) == bindparam("article")
)
