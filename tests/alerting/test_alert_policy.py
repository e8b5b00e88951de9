"""Whether to tell, and why: the policy as a table of sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerting.alert_policy import decide, escalation, hold_reason
from monitor.types.fetching import FirstPoll
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import (
    Arrival,
    ArticleKind,
    Escalation,
    EscalationLimits,
    StoryChoice,
    StoryGrowth,
    StoryHistory,
)

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
ARTICLE = Article(
    guid="1", url="https://h.example/1", title="T", text="x", language="en", published_at=NOW, seen_at=NOW
)
MATCH = Score(topic="bridge", score=0.5, threshold=0.2, is_match=True)
MISS = Score(topic="bridge", score=0.1, threshold=0.2, is_match=False)
BLOCKED = replace(MATCH, is_match=False, blocked=Reason.EXCLUDED)
NEW, COPY, UPDATE, JOINS = (
    StoryChoice(kind=kind, story_id=None if kind is ArticleKind.NEW else 7) for kind in ArticleKind
)
CHANGED = replace(UPDATE, is_material=True)
NONE = StoryHistory()
SEEN = StoryHistory(matched=frozenset({"bridge"}))
TOLD = StoryHistory(matched=frozenset({"bridge"}), alerted=frozenset({"bridge"}))
OFTEN = replace(TOLD, updated_often=frozenset({"bridge"}))


@pytest.mark.parametrize(
    ("sentence", "score", "choice", "held", "before", "reason", "alerts"),
    [
        ("a match that opens a story is told", MATCH, NEW, None, NONE, Reason.ALERTED, ("bridge",)),
        ("below the threshold nobody is told", MISS, NEW, None, NONE, Reason.NO_MATCH, ()),
        ("an excluded term holds a match back", BLOCKED, NEW, None, NONE, Reason.EXCLUDED, ()),
        ("on the first poll a match is kept, not told", MATCH, NEW, Reason.FIRST_POLL, NONE, Reason.FIRST_POLL, ()),
        ("an old article is kept, not told", MATCH, NEW, Reason.TOO_OLD, NONE, Reason.TOO_OLD, ()),
        ("a copy of what was told is silent", MATCH, COPY, None, TOLD, Reason.COPY, ()),
        ("a copy of what was held at the first poll is silent too", MATCH, COPY, None, SEEN, Reason.COPY, ()),
        ("a copy that matches where the first did not is told", MATCH, COPY, None, NONE, Reason.ALERTED, ("bridge",)),
        ("a copy that matches nothing is a copy", MISS, COPY, None, NONE, Reason.COPY, ()),
        ("an edit that changes nothing of weight is silent", MATCH, UPDATE, None, TOLD, Reason.UPDATE, ()),
        ("changed facts of what was told are told", MATCH, CHANGED, None, TOLD, Reason.UPDATED, ("bridge",)),
        ("but not all day long", MATCH, CHANGED, None, OFTEN, Reason.UPDATED_OFTEN, ()),
        ("changed facts of what was only kept are silent", MATCH, CHANGED, None, SEEN, Reason.UPDATE, ()),
        ("changed facts of an old article are silent", MATCH, CHANGED, Reason.TOO_OLD, TOLD, Reason.UPDATE, ()),
        ("an edit that makes it match is told", MATCH, UPDATE, None, NONE, Reason.ALERTED, ("bridge",)),
        ("an article that joins a told story is silent", MATCH, JOINS, None, TOLD, Reason.JOINS_STORY, ()),
        ("one that joins a story never told is told", MATCH, JOINS, None, SEEN, Reason.ALERTED, ("bridge",)),
    ],
)
def test_one_topic(
    sentence: str,
    score: Score,
    choice: StoryChoice,
    held: Reason | None,
    before: StoryHistory,
    reason: Reason,
    alerts: tuple[str, ...],
) -> None:
    decision = decide(ARTICLE, [score], choice, held=held, before=before)
    assert (decision.reason, decision.alerting_topics) == (reason, alerts), sentence


def test_changed_facts_are_silent_where_updates_are_not_wanted() -> None:
    decision = decide(ARTICLE, [MATCH], CHANGED, held=None, before=TOLD, tells_updates=False)
    assert (decision.reason, decision.alerting_topics) == (Reason.UPDATE, ())


@pytest.mark.parametrize(
    ("before", "held", "reason"),
    [
        (NONE, None, Reason.BACKLOG),
        (TOLD, None, Reason.JOINS_STORY),
        (NONE, Reason.TOO_OLD, Reason.TOO_OLD),
        (NONE, Reason.FIRST_POLL, Reason.FIRST_POLL),
    ],
)
def test_what_would_be_too_much_at_once_is_kept_and_only_that(
    before: StoryHistory, held: Reason | None, reason: Reason
) -> None:
    decision = decide(ARTICLE, [MATCH], JOINS, held=held, before=before, exhausted={"bridge"})
    assert (decision.reason, decision.alerting_topics) == (reason, ())
    decision = decide(ARTICLE, [MATCH], NEW, held=None, before=NONE, exhausted={"ferry"})
    assert decision.reason is Reason.ALERTED, "another topic"


def test_what_held_an_article_back_holds_when_it_is_assessed_again() -> None:
    again = Arrival(held=Reason.STORM, max_age_for=timedelta(days=7))
    assert hold_reason(ARTICLE, again, now=NOW) is Reason.STORM
    assert hold_reason(ARTICLE, replace(again, held=None), now=NOW + timedelta(days=8)) is Reason.TOO_OLD


def test_of_several_topics_the_strongest_reason_is_the_articles() -> None:
    told = replace(MATCH, topic="ferry")
    decision = decide(ARTICLE, [BLOCKED, told, MISS], NEW, held=None, before=NONE)
    assert decision.reason is Reason.ALERTED
    assert decision.alerting_topics == ("ferry",)
    assert [each.reason for each in decision.topics] == [Reason.EXCLUDED, Reason.ALERTED]


def test_without_topics_without_words_and_behind_a_wall() -> None:
    empty = replace(ARTICLE, title="", text="")
    wall = replace(ARTICLE, grade=Grade.WALL)
    assert decide(ARTICLE, [], NEW, held=None, before=NONE).reason is Reason.NO_TOPICS
    assert decide(empty, [MISS], NEW, held=None, before=NONE).reason is Reason.NO_TEXT
    assert decide(wall, [MATCH], NEW, held=None, before=NONE).reason is Reason.WALL


@pytest.mark.parametrize(
    ("sentence", "arrival", "age", "held"),
    [
        ("an article of a later poll is news", Arrival(), 0, None),
        ("what a feed held when we met it is not", Arrival(is_first_poll=True), 0, Reason.FIRST_POLL),
        ("unless all of it is wanted", Arrival(is_first_poll=True, first_poll=FirstPoll.ALL), 0, None),
        ("wanted means wanted, however old", Arrival(is_first_poll=True, first_poll=FirstPoll.ALL), 400, None),
        (
            "or the latest two, of which this is one",
            Arrival(is_first_poll=True, first_poll=FirstPoll.LATEST, latest=2, rank=1),
            0,
            None,
        ),
        (
            "and not the third",
            Arrival(is_first_poll=True, first_poll=FirstPoll.LATEST, latest=2, rank=2),
            0,
            Reason.FIRST_POLL,
        ),
        ("six days are not too old", Arrival(), 6, None),
        ("eight are", Arrival(), 8, Reason.TOO_OLD),
        ("where age is no matter it is none", Arrival(max_age_for=None), 4000, None),
    ],
)
def test_what_holds_a_match_back(sentence: str, arrival: Arrival, age: int, held: Reason | None) -> None:
    article = replace(ARTICLE, published_at=NOW - timedelta(days=age))
    assert hold_reason(article, arrival, now=NOW) is held, sentence


# --- growth -------------------------------------------------------------------------------------------------------------

SIX = EscalationLimits(outlets=6, pace=5)


@pytest.mark.parametrize(
    ("sentence", "growth", "limits", "told"),
    [
        ("six independent outlets are told", StoryGrowth(sources=6), SIX, "now 6 independent outlets"),
        ("five are not", StoryGrowth(sources=5), SIX, None),
        ("seven, where six were told, are not", StoryGrowth(sources=7, escalated=frozenset({"outlets"})), SIX, None),
        ("nothing is where 0 says never", StoryGrowth(sources=99, pace=99, usual_pace=1), EscalationLimits(), None),
        (
            "five times the usual is told",
            StoryGrowth(sources=2, pace=10, usual_pace=2),
            SIX,
            "10 articles within 6 hours, where a story of this topic usually gathers 2",
        ),
        ("four times is not", StoryGrowth(pace=8, usual_pace=2), SIX, None),
        ("five times nothing is nothing", StoryGrowth(pace=5, usual_pace=1), SIX, None),
        ("where nothing is known of the usual nothing is told", StoryGrowth(pace=50), SIX, None),
        ("a pace is told once", StoryGrowth(pace=50, usual_pace=1, escalated=frozenset({"pace"})), SIX, None),
        ("of two at once the outlets", StoryGrowth(sources=6, pace=50, usual_pace=1), SIX, "now 6 independent outlets"),
    ],
)
def test_when_growth_is_told(sentence: str, growth: StoryGrowth, limits: EscalationLimits, told: str | None) -> None:
    found = escalation(growth, limits)
    assert (found.why if found else None) == told, sentence


@pytest.mark.parametrize(
    ("sentence", "choice", "held", "before", "reason"),
    [
        ("what makes a told story grow is told", JOINS, None, TOLD, Reason.ESCALATED),
        ("in a story never told it is simply told", JOINS, None, SEEN, Reason.ALERTED),
        ("a copy makes nothing grow", COPY, None, TOLD, Reason.COPY),
        ("what is too old makes no noise", JOINS, Reason.TOO_OLD, TOLD, Reason.TOO_OLD),
        ("nor does a storm", JOINS, Reason.STORM, TOLD, Reason.STORM),
    ],
)
def test_what_growth_means_for_an_article(
    sentence: str, choice: StoryChoice, held: Reason | None, before: StoryHistory, reason: Reason
) -> None:
    growing = {"bridge": Escalation(which="outlets", why="now 6 independent outlets")}
    decision = decide(ARTICLE, [MATCH], choice, held=held, before=before, escalations=growing)
    assert decision.reason is reason, sentence


def test_what_is_part_of_a_storm_is_held_whatever_its_date() -> None:
    assert hold_reason(ARTICLE, Arrival(is_burst=True), now=NOW) is Reason.STORM
