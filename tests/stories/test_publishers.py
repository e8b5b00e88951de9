"""Who published an article: sections, mirrors and aggregators count as the publisher they come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.stories.publishers import Attribution, publisher_of, united
from monitor.stories.sources import StoryArticle, independent_sources, outlets
from monitor.text import domains

NOON = datetime(2021, 10, 20, 12, tzinfo=UTC)
GOOGLE_NEWS = ("https://news.google.com/rss/search?q=kabul", "https://news.google.com/")


def story(*said: Attribution) -> list[StoryArticle]:
    """The articles of one story, a minute apart."""
    carriers = []
    for number, each in enumerate(said, 1):
        publisher = publisher_of(each)
        at = NOON + timedelta(minutes=number)
        carriers.append(
            StoryArticle(
                article_id=number,
                publisher=publisher.key,
                publisher_name=publisher.name,
                is_named_only=publisher.is_named_only,
                outlet=each.outlet or each.feed_title or each.feed,
                feed=each.feed,
                published_at=at,
                seen_at=at,
            )
        )
    return united(carriers)


def shows(feed: str, url: str, title: str = "", *, publisher: str = "") -> Attribution:
    """An article in a feed of the publisher's own."""
    return Attribution(feed=feed, feed_title=title, url=url, publisher=publisher)


def passes_on(outlet: str, url: str = "https://news.google.com/rss/articles/CBMi", *, host: str = "") -> Attribution:
    """An article that Google News passes on."""
    return Attribution(feed="google", feed_urls=GOOGLE_NEWS, outlet=outlet, outlet_host=host, url=url)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("feeds.news.bbc.co.uk", "bbc.co.uk"),
        ("www.abc.net.au", "abc.net.au"),
        ("herald.blogspot.com", "herald.blogspot.com"),
        ("WWW.Herald.example.", "herald.example"),
        ("127.0.0.1", ""),
        ("2001:db8::1", ""),
        ("localhost", ""),
        ("", ""),
    ],
)
def test_a_registered_domain_is_what_its_owner_registered(host: str, domain: str) -> None:
    assert domains.of_host(host) == domain


@pytest.mark.parametrize(
    ("titles", "urls", "names"),
    [
        (
            ("BBC News - World", "BBC News - UK"),
            ("https://www.bbc.co.uk/news/world-1", "https://feeds.bbc.co.uk/news/uk-2"),
            ("BBC News",),
        ),
        (("World – BBC News", "BBC News"), ("https://www.bbc.co.uk/1", "https://www.bbc.com/2"), ("BBC News",)),
        (
            ("NYT > World News", "NYT > Politics"),
            ("https://www.nytimes.com/a", "https://cooking.nytimes.com/b"),
            ("NYT",),
        ),
        (
            ("The New York Times: World", "The New York Times"),
            ("https://www.nytimes.com/a", "https://www.nytimes.com/b"),
            ("The New York Times",),
        ),
        (
            ("Neue Tageszeitung: Ausland", "Neue Tageszeitung: Inland"),
            ("https://ntz.example/a", "https://ntz.example/b"),
            ("Neue Tageszeitung",),
        ),
        (("Herald", "Herald"), ("https://herald.co.zw/a", "https://heraldscotland.com/b"), None),
        (("Courier", "Echo"), ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b"), ("Courier", "Echo")),
        (("Desk of Ada", "Room of Bo"), ("https://medium.com/@ada/1", "https://medium.com/@bo/2"), None),
    ],
)
def test_feeds_of_one_site_are_one_publisher_and_those_of_two_are_two(
    titles: tuple[str, str], urls: tuple[str, str], names: tuple[str, ...] | None
) -> None:
    found = outlets(
        story(*(shows(f"feed{n}", url, title) for n, (title, url) in enumerate(zip(titles, urls, strict=True))))
    )
    assert found == names if names else len(found) == 2


@pytest.mark.parametrize(
    ("passed_on", "own"),
    [
        (
            passes_on("Reuters", host="www.reuters.com"),
            shows("reuters", "https://www.reuters.com/world/1", "Reuters: World"),
        ),
        (
            passes_on("The New York Times", host="www.nytimes.com"),
            shows("nyt", "https://www.nytimes.com/1", "NYT > World"),
        ),
        (passes_on("BBC News"), shows("bbc", "https://www.bbc.co.uk/news/1", "BBC News - World")),
        (passes_on("Guardian"), shows("guardian", "https://www.theguardian.com/1", "World news | The Guardian")),
        (passes_on("NDTV.com"), shows("ndtv", "https://www.ndtv.com/1", "NDTV News - Top stories")),
        (
            passes_on("Some Paper", "https://www.herald.co.zw/1"),
            shows("herald", "https://www.herald.co.zw/2", "Herald"),
        ),
        (passes_on("Courier"), shows("courier", "http://127.0.0.1:8000/1", "Courier")),
        (passes_on("The Courier"), passes_on("Courier")),
    ],
)
def test_what_an_aggregator_passes_on_is_its_publishers_whichever_comes_first(
    passed_on: Attribution, own: Attribution
) -> None:
    for one in (story(passed_on, own), story(own, passed_on)):
        assert len(outlets(one)) == len(independent_sources(one)) == 1


def test_an_aggregator_without_names_counts_as_the_sites_it_links_to() -> None:
    found = story(
        *(shows("links", url) for url in ("https://a.example/1", "https://b.example/1", "https://a.example/2"))
    )
    assert len(outlets(found)) == 2


def test_a_mirror_counts_as_the_site_that_its_page_names_as_its_original() -> None:
    mirror = Attribution(feed="mirror", url="https://mirror.example/1", outlet_host="www.herald.example")
    assert len(outlets(story(mirror, shows("herald", "https://herald.example/1", "Herald")))) == 1


def test_two_outlets_of_an_aggregator_stay_two() -> None:
    assert outlets(story(passes_on("Herald"), passes_on("Courier"))) == ("Herald", "Courier")


def test_the_owner_has_the_last_word() -> None:
    persian = shows("bbc-fa", "https://www.bbc.co.uk/persian/1", "BBC Persian", publisher="BBC Persian")
    assert outlets(story(shows("bbc", "https://www.bbc.co.uk/1", "BBC News"), persian)) == ("BBC News", "BBC Persian")
    house = (
        shows(f"paper{n}", f"https://paper{n}.example/1", f"Paper {n}", publisher="House of Papers") for n in (1, 2)
    )
    assert outlets(story(*house)) == ("House of Papers",)
