"""What an article said before, and what became of it: its revisions as rows in, each with the sentences that went and came out.

A corrected copy at another address has a history, too: the article it corrects is its first version. Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session, col, select

from monitor.changes import compare
from monitor.store.tables import ArticleRow, RevisionRow
from monitor.text import shorten
from monitor.types import Kind

_SHOWN = 20
"""Sentences of one change that are shown."""
_LONGEST = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
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


def of_article(session: Session, article_id: int) -> tuple[Version, ...]:
    """The earlier versions of an article, oldest first."""
    row = session.get(ArticleRow, article_id)
    if row is None:
        return ()
    found = [*_corrected(session, row), *_revised(session, article_id)]
    texts = [*((each.title, each.text) for each in found), (row.title, row.text)]
    return tuple(_with_change(each, *then) for each, then in zip(found, texts[1:], strict=True))


def _corrected(session: Session, row: ArticleRow) -> list[Version]:
    original = (
        session.get(ArticleRow, row.of_article_id) if row.kind == Kind.UPDATE.value and row.of_article_id else None
    )
    if original is None:
        return []
    return [
        Version(
            replaced_at=row.seen_at,
            title=original.title,
            text=original.text,
            is_material=True,
            why=row.why,
            of_article_id=original.id,
        )
    ]


def _revised(session: Session, article_id: int) -> list[Version]:
    rows = session.exec(select(RevisionRow).where(RevisionRow.article_id == article_id).order_by(col(RevisionRow.id)))
    return [
        Version(
            replaced_at=each.replaced_at, title=each.title, text=each.text, is_material=each.is_material, why=each.why
        )
        for each in rows
    ]


def _with_change(version: Version, title: str, text: str) -> Version:
    change = compare(version.title, version.text, title, text)
    went, came = (
        tuple(shorten(each, _LONGEST) for each in sentences[:_SHOWN]) for sentences in (change.removed, change.added)
    )
    return replace(version, went=went, came=came)
