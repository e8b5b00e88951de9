"""A backtest of a window equals, item by item, a live replay of it: the same articles through the daemon and through the command.

Known limits are in docs/matching.md: simultaneous polls may assess in another order than they file, and of an edited article the
archive holds the last version only.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from monitor.evaluation import backtest
from monitor.matching.background import Background
from monitor.matching.matcher import build
from monitor.store.tables import AlertRow, AlertTopicRow, ArticleRow, MatchRow, SelfTrainingRow
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED, Operator, run
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

INQUIRY = (
    "The county council heard Ida Marsh, the county engineer, on the cracks in the piers of the old bridge at Weir Landing."
    " {} She said that lorries had gone by the ferry since spring, and that the new bridge would be built beside the old "
    "one."
)
CHOIR = (
    "The girls' choir of Saint Anne, which won the first prize at the singing contest in the capital, sings tonight. {} The"
    " jury's head, Oda Brandt, said that the choir had sung better than any other, and that the prize money would buy a "
    "piano."
)

# near the threshold of the bridge topic: a self-training example of partial weight
WAIT = (
    "Harvest fair at Weir Landing",
    "The county council of Weir Landing opens the harvest fair; the ferry runs late.",
)
WAIT_ON = (
    "Fair at Weir Landing ends",
    "The harvest fair of the county council ended at Weir Landing with songs by the old ferry.",
)


def plain(number: int) -> tuple[str, str]:
    words = "apples pears plums bread eggs fish honey wool linen soap candles lamps chairs books maps ink ropes bells".split()
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7, 11)]
    return f"Market day {number}", f"On day {number} the county market sold {', '.join(sold)}; the council was content."


def told(number: int) -> tuple[str, str]:
    """Mostly small talk, and every seventh article something on a topic: new, in other words, or the same text under another
    headline."""
    kind, turn = divmod(number, 7)
    if turn == 2:
        return f"Bridge inquiry, day {kind}", INQUIRY.format(f"Day {kind} of the inquiry was about {plain(kind)[1]}")
    if turn == 3:  # a copy by the other outlet
        return f"Inquiry on bridge: day {kind}", INQUIRY.format(f"Day {kind} of the inquiry was about {plain(kind)[1]}")
    if turn == 5 and kind % 2:
        return f"Choir of Saint Anne sings, {kind}", CHOIR.format(f"It sings of {plain(kind + 3)[1]}")
    return {10: HIT, 40: MISS, 76: WAIT, 90: WAIT_ON}.get(number) or plain(number)


@pytest.fixture
def lived(tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A room in which 120 articles came by two feeds, 6 an hour, with one restart; the archive's marks at 50 and 100 among them.
    From the first mark on a topic may take three lessons, which it may otherwise not before 4,000 articles."""
    monkeypatch.setattr("monitor.learning.training.allowance", lambda seen, lately: max(0, 3 * (seen > 0) - lately))
    with Site() as site, Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.follows("choir", "\n\n".join(MISS))
        for name in ("herald", "courier"):
            site.publishes(f"/{name}", rss())
            room.reads(name, site.url(f"/{name}"), first_poll="all")
        for start in range(0, 120, 6):
            name = ("herald", "courier")[start // 6 % 2]
            items = [
                (t, f"https://{name}.example/{n}", f"g{n}", s) for n in range(start, start + 6) for t, s in (told(n),)
            ]
            site.publishes(f"/{name}", rss(*items))
            room.polls()
            room.reloads()
            clock.passes(minutes=60)
            if start == 60:
                room.restarts()
        yield room


def by_the_daemon(room: Newsroom) -> dict[int, dict[str, Any]]:
    matched, alerted = defaultdict(set), defaultdict(set)
    for match in room.rows(MatchRow):
        matched[match.article_id].add(match.topic)
    articles = {row.id: row.article_id for row in room.rows(AlertRow)}
    for told in room.rows(AlertTopicRow):
        alerted[articles[told.alert_id]].add(told.topic)
    scores = {row.article_id: row.scores for row in room.decisions()}
    return {
        row.id: {
            "topics": matched[row.id], "kind": row.kind, "of": row.of_article_id, "story": row.story_id,
            "alert": alerted[row.id],
            "scores": {each["topic"]: round(each["score"], 5) for each in scores[row.id]},
        }
        for row in room.rows(ArticleRow)
    }  # fmt: skip


def by_backtest(answers: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {
        each["id"]: {
            "topics": {score["topic"] for score in each["topics"] if score["matched"]},
            "kind": each["kind"], "of": each["of"], "story": each["story"], "alert": set(each["alert"]),
            "scores": {score["topic"]: round(score["score"], 5) for score in each["topics"]},
        }
        for each in answers
    }  # fmt: skip


def test_a_backtest_of_the_archive_is_the_live_run_article_by_article(lived: Newsroom) -> None:
    live = by_the_daemon(lived)
    lessons = {(each.article_id, each.topic): each.weight for each in lived.rows(SelfTrainingRow)}
    assert any(weight < 1 for weight in lessons.values()), "a topic learned from what was no sure match"
    for row in lived.rows(ArticleRow):
        scores = lived.decisions(row.title)[-1].scores
        said = {(row.id, each["topic"]): each["lesson"] for each in scores if each.get("lesson", 0)}
        assert said == {key: round(part, 3) for key, part in lessons.items() if key[0] == row.id}
    with lived.app.db.reading() as session:
        matcher = build(lived.app.loaded.topics, background=Background.shipped())
        answers = list(
            backtest.run(backtest.archived_lines(session), matcher, lived.app.loaded.topics, all_scores=True)
        )
    again = by_backtest(answers)
    assert again.keys() == live.keys()
    assert len(live) == 120
    for number, of_live in live.items():
        assert again[number]["scores"] == pytest.approx(of_live["scores"], abs=2e-5), number
        for what in ("topics", "kind", "of", "story", "alert"):
            assert again[number][what] == of_live[what], (number, what)
    kinds = {each["kind"] for each in live.values()}
    assert {"new", "copy"} <= kinds, kinds
    assert len([each for each in live.values() if each["topics"]]) > 20
    assert any(len(each["alert"]) for each in live.values())


def test_by_command_it_is_the_same_and_a_window_is_a_replay_of_its_own(lived: Newsroom, tmp_path: Path) -> None:
    desk_folder = tmp_path / "desk"
    desk_folder.mkdir()
    desk = Operator(desk_folder)
    desk.config.write_text(
        f'[store]\nurl = "sqlite:///{lived.folder / "monitor.db"}"\n[seeds]\ndir = "{lived.folder / "seeds"}"\n'
    )
    live = by_the_daemon(lived)
    said = run("--config", desk.config, "backtest", "--all-scores")
    assert said.exit_code == 0, said
    for number, answer in by_backtest(said.lines).items():
        assert {**answer, "scores": None} == {**live[number], "scores": None}
    first_half = run("--config", desk.config, "backtest", "--all-scores", "--until", "2021-10-20T22:00:00Z").lines
    assert [each["id"] for each in first_half] == list(range(1, 61))
    assert first_half == said.lines[:60], "nothing that came later counts"
