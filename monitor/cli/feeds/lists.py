"""`monitor feeds import` and `feeds export`: lists of feeds as OPML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from monitor.feeds.importing import Judged


def import_(
    ctx: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An OPML file; - reads standard input.", show_default=False)
    ],
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Feeds may be on this machine or a private network.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """Add the feeds of an OPML file, as feed readers export them.

    Each outline gets a verdict: added, already there, twice in the file, no feed address, not a feed address, private address.
    Nothing is asked for now: feeds are due at once, and their first polls tell which of them answer. A second import of the same
    file changes nothing.

    \b
    Examples:
      monitor feeds import subscriptions.opml --dry-run
      monitor feeds import subscriptions.opml
    """
    from monitor.feeds import importing
    from monitor.net.addresses import AddressPolicy

    cli = base.cli_of(ctx)
    cli.log()
    document = _read(file)
    usual = cli.settings.schedule.interval_for.total_seconds()
    with base.opened(cli.settings) as db, db.reading() if dry_run else db.writing() as session:
        found = importing.import_feeds(
            session,
            document,
            usual_seconds=usual,
            policy=AddressPolicy(cli.settings.fetch.allow_networks),
            allow_private=allow_private,
            is_dry=dry_run,
            now=cli.now(),
        )
    if found.damage:
        base.complain(found.damage)
    if as_json:
        base.print_json_lines(map(_fields, found.judged))
        return
    for each in found.judged:
        base.line(_words(each))
    base.line(("would be: " if dry_run else "") + importing.counted(found.judged))


def _read(file: Path) -> bytes:
    from monitor.feeds.opml import MAX_BYTES

    try:
        if str(file) == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from error


def _words(judged: Judged) -> str:
    outline = judged.outline
    title = f'"{outline.title}"' if outline.title else "(no title)"
    folder = f" in {outline.folder}" if outline.folder else ""
    name = f" {judged.name}" if judged.name else ""
    why = f": {judged.why}" if judged.why else ""
    return f"line {outline.line}: {judged.verdict}{name}, {title}{folder}{why}"


def _fields(judged: Judged) -> dict[str, object]:
    from monitor.text.secrets import without_keys

    outline = judged.outline
    return {
        "line": outline.line,
        "verdict": judged.verdict.value,
        "name": judged.name or None,
        "title": outline.title,
        "folder": outline.folder or None,
        "url": without_keys(outline.url) or None,
        "why": judged.why or None,
    }


def export(
    ctx: typer.Context,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file; - is standard output.")] = Path("-"),
) -> None:
    """Write the feeds as OPML 2.0, which other feed readers take.

    Removed feeds are left out, and those whose address is a secret or holds one, which stderr names.

    \b
    Example:
      monitor feeds export --out feeds.opml
    """
    from monitor.feeds import importing

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        found = importing.export_feeds(session, now=cli.now())
    with base.atomic_file(out) as stream:
        stream.write(found.document.decode())
    if found.left_out:
        names = ", ".join(found.left_out)
        base.complain(f"left out, as their addresses hold secrets: {names}; add them by hand where they are to go")
    if str(out) != "-":
        cli.say(f"{out}: {found.feeds} {'feed' if found.feeds == 1 else 'feeds'}")
