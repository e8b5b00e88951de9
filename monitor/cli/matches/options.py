"""What several commands on matches ask for: topic, state, words, time and feed, and the query made of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import base

if TYPE_CHECKING:
    from monitor.review.matches import MatchQuery
    from monitor.store.db import Database, Session


LARGEST = 2**31 - 1
"""The largest value of PostgreSQL's INTEGER."""


class MatchFilter(StrEnum):
    """State of a match."""

    NEW = "new"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"


OfTopic = Annotated[str, typer.Option("--topic", "-t", help="Only this topic.")]
InState = Annotated[MatchFilter | None, typer.Option("--state", "-s", help="Only new, confirmed or dismissed ones.")]
Words = Annotated[str, typer.Option("--search", help="Only articles that contain all these words.")]
Since = Annotated[str, typer.Option("--since", help="Only those found since: 2026-11-22, 24h, 7d.")]
FeedOption = Annotated[
    str, typer.Option("--source", help="Only from this feed: its name, or the title that lists show.")
]


def query_of(
    db: Database, topic: str, state: MatchFilter | None, search: str, since: str, source: str, limit: int = 50
) -> MatchQuery:
    from monitor.review.matches import MatchQuery
    from monitor.store import topics

    if topic:
        with db.reading() as session:
            known = topics.titles(session)
        if topic not in known:
            raise base.no_such("topic", topic, known, hint="`monitor topics` lists them")
    sources: tuple[str, ...] = ()
    if source:
        with db.reading() as session:
            sources = _feeds_called(session, source)
    return MatchQuery(
        topic=topic,
        state=state or "",
        words=search,
        sources=sources,
        since_at=base.parse_moment(since) if since else None,
        limit=limit,
    )


def _feeds_called(session: Session, source: str) -> tuple[str, ...]:
    """The feeds of this name, else all of this title: some papers have several feeds under one."""
    from monitor.store.feeds import feed_reports

    rows = feed_reports.of_all(session)
    wanted = source.strip().casefold()
    found = tuple(each.name for each in rows if each.name == source.strip())
    found = found or tuple(
        each.name for each in rows if wanted in (each.name.casefold(), each.title.strip().casefold())
    )
    if not found or not wanted:
        known = {name for each in rows for name in (each.name, each.title) if name}
        raise base.no_such("feed", source, known, hint="`monitor feeds` lists them")
    return found
