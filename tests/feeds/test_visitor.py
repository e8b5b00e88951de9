"""Looking at a site for its feeds: what is asked, in which order, and what is said where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.feeds.page_links import read_links
from monitor.feeds.sample import FeedSample, doubts
from monitor.feeds.visitor import REQUESTS, Discovery, Visitor, spellings
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.reading.fetch import Fetcher, FetchLimits
from monitor.reading.workers import Workers
from monitor.store import page_visits
from monitor.store.db import Database
from monitor.types.errors import FetchError, HostRestsError, ParseError
from monitor.types.fetching import HostRest
from tests.fakes.site import Site, atom, rss
from tests.fakes.stores import lay_out

AT_ONCE = FetchLimits(spacing_for=timedelta())
"""Nobody waits for a site of our own."""
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NEWS = rss(
    ("Bridge closed", "https://news.example/1", "1", "The bridge was closed.", NOW - timedelta(days=1)),
    ("Choir wins", "https://news.example/2", "2", "The choir has won the prize.", NOW - timedelta(days=2)),
)
SPORT = rss(("A match", "https://news.example/3", "3", "It ended in a draw.", NOW), title="Sport")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def visitor(fetcher: Fetcher, workers: Workers, db: Database | None = None) -> Visitor:
    return Visitor(fetcher, workers, public=AddressPolicy(), private=AddressPolicy(PRIVATE_NETWORKS), db=db)


def look(workers: Workers, address: str, *, db: Database | None = None, allow_private: bool = True) -> Discovery:
    async def looked() -> Discovery:
        async with Fetcher(limits=AT_ONCE) as fetcher:
            return await visitor(fetcher, workers, db).discover(address, now=NOW, allow_private=allow_private)

    return asyncio.run(looked())


def sample(workers: Workers, address: str, *, db: Database | None = None) -> FeedSample:
    async def read() -> FeedSample:
        async with Fetcher(limits=AT_ONCE) as fetcher:
            return await visitor(fetcher, workers, db).sample(address, now=NOW, allow_private=True)

    return asyncio.run(read())


def html(head: str = "", body: str = "") -> str:
    return f"<!doctype html><html><head><title>The Newspaper</title>{head}</head><body>{body}</body></html>"


def tag(href: str, kind: str = "application/rss+xml") -> str:
    return f'<link rel="alternate" type="{kind}" href="{href}">'


def asked(site: Site) -> list[str]:
    return [each.path for each in site.requests]


# --- where feeds are found --------------------------------------------------------------------------------------------


def test_the_address_of_a_feed_is_asked_once(site: Site, workers: Workers) -> None:
    site.publishes("/rss.xml", NEWS)
    found = look(workers, site.url("/rss.xml"))
    (feed,) = found.feeds
    assert (feed.named_by, feed.sample.url, feed.sample.format) == ("this address", site.url("/rss.xml"), "RSS 2.0")
    assert (feed.sample.title, feed.sample.entries, feed.sample.language) == ("The Newspaper", 2, "en")
    assert feed.sample.newest_at == NOW - timedelta(days=1)
    assert feed.sample.titles == ("Bridge closed", "Choir wins")
    assert asked(site) == ["/rss.xml"]


def test_the_feeds_of_a_page_are_those_of_its_link_tags(site: Site, workers: Workers) -> None:
    head = (
        tag("/news.xml") + tag("sport.xml", "application/atom+xml; charset=utf-8") + tag("/wp-json", "application/json")
    )
    site.answers("/section/", 200, body=html(head + tag("/gone.xml") + '<link rel="stylesheet" href="/rss.css">'))
    site.publishes("/news.xml", NEWS)
    site.publishes("/section/sport.xml", SPORT)
    found = look(workers, site.url("/section/"))
    assert [(each.named_by, each.sample.url) for each in found.feeds] == [
        ("link tag", site.url("/news.xml")),
        ("link tag", site.url("/section/sport.xml")),
    ]
    assert asked(site) == ["/section/", "/news.xml", "/section/sport.xml", "/gone.xml"]


def test_feeds_of_comments_and_the_same_feed_in_another_format_are_no_further_feeds(
    site: Site, workers: Workers
) -> None:
    items = [("Bridge closed", "https://news.example/1", "1", "Closed.", NOW)]
    head = tag("/comments/feed/") + tag("/feed/") + tag("/atom.xml", "application/atom+xml")
    site.answers("/", 200, body=html(head))
    site.publishes("/feed/", rss(*items))
    site.publishes("/atom.xml", atom(*items))
    site.publishes("/comments/feed/", SPORT)
    assert [each.sample.url for each in look(workers, site.url("/")).feeds] == [site.url("/feed/")]
    assert "/comments/feed/" not in asked(site)


@pytest.mark.parametrize(
    ("head", "body", "path", "named_by"),
    [
        ("", '<a href="/about">About</a> <a href="/de/rss-feed">RSS</a>', "/de/rss-feed", "link on the page"),
        ("", "", "/feed", "usual place"),
        ("", "", "/index.xml", "usual place"),
        ('<base href="/base/"><link rel=alternate type=application/rss+xml href=x>', "", "/base/x", "link tag"),
    ],
)
def test_without_link_tags_links_on_the_page_and_the_usual_places_are_tried(
    site: Site, workers: Workers, head: str, body: str, path: str, named_by: str
) -> None:
    site.answers("/", 200, body=html(head, body))
    site.publishes(path, NEWS)
    (feed,) = look(workers, site.url("/")).feeds
    assert (feed.named_by, feed.sample.url) == (named_by, site.url(path))


def test_a_page_that_refreshes_to_another_is_followed(site: Site, workers: Workers) -> None:
    site.answers("/", 200, body=html("<meta http-equiv=Refresh content=\"0; URL='/home'\">"))
    site.answers("/home", 200, body=html(tag("/news.xml")))
    site.publishes("/news.xml", NEWS)
    assert [each.sample.url for each in look(workers, site.url("/")).feeds] == [site.url("/news.xml")]


def test_two_pages_that_refresh_to_one_another_end(site: Site, workers: Workers) -> None:
    site.answers("/", 200, body=html('<meta http-equiv="refresh" content="0;url=/b">'))
    site.answers("/b", 200, body=html('<meta http-equiv="refresh" content="0;url=/">'))
    assert not look(workers, site.url("/")).feeds
    assert len(asked(site)) <= REQUESTS


def test_a_feed_that_has_moved_for_good_is_polled_where_it_is_now(site: Site, workers: Workers) -> None:
    site.redirects("/old", "/new", 301)
    site.redirects("/passing", "/new", 302)
    site.publishes("/new", NEWS)
    assert look(workers, site.url("/old")).feeds[0].sample.url == site.url("/new")
    assert look(workers, site.url("/passing")).feeds[0].sample.url == site.url("/passing")


def test_a_site_whose_front_page_refuses_us_may_have_a_feed_all_the_same(site: Site, workers: Workers) -> None:
    site.answers("/", 403)
    site.publishes("/feed", NEWS)
    assert look(workers, site.url("/")).feeds[0].sample.url == site.url("/feed")


# --- where there is none ----------------------------------------------------------------------------------------------


def test_a_site_without_a_feed_says_so_after_few_requests(site: Site, workers: Workers) -> None:
    links = "".join(f'<a href="/feed/{number}">RSS</a>' for number in range(500))
    site.answers("/deep/page", 200, body=html("".join(tag(f"/t{number}") for number in range(500)), links))
    found = look(workers, site.url("/deep/page"))
    assert found.feeds == ()
    assert "names no feed on this page" in found.problem
    assert len(asked(site)) <= REQUESTS


def test_a_host_that_asks_to_be_left_alone_is_asked_nothing_more(site: Site, workers: Workers) -> None:
    site.answers("/", 200, body=html(tag("/a") + tag("/b") + tag("/c")))
    site.answers("/a", 429)
    found = look(workers, site.url("/"))
    assert found.feeds == ()
    assert asked(site) == ["/", "/a"]


def test_a_host_that_rests_is_not_asked(tmp_path: Path, site: Site, workers: Workers) -> None:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    lay_out(url)
    db = Database(url)
    with db.writing() as session:
        page_visits.rest_host(session, "127.0.0.1", HostRest(until_at=NOW + timedelta(hours=1)))
    found = look(workers, site.url("/"), db=db)
    assert "wants to be left alone until 2026-11-20 13:00" in found.problem
    with pytest.raises(HostRestsError):
        sample(workers, site.url("/feed"), db=db)
    assert asked(site) == []
    db.close()


@pytest.mark.parametrize(
    ("status", "says"),
    [(401, "it wants a login"), (404, "no feed on this page|404"), (500, "a fault, and is asked again")],
)
def test_what_a_site_refuses_is_said_with_the_mend(site: Site, workers: Workers, status: int, says: str) -> None:
    site.answers("/", status)
    found = look(workers, site.url("/"))
    assert any(each in found.problem for each in says.split("|"))


def test_r1_addresses_of_our_own_network_are_refused_unless_allowed(site: Site, workers: Workers) -> None:
    site.publishes("/feed", NEWS)
    found = look(workers, site.url("/feed"), allow_private=False)
    assert (found.feeds, found.code) == ((), "refused")
    assert "allow_private" in found.problem
    assert asked(site) == []


def test_r4_a_link_tag_of_a_strangers_page_leads_into_no_private_network(site: Site, workers: Workers) -> None:
    """What `allow_private` opens is the server that was asked for; another one stays closed, and so for redirects."""
    with Site("127.0.0.2") as inside:
        inside.publishes("/feed", NEWS)
        site.redirects("/moves", inside.url("/feed"))
        site.answers("/", 200, body=html(tag(inside.url("/feed")) + tag("/moves")))
        assert look(workers, site.url("/"), allow_private=False).feeds == ()
        assert inside.requests == []
        found = look(workers, site.url("/moves"))
        assert (found.feeds, found.code) == ((), "refused")
        assert inside.requests == []


def test_a_site_that_does_not_answer_is_tried_by_http_too(site: Site, workers: Workers) -> None:
    site.publishes("/feed", NEWS)
    host = site.url("/feed").removeprefix("http://")
    assert look(workers, host).feeds[0].sample.url == site.url("/feed")


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("herald.example", ("https://herald.example/", "http://herald.example/")),
        (" herald.example/news ", ("https://herald.example/news", "http://herald.example/news")),
        ("feed://herald.example/rss", ("https://herald.example/rss", "http://herald.example/rss")),
        ("feed:https://herald.example/rss", ("https://herald.example/rss",)),
        ("HTTPS://Herald.Example", ("https://herald.example/",)),
        ("localhost:8000/feed", ("https://localhost:8000/feed", "http://localhost:8000/feed")),
    ],
)
def test_what_is_meant_by_an_address(written: str, means: tuple[str, ...]) -> None:
    assert spellings(written) == means


@pytest.mark.parametrize("written", ["", "ftp://herald.example/", "https://", "https://u:p@herald.example/", "a b"])
def test_what_is_no_address_is_refused_with_its_mend(written: str) -> None:
    with pytest.raises(ValueError):
        spellings(written)


# --- one feed read once -----------------------------------------------------------------------------------------------


def test_a_feed_is_read_once_and_its_faults_are_errors(site: Site, workers: Workers) -> None:
    site.publishes("/feed", NEWS)
    site.answers("/page", 200, body=html())
    assert sample(workers, site.url("/feed")).entries == 2
    with pytest.raises(ParseError, match="web page"):
        sample(workers, site.url("/page"))
    with pytest.raises(FetchError, match="404"):
        sample(workers, site.url("/nothing"))


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (rss(), "no entries at present"),
        (rss(("Undated", "https://news.example/1", "1", "Text")), "none of its entries has a date"),
        (rss(("Old", "https://news.example/1", "1", "Text", NOW - timedelta(days=90))), "90 days old"),
        (rss(("No link", "", "1", "Text", NOW)), "1 of 1 entries have no address"),
        (NEWS, ""),
    ],
)
def test_what_is_doubtful_about_a_feed_is_said(site: Site, workers: Workers, document: bytes, says: str) -> None:
    site.publishes("/feed", document)
    found = doubts(sample(workers, site.url("/feed")), now=NOW)
    assert found == [] if not says else any(says in each for each in found)


@pytest.mark.parametrize(
    "page",
    [
        b"",
        b"\x00\xff\xfe",
        b"<link rel=alternate type=application/rss+xml href='javascript:alert(1)'>",
        b"<link rel=alternate type=application/rss+xml href='http://[::1'>" * 1000,
        b"<meta http-equiv=refresh content='0;url=data:text/html,x'>",
        b"<a href='/feed" + b"x" * 100_000 + b"'>",
        b"<div>" * 50_000,
    ],
)
def test_hostile_pages_give_no_links(page: bytes) -> None:
    links = read_links(page, "https://news.example/", "text/html")
    assert (links.tags, links.anchors, links.refresh) == ((), (), "")
