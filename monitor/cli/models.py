"""The daemon's models for commands that judge beside it: its matcher, and matching across languages. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from monitor.cli import base
from monitor.types.errors import StoreError

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.learning.multilingual import Multilingual
    from monitor.matching.matcher import Matcher
    from monitor.store.db import Database
    from monitor.topics.seeds import LoadedTopics
    from monitor.types.matching import Article, Score, Topic


def build_matcher(settings: Settings, shelf: LoadedTopics) -> Matcher:
    """The model as the daemon has it: seeds and, where there is a store, what it teaches. Writes nothing."""
    from monitor.learning.training import learned
    from monitor.matching.background import Background
    from monitor.matching.matcher import build

    try:
        with base.opened(settings) as db, db.reading() as session:
            return learned(session, shelf.topics)
    except (base.NotFoundError, StoreError):
        return build(shelf.topics, background=Background.shipped())


@contextmanager
def multilingual(settings: Settings) -> Iterator[Multilingual | None]:
    """What matches across languages; None where there is no embedder (where one was wanted, the log says why)."""
    from monitor.service.app import App

    app = App(settings)
    try:
        found = app.multilingual
        yield found if found and found.embedding.is_on else None
    finally:
        app.close()


@contextmanager
def store(settings: Settings) -> Iterator[Database]:
    """The store, or an empty one where there is none yet."""
    from monitor.store import migrate
    from monitor.store.db import Database

    with ExitStack() as until_done:
        try:
            db = until_done.enter_context(base.opened(settings))
        except (base.NotFoundError, StoreError):
            db = Database("sqlite://")
            until_done.callback(db.close)
            migrate.upgrade(db)
        yield db


def add_semantic_scores(
    settings: Settings, topics: Sequence[Topic], article: Article, scores: tuple[Score, ...]
) -> tuple[Score, ...]:
    """The scores of an article by meaning too, as the daemon would have them."""
    with multilingual(settings) as found, store(settings) as db:
        if found is None:
            return scores
        found.renew(db, topics, is_patient=True, may_write=False)
        across = found.look_now(db, [article])
        return across.improve(scores, article, across.meant(article), with_misses=True) if across else scores
