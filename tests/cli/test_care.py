"""`topics`, `backtest`, `check`, `doctor`, `migrate`: what an operator looks at and mends."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.store import nodes, topics
from monitor.store.db import Database
from monitor.store.files import StoreLock
from monitor.store.nodes import Node
from monitor.types.matching import Topic
from tests.fakes.command import HIT, MISS, SEED, Operator, Said, desk
from tests.fakes.site import Site

__all__ = ["desk"]


# --- topics -----------------------------------------------------------------------------------------------------------


def test_topics_are_listed_without_a_store(desk: Operator) -> None:
    (topic,) = desk.run("topics", "list", "--json").lines
    assert (topic["name"], topic["seeds"], topic["languages"]) == ("bridge", 1, ["en"])
    assert "bridge" in desk.run("topics").stdout
    assert not desk.store.exists()


def test_a_topic_is_shown_with_its_terms(desk: Operator) -> None:
    topic = desk.run("topics", "show", "bridge", "--json").json
    assert "bridge" in [term for term, _ in topic["terms"]["en"]]
    assert 0 < topic["threshold"] < 1
    assert topic["files"][0]["file"].endswith("bridge/seed0.txt")
    assert "heaviest terms, en: " in desk.run("topics", "show", "bridge").stdout
    assert 'did you mean "bridge"?' in desk.run("topics", "show", "bridges").stderr


def test_the_threshold_shown_is_the_one_that_holds(desk: Operator) -> None:
    """Where articles are compared by meaning it is that of meaning, and not of the words."""
    desk.follows("spans", SEED, toml='title = "Old bridges"\ndescription = "Bridges that are pulled down."\n')
    assert "up, by the article (balanced)" in desk.run("topics", "show", "spans").stdout
    desk.adds('[embedding]\nembedder = "https://embedder.example/v1"\n')
    assert "0.260, for every article (balanced)" in desk.run("topics", "show", "spans").stdout
    assert desk.run("topics", "show", "spans", "--json").json["threshold"] == pytest.approx(0.26)
    assert "0.320 in languages without a seed" in " ".join(desk.run("topics", "show", "bridge").stdout.split())


def test_a_topic_that_cannot_be_used_says_why(desk: Operator) -> None:
    desk.follows("broken", SEED, toml="title = \n")
    said = desk.run("topics", "show", "broken")
    assert said.exit_code == 3
    assert "topic.toml:1" in said.stderr
    assert desk.run("topics", "show", "bridge").exit_code == 0


def test_faults_of_seeds_are_2_and_the_other_topics_live(desk: Operator) -> None:
    assert desk.run("topics", "check").exit_code == 0
    desk.follows("empty")
    desk.follows("wrong", SEED, toml='titel = "x"\nsensitivity = "keen"\n')
    said = desk.run("topics", "check")
    assert said.exit_code == 2
    assert "did you mean 'title'" in said.stdout
    assert "only" in said.stdout or "no seed" in said.stdout
    report = desk.run("topics", "check", "--json").json
    assert report["topics"] == ["bridge"]
    assert len(report["faults"]) == 3
    assert "faults in the seeds" in desk.run("topics").stderr


def test_a_channel_that_only_a_topic_knows_is_a_warning(desk: Operator) -> None:
    desk.follows("bridge", toml='channels = ["desk"]')
    said = desk.run("topics", "check")
    assert said.exit_code == 0
    assert '"desk" is not in the settings' in said.stdout


# --- backtest ---------------------------------------------------------------------------------------------------------


def lines(*articles: dict[str, object]) -> str:
    return "".join(json.dumps(each) + "\n" for each in articles)


ARTICLES = lines(
    {"id": "a", "title": HIT[0], "text": HIT[1], "published": "2026-11-20T10:00:00Z", "source": "herald"},
    {"id": 2, "title": MISS[0], "summary": MISS[1]},
    {"id": "c", "title": HIT[0], "text": HIT[1], "url": "https://other.example/1", "source": "mirror"},
)


def backtest(desk: Operator, articles: Path, *more: object) -> Said:
    return desk.run("backtest", "--seeds", desk.seeds, "--articles", articles, *more)


def test_backtest_answers_a_line_an_article_in_order(desk: Operator, tmp_path: Path) -> None:
    file, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    file.write_text(ARTICLES)
    said = backtest(desk, file, "--out", out)
    assert said.exit_code == 0, said
    assert said.stdout == ""
    answers = [json.loads(each) for each in out.read_text().splitlines()]
    assert [each["id"] for each in answers] == ["a", 2, "c"]
    assert [each["kind"] for each in answers] == ["new", "new", "copy"]
    assert [each["alert"] for each in answers] == [["bridge"], [], []]
    assert answers[2]["of"] == "a"
    assert answers[2]["story"] == "a"
    assert answers[1]["topics"] == []
    assert "3 articles, " in said.stderr
    assert "2 matched, 1 copies, 1 alerts" in said.stderr


def test_backtest_gives_all_scores_where_asked(desk: Operator, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ARTICLES)
    answers = backtest(desk, tmp_path / "in.jsonl", "--all-scores").lines
    assert [len(each["topics"]) for each in answers] == [1, 1, 1]
    assert not answers[1]["topics"][0]["matched"]


def test_backtest_skips_bad_lines_with_their_number(desk: Operator, tmp_path: Path) -> None:
    bad = b'{"id": 1, "title": "x"\n\n[]\n{"id": 4}\n\xff\xfe\n'
    (tmp_path / "in.jsonl").write_bytes(bad + ARTICLES.encode())
    said = backtest(desk, tmp_path / "in.jsonl")
    assert said.exit_code == 0
    assert len(said.lines) == 3
    for number in (1, 3, 4, 5):
        assert f"in.jsonl:{number}: skipped" in said.stderr


def test_backtest_reports_faults_of_seeds_and_goes_on(desk: Operator, tmp_path: Path) -> None:
    desk.follows("broken", SEED, toml="title = \n")
    (tmp_path / "in.jsonl").write_text(ARTICLES)
    said = backtest(desk, tmp_path / "in.jsonl")
    assert said.exit_code == 0
    assert "fault: " in said.stderr
    assert said.lines[0]["alert"] == ["bridge"]


def test_backtest_of_what_is_not_there_is_2(desk: Operator, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ARTICLES)
    assert desk.run("backtest", "--seeds", tmp_path / "none", "--articles", tmp_path / "in.jsonl").exit_code == 2
    assert backtest(desk, tmp_path / "none.jsonl").exit_code == 2
    assert backtest(desk, tmp_path / "in.jsonl", "--out", tmp_path / "none" / "out.jsonl").exit_code == 2


def test_backtest_never_writes_over_its_input_nor_over_a_folder(desk: Operator, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(ARTICLES)
    for place, why in ((file, "would overwrite --articles"), (tmp_path, "it is a folder")):
        said = backtest(desk, file, "--out", place)
        assert said.exit_code == 2
        assert why in said.stderr
    assert file.read_text() == ARTICLES


def test_backtest_reads_a_file_that_begins_with_a_byte_order_mark(desk: Operator, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ARTICLES, encoding="utf-8-sig")
    assert [each["id"] for each in backtest(desk, tmp_path / "in.jsonl").lines] == ["a", 2, "c"]


def test_backtest_without_topics_says_so(desk: Operator, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ARTICLES)
    (tmp_path / "empty").mkdir()
    said = desk.run("backtest", "--seeds", tmp_path / "empty", "--articles", tmp_path / "in.jsonl")
    assert said.exit_code == 0
    assert "no topics in" in said.stderr


def test_backtest_needs_no_settings_where_all_is_given(desk: Operator, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text(ARTICLES)
    desk.config.write_text("this is no toml")
    assert backtest(desk, tmp_path / "in.jsonl").exit_code == 0


def test_backtest_over_an_empty_store(desk: Operator) -> None:
    desk.run("migrate")
    said = desk.run("backtest")
    assert said.exit_code == 0
    assert said.stdout == ""
    assert "0 articles" in said.stderr


# --- check ------------------------------------------------------------------------------------------------------------

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_check_shows_what_is_in_force_and_where_it_came_from(desk: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONITOR_SCHEDULE__INTERVAL_MINUTES", "20")
    said = desk.run("check", "--json")
    assert said.exit_code == 0
    by_name = {each["name"]: each for each in said.json["settings"]}
    assert by_name["schedule.interval_minutes"]["value"] == "20"
    assert "MONITOR_SCHEDULE__INTERVAL_MINUTES" in by_name["schedule.interval_minutes"]["origin"]
    assert by_name["schedule.max_age_days"]["origin"] == "default"
    assert "no faults" in desk.run("check").stdout


def test_u16_check_masks_secrets(desk: Operator) -> None:
    desk.tells("desk", "https://hooks.example/T0P/s3cr3tpath", f'secrets = ["{SECRET}"]')
    for options in ([], ["--json"]):
        said = desk.run("check", *options)
        assert said.exit_code == 0, said
        for planted in (SECRET, SECRET.removeprefix("whsec_"), "s3cr3tpath"):
            assert planted not in said.stdout + said.stderr


def test_check_names_every_fault_at_once(desk: Operator) -> None:
    desk.adds('[channels.one]\nkind = "webhook"\n[channels.two]\nkind = "pigeon"\n')
    desk.follows("empty")
    said = desk.run("check", "--json")
    assert said.exit_code == 2
    faults = "\n".join(said.json["faults"])
    assert "url" in faults
    assert "kind" in faults
    assert "empty" in faults
    assert desk.run("check").stderr.count("fault: ") == len(said.json["faults"])


def test_check_names_the_faults_of_channels_and_seeds_beside_those_of_the_settings(desk: Operator) -> None:
    desk.adds('[schedule]\nconcurrency = "x"\n[feeds.nowhere]\n[channels.two]\nkind = "pigeon"\n')
    desk.follows("blank", toml='required = [""]\n')
    told = desk.run("check").stderr
    for part in ("schedule.concurrency", "feeds.nowhere.url", 'channel "two"', "holds an empty text"):
        assert part in told


def test_check_of_settings_that_cannot_be_read(desk: Operator) -> None:
    desk.adds("[wep]\nport = 1\n[schedule]\ninterval_minutes = 0\n")
    said = desk.run("check")
    assert said.exit_code == 2
    assert said.stderr.count("fault: ") == 2
    assert desk.run("check", "--json").json["settings"] == []
    assert desk.run("run").exit_code == 2


def test_fault_alert_10_check_and_doctor_warn_of_links_to_this_machine(desk: Operator) -> None:
    assert "lead to" not in desk.run("check").stderr
    desk.tells("desk", "https://hooks.example.org/1")
    said = desk.run("check")
    assert said.exit_code == 0
    assert (
        "warning: links in the alerts of desk lead to http://127.0.0.1:0, which opens on this machine only"
        in said.stderr
    )
    assert findings(desk.run("doctor", "--json"))["links"] == "warn"
    desk.adds("[clock]\nspeed = 1\n")
    desk.config.write_text(
        desk.config.read_text().replace("[web]", '[web]\npublic_url = "https://monitor.example.org"')
    )
    assert "lead to" not in desk.run("check").stderr
    assert "links" not in findings(desk.run("doctor", "--json"))


# --- doctor and migrate -----------------------------------------------------------------------------------------------


def beats(desk: Operator, *, ago: timedelta = timedelta()) -> None:
    """A daemon gives its sign of life."""
    at = datetime.now(UTC) - ago
    db = Database(f"sqlite:///{desk.store}")
    with db.writing() as session:
        nodes.beat(session, Node(name="basil-7", host="basil", started_at=at), now=at, kept_for=timedelta(days=1))
        topics.sync(session, [Topic(name="bridge", title="Bridge", seeds=())], now=at)
    db.close()


def findings(said: Said) -> dict[str, str]:
    return {each["what"]: each["level"] for each in said.json}


def test_a_healthy_service_has_no_failures(desk: Operator) -> None:
    desk.run("migrate")
    beats(desk)
    lock = StoreLock(desk.store)
    lock.acquire()
    said = desk.run("doctor", "--json")
    assert said.exit_code == 0, said
    found = findings(said)
    assert "fail" not in found.values()
    assert found.keys() >= {
        "python",
        "settings",
        "seeds",
        "disk",
        "daemon",
        "schema",
        "integrity",
        "feeds",
        "clock",
        "channels",
    }
    assert found["daemon"] == "ok"
    assert "running: basil-7" in desk.run("doctor").stdout
    lock.release()
    assert findings(desk.run("doctor", "--json"))["daemon"] == "fail", "it was killed a moment ago"


def test_doctor_says_that_no_daemon_has_run_yet(desk: Operator) -> None:
    desk.run("migrate")
    said = desk.run("doctor")
    assert said.exit_code == 1
    assert "fail  daemon: no daemon has run yet" in said.stdout


def test_doctor_sees_a_daemon_by_its_signs_of_life_only(desk: Operator) -> None:
    desk.run("migrate")
    beats(desk, ago=timedelta(minutes=12))
    lock = StoreLock(desk.store)
    lock.acquire()
    try:
        said = desk.run("doctor")
    finally:
        lock.release()
    assert said.exit_code == 1
    assert "12 minutes ago" in said.stdout


def test_d4_doctor_finds_a_damaged_store(desk: Operator) -> None:
    desk.run("migrate")
    with desk.store.open("r+b") as file:
        file.write(b"this was a database")
    said = desk.run("doctor")
    assert said.exit_code == 1
    assert "damaged" in said.stdout
    assert desk.run("matches").exit_code == 1


def test_doctor_before_the_first_run(desk: Operator) -> None:
    said = desk.run("doctor", "--json")
    assert said.exit_code == 0
    assert findings(said)["store"] == "warn"
    assert not desk.store.exists()


def test_doctor_says_what_is_wrong_with_settings_and_seeds(desk: Operator) -> None:
    desk.follows("empty")
    desk.tells("desk", "ftp://nowhere")
    said = desk.run("doctor", "--json")
    assert said.exit_code == 1
    assert findings(said)["seeds"] == findings(said)["channels"] == "fail"
    desk.adds("[nonsense]\n")
    assert findings(desk.run("doctor", "--json"))["settings"] == "fail"


def test_doctor_misses_the_package_of_an_embedder(desk: Operator) -> None:
    assert findings(desk.run("doctor", "--json"))["embedder"] in ("ok", "warn"), "the default, installed or not"
    desk.adds('[embedding]\nembedder = "fastembed:small"\n')
    said = desk.run("doctor")
    assert said.exit_code == 1
    assert "pip install fastembed" in said.stdout


def test_d8_doctor_notices_traces_from_the_future(desk: Operator) -> None:
    desk.adds('[feeds.far]\nurl = "http://127.0.0.1:9/feed"\nallow_private = true\n')
    desk.run("poll")
    with closing(sqlite3.connect(desk.store)) as store:
        store.execute("UPDATE feeds SET last_polled_at = '2999-01-01 00:00:00.000000'")
        store.commit()
    found = findings(desk.run("doctor", "--json"))
    assert found["clock"] == "warn"
    assert found["feeds"] == "warn"


def test_migrate_says_from_where_to_where(desk: Operator) -> None:
    assert "schema none -> 0" in desk.run("migrate").stdout
    assert "up to date" in desk.run("migrate").stdout


def test_migrate_where_no_folder_can_be_made(desk: Operator) -> None:
    shutil.rmtree(desk.store.parent, ignore_errors=True)
    desk.store.parent.write_text("a file where the folder should be")
    said = desk.run("migrate")
    assert said.exit_code == 1
    assert "cannot be created" in said.stderr


# --- the life of a topic ----------------------------------------------------------------------------------------------


@pytest.fixture
def polled(desk: Operator) -> Operator:
    """A store that knows the topics *bridge* and *choir*."""
    desk.follows("choir", "\n\n".join(MISS))
    assert desk.run("poll").exit_code == 0
    return desk


def test_a_topic_is_paused_and_resumed(polled: Operator) -> None:
    assert "bridge: paused; `monitor topics resume bridge` goes on" in polled.run("topics", "pause", "bridge").stdout
    assert "is paused already" in polled.run("topics", "pause", "bridge").stdout
    paused = {each["name"]: each["is_paused"] for each in polled.run("topics", "list", "--json").lines}
    assert paused == {"bridge": True, "choir": False}
    assert "paused" in polled.run("topics", "show", "bridge").stdout
    assert "2 in force, paused: bridge" in polled.run("doctor").stdout
    assert "again" in polled.run("topics", "resume", "bridge").stdout
    assert "was not paused" in polled.run("topics", "resume", "bridge").stdout


def test_a_topic_is_renamed_and_removed(polled: Operator) -> None:
    assert polled.run("topics", "rename", "bridge", "span").exit_code == 0
    assert [each["name"] for each in polled.run("topics", "list", "--json").lines] == ["choir", "span"]
    assert polled.run("topics", "rename", "span", "choir").exit_code == 1
    said = polled.run("topics", "remove", "span")
    assert ".removed/span-" in said.stdout
    assert [each["name"] for each in polled.run("topics", "list", "--json").lines] == ["choir"]
    assert polled.run("poll").exit_code == 0
    assert "1 in force" in polled.run("doctor").stdout


def test_a_topic_that_nobody_knows_is_3(polled: Operator) -> None:
    for command in (("pause", "bridg"), ("resume", "bridg"), ("remove", "bridg"), ("rename", "bridg", "span")):
        said = polled.run("topics", *command)
        assert said.exit_code == 3
        assert 'did you mean "bridge"?' in said.stderr
    polled.follows("weir", SEED)
    assert "is not in the store yet" in polled.run("topics", "pause", "weir").stderr
    assert polled.run("topics", "use", "weir").exit_code == 0
    assert polled.run("topics", "use", "nowhere").exit_code == 1


def test_seeds_that_are_away_are_told_by_doctor_and_list(polled: Operator) -> None:
    polled.seeds.rename(polled.folder / "away")
    said = polled.run("doctor", "--json").json
    (found,) = [each for each in said if each["what"] == "topics"]
    assert found["level"] == "warn"
    assert "the 2 topics stay in force as last read" in found["says"]
    assert "in force too, by the store alone: bridge, choir" in polled.run("topics").stderr
    assert "no topic can be read from" in polled.run("topics").stdout
    says = polled.run("status").stdout
    assert "warn  topics: the seeds cannot be used" in says
    assert "the 2 topics stay in force as last read" in says
    assert "the seeds cannot be used" in polled.run("poll").stderr


def test_topics_that_the_folder_lacks_are_taken_from_the_store_and_it_is_said(polled: Operator, tmp_path: Path) -> None:
    (polled.seeds / "bridge").rename(polled.folder / "away")
    says = f"from the store, not from {polled.seeds}: bridge; `monitor doctor` says why"
    shown = polled.run("topics", "show", "bridge", "--json")
    assert says in shown.stderr
    assert shown.json["terms"]["en"]
    assert [each["file"] for each in shown.json["files"]] == ["bridge/seed0.txt"]
    articles = tmp_path / "articles.jsonl"
    articles.write_text(json.dumps({"id": "1", "title": HIT[0], "text": HIT[1]}) + "\n")
    over = ("backtest", "--articles", articles, "--out", tmp_path / "answers.jsonl")
    tested = polled.run(*over)
    assert says in tested.stderr
    assert "1 matched" in tested.stderr
    assert "0 matched" in polled.run(*over, "--seeds", polled.seeds).stderr


def test_explain_scores_an_unknown_address_by_a_topic_that_the_store_alone_has(polled: Operator, site: Site) -> None:
    (polled.seeds / "bridge").rename(polled.folder / "away")
    polled.adds('[fetch]\nallow_networks = ["127.0.0.0/8"]\n')
    site.publishes("/page", f"<html><title>{HIT[0]}</title><p>{HIT[1]}</p></html>".encode(), content_type="text/html")
    said = polled.run("explain", site.url("/page"), "--json")
    assert "not from" in said.stderr
    assert {each["topic"]: each["matched"] for each in said.json["scores"]} == {"bridge": True, "choir": False}


def test_the_other_commands_go_by_the_topics_in_force_where_the_whole_folder_is_away(
    polled: Operator, tmp_path: Path
) -> None:
    polled.seeds.rename(polled.folder / "away")
    tested = polled.run("backtest", "--out", tmp_path / "answers.jsonl")
    assert tested.exit_code == 0
    assert "bridge, choir" in tested.stderr
    assert polled.run("topics", "show", "choir").exit_code == 0
    unknown = polled.run("topics", "show", "brigde")
    assert unknown.exit_code == 3
    assert 'did you mean "bridge"?' in unknown.stderr


def test_doctor_names_a_topic_that_tells_through_no_channel(desk: Operator) -> None:
    desk.tells("desk", "http://127.0.0.1:9/hook")
    desk.follows("bridge", toml='title = "The old bridge"\nchannels = ["desk"]\n')
    desk.run("poll")
    assert "is not in the settings" not in desk.run("doctor").stdout
    desk.follows("bridge", toml='title = "The old bridge"\nchannels = ["newsdesk"]\n')
    found = [each for each in desk.run("doctor", "--json").json if "newsdesk" in json.dumps(each)]
    assert [(each["what"], each["level"]) for each in found] == [("topics", "warn")]
