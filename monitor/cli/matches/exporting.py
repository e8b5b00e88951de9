"""`monitor matches export`: matches as JSON lines or CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.matches.options import FeedOption, InState, OfTopic, Since, Words, query_of


class Format(StrEnum):
    """Format of an export."""

    JSONL = "jsonl"
    CSV = "csv"


def export(
    ctx: typer.Context,
    format: Annotated[Format, typer.Option("--format", "-f", help="JSON lines or CSV.")] = Format.JSONL,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; - is stdout.")] = Path("-"),
    topic: OfTopic = "",
    state: InState = None,
    search: Words = "",
    since: Since = "",
    source: FeedOption = "",
) -> None:
    """Export matches as JSON lines or CSV.

    Each with evidence and verdict. CSV cells that a spreadsheet would run as a formula get a ' in front.

    \b
    Example:
      monitor matches export --format csv --state confirmed --out confirmed.csv
    """
    from monitor.review import matches as review

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session, base.progress(cli) as bar:
        query = query_of(db, topic, state, search, since, source)
        total = review.list_matches(session, query).total
        rows = bar.track(review.export(session, query), total=total, description="exporting")
        with base.atomic_file(out) as file:
            write = _write_csv if format is Format.CSV else _write_lines
            write(file, rows)
    if str(out) != "-":
        cli.say(f"{total} matches written to {out}")


def _write_lines(file: IO[str], rows: Iterable[Mapping[str, Any]]) -> None:
    file.writelines(f"{base.as_json(row)}\n" for row in rows)


def _write_csv(file: IO[str], rows: Iterable[Mapping[str, Any]]) -> None:
    from monitor.review import exports

    file.writelines(exports.csv_lines(rows))
