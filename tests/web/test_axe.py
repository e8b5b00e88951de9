"""Every page through axe (deque.com/axe), in light, dark and on a phone: no finding of any level, in an empty store, in one with
articles in several scripts and all verdicts, and where things fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from starlette.routing import Route

from monitor.store import alerts
from monitor.store.db import Database, Session
from monitor.store.inbox import save_view
from monitor.store.tables.deliveries import ChannelRow
from monitor.web.tools import PageTools
from tests.fakes.alerts import alert as an_alert
from tests.web.manage.test_topic_pages import daemon_reads, follows
from tests.web.test_browser import browser as browser  # the fixtures
from tests.web.test_browser import opened, pytestmark, serving, url
from tests.web.test_web import NOW, WELL, WebSettings, application, create_app, fill, has_article, has_feed, has_topic
from tests.web.test_web import db as db

__all__ = ["browser", "db", "pytestmark", "url"]

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1440, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1440, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
PAGES = [
    "/",
    "/?state=all",
    "/?state=all&story=2",
    "/?q=nothing+like+it",
    "/?q=mosc&state=all",
    "/articles/1",
    "/articles/4",
    "/explain",
    "/explain?url=https%3A%2F%2Fnews.example.org%2F1",
    "/status",
    "/feeds",
    "/feeds?state=failing&q=tass",
    "/feed/tass",
    "/feed/bbc",
    "/channels",
    "/channels/new",
    "/channels/new?kind=email",
    "/channel/newsroom",
    "/alerts",
    "/alerts?state=held",
    "/alert/alt_01jz8v3k7m2q9x5w4t6r8y0abc",
    "/topics",
    "/topics/new",
    "/topic/talks",
    "/draft/river-floods",
    "/stories",
    "/stories/1",
    "/stories/99",
    "/evaluate",
    "/near",
    "/overview",
    "/views",
]
NO_PAGES = re.compile(
    r"^/(healthz|fresh|matches\.(csv|jsonl)|shared/.*|static|evaluate/plot|lines|stories/.*/reading|feeds/export)$"
)
"""What is no page of its own: pictures, files, feeds, and the parts that the inbox puts into itself."""


@pytest.fixture(params=LOOKS)
def page(request: pytest.FixtureRequest, browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, base_url=url, **LOOKS[request.param]) as context:
        yield context.new_page()


def has_view(name: str) -> Callable[[Session], object]:
    return lambda session: save_view(session, name, {"q": "mosc", "state": "all"}, by="ada", now=NOW)


def a_full_store(db: Database) -> None:
    fill(
        db,
        has_topic("talks", "Moscow talks"),
        has_topic("recognition"),
        has_feed(),
        has_feed("tass", failing_since=NOW - timedelta(days=2), failures=9, last_error="TASS did not answer in time"),
        has_article(topic="talks"),
        has_article("Талибы прибыли в Москву", topic="talks", language="ru", url="https://ru.example/2"),
        has_article("طالبان به مسکو رسیدند", topic="recognition", language="fa", url="https://fa.example/3"),
        has_article("Copied", story_id=1, kind="copy", source="Wire", url="https://wire.example/1"),
        lambda session: session.add(
            ChannelRow(name="desk", kind="webhook", destination="d", shown="https://desk.example/…", failures=3)
        ),
        lambda session: session.add(
            ChannelRow(
                name="newsroom", kind="slack", destination="n", shown="https://hooks.slack.com/…", origin="added"
            )
        ),
        lambda session: alerts.enqueue(
            session, an_alert(story_id=1, article=None), key="k", channels={"desk": "d"}, deliver_at=NOW
        ),
        has_view("Талибы"),
        *(has_article(f"Judged {said}", topic="talks", is_relevant=said) for said in (True, False, None)),
    )


def findings(page: Page, path: str) -> list[str]:
    """What axe finds on the page, each with its place."""
    page.goto(path)
    return findings_here(page, path)


def findings_here(page: Page, path: str) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{path} {each['id']} ({each['impact']}): {node['html'][:200]}" for each in found for node in each["nodes"]]


def test_no_page_of_a_full_store_has_a_finding(db: Database, page: Page) -> None:
    a_full_store(db)
    assert [finding for path in PAGES for finding in findings(page, path)] == []


def test_no_page_of_an_empty_store_has_a_finding(page: Page) -> None:
    assert [finding for path in PAGES if "/1" not in path for finding in findings(page, path)] == []


@pytest.fixture
def forms(db: Database, tmp_path: Path) -> Iterator[str]:
    """The address of pages that may write: a folder of seeds with a topic, and a place for channels."""
    root = tmp_path / "seeds"
    root.mkdir()
    follows(root)
    daemon_reads(db, root)
    tools = PageTools(channel_folder=tmp_path / "channels")
    app = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=root, tools=tools)
    with serving(app) as url:
        yield url


@pytest.mark.parametrize("look", LOOKS)
def test_no_form_that_failed_has_a_finding(db: Database, browser: Browser, forms: str, look: str) -> None:
    fill(db, has_feed("mine", origin="added"))
    with opened(browser, base_url=forms, **LOOKS[look]) as context:
        page = context.new_page()
        for path, typed, button in (
            ("/channels/new?kind=email", {"name": "a", "to": "b", "from": "c", "host": "d:1"}, "Add the channel"),
            ("/feed/mine", {"language": "Klingon"}, "Save"),
            ("/topics/new", {"title": "A topic"}, "See what it would find"),
            ("/topic/bridge", {"sensitivity": "loud"}, "Save"),
        ):
            page.goto(path)
            for key, value in typed.items():
                page.locator(f"[name={key}]").first.fill(value)
            page.get_by_role("button", name=button, exact=True).click()
            page.locator(".fault").first.wait_for()
            assert findings_here(page, path) == []


def test_every_page_is_looked_at(db: Database) -> None:
    routes = [each for each in application(db).routes if isinstance(each, Route) and "GET" in (each.methods or ())]
    asked = [each.split("?")[0] for each in PAGES]
    missed = [
        each.path
        for each in routes
        if not NO_PAGES.match(each.path) and not any(each.path_regex.match(path) for path in asked)
    ]
    assert missed == []


def test_axe_sees_a_fault(page: Page) -> None:
    """Without this, a page on which axe finds nothing could not be told from one at which it does not look."""
    page.goto("/")
    page.evaluate("document.body.append(Object.assign(document.createElement('img'), {src: '/static/missing.png'}))")
    assert any(each["id"] == "image-alt" for each in Axe().run(page).response["violations"])
