"""Measure the quality of topics, by the verdicts in the store or by given labels; every figure with its uncertainty.

Reads only. By verdicts: precision is taken over judged matches (copies of a text count once), recall is estimated from judged
near misses, and probabilities are compared with verdicts that they were not fitted to. By labels: the matcher runs over the
articles as in a backtest, and the probabilities of each topic come from a curve fitted to the other topics.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from monitor.evaluation import recall
from monitor.evaluation.backtest import Line, replay
from monitor.evaluation.recall import Band, Recall
from monitor.learning import training
from monitor.matching.calibration import Calibration, LabelledText, held_out_topic_forecasts
from monitor.matching.margins import margin, stratum
from monitor.matching.matcher import Matcher
from monitor.matching.near_misses import is_asked_at_random
from monitor.matching.reliability import Reliability, measure, wilson
from monitor.matching.tuning import NEAR_MISS_BANDS
from monitor.store import archive, near_misses, topics
from monitor.store.db import Session
from monitor.store.near_misses import NearMissSample
from monitor.text.tokens import some_of
from monitor.types.matching import Topic

_FURTHEST_BELOW = math.log(NEAR_MISS_BANDS[0])
_FAR = math.log(0.1)


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
        self.matches = archive.matches_by_topic(session)
        self.strata = archive.matches_by_stratum(session)
        self.alerts = archive.alerts_by_topic(session)
        self.near = near_misses.seen(session)
        self.kept = near_misses.samples(session)
        self.first_at, self.last_at = archive.article_span(session)
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


# --- by labels --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFigures:
    """Figures of one topic by labels, or the mean over topics (`topic` is '')."""

    topic: str
    labelled: int
    wanted: int
    matches: int
    """Among the labelled articles."""
    precision: float | None
    precision_low: float
    precision_high: float
    recall: float | None
    recall_low: float
    recall_high: float
    f1: float | None
    average_precision: float | None
    false_alerts: int
    false_alerts_a_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFigures:
    """Figures by labels."""

    articles: int
    days: float
    is_closed: bool
    topics: tuple[LabelFigures, ...]
    mean: LabelFigures
    reliability: Reliability | None
    """Of the probabilities of matches, each topic's by a curve fitted to the other topics."""
    reliability_near: Reliability | None
    """The same, near misses included."""
    unknown_ids: tuple[str, ...] = ()
    """Ids with a label but no article."""


Labels = Mapping[tuple[str, str], bool]
"""(id of the article as text, topic) -> whether it is wanted."""


def read_labels(
    lines: Iterable[str], topics: Iterable[str], *, on_bad: Callable[[int, str], None]
) -> dict[tuple[str, str], bool]:
    """Read labels from lines of JSON: {"id": ..., "topic": ..., "relevant": true|false}; a bad line is reported and skipped."""
    known, labels = set(topics), dict[tuple[str, str], bool]()
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            key, is_wanted = _label(raw, known)
            if labels.get(key, is_wanted) is not is_wanted:
                raise ValueError(f"article {key[0]!r} was labelled otherwise for {key[1]!r} by an earlier line")
        except (ValueError, RecursionError) as error:
            on_bad(number, str(error))
            continue
        labels[key] = is_wanted
    return labels


def _label(raw: str, topics: set[str]) -> tuple[tuple[str, str], bool]:
    try:
        fields = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    id, topic, is_wanted = fields.get("id"), fields.get("topic"), fields.get("relevant")
    if not isinstance(id, str | int) or isinstance(id, bool):
        raise ValueError('needs an "id", a string or a number')
    if not isinstance(topic, str):
        raise ValueError('needs a "topic", the name of a folder of seeds')
    if topic not in topics:
        raise ValueError(f"there is no topic {topic[:40]!r} among the seeds ({some_of(sorted(topics))})")
    if not isinstance(is_wanted, bool):
        raise ValueError('"relevant" must be true or false')
    return (str(id), topic), is_wanted


@dataclass(slots=True)
class _LabelTally:
    """Counts of one topic over the labelled articles."""

    margins: list[tuple[float, bool, bool]] = field(default_factory=list)
    """(margin, is match, is wanted) of each."""
    far: int = 0
    """Unwanted articles so far below the threshold that only their number matters."""
    false_alerts: int = 0


def by_labels(
    lines: Iterable[Line], matcher: Matcher, topics: Sequence[Topic], labels: Labels, *, is_closed: bool
) -> LabelledFigures:
    """Run the matcher over the articles and compare its answers with the labels. With `is_closed`, articles without a label
    are unwanted."""
    tallies = {topic.name: _LabelTally() for topic in topics if topic.is_enabled}
    articles, first_at, last_at = 0, None, None
    unknown = dict.fromkeys(id for id, _ in labels)
    for each in replay(lines, matcher, topics):
        articles += 1
        unknown.pop(str(each.line.id), None)
        at = each.line.article.seen_at
        first_at, last_at = min(first_at or at, at), max(last_at or at, at)
        alerts = set(each.filed.decision.alerting_topics)
        for score in each.scores:
            is_wanted = labels.get((str(each.line.id), score.topic), False if is_closed else None)
            if is_wanted is None:
                continue
            is_match = score.is_match and not score.blocked
            where = -math.inf if score.blocked else margin(score.score, score.threshold, score.factor)
            tally = tallies[score.topic]
            if where < _FAR and not is_wanted:
                tally.far += 1
                continue
            tally.margins.append((where, is_match, is_wanted))
            tally.false_alerts += score.topic in alerts and not is_wanted
    days = max(1.0, (last_at - first_at).total_seconds() / 86_400) if first_at and last_at else 1.0
    found = tuple(_of_labels(name, tally, days) for name, tally in tallies.items())
    texts = [
        LabelledText(name, where, float(is_wanted), 1.0, is_match)
        for name, tally in tallies.items()
        for where, is_match, is_wanted in tally.margins
        if where >= _FURTHEST_BELOW
    ]
    forecasts = held_out_topic_forecasts(texts) if len({each.topic for each in texts}) > 1 else []
    of_matches = [forecast for each, forecast in zip(texts, forecasts, strict=False) if each.is_match]
    return LabelledFigures(
        articles=articles,
        days=days,
        is_closed=is_closed,
        topics=found,
        mean=_mean(found),
        reliability=measure(of_matches),
        reliability_near=measure(forecasts),
        unknown_ids=tuple(unknown),
    )


def _of_labels(name: str, tally: _LabelTally, days: float) -> LabelFigures:
    right = sum(is_match and is_wanted for _, is_match, is_wanted in tally.margins)
    matches = sum(is_match for _, is_match, _ in tally.margins)
    wanted = sum(is_wanted for _, _, is_wanted in tally.margins)
    precision, recalled = wilson(right, matches), wilson(right, wanted)
    return LabelFigures(
        topic=name,
        labelled=len(tally.margins) + tally.far,
        wanted=wanted,
        matches=matches,
        precision=right / matches if matches else None,
        precision_low=precision[0],
        precision_high=precision[1],
        recall=right / wanted if wanted else None,
        recall_low=recalled[0],
        recall_high=recalled[1],
        f1=2 * right / (matches + wanted) if wanted else None,
        average_precision=_average_precision(tally),
        false_alerts=tally.false_alerts,
        false_alerts_a_day=tally.false_alerts / days,
    )


def _average_precision(tally: _LabelTally) -> float | None:
    """Mean precision at each wanted article, ranked by margin; at equal margins the unwanted come first."""
    found, total = 0, 0.0
    for rank, (where, _, is_wanted) in enumerate(sorted(tally.margins, key=lambda each: (-each[0], each[2])), 1):
        if is_wanted:
            found += 1
            total += found / (rank + (tally.far if where < _FAR else 0))
    return total / found if found else None


def _mean(found: Sequence[LabelFigures]) -> LabelFigures:
    """Average the figures over the topics that have them; add up the counts."""

    def mean(values: Iterable[float | None]) -> float | None:
        known = [each for each in values if each is not None]
        return sum(known) / len(known) if known else None

    with_wanted = [each for each in found if each.wanted]
    return LabelFigures(
        topic="",
        labelled=sum(each.labelled for each in found),
        wanted=sum(each.wanted for each in found),
        matches=sum(each.matches for each in found),
        # a topic without any match has no precision of its own: it counts as 0
        precision=mean(each.precision or 0.0 for each in with_wanted),
        precision_low=mean(each.precision_low for each in with_wanted) or 0.0,
        precision_high=mean(each.precision_high for each in with_wanted) or 0.0,
        recall=mean(each.recall for each in with_wanted),
        recall_low=mean(each.recall_low for each in with_wanted) or 0.0,
        recall_high=mean(each.recall_high for each in with_wanted) or 0.0,
        f1=mean(each.f1 for each in with_wanted),
        average_precision=mean(each.average_precision for each in with_wanted),
        false_alerts=sum(each.false_alerts for each in found),
        false_alerts_a_day=mean(each.false_alerts_a_day for each in found) or 0.0,
    )
