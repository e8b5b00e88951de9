from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.matching.background import Background
from monitor.stories.events import choose
from monitor.stories.profiles import Profile, profile, unpack
from monitor.stories.tuning import LOOK_UP_TERMS, PROFILE_TERMS, THEME_ARTICLES
from monitor.stories.word_similarity import RelatedArticle
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
TALKS = Article(
    guid="1",
    url="https://a.example/1",
    title="Russia hosts Taliban for talks in Moscow",
    text="Russia hosted the Taliban for talks in Moscow on Wednesday and pressed them on Islamic State fighters. Officials from "
    "ten countries attended. Foreign minister Sergei Lavrov said that recognition was not on the table.",
    language="en",
    published_at=NOW,
    seen_at=NOW,
)
SAME = replace(
    TALKS,
    title="Moscow talks: Lavrov says no recognition of Taliban for now",
    text="Sergei Lavrov told Taliban envoys in Moscow that Russia would not recognise their government yet. Delegates of ten "
    "countries had come to the talks, which also turned to fighters of Islamic State.",
)
WHEAT = replace(
    TALKS,
    title="Wheat prices climb after another dry month",
    text="Wheat prices climbed to their highest level in eight years after a dry month on the northern plains, traders said.",
)
IDF: Mapping[str, float] = Background.shipped().table("en").idf


def stored(article: Article, article_id: int = 1, *, story_id: int = 1, days_ago: float = 0.2) -> RelatedArticle:
    at = NOW - timedelta(days=days_ago)
    return RelatedArticle(article_id=article_id, story_id=story_id, published_at=at, profile=profile(article, IDF))


def test_the_same_event_in_other_words_joins_and_says_why() -> None:
    choice = choose(SAME, profile(SAME, IDF), [stored(WHEAT, 2, story_id=2), stored(TALKS)])
    assert choice
    assert (choice.kind, choice.story_id, choice.of_article_id) == (ArticleKind.JOINS, 1, 1)
    assert "taliban" in choice.why


def test_another_event_is_none_of_theirs() -> None:
    assert choose(WHEAT, profile(WHEAT, IDF), [stored(TALKS), stored(SAME, 2)]) is None


def quake(size: str, place: str, deaths: str, *, at: str = "Monday") -> Article:
    return replace(
        TALKS,
        title=f"Magnitude {size} earthquake shakes {place}",
        text=f"An earthquake of magnitude {size} shook {place} early on {at}, and officials in {place} said that {deaths} people "
        "were killed. Rescuers dug through collapsed houses while aftershocks continued, the disaster agency said.",
    )


def test_conflicting_numbers_and_places_keep_two_events_apart() -> None:
    known = stored(quake("6.4", "Lombok", "98"))
    same = replace(quake("6.4", "Lombok", "98"), title="Lombok counts its dead after earthquake of magnitude 6.4")
    near = choose(same, profile(same, IDF), [known])
    assert near
    for other in (quake("5.1", "Hokkaido", "3"), quake("7.2", "Oaxaca", "14", at="Friday")):
        assert choose(other, profile(other, IDF), [known]) is None


def test_a_growing_toll_in_one_place_stays_one_event() -> None:
    later = quake("6.4", "Lombok", "131")
    assert choose(later, profile(later, IDF), [stored(quake("6.4", "Lombok", "98"))])


def test_where_a_script_has_no_capitals_more_shared_words_are_the_second_signal() -> None:
    urdu = replace(
        TALKS,
        language="ur",
        title="بجلی کے بحران پر وزیراعظم کا خطاب",
        text="وزیراعظم نے کہا ہے کہ بجلی کا بحران ایک برس میں ختم نہیں ہو سکتا اور عوام تبدیلی اور انقلاب والوں کی پرواہ نہ کریں۔ "
        "انہوں نے "
        "لاہور میں بجلی گھر کے افتتاح کے موقع پر کہا کہ حکومت توانائی کے منصوبوں پر دن رات کام کر رہی ہے۔",
    )
    other = replace(
        urdu, title="نوازشریف لاہور میں: منصوبے جاری", text=urdu.text.replace("ختم نہیں ہو سکتا", "حل نہیں ہوگا")
    )
    idf = Background.shipped().table("ur").idf
    known = RelatedArticle(article_id=1, story_id=1, published_at=NOW, profile=profile(urdu, idf))
    assert choose(other, profile(other, idf), [known])
    assert choose(WHEAT, profile(WHEAT, IDF), [known]) is None


def test_the_same_words_weeks_later_are_told_anew() -> None:
    assert choose(SAME, profile(SAME, IDF), [stored(TALKS, days_ago=13)]) is None


def test_articles_of_two_languages_are_never_compared() -> None:
    other = profile(replace(SAME, language="de"), Background.shipped().table("de").idf)
    assert not other.weights.keys() & profile(SAME, IDF).weights.keys()


def test_what_hundreds_carry_just_now_tells_no_event() -> None:
    own = profile(SAME, IDF)
    assert choose(SAME, own, [stored(TALKS)], dict.fromkeys(own.keys, THEME_ARTICLES)) is None


def test_what_all_articles_of_a_topic_carry_weighs_little() -> None:
    themes = {"taliban", "moscow", "russia", "recognit", "lavrov"}
    plain, without = (stored(TALKS), replace(stored(TALKS), profile=profile(TALKS, IDF, themes=themes)))
    near = choose(SAME, profile(SAME, IDF), [plain])
    far = choose(SAME, profile(SAME, IDF, themes=themes), [without])
    assert near
    assert far is None or far.similarity < near.similarity


@pytest.mark.parametrize("title", ["Live updates", "", "Moscow", "2020/06/24 01:00 GMT"])
def test_headlines_of_a_few_words_merge_no_strangers(title: str) -> None:
    one, other = (replace(TALKS, title=title, text="") for _ in range(2))
    assert choose(other, profile(other, IDF), [stored(one)]) is None


def test_a_language_without_known_words_joins_nothing() -> None:
    assert profile(TALKS, {}) == Profile()
    assert choose(TALKS, Profile(), [stored(SAME)]) is None


def test_a_hostile_text_costs_no_more_than_a_long_one() -> None:
    found = profile(replace(TALKS, text="(" * 10**6 + "A-" * 10**6), IDF)
    assert len(found.weights) <= PROFILE_TERMS


@given(st.text(max_size=300), st.text(max_size=60))
def test_a_profile_comes_back_as_it_was_kept(text: str, title: str) -> None:
    own = profile(replace(TALKS, title=title, text=text), IDF)
    kept = unpack(own.pack())
    assert kept.weights == pytest.approx(own.weights, abs=1e-3)
    assert (kept.marks, kept.keys) == (own.marks, own.keys)
    assert len(own.keys) <= LOOK_UP_TERMS


@given(st.permutations([stored(TALKS, 1), stored(SAME, 2, story_id=2), stored(WHEAT, 3, story_id=3)]))
def test_the_order_of_the_kindred_does_not_matter(kindred: list[RelatedArticle]) -> None:
    choice = choose(TALKS, profile(TALKS, IDF), kindred)
    assert choice
    assert choice.of_article_id == 1


def test_an_item_joins_only_where_most_of_a_story_is_on_its_event() -> None:
    """A conference opens, an envoy speaks at its margin: the next item is very like one of its articles and unlike the others."""
    members = [
        replace(stored(WHEAT, number), likeness=likeness, title="", published_at=NOW)
        for number, likeness in enumerate((0.95, 0.35, 0.35), 1)
    ]

    def joins(*likest: RelatedArticle) -> bool:
        return choose(TALKS, profile(TALKS, IDF), likest, nearness=0.4) is not None

    assert joins(members[0])
    assert joins(*members[:2])  # one may differ
    assert not joins(*members)


def test_on_the_first_day_an_item_joins_no_story_in_another_language_that_is_hardly_like_it() -> None:
    """Nothing older is stored yet to show that all of a busy subject is a little alike: nearness is low."""

    def joins(likeness: float, *others: float) -> bool:
        members = [
            replace(stored(WHEAT, number), likeness=each, title="Переговоры в Москве", published_at=NOW, language="ru")
            for number, each in enumerate((likeness, *others), 1)
        ]
        return choose(TALKS, profile(TALKS, IDF), members, nearness=0.25) is not None

    assert not joins(0.36)
    assert joins(0.4)
    assert joins(0.36, 0.4)  # one of the story's articles must be that near, not each


def test_articles_whose_headlines_contradict_count_however_much_they_do() -> None:
    """Two reports on one bus crash, two of the day before on another one that was taken for it."""
    one = replace(
        TALKS,
        title="Bus plunges into ravine in Peru, killing 26",
        text="The coach left the road near Huancayo, police said.",
    )

    def member(number: int, title: str, days_ago: float) -> RelatedArticle:
        like_it = replace(one, title=title, text="The coach left the road, police said.")
        return replace(stored(like_it, number, days_ago=days_ago), likeness=0.8, title=title, language="en")

    same = [member(number, "Bus plunges into ravine in Peru, killing 26", 0) for number in (1, 2)]
    other = [member(number, "Bus plunges into gorge in Nepal, killing 14", 0.9) for number in (3, 4)]
    own = profile(one, IDF)
    assert choose(one, own, same, nearness=0.4)
    assert choose(one, own, [*same, *other], nearness=0.4) is None
