"""`monitor alerts`: alerts with their deliveries and attempts; retry, resend and drop deliveries, send a test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.rounds import send_due
from monitor.types.errors import AlreadyRunningError, MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.alerting.channels.base import Channel
    from monitor.store.alert_lists import StoredAlert
    from monitor.store.db import Database, Session

app = typer.Typer(invoke_without_command=True)

_WAIT_SECONDS = 15.0
"""How long `alerts test` waits for the running daemon to deliver."""


class DeliveryFilter(StrEnum):
    """State of a delivery."""

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    SUMMARISED = "summarised"
    HELD = "held"
    DEAD = "dead"
    DROPPED = "dropped"


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
        found = [_fields(session, row) for row in rows]
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


def _fields(session: Session, row: StoredAlert) -> dict[str, Any]:
    from monitor.review.alerts import deliveries_of

    return {
        "id": row.id,
        "created_at": row.created_at,
        "kind": row.kind,
        "topic": row.topic,
        "topics": list(row.topics),
        "decisions": dict(row.decisions),
        "story_id": row.story_id,
        "article_id": row.article_id,
        "title": row.title,
        "deliveries": deliveries_of(session, row.id),
    }


def _delivery_states(alert: dict[str, Any]) -> str:
    return ", ".join(f"{each['channel']}: {each['state']}" for each in alert["deliveries"]) or "page only"


@app.command()
def show(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or how it begins.", show_default=False)],
    as_json: base.AsJson = False,
) -> None:
    """Show one alert, its deliveries and every attempt.

    \b
    Example:
      monitor alerts show alt_3f9c
    """
    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        row = _find_alert(session, id)
        found = {**_fields(session, row), "alert": row.payload}
    if as_json:
        base.print_json(found)
        return
    payload = row.payload
    base.facts(
        [
            ("alert", row.id),
            ("kind", row.kind),
            ("decided (UTC)", row.created_at),
            ("topics", row.topics),
            ("title", row.title),
            ("says", payload.get("body")),
            ("url", (payload.get("article") or {}).get("url")),
            ("also carried by", payload.get("also_carried_by")),
            ("page", payload.get("review_url")),
        ]
    )
    if told := payload.get("entries"):
        base.heading(f"It tells {len(told)} {'story' if len(told) == 1 else 'stories'}")
        base.table(
            ("topics", "title", "source", "alerts"),
            ((*(each.get(name) for name in ("topics", "title", "source")), each.get("alert_ids")) for each in told),
        )
    show_deliveries(found["deliveries"])
    if row.article_id:
        base.line(f"The whole record: monitor explain {row.article_id}")


def show_deliveries(deliveries: Sequence[dict[str, Any]]) -> None:
    """Print deliveries with their attempts."""
    if not deliveries:
        base.line("on the review page only: no channel was set")
    for each in deliveries:
        due = f", due {base.when(each['next_at'])} UTC" if each["next_at"] else ""
        base.heading(f"{each['channel']}: {each['state']}{due}")
        if each["state"] != DeliveryFilter.SENT and each["detail"]:
            base.line(f"  {each['detail']}")
        for one in each["recipients"]:
            said = f": {one['detail']}" if one["state"] != "taken" and one["detail"] else ""
            base.line(f"  {one['name']}: {one['state']}, {base.when(one['at'])} UTC{said}")
        for number, one in enumerate(each["tries"], 1):
            base.line(f"  attempt {number}: {base.when(one['started_at'])} UTC {one['result']} {one['code']}")


Id = Annotated[str, typer.Argument(metavar="ID", help="An alert's id; without it, all.", show_default=False)]


@app.command()
def retry(
    ctx: typer.Context,
    id: Id = "",
    channel: Annotated[str, typer.Option("--channel", help="Only deliveries to this channel.")] = "",
    since: Annotated[
        str, typer.Option("--since", help="Only alerts decided since: 2026-11-22, 24h, 7d.", show_default=False)
    ] = "",
) -> None:
    """Send held, dead and refused deliveries again, and those that single recipients missed.

    They are queued again for the current addresses of their channels, and these channels are enabled. Recipients who
    have an alert do not get it again.

    \b
    Examples:
      monitor alerts retry --since 24h
      monitor alerts retry alt_3f9c --channel desk
    """
    from monitor.store.outbox import by_hand

    cli = base.cli_of(ctx)
    cli.log()
    since_at = base.parse_moment(since) if since else None
    targets = _targets(cli, channel)
    with base.opened(cli.settings) as db, db.writing() as session:
        alert_id = _find_alert(session, id).id if id else None
        # one that a summary tells is sent by that summary
        asked = [alert_id, *by_hand.summaries_of(session, alert_id)] if alert_id else [None]
        stuck = {name for each in asked for name in by_hand.stuck_channels(session, each)}
        wanted = {name: to for name, to in targets.items() if name in stuck and channel in ("", name)}
        count = sum(
            by_hand.retry(session, now=cli.now(), destinations=wanted, alert_id=each, since_at=since_at)
            for each in asked
        )
    where = f" on {', '.join(wanted)}" if wanted else ""
    base.line(f"{count} {'delivery is' if count == 1 else 'deliveries are'} due again{where}")
    if alert_id and count == 0:
        cli.say("nothing of it is held, given up or refused; `monitor alerts resend` sends again what was sent")
    if lost := stuck - targets.keys():
        cli.say(f"not on {', '.join(sorted(lost))}: not in these settings")


@app.command()
def resend(
    ctx: typer.Context,
    id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, or how it begins.", show_default=False)],
    channel: Annotated[str, typer.Option("--channel", help="Only through this channel.")] = "",
) -> None:
    """Send an alert again that was sent before.

    It goes to all its channels and recipients, whether they have it or not, under the same id and Message-ID: a
    receiver that drops what it knows by these drops it. Where its channel has a budget that is spent, it goes with the
    next summary.

    \b
    Example:
      monitor alerts resend alt_3f9c --channel desk
    """
    from monitor.store.outbox import by_hand

    cli = base.cli_of(ctx)
    cli.log()
    wanted = {name: to for name, to in _targets(cli, channel).items() if channel in ("", name)}
    with base.opened(cli.settings) as db, db.writing() as session:
        alert_id = _find_alert(session, id).id
        queued = by_hand.resend(session, alert_id, now=cli.now(), destinations=wanted)
    base.line(
        f"it is due again on {', '.join(queued)}" if queued else "nothing to send: it waits already, or had no channel"
    )


@app.command()
def drop(
    ctx: typer.Context,
    id: Id = "",
    channel: Annotated[str, typer.Option("--channel", help="Only deliveries to this channel.")] = "",
    older_than: Annotated[
        str, typer.Option("--older-than", help="Only alerts decided before: 2026-11-22, 24h, 7d.", show_default=False)
    ] = "",
) -> None:
    """Drop deliveries that wait, are held or were given up, so that nothing sends them any more.

    Name an alert, a channel, an age or several of these. They stay listed, as dropped; `monitor alerts resend` sends
    one nevertheless.

    \b
    Examples:
      monitor alerts drop alt_3f9c
      monitor alerts drop --channel desk --older-than 2d
    """
    from monitor.store import settings
    from monitor.store.outbox import by_hand

    if not (id or channel or older_than):
        raise typer.BadParameter("name an alert, --channel or --older-than: nothing is dropped without a choice")
    cli = base.cli_of(ctx)
    cli.log()
    older_than_at = base.parse_moment(older_than) if older_than else None
    with base.opened(cli.settings) as db, db.writing() as session:
        known = [each.name for each in settings.rows(session) if each.kind == "channel"]
        if channel and channel not in known:
            raise base.no_such("channel", channel, known, hint="`monitor channels` lists them")
        alert_id = _find_alert(session, id).id if id else None
        count = by_hand.drop(session, now=cli.now(), alert_id=alert_id, channel=channel, older_than_at=older_than_at)
    base.line(f"{count} {'delivery' if count == 1 else 'deliveries'} dropped")


def _targets(cli: base.Cli, channel: str) -> dict[str, str]:
    """Name -> digest of the destination of the channels of these settings. Raises NotFoundError where `channel` is not one."""
    targets = {name: each.destination for name, each in _channels(cli).items()}
    if channel and channel not in targets:
        raise base.no_such("channel", channel, targets, hint="`monitor check` shows those of the settings")
    return targets


def _channels(cli: base.Cli) -> dict[str, Channel]:
    from monitor.service.app import App

    return dict(App(cli.settings).channels)


def _find_alert(session: Session, id: str) -> StoredAlert:
    from monitor.store import alert_lists

    found = alert_lists.with_id_prefix(session, id, limit=2)
    if len(found) != 1:
        what = "more than one alert begins with" if found else "there is no alert"
        raise base.NotFoundError(f"{what} {id!r}; `monitor alerts list` shows them")
    return found[0]


# --- test -------------------------------------------------------------------------------------------------------------


@app.command()
def test(
    ctx: typer.Context,
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="The channel's name.", show_default=False)],
) -> None:
    """Send a test through a channel.

    It takes the same queue and signature as any alert and is marked as a test. The running daemon delivers it;
    without a daemon, this command does.

    \b
    Example:
      monitor alerts test desk
    """
    cli = base.cli_of(ctx)
    cli.log()
    known = _channels(cli)
    if channel not in known:
        raise base.no_such("channel", channel, known, hint="add a [channels.NAME] section to the settings")
    try:
        with base.exclusive_app(cli.settings, otherwise="") as app:
            app.use_store_settings(now=app.clock())
            alert_id = _enqueue_test(app.db, known[channel], now=app.clock())
            asyncio.run(send_due(app, only=channel))
            state, detail = _outcome(app.db, alert_id)
    except AlreadyRunningError:
        with base.opened(cli.settings) as db:
            alert_id = _enqueue_test(db, known[channel], now=cli.now())
            state, detail = _await_delivery(cli, db, alert_id)
    _report(cli, known[channel], alert_id, state, detail)


def _enqueue_test(db: Database, channel: Channel, *, now: datetime) -> str:
    from monitor.alerting import channel_test
    from monitor.store import channels

    with db.writing() as session:
        if channels.destinations(session).get(channel.name) != channel.destination:
            raise MonitorError(
                f"channel {channel.name} is not in force as these settings have it; `monitor apply` or a start of the daemon "
                "applies them"
            )
        return channel_test.enqueue(session, channel.name, channel.destination, now=now)


def _await_delivery(cli: base.Cli, db: Database, alert_id: str) -> tuple[str, str]:
    cli.say("the daemon is running and delivers it")
    until = time.monotonic() + _WAIT_SECONDS
    while (outcome := _outcome(db, alert_id))[0] in (DeliveryFilter.PENDING, DeliveryFilter.LEASED) and not outcome[1]:
        if time.monotonic() > until:
            break
        time.sleep(0.2)
    return outcome


def _outcome(db: Database, alert_id: str) -> tuple[str, str]:
    from monitor.store.outbox import by_hand

    with db.reading() as session:
        return by_hand.outcome_of(session, alert_id)


def _report(cli: base.Cli, channel: Channel, alert_id: str, state: str, detail: str) -> None:
    where = f"{channel.name} ({channel.kind}, {channel.shown})"
    if state == DeliveryFilter.SENT:
        base.line(f"sent to {where}")
        return
    if not detail:
        base.line(f"queued for {where}; see `monitor alerts show {alert_id}`")
        return
    mend = {
        DeliveryFilter.HELD: "the channel is disabled: correct it in the settings, then `monitor alerts retry`",
        DeliveryFilter.DEAD: "given up",
    }.get(DeliveryFilter(state), f"it is tried again; see `monitor alerts show {alert_id}`")
    raise MonitorError(f"not sent to {where}: {detail}; {mend}")
