"""`monitor feeds`: feeds found and added, tested, polled now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from monitor.store.files import StoreLock
from tests.fakes.command import Operator, desk
from tests.fakes.site import Site, rss

__all__ = ["desk"]
NOW = datetime.now(UTC)
NEWS = rss(("Bridge closed", "https://news.example/1", "1", "The bridge was closed.", NOW - timedelta(hours=1)))
SPORT = rss(("A match", "https://news.example/3", "3", "It ended in a draw.", NOW), title="Sport")
PAGE = (
    '<html><head><link rel="alternate" type="application/rss+xml" href="/news.xml">'
    '<link rel="alternate" type="application/rss+xml" href="/sport.xml"></head></html>'
)


@pytest.fixture
def site(desk: Operator) -> Iterator[Site]:
    with Site() as site:
        site.answers("/", 200, body=PAGE)
        site.publishes("/news.xml", NEWS)
        site.publishes("/sport.xml", SPORT)
        desk.run("migrate")
        yield site


def names(desk: Operator) -> list[str]:
    return [each["name"] for each in desk.run("feeds", "list", "--json").lines]


# --- add --------------------------------------------------------------------------------------------------------------


def test_a_feed_is_added_with_what_it_brings(desk: Operator, site: Site) -> None:
    said = desk.run(
        *("feeds", "add", site.url("/news.xml"), "--allow-private"),
        *("--publisher", "House of Papers", "--language", "en", "--name", "herald"),
    )
    assert said.exit_code == 0, said
    assert 'herald: added, due now ("The Newspaper", RSS 2.0, 1 entry, the newest of ' in said.stdout
    shown = desk.run("feeds", "show", "herald", "--json").json
    assert (shown["publisher"], shown["language"], shown["origin"]) == ("House of Papers", "en", "added")
    assert desk.run("poll", "--json").lines[0]["entries"] == 1


def test_of_several_feeds_of_a_site_none_is_added_until_one_is_chosen(desk: Operator, site: Site) -> None:
    said = desk.run("feeds", "add", site.url("/"), "--allow-private")
    assert said.exit_code == 2
    assert site.url("/news.xml") in said.stdout
    assert site.url("/sport.xml") in said.stdout
    assert "there are 2 feeds, and none was added" in said.stderr
    assert names(desk) == []
    listed = desk.run("feeds", "add", site.url("/"), "--allow-private", "--json")
    assert [each["title"] for each in listed.lines] == ["The Newspaper", "Sport"]
    said = desk.run("feeds", "add", site.url("/"), "--allow-private", "--all")
    assert said.exit_code == 0
    assert names(desk) == ["127-0-0-1", "127-0-0-1-2"]


def test_a_feed_that_is_there_already_is_said_to_be_and_nothing_changes(desk: Operator, site: Site) -> None:
    added = desk.run("feeds", "add", site.url("/news.xml"), "--allow-private", "--name", "herald")
    assert added.exit_code == 0
    before = desk.run("feeds", "show", "herald", "--json").json
    for address in (site.url("/news.xml"), site.url("/news.xml/"), site.url("/./news.xml").replace("http:", "HTTP:")):
        said = desk.run("feeds", "add", address, "--allow-private", "--title", "Other")
        assert (said.exit_code, "herald: has this address already, nothing was changed" in said.stdout) == (0, True)
    assert desk.run("feeds", "show", "herald", "--json").json == before
    desk.run("feeds", "pause", "herald")
    said = desk.run("feeds", "add", site.url("/news.xml"), "--json")
    assert said.json == {"name": "herald", "is_new": False}
    assert "it is paused: `monitor feeds resume herald`" in desk.run("feeds", "add", site.url("/news.xml")).stdout
    assert len(site.requests) == 1, "what is there already is not asked again"


def test_a_feed_that_was_removed_comes_back_with_its_history(desk: Operator, site: Site) -> None:
    desk.run("feeds", "add", site.url("/news.xml"), "--allow-private", "--name", "herald")
    desk.run("poll")
    desk.run("feeds", "remove", "herald")
    desk.run("feeds", "add", site.url("/sport.xml"), "--allow-private")
    said = desk.run("feeds", "add", site.url("/news.xml"), "--allow-private")
    assert "herald: added" in said.stdout
    assert desk.run("feeds", "show", "herald", "--json").json["polls"] == 1


def test_a_new_feed_does_not_take_the_name_and_history_of_one_that_was_removed(desk: Operator, site: Site) -> None:
    desk.run("feeds", "add", site.url("/news.xml"), "--allow-private")
    desk.run("feeds", "remove", "127-0-0-1")
    assert "127-0-0-1-2: added" in desk.run("feeds", "add", site.url("/sport.xml"), "--allow-private").stdout


def test_where_no_feed_is_found_nothing_is_added(desk: Operator, site: Site) -> None:
    for arguments, why in (
        ((site.url("/nothing"), "--allow-private"), "404"),
        ((site.url("/news.xml"),), "--allow-private"),
        ((site.url("/"), "--allow-private", "--all", "--name", "x"), "--all adds several"),
    ):
        said = desk.run("feeds", "add", *arguments)
        assert said.exit_code in (1, 2), said
        assert why in said.stderr
    assert names(desk) == []
    assert "x: added" in desk.run("feeds", "add", "https://x.invalid/feed", "--unchecked", "--name", "x").stdout


def test_u16_a_secret_address_is_not_shown_where_it_cannot_be_added(desk: Operator, site: Site) -> None:
    site.answers(
        "/private/9f8e7d6c5b4a3210/rss", 200, body="<html><link rel=alternate type=application/rss+xml href=x></html>"
    )
    said = desk.run("feeds", "add", site.url("/private/9f8e7d6c5b4a3210/rss"), "--allow-private", "--secret")
    assert said.exit_code == 1
    assert "9f8e7d6c5b4a3210" not in said.stdout + said.stderr


# --- test -------------------------------------------------------------------------------------------------------------


def test_an_address_is_read_once_and_nothing_is_stored(desk: Operator, site: Site) -> None:
    said = desk.run("feeds", "test", site.url("/news.xml"), "--allow-private")
    assert said.exit_code == 0, said
    for each in ("RSS 2.0", "The Newspaper", "Bridge closed", "en", f"{NOW - timedelta(hours=1):%Y-%m-%d %H:%M}"):
        assert each in said.stdout
    assert names(desk) == []
    assert len(site.requests) == 1
    told = desk.run("feeds", "test", site.url("/news.xml"), "--allow-private", "--json").json
    assert (told["entries"], told["titles"], told["doubts"]) == (1, ["Bridge closed"], [])


def test_a_feed_is_tested_by_its_name_and_its_state_stays(desk: Operator, site: Site) -> None:
    desk.run("feeds", "add", site.url("/news.xml"), "--allow-private", "--name", "herald")
    before = desk.run("feeds", "show", "herald", "--json").json
    assert desk.run("feeds", "test", "herald", "--json").json["title"] == "The Newspaper"
    site.answers("/news.xml", 404)
    said = desk.run("feeds", "test", "herald")
    assert said.exit_code == 1
    assert "answered 404" in said.stderr
    assert "look for the feed again, by the address" in said.stderr
    assert desk.run("feeds", "show", "herald", "--json").json == before
    assert desk.run("feeds", "test", "heralt").exit_code == 3


def test_an_address_can_be_tested_without_a_store(tmp_path: object, desk: Operator, site: Site) -> None:
    desk.store.unlink()
    assert desk.run("feeds", "test", site.url("/news.xml"), "--allow-private").exit_code == 0
    assert not desk.store.exists()


# --- poll -------------------------------------------------------------------------------------------------------------


def test_a_feed_is_polled_now_by_this_command_or_by_the_daemon(desk: Operator, site: Site) -> None:
    desk.run("feeds", "add", site.url("/news.xml"), "--allow-private", "--name", "herald")
    assert desk.run("feeds", "poll", "herald", "--json").lines[0]["status"] == "ok"
    lock = StoreLock(desk.store)
    lock.acquire()
    try:
        said = desk.run("feeds", "poll", "herald")
    finally:
        lock.release()
    assert (said.exit_code, "herald: due now, the daemon polls it" in said.stdout) == (0, True)
    assert datetime.fromisoformat(desk.run("feeds", "show", "herald", "--json").json["next_poll_at"]) <= datetime.now(
        UTC
    )
    desk.run("feeds", "pause", "herald")
    said = desk.run("feeds", "poll", "herald")
    assert (said.exit_code, "`monitor feeds resume herald`" in said.stderr) == (1, True)
    assert desk.run("feeds", "poll", "heralt").exit_code == 3
