"""`monitor poll` and `monitor deliver`: one round by hand with the daemon's code, on a store that no daemon uses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from datetime import datetime

    from rich.progress import Progress

    from monitor.polling.pipeline import Polled
    from monitor.polling.poll import Poller
    from monitor.service.app import App
    from monitor.store.db import Session
    from monitor.types.errors import StoreError
    from monitor.types.fetching import FeedState

_GRACE_SECONDS = 20.0
_EMBEDS_FOR = timedelta(seconds=60)
"""Limit for embedding the articles of a poll by hand: nobody waits behind it, and the next round may be hours away."""
_REASSESS_BATCHES = 20
"""Of at most 50 articles each: a few seconds, after the polls of a round."""


def poll(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Feeds to poll now, due or not.", show_default=False)
    ] = None,
    as_json: base.AsJson = False,
) -> None:
    """Poll once: the feeds that are due, or those named.

    Returns when all polls have ended. Alerts are queued; `monitor deliver` sends them. Exits with 1 where a feed could
    not be read, with 3 for an unknown name, with 4 while the daemon runs.

    \b
    Examples:
      monitor poll
      monitor poll bbc-asia dawn --json
    """
    cli = base.cli_of(ctx)
    cli.log()
    unstored: list[StoreError] = []
    with base.exclusive_app(cli.settings, otherwise="it polls by itself") as app:
        polled = asyncio.run(_poll(cli, app, names or [], unstored))
    for error in unstored:
        base.complain(f"not stored, it will be polled again: {error}")
    if as_json:
        base.print_json_lines(map(_fields, polled))
    elif polled:
        columns = ("feed", "status", ">entries", ">fresh", ">matches", ">alerts", "error")
        base.table(columns, (tuple(_fields(each).values()) for each in polled))
    else:
        base.line("no feed is due")
    alerts = sum(len(each.alerts) for each in polled)
    if alerts and app.channels_in_force:
        cli.say(f"{alerts} alerts wait to be sent: `monitor deliver`, or the daemon, sends them")
    if unstored or any(each.error and each.outcome != "ok" for each in polled):
        raise typer.Exit(base.Code.FAILED)


async def _poll(cli: base.Cli, app: App, names: list[str], unstored: list[StoreError]) -> list[Polled]:
    from monitor.polling.poll import Poller

    now = app.clock()
    _go_by_store(cli, app, now)
    app.load_topics(now=now)
    app.load_embeddings()
    app.embeds_for = _EMBEDS_FOR
    schedule = app.settings.schedule
    polled: list[Polled] = []
    try:
        with base.progress(cli) if base.is_watched(cli) else nullcontext() as bar:  # its library takes .03 s to load
            watched = _Watched(bar, polled)
            poller = Poller(
                app.tools,
                concurrency=schedule.concurrency,
                per_host=schedule.per_host,
                on_polled=watched.add,
                on_error=unstored.append,
            )
            if names:
                await _poll_named(app, poller, names, watched)
            else:
                while started := await poller.start_due(now=now):
                    watched.expect(started)
                    await poller.finish()
                await _reassess(app, now)
    finally:
        await app.aclose()
    return sorted(polled, key=lambda each: each.feed)


async def _reassess(app: App, now: datetime) -> None:
    """Some of what is to be assessed again: where no daemon runs, rounds by hand do it bit by bit."""
    from monitor.polling.reassessing.reassess import reassess_due

    for _ in range(_REASSESS_BATCHES):
        if (await reassess_due(app.tools(), now=now)).is_over:
            return


def _go_by_store(cli: base.Cli, app: App, now: datetime) -> None:
    """Work with the feeds and channels in force, and say in a line in what the settings differ from them."""
    if says := app.use_store_settings(now=now):
        cli.say(says)


async def _poll_named(app: App, poller: Poller, names: list[str], watched: _Watched) -> None:
    now = app.clock()
    claimed = await app.db.write(_claim, names, now=now)
    watched.expect(len(claimed))
    places = asyncio.Semaphore(app.settings.schedule.concurrency)

    async def one(feed: FeedState) -> None:
        async with places:
            await poller.run(feed, now=now)

    await asyncio.gather(*map(one, claimed))


def _claim(session: Session, names: list[str], *, now: Any) -> list[FeedState]:
    from monitor.polling.poll import POLL_LEASE_FOR
    from monitor.store.feeds import feed_leases, feed_reports

    known = [each.name for each in feed_reports.of_all(session)]
    for name in names:
        if name not in known:
            raise base.no_such("feed", name, known, hint="`monitor feeds` lists them")
    claimed = (feed_leases.claim(session, name, now=now, lease_for=POLL_LEASE_FOR) for name in dict.fromkeys(names))
    return [each for each in claimed if each]


class _Watched:
    """Collects finished polls and advances the progress bar, where there is one."""

    def __init__(self, bar: Progress | None, polled: list[Polled]) -> None:
        self._bar, self._polled = bar, polled
        self._task = bar.add_task("polling", total=0) if bar else None
        self._total = 0

    def expect(self, count: int) -> None:
        self._total += count
        if self._bar and self._task is not None:
            self._bar.update(self._task, total=self._total)

    def add(self, polled: Polled) -> None:
        self._polled.append(polled)
        if self._bar and self._task is not None:
            self._bar.advance(self._task)


def _fields(polled: Polled) -> dict[str, object]:
    return {
        "feed": polled.feed,
        "status": polled.outcome,
        "entries": polled.entries,
        "fresh": sum(each.is_new for each in polled.filed),
        "matches": polled.matches,
        "alerts": len(polled.alerts),
        "error": polled.error,
    }


# --- deliver ----------------------------------------------------------------------------------------------------------


def deliver(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """Send what is due in the outbox, once.

    Returns when all attempts have ended. An alert waits delivery.wait_seconds before its first attempt, so that it can
    name the copies of its article; one for a channel that these settings do not have waits for a node that has it. Exits
    with 1 where an attempt failed (it stays queued), with 4 while the daemon runs.

    \b
    Example:
      monitor deliver
    """
    from monitor.store.outbox import delivery_states

    cli = base.cli_of(ctx)
    cli.log()
    with base.exclusive_app(cli.settings, otherwise="it delivers by itself") as app:
        _go_by_store(cli, app, app.clock())
        with app.db.reading() as session:
            last = delivery_states.last_attempt(session)
        with base.spinner(cli, "sending"):
            asyncio.run(send_due(app))
        with app.db.reading() as session:
            tries, states = _by_channel(delivery_states.results_since(session, last)), delivery_states.states(session)
    if as_json:
        base.print_json({"tries": [dict(channel=name, **counts) for name, counts in tries.items()], "outbox": states})
    else:
        if tries:
            columns = ("channel", ">sent", ">failed")
            base.table(columns, ((name, counts["sent"], counts["failed"]) for name, counts in tries.items()))
        else:
            base.line("nothing is due")
        base.line("outbox: " + ", ".join(f"{count} {state}" for state, count in states.items() if count))
    if any(counts["failed"] for counts in tries.values()):
        raise typer.Exit(base.Code.FAILED)


async def send_due(app: App, *, only: str | None = None) -> None:
    """Send what is due in the outbox; with `only`, to that channel alone."""
    from monitor.alerting.deliver import Deliverer

    settings = app.settings.delivery
    channels = {name: each for name, each in app.channels.items() if only in (None, name)}
    deliverer = Deliverer(
        app.db,
        lambda: channels,
        app.clock,
        rate=settings.rate_per_second,
        max_age_for=settings.max_age_for,
    )
    try:
        await deliverer.start_due()
        await deliverer.finish()
    finally:
        await deliverer.stop(grace_seconds=_GRACE_SECONDS)
        await app.aclose()


def _by_channel(results: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for channel, result in results:
        of_channel = counts.setdefault(channel, {"sent": 0, "failed": 0})
        of_channel["sent" if result == "sent" else "failed"] += 1
    return counts
