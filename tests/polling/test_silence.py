"""Weeks in the life of feeds that answer and are silent: each is told once, late enough to be true, and once when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from monitor.alerting import condition
from monitor.service import observer
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.condition import Code
from tests.conftest import SetClock
from tests.fakes.site import Line, Request, Site, rss
from tests.newsroom import Newsroom

DAY = timedelta(days=1)
ALWAYS: Callable[[datetime], bool] = lambda _: True


def item(name: str, number: int, at: datetime | None) -> tuple[str | datetime | None, ...]:
    text = f"The council meets on Monday to speak about item {number} of the budget of {name}."
    return (f"{name.title()} {number}", f"https://{name}.example/{number}", f"{name}-{number}", text, at)


class Paper:
    """A newspaper that publishes by the clock, at its own pace, its last entries in one document."""

    def __init__(
        self, site: Site, name: str, clock: SetClock, *, every: timedelta, only: Callable[[datetime], bool] = ALWAYS
    ) -> None:
        self.site, self.name, self.clock, self.every, self.only = site, name, clock, every, only
        self.stopped_at: datetime | None = None
        self.has_dates = True
        self._at = clock() - 60 * every
        self._number = 0
        self._items: list[tuple[str | datetime | None, ...]] = []

    @property
    def url(self) -> str:
        return self.site.url(f"/{self.name}")

    def prints(self) -> None:
        """Publish what is due by now."""
        until_at = min(self.clock(), self.stopped_at or self.clock())
        while self._at + self.every <= until_at:
            self._at += self.every
            if self.only(self._at):
                self._number += 1
                self._items.append(item(self.name, self._number, self._at if self.has_dates else None))
        self._items = self._items[-30:]
        self.site.publishes(f"/{self.name}", rss(*reversed(self._items)))

    def stops(self) -> None:
        self.stopped_at = self.clock()

    def goes_on(self) -> None:
        self.stopped_at, self._at = None, self.clock()


@pytest.fixture
def room(tmp_path: Path, clock: SetClock) -> Iterator[Newsroom]:
    with Newsroom(tmp_path, clock, schedule={"interval_minutes": 300}) as room:
        yield room


def live(room: Newsroom, *papers: Paper, days: float, step_hours: float = 6) -> None:
    end_at = room.clock() + timedelta(days=days)
    while room.clock() < end_at:
        for paper in papers:
            paper.prints()
        room.polls()
        room.clock.passes(hours=step_hours)


def fifty_a_day(room: Newsroom, site: Site, name: str = "herald") -> Paper:
    paper = Paper(site, name, room.clock, every=timedelta(minutes=29))
    paper.prints()
    room.reads(name, paper.url)
    return paper


def silent_feeds(room: Newsroom) -> dict[str, str]:
    return {row.name: row.silence for row in room.rows(FeedRow) if row.silence}


# --- quiet ------------------------------------------------------------------------------------------------------------


def test_fault_feed_23_a_feed_of_fifty_a_day_falls_silent_is_told_once_and_once_when_it_is_back(
    room: Newsroom, site: Site
) -> None:
    paper = fifty_a_day(room, site)
    live(room, paper, days=2)
    paper.stops()
    live(room, paper, days=0.9)
    assert (silent_feeds(room), room.told()) == ({}, [])
    live(room, paper, days=1.1)
    assert silent_feeds(room) == {"herald": "quiet"}
    live(room, paper, days=6)
    assert room.told() == ["The feed herald is silent"]
    (notice,) = room.rows(AlertRow)
    assert "about 50 entries a day" in notice.payload["body"]
    room.restarts()
    paper.goes_on()
    live(room, paper, days=2)
    assert silent_feeds(room) == {}
    assert room.told() == ["The feed herald is silent", "The feed herald is as usual again"]


def test_fault_feed_23_silence_is_a_warning_of_the_service_and_no_outage(room: Newsroom, site: Site) -> None:
    paper = fifty_a_day(room, site)
    live(room, paper, days=1)
    paper.stops()
    live(room, paper, days=2)
    with room.app.db.reading() as session:
        state = observer.read(session, path=room.app.db.path)
    found = {each.code: each for each in condition.problems(state, now=room.clock())}
    problem = found[Code.SILENT_FEEDS]
    assert not problem.is_outage
    assert "herald (it answers and has brought nothing new since" in problem.says
    assert problem.public == "1 feed is silent", "anybody may ask /healthz"


def test_fault_feed_23_a_weekly_feed_is_not_silent_after_two_days_but_after_six_weeks(
    room: Newsroom, site: Site
) -> None:
    paper = Paper(site, "weekly", room.clock, every=timedelta(weeks=1))
    paper.prints()
    room.reads("weekly", paper.url)
    live(room, paper, days=15, step_hours=12)
    paper.stops()
    live(room, paper, days=13, step_hours=12)
    assert room.told() == []
    live(room, paper, days=32, step_hours=12)
    assert room.told() == ["The feed weekly is silent"]


def test_fault_feed_23_nights_and_weekends_are_no_silence(room: Newsroom, site: Site) -> None:
    def office_hours(at: datetime) -> bool:
        return at.weekday() < 5 and 7 <= at.hour < 17

    paper = Paper(site, "herald", room.clock, every=timedelta(minutes=20), only=office_hours)
    paper.prints()
    room.reads("herald", paper.url)
    live(room, paper, days=13)
    assert room.told() == []


def test_fault_feed_23_a_feed_that_died_before_it_was_added_is_told(room: Newsroom, site: Site) -> None:
    paper = fifty_a_day(room, site)
    paper.stops()
    room.clock.passes(days=100)
    live(room, paper, days=1)
    assert room.told() == ["The feed herald is silent"]


def test_a_feed_that_never_had_an_entry_is_given_a_month(room: Newsroom, site: Site) -> None:
    site.publishes("/warnings", rss())
    room.reads("warnings", site.url("/warnings"))
    live(room, days=28, step_hours=24)
    assert silent_feeds(room) == {}
    live(room, days=5, step_hours=24)
    assert silent_feeds(room) == {"warnings": "quiet"}


# --- emptied, undated ---------------------------------------------------------------------------------------------------


def test_fault_feed_23_a_feed_that_is_emptied_is_told_once_and_a_moment_of_it_never(room: Newsroom, site: Site) -> None:
    paper = fifty_a_day(room, site)
    live(room, paper, days=0.5)
    site.publishes("/herald", rss())
    live(room, days=0.15)
    assert silent_feeds(room) == {"herald": "emptied"}
    live(room, paper, days=1)
    assert (silent_feeds(room), room.told()) == ({}, [])
    site.publishes("/herald", rss())
    live(room, days=3)
    assert room.told() == ["The feed herald is empty"]
    paper.goes_on()
    live(room, paper, days=0.5)
    assert room.told()[1:] == ["The feed herald is as usual again"]


def test_fault_feed_23_dates_that_go_bad_are_told_once_and_once_when_they_are_good_again(
    room: Newsroom, site: Site
) -> None:
    paper = fifty_a_day(room, site)
    live(room, paper, days=0.5)
    paper.has_dates = False
    live(room, paper, days=2)
    assert silent_feeds(room) == {"herald": "undated"}
    assert room.told() == ["The feed herald gives no dates any more"]
    paper.has_dates = True
    live(room, paper, days=0.5)
    assert silent_feeds(room) == {}
    assert len(room.told()) == 2


def test_a_feed_without_dates_from_the_start_is_nothing_to_tell(room: Newsroom, site: Site) -> None:
    paper = Paper(site, "herald", room.clock, every=timedelta(minutes=29))
    paper.has_dates = False
    paper.prints()
    room.reads("herald", paper.url)
    live(room, paper, days=4)
    assert (silent_feeds(room), room.told()) == ({}, [])


# --- 304 for ever -------------------------------------------------------------------------------------------------------


def never_modified(site: Site, paper: Paper) -> None:
    """A server that answers any question for changes with 304; its ETag never changes."""

    def answering(request: Request, line: Line) -> None:
        if request.header("if-none-match"):
            line.send(b'HTTP/1.1 304 Not Modified\r\nETag: "one"\r\n\r\n')
            return
        body = rss(*reversed(paper._items))
        head = f'HTTP/1.1 200 OK\r\nETag: "one"\r\nContent-Type: application/rss+xml\r\nContent-Length: {len(body)}\r\n\r\n'
        line.send(head.encode() + body)

    site._does(f"/{paper.name}", answering)


def test_fault_feed_23_a_server_that_says_304_for_ever_is_asked_in_full_once_a_day_and_told_once(
    room: Newsroom, site: Site
) -> None:
    paper = fifty_a_day(room, site)
    end_at = room.clock() + 6 * DAY
    while room.clock() < end_at:
        paper.prints()
        never_modified(site, paper)
        room.polls()
        room.clock.passes(hours=6)
    in_full = [each for each in site.asked_for("/herald") if not each.header("if-none-match")]
    assert 5 <= len(in_full) <= 7, "once a day, and the first"
    assert len(room.rows(ArticleRow)) >= 5 * 30, "what the document still holds then"
    assert silent_feeds(room) == {"herald": "stuck"}
    assert room.told() == ['The feed herald says "not modified" though it is']
    live(room, paper, days=2)  # an honest server again
    assert silent_feeds(room) == {}
    assert len(room.told()) == 2


def test_f20_a_feed_whose_silence_is_usual_is_never_asked_in_full(room: Newsroom, site: Site) -> None:
    paper = Paper(site, "daily", room.clock, every=DAY)
    paper.prints()
    room.reads("daily", paper.url)
    live(room, paper, days=12, step_hours=6)
    in_full = [each for each in site.asked_for("/daily") if not each.header("if-none-match")]
    assert len(in_full) == 1


def test_a_dead_feed_is_asked_in_full_ever_more_rarely(room: Newsroom, site: Site) -> None:
    paper = fifty_a_day(room, site)
    paper.stops()
    live(room, paper, days=60, step_hours=12)
    in_full = [each for each in site.asked_for("/herald") if not each.header("if-none-match")]
    assert 8 <= len(in_full) <= 25


# --- no storms ----------------------------------------------------------------------------------------------------------


def many(room: Newsroom, site: Site, count: int) -> list[Paper]:
    papers = [Paper(site, f"paper{n:02}", room.clock, every=timedelta(minutes=23 + 5 * n)) for n in range(count)]
    for paper in papers:
        paper.prints()
        room.reads(paper.name, paper.url)
    return papers


def test_fault_feed_23_christmas_is_one_notice_and_its_end_another(room: Newsroom, site: Site) -> None:
    papers = many(room, site, 7)
    live(room, *papers, days=1)
    for paper in papers[1:]:
        paper.stops()
    live(room, *papers, days=4)
    assert len(silent_feeds(room)) == 6
    assert len(room.told()) == 1
    assert "at once" in room.told()[0]
    for paper in papers:
        paper.goes_on()
    live(room, *papers, days=2)
    assert silent_feeds(room) == {}
    assert len(room.told()) == 2


def test_fault_feed_23_a_laptop_closed_for_three_days_wakes_up_without_notices(room: Newsroom, site: Site) -> None:
    papers = many(room, site, 3)
    live(room, *papers, days=1)
    room.clock.passes(days=3)
    live(room, *papers, days=1)
    assert (silent_feeds(room), room.told()) == ({}, [])
    room.restarts()
    room.clock.passes(days=30)
    live(room, *papers, days=1)
    assert (silent_feeds(room), room.told()) == ({}, [])


def test_fault_feed_23_a_silence_that_began_before_the_machine_slept_is_not_told_before_the_feed_was_asked_again(
    room: Newsroom, site: Site
) -> None:
    papers = many(room, site, 3)
    live(room, *papers, days=1)
    papers[0].stops()
    while not silent_feeds(room):
        live(room, *papers, days=0.1)
    room.clock.passes(days=3)
    papers[0].goes_on()
    papers[0]._at -= 2 * DAY
    live(room, *papers, days=1)
    assert room.told() == []


def test_fault_feed_23_a_network_that_is_down_for_days_makes_no_feed_silent(room: Newsroom, site: Site) -> None:
    papers = many(room, site, 3)
    live(room, *papers, days=1)
    site.goes_down()
    live(room, days=4)
    site.comes_back()
    live(room, *papers, days=2)
    assert silent_feeds(room) == {}
    assert [title for title in room.told() if "silen" in title] == []


def test_feeds_that_fall_silent_on_one_day_are_told_together_and_together_when_they_are_back(
    room: Newsroom, site: Site
) -> None:
    papers = many(room, site, 6)
    live(room, *papers, days=1)
    for paper in papers[:3]:
        paper.stops()
    live(room, *papers, days=3)
    assert room.told() == ["3 feeds are silent"]
    papers[0].goes_on()
    live(room, *papers, days=0.5)
    assert room.told() == ["3 feeds are silent"]
    for paper in papers[1:3]:
        paper.goes_on()
    live(room, *papers, days=1)
    assert room.told() == ["3 feeds are silent", "3 feeds are as usual again"], [
        (row.title, row.created_at, row.payload["body"]) for row in room.rows(AlertRow)
    ]


def test_a_feed_with_a_new_address_begins_anew(room: Newsroom, site: Site) -> None:
    paper = fifty_a_day(room, site)
    live(room, paper, days=1)
    paper.stops()
    live(room, paper, days=2)
    assert silent_feeds(room) == {"herald": "quiet"}
    other = Paper(site, "elsewhere", room.clock, every=timedelta(minutes=29))
    other.prints()
    room.reads("herald", other.url)
    live(room, other, days=0.2)
    assert silent_feeds(room) == {}
