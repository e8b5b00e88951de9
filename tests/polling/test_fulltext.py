"""Articles' own pages: read if that can change the outcome, politely, once, and never mistaken for something else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.reading.extract import FROM_PAGE, PAGE_HAS_LESS, PAGE_IS_OTHER, PAGE_IS_WALL
from monitor.reading.fetch import FetchLimits
from monitor.review.articles import find_article, find_record
from monitor.store.feeds import feed_leases
from monitor.store.tables.articles import ArticleRow, EntryRow
from monitor.store.tables.feeds import PageRow
from monitor.store.tables.matches import MatchRow
from monitor.types.errors import StoreError
from tests.conftest import SetClock
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)
TITLE = "Drivers lose an hour a day"
TEASER = (
    "The ferry is full with lorries from Tuesday on until repairs end, and there is no other way to the market towns."
)
"""Of the bridge, but does not say so: at seven tenths of its topic's threshold."""
CONCERT = "The city orchestra opens its winter season on Friday with a new conductor, two premieres and a free concert for schools."
FULL = f"{TEASER} {BRIDGE} " + (
    "Divers will go down again on Thursday to look at the other piers of the bridge, and the engineers want to have the stone "
    "tested before any lorry may cross the old bridge again, a spokesman for the council told reporters at the ferry landing."
)
OLD = (
    "Council meets on Monday",
    "https://herald.example/0",
    "0",
    "The council meets on Monday to speak of the budget.",
)
AT = "2021-10-20T11:30:00+00:00"


def page(text: str, *, title: str = TITLE, head: str = "") -> str:
    body = "".join(f"<p>{part}</p>" for part in text.split("\n"))
    return (
        f"<!doctype html><html><head><meta charset=utf-8><title>{title}</title>{head}</head><body><nav><a href=/>Home</a></nav>"
        f"<main><article><h1>{title}</h1>{body}</article></main><footer>All rights reserved</footer></body></html>"
    )


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> Iterator[Newsroom]:
    """A newsroom that follows the bridge and reads the herald, whose first poll is over; pages are read when near."""
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        yield room


def opens(room: Newsroom, site: Site, sink: Sink) -> None:
    room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
    room.reads("herald", site.url("/feed"))
    room.tells("desk", sink.url)
    site.publishes("/feed", rss(OLD))
    room.polls()
    room.clock.passes(minutes=20)
    site.forgets()


def shows(site: Site, *numbers: int, title: str = TITLE, text: str = TEASER) -> None:
    """The feed's items: teasers of articles at /1, /2, ..."""
    items = [(title, site.url(f"/{n}"), f"guid-{n}", text, AT) for n in numbers or (1,)]
    site.publishes("/feed", rss(*items, OLD))


def serves(site: Site, path: str, content: str, **more: Any) -> None:
    site.publishes(path, content, content_type="text/html; charset=utf-8", **more)


def notes(room: Newsroom) -> list[str]:
    return [row.page for row in room.rows(ArticleRow) if row.title != OLD[0]]


def asked(site: Site) -> list[str]:
    return [each.path for each in site.requests if each.path != "/feed"]


# --- it pays ----------------------------------------------------------------------------------------------------------


def test_a_teaser_near_the_threshold_is_judged_by_its_page_and_told(room: Newsroom, site: Site, sink: Sink) -> None:
    shows(site)
    serves(site, "/1", page(FULL))
    room.polls()
    room.delivers()
    assert room.reasons()[TITLE] == "ALERTED"
    assert len(sink.received) == 1
    (row,) = [row for row in room.rows(ArticleRow) if row.title == TITLE]
    assert "divers found cracks" in row.text
    assert (row.grade, row.page) == ("partial" if len(row.text.split()) < 120 else "full", FROM_PAGE)
    assert asked(site) == ["/robots.txt", "/1"]


def test_without_pages_the_same_teaser_is_not_told(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "never"}) as room:
        opens(room, site, sink)
        shows(site)
        serves(site, "/1", page(FULL))
        room.polls()
        assert room.reasons()[TITLE] == "NO_MATCH"
        assert asked(site) == []


def test_a_feed_may_have_its_own_rule(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        room.reads("herald", site.url("/feed"), pages="never")
        shows(site)
        serves(site, "/1", page(FULL))
        room.polls()
        assert asked(site) == []


def test_a_teaser_far_from_every_topic_is_left_alone_unless_always(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        shows(site, title="Orchestra opens its season", text=CONCERT)
        serves(site, "/1", page(f"{CONCERT} {CONCERT.upper()} They play on.", title="Orchestra opens its season"))
        room.polls()
        assert asked(site) == []
        room.reads("herald", site.url("/feed"), pages="always")
        shows(site, 1, 2, title="Orchestra opens its season", text=CONCERT[:60])
        serves(site, "/2", page(CONCERT, title="Orchestra opens its season"))
        room.clock.passes(minutes=20)
        room.polls()
        assert "/2" in asked(site)


def test_a_sure_match_and_a_full_text_need_no_page(room: Newsroom, site: Site) -> None:
    shows(site, title="Marrow bridge piers cracked", text=BRIDGE)
    room.polls()
    assert room.reasons()["Marrow bridge piers cracked"] == "ALERTED"
    shows(site, 2, text=" ".join([FULL] * 3))
    room.clock.passes(minutes=20)
    room.polls()
    assert asked(site) == []


def test_a_term_that_is_required_may_stand_on_the_page(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        room.follows("marrow-bridge", toml='required = ["spokesman"]\n')
        room.restarts()
        shows(site, title="Marrow bridge piers cracked", text=BRIDGE)
        serves(site, "/1", page(FULL, title="Marrow bridge piers cracked"))
        room.polls()
        assert room.reasons()["Marrow bridge piers cracked"] == "ALERTED"


def test_explain_and_the_page_say_where_the_text_came_from(room: Newsroom, site: Site) -> None:
    shows(site, 1)
    serves(site, "/1", page(FULL))
    room.polls()
    with room.app.db.reading() as session:
        found = find_article(session, site.url("/1"))
        assert found
        shown = find_record(session, found)
    assert shown
    assert shown.page == FROM_PAGE


def test_an_article_whose_page_is_read_teaches_by_its_page_alone(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its teaser lies about the threshold, where it would teach a part; what the store knows at a restart is the page."""
    monkeypatch.setattr("monitor.learning.training.allowance", lambda seen, lately: max(0, 3 - lately))
    teaser = "Repairs of the old bridge take eleven weeks; the ferry is full with lorries."
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        assert room.app.tracker
        before = room.app.tracker.matcher
        assert 0 < before.score(TITLE, teaser, "en")[0].self_training_weight < 1
        shows(site, text=teaser)
        serves(site, "/1", page(FULL))
        room.polls()
        (row,) = [row for row in room.rows(ArticleRow) if row.title == TITLE]
        assert row.page == FROM_PAGE
        said = before.score(TITLE, row.text, "en")[0]
        assert room.decisions(row.title)[-1].scores[0]["score"] == pytest.approx(said.score, abs=1e-6), (
            "its own teaser taught nothing"
        )
        assert room.decisions(row.title)[-1].scores[0]["lesson"] == 1
        live = room.app.tracker.matcher.model("marrow-bridge")
        room.restarts()
        again = room.app.tracker.matcher.model("marrow-bridge")
        assert (live.version, live.remaining_quota) == (again.version, again.remaining_quota)


# --- it does not ------------------------------------------------------------------------------------------------------


def test_what_is_held_anyway_is_not_fetched(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "always"}) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
        room.reads("herald", site.url("/feed"))
        shows(site, 1)
        room.polls()  # the first poll is a baseline
        clock.passes(minutes=20)
        ancient = (TITLE, site.url("/3"), "guid-3", TEASER, "2021-09-01T00:00:00+00:00")
        site.publishes("/feed", rss(ancient))
        room.polls()
        assert asked(site) == []


def test_a_copy_of_what_we_have_is_not_fetched(room: Newsroom, site: Site) -> None:
    shows(site, 1)
    serves(site, "/1", page(FULL))
    room.polls()
    site.publishes("/other", rss((TITLE, site.url("/other-paper/9"), "9", TEASER, AT)))
    room.reads("courier", site.url("/other"), first_poll="all")
    room.clock.passes(minutes=20)
    room.polls()
    assert asked(site) == ["/robots.txt", "/1", "/other"]
    assert room.told() == [TITLE]
    (copy,) = [row for row in room.rows(ArticleRow) if row.source == "courier"]
    assert copy.kind == "copy"


def test_a_page_is_asked_for_once_whatever_the_feed_does(room: Newsroom, site: Site, clock: SetClock) -> None:
    shows(site, 1)
    site.answers("/1", 404)
    room.polls()
    assert notes(room) == ["page not there: 404"]
    for number in range(3):
        clock.passes(minutes=20)
        shows(site, 1, text=f"{TEASER} More in edition {number}.")
        room.restarts()
        room.polls()
    assert asked(site).count("/1") == 1
    assert len(room.rows(ArticleRow)) == 2


def test_an_edited_teaser_does_not_take_the_place_of_the_full_text(room: Newsroom, site: Site, sink: Sink) -> None:
    shows(site, 1)
    serves(site, "/1", page(FULL))
    room.polls()
    room.clock.passes(minutes=20)
    shows(site, 1, text=TEASER.replace("full with", "full of"))
    room.polls()
    room.delivers()
    assert notes(room) == [FROM_PAGE]
    assert room.reasons()[TITLE] == "ALERTED"
    assert len(sink.received) == 1
    assert asked(site).count("/1") == 1


def test_a_teaser_that_its_own_page_does_not_repeat_is_known_again_elsewhere(room: Newsroom, site: Site) -> None:
    shows(site, 1)
    serves(
        site,
        "/1",
        page(f"The union of the drivers of lorries says that the ferry is full. {BRIDGE} The market towns wait."),
    )
    room.polls()
    site.publishes("/other", rss((TITLE, site.url("/other-paper/9"), "9", TEASER, AT)))
    room.reads("courier", site.url("/other"), first_poll="all")
    room.clock.passes(minutes=20)
    room.polls()
    assert sorted(row.kind for row in room.rows(ArticleRow) if row.title == TITLE) == ["copy", "new"]
    assert room.told() == [TITLE]


def test_two_feeds_of_one_site_ask_for_a_page_once(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        room.reads("herald-world", site.url("/feed?world"), first_poll="all")
        clock.passes(minutes=20)
        shows(site, 1)
        serves(site, "/1", page(FULL))
        room.polls()
        room.delivers()
        assert asked(site).count("/1") == 1
        assert len(sink.received) == 1
        assert notes(room) == [FROM_PAGE]


def test_one_poll_and_one_day_have_a_limit(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    rule = {"pages": "near", "pages_per_poll": 2, "pages_per_day": 3}
    with Newsroom(tmp_path, clock, fetch=rule) as room:
        opens(room, site, sink)
        texts = [f"{TEASER} Number {word} of the day." for word in ("one", "two", "three", "four", "five", "six")]
        for first in (0, 3):
            items = [(f"{TITLE} {n}", site.url(f"/{n}"), f"{n}", texts[n], AT) for n in range(first, first + 3)]
            site.publishes("/feed", rss(*items))
            room.polls()
            clock.passes(minutes=20)
        assert len([path for path in asked(site) if path != "/robots.txt"]) == 3


# --- manners ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("robots", "is_read"), [("User-agent: *\nDisallow: /", False), ("User-agent: *\nDisallow: /*\nAllow: /1", True)]
)
def test_robots_txt_is_obeyed(room: Newsroom, site: Site, robots: str, is_read: bool) -> None:
    site.publishes("/robots.txt", robots, content_type="text/plain")
    shows(site)
    serves(site, "/1", page(FULL))
    room.polls()
    assert ("/1" in asked(site)) is is_read
    assert room.reasons()[TITLE] == ("ALERTED" if is_read else "NO_MATCH")
    if not is_read:
        assert notes(room) == ["page not fetched: the robots.txt of 127.0.0.1 does not allow it"]


@pytest.mark.parametrize(("status", "is_read"), [(403, True), (429, False), (503, False)])
def test_a_robots_txt_that_cannot_be_had(room: Newsroom, site: Site, status: int, is_read: bool) -> None:
    site.answers("/robots.txt", status)
    shows(site)
    serves(site, "/1", page(FULL))
    room.polls()
    assert ("/1" in asked(site)) is is_read


def test_robots_txt_is_read_once_a_day(room: Newsroom, site: Site, clock: SetClock) -> None:
    for number in range(1, 4):
        shows(site, number, title=f"{TITLE} {number}", text=f"{TEASER} Number {number} of it.")
        room.polls()
        clock.passes(minutes=20)
    assert asked(site).count("/robots.txt") == 1
    clock.passes(hours=25)
    site.publishes("/feed", rss((f"{TITLE} 9", site.url("/9"), "9", f"{TEASER} Number nine.", clock().isoformat())))
    room.polls()
    assert asked(site).count("/robots.txt") == 2


@pytest.mark.parametrize(("status", "hours"), [(403, 24), (429, 1), (500, 1)])
def test_a_refusal_leaves_the_article_as_it_was_and_the_hosts_pages_alone(
    room: Newsroom, site: Site, clock: SetClock, status: int, hours: int
) -> None:
    site.answers("/1", status)
    shows(site, 1)
    room.polls()
    assert room.reasons()[TITLE] == "NO_MATCH"
    assert notes(room) == [f"page refused: {status}"]
    assert len(room.rows(PageRow)) == 1
    for number, after in ((2, {"minutes": 20}), (3, {"hours": hours})):
        clock.passes(**after)
        title = f"{TITLE} {number}"
        item = (title, site.url(f"/{number}"), f"{number}", f"{TEASER} Number {number} of it.", clock().isoformat())
        site.publishes("/feed", rss(item))
        room.restarts()  # the pause is in the store
        room.polls()
    assert "/2" not in asked(site)
    assert "/3" in asked(site)


def test_a_servers_own_wish_is_kept(room: Newsroom, site: Site, clock: SetClock) -> None:
    site.answers("/1", 429, [("Retry-After", "18000")])
    shows(site, 1)
    room.polls()
    (row,) = room.rows(PageRow)
    assert row.host_paused_until_at - clock() == timedelta(hours=5)


def test_pages_of_one_host_come_one_after_the_other(room: Newsroom, site: Site) -> None:
    texts = [f"{TEASER} Number {word} of the day." for word in ("one", "two", "three", "four")]
    site.publishes("/feed", rss(*((f"{TITLE} {n}", site.url(f"/{n}"), f"{n}", texts[n], AT) for n in range(4))))
    site.is_slow(0.05)
    room.polls()
    assert len(asked(site)) == 5
    assert site.most_at_once == 1


# --- what pages can be ------------------------------------------------------------------------------------------------


def test_a_wall_is_never_taken_for_the_article(room: Newsroom, site: Site) -> None:
    serves(site, "/1", page("Drivers lose an hour a day. Subscribe to continue reading. Already a subscriber? Log in."))
    shows(site, 1)
    room.polls()
    (row,) = [row for row in room.rows(ArticleRow) if row.title == TITLE]
    assert (row.page, row.text, row.grade, room.decisions()[-1].reason) == (PAGE_IS_WALL, TEASER, "partial", "NO_MATCH")


def test_a_page_that_says_it_is_not_free_and_shows_a_little_is_a_wall(room: Newsroom, site: Site) -> None:
    declared = '<script type="application/ld+json">{"@type":"NewsArticle","isAccessibleForFree":"False"}</script>'
    serves(site, "/1", page(f"{TEASER} {BRIDGE}", head=declared))
    shows(site, 1)
    room.polls()
    assert notes(room) == [PAGE_IS_WALL]


def test_a_page_about_something_else_is_left(room: Newsroom, site: Site) -> None:
    serves(
        site,
        "/home",
        page(f"{CONCERT} {CONCERT.upper()} Also: weather, sports, letters, and a recipe for soup.", title="Herald"),
    )
    site.redirects("/1", site.url("/home"))
    shows(site, 1)
    room.polls()
    assert notes(room) == [PAGE_IS_OTHER]
    assert room.reasons()[TITLE] == "NO_MATCH"


def test_a_page_that_says_less_is_left(room: Newsroom, site: Site) -> None:
    serves(site, "/1", page("Drivers lose an hour a day at the ferry, full with lorries."))
    shows(site, 1)
    room.polls()
    assert notes(room) == [PAGE_HAS_LESS]


def test_a_page_that_cannot_be_had_leaves_the_feeds_text(room: Newsroom, site: Site) -> None:
    site.publishes("/1", b"%PDF-1.7", content_type="application/pdf")
    shows(site, 1)
    room.polls()
    assert notes(room) == ["page not read: it is application/pdf, not a web page"]


def test_a_huge_page_is_cut_off(room: Newsroom, site: Site) -> None:
    serves(site, "/1", "<p>" + "lorry ferry bridge " * 200_000)
    shows(site, 1)
    room.polls()
    assert notes(room) == ["page not fetched: 127.0.0.1 sends more than the 2.1 MB that are read of one document"]


def test_a_slow_page_is_left_in_time(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "near"}) as room:
        opens(room, site, sink)
        room.app.reader._limits = FetchLimits(total_for=timedelta(seconds=0.5))
        site.drips("/1")
        shows(site, 1)
        room.polls()
        assert notes(room) == ["page not fetched: 127.0.0.1 did not answer in time"]
        assert room.reasons()[TITLE] == "NO_MATCH"


@pytest.mark.parametrize("where", ["127.0.0.2", "127.0.0.1"])
def test_r4_a_page_leads_to_no_private_address(room: Newsroom, site: Site, where: str) -> None:
    with Site(where) as inside:
        serves(inside, "/1", page(FULL))
        site.redirects("/1", inside.url("/1"))
        shows(site, 1)
        room.polls()
        assert inside.connections == 0
        assert room.reasons()[TITLE] == "NO_MATCH"
        (note,) = notes(room)
        assert note.startswith("page not fetched: ")


def test_r4_a_link_to_a_private_address_is_not_followed(room: Newsroom, site: Site) -> None:
    with Site("127.0.0.2") as inside:
        site.publishes("/feed", rss((TITLE, inside.url("/1"), "guid-1", TEASER, AT)))
        room.polls()
        assert inside.connections == 0


def test_a_redirect_asks_the_other_hosts_robots_txt(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    rule = {"pages": "near", "allow_networks": ["127.0.0.0/8"]}
    with Newsroom(tmp_path, clock, fetch=rule) as room, Site("127.0.0.2") as other:
        opens(room, site, sink)
        other.publishes("/robots.txt", "User-agent: *\nDisallow: /", content_type="text/plain")
        serves(other, "/1", page(FULL))
        site.redirects("/1", other.url("/1"))
        shows(site, 1)
        room.polls()
        assert [each.path for each in other.requests] == ["/robots.txt"]
        assert room.reasons()[TITLE] == "NO_MATCH"


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_k3_a_poll_that_dies_between_page_and_commit_is_made_again_whole(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows(site, 1)
    serves(site, "/1", page(FULL))
    with monkeypatch.context() as patch:
        patch.setattr(feed_leases, "settle", _dies)
        room.polls()
    assert [row.title for row in room.rows(ArticleRow)] == [OLD[0]]
    assert room.rows(PageRow) == []
    room.restarts()
    clock.passes(minutes=20)
    room.polls()
    room.delivers()
    assert (len(sink.received), len(room.rows(MatchRow)), len(room.rows(EntryRow))) == (1, 1, 2)
    assert notes(room) == [FROM_PAGE]


def _dies(*_: Any, **__: Any) -> None:
    raise StoreError("gone for a moment")


# --- the address that a page names as its own ---------------------------------------------------------------------------


def canonical(to: str) -> str:
    return f'<link rel="canonical" href="{to}">'


def test_two_entries_whose_pages_name_one_address_are_one_article(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    with Newsroom(tmp_path, clock, fetch={"pages": "always"}) as room:
        room.reads("world", site.url("/world"))
        site.publishes("/world", rss(OLD))
        opens(room, site, sink)
        own = "/2021/lorries-4711-hour"
        told = "Before lorries may cross, stone is tested, a spokesman of the council says; until then drivers lose an hour."
        for path, feed, teaser in (
            ("/world/lorries-4711", "/feed", TEASER),
            ("/local/lorries-4711?from=front", "/world", told),
        ):
            serves(site, path, page(FULL, head=canonical(own)))
            site.publishes(feed, rss((TITLE, site.url(path), f"guid of {feed}", teaser, AT)))
            room.polls()
            room.clock.passes(minutes=20)
        (article,) = (row for row in room.rows(ArticleRow) if row.title == TITLE)
        assert article.url == site.url(own)
        assert {row.article_id for row in room.rows(EntryRow) if row.guid.startswith("guid of")} == {article.id}
        with room.app.db.reading() as session:
            assert find_article(session, site.url("/world/lorries-4711")) == article.id
        site.publishes("/feed", rss((TITLE, site.url("/world/lorries-4711"), "another guid", TEASER, AT)))
        room.polls()
        assert len([row for row in room.rows(ArticleRow) if row.title == TITLE]) == 1, "known again without its page"


def strangers(room: Newsroom, site: Site, *named: str) -> list[str]:
    """Addresses of two articles, each told as it is read, whose pages name these addresses as their own."""
    other = FULL.replace("Divers will go down", "The town of Lower Quay will vote").replace(
        "market towns", "hill farms"
    )
    for number, (text, to) in enumerate(zip((FULL, f"{CONCERT} {other}"), named, strict=True), 1):
        path = f"/news/story-{number}"
        serves(site, path, page(text, title=f"{TITLE}: {number}", head=canonical(to)))
        item = (f"Lorries, part {'ab'[number - 1]}", site.url(path), f"guid-{number}", text[:110], AT)
        site.publishes("/feed", rss(item))
        room.polls()
        room.clock.passes(minutes=20)
    return sorted(row.url for row in room.rows(ArticleRow) if row.title != OLD[0])


@pytest.mark.parametrize(
    "named",
    [
        ("/", "/"),
        ("/news/", "/news"),
        ("/news/index.html", "/news/index.html"),
        ("/news/view-article-page.php", "/news/view-article-page.php"),
        ("/news/story-2", "/news/story-1"),
        ("https://elsewhere.example/a-long-story-of-lorries-1", "https://elsewhere.example/a-long-story-of-lorries-1"),
        ("javascript:alert(1)", "http://127.0.0.1:1/news/story-1"),
        ("", "#top"),
        ("http://[", "//"),
    ],
)
def test_pages_that_name_the_home_page_a_section_or_one_another_merge_no_strangers(
    room: Newsroom, site: Site, named: tuple[str, str]
) -> None:
    assert strangers(room, site, *named) == [site.url("/news/story-1"), site.url("/news/story-2")]
    assert all(not row.canonical or row.canonical == row.url for row in room.rows(PageRow))
