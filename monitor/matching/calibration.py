"""Verdicts in, probabilities out: how likely an article with this margin over its topic's threshold is wanted. Pure.

Platt's logistic curve over the logarithm of the margin, fitted on all topics of the instance at once; each topic has an offset of
its own, drawn towards the common curve the fewer verdicts it has. The curve rises with the margin, whatever the verdicts say.
The margin is that of the day the article came, before anybody judged it, so nothing is learned from its own verdict.

A topic speaks in percentages only once it has enough verdicts of both kinds and its probabilities, worked out without the
verdicts they are held against, agree with them. Until then it has none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from monitor.matching.reliability import Forecast, Reliability, measure, wilson
from monitor.matching.tuning import (
    CALIBRATION_FOLDS,
    CALIBRATION_GROUPS,
    CALIBRATION_OF_EACH,
    CALIBRATION_SIGMAS,
    CALIBRATION_VERDICTS,
    CALIBRATION_WORSE,
    CURVE_OFFSET,
    CURVE_OFFSET_SPREAD,
    CURVE_ROUNDS,
    CURVE_SLOPE,
    CURVE_SLOPE_SPREAD,
    FURTHEST_MARGIN,
    HEAVIEST_VERDICT,
    LEAST_PROBABILITY,
    LEAST_SLOPE,
    MOST_PROBABILITY,
    TOPIC_SPREAD,
    TOPIC_SPREAD_WEIGHT,
)
from monitor.types import digests
from monitor.types.matching import MeasuredPrecision

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledScore:
    """A verdict, and what the matcher had said of the article."""

    topic: str
    text: str
    """Names the article's text: copies have one name and count once."""
    margin: float
    is_relevant: bool
    weight: float = 1.0
    """Of how many articles it is a sample: 1 for a match, 1 / share for a sampled near miss."""
    is_match: bool = True


@dataclass(frozen=True, slots=True)
class TopicCalibration:
    """What one topic's verdicts allow to say."""

    texts: int = 0
    confirmed: float = 0.0
    contradicted: int = 0
    """Texts judged both ways, as copies."""
    measured: MeasuredPrecision | None = None
    """Precision of its matches."""
    reliability: Reliability | None = None
    """Of probabilities worked out without the verdicts they are held against."""
    why_not: str = "no verdicts yet"
    """Why there is no percentage; '' where there is."""

    @property
    def is_calibrated(self) -> bool:
        """Whether its percentages may be shown."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Curve:
    """P(wanted) = mean of 1 / (1 + exp(-(offset + the topic's own + slope * margin))) over what the topic's own may be."""

    offset: float = CURVE_OFFSET
    slope: float = CURVE_SLOPE
    """Above the threshold, for each unit of margin."""
    slope_below: float = CURVE_SLOPE
    spread: float = TOPIC_SPREAD
    """How far topics' offsets lie apart: a topic of which nothing is known may be anywhere within."""
    of_topic: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """What is added to the offset, and how sure that is (a standard deviation)."""

    def probability(self, topic: str, margin: float) -> float:
        """Of an article with this margin; a topic unknown to it is taken for an average one."""
        if math.isnan(margin):
            return LEAST_PROBABILITY
        own, unsure = self.of_topic.get(topic, (0.0, self.spread))
        within = min(max(margin, -FURTHEST_MARGIN), FURTHEST_MARGIN)
        slope = self.slope if within > 0 else self.slope_below
        found = 1 / (1 + math.exp(-_towards_even(unsure) * (self.offset + own + slope * within)))
        return min(max(found, LEAST_PROBABILITY), MOST_PROBABILITY)


def _towards_even(unsure: float) -> float:
    """The mean of logistic curves that lie `unsure` apart is, nearly, one that is flatter by this factor (MacKay 1992)."""
    return 1 / math.sqrt(1 + math.pi * unsure * unsure / 8)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve of an instance, and which of its topics may use it."""

    curve: Curve = field(default_factory=Curve)
    standings: Mapping[str, TopicCalibration] = field(default_factory=dict)
    left_out: int = 0
    """Verdicts whose scores cannot be read."""
    texts: tuple[LabelledText, ...] = ()

    def probability(self, topic: str, margin: float) -> float | None:
        """None where the topic is not calibrated yet."""
        return self.curve.probability(topic, margin) if self.of(topic).is_calibrated else None

    def of(self, topic: str) -> TopicCalibration:
        """What is known of a topic."""
        return self.standings.get(topic, TopicCalibration())

    @property
    def digest(self) -> str:
        """Changes with everything that a probability depends on."""
        known = sorted(name for name, each in self.standings.items() if each.is_calibrated)
        if not known:
            return ""
        return digests.of_calibration(
            offset=self.curve.offset,
            slope=self.curve.slope,
            slope_below=self.curve.slope_below,
            spread=self.curve.spread,
            offsets=self.curve.of_topic,
            calibrated=known,
        )


@dataclass(frozen=True, slots=True)
class LabelledText:
    """All verdicts on one text for one topic."""

    topic: str
    margin: float
    share: float
    """Of the verdicts, that said yes."""
    weight: float
    is_match: bool


def calibrate(judged: Iterable[LabelledScore]) -> Calibration:
    """The calibration that these verdicts allow; their order does not matter."""
    return _calibrate(tuple(judged))


@lru_cache(maxsize=4)
def _calibrate(found: tuple[LabelledScore, ...]) -> Calibration:
    """Kept, as the page asks for it again and again between two verdicts."""
    usable = [each for each in found if _is_usable(each)]
    texts = tuple(_texts(usable))
    if not texts:
        return Calibration(left_out=len(found) - len(usable))
    held_out = _held_out(texts)
    by_topic: dict[str, list[tuple[LabelledText, float]]] = {}
    for each, probability in zip(texts, held_out, strict=True):
        by_topic.setdefault(each.topic, []).append((each, probability))
    standings = {topic: _standing(rows) for topic, rows in by_topic.items()}
    return Calibration(fit(texts), standings, len(found) - len(usable), texts)


def _is_usable(each: LabelledScore) -> bool:
    return math.isfinite(each.margin) and math.isfinite(each.weight) and each.weight > 0


def _texts(judged: Sequence[LabelledScore]) -> Iterable[LabelledText]:
    """Copies counted once, in an order that does not depend on that of the verdicts."""
    together: dict[tuple[str, str], list[LabelledScore]] = {}
    for each in judged:
        together.setdefault((each.topic, each.text), []).append(each)
    for (topic, _), rows in sorted(together.items()):
        share = sum(each.is_relevant for each in rows) / len(rows)
        is_match = any(each.is_match for each in rows)
        weight = 1.0 if is_match else min(max(each.weight for each in rows), HEAVIEST_VERDICT)
        yield LabelledText(topic, max(each.margin for each in rows), share, weight, is_match)


# --- the curve --------------------------------------------------------------------------------------------------------


def fit(texts: Sequence[LabelledText]) -> Curve:
    """The most likely curve and the spread of topics that goes with it; the first guess where there is nothing."""
    if not texts:
        return Curve()
    names = sorted({each.topic for each in texts})
    place = {name: at for at, name in enumerate(names)}
    margins = np.clip(np.array([each.margin for each in texts]), -FURTHEST_MARGIN, FURTHEST_MARGIN)
    rows = _Rows(
        topic=np.array([place[each.topic] for each in texts]),
        columns=np.stack([np.ones(len(texts)), np.maximum(margins, 0), np.minimum(margins, 0)]),
        shares=np.array([each.share for each in texts]),
        weights=np.array([each.weight for each in texts]),
        topics=len(names),
    )
    at, unsure, spread = _with_spread(rows)
    own = zip(names, zip(at[3:].tolist(), unsure.tolist(), strict=True), strict=True)
    return Curve(float(at[0]), float(at[1]), float(at[2]), spread, dict(own))


@dataclass(frozen=True, slots=True)
class _Rows:
    """Texts as columns."""

    topic: npt.NDArray[np.int64]
    columns: Floats
    """One, the margin above the threshold, the margin below it."""
    shares: Floats
    weights: Floats
    topics: int


def _with_spread(rows: _Rows) -> tuple[Floats, Floats, float]:
    """Curve and spread in turn (expectation and maximisation): ([offset, slopes, own ...], how sure each own is, spread)."""
    spread = TOPIC_SPREAD
    at = np.array([CURVE_OFFSET, CURVE_SLOPE, CURVE_SLOPE, *[0.0] * rows.topics])
    unsure = np.full(rows.topics, spread)
    for _ in range(CURVE_ROUNDS):
        at, unsure = _rising(rows, spread, at)
        seen = float((at[3:] ** 2 + unsure**2).sum())
        spread = math.sqrt((TOPIC_SPREAD_WEIGHT * TOPIC_SPREAD**2 + seen) / (TOPIC_SPREAD_WEIGHT + rows.topics))
    return at, unsure, spread


def _rising(rows: _Rows, spread: float, start: Floats) -> tuple[Floats, Floats]:
    """Verdicts that run against the scores leave the curve nearly flat: it never falls."""
    guess = np.array([CURVE_OFFSET, CURVE_SLOPE, CURVE_SLOPE, *[0.0] * rows.topics])
    pull = np.array(
        [CURVE_OFFSET_SPREAD**-2, CURVE_SLOPE_SPREAD**-2, CURVE_SLOPE_SPREAD**-2, *[spread**-2] * rows.topics]
    )
    found = _newton(rows, guess, pull, start)
    for column in (1, 2, 1):
        if found[0][column] < LEAST_SLOPE and pull[column] < 1e9:
            guess[column], pull[column] = LEAST_SLOPE, 1e9
            found = _newton(rows, guess, pull, np.where(pull == 1e9, LEAST_SLOPE, start))
    found[0][1:3] = np.maximum(found[0][1:3], LEAST_SLOPE)
    return found


def _newton(rows: _Rows, guess: Floats, pull: Floats, start: Floats) -> tuple[Floats, Floats]:
    """([offset, slopes, own of each topic], how sure each own is), each with a bell-shaped first guess."""
    at, sure = start, pull[3:]
    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(at[:3] @ rows.columns + at[3 + rows.topic], -30, 30)))
        off, bend = rows.weights * (rows.shares - chance), rows.weights * chance * (1 - chance)
        slopes = np.concatenate([rows.columns @ off, np.bincount(rows.topic, off, rows.topics)])
        step, sure = _solve(rows, bend, pull, slopes - pull * (at - guess))
        at = at + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return at, sure**-0.5


def _solve(rows: _Rows, bend: Floats, pull: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """Newton's step: the second derivative is dense for the common numbers, diagonal for the topics' own. And the latter."""
    own = np.bincount(rows.topic, bend, rows.topics) + pull[3:]
    cross = np.stack([np.bincount(rows.topic, bend * column, rows.topics) for column in rows.columns])
    shared = (rows.columns * bend) @ rows.columns.T + np.diag(pull[:3])
    common = np.linalg.solve(shared - (cross / own) @ cross.T, wanted[:3] - (cross / own) @ wanted[3:])
    return np.concatenate([common, (wanted[3:] - common @ cross) / own]), own


# --- may it be shown? -------------------------------------------------------------------------------------------------


def _held_out(texts: Sequence[LabelledText]) -> list[float]:
    """Each text's probability by a curve that was fitted without it."""
    fold = _folds(texts)
    out = [0.0] * len(texts)
    for number in range(CALIBRATION_FOLDS):
        curve = fit([each for each, of in zip(texts, fold, strict=True) if of != number])
        for at, (each, of) in enumerate(zip(texts, fold, strict=True)):
            if of == number:
                out[at] = curve.probability(each.topic, each.margin)
    return out


def _folds(texts: Sequence[LabelledText]) -> list[int]:
    """Each topic's verdicts of each kind dealt out evenly."""
    order = sorted(range(len(texts)), key=lambda at: (texts[at].topic, texts[at].share, texts[at].margin, at))
    fold = [0] * len(texts)
    for number, at in enumerate(order):
        fold[at] = number % CALIBRATION_FOLDS
    return fold


def topics_left_out(texts: Sequence[LabelledText]) -> list[Forecast]:
    """What a curve fitted on other topics says of each text: how right a percentage is for a topic it has never seen. Up to ten
    topics are left out one by one, more in ten groups."""
    group = {name: at % CALIBRATION_GROUPS for at, name in enumerate(sorted({each.topic for each in texts}))}
    curves = [fit([each for each in texts if group[each.topic] != left_out]) for left_out in range(CALIBRATION_GROUPS)]
    return [Forecast(curves[group[each.topic]].probability(each.topic, each.margin), each.share) for each in texts]


def _standing(rows: Sequence[tuple[LabelledText, float]]) -> TopicCalibration:
    texts = [each for each, _ in rows]
    confirmed = sum(each.share for each in texts)
    forecasts = [Forecast(probability, each.share) for each, probability in rows]
    reliability = measure(forecasts)
    return TopicCalibration(
        texts=len(texts),
        confirmed=confirmed,
        contradicted=sum(0 < each.share < 1 for each in texts),
        measured=measured(texts),
        reliability=reliability,
        why_not=_too_few(len(texts), confirmed) or _at_odds(forecasts, reliability),
    )


def measured(texts: Iterable[LabelledText]) -> MeasuredPrecision | None:
    """How often matches were right; None where no match was judged."""
    shares = [each.share for each in texts if each.is_match]
    if not shares:
        return None
    low, high = wilson(sum(shares), len(shares))
    return MeasuredPrecision(confirmed=round(sum(shares)), judged=len(shares), low=low, high=high)


def _too_few(texts: int, confirmed: float) -> str:
    if texts < CALIBRATION_VERDICTS:
        return f"{texts} of the {CALIBRATION_VERDICTS} verdicts it takes"
    if confirmed < CALIBRATION_OF_EACH:
        return f"nearly all of its {texts} verdicts are dismissals; it takes {CALIBRATION_OF_EACH} of each kind"
    if texts - confirmed < CALIBRATION_OF_EACH:
        return f"nearly all of its {texts} verdicts are confirmations; it takes {CALIBRATION_OF_EACH} of each kind"
    return ""


def _at_odds(forecasts: Sequence[Forecast], reliability: Reliability | None) -> str:
    """Whether held-out probabilities miss the verdicts by more than chance would (Spiegelhalter's test), or help nobody."""
    spread = math.sqrt(sum(each.probability * (1 - each.probability) for each in forecasts))
    off = sum(each.share - each.probability for each in forecasts)
    slant = sum((each.share - each.probability) * (1 - 2 * each.probability) for each in forecasts)
    wide = math.sqrt(
        sum((1 - 2 * each.probability) ** 2 * each.probability * (1 - each.probability) for each in forecasts)
    )
    if abs(off) > CALIBRATION_SIGMAS * spread or (wide > 0 and abs(slant) > CALIBRATION_SIGMAS * wide):
        return (
            "its verdicts do not follow its scores: more verdicts, or seeds that say better what is wanted, will help"
        )
    if reliability and reliability.brier > CALIBRATION_WORSE * reliability.brier_of_base_rate:
        return "its scores do not tell the confirmed from the dismissed: look at seeds and verdicts"
    return ""
