"""Build the matcher from the store: verdicts, self-training examples, background, calibration and sensitivities. Read-only.

Used by the daemon, backtests and `explain`, so all three give the same scores for the same store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.matching import sensitivity
from monitor.matching.alert_rate import SensitivityCost, sensitivity_costs
from monitor.matching.background import Background, mark
from monitor.matching.calibration import Calibration, calibrate
from monitor.matching.margins import margin
from monitor.matching.matcher import Matcher, build
from monitor.matching.self_training import allowance
from monitor.matching.sensitivity import AppliedSensitivity, ScoredArchive
from monitor.matching.tuning import (
    ARCHIVE_ARTICLES,
    ARCHIVE_CHARACTERS,
    MIN_FACTOR,
    SELF_TRAINING_KEPT,
    SELF_TRAINING_WINDOW,
)
from monitor.store import archive, topics, verdicts, versions
from monitor.store.db import Session
from monitor.types.matching import Topic

MAX_FORECASTS = 200


def build_matcher(session: Session, wanted: Sequence[Topic]) -> Matcher:
    """The matcher of these topics, trained on all that is stored."""
    return _build(session, wanted, background(session))


def _build(session: Session, wanted: Sequence[Topic], ordinary: Background) -> Matcher:
    names = [each.name for each in wanted]
    fitted, reviewed = calibration(session), verdicts.examples(session, names)
    # copies count once, so ask for more rows than are used
    without_sentence = [each.name for each in wanted if not each.description.strip()]
    trained = topics.self_training_examples(session, without_sentence, limit_each=2 * SELF_TRAINING_KEPT)

    quotas = _remaining_quotas(session, names)

    def model(of: Sequence[Topic], factors: Mapping[str, float]) -> Matcher:
        return build(
            of,
            background=ordinary,
            examples=reviewed,
            self_trained=trained,
            calibration=fitted,
            factors=factors,
            quotas=quotas,
        )

    tuned = [each for each in wanted if _is_adaptive(each)]
    archives = archive_scores(session, tuned, lambda of: model(of, {}))
    decided = {
        each.name: sensitivity.decide(each.sensitivity, each.name, archives[each.name], fitted) for each in tuned
    }
    return model(wanted, {name: each.factor for name, each in decided.items()})


def _remaining_quotas(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Partial self-training examples that each topic may still take until the archive's next mark."""
    seen = last_mark(session)
    taken = topics.partial_examples_since(session, seen - SELF_TRAINING_WINDOW)
    return {name: allowance(seen, taken[name]) for name in names}


def _is_adaptive(topic: Topic) -> bool:
    """Whether its threshold depends on the archive or on verdicts."""
    return topic.is_enabled and topic.sensitivity not in sensitivity.WORDS


def archive_scores(
    session: Session, of: Sequence[Topic], model: Callable[[Sequence[Topic]], Matcher]
) -> dict[str, ScoredArchive]:
    """Scores near each topic's threshold up to the archive's last mark: stored ones or, for a topic without a full day of them,
    those of the latest articles, computed with `model`."""
    up_to = last_mark(session)
    archives = {each.name: archive.scored_arrivals(session, each.name, up_to=up_to) for each in of}
    new = [each for each in of if each.is_enabled and not archives[each.name].days]
    limits = {"limit": ARCHIVE_ARTICLES, "characters": ARCHIVE_CHARACTERS}
    rows, days = archive.fresh_articles(session, up_to=up_to, **limits) if new else ([], 0.0)
    if rows:
        matcher = model(new)
        scores = [(row, matcher.score(row.title, row.text, row.language)) for row in rows]
        for at, topic in enumerate(new):
            margins = ((row, margin(each[at].score, each[at].threshold, each[at].factor)) for row, each in scores)
            near = [(row, where) for row, where in margins if where >= math.log(MIN_FACTOR)]
            archives[topic.name] = archive.scored_archive(near, days)
    return archives


def applied_sensitivity(
    session: Session, topic: Topic, wanted: Sequence[Topic]
) -> tuple[AppliedSensitivity, ScoredArchive]:
    """The applied sensitivity of `topic`, one of `wanted`, and the archive scores behind it, as in `build_matcher`."""
    matcher = build_matcher(session, wanted)
    scored = archive_scores(
        session, [topic], lambda of: Matcher([matcher.model(each.name) for each in of], matcher.background)
    )
    fitted = matcher.calibration
    return sensitivity.decide(topic.sensitivity, topic.name, scored[topic.name], fitted), scored[topic.name]


@dataclass(frozen=True, slots=True)
class SensitivityForecast:
    """What a topic's sensitivity comes to, and the alerts it will cause."""

    topic: str
    sensitivity: str
    setting: AppliedSensitivity
    cost: SensitivityCost | None
    """None if the topic has been followed for less than a day."""


def sensitivity_forecasts(session: Session, fitted: Calibration) -> list[SensitivityForecast]:
    """Forecasts for all enabled topics (at most MAX_FORECASTS), from stored scores: no model is built."""
    up_to, found = last_mark(session), []
    for name, asked in versions.sensitivities(session, limit=MAX_FORECASTS).items():
        scored = archive.scored_arrivals(session, name, up_to=up_to)
        setting = sensitivity.decide(asked, name, scored, fitted)
        in_force = (each for each in sensitivity_costs(asked, setting, scored) if each.is_in_force)
        found.append(SensitivityForecast(name, asked, setting, next(in_force, None)))
    return found


def rebuild_matcher(session: Session, wanted: Sequence[Topic], before: Matcher, stale: Collection[str]) -> Matcher:
    """As `build_matcher`, but only the models of `stale` topics are rebuilt, on the background of `before`; others are from
    `before` as they are, with their self-training."""
    known = {each.name for each in before.topics}
    stale = {*stale, *(each.name for each in wanted if _is_adaptive(each) or each.name not in known)}
    changed = [each for each in wanted if each.is_enabled and each.name in stale]
    fresh = _build(session, changed, before.background)
    return before.with_topics(wanted, fresh)


def calibration(session: Session) -> Calibration:
    """The calibration from all verdicts in force."""
    return calibrate(archive.verdicts(session))


def background(session: Session) -> Background:
    """The background statistics of the archive, as of its last mark."""
    up_to = last_mark(session)
    if not up_to:
        return Background.shipped()
    found = archive.sample(session, up_to=up_to, limit=ARCHIVE_ARTICLES, characters=ARCHIVE_CHARACTERS)
    return Background.shipped().with_documents(found)


def last_mark(session: Session) -> int:
    """The mark that the archive has reached; when it changes, the matcher is rebuilt."""
    return mark(archive.latest_id(session))
