"""A small story is merged into another once an article shows that both are one event: on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlmodel import col, select

from monitor.evaluation import backtest
from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.review import stories as desk
from monitor.review import story_edits
from monitor.review.story_edits import Reviewer
from monitor.store.db import Database, serialize_decisions
from monitor.store.story_changes import MACHINE
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.stories import StoryRow
from monitor.stories.events import choose, confirm_merges
from monitor.stories.profiles import Profile, profile
from monitor.stories.tuning import MAX_MERGED_ARTICLES
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.matching import Article, Seed, Topic
from monitor.types.stories import Arrival, ArticleKind, StoryChoice
from tests.conftest import NOON

SEED = Seed(
    file="one.txt",
    title="Shipping off Skarn",
    text="Ferries and lifeboats in the waters off Skarn: groundings, rescues, the coast guard and the harbour.",
    language="en",
)
TOPIC = Topic(name="skarn", title="Skarn waters", seeds=(SEED,), sensitivity="broad")
AGROUND = (
    "Ferry Kestrel runs aground off Skarn",
    "The ferry Kestrel ran aground on a reef off Skarn in thick fog, and lifeboats from Dunmore took "
    "eighty passengers ashore. A tug "
    "from Velden harbour will try to pull the ferry free at high tide. Nobody was hurt.",
)
CAPTAIN = (
    "Coast guard questions captain Brandt",
    "Coast guard officers questioned captain Olaf Brandt for six hours about the radar and his "
    "steering orders off Skarn. Owners Tarn "
    "Line suspended Brandt and a mate. Inspectors of the shipping board took the logbook.",
)
BOTH = (
    "Kestrel captain suspended after ferry runs aground",
    "Captain Olaf Brandt of the ferry Kestrel was suspended by owners Tarn Line after it ran aground "
    "on a reef off Skarn in thick fog. "
    "Coast guard officers questioned Brandt about radar and steering. Lifeboats from Dunmore took "
    "eighty passengers ashore, and a tug "
    "from Velden harbour waits for high tide.",
)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


def article(told: tuple[str, str], number: int = 0) -> Article:
    at = NOON + timedelta(minutes=10 * number)
    title, text = told
    return Article(
        guid=f"{number}", url=f"https://n{number}.example/{number}-a-ship", title=title, text=text, language="en",
        published_at=at, seen_at=at, source=f"paper{number}",
    )  # fmt: skip


class Room:
    def __init__(self, db: Database, matcher: Matcher) -> None:
        self.db, self.matcher, self.number = db, matcher, 0

    def files(self, told: tuple[str, str]) -> FiledArticle:
        self.number += 1
        new = article(told, self.number)
        with self.db.writing() as session:
            serialize_decisions(session)
            telling = AlertingContext(topics={TOPIC.name: TOPIC})
            return file_article(session, assess(new, self.matcher, arrival=Arrival()), telling, now=new.seen_at)

    def stories(self) -> dict[int, list[int]]:
        with self.db.reading() as session:
            rows = session.exec(select(StoryRow).where(col(StoryRow.part_of).is_(None))).all()
            found = {
                row.id: list(session.exec(select(ArticleRow.id).where(ArticleRow.story_id == row.id).order_by(ArticleRow.id)))
                for row in rows
            }  # fmt: skip
            assert {row.id: row.articles for row in rows} == {number: len(ids) for number, ids in found.items()}
        return found

    def alerts(self) -> list[tuple[str, int]]:
        with self.db.reading() as session:
            rows = session.exec(select(AlertRow).order_by(col(AlertRow.created_at), col(AlertRow.article_id))).all()
            return [(row.kind, row.story_id) for row in rows]


@pytest.fixture
def room(db: Database, matcher: Matcher) -> Room:
    """Two stories of one event, for the two papers tell different sides of it; both were told."""
    room = Room(db, matcher)
    assert [room.files(told).choice.kind for told in (AGROUND, CAPTAIN)] == [ArticleKind.NEW, ArticleKind.NEW]
    assert room.alerts() == [("new", 1), ("new", 2)]
    return room


def test_an_article_that_tells_both_makes_one_story_of_two_and_tells_nobody(room: Room) -> None:
    filed = room.files(BOTH)
    assert len(filed.merged_stories) == 1
    assert room.stories() == {filed.story_id: [1, 2, 3]}
    assert room.alerts() == [("new", filed.story_id)] * 2


def test_what_was_merged_is_remembered_with_its_reason_and_found_by_both_numbers(room: Room) -> None:
    filed = room.files(BOTH)
    with room.db.reading() as session:
        stories = [desk.find(session, number, now=NOON) for number in (1, 2)]
    assert {each.summary.id for each in stories} == {filed.story_id}
    (said,) = stories[0].edits
    assert (said["by"], said["verb"]) == (MACHINE, "merge")
    assert BOTH[0] in said["note"]
    assert not any(part.is_pinned for part in stories[0].articles)


def test_what_a_person_split_off_the_machine_does_not_merge_again(room: Room) -> None:
    filed = room.files(BOTH)
    other = 2 if filed.story_id == 1 else 1
    with room.db.writing() as session:
        story_edits.split(session, [other], Reviewer(by="ada", now=NOON))
    assert room.stories() == {filed.story_id: sorted({1, 2, 3} - {other}), other: [other]}
    again = room.files(("After the Kestrel: captain and ferry", BOTH[1].replace("thick fog", "fog at dawn")))
    assert again.merged_stories == ()
    assert other in room.stories()


def test_a_backtest_says_in_which_story_an_article_is_in_the_end(matcher: Matcher) -> None:
    lines = [
        json.dumps({"id": f"line{number}", "title": told[0], "text": told[1], "language": "en", "source": f"paper{number}"})
        for number, told in enumerate((AGROUND, CAPTAIN, BOTH))
    ]  # fmt: skip
    read = backtest.read_lines(lines, start_at=NOON, on_bad=lambda number, why: pytest.fail(why))
    answers = list(backtest.run(read, matcher, [TOPIC]))
    assert [each["id"] for each in answers] == ["line0", "line1", "line2"]
    assert len({each["story"] for each in answers}) == 1
    assert [each["kind"] for each in answers] == ["new", "new", "joins"]
    assert [bool(each["alert"]) for each in answers] == [True, True, False]


# --- the decision -------------------------------------------------------------------------------------------------------


def told(number: int, text: tuple[str, str], *, story: int) -> RelatedArticle:
    new = article(text, number)
    return RelatedArticle(article_id=number, story_id=story, published_at=new.published_at, profile=_profile(new))


def _profile(new: Article) -> Profile:
    return profile(new, Background.shipped().table("en").idf)


@pytest.fixture
def both() -> tuple[Article, StoryChoice, list[RelatedArticle]]:
    new, kindred = article(BOTH, 9), [told(1, AGROUND, story=1), told(2, CAPTAIN, story=2)]
    choice = choose(new, _profile(new), kindred)
    assert choice
    assert choice.merged_stories
    return new, choice, kindred


def test_a_large_story_is_never_merged(both: tuple[Article, StoryChoice, list[RelatedArticle]]) -> None:
    new, choice, kindred = both
    (small,) = choice.merged_stories
    one = next(each for each in kindred if each.story_id == small)
    assert confirm_merges(new, _profile(new), choice, kindred, [one]) == (small,)
    crowd = [
        told(20 + number, AGROUND if small == 1 else CAPTAIN, story=small) for number in range(MAX_MERGED_ARTICLES)
    ]
    assert confirm_merges(new, _profile(new), choice, kindred, [one, *crowd]) == ()


def test_a_story_with_strangers_in_it_is_not_merged(both: tuple[Article, StoryChoice, list[RelatedArticle]]) -> None:
    new, choice, kindred = both
    (small,) = choice.merged_stories
    one = next(each for each in kindred if each.story_id == small)
    strangers = (
        "Wheat prices climb",
        "Wheat prices climbed to their highest level in eight years after a dry month, traders said.",
    )
    assert confirm_merges(new, _profile(new), choice, kindred, [one, told(30, strangers, story=small)]) == ()
