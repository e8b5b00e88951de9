"""Fault 21: walls that redirect until their cookie comes back (miniflux#1512). Kept within one fetch and host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.net import cookies
from monitor.net.http import Headers
from monitor.reading.fetch import Fetcher
from tests.fakes.site import Line, Request, Site
from tests.reading.test_fetch import NEWS, NOW, failure, get, with_fetcher


@pytest.fixture
def other() -> Iterator[Site]:
    with Site("127.0.0.2") as site:
        yield site


def walls(site: Site, path: str, cookie: str, *, to: str = "", answer: bytes = NEWS) -> None:
    """Nobody reads `path` without its cookie: the site sets it and sends the reader to `to`, by default to the same place."""
    wanted = cookie.partition(";")[0].strip()

    def answering(request: Request, line: Line) -> None:
        if wanted in (request.header("cookie") or "").split("; "):
            line.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)
        else:
            head = f"HTTP/1.1 302 Found\r\nLocation: {to or path}\r\nSet-Cookie: {cookie}\r\nContent-Length: 0\r\n\r\n"
            line.send(head.encode())

    site._does(path, answering)


@pytest.mark.parametrize(
    "cookie",
    [
        *(
            "seen=1",
            "seen=1; Path=/",
            "seen=1; Path=/other; HttpOnly; SameSite=Lax",
            "seen=1; Max-Age=60",
            "a=",
            "seen=a=b=c",
        ),
        *(
            'seen="q"',
            "seen=1; Expires=Wed, 01 Dec 2099 00:00:00 GMT",
            "s{e}en=1",
            "seen=1; Domain=.127.0.0.1",
            "seen=1;;;",
        ),
        *("__cf_bm=x.y-z; Secure", "seen=%7B%22a%22%7D", "seen=1 2"),
    ],
)
def test_fault_feed_21_a_wall_that_waits_for_its_cookie_is_passed(site: Site, cookie: str) -> None:
    walls(site, "/feed", cookie)
    assert get(site.url("/feed")).body == NEWS
    assert [each.header("cookie") for each in site.requests] == [None, cookie.partition(";")[0]]


def test_fault_feed_21_a_wall_by_way_of_another_page(site: Site) -> None:
    walls(site, "/feed", "a=1", to="/check")
    site.answers("/check", 302, [("Location", "/feed"), ("Set-Cookie", "b=2")])
    assert get(site.url("/feed")).body == NEWS
    assert site.requests[-1].header("cookie") == "a=1; b=2"


def test_fault_feed_21_cookies_end_with_the_fetch(site: Site) -> None:
    walls(site, "/feed", "seen=1")

    async def twice(fetcher: Fetcher) -> None:
        for _ in range(2):
            await fetcher.get(site.url("/feed"), now=NOW)

    with_fetcher(twice)
    assert [each.header("cookie") for each in site.requests] == [None, "seen=1"] * 2


def test_fault_feed_21_no_other_host_gets_them(site: Site, other: Site) -> None:
    site.answers("/feed", 302, [("Location", other.url("/feed")), ("Set-Cookie", "id=1; Domain=127.0.0.2; Path=/")])
    other.answers("/feed", 302, [("Location", site.url("/real")), ("Set-Cookie", "theirs=2")])
    site.answers("/real", 200, {}, NEWS)
    assert get(site.url("/feed")).body == NEWS
    assert [each.header("cookie") for each in other.requests] == [None]
    assert [each.header("cookie") for each in site.requests] == [None, "id=1"]


def test_fault_feed_21_a_port_is_another_host(site: Site) -> None:
    with Site() as neighbour:
        site.answers("/feed", 302, [("Location", neighbour.url("/feed")), ("Set-Cookie", "id=1")])
        neighbour.answers("/feed", 200, {}, NEWS)
        get(site.url("/feed"))
        assert neighbour.requests[0].header("cookie") is None


def test_fault_feed_21_a_wall_that_never_opens_ends(site: Site) -> None:
    site.answers("/feed", 302, [("Location", "/feed"), ("Set-Cookie", "seen=1")])
    assert failure(site.url("/feed")).code == "redirect"


@pytest.mark.parametrize(
    "line", ["seen=; Max-Age=0", "seen=x; max-age=-1", "seen=x; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]
)
def test_fault_feed_21_a_cookie_taken_back_is_gone(line: str) -> None:
    assert cookies.after(Headers([(b"Set-Cookie", line.encode())]), {"seen": "1", "b": "2"}) == {"b": "2"}


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=60), max_size=80))
def test_fault_feed_21_whatever_servers_set_can_be_sent(lines: list[bytes]) -> None:
    sent = cookies.header(cookies.after(Headers([(b"set-cookie", each) for each in lines]), {})).get("Cookie", "")
    assert len(sent) <= cookies.MAX_BYTES + 2 * cookies.MAX_COOKIES
    assert not any(each in sent for each in "\r\n\0")
    sent.encode("latin-1")
