"""`monitor topics pause`, `resume`, `rename`, `remove` and `use`: the life of a topic."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.store.db import Database

Name = Annotated[str, typer.Argument(metavar="NAME", help="The topic's folder.", show_default=False)]


def pause(ctx: typer.Context, name: Name) -> None:
    """Match nothing against a topic until it is resumed.

    Its matches, verdicts and folder are kept. Unlike `enabled = false` in its topic.toml it needs no access to the folder.

    \b
    Example:
      monitor topics pause moscow-format
    """
    from monitor.review import topics

    cli = base.cli_of(ctx)
    with _store_with(cli, name) as db:
        is_new = topics.pause(db, name, now=cli.now())
    base.line(f"{name}: {'paused' if is_new else 'is paused already'}; `monitor topics resume {name}` goes on")


def resume(ctx: typer.Context, name: Name) -> None:
    """Go on with a topic that was paused.

    \b
    Example:
      monitor topics resume moscow-format
    """
    from monitor.review import topics

    cli = base.cli_of(ctx)
    with _store_with(cli, name) as db:
        was_paused = topics.resume(db, name)
    base.line(f"{name}: {'articles are matched against it again' if was_paused else 'was not paused'}")


def rename(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="The topic's folder.", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Its new name.", show_default=False)],
) -> None:
    """Give a topic another name, with everything that it found.

    Moves its folder. Matches, verdicts, near misses, versions and alerts go with it; no story is told again. Works while
    the daemon runs.

    \b
    Example:
      monitor topics rename moscow-format moscow-talks
    """
    from monitor.review import topics

    cli = base.cli_of(ctx)
    with _store_with(cli, old) as db:
        topics.rename(db, cli.settings.seeds.dir, old, new, now=cli.now())
    base.line(f"{old}: is {new} now, with all its matches and alerts")


def remove(ctx: typer.Context, name: Name) -> None:
    """End a topic. What it found is kept.

    Moves its folder to `.removed/` in the folder of seeds: moved back, it is followed again.

    \b
    Example:
      monitor topics remove moscow-format
    """
    from monitor.review import topics

    cli = base.cli_of(ctx)
    with _store_with(cli, name) as db:
        place = topics.remove(db, cli.settings.seeds.dir, name, now=cli.now())
    base.line(f"{name}: removed; " + (f"its folder is {place} now" if place else "it has no folder here"))


def use(ctx: typer.Context, name: Name) -> None:
    """Put this machine's folder of a topic into force.

    On PostgreSQL the newest change of any node is in force: a folder that holds an earlier version, or a topic that was
    removed, is not used until you say so. On SQLite the folder is always in force.

    \b
    Example:
      monitor topics use moscow-format
    """
    from monitor.review import topics

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        now = cli.now()
        since_at = now - cli.settings.schedule.max_age_for
        topics.use_folder(db, cli.settings.seeds.dir, name, reassess_since_at=since_at, now=now)
    base.line(f"{name}: the version in {cli.settings.seeds.dir / name} is in force")


@contextmanager
def _store_with(cli: base.Cli, name: str) -> Iterator[Database]:
    """The store. Raises NotFoundError where it knows no topic of that name."""
    from monitor.review import topics

    cli.log()
    with base.opened(cli.settings) as db:
        with db.reading() as session:
            known = topics.names(session)
        if name not in known and not (cli.settings.seeds.dir / name).is_dir():
            raise base.no_such("topic", name, known, hint="`monitor topics` lists them")
        if name not in known:
            raise base.NotFoundError(
                f'the topic "{name}" is not in the store yet: `monitor run` or `monitor poll` reads it'
            )
        yield db
