"""Measure the quality of topics by given labels; every figure with its uncertainty.

The matcher runs over the articles as in a backtest; the probabilities of each topic come from a curve fitted to the other topics.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from monitor.evaluation.backtest import Line, Replayed, replay
from monitor.matching.calibration import LabelledText, held_out_topic_forecasts
from monitor.matching.margins import margin
from monitor.matching.matcher import Matcher
from monitor.matching.reliability import Reliability, measure, wilson
from monitor.matching.tuning import NEAR_MISS_BANDS
from monitor.text.tokens import some_of
from monitor.types.matching import Topic

_FURTHEST_BELOW = math.log(NEAR_MISS_BANDS[0])
_FAR = math.log(0.1)


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
    articles, first_at, last_at = 0, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    unknown = dict.fromkeys(id for id, _ in labels)
    for each in replay(lines, matcher, topics):
        at, articles = each.line.article.seen_at, articles + 1
        first_at, last_at = min(first_at, at), max(last_at, at)
        unknown.pop(str(each.line.id), None)
        _count(each, tallies, labels, is_closed=is_closed)
    days = max(1.0, (last_at - first_at).total_seconds() / 86_400) if articles else 1.0
    found = tuple(_of_labels(name, tally, days) for name, tally in tallies.items())
    of_matches, near = _reliabilities(tallies)
    return LabelledFigures(
        articles=articles,
        days=days,
        is_closed=is_closed,
        topics=found,
        mean=_mean(found),
        reliability=of_matches,
        reliability_near=near,
        unknown_ids=tuple(unknown),
    )


def _count(replayed: Replayed, tallies: Mapping[str, _LabelTally], labels: Labels, *, is_closed: bool) -> None:
    """Add one article to the tallies of the topics that it has a label for."""
    alerts = set(replayed.filed.decision.alerting_topics)
    for score in replayed.scores:
        is_wanted = labels.get((str(replayed.line.id), score.topic), False if is_closed else None)
        if is_wanted is None:
            continue
        where = -math.inf if score.blocked else margin(score.score, score.threshold, score.factor)
        tally = tallies[score.topic]
        if where < _FAR and not is_wanted:
            tally.far += 1
            continue
        tally.margins.append((where, score.is_match and not score.blocked, is_wanted))
        tally.false_alerts += score.topic in alerts and not is_wanted


def _reliabilities(tallies: Mapping[str, _LabelTally]) -> tuple[Reliability | None, Reliability | None]:
    """How reliable the probabilities of matches are, and those with near misses, each topic's by a curve fitted to the others."""
    texts = [
        LabelledText(name, where, float(is_wanted), 1.0, is_match)
        for name, tally in tallies.items()
        for where, is_match, is_wanted in tally.margins
        if where >= _FURTHEST_BELOW
    ]
    forecasts = held_out_topic_forecasts(texts) if len({each.topic for each in texts}) > 1 else []
    of_matches = [forecast for each, forecast in zip(texts, forecasts, strict=False) if each.is_match]
    return measure(of_matches), measure(forecasts)


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
