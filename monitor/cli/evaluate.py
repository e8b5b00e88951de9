"""`monitor evaluate`: precision, recall and calibration of topics, by verdicts or by labels (`evaluation`)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli import lines as files
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from monitor.evaluation.labelled_metrics import LabelFigures, LabelledFigures
    from monitor.evaluation.metrics import TopicFigures, VerdictFigures
    from monitor.matching.reliability import Reliability

_IDS_SHOWN = 5


def evaluate(
    ctx: typer.Context,
    topic: Annotated[str, typer.Option("--topic", "-t", help="Only this topic.")] = "",
    seeds: Annotated[
        Path | None, typer.Option("--seeds", help="With labels: folder of topics; default: that of the settings.")
    ] = None,
    articles: Annotated[
        Path | None, typer.Option("--articles", help="With labels: articles, as for `monitor backtest`.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option("--labels", help='Labels, one {"id", "topic", "relevant"} a line.')
    ] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Count articles without a label as not wanted.")] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw the reliability of percentages: an SVG file.")
    ] = None,
    as_json: base.AsJson = False,
) -> None:
    """How good the topics are: precision, recall, false alerts.

    By the verdicts in the store: precision of judged matches, recall estimated from judged near misses, and how well
    the percentages are calibrated, each with its 95 % interval. With --labels (and --articles, --seeds): the shipped
    matcher over articles that you have labelled; no store is needed.

    \b
    Examples:
      monitor evaluate --plot reliability.svg
      monitor evaluate --seeds seeds --articles news.jsonl --labels labels.jsonl --closed
    """
    cli = base.cli_of(ctx)
    cli.log()
    if (labels is None) != (articles is None):
        raise ConfigError(
            "--labels and --articles belong together: name both, or neither for the verdicts in the store"
        )
    if labels is None and (seeds or closed):
        raise ConfigError("--seeds and --closed are for labels: name --labels and --articles too")
    if labels and articles:
        _by_labels(cli, seeds or cli.settings.seeds.dir, articles, labels, topic, closed, plot, as_json)
    else:
        _by_verdicts(cli, topic, plot, as_json)


def _by_verdicts(cli: base.Cli, topic: str, plot: Path | None, as_json: bool) -> None:
    from monitor.evaluation import metrics
    from monitor.store import topics

    with base.opened(cli.settings) as db, db.reading() as session:
        known = topics.titles(session)
        if topic and topic not in known:
            raise base.no_such("topic", topic, known, hint="`monitor topics` lists them")
        found = metrics.by_verdicts(session, topic=topic)
    reliability = found.topics[0].reliability if topic and found.topics else found.overall.reliability
    _draw(cli, plot, reliability, f"Reliability: {topic}" if topic else "Reliability, topics left out")
    if as_json:
        base.print_json({**asdict(found), "overall": asdict(found.overall)})
    else:
        _show(found, is_one=bool(topic))


def _draw(cli: base.Cli, plot: Path | None, found: Reliability | None, title: str) -> None:
    from monitor.evaluation.plot import reliability_plot

    if plot is None:
        return
    with base.atomic_file(plot) as file:
        file.write(reliability_plot(found, title))
    if str(plot) != "-":
        cli.say(f"plot written to {plot}" + ("" if found else ": not enough judged yet for a point"))


# --- by verdicts ------------------------------------------------------------------------------------------------------


def _show(found: VerdictFigures, *, is_one: bool) -> None:
    if not found.topics:
        base.line("this store has no topics yet")
        return
    columns = (
        "topic",
        ">matches",
        ">judged",
        "precision (95 %)",
        "recall (95 %)",
        ">alerts a day",
        "false a day",
        "calibrated",
    )
    rows = found.topics if is_one else (*found.topics, found.overall)
    base.table(columns, map(_row, rows))
    for each in rows if is_one else (found.overall,):
        show_reliability(each.reliability, "on verdicts left out of the fit" if is_one else "topics left out")
    for each in found.topics:
        for why in dict.fromkeys(filter(None, (each.recall.why_not, each.not_calibrated))):
            base.line(f"{each.topic}: {why}")
    if found.contradicted:
        base.line(
            f"{found.contradicted} texts were confirmed and, as copies, also dismissed: see `monitor matches list --copies`"
        )
    if found.left_out:
        base.line(f"{found.left_out} verdicts were left out: their stored scores are not numbers")


def _row(each: TopicFigures) -> tuple[object, ...]:
    return (
        *(each.topic or "all", each.matches, each.precision.judged),
        share_with_interval(each.precision.share, each.precision.low, each.precision.high),
        share_with_interval(each.recall.value, each.recall.low, each.recall.high)
        if each.recall.value is not None
        else "not enough judged yet",
        f"{each.alerts_a_day:.2f}",
        "-" if each.false_alerts_a_day is None else "{:.2f} ({:.2f}-{:.2f})".format(*each.false_alerts_a_day),
        "not yet" if each.not_calibrated else "yes",
    )


def share_with_interval(share: float | None, low: float, high: float) -> str:
    """A share with its interval; '-' for None."""
    return "-" if share is None else f"{share:.0%} ({low * 100:.0f}-{high:.0%})"


def show_reliability(found: Reliability | None, how: str) -> None:
    """Print the figures of calibration in one line."""
    if found is None:
        base.line(f"percentages ({how}): not enough judged yet")
        return
    base.line(
        f"percentages ({how}): {found.count} verdicts, calibration error {found.error:.3f} "
        f"(by chance alone {found.error_by_chance:.3f}), Brier score {found.brier:.3f} "
        f"(always the base rate: {found.brier_of_base_rate:.3f})"
    )


# --- by labels --------------------------------------------------------------------------------------------------------


def _by_labels(
    cli: base.Cli,
    folder: Path,
    articles: Path,
    labels: Path,
    topic: str,
    closed: bool,
    plot: Path | None,
    as_json: bool,
) -> None:
    from monitor.evaluation import backtest, labelled_metrics
    from monitor.matching.background import Background
    from monitor.matching.matcher import build
    from monitor.topics import seeds as shelves

    if not folder.is_dir():
        wrong = "it is a file" if folder.exists() else "no such folder"
        raise ConfigError(f"{folder}: {wrong}; --seeds names a folder that holds one for each topic")
    shelf = shelves.load(folder)
    for fault in shelf.faults:
        base.complain(f"fault: {fault}")
    topics = [each for each in shelf.topics if each.is_enabled and topic in ("", each.name)]
    if topic and not topics:
        raise base.no_such("topic", topic, (each.name for each in shelf.topics), hint=f"{folder} has no such folder")
    if not topics:
        raise ConfigError(f"{folder}: no topics, so nothing to evaluate; put an article into {folder}/TOPIC/")
    # labels of other topics are valid and only filtered out below
    skipped = files.Skipped(labels)
    with files.opened(labels, "--labels") as lines:
        every = labelled_metrics.read_labels(lines, [each.name for each in shelf.topics], on_bad=skipped)
    skipped.sum_up()
    wanted = {key: said for key, said in every.items() if topic in ("", key[1])}
    if not wanted and not closed:
        raise ConfigError(f"{labels}: no label that can be used, so nothing to evaluate")
    skipped = files.Skipped(articles)
    with base.spinner(cli, "matching"), files.opened(articles, "--articles") as lines:
        found = labelled_metrics.by_labels(
            backtest.read_lines(lines, start_at=cli.now(), on_bad=skipped),
            build(topics, background=Background.shipped()),
            topics,
            wanted,
            is_closed=closed,
        )
    skipped.sum_up()
    _check_unknown_ids(found, articles, labels)
    _draw(cli, plot, found.reliability, "Reliability of matches, topics left out")
    if as_json:
        base.print_json(asdict(found))
    else:
        _show_labelled(found)


def _check_unknown_ids(found: LabelledFigures, articles: Path, labels: Path) -> None:
    """Report labelled ids without an article. Raises ConfigError where no label has one."""
    if not found.articles:
        raise ConfigError(f"{articles}: no article that can be used; it takes a JSON object a line, with id and title")
    if not found.unknown_ids:
        return
    count, first = len(found.unknown_ids), ", ".join(each[:40] for each in found.unknown_ids[:_IDS_SHOWN])
    said = f"of {labels} are not in {articles}: {first}{', …' if count > _IDS_SHOWN else ''}"
    if not found.mean.labelled:
        raise ConfigError(f"all {count:,} ids {said}; an article has the same id in both files")
    base.complain(f"{count:,} {'id' if count == 1 else 'ids'} {said}; their labels are ignored")


def _show_labelled(found: LabelledFigures) -> None:
    columns = (
        "topic",
        ">judged",
        ">wanted",
        ">matches",
        "precision (95 %)",
        "recall (95 %)",
        ">F1",
        ">AP",
        ">false a day",
    )
    base.table(columns, map(_labelled_row, (*found.topics, found.mean)))
    base.line(
        f"{found.articles} articles over {found.days:.1f} days; the last line is the mean over topics with wanted articles"
    )
    if not found.is_closed:
        base.line("only labelled articles are counted; with --closed those without a label count as not wanted")
    show_reliability(found.reliability, "of matches, topics left out")
    show_reliability(found.reliability_near, "from half the threshold on, topics left out")


def _labelled_row(each: LabelFigures) -> tuple[object, ...]:
    return (
        *(each.topic or "mean", each.labelled, each.wanted, each.matches),
        share_with_interval(each.precision, each.precision_low, each.precision_high),
        share_with_interval(each.recall, each.recall_low, each.recall_high),
        *("-" if value is None else f"{value:.3f}" for value in (each.f1, each.average_precision)),
        f"{each.false_alerts_a_day:.2f}",
    )
