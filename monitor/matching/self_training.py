"""Self-training: which articles a topic learns from before anybody reviews them, and with what weight. Pure.

A match well above the threshold has full weight. An article near the threshold, even slightly below it, has a partial weight,
which lets a topic of one or two seeds adopt the words that its story continues in. Partial examples are limited to one for each
thousand articles in the archive, and to articles that are near the owner's own examples. So a young archive, which cannot yet
tell ordinary words, allows none, and a burst of similar articles cannot make the topic drift. Figures are in docs/matching.md.
"""

from __future__ import annotations

from monitor.matching.tuning import (
    ARTICLES_PER_PARTIAL_EXAMPLE,
    SELF_TRAINING_FULL_FROM,
    SELF_TRAINING_PART_FROM,
    SELF_TRAINING_WINDOW,
)


def weight(share: float) -> float:
    """Weight as an example of an article with this share of the threshold: 0 is none, 1 that of a seed."""
    if share >= SELF_TRAINING_FULL_FROM:
        return 1.0
    return max(0.0, (share - SELF_TRAINING_PART_FROM) / (SELF_TRAINING_FULL_FROM - SELF_TRAINING_PART_FROM))


def allowance(seen: int, lately: int) -> int:
    """How many partial examples a topic may still take: `seen` articles are in the archive, and the topic took `lately` of them
    among the latest SELF_TRAINING_WINDOW."""
    return max(0, min(seen, SELF_TRAINING_WINDOW) // ARTICLES_PER_PARTIAL_EXAMPLE - lately)
