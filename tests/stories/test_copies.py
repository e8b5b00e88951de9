from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories import copies
from monitor.stories.copies import classify
from monitor.types.matching import Article
from monitor.types.stories import ArticleKind, StoredCandidate

NOW = datetime(2021, 10, 20, 12, tzinfo=UTC)
WIRE = (
    "MOSCOW, Oct 20 - Russia hosted the Taliban for talks in Moscow on Wednesday, seeking to assert its influence in Central "
    "Asia and push for action against Islamic State fighters who it says have massed in Afghanistan. Officials from ten "
    "countries in the region attended the meeting, the third of its kind since 2017. A joint statement called for an "
    "international donor conference and said that the burden of reconstruction should be borne by those who had troops in "
    "the country for twenty years. The envoy of the hosts said that recognition was not on the table for now and would "
    "depend on human rights and on an inclusive government. The delegation thanked its hosts and asked for patience."
)
OTHER = (
    "Wheat prices climbed to their highest level in eight years after another dry month on the northern plains, traders said. "
    "Mills have begun to look for grain from further away, and shipping costs are rising with demand. Farmers near the river "
    "expect a harvest a third below the average, while stocks in the silos are the lowest since the drought of the last decade. "
    "The ministry will publish its own estimate next week and has promised help with seed for the coming season."
)


def arrived(
    text: str = WIRE,
    *,
    title: str = "Russia hosts Taliban for talks",
    url: str = "https://a.example/world/talks-1",
    **more: str,
) -> Article:
    return Article(
        guid="g1", url=url, title=title, text=text, language="en", published_at=NOW, seen_at=NOW, source=more.get("source", "A")
    )  # fmt: skip


def stored(
    article_id: int = 1, text: str = WIRE, *, title: str = "Taliban in Moscow for talks", **more: object
) -> StoredCandidate:
    known = StoredCandidate(
        article_id=article_id,
        story_id=article_id + 100,
        title=title,
        text=text,
        url=f"https://b{article_id}.example/story/{article_id}",
        source=f"B{article_id}",
        published_at=NOW - timedelta(hours=3),
    )
    return replace(known, **more)  # type: ignore[arg-type]


def test_an_article_unlike_any_other_is_new() -> None:
    choice = classify(arrived(), [stored(text=OTHER)])
    assert (choice.kind, choice.story_id, choice.of_article_id) == (ArticleKind.NEW, None, None)
    assert choice.why


def test_wire_copy_under_another_headline_is_a_copy() -> None:
    choice = classify(
        arrived("From our correspondent. " + WIRE + " Read the rest of our coverage of the region here."), [stored()]
    )
    assert (choice.kind, choice.story_id, choice.of_article_id) == (ArticleKind.COPY, 101, 1)
    assert choice.similarity > 0.95
    assert "%" in choice.why


def test_a_copy_cut_to_a_quarter_is_a_copy() -> None:
    words = WIRE.split()
    assert classify(arrived(" ".join(words[: len(words) // 4])), [stored()]).kind is ArticleKind.COPY


def test_every_tenth_word_edited_is_still_a_copy() -> None:
    dice = random.Random(1)
    edited = " ".join("other" if dice.random() < 0.1 else word for word in WIRE.split())
    assert classify(arrived(edited), [stored()]).kind is ArticleKind.COPY


def test_a_copy_belongs_to_the_earliest() -> None:
    late = stored(1, published_at=NOW - timedelta(hours=1))
    early = stored(2, published_at=NOW - timedelta(hours=9))
    assert classify(arrived(), [late, early]).of_article_id == 2


def test_the_same_text_under_a_hundred_urls_is_one_story() -> None:
    crowd = [stored(number, published_at=NOW - timedelta(hours=number)) for number in range(1, 50)]
    assert classify(arrived(), crowd).of_article_id == 49


# --- the same article again ----------------------------------------------------------------------------------------------


def test_the_same_guid_unchanged_is_a_copy() -> None:
    choice = classify(arrived(), [stored(title="RUSSIA hosts Taliban for talks", same_guid=True)])
    assert (choice.kind, choice.of_article_id) == (ArticleKind.COPY, 1)
    assert "guid" in choice.why


def test_f18_the_same_guid_with_new_words_is_an_update() -> None:
    choice = classify(
        arrived(WIRE.replace("asked for patience", "asked for time")),
        [stored(same_guid=True, title="Russia hosts Taliban for talks")],
    )
    assert (choice.kind, choice.is_material) == (ArticleKind.UPDATE, False)


def test_f18_the_same_guid_with_everything_new_is_an_update_not_a_second_new() -> None:
    choice = classify(arrived(OTHER, title="Wheat at eight year high"), [stored(same_guid=True)])
    assert (choice.kind, choice.is_material) == (ArticleKind.UPDATE, True)


def test_a_changed_number_is_material() -> None:
    choice = classify(
        arrived(WIRE.replace("ten countries", "eleven countries")),
        [stored(same_url=True, title="Russia hosts Taliban for talks")],
    )
    assert (choice.kind, choice.is_material) == (ArticleKind.UPDATE, True)
    assert "10" in choice.why
    assert "11" in choice.why


def test_a_teaser_of_the_same_article_does_not_replace_its_text() -> None:
    teaser = arrived("Ten countries meet the Taliban in Moscow.")
    assert classify(teaser, [stored(same_url=True, title=teaser.title)]).kind is ArticleKind.COPY
    fuller = classify(arrived(), [stored(same_url=True, title=teaser.title, text=teaser.text)])
    assert (fuller.kind, fuller.is_material) == (ArticleKind.UPDATE, False)


def test_an_update_is_of_the_latest_version() -> None:
    first = stored(1, same_guid=True, text=WIRE.replace("ten", "eight"))
    second = stored(2, same_guid=True, published_at=first.published_at)
    assert classify(arrived(), [second, first]).of_article_id == 2


def test_the_same_url_wins_over_the_same_text_elsewhere() -> None:
    mine = stored(2, same_url=True, text=WIRE[:300], published_at=NOW)
    assert classify(arrived(), [stored(1), mine]).of_article_id == 2


def test_a_canonical_link_to_the_home_page_merges_nobody() -> None:
    for home in ("https://a.example/", "https://a.example/news/", ""):
        assert (
            classify(arrived(OTHER, title="Wheat", url=home), [stored(same_url=True, url=home)]).kind is ArticleKind.NEW
        )


def test_a_live_page_at_its_own_url_is_an_update_whatever_it_says() -> None:
    assert (
        classify(arrived(OTHER, title="Wheat"), [stored(same_url=True, url="https://a.example/world/talks-1")]).kind
        is ArticleKind.UPDATE
    )


# --- short texts and strangers -------------------------------------------------------------------------------------------


def test_no_text_merges_with_nobody() -> None:
    title = "Russia hosts Taliban for talks in Moscow"
    for text in ("", " … "):
        assert (
            classify(arrived(text, title=title), [stored(text="", title=title), stored(2, title=title)]).kind
            is ArticleKind.NEW
        )


def test_a_generic_headline_over_the_same_few_words_merges_no_strangers() -> None:
    assert (
        classify(
            arrived("Follow it here.", title="Live updates"), [stored(text="Follow it here.", title="Live updates")]
        ).kind
        is ArticleKind.NEW
    )


def test_a_teaser_is_a_copy_only_with_its_headline() -> None:
    teaser, headline = "Ten countries send envoys to the meeting.", "Russia hosts Taliban for talks"
    assert classify(arrived(teaser), [stored(text=teaser.upper(), title=headline)]).kind is ArticleKind.COPY
    assert (
        classify(arrived(teaser), [stored(text=teaser, title="Envoys meet in the capital today")]).kind
        is ArticleKind.NEW
    )


def test_a_few_words_that_a_long_article_happens_to_hold_are_not_its_copy() -> None:
    assert (
        classify(arrived("Russia hosted the Taliban for talks in Moscow on Wednesday."), [stored()]).kind
        is ArticleKind.NEW
    )


def test_two_pages_of_one_site_with_the_same_template_are_strangers() -> None:
    footer = "Sign in to your account, read our terms, see more from around the network and choose your edition. " * 2
    footer += OTHER
    bridge = "A bridge was closed on Monday after an inspection found cracks in two of its pillars, and drivers face long queues."
    bridge += " The ministry of transport has promised a ferry until the spring."
    article = arrived(f"{WIRE[:300]} {footer}", source="A")
    assert classify(article, [stored(text=f"{bridge} {footer}", source="A")]).kind is ArticleKind.NEW


def test_next_of_a_series_is_new_even_where_the_template_is_all_of_it() -> None:
    pictures = "A look back at the events that shaped the year. " + OTHER
    known = stored(text=pictures, title="2015: The year in pictures", source="A")
    assert classify(arrived(pictures, title="2016: the year in pictures"), [known]).kind is ArticleKind.NEW


def test_the_counts_of_another_day_are_no_copy() -> None:
    counts = (
        "A further {} people have died within 28 days and {} cases were found, {} are in hospital, {} of them in care."
    )
    assert (
        classify(arrived(counts.format(2, 1264, 190, 31)), [stored(text=counts.format(3, 1473, 204, 35))]).kind
        is ArticleKind.NEW
    )


def test_a_generic_headline_over_a_shared_template_merges_no_strangers() -> None:
    known = stored(text=f"{WIRE[:400]} {OTHER}", title="Live updates", source="A")
    start = (
        "Doors of the hall opened at nine and the first to enter were those who had waited since the night, our reporter says. "
        * 2
    )
    assert classify(arrived(f"{start} {OTHER}", title="Live updates"), [known]).kind is ArticleKind.NEW


def test_urdu_and_chinese_copies_are_found() -> None:
    urdu = "روس نے ماسکو میں طالبان کے وفد کی میزبانی کی جس میں خطے کے دس ممالک کے نمائندے شریک ہوئے اور امداد کا مطالبہ کیا گیا"
    chinese = (
        "俄罗斯星期三在莫斯科主办有关阿富汗问题的会谈塔利班代表团和十个国家的代表出席了会议联合声明呼吁召开国际捐助会议"
    )
    for text in (urdu, chinese):
        assert classify(arrived(text + " ۔。", title="x"), [stored(text=text)]).kind is ArticleKind.COPY


def test_a_lone_bad_url_does_not_stop_it() -> None:
    assert classify(arrived(url="http://[::bad/"), [stored(url="")]).kind is ArticleKind.COPY


@given(st.permutations(range(6)))
def test_the_order_of_the_candidates_does_not_matter(order: list[int]) -> None:
    known = [
        stored(1, text=OTHER),
        stored(2, text=WIRE[:400], published_at=NOW - timedelta(hours=5)),
        stored(3),
        stored(4, text=WIRE.replace("ten", "nine"), published_at=NOW - timedelta(hours=5)),
        stored(5),
        stored(6, text=""),
    ]
    assert classify(arrived(), [known[i] for i in order]) == classify(arrived(), known)
    again = [replace(each, same_guid=each.article_id > 3) for each in known]
    assert classify(arrived(), [again[i] for i in order]) == classify(arrived(), again)


PARTS = [" ".join(f"{word}{part}" for word in WIRE.split()[:30]) for part in "abcdefgh"]


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=5),
    st.lists(st.tuples(st.lists(st.integers(0, 7), max_size=5), st.integers(0, 2)), max_size=9),
    st.integers(0, 2),
)
def test_a_candidate_that_is_not_compared_could_not_have_been_a_copy(
    own: list[int], others: list[tuple[list[int], int]], site: int
) -> None:
    """Texts with shared passages on few sites: the answer is the same as when each is compared with all boilerplate known."""
    article = arrived(" ".join(PARTS[i] for i in own), url=f"https://s{site}.example/story/9-9", source=f"s{site}")
    known = [
        stored(
            number,
            " ".join(PARTS[i] for i in passages),
            url=f"https://s{at}.example/story/{number}-1",
            source=f"s{at}",
        )
        for number, (passages, at) in enumerate(others, 1)
    ]
    quick = classify(article, known)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_possible_copies", lambda _own, readings: list(range(len(readings))))
        assert quick == classify(article, known)


NOTICE = (
    " Contact the editorial office by telephone or by letter. Subscribe to our weekly letter with the best stories from your "
    "town. Advertise with us and reach thousands of readers every week in print and online, wherever they may live."
)


def test_one_notice_of_two_outlets_around_two_short_tales_makes_no_copy() -> None:
    baker = stored(text="A baker in Varn won the bread prize with a rye loaf." + NOTICE, title="Baker wins bread prize")
    seal = arrived("A seal was seen in the canal at Tarrant, far from the sea." + NOTICE, title="Seal seen in canal")
    assert classify(seal, [baker]).kind is ArticleKind.NEW


def test_a_short_copy_with_a_headline_and_lead_of_its_own_is_a_copy() -> None:
    short = " ".join(WIRE.split()[:70])
    first = stored(text="As seen from our office in the capital: " + short, title="Taliban in Moscow for talks")
    second = arrived(
        "Our correspondent sends this report to readers: " + short, title="Russia seeks influence in Central Asia"
    )
    assert classify(second, [first]).kind is ArticleKind.COPY
