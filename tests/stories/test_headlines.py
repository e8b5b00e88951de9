"""What two headlines contradict: one shape with other content, other names or numbers, swapped roles."""

from __future__ import annotations

import pytest

from monitor.stories import headlines
from monitor.stories.headlines import Contradictions


def between(one: str, other: str, language: str = "en") -> Contradictions:
    mine, theirs = headlines.read(one), headlines.read(other)
    lacks = (headlines.lacking(mine, theirs, lambda _: False), headlines.lacking(theirs, mine, lambda _: False))
    return headlines.contradictions(mine, theirs, language, lacks)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("23 killed in bus crash in northern Nigeria", "14 killed in bus crash in western Kenya", "en"),
        ("Norway's central bank raises rates by quarter point", "Sweden's central bank raises rates by quarter point", "en"),
        ("Court rules against state in voting map case", "Court rules against state in prison healthcare case", "en"),
        ("Senate passes farm bill after marathon vote", "Senate passes stablecoin bill after marathon vote", "en"),
        ("Le PSG s'impose 4-0 face à l'Atalanta", "Le PSG s'impose 2-0 face à Lens", "fr"),
        ("Госдума приняла во втором чтении закон о такси", "Госдума приняла во втором чтении закон о рекламе", "ru"),
        ("Bundestag beschließt Reform der Pflegeversicherung", "Bundestag beschließt Reform der Krankenhäuser", "de"),
    ],
)  # fmt: skip
def test_headlines_of_one_shape_on_other_events_contradict(one: str, other: str, language: str) -> None:
    assert between(one, other, language).is_other_content


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Brussels fines chipmaker over rebates", "Chip giant hit with record EU antitrust penalty"),
        ("Fidel Castro celebrates 86th birthday", "Castro celebrates 86th birthday Monday"),
        ("Iran frees detained tanker crew", "Iranian authorities release sailors of seized ship"),
        ("Quake hits central Chile - Reuters", "Quake hits central Chile | BBC News"),
    ],
)
def test_other_words_for_one_event_do_not(one: str, other: str) -> None:
    found = between(one, other)
    assert (found.is_other_content, found.other_names, found.other_numbers, found.is_swapped) == (
        False,
        None,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("one", "other", "is_swapped"),
    [
        ("Pakistan strikes camps inside Afghanistan", "Afghanistan strikes posts inside Pakistan", True),
        ("Spain beat France on penalties", "France beat Spain on penalties", True),
        ("Spain beat France on penalties", "France beaten by Spain on penalties", False),
        ("Spain beat France on penalties", "Spain beat France in shoot-out", False),
        ("Turkey hits Kurdish posts in northern Syria", "Kurdish fighters hit Turkish posts in northern Syria", True),
        ("Israel shells southern Lebanon", "Hezbollah shells northern Israel after drone attack", True),
        ("Fire kills five in Kabul", "Kabul fire kills five", False),
        ("Putin meets Modi in Moscow", "Modi meets Putin at Kremlin", False),
    ],
)
def test_who_did_what_to_whom(one: str, other: str, is_swapped: bool) -> None:
    assert between(one, other).is_swapped is is_swapped


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("国务院总理李强会见德国总理朔尔茨", "国务院总理李强会见法国总统马克龙", "zh"),
        ("الجيش الإسرائيلي يقصف مواقع في جنوب لبنان", "حزب الله يقصف مواقع في شمال إسرائيل", "ar"),
        ("وزیر خارجه ایران وارد دوحه شد", "وزیر خارجه ایران وارد مسقط شد", "fa"),
    ],
)
def test_without_capitals_any_word_of_the_content_may_be_the_other_name(one: str, other: str, language: str) -> None:
    assert between(one, other, language).other_names


@pytest.mark.parametrize(
    ("one", "other", "is_other_day"),
    [
        ("Rain to sweep in from the west on Thursday", "Rain to sweep in from the west on Friday", True),
        ("Wetter in Bayern am Montag", "Wetter in Bayern am Dienstag", True),
        ("Official rate for 14 October set at 80.85", "Official rate for 15 October set at 79.62", True),
        ("Council to vote on Thursday", "Council to vote Thursday on budget", False),
        ("Council to vote on Thursday", "Council to vote on budget", False),
    ],
)
def test_another_day_is_another_event(one: str, other: str, is_other_day: bool) -> None:
    assert between(one, other).is_other_day is is_other_day


def test_the_number_of_a_day_is_no_number_in_common() -> None:
    found = between(
        "Rate of the dollar on 15 October is 79.62 roubles", "Rate of the euro on 15 October is 92.10 roubles"
    )
    assert found.other_numbers == ("79.62", "92.10")


@pytest.mark.parametrize(
    ("title", "is_title_case"),
    [
        ("Blinken Meets Saudi Crown Prince in Riyadh", True),
        ("Blinken meets Egypt's Sisi in Cairo", False),
        ("M 4.6 - 23 km SSW of Puerto Madero, Mexico", False),
    ],
)
def test_title_case(title: str, is_title_case: bool) -> None:
    assert headlines.is_title_case(title) is is_title_case


@pytest.mark.parametrize(
    ("title", "without"),
    [
        ("Quake hits central Chile - Reuters", "Quake hits central Chile"),
        ("Quake hits central Chile | BBC News", "Quake hits central Chile"),
        ("Bundestag beschließt Reform - DER SPIEGEL", "Bundestag beschließt Reform - DER SPIEGEL"),
        ("Senate passes budget bill - what comes next", "Senate passes budget bill - what comes next"),
        ("Poll - Macron Ahead", "Poll - Macron Ahead"),
    ],
)
def test_an_outlet_at_the_end_is_no_part_of_the_headline(title: str, without: str) -> None:
    assert headlines.without_outlet(title) == without


@pytest.mark.parametrize(("one", "other", "are"), [
    ("pakistan", "pakistani", True), ("iran", "iranian", True), ("china", "chinese", True), ("afghan", "afghanistan", False),
    ("iran", "iraq", False), ("austria", "australia", False), ("niger", "nigeria", True), ("us", "usa", False),
])  # fmt: skip
def test_forms_of_a_word(one: str, other: str, are: bool) -> None:
    assert headlines.is_form_of(one, other) is are
