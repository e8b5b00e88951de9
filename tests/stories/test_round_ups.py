"""Items on many subjects are on no event."""

from __future__ import annotations

import pytest

from monitor.stories.round_ups import is_round_up
from monitor.stories.same_event import same_event
from tests.stories.test_same_event import OTHER_TEASER, TEASER, item


@pytest.mark.parametrize(
    "title",
    [
        "Morning briefing: Budget day, rail strike and a new coach",
        "Friday Evening News Briefing: ports, wolves",
        "5 things to know for July 10",
        "The week in Weir Landing: ten things to know",
        "Ten things you need to know",
        "This week in Texas politics",
        "This day in history: the bridge opens",
        "Weir Landing in brief",
        "Africa's week in pictures: 3-9 May",
        "Horoscope today: July 10",
        "Ukraine round-up: Troops leave Chernobyl",
        "Your daily Ukraine round-up",
        "Monday Football Roundup",
        "Newspaper headlines: Putin and royal reforms",
        "Presseschau: Was Zeitungen schreiben",
        "Revue de presse du 3 mai",
        "Resumen de noticias del lunes",
        "Horóscopo de hoy",
        "Главное за день: курс, выборы, погода",
        "Гороскоп на 12 июля",
        "خلاصه خبرهای امروز",
        "Điểm tin sáng 5/5",
        "早报：要闻速览",
    ],
)
def test_round_ups_are_recognised(title: str) -> None:
    assert is_round_up(title)


@pytest.mark.parametrize(
    "title",
    [
        "Two hurt in cattle round-up near Dubbo",
        "Jury finds Roundup caused cancer",
        "EU court bans Roundup",
        "Bayer Must Pay $2bn Over Roundup",
        "White House briefing room evacuated",
        "Ten things that changed after the vote",
        "Five things to know about the new tax law",
        "This week in court Ida Marsh will say what she saw",
        "The day in which the bridge fell, as told by its engineer Ida Marsh",
        "In pictures: flood in Valencia",
        "Morning attack kills 12",
        "Reader's Digest files for bankruptcy",
        "Astrologer jailed over fraud",
        "Итоги выборов в Молдавии",
    ],
)
def test_news_are_none(title: str) -> None:
    assert not is_round_up(title)


def test_a_round_up_joins_no_story_and_none_joins_it() -> None:
    event = item("Rail strike ends after a week", profile=TEASER, likeness=0.9)
    newsletter = item("Morning briefing: Rail strike ends after a week", profile=OTHER_TEASER, likeness=0.9)
    assert same_event(event, newsletter, nearness=0.3).score < 0
    assert same_event(newsletter, event, nearness=0.3).score < 0
