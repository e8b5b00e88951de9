"""What a topic learned from its owner's answers: a correction of its score by meaning, and what to ask next. Pure.

The score without answers is the prior: nothing changes until somebody answers. A confirmed article raises what is similar to it, a
dismissed one lowers it, each by as much as the score was wrong there. This is a linear model with a Gaussian prior on its weights,
fitted by logistic likelihood (maximum a posteriori), in the form that needs one number for each answer: the kernel below says how
far an answer on one article holds for another. What all articles near the topic share, its own direction, is taken out of the
kernel: otherwise a few confirmed articles would raise the whole subject (docs/matching.md, "Answers").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.matching.embedders import EmbeddingVector
from monitor.matching.embedding_space import unit
from monitor.matching.tuning import (
    ANSWER_LEVEL,
    ANSWER_SPREAD,
    ANSWERS_BIAS,
    ANSWERS_CORRECTION_MAX,
    ANSWERS_LINEAR,
    ANSWERS_LOCAL,
    ANSWERS_RISE,
    ANSWERS_ROUNDS,
    ANSWERS_SETTLED,
    ASK_AT,
    ASK_AT_RANDOM_FROM,
    ASK_CANDIDATES,
    ASK_HALF_LIFE_DAYS,
    ASK_SPREAD,
    DISMISSED_FOR_FULL_RISE,
    LOG_ODDS_MAX,
    MAX_VERDICT_WEIGHT,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answer:
    """An article that a person confirmed or dismissed."""

    vector: EmbeddingVector
    """Placed, of unit length."""
    share: float
    """Share of the topic's balanced threshold that it reached when it was decided on."""
    is_relevant: bool


@dataclass(frozen=True, slots=True)
class AnswerModel:
    """What one topic's answers say of other articles."""

    towards: Floats
    vectors: Floats
    weights: Floats
    """How much each answer contradicted the score: positive for confirmed articles, negative for dismissed ones."""
    rise: float
    """Share of what is added that counts: not all before it is known what is unwanted."""

    def correction(self, placed: EmbeddingVector) -> float:
        """What the answers add to the score of an article, as a share of the balanced threshold."""
        found = float((_kernel(placed[None, :], self.vectors, self.towards) @ self.weights)[0])
        found *= self.rise if found > 0 else 1.0
        return min(max(found, -ANSWERS_CORRECTION_MAX), ANSWERS_CORRECTION_MAX)


def learn(answers: Iterable[Answer], towards: EmbeddingVector) -> AnswerModel | None:
    """The model of these answers on a topic whose own direction is `towards`; None without answers."""
    known = list(answers)
    if not known:
        return None
    direction, vectors = unit(towards).astype(np.float64), np.array([each.vector for each in known], np.float64)
    weights, _ = _fit(_kernel(vectors, vectors, direction), _prior(known), _labels(known))
    return AnswerModel(direction, vectors, weights, _rise(known))


def _rise(answers: Sequence[Answer]) -> float:
    """Where hardly anybody has said yet what is unwanted, confirmed articles would raise all that is like them in anything."""
    dismissed = sum(not each.is_relevant for each in answers)
    return ANSWERS_RISE * min((dismissed + 0.5) / (DISMISSED_FOR_FULL_RISE * len(answers)), 1.0)


def _prior(answers: Sequence[Answer]) -> Floats:
    """The log odds that each answer had by its score."""
    return (np.array([each.share for each in answers]) - 1.0) / ANSWER_SPREAD + ANSWER_LEVEL


def _labels(answers: Sequence[Answer]) -> Floats:
    return np.array([float(each.is_relevant) for each in answers])


def _kernel(some: npt.NDArray[Any], others: Floats, towards: Floats) -> Floats:
    """How far an answer on one article holds for another, in squared shares of the threshold."""
    cosines = some.astype(np.float64) @ others.T
    beside = cosines - np.outer(some @ towards, others @ towards)
    local = np.maximum(cosines, 0.0) ** 2
    found: Floats = ANSWERS_BIAS**2 + ANSWERS_LINEAR**2 * beside + ANSWERS_LOCAL**2 * local
    return found


def _fit(kernel: Floats, prior: Floats, labels: Floats) -> tuple[Floats, Floats]:
    """Newton's method: the weight of each answer, and the certainty that it gives (inverse of its variance)."""
    correction = np.zeros(len(labels))
    certainty = correction
    for turn in range(ANSWERS_ROUNDS):
        expected = _probability(prior + correction / ANSWER_SPREAD)
        certainty = expected * (1.0 - expected) / ANSWER_SPREAD**2
        pull = certainty * correction + (labels - expected) / ANSWER_SPREAD
        goal = kernel @ np.linalg.solve(np.eye(len(labels)) + certainty[:, None] * kernel, pull)
        step = goal - correction
        # half steps first: full ones from afar may swing
        correction = correction + (step if turn > ANSWERS_ROUNDS // 2 else step / 2)
        if np.abs(step).max() < ANSWERS_SETTLED:
            break
    expected = _probability(prior + correction / ANSWER_SPREAD)
    return (labels - expected) / ANSWER_SPREAD, expected * (1.0 - expected) / ANSWER_SPREAD**2


def _probability(log_odds: Floats) -> Floats:
    found: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -LOG_ODDS_MAX, LOG_ODDS_MAX)))
    return found


# --- what to ask next ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Question:
    """An article that a person could be asked about."""

    vector: EmbeddingVector
    share: float
    age_days: float
    stands_for: float = 1.0
    """How many like it came: a sampled near miss stands for more than itself."""
    is_random: bool = False
    """Whether it is asked about in no instructive order (near_misses.is_asked_at_random)."""


def order(questions: Sequence[Question], answers: Sequence[Answer] = (), *, limit: int) -> list[int]:
    """Positions of the questions of one topic, the most instructive first; at most `limit`. Once it has some answers, every third
    one is a random one, the latest first."""
    drawn = sorted((at for at, each in enumerate(questions) if each.is_random), key=lambda at: questions[at].age_days)
    taught = _instructive(questions, answers)
    found = list(islice(taught, min(max(ASK_AT_RANDOM_FROM - len(answers), 0), limit)))
    drawn = [at for at in drawn if at not in found]
    others = (at for at in taught if not questions[at].is_random)
    while len(found) < limit:
        is_random_due = (len(answers) + len(found)) % 3 == 2
        at = drawn.pop(0) if drawn and is_random_due else next(others, None)
        at = drawn.pop(0) if at is None and drawn else at
        if at is None:
            break
        found.append(at)
    return found


def _instructive(questions: Sequence[Question], answers: Sequence[Answer]) -> Iterator[int]:
    """Positions of those that teach most; each is found when it is asked for.

    One teaches much if it is in doubt itself and if its answer would move many recent others that are. Each is chosen as if those
    before it were answered, so near repetitions come late. What was not chosen follows in the order given.
    """
    latest = sorted(range(len(questions)), key=lambda at: questions[at].age_days)[:ASK_CANDIDATES]
    asked = [questions[at] for at in latest]
    if not asked:
        return
    state = _Doubt(asked, answers)
    chosen: list[int] = []
    while len(chosen) < len(latest):
        at = state.most_instructive(chosen)
        chosen.append(at)
        yield latest[at]
        state.settle(at)
    known = {latest[at] for at in chosen}
    yield from (at for at in range(len(questions)) if at not in known)


class _Doubt:
    """How uncertain the corrections of some articles are, and how they hang together."""

    def __init__(self, questions: Sequence[Question], answers: Sequence[Answer]) -> None:
        vectors = np.array([each.vector for each in questions], np.float64)
        # the topic's own direction is what the articles near it share
        towards = unit(vectors.sum(axis=0)).astype(np.float64)
        self._covariance = _kernel(vectors, vectors, towards)
        share = np.array([each.share for each in questions])
        if answers:
            share = share + self._learn(vectors, answers, towards)
        age = np.array([each.age_days for each in questions])
        self._recent = 0.5 ** (age / ASK_HALF_LIFE_DAYS)
        self._moved = self._recent * np.minimum([each.stands_for for each in questions], MAX_VERDICT_WEIGHT)
        expected = _probability((share - ASK_AT) / ASK_SPREAD)
        self._open = expected * (1.0 - expected)
        given = _probability((share - 1.0) / ANSWER_SPREAD + ANSWER_LEVEL)
        self._noise = ANSWER_SPREAD**2 / np.maximum(given * (1.0 - given), ANSWERS_SETTLED)

    def _learn(self, vectors: Floats, answers: Sequence[Answer], towards: Floats) -> Floats:
        known = np.array([each.vector for each in answers], np.float64)
        kernel, across = _kernel(known, known, towards), _kernel(vectors, known, towards)
        weights, certainty = _fit(kernel, _prior(answers), _labels(answers))
        held = np.linalg.solve(kernel + np.diag(1.0 / np.maximum(certainty, ANSWERS_SETTLED)), across.T)
        self._covariance = self._covariance - across @ held
        return across @ weights

    def most_instructive(self, but: Sequence[int]) -> int:
        variance = np.maximum(np.diag(self._covariance), 0.0) + (2 * ANSWER_SPREAD) ** 2
        moved = np.abs(self._covariance) @ (self._open * self._moved)
        gain = np.sqrt(self._open) * moved / np.sqrt(variance) * self._recent
        gain[list(but)] = -1.0
        return int(np.argmax(gain))

    def settle(self, at: int) -> None:
        """Take an article as answered: what hangs together with it is less in doubt."""
        row = self._covariance[at].copy()
        self._covariance -= np.outer(row, row) / (row[at] + self._noise[at])
