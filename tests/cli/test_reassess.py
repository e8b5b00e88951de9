"""`monitor reassess`: what it would find, what it finds, and whom it tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.store.files import StoreLock
from tests.fakes.command import HIT, MISS, SEED, Operator
from tests.fakes.site import Site, rss

ADDRESS = "https://n.example/1"


@pytest.fixture
def desk(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> Operator:
    """A store with two articles of today, matched by nothing, and a topic that came since."""
    monkeypatch.chdir(tmp_path)
    desk = Operator(tmp_path)
    desk.follows(
        "choir",
        "Stamps\n\nCollectors of stamps met in the old town hall to exchange albums and catalogues of rare stamps.",
    )
    desk.reads("herald", site.url("/feed"))
    site.publishes(
        "/feed", rss((HIT[0], ADDRESS, "g1", HIT[1], None), (MISS[0], "https://n.example/2", "g2", MISS[1], None))
    )
    assert desk.run("poll").exit_code == 0
    desk.follows("bridge", SEED)
    return desk


def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(desk: Operator) -> None:
    said = desk.run("reassess", "--topic", "bridge", "--dry-run")
    assert said.exit_code == 3, "the store does not know the topic before the next round"
    said = desk.run("reassess", "--since", "1", "--dry-run", "--json")
    assert said.json == {"is_dry_run": True, "articles": 2, "matches": {"bridge": 1}, "alerts": 1, "waiting": 0}
    assert desk.run("matches", "list", "--json").lines == []


def test_an_article_is_assessed_again_by_hand_and_explain_shows_it(desk: Operator) -> None:
    said = desk.run("reassess", ADDRESS)
    assert said.exit_code == 0, said.stderr
    assert "1 have new matches (bridge 1), 1 alerts" in said.stdout
    causes = [each["cause"] for each in desk.run("explain", ADDRESS, "--json").json["decisions"]]
    assert causes[0] == "arrival"
    assert causes[-1].startswith("reassessed: ")
    shown, record = desk.run("explain", ADDRESS).stdout, desk.run("explain", ADDRESS, "--json").json
    assert "reassessed: " in shown
    assert f"{record['decision_id']}: {record['reason']}" in shown
    assert record["decision_id"] == record["decisions"][-1]["id"]
    assert len(desk.run("alerts", "list", "--json").lines) == 1
    assert desk.run("reassess", ADDRESS, "--json").json["alerts"] == 0, "told once"
    told_of = {each["reason"]: [one["is_alert"] for one in each["topics"]] for each in record["decisions"]}
    assert all(any(told) == says.endswith(": alerted") for says, told in told_of.items() if told)


def test_a_range_with_nothing_new_leaves_no_decision(desk: Operator) -> None:
    desk.run("reassess", "--since", "1")
    before = desk.run("explain", "https://n.example/2", "--json").json["decisions"]
    said = desk.run("reassess", "--topic", "bridge", "--json")
    assert said.json["matches"] == {}
    assert said.json["articles"] == 2
    assert desk.run("explain", "https://n.example/2", "--json").json["decisions"] == before


def test_while_the_daemon_runs_it_does_the_work(desk: Operator) -> None:
    lock = StoreLock(desk.store)
    lock.acquire()
    try:
        said = desk.run("reassess", ADDRESS)
    finally:
        lock.release()
    assert said.exit_code == 0, said.stderr
    assert "the daemon assesses them again" in said.stdout
    assert "it waits for its turn" in desk.run("explain", ADDRESS).stdout


def test_wrong_calls_are_named(desk: Operator) -> None:
    assert desk.run("reassess").exit_code == 2
    assert desk.run("reassess", "--since", "1", ADDRESS).exit_code == 2
    assert desk.run("reassess", "https://n.example/unknown").exit_code == 3
    assert desk.run("reassess", "--topic", "brigde").exit_code == 3


def test_a_dry_run_goes_by_the_topics_in_force_and_not_by_the_folder(desk: Operator) -> None:
    desk.run("poll", "herald")
    assert desk.run("topics", "pause", "bridge").exit_code == 0
    said = desk.run("reassess", "--since", "1", "--dry-run", "--json")
    assert said.json["matches"] == {}, "a paused topic finds nothing"
    desk.run("topics", "resume", "bridge")
    assert desk.run("reassess", "--since", "1", "--dry-run", "--json").json["matches"] == {"bridge": 1}
    (desk.folder / "seeds" / "bridge").rename(desk.folder / "away")
    said = desk.run("reassess", "--topic", "bridge", "--dry-run", "--json")
    assert said.json["matches"] == {"bridge": 1}, "a topic whose folder is away is in force"
