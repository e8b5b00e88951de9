"""The command `monitor`, assembled from one module for each group of commands.

A MonitorError becomes one message on stderr and an exit code, never a traceback.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor.cli import (
    alerts,
    apply,
    backtest,
    base,
    channels,
    check,
    demo,
    doctor,
    evaluate,
    explain,
    feeds,
    matches,
    reassess,
    rounds,
    run,
    status,
    stories,
    topics,
)
from monitor.types.errors import MonitorError

# In the order in which a newcomer needs them.
_ORDER = (
    *(
        "demo",
        "run",
        "poll",
        "deliver",
        "serve",
        "matches",
        "stories",
        "alerts",
        "explain",
        "reassess",
        "topics",
        "feeds",
        "channels",
        "backtest",
        "evaluate",
    ),
    *("status", "check", "apply", "doctor", "migrate"),
)


class _Commands(TyperGroup):
    """All commands; turns errors into messages and exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(self.commands, key=_ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MonitorError as error:
            base.complain(str(error))
            raise typer.Exit(base.exit_code(error)) from error


app = typer.Typer(
    name="monitor",
    cls=_Commands,
    help="Follow a subject by example: drop articles into seeds/TOPIC/, get one alert when news matches.",
    epilog="Start with `monitor demo`, then `monitor run`. Exit codes: 0 done, 1 failed, 2 wrong use or settings, "
    "3 not found, 4 busy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # it would print local variables, and with them secrets (U16)
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(is_asked: bool) -> None:
    if is_asked:
        from monitor import __version__

        typer.echo(f"article-monitor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="Settings file; default: MONITOR_CONFIG, else config/monitor.toml."),
    ] = None,
    verbose: Annotated[int, typer.Option("--verbose", "-v", count=True, help="Log more; -vv logs everything.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only errors and results.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """The options of all commands."""
    ctx.obj = base.Cli(config=config, verbose=verbose, is_quiet=quiet)


app.command("run")(run.run)
app.command("poll")(rounds.poll)
app.command("deliver")(rounds.deliver)
app.command("serve")(run.serve)
app.add_typer(matches.app, name="matches")
app.add_typer(stories.app, name="stories")
app.add_typer(alerts.app, name="alerts")
app.add_typer(topics.app, name="topics")
app.add_typer(feeds.app, name="feeds")
app.add_typer(channels.app, name="channels")
app.command("explain")(explain.explain)
app.command("reassess")(reassess.reassess)
app.command("backtest")(backtest.backtest)
app.command("evaluate")(evaluate.evaluate)
app.command("status")(status.status)
app.command("check")(check.check)
app.command("apply")(apply.apply)
app.command("doctor")(doctor.doctor)
app.command("migrate")(run.migrate)
app.command("demo")(demo.demo)


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot encode Persian shows escapes instead of failing
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="monitor")
