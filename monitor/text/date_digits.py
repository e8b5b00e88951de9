"""Moments written in digits: seconds since 1970, `/Date(1795515600000)/` of .NET, days of a year, ISO 8601 without its signs.
Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from monitor.text import calendars, zones

_EPOCH = re.compile(r"@?(\d{9,11}|\d{13}|\d{16}|\d{19})(?:\.\d{1,9})?")
_DOTNET = re.compile(r"\\?/date\((\d{9,13})(?:[+-]\d{4})?\)\\?/")
_SCIENTIFIC = re.compile(r"\d\.\d{1,18}e\+?(?:9|12)")
_ORDINAL = re.compile(r"((?:19|20)\d\d)-?([0-3]\d\d)(?:t(\d\d):?(\d\d)(?::?(\d\d))?([^\d].*)?)?")
_BASIC = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:[t ]?(\d\d)(\d\d)(\d\d)?(?:[.,]\d+)?)?")


def read(text: str) -> datetime | None:
    """The moment that a text in lower case and ASCII digits gives; None where it is written in another way."""
    return _basic(text) or _ordinal(text) or _epoch(text)


def _basic(text: str) -> datetime | None:
    found = _BASIC.match(text)
    if not found:
        return None
    rest = text[found.end() :].strip()
    zone, rest = zones.take(rest) if rest else (None, "")
    day = calendars.day(int(found[1]), int(found[2]), int(found[3])) if not rest.strip() else None
    return zones.at(day, (int(found[4] or 0), int(found[5] or 0), int(found[6] or 0)), zone) if day else None


def _ordinal(text: str) -> datetime | None:
    """The day of the year (ISO 8601: `2026-328`)."""
    found = _ORDINAL.fullmatch(text)
    if not found or not 1 <= int(found[2]) <= 366:
        return None
    day = date(int(found[1]), 1, 1) + timedelta(days=int(found[2]) - 1)
    zone, _ = zones.take(found[6] or "")
    time = (int(found[3] or 0), int(found[4] or 0), int(found[5] or 0))
    return zones.at(day, time, zone) if day.year == int(found[1]) else None


def _epoch(text: str) -> datetime | None:
    """Seconds, milliseconds, micro- or nanoseconds since 1970."""
    if found := _DOTNET.fullmatch(text):
        text = found[1]
    elif _SCIENTIFIC.fullmatch(text):
        text = str(int(float(text)))
    found = _EPOCH.fullmatch(text)
    if not found:
        return None
    digits = found[1]
    scale = 10 ** (len(digits) - 10) if len(digits) in (13, 16, 19) else 1
    try:
        return datetime.fromtimestamp(int(digits) // scale, UTC)
    except (ValueError, OverflowError, OSError):
        return None
