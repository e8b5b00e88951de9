"""Examples that a form gives: addresses that are fetched, a text, files. Where one cannot be read, the form says so beside its
field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from monitor.text import charsets
from monitor.text.tokens import clean_line
from monitor.topics import seed_formats, seeds
from monitor.topics.seed_writer import SeedText
from monitor.types.errors import FetchError, MonitorError, ParseError
from monitor.types.matching import Article, Grade
from monitor.web.forms import Upload
from monitor.web.tools import PageTools

MOST_EXAMPLES = 20
"""Addresses and files that one form takes."""
FIELDS = ("addresses", "text", "files")


class FieldFault(MonitorError):
    """What is wrong with one field of a form, in a sentence for the page."""

    def __init__(self, field: str, says: str) -> None:
        super().__init__(says)
        self.field = field


async def examples_of(form: Mapping[str, str], files: Sequence[Upload], tools: PageTools) -> list[SeedText]:
    """The examples. Raises FieldFault for the first that cannot be used."""
    addresses = list(dict.fromkeys(form.get("addresses", "").split()))
    if len(addresses) + len(files) > MOST_EXAMPLES:
        field = "addresses" if addresses else "files"
        raise FieldFault(field, f"at most {MOST_EXAMPLES} examples at once; add the others afterwards")
    found = [await _fetched(each, tools) for each in addresses]
    found += [_of_file(each) for each in files]
    if text := form.get("text", "").strip():
        title, _, rest = text.partition("\n")
        found.append(SeedText(title=clean_line(title, limit=300), text=rest.strip() or title))
    return found


async def _fetched(address: str, tools: PageTools) -> SeedText:
    mend = "leave it out, or paste the article's text"
    if not tools.article_at or not address.lower().startswith(("https://", "http://")):
        raise FieldFault("addresses", f"{clean_line(address, limit=200)}: this is no web address; {mend}")
    try:
        return _of_article(await tools.article_at(address))
    except (FetchError, ParseError, ValueError) as error:
        raise FieldFault("addresses", f"{clean_line(address, limit=200)}: {error}; {mend}") from error


def _of_article(article: Article) -> SeedText:
    if article.grade is Grade.WALL:
        raise ValueError("a consent or paywall page, and no article")
    if not article.text.strip():
        raise ValueError("no article's text was found on its page")
    return SeedText(title=article.title, text=article.text, url=article.url, source=article.source)


def _of_file(file: Upload) -> SeedText:
    """A text or page that was sent along."""
    name = clean_line(file.name, limit=100)
    suffix = Path(file.name).suffix.lower()
    if suffix not in seeds.SUFFIXES:
        raise FieldFault("files", f"{name}: an example is a file that ends in {', '.join(seeds.SUFFIXES)}")
    if len(file.body) > seeds.MAX_SEED_BYTES:
        raise FieldFault("files", f"{name} is too large for an article")
    title, text = seed_formats.READERS[suffix](charsets.read(file.body).text)
    return SeedText(title=title or Path(name).stem, text=text)
