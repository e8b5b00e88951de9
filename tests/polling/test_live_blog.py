"""A live blog, or a toll that rises by the hour: told when it comes, and a few times more."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import SetClock
from tests.fakes.command import SEED
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

ADDRESS = "https://herald.example/2021/live-bridge"


def blog(entries: int, clock: SetClock) -> bytes:
    """The council's sitting on the old bridge, the latest entry first, each with numbers of its own."""
    lines = [
        f"{9 + n // 3}:{20 * (n % 3):02d} Engineer Ida Marsh says that {n + 3} cracks were found in the bridge at Weir Landing; "
        f"{100 + 7 * n} lorries went by the ferry, the county council says."
        for n in range(entries)
    ]
    return rss(("Live: council votes on old bridge at Weir Landing", ADDRESS, "live", "\n".join(lines[::-1]), clock()))


def test_a_live_blog_is_told_as_changed_three_times_a_day(tmp_path: Path, clock: SetClock, site: Site) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.reads("herald", site.url("/feed"), first_poll="all")
        for entries in range(1, 25):
            site.publishes("/feed", blog(entries, clock))
            room.polls()
            clock.passes(minutes=20)
        assert len(room.told()) == 4, "once as new, three times as changed"
        assert room.reasons() == {"Live: council votes on old bridge at Weir Landing": "UPDATED_OFTEN"}
        clock.passes(hours=24)
        site.publishes("/feed", blog(25, clock))
        room.polls()
        assert len(room.told()) == 5, "another day"


def test_that_an_outlet_takes_it_back_is_told_however_often_it_changed(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.reads("herald", site.url("/feed"), first_poll="all")
        for entries in range(1, 8):
            site.publishes("/feed", blog(entries, clock))
            room.polls()
            clock.passes(minutes=20)
        assert len(room.told()) == 4
        note = "This story has been withdrawn: the county council had not voted on the old bridge at Weir Landing."
        site.publishes(
            "/feed", rss(("Live: council votes on old bridge at Weir Landing", ADDRESS, "live", note, clock()))
        )
        room.polls()
        assert len(room.told()) == 5
