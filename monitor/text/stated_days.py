"""Days that a text names: "12 March 2013", "March 12", "12 марта", "12.03.2013", "3月12日". Pure.

Relative dates ("on Monday", "last year") are ignored, and so is 3/5/2014, which may be in May or in March.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

# By month, in the form that stands beside a number; German, French, Italian, Portuguese, Dutch share most of them.
_MONTHS = (
    "january jan januar janvier januari enero gennaio gen janeiro января янв січня stycznia ocak",
    "february feb februar février févr fév februari febrero febbraio fevereiro fev февраля фев лютого lutego şubat",
    "March Mar märz mars maart marzo março марта мар березня marca mart",
    "april apr avril avr abril abr aprile апреля апр квітня kwietnia nisan",
    "May mai mei mayo maggio mag maio мая травня maja mayıs",
    "june jun juni juin junio giugno giu junho июня июн червня czerwca haziran",
    "july jul juli juillet juil julio luglio lug julho июля июл липня lipca temmuz",
    "august aug août aout augustus agosto ago августа авг серпня sierpnia ağustos",
    "september sept sep septembre septiembre settembre set setembro сентября сен сент вересня września eylül",
    "october oct oktober okt octobre octubre ottobre ott outubro out октября окт жовтня października ekim",
    "november nov novembre noviembre novembro ноября ноя листопада listopada kasım",
    "december dec dezember dez décembre déc diciembre dic dicembre dezembro декабря дек грудня grudnia aralık",
)
_MONTH_OF_WORD = {word.casefold(): month for month, words in enumerate(_MONTHS, 1) for word in words.split()}
# Month names that are English verbs in lower case: "3 may be dead", "thousands march".
_CAPITALIZED = frozenset(word for words in _MONTHS for word in words.split() if word[0].isascii() and word[0].isupper())
_WORD = "(?P<month>" + "|".join(sorted((re.escape(word) for word in _MONTH_OF_WORD), key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?<![\d.,:/$€£-])(?P<day>[0-3]?\d)(?:st|nd|rd|th|er|º|-?го)?\b(?![.,:/-]\d|\s?%)"
_YEAR = r"(?:\s{0,2},?\s{0,2}(?:de[l]?\s)?(?P<year>(?:19|20)\d\d)\b)?"
_NO_VERB = r"(?!\s(?:be|have|not|get|to|soon|also|against|face)\b)"
_PATTERNS = (
    # what the text must hold for it to be found, and the pattern
    ("", re.compile(rf"{_DAY}\.?\s{{0,2}}(?:(?:of|de)\s)?{_WORD}{_NO_VERB}{_YEAR}", re.IGNORECASE)),
    # The lookahead for a number comes first: most words have none, and there are 120 month names to try.
    ("", re.compile(rf"\b(?=[^\W\d_]+\.?\s{{0,2}}\d){_WORD}\s{{0,2}}{_DAY}{_YEAR}", re.IGNORECASE)),
    ("-", re.compile(r"(?<![\d-])(?P<year>(?:19|20)\d\d)-(?P<number>[01]\d)-(?P<day>[0-3]\d)(?!\d)")),
    (".", re.compile(r"(?<![\d.])(?P<day>[0-3]?\d)\.\s?(?P<number>[01]?\d)\.\s?(?P<year>(?:19|20)\d\d)(?!\d)")),
    ("月", re.compile(r"(?:(?P<year>(?:19|20)\d\d)\s?年\s?)?(?<!\d)(?P<number>[01]?\d)\s?月\s?(?P<day>[0-3]?\d)\s?日")),
)
_DIGIT = re.compile(r"\d")


def stated_days(text: str, *, near: date) -> set[date]:
    """The days named in `text`. One without a year gets the year that puts it closest to `near`."""
    return set(_iter_days(text, near))


def without_days(text: str) -> tuple[str, frozenset[tuple[int, int]]]:
    """`text` with blanks in place of the days that it names, and these as month and day of the month."""
    found = list(_matches(text))
    for match, _, _ in found:
        text = text[: match.start()] + " " * len(match[0]) + text[match.end() :]
    return text, frozenset((month, day) for _, month, day in found)


def _iter_days(text: str, near: date) -> Iterator[date]:
    for match, month, day in _matches(text):
        if found := _nearest_day(match.groupdict()["year"], month, day, near):
            yield found


def _matches(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Each place that names a day, with month and day."""
    if not _DIGIT.search(text):
        return  # a day is named by a number, and most headlines and many leads have none
    for needed, pattern in _PATTERNS:
        for match in pattern.finditer(text) if needed in text else ():
            groups = match.groupdict()
            if month := _month(groups):
                yield match, month, int(groups["day"])


def _month(groups: dict[str, str | None]) -> int:
    """1 to 12; 0 where the match is no month after all."""
    word = groups.get("month")
    if word is None:
        return int(groups["number"] or 0)
    is_verb = word.islower() and word.capitalize() in _CAPITALIZED
    return 0 if is_verb else _MONTH_OF_WORD.get(word.casefold(), 0)


def _nearest_day(year: str | None, month: int, day: int, near: date) -> date | None:
    """The day, without a year the one closest to `near`; None where the calendar has no such day."""
    years = [int(year)] if year else [near.year - 1, near.year, near.year + 1]
    days = []
    for each in years:
        try:
            days.append(date(each, month, day))
        except ValueError:  # 31 April, 29 February
            continue
    return min(days, key=lambda candidate: abs(candidate - near), default=None)
