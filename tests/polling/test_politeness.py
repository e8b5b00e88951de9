"""What a publisher's access log shows of us over days: when we come, after which answers, and whom we leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path

import pytest

from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.feeds import FeedRow, HostRow
from tests.conftest import SetClock
from tests.fakes.site import Line, Request, Site, rss
from tests.newsroom import Newsroom


def item(number: int) -> tuple[str, ...]:
    text = f"The council meets on Monday to speak about item {number} of the budget."
    return (f"Council meets, part {number}", f"https://herald.example/{number}", f"guid-{number}", text)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock) -> Iterator[Newsroom]:
    with Newsroom(tmp_path, clock) as room:
        yield room


def visits(room: Newsroom, site: Site, *, hours: float, step_minutes: float = 15) -> list[tuple[datetime, str]]:
    """When the site was asked for what, while time passes by the room's clock."""
    log: list[tuple[datetime, str]] = []
    end_at = room.clock() + timedelta(hours=hours)
    while room.clock() < end_at:
        site.forgets()
        room.polls()
        log += [(room.clock(), each.path) for each in site.requests]
        room.clock.passes(minutes=step_minutes)
    return log


def gaps(log: list[tuple[datetime, str]]) -> list[timedelta]:
    return [after - before for (before, _), (after, _) in pairwise(log)]


# --- what the document asks for ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["not modified", "unchanged", "changed", "restarted", "failing"])
def test_fault_feed_18_a_ttl_of_three_hours_holds_in_every_state(
    room: Newsroom, site: Site, clock: SetClock, state: str
) -> None:
    head = "<ttl>180</ttl>"
    room.reads("herald", site.url("/feed"))
    site.publishes("/feed", rss(item(0), head=head), etag="" if state == "unchanged" else None)
    log = visits(room, site, hours=4, step_minutes=20)
    if state == "failing":
        site.answers("/feed", 500)
    for number in range(1, 4):
        if state == "changed":
            site.publishes("/feed", rss(item(number), item(0), head=head))
        if state == "restarted":
            room.restarts()
        log += visits(room, site, hours=4, step_minutes=20)
    assert len(log) >= 4 if state != "failing" else len(log) >= 2
    assert min(gaps(log)) >= timedelta(hours=3)


def test_fault_feed_18_a_ttl_that_a_later_document_no_longer_asks_for_is_over(room: Newsroom, site: Site) -> None:
    room.reads("herald", site.url("/feed"))
    site.publishes("/feed", rss(item(0), head="<ttl>180</ttl>"))
    visits(room, site, hours=2)
    site.publishes("/feed", rss(item(1), item(0)))
    assert len(visits(room, site, hours=4)) >= 4  # every half hour or so: with the ttl there would be two at most


def test_fault_feed_18_hours_and_days_without_news_are_left_out_also_by_polls_that_come_late(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    head = (
        "<skipDays><day>Saturday</day><day> sunday </day></skipDays>"
        f"<skipHours>{''.join(f'<hour>{hour}</hour>' for hour in (0, 1, 2, 3, 22, 23))}</skipHours>"
    )
    room.reads("herald", site.url("/feed"), interval_minutes=50)
    site.publishes("/feed", rss(item(0), head=head))
    log = visits(room, site, hours=24, step_minutes=50)
    clock.at = clock.at.replace(hour=21, minute=50)
    log += visits(room, site, hours=0.1)
    clock.passes(minutes=50)  # nobody was there when it was due: now it is a time to leave out
    log += visits(room, site, hours=24 * 4, step_minutes=50)
    assert {at.weekday() for at, _ in log} == {0, 2, 3, 4}
    assert not {at.hour for at, _ in log} & {0, 1, 2, 3, 22, 23}
    assert room.feed("herald").failures == 0


def test_a_long_wait_in_good_order_survives_the_start_of_a_daemon(room: Newsroom, site: Site, clock: SetClock) -> None:
    from monitor.store import nodes

    room.reads("weekly", site.url("/weekly"), interval_minutes=7 * 24 * 60)
    room.reads("herald", site.url("/feed"))
    for path in ("/feed", "/weekly"):
        site.publishes(path, rss(item(0)))
    room.polls()
    clock.passes(hours=1)
    with room.app.db.writing() as session:
        assert nodes.make_distant_due(session, now=clock(), at_most_for=timedelta(days=2)) == 0
    clock.at -= timedelta(days=300)  # the time of now had been a wrong one
    with room.app.db.writing() as session:
        assert nodes.make_distant_due(session, now=clock(), at_most_for=timedelta(days=2)) == 2


def test_the_owner_may_ask_for_two_minutes(room: Newsroom, site: Site) -> None:
    """Rule 3 of feed readers (at most once an hour, once a day without validators) yields to the owner's word."""
    room.reads("herald", site.url("/feed"), interval_minutes=2)
    site.publishes("/feed", rss(item(0)), etag="")
    assert len(visits(room, site, hours=1, step_minutes=1)) >= 20


# --- refusals ---------------------------------------------------------------------------------------------------------


def test_fault_feed_22_one_answer_a_minute_is_taken_at_its_word(room: Newsroom, site: Site, clock: SetClock) -> None:
    """Twelve feeds of a server like Reddit's: after each refusal it is left alone until the time that it names."""
    answered_at: list[datetime] = []

    def one_a_minute(request: Request, line: Line) -> None:
        now = clock()
        if answered_at and now - answered_at[-1] < timedelta(seconds=60):
            left = 60 - round((now - answered_at[-1]).total_seconds())
            line.send(f"HTTP/1.1 429 Too Many\r\nx-ratelimit-reset: {left}\r\nContent-Length: 0\r\n\r\n".encode())
            return
        answered_at.append(now)
        body = rss(item(0))
        line.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    for number in range(12):
        site._does(f"/{number}", one_a_minute)
        room.reads(f"feed{number:02}", site.url(f"/{number}"), interval_minutes=60)
    log = visits(room, site, hours=0.5, step_minutes=1 / 6)
    assert all(row.last_success_at for row in room.rows(FeedRow)), "an hour is not waited for what takes a minute"
    refused = len(log) - len(answered_at)
    assert refused <= len(answered_at) + 2
    assert len([at for at, _ in log if at - log[0][0] < timedelta(seconds=60)]) <= 2


@pytest.mark.parametrize("status", [429, 503])
def test_fault_feed_22_a_refusal_without_a_time_rests_all_feeds_of_the_host_longer_each_time(
    room: Newsroom, site: Site, clock: SetClock, status: int
) -> None:
    with Site("127.0.0.2") as other:
        other.publishes("/feed", rss(item(0)))
        room.reads("other", other.url("/feed"))
        for number in range(6):
            site.answers(f"/{number}", status)
            room.reads(f"feed{number}", site.url(f"/{number}"))
        log = visits(room, site, hours=12, step_minutes=5)
        times = sorted({at for at, _ in log})
        assert all(sum(at == each for each, _ in log) <= 2 for at in times), "only polls that were under way"
        rests = gaps([(at, "") for at in times])
        assert len(rests) >= 4
        assert all(rest >= timedelta(minutes=5) * 2**number for number, rest in enumerate(rests))
        assert room.feed("other").failures == 0
        assert room.feed("other").polls > 20, "another host is not meant"
        for number in range(6):
            site.publishes(f"/{number}", rss(item(0)))
        visits(room, site, hours=48, step_minutes=60)
        assert {row.outcome for row in room.rows(FeedRow)} <= {"ok", "not modified"}
        assert [row.refusals for row in room.rows(HostRow)] == [0]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Retry-After", "1800"),
        ("Retry-After", format_datetime(datetime(2021, 10, 20, 12, 30, tzinfo=UTC), usegmt=True)),
        ("x-ratelimit-reset", "1800"),
        ("X-RateLimit-Reset", str(int(datetime(2021, 10, 20, 12, 30, tzinfo=UTC).timestamp()))),
        ("RateLimit-Reset", "1800"),
        ("RateLimit", '"default";r=0;t=1800'),
    ],
)
def test_fault_feed_22_half_an_hour_is_half_an_hour_however_it_is_said(
    room: Newsroom, site: Site, clock: SetClock, header: str, value: str
) -> None:
    for name in ("one", "two", "three", "four"):
        site.answers(f"/{name}", 429, [(header, value)], times=1)
        site.publishes(f"/{name}", rss(item(0)))
        room.reads(name, site.url(f"/{name}"))
    begun_at = clock()
    log = visits(room, site, hours=0.75, step_minutes=5)
    early = [path for at, path in log if at < begun_at + timedelta(minutes=30)]
    assert len(early) <= 2
    room.restarts()
    log += visits(room, site, hours=1.5, step_minutes=5)
    assert not [at for at, _ in log if begun_at < at < begun_at + timedelta(minutes=30)]
    assert {row.outcome for row in room.rows(FeedRow)} <= {"ok", "not modified"}


@pytest.mark.parametrize("value", ["0", "-1", "soon", "999999999999"])
def test_fault_feed_22_nonsense_neither_hammers_nor_ends_a_feed(
    room: Newsroom, site: Site, clock: SetClock, value: str
) -> None:
    site.answers("/feed", 429, [("Retry-After", value), ("x-ratelimit-reset", value)], times=1)
    site.publishes("/feed", rss(item(0)))
    room.reads("herald", site.url("/feed"))
    room.polls()
    wait_for = room.feed("herald").next_poll_at - clock()
    assert timedelta(minutes=5) <= wait_for <= timedelta(hours=27)
    visits(room, site, hours=28, step_minutes=60)
    assert room.feed("herald").last_success_at is not None


def test_fault_feed_22_a_host_that_rests_is_not_asked_through_a_redirect_either(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    with Site("127.0.0.2") as gateway:
        site.answers("/feed", 429, [("Retry-After", "3600")], times=1)
        site.publishes("/feed", rss(item(0)))
        gateway.redirects("/moved", site.url("/feed"))
        room.allows("127.0.0.0/8")  # `allow_private` opens a feed's own server alone
        room.reads("direct", site.url("/feed"))
        room.polls()
        room.reads("moved", gateway.url("/moved"))
        log = visits(room, site, hours=0.9)
        assert log == []
        assert (room.feed("moved").failures, room.feed("moved").outcome) == (0, "")
        visits(room, site, hours=1)
        assert room.feed("moved").outcome in ("ok", "not modified")


@pytest.mark.parametrize("status", [420, 509, 529])
def test_fault_feed_22_refusals_of_no_standard_rest_the_host_as_429_does(
    room: Newsroom, site: Site, status: int
) -> None:
    for name in ("sport", "news", "culture"):
        room.reads(name, site.url(f"/{name}"))
        site.answers(f"/{name}", status)
    log = visits(room, site, hours=1, step_minutes=1)
    assert len(log) <= 8, "five minutes, then ten, then twenty, whatever feeds are due"
    assert [row.refusals > 0 for row in room.rows(HostRow)] == [True]


def test_fault_feed_20_an_answer_that_a_proxy_passed_on_is_an_answer(room: Newsroom, site: Site) -> None:
    """203 is a 200 whose body somebody on the way may have changed (RFC 9110 section 15.3.4)."""
    room.reads("herald", site.url("/feed"))
    site.answers("/feed", 203, {"Content-Type": "application/rss+xml"}, rss(item(1)))
    log = visits(room, site, hours=1)
    assert log
    assert (room.feed("herald").outcome, room.feed("herald").failures) == ("unchanged", 0)


def test_f10_a_feed_that_moves_to_where_another_is_read_is_told_so(tmp_path: Path, clock: SetClock, site: Site) -> None:
    """Two feeds at one address are refused in settings: who was told to correct the address could not start any more."""
    with Newsroom(tmp_path, clock) as room:
        site.publishes("/new", rss(("Choir wins prize", "https://news.example/1", "1", "The choir won.", clock())))
        site.redirects("/old", site.url("/new"), 301)
        room.reads("herald", site.url("/old"))
        room.reads("gazette", site.url("/new"))
        room.lives(hours=24 * 8, step_minutes=360)
        (body,) = [row.payload["body"] for row in room.rows(AlertRow) if row.title == "The feed herald moved"]
        assert "the address of the feed gazette" in body
        assert "Remove one of the two" in body
