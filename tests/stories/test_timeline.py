"""The time line of a story: who said what first, what each article added, and which only printed another's text."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from monitor.stories.timeline import Step, Version, time_line
from monitor.stories.tuning import TIMELINE_TEXTS

NOON = datetime(2021, 10, 20, 12, tzinfo=UTC)
CRACKS = (
    "Engineers closed the Marrow bridge on Tuesday after divers found cracks in 2 of its piers. "
    "The council said that repairs would take eleven weeks."
)
MORE = (
    "Cracks have closed the Marrow bridge since Tuesday. The council of Edda Quist expects costs of four million crowns. "
    "“We shall not gamble with lorries”, she said. Divers found cracks in 2 piers, and repairs take eleven weeks."
)


def says(
    number: int,
    text: str,
    *,
    minutes: int = 0,
    language: str = "en",
    copy_of: int | None = None,
    change: str = "",
    is_later: bool = False,
) -> Version:
    """An article at its minute; by default in the order of its number."""
    return Version(
        article_id=number,
        at=NOON + timedelta(minutes=minutes or number),
        title="News of the bridge",
        text=text,
        language=language,
        copy_of=copy_of,
        change=change,
        is_later=is_later,
    )


def ids(steps: tuple[Step, ...]) -> list[tuple[int, tuple[int, ...]]]:
    return [(each.article_id, each.copies) for each in steps]


def test_a_second_report_adds_its_numbers_names_and_quotes_and_the_sentence_that_holds_most() -> None:
    first, second = time_line([says(1, CRACKS), says(2, MORE)])
    assert (first.added, first.sentence) == ((), "")
    assert second.added == ("number 4,000,000", "name Edda Quist", "quote “We shall not gamble with lorries”")
    assert second.sentence == "The council of Edda Quist expects costs of four million crowns."


def test_a_third_that_says_nothing_more_adds_nothing() -> None:
    third = time_line([says(1, CRACKS), says(2, MORE), says(3, f"Edda Quist closed it. {CRACKS}")])[2]
    assert (third.added, third.sentence) == ((), "")


def test_who_published_first_stands_first_whenever_it_arrived() -> None:
    steps = time_line([says(1, CRACKS, minutes=50), says(2, MORE, minutes=10)])
    assert ids(steps) == [(2, ()), (1, ())]
    assert steps[0].added == ()


def test_copies_stand_under_the_first_print_of_their_text() -> None:
    steps = time_line(
        [
            says(1, CRACKS, minutes=30),
            says(2, CRACKS, copy_of=1, minutes=40),
            says(3, CRACKS, copy_of=2, minutes=20),
            says(4, MORE, minutes=35),
            says(5, MORE, copy_of=99, minutes=60),
        ]
    )
    assert ids(steps) == [(3, (1, 2)), (4, ()), (5, ())]


def test_copies_in_a_circle_are_survived() -> None:
    assert (
        sum(1 + len(each.copies) for each in time_line([says(1, CRACKS, copy_of=2), says(2, CRACKS, copy_of=1)])) == 2
    )


def test_a_change_is_a_line_of_its_own_and_what_it_says_is_then_no_news() -> None:
    nine = CRACKS.replace("eleven", "nineteen")
    steps = time_line(
        [
            says(1, CRACKS),
            says(1, nine, minutes=20, change="same canonical URL, changed: numbers 11 → 19", is_later=True),
            says(2, nine, minutes=10),
            says(3, nine.replace("Engineers", "The engineers"), minutes=30),
        ]
    )
    assert [(each.article_id, each.is_later, each.added) for each in steps] == [
        (1, False, ()),
        (2, False, ("number 19",)),
        (1, True, ("numbers 11 → 19",)),
        (3, False, ()),
    ]


def test_a_corrected_copy_tells_what_it_corrects() -> None:
    corrected = says(
        2, CRACKS.replace("2 of", "3 of"), change="same text elsewhere, corrected: numbers 2 → 3; name Marrow → Farrow"
    )
    assert time_line([says(1, CRACKS), corrected])[1].added == ("numbers 2 → 3", "name Marrow → Farrow")


def test_the_first_in_another_language_tells_its_numbers_only() -> None:
    russian = (
        "Инженеры закрыли мост Марроу. Мэр Эдда Квист назвала сумму: 40 миллионов крон, а ремонт займёт 11 недель."
    )
    step = time_line([says(1, CRACKS), says(2, russian, language="ru")])[1]
    assert step.first_in == "ru"
    assert not any(each.startswith(("name", "quote")) for each in step.added)
    assert any("40" in each for each in step.added)


def test_long_stories_and_texts_without_words_are_survived() -> None:
    steps = time_line([says(number, "" if number % 2 else CRACKS) for number in range(1, TIMELINE_TEXTS + 20)])
    assert len(steps) == TIMELINE_TEXTS + 19
    assert time_line([]) == ()


def test_names_are_told_once_and_in_full_and_never_the_outlet_s_own() -> None:
    told = replace(
        says(
            2,
            "Marrow stays shut. The council of Edda Quist met, and Quist told the Herald so, as the Daily Herald reports.",
        ),
        publisher="The Daily Herald",
    )
    assert time_line([says(1, CRACKS), told])[1].added == ("name Edda Quist",)


def test_a_quote_is_shown_as_it_was_written_and_known_however_it_is_marked() -> None:
    steps = time_line(
        [says(1, CRACKS), says(2, MORE), says(3, f"{MORE} 'We shall not gamble with lorries', said Quist.")]
    )
    assert "quote “We shall not gamble with lorries”" in steps[1].added
    assert steps[2].added == ()


def test_a_number_in_words_is_one_number() -> None:
    steps = time_line(
        [says(1, f"{CRACKS} 64 men left."), says(2, f"{CRACKS} Sixty-four men left, twenty-two of them hurt.")]
    )
    assert steps[1].added == ("number 22",)


def test_a_change_shows_the_sentence_that_holds_it_also_where_another_outlet_had_told_it_before() -> None:
    nine = CRACKS.replace("eleven", "nineteen")
    change = "same canonical URL, changed: numbers 11 → 19"
    steps = time_line([says(1, CRACKS), says(2, nine), says(1, nine, minutes=20, change=change, is_later=True)])
    assert steps[2].sentence == "The council said that repairs would take nineteen weeks."
