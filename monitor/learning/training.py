"""Build the matcher from the store: verdicts, self-training examples, background, calibration and sensitivities. Read-only,
but that word statistics and the models of many topics are kept beside the store (`kept_background`, `kept_models`).

Used by the daemon, backtests and `explain`, so all three give the same scores for the same store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.learning import kept_background, kept_models
from monitor.learning.kept_file import path_beside
from monitor.matching import sensitivity
from monitor.matching.alert_rate import SensitivityCost, sensitivity_costs
from monitor.matching.background import Background, mark
from monitor.matching.calibration import Calibration, calibrate
from monitor.matching.margins import margin
from monitor.matching.matcher import Matcher, build
from monitor.matching.self_training import allowance
from monitor.matching.sensitivity import AppliedSensitivity, ScoredArchive, scored_archive
from monitor.matching.tuning import (
    ARCHIVE_ARTICLES,
    ARCHIVE_CHARACTERS,
    MIN_FACTOR,
    SELF_TRAINING_KEPT,
    SELF_TRAINING_WINDOW,
)
from monitor.store import archive, self_training, vectors, verdicts, versions
from monitor.store.db import Session, path_of
from monitor.types.matching import Score, Topic

MAX_FORECASTS = 200


def build_matcher(session: Session, wanted: Sequence[Topic]) -> Matcher:
    """The matcher of these topics, trained on all that is stored."""
    ordinary, beside = background(session), path_beside(path_of(session), kept_models.SUFFIX)
    known = kept_models.read(beside, topics=len(wanted))
    found = _build(session, wanted, ordinary, known)
    kept_background.keep(ordinary, path_beside(path_of(session), kept_background.SUFFIX))
    kept_models.keep(found.models, known, beside)
    return found


def _build(
    session: Session, wanted: Sequence[Topic], ordinary: Background, known: kept_models.Models | None = None
) -> Matcher:
    names = [each.name for each in wanted]
    fitted, reviewed = calibration(session), verdicts.examples(session, names)
    # copies count once, so ask for more rows than are used; topics with a sentence do not train themselves
    trains = [each.name for each in wanted if not each.description.strip()]
    trained = self_training.examples(session, trains, limit_each=2 * SELF_TRAINING_KEPT)

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
            known=known,
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
    taken = self_training.partial_examples_since(session, seen - SELF_TRAINING_WINDOW)
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
    rows, until_at = archive.latest_articles(session, up_to=up_to, **limits) if new else ([], None)
    if rows and until_at:
        matcher = model(new)
        scores = [(row, matcher.score(row.title, row.text, row.language)) for row in rows]
        for at, topic in enumerate(new):
            near = [row.arrival(_margin(each[at])) for row, each in scores if not each[at].blocked]
            near = [each for each in near if each.margin >= math.log(MIN_FACTOR)]
            archives[topic.name] = scored_archive(near, since_at=rows[0].seen_at, until_at=until_at)
    return archives


def _margin(score: Score) -> float:
    return margin(score.score, score.threshold, score.factor)


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
    """What a topic's sensitivity comes to, and the alerts that it and the other sensitivities will cause."""

    topic: str
    sensitivity: str
    setting: AppliedSensitivity
    costs: tuple[SensitivityCost, ...] = ()
    """Empty if the topic has been followed for less than a day."""

    @property
    def cost(self) -> SensitivityCost | None:
        """That of the sensitivity in force."""
        return next((each for each in self.costs if each.is_in_force), None)


def forecast(session: Session, topic: Topic, wanted: Sequence[Topic]) -> SensitivityForecast:
    """The forecast for `topic`, one of `wanted`: from its stored scores, as in `sensitivity_forecasts`. A topic without a day of
    them has that of the latest articles, but not where articles are embedded: scores by words would be others than it will have."""
    setting, scored = applied_sensitivity(session, topic, wanted)
    stored = archive.scored_arrivals(session, topic.name, up_to=archive.latest_id(session))
    known = stored if stored.days or vectors.is_any_article_embedded(session) else scored
    costs = sensitivity_costs(topic.sensitivity, setting, known)
    return SensitivityForecast(topic.name, topic.sensitivity, setting, costs)


def sensitivity_forecasts(session: Session, fitted: Calibration) -> list[SensitivityForecast]:
    """Forecasts for all enabled topics (at most MAX_FORECASTS), from stored scores: no model is built."""
    asked_of = versions.sensitivities(session, limit=MAX_FORECASTS)
    return [stored_forecast(session, name, asked, fitted) for name, asked in asked_of.items()]


def stored_forecast(session: Session, name: str, asked: str, fitted: Calibration) -> SensitivityForecast:
    """The forecast for one topic with this sensitivity, from stored scores."""
    setting = sensitivity.decide(asked, name, archive.scored_arrivals(session, name, up_to=last_mark(session)), fitted)
    stored = archive.scored_arrivals(session, name, up_to=archive.latest_id(session))
    return SensitivityForecast(name, asked, setting, sensitivity_costs(asked, setting, stored))


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
    return kept_background.background(found, path_beside(path_of(session), kept_background.SUFFIX))


def last_mark(session: Session) -> int:
    """The mark that the archive has reached; when it changes, the matcher is rebuilt."""
    return mark(archive.latest_id(session))
