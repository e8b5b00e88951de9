"""A backtest of a window equals, item by item, a live replay of it: the same articles through the daemon and through the command.

Known limits are in docs/matching.md: simultaneous polls may assess in another order than they file, and of an edited article the
archive holds the last version only.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.evaluation import backtest
from monitor.learning.multilingual import Multilingual
from monitor.matching import embedding_space
from monitor.matching.background import Background
from monitor.matching.margins import share
from monitor.matching.matcher import build
from monitor.store import verdicts
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow, RevisionRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.topics import SelfTrainingRow
from monitor.types.matching import ANSWERS_PART, Article, Verdict
from tests.conftest import NOON, SetClock
from tests.fakes.command import HIT, MISS, SEED, Operator, run
from tests.fakes.embedder import DIM, EmbedderServer, embed
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
    "The county council of Weir Landing opens the harvest fair with a race, a play and music by four bands.",
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
            "scores": {each["topic"]: each["score"] for each in scores[row.id]},
        }
        for row in room.rows(ArticleRow)
    }  # fmt: skip


def by_backtest(answers: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return {
        each["id"]: {
            "topics": {score["topic"] for score in each["topics"] if score["matched"]},
            "kind": each["kind"], "of": each["of"], "story": each["story"], "alert": set(each["alert"]),
            "scores": {score["topic"]: score["score"] for score in each["topics"]},
        }
        for each in answers
    }  # fmt: skip


SEA = (
    "Ferry sank in storm off the coast, passengers rescue by the harbour captain {}",
    "Captain of the ferry says the storm came fast, {}",
    "Election budget: minister and parliament talk of price and bank {}",
    "Football match goal {}",
    "Паром затонул в шторм, капитан спасли пассажиры {}",
    "School and court in snow {}",
    "Harbour market price of bank {}",
)


def at_sea(number: int) -> tuple[str, str]:
    """News that the fake embedder knows the meaning of: some on the ferry, in two languages, most on other things."""
    return SEA[number % 7].format(
        f"{number} {plain(number)[0]}"
    ), f"{plain(number)[1]} {SEA[number * 5 % 7].format(number)}"


RESTARTS_AT = (18, 42, 48, 96, 126)


def follows_the_ferry(room: Newsroom, site: Site) -> None:
    """A topic by its sentence, one by a seed of the same, which trains itself, and one on something else."""
    toml = 'title = "Ferry"\ndescription = "A ferry that sank in a storm off the coast, and its passengers"\n'
    room.follows("ferry", toml=toml)
    room.follows("sea", f"{SEA[0]}\n\n{SEA[0]} {SEA[1]} A captain, a ferry, passengers and a storm off the coast.")
    room.follows("choir", "\n\n".join(MISS))
    for name in ("herald", "courier"):
        site.publishes(f"/{name}", rss())
        room.reads(name, site.url(f"/{name}"), first_poll="all")
    room.app.load_embeddings()


def comes(room: Newsroom, site: Site, start: int, *feeds: str) -> None:
    """Six articles, by feeds that are polled at one moment."""
    each = 6 // len(feeds)
    for at, name in enumerate(feeds):
        numbered = [(n, *at_sea(n)) for n in range(start + at * each, start + (at + 1) * each)]
        items = [(title, f"https://{name}.example/{n}", f"g{n}", text) for n, title, text in numbered]
        site.publishes(f"/{name}", rss(*items))
    room.polls()


@pytest.fixture
def embedded(tmp_path: Path, clock: SetClock) -> Any:
    """A room with an embedder in which 156 articles came, with five restarts at odd places; nobody looked at the archive's marks
    (50 and 100) in between."""
    with EmbedderServer() as server, Site() as site:
        embedding = {"embedder": server.url, "model": "small", "allow_private": True}
        with Newsroom(tmp_path, clock, embedding=embedding) as room:
            follows_the_ferry(room, site)
            for start in range(0, 156, 6):
                comes(room, site, start, "herald", "courier")
                clock.passes(minutes=60)
                if start in RESTARTS_AT:
                    room.restarts()
                    room.app.load_embeddings()
            yield room


def test_five_restarts_change_no_score_by_meaning(embedded: Newsroom) -> None:
    """To 1e-9: by the vectors as they are stored, beside the archive as it stood at each decision."""
    live = by_the_daemon(embedded)
    across = Multilingual(embedded.app.multilingual.embedding)  # type: ignore[union-attr]
    with embedded.app.db.reading() as session:
        lines = list(backtest.archived_lines(session))
    topics = embedded.app.loaded.topics
    matcher = build(topics, background=Background.shipped())
    answers = backtest.run(lines, matcher, topics, all_scores=True, across=across, vectors_in=embedded.app.db)
    again = by_backtest(list(answers))
    assert len(live) == len(again) == 156
    for number, of_live in live.items():
        assert again[number]["scores"] == pytest.approx(of_live["scores"], abs=1e-9, rel=0), number
        assert {**again[number], "scores": None} == {**of_live, "scores": None}, number
    for topic in ("ferry", "sea"):
        assert 10 < len([each for each in live.values() if topic in each["topics"]]) < 100
    assert embedded.rows(SelfTrainingRow), "a topic without a sentence trained itself"
    assert any(each["alert"] for each in live.values())


def answers(room: Newsroom, number: int) -> None:
    """The owner judges the latest two matches of each topic that nobody judged."""
    for topic in ("ferry", "sea"):
        unjudged = [row for row in room.rows(MatchRow) if row.topic == topic and row.is_relevant is None]
        for at, match in enumerate(sorted(unjudged, key=lambda row: row.article_id)[-2:]):
            verdict = Verdict(
                article_id=match.article_id, topic=topic, is_relevant=bool((number + at) % 3), by="ada", at=room.clock()
            )
            with room.app.db.writing() as session:
                assert verdicts.record(session, verdict)
    room.reloads()
    room.app.load_embeddings()


def with_answers(folder: Path, site: Site, server: EmbedderServer, *, restarts: bool) -> Newsroom:
    clock = SetClock()
    embedding = {"embedder": server.url, "model": "small", "allow_private": True}
    room = Newsroom(folder, clock, embedding=embedding)
    follows_the_ferry(room, site)
    for number, start in enumerate(range(0, 156, 6)):
        comes(room, site, start, ("herald", "courier")[number % 2])
        clock.passes(minutes=60)
        if number % 5 == 4:
            answers(room, number)
        if restarts and start in RESTARTS_AT:
            room.restarts()
            room.app.load_embeddings()
    return room


def test_what_is_learned_from_answers_is_the_same_with_restarts_between_them(tmp_path: Path) -> None:
    with EmbedderServer() as server, Site() as site:
        rooms = []
        for name in ("steady", "restarted"):
            (tmp_path / name).mkdir()
            rooms.append(with_answers(tmp_path / name, site, server, restarts=name == "restarted"))
        steady, restarted = rooms
        with steady, restarted:
            once, again = by_the_daemon(steady), by_the_daemon(restarted)
            assert once.keys() == again.keys()
            for number, of_one in once.items():
                assert again[number]["scores"] == pytest.approx(of_one["scores"], abs=1e-9, rel=0), number
            parts = {part["term"] for row in steady.rows(MatchRow) for part in row.evidence["parts"]}
            assert ANSWERS_PART in parts
            assert any(
                row.prior_share != pytest.approx(share(row.score, row.threshold, row.factor))
                for row in steady.rows(MatchRow)
            ), "an article was scored with answers"


def edits(room: Newsroom, site: Site, name: str) -> None:
    """A feed changes the text of an article that a topic learned from by itself, of one that was judged, and of another one."""
    trained = {row.article_id for row in room.rows(SelfTrainingRow)}
    judged = {row.article_id for row in room.rows(MatchRow) if row.is_relevant is not None}
    of_feed = [row for row in room.rows(ArticleRow) if row.source == name]
    kinds = (trained - judged, judged, {row.id for row in of_feed} - trained - judged)
    chosen = [row for kind in kinds for row in [each for each in of_feed if each.id in kind][-1:]]
    items = [(row.title, row.url, f"g{row.url.rpartition('/')[2]}", f"{SEA[1]} {row.text}") for row in chosen]
    site.publishes(f"/{name}", rss(*items))
    room.clock.passes(minutes=120)
    room.polls()


def scored(room: Newsroom) -> list[dict[str, float]]:
    """By topic, the scores that some further articles would have now, as the next poll would assess them."""
    app = room.app
    assert app.multilingual
    assert app.tracker
    asyncio.run(app.renew_models())
    with app.db.reading() as session:
        app.multilingual.catch_up(session)
    plain = Article(
        guid="n",
        url="https://n.example/",
        title="",
        text="",
        language="en",
        published_at=NOON,
        seen_at=NOON,
        source="n",
    )
    found = [replace(plain, title=title, text=text) for title, text in map(at_sea, range(700, 714))]
    semantic = app.multilingual.scorer_blocking(app.db, found)
    assert semantic
    scores = []
    for each in found:
        by_words = app.tracker.matcher.score(each.title, each.text, each.language)
        by_both = semantic.rescore(by_words, each, semantic.embedding_of(each), app.tracker.matcher)
        scores.append({one.topic: one.score for one in by_both})
    return scores


def test_after_an_edit_topics_know_what_they_would_know_after_a_restart(
    tmp_path: Path, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they trained themselves on, what was judged, and the archive: its words, of which the mark at 50 was passed, and what is
    ordinary in it."""
    texts = {"en": SEA[2:4] * 10, "ru": (SEA[4],) * 20}
    space = embedding_space.learned({at: list(embed(each)) for at, each in texts.items()}, DIM)
    monkeypatch.setattr("monitor.learning.multilingual.shipped_space", lambda embedder: space)
    with EmbedderServer() as server, Site() as site:
        embedding = {"embedder": server.url, "model": "small", "allow_private": True}
        with Newsroom(tmp_path, clock, embedding=embedding) as room:
            follows_the_ferry(room, site)
            for number, start in enumerate(range(0, 78, 6)):
                comes(room, site, start, ("herald", "courier")[number % 2])
                clock.passes(minutes=120)
                if number in (3, 6):
                    answers(room, number)
            assert room.rows(SelfTrainingRow)
            before = scored(room)
            for name in ("herald", "courier"):
                edits(room, site, name)
                live = scored(room)
                room.restarts()
                room.app.load_embeddings()
                for one, other in zip(live, scored(room), strict=True):
                    assert one == pytest.approx(other, abs=1e-9, rel=0)
            assert len(room.rows(RevisionRow)) >= 4
            assert scored(room) != before


def test_a_backtest_of_the_archive_is_the_live_run_article_by_article(lived: Newsroom) -> None:
    live = by_the_daemon(lived)
    lessons = {(each.article_id, each.topic): each.weight for each in lived.rows(SelfTrainingRow)}
    assert any(each < 1 for each in lessons.values()), "a topic learned from what was no sure match"
    for row in lived.rows(ArticleRow):
        scores = lived.decisions(row.title)[-1].scores
        said = {(row.id, each["topic"]): each["lesson"] for each in scores if each.get("lesson")}
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
        assert again[number]["scores"] == pytest.approx(of_live["scores"], abs=1e-9, rel=0), number
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
