"""What a start costs, counted in the modules that it imports: seconds depend on the machine, these do not.

Each costs at least .03 s of processor time at every start of the command (bench/start.py measures it).
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fakes.command import Operator
from tests.fakes.command import desk as desk

DATABASE = {"sqlalchemy", "sqlmodel", "alembic", "psycopg", "monitor.store.tables"}
VECTORS = {"numpy", "py3langid", "monitor.matching.matcher"}
NETWORK = {"httpx2", "httpcore2", "aiosmtplib", "feedparser", "trafilatura", "apscheduler", "jinja2", "uvicorn"}
ALL = DATABASE | VECTORS | NETWORK
OTHERS = {
    "monitor.cli.demo",
    "monitor.cli.check",
    "monitor.cli.backtest",
    "monitor.cli.doctor",
    "monitor.cli.topics.new_topic",
}

SPARED = {
    "--help": ALL | {"monitor.config.load"},
    "--version": ALL | {"monitor.config.load", "monitor.cli.topics"} | OTHERS,
    "feeds list": VECTORS | NETWORK | OTHERS | {"alembic", "monitor.store.alerts", "monitor.stories.agencies"},
    "alerts list": VECTORS | NETWORK | OTHERS | {"alembic"},
    "channels list": VECTORS | NETWORK | OTHERS | {"alembic"},
    "status": NETWORK | OTHERS | {"alembic", "monitor.matching.matcher"},
    "poll --json": OTHERS | {"alembic", "rich", "uvicorn", "starlette"},
    "topics list": NETWORK | (OTHERS - {"monitor.cli.topics.new_topic", "monitor.cli.backtest"}) | {"alembic"},
}
LISTED = """
import atexit, sys
from monitor.__main__ import main
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
main()
"""


@pytest.mark.parametrize("command", SPARED)
def test_a_command_imports_nothing_heavy_that_it_does_not_need(command: str, desk: Operator) -> None:
    desk.reads("herald", "http://127.0.0.1:9/feed")
    assert desk.run("migrate").exit_code == 0
    arguments = [sys.executable, "-c", LISTED, "--config", str(desk.config), *command.split()]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    imported = set(ended.stderr.splitlines()[-1].split())
    assert ended.stdout
    assert "monitor.cli.main" in imported
    assert imported & SPARED[command] == set()
