"""What a person says of the articles of a trial: a seed, a counter-seed, or a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from monitor.cli import backtest, base
from monitor.cli.topics.trial_folder import is_topic
from monitor.text.tokens import some_of
from monitor.types.errors import MonitorError, StoreError

if TYPE_CHECKING:
    from monitor.evaluation.trial import Trial
    from monitor.types.matching import Article


def parse_labels(confirm: str, dismiss: str) -> dict[str, bool]:
    """The given ids, each with whether it is wanted. Raises BadParameter for an id that is both."""
    wanted, unwanted = ([each.strip() for each in ids.split(",") if each.strip()] for ids in (confirm, dismiss))
    if (confirm and not wanted) or (dismiss and not unwanted):
        raise typer.BadParameter("--confirm and --dismiss take articles' ids: --confirm 4711,4720")
    if both := set(wanted) & set(unwanted):
        raise typer.BadParameter(f"{', '.join(sorted(both))} is confirmed and dismissed at once")
    return dict.fromkeys(wanted, True) | dict.fromkeys(unwanted, False)


def label_all(cli: base.Cli, folder: Path, articles: Path | None, labels: Mapping[str, bool]) -> None:
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


def ask_about(cli: base.Cli, folder: Path, articles: Path | None, trial: Trial) -> None:
    """Ask about each of the nearest articles: yes, no, skip or quit."""
    doubtful = [*trial.above, *trial.below]
    if not doubtful or not is_topic(folder):
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
        label_all(cli, folder, articles, labels)
        cli.say("run it again to see what that changed")
