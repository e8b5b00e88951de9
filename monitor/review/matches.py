"""The reviewer's verbs: list, show, confirm, dismiss, explain, export. Rows in, plain values out, for the page and the CLI alike.

A verdict is recorded in its own transaction and stands until the next one. Fetches nothing and prints nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.learning.training import calibration
from monitor.matching.calibration import Calibration
from monitor.matching.margins import margin
from monitor.review import revisions as history
from monitor.store import alerts, matches, page_visits, stories, topics, verdicts
from monitor.store.db import Session
from monitor.store.matches import StoredMatch
from monitor.stories.sources import Carrier, outlets
from monitor.topics import seed_writer
from monitor.topics.seed_writer import SeedFileError, SeedText, WrittenSeed
from monitor.types.matching import Evidence, Grade, MeasuredPrecision, Reason, Verdict

_CARRIED_SHOWN = 100
"""Other articles of its story that an article's record names at most."""
STATES = ("new", "confirmed", "dismissed")
"""Of a match: not yet looked at, or what the reviewer said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchQuery:
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
class ListedMatch:
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
    measured: MeasuredPrecision | None
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
class MatchList:
    """One page of a list."""

    hits: tuple[ListedMatch, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert of an article's story, and where it went."""

    alert_id: str
    kind: str
    topic: str
    title: str
    created_at: datetime
    deliveries: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRecord:
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
    hits: tuple[ListedMatch, ...] = ()
    feeds: tuple[str, ...] = ()
    carried: tuple[tuple[int, str, str, str], ...] = ()
    """The rest of its story: (article id, outlet, title, kind)."""
    revisions: tuple[dict[str, Any], ...] = ()
    told: tuple[AlertRecord, ...] = ()
    verdicts: tuple[dict[str, Any], ...] = ()
    outlet: str = ""
    """What people call the source."""
    wire: str = ""
    """The news agency it is credited to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCounts:
    """Matches of one topic by state."""

    topic: str
    title: str
    by_state: dict[str, int] = field(default_factory=dict)


def list_matches(session: Session, query: MatchQuery) -> MatchList:
    """Matches, newest first."""
    found, total = matches.page(session, **_fields(query))
    return MatchList(hits=_hits(session, found, _carriers(session, found)), total=total)


def find_match(session: Session, match_id: int) -> ListedMatch | None:
    """One match by its id."""
    match = matches.find(session, match_id)
    return _hits(session, [match], _carriers(session, [match]))[0] if match else None


def counts(session: Session) -> list[MatchCounts]:
    """How many matches of each topic are new, confirmed, dismissed, copies apart; topics without any included."""
    by_topic, titles = matches.counts_by_state(session), topics.titles(session)
    return [
        MatchCounts(topic=name, title=titles.get(name, name), by_state=by_topic.get(name, {}))
        for name in sorted({*titles, *by_topic})
    ]


def judge(
    session: Session, match_id: int, *, is_relevant: bool, by: str, note: str = "", now: datetime
) -> ListedMatch | None:
    """Confirm or dismiss a match; None where there is none of that id. Saying the same again changes nothing."""
    match = matches.find(session, match_id)
    if match is None:
        return None
    if match.is_relevant is not is_relevant:
        verdict = Verdict(
            article_id=match.article_id, topic=match.topic, is_relevant=is_relevant, by=by, at=now, note=note
        )
        verdicts.record(session, verdict)
    return find_match(session, match_id)


def match_of(session: Session, article_id: int, topic: str) -> int | None:
    """The id of the match of an article and a topic."""
    return matches.find_id(session, article_id, topic)


def make_seed(session: Session, article_id: int, topic: str, *, root: Path, is_counter: bool) -> WrittenSeed | None:
    """Write an article into the topic's folder under `root` as a seed or counter-seed; None where there is no such article.

    Raises SeedFileError, with the mend, where that cannot be.
    """
    article = matches.article(session, article_id)
    if article is None:
        return None
    if article.grade == Grade.WALL:
        said = "What was read of this article is a consent or paywall page"
        mend = "open the article and save its text by hand"
        raise SeedFileError(f"{said}: {mend}", said=f"{said}. {mend.capitalize()}.")
    if topic != Path(topic).name or topic.startswith("."):
        raise SeedFileError(f'"{topic}" names no topic', said="There is no such topic.")
    sheet = SeedText(
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
    )
    return seed_writer.write(root / topic, sheet, is_counter=is_counter)


def find_article(session: Session, asked: str) -> int | None:
    """The id of the article meant by an id or a URL; by URL the newest where several stand there."""
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return int(asked) if matches.has_article(session, int(asked)) else None
    asked = page_visits.canonicals(session, [asked]).get(asked, asked)
    return matches.newest_article_at(session, asked)


def record(session: Session, article_id: int) -> ArticleRecord | None:
    """Everything about one article."""
    article = matches.article(session, article_id)
    if article is None or article.story_id is None:
        return None
    carriers = stories.carriers(session, [article.story_id])
    return ArticleRecord(
        id=article.id,
        story_id=article.story_id,
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        author=article.author,
        language=article.language,
        grade=article.grade,
        page=article.page,
        published_at=article.published_at,
        seen_at=article.seen_at,
        kind=article.kind,
        of_article_id=article.of_article_id,
        similarity=article.similarity,
        why=article.why,
        decision=article.decision,
        reason=Reason[article.decision].value,
        decided_at=article.decided_at,
        scores=article.scores,
        hits=_hits(session, matches.of_article(session, article.id), carriers),
        feeds=matches.feeds_of_article(session, article.id),
        carried=tuple(stories.others(session, article.story_id, without=article.id, limit=_CARRIED_SHOWN)),
        revisions=tuple(asdict(each) for each in history.of_article(session, article.id)),
        told=_told(session, article.story_id),
        verdicts=_verdicts(session, article.id),
        outlet=_outlet(article.id, article.source, carriers.get(article.story_id, ())),
        wire=article.wire,
    )


def export(session: Session, query: MatchQuery) -> Iterator[dict[str, Any]]:
    """Every match asked for, copies included, one flat mapping each, page by page so that memory stays flat."""
    offset = query.offset
    while True:
        page = list_matches(session, replace(query, copies=True, limit=500, offset=offset))
        for hit in page.hits:
            yield flat(hit)
        offset += len(page.hits)
        if not page.hits or offset >= page.total:
            return


def flat(hit: ListedMatch) -> dict[str, Any]:
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


def _carriers(session: Session, found: Sequence[StoredMatch]) -> dict[int, list[Carrier]]:
    return stories.carriers(session, {each.story_id for each in found})


def _hits(
    session: Session, found: Sequence[StoredMatch], carriers: Mapping[int, Sequence[Carrier]]
) -> tuple[ListedMatch, ...]:
    titles, odds = topics.titles(session), calibration(session)
    taught = verdicts.taught(session, {each.article_id for each in found if each.state != "new"})
    return tuple(
        replace(
            _hit(each, titles, carriers.get(each.story_id, ()), odds),
            taught=taught.get((each.topic, each.article_id), {}),
        )
        for each in found
    )


def _hit(match: StoredMatch, titles: Mapping[str, str], carriers: Sequence[Carrier], odds: Calibration) -> ListedMatch:
    standing = odds.of(match.topic)
    return ListedMatch(
        id=match.id,
        article_id=match.article_id,
        story_id=match.story_id,
        topic=match.topic,
        topic_title=titles.get(match.topic, match.topic),
        title=match.title,
        url=match.url,
        source=match.source,
        language=match.language,
        published_at=match.published_at,
        found_at=match.found_at,
        score=match.score,
        threshold=match.threshold,
        probability=odds.probability(match.topic, margin(match.score, match.threshold, match.factor)),
        measured=standing.measured if standing.is_calibrated else None,
        state=match.state,
        reason=Reason[match.reason].value,
        kind=match.kind,
        evidence=match.evidence,
        topic_version=match.topic_version,
        model_version=match.model_version,
        also=outlets(carriers, without=match.source),
        outlet=_outlet(match.article_id, match.source, carriers),
        wire=match.wire,
    )


def _outlet(article_id: int, source: str, carriers: Sequence[Carrier]) -> str:
    return next((each.outlet for each in carriers if each.article_id == article_id), source)


def _told(session: Session, story_id: int) -> tuple[AlertRecord, ...]:
    found = alerts.of_story(session, story_id)
    deliveries = alerts.deliveries_of(session, [each.id for each in found])
    return tuple(
        AlertRecord(
            alert_id=each.id,
            kind=each.kind,
            topic=each.topic,
            title=each.title,
            created_at=each.created_at,
            deliveries=tuple(asdict(one) for one in deliveries[each.id]),
        )
        for each in found
    )


def deliveries_of(session: Session, alert_id: str) -> tuple[dict[str, Any], ...]:
    """Where an alert went and how each try ended."""
    return tuple(asdict(each) for each in alerts.deliveries_of(session, [alert_id])[alert_id])


def _verdicts(session: Session, article_id: int) -> tuple[dict[str, Any], ...]:
    found = (asdict(each) for each in verdicts.of_article(session, article_id))
    return tuple({name: value for name, value in each.items() if name != "id"} for each in found)


def _fields(query: MatchQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in MatchQuery.__slots__}
