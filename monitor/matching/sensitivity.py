"""Sensitivity as it is meant: words, "about N alerts a day" or "precision at least P %" in, what to multiply the threshold by out.

Pure. The number of alerts comes from what the topic would have told over the archive; the precision from its verdicts. Where that
is not known yet it acts like one of the words and says so. Whatever is asked for, the factor stays within bounds: beyond them the
threshold was never measured, and a topic that nothing comes near is not helped by a flood.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from monitor.matching.tuning import BROAD_FACTOR, FACTOR_STEP, LEAST_FACTOR, MOST_FACTOR, PRECISE_FACTOR, TOO_FEW_ALERTS

if TYPE_CHECKING:  # numpy would slow every command down that reads the seeds
    from monitor.matching.calibration import Calibration

WORDS: Mapping[str, float] = {"precise": PRECISE_FACTOR, "balanced": 1.0, "broad": BROAD_FACTOR}
"""What the threshold is multiplied by."""
FORMS = (*WORDS, '"about 3 alerts a day" (0.01 to 999)', '"precision at least 80 %" (50 to 99)')
"""What may be asked for, for people."""
_ABOUT = re.compile(r"about\s+(\d{1,3}(?:\.\d{1,2})?)\s+alerts?\s+a\s+day", re.IGNORECASE)
_PRECISION = re.compile(r"precision\s+at\s+least\s+(\d{1,2})\s*(?:%|percent|per cent)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """One of the three is set."""

    word: str = ""
    alerts_a_day: float | None = None
    precision: float | None = None
    """0.5 to 0.99."""


@dataclass(frozen=True, slots=True)
class ArchivedScore:
    """An article that came near a topic or matched it."""

    day: date
    story: int
    margin: float
    """Over the balanced threshold (monitor.matching.margins.margin)."""
    weight: float = 1.0
    """Of how many it is a sample."""


@dataclass(frozen=True, slots=True)
class ScoredArchive:
    """What came near a topic over some days."""

    arrivals: tuple[ArchivedScore, ...] = ()
    days: float = 0.0


@dataclass(frozen=True, slots=True)
class AppliedSensitivity:
    """What an intent comes to."""

    factor: float
    note: str = ""
    """Where it does not do what was asked: what it does, and why."""


def read(text: str) -> Sensitivity | None:
    """What a topic.toml asks for; None where that is none of the forms."""
    plain = " ".join(text.split()).lower()
    if plain in WORDS:
        return Sensitivity(word=plain)
    if (found := _ABOUT.fullmatch(plain)) and float(found[1]) > 0:
        return Sensitivity(alerts_a_day=float(found[1]))
    if (found := _PRECISION.fullmatch(plain)) and int(found[1]) >= 50:
        return Sensitivity(precision=int(found[1]) / 100)
    return None


def default(text: str) -> float:
    """The factor where nothing is known of the topic yet."""
    intent = read(text) or Sensitivity(word="balanced")
    return WORDS[intent.word or ("precise" if intent.precision else "balanced")]


def decide(text: str, topic: str, archive: ScoredArchive, calibration: Calibration) -> AppliedSensitivity:
    """What the intent comes to, by all that is known. The same knowledge gives the same factor."""
    intent = read(text) or Sensitivity(word="balanced")
    if intent.alerts_a_day is not None:
        return _about(intent.alerts_a_day, archive)
    if intent.precision is not None:
        return _at_least(intent.precision, topic, calibration)
    return AppliedSensitivity(WORDS[intent.word])


def _about(a_day: float, archive: ScoredArchive) -> AppliedSensitivity:
    """The factor at which as many stories as wanted would have been told, as nearly as can be."""
    if archive.days < 1:
        return AppliedSensitivity(WORDS["balanced"], "acts like balanced until articles of a whole day have been seen")
    stories = sorted(_by_story(archive.arrivals).values(), reverse=True)
    factor = _within(math.exp(_cut(stories, a_day * archive.days)))
    expected = sum(weight for margin, weight in stories if margin >= math.log(factor)) / archive.days
    return AppliedSensitivity(factor, _missed(a_day, expected, factor))


def _cut(stories: Sequence[tuple[float, float]], wanted: float) -> float:
    """The margin from which on stories are told: half way between the last one wanted and the next."""
    so_far, lowest = 0.0, math.log(MOST_FACTOR)
    for margin, weight in stories:
        if so_far + weight / 2 > wanted:
            return (lowest + margin) / 2
        so_far, lowest = so_far + weight, min(lowest, margin)
    return -math.inf


def _missed(a_day: float, expected: float, factor: float) -> str:
    if factor == MOST_FACTOR and expected > 2 * a_day:
        return f"as strict as can be, and still about {expected:.1f} alerts a day: seeds that say better what is wanted will help"
    if factor == LEAST_FACTOR and expected < TOO_FEW_ALERTS * a_day:
        most = f"the lowest threshold gives about {expected:.1f} alerts a day"
        return f"cannot tell {a_day:g} a day: {most}; more or broader seeds will help"
    return ""


def _by_story(arrivals: Sequence[ArchivedScore]) -> dict[int, tuple[float, float]]:
    """A story is told once, at its first article above the threshold: (its largest margin, weight)."""
    best: dict[int, tuple[float, float]] = {}
    for each in arrivals:
        best[each.story] = max(best.get(each.story, (-math.inf, 0.0)), (each.margin, each.weight))
    return best


def told(archive: ScoredArchive, factor: float) -> tuple[list[float], float]:
    """How many stories would have been told on each of the days, at this factor, and how many independent observations that
    rests on: a sample that stands for ten is one."""
    first: dict[int, tuple[date, float]] = {}
    for each in sorted(archive.arrivals, key=lambda one: (one.day, -one.weight)):
        if each.margin >= math.log(factor):
            first.setdefault(each.story, (each.day, each.weight))
    counts: dict[date, float] = {}
    for day, weight in first.values():
        counts[day] = counts.get(day, 0.0) + weight
    days = max(1, round(archive.days))
    fullest = sorted(counts.values(), reverse=True)
    kept, rest = fullest[:days], sum(fullest[days:])
    if rest:  # a span that is cut by two midnights
        kept[-1] += rest
    weights = [weight for _, weight in first.values()]
    samples = sum(weights) ** 2 / sum(each * each for each in weights) if weights else 0.0
    return [round(each, 3) for each in kept] + [0.0] * (days - len(kept)), samples


def _at_least(precision: float, topic: str, calibration: Calibration) -> AppliedSensitivity:
    """The lowest factor at which matches, by their probabilities, are right so often."""
    standing = calibration.of(topic)
    if not standing.is_calibrated:
        return AppliedSensitivity(WORDS["precise"], f"acts like precise until it is calibrated ({standing.why_not})")
    texts = [each for each in calibration.texts if each.topic == topic]
    best = 0.0
    for step in range(round((MOST_FACTOR - LEAST_FACTOR) / FACTOR_STEP) + 1):
        factor = LEAST_FACTOR + step * FACTOR_STEP
        above = [each for each in texts if each.margin >= math.log(factor)]
        weight = sum(each.weight for each in above)
        if not weight:
            break
        expected = sum(each.weight * calibration.curve.probability(topic, each.margin) for each in above) / weight
        if expected >= precision:
            return AppliedSensitivity(round(factor, 2))
        best = max(best, expected)
    return AppliedSensitivity(
        MOST_FACTOR,
        f"as strict as can be, and about {best:.0%} precise at best: more verdicts or better seeds will help",
    )


def _within(factor: float) -> float:
    return round(min(max(factor, LEAST_FACTOR), MOST_FACTOR), 4)
