"""The reviewer's verbs: list, show, confirm, dismiss, explain, export. Rows in, plain values out, for the page and the CLI alike.

A verdict is recorded in its own transaction and stands until the next one. Fetches nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from monitor import history, seedfiles
from monitor.calibrate import Calibration
from monitor.ledger import Carrier, outlets
from monitor.lessons import calibration
from monitor.margins import margin
from monitor.seedfiles import SeedFileError, Sheet, Written
from monitor.store import alerts, articles, pages, search, stories, topics
from monitor.store.tables import (
    AlertRow,
    ArticleRow,
    AttemptRow,
    DeliveryRow,
    EntryRow,
    FeedRow,
    MatchRow,
    VerdictRow,
)
from monitor.types import Evidence, Grade, Measured, Reason, Verdict
from monitor.urls import canonical

STATES = ("new", "confirmed", "dismissed")
"""Of a match: not yet looked at, or what the reviewer said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which matches are asked for; an empty field asks nothing."""

    topic: str = ""
    state: str = ""
    words: str = ""
    source: str = ""
    since_at: datetime | None = None
    copies: bool = False
    """Whether copies of a story that matched before stand for themselves; else they are named at its first article."""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A match with as much of its article as a list shows."""

    id: int
    article_id: int
    story_id: int
    topic: str
    topic_title: str
    title: str
    url: str
    source: str
    language: str
    published_at: datetime
    found_at: datetime
    score: float
    threshold: float
    probability: float | None
    """By the verdicts of today; None where the topic is not calibrated yet."""
    measured: Measured | None
    state: str
    reason: str
    kind: str
    evidence: Evidence
    also: tuple[str, ...] = ()
    """Other outlets of the same story."""
    taught: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The terms that the verdict made `heavier` and `lighter` in its topic; empty where there is none."""
    topic_version: int | None = None
    """The version of the topic that matched it."""
    model_version: str = ""
    outlet: str = ""
    """What people call the source."""
    wire: str = ""
    """The news agency it is credited to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list."""

    hits: tuple[Hit, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An alert of an article's story, and where it went."""

    alert_id: str
    kind: str
    topic: str
    title: str
    created_at: datetime
    deliveries: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All we know of one article: what `explain` and the detail page show."""

    id: int
    story_id: int
    title: str
    text: str
    url: str
    source: str
    author: str
    language: str
    grade: str
    page: str
    """What came of reading the article's own page, in words; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime
    kind: str
    of_article_id: int | None
    similarity: float
    why: str
    decision: str
    """Name of the reason, such as NO_MATCH."""
    reason: str
    """The same in words."""
    decided_at: datetime
    scores: tuple[dict[str, Any], ...] = ()
    hits: tuple[Hit, ...] = ()
    feeds: tuple[str, ...] = ()
    carried: tuple[tuple[int, str, str, str], ...] = ()
    """The rest of its story: (article id, outlet, title, kind)."""
    revisions: tuple[dict[str, Any], ...] = ()
    told: tuple[Told, ...] = ()
    verdicts: tuple[dict[str, Any], ...] = ()
    outlet: str = ""
    """What people call the source."""
    wire: str = ""
    """The news agency it is credited to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Matches of one topic by state."""

    topic: str
    title: str
    by_state: dict[str, int] = field(default_factory=dict)


def list_hits(session: Session, query: Query) -> Page:
    """Matches, newest first."""
    conditions = _conditions(session, query)
    joined = select(MatchRow, ArticleRow).join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
    counted = (
        select(func.count()).select_from(MatchRow).join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
    )
    newest = joined.where(*conditions).order_by(col(MatchRow.created_at).desc(), col(MatchRow.id).desc())
    rows = session.exec(newest.limit(query.limit).offset(query.offset)).all()
    titles = topics.titles(session)
    also = _also(session, {match.story_id for match, _ in rows})
    odds = calibration(session)
    hits = _with_lessons(session, (_hit(match, article, titles, also, odds) for match, article in rows))
    return Page(hits=hits, total=session.exec(counted.where(*conditions)).one())


def find_hit(session: Session, match_id: int) -> Hit | None:
    """One match by its id."""
    match = session.get(MatchRow, match_id)
    if match is None:
        return None
    article = session.get_one(ArticleRow, match.article_id)
    hit = _hit(match, article, topics.titles(session), _also(session, {match.story_id}), calibration(session))
    return _with_lessons(session, [hit])[0]


def counts(session: Session) -> list[Count]:
    """How many matches of each topic are new, confirmed, dismissed, copies apart; topics without any included."""
    by_topic: dict[str, dict[str, int]] = {}
    rows = session.exec(
        select(MatchRow.topic, MatchRow.is_relevant, func.count())
        .where(col(MatchRow.reason) != Reason.COPY.name)
        .group_by(col(MatchRow.topic), col(MatchRow.is_relevant))
    )
    for topic, is_relevant, count in rows:
        by_topic.setdefault(topic, {})[_state(is_relevant)] = count
    titles = topics.titles(session)
    return [
        Count(topic=name, title=titles.get(name, name), by_state=by_topic.get(name, {}))
        for name in sorted({*titles, *by_topic})
    ]


def judge(session: Session, match_id: int, *, is_relevant: bool, by: str, note: str = "", now: datetime) -> Hit | None:
    """Confirm or dismiss a match; None where there is none of that id. Saying the same again changes nothing."""
    match = session.get(MatchRow, match_id)
    if match is None:
        return None
    if match.is_relevant is not is_relevant:
        verdict = Verdict(
            article_id=match.article_id, topic=match.topic, is_relevant=is_relevant, by=by, at=now, note=note
        )
        topics.judge(session, verdict)
        session.flush()
    return find_hit(session, match_id)


def match_of(session: Session, article_id: int, topic: str) -> int | None:
    """The id of the match of an article and a topic."""
    return session.exec(select(MatchRow.id).where(MatchRow.article_id == article_id, MatchRow.topic == topic)).first()


def make_seed(session: Session, article_id: int, topic: str, *, root: Path, is_counter: bool) -> Written | None:
    """Write an article into the topic's folder under `root` as a seed or counter-seed; None where there is no such article.

    Raises SeedFileError, with the mend, where that cannot be.
    """
    row = session.get(ArticleRow, article_id)
    if row is None:
        return None
    if row.grade == Grade.WALL:
        said = "What was read of this article is a consent or paywall page"
        mend = "open the article and save its text by hand"
        raise SeedFileError(f"{said}: {mend}", said=f"{said}. {mend.capitalize()}.")
    if topic != Path(topic).name or topic.startswith("."):
        raise SeedFileError(f'"{topic}" names no topic', said="There is no such topic.")
    sheet = Sheet(title=row.title, text=row.text, url=row.url, source=row.source, published_at=row.published_at)
    return seedfiles.write(root / topic, sheet, is_counter=is_counter)


def find_article(session: Session, asked: str) -> int | None:
    """The id of the article meant by an id or a URL; by URL the newest where several stand there."""
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return session.exec(select(ArticleRow.id).where(ArticleRow.id == int(asked))).first()
    asked = pages.canonicals(session, [asked]).get(asked, asked)
    wanted = canonical(asked)
    rows = session.exec(
        select(ArticleRow.id, ArticleRow.url)
        .where(ArticleRow.url_key == articles.url_key(asked))
        .order_by(col(ArticleRow.id).desc())
    )
    return next((article_id for article_id, url in rows if canonical(url) == wanted), None)


def record(session: Session, article_id: int) -> Record | None:
    """Everything about one article."""
    row = session.get(ArticleRow, article_id)
    if row is None or row.id is None or row.story_id is None:
        return None
    titles = topics.titles(session)
    also = _also(session, {row.story_id})
    odds = calibration(session)
    matches = session.exec(select(MatchRow).where(MatchRow.article_id == row.id).order_by(col(MatchRow.score).desc()))
    return Record(
        id=row.id,
        story_id=row.story_id,
        title=row.title,
        text=row.text,
        url=row.url,
        source=row.source,
        author=row.author,
        language=row.language,
        grade=row.grade,
        page=row.page,
        published_at=row.published_at,
        seen_at=row.seen_at,
        kind=row.kind,
        of_article_id=row.of_article_id,
        similarity=row.similarity,
        why=row.why,
        decision=row.decision,
        reason=Reason[row.decision].value,
        decided_at=row.decided_at,
        scores=tuple(row.scores),
        hits=_with_lessons(session, (_hit(match, row, titles, also, odds) for match in matches)),
        feeds=_feeds(session, row.id),
        carried=_carried(session, row),
        revisions=tuple(asdict(each) for each in history.of_article(session, row.id)),
        told=_told(session, row.story_id),
        verdicts=_verdicts(session, row.id),
        outlet=_outlet(row, also.get(row.story_id, ())),
        wire=row.wire,
    )


def export(session: Session, query: Query) -> Iterator[dict[str, Any]]:
    """Every match asked for, copies included, one flat mapping each, page by page so that memory stays flat."""
    offset = query.offset
    while True:
        page = list_hits(session, Query(**{**_fields(query), "copies": True, "limit": 500, "offset": offset}))
        for hit in page.hits:
            yield flat(hit)
        offset += len(page.hits)
        if not page.hits or offset >= page.total:
            return


def flat(hit: Hit) -> dict[str, Any]:
    """A hit as a program reads it."""
    return {
        "id": hit.id,
        "article_id": hit.article_id,
        "story_id": hit.story_id,
        "topic": hit.topic,
        "title": hit.title,
        "url": hit.url,
        "source": hit.source,
        "outlet": hit.outlet,
        "wire": hit.wire or None,
        "language": hit.language,
        "published_at": hit.published_at.isoformat(),
        "found_at": hit.found_at.isoformat(),
        "score": round(hit.score, 4),
        "threshold": round(hit.threshold, 4),
        "probability": hit.probability,
        "precision": asdict(hit.measured) if hit.measured else None,
        "state": hit.state,
        "reason": hit.reason,
        "kind": hit.kind,
        "terms": [[each.term, round(each.weight, 4)] for each in hit.evidence.terms],
        "sentence": hit.evidence.sentence,
        "seed": hit.evidence.seed,
        "across": hit.evidence.across,
        "also_carried_by": list(hit.also),
        "taught": dict(hit.taught),
        "topic_version": hit.topic_version,
        "model_version": hit.model_version,
    }


def _conditions(session: Session, query: Query) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.topic:
        conditions.append(col(MatchRow.topic) == query.topic)
    if not query.copies:
        conditions.append(col(MatchRow.reason) != Reason.COPY.name)
    if query.state:
        wanted = {"confirmed": True, "dismissed": False}.get(query.state)
        conditions.append(col(MatchRow.is_relevant).is_(wanted))
    if query.source:
        conditions.append(col(ArticleRow.source) == query.source)
    if query.since_at:
        conditions.append(col(MatchRow.created_at) >= query.since_at)
    if query.words:
        conditions.append(col(MatchRow.article_id).in_(search.find(session, query.words)))
    return conditions


def _hit(
    match: MatchRow,
    article: ArticleRow,
    titles: dict[str, str],
    also: dict[int, list[Carrier]],
    odds: Calibration,
) -> Hit:
    assert match.id is not None
    standing = odds.of(match.topic)
    return Hit(
        id=match.id,
        article_id=match.article_id,
        story_id=match.story_id,
        topic=match.topic,
        topic_title=titles.get(match.topic, match.topic),
        title=article.title,
        url=article.url,
        source=article.source,
        language=article.language,
        published_at=article.published_at,
        found_at=match.created_at,
        score=match.score,
        threshold=match.threshold,
        probability=odds.probability(match.topic, margin(match.score, match.threshold, match.factor)),
        measured=standing.measured if standing.is_calibrated else None,
        state=_state(match.is_relevant),
        reason=Reason[match.reason].value,
        kind=article.kind,
        evidence=alerts.evidence_of(match),
        topic_version=match.topic_version,
        model_version=match.model_version,
        also=outlets(also.get(match.story_id, ()), without=article.source),
        outlet=_outlet(article, also.get(match.story_id, ())),
        wire=article.wire,
    )


def _outlet(article: ArticleRow, carriers: Sequence[Carrier]) -> str:
    return next((each.outlet for each in carriers if each.article_id == article.id), article.source)


def _with_lessons(session: Session, hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """The same with what their verdicts taught."""
    hits = tuple(hits)
    judged = {each.article_id for each in hits if each.state != "new"}
    rows = session.exec(
        select(VerdictRow.topic, VerdictRow.article_id, VerdictRow.taught)
        .where(col(VerdictRow.article_id).in_(judged))
        .order_by(col(VerdictRow.id))
    )
    taught = {(topic, article_id): terms for topic, article_id, terms in (rows if judged else ())}
    return tuple(replace(each, taught=taught.get((each.topic, each.article_id)) or {}) for each in hits)


def _state(is_relevant: bool | None) -> str:
    return "new" if is_relevant is None else "confirmed" if is_relevant else "dismissed"


def _also(session: Session, story_ids: set[int]) -> dict[int, list[Carrier]]:
    return stories.carriers(session, story_ids)


def _feeds(session: Session, article_id: int) -> tuple[str, ...]:
    shown = select(FeedRow.name).join(EntryRow, col(EntryRow.feed_id) == col(FeedRow.id))
    return tuple(session.exec(shown.where(EntryRow.article_id == article_id).order_by(col(FeedRow.name)).distinct()))


def _carried(session: Session, row: ArticleRow) -> tuple[tuple[int, str, str, str], ...]:
    others = (
        select(ArticleRow.id, stories.outlet_of(), ArticleRow.title, ArticleRow.kind)
        .select_from(stories.WITH_OUTLET)
        .where(ArticleRow.story_id == row.story_id, ArticleRow.id != row.id)
    )
    found = session.exec(others.order_by(col(ArticleRow.id)).limit(100))
    return tuple((number or 0, outlet, title, kind) for number, outlet, title, kind in found)


def _told(session: Session, story_id: int) -> tuple[Told, ...]:
    rows = session.exec(select(AlertRow).where(AlertRow.story_id == story_id).order_by(col(AlertRow.created_at))).all()
    return tuple(
        Told(
            alert_id=each.id,
            kind=each.kind,
            topic=each.topic,
            title=each.title,
            created_at=each.created_at,
            deliveries=deliveries_of(session, each.id),
        )
        for each in rows
    )


def deliveries_of(session: Session, alert_id: str) -> tuple[dict[str, Any], ...]:
    """Where an alert went and how each try ended."""
    rows: Sequence[DeliveryRow] = session.exec(
        select(DeliveryRow).where(DeliveryRow.alert_id == alert_id).order_by(col(DeliveryRow.channel))
    ).all()
    return tuple(
        {
            "channel": each.channel,
            "state": each.state,
            "attempts": each.attempts,
            "sent_at": each.sent_at,
            "next_at": each.next_at if each.state == "pending" else None,
            "detail": each.last_detail,
            "tries": [
                {"started_at": one.started_at, "ended_at": one.ended_at, "result": one.result, "code": one.code}
                for one in session.exec(
                    select(AttemptRow).where(AttemptRow.delivery_id == each.id).order_by(col(AttemptRow.id))
                )
            ],
        }
        for each in rows
    )


def _verdicts(session: Session, article_id: int) -> tuple[dict[str, Any], ...]:
    rows = session.exec(select(VerdictRow).where(VerdictRow.article_id == article_id).order_by(col(VerdictRow.id)))
    return tuple(
        {
            "topic": each.topic,
            "is_relevant": each.is_relevant,
            "by": each.by,
            "note": each.note,
            "at": each.at,
            "taught": each.taught,
        }
        for each in rows
    )


def _fields(query: Query) -> dict[str, Any]:
    return {name: getattr(query, name) for name in Query.__slots__}
