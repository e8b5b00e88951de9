"""Whether two articles are on one event: by meaning, by the time between them, by what else is near, by their headlines."""

from __future__ import annotations

from datetime import timedelta

import pytest

from monitor.stories.profiles import Profile
from monitor.stories.same_event import Likeness, reasons, same_event
from monitor.stories.word_similarity import RelatedArticle
from tests.conftest import NOON

TEASER = Profile(dict.fromkeys(range(27), 0.19), dict.fromkeys(range(27), 4))
"""As of a headline with a line of text; no terms in common with another one's."""
OTHER_TEASER = Profile(dict.fromkeys(range(100, 127), 0.19), dict.fromkeys(range(100, 127), 4))
HEADLINE = Profile(dict.fromkeys(range(8), 0.35), dict.fromkeys(range(8), 4))
OTHER_HEADLINE = Profile(dict.fromkeys(range(100, 108), 0.35), dict.fromkeys(range(100, 108), 4))


def item(
    title: str,
    *,
    likeness: float | None = None,
    hours: float = 0,
    language: str = "en",
    profile: Profile = OTHER_TEASER,
) -> RelatedArticle:
    at = NOON + timedelta(hours=hours)
    return RelatedArticle(
        article_id=1, story_id=1, published_at=at, profile=profile, language=language, title=title, likeness=likeness
    )


ONE = item("Brussels fines chipmaker over rebates", profile=TEASER)


def weigh(other: RelatedArticle, *, nearness: float | None = 0.35, one: RelatedArticle = ONE) -> Likeness:
    return same_event(one, other, nearness=nearness)


def test_a_teaser_in_other_words_within_hours_is_on_the_event() -> None:
    assert weigh(item("Chip giant hit with antitrust penalty", likeness=0.62, hours=3)).score > 0


@pytest.mark.parametrize(
    ("what", "other", "nearness"),
    [
        ("days later", item("Chip giant hit with antitrust penalty", likeness=0.62, hours=60), 0.35),
        ("near to everything", item("Chip giant hit with antitrust penalty", likeness=0.62, hours=3), 0.6),
        ("not alike", item("Chip giant hit with antitrust penalty", likeness=0.3, hours=3), 0.35),
        ("one shape, another name", item("Brussels fines carmaker over rebates", likeness=0.62, hours=3), 0.35),
        ("no embedding, no shared words", item("Chip giant hit with antitrust penalty", hours=3), 0.35),
    ],
)  # fmt: skip
def test_it_is_not(what: str, other: RelatedArticle, nearness: float) -> None:
    assert weigh(other, nearness=nearness).score < 0, what


def test_headlines_alone_must_be_more_alike() -> None:
    one = item("Brussels fines chipmaker over rebates", profile=HEADLINE)
    other = item("Chip giant hit with antitrust penalty", likeness=0.62, hours=3, profile=OTHER_HEADLINE)
    assert weigh(other, one=one).score < weigh(item(other.title, likeness=0.62, hours=3)).score


def test_names_in_common_speak_for_one_event_and_none_against_it() -> None:
    one = item("Regulator fines Rhenova over rebates", profile=TEASER)
    scores = [
        weigh(item(title, likeness=0.5, hours=3), one=one).score
        for title in (
            "Penalty for chip giant Rhenova",
            "Penalty for a chip giant",
            "Chip giant Calvenor told to pay in Dublin",
        )
    ]
    assert scores[0] > scores[1] > scores[2]


def test_two_earthquakes_of_one_strength_and_evening_are_two_events() -> None:
    one = item("Magnitude 4.6 earthquake strikes Herat, Afghanistan", profile=TEASER)
    found = weigh(item("Magnitude 4.6 earthquake strikes Badakhshan, Afghanistan", likeness=0.83, hours=6), one=one)
    assert found.score < 0
    assert found.contradictions.other_names == ("herat", "badakhshan")
    again = weigh(item("Magnitude 4.6 earthquake strikes Herat, Afghanistan", likeness=0.83, hours=6), one=one)
    assert again.score > 0


def test_two_exchange_rates_of_one_minute_are_two_events() -> None:
    one = item("Official rate of dollar on 15 October set at 79.62", profile=TEASER)
    other = item("Official rate of euro on 15 October set at 92.10", likeness=0.78)
    assert weigh(other, nearness=0.21, one=one).score < 0


def test_two_languages_need_less_likeness() -> None:
    across = weigh(item("Брюссель оштрафовал", likeness=0.5, hours=1, language="ru"))
    assert across.score > weigh(item("Chip giant hit with penalty", likeness=0.5, hours=1)).score


def test_without_an_embedding_words_decide() -> None:
    alike = weigh(item("Brussels fines chipmaker over rebates", profile=TEASER), nearness=None)
    assert alike.semantic is None


def test_its_reasons_are_told_with_what_differs() -> None:
    one, other = (
        item("14 killed in bus crash in Kenya", profile=TEASER),
        item("23 killed in bus crash in Nigeria", likeness=0.7, hours=5),
    )
    told = reasons(weigh(other, one=one), one, other)
    assert told == "70% alike by meaning, 5 h apart; differs: names (kenya / nigeria), numbers (14 / 23)"
