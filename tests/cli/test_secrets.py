"""Planted secrets: feeds whose addresses are secret, a channel's, a password. No command, page, log, notice or export shows
them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from monitor.config import load
from monitor.service import logs
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.feeds import FeedRow
from monitor.text.secrets import Secrets, keys_of, shown_address, without_addresses
from monitor.web.app import create_app
from monitor.web.health import Health
from tests.fakes.command import HIT, MISS, SEED, Operator, Said
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss

IN_PATH, IN_QUERY, IN_OFFER, IN_MOVE = "Zq7Xw9Kp3LmN5vB2", "hush-4711-hush", "offer0Key1Secret2", "moved8Key8Secret8"
IN_CHANNEL, PASSWORD, ADDED = "chan3lKey3Secret3", "open-sesame-9", "added6Key6Secret6"
PLANTED = (IN_PATH, IN_QUERY, IN_OFFER, IN_MOVE, IN_CHANNEL, PASSWORD, ADDED)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture(autouse=True)
def secrets_of_others() -> Iterator[None]:
    """What these settings hide is not hidden in other tests."""
    yield
    logs.hide(lambda text: text)


def planted_in(*texts: str) -> set[str]:
    return {secret for secret in PLANTED for text in texts if secret.lower() in text.lower()}


def secret_feed(desk: Operator, name: str, url: str) -> None:
    (desk.folder / f"{name}.secret").write_text(url)
    desk.adds(f'[feeds.{name}]\nurl_file = "{name}.secret"\nallow_private = true\nfirst_poll = "all"\n')


def reads_private_feeds(desk: Operator, site: Site, sink: Sink) -> None:
    """One that works and has relative links, one with its key in the query, one that is a web page, one that moved, ones in
    trouble.
    """
    desk.follows("bridge", SEED)
    works = rss((HIT[0], "", "1", HIT[1], None), (MISS[0], "item/2", "2", MISS[1], None))
    site.publishes(f"/private/{IN_PATH}/rss.xml", works)
    site.publishes(
        f"/query?id=1&code={IN_QUERY}", rss((MISS[0], f"?code={IN_QUERY}&item=3", f"/x?code={IN_QUERY}", MISS[1], None))
    )
    link = f'<link rel="alternate" type="application/rss+xml" href="/feed/{IN_OFFER}.xml">'
    site.publishes(f"/page/{IN_PATH}", f"<html><head>{link}</head><body>Hello</body></html>", content_type="text/html")
    site.redirects(f"/moves/{IN_PATH}", site.url(f"/to/{IN_MOVE}/rss.xml"), status=301)
    site.publishes(f"/to/{IN_MOVE}/rss.xml", works)
    for name, path in {
        "works": f"/private/{IN_PATH}/rss.xml",
        "query": f"/query?id=1&code={IN_QUERY}",
        "page": f"/page/{IN_PATH}",
        "moves": f"/moves/{IN_PATH}",
        "missing": f"/missing/{IN_PATH}?code={IN_QUERY}",
    }.items():
        secret_feed(desk, name, site.url(path))
    secret_feed(desk, "nowhere", f"http://127.0.0.1:9/{IN_PATH}")
    secret_feed(desk, "refused", f"http://10.1.2.3:22/{IN_PATH}")
    (desk.folder / "sink.secret").write_text(f"{sink.url}/{IN_CHANNEL}")
    desk.adds('[channels.desk]\nkind = "webhook"\nurl_file = "sink.secret"\nallow_private = true\n')


COMMANDS = (
    "feeds list", "feeds list --json", "feeds", "feeds list --all --json", "status", "status --json", "doctor", "doctor --json",
    "check", "apply --dry-run", "channels list", "channels list --json", "matches list", "matches list --json", "matches show 1",
    "matches export --format csv", "matches export --format jsonl", "stories list", "stories list --json", "stories show 1",
    "stories show 1 --json", "explain 1", "explain 2", "explain 3", "explain 1 --json", "explain 2 --json", "explain 3 --json",
    "alerts list", "alerts list --json", "topics list --json", "evaluate",
    *(f"feeds show {name}{form}" for name in ("works", "query", "page", "moves", "missing", "nowhere", "refused", "added")
      for form in ("", " --json")),
)  # fmt: skip


def test_fault_s7_planted_secrets_are_in_no_command(tmp_path: Path, site: Site, sink: Sink) -> None:
    desk = Operator(tmp_path)
    reads_private_feeds(desk, site, sink)
    said: list[Said] = [desk.run("poll", "--json") for _ in range(4)]
    said += [desk.run("poll", "--json", "works", "page"), desk.run("deliver")]
    said.append(
        desk.run(
            "feeds", "add", site.url(f"/{ADDED}/rss"), "--name", "added", "--secret", "--allow-private", "--unchecked"
        )
    )
    for command in COMMANDS:
        said.append(desk.run(*command.split()))
        assert said[-1].exit_code != 2, command  # it was one
    said += [
        desk.run("-vv", "poll"),
        desk.run("explain", site.url(f"/private/{IN_PATH}/rss.xml").replace(IN_PATH, "x")),
    ]
    assert {secret for each in said for secret in planted_in(each.stdout, each.stderr)} == set()
    shown = desk.run("feeds", "show", "works", "--json").json
    assert shown["url"] == f"{site.url('/').rstrip('/')}/…"
    assert "offers the feed" in desk.run("feeds", "show", "page", "--json").json["error"]


def test_fault_s7_planted_secrets_are_in_no_page_notice_and_alert(tmp_path: Path, site: Site, sink: Sink) -> None:
    desk = Operator(tmp_path)
    reads_private_feeds(desk, site, sink)
    desk.adds("[schedule]\nfailing_after = 1\n")
    for _ in range(4):
        desk.run("poll")
    desk.run("deliver")
    db = Database(f"sqlite:///{desk.store}")
    with Session(db.engine) as session:
        told = [str(row.model_dump()) for row in session.exec(select(AlertRow))]
        errors = [row.error or "" for row in session.exec(select(FeedRow))]
    assert len(told) >= 2  # an alert and a notice
    settings = load.load(desk.config, {})
    app = create_app(db, settings.web, clock=lambda: datetime.now(UTC), health=Health, entries=None)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        pages = [
            client.get(path).text
            for path in ("/", "/?state=all", "/status", "/stories", "/stories/1", "/near", "/evaluate")
        ]
        pages += [client.get(f"/articles/{number}").text for number in range(1, 5)]
        pages += [client.get("/healthz").text]
    db.close()
    received = [each.body.decode() for each in sink.received]
    assert received
    assert planted_in(*told, *errors, *pages, *received) == set()


def test_fault_s7_planted_secrets_are_in_no_log_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Operator(tmp_path)
    secret_feed(desk, "works", f"https://private.example/{IN_PATH}/rss?code={IN_QUERY}")
    (tmp_path / "web.secret").write_text(PASSWORD)
    desk.config.write_text(desk.config.read_text().replace("[web]\n", '[web]\npassword_file = "web.secret"\n'))
    logs.hide(load.secrets_of(load.load(desk.config, {})).out_of)
    for form in ("text", "json"):
        logs.setup("info", form)
        try:
            raise ValueError(f"https://private.example/{IN_PATH}/rss?code={IN_QUERY} and {IN_PATH} and {PASSWORD}")
        except ValueError:
            logging.getLogger("monitor.poll").exception("an error of /%s/rss?code=%s", IN_PATH, IN_QUERY)
    said = capsys.readouterr().err
    assert "ValueError" in said
    assert planted_in(said) == set()


def test_fault_s7_an_address_is_shown_by_how_secret_it_is() -> None:
    address = f"https://a.example/feeds/{IN_PATH}/rss?lang=en&api_key=abc#x"
    assert shown_address(address, is_secret=True) == "https://a.example/…"
    assert shown_address(address, is_secret=False) == f"https://a.example/feeds/{IN_PATH}/rss?lang=en&api_key=…#x"
    assert shown_address("", is_secret=True) == ""
    offer = without_addresses(f"it offers the feed https://b.example/x?k=1; see {IN_PATH}", address)
    assert offer == "it offers the feed https://b.example/…; see …"
    assert "feeds" not in keys_of(address)  # a word, which stands in addresses of articles too
    assert Secrets.of_feed(address).are_in(f"/item?from={IN_PATH.lower()}")
    assert not Secrets.of_feed(address).are_in("https://a.example/feeds/item")
