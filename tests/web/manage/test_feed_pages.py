"""The pages of feeds over a real store and a real site: looked for, added, changed, imported; what strangers write stays text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from monitor.feeds.visitor import Visitor
from monitor.net.addresses import PRIVATE_NETWORKS, AddressPolicy
from monitor.reading.fetch import Fetcher, FetchLimits
from monitor.reading.workers import Workers
from monitor.store.db import Database
from monitor.store.feeds import feed_reports
from monitor.store.feeds.feed_reports import FeedReport
from monitor.store.tables.articles import EntryRow
from monitor.web.app import create_app
from monitor.web.forms import MAX_UPLOAD_BYTES, read_multipart
from monitor.web.manage.day_picture import draw, starts_of_days
from monitor.web.tools import PageTools
from tests.fakes.site import Site, rss
from tests.feeds.test_opml import BOMB, feed, opml
from tests.web.test_web import (
    NOW,
    OWN,
    PAYLOADS,
    WELL,
    application,
    assert_is_ours,
    browsing,
    fill,
    has_article,
    has_feed,
    has_topic,
    token_of,
)
from tests.web.test_web import WebSettings as Web
from tests.web.test_web import db as db  # the fixture

AT_ONCE = FetchLimits(spacing_for=timedelta())
LOOPBACK = AddressPolicy(PRIVATE_NETWORKS)
NEWS = rss(("Bridge closed", "https://news.example/1", "1", "The bridge was closed.", NOW), title="The Herald")
SPORT = rss(("A match", "https://news.example/3", "3", "It ended in a draw.", NOW), title="Sport")


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    with browsing(application(db)) as client:
        yield client


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as workers:
        yield workers


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def looking(db: Database, workers: Workers) -> Iterator[TestClient]:
    """Pages that may look at this machine's own addresses, as a public site's elsewhere."""
    visitor = Visitor(Fetcher(limits=AT_ONCE), workers, public=LOOPBACK, private=LOOPBACK, db=db)
    app = create_app(db, Web(), clock=lambda: NOW, health=lambda: WELL, tools=PageTools(visitor=visitor))
    with browsing(app) as client:
        yield client


def send(client: TestClient, path: str, **form: Any) -> Any:
    return client.post(path, data={"token": token_of(client, "/feeds"), **form}, headers=OWN)


def uploaded(client: TestClient, document: bytes, **form: str) -> Any:
    data = {"token": token_of(client, "/feeds"), **form}
    return client.post("/feeds/import", data=data, files={"file": ("my feeds.opml", document)}, headers=OWN)


def stored(db: Database) -> dict[str, FeedReport]:
    with db.reading() as session:
        return {each.name: each for each in feed_reports.of_all(session)}


# --- the list ---------------------------------------------------------------------------------------------------------


def test_an_empty_store_says_how_to_begin(client: TestClient) -> None:
    assert "No feed yet. Write the address of a site" in client.get("/feeds").text


def test_the_list_shows_health_in_words_with_the_mend(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_feed("herald", last_success_at=NOW, last_polled_at=NOW, next_poll_at=NOW + timedelta(minutes=9)),
        has_feed("tass", failures=3, outcome="404", error="tass.example answered 404 Not Found"),
        has_feed("quiet", last_success_at=NOW, silence="quiet", last_entry_at=NOW - timedelta(days=3), per_day=9.0),
        has_feed("gone", is_enabled=False, by_hand="removed"),
    )
    shown = client.get("/feeds").text
    assert "tass.example answered 404 Not Found (3 times in a row)" in shown
    assert "look for the feed again, by the address of the publisher&#39;s site" in shown
    assert "its feed may have moved" in shown
    assert "in 9 min" in shown
    assert "2 of 3 feeds answer, <a" in shown
    assert ">1 does not</a>." in shown
    assert "gone" not in shown
    assert "sesame" not in shown, "the address holds a token"
    listed = lambda query: re.findall(r'<th scope="row"><a href="/feed/([^"]+)"', client.get(f"/feeds?{query}").text)
    assert listed("") == ["tass", "herald", "quiet"]
    assert listed("state=failing") == ["tass"]
    assert listed("state=silent") == ["quiet"]
    assert listed("state=nonsense") == ["tass", "herald", "quiet"]
    assert listed("q=HERALD+example") == ["herald"]
    assert listed("q=nothing") == []


def test_long_lists_have_pages(db: Database, client: TestClient) -> None:
    fill(db, *(has_feed(f"feed{number:03}") for number in range(120)))
    pages = [client.get(f"/feeds?page={number}").text for number in (1, 2, 3, 99, 0)]
    counts = [len(re.findall('<th scope="row">', each)) for each in pages]
    assert counts == [50, 50, 20, 20, 50]


def test_entries_and_matches_of_each_day_are_a_picture(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_feed("bbc"))
    days = [NOW - timedelta(days=3), NOW - timedelta(days=3, hours=1), NOW, NOW - timedelta(days=30)]
    for number, at in enumerate(days, 1):
        match = {"topic": "talks", "found_at": at} if number == 1 else {}
        fill(
            db,
            has_article(f"Number {number}", source="bbc", url=f"https://news.example/{number}", **match),
            lambda session, number=number, at=at: session.add(  # type: ignore[misc]
                EntryRow(feed_id=1, guid_key=number, guid="g", content_key=1, article_id=number, first_seen_at=at)
            ),
        )
    shown = client.get("/feeds").text
    assert "3 entries in 14 days, 1 of them matched; at most 2 in a day" in shown
    assert "19 Nov: 2 entries, 1 matched" in shown
    assert "22 Nov: 1 entry, 0 matched" in shown


def test_a_picture_of_nothing_is_none_and_bars_stay_within() -> None:
    starts = starts_of_days(NOW)
    assert draw([0] * 14, [0] * 14, starts) is None
    drawn = draw(range(14), [1] * 14, starts)
    assert drawn is not None
    assert all(each.y >= 0 and each.y + each.height <= drawn.height for each in drawn.bars)
    assert drawn.bars[-1].x + 6 <= drawn.width


# --- one feed ---------------------------------------------------------------------------------------------------------


def test_a_feed_is_polled_paused_resumed_and_removed_by_its_page(db: Database, client: TestClient) -> None:
    fill(db, has_feed("herald", next_poll_at=NOW + timedelta(hours=1)))
    for verb, done, is_on in (
        ("poll", "due", True),
        ("pause", "paused", False),
        ("poll", "off", False),
        ("resume", "resumed", True),
        ("remove", "removed", False),
        ("resume", "resumed", True),
    ):
        answer = send(client, f"/feed/herald/{verb}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/feed/herald?done={done}#said")
        assert stored(db)["herald"].is_enabled is is_on
        assert 'id="said"' in client.get(answer.headers["location"]).text
    assert stored(db)["herald"].next_poll_at == NOW
    assert send(client, "/feed/nobody/pause").status_code == 404
    assert client.get("/feed/nobody").status_code == 404


def test_a_feeds_page_shows_what_it_brought_and_what_was_decided(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_topic("talks"),
        has_feed("bbc"),
        has_article(source="bbc", topic="talks"),
        lambda session: session.add(
            EntryRow(feed_id=1, guid_key=1, guid="g", content_key=1, article_id=1, first_seen_at=NOW)
        ),
    )
    shown = client.get("/feed/bbc").text
    assert '<a href="/articles/1" lang="en" dir="auto">Moscow talks end</a>' in shown
    assert "matched, and its story was new: alerted" in shown
    assert "<bdi>Talks</bdi>" in shown


def test_settings_are_changed_here_where_no_file_has_them(db: Database, client: TestClient) -> None:
    fill(db, has_feed("mine", origin="added"), has_feed("filed"))
    form = {"title": "Mine", "publisher": "House", "language": "fa", "interval": "30"}
    assert send(client, "/feed/mine/settings", **form).status_code == 303
    found = stored(db)["mine"]
    assert (found.title, found.publisher, found.language, found.interval_seconds) == ("Mine", "House", "fa", 1800)
    assert found.url == "https://mine.example.org/feed?token=sesame", "it stays"
    assert send(client, "/feed/filed/settings", **form).status_code == 409
    assert "stands in a settings file" in client.get("/feed/filed").text
    for wrong in ({"interval": "soon"}, {"interval": "0"}, {"language": "a language"}):
        assert send(client, "/feed/mine/settings", **{**form, **wrong}).status_code == 400
    assert stored(db)["mine"] == found


def test_u16_a_secret_address_is_on_no_page(db: Database, client: TestClient) -> None:
    fill(db, has_feed("hidden", is_secret=True, url="https://h.example/9f8e7d6c5b4a3210/rss", origin="added"))
    for path in ("/feeds", "/feed/hidden", "/feeds/export"):
        assert "9f8e7d6c5b4a3210" not in client.get(path).text
    assert "without 1 whose address holds a secret" in client.get("/feeds").text


# --- new feeds --------------------------------------------------------------------------------------------------------


def test_a_site_is_looked_at_and_what_is_picked_is_added(db: Database, looking: TestClient, site: Site) -> None:
    tags = "".join(f'<link rel=alternate type="application/rss+xml" href="{each}">' for each in ("/news", "/sport"))
    site.answers("/", 200, body=f"<html><head>{tags}</head></html>")
    site.publishes("/news", NEWS)
    site.publishes("/sport", SPORT)
    shown = send(looking, "/feeds/look", address=site.url("/")).text
    assert "The Herald" in shown
    assert "Bridge closed" in shown
    assert "The address you gave is a page and no feed. It names these feeds:" in shown
    assert stored(db) == {}
    picked = {f"url{number}": url for number, url in enumerate(re.findall(r'name="url\d" value="([^"]+)"', shown), 1)}
    answer = send(looking, "/feeds/add", **picked, publisher="House", name="ignored")
    assert answer.headers["location"] == "/feeds?done=added#said"
    assert {name: (each.origin, each.publisher, each.first_poll) for name, each in stored(db).items()} == {
        "127-0-0-1": ("added", "House", "baseline"),
        "127-0-0-1-2": ("added", "House", "baseline"),
    }
    assert not any(each.allow_private for each in stored(db).values())
    again = send(looking, "/feeds/look", address=site.url("/news")).text
    assert "is a page and no feed" not in again
    assert 'Already there as <a href="/feed/127-0-0-1">' in again
    assert send(looking, "/feeds/add", url1=site.url("/news")).headers["location"] == "/feed/127-0-0-1?done=there#said"
    assert len(stored(db)) == 2


def test_where_no_feed_is_found_the_page_says_why_and_keeps_the_address(looking: TestClient, site: Site) -> None:
    answer = send(looking, "/feeds/look", address=site.url("/nothing"))
    assert answer.status_code == 200
    assert "answered 404" in answer.text
    assert f'value="{site.url("/nothing")}"' in answer.text
    assert "Add the address as it is" in answer.text
    wrong = send(looking, "/feeds/look", address="ftp://x.example/")
    assert (wrong.status_code, "Add the address as it is" in wrong.text) == (400, False)


def test_r1_no_page_opens_the_private_network(db: Database, workers: Workers, site: Site) -> None:
    site.publishes("/feed", NEWS)
    visitor = Visitor(Fetcher(limits=AT_ONCE), workers, public=AddressPolicy(), private=LOOPBACK, db=db)
    with browsing(
        create_app(db, Web(), clock=lambda: NOW, health=lambda: WELL, tools=PageTools(visitor=visitor))
    ) as client:
        answer = send(client, "/feeds/look", address=site.url("/feed"), allow_private="yes")
        assert "its address is loopback" in answer.text
        send(client, "/feeds/add", url1=site.url("/feed"), allow_private="yes")
    assert site.requests == []
    assert not stored(db)["127-0-0-1"].allow_private


def test_what_cannot_be_added_says_why(db: Database, client: TestClient) -> None:
    fill(db, has_feed("herald"))
    for form, says in (
        ({}, "Pick at least one feed"),
        ({"url1": "javascript:alert(1)"}, "the scheme"),
        ({"url1": "https://x.example/", "name": "Not a name"}, "small letters"),
        ({"url1": "https://x.example/", "name": "herald"}, "there is a feed herald already"),
        ({"url1": "https://x.example/", "interval": "x"}, "in minutes"),
    ):
        answer = send(client, "/feeds/add", **form)
        assert (answer.status_code, says.lower() in answer.text.lower()) == (400, True), form
    assert len(stored(db)) == 1


def test_a_form_that_fails_keeps_what_was_picked_and_typed(db: Database, client: TestClient) -> None:
    form = {
        "seen1": "https://x.example/a", "label1": "The <A>", "seen2": "https://x.example/b", "label2": "B",
        "url2": "https://x.example/b", "publisher": "House", "language": "Klingon", "interval": "7", "secret": "yes",
    }  # fmt: skip
    shown = send(client, "/feeds/add", **form).text
    assert "There is no language “Klingon”: write its English name or code" in shown
    assert re.search(r'<p class="fault" id="fault-language">', shown)
    assert "<bdi>The &lt;A&gt;</bdi>" in shown
    assert re.search(r'name="url1" value="https://x.example/a">', shown), "not picked, and still to be picked"
    assert re.search(r'name="url2" value="https://x.example/b" checked>', shown)
    assert re.search(r'name="secret" value="yes" checked>', shown)
    for key in ("publisher", "language", "interval"):
        assert f'name="{key}" value="{form[key]}"' in shown
    assert send(client, "/feeds/add", **{**form, "language": "Persian"}).status_code == 303
    assert [each.language for each in stored(db).values()] == ["fa"]


def test_what_a_command_set_and_no_form_could_say_stays(db: Database, client: TestClient) -> None:
    """A language without a name of its own here, and an interval of more digits than the form takes."""
    fill(db, has_feed("mine", origin="added", language="gsw", interval_seconds=740.7))
    shown = client.get("/feed/mine").text
    form = {key: re.search(rf'name="{key}" value="([^"]*)"', shown)[1] for key in ("language", "interval")}  # type: ignore[index]
    assert form == {"language": "gsw", "interval": "12.345"}
    answer = send(client, "/feed/mine/settings", **form, title="Mine", publisher="")
    assert answer.status_code == 303, answer.text
    found = stored(db)["mine"]
    assert (found.title, found.language, found.interval_seconds) == ("Mine", "gsw", pytest.approx(740.7))
    assert send(client, "/feed/mine/settings", title="Mine", language="", interval="15").status_code == 303
    assert stored(db)["mine"].language is None


def test_settings_that_are_wrong_are_said_beside_their_field_and_kept(db: Database, client: TestClient) -> None:
    fill(db, has_feed("mine", origin="added"))
    form = {"title": "Mine", "publisher": "House", "language": "xx", "interval": "15"}
    shown = send(client, "/feed/mine/settings", **form).text
    assert '<p class="fault" id="fault-language">There is no language “xx”' in shown
    for key, value in form.items():
        assert f'name="{key}" value="{value}"' in shown
    shown = send(client, "/feed/mine/settings", **{**form, "language": "hi", "interval": "0"}).text
    assert re.search(r'<p class="fault" id="fault-interval">[^<]*must be between', shown)
    assert send(client, "/feed/mine/settings", **{**form, "language": "hi"}).status_code == 303
    assert stored(db)["mine"].language == "hi"
    assert 'name="language" value="Hindi"' in client.get("/feed/mine").text


def test_a_feed_at_a_usual_place_that_the_page_does_not_name_is_said(looking: TestClient, site: Site) -> None:
    site.answers("/", 200, body="<html><body>Nothing here</body></html>")
    site.publishes("/feed", NEWS)
    shown = send(looking, "/feeds/look", address=site.url("/")).text
    assert "is a page and no feed. It names no feed; this one is at a usual place of the site" in shown


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_is_imported_with_a_verdict_for_each_outline_and_again_without_change(
    db: Database, client: TestClient
) -> None:
    document = opml(feed("https://a.example/rss", "A"), feed("nonsense", "B"), feed("http://a.example/rss", "C"))
    dry = uploaded(client, document, dry="yes").text
    assert "1 added, 1 twice in the file, 1 not a feed address" in dry
    assert stored(db) == {}
    shown = uploaded(client, document).text
    assert "my feeds.opml" in shown
    assert "the URL lacks its scheme" in shown
    assert list(stored(db)) == ["a-example"]
    again = uploaded(client, document).text
    assert "1 already there, 1 twice in the file" in again
    assert list(stored(db)) == ["a-example"]


def test_u14_lists_that_attack_or_are_none_are_refused(db: Database, client: TestClient) -> None:
    bomb = f"{BOMB}<opml><body><outline text='&c8;' xmlUrl='https://a.example/'/></body></opml>".encode()
    for document, status in ((bomb, 400), (b"<html/>", 400), (b"", 400), (b"x" * (MAX_UPLOAD_BYTES + 1), 413)):
        assert uploaded(client, document).status_code == status
    assert send(client, "/feeds/import").status_code == 400
    assert stored(db) == {}


def test_the_list_is_downloaded_as_an_attachment(db: Database, client: TestClient) -> None:
    fill(db, has_feed("herald", url="https://h.example/rss", title="<The Herald>"))
    answer = client.get("/feeds/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="feeds.opml"'
    assert answer.headers["content-type"].startswith("text/x-opml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert 'title="&lt;The Herald&gt;" xmlUrl="https://h.example/rss"' in answer.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\n\r\n\r\n--x",
        b"--x\r\nContent-Disposition: form-data\r\n\r\nv\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--x--\r\n",
        b'junk\r\n--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--x--\r\n',
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nv\r\n--x--\r\n' * 100,
    ],
)
def test_forms_that_no_browser_sends_are_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        read_multipart(body, "multipart/form-data; boundary=x")


def test_forms_with_files_are_read_as_browsers_send_them() -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xc3\xa9\r\n\r\n2\r\n'
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="C:\\dir\\..\\a.opml"\r\nContent-Type: text/xml\r\n\r\n'
        b'\x00\xff\r\n--y\r\n\r\n--x\r\nContent-Disposition: form-data; name="g"; filename=""\r\n\r\n\r\n--x--\r\n'
    )
    fields, files = read_multipart(body, 'multipart/form-data; charset=utf-8; boundary="x"')
    assert fields == [("a", "é\r\n\r\n2")]
    assert [(each.field, each.name, each.body) for each in files] == [("f", "a.opml", b"\x00\xff\r\n--y\r\n")]


# --- strangers' text --------------------------------------------------------------------------------------------------


def test_u1_no_payload_becomes_markup_on_the_pages_of_feeds(db: Database, looking: TestClient, site: Site) -> None:
    for number, payload in enumerate(PAYLOADS, 1):
        fill(
            db,
            has_feed(
                f"feed{number}",
                title=payload,
                publisher=payload,
                error=payload,
                notes=payload,
                site_url=payload,
                language=payload[:12],
                outcome="404" if number % 2 else payload[:20],
                failures=number % 3,
                permanent_url=payload,
                paused_reason=payload if number % 5 == 0 else None,
                origin="added",
            ),
        )
        site.publishes(f"/{number}", rss((payload, payload, payload, payload, NOW), title=payload, link=payload))
    outlines = "".join(feed(_attribute(each), _attribute(each)) for each in PAYLOADS)
    folders = "".join(f'<outline text="{_attribute(each)}">{feed("nonsense")}</outline>' for each in PAYLOADS)
    pages = [looking.get(f"/feeds?page={number}&q=").text for number in (1, 2, 3)]
    pages += [looking.get(f"/feed/feed{number}").text for number in range(1, len(PAYLOADS) + 1)]
    pages += [looking.get("/feeds", params={"q": each, "state": each, "done": each}).text for each in PAYLOADS]
    pages += [send(looking, "/feeds/look", address=each).text for each in PAYLOADS]
    pages += [send(looking, "/feeds/look", address=site.url(f"/{number + 1}")).text for number in range(len(PAYLOADS))]
    pages += [send(looking, "/feeds/add", **{name: each}).text for each in PAYLOADS for name in ("url1", "publisher")]
    pages += [uploaded(looking, opml(outlines, folders)).text]
    for shown in pages:
        assert_is_ours(shown)
        for payload in PAYLOADS:
            assert "<" not in payload or payload not in shown


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def test_two_windows_undo_nothing_of_one_another(db: Database, client: TestClient) -> None:
    fill(db, has_feed("mine", origin="added"))
    shown = dict(re.findall('name="was_([^"]+)" value="([^"]*)"', client.get("/feed/mine").text))
    was = {f"was_{key}": value for key, value in shown.items()}
    send(client, "/feed/mine/settings", **was, **shown | {"publisher": "House"})
    assert send(client, "/feed/mine/settings", **was, **shown | {"title": "Mine"}).status_code == 303
    assert (stored(db)["mine"].publisher, stored(db)["mine"].title) == ("House", "Mine")
    answer = send(client, "/feed/mine/settings", **was, **shown | {"title": "Yours"})
    assert answer.status_code == 400
    assert "changed meanwhile, to “Mine”" in answer.text
    assert stored(db)["mine"].title == "Mine"
