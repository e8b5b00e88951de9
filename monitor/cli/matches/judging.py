"""`monitor matches confirm` and `matches dismiss`: verdicts, and seeds made of them."""

from __future__ import annotations

import getpass
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.cli.matches.options import LARGEST
from monitor.types.errors import MonitorError

if TYPE_CHECKING:
    from monitor.review.matches import ListedMatch
    from monitor.review.near_misses import ListedNearMiss
    from monitor.store.db import Database


Note = Annotated[str, typer.Option("--note", help="Why, as a note for later readers.")]
OfNear = Annotated[bool, typer.Option("--near", help="The ids are those of `matches near`.")]
Ids = Annotated[
    list[int],
    typer.Argument(metavar="ID", min=1, max=LARGEST, help="Ids as `matches list` shows them.", show_default=False),
]


def confirm(
    ctx: typer.Context,
    ids: Ids,
    note: Note = "",
    as_seed: Annotated[bool, typer.Option("--as-seed", help="Also write the article into the topic's folder.")] = False,
    near: OfNear = False,
) -> None:
    """Mark matches as wanted; the topic learns from it.

    \b
    Examples:
      monitor matches confirm 12 15 16
      monitor matches confirm 12 --as-seed
    """
    _judge(ctx, ids, is_relevant=True, note=note, as_seed=as_seed, near=near)


def dismiss(
    ctx: typer.Context,
    ids: Ids,
    note: Note = "",
    as_seed: Annotated[bool, typer.Option("--as-seed", help="Also write the article into the topic's not/.")] = False,
    near: OfNear = False,
) -> None:
    """Mark matches as not wanted; the topic learns from it.

    \b
    Examples:
      monitor matches dismiss 17 --note "a namesake"
      monitor matches dismiss 17 --as-seed
    """
    _judge(ctx, ids, is_relevant=False, note=note, as_seed=as_seed, near=near)


def _judge(ctx: typer.Context, ids: Iterable[int], *, is_relevant: bool, note: str, as_seed: bool, near: bool) -> None:
    from monitor.learning.verdict_effects import VerdictEffects
    from monitor.review import matches as review
    from monitor.review import near_misses

    cli = base.cli_of(ctx)
    cli.log()
    missing = []
    unwritten = []
    effects = VerdictEffects(cli.settings.seeds.dir)
    verb = near_misses.judge if near else review.judge
    what = "near miss" if near else "match"
    with base.opened(cli.settings) as db:
        for id in dict.fromkeys(ids):
            with db.writing() as session:
                match = verb(session, id, is_relevant=is_relevant, by=user(), note=note[:2000], now=cli.now())
            if match is None:
                missing.append(id)
            else:
                base.line(f"{match.state} {id}: {match.topic}: {match.title}")
                if effect := effects.compute(db, match.article_id, match.topic):
                    base.line(f"  {effect}")
            if match is not None and as_seed:
                unwritten += _as_seed(cli, db, match, is_counter=not is_relevant)
    if missing:
        raise base.NotFoundError(f"there is no {what} {', '.join(map(str, missing))}")
    if unwritten:
        raise MonitorError("\n".join(["the verdict is stored, but no seed was written:", *unwritten]))


def _as_seed(cli: base.Cli, db: Database, match: ListedMatch | ListedNearMiss, *, is_counter: bool) -> list[str]:
    """Write the article of a match into its topic's folder. Returns the errors."""
    from monitor.review.seeds import make_seed
    from monitor.topics.seed_writer import SeedFileError

    try:
        with db.reading() as session:
            written = make_seed(
                session, match.article_id, match.topic, root=cli.settings.seeds.dir, is_counter=is_counter
            )
    except SeedFileError as error:
        return [str(error)]
    if written:
        base.line(f"{'written' if written.is_new else 'there already'}: {written.path}")
    return []


def user() -> str:
    """The name of the current user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return "cli"
