"""`monitor reassess`: assess stored articles again by hand, or show what would come of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.models import load_matcher, load_topics, multilingual
from monitor.types.errors import AlreadyRunningError
from monitor.types.stories import Cause

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.learning.multilingual import SemanticScorer
    from monitor.matching.matcher import Matcher
    from monitor.polling.reassessing.stored_articles import StoredArticle
    from monitor.service.app import App
    from monitor.store.db import Database, Session
    from monitor.topics.seeds import LoadedTopics
    from monitor.types.matching import Score

_EMBEDDING_ROUNDS = 20
"""Of 15 seconds each, for the embedder to embed the seeds first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """Which articles are to be assessed again."""

    articles: tuple[str, ...]
    topic: str
    since_at: datetime


def reassess(
    ctx: typer.Context,
    articles: Annotated[
        list[str] | None,
        typer.Argument(metavar="URL|ID", help="Articles, by address or number.", show_default=False),
    ] = None,
    topic: Annotated[str, typer.Option(metavar="NAME", help="Against this topic only.", show_default=False)] = "",
    since: Annotated[
        float | None,
        typer.Option(
            metavar="DAYS",
            help="All articles seen in so many days; with --topic alone: schedule.max_age_days.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come of it, and change nothing.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """Assess stored articles again, with the topics as they are now.

    New matches are stored for review. They are told where the article is young enough (schedule.max_age_days) and its
    story was not told: of a range 3 a topic and day at most, of articles that you name all. While the daemon runs on
    SQLite, it does the work. Exits with 3 for an unknown article or topic.

    \b
    Examples:
      monitor reassess --topic moscow-format --dry-run
      monitor reassess --since 2
      monitor reassess https://example.org/news/1
    """
    cli = base.cli_of(ctx)
    cli.log()
    if not (articles or topic or since is not None):
        raise typer.BadParameter("name articles, or give --topic or --since")
    if articles and since is not None:
        raise typer.BadParameter("--since is for all articles of a time: name articles, or give --since")
    days_for = timedelta(days=since) if since is not None else cli.settings.schedule.max_age_for
    wish = _Wish(articles=tuple(articles or ()), topic=topic, since_at=cli.now() - days_for)
    found = _preview(cli, wish) if dry_run else _do(cli, wish)
    base.print_json(found.fields()) if as_json else base.line(found.says())


@dataclass(slots=True, kw_only=True)
class _Outcome:
    is_dry_run: bool = False
    articles: int = 0
    matches: Counter[str] = field(default_factory=Counter)
    """Topic -> new matches."""
    alerts: int = 0
    waiting: int = 0
    """Articles, or ranges, that the daemon does."""

    def fields(self) -> dict[str, object]:
        return {
            "is_dry_run": self.is_dry_run,
            "articles": self.articles,
            "matches": dict(self.matches),
            "alerts": self.alerts,
            "waiting": self.waiting,
        }

    def says(self) -> str:
        if self.waiting and not self.articles:
            return "noted: the daemon assesses them again, a batch a second; its log says what came of it"
        by_topic = ", ".join(f"{topic} {count}" for topic, count in sorted(self.matches.items()))
        would = "would have" if self.is_dry_run else "have"
        told = f"{self.alerts} {'young enough to be told' if self.is_dry_run else 'alerts'}"
        rest = "; the rest is done by the daemon, or the next `monitor reassess`" if self.waiting else ""
        return (
            f"{self.articles} articles: {sum(self.matches.values())} {would} new matches"
            f"{f' ({by_topic})' if by_topic else ''}, {told}{rest}"
        )


# --- doing it -----------------------------------------------------------------------------------------------------------


def _do(cli: base.Cli, wish: _Wish) -> _Outcome:
    try:
        with base.exclusive_app(cli.settings, otherwise="it does the work") as app:
            with app.db.writing() as session:
                _note(session, wish, now=app.clock())
            with base.spinner(cli, "assessing again"):
                return asyncio.run(_work(cli, app))
    except AlreadyRunningError:
        with base.opened(cli.settings) as db, db.writing() as session:
            return _Outcome(waiting=_note(session, wish, now=cli.now()))


def _note(session: Session, wish: _Wish, *, now: datetime) -> int:
    """Store what is wanted; returns how many articles these are, about."""
    from monitor.store import reassessments

    _check_topic(session, wish.topic)
    if not wish.articles:
        return reassessments.add_range(session, Cause.BY_HAND, wish.topic, since_at=wish.since_at, now=now)
    ids = _ids(session, wish.articles)
    reassessments.add_articles(session, {each: {Cause.BY_HAND: now} for each in ids}, topic=wish.topic, now=now)
    return len(ids)


def _check_topic(session: Session, name: str) -> None:
    from monitor.review import topics

    if name and name not in (known := sorted(topics.names(session))):
        raise base.no_such("topic", name, known, hint="`monitor topics` lists them")


def _ids(session: Session, asked: Sequence[str]) -> list[int]:
    from monitor.review import articles

    found = {each: articles.find_article(session, each) for each in asked}
    for each, article_id in found.items():
        if article_id is None:
            raise base.NotFoundError(f"{each} is not in the store: `monitor explain {each}` fetches and scores it")
    return list(dict.fromkeys(each for each in found.values() if each is not None))


async def _work(cli: base.Cli, app: App) -> _Outcome:
    from monitor.polling.reassessing.reassess import reassess_due
    from monitor.store import reassessments

    now = app.clock()
    if says := app.use_store_settings(now=now):
        cli.say(says)
    app.load_topics(now=now)
    for _ in range(_EMBEDDING_ROUNDS):
        await asyncio.to_thread(app.load_embeddings)
        if app.multilingual is None or app.multilingual.is_complete or app.multilingual.embedding.is_paused:
            break
    outcome = _Outcome()
    try:
        while not (batch := await reassess_due(app.tools(), now=now)).is_over:
            outcome.articles += batch.articles
            outcome.alerts += sum(len(each.alerts) for each in batch.filed)
            outcome.matches.update(topic for each in batch.filed for topic in each.new_matches)
        waiting = await app.db.read(reassessments.waiting)
    finally:
        await app.aclose()
    outcome.waiting = waiting.get(Cause.BY_HAND, 0)
    return outcome


# --- only showing it ----------------------------------------------------------------------------------------------------


def _preview(cli: base.Cli, wish: _Wish) -> _Outcome:
    shelf = _without_paused(cli, load_topics(cli))
    matcher, found = load_matcher(cli.settings, shelf), _Outcome(is_dry_run=True)
    with base.opened(cli.settings) as db, multilingual(cli.settings) as across:
        if across is not None:
            across.renew(db, shelf.topics, is_patient=True, may_write=False)
        for batch in _batches(db, wish):
            scorer = across.scorer_blocking(db, [each.article for each in batch]) if across else None
            for each in batch:
                _count(each, found, _scored(each, matcher, scorer), wish, cli)
    return found


def _without_paused(cli: base.Cli, shelf: LoadedTopics) -> LoadedTopics:
    """The topics that the daemon assesses with."""
    from monitor.store import topics

    with base.opened(cli.settings) as db, db.reading() as session:
        paused = {name for name, each in topics.stored(session).items() if each.is_paused}
    return replace(shelf, topics=tuple(each for each in shelf.topics if each.name not in paused))


def _batches(db: Database, wish: _Wish) -> Iterator[list[StoredArticle]]:
    from monitor.polling.reassessing.ranges import OF_RANGE_AT_ONCE
    from monitor.polling.reassessing.stored_articles import load, load_range
    from monitor.store import archive

    with db.reading() as session:
        _check_topic(session, wish.topic)
        if wish.articles:
            yield list(load(session, _ids(session, wish.articles)).values())
            return
        first_id, next_id = archive.ids_since(session, wish.since_at)
        while next_id >= first_id > 0:
            batch = load_range(session, first_id, next_id, limit=OF_RANGE_AT_ONCE)
            if not batch:
                return
            yield batch
            next_id = batch[-1].id - 1


def _scored(stored: StoredArticle, matcher: Matcher, scorer: SemanticScorer | None) -> tuple[Score, ...]:
    from monitor.polling.assess import assess
    from monitor.types.stories import Arrival

    article = stored.article
    fair = matcher.without(article.title, article.text, article.language)
    return assess(article, fair, arrival=Arrival(), semantic=scorer, stored_id=stored.id).scores


def _count(stored: StoredArticle, found: _Outcome, scores: tuple[Score, ...], wish: _Wish, cli: base.Cli) -> None:
    from monitor.polling import missing

    asked = missing.in_question(scores, stored.known, only=wish.topic, judged=stored.judged)
    new = [
        each.topic for each in asked if each.is_match and not each.blocked and each.topic not in stored.known.matches
    ]
    is_young = cli.now() - stored.article.published_at <= cli.settings.schedule.max_age_for
    found.articles += 1
    found.matches.update(new)
    found.alerts += bool(new and is_young and stored.known.held is None)
