"""The real daemon as a process: started, watched from outside, killed, started again."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.fakes.patience import PATIENCE, soon
from tests.fakes.ports import free_port
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.fakes.stores import lay_out
from tests.polling.test_fulltext import FULL, TEASER, TITLE, page

BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)


class Daemon:
    """A daemon with its own folder, store and port."""

    def __init__(self, folder: Path, feeds: dict[str, str], sink: Sink | None, *, store: str = "") -> None:
        self.folder = folder
        self.store = folder / "monitor.db"
        self.port = free_port()
        self.log = folder / "daemon.log"
        self.log.touch()
        self.process: subprocess.Popen[bytes] | None = None
        topic = folder / "seeds" / "marrow-bridge"
        topic.mkdir(parents=True)
        (topic / "one.txt").write_text(f"Marrow bridge piers cracked\n\n{BRIDGE}")
        tables = [
            f'[feeds.{name}]\nurl = "{url}"\nallow_private = true\nfirst_poll = "all"' for name, url in feeds.items()
        ]
        if sink:
            tables.append(f'[channels.desk]\nkind = "webhook"\nurl = "{sink.url}"\nallow_private = true')
        (folder / "monitor.toml").write_text(
            f"""
[store]
url = "{store or f"sqlite:///{folder}/monitor.db"}"
[seeds]
dir = "{folder}/seeds"
[schedule]
interval_minutes = 0.02
min_interval_minutes = 0.02
tick_seconds = 0.1
[delivery]
wait_seconds = 0
rate_per_second = 50
[web]
port = {self.port}
"""
            + "\n".join(tables)
        )

    def starts(self) -> None:
        command = [sys.executable, "-m", "monitor", "--config", str(self.folder / "monitor.toml"), "run"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, env={**os.environ, "TZ": "Asia/Kabul"}
            )

    def does(self, *arguments: str) -> int:
        """Run another command beside it; returns its exit code."""
        command = [sys.executable, "-m", "monitor", "--config", str(self.folder / "monitor.toml"), *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, check=False).returncode

    def is_killed(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def ends(self, number: int = signal.SIGTERM) -> int:
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)

    def rows(self, query: str) -> list[Any]:
        try:
            with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=PATIENCE)) as database:
                return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=PATIENCE) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)
        except OSError:
            return 0, {}

    def said(self) -> str:
        return self.log.read_text()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        site.publishes("/feed", rss(("Tea is served", "https://h.example/0", "0", "Tea is drunk hot at four.", None)))
        yield site


@pytest.fixture
def daemon(tmp_path: Path, site: Site, sink: Sink) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, {"herald": site.url("/feed")}, sink)
    lay_out(f"sqlite:///{daemon.store}")
    yield daemon
    if daemon.process and daemon.process.poll() is None:
        daemon.is_killed()


WORDS = "marrow bridge piers lorries council ferry engineers divers cracks stone repairs weeks crowns closed midnight old".split()


def news(*numbers: int) -> bytes:
    """Reports on the bridge, no two with a run of words in common."""
    return rss(*[(f"Marrow bridge, report {n}", f"https://h.example/{n}", str(n), _report(n), None) for n in numbers])


def _report(number: int) -> str:
    chance = random.Random(number)
    return " ".join(" ".join(chance.sample(WORDS, len(WORDS))).capitalize() + "." for _ in range(4))


def test_the_daemon_polls_tells_answers_and_ends_well(daemon: Daemon, site: Site, sink: Sink) -> None:
    daemon.store.unlink()  # it begins with nothing
    daemon.starts()
    soon(lambda: daemon.health()[0] == 200)
    site.publishes("/feed", news(1))
    soon(lambda: sink.received)
    assert sink.received[0].json()["data"]["article"]["title"] == "Marrow bridge, report 1"
    assert daemon.ends() == 0
    assert "stopped" in daemon.said()
    assert "Traceback" not in daemon.said()


def test_seeds_that_go_away_while_it_runs_lose_no_article(daemon: Daemon, site: Site, sink: Sink) -> None:
    daemon.starts()
    soon(lambda: daemon.rows("SELECT id FROM articles"))
    seeds, away = daemon.folder / "seeds", daemon.folder / "away"
    seeds.rename(away)
    soon(lambda: "the seeds cannot be used" in daemon.said())
    site.publishes("/feed", news(1))
    soon(lambda: len(sink.received) == 1)
    assert soon(lambda: daemon.health()[1]["notes"])[0].startswith("seeds: the seeds folder cannot be used")
    away.rename(seeds)
    soon(lambda: "the folder can be used again" in daemon.said())
    assert daemon.ends() == 0
    assert daemon.said().count("the seeds cannot be used") == daemon.said().count("can be used again") == 1
    assert daemon.rows("SELECT count(*) FROM decisions WHERE reason = 'NO_TOPICS'") == [(0,)]
    assert daemon.rows("SELECT count(*) FROM topic_versions") == [(1,)]


def test_seeds_that_are_not_there_yet_when_it_starts_lose_no_article(daemon: Daemon, site: Site, sink: Sink) -> None:
    seeds, away = daemon.folder / "seeds", daemon.folder / "away"
    seeds.rename(away)
    site.publishes("/feed", news(1))
    daemon.starts()
    soon(lambda: daemon.rows("SELECT id FROM decisions WHERE reason = 'NO_TOPICS'"))
    daemon.is_killed()
    daemon.starts()
    away.rename(seeds)
    soon(lambda: len(sink.received) == 1)
    soon(lambda: daemon.rows("SELECT count(*) FROM reassessments") == [(0,)])
    assert daemon.ends() == 0
    assert "Traceback" not in daemon.said()
    assert daemon.rows("SELECT count(*) FROM alerts WHERE kind = 'new'") == [(1,)]
    assert ("reassessed: topics", "ALERTED") in daemon.rows("SELECT cause, reason FROM decisions")
    assert "reassessed cause=topics topic=all" in daemon.said()


def test_a_topic_renamed_while_it_runs_goes_on_under_its_new_name(daemon: Daemon, site: Site, sink: Sink) -> None:
    site.publishes("/feed", news(1))
    daemon.starts()
    soon(lambda: len(sink.received) == 1)
    assert daemon.does("topics", "rename", "marrow-bridge", "crossing") == 0
    soon(lambda: daemon.said().count("topics reloaded"))
    site.publishes("/feed", news(1, 2))
    soon(lambda: len(daemon.rows("SELECT DISTINCT article_id FROM matches WHERE topic = 'crossing'")) == 2)
    assert daemon.ends() == 0
    assert {each.json()["data"]["topic"]["name"] for each in sink.received[1:]} <= {"crossing"}
    assert daemon.rows("SELECT count(*) FROM matches WHERE topic <> 'crossing'") == [(0,)]
    assert daemon.rows("SELECT count(*) - count(DISTINCT story_id) FROM alerts WHERE kind = 'new'") == [(0,)]
    assert "its folder is away" not in daemon.said()


def moments(daemon: Daemon, site: Site, sink: Sink) -> list[Callable[[], object]]:
    """Five places in a life that begins now: it opens its store, it reads, it has stored, it has told, its page is up."""
    said, asked, stored = len(daemon.said()), len(site.requests), len(daemon.rows("SELECT id FROM articles"))
    return [
        lambda: len(daemon.said()) > said,
        lambda: len(site.requests) > asked,
        lambda: len(daemon.rows("SELECT id FROM articles")) > stored,
        lambda: sink.received,  # once for the whole story: what joins it later is not told again
        lambda: daemon.health()[0],
    ]


def test_k1_killed_at_any_moment_it_carries_on_and_loses_nothing(daemon: Daemon, site: Site, sink: Sink) -> None:
    for number in range(1, 6):
        site.publishes("/feed", news(*range(1, number + 1)))
        moment = moments(daemon, site, sink)[number - 1]
        daemon.starts()
        soon(moment)
        time.sleep(0.03 * number)
        daemon.is_killed()
    daemon.starts()
    soon(lambda: len(daemon.rows("SELECT id FROM articles")) >= 5)
    soon(lambda: daemon.rows("SELECT count(*) FROM deliveries WHERE state <> 'sent'") == [(0,)])
    alerts = {row[0] for row in daemon.rows("SELECT id FROM alerts")}
    assert alerts == set(sink.ids)
    assert daemon.rows("SELECT count(*) - count(DISTINCT guid_key) FROM entries") == [(0,)]
    assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
    assert daemon.ends() == 0


def test_k1_killed_while_a_page_is_read_it_reads_it_again_and_tells_once(
    daemon: Daemon, site: Site, sink: Sink
) -> None:
    site.publishes("/feed", rss((TITLE, site.url("/1"), "guid-1", TEASER, None)))
    site.never_answers("/1")
    daemon.starts()
    soon(lambda: site.asked_for("/1"))
    daemon.is_killed()
    assert daemon.rows("SELECT * FROM pages") == []
    site.publishes("/1", page(FULL), content_type="text/html")
    daemon.starts()
    soon(lambda: sink.received)
    assert daemon.ends() == 0
    assert [each.json()["data"]["article"]["title"] for each in sink.received] == [TITLE]
    assert daemon.rows("SELECT page FROM articles") == [("full text fetched from the page",)]
    assert len(site.asked_for("/1")) == 2


def test_two_daemons_on_postgresql_share_the_work_and_tell_once(
    tmp_path: Path, postgres_url: str, site: Site, sink: Sink
) -> None:
    for name in ("a", "b", "c"):
        site.publishes(
            f"/{name}", rss(("Tea is served", f"https://{name}.example/0", "0", "Tea is drunk hot at four.", None))
        )
    feeds = {name: site.url(f"/{name}") for name in ("a", "b", "c")}
    daemons = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        daemons.append(Daemon(tmp_path / name, feeds, sink, store=postgres_url))
    try:
        for daemon in daemons:
            daemon.starts()
        for daemon in daemons:
            soon(lambda daemon=daemon: daemon.health()[0] == 200)
        for name in ("a", "b", "c"):
            site.publishes(
                f"/{name}", rss((f"Bridge closed, says {name}", f"https://{name}.example/1", "1", BRIDGE, None))
            )
        soon(lambda: sink.received)
        daemons[
            0
        ].is_killed()  # it may hold leases of feeds, of all three even, for two minutes more; then the other takes over
        for name in ("a", "b", "c"):
            site.publishes(f"/{name}", news(7))
        soon(lambda: len({*sink.ids}) == 2, within=2 * PATIENCE)
        asked = len(site.requests)
        soon(lambda: len(site.requests) >= asked + 6)  # each feed twice
        assert len(sink.ids) == len({*sink.ids}) == 2
        assert daemons[1].ends() == 0
    finally:
        for daemon in daemons:
            if daemon.process and daemon.process.poll() is None:
                daemon.is_killed()


def test_k6_a_second_daemon_on_the_same_store_is_refused(daemon: Daemon) -> None:
    daemon.starts()
    soon(lambda: daemon.health()[0] == 200)
    first = daemon.process
    assert first
    daemon.starts()
    second = daemon.process
    assert second
    assert second.wait(timeout=PATIENCE) == 4
    assert f"process {first.pid}" in daemon.said()
    daemon.process = first
    soon(lambda: daemon.health()[0] == 200)


def test_a_port_in_use_costs_the_page_and_nothing_else(daemon: Daemon, site: Site, sink: Sink) -> None:
    with socket.create_server(("127.0.0.1", daemon.port)):
        daemon.starts()
        site.publishes("/feed", news(1))
        soon(lambda: sink.received)
        assert daemon.said().count(f"port {daemon.port}") == 1
    assert daemon.ends() == 0


def test_d1_on_a_full_disk_polling_rests_alerts_go_out_and_it_recovers(daemon: Daemon, site: Site, sink: Sink) -> None:
    if os.geteuid() != 0:
        pytest.skip("a small file system of its own can only be mounted by root")
    small = daemon.folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        settings = daemon.folder / "monitor.toml"
        settings.write_text(settings.read_text().replace(str(daemon.store), f"{small}/monitor.db"))
        daemon.store = small / "monitor.db"
        sink.answers(503, {"Retry-After": "3"})
        site.publishes("/feed", news(1))
        daemon.starts()
        soon(lambda: daemon.rows("SELECT id FROM attempts"))  # its first try is written down
        filler = small / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        site.publishes("/feed", news(*range(1, 200)))
        soon(lambda: "is full" in daemon.said())
        soon(lambda: daemon.health()[0] == 503)
        soon(lambda: len(sink.received) == 2)
        filler.unlink()
        soon(lambda: daemon.health()[0] == 200)
        assert daemon.ends() == 0
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.is_killed()
        subprocess.run(["umount", str(small)], check=True)


def test_a_store_locked_by_another_program_is_waited_for(daemon: Daemon, site: Site, sink: Sink) -> None:
    daemon.starts()
    soon(lambda: daemon.rows("SELECT id FROM articles"))
    other = sqlite3.connect(daemon.folder / "monitor.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    site.publishes("/feed", news(1))
    time.sleep(1)
    other.execute("ROLLBACK")
    other.close()
    soon(lambda: sink.received)
    assert daemon.ends() == 0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("[web]\nport = 99999\n", "99999"),
        ("[wbe]\nport = 1\n", "web"),
        ("x = [", "line"),
    ],
)
def test_wrong_settings_are_refused_with_their_place_and_mend(tmp_path: Path, fault: str, said: str) -> None:
    (tmp_path / "monitor.toml").write_text(fault)
    command = [sys.executable, "-m", "monitor", "--config", str(tmp_path / "monitor.toml"), "run"]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE, check=False)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_unwritable_data_folder_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    ended = subprocess.run(
        [sys.executable, "-m", "monitor", "run"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert "data" in ended.stderr
    assert "Traceback" not in ended.stderr


# --- a start in trouble -----------------------------------------------------------------------------------------------


def test_a_start_before_its_database_server_waits_for_it(
    tmp_path: Path, postgres_url: str, site: Site, sink: Sink
) -> None:
    folder = Path(str(make_url(postgres_url).query["host"]))
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as short:  # the address of a socket has at most 107 bytes
        socket_folder = Path(short) / "s"
        url = make_url(postgres_url).update_query_dict({"host": str(socket_folder)})
        daemon = Daemon(tmp_path, {"herald": site.url("/feed")}, sink, store=url.render_as_string(hide_password=False))
        site.publishes("/feed", news(1))
        daemon.starts()
        soon(lambda: daemon.health()[0] == 503)
        assert "the store cannot be used" in " ".join(daemon.health()[1]["problems"])
        socket_folder.symlink_to(folder)
        soon(lambda: sink.received)
        soon(lambda: daemon.health()[0] == 200)
        assert daemon.ends() == 0
    assert daemon.said().count("cannot be reached") == 1
    assert "Traceback" not in daemon.said()


def test_a_database_that_does_not_exist_ends_the_start(tmp_path: Path, postgres_url: str) -> None:
    url = make_url(postgres_url).set(database="nothing_of_this_name").render_as_string(hide_password=False)
    daemon = Daemon(tmp_path, {}, None, store=url)
    assert daemon.does("run") == 1


def test_fault_s11_a_start_on_a_locked_store_waits_and_answers_health(daemon: Daemon, site: Site, sink: Sink) -> None:
    daemon.starts()
    soon(lambda: daemon.rows("SELECT id FROM articles"))
    daemon.is_killed()
    other = sqlite3.connect(daemon.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    site.publishes("/feed", news(1))
    daemon.starts()
    soon(lambda: daemon.health()[0] == 503)
    assert "held by another program" in " ".join(daemon.health()[1]["problems"])
    assert daemon.process
    assert daemon.process.poll() is None
    other.execute("ROLLBACK")
    other.close()
    soon(lambda: sink.received)
    soon(lambda: daemon.health()[0] == 200)
    assert daemon.ends() == 0
    assert "Traceback" not in daemon.said()


def test_fault_s11_a_start_that_waits_can_be_stopped(daemon: Daemon) -> None:
    daemon.starts()
    soon(lambda: daemon.rows("SELECT id FROM articles"))
    daemon.is_killed()
    with closing(sqlite3.connect(daemon.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        daemon.starts()
        soon(lambda: "the start waits for it" in daemon.said())
        assert daemon.ends() == 0


@pytest.mark.parametrize("begins_on", ["nothing", "a store"])
def test_fault_s10_a_start_on_a_full_disk_says_it_and_goes_on_once_there_is_room(
    daemon: Daemon, site: Site, sink: Sink, begins_on: str
) -> None:
    with small_disk(daemon) as small:
        if begins_on == "a store":
            daemon.starts()
            soon(lambda: daemon.rows("SELECT id FROM articles"))
            assert daemon.ends() == 0
            (small / "monitor.db.ballast").unlink()
        fill(small / "filler")
        daemon.starts()
        soon(lambda: daemon.health()[0] == 503)
        assert "the disk of the store is full" in " ".join(daemon.health()[1]["problems"])
        site.publishes("/feed", news(1))
        (small / "filler").unlink()
        soon(lambda: sink.received)
        soon(lambda: daemon.health()[0] == 200)
        assert daemon.ends() == 0
        assert "Traceback" not in daemon.said()


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(b"x" * 4096)


@contextmanager
def small_disk(daemon: Daemon) -> Iterator[Path]:
    """The daemon's store on a file system of its own, of 24 MB."""
    if os.geteuid() != 0:
        pytest.skip("a small file system of its own can only be mounted by root")
    small = daemon.folder / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    settings = daemon.folder / "monitor.toml"
    settings.write_text(settings.read_text().replace(str(daemon.store), f"{small}/monitor.db"))
    daemon.store = small / "monitor.db"
    try:
        yield small
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.is_killed()
        subprocess.run(["umount", str(small)], check=True)
