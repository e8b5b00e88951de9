"""The review page over a real SQLite store: what it shows, what it lets through, what it refuses."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr
from sqlmodel import Session, select
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from monitor.config.settings import WebSettings
from monitor.review import inbox
from monitor.store import alerts, channels, nodes, settings, topics
from monitor.store.articles import url_key
from monitor.store.db import Database
from monitor.store.indexes import word_index
from monitor.store.nodes import Node
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, DecisionRow, EntryRow, RevisionRow
from monitor.store.tables.deliveries import AttemptRow, ChannelRow, DeliveryRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow, VerdictRow
from monitor.store.tables.stories import StoryEditRow, StoryRow
from monitor.store.tables.topics import TopicRow
from monitor.text.highlight import marked
from monitor.types.condition import Code, failure, silent_part, store_problem, warning
from monitor.types.errors import StoreBusyError
from monitor.types.matching import MeasuredPrecision, Topic
from monitor.types.plans import SettingsEntry
from monitor.web import guard, pages, show
from monitor.web.app import create_app
from monitor.web.health import Health
from monitor.web.tools import PageTools
from tests.fakes.alerts import notice
from tests.fakes.patience import PATIENCE
from tests.fakes.settings import channel, feed, put_in_force
from tests.fakes.stores import lay_out

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WELL = Health(beats={"poll": NOW})
SILENT = silent_part("poll: no sign of life for 90 s")
OWN = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}

# What strangers write into feeds. `alert(1)` is what a browser would show if one of these ran (see test_web_browser).
PAYLOADS = (
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script src=https://evil.test/x.js></script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='x' onerror='alert(1)'>",
    '"><img src=x onerror=alert(1)>',
    "'><img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg/onload=alert(1)//",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<base href=https://evil.test/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<link rel=stylesheet href=https://evil.test/x.css>",
    "<style>@import 'https://evil.test/x.css'</style>",
    "<div style='background:url(https://evil.test/x)'>x</div>",
    "<form action=https://evil.test/><button>Confirm</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src=x onerror=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<<script>alert(1)//<</script>",
    "<mark><script>alert(1)</script></mark>",
    "' onmouseover='alert(1)",
    '" onfocus="alert(1)" autofocus="',
    "` onmouseover=alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "{{ 7 * 7 }}{% for x in range(9) %}{% endfor %}${7*7}<%= 7*7 %>",
    "{{ config }}{0.__class__}",
    "javascript:alert(1)",
    " java\tscript:alert(1)",
    "JaVaScRiPt:alert(1)//https://example.org/",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    "https://example.org/\"onmouseover='alert(1)'",
    "https://example.org/<script>alert(1)</script>",
    "//evil.test/x",
    "\u202e\u2066<script>alert(1)</script>\u2069",
    "<scr\u0000ipt>alert(1)</scr\u0000ipt>".replace("\0", "\u200b"),
)


# --- a store with something in it -------------------------------------------------------------------------------------


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/web.db"
    lay_out(url)
    database = Database(url)
    yield database
    database.close()


def fill(db: Database, *make: Callable[[Session], object]) -> None:
    with db.writing() as session:
        for each in make:
            each(session)
            session.flush()


def has_topic(name: str, title: str = "") -> Callable[[Session], object]:
    return lambda session: session.add(TopicRow(name=name, title=title or name.title(), digest="x", changed_at=NOW))


def has_feed(name: str = "bbc", **values: Any) -> Callable[[Session], object]:
    known = {
        "url": f"https://{name}.example.org/feed?token=sesame",
        "host": f"{name}.example.org",
        "interval_seconds": 900,
    }
    return lambda session: session.add(FeedRow(name=name, **{**known, "next_poll_at": NOW, **values}))


def has_article(title: str = "Moscow talks end", **values: Any) -> Callable[[Session], object]:
    """An article, and with `topic=` its match."""

    def make(session: Session) -> ArticleRow:
        match = {
            name: values.pop(name)
            for name in ("topic", "is_relevant", "score", "evidence", "found_at")
            if name in values
        }
        known: dict[str, Any] = {
            "url": "https://news.example.org/1",
            "url_key": 0,
            "text_key": 0,
            "title_key": 0,
            "text": "The envoys met in Moscow. Nothing was agreed.",
            "language": "en",
            "source": "Example News",
            "grade": "full",
            "published_at": NOW - timedelta(hours=3),
            "seen_at": NOW - timedelta(hours=2),
        }
        scores = values.pop("scores", [])
        row = ArticleRow(title=title, **{**known, **values})
        session.add(row)
        session.flush()
        assert row.id is not None
        row.story_id = row.story_id or row.id
        word_index.index_words(session, row.id, row.title, row.text)
        decision = _decision(row, is_match=bool(match), scores=scores)
        session.add(decision)
        session.flush()
        if match:
            session.add(_match(row, decision_id=decision.id, **match))
        return row

    return make


def _decision(article: ArticleRow, *, is_match: bool, scores: list[dict[str, Any]]) -> DecisionRow:
    assert article.id
    assert article.story_id
    return DecisionRow(
        article_id=article.id,
        at=NOW - timedelta(hours=2),
        cause="arrival",
        feed=article.source,
        reason="ALERTED" if is_match else "NO_MATCH",
        kind=article.kind,
        story_id=article.story_id,
        scores=scores,
    )


def has_match(number: int, **values: Any) -> Callable[[Session], object]:
    """One more match of the article with that number."""
    return lambda session: session.add(_match(session.get_one(ArticleRow, number), **values))


def _match(article: ArticleRow, *, topic: str, found_at: datetime = NOW, **values: Any) -> MatchRow:
    evidence = {
        "terms": [
            {"term": "moscow", "weight": 0.2},
            {"term": "envoys", "weight": 0.1},
            {"term": "(other terms)", "weight": 0.01},
        ],
        "sentence": "The envoys met in Moscow.",
        "seed": "first.md",
        "seed_similarity": 0.4,
    }
    known = {"score": 0.31, "threshold": 0.17, "evidence": evidence, "reason": "ALERTED", "created_at": found_at}
    return MatchRow(article_id=article.id, story_id=article.story_id, topic=topic, **{**known, **values})


def application(
    db: Database,
    health: Health = WELL,
    throttle: guard.Throttle | None = None,
    *,
    entries: Sequence[SettingsEntry] | None = None,
    embedder_problem: str = "",
    clock: Callable[[], datetime] = lambda: NOW,
    tools: PageTools | None = None,
    **settings: Any,
) -> Starlette:
    web = WebSettings(**settings)
    return create_app(
        db,
        web,
        clock=clock,
        health=lambda: health,
        throttle=throttle,
        entries=entries,
        embedder_problem=embedder_problem,
        tools=tools,
    )


@contextmanager
def browsing(app: Starlette, **options: Any) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000", follow_redirects=False, **options) as client:
        yield client


@pytest.fixture
def client(db: Database) -> Iterator[TestClient]:
    with browsing(application(db)) as client:
        yield client


def token_of(client: TestClient, path: str = "/", **options: Any) -> str:
    """What a reviewer's browser finds in the page's forms; the cookie stays in the client."""
    found = re.search(r'name="token" value="([0-9a-f]+)"', client.get(path, **options).text)
    assert found is not None, "the page has no form"
    return found[1]


def judged(db: Database) -> list[bool | None]:
    with db.reading() as session:
        return [row.is_relevant for row in session.exec(select(MatchRow).order_by(MatchRow.id))]  # type: ignore[arg-type]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_an_empty_store_says_so(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Nothing here yet" in answer.text


def test_a_hit_shows_what_a_reviewer_needs(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_topic("talks", "Moscow talks"),
        has_article(topic="talks"),
        has_article("Copied", story_id=1, source="Wire", url="https://wire.example/1"),
    )
    shown = client.get("/").text
    assert '<a href="/articles/1">Moscow talks end</a>' in re.sub("</?mark>", "", shown)
    assert "also carried by 1 outlet</a>: <bdi>Wire</bdi>" in shown
    assert "score 0.31, threshold 0.17; not calibrated yet" in shown
    assert "The <mark>envoys</mark> met in <mark>Moscow</mark>." in shown
    shares = [int(each) for each in re.findall(r"</bdi> <small>(\d+)%</small>", shown)]
    assert "<bdi>moscow</bdi>" in shown
    assert sum(shares) == 100, "of the words that decided"
    assert 'rel="noopener noreferrer nofollow">news.example.org<' in shown
    assert "matched, and its story was new: alerted" in shown
    assert "3 h ago" in shown


def test_a_percentage_appears_only_where_it_is_calibrated() -> None:
    assert show.score_words(0.3, 0.2, None) == "score 0.30, threshold 0.20; not calibrated yet"
    assert show.score_words(0.3, 0.2, 0.87) == "87% likely; score 0.30, threshold 0.20"
    measured = MeasuredPrecision(confirmed=41, judged=45, low=0.793, high=0.965)
    beside = "87% likely; precision 41 of 45 judged (79-96%); score 0.30, threshold 0.20"
    assert show.score_words(0.3, 0.2, 0.87, measured) == beside


def test_stories_are_listed_newest_first_and_filtered(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_topic("talks"),
        has_topic("trade"),
        has_article("Oldest", topic="talks", found_at=NOW - timedelta(hours=5), is_relevant=True),
        has_article("Middle", topic="trade", found_at=NOW - timedelta(hours=4), is_relevant=False),
        has_article("Newest", topic="talks", found_at=NOW, text="A quiet harbour."),
    )
    titles = lambda path: listed(client.get(path).text)
    assert titles("/") == titles("/?state=new") == titles("/?state=nonsense") == ["Newest"], "what is new, unless asked"
    assert titles("/?state=all") == ["Newest", "Middle", "Oldest"]
    assert titles("/?topic=talks&state=all") == ["Newest", "Oldest"]
    assert titles("/?state=confirmed") == ["Oldest"]
    assert titles("/?topic=talks&state=dismissed") == []
    assert titles("/?q=harbour") == ["Newest"]
    assert titles("/?q=moscow&state=dismissed") == ["Middle"]
    assert titles("/?topic=nosuch") == []


def listed(page: str) -> list[str]:
    """The titles of the lines of the inbox."""
    found = re.findall(r'<span class="title"[^>]*>(.*?)</span>', page)
    return [html.unescape(re.sub("</?mark>", "", each)) for each in found]


def test_an_article_on_two_topics_is_one_line_with_a_verdict_for_each(db: Database, client: TestClient) -> None:
    on_trade_too = has_match(1, topic="trade", score=0.2)
    fill(db, has_topic("talks"), has_topic("trade"), has_article("Envoys on wheat", topic="talks"), on_trade_too)
    fill(db, has_article("Envoys leave", topic="talks", found_at=NOW - timedelta(hours=1)))
    shown = client.get("/").text
    assert listed(shown) == ["Envoys on wheat", "Envoys leave"]
    assert "2 stories" in shown
    assert re.search(
        r'id="match-1".*Confirm for Talks: Envoys on wheat.*id="match-2".*Dismiss for Trade: Envoys', shown, re.S
    )
    assert "Confirm: Envoys leave" in client.get("/?story=2").text, "one on one topic needs no topic's name"
    answer = client.post("/matches/2/dismiss", data={"token": token_of(client), "back": "/"}, headers=OWN)
    assert answer.status_code == 303
    assert judged(db) == [None, False, None]
    only = client.get("/?topic=trade&state=dismissed").text
    assert listed(only) == ["Envoys on wheat"]
    assert only.index('id="match-2"') < only.index('id="match-1"'), "what was asked for comes first"


def test_pages_hold_fifty_and_link_on_with_their_filters(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), *(has_article(f"Talks {n}", topic="talks") for n in range(51)))
    first = client.get("/?topic=talks").text
    assert len(listed(first)) == 50
    assert 'rel="next" href="/?topic=talks&amp;page=2"' in first
    assert "page 1 of 2" in first
    second = client.get("/?topic=talks&page=2").text
    assert len(listed(second)) == 1
    assert 'rel="prev" href="/?topic=talks"' in second


@pytest.mark.parametrize("number", ["0", "-1", "x", "9" * 400, "²", "1e3", ""])
def test_a_page_number_that_cannot_be_meant_is_the_first(client: TestClient, number: str) -> None:
    assert client.get("/", params={"page": number}).status_code == 200


U10_QUERIES = [
    '"',
    "*",
    "AND",
    "NOT x",
    "a-b",
    "c++",
    "x'y",
    "title:",
    "nosuch:x",
    "NEAR(a b, x)",
    "(" * 5000,
    "a\0b",
    "\0",
    "x" * 9000,
    "'; DROP TABLE articles; --",
    "{}",
    "^a",
    "a OR",
    "\\",
    "%",
    "_",
    "\ud800".encode("utf-8", "surrogatepass"),
    "دری",
    "北京",
]


@pytest.mark.parametrize("words", U10_QUERIES)
def test_u10_no_search_breaks_the_page(db: Database, client: TestClient, words: str) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    for name in ("q", "topic", "state"):
        answer = client.get("/", params={name: words})
        assert answer.status_code in (200, 400), (name, words)
        assert answer.status_code == 200 or "at most 300 characters" in answer.text


def test_u10_a_query_of_a_megabyte_is_refused(client: TestClient) -> None:
    for path in ("/", "/status", "/healthz"):
        assert client.get(path, params={"q": "x" * 60_000}).status_code == 400


# --- an article -------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(db: Database) -> Database:
    """An article with everything that can happen to one."""
    evidence = {"deliveries": "two"}

    def alert(session: Session) -> None:
        session.add(
            AlertRow(
                id="alt_1",
                key="k",
                kind="new",
                topic="talks",
                story_id=1,
                title="Moscow talks end",
                created_at=NOW,
                payload=evidence,
            )
        )
        session.flush()
        session.add(
            DeliveryRow(
                alert_id="alt_1",
                channel="desk",
                state="pending",
                attempts=2,
                created_at=NOW,
                next_at=NOW + timedelta(minutes=5),
                last_detail="500 busy",
            )
        )
        session.flush()
        session.add(AttemptRow(delivery_id=1, started_at=NOW, ended_at=NOW, result="transient", code="500"))
        session.add(
            RevisionRow(
                article_id=1,
                replaced_at=NOW,
                title="Moscow talks begin",
                text="They began.",
                is_material=True,
                why="numbers changed",
            )
        )
        session.add(VerdictRow(article_id=1, topic="talks", is_relevant=True, by="ada", note="just so", at=NOW))
        session.add(EntryRow(feed_id=1, guid_key=1, guid="g", content_key=1, article_id=1, first_seen_at=NOW))

    scores = [
        {"topic": "talks", "score": 0.31, "threshold": 0.17, "matched": True, "blocked": None},
        {"topic": "trade", "score": 0.2, "threshold": 0.17, "matched": False, "blocked": "EXCLUDED"},
        {"topic": "sport", "score": 0.01, "threshold": 0.17, "matched": False, "blocked": None},
    ]
    fill(
        db,
        has_topic("talks", "Moscow talks"),
        has_feed("bbc"),
        has_article(topic="talks", scores=scores, is_relevant=True),
        has_article(
            "Talks end in Moscow",
            story_id=1,
            source="Wire",
            kind="copy",
            of_article_id=1,
            why="same text (96 % of its word runs)",
            decision="COPY",
        ),
        alert,
    )
    return db


def test_an_article_shows_its_whole_record(told: Database, client: TestClient) -> None:
    shown = client.get("/articles/1").text
    for part in (
        "Matched, and its story was new: alerted",
        "The <mark>envoys</mark> met in <mark>Moscow</mark>. Nothing was agreed.",
        "above the threshold, but carries a term the topic excludes",
        "below its threshold",
        "Nearest seed: <bdi>first.md</bdi>, likeness 0.40",
        '<a href="/articles/2"><bdi>Talks end in Moscow</bdi></a>',
        "2 tries, next <time",
        "500 busy",
        "transient (500)",
        "Confirmed for <bdi>Moscow talks</bdi> by <bdi>ada</bdi>",
        "just so",
        "Moscow talks begin",
        "numbers changed",
        "<bdi>bbc</bdi>",
    ):
        assert part in shown, part


def test_a_copy_says_of_what_and_why(told: Database, client: TestClient) -> None:
    shown = client.get("/articles/2").text
    assert 'copy of <a href="/articles/1"><bdi>Moscow talks end</bdi></a>' in shown
    assert "same text (96 % of its word runs)" in shown
    assert "No topic reached its threshold" in shown


@pytest.mark.parametrize("path", ["/articles/99", "/articles/99999999999999999999", "/articles/x", "/nosuch"])
def test_what_is_not_there_is_404(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "<h1>Not found</h1>" in answer.text


def test_explain_leads_to_the_article_by_any_spelling_of_its_address(db: Database, client: TestClient) -> None:
    address = "https://news.example.org/1"
    fill(db, has_article(url=address, url_key=url_key(address)))
    for asked in (address, "http://www.news.example.org/1/?utm_source=x", "1"):
        assert client.get("/explain", params={"url": asked}).headers["location"] == "/articles/1"


def test_explain_says_plainly_what_was_never_seen(client: TestClient) -> None:
    answer = client.get("/explain", params={"url": "https://news.example.org/2"})
    assert answer.status_code == 404
    assert "Never seen" in answer.text
    assert client.get("/explain").status_code == 200


@pytest.mark.parametrize(
    "url", ["²", "javascript:alert(1)", "http://", "\0", "x" * 9000, "file:///etc/passwd", "http://[::bad/"]
)
def test_explain_takes_web_addresses_only(client: TestClient, url: str) -> None:
    answer = client.get("/explain", params={"url": url})
    assert answer.status_code == 400
    assert "not a web address" in answer.text


# --- highlighting -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "terms", "shown"),
    [
        ("Moscow's envoys", {"moscow"}, "<mark>Moscow&#39;s</mark> envoys"),
        ("‘Moscow’ (MOSCOW)!", {"moscow"}, "‘<mark>Moscow</mark>’ (<mark>MOSCOW</mark>)!"),
        ("Moscow-format <b>", {"format"}, "Moscow-<mark>format</mark> &lt;b&gt;"),
        ("طالبان در كابل", {"کابل"}, "طالبان در <mark>كابل</mark>"),
        ("हिन्दी में", {"हिन्दी"}, "<mark>हिन्दी</mark> में"),
        ("我在北京大学。北京", {"北京", "京大"}, "我在<mark>北京大</mark>学。<mark>北京</mark>"),
        ("北京 and 大学", {"大学"}, "北京 and <mark>大学</mark>"),
        ("nothing", set(), "nothing"),
        ("<mark>", {"mark"}, "&lt;<mark>mark</mark>&gt;"),
    ],
)
def test_matched_words_are_marked_as_the_matcher_reads_them(text: str, terms: set[str], shown: str) -> None:
    assert str(marked(text, terms)) == shown


def test_other_forms_of_a_word_are_marked_in_its_language() -> None:
    assert str(marked("They recognised it", {"recognise"}, "en")) == "They <mark>recognised</mark> it"
    assert str(marked("О признании", {"признание"}, "ru")) == "О <mark>признании</mark>"
    assert str(marked("They recognised it", {"recognise"})) == "They recognised it"


def test_marking_changes_no_letter() -> None:
    for payload in PAYLOADS:
        plain = re.sub(r"</?mark>", "", str(marked(payload, {"alert", "script", "x"})))
        assert html.unescape(plain) == payload


def test_x9_text_keeps_its_own_direction_and_language(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_topic("talks"),
        has_article("گفتگوها در مسکو", language="fa", topic="talks"),
        has_article(topic="talks", language="und"),
    )
    shown = client.get("/?story=1").text
    assert '<h2 lang="fa" dir="auto"><a href="/articles/1">گفتگوها در مسکو</a></h2>' in shown
    assert '<span class="title" lang="fa" dir="auto">گفتگوها در مسکو</span>' in shown
    assert '<h2 lang="" dir="auto"><a href="/articles/2">' in client.get("/?story=2").text


# --- verdicts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "said"), [("confirm", True), ("dismiss", False)])
def test_a_verdict_is_kept_and_leads_back(db: Database, client: TestClient, verb: str, said: bool) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    form = {"token": token_of(client), "back": "/?topic=talks&page=2"}
    answer = client.post(f"/matches/1/{verb}", data=form, headers=OWN)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?topic=talks&page=2#match-1"
    assert judged(db) == [said]
    with db.reading() as session:
        assert session.exec(select(VerdictRow.by)).all() == ["web"]


def test_a_verdict_on_nothing_is_404(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    form = {"token": token_of(client)}
    for number in ("7", "9" * 30):
        assert client.post(f"/matches/{number}/confirm", data=form, headers=OWN).status_code == 404


@pytest.mark.parametrize(
    "back",
    [
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "https:evil.test",
        "https://evil.test/",
        "\\\\evil.test",
        "/\t/evil.test",
        "///evil.test",
        "/x",
        "/articles/../..//evil.test",
        "/?\r\nSet-Cookie: a=b",
        "/ /evil",
        "",
        "/%0d%0aX: y",
        "/articles/1\n",
    ],
)
def test_u7_a_form_leads_back_to_our_own_pages_only(back: str) -> None:
    assert pages.own_path(back) == "/"


@pytest.mark.parametrize("back", ["/", "/?topic=a&q=%D9%85", "/articles/12", "/articles/12?x=//evil.test"])
def test_u7_our_own_pages_are_led_back_to(back: str) -> None:
    assert pages.own_path(back) == back


# --- forged requests --------------------------------------------------------------------------------------------------


def changing_paths(app: Starlette) -> list[str]:
    return [path for path, methods in walk(app) if methods - {"GET", "HEAD"}]


def walk(app: Starlette) -> list[tuple[str, set[str]]]:
    """Every route with a path that leads to it; a kind of route unknown here fails the tests."""
    found: list[tuple[str, set[str]]] = []
    for route in app.routes:
        if isinstance(route, Mount):
            found.append((f"{route.path}/style.css", {"GET", "HEAD"}))
        else:
            assert isinstance(route, Route)
            found.append((re.sub(r"\{[^}]*\}", "1", route.path), route.methods or set()))
    return found


@pytest.mark.parametrize(
    ("headers", "change"),
    [
        ({"Origin": "https://evil.test"}, {}),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"}, {}),
        ({"Origin": "null"}, {}),
        ({"Origin": "http://127.0.0.1:8001"}, {}),
        ({"Origin": "http://127.0.0.1:8000.evil.test"}, {}),
        ({"Origin": "http://[::bad"}, {}),
        ({"Sec-Fetch-Site": "cross-site"}, {}),
        ({"Sec-Fetch-Site": "same-site"}, {}),
        ({**OWN, "Sec-Fetch-Site": "cross-site"}, {}),
        ({}, {}),
        (OWN, {"token": None}),
        (OWN, {"token": ""}),
        (OWN, {"token": "0" * 64}),
        (OWN, {"token": "é"}),
        (OWN, {"cookie": None}),
        (OWN, {"cookie": "0" * 64}),
    ],
)
def test_u4_every_route_that_changes_refuses_what_is_not_ours(
    db: Database, headers: dict[str, str], change: dict[str, Any]
) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    app = application(db)
    with browsing(app) as client:
        token, cookie = token_of(client), client.cookies[guard.Tokens.COOKIE]
        form = {
            name: value
            for name, value in {"back": "/", "token": token, **change}.items()
            if value is not None and name != "cookie"
        }
        given = change.get("cookie", cookie)
        cookies = {} if given is None else {"Cookie": f"{guard.Tokens.COOKIE}={given}"}
        for path in changing_paths(app):
            client.cookies.clear()  # a page that offers to send a form again brings the cookie that it needs
            assert client.post(path, data=form, headers=headers | cookies).status_code == 403, path
    assert judged(db) == [None]


def test_u4_every_route_that_changes_refuses_get_and_bodies_that_are_no_form(db: Database) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    app = application(db)
    with browsing(app) as client:
        token = token_of(client)
        assert changing_paths(app), "there is something to test"
        for path in changing_paths(app):
            assert client.get(path).status_code == 405
            assert client.head(path).status_code == 405
            for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", ""):
                answer = client.post(path, content=f"token={token}", headers={**OWN, "Content-Type": kind})
                assert answer.status_code == 415, kind
    assert judged(db) == [None]


def test_u4_the_token_of_another_process_or_user_is_refused() -> None:
    one, other = guard.Tokens(), guard.Tokens()
    assert one.is_valid("ada", one.cookie("ada"), one.field("ada"))
    assert not one.is_valid("ada", other.cookie("ada"), other.field("ada"))
    assert not one.is_valid("ada", one.cookie("ada"), one.field("bob"))
    assert not one.is_valid("ada", one.field("ada"), one.cookie("ada"))


def test_the_form_cookie_is_kept_from_scripts_and_other_sites(db: Database, client: TestClient) -> None:
    cookie = client.get("/").headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "set-cookie" not in client.get("/").headers, "said once"


def test_a_page_behind_a_proxy_with_a_name_of_its_own_may_change_things(db: Database) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    with browsing(application(db, public_url="https://monitor.example.org")) as client:
        form = {"token": token_of(client)}
        assert (
            client.post("/matches/1/confirm", data=form, headers={"Origin": "https://monitor.example.org"}).status_code
            == 303
        )


def test_large_and_broken_bodies_are_refused(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    token = token_of(client)
    form = {**OWN, "Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/matches/1/confirm", content=b"x" * 20_000, headers=form).status_code == 413
    assert client.post("/matches/1/confirm", content=iter([b"x" * 5_000] * 4), headers=form).status_code == 413
    assert client.post("/matches/1/confirm", content=f"token={token}&" + "a=b&" * 50, headers=form).status_code == 400
    assert client.post("/matches/1/confirm", content=b"\xff%zz&=&;", headers=form).status_code == 403
    assert judged(db) == [None]


# --- headers ----------------------------------------------------------------------------------------------------------


def broken(*args: object, **kwargs: object) -> object:
    raise RuntimeError("a secret of ours")


def busy(*args: object, **kwargs: object) -> object:
    raise StoreBusyError("the store /srv/secret.db is held")


def test_u3_every_answer_carries_our_headers(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    app = application(db)
    with browsing(app, raise_server_exceptions=False) as client:
        answers = [
            client.request(method, path)
            for path, _ in walk(app)
            for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS")
        ]
        answers += [
            client.get(path)
            for path in ("/nosuch", "/static/nosuch", "/static/../web/app.py", "/static", "/articles/9")
        ]
        answers += [client.get("/", headers={"Host": "evil.test"}), client.get("/", params={"q": "x" * 40_000})]
        answers += [client.post("/matches/1/confirm", content=b"x" * 20_000, headers=OWN)]
        monkeypatch.setattr(inbox, "find_page", broken)
        answers += [client.get("/")]
        monkeypatch.setattr(inbox, "find_page", busy)
        answers += [client.get("/")]
    assert {answer.status_code for answer in answers} >= {200, 400, 403, 404, 405, 413, 500, 503}
    for answer in answers:
        is_static = answer.request.url.path.startswith("/static/") and answer.status_code == 200
        for name, value in guard.SECURITY_HEADERS.items():
            if name != "Cache-Control" or not is_static:  # what is alike for all may be kept
                assert answer.headers[name] == value, (answer.request.url, answer.status_code, name)


def test_u21_u16_faults_show_nothing_of_us(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with browsing(application(db), raise_server_exceptions=False) as client:
        monkeypatch.setattr(inbox, "find_page", broken)
        crashed = client.get("/")
        monkeypatch.setattr(inbox, "find_page", busy)
        held = client.get("/")
        answers = [
            crashed,
            held,
            client.get("/healthz"),
            client.get("/nosuch"),
            client.get("/", headers={"Host": "evil.test"}),
        ]
    assert (crashed.status_code, held.status_code) == (500, 503)
    for answer in answers:
        said = f"{answer.headers}{answer.text}".lower()
        for word in ("secret", "starlette", "uvicorn", "python", "sqlite", "traceback", "/srv", "version", "0.1.0"):
            assert word not in said, (word, answer.status_code)


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "127.0.0.1.evil.test",
        "evil.test:8000",
        "",
        "a b",
        "localhost@evil.test",
        "[::bad]",
        "www.localhost",
    ],
)
def test_u6_a_name_that_is_not_ours_is_refused(client: TestClient, host: str) -> None:
    for path in ("/", "/healthz", "/static/style.css"):
        assert client.get(path, headers={"Host": host}).status_code == 400


def test_u6_a_near_miss_is_not_led_to_our_name(db: Database) -> None:
    with browsing(application(db, allowed_hosts=("www.example.org",))) as client:
        assert client.get("/", headers={"Host": "example.org"}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:8000", "news.example.org"])
def test_u6_our_own_names_are_taken_with_any_port(db: Database, host: str) -> None:
    with browsing(application(db, allowed_hosts=("news.example.org",))) as client:
        assert client.get("/", headers={"Host": host}).status_code == 200


# --- the password -----------------------------------------------------------------------------------------------------


def basic(password: str, name: str = "ada") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def locked(db: Database) -> Iterator[TestClient]:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    with browsing(application(db, password=SecretStr("sésame"), host="0.0.0.0")) as client:
        yield client


def test_u5_with_a_password_only_health_and_static_are_open(locked: TestClient) -> None:
    app = locked.app
    assert isinstance(app, Starlette)
    for path, methods in walk(app):
        is_open = path == "/healthz" or path.startswith(("/static/", "/shared/"))  # of these the address is secret
        for method in methods:
            answer = locked.request(method, path, headers=OWN)
            assert (answer.status_code == 401) is not is_open, (method, path)
            assert is_open or answer.headers["www-authenticate"].startswith("Basic ")
    for path in ("/healthzz", "/healthz/", "/nosuch", "/staticx", "//"):
        assert locked.get(path).status_code == 401, path


def test_the_password_opens_and_the_name_signs_the_verdict(db: Database, locked: TestClient) -> None:
    form = {"token": token_of(locked, headers=basic("sésame"))}
    assert locked.post("/matches/1/confirm", data=form, headers={**OWN, **basic("sésame")}).status_code == 303
    with db.reading() as session:
        assert session.exec(select(VerdictRow.by)).all() == ["ada"]


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Bearer sésame".encode(),
        "Basic " + "A" * 9000,
        "Basic " + base64.b64encode(b"ada").decode(),
        "",
    ],
)
def test_u8_what_is_no_password_is_refused(locked: TestClient, header: str) -> None:
    assert locked.get("/", headers={"Authorization": header}).status_code == 401


def test_u8_after_ten_wrong_passwords_even_the_right_one_waits(db: Database) -> None:
    at = [0.0]
    throttle = guard.Throttle(limit=10, window=300, clock=lambda: at[0])
    with browsing(application(db, throttle=throttle, password=SecretStr("sesame"))) as client:
        assert [client.get("/", headers=basic(f"guess {n}")).status_code for n in range(10)] == [401] * 10
        refused = client.get("/", headers=basic("sesame"))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
        assert client.get("/healthz").status_code == 200
        at[0] = 301
        assert client.get("/", headers=basic("sesame")).status_code == 200


def test_u8_asking_without_a_password_is_no_guess(db: Database) -> None:
    with browsing(application(db, password=SecretStr("sesame"))) as client:
        assert [client.get("/").status_code for _ in range(30)] == [401] * 30
        assert client.get("/", headers=basic("sesame")).status_code == 200


def test_u8_guesses_are_counted_by_network_and_never_fill_the_memory() -> None:
    throttle = guard.Throttle(limit=2, window=60, keep=100, clock=lambda: 0)
    for address in ("2001:db8::1", "2001:db8::2"):
        throttle.failed(address)
    assert throttle.wait("2001:db8::3") == 60
    assert throttle.wait("2001:db8:0:1::3") == 0
    for n in range(1000):
        throttle.failed(f"10.0.{n // 250}.{n % 250}")
    assert len(throttle._failures) == 100


# --- status and health ------------------------------------------------------------------------------------------------


def test_the_status_page_does_not_say_that_all_is_well_where_a_feed_fails(db: Database) -> None:
    fill(db, has_feed("good", last_success_at=NOW))
    with browsing(application(db, Health())) as client:
        assert "All is well" in client.get("/status").text
        fill(db, has_feed("ill", failures=1))
        assert "The monitor works; see below for ill." in client.get("/status").text


def test_the_status_page_says_in_what_this_nodes_settings_differ_from_those_in_force(db: Database) -> None:
    entries = [feed("herald", "https://herald.example/feed?token=sesame"), feed("mirror"), channel("desk")]
    with db.writing() as session:
        put_in_force(session, "feed", entries[:2], now=NOW)
        put_in_force(session, "channel", entries[2:], now=NOW)
    with browsing(application(db, entries=entries)) as client:
        assert "differ" not in client.get("/status").text
    with browsing(application(db, entries=[feed("herald"), channel("desk")])) as client:
        shown = client.get("/status").text
    assert "These settings differ from what is in force: otherwise in force: feed herald [url]" in shown
    assert "on, but not in these settings: feed mirror." in shown
    assert "sesame" not in shown


def test_the_status_page_shows_what_commands_did_and_offers_held_alerts(db: Database) -> None:
    entries = [feed("herald"), feed("mirror"), channel("desk")]
    with db.writing() as session:
        put_in_force(session, "feed", entries[:2], now=NOW)
        put_in_force(session, "channel", entries[2:], now=NOW)
        settings.pause_feed(session, "herald")
        settings.remove_feed(session, "mirror")
        settings.pause_channel(session, "desk")
        told = notice(id="alt_1")
        alerts.enqueue(session, told, key="1", channels={"desk": "here"}, deliver_at=NOW)
        channels.hold(session, "desk", destination=None, why="it was switched off")
    with browsing(application(db, entries=entries)) as client:
        shown = client.get("/status").text
    assert "by a command; its alerts wait" in shown
    assert "1 held alert of channel desk: the page Alerts sends them again" in shown
    assert "<bdi>herald</bdi>" in shown
    assert "<bdi>mirror</bdi>" not in shown


def test_the_status_page_shows_feeds_channels_topics_and_faults(db: Database) -> None:
    fill(
        db,
        has_topic("talks", "Moscow talks"),
        has_feed("good", last_success_at=NOW - timedelta(minutes=7), next_poll_at=NOW + timedelta(minutes=8)),
        has_feed("ill", failures=6, error="404: gone away", failing_since_at=NOW),
        has_feed("gone", paused_reason="answered 410 Gone"),
        has_feed("out", is_enabled=False),
        has_feed("fresh"),
        lambda session: session.add(
            ChannelRow(
                name="desk", kind="webhook", destination="d", shown="https://desk.example.org/…", disabled_reason="401"
            )
        ),
        lambda session: session.add(AlertRow(id="alt_1", key="k", kind="new", created_at=NOW)),
        lambda session: session.add(
            DeliveryRow(alert_id="alt_1", channel="desk", state="held", created_at=NOW, next_at=NOW)
        ),
    )
    lost = warning(
        Code.NODE_SILENT, "daemon", "the node basil-7 is silent", "look at its log", public="a node is silent"
    )
    torn = store_problem("the store /srv/monitor.db is damaged", "restore a backup", public="the store is damaged")
    health = Health(problems=(torn, lost), beats={"poll": NOW - timedelta(minutes=2)}, age_for=timedelta(seconds=7))
    with browsing(application(db, health)) as client:
        shown = client.get("/status").text
    for part in (
        "The monitor does not do what it is for: 1 failure, 1 warning.",
        "the store is damaged",
        "the node basil-7 is silent",
        "Look at its log",
        "Looked at 7 s ago",
        "No daemon has run yet.",
        "404: gone away (6 times in a row)",
        "answered 410 Gone",
        "switched off",
        "7 min ago",
        "in 8 min",
        "1 held",
        "Moscow talks",
        "https://desk.example.org/…",
        "1 alert so far",
    ):
        assert part in shown, part
    for state in ("ok", "failing", "paused", "off", "new", "disabled"):
        assert f'<span class="state {state}">{state}</span>' in shown
    assert "/srv" not in shown
    assert "sesame" not in shown, "feeds' addresses may carry a token"


def test_the_status_page_says_what_people_should_know_and_which_topic_is_paused(db: Database) -> None:
    with db.writing() as session:
        topics.sync(session, [Topic(name="bridge", title="The bridge", seeds=())], now=NOW)
        topics.pause(session, "bridge", now=NOW)
    health = Health(notes=("seeds: bridge: its folder is away",))
    with browsing(application(db, health)) as client:
        page = client.get("/status").text
    assert "seeds: bridge: its folder is away" in page
    assert "All is well" not in page
    assert '<span class="state paused">paused</span>' in page


def test_healthz_is_200_or_503_in_json(db: Database) -> None:
    for health, status in ((WELL, 200), (Health(problems=(SILENT,)), 503)):
        with browsing(application(db, health)) as client:
            answer = client.get("/healthz")
        assert answer.status_code == status
        assert answer.json() == {
            "status": "ok" if health.is_ok else "failing",
            "problems": [each.says for each in health.problems],
            "warnings": [],
            "notes": [],
            "codes": [each.code for each in health.problems],
            "age_seconds": None,
            "beats": {name: at.isoformat() for name, at in health.beats.items()},
        }
        assert json.loads(answer.text)


def test_fault_alert_3_the_start_page_says_which_channels_fail(db: Database) -> None:
    mute = failure(Code.NO_CHANNEL, "channels", "nobody is told of anything: desk <404>", "")
    gone = warning(Code.RECIPIENT, "recipients", "get no mail: b…@example.org", "")
    lost = warning(Code.NODE_SILENT, "daemon", "the node basil-7 is silent", "")
    with browsing(application(db, Health(problems=(mute, lost, gone)))) as client:
        text = client.get("/").text
    assert "Nobody is told of anything: desk &lt;404&gt;." in text
    assert "Get no mail: b…@example.org." in text
    assert "basil-7" not in text
    with browsing(application(db, WELL)) as client:
        assert 'role="alert"' not in client.get("/").text


def test_healthz_tells_anybody_what_is_wrong_but_no_names(db: Database) -> None:
    mute = failure(Code.NO_CHANNEL, "channels", "disabled: desk (404)", "", public="no channel is left")
    lost = warning(Code.NODE_SILENT, "daemon", "the node basil-7 is silent", "", public="a node is silent")
    with browsing(application(db, Health(problems=(mute, lost), age_for=timedelta(seconds=7.4)))) as client:
        answer = client.get("/healthz")
    assert answer.status_code == 200, "feeds are polled all the same"
    assert answer.json() == {
        "status": "degraded",
        "problems": ["no channel is left"],
        "warnings": ["a node is silent"],
        "notes": [],
        "codes": ["no_channel", "node_silent"],
        "age_seconds": 7,
        "beats": {},
    }


def test_the_status_page_lists_the_daemons(db: Database) -> None:
    beats = [
        (Node(name="basil-7", host="basil", started_at=NOW), NOW),
        (Node(name="fern-1", host="fern", started_at=NOW), NOW),
    ]
    for node, at in beats:
        fill(db, lambda session, node=node, at=at: nodes.beat(session, node, now=at, kept_for=timedelta(days=1)))
    fill(db, lambda session: nodes.stop(session, "fern-1", now=NOW - timedelta(hours=3)))
    with browsing(application(db)) as client:
        shown = client.get("/status").text
    assert "basil-7" in shown
    assert "fern-1" in shown
    assert shown.count("3 h ago") == 2


def test_c4_healthz_answers_while_every_thread_waits_for_the_store(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, waiting = threading.Event(), threading.Semaphore(0)

    def waits(*args: object) -> object:
        waiting.release()
        let_go.wait(PATIENCE)
        raise StoreBusyError("held")

    monkeypatch.setattr(inbox, "find_page", waits)
    with browsing(application(db)) as client:
        readers = [threading.Thread(target=client.get, args=("/",)) for _ in range(8)]
        for reader in readers:
            reader.start()
        try:
            for _ in range(4):
                assert waiting.acquire(timeout=PATIENCE)
            assert client.get("/healthz").status_code == 200
            assert all(reader.is_alive() for reader in readers), "none of them was let go meanwhile"
        finally:
            let_go.set()
            for reader in readers:
                reader.join()


# --- strangers' text --------------------------------------------------------------------------------------------------


def poison(db: Database) -> None:
    """Every payload in every field that a stranger, or a stranger's server, can fill."""
    for number, payload in enumerate(PAYLOADS, 1):
        evidence = {
            "terms": [
                {"term": payload, "weight": 0.2},
                {"term": "alert", "weight": 0.1},
                {"term": "script", "weight": 0.1},
            ],
            "sentence": f"Said: {payload}",
            "seed": payload,
            "seed_similarity": 0.4,
        }
        texts = {
            "text": f"{payload}\n\nand {payload}",
            "author": payload,
            "why": payload,
            "wire": payload,
            "source": f"{number} {payload}",
        }
        extra = {
            "url": payload,
            "language": payload,
            "scores": [{"topic": payload, "score": 0.3, "threshold": 0.2, "matched": False, "blocked": payload}],
        }
        fill(
            db,
            has_topic(payload, payload),
            has_article(payload, topic=payload, evidence=evidence, **texts, **extra),
            has_article(
                payload, story_id=number * 2 - 1, of_article_id=number * 2 - 1, kind="copy", **texts, url=payload
            ),
            has_feed(f"{number} {payload}", title=payload, url=payload, error=payload, failures=2),
            has_feed(f"{number}p {payload}", paused_reason=payload),
            _said(number, payload),
            _told(number, payload),
        )


def _said(number: int, payload: str) -> Callable[[Session], None]:
    of = number * 2 - 1
    story = {"id": of, "lead_article_id": of, "first_seen_at": NOW, "last_seen_at": NOW, "articles": 2}
    choice = {"at": NOW, "by": payload, "verb": payload, "from_story_id": of, "to_story_id": of, "article_ids": [of]}
    return lambda session: session.add_all([StoryRow(**story), StoryEditRow(**choice, note=payload)])


def _told(number: int, payload: str) -> Callable[[Session], None]:
    name = f"{number} {payload}"

    def make(session: Session) -> None:
        of = number * 2 - 1
        session.add(ChannelRow(name=name, kind=payload, destination="d", shown=payload, disabled_reason=payload))
        session.add(
            AlertRow(
                id=f"alt_{number}", key=name, kind="new", topic=payload, story_id=of, title=payload, created_at=NOW
            )
        )
        session.flush()
        delivery = DeliveryRow(
            alert_id=f"alt_{number}", channel=name, attempts=1, created_at=NOW, next_at=NOW, last_detail=payload
        )
        session.add(delivery)
        session.flush()
        session.add(AttemptRow(delivery_id=delivery.id, started_at=NOW, ended_at=NOW, result="transient", code=payload))
        session.add(RevisionRow(article_id=of, replaced_at=NOW, title=payload, text=payload, why=payload))
        session.add(VerdictRow(article_id=of, topic=payload, is_relevant=True, by=payload, note=payload, at=NOW))
        session.add(
            EntryRow(feed_id=number * 2 - 1, guid_key=1, guid=payload, content_key=1, article_id=of, first_seen_at=NOW)
        )

    return make


POISONED_PATHS = [
    "/",
    "/?page=2&state=all",
    "/lines?state=all",
    "/status",
    "/stories",
    "/overview",
    "/views",
    "/?q=alert&state=all",
    *(f"/articles/{number}" for number in range(1, len(PAYLOADS) * 2 + 1)),
    *(f"/stories/{number}" for number in range(1, len(PAYLOADS) * 2 + 1, 2)),
    *(f"/?story={number}" for number in range(1, len(PAYLOADS) * 2 + 1, 2)),
    *(f"/stories/{number}/reading" for number in range(1, len(PAYLOADS) * 2 + 1, 2)),
]


class Elements(HTMLParser):
    """Collects the elements and attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


OUR_ELEMENTS = set(
    re.findall(
        r"\S+",
        """
        html head meta title link script body a header nav main h1 h2 p form label select option input button small article
        section bdi del ins time span blockquote mark ul ol li meter strong br dl dt dd div table thead tbody tr th td
        details summary kbd textarea h3 svg rect circle line text footer desc code g polyline caption
        """,
    )
)
OUR_ATTRIBUTES = set(
    re.findall(
        r"\S+",
        """
        viewBox viewbox width height x y x1 x2 y1 y2 cx cy r text-anchor
        data-count data-more data-total data-seen data-seeds data-story data-article data-left data-others
        aria-live hidden rows checked
        lang dir charset name content rel href class id tabindex title src defer method action formaction type value maxlength
        placeholder role for data-label selected
        disabled required inputmode pattern autocomplete autocapitalize spellcheck datetime min max low scope colspan
        aria-label aria-labelledby aria-hidden aria-current aria-describedby aria-invalid enctype accept multiple open
        """,
    )
)


def assert_is_ours(page: str) -> None:
    """Only elements and attributes of our own writing, and no address but a local or a plain web one."""
    for tag, attributes in Elements(page).found:
        assert tag in OUR_ELEMENTS, tag
        assert set(attributes) <= OUR_ATTRIBUTES, (tag, attributes)
        for name in ("href", "src", "action", "formaction"):
            address = attributes.get(name, "/")
            is_local = re.match(r"/(?![/\\])|#", address)
            assert is_local or (tag == "a" and name == "href" and re.match(r"https?://[a-z0-9.:\[\]-]+/", address)), (
                address
            )
            assert is_local or attributes["rel"] == "noopener noreferrer nofollow"
        if tag == "script":
            assert re.fullmatch(r"/static/(?:inbox|times)\.js\?v=[0-9a-f]{12}", attributes["src"])


def test_u1_u2_no_payload_becomes_markup_on_any_page(db: Database, client: TestClient) -> None:
    assert len(PAYLOADS) >= 40
    poison(db)
    # The payloads are searched and filtered for as well: what was asked stands on the page again.
    asked = [
        f"{path}{payload}"
        for payload in map(_quoted, PAYLOADS)
        for path in ("/?q=", "/?topic=", "/explain?url=", "/?state=")
    ]
    for path in (*POISONED_PATHS, *asked):
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.status_code != 303:
            assert_is_ours(answer.text)
            for payload in PAYLOADS:
                assert "<" not in payload or payload not in answer.text, (path, payload)


def _quoted(words: str) -> str:
    return quote(words, safe="")


@pytest.mark.parametrize(
    "url", [each for each in PAYLOADS if "example.org" not in each or not each.startswith("https:")]
)
def test_u2_only_web_addresses_can_be_clicked(url: str) -> None:
    assert "href" not in show.external_link(url)


def test_u2_the_host_shown_is_the_host_that_is_opened() -> None:
    assert 'href="https://example.org/a?b=%22c"' in show.external_link('https://EXAMPLE.org/a?b="c')
    assert ">xn--80ak6aa92e.com<" in show.external_link("https://аррӏе.com/")
    assert "href" not in show.external_link("https://bbc.co.uk@evil.test/")
    assert "href" not in show.external_link("http://1.1.1.1\\@127.0.0.1/")


def test_templates_and_static_files_hold_nothing_inline() -> None:
    home = Path(pages.__file__).parent
    templates, files = [*(home / "templates").glob("*.html")], [*(home / "static").iterdir()]
    assert len(templates) > 20
    assert {each.name for each in files} >= {"style.css", "inbox.js"}
    for template in templates:
        words = template.read_text()
        assert not re.search(r"\|\s*safe|autoescape|Markup|style=|<style|javascript:|\son[a-z]+=", words), template.name
        assert not re.search(r"<script(?! src=)", words), template.name
    for static in files:
        assert not re.search(
            r"innerHTML|eval\(|document\.write|@import|url\(|https?:(?!//www\.w3\.org)", static.read_text()
        ), static.name


def test_static_files_are_served_with_their_types(client: TestClient) -> None:
    for name, kind in (("style.css", "text/css"), ("inbox.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = client.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)


def test_fault_page_7_static_files_are_kept_by_browsers_and_pages_are_not(client: TestClient) -> None:
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', client.get("/").text)
    versioned = [each for each in links if "?v=" in each]
    assert len(versioned) >= 2
    for link in versioned:
        answer = client.get(link)
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    old = client.get("/static/style.css?v=0123456789ab")
    assert (
        old.headers["cache-control"]
        == client.get("/static/style.css").headers["cache-control"]
        == "public, max-age=600"
    )
    again = client.get("/static/style.css", headers={"If-None-Match": old.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in ("/", "/status", "/nosuch", "/static/nosuch", "/static/nosuch?v="):
        assert client.get(path).headers["cache-control"] == "no-store", path


def test_fault_page_7_static_files_are_compressed_for_who_takes_it(client: TestClient) -> None:
    small = client.get("/static/style.css", headers={"Accept-Encoding": "gzip"})
    whole = client.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    assert small.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in small.headers["vary"].lower()
    assert int(small.headers["content-length"]) * 2 < int(whole.headers["content-length"])
    assert small.text == whole.text


@pytest.mark.parametrize(
    ("site", "is_compressed"),
    [("same-origin", True), ("none", True), ("cross-site", False), ("same-site", False), ("", False)],
)
def test_pages_are_compressed_where_no_other_site_asks_for_them(
    db: Database, client: TestClient, site: str, is_compressed: bool
) -> None:
    """Else the size of the answer would tell that site of the token that stands beside what was typed (BREACH)."""
    fill(db, has_topic("talks"), has_article("First", topic="talks"))
    asked = {"Accept-Encoding": "gzip", **({"Sec-Fetch-Site": site} if site else {})}
    answer = client.get("/?q=first", headers=asked)
    assert (answer.headers.get("content-encoding") == "gzip") is is_compressed
    assert "First" in re.sub("</?mark>", "", answer.text)


def test_fault_page_7_counts_are_those_of_the_search(db: Database, client: TestClient) -> None:
    fill(
        db,
        has_topic("talks", "Talks"),
        has_topic("trade", "Trade"),
        has_article("Zebra crosses", topic="talks"),
        has_article("Zebra sleeps", topic="trade", is_relevant=True),
        *(has_article(f"Horse {n}", topic="talks") for n in range(3)),
    )
    plain = " ".join(re.sub(r"<[^>]+>", " ", client.get("/").text).split())
    assert "Talks (4)" in plain
    assert "Trade (0)" in plain, "none of it is new"
    assert "New 4 Confirmed 1 Dismissed 0 All 5" in plain
    found = " ".join(re.sub(r"<[^>]+>", " ", client.get("/?q=zebra&state=all").text).split())
    assert "Talks (1)" in found
    assert "Trade (1)" in found
    assert "New 1 Confirmed 1 Dismissed 0 All 2" in found
    none = " ".join(re.sub(r"<[^>]+>", " ", client.get("/?q=okapi").text).split())
    assert "New 0 Confirmed 0 Dismissed 0 All 0" in none


# --- articles as seeds ------------------------------------------------------------------------------------------------


@pytest.fixture
def seeding(db: Database, tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    fill(db, has_topic("talks", "Moscow talks"), has_topic("trade", "Trade"), has_article(topic="talks"))
    for name in ("talks", "trade"):
        (tmp_path / "seeds" / name).mkdir(parents=True)
    app = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=tmp_path / "seeds")
    with browsing(app) as client:
        yield client, tmp_path / "seeds"


def sows(client: TestClient, **form: str) -> Any:
    token = token_of(client, "/articles/1")
    return client.post("/articles/1/seed", data={"token": token, **form}, headers=OWN)


def test_an_article_becomes_a_seed_by_its_page_and_its_match_is_confirmed(
    db: Database, seeding: tuple[TestClient, Path]
) -> None:
    client, root = seeding
    answer = sows(client, topic="talks", kind="seed")
    assert answer.status_code == 303
    assert len(list((root / "talks").glob("*.txt"))) == 1
    assert judged(db) == [True]
    shown = client.get(answer.headers["location"]).text
    assert "Written as a seed of its topic" in shown
    assert "already" in client.get(sows(client, topic="talks", kind="seed").headers["location"]).text


def test_an_article_becomes_a_counter_seed_of_a_topic_that_never_matched_it(
    db: Database, seeding: tuple[TestClient, Path]
) -> None:
    client, root = seeding
    assert '<option value="trade">' in client.get("/articles/1").text
    assert sows(client, topic="trade", kind="counter").status_code == 303
    assert len(list((root / "trade" / "not").glob("*.txt"))) == 1
    assert judged(db) == [None]


def test_what_cannot_become_a_seed_is_said_without_our_paths(seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    (root / "talks").rmdir()
    answer = sows(client, topic="talks", kind="seed")
    assert answer.status_code == 409
    assert "no folder of seeds any more" in answer.text
    assert str(root) not in answer.text
    assert sows(client, topic="../trade", kind="seed").status_code == 404
    assert sows(client, topic="trade", kind="weed").status_code == 400


def test_seeds_need_the_token_of_the_page(seeding: tuple[TestClient, Path]) -> None:
    client, root = seeding
    answer = client.post("/articles/1/seed", data={"topic": "talks", "kind": "seed", "token": "x"}, headers=OWN)
    assert answer.status_code == 403
    assert not list((root / "talks").iterdir())


def test_without_a_folder_of_seeds_there_are_no_such_buttons(db: Database, client: TestClient) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks"))
    assert "Use as seed" not in client.get("/articles/1").text


def test_a_verdict_shows_the_terms_it_moved_on_both_pages(
    db: Database, seeding: tuple[TestClient, Path], tmp_path: Path
) -> None:
    client, root = seeding
    (root / "talks" / "a.txt").write_text(
        "Envoys of ten states met in Moscow for talks on Afghanistan, the ministry said."
    )
    answer = client.post(
        "/matches/1/dismiss", data={"token": token_of(client, "/articles/1"), "back": "/"}, headers=OWN
    )
    assert answer.status_code == 303
    assert judged(db) == [False]
    for path in ("/?state=all", "/articles/1"):
        shown = client.get(path).text
        assert "This verdict changed the weights of terms" in shown
        assert re.search(r"now lighter: <bdi>\w+</bdi>", shown)


def test_a_verdict_stands_where_its_topic_cannot_be_read(db: Database, seeding: tuple[TestClient, Path]) -> None:
    client, _ = seeding
    answer = client.post(
        "/matches/1/confirm", data={"token": token_of(client, "/articles/1"), "back": "/"}, headers=OWN
    )
    assert answer.status_code == 303
    assert judged(db) == [True]
    assert "This verdict changed the weights" not in client.get("/?state=all").text


# --- behind proxies ---------------------------------------------------------------------------------------------------

PROXY, VICTIM, ATTACKER = "192.0.2.7", "198.51.100.5", "203.0.113.66"


@contextmanager
def asking_from(app: Starlette, address: str) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1:8000", client=(address, 5), follow_redirects=False) as client:
        yield client


def guarded(db: Database, proxies: Sequence[str] = ()) -> Starlette:
    throttle = guard.Throttle(limit=3, clock=lambda: 0)
    return application(db, throttle=throttle, password=SecretStr("sesame"), trusted_proxies=proxies)


def test_fault_s6_who_forges_an_address_is_throttled_all_the_same_and_shuts_nobody_out(db: Database) -> None:
    app = guarded(db)
    with asking_from(app, ATTACKER) as client:
        codes = [
            client.get("/", headers={"X-Forwarded-For": address}, auth=("a", "wrong")).status_code
            for address in (VICTIM, "10.0.0.1", "10.0.0.2", "10.0.0.3", VICTIM)
        ]
    assert codes == [401, 401, 401, 429, 429]
    with asking_from(app, VICTIM) as client:
        assert client.get("/", auth=("ann", "sesame")).status_code == 200


@pytest.mark.parametrize(
    "forwarded",
    [ATTACKER, f"{VICTIM}, {ATTACKER}", f"{VICTIM}, {ATTACKER}:4711, {PROXY}", f"{VICTIM},{ATTACKER},::ffff:{PROXY}"],
)
@pytest.mark.parametrize("proxy", [PROXY, f"::ffff:{PROXY}"])
def test_fault_s6_behind_a_trusted_proxy_the_rightmost_stranger_counts(
    db: Database, proxy: str, forwarded: str
) -> None:
    app = guarded(db, [PROXY])
    with asking_from(app, proxy) as client:
        for _ in range(3):
            assert client.get("/", headers={"X-Forwarded-For": forwarded}, auth=("a", "wrong")).status_code == 401
        blocked = client.get("/", headers={"X-Forwarded-For": forwarded}, auth=("a", "sesame"))
        assert blocked.status_code == 429
        assert client.get("/", headers={"X-Forwarded-For": VICTIM}, auth=("ann", "sesame")).status_code == 200


@pytest.mark.parametrize("forwarded", ["", "unknown", "_hidden, -", f"{VICTIM}, unknown", PROXY, ", ,"])
def test_fault_s6_what_a_proxy_says_that_is_no_address_counts_as_the_proxy(db: Database, forwarded: str) -> None:
    app = guarded(db, [PROXY])
    with asking_from(app, PROXY) as client:
        for _ in range(3):
            client.get("/", headers={"X-Forwarded-For": forwarded}, auth=("a", "wrong"))
        assert client.get("/", auth=("a", "sesame")).status_code == 429
        assert client.get("/", headers={"X-Forwarded-For": VICTIM}, auth=("ann", "sesame")).status_code == 200


def test_fault_s6_a_browser_that_was_let_in_is_not_shut_out_by_others_at_its_address(db: Database) -> None:
    app = guarded(db)
    with asking_from(app, VICTIM) as known, asking_from(app, VICTIM) as stranger:
        assert known.get("/", auth=("ann", "sesame")).status_code == 200
        for _ in range(5):
            stranger.get("/", auth=("ann", "wrong"))
        assert stranger.get("/", auth=("ann", "sesame")).status_code == 429
        assert known.get("/", auth=("ann", "sesame")).status_code == 200
        for _ in range(5):  # nor may it guess for ever
            known.get("/", auth=("ann", "wrong"))
        assert known.get("/", auth=("ann", "sesame")).status_code == 429


@pytest.mark.parametrize("cookie", ["x", "\xe9", "a" * 5_000])
def test_fault_s6_a_forged_cookie_is_no_browser_of_ours(db: Database, cookie: str) -> None:
    with asking_from(guarded(db), ATTACKER) as client:
        headers = {"Cookie": f"{guard.Tokens.COOKIE}={cookie}".encode("latin-1")}
        codes = [client.get("/", headers=headers, auth=("a", "wrong")).status_code for _ in range(4)]  # type: ignore[arg-type]
    assert codes == [401, 401, 401, 429]


def test_fault_s6_the_scheme_is_believed_from_a_trusted_proxy_alone(db: Database) -> None:
    app = guarded(db, [PROXY])
    for address, is_secure in ((PROXY, True), (ATTACKER, False)):
        with asking_from(app, address) as client:
            answer = client.get("/", headers={"X-Forwarded-Proto": "https"}, auth=("ann", "sesame"))
            assert ("secure" in answer.headers["set-cookie"].lower()) == is_secure


@pytest.mark.parametrize("number", ["9" * 11, "9" * 4_301, "9" * 20_000, "-1", "٣", "1e3"])
@pytest.mark.parametrize("path", ["/articles/{}", "/stories/{}"])
def test_fault_s9_a_number_that_is_none_of_ours_is_404(db: Database, path: str, number: str) -> None:
    with browsing(application(db)) as client:
        assert client.get(path.format(number)).status_code == 404


@pytest.mark.parametrize(
    ("cookie", "shown", "zone"),
    [
        ("Europe/Berlin", "20 Nov 21:30", "Europe/Berlin"),
        ("Europe%2FBerlin", "20 Nov 21:30", "Europe/Berlin"),
        ("", "20 Nov 20:30", "UTC"),
        ("Nowhere/Town", "20 Nov 20:30", "UTC"),
        ("../../etc/passwd", "20 Nov 20:30", "UTC"),
        ("Europe", "20 Nov 20:30", "UTC"),
        ("A" * 5000, "20 Nov 20:30", "UTC"),
    ],
)
def test_times_are_those_of_the_zone_that_the_cookie_names(
    db: Database, client: TestClient, cookie: str, shown: str, zone: str
) -> None:
    fill(db, has_topic("talks"), has_article(topic="talks", found_at=NOW.replace(day=20, hour=20, minute=30)))
    page = client.get("/", headers={"Cookie": f"monitor_zone={cookie}"}).text
    assert f">{shown}</time>" in page
    assert f"Days and times are those of {zone}." in page
    assert ">20 Nov 20:30</time>" in client.get("/").text, "it is that of one request"
