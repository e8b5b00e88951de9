"""The demo's newspaper and receiver: well-formed content, honest conditional answers, and a receiver that believes nobody."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import pytest
from lxml import html
from standardwebhooks.webhooks import Webhook

from monitor.demo.articles import DemoArticle, Outlet, articles, outlets
from monitor.demo.newspaper import Newspaper
from monitor.demo.receiver import Received, Receiver
from monitor.demo.run import alerts_of_shared_stories
from monitor.matching import matcher as match
from monitor.matching.background import Background
from monitor.stories import copies, events, profiles
from monitor.text import publication_dates
from monitor.topics import seeds
from monitor.types.errors import MonitorError
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate
from tests.fakes.patience import PATIENCE

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SEEDS = Path(str(files("monitor.demo"))) / "seeds"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Clock:
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def newspaper(clock: Clock) -> Iterator[Newspaper]:
    with Newspaper(clock) as newspaper:
        yield newspaper


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[HTTPResponse, bytes]:
    """One request; header names with underscores. `path` may be a whole URL of the port."""
    parts = urlsplit(path)
    path, connection = parts.path, HTTPConnection(parts.hostname or "127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def guids(newspaper: Newspaper, path: str) -> list[str]:
    """Guids of an RSS or Atom feed as feedparser reads them."""
    return [entry.id.rpartition(":")[2].rpartition("/")[2] for entry in parsed(newspaper, path).entries]


def parsed(newspaper: Newspaper, path: str) -> feedparser.FeedParserDict:
    response, body = ask(newspaper.port, path)
    assert response.status == 200
    found = feedparser.parse(io.BytesIO(body), response_headers={"content-type": response.headers["Content-Type"]})
    assert not found.bozo
    return found


def published_at(entry: feedparser.FeedParserDict) -> datetime | None:
    """As we read it: feedparser's own is away where `reading.shortcuts` were taken, as by tests before this one."""
    return publication_dates.read(entry.published)


# --- the content ------------------------------------------------------------------------------------------------------


def test_there_is_enough_to_show() -> None:
    assert len(articles()) >= 48
    assert len({article.outlet.id for article in articles()}) >= 5
    assert {article.language for article in articles()} == {"en", "ru"}
    assert sum(article.is_baseline for article in articles()) >= 10
    assert {outlet.format for outlet in outlets()} == {"rss", "atom", "json"}


def test_every_kind_is_expected_somewhere() -> None:
    kinds = Counter(article.expect.kind for article in articles())
    assert set(kinds) == set(ArticleKind)
    assert kinds[ArticleKind.COPY] >= 8
    assert {a.expect.is_material for a in articles() if a.expect.kind is ArticleKind.UPDATE} == {True, False}
    assert sum(not article.expect.topics for article in articles()) > len(articles()) / 3


def test_both_topics_are_news_in_both_languages() -> None:
    told = {(topic, article.language) for article in articles() if article.is_alert for topic in article.expect.topics}
    assert told == {(topic, language) for topic in ("harbour-tunnel", "river-bank") for language in ("en", "ru")}


def test_a_story_is_news_on_both_topics() -> None:
    shared = [article for article in articles() if len(article.expect.topics) == 2]
    assert [article.expect.kind for article in shared] == [ArticleKind.NEW, ArticleKind.COPY]


def test_alerts_of_a_story_on_several_topics_are_counted_whether_one_names_them_all_or_each_one() -> None:
    def alert(story: int, *topics: str, type: str = "alert.new") -> dict[str, object]:
        return {"type": type, "data": {"story_id": story, "topics": [{"name": topic} for topic in topics]}}

    once, apart = [alert(1, "a", "b"), alert(2, "a")], [alert(3, "a"), alert(3, "b")]
    grown = [alert(1, "a", "b", type="alert.escalated")]
    assert alerts_of_shared_stories([*once, *apart, *grown]) == {1: 1, 3: 2}


def test_ids_are_unique_and_what_is_expected_points_at_something_earlier() -> None:
    seen: dict[str, DemoArticle] = {}
    for article in articles():
        assert article.id not in seen
        assert (article.expect.of is None) == (article.expect.kind is ArticleKind.NEW), article.id
        if article.expect.of:
            assert seen[article.expect.of].expect.topics == article.expect.topics
        if article.guid != article.id:
            assert seen[article.guid].outlet == article.outlet
        seen[article.id] = article


def test_every_article_reads_like_one() -> None:
    for article in articles():
        assert 50 <= len(article.text.split()) <= 240, article.id
        assert 10 <= len(article.title) <= 120, article.id
        assert article.text == article.text.strip()
        assert all(paragraph.strip() == paragraph and "\n" not in paragraph for paragraph in article.paragraphs)


def test_each_topic_has_english_and_russian_seeds() -> None:
    topics = {topic for article in articles() for topic in article.expect.topics}
    assert {folder.name for folder in SEEDS.iterdir()} == topics
    for folder in SEEDS.iterdir():
        texts = [path.read_text("utf-8") for path in folder.iterdir() if path.suffix in (".txt", ".md")]
        assert {any("а" <= letter <= "я" for letter in text) for text in texts} == {True, False}
        assert (folder / "topic.toml").exists()


def test_matching_and_dedup_make_of_it_what_is_expected() -> None:
    shelf = seeds.load(SEEDS)
    assert (shelf.faults, shelf.warnings) == ((), ())
    matcher = match.build(shelf.topics, background=Background.shipped())
    known: list[StoredCandidate] = []
    for number, demo in enumerate(articles()):
        text = "\n\n".join(demo.feed_paragraphs)
        found = tuple(score.topic for score in matcher.matches(demo.title, text, demo.language) if score.is_match)
        assert found == demo.expect.topics, demo.id
        article = as_article(demo, text)
        choice = copies.classify(article, [same_url_told(each, article) for each in known])
        known.append(as_known(article, number))
        if demo.expect.kind is ArticleKind.JOINS:
            assert choice.kind is ArticleKind.NEW, demo.id  # by its text; as an event see below
            continue
        assert (choice.kind, choice.is_material) == (demo.expect.kind, demo.expect.is_material), demo.id
        assert choice.of_article_id == next((n for n, a in enumerate(articles()) if a.id == demo.expect.of), None)


def test_what_tells_an_event_again_joins_its_story_and_no_other_event_of_the_topic_does() -> None:
    matcher = match.build(seeds.load(SEEDS).topics, background=Background.shipped())
    told = [
        demo for demo in articles() if demo.expect.kind in (ArticleKind.NEW, ArticleKind.JOINS) and demo.expect.topics
    ]
    kindred: list[events.RelatedArticle] = []
    for number, demo in enumerate(told):
        article = as_article(demo, "\n\n".join(demo.feed_paragraphs))
        themes = frozenset().union(*(matcher.themes(topic, demo.language) for topic in demo.expect.topics))
        own = profiles.profile(article, matcher.rarity(demo.language), themes=themes)
        choice = events.choose(article, own, [] if demo.is_baseline else kindred)
        assert (choice is not None) == (demo.expect.kind is ArticleKind.JOINS), demo.id
        if choice:
            assert told[choice.story_id or 0].id == demo.expect.of
        if not demo.is_baseline:
            story_id = choice.story_id if choice and choice.story_id is not None else number
            kindred.append(
                events.RelatedArticle(
                    article_id=number, story_id=story_id, published_at=article.published_at, profile=own
                )
            )


def as_article(demo: DemoArticle, text: str) -> Article:
    at = NOON + demo.published_for
    url = f"http://{demo.outlet.address}{demo.path}"
    return Article(
        guid=demo.guid,
        url=url,
        title=demo.title,
        text=text,
        language=demo.language,
        published_at=at,
        seen_at=at,
        source=demo.outlet.name,
    )


def as_known(article: Article, number: int) -> StoredCandidate:
    return StoredCandidate(
        article_id=number,
        story_id=number,
        title=article.title,
        text=article.text,
        url=article.url,
        source=article.source,
        published_at=article.published_at,
    )


def same_url_told(known: StoredCandidate, article: Article) -> StoredCandidate:
    return replace(known, same_url=known.url == article.url)


# --- the feeds --------------------------------------------------------------------------------------------------------


def test_every_feed_parses_and_names_itself(newspaper: Newspaper) -> None:
    for name, url, language in newspaper.feeds():
        assert urlsplit(url).port == newspaper.port
        if url.endswith(".json"):
            document = json.loads(ask(newspaper.port, url)[1])
            assert (document["title"], document["language"]) == (name, language)
            assert document["items"]
        else:
            found = parsed(newspaper, url)
            assert (found.feed.title, found.feed.language) == (name, language)
            assert all(entry.title and entry.link and published_at(entry) for entry in found.entries)


def test_outlets_live_on_hosts_of_their_own_where_the_system_has_them(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if sys.platform == "linux":
        with Newspaper(clock) as newspaper:
            assert len({urlsplit(url).hostname for _, url, _ in newspaper.feeds()}) == len(outlets())
    # 240.0.0.0/4 is nobody's (RFC 1112 section 4), so it can be bound no more than 127.0.0.2 can on macOS.
    monkeypatch.setattr(Outlet, "address", property(lambda outlet: f"240.0.0.{outlet.number}"))
    with Newspaper(clock) as newspaper:
        assert {urlsplit(url).hostname for _, url, _ in newspaper.feeds()} == {"127.0.0.1"}
        assert all(ask(newspaper.port, url)[0].status == 200 for _, url, _ in newspaper.feeds())


def test_before_the_first_poll_only_the_baseline_is_there(newspaper: Newspaper) -> None:
    assert all(article.is_baseline for article in newspaper.published())
    assert guids(newspaper, "/wire/feed.xml") == ["wire-bank-report", "wire-wheat"]


def test_an_article_appears_with_its_minute_and_not_before(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(3.9)
    assert "wire-ruling" not in guids(newspaper, "/wire/feed.xml")
    assert ask(newspaper.port, "/wire/wire-ruling.html")[0].status == 404
    clock.forward(0.1)
    assert guids(newspaper, "/wire/feed.xml")[0] == "wire-ruling"
    assert ask(newspaper.port, "/wire/wire-ruling.html")[0].status == 200


def test_dates_are_in_the_demos_time(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(5)
    entry = parsed(newspaper, "/wire/feed.xml").entries[0]
    assert published_at(entry) == NOON + timedelta(minutes=4)
    assert ask(newspaper.port, "/")[0].headers["Date"] == "Sun, 22 Nov 2026 12:05:00 GMT"


def test_after_the_last_minute_everything_is_published(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(newspaper.total_minutes)
    assert newspaper.published() == list(articles())


def test_a_later_version_takes_the_place_of_the_earlier(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(60)
    assert b"40 workers" in ask(newspaper.port, "/post/post-leak.html")[1]
    clock.forward(30)
    found = [entry for entry in parsed(newspaper, "/post/feed.xml").entries if entry.id.endswith("/post-leak")]
    assert len(found) == 1
    assert "64 workers" in found[0].title
    assert published_at(found[0]) == NOON + timedelta(minutes=58)
    page = ask(newspaper.port, "/post/post-leak.html")[1]
    assert b"64 workers" in page
    assert b"40 workers" not in page


def test_a_teaser_feed_keeps_the_rest_for_the_page(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(20)
    entry = next(e for e in parsed(newspaper, "/lantern/feed.xml").entries if e.id.endswith("/lantern-ruling"))
    assert "poisoned silt" in entry.summary
    assert "Ruth Ambersley" not in str(entry)
    page = html.fromstring(ask(newspaper.port, "/lantern/lantern-ruling.html")[1].decode())
    assert "Ruth Ambersley" in page.findtext(".//article/p[3]")
    assert page.find(".//link[@rel='canonical']").get("href") == entry.link


def test_the_reader_finds_every_article_from_the_index(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(newspaper.total_minutes)
    links: set[str] = set()
    for outlet in html.fromstring(ask(newspaper.port, "/")[1].decode()).xpath("//li/a/@href"):
        front = html.fromstring(ask(newspaper.port, outlet)[1].decode())
        links |= set(front.xpath("//li/a/@href"))
    assert {urlsplit(link).path for link in links} == {article.path for article in articles()}
    assert all(ask(newspaper.port, link)[0].status == 200 for link in links)


# --- conditional requests ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [outlet.feed_path for outlet in outlets()])
def test_nothing_new_is_answered_304(newspaper: Newspaper, clock: Clock, path: str) -> None:
    first, _ = ask(newspaper.port, path)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    clock.forward(1)
    for headers in ({"If_None_Match": etag}, {"If_None_Match": f'"x", W/{etag}'}, {"If_Modified_Since": modified}):
        again, body = ask(newspaper.port, path, **headers)
        assert (again.status, body, again.headers["ETag"]) == (304, b"", etag)


def test_news_changes_both_validators(newspaper: Newspaper, clock: Clock) -> None:
    first, _ = ask(newspaper.port, "/post/feed.xml")
    clock.forward(9)
    for headers in ({"If_None_Match": first.headers["ETag"]}, {"If_Modified_Since": first.headers["Last-Modified"]}):
        again, _ = ask(newspaper.port, "/post/feed.xml", **headers)
        assert again.status == 200
        assert again.headers["ETag"] != first.headers["ETag"]
        assert again.headers["Last-Modified"] != first.headers["Last-Modified"]


def test_the_etag_outweighs_the_date_and_a_bad_date_is_ignored(newspaper: Newspaper) -> None:
    first, _ = ask(newspaper.port, "/post/feed.xml")
    modified = first.headers["Last-Modified"]
    assert ask(newspaper.port, "/post/feed.xml", If_None_Match='"old"', If_Modified_Since=modified)[0].status == 200
    assert ask(newspaper.port, "/post/feed.xml", If_Modified_Since="yesterday")[0].status == 200


def test_a_page_keeps_its_etag_while_others_are_published(newspaper: Newspaper, clock: Clock) -> None:
    clock.forward(5)
    first, _ = ask(newspaper.port, "/wire/wire-ruling.html")
    clock.forward(60)
    assert ask(newspaper.port, "/wire/wire-ruling.html", If_None_Match=first.headers["ETag"])[0].status == 304


def test_head_has_no_body_and_other_methods_are_refused(newspaper: Newspaper) -> None:
    response, body = ask(newspaper.port, "/wire/feed.xml", "HEAD")
    assert (response.status, body) == (200, b"")
    assert ask(newspaper.port, "/wire/feed.xml", "DELETE")[0].status == 501
    assert ask(newspaper.port, "/nowhere/feed.xml")[0].status == 404


def test_a_taken_port_is_told_plainly_and_a_stopped_one_is_free(clock: Clock) -> None:
    with Newspaper(clock) as first:
        port = first.port
        with pytest.raises(MonitorError, match=f"cannot listen on 127.0.0.1:{port}"):
            Newspaper(clock, port=port).start()
    first.stop()
    with Newspaper(clock, port=port) as second:
        assert ask(second.port, "/")[0].status == 200


# --- the receiver -----------------------------------------------------------------------------------------------------

BODY = '{"title": "Тоннель «под гаванью»"}'.encode()


def signed(
    body: bytes = BODY, *, id: str = "alt_1", at: datetime | None = None, secret: str = SECRET
) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook_id": id,
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": Webhook(secret).sign(id, at, body.decode()),
    }


def post(receiver: Receiver, headers: dict[str, str], body: bytes = BODY) -> int:
    return ask(receiver.port, "/alerts", "POST", body, **headers)[0].status


def test_a_signed_alert_is_kept_and_told_once() -> None:
    told: list[Received] = []
    with Receiver(SECRET, on_alert=told.append) as receiver:
        assert receiver.url == f"http://127.0.0.1:{receiver.port}/alerts"
        assert post(receiver, signed()) == 204
        assert post(receiver, signed()) == 204
        assert post(receiver, signed(id="alt_2")) == 204
    assert [alert.id for alert in told] == ["alt_1", "alt_2"]
    assert receiver.received == told
    assert receiver.received[0].payload == {"title": "Тоннель «под гаванью»"}
    assert (receiver.repeated, receiver.refused) == (1, 0)


def test_alerts_are_told_in_order_of_arrival_though_the_first_ones_thread_is_late() -> None:
    told: list[Received] = []
    receiver = Receiver(SECRET, on_alert=told.append)
    for id in ("alt_1", "alt_2"):
        headers = {name.replace("_", "-"): value for name, value in signed(id=id).items()}
        assert receiver.take(BODY, headers)[0] == 204
    receiver.tell()
    assert [alert.id for alert in told] == ["alt_1", "alt_2"]
    receiver.tell()
    assert len(told) == 2


def test_w1_the_official_vector_verifies() -> None:
    at = datetime.fromtimestamp(1614265330, UTC)
    receiver = Receiver(SECRET, clock=lambda: at)
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,other v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert receiver.take(b'{"test": 2432232314}', headers)[0] == 204
    assert receiver.take(b'{"test": 2432232315}', headers)[0] == 401


@pytest.mark.parametrize(
    "change",
    [
        {"webhook_signature": "v1,AAAA"},
        {"webhook_signature": "подпись".encode().decode("latin-1")},
        {"webhook_id": "alt_other"},
        {"webhook_timestamp": "soon"},
        {"webhook_timestamp": "9" * 30},
        signed(at=datetime.now(UTC) - timedelta(minutes=60)),
        signed(at=datetime.now(UTC) + timedelta(minutes=60)),
        signed(secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        signed(id=""),
    ],
)
def test_a_bad_signature_is_refused(change: dict[str, str]) -> None:
    with Receiver(SECRET, on_alert=lambda alert: pytest.fail("told")) as receiver:
        assert post(receiver, {**signed(), **change}) == 401
        assert ask(receiver.port, "/alerts", "POST", BODY)[0].status == 401
    assert receiver.received == []
    assert receiver.refused == 2


@pytest.mark.parametrize("body", [b"[1, 2]", b"{", b""])
def test_a_signed_body_that_is_no_object_is_refused(body: bytes) -> None:
    with Receiver(SECRET) as receiver:
        assert post(receiver, signed(body), body) == 401


def test_the_first_post_can_fail_once_to_show_the_retry() -> None:
    with Receiver(SECRET, fails_first=True) as receiver:
        response, _ = ask(receiver.port, "/alerts", "POST", BODY, **signed())
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert receiver.received == []
        assert post(receiver, signed()) == 204
        assert post(receiver, signed(id="alt_2")) == 204
    assert [alert.id for alert in receiver.received] == ["alt_1", "alt_2"]


def test_a_callback_that_raises_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def breaks(alert: Received) -> None:
        raise RuntimeError("the terminal is gone")

    with Receiver(SECRET, on_alert=breaks) as receiver:
        assert post(receiver, signed()) == 204
        assert post(receiver, signed(id="alt_2")) == 204
    assert len(receiver.received) == 2
    assert "the callback failed for alert alt_1" in caplog.text


def test_other_paths_methods_and_sizes_are_refused() -> None:
    with Receiver(SECRET) as receiver:
        assert ask(receiver.port, "/elsewhere", "POST", b"{}")[0].status == 404
        assert ask(receiver.port, "/alerts")[0].status == 501
        assert ask(receiver.port, "/alerts", "POST", Content_Length="1000001")[0].status == 413
        assert ask(receiver.port, "/alerts", "POST", Content_Length="-1")[0].status == 411


def test_a_client_that_goes_away_hurts_nobody() -> None:
    with Receiver(SECRET) as receiver:
        connection = HTTPConnection("127.0.0.1", receiver.port, timeout=PATIENCE)
        connection.putrequest("POST", "/alerts")
        connection.putheader("Content-Length", "500")
        connection.endheaders(b"half")
        connection.close()
        assert post(receiver, signed()) == 204
    assert [alert.id for alert in receiver.received] == ["alt_1"]
