"""`monitor alerts test`: a test through one channel, and what came of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.alerts.by_hand import channels_of
from monitor.cli.alerts.record import DeliveryFilter
from monitor.cli.rounds import send_due
from monitor.types.errors import AlreadyRunningError, MonitorError

if TYPE_CHECKING:
    from datetime import datetime

    from monitor.alerting.channels.base import Channel
    from monitor.store.db import Database


_WAIT_SECONDS = 15.0
"""How long `alerts test` waits for the running daemon to deliver."""


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
    known = channels_of(cli)
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
