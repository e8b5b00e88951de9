"""Review of matches, for the web page and the command line: list, show, confirm, dismiss, export.

A verdict is in force until the next one on the same article and topic. The caller provides the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from monitor.learning.training import calibration
from monitor.matching.calibration import Calibration
from monitor.matching.margins import margin
from monitor.review.verdicts import record_if_new
from monitor.store import decisions, matches, topics, verdicts
from monitor.store.db import Session
from monitor.store.decisions import StoredDecision
from monitor.store.matches import MatchFilter, StoredMatch
from monitor.store.stories import story_articles
from monitor.stories.sources import StoryArticle, outlets, publisher_of_article
from monitor.types.matching import Evidence, MeasuredPrecision, Reason

VERDICT_STATES = ("new", "confirmed", "dismissed")
"""States of a match: not reviewed yet, or the verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchQuery:
    """Filters and paging for matches; an empty field does not filter."""

    topic: str = ""
    state: str = ""
    words: str = ""
    sources: tuple[str, ...] = ()
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
    """The terms that the verdict made `heavier` and `lighter` in the topic model, and how it changed `scores` by meaning; empty
    without a verdict."""
    topic_version: int | None = None
    """The version of the topic that made the match."""
    model_version: str = ""
    outlet: str = ""
    """The title of the feed, else its name."""
    wire: str = ""
    """The news agency it is credited to, or ''."""
    decision_id: int | None = None
    """The decision whose score and evidence are shown: that by which it was told, else the newest on this topic."""
    decided_at: datetime | None = None
    cause: str = ""
    """What made that decision: `arrival`, `another arrival`, `changed text`, ..."""
    decisions: int = 1
    """How often its article was decided on so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchList:
    """One page of a list, and the total number of matches."""

    matches: tuple[ListedMatch, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCounts:
    """The numbers of matches of one topic, by state."""

    topic: str
    title: str
    by_state: dict[str, int] = field(default_factory=dict)


def list_matches(session: Session, query: MatchQuery, calibrated: Calibration | None = None) -> MatchList:
    """A page of matches, newest first."""
    found, total = matches.page(session, _filter(query), limit=query.limit, offset=query.offset)
    return MatchList(matches=listed(session, found, _carriers(session, found), calibrated), total=total)


def find_match(session: Session, match_id: int, calibrated: Calibration | None = None) -> ListedMatch | None:
    """The match of that id, or None."""
    match = matches.find(session, match_id)
    return listed(session, [match], _carriers(session, [match]), calibrated)[0] if match else None


def find_matches(
    session: Session, ids: Sequence[int], calibrated: Calibration | None = None
) -> tuple[ListedMatch, ...]:
    """The matches of these ids, in this order."""
    found = matches.find_all(session, ids)
    return listed(session, found, _carriers(session, found), calibrated)


def counts(session: Session, *, words: str = "") -> list[MatchCounts]:
    """The numbers of matches (of those with `words`) of every topic, by state, without copies; topics without are included."""
    by_topic, titles = matches.counts_by_state(session, words=words), topics.titles(session)
    return [
        MatchCounts(topic=name, title=titles.get(name, name), by_state=by_topic.get(name, {}))
        for name in sorted({*titles, *by_topic})
    ]


def judge(
    session: Session,
    match_id: int,
    *,
    is_relevant: bool,
    by: str,
    note: str = "",
    calibrated: Calibration | None = None,
    now: datetime,
) -> ListedMatch | None:
    """Confirm or dismiss a match; None for an unknown id. Repeating the verdict in force changes nothing."""
    match = matches.find(session, match_id)
    if match is None:
        return None
    record_if_new(session, match, is_relevant=is_relevant, by=by, note=note, now=now)
    return find_match(session, match_id, calibrated)


def find_match_id(session: Session, article_id: int, topic: str) -> int | None:
    """The id of the match of an article and a topic, or None."""
    return matches.find_id(session, article_id, topic)


def export(session: Session, query: MatchQuery) -> Iterator[dict[str, Any]]:
    """Every match of the query as a flat mapping, copies included; read in pages of 500 so that memory use is constant."""
    offset, calibrated = query.offset, calibration(session)
    while True:
        page = list_matches(session, replace(query, copies=True, limit=500, offset=offset), calibrated)
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
        "parts": [[each.term, round(each.weight, 4)] for each in match.evidence.parts],
        "sentence": match.evidence.sentence,
        "seed": match.evidence.seed,
        "across": match.evidence.across,
        "also_carried_by": list(match.also),
        "taught": dict(match.taught),
        "topic_version": match.topic_version,
        "model_version": match.model_version,
        "decision_id": match.decision_id,
        "decided_at": match.decided_at.isoformat() if match.decided_at else None,
        "cause": match.cause or None,
        "decisions": match.decisions,
    }


def _carriers(session: Session, found: Sequence[StoredMatch]) -> dict[int, list[StoryArticle]]:
    return story_articles.carriers(session, {each.story_id for each in found})


def listed(
    session: Session,
    found: Sequence[StoredMatch],
    carriers: Mapping[int, Sequence[StoryArticle]],
    calibrated: Calibration | None = None,
) -> tuple[ListedMatch, ...]:
    """Stored matches as lists show them, with the articles of their stories. `calibrated`, here and in what uses it: the
    calibration that is kept, without which it is worked out."""
    titles, calibrated = topics.titles(session), calibrated or calibration(session)
    shifts = verdicts.term_shifts(session, {each.article_id for each in found if each.state != "new"})
    decided = decisions.of_articles(session, {each.article_id for each in found})
    return tuple(
        replace(
            _listed_match(each, titles, carriers.get(each.story_id, ()), calibrated),
            taught=shifts.get((each.topic, each.article_id), {}),
            **_decided(each, decided.get(each.article_id, ())),
        )
        for each in found
    )


def _decided(match: StoredMatch, decided: Sequence[StoredDecision]) -> dict[str, Any]:
    shown = next((each for each in decided if each.id == match.decision_id), None)
    return {
        "decision_id": match.decision_id,
        "decided_at": shown.at if shown else None,
        "cause": shown.cause if shown else "",
        "decisions": len(decided),
    }


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
        also=outlets(carriers, without=publisher_of_article(match.article_id, match.source, carriers)),
        outlet=outlet_of_article(match.article_id, match.source, carriers),
        wire=match.wire,
    )


def outlet_of_article(article_id: int, source: str, carriers: Sequence[StoryArticle]) -> str:
    """What readers call the outlet of one of these articles; its feed's name where it is not among them."""
    return next((each.outlet for each in carriers if each.article_id == article_id), source)


def _filter(query: MatchQuery) -> MatchFilter:
    return MatchFilter(**{each.name: getattr(query, each.name) for each in fields(MatchFilter)})
