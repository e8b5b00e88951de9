"""The command `monitor`, assembled from one module for each group of commands.

A MonitorError, and what the system refuses, becomes one message on stderr and an exit code, never a traceback.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from monitor.cli import base
from monitor.types.errors import MonitorError

log = logging.getLogger("monitor.cli")

# In the order in which a newcomer needs them: name -> its module. A module is imported when its command is asked for, or all help.
_MODULES = {
    "demo": "demo",
    "run": "run",
    "poll": "rounds",
    "deliver": "rounds",
    "serve": "run",
    "matches": "matches.group",
    "stories": "stories",
    "alerts": "alerts.group",
    "explain": "explain",
    "reassess": "reassess",
    "topics": "topics.group",
    "feeds": "feeds.group",
    "channels": "channels",
    "backtest": "backtest",
    "evaluate": "evaluate",
    "status": "status",
    "check": "check",
    "apply": "apply",
    "doctor": "doctor",
    "migrate": "run",
    "init": "run",
}
_GROUPS = frozenset({"matches", "stories", "alerts", "topics", "feeds", "channels"})


class _LazyCommands(MutableMapping[str, Any]):
    """All commands by name; each is built when it is looked up."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _build(name, _MODULES[name])
        return self._built[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


def _build(name: str, module: str) -> Any:
    """The command `name` of the module; a group is the module's `app`, any other command its function of that name."""
    found = import_module(f"monitor.cli.{module}")
    alone = typer.Typer(rich_markup_mode=None)
    if name in _GROUPS:
        alone.add_typer(found.app, name=name)
    else:
        alone.command(name)(getattr(found, name))
    return typer.main.get_group(alone).commands[name]


class _Commands(TyperGroup):
    """All commands; turns errors into messages and exit codes."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _LazyCommands()

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except MonitorError as error:
            base.complain(str(error))
            raise typer.Exit(base.exit_code(error)) from error
        except (
            UnicodeEncodeError
        ) as error:  # an argument's bytes that are no UTF-8: Python reads each as half a character
            base.complain(f"an argument is not written in UTF-8, and cannot be stored or looked up: {error.object}")
            raise typer.Exit(base.Code.USAGE) from error
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read our output has seen enough
                raise
            log.debug("the system refused", exc_info=True)
            base.complain(base.of_system(error))
            raise typer.Exit(base.Code.USAGE if error.errno == errno.ENAMETOOLONG else base.Code.FAILED) from error


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


def main() -> None:
    """The entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal that cannot encode Persian shows escapes instead of failing
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="monitor")
