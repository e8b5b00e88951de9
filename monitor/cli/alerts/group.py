"""`monitor alerts`: the group, and the list of alerts. Its other commands are beside it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.alerts.by_hand import drop, resend, retry
from monitor.cli.alerts.record import DeliveryFilter, alert_fields, show
from monitor.cli.alerts.testing import test

app = typer.Typer(invoke_without_command=True)


@app.callback()
def alerts(ctx: typer.Context) -> None:
    """Alerts and their deliveries: list, show, retry, resend, drop, test. Without a command: list.

    \b
    Examples:
      monitor alerts list --state dead
      monitor alerts test desk
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[
        DeliveryFilter | None, typer.Option("--state", "-s", help="Only those with a delivery in this state.")
    ] = None,
    topic: Annotated[str, typer.Option("--topic", "-t", help="Only this topic.")] = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 50,
    as_json: base.AsJson = False,
) -> None:
    """List alerts, newest first; with --json one a line.

    A delivery is pending, leased (being sent), sent, summarised (told by a summary), held (its channel is disabled,
    changed or gone), dead (given up) or dropped (by a command).

    \b
    Example:
      monitor alerts list --state held
    """
    from monitor.store import alert_lists

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        rows = alert_lists.latest(session, state=state.value if state else "", topic=topic, limit=limit)
        found = [alert_fields(session, row) for row in rows]
    if as_json:
        base.print_json_lines(found)
    elif not found:
        base.line("no alerts")
    else:
        columns = ("id", "decided (UTC)", "kind", "topics", "title", "deliveries")
        base.table(
            columns,
            (
                (
                    *(each["id"], each["created_at"], each["kind"], ", ".join(each["topics"])),
                    *(each["title"], _delivery_states(each)),
                )
                for each in found
            ),
        )


def _delivery_states(alert: dict[str, Any]) -> str:
    return ", ".join(f"{each['channel']}: {each['state']}" for each in alert["deliveries"]) or "page only"


app.command()(show)
app.command()(retry)
app.command()(resend)
app.command()(drop)
app.command()(test)
