"""A feed shows again what it showed before: what is stored of it is not read again, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from sqlmodel import col, delete, select, update

from monitor.store.indexes import known_entries
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.fetching import KnownEntries
from tests.conftest import SetClock
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom


def story(number: int, clock: SetClock, times: int = 1) -> tuple[str | datetime | None, ...]:
    text = f"The harbour board counted ferry {number} at the quay {times} times."
    return (f"Ferry {number}", f"https://paper.example/{number}", f"f{number}", text, clock())


def kept(room: Newsroom) -> KnownEntries | None:
    with room.app.db.reading() as session:
        return known_entries.of_feed(session, 1)


def texts(room: Newsroom) -> list[str]:
    with room.app.db.reading() as session:
        return sorted(session.exec(select(ArticleRow.text)))


def test_a_feed_over_a_day(tmp_path: Path, clock: SetClock, site: Site, store_url: str) -> None:
    items = [story(number, clock) for number in range(4)]
    site.publishes("/feed", rss(*items))
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        room.reads("paper", site.url("/feed"), first_poll="all")
        assert [each.entries for each in room.polls()] == [4]
        first = kept(room)
        assert first
        assert len(first.entries) == 4

        clock.passes(minutes=20)
        items = [story(9, clock), story(0, clock, times=2), *items[1:3]]
        site.publishes("/feed", rss(*items))
        assert [(each.entries, len(each.filed)) for each in room.polls()] == [(4, 2)]
        assert len(texts(room)) == 5
        assert any("quay 2 times" in each for each in texts(room))
        second = kept(room)
        assert second
        assert second.in_full_at == first.in_full_at
        assert set(second.entries) & set(first.entries) == set(first.entries[1:3])

        clock.passes(minutes=20)  # an entry is lost from the store: what was read of it counts for nothing
        with room.app.db.writing() as session:
            session.execute(delete(EntryRow).where(col(EntryRow.guid) == "f1"))
        site.publishes("/feed", rss(story(10, clock), *items))
        assert [(each.entries, len(each.filed)) for each in room.polls()] == [(5, 2)]


def test_what_is_read_of_a_feed_with_a_secret_address_is_not_kept(tmp_path: Path, clock: SetClock, site: Site) -> None:
    site.publishes("/feed", rss(*(story(number, clock) for number in range(4))))
    with Newsroom(tmp_path, clock) as room:
        room.reads("paper", site.url("/feed"), first_poll="all")
        with room.app.db.writing() as session:
            session.execute(update(FeedRow).values(is_secret=True))
        assert [each.entries for each in room.polls()] == [4]
        assert kept(room) is None


def test_a_poll_that_is_not_stored_keeps_nothing(
    tmp_path: Path, clock: SetClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.publishes("/feed", rss(*(story(number, clock) for number in range(4))))
    with Newsroom(tmp_path, clock) as room:
        room.reads("paper", site.url("/feed"), first_poll="all")
        with monkeypatch.context() as broken:
            broken.setattr("monitor.polling.pipeline.keep_watch", lambda *_, **__: 1 / 0)
            room.polls()
        assert kept(room) is None
        assert texts(room) == []
        clock.passes(hours=2)
        assert [len(each.filed) for each in room.polls()] == [4]
        assert kept(room) is not None
