"""How long a server wants to be left alone, where it says so by its rate limit instead of Retry-After.

Names and units differ: `X-RateLimit-Reset` is a number of seconds with some (Reddit) and a moment with others (GitHub), and the
drafts of the IETF changed `RateLimit` from `limit=100, reset=50` to `"default";r=0;t=50`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from monitor.net import waits
from monitor.net.http import Headers

_RESET = (
    *("x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset", "rate-limit-reset"),
    *("x-ratelimit-reset-after", "x-rate-limit-reset-after"),
)
_REMAINING = ("x-ratelimit-remaining", "x-rate-limit-remaining", "ratelimit-remaining")
_NUMBER = re.compile(r"([0-9]{1,16})(?:\.[0-9]{0,9})?")
_PART = re.compile(r"\b(reset|t|remaining|r)\s*=\s*([0-9]{1,16})", re.I)
_EPOCH_FROM, _EPOCH_MILLISECONDS_FROM = 10**9, 10**11
"""A number from here on is a moment (10^9 seconds is the year 2001), not a number of seconds to wait."""


def reset_after(headers: Headers, *, now: datetime) -> timedelta | None:
    """The wait until the rate limit allows another request: the longest one named, at most 24 h; None where none is named.

    A moment is relative to the response's own Date, which the same clock wrote; without one, to `now`.
    """
    date = waits.http_date(headers.first("date")) or now
    named = [_wait(value, date) for name in _RESET for value in headers.all(name)]
    asked = [each for each in (*named, *_of_draft(headers)) if each and each > timedelta()]
    return min(max(asked), waits.LIMIT) if asked else None


def is_used_up(headers: Headers) -> bool:
    """Whether the response says that no request is left."""
    left = [found for name in _REMAINING for value in headers.all(name) if (found := _NUMBER.fullmatch(value.strip()))]
    return any(float(found[0]) < 1 for found in left)


def _wait(value: str, date: datetime) -> timedelta | None:
    number = _NUMBER.fullmatch(value.strip().partition(";")[0].strip())
    if number is None:
        return None if value.strip().isdigit() else max(waits.parse(value, date), default=None)
    seconds = int(number[1])
    if seconds < _EPOCH_FROM:
        return timedelta(seconds=seconds)
    seconds = seconds // 1000 if seconds >= _EPOCH_MILLISECONDS_FROM else seconds
    try:
        return datetime.fromtimestamp(seconds, UTC) - date
    except (ValueError, OverflowError, OSError):
        return None


def _of_draft(headers: Headers) -> list[timedelta]:
    """The waits of the header RateLimit; of several limits those count that are used up, if any is."""
    spent: list[timedelta] = []
    others: list[timedelta] = []
    for limit in ",".join(headers.all("ratelimit")).split(","):
        parts = {name.lower(): int(digits) for name, digits in _PART.findall(limit)}
        seconds = parts.get("t", parts.get("reset"))
        if seconds is not None:
            is_spent = parts.get("r", parts.get("remaining")) == 0
            (spent if is_spent else others).append(timedelta(seconds=min(seconds, 10**9)))
    return spent or others
