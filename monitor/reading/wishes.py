"""When a publisher wants its feed to be read, as the feed's document says it: ttl, sy:updatePeriod, skipHours, skipDays."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from monitor.reading.raw_entry import string
from monitor.types.fetching import Wishes

MAX_TTL_FOR = timedelta(days=30)

_SKIP_HOURS = re.compile(rb"<skipHours>(.{0,2000}?)</skipHours>", re.I | re.S)
_HOUR = re.compile(rb"<hour>\s*(?:<!\[CDATA\[)?\s*(\d{1,2})(?::00){0,2}\s*(?:\]\]>)?\s*</hour>", re.I)
_SKIP_DAYS = re.compile(rb"<skipDays>(.{0,2000}?)</skipDays>", re.I | re.S)
_DAY = re.compile(rb"<day>\s*([A-Za-z]{3})[A-Za-z]{0,6}\s*</day>", re.I)
_TTL = re.compile(
    r"\s*(\d{1,6})(?:\.\d*)?\s*(m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?)?\s*|\s*PT?(\d{1,4})([MHD])\s*",
    re.I | re.ASCII,
)
_TTL_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_DAYS = (b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}


def of_document(feed: Any, body: bytes) -> Wishes:
    """The wishes in a feed's document. `feed`: its head as feedparser read it, `body`: its bytes."""
    return Wishes(ttl_for=_ttl(feed), skip_hours=_skip_hours(body), skip_days=_skip_days(body))


def _ttl(feed: Any) -> timedelta | None:
    """The longer of <ttl> (minutes, RSS 2.0) and sy:updatePeriod divided by its frequency."""
    frequency = _number(feed, "sy_updatefrequency") or 1
    period = _PERIODS.get(string(feed, "sy_updateperiod").strip().lower(), timedelta())
    interval = max(_span(string(feed, "ttl")), period / frequency)
    return min(interval, MAX_TTL_FOR) if interval else None


def _span(written: str) -> timedelta:
    """Minutes, or with a unit as some write it: `3h`, `180 minutes`, `PT3H`."""
    found = _TTL.fullmatch(written)
    if not found:
        return timedelta()
    number, unit = (found[1], found[2]) if found[1] else (found[3], found[4])
    return int(number) * _TTL_UNITS[(unit or "m")[0].lower()]


def _skip_hours(body: bytes) -> frozenset[int]:
    """<skipHours>: hours of the day (UTC) without news. feedparser keeps only the last of them."""
    listed = _SKIP_HOURS.search(body)
    return frozenset(int(hour) % 24 for hour in _HOUR.findall(listed[1]) if int(hour) <= 24) if listed else frozenset()


def _skip_days(body: bytes) -> frozenset[int]:
    """<skipDays>: days of the week (UTC) without news, by their English names, whole or cut to three letters."""
    listed = _SKIP_DAYS.search(body)
    names = _DAY.findall(listed[1]) if listed else []
    return frozenset(_DAYS.index(name.lower()) for name in names if name.lower() in _DAYS)


def _number(mapping: Any, key: str) -> int:
    found = re.fullmatch(r"\s*(\d{1,6})(?:\.\d*)?\s*", string(mapping, key), re.ASCII)
    return int(found[1]) if found else 0
