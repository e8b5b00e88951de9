"""`monitor check`: the settings in force with their origins, and all faults of settings, channels and seeds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from monitor.cli import base
from monitor.cli.models import unmatched_feeds
from monitor.cli.topics.checking import unknown_channels
from monitor.topics import seeds
from monitor.types.errors import ConfigError, MonitorError

if TYPE_CHECKING:
    from monitor.config.settings import Settings


def check(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """Print the settings in force, and every fault.

    Secrets are masked; faults are those of settings, channels and seeds. Exits with 2 where there is a fault. Says in
    what the feeds and channels differ from those in force, if there is a store. Starts and changes nothing.

    \b
    Examples:
      monitor check
      monitor --config new.toml check --json
    """
    from monitor.config import load

    cli = base.cli_of(ctx)
    cli.log()
    shown: list[load.ShownSetting] = []
    faults: list[str] = []
    warnings: list[str] = []
    try:
        settings: Settings | None = cli.settings
        shown = load.settings_in_force(cli.settings)
    except ConfigError as error:
        faults += error.faults
        settings = load.load_valid_part(cli.config, os.environ)  # report faults of channels and seeds in the same run
    if settings:
        shelf = seeds.load(settings.seeds.dir)
        faults += [*_channel_faults(settings), *shelf.faults]
        links = ": ".join(each for each in settings.link_warning if each)
        warnings += [*settings.notes, *([links] if links else []), *unknown_channels(settings, shelf), *shelf.warnings]
        warnings += [*map(str, unmatched_feeds(settings, shelf.topics)), *(_differences(settings) if shown else [])]
        warnings += _unknown_sources(settings)
    if as_json:
        base.print_json({"settings": [each._asdict() for each in shown], "faults": faults, "warnings": warnings})
    else:
        if shown:
            base.table(("setting", "value", "from"), shown)
        for each in warnings:
            base.complain(f"warning: {each}")
        for each in faults:
            base.complain(f"fault: {each}")
        if not faults:
            base.line("no faults")
    if faults:
        raise typer.Exit(base.Code.USAGE)


def _differences(settings: Settings) -> list[str]:
    """In what the settings differ from those in force, in a line; nothing where there is no store yet."""
    from monitor.config.plan import difference
    from monitor.service import in_force
    from monitor.service.app import App

    try:
        with base.opened(settings) as db:
            says = difference(in_force.difference(db, App(settings).entries))
    except (base.NotFoundError, ConfigError):  # no store yet; faults of channels, which are told
        return []
    except MonitorError as error:
        return [f"not compared with the settings in force: {error}"]
    return [says] if says else []


def _unknown_sources(settings: Settings) -> list[str]:
    """The preferred sources that are no feed, of the settings or, where there is a store, added by a command."""
    from monitor.config import plan
    from monitor.service import in_force

    try:
        with base.opened(settings) as db:
            return in_force.unknown_sources(db, settings)
    except MonitorError:
        return plan.unknown_sources(settings)


def _channel_faults(settings: Settings) -> tuple[str, ...]:
    from monitor.service.app import App

    app = App(settings)
    try:
        assert app.settings_channels is not None
    except ConfigError as error:
        return (*error.faults, *app.added_channels.faults)
    return app.added_channels.faults
