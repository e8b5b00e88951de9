"""How long a server wants to be left alone, as it writes it: seconds, a date, and what else is written in their place. Pure.

RFC 9110 section 10.2.3 knows whole seconds and HTTP dates. Seen are also `120s`, `2 minutes`, `1m30s`, `PT2M`, `"120"`, ISO dates
and the moment itself as seconds since 1970.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

LIMIT = timedelta(hours=24)

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(
    r"\+?([0-9]+(?:\.[0-9]*)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)?\.?", re.I
)
_ISO_SPAN = re.compile(
    r"p(?:([0-9]{1,4})d)?(?:t(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})(?:\.[0-9]*)?s)?)?", re.I
)
_COMPOUND = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})(?:\.[0-9]*)?s)?", re.I)
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
_MOMENT_FROM, _MILLISECONDS_FROM = 10**9, 10**12
"""A number from here on may be a moment: 10^9 seconds is the year 2001."""
_PLAUSIBLE_FOR = timedelta(days=31)
"""So near a moment must be; what is further is a number of seconds beyond all measure."""


def parse(value: str, date: datetime) -> list[timedelta]:
    """The waits in one header line, which holds one or a list of them; none where it names none. `date` is the answer's own."""
    moment = http_date(value) or iso_date(value)
    if moment is not None:
        return [moment - date] if moment > date else []
    written = [each.partition(";")[0].strip().strip("\"'") for each in value.split(",")]
    return [wait for each in written if (wait := _span(each, date)) is not None]


def http_date(value: str | None) -> datetime | None:
    """An HTTP date as an aware UTC datetime; None where it is not a valid one."""
    if not value:
        return None
    try:
        parsed = parsedate_to_datetime(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def iso_date(value: str) -> datetime | None:
    """A date of ISO 8601 with a time, as an aware UTC datetime; None where it is none."""
    written = value.strip().strip("\"'")
    try:
        at = datetime.fromisoformat(written) if "-" in written and ":" in written else None
        return at if at is None else at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _span(written: str, date: datetime) -> timedelta | None:
    if found := _SPAN.fullmatch(written):
        unit = (found[2] or "s").lower()
        factor = _UNITS["ms" if unit.startswith(("ms", "milli")) else unit[0]]
        return _moment(found[1], date) or _seconds(found[1], factor)
    found = _ISO_SPAN.fullmatch(written) or _COMPOUND.fullmatch(written)
    if found and any(found.groups()):
        days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
        return min(timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds), LIMIT)
    if found := _CLOCK.fullmatch(written):
        return timedelta(hours=int(found[1]), minutes=int(found[2]), seconds=int(found[3]))
    return None


def _moment(digits: str, date: datetime) -> timedelta | None:
    """The wait until a moment in seconds or milliseconds since 1970; None where the number is none that is near."""
    number = int(digits.partition(".")[0]) if len(digits) < 20 else 0
    number = number // 1000 if number >= _MILLISECONDS_FROM else number
    if number < _MOMENT_FROM:
        return None
    try:
        wait = datetime.fromtimestamp(number, UTC) - date
    except (ValueError, OverflowError, OSError):
        return None
    return max(wait, timedelta()) if abs(wait) < _PLAUSIBLE_FOR else None


def _seconds(digits: str, factor: float) -> timedelta:
    whole = digits.partition(".")[0]
    return min(timedelta(seconds=float(digits) * factor), LIMIT) if len(whole) <= 9 else LIMIT
