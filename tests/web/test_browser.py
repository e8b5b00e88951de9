"""The review page in a real browser: strangers' text never runs (U1), nothing trips our own policy, buttons and keys work.

Needs a Chromium of the system (Debian: `apt-get install chromium`), or the path of one in CHROMIUM; skipped where there is none.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright
from sqlmodel import select
from starlette.applications import Starlette

from monitor.config.settings import WebSettings
from monitor.store.db import Database
from monitor.store.tables.matches import VerdictRow
from monitor.web.app import create_app
from monitor.web.guard import Tokens
from tests.fakes.patience import PATIENCE, soon
from tests.web.test_web import (
    NOW,
    PAYLOADS,
    POISONED_PATHS,
    WELL,
    fill,
    has_article,
    has_match,
    has_topic,
    judged,
    poison,
)
from tests.web.test_web import db as db  # the fixture

CHROMIUM = os.environ.get("CHROMIUM") or next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (install one, or name it in CHROMIUM)"),
    # Playwright's own event loop leaves its subprocess pipes to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            soon(lambda: server.started)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # The sandbox of Chromium refuses root, as which containers run; what it opens here is our own page.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def url(db: Database) -> Iterator[str]:
    with serving(create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL)) as url:
        yield url


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with opened(browser, base_url=url, viewport={"width": 1000, "height": 900}) as context:
        yield context.new_page()


@contextmanager
def opened(browser: Browser, **settings: Any) -> Iterator[BrowserContext]:
    """A context of its own, as patient as we are."""
    context = browser.new_context(**settings)
    context.set_default_timeout(1000 * PATIENCE)
    yield context
    context.close()


@contextmanager
def nothing_runs(page: Page) -> Iterator[None]:
    """Fails on a dialog, on a request to anywhere else, and on anything our policy had to stop."""
    seen: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "status of 40" not in message.text:
            seen.append(message.text)

    page.on("dialog", lambda dialog: (seen.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on("console", console)
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.on("request", lambda request: None if "127.0.0.1" in request.url.split("/")[2] else seen.append(request.url))
    yield
    page.wait_for_timeout(100)
    page.evaluate("0")  # its answer comes after all that the page has reported until then, however slow it is
    assert seen == []


def test_u1_no_payload_runs_on_any_page(db: Database, page: Page) -> None:
    poison(db)
    with nothing_runs(page):
        for path in POISONED_PATHS[:3] + POISONED_PATHS[3::2]:  # the even ones are copies of the odd
            page.goto(path, wait_until="load")
            assert page.evaluate(
                "[...document.scripts].every((each) => each.src.startsWith(location.origin + '/static/'))"
            ), path
        for payload in PAYLOADS[::6]:
            page.goto("/")
            page.fill("input[name=q]", payload)
            page.press("input[name=q]", "Enter")
            page.wait_for_load_state()
            page.goto("/explain")
            page.fill("input[name=url]", payload)
            page.press("input[name=url]", "Enter")
            page.wait_for_load_state()


def test_the_alarm_of_these_tests_rings(page: Page) -> None:
    """Without this, a test that sees nothing could not be told from one that looks nowhere."""
    page.goto("/")
    with pytest.raises(AssertionError), nothing_runs(page):
        page.evaluate(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'alert(1)'}))"
        )


def lines(db: Database, *titles: str) -> None:
    """Stories on one topic, the first of these on top of the inbox."""
    ages = (has_article(each, topic="talks", found_at=NOW - timedelta(minutes=n)) for n, each in enumerate(titles))
    fill(db, has_topic("talks"), *ages)


def says(page: Page, words: str) -> None:
    """Waits until the page says this."""
    page.locator("#says", has_text=words).wait_for()


def chosen(page: Page) -> str:
    """The title of the story that is chosen."""
    return page.locator("#lines [aria-current] .title").inner_text()


def focused(page: Page) -> str:
    """The title of the line that has the focus, or the id of another element."""
    return str(
        page.evaluate("document.activeElement.querySelector('.title')?.textContent ?? document.activeElement.id")
    )


def test_fault_page_1_a_click_judges_and_the_next_story_is_there_with_an_undo(db: Database, page: Page) -> None:
    lines(db, "First", "Second", "Third")
    page.set_viewport_size({"width": 1440, "height": 900})
    with nothing_runs(page):
        page.goto("/")
        page.evaluate("window.isThisPage = true")
        page.get_by_role("button", name="Confirm: First").click()
        says(page, "Confirmed: First")
        assert (chosen(page), focused(page)) == ("Second", "Second")
        page.get_by_role("button", name="Dismiss: Second").click()
        says(page, "Dismissed: Second")
        assert judged(db) == [True, False, None]
        page.get_by_role("button", name="Undo").click()
        says(page, "Undone: Second; now new again")
        assert judged(db) == [True, None, None]
        assert (chosen(page), focused(page)) == ("Second", "Second")
        assert page.locator("[data-count=new]").inner_text() == "2"
        assert page.evaluate("window.isThisPage"), "the page was never loaded anew"
        page.goto("/articles/1")
        page.get_by_role("button", name="Dismiss: First").click()
        page.wait_for_url("**/articles/1?done=judged&did=*#told")
        assert judged(db) == [False, None, None]
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Undone.").wait_for()
        assert judged(db) == [True, None, None]


def test_everything_works_without_scripts(db: Database, browser: Browser, url: str) -> None:
    lines(db, "First", "Second", "Third", "Fourth")
    with opened(browser, base_url=url, java_script_enabled=False, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Note, kept with your verdict").fill("as asked")
        page.get_by_role("button", name="Confirm: First").click()
        says(page, "Confirmed: First")
        assert chosen(page) == "Second"
        page.get_by_role("button", name="Undo").click()
        says(page, "Undone: First; now new again")
        assert chosen(page) == "First"
        page.get_by_role("link", name="Third").click()
        page.get_by_role("link", name="Select all below").click()
        page.get_by_role("button", name="Dismiss selected").click()
        says(page, "Dismissed 2 matches of 2 stories")
    assert judged(db) == [None, None, False, False]
    with db.reading() as session:
        assert [row.note for row in session.exec(select(VerdictRow))] == ["as asked", "", "", ""]


def test_fault_page_1_keys_walk_judge_and_undo_without_a_page_load(db: Database, page: Page) -> None:
    """More stories than a page has: by keys alone no verdict is lost or wrong, and the focus is always on the next story."""
    lines(db, *(f"Story {n}" for n in range(70)))
    said: dict[str, bool] = {}
    with nothing_runs(page):
        page.goto("/")
        page.evaluate("window.isThisPage = true")
        for number in range(65):
            title, key = focused(page), "cd"[number % 3 == 0]
            assert title == chosen(page)
            page.keyboard.press(key)
            said[title] = key == "c"
            if number % 13 == 7:
                page.keyboard.press("u")
                says(page, f"Undone: {title}; now new again")
                assert focused(page) == title
                page.keyboard.press("j")
                del said[title]
            soon(lambda: focused(page) not in said)
        says(page, title)
        assert page.evaluate("window.isThisPage")
    assert judged(db) == [said.get(f"Story {n}") for n in range(70)]
    assert sum(each is None for each in judged(db)) == 10


def test_keys_select_search_note_and_help_and_typing_is_no_verdict(db: Database, page: Page) -> None:
    lines(db, "First", "Second", "Third", "Fourth")
    page.set_viewport_size({"width": 1440, "height": 900})
    with nothing_runs(page):
        page.goto("/")
        for key in ("j", "k", "j", "x"):
            page.keyboard.press(key)
        assert page.get_by_role("button", name="Dismiss selected (1)").is_visible()
        page.keyboard.press("X")
        page.keyboard.press("d")
        says(page, "Dismissed 3 matches of 3 stories")
        page.keyboard.press("u")
        says(page, "Undone 3 matches of 3 stories; now new again")
        assert judged(db) == [None] * 4
        page.keyboard.press("o")
        assert focused(page) == "reading"
        page.keyboard.press("n")
        page.locator("textarea:focus").wait_for()
        page.keyboard.type("dull, cd")
        page.keyboard.press("Escape")
        page.keyboard.press("d")
        says(page, "Dismissed: Second")
        page.keyboard.press("?")
        assert page.get_by_text("undo the last verdict").is_visible()
        page.keyboard.press("/")
        page.keyboard.type("cd")
        assert page.input_value("input[name=q]") == "cd", "typing is not judging"
    assert judged(db) == [None, False, None, None]
    with db.reading() as session:
        assert [row.note for row in session.exec(select(VerdictRow).where(VerdictRow.note != ""))] == ["dull, cd"]


def test_each_topic_has_its_verdict_and_a_whole_story_one(db: Database, page: Page) -> None:
    on_trade = has_match(1, topic="trade", score=0.2)
    fill(db, has_topic("talks"), has_topic("trade"), has_article("Wheat", topic="talks"), on_trade)
    ages = {"found_at": NOW - timedelta(hours=1)}
    fill(db, has_article("Event", topic="talks", **ages), has_article("Event too", topic="talks", story_id=2, **ages))
    with nothing_runs(page):
        page.goto("/")
        assert page.locator(".on.here").get_attribute("id") == "match-1"
        page.keyboard.press("c")
        assert page.locator(".on.here").get_attribute("id") == "match-2", "the same story, for its other topic"
        page.keyboard.press("d")
        says(page, "Dismissed for Trade: Wheat")
        assert chosen(page) == "Event"
        page.keyboard.press("D")
        says(page, "Dismissed 2 matches of one story")
    assert judged(db) == [True, False, False, False]


def test_what_could_not_be_saved_is_said_and_stays_new(db: Database, page: Page) -> None:
    lines(db, "First", "Second")
    page.goto("/")
    page.route("**/verdicts", lambda route: route.fulfill(status=503, body="no"))
    page.keyboard.press("c")
    says(page, "Not saved: First. The store cannot be reached just now")
    assert page.locator("#story-1.new").count() == 1
    page.unroute("**/verdicts")
    page.keyboard.press("k")
    page.keyboard.press("c")
    says(page, "Confirmed: First")
    assert judged(db) == [True, None]


def test_a_page_from_before_a_restart_judges_on(db: Database, browser: Browser) -> None:
    lines(db, "First", "Second")
    tokens = Tokens()
    app = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, tokens=tokens)
    with serving(app) as url, opened(browser, base_url=url, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Note, kept with your verdict").fill("typed before")
        vars(tokens).update(vars(Tokens()))  # as another process would sign
        page.route("**/verdicts", lambda route: route.abort())
        page.get_by_role("button", name="Confirm: First").click()
        says(page, "Not saved: First. The monitor does not answer just now: try again in a moment. Your note is kept.")
        page.unroute("**/verdicts")
        page.keyboard.press("k")
        page.get_by_role("button", name="Confirm: First").click()
        says(page, "Confirmed: First")
        page.locator("#did button").click()  # the form of the page has the new token, too
        says(page, "First")
    with db.reading() as session:
        assert [row.note for row in session.exec(select(VerdictRow))][:1] == ["typed before"]


def test_times_are_those_of_the_readers_clock(db: Database, browser: Browser, url: str) -> None:
    """Found on 20 November, 20:30 UTC: in Tehran that is the 21st."""
    fill(db, has_topic("talks"), has_article("First", topic="talks", found_at=NOW.replace(day=20, hour=20, minute=30)))
    shown = {}
    for script in (True, False):
        settings = {"java_script_enabled": script, "timezone_id": "Asia/Tehran", "base_url": url}
        with opened(browser, viewport={"width": 1440, "height": 900}, **settings) as context:
            page = context.new_page()
            page.goto("/")
            first = "21 Nov 00:00" if script else "20 Nov 20:30"
            page.locator(".line time", has_text=first).wait_for()  # with scripts the first page is loaded once more
            page.goto("/?from=2026-11-21")
            shown[script] = page.locator(".line time").all_inner_texts()
            page.goto("/stories/1")
            shown[f"{script}, foot"] = page.locator("footer").all_inner_texts()
    assert shown == {
        True: ["21 Nov 00:00"],
        "True, foot": ["Times are in Asia/Tehran."],
        False: [],
        "False, foot": ["Times are in UTC."],
    }


def test_keys_make_a_seed_and_a_counter_seed(db: Database, browser: Browser, tmp_path: Path) -> None:
    lines(db, "First", "Second", "Third")
    folder = tmp_path / "seeds" / "talks"
    folder.mkdir(parents=True)
    app = create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=folder.parent)
    with serving(app) as url, opened(browser, base_url=url, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto("/")
        page.keyboard.press("a")
        says(page, "Confirmed, now a seed: First")
        assert focused(page) == "Second"
        page.keyboard.press("A")
        says(page, "Dismissed, now a counter-seed: Second")
        page.keyboard.press("u")
        says(page, "and no seed any more")
        assert judged(db) == [True, None, None]
        page.get_by_role("button", name="Dismiss, and use as a counter-seed: Second").click()
        says(page, "Dismissed, now a counter-seed: Second")
    assert [len(list(each.glob("*.txt"))) for each in (folder, folder / "not")] == [1, 1]
    assert judged(db) == [True, False, None]


def test_a_note_outlives_walking_on_and_a_verdict_that_could_not_be_saved(db: Database, page: Page) -> None:
    lines(db, "First", "Second")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/")
    page.keyboard.press("n")
    page.locator("textarea:focus").wait_for()
    page.keyboard.type("long thought")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.get_by_role("button", name="Confirm: Second").wait_for()
    assert page.locator("textarea").input_value() == "", "it is the first story's"
    page.keyboard.press("k")
    page.get_by_role("button", name="Confirm: First").wait_for()
    assert page.locator("textarea").input_value() == "long thought"
    page.route("**/verdicts", lambda route: route.abort())
    page.keyboard.press("c")
    says(page, "Your note is kept.")
    page.unroute("**/verdicts")
    page.keyboard.press("k")
    page.get_by_role("button", name="Confirm: First").wait_for()
    assert page.locator("textarea").input_value() == "long thought"
    page.keyboard.press("c")
    says(page, "Confirmed: First")
    page.keyboard.press("d")
    says(page, "Dismissed: Second")
    with db.reading() as session:
        said = [(row.is_relevant, row.note) for row in session.exec(select(VerdictRow))]
    assert said == [(True, "long thought"), (False, "")]


def test_on_a_phone_a_story_opens_is_judged_and_leads_back(db: Database, page: Page) -> None:
    lines(db, *(f"A title that needs two lines on a phone {n}" for n in range(12)))
    page.set_viewport_size({"width": 390, "height": 844})
    with nothing_runs(page):
        page.goto("/")
        assert page.evaluate(VISIBLE_LINES) >= 6
        page.get_by_role("link", name="on a phone 3").click()
        page.get_by_role("button", name="Dismiss: A title that needs two lines on a phone 3").click()
        says(page, "Dismissed: A title")
        page.get_by_role("button", name="Dismiss: A title that needs two lines on a phone 4").wait_for()
        page.get_by_role("link", name="All stories").click()
        page.get_by_role("link", name="on a phone 5").wait_for()
    assert judged(db) == [None] * 3 + [False] + [None] * 8


VISIBLE_LINES = """[...document.querySelectorAll(".line")].map((line) => line.getBoundingClientRect())
    .filter((box) => box.height && box.top >= 0 && box.bottom <= innerHeight).length"""


def test_fault_page_2_fourteen_stories_are_visible_at_once(db: Database, page: Page) -> None:
    lines(
        db, *(f"A title of an article on the talks that the envoys of ten states held in Moscow {n}" for n in range(40))
    )
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/")
    assert page.evaluate(VISIBLE_LINES) >= 14


def test_u4_a_form_of_another_site_changes_nothing(db: Database, browser: Browser, url: str) -> None:
    """The other site is another port and name of this machine: a third party to every rule of the browser."""
    fill(db, has_topic("talks"), has_article("First", topic="talks"))
    with opened(browser, base_url=url) as context:
        page = context.new_page()
        page.goto("/")
        page.route("http://evil.test/**", lambda route: route.fulfill(content_type="text/html", body=evil(url)))
        page.goto("http://evil.test/")
        with page.expect_response("**/matches/1/confirm") as answered:
            page.click("button")
        assert answered.value.status == 403
    assert judged(db) == [None]


def evil(url: str) -> str:
    return f'<form method=post action="{url}/matches/1/confirm"><input name=token value=x><button>Win</button></form>'


@pytest.mark.parametrize("path", ["/", "/articles/1", "/status", "/explain"])
def test_nothing_sticks_out_at_400_pixels(db: Database, page: Page, path: str) -> None:
    title = "Wörter" * 40
    fill(
        db,
        has_topic("talks"),
        has_article(title, topic="talks", source="s" * 90, url=f"https://news.example.org/{'a' * 300}"),
    )
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("width", [320, 360])
@pytest.mark.parametrize(
    "path", ["/", "/overview", "/views", "/stories", "/evaluate", "/near", "/explain", "/status", "/articles/1"]
)
def test_fault_page_7_on_a_phone_no_page_scrolls_sideways_and_the_navigation_breaks_inside_no_word(
    db: Database, page: Page, path: str, width: int
) -> None:
    fill(
        db,
        has_topic("talks", "Verfassungsgerichtspräsidentenwahlverfahren und Umgebung"),
        *(has_article(f"Title {n}", topic="talks", is_relevant=said) for n, said in enumerate((None, True, False))),
    )
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = "[...document.querySelectorAll('.top a')].map((link) => [link.textContent, link.getClientRects().length])"
    words = "[...document.querySelectorAll('.top a')].every((a) => a.scrollWidth <= a.clientWidth + 1)"
    assert {count for _, count in page.evaluate(lines)} == {1}
    assert page.evaluate(words)
    heights = "[...document.querySelectorAll('.top a')].map((link) => Math.round(link.getBoundingClientRect().height))"
    assert len(set(page.evaluate(heights))) == 1, "a link of two lines is a broken word: all are single words"


def test_what_came_since_is_said_within_a_quarter_of_a_minute(db: Database, page: Page) -> None:
    lines(db, "First")
    page.clock.install()
    page.goto("/")
    page.clock.run_for(16_000)
    assert page.locator("#fresh").is_hidden()
    lines_later = [has_article(each, topic="talks", found_at=NOW) for each in ("Second", "Third")]
    fill(db, *lines_later)
    page.clock.run_for(16_000)
    page.get_by_role("link", name="2 new since you came: show them").click()
    page.get_by_role("link", name="Third").wait_for()


def test_a_view_is_saved_and_shared_without_scripts(db: Database, browser: Browser, url: str) -> None:
    lines(db, "First", "Second")
    with opened(browser, base_url=url, java_script_enabled=False, viewport={"width": 1440, "height": 900}) as context:
        page = context.new_page()
        page.goto("/?q=second")
        page.get_by_text("Views", exact=True).click()
        page.get_by_label("Save these filters").fill("Only second")
        page.get_by_role("button", name="Save").click()
        page.goto("/views")
        page.get_by_role("button", name="Make feeds of Only second").click()
        assert "/shared/" in page.locator(".secret").first.inner_text()
        page.get_by_role("link", name="Only second").click()
        assert page.locator(".line").count() == 1
