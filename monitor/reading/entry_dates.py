"""When the entries of a feed were published: their dates read together, since they explain one another. Pure.

Whether 5/6/2026 is in May or June is said by the dates beside it. A date that is missing or cannot be read is bounded by the day in
the entry's address, and by its place where the others stand in the order of their dates: else an old entry with an odd date
would be news.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from monitor.reading.raw_entry import date_strings
from monitor.text import publication_dates

_MAX_WORDS = 20
"""Dates of a feed that are given to the slow reader of words."""
AHEAD = timedelta(hours=36)
"""Dates may lie so far ahead by a zone that is not told. What lies further says nothing of when an entry was published: it
announces an event, or counts the years of another calendar."""
_MIN_DATED = 5
"""Dated entries from which their order says something."""


def read_all(raw: Sequence[Any], *, now: datetime | None, notes: list[str]) -> list[datetime | None]:
    """The date of each entry, None where it has none that can be read; how many these are is added to `notes`."""
    written = [date_strings(each) for each in raw]
    day_first = publication_dates.writes_day_first(each[0] for each in written if each)
    year_first = now is not None and publication_dates.writes_year_first((each[0] for each in written if each), now=now)
    found = [
        _first([publication_dates.read(text, day_first=day_first, year_first=year_first, now=now) for text in texts])
        for texts in written
    ]
    slow = [place for place, texts in enumerate(written) if texts and found[place] is None][:_MAX_WORDS]
    for place in slow:
        found[place] = _first([publication_dates.read_words(text) for text in written[place]])
    unread = [texts[0] for texts, at in zip(written, found, strict=True) if texts and at is None]
    if unread:
        example = " ".join(unread[0].split())[:60]
        notes.append(f"{len(unread)} of {len(raw)} dates cannot be read, such as {example!r}")
    return (
        found if now is None else [at or _last_possible(texts, now) for texts, at in zip(written, found, strict=True)]
    )


def _last_possible(texts: Sequence[str], now: datetime) -> datetime | None:
    return _first([publication_dates.end_of_period(each, now=now) for each in texts])


def fill_gaps(dates: Sequence[datetime | None], urls: Sequence[str], *, now: datetime | None) -> list[datetime | None]:
    """The dates, with those that are missing or lie days ahead by the day in the address or the neighbours, where these say
    something."""
    trusted = [at if at and not (now and at > now + AHEAD) else None for at in dates]
    if None not in trusted:
        return list(dates)
    filled = [at or publication_dates.in_address(url) for at, url in zip(trusted, urls, strict=True)]
    known = [at for at in trusted if at]
    if now and len(known) >= _MIN_DATED and _is_sorted(known[::-1]):
        filled = _bounded(filled, now)
    elif now and len(known) >= _MIN_DATED and _is_sorted(known):
        filled = _bounded(filled[::-1], now)[::-1]
    return [known_at or at for known_at, at in zip(filled, dates, strict=True)]


def _bounded(newest_first: Sequence[datetime | None], now: datetime) -> list[datetime | None]:
    """An entry without a date between dated ones is no newer than the one before it. Before the first of them nothing is known."""
    filled: list[datetime | None] = []
    last = None
    for at in newest_first:
        last = at if at and at <= now else last
        filled.append(at or last)
    return filled


def _is_sorted(dates: Sequence[datetime]) -> bool:
    """Whether dates ascend, but for one in ten."""
    steps = list(pairwise(dates))
    is_all_one = dates[0] == dates[-1]
    return not is_all_one and sum(later >= earlier for earlier, later in steps) >= 0.9 * len(steps)


def _first(moments_found: Sequence[datetime | None]) -> datetime | None:
    return next((each for each in moments_found if each), None)
