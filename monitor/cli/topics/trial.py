"""`monitor topics try`: try a topic before it is turned on (`monitor.evaluation.trial`), and label doubtful articles."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import backtest, base
from monitor.cli.models import load_matcher, load_topics
from monitor.cli.topics.trial_answers import ask_about, label_all, parse_labels
from monitor.cli.topics.trial_figures import show_trial, trial_fields
from monitor.cli.topics.trial_folder import folder_of, load_tried, one_topic_folder
from monitor.topics import sentence
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from monitor.evaluation.trial import Trial
    from monitor.matching.matcher import Matcher
    from monitor.types.matching import Topic


def try_(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A topic's folder or name, or a folder of topics.")],
    articles: Annotated[
        Path | None,
        typer.Option("--articles", help="Articles, one JSON object a line, as for `backtest`; default: the store's."),
    ] = None,
    since: backtest.Since = "",
    until: backtest.Until = "",
    confirm: Annotated[
        str, typer.Option("--confirm", help="Articles that are wanted, ID,ID,...: they become seeds.")
    ] = "",
    dismiss: Annotated[
        str, typer.Option("--dismiss", help="Articles that are not wanted: they become counter-seeds.")
    ] = "",
    as_json: base.AsJson = False,
) -> None:
    """Try a topic before it is turned on.

    Runs it over the stored articles, or those of a file, as if they had just arrived: what it would have matched, how
    many alerts a day that makes, what topics in force match as well, and the twelve articles nearest to its threshold.
    On a terminal it asks about these twelve; elsewhere name them with --confirm and --dismiss. Each answer becomes a
    seed or a counter-seed in DIR, or a verdict where the topic is in force and has that match. Nothing else is stored,
    and no alert is sent.

    \b
    Examples:
      monitor topics try drafts/river-floods
      monitor topics try drafts/river-floods --confirm 4711,4720 --dismiss 4698
    """
    cli = base.cli_of(ctx)
    cli.log()
    folder = folder_of(cli, folder)
    backtest.check_file(articles)
    window = backtest.parse_window(since, until)
    shelf = load_tried(folder)
    _check_store(cli, articles)
    labels = parse_labels(confirm, dismiss)
    if labels:
        label_all(cli, one_topic_folder(shelf, folder), articles, labels)
        shelf = load_tried(folder)
    trials = _run(cli, shelf, articles, window)
    advice = {each.name: [str(said) for said in sentence.advice(each.outline)] for each in shelf.topics}
    if as_json:
        base.print_json({"trials": [trial_fields(each) | {"advice": advice[each.topic]} for each in trials]})
        return
    if not any(each.articles for each in trials):
        when = " in that time" if since or until else ""
        raise base.NotFoundError(
            f"{articles or 'the archive'} holds no article that can be used{when}: nothing was tried"
        )
    for each in trials:
        show_trial(each)
        for said in advice[each.topic]:
            base.line(said)
    if not articles:
        backtest.warn_of_verdicts(cli)
    if len(trials) == 1 and not labels and not cli.is_quiet and _is_terminal():
        ask_about(cli, folder, articles, trials[0])


def _run(
    cli: base.Cli, shelf: LoadedTopics, articles: Path | None, window: tuple[datetime | None, datetime | None]
) -> tuple[Trial, ...]:
    """Try these topics over the articles of a file or of the store; `window` as `backtest.parse_window` gives it."""
    with (
        base.progress(cli) as bar,
        backtest.open_articles(cli, articles, bar, *window) as lines,
        ExitStack() as until_done,
    ):
        from monitor.evaluation import trial
        from monitor.matching.background import Background
        from monitor.matching.matcher import build

        matcher = build(shelf.topics, background=Background.shipped())
        across, db = backtest.open_multilingual(cli, until_done)
        trials = trial.run(
            lines,
            matcher,
            shelf.topics,
            others=_others(cli, shelf) if articles else None,
            matched=None if articles else _matched_by_others(cli, shelf),
            across=across,
            vectors_in=db,
        )
        return trials if articles else tuple(_as_in_force(cli, each, shelf) for each in trials)


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _check_store(cli: base.Cli, articles: Path | None) -> None:
    """Raises NotFoundError where neither a file nor the store has articles."""
    if articles:
        return
    mend = "let `monitor run` collect some first, or give a file: --articles FILE"
    try:
        with base.opened(cli.settings) as db, db.reading() as session:
            from monitor.store import archive

            if archive.latest_id(session):
                return
    except base.NotFoundError as error:
        raise base.NotFoundError(f"there is no archive to try it on yet: {mend}") from error
    raise base.NotFoundError(f"the archive holds no article yet: {mend}")


def _others(cli: base.Cli, tried: LoadedTopics) -> Matcher | None:
    """The matcher of the other topics in force, as the daemon has it; None without settings or without such topics."""
    try:
        settings = cli.settings
    except ConfigError:
        return None
    rest = _other_topics(cli, tried)
    return load_matcher(settings, LoadedTopics(rest)) if rest else None


def _other_topics(cli: base.Cli, tried: LoadedTopics) -> tuple[Topic, ...]:
    names = {each.name for each in tried.topics}
    return tuple(each for each in load_topics(cli).topics if each.name not in names and each.is_enabled)


def _matched_by_others(cli: base.Cli, tried: LoadedTopics) -> dict[int, frozenset[str]]:
    """By stored article, the other topics in force that matched it."""
    from monitor.store import matches

    names = [each.name for each in _other_topics(cli, tried)]
    with base.opened(cli.settings) as db, db.reading() as session:
        return matches.topics_by_article(session, names)


def _as_in_force(cli: base.Cli, tried: Trial, shelf: LoadedTopics) -> Trial:
    """The trial; of a topic that is in force as it was tried with what `topics show` says of its alerts a day."""
    from monitor.learning import training
    from monitor.store import topics as store

    topic = next(each for each in shelf.topics if each.name == tried.topic)
    with base.opened(cli.settings) as db, db.reading() as session:
        known = store.stored(session).get(topic.name)
        if known is None or known.has_ended or known.digest != topic.digest:
            return tried
        others = [each for each in load_topics(cli).topics if each.name != topic.name]
        forecast = training.forecast(session, topic, [*others, topic])
    if forecast.cost is None:
        return tried
    return replace(
        tried,
        applied_sensitivity=forecast.setting,
        costs=forecast.costs,
        rate=forecast.cost.rate,
        is_in_force=True,
    )
