"""`monitor alerts retry`, `resend` and `drop`: what people do with deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.alerts.record import find_alert

if TYPE_CHECKING:
    from monitor.alerting.channels.base import Channel


Id = Annotated[str, typer.Argument(metavar="ID", help="An alert's id; without it, all.", show_default=False)]


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
        alert_id = find_alert(session, id).id if id else None
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
        alert_id = find_alert(session, id).id
        queued = by_hand.resend(session, alert_id, now=cli.now(), destinations=wanted)
    base.line(
        f"it is due again on {', '.join(queued)}" if queued else "nothing to send: it waits already, or had no channel"
    )


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
        alert_id = find_alert(session, id).id if id else None
        count = by_hand.drop(session, now=cli.now(), alert_id=alert_id, channel=channel, older_than_at=older_than_at)
    base.line(f"{count} {'delivery' if count == 1 else 'deliveries'} dropped")


def _targets(cli: base.Cli, channel: str) -> dict[str, str]:
    """Name -> digest of the destination of the channels of these settings. Raises NotFoundError where `channel` is not one."""
    targets = {name: each.destination for name, each in channels_of(cli).items()}
    if channel and channel not in targets:
        raise base.no_such("channel", channel, targets, hint="`monitor check` shows those of the settings")
    return targets


def channels_of(cli: base.Cli) -> dict[str, Channel]:
    """The channels that this node can send by. Raises ConfigError with the faults of all of them."""
    from monitor.service.app import App

    return dict(App(cli.settings).channels)
