"""What all commands share: global options, exit codes, opening the store, printing.

Results go to stdout, messages and progress to stderr. Untrusted text is printed as plain text: markup is not interpreted,
control characters are made visible (U15). Modules that are slow to import (store, numpy) are imported by the commands that
need them.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import IntEnum
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from monitor.service import logs
from monitor.service.logs import visible
from monitor.types.errors import AlreadyRunningError, ConfigError, MonitorError, StoreBusyError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress

    from monitor.config.settings import Settings
    from monitor.service.app import App
    from monitor.store.db import Database


class Code(IntEnum):
    """Exit codes; see docs/commands.md."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    BUSY = 4


class NotFoundError(MonitorError):
    """What was asked for does not exist."""


def exit_code(error: MonitorError) -> Code:
    """The exit code for an error."""
    if isinstance(error, ConfigError):
        return Code.USAGE
    if isinstance(error, NotFoundError):
        return Code.NOT_FOUND
    return Code.BUSY if isinstance(error, StoreBusyError | AlreadyRunningError) else Code.FAILED


# --- global options ---------------------------------------------------------------------------------------------------

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@dataclass
class Cli:
    """The global options, and the settings, loaded on first use."""

    config: Path | None = None
    verbose: int = 0
    is_quiet: bool = False

    @cached_property
    def settings(self) -> Settings:
        """The settings in force. Raises ConfigError with all faults."""
        from monitor.config import load

        settings = load.load(self.config, os.environ)
        logs.hide(load.secrets_of(settings).out_of)
        return settings

    def now(self) -> datetime:
        """The current time, by the clock of the settings."""
        from monitor.service import clock

        of = self.settings.clock
        return clock.from_settings(of.speed, of.start_at, of.real_start_at)()

    def log(self, usual: str = "warning", format: str = "text") -> None:
        """Set up logging at level `usual`, unless --verbose or --quiet change it."""
        louder = {0: usual, 1: "debug" if usual == "info" else "info"}.get(self.verbose, "debug")
        logs.setup("error" if self.is_quiet else louder, format)

    def say(self, text: str) -> None:
        """Print a message on stderr, unless --quiet."""
        if not self.is_quiet:
            complain(text)


def cli_of(ctx: typer.Context) -> Cli:
    """The global options of this invocation."""
    return ctx.ensure_object(Cli)


def complain(text: str) -> None:
    """Print errors and warnings on stderr, also with --quiet."""
    for line in text.splitlines() or [""]:
        typer.echo(visible(logs.without_secrets(line)), err=True)


def of_system(error: OSError) -> str:
    """What the system refused, for people."""
    name = visible(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else ""
    says = error.strerror or str(error)
    if error.errno == errno.ENAMETOOLONG:
        return f"{name[:60]}…: too long for the name of a file; choose a shorter one"
    if error.errno == errno.ENOSPC:
        return f"{name or 'the output'} cannot be written: {says}; free some, or write elsewhere"
    if not name and error.errno == errno.ENOENT:
        return f"{says}: was the folder deleted in which you are? Change to another one"
    return f"{name or 'the system refused it'}: {says}"


def parse_moment(value: str) -> datetime:
    """Parse `2026-11-22`, `2026-11-22T08:00Z`, or a time ago such as `36h` or `7d`. Raises BadParameter."""
    ago = re.fullmatch(r"(\d{1,5})([mhdw])", value)
    if ago:
        units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
        return datetime.now(UTC) - timedelta(**{units[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(value)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):  # the first hours of year 1 in Asia are in no year in UTC
        raise typer.BadParameter("write a date, as 2026-11-22, or how long ago, as 24h or 7d") from None


def no_such(what: str, asked: str, known: Iterable[str], *, hint: str) -> NotFoundError:
    """The error for an unknown name: suggests the nearest known name, else gives the hint."""
    near = get_close_matches(asked, list(known), 1, 0.5)
    return NotFoundError(f'there is no {what} "{asked}"; ' + (f'did you mean "{near[0]}"?' if near else hint))


# --- the store --------------------------------------------------------------------------------------------------------


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The existing store, for commands that run beside the daemon. Raises NotFoundError where there is none yet."""
    path = settings.store.path
    if path is not None and not path.exists():
        raise NotFoundError(
            f"there is no store at {path} yet: `monitor run` or `monitor poll` makes it. Or is this the wrong folder, or is "
            "--config missing?"
        )
    from monitor.store import migrate
    from monitor.store.db import Database

    db = Database(settings.store.url)
    try:
        if not migrate.is_current(db):
            if migrate.current(db) is None:
                raise NotFoundError(f"the store {db.shown} is empty: `monitor run` or `monitor migrate` sets it up")
            migrate.check(db)
        yield db
    finally:
        db.close()


@contextmanager
def exclusive_app(settings: Settings, *, otherwise: str) -> Iterator[App]:
    """The App on a store that no daemon uses meanwhile. Raises AlreadyRunningError whose text ends with `otherwise`.

    PostgreSQL allows several processes, so nothing is locked there. Leases that a killed process left are ended.
    """
    from monitor.service.app import App
    from monitor.store.files import StoreLock

    app = App(settings)
    lock = StoreLock(settings.store.path)
    if settings.store.path:
        make_folder(settings.store.path.parent)
    try:
        lock.acquire()
    except AlreadyRunningError as error:
        raise AlreadyRunningError(
            f"the daemon is running on this store: {otherwise}{_differs(settings, app)}"
        ) from error
    try:
        app.open_store(may_migrate=True)
        if settings.store.path:
            _end_leases(app.db)
        yield app
    finally:
        app.close()
        lock.release()


def _differs(settings: Settings, app: App) -> str:
    """In what the settings of who asks differ from those by which the daemon works; '' where they do not."""
    from monitor.config.plan import difference
    from monitor.service import in_force

    try:
        with opened(settings) as db:
            says = difference(in_force.difference(db, app.entries))
    except MonitorError:  # of less use than that a daemon is running: it may just be making its store
        return ""
    return f"; {says}" if says else ""


def _end_leases(db: Database) -> None:
    from monitor.store import reassessments
    from monitor.store.feeds import feed_leases
    from monitor.store.outbox import delivery_queue

    with db.writing() as session:
        for each in (feed_leases, delivery_queue, reassessments):
            each.release_all(session)


def make_folder(folder: Path) -> None:
    """Create the folder. Raises MonitorError with advice where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MonitorError(
            f"the folder {folder} cannot be created: {error.strerror}; choose one that this user may write to"
        ) from error


# --- printing ---------------------------------------------------------------------------------------------------------


def console(*, err: bool = False) -> Console:
    """A Rich console without markup and highlighting, as what is printed is untrusted text."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    # Piped, Rich would wrap at 80 columns; lines should stay whole for grep.
    width = None if stream.isatty() else 240
    return Console(file=stream, width=width, markup=False, highlight=False, emoji=False)


def show(renderable: RenderableType) -> None:
    """Print on stdout; without the spaces that Rich pads lines with where it is no terminal."""
    to = console()
    if to.is_terminal:
        to.print(renderable)
        return
    with to.capture() as captured:
        to.print(renderable)
    typer.echo("\n".join(each.rstrip() for each in captured.get().splitlines()))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = "") -> None:
    """Print a table on stdout; a column whose name starts with `>` is right-aligned."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=SIMPLE_HEAD, title=Text(title) if title else None, title_justify="left", pad_edge=False)
    for column in columns:
        shown.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(words(each)) for each in row))
    show(shown)


def facts(pairs: Iterable[tuple[str, object]]) -> None:
    """Print names and values on stdout, a pair a line; empty values are left out."""
    from rich.table import Table
    from rich.text import Text

    shown = Table.grid(padding=(0, 2))
    for name, value in pairs:
        if value not in (None, "", (), []):
            shown.add_row(Text(name, style="dim"), Text(words(value)))
    show(shown)


def heading(text: str) -> None:
    """Print a heading on stdout."""
    from rich.text import Text

    show(Text(f"\n{visible(text)}", style="bold"))


def line(text: str) -> None:
    """Print one line on stdout."""
    typer.echo(visible(text))


def words(value: object) -> str:
    """A value for people, on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, list | tuple | frozenset):
        return ", ".join(map(words, value))
    return visible(str(value))


def when(at: datetime | None) -> str:
    """`2026-11-22 12:05` in UTC; '' for None."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else ""


# JSON escapes what is below U+0020; terminals act on these too.
_TERMINAL_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def as_json(value: object, *, indent: int | None = None) -> str:
    """JSON with letters unescaped, and escapes for everything that a terminal would act on."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_json_value)
    return _TERMINAL_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: object) -> None:
    """Print one JSON document on stdout."""
    typer.echo(as_json(value, indent=2))


def print_json_lines(values: Iterable[object]) -> None:
    """Print one JSON document a line on stdout."""
    for value in values:
        typer.echo(as_json(value))


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, tuple | set | frozenset) else str(value)


def is_watched(cli: Cli) -> bool:
    """Whether somebody sees a progress bar: not without a terminal, nor with --quiet."""
    return not cli.is_quiet and sys.stderr.isatty()


def progress(cli: Cli) -> Progress:
    """A progress bar on stderr; disabled without a terminal and with --quiet."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console(err=True),
        transient=True,
        disable=not is_watched(cli),
    )


@contextmanager
def spinner(cli: Cli, text: str) -> Iterator[None]:
    """Show a spinner on stderr meanwhile; nothing without a terminal or with --quiet."""
    if not is_watched(cli):
        yield
        return
    with console(err=True).status(text):
        yield


@contextmanager
def atomic_file(target: Path) -> Iterator[IO[str]]:
    """A text file that appears whole or not at all: written to a temporary file, then renamed. `-` is stdout."""
    if str(target) == "-":
        yield sys.stdout
        return
    if target.is_dir():
        raise ConfigError(f"{target} cannot be written: it is a folder; name a file for --out")
    if target.exists() and not target.is_file():  # /dev/null, a pipe: a rename would put a plain file in its place
        with target.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    target = target.resolve()  # the target of a link is replaced, not the link
    try:
        file = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below in every case
            "w", encoding="utf-8", newline="", dir=target.parent, prefix=f".{target.name}.", delete=False
        )
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}; choose another place") from error
    try:
        with file, _sigterm_exits():
            yield file
        os.chmod(file.name, 0o666 & ~_umask())
        os.replace(file.name, target)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        raise


@contextmanager
def _sigterm_exits() -> Iterator[None]:
    """SIGTERM unwinds the stack as Ctrl-C does, so that temporary files are removed; exit code 143, as in the shell."""
    try:
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    except ValueError:  # not the main thread, which alone can handle signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
