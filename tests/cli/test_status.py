"""`status`, `doctor`, the page and `serve`'s /healthz on a store whose daemon is dead: none of them says that all is well."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from monitor.store import nodes
from monitor.store.db import Database
from monitor.store.files import StoreLock
from monitor.store.nodes import Node
from tests.cli.test_run import started
from tests.fakes.command import Operator, Said, desk
from tests.fakes.patience import PATIENCE, soon
from tests.fakes.ports import free_port
from tests.fakes.site import Site, rss

__all__ = ["desk"]


def codes(said: Said) -> list[str]:
    return [each["code"] for each in said.json["problems"]]


def health(address: str) -> tuple[int, Any]:
    try:
        with urlopen(f"{address}/healthz", timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def half_an_hour_passes(desk: Operator) -> None:
    """Everything in the store has happened, and was to happen, half an hour earlier."""
    with closing(sqlite3.connect(desk.store)) as store:
        for table, column in (
            ("nodes", "started_at"),
            ("nodes", "heartbeat_at"),
            ("feeds", "next_poll_at"),
            ("feeds", "last_polled_at"),
            ("feeds", "lease_until_at"),
        ):
            earlier = f"strftime('%Y-%m-%d %H:%M:%S', {column}, '-30 minutes') || '.000000'"
            store.execute(f"UPDATE {table} SET {column} = {earlier} WHERE {column} IS NOT NULL")
        store.commit()


def test_a_killed_daemon_is_seen_by_all(desk: Operator, site: Site, tmp_path: Path) -> None:
    site.publishes("/feed", rss(("Tea is served", "https://h.example/0", "0", "Tea is drunk hot at four.", None)))
    desk.reads("herald", site.url("/feed"))
    port = free_port()
    desk.config.write_text(desk.config.read_text().replace("port = 0", f"port = {port}"))
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        address = process.says(r"Review page: (http\S+)")[1]
        soon(lambda: desk.run("status", "--json").json["feeds"]["last_polled_at"])
        said = desk.run("status", "--json")
        assert (said.exit_code, codes(said)) == (0, [])
        assert said.json["nodes"][0]["is_alive"]
        assert "all is well" in desk.run("status").stdout
        assert health(address)[0] == 200
        process.kill()
    half_an_hour_passes(desk)
    said = desk.run("status", "--json")
    assert (said.exit_code, said.json["state"], codes(said)) == (1, "fail", ["no_node", "late_feeds"])
    for command in ("status", "doctor"):
        said = desk.run(command)
        assert said.exit_code == 1
        assert "no daemon is running: its last sign of life was at" in said.stdout
        assert "1 of 1 feeds is late" in said.stdout
    with started("--config", desk.config, "serve", folder=tmp_path) as process:
        address = process.says(r"Review page: (http\S+)")[1]
        status, answer = soon(lambda: health(address))
        assert (status, answer["status"], answer["codes"]) == (503, "failing", ["no_node", "late_feeds"])
        with urlopen(f"{address}/status", timeout=PATIENCE) as page:
            shown = page.read().decode()
        assert "no daemon is running" in shown
        assert "All is well" not in shown
        assert process.ends(signal.SIGINT) == 0


def test_a_daemon_that_was_stopped_is_no_longer_there(desk: Operator, tmp_path: Path) -> None:
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        process.says("Review page")
        assert process.ends(signal.SIGTERM) == 0
    said = desk.run("status")
    assert said.exit_code == 1
    assert "it was stopped at" in said.stdout


def test_a_fresh_store_without_any_daemon_is_not_well(desk: Operator, tmp_path: Path) -> None:
    assert desk.run("status").exit_code == 3
    desk.run("migrate")
    said = desk.run("status")
    assert said.exit_code == 1
    assert "no daemon has run yet" in said.stdout
    port = free_port()
    desk.config.write_text(desk.config.read_text().replace("port = 0", f"port = {port}"))
    with started("--config", desk.config, "serve", folder=tmp_path) as process:
        address = process.says(r"Review page: (http\S+)")[1]
        status, answer = health(address)
        assert (status, answer["codes"]) == (503, ["never_ran"])
        beats(desk)
        process.kill()


def beats(desk: Operator) -> None:
    at = datetime.now(UTC)
    db = Database(f"sqlite:///{desk.store}")
    with db.writing() as session:
        nodes.beat(session, Node(name="basil-7", host="basil", started_at=at), now=at, kept_for=timedelta(days=1))
    db.close()


def test_polling_by_hand_is_a_warning_as_long_as_it_is_done_in_time(desk: Operator, site: Site) -> None:
    site.publishes("/feed", rss(("Tea is served", "https://h.example/0", "0", "Tea is drunk hot at four.", None)))
    desk.reads("herald", site.url("/feed"))
    desk.run("poll")
    said = desk.run("status", "--json")
    assert (said.exit_code, said.json["state"], codes(said)) == (0, "warn", ["polled_by_hand"])
    half_an_hour_passes(desk)
    assert codes(desk.run("status", "--json")) == ["never_ran", "late_feeds"]


def test_feeds_of_which_none_answers_are_not_well(desk: Operator, site: Site) -> None:
    for name in ("herald", "courier", "gazette"):
        desk.reads(name, site.url(f"/{name}"))
    desk.run("poll")
    beats(desk)
    said = desk.run("status")
    assert said.exit_code == 1
    assert (
        "none of 3 feeds answers -> see whether this machine is online; `monitor feeds` says what comes back"
        in said.stdout
    )
    assert "3 failing: courier, gazette, herald" in said.stdout


def test_two_nodes_with_different_settings_are_named(desk: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.run("poll")
    at = datetime.now(UTC)
    db = Database(f"sqlite:///{desk.store}")
    with db.writing() as session:
        for name, digest in (("basil", "a"), ("fern", "b")):
            node = Node(name=name, host=name, started_at=at, settings_digest=digest)
            nodes.beat(session, node, now=at, kept_for=timedelta(days=1))
    db.close()
    lock = StoreLock(desk.store)
    lock.acquire()
    said = desk.run("status", "--json")
    lock.release()
    assert (said.exit_code, codes(said)) == (0, ["other_settings"])
    assert "than basil, the oldest: fern" in said.json["problems"][0]["says"]
