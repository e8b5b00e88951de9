"""What was missing, when it is back, and what is then decided anew: the policy of reassessing as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from monitor.alerting import alert_policy
from monitor.polling import missing
from monitor.polling.missing import Present
from monitor.types.fetching import PageVisit
from monitor.types.matching import Article, Grade, Reason, Score
from monitor.types.stories import Cause, KnownArticle, KnownMatch
from tests.conftest import NOON

ALL = Present(topics=True, embedder=True, is_embedder_expected=True, pages=True)
ARTICLE = Article(
    guid="g", url="https://h.example/1", title="T", text="x", language="en", published_at=NOON, seen_at=NOON
)
BRIDGE = Score(topic="bridge", score=0.5, threshold=0.2, is_match=True)
FERRY = Score(topic="ferry", score=0.4, threshold=0.2, is_match=True)
OFF = Score(topic="choir", score=0.1, threshold=0.2, is_match=False)
ON_BRIDGE = KnownArticle(reason=Reason.ALERTED, matches={"bridge": KnownMatch(score=0.5, threshold=0.2)})
SOON = NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("present", "causes"),
    [
        (ALL, {Cause.TOPICS, Cause.EMBEDDING, Cause.EMBEDDER, Cause.FULL_TEXT, Cause.SEEDS, Cause.BY_HAND}),
        (replace(ALL, topics=False), set()),
        (
            replace(ALL, embedder=False),
            {Cause.TOPICS, Cause.EMBEDDING, Cause.FULL_TEXT},
        ),  # seeds are being embedded: a moment
        (
            replace(ALL, embedder=False, is_embedder_expected=False),
            {Cause.TOPICS, Cause.EMBEDDING, Cause.FULL_TEXT, Cause.SEEDS, Cause.BY_HAND},
        ),
        (replace(ALL, pages=False), {Cause.TOPICS, Cause.EMBEDDING, Cause.EMBEDDER, Cause.SEEDS, Cause.BY_HAND}),
    ],
)
def test_what_is_back_can_be_done(present: Present, causes: set[Cause]) -> None:
    assert set(missing.back(present)) == causes


@pytest.mark.parametrize(
    ("article", "has_topics", "is_unembedded", "page_at", "found"),
    [
        (ARTICLE, True, False, None, {}),
        (ARTICLE, False, True, None, {Cause.TOPICS: NOON}),
        (ARTICLE, True, True, None, {Cause.EMBEDDER: NOON}),
        (ARTICLE, True, True, SOON, {Cause.EMBEDDER: NOON, Cause.FULL_TEXT: SOON}),
        (replace(ARTICLE, grade=Grade.WALL), False, True, SOON, {}),
        (replace(ARTICLE, title="", text=""), False, True, None, {}),
    ],
)
def test_what_was_missing(
    article: Article, has_topics: bool, is_unembedded: bool, page_at: object, found: object
) -> None:
    assert (
        missing.of_article(article, has_topics=has_topics, is_unembedded=is_unembedded, page_at=page_at, now=NOON)  # type: ignore[arg-type]
        == found
    )


def visit(outcome: str, *, is_passing: bool, paused_for: int = 0) -> PageVisit:
    paused_at = NOON + timedelta(hours=paused_for) if paused_for else None
    return PageVisit(url=ARTICLE.url, at=NOON, outcome=outcome, is_passing=is_passing, host_paused_until_at=paused_at)


@pytest.mark.parametrize(
    ("visited", "attempts", "hours"),
    [
        (None, 0, 1),  # there was no time to ask for it
        (visit("page refused: 503", is_passing=True), 0, 1),
        (visit("page refused: 503", is_passing=True), 4, 16),
        (visit("page refused: 503", is_passing=True), 5, None),
        (visit("page refused: 429", is_passing=True, paused_for=9), 0, 9),
        (visit("page not there: 404", is_passing=False), 0, None),
        (visit("full text fetched from the page", is_passing=False), 0, None),
    ],
)
def test_when_a_page_is_asked_for_again(visited: PageVisit | None, attempts: int, hours: int | None) -> None:
    at = missing.page_again_at(visited, attempts, now=NOON)
    assert at == (None if hours is None else NOON + timedelta(hours=hours))


def test_an_embedder_is_tried_less_and_less_often_but_always_again() -> None:
    waits = [missing.embedder_again_at(attempts, now=NOON) - NOON for attempts in range(2000)]
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (timedelta(seconds=30), timedelta(minutes=30))


@pytest.mark.parametrize(
    ("only", "judged", "kept"),
    [
        ("", set(), {"bridge", "ferry", "choir"}),
        ("ferry", set(), {"bridge", "ferry", "choir"}),
        ("choir", set(), {"bridge", "choir"}),  # the ferry is not in question, the bridge is known
        ("", {"ferry"}, {"bridge", "choir"}),  # somebody said of the ferry what it is
        ("", {"bridge"}, {"bridge", "ferry", "choir"}),
    ],
)
def test_only_what_is_in_question_can_match_anew(only: str, judged: set[str], kept: set[str]) -> None:
    found = missing.in_question((BRIDGE, FERRY, OFF), ON_BRIDGE, only=only, judged=judged)
    assert {each.topic for each in found} == kept


@pytest.mark.parametrize(
    ("scores", "known", "cause", "is_new"),
    [
        ((BRIDGE, OFF), ON_BRIDGE, Cause.SEEDS, False),
        ((BRIDGE, FERRY), ON_BRIDGE, Cause.SEEDS, True),
        ((replace(FERRY, blocked=Reason.EXCLUDED),), ON_BRIDGE, Cause.SEEDS, False),
        ((OFF,), KnownArticle(reason=Reason.NO_TOPICS), Cause.SEEDS, False),
        ((OFF,), KnownArticle(reason=Reason.NO_TOPICS), Cause.BY_HAND, True),
    ],
)
def test_of_a_range_only_what_is_new_is_decided(
    scores: tuple[Score, ...], known: KnownArticle, cause: Cause, is_new: bool
) -> None:
    assert missing.is_new_in_range(scores, known, cause) is is_new


def test_how_much_is_told_at_once() -> None:
    few, more = alert_policy.AT_ONCE, alert_policy.MISSED_AT_ONCE
    assert (few, more) == (3, 20)
    told = {
        (cause, is_range): alert_policy.at_most(cause, is_range=is_range)
        for cause in Cause
        for is_range in (True, False)
    }
    assert told[Cause.SEEDS, True] == told[Cause.BY_HAND, True] == few
    assert told[Cause.TOPICS, False] == told[Cause.EMBEDDER, False] == more
    assert told[Cause.BY_HAND, False] is None, "a person named it"
    assert told[Cause.FULL_TEXT, False] is None


@pytest.mark.parametrize(
    ("cause", "minutes", "attempts", "found"),
    [
        (Cause.EMBEDDING, 4, 99, True),
        (Cause.EMBEDDING, 6, 0, False),
        (Cause.EMBEDDER, 0, 0, False),  # words have decided already
        (Cause.TOPICS, 600, 3, True),  # it waited for topics until now
        (Cause.BY_HAND, 0, 101, False),
    ],
)
def test_an_article_waits_for_its_embedding_for_minutes_only(
    cause: Cause, minutes: int, attempts: int, found: bool
) -> None:
    wanted_at = NOON - timedelta(minutes=minutes)
    assert missing.may_wait(cause, wanted_at=wanted_at, attempts=attempts, now=NOON) is found


def test_an_article_waits_for_the_embedder_or_for_its_embedding() -> None:
    of = missing.of_article(ARTICLE, has_topics=True, is_unembedded=True, page_at=None, now=NOON, is_waiting=True)
    assert of == {Cause.EMBEDDING: NOON}
