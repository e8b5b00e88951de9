"""Charts as places on a drawing: days as bars, weeks as points with their intervals. Pure; `charts.html` draws them as SVG.

Each has its words: a title in a sentence for who does not see it. Numbers stand in a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from monitor.review.overview import WeekPrecision

LEFT, TOP, FOOT = 36, 14, 20
"""Room for the scale, above the highest bar, and for the days below. In units of the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar, its kind (`match`, `alert`), and what a pointer on it is told."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Words at a place."""

    x: float
    y: float
    words: str
    anchor: str = "middle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A share with its interval: y of the share and of both ends."""

    x: float
    y: float
    low: float
    high: float
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """All that is drawn."""

    width: int
    height: int
    says: str
    bars: tuple[Bar, ...] = ()
    points: tuple[Point, ...] = ()
    labels: tuple[Label, ...] = ()
    lines: tuple[float, ...] = ()
    """Heights of the lines of the scale."""
    left: int = 0

    @property
    def path(self) -> str:
        """The points of a line through all shares."""
        return " ".join(f"{each.x},{each.y}" for each in self.points)


def day_chart(
    days: Sequence[date], matches: Sequence[int], alerts: Sequence[int], *, width: int, height: int, what: str
) -> Chart:
    """Matches a day as bars, with the alerts of the day before them."""
    highest = max(*matches, *alerts, 1)
    floor, step = height - FOOT, (width - LEFT) / len(days)
    bars = [
        Bar(
            x=round(LEFT + step * at, 1),
            y=round(floor - (floor - TOP) * count / highest, 1),
            width=round(max(step - 2, 1), 1),
            height=round((floor - TOP) * count / highest, 1),
            kind=kind,
            says=f"{days[at]:%d %b}: {_counted(count, kind)}",
        )
        for kind, counts in (("match", matches), ("alert", alerts))
        for at, count in enumerate(counts)
        if count
    ]
    return Chart(
        width=width,
        height=height,
        says=f"{_said(what, matches, alerts)} in {len(days)} days; the longest bar is {highest}",
        bars=tuple(bars),
        labels=(*_scale(str(highest), floor), *_days(days, width, height, step)),
        lines=(TOP, floor),
        left=LEFT,
    )


_PLURALS = {"match": "matches", "alert": "alerts"}
_DAY_WIDTH = 5


def sparkline(days: Sequence[date], matches: Sequence[int], alerts: Sequence[int], *, what: str) -> Chart:
    """The same for one row of a table: without scale and days."""
    highest, height = max(*matches, *alerts, 1), 28
    bars = [
        Bar(
            x=_DAY_WIDTH * at,
            y=round(height * (1 - count / highest), 1),
            width=_DAY_WIDTH - 1,
            height=round(height * count / highest, 1),
            kind=kind,
            says="",
        )
        for kind, counts in (("match", matches), ("alert", alerts))
        for at, count in enumerate(counts)
        if count
    ]
    says = f"{_said(what, matches, alerts)}; the longest bar is {highest}"
    return Chart(width=_DAY_WIDTH * len(days), height=height, says=says, bars=tuple(bars))


def _said(what: str, matches: Sequence[int], alerts: Sequence[int]) -> str:
    return f"{what}: {_counted(sum(matches), 'match')}, {_counted(sum(alerts), 'alert')}"


def _counted(count: int, kind: str) -> str:
    return f"{count} {kind if count == 1 else _PLURALS[kind]}"


def week_chart(weeks: Sequence[WeekPrecision], *, width: int, height: int) -> Chart:
    """The share of confirmed matches of each week, with its interval."""
    floor, step = height - FOOT, (width - LEFT) / len(weeks)

    def y(share: float) -> float:
        return round(floor - (floor - TOP) * share, 1)

    points = tuple(
        Point(
            x=round(LEFT + step * (at + 0.5), 1),
            y=y(each.share),
            low=y(each.low),
            high=y(each.high),
            says=f"week of {each.first_day:%d %b}: {each.confirmed} of {each.judged} confirmed",
        )
        for at, each in enumerate(weeks)
    )
    last = weeks[-1]
    return Chart(
        width=width,
        height=height,
        says=f"Precision in {len(weeks)} weeks: {weeks[0].share:.0%} in the first, {last.share:.0%} in the last",
        points=points,
        labels=(
            *_scale("100%", floor),
            *(
                Label(x=each.x, y=height - 5, words=f"{week.first_day:%d %b}")
                for each, week in zip(points, weeks, strict=True)
            ),
        ),
        lines=(TOP, y(0.5), floor),
        left=LEFT,
    )


def _scale(highest: str, floor: int) -> tuple[Label, ...]:
    return (
        Label(x=LEFT - 5, y=TOP + 4, words=highest, anchor="end"),
        Label(x=LEFT - 5, y=floor + 4, words="0", anchor="end"),
    )


def _days(days: Sequence[date], width: int, height: int, step: float) -> tuple[Label, ...]:
    """The first day and each seventh after it."""
    return tuple(
        Label(x=round(LEFT + step * at, 1), y=height - 5, words=f"{days[at]:%d %b}", anchor="start")
        for at in range(0, len(days), 7)
    )
