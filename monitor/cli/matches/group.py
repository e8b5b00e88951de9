"""`monitor matches`: the group, and the lists of matches and near misses (`monitor.review`). Its other commands are beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from monitor.cli import base
from monitor.cli.matches.exporting import export
from monitor.cli.matches.judging import confirm, dismiss
from monitor.cli.matches.options import FeedOption, InState, MatchFilter, OfTopic, Since, Words, query_of
from monitor.cli.matches.record import show

app = typer.Typer(invoke_without_command=True)


@app.callback()
def matches(ctx: typer.Context) -> None:
    """Matches and verdicts: list, show, confirm, dismiss, export. Without a command: list.

    \b
    Examples:
      monitor matches list --topic moscow-format --state new --since 7d
      monitor matches dismiss 17 --note "another Moscow"
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    topic: OfTopic = "",
    state: InState = None,
    search: Words = "",
    since: Since = "",
    source: FeedOption = "",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 50,
    copies: Annotated[bool, typer.Option("--copies", help="List copies too.")] = False,
    as_json: base.AsJson = False,
) -> None:
    """List matches, newest first; with --json one a line.

    Copies are named at the article they copy; --copies lists them separately.

    \b
    Example:
      monitor matches list --state new --since 24h
    """
    from monitor.review import matches as review

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        query = replace(query_of(db, topic, state, search, since, source, limit), copies=copies)
        with db.reading() as session:
            page = review.list_matches(session, query)
    if as_json:
        base.print_json_lines(review.flat(each) for each in page.matches)
        return
    if not page.matches:
        base.line("no matches")
        return
    columns = (">id", "found (UTC)", "topic", ">score", "state", "source", "title")
    base.table(
        columns,
        (
            (each.id, each.found_at, each.topic, each.score, each.state, each.outlet, each.title)
            for each in page.matches
        ),
    )
    if page.total > len(page.matches):
        cli.say(f"{len(page.matches)} of {page.total}; --limit shows more")


app.command()(show)


@app.command("near")
def near_(
    ctx: typer.Context,
    topic: OfTopic = "",
    state: Annotated[
        MatchFilter, typer.Option("--state", "-s", help="New, confirmed or dismissed ones.")
    ] = MatchFilter.NEW,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 20,
    as_json: base.AsJson = False,
) -> None:
    """List articles near the threshold to judge, the most instructive first; with --json one a line.

    A sample of articles just below a topic's threshold, which raised no alert, and matches without a verdict. The topic learns
    from each verdict at once: confirm --near or dismiss --near for a near miss, confirm or dismiss for a match, as the first
    column says. `monitor evaluate` estimates from near misses how much is missed. With --state, only near misses that were judged.

    \b
    Examples:
      monitor matches near --topic moscow-format
      monitor matches confirm --near 3 8
    """
    from monitor.review import near_misses

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db:
        query_of(db, topic, None, "", "", "")
        with db.reading() as session:
            if state is MatchFilter.NEW:
                found = near_misses.list_questions(session, topic=topic, limit=limit, now=cli.now())
            else:
                found = near_misses.list_near_misses(session, topic=topic, state=state, limit=limit)
    if as_json:
        base.print_json_lines(near_misses.flat(each) for each in found)
        return
    if not found:
        base.line("no near misses" if state is MatchFilter.NEW else f"no near misses {state}")
        return
    columns = (">id", "found (UTC)", "topic", ">score", ">threshold", ">stands for", "state", "source", "title")
    base.table(
        columns,
        (
            (
                *(
                    each.id if each.is_match else f"--near {each.id}",
                    each.found_at,
                    each.topic,
                    each.score,
                    each.threshold,
                ),
                *(f"{each.stands_for:.0f}", each.state, each.source, each.title),
            )
            for each in found
        ),
    )


app.command()(confirm)
app.command()(dismiss)
app.command()(export)
