"""`monitor channels`: the state of channels; pausing and resuming one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.store.channels import ChannelReport
    from monitor.store.db import Session

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.", show_default=False)]


@app.callback()
def channels(ctx: typer.Context) -> None:
    """Channels: list, pause, resume. Without a command: list.

    What they are, with their secrets, stays in the settings file.

    \b
    Examples:
      monitor channels
      monitor channels pause desk
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """List channels with state, last delivery and what waits.

    With --json one a line.

    \b
    Example:
      monitor channels list --json
    """
    from monitor.store import channels as store
    from monitor.store import outbox

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows, counts = store.reports(session), outbox.states_by_channel(session)
    found = [_fields(row, counts.get(row.name, {}), cli.now()) for row in rows]
    if as_json:
        base.print_json_lines(found)
    elif not found:
        base.line("no channels; add a [channels.NAME] section to the settings")
    else:
        columns = ("channel", "kind", "to", "state", "last sent (UTC)", ">waiting", ">held")
        keys = ("name", "kind", "shown", "state", "last_sent_at", "waiting", "held")
        base.table(columns, (tuple(each[key] for key in keys) for each in found))


def _fields(row: ChannelReport, counts: dict[str, int], now: datetime) -> dict[str, object]:
    return {
        "name": row.name,
        "kind": row.kind,
        "shown": row.shown,
        "state": state(row, now),
        "disabled_reason": row.disabled_reason,
        "failures": row.failures,
        "last_sent_at": row.last_sent_at,
        "waiting": counts.get("pending", 0) + counts.get("leased", 0),
        "held": counts.get("held", 0),
        "dead": counts.get("dead", 0),
    }


def state(row: ChannelReport, now: datetime) -> str:
    """The state of a channel in a word."""
    if not row.is_configured:
        return "off"
    if row.by_hand:
        return row.by_hand
    if row.disabled_reason:
        return "disabled"
    return "failing" if row.failures or (row.paused_until_at and row.paused_until_at > now) else "ok"


@app.command()
def pause(ctx: typer.Context, name: Name) -> None:
    """Let a channel's alerts wait, until it is resumed.

    \b
    Example:
      monitor channels pause desk
    """
    from monitor.store import settings

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        _check_name(session, name)
        was_on = settings.pause_channel(session, name)
    base.line(f"{name}: {'its alerts wait now' if was_on else 'was paused already'}; `monitor channels resume {name}`")


@app.command()
def resume(ctx: typer.Context, name: Name) -> None:
    """Send a channel's alerts again, after a pause or a failure.

    What waited longer than delivery.max_age_hours is held; `monitor alerts retry --channel NAME` sends it.

    \b
    Example:
      monitor channels resume desk
    """
    from monitor.config.plan import offer
    from monitor.store import outbox, settings

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        _check_name(session, name)
        was_off = settings.resume_channel(session, name)
        outbox.hold_overdue(session, name, now=cli.now(), max_age_for=cli.settings.delivery.max_age_for)
        held = outbox.states_by_channel(session).get(name, {}).get("held", 0)
    base.line(f"{name}: {'its alerts go out again' if was_off else 'was not paused'}")
    if held:
        base.line(offer(name, held))


def _check_name(session: Session, name: str) -> None:
    """Raise NotFoundError for a channel that is not in force."""
    from monitor.store import channels as store

    known = store.destinations(session)
    if name not in known:
        raise base.no_such("channel", name, known, hint="`monitor channels` lists them")
