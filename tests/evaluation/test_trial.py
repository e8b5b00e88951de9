"""Trying a topic before it is enabled: `monitor.evaluation.trial`, `monitor topics try`, and windows of a backtest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.topics import trial as command
from monitor.matching.alert_rate import rate
from tests.fakes.command import HIT, MISS, SEED, Operator, Said, desk
from tests.fakes.site import Site, rss

__all__ = ["desk"]

LATER = "Ida Marsh, the county engineer, showed the council where cracks run through the piers of the old bridge at Weir Landing."


@pytest.fixture
def drafts(tmp_path: Path) -> Path:
    """A topic that nobody follows yet."""
    folder = tmp_path / "drafts" / "weir"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text(SEED)
    return folder


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """Thirty days of small talk, a match on the third, its copy on the fourth, another match on the twentieth."""
    told = {3: HIT, 4: HIT, 20: ("Cracks shown to the council", LATER)}
    lines = []
    for day in range(1, 31):
        title, text = told.get(day, (f"Market day {day}", _small_talk(day)))
        lines.append(
            {"id": day, "title": title, "text": text, "published": f"2026-09-{day:02}T08:00:00Z", "source": "herald"}
        )
    file = tmp_path / "news.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return file


def tries(desk: Operator, folder: Path, *more: object) -> Any:
    said = desk.run("topics", "try", folder, "--json", *more)
    assert said.exit_code == 0, said
    return said.json["trials"]


def test_a_trial_counts_what_a_backtest_finds(desk: Operator, drafts: Path, news: Path) -> None:
    (trial,) = tries(desk, drafts, "--articles", news)
    answers = desk.run("backtest", "--seeds", drafts.parent, "--articles", news).lines
    assert [each["id"] for each in trial["hits"]] == [each["id"] for each in answers if each["topics"]] == [3, 4, 20]
    assert trial["alerts"] == sum(len(each["alert"]) for each in answers) == 2
    assert [each["kind"] for each in trial["hits"]] == ["new", "copy", "new"]
    assert (trial["articles"], trial["days"], trial["stories"]) == (30, 30, 2)
    assert trial["alerts_a_day"]["low"] < trial["alerts_a_day"]["mean"] < trial["alerts_a_day"]["high"]


def test_the_nearest_on_both_sides_come_nearest_first_and_without_copies(
    desk: Operator, drafts: Path, news: Path
) -> None:
    (trial,) = tries(desk, drafts, "--articles", news)
    above, below = ([each["part"] for each in trial[side]] for side in ("above", "below"))
    assert above == sorted(above)
    assert below == sorted(below, reverse=True)
    assert all(each >= 1 for each in above)
    assert all(each < 1 for each in below)
    assert len(above) == 2
    assert 0 < len(below) <= 6
    assert {"id", "title", "source", "published_at", "score", "threshold"} <= trial["below"][0].keys()


def test_its_own_seeds_and_their_copies_are_neither_shown_nor_counted(desk: Operator, drafts: Path, news: Path) -> None:
    """One article became a seed: neither it, on the third day, nor its copy on the fourth says how well the topic does."""
    (drafts / "b.txt").write_text("\n\n".join(HIT))
    (trial,) = tries(desk, drafts, "--articles", news)
    assert [each["id"] for each in trial["hits"]] == [20]
    assert (trial["seeds_left_out"], trial["alerts"]) == (2, 1)
    assert trial["alerts_a_day"]["mean"] == pytest.approx(1 / 29, abs=0.001)
    assert not {3, 4} & {each["id"] for side in ("above", "below") for each in trial[side]}
    assert "2 articles that are seeds, or copies of one" in desk.run("topics", "try", drafts, "--articles", news).stdout


def test_the_overlap_with_topics_in_force_is_told(desk: Operator, drafts: Path, news: Path) -> None:
    (trial,) = tries(desk, drafts, "--articles", news)
    assert trial["overlap"]["bridge"] == {"hits": 3, "share": 1.0}
    assert "bridge 3 of 3 (100%)" in desk.run("topics", "try", drafts, "--articles", news).stdout


def test_a_topic_in_force_is_tried_by_its_name_and_says_what_was_not_told(desk: Operator) -> None:
    desk.follows("spans", SEED)
    with Site() as site:
        site.publishes(
            "/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1]), (MISS[0], "https://n.example/2", "g2", MISS[1]))
        )
        desk.reads("herald", site.url("/feed"), 'first_poll = "baseline"')
        assert desk.run("poll").exit_code == 0
    said = desk.run("topics", "try", "bridge").stdout
    assert "1 article in 1 story, 0 of them copies" in said
    assert "1 seen on the first poll of its feed" in " ".join(said.split())
    assert "spans 1 of 1 (100%)" in said


def test_a_folder_of_topics_is_tried_whole(desk: Operator, drafts: Path, news: Path) -> None:
    other = drafts.parent / "choir"
    other.mkdir()
    (other / "a.txt").write_text("\n\n".join(MISS))
    assert {each["topic"] for each in tries(desk, drafts.parent, "--articles", news)} == {"weir", "choir"}
    said = desk.run("topics", "try", drafts.parent, "--articles", news, "--confirm", "3")
    assert said.exit_code == 2
    assert "need one topic" in said.stderr


def test_labels_become_seeds_and_counter_seeds_and_nothing_else_is_stored(
    desk: Operator, drafts: Path, news: Path
) -> None:
    said = desk.run("topics", "try", drafts, "--articles", news, "--confirm", "20", "--dismiss", "3,5")
    assert said.exit_code == 0, said
    assert len(list(drafts.glob("*.txt"))) == 2
    assert len(list((drafts / "not").glob("*.txt"))) == 2
    assert LATER in next(drafts.glob("2026-09-20-*.txt")).read_text()
    assert not desk.store.exists()


def test_an_unknown_id_writes_nothing(desk: Operator, drafts: Path, news: Path) -> None:
    said = desk.run("topics", "try", drafts, "--articles", news, "--confirm", "20,999")
    assert said.exit_code == 3
    assert "no article 999" in said.stderr
    assert len(list(drafts.iterdir())) == 1
    both = desk.run("topics", "try", drafts, "--articles", news, "--confirm", "20", "--dismiss", "20")
    assert both.exit_code == 2


def test_without_an_archive_the_mend_is_named(desk: Operator, drafts: Path, tmp_path: Path) -> None:
    said = desk.run("topics", "try", drafts)
    assert said.exit_code == 3
    assert "--articles FILE" in said.stderr
    for folder, words in ((tmp_path / "none", "no such folder"), (tmp_path, "no topic to try")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        folder = tmp_path / "empty" if folder == tmp_path else folder
        refused = desk.run("topics", "try", folder)
        assert refused.exit_code == 2
        assert words in refused.stderr


def test_only_counter_seeds_and_broken_settings_are_explained(desk: Operator, drafts: Path, news: Path) -> None:
    (drafts / "not").mkdir()
    (drafts / "a.txt").rename(drafts / "not" / "a.txt")
    said = desk.run("topics", "try", drafts, "--articles", news)
    assert said.exit_code == 2
    assert "only counter-seeds" in said.stderr
    (drafts / "topic.toml").write_text("enabled = perhaps")
    assert "topic.toml:1" in desk.run("topics", "try", drafts, "--articles", news).stderr


def test_a_window_is_tried_and_backtested_alone(desk: Operator, drafts: Path, news: Path) -> None:
    window = ("--since", "2026-09-10", "--until", "2026-09-25")
    (trial,) = tries(desk, drafts, "--articles", news, *window)
    assert (trial["articles"], [each["id"] for each in trial["hits"]]) == (15, [20])
    answers = desk.run("backtest", "--seeds", drafts.parent, "--articles", news, *window).lines
    assert [each["id"] for each in answers] == list(range(10, 25))
    assert desk.run("backtest", "--articles", news, "--since", "2026-09-10", "--until", "2026-09-01").exit_code == 2


def test_the_stored_archive_is_tried_and_a_match_of_a_topic_in_force_gets_a_verdict(
    desk: Operator, drafts: Path
) -> None:
    with Site() as site:
        site.publishes(
            "/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1]), (MISS[0], "https://n.example/2", "g2", MISS[1]))
        )
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
    (trial,) = tries(desk, drafts)
    (match,) = trial["hits"]
    assert match["title"] == HIT[0]
    said = desk.run("topics", "try", desk.seeds / "bridge", "--confirm", match["id"])
    assert "confirmed" in said.stdout
    assert desk.run("matches", "list", "--json").lines[0]["state"] == "confirmed"
    assert len(list((desk.seeds / "bridge").iterdir())) == 1, "a verdict, not a file"


def test_on_a_terminal_it_asks_about_the_nearest(
    desk: Operator, drafts: Path, news: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(["y", "", "n", "q"])
    monkeypatch.setattr(command.typer, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    said: Said = desk.run("topics", "try", drafts, "--articles", news)
    assert said.exit_code == 0, said
    assert said.stdout.count("written: ") == 2
    assert "run it again" in said.stderr


def test_the_rate_has_a_range_that_is_never_too_sure() -> None:
    none = rate([0] * 10)
    assert (none.a_day, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(3.0 / 10, abs=0.01)
    even, burst = rate([1] * 30), rate([0] * 29 + [30])
    assert even.a_day == burst.a_day == 1
    assert burst.low < even.low < 1 < even.high < burst.high
    assert rate([2]).days == 1
    assert rate([]).alerts == 0
    many = rate([900] * 30)
    assert many.low < 900 < many.high


def _small_talk(number: int) -> str:
    words = "apples pears plums bread eggs fish honey wool linen soap candles lamps chairs books maps ink ropes bells".split()
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7, 11)]
    return f"On day {number} the county market sold {', '.join(sold)}, and the council was content with what it took."
