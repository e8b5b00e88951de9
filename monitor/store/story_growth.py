"""A story as an article arrives: counting it in, what stories of its topic usually gather, whether its text was corrected since.

Asked and written once an article, within the transaction that stores it; `store.stories` has the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Table, bindparam, insert, literal, select, update
from sqlmodel import Session, col

from monitor.ledger import Carrier, rank
from monitor.store.db import Prepared
from monitor.store.stories import chunks, prints, recount
from monitor.store.tables import ArticleRow, MatchRow, RevisionRow, StoryRow
from monitor.types import Kind, Reason

_articles: Table = ArticleRow.__table__  # type: ignore[attr-defined]
_stories: Table = StoryRow.__table__  # type: ignore[attr-defined]

_USUAL_WITHIN_FOR = timedelta(days=30)
_USUAL_ROWS = 2_000


def enter(session: Session, story_id: int, carrier: Carrier, preferred: Sequence[str] = ()) -> None:
    """An article, stored already, opens its story or is counted in it."""
    if story_id == carrier.article_id:
        _OPEN.write(
            session,
            {
                "id": story_id,
                "lead_article_id": story_id,
                "first_seen_at": carrier.seen_at,
                "last_seen_at": carrier.seen_at,
                "articles": 1,
                "outlets": 1,
            },
        )
        return
    row = next((_Told(*each) for each in _STORY.read(session, {"story": story_id})), None)
    if row is None:
        recount(session, story_id, preferred)
        return
    asked = {"story": story_id, "article": carrier.article_id, "source": carrier.source}
    is_new_outlet = not _CARRIES.run(session, asked)
    old = Carrier(
        article_id=row.lead_article_id,
        source=row.source,
        outlet=row.source,
        published_at=row.published_at,
        seen_at=row.published_at,
    )
    leads = rank(carrier, preferred) < rank(old, preferred)
    _GROW.write(
        session,
        {
            "story": story_id,
            "lead": carrier.article_id if leads else row.lead_article_id,
            "first": min(row.first_seen_at, carrier.seen_at),
            "last": max(row.last_seen_at, carrier.seen_at),
            "outlets": row.outlets + is_new_outlet,
        },
    )


def usual(session: Session, topic: str, *, without: int, now: datetime) -> list[list[datetime]]:
    """When the articles of a topic's other stories of the last weeks were seen, story by story, copies apart."""
    seen: dict[int, list[datetime]] = defaultdict(list)
    asked = (
        select(col(MatchRow.story_id), col(ArticleRow.seen_at))
        .join(ArticleRow, col(ArticleRow.id) == col(MatchRow.article_id))
        .where(
            col(MatchRow.topic) == topic,
            col(MatchRow.created_at) >= now - _USUAL_WITHIN_FOR,
            col(MatchRow.story_id) != without,
            col(MatchRow.reason) != Reason.COPY.name,
        )
        .order_by(col(MatchRow.created_at).desc())
        .limit(_USUAL_ROWS)
    )
    for story_id, seen_at in session.connection().execute(asked):
        seen[story_id].append(seen_at)
    return list(seen.values())


def has_later_version(session: Session, story_id: int, article_id: int, at: datetime) -> bool:
    """Whether the text of this article was corrected after `at`: where it stands, or by a copy elsewhere, published since."""
    same = prints(session, story_id, [article_id])
    if any(kind == Kind.UPDATE.value and published_at > at for kind, published_at in same.values()):
        return True
    ids = sorted(same)
    return any(
        session.connection().execute(_REVISED_SINCE, {"articles": ids[start:end], "at": at}).first()
        for start, end in chunks(ids)
    )


# Built once: putting a statement together costs more than running it.
_OPEN = Prepared(
    insert(_stories), columns=("id", "lead_article_id", "first_seen_at", "last_seen_at", "articles", "outlets")
)
_STORY = Prepared(
    select(
        _stories.c.lead_article_id,
        _stories.c.first_seen_at,
        _stories.c.last_seen_at,
        _stories.c.outlets,
        _articles.c.source,
        _articles.c.published_at,
    )
    .join(_articles, _articles.c.id == _stories.c.lead_article_id)
    .where(_stories.c.id == bindparam("story"))
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


class _Told(NamedTuple):
    """A row as `_STORY` has it."""

    lead_article_id: int
    first_seen_at: datetime
    last_seen_at: datetime
    outlets: int
    source: str
    published_at: datetime


_CARRIES = Prepared(
    select(literal(1))
    .where(
        _articles.c.story_id == bindparam("story"),
        _articles.c.id != bindparam("article"),
        _articles.c.source == bindparam("source"),
    )
    .limit(1)
)
_GROW = Prepared(
    update(_stories)
    .where(_stories.c.id == bindparam("story"))
    .values(
        lead_article_id=bindparam("lead"),
        first_seen_at=bindparam("first"),
        last_seen_at=bindparam("last"),
        articles=_stories.c.articles + 1,
        outlets=bindparam("outlets"),
    )
)
