"""File articles in the store: read what is known of each, decide, write. Polls and backtests use the same functions.

Called inside a writing transaction, so that an article, its decision, its matches and its alerts are committed together or not
at all. Nothing is written of an article before its decision is complete.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from monitor.polling.decide import decide
from monitor.polling.known import read
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.polling.write import write
from monitor.store import story_changes
from monitor.store.db import Session


def file_articles(
    session: Session, arrived: Iterable[tuple[AssessedArticle, datetime]], context: AlertingContext
) -> tuple[FiledArticle, ...]:
    """Decide on articles, each with the time of its arrival, one after the other, and store them; call it within the transaction
    that ends the poll, after `serialize_decisions`. A story that several of them join is counted once, at the end.
    """
    filed = tuple(_file(session, assessed, context, now=at) for assessed, at in arrived)
    for story_id in sorted({each.story_id for each in filed if each.is_new and each.story_id != each.article_id}):
        story_changes.recount(session, story_id, context.preferred)
    return filed


def file_article(
    session: Session, assessed: AssessedArticle, context: AlertingContext, *, now: datetime
) -> FiledArticle:
    """Decide on one article and store it, as `file_articles` does."""
    (filed,) = file_articles(session, [(assessed, now)], context)
    return filed


def _file(session: Session, assessed: AssessedArticle, context: AlertingContext, *, now: datetime) -> FiledArticle:
    known = read(session, assessed, context, now=now)
    filing = decide(assessed, known, context, now=now)
    return write(session, filing, context, now=now)
