"""`monitor topics`: list, show and check topics; the other commands are in modules of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base, topic_life, topic_new, trial, versions
from monitor.cli.models import known_embeddings, load_matcher, load_topics, seeds_to_sentence, sentence_advice
from monitor.topics import seeds
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import StoreError
from monitor.types.matching import StoredTopic, Topic

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.evaluation.metrics import TopicFigures
    from monitor.learning.training import SensitivityForecast
    from monitor.matching.matcher import Matcher
    from monitor.review.matches import MatchCounts
    from monitor.topics.lint import LintReport
    from monitor.topics.lint_context import LintFinding
    from monitor.topics.worst import WorstOfTopic

app = typer.Typer(invoke_without_command=True)
app.command("try")(trial.try_)
app.command()(versions.history)
app.command()(versions.diff)
app.command("new")(topic_new.new)
app.command()(topic_life.pause)
app.command()(topic_life.resume)
app.command()(topic_life.rename)
app.command()(topic_life.remove)
app.command()(topic_life.use)

_TERMS_SHOWN = 20


@app.callback()
def topics(ctx: typer.Context) -> None:
    """Topics: make, list, show, check, try them, pause, rename, remove them. Without a command: list.

    \b
    Examples:
      monitor topics show moscow-format
      monitor topics check
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """List topics with seeds and matches.

    With --json one a line.

    \b
    Example:
      monitor topics list
    """
    cli = base.cli_of(ctx)
    cli.log()
    shelf = seeds.load(cli.settings.seeds.dir)
    known, counts = _stored_state(cli.settings)
    found = [_fields(topic, known, counts) for topic in shelf.topics]
    in_folder = {each.name for each in shelf.topics}
    held = sorted(name for name, each in known.items() if not each.has_ended and name not in in_folder)
    if as_json:
        base.print_json_lines(found)
    elif held and not found:
        base.line(f"no topic can be read from {cli.settings.seeds.dir}")
    elif not found:
        base.line(
            f"no topics; `monitor topics new NAME` makes one, or put an article into {cli.settings.seeds.dir}/TOPIC/"
        )
    else:
        columns = ("topic", "title", ">seeds", ">counter", "languages", "sensitivity", "on", ">new", ">yes", ">no")
        base.table(columns, (_row(each) for each in found))
    if shelf.faults:
        faults = "1 fault" if len(shelf.faults) == 1 else f"{len(shelf.faults)} faults"
        cli.say(f"{faults} in the seeds: `monitor topics check` says more")
    if held:
        cli.say(f"in force too, by the store alone: {', '.join(held)}; `monitor doctor` says why")


def _row(fields: Mapping[str, Any]) -> tuple[object, ...]:
    by_state = fields["matches"]
    names = ("name", "title", "seeds", "counter_seeds", "languages", "sensitivity")
    is_on = "paused" if fields["is_paused"] else fields["is_enabled"]
    return (
        *(fields[name] for name in names),
        is_on,
        *(by_state.get(each, 0) for each in ("new", "confirmed", "dismissed")),
    )


def _fields(topic: Topic, known: Mapping[str, StoredTopic], counts: Mapping[str, MatchCounts]) -> dict[str, Any]:
    stored = known.get(topic.name)
    wanted = [seed for seed in topic.seeds if not seed.is_counter]
    return {
        "name": topic.name,
        "title": topic.title,
        "description": topic.description,
        "seeds": len(wanted),
        "counter_seeds": len(topic.seeds) - len(wanted),
        "languages": sorted({seed.language for seed in wanted}),
        "sensitivity": topic.sensitivity,
        "is_enabled": topic.is_enabled,
        "is_paused": stored is not None and stored.is_paused,
        "channels": topic.channels,
        "version": stored.version if stored else None,
        "matches": counts[topic.name].by_state if topic.name in counts else {},
    }


def _stored_state(settings: Settings) -> tuple[dict[str, StoredTopic], dict[str, MatchCounts]]:
    """What is stored of each topic, and its match counts; empty where there is no store yet."""
    try:
        with base.opened(settings) as db, db.reading() as session:
            from monitor.review import matches
            from monitor.store import topics as store

            return store.stored(session), {each.topic: each for each in matches.counts(session)}
    except (base.NotFoundError, StoreError):
        return {}, {}


@app.command()
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The topic's folder.", show_default=False)],
    as_json: base.AsJson = False,
) -> None:
    """Show one topic: seeds, terms, threshold, matches, quality.

    The terms are the heaviest of its model in each language.

    \b
    Example:
      monitor topics show moscow-format
    """
    cli = base.cli_of(ctx)
    cli.log()
    settings = cli.settings
    shelf = load_topics(cli)
    topic = next((each for each in shelf.topics if each.name == name), None)
    if topic is None:
        at_fault = [each for each in shelf.faults if str(settings.seeds.dir / name) in each]
        if at_fault:
            raise base.NotFoundError("\n".join([f'the topic "{name}" cannot be used:', *at_fault]))
        known = (each.name for each in shelf.topics)
        raise base.no_such("topic", name, known, hint="`monitor topics` lists them")
    known_topics, counts = _stored_state(settings)
    model = _model(settings, load_matcher(settings, shelf), topic)
    found = {**_fields(topic, known_topics, counts), "threshold": model["threshold"], "terms": model["terms"]}
    forecast, quality = _figures(settings, shelf, topic)
    found |= {"factor": forecast.setting.factor, "acts": forecast.setting.note, "quality": quality}
    found["costs"] = [trial.cost_fields(each) for each in forecast.costs]
    found["advice"] = sentence_advice(settings, topic)
    found["files"] = [_seed(settings, topic, at) for at in range(len(topic.seeds))]
    if as_json:
        base.print_json(found)
        return
    base.facts(
        [
            ("topic", topic.name),
            ("title", topic.title),
            ("description", topic.description),
            ("on", "paused" if found["is_paused"] else topic.is_enabled),
            ("threshold", _threshold_text(topic, model)),
            ("required", topic.required),
            ("excluded", topic.excluded),
            ("languages", topic.languages or "every language"),
            ("channels", "all" if topic.channels is None else topic.channels or "none: page only"),
            ("version", found["version"]),
            ("matches", [f"{count} {state}" for state, count in found["matches"].items()]),
            ("acts", found["acts"]),
            ("alerts", str(forecast.cost.rate) if forecast.cost else ""),
            *_quality(found["quality"]),
        ]
    )
    for each in found["advice"]:
        base.line(each)
    trial.show_costs(forecast.costs)
    if not forecast.costs:
        base.line(
            "the alerts a day of each sensitivity are shown after the first day of articles, when fifty have been seen"
        )
    base.table(
        ("seed", "language", ">weight", ">words", "title"),
        ((each["file"], each["language"], each["weight"], each["words"], each["title"]) for each in found["files"]),
    )
    for language, terms in model["terms"].items():
        shown = ", ".join(f"{term} {weight:.2f}" for term, weight in terms)
        base.line(f"heaviest terms, {language}: {shown}")


def _figures(settings: Settings, shelf: LoadedTopics, topic: Topic) -> tuple[SensitivityForecast, TopicFigures | None]:
    """What its sensitivity comes to, and its quality by verdicts, where there is a store."""
    from monitor.evaluation import metrics
    from monitor.learning import training
    from monitor.matching import sensitivity

    factor = sensitivity.AppliedSensitivity(sensitivity.default_factor(topic.sensitivity))
    nothing = training.SensitivityForecast(topic.name, topic.sensitivity, factor), None
    if not topic.is_enabled:
        return nothing
    try:
        with base.opened(settings) as db, db.reading() as session:
            forecast = training.forecast(session, topic, shelf.topics)
            return forecast, next(iter(metrics.by_verdicts(session, topic=topic.name).topics), None)
    except (base.NotFoundError, StoreError):
        return nothing


def _quality(figures: TopicFigures | None) -> list[tuple[str, object]]:
    """Rows on precision, recall and calibration so far."""
    from monitor.cli.evaluate import share_with_interval

    if figures is None:
        return []
    precision, recall = figures.precision, figures.recall
    judged = f"{precision.right:g} of {precision.judged} judged: " if precision.judged else "no verdicts yet"
    return [
        (
            "precision",
            judged + (share_with_interval(precision.share, precision.low, precision.high) if precision.judged else ""),
        ),
        ("recall", recall.why_not or share_with_interval(recall.value, recall.low, recall.high)),
        ("percentages", f"not calibrated yet: {figures.not_calibrated}" if figures.not_calibrated else "calibrated"),
    ]


def _seed(settings: Settings, topic: Topic, at: int) -> dict[str, object]:
    seed = topic.seeds[at]
    path = settings.seeds.dir / topic.name / seed.file
    return {
        "file": str(path) if path.exists() else f"{topic.name}/{seed.file}",  # of a topic that the store alone has
        "is_counter": seed.is_counter,
        "language": seed.language,
        "weight": seed.weight,
        "words": len(seed.text.split()),
        "title": seed.title,
    }


def _model(settings: Settings, matcher: Matcher, topic: Topic) -> dict[str, Any]:
    """Its lowest threshold, the one that holds where meaning decides alone (None where it never does), and its terms."""
    from monitor.matching import embedders, margins, semantic

    if not topic.is_enabled:
        return {"threshold": 0.0, "fixed": None, "terms": {}}
    score = next(each for each in matcher.score("", "", "en") if each.topic == topic.name)
    terms = {
        language: [(each.term, round(each.weight, 4)) for each in found]
        for language, found in matcher.heaviest(topic.name, limit=_TERMS_SHOWN).items()
    }
    has_sentence, fixed = bool(topic.description.strip()), None
    if not embedders.problem(settings.embedding.embedder):
        balanced = semantic.balanced_threshold(has_sentence=has_sentence, replaced_by=settings.embedding.threshold)
        fixed = margins.threshold_at(balanced, score.factor)
    lowest = fixed if has_sentence and fixed is not None else score.threshold
    return {"threshold": lowest, "fixed": fixed, "terms": terms}


def _threshold_text(topic: Topic, model: Mapping[str, Any]) -> str:
    if not topic.is_enabled:
        return ""
    if model["fixed"] is None:
        return f"from {model['threshold']:.3f} up, by the article ({topic.sensitivity})"
    if topic.description.strip():
        return f"{model['threshold']:.3f}, for every article ({topic.sensitivity})"
    elsewhere = f"{model['fixed']:.3f} in languages without a seed"
    return f"from {model['threshold']:.3f} up, by the article; {elsewhere} ({topic.sensitivity})"


@app.command()
def check(
    ctx: typer.Context,
    directory: Annotated[
        Path | None, typer.Option("--seeds", help="Folder of topics; default: that of the settings.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Everything found, not only the worst.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """Check the seeds: the three worst things of each topic.

    Files that cannot be read; seeds that are duplicates, outliers, in another language, too short or no articles;
    topics that overlap, or that nothing in the archive comes near; how many of its seeds each topic would find from
    the others. Each with file and advice; faults, then warnings, then remarks. --all says everything. Exits with 2
    where there is a fault.

    \b
    Examples:
      monitor topics check --seeds seeds
      monitor topics check --all
    """
    cli = base.cli_of(ctx)
    cli.log()
    root = directory or cli.settings.seeds.dir
    shelf = seeds.load(root)
    from monitor.topics import worst

    warnings = [*shelf.warnings, *(() if directory else unknown_channels(cli.settings, shelf))]
    with base.spinner(cli, "checking the seeds"):
        report = _lint(cli.settings, root, shelf)
    unreachable = [] if directory else _unreachable_sensitivities(cli.settings, shelf)
    lines = {
        "fault": [*shelf.faults, *map(str, _findings(report, "fault"))],
        "warning": [*warnings, *map(str, _findings(report, "warning"))],
        "remark": [*unreachable, *map(str, _findings(report, "remark"))],
    }
    found = _worst(root, shelf.faults, [*warnings], unreachable, report)
    if as_json:
        base.print_json(_check_fields(shelf, lines, report) | {"worst": worst.as_fields(found)})
    else:
        _show_all(lines) if is_all else _show_worst(found)
        _show_check(root, shelf, lines, report)
    if lines["fault"]:
        raise typer.Exit(base.Code.USAGE)


def _findings(report: LintReport, severity: str) -> list[LintFinding]:
    return [each for each in report.findings if each.severity == severity]


def _check_fields(shelf: LoadedTopics, lines: Mapping[str, list[str]], report: LintReport) -> dict[str, Any]:
    return {
        "topics": [each.name for each in shelf.topics],
        "faults": lines["fault"],
        "warnings": lines["warning"],
        "remarks": lines["remark"],
        "findings": report.findings,
        "recall": {name: {"found": each.found, "of": each.of} for name, each in report.recall.items()},
    }


def _worst(
    root: Path, faults: Sequence[str], warnings: Sequence[str], remarks: Sequence[str], report: LintReport
) -> list[WorstOfTopic]:
    from monitor.topics import worst
    from monitor.topics.lint_context import Severity

    of_files = {Severity.FAULT: faults, Severity.WARNING: warnings, Severity.REMARK: remarks}
    said = [worst.of_line(severity, each, root=root) for severity, found in of_files.items() for each in found]
    return worst.worst([*said, *map(worst.of_finding, report.findings)])


def _show_all(lines: Mapping[str, list[str]]) -> None:
    for severity, each_line in ((name, each) for name, found in lines.items() for each in found):
        base.line(f"{severity}: {each_line}")


def _show_worst(found: Sequence[WorstOfTopic]) -> None:
    for each in found:
        for severity, line in each.lines:
            base.line(f"{severity}: {line}")
        if each.rest:
            base.line(f"{each.topic or 'all topics'}: {each.rest} more, of other kinds: `monitor topics check --all`")


def _show_check(root: Path, shelf: LoadedTopics, lines: Mapping[str, list[str]], report: LintReport) -> None:
    for name, recall in report.recall.items():
        base.line(f"{name}: {recall.found} of {recall.of} seeds would be found from the others")
    counted = ", ".join(f"{len(found)} {name}{'' if len(found) == 1 else 's'}" for name, found in lines.items())
    if not shelf.topics and not lines["fault"]:
        base.line(f"there is nothing in {root} yet: `monitor topics new NAME` makes a topic")
    base.line(f"{len(shelf.topics)} {'topic' if len(shelf.topics) == 1 else 'topics'} can be used; {counted}")


def _lint(settings: Settings, root: Path, shelf: LoadedTopics) -> LintReport:
    """The lint report, with term weights and embeddings of the archive where there is one."""
    from monitor.learning.training import background
    from monitor.matching import embedders
    from monitor.matching.background import Background
    from monitor.matching.tuning import ARCHIVE_ARTICLES, ARCHIVE_CHARACTERS
    from monitor.store import archive
    from monitor.topics import lint

    has_embedder = not embedders.problem(settings.embedding.embedder)
    try:
        with base.opened(settings) as db, db.reading() as session:
            up_to = archive.latest_id(session)
            latest = archive.sample(session, up_to=up_to, limit=ARCHIVE_ARTICLES, characters=ARCHIVE_CHARACTERS)
            weights = background(session)
    except (base.NotFoundError, StoreError):
        return lint.lint(shelf.topics, root=root, background=Background.shipped(), has_embedder=has_embedder)
    known = known_embeddings(settings, shelf.topics, latest)
    return lint.lint(
        shelf.topics,
        root=root,
        background=weights,
        archive=latest,
        to_sentence=seeds_to_sentence(known, shelf.topics),
        embeddings=known,
        has_embedder=has_embedder,
    )


def _unreachable_sensitivities(settings: Settings, shelf: LoadedTopics) -> list[str]:
    """Remarks on sensitivities that cannot be kept, by the archive or the verdicts."""
    from monitor.learning import training
    from monitor.matching import sensitivity

    asking = [each for each in shelf.topics if each.is_enabled and each.sensitivity not in sensitivity.WORDS]
    if not asking:
        return []
    try:
        with base.opened(settings) as db, db.reading() as session:
            notes = {each.name: training.applied_sensitivity(session, each, shelf.topics)[0].note for each in asking}
    except (base.NotFoundError, StoreError):
        return []
    root = settings.seeds.dir
    return [
        f"{root / each.name / 'topic.toml'}: asks for {each.sensitivity}: {notes[each.name]}"
        for each in asking
        if notes[each.name]
    ]


def unknown_channels(settings: Settings, shelf: LoadedTopics) -> list[str]:
    """Warnings for channels that a topic names, and neither the settings nor a file of a channel that was added."""
    from monitor.config import channel_files

    known = {*settings.channels, *channel_files.read(channel_files.folder_of(settings.file)).tables}
    return [
        f'{settings.seeds.dir / topic.name / "topic.toml"}: channel "{name}" is not in the settings: '
        f"add [channels.{name}], or add the channel by page or command, or correct the name; until then no alerts are sent there"
        for topic in shelf.topics
        for name in topic.channels or ()
        if name not in known
    ]
