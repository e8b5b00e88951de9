"""`monitor topics`: the group, and the list of topics. Its other commands are beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from monitor.cli import base
from monitor.cli.topics.checking import check
from monitor.cli.topics.life import pause, remove, rename, resume, use
from monitor.cli.topics.new_topic import new
from monitor.cli.topics.record import show, stored_state, topic_fields
from monitor.cli.topics.trial import try_
from monitor.cli.topics.versions import diff, history
from monitor.topics import seeds

app = typer.Typer(invoke_without_command=True)
app.command("try")(try_)
app.command()(history)
app.command()(diff)
app.command()(new)
app.command()(pause)
app.command()(resume)
app.command()(rename)
app.command()(remove)
app.command()(use)


@app.callback()
def topics(ctx: typer.Context) -> None:
    """Topics: make, list, show, check, try them, pause, rename, remove them. Without a command: list.

    \b
    Examples:
      monitor topics show moscow-format
      monitor topics check
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(ctx: typer.Context, as_json: base.AsJson = False) -> None:
    """List topics with seeds and matches.

    With --json one a line.

    \b
    Example:
      monitor topics list
    """
    cli = base.cli_of(ctx)
    cli.log()
    shelf = seeds.load(cli.settings.seeds.dir)
    known, counts = stored_state(cli.settings)
    found = [topic_fields(topic, known, counts) for topic in shelf.topics]
    in_folder = {each.name for each in shelf.topics}
    held = sorted(name for name, each in known.items() if not each.has_ended and name not in in_folder)
    if as_json:
        base.print_json_lines(found)
    elif held and not found:
        base.line(f"no topic can be read from {cli.settings.seeds.dir}")
    elif not found:
        base.line(
            f"no topics; `monitor topics new NAME` makes one, or put an article into {cli.settings.seeds.dir}/TOPIC/"
        )
    else:
        columns = ("topic", "title", ">seeds", ">counter", "languages", "sensitivity", "on", ">new", ">yes", ">no")
        base.table(columns, (_row(each) for each in found))
    if shelf.faults:
        faults = "1 fault" if len(shelf.faults) == 1 else f"{len(shelf.faults)} faults"
        cli.say(f"{faults} in the seeds: `monitor topics check` says more")
    if held:
        cli.say(f"in force too, by the store alone: {', '.join(held)}; `monitor doctor` says why")


def _row(fields: Mapping[str, Any]) -> tuple[object, ...]:
    by_state = fields["matches"]
    names = ("name", "title", "seeds", "counter_seeds", "languages", "sensitivity")
    is_on = "paused" if fields["is_paused"] else fields["is_enabled"]
    return (
        *(fields[name] for name in names),
        is_on,
        *(by_state.get(each, 0) for each in ("new", "confirmed", "dismissed")),
    )


app.command()(show)
app.command()(check)
