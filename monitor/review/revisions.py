"""What an article said before, and what became of it: its revisions as rows in, each with the sentences that went and came out.

A corrected copy at another address has a history, too: the article it corrects is its first version. Reads only.
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

_SHOWN = 20
"""Sentences of one change that are shown."""
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleVersion:
    """What an article said until `replaced_at`, and how the next version differs."""

    replaced_at: datetime
    title: str
    text: str
    is_material: bool
    why: str
    went: tuple[str, ...] = ()
    """Sentences that the next version lacks or has otherwise, cut to a readable length."""
    came: tuple[str, ...] = ()
    of_article_id: int | None = None
    """Set where it is another article, which this one prints corrected."""


def of_article(session: Session, article_id: int) -> tuple[ArticleVersion, ...]:
    """The earlier versions of an article, oldest first."""
    article = matches.article(session, article_id)
    if article is None:
        return ()
    found = [*_corrected(session, article), *_revised(session, article_id)]
    texts = [*((each.title, each.text) for each in found), (article.title, article.text)]
    return tuple(_with_change(each, *then) for each, then in zip(found, texts[1:], strict=True))


def _corrected(session: Session, article: StoredArticle) -> list[ArticleVersion]:
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


def _revised(session: Session, article_id: int) -> list[ArticleVersion]:
    return [
        ArticleVersion(
            replaced_at=each.replaced_at, title=each.title, text=each.text, is_material=each.is_material, why=each.why
        )
        for each in matches.revisions(session, article_id)
    ]


def _with_change(version: ArticleVersion, title: str, text: str) -> ArticleVersion:
    change = compare(version.title, version.text, title, text)
    went, came = (
        tuple(shorten(each, _LONGEST) for each in sentences[:_SHOWN]) for sentences in (change.removed, change.added)
    )
    return replace(version, went=went, came=came)
