"""The whole record of one article, for `explain` and its page: what it is, every decision on it, whom it was told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from monitor.matching.calibration import Calibration
from monitor.review import revisions as history
from monitor.review.alerts import AlertRecord, alerts_of_story
from monitor.review.matches import ListedMatch, listed, outlet_of_article
from monitor.store import decisions, matches, page_visits, reassessments, verdicts
from monitor.store.db import Session
from monitor.store.decisions import StoredDecision
from monitor.store.stories import story_articles, story_lists
from monitor.types.matching import Reason

_MAX_OTHERS = 100
"""Other articles of its story in the record of an article."""


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
    """The name of the `Reason` of the decision in force, such as NO_MATCH."""
    reason: str
    """The same in words."""
    decided_at: datetime
    scores: tuple[dict[str, Any], ...] = ()
    decision_id: int | None = None
    """The decision that stands; a match and an alert name the one that they were told by."""
    decisions: tuple[dict[str, Any], ...] = ()
    """All decisions on it, oldest first; the last one is in force."""
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
    waits_for: tuple[str, ...] = ()
    """What it waits for, to be assessed again when that is there."""


def find_article(session: Session, asked: str) -> int | None:
    """The id of the article with this id or URL (of several with one URL the newest), or None."""
    if asked.isascii() and asked.isdigit() and len(asked) < 10:
        return int(asked) if matches.has_article(session, int(asked)) else None
    asked = page_visits.canonicals(session, [asked]).get(asked, asked)
    return matches.newest_article_at(session, asked)


def find_record(session: Session, article_id: int, calibrated: Calibration | None = None) -> ArticleRecord | None:
    """Everything stored about one article; None for an unknown id. `calibrated` as in `matches.listed`."""
    article = matches.article(session, article_id)
    if article is None or article.story_id is None:
        return None
    carriers = story_articles.carriers(session, [article.story_id])
    decided = decisions.of_article(session, article.id)
    in_force = decided[-1]
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
        decision=in_force.reason,
        reason=_reason(in_force),
        decided_at=in_force.at,
        decision_id=in_force.id,
        scores=tuple(map(dict, in_force.scores)),
        decisions=tuple(_decision(each) for each in decided),
        hits=listed(session, matches.of_article(session, article.id), carriers, calibrated),
        feeds=matches.feeds_of_article(session, article.id),
        waits_for=tuple(each.waits_for for each in reassessments.causes_of(session, article.id)),
        carried=tuple(story_lists.others(session, article.story_id, without=article.id, limit=_MAX_OTHERS)),
        revisions=tuple(asdict(each) for each in history.of_article(session, article.id)),
        told=alerts_of_story(session, article.story_id),
        verdicts=_verdicts(session, article.id),
        outlet=outlet_of_article(article.id, article.source, carriers.get(article.story_id, ())),
        wire=article.wire,
    )


def _reason(decision: StoredDecision) -> str:
    """The decision in words; where it would have been told and was not, as when somebody had it made again, that. Where it was told
    as another story, which."""
    says = Reason[decision.reason].value
    if elsewhere := sorted({story for each in decision.topics for story in each.get("elsewhere", ())}):
        says += f": it is on the event of story {', '.join(map(str, elsewhere))}, too"
    is_told = any(each["is_alert"] for each in decision.topics)
    return says if is_told or not decision.topics else says.replace(": alerted", ": stored, not alerted")


def _decision(decision: StoredDecision) -> dict[str, Any]:
    return {
        "id": decision.id,
        "at": decision.at,
        "cause": decision.cause,
        "feed": decision.feed,
        "decision": decision.reason,
        "reason": _reason(decision),
        "kind": decision.kind,
        "story_id": decision.story_id,
        "topics": [dict(each) for each in decision.topics],
        "scores": [dict(each) for each in decision.scores],
    }


def _verdicts(session: Session, article_id: int) -> tuple[dict[str, Any], ...]:
    found = (asdict(each) for each in verdicts.of_article(session, article_id))
    return tuple({name: each[name] for name in each if name not in ("id", "article_id")} for each in found)
