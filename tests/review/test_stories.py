"""What people say of stories, on SQLite and on PostgreSQL alike: it is done, it stays so, and it can be undone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import text
from sqlmodel import Session, col, select

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.review import stories as desk
from monitor.review import story_edits
from monitor.review.stories import StoryChangeError, UnknownStoryError
from monitor.review.story_edits import Reviewer
from monitor.store import migrate
from monitor.store.db import Database, serialize_decisions
from monitor.store.tables.alerts import AlertRow, AlertTopicRow
from monitor.store.tables.articles import ArticleRow
from monitor.store.tables.feeds import FeedRow
from monitor.store.tables.matches import MatchRow
from monitor.store.tables.stories import StoryRow
from monitor.stories.sources import StoryState
from monitor.types.matching import Article, Grade, Reason, Seed, Topic
from monitor.types.stories import Arrival, ArticleKind, EscalationLimits
from tests.conftest import NOON
from tests.fakes.settings import feed, put_in_force

TOPIC = Topic(
    name="marrow-bridge",
    title="Marrow bridge",
    seeds=(
        Seed(
            file="one.txt",
            title="The Marrow bridge",
            text="The old Marrow bridge, its piers, its council, lorries and ferry.",
            language="en",
        ),
    ),
)
CRACKS = (
    "Engineers closed the old Marrow bridge to lorries on Tuesday after divers found cracks in two of its stone piers. "
    "The council said that repairs would take eleven weeks and cost four million crowns. Ferry services will run until midnight."
)
CRACKS_TOLD_ANEW = (
    "Cracks in two stone piers have closed the Marrow bridge to lorries. Divers found them on Tuesday, the council said, and "
    "ferry services will run until midnight while engineers work. Repairs of the piers would cost four million crowns."
)
HERONS = (
    "A street painter has covered the Marrow bridge with forty herons overnight. The council will let the birds stay, "
    "the mayor Edda Quist said at the opening of the Lantern Festival, and asked the painter Yoram Bede to sign them."
)
HAND = Reviewer(by="ada", now=NOON)


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


class Filer:
    """A store that articles are filed into, one after the other, ten minutes apart."""

    def __init__(self, db: Database, matcher: Matcher, limits: EscalationLimits | None = None) -> None:
        self.db, self.matcher, self.at = db, matcher, NOON
        self.alerting = AlertingContext(topics={TOPIC.name: TOPIC}, limits=limits or EscalationLimits())

    def files(
        self, text: str, source: str, *, title: str = "", author: str = "", url: str = "", **named: str
    ) -> FiledArticle:
        self.at += timedelta(minutes=10)
        article = Article(
            guid=f"{source} {self.at}",
            url=url or f"https://{source}.example/{self.at:%H%M}-a-story",
            title=title or f"News of {source}",
            text=text,
            language="en",
            published_at=self.at,
            seen_at=self.at,
            source=source,
            author=author,
            grade=Grade.FULL,
            **named,  # type: ignore[arg-type]
        )
        judged = assess(article, self.matcher, arrival=Arrival())
        with self.db.writing() as session:
            serialize_decisions(session)
            return file_article(session, judged, self.alerting, now=self.at)

    def merges(self, into: int, other: int) -> story_edits.StoryChangeResult:
        with self.db.writing() as session:
            return story_edits.merge(session, into, other, HAND)

    def splits(self, *articles: int) -> story_edits.StoryChangeResult:
        with self.db.writing() as session:
            return story_edits.split(session, articles, HAND)

    def moves(self, *articles: int, to: int) -> story_edits.StoryChangeResult:
        with self.db.writing() as session:
            return story_edits.move(session, articles, to, HAND)

    def story(self, number: int) -> desk.Story:
        with self.db.reading() as session:
            return desk.find(session, number, now=self.at, preferred=self.alerting.preferred)

    def stories(self) -> dict[int, list[int]]:
        """Story -> its articles; rows and articles must say the same."""
        with self.db.reading() as session:
            rows = session.exec(select(StoryRow).where(col(StoryRow.part_of).is_(None))).all()
            found = {row.id: articles_of(session, row.id) for row in rows}
            assert {row.id: row.articles for row in rows} == {number: len(ids) for number, ids in found.items()}
            matches = session.exec(select(MatchRow.article_id, MatchRow.story_id)).all()
        assert all(article_id in found[story_id] for article_id, story_id in matches)
        assert all(number in ids for number, ids in found.items()), "a story's number is that of one of its articles"
        return found

    def alerts(self) -> list[tuple[str, str]]:
        with self.db.reading() as session:
            told = select(AlertRow.kind, AlertTopicRow.key).join(
                AlertTopicRow, col(AlertTopicRow.alert_id) == AlertRow.id
            )
            return list(session.exec(told.order_by(col(AlertRow.created_at), col(AlertTopicRow.key))).all())


def articles_of(session: Session, story_id: int) -> list[int]:
    return list(session.exec(select(ArticleRow.id).where(ArticleRow.story_id == story_id).order_by(col(ArticleRow.id))))


@pytest.fixture
def room(db: Database, matcher: Matcher) -> Filer:
    """Three articles of the cracks (1, copy 2, other telling 3), one of the herons (4), both told."""
    room = Filer(db, matcher)
    kinds = [
        room.files(CRACKS, "herald", title="Marrow bridge closed to lorries as piers crack").choice.kind,
        room.files(CRACKS, "courier").choice.kind,
        room.files(CRACKS_TOLD_ANEW, "echo", title="Lorries banned from Marrow bridge over cracked piers").choice.kind,
        room.files(HERONS, "gazette", title="Forty herons on the Marrow bridge").choice.kind,
    ]
    assert kinds == [ArticleKind.NEW, ArticleKind.COPY, ArticleKind.JOINS, ArticleKind.NEW]
    assert [kind for kind, _ in room.alerts()] == ["new", "new"]
    return room


def test_a_story_is_counted_as_its_articles_arrive(room: Filer) -> None:
    assert room.stories() == {1: [1, 2, 3], 4: [4]}
    story = room.story(1)
    assert (story.summary.state, story.summary.outlets, story.summary.lead_article_id) == (StoryState.EMERGING, 3, 1)
    assert [each.description for each in story.independent_sources] == ["herald, copied by 1 outlet", "echo"]
    assert story.summary.told == ("marrow-bridge",)


def test_merged_stories_are_one_and_stay_so(room: Filer) -> None:
    room.merges(1, 4)
    assert room.stories() == {1: [1, 2, 3, 4]}
    assert room.story(4).summary.id == 1
    copy = room.files(HERONS, "tribune")
    assert (copy.story_id, copy.choice.kind, copy.alerts) == (1, ArticleKind.COPY, ())
    joined = room.files(
        HERONS.replace("A street painter has", "Overnight, a painter from the street has"),
        "observer",
        title="Painter covers the Marrow bridge with forty herons",
    )
    assert (joined.story_id, joined.alerts) == (1, ())
    assert len(room.alerts()) == 2


def test_a_merge_is_undone_by_a_split_and_numbers_alerts_and_rows_are_as_before(room: Filer) -> None:
    before = room.stories(), room.alerts()
    said = room.merges(1, 4)
    assert said.undo == "stories split 4"
    room.splits(4)
    assert (room.stories(), room.alerts()) == before


def test_the_other_way_round_too(room: Filer) -> None:
    before = room.stories(), room.alerts()
    said = room.merges(4, 1)
    assert room.stories() == {4: [1, 2, 3, 4]}
    assert said.undo == "stories split 1 2 3"
    room.splits(1, 2, 3)
    assert (room.stories(), room.alerts()) == before


def test_what_copies_an_article_split_off_goes_to_its_new_story(room: Filer) -> None:
    said = room.splits(3)
    assert room.stories() == {1: [1, 2], 3: [3], 4: [4]}
    assert said.undo == "stories merge 1 3"
    copy = room.files(CRACKS_TOLD_ANEW, "tribune")
    assert (copy.story_id, copy.choice.of_article_id) == (3, 3)


def test_of_equal_texts_the_one_a_person_placed_decides(room: Filer) -> None:
    room.splits(2)
    copy = room.files(CRACKS, "tribune")
    assert (copy.story_id, copy.choice.of_article_id) == (2, 2)


def test_a_split_off_copy_is_listed_for_itself(room: Filer) -> None:
    room.splits(2)
    with room.db.reading() as session:
        match = session.exec(select(MatchRow).where(MatchRow.article_id == 2)).one()
    assert match.reason == Reason.SET_APART.name
    room.merges(1, 2)
    with room.db.reading() as session:
        match = session.exec(select(MatchRow).where(MatchRow.article_id == 2)).one()
    assert match.reason == Reason.COPY.name


def test_nobody_is_told_by_a_split_but_the_next_of_a_story_that_was_never_told_is(room: Filer) -> None:
    room.splits(3)
    assert len(room.alerts()) == 2
    room.files(
        CRACKS_TOLD_ANEW.replace("Repairs", "The repairs"), "tribune", title="Bridge: cracked piers, banned lorries"
    )
    assert len(room.alerts()) == 2  # a copy of what matched is silent


def test_the_article_that_opened_a_story_can_leave_it(room: Filer) -> None:
    said = room.splits(1)
    assert room.stories() == {1: [1, 2], 3: [3], 4: [4]}
    assert (said.story_id, said.undo) == (1, "stories merge 3 1")
    room.merges(3, 1)
    assert room.stories() == {3: [1, 2, 3], 4: [4]}
    assert room.story(1).summary.id == 3


def pinned(room: Filer) -> list[int]:
    with room.db.reading() as session:
        return list(session.exec(select(ArticleRow.id).where(ArticleRow.is_pinned).order_by(col(ArticleRow.id))))


def test_copies_go_where_their_original_goes(room: Filer) -> None:
    room.files(CRACKS, "tribune")
    room.files(CRACKS_TOLD_ANEW, "observer")
    room.files(CRACKS.replace("eleven weeks", "thirty weeks"), "post")
    assert room.stories() == {1: [1, 2, 3, 5, 6, 7], 4: [4]}
    said = room.moves(1, to=4)
    assert room.stories() == {3: [3, 6], 4: [1, 2, 4, 5, 7]}, "a corrected copy goes along, too"
    assert room.story(4).outlets == ("herald", "courier", "gazette", "tribune", "post")
    assert room.story(3).summary.outlets == 2
    assert pinned(room) == [1], "the copies only followed"
    assert said.undo == "stories move 1 2 5 7 --to 3"
    room.moves(1, to=3)
    assert room.stories() == {3: [1, 2, 3, 5, 6, 7], 4: [4]}
    assert pinned(room) == []


def test_a_copy_that_a_person_placed_stays_where_its_original_leaves(room: Filer) -> None:
    room.splits(2)
    room.merges(4, 2)
    room.moves(3, to=4)
    room.merges(1, 4)
    assert room.stories() == {1: [1, 2, 3, 4]}
    room.splits(1)
    assert room.stories()[1] == [1]
    with room.db.reading() as session:
        match = session.exec(select(MatchRow).where(MatchRow.article_id == 2)).one()
    assert match.story_id == 2


def test_an_article_with_its_copies_alone_cannot_be_split(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    room.files(CRACKS, "herald")
    room.files(CRACKS, "courier")
    with pytest.raises(StoryChangeError, match="article 1 with its copies are all the articles of story 1"):
        room.splits(1)
    room.splits(2)
    assert room.stories() == {1: [1], 2: [2]}


def test_only_what_a_person_moved_and_left_there_is_put_there_by_a_person(room: Filer) -> None:
    room.merges(1, 4)
    assert pinned(room) == [4]
    room.splits(4)
    assert pinned(room) == []
    room.merges(4, 1)
    assert pinned(room) == [1, 3]
    room.splits(3)
    assert pinned(room) == [1, 3]
    room.splits(1)
    assert (room.stories(), pinned(room)) == ({1: [1, 2], 3: [3], 4: [4]}, [3])


def test_an_article_moves_and_moves_back(room: Filer) -> None:
    said = room.moves(3, to=4)
    assert room.stories() == {1: [1, 2], 4: [3, 4]}
    assert said.undo == "stories move 3 --to 1"
    room.moves(3, to=1)
    assert room.stories() == {1: [1, 2, 3], 4: [4]}


def test_the_last_article_takes_its_story_along(room: Filer) -> None:
    said = room.moves(4, to=1)
    assert room.stories() == {1: [1, 2, 3, 4]}
    assert said.undo == "stories split 4"
    assert room.story(4).summary.id == 1


def test_an_update_follows_its_article_wherever_a_person_put_it(room: Filer) -> None:
    with room.db.reading() as session:
        url = session.get_one(ArticleRow, 3).url
    room.moves(3, to=4)
    changed = room.files(CRACKS_TOLD_ANEW.replace("four million", "nine million"), "echo", url=url)
    assert (changed.article_id, changed.story_id, changed.choice.kind) == (3, 4, ArticleKind.UPDATE)
    assert room.stories() == {1: [1, 2], 4: [3, 4]}


def test_what_was_said_is_remembered_with_who_and_when(room: Filer) -> None:
    with room.db.writing() as session:
        story_edits.merge(session, 1, 4, replace(HAND, note="one festival"))
    (said,) = room.story(1).edits
    assert (said["by"], said["at"], said["note"]) == ("ada", NOON, "one festival")
    assert said["words"] == "merged story 4 into story 1 (article 4)"
    assert [each.is_pinned for each in room.story(1).articles] == [False, False, False, True]


def test_a_story_that_was_split_off_and_merged_again_is_no_story_split_off_itself(room: Filer) -> None:
    room.splits(2)
    room.merges(1, 2)
    assert [each["words"] for each in room.story(1).edits] == [
        "split article 2 off story 1 as a story that is part of story 1 now",
        "merged story 2 into story 1 (article 2)",
    ]


@pytest.mark.parametrize(
    ("articles", "words"),
    [((99,), "there is no article 99"), ((1, 98, 99), "there are no articles 98, 99"), ((0,), "there is no article 0")],
)
def test_unknown_articles_are_named(room: Filer, articles: Sequence[int], words: str) -> None:
    for verb in (lambda: room.splits(*articles), lambda: room.moves(*articles, to=4)):
        with pytest.raises(UnknownStoryError, match=words):
            verb()
    assert room.stories() == {1: [1, 2, 3], 4: [4]}


def test_what_makes_no_sense_is_said_and_nothing_is_changed(room: Filer) -> None:
    for verb, words in (
        (lambda: room.merges(1, 1), "story 1 cannot be merged with itself"),
        (lambda: room.merges(1, 77), "there is no story 77"),
        (lambda: room.merges(77, 1), "there is no story 77"),
        (lambda: room.splits(4), "article 4 is the only article of story 4"),
        (lambda: room.splits(1, 2, 3), "are all the articles of story 1"),
        (lambda: room.splits(3, 4), "different stories"),
        (lambda: room.splits(), "name at least one"),
        (lambda: room.moves(3, to=1), "article 3 is in story 1 already"),
        (lambda: room.moves(3, to=77), "there is no story 77"),
    ):
        with pytest.raises(StoryChangeError, match=words):
            verb()
    room.merges(1, 4)
    with pytest.raises(StoryChangeError, match="stories 1 and 4 are one already"):
        room.merges(1, 4)


def test_stories_are_listed_by_topic_and_state_the_latest_grown_first(room: Filer) -> None:
    room.files("The city orchestra opens its winter season on Friday with a new conductor and two premieres.", "times")
    with room.db.reading() as session:
        page = desk.list_stories(session, now=room.at)
        assert [each.id for each in page.stories] == [4, 1]
        assert [each.id for each in desk.list_stories(session, is_any=True, now=room.at).stories] == [5, 4, 1]
        later = room.at + timedelta(days=3)
        for state, found in ((StoryState.QUIET, 2), (StoryState.ACTIVE, 0), (StoryState.EMERGING, 0)):
            assert desk.list_stories(session, topic=TOPIC.name, state=state, now=later).total == found
        later = room.at + timedelta(hours=10)
        assert [each.id for each in desk.list_stories(session, state=StoryState.ACTIVE, now=later).stories] == [1]


def test_a_preferred_source_leads(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    room.alerting = replace(room.alerting, preferred=("courier",))
    room.files(CRACKS, "herald")
    room.files(CRACKS, "courier")
    assert room.story(1).summary.lead_article_id == 2


def test_outlets_go_by_the_titles_of_their_feeds(room: Filer) -> None:
    with room.db.writing() as session:
        for name, title, own in (("herald", "The Herald", "x"), ("courier", "", "Courier Online")):
            row = FeedRow(name=name, url=f"https://{name}.example/", host="h", interval_seconds=900, next_poll_at=NOON)
            row.title, row.own_title = title, own
            session.add(row)
    assert room.story(1).outlets == ("The Herald", "Courier Online", "echo")
    with room.db.writing() as session:
        put_in_force(session, "feed", [feed("herald")], now=NOON)
    assert room.story(1).outlets[0] == "x"


def test_an_agencys_own_feed_is_one_source_with_those_who_copy_it(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    room.files(CRACKS, "reuters", title="Marrow bridge closed to lorries as piers crack")
    room.files(CRACKS_TOLD_ANEW, "echo", title="Lorries banned from Marrow bridge over cracked piers", author="Reuters")
    with db.writing() as session:
        row = FeedRow(name="reuters", url="https://r.example/", host="h", interval_seconds=900, next_poll_at=NOON)
        row.own_title = "Reuters: World"
        session.add(row)
    assert [each.description for each in room.story(1).independent_sources] == ["Reuters copy, carried by 2 outlets"]


# --- publishers -----------------------------------------------------------------------------------------------------------


def test_sections_of_one_site_and_what_an_aggregator_passes_on_are_one_outlet(db: Database, matcher: Matcher) -> None:
    """A site tells in one section, tells anew in another, an aggregator shows its copy; then a stranger carries it."""
    room = Filer(db, matcher)
    room.files(
        CRACKS, "herald-world", title="Marrow bridge closed to lorries", url="https://www.herald.example/1-world"
    )
    section = room.files(
        CRACKS_TOLD_ANEW,
        "herald-towns",
        title="Lorries banned from Marrow bridge",
        url="https://m.herald.example/2-towns",
    )
    aggregator = "https://news.google.com/rss/articles/CBMi"
    passed = room.files(CRACKS, "google", url=aggregator, outlet="The Herald", outlet_host="www.herald.example")
    story = room.story(1)
    assert {1, section.story_id, passed.story_id} == {1}
    assert (story.summary.articles, story.summary.outlets, len(story.outlets)) == (3, 1, 1)
    assert len(story.independent_sources) == 1
    room.files(CRACKS, "courier")
    assert room.story(1).summary.outlets == 2
    with db.reading() as session:
        assert session.exec(select(StoryRow.outlets).where(StoryRow.id == 1)).one() == 2


def test_the_owners_word_on_a_feed_makes_one_publisher_of_two_sites_and_two_of_one(
    db: Database, matcher: Matcher
) -> None:
    room = Filer(db, matcher)
    for name in ("herald", "gazette", "courier"):
        room.files(CRACKS, name)
    assert room.story(1).summary.outlets == 3
    with db.writing() as session:
        house = [feed(name, publisher="House of Papers") for name in ("herald", "gazette")]
        put_in_force(session, "feed", house, now=NOON)
    assert room.story(1).outlets == ("House of Papers", "courier")
    with db.writing() as session:
        put_in_force(session, "feed", [feed("herald"), feed("gazette")], now=NOON)
    assert len(room.story(1).outlets) == 3, "what is no longer set no longer holds"


def test_sections_of_one_site_make_no_story_grow(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher, EscalationLimits(outlets=3))
    room.files(CRACKS, "herald", title="Marrow bridge closed to lorries as piers crack")
    for number in range(5):
        filed = room.files(
            TELLINGS[number].format(ENDS[number]),
            f"section{number}",
            title="Marrow bridge closed to lorries",
            url=f"https://www.courier.example/{number}-section-story",
        )
        assert (filed.story_id, filed.alerts) == (1, ())
    filed = grows(room, 5)
    assert [each.body for each in filed.alerts] == ["now 3 independent outlets"]


def test_an_agencys_own_article_leads_before_those_who_printed_it_and_the_story_says_so(
    db: Database, matcher: Matcher
) -> None:
    room = Filer(db, matcher)
    room.files(CRACKS, "herald", author="Reuters")
    assert room.story(1).lead_why == "the earliest"
    with db.writing() as session:
        put_in_force(session, "feed", [feed("wire", title="Reuters: World")], now=NOON)
    room.files(CRACKS, "wire")
    story = room.story(1)
    assert story.summary.lead_article_id == 2
    assert story.lead_why == "the original, by Reuters itself, which others printed"
    with db.reading() as session:
        assert session.exec(select(StoryRow.lead_article_id).where(StoryRow.id == 1)).one() == 2
    room.alerting = replace(room.alerting, preferred=("herald",))
    room.files(CRACKS, "echo")
    assert (room.story(1).summary.lead_article_id, room.story(1).lead_why) == (1, "a preferred source (herald)")


def test_a_newer_version_from_an_aggregator_leaves_the_publisher(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    url = "https://herald.example/1-the-bridge-story"
    room.files(CRACKS, "herald", url=url)
    changed = CRACKS.replace("four million", "nine million")
    newer = room.files(changed, "google", url=url, outlet="Somebody Else", outlet_host="else.example")
    assert newer.choice.kind is ArticleKind.UPDATE
    assert room.story(1).outlets == ("herald",)
    (first, change) = room.story(1).timeline
    assert (first.step.is_later, change.step.is_later) == (False, True)
    assert any("9000000" in each for each in change.step.added)


def test_the_time_line_goes_by_publication_and_folds_copies(room: Filer) -> None:
    lines = room.story(1).timeline
    assert [(each.publisher, each.also_carried_by) for each in lines] == [("herald", ("courier",)), ("echo", ())]


def test_numbers_stand_through_any_order_of_verbs(room: Filer) -> None:
    room.merges(4, 1)
    room.splits(4)
    room.moves(1, 2, to=4)
    room.splits(2)
    room.merges(2, 3)
    room.moves(1, to=2)
    found = room.stories()
    assert sorted(each for ids in found.values() for each in ids) == [1, 2, 3, 4]
    assert len(room.alerts()) == 2


# --- growth -------------------------------------------------------------------------------------------------------------

TELLINGS = [
    "Divers found cracks in two stone piers of the Marrow bridge on Tuesday, and the council closed it to lorries. {}",
    "The council has closed the Marrow bridge to lorries: on Tuesday divers found cracks in two of the stone piers. {}",
    "Lorries may not cross the Marrow bridge since Tuesday, when divers found cracks in two stone piers, the council said. {}",
    "Two stone piers of the Marrow bridge are cracked, divers told the council on Tuesday; lorries are banned from it. {}",
    "On Tuesday cracks were found by divers in two stone piers of the Marrow bridge. The council banned all lorries. {}",
    "Cracked stone piers, two of them, were found by divers on Tuesday: the Marrow bridge is closed to lorries by the council. {}",
]
ENDS = [
    "Bakers fear for their morning rounds.",
    "A second crossing was promised years ago.",
    "Schools begin an hour later until spring.",
    "Fishermen offered their boats at once.",
    "Tolls on the northern road were lifted.",
    "Insurance covers half of the costs.",
]


def grows(room: Filer, number: int, *, author: str = "", copy: bool = False) -> FiledArticle:
    text = CRACKS if copy else TELLINGS[number % 6].format(ENDS[number % 6])
    return room.files(text, f"outlet{number}", title="Marrow bridge closed to lorries", author=author)


def test_a_story_is_told_once_more_when_enough_independent_outlets_have_it(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher, EscalationLimits(outlets=3))
    room.files(CRACKS, "herald", title="Marrow bridge closed to lorries as piers crack")
    for number in range(5):
        grows(room, 10 + number, copy=True)
    assert len(room.alerts()) == 1, "copies add no source"
    filed = [grows(room, number) for number in range(5)]
    assert {each.story_id for each in filed} == {1}
    kinds = [kind for kind, _ in room.alerts()]
    assert kinds == ["new", "escalated"]
    told = next(each for each in filed if each.alerts)
    assert told.decision.reason is Reason.ESCALATED
    assert told.alerts[0].body == "now 3 independent outlets"
    assert room.alerts()[1][1] == "marrow-bridge/1/escalated-outlets"


def test_one_wire_counts_once_however_it_is_retold(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher, EscalationLimits(outlets=3))
    room.files(CRACKS, "herald", author="Reuters")
    for number in range(5):
        assert grows(room, number, author="Reuters").alerts == ()
    assert len(room.story(1).independent_sources) == 1


def test_a_story_is_told_once_more_when_it_gathers_far_more_than_its_topics_stories_do(
    db: Database, matcher: Matcher
) -> None:
    room = Filer(db, matcher, EscalationLimits(pace=5))
    for number in range(5):  # so many other stories that it is known what is usual
        room.files(
            f"The Marrow bridge. {HERONS.replace('herons', str(number))}", f"paper{number}", title=f"Herons {number}"
        )
        with room.db.writing() as session:
            row = session.exec(select(ArticleRow).order_by(col(ArticleRow.id).desc()).limit(1)).one()
            if row.story_id != row.id:
                story_edits.split(session, [row.id or 0], HAND)
        room.at += timedelta(hours=12)
    told = len(room.alerts())
    room.files(CRACKS, "herald", title="Marrow bridge closed to lorries as piers crack")
    filed = [grows(room, number) for number in range(9)]
    kinds = [kind for kind, _ in room.alerts()]
    assert kinds[told:].count("escalated") == 1
    (alert,) = next(each.alerts for each in filed if each.alerts)
    assert alert.body.endswith("articles within 6 hours, where a story of this topic usually gathers 1")


def test_growth_is_not_told_where_that_is_not_wanted(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    room.files(CRACKS, "herald")
    for number in range(6):
        grows(room, number)
    assert [kind for kind, _ in room.alerts()] == ["new"]


def test_two_pollers_at_once_escalate_and_update_once(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher, EscalationLimits(outlets=2))
    room.files(CRACKS, "herald", url="https://herald.example/1-the-bridge-story")
    jobs = [lambda number=number: grows(room, number) for number in range(4)]
    at_once(jobs)
    assert sorted(kind for kind, _ in room.alerts()) == ["escalated", "new"]
    changed = CRACKS.replace("four million", "nine million")
    at_once([lambda: room.files(changed, "herald", url="https://herald.example/1-the-bridge-story")] * 4)
    assert sorted(kind for kind, _ in room.alerts()) == ["escalated", "new", "updated"]


def test_two_people_and_a_poller_at_once_leave_a_whole_ledger(room: Filer) -> None:
    jobs = [
        lambda: room.merges(1, 4),
        lambda: room.files(HERONS, "tribune"),
        lambda: room.files(CRACKS, "times"),
        lambda: room.splits(3),
    ]
    at_once(jobs)
    assert sorted(each for ids in room.stories().values() for each in ids) == [1, 2, 3, 4, 5, 6]
    assert len(room.alerts()) == 2


def at_once(jobs: Sequence[object]) -> None:
    start, faults = threading.Barrier(len(jobs)), []

    def run(job: object) -> None:
        start.wait()
        try:
            job()  # type: ignore[operator]
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


# --- stores of before ---------------------------------------------------------------------------------------------------


def test_stories_of_a_store_of_before_are_counted_from_their_articles(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(sqlite_url)
    with monkeypatch.context() as patch:
        to_head = command.upgrade
        patch.setattr(command, "upgrade", lambda config, _head: to_head(config, "0005"))
        migrate.upgrade(database)
    with database.writing() as session:
        feed = "INSERT INTO feeds (name, url, host, origin, title, site_url, interval_seconds, first_poll, first_poll_latest, "
        feed += "allow_private, is_enabled, next_poll_at, outcome, failures, is_failing_told, polls, polls_not_modified) VALUES "
        feed += (
            "('herald', 'u', 'h', 'config', 'The Herald', '', 900, 'baseline', 0, 0, 1, '2021-10-20', '', 0, 0, 0, 0)"
        )
        session.connection().execute(text(feed))
        for number, story_id, source in ((1, 1, "herald"), (2, 1, "courier"), (3, 1, "herald"), (4, 4, "echo")):
            article = "INSERT INTO articles (id, story_id, kind, similarity, why, url, url_key, text_key, title_key, title, text, "
            article += "language, author, source, grade, published_at, seen_at, decision, decided_at, scores) VALUES (:id, :story, "
            article += (
                "'new', 0, '', 'u', 0, 0, 0, :title, 'x', 'en', '', :source, 'full', :at, :at, 'NO_MATCH', :at, '[]')"
            )
            at = f"2021-10-20 12:0{number}:00.000000"
            values = {"id": number, "story": story_id, "title": f"T{number}", "source": source, "at": at}
            session.connection().execute(text(article), values)
    assert migrate.upgrade(database)
    with database.reading() as session:
        first, other = session.exec(select(StoryRow).order_by(col(StoryRow.id))).all()
        assert (first.articles, first.outlets, first.lead_article_id, other.articles) == (3, 2, 1, 1)
        story = desk.find(session, 1, now=NOON + timedelta(hours=1))
        assert story.outlets == ("The Herald", "courier")
        assert (story.summary.first_seen_at, story.summary.last_seen_at) == (
            NOON + timedelta(minutes=1),
            NOON + timedelta(minutes=3),
        )
    database.close()
