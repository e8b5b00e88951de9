"""File one article in the store: read what is known of it, decide, write. Polls and backtests use the same function.

Called inside a writing transaction, so that an article, its decision, its matches and its alerts are committed together or not
at all. Nothing is written before the decision is complete.
"""

from __future__ import annotations

from datetime import datetime

from monitor.polling.decide import decide
from monitor.polling.known import read
from monitor.polling.values import AlertingContext, AssessedArticle, FiledArticle
from monitor.polling.write import write
from monitor.store.db import Session


def file_article(
    session: Session, assessed: AssessedArticle, context: AlertingContext, *, now: datetime
) -> FiledArticle:
    """Decide on an article and store it; call it within the transaction that ends the poll, after `serialize_decisions`."""
    known = read(session, assessed, context, now=now)
    filing = decide(assessed, known, context, now=now)
    return write(session, filing, context, now=now)
