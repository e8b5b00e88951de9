"""Whole days in a few lines: a newspaper publishes, fails, recovers and publishes again, and each story is alerted once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.evaluation import backtest
from monitor.matching.background import Background
from monitor.matching.matcher import build
from monitor.reading.workers import Workers
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow, EntryRow, RevisionRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from tests.conftest import NOON, SetClock
from tests.fakes import costly
from tests.fakes.sink import Sink
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

BRIDGE = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)
SECOND = (
    "Divers have found further cracks in the piers of the Marrow bridge, and the council now expects that the repairs of the "
    "old stone bridge will take until spring. Lorries must use the ferry, said the chief engineer Oda Brandt."
)
CONCERT = "The city orchestra opens its winter season on Friday with a new conductor, two premieres and a free concert for schools."


def item(
    number: int, title: str, text: str, *, host: str = "herald.example", at: str = "2021-10-20T11:00:00+00:00"
) -> tuple[str, ...]:
    return (title, f"https://{host}/{number}", f"{host}-{number}", text, at)


OLD = item(0, "Council meets on Monday", "The council meets on Monday to speak about the budget of the coming year.")
NEWS = item(1, "Marrow bridge closed to lorries as piers crack", BRIDGE)
NOISE = item(2, "Orchestra opens its season", CONCERT)


@pytest.fixture
def room(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> Iterator[Newsroom]:
    """A newsroom that follows the bridge, reads the herald and tells the desk; the herald's first poll is over."""
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", f"Marrow bridge piers cracked\n\n{BRIDGE}")
        room.reads("herald", site.url("/feed"))
        room.tells("desk", sink.url)
        site.publishes("/feed", rss(OLD))
        room.polls()
        clock.passes(minutes=20)
        yield room


def test_a_new_article_on_a_topic_is_told_once_with_its_evidence(room: Newsroom, site: Site, sink: Sink) -> None:
    site.publishes("/feed", rss(NEWS, NOISE, OLD))
    room.polls()
    room.delivers()
    assert room.reasons() == {NEWS[0]: "ALERTED", NOISE[0]: "NO_MATCH", OLD[0]: "NO_MATCH"}
    (received,) = sink.received
    data = received.json()["data"]
    assert received.header("webhook-id") == room.rows(AlertRow)[0].id
    assert data["article"]["title"] == NEWS[0]
    assert data["match"]["terms"]
    assert data["match"]["sentence"]
    room.lives(hours=3)
    assert len(sink.received) == 1


def test_the_first_poll_stores_and_does_not_tell(tmp_path: Path, clock: SetClock, site: Site, sink: Sink) -> None:
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.reads("herald", site.url("/feed"))
        room.tells("desk", sink.url)
        site.publishes("/feed", rss(NEWS, OLD))
        room.polls()
        assert room.reasons() == {NEWS[0]: "FIRST_POLL", OLD[0]: "NO_MATCH"}
        assert room.hits() == [NEWS[0]]
        assert room.told() == []


@pytest.mark.parametrize(("wanted", "told"), [("all", 3), ("latest 1", 1)])
def test_f19_a_first_poll_tells_as_much_as_the_feed_is_asked_for(
    tmp_path: Path, clock: SetClock, site: Site, wanted: str, told: int
) -> None:
    texts = [
        BRIDGE,
        SECOND,
        "The old Marrow bridge: a stone bridge, its piers and cracks, lorries, the ferry, a council that waited.",
    ]
    items = [item(n, f"Bridge {n}", text, at=f"2021-0{n + 6}-20T00:00:00+00:00") for n, text in enumerate(texts)]
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.reads("herald", site.url("/feed"), first_poll=wanted)
        site.publishes("/feed", rss(*items))
        room.polls()
        assert len(room.told()) == told


def test_promise_1_ten_outlets_with_one_wire_copy_are_one_alert(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    with Newsroom(tmp_path, clock, schedule={"min_interval_minutes": 1}) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.tells("desk", sink.url)
        for number in range(10):
            site.publishes(f"/{number}", rss(OLD))
            room.reads(f"outlet{number}", site.url(f"/{number}"))
        room.polls()
        clock.passes(minutes=20)
        for number in range(10):
            copy = item(7, f"Headline of outlet {number} about the bridge", BRIDGE, host=f"outlet{number}.example")
            site.publishes(f"/{number}", rss(copy, OLD))
        room.polls()
        room.delivers()
        assert len(sink.received) == 1
        assert len(sink.received[0].json()["data"]["also_carried_by"]) == 9
        assert sorted(room.reasons().values()).count("COPY") == 9


def test_copies_under_headlines_and_footers_of_their_own_that_are_corrected_alike_speak_once(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    def prints(number: int, text: str) -> None:
        headline = f"Headline of outlet {number} about the bridge"
        copy = item(7, headline, f"{text} Read more in outlet number{number}.", host=f"outlet{number}.example")
        site.publishes(f"/{number}", rss(copy, OLD))

    with Newsroom(tmp_path, clock, schedule={"min_interval_minutes": 1}) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.tells("desk", sink.url)
        for number in range(4):
            site.publishes(f"/{number}", rss(OLD))
            room.reads(f"outlet{number}", site.url(f"/{number}"))
        room.polls()
        clock.passes(minutes=20)
        corrected = BRIDGE.replace("eleven weeks", "fourteen weeks")
        again = corrected.replace("fourteen weeks", "sixteen weeks")
        for version in (BRIDGE, corrected, BRIDGE, corrected, again):
            for number in range(4):
                prints(number, version)
                room.polls()
                room.delivers()
                clock.passes(minutes=20)
        kinds = [each.json()["type"] for each in sink.received]
        # Said once each: fourteen, eleven again, sixteen.
        assert kinds == ["alert.new", "alert.updated", "alert.updated", "alert.updated"]
        assert ["11 → 14" in row.payload["body"] for row in room.rows(AlertRow) if row.kind == "updated"].count(
            True
        ) == 1
        assert sum(row.is_material for row in room.rows(RevisionRow)) == 16


def edited(text: str, title: str = NEWS[0]) -> tuple[str, ...]:
    return (title, *NEWS[1:3], text, NEWS[4])


def test_f18_changed_facts_are_told_once_and_changed_words_never(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    longer = BRIDGE.replace("eleven weeks", "fourteen weeks")
    reworded = longer.replace("The council said that repairs would", "According to the council repairs will")
    for version in (NEWS, edited(longer), edited(reworded, NEWS[0] + " (updated)")):
        site.publishes("/feed", rss(version, OLD))
        room.polls()
        room.delivers()
        clock.passes(minutes=20)
    first, second = (each.json() for each in sink.received)
    assert (first["type"], second["type"]) == ("alert.new", "alert.updated")
    assert first["data"]["article"]["url"] == second["data"]["article"]["url"]
    assert len(room.rows(ArticleRow)) == 2
    assert [row.is_material for row in room.rows(RevisionRow)] == [True, False]
    assert room.reasons()[NEWS[0] + " (updated)"] == "UPDATED"
    updated = next(row for row in room.rows(AlertRow) if row.kind == "updated")
    assert "11 → 14" in updated.payload["body"]


def test_where_updates_are_not_wanted_changed_facts_are_kept_and_not_told(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    delivery = {"wait_seconds": 0, "allow_networks": ["127.0.0.0/8"], "updates": "never"}
    with Newsroom(tmp_path, clock, delivery=delivery) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.reads("herald", site.url("/feed"), first_poll="all")
        for version in (NEWS, edited(BRIDGE.replace("eleven", "fourteen"))):
            site.publishes("/feed", rss(version, OLD))
            room.polls()
            clock.passes(minutes=20)
        assert [row.kind for row in room.rows(AlertRow)] == ["new"]
        assert [row.is_material for row in room.rows(RevisionRow)] == [True]


def test_what_follows_up_an_event_joins_it_silently_and_another_event_of_the_topic_is_told(
    tmp_path: Path, clock: SetClock, site: Site, sink: Sink
) -> None:
    follow_up = (
        "Cracks in two stone piers have closed the Marrow bridge to lorries. Divers found them on Tuesday, the council said, and "
        "ferry services will run until midnight while engineers work. Repairs of the piers would cost four million crowns."
    )
    other_event = (
        "A street painter has covered the Marrow bridge with forty herons overnight. The council will let the birds stay, "
        "the mayor Edda Quist said at the opening of the Lantern Festival, and asked the painter Yoram Bede to sign them."
    )
    with Newsroom(tmp_path, clock) as room:
        room.follows(
            "marrow-bridge",
            "The Marrow bridge\n\nThe old Marrow bridge, its council, lorries and ferry.",
        )
        room.tells("desk", sink.url)
        for name in ("herald", "courier"):
            site.publishes(f"/{name}", rss(OLD))
            room.reads(name, site.url(f"/{name}"))
        room.polls()
        clock.passes(minutes=20)
        site.publishes("/herald", rss(NEWS, OLD))
        room.polls()
        clock.passes(minutes=20)
        later = item(7, "Lorries banned from Marrow bridge over cracked piers", follow_up, host="courier.example")
        birds = item(8, "Forty herons on the Marrow bridge", other_event, host="courier.example")
        site.publishes("/courier", rss(later, birds, OLD))
        room.polls()
        room.delivers()
        assert room.reasons()[later[0]] == "JOINS_STORY"
        assert [each.json()["data"]["article"]["title"] for each in sink.received] == [NEWS[0], birds[0]]
        joined = next(row for row in room.rows(ArticleRow) if row.title == later[0])
        assert (joined.kind, joined.story_id) == ("joins", joined.of_article_id)
        assert joined.why.startswith("same event")


def test_promise_6_changed_ids_and_dates_fire_no_storm(room: Newsroom, site: Site, sink: Sink, clock: SetClock) -> None:
    site.publishes("/feed", rss(NEWS, NOISE, OLD))
    room.polls()
    clock.passes(minutes=20)
    renamed = [
        (each[0], each[1], f"new-{each[2]}", each[3], "2021-10-20T12:30:00+00:00") for each in (NEWS, NOISE, OLD)
    ]
    site.publishes("/feed", rss(*renamed))
    room.polls()
    room.delivers()
    assert len(sink.received) == 1
    assert len(room.rows(ArticleRow)) == 3
    assert len(room.rows(EntryRow)) == 6


def test_f19_a_date_in_the_future_is_cut_and_an_old_one_is_not_news(room: Newsroom, site: Site) -> None:
    future = item(4, "Marrow bridge repairs begin", BRIDGE, at="2099-01-01T00:00:00+00:00")
    old = item(5, "Marrow bridge cracks found", SECOND, at="2021-08-01T00:00:00+00:00")
    site.publishes("/feed", rss(future, old, OLD))
    room.polls()
    assert room.reasons()[future[0]] == "ALERTED"
    assert room.reasons()[old[0]] == "TOO_OLD"
    assert all(row.published_at <= row.seen_at for row in room.rows(ArticleRow))


def test_promise_3_a_failing_feed_is_reported_once_and_its_recovery_once(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    site.goes_down()
    room.lives(hours=30, step_minutes=60)
    assert room.told() == ["The feed herald is failing"]
    assert room.feed("herald").failures >= 5
    site.comes_back()
    site.publishes("/feed", rss(NEWS, OLD))
    room.lives(hours=26, step_minutes=60)
    assert room.told()[-2:] == [NEWS[0], "The feed herald is back"] or room.told()[-2:] == [
        "The feed herald is back",
        NEWS[0],
    ]
    assert len(sink.received) == 3


def test_all_feeds_failing_at_once_is_one_notice_and_one_when_they_are_back(
    tmp_path: Path, clock: SetClock, site: Site
) -> None:
    with Newsroom(tmp_path, clock) as room:
        for number in range(4):
            site.publishes(f"/{number}", rss(OLD))
            room.reads(f"feed{number}", site.url(f"/{number}"))
        room.polls()
        site.goes_down()
        room.lives(hours=12, step_minutes=60)
        assert room.told() == ["No feed can be reached"]
        site.comes_back()
        room.lives(hours=24, step_minutes=60)
        assert room.told() == ["No feed can be reached", "Feeds can be reached again"]


def test_f13_a_broken_feed_is_asked_ever_more_seldom_but_for_ever(room: Newsroom, site: Site) -> None:
    site.answers("/feed", 500, times=None)
    room.lives(hours=24 * 10, step_minutes=60)
    tries = [each.at for each in site.asked_for("/feed")]
    assert 15 <= len(tries) <= 22
    assert room.feed("herald").next_poll_at - room.clock() <= timedelta(hours=27)


def test_f12_a_feed_that_is_gone_is_paused_and_told_once(room: Newsroom, site: Site) -> None:
    site.answers("/feed", 410, times=None)
    room.lives(hours=48, step_minutes=60)
    assert room.told() == ["The feed herald is gone and was paused"]
    assert len(site.asked_for("/feed")) == 3
    assert room.feed("herald").paused_reason


def test_f16_a_login_page_instead_of_the_feed_leaves_everything_as_it_was(room: Newsroom, site: Site) -> None:
    before = room.feed("herald")
    site.answers(
        "/feed",
        200,
        headers={"Content-Type": "text/html", "ETag": '"login"'},
        body=b"<html><body>Please log in</body></html>",
    )
    (polled,) = room.polls()
    assert polled.outcome == "not a feed"
    assert room.feed("herald").etag == before.etag
    assert len(room.rows(ArticleRow)) == 1


def test_f17_items_that_vanish_and_return_are_not_told_again(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    for items in ((NEWS, OLD), (), (NEWS, OLD)):
        site.publishes("/feed", rss(*items))
        room.polls()
        room.delivers()
        clock.passes(minutes=20)
    assert len(sink.received) == 1
    assert len(room.rows(ArticleRow)) == 2


def test_f20_after_the_first_every_request_is_conditional_also_after_restarts(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    for _ in range(5):
        room.restarts()
        room.polls()
        clock.passes(minutes=20)
    conditional = [each.header("If-None-Match") for each in site.asked_for("/feed")]
    assert conditional[0] is None
    assert all(conditional[1:])
    assert len(conditional) == 6


def test_f27_restarts_do_not_poll_more_often(room: Newsroom, site: Site, clock: SetClock) -> None:
    room.polls()
    asked = len(site.requests)
    for _ in range(10):
        clock.passes(minutes=1)
        room.restarts()
        room.polls()
    assert len(site.requests) == asked


def test_f24_a_server_without_validators_sends_the_same_body_and_nothing_is_touched(
    room: Newsroom, site: Site, clock: SetClock
) -> None:
    site.publishes("/feed", rss(NEWS, OLD), etag="")
    room.polls()
    clock.passes(minutes=20)
    (again,) = room.polls()
    assert again.outcome == "unchanged"


def test_f10_a_permanent_move_is_followed_at_once_and_kept_after_a_week(room: Newsroom, site: Site) -> None:
    site.publishes("/new", rss(NEWS, OLD))
    site.redirects("/feed", site.url("/new"), status=301)
    room.polls()
    assert room.reasons()[NEWS[0]] == "ALERTED"
    assert room.feed("herald").url == site.url("/feed")
    room.lives(hours=24 * 8, step_minutes=120)
    assert room.feed("herald").url == site.url("/new")
    assert "The feed herald moved" in room.told()


def test_nothing_is_lost_while_the_receiver_is_down_for_a_day(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    sink.goes_down()
    site.publishes("/feed", rss(NEWS, OLD))
    room.lives(hours=24, step_minutes=30)
    assert room.deliveries() == {"pending": 1}
    sink.comes_back()
    room.lives(hours=1, step_minutes=10)
    assert room.deliveries() == {"sent": 1}
    assert next(each.json()["data"].get("article", {}).get("title") for each in sink.received) == NEWS[0]


def test_w13_a_channel_that_hangs_delays_no_other(room: Newsroom, site: Site, sink: Sink) -> None:
    with Sink() as broken:
        broken.answers(500, times=None)
        room.tells("broken", broken.url)
        site.publishes("/feed", rss(NEWS, OLD))
        room.polls()
        room.delivers()
        assert len(sink.received) == 1
        assert room.deliveries() == {"pending": 1, "sent": 1}


def test_promise_3_a_failing_channel_is_told_on_another_once_and_its_recovery_once(
    room: Newsroom, site: Site, sink: Sink
) -> None:
    with Sink() as broken:
        broken.answers(500, times=None)
        room.tells("broken", broken.url)
        site.publishes("/feed", rss(NEWS, OLD))
        room.lives(hours=6, step_minutes=5)
        assert room.told().count("The channel broken is failing") == 1
        broken.answers(200, body=b"ok", times=None)
        room.lives(hours=6, step_minutes=5)
        assert room.told().count("The channel broken is back") == 1
        assert room.deliveries() == {"sent": 4}


def test_a_topic_appears_when_an_article_is_dropped_into_a_folder(room: Newsroom, site: Site, clock: SetClock) -> None:
    room.follows("orchestra", f"Orchestra season\n\n{CONCERT}")
    assert room.reloads() is True
    assert room.reloads() is False
    site.publishes("/feed", rss(item(9, "Winter season of the city orchestra opens", CONCERT), OLD))
    room.polls()
    assert "Winter season of the city orchestra opens" in room.hits(topic="orchestra")


def test_a_broken_topic_never_stops_the_others(room: Newsroom, site: Site) -> None:
    room.follows("broken", CONCERT, toml="title = \n")
    room.follows("empty")
    room.reloads()
    assert len(room.app.loaded.faults) == 2
    site.publishes("/feed", rss(NEWS, OLD))
    room.polls()
    assert room.reasons()[NEWS[0]] == "ALERTED"


def test_x2_a_feed_that_costs_too_much_is_marked_and_the_others_go_on(
    tmp_path: Path, clock: SetClock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = costly.feed()
    site.publishes("/bomb", bomb)
    site.publishes("/feed", rss(NEWS))
    hurries(monkeypatch, bomb)
    with Newsroom(tmp_path, clock) as room:
        room.follows("marrow-bridge", BRIDGE)
        room.reads("bomb", site.url("/bomb"))
        room.reads("herald", site.url("/feed"), first_poll="all")
        outcomes = {each.feed: each.outcome for each in room.polls()}
        assert outcomes["herald"] == "ok"
        assert outcomes["bomb"] in ("too costly", "ok")


def hurries(monkeypatch: pytest.MonkeyPatch, document: bytes) -> None:
    """Limit the parsing of this document to a second, whatever the other steps take."""
    answer = Workers._answer

    async def hurried(self: Workers, slot: Any, fn: Any, args: tuple[Any, ...], limit_for: timedelta) -> bytes:
        limit_for = min(limit_for, timedelta(seconds=1)) if document in args else limit_for
        return await answer(self, slot, fn, args, limit_for)

    monkeypatch.setattr(Workers, "_answer", hurried)


def test_w11_alerts_reach_a_receiver_in_the_order_of_their_making(
    room: Newsroom, site: Site, sink: Sink, clock: SetClock
) -> None:
    sink.goes_down()
    room.follows("orchestra", f"Orchestra season\n\n{CONCERT}")
    room.reloads()
    texts = [BRIDGE, CONCERT]
    for number, _text in enumerate(texts):
        site.publishes("/feed", rss(*[item(n, f"Bridge {n}", texts[n]) for n in range(number + 1)], OLD))
        room.polls()
        room.delivers()
        clock.passes(minutes=20)
    sink.comes_back()
    room.lives(hours=2, step_minutes=5)
    titles = [each.json()["data"]["article"]["title"] for each in sink.received if each.json()["type"] == "alert.new"]
    assert titles == ["Bridge 0", "Bridge 1"]


def test_feed_rows_tell_how_often_nothing_was_new(room: Newsroom, clock: SetClock) -> None:
    for _ in range(3):
        room.polls()
        clock.passes(minutes=20)
    (row,) = room.rows(FeedRow)
    assert (row.polls, row.polls_not_modified) == (4, 3)
    assert row.first_polled_at == NOON


def test_a_backtest_over_the_archive_scores_as_the_daemon_did(room: Newsroom, site: Site, clock: SetClock) -> None:
    """Topics follow their story and the archive is learned from meanwhile; a restart forgets nothing."""
    inquiry = f"Oda Brandt and diver Per Quill on the Marrow bridge. {SECOND}"
    told = {
        3: item(1, "Marrow bridge closed to lorries as piers crack", BRIDGE),
        17: item(2, "Marrow bridge: chief engineer questioned", inquiry),
        30: item(
            3, "Brandt and Quill heard", "Chief engineer Oda Brandt and diver Per Quill were heard by the council."
        ),
        60: item(4, "Quill speaks", "Per Quill says that chief engineer Brandt knew of cracks in the piers."),
    }
    news = [told.get(n) or item(100 + n, f"Market {n}", _small_talk(n)) for n in range(70)]
    for start in range(0, 70, 7):
        site.publishes("/feed", rss(*news[start : start + 7]))
        room.polls()
        room.reloads()
        clock.passes(minutes=20)
        if start == 35:
            room.restarts()
    rows = {row.id: row for row in room.rows(ArticleRow)}
    with room.app.db.reading() as session:
        matcher = build(room.app.loaded.topics, background=Background.shipped())
        answers = list(backtest.run(backtest.archived_lines(session), matcher, room.app.loaded.topics, all_scores=True))
    assert len(answers) == len(rows) == 71
    for answer in answers:
        (live,), (again,) = room.decisions(rows[answer["id"]].title)[-1].scores, answer["topics"]
        assert again["score"] == pytest.approx(live["score"], abs=1e-5), rows[answer["id"]].title
        assert again["matched"] == (live["score"] >= live["threshold"])
    assert len({match.model_version for match in room.rows(MatchRow)}) > 1, "nothing was learned on the way"


def _small_talk(number: int) -> str:
    words = "apples pears plums bread eggs fish honey wool linen soap candles lamps chairs books maps ink".split()
    sold = [words[(number * step + step) % len(words)] for step in (1, 3, 5, 7)]
    return f"On day {number} the market sold {', '.join(sold)}, and the traders were content with what they took."
