"""When something was published, in every way that feeds write it. Pure.

feedparser's own reader knows the two standards and passes over what it does not know: `08:28:28 PM` is the morning to it, and
MSK, CEST and JST are Greenwich (miniflux#45, #1233, #1995, #2159). Here a date is taken apart instead: first its time with am or
pm, then its zone, then year, month and day, whatever stands around them. Where no zone is given it is UTC. The Persian calendar and
its month names in Iran and Afghanistan are read, and digits of all scripts. Words of further languages are left to the library
dateparser, which takes a thousand times as long and is asked last.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from monitor.text import calendars, date_digits, day_halves, zones
from monitor.text.month_names import JALALI_MONTHS, MONTHS

MAX_LENGTH = 100
"""Characters of a date; what is longer is none."""
_KEPT = 1_000
"""Dates that were read last: those of a document are looked at several times, since they explain one another."""
_FIRST_YEAR, _LAST_YEAR = 1971, 2199
"""Years that news can have: 1970 is an unset clock."""

_STANDARD = re.compile(
    r"(?:[a-z]{3},? )?(\d{1,2}) ([a-z]{3}) (\d{4}) (\d\d):(\d\d)(?::(\d\d))? ?(?:gmt|utc?|z|([+-])(\d\d):?(\d\d))"
)
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[t ](\d\d):(\d\d)(?::(\d\d)(?:[.,]\d{1,12})?)?(?:z|([+-])(\d\d):?(\d\d))?",
)
_HOUR_ALONE = re.compile(r"(?<=\dt)(\d\d)(?=z|[+-]\d|$)")
_ONLY_MONTH = re.compile(
    r"(?:00?[-./ ])?(?:(?P<year>(?:19|20)\d\d)(?:[-./](?P<month>\d{1,2})(?:[-./]\d{1,2}(?:[t ].*)?)?)?"
    r"|(?P<m>\d{1,2})[-./](?P<y>(?:19|20)\d\d))"
)

_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0640\u00ad\u064b-\u0652]")
_DASHES = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "،": ",", "ی": "ي", "ک": "ك", "ى": "ي", "’": "'"})
_PHRASES = {
    "تشرين الأول": "october",
    "تشرين الاول": "october",
    "تشرين الثاني": "november",
    "كانون الأول": "december",
    "كانون الاول": "december",
    "كانون الثاني": "january",
    "мск": "msk",
    "москва": "msk",
    "по московскому времени": "msk",
    "по москве": "msk",
}
_MONGOLIAN = re.compile(r"(\d{4}) оны (\d{1,2}) ?-?р? сарын (\d{1,2})")
_PHRASE = re.compile("|".join(rf"\b{each}\b" for each in _PHRASES))
_AFTER_YEAR = re.compile(r"(?<=\d{4}):(?=\d\d:\d\d)")
_WRAPPING = re.compile(r"<!\[cdata\[|\]\]>|<[^<>]*>|^(?:published|updated|posted|date)\b:?")

_CLOCK = re.compile(
    r"(?<![\d.:])([0-2]?\d)(?:\s?(?::|時|时|시|点|點|h(?:eures?)?|ч|uhr)\s?)([0-5]\d)?"
    r"(?:\s?(?::|min?|分|분|m)\s?([0-5]\d|60)(?:[.,]\d{1,12})?(?:\s?(?:s|秒|초)\b)?)?(?:分|분)?(?!\d)"
)
_DOTTED_CLOCK = re.compile(r"(?<![\d.])([0-2]?\d)\.([0-5]\d)(?:\.([0-5]\d))?(?![\d.])")
_HOUR = re.compile(r"(?<![\d.:/-])(1[0-2]|0?\d)(?=\s?[ap]\.?m\b)")
_YEAR_FIRST = re.compile(r"(?<!\d)(\d{4})\s?[-./年년,]\s?(\d{1,2})\s?[-./月월,]\s?(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})\s?([-./])\s?(\d{1,2})\s?[-./]\s?(\d{4}|\d\d)(?!\d)")
_WEEK = re.compile(r"(?<!\d)(\d{4})-?w(\d\d)-?([1-7])(?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:['ʼ][^\W\d_]+)?")
_NUMBER = re.compile(r"(?<![\d])'?(\d{1,4})(?!\d)")

_NO_YEAR = re.compile(r"(?<!\d)0\d{3}(?!\d)")

_IN_ADDRESS = (
    re.compile(r"[/-]((?:19|20)\d\d)[/-]([01]?\d)[/-]([0-3]?\d)(?!\d)"),
    re.compile(r"[/_-]((?:19|20)\d\d)([01]\d)([0-3]\d)(?!\d)"),
    re.compile(r"/((?:19|20)\d\d)/([a-z]{3,9})/([0-3]?\d)(?!\d)"),
)


def read(
    text: str, *, day_first: bool | None = None, year_first: bool = False, now: datetime | None = None
) -> datetime | None:
    """The moment that a text names, as UTC; None where it names none that news can have.

    `day_first` says how the feed writes 5/6/2026 (see `writes_day_first`), `year_first` that it writes 26/11/24 (see
    `writes_year_first`). Where nothing says it, `now` decides if one of the two days lies in the future; it also gives the year
    to a date without one.
    """
    text = _HOUR_ALONE.sub(r"\1:00", _tidied(text))
    if not text:
        return None
    if year_first and (found := _YEAR_LAST.search(text)) and len(found[4]) == 2:
        text = f"{text[: found.start()]}20{found[1].zfill(2)}-{found[3]}-{found[4]}{text[found.end() :]}"
    moment = _standard(text) or date_digits.read(text) or _taken_apart(text, day_first, now)
    return moment if moment and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def is_standard(text: str) -> bool:
    """Whether `read` finds the same moment in it whatever else it is told."""
    tidied = _HOUR_ALONE.sub(r"\1:00", _tidied(text))
    moment = None if _YEAR_LAST.search(tidied) else _standard(tidied)
    return moment is not None and _FIRST_YEAR <= moment.year <= _LAST_YEAR


def read_words(text: str) -> datetime | None:
    """As `read`, by the library dateparser: slow (10 ms), but it knows the month names of 200 languages."""
    text = _tidied(text)
    if not _WORD.search(text) or not _NUMBER.search(text) or _NO_YEAR.search(text):
        return None
    time, zone, rest = _time_and_zone(text)
    day = _by_dateparser(" ".join(rest.split()))
    moment = zones.at(day, time, zone) if day else None
    return moment if moment and _FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def end_of_period(text: str, *, now: datetime) -> datetime | None:
    """The last moment of a month or year that is over: `November 2023` is no moment, but no news of today either."""
    text = _tidied(text)
    found = _ONLY_MONTH.fullmatch(text)
    if found:
        year, month = int(found["year"] or found["y"]), int(found["month"] or found["m"] or 0)
    else:
        named = [each for word in _WORD.findall(text) if (each := _month(word))]
        numbers = [int(each) for each in _NUMBER.findall(text) if int(each)]
        if len(named) != 1 or named[0][0] != "gregorian" or len(numbers) != 1 or not 1900 <= numbers[0] < 2100:
            return None
        year, month = numbers[0], named[0][1]
    if month > 12:
        return None
    start = datetime(year + (month in (0, 12)), month % 12 + 1, 1, tzinfo=UTC)
    return start - timedelta(seconds=1) if start < now else None


def writes_day_first(texts: Iterable[str]) -> bool | None:
    """Whether a feed writes the day before the month in dates such as 14/10/2026; None where its dates do not tell."""
    votes = 0
    has_meridiem = False
    for text in map(_tidied, texts):
        # Neither standard leaves room for it, and to look for it in all languages takes ten times as long.
        has_meridiem = has_meridiem or (not _is_as_standard(text) and day_halves.is_named(text))
        if found := _YEAR_LAST.search(text):
            votes += (int(found[1]) > 12) - (int(found[3]) > 12)
    return votes > 0 if votes else (False if has_meridiem else None)


def writes_year_first(texts: Iterable[str], *, now: datetime) -> bool:
    """Whether a feed writes a year of two digits first, as 26/11/24: all of its dates begin with this year or the last, and not
    all of them end with it."""
    pairs = [
        (int(found[1]), int(found[4]))
        for text in texts
        if (found := _YEAR_LAST.search(_tidied(text))) and len(found[4]) == 2
    ]
    this = now.year % 100
    return (
        bool(pairs) and all(first in (this, this - 1) for first, _ in pairs) and any(last != this for _, last in pairs)
    )


def in_address(url: str) -> datetime | None:
    """The beginning (UTC) of the day that an article's URL names, as `/2026/10/14/`; None where it names none."""
    for pattern in _IN_ADDRESS:
        for year, month, day in pattern.findall(url.lower()):
            number = int(month) if month.isdigit() else MONTHS.get(month, 0)
            if (found := calendars.day(int(year), number, int(day))) and _FIRST_YEAR <= found.year <= _LAST_YEAR:
                return datetime(found.year, found.month, found.day, tzinfo=UTC)
    return None


# --- what is standard -------------------------------------------------------------------------------------------------


def _tidied(text: str) -> str:
    """In lower case, with ASCII digits, and without what is invisible or wrapped around it."""
    return "" if len(text) > 4 * MAX_LENGTH else _tidied_once(text)


@lru_cache(maxsize=_KEPT)
def _tidied_once(text: str) -> str:
    text = html.unescape(text) if "&" in text else text
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(str(unicodedata.decimal(each, each)) if not each.isascii() else each for each in text)
        text = _INVISIBLE.sub("", text).translate(_DASHES)
    text = " ".join(_WRAPPING.sub(" ", text.lower()).split())
    text = _AFTER_YEAR.sub(" ", _PHRASE.sub(lambda found: _PHRASES[found[0]], text))
    text = calendars.as_gregorian(_MONGOLIAN.sub(r"\1年\2月\3", text)).strip()
    return text if len(text) <= MAX_LENGTH else ""


def _is_as_standard(text: str) -> bool:
    return bool(_STANDARD.fullmatch(text) or _ISO.fullmatch(text))


@lru_cache(maxsize=_KEPT)
def _standard(text: str) -> datetime | None:
    """RFC 822 and RFC 3339, in which nearly all feeds write."""
    if found := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, sign, hours, minutes = found.groups()
    elif found := _STANDARD.fullmatch(text):
        day, name, year, hour, minute, second, sign, hours, minutes = found.groups()
        month = str(MONTHS.get(name, 0))
    else:
        return None
    if int(year) < _FIRST_YEAR or int(hours or 0) >= zones.MAX_HOURS:
        return None
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC
        )
        offset = timedelta(hours=int(hours), minutes=int(minutes)) if sign else timedelta()
        return moment - offset if sign == "+" else moment + offset
    except (ValueError, OverflowError):
        return None


# --- everything else --------------------------------------------------------------------------------------------------


def _taken_apart(text: str, day_first: bool | None, now: datetime | None) -> datetime | None:
    time, zone, rest = _time_and_zone(text)
    day = _numeric_day(rest, day_first, now) or _named_day(rest, now)
    if day is None and time == (0, 0, 0):  # 20.28.28 is a time only where the day is known without it
        return None
    if day is not None and time is None and (found := _DOTTED_CLOCK.search(_without_days(rest))):
        time = (int(found[1]), int(found[2]), int(found[3] or 0))
    return zones.at(day, time, zone) if day else None


def _time_and_zone(text: str) -> tuple[zones.TimeOfDay | None, tzinfo | None, str]:
    """The time and zone that a text names, and the rest of it."""
    bare = re.sub(r"\([^()]*\)", " ", text)
    aside = " ".join(re.findall(r"\(([^()]*)\)", text))
    found = _CLOCK.search(bare) or (_HOUR.search(bare) if day_halves.is_named(bare) else None)
    if not found:
        dotted = _DOTTED_CLOCK.search(_FULL_DAY.sub(" ", bare)) if _YEAR.search(bare) else None
        if not dotted:
            zone, rest = _zone_behind("", bare)
            return None, zone, rest
        at = bare.find(dotted[0])
        before, behind, groups = bare[:at], bare[at + len(dotted[0]) :], dotted.groups()
    else:
        before, behind, groups = bare[: found.start()], bare[found.end() :], found.groups()
    hour, minute, second = (int(each or 0) for each in (*groups, None, None)[:3])
    hour = day_halves.hour_of(hour, bare)
    before, behind = day_halves.without(before), day_halves.without(behind)
    zone, rest = _zone_behind(before, behind)
    if zone is None and aside:
        zone, _ = zones.take(aside)
    return (hour, minute, second), zone, rest


_FULL_DAY = re.compile(r"\d{1,2}\.\s?\d{1,2}\.\s?\d{4}|\d{4}\.\s?\d{1,2}\.\s?\d{1,2}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


def _zone_behind(before: str, behind: str) -> tuple[tzinfo | None, str]:
    """The zone behind a time, or else a name before it: an offset before it would be part of the date."""
    zone, behind = zones.take(behind)
    if zone is None:
        masked = re.sub(r"[+-]", " ", before) if before else before
        zone, left = zones.take(masked)
        before = left if zone else before
    return zone, f"{before} {behind}"


def _without_days(text: str) -> str:
    return _YEAR_LAST.sub(lambda found: " " * len(found[0]), text)


def _numeric_day(text: str, day_first: bool | None, now: datetime | None) -> date | None:
    if found := _WEEK.search(text):
        try:
            return date.fromisocalendar(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return None
    if found := _YEAR_FIRST.search(text):
        return calendars.day(int(found[1]), int(found[2]), int(found[3])) or calendars.day(
            int(found[1]), int(found[3]), int(found[2])
        )
    if found := _YEAR_LAST.search(text):
        return _day_of_three(int(found[1]), int(found[3]), _full_year(found[4]), found[2], day_first, now)
    return None


def _day_of_three(
    first: int, second: int, year: int, separator: str, day_first: bool | None, now: datetime | None
) -> date | None:
    """The day that 5/6/2026 means. With dots it is always the fifth of June."""
    european, american = calendars.day(year, second, first), calendars.day(year, first, second)
    if separator == "." or not (european and american):
        return european or american
    if day_first is None and now and (european > now.date()) != (american > now.date()):
        return min(european, american)
    return american if day_first is False else european


def _named_day(text: str, now: datetime | None) -> date | None:
    """The day of a text with the name of a month: one number beside it is the day, another one the year."""
    named = [(named_month, found) for found in _WORD.finditer(text) if (named_month := _month(found[0]))]
    if len(named) > 1 and not text[: named[0][1].start()].strip():
        named = named[1:]  # `mar` is also Tuesday
    if not named:
        return None
    calendar, month = named[0][0]
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th|er|º|ª|-?го|\.)(?!\w)", " ", text)
    numbers = [(found[0], int(found[1])) for found in _NUMBER.finditer(text)]
    year = next((number for written, number in numbers if len(written) == 4), None)
    days = [number for _, number in numbers if number != year]
    if year is None and len(days) >= 2:
        year, days = _full_year(str(days[1]).zfill(2)), days[:1]
    if not days or not 0 < days[0] <= 31:
        return None
    if year is None:
        return _latest(month, days[0], now) if calendar == "gregorian" else None
    return calendars.day(year, month, days[0], is_persian=calendar == "jalali")


@lru_cache(maxsize=4096)
def _month(word: str) -> tuple[str, int] | None:
    """The calendar and number of a month by its name or its beginning, of three letters or more."""
    if word in MONTHS:
        return "gregorian", MONTHS[word]
    if word in JALALI_MONTHS:
        return "jalali", JALALI_MONTHS[word]
    named_month = {number for name, number in MONTHS.items() if name.startswith(word)} if len(word) >= 3 else set()
    return ("gregorian", named_month.pop()) if len(named_month) == 1 else None


def _latest(month: int, day: int, now: datetime | None) -> date | None:
    """The latest such day that is not in the future."""
    years = (now.year + 1, now.year, now.year - 1) if now else ()
    days = [
        found
        for year in years
        if (found := calendars.day(year, month, day)) and now and found <= now.date() + timedelta(days=2)
    ]
    return days[0] if days else None


def _full_year(written: str) -> int:
    year = int(written)
    return year if len(written) > 2 else year + (2000 if year < 70 else 1900)


# --- the library ------------------------------------------------------------------------------------------------------

_DATEPARSER_SETTINGS = {
    "PARSERS": ["absolute-time"],
    "REQUIRE_PARTS": ["day", "month", "year"],
    "TIMEZONE": "UTC",
    "RETURN_AS_TIMEZONE_AWARE": False,
}


@lru_cache(maxsize=1024)
def _by_dateparser(text: str) -> date | None:
    import dateparser  # 0.2 s of processor time: only in the processes that meet such a date

    try:
        found = dateparser.parse(text, settings=_DATEPARSER_SETTINGS)
    except Exception:  # it raises many: ValueError, OverflowError, re.error, TypeError
        return None
    return calendars.day(found.year, found.month, found.day) if found else None
