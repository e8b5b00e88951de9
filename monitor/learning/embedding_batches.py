"""How many texts go into one call of the embedder. Pure but for what `Pace` has seen.

A call should be long enough to be worth its overhead, short enough that callers take turns, and far from the limit at which the
embedder's process is killed. So its size follows the time that earlier calls took.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_TEXTS = 32
"""In a call. More gain nothing: a batch of 32 keeps a core busy, and a text that fails takes the others with it."""
FIRST_TEXTS = 8
"""In a call before any was timed: also a machine ten times slower than ours ends it within the limit."""
CALL_SECONDS = 1.0
"""What a call is to take: a poll that waits for its turn then has half of its two seconds left (`multilingual.POLL_EMBEDS_FOR`)."""
LIMIT_SHARE = 0.125
"""The most of `embedding.limit_seconds` that a call is to take, so that one that takes eight times as long still ends."""
SECONDS_PER_CHARACTER = 85e-3 / 400
"""Assumed before the first measurement: 85 ms for 60 words on one core of x86-64 (docs/matching.md)."""
_OVERHEAD = 40
"""Characters that a text costs beyond its own."""
_INERTIA = 0.7
"""The share of the former estimate that a further call leaves."""


class Pace:
    """How long an embedder takes, from the calls so far."""

    def __init__(self) -> None:
        self.seconds_per_character = SECONDS_PER_CHARACTER
        self._calls = 0

    @property
    def is_measured(self) -> bool:
        """Whether a call was timed."""
        return self._calls > 1

    def note(self, texts: Sequence[str], seconds: float) -> None:
        """A call with these texts took so long. The first one counts for nothing: it loaded the model."""
        self._calls += 1
        if not self.is_measured:
            return
        found = seconds / sum(map(_cost, texts))
        share = 0.0 if self._calls == 2 else _INERTIA
        self.seconds_per_character = share * self.seconds_per_character + (1 - share) * found

    def seconds_for(self, texts: Sequence[str]) -> float:
        """How long these texts will take, about."""
        return self.seconds_per_character * sum(map(_cost, texts))


def next_batch(waiting: Sequence[str], pace: Pace, *, seconds_left: float, limit_seconds: float) -> list[str]:
    """The texts of the next call, from the front of `waiting`, which is sorted by length; none where not even one would be ready
    in time."""
    room = min(CALL_SECONDS, LIMIT_SHARE * limit_seconds)
    if waiting and pace.is_measured and pace.seconds_for(waiting[:1]) > seconds_left:
        return []
    count = MAX_TEXTS if pace.is_measured else FIRST_TEXTS
    while count > 1 and pace.seconds_for(waiting[:count]) > min(room, seconds_left):
        count -= 1
    return list(waiting[:count])


def _cost(text: str) -> int:
    return len(text) + _OVERHEAD
