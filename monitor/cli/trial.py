"""`monitor topics try`: try a topic before it is turned on (`monitor.evaluation.trial`), and label doubtful articles."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import backtest, base
from monitor.cli.models import load_matcher, load_topics
from monitor.text.tokens import some_of
from monitor.topics import seeds, sentence
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import ConfigError, MonitorError, StoreError

if TYPE_CHECKING:
    from monitor.evaluation.trial import Trial, TrialMatch
    from monitor.matching.alert_rate import SensitivityCost
    from monitor.matching.matcher import Matcher
    from monitor.types.matching import Article, Topic


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
    folder = _folder(cli, folder)
    backtest.check_file(articles)
    window = backtest.parse_window(since, until)
    shelf = _load_topics(folder)
    _check_store(cli, articles)
    labels = _parse_labels(confirm, dismiss)
    if labels:
        _label_all(cli, _one_topic_folder(shelf, folder), articles, labels)
        shelf = _load_topics(folder)
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
        trials = trials if articles else tuple(_as_in_force(cli, each, shelf) for each in trials)
    advice = {each.name: [str(said) for said in sentence.advice(each.outline)] for each in shelf.topics}
    if as_json:
        base.print_json({"trials": [_trial_fields(each) | {"advice": advice[each.topic]} for each in trials]})
        return
    if not any(each.articles for each in trials):
        when = " in that time" if since or until else ""
        raise base.NotFoundError(
            f"{articles or 'the archive'} holds no article that can be used{when}: nothing was tried"
        )
    for each in trials:
        _show(each)
        for said in advice[each.topic]:
            base.line(said)
    if not articles:
        backtest.warn_of_verdicts(cli)
    if len(trials) == 1 and not labels and not cli.is_quiet and _is_terminal():
        _ask(cli, folder, articles, trials[0])


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


# --- input ----------------------------------------------------------------------------------------------------------


def _folder(cli: base.Cli, given: Path) -> Path:
    """The folder that is named, or that of the topic of this name in the folder of seeds."""
    if given.exists() or given.name != str(given):
        return given
    try:
        named = cli.settings.seeds.dir / given
    except ConfigError:
        return given
    return named if named.is_dir() else given


def _load_topics(folder: Path) -> LoadedTopics:
    """The topic of a folder, or all topics of a folder of topics; faults are reported. Raises ConfigError where there is none."""
    if not folder.is_dir():
        wrong = "it is a file" if folder.exists() else "no such folder"
        raise ConfigError(f"{folder}: {wrong}; name a folder that holds a topic's seeds")
    shelf = seeds.load_one(folder) if _is_topic(folder) else seeds.load(folder)
    for fault in shelf.faults:
        base.complain(f"fault: {fault}")
    for warning in shelf.warnings:
        base.complain(f"warning: {warning}")
    usable = [each for each in shelf.topics if each.is_enabled]
    if shelf.topics and not usable:
        raise ConfigError(f"{folder}: turned off by `enabled = false` in topic.toml; take that line out to try it")
    if not usable:
        raise ConfigError(
            f"{folder}: no topic to try: put at least one article (.txt, .md or .html) into it, or a topic.toml with a description"
        )
    return shelf


def _is_topic(folder: Path) -> bool:
    """Whether the folder contains seeds, rather than folders of seeds."""
    names = [
        each for each in folder.iterdir() if not each.name.startswith((".", "_")) and each.stem.upper() != "README"
    ]
    is_seed = any(each.suffix.lower() in seeds.SUFFIXES for each in names if each.is_file())
    return (
        is_seed or any(each.name in ("topic.toml", "not") for each in names) or not any(each.is_dir() for each in names)
    )


def _one_topic_folder(shelf: LoadedTopics, folder: Path) -> Path:
    if not _is_topic(folder):
        names = ", ".join(each.name for each in shelf.topics)
        raise ConfigError(f"--confirm and --dismiss need one topic: name its folder, as {folder}/TOPIC ({names})")
    return folder


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


# --- output ---------------------------------------------------------------------------------------------------------


def _trial_fields(trial: Trial) -> dict[str, Any]:
    return {
        "topic": trial.topic,
        "articles": trial.articles,
        "matched": len(trial.matches),
        "stories": trial.stories,
        "seeds_left_out": trial.seeds,
        "alerts": trial.alerts,
        "alerts_a_day": {"mean": trial.rate.a_day, "low": trial.rate.low, "high": trial.rate.high, "sure": 0.9},
        "next_day": {"low": trial.rate.next_day.low, "high": trial.rate.next_day.high, "sure": 0.9},
        "days": trial.days,
        "is_in_force": trial.is_in_force,
        "acts": trial.applied_sensitivity.note,
        "costs": [cost_fields(each) for each in trial.costs],
        "blocked": trial.blocked,
        "overlap": {name: _share(count, trial) for name, count in trial.overlap.items()},
        "above": trial.above,
        "below": trial.below,
        "hits": trial.matches,
    }


def _share(count: int, trial: Trial) -> dict[str, float]:
    return {"hits": count, "share": round(count / len(trial.matches), 3)}


def _show(trial: Trial) -> None:
    rate = trial.rate
    copies = sum(each.kind == "copy" for each in trial.matches)
    untold = Counter(each.reason.partition(":")[0] for each in trial.matches if not each.is_alert)
    base.heading(f"{trial.topic}, over {_counted(trial.articles, 'article')} of {_counted(trial.days, 'day')}")
    base.facts(
        [
            (
                "would have matched",
                f"{_counted(len(trial.matches), 'article')} in {_counted(trial.stories, 'story', 'stories')}, "
                f"{copies} of them copies",
            ),
            ("would have sent", _counted(trial.alerts, "alert")),
            ("matched, not told", [f"{count} {reason}" for reason, count in untold.most_common()]),
            ("alerts", str(rate) + (", as it is in force" if trial.is_in_force else "")),
            (trial.sensitivity, trial.applied_sensitivity.note),
            ("left out", _left_out(trial.seeds)),
            ("held back by rules", [f"{count} {reason}" for reason, count in trial.blocked.items()]),
            ("other topics match", [_overlap(name, count, trial) for name, count in trial.overlap.items()]),
        ]
    )
    if trial.costs:
        base.heading("Alerts of each sensitivity")
        show_costs(trial.costs)
    if trial.matches and not trial.above:
        base.line("every match is a copy")
    for title, shown in (("just above", trial.above), ("just below", trial.below)):
        if shown:
            base.heading(f"Nearest to its threshold, {title}")
            base.table((">id", "published", "source", ">of threshold", "title"), map(_row, shown))
    if not trial.matches and not trial.below:
        base.line("nothing came near: no article shares a distinctive word with the seeds")


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _left_out(seeds: int) -> str:
    return (
        f"{seeds} {'article that is a seed, or a copy' if seeds == 1 else 'articles that are seeds, or copies'} of one"
        if seeds
        else ""
    )


def show_costs(costs: Iterable[SensitivityCost]) -> None:
    """Print the alerts a day of each sensitivity; nothing where they are not known."""
    rows = [
        (
            _sensitivity_name(each),
            each.factor,
            f"{each.rate.a_day:.2g}",
            f"{each.rate.next_day.low} to {each.rate.next_day.high}",
        )
        for each in costs
    ]
    if rows:
        base.table(("sensitivity", ">threshold x", ">alerts a day", "tomorrow, nine days in ten"), rows)


def cost_fields(cost: SensitivityCost) -> dict[str, Any]:
    """A row of the costs as JSON fields."""
    ahead = cost.rate.next_day
    rate = {
        "a_day": cost.rate.a_day,
        "low": cost.rate.low,
        "high": cost.rate.high,
        "next_day": {"low": ahead.low, "high": ahead.high, "sure": 0.9},
    }
    return {"sensitivity": _sensitivity_name(cost), "factor": cost.factor, **rate}


def _sensitivity_name(cost: SensitivityCost) -> str:
    return f"{cost.sensitivity} (in force)" if cost.is_in_force else cost.sensitivity


def _overlap(name: str, count: int, trial: Trial) -> str:
    return f"{name} {count} of {len(trial.matches)} ({count / len(trial.matches):.0%})"


def _row(shown: TrialMatch) -> tuple[object, ...]:
    part = f"{shown.part:.0%} ({shown.score:.3f} / {shown.threshold:.3f})"
    return shown.id, f"{shown.published_at:%Y-%m-%d}", shown.source, part, shown.title


# --- labels -----------------------------------------------------------------------------------------------------------


def _parse_labels(confirm: str, dismiss: str) -> dict[str, bool]:
    """The given ids, each with whether it is wanted. Raises BadParameter for an id that is both."""
    wanted, unwanted = ([each.strip() for each in ids.split(",") if each.strip()] for ids in (confirm, dismiss))
    if (confirm and not wanted) or (dismiss and not unwanted):
        raise typer.BadParameter("--confirm and --dismiss take articles' ids: --confirm 4711,4720")
    if both := set(wanted) & set(unwanted):
        raise typer.BadParameter(f"{', '.join(sorted(both))} is confirmed and dismissed at once")
    return dict.fromkeys(wanted, True) | dict.fromkeys(unwanted, False)


def _label_all(cli: base.Cli, folder: Path, articles: Path | None, labels: Mapping[str, bool]) -> None:
    """Store the labels. Raises NotFoundError for unknown ids, before anything is written."""
    found = _file_articles(articles, labels) if articles else _store_articles(cli, labels)
    if missing := [each for each in labels if each not in found]:
        where = articles or "the archive"
        ask = f"monitor topics try {folder}" + (f" --articles {articles}" if articles else "")
        raise base.NotFoundError(
            f"there is no article {_some_ids(missing)} in {where}: `{ask}` names ids to choose from"
        )
    for id, article in found.items():
        _label(cli, folder, id, article, is_wanted=labels[id], is_stored=articles is None)


def _some_ids(names: Sequence[str]) -> str:
    return some_of([each[:40] for each in names])


def _file_articles(path: Path, ids: Iterable[str]) -> dict[str, Article]:
    wanted = set(ids)
    with base.progress(base.Cli(is_quiet=True)) as bar, backtest.file_articles(path, bar, is_reported=False) as lines:
        return {str(each.id): each.article for each in lines if str(each.id) in wanted}


def _store_articles(cli: base.Cli, ids: Iterable[str]) -> dict[str, Article]:
    from monitor.evaluation import backtest as work

    with base.opened(cli.settings) as db, db.reading() as session:
        found = {
            id: work.archived_line(session, int(id)) for id in ids if id.isascii() and id.isdigit() and len(id) < 10
        }
    return {id: line.article for id, line in found.items() if line}


def _label(cli: base.Cli, folder: Path, id: str, article: Article, *, is_wanted: bool, is_stored: bool) -> None:
    """A verdict where the topic in force has this match, else a file in DIR."""
    if is_stored and (said := _record_verdict(cli, folder, int(id), is_wanted=is_wanted)):
        base.line(said)
        return
    from monitor.topics.seed_writer import SeedText, write_seed
    from monitor.types.matching import Grade

    if article.grade is Grade.WALL:
        raise MonitorError(f"article {id} is a consent or paywall page: save its text by hand")
    sheet = SeedText(
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
    )
    written = write_seed(folder, sheet, is_counter=not is_wanted)
    base.line(f"{'written' if written.is_new else 'there already'}: {written.path}")


def _record_verdict(cli: base.Cli, folder: Path, article_id: int, *, is_wanted: bool) -> str:
    root = cli.settings.seeds.dir
    if folder.resolve().parent != root.resolve():
        return ""
    from monitor.cli.matches.judging import user
    from monitor.review import matches

    try:
        with base.opened(cli.settings) as db, db.writing() as session:
            match_id = matches.find_match_id(session, article_id, folder.resolve().name)
            if match_id is None:
                return ""
            match = matches.judge(session, match_id, is_relevant=is_wanted, by=user(), now=cli.now())
    except StoreError as error:
        raise MonitorError(f"the verdict on article {article_id} was not stored: {error}") from error
    return f"{match.state} {match.id}: {match.topic}: {match.title}" if match else ""


def _ask(cli: base.Cli, folder: Path, articles: Path | None, trial: Trial) -> None:
    """Ask about each of the nearest articles: yes, no, skip or quit."""
    doubtful = [*trial.above, *trial.below]
    if not doubtful or not _is_topic(folder):
        return
    base.heading("Is it about the topic? y yes, n no, Enter skips, q ends")
    labels: dict[str, bool] = {}
    for shown in doubtful:
        answer = typer.prompt(f"  {shown.title[:100]} [{shown.source}]", default="", show_default=False).strip().lower()
        if answer.startswith("q"):
            break
        if answer[:1] in ("y", "n"):
            labels[str(shown.id)] = answer.startswith("y")
    if labels:
        _label_all(cli, folder, articles, labels)
        cli.say("run it again to see what that changed")
