"""Review of matches, for the web page and the command line: list, show, confirm, dismiss, explain, export, make a seed of.

A verdict is in force until the next one on the same article and topic. The caller provides the transaction.
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
from monitor.stories.sources import StoryArticle, outlets
from monitor.topics import seed_writer
from monitor.topics.seed_writer import SeedFileError, SeedText, WrittenSeed
from monitor.types.matching import Evidence, Grade, MeasuredPrecision, Reason, Verdict

_MAX_OTHERS = 100
"""Other articles of its story in the record of an article."""
STATES = ("new", "confirmed", "dismissed")
"""States of a match: not reviewed yet, or the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchQuery:
    """Filters and paging for matches; an empty field does not filter."""

    topic: str = ""
    state: str = ""
    words: str = ""
    source: str = ""
    since_at: datetime | None = None
    copies: bool = False
    """Include copies as entries of their own; otherwise `also` of the story's other matches names their outlets."""
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedMatch:
    """A match as a list shows it."""

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
    """By the present calibration; None where the topic is not calibrated yet."""
    measured: MeasuredPrecision | None
    state: str
    reason: str
    kind: str
    evidence: Evidence
    also: tuple[str, ...] = ()
    """Other outlets that carry the story."""
    taught: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The terms that the verdict made `heavier` and `lighter` in the topic model; empty without a verdict."""
    topic_version: int | None = None
    """The version of the topic that made the match."""
    model_version: str = ""
    outlet: str = ""
    """The title of the feed, else its name."""
    wire: str = ""
    """The news agency it is credited to, or ''."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchList:
    """One page of a list, and the total number of matches."""

    matches: tuple[ListedMatch, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRecord:
    """An alert on an article's story, with its deliveries."""

    alert_id: str
    kind: str
    topic: str
    title: str
    created_at: datetime
    deliveries: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRecord:
    """Everything stored about one article, for `explain` and its web page."""

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
    """The outcome of fetching the article's own page, in words; '' where only its feed was read."""
    published_at: datetime
    seen_at: datetime
    kind: str
    of_article_id: int | None
    similarity: float
    why: str
    decision: str
    """The name of a `Reason`, such as NO_MATCH."""
    reason: str
    """The same in words."""
    decided_at: datetime
    scores: tuple[dict[str, Any], ...] = ()
    hits: tuple[ListedMatch, ...] = ()
    feeds: tuple[str, ...] = ()
    carried: tuple[tuple[int, str, str, str], ...] = ()
    """The other articles of its story: (article id, outlet, title, kind)."""
    revisions: tuple[dict[str, Any], ...] = ()
    told: tuple[AlertRecord, ...] = ()
    verdicts: tuple[dict[str, Any], ...] = ()
    outlet: str = ""
    """The title of the feed, else its name."""
    wire: str = ""
    """The news agency it is credited to, or ''."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCounts:
    """The numbers of matches of one topic, by state."""

    topic: str
    title: str
    by_state: dict[str, int] = field(default_factory=dict)


def list_matches(session: Session, query: MatchQuery) -> MatchList:
    """A page of matches, newest first."""
    found, total = matches.page(session, **_fields(query))
    return MatchList(matches=_listed(session, found, _carriers(session, found)), total=total)


def find_match(session: Session, match_id: int) -> ListedMatch | None:
    """The match of that id, or None."""
    match = matches.find(session, match_id)
    return _listed(session, [match], _carriers(session, [match]))[0] if match else None


def counts(session: Session) -> list[MatchCounts]:
    """The numbers of matches of every topic, by state, without copies; topics without matches are included."""
    by_topic, titles = matches.counts_by_state(session), topics.titles(session)
    return [
        MatchCounts(topic=name, title=titles.get(name, name), by_state=by_topic.get(name, {}))
        for name in sorted({*titles, *by_topic})
    ]


def judge(
    session: Session, match_id: int, *, is_relevant: bool, by: str, note: str = "", now: datetime
) -> ListedMatch | None:
    """Confirm or dismiss a match; None for an unknown id. Repeating the verdict in force changes nothing."""
    match = matches.find(session, match_id)
    if match is None:
        return None
    if match.is_relevant is not is_relevant:
        verdict = Verdict(
            article_id=match.article_id, topic=match.topic, is_relevant=is_relevant, by=by, at=now, note=note
        )
        verdicts.record(session, verdict)
    return find_match(session, match_id)


def find_match_id(session: Session, article_id: int, topic: str) -> int | None:
    """The id of the match of an article and a topic, or None."""
    return matches.find_id(session, article_id, topic)


def make_seed(session: Session, article_id: int, topic: str, *, root: Path, is_counter: bool) -> WrittenSeed | None:
    """Write an article into the topic's folder under `root` as a seed or counter-seed; None for an unknown article.

    Raises SeedFileError, saying what to do, where it cannot be written.
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
    seed = SeedText(
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
    )
    return seed_writer.write_seed(root / topic, seed, is_counter=is_counter)


def find_article(session: Session, asked: str) -> int | None:
    """The id of the article with this id or URL (of several with one URL the newest), or None."""
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return int(asked) if matches.has_article(session, int(asked)) else None
    asked = page_visits.canonicals(session, [asked]).get(asked, asked)
    return matches.newest_article_at(session, asked)


def find_record(session: Session, article_id: int) -> ArticleRecord | None:
    """Everything stored about one article; None for an unknown id."""
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
        hits=_listed(session, matches.of_article(session, article.id), carriers),
        feeds=matches.feeds_of_article(session, article.id),
        carried=tuple(stories.others(session, article.story_id, without=article.id, limit=_MAX_OTHERS)),
        revisions=tuple(asdict(each) for each in history.of_article(session, article.id)),
        told=_alerts(session, article.story_id),
        verdicts=_verdicts(session, article.id),
        outlet=_outlet(article.id, article.source, carriers.get(article.story_id, ())),
        wire=article.wire,
    )


def export(session: Session, query: MatchQuery) -> Iterator[dict[str, Any]]:
    """Every match of the query as a flat mapping, copies included; read in pages of 500 so that memory use is constant."""
    offset = query.offset
    while True:
        page = list_matches(session, replace(query, copies=True, limit=500, offset=offset))
        for match in page.matches:
            yield flat(match)
        offset += len(page.matches)
        if not page.matches or offset >= page.total:
            return


def flat(match: ListedMatch) -> dict[str, Any]:
    """A match as JSON, for `--json` and exports."""
    return {
        "id": match.id,
        "article_id": match.article_id,
        "story_id": match.story_id,
        "topic": match.topic,
        "title": match.title,
        "url": match.url,
        "source": match.source,
        "outlet": match.outlet,
        "wire": match.wire or None,
        "language": match.language,
        "published_at": match.published_at.isoformat(),
        "found_at": match.found_at.isoformat(),
        "score": round(match.score, 4),
        "threshold": round(match.threshold, 4),
        "probability": match.probability,
        "precision": asdict(match.measured) if match.measured else None,
        "state": match.state,
        "reason": match.reason,
        "kind": match.kind,
        "terms": [[each.term, round(each.weight, 4)] for each in match.evidence.terms],
        "sentence": match.evidence.sentence,
        "seed": match.evidence.seed,
        "across": match.evidence.across,
        "also_carried_by": list(match.also),
        "taught": dict(match.taught),
        "topic_version": match.topic_version,
        "model_version": match.model_version,
    }


def _carriers(session: Session, found: Sequence[StoredMatch]) -> dict[int, list[StoryArticle]]:
    return stories.carriers(session, {each.story_id for each in found})


def _listed(
    session: Session, found: Sequence[StoredMatch], carriers: Mapping[int, Sequence[StoryArticle]]
) -> tuple[ListedMatch, ...]:
    titles, calibrated = topics.titles(session), calibration(session)
    shifts = verdicts.term_shifts(session, {each.article_id for each in found if each.state != "new"})
    return tuple(
        replace(
            _listed_match(each, titles, carriers.get(each.story_id, ()), calibrated),
            taught=shifts.get((each.topic, each.article_id), {}),
        )
        for each in found
    )


def _listed_match(
    match: StoredMatch, titles: Mapping[str, str], carriers: Sequence[StoryArticle], calibrated: Calibration
) -> ListedMatch:
    curve = calibrated.of(match.topic)
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
        probability=calibrated.probability(match.topic, margin(match.score, match.threshold, match.factor)),
        measured=curve.measured if curve.is_calibrated else None,
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


def _outlet(article_id: int, source: str, carriers: Sequence[StoryArticle]) -> str:
    return next((each.outlet for each in carriers if each.article_id == article_id), source)


def _alerts(session: Session, story_id: int) -> tuple[AlertRecord, ...]:
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
    """The deliveries of an alert with all attempts, as JSON."""
    return tuple(asdict(each) for each in alerts.deliveries_of(session, [alert_id])[alert_id])


def _verdicts(session: Session, article_id: int) -> tuple[dict[str, Any], ...]:
    found = (asdict(each) for each in verdicts.of_article(session, article_id))
    return tuple({name: value for name, value in each.items() if name != "id"} for each in found)


def _fields(query: MatchQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in MatchQuery.__slots__}
