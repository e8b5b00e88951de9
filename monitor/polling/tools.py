"""What a poll works with, and what of it is brought up to date before articles are assessed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from monitor.learning.multilingual import POLL_EMBEDS_FOR, Multilingual, SemanticScorer
from monitor.learning.tracker import Tracker
from monitor.matching.matcher import Matcher
from monitor.net.addresses import AddressPolicy
from monitor.polling import fulltext
from monitor.polling.cadence import Cadence
from monitor.polling.fulltext import PageReader
from monitor.polling.values import AlertingContext
from monitor.reading.fetch import Fetcher
from monitor.reading.workers import Workers
from monitor.store.db import Database
from monitor.types.matching import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The parts that a poll works with; built by `service.app`."""

    db: Database
    fetcher: Fetcher
    workers: Workers
    matcher: Matcher | Tracker
    alerting: AlertingContext
    cadence: Cadence = field(default_factory=Cadence)
    max_age_for: timedelta | None = timedelta(days=7)
    feed_policy: AddressPolicy | None = None
    private_policy: AddressPolicy | None = None
    """For feeds that the operator allowed on a private address."""
    reader: PageReader | None = None
    """Reads articles' own pages; None to read none."""
    pages: str = fulltext.NEAR
    """When pages of articles are read, of feeds without a setting of their own."""
    pages_per_poll: int = 5
    pages_per_day: int = 100
    """Per host."""
    multilingual: Multilingual | None = None
    """Matches across languages, if an embedder is in use."""
    embeds_for: timedelta = POLL_EMBEDS_FOR
    """How long a poll waits for the embeddings of its articles."""
    embeds_per_day: int = 0
    """How many articles are embedded in a day (UTC), of those that arrive; 0 for all."""
    are_seeds_embedded: bool = True
    """Whether the models across languages are those of the topics as they are now."""
    topics_revision: int | None = None
    """Of the store's topics that `matcher` was built from; None where it was built without a store."""
    in_turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while articles are assessed and stored."""
    renew_models: Callable[[], Awaitable[None]] | None = None
    """Builds the models anew where the archive has reached its next mark; called in turn."""


async def keep_up(tools: Tools) -> None:
    """Learn what the archive holds by now, also by other processes, before articles are assessed."""
    if tools.renew_models:
        await tools.renew_models()
    if tools.multilingual:
        await tools.db.read(tools.multilingual.catch_up)


def is_without_model(article: Article, tools: Tools) -> bool:
    """Whether an embedder is set, and has not embedded one seed yet."""
    multilingual = tools.multilingual
    return multilingual is not None and multilingual.model is None and multilingual.reads(article)


async def semantic_scorer(
    read: Sequence[Article],
    tools: Tools,
    *,
    within_for: timedelta | None = None,
    may_wait: bool = True,
    left_out: Collection[int] = (),
) -> SemanticScorer | None:
    """Return the scorer by meaning for these articles, which are embedded as far as the time allows; None if no embedder is in use.
    `may_wait`: whether those that are not embedded then may wait for it, if the embedder works. `left_out`: keys of texts that are
    not to be embedded."""
    if tools.multilingual is None:
        return None
    return await tools.multilingual.scorer(
        tools.db, read, within_for=within_for or tools.embeds_for, may_wait=may_wait, left_out=left_out
    )
