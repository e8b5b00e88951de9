"""The earlier versions of an article, each with the sentences that the next version removed and added.

For a corrected copy at another address, the article that it corrects counts as its first version.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.store import matches
from monitor.store.db import Session
from monitor.store.matches import StoredArticle
from monitor.stories.changes import compare
from monitor.text.tokens import shorten
from monitor.types.stories import ArticleKind

_MAX_SENTENCES = 20
"""Of one change, removed and added each."""
_MAX_LENGTH = 400
"""Characters of one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleVersion:
    """A version of an article that was replaced at `replaced_at`, and how the next one differs."""

    replaced_at: datetime
    title: str
    text: str
    is_material: bool
    why: str
    went: tuple[str, ...] = ()
    """Sentences that the next version removed or changed, shortened."""
    came: tuple[str, ...] = ()
    """Sentences that it added or changed, shortened."""
    of_article_id: int | None = None
    """The id of that version, where it is an article of its own that this one carries corrected."""


def of_article(session: Session, article_id: int) -> tuple[ArticleVersion, ...]:
    """The earlier versions of an article, oldest first."""
    article = matches.article(session, article_id)
    if article is None:
        return ()
    versions = [*_corrected_original(session, article), *_replaced(session, article_id)]
    texts = [*((each.title, each.text) for each in versions), (article.title, article.text)]
    return tuple(_with_change(each, *then) for each, then in zip(versions, texts[1:], strict=True))


def _corrected_original(session: Session, article: StoredArticle) -> list[ArticleVersion]:
    of = article.of_article_id if article.kind == ArticleKind.UPDATE.value else None
    original = matches.article(session, of) if of else None
    if original is None:
        return []
    return [
        ArticleVersion(
            replaced_at=article.seen_at,
            title=original.title,
            text=original.text,
            is_material=True,
            why=article.why,
            of_article_id=original.id,
        )
    ]


def _replaced(session: Session, article_id: int) -> list[ArticleVersion]:
    return [
        ArticleVersion(
            replaced_at=each.replaced_at, title=each.title, text=each.text, is_material=each.is_material, why=each.why
        )
        for each in matches.revisions(session, article_id)
    ]


def _with_change(version: ArticleVersion, title: str, text: str) -> ArticleVersion:
    change = compare(version.title, version.text, title, text)
    removed, added = (
        tuple(shorten(each, _MAX_LENGTH) for each in sentences[:_MAX_SENTENCES])
        for sentences in (change.removed, change.added)
    )
    return replace(version, went=removed, came=added)
