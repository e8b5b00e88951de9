"""The time line of a story as a picture: who published when, how many articles came when, and when somebody was told. Pure.

Places are worked out here; `story_picture.html` draws them as SVG, whose colours are those of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.review.stories import Appearance
from monitor.text.tokens import shorten

WIDTH, NAMES, RIGHT = 760, 190, 18
"""Of the picture; of the names on its left; of the margin on its right. In units of the drawing."""
BARS, ROW, FOOT = 56, 22, 26
"""Heights: of the bars on top, of a publisher's row, of the times below."""
BINS = 48
MAX_ROWS = 14
_NAME_LENGTH = 24
_MIN_SPAN_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A publisher, and how many articles it has."""

    name: str
    y: float
    articles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """An article: where, and what a pointer on it is told."""

    x: float
    y: float
    is_copy: bool
    article_id: int
    publisher: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How many articles came in one part of the time."""

    x: float
    y: float
    width: float
    height: float
    articles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A time below the picture, or a line through it."""

    x: float
    at: datetime
    anchor: str = "middle"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPicture:
    """All that is drawn."""

    width: int
    height: int
    rows: tuple[Row, ...]
    dots: tuple[Dot, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[Tick, ...]
    told: tuple[Tick, ...]
    highest: int
    """The number of articles that the highest bar stands for."""
    says: str
    """The picture in a sentence, for who does not see it."""
    zone: str


def draw(appearances: Sequence[Appearance], told_at: Sequence[datetime], zone: str = "UTC") -> StoryPicture | None:
    """The picture of a story; None where there is nothing to compare: a single article. Times are shown as they are given, as those
    of `zone`."""
    if len(appearances) < 2:
        return None
    shown = sorted(appearances, key=lambda each: each.at)
    scale = _Scale(shown[0].at, max(shown[-1].at, shown[0].at + _MIN_SPAN_FOR))
    rows = _rows(shown)
    of_name = {each.name: each for each in rows}
    names = {each.publisher: _name(each.publisher, of_name) for each in shown}
    return StoryPicture(
        width=WIDTH,
        height=BARS + ROW * len(rows) + FOOT,
        rows=rows,
        dots=tuple(
            Dot(
                x=scale.x(each.at),
                y=of_name[names[each.publisher]].y,
                is_copy=each.is_copy,
                article_id=each.article_id,
                publisher=each.publisher or "unknown outlet",
                at=each.at,
            )
            for each in shown
        ),
        bars=(bars := _bars(shown, scale)),
        ticks=_ticks(scale),
        told=tuple(Tick(x=scale.x(each), at=each) for each in sorted(told_at) if each >= scale.first_at),
        highest=max(each.articles for each in bars),
        says=_says(shown, zone),
        zone=zone,
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From times to places; a time beyond the last article is drawn at the right edge."""

    first_at: datetime
    last_at: datetime

    def share(self, at: datetime) -> float:
        return min(max((at - self.first_at) / (self.last_at - self.first_at), 0.0), 1.0)

    def x(self, at: datetime) -> float:
        return round(NAMES + (WIDTH - NAMES - RIGHT) * self.share(at), 1)


def _rows(shown: Sequence[Appearance]) -> tuple[Row, ...]:
    """The publishers in the order in which they came; beyond `MAX_ROWS` the others share one row."""
    counts: dict[str, int] = {}
    for each in shown:
        counts[each.publisher] = counts.get(each.publisher, 0) + 1
    named = list(counts.items())
    if len(named) > MAX_ROWS:
        others = named[MAX_ROWS - 1 :]
        named = [*named[: MAX_ROWS - 1], (f"{len(others)} others", sum(count for _, count in others))]
    at = (BARS + ROW * number + ROW / 2 for number in range(len(named)))
    return tuple(Row(name=_short(name), y=y, articles=count) for (name, count), y in zip(named, at, strict=True))


def _short(name: str) -> str:
    return shorten(name or "unknown outlet", _NAME_LENGTH)


def _name(publisher: str, rows: dict[str, Row]) -> str:
    name = _short(publisher)
    return name if name in rows else next(reversed(rows))


def _bars(shown: Sequence[Appearance], scale: _Scale) -> tuple[Bar, ...]:
    counts = [0] * BINS
    for each in shown:
        counts[min(int(scale.share(each.at) * BINS), BINS - 1)] += 1
    width, room = (WIDTH - NAMES - RIGHT) / BINS, BARS - 16
    heights = [room * count / max(counts) for count in counts]
    return tuple(
        Bar(
            x=round(NAMES + width * number, 1),
            y=round(BARS - 6 - height, 1),
            width=round(width - 1, 1),
            height=round(height, 1),
            articles=count,
        )
        for number, (count, height) in enumerate(zip(counts, heights, strict=True))
        if count
    )


def _ticks(scale: _Scale) -> tuple[Tick, ...]:
    span = scale.last_at - scale.first_at
    times = [(scale.first_at, "start"), (scale.first_at + span / 2, "middle"), (scale.last_at, "end")]
    return tuple(Tick(x=scale.x(at), at=at, anchor=anchor) for at, anchor in times)


def _says(shown: Sequence[Appearance], zone: str) -> str:
    first, copies = shown[0], sum(each.is_copy for each in shown)
    publishers = len({each.publisher for each in shown})
    return (
        f"{len(shown)} articles of {publishers} {'publisher' if publishers == 1 else 'publishers'}, {copies} of them copies; "
        f"first {first.publisher or 'an unknown outlet'}, {first.at:%d %b %H:%M}; last {shown[-1].at:%d %b %H:%M} ({zone})"
    )
