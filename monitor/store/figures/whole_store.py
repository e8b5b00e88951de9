"""How much the store holds: articles, matches and alerts, over all and by topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, case, func
from sqlmodel import Session, SQLModel, col, select

from monitor.matching.tuning import MATCH_STRATA, SHARE_OFFSET
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.deliveries import AttemptRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from monitor.types.alerting import AlertKind
from monitor.types.matching import Reason
from monitor.types.stories import ArticleKind

_REPEATED = (Reason.COPY.name, Reason.UPDATE.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Counts over the whole store."""

    articles: int
    copies: int
    matches: int
    alerts: int
    stories_told: int
    """Stories with at least one alert."""
    deliveries_retried: int
    """Deliveries that took more than one attempt."""


def totals(session: Session) -> Totals:
    """Counts over the whole store."""
    retried = select(AttemptRow.delivery_id).group_by(col(AttemptRow.delivery_id)).having(func.count() > 1)
    return Totals(
        articles=count_articles(session),
        copies=_count(session, ArticleRow, col(ArticleRow.kind) == ArticleKind.COPY.value),
        matches=_count(session, MatchRow),
        alerts=count_alerts(session),
        stories_told=session.exec(select(func.count(func.distinct(col(AlertRow.story_id))))).one(),
        deliveries_retried=len(session.exec(retried).all()),
    )


def count_articles(session: Session) -> int:
    """The number of articles."""
    return _count(session, ArticleRow)


def count_alerts(session: Session) -> int:
    """The number of alerts, notices included."""
    return _count(session, AlertRow)


def article_span(session: Session) -> tuple[datetime | None, datetime | None]:
    """When the first and the last article were seen; (None, None) for an empty store."""
    return session.exec(select(func.min(ArticleRow.seen_at), func.max(ArticleRow.seen_at))).one()


def last_written_at(session: Session) -> datetime | None:
    """The latest time at which an article was seen or a feed polled, or None."""
    found = [session.exec(select(func.max(each))).one() for each in (ArticleRow.seen_at, FeedRow.last_polled_at)]
    return max((each for each in found if each), default=None)


def matches_by_topic(session: Session) -> Mapping[str, int]:
    """Topic -> number of matches, without copies and updates."""
    rows = select(MatchRow.topic, func.count()).where(col(MatchRow.reason).not_in(_REPEATED))
    return dict(session.exec(rows.group_by(col(MatchRow.topic))).all())


def matches_by_stratum(session: Session) -> Mapping[tuple[str, int], int]:
    """(topic, stratum by `matching.margins.stratum`) -> number of matches, without copies and updates."""
    of_threshold = func.nullif(col(MatchRow.threshold) + SHARE_OFFSET, 0)
    reached = col(MatchRow.factor) * (col(MatchRow.score) + SHARE_OFFSET) / of_threshold
    edges = [(reached < edge, at) for at, edge in enumerate(MATCH_STRATA)]
    of_match = select(col(MatchRow.topic), case(*edges, else_=len(MATCH_STRATA)).label("stratum")).where(
        col(MatchRow.reason).not_in(_REPEATED)
    )
    each = of_match.subquery().c
    rows = session.exec(select(each.topic, each.stratum, func.count()).group_by(each.topic, each.stratum))
    return {(topic, stratum): count for topic, stratum, count in rows}


def alerts_by_topic(session: Session) -> Mapping[str, int]:
    """Topic -> number of alerts on new stories."""
    rows = (
        select(AlertTopicRow.topic, func.count())
        .join(AlertRow, col(AlertRow.id) == col(AlertTopicRow.alert_id))
        .where(AlertRow.kind == AlertKind.NEW.value)
    )
    return dict(session.exec(rows.group_by(col(AlertTopicRow.topic))).all())


def _count(session: Session, table: type[SQLModel], *conditions: ColumnElement[bool]) -> int:
    return session.exec(select(func.count()).select_from(table).where(*conditions)).one()
