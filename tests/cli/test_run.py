"""`run`, `serve` and `demo` as processes: what they print, how they end, a port in use, Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.fakes.command import Operator, desk
from tests.fakes.patience import PATIENCE
from tests.fakes.ports import free_port

__all__ = ["desk"]


class Process:
    """`monitor` as a process of its own, its output read as it comes."""

    def __init__(self, *arguments: object, folder: Path) -> None:
        self.err = folder / "stderr.txt"
        self.out = folder / "stdout.txt"
        with self.out.open("w") as out, self.err.open("w") as err:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "monitor", *map(str, arguments)],
                stdout=out,
                stderr=err,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def says(self, pattern: str, *, where: str = "out") -> re.Match[str]:
        """Wait until it said so."""
        until = time.monotonic() + PATIENCE
        file = self.out if where == "out" else self.err
        while time.monotonic() < until:
            if found := re.search(pattern, file.read_text()):
                return found
            if self._popen.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"{pattern!r} was not said: {self.out.read_text()} {self.err.read_text()}")

    def ends(self, with_signal: int | None = None) -> int:
        """Send a signal, if one is given, and wait for the end; returns the exit code."""
        if with_signal:
            self._popen.send_signal(with_signal)
        return self._popen.wait(PATIENCE)

    @property
    def pid(self) -> int:
        return self._popen.pid

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait()


@contextmanager
def started(*arguments: object, folder: Path) -> Iterator[Process]:
    process = Process(*arguments, folder=folder)
    try:
        yield process
    finally:
        process.kill()


def test_run_says_where_the_page_is_and_ends_well(desk: Operator, tmp_path: Path) -> None:
    port = free_port()
    desk.adds('[feeds.off]\nurl = "http://127.0.0.1:9/feed"\nenabled = false\n[log]\nformat = "json"\n')
    desk.config.write_text(desk.config.read_text().replace("port = 0", f"port = {port}"))
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        address = process.says(r"Review page: (http\S+)")[1]
        assert address == f"http://127.0.0.1:{port}"
        process.says("Topics: 1")
        with urlopen(f"{address}/healthz", timeout=PATIENCE) as answer:
            assert answer.status == 200
        with started("--config", desk.config, "run", folder=tmp_path_of(tmp_path, "second")) as second:
            assert second.ends() == 4
            assert "another daemon" in second.err.read_text()
            assert "daemon: stopped" not in second.err.read_text(), "it never ran"
        assert process.ends(signal.SIGTERM) == 0
    log = process.err.read_text()
    assert '"message": "stopped"' in log
    assert "Traceback" not in log
    assert "traceback" not in log


def test_a_second_daemon_that_could_start_as_the_lock_was_deleted_ends_the_first(
    desk: Operator, tmp_path: Path
) -> None:
    with started("--config", desk.config, "run", folder=tmp_path) as process:
        process.says("daemon: running", where="err")
        lock = desk.store.with_name("monitor.db.lock")
        lock.unlink()
        process.says("it is held again", where="err")
        with started("--config", desk.config, "run", folder=tmp_path_of(tmp_path, "second")) as second:
            assert second.ends() == 4
        with lock.with_name("of-another").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lock.with_name("of-another").replace(lock)  # as if another daemon had made and locked it
            assert process.ends() == 4
        assert "another daemon" in process.err.read_text()


@contextmanager
def hangup(handler: signal.Handlers) -> Iterator[None]:
    """What a process that is started meanwhile inherits: these tests may themselves run under nohup."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_daemon_whose_terminal_goes_away_ends_in_order_unless_nohup_started_it(
    desk: Operator, tmp_path: Path
) -> None:
    with hangup(signal.SIG_DFL), started("--config", desk.config, "run", folder=tmp_path) as process:
        process.says("daemon: running", where="err")
        assert process.ends(signal.SIGHUP) == 0
        assert "daemon: stopped" in process.err.read_text()
    detached = tmp_path_of(tmp_path, "detached")
    with hangup(signal.SIG_IGN), started("--config", desk.config, "run", folder=detached) as process:
        process.says("daemon: running", where="err")
        ignored = re.search(r"SigIgn:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        assert ignored
        assert int(ignored[1], 16) >> (signal.SIGHUP - 1) & 1
        assert process.ends(signal.SIGTERM) == 0


def test_a_port_in_use_costs_the_page_only(desk: Operator, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        desk.config.write_text(desk.config.read_text().replace("port = 0", f"port = {port}"))
        with started("--config", desk.config, "run", folder=tmp_path) as process:
            process.says("Review page: not served")
            process.says("daemon: running", where="err")
            assert process.ends(signal.SIGINT) == 0
        assert "web.port" in process.err.read_text()
        desk.run("migrate")
        said = desk.run("serve")
        assert said.exit_code == 1
        assert "web.port" in said.stderr


def test_serve_shows_the_page_beside_a_store(desk: Operator, tmp_path: Path) -> None:
    desk.run("migrate")
    port = free_port()
    desk.config.write_text(desk.config.read_text().replace("port = 0", f"port = {port}"))
    with started("--config", desk.config, "serve", folder=tmp_path) as process:
        address = process.says(r"Review page: (http\S+)")[1]
        with urlopen(address, timeout=PATIENCE) as answer:
            assert answer.status == 200
        assert process.ends(signal.SIGINT) == 0
    assert "Traceback" not in process.err.read_text()


def tmp_path_of(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


# --- demo -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", [900])
def test_the_demo_shows_hits_copies_and_a_retry(tmp_path: Path, speed: int) -> None:
    """The whole demo, faster than a person would want it: about 15 seconds, the price of the one test that sees it all."""
    with started("demo", "--speed", speed, "--port", free_port(), folder=tmp_path) as process:
        process.says(r"Review page:  http://127.0.0.1")
        process.says(r"ALERT 1  ")
        code = process.ends()
    out = process.out.read_text()
    assert code == 0, out + process.err.read_text()
    stored, published = re.search(r"(\d+) articles stored, of (\d+) published", out).groups()  # type: ignore[union-attr]
    assert stored == published
    delivered, decided = re.search(r"(\d+) of (\d+) alerts delivered", out).groups()  # type: ignore[union-attr]
    assert delivered == decided
    assert int(delivered) >= 8
    assert re.search(r"[1-9]\d* copies folded", out)
    assert "at the second attempt" in out
    assert "; 0 twice" in out
    assert re.search(
        r"ALERT \d+  (The Port Ellery harbour tunnel; The rescue|The rescue of Marl River Bank; The Port)", out
    )
    assert "1 story on several topics: 1 alert per channel" in out
    assert "also carried by" in out
    assert "make run" in out
    assert "\x1b" not in out
    assert process.err.read_text() == ""


def test_ctrl_c_ends_the_demo_well(tmp_path: Path) -> None:
    with started("demo", "--port", free_port(), folder=tmp_path) as process:
        process.says("minutes of news begin")
        assert process.ends(signal.SIGINT) == 0
    assert "Stopped early" in process.out.read_text()
    assert "Traceback" not in process.err.read_text()


def test_kept_the_demo_leaves_its_page_up(tmp_path: Path) -> None:
    port = free_port()
    with started("demo", "--speed", 2000, "--port", port, "--keep", folder=tmp_path) as process:
        process.says("The page stays open")
        with urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
            assert "harbour tunnel" in answer.read().decode()
        assert process.ends(signal.SIGINT) == 0
    assert process.out.read_text().count("articles stored") == 1
    assert "Traceback" not in process.err.read_text()


def test_a_program_that_is_told_to_end_while_it_writes_leaves_no_file_behind(tmp_path: Path) -> None:
    out = tmp_path / "answers"
    out.mkdir()
    code = (
        "import sys, time; from pathlib import Path; from monitor.cli import base\n"
        f"with base.atomic_file(Path({str(out / 'x.jsonl')!r})) as file:\n"
        "    file.write('half'); print('writing', flush=True); time.sleep(600)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    with writer.stdout:
        assert writer.stdout.readline() == b"writing\n"
        writer.terminate()
        assert writer.wait(PATIENCE) == 128 + signal.SIGTERM
    assert list(out.iterdir()) == []


def test_ctrl_c_while_it_is_still_loading_prints_no_traceback(tmp_path: Path) -> None:
    code = (
        "import monitor.cli.main, monitor.__main__ as m\n"
        "def broken(): raise KeyboardInterrupt\n"
        "monitor.cli.main.main = broken\nm.main()"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert said.returncode == 130
    assert said.stderr == ""
