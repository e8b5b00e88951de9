"""Assess a range of stored articles again, the newest first: those of late, when a topic changed or a person asks for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.learning.multilingual import SemanticScorer
from monitor.polling import missing
from monitor.polling.reassessing.stored_articles import (
    Reassessed,
    StoredArticle,
    assess_again,
    came_of,
    finish,
    load_range,
    log_counts,
    settle,
)
from monitor.polling.tools import Tools, keep_up, semantic_scorer
from monitor.polling.values import AssessedArticle, FiledArticle
from monitor.store import reassessments
from monitor.store.db import Session, serialize_decisions
from monitor.store.feeds.feed_leases import LeaseLostError
from monitor.store.reassessments import RangeCounts, Reassessment
from monitor.types.stories import Cause

log = logging.getLogger("monitor.reassess")

OF_RANGE_AT_ONCE = 50
"""Articles of a range that are scored in one batch: a few hundred milliseconds of one core."""
_RANGE_EMBEDS_FOR = timedelta(seconds=30)
"""Limit for embedding these; what is not embedded then is noted, and decided on by words meanwhile."""


async def reassess_range(work: Reassessment, tools: Tools, *, now: datetime) -> Reassessed:
    """A batch of a range, the newest articles first, so that these are the ones that are told."""
    if work.topic and work.topic not in {each.name for each in tools.matcher.topics}:
        await tools.db.write(finish, work)
        return Reassessed()
    stored = await tools.db.read(load_range, work.first_id, work.next_id, limit=OF_RANGE_AT_ONCE)
    articles = [each.article for each in stored]
    semantic = await semantic_scorer(articles, tools, within_for=_RANGE_EMBEDS_FOR, may_wait=False)
    async with tools.in_turn:
        await keep_up(tools)
        return await _settle_range(stored, work, tools, semantic, now=now)


async def _settle_range(
    stored: Sequence[StoredArticle], work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> Reassessed:
    assessed = await asyncio.to_thread(_assess_range, stored, work, tools, semantic, now=now)
    changed = [again for each, again in assessed if missing.is_new_in_range(again.scores, each.known, work.cause)]
    unembedded = [each.id for each, again in assessed if Cause.EMBEDDER in again.missing and again not in changed]
    filed: list[FiledArticle] = []
    counts = work.counts
    for each in changed:
        done = await settle(work, each, tools, counts=counts, now=now)
        if done is None:
            return Reassessed(articles=len(stored), filed=tuple(filed))
        filed.append(done)
        counts = counts.plus(**came_of([done]))
    counts = counts.plus(articles=len(stored))
    next_id = stored[-1].id - 1 if stored else work.first_id - 1
    is_done = await tools.db.write(_end_batch, work, next_id, counts, unembedded, now=now)
    if is_done and counts.articles:
        log_counts(work.cause, work.topic, counts)
    return Reassessed(articles=len(stored), filed=tuple(filed))


def _assess_range(
    stored: Sequence[StoredArticle], work: Reassessment, tools: Tools, semantic: SemanticScorer | None, *, now: datetime
) -> list[tuple[StoredArticle, AssessedArticle]]:
    return [(each, assess_again(each, work, tools, semantic, now=now)) for each in stored]


def _end_batch(
    session: Session,
    work: Reassessment,
    next_id: int,
    counts: RangeCounts,
    unembedded: Sequence[int],
    *,
    now: datetime,
) -> bool:
    """Note how far it went, and which articles are to be compared again when the embedder is back; True where the range is done."""
    serialize_decisions(session)
    reassessments.add_articles(session, {each: {Cause.EMBEDDER: now} for each in unembedded}, now=now)
    try:
        if next_id < work.first_id:
            reassessments.finish(session, work)
            return True
        reassessments.advance(session, work, next_id, counts)
    except LeaseLostError:
        log.debug("reassessment %d was done, or replaced, meanwhile", work.id)
    return False
