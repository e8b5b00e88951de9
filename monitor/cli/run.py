"""`monitor run`, `serve`, `migrate` and `init`: the daemon, the page alone, the store's schema, folders of a new installation."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.store.files import StoreLock
from monitor.types.errors import ConfigError

if TYPE_CHECKING:
    from monitor.config.settings import Settings, WebSettings
    from monitor.service.app import App
    from monitor.types.plans import SettingsEntry
    from monitor.web.server import WebServer

log = logging.getLogger("monitor.run")


def run(ctx: typer.Context) -> None:
    """Start the daemon, with its review page.

    It polls feeds, matches articles and sends alerts until it is stopped.

    A SQLite store is created and migrated automatically. Ctrl-C or SIGTERM ends it after the running work is finished.
    The log goes to stderr.

    \b
    Examples:
      monitor run
      monitor --config /etc/monitor.toml run 2>> monitor.log
    """
    cli = base.cli_of(ctx)
    settings = cli.settings
    cli.log(settings.log.level, settings.log.format)
    for note in settings.notes:
        log.warning("%s", note)

    from monitor.service import heap
    from monitor.service.app import App
    from monitor.service.daemon import Daemon

    heap.keep_little()
    app = App(settings)
    # Built before anything is opened: a channel that cannot be built is a fault of the settings.
    assert app.channels is not None
    daemon = Daemon(app, on_ready=lambda address: _welcome(address, app))
    asyncio.run(daemon.run())


def _welcome(address: str | None, app: App) -> None:
    """Print on stdout, apart from the log, where everything is."""
    from monitor.store.feeds.feed_reports import count_polled

    with app.db.reading() as session:
        feeds = count_polled(session)
    topics = len(app.loaded.topics)
    channels = ", ".join(sorted(app.channels_in_force)) or "none; matches appear on the page and in the log"
    for name, value in (
        ("Review page:", address or "not served (see the log)"),
        ("Store:", app.db.shown),
        ("Feeds:", f"{feeds}   Topics: {topics}   Channels: {channels}"),
        ("Stop:", "Ctrl-C"),
    ):
        base.line(f"{name:<13}{value}")
    sys.stdout.flush()


def serve(ctx: typer.Context) -> None:
    """Serve only the review page.

    For reading, searching and verdicts; nothing is polled or sent.

    \b
    Example:
      MONITOR_WEB__PORT=8001 monitor serve
    """
    cli = base.cli_of(ctx)
    settings = cli.settings
    cli.log(settings.log.level, settings.log.format)
    with base.opened(settings) as db:
        _serve(settings, db)


def _serve(settings: Settings, db: Any) -> None:
    from monitor.matching import embedders
    from monitor.service import clock, observer
    from monitor.service.app import App
    from monitor.service.page_tools import page_tools
    from monitor.web.app import create_app
    from monitor.web.health import Health
    from monitor.web.server import WebServer

    times = settings.clock
    now = clock.from_settings(times.speed, times.start_at, times.real_start_at)
    seen = observer.Observer(clock.SteadyClock())
    app = App(settings)
    looks = observer.BackgroundObserver(seen, lambda: observer.look(db, now=now(), speed=now.speed))
    page = create_app(
        db,
        settings.web,
        clock=now,
        health=lambda: Health().and_also(*seen.latest()),
        seeds=settings.seeds.dir,
        preferred=settings.stories.preferred_sources,
        entries=_entries(settings, db),
        embedder_problem=embedders.problem(settings.embedding.embedder),
        tools=page_tools(app, db),
    )
    web = settings.web
    server = WebServer(page, web.host, web.port, proxies=web.trusted_proxies)
    with suppress(KeyboardInterrupt), looks:  # a Ctrl-C ends it well at any moment
        asyncio.run(_serve_and_close(server, web, app))


async def _serve_and_close(server: WebServer, web: WebSettings, app: App) -> None:
    try:
        await _until_stopped(server, web)
    finally:
        await app.aclose()


async def _until_stopped(server: WebServer, web: WebSettings) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises MonitorError where the port is in use."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.open(is_required=True)
    base.line(f"Review page: {web.base_url}")
    base.line("Stop:        Ctrl-C")
    sys.stdout.flush()
    await stop.wait()
    await server.close()


def _entries(settings: Settings, db: Any) -> tuple[SettingsEntry, ...] | None:
    """The feeds and channels of the settings; logs in what they differ from those in force. None where channels are faulty."""
    from monitor.config.plan import difference
    from monitor.service import in_force
    from monitor.service.app import App

    try:
        entries = App(settings).entries
    except ConfigError as error:
        log.warning("the settings are not compared with those in force: %s", "; ".join(error.faults))
        return None
    if says := difference(in_force.difference(db, entries)):
        log.warning("%s", says)
    return entries


def migrate(ctx: typer.Context) -> None:
    """Bring the store's schema up to date.

    Rarely needed for SQLite: the daemon does it at its start and copies the file before. On PostgreSQL stop every
    process that uses the store, make a backup, then run this.

    \b
    Example:
      monitor migrate
    """
    cli = base.cli_of(ctx)
    cli.log()
    settings = cli.settings
    lock = StoreLock(settings.store.path)
    if settings.store.path:
        base.make_folder(settings.store.path.parent)
    lock.acquire()
    try:
        _migrate(settings)
    finally:
        lock.release()


def _migrate(settings: Settings) -> None:
    from monitor.store import migrate as migrations
    from monitor.store.db import Database

    db = Database(settings.store.url)
    try:
        before, wanted = migrations.current(db), migrations.head()
        if not migrations.upgrade(db):
            base.line(f"{db.shown} is up to date (schema {wanted})")
            return
        base.line(f"{db.shown}: schema {before or 'none'} -> {wanted}")
        if before and db.path:
            base.line(f"the store as it was: {db.path.with_name(f'{db.path.name}.before-{before}')}")
    finally:
        db.close()


def init(
    ctx: typer.Context,
    source: Annotated[Path, typer.Option("--from", metavar="FOLDER", help="Has the folders config and seeds.")],
) -> None:
    """Fill the folders config and seeds here, where they are empty.

    For an image, whose volumes are empty at its first start. What is there is never touched, and topics that were
    removed do not come back.

    \b
    Example:
      monitor init --from /opt/article-monitor && monitor run
    """
    from monitor.service import first_start

    cli = base.cli_of(ctx)
    for folder, state in first_start.fill(source, Path(), topics_in_force=lambda: _topics_in_force(cli)).items():
        cli.say(f"{folder}: {state}")


def _topics_in_force(cli: base.Cli) -> frozenset[str] | None:
    """The topics that the store has in force; None where there is no store yet."""
    from monitor.store import topics

    with suppress(base.NotFoundError), base.opened(cli.settings) as db, db.reading() as session:
        return frozenset(
            name for name, each in topics.stored(session).items() if not each.has_ended and not each.became
        )
    return None
