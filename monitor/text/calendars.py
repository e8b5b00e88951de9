"""Other calendars than the Gregorian, and years counted by eras, as days of the Gregorian. Pure.

Persian by the cycle of 33 years, which is right from 1206 to 1498 (Borkowski 1996). Islamic by the tabular calendar, which is a day
off where a month began by the sighting of the moon. The Buddhist era, that of the Republic of China and the Japanese ones count
other years than ours, and the same months.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_ISLAMIC_MONTHS = (
    "محرم|muharram",
    "صفر|safar",
    r"ربيع (?:ال)?[أا]ول|rabi.? (?:al-?awwal|i)",
    r"ربيع (?:ال)?(?:[آا]خر|ثاني)|rabi.? (?:al-?thani|al-?akhir|ii)",
    r"جما?دي (?:ال)?[أا]ولي|jumada (?:al-?awwal|al-?ula|i)",
    r"جما?دي (?:ال)?(?:[آا]خرة|ثانية|[آا]خر|ثاني)|jumada (?:al-?thani(?:yah?)?|al-?akhirah?|ii)",
    "رجب|rajab",
    "شعبان|sha.?ban",
    "رمضان|ramadan|ramazan",
    "شوال|shawwal",
    r"ذ[يو] ?القعدة|dhu.? ?al-?qi?.?dah?",
    r"ذ[يو] ?الحجة|dhu.? ?al-?hijjah?",
)
_ISLAMIC_NAMED = tuple(re.compile(rf"(?<!\w)(?:{names})(?!\w)") for names in _ISLAMIC_MONTHS)
_ISLAMIC_YEAR = r"(1[345]\d\d)"
_ISLAMIC_MARK = r"(?:\s?(?:ه[ـ]?(?!\w)|ah(?!\w)|a\.h\.))"
_DAY_FIRST = re.compile(rf"(?<!\d)(\d{{1,2}})[\s,]*@(\d\d?)@[\s,]*{_ISLAMIC_YEAR}(?!\d){_ISLAMIC_MARK}?")
_MONTH_FIRST = re.compile(rf"@(\d\d?)@\s*(\d{{1,2}})[\s,]+{_ISLAMIC_YEAR}(?!\d){_ISLAMIC_MARK}?")
_NUMERIC = re.compile(
    r"(?<!\d)(?:(\d{1,2})[-./](\d{1,2})[-./](1[345]\d\d)|(1[345]\d\d)[-./](\d{1,2})[-./](\d{1,2}))(?!\d)"
)
_FOREIGN_YEAR = re.compile(r"(?<!\d)1[345]\d\d(?!\d)|^r")
_FIRST_ISLAMIC_YEAR = 1431
"""From here on a year of four digits without a mark is Islamic (2010): news with a Persian year from 1431 on is of 2052."""
_GREGORIAN_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")

_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "中華民國": 1911, "中华民国": 1911, "民國": 1911, "民国": 1911}
_ERA = re.compile(rf"({'|'.join(_ERAS)})\s?(\d{{1,3}}|元)\s?年")
_REIWA = re.compile(r"^r\.?\s?(\d{1,2})(?=[./-]\d{1,2}[./-]\d{1,2}(?!\d))")
_DIGITS = {each: str(number) for number, each in enumerate("〇一二三四五六七八九")} | {"零": "0", "○": "0"}
_IDEOGRAPHS = re.compile(r"[〇零○一二三四五六七八九十]{1,6}(?=\s?[年月日时時点點分])")

_THAI_MONTHS = (
    *(
        "ม\\.?ค\\.?|มกราคม",
        "ก\\.?พ\\.?|กุมภาพันธ์",
        "มี\\.?ค\\.?|มีนาคม",
        "เม\\.?ย\\.?|เมษายน",
        "พ\\.?ค\\.?|พฤษภาคม",
        "มิ\\.?ย\\.?|มิถุนายน",
    ),
    *(
        "ก\\.?ค\\.?|กรกฎาคม",
        "ส\\.?ค\\.?|สิงหาคม",
        "ก\\.?ย\\.?|กันยายน",
        "ต\\.?ค\\.?|ตุลาคม",
        "พ\\.?ย\\.?|พฤศจิกายน",
        "ธ\\.?ค\\.?|ธันวาคม",
    ),
)
_THAI = tuple(
    re.compile(rf"(?<!\d)(\d{{1,2}})\s*(?:{names})\s*(?:พ\.?ศ\.?\s*)?(\d{{4}}|\d\d)(?!\d)") for names in _THAI_MONTHS
)


def day(year: int, month: int, day: int, *, is_persian: bool = False) -> date | None:
    """A day of the Gregorian calendar or None. Years from 1300 to 1430 are Persian, from 2500 on Buddhist."""
    try:
        if is_persian or 1300 <= year < _FIRST_ISLAMIC_YEAR:
            return _of_persian(year, month, day) if 1300 <= year <= 1500 else None
        return date(year - 543 if 2500 <= year < 2700 else year, month, day)
    except (ValueError, OverflowError):
        return None


def as_gregorian(text: str) -> str:
    """A text in lower case with ASCII digits whose Islamic, Thai, Chinese and Japanese dates are written `2026-11-24`.

    Beside a Gregorian date, as Saudi papers write both, an Islamic one is taken out.
    """
    if text.isascii() and not _FOREIGN_YEAR.search(text):
        return text
    text = _IDEOGRAPHS.sub(_number, text)
    text = _ERA.sub(lambda found: f"{_ERAS[found[1]] + (1 if found[2] == '元' else int(found[2]))}年", text)
    text = _REIWA.sub(lambda found: str(2018 + int(found[1])), text)
    for month, thai in enumerate(_THAI, 1):
        text = thai.sub(lambda found, month=month: _thai(found, month), text)  # type: ignore[misc]
    return _without_islamic(text)


def _number(found: re.Match[str]) -> str:
    """2026 of 二〇二六, 24 of 二十四, 10 of 十."""
    written = found[0]
    if "十" not in written:
        return "".join(_DIGITS[each] for each in written)
    tens, _, ones = written.partition("十")
    if len(tens) > 1 or len(ones) > 1:
        return written
    return (_DIGITS.get(tens, "1") if tens else "1") + (_DIGITS.get(ones, "0") if ones else "0")


def _thai(found: re.Match[str], month: int) -> str:
    year = int(found[2])
    full = 2500 + year if year < 100 else year
    return f"{full - 543 if full > 2400 else full}-{month:02d}-{int(found[1]):02d}"


# --- the Islamic calendar ---------------------------------------------------------------------------------------------


def _without_islamic(text: str) -> str:
    named = text
    for number, names in enumerate(_ISLAMIC_NAMED, 1):
        named = names.sub(f"@{number}@", named)
    is_both = bool(_GREGORIAN_YEAR.search(text))
    if named != text:
        named = _DAY_FIRST.sub(lambda found: _islamic(is_both, found[3], found[2], found[1], found[0]), named)
        named = _MONTH_FIRST.sub(lambda found: _islamic(is_both, found[3], found[1], found[2], found[0]), named)
        if "@" not in named:
            return named
    has_mark = bool(re.search(rf"(?<=\d){_ISLAMIC_MARK}", text))
    return _NUMERIC.sub(lambda found: _islamic_number(found, is_both, has_mark), text)


def _islamic_number(found: re.Match[str], is_both: bool, has_mark: bool) -> str:
    year, month, day = found.group(3, 2, 1) if found[3] else found.group(4, 5, 6)
    if int(year) < _FIRST_ISLAMIC_YEAR and not has_mark:
        return found[0]
    return _islamic(is_both, year, month, day, found[0])


def _islamic(is_both: bool, year: str, month: str, day: str, written: str) -> str:
    found = _of_islamic(int(year), int(month), int(day))
    if is_both:
        return " "
    return f" {found:%Y-%m-%d} " if found else written


def _of_islamic(year: int, month: int, day: int) -> date | None:
    """By the tabular calendar: in 30 years of 354 days each, 11 have a day more."""
    if not (1 <= month <= 12 and 1 <= day <= 30):
        return None
    days = 354 * (year - 1) + (11 * year + 3) // 30 + 30 * (month - 1) - (month - 1) // 2 + day - 1
    return date(622, 7, 19) + timedelta(days=days)


# --- the Persian calendar ---------------------------------------------------------------------------------------------


def _of_persian(year: int, month: int, day: int) -> date | None:
    """Counted from a year whose beginning is known."""
    if not (1 <= month <= 12 and 1 <= day <= (31 if month <= 6 else 30)):
        return None
    days = 365 * (year - 1403) + _persian_leap_years(year) - _persian_leap_years(1403)
    days += (31 * (month - 1) if month <= 7 else 186 + 30 * (month - 7)) + day - 1
    return date(2024, 3, 20) + timedelta(days=days)


def _persian_leap_years(before: int) -> int:
    cycles, rest = divmod(before - 1, 33)
    return 8 * cycles + sum(rest >= place for place in (1, 5, 9, 13, 17, 22, 26, 30))
