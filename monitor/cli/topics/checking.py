"""`monitor topics check`: what is wrong with the seeds, the worst of each topic first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.models import known_embeddings, seeds_to_sentence
from monitor.topics import seeds
from monitor.topics.seeds import LoadedTopics
from monitor.types.errors import StoreError

if TYPE_CHECKING:
    from monitor.config.settings import Settings
    from monitor.topics.lint import LintReport
    from monitor.topics.lint_context import LintFinding
    from monitor.topics.worst import WorstOfTopic


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
