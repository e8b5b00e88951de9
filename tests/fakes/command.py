"""The command `monitor` in a test: a folder with settings and seeds of its own, and what came out.

desk = Operator(tmp_path)
desk.follows("bridge", BRIDGE); desk.reads("herald", site.url("/feed")); desk.tells("desk", sink.url)
said = desk.run("poll", "--json")
assert said.exit_code == 0; said.stdout; said.stderr; said.lines
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.main import app

SEED = """The old bridge at Weir Landing

The old bridge at Weir Landing is to be pulled down, the county council decided. Its engineers had found cracks in the piers of the
bridge, and lorries have been sent round by the ferry since spring. Anglers and the ferry company asked the council to mend the
bridge instead; the county engineer, Ida Marsh, said that a new bridge would cost less than mending the old one for twenty years."""
HIT = (
    "County council votes to pull down old bridge at Weir Landing",
    "The county council voted to pull down the old bridge at Weir Landing after engineers found cracks in its piers. Lorries go "
    "by the ferry. The county engineer, Ida Marsh, said a new bridge would cost less than mending the old one.",
)
MISS = (
    "Choir wins prize in the capital",
    "The girls' choir of Saint Anne won the first prize at the singing contest in the capital, the jury said on Sunday evening.",
)


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[Any]:
        """stdout as JSON lines."""
        return [json.loads(each) for each in self.stdout.splitlines()]


class Operator:
    """A folder with `monitor.toml`, `seeds/` and, once something polled, a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "monitor.toml"
        self.seeds = folder / "seeds"
        self.seeds.mkdir(exist_ok=True)
        self.store = folder / "data" / "monitor.db"
        self._text = (
            f'[store]\nurl = "sqlite:///{self.store}"\n[seeds]\ndir = "{self.seeds}"\n[web]\nport = 0\n'
            "[delivery]\nrate_per_second = 1000\nwait_seconds = 0\n"
        )
        self._write("")

    def follows(self, topic: str, *texts: str, toml: str = "") -> None:
        """Put seeds into a topic's folder."""
        (self.seeds / topic).mkdir(exist_ok=True)
        for number, text in enumerate(texts):
            (self.seeds / topic / f"seed{number}.txt").write_text(text)
        if toml:
            (self.seeds / topic / "topic.toml").write_text(toml)

    def reads(self, name: str, url: str, more: str = 'first_poll = "all"') -> None:
        """Add a feed to the settings."""
        self._write(f'[feeds.{name}]\nurl = "{url}"\nallow_private = true\n{more}\n')

    def tells(self, name: str, url: str, more: str = "") -> None:
        """Add a webhook to the settings."""
        self._write(f'[channels.{name}]\nkind = "webhook"\nurl = "{url}"\nallow_private = true\n{more}\n')

    def adds(self, toml: str) -> None:
        """Add lines to the settings."""
        self._write(toml)

    def _write(self, more: str) -> None:
        self._text += more
        self.config.write_text(self._text)

    def run(self, *arguments: object, typed: str = "") -> Said:
        """Run `monitor` with these settings and arguments; `typed` is what comes by stdin."""
        return run("--config", self.config, *arguments, typed=typed)


def run(*arguments: object, typed: str = "") -> Said:
    """Run `monitor` in this process."""
    with logs_as_they_were():
        result = CliRunner().invoke(app, [str(each) for each in arguments], input=typed)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


@contextmanager
def logs_as_they_were() -> Iterator[None]:
    """A command sets the whole process's log up; the next test must not notice."""
    root = logging.getLogger()
    known = [root, *(each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger))]
    levels, handlers = {each: each.level for each in known}, list(root.handlers)
    try:
        yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
        for name in ("monitor", "httpx2", "httpcore2", "uvicorn", "alembic", "asyncio", "apscheduler"):
            if logging.getLogger(name) not in levels:
                logging.getLogger(name).setLevel(logging.NOTSET)
        for handler in [each for each in root.handlers if each not in handlers]:
            root.removeHandler(handler)


@pytest.fixture
def desk(tmp_path: Path) -> Operator:
    """Settings and seeds of its own, the topic `bridge` among them; no feed, no channel, no store."""
    made = Operator(tmp_path)
    made.follows("bridge", SEED)
    return made
