"""Cases of the outside world, by number, through whole rounds: real store, fetcher and workers, a scripted far side."""

from __future__ import annotations

import random
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.net.addresses import Resolver, system_lookup
from monitor.net.http import HttpClient
from monitor.polling import cadence
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.feeds import FeedRow
from monitor.types.fetching import FeedState, Fetched, Lease
from tests.conftest import SetClock
from tests.fakes import certificates
from tests.fakes.patience import PATIENCE, soon
from tests.fakes.sink import Sink
from tests.fakes.site import Request, Site, rss
from tests.newsroom import Newsroom

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)


def item(number: int, title: str = "Council meets on Monday", text: str = "") -> tuple[str, ...]:
    text = text or f"The council meets on Monday to speak about item {number} of the budget."
    return (title, f"https://herald.example/{number}", f"guid-{number}", text, "2021-10-20T11:00:00+00:00")


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> Iterator[Newsroom]:
    """A newsroom that follows the bridge and reads the herald, whose first poll is over."""
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
        room.reads("herald", site.url("/feed"))
        room.tells("desk", sink.url)
        site.publishes("/feed", rss(item(0)))
        room.polls()
        clock.passes(minutes=20)
        site.forgets()
        yield room


def conditions(request: Request) -> tuple[str | None, str | None]:
    return request.header("if-none-match"), request.header("if-modified-since")


# --- redirects --------------------------------------------------------------------------------------------------------


def test_f10_a_permanent_move_that_is_taken_back_within_a_week_leaves_the_address(room: Newsroom, site: Site) -> None:
    here = site.url("/feed")
    site.publishes("/new", rss(item(0), item(1)))
    site.redirects("/feed", site.url("/new"), status=308)
    room.lives(hours=24 * 6, step_minutes=360)
    site.publishes("/feed", rss(item(0), item(2)))
    room.lives(hours=24, step_minutes=360)
    site.redirects("/feed", site.url("/new"), status=308)
    room.lives(hours=24 * 6, step_minutes=360)  # the week began anew
    assert room.feed("herald").url == here
    assert room.told() == []
    assert len(room.rows(ArticleRow)) == 3


def test_f10_a_permanent_move_to_a_web_page_is_never_kept(room: Newsroom, site: Site) -> None:
    site.publishes("/login", "<html><body><p>Please log in.</p></body></html>", content_type="text/html")
    site.redirects("/feed", site.url("/login"), status=301)
    room.lives(hours=24 * 9, step_minutes=360)
    row = room.feed("herald")
    assert row.url == site.url("/feed")
    assert row.failures
    assert len(room.rows(ArticleRow)) == 1


def test_f10_a_permanent_move_to_a_private_address_is_refused(tmp_path: Path, clock: SetClock, site: Site) -> None:
    """The feed is allowed on 127.0.0.1 by the list of networks, so another loopback address is not."""
    with (
        Newsroom(tmp_path, clock, fetch={"allow_networks": ["127.0.0.1/32"], "pages": "never"}) as room,
        Site("127.0.0.2") as inside,
    ):
        room.reads("herald", site.url("/feed"), allow_private=False)
        inside.publishes("/feed", rss(item(5)))
        site.redirects("/feed", inside.url("/feed"), status=301)
        room.lives(hours=24 * 8, step_minutes=720)
        assert inside.connections == 0
        assert room.feed("herald").url == site.url("/feed")
        assert "loopback" in (room.feed("herald").error or "")


@pytest.mark.parametrize("status", [302, 307])
def test_f11_a_temporary_redirect_for_months_changes_no_address(room: Newsroom, site: Site, status: int) -> None:
    site.publishes("/elsewhere", rss(item(0), item(1)))
    site.redirects("/feed", site.url("/elsewhere"), status=status)
    room.lives(hours=24 * 60, step_minutes=60 * 24)
    assert room.feed("herald").url == site.url("/feed")
    assert len(room.rows(ArticleRow)) == 2
    assert room.told() == ["The feed herald is silent"], "nothing new for two months, and no word of a move"


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_f15_two_hundred_feeds_of_one_host_share_its_pause(tmp_path: Path, clock: SetClock, site: Site) -> None:
    feeds = {
        f"feed-{n}": {"url": site.url(f"/feed/{n}"), "allow_private": True, "first_poll": "all"} for n in range(200)
    }
    with Newsroom(tmp_path, clock, feeds=feeds) as room:
        for n in range(200):
            site.answers(f"/feed/{n}", 503, [("Retry-After", "3600")])
        room.polls()
        asked = len(site.requests)
        assert asked <= 4  # those under way when the first answer came
        assert site.most_at_once <= 2
        clock.passes(minutes=50)
        room.restarts()
        room.polls()
        assert len(site.requests) == asked
        clock.passes(minutes=70)
        room.polls()
        assert asked < len(site.requests) <= 2 * asked + 4


# --- conditional requests -----------------------------------------------------------------------------------------------


def test_f20_one_unconditional_request_over_many_restarts_and_polls(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.reads("herald", site.url("/feed"))
        site.publishes("/feed", rss(item(0)), last_modified="Wed, 20 Oct 2021 10:00:00 GMT")
        for restart in range(8):
            room.restarts()
            for _ in range(8):
                room.polls()
                clock.passes(minutes=45)
            if restart % 5 == 4:
                site.publishes("/feed", rss(item(0), item(restart)), last_modified="Wed, 20 Oct 2021 11:00:00 GMT")
        asked = [conditions(each) for each in site.asked_for("/feed")]
        assert len(asked) >= 50
        assert [each for each in asked if each == (None, None)] == [(None, None)]
        assert asked[0] == (None, None)


@pytest.mark.parametrize("etag", ['"abc"', 'W/"abc"', "abc", '"' + "x" * 8000 + '"', '"\u00e9t\u00e9"'])
def test_f21_a_tag_comes_back_byte_for_byte_also_after_a_restart(
    tmp_path: Path, clock: SetClock, site: Site, etag: str
) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.reads("herald", site.url("/feed"))
        site.publishes("/feed", rss(item(0)), etag=etag)
        room.polls()
        room.restarts()
        clock.passes(minutes=20)
        room.polls()
        assert [each.header("if-none-match") for each in site.asked_for("/feed")] == [None, etag]
        assert room.feed("herald").polls_not_modified == 1


def test_f21_a_tag_too_long_to_send_is_dropped(room: Newsroom, site: Site, clock: SetClock) -> None:
    site.publishes("/feed", rss(item(0), item(1)), etag='"' + "x" * 9000 + '"')
    for _ in range(2):
        room.polls()
        clock.passes(minutes=20)
    assert conditions(site.asked_for("/feed")[-1]) == (None, None)
    assert room.feed("herald").failures == 0


def test_f22_f23_both_validators_follow_the_server_also_with_a_304(room: Newsroom, site: Site, clock: SetClock) -> None:
    since = "Wed, 20 Oct 2021 10:00:00 GMT"
    body = rss(item(0), item(1))
    site.publishes("/feed", body, etag='"one"', last_modified=since)
    room.polls()
    clock.passes(minutes=20)
    site.publishes("/feed", body, etag='"two"', last_modified=since)
    room.polls()
    clock.passes(minutes=20)
    site.answers("/feed", 304, [("ETag", '"three"')])
    room.polls()
    clock.passes(minutes=20)
    room.polls()
    assert [conditions(each) for each in site.asked_for("/feed")][1:] == [
        ('"one"', since),
        ('"two"', since),
        ('"three"', since),
    ]


def test_f24_the_same_body_each_time_touches_nothing_and_is_asked_for_less_often(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    site.publishes("/feed", rss(item(0), item(1)), etag="")
    room.lives(hours=48, step_minutes=15)
    first_day = sum(1 for _ in site.requests)
    assert len(room.rows(ArticleRow)) == 2
    assert room.feed("herald").outcome == "unchanged"
    assert first_day <= 48 * 4


@pytest.mark.parametrize(
    ("headers", "head", "hours"),
    [
        ({"Cache-Control": "max-age=43200"}, "", 12),
        ({"Cache-Control": "public, max-age=999999999"}, "", 24),
        ({"Expires": "Wed, 20 Oct 2021 18:20:00 GMT", "Date": "Wed, 20 Oct 2021 12:20:00 GMT"}, "", 6),
        ({}, "<ttl>180</ttl>", 3),
        ({}, f"<skipHours>{''.join(f'<hour>{hour}</hour>' for hour in range(12, 20))}</skipHours>", 7.6),
    ],
)
def test_f25_a_publishers_wish_is_kept(
    room: Newsroom, site: Site, clock: SetClock, headers: dict[str, str], head: str, hours: float
) -> None:
    site.publishes("/feed", rss(item(0), item(1), head=head), headers=headers)
    room.polls()
    asked = len(site.requests)
    wait_for = room.feed("herald").next_poll_at - clock()
    assert timedelta(hours=hours) * 0.99 <= wait_for <= timedelta(hours=hours * 1.11, minutes=20)
    clock.passes(hours=hours * 0.95)
    room.restarts()
    room.polls()
    assert len(site.requests) == asked


def test_f26_nothing_is_sent_but_the_question_whatever_was_set(tmp_path: Path, clock: SetClock, site: Site) -> None:
    with Newsroom(tmp_path, clock, fetch={"contact": "https://us.example/about", "pages": "never"}) as room:
        room.reads("herald", site.url("/feed?x=1"))
        site.publishes("/feed", rss(item(0)), headers=[("Set-Cookie", "id=1; Path=/"), ("Set-Cookie", "b=2")])
        for _ in range(3):
            room.polls()
            clock.passes(minutes=20)
        assert {each.path for each in site.requests} == {"/feed?x=1"}
        for each in site.requests:
            assert {name.lower() for name, _ in each.headers} <= {
                b"host", b"accept", b"accept-encoding", b"user-agent", b"connection", b"if-none-match", b"if-modified-since",
            }  # fmt: skip
            assert (each.header("user-agent") or "").endswith("(+https://us.example/about)")


def test_f27_a_restart_every_minute_polls_no_more_often(room: Newsroom, site: Site, clock: SetClock) -> None:
    room.polls()
    site.forgets()
    for _ in range(12):
        clock.passes(minutes=5)
        room.restarts()
        room.polls()
    assert 2 <= len(site.requests) <= 4


# --- TLS and names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificate", "word"),
    [("EXPIRED", "certificate"), ("WRONG_NAME", "certificate"), ("GOOD", "certificate"), ("OLD_TLS", "TLS")],
)
def test_f29_a_feed_without_a_secure_connection_is_refused_in_clear_words(
    tmp_path: Path, clock: SetClock, certificate: str, word: str
) -> None:
    """GOOD is signed by itself."""
    context = certificates.for_a_site(getattr(certificates, certificate, certificates.GOOD), tmp_path)
    if certificate == "OLD_TLS":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("NULL:@SECLEVEL=0")
    with Site(tls=context) as site, Newsroom(tmp_path, clock) as room:
        room.reads("herald", site.url("/feed"))
        site.publishes("/feed", rss(item(0)))
        room.polls()
        row = room.feed("herald")
        assert row.outcome == "tls"
        assert word in (row.error or "")
        assert site.requests == []


def test_f29_a_redirect_from_https_to_http_is_refused_in_clear_words(
    tmp_path: Path, clock: SetClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificates.for_a_site(certificates.GOOD, tmp_path)
    monkeypatch.setattr("monitor.net.http._public_tls", lambda: certificates.for_a_reader(certificates.GOOD))
    with Site(tls=context) as secure, Newsroom(tmp_path, clock) as room:
        secure.redirects("/feed", site.url("/feed"), status=301)
        room.reads("herald", secure.url("/feed"))
        room.polls()
        assert "from https to http" in (room.feed("herald").error or "")
        assert site.connections == 0


def test_f30_a_name_service_that_hangs_holds_up_no_other_feed(
    tmp_path: Path, clock: SetClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    was_asked_meanwhile = []

    def slow(host: str, port: int) -> object:
        if not host.endswith(".example"):
            return system_lookup(host, port)
        soon(lambda: site.requests)
        was_asked_meanwhile.append(host)
        raise OSError("no answer")

    monkeypatch.setitem(HttpClient.__init__.__kwdefaults__, "lookup", slow)
    monkeypatch.setitem(Resolver.__init__.__kwdefaults__, "limit_for", 10 * PATIENCE)
    feeds = {f"slow-{n}": {"url": f"https://h{n}.example/feed"} for n in range(10)}
    feeds["herald"] = {"url": site.url("/feed"), "allow_private": True}  # type: ignore[dict-item]
    with Newsroom(tmp_path, clock, feeds=feeds) as room:
        site.publishes("/feed", rss(item(0)))
        room.polls()
        assert len(was_asked_meanwhile) == 10
        assert room.feed("herald").outcome == "ok"
        assert {row.outcome for row in room.rows(FeedRow) if row.name != "herald"} <= {"dns", "timeout"}


# --- documents --------------------------------------------------------------------------------------------------------

NASTY = {
    "reading direction": "Marrow bridge \u202etxt.exe\u202c piers \u2067cracked\u2069",
    "zero width": "Mar\u200brow\u2060 bridge\ufeff piers cracked",
    "homoglyphs": "Mаrrow bridge piers crаcked",  # Cyrillic а
    "emoji": "Marrow bridge 👩\u200d👩\u200d👧\u200d👦 piers 🏳️\u200d🌈 cracked 👍🏽" * 30,
    "marks": "Marrow bridge piers cracked" + "\u0301" * 5000,
    "half a pair": "Marrow bridge \ud83d piers cracked",
}


@pytest.mark.parametrize("title", NASTY.values(), ids=NASTY.keys())
def test_x9_a_title_that_plays_tricks_is_told_plainly(room: Newsroom, site: Site, sink: Sink, title: str) -> None:
    body = rss(item(1, "TITLE", BRIDGE)).decode().replace("TITLE", title.replace("&", "&amp;"))
    site.publishes("/feed", body.encode("utf-8", "xmlcharrefreplace" if "\ud83d" in title else "strict"))
    room.polls()
    room.delivers()
    (received,) = sink.received
    told = received.json()["data"]["article"]["title"]
    assert "row" in told
    assert not set(told) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u2060\ufeff\ud83d")
    assert len(told) <= 1000
    assert told.count("\u0301") < 100


def test_x11_mutated_feeds_never_stop_the_rounds_nor_cost_a_good_feed_an_article(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    rnd = random.Random(11)
    base = rss(*(item(n, f"Council meets, part {n}", BRIDGE) for n in range(5)))
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
        room.reads("good", site.url("/good"), first_poll="all")
        for n in range(8):
            room.reads(f"odd-{n}", site.url(f"/odd/{n}"), first_poll="all")
        for number in range(6):
            site.publishes(
                "/good", rss(*(item(100 + n, f"Good news {n}", f"{BRIDGE} Part {n}.") for n in range(number + 1)))
            )
            for n in range(8):
                site.publishes(f"/odd/{n}", mutated(base, rnd), content_type=rnd.choice(TYPES))
            room.polls()
            clock.passes(hours=30)  # past any backoff
        stored = {row.title for row in room.rows(ArticleRow) if row.source == "good"}
        assert stored == {f"Good news {n}" for n in range(6)}
        assert not [row.error for row in room.rows(FeedRow) if "our own fault" in (row.error or "")]


TYPES = ("application/rss+xml", "text/html; charset=utf-7", "text/xml; charset=bogus-99", "", "application/json")
_PIECES = (
    *(
        b"<",
        b">",
        b"&",
        b"]]>",
        b"<![CDATA[",
        b"\x00",
        b"\xff\xfe",
        b"&#xD800;",
        b"&#0;",
        b"<item>",
        b"</item>",
        b"<!--",
    ),
    *(
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
        b"&a;",
        b"\xed\xa0\x80",
        b'encoding="utf-16"',
        b"<title/>",
        b"{",
        b"9999-99-99",
    ),
)


def mutated(document: bytes, rnd: random.Random) -> bytes:
    """The document with a few bytes flipped, or pieces inserted, removed, doubled or cut off."""
    body = bytearray(document)
    for _ in range(rnd.randint(1, 12)):
        at, size = rnd.randrange(len(body) + 1), rnd.randint(0, 200)
        kind = rnd.randrange(6)
        if kind == 0:
            body[at:at] = rnd.choice(_PIECES)
        elif kind == 1:
            del body[at : at + size]
        elif kind == 2:
            body[at:at] = body[at : at + size]
        elif kind == 3:
            body[at : at + 1] = bytes([rnd.randrange(256)])
        elif kind == 4:
            body[at:at] = rnd.choice(_PIECES) * rnd.randint(1, 300)
        else:
            body = body[: max(1, at)] if rnd.random() < 0.2 else body
    return bytes(body)


# --- a private feed and where it redirects to -------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302])
def test_fault_s13_a_private_feed_that_redirects_to_another_private_server_is_refused(
    tmp_path: Path, clock: SetClock, site: Site, status: int
) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "never"}) as room, Site("127.0.0.2") as inside:
        room.reads("herald", site.url("/feed"), allow_private=True)
        inside.publishes("/feed", rss(item(5)))
        for target in (inside.url("/feed"), f"http://127.0.0.1:{inside.port}/feed", "http://[::1]:8/feed"):
            site.redirects("/feed", target, status=status)
            room.lives(hours=24 * 8, step_minutes=720)
            assert "not one we may call" in (room.feed("herald").error or ""), target
        assert inside.connections == 0
        assert room.feed("herald").url == site.url("/feed")
        site.publishes("/here", rss(item(6)))
        site.redirects("/feed", site.url("/here"), status=302)
        room.lives(hours=48, step_minutes=720)
        assert room.feed("herald").failures == 0


def test_fault_s13_a_private_feed_that_moves_to_another_server_keeps_its_address() -> None:
    """Its right to private addresses belongs to the server that the operator named."""
    feed = FeedState(
        id=1,
        name="nas",
        url="http://nas.example/feed",
        lease=Lease(token="a", until_at=NOW),
        allow_private=True,
        permanent_url="https://elsewhere.example/feed",
        permanent_since_at=NOW - timedelta(days=30),
    )
    for target, moves in (("https://elsewhere.example/feed", None), ("https://nas.example/feed", NOW)):
        fetched = Fetched(url=feed.url, final_url=target, status=200, at=NOW, permanent_url=target)
        update = cadence.update_after_answer(feed, fetched, None, cadence.Cadence(), body_hash=None, now=NOW, jitter=0)
        assert update.new_url is None
        assert update.permanent_since_at == moves
