"""Asks every page for what no page expects, and counts the answers that say that we failed (5xx).

    python -m bench.fuzz [--requests 50000] [--seed 1]

Each request takes one of the routes, of the application's own table, with odd numbers in its path, odd values of the parameters
that the pages read (and of others), odd headers, and for forms odd fields with a valid token. The store holds a few articles.
Requests go to the application itself, as a server would hand them over; what is no HTTP at all is tried in
tests/web/test_server.py.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

from starlette.applications import Starlette
from starlette.routing import Route

from monitor.config.settings import WebSettings
from monitor.store.db import Database
from monitor.web.app import create_app
from monitor.web.guard import Tokens
from monitor.web.health import Health
from tests.fakes.command import HIT, MISS, SEED, Operator
from tests.fakes.site import Site, rss

NUMBERS = (
    *(
        "0",
        "1",
        "2",
        "3",
        "-1",
        "007",
        "1.5",
        "1e9",
        "٣",
        "Ⅷ",
        "²",
        "0x10",
        "1_000",
        "+1",
        " 1",
        "1 ",
        "NaN",
        "inf",
        "",
        "None",
        "true",
    ),
    *(str(2**31 - 1), str(2**31), str(2**63 - 1), str(2**63), str(2**64), "9" * 18, "9" * 19, "9" * 4_299, "9" * 5_000),
)
TEXTS = (
    *(
        "",
        "a",
        "new",
        "all",
        "bridge",
        "herald",
        "no-such",
        "%",
        "%%",
        "%zz",
        "\x00",
        "\x00a",
        "\ud800",
        "\U0001f600" * 50,
        "پل",
        "橋",
    ),
    *(
        "'",
        '"',
        "\\",
        "';--",
        "a OR b",
        "NOT",
        "NEAR(",
        "*",
        "a*",
        '"a',
        "(",
        "-",
        "a:b",
        "^",
        "{}",
        "[]",
        "a" * 3_000,
        " " * 500,
    ),
    *(
        "https://h.example/1",
        "https://",
        "http://[",
        "http://[::1",
        "javascript:1",
        "//x",
        "https://a@b/",
        "../..",
        "a\r\nX: y",
    ),
    *("7d", "36h", "2026-11-22", "0000-00-00", "99999-01-01", "9999999999d", "2026-11-22T00:00:00+99:99"),
)
PARAMETERS = (
    "q",
    "topic",
    "state",
    "page",
    "source",
    "since",
    "until",
    "url",
    "done",
    "undo",
    "label",
    "story",
    "to",
    "into",
    "sort",
)
PARAMETERS += ("title", "note", "next", "here", "token", "article", "number", "name", "kind", "series", "days", "x")
METHODS = ("GET", "GET", "GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "ODD")


@dataclass(frozen=True)
class Asked:
    """One request, as a server hands it over."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class Fuzzer:
    """Makes requests and asks them. The same seed makes the same requests."""

    def __init__(self, app: Starlette, tokens: Tokens, seed: int) -> None:
        self._app, self._tokens, self._random = app, tokens, random.Random(seed)
        self._paths = [each.path if isinstance(each, Route) else f"{each.path}/style.css" for each in app.routes]  # type: ignore[attr-defined]
        self.codes: Counter[int] = Counter()
        self.failures: list[tuple[Asked, int]] = []

    async def asks(self, count: int) -> None:
        """Ask so many."""
        for _ in range(count):
            asked = self._request()
            code = await self._answer(asked)
            self.codes[code] += 1
            if code >= 500:
                self.failures.append((asked, code))

    def _request(self) -> Asked:
        pick = self._random.choice
        method, path = pick(METHODS), self._path()
        query = urlencode(list(self._fields(4)), errors="replace").encode() if self._random.random() < 0.6 else b""
        if self._random.random() < 0.05:
            query = self._random.randbytes(20)
        is_form = method == "POST" and self._random.random() < 0.9
        fields = [*self._fields(6), (Tokens.FIELD, self._tokens.field(""))] if is_form else []
        body = urlencode(fields, errors="replace").encode() if fields else b""
        return Asked(method, path, query, tuple(self._headers(is_form, len(body))), body)

    def _path(self) -> bytes:
        pick = self._random.choice
        path: str = pick(self._paths).replace("{number:id}", quote(pick(NUMBERS)))
        odd = self._random.random()
        if odd < 0.05:
            path = pick(
                (
                    "//",
                    "/.",
                    "/..",
                    "/%2e%2e/",
                    "/%00",
                    "/\xff",
                    "",
                    "*",
                    "http://a/",
                    "/static/../app.py",
                    "/static/%2e%2e/x",
                )
            )
        elif odd < 0.1:
            path += pick(("/", "//", "/x", "%00", ";x", "%2F", "%ff", "?"))
        return path.encode("latin-1", "replace")

    def _fields(self, most: int) -> Iterator[tuple[str, str]]:
        for _ in range(self._random.randint(0, most)):
            picked = f"pick-{self._random.choice(NUMBERS)}"
            name = self._random.choice((*PARAMETERS, picked, self._random.choice(TEXTS)))
            yield name, self._random.choice((*TEXTS, *NUMBERS, "1", "1", "bridge", "bridge"))

    def _headers(self, is_form: bool, length: int) -> Iterator[tuple[bytes, bytes]]:
        odd = self._random.random()
        yield b"host", self._random.choice((b"\xff", b"", b"[::1", b"a" * 300)) if odd < 0.03 else b"localhost"
        yield b"content-length", str(length).encode()
        if is_form:
            yield b"content-type", b"application/x-www-form-urlencoded"
            yield b"sec-fetch-site", b"same-origin"
            yield b"cookie", f"{Tokens.COOKIE}={self._tokens.cookie('')}".encode()
        if odd > 0.7:
            name = self._random.choice(
                (b"authorization", b"cookie", b"origin", b"range", b"x-forwarded-for", b"if-modified-since")
            )
            yield (
                name,
                self._random.choice(
                    (b"\xff\xfe", b"Basic ===", b"Basic /////w==", b"bytes=9-1,a", b"http://[", b"a" * 5_000, b"")
                ),
            )

    async def _answer(self, asked: Asked) -> int:
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": asked.method,
            "root_path": "",
            "path": unquote(asked.path.decode("latin-1")),
            "raw_path": asked.path,
            "query_string": asked.query,
            "headers": list(asked.headers),
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
        }
        codes: list[int] = []

        bodies = [asked.body]

        async def receive() -> dict[str, Any]:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await asyncio.Event().wait()  # the client waits for its answer
            raise AssertionError

        async def send(message: Any) -> None:
            codes.extend([message["status"]] if message["type"] == "http.response.start" else [])

        try:
            await self._app(scope, receive, send)
        except Exception:
            logging.exception("%s", asked)
            return 500
        return codes[0] if codes else 599


def populated(folder: Path) -> Database:
    """A store with a match, and articles that are none."""
    with Site() as site:
        desk = Operator(folder)
        desk.follows("bridge", SEED)
        items = [
            (f"{MISS[0]} {number}", f"https://h.example/{number}", str(number), MISS[1], None) for number in range(2, 6)
        ]
        site.publishes("/feed", rss((HIT[0], "https://h.example/1", "1", HIT[1], None), *items))
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
    return Database(f"sqlite:///{desk.store}")


async def fuzz(db: Database, count: int, seed: int) -> Fuzzer:
    """So many requests to the pages on this store."""
    tokens = Tokens()
    app = create_app(db, WebSettings(), clock=lambda: datetime.now(UTC), health=Health, tokens=tokens)
    fuzzer = Fuzzer(app, tokens, seed)
    await fuzzer.asks(count)
    return fuzzer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        db = populated(Path(folder))
        fuzzer = asyncio.run(fuzz(db, asked.requests, asked.seed))
        db.close()
    for request, code in fuzzer.failures[:20]:
        print(code, repr(request)[:600])
    failed = sum(count for code, count in fuzzer.codes.items() if code >= 500)
    print(json.dumps({"requests": fuzzer.codes.total(), "5xx": failed, "codes": dict(sorted(fuzzer.codes.items()))}))
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
