"""What came each day as a small picture: a bar a day, the part that matched darker. Pure; `day_picture.html` draws it as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = 14
_STEP, _BAR, _HEIGHT = 8, 6, 24
"""Width of a day and of its bar, height of the highest bar. In units of the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayBar:
    """One day: where its bars stand, and what a pointer on them is told."""

    x: int
    y: float
    height: float
    match_y: float
    match_height: float
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPicture:
    """All that is drawn."""

    width: int
    height: int
    bars: tuple[DayBar, ...]
    says: str
    """The picture in a sentence, for who does not see it."""


def starts_of_days(now: datetime, days: int = DAYS) -> list[datetime]:
    """The beginnings (UTC) of the last days, oldest first; the last one is today's."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - timedelta(days=days - 1 - number) for number in range(days)]


def draw(entries: Sequence[int], matches: Sequence[int], starts: Sequence[datetime]) -> DayPicture | None:
    """The picture of as many days as there are starts; None where nothing came."""
    if not any(entries) and not any(matches):
        return None
    highest = max([*entries, *matches])
    bars = []
    for number, (came, matched, start) in enumerate(zip(entries, matches, starts, strict=True)):
        height, match_height = (round(_HEIGHT * each / highest, 1) for each in (came, matched))
        bars.append(
            DayBar(
                x=number * _STEP,
                y=_HEIGHT - height,
                height=height,
                match_y=_HEIGHT - match_height,
                match_height=match_height,
                says=f"{start:%d %b}: {came} {'entry' if came == 1 else 'entries'}, {matched} matched",
            )
        )
    return DayPicture(
        width=_STEP * len(starts) - _STEP + _BAR,
        height=_HEIGHT,
        bars=tuple(bars),
        says=f"{sum(entries)} entries in {len(starts)} days, {sum(matches)} of them matched; at most {highest} in a day",
    )
