from __future__ import annotations

from datetime import date

import pytest

from monitor.text.stated_days import stated_days

NEAR = date(2013, 3, 20)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("A court met on 12 March 2013.", date(2013, 3, 12)),
        ("March 12, 2013 said the notice", date(2013, 3, 12)),
        ("the 12th of March", date(2013, 3, 12)),
        ("Mar. 12", date(2013, 3, 12)),
        ("on 3 May 2014", date(2014, 5, 3)),
        ("July 7 , 2012", date(2012, 7, 7)),
        ("12 марта 2013 года", date(2013, 3, 12)),
        ("12-го марта", date(2013, 3, 12)),
        ("am 12. März 2013", date(2013, 3, 12)),
        ("le 1er mars 2013", date(2013, 3, 1)),
        ("12 de marzo de 2013", date(2013, 3, 12)),
        ("12 marca 2013", date(2013, 3, 12)),
        ("2013-03-12T10:00", date(2013, 3, 12)),
        ("12.03.2013", date(2013, 3, 12)),
        ("3月12日", date(2013, 3, 12)),
        ("2013年3月12日", date(2013, 3, 12)),
    ],
)
def test_a_day_written_out_is_found(text: str, day: date) -> None:
    assert stated_days(text, near=NEAR) == {day}


def test_a_day_without_a_year_is_the_one_nearest() -> None:
    assert stated_days("30 December", near=date(2021, 1, 4)) == {date(2020, 12, 30)}
    assert stated_days("2 January", near=date(2020, 12, 29)) == {date(2021, 1, 2)}


@pytest.mark.parametrize(
    "text",
    [
        "3 may be dead",
        "10,000 march",
        "31 April",
        "29 February 2013",
        "3/5/2014",
        "in March",
        "1.5 March",
        "99 May 2013",
        "on Monday",
        "3 May Be Dead",
        "March 10,000 people",
        "",
    ],
)
def test_what_is_no_day_is_left_alone(text: str) -> None:
    assert stated_days(text, near=NEAR) == set()


def test_the_first_day_of_the_calendar_is_no_trouble() -> None:
    assert stated_days("1 January", near=date(1, 1, 1)) == {date(1, 1, 1)}
    assert stated_days("31 December", near=date.max) == {date.max}
