"""Which articles of a poll are not embedded, where the settings have a budget a day (`embedding.articles_per_day`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from monitor.learning.multilingual import Multilingual
from monitor.learning.tracker import Tracker
from monitor.matching import embedding_gate
from monitor.matching.embedders import excerpt, key
from monitor.matching.embedding_gate import Candidate
from monitor.matching.margins import margin
from monitor.matching.matcher import Matcher
from monitor.store import vectors
from monitor.store.db import Database
from monitor.types.matching import Article


async def left_out(
    read: Sequence[Article],
    db: Database,
    multilingual: Multilingual | None,
    matcher: Matcher | Tracker,
    *,
    per_day: int,
    now: datetime,
) -> frozenset[int]:
    """The keys of the texts that the day's budget leaves out; days are those of UTC, and all nodes share one budget."""
    if not per_day or multilingual is None:
        return frozenset()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    used = await db.read(vectors.count_embedded, multilingual.embedding.id, since_at=midnight)
    by_words = matcher.matcher if isinstance(matcher, Tracker) else matcher
    candidates = await asyncio.to_thread(_candidates, read, by_words)
    return embedding_gate.left_out(
        candidates, used=used, per_day=per_day, day_share=(now - midnight) / timedelta(days=1)
    )


def _candidates(read: Sequence[Article], matcher: Matcher) -> list[Candidate]:
    names = embedding_gate.names_in(matcher.topics)
    return [_candidate(each, matcher, names) for each in read]


def _candidate(article: Article, matcher: Matcher, names: frozenset[str]) -> Candidate:
    text = excerpt(article.title, article.text)
    scores = matcher.score(article.title, article.text, article.language)
    margins = (margin(each.score, each.threshold, each.factor) for each in scores)
    return Candidate(key(text), embedding_gate.is_likely(margins, embedding_gate.consonants_of(text), names))
