"""The daemon's matcher and embedder, built for commands that score articles beside it. Writes nothing to the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from monitor.cli import base
from monitor.types.errors import StoreError

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.learning.multilingual import Multilingual
    from monitor.matching.matcher import Matcher
    from monitor.store.db import Database
    from monitor.topics.feed_languages import UnmatchedFeeds
    from monitor.topics.lint_scores import KnownEmbeddings
    from monitor.topics.seeds import LoadedTopics
    from monitor.types.matching import Article, Score, Topic


def load_topics(cli: base.Cli) -> LoadedTopics:
    """The topics as the daemon has them: those of the seeds folder, and from the store those that it lacks or holds broken or out
    of date. Says which are the store's, and which of the folder's are not in force."""
    from monitor.topics import seeds

    read = seeds.load(cli.settings.seeds.dir)
    try:
        with base.opened(cli.settings) as db, db.reading() as session:
            from monitor.service import topic_keeper

            found, decision = topic_keeper.look(session, read, is_shared=not db.is_sqlite, now=datetime.now(UTC))
    except (base.NotFoundError, StoreError):
        return read
    if held := [each.name for each in found.topics if each.name in decision.from_store]:
        cli.say(f"from the store, not from {cli.settings.seeds.dir}: {', '.join(held)}; `monitor doctor` says why")
    if idle := sorted({each.name for each in read.topics} - {each.name for each in found.topics}):
        cli.say(f"in {cli.settings.seeds.dir}, but not in force: {', '.join(idle)}; `monitor doctor` says why")
    return found


def load_matcher(settings: Settings, shelf: LoadedTopics) -> Matcher:
    """The matcher as the daemon has it: from seeds and, where there is a store, verdicts, self-training and archive."""
    from monitor.learning.training import build_matcher
    from monitor.matching.background import Background
    from monitor.matching.matcher import build

    try:
        with base.opened(settings) as db, db.reading() as session:
            return build_matcher(session, shelf.topics)
    except (base.NotFoundError, StoreError):
        return build(shelf.topics, background=Background.shipped())


def known_embeddings(
    settings: Settings, topics: Sequence[Topic], articles: Iterable[tuple[str, str, str]] = ()
) -> KnownEmbeddings | None:
    """What the store has of the texts of these topics and of articles (title, text, language); None without an embedder that was
    measured."""
    from monitor.learning.embedding import Embedding
    from monitor.learning.multilingual import shipped_space
    from monitor.matching import embedders, semantic_topic
    from monitor.store import vectors
    from monitor.topics.lint_scores import KnownEmbeddings

    embedder = Embedding(settings.embedding).id
    space = shipped_space(embedder)
    if space is None:
        return None
    texts = [key for each in topics for key in semantic_topic.texts_of(each)]
    texts += [embedders.key(embedders.excerpt(title, text)) for title, text, _ in articles]
    try:
        with base.opened(settings) as db, db.reading() as session:
            found = vectors.known(session, embedder, texts, len(space.centre))
    except (base.NotFoundError, StoreError):
        return None
    return KnownEmbeddings(embedder, space, found, settings.embedding.threshold)


def seeds_to_sentence(
    known: KnownEmbeddings | None, topics: Sequence[Topic]
) -> dict[str, tuple[tuple[str, float], ...]]:
    """By topic, the files of its seeds with their semantic similarity to its sentence, as far as both are known."""
    from monitor.matching import semantic_topic

    if known is None:
        return {}
    built = (semantic_topic.build_topic(known.embedder, each, (), known.vectors, known.space) for each in topics)
    return {each.topic.name: each.seeds_to_sentence() for each in built if each}


def sentence_advice(settings: Settings, topic: Topic) -> list[str]:
    """What is to be said of a topic's sentence, a line each: `warning: ...` or `remark: ...`."""
    from monitor.topics import sentence

    found = [
        f"{'warning' if each.is_warning else 'remark'}: {topic.name}: {each}" for each in sentence.advice(topic.outline)
    ]
    found_in_store = seeds_to_sentence(known_embeddings(settings, [topic]), [topic])
    for file, each in sentence.contradictions(found_in_store.get(topic.name, ())):
        found.append(f"warning: {topic.name}/{file}: {each}")
    return found


def unmatched_feeds(settings: Settings, topics: Sequence[Topic]) -> tuple[UnmatchedFeeds, ...]:
    """The feeds that none of these topics can match by their language, and why."""
    from monitor.matching import embedders
    from monitor.review.topics import feed_languages
    from monitor.topics.feed_languages import unmatched

    declared = {name: feed.language for name, feed in settings.feeds.items() if feed.enabled and feed.language}
    try:
        with base.opened(settings) as db, db.reading() as session:
            languages = feed_languages(session)
    except (base.NotFoundError, StoreError):
        languages = declared
    outlines = [each.outline for each in topics if each.is_enabled]
    return unmatched(outlines, languages, embedder_problem=embedders.problem(settings.embedding.embedder))


@contextmanager
def multilingual(settings: Settings) -> Iterator[Multilingual | None]:
    """The matching across languages; None without a working embedder (where one is set, the log says why)."""
    from monitor.service.app import App

    app = App(settings)
    try:
        found = app.multilingual
        yield found if found and found.embedding.is_on else None
    finally:
        app.close()


@contextmanager
def store(settings: Settings) -> Iterator[Database]:
    """The store, or an empty one in memory where there is none yet."""
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


def scores_of(settings: Settings, topics: Sequence[Topic], article: Article, matcher: Matcher) -> tuple[Score, ...]:
    """The scores of an article as the daemon would have them, by words and meaning."""
    scores = matcher.score(article.title, article.text, article.language)
    with multilingual(settings) as found, store(settings) as db:
        if found is None:
            return scores
        found.renew(db, topics, is_patient=True, may_write=False)
        semantic = found.scorer_blocking(db, [article])
        if semantic is None:
            return scores
        return semantic.rescore(scores, article, semantic.embedding_of(article), matcher, with_misses=True)
