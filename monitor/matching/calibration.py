"""Probability that an article is wanted, from its margin over the topic's threshold, fitted to verdicts. Pure.

Platt's logistic curve over the margin, fitted on all topics of the instance at once (a mixed model): each topic has its own
offset, shrunk towards the common curve the fewer verdicts it has. The curve never falls with the margin, whatever the verdicts
say. Margins are those of the day the article came, before it was judged, so no margin depends on its own verdict.

A topic shows percentages only once it has enough verdicts of both kinds and its cross-validated probabilities agree with them.
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
    CALIBRATION_MAX_BRIER_RATIO,
    CALIBRATION_MIN_OF_EACH,
    CALIBRATION_MIN_VERDICTS,
    CALIBRATION_SIGMAS,
    CURVE_OFFSET,
    CURVE_OFFSET_SPREAD,
    CURVE_ROUNDS,
    CURVE_SLOPE,
    CURVE_SLOPE_SPREAD,
    MAX_MARGIN,
    MAX_PROBABILITY,
    MAX_VERDICT_WEIGHT,
    MIN_PROBABILITY,
    MIN_SLOPE,
    TOPIC_SPREAD,
    TOPIC_SPREAD_WEIGHT,
)
from monitor.types import digests
from monitor.types.matching import MeasuredPrecision

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LabelledScore:
    """A verdict with the margin the article had when it came."""

    topic: str
    text: str
    """Id of the article's text: copies share it and count once."""
    margin: float
    is_relevant: bool
    weight: float = 1.0
    """Number of articles it represents: 1 for a match, 1 / sampling probability for a near miss."""
    is_match: bool = True


@dataclass(frozen=True, slots=True)
class TopicCalibration:
    """Whether one topic is calibrated, and the figures behind it."""

    texts: int = 0
    confirmed: float = 0.0
    contradicted: int = 0
    """Texts with verdicts of both kinds, on different copies."""
    measured: MeasuredPrecision | None = None
    """Precision of its matches."""
    reliability: Reliability | None = None
    """Of cross-validated probabilities."""
    why_not: str = "no verdicts yet"
    """Why no percentage is shown; '' if it is."""

    @property
    def is_calibrated(self) -> bool:
        """Whether the topic's percentages may be shown."""
        return not self.why_not


@dataclass(frozen=True, slots=True)
class Curve:
    """P(wanted) = E[1 / (1 + exp(-(offset + topic offset + slope * margin)))], over the uncertainty of the topic offset."""

    offset: float = CURVE_OFFSET
    slope: float = CURVE_SLOPE
    """Log odds per unit of margin, above the threshold."""
    slope_below: float = CURVE_SLOPE
    spread: float = TOPIC_SPREAD
    """Standard deviation of topic offsets; the uncertainty of a topic without verdicts."""
    topic_offsets: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By topic: what is added to the offset, and its standard deviation."""

    def probability(self, topic: str, margin: float) -> float:
        """Probability that an article with this margin is wanted. An unknown topic has the mean offset and full uncertainty."""
        if math.isnan(margin):
            return MIN_PROBABILITY
        own, deviation = self.topic_offsets.get(topic, (0.0, self.spread))
        within = min(max(margin, -MAX_MARGIN), MAX_MARGIN)
        slope = self.slope if within > 0 else self.slope_below
        found = 1 / (1 + math.exp(-_flattening(deviation) * (self.offset + own + slope * within)))
        return min(max(found, MIN_PROBABILITY), MAX_PROBABILITY)


def _flattening(deviation: float) -> float:
    """Factor on the log odds that approximates the mean of logistic curves with normal offsets (MacKay 1992)."""
    return 1 / math.sqrt(1 + math.pi * deviation * deviation / 8)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The curve of an instance, and which of its topics are calibrated."""

    curve: Curve = field(default_factory=Curve)
    topics: Mapping[str, TopicCalibration] = field(default_factory=dict)
    unusable_verdicts: int = 0
    """Verdicts whose stored scores are unusable."""
    texts: tuple[LabelledText, ...] = ()

    def probability(self, topic: str, margin: float) -> float | None:
        """None if the topic is not calibrated."""
        return self.curve.probability(topic, margin) if self.of(topic).is_calibrated else None

    def of(self, topic: str) -> TopicCalibration:
        """The topic's calibration; an empty one for a topic without verdicts."""
        return self.topics.get(topic, TopicCalibration())

    @property
    def digest(self) -> str:
        """Changes with everything that a probability depends on; '' if no topic is calibrated."""
        known = sorted(name for name, each in self.topics.items() if each.is_calibrated)
        if not known:
            return ""
        return digests.of_calibration(
            offset=self.curve.offset,
            slope=self.curve.slope,
            slope_below=self.curve.slope_below,
            spread=self.curve.spread,
            offsets=self.curve.topic_offsets,
            calibrated=known,
        )


@dataclass(frozen=True, slots=True)
class LabelledText:
    """All verdicts on one text for one topic."""

    topic: str
    margin: float
    share: float
    """Share of its verdicts that said relevant."""
    weight: float
    is_match: bool


def calibrate(judged: Iterable[LabelledScore]) -> Calibration:
    """Fit the curve to these verdicts and test each topic. Independent of their order."""
    return _calibrate(tuple(judged))


@lru_cache(maxsize=4)
def _calibrate(found: tuple[LabelledScore, ...]) -> Calibration:
    """Cached, because the review page asks for it repeatedly between two verdicts."""
    usable = [each for each in found if _is_usable(each)]
    texts = tuple(_merge_copies(usable))
    if not texts:
        return Calibration(unusable_verdicts=len(found) - len(usable))
    held_out = _held_out_probabilities(texts)
    by_topic: dict[str, list[tuple[LabelledText, float]]] = {}
    for each, probability in zip(texts, held_out, strict=True):
        by_topic.setdefault(each.topic, []).append((each, probability))
    by_name = {topic: _topic_calibration(rows) for topic, rows in by_topic.items()}
    return Calibration(fit(texts), by_name, len(found) - len(usable), texts)


def _is_usable(each: LabelledScore) -> bool:
    return math.isfinite(each.margin) and math.isfinite(each.weight) and each.weight > 0


def _merge_copies(judged: Sequence[LabelledScore]) -> Iterable[LabelledText]:
    """One LabelledText for each topic and text, sorted so that the order of verdicts does not matter."""
    together: dict[tuple[str, str], list[LabelledScore]] = {}
    for each in judged:
        together.setdefault((each.topic, each.text), []).append(each)
    for (topic, _), rows in sorted(together.items()):
        share = sum(each.is_relevant for each in rows) / len(rows)
        is_match = any(each.is_match for each in rows)
        weight = 1.0 if is_match else min(max(each.weight for each in rows), MAX_VERDICT_WEIGHT)
        yield LabelledText(topic, max(each.margin for each in rows), share, weight, is_match)


# --- the curve --------------------------------------------------------------------------------------------------------


def fit(texts: Sequence[LabelledText]) -> Curve:
    """The maximum a posteriori curve and the estimated spread of topic offsets; the prior curve for no texts."""
    if not texts:
        return Curve()
    names = sorted({each.topic for each in texts})
    place = {name: at for at, name in enumerate(names)}
    margins = np.clip(np.array([each.margin for each in texts]), -MAX_MARGIN, MAX_MARGIN)
    rows = _Observations(
        topic=np.array([place[each.topic] for each in texts]),
        columns=np.stack([np.ones(len(texts)), np.maximum(margins, 0), np.minimum(margins, 0)]),
        shares=np.array([each.share for each in texts]),
        weights=np.array([each.weight for each in texts]),
        topics=len(names),
    )
    parameters, deviation, spread = _fit_with_spread(rows)
    offsets = zip(names, zip(parameters[3:].tolist(), deviation.tolist(), strict=True), strict=True)
    return Curve(float(parameters[0]), float(parameters[1]), float(parameters[2]), spread, dict(offsets))


@dataclass(frozen=True, slots=True)
class _Observations:
    """Texts as columns."""

    topic: npt.NDArray[np.int64]
    columns: Floats
    """Regressors: 1, the margin above the threshold, the margin below it."""
    shares: Floats
    weights: Floats
    topics: int


def _fit_with_spread(rows: _Observations) -> tuple[Floats, Floats, float]:
    """Fit curve and spread in turn (EM): ([offset, slopes, topic offsets ...], their standard deviations, spread)."""
    spread = TOPIC_SPREAD
    at = np.array([CURVE_OFFSET, CURVE_SLOPE, CURVE_SLOPE, *[0.0] * rows.topics])
    deviation = np.full(rows.topics, spread)
    for _ in range(CURVE_ROUNDS):
        at, deviation = _fit_monotone(rows, spread, at)
        seen = float((at[3:] ** 2 + deviation**2).sum())
        spread = math.sqrt((TOPIC_SPREAD_WEIGHT * TOPIC_SPREAD**2 + seen) / (TOPIC_SPREAD_WEIGHT + rows.topics))
    return at, deviation, spread


def _fit_monotone(rows: _Observations, spread: float, start: Floats) -> tuple[Floats, Floats]:
    """As `_newton`, with slopes held at MIN_SLOPE where the verdicts contradict the scores: the curve never falls."""
    prior_mean = np.array([CURVE_OFFSET, CURVE_SLOPE, CURVE_SLOPE, *[0.0] * rows.topics])
    prior_precision = np.array(
        [CURVE_OFFSET_SPREAD**-2, CURVE_SLOPE_SPREAD**-2, CURVE_SLOPE_SPREAD**-2, *[spread**-2] * rows.topics]
    )
    found = _newton(rows, prior_mean, prior_precision, start)
    for column in (1, 2, 1):
        if found[0][column] < MIN_SLOPE and prior_precision[column] < 1e9:
            prior_mean[column], prior_precision[column] = MIN_SLOPE, 1e9
            found = _newton(rows, prior_mean, prior_precision, np.where(prior_precision == 1e9, MIN_SLOPE, start))
    found[0][1:3] = np.maximum(found[0][1:3], MIN_SLOPE)
    return found


def _newton(rows: _Observations, prior_mean: Floats, prior_precision: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Newton's method with normal priors: ([offset, slopes, topic offsets ...], the standard deviations of the topic offsets)."""
    at, precision = start, prior_precision[3:]
    for _ in range(60):
        fitted = 1 / (1 + np.exp(-np.clip(at[:3] @ rows.columns + at[3 + rows.topic], -30, 30)))
        residuals, curvature = (rows.weights * (rows.shares - fitted), rows.weights * fitted * (1 - fitted))
        slopes = np.concatenate([rows.columns @ residuals, np.bincount(rows.topic, residuals, rows.topics)])
        step, precision = _newton_step(rows, curvature, prior_precision, slopes - prior_precision * (at - prior_mean))
        at = at + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-9:
            break
    return at, precision**-0.5


def _newton_step(rows: _Observations, curvature: Floats, precision: Floats, wanted: Floats) -> tuple[Floats, Floats]:
    """The step, and the curvature of the topic offsets. The Hessian is dense for the three common parameters and diagonal for
    the topic offsets, so it is solved by its Schur complement."""
    own = np.bincount(rows.topic, curvature, rows.topics) + precision[3:]
    cross = np.stack([np.bincount(rows.topic, curvature * column, rows.topics) for column in rows.columns])
    shared = (rows.columns * curvature) @ rows.columns.T + np.diag(precision[:3])
    common = np.linalg.solve(shared - (cross / own) @ cross.T, wanted[:3] - (cross / own) @ wanted[3:])
    return np.concatenate([common, (wanted[3:] - common @ cross) / own]), own


# --- may it be shown? -------------------------------------------------------------------------------------------------


def _held_out_probabilities(texts: Sequence[LabelledText]) -> list[float]:
    """Cross-validated probability of each text: by a curve fitted on the other folds."""
    fold = _folds(texts)
    out = [0.0] * len(texts)
    for number in range(CALIBRATION_FOLDS):
        curve = fit([each for each, of in zip(texts, fold, strict=True) if of != number])
        for at, (each, of) in enumerate(zip(texts, fold, strict=True)):
            if of == number:
                out[at] = curve.probability(each.topic, each.margin)
    return out


def _folds(texts: Sequence[LabelledText]) -> list[int]:
    """Fold number of each text, stratified by topic and verdict."""
    order = sorted(range(len(texts)), key=lambda at: (texts[at].topic, texts[at].share, texts[at].margin, at))
    fold = [0] * len(texts)
    for number, at in enumerate(order):
        fold[at] = number % CALIBRATION_FOLDS
    return fold


def held_out_topic_forecasts(texts: Sequence[LabelledText]) -> list[Forecast]:
    """Forecast for each text by a curve fitted on other topics: how right percentages are for a topic never seen. Up to ten
    topics are left out one at a time, more in ten groups."""
    group = {name: at % CALIBRATION_GROUPS for at, name in enumerate(sorted({each.topic for each in texts}))}
    curves = [fit([each for each in texts if group[each.topic] != left_out]) for left_out in range(CALIBRATION_GROUPS)]
    return [Forecast(curves[group[each.topic]].probability(each.topic, each.margin), each.share) for each in texts]


def _topic_calibration(rows: Sequence[tuple[LabelledText, float]]) -> TopicCalibration:
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
        why_not=_too_few(len(texts), confirmed) or _misfit(forecasts, reliability),
    )


def measured(texts: Iterable[LabelledText]) -> MeasuredPrecision | None:
    """Precision of matches with its interval; None if no match was judged."""
    shares = [each.share for each in texts if each.is_match]
    if not shares:
        return None
    low, high = wilson(sum(shares), len(shares))
    return MeasuredPrecision(confirmed=round(sum(shares)), judged=len(shares), low=low, high=high)


def _too_few(texts: int, confirmed: float) -> str:
    if texts < CALIBRATION_MIN_VERDICTS:
        return f"{texts} of the {CALIBRATION_MIN_VERDICTS} verdicts it takes"
    if confirmed < CALIBRATION_MIN_OF_EACH:
        return f"nearly all of its {texts} verdicts are dismissals; it takes {CALIBRATION_MIN_OF_EACH} of each kind"
    if texts - confirmed < CALIBRATION_MIN_OF_EACH:
        return f"nearly all of its {texts} verdicts are confirmations; it takes {CALIBRATION_MIN_OF_EACH} of each kind"
    return ""


def _misfit(forecasts: Sequence[Forecast], reliability: Reliability | None) -> str:
    """Why the cross-validated probabilities are unusable: they miss the verdicts by more than chance (Spiegelhalter's test), or
    are worse than the base rate. '' if they are usable."""
    spread = math.sqrt(sum(each.probability * (1 - each.probability) for each in forecasts))
    off = sum(each.share - each.probability for each in forecasts)
    skew = sum((each.share - each.probability) * (1 - 2 * each.probability) for each in forecasts)
    skew_sd = math.sqrt(
        sum((1 - 2 * each.probability) ** 2 * each.probability * (1 - each.probability) for each in forecasts)
    )
    if abs(off) > CALIBRATION_SIGMAS * spread or (skew_sd > 0 and abs(skew) > CALIBRATION_SIGMAS * skew_sd):
        return (
            "its verdicts do not follow its scores: more verdicts, or seeds that say better what is wanted, will help"
        )
    if reliability and reliability.brier > CALIBRATION_MAX_BRIER_RATIO * reliability.brier_of_base_rate:
        return "its scores do not tell the confirmed from the dismissed: look at seeds and verdicts"
    return ""
