"""What becomes of an article, as tables without a database: what is known, what is decided, what is to be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from monitor.matching.background import Background
from monitor.polling import plan
from monitor.polling.decide import decide
from monitor.polling.values import AlertingContext, AssessedArticle, Filing, Known, KnownStory, Related, StoredTexts
from monitor.reading.extract import FROM_PAGE
from monitor.stories.fingerprint import fingerprint
from monitor.stories.profiles import Profile, profile
from monitor.stories.sources import StoryArticle
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.alerting import AlertKind
from monitor.types.matching import Article, Evidence, Grade, Reason, Score, Topic
from monitor.types.stories import (
    Arrival,
    Cause,
    EscalationLimits,
    KnownArticle,
    KnownMatch,
    StoredCandidate,
    StoryHistory,
)
from tests.conftest import NOON
from tests.polling.test_merging import AGROUND, BOTH, CAPTAIN

FERRY = (
    "A ferry sank below the old Marrow bridge on Tuesday and at least 12 people drowned, the council said. Divers searched the "
    "piers until midnight and lorries were kept off the bridge. Police have arrested the captain, Yoram Bede, and did not say what "
    "he is accused of. Engineers will look at the stone piers before lorries may cross the bridge again, said the mayor."
)
SEVENTEEN = FERRY.replace("12 people", "17 people")
ON_BRIDGE = Score(topic="bridge", score=0.5, threshold=0.2, is_match=True, evidence=Evidence(seed="pier.txt"))
ON_FERRY = Score(topic="ferry", score=0.3, threshold=0.2, is_match=True)
OFF_FERRY = Score(topic="ferry", score=0.19, threshold=0.2, is_match=False)
DESK = AlertingContext(
    topics={
        "bridge": Topic(name="bridge", title="Marrow bridge", seeds=(), channels=("desk",)),
        "ferry": Topic(name="ferry", title="Ferries", seeds=(), channels=("desk", "night")),
    },
    channels={"desk": "d1", "night": "n1", "unused": "u1"},
    base_url="http://127.0.0.1:8000",
)
TOLD = StoryHistory(matched=frozenset({"bridge"}), alerted=frozenset({"bridge"}))


def arrives(*scores: Score, text: str = FERRY, arrival: Arrival | None = None, **changes: Any) -> AssessedArticle:
    plain = Article(
        guid="g9", url="https://herald.example/9-ferry-sinks", title="Ferry sinks at Marrow bridge", text=text,
        language="en", published_at=NOON, seen_at=NOON, source="herald", grade=Grade.FULL,
    )  # fmt: skip
    article = replace(plain, **changes)
    return AssessedArticle(
        article=article,
        fingerprint=fingerprint(article.title, article.text),
        scores=scores or (ON_BRIDGE,),
        profile=Profile(),
        arrival=arrival or Arrival(),
    )


def stored(number: int = 1, text: str = FERRY, **changes: Any) -> StoredCandidate:
    plain = StoredCandidate(
        article_id=number, story_id=1, title="Ferry sinks at Marrow bridge", text=text,
        url=f"https://courier{number}.example/{number}", source=f"courier{number}",
        published_at=NOON - timedelta(hours=1),
    )  # fmt: skip
    return replace(plain, **changes)


def known(*candidates: StoredCandidate, history: StoryHistory | None = None, **changes: Any) -> Known:
    story = KnownStory(history=history or StoryHistory(), opener="https://courier1.example/1" if history else "")
    return replace(Known(texts=StoredTexts(candidates=candidates), story=story, outlet="The Herald"), **changes)


def same_event(number: int, told: tuple[str, str], *, story: int) -> RelatedArticle:
    return RelatedArticle(article_id=number, story_id=story, published_at=NOON, profile=profile_of(told))


def profile_of(told: tuple[str, str]) -> Profile:
    title, text = told
    article = Article(
        guid="", url="", title=title, text=text, language="en", published_at=NOON, seen_at=NOON
    )  # fmt: skip
    return profile(article, Background.shipped().table("en").idf)


def on_event(told: tuple[str, str], *scores: Score) -> AssessedArticle:
    return replace(arrives(*scores, title=told[0], text=told[1]), profile=profile_of(told))


AGAIN = stored(same_url=True)
BEFORE = Related(articles=(same_event(1, AGROUND, story=1), same_event(2, CAPTAIN, story=2)))
JOINING = on_event(BOTH)
FIRST_POLL, BURST = Arrival(is_first_poll=True), Arrival(is_burst=True)
LIMITS = replace(DESK, limits=EscalationLimits(outlets=2))
GROWN = KnownStory(
    history=TOLD,
    opener="x",
    carriers=(
        StoryArticle(article_id=1, publisher="courier", outlet="Courier", published_at=NOON, seen_at=NOON),
        StoryArticle(article_id=2, publisher="echo", outlet="Echo", published_at=NOON, seen_at=NOON),
    ),
)


def of(article: AssessedArticle, before: Known, context: AlertingContext = DESK) -> Filing:
    return decide(article, before, context, now=NOON)


CASES: Mapping[str, tuple[Callable[[], Filing], str, Reason, list[AlertKind]]] = {
    "a new article on a topic is told": (
        lambda: of(arrives(), known()), "new", Reason.ALERTED, [AlertKind.NEW]),
    "a new article on no topic is not": (
        lambda: of(arrives(OFF_FERRY), known()), "new", Reason.NO_MATCH, []),
    "on two topics it is told once": (
        lambda: of(arrives(ON_BRIDGE, ON_FERRY), known()), "new", Reason.ALERTED, [AlertKind.NEW]),
    "a copy of what was told is not told": (
        lambda: of(arrives(), known(stored(), history=TOLD)), "copy", Reason.COPY, []),
    "a corrected copy is told as an update": (
        lambda: of(arrives(text=SEVENTEEN), known(stored(), history=TOLD)), "update", Reason.UPDATED, [AlertKind.UPDATED]),
    "an update that this change was told for is not told again": (
        lambda: of(arrives(text=SEVENTEEN), known(stored(), history=replace(TOLD, updated=frozenset({"bridge"})))),
        "update", Reason.UPDATE, []),
    "an earlier version that arrives late is a copy": (
        lambda: of(arrives(text=SEVENTEEN), known(stored(), history=TOLD, has_later_version=True)), "copy", Reason.COPY, []),
    "its own newer version is told as an update": (
        lambda: of(arrives(text=SEVENTEEN), known(AGAIN, history=TOLD, article=KnownArticle(reason=Reason.ALERTED))),
        "update", Reason.UPDATED, [AlertKind.UPDATED]),
    "another article on a told event is not told": (
        lambda: of(JOINING, known(related=BEFORE, history=TOLD)), "joins", Reason.JOINS_STORY, []),
    "a told story that grew is told again": (
        lambda: of(JOINING, known(related=BEFORE, story=GROWN), LIMITS), "joins", Reason.ESCALATED, [AlertKind.ESCALATED]),
    "one event in another language is one story": (
        lambda: of(arrives(), known(history=TOLD, related=Related(nearness=0.3, articles=(RelatedArticle(
            article_id=1, story_id=1, language="ru", published_at=NOON, likeness=0.99),)))),
        "joins", Reason.JOINS_STORY, []),
    "on the first poll nobody is told": (
        lambda: of(arrives(arrival=FIRST_POLL), known()), "new", Reason.FIRST_POLL, []),
    "of a burst nobody is told": (lambda: of(arrives(arrival=BURST), known()), "new", Reason.STORM, []),
    "what is too old is not told": (
        lambda: of(arrives(published_at=NOON - timedelta(days=9)), known()), "new", Reason.TOO_OLD, []),
    "a wall is no article": (lambda: of(arrives(grade=Grade.WALL), known()), "new", Reason.WALL, []),
}  # fmt: skip


@pytest.mark.parametrize("sentence", CASES)
def test_what_becomes_of_an_article(sentence: str) -> None:
    decides, kind, reason, told = CASES[sentence]
    filing = decides()
    assert (filing.choice.kind.value, filing.decision.reason) == (kind, reason)
    assert [each.alert.kind for each in filing.alerts] == told


def test_of_equal_texts_the_one_that_a_person_placed_decides() -> None:
    placed = stored(2, story_id=7, is_pinned=True)
    assert of(arrives(), known(stored(), placed)).choice.story_id == 7


def test_small_stories_are_merged_unless_a_person_changed_them() -> None:
    members = (same_event(1, AGROUND, story=1), same_event(2, CAPTAIN, story=2))
    filing = of(JOINING, known(related=BEFORE, members=members, history=TOLD))
    assert len(filing.merged_stories) == 1
    kept = of(
        JOINING, known(related=BEFORE, members=members, history=TOLD, kept_apart=frozenset(filing.merged_stories))
    )
    assert (kept.merged_stories, kept.choice.story_id) == ((), filing.choice.story_id)


# --- an article that arrives again --------------------------------------------------------------------------------------


def again(score: float = 0.5, *, is_told: bool = True, reason: Reason = Reason.ALERTED) -> Known:
    match = KnownMatch(score=score, threshold=0.2, is_told=is_told)
    return known(AGAIN, history=TOLD, article=KnownArticle(reason=reason, matches={"bridge": match}))


def test_an_article_that_arrives_again_as_it_was_makes_no_decision() -> None:
    filing = of(arrives(), again())
    assert (filing.stored_id, filing.row, filing.new_matches, filing.changed_matches) == (1, None, {}, ())


def test_a_match_that_was_told_keeps_what_was_told_whatever_another_feed_shows() -> None:
    filing = of(arrives(replace(ON_BRIDGE, score=0.25)), again())
    assert (filing.row, filing.changed_matches) == (None, ())


def test_a_match_that_was_not_told_shows_the_newest_decision() -> None:
    less = replace(ON_BRIDGE, score=0.25)
    filing = of(arrives(less), again(is_told=False, reason=Reason.FIRST_POLL))
    assert filing.row is not None
    assert (filing.cause, filing.row.reason, filing.changed_matches) == (
        Cause.ANOTHER_ARRIVAL,
        Reason.FIRST_POLL,
        (less,),
    )


def test_a_topic_that_only_another_feeds_text_matches_is_decided_by_a_row_of_its_own() -> None:
    filing = of(arrives(ON_BRIDGE, ON_FERRY), again())
    assert filing.row is not None
    assert filing.row.reason is Reason.ALERTED
    assert filing.new_matches == {"ferry": (ON_FERRY, Reason.ALERTED)}
    assert [list(each.told) for each in filing.alerts] == [["ferry"]]


@pytest.mark.parametrize(
    ("page", "stored_page", "cause"),
    [(FROM_PAGE, "", Cause.FULL_TEXT), (FROM_PAGE, FROM_PAGE, Cause.CHANGED_TEXT), ("", "", Cause.CHANGED_TEXT)],
)
def test_a_newer_text_is_decided_whatever_it_matches(page: str, stored_page: str, cause: Cause) -> None:
    more = FERRY + " The ferry had carried bakers to their morning rounds for as long as anybody can remember."
    article = KnownArticle(reason=Reason.NO_MATCH, page=stored_page)
    filing = of(arrives(OFF_FERRY, text=more, page=page), known(AGAIN, article=article))
    assert filing.row is not None
    assert (filing.cause, filing.row.reason) == (cause, Reason.NO_MATCH)


def test_what_was_decided_without_topics_is_decided_again_and_told() -> None:
    again_by_topics = Arrival(cause=Cause.TOPICS)
    before = known(AGAIN, article=KnownArticle(reason=Reason.NO_TOPICS))
    filing = of(arrives(arrival=again_by_topics), before)
    assert filing.row is not None
    assert (filing.cause, filing.row.reason, len(filing.alerts)) == (Cause.TOPICS, Reason.ALERTED, 1)
    missed = of(arrives(OFF_FERRY, arrival=again_by_topics), before)
    assert missed.row is not None
    assert (missed.row.reason, missed.alerts) == (Reason.NO_MATCH, ())


# --- one message for one story ------------------------------------------------------------------------------------------


def test_one_alert_names_all_topics_and_each_of_their_channels_has_it_once() -> None:
    (planned,) = of(arrives(ON_FERRY, ON_BRIDGE), known()).alerts
    assert [each.name for each in planned.alert.topics] == ["bridge", "ferry"], "the strongest first"
    assert (planned.alert.topic, planned.alert.score, planned.alert.evidence.seed) == ("bridge", 0.5, "pier.txt")
    assert planned.channels == {"desk": "d1", "night": "n1"}
    assert planned.told == {"bridge": "new", "ferry": "new"}


def later(channels: set[str]) -> Known:
    story = KnownStory(history=TOLD, channels=frozenset(channels), first_alert="alt_1", opener="x")
    return known(stored(), story=story)


def test_a_topic_that_matches_a_told_story_later_tells_only_who_had_no_message() -> None:
    (planned,) = of(arrives(ON_BRIDGE, ON_FERRY), later({"desk"})).alerts
    assert (list(planned.told), planned.channels) == (["ferry"], {"night": "n1"})


def test_a_topic_whose_every_channel_had_a_message_joins_the_story_and_the_alert() -> None:
    filing = of(arrives(ON_BRIDGE, ON_FERRY), later({"desk", "night"}))
    assert filing.alerts == ()
    assert {each.topic: each.reason for each in filing.decision.topics} == {
        "bridge": Reason.COPY,
        "ferry": Reason.JOINS_STORY,
    }
    assert (filing.covered, filing.first_alert) == (("ferry",), "alt_1")


def test_an_update_for_one_topic_and_news_for_another_are_one_message_a_channel() -> None:
    story = KnownStory(history=TOLD, channels=frozenset({"desk"}), first_alert="alt_1", opener="x")
    updated, new = of(arrives(ON_BRIDGE, ON_FERRY, text=SEVENTEEN), known(stored(), story=story)).alerts
    assert (updated.alert.kind, list(updated.told), updated.channels) == (AlertKind.UPDATED, ["bridge"], {"desk": "d1"})
    assert (new.alert.kind, list(new.told), new.channels) == (AlertKind.NEW, ["ferry"], {"night": "n1"})


def test_topics_that_a_story_grew_beyond_in_different_ways_are_told_in_one_message() -> None:
    hours = [[NOON - timedelta(hours=9 * number)] for number in range(9)]
    both = frozenset({"bridge", "ferry"})
    crowd = tuple(replace(GROWN.carriers[0], article_id=number) for number in range(1, 9))
    story = replace(
        GROWN,
        history=StoryHistory(matched=both, alerted=both),
        carriers=crowd,
        escalated=frozenset({("ferry", "outlets")}),
        arrivals={"bridge": hours, "ferry": hours},
    )
    fast = replace(DESK, limits=EscalationLimits(outlets=2, pace=3))
    (planned,) = of(on_event(BOTH, ON_BRIDGE, ON_FERRY), known(related=BEFORE, story=story), fast).alerts
    assert planned.told == {"bridge": "escalated-outlets", "ferry": "escalated-pace"}
    assert planned.channels == {"desk": "d1", "night": "n1"}
    assert planned.alert.body.startswith("now 2 independent outlets; 9 articles within 6 hours")


def test_page_only_topics_are_alerts_without_a_channel() -> None:
    mute = replace(DESK, topics={"bridge": replace(DESK.topics["bridge"], channels=())})
    (planned,) = of(arrives(), known(), mute).alerts
    assert planned.channels == {}


# --- ids ----------------------------------------------------------------------------------------------------------------


def id_of(filing: Filing) -> str:
    (planned,) = filing.alerts
    return planned.alert.id


def test_one_story_has_one_id_wherever_and_whenever_it_is_decided() -> None:
    first = id_of(of(arrives(), known()))
    assert first == id_of(of(arrives(seen_at=NOON + timedelta(days=1), source="other feed", guid="x"), known()))
    assert first == id_of(of(arrives(ON_BRIDGE, ON_FERRY), known())), "a second node may follow one topic more"
    assert len(first) == len("alt_") + 26


def test_different_alerts_never_have_one_id() -> None:
    story = KnownStory(history=TOLD, opener=plan.identity("https://herald.example/9-ferry-sinks", "", ""))
    both = StoryHistory(matched=TOLD.matched, alerted=frozenset({"bridge", "ferry"}))
    grown = replace(GROWN, opener=story.opener)
    ferry_too = {"history": both, "escalated": frozenset({("bridge", "outlets")})}
    ids = [
        id_of(of(arrives(), known())),
        id_of(of(arrives(ON_FERRY), known(stored(), story=story))),
        id_of(of(arrives(text=SEVENTEEN), known(stored(), story=story))),
        id_of(of(arrives(text=FERRY.replace("12 people", "19 people")), known(stored(), story=story))),
        id_of(of(JOINING, known(related=BEFORE, story=grown), LIMITS)),
        id_of(of(on_event(BOTH, ON_FERRY), known(related=BEFORE, story=replace(grown, **ferry_too)), LIMITS)),
        id_of(of(arrives(url="https://herald.example/10-ferry-raised"), known())),
    ]
    assert len(set(ids)) == len(ids)


def test_articles_at_the_address_of_a_section_are_told_apart_by_their_guids() -> None:
    one, other = (id_of(of(arrives(url="https://herald.example/news/", guid=guid), known())) for guid in "ab")
    assert one != other
