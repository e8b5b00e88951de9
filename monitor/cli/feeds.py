"""`monitor feeds`: the state of feeds, and resuming a paused one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.store.db import Session
    from monitor.store.feeds import FeedReport

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name.", show_default=False)]


@app.callback()
def feeds(ctx: typer.Context) -> None:
    """Feeds: list, show, resume. Without a command: list.

    \b
    Examples:
      monitor feeds
      monitor feeds resume bbc-asia
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """List feeds with state, last success, next poll and error.

    With --json one a line.

    \b
    Example:
      monitor feeds list --json
    """
    from monitor.store import feeds as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows = store.reports(session)
    if as_json:
        base.print_json_lines(map(_fields, rows))
    elif not rows:
        base.line("no feeds; add a [feeds.NAME] section to the settings")
    else:
        columns = ("feed", "state", "last success (UTC)", "next poll (UTC)", "error")
        base.table(
            columns,
            (
                (row.name, state(row), row.last_success_at, _next_poll_at(row), row.error if row.failures else "")
                for row in rows
            ),
        )


@app.command()
def show(ctx: typer.Context, name: Name, as_json: base.AsJson = False) -> None:
    """Show everything stored about one feed.

    \b
    Example:
      monitor feeds show bbc-asia
    """
    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        row = _found(session, name)
    if as_json:
        base.print_json(_fields(row))
        return
    share = f"{row.polls} ({row.polls_not_modified} answered: not modified)"
    base.facts(
        [
            ("feed", row.name),
            ("title", row.title),
            ("url", row.url),
            ("site", row.site_url),
            ("state", state(row)),
            ("paused", row.paused_reason),
            ("last answer", row.outcome),
            ("error", row.error),
            ("failures in a row", row.failures),
            ("failing since (UTC)", row.failing_since_at),
            ("last polled (UTC)", row.last_polled_at),
            ("last success (UTC)", row.last_success_at),
            ("next poll (UTC)", _next_poll_at(row)),
            ("interval", f"{row.interval_seconds / 60:g} minutes"),
            ("polls", share),
            ("language", row.language),
            ("first poll", f"{row.first_poll} {row.first_poll_latest or ''}".strip()),
            ("moving to", row.permanent_url),
        ]
    )


@app.command()
def resume(ctx: typer.Context, name: Name) -> None:
    """Poll a paused feed again: it is due at once.

    \b
    Example:
      monitor feeds resume bbc-asia
    """
    from monitor.store import feeds as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        row = _found(session, name)
        store.resume(session, name, now=cli.now())
    base.line(f"{name}: {'no longer paused' if row.paused_reason else 'was not paused'}, due now")
    if not row.is_enabled:
        cli.say(f"but the settings switch it off: remove enabled = false from [feeds.{name}]")


def _found(session: Session, name: str) -> FeedReport:
    from monitor.store import feeds as store

    row = store.report(session, name)
    if row is None:
        known = (each.name for each in store.reports(session))
        raise base.no_such("feed", name, known, hint="`monitor feeds` lists them")
    return row


def state(row: FeedReport) -> str:
    """The state of a feed in a word or two."""
    if not row.is_enabled:
        return "off"
    if row.paused_reason:
        return "paused"
    if row.failures:
        return f"failing ({row.failures})"
    return "ok" if row.last_success_at else "not polled yet"


def _next_poll_at(row: FeedReport) -> datetime | None:
    return row.next_poll_at if row.is_enabled and not row.paused_reason else None


def _fields(row: FeedReport) -> dict[str, object]:
    return {
        "name": row.name,
        "url": row.url,
        "title": row.title,
        "state": state(row).split(" (")[0],
        "is_enabled": row.is_enabled,
        "paused_reason": row.paused_reason,
        "outcome": row.outcome,
        "error": row.error,
        "failures": row.failures,
        "failing_since_at": row.failing_since_at,
        "first_polled_at": row.first_polled_at,
        "last_polled_at": row.last_polled_at,
        "last_success_at": row.last_success_at,
        "next_poll_at": _next_poll_at(row),
        "interval_seconds": row.interval_seconds,
        "polls": row.polls,
        "polls_not_modified": row.polls_not_modified,
        "language": row.language,
    }
