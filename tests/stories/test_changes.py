from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.change_sentences import Sentence, is_rounded
from monitor.stories.changes import Change, compare, correction
from tests.fakes.patience import grows_evenly

TITLE = "Taliban say 12 died in Kabul"
TEXT = (
    "The Taliban said on Monday that 12 people died in Kabul and 5 were hurt. Talks in Moscow will go on with Pakistan and India. "
    "President Joe Biden called it “a terrible and cowardly attack”. He did not say more about the plans of his government."
)


def changed(old: str, new: str, *, text: str = TEXT) -> Change:
    assert old in text
    return compare(TITLE, text, TITLE, text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("12 people", "15 people", "12 → 15"),
        ("12 people", "twelve hundred people", "→ 12, 100"),
        ("5 were", "some were", "5 is gone"),
        ("12 people died in Kabul and 5", "5 people died in Kabul and 12", "12, 5 → 5, 12"),
        ("in Kabul and", "in Kandahar and", "kabul → kandahar"),
        ("Pakistan and India", "Pakistan and Iran", "india → iran"),
        ("on Monday", "on Friday", "monday → friday"),
        ("did not say", "did say", "negation"),
        ("terrible and cowardly", "sad and avoidable", "new quote"),
        ("Talks in", "Zamir Kabulov said that talks in", "kabulov"),
    ],
)
def test_facts_are_material(old: str, new: str, says: str) -> None:
    change = changed(old, new)
    assert change.is_material
    assert says in change.why
    assert change.removed
    assert change.added


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("“a terrible and cowardly attack”", '"a terrible and cowardly attack"'),
        ("12 people", "twelve people"),
        ("Talks in Moscow will go on", "In Moscow talks are going to go on"),
        ("He did not say more", "Biden did not say more"),
        ("He did not say more", "He didn't say more"),
        ("hurt. Talks", "hurt, while talks"),
        ("Taliban", "TALIBAN"),
        ("said on Monday that", "said that"),
        (" He did not say more about the plans of his government.", ""),
        ("and India. ", "and India. The road was open again in the evening, a spokesman said. "),
    ],
)
def test_wording_is_not_material(old: str, new: str) -> None:
    assert not changed(old, new).is_material


def test_nothing_changed() -> None:
    assert compare(TITLE, TEXT, TITLE, TEXT) == Change(is_material=False, why="nothing that is read changed")


def test_a_name_spelled_right_at_last_is_not_material() -> None:
    assert not compare(TITLE, TEXT.replace("Taliban", "Talibna"), TITLE, TEXT).is_material
    assert not changed("Pakistan", "Pakistann").is_material


def test_names_one_letter_apart_are_two_names() -> None:
    text = TEXT.replace("India", "Iran")
    assert changed("Iran", "Iraq", text=text).is_material


def test_sentences_in_another_order_are_the_same() -> None:
    parts = [part + "." for part in TEXT.split(". ")]
    assert not compare(TITLE, TEXT, TITLE, " ".join(reversed(parts))).is_material


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 hours ago", "3 hours ago"),
        ("Updated 20 October 2021 10:45", "Updated 20 October 2021 11:52"),
        ("123 comments", "1,456 comments"),
        ("Comments (12)", "Comments (99)"),
        ("10:45 GMT", "10:47 GMT"),
        ("5 минут назад", "7 минут назад"),
        ("۳ ساعت پیش", "۵ ساعت پیش"),
        ("Reporting by Jane Doe; editing by John Roe", "Reporting by Ann Poe; editing by John Roe"),
        ("Read more: Biden speaks", "Read more: Putin speaks"),
        ("Sign up for the Moscow newsletter", "Sign up for the Kabul newsletter"),
    ],
)
def test_clocks_counters_and_boilerplate_are_not_material(old: str, new: str) -> None:
    assert not compare(TITLE, f"{TEXT}\n{old}", TITLE, f"{TEXT}\n{new}").is_material


def test_a_live_blog_entry_with_another_clock_is_the_same_but_another_entry_counts() -> None:
    blog = "10:45 The delegation arrives at the hotel.\n10:30 The road is closed by police."
    assert not compare(TITLE, blog, TITLE, blog.replace("10:45", "10:46 GMT")).is_material
    assert compare(TITLE, blog, TITLE, "10:58 Sergei Lavrov enters with 3 aides.\n" + blog).is_material


def test_teaser_and_article_are_two_readings_not_two_versions() -> None:
    longer = TEXT + " Minister Sergei Lavrov met 40 envoys on the margins, the agency Interfax wrote." * 4
    assert not compare(TITLE, TEXT[:75], TITLE, longer).is_material
    assert not compare(TITLE, longer, TITLE, "Zamir Kabulov spoke of 7 steps.").is_material
    assert compare(TITLE, longer, TITLE.replace("12", "15"), TEXT[:75]).is_material
    assert not compare(TITLE, TEXT[:75], TITLE.replace("12", "15"), longer).is_material
    assert not compare(TITLE, TEXT, TITLE, TEXT + " Minister Sergei Lavrov met 40 envoys.\n" * 40).is_material
    assert not compare(TITLE, "", TITLE, TEXT).is_material


def test_an_article_that_grew_by_facts_is_material() -> None:
    assert compare(TITLE, TEXT, TITLE, TEXT + " Lavrov met 40 envoys on the margins.").is_material


def test_a_headline_in_title_case_names_nobody_new() -> None:
    assert not compare(TITLE, TEXT, "Twelve People Died In Kabul, Taliban Say", TEXT).is_material
    assert compare(TITLE, TEXT, "Thirty People Died In Kabul, Taliban Say", TEXT).is_material


def test_numbers_written_in_two_ways_are_one() -> None:
    assert not compare(TITLE, "Some 1,000 people came. " + TEXT, TITLE, "Some 1000 people came. " + TEXT).is_material
    assert not compare("۱۲ نفر", TEXT, "12 نفر", TEXT).is_material
    assert not compare("Covid cases rise", TEXT, "Covid-19 cases rise", TEXT).is_material


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$3 million", "$3,000,000"),
        ("$3 million", "$3m"),
        ("$2.5 billion", "$2.5bn"),
        ("forty thousand", "40,000"),
        ("3.5 percent", "3,5 percent"),
        ("at 05:30", "at 5:30 a.m."),
        ("at 5:30am", "at 5.30am"),
    ],
)
def test_sums_and_hours_written_in_two_ways_are_one(one: str, other: str) -> None:
    before, after = (f"{TEXT} The damage was put that night, as insurers said, {each}." for each in (one, other))
    assert not compare(TITLE, before, TITLE, after).is_material
    assert not compare(TITLE, after, TITLE, before).is_material
    assert not correction(before, after).is_material
    other_sum = after.replace(other, other.replace("3", "4").replace("2.5", "4.5").replace("4,5", "4,7"))
    assert other_sum == after or compare(TITLE, before, TITLE, other_sum).is_material


@pytest.mark.parametrize("signed", ["| The Herald", "- BBC News", "— РИА Новости"])
def test_a_headline_signed_by_its_outlet_is_the_same(signed: str) -> None:
    assert not compare(TITLE, TEXT, f"{TITLE} {signed}", TEXT).is_material
    assert not compare(f"{TITLE} {signed}", TEXT, TITLE, TEXT).is_material


@pytest.mark.parametrize("behind", ["| 15 hurt", "- Lavrov says Herat attacked too"])
def test_a_fact_behind_a_headline_is_no_signature(behind: str) -> None:
    assert compare(TITLE, TEXT, f"{TITLE} {behind}", TEXT).is_material


@pytest.mark.parametrize(
    "line",
    [
        "Sign up for The Morning Wave by Carla Hobbs, read by 120,000 people.",
        "Read 3 more stories about: Shipping, Port Lindow.",
        "As one official told Reuters in the evening of the day.",
    ],
)
def test_promotion_and_agencies_are_not_material(line: str) -> None:
    assert not compare(TITLE, TEXT, TITLE, f"{TEXT} {line}").is_material


def test_letters_that_nobody_sees_change_nothing() -> None:
    assert not changed("Pakistan", "Pakis\u00adtan").is_material
    assert not changed("people", "peo\u200bple").is_material


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("طالبان نے ذمہ داری قبول نہیں کی۔", "طالبان نے ذمہ داری قبول کی۔"),
        ("در این حمله ۱۲ نفر کشته شدند.", "در این حمله ۱۵ نفر کشته شدند."),
        ("Москва не признает новое правительство.", "Москва признает новое правительство."),
        ("Делегация прибудет в Москву во вторник.", "Делегация прибудет в Кабул во вторник."),
        ("塔利班代表团将参加莫斯科会议。", "塔利班代表团将不参加莫斯科会议。"),
    ],
)
def test_other_scripts(old: str, new: str) -> None:
    assert compare("", old, "", new).is_material
    assert not compare("", old, "", old + " ").is_material


@pytest.mark.parametrize(
    "unit", ["1", "1 ", "1.", "A ", "Aa ", "“", '"', "a, B ", "x-", "٣ ", " \u2009", "Not. ", "Ab cd. ", "不", "['"]
)
def test_hostile_texts_are_compared_in_time(unit: str) -> None:
    def compared(times: int) -> None:
        long = unit * (12_000 * times // len(unit))
        compare("", long, "", long[:-7] + " 5 comments")

    assert grows_evenly(compared)


def test_two_long_texts_are_compared_in_time() -> None:
    def compared(times: int) -> None:
        one = "\n".join(f"Sentence number {i} speaks of Nobody{i} else." for i in range(750 * times))
        other = "\n".join(f"Sentence number {i + 1} speaks about Nothing{i} more." for i in range(750 * times))
        assert compare("", one, "", other).removed

    assert grows_evenly(compared)


@given(st.text(alphabet="aB1 .“”\n-не。", max_size=80), st.text(alphabet="aB1 .“”\n-не。", max_size=80))
def test_any_two_texts_compare(one: str, other: str) -> None:
    assert not compare("", one, "", one).is_material
    change = compare(one, other, other, one)
    assert change.why


def test_a_teaser_with_other_details_is_the_same_news_and_a_number_in_place_of_another_is_not() -> None:
    title, text = (
        "Hot air balloon crash kills four in Albuquerque",
        "Four people died when the balloon hit a power line.",
    )
    detail = compare(title, text, "Balloon crash near Sandia Crest kills four in Albuquerque", text)
    assert not detail.is_material
    toll = compare(title, text, title.replace("four", "five"), text.replace("Four", "Five"))
    assert toll.is_material
    anew = compare(
        title,
        text,
        "Pilot of crashed balloon named as Nick Meleski",
        "Police identify the man, 62, and his passengers.",
    )
    assert anew.is_material


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (("Painting bought for £162,500", "It shows a beach."), ("Painting bought for £162k", "It shows a beach.")),
        (("India passes 20 million cases", "Rates drop."), ("India passes 20m cases, says official", "Rates drop.")),
        (("Hottest day so far", "It reached 29C at Threave."), ("Hottest day so far", "It reached 29.3C at Threave.")),
        (
            ("Dutch beaten to quarter-finals", "A 2-0 victory over the 10-man Dutch sends Czechs into the quarter-finals."),
            ("Dutch beaten to quarter-finals", "A 2-0 victory over the Dutch sends Czechs into Euro 2020 quarter-finals."),
        ),
        (
            ("Rail services promised in huge shake-up", "A new public body will lead the change."),
            ("Rail services promised in huge shake-up", "Transport Secretary Shapps sees no hidden agenda to raise fares."),
        ),
        (
            ("When will I get the vaccine?", "Two approved vaccines are rolled out by clinics."),
            ("Covid: When will I get my jab?", "Under-30s in England are invited from Monday on."),
        ),
        (
            ("Party promises to support nurses", "It launches its campaign with a pledge on pay."),
            ("Starmer targets wages in Labour launch", "Voters are urged to back “a proper pay rise” in English polls."),
        ),
        (
            ("Shops try to keep shelves stocked", "The government must act fast to avoid disruption, retailers say."),
            ("No need to panic, supermarket boss says", "Empty places are not to be seen in all parts of the country."),
        ),
    ],
)  # fmt: skip
def test_a_teaser_that_tells_the_same_news_otherwise_is_no_update(old: tuple[str, str], new: tuple[str, str]) -> None:
    assert not compare(*old, *new).is_material


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("At least 19 people are dead in the flood.", "At least 20 people are dead in the flood."),
        ("Campbell was attacked by a group in 2019.", "Campbell was attacked by a group in 2020."),
        ("Angry relatives mourn 50 dead in the ward.", "Angry relatives mourn 60 dead in the ward."),
    ],
)
def test_another_number_in_a_teaser_is_an_update(old: str, new: str) -> None:
    assert compare("Relatives protest", old, "Relatives protest", new).is_material


@pytest.mark.parametrize(("spelled", "number"), [("Twenty-one", "21"), ("sixty-four", "64"), ("Ninety-nine", "99")])
def test_tens_and_ones_are_one_number(spelled: str, number: str) -> None:
    assert Sentence(f"{spelled} men left the mine.").numbers == (number,)


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("162500", "162", True),
        ("29.3", "29", True),
        ("20000000", "20", True),
        ("26853407", "26800000", True),
        ("19", "20", False),
        ("49.5", "49.6", False),
        ("4900", "5000", False),
        ("2019", "2020", False),
        ("0", "5", False),
        ("7", "7", False),
    ],
)
def test_a_number_and_itself_as_a_round_one(one: str, other: str, is_one: bool) -> None:
    assert is_rounded(one, other) is is_rounded(other, one) is is_one


@pytest.mark.parametrize(
    ("title", "text"),
    [
        (TITLE, "This article has been retracted. The Taliban did not say so. We apologise for the error."),
        (TITLE, "This story was removed after the agency could not confirm it."),
        (f"RETRACTED: {TITLE}", ""),
        (f"WITHDRAWN - {TITLE}", TEXT),
        (TITLE, "Материал удалён: сведения не подтвердились."),
        (TITLE, "Dieser Artikel wurde von der Redaktion zurückgezogen."),
        (TITLE, "Cet article a été retiré."),
        (TITLE, "本文已撤回。"),
    ],
)
def test_an_outlet_that_takes_its_article_back_says_something_new(title: str, text: str) -> None:
    for stored in (TEXT, TEXT.partition(". ")[0] + "."):
        change = compare(TITLE, stored, title, text)
        assert change.is_material, stored
        assert "takes it back" in change.why
        assert not compare(title, text, title, text + " Read our rules.").is_material, "it is said once"


@pytest.mark.parametrize(
    "told",
    [
        "The Lancet retracted its study on Monday.",
        "The bill was withdrawn.",
        "Report: Taliban say 12 died",
        "Killed: the proposal to rebuild the bridge.",
        "Kill-switch for engines is ordered.",
        "Withdrawn - England captain leaves the squad.",
        "The council said this report was withdrawn in May.",
        "Der Bericht wurde am Montag zurückgezogen.",
        "Это сообщение было удалено.",
    ],
)
def test_what_others_take_back_is_ordinary_news(told: str) -> None:
    assert "takes it back" not in compare(TITLE, TEXT, TITLE, f"{TEXT} {told}").why
