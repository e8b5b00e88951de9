"""`monitor topics new`: make a topic of a sentence and of articles, which are fetched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base
from monitor.text import urls
from monitor.topics import seeds
from monitor.types.errors import FetchError, ParseError, StoreError
from monitor.types.matching import Article, Grade

if TYPE_CHECKING:
    from monitor.topics.new_folder import NewTopic
    from monitor.topics.seed_writer import SeedText

_MOST_ARTICLES = 50
"""A topic of more examples is better made by hand."""


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The folder that is made.", show_default=False)],
    articles: Annotated[
        list[str] | None,
        typer.Argument(metavar="URL|FILE", help="Articles that are wanted; addresses are fetched.", show_default=False),
    ] = None,
    title: Annotated[str, typer.Option("--title", help="A few words; default: made of NAME.")] = "",
    description: Annotated[
        str, typer.Option("--description", help="What you want to be told, in one sentence, in any language.")
    ] = "",
    as_json: base.AsJson = False,
) -> None:
    """Make a topic: a sentence, examples, or both.

    Writes the folder NAME with its topic.toml, and a seed for each article: an address is fetched as a feed's pages
    are and its text extracted, a file (.txt, .md, .html) is copied. Where one of them cannot be read nothing is made.
    Exits with 2 for a name that is taken, with 3 where an article cannot be fetched.

    \b
    Examples:
      monitor topics new river-floods --title "Floods" --description "Rivers that rise, and who flees."
      monitor topics new river-floods https://example.org/news/1 saved/article.txt
    """
    from monitor.topics import new_folder
    from monitor.topics.folders import TopicFolderError
    from monitor.topics.seed_writer import SeedFileError

    cli = base.cli_of(ctx)
    cli.log()
    root, given = cli.settings.seeds.dir, articles or []
    try:
        _check(cli, root, name, given, description)
        found = _read(cli, given)
        made = new_folder.make(root, name, title=title, description=description, articles=found)
    except (TopicFolderError, SeedFileError) as error:
        raise typer.BadParameter(str(error)) from error
    _report(cli, made, as_json=as_json)


def _check(cli: base.Cli, root: Path, name: str, articles: Sequence[str], description: str) -> None:
    """Raises BadParameter or TopicFolderError before anything is fetched."""
    from monitor.topics import new_folder

    new_folder.check_free(root, name)
    if _is_stored(cli, name):
        raise typer.BadParameter(
            f'there is, or was, a topic "{name}" in the store: choose another name; a topic that was removed is followed again '
            f"when its folder is moved back from {root}/.removed/"
        )
    if not articles and not description.strip():
        raise typer.BadParameter(
            "a topic needs a sentence (--description) or an article (an address or a file), best both"
        )
    if len(articles) > _MOST_ARTICLES:
        raise typer.BadParameter(f"at most {_MOST_ARTICLES} articles; put further ones into {root / name} afterwards")
    for each in articles:
        if not _is_address(each):
            _check_file(Path(each))


def _is_stored(cli: base.Cli, name: str) -> bool:
    from monitor.store import topics

    try:
        with base.opened(cli.settings) as db, db.reading() as session:
            return topics.is_name_used(session, name)
    except (base.NotFoundError, StoreError):
        return False


def _is_address(given: str) -> bool:
    return given.lower().startswith(("http://", "https://"))


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise typer.BadParameter(f"{path}: no such file; an address begins with https:// or http://")
    if path.suffix.lower() not in seeds.SUFFIXES or seeds.is_hidden(path):
        kinds = ", ".join(seeds.SUFFIXES)
        raise typer.BadParameter(
            f"{path}: cannot be a seed: a seed's file ends in {kinds} and does not begin with . or _"
        )


def _read(cli: base.Cli, given: Sequence[str]) -> list[SeedText | Path]:
    addresses = list(dict.fromkeys(each for each in given if _is_address(each)))
    with base.spinner(cli, "fetching"):
        fetched = asyncio.run(_fetch(cli, addresses)) if addresses else {}
    return [fetched[each] if each in fetched else Path(each) for each in dict.fromkeys(given)]


async def _fetch(cli: base.Cli, addresses: Sequence[str]) -> dict[str, SeedText]:
    """The articles at these addresses. Raises NotFoundError for the first that is none."""
    from monitor.cli.explain import fetch_article
    from monitor.service.app import App

    app, found = App(cli.settings), {}
    try:
        for address in addresses:
            try:
                urls.check(address)
                found[address] = _seed_of(await fetch_article(app, address, now=cli.now()))
            except (FetchError, ParseError, ValueError, base.NotFoundError) as error:
                raise base.NotFoundError(
                    f"{address}: {error}; nothing was made: leave it out, or save the article's text as a file and name that"
                ) from error
    finally:
        await app.aclose()
    return found


def _seed_of(article: Article) -> SeedText:
    from monitor.topics.seed_writer import SeedText

    if article.grade is Grade.WALL:
        raise base.NotFoundError("a consent or paywall page, and no article")
    if not article.text.strip():
        raise base.NotFoundError("no article's text was found on its page")
    return SeedText(title=article.title, text=article.text, url=article.url, source=article.source)


def _report(cli: base.Cli, made: NewTopic, *, as_json: bool) -> None:
    from monitor.cli.models import sentence_advice

    topic, advice = made.topic, sentence_advice(cli.settings, made.topic)
    if as_json:
        files = [each.file for each in topic.seeds]
        base.print_json(
            {
                "name": topic.name,
                "folder": made.folder,
                "title": topic.title,
                "seeds": files,
                "warnings": made.warnings,
                "advice": advice,
            }
        )
        return
    seeds_made = (
        f"{len(topic.seeds)} seed{'' if len(topic.seeds) == 1 else 's'}" if topic.seeds else "its sentence alone"
    )
    base.line(f"made: {made.folder}, {seeds_made}")
    for each in (*(f"warning: {said}" for said in made.warnings), *advice):
        base.line(each)
    base.line(
        f"next: `monitor topics try {made.folder}` shows what it would have matched, `monitor topics check` what to mend"
    )
    base.line("a running daemon takes it up within a second")
