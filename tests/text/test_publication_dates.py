"""Fault 09: dates in all the ways that feeds write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import cycle, product
from pathlib import Path
from string import ascii_lowercase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.text import day_halves, publication_dates

TABLE = Path(__file__).parents[1] / "data" / "faults" / "09-dates.tsv"
ROWS = [line.split("\t")[:3] for line in TABLE.read_text().splitlines()[1:]]
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
EVENING = "2026-10-14T20:28:00Z"


def read(text: str, *, day_first: bool | None = None) -> str:
    found = publication_dates.read(text, day_first=day_first, now=NOW) or publication_dates.read_words(text)
    return f"{found:%Y-%m-%dT%H:%M:%SZ}" if found else "none"


@pytest.mark.parametrize(("key", "written", "right"), ROWS, ids=[row[0] for row in ROWS])
def test_fault_feed_09_every_spelling_of_the_table(key: str, written: str, right: str) -> None:
    day_first = publication_dates.writes_day_first(row[1] for row in ROWS)
    if key == "jalali":
        right = "2026-10-14T20:28:28Z"
    assert read(written, day_first=day_first) == right


LANGUAGES = {
    "ru": [
        "Ср, 14 окт 2026 20:28", "14 октября 2026 г., 20:28", "20:28, 14 октября 2026", "14.10.2026 в 20:28",
        "среда, 14 октября 2026 - 20:28", "14 Октябрь 2026 20:28",
    ],
    "fa": [
        "چهارشنبه ۲۲ مهر ۱۴۰۵ - ۲۰:۲۸", "۲۲ مهر ۱۴۰۵ ۲۰:۲۸", "۱۴۰۵/۰۷/۲۲ ۲۰:۲۸", "۱۴ اکتبر ۲۰۲۶، ۲۰:۲۸",
        "1405-07-22 20:28", "۲۲/۰۷/۱۴۰۵ ۲۰:۲۸",
    ],
    "prs": ["۲۲ میزان ۱۴۰۵ ۲۰:۲۸", "چهارشنبه, 14 اکتوبر 2026 20:28", "14 اکتوبر 2026 20:28"],
    "ps": ["۲۲ تله ۱۴۰۵ ۲۰:۲۸", "14 اکتوبر 2026 20:28", "د ۲۰۲۶ اکتوبر ۱۴, ۲۰:۲۸"],
    "ur": ["14 اکتوبر 2026 20:28", "بدھ 14 اکتوبر 2026 20:28", "۱۴ اکتوبر ۲۰۲۶ ۲۰:۲۸"],
    "ar": [
        "الأربعاء، 14 أكتوبر 2026 20:28", "١٤ أكتوبر ٢٠٢٦ ٢٠:٢٨", "14 تشرين الأول 2026 20:28", "14/10/2026 8:28 م",
        "14 اكتوبر 2026 08:28 مساء",
    ],
    "de": ["Mi, 14 Okt 2026 20:28", "14. Oktober 2026, 20:28 Uhr", "Mittwoch, 14. Oktober 2026 20:28", "14.10.2026 - 20:28"],
    "fr": ["mer. 14 oct. 2026 20:28", "mercredi 14 octobre 2026 à 20h28", "14 octobre 2026 20 h 28", "mer, 14 oct 2026 20:28:00"],
    "es": ["mié, 14 oct 2026 20:28", "14 de octubre de 2026, 20:28", "miércoles, 14 de octubre de 2026 - 20:28"],
    "it": ["mer, 14 ott 2026 20:28", "14 ottobre 2026 ore 20:28"],
    "pt": ["qua, 14 out 2026 20:28", "14 de outubro de 2026 às 20h28"],
    "pl": ["śr., 14 paź 2026 20:28", "14 października 2026, 20:28"],
    "uk": ["Ср, 14 жовт 2026 20:28", "14 жовтня 2026 р., 20:28"],
    "tr": ["Çar, 14 Eki 2026 20:28", "14 Ekim 2026 20:28"],
    "nl": ["wo 14 okt 2026 20:28", "14 oktober 2026 om 20:28"],
    "el": ["Τετ, 14 Οκτ 2026 20:28", "14 Οκτωβρίου 2026 20:28"],
    "he": ["14 אוקטובר 2026 20:28"],
    "hi": ["14 अक्टूबर 2026 20:28"],
    "zh": ["2026年10月14日 20:28", "2026年10月14日 20时28分", "2026年10月14日 下午8:28", "2026-10-14 20:28"],
    "ja": ["2026年10月14日 20:28", "2026年10月14日 20時28分"],
    "ko": ["2026. 10. 14. 오후 8:28", "2026년 10월 14일 20:28"],
    "kk": ["14 қазан 2026 20:28"],
    "th": ["14 ตุลาคม 2569 20:28"],
    "hu": ["2026. október 14. 20:28"],
    "cs": ["14. října 2026 20:28", "st, 14. říj 2026 20:28"],
    "fi": ["14. lokakuuta 2026 20:28"],
    "vi": ["14/10/2026 20:28"],
    "en": [
        "October 14th, 2026 at 8:28 p.m.", "Oct. 14, 2026 8:28 PM", "14th October 2026 8:28pm", "14 Oct '26 20:28",
        "14-Oct-2026 20:28", "14/Oct/2026:20:28:00 +0000", "10/14/26 8:28 PM", "2026 Oct 14 20:28",
        "2026-Oct-14 20:28", "Wednesday 14 October 2026 - 20:28", "20:28 14 October 2026",
    ],
}  # fmt: skip


# Each is 20:28 of 14 October 2026, UTC.
OTHER_CALENDARS = [
    "令和8年10月14日 20時28分", "R8.10.14 20:28", "民國115年10月14日 20:28", "中華民國115年10月14日 下午8:28",
    "二〇二六年十月十四日 20:28",
    "14 ต.ค. 69 20:28", "๑๔ ตุลาคม พ.ศ. ๒๕๖๙ ๒๐:๒๘", "14/10/2569 20:28", "14 ต.ค. 2569 เวลา 20:28 น.", "2026 оны 10 сарын 14 20:28",
    "الأربعاء 3 جمادى الأولى 1448هـ الموافق 14 أكتوبر 2026م 20:28", "14/10/2026م 20:28",
]  # fmt: skip
HALVES = [
    "14/10/2026 8:28 CH", "2026-10-14 8:28 ÖS", "14 Okt 2026 8:28 PTG", "2026. okt. 14. du. 8:28", "14 okt 2026 8:28 em",
    "14.10.2026 8:28 пп", "14.10.2026 г. 8:28 сл.об.", "14 अक्टूबर 2026 8:28 अपराह्न", "14/10/2026 8:28 شام",
    "۲۲ مهر ۱۴۰۵ ساعت ۸:۲۸ شب",
    "14 اکتوبر 2026 8:28 رات", "14 октября 2026 8:28 вечера", "14 de octubre de 2026 8:28 p. m.", "2026年10月14日 晚上8點28分",
]  # fmt: skip
OTHER_DIGITS = [
    "/Date(1792009680000)/", "/Date(1792009680000+0300)/", "1792009680000", "1.79200968E9", "2026-287T20:28Z", "2026287T2028",
    "2026-10-14T20:28:00&#43;00:00",
]  # fmt: skip


@pytest.mark.parametrize("written", [*OTHER_CALENDARS, *HALVES, *OTHER_DIGITS])
def test_fault_feed_09_other_calendars_halves_of_the_day_and_digits(written: str) -> None:
    assert read(written) == EVENING


@pytest.mark.parametrize(
    "written", ["14 جمادى الآخرة 1448", "14/06/1448 هـ", "1448-06-14", "١٤ جمادى الثانية ١٤٤٨هـ", "Jumada II 14, 1448"]
)
def test_fault_feed_09_the_islamic_calendar(written: str) -> None:
    assert read(written) == "2026-11-25T00:00:00Z"


@pytest.mark.parametrize(
    "zone",
    [
        "W. Europe Standard Time",
        "Romance Standard Time",
        "Central Europe Standard Time",
        "CEST",
        "+02:00:00",
        "Central European Summer Time",
    ],
)
def test_fault_feed_09_zones_as_windows_and_databases_name_them(zone: str) -> None:
    assert read(f"Wed, 14 Oct 2026 22:28:00 {zone}") == EVENING
    assert read("Wed, 14 Oct 2026 16:28:00 US/Eastern") == EVENING
    assert read("Wed, 14 Oct 2026 16:28:00 EST5EDT") == EVENING


@pytest.mark.parametrize(
    ("written", "right"), [("3:28 дня", 15), ("11:28 дня", 11), ("2:28 ночи", 2), ("11:28 ночи", 23)]
)
def test_fault_feed_09_words_for_noon_and_night_count_by_the_hour(written: str, right: int) -> None:
    assert read(f"14 октября 2026 {written}") == f"2026-10-14T{right:02d}:28:00Z"


@pytest.mark.parametrize(
    "written",
    [
        "2026 m. lapkričio 24 d.",
        "2026. gada 24. novembris",
        "24. novembril 2026",
        "24 ноябри 2026",
        "24. novembrī 2026",
    ],
)
def test_fault_feed_09_months_of_the_baltic_states_and_central_asia(written: str) -> None:
    assert read(written) == "2026-11-24T00:00:00Z"


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("October 2026", "2026-10-31T23:59:59Z"), ("2025", "2025-12-31T23:59:59Z"), ("2026-02-30", "2026-02-28T23:59:59Z"),
        ("00 Oct 2026", "2026-10-31T23:59:59Z"), ("10/2026", "2026-10-31T23:59:59Z"), ("November 2026", "none"),
        ("2026-13", "none"),
        ("null", "none"), ("0000-00-00", "none"), ("Oct 14", "none"),
    ],
)  # fmt: skip
def test_fault_feed_09_a_month_or_year_that_is_over_has_an_end(written: str, right: str) -> None:
    found = publication_dates.end_of_period(written, now=NOW)
    assert (f"{found:%Y-%m-%dT%H:%M:%SZ}" if found else "none") == right


@pytest.mark.parametrize(
    ("texts", "right"),
    [
        (["26/11/24", "26/11/23"], True),
        (["26-10-14 20:28"], True),
        (["24/11/26", "26/11/24"], False),
        (["14.10.26"], False),
        ([], False),
    ],
)
def test_fault_feed_09_a_year_of_two_digits_first_by_all_dates_of_the_feed(texts: list[str], right: bool) -> None:
    assert publication_dates.writes_year_first(texts, now=NOW) is right
    if right:
        found = [publication_dates.read(each, year_first=True, now=NOW) for each in texts]
        assert {each.year for each in found if each} == {2026}


@pytest.mark.parametrize(
    ("code", "written"), [(code, each) for code, spellings in LANGUAGES.items() for each in spellings]
)
def test_fault_feed_09_in_the_languages_of_feeds(code: str, written: str) -> None:
    assert read(written) == EVENING


ZONES = {
    "GMT": 0, "UTC": 0, "UT": 0, "Z": 0, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480,
    "PDT": -420, "MSK": 180, "МСК": 180, "CET": 60, "CEST": 120, "MESZ": 120, "EET": 120, "EEST": 180, "BST": 60, "WEST": 60,
    "IST": 330, "PKT": 300, "AFT": 270, "IRST": 210, "IRDT": 270, "JST": 540, "KST": 540, "HKT": 480, "SGT": 480, "WIB": 420,
    "AEST": 600, "AEDT": 660, "NZDT": 780, "UZT": 300, "TJT": 300, "TMT": 300, "KGT": 360, "GST": 240, "AKDT": -480, "HST": -600,
    "SAST": 120, "EAT": 180, "BRT": -180, "TRT": 180, "NPT": 345, "+0430": 270, "-03:30": -210, "+5": 300, "GMT+7": 420,
    "UTC-5": -300, "GMT+04:30": 270, "UTC +3": 180, "GMT-0700 (PDT)": -420, "+0300 (MSK)": 180, "(CEST)": 120, "+0200 CEST": 120,
    "America/Los_Angeles": -420, "Europe/Moscow": 180, "Asia/Kabul": 270, "Asia/Tehran": 210, "Asia/Karachi": 300,
    "europe/berlin": 120,
    "America/Argentina/Buenos_Aires": -180, "Etc/GMT-3": 180, "ET": -240, "Eastern Daylight Time": -240,
    "Moscow Standard Time": 180,
    "GMT+0300 (Moscow Standard Time)": 180, "Pakistan Standard Time": 300, "−0500": -300, "A": 0, "xyz": 0, "+9900": 0,
}  # fmt: skip
FORMS = [
    "%a, %d %b %Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%A, %B %d, %Y %I:%M:%S %p",
    "%b %d %Y %H:%M:%S",
]


@pytest.mark.parametrize(("zone", "form"), list(product(ZONES, FORMS)))
def test_fault_feed_09_zones_by_name(zone: str, form: str) -> None:
    local = datetime(2026, 10, 14, 20, 28, 28, tzinfo=timezone(timedelta(minutes=ZONES[zone])))
    assert publication_dates.read(f"{local:{form}} {zone}") == local


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            " ",
            "now",
            "yesterday",
            "2 hours ago",
            "today 20:28",
            "soon",
            "20:28",
            "October",
            "October 2026",
            "14",
            "14.10.",
            "2026",
        ),
        *(
            "0000-00-00 00:00:00",
            "Mon, 01 Jan 0001 00:00:00 +0000",
            "1970-01-01T00:00:00Z",
            "0",
            "-1",
            "99999999999999999999",
        ),
        *(
            "2026-13-45",
            "31/02/2026",
            "32 Oct 2026",
            "30 February 2026",
            "14 Foo 2026",
            "9999-12-31",
        ),
        *(
            "x" * 5000,
            "1" * 5000,
            "oct " * 300,
            "14 Oct 2026 " * 300,
            "\x00",
            "+0000",
            "UTC",
            "//",
            "--",
            "NaN",
            "null",
            "None",
        ),
    ],
)
def test_fault_feed_09_what_is_no_date(written: str) -> None:
    assert read(written) == "none"


@pytest.mark.parametrize(
    "digits", ["1792009708", "1792009708000", "1792009708000000", "1792009708000000000", "1792009708.5", "@1792009708"]
)
def test_fault_feed_09_seconds_since_1970(digits: str) -> None:
    assert read(digits) == "2026-10-14T20:28:28Z"


@pytest.mark.parametrize(
    "digits", ["20261014", "20261014202828", "202610142028", "20261014T202828Z", "20261014T2028+0000", "2026-W42-3"]
)
def test_fault_feed_09_iso_without_its_signs(digits: str) -> None:
    assert read(digits).startswith("2026-10-14T")


def test_fault_feed_09_a_date_without_a_year_is_the_latest() -> None:
    assert (read("Oct 14, 20:28"), read("24 Dec 08:00")) == (EVENING, "2025-12-24T08:00:00Z")
    assert publication_dates.read("Oct 14, 20:28") is None


def test_fault_feed_09_day_or_month_first_by_the_other_dates() -> None:
    assert publication_dates.writes_day_first(["05/06/2026", "14/06/2026"]) is True
    assert publication_dates.writes_day_first(["05/06/2026 8:00", "06/14/2026 9:00"]) is False
    assert publication_dates.writes_day_first(["05/06/2026 8:00 PM"]) is False
    assert publication_dates.writes_day_first(["05/06/2026", "05.06.2026"]) is None
    assert [read("05/06/2026", day_first=each) for each in (True, False)] == [
        "2026-06-05T00:00:00Z",
        "2026-05-06T00:00:00Z",
    ]
    assert read("11/12/2026") == "2026-11-12T00:00:00Z"  # the other one is in the future
    assert read("05.06.2026", day_first=False) == "2026-06-05T00:00:00Z"


@pytest.mark.parametrize(
    ("url", "day"),
    [
        ("https://e.org/2026/10/14/ferry", "2026-10-14"),
        ("https://e.org/2026/10/14", "2026-10-14"),
        ("https://e.org/news/2026-10-14-ferry.html", "2026-10-14"),
        ("https://e.org/a/20261014/x", "2026-10-14"),
        ("https://e.org/world-20261014", "2026-10-14"),
        ("https://e.org/2026/oct/14/ferry", "2026-10-14"),
        ("https://e.org/2026/1/4/x", "2026-01-04"),
        ("https://e.org/2026/10/ferry", None),
        ("https://e.org/2026/13/45/", None),
        ("https://e.org/article/123456789", None),
        ("https://e.org/20269914", None),
        ("", None),
    ],
)
def test_fault_feed_09_the_day_in_an_address(url: str, day: str | None) -> None:
    found = publication_dates.in_address(url)
    assert (found and f"{found:%Y-%m-%d}") == day


@pytest.mark.parametrize(
    ("jalali", "gregorian"),
    [
        ("1403-12-30", "2025-03-20"),
        ("1405-01-01", "2026-03-21"),
        ("1399-12-30", "2021-03-20"),
        ("1404-12-29", "2026-03-20"),
        ("1405-09-08", "2026-11-29"),
        ("1375-12-30", "1997-03-20"),
    ],
)
def test_fault_feed_09_the_persian_calendar(jalali: str, gregorian: str) -> None:
    assert publication_dates.read(jalali) == datetime.fromisoformat(gregorian).replace(tzinfo=UTC)


WRITERS = [
    *("{:%a, %d %b %Y %H:%M:%S +0000}", "{:%Y-%m-%dT%H:%M:%SZ}", "{:%d.%m.%Y %H:%M:%S}", "{:%B %d, %Y %I:%M:%S %p}"),
    *("{:%A, %d-%b-%y %H:%M:%S GMT}", "{:%c}", "{:%Y/%m/%d %H:%M:%S}", "{:%H:%M:%S %d.%m.%Y}"),
]


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime(1980, 1, 1), datetime(2068, 1, 1)), st.sampled_from(WRITERS))
def test_fault_feed_09_any_moment_in_any_form(moment: datetime, form: str) -> None:
    assert publication_dates.read(form.format(moment)) == moment.replace(microsecond=0, tzinfo=UTC)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("0123456789:-/., TZ+apmoctنмарт", max_size=40)))
def test_fault_feed_09_any_text_is_a_moment_or_none(text: str) -> None:
    found = publication_dates.read(text, now=NOW)
    assert found is None or date(1971, 1, 1) <= found.date() < date(2200, 1, 1)
    publication_dates.writes_day_first([text])
    publication_dates.in_address(text)


def test_a_date_in_either_standard_never_says_which_half_of_the_day_it_means() -> None:
    """Whatever its three letters are: so nobody needs to look."""
    zones = ("", "gmt", " ut", " utc", "z", " +0300", "-05:30")
    names = map("".join, product(ascii_lowercase, repeat=3))
    dates = [f"{name}, 4 {name} 2026 08:28:28{zone}" for name, zone in zip(names, cycle(zones), strict=False)]
    dates += [f"2026-10-14{between}08:28:28.5{zone}" for between in "t " for zone in ("", "z", "+0300", "-05:30")]
    dates += [f"{name} 4 oct 2026 08:28{zone}" for name in ("wed", "wed,") for zone in zones]
    for written in dates:
        is_standard = publication_dates._is_as_standard(written)
        assert not (is_standard and day_halves.is_named(written)), written
    assert sum(map(publication_dates._is_as_standard, dates)) > 10_000
