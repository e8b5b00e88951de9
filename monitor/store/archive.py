"""Reads stored articles, verdicts and scores for calibration, sensitivity and backtests.

Verdicts come with the score that the article had when it arrived. Arrivals are the articles that scored near a topic: its matches
and near misses, or the latest articles where the topic is new. Copies and what was held back (first polls, bursts, age) are left
out: they tell nobody of a story.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, func, literal
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, select

from monitor.matching.calibration import LabelledScore
from monitor.matching.margins import margin
from monitor.matching.sensitivity import ARRIVALS_FOR, ScoredArchive, ScoredArrival, scored_archive
from monitor.store import decisions
from monitor.store.statements import Prepared, chunks
from monitor.store.tables.articles import ArticleRow, RevisionRow
from monitor.store.tables.matches import MatchRow, NearMissRow
from monitor.store.tables.topics import TopicRow
from monitor.text.language import UNKNOWN
from monitor.types.matching import Article, Grade, Reason
from monitor.types.stories import ArticleKind

MAX_CALIBRATION_VERDICTS = 5_000
"""On matches, and as many on near misses, the latest first: older ones say little about today's topics."""
_DAY = timedelta(days=1)
_LANGUAGE_ARTICLES = 5_000
"""Latest articles by which the languages of feeds are told."""
_HELD_BACK = (Reason.FIRST_POLL, Reason.STORM, Reason.TOO_OLD)
_BATCH = 500
"""Articles held in memory at once while all are read."""


# --- articles -----------------------------------------------------------------------------------------------------------


def latest_id(session: Session) -> int:
    """The id of the latest article, which is about how many have arrived so far; 0 for an empty archive."""
    session.flush()
    return _LATEST_ID.run(session, {})[0][0] or 0


def sample(session: Session, *, up_to: int, limit: int, characters: int) -> list[tuple[str, str, str]]:
    """(title, first `characters` of the text, language) of the last `limit` articles up to this id, oldest first, as they were when
    that one came: a later edit changes nothing that was learned from them. No walls."""
    text = func.substr(col(ArticleRow.text), 1, characters)
    rows = session.exec(
        select(ArticleRow.id, ArticleRow.title, text, ArticleRow.language)
        .where(col(ArticleRow.id) <= up_to, col(ArticleRow.grade) != "wall")
        .order_by(col(ArticleRow.id).desc())
        .limit(limit)
    ).all()
    before = _before_edits(session, [id or 0 for id, *_ in rows], up_to=up_to, characters=characters)
    return [(*before.get(id or 0, (title, text)), language) for id, title, text, language in reversed(rows)]


def _before_edits(
    session: Session, article_ids: Sequence[int], *, up_to: int, characters: int
) -> dict[int, tuple[str, str]]:
    """Title and text, by article, of those of these that were edited after article `up_to` came, as they were then."""
    came = select(ArticleRow.seen_at).where(col(ArticleRow.id) <= up_to).order_by(col(ArticleRow.id).desc()).limit(1)
    at = session.exec(came).first()
    found: dict[int, tuple[str, str]] = {}
    for some in chunks(article_ids) if at else ():
        asked = select(RevisionRow.article_id, RevisionRow.title, func.substr(col(RevisionRow.text), 1, characters))
        later = asked.where(col(RevisionRow.article_id).in_(some), col(RevisionRow.replaced_at) > at)
        for article_id, title, text in session.exec(later.order_by(col(RevisionRow.id).desc())):
            found[article_id] = title, text
    return found


def languages(session: Session) -> dict[str, str]:
    """Feed -> the language of most of its articles among the latest; feeds without one in a known language are left out."""
    latest = select(ArticleRow.source, ArticleRow.language).where(
        col(ArticleRow.id) > latest_id(session) - _LANGUAGE_ARTICLES, col(ArticleRow.language) != UNKNOWN
    )
    counts: dict[str, Counter[str]] = {}
    for feed, language in session.exec(latest):
        counts.setdefault(feed, Counter())[language] += 1
    return {feed: found.most_common(1)[0][0] for feed, found in counts.items()}


def since_of_latest(session: Session, count: int) -> datetime | None:
    """When the oldest of the latest `count` articles arrived; None where there is no article."""
    newest = select(ArticleRow.id).order_by(col(ArticleRow.id).desc()).limit(count)
    return session.exec(select(func.min(ArticleRow.seen_at)).where(col(ArticleRow.id).in_(newest))).one()


def articles(session: Session) -> Iterator[tuple[int, Article, Reason | None]]:
    """All articles with their ids, and why each was held back if it was, in the order in which they were decided on; a lazy
    iterator, read in batches."""
    held = func.coalesce(decisions.in_force("held"), "")
    asked = select(ArticleRow, held, func.coalesce(decisions.in_force("reason"), ""))
    in_order = asked.order_by(col(ArticleRow.id))
    for row, held_for, reason in session.exec(in_order).yield_per(_BATCH):
        yield row.id or 0, _article(row), _held(held_for, reason)


def _held(held_for: str, reason: str) -> Reason | None:
    """Decisions of early versions say it by their reason alone."""
    name = held_for or (reason if reason in {each.name for each in _HELD_BACK} else "")
    return Reason[name] if name in Reason.__members__ else None


def without_topics(session: Session, *, since_at: datetime) -> list[int]:
    """Ids of the articles, seen since then, that were decided while no topic was in force; oldest first."""
    asked = select(ArticleRow.id).where(
        decisions.in_force("reason") == Reason.NO_TOPICS.name, col(ArticleRow.seen_at) >= since_at
    )
    return [id or 0 for id in session.exec(asked.order_by(col(ArticleRow.id)))]


def ids_since(session: Session, since_at: datetime) -> tuple[int, int]:
    """The first and the last id of the articles seen since then; (0, 0) where there are none."""
    ids = select(func.min(ArticleRow.id), func.max(ArticleRow.id)).where(col(ArticleRow.seen_at) >= since_at)
    first_id, last_id = session.exec(ids).one()
    return first_id or 0, last_id or 0


def newest_down_to(session: Session, first_id: int, last_id: int, *, limit: int) -> list[tuple[int, Article]]:
    """Articles of a range of ids, the newest first."""
    within = (col(ArticleRow.id) >= first_id, col(ArticleRow.id) <= last_id)
    rows = session.exec(select(ArticleRow).where(*within).order_by(col(ArticleRow.id).desc()).limit(limit))
    return [(row.id or 0, _article(row)) for row in rows]


def article(session: Session, article_id: int) -> Article | None:
    """The article of that id, or None."""
    row = session.get(ArticleRow, article_id)
    return _article(row) if row else None


def _article(row: ArticleRow) -> Article:
    return Article(
        guid=str(row.id),
        url=row.url,
        title=row.title,
        text=row.text,
        language=row.language,
        published_at=row.published_at,
        seen_at=row.seen_at,
        source=row.source,
        author=row.author,
        grade=Grade(row.grade),
        page=row.page,
    )


# --- verdicts -----------------------------------------------------------------------------------------------------------


def verdicts(session: Session) -> list[LabelledScore]:
    """The verdicts in force on matches, then on near misses, each latest first."""
    return [*_on_matches(session), *_on_near_misses(session)]


def _on_matches(session: Session) -> list[LabelledScore]:
    rows = session.exec(
        select(
            MatchRow.topic, MatchRow.score, MatchRow.threshold, MatchRow.factor, MatchRow.is_relevant,
            ArticleRow.id, ArticleRow.kind, ArticleRow.of_article_id,
        )  # type: ignore[call-overload]
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(col(MatchRow.is_relevant).is_not(None))
        .order_by(col(MatchRow.reviewed_at).desc(), col(MatchRow.id).desc())
        .limit(MAX_CALIBRATION_VERDICTS)
    )  # fmt: skip
    return [
        LabelledScore(topic, _text_id(article, kind, of), margin(score, threshold, factor), bool(is_relevant))
        for topic, score, threshold, factor, is_relevant, article, kind, of in rows
    ]


def _on_near_misses(session: Session) -> list[LabelledScore]:
    rows = session.exec(
        select(NearMissRow)
        .where(col(NearMissRow.is_relevant).is_not(None))
        .order_by(col(NearMissRow.reviewed_at).desc(), col(NearMissRow.id).desc())
        .limit(MAX_CALIBRATION_VERDICTS)
    )
    return [
        LabelledScore(
            topic=row.topic,
            text=str(row.article_id),
            margin=margin(row.score, row.threshold, row.factor),
            is_relevant=bool(row.is_relevant),
            weight=1 / row.share if row.share > 0 else 0.0,
            is_match=False,
        )
        for row in rows
    ]


def _text_id(article_id: int, kind: str, of_article_id: int | None) -> str:
    """Articles with one text share an id: a copy, corrected or not, has that of the article it copies."""
    return str(of_article_id if kind in ("copy", "update") and of_article_id else article_id)


# --- arrivals -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedArticle:
    """A stored article that may be told, its text truncated."""

    story_id: int
    title: str
    text: str
    language: str
    published_at: datetime
    seen_at: datetime

    def arrival(self, margin: float) -> ScoredArrival:
        """The article as one that came so near to a topic."""
        return ScoredArrival(seen_at=self.seen_at, published_at=self.published_at, story=self.story_id, margin=margin)


def scored_arrivals(session: Session, topic: str, *, up_to: int) -> ScoredArchive:
    """Scores near a topic in the last 30 days, up to article `up_to`; empty where the topic is less than a day old."""
    since_at, until_at = _span(session, topic, up_to)
    if since_at is None or until_at is None or until_at - since_at < _DAY:
        return ScoredArchive()
    found: list[ScoredArrival] = []
    for table in (MatchRow, NearMissRow):
        probability = NearMissRow.share if table is NearMissRow else literal(1.0)
        rows = session.exec(
            select(
                table.story_id, table.score, table.threshold, table.factor, probability,
                ArticleRow.seen_at, ArticleRow.published_at,
            )  # type: ignore[call-overload]
            .join(ArticleRow, col(ArticleRow.id) == col(table.article_id))
            .where(col(table.topic) == topic, col(table.article_id) <= up_to, col(ArticleRow.seen_at) >= since_at)
            .where(*_may_be_told())
            .order_by(col(table.article_id))
        )  # fmt: skip
        found += [
            ScoredArrival(
                seen_at=seen_at,
                published_at=published_at,
                story=story,
                margin=margin(score, threshold, factor),
                weight=1 / probability,
            )
            for story, score, threshold, factor, probability, seen_at, published_at in rows
            if probability > 0
        ]
    return scored_archive(found, since_at=since_at, until_at=until_at)


def _may_be_told() -> tuple[ColumnElement[bool], ...]:
    """Conditions on an article: its story may be told for it. Decisions of early versions do not say what was held back."""
    return (
        col(ArticleRow.kind) != ArticleKind.COPY.value,
        func.coalesce(decisions.in_force("held"), "") == "",
        func.coalesce(decisions.in_force("reason"), "").not_in([each.name for each in _HELD_BACK]),
    )


def latest_articles(
    session: Session, *, up_to: int, limit: int, characters: int
) -> tuple[list[ArchivedArticle], datetime | None]:
    """The latest articles up to `up_to` that may be told, oldest first, and when the last article was seen: for a topic without
    scores yet. None where the archive has less than a day."""
    since_at, until_at = _span(session, "", up_to)
    if since_at is None or until_at is None or until_at - since_at < _DAY:
        return [], None
    rows = session.exec(
        select(ArticleRow)
        .where(col(ArticleRow.id) <= up_to, col(ArticleRow.grade) != "wall", *_may_be_told())
        .order_by(col(ArticleRow.id).desc())
        .limit(limit)
    ).all()
    before = _before_edits(session, [each.id or 0 for each in rows], up_to=up_to, characters=characters)
    return [_archived(each, characters, before.get(each.id or 0)) for each in reversed(rows)], until_at


def _archived(row: ArticleRow, characters: int, before: tuple[str, str] | None) -> ArchivedArticle:
    """`before`: title and text before it was edited, where they count."""
    title, text = before or (row.title, row.text[:characters])
    return ArchivedArticle(
        story_id=row.story_id or row.id or 0,
        title=title,
        text=text,
        language=row.language,
        published_at=row.published_at,
        seen_at=row.seen_at,
    )


def _span(session: Session, topic: str, up_to: int) -> tuple[datetime | None, datetime | None]:
    """(start, end) of a topic's arrivals: since it was added, 30 days at most, until article `up_to` was seen."""
    first_at, last_at = session.exec(
        select(func.min(ArticleRow.seen_at), func.max(ArticleRow.seen_at)).where(col(ArticleRow.id) <= up_to)
    ).one()
    if first_at is None:
        return None, None
    row = session.get(TopicRow, topic) if topic else None
    return max(first_at, last_at - ARRIVALS_FOR, (row and row.added_at) or first_at), last_at


_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_LATEST_ID = Prepared(select_columns(func.max(_articles.c.id)))
