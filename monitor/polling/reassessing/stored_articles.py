"""A stored article assessed again: read, assessed, settled, logged. What single articles, ranges and pages have in common."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.alerting import alert_policy as policy
from monitor.learning.multilingual import SemanticScorer
from monitor.learning.tracker import Tracker
from monitor.matching.matcher import Matcher
from monitor.polling import missing
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.pages import with_missing
from monitor.polling.pipeline import under_names_of_now
from monitor.polling.tools import Tools
from monitor.polling.values import AssessedArticle, FiledArticle
from monitor.store import archive, decisions, page_visits, reassessments, topics
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds import feed_leases
from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.store.reassessments import RangeCounts, Reassessment
from monitor.types.fetching import FeedState, PageVisit
from monitor.types.matching import Article, Reason
from monitor.types.stories import Arrival, Cause, KnownArticle

log = logging.getLogger("monitor.reassess")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassessed:
    """What one batch came to."""

    articles: int = 0
    filed: tuple[FiledArticle, ...] = ()
    is_over: bool = True
    """Nothing more is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """A stored article with what stands of it."""

    id: int
    article: Article
    known: KnownArticle
    judged: frozenset[str] = frozenset()


def load(session: Session, article_ids: Sequence[int]) -> dict[int, StoredArticle]:
    """The stored articles with these ids, with what stands of them."""
    found = {}
    for article_id in article_ids:
        article = archive.article(session, article_id)
        if article is not None:
            found[article_id] = _stored(session, article_id, article)
    return found


def load_range(session: Session, first_id: int, next_id: int, *, limit: int) -> list[StoredArticle]:
    """The newest stored articles of a range of ids, with what stands of them, the newest first."""
    found = archive.newest_down_to(session, first_id, next_id, limit=limit)
    return [_stored(session, article_id, article) for article_id, article in found]


def _stored(session: Session, article_id: int, article: Article) -> StoredArticle:
    return StoredArticle(
        id=article_id,
        article=article,
        known=decisions.known_article(session, article_id),
        judged=decisions.judged_near_misses(session, article_id),
    )


def assess_again(
    stored: StoredArticle, work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> AssessedArticle:
    """Assess a stored article without training topics on it, and with models that it did not train."""
    article = stored.article
    matcher = matcher_of(tools).without(article.title, article.text, article.language)
    assessed = assess(article, matcher, arrival=_arrival(stored, work, tools), semantic=semantic, stored_id=stored.id)
    scores = missing.in_question(assessed.scores, stored.known, only=work.topic, judged=stored.judged)
    return with_missing(replace(assessed, scores=scores), tools, now=now)


def matcher_of(tools: Tools) -> Matcher:
    """The matcher in force, without what makes it learn."""
    return tools.matcher.matcher if isinstance(tools.matcher, Tracker) else tools.matcher


def _arrival(stored: StoredArticle, work: Reassessment, tools: Tools) -> Arrival:
    return Arrival(
        max_age_for=tools.max_age_for,
        cause=work.cause,
        held=stored.known.held,
        at_most=policy.at_most(work.cause, is_range=work.article_id is None),
    )


async def settle(
    work: Reassessment,
    assessed: AssessedArticle,
    tools: Tools,
    *,
    counts: RangeCounts | None = None,
    visits: Sequence[PageVisit] = (),
    now: datetime,
) -> FiledArticle | None:
    """Store what came of an article. None where another process was first."""
    try:
        filed = await tools.db.write(_write, work, assessed, tools, counts=counts, visits=visits, now=now)
    except LeaseLostError as error:
        log.info("an assessment is thrown away: %s", error)
        return None
    if isinstance(tools.matcher, Tracker):
        article = assessed.article
        tools.matcher.train(article.title, article.text, article.language, assessed.scores)
    if tools.multilingual:
        await tools.db.read(tools.multilingual.learn_late, [filed.article_id])
    return filed


def _write(
    session: Session,
    work: Reassessment,
    assessed: AssessedArticle,
    tools: Tools,
    *,
    counts: RangeCounts | None,
    visits: Sequence[PageVisit],
    now: datetime,
) -> FiledArticle:
    """One transaction: the work is done, and here is what came of it. The lock comes first, as in polls, which may end the
    waiting of an article too."""
    serialize_decisions(session)
    page_visits.record(session, visits, is_again=True)
    if counts is None:
        reassessments.finish(session, work)
    renamed = topics.renamed(session)
    (assessed,), alerting = under_names_of_now([assessed], tools.alerting, renamed)
    filed = file_article(session, assessed, alerting, now=now)
    if counts is not None:
        counts = counts.plus(**came_of([filed]))
        reassessments.advance(session, work, filed.article_id - 1, counts)
    return filed


def finish(session: Session, work: Reassessment) -> None:
    """End the work, if another process did not meanwhile."""
    try:
        reassessments.finish(session, work)
    except LeaseLostError:
        log.debug("reassessment %d was done meanwhile", work.id)


def came_of(filed: Sequence[FiledArticle]) -> dict[str, int]:
    """What these articles came to, as `RangeCounts.plus` takes it."""
    return {
        "matches": sum(1 for each in filed if each.new_matches),
        "alerts": sum(len(each.alerts) for each in filed),
        "kept": sum(1 for each in filed if _is_kept(each)),
    }


def _is_kept(filed: FiledArticle) -> bool:
    return any(
        each.reason is Reason.BACKLOG and each.topic in filed.new_matches and not filed.alerts
        for each in filed.decision.topics
    )


def log_batch(claimed: Sequence[Reassessment], filed: Sequence[FiledArticle]) -> None:
    """Log what single articles came to, a line for each cause."""
    for cause in dict.fromkeys(each.cause for each in claimed):
        ids = {each.article_id for each in claimed if each.cause is cause}
        done = [each for each in filed if each.article_id in ids]
        if done:
            log_counts(cause, "", RangeCounts(articles=len(done)).plus(**came_of(done)))


def log_counts(cause: Cause, topic: str, counts: RangeCounts) -> None:
    """Log what articles came to that were assessed again for one cause."""
    log.info(
        "reassessed cause=%s topic=%s articles=%d matches=%d alerts=%d%s",
        cause.removeprefix("reassessed: ").replace(" ", "-"),
        topic or "all",
        counts.articles,
        counts.matches,
        counts.alerts,
        f" kept={counts.kept}: more than are told at once; they are on the page of matches" if counts.kept else "",
    )


def feed_of(session: Session, article: Article, tools: Tools, *, now: datetime) -> tuple[FeedState | None, bool]:
    """The feed that showed the article, and whether its page may be asked for now."""
    is_open = page_visits.may_fetch(session, article.url, per_day=tools.pages_per_day, now=now, is_again=True)
    return feed_leases.state(session, article.source), is_open
