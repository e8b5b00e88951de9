"""A matcher that learns from what it scores: its topics are trained on their own matches before the next article."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from monitor.matching.matcher import Matcher
from monitor.types.matching import Example, Score, Topic


class Tracker:
    """A matcher whose topics are trained on their own matches (monitor.matching.self_training) before it scores the next article.

    Thread-safe. What it has learned is in the store as well (table lessons), so a restart loses nothing.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self._unstored: deque[Example] = deque(maxlen=100)
        self._stored: deque[Example] = deque(maxlen=100)
        self._lock = threading.Lock()

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The topics in force."""
        return self.matcher.topics

    def begin_rebuild(self) -> None:
        """Call before a new matcher is built from the store: examples stored so far will be read from there."""
        with self._lock:
            self._stored.clear()

    def finish_rebuild(self, matcher: Matcher) -> None:
        """Continue with a newly built matcher, and with the examples learned or stored since `begin_rebuild`. Earlier ones are not
        added again: those that a busy topic has dropped would return as its newest examples, and a restart would give another
        model."""
        with self._lock:
            self.matcher = matcher.with_training([*self._stored, *self._unstored])

    def mark_stored(self, title: str, text: str, language: str, scores: Iterable[Score]) -> None:
        """Mark the self-training examples of these scores as written to the store."""
        examples = [_training_example(each, title, text, language) for each in scores if each.self_training_weight]
        if examples:
            with self._lock:
                self._discard_unstored(examples)
                self._stored.extend(examples)

    def learn(self, title: str, text: str, language: str, scores: Iterable[Score]) -> tuple[Score, ...]:
        """Train the topics on an article that was just scored and is not stored yet; the scores, with weight 0 where it added
        nothing."""
        with self._lock:
            return tuple(
                self._train(each, title, text, language) if each.self_training_weight else each for each in scores
            )

    def train(self, title: str, text: str, language: str, scores: Iterable[Score]) -> None:
        """Train the topics on an article that was scored without training them, and that is in the store."""
        examples = [_training_example(each, title, text, language) for each in scores if each.self_training_weight]
        with self._lock:
            self.matcher = self.matcher.with_training(examples)
            self._stored.extend(examples)

    def undo_unstored(self, before: Matcher) -> None:
        """Be `before` again, to the last bit, where anything was learned since that was not stored."""
        with self._lock:
            if self._unstored:
                self.matcher = before
                self._unstored.clear()

    def _discard_unstored(self, examples: Sequence[Example]) -> None:
        kept = [each for each in self._unstored if each not in examples]
        self._unstored = deque(kept, maxlen=self._unstored.maxlen)

    def _train(self, score: Score, title: str, text: str, language: str) -> Score:
        """The score, after its topic was trained on the article; with weight 0 if the article added nothing."""
        example = _training_example(score, title, text, language)
        found = self.matcher.with_training([example])
        if found is self.matcher:
            return replace(score, self_training_weight=0.0)
        self._unstored.append(example)
        self.matcher = found
        return score


def _training_example(score: Score, title: str, text: str, language: str) -> Example:
    return Example(
        topic=score.topic,
        title=title,
        text=text,
        language=language,
        is_relevant=True,
        weight=score.self_training_weight,
    )
