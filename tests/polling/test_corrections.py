"""A corrected copy at another address: one alert as an update, while cuts, additions and local wording give none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlmodel import select

from monitor.matching.background import Background
from monitor.matching.matcher import Matcher, build
from monitor.polling.assess import assess
from monitor.polling.intake import file_article
from monitor.polling.values import AlertingContext, FiledArticle
from monitor.review import revisions
from monitor.store.db import Database, serialize_decisions
from monitor.store.stories import story_articles
from monitor.store.tables.alerts import AlertRow
from monitor.store.tables.articles import ArticleRow
from monitor.stories.changes import correction
from monitor.stories.sources import independent_sources
from monitor.types.matching import Article, Grade, Reason
from monitor.types.stories import Arrival, ArticleKind
from tests.conftest import NOON
from tests.review.test_stories import TOPIC

WIRE = (
    "MARROW (Reuters) - A ferry sank below the old Marrow bridge on Tuesday and at least 12 people drowned, the council said. "
    "Divers searched the piers until midnight and lorries were kept off the Marrow bridge. "
    "“We will open the bridge on Friday,” said Edda Quist, the mayor of the town. "
    "The ferry had passed its inspection in spring and was carrying bakers to their morning rounds. "
    "Police have arrested the captain, Yoram Bede, and did not say what he is accused of. "
    "Engineers will look at the stone piers before lorries may cross the bridge again."
)
SEVENTEEN = WIRE.replace("12 people", "17 people")


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return build([TOPIC], background=Background.shipped())


class Filer:
    """A store with a matcher, for filing articles."""

    def __init__(self, db: Database, matcher: Matcher) -> None:
        self.db, self.matcher = db, matcher
        self.alerting = AlertingContext(topics={TOPIC.name: TOPIC})
        self.at = NOON

    def files(
        self,
        text: str,
        source: str,
        *,
        title: str = "Ferry sinks at Marrow bridge",
        url: str = "",
        at: datetime | None = None,
    ) -> FiledArticle:
        """The article comes in ten minutes after the one before; it was published when it came, or at `at`."""
        self.at += timedelta(minutes=10)
        article = Article(
            guid=f"{source} {self.at}", url=url or f"https://{source}.example/{self.at:%H%M}-a-story", title=title, text=text,
            language="en", published_at=at or self.at, seen_at=self.at, source=source, grade=Grade.FULL,
        )  # fmt: skip
        judged = assess(article, self.matcher, arrival=Arrival())
        with self.db.writing() as session:
            serialize_decisions(session)
            return file_article(session, judged, self.alerting, now=self.at)

    def told(self) -> list[tuple[str, str]]:
        with self.db.reading() as session:
            rows = session.exec(select(AlertRow).order_by(AlertRow.created_at)).all()  # type: ignore[arg-type]
        return [(row.kind, row.payload["body"]) for row in rows]


@pytest.fixture
def room(db: Database, matcher: Matcher) -> Filer:
    room = Filer(db, matcher)
    room.files(WIRE, "herald")
    assert room.told() == [("new", "")]
    return room


def test_a_corrected_copy_of_another_outlet_is_told_once_as_an_update(room: Filer) -> None:
    filed = room.files(SEVENTEEN, "gazette", title="Ferry disaster: the town mourns")
    assert (filed.choice.kind, filed.choice.of_article_id, filed.story_id) == (ArticleKind.UPDATE, 1, 1)
    assert filed.is_new
    assert filed.decision.reason is Reason.UPDATED
    assert room.told()[1:] == [("updated", "same text elsewhere, corrected: numbers 12 → 17")]
    for outlet in ("courier", "mail", "post"):
        again = room.files(SEVENTEEN + f" Write to the {outlet}.", outlet, title=f"The {outlet} on the ferry")
        assert again.choice.kind is ArticleKind.COPY
    assert room.files(WIRE, "late").choice.kind is ArticleKind.COPY, (
        "a reprint of the uncorrected text says nothing new"
    )
    assert len(room.told()) == 2


def test_a_corrected_copy_of_the_same_outlet_under_a_new_address_is_told_as_an_update(room: Filer) -> None:
    filed = room.files(SEVENTEEN, "herald")
    assert (filed.choice.kind, filed.decision.reason) == (ArticleKind.UPDATE, Reason.UPDATED)


def test_the_number_in_the_headline_of_the_corrected_copy_does_not_make_it_a_stranger(
    db: Database, matcher: Matcher
) -> None:
    room = Filer(db, matcher)
    room.files(WIRE, "herald", title="12 drown at Marrow bridge")
    filed = room.files(SEVENTEEN, "herald", title="17 drown at Marrow bridge")
    assert filed.choice.kind is ArticleKind.UPDATE
    assert [kind for kind, _ in room.told()] == ["new", "updated"]


def test_an_update_told_in_its_place_is_not_told_again_for_the_corrected_copies(room: Filer) -> None:
    room.files(SEVENTEEN, "herald", url="https://herald.example/1210-a-story")
    assert [kind for kind, _ in room.told()] == ["new", "updated"]
    assert room.files(SEVENTEEN, "gazette", title="Ferry disaster").choice.kind is ArticleKind.COPY
    assert len(room.told()) == 2


def test_an_earlier_version_that_arrives_late_is_no_update(db: Database, matcher: Matcher) -> None:
    room = Filer(db, matcher)
    room.files(SEVENTEEN, "gazette")
    filed = room.files(WIRE, "herald", at=NOON - timedelta(hours=2))
    assert (filed.choice.kind, filed.choice.story_id) == (ArticleKind.COPY, 1)
    assert "an earlier version" in filed.choice.why
    assert len(room.told()) == 1


def test_a_version_between_two_that_are_known_is_no_update(room: Filer) -> None:
    between = room.at + timedelta(minutes=5)
    room.files(SEVENTEEN, "gazette")
    filed = room.files(WIRE.replace("12 people", "15 people"), "courier", at=between)
    assert (filed.choice.kind, len(room.told())) == (ArticleKind.COPY, 2)
    room.files(WIRE.replace("12 people", "19 people"), "herald", url="https://herald.example/1210-a-story")
    filed = room.files(WIRE.replace("12 people", "18 people"), "mail", at=between + timedelta(minutes=8))
    assert filed.choice.kind is ArticleKind.COPY, "the first article says otherwise since it was revised"


def test_a_corrected_copy_is_no_source_of_its_own(room: Filer) -> None:
    room.files(SEVENTEEN, "gazette")
    with room.db.reading() as session:
        (origin,) = independent_sources(story_articles.carriers(session, [1])[1])
    assert origin.article_ids == (1, 2)


def test_what_a_corrected_copy_corrects_is_its_history(room: Filer) -> None:
    filed = room.files(SEVENTEEN, "gazette")
    with room.db.reading() as session:
        (version,) = revisions.of_article(session, filed.article_id)
        assert session.get(ArticleRow, 1).text == WIRE  # type: ignore[union-attr]
    assert version.of_article_id == 1
    assert any("12 people" in each for each in version.went)
    assert any("17 people" in each for each in version.came)


CORRECTED = {
    "a number": (WIRE.replace("at least 12", "at least 21"), "numbers 12 → 21"),
    "a number in words": (WIRE.replace("12 people", "seventeen people"), "numbers 12 → 17"),
    "a name": (WIRE.replace("Yoram Bede", "Olof Karst"), "names yoram, bede → olof, karst"),
    "negation": (WIRE.replace("will look at", "will not look at"), "negation changed"),
    "a quote": (
        WIRE.replace("We will open the bridge on Friday", "We will open the bridge when it is safe"),
        "quote “we will open the bridge on friday” → “we will open the bridge when it is safe”",
    ),
    "a day": (WIRE.replace("bridge on Tuesday", "bridge on Monday"), "day tuesday → monday"),
    "a note": (
        WIRE.replace("12 people", "nobody")
        + " Correction: an earlier version of this article said that people drowned.",
        "negation",
    ),
}


@pytest.mark.parametrize("what", CORRECTED)
def test_a_fact_that_took_anothers_place_corrects(what: str) -> None:
    text, why = CORRECTED[what]
    change = correction(WIRE, text + " The Gazette thanks its readers.")
    assert change.is_material
    assert why in change.why


COSMETIC = {
    "an excerpt": " ".join(WIRE.split()[:60]),
    "a teaser": WIRE.split(". ")[0] + " …",
    "a tail of its own": WIRE
    + " Call 555 1234 or write to Jon Herder at the Gazette, 7 Mill Lane. All rights reserved.",
    "a head of its own": "By Jon Herder, 4 November. Three photographs by Ada Lund. " + WIRE,
    "another dateline": WIRE.replace("MARROW (Reuters) - ", "MARROW, Nov 22 (AP) — "),
    "another day's dateline": WIRE.replace("MARROW (Reuters) - ", "MARROW, 23 November — "),
    "another house": WIRE.replace("the council said", "the council told the Gazette"),
    "a word otherwise": WIRE.replace("at least 12 people drowned", "at least twelve persons lost their lives"),
    "a name spelled otherwise": WIRE.replace("Yoram Bede", "Yoramm Bede"),
    "the same said shortly": WIRE.replace("did not say", "didn't say"),
    "an age put in": WIRE.replace("Yoram Bede,", "Yoram Bede, 54,"),
    "other quotation marks": WIRE.replace("“", '"').replace("”", '"'),
    "a passage of local colour": WIRE.replace("The ferry had", "Fishers of Lower Quay remember 1953. The ferry had"),
    "a caption": WIRE.replace("The ferry had", "Slideshow (21 images)\nThe ferry had"),
    "the same": WIRE,
    "nothing": "",
}


@pytest.mark.parametrize("what", COSMETIC)
def test_what_outlets_do_with_a_text_corrects_nothing(what: str) -> None:
    text = COSMETIC[what]
    assert not correction(WIRE, text, hosts="herald.example gazette.example").is_material
    assert not correction(text, WIRE, hosts="herald.example gazette.example").is_material


def test_a_name_that_took_anothers_place_in_a_short_sentence_corrects() -> None:
    before = "Паром врезался в причал, погибли 14 человек. Капитана парома Йозефа Тарранта допросила полиция."
    after = before.replace("Йозефа Тарранта", "Милана Орска")
    assert correction(before, after).why == "names йозефа, тарранта → милана, орска"


def test_another_currency_or_measure_corrects_nothing() -> None:
    here = "The repair of the piers, five stories high and old, will cost $10 million. The river is 3 miles long there."
    there = "The repair of the piers, five stories high and old, will cost €9 million. The river is 5 km long there."
    assert not correction(here, there).is_material


def test_on_one_site_a_fact_that_came_in_between_counts() -> None:
    more = WIRE.replace("Police have", "Another 4 people were found in the river at dawn. Police have")
    assert correction(WIRE, more, is_one_site=True).is_material
    assert not correction(WIRE, more).is_material


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("دست کم ۱۲ نفر کشته شدند، مقامات گفتند. پل بسته است.", "دست کم ۱۷ نفر کشته شدند، مقامات گفتند. پل بسته است."),
        ("Погибли 12 человек, сообщил совет города. Мост закрыт.", "Погибли 17 человек, сообщил совет города. Мост закрыт."),
        ("渡轮沉没,至少12人死亡。市议会说大桥已经关闭。", "渡轮沉没,至少17人死亡。市议会说大桥已经关闭。"),
    ],
)  # fmt: skip
def test_a_number_is_corrected_in_any_script(before: str, after: str) -> None:
    assert correction(before, after).is_material
    assert not correction(before, before).is_material
