"""An alert waits for the outlets that carry a copy only while one can still come: while a feed is due that was not read since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlmodel import col

from monitor.store.tables.deliveries import DeliveryRow
from monitor.store.tables.feeds import FeedRow
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

BEFORE = rss((MISS[0], "https://news.example/choir", "g0", MISS[1]))


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, store_url: str, site: Site, sink: Sink) -> Iterator[Newsroom]:
    """Two papers that were read before, one channel; alerts wait half a minute."""
    delivery = {"rate_per_second": 1000, "wait_seconds": 30, "allow_networks": ["127.0.0.0/8"]}
    with Newsroom(tmp_path, clock, store_url=store_url, delivery=delivery) as room:
        room.follows("bridge", SEED)
        for paper in ("herald", "courier"):
            site.publishes(f"/{paper}", BEFORE)
            room.reads(paper, site.url(f"/{paper}"))
        room.tells("desk", sink.url)
        room.polls()
        clock.passes(minutes=1)
        yield room


def prints(site: Site, paper: str) -> None:
    site.publishes(f"/{paper}", rss((HIT[0], f"https://{paper}.example/bridge", "g1", HIT[1])))


def is_due(room: Newsroom, paper: str, *, seconds: float) -> None:
    """The paper is polled in so many seconds from now."""
    with room.app.db.writing() as session:
        at = room.clock() + timedelta(seconds=seconds)
        session.connection().execute(update(FeedRow).where(col(FeedRow.name) == paper).values(next_poll_at=at))


def carried_by(sink: Sink) -> list[list[str]]:
    """The other outlets that each alert names."""
    return [list(received.json()["data"]["also_carried_by"]) for received in sink.received]


def test_it_goes_at_once_where_no_feed_is_due_meanwhile(room: Newsroom, site: Site, sink: Sink) -> None:
    prints(site, "herald")
    is_due(room, "herald", seconds=0)
    room.polls()
    assert room.delivers() == 1
    assert len(sink.received) == 1


def test_it_waits_for_a_feed_that_is_due_and_names_what_that_brings(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    prints(site, "herald")
    prints(site, "courier")
    is_due(room, "herald", seconds=0)
    is_due(room, "courier", seconds=20)
    room.polls()
    assert room.delivers() == 0
    clock.passes(seconds=10)
    assert room.delivers() == 0, "the courier is still to be read"
    clock.passes(seconds=10)
    room.polls()
    assert room.delivers() == 1, "ten seconds before the half minute is over"
    assert [len(each) for each in carried_by(sink)] == [1]


def test_it_waits_no_longer_than_its_time_for_a_feed_that_is_not_read(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    prints(site, "herald")
    is_due(room, "herald", seconds=0)
    room.polls()
    is_due(room, "courier", seconds=-5)
    assert room.delivers() == 0
    clock.passes(seconds=31)
    assert room.delivers() == 1


@pytest.mark.parametrize("state", [{"is_enabled": False}, {"paused_reason": "gone"}])
def test_it_waits_for_no_feed_that_is_switched_off(
    room: Newsroom, site: Site, sink: Sink, state: dict[str, object]
) -> None:
    prints(site, "herald")
    is_due(room, "herald", seconds=0)
    room.polls()
    is_due(room, "courier", seconds=5)
    with room.app.db.writing() as session:
        session.connection().execute(update(FeedRow).where(col(FeedRow.name) == "courier").values(**state))
    assert room.delivers() == 1


def test_a_message_that_was_put_off_is_not_hurried(room: Newsroom, site: Site, sink: Sink, clock: SetClock) -> None:
    """The receiver is down: the second attempt keeps its distance though no feed is due."""
    sink.answers(503)
    prints(site, "herald")
    is_due(room, "herald", seconds=0)
    room.polls()
    assert room.delivers() == 1
    (before,) = [each.next_at for each in room.rows(DeliveryRow)]
    assert room.delivers() == 0
    assert [each.next_at for each in room.rows(DeliveryRow)] == [before]
