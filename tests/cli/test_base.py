"""What every command shares: help, documentation, exit codes, JSON, speed."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from monitor.cli import base
from monitor.cli.main import app
from monitor.types.errors import (
    AlreadyRunningError,
    ConfigError,
    FetchError,
    MonitorError,
    StoreBusyError,
    StoreError,
    StoreFullError,
)
from tests.fakes.command import Operator, desk, run

__all__ = ["desk"]
DOCS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
EXPECTED = {
    *"run poll deliver serve matches stories alerts topics feeds channels explain".split(),
    *"backtest reassess evaluate status check apply doctor migrate init demo".split(),
}


def commands(command: Any = None, name: str = "monitor") -> list[tuple[str, Any]]:
    """Every command with its full name, groups included."""
    command = command or get_command(app)
    found = [(name, command)]
    for each, inner in getattr(command, "commands", {}).items():
        found += commands(inner, f"{name} {each}")
    return found


def test_all_commands_of_the_issue_are_there() -> None:
    assert set(get_command(app).commands) == EXPECTED  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda each: each if isinstance(each, str) else "")
def test_every_command_and_option_is_documented(name: str, command: Any) -> None:
    if name == "monitor":
        part = DOCS
    else:
        assert f"### `{name}" in DOCS
        part = next(each for each in DOCS.split("\n### ") if re.match(rf"`{name}( \[?[A-Z][^`]*)?`", each))
    for option in command.params:
        if option.name != "help" and option.opts[0].startswith("-"):
            assert f"`{max(option.opts, key=len)}" in part, f"{name} {option.opts}"


@pytest.mark.parametrize(("name", "command"), commands(), ids=lambda each: each if isinstance(each, str) else "")
def test_every_command_has_help_with_an_example(name: str, command: Any) -> None:
    said = run(*name.split()[1:], "--help")
    assert said.exit_code == 0
    assert name == "monitor" or "Example" in said.stdout
    assert max(map(len, said.stdout.splitlines())) <= 110
    first = (command.help or "").split("\n\n")[0]
    assert len(first) <= 100, "the first paragraph is the one line of the list of commands"


def test_help_and_version_are_quick_and_load_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['monitor', '--help']\n"
        "import monitor.cli.main\n"
        "try: monitor.cli.main.main()\n"
        "except SystemExit: pass\n"
        "print([each for each in ('numpy', 'sqlalchemy', 'alembic', 'httpx2', 'starlette', 'rich') if each in sys.modules])"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines()[-1] == "[]"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime < 1.0, "0.2 s as measured; more means that something heavy is imported"
    assert run("--version").stdout.startswith("article-monitor ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("a fault"), 2),
        (base.NotFoundError("no such"), 3),
        (StoreBusyError("held"), 4),
        (AlreadyRunningError("runs"), 4),
        (StoreFullError("full"), 1),
        (StoreError("damaged"), 1),
        (FetchError("no", url="http://a.example", code="dns"), 1),
        (MonitorError("anything else"), 1),
    ],
)
def test_each_error_has_its_exit_code(error: MonitorError, code: int) -> None:
    assert base.exit_code(error) == code


def test_an_error_is_one_message_on_stderr_and_no_traceback(tmp_path: Path) -> None:
    said = run("--config", tmp_path / "missing.toml", "run")
    assert said.exit_code == 2
    assert said.stdout == ""
    assert "missing.toml" in said.stderr
    assert "Traceback" not in said.stderr


def test_wrong_use_is_2_and_names_the_nearest() -> None:
    said = run("mtches")
    assert said.exit_code == 2
    assert "matches" in said.stderr
    assert run("matches", "list", "--state", "maybe").exit_code == 2


def test_without_a_store_it_says_how_to_make_one(desk: Operator) -> None:
    for command in (["matches"], ["alerts"], ["feeds"], ["matches", "export"], ["alerts", "retry"]):
        said = desk.run(*command)
        assert said.exit_code == 3, command
        assert "monitor run" in said.stderr
    assert not desk.store.exists(), "looking makes nothing"


def test_a_store_from_the_future_is_refused(desk: Operator) -> None:
    assert desk.run("migrate").exit_code == 0
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(desk.store)) as store:
        store.execute("UPDATE alembic_version SET version_num = '9999'")
        store.commit()
    said = desk.run("matches")
    assert said.exit_code == 1
    assert "newer version" in said.stderr


def test_an_empty_store_of_no_schema_wants_migrate(desk: Operator) -> None:
    desk.store.parent.mkdir()
    desk.store.touch()
    said = desk.run("matches")
    assert said.exit_code == 3
    assert "monitor migrate" in said.stderr


# --- printing ---------------------------------------------------------------------------------------------------------


def test_u15_json_holds_nothing_that_a_terminal_obeys() -> None:
    nasty = "a\x1b[2Jb\x9b1mc\u202ed\u2028e\x7f\ud800"
    text = base.as_json({"title": nasty})
    assert text.isprintable()
    assert json.loads(text)["title"] == nasty
    assert "خبر" in base.as_json("خبر")


def test_u15_tables_show_what_strangers_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    base.table(("title",), [("[red]not red[/red] \x1b[31m :smile: \u202ex\n2",)])
    base.facts([("title", "[bold]x[/bold]\x9b")])
    out = capsys.readouterr().out
    assert r"[red]not red[/red] \x1b[31m :smile: \u202ex\n2" in out
    assert r"[bold]x[/bold]\x9b" in out
    assert "\x1b" not in out


def test_since_takes_dates_and_spans() -> None:
    assert base.parse_moment("2026-11-22") == datetime(2026, 11, 22, tzinfo=UTC)
    assert base.parse_moment("2026-11-22T08:00+02:00") == datetime(2026, 11, 22, 6, tzinfo=UTC)
    assert abs(datetime.now(UTC) - timedelta(hours=36) - base.parse_moment("36h")) < timedelta(minutes=1)
    for wrong in ("yesterday", "7", "d7", "2026-13-01"):
        with pytest.raises(typer.BadParameter):
            base.parse_moment(wrong)


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("before")
    with pytest.raises(TypeError), base.atomic_file(target) as file:
        file.writelines(["half", 2])  # type: ignore[list-item]
    assert target.read_text() == "before"
    with base.atomic_file(target) as file:
        file.write("whole")
    assert target.read_text() == "whole"
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_place_that_cannot_be_written_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(ConfigError), base.atomic_file(tmp_path / "missing" / "out.jsonl"):
        pass


def test_a_pipe_or_device_as_out_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe, link, file = tmp_path / "pipe", tmp_path / "link", tmp_path / "file"
    os.mkfifo(pipe)
    link.symlink_to(file)
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text()))
    heard: list[str] = []
    reader.start()
    with base.atomic_file(pipe) as out:
        out.write("through")
    reader.join()
    with base.atomic_file(link) as out:
        out.write("kept")
    assert heard == ["through"]
    assert pipe.is_fifo()
    assert (link.is_symlink(), file.read_text()) == (True, "kept")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+23:00", "9999-12-31T23:59:59-23:00", "2026-13-40"])
def test_a_moment_that_no_calendar_has_is_wrong_use(desk: Operator, moment: str) -> None:
    assert desk.run("poll").exit_code == 0  # makes the store
    assert desk.run("matches", "list", "--since", moment).exit_code == 2


def test_a_name_that_no_file_can_have_is_wrong_use(desk: Operator, tmp_path: Path) -> None:
    assert desk.run("poll").exit_code == 0
    for asked in (
        ["topics", "pause", "x" * 5000],
        ["topics", "diff", "x" * 5000, "bridge"],
        ["matches", "export", "--out", tmp_path / ("x" * 300)],
    ):
        said = desk.run(*asked)
        assert (said.exit_code, "too long for the name of a file" in said.stderr) == (2, True), asked


def test_an_argument_that_is_no_utf_8_is_wrong_use(desk: Operator) -> None:
    assert desk.run("poll").exit_code == 0
    for asked in (["alerts", "show", "\udcff"], ["topics", "history", "\udcff"], ["feeds", "resume", "caf\udce9"]):
        said = desk.run(*asked)
        assert (said.exit_code, "not written in UTF-8" in said.stderr) == (2, True), asked


def test_a_version_of_thirty_digits_is_wrong_use(desk: Operator) -> None:
    assert desk.run("poll").exit_code == 0
    assert desk.run("topics", "history", "bridge", "--restore", "9" * 30).exit_code == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_output_that_cannot_be_written_is_one_message(desk: Operator) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "--config", str(desk.config), "topics", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr.decode().count("\n")) == (1, 1)
    assert b"the output cannot be written" in done.stderr


def test_a_command_without_streams_does_its_work_and_writes_into_no_file(desk: Operator) -> None:
    """Started with `<&- >&- 2>&-`, the next file opened would have the number of stdout."""
    command = f"'{sys.executable}' -m monitor --config '{desk.config}'"
    for rest in ("poll --json <&- >&- 2>&-", "topics list >&-", "check >&- 2>&-"):
        assert subprocess.run(["sh", "-c", f"{command} {rest}"], check=False).returncode == 0, rest
    assert desk.run("topics", "list", "--json").lines[0]["version"] == 1


@pytest.mark.parametrize(
    "asked",
    [
        ["drop", "--channel", "desk", "--older-than", ""],
        ["drop", "--channel", "", "--older-than", "2d"],
        ["drop", "", "--channel", "desk"],
        ["retry", "--since", ""],
        ["retry", "--channel", ""],
    ],
)
def test_what_is_given_and_empty_is_not_taken_for_everything(desk: Operator, asked: list[str]) -> None:
    """A variable of the shell that is not set: all alerts of the channel were dropped."""
    desk.tells("desk", "http://127.0.0.1:9/hook")
    assert desk.run("poll").exit_code == 0
    said = desk.run("alerts", *asked)
    assert (said.exit_code, "is empty: leave it out" in said.stderr) == (2, True)


def test_a_folder_that_was_deleted_under_the_command_is_named_as_the_fault(tmp_path: Path) -> None:
    command = f"mkdir '{tmp_path}/x' && cd '{tmp_path}/x' && rmdir '{tmp_path}/x' && '{sys.executable}' -m monitor topics list"
    paths = (str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", ""))
    path = os.pathsep.join(
        filter(None, paths)
    )  # an empty one is the deleted folder, in which Python itself does not start
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "was the folder deleted in which you are?" in done.stderr
