"""Stores a sample of near misses with each one's sampling probability, counts all of them, and lists the sample for review.

Which are sampled is decided by `monitor.matching.near_misses`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Table, bindparam, func, insert, select, text
from sqlmodel import Session, col

from monitor.matching import near_misses
from monitor.matching.near_misses import NearMiss
from monitor.matching.tuning import ASK_AT_RANDOM_FROM, NEAR_MISS_DAYS, NEAR_MISSES_A_DAY
from monitor.store import verdicts
from monitor.store.statements import Prepared
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow, NearMissCountRow, NearMissRow
from monitor.store.tables.topics import TopicRow
from monitor.types.stories import ArticleKind

_near_misses: Table = NearMissRow.__table__  # type: ignore[attr-defined]
_counts: Table = NearMissCountRow.__table__  # type: ignore[attr-defined]
_COUNTS_SINCE = select(_counts).where(
    _counts.c.topic.in_(bindparam("topics", expanding=True)), _counts.c.day >= bindparam("since")
)
_COUNT = Prepared(
    text(
        "INSERT INTO near_counts (topic, day, band, seen) VALUES (:topic, :day, :band, 1) "
        "ON CONFLICT (topic, day, band) DO UPDATE SET seen = near_counts.seen + 1"
    )
)
_ADD = insert(NearMissRow)
_OF_ARTICLE = ("title", "text", "url", "source", "language", "published_at")
_WITH_ARTICLE = select(
    *(
        getattr(NearMissRow, name)
        for name in ("id", "article_id", "topic", "band", "score", "threshold", "factor", "prior_share", "is_relevant")
    ),
    col(NearMissRow.share).label("sampling_probability"),
    col(NearMissRow.created_at).label("found_at"),
    *(getattr(ArticleRow, name) for name in _OF_ARTICLE),
).join(ArticleRow, col(ArticleRow.id) == col(NearMissRow.article_id))
_ENDED = select(col(TopicRow.name)).where(col(TopicRow.ended_at).is_not(None))
_MATCHES_WITH_ARTICLE = select(
    *(
        getattr(MatchRow, name)
        for name in ("id", "article_id", "topic", "score", "threshold", "factor", "prior_share", "is_relevant")
    ),
    col(MatchRow.created_at).label("found_at"),
    *(getattr(ArticleRow, name) for name in _OF_ARTICLE),
).join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))


def add(
    session: Session, article_id: int, story_id: int, url: str, title: str, near: Sequence[NearMiss], *, now: datetime
) -> None:
    """Count an article's near misses and store the sampled ones. Call it once per article, in the transaction that stores it."""
    if not near:
        return
    connection = session.connection()
    today = f"{now:%Y-%m-%d}"
    since = f"{now - timedelta(days=NEAR_MISS_DAYS):%Y-%m-%d}"
    counts = {
        (row.topic, row.band, row.day): row.seen
        for row in connection.execute(_COUNTS_SINCE, {"topics": [each.topic for each in near], "since": since})
    }
    kept = []
    for each in near:
        probability = near_misses.sampling_probability(
            each.band, counts.get((each.topic, each.band, today), 0), _usual(counts, each, today)
        )
        if near_misses.sampling_hash(each.topic, url, title) < probability:
            kept.append(
                _values(each, probability) | {"article_id": article_id, "story_id": story_id, "created_at": now}
            )
    for each in near:
        _COUNT.write(session, {"topic": each.topic, "day": today, "band": each.band})
    if kept:
        connection.execute(_ADD, kept)


def _usual(counts: Mapping[tuple[str, int, str], int], of: NearMiss, today: str) -> float:
    """The mean daily number of near misses in the same topic and band, over earlier days that had any."""
    others = [
        count for (topic, band, day), count in counts.items() if (topic, band) == (of.topic, of.band) and day < today
    ]
    return sum(others) / len(others) if others else 0.0


def _values(each: NearMiss, sampling_probability: float) -> dict[str, object]:
    return {
        "topic": each.topic,
        "band": each.band,
        "share": sampling_probability,
        "score": each.score,
        "threshold": each.threshold,
        "factor": each.factor,
        "prior_share": each.prior_share,
        "model_version": each.model_version,
    }


class NearMissSample(NamedTuple):
    """A stored near miss, as needed to estimate recall."""

    article_id: int
    band: int
    sampling_probability: float
    is_relevant: bool | None
    """The verdict in force."""
    is_early: bool = False
    """Whether it was among the first that were judged for its topic (ASK_AT_RANDOM_FROM)."""


def samples(session: Session) -> dict[str, list[NearMissSample]]:
    """All stored near misses, by topic."""
    rows = session.connection().execute(
        select(
            _near_misses.c.topic,
            _near_misses.c.article_id,
            _near_misses.c.band,
            _near_misses.c.share,
            _near_misses.c.is_relevant,
        )
    )
    early = verdicts.earliest(session, ASK_AT_RANDOM_FROM)
    found: dict[str, list[NearMissSample]] = {}
    for topic, article_id, band, probability, is_relevant in rows:
        sample = NearMissSample(article_id, band, probability, is_relevant, (topic, article_id) in early)
        found.setdefault(topic, []).append(sample)
    return found


def seen(session: Session) -> dict[str, Counter[int]]:
    """Topic -> band -> number of near misses ever counted, stored or not."""
    rows = session.connection().execute(
        select(_counts.c.topic, _counts.c.band, func.sum(_counts.c.seen)).group_by(_counts.c.topic, _counts.c.band)
    )
    found: dict[str, Counter[int]] = {}
    for topic, band, count in rows:
        found.setdefault(topic, Counter())[band] = int(count)
    return found


# --- for reviewers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNearMiss:
    """A stored near miss with its article."""

    id: int
    article_id: int
    topic: str
    band: int
    sampling_probability: float
    score: float
    threshold: float
    found_at: datetime
    is_relevant: bool | None
    title: str
    text: str
    url: str
    source: str
    language: str
    published_at: datetime
    factor: float = 1.0
    prior_share: float | None = None
    is_match: bool = False
    """Whether it is a match that may be judged like a near miss; its id is that of the match."""

    @property
    def stands_for(self) -> float:
        """How many near misses this sampled one represents."""
        return 1 / self.sampling_probability if self.sampling_probability > 0 else 1.0

    @property
    def state(self) -> str:
        """`new`, `confirmed` or `dismissed`."""
        return verdicts.state(self.is_relevant)


def latest(
    session: Session, *, topic: str = "", state: str = "", limit: int, with_ended: bool = True
) -> list[StoredNearMiss]:
    """Stored near misses, newest first; an empty `topic` or `state` does not filter. What has become a match of the topic since,
    as it was assessed again, is none that waits for a verdict. `with_ended`: those of removed topics, too."""
    asked = _WITH_ARTICLE.order_by(col(NearMissRow.created_at).desc(), col(NearMissRow.id).desc()).limit(limit)
    if topic:
        asked = asked.where(col(NearMissRow.topic) == topic)
    if state:
        asked = asked.where(verdicts.is_in_state(NearMissRow, state))
    if state == "new":
        matched = select(col(MatchRow.id)).where(
            col(MatchRow.article_id) == col(NearMissRow.article_id), col(MatchRow.topic) == col(NearMissRow.topic)
        )
        asked = asked.where(~matched.exists())
    if not with_ended:
        asked = asked.where(col(NearMissRow.topic).not_in(_ENDED))
    return [StoredNearMiss(**row._mapping) for row in session.execute(asked)]


def unjudged_matches(session: Session, *, topic: str = "", limit: int, with_ended: bool = True) -> list[StoredNearMiss]:
    """Matches without a verdict, newest first, copies left out. `with_ended`: as for `latest`."""
    asked = _MATCHES_WITH_ARTICLE.where(
        col(MatchRow.is_relevant).is_(None), col(ArticleRow.kind) != ArticleKind.COPY.value
    )
    if topic:
        asked = asked.where(col(MatchRow.topic) == topic)
    if not with_ended:
        asked = asked.where(col(MatchRow.topic).not_in(_ENDED))
    newest = asked.order_by(col(MatchRow.created_at).desc(), col(MatchRow.id).desc()).limit(limit)
    return [
        StoredNearMiss(**row._mapping, band=len(NEAR_MISSES_A_DAY), sampling_probability=1.0, is_match=True)
        for row in session.execute(newest)
    ]


def find(session: Session, near_miss_id: int) -> StoredNearMiss | None:
    """The near miss of that id, or None."""
    row = session.execute(_WITH_ARTICLE.where(col(NearMissRow.id) == near_miss_id)).first()
    return StoredNearMiss(**row._mapping) if row else None
