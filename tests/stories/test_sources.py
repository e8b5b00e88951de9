"""Outlets, independent sources and state of a story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from monitor.stories.sources import (
    Lead,
    StoryArticle,
    StoryState,
    independent_sources,
    lead,
    outlets,
    pace,
    state,
    usual_pace,
)

NOON = datetime(2021, 10, 20, 12, tzinfo=UTC)


def carrier(
    number: int, source: str, *, copy_of: int | None = None, agency: str = "", hours: float = 0
) -> StoryArticle:
    at = NOON + timedelta(hours=hours or number)
    return StoryArticle(
        article_id=number,
        publisher=source,
        feed=source,
        outlet=source.title(),
        published_at=at,
        seen_at=at,
        copy_of=copy_of,
        agency=agency,
    )


def test_ten_outlets_with_one_text_are_one_source() -> None:
    story = [carrier(1, "herald"), *(carrier(n, f"paper{n}", copy_of=1) for n in range(2, 11))]
    assert len(outlets(story)) == 10
    (only,) = independent_sources(story)
    assert (only.name, only.is_agency, only.description) == ("Herald", False, "Herald, copied by 9 outlets")


def test_texts_of_one_wire_are_one_source_however_they_are_cut() -> None:
    story = [
        carrier(1, "herald", agency="Reuters"),
        carrier(2, "courier", agency="Reuters"),
        carrier(3, "echo", copy_of=2),
    ]
    (only,) = independent_sources(story)
    assert only.description == "Reuters copy, carried by 3 outlets"


def test_one_outlet_that_names_the_wire_is_enough_for_all_who_print_the_same() -> None:
    story = [carrier(1, "herald"), carrier(2, "courier", copy_of=1, agency="AP"), carrier(3, "echo")]
    assert [each.name for each in independent_sources(story)] == ["AP", "Echo"]


def test_own_reports_of_an_outlet_that_prints_a_wire_too_count_beside_it() -> None:
    story = [carrier(1, "herald", agency="AP"), carrier(2, "herald"), carrier(3, "courier")]
    assert [each.name for each in independent_sources(story)] == ["AP", "Herald", "Courier"]


def test_copies_in_a_circle_and_of_articles_elsewhere_are_survived() -> None:
    circle = [carrier(1, "herald", copy_of=2), carrier(2, "courier", copy_of=1), carrier(3, "echo", copy_of=99)]
    assert sum(len(each.article_ids) for each in independent_sources(circle)) == 3


def test_two_feeds_of_one_title_are_told_apart() -> None:
    one, other = (
        StoryArticle(article_id=n, publisher=f"bbc-{n}", outlet="BBC", published_at=NOON, seen_at=NOON) for n in (1, 2)
    )
    assert outlets([one, other]) == ("BBC (bbc-1)", "BBC (bbc-2)")
    assert outlets([one, other], without="bbc-1") == ("BBC (bbc-2)",)


def test_the_earliest_leads_unless_a_preferred_source_carries_it() -> None:
    story = [carrier(1, "herald", hours=5), carrier(2, "courier", hours=3), carrier(3, "echo", hours=9)]
    assert lead(story) == Lead(article_id=2, why="the earliest")
    assert lead(story, ("echo", "herald")) == Lead(article_id=3, why="a preferred source (echo)")
    assert lead(story, ("nobody", "herald")).article_id == 1


def test_an_agency_leads_before_those_who_print_it() -> None:
    printed = [carrier(1, "herald", agency="Reuters", hours=1), carrier(2, "courier", copy_of=1, hours=2)]
    assert lead(printed) == Lead(article_id=1, why="the earliest, and the first to print its text")
    own = carrier(3, "reuters", agency="Reuters", hours=3)
    assert lead([*printed, own]) == Lead(article_id=3, why="the original, by Reuters itself, which others printed")
    assert lead([*printed, own, carrier(4, "echo", hours=0.5)]).article_id == 4, "who wrote before the agency did"
    assert lead([*printed, own], ("courier",)).article_id == 2


@pytest.mark.parametrize(
    ("sentence", "began", "last", "count", "expected"),
    [
        ("a story of an hour is emerging", 1, 0, 9, StoryState.EMERGING),
        ("with one outlet it stays so", 20, 1, 1, StoryState.EMERGING),
        ("with two it is active", 20, 1, 2, StoryState.ACTIVE),
        ("after two days without it is quiet", 100, 48, 9, StoryState.QUIET),
        ("a clock that was set back makes nothing quiet", -3, -2, 2, StoryState.EMERGING),
    ],
)
def test_how_a_story_is_doing(sentence: str, began: float, last: float, count: int, expected: StoryState) -> None:
    first_at, last_at = NOON - timedelta(hours=began), NOON - timedelta(hours=last)
    assert state(first_at, last_at, count, now=NOON) is expected, sentence


def test_pace_counts_the_last_hours_and_the_usual_is_the_mean_of_busiest_hours() -> None:
    hours = [NOON - timedelta(hours=n) for n in (0, 1, 5, 7, 30)]
    assert pace(hours, now=NOON) == 3
    assert usual_pace([hours, [NOON]]) == pytest.approx(2.0)
    assert usual_pace([]) == 1.0
