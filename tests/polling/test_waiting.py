"""Articles whose embedding is still being made: not told by words alone, decided on once it is there, and never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from monitor.learning.multilingual import Multilingual
from monitor.matching.embedders import excerpt
from monitor.polling.reassessing import reassess
from monitor.review.articles import ArticleRecord, find_record
from monitor.store.tables.articles import ArticleRow, ReassessmentRow
from monitor.store.tables.indexes import VectorRow
from tests.conftest import SetClock
from tests.fakes.embedder import EmbedderServer
from tests.fakes.site import Site, rss
from tests.learning.test_embedding import HeldBackend
from tests.learning.test_multilingual import FERRY, PAROM, SEED, newsroom, ordinary, warmed
from tests.newsroom import Newsroom

AWAITS = "AWAITS_EMBEDDING"


@pytest.fixture
def server() -> Iterator[EmbedderServer]:
    with EmbedderServer() as found:
        yield found


def hurries(room: Newsroom) -> None:
    """From now on polls have no time for the embedder."""
    room.embeds_for = room.app.embeds_for = timedelta(0)


def causes(room: Newsroom, title: str) -> list[str]:
    return [row.cause for row in room.decisions(title)]


def multilingual_of(room: Newsroom) -> Multilingual:
    assert room.app.multilingual is not None
    return room.app.multilingual


def record(room: Newsroom, title: str) -> ArticleRecord:
    (row,) = (each for each in room.rows(ArticleRow) if each.title == title)
    with room.app.db.reading() as session:
        found = find_record(session, row.id)
    assert found is not None
    return found


def test_what_waits_is_told_once_by_its_meaning(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        hurries(room)
        site.publishes("/feed", rss(PAROM, FERRY, *ordinary()))
        room.polls()
        assert room.reasons()[PAROM[0]] == room.reasons()[FERRY[0]] == AWAITS, "words alone would tell the English one"
        assert room.told() == []
        room.restarts()
        room.app.load_embeddings()
        room.reassesses()
        assert causes(room, PAROM[0]) == causes(room, FERRY[0]) == ["arrival", "reassessed: embedding"]
        assert len(room.told()) == 1, "one event in two languages"
        assert {room.reasons()[each[0]] for each in (PAROM, FERRY)} == {"ALERTED", "JOINS_STORY"}
        (told,) = room.told()
        first, second = sorted((PAROM[0], FERRY[0]), key=lambda title: title != told)
        assert record(room, second).reason == (
            "matched, but its story was already alerted: it is on the event of "
            f"story {record(room, first).story_id}, too"
        )
        assert room.rows(ReassessmentRow) == []
        clock.passes(minutes=20)
        room.polls()
        room.reassesses()
        assert len(room.told()) == 1
        assert len(room.decisions(PAROM[0])) == 2


def test_what_comes_into_a_story_that_was_told_as_another_one_is_told_no_more(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    """The embedder is away again by then: nothing but the story says what it is."""
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        hurries(room)
        late = (*FERRY[:4], "2021-10-20T13:30:00Z")
        site.publishes("/feed", rss(PAROM, late, *ordinary()))
        room.polls()
        room.reassesses()
        assert room.told() == [PAROM[0]]
        server.answers = "500"
        follow_up = (
            "Captain of ferry sank in storm reaches harbour",
            "https://courier.example/2",
            "c2",
            "The ferry sank off the coast in the storm. All passengers and the captain were brought to the harbour by rescue.",
            "2021-10-20T13:40:00Z",
        )
        site.publishes("/feed", rss(follow_up, PAROM, late, *ordinary()))
        clock.passes(minutes=20)
        room.polls()
        room.reassesses()
        assert record(room, follow_up[0]).story_id == record(room, FERRY[0]).story_id
        assert room.reasons()[follow_up[0]] == "JOINS_STORY"
        assert room.told() == [PAROM[0]]


@pytest.mark.parametrize("waits", [True, False])
def test_one_event_in_other_words_of_a_language_is_told_once_whether_or_not_it_waits(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, waits: bool
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        if waits:
            hurries(room)
        vessel = (
            "Passengers reach harbour after rescue",
            "https://courier.example/vessel",
            "vessel",
            "Its captain saw the coast when the storm had sunk the ferry.",
            FERRY[4],
        )
        site.publishes("/feed", rss(vessel, FERRY, *ordinary()))
        room.polls()
        assert len(room.told()) == (not waits)
        room.reassesses()
        assert len(room.told()) == 1


def test_three_hundred_at_once_are_all_embedded(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        hurries(room)
        many = [
            (f"Budget {at} of parliament", f"https://news.example/b{at}", f"b{at}", f"minister number{at}")
            for at in range(299)
        ]
        site.publishes("/feed", rss(PAROM, *many))
        room.polls()
        assert list(room.reasons().values()).count(AWAITS) == 300
        room.reassesses()
        assert AWAITS not in room.reasons().values()
        assert room.told() == [PAROM[0]]
        embedded = {row.article_id for row in room.rows(VectorRow)}
        assert embedded >= {row.id for row in room.rows(ArticleRow)}
        assert len(server.texts) <= 300 + 61 + 20, "none is embedded twice"
        assert max(len(each["input"]) for each in server.asked) <= 32


def test_when_the_embedder_goes_down_words_decide_at_once_and_meaning_later(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        hurries(room)
        site.publishes("/feed", rss(PAROM, FERRY))
        room.polls()
        server.answers = "500"
        room.reassesses()
        assert (room.reasons()[FERRY[0]], room.reasons()[PAROM[0]]) == ("ALERTED", "NO_MATCH")
        assert room.told() == [FERRY[0]]
        server.answers = "well"
        room.restarts()
        room.app.load_embeddings()
        clock.passes(minutes=31)
        room.reassesses()
        assert causes(room, PAROM[0]) == ["arrival", "reassessed: embedding", "reassessed: embedder"]
        assert room.reasons()[PAROM[0]] == "JOINS_STORY", "its event was told in English"
        assert room.told() == [FERRY[0]]


def test_an_embedder_that_takes_too_long_delays_an_alert_by_minutes_only(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reassess, "QUEUE_EMBEDS_FOR", timedelta(seconds=0.05))
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        hurries(room)
        slow = multilingual_of(room).embedding._backend = HeldBackend()
        site.publishes("/feed", rss(PAROM, FERRY))
        room.polls()
        room.reassesses()
        assert room.reasons()[FERRY[0]] == AWAITS
        clock.passes(minutes=6)
        room.reassesses()
        assert room.told() == [FERRY[0]], "by words"
        slow.may_answer.set()
        room.embeds_for = room.app.embeds_for = timedelta(seconds=60)
        clock.passes(minutes=31)
        room.reassesses()
        assert room.told() == [FERRY[0]]
        assert causes(room, PAROM[0])[-1] == "reassessed: embedder"
        assert room.reasons()[PAROM[0]] == "JOINS_STORY"


def test_a_text_that_cannot_be_embedded_is_decided_on_by_words(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site
) -> None:
    with newsroom(tmp_path, clock, server, site) as room:
        warmed(room, site, clock)
        hurries(room)
        server.answers = "off the coast. The ferry"  # a part of this article: it answers 500 to it
        site.publishes("/feed", rss(PAROM, FERRY))
        room.polls()
        for _ in range(3):
            room.reassesses()
            clock.passes(seconds=4)
        assert (room.reasons()[FERRY[0]], room.reasons()[PAROM[0]]) == ("ALERTED", "ALERTED")
        assert room.rows(ReassessmentRow) == []
        assert not multilingual_of(room).embedding.is_paused


# --- what an article is compared with -----------------------------------------------------------------------------------


def test_articles_are_compared_with_the_same_news_after_a_restart(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    """Polled, assessed later, a copy of another one, the text of a seed, changed: live as the store has it."""
    seed_text = (
        "Ferry sank in a storm",
        "https://news.example/seed",
        "seed",
        SEED.split("\n\n")[1],
        "2021-10-20T12:00:00Z",
    )
    copy = (FERRY[0], "https://other.example/ferry", "copied", *FERRY[3:])
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        site.publishes("/feed", rss(FERRY, copy, seed_text, *ordinary()))
        room.polls()
        hurries(room)
        clock.passes(minutes=60)
        site.publishes("/feed", rss(PAROM, (*FERRY[:3], FERRY[3] + " Rescue came from the harbour.", FERRY[4])))
        room.polls()
        room.reassesses()
        live = multilingual_of(room)
        fresh = Multilingual(live.embedding)
        fresh.renew(room.app.db, room.app.loaded.topics)
        assert live.model is not None
        assert fresh.model is not None
        one, other = live.model.ordinary, fresh.model.ordinary
        assert len(one) == len(other) >= 63
        place_of = [one._place_of[each] for each in other._keys]
        assert [one._topics[at] for at in place_of] == other._topics
        assert any("ferry" in each for each in other._topics)
        assert np.array_equal(one._rows[place_of], other._rows[: len(other)])
        asked = live.embedding.vectors([excerpt("Storm off the coast", "The captain is in the harbour.")])[0]
        assert asked is not None
        placed = live.model.place(asked, "en")
        assert one.neighbours(placed).nearness("ferry") == pytest.approx(
            other.neighbours(placed).nearness("ferry"), abs=1e-9
        )


# --- a budget -----------------------------------------------------------------------------------------------------------


def test_a_budget_embeds_what_may_be_on_a_topic_first(
    tmp_path: Path, clock: SetClock, server: EmbedderServer, site: Site, store_url: str
) -> None:
    with newsroom(tmp_path, clock, server, site, store_url=store_url) as room:
        warmed(room, site, clock)
        clock.passes(minutes=60 * 24)
        room._raw["embedding"] = {**room._raw["embedding"], "articles_per_day": 1}
        room.restarts()
        room.app.load_embeddings()
        asked = len(server.texts)
        late = [(*each[:4], "2021-10-21T09:00:00Z") for each in (FERRY, PAROM)]
        site.publishes("/feed", rss(*late, *ordinary()))
        room.polls()
        embedded = [text for text in server.texts[asked:] if "затонул" in text or "sank in the storm off" in text]
        assert len(embedded) == 1
        assert embedded[0].startswith(FERRY[0]), "it is near the topic by its words"
        assert room.reasons()[FERRY[0]] == "ALERTED"
        assert room.reasons()[PAROM[0]] == "NO_MATCH", "decided on, and waits for nothing"
        assert room.rows(ReassessmentRow) == []
