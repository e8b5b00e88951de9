"""`monitor feeds add` and `feeds test`: feeds found at an address and added, or read once to see what would come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from monitor.cli import base
from monitor.types.errors import ConfigError, FetchError, MonitorError, ParseError

if TYPE_CHECKING:
    from monitor.feeds.additions import NewFeed, Placement
    from monitor.feeds.sample import FeedSample
    from monitor.feeds.visitor import Discovery, Found, Visitor
    from monitor.store.db import Database
    from monitor.store.feeds.feed_reports import FeedReport

T = TypeVar("T")


def add(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="The address of a feed, or of a site.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", help="Its name; default: made of its host.")] = "",
    title: Annotated[str, typer.Option("--title", help="Its title in alerts and pages; default: its own.")] = "",
    publisher: Annotated[
        str, typer.Option("--publisher", help="Who publishes it; default: the monitor finds out.")
    ] = "",
    language: Annotated[str, typer.Option("--language", help="Its language, as en or fa; default: as it says.")] = "",
    interval: Annotated[
        float | None, typer.Option("--interval", help="Minutes between two polls; default: as all feeds.")
    ] = None,
    first_poll: Annotated[
        str, typer.Option("--first-poll", help="baseline, all or 'latest 5': which entries of the first poll are news.")
    ] = "baseline",
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="It may be on this machine or a private network.")
    ] = False,
    is_secret: Annotated[
        bool,
        typer.Option(
            "--secret", help="Its address is never shown: no page, command, log or notice names more than its host."
        ),
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Add all feeds that a site names, not one.")] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Add the address as it is, without asking it for anything.")
    ] = False,
    as_json: base.AsJson = False,
) -> None:
    """Add a feed, beside those of the settings file. It is due at once.

    Of a site its feeds are found: by its link tags, by links on the page, at the usual places. Where there are several they are
    listed and nothing is added: give the address of one, or --all. A feed that is there already is said to be, and nothing
    changes. A feed that was removed comes back with its history. Ends with 1 where no feed is found.

    \b
    Examples:
      monitor feeds add herald.example
      monitor feeds add https://herald.example/rss.xml --name herald --interval 30
    """
    from monitor.feeds.additions import NewFeed

    cli = base.cli_of(ctx)
    cli.log()
    if all_ and name:
        raise ConfigError("--all adds several feeds: one --name cannot be that of all of them")
    wanted = NewFeed(
        url=address,
        name=name,
        title=title,
        publisher=publisher,
        language=language,
        interval_minutes=interval,
        first_poll=first_poll,
        allow_private=allow_private,
        is_secret=is_secret,
    )
    with base.opened(cli.settings) as db:
        if unchecked or _refuses(cli, db, wanted):
            _report(cli, [_add(cli, db, wanted)], [], as_json)
            return
        found = _looked_up(cli, db, wanted, may_be_several=all_, as_json=as_json)
        placed = [_add(cli, db, _of_sample(wanted, each.sample)) for each in found]
    _report(cli, placed, found, as_json)


def _refuses(cli: base.Cli, db: Database, wanted: NewFeed) -> bool:
    """Whether the look at the address can be left out: a feed has it. Raises ConfigError with what is wrong with the wish, before
    anything is asked."""
    from monitor.config.load import feed_by_command
    from monitor.feeds.additions import KnownFeeds
    from monitor.feeds.visitor import spellings
    from monitor.store import settings as store

    try:
        url = spellings(wanted.url)[0]
    except ValueError as fault:
        raise ConfigError(f"ADDRESS: {fault}") from None
    feed_by_command(
        wanted.name or "new",
        {"url": url, "interval_minutes": wanted.interval_minutes, "first_poll": wanted.first_poll}
        | {"language": wanted.language or None, "publisher": wanted.publisher or None},
    )
    with db.reading() as session:
        return bool(KnownFeeds(store.rows(session)).place(url, wanted.name).same)


def _looked_up(
    cli: base.Cli, db: Database, wanted: NewFeed, *, may_be_several: bool, as_json: bool
) -> tuple[Found, ...]:
    """The feeds at the address; raises MonitorError where there is none, and ends with 2 where there are several."""
    found = _visit(
        cli, db, lambda visitor, now: visitor.discover(wanted.url, now=now, allow_private=wanted.allow_private)
    )
    if not found.feeds:
        says = _without_address(found.problem, wanted.url) if wanted.is_secret else found.problem
        raise MonitorError(f"nothing was added: {says}; --unchecked adds the address as it is")
    if len(found.feeds) > 1 and not may_be_several:
        _show_several(found, as_json)
        raise typer.Exit(base.Code.USAGE)
    return found.feeds


def _without_address(text: str, url: str) -> str:
    from monitor.text.secrets import without_addresses

    return without_addresses(text, url)


def _of_sample(wanted: NewFeed, sample: FeedSample) -> NewFeed:
    return replace(wanted, url=sample.url)


def _add(cli: base.Cli, db: Database, wanted: NewFeed) -> Placement:
    from monitor.feeds import additions
    from monitor.feeds.visitor import spellings

    usual = cli.settings.schedule.interval_for.total_seconds()
    wanted = replace(wanted, url=spellings(wanted.url)[0])
    with db.writing() as session:
        return additions.add(session, wanted, usual_seconds=usual, now=cli.now())


def _report(cli: base.Cli, placed: list[Placement], found: tuple[Found, ...] | list[Found], as_json: bool) -> None:
    from monitor.feeds.additions import standing

    if as_json:
        base.print_json_lines({"name": each.name, "is_new": each.same is None} for each in placed)
        return
    for number, each in enumerate(placed):
        if each.same:
            says = standing(each.same)
            base.line(f"{each.name}: has this address already, nothing was changed" + (f"; {says}" if says else ""))
            continue
        what = f" ({_in_brief(found[number])})" if found else ""
        base.line(f"{each.name}: added, due now{what}; `monitor feeds remove {each.name}` undoes it")


def _in_brief(found: Found) -> str:
    sample = found.sample
    entries = f"{sample.entries} {'entry' if sample.entries == 1 else 'entries'}"
    newest = f", the newest of {base.when(sample.newest_at)} UTC" if sample.newest_at else ""
    title = f'"{sample.title}", ' if sample.title else ""
    by = "" if found.named_by == "this address" else f", by {found.named_by}"
    return f"{title}{sample.format}, {entries}{newest}{by}"


def _show_several(found: Discovery, as_json: bool) -> None:
    if as_json:
        base.print_json_lines({**_sample_fields(each.sample), "named_by": each.named_by} for each in found.feeds)
    else:
        rows = [
            (
                each.sample.url,
                each.sample.title,
                each.sample.format,
                str(each.sample.entries),
                each.sample.newest_at,
                each.sample.language,
            )
            for each in found.feeds
        ]
        base.table(("address", "title", "format", ">entries", "newest (UTC)", "language"), rows)
    more = f" and {found.untried} more that were not tried" if found.untried else ""
    base.complain(
        f"there are {len(found.feeds)} feeds{more}, and none was added: `monitor feeds add` with one of these addresses, or --all"
    )


# --- test -------------------------------------------------------------------------------------------------------------


def probe(
    ctx: typer.Context,
    which: Annotated[
        str, typer.Argument(metavar="ADDRESS|NAME", help="A feed's address, or its name.", show_default=False)
    ],
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="It may be on this machine or a private network.")
    ] = False,
    as_json: base.AsJson = False,
) -> None:
    """Read a feed once and show what would come; nothing is stored.

    Shows format, title, how many entries, the newest, language and the first three titles; where something is wrong, what, and
    what to do about it. Ends with 1 where the feed cannot be read.

    \b
    Examples:
      monitor feeds test https://herald.example/rss.xml
      monitor feeds test bbc-asia
    """
    from monitor.feeds import mends, sample
    from monitor.feeds.visitor import spellings

    cli = base.cli_of(ctx)
    cli.log()
    with ExitStack() as stack:
        db = _store(stack, cli)
        known = _by_name(db, which)
        try:
            url = known.url if known else spellings(which)[0]
        except ValueError as fault:
            raise ConfigError(f"{which} is neither the name of a feed nor an address: {fault}") from None
        is_private = allow_private or bool(known and known.allow_private)
        try:
            found = _visit(cli, db, lambda visitor, now: visitor.sample(url, now=now, allow_private=is_private))
        except (FetchError, ParseError) as error:
            says = mends.sentence(error)
            raise MonitorError(_without_address(says, url) if known and known.is_secret else says) from error
    shown = known.shown_url if known else found.url
    doubts = sample.doubts(found, now=cli.now())
    if known and known.is_secret:
        doubts = [_without_address(each, url) for each in doubts]
    if as_json:
        base.print_json({**_sample_fields(found), "url": shown, "doubts": doubts})
        return
    base.facts(
        [
            ("address", shown),
            ("format", found.format),
            ("title", found.title),
            ("site", "" if known and known.is_secret else found.site_url),
            ("language", found.language),
            ("entries", found.entries),
            ("newest (UTC)", found.newest_at),
            *(("title of an entry", each) for each in found.titles),
            *(("but", each) for each in doubts),
        ]
    )


def _store(stack: ExitStack, cli: base.Cli) -> Database | None:
    """The store where there is one: an address can be tested without."""
    try:
        return stack.enter_context(base.opened(cli.settings))
    except base.NotFoundError:
        return None


def _by_name(db: Database | None, name: str) -> FeedReport | None:
    from monitor.store.feeds import feed_reports

    if db is None:
        return None
    with db.reading() as session:
        if found := feed_reports.find(session, name):
            return found
        if "." not in name and "/" not in name and ":" not in name:
            known = (each.name for each in feed_reports.of_all(session))
            raise base.no_such("feed", name, known, hint="`monitor feeds` lists them")
    return None


def _sample_fields(found: FeedSample) -> dict[str, object]:
    return {
        "url": found.url,
        "format": found.format,
        "title": found.title,
        "site_url": found.site_url or None,
        "language": found.language,
        "entries": found.entries,
        "newest_at": found.newest_at,
        "titles": found.titles,
    }


def _visit(cli: base.Cli, db: Database | None, look: Callable[[Visitor, datetime], Coroutine[Any, Any, T]]) -> T:
    from monitor.service.app import App

    app = App(cli.settings)

    async def visit() -> T:
        try:
            return await look(app.visitor(db), cli.now())
        finally:
            await app.aclose()

    with base.spinner(cli, "looking"):
        return asyncio.run(visit())
