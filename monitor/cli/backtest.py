"""`monitor backtest`: the command-line front of `monitor.evaluation.backtest`, and what `topics try` and `diff` share with it."""

from __future__ import annotations

import gc
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli import lines as files
from monitor.cli.models import load_topics, multilingual, store
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from rich.progress import Progress

    from monitor.evaluation.backtest import Line
    from monitor.learning.multilingual import Multilingual
    from monitor.store.db import Database
    from monitor.topics.seeds import LoadedTopics


Since = Annotated[
    str, typer.Option("--since", help="Only articles that arrived since: 2026-11-22, 24h, 7d.", show_default=False)
]
Until = Annotated[str, typer.Option("--until", help="Only articles that arrived before that.", show_default=False)]


def backtest(
    ctx: typer.Context,
    seeds: Annotated[
        Path | None,
        typer.Option("--seeds", help="Folder of topics; default: the topics in force.", show_default=False),
    ] = None,
    articles: Annotated[
        Path | None, typer.Option("--articles", help="Articles, one JSON object a line; default: those of the store.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="File for answers, one JSON object a line; - is stdout.")
    ] = Path("-"),
    all_scores: Annotated[
        bool, typer.Option("--all-scores", help="Every topic's score, not only those that matched.")
    ] = False,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="File that keeps embeddings between runs; made if missing.", show_default=False),
    ] = None,
    since: Since = "",
    until: Until = "",
) -> None:
    """Run topics over articles as if they had just arrived.

    In order, with the daemon's own matching, deduplication and alerting policy. Nothing is stored and no alert is sent.
    A line of --articles has id and title, optionally url, summary, text, published (ISO 8601), language, source; a bad
    line is reported with its number and skipped. Faults in the seeds are reported; the other topics run.

    \b
    Examples:
      monitor backtest --seeds seeds --articles news.jsonl --out answers.jsonl --all-scores
      monitor backtest --articles news.jsonl | jq 'select(.alert != [])'
    """
    cli = base.cli_of(ctx)
    cli.log()
    check_folder(seeds)
    shelf = _topics(cli, seeds)
    check_file(articles)
    window = parse_window(since, until)
    if articles and out.exists() and out.samefile(articles):
        raise ConfigError(f"{out}: --out would overwrite --articles; choose another place for --out")

    # Thousands of articles make few cycles, and the default collector takes a twentieth of the time.
    gc.set_threshold(50_000, 20, 100)
    with ExitStack() as open_until_done:
        bar = open_until_done.enter_context(base.progress(cli))
        lines = open_until_done.enter_context(open_articles(cli, articles, bar, *window))
        file = open_until_done.enter_context(base.atomic_file(out))
        tally = Counter[str]()
        started = time.monotonic()
        answers = open_until_done.enter_context(_answers(cli, shelf, lines, all_scores, vectors))
        for answer in _count(answers, tally):
            file.write(json.dumps(answer) + "\n")
        took = time.monotonic() - started
    if not articles:
        warn_of_verdicts(cli)
    cli.say(
        f"{tally['articles']} articles, {tally['articles'] / max(took, 1e-9):.0f} articles/s, "
        f"{tally['matched']} matched, {tally['copies']} copies, {tally['alerts']} alerts"
    )


def check_folder(folder: Path | None) -> None:
    """Check --seeds. Raises ConfigError where it names no folder."""
    if folder and not folder.is_dir():
        wrong = "it is a file" if folder.exists() else "no such folder"
        raise ConfigError(f"{folder}: {wrong}; --seeds names a folder that holds one for each topic")


def _topics(cli: base.Cli, folder: Path | None) -> LoadedTopics:
    """The topics of --seeds, else those in force; faults are reported. Raises ConfigError where there is neither."""
    from monitor.topics import seeds

    shelf = seeds.load(folder) if folder else load_topics(cli)
    if not (folder or shelf.topics):
        check_folder(cli.settings.seeds.dir)
    for fault in shelf.faults:
        base.complain(f"fault: {fault}")
    if not shelf.topics:
        base.complain(f"no topics in {folder or cli.settings.seeds.dir}: nothing can match")
    return shelf


def check_file(articles: Path | None) -> None:
    """Check --articles. Raises ConfigError where it names no file."""
    if articles:
        files.check(articles, "--articles")


def parse_window(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """The period that --since and --until name. Raises BadParameter."""
    window = base.parse_moment(since) if since else None, base.parse_moment(until) if until else None
    if window[0] and window[1] and window[0] >= window[1]:
        raise typer.BadParameter("--since must lie before --until")
    return window


@contextmanager
def open_articles(
    cli: base.Cli,
    articles: Path | None,
    bar: Progress,
    since_at: datetime | None = None,
    until_at: datetime | None = None,
) -> Iterator[Iterable[Line]]:
    """The articles of --articles, else those of the store, within the period."""
    from monitor.evaluation import backtest as work

    with file_articles(articles, bar) if articles else _store_articles(cli, bar) as lines:
        yield work.arrived_within(lines, since_at=since_at, until_at=until_at)


@contextmanager
def _answers(
    cli: base.Cli, shelf: LoadedTopics, lines: Iterable[Line], all_scores: bool, vectors: Path | None
) -> Iterator[Iterator[dict[str, Any]]]:
    from monitor.evaluation import backtest as work
    from monitor.matching.background import Background
    from monitor.matching.matcher import build

    matcher = build(shelf.topics, background=Background.shipped())
    with ExitStack() as until_done:
        across, db = open_multilingual(cli, until_done, vectors)
        yield work.run(lines, matcher, shelf.topics, all_scores=all_scores, across=across, vectors_in=db)


def open_multilingual(
    cli: base.Cli, until_done: ExitStack, kept_in: Path | None = None
) -> tuple[Multilingual | None, Database | None]:
    """The matching by meaning and the store with its embeddings; (None, None) without embedder or valid settings. New
    embeddings are kept in the file `kept_in`, if any."""
    try:
        settings = cli.settings
    except ConfigError:
        return None, None
    across = until_done.enter_context(multilingual(settings))
    if across and kept_in:
        from monitor.learning.kept_vectors import KeptVectors
        from monitor.store import vectors

        file, embedder = vectors.open_file(kept_in), across.embedding.id
        until_done.callback(file.close)
        across.embedding.ask_through(lambda backend: KeptVectors(file, embedder, backend))
    return across, until_done.enter_context(store(settings)) if across else None


def warn_of_verdicts(cli: base.Cli) -> None:
    """Say, where the store has verdicts, why the answers differ from the daemon's and have no percentages."""
    from monitor.store import verdicts

    with base.opened(cli.settings) as db, db.reading() as session:
        if verdicts.latest_id(session):
            cli.say(
                "verdicts do not count here (they came after the articles): topics are built from seeds alone, no percentages"
            )


def _count(answers: Iterable[dict[str, Any]], tally: Counter[str]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        tally["articles"] += 1
        tally["matched"] += any(each["matched"] for each in answer["topics"])
        tally["copies"] += answer["kind"] == "copy"
        tally["alerts"] += len(answer["alert"])
        yield answer


@contextmanager
def file_articles(path: Path, bar: Progress, *, is_reported: bool = True) -> Iterator[Iterable[Line]]:
    """The file's articles; bad lines are reported on stderr where `is_reported`."""
    from monitor.evaluation import backtest as work

    task = bar.add_task("reading", total=path.stat().st_size or None)
    bar.columns = tuple(each for each in bar.columns if type(each).__name__ != "MofNCompleteColumn")
    skipped = files.Skipped(path, is_reported=is_reported)
    with files.opened(path, "--articles", on_read=lambda size: bar.advance(task, size)) as lines:
        yield work.read_lines(lines, start_at=datetime.now(UTC), on_bad=skipped)
    skipped.sum_up()


@contextmanager
def _store_articles(cli: base.Cli, bar: Progress) -> Iterator[Iterable[Line]]:
    with base.opened(cli.settings) as db, db.reading() as session:
        from monitor.evaluation import backtest as work
        from monitor.store.figures import whole_store

        total = whole_store.count_articles(session)
        yield bar.track(work.archived_lines(session), total=total, description="matching")
