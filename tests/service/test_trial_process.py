"""A trial for the page, in a real process of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from monitor.service.trial_process import TrialProcess
from monitor.store.db import Database
from monitor.topics import drafts
from monitor.topics.seed_writer import SeedText
from monitor.types.errors import MonitorError
from tests.fakes.command import HIT, MISS, SEED, Operator
from tests.fakes.command import desk as desk
from tests.fakes.site import Site, rss


def test_a_draft_is_tried_over_the_archive_in_a_process_of_its_own(desk: Operator) -> None:
    desk.adds('[embedding]\nembedder = "none"\n')
    with Site() as site:
        items = [
            (HIT[0], "https://news.example/bridge", "g1", HIT[1]),
            (MISS[0], "https://news.example/c", "g2", MISS[1]),
        ]
        site.publishes("/feed", rss(*items))
        desk.reads("herald", site.url("/feed"))
        desk.run("poll")
    title, _, text = SEED.partition("\n")
    drafts.make(desk.seeds, "weir", title="Weir", description="", articles=[SeedText(title=title, text=text)])
    db = Database(f"sqlite:///{desk.store}")
    try:
        process = TrialProcess(db, str(desk.config))
        found = asyncio.run(process.run(drafts.root_of(desk.seeds) / "weir"))
        assert found is not None
        assert (found["articles"], [each["title"] for each in found["hits"]]) == (2, [HIT[0]])
        with pytest.raises(MonitorError, match="no such folder"):
            asyncio.run(process.run(Path("/nowhere/at/all")))
    finally:
        db.close()


def test_without_an_article_there_is_nothing_to_try(desk: Operator) -> None:
    desk.run("migrate")
    db = Database(f"sqlite:///{desk.store}")
    try:
        assert asyncio.run(TrialProcess(db, str(desk.config)).run(desk.seeds / "bridge")) is None
    finally:
        db.close()
