"""What was decided while something was missing is decided again when it is back, and told while it is young, once, in no flood."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.polling.reassessing import reassess, stored_articles
from monitor.polling.reassessing.reassess import reassess_due
from monitor.store import reassessments
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, DecisionRow, ReassessmentRow
from monitor.store.tables.matches import MatchRow
from monitor.types.stories import Cause
from tests.conftest import SetClock
from tests.fakes.command import HIT, MISS, SEED
from tests.fakes.embedder import EmbedderServer
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.learning.test_multilingual import PAROM, newsroom, ordinary, warmed
from tests.newsroom import Newsroom
from tests.polling.test_fulltext import FULL, TITLE, opens, page, serves, shows

NEWS = (HIT[0], "https://n.example/1", "g1", HIT[1])
CHOIR = (MISS[0], "https://n.example/2", "g2", MISS[1])
VILLAGES = ("Aldern", "Bremley", "Cotterstock", "Dunmere", "Eskford", "Farnhope", "Gresley", "Holmby")


def bridge_in(village: str, number: int) -> tuple[str, str, str, str]:
    """News of a bridge that is another bridge, and another event, than those of other villages."""
    return (
        f"{village} loses its old bridge",
        f"https://n.example/{village}-{number}0000",
        village,
        f"The county council voted on {number} votes to pull down the old bridge at {village} after engineers found {number} "
        f"cracks in its piers. Lorries go by the ferry of {village}. The engineer of {village}, Mr {village}son, said so.",
    )


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, store_url: str) -> Iterator[Newsroom]:
    """A feed, a receiver, and no topic."""
    with Newsroom(tmp_path, clock, store_url=store_url) as room:
        room.reads("herald", site.url("/feed"), first_poll="all")
        yield room


def causes(room: Newsroom, title: str) -> list[str]:
    return [row.cause for row in room.decisions(title)]


def waiting(room: Newsroom) -> list[str]:
    return sorted(row.cause for row in room.rows(ReassessmentRow))


# --- topics -----------------------------------------------------------------------------------------------------------


def test_what_came_while_there_was_no_topic_is_told_once_when_there_is_one(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    site.publishes("/feed", rss(NEWS, CHOIR))
    room.polls()
    assert set(room.reasons().values()) == {"NO_TOPICS"}
    room.reassesses()
    assert room.told() == [], "there is nothing to assess it by"
    clock.passes(seconds=6)
    room.follows("bridge", SEED)
    room.reloads()
    room.reassesses()
    assert room.reasons() == {HIT[0]: "ALERTED", MISS[0]: "NO_MATCH"}
    assert room.told() == [HIT[0]]
    assert causes(room, HIT[0]) == ["arrival", "reassessed: topics"]
    assert waiting(room) == []
    room.restarts()
    clock.passes(minutes=20)
    room.polls()
    room.reassesses()
    assert room.told() == [HIT[0]]
    assert len(room.decisions(HIT[0])) == 2


def test_an_article_without_guid_and_address_is_not_stored_again(room: Newsroom, site: Site) -> None:
    site.publishes(
        "/feed",
        f"<rss version='2.0'><channel><item><title>{HIT[0]}</title><description>{HIT[1]}</description></item></channel></rss>",
    )
    room.polls()
    room.follows("bridge", SEED)
    room.reloads()
    room.reassesses()
    assert len(room.rows(ArticleRow)) == 1
    assert room.told() == [HIT[0]]


def test_what_is_too_old_by_then_has_a_new_decision_and_tells_nobody(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    site.publishes("/feed", rss(NEWS))
    room.polls()
    clock.passes(days=8)
    room.follows("bridge", SEED)
    room.reloads()
    room.reassesses()
    assert room.reasons() == {HIT[0]: "TOO_OLD"}
    assert causes(room, HIT[0])[-1] == "reassessed: topics"
    assert room.told() == []


def test_what_a_first_poll_held_back_stays_held_back(tmp_path: Path, clock: SetClock, site: Site) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.reads("herald", site.url("/feed"))
        site.publishes("/feed", rss(NEWS))
        room.polls()
        room.follows("bridge", SEED)
        room.reloads()
        room.reassesses()
        assert room.reasons() == {HIT[0]: "FIRST_POLL"}
        assert room.hits() == [HIT[0]]
        assert room.told() == []


# --- seeds ------------------------------------------------------------------------------------------------------------


def test_a_new_topic_finds_the_articles_of_late_and_tells_three(
    room: Newsroom, site: Site, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "monitor")
    room.follows("choir", "\n\n".join(MISS))
    for number, village in enumerate(VILLAGES[:6], 3):
        site.publishes("/feed", rss(bridge_in(village, number)))
        room.polls()
        clock.passes(minutes=30)
    assert room.hits() == []
    room.follows("bridge", SEED)
    room.reloads()
    room.reassesses()
    found = room.hits(topic="bridge")
    assert len(found) == 6
    assert len(room.told()) == 3
    assert set(room.told()) == {f"{each} loses its old bridge" for each in VILLAGES[3:6]}, "the newest"
    assert sorted(room.reasons().values()) == ["ALERTED"] * 3 + ["BACKLOG"] * 3
    lines = [each.getMessage() for each in caplog.records if "reassessed cause=seeds topic=bridge" in each.getMessage()]
    assert len(lines) == 1
    assert "matches=6 alerts=3 kept=3" in lines[0]
    room.follows("bridge", SEED.replace("spring", "winter"))
    room.reloads()
    room.reassesses()
    assert len(room.told()) == 3
    assert {len(room.decisions(title)) for title in found} == {2}, "no decision where nothing is new"


def test_a_changed_topic_leaves_what_other_topics_say(room: Newsroom, site: Site) -> None:
    room.follows("bridge", SEED)
    room.follows("choir", "\n\n".join(MISS))
    site.publishes("/feed", rss(NEWS, CHOIR))
    room.polls()
    before = {row.id: (row.score, row.decision_id) for row in room.rows(MatchRow)}
    room.follows("choir", "The girls' choir sang at the contest in the capital and won a prize of the jury.")
    room.reloads()
    room.reassesses()
    assert {row.id: (row.score, row.decision_id) for row in room.rows(MatchRow)} == before
    assert sorted(room.told()) == sorted([HIT[0], MISS[0]])


# --- the embedder -----------------------------------------------------------------------------------------------------


def test_what_came_while_the_embedder_was_away_is_told_when_it_is_back(
    tmp_path: Path, clock: SetClock, site: Site, store_url: str
) -> None:
    with EmbedderServer() as server, newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        server.answers = "500"
        site.publishes("/feed", rss(PAROM, *ordinary()))
        room.polls()
        assert room.reasons()[PAROM[0]] == "NO_MATCH"
        assert waiting(room) == ["reassessed: embedder"]
        room.reassesses()
        assert waiting(room) == ["reassessed: embedder"], "it is still away"
        assert len(room.decisions(PAROM[0])) == 1
        server.answers = "well"
        room.restarts()
        room.app.load_embeddings()
        clock.passes(minutes=31)
        room.reassesses()
        assert causes(room, PAROM[0]) == ["arrival", "reassessed: embedder"]
        assert room.reasons()[PAROM[0]] == "ALERTED"
        assert room.told() == [PAROM[0]]
        assert waiting(room) == []
        room.reassesses()
        assert room.told() == [PAROM[0]]


def test_a_topic_that_comes_while_the_embedder_is_away_finds_what_is_in_other_languages_later(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with EmbedderServer() as server, newsroom(tmp_path, clock, server, site) as room:
        room.folder.joinpath("seeds", "ferry").rename(room.folder / "ferry")
        room.follows("snow", "Snow at school\n\nA school and a court had snow.")
        warmed(room, site, clock)
        site.publishes("/feed", rss(PAROM, *ordinary()))
        room.polls()
        server.answers = "500"
        (room.folder / "ferry").rename(room.folder / "seeds" / "ferry")
        room.restarts()
        for _ in range(3):
            room.app.load_embeddings()  # it is left alone after three failures
        room.reassesses()
        assert room.told() == []
        assert set(waiting(room)) == {"reassessed: embedder"}
        server.answers = "well"
        room.restarts()
        room.app.load_embeddings()
        room.reassesses()
        assert room.told() == [PAROM[0]]
        assert waiting(room) == []


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def near(tmp_path: Path, clock: SetClock, site: Site, store_url: str) -> Iterator[Newsroom]:
    """A room that reads pages, as in test_fulltext."""
    with Newsroom(tmp_path, clock, store_url=store_url, fetch={"pages": "near"}) as room, Sink() as sink:
        opens(room, site, sink)
        yield room


def test_a_page_that_failed_is_asked_for_again_and_told_by(near: Newsroom, site: Site, clock: SetClock) -> None:
    shows(site)
    site.answers("/1", 503)
    near.polls()
    assert near.reasons()[TITLE] == "NO_MATCH"
    assert waiting(near) == ["full text"]
    near.reassesses()
    assert [each.path for each in site.requests].count("/1") == 1, "its host is left alone"
    clock.passes(minutes=61)
    serves(site, "/1", page(FULL))
    near.reassesses()
    assert near.reasons()[TITLE] == "ALERTED"
    assert causes(near, TITLE) == ["arrival", "full text"]
    assert near.told() == [TITLE]
    assert waiting(near) == []


def test_a_page_that_is_gone_is_not_asked_for_again(near: Newsroom, site: Site, clock: SetClock) -> None:
    shows(site)
    site.answers("/1", 404)
    near.polls()
    assert waiting(near) == []


# --- once -------------------------------------------------------------------------------------------------------------


def test_two_nodes_never_do_the_same_piece(room: Newsroom, site: Site, clock: SetClock) -> None:
    site.publishes("/feed", rss(NEWS))
    room.polls()
    room.follows("bridge", SEED)
    room.reloads()
    lease = {"is_range": False, "now": clock(), "lease_for": timedelta(minutes=3), "limit": 9}
    with room.app.db.writing() as session:
        (taken,) = reassessments.claim(session, [Cause.TOPICS], **lease)
        assert reassessments.claim(session, [Cause.TOPICS], **lease) == []
    room.reassesses()
    assert room.told() == [], "another node has it"
    clock.passes(minutes=4)  # the other node died
    room.reassesses()
    assert room.told() == [HIT[0]]
    with room.app.db.writing() as session, pytest.raises(reassessments.LeaseLostError):
        reassessments.finish(session, taken)


@pytest.mark.parametrize("place", ["file_article", "_write", "_give_back"])
def test_a_kill_in_between_costs_nothing_and_tells_once(
    room: Newsroom, site: Site, clock: SetClock, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    class Killed(BaseException):
        pass

    site.publishes("/feed", rss(NEWS, CHOIR))
    room.polls()
    room.follows("bridge", SEED)
    room.reloads()
    module = reassess if place == "_give_back" else stored_articles
    real = getattr(module, place)

    def dies(*args: object, **kwargs: object) -> object:
        real(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(module, place, dies)
        if place != "_give_back":
            patched.setattr(reassess, "_give_back", lambda *_, **__: None)
        with pytest.raises(Killed):
            room._loop.run(reassess_due(room.app.tools(), now=clock()))
    room.restarts()
    clock.passes(minutes=5)
    room.reassesses()
    assert room.told() == [HIT[0]]
    assert room.reasons() == {HIT[0]: "ALERTED", MISS[0]: "NO_MATCH"}
    assert len(room.rows(DecisionRow)) == 4
    assert len(room.rows(AlertRow)) == 1
    assert waiting(room) == []


def test_what_was_assessed_while_a_topic_came_is_assessed_again(room: Newsroom, site: Site, clock: SetClock) -> None:
    room.follows("choir", "\n\n".join(MISS))
    before = replace(room.app.tools(), matcher=stored_articles.matcher_of(room.app.tools()))
    room.follows("bridge", SEED)
    room.reloads()
    site.publishes("/feed", rss(NEWS))
    now, room.app.tools = room.app.tools, lambda: before  # type: ignore[method-assign]
    room.polls()  # it began before the topic was there
    assert room.told() == []
    room.app.tools = now  # type: ignore[method-assign]
    room.reassesses()
    assert room.told() == [HIT[0]]
    assert waiting(room) == []


def test_two_nodes_at_work_at_the_same_time_tell_once(
    tmp_path: Path, clock: SetClock, site: Site, postgres_url: str
) -> None:
    (tmp_path / "other").mkdir()
    with (
        Newsroom(tmp_path, clock, store_url=postgres_url) as one,
        Newsroom(tmp_path / "other", clock, store_url=postgres_url) as other,
    ):
        one.reads("herald", site.url("/feed"), first_poll="all")
        site.publishes("/feed", rss(*(bridge_in(village, at) for at, village in enumerate(VILLAGES[:4], 3))))
        one.polls()
        one.follows("bridge", SEED)
        one.reloads()
        other.reloads()
        assert [each.name for each in other.app.loaded.topics] == ["bridge"], "taken from the store"

        async def at_once() -> None:
            for _ in range(3):
                await asyncio.gather(*(reassess_due(each.app.tools(), now=clock()) for each in (one, other)))

        asyncio.run(at_once())
        assert sorted(one.told()) == sorted(f"{each} loses its old bridge" for each in VILLAGES[:4])
        assert len(one.rows(DecisionRow)) == 8
        assert waiting(one) == []
