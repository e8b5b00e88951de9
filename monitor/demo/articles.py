"""The demo's outlets and articles, read from the toml files in texts/.

Each article states what a correct monitor does with it (`Expectation`), for tests to compare. Expectations hold within one
language: one event reported in English and in Russian may be two stories.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from monitor.types.stories import ArticleKind

ARTICLE_FILES = ("before.toml", "tunnel.toml", "bank.toml", "both.toml", "other.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """An invented outlet: one feed in one language."""

    id: str
    number: int
    """Its place in the file, from 1."""
    name: str
    language: str
    format: str
    """`rss`, `atom` or `json`."""
    teaser: bool = False
    """The feed carries the first paragraph only; the article's page has the rest."""
    tail: str = ""
    """What this outlet prints under an agency's text."""

    @property
    def address(self) -> str:
        """Its own loopback address: outlets are distinguished, and requests limited, by host."""
        return f"127.0.0.{self.number + 1}"

    @property
    def feed_path(self) -> str:
        """Where its feed is served."""
        return f"/{self.id}/feed.{'json' if self.format == 'json' else 'xml'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a correct monitor decides about an article."""

    topics: tuple[str, ...]
    kind: ArticleKind
    of: str | None = None
    """Id of the article it is a copy or an update of, or whose story it joins."""
    is_material: bool = False
    """For an update: whether facts changed, so that it is alerted again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArticle:
    """One version of one article. An edited article is two of these with the same `guid`."""

    id: str
    guid: str
    """The guid in the feed: the id of the first version."""
    outlet: Outlet
    minute: int
    """Minute of publication on the demo's clock; 0 or earlier: in the feed before the first poll."""
    title: str
    text: str
    """Paragraphs, separated by blank lines."""
    author: str = ""
    expect: Expectation

    @property
    def language(self) -> str:
        """ISO 639-1, as its outlet writes."""
        return self.outlet.language

    @property
    def published_for(self) -> timedelta:
        """Time of publication after the demo's start; negative for what was there before."""
        return timedelta(minutes=self.minute)

    @property
    def paragraphs(self) -> tuple[str, ...]:
        """The paragraphs of the text."""
        return tuple(self.text.split("\n\n"))

    @property
    def feed_paragraphs(self) -> tuple[str, ...]:
        """The paragraphs that the feed carries."""
        return self.paragraphs[:1] if self.outlet.teaser else self.paragraphs

    @property
    def path(self) -> str:
        """Where its page is served."""
        return f"/{self.outlet.id}/{self.guid}.html"

    @property
    def is_baseline(self) -> bool:
        """Whether the feed holds it before the first poll."""
        return self.minute <= 0

    @property
    def is_alert(self) -> bool:
        """Whether a correct monitor sends an alert: news on a topic, or changed facts."""
        is_news = self.expect.kind is ArticleKind.NEW or self.expect.is_material
        return bool(self.expect.topics) and is_news and not self.is_baseline


@cache
def outlets() -> tuple[Outlet, ...]:
    """All outlets, in the order of the file."""
    return tuple(Outlet(number=number, **table) for number, table in enumerate(_tables("outlets.toml", "outlet"), 1))


@cache
def articles() -> tuple[DemoArticle, ...]:
    """All versions of all articles in the order in which they are published."""
    by_id = {outlet.id: outlet for outlet in outlets()}
    found = [_article(table, by_id) for name in ARTICLE_FILES for table in _tables(name, "article")]
    return tuple(sorted(found, key=lambda article: article.minute))


def _tables(name: str, key: str) -> Iterator[dict[str, Any]]:
    yield from tomllib.loads((files(__package__) / "texts" / name).read_text("utf-8"))[key]


def _article(table: dict[str, Any], outlets_by_id: dict[str, Outlet]) -> DemoArticle:
    outlet = outlets_by_id[table["outlet"]]
    tail = f"\n\n{outlet.tail}" if table.get("has_tail") else ""
    return DemoArticle(
        id=table["id"],
        guid=table.get("edits", table["id"]),
        outlet=outlet,
        minute=table["minute"],
        title=table["title"],
        text=table["text"].strip() + tail,
        author=table.get("author", ""),
        expect=_expectation(table["expect"]),
    )


def _expectation(table: dict[str, Any]) -> Expectation:
    return Expectation(
        topics=tuple(table["topics"]),
        kind=ArticleKind(table["kind"]),
        of=table.get("of"),
        is_material=table.get("is_material", False),
    )
