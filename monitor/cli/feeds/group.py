"""`monitor feeds`: the state of feeds; pausing, resuming, removing and polling them. Adding and testing: `adding`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.feeds.adding import add, probe
from monitor.cli.feeds.lists import export, import_
from monitor.types.errors import AlreadyRunningError, MonitorError
from monitor.types.plans import FROM_FILE, REMOVED

if TYPE_CHECKING:
    from monitor.store.db import Session
    from monitor.store.feeds.feed_reports import FeedReport

app = typer.Typer(invoke_without_command=True)
app.command()(add)
app.command("test")(probe)
app.command("import")(import_)
app.command()(export)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name.", show_default=False)]


@app.callback()
def feeds(ctx: typer.Context) -> None:
    """Feeds: list, show, add, test, pause, resume, remove, poll, import, export. Without a command: list.

    What these commands change stands until the feed's own entry in the settings file changes.

    \b
    Examples:
      monitor feeds
      monitor feeds add herald.example --name herald
      monitor feeds test herald
      monitor feeds pause bbc-asia
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Also those that were removed.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """List feeds with state, last success, next poll and error.

    With --json one a line.

    \b
    Example:
      monitor feeds list --json
    """
    from monitor.store.feeds import feed_reports

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows = [row for row in feed_reports.of_all(session) if all_ or row.by_hand != REMOVED]
    if as_json:
        base.print_json_lines(map(_fields, rows))
    elif not rows:
        base.line("no feeds; add a [feeds.NAME] section to the settings, or `monitor feeds add ADDRESS`")
    else:
        columns = ("feed", "state", "last success (UTC)", "next poll (UTC)", "error")
        base.table(
            columns,
            ((row.name, state(row), row.last_success_at, _next_poll_at(row), _what_is_wrong(row)) for row in rows),
        )


@app.command()
def show(ctx: typer.Context, name: Name, as_json: base.AsJson = False) -> None:
    """Show everything stored about one feed.

    \b
    Example:
      monitor feeds show bbc-asia
    """
    from monitor.alerting import silence_notices

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        row = found(session, name)
    if as_json:
        base.print_json(_fields(row))
        return
    usual = silence_notices.usual_words(row.watch.per_day) if row.watch.per_day else None
    share = f"{row.polls} ({row.polls_not_modified} answered: not modified)"
    base.facts(
        [
            ("feed", row.name),
            ("title", row.title),
            ("publisher", row.publisher),
            ("url", row.shown_url),
            ("site", row.site_url),
            ("state", state(row)),
            ("set by", "the settings file" if row.origin == FROM_FILE else "a command"),
            ("paused", row.paused_reason),
            ("last answer", row.outcome),
            ("error", row.error),
            ("of its document", row.notes),
            ("failures in a row", row.failures),
            ("failing since (UTC)", row.failing_since_at),
            ("last polled (UTC)", row.last_polled_at),
            ("last success (UTC)", row.last_success_at),
            ("next poll (UTC)", _next_poll_at(row)),
            ("last new entry (UTC)", row.watch.last_entry_at),
            ("usually brings", usual),
            ("silent", silence_notices.describe(row.watch)),
            ("interval", f"{row.interval_seconds / 60:g} minutes"),
            ("polls", share),
            ("language", row.language),
            ("first poll", f"{row.first_poll} {row.first_poll_latest or ''}".strip()),
            ("moving to", row.shown_permanent_url),
        ]
    )


@app.command()
def pause(ctx: typer.Context, name: Name) -> None:
    """Poll a feed no more, until it is resumed.

    \b
    Example:
      monitor feeds pause bbc-asia
    """
    from monitor.store import settings as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        found(session, name)
        was_on = store.pause_feed(session, name)
    base.line(f"{name}: {'paused' if was_on else 'was off already'}; `monitor feeds resume {name}` polls it")


@app.command()
def resume(ctx: typer.Context, name: Name) -> None:
    """Poll a feed again that is paused, off or removed: it is due at once.

    \b
    Example:
      monitor feeds resume bbc-asia
    """
    from monitor.store import settings as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        found(session, name)
        was_off = store.resume_feed(session, name, now=cli.now())
    base.line(f"{name}: {'no longer paused' if was_off else 'was not paused'}, due now")


@app.command()
def remove(ctx: typer.Context, name: Name) -> None:
    """Poll a feed no more and list it no longer. Its articles stay.

    One of the settings file stays removed until its entry there changes; `monitor feeds resume` brings it back.

    \b
    Example:
      monitor feeds remove bbc-asia
    """
    from monitor.store import settings as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        row = found(session, name)
        was_there = store.remove_feed(session, name)
    base.line(f"{name}: {'removed' if was_there else 'was removed already'}; `monitor feeds resume {name}` undoes it")
    if row.origin == FROM_FILE and was_there:
        cli.say(
            f"[feeds.{name}] is still in a settings file: remove it there too, or nothing but a change of it counts"
        )


@app.command()
def poll(ctx: typer.Context, name: Name, as_json: base.AsJson = False) -> None:
    """Poll a feed now: by the daemon where one runs, else by this command.

    One that is paused, off or removed is not polled: resume it first. Ends with 1 where the poll fails.

    \b
    Example:
      monitor feeds poll bbc-asia
    """
    from monitor.cli import rounds
    from monitor.store import settings as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        found(session, name)
        if not store.poll_now(session, name, now=cli.now()):
            raise MonitorError(f"{name} is not polled; `monitor feeds resume {name}` polls it")
    try:
        rounds.poll(ctx, [name], as_json)
    except AlreadyRunningError:
        if as_json:
            base.print_json_lines([{"feed": name, "status": "due"}])
        else:
            base.line(f"{name}: due now, the daemon polls it; `monitor feeds show {name}` says what came of it")


def found(session: Session, name: str) -> FeedReport:
    """The feed of this name. Raises NotFoundError with what may be meant."""
    from monitor.store.feeds import feed_reports

    row = feed_reports.find(session, name)
    if row is None:
        known = (each.name for each in feed_reports.of_all(session))
        raise base.no_such("feed", name, known, hint="`monitor feeds` lists them")
    return row


def state(row: FeedReport) -> str:
    """The state of a feed in a word or two."""
    if not row.is_enabled:
        return row.by_hand or "off"
    if row.paused_reason:
        return "paused"
    if row.failures:
        return f"failing ({row.failures})"
    if row.watch.silence:
        return row.watch.silence.value
    return "ok" if row.last_success_at else "not polled yet"


def _what_is_wrong(row: FeedReport) -> str | None:
    if row.failures or not row.watch.silence:
        return row.error if row.failures else ""
    from monitor.alerting import silence_notices

    return silence_notices.describe(row.watch)


def _next_poll_at(row: FeedReport) -> datetime | None:
    return row.next_poll_at if row.is_enabled and not row.paused_reason else None


def _fields(row: FeedReport) -> dict[str, object]:
    return {
        "name": row.name,
        "url": row.shown_url,
        "title": row.title,
        "publisher": row.publisher or None,
        "state": state(row).split(" (")[0],
        "is_enabled": row.is_enabled,
        "origin": row.origin,
        "paused_reason": row.paused_reason,
        "outcome": row.outcome,
        "error": row.error,
        "notes": row.notes or None,
        "failures": row.failures,
        "failing_since_at": row.failing_since_at,
        "first_polled_at": row.first_polled_at,
        "last_polled_at": row.last_polled_at,
        "last_success_at": row.last_success_at,
        "next_poll_at": _next_poll_at(row),
        "last_entry_at": row.watch.last_entry_at,
        "entries_per_day": row.watch.per_day,
        "silence": row.watch.silence,
        "silent_since_at": row.watch.silence_changed_at if row.watch.silence else None,
        "interval_seconds": row.interval_seconds,
        "polls": row.polls,
        "polls_not_modified": row.polls_not_modified,
        "language": row.language,
    }
