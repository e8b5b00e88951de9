"""`monitor feeds`: the state of feeds; adding, pausing, resuming and removing them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.types.errors import ConfigError
from monitor.types.plans import FROM_FILE, REMOVED

if TYPE_CHECKING:
    from monitor.store.db import Session
    from monitor.store.feeds import FeedReport

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The feed's name.", show_default=False)]


@app.callback()
def feeds(ctx: typer.Context) -> None:
    """Feeds: list, show, add, pause, resume, remove. Without a command: list.

    What these commands change stands until the feed's own entry in the settings file changes.

    \b
    Examples:
      monitor feeds
      monitor feeds add https://herald.example/rss.xml --name herald
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
    from monitor.store import feeds as store

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows = [row for row in store.reports(session) if all_ or row.by_hand != REMOVED]
    if as_json:
        base.print_json_lines(map(_fields, rows))
    elif not rows:
        base.line("no feeds; add a [feeds.NAME] section to the settings, or `monitor feeds add URL`")
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
        row = _found(session, name)
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
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The address of the feed itself.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="Its name; default: made of its host.")] = "",
    title: Annotated[str, typer.Option("--title", help="Its title in alerts and pages; default: its own.")] = "",
    interval: Annotated[
        float | None, typer.Option("--interval", help="Minutes between two polls; default: as all feeds.")
    ] = None,
    first_poll: Annotated[
        str, typer.Option("--first-poll", help="baseline, all or 'latest 5': which entries of the first poll are news.")
    ] = "baseline",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="It may be on this machine or a private network.")
    ] = False,
    is_secret: Annotated[
        bool,
        typer.Option(
            "--secret", help="Its address is never shown: no page, command, log or notice names more than its host."
        ),
    ] = False,
) -> None:
    """Add a feed, beside those of the settings file. It is due at once.

    A feed that was removed comes back with its history when it is added under its name.

    \b
    Examples:
      monitor feeds add https://herald.example/rss.xml
      monitor feeds add https://herald.example/rss.xml --name herald --interval 30
    """
    from monitor.config.load import feed_by_command
    from monitor.config.plan import feed_entry
    from monitor.store import settings as store

    cli = base.cli_of(ctx)
    cli.log()
    usual = cli.settings.schedule.interval_for.total_seconds()
    values = {"url": url, "title": title or None, "interval_minutes": interval, "first_poll": first_poll}
    with base.opened(cli.settings) as db, db.writing() as session:
        feed = feed_by_command(name or "new", {**values, "allow_private": allow_private})
        chosen = _new_name(session, name, feed.url)
        store.add_feed(session, feed_entry(chosen, feed, usual_seconds=usual, is_secret=is_secret), now=cli.now())
    base.line(f"{chosen}: added, due now; `monitor feeds remove {chosen}` undoes it")


def _new_name(session: Session, name: str, url: str) -> str:
    """The name to add a feed under. Raises ConfigError where another feed has the name or the address already."""
    from monitor.config.plan import feed_name
    from monitor.store import settings as store

    rows = [row for row in store.rows(session) if row.kind == "feed" and not row.is_dropped]
    same = next((row.name for row in rows if _page(row.values["url"]) == _page(url)), "")
    if same:
        raise ConfigError(f"the feed {same} has this address already; `monitor feeds show {same}`")
    taken = {row.name for row in rows}
    if name in taken:
        raise ConfigError(f"there is a feed {name} already; choose another --name, or `monitor feeds resume {name}`")
    return name or feed_name(url, taken)


def _page(url: str) -> str:
    """An address as two feeds must not share it: http or https, with or without a final slash."""
    return url.partition("://")[2].rstrip("/")


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
        _found(session, name)
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
        _found(session, name)
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
        row = _found(session, name)
        was_there = store.remove_feed(session, name)
    base.line(f"{name}: {'removed' if was_there else 'was removed already'}; `monitor feeds resume {name}` undoes it")
    if row.origin == FROM_FILE and was_there:
        cli.say(
            f"[feeds.{name}] is still in a settings file: remove it there too, or nothing but a change of it counts"
        )


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
