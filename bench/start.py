"""Measures the processor time of a start, of all processes that it begins, beside that of another checkout.

    python -m bench.start [--against CHECKOUT] [--times 7] [--topics 10000] [COMMAND ...]

Each command runs in turn with this checkout and with the other one, on a store and settings that exist, with byte code and the
language model in place, as after a first start. Printed are the medians of user and system time, and their ratio. `run` is a daemon
with its page and a feed, until /healthz answers 200 and it was stopped.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import resource
import shlex
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

from monitor.matching.background import Background
from tests.fakes.command import HIT, SEED
from tests.fakes.patience import soon
from tests.fakes.site import Site, rss

COMMANDS = ("--help", "feeds list", "alerts list", "status", "topics list", "check", "poll", "run")
_HERE = Path(__file__).parents[1]
_PR_SET_CHILD_SUBREAPER = 36


def settings(folder: Path, site: Site) -> Path:
    """The settings of a small desk: one topic, one feed."""
    (folder / "seeds" / "bridge").mkdir(parents=True)
    (folder / "seeds" / "bridge" / "seed.txt").write_text(SEED)
    site.publishes("/feed", rss((HIT[0], "https://h.example/1", "1", HIT[1], None)))
    (folder / "monitor.toml").write_text(
        f'[store]\nurl = "sqlite:///{folder}/monitor.db"\n[seeds]\ndir = "{folder}/seeds"\n[web]\nport = {free_port()}\n'
        f'[embedding]\nembedder = "none"\n[feeds.herald]\nurl = "{site.url("/feed")}"\nallow_private = true\n'
    )
    return folder / "monitor.toml"


def many_topics(folder: Path, count: int) -> None:
    """Topics of one seed of 310 words each, of the commoner words of English, and of a sentence of their own."""
    rarity = Background.shipped().table("en").idf
    words = sorted((each for each in rarity if each.isalpha()), key=rarity.__getitem__)[:20_000]
    draw, weights = random.Random(3), [1 / (at + 5) for at in range(20_000)]

    def text(length: int) -> str:
        return " ".join(draw.choices(words, weights[: len(words)], k=length))

    for at in range(count):
        own = folder / "seeds" / f"t{at}"
        own.mkdir()
        (own / "seed.txt").write_text(f"{text(10)}\n\n{text(150)}. {text(150)}.\n")
        (own / "topic.toml").write_text(f'title = "{text(5)}"\ndescription = "{text(20)}"\n')


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def cost(checkout: Path, config: Path, command: str) -> float:
    """Seconds of processor time of the command and all its descendants, orphans too."""
    before = _of_children()
    started = subprocess.Popen(
        [sys.executable, "-m", "monitor", "--config", str(config), *shlex.split(command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=config.parent,
        env={key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        | {"PYTHONPATH": str(checkout), "PYTHONPYCACHEPREFIX": str(config.parent / "byte-code")},
    )
    if command == "run":
        soon(lambda: is_ready(config))
        started.send_signal(signal.SIGTERM)
    started.wait()
    wait_for_orphans()
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def is_ready(config: Path) -> bool:
    port = tomllib.loads(config.read_text())["web"]["port"]
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def adopt_orphans() -> None:
    """Fork servers and workers whose parent ended become children of this process, so that they are counted."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_for_orphans() -> None:
    try:
        while True:
            os.wait()
    except ChildProcessError:
        return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--against", type=Path, default=_HERE, help="another checkout, which comes first; default: this one"
    )
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--topics", type=int, default=0, help="so many more topics")
    parser.add_argument(
        "commands", nargs="*", default=COMMANDS, metavar="COMMAND", help="default: all that are known here"
    )
    asked = parser.parse_args()
    adopt_orphans()
    print(f"{'':<14}{'against':>9}{'here':>9}{'ratio':>8}   CPU s, medians of {asked.times}")
    with tempfile.TemporaryDirectory() as folder, Site() as site:
        config = settings(Path(folder), site)
        many_topics(Path(folder), asked.topics)
        checkouts = (asked.against.resolve(), _HERE)
        for checkout in checkouts:
            cost(checkout, config, "poll")
        for command in asked.commands:
            before, here = _medians(checkouts, config, command, asked.times)
            print(f"{command:<14}{before:>9.2f}{here:>9.2f}{here / before:>8.2f}", flush=True)


def _medians(checkouts: tuple[Path, Path], config: Path, command: str, times: int) -> list[float]:
    """Of each checkout; the first round, which may write byte code, is not counted."""
    rounds = [[cost(each, config, command) for each in checkouts] for _ in range(times + 1)]
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


if __name__ == "__main__":
    main()
