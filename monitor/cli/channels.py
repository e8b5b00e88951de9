"""`monitor channels`: the state of channels; adding, removing, pausing and resuming one."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from monitor.store.channels import ChannelReport
    from monitor.store.db import Session

app = typer.Typer(invoke_without_command=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The channel's name.", show_default=False)]


@app.callback()
def channels(ctx: typer.Context) -> None:
    """Channels: list, add, remove, pause, resume. Without a command: list.

    Those of a settings file are changed there. The secrets of others lie in files beside it, for their owner alone.

    \b
    Examples:
      monitor channels
      monitor channels add newsroom slack
      monitor channels pause newsroom
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
    from monitor.store.outbox import delivery_states

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows, counts = store.reports(session), delivery_states.states_by_channel(session)
    found = [_fields(row, counts.get(row.name, {}), cli.now()) for row in rows]
    if as_json:
        base.print_json_lines(found)
    elif not found:
        base.line("no channels; `monitor channels add` adds one, or a [channels.NAME] section of the settings")
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
def add(
    ctx: typer.Context,
    name: Name,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="slack, slackbot, email or webhook.", show_default=False)],
    said: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Its settings, as in a settings file.", show_default=False),
    ] = None,
) -> None:
    """Add a channel. A running daemon on this machine uses it at once.

    Secrets are asked for; without a terminal they are read from stdin, a line KEY=VALUE each. They go into
    channels/NAME.json beside the settings file, which only its owner can read. Copy it to other nodes that shall send.

    \b
    Examples:
      monitor channels add newsroom slack
      monitor channels add mail email host=smtp.example.org from=monitor@example.org to=desk@example.org
      echo "url=https://hooks.example/…" | monitor channels add hook webhook
    """
    from monitor.alerting import channel_additions
    from monitor.alerting.channels import registry

    cli = base.cli_of(ctx)
    cli.log()
    folder = _folder(cli)
    table = _pairs(kind, said or (), "an argument")
    if secret := next((key for key in table if kind in registry.KINDS and registry.is_secret(kind, key)), None):
        raise ConfigError(
            f"{secret} is a secret and would stay in the history of your shell: leave it out, it is asked for"
        )
    table |= {"kind": kind, **_secrets(kind)}
    with base.opened(cli.settings) as db:
        channel_additions.add(db, folder, name, table, now=cli.now(), max_age_for=cli.settings.delivery.max_age_for)
    base.line(f"{name}: in force; `monitor alerts test {name}` sends a test")


def _secrets(kind: str) -> dict[str, object]:
    """The secrets of a channel of this kind, from who runs the command."""
    from monitor.alerting.channels import registry

    if not sys.stdin.isatty():
        return _pairs(kind, sys.stdin.read().splitlines(), "a line of stdin")
    wanted = [key for key in registry.secret_keys(kind) if (kind, key) != ("slackbot", "url")]
    asked = {key: typer.prompt(f"{key} (Enter for none)", default="", hide_input=True, err=True) for key in wanted}
    return _pairs(kind, (f"{key}={value}" for key, value in asked.items() if value), "")


def _pairs(kind: str, said: Iterable[str], what: str) -> dict[str, object]:
    """KEY=VALUE each; lists and tables as JSON. A fault quotes nothing, as it may be secret."""
    from monitor.alerting.channels import registry

    found: dict[str, object] = {}
    for each in said:
        key, equals, value = each.strip().partition("=")
        if not each.strip():
            continue
        if not equals or "://" in key:  # an address may hold a "=" itself
            mend = "write for example host=smtp.example.org"
            if "://" in each:
                mend = "an address is asked for, or read from stdin as url=https://…"
            raise ConfigError(f"{what} is not KEY=VALUE; {mend}")
        is_json = value.lstrip()[:1] in ("[", "{") and not registry.is_text(kind, key.strip())
        try:
            found[key.strip()] = json.loads(value) if is_json else value.strip()
        except (ValueError, RecursionError):
            raise ConfigError(f"{key.strip()} is not JSON; check its quotes and brackets") from None
    return found


@app.command()
def remove(ctx: typer.Context, name: Name) -> None:
    """Remove a channel that was added by command or page, and its secrets here.

    What waits to be sent by it is held.

    \b
    Example:
      monitor channels remove newsroom
    """
    from monitor.alerting import channel_additions

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        with db.reading() as session:
            _check_name(session, name)
        channel_additions.remove(db, _folder(cli), name)
    base.line(f"{name}: removed; what waited for it is held")


def _folder(cli: base.Cli) -> Path:
    from monitor.config import channel_files

    folder = channel_files.folder_of(cli.settings.file)
    assert folder is not None, "commands read their settings from a file, or look for one"
    return folder


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
    from monitor.store import settings
    from monitor.store.outbox import delivery_queue, delivery_states

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.writing() as session:
        _check_name(session, name)
        was_off = settings.resume_channel(session, name)
        delivery_queue.hold_overdue(session, name, now=cli.now(), max_age_for=cli.settings.delivery.max_age_for)
        held = delivery_states.states_by_channel(session).get(name, {}).get("held", 0)
    base.line(f"{name}: {'its alerts go out again' if was_off else 'was not paused'}")
    if held:
        base.line(offer(name, held))


def _check_name(session: Session, name: str) -> None:
    """Raise NotFoundError for a channel that is not in force."""
    from monitor.store import channels as store

    known = store.destinations(session)
    if name not in known:
        raise base.no_such("channel", name, known, hint="`monitor channels` lists them")
