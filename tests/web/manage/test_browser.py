"""The pages of feeds, topics and alerts in a real browser, our own policy switched off: strangers' text never runs (U1)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog

from monitor.store.db import Database
from monitor.web.app import create_app
from monitor.web.tools import PageTools
from tests.fakes.command import SEED
from tests.web.manage.test_alert_pages import has_channel, is_now, told
from tests.web.manage.test_topic_pages import _toml, daemon_reads, follows, trial
from tests.web.test_browser import browser as browser  # the fixture
from tests.web.test_browser import opened, pytestmark, serving
from tests.web.test_web import NOW, PAYLOADS, WELL, WebSettings, fill, has_feed
from tests.web.test_web import db as db  # the fixture

__all__ = ["browser", "db", "pytestmark"]


@pytest.fixture
def url(db: Database, tmp_path: Path) -> Iterator[str]:
    root = tmp_path / "seeds"
    root.mkdir()
    for number, payload in enumerate(PAYLOADS):
        id = f"alt_{number:03}"
        fill(
            db,
            has_feed(f"f{number}", title=payload, publisher=payload, error=payload, notes=payload, failures=1),
            has_channel(f"c{number}", kind=payload[:30], shown=payload, disabled_reason=payload),
            told(id, f"c{number}", title=payload, topic=payload, topic_title=payload, body=payload),
            is_now("held", id=id, detail=payload, tries=1),
        )
        folder = follows(root, f"t{number}", toml=f"title = {_toml(payload)}\ndescription = {_toml(payload)}\n")
        (folder / "s.txt").write_text(f"title: {payload}\n\n{payload} {SEED}")
    daemon_reads(db, root)

    async def tried(folder: Path) -> dict[str, object]:
        return trial(*({"id": n, "title": each, "source": each, "part": 0.9} for n, each in enumerate(PAYLOADS)))

    tools = PageTools(try_topic=tried)
    with serving(create_app(db, WebSettings(), clock=lambda: NOW, health=lambda: WELL, seeds=root, tools=tools)) as url:
        yield url


def test_u1_nothing_runs_on_the_pages_of_feeds_topics_and_alerts(browser: Browser, url: str) -> None:
    ran: list[str] = []

    def noted(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    one = range(0, len(PAYLOADS), 2)
    paths = [
        *("/feeds", "/feeds?page=2", "/topics", "/channels", "/channels/new", "/alerts", "/alerts?page=2"),
        *(f"/feed/f{number}" for number in one),
        *(f"/topic/t{number}" for number in one[::3]),
        *(f"/alert/alt_{number:03}" for number in range(len(PAYLOADS))),
    ]
    with opened(browser, base_url=url, bypass_csp=True) as context:
        page = context.new_page()
        page.on("dialog", noted)
        outside: list[str] = []
        page.on("request", lambda request: outside.append(request.url) if not request.url.startswith(url) else None)
        for path in paths:
            page.goto(path)
            for each in page.query_selector_all("details"):
                each.evaluate("each => each.open = true")
        page.goto("/topics/new")
        page.fill("[name=title]", PAYLOADS[0])
        page.click("summary")
        page.fill("[name=name]", "draft")
        page.fill("[name=description]", f"{PAYLOADS[7]} a bridge in the north")
        page.click("text=See what it would find")
        page.goto("/feeds")
        page.fill("[name=address]", PAYLOADS[9])
        page.click("text=Look for feeds")
        assert page.evaluate("1 + 1") == 2
    assert (ran, outside) == ([], [])
