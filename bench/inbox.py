"""Measures the pages on a big store (100,000 articles, 40,000 matches): the server's time, bytes over the wire, verdicts by key.

    python -m bench.inbox [--store FILE] [--requests 60] [--no-browser] [--only NAME] [--pictures DIR]

The store is made where FILE does not exist (some two minutes); by default it is made anew and thrown away. Each page is asked for
`--requests` times by one connection, with other stories, topics, words and page numbers each time; a verdict is given before each
tenth request, so that what hangs on verdicts is worked out anew. A kind of page that has taken 15 seconds is asked for no more.
Times are wall-clock of one request on loopback, the server in a process of its own; beside them its mean processor time, verdicts
included, which other work on the machine does not change. The browser part needs a Chromium (tests/web/test_browser.py) and gives
200 verdicts by key with five undos on a copy of the store: a verdict is wrong where the store has another than was meant.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import multiprocessing
import os
import random
import re
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import uvicorn
from sqlmodel import col, select

from bench.inbox_store import ARTICLES, MATCHES, NOW, TOPICS, build
from monitor.config.settings import WebSettings
from monitor.matching.background import Background
from monitor.review import choices
from monitor.store.db import Database
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow
from monitor.web.app import create_app
from monitor.web.health import Health

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as monitor/__main__.py does, for the server's process
KEYS, UNDOS = 200, 5
_ENOUGH_MS = 15_000
WIDE, PHONE = (1440, 900), (390, 844)
REACH_MS = {"inbox": 80, "search": 150, "story": 60, "topic": 150, "status": 200, "overview": 200, "next story": 100}
REACH_BYTES = {"first page": 60 * 1024, "later page": 20 * 1024}


# --- the server ---------------------------------------------------------------------------------------------------------


def serve(path: str, port: int) -> None:
    """Serve the pages of that store, in this process."""
    health = Health(beats={"poll": NOW})
    app = create_app(Database(f"sqlite:///{path}"), WebSettings(), clock=lambda: NOW, health=lambda: health)
    uvicorn.run(app, host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)


@contextlib.contextmanager
def serving(path: Path) -> Iterator[tuple[int, int]]:
    """The port on which a process of its own serves the store, and the process."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(str(path), port))
    process.start()
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.05)
        yield port, int(process.pid or 0)
    finally:
        process.terminate()
        process.join()


_OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json"}


class Client:
    """One reader's connection: keeps the cookie, takes the token from the pages."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port)
        self._cookie, self._token = "", ""
        self._token = re.findall(r'name="token" value="([^"]+)"', self.get("/")[0])[0]

    def get(self, path: str) -> tuple[str, float]:
        """The page, and how many milliseconds it took. Raises RuntimeError for anything but a page."""
        began = time.perf_counter()
        self._http.request("GET", path, headers={"Cookie": self._cookie})
        answer = self._http.getresponse()
        page = answer.read().decode()
        took = 1000 * (time.perf_counter() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}")
        self._cookie = answer.headers.get("Set-Cookie", self._cookie).partition(";")[0]
        return page, took

    def judge(self, match: int, verdict: str) -> float:
        """Give a verdict; returns how many milliseconds it took."""
        form = urlencode({"token": self._token, "back": "/", "verdict": verdict, f"m{match}": "on"})
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self._cookie}
        began = time.perf_counter()
        self._http.request("POST", "/verdicts", body=form, headers=_OWN | kind)
        answer = self._http.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"verdict: {answer.status}")
        return 1000 * (time.perf_counter() - began)


# --- what is asked for ----------------------------------------------------------------------------------------------------


class Addresses:
    """Addresses of each kind of page, as a reader would come to them."""

    def __init__(self, path: Path) -> None:
        self.dice = random.Random(11)
        database = Database(f"sqlite:///{path}")
        with database.reading() as session:
            self.matches = list(session.exec(select(MatchRow.id).where(col(MatchRow.is_relevant).is_(None))))
            self.stories = list(session.exec(select(MatchRow.story_id).distinct()))
            self.publishers = list(choices.publishers(session))
            titles = list(session.exec(select(ArticleRow.title).limit(2000)))
        database.close()
        idf = Background.shipped().table("en").idf
        self.words = [word for title in titles for word in title.casefold().split()]
        self.common = sorted((word for word in idf if word.isalpha()), key=idf.__getitem__)[100:1000]

    def kinds(self) -> dict[str, Callable[[], str]]:
        dice = self.dice
        topic = lambda: f"topic-{dice.randrange(TOPICS)}"
        return {
            "inbox": lambda: "/" if dice.random() < 0.5 else f"/?page={dice.randint(2, 40)}",
            "inbox, all states": lambda: f"/?state=all&page={dice.randint(1, 200)}",
            "inbox, sorted": lambda: f"/?sort={dice.choice(('doubtful', 'largest'))}",
            "inbox, language": lambda: f"/?language={dice.choice(('en', 'fr', 'fa'))}&state=all",
            "inbox, publisher": lambda: f"/?{urlencode({'publisher': dice.choice(self.publishers), 'state': 'all'})}",
            "inbox, told": lambda: f"/?told={dice.choice(('yes', 'no'))}&state=all",
            "more lines": lambda: f"/lines?offset={dice.randint(45, 2000)}",
            "reading pane": lambda: f"/stories/{dice.choice(self.stories)}/reading",
            "search": lambda: f"/?q={dice.choice(self.words)}&state=all",
            "search, common word": lambda: f"/?q={dice.choice(self.common)}&state=all",
            "story": lambda: f"/stories/{dice.choice(self.stories)}",
            "stories": lambda: f"/stories?page={dice.randint(1, 100)}",
            "topic": lambda: f"/?topic={topic()}",
            "evaluate": lambda: "/evaluate",
            "near": lambda: f"/near?topic={topic()}",
            "overview": lambda: "/overview",
            "status": lambda: "/status",
        }


class Times(NamedTuple):
    """Milliseconds of each request, and those of the processor for a mean one."""

    each: list[float]
    cpu: float = 0.0


def processor_ms(pid: int) -> float:
    """Of that process so far: user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, pid: int, addresses: Addresses, requests: int, only: str) -> dict[str, Times]:
    """The times of each kind of page."""
    client, found = Client(port), {"verdict": Times([])}
    for name, address in addresses.kinds().items():
        if only and only not in name:
            continue
        client.get(address())
        times, began = [], processor_ms(pid)
        for number in range(requests):
            if number % 10 == 5:
                verdict = client.judge(addresses.matches.pop(), "confirmed" if number % 20 else "dismissed")
                found["verdict"].each.append(verdict)
            times.append(client.get(address())[1])
            if sum(times) > _ENOUGH_MS:
                break
        found[name] = Times(times, (processor_ms(pid) - began) / len(times))
    return found


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


# --- the browser ----------------------------------------------------------------------------------------------------------

_VISIBLE = """[...document.querySelectorAll(".line")].map((line) => line.getBoundingClientRect())
    .filter((box) => box.height && box.top >= 0 && box.bottom <= innerHeight).length"""
_WATCH = """() => {
  window.isThisPage = true;
  window.waits = [];
  document.addEventListener("keydown", (event) => {
    if (!"cd".includes(event.key)) return;
    const at = performance.now(), before = document.activeElement;
    const look = () => {
      const now = document.activeElement;
      if (now !== before && now.closest(".line")) waits.push(performance.now() - at);
      else if (performance.now() - at < 5000) requestAnimationFrame(look);
      else waits.push(5000);
    };
    requestAnimationFrame(look);
  }, true);
}"""
_FOCUSED = "document.activeElement.closest('.line')?.dataset.left ?? ''"


def browse(port: int, store: Path, pictures: Path | None) -> Iterator[tuple[str, float, float | None]]:
    """Figures of the browser: what, how much, and what is to be reached (None where nothing is)."""
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield from _sizes(browser, port, pictures)
            yield from _by_keys(browser, port, store)
        finally:
            browser.close()


def _sizes(browser: Any, port: int, pictures: Path | None) -> Iterator[tuple[str, float, float | None]]:
    for name, (width, height), reach in (("wide", WIDE, 14), ("phone", PHONE, 6)):
        context = browser.new_context(viewport={"width": width, "height": height})
        page, sizes = context.new_page(), []
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.on("Network.loadingFinished", lambda event, sizes=sizes: sizes.append(event["encodedDataLength"]))
        page.goto(f"http://127.0.0.1:{port}/", wait_until="load")
        yield f"stories visible, {name}", page.evaluate(_VISIBLE), reach
        page.wait_for_timeout(500)
        first = sum(sizes)
        sizes.clear()
        page.goto(f"http://127.0.0.1:{port}/?topic=topic-3", wait_until="load")
        yield f"first page, bytes, {name}", first, REACH_BYTES["first page"]
        yield f"later page, bytes, {name}", sum(sizes), REACH_BYTES["later page"]
        if pictures:
            page.screenshot(path=str(pictures / f"inbox-{name}.png"))
        context.close()


def _by_keys(browser: Any, port: int, store: Path) -> Iterator[tuple[str, float, float | None]]:
    page = browser.new_page(viewport={"width": WIDE[0], "height": WIDE[1]})
    page.goto(f"http://127.0.0.1:{port}/", wait_until="load")
    page.evaluate(_WATCH)
    said: dict[int, bool] = {}
    lost = 0
    for number in range(KEYS):
        left = page.evaluate(_FOCUSED).split()
        if not left:
            lost += 1
            page.keyboard.press("j")
            continue
        key = "cd"[number % 3 == 0]
        page.keyboard.press(key)
        _wait(page, f"waits.length > {number - lost}")
        said[int(left[0])] = key == "c"
        if number % (KEYS // UNDOS) == KEYS // UNDOS - 1:
            page.keyboard.press("u")
            page.locator("#says", has_text="Undone").wait_for()
            del said[int(left[0])]
            page.keyboard.press("j")
    _wait(page, "!document.querySelector('.waits')")
    waits = page.evaluate("waits")
    yield "next story has focus, ms, p50", quantile(waits, 0.5), None
    yield "next story has focus, ms, p95", quantile(waits, 0.95), REACH_MS["next story"]
    yield "focus lost", lost, 0
    yield "page loads", 0 if page.evaluate("window.isThisPage === true") else 1, 0
    yield "verdicts given", len(waits), None
    yield "verdicts wrong", _wrong(store, said), 0


def _wait(page: Any, condition: str) -> None:
    """Until that is so. Playwright's own way needs `eval` in the page, which our policy forbids."""
    while not page.evaluate(condition):
        page.wait_for_timeout(5)


def _wrong(store: Path, said: dict[int, bool]) -> int:
    database = Database(f"sqlite:///{store}")
    with database.reading() as session:
        rows = session.exec(select(MatchRow.id, MatchRow.is_relevant).where(col(MatchRow.id).in_(said)))
        stored = dict(rows.all())
    database.close()
    return sum(stored.get(each) is not verdict for each, verdict in said.items())


# --- the command ----------------------------------------------------------------------------------------------------------


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--store", type=Path, help="the store, made where it does not exist")
    asked.add_argument("--requests", type=int, default=60)
    asked.add_argument("--only", default="", help="only kinds of pages with this in their name")
    asked.add_argument("--no-browser", action="store_true")
    asked.add_argument("--no-server", action="store_true")
    asked.add_argument("--pictures", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kept = given.store or Path(folder) / "big.db"
        if not kept.exists():
            print(f"making a store of {ARTICLES} articles and {MATCHES} matches", file=sys.stderr)
            build(kept)
        store = Path(folder) / "measured.db"
        shutil.copyfile(kept, store)
        with serving(store) as (port, pid):
            if not given.no_server:
                _print_times(measure(port, pid, Addresses(store), given.requests, given.only))
            if not given.no_browser:
                for name, value, reach in browse(port, store, given.pictures):
                    print(f"{name:34} {value:9.0f} {'' if reach is None else f'(reach {reach:.0f})'}")


def _print_times(found: dict[str, Times]) -> None:
    print(f"{'page':22} {'p50 ms':>7} {'p95 ms':>7} {'max ms':>7} {'CPU ms':>7}  reach")
    for name, times in found.items():
        values = times.each or [0.0]
        row = " ".join(
            f"{each:7.0f}" for each in (quantile(values, 0.5), quantile(values, 0.95), max(values), times.cpu)
        )
        print(f"{name:22} {row}  {REACH_MS.get(name.partition(',')[0], '')}")


if __name__ == "__main__":
    main()
