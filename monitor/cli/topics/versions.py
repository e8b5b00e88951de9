"""`monitor topics history` and `topics diff`: the versions of a topic, and what changes between two of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.backtest import check_file, file_articles, open_multilingual
from monitor.cli.models import load_topics
from monitor.topics import seeds
from monitor.types.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from monitor.matching.compare import ChangedMatch, Rescore, TopicDefinition, TopicDifference
    from monitor.store.db import Session
    from monitor.store.versions import TopicVersion
    from monitor.types.matching import Article, Topic

_SHOWN = 20
_MOST = 999_999_999
_VERSION = re.compile(r"(?P<topic>[^/]+)@(?P<number>[0-9]{1,9})")


def history(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The topic's folder.", show_default=False)],
    restore: Annotated[
        int, typer.Option("--restore", metavar="VERSION", min=0, max=_MOST, help="Put the topic back to this version.")
    ] = 0,
    as_json: base.AsJson = False,
) -> None:
    """List the versions of a topic, with time and reason.

    A change of seeds, settings or verdicts makes a version; self-training does not. With --restore the folder is
    written as that version had it, and the topic forgets what it learned by itself since then; verdicts stay, and so
    does what else topic.toml says. The folder of before is kept under `.removed/`.

    \b
    Examples:
      monitor topics history moscow-format
      monitor topics history moscow-format --restore 3
    """
    from monitor.store import topics, verdicts, versions

    cli = base.cli_of(ctx)
    cli.log()
    if restore:
        _restore(cli, name, restore)
        return
    with base.opened(cli.settings) as db, db.reading() as session:
        found = versions.history(session, name)
        known = topics.titles(session)
        said = versions.verdicts_key(verdicts.in_force(session).get(name, []))
    topic = next((each for each in seeds.load(cli.settings.seeds.dir).topics if each.name == name), None)
    if not found and topic:
        raise base.NotFoundError(
            f'the topic "{name}" has no version yet: `monitor run` or `monitor poll` makes one when it first reads the seeds'
        )
    if not found:
        raise base.no_such("topic", name, (each for each in known if each != name), hint="`monitor topics` lists them")
    if as_json:
        shown = [asdict(each) for each in found]
        base.print_json_lines({key: each[key] for key in each if key != "verdicts_key"} for each in shown)
    else:
        _show_history(found)
    if late := _unrecorded_changes(found[0], topic, said):
        mend = f"the next `monitor run` or `monitor poll` makes it {name}@{found[0].number + 1}"
        cli.say(f"{late}: no daemon has read that yet; {mend}")


def _restore(cli: base.Cli, name: str, number: int) -> None:
    from monitor.review import topics

    with base.opened(cli.settings) as db:
        with db.reading() as session:
            _version(session, name, number)  # raises where there is none
        done = topics.restore(db, cli.settings.seeds.dir, name, number, now=cli.now())
    assert done is not None
    if done.is_written:
        said = f"; the folder of before is {done.aside}" if done.aside else ""
        base.line(f"{name}: written as {name}@{number}{said}")
    else:
        base.line(f"{name}: its seeds and topic.toml are those of {name}@{number} already")
    count = done.forgotten
    base.line(
        f"{name}: forgot {count} {'article' if count == 1 else 'articles'} that it learned from by itself since then"
    )


def _unrecorded_changes(newest: TopicVersion, topic: Topic | None, verdicts_key: str) -> str:
    """What was changed since the newest version was recorded; '' for nothing."""
    if topic is None:
        return ""
    what = ["the seeds or topic.toml"] if topic.digest != newest.digest else []
    what += ["the verdicts"] if verdicts_key != newest.verdicts_key else []
    return f"{' and '.join(what)} changed since" if what else ""


def _show_history(found: Sequence[TopicVersion]) -> None:
    base.table(
        (">version", "made (UTC)", "why", ">seeds", ">counter", ">yes", ">no", ">matches"),
        (
            (
                *(f"{each.topic}@{each.number}", each.at, each.why, each.seeds, each.counter_seeds),
                *(each.confirmed, each.dismissed, each.matches),
            )
            for each in found
        ),
    )


def diff(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="NAME@VERSION, a topic's NAME, or a folder of seeds.")],
    after: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    articles: Annotated[
        Path | None,
        typer.Option("--articles", help="Articles, one JSON object a line, as for `backtest`; default: the store's."),
    ] = None,
    as_json: base.AsJson = False,
) -> None:
    """Compare two versions of a topic: what changes from A to B.

    Over the stored articles, or those of a file: the articles that only one of the two matches, and the terms whose
    weights changed most. Both are scored as they are, by embeddings where there is an embedder, without self-training on the way.

    \b
    Examples:
      monitor topics diff moscow-format@3 moscow-format
      monitor topics diff moscow-format drafts/moscow-format
    """
    from monitor.matching import compare

    cli = base.cli_of(ctx)
    cli.log()
    check_file(articles)
    with _store_session(cli) as session:
        old, new = (_at_sensitivity(session, _definition(cli, session, each)) for each in (before, after))
        with ExitStack() as until_done, base.progress(cli) as bar:
            rescore_for = _by_embeddings(cli, old, new, until_done)
            found = compare.difference(old, new, _articles(session, articles, bar), _background(session), rescore_for)
    if as_json:
        base.print_json({"before": before, "after": after, **asdict(found)})
    else:
        _show(found, before, after)


def _by_embeddings(
    cli: base.Cli, old: TopicDefinition, new: TopicDefinition, until_done: ExitStack
) -> Callable[[Sequence[Article]], Rescore | None]:
    """How articles are scored by meaning, beside ordinary news as it was shipped; by words alone without an embedder."""
    from monitor.matching import compare
    from monitor.store import migrate
    from monitor.store.db import Database

    across, stored = open_multilingual(cli, until_done)
    if across is None:
        return lambda _: None
    empty = Database("sqlite://")
    until_done.callback(empty.close)
    migrate.upgrade(empty)
    topics, reviewed = compare.as_topics(old, new)
    across.renew(empty, topics, is_patient=True, reviewed=reviewed)

    def rescore_for(articles: Sequence[Article]) -> Rescore | None:
        scorer = across.scorer_blocking(empty, articles, stored)
        if scorer is None:
            return None
        return lambda scores, article, matcher: scorer.rescore(scores, article, scorer.embedding_of(article), matcher)

    return rescore_for


@contextmanager
def _store_session(cli: base.Cli) -> Iterator[Session | None]:
    """A reading session; None where there is no store yet, as folders and files can be compared without one."""
    try:
        opened = base.opened(cli.settings)
        db = opened.__enter__()
    except (base.NotFoundError, ConfigError):
        yield None
        return
    try:
        with db.reading() as session:
            yield session
    finally:
        opened.__exit__(None, None, None)


def _background(session: Session | None) -> Any:
    from monitor.learning.training import background
    from monitor.matching.background import Background

    return background(session) if session else Background.shipped()


def _articles(session: Session | None, path: Path | None, bar: Any) -> Iterator[tuple[Any, Any]]:
    if path:
        with file_articles(path, bar) as lines:
            yield from ((line.id, line.article) for line in lines)
        return
    if session is None:
        raise base.NotFoundError(
            "there is no archive to compare them on yet: let `monitor run` collect some, or give a file: --articles FILE"
        )
    from monitor.evaluation import backtest
    from monitor.store import archive

    task = bar.add_task("comparing", total=archive.latest_id(session))
    for line in backtest.archived_lines(session):
        bar.advance(task)
        yield line.id, line.article


# --- the two versions -------------------------------------------------------------------------------------------------


def _definition(cli: base.Cli, session: Session | None, asked: str) -> TopicDefinition:
    """The definition of a version, a current topic with its verdicts, or a folder of seeds. Raises NotFoundError, ConfigError."""
    if version := _VERSION.fullmatch(asked):
        return _version(session, version["topic"], int(version["number"]))
    if Path(asked).is_dir() and ("/" in asked or not _is_topic(cli, asked)):
        return _folder(Path(asked))
    return _current(cli, session, asked)


def _at_sensitivity(session: Session | None, definition: TopicDefinition) -> TopicDefinition:
    """The definition with the threshold factor that its sensitivity has by this archive, unless it is a fixed word."""
    from monitor.learning import training
    from monitor.matching import sensitivity
    from monitor.matching.matcher import build

    topic = replace(definition.topic, is_enabled=True)
    if session is None or topic.sensitivity in sensitivity.WORDS:
        return definition
    archive = training.archive_scores(session, [topic], lambda of: build(of, background=training.background(session)))
    odds = training.calibration(session)
    return replace(
        definition, factor=sensitivity.decide(topic.sensitivity, topic.name, archive[topic.name], odds).factor
    )


def _is_topic(cli: base.Cli, name: str) -> bool:
    return (cli.settings.seeds.dir / name).is_dir()


def _version(session: Session | None, topic: str, number: int) -> TopicDefinition:
    from monitor.matching.compare import TopicDefinition
    from monitor.store import versions

    found = versions.find(session, topic, number) if session else None
    if found is None:
        kept = [f"{each.topic}@{each.number}" for each in versions.history(session, topic)] if session else []
        shown = f"; kept are {', '.join(kept[:10])}" if kept else f"; `monitor topics history {topic}` lists those kept"
        raise base.NotFoundError(f"there is no version {topic}@{number}{shown}")
    return TopicDefinition(*found)


def _folder(folder: Path) -> TopicDefinition:
    from monitor.matching.compare import TopicDefinition

    shelf = seeds.load_one(folder)
    if not shelf.topics:
        raise ConfigError(*shelf.faults)
    return TopicDefinition(shelf.topics[0])


def _current(cli: base.Cli, session: Session | None, name: str) -> TopicDefinition:
    from monitor.matching.compare import TopicDefinition
    from monitor.store import verdicts

    shelf = load_topics(cli)
    topic = next((each for each in shelf.topics if each.name == name), None)
    if topic is None:
        hint = "name a topic, a version as NAME@3, or a folder of seeds; `monitor topics` lists the topics"
        raise base.no_such("topic", name, (each.name for each in shelf.topics), hint=hint)
    try:
        said = verdicts.examples(session) if session else []
    except StoreError:
        said = []
    return TopicDefinition(topic, [each for each in said if each.topic == name])


# --- output ---------------------------------------------------------------------------------------------------------


def _show(found: TopicDifference, before: str, after: str) -> None:
    base.line(
        f"{before} -> {after}, over {found.articles:,} articles: {len(found.gained)} gained, {len(found.lost)} lost, "
        f"{found.both} matched by both"
    )
    for title, changed in (("Gained", found.gained), ("Lost", found.lost)):
        if changed:
            base.heading(title)
            base.table((">id", "source", ">before", ">after", "title"), map(_row, changed[:_SHOWN]))
            if len(changed) > _SHOWN:
                base.line(f"and {len(changed) - _SHOWN} more; --json names them all")
    for language, terms in found.terms.items():
        base.line(f"{language}: {terms}")
    if not found.terms:
        base.line("no term changed its weight")


def _row(changed: ChangedMatch) -> tuple[object, ...]:
    return changed.id, changed.source, f"{changed.before:.0%}", f"{changed.after:.0%}", changed.title
