"""How long an OPML file of 5,000 outlines takes to import, a fifth of them bad, and whether each verdict is right.

    python -m bench.opml

Prints seconds for the first import and for the second, which changes nothing; ends with 1 where a verdict is wrong.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime

from monitor.feeds import importing
from monitor.feeds.importing import Verdict
from monitor.store import migrate
from monitor.store.db import Database

OUTLINES = 5_000
BAD = (
    ("javascript:alert(1)", Verdict.NOT_AN_ADDRESS),
    ("https://user:pass@x.example/rss", Verdict.NOT_AN_ADDRESS),
    ("", Verdict.NO_ADDRESS),
    ("http://10.0.0.1/rss?N", Verdict.PRIVATE),
    ("http://SITE1.example/./rss/", Verdict.TWICE),
)


def outlines() -> list[tuple[str, Verdict]]:
    """Addresses and their right verdicts: every fifth one is bad, a third of the others are of one host."""
    good = [f"https://site{n}.example/rss" if n % 3 else f"https://videos.example/feed?id={n}" for n in range(OUTLINES)]
    bad = [(url.replace("?N", f"?{n}"), verdict) for n in range(OUTLINES) for url, verdict in [BAD[n // 5 % len(BAD)]]]
    return [bad[n] if n % 5 == 4 else (good[n], Verdict.ADDED) for n in range(OUTLINES)]


def document(wanted: list[tuple[str, Verdict]]) -> bytes:
    """The OPML file."""
    lines = (f'<outline text="Feed {n} &amp; more" type="rss" xmlUrl="{url}"/>' for n, (url, _) in enumerate(wanted))
    return f'<opml version="2.0"><body>{"".join(lines)}</body></opml>'.encode()


def imported(db: Database, body: bytes) -> tuple[list[Verdict], float]:
    """The verdicts, and the seconds that they took."""
    began = time.perf_counter()
    with db.writing() as session:
        found = importing.import_feeds(session, body, usual_seconds=900, now=datetime.now(UTC))
    return [each.verdict for each in found.judged], time.perf_counter() - began


def main() -> int:
    """Import twice into an empty store."""
    wanted = outlines()
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/monitor.db")
        migrate.upgrade(db)
        first, took = imported(db, document(wanted))
        second, took_again = imported(db, document(wanted))
        db.close()
    right = [each for _, each in wanted]
    wrong = sum(a != b for a, b in zip(first, right, strict=True))
    there = [Verdict.THERE if each is Verdict.ADDED else each for each in right]
    wrong += sum(a != b for a, b in zip(second, there, strict=True))
    print(f"{OUTLINES} outlines: {took:.1f} s, again {took_again:.1f} s, wrong verdicts: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
