"""Versions of a topic: kept, listed, built again and compared, on both databases."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlmodel import func, select

from monitor.matching.background import Background
from monitor.matching.compare import TopicDefinition, difference, term_shifts
from monitor.store import topics, verdicts, versions
from monitor.store.db import Database
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.matches import MatchRow, VerdictRow
from monitor.store.tables.topics import SeedTextRow, TopicVersionRow
from monitor.types.matching import Article, Example, Grade, Seed, Topic
from tests.conftest import NOON, SetClock
from tests.fakes.command import HIT, MISS, SEED, Operator, desk
from tests.fakes.site import Site, rss
from tests.newsroom import Newsroom

__all__ = ["desk"]

OLD = Seed(file="old.txt", title="The old bridge", text=" ".join(SEED.split()), language="en")
CHOIR = Seed(file="choir.txt", title=MISS[0], text=MISS[1], language="en")
BRIDGE = Topic(name="bridge", title="Bridge", seeds=(OLD,), required=("bridge",), digest="d1")


def kept(db: Database, topic: str = "bridge") -> list[versions.TopicVersion]:
    with db.reading() as session:
        return versions.history(session, topic)


def syncs(db: Database, topic: Topic, clock: SetClock) -> list[str]:
    with db.writing() as session:
        return topics.sync(session, [topic], now=clock())


def says(db: Database, article_id: int, *, is_relevant: bool) -> None:
    with db.writing() as session:
        if session.get(ArticleRow, article_id) is None:
            session.add(_article_row(article_id))
            session.flush()
        session.add(VerdictRow(article_id=article_id, topic="bridge", is_relevant=is_relevant, by="me", at=NOON))


def test_seeds_settings_and_verdicts_make_versions_with_their_reason(db: Database, clock: SetClock) -> None:
    assert syncs(db, BRIDGE, clock) == ["bridge"]
    assert syncs(db, BRIDGE, clock) == []
    two = replace(BRIDGE, seeds=(OLD, replace(CHOIR, is_counter=True, file="not/choir.txt")), digest="d2")
    assert syncs(db, two, clock) == ["bridge"]
    syncs(db, replace(two, sensitivity="broad", digest="d3"), clock)
    says(db, 7, is_relevant=True)
    says(db, 8, is_relevant=False)
    clock.passes(minutes=5)
    assert syncs(db, replace(two, sensitivity="broad", digest="d3"), clock) == ["bridge"]
    says(db, 8, is_relevant=False)
    assert syncs(db, replace(two, sensitivity="broad", digest="d3"), clock) == [], "the same said again"
    found = kept(db)
    assert [each.number for each in found] == [4, 3, 2, 1]
    assert [each.why for each in found] == [
        "verdicts: 1 confirmed, 1 dismissed",
        "settings: sensitivity",
        "seed added: not/choir.txt",
        "first seen",
    ]
    assert (found[0].seeds, found[0].counter_seeds, found[0].confirmed, found[0].dismissed) == (1, 1, 1, 1)
    assert found[0].at > found[1].at


def test_a_version_can_be_built_again_as_it_was(db: Database, clock: SetClock) -> None:
    syncs(db, BRIDGE, clock)
    says(db, 7, is_relevant=True)
    syncs(db, replace(BRIDGE, seeds=(CHOIR,), required=(), digest="d2"), clock)
    with db.reading() as session:
        first, second = versions.find(session, "bridge", 1), versions.find(session, "bridge", 2)
        assert versions.find(session, "bridge", 3) is None
    assert first is not None
    assert first == (BRIDGE, [])
    assert second is not None
    assert second[0].seeds == (CHOIR,)
    assert [(each.title, each.is_relevant) for each in second[1]] == [("Article 7", True)]


def test_versions_and_texts_are_bounded_but_what_matches_refer_to_stays(db: Database, clock: SetClock) -> None:
    for number in range(70):
        text = f"{OLD.text} Told for the {number}th time."
        syncs(db, replace(BRIDGE, seeds=(replace(OLD, text=text), CHOIR), digest=f"d{number}"), clock)
        if number == 4:
            with db.writing() as session:
                session.add(_article_row(1))
                session.flush()
                session.add(_match_row(1, topic_version=5))
    numbers = [each.number for each in kept(db)]
    assert numbers == [*range(70, 20, -1), 5]
    with db.reading() as session:
        texts = session.exec(select(func.count()).select_from(SeedTextRow)).one()
        assert versions.find(session, "bridge", 5) is not None
    assert texts == 51 + 1, "the choir's text is kept once"


def test_a_store_from_before_versions_begins_with_the_number_it_has(db: Database, clock: SetClock) -> None:
    syncs(db, BRIDGE, clock)
    syncs(db, replace(BRIDGE, digest="d2"), clock)
    with db.writing() as session:
        for row in session.exec(select(TopicVersionRow)):
            session.delete(row)
        for text in session.exec(select(SeedTextRow)):
            session.delete(text)
        session.get_one(topics.TopicRow, "bridge").verdicts_key = None
    syncs(db, replace(BRIDGE, digest="d2"), clock)
    assert [each.number for each in kept(db)] == [2]


def test_ten_thousand_verdicts_are_bounded(db: Database, clock: SetClock) -> None:
    with db.writing() as session:
        session.add_all([_article_row(number) for number in range(1, 251)])
        session.flush()
        session.add_all(
            VerdictRow(article_id=number, topic="bridge", is_relevant=True, by="me", at=NOON)
            for number in range(1, 251)
        )
    syncs(db, BRIDGE, clock)
    assert kept(db)[0].confirmed == verdicts.MAX_VERDICTS_EACH


# --- compared ---------------------------------------------------------------------------------------------------------


def test_gained_and_lost_articles_and_the_terms_that_moved_are_named() -> None:
    wide = replace(BRIDGE, required=(), seeds=(OLD, CHOIR))
    news = [(n, _article(*each)) for n, each in enumerate((HIT, MISS, ("", ""), ("Walled", "bridge " * 50)))]
    news[3] = (3, replace(news[3][1], grade=Grade.WALL))
    found = difference(TopicDefinition(BRIDGE), TopicDefinition(wide), news, Background.shipped())
    assert (found.articles, found.both) == (4, 1)
    assert [each.id for each in found.gained] == [1]
    assert found.lost == ()
    assert found.gained[0].before < 1 <= found.gained[0].after
    assert {"choir", "singing"} & set(found.terms["en"].heavier)
    back = difference(TopicDefinition(wide), TopicDefinition(BRIDGE), news, Background.shipped())
    assert [each.id for each in back.lost] == [1]
    same = difference(TopicDefinition(wide), TopicDefinition(wide), news, Background.shipped())
    assert (same.gained, same.lost, same.terms) == ((), (), {})


def test_a_verdict_moves_terms_as_its_article_writes_them() -> None:
    dismissed = Example(
        topic="bridge", title="Bridge club", text="The bridge club plays cards.", language="en", is_relevant=False
    )
    (terms,) = term_shifts(TopicDefinition(BRIDGE), TopicDefinition(BRIDGE, [dismissed]), Background.shipped()).values()
    assert {"cards", "club"} & set(terms.lighter)
    assert str(terms).startswith("now heavier: ") or str(terms).startswith("now lighter: ")


# --- by the daemon's road and by command ------------------------------------------------------------------------------


def test_each_match_names_the_version_that_made_it(tmp_path: Path, clock: SetClock) -> None:
    with Site() as site, Newsroom(tmp_path, clock) as room:
        room.follows("bridge", SEED)
        room.reads("herald", site.url("/feed"), first_poll="all")
        site.publishes("/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1])))
        room.polls()
        room.follows("bridge", " ".join(MISS))
        assert room.reloads()
        clock.passes(minutes=30)
        later = ("Choir sings again", "https://n.example/2", "g2", MISS[1].replace("first", "second"))
        site.publishes("/feed", rss(later))
        room.polls()
        assert {row.topic_version for row in room.rows(MatchRow)} == {1, 2}


def test_history_and_diff_by_command(desk: Operator, tmp_path: Path) -> None:
    with Site() as site:
        site.publishes(
            "/feed", rss((HIT[0], "https://n.example/1", "g1", HIT[1]), (MISS[0], "https://n.example/2", "g2", MISS[1]))
        )
        desk.reads("herald", site.url("/feed"))
        assert desk.run("poll").exit_code == 0
        (desk.seeds / "bridge" / "choir.txt").write_text("\n\n".join(MISS))
        assert desk.run("poll").exit_code == 0
    found = desk.run("topics", "history", "bridge", "--json").lines
    assert [(each["number"], each["why"]) for each in found] == [(2, "seed added: choir.txt"), (1, "first seen")]
    assert "bridge@2" in desk.run("topics", "history", "bridge").stdout
    report = desk.run("topics", "diff", "bridge@1", "bridge@2", "--json").json
    assert [each["title"] for each in report["gained"]] == [MISS[0]]
    assert desk.run("topics", "diff", "bridge@1", "bridge", "--json").json["gained"] == report["gained"]
    shown = desk.run("topics", "diff", "bridge@1", desk.seeds / "bridge").stdout
    assert "1 gained, 0 lost, 1 matched by both" in shown
    assert "now heavier: " in shown
    (desk.seeds / "bridge" / "choir.txt").unlink()
    late = desk.run("topics", "history", "bridge")
    assert "the seeds or topic.toml changed since: no daemon has read that yet" in late.stderr
    assert "makes it bridge@3" in late.stderr
    match = desk.run("matches", "list", "--json").lines[0]
    desk.run("matches", "confirm", match["id"])
    assert "the seeds or topic.toml and the verdicts changed since" in desk.run("topics", "history", "bridge").stderr
    assert desk.run("poll").exit_code == 0
    assert "changed since" not in desk.run("topics", "history", "bridge").stderr
    desk.follows("fresh", "\n\n".join(MISS))
    assert 'the topic "fresh" has no version yet' in desk.run("topics", "history", "fresh").stderr
    backtested = desk.run("backtest", "--seeds", desk.seeds)
    assert "verdicts do not count here" in backtested.stderr
    assert "verdicts do not count here" in desk.run("topics", "try", desk.seeds / "bridge").stderr
    first = desk.run("matches", "list", "--json").lines[-1]
    assert "bridge@1" in desk.run("matches", "show", first["id"]).stdout


def test_two_sensitivities_are_compared_by_what_they_come_to() -> None:
    plain = replace(BRIDGE, required=())
    about = replace(plain, sensitivity="about 1 alerts a day")
    words = Article(
        guid="1",
        url="",
        title=HIT[0],
        text=HIT[1],
        language="en",
        published_at=NOON,
        seen_at=NOON,
        source="x",
        grade=Grade.FULL,
    )
    found = difference(TopicDefinition(about, factor=9.0), TopicDefinition(plain), [(1, words)], Background.shipped())
    assert [each.id for each in found.gained] == [1]


def test_what_cannot_be_compared_is_explained(desk: Operator, tmp_path: Path) -> None:
    news = tmp_path / "news.jsonl"
    news.write_text(json.dumps({"id": 1, "title": HIT[0], "text": HIT[1]}))
    folder = desk.seeds / "bridge"
    assert desk.run("topics", "diff", folder, folder, "--articles", news, "--json").json["both"] == 1
    without = desk.run("topics", "diff", folder, folder)
    assert without.exit_code == 3
    assert "--articles FILE" in without.stderr
    assert desk.run("topics", "diff", "bridge@9", "bridge", "--articles", news).exit_code == 3
    assert 'did you mean "bridge"' in desk.run("topics", "diff", "bridgo", "bridge", "--articles", news).stderr
    (tmp_path / "empty").mkdir()
    said = desk.run("topics", "diff", tmp_path / "empty", "bridge", "--articles", news)
    assert said.exit_code == 2
    assert "nothing to look for" in said.stderr
    assert desk.run("topics", "history", "bridge").exit_code == 3


def _article(title: str, text: str) -> Article:
    at = datetime(2026, 11, 22, tzinfo=UTC)
    return Article(guid=title, url="", title=title, text=text, language="en", published_at=at, seen_at=at)


def _article_row(number: int) -> ArticleRow:
    return ArticleRow(
        id=number, story_id=number, url="", url_key=0, text_key=0, title_key=0, title=f"Article {number}", text=MISS[1],
        language="en", grade="partial", published_at=NOON, seen_at=NOON,
    )  # fmt: skip


def _match_row(article_id: int, *, topic_version: int) -> MatchRow:
    return MatchRow(
        article_id=article_id, story_id=article_id, topic="bridge", score=1.0, threshold=0.5, reason="ALERTED",
        created_at=NOON, topic_version=topic_version,
    )  # fmt: skip


@pytest.mark.parametrize("limit", [1, 3])
def test_the_number_of_terms_is_bounded(limit: int) -> None:
    found = term_shifts(
        TopicDefinition(BRIDGE), TopicDefinition(replace(BRIDGE, seeds=(CHOIR,))), Background.shipped(), limit=limit
    )
    assert len(found["en"].heavier) == len(found["en"].lighter) == limit
