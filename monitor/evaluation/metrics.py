"""Measure the quality of topics by the verdicts in the store; every figure with its uncertainty.

Reads only. Precision is taken over judged matches (copies of a text count once), recall is estimated from judged near misses, and
probabilities are compared with verdicts that they were not fitted to.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.evaluation import recall
from monitor.evaluation.recall import Band, Recall
from monitor.learning import training
from monitor.matching.calibration import Calibration, LabelledText, held_out_topic_forecasts
from monitor.matching.margins import stratum
from monitor.matching.near_misses import is_asked_at_random
from monitor.matching.reliability import Reliability, measure, wilson
from monitor.matching.tuning import NEAR_MISS_BANDS
from monitor.store import near_misses, topics
from monitor.store.db import Session
from monitor.store.figures import whole_store
from monitor.store.near_misses import NearMissSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """A share with its 95 % interval; None if nothing was judged."""

    right: float
    judged: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFigures:
    """Figures of one topic, or of all together (`topic` is '')."""

    topic: str
    matches: int
    """Copies left out."""
    alerts: int
    days: float
    """For how long the topic has been matched."""
    precision: Precision
    recall: Recall
    alerts_a_day: float
    false_alerts_a_day: tuple[float, float, float] | None
    """Estimate, lower and upper bound; None if nothing was judged."""
    reliability: Reliability | None
    not_calibrated: str
    """Why no percentage is shown; '' if one is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictFigures:
    """Figures by the verdicts in the store."""

    topics: tuple[TopicFigures, ...]
    overall: TopicFigures
    left_out: int
    """Verdicts whose scores cannot be read."""
    contradicted: int
    """Texts with copies that were judged both ways."""


def by_verdicts(session: Session, *, topic: str = "") -> VerdictFigures:
    """Return the figures of all known topics, or of one."""
    calibration = training.calibration(session)
    counts = _TopicCounts(session)
    names = [name for name in sorted({*counts.topics, *calibration.topics}) if topic in ("", name)]
    figures = tuple(_of_topic(name, calibration, counts) for name in names)
    return VerdictFigures(
        topics=figures,
        overall=_overall(figures, calibration, set(names), counts),
        left_out=calibration.unusable_verdicts,
        contradicted=sum(calibration.of(name).contradicted for name in names),
    )


def of_topic(session: Session, topic: str, calibration: Calibration) -> TopicFigures:
    """The figures of one topic, with a calibration that is at hand."""
    return _of_topic(topic, calibration, _TopicCounts(session))


class _TopicCounts:
    """Counts of all topics, read from the store once."""

    def __init__(self, session: Session) -> None:
        self.matches = whole_store.matches_by_topic(session)
        self.strata = whole_store.matches_by_stratum(session)
        self.alerts = whole_store.alerts_by_topic(session)
        self.near = near_misses.seen(session)
        self.kept = near_misses.samples(session)
        self.first_at, self.last_at = whole_store.article_span(session)
        self.topics = topics.known(session)

    def days(self, topic: str) -> float:
        """Return for how long articles have come since the topic was added, at least one day."""
        if self.first_at is None or self.last_at is None:
            return 1.0
        known = self.topics.get(topic)
        since_at = max(self.first_at, (known and known.added_at) or self.first_at)
        return max(1.0, (self.last_at - since_at).total_seconds() / 86_400)


def _of_topic(name: str, calibration: Calibration, counts: _TopicCounts) -> TopicFigures:
    own = calibration.of(name)
    texts = [each for each in calibration.texts if each.topic == name]
    matches = counts.matches.get(name, 0)
    precision = _precision([each for each in texts if each.is_match], counts.strata)
    bands = _bands(name, counts)
    days, alerts = counts.days(name), counts.alerts.get(name, 0)
    return TopicFigures(
        topic=name,
        matches=matches,
        alerts=alerts,
        days=days,
        precision=precision,
        recall=recall.estimate(
            max(matches, precision.judged), precision.judged, precision.judged * (precision.share or 0.0), bands
        ),
        alerts_a_day=alerts / days,
        false_alerts_a_day=_false_alerts_a_day(alerts / days, precision),
        reliability=own.reliability,
        not_calibrated=own.why_not,
    )


def _overall(
    found: Sequence[TopicFigures], calibration: Calibration, names: set[str], counts: _TopicCounts
) -> TopicFigures:
    texts = [each for each in calibration.texts if each.topic in names]
    precision = _precision([each for each in texts if each.is_match], counts.strata)
    a_day = sum(each.alerts_a_day for each in found)
    calibrated = [each for each in found if not each.not_calibrated]
    return TopicFigures(
        topic="",
        matches=sum(each.matches for each in found),
        alerts=sum(each.alerts for each in found),
        days=max((each.days for each in found), default=1.0),
        precision=precision,
        recall=_pooled([each for each in found if each.recall.value is not None]),
        alerts_a_day=a_day,
        false_alerts_a_day=_false_alerts_a_day(a_day, precision),
        reliability=percentage_reliability(calibration, names),
        not_calibrated="" if calibrated else "no topic is calibrated yet",
    )


def _pooled(found: Sequence[TopicFigures]) -> Recall:
    """Average recall, and the ends of its interval, over the topics where it is known; nothing is assumed about the others."""
    if not found:
        return Recall(why_not="not enough judged yet for any topic")
    known = [each.recall for each in found]
    of = len(known)
    return Recall(
        sum(each.value or 0.0 for each in known) / of,
        sum(each.low for each in known) / of,
        sum(each.high for each in known) / of,
        sum(each.missed for each in known),
        sum(each.judged for each in known),
    )


def percentage_reliability(calibration: Calibration, names: set[str] | None = None) -> Reliability | None:
    """Measure how reliable the percentages on matches are, each topic's by a curve fitted to the other topics; None with fewer
    than two."""
    texts = calibration.texts
    if len({each.topic for each in texts}) < 2:
        return None
    forecasts = held_out_topic_forecasts(texts)
    of_matches = [
        forecast
        for each, forecast in zip(texts, forecasts, strict=True)
        if each.is_match and (names is None or each.topic in names)
    ]
    return measure(of_matches)


def _precision(judged: Sequence[LabelledText], matches: Mapping[tuple[str, int], int]) -> Precision:
    """Precision of all matches, of which these texts were judged. `matches`: their number by topic and stratum.

    Reviewers are asked first about what is near the threshold (review.questions), where fewer are wanted: so each verdict stands
    for the matches of its topic with about its score."""
    right, weights = sum(each.share for each in judged), _weights(judged, matches)
    if not weights:
        return Precision(right=right, judged=0, share=None, low=0.0, high=1.0)
    share = sum(weight * each.share for weight, each in zip(weights, judged, strict=True)) / sum(weights)
    # effective sample size (Kish)
    effective = sum(weights) ** 2 / sum(weight**2 for weight in weights)
    low, high = wilson(share * effective, effective)
    return Precision(right=right, judged=len(judged), share=share, low=low, high=high)


def _weights(judged: Sequence[LabelledText], matches: Mapping[tuple[str, int], int]) -> list[float]:
    """How many matches each of these stands for. Those of a stratum without verdicts count to the nearest that has any."""
    strata = [(each.topic, stratum(math.exp(each.margin))) for each in judged]
    count = Counter(strata)
    stands_for = dict.fromkeys(count, 0)
    for (topic, at), matched in matches.items():
        near = [each for each in count if each[0] == topic]
        if near:
            stands_for[min(near, key=lambda each: (abs(each[1] - at), each[1]))] += matched
    return [max(stands_for[each], count[each]) / count[each] for each in strata]


def _false_alerts_a_day(a_day: float, precision: Precision) -> tuple[float, float, float] | None:
    if precision.share is None:
        return None
    return a_day * (1 - precision.share), a_day * (1 - precision.high), a_day * (1 - precision.low)


def _bands(name: str, counts: _TopicCounts) -> list[Band]:
    kept = counts.kept.get(name, ())
    bands = []
    for band in range(len(NEAR_MISS_BANDS) - 1):
        rows = [each for each in kept if each.band == band and each.sampling_probability > 0]
        came = max(counts.near.get(name, Counter())[band], len(rows))
        drawn = _drawn(rows)
        judged = tuple(
            (1 / each.sampling_probability, bool(each.is_relevant)) for each in drawn if each.is_relevant is not None
        )
        bands.append(Band(came, len(drawn), judged))
    return bands


def _drawn(kept: Sequence[NearMissSample]) -> Sequence[NearMissSample]:
    """Those of a band whose verdicts count for recall: all, where all were judged. Otherwise those about which reviewers are asked
    at random; which of the others were judged depends on what they are about."""
    are_all_judged = all(each.is_relevant is not None for each in kept)
    if are_all_judged:
        return kept
    return [each for each in kept if is_asked_at_random(each.article_id) and not each.is_early]
