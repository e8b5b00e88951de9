"""Which articles a story has, which of them share one text, and what became of a story."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Table, bindparam, literal, select
from sqlmodel import Session, col

from monitor.store.statements import chunks
from monitor.store.tables.articles import ArticleRow, RevisionRow
from monitor.store.tables.stories import StoryRow
from monitor.types.stories import ArticleKind

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]

SAME_TEXT_KINDS = (ArticleKind.COPY.value, ArticleKind.UPDATE.value)
"""Kinds of articles that carry the text of another one, unchanged or corrected."""


class StoryMember(NamedTuple):
    """An article of a story and whose text it carries."""

    id: int
    of_article_id: int | None
    kind: str
    published_at: datetime
    is_pinned: bool

    @property
    def copy_of(self) -> int | None:
        """The article whose text it carries, unchanged or corrected; None for a text of its own."""
        return self.of_article_id if self.kind in SAME_TEXT_KINDS else None


def members(session: Session, story_id: int) -> list[StoryMember]:
    """Every article of a story, ordered by id: an original comes before its copies."""
    return [StoryMember(*row) for row in session.connection().execute(_MEMBERS, {"story": story_id})]


def same_text(session: Session, story_id: int, article_ids: Collection[int]) -> dict[int, tuple[str, datetime]]:
    """The articles of a story that share a text with one of these, these included: id -> (kind, published at)."""
    found = members(session, story_id)
    of = {each.id: each.copy_of for each in found}
    wanted = {_original(each, of) for each in article_ids}
    return {each.id: (each.kind, each.published_at) for each in found if _original(each.id, of) in wanted}


def _original(article_id: int, of: dict[int, int | None]) -> int:
    seen = {article_id}
    while (above := of.get(article_id)) is not None and above not in seen:
        article_id = above
        seen.add(above)
    return article_id


def has_later_version(session: Session, story_id: int, article_id: int, at: datetime) -> bool:
    """Whether the text of this article was corrected after `at`: in place, or by a corrected copy published since."""
    same = same_text(session, story_id, [article_id])
    if any(kind == ArticleKind.UPDATE.value and published_at > at for kind, published_at in same.values()):
        return True
    return any(
        session.connection().execute(_REVISED_SINCE, {"articles": ids, "at": at}).first()
        for ids in chunks(sorted(same))
    )


def resolve(session: Session, story_id: int) -> int | None:
    """The story with this number, or the one that it became part of; None where there is none."""
    connection = session.connection()
    for _ in range(100):
        row = connection.execute(select(_stories.c.part_of).where(_stories.c.id == story_id)).first()
        if row is None or row.part_of is None:
            is_there = connection.execute(
                select(_articles.c.id).where(_articles.c.story_id == story_id).limit(1)
            ).first()
            return story_id if is_there else None
        story_id = row.part_of
    return None


def articles_of(session: Session, article_ids: Collection[int]) -> dict[int, int]:
    """Article -> its story, for those that exist."""
    asked = select(_articles.c.id, _articles.c.story_id).where(_articles.c.id.in_(article_ids))
    return {row.id: row.story_id for row in session.connection().execute(asked)}


_MEMBERS = (
    select(_articles.c.id, _articles.c.of_article_id, _articles.c.kind, _articles.c.published_at, _articles.c.is_pinned)
    .where(_articles.c.story_id == bindparam("story"))
    .order_by(_articles.c.id)
)
_REVISED_SINCE = (
    select(literal(1))
    .select_from(RevisionRow)
    .where(
        col(RevisionRow.article_id).in_(bindparam("articles", expanding=True)),
        col(RevisionRow.is_material).is_(True),
        col(RevisionRow.replaced_at) > bindparam("at"),
    )
    .limit(1)
)
