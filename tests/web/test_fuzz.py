"""The small form of bench/fuzz.py: pages asked for what no page expects never fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench import fuzz


def test_fault_s9_no_odd_request_makes_a_page_fail(tmp_path: Path) -> None:
    db = fuzz.populated(tmp_path)
    try:
        fuzzer = asyncio.run(fuzz.fuzz(db, 1_500, seed=7))
    finally:
        db.close()
    assert fuzzer.failures == []
    assert {200, 400, 403, 404, 405} <= fuzzer.codes.keys()  # it came to the pages
