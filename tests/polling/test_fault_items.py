"""Faults 01, 05, 07, 08, 09 and 17 from the feed to the alert."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from monitor.cli.feeds import group as command
from monitor.store.feeds import feed_reports
from monitor.store.stories import story_articles
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.stories import StoryRow
from tests.conftest import SetClock
from tests.fakes.site import Site
from tests.newsroom import Newsroom

STRIKE = (
    "The seafarers' union said its ferry crews would stay out until the company withdraws the new rosters. The Alden Ferry Company "
    "cancelled crossings between Port Alden and Senn because of the strike. Mayor Hanna Vold of Senn asked both sides to end the "
    "ferry strike before the market. Emergency sailings carried food and medicine to the island during the strike."
)
OTHER = "The council closes the ring road bridge for works on Sunday and opens it again on Monday."


def rss(*items: str, link: str = "https://gazette.example/") -> bytes:
    return f'<rss version="2.0"><channel><title>Gazette</title><link>{link}</link>{"".join(items)}</channel></rss>'.encode()


def item(number: int, title: str, text: str, date: str, *, more: str = "") -> str:
    url = f"https://gazette.example/{number}"
    told = f"<pubDate>{date}</pubDate><description>{text}</description>{more}"
    return f"<item><title>{title}</title><guid>{number}</guid><link>{url}</link>{told}</item>"


def publishes(site: Site, body: bytes) -> None:
    site.answers("/feed", 200, {"Content-Type": "application/rss+xml"}, body)


def test_fault_feed_08_the_new_item_at_the_end_of_a_long_feed_is_told(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", STRIKE)
        room.reads("gazette", site.url("/feed"))
        old = [
            item(n, f"Bulletin {n}", f"Notice {n}.", f"{clock() - timedelta(hours=1200 - n):%Y-%m-%d %H:%M} UTC")
            for n in range(1100)
        ]
        publishes(site, rss(*old))
        room.polls()
        clock.passes(minutes=20)
        publishes(site, rss(*old, item(2000, "Ferry strike goes on", STRIKE, f"{clock():%Y-%m-%d %H:%M} UTC")))
        room.polls()
        assert room.reasons()["Ferry strike goes on"] == "ALERTED"
        assert room.feed("gazette").notes == "kept the newest 1000 of 1101 entries"
        clock.passes(minutes=20)
        room.polls()  # the same body again: what is wrong with it still holds
        assert room.feed("gazette").notes == "kept the newest 1000 of 1101 entries"
        with room.app.db.reading() as session:
            report = feed_reports.find(session, "gazette")
            assert report is not None
            assert command._fields(report)["notes"] == "kept the newest 1000 of 1101 entries"


def test_fault_feed_09_an_unreadable_date_is_not_now_for_an_article_known_before(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", STRIKE)
        room.reads("gazette", site.url("/feed"))
        old = f"{clock() - timedelta(days=46):%a, %d %b %Y} 10:00:00 GMT"
        publishes(site, rss(item(1, "Ferry strike", STRIKE, old), item(2, "Bridge", OTHER, old)))
        room.polls()
        clock.passes(minutes=20)
        changed = STRIKE + " On Monday 14 people were injured and the mayor resigned."
        publishes(
            site, rss(item(1, "Ferry strike, day 2", changed, "Frimaire 24, CCXXXV"), item(2, "Bridge", OTHER, old))
        )
        room.polls()
        assert "ALERTED" not in room.reasons().values()
        assert "UPDATED" not in room.reasons().values()
        assert room.feed("gazette").notes == "1 of 2 dates cannot be read, such as 'Frimaire 24, CCXXXV'"
        publishes(site, rss(item(1, "Ferry strike, day 2", changed, old)))
        clock.passes(minutes=20)
        room.polls()
        assert room.feed("gazette").notes == ""


def test_fault_feed_09_an_old_item_with_an_odd_date_is_too_old(tmp_path: Path, clock: SetClock, site: Site) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", STRIKE)
        room.reads("gazette", site.url("/feed"))
        publishes(site, rss(item(2, "Bridge", OTHER, f"{clock():%Y-%m-%d %H:%M}")))
        room.polls()
        clock.passes(minutes=20)
        publishes(site, rss(item(1, "Ferry strike", STRIKE, f"Mi, {clock() - timedelta(days=46):%d.%m.%Y %H.%M} MESZ")))
        room.polls()
        assert room.reasons()["Ferry strike"] == "TOO_OLD"


def test_fault_feed_17_four_outlets_of_an_aggregator_are_four(tmp_path: Path, clock: SetClock, site: Site) -> None:
    names = ("Gazette", "Herald", "Tribune", "Courier")
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", STRIKE)
        room.reads("google", site.url("/feed"))
        publishes(site, rss())
        room.polls()
        clock.passes(minutes=20)
        items = [
            f"<item><title>Ferry crews of Senn walk out of strike talks - {name}</title><guid>{name}</guid>"
            f"<link>https://news.google.com/rss/articles/CB{name}?oc=5</link><pubDate>{clock():%Y-%m-%d %H:%M}</pubDate>"
            f'<description>{STRIKE}</description><source url="https://{name.lower()}.example">{name}</source></item>'
            for name in names
        ]
        publishes(site, rss(*items, link="https://news.google.com/"))
        room.polls()
        with room.app.db.reading() as session:
            (story_id,) = {each.story_id for each in room.rows(ArticleRow)}
            carriers = story_articles.carriers(session, [story_id])[story_id]
        assert {each.outlet for each in carriers} == set(names)
        assert [each.outlets for each in room.rows(StoryRow)] == [4]


def test_fault_feed_09_dates_that_name_a_month_or_count_other_years_make_no_news_of_an_archive(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    """The clock stands in October 2021. The second date is of the calendar of Nepal."""
    archive = {
        "September 2021": "/a/1",
        "2078-02-01": "/2021/05/15/b",
        "٠٧/٠٢/١٤٤٣ هـ": "/c",
        "/Date(1609459200000)/": "/d",
    }
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", STRIKE)
        room.reads("gazette", site.url("/feed"))
        publishes(site, rss(item(1, "Bridge", OTHER, f"{clock():%Y-%m-%d %H:%M}")))
        room.polls()
        clock.passes(minutes=20)
        items = [
            f"<item><title>Ferry strike {path}</title><link>https://gazette.example{path}</link><pubDate>{date}</pubDate>"
            f"<description>{STRIKE} Seen from {path}.</description></item>"
            for date, path in archive.items()
        ]
        publishes(site, rss(*items))
        room.polls()
        told = {title: reason for title, reason in room.reasons().items() if title.startswith("Ferry")}
        assert set(told.values()) == {"TOO_OLD"}, told
        assert "such as 'September 2021'" in room.feed("gazette").notes
