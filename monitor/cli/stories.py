"""`monitor stories`: list and show stories; merge, split and move them (`monitor.review.stories`, `story_edits`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import base
from monitor.cli.matches.judging import user
from monitor.cli.matches.options import LARGEST
from monitor.text.tokens import some_of

if TYPE_CHECKING:
    from monitor.review.stories import Story, StorySummary, TimelineEntry
    from monitor.review.story_edits import Reviewer, StoryChangeResult
    from monitor.store.db import Session
    from monitor.store.stories.story_lists import TimelineArticle
    from monitor.stories.sources import IndependentSource

app = typer.Typer(invoke_without_command=True)


class StoryFilter(StrEnum):
    """State of a story."""

    EMERGING = "emerging"
    ACTIVE = "active"
    QUIET = "quiet"


Note = Annotated[str, typer.Option("--note", help="Why, as a note for later readers.")]
Articles = Annotated[
    list[int],
    typer.Argument(
        metavar="ARTICLE", min=1, max=LARGEST, help="Ids as `monitor stories show` shows them.", show_default=False
    ),
]
Number = Annotated[
    int, typer.Argument(metavar="STORY", min=1, max=LARGEST, help="Id of the story.", show_default=False)
]


@app.callback()
def stories(ctx: typer.Context) -> None:
    """Events across outlets: list, show, merge, split, move. Without a command: list.

    \b
    Examples:
      monitor stories show 17
      monitor stories split 23 24 --note "another meeting"
    """
    if ctx.invoked_subcommand is None:
        list_(ctx)


@app.command("list")
def list_(
    ctx: typer.Context,
    topic: Annotated[str, typer.Option("--topic", "-t", help="Only those that matched this topic.")] = "",
    state: Annotated[
        StoryFilter | None, typer.Option("--state", "-s", help="Only emerging, active or quiet ones.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also those that matched no topic.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="List at most this many.")] = 50,
    as_json: base.AsJson = False,
) -> None:
    """List stories that matched a topic, latest activity first.

    With --json one a line.

    \b
    Example:
      monitor stories list --state active
    """
    from monitor.review import stories as review
    from monitor.store import topics
    from monitor.stories.sources import StoryState

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session:
        known = topics.titles(session)
        if topic and topic not in known:
            raise base.no_such("topic", topic, known, hint="`monitor topics` lists them")
        wanted = StoryState(state.value) if state else None
        page = review.list_stories(session, topic=topic, state=wanted, is_any=all_, limit=limit, now=cli.now())
    if as_json:
        base.print_json_lines(asdict(each) for each in page.stories)
        return
    if not page.stories:
        base.line("no stories")
        return
    columns = (">id", "last seen (UTC)", "state", ">articles", ">outlets", "topics", "lead", "title")
    base.table(columns, map(_row, page.stories))
    if page.total > len(page.stories):
        cli.say(f"{len(page.stories)} of {page.total}; --limit shows more")


def _row(brief: StorySummary) -> tuple[object, ...]:
    return (
        *(brief.id, brief.last_seen_at, brief.state.value, brief.articles, brief.outlets),
        *(brief.topics, brief.source, brief.title),
    )


@app.command()
def show(ctx: typer.Context, id: Number, as_json: base.AsJson = False) -> None:
    """Show one story: its time line, articles, outlets, alerts, decisions.

    The time line says who said what first, in order of publication; articles are in order of arrival; decisions are those of
    people, and merges by the monitor.

    \b
    Example:
      monitor stories show 17
    """
    from monitor.review import stories as review

    cli = base.cli_of(ctx)
    cli.log()
    with base.opened(cli.settings) as db, db.reading() as session, _errors_explained():
        story = review.find(session, id, now=cli.now(), preferred=cli.settings.stories.preferred_sources)
    base.print_json(_story_fields(story)) if as_json else _show(story, id)


def _story_fields(story: Story) -> dict[str, Any]:
    return {
        **asdict(story.summary),
        "outlets": list(story.outlets),
        "independent_sources": [
            {"name": each.name, "is_wire": each.is_agency, "outlets": each.outlets, "article_ids": each.article_ids}
            for each in story.independent_sources
        ],
        "lead_why": story.lead_why,
        "articles": [asdict(each) for each in story.articles],
        "timeline": [_timeline_fields(each) for each in story.timeline],
        "alerts": list(story.alerts),
        "said": list(story.edits),
    }


def _timeline_fields(entry: TimelineEntry) -> dict[str, Any]:
    names = {"publisher": entry.publisher, "title": entry.article.title, "also_carried_by": entry.also_carried_by}
    return {**asdict(entry.step), **names}


def _described(sources: Iterable[IndependentSource]) -> str:
    return "; ".join(each.description for each in sources)


def _show(story: Story, asked: int) -> None:
    brief = story.summary
    if brief.id != asked:
        base.line(f"story {asked} is part of story {brief.id} now")
    base.facts(
        [
            ("story", brief.id),
            ("title", brief.title),
            ("lead", f"article {brief.lead_article_id}, {brief.source}: {story.lead_why}"),
            ("state", brief.state.value),
            ("topics", brief.topics),
            ("first seen (UTC)", brief.first_seen_at),
            ("last seen (UTC)", brief.last_seen_at),
            ("outlets", f"{len(story.outlets)}: {', '.join(story.outlets)}"),
            ("sources", f"{len(story.independent_sources)} independent: {_described(story.independent_sources)}"),
        ]
    )
    base.heading("Time line")
    for entry in story.timeline:
        _show_entry(entry)
    base.heading("Articles")
    columns = (">article", "seen (UTC)", "outlet", "agency", "kind", "decision", "title")
    base.table(
        columns,
        (
            (each.article_id, each.seen_at, each.outlet, each.wire, _kind(each), each.reason, each.title)
            for each in story.articles
        ),
    )
    if story.alerts:
        base.heading("Alerts")
        for each in story.alerts:
            says = f": {each['says']}" if each["says"] else ""
            base.line(f"{base.when(each['created_at'])} UTC  {each['topic']} {each['kind']}{says}  {each['id']}")
    if story.edits:
        base.heading("Decisions on this story")
        for each in story.edits:
            note = f": {each['note']}" if each["note"] else ""
            base.line(f"{base.when(each['at'])} UTC  {each['by']} {each['words']}{note}")


def _show_entry(entry: TimelineEntry) -> None:
    what = "changed its text" if entry.step.is_later else entry.article.title
    base.line(f"{base.when(entry.step.at)} UTC  {entry.publisher}: {what}  ({entry.article.article_id})")
    if entry.step.first_in:
        base.line(f"{' ' * 22}the first in its language ({entry.step.first_in})")
    if entry.step.added:
        base.line(f"{' ' * 22}{'facts' if entry.step.is_later else 'adds'}: {'; '.join(entry.step.added)}")
    if entry.step.sentence:
        base.line(f"{' ' * 22}{entry.step.sentence}")
    if entry.article.kind == "joins" and not entry.step.is_later:
        base.line(f"{' ' * 22}joins article {entry.article.of_article_id}: {entry.article.why}")
    if entry.also_carried_by:
        count = len(entry.also_carried_by)
        base.line(f"{' ' * 22}also carried by {count}: {some_of(entry.also_carried_by, 10)}")


def _kind(part: TimelineArticle) -> str:
    of = f"{' ' if part.kind == 'joins' else ' of '}{part.of_article_id}" if part.of_article_id else ""
    return part.kind + of + (", put here by a person" if part.is_pinned else "")


@app.command()
def merge(
    ctx: typer.Context,
    into: Annotated[
        int, typer.Argument(metavar="INTO", min=1, max=LARGEST, help="The story that remains.", show_default=False)
    ],
    others: Annotated[
        list[int],
        typer.Argument(metavar="OTHER", min=1, max=LARGEST, help="Stories that become part of it.", show_default=False),
    ],
    note: Note = "",
) -> None:
    """Merge stories that are one event. What was alerted for either is not alerted again.

    \b
    Example:
      monitor stories merge 17 23
    """
    for other in dict.fromkeys(others):
        _apply(ctx, note, partial(_merge, into, other))


def _merge(into: int, other: int, session: Session, reviewer: Reviewer) -> StoryChangeResult:
    from monitor.review import story_edits

    return story_edits.merge(session, into, other, reviewer)


@app.command()
def split(ctx: typer.Context, articles: Articles, note: Note = "") -> None:
    """Split articles off into a story of their own.

    \b
    Example:
      monitor stories split 23 24 --note "another meeting"
    """
    from monitor.review import story_edits

    _apply(ctx, note, lambda session, reviewer: story_edits.split(session, articles, reviewer))


@app.command()
def move(
    ctx: typer.Context,
    articles: Articles,
    to: Annotated[int, typer.Option("--to", min=1, max=LARGEST, help="The story they belong to.", show_default=False)],
    note: Note = "",
) -> None:
    """Move articles to another story.

    \b
    Example:
      monitor stories move 23 --to 17
    """
    from monitor.review import story_edits

    _apply(ctx, note, lambda session, reviewer: story_edits.move(session, articles, to, reviewer))


def _apply(ctx: typer.Context, note: str, verb: Callable[[Session, Reviewer], StoryChangeResult]) -> None:
    from monitor.review.story_edits import Reviewer

    cli = base.cli_of(ctx)
    cli.log()
    reviewer = Reviewer(by=user(), now=cli.now(), note=note, preferred=cli.settings.stories.preferred_sources)
    with base.opened(cli.settings) as db, db.writing() as session, _errors_explained():
        said = verb(session, reviewer)
    base.line(said.words)
    cli.say(f"undone by: monitor {said.undo}")


@contextmanager
def _errors_explained() -> Iterator[None]:
    from monitor.review.stories import StoryChangeError, UnknownStoryError

    try:
        yield
    except UnknownStoryError as error:
        raise base.NotFoundError(f"{error}; `monitor stories list` and `show` give the numbers") from error
    except StoryChangeError as error:
        raise typer.BadParameter(str(error)) from error
