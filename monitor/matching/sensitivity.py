"""From a topic's sensitivity to a multiplier of its threshold. Pure.

A sensitivity is a word, "about N alerts a day" or "precision at least P %". The alert rate is estimated from scores of the
archive, the precision from the calibration; until these exist, one of the words is used and a note says so. The factor stays
within bounds: beyond them the threshold was never measured, and a topic without near articles would only gain false alerts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from monitor.matching.tuning import (
    ALERTS_FLOOR,
    ARRIVALS_DAYS,
    BROAD_FACTOR,
    FACTOR_STEP,
    MAX_FACTOR,
    MIN_FACTOR,
    NEWS_DAYS,
    PRECISE_FACTOR,
)

if TYPE_CHECKING:  # importing numpy would slow down every command that reads seeds
    from monitor.matching.calibration import Calibration

WORDS: Mapping[str, float] = {"precise": PRECISE_FACTOR, "balanced": 1.0, "broad": BROAD_FACTOR}
"""Multiplier of the threshold."""
FORMS = (*WORDS, '"about 3 alerts a day" (0.01 to 999)', '"precision at least 80 %" (50 to 99)')
"""The accepted forms, for messages."""
ARRIVALS_FOR, _NEWS_FOR = timedelta(days=ARRIVALS_DAYS), timedelta(days=NEWS_DAYS)
_DAY = timedelta(days=1)
_ALERTS_PATTERN = re.compile(r"about\s+(\d{1,3}(?:\.\d{1,2})?)\s+alerts?\s+a\s+day", re.IGNORECASE)
_PRECISION_PATTERN = re.compile(r"precision\s+at\s+least\s+(\d{1,2})\s*(?:%|percent|per cent)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """A parsed sensitivity: one of the three fields is set."""

    word: str = ""
    alerts_a_day: float | None = None
    precision: float | None = None
    """0.5 to 0.99."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredArrival:
    """An article that matched a topic or was a near miss, and that may be told: no copy, and not held back."""

    seen_at: datetime
    published_at: datetime
    story: int
    margin: float
    """Over the balanced threshold (monitor.matching.margins.margin)."""
    weight: float = 1.0
    """Number of articles it represents, if sampled."""


@dataclass(frozen=True, slots=True)
class ArchivedScore:
    """The score of an archived article that matched a topic or was a near miss."""

    day: date
    """Days are the 24 hours up to the archive's last article, the 24 hours before these, and so on."""
    story: int
    margin: float
    """Over the balanced threshold (monitor.matching.margins.margin)."""
    weight: float = 1.0
    """Number of articles it represents, if sampled."""


@dataclass(frozen=True, slots=True)
class ScoredArchive:
    """Scores near a topic's threshold over a period of `days`."""

    scores: tuple[ArchivedScore, ...] = ()
    days: float = 0.0
    until: date | None = None
    """The last day; None: that of the last score."""


def scored_archive(arrivals: Iterable[ScoredArrival], *, since_at: datetime, until_at: datetime) -> ScoredArchive:
    """The archive between two times, at most its last 30 days. The one place that says what counts as a day's news."""
    since_at = max(since_at, until_at - ARRIVALS_FOR)
    scores = tuple(
        ArchivedScore(_day(each.seen_at, until_at), each.story, each.margin, each.weight)
        for each in arrivals
        if since_at <= each.seen_at <= until_at
        and each.seen_at - each.published_at <= _NEWS_FOR
        and not math.isnan(each.margin)
    )
    return ScoredArchive(scores, (until_at - since_at) / _DAY, until_at.date())


def _day(at: datetime, until_at: datetime) -> date:
    return until_at.date() - ((until_at - at) // _DAY) * _DAY


@dataclass(frozen=True, slots=True)
class AppliedSensitivity:
    """The factor that a sensitivity leads to."""

    factor: float
    note: str = ""
    """Where the request cannot be met: what happens instead, and why."""


def parse(text: str) -> Sensitivity | None:
    """Parse the sensitivity of a topic.toml; None if it has none of the accepted forms."""
    plain = " ".join(text.split()).lower()
    if plain in WORDS:
        return Sensitivity(word=plain)
    if (found := _ALERTS_PATTERN.fullmatch(plain)) and float(found[1]) > 0:
        return Sensitivity(alerts_a_day=float(found[1]))
    if (found := _PRECISION_PATTERN.fullmatch(plain)) and int(found[1]) >= 50:
        return Sensitivity(precision=int(found[1]) / 100)
    return None


def default_factor(text: str) -> float:
    """The factor to use before there are data on the topic. Unreadable text counts as balanced."""
    intent = parse(text) or Sensitivity(word="balanced")
    return WORDS[intent.word or ("precise" if intent.precision else "balanced")]


def decide(text: str, topic: str, archive: ScoredArchive, calibration: Calibration) -> AppliedSensitivity:
    """The factor for a sensitivity, from the archive's scores and the calibration. Deterministic."""
    intent = parse(text) or Sensitivity(word="balanced")
    if intent.alerts_a_day is not None:
        return _factor_for_alerts(intent.alerts_a_day, archive)
    if intent.precision is not None:
        return _factor_for_precision(intent.precision, topic, calibration)
    return AppliedSensitivity(WORDS[intent.word])


def _factor_for_alerts(a_day: float, archive: ScoredArchive) -> AppliedSensitivity:
    """The factor at which the archive would have had the requested number of alerts, as nearly as possible."""
    if archive.days < 1:
        return AppliedSensitivity(WORDS["balanced"], "acts like balanced until articles of a whole day have been seen")
    stories = sorted(_best_by_story(archive.scores).values(), reverse=True)
    factor = _clamp(math.exp(_margin_cutoff(stories, a_day * archive.days)))
    expected = sum(weight for margin, weight in stories if margin >= math.log(factor)) / archive.days
    return AppliedSensitivity(factor, _shortfall_note(a_day, expected, factor))


def _margin_cutoff(stories: Sequence[tuple[float, float]], wanted: float) -> float:
    """The least margin to alert on: half way between the last story wanted and the next."""
    so_far, lowest = 0.0, math.log(MAX_FACTOR)
    for margin, weight in stories:
        if so_far + weight / 2 > wanted:
            return (lowest + margin) / 2
        so_far, lowest = so_far + weight, min(lowest, margin)
    return -math.inf


def _shortfall_note(a_day: float, expected: float, factor: float) -> str:
    if factor == MAX_FACTOR and expected > 2 * a_day:
        return f"as strict as can be, and still about {expected:.1f} alerts a day: seeds that say better what is wanted will help"
    if factor == MIN_FACTOR and expected < ALERTS_FLOOR * a_day:
        most = f"the lowest threshold gives about {expected:.1f} alerts a day"
        return f"cannot tell {a_day:g} a day: {most}; more or broader seeds will help"
    return ""


def _best_by_story(arrivals: Sequence[ArchivedScore]) -> dict[int, tuple[float, float]]:
    """(largest margin, its weight) by story, as a story is alerted once."""
    best: dict[int, tuple[float, float]] = {}
    for each in arrivals:
        best[each.story] = max(best.get(each.story, (-math.inf, 0.0)), (each.margin, each.weight))
    return best


@dataclass(frozen=True, slots=True)
class DailyAlerts:
    """The stories that a factor would have told: of how many each day, the latest last."""

    by_day: tuple[float, ...]
    """Of whole days; what came before the first of them is in `total` alone."""
    total: float
    samples: float
    """Number of independent observations behind them: a sampled article that represents ten is one."""


def alerts_by_day(archive: ScoredArchive, factor: float) -> DailyAlerts:
    """The alerts at this factor. A story is alerted once, at its first article above the threshold."""
    first: dict[int, tuple[date, float]] = {}
    for each in sorted(archive.scores, key=lambda one: (one.day, -one.weight)):
        if each.margin >= math.log(factor):
            first.setdefault(each.story, (each.day, each.weight))
    counts: dict[date, float] = {}
    for day, weight in first.values():
        counts[day] = counts.get(day, 0.0) + weight
    until = archive.until or max((each.day for each in archive.scores), default=date.max)
    whole = max(1, math.floor(archive.days))
    days = (until - back * _DAY for back in range(whole - 1, -1, -1))
    weights = [weight for _, weight in first.values()]
    samples = sum(weights) ** 2 / sum(each * each for each in weights) if weights else 0.0
    return DailyAlerts(tuple(round(counts.get(day, 0.0), 3) for day in days), sum(weights), samples)


def _factor_for_precision(precision: float, topic: str, calibration: Calibration) -> AppliedSensitivity:
    """The lowest factor at which the expected precision of matches is at least `precision`."""
    own = calibration.of(topic)
    if not own.is_calibrated:
        return AppliedSensitivity(WORDS["precise"], f"acts like precise until it is calibrated ({own.why_not})")
    texts = [each for each in calibration.texts if each.topic == topic]
    best = 0.0
    for step in range(round((MAX_FACTOR - MIN_FACTOR) / FACTOR_STEP) + 1):
        factor = MIN_FACTOR + step * FACTOR_STEP
        above = [each for each in texts if each.margin >= math.log(factor)]
        weight = sum(each.weight for each in above)
        if not weight:
            break
        expected = sum(each.weight * calibration.curve.probability(topic, each.margin) for each in above) / weight
        if expected >= precision:
            return AppliedSensitivity(round(factor, 2))
        best = max(best, expected)
    return AppliedSensitivity(
        MAX_FACTOR,
        f"as strict as can be, and about {best:.0%} precise at best: more verdicts or better seeds will help",
    )


def _clamp(factor: float) -> float:
    return round(min(max(factor, MIN_FACTOR), MAX_FACTOR), 4)
