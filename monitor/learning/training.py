"""What the store can teach the matcher: verdicts, what the topics followed by themselves, ordinary articles. Reads only.

The daemon, a backtest and `explain` all learn here, so all of them score alike from the same store.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from monitor.matching import sensitivity as intent
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
    FULL_LESSON_FROM,
    LEAST_FACTOR,
    LESSON_WINDOW,
    SELF_TRAINING_KEPT,
)
from monitor.store import archive, topics, verdicts, versions
from monitor.store.db import Session
from monitor.types.matching import Topic

_PROSPECTS = 200


def learned(session: Session, wanted: Sequence[Topic]) -> Matcher:
    """The model of these topics with all that the store knows."""
    return _learned(session, wanted, background(session))


def _learned(session: Session, wanted: Sequence[Topic], ordinary: Background) -> Matcher:
    names = [each.name for each in wanted]
    odds, examples = calibration(session), verdicts.examples(session, names)
    # copies teach once, so ask for more rows than are learned from
    hits = topics.hits(session, names, at_least=FULL_LESSON_FROM, limit_each=2 * SELF_TRAINING_KEPT)

    spare = _spare(session, names)

    def model(of: Sequence[Topic], factors: Mapping[str, float]) -> Matcher:
        return build(
            of, background=ordinary, examples=examples, hits=hits, calibration=odds, factors=factors, spare=spare
        )

    asking = [each for each in wanted if _asks(each)]
    archives = seen(session, asking, lambda of: model(of, {}))
    decided = {each.name: intent.decide(each.sensitivity, each.name, archives[each.name], odds) for each in asking}
    return model(wanted, {name: each.factor for name, each in decided.items()})


def _spare(session: Session, names: Sequence[str]) -> dict[str, int]:
    """How many partial lessons each topic may take until the archive's next mark."""
    seen = last_mark(session)
    taken = topics.lessons_since(session, seen - LESSON_WINDOW)
    return {name: allowance(seen, taken[name]) for name in names}


def _asks(topic: Topic) -> bool:
    """Whether its threshold follows the archive or the verdicts."""
    return topic.is_enabled and topic.sensitivity not in intent.WORDS


def seen(
    session: Session, of: Sequence[Topic], model: Callable[[Sequence[Topic]], Matcher]
) -> dict[str, ScoredArchive]:
    """What came near each topic as far as the archive's last mark: by its own rows, or, where it is followed for less than a
    day, by scoring the latest articles with `model`."""
    up_to = last_mark(session)
    found = {each.name: archive.arrivals(session, each.name, up_to=up_to) for each in of}
    new = [each for each in of if each.is_enabled and not found[each.name].days]
    limits = {"limit": ARCHIVE_ARTICLES, "characters": ARCHIVE_CHARACTERS}
    rows, days = archive.fresh(session, up_to=up_to, **limits) if new else ([], 0.0)
    if rows:
        matcher = model(new)
        scores = [(row, matcher.score(row.title, row.text, row.language)) for row in rows]
        for at, topic in enumerate(new):
            margins = ((row, margin(each[at].score, each[at].threshold, each[at].factor)) for row, each in scores)
            near = [(row, where) for row, where in margins if where >= math.log(LEAST_FACTOR)]
            found[topic.name] = archive.scored(near, days)
    return found


def setting(session: Session, topic: Topic, wanted: Sequence[Topic]) -> tuple[AppliedSensitivity, ScoredArchive]:
    """What the sensitivity of one of these topics comes to, and what came near it until now. As `learned` has it."""
    matcher = learned(session, wanted)
    came = seen(session, [topic], lambda of: Matcher([matcher.model(each.name) for each in of], matcher.background))
    odds = matcher.calibration
    return intent.decide(topic.sensitivity, topic.name, came[topic.name], odds), came[topic.name]


@dataclass(frozen=True, slots=True)
class SensitivityForecast:
    """What a topic asks for, and what it will cost."""

    topic: str
    sensitivity: str
    setting: AppliedSensitivity
    cost: SensitivityCost | None
    """None where it has been followed for less than a day."""


def prospects(session: Session, odds: Calibration) -> list[SensitivityForecast]:
    """Of every topic that is on (of very many the first), by its own rows: no model is built."""
    up_to, found = last_mark(session), []
    for name, asked in versions.sensitivities(session, limit=_PROSPECTS).items():
        came = archive.arrivals(session, name, up_to=up_to)
        setting = intent.decide(asked, name, came, odds)
        in_force = (each for each in sensitivity_costs(asked, setting, came) if each.is_in_force)
        found.append(SensitivityForecast(name, asked, setting, next(in_force, None)))
    return found


def relearned(session: Session, wanted: Sequence[Topic], before: Matcher, stale: Collection[str]) -> Matcher:
    """The same for less: only the models of `stale` topics are made anew, on the background of `before`; those of the others are
    taken from there, with all they have learned."""
    known = {each.name for each in before.topics}
    stale = {*stale, *(each.name for each in wanted if _asks(each) or each.name not in known)}
    changed = [each for each in wanted if each.is_enabled and each.name in stale]
    fresh = _learned(session, changed, before.background)
    return before.with_topics(wanted, fresh)


def calibration(session: Session) -> Calibration:
    """How likely a match is wanted, by all verdicts that stand."""
    return calibrate(archive.verdicts(session))


def background(session: Session) -> Background:
    """What is ordinary by this archive, as of its last mark."""
    up_to = last_mark(session)
    if not up_to:
        return Background.shipped()
    found = archive.sample(session, up_to=up_to, limit=ARCHIVE_ARTICLES, characters=ARCHIVE_CHARACTERS)
    return Background.shipped().with_documents(found)


def last_mark(session: Session) -> int:
    """The mark that the archive has reached; where it changes, the matcher is built anew."""
    return mark(archive.newest(session))
